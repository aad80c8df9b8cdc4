-- What integrations are called, so that a question can name one. It stays when one is removed: what it said is still here.
CREATE TABLE inventory_integration (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, integration_id)
);
