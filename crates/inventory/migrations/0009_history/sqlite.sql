-- History that can be undone. undo is what the columns (an object, by name) or the child rows (a list of rows) were, as
-- JSON; null in rows that were written before it was kept. Bytes are hexadecimal there.
ALTER TABLE inventory_change ADD COLUMN undo TEXT;
CREATE INDEX inventory_change_at ON inventory_change (org_id, at);
CREATE INDEX inventory_change_moved ON inventory_change (org_id, before) WHERE field = 'asset';

-- How long history is kept, and since when all of it is there; null: for ever, and from the beginning.
CREATE TABLE inventory_history (
    org_id INTEGER NOT NULL,
    keep_days INTEGER,
    complete_since INTEGER,
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

-- What changed until today cannot be undone.
INSERT INTO inventory_history (org_id, complete_since)
    SELECT org_id, MAX(at) FROM inventory_change WHERE field NOT IN ('removed', 'asset') GROUP BY org_id;

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_change', 'inventory_change_at', '500000 500000 50'),
    ('inventory_change', 'inventory_change_moved', '5000 5000 2'),
    ('inventory_history', 'inventory_history', '1 1');
ANALYZE sqlite_schema;
