-- What integrations are called, so that a question can name one. It stays when one is removed: what it said is still here.
CREATE TABLE inventory_integration (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id)
) STRICT, WITHOUT ROWID;
