-- The log: every version of every record, once, in the order in which it was committed.
-- Instants are microseconds.

-- The next sequence number; the row is locked by whoever records, so that order of numbers is order of commits.
CREATE TABLE signals_head (
    org_id INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

-- Consoles by their canonical host: two integrations of one console share what they log.
CREATE TABLE signals_console (
    org_id INTEGER NOT NULL,
    console_id INTEGER NOT NULL,
    host TEXT NOT NULL,
    PRIMARY KEY (org_id, console_id),
    UNIQUE (org_id, host)
) STRICT, WITHOUT ROWID;

-- The console that an integration reads, as of its latest page.
CREATE TABLE signals_reader (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    console_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id)
) STRICT, WITHOUT ROWID;

-- Raw records, compressed together: a count and lengths as 32-bit little-endian numbers, then the records.
CREATE TABLE signals_block (
    org_id INTEGER NOT NULL,
    block_id INTEGER NOT NULL,
    codec TEXT NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (org_id, block_id)
) STRICT;

-- One version of one record. Its bytes are at `position` in its block.
CREATE TABLE signals_artifact (
    org_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    artifact_id BLOB NOT NULL,
    console_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    native_id TEXT NOT NULL,
    op TEXT NOT NULL,
    version INTEGER NOT NULL,
    source_time INTEGER,
    observed_at INTEGER NOT NULL,
    block_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (org_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_artifact_of_record ON signals_artifact (org_id, console_id, stream, native_id, seq);

-- How far an integration knows a record's artifacts where the latest it knows was logged by another integration.
CREATE TABLE signals_sighting (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, seq)
) STRICT, WITHOUT ROWID;

-- What the planner is to assume before anybody has counted: an organization is the whole table, and only the columns
-- after it tell rows apart. Without this it takes org_id alone for a good key, and walks tables.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('signals_block', 'sqlite_autoindex_signals_block_1', '5000 5000 1'),
    ('signals_artifact', 'signals_artifact', '1000000 1000000 1'),
    ('signals_artifact', 'signals_artifact_of_record', '1000000 1000000 900000 200000 2 1'),
    ('signals_sighting', 'signals_sighting', '200000 200000 100000 1');
ANALYZE sqlite_schema;
