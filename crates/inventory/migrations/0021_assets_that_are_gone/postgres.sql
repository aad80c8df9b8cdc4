-- The assets that no source has any more, few among many: every answer says how many of them are in it.
CREATE INDEX inventory_asset_gone ON inventory_asset (org_id, asset_id) WHERE gone = 1;
