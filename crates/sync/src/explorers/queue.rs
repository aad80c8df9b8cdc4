//! The work that waits for Explorers, and their answers. Every statement of `sync_explorer_request`.

use explorer::wire::Work;
use kernel::{ExplorerId, OrgId, Timestamp};
use serde_json::Value;
use store::{StoreError, Tx};

use super::ExplorerError;
use super::who::Explorer;
use crate::checkpoint;

/// What waits for one Explorer at most.
pub const ASKED_MAX: i64 = 1_000;
/// What nobody took away is removed this long after it was wanted, in seconds.
pub const KEPT_SECONDS: i64 = 600;

/// A piece of work, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub i64);

/// What an Explorer answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it says.
    pub says: Value,
    /// The bytes beside it.
    pub body: Vec<u8>,
}

/// Leaves work for an Explorer that knows its kind; somebody waits for it until `deadline`.
///
/// # Errors
/// The Explorer does not know such work, has [`ASKED_MAX`] to do, or the database fails.
pub fn ask(
    tx: &mut Tx<'_>,
    of: &Explorer,
    kind: &str,
    payload: &Value,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<RequestId, ExplorerError> {
    const SWEEP: &str = "DELETE FROM sync_explorer_request WHERE org_id = $1 AND deadline_at < $2";
    const COUNT: &str = "SELECT count(*) FROM sync_explorer_request WHERE org_id = $1 AND explorer_id = $2";
    const ASK: &str = "INSERT INTO sync_explorer_request (org_id, explorer_id, request_id, kind, payload, asked_at, \
        deadline_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting')";
    if !of.about.kinds.iter().any(|known| known == kind) {
        return Err(ExplorerError::Older { name: of.name.clone(), version: of.about.version.clone() });
    }
    let org = of.org;
    tx.execute(SWEEP, &[org.into(), now.plus_seconds(-KEPT_SECONDS).into()])?;
    if tx.query_one(COUNT, &[org.into(), of.id.into()], |row| row.int(0))? >= ASKED_MAX {
        return Err(ExplorerError::Busy(of.name.clone()));
    }
    let id = checkpoint::next_id(tx, org)?;
    let text = payload.to_string();
    tx.execute(ASK, &[org.into(), of.id.into(), id.into(), kind.into(), text.into(), now.into(), deadline.into()])?;
    Ok(RequestId(id))
}

/// What an Explorer could take now: what waits, and what was handed out and never reached it. Changes nothing.
///
/// # Errors
/// The database fails.
pub fn open(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    kinds: &[String],
    holding: &[i64],
    room: usize,
    now: Timestamp,
) -> Result<Vec<Work>, StoreError> {
    const READ: &str = "SELECT request_id, kind, payload, deadline_at FROM sync_explorer_request \
        WHERE org_id = $1 AND explorer_id = $2 AND state <> 'answered' AND deadline_at > $3 ORDER BY request_id LIMIT $4";
    let found = tx.query(READ, &[org.into(), id.into(), now.into(), ASKED_MAX.into()], |row| {
        let payload = serde_json::from_str(row.text(2)?).unwrap_or(Value::Null);
        let seconds_left = Timestamp::from_micros(row.int(3)?).seconds_since(now);
        Ok(Work { id: row.int(0)?, kind: row.text(1)?.to_owned(), payload, seconds_left })
    })?;
    let fits = |work: &Work| kinds.contains(&work.kind) && !holding.contains(&work.id);
    Ok(found.into_iter().filter(fits).take(room).collect())
}

/// Which of the work in an Explorer's hands nobody waits for any more.
///
/// # Errors
/// The database fails.
pub fn gone(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    holding: &[i64],
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    const READ: &str = "SELECT request_id FROM sync_explorer_request \
        WHERE org_id = $1 AND explorer_id = $2 AND deadline_at > $3 ORDER BY request_id LIMIT $4";
    if holding.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = tx.query(READ, &[org.into(), id.into(), now.into(), ASKED_MAX.into()], |row| row.int(0))?;
    Ok(holding.iter().copied().filter(|held| !wanted.contains(held)).collect())
}

/// Hands out what an Explorer could take.
///
/// # Errors
/// The database fails.
pub fn hand_out(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    kinds: &[String],
    holding: &[i64],
    room: usize,
    now: Timestamp,
) -> Result<Vec<Work>, StoreError> {
    const TAKE: &str = "UPDATE sync_explorer_request SET state = 'taken', taken_at = $4 \
        WHERE org_id = $1 AND explorer_id = $2 AND request_id = $3 AND state <> 'answered'";
    let mut work = open(tx, org, id, kinds, holding, room, now)?;
    let mut taken = Vec::with_capacity(work.len());
    for of in work.drain(..) {
        if tx.execute(TAKE, &[org.into(), id.into(), of.id.into(), now.into()])? == 1 {
            taken.push(of);
        }
    }
    Ok(taken)
}

/// Notes an Explorer's answer. False if nobody waits for it, or it came before.
///
/// # Errors
/// The database fails.
pub fn answer(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    request: RequestId,
    says: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    const SET: &str = "UPDATE sync_explorer_request SET state = 'answered', answered_at = $4, answer = $5, body = $6 \
        WHERE org_id = $1 AND explorer_id = $2 AND request_id = $3 AND state = 'taken'";
    let values = [org.into(), id.into(), request.0.into(), now.into(), says.into(), body.into()];
    Ok(tx.execute(SET, &values)? == 1)
}

/// Whether an answer is there; nothing if the work itself is not (any more).
///
/// # Errors
/// The database fails.
pub(super) fn is_answered(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    request: RequestId,
) -> Result<Option<bool>, StoreError> {
    const READ: &str =
        "SELECT state FROM sync_explorer_request WHERE org_id = $1 AND explorer_id = $2 AND request_id = $3";
    tx.query_opt(READ, &[org.into(), id.into(), request.0.into()], |row| Ok(row.text(0)? == "answered"))
}

/// Takes an answer away, with the work; nothing if there is none yet.
///
/// # Errors
/// The database fails.
pub fn collect(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId, request: RequestId) -> Result<Option<Answer>, StoreError> {
    const READ: &str = "SELECT answer, body FROM sync_explorer_request \
        WHERE org_id = $1 AND explorer_id = $2 AND request_id = $3 AND state = 'answered'";
    let found = tx.query_opt(READ, &[org.into(), id.into(), request.0.into()], |row| {
        let says = serde_json::from_str(row.opt_text(0)?.unwrap_or_default()).unwrap_or(Value::Null);
        Ok(Answer { says, body: row.opt_bytes(1)?.unwrap_or_default().to_vec() })
    })?;
    if found.is_some() {
        withdraw(tx, org, id, request)?;
    }
    Ok(found)
}

/// Takes work back that nobody waits for any more.
///
/// # Errors
/// The database fails.
pub fn withdraw(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId, request: RequestId) -> Result<(), StoreError> {
    const DROP: &str = "DELETE FROM sync_explorer_request WHERE org_id = $1 AND explorer_id = $2 AND request_id = $3";
    tx.execute(DROP, &[org.into(), id.into(), request.0.into()])?;
    Ok(())
}

/// Takes all work of a kind back, at whichever Explorer of an organization.
pub(crate) fn withdraw_kind(tx: &mut Tx<'_>, org: OrgId, kind: &str) -> Result<(), StoreError> {
    const DROP: &str = "DELETE FROM sync_explorer_request WHERE org_id = $1 AND kind = $2";
    tx.execute(DROP, &[org.into(), kind.into()])?;
    Ok(())
}

/// Takes everything back that an Explorer was to do.
pub(super) fn withdraw_all(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId) -> Result<(), StoreError> {
    const DROP: &str = "DELETE FROM sync_explorer_request WHERE org_id = $1 AND explorer_id = $2";
    tx.execute(DROP, &[org.into(), id.into()])?;
    Ok(())
}
