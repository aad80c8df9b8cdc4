//! Muster's sites: where assets live.

use kernel::{OrgId, SiteId, Timestamp, fold};
use store::Tx;

use crate::{InventoryError, memory};

/// The site of this name, made if there is none. Names that fold alike are one site, and the first spelling stays.
///
/// # Errors
/// The database fails.
pub fn ensure_site(tx: &mut Tx, org: OrgId, name: &str, now: Timestamp) -> Result<SiteId, InventoryError> {
    const BY_NAME: &str = "SELECT site_id FROM inventory_site WHERE org_id = $1 AND name_folded = $2";
    const MAKE: &str = "INSERT INTO inventory_site (org_id, site_id, name, name_folded, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    let (name, _) = fold::without_nul(name);
    let folded = fold(&name);
    let by_name = [org.into(), folded.as_ref().into()];
    if let Some(site) = tx.query_opt(BY_NAME, &by_name, |row| row.int(0))? {
        return Ok(SiteId(site));
    }
    let id = memory::next_id(tx, org)?;
    // The head is locked now: nobody else can make the site between this look and the next statement.
    if let Some(site) = tx.query_opt(BY_NAME, &by_name, |row| row.int(0))? {
        return Ok(SiteId(site));
    }
    tx.execute(MAKE, &[org.into(), id.into(), name.as_ref().into(), folded.as_ref().into(), now.into()])?;
    Ok(SiteId(id))
}
