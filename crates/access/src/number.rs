//! The numbers of things, one after the other.

use kernel::OrgId;
use store::Tx;

use crate::AccessError;

/// Where the numbers of things stand that belong to no organization, or are known across them.
pub(crate) const INSTALLATION: OrgId = OrgId(0);

const NEXT: &str = "INSERT INTO access_number (org_id, kind, last) VALUES ($1, $2, 1)
    ON CONFLICT (org_id, kind) DO UPDATE SET last = access_number.last + 1 RETURNING last";

/// The next number of a kind, from 1.
pub(crate) fn next(tx: &mut Tx<'_>, org: OrgId, kind: &str) -> Result<i64, AccessError> {
    Ok(tx.query_one(NEXT, &[org.into(), kind.into()], |row| row.int(0))?)
}
