-- The tenant boundary. The head of the audit trail is here, so that taking the next number locks the organization's row.
CREATE TABLE access_org (
    org_id         BIGINT NOT NULL PRIMARY KEY,
    name           TEXT   COLLATE "C" NOT NULL UNIQUE,
    audit_seq_last BIGINT NOT NULL DEFAULT 0
);

INSERT INTO access_org (org_id, name) VALUES (1, 'default');

-- A named secret; its versions are below. A version above the active one is proposed and has not worked yet.
CREATE TABLE access_credential (
    org_id         BIGINT NOT NULL REFERENCES access_org (org_id),
    name           TEXT   COLLATE "C" NOT NULL,
    version_last   BIGINT NOT NULL,
    version_active BIGINT,
    PRIMARY KEY (org_id, name)
);

CREATE TABLE access_credential_version (
    org_id  BIGINT NOT NULL,
    name    TEXT   COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    key_id  TEXT   COLLATE "C" NOT NULL,
    nonce   BYTEA  NOT NULL,
    sealed  BYTEA  NOT NULL,
    PRIMARY KEY (org_id, name, version),
    FOREIGN KEY (org_id, name) REFERENCES access_credential (org_id, name) ON DELETE CASCADE
);

-- Who did what, when. Rows are added and never touched again.
CREATE TABLE access_audit (
    org_id  BIGINT NOT NULL REFERENCES access_org (org_id),
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    who     TEXT   COLLATE "C" NOT NULL,
    what    TEXT   COLLATE "C" NOT NULL,
    subject TEXT   COLLATE "C" NOT NULL,
    detail  TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, seq)
);

CREATE FUNCTION access_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation';
END;
$$;

CREATE TRIGGER access_audit_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON access_audit
FOR EACH STATEMENT EXECUTE FUNCTION access_audit_refuse();
