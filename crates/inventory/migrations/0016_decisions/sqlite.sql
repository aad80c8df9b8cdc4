-- What a person decided that moved a record (merged, split, pinned, unpinned), and why; who is in the column of that name.
ALTER TABLE inventory_change ADD COLUMN decision TEXT;
ALTER TABLE inventory_change ADD COLUMN reason TEXT;

-- The oldest record that an emptied asset had: the asset's id leads wherever that record is.
ALTER TABLE inventory_asset_former ADD COLUMN record_id INTEGER;
CREATE INDEX inventory_asset_former_record ON inventory_asset_former (org_id, record_id);

-- What the planner is to assume before anybody has counted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('inventory_asset_former', 'inventory_asset_former_record', '1000 1000 1');
ANALYZE sqlite_schema;
