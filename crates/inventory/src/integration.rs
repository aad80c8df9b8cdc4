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

/// What integrations are called, by name.
///
/// # Errors
/// The database fails.
pub(crate) fn names(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<String>, StoreError> {
    const READ: &str = "SELECT name FROM inventory_integration WHERE org_id = $1 ORDER BY name";
    tx.query(READ, &[org.into()], |row| Ok(row.text(0)?.to_owned()))
}
