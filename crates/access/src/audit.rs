//! The audit trail: who did what, when. It only ever grows; triggers on both databases see to it.
//!
//! What concerns the installation or a person of no organization stands in the trail of the first organization.

use kernel::{OrgId, Timestamp};
use store::{Row, StoreError, Tx};

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
    tx.query(PAGE, &[org.into(), after.into(), i64::from(limit).into()], read)
}

/// Which lines of a trail are asked for. Nothing set is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who did it, to the letter.
    pub who: Option<String>,
    /// What was done, or how it begins: `link.` is all that concerns links.
    pub what: Option<String>,
    /// What it was done to, to the letter.
    pub subject: Option<String>,
    /// From when, this instant included.
    pub from: Option<Timestamp>,
    /// Until when, this instant not included.
    pub until: Option<Timestamp>,
}

/// Which way to read from a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPlace {
    /// The latest lines, the newest first.
    Latest,
    /// Lines before this number, the newest first.
    Before(i64),
    /// Lines after this number, the oldest first.
    After(i64),
}

macro_rules! filtered {
    ($order:literal) => {
        concat!(
            "SELECT seq, at, who, what, subject, detail FROM access_audit
            WHERE org_id = $1 AND seq > $2 AND seq < $3 AND at >= $4 AND at < $5
            AND (CAST($6 AS TEXT) IS NULL OR who = $6) AND (CAST($7 AS TEXT) IS NULL OR subject = $7)
            AND substr(what, 1, length($8)) = $8 ORDER BY seq ",
            $order,
            " LIMIT $9"
        )
    };
}

const FORTH: &str = filtered!("ASC");
const BACK: &str = filtered!("DESC");

/// Reads up to `limit` lines of an organization's trail that a filter lets through, from a place on.
///
/// # Errors
/// The database refuses.
pub fn audit_page(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &AuditFilter,
    place: AuditPlace,
    limit: u32,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (sql, after, before) = match place {
        AuditPlace::Latest => (BACK, 0, i64::MAX),
        AuditPlace::Before(seq) => (BACK, 0, seq),
        AuditPlace::After(seq) => (FORTH, seq, i64::MAX),
    };
    let values = [
        org.into(),
        after.into(),
        before.into(),
        filter.from.unwrap_or(Timestamp::from_micros(i64::MIN)).into(),
        filter.until.unwrap_or(Timestamp::from_micros(i64::MAX)).into(),
        filter.who.as_deref().into(),
        filter.subject.as_deref().into(),
        filter.what.as_deref().unwrap_or_default().into(),
        i64::from(limit).into(),
    ];
    tx.query(sql, &values, read)
}

fn read(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: row.int(0)?,
        at: Timestamp::from_micros(row.int(1)?),
        who: row.text(2)?.to_owned(),
        what: row.text(3)?.to_owned(),
        subject: row.text(4)?.to_owned(),
        detail: row.text(5)?.to_owned(),
    })
}
