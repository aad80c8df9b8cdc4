-- History that can be undone. undo is what the columns (an object, by name) or the child rows (a list of rows) were, as
-- JSON; null in rows that were written before it was kept. Bytes are hexadecimal there.
ALTER TABLE inventory_change ADD COLUMN undo TEXT COLLATE "C";
CREATE INDEX inventory_change_at ON inventory_change (org_id, at);
CREATE INDEX inventory_change_moved ON inventory_change (org_id, before) WHERE field = 'asset';

-- How long history is kept, and since when all of it is there; null: for ever, and from the beginning.
CREATE TABLE inventory_history (
    org_id BIGINT NOT NULL,
    keep_days BIGINT,
    complete_since BIGINT,
    PRIMARY KEY (org_id)
);

-- What changed until today cannot be undone.
INSERT INTO inventory_history (org_id, complete_since)
    SELECT org_id, MAX(at) FROM inventory_change WHERE field NOT IN ('removed', 'asset') GROUP BY org_id;
