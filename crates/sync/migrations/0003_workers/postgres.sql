-- Workers: who holds a stream, how it fared, what was asked for in between, and what is known of the whole console.

-- The lease of a stream or of one of its lanes: the worker, and until when. `attempted_at` is when the latest sweep began
-- or went on, `ended_at` when one last ended (complete or not), `failures` how many in a row did not end well.
ALTER TABLE sync_stream ADD COLUMN lease_owner TEXT COLLATE "C";
ALTER TABLE sync_stream ADD COLUMN lease_until BIGINT;
ALTER TABLE sync_stream ADD COLUMN attempted_at BIGINT;
ALTER TABLE sync_stream ADD COLUMN ended_at BIGINT;
ALTER TABLE sync_stream ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;

-- Why an integration fares as it does, and when the console is probed next (only while nothing is read from it). `sees` is
-- what the token saw when it was connected, `narrowed` what it does not see any more, in words; `clock_skew` is the
-- console's clock minus ours; `warned_days` is the last warning before the token's end.
CREATE TABLE sync_health (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    why TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    probe_at BIGINT,
    checked_at BIGINT,
    clock_skew BIGINT,
    sees TEXT COLLATE "C",
    narrowed TEXT COLLATE "C",
    warned_days BIGINT,
    PRIMARY KEY (org_id, integration_id)
);

-- "Sync now": one row for each stream that somebody asked for, until it has been read and reported.
CREATE TABLE sync_nudge (
    org_id BIGINT NOT NULL,
    nudge_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    whole BIGINT NOT NULL,
    accept_removals BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL,
    finished_at BIGINT,
    report TEXT COLLATE "C",
    PRIMARY KEY (org_id, nudge_id, integration_id, stream)
);
CREATE INDEX sync_nudge_open ON sync_nudge (org_id, integration_id, stream) WHERE finished_at IS NULL;
