//! What people said of an asset that was merged into another. Its own word stays where it was said, so that undoing the
//! merge brings it back; the asset that it went into shows it for as long as the two are one.

use kernel::{AssetId, OrgId};
use store::{StoreError, Tx};

/// The field of the owner, which is none of the custom ones.
pub(crate) const OWNER: i64 = 0;

/// Who takes back what an asset inherited.
pub(crate) const BY: &str = "correlation";

/// Which fields are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// The owner.
    Owner,
    /// The custom ones.
    Custom,
}

impl Fields {
    const fn range(self) -> (i64, i64) {
        match self {
            Fields::Owner => (OWNER, OWNER),
            Fields::Custom => (OWNER + 1, i64::MAX),
        }
    }
}

/// Remembers that an asset shows what was said of one that went into it.
pub(crate) fn note(tx: &mut Tx<'_>, org: OrgId, heir: i64, field: i64, from: i64) -> Result<(), StoreError> {
    const NOTE: &str =
        "INSERT INTO inventory_inherited (org_id, asset_id, field_id, from_asset_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (org_id, asset_id, field_id) DO UPDATE SET from_asset_id = EXCLUDED.from_asset_id";
    tx.execute(NOTE, &[org.into(), heir.into(), field.into(), from.into()])?;
    Ok(())
}

/// From now on the field of an asset is its own, whatever is said of it.
pub(crate) fn forget(tx: &mut Tx<'_>, org: OrgId, asset: i64, field: i64) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM inventory_inherited WHERE org_id = $1 AND asset_id = $2 AND field_id = $3";
    tx.execute(FORGET, &[org.into(), asset.into(), field.into()])?;
    Ok(())
}

/// Assets and fields that show what was said of an asset which is not a part of them any more, and forgets them.
pub(crate) fn parted(tx: &mut Tx<'_>, org: OrgId, fields: Fields) -> Result<Vec<(i64, i64)>, StoreError> {
    const PARTED: &str = "SELECT i.asset_id, i.field_id FROM inventory_inherited i
        LEFT JOIN inventory_asset_former f ON f.org_id = i.org_id AND f.asset_id = i.from_asset_id
        WHERE i.org_id = $1 AND i.field_id BETWEEN $2 AND $3
        AND (f.now_asset_id IS NULL OR f.now_asset_id <> i.asset_id)
        ORDER BY i.asset_id, i.field_id";
    let (first, last) = fields.range();
    let found = tx.query(PARTED, &[org.into(), first.into(), last.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
    for (asset, field) in &found {
        forget(tx, org, *asset, *field)?;
    }
    Ok(found)
}

/// The assets that went into one, for what is said of it from now on to be said of all of it.
pub(crate) fn former(tx: &mut Tx<'_>, org: OrgId, asset: AssetId) -> Result<Vec<i64>, StoreError> {
    const FORMER: &str = "SELECT DISTINCT asset_id FROM inventory_asset_former WHERE org_id = $1 AND now_asset_id = $2 ORDER BY asset_id";
    tx.query(FORMER, &[org.into(), asset.into()], |row| row.int(0))
}
