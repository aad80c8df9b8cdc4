-- The inventory: what every source said, and the assets, findings and the rest that are projected from it.
-- Instants are microseconds, yes and no are 1 and 0, *_term columns are inventory_term.term_id. A folded sibling other than
-- name_folded holds the fold only where the text is not ASCII: elsewhere lower() is the fold, on both databases.

-- One counter per organization hands out every id of this slice in blocks. `stamp` is the digest of all terms and
-- body dictionaries written so far: a cache that carries the same stamp holds the same rows.
CREATE TABLE inventory_head (
    org_id INTEGER NOT NULL,
    next_id INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

-- Text of few distinct values. Terms are never deleted.
CREATE TABLE inventory_term (
    org_id INTEGER NOT NULL,
    term_id INTEGER NOT NULL,
    dictionary TEXT NOT NULL,
    text TEXT NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (org_id, term_id),
    UNIQUE (org_id, dictionary, text)
) STRICT, WITHOUT ROWID;

-- Our sites: where assets live.
CREATE TABLE inventory_site (
    org_id INTEGER NOT NULL,
    site_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, site_id),
    UNIQUE (org_id, name_folded)
) STRICT, WITHOUT ROWID;

-- What one source said about one thing, at present. An immutable stream keeps its bodies in the log only (codec is null).
CREATE TABLE inventory_source_record (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    native_id TEXT NOT NULL,
    raw_hash BLOB NOT NULL,
    meaning_hash BLOB NOT NULL,
    version INTEGER NOT NULL,
    sweep_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    missing_since INTEGER,
    retired_at INTEGER,
    source_updated_at INTEGER,
    first_seen_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    codec TEXT,
    dictionary_id INTEGER,
    body BLOB,
    PRIMARY KEY (org_id, record_id),
    UNIQUE (org_id, integration_id, stream, native_id)
) STRICT;

-- What bodies were compressed with; a row outlives every body that names it.
CREATE TABLE inventory_body_dictionary (
    org_id INTEGER NOT NULL,
    dictionary_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (org_id, dictionary_id)
) STRICT;

-- Which asset a record belongs to, by which rule, and who says so. A merge or a split rewrites these rows only.
CREATE TABLE inventory_link (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL,
    since INTEGER NOT NULL,
    linked_by TEXT NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_link_of_asset ON inventory_link (org_id, asset_id, record_id);

-- Assets: a projection over linked records.
CREATE TABLE inventory_asset (
    org_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    site_id INTEGER NOT NULL,
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
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
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
    address_count INTEGER NOT NULL,
    mac_count INTEGER NOT NULL,
    tag_count INTEGER NOT NULL,
    has_public INTEGER NOT NULL,
    has_private INTEGER NOT NULL,
    has_ipv6 INTEGER NOT NULL,
    source_count INTEGER NOT NULL,
    PRIMARY KEY (org_id, asset_id)
) STRICT;
CREATE INDEX inventory_asset_seen ON inventory_asset (org_id, last_seen, asset_id);
CREATE INDEX inventory_asset_name ON inventory_asset (org_id, name_folded, asset_id);
CREATE INDEX inventory_asset_facet ON inventory_asset (org_id, os_term, type_term, edr_term, infected);

-- Every name a record gave; a renamed record keeps its earlier names with current = 0.
CREATE TABLE inventory_name (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    name_folded TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    current INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id, name_folded)
) STRICT, WITHOUT ROWID;

-- Network interfaces of a record. The gateway's MAC says where a machine is, never which: it identifies nothing.
CREATE TABLE inventory_interface (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT,
    mac TEXT,
    gateway_ip BLOB,
    gateway_mac TEXT,
    PRIMARY KEY (org_id, record_id, position)
) STRICT, WITHOUT ROWID;

-- Addresses of a record as 16 bytes (IPv4 mapped into IPv6). What an agent merely reports is never primary.
CREATE TABLE inventory_address (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    ip BLOB NOT NULL,
    is_primary INTEGER NOT NULL,
    reach TEXT NOT NULL,
    interface INTEGER,
    PRIMARY KEY (org_id, record_id, ip)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_address_ip ON inventory_address (org_id, ip, record_id);

-- Tags that a source put on a record.
CREATE TABLE inventory_tag (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    key_folded TEXT NOT NULL,
    value TEXT NOT NULL,
    value_folded TEXT NOT NULL,
    PRIMARY KEY (org_id, record_id, position)
) STRICT, WITHOUT ROWID;

-- What the agent asks of its user, one row per need.
CREATE TABLE inventory_need (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    need_term INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id, need_term)
) STRICT, WITHOUT ROWID;

-- EDR threats; the finding's id is its record's. A finding reaches its asset through the agent's record:
-- (integration_id, 'agents', agent_native_id) in inventory_source_record, then inventory_link.
CREATE TABLE inventory_finding (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT,
    name_folded TEXT,
    kind_term INTEGER,
    classification_term INTEGER,
    classification_source_term INTEGER,
    detection_type_term INTEGER,
    confidence_term INTEGER,
    verdict_term INTEGER,
    status_term INTEGER,
    mitigation_term INTEGER,
    initiated_by_term INTEGER,
    fileless INTEGER,
    auto_resolved INTEGER,
    failed_actions INTEGER,
    pending_actions INTEGER,
    reboot_required INTEGER,
    file_path TEXT,
    file_path_folded TEXT,
    file_size INTEGER,
    sha1 TEXT,
    sha256 TEXT,
    md5 TEXT,
    publisher_term INTEGER,
    signature_term INTEGER,
    process TEXT,
    process_folded TEXT,
    process_user TEXT,
    process_user_folded TEXT,
    command TEXT,
    command_folded TEXT,
    storyline TEXT,
    ticket TEXT,
    agent_native_id TEXT,
    agent_uuid TEXT,
    agent_name TEXT,
    agent_name_folded TEXT,
    agent_os_term INTEGER,
    agent_os_family_term INTEGER,
    agent_type_term INTEGER,
    agent_version_term INTEGER,
    console_account_id_term INTEGER,
    console_account_term INTEGER,
    console_site_id_term INTEGER,
    console_site_term INTEGER,
    console_group_id_term INTEGER,
    console_group_term INTEGER,
    identified_at INTEGER,
    created_at INTEGER,
    updated_at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;
CREATE INDEX inventory_finding_time ON inventory_finding (org_id, identified_at, record_id);
CREATE INDEX inventory_finding_of_agent ON inventory_finding (org_id, integration_id, agent_native_id);

-- Engines that made a finding.
CREATE TABLE inventory_finding_engine (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    engine_term INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id, engine_term)
) STRICT, WITHOUT ROWID;

-- MITRE tactics and techniques of a finding's indicators. A tactic without techniques has technique 0.
CREATE TABLE inventory_finding_technique (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    tactic_term INTEGER NOT NULL,
    technique_term INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id, tactic_term, technique_term)
) STRICT, WITHOUT ROWID;

-- What the console says was done about a finding, in its order.
CREATE TABLE inventory_finding_action (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    action_term INTEGER,
    status_term INTEGER,
    updated_at INTEGER,
    PRIMARY KEY (org_id, record_id, position)
) STRICT, WITHOUT ROWID;

-- What happened on the console; the activity's id is its record's. Bodies are in the log only.
CREATE TABLE inventory_activity (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    type INTEGER,
    type_term INTEGER,
    description TEXT,
    description_folded TEXT,
    detail TEXT,
    detail_folded TEXT,
    comment TEXT,
    comment_folded TEXT,
    os_family_term INTEGER,
    hash TEXT,
    agent_native_id TEXT,
    threat_native_id TEXT,
    user_native_id TEXT,
    console_account_id_term INTEGER,
    console_account_term INTEGER,
    console_site_id_term INTEGER,
    console_site_term INTEGER,
    console_group_id_term INTEGER,
    console_group_term INTEGER,
    created_at INTEGER,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_activity_time ON inventory_activity (org_id, created_at, record_id);

-- Policies, one per level and scope; native_id is the level and the scope's id.
CREATE TABLE inventory_policy (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    level_term INTEGER,
    scope_native_id TEXT,
    name TEXT,
    name_folded TEXT,
    inherited_from_term INTEGER,
    is_default INTEGER,
    mitigation_mode_term INTEGER,
    mitigation_mode_suspicious_term INTEGER,
    auto_mitigation_term INTEGER,
    anti_tampering INTEGER,
    snapshots INTEGER,
    network_quarantine INTEGER,
    scan_new_agents INTEGER,
    cloud_validation INTEGER,
    remote_shell INTEGER,
    auto_decommission INTEGER,
    auto_decommission_days INTEGER,
    agent_logging INTEGER,
    agent_ui INTEGER,
    agent_notification INTEGER,
    monitor_on_execute INTEGER,
    monitor_on_write INTEGER,
    signed_driver_blocking INTEGER,
    unsigned_driver_blocking INTEGER,
    remove_macros INTEGER,
    identity INTEGER,
    deep_visibility INTEGER,
    created_at INTEGER,
    updated_at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;

-- Engines of a policy, each on or off.
CREATE TABLE inventory_policy_engine (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    engine_term INTEGER NOT NULL,
    mode_term INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id, engine_term)
) STRICT, WITHOUT ROWID;

-- The console's accounts.
CREATE TABLE inventory_account (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT,
    name_folded TEXT,
    state_term INTEGER,
    account_type_term INTEGER,
    usage_type_term INTEGER,
    billing_mode_term INTEGER,
    is_default INTEGER,
    active_agents INTEGER,
    site_count INTEGER,
    total_licenses INTEGER,
    unlimited_expiration INTEGER,
    expires_at INTEGER,
    external_id TEXT,
    creator TEXT,
    created_at INTEGER,
    updated_at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;

-- The console's sites.
CREATE TABLE inventory_console_site (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT,
    name_folded TEXT,
    account_native_id TEXT,
    account_term INTEGER,
    state_term INTEGER,
    site_type_term INTEGER,
    suite_term INTEGER,
    sku_term INTEGER,
    usage_type_term INTEGER,
    is_default INTEGER,
    healthy INTEGER,
    active_licenses INTEGER,
    total_licenses INTEGER,
    unlimited_licenses INTEGER,
    unlimited_expiration INTEGER,
    expires_at INTEGER,
    external_id TEXT,
    description TEXT,
    creator TEXT,
    created_at INTEGER,
    updated_at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;

-- The console's groups.
CREATE TABLE inventory_console_group (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT,
    name_folded TEXT,
    site_native_id TEXT,
    group_type_term INTEGER,
    rank INTEGER,
    filter_native_id TEXT,
    filter_name TEXT,
    inherits INTEGER,
    is_default INTEGER,
    total_agents INTEGER,
    description TEXT,
    creator TEXT,
    created_at INTEGER,
    updated_at INTEGER,
    first_recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id)
) STRICT;

-- History: one row per field that changed meaning. Values are text as the language prints them; null is nothing.
CREATE TABLE inventory_change (
    org_id INTEGER NOT NULL,
    change_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    inventory TEXT NOT NULL,
    asset_id INTEGER,
    record_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    field TEXT NOT NULL,
    before TEXT,
    after TEXT,
    PRIMARY KEY (org_id, change_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_change_of_record ON inventory_change (org_id, record_id, at);

-- What the planner is to assume before anybody has counted: an organization is the whole table, and only the columns
-- after it tell rows apart. Without this it takes org_id alone for a good key, and walks tables.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_term', 'inventory_term', '5000 5000 1'),
    ('inventory_term', 'sqlite_autoindex_inventory_term_2', '5000 5000 200 1'),
    ('inventory_source_record', 'sqlite_autoindex_inventory_source_record_1', '1000000 1000000 1'),
    ('inventory_source_record', 'sqlite_autoindex_inventory_source_record_2', '1000000 1000000 500000 200000 1'),
    ('inventory_link', 'inventory_link', '200000 200000 1'),
    ('inventory_link', 'inventory_link_of_asset', '200000 200000 2 1'),
    ('inventory_asset', 'sqlite_autoindex_inventory_asset_1', '100000 100000 1'),
    ('inventory_asset', 'inventory_asset_seen', '100000 100000 2 1'),
    ('inventory_asset', 'inventory_asset_name', '100000 100000 2 1'),
    ('inventory_asset', 'inventory_asset_facet', '100000 100000 1000 300 200 100'),
    ('inventory_name', 'inventory_name', '200000 200000 2 1'),
    ('inventory_interface', 'inventory_interface', '300000 300000 3 1'),
    ('inventory_address', 'inventory_address', '400000 400000 4 1'),
    ('inventory_address', 'inventory_address_ip', '400000 400000 2 1'),
    ('inventory_tag', 'inventory_tag', '200000 200000 2 1'),
    ('inventory_need', 'inventory_need', '100000 100000 1 1'),
    ('inventory_finding', 'sqlite_autoindex_inventory_finding_1', '50000 50000 1'),
    ('inventory_finding', 'inventory_finding_time', '50000 50000 2 1'),
    ('inventory_finding', 'inventory_finding_of_agent', '50000 50000 25000 3'),
    ('inventory_finding_engine', 'inventory_finding_engine', '100000 100000 2 1'),
    ('inventory_finding_technique', 'inventory_finding_technique', '200000 200000 4 2 1'),
    ('inventory_finding_action', 'inventory_finding_action', '100000 100000 2 1'),
    ('inventory_activity', 'inventory_activity', '1000000 1000000 1'),
    ('inventory_activity', 'inventory_activity_time', '1000000 1000000 2 1'),
    ('inventory_policy_engine', 'inventory_policy_engine', '10000 10000 10 1'),
    ('inventory_change', 'inventory_change', '500000 500000 1'),
    ('inventory_change', 'inventory_change_of_record', '500000 500000 5 2');
ANALYZE sqlite_schema;
