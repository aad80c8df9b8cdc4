-- Installed software; the id is its record's. There are some twenty rows for each machine, so a row is numbers of
-- dictionaries and nothing that the source record knows too. A row reaches its asset through the agent's record, as a
-- finding does.
CREATE TABLE inventory_software (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    agent_native_id TEXT,
    product_term INTEGER,
    vendor_term INTEGER,
    version_term INTEGER,
    type_term INTEGER,
    size INTEGER,
    installed_at INTEGER,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_software_of_agent ON inventory_software (org_id, integration_id, agent_native_id);

-- Vulnerabilities, one row for each machine, product version and CVE; the id is its record's.
CREATE TABLE inventory_vulnerability (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    cve_term INTEGER,
    severity_term INTEGER,
    score REAL,
    exploit_term INTEGER,
    status_term INTEGER,
    mitigation_term INTEGER,
    product_term INTEGER,
    vendor_term INTEGER,
    version_term INTEGER,
    agent_native_id TEXT,
    agent_name TEXT,
    agent_name_folded TEXT,
    agent_type_term INTEGER,
    agent_os_family_term INTEGER,
    detected_at INTEGER,
    published_at INTEGER,
    scanned_at INTEGER,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_vulnerability_of_agent ON inventory_vulnerability (org_id, integration_id, agent_native_id);

-- Users of the console.
CREATE TABLE inventory_user (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT,
    name_folded TEXT,
    email TEXT,
    email_folded TEXT,
    scope_term INTEGER,
    source_term INTEGER,
    lowest_role_term INTEGER,
    two_factor INTEGER,
    two_factor_status_term INTEGER,
    email_verified INTEGER,
    can_make_token INTEGER,
    is_system INTEGER,
    joined_at INTEGER,
    first_login INTEGER,
    last_login INTEGER,
    token_made_at INTEGER,
    token_ends_at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;

-- The roles of a user, each at some account or site, in the console's order.
CREATE TABLE inventory_user_role (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    role_term INTEGER,
    place_term INTEGER,
    place_id_term INTEGER,
    PRIMARY KEY (org_id, record_id, position)
) STRICT, WITHOUT ROWID;

-- Types of activity: the name of each number, as this console has them.
CREATE TABLE inventory_activity_type (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    type INTEGER,
    name_term INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;
CREATE INDEX inventory_activity_type_number ON inventory_activity_type (org_id, integration_id, type);

-- Alerts of custom rules are findings too, and they alone say how bad they are.
ALTER TABLE inventory_finding ADD COLUMN severity_term INTEGER;

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_software', 'inventory_software', '2000000 2000000 1'),
    ('inventory_software', 'inventory_software_of_agent', '2000000 2000000 1000000 20'),
    ('inventory_vulnerability', 'inventory_vulnerability', '500000 500000 1'),
    ('inventory_vulnerability', 'inventory_vulnerability_of_agent', '500000 500000 250000 10'),
    ('inventory_user', 'sqlite_autoindex_inventory_user_1', '500 500 1'),
    ('inventory_activity_type', 'sqlite_autoindex_inventory_activity_type_1', '800 800 1'),
    ('inventory_activity_type', 'inventory_activity_type_number', '800 800 800 1'),
    ('inventory_user_role', 'inventory_user_role', '1000 1000 2 1');
ANALYZE sqlite_schema;
