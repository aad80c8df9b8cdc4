-- Tasks that scan networks: what, how and when stands in `spec` (JSON). `asked_at` says that somebody wants a run now.
CREATE TABLE sync_scan_task (
    org_id BIGINT NOT NULL,
    scan_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    site TEXT COLLATE "C" NOT NULL,
    spec TEXT COLLATE "C" NOT NULL,
    explorer_id BIGINT,
    enabled BIGINT NOT NULL,
    asked_at BIGINT,
    asked_by TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, scan_id)
);
CREATE UNIQUE INDEX sync_scan_task_name ON sync_scan_task (org_id, name_folded);

-- Their runs. One that is not finished belongs to whoever holds its lease.
CREATE TABLE sync_scan_run (
    org_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    scan_id BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    asked_by TEXT COLLATE "C",
    lease_owner TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT NOT NULL,
    percent BIGINT,
    hosts BIGINT NOT NULL,
    cancelled_by TEXT COLLATE "C",
    finished_at BIGINT,
    status TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    report TEXT COLLATE "C",
    log TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, run_id)
);
-- One at a time in an organization, whoever starts them.
CREATE UNIQUE INDEX sync_scan_run_open ON sync_scan_run (org_id) WHERE finished_at IS NULL;
CREATE INDEX sync_scan_run_of ON sync_scan_run (org_id, scan_id, started_at);

-- Which networks scans may touch; the usual private ones where an organization has chosen none.
CREATE TABLE sync_scan_setting (
    org_id BIGINT NOT NULL,
    allowed TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id)
);
