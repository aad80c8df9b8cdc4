-- The inventory: what every source said, and the assets, findings and the rest that are projected from it.
-- Instants are microseconds, yes and no are 1 and 0, *_term columns are inventory_term.term_id. A folded sibling other than
-- name_folded holds the fold only where the text is not ASCII: elsewhere lower() is the fold, on both databases.

-- One counter per organization hands out every id of this slice in blocks. `stamp` is the digest of all terms and
-- body dictionaries written so far: a cache that carries the same stamp holds the same rows.
CREATE TABLE inventory_head (
    org_id BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);

-- Text of few distinct values. Terms are never deleted.
CREATE TABLE inventory_term (
    org_id BIGINT NOT NULL,
    term_id BIGINT NOT NULL,
    dictionary TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    folded TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, term_id),
    UNIQUE (org_id, dictionary, text)
);

-- Our sites: where assets live.
CREATE TABLE inventory_site (
    org_id BIGINT NOT NULL,
    site_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, site_id),
    UNIQUE (org_id, name_folded)
);

-- What one source said about one thing, at present. An immutable stream keeps its bodies in the log only (codec is null).
CREATE TABLE inventory_source_record (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    raw_hash BYTEA NOT NULL,
    meaning_hash BYTEA NOT NULL,
    version BIGINT NOT NULL,
    sweep_id BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    missing_since BIGINT,
    retired_at BIGINT,
    source_updated_at BIGINT,
    first_seen_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    codec TEXT COLLATE "C",
    dictionary_id BIGINT,
    body BYTEA,
    PRIMARY KEY (org_id, record_id),
    UNIQUE (org_id, integration_id, stream, native_id)
);

-- What bodies were compressed with; a row outlives every body that names it.
CREATE TABLE inventory_body_dictionary (
    org_id BIGINT NOT NULL,
    dictionary_id BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (org_id, dictionary_id)
);

-- Which asset a record belongs to, by which rule, and who says so. A merge or a split rewrites these rows only.
CREATE TABLE inventory_link (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    evidence TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    linked_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_link_of_asset ON inventory_link (org_id, asset_id, record_id);

-- Assets: a projection over linked records.
CREATE TABLE inventory_asset (
    org_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    site_id BIGINT NOT NULL,
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
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
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
    address_count BIGINT NOT NULL,
    mac_count BIGINT NOT NULL,
    tag_count BIGINT NOT NULL,
    has_public BIGINT NOT NULL,
    has_private BIGINT NOT NULL,
    has_ipv6 BIGINT NOT NULL,
    source_count BIGINT NOT NULL,
    PRIMARY KEY (org_id, asset_id)
);
CREATE INDEX inventory_asset_seen ON inventory_asset (org_id, last_seen NULLS FIRST, asset_id);
CREATE INDEX inventory_asset_name ON inventory_asset (org_id, name_folded NULLS FIRST, asset_id);
CREATE INDEX inventory_asset_facet ON inventory_asset (org_id, os_term, type_term, edr_term, infected);

-- Every name a record gave; a renamed record keeps its earlier names with current = 0.
CREATE TABLE inventory_name (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    current BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id, name_folded)
);

-- Network interfaces of a record. The gateway's MAC says where a machine is, never which: it identifies nothing.
CREATE TABLE inventory_interface (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT COLLATE "C",
    mac TEXT COLLATE "C",
    gateway_ip BYTEA,
    gateway_mac TEXT COLLATE "C",
    PRIMARY KEY (org_id, record_id, position)
);

-- Addresses of a record as 16 bytes (IPv4 mapped into IPv6). What an agent merely reports is never primary.
CREATE TABLE inventory_address (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    ip BYTEA NOT NULL,
    is_primary BIGINT NOT NULL,
    reach TEXT COLLATE "C" NOT NULL,
    interface BIGINT,
    PRIMARY KEY (org_id, record_id, ip)
);
CREATE INDEX inventory_address_ip ON inventory_address (org_id, ip, record_id);

-- Tags that a source put on a record.
CREATE TABLE inventory_tag (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    key_folded TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    value_folded TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, record_id, position)
);

-- What the agent asks of its user, one row per need.
CREATE TABLE inventory_need (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    need_term BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id, need_term)
);

-- EDR threats; the finding's id is its record's. A finding reaches its asset through the agent's record:
-- (integration_id, 'agents', agent_native_id) in inventory_source_record, then inventory_link.
CREATE TABLE inventory_finding (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    kind_term BIGINT,
    classification_term BIGINT,
    classification_source_term BIGINT,
    detection_type_term BIGINT,
    confidence_term BIGINT,
    verdict_term BIGINT,
    status_term BIGINT,
    mitigation_term BIGINT,
    initiated_by_term BIGINT,
    fileless BIGINT,
    auto_resolved BIGINT,
    failed_actions BIGINT,
    pending_actions BIGINT,
    reboot_required BIGINT,
    file_path TEXT COLLATE "C",
    file_path_folded TEXT COLLATE "C",
    file_size BIGINT,
    sha1 TEXT COLLATE "C",
    sha256 TEXT COLLATE "C",
    md5 TEXT COLLATE "C",
    publisher_term BIGINT,
    signature_term BIGINT,
    process TEXT COLLATE "C",
    process_folded TEXT COLLATE "C",
    process_user TEXT COLLATE "C",
    process_user_folded TEXT COLLATE "C",
    command TEXT COLLATE "C",
    command_folded TEXT COLLATE "C",
    storyline TEXT COLLATE "C",
    ticket TEXT COLLATE "C",
    agent_native_id TEXT COLLATE "C",
    agent_uuid TEXT COLLATE "C",
    agent_name TEXT COLLATE "C",
    agent_name_folded TEXT COLLATE "C",
    agent_os_term BIGINT,
    agent_os_family_term BIGINT,
    agent_type_term BIGINT,
    agent_version_term BIGINT,
    console_account_id_term BIGINT,
    console_account_term BIGINT,
    console_site_id_term BIGINT,
    console_site_term BIGINT,
    console_group_id_term BIGINT,
    console_group_term BIGINT,
    identified_at BIGINT,
    created_at BIGINT,
    updated_at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_finding_time ON inventory_finding (org_id, identified_at NULLS FIRST, record_id);
CREATE INDEX inventory_finding_of_agent ON inventory_finding (org_id, integration_id, agent_native_id);

-- Engines that made a finding.
CREATE TABLE inventory_finding_engine (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    engine_term BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id, engine_term)
);

-- MITRE tactics and techniques of a finding's indicators. A tactic without techniques has technique 0.
CREATE TABLE inventory_finding_technique (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    tactic_term BIGINT NOT NULL,
    technique_term BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id, tactic_term, technique_term)
);

-- What the console says was done about a finding, in its order.
CREATE TABLE inventory_finding_action (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    action_term BIGINT,
    status_term BIGINT,
    updated_at BIGINT,
    PRIMARY KEY (org_id, record_id, position)
);

-- What happened on the console; the activity's id is its record's. Bodies are in the log only.
CREATE TABLE inventory_activity (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    type BIGINT,
    type_term BIGINT,
    description TEXT COLLATE "C",
    description_folded TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    detail_folded TEXT COLLATE "C",
    comment TEXT COLLATE "C",
    comment_folded TEXT COLLATE "C",
    os_family_term BIGINT,
    hash TEXT COLLATE "C",
    agent_native_id TEXT COLLATE "C",
    threat_native_id TEXT COLLATE "C",
    user_native_id TEXT COLLATE "C",
    console_account_id_term BIGINT,
    console_account_term BIGINT,
    console_site_id_term BIGINT,
    console_site_term BIGINT,
    console_group_id_term BIGINT,
    console_group_term BIGINT,
    created_at BIGINT,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_activity_time ON inventory_activity (org_id, created_at NULLS FIRST, record_id);

-- Policies, one per level and scope; native_id is the level and the scope's id.
CREATE TABLE inventory_policy (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    level_term BIGINT,
    scope_native_id TEXT COLLATE "C",
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    inherited_from_term BIGINT,
    is_default BIGINT,
    mitigation_mode_term BIGINT,
    mitigation_mode_suspicious_term BIGINT,
    auto_mitigation_term BIGINT,
    anti_tampering BIGINT,
    snapshots BIGINT,
    network_quarantine BIGINT,
    scan_new_agents BIGINT,
    cloud_validation BIGINT,
    remote_shell BIGINT,
    auto_decommission BIGINT,
    auto_decommission_days BIGINT,
    agent_logging BIGINT,
    agent_ui BIGINT,
    agent_notification BIGINT,
    monitor_on_execute BIGINT,
    monitor_on_write BIGINT,
    signed_driver_blocking BIGINT,
    unsigned_driver_blocking BIGINT,
    remove_macros BIGINT,
    identity BIGINT,
    deep_visibility BIGINT,
    created_at BIGINT,
    updated_at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);

-- Engines of a policy, each on or off.
CREATE TABLE inventory_policy_engine (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    engine_term BIGINT NOT NULL,
    mode_term BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id, engine_term)
);

-- The console's accounts.
CREATE TABLE inventory_account (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    state_term BIGINT,
    account_type_term BIGINT,
    usage_type_term BIGINT,
    billing_mode_term BIGINT,
    is_default BIGINT,
    active_agents BIGINT,
    site_count BIGINT,
    total_licenses BIGINT,
    unlimited_expiration BIGINT,
    expires_at BIGINT,
    external_id TEXT COLLATE "C",
    creator TEXT COLLATE "C",
    created_at BIGINT,
    updated_at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);

-- The console's sites.
CREATE TABLE inventory_console_site (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    account_native_id TEXT COLLATE "C",
    account_term BIGINT,
    state_term BIGINT,
    site_type_term BIGINT,
    suite_term BIGINT,
    sku_term BIGINT,
    usage_type_term BIGINT,
    is_default BIGINT,
    healthy BIGINT,
    active_licenses BIGINT,
    total_licenses BIGINT,
    unlimited_licenses BIGINT,
    unlimited_expiration BIGINT,
    expires_at BIGINT,
    external_id TEXT COLLATE "C",
    description TEXT COLLATE "C",
    creator TEXT COLLATE "C",
    created_at BIGINT,
    updated_at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);

-- The console's groups.
CREATE TABLE inventory_console_group (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    native_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    name_folded TEXT COLLATE "C",
    site_native_id TEXT COLLATE "C",
    group_type_term BIGINT,
    rank BIGINT,
    filter_native_id TEXT COLLATE "C",
    filter_name TEXT COLLATE "C",
    inherits BIGINT,
    is_default BIGINT,
    total_agents BIGINT,
    description TEXT COLLATE "C",
    creator TEXT COLLATE "C",
    created_at BIGINT,
    updated_at BIGINT,
    first_recorded_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id)
);

-- History: one row per field that changed meaning. Values are text as the language prints them; null is nothing.
CREATE TABLE inventory_change (
    org_id BIGINT NOT NULL,
    change_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    inventory TEXT COLLATE "C" NOT NULL,
    asset_id BIGINT,
    record_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    before TEXT COLLATE "C",
    after TEXT COLLATE "C",
    PRIMARY KEY (org_id, change_id)
);
CREATE INDEX inventory_change_of_record ON inventory_change (org_id, record_id, at);
