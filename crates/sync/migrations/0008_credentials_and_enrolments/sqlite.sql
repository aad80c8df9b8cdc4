-- The saved credential whose secret opens the console; nothing where the integration keeps a token of its own. It may belong
-- to another organization that granted it.
ALTER TABLE sync_integration ADD COLUMN credential_id INTEGER;
CREATE INDEX sync_integration_credential ON sync_integration (credential_id) WHERE credential_id IS NOT NULL;

-- Who asked for a connector that is still on trial, and who allowed it.
CREATE TABLE sync_enrolment (
    org_id INTEGER NOT NULL,
    connector TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    allowed_at INTEGER,
    allowed_by TEXT,
    PRIMARY KEY (org_id, connector)
) STRICT, WITHOUT ROWID;
