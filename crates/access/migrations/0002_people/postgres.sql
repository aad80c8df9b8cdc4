ALTER TABLE access_org ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;

-- The last number given to a thing of a kind; organization 0 stands for the installation.
CREATE TABLE access_number (
    org_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (org_id, kind)
);

-- People belong to the installation and are members of organizations. The login is an e-mail address, folded.
CREATE TABLE access_person (
    person_id BIGINT NOT NULL PRIMARY KEY,
    login TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    password TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT
);

CREATE TABLE access_member (
    org_id BIGINT NOT NULL REFERENCES access_org (org_id),
    person_id BIGINT NOT NULL REFERENCES access_person (person_id),
    role TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, person_id)
);

CREATE INDEX access_member_of ON access_member (person_id, org_id);

-- How a person is known to an identity provider.
CREATE TABLE access_identity (
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    person_id BIGINT NOT NULL REFERENCES access_person (person_id),
    since BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX access_identity_of ON access_identity (person_id);

-- The sealed secret of a time-based code. It counts once confirmed_at is set; step_last is the last step accepted.
CREATE TABLE access_second_factor (
    person_id BIGINT NOT NULL PRIMARY KEY REFERENCES access_person (person_id),
    key_id TEXT COLLATE "C" NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    confirmed_at BIGINT,
    step_last BIGINT NOT NULL
);

CREATE TABLE access_recovery_code (
    person_id BIGINT NOT NULL REFERENCES access_person (person_id),
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (person_id, code_hash)
);

-- org_id is the organization that the person looks at, 0 where there is none.
CREATE TABLE access_session (
    session_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash BYTEA NOT NULL,
    person_id BIGINT NOT NULL REFERENCES access_person (person_id),
    org_id BIGINT NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL
);

CREATE INDEX access_session_token ON access_session (token_hash);
CREATE INDEX access_session_of ON access_session (person_id, created_at);

CREATE TABLE access_api_token (
    org_id BIGINT NOT NULL REFERENCES access_org (org_id),
    token_id BIGINT NOT NULL,
    token_hash BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    reach TEXT COLLATE "C" NOT NULL,
    person_id BIGINT NOT NULL REFERENCES access_person (person_id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (org_id, token_id)
);

CREATE INDEX access_api_token_hash ON access_api_token (token_hash);

-- Links of the installation that work once: its first set-up (person_id is null), and a password to choose.
CREATE TABLE access_ticket (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    person_id BIGINT,
    expires_at BIGINT NOT NULL
);

-- Failures, under hashes of logins and addresses.
CREATE TABLE access_throttle (
    kind TEXT COLLATE "C" NOT NULL,
    key_hash BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (kind, key_hash)
);

CREATE INDEX access_throttle_age ON access_throttle (at);

-- The identity provider of the installation, its client secret sealed.
CREATE TABLE access_provider (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    issuer TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    domains TEXT COLLATE "C" NOT NULL,
    provision_org BIGINT,
    provision_role TEXT COLLATE "C"
);

-- A sign-in on its way to the provider and back. All its secrets are made from the one in the browser's cookie.
CREATE TABLE access_provider_attempt (
    browser_hash BYTEA NOT NULL PRIMARY KEY,
    provider TEXT COLLATE "C" NOT NULL,
    return_to TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
