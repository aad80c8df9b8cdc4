//! What a page shows of rows beside their fields: the asset that each is on, and what people and tags say of one asset.

use std::collections::{BTreeMap, HashMap};

use kernel::{AssetId, OrgId, RecordId, ServiceId};
use query::Inventory;
use store::{Keys, StoreError, Tx};

/// The assets that rows are on, by the rows' public ids. A name may be that of several assets; this is the row's own.
///
/// # Errors
/// The database fails.
pub fn assets_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    inventory: &Inventory,
    ids: &[&str],
) -> Result<HashMap<String, AssetId>, StoreError> {
    let Some(scope) = inventory.scope("asset") else { return Ok(HashMap::new()) };
    let number = |id: &str| RecordId::parse(id).map(|id| id.0).or_else(|| ServiceId::parse(id).map(|id| id.0));
    let by_number: BTreeMap<i64, &str> = ids.iter().filter_map(|id| Some((number(id)?, *id))).collect();
    let keys: Vec<i64> = by_number.keys().copied().collect();
    let (table, key) = (inventory.base.table, inventory.base.key);
    let from = scope.from.replace("{t}", "t").replace("{e}", "e");
    let read = format!(
        "SELECT t.{key}, (SELECT MIN(e.asset_id) {from}) FROM {table} t WHERE t.org_id = $1 AND t.{key} IN KEYS"
    );
    let found = tx.select_in(&read, &[org.into()], Keys::Ints(&keys), |row| Ok((row.int(0)?, row.opt_int(1)?)))?;
    let named = |(row, asset): (i64, Option<i64>)| Some(((*by_number.get(&row)?).to_owned(), AssetId(asset?)));
    Ok(found.into_iter().filter_map(named).collect())
}

/// The custom fields of an asset that have a value, by name: name and value.
///
/// # Errors
/// The database fails.
pub fn custom_values(tx: &mut Tx<'_>, org: OrgId, asset: AssetId) -> Result<Vec<(String, String)>, StoreError> {
    const READ: &str = "SELECT f.key, v.value FROM inventory_field_value v
        JOIN inventory_field f ON f.org_id = v.org_id AND f.field_id = v.field_id
        WHERE v.org_id = $1 AND v.asset_id = $2 ORDER BY f.key";
    tx.query(READ, &[org.into(), asset.into()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
}

/// The tags of an asset that a source says now, by key: key and value, empty if it has none.
///
/// # Errors
/// The database fails.
pub fn tags(tx: &mut Tx<'_>, org: OrgId, asset: AssetId) -> Result<Vec<(String, String)>, StoreError> {
    const READ: &str = "SELECT DISTINCT g.key, g.value FROM inventory_link l
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id AND m.present = 1
        JOIN inventory_tag g ON g.org_id = l.org_id AND g.record_id = l.record_id
        WHERE l.org_id = $1 AND l.asset_id = $2 ORDER BY g.key, g.value";
    tx.query(READ, &[org.into(), asset.into()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
}
