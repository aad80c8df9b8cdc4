//! Connectors that are still on trial: who asked for one, and who allowed it. Every statement of `sync_enrolment`.

use kernel::{OrgId, Timestamp};
use store::{Row, StoreError, Tx};

/// How far an organization is with a connector on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The connector's word.
    pub connector: String,
    /// When somebody asked for it.
    pub asked_at: Timestamp,
    /// Who did.
    pub asked_by: String,
    /// When an administrator allowed it, and who that was; nothing while it is not decided.
    pub allowed: Option<(Timestamp, String)>,
}

/// Every connector on trial that somebody of an organization asked for.
///
/// # Errors
/// The database fails.
pub fn enrolments(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Enrolment>, StoreError> {
    const READ: &str = "SELECT connector, asked_at, asked_by, allowed_at, allowed_by FROM sync_enrolment \
        WHERE org_id = $1 ORDER BY connector";
    tx.query(READ, &[org.into()], |row: &Row<'_>| {
        let by = row.opt_text(4)?.unwrap_or_default().to_owned();
        Ok(Enrolment {
            connector: row.text(0)?.to_owned(),
            asked_at: Timestamp::from_micros(row.int(1)?),
            asked_by: row.text(2)?.to_owned(),
            allowed: row.opt_int(3)?.map(|at| (Timestamp::from_micros(at), by)),
        })
    })
}

/// Whether an administrator of an organization allowed a connector on trial.
///
/// # Errors
/// The database fails.
pub fn is_allowed(tx: &mut Tx<'_>, org: OrgId, connector: &str) -> Result<bool, StoreError> {
    Ok(enrolments(tx, org)?.iter().any(|of| of.connector == connector && of.allowed.is_some()))
}

/// Asks for a connector on trial; asked again, the first request stands.
///
/// # Errors
/// The database fails.
pub fn enrol(tx: &mut Tx<'_>, org: OrgId, connector: &str, who: &str, now: Timestamp) -> Result<(), StoreError> {
    const ASK: &str = "INSERT INTO sync_enrolment (org_id, connector, asked_at, asked_by) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (org_id, connector) DO NOTHING";
    if tx.execute(ASK, &[org.into(), connector.into(), now.into(), who.into()])? > 0 {
        access::audit(tx, org, now, who, "connector.enrol", connector, "")?;
    }
    Ok(())
}

/// Allows a connector on trial that somebody asked for. Answers whether there was something to allow.
///
/// # Errors
/// The database fails.
pub fn allow(tx: &mut Tx<'_>, org: OrgId, connector: &str, who: &str, now: Timestamp) -> Result<bool, StoreError> {
    const ALLOW: &str = "UPDATE sync_enrolment SET allowed_at = $3, allowed_by = $4 \
        WHERE org_id = $1 AND connector = $2 AND allowed_at IS NULL";
    let allowed = tx.execute(ALLOW, &[org.into(), connector.into(), now.into(), who.into()])? > 0;
    if allowed {
        access::audit(tx, org, now, who, "connector.allow", connector, "")?;
    }
    Ok(allowed)
}
