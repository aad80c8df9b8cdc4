-- Who follows the log: sinks, the full-text index, retention. Instants are microseconds.

-- Where artifacts are delivered. All artifacts up to `acked` were delivered, refused for good, or filtered out.
CREATE TABLE signals_sink (
    org_id INTEGER NOT NULL,
    sink_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- JSON, for the kind to read.
    settings TEXT NOT NULL,
    -- A question in the language; empty: everything.
    filter TEXT NOT NULL,
    -- How much of the log, in stored bytes, may wait before the sink is detached; null: any amount.
    lag_bytes_max INTEGER,
    acked INTEGER NOT NULL,
    -- What the receiver wants to find again: committed with `acked`. JSON.
    place TEXT NOT NULL,
    -- ready, waiting, detached
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    detail TEXT NOT NULL,
    -- Attempts since the last one that worked, and when the next may be made.
    attempts INTEGER NOT NULL,
    next_at INTEGER,
    -- Artifacts delivered since the sink was made, counting repetitions, and when the last one was.
    delivered INTEGER NOT NULL,
    delivered_at INTEGER,
    -- Who delivers at present, until when. A change of generation fences whoever began before it.
    lease_owner TEXT,
    lease_until INTEGER,
    generation INTEGER NOT NULL,
    PRIMARY KEY (org_id, sink_id),
    UNIQUE (org_id, name)
) STRICT, WITHOUT ROWID;

-- Artifacts that a receiver refused for good.
CREATE TABLE signals_dead_letter (
    org_id INTEGER NOT NULL,
    sink_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    refused_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (org_id, sink_id, seq)
) STRICT, WITHOUT ROWID;

-- How far the full-text index has read the log, and how many artifacts had more words than it takes.
CREATE TABLE signals_text_head (
    org_id INTEGER NOT NULL,
    indexed INTEGER NOT NULL,
    cut INTEGER NOT NULL,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

-- The words of each artifact. They are folded and parted in Rust, so that both databases find the same; the ASCII
-- tokenizer then parts them at the spaces between them. rowid is org_id * 2^40 + seq.
CREATE VIRTUAL TABLE signals_text USING fts5 (
    words, content = '', contentless_delete = 1, detail = 'none', tokenize = 'ascii'
);

-- What is kept how long, and what was removed so far.
CREATE TABLE signals_retention (
    org_id INTEGER NOT NULL,
    keep_days INTEGER,
    keep_bytes INTEGER,
    removed_artifacts INTEGER NOT NULL,
    removed_bytes INTEGER NOT NULL,
    removed_at INTEGER,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

-- The first eight bytes of the ids of removed artifacts, so that no id is ever given twice.
CREATE TABLE signals_removed (
    org_id INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    PRIMARY KEY (org_id, digest)
) STRICT, WITHOUT ROWID;
