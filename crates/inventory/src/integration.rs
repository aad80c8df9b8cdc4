//! What integrations are called, as a question names them; and which of them were deleted.

use kernel::{IntegrationId, OrgId, Timestamp, fold};
use rustc_hash::FxHashSet;
use store::{StoreError, Tx};

use crate::onboard;

/// Notes what an integration is called from now on.
///
/// # Errors
/// The database fails.
pub fn call(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId, name: &str) -> Result<(), StoreError> {
    const SET: &str = "INSERT INTO inventory_integration (org_id, integration_id, name, name_folded)
        VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, integration_id)
        DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded";
    tx.execute(SET, &[org.into(), integration.into(), name.into(), fold(name).as_ref().into()])?;
    Ok(())
}

/// Whether an integration's name was noted, as it was not before there was a place for it.
///
/// # Errors
/// The database fails.
pub fn is_called(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId) -> Result<bool, StoreError> {
    const READ: &str = "SELECT 1 FROM inventory_integration WHERE org_id = $1 AND integration_id = $2";
    Ok(tx.query_opt(READ, &[org.into(), integration.into()], |row| row.int(0))?.is_some())
}

/// What integrations are called, by name.
///
/// # Errors
/// The database fails.
pub(crate) fn names(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<String>, StoreError> {
    const READ: &str = "SELECT name FROM inventory_integration WHERE org_id = $1 ORDER BY name";
    tx.query(READ, &[org.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// Notes that an integration was deleted. What it said stays, as history; and correlation looks at all of its machines again,
/// the ones among them that were gone before too, with everything that they touch: from now on they part nothing, and
/// join nothing.
///
/// # Errors
/// The database fails.
pub fn end(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, name: &str, now: Timestamp) -> Result<(), StoreError> {
    const END: &str = "UPDATE inventory_integration SET ended_at = $3 WHERE org_id = $1 AND integration_id = $2";
    call(tx, org, id, name)?;
    tx.execute(END, &[org.into(), id.into(), now.into()])?;
    onboard::unsettle(tx, org, id).map(drop)
}

/// Notes that every integration was deleted that is not one of these, as it was not when there was no place for it.
///
/// # Errors
/// The database fails.
pub fn end_others(tx: &mut Tx<'_>, org: OrgId, living: &[IntegrationId], now: Timestamp) -> Result<(), StoreError> {
    const NAMED: &str = "SELECT integration_id, name FROM inventory_integration WHERE org_id = $1 AND ended_at IS NULL";
    let named = tx.query(NAMED, &[org.into()], |row| Ok((IntegrationId(row.int(0)?), row.text(1)?.to_owned())))?;
    for (id, name) in named.into_iter().filter(|(id, _)| !living.contains(id)) {
        end(tx, org, id, &name, now)?;
    }
    Ok(())
}

/// The integrations that were deleted.
///
/// # Errors
/// The database fails.
pub(crate) fn ended(tx: &mut Tx<'_>, org: OrgId) -> Result<FxHashSet<IntegrationId>, StoreError> {
    const ENDED: &str = "SELECT integration_id FROM inventory_integration WHERE org_id = $1 AND ended_at IS NOT NULL";
    Ok(tx.query(ENDED, &[org.into()], |row| Ok(IntegrationId(row.int(0)?)))?.into_iter().collect())
}
