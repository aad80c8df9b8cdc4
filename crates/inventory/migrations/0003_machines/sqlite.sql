-- What each record says about one machine. An asset is a projection over the machine rows of its linked records.
-- grade: 1 an agent on it, 2 a scan of it, 3 a list that somebody keeps, 4 a neighbour that saw it. present is 0 once the
-- source no longer has the record. superseded: another agent of the same asset took its place. identity is a digest of
-- everything that tells which machine it is; settled is 0 until correlation has looked at the record as it is now.
-- contested: its links hang on who is alive, so that it is looked at again when that changes. yields: what it says does
-- not take the place of what another source says.
CREATE TABLE inventory_machine (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    site_id INTEGER NOT NULL,
    present INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    contested INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    grade INTEGER NOT NULL,
    source_term INTEGER,
    identity INTEGER,
    yields INTEGER NOT NULL,
    agent_native_id TEXT,
    name TEXT,
    name_folded TEXT,
    type_term INTEGER,
    os_term INTEGER,
    os_family_term INTEGER,
    os_name_term INTEGER,
    os_version_term INTEGER,
    os_arch_term INTEGER,
    hw_term INTEGER,
    hw_vendor_term INTEGER,
    cpu_term INTEGER,
    cpu_count INTEGER,
    core_count INTEGER,
    memory_mb INTEGER,
    serial TEXT,
    serial_folded TEXT,
    domain_term INTEGER,
    user_name TEXT,
    user_folded TEXT,
    directory_name TEXT,
    directory_folded TEXT,
    cloud_term INTEGER,
    first_seen INTEGER,
    last_seen INTEGER,
    booted_at INTEGER,
    active INTEGER,
    infected INTEGER,
    active_threats INTEGER,
    edr_term INTEGER,
    edr_live INTEGER,
    agent_state_term INTEGER,
    agent_version_term INTEGER,
    agent_uuid TEXT,
    agent_uuid_folded TEXT,
    agent_registered_at INTEGER,
    agent_updated_at INTEGER,
    agent_current INTEGER,
    mitigation_mode_term INTEGER,
    mitigation_mode_suspicious_term INTEGER,
    detection_state_term INTEGER,
    operational_state_term INTEGER,
    network_status_term INTEGER,
    scan_status_term INTEGER,
    scan_started_at INTEGER,
    scan_finished_at INTEGER,
    firewall INTEGER,
    encrypted INTEGER,
    remote_shell INTEGER,
    reboot_required INTEGER,
    apps_status_term INTEGER,
    migration_status_term INTEGER,
    installer_term INTEGER,
    ranger_status_term INTEGER,
    ranger_version_term INTEGER,
    console_account_id_term INTEGER,
    console_account_term INTEGER,
    console_site_id_term INTEGER,
    console_site_term INTEGER,
    console_group_id_term INTEGER,
    console_group_term INTEGER,
    external_ip BLOB,
    manufacturer_term INTEGER,
    model_term INTEGER,
    asset_tag TEXT,
    asset_tag_folded TEXT,
    cloud_account TEXT,
    cloud_instance TEXT,
    address_count INTEGER NOT NULL,
    mac_count INTEGER NOT NULL,
    tag_count INTEGER NOT NULL,
    has_public INTEGER NOT NULL,
    has_private INTEGER NOT NULL,
    has_ipv6 INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_machine_unsettled ON inventory_machine (org_id, record_id) WHERE settled = 0;

-- Records that an option leaves out: the source record is all there is of them. Of a machine that waits to be known to
-- another source there is its machine row too, and neither link nor asset.
CREATE TABLE inventory_left_out (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    option TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;

-- Assets that were emptied, and which asset has their records now: an id that somebody wrote down still leads there.
CREATE TABLE inventory_asset_former (
    org_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    now_asset_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (org_id, asset_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE inventory_asset ADD COLUMN manufacturer_term INTEGER;
ALTER TABLE inventory_asset ADD COLUMN model_term INTEGER;
ALTER TABLE inventory_asset ADD COLUMN asset_tag TEXT;
ALTER TABLE inventory_asset ADD COLUMN asset_tag_folded TEXT;
ALTER TABLE inventory_asset ADD COLUMN cloud_account TEXT;
ALTER TABLE inventory_asset ADD COLUMN cloud_instance TEXT;

-- lead_record_id: the record that speaks for the asset, an agent's if there is one. lifecycle is the lead's state, or
-- whether an asset without agent was seen of late. gone is 1 once none of its sources has it any more.
ALTER TABLE inventory_asset ADD COLUMN lead_record_id INTEGER;
ALTER TABLE inventory_asset ADD COLUMN lifecycle_term INTEGER;
ALTER TABLE inventory_asset ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inventory_asset ADD COLUMN record_count INTEGER NOT NULL DEFAULT 1;

-- When an address was seen; where it is null, when its record was last seen.
ALTER TABLE inventory_address ADD COLUMN observed_at INTEGER;

-- Until today every asset had one record, an agent's.
INSERT INTO inventory_term (org_id, term_id, dictionary, text, folded)
    SELECT org_id, next_id, 'source', 'sentinelone', 'sentinelone' FROM inventory_head;
UPDATE inventory_head SET next_id = next_id + 1, stamp = stamp + 1;
INSERT INTO inventory_machine (
    org_id, record_id, integration_id, native_id, site_id, present, superseded, contested, settled, grade,
    source_term, identity, yields, agent_native_id, name, name_folded, type_term, os_term, os_family_term, os_name_term,
    os_version_term, os_arch_term, hw_term, hw_vendor_term, cpu_term, cpu_count, core_count, memory_mb, serial,
    serial_folded, domain_term, user_name, user_folded, directory_name, directory_folded, cloud_term, first_seen,
    last_seen, booted_at, active, infected, active_threats, edr_term, edr_live, agent_state_term, agent_version_term,
    agent_uuid, agent_uuid_folded, agent_registered_at, agent_updated_at, agent_current, mitigation_mode_term,
    mitigation_mode_suspicious_term, detection_state_term, operational_state_term, network_status_term,
    scan_status_term, scan_started_at, scan_finished_at, firewall, encrypted, remote_shell, reboot_required,
    apps_status_term, migration_status_term, installer_term, ranger_status_term, ranger_version_term,
    console_account_id_term, console_account_term, console_site_id_term, console_site_term, console_group_id_term,
    console_group_term, external_ip, manufacturer_term, model_term, asset_tag, asset_tag_folded, cloud_account,
    cloud_instance, address_count, mac_count, tag_count, has_public, has_private, has_ipv6
)
SELECT
    l.org_id, l.record_id, r.integration_id, r.native_id, a.site_id, CASE r.state WHEN 'retired' THEN 0 ELSE 1 END,
    0, 0, 0, 1, t.term_id, NULL, 0, NULL, a.name, a.name_folded, a.type_term, a.os_term, a.os_family_term,
    a.os_name_term, a.os_version_term, a.os_arch_term, a.hw_term, a.hw_vendor_term, a.cpu_term, a.cpu_count,
    a.core_count, a.memory_mb, a.serial, a.serial_folded, a.domain_term, a.user_name, a.user_folded,
    a.directory_name, a.directory_folded, a.cloud_term, a.first_seen, a.last_seen, a.booted_at, a.active, a.infected,
    a.active_threats, a.edr_term, a.edr_live, a.agent_state_term, a.agent_version_term, a.agent_uuid,
    a.agent_uuid_folded, a.agent_registered_at, a.agent_updated_at, a.agent_current, a.mitigation_mode_term,
    a.mitigation_mode_suspicious_term, a.detection_state_term, a.operational_state_term, a.network_status_term,
    a.scan_status_term, a.scan_started_at, a.scan_finished_at, a.firewall, a.encrypted, a.remote_shell,
    a.reboot_required, a.apps_status_term, a.migration_status_term, a.installer_term, a.ranger_status_term,
    a.ranger_version_term, a.console_account_id_term, a.console_account_term, a.console_site_id_term,
    a.console_site_term, a.console_group_id_term, a.console_group_term, a.external_ip, NULL, NULL, NULL, NULL, NULL,
    NULL, a.address_count, a.mac_count, a.tag_count, a.has_public, a.has_private, a.has_ipv6
FROM inventory_link l
JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id
JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id
JOIN inventory_term t ON t.org_id = l.org_id AND t.dictionary = 'source' AND t.text = 'sentinelone';
UPDATE inventory_asset SET
    lifecycle_term = agent_state_term,
    lead_record_id = (SELECT MIN(l.record_id) FROM inventory_link l
        WHERE l.org_id = inventory_asset.org_id AND l.asset_id = inventory_asset.asset_id),
    gone = COALESCE((SELECT MIN(CASE r.state WHEN 'retired' THEN 1 ELSE 0 END) FROM inventory_link l
        JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id
        WHERE l.org_id = inventory_asset.org_id AND l.asset_id = inventory_asset.asset_id), 0);
UPDATE inventory_link SET rule = 'new' WHERE rule = 'R00';
UPDATE inventory_asset SET edr_term = NULL WHERE gone = 1;
UPDATE inventory_machine SET edr_term = NULL WHERE present = 0;

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_machine', 'inventory_machine', '200000 200000 1'),
    ('inventory_machine', 'inventory_machine_unsettled', '2000 2000 1'),
    ('inventory_left_out', 'inventory_left_out', '10000 10000 1'),
    ('inventory_asset_former', 'inventory_asset_former', '1000 1000 1');
ANALYZE sqlite_schema;
