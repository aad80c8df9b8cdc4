-- Explorers: collectors inside other networks. Until one has enrolled there is a ticket, afterwards a token, and of both
-- only the hash; `public_key` is what secrets are sealed to for it, `kinds` the kinds of work that it knows, by commas.
CREATE TABLE sync_explorer (
    org_id BIGINT NOT NULL,
    explorer_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    ticket_hash BYTEA,
    ticket_ends_at BIGINT,
    token_hash BYTEA,
    public_key BYTEA,
    version TEXT COLLATE "C" NOT NULL DEFAULT '',
    host_name TEXT COLLATE "C" NOT NULL DEFAULT '',
    address TEXT COLLATE "C" NOT NULL DEFAULT '',
    seen_from TEXT COLLATE "C" NOT NULL DEFAULT '',
    kinds TEXT COLLATE "C" NOT NULL DEFAULT '',
    made_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    enrolled_at BIGINT,
    seen_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (org_id, explorer_id)
);
CREATE UNIQUE INDEX sync_explorer_ticket ON sync_explorer (ticket_hash) WHERE ticket_hash IS NOT NULL;
CREATE UNIQUE INDEX sync_explorer_token ON sync_explorer (token_hash) WHERE token_hash IS NOT NULL;

-- Work for an Explorer: what is asked (`kind`, and JSON that belongs to it), until when anybody waits for it, and the
-- answer (JSON, and bytes where there are many). `state` is waiting, taken or answered; who asked takes the row away.
CREATE TABLE sync_explorer_request (
    org_id BIGINT NOT NULL,
    explorer_id BIGINT NOT NULL,
    request_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    deadline_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    taken_at BIGINT,
    answered_at BIGINT,
    answer TEXT COLLATE "C",
    body BYTEA,
    PRIMARY KEY (org_id, explorer_id, request_id)
);
CREATE INDEX sync_explorer_request_deadline ON sync_explorer_request (org_id, deadline_at);

-- Where an integration runs: at an Explorer, or here if there is none.
ALTER TABLE sync_integration ADD COLUMN explorer_id BIGINT;
