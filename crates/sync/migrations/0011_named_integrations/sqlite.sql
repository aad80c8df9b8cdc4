-- From now on the inventory knows what integrations are called; it keeps up by itself.
INSERT INTO inventory_integration (org_id, integration_id, name, name_folded)
    SELECT org_id, integration_id, name, lower(name) FROM sync_integration;
