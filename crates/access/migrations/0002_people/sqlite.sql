ALTER TABLE access_org ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;

-- The last number given to a thing of a kind; organization 0 stands for the installation.
CREATE TABLE access_number (
    org_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (org_id, kind)
) STRICT, WITHOUT ROWID;

-- People belong to the installation and are members of organizations. The login is an e-mail address, folded.
CREATE TABLE access_person (
    person_id INTEGER NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    password TEXT,
    created_at INTEGER NOT NULL,
    signed_in_at INTEGER
) STRICT;

CREATE TABLE access_member (
    org_id INTEGER NOT NULL REFERENCES access_org (org_id),
    person_id INTEGER NOT NULL REFERENCES access_person (person_id),
    role TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_member_of ON access_member (person_id, org_id);

-- How a person is known to an identity provider.
CREATE TABLE access_identity (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id INTEGER NOT NULL REFERENCES access_person (person_id),
    since INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_identity_of ON access_identity (person_id);

-- The sealed secret of a time-based code. It counts once confirmed_at is set; step_last is the last step accepted.
CREATE TABLE access_second_factor (
    person_id INTEGER NOT NULL PRIMARY KEY REFERENCES access_person (person_id),
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    confirmed_at INTEGER,
    step_last INTEGER NOT NULL
) STRICT;

CREATE TABLE access_recovery_code (
    person_id INTEGER NOT NULL REFERENCES access_person (person_id),
    code_hash BLOB NOT NULL,
    PRIMARY KEY (person_id, code_hash)
) STRICT, WITHOUT ROWID;

-- org_id is the organization that the person looks at, 0 where there is none.
CREATE TABLE access_session (
    session_id TEXT NOT NULL PRIMARY KEY,
    token_hash BLOB NOT NULL,
    person_id INTEGER NOT NULL REFERENCES access_person (person_id),
    org_id INTEGER NOT NULL,
    stage TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_session_token ON access_session (token_hash);
CREATE INDEX access_session_of ON access_session (person_id, created_at);

CREATE TABLE access_api_token (
    org_id INTEGER NOT NULL REFERENCES access_org (org_id),
    token_id INTEGER NOT NULL,
    token_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    reach TEXT NOT NULL,
    person_id INTEGER NOT NULL REFERENCES access_person (person_id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (org_id, token_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_api_token_hash ON access_api_token (token_hash);

-- Links of the installation that work once: its first set-up (person_id is null), and a password to choose.
CREATE TABLE access_ticket (
    token_hash BLOB NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    person_id INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Failures, under hashes of logins and addresses.
CREATE TABLE access_throttle (
    kind TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    failures INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_throttle_age ON access_throttle (at);

-- The identity provider of the installation, its client secret sealed.
CREATE TABLE access_provider (
    name TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    domains TEXT NOT NULL,
    provision_org INTEGER,
    provision_role TEXT
) STRICT, WITHOUT ROWID;

-- A sign-in on its way to the provider and back. All its secrets are made from the one in the browser's cookie.
CREATE TABLE access_provider_attempt (
    browser_hash BLOB NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    return_to TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
