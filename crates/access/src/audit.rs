//! The audit trail: who did what, when. It only ever grows; triggers on both databases see to it.

use kernel::{OrgId, Timestamp};
use store::{StoreError, Tx};

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the organization's trail, from 1, without gaps.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a person, a token's name, or `cli`.
    pub who: String,
    /// What was done, as a verb: `integration.connect`.
    pub what: String,
    /// What it was done to.
    pub subject: String,
    /// What else is worth knowing, for people. Never a secret.
    pub detail: String,
}

const NEXT: &str =
    "UPDATE access_org SET audit_seq_last = audit_seq_last + 1 WHERE org_id = $1 RETURNING audit_seq_last";
const ADD: &str = "INSERT INTO access_audit (org_id, seq, at, who, what, subject, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const PAGE: &str = "SELECT seq, at, who, what, subject, detail FROM access_audit
    WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// Adds a line to the organization's audit trail, in the caller's transaction, and answers its number.
///
/// # Errors
/// The organization does not exist, or the database refuses.
pub fn audit(
    tx: &mut Tx<'_>,
    org: OrgId,
    at: Timestamp,
    who: &str,
    what: &str,
    subject: &str,
    detail: &str,
) -> Result<i64, StoreError> {
    let seq = tx.query_one(NEXT, &[org.into()], |row| row.int(0))?;
    let values = [org.into(), seq.into(), at.into(), who.into(), what.into(), subject.into(), detail.into()];
    tx.execute(ADD, &values)?;
    Ok(seq)
}

/// Reads up to `limit` lines of the trail that come after number `after`.
///
/// # Errors
/// The database refuses.
pub fn audit_trail(tx: &mut Tx<'_>, org: OrgId, after: i64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
    tx.query(PAGE, &[org.into(), after.into(), i64::from(limit).into()], |row| {
        Ok(AuditEntry {
            seq: row.int(0)?,
            at: Timestamp::from_micros(row.int(1)?),
            who: row.text(2)?.to_owned(),
            what: row.text(3)?.to_owned(),
            subject: row.text(4)?.to_owned(),
            detail: row.text(5)?.to_owned(),
        })
    })
}
