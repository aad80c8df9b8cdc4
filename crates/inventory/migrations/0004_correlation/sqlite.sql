-- Correlation: which records speak of one machine, why, and what people decided about it.

-- The record that a record joined by its link's evidence; null for the first of an asset.
ALTER TABLE inventory_link ADD COLUMN partner_id INTEGER;

-- What a record says that tells which machine it is (identity), and since when and until when it has each identifier
-- (held), both as correlation last saw them. An identifier that it lost is kept for 30 days: forgets is when the next goes.
CREATE TABLE inventory_identity (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    identity BLOB NOT NULL,
    held BLOB NOT NULL,
    forgets INTEGER,
    PRIMARY KEY (org_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_identity_forgets ON inventory_identity (org_id, forgets) WHERE forgets IS NOT NULL;

-- Blocks: records by identifier. The hash holds the kind in its upper bits; what it is the hash of is in the identity.
CREATE TABLE inventory_identifier (
    org_id INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, hash, record_id)
) STRICT, WITHOUT ROWID;

-- Identifiers that say nothing, because two live records of one source have them, or a crowd has.
CREATE TABLE inventory_shared_identifier (
    org_id INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    why TEXT NOT NULL,
    one_record INTEGER,
    other_record INTEGER,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (org_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_shared_identifier_until ON inventory_shared_identifier (org_id, until);

-- What people decided: together and apart are about two records, pinned about a record and the first of its asset, pool
-- about a console group (word).
CREATE TABLE inventory_directive (
    org_id INTEGER NOT NULL,
    directive_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    one_record INTEGER,
    other_record INTEGER,
    word TEXT,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, directive_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_directive_one ON inventory_directive (org_id, one_record);
CREATE INDEX inventory_directive_other ON inventory_directive (org_id, other_record);

-- Questions for people about two records; the id follows from the records.
CREATE TABLE inventory_suggestion (
    org_id INTEGER NOT NULL,
    suggestion_id INTEGER NOT NULL,
    about TEXT NOT NULL,
    one_record INTEGER NOT NULL,
    other_record INTEGER NOT NULL,
    score REAL NOT NULL,
    evidence TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, suggestion_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_suggestion_one ON inventory_suggestion (org_id, one_record);
CREATE INDEX inventory_suggestion_other ON inventory_suggestion (org_id, other_record);

-- Records of two systems that take turns on one piece of hardware.
CREATE TABLE inventory_same_hardware (
    org_id INTEGER NOT NULL,
    one_record INTEGER NOT NULL,
    other_record INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, one_record, other_record)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_same_hardware_other ON inventory_same_hardware (org_id, other_record);

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_identity', 'inventory_identity', '200000 200000 1'),
    ('inventory_identity', 'inventory_identity_forgets', '1000 1000 1'),
    ('inventory_identifier', 'inventory_identifier', '1000000 1000000 1 1'),
    ('inventory_shared_identifier', 'inventory_shared_identifier', '1000 1000 1'),
    ('inventory_shared_identifier', 'inventory_shared_identifier_until', '1000 1000 1'),
    ('inventory_suggestion', 'inventory_suggestion', '1000 1000 1'),
    ('inventory_suggestion', 'inventory_suggestion_one', '1000 1000 1'),
    ('inventory_suggestion', 'inventory_suggestion_other', '1000 1000 1'),
    ('inventory_same_hardware', 'inventory_same_hardware', '1000 1000 1 1'),
    ('inventory_same_hardware', 'inventory_same_hardware_other', '1000 1000 1');
ANALYZE sqlite_schema;
