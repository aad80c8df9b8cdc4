-- What the engine remembers beyond a sweep: scopes, held removals, enrichment, schema drift, the translator's version.

-- `scope`: under which scope of the token the stream was last complete. `reread_at`: when what moves without its time
-- moving was last asked for again. `source`: which of several generations of the API answered. `held`: records that the
-- console no longer shows and that nobody has accepted as gone, of `held_of` present ones, `held_since`.
ALTER TABLE sync_stream ADD COLUMN scope TEXT;
-- Under which scope the latest sweep began: one that sees more has to ask for everything anew.
ALTER TABLE sync_stream ADD COLUMN asked_scope TEXT;
ALTER TABLE sync_stream ADD COLUMN reread_at INTEGER;
ALTER TABLE sync_stream ADD COLUMN source TEXT;
ALTER TABLE sync_stream ADD COLUMN held INTEGER;
ALTER TABLE sync_stream ADD COLUMN held_of INTEGER;
ALTER TABLE sync_stream ADD COLUMN held_since INTEGER;
ALTER TABLE sync_sweep ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
-- Which version of the translator could not understand it.
ALTER TABLE sync_quarantine ADD COLUMN translator INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sync_quarantine_translator ON sync_quarantine (org_id, integration_id, stream, translator);

-- Records whose details are still to be asked for, one request each.
CREATE TABLE sync_enrichment (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (org_id, integration_id, stream, parent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_enrichment_due ON sync_enrichment (org_id, integration_id, stream, due_at, parent_id);

-- What of the console's records did not look as documented, once for each stream, path and kind of surprise.
CREATE TABLE sync_drift (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    example TEXT NOT NULL,
    record_id TEXT NOT NULL,
    times INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream, path, kind)
) STRICT, WITHOUT ROWID;

-- As in the inventory's tables: what the planner is to assume before anybody has counted.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('sync_enrichment', 'sync_enrichment', '100000 100000 50000 50000 1'),
    ('sync_enrichment', 'sync_enrichment_due', '100000 100000 50000 50000 100 1'),
    ('sync_drift', 'sync_drift', '2000 2000 1000 100 2 1');
ANALYZE sqlite_schema;
