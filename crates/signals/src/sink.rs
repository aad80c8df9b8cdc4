//! Sinks: where artifacts are delivered, how far each one is, and what is the matter with it.

use kernel::{OrgId, Timestamp, Value};
use store::{Row, StoreError, Tx};

use crate::SignalsError;

/// A sink's number, unique in its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkId(pub i64);

impl From<SinkId> for Value<'static> {
    fn from(id: SinkId) -> Self {
        Value::Int(id.0)
    }
}

/// How a sink is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// It delivers, or has nothing to deliver.
    Ready,
    /// The last attempt failed; the next one is due at [`Sink::next_at`]. Nothing is lost.
    Waiting,
    /// More of the log waited for it than its operator allows. It gets nothing until it is replayed.
    Detached,
}

impl SinkState {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SinkState::Ready => "ready",
            SinkState::Waiting => "waiting",
            SinkState::Detached => "detached",
        }
    }

    fn parse(word: &str) -> Option<SinkState> {
        [SinkState::Ready, SinkState::Waiting, SinkState::Detached].into_iter().find(|state| state.as_str() == word)
    }
}

/// What an operator decides about a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSink {
    /// Its name, unique in the organization.
    pub name: String,
    /// What kind of receiver it is: `ndjson`.
    pub kind: String,
    /// The kind's own settings, as JSON.
    pub settings: String,
    /// Which artifacts it gets, in the query language over `artifacts`; empty: all.
    pub filter: String,
    /// How many stored bytes of the log may wait before the sink is detached; `None`: any amount.
    pub lag_bytes_max: Option<u64>,
    /// It gets artifacts with numbers above this one.
    pub after: i64,
}

/// A sink and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// The organization.
    pub org: OrgId,
    /// Its number.
    pub id: SinkId,
    /// What its operator decided. [`NewSink::after`] is where it stands now: all up to it was delivered, refused for
    /// good, or filtered out.
    pub is: NewSink,
    /// How it is doing.
    pub state: SinkState,
    /// Since when it is doing so.
    pub since: Timestamp,
    /// What is the matter, as a sentence; empty if nothing is.
    pub detail: String,
    /// Attempts that failed since the last one that worked.
    pub attempts: i64,
    /// When the next attempt may be made; `None`: at once.
    pub next_at: Option<Timestamp>,
    /// Artifacts delivered since it was made, counting repetitions.
    pub delivered: u64,
    /// When something was delivered last.
    pub delivered_at: Option<Timestamp>,
    /// Artifacts that its receiver refused for good.
    pub dead: u64,
    /// How many artifacts of the log lie behind its place; a filter may leave out some of them.
    pub behind: u64,
    pub(crate) place: String,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) generation: i64,
}

const COLUMNS: &str = "SELECT s.org_id, s.sink_id, s.name, s.kind, s.settings, s.filter, s.lag_bytes_max, s.acked,
    s.place, s.state, s.since, s.detail, s.attempts, s.next_at, s.delivered, s.delivered_at, s.lease_until,
    s.generation,
    (SELECT COUNT(*) FROM signals_dead_letter d WHERE d.org_id = s.org_id AND d.sink_id = s.sink_id),
    COALESCE((SELECT h.next_seq - 1 FROM signals_head h WHERE h.org_id = s.org_id), 0)
    FROM signals_sink s";

impl Sink {
    fn read(row: &Row) -> Result<Sink, StoreError> {
        let time = |at| row.opt_int(at).map(|at| at.map(Timestamp::from_micros));
        let state = SinkState::parse(row.text(9)?)
            .ok_or_else(|| StoreError::Content("a sink is in a state that is unknown here".to_owned()))?;
        let after = row.int(7)?;
        Ok(Sink {
            org: OrgId(row.int(0)?),
            id: SinkId(row.int(1)?),
            is: NewSink {
                name: row.text(2)?.to_owned(),
                kind: row.text(3)?.to_owned(),
                settings: row.text(4)?.to_owned(),
                filter: row.text(5)?.to_owned(),
                lag_bytes_max: row.opt_int(6)?.map(i64::unsigned_abs),
                after,
            },
            place: row.text(8)?.to_owned(),
            state,
            since: Timestamp::from_micros(row.int(10)?),
            detail: row.text(11)?.to_owned(),
            attempts: row.int(12)?,
            next_at: time(13)?,
            delivered: row.int(14)?.unsigned_abs(),
            delivered_at: time(15)?,
            lease_until: time(16)?,
            generation: row.int(17)?,
            dead: row.int(18)?.unsigned_abs(),
            behind: (row.int(19)? - after).max(0).unsigned_abs(),
        })
    }

    /// Whether [`crate::deliver`] has something to do for it at this moment.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state != SinkState::Detached
            && (self.behind > 0 || self.state == SinkState::Waiting)
            && self.next_at.is_none_or(|at| at <= now)
            && self.lease_until.is_none_or(|until| until <= now)
    }
}

/// All sinks of all organizations, in the order in which they were made: what a worker goes through.
///
/// # Errors
/// The database fails.
pub fn all_sinks(tx: &mut Tx) -> Result<Vec<Sink>, SignalsError> {
    let sql = format!("{COLUMNS} ORDER BY s.org_id, s.sink_id");
    Ok(tx.query(&sql, &[], Sink::read)?)
}

/// The sinks of an organization, by name.
///
/// # Errors
/// The database fails.
pub fn sinks(tx: &mut Tx, org: OrgId) -> Result<Vec<Sink>, SignalsError> {
    let sql = format!("{COLUMNS} WHERE s.org_id = $1 ORDER BY s.name");
    Ok(tx.query(&sql, &[org.into()], Sink::read)?)
}

/// The sink of that name, if there is one.
///
/// # Errors
/// The database fails.
pub fn sink_named(tx: &mut Tx, org: OrgId, name: &str) -> Result<Option<Sink>, SignalsError> {
    let sql = format!("{COLUMNS} WHERE s.org_id = $1 AND s.name = $2");
    Ok(tx.query_opt(&sql, &[org.into(), name.into()], Sink::read)?)
}

pub(crate) fn sink(tx: &mut Tx, org: OrgId, id: SinkId) -> Result<Option<Sink>, SignalsError> {
    let sql = format!("{COLUMNS} WHERE s.org_id = $1 AND s.sink_id = $2");
    Ok(tx.query_opt(&sql, &[org.into(), id.into()], Sink::read)?)
}
