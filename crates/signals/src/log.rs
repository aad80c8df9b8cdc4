//! Reading the log: by number, in order, by id, and the latest of a record.

use std::collections::BTreeMap;

use kernel::{IntegrationId, OrgId, Timestamp, Value};
use store::{Keys, Row, StoreError, Tx};

use crate::block::Block;
use crate::{ArtifactId, Op, SignalsError};

/// One version of one record, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its number: the order of commits.
    pub seq: i64,
    /// Its id, the same in every database.
    pub id: ArtifactId,
    /// The integration that logged it.
    pub integration: IntegrationId,
    /// The console's canonical host.
    pub console_host: String,
    /// The stream.
    pub stream: String,
    /// The source's own id of the record.
    pub native_id: String,
    /// What happened.
    pub op: Op,
    /// The integration's count of the record's versions.
    pub version: i64,
    /// When the source says that it changed.
    pub source_time: Option<Timestamp>,
    /// When we saw it.
    pub observed_at: Timestamp,
    /// Its JSON, redacted.
    pub raw: Vec<u8>,
}

/// The columns of an artifact, in the order in which [`Found::read`] takes them.
macro_rules! select_artifact {
    ($rest:literal) => {
        concat!(
            "SELECT a.seq, a.artifact_id, a.integration_id, c.host, a.stream, a.native_id, a.op, a.version,
                a.source_time, a.observed_at, a.block_id, a.position
            FROM signals_artifact a
            JOIN signals_console c ON c.org_id = a.org_id AND c.console_id = a.console_id
            WHERE a.org_id = $1 AND ",
            $rest
        )
    };
}

/// The artifact with this number, or `None`.
///
/// # Errors
/// The database fails or a block is damaged.
pub fn read(tx: &mut Tx, org: OrgId, seq: i64) -> Result<Option<Artifact>, SignalsError> {
    const BY_SEQ: &str = select_artifact!("a.seq = $2");
    let found = tx.query(BY_SEQ, &[org.into(), seq.into()], Found::read)?;
    Ok(with_bytes(tx, org, found)?.pop())
}

/// The artifact with this id, or `None`. It walks the log: for a person who has an id in hand, not for a loop.
///
/// # Errors
/// As [`read`].
pub fn find(tx: &mut Tx, org: OrgId, id: ArtifactId) -> Result<Option<Artifact>, SignalsError> {
    const BY_ID: &str = select_artifact!("a.artifact_id = $2 LIMIT 1");
    let found = tx.query(BY_ID, &[org.into(), Value::from(&id.0)], Found::read)?;
    Ok(with_bytes(tx, org, found)?.pop())
}

/// At most `limit` artifacts with numbers above `after`, in order. Start with 0.
///
/// # Errors
/// As [`read`].
pub fn scan(tx: &mut Tx, org: OrgId, after: i64, limit: usize) -> Result<Vec<Artifact>, SignalsError> {
    const AFTER: &str = select_artifact!("a.seq > $2 ORDER BY a.seq LIMIT $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = tx.query(AFTER, &[org.into(), after.into(), limit.into()], Found::read)?;
    with_bytes(tx, org, found)
}

/// As [`scan`], but no more than `bytes_max` bytes of records, except that there is always one if there is any: what a
/// follower of the log reads at a time. The second value says whether the log has more behind them at present.
///
/// # Errors
/// As [`read`].
pub fn scan_within(
    tx: &mut Tx,
    org: OrgId,
    after: i64,
    limit: usize,
    bytes_max: usize,
) -> Result<(Vec<Artifact>, bool), SignalsError> {
    const AFTER: &str = select_artifact!("a.seq > $2 ORDER BY a.seq LIMIT $3");
    let asked = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = tx.query(AFTER, &[org.into(), after.into(), asked.into()], Found::read)?;
    let mut more = found.len() == limit;
    let mut artifacts: Vec<Artifact> = Vec::with_capacity(found.len());
    let mut bytes = 0;
    let mut open: Option<(i64, Block)> = None;
    for Found { artifact, place } in found {
        let block = match open.take().filter(|(id, _)| *id == place.block) {
            Some((_, block)) => block,
            None => block_of(tx, org, place.block)?,
        };
        let raw = record_of(&block, place)?;
        if !artifacts.is_empty() && bytes + raw.len() > bytes_max {
            more = true;
            break;
        }
        bytes += raw.len();
        artifacts.push(Artifact { raw, ..artifact });
        open = Some((place.block, block));
    }
    Ok((artifacts, more))
}

/// The number of the latest artifact that was ever logged; 0 before the first.
///
/// # Errors
/// The database fails.
pub fn last_seq(tx: &mut Tx, org: OrgId) -> Result<i64, SignalsError> {
    const LAST: &str = "SELECT next_seq - 1 FROM signals_head WHERE org_id = $1";
    Ok(tx.query_opt(LAST, &[org.into()], |row| row.int(0))?.unwrap_or(0))
}

/// The number of the first artifact that was logged at or after an instant; one more than the last if there is none.
///
/// Artifacts are numbered as they are committed, a moment after they were seen: where several workers commit at once, the
/// border is as sharp as their transactions are short. It takes one row for each halving of the log.
///
/// # Errors
/// The database fails.
pub fn seq_since(tx: &mut Tx, org: OrgId, at: Timestamp) -> Result<i64, SignalsError> {
    const NEXT: &str =
        "SELECT seq, observed_at FROM signals_artifact WHERE org_id = $1 AND seq >= $2 ORDER BY seq LIMIT 1";
    let mut first = last_seq(tx, org)? + 1;
    let (mut low, mut high) = (0, first);
    while low < high {
        let middle = low + (high - low) / 2;
        let next = tx.query_opt(NEXT, &[org.into(), middle.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
        match next {
            Some((seq, observed)) if observed < at.micros() => low = seq + 1,
            Some((seq, _)) => (first, high) = (seq, middle),
            None => high = middle,
        }
    }
    Ok(first)
}

/// How many artifacts the log holds.
///
/// # Errors
/// The database fails.
pub fn count(tx: &mut Tx, org: OrgId) -> Result<u64, SignalsError> {
    const COUNT: &str = "SELECT COUNT(*) FROM signals_artifact WHERE org_id = $1";
    Ok(tx.query_one(COUNT, &[org.into()], |row| row.int(0))?.unsigned_abs())
}

/// Numbers of the latest artifact of each record, in the order of `native_ids`, which names none twice; `None` where
/// the log has none. It is the latest that this integration logged or recognised; one that only another integration of the
/// same console knows counts where it knows none.
///
/// # Errors
/// The database fails.
pub fn latest(
    tx: &mut Tx,
    org: OrgId,
    integration: IntegrationId,
    stream: &str,
    native_ids: &[&str],
) -> Result<Vec<Option<i64>>, SignalsError> {
    const CONSOLE: &str = "SELECT console_id FROM signals_reader WHERE org_id = $1 AND integration_id = $2";
    const LATEST: &str = "SELECT a.native_id, COALESCE(MAX(CASE WHEN a.integration_id = $4 OR EXISTS (
                SELECT 1 FROM signals_sighting s WHERE s.org_id = a.org_id AND s.integration_id = $4 AND s.seq = a.seq)
            THEN a.seq END), MAX(a.seq))
        FROM signals_artifact a
        WHERE a.org_id = $1 AND a.console_id = $2 AND a.stream = $3 AND a.native_id IN KEYS GROUP BY a.native_id";
    let Some(console) = tx.query_opt(CONSOLE, &[org.into(), integration.into()], |row| row.int(0))? else {
        return Ok(vec![None; native_ids.len()]);
    };
    let of = [org.into(), console.into(), stream.into(), integration.into()];
    let found: BTreeMap<String, i64> = tx
        .select_in(LATEST, &of, Keys::Texts(native_ids), |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))?
        .into_iter()
        .collect();
    Ok(native_ids.iter().map(|id| found.get(*id).copied()).collect())
}

/// The bytes of the artifacts with these numbers, in the same order; `None` where there is none. No number twice. Each
/// block is read once, so memory is bounded by the answer and one block.
///
/// # Errors
/// As [`read`].
pub fn bodies(tx: &mut Tx, org: OrgId, seqs: &[i64]) -> Result<Vec<Option<Vec<u8>>>, SignalsError> {
    const PLACES: &str = "SELECT seq, block_id, position FROM signals_artifact WHERE org_id = $1 AND seq IN KEYS";
    let mut places = tx.select_in(PLACES, &[org.into()], Keys::Ints(seqs), |row| {
        Ok(Place { seq: row.int(0)?, block: row.int(1)?, position: row.int(2)? })
    })?;
    let mut bodies = bytes_of(tx, org, &mut places)?;
    Ok(seqs.iter().map(|seq| bodies.remove(seq)).collect())
}

/// Where an artifact's bytes are.
#[derive(Clone, Copy)]
struct Place {
    seq: i64,
    block: i64,
    position: i64,
}

/// An artifact without its bytes, and where they are.
struct Found {
    artifact: Artifact,
    place: Place,
}

impl Found {
    fn read(row: &Row) -> Result<Found, StoreError> {
        let seq = row.int(0)?;
        let id = <[u8; 32]>::try_from(row.bytes(1)?).ok();
        let (Some(id), Some(op)) = (id, Op::parse(row.text(6)?)) else {
            return Err(StoreError::Content(format!("artifact {seq} is not one that was written here")));
        };
        let artifact = Artifact {
            seq,
            id: ArtifactId(id),
            integration: IntegrationId(row.int(2)?),
            console_host: row.text(3)?.to_owned(),
            stream: row.text(4)?.to_owned(),
            native_id: row.text(5)?.to_owned(),
            op,
            version: row.int(7)?,
            source_time: row.opt_int(8)?.map(Timestamp::from_micros),
            observed_at: Timestamp::from_micros(row.int(9)?),
            raw: Vec::new(),
        };
        Ok(Found { artifact, place: Place { seq, block: row.int(10)?, position: row.int(11)? } })
    }
}

fn with_bytes(tx: &mut Tx, org: OrgId, found: Vec<Found>) -> Result<Vec<Artifact>, SignalsError> {
    let mut places: Vec<Place> = found.iter().map(|found| found.place).collect();
    let mut bodies = bytes_of(tx, org, &mut places)?;
    let artifacts = found.into_iter().map(|found| {
        let raw = bodies.remove(&found.place.seq).unwrap_or_default();
        Artifact { raw, ..found.artifact }
    });
    Ok(artifacts.collect())
}

/// Reads block after block and takes from each what is asked for.
fn bytes_of(tx: &mut Tx, org: OrgId, places: &mut [Place]) -> Result<BTreeMap<i64, Vec<u8>>, SignalsError> {
    places.sort_unstable_by_key(|place| (place.block, place.position));
    let mut bodies = BTreeMap::new();
    for places in places.chunk_by(|one, next| one.block == next.block) {
        let block = block_of(tx, org, places[0].block)?;
        for place in places {
            bodies.insert(place.seq, record_of(&block, *place)?);
        }
    }
    Ok(bodies)
}

/// Reads a block.
pub(crate) fn block_of(tx: &mut Tx, org: OrgId, id: i64) -> Result<Block, SignalsError> {
    const BLOCK: &str = "SELECT codec, bytes, size FROM signals_block WHERE org_id = $1 AND block_id = $2";
    let unpack = |row: &Row| Ok(Block::unpack(id, row.text(0)?, row.bytes(1)?, row.int(2)?));
    let missing = SignalsError::Block { block: id, reason: "it is not there" };
    tx.query_opt(BLOCK, &[org.into(), id.into()], unpack)?.ok_or(missing)?
}

fn record_of(block: &Block, place: Place) -> Result<Vec<u8>, SignalsError> {
    let missing = SignalsError::Block { block: place.block, reason: "it has fewer records than artifacts" };
    Ok(block.record(place.position).ok_or(missing)?.to_vec())
}
