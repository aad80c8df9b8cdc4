-- A sealed secret becomes a credential that people see: label is its name for them, name its place among the sealed ones.
ALTER TABLE access_credential ADD COLUMN credential_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_credential ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN label_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN url TEXT NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN is_global INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_credential ADD COLUMN custodian TEXT NOT NULL DEFAULT 'server';
ALTER TABLE access_credential ADD COLUMN kept_at TEXT NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN role TEXT;
ALTER TABLE access_credential ADD COLUMN scope TEXT;
ALTER TABLE access_credential ADD COLUMN expires_at INTEGER;
ALTER TABLE access_credential ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_credential ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_credential_version ADD COLUMN fingerprint TEXT;

UPDATE access_credential SET
    credential_id = (SELECT count(*) FROM access_credential o WHERE o.org_id < access_credential.org_id
        OR (o.org_id = access_credential.org_id AND o.name <= access_credential.name)),
    label = name, label_folded = lower(name), kind = 'sentinelone_api_token';

INSERT INTO access_number (org_id, kind, last) SELECT 0, 'credential', count(*) FROM access_credential;

CREATE UNIQUE INDEX access_credential_label ON access_credential (org_id, label_folded);
CREATE UNIQUE INDEX access_credential_number ON access_credential (org_id, credential_id);

-- Which other organizations may use a credential.
CREATE TABLE access_credential_grant (
    org_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    to_org INTEGER NOT NULL REFERENCES access_org (org_id),
    PRIMARY KEY (org_id, name, to_org),
    FOREIGN KEY (org_id, name) REFERENCES access_credential (org_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- A link by which somebody without an account hands over a credential. Of its token there is only the hash.
CREATE TABLE access_link (
    org_id INTEGER NOT NULL REFERENCES access_org (org_id),
    link_id TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    connector TEXT NOT NULL,
    host TEXT,
    recipient TEXT NOT NULL,
    explorer TEXT,
    integration_id INTEGER,
    credential_id INTEGER,
    made_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_at INTEGER NOT NULL,
    state_why TEXT NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (org_id, link_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_link_token ON access_link (token_hash);
