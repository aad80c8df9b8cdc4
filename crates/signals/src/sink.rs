//! Sinks: where artifacts are delivered, how far each one is, and what is the matter with it.

use kernel::{OrgId, Timestamp, Value};
use store::{Row, StoreError, Tx};

use crate::{SignalsError, ndjson};

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
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) generation: i64,
}

impl NewSink {
    /// Whether another sink has the same file: two would write over each other's order, and repair each other's lines.
    fn delivers_where(&self, other: &NewSink) -> bool {
        let path = |sink: &NewSink| {
            let settings = Some(&sink.settings).filter(|_| sink.kind == ndjson::KIND);
            settings.and_then(|settings| ndjson::Settings::parse(settings).ok()).map(|settings| settings.path)
        };
        path(self).is_some_and(|file| !file.as_os_str().is_empty() && path(other) == Some(file))
    }
}

const COLUMNS: &str = "SELECT s.org_id, s.sink_id, s.name, s.kind, s.settings, s.filter, s.lag_bytes_max, s.acked,
    s.place, s.state, s.since, s.detail, s.attempts, s.next_at, s.delivered, s.delivered_at, s.lease_until,
    s.generation,
    (SELECT COUNT(*) FROM signals_dead_letter d WHERE d.org_id = s.org_id AND d.sink_id = s.sink_id),
    COALESCE((SELECT h.next_seq - 1 FROM signals_head h WHERE h.org_id = s.org_id), 0), s.lease_owner
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
            lease_owner: row.opt_text(20)?.map(str::to_owned),
        })
    }

    /// Who delivers to it at this moment, as `muster serve (pid 4711)`, and until when it is theirs without a sign of life.
    #[must_use]
    pub fn held_by(&self, now: Timestamp) -> Option<(&str, Timestamp)> {
        let until = self.lease_until.filter(|until| *until > now)?;
        let owner = self.lease_owner.as_deref()?;
        // What follows the process tells its deliveries apart.
        Some((owner.rsplit_once(' ').map_or(owner, |(who, _)| who), until))
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

/// Takes every sink back from whoever was delivering to it. Only for a process that alone writes to this database, as the
/// writer of a SQLite file does: what another one still holds it held when it was killed.
///
/// # Errors
/// The database fails.
pub fn release_sinks(tx: &mut Tx) -> Result<(), SignalsError> {
    const RELEASE: &str = "UPDATE signals_sink SET lease_owner = NULL, lease_until = NULL, generation = generation + 1
        WHERE lease_owner IS NOT NULL";
    tx.execute(RELEASE, &[])?;
    Ok(())
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

/// Makes a sink.
///
/// # Errors
/// The name is taken, the filter is no question that can be put to artifacts, or the database fails.
pub fn add_sink(tx: &mut Tx, org: OrgId, new: &NewSink, now: Timestamp) -> Result<SinkId, SignalsError> {
    const NUMBER: &str = "SELECT COALESCE(MAX(sink_id), 0) + 1 FROM signals_sink WHERE org_id = $1";
    const ADD: &str = "INSERT INTO signals_sink (org_id, sink_id, name, kind, settings, filter, lag_bytes_max, acked,
            place, state, since, detail, attempts, next_at, delivered, delivered_at, lease_owner, lease_until, generation)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '{}', 'ready', $9, '', 0, NULL, 0, NULL, NULL, NULL, 0)";
    crate::check_filter(&new.filter, now)?;
    for other in sinks(tx, org)? {
        if other.is.name == new.name {
            return Err(SignalsError::SinkExists(other.is.name));
        }
        if other.is.delivers_where(new) {
            return Err(SignalsError::SinkTarget(other.is.name));
        }
    }
    let id = tx.query_one(NUMBER, &[org.into()], |row| row.int(0))?;
    let most = new.lag_bytes_max.map(|most| i64::try_from(most).unwrap_or(i64::MAX));
    let params = [
        org.into(),
        id.into(),
        Value::from(&new.name),
        Value::from(&new.kind),
        Value::from(&new.settings),
        Value::from(&new.filter),
        most.into(),
        new.after.into(),
        now.into(),
    ];
    tx.execute(ADD, &params)?;
    Ok(SinkId(id))
}

/// Removes a sink and its dead letters. What it delivered stays where it is.
///
/// # Errors
/// The database fails.
pub fn remove_sink(tx: &mut Tx, org: OrgId, id: SinkId) -> Result<(), SignalsError> {
    for sql in [
        "DELETE FROM signals_dead_letter WHERE org_id = $1 AND sink_id = $2",
        "DELETE FROM signals_sink WHERE org_id = $1 AND sink_id = $2",
    ] {
        tx.execute(sql, &[org.into(), id.into()])?;
    }
    Ok(())
}

/// Moves a sink's place to behind `after`, forgets its dead letters behind that, and attaches it again. Whoever delivers
/// to it at this moment is fenced off.
///
/// # Errors
/// The database fails.
pub fn replay(tx: &mut Tx, org: OrgId, id: SinkId, after: i64, now: Timestamp) -> Result<(), SignalsError> {
    const MOVE: &str = "UPDATE signals_sink SET acked = $3, state = 'ready', since = $4, detail = '', attempts = 0,
            next_at = NULL, lease_owner = NULL, lease_until = NULL, generation = generation + 1
        WHERE org_id = $1 AND sink_id = $2";
    const FORGET: &str = "DELETE FROM signals_dead_letter WHERE org_id = $1 AND sink_id = $2 AND seq > $3";
    tx.execute(FORGET, &[org.into(), id.into(), after.into()])?;
    tx.execute(MOVE, &[org.into(), id.into(), after.into(), now.into()])?;
    Ok(())
}

/// An artifact that a receiver refused for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The artifact's number in the log.
    pub seq: i64,
    /// When it was refused.
    pub refused_at: Timestamp,
    /// Why, in the receiver's words.
    pub reason: String,
}

/// The latest dead letters of a sink, at most `limit`.
///
/// # Errors
/// The database fails.
pub fn dead_letters(tx: &mut Tx, org: OrgId, id: SinkId, limit: usize) -> Result<Vec<DeadLetter>, SignalsError> {
    const LATEST: &str = "SELECT seq, refused_at, reason FROM signals_dead_letter
        WHERE org_id = $1 AND sink_id = $2 ORDER BY seq DESC LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let letter = |row: &Row| {
        Ok(DeadLetter {
            seq: row.int(0)?,
            refused_at: Timestamp::from_micros(row.int(1)?),
            reason: row.text(2)?.to_owned(),
        })
    };
    Ok(tx.query(LATEST, &[org.into(), id.into(), limit.into()], letter)?)
}

/// Stored bytes of the log behind a place, to the block.
pub(crate) fn lag_bytes(tx: &mut Tx, org: OrgId, after: i64) -> Result<u64, SignalsError> {
    const LAG: &str = "SELECT CAST(COALESCE(SUM(length(bytes)), 0) AS BIGINT) FROM signals_block
        WHERE org_id = $1 AND block_id > $2";
    Ok(tx.query_one(LAG, &[org.into(), after.into()], |row| row.int(0))?.unsigned_abs())
}

/// Up to where every attached sink has the log, and the name of the one that is furthest behind; `None` without sinks.
pub(crate) fn delivered_to_all(tx: &mut Tx, org: OrgId) -> Result<Option<(i64, String)>, SignalsError> {
    const LEAST: &str = "SELECT acked, name FROM signals_sink WHERE org_id = $1 AND state <> 'detached'
        ORDER BY acked, name LIMIT 1";
    Ok(tx.query_opt(LEAST, &[org.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?)
}
