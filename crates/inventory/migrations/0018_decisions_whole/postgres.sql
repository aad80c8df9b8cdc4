-- What a person decided about which records are one machine, as a whole: so it can be told, and taken back. In `body` is
-- what it was about, and what had been said before that it replaced.
CREATE TABLE inventory_decision (
    org_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    asset_id BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    undone_at BIGINT,
    undone_by TEXT COLLATE "C",
    undone_reason TEXT COLLATE "C",
    PRIMARY KEY (org_id, decision_id)
);

-- Which records it was about.
CREATE TABLE inventory_decision_record (
    org_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, record_id, decision_id)
);
CREATE INDEX inventory_decision_record_decision ON inventory_decision_record (org_id, decision_id);

-- By which decision a word about records is there; earlier versions did not say.
ALTER TABLE inventory_directive ADD COLUMN decision_id BIGINT;
