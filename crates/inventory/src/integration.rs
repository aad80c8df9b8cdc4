//! What integrations are called, as a question names them.

use kernel::{IntegrationId, OrgId, fold};
use store::{StoreError, Tx};

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
