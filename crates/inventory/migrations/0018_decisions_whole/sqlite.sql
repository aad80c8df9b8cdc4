-- What a person decided about which records are one machine, as a whole: so it can be told, and taken back. In `body` is
-- what it was about, and what had been said before that it replaced.
CREATE TABLE inventory_decision (
    org_id INTEGER NOT NULL,
    decision_id INTEGER NOT NULL,
    what TEXT NOT NULL,
    asset_id INTEGER NOT NULL,
    body TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    undone_at INTEGER,
    undone_by TEXT,
    undone_reason TEXT,
    PRIMARY KEY (org_id, decision_id)
) STRICT, WITHOUT ROWID;

-- Which records it was about.
CREATE TABLE inventory_decision_record (
    org_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    decision_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, record_id, decision_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_decision_record_decision ON inventory_decision_record (org_id, decision_id);

-- By which decision a word about records is there; earlier versions did not say.
ALTER TABLE inventory_directive ADD COLUMN decision_id INTEGER;
