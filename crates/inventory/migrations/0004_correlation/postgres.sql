-- Correlation: which records speak of one machine, why, and what people decided about it.

-- The record that a record joined by its link's evidence; null for the first of an asset.
ALTER TABLE inventory_link ADD COLUMN partner_id BIGINT;

-- What a record says that tells which machine it is (identity), and since when and until when it has each identifier
-- (held), both as correlation last saw them. An identifier that it lost is kept for 30 days: forgets is when the next goes.
CREATE TABLE inventory_identity (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    identity BYTEA NOT NULL,
    held BYTEA NOT NULL,
    forgets BIGINT,
    PRIMARY KEY (org_id, record_id)
);
CREATE INDEX inventory_identity_forgets ON inventory_identity (org_id, forgets) WHERE forgets IS NOT NULL;

-- Blocks: records by identifier. The hash holds the kind in its upper bits; what it is the hash of is in the identity.
CREATE TABLE inventory_identifier (
    org_id BIGINT NOT NULL,
    hash BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, hash, record_id)
);

-- Identifiers that say nothing, because two live records of one source have them, or a crowd has.
CREATE TABLE inventory_shared_identifier (
    org_id BIGINT NOT NULL,
    hash BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    one_record BIGINT,
    other_record BIGINT,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (org_id, hash)
);
CREATE INDEX inventory_shared_identifier_until ON inventory_shared_identifier (org_id, until);

-- What people decided: together and apart are about two records, pinned about a record and the first of its asset, pool
-- about a console group (word).
CREATE TABLE inventory_directive (
    org_id BIGINT NOT NULL,
    directive_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    one_record BIGINT,
    other_record BIGINT,
    word TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, directive_id)
);
CREATE INDEX inventory_directive_one ON inventory_directive (org_id, one_record);
CREATE INDEX inventory_directive_other ON inventory_directive (org_id, other_record);

-- Questions for people about two records; the id follows from the records.
CREATE TABLE inventory_suggestion (
    org_id BIGINT NOT NULL,
    suggestion_id BIGINT NOT NULL,
    about TEXT COLLATE "C" NOT NULL,
    one_record BIGINT NOT NULL,
    other_record BIGINT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    evidence TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, suggestion_id)
);
CREATE INDEX inventory_suggestion_one ON inventory_suggestion (org_id, one_record);
CREATE INDEX inventory_suggestion_other ON inventory_suggestion (org_id, other_record);

-- Records of two systems that take turns on one piece of hardware.
CREATE TABLE inventory_same_hardware (
    org_id BIGINT NOT NULL,
    one_record BIGINT NOT NULL,
    other_record BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, one_record, other_record)
);
CREATE INDEX inventory_same_hardware_other ON inventory_same_hardware (org_id, other_record);

