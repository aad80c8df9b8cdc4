-- Who changed what no source says: owners and custom fields. Such rows have record 0.
ALTER TABLE inventory_change ADD COLUMN who TEXT COLLATE "C";
CREATE INDEX inventory_change_own ON inventory_change (org_id, asset_id) WHERE record_id = 0;

-- What changed of owners, custom fields and links until today cannot be undone.
INSERT INTO inventory_history (org_id, complete_since)
    SELECT org_id, MAX(at) FROM (
        SELECT org_id, since AS at FROM inventory_asset_owner
        UNION ALL SELECT org_id, since FROM inventory_field_value
        UNION ALL SELECT org_id, at FROM inventory_change
    ) AS changed WHERE true GROUP BY org_id
    ON CONFLICT (org_id) DO UPDATE SET complete_since = GREATEST(COALESCE(inventory_history.complete_since, 0), EXCLUDED.complete_since);

