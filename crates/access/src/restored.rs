//! What must not come back with a backup.

use kernel::{OrgId, Timestamp};
use store::Tx;

use crate::{AccessError, audit};

/// Withdraws what a restored backup would open again although it was used or ended since: sessions, invitations and other
/// tickets, half-done sign-ins and open connection links. Says so in the trail of the first organization; `detail` says
/// what was restored.
///
/// # Errors
/// The database refuses.
pub fn after_restore(tx: &mut Tx<'_>, by: &str, detail: &str, now: Timestamp) -> Result<(), AccessError> {
    const LINKS: &str = "UPDATE access_link SET state = 'revoked', state_at = $1,
        state_why = 'a backup was restored in which it was still open' WHERE state IN ('open', 'opened')";
    tx.execute("DELETE FROM access_session", &[])?;
    tx.execute("DELETE FROM access_ticket", &[])?;
    tx.execute("DELETE FROM access_provider_attempt", &[])?;
    tx.execute(LINKS, &[now.into()])?;
    audit(tx, OrgId::DEFAULT, now, by, "database.restore", "", detail)?;
    Ok(())
}
