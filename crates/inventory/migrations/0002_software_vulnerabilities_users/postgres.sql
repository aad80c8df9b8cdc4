-- Installed software; the id is its record's. There are some twenty rows for each machine, so a row is numbers of
-- dictionaries and nothing that the source record knows too. A row reaches its asset through the agent's record, as a
-- finding does.
CREATE TABLE inventory_software (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    agent_native_id TEXT COLLATE "C",
    product_term BIGINT,
    vendor_term BIGINT,
    version_term BIGINT,
    type_term BIGINT,
    size BIGINT,
    installed_at BIGINT,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_software_of_agent ON inventory_software (org_id, integration_id, agent_native_id);

-- Vulnerabilities, one row for each machine, product version and CVE; the id is its record's.
CREATE TABLE inventory_vulnerability (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    cve_term BIGINT,
    severity_term BIGINT,
    score DOUBLE PRECISION,
    exploit_term BIGINT,
    status_term BIGINT,
    mitigation_term BIGINT,
    product_term BIGINT,
    vendor_term BIGINT,
    version_term BIGINT,
    agent_native_id TEXT COLLATE "C",
    agent_name TEXT COLLATE "C",
    agent_name_folded TEXT COLLATE "C",
    agent_type_term BIGINT,
    agent_os_family_term BIGINT,
    detected_at BIGINT,
    published_at BIGINT,
    scanned_at BIGINT,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_vulnerability_of_agent ON inventory_vulnerability (org_id, integration_id, agent_native_id);

-- Users of the console.
CREATE TABLE inventory_user (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    email TEXT COLLATE "C",
    email_folded TEXT COLLATE "C",
    scope_term BIGINT,
    source_term BIGINT,
    lowest_role_term BIGINT,
    two_factor BIGINT,
    two_factor_status_term BIGINT,
    email_verified BIGINT,
    can_make_token BIGINT,
    is_system BIGINT,
    joined_at BIGINT,
    first_login BIGINT,
    last_login BIGINT,
    token_made_at BIGINT,
    token_ends_at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);

-- The roles of a user, each at some account or site, in the console's order.
CREATE TABLE inventory_user_role (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    role_term BIGINT,
    place_term BIGINT,
    place_id_term BIGINT,
    PRIMARY KEY (org_id, record_id, position)
);

-- Types of activity: the name of each number, as this console has them.
CREATE TABLE inventory_activity_type (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    type BIGINT,
    name_term BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_activity_type_number ON inventory_activity_type (org_id, integration_id, type);

-- Alerts of custom rules are findings too, and they alone say how bad they are.
ALTER TABLE inventory_finding ADD COLUMN severity_term BIGINT;
