//! How many records there are.

use kernel::{IntegrationId, OrgId};
use store::Tx;

use crate::InventoryError;

/// Records of one stream of one integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCount {
    /// The stream's name.
    pub stream: String,
    /// `present`, `missing` or `retired`.
    pub state: String,
    /// How many.
    pub records: u64,
}

/// How many records an integration has, by stream and state, in the order of their names.
///
/// # Errors
/// The database fails.
pub fn counts(tx: &mut Tx, org: OrgId, integration: IntegrationId) -> Result<Vec<StreamCount>, InventoryError> {
    const COUNTS: &str = "SELECT stream, state, COUNT(*) FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 GROUP BY stream, state ORDER BY stream, state";
    Ok(tx.query(COUNTS, &[org.into(), integration.into()], |row| {
        Ok(StreamCount {
            stream: row.text(0)?.to_owned(),
            state: row.text(1)?.to_owned(),
            records: row.int(2)?.unsigned_abs(),
        })
    })?)
}
