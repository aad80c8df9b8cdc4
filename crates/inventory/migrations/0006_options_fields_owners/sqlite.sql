-- On which terms an integration's machines become assets, what hangs on machines that are left out, which devices
-- somebody untracked; custom fields and owners.

CREATE TABLE inventory_terms (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    exclude_unknown INTEGER NOT NULL,
    auto_onboard INTEGER NOT NULL,
    identity TEXT NOT NULL,
    update_metadata INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id)
) STRICT, WITHOUT ROWID;

-- Records that are left out and belong to an agent: found again when the agent's standing changes. A row may outlive
-- its purpose; looking at its record once more does no harm.
CREATE TABLE inventory_left_out_of (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    agent_native_id TEXT NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, integration_id, agent_native_id, record_id)
) STRICT, WITHOUT ROWID;

-- Agents whose standing changed: what hangs on them is to be judged anew.
CREATE TABLE inventory_rejudge (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    agent_native_id TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id, agent_native_id)
) STRICT, WITHOUT ROWID;

-- Devices that somebody took out of tracking, and why.
CREATE TABLE inventory_untracked (
    org_id INTEGER NOT NULL,
    integration_id INTEGER NOT NULL,
    agent_native_id TEXT NOT NULL,
    record_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id, agent_native_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_untracked_record ON inventory_untracked (org_id, record_id);

-- Custom fields. A tag whose key is exactly the field's fills it. choices are those of a field of that type, as JSON;
-- filled_at: assets that changed since then have not been looked at for it.
CREATE TABLE inventory_field (
    org_id INTEGER NOT NULL,
    field_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    choices TEXT NOT NULL,
    filled_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (org_id, field_id),
    UNIQUE (org_id, key)
) STRICT, WITHOUT ROWID;

-- Values of custom fields: typed by hand, or of the tag of a record. number and moment are the value as far as it is one.
CREATE TABLE inventory_field_value (
    org_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    field_id INTEGER NOT NULL,
    value TEXT NOT NULL,
    value_folded TEXT NOT NULL,
    number REAL,
    moment INTEGER,
    by_hand INTEGER NOT NULL,
    record_id INTEGER,
    since INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (org_id, asset_id, field_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_field_value_found ON inventory_field_value (org_id, field_id, value_folded, asset_id);

-- Rules for owners, tried in the order of their position; the first that matches an asset gives it its owner.
CREATE TABLE inventory_owner (
    org_id INTEGER NOT NULL,
    owner_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    condition TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (org_id, owner_id)
) STRICT, WITHOUT ROWID;

-- Whose an asset is: by a rule (owner_id), or because somebody said so (owner_id is null).
CREATE TABLE inventory_asset_owner (
    org_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    owner_term INTEGER NOT NULL,
    owner_id INTEGER,
    since INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (org_id, asset_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_asset_owner_found ON inventory_asset_owner (org_id, owner_term, asset_id);

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_left_out_of', 'inventory_left_out_of', '100000 100000 50000 20 1'),
    ('inventory_rejudge', 'inventory_rejudge', '1000 1000 500 1'),
    ('inventory_untracked', 'inventory_untracked', '1000 1000 500 1'),
    ('inventory_untracked', 'inventory_untracked_record', '1000 1000 1'),
    ('inventory_field_value', 'inventory_field_value', '200000 200000 2 1'),
    ('inventory_field_value', 'inventory_field_value_found', '200000 200000 50000 100 1'),
    ('inventory_asset_owner', 'inventory_asset_owner', '100000 100000 1'),
    ('inventory_asset_owner', 'inventory_asset_owner_found', '100000 100000 5000 1');
ANALYZE sqlite_schema;
