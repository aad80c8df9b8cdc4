-- Tasks that scan networks: what, how and when stands in `spec` (JSON). `asked_at` says that somebody wants a run now.
CREATE TABLE sync_scan_task (
    org_id INTEGER NOT NULL,
    scan_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    site TEXT NOT NULL,
    spec TEXT NOT NULL,
    explorer_id INTEGER,
    enabled INTEGER NOT NULL,
    asked_at INTEGER,
    asked_by TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, scan_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sync_scan_task_name ON sync_scan_task (org_id, name_folded);

-- Their runs. One that is not finished belongs to whoever holds its lease.
CREATE TABLE sync_scan_run (
    org_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    scan_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    asked_by TEXT,
    lease_owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    percent INTEGER,
    hosts INTEGER NOT NULL,
    cancelled_by TEXT,
    finished_at INTEGER,
    status TEXT,
    reason TEXT,
    report TEXT,
    log TEXT NOT NULL,
    PRIMARY KEY (org_id, run_id)
) STRICT, WITHOUT ROWID;
-- One at a time in an organization, whoever starts them.
CREATE UNIQUE INDEX sync_scan_run_open ON sync_scan_run (org_id) WHERE finished_at IS NULL;
CREATE INDEX sync_scan_run_of ON sync_scan_run (org_id, scan_id, started_at);

-- Which networks scans may touch; the usual private ones where an organization has chosen none.
CREATE TABLE sync_scan_setting (
    org_id INTEGER NOT NULL,
    allowed TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;
