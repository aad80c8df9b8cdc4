-- From now on the inventory knows what integrations are called; it keeps up by itself.
-- Its table may not be there yet: slices come up to date one after the other, in no order that one may count on.
CREATE TABLE IF NOT EXISTS inventory_integration (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, integration_id)
);
INSERT INTO inventory_integration (org_id, integration_id, name, name_folded)
    SELECT org_id, integration_id, name, lower(name) FROM sync_integration;
