-- The tenant boundary. The head of the audit trail is here, so that taking the next number locks the organization's row.
CREATE TABLE access_org (
    org_id         INTEGER NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    audit_seq_last INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO access_org (org_id, name) VALUES (1, 'default');

-- A named secret; its versions are below. A version above the active one is proposed and has not worked yet.
CREATE TABLE access_credential (
    org_id         INTEGER NOT NULL REFERENCES access_org (org_id),
    name           TEXT    NOT NULL,
    version_last   INTEGER NOT NULL,
    version_active INTEGER,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_credential_version (
    org_id  INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    key_id  TEXT    NOT NULL,
    nonce   BLOB    NOT NULL,
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (org_id, name, version),
    FOREIGN KEY (org_id, name) REFERENCES access_credential (org_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Who did what, when. Rows are added and never touched again.
CREATE TABLE access_audit (
    org_id  INTEGER NOT NULL REFERENCES access_org (org_id),
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    PRIMARY KEY (org_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER access_audit_keeps_rows BEFORE DELETE ON access_audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER access_audit_keeps_words BEFORE UPDATE ON access_audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
