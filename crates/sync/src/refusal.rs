//! Consoles that asked for patience (429), written down so that a worker that is started again does not begin by asking.
//! Every statement of `sync_refusal`.

use kernel::{IntegrationId, OrgId, Timestamp};
use store::{StoreError, Tx};

/// That a console asked for patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How often in a row.
    pub throttles: u32,
    /// When last.
    pub at: Timestamp,
    /// Until when nothing is asked.
    pub until: Timestamp,
}

/// What was last written down of a console.
///
/// # Errors
/// The database fails.
pub fn read(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Option<Refusal>, StoreError> {
    const READ: &str =
        "SELECT throttles, refused_at, until FROM sync_refusal WHERE org_id = $1 AND integration_id = $2";
    tx.query_opt(READ, &[org.into(), id.into()], |row| {
        Ok(Refusal {
            throttles: u32::try_from(row.int(0)?).unwrap_or(u32::MAX),
            at: Timestamp::from_micros(row.int(1)?),
            until: Timestamp::from_micros(row.int(2)?),
        })
    })
}

/// Writes it down.
///
/// # Errors
/// The database fails.
pub fn write(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, of: Refusal) -> Result<(), StoreError> {
    const WRITE: &str = "INSERT INTO sync_refusal (org_id, integration_id, throttles, refused_at, until) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, integration_id) DO UPDATE SET throttles = excluded.throttles, \
        refused_at = excluded.refused_at, until = excluded.until";
    let values = [org.into(), id.into(), i64::from(of.throttles).into(), of.at.into(), of.until.into()];
    tx.execute(WRITE, &values).map(drop)
}

/// The console answers again.
///
/// # Errors
/// The database fails.
pub fn forget(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM sync_refusal WHERE org_id = $1 AND integration_id = $2";
    tx.execute(FORGET, &[org.into(), id.into()]).map(drop)
}
