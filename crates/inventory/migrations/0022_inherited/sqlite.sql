-- What a person said of an asset that was merged into another: the other has it for as long as they are one. Field 0 is
-- the owner.
CREATE TABLE inventory_inherited (
    org_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    field_id INTEGER NOT NULL,
    from_asset_id INTEGER NOT NULL,
    PRIMARY KEY (org_id, asset_id, field_id)
) STRICT, WITHOUT ROWID;
