-- What each record says about one machine. An asset is a projection over the machine rows of its linked records.
-- grade: 1 an agent on it, 2 a scan of it, 3 a list that somebody keeps, 4 a neighbour that saw it. present is 0 once the
-- source no longer has the record. superseded: another agent of the same asset took its place. identity is a digest of
-- everything that tells which machine it is; settled is 0 until correlation has looked at the record as it is now.
-- contested: its links hang on who is alive, so that it is looked at again when that changes. yields: what it says does
-- not take the place of what another source says.
CREATE TABLE inventory_machine (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    site_id BIGINT NOT NULL,
    present BIGINT NOT NULL,
    superseded BIGINT NOT NULL,
    contested BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    source_term BIGINT,
    identity BIGINT,
    yields BIGINT NOT NULL,
    agent_native_id TEXT COLLATE "C",
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    type_term BIGINT,
    os_term BIGINT,
    os_family_term BIGINT,
    os_name_term BIGINT,
    os_version_term BIGINT,
    os_arch_term BIGINT,
    hw_term BIGINT,
    hw_vendor_term BIGINT,
    cpu_term BIGINT,
    cpu_count BIGINT,
    core_count BIGINT,
    memory_mb BIGINT,
    serial TEXT COLLATE "C",
    serial_folded TEXT COLLATE "C",
    domain_term BIGINT,
    user_name TEXT COLLATE "C",
    user_folded TEXT COLLATE "C",
    directory_name TEXT COLLATE "C",
    directory_folded TEXT COLLATE "C",
    cloud_term BIGINT,
    first_seen BIGINT,
    last_seen BIGINT,
    booted_at BIGINT,
    active BIGINT,
    infected BIGINT,
    active_threats BIGINT,
    edr_term BIGINT,
    edr_live BIGINT,
    agent_state_term BIGINT,
    agent_version_term BIGINT,
    agent_uuid TEXT COLLATE "C",
    agent_uuid_folded TEXT COLLATE "C",
    agent_registered_at BIGINT,
    agent_updated_at BIGINT,
    agent_current BIGINT,
    mitigation_mode_term BIGINT,
    mitigation_mode_suspicious_term BIGINT,
    detection_state_term BIGINT,
    operational_state_term BIGINT,
    network_status_term BIGINT,
    scan_status_term BIGINT,
    scan_started_at BIGINT,
    scan_finished_at BIGINT,
    firewall BIGINT,
    encrypted BIGINT,
    remote_shell BIGINT,
    reboot_required BIGINT,
    apps_status_term BIGINT,
    migration_status_term BIGINT,
    installer_term BIGINT,
    ranger_status_term BIGINT,
    ranger_version_term BIGINT,
    console_account_id_term BIGINT,
    console_account_term BIGINT,
    console_site_id_term BIGINT,
    console_site_term BIGINT,
    console_group_id_term BIGINT,
    console_group_term BIGINT,
    external_ip BYTEA,
    manufacturer_term BIGINT,
    model_term BIGINT,
    asset_tag TEXT COLLATE "C",
    asset_tag_folded TEXT COLLATE "C",
    cloud_account TEXT COLLATE "C",
    cloud_instance TEXT COLLATE "C",
    address_count BIGINT NOT NULL,
    mac_count BIGINT NOT NULL,
    tag_count BIGINT NOT NULL,
    has_public BIGINT NOT NULL,
    has_private BIGINT NOT NULL,
    has_ipv6 BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_machine_unsettled ON inventory_machine (org_id, record_id) WHERE settled = 0;

-- Records that an option leaves out: the source record is all there is of them. Of a machine that waits to be known to
-- another source there is its machine row too, and neither link nor asset.
CREATE TABLE inventory_left_out (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    option TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);

-- Assets that were emptied, and which asset has their records now: an id that somebody wrote down still leads there.
CREATE TABLE inventory_asset_former (
    org_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    now_asset_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, asset_id)
);

ALTER TABLE inventory_asset ADD COLUMN manufacturer_term BIGINT;
ALTER TABLE inventory_asset ADD COLUMN model_term BIGINT;
ALTER TABLE inventory_asset ADD COLUMN asset_tag TEXT COLLATE "C";
ALTER TABLE inventory_asset ADD COLUMN asset_tag_folded TEXT COLLATE "C";
ALTER TABLE inventory_asset ADD COLUMN cloud_account TEXT COLLATE "C";
ALTER TABLE inventory_asset ADD COLUMN cloud_instance TEXT COLLATE "C";

-- lead_record_id: the record that speaks for the asset, an agent's if there is one. lifecycle is the lead's state, or
-- whether an asset without agent was seen of late. gone is 1 once none of its sources has it any more.
ALTER TABLE inventory_asset ADD COLUMN lead_record_id BIGINT;
ALTER TABLE inventory_asset ADD COLUMN lifecycle_term BIGINT;
ALTER TABLE inventory_asset ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inventory_asset ADD COLUMN record_count BIGINT NOT NULL DEFAULT 1;

-- When an address was seen; where it is null, when its record was last seen.
ALTER TABLE inventory_address ADD COLUMN observed_at BIGINT;

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
