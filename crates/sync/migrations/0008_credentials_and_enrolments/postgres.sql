-- The saved credential whose secret opens the console; nothing where the integration keeps a token of its own. It may belong
-- to another organization that granted it.
ALTER TABLE sync_integration ADD COLUMN credential_id BIGINT;
CREATE INDEX sync_integration_credential ON sync_integration (credential_id) WHERE credential_id IS NOT NULL;

-- Who asked for a connector that is still on trial, and who allowed it.
CREATE TABLE sync_enrolment (
    org_id BIGINT NOT NULL,
    connector TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL,
    allowed_at BIGINT,
    allowed_by TEXT COLLATE "C",
    PRIMARY KEY (org_id, connector)
);
