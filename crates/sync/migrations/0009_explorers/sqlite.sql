-- Explorers: collectors inside other networks. Until one has enrolled there is a ticket, afterwards a token, and of both
-- only the hash; `public_key` is what secrets are sealed to for it, `kinds` the kinds of work that it knows, by commas.
CREATE TABLE sync_explorer (
    org_id INTEGER NOT NULL,
    explorer_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    ticket_hash BLOB,
    ticket_ends_at INTEGER,
    token_hash BLOB,
    public_key BLOB,
    version TEXT NOT NULL DEFAULT '',
    host_name TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    seen_from TEXT NOT NULL DEFAULT '',
    kinds TEXT NOT NULL DEFAULT '',
    made_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    enrolled_at INTEGER,
    seen_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (org_id, explorer_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sync_explorer_ticket ON sync_explorer (ticket_hash) WHERE ticket_hash IS NOT NULL;
CREATE UNIQUE INDEX sync_explorer_token ON sync_explorer (token_hash) WHERE token_hash IS NOT NULL;

-- Work for an Explorer: what is asked (`kind`, and JSON that belongs to it), until when anybody waits for it, and the
-- answer (JSON, and bytes where there are many). `state` is waiting, taken or answered; who asked takes the row away.
CREATE TABLE sync_explorer_request (
    org_id INTEGER NOT NULL,
    explorer_id INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    taken_at INTEGER,
    answered_at INTEGER,
    answer TEXT,
    body BLOB,
    PRIMARY KEY (org_id, explorer_id, request_id)
) STRICT;
CREATE INDEX sync_explorer_request_deadline ON sync_explorer_request (org_id, deadline_at);

-- Where an integration runs: at an Explorer, or here if there is none.
ALTER TABLE sync_integration ADD COLUMN explorer_id INTEGER;
