-- Who follows the log: sinks, the full-text index, retention. Instants are microseconds.

-- Where artifacts are delivered. All artifacts up to `acked` were delivered, refused for good, or filtered out.
CREATE TABLE signals_sink (
    org_id BIGINT NOT NULL,
    sink_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- JSON, for the kind to read.
    settings TEXT COLLATE "C" NOT NULL,
    -- A question in the language; empty: everything.
    filter TEXT COLLATE "C" NOT NULL,
    -- How much of the log, in stored bytes, may wait before the sink is detached; null: any amount.
    lag_bytes_max BIGINT,
    acked BIGINT NOT NULL,
    -- What the receiver wants to find again: committed with `acked`. JSON.
    place TEXT COLLATE "C" NOT NULL,
    -- ready, waiting, detached
    state TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    -- Attempts since the last one that worked, and when the next may be made.
    attempts BIGINT NOT NULL,
    next_at BIGINT,
    -- Artifacts delivered since the sink was made, counting repetitions, and when the last one was.
    delivered BIGINT NOT NULL,
    delivered_at BIGINT,
    -- Who delivers at present, until when. A change of generation fences whoever began before it.
    lease_owner TEXT COLLATE "C",
    lease_until BIGINT,
    generation BIGINT NOT NULL,
    PRIMARY KEY (org_id, sink_id),
    UNIQUE (org_id, name)
);

-- Artifacts that a receiver refused for good.
CREATE TABLE signals_dead_letter (
    org_id BIGINT NOT NULL,
    sink_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    refused_at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, sink_id, seq)
);

-- How far the full-text index has read the log, and how many artifacts had more words than it takes.
CREATE TABLE signals_text_head (
    org_id BIGINT NOT NULL,
    indexed BIGINT NOT NULL,
    cut BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);

-- The words of each artifact. They are folded and parted in Rust, so that both databases find the same.
CREATE TABLE signals_text (
    org_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX signals_text_words ON signals_text USING gin (words);

-- The artifacts that a question finds, as SQLite's full-text table has it: "word" AND "begin" *, and a row's number is
-- org_id * 2^40 + seq. It is put in line, so that the index is used. Words hold no quotes.
CREATE FUNCTION signals_text (question TEXT) RETURNS TABLE (rowid BIGINT) LANGUAGE sql STABLE AS $$
    SELECT x.org_id * 1099511627776 + x.seq FROM signals_text x
    WHERE x.words @@ CAST(replace(replace(replace(question, '" *', ''':*'), '"', ''''), ' AND ', ' & ') AS tsquery)
$$;

-- What is kept how long, and what was removed so far.
CREATE TABLE signals_retention (
    org_id BIGINT NOT NULL,
    keep_days BIGINT,
    keep_bytes BIGINT,
    removed_artifacts BIGINT NOT NULL,
    removed_bytes BIGINT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (org_id)
);

-- The first eight bytes of the ids of removed artifacts, so that no id is ever given twice.
CREATE TABLE signals_removed (
    org_id BIGINT NOT NULL,
    digest BIGINT NOT NULL,
    PRIMARY KEY (org_id, digest)
);
