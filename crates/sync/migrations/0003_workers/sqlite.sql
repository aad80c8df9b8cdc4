-- Workers: who holds a stream, how it fared, what was asked for in between, and what is known of the whole console.

-- The lease of a stream or of one of its lanes: the worker, and until when. `attempted_at` is when the latest sweep began
-- or went on, `ended_at` when one last ended (complete or not), `failures` how many in a row did not end well.
ALTER TABLE sync_stream ADD COLUMN lease_owner TEXT;
ALTER TABLE sync_stream ADD COLUMN lease_until INTEGER;
ALTER TABLE sync_stream ADD COLUMN attempted_at INTEGER;
ALTER TABLE sync_stream ADD COLUMN ended_at INTEGER;
ALTER TABLE sync_stream ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;

-- Why an integration fares as it does, and when the console is probed next (only while nothing is read from it). `sees` is
-- what the token saw when it was connected, `narrowed` what it does not see any more, in words; `clock_skew` is the
-- console's clock minus ours; `warned_days` is the last warning before the token's end.
CREATE TABLE sync_health (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    why TEXT,
    subject TEXT,
    probe_at INTEGER,
    checked_at INTEGER,
    clock_skew INTEGER,
    sees TEXT,
    narrowed TEXT,
    warned_days INTEGER,
    PRIMARY KEY (org_id, integration_id)
) STRICT;

-- "Sync now": one row for each stream that somebody asked for, until it has been read and reported.
CREATE TABLE sync_nudge (
    org_id INTEGER NOT NULL,
    nudge_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    whole INTEGER NOT NULL,
    accept_removals INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    finished_at INTEGER,
    report TEXT,
    PRIMARY KEY (org_id, nudge_id, integration_id, stream)
) STRICT;
CREATE INDEX sync_nudge_open ON sync_nudge (org_id, integration_id, stream) WHERE finished_at IS NULL;
