-- What the engine remembers beyond a sweep: scopes, held removals, enrichment, schema drift, the translator's version.

-- `scope`: under which scope of the token the stream was last complete. `reread_at`: when what moves without its time
-- moving was last asked for again. `source`: which of several generations of the API answered. `held`: records that the
-- console no longer shows and that nobody has accepted as gone, of `held_of` present ones, `held_since`.
ALTER TABLE sync_stream ADD COLUMN scope TEXT COLLATE "C";
-- Under which scope the latest sweep began: one that sees more has to ask for everything anew.
ALTER TABLE sync_stream ADD COLUMN asked_scope TEXT COLLATE "C";
ALTER TABLE sync_stream ADD COLUMN reread_at BIGINT;
ALTER TABLE sync_stream ADD COLUMN source TEXT COLLATE "C";
ALTER TABLE sync_stream ADD COLUMN held BIGINT;
ALTER TABLE sync_stream ADD COLUMN held_of BIGINT;
ALTER TABLE sync_stream ADD COLUMN held_since BIGINT;
ALTER TABLE sync_sweep ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;
-- Which version of the translator could not understand it.
ALTER TABLE sync_quarantine ADD COLUMN translator BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sync_quarantine_translator ON sync_quarantine (org_id, integration_id, stream, translator);

-- Records whose details are still to be asked for, one request each.
CREATE TABLE sync_enrichment (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    parent_id TEXT COLLATE "C" NOT NULL,
    queued_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    reason TEXT COLLATE "C",
    PRIMARY KEY (org_id, integration_id, stream, parent_id)
);
CREATE INDEX sync_enrichment_due ON sync_enrichment (org_id, integration_id, stream, due_at, parent_id);

-- What of the console's records did not look as documented, once for each stream, path and kind of surprise.
CREATE TABLE sync_drift (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    example TEXT COLLATE "C" NOT NULL,
    record_id TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream, path, kind)
);
