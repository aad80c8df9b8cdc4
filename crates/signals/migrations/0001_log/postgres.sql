-- The log: every version of every record, once, in the order in which it was committed.
-- Instants are microseconds.

-- The next sequence number; the row is locked by whoever records, so that order of numbers is order of commits.
CREATE TABLE signals_head (
    org_id BIGINT NOT NULL,
    next_seq BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);

-- Consoles by their canonical host: two integrations of one console share what they log.
CREATE TABLE signals_console (
    org_id BIGINT NOT NULL,
    console_id BIGINT NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, console_id),
    UNIQUE (org_id, host)
);

-- The console that an integration reads, as of its latest page.
CREATE TABLE signals_reader (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    console_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id)
);

-- Raw records, compressed together: a count and lengths as 32-bit little-endian numbers, then the records.
CREATE TABLE signals_block (
    org_id BIGINT NOT NULL,
    block_id BIGINT NOT NULL,
    codec TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (org_id, block_id)
);

-- One version of one record. Its bytes are at `position` in its block.
CREATE TABLE signals_artifact (
    org_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    artifact_id BYTEA NOT NULL,
    console_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    op TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    source_time BIGINT,
    observed_at BIGINT NOT NULL,
    block_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX signals_artifact_of_record ON signals_artifact (org_id, console_id, stream, native_id, seq);

-- How far an integration knows a record's artifacts where the latest it knows was logged by another integration.
CREATE TABLE signals_sighting (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, seq)
);
