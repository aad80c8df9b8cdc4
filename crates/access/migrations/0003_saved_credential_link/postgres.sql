-- A sealed secret becomes a credential that people see: label is its name for them, name its place among the sealed ones.
ALTER TABLE access_credential ADD COLUMN credential_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_credential ADD COLUMN label TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN label_folded TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN url TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN is_global BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_credential ADD COLUMN custodian TEXT COLLATE "C" NOT NULL DEFAULT 'server';
ALTER TABLE access_credential ADD COLUMN kept_at TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE access_credential ADD COLUMN role TEXT COLLATE "C";
ALTER TABLE access_credential ADD COLUMN scope TEXT COLLATE "C";
ALTER TABLE access_credential ADD COLUMN expires_at BIGINT;
ALTER TABLE access_credential ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_credential ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_credential_version ADD COLUMN fingerprint TEXT COLLATE "C";

UPDATE access_credential SET
    credential_id = (SELECT count(*) FROM access_credential o WHERE o.org_id < access_credential.org_id
        OR (o.org_id = access_credential.org_id AND o.name <= access_credential.name)),
    label = name, label_folded = lower(name), kind = 'sentinelone_api_token';

INSERT INTO access_number (org_id, kind, last) SELECT 0, 'credential', count(*) FROM access_credential;

CREATE UNIQUE INDEX access_credential_label ON access_credential (org_id, label_folded);
CREATE UNIQUE INDEX access_credential_number ON access_credential (org_id, credential_id);

-- Which other organizations may use a credential.
CREATE TABLE access_credential_grant (
    org_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    to_org BIGINT NOT NULL REFERENCES access_org (org_id),
    PRIMARY KEY (org_id, name, to_org),
    FOREIGN KEY (org_id, name) REFERENCES access_credential (org_id, name) ON DELETE CASCADE
);

-- A link by which somebody without an account hands over a credential. Of its token there is only the hash.
CREATE TABLE access_link (
    org_id BIGINT NOT NULL REFERENCES access_org (org_id),
    link_id TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL,
    connector TEXT COLLATE "C" NOT NULL,
    host TEXT COLLATE "C",
    recipient TEXT COLLATE "C" NOT NULL,
    explorer TEXT COLLATE "C",
    integration_id BIGINT,
    credential_id BIGINT,
    made_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    state_at BIGINT NOT NULL,
    state_why TEXT COLLATE "C" NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (org_id, link_id)
);

CREATE INDEX access_link_token ON access_link (token_hash);
