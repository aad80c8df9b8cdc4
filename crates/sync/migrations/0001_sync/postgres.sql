-- Integrations, and where each of their streams stands. Instants are microseconds, yes and no are 1 and 0.

-- One counter per organization hands out the ids of integrations and sweeps.
CREATE TABLE sync_head (
    org_id BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);

-- One configured console. The token is not here: only which sealed credential holds it, and which version works.
CREATE TABLE sync_integration (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    console_url TEXT COLLATE "C" NOT NULL,
    console_host TEXT COLLATE "C" NOT NULL,
    site_id BIGINT NOT NULL,
    site_name TEXT COLLATE "C" NOT NULL,
    credential_name TEXT COLLATE "C" NOT NULL,
    credential_version BIGINT NOT NULL,
    options TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C",
    role TEXT COLLATE "C",
    token_expires_at BIGINT,
    console_version TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id),
    UNIQUE (org_id, name)
);

-- Where a stream stands: its watermark, and the checkpoint of the sweep under way (sweep_id is null between sweeps).
-- It commits with the page it stands behind. `generation` grows with every pass and fences a forgotten one.
CREATE TABLE sync_stream (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    watermark BIGINT,
    full_at BIGINT,
    complete_at BIGINT,
    status TEXT COLLATE "C",
    complete BIGINT NOT NULL,
    reason TEXT COLLATE "C",
    console_total BIGINT,
    sweep_id BIGINT,
    lower_bound BIGINT,
    cursor TEXT COLLATE "C",
    page BIGINT NOT NULL,
    position TEXT COLLATE "C",
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream)
);

-- One pass over a stream, finished or not. Counts are of records, over all the processes that worked on it.
CREATE TABLE sync_sweep (
    org_id BIGINT NOT NULL,
    sweep_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    lower_bound BIGINT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    status TEXT COLLATE "C",
    complete BIGINT NOT NULL,
    reason TEXT COLLATE "C",
    console_total BIGINT,
    seen BIGINT,
    fetched BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    touched BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    PRIMARY KEY (org_id, sweep_id)
);
CREATE INDEX sync_sweep_of_stream ON sync_sweep (org_id, integration_id, stream, sweep_id);

-- Which records each page of a sweep showed, packed: ascending ids as differences. `extra` counts rows that no record
-- stands for (quarantined ones). A sweep that was cut off proves its completeness with these.
CREATE TABLE sync_sweep_page (
    org_id BIGINT NOT NULL,
    sweep_id BIGINT NOT NULL,
    page BIGINT NOT NULL,
    part BIGINT NOT NULL,
    ids BYTEA NOT NULL,
    extra BIGINT NOT NULL,
    PRIMARY KEY (org_id, sweep_id, page)
);

-- Records that could not be understood: kept after redaction, or by hash, size and place if they cannot be kept.
CREATE TABLE sync_quarantine (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    raw_hash BYTEA NOT NULL,
    native_id TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    sweep_id BIGINT NOT NULL,
    page BIGINT NOT NULL,
    place BIGINT NOT NULL,
    size BIGINT,
    bytes BYTEA,
    first_seen_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, stream, raw_hash)
);
