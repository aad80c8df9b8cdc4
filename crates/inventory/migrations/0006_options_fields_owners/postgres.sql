-- On which terms an integration's machines become assets, what hangs on machines that are left out, which devices
-- somebody untracked; custom fields and owners.

CREATE TABLE inventory_terms (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    exclude_unknown BIGINT NOT NULL,
    auto_onboard BIGINT NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    update_metadata BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id)
);

-- Records that are left out and belong to an agent: found again when the agent's standing changes. A row may outlive
-- its purpose; looking at its record once more does no harm.
CREATE TABLE inventory_left_out_of (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    agent_native_id TEXT COLLATE "C" NOT NULL,
    record_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, integration_id, agent_native_id, record_id)
);

-- Agents whose standing changed: what hangs on them is to be judged anew.
CREATE TABLE inventory_rejudge (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    agent_native_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, integration_id, agent_native_id)
);

-- Devices that somebody took out of tracking, and why.
CREATE TABLE inventory_untracked (
    org_id BIGINT NOT NULL,
    integration_id BIGINT NOT NULL,
    agent_native_id TEXT COLLATE "C" NOT NULL,
    record_id BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, integration_id, agent_native_id)
);
CREATE INDEX inventory_untracked_record ON inventory_untracked (org_id, record_id);

-- Custom fields. A tag whose key is exactly the field's fills it. choices are those of a field of that type, as JSON;
-- filled_at: assets that changed since then have not been looked at for it.
CREATE TABLE inventory_field (
    org_id BIGINT NOT NULL,
    field_id BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    choices TEXT COLLATE "C" NOT NULL,
    filled_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, field_id),
    UNIQUE (org_id, key)
);

-- Values of custom fields: typed by hand, or of the tag of a record. number and moment are the value as far as it is one.
CREATE TABLE inventory_field_value (
    org_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    field_id BIGINT NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    value_folded TEXT COLLATE "C" NOT NULL,
    number DOUBLE PRECISION,
    moment BIGINT,
    by_hand BIGINT NOT NULL,
    record_id BIGINT,
    since BIGINT NOT NULL,
    set_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, asset_id, field_id)
);
CREATE INDEX inventory_field_value_found ON inventory_field_value (org_id, field_id, value_folded, asset_id);

-- Rules for owners, tried in the order of their position; the first that matches an asset gives it its owner.
CREATE TABLE inventory_owner (
    org_id BIGINT NOT NULL,
    owner_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    condition TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, owner_id)
);

-- Whose an asset is: by a rule (owner_id), or because somebody said so (owner_id is null).
CREATE TABLE inventory_asset_owner (
    org_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    owner_term BIGINT NOT NULL,
    owner_id BIGINT,
    since BIGINT NOT NULL,
    set_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, asset_id)
);
CREATE INDEX inventory_asset_owner_found ON inventory_asset_owner (org_id, owner_term, asset_id);
