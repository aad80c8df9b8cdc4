-- What is installed is told in releases: one version of one product, as a console spells it, once for all machines.
-- A title is a product and its maker without the noise in their names: what people compare. A release that was stored
-- before its title was made has none until the next page is applied.
CREATE TABLE inventory_release (
    org_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    product_term BIGINT,
    vendor_term BIGINT,
    version_term BIGINT,
    type_term BIGINT,
    cpe_term BIGINT,
    title_id BIGINT,
    plain_term BIGINT,
    maker_term BIGINT,
    PRIMARY KEY (org_id, release_id)
);
CREATE INDEX inventory_release_of_title ON inventory_release (org_id, title_id);

CREATE TABLE inventory_title (
    org_id BIGINT NOT NULL,
    title_id BIGINT NOT NULL,
    plain_term BIGINT,
    maker_term BIGINT,
    PRIMARY KEY (org_id, title_id)
);

-- Agents that something was told about before they themselves were: the number that their record will have.
CREATE TABLE inventory_expected (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    record_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, native_id),
    UNIQUE (org_id, record_id)
);
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
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    agent_record_id BIGINT,
    release_id BIGINT,
    size BIGINT,
    installed_second BIGINT,
    PRIMARY KEY (org_id, record_id)
);
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
    org_id BIGINT NOT NULL,
    cve_term BIGINT NOT NULL,
    severity_term BIGINT,
    score DOUBLE PRECISION,
    cvss_version_term BIGINT,
    nvd_score DOUBLE PRECISION,
    nvd_version_term BIGINT,
    risk_score DOUBLE PRECISION,
    published_at BIGINT,
    told_at BIGINT,
    PRIMARY KEY (org_id, cve_term)
);
INSERT INTO inventory_cve (org_id, cve_term, severity_term, score, published_at, told_at)
    SELECT org_id, cve_term, MAX(severity_term), MAX(score), MAX(published_at), MAX(scanned_at)
    FROM inventory_vulnerability WHERE cve_term IS NOT NULL GROUP BY org_id, cve_term;

-- Vulnerabilities, one row for each machine, product version and CVE; the id is its record's.
DROP INDEX inventory_vulnerability_of_agent;
ALTER TABLE inventory_vulnerability RENAME TO inventory_vulnerability_before;
CREATE TABLE inventory_vulnerability (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    agent_record_id BIGINT,
    release_id BIGINT,
    cve_term BIGINT,
    severity_term BIGINT,
    score DOUBLE PRECISION,
    exploit_term BIGINT,
    remediation_term BIGINT,
    report_term BIGINT,
    status_term BIGINT,
    mitigation_term BIGINT,
    mark_term BIGINT,
    agent_name TEXT COLLATE "C",
    agent_name_folded TEXT COLLATE "C",
    agent_type_term BIGINT,
    agent_os_family_term BIGINT,
    detected_at BIGINT,
    scanned_at BIGINT,
    PRIMARY KEY (org_id, record_id)
);
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
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    verdicts TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, integration_id)
);

-- Threats do not say how bad they are; severity_from says where it comes from. external_id: of an alert, the native id
-- of the same detection as a threat or as a custom rule's alert; asset_native_id: the machine it names, where that is
-- no agent's id. old_agent: its agent is from before agents reported what they did; agent_mode: what the agent was to do
-- about malicious things when it found it.
ALTER TABLE inventory_finding ADD COLUMN severity_from_term BIGINT;
ALTER TABLE inventory_finding ADD COLUMN external_id TEXT COLLATE "C";
ALTER TABLE inventory_finding ADD COLUMN asset_native_id TEXT COLLATE "C";
ALTER TABLE inventory_finding ADD COLUMN product_term BIGINT;
ALTER TABLE inventory_finding ADD COLUMN old_agent BIGINT;
ALTER TABLE inventory_finding ADD COLUMN agent_mode_term BIGINT;
CREATE INDEX inventory_finding_external ON inventory_finding (org_id, integration_id, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX inventory_finding_of_asset ON inventory_finding (org_id, integration_id, asset_native_id)
    WHERE asset_native_id IS NOT NULL;

-- A detection that two records tell of is one finding: the alert's row (record_id) counts as a part of finding_id.
CREATE TABLE inventory_finding_merge (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    finding_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_finding_merge_of ON inventory_finding_merge (org_id, finding_id);

-- What happened around a finding, and what people wrote about it.
CREATE TABLE inventory_finding_event (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    finding_native_id TEXT COLLATE "C",
    kind_term BIGINT,
    type BIGINT,
    text TEXT COLLATE "C",
    text_folded TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    detail_folded TEXT COLLATE "C",
    author TEXT COLLATE "C",
    author_folded TEXT COLLATE "C",
    edited BIGINT,
    at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_finding_event_of ON inventory_finding_event (org_id, integration_id, finding_native_id);

-- What an account or a console site is licensed for, and what is switched on with it.
CREATE TABLE inventory_licence (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    kind_term BIGINT,
    name_term BIGINT,
    setting_term BIGINT,
    total BIGINT,
    PRIMARY KEY (org_id, record_id, position)
);

-- Levels are found by their native ids: agents are counted by their console site, policies by what they are for.
CREATE INDEX inventory_machine_of_console_site ON inventory_machine (org_id, console_site_id_term);
CREATE INDEX inventory_console_site_native ON inventory_console_site (org_id, native_id);
CREATE INDEX inventory_console_site_of_account ON inventory_console_site (org_id, account_native_id);
CREATE INDEX inventory_console_group_native ON inventory_console_group (org_id, native_id);
CREATE INDEX inventory_policy_of ON inventory_policy (org_id, scope_native_id);
