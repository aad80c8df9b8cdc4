-- Integrations, and where each of their streams stands. Instants are microseconds, yes and no are 1 and 0.

-- One counter per organization hands out the ids of integrations and sweeps.
CREATE TABLE sync_head (
    org_id INTEGER NOT NULL,
    next_id INTEGER NOT NULL,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

-- One configured console. The token is not here: only which sealed credential holds it, and which version works.
CREATE TABLE sync_integration (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    console_url TEXT NOT NULL,
    console_host TEXT NOT NULL,
    site_id INTEGER NOT NULL,
    site_name TEXT NOT NULL,
    credential_name TEXT NOT NULL,
    credential_version INTEGER NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    detail TEXT NOT NULL,
    scope TEXT,
    role TEXT,
    token_expires_at INTEGER,
    console_version TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id),
    UNIQUE (org_id, name)
) STRICT, WITHOUT ROWID;

-- Where a stream stands: its watermark, and the checkpoint of the sweep under way (sweep_id is null between sweeps).
-- It commits with the page it stands behind. `generation` grows with every pass and fences a forgotten one.
CREATE TABLE sync_stream (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    generation INTEGER NOT NULL,
    watermark INTEGER,
    full_at INTEGER,
    complete_at INTEGER,
    status TEXT,
    complete INTEGER NOT NULL,
    reason TEXT,
    console_total INTEGER,
    sweep_id INTEGER,
    lower_bound INTEGER,
    cursor TEXT,
    page INTEGER NOT NULL,
    position TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream)
) STRICT, WITHOUT ROWID;

-- One pass over a stream, finished or not. Counts are of records, over all the processes that worked on it.
CREATE TABLE sync_sweep (
    org_id INTEGER NOT NULL,
    sweep_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,
    lower_bound INTEGER,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    status TEXT,
    complete INTEGER NOT NULL,
    reason TEXT,
    console_total INTEGER,
    seen INTEGER,
    fetched INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    PRIMARY KEY (org_id, sweep_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_sweep_of_stream ON sync_sweep (org_id, integration_id, stream, sweep_id);

-- Which records each page of a sweep showed, packed: ascending ids as differences. `extra` counts rows that no record
-- stands for (quarantined ones). A sweep that was cut off proves its completeness with these.
CREATE TABLE sync_sweep_page (
    org_id INTEGER NOT NULL,
    sweep_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    part INTEGER NOT NULL,
    ids BLOB NOT NULL,
    extra INTEGER NOT NULL,
    PRIMARY KEY (org_id, sweep_id, page)
) STRICT, WITHOUT ROWID;

-- Records that could not be understood: kept after redaction, or by hash, size and place if they cannot be kept.
CREATE TABLE sync_quarantine (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    raw_hash BLOB NOT NULL,
    native_id TEXT,
    reason TEXT NOT NULL,
    sweep_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    place INTEGER NOT NULL,
    size INTEGER,
    bytes BLOB,
    first_seen_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream, raw_hash)
) STRICT;
