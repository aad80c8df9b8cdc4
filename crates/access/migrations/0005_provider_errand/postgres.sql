-- Whether an invited person is recognised by the e-mail address alone that the provider vouches for.
ALTER TABLE access_provider ADD COLUMN by_email BIGINT NOT NULL DEFAULT 0;

-- What somebody was sent to the provider for: to link it to who has a session, to accept an invitation, or neither: to sign in.
ALTER TABLE access_provider_attempt ADD COLUMN session_id TEXT COLLATE "C";
ALTER TABLE access_provider_attempt ADD COLUMN ticket_hash BYTEA;
