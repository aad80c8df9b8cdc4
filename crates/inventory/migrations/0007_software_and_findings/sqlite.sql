-- What is installed is told in releases: one version of one product, as a console spells it, once for all machines.
-- A title is a product and its maker without the noise in their names: what people compare. A release that was stored
-- before its title was made has none until the next page is applied.
CREATE TABLE inventory_release (
    org_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    product_term INTEGER,
    vendor_term INTEGER,
    version_term INTEGER,
    type_term INTEGER,
    cpe_term INTEGER,
    title_id INTEGER,
    plain_term INTEGER,
    maker_term INTEGER,
    PRIMARY KEY (org_id, release_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_release_of_title ON inventory_release (org_id, title_id);

CREATE TABLE inventory_title (
    org_id INTEGER NOT NULL,
    title_id INTEGER NOT NULL,
    plain_term INTEGER,
    maker_term INTEGER,
    PRIMARY KEY (org_id, title_id)
) STRICT, WITHOUT ROWID;

-- Agents that something was told about before they themselves were: the number that their record will have.
CREATE TABLE inventory_expected (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, native_id),
    UNIQUE (org_id, record_id)
) STRICT, WITHOUT ROWID;
INSERT INTO inventory_expected (org_id, integration_id, native_id, record_id)
    SELECT u.org_id, u.integration_id, u.agent_native_id,
        h.next_id - 1 + ROW_NUMBER() OVER (PARTITION BY u.org_id ORDER BY u.integration_id, u.agent_native_id)
    FROM (SELECT org_id, integration_id, agent_native_id FROM inventory_software
          UNION SELECT org_id, integration_id, agent_native_id FROM inventory_vulnerability) u
    JOIN inventory_head h ON h.org_id = u.org_id
    WHERE u.agent_native_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM inventory_source_record r
        WHERE r.org_id = u.org_id AND r.integration_id = u.integration_id AND r.stream = 'agents'
        AND r.native_id = u.agent_native_id);
UPDATE inventory_head SET next_id = next_id
    + (SELECT COUNT(*) FROM inventory_expected e WHERE e.org_id = inventory_head.org_id);

INSERT INTO inventory_release (org_id, release_id, product_term, vendor_term, version_term, type_term)
    SELECT u.org_id,
        h.next_id - 1 + ROW_NUMBER() OVER (PARTITION BY u.org_id
            ORDER BY u.product_term, u.vendor_term, u.version_term, u.type_term),
        u.product_term, u.vendor_term, u.version_term, u.type_term
    FROM (SELECT org_id, product_term, vendor_term, version_term, type_term FROM inventory_software
          UNION SELECT org_id, product_term, vendor_term, version_term, NULL FROM inventory_vulnerability) u
    JOIN inventory_head h ON h.org_id = u.org_id
    WHERE u.product_term IS NOT NULL;
UPDATE inventory_head SET stamp = stamp + 1, next_id = next_id
    + (SELECT COUNT(*) FROM inventory_release e WHERE e.org_id = inventory_head.org_id);

-- Installed software; the id is its record's. agent_record_id is the record of the agent on that machine, known or
-- expected; gone is 1 once the source no longer has it. Rows are many: they hold numbers, and times in seconds.
DROP INDEX inventory_software_of_agent;
ALTER TABLE inventory_software RENAME TO inventory_software_before;
CREATE TABLE inventory_software (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    agent_record_id INTEGER,
    release_id INTEGER,
    size INTEGER,
    installed_second INTEGER,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
INSERT INTO inventory_software (
    org_id, record_id, integration_id, gone, agent_record_id, release_id, size, installed_second
)
    SELECT s.org_id, s.record_id, s.integration_id, CASE p.state WHEN 'retired' THEN 1 ELSE 0 END,
        COALESCE(a.record_id, e.record_id), i.release_id, s.size,
        s.installed_at / 1000000 - CASE WHEN s.installed_at % 1000000 < 0 THEN 1 ELSE 0 END
    FROM inventory_software_before s
    LEFT JOIN inventory_source_record p ON p.org_id = s.org_id AND p.record_id = s.record_id
    LEFT JOIN inventory_source_record a ON a.org_id = s.org_id AND a.integration_id = s.integration_id
        AND a.stream = 'agents' AND a.native_id = s.agent_native_id
    LEFT JOIN inventory_expected e ON e.org_id = s.org_id AND e.integration_id = s.integration_id
        AND e.native_id = s.agent_native_id
    LEFT JOIN inventory_release i ON i.org_id = s.org_id AND i.product_term = s.product_term
        AND COALESCE(i.vendor_term, 0) = COALESCE(s.vendor_term, 0)
        AND COALESCE(i.version_term, 0) = COALESCE(s.version_term, 0)
        AND COALESCE(i.type_term, 0) = COALESCE(s.type_term, 0)
    ORDER BY s.org_id, s.record_id;
DROP TABLE inventory_software_before;
CREATE INDEX inventory_software_of_agent ON inventory_software (org_id, agent_record_id);
CREATE INDEX inventory_software_of_release ON inventory_software (org_id, release_id, agent_record_id);

-- What is known of a public vulnerability, once for all that have it, as last told.
CREATE TABLE inventory_cve (
    org_id INTEGER NOT NULL,
    cve_term INTEGER NOT NULL,
    severity_term INTEGER,
    score REAL,
    cvss_version_term INTEGER,
    nvd_score REAL,
    nvd_version_term INTEGER,
    risk_score REAL,
    published_at INTEGER,
    told_at INTEGER,
    PRIMARY KEY (org_id, cve_term)
) STRICT, WITHOUT ROWID;
INSERT INTO inventory_cve (org_id, cve_term, severity_term, score, published_at, told_at)
    SELECT org_id, cve_term, MAX(severity_term), MAX(score), MAX(published_at), MAX(scanned_at)
    FROM inventory_vulnerability WHERE cve_term IS NOT NULL GROUP BY org_id, cve_term;

-- Vulnerabilities, one row for each machine, product version and CVE; the id is its record's.
DROP INDEX inventory_vulnerability_of_agent;
ALTER TABLE inventory_vulnerability RENAME TO inventory_vulnerability_before;
CREATE TABLE inventory_vulnerability (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    agent_record_id INTEGER,
    release_id INTEGER,
    cve_term INTEGER,
    severity_term INTEGER,
    score REAL,
    exploit_term INTEGER,
    remediation_term INTEGER,
    report_term INTEGER,
    status_term INTEGER,
    mitigation_term INTEGER,
    mark_term INTEGER,
    agent_name TEXT,
    agent_name_folded TEXT,
    agent_type_term INTEGER,
    agent_os_family_term INTEGER,
    detected_at INTEGER,
    scanned_at INTEGER,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
INSERT INTO inventory_vulnerability (
    org_id, record_id, integration_id, gone, agent_record_id, release_id, cve_term, severity_term, score, exploit_term,
    status_term, mitigation_term, agent_name, agent_name_folded, agent_type_term, agent_os_family_term, detected_at,
    scanned_at
)
    SELECT s.org_id, s.record_id, s.integration_id, CASE p.state WHEN 'retired' THEN 1 ELSE 0 END,
        COALESCE(a.record_id, e.record_id), i.release_id, s.cve_term, s.severity_term, s.score, s.exploit_term,
        s.status_term, s.mitigation_term, s.agent_name, s.agent_name_folded, s.agent_type_term,
        s.agent_os_family_term, s.detected_at, s.scanned_at
    FROM inventory_vulnerability_before s
    LEFT JOIN inventory_source_record p ON p.org_id = s.org_id AND p.record_id = s.record_id
    LEFT JOIN inventory_source_record a ON a.org_id = s.org_id AND a.integration_id = s.integration_id
        AND a.stream = 'agents' AND a.native_id = s.agent_native_id
    LEFT JOIN inventory_expected e ON e.org_id = s.org_id AND e.integration_id = s.integration_id
        AND e.native_id = s.agent_native_id
    LEFT JOIN inventory_release i ON i.org_id = s.org_id AND i.product_term = s.product_term
        AND COALESCE(i.vendor_term, 0) = COALESCE(s.vendor_term, 0)
        AND COALESCE(i.version_term, 0) = COALESCE(s.version_term, 0)
        AND i.type_term IS NULL
    ORDER BY s.org_id, s.record_id;
DROP TABLE inventory_vulnerability_before;
CREATE INDEX inventory_vulnerability_of_agent ON inventory_vulnerability (org_id, agent_record_id);
CREATE INDEX inventory_vulnerability_of_cve ON inventory_vulnerability (org_id, cve_term, agent_record_id);

-- Which verdicts make a finding fail, of integrations for which somebody chose: ",true_positive,suspicious,".
CREATE TABLE inventory_verdict_list (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    verdicts TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id)
) STRICT, WITHOUT ROWID;

-- Threats do not say how bad they are; severity_from says where it comes from. external_id: of an alert, the native id
-- of the same detection as a threat or as a custom rule's alert; asset_native_id: the machine it names, where that is
-- no agent's id. old_agent: its agent is from before agents reported what they did; agent_mode: what the agent was to do
-- about malicious things when it found it.
ALTER TABLE inventory_finding ADD COLUMN severity_from_term INTEGER;
ALTER TABLE inventory_finding ADD COLUMN external_id TEXT;
ALTER TABLE inventory_finding ADD COLUMN asset_native_id TEXT;
ALTER TABLE inventory_finding ADD COLUMN product_term INTEGER;
ALTER TABLE inventory_finding ADD COLUMN old_agent INTEGER;
ALTER TABLE inventory_finding ADD COLUMN agent_mode_term INTEGER;
CREATE INDEX inventory_finding_external ON inventory_finding (org_id, integration_id, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX inventory_finding_of_asset ON inventory_finding (org_id, integration_id, asset_native_id)
    WHERE asset_native_id IS NOT NULL;

-- A detection that two records tell of is one finding: the alert's row (record_id) counts as a part of finding_id.
CREATE TABLE inventory_finding_merge (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    finding_id INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_finding_merge_of ON inventory_finding_merge (org_id, finding_id);

-- What happened around a finding, and what people wrote about it.
CREATE TABLE inventory_finding_event (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    finding_native_id TEXT,
    kind_term INTEGER,
    type INTEGER,
    text TEXT,
    text_folded TEXT,
    detail TEXT,
    detail_folded TEXT,
    author TEXT,
    author_folded TEXT,
    edited INTEGER,
    at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;
CREATE INDEX inventory_finding_event_of ON inventory_finding_event (org_id, integration_id, finding_native_id);

-- What an account or a console site is licensed for, and what is switched on with it.
CREATE TABLE inventory_licence (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind_term INTEGER,
    name_term INTEGER,
    setting_term INTEGER,
    total INTEGER,
    PRIMARY KEY (org_id, record_id, position)
) STRICT, WITHOUT ROWID;

-- Levels are found by their native ids: agents are counted by their console site, policies by what they are for.
CREATE INDEX inventory_machine_of_console_site ON inventory_machine (org_id, console_site_id_term);
CREATE INDEX inventory_console_site_native ON inventory_console_site (org_id, native_id);
CREATE INDEX inventory_console_site_of_account ON inventory_console_site (org_id, account_native_id);
CREATE INDEX inventory_console_group_native ON inventory_console_group (org_id, native_id);
CREATE INDEX inventory_policy_of ON inventory_policy (org_id, scope_native_id);

-- What the planner is to assume before anybody has counted.
DELETE FROM sqlite_stat1 WHERE tbl IN ('inventory_software', 'inventory_vulnerability',
    'inventory_software_before', 'inventory_vulnerability_before');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_release', 'inventory_release', '20000 20000 1'),
    ('inventory_release', 'inventory_release_of_title', '20000 20000 10 1'),
    ('inventory_title', 'inventory_title', '5000 5000 1'),
    ('inventory_software', 'inventory_software', '2000000 2000000 1'),
    ('inventory_software', 'inventory_software_of_agent', '2000000 2000000 20 1'),
    ('inventory_software', 'inventory_software_of_release', '2000000 2000000 200 1 1'),
    ('inventory_cve', 'inventory_cve', '20000 20000 1'),
    ('inventory_vulnerability', 'inventory_vulnerability', '500000 500000 1'),
    ('inventory_vulnerability', 'inventory_vulnerability_of_agent', '500000 500000 10 1'),
    ('inventory_vulnerability', 'inventory_vulnerability_of_cve', '500000 500000 50 1 1'),
    ('inventory_finding', 'inventory_finding_external', '50000 50000 25000 1'),
    ('inventory_finding', 'inventory_finding_of_asset', '5000 5000 2500 3'),
    ('inventory_finding_merge', 'inventory_finding_merge', '50000 50000 1'),
    ('inventory_finding_merge', 'inventory_finding_merge_of', '50000 50000 1 1'),
    ('inventory_finding_event', 'inventory_finding_event_of', '100000 100000 50000 5'),
    ('inventory_machine', 'inventory_machine_of_console_site', '200000 200000 500 1'),
    ('inventory_console_site', 'inventory_console_site_native', '2000 2000 1'),
    ('inventory_console_site', 'inventory_console_site_of_account', '2000 2000 50'),
    ('inventory_console_group', 'inventory_console_group_native', '4000 4000 1'),
    ('inventory_policy', 'inventory_policy_of', '5000 5000 1');
ANALYZE sqlite_schema;
