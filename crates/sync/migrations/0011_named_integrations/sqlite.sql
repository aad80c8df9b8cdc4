-- From now on the inventory knows what integrations are called; it keeps up by itself.
-- Its table may not be there yet: slices come up to date one after the other, in no order that one may count on.
CREATE TABLE IF NOT EXISTS inventory_integration (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id)
) STRICT, WITHOUT ROWID;
INSERT INTO inventory_integration (org_id, integration_id, name, name_folded)
    SELECT org_id, integration_id, name, lower(name) FROM sync_integration;
