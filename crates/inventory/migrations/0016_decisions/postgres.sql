-- What a person decided that moved a record (merged, split, pinned, unpinned), and why; who is in the column of that name.
ALTER TABLE inventory_change ADD COLUMN decision TEXT COLLATE "C";
ALTER TABLE inventory_change ADD COLUMN reason TEXT COLLATE "C";

-- The oldest record that an emptied asset had: the asset's id leads wherever that record is.
ALTER TABLE inventory_asset_former ADD COLUMN record_id BIGINT;
CREATE INDEX inventory_asset_former_record ON inventory_asset_former (org_id, record_id);
