-- What a person said of an asset that was merged into another: the other has it for as long as they are one. Field 0 is
-- the owner.
CREATE TABLE inventory_inherited (
    org_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    field_id BIGINT NOT NULL,
    from_asset_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, asset_id, field_id)
);
