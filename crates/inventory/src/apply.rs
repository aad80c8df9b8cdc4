//! Applying a page: what a source said becomes source records, projections and history, in the caller's transaction.

use std::borrow::Cow;

use kernel::{IntegrationId, OrgId, RecordId, SiteId, SweepId, Timestamp, Value, fold};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, Row, StoreError, Tx};

use crate::body;
use crate::left_out::{self, LeftOut, Onboard};
use crate::memory::{Head, Memory};
use crate::noun::Noun;
use crate::pending::{Pending, Subjected};

/// One record of a page, as it arrived: redacted, and not yet understood.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The source's own id of the record.
    pub native_id: Cow<'a, str>,
    /// The record's JSON, redacted.
    pub raw: &'a [u8],
    /// SHA-256 of the raw bytes.
    pub raw_hash: [u8; 32],
}

/// What a record means. Made only for records whose raw bytes differ from what is stored.
#[derive(Clone, Debug)]
pub struct Translation {
    /// Hash of the record's canonical form without its stream's volatile fields.
    pub meaning_hash: [u8; 32],
    /// When the source says that it changed the record (for an immutable stream: made it).
    pub updated_at: Option<Timestamp>,
    /// The record in our words.
    pub noun: Noun,
    /// The option by which it is left out; `None` if it is not.
    pub left_out: Option<LeftOut>,
}

/// Why a record could not be understood, as a sentence. The record is quarantined; the page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub String);

/// Where a page comes from.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The organization.
    pub org: OrgId,
    /// The integration that fetched the page.
    pub integration: IntegrationId,
    /// Our site, in which the integration's own assets live.
    pub site: SiteId,
    /// The stream's name.
    pub stream: &'a str,
    /// The sweep that is under way.
    pub sweep: SweepId,
    /// The present instant, by our clock.
    pub now: Timestamp,
    /// Whether records of this stream never change: then bodies are kept in the log only.
    pub immutable: bool,
    /// Whether the log alone keeps the body of a record that is as it was logged; a record that is touched afterwards
    /// keeps its own again. For streams of many small records. The caller logs every record that is created or changed,
    /// and calls [`keep_bodies`] for those that the log had already.
    pub body_in_log: bool,
    /// What is kept in memory between pages; one per process and database, shared by all integrations.
    pub memory: &'a Memory,
    /// What becomes of machines that nobody has spoken of before.
    pub onboard: Onboard,
}

/// What became of one record of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The record; `RecordId(0)` for a quarantined record that was never stored before.
    pub record: RecordId,
    /// What happened.
    pub op: Op,
    /// The record's version: 1 when created, one more for each change of meaning.
    pub version: i64,
    /// Hash of its meaning, for the artifact's id. All zeros if quarantined.
    pub meaning_hash: [u8; 32],
    /// When the source says that it changed the record; `None` also if nothing was translated.
    pub updated_at: Option<Timestamp>,
    /// How often U+0000 was replaced by U+FFFD in the columns made of it; the body has it as the source sent it.
    pub replaced_nuls: usize,
}

/// What happened to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// It is new: log it.
    Created,
    /// It means something else: log it.
    Changed,
    /// It was retired, and the source shows it again: log it.
    Returned,
    /// It differs in volatile fields only: nothing to log.
    Touched,
    /// The same bytes: nothing was written.
    Unchanged,
    /// It was not understood: what was stored before stays.
    Quarantined(Reason),
}

/// Why a page could not be applied. Nothing of it stays if the caller's transaction ends with this error.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A body could not be compressed or read back.
    #[error("the body of {record} cannot be {doing}")]
    Body {
        /// Whose body.
        record: String,
        /// What was being done: `compressed`, `read`.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The log could not give a body.
    #[error(transparent)]
    Log(#[from] signals::SignalsError),
}

/// Applies a page in the caller's transaction. The answer has one outcome per record, in the page's order.
///
/// Writes source records, projections, links and history, and no artifact: the caller hands every record whose
/// outcome is [`Op::Created`] or [`Op::Changed`] to `signals::record` in the same transaction, in the same order.
/// `translate(i)` is called at most once for record `i`, and only if its raw bytes differ from what is stored.
/// A native id that the page names twice is applied twice, in order.
///
/// # Errors
/// The database fails or a body cannot be compressed; the caller must then roll back.
pub fn apply(
    tx: &mut Tx,
    ctx: &Context,
    page: &[Incoming],
    translate: &mut dyn FnMut(usize) -> Result<Translation, Reason>,
) -> Result<Vec<Outcome>, InventoryError> {
    let clean: Vec<Cow<str>> = (page.iter())
        .map(|incoming| match incoming.native_id.as_bytes().contains(&0) {
            true => Cow::Owned(fold::without_nul(&incoming.native_id).0.into_owned()),
            false => Cow::Borrowed(incoming.native_id.as_ref()),
        })
        .collect();
    let ids: Vec<&str> = clean.iter().map(Cow::as_ref).collect();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; page.len()];
    for wave in waves(&ids) {
        apply_distinct(tx, ctx, page, &ids, &wave, translate, &mut outcomes)?;
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.expect("every record is in one wave")).collect())
}

/// The page's records in waves, so that no wave names an id twice and each id's records keep their order.
fn waves(ids: &[&str]) -> Vec<Vec<usize>> {
    let mut times: FxHashMap<&str, usize> = FxHashMap::default();
    times.reserve(ids.len());
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let time = times.entry(id).or_default();
        if *time == waves.len() {
            waves.push(Vec::new());
        }
        waves[*time].push(at);
        *time += 1;
    }
    waves
}

/// Applies records of distinct ids: look up, decide, translate, write.
fn apply_distinct(
    tx: &mut Tx,
    ctx: &Context,
    page: &[Incoming],
    ids: &[&str],
    wave: &[usize],
    translate: &mut dyn FnMut(usize) -> Result<Translation, Reason>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), InventoryError> {
    let existing = look_up(tx, ctx, ids, wave)?;
    let (mut differing, mut found) = (Vec::new(), Vec::new());
    for at in wave {
        match existing.get(ids[*at]) {
            Some(known) if known.raw_hash == page[*at].raw_hash && known.state != State::Retired => {
                outcomes[*at] = Some(known.outcome(Op::Unchanged));
                if known.state == State::Missing {
                    found.push(RecordId(known.record));
                }
            }
            known => differing.push((*at, known)),
        }
    }
    crate::retire::miss(tx, ctx.org, &found, None)?;
    if differing.is_empty() {
        return Ok(());
    }

    let mut head = Head::lock(tx, ctx.org, ctx.memory)?;
    let mut pending = Pending::default();
    let mut bodies = Vec::new();
    let stored: Vec<RecordId> = differing.iter().filter_map(|(_, known)| Some(RecordId((*known)?.record))).collect();
    let left = left_out::options(tx, ctx.org, &stored)?;
    let new: Vec<&str> = differing.iter().filter(|(_, known)| known.is_none()).map(|(at, _)| ids[*at]).collect();
    let arrived = crate::holder::arrived(tx, ctx, &new)?;
    for (at, known) in differing {
        let translation = match check_length(ids[at]).and_then(|()| translate(at)) {
            Ok(translation) => translation,
            Err(reason) => {
                let nothing = Existing { record: 0, meaning_hash: [0; 32], version: 0, ..Existing::NONE };
                let kept = known.unwrap_or(&nothing);
                outcomes[at] = Some(Outcome { meaning_hash: [0; 32], ..kept.outcome(Op::Quarantined(reason)) });
                continue;
            }
        };
        let op = match known {
            None => Op::Created,
            Some(known) if known.state == State::Retired => Op::Returned,
            Some(known) if known.meaning_hash == translation.meaning_hash => Op::Touched,
            Some(_) => Op::Changed,
        };
        let version = known.map_or(0, |known| known.version) + i64::from(op != Op::Touched);
        let record = known.map(|known| known.record).or_else(|| arrived.get(ids[at]).copied());
        let record = record.unwrap_or_else(|| head.next_id());
        let changed_at = known.filter(|_| op == Op::Touched).map_or(ctx.now, |known| known.changed_at);
        bodies.push(Body { at, record, known: known.is_some(), version, changed_at });
        let (meaning_hash, updated_at) = (translation.meaning_hash, translation.updated_at);
        let subject = Subjected {
            record,
            native_id: ids[at],
            op: &op,
            was_left: left.get(&record).map(String::as_str),
            retired: false,
        };
        let done = pending.project(ctx, &mut head, &subject, translation.noun, translation.left_out);
        let replaced_nuls = done.replaced_nuls;
        let record = RecordId(record);
        outcomes[at] = Some(Outcome { record, op, version, meaning_hash, updated_at, replaced_nuls });
    }

    write_source_records(tx, ctx, &mut head, page, ids, &bodies, outcomes)?;
    pending.write(tx, ctx, &mut head)?;
    head.finish(tx, ctx.memory)?;
    Ok(())
}

/// The most bytes of a native id: it is a key of indexes, and consoles' ids have twenty.
const NATIVE_ID_BYTES_MAX: usize = 512;

fn check_length(native_id: &str) -> Result<(), Reason> {
    let long = native_id.len() > NATIVE_ID_BYTES_MAX;
    if long { Err(Reason(format!("its id has more than {NATIVE_ID_BYTES_MAX} bytes"))) } else { Ok(()) }
}

/// A source record as far as a new page is compared with it.
struct Existing {
    record: i64,
    raw_hash: [u8; 32],
    meaning_hash: [u8; 32],
    version: i64,
    changed_at: Timestamp,
    state: State,
}

/// Whether a source still has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Present,
    Missing,
    Retired,
}

impl State {
    fn from_word(word: &str) -> State {
        match word {
            "missing" => State::Missing,
            "retired" => State::Retired,
            _ => State::Present,
        }
    }
}

impl Existing {
    const NONE: Existing = Existing {
        record: 0,
        raw_hash: [0; 32],
        meaning_hash: [0; 32],
        version: 0,
        changed_at: Timestamp::from_micros(0),
        state: State::Present,
    };

    fn outcome(&self, op: Op) -> Outcome {
        Outcome {
            record: RecordId(self.record),
            op,
            version: self.version,
            meaning_hash: self.meaning_hash,
            updated_at: None,
            replaced_nuls: 0,
        }
    }
}

/// What is stored about the wave's records. Ids beyond the stream's last are not looked up: a first sweep and an
/// append-only stream hardly bring others.
fn look_up<'a>(
    tx: &mut Tx,
    ctx: &Context,
    ids: &[&'a str],
    wave: &[usize],
) -> Result<FxHashMap<&'a str, Existing>, InventoryError> {
    const LAST: &str = "SELECT native_id FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 ORDER BY native_id DESC LIMIT 1";
    const BY_ID: &str = "SELECT native_id, record_id, raw_hash, meaning_hash, version, changed_at, state
        FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND native_id IN KEYS";
    let stream = [ctx.org.into(), ctx.integration.into(), ctx.stream.into()];
    let mut existing = FxHashMap::default();
    let Some(last) = tx.query_opt(LAST, &stream, |row| Ok(row.text(0)?.to_owned()))? else {
        return Ok(existing);
    };
    let mut wanted: Vec<&str> = wave.iter().map(|at| ids[*at]).filter(|id| *id <= last.as_str()).collect();
    wanted.sort_unstable();
    existing.reserve(wanted.len());
    let digest = |row: &Row, at: usize| {
        let digest = <[u8; 32]>::try_from(row.bytes(at)?);
        digest.map_err(|_| StoreError::Content(format!("column {at} is no digest")))
    };
    tx.select_in(BY_ID, &stream, Keys::Texts(&wanted), |row| {
        let (id, record) = (row.text(0)?, row.int(1)?);
        let at = wanted.binary_search(&id).map_err(|_| StoreError::Content("a record nobody asked for".to_owned()))?;
        let known = Existing {
            record,
            raw_hash: digest(row, 2)?,
            meaning_hash: digest(row, 3)?,
            version: row.int(4)?,
            changed_at: Timestamp::from_micros(row.int(5)?),
            state: State::from_word(row.text(6)?),
        };
        existing.insert(wanted[at], known);
        Ok(())
    })?;
    Ok(existing)
}

/// A record whose source record is to be written.
struct Body {
    at: usize,
    record: i64,
    known: bool,
    version: i64,
    changed_at: Timestamp,
}

const PRESENT: &str = "present";

/// The columns of a source record that every write sets.
const SOURCE_SET: &[(&str, Kind)] = &[
    ("raw_hash", Kind::Bytes),
    ("meaning_hash", Kind::Bytes),
    ("version", Kind::Int),
    ("sweep_id", Kind::Int),
    ("state", Kind::Text),
    ("missing_since", Kind::Int),
    ("retired_at", Kind::Int),
    ("source_updated_at", Kind::Int),
    ("changed_at", Kind::Int),
    ("codec", Kind::Text),
    ("dictionary_id", Kind::Int),
    ("body", Kind::Bytes),
];

pub(crate) const SOURCE_KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("record_id", Kind::Int)];

/// The columns of a source record that only its first write sets.
const SOURCE_NEW: &[(&str, Kind)] =
    &[("integration_id", Kind::Int), ("stream", Kind::Text), ("native_id", Kind::Text), ("first_seen_at", Kind::Int)];

fn write_source_records(
    tx: &mut Tx,
    ctx: &Context,
    head: &mut Head,
    page: &[Incoming],
    ids: &[&str],
    bodies: &[Body],
    outcomes: &[Option<Outcome>],
) -> Result<(), InventoryError> {
    let in_log = |one: &Body| {
        let outcome = outcomes[one.at].as_ref();
        ctx.immutable || ctx.body_in_log && outcome.is_some_and(|outcome| outcome.op != Op::Touched)
    };
    if !head.bodies().knows(ctx.stream) {
        let samples: Vec<&[u8]> = bodies.iter().filter(|one| !in_log(one)).map(|body| page[body.at].raw).collect();
        if let Some(dictionary) = body::train(&samples) {
            head.add_body_dictionary(ctx.stream, ctx.now, dictionary);
        }
    }
    let width = SOURCE_KEY.len() + SOURCE_NEW.len() + SOURCE_SET.len();
    let mut created: Vec<Value> = Vec::with_capacity(bodies.iter().filter(|body| !body.known).count() * width);
    let mut updated: Vec<Value> = Vec::new();
    for one in bodies {
        let outcome = outcomes[one.at].as_ref().expect("a record to be written has an outcome");
        let packed = if in_log(one) { None } else { Some(pack(head, ctx.stream, one.record, page[one.at].raw)?) };
        let (codec, dictionary, bytes) = match packed {
            None => (None, None, None),
            Some((dictionary, bytes)) => (Some(body::CODEC), dictionary, Some(bytes)),
        };
        let rows = if one.known { &mut updated } else { &mut created };
        rows.extend([ctx.org.into(), one.record.into()]);
        if !one.known {
            rows.extend([ctx.integration.into(), ctx.stream.into(), ids[one.at].into(), ctx.now.into()]);
        }
        rows.extend([
            Value::from(&page[one.at].raw_hash),
            Value::from(&outcome.meaning_hash),
            one.version.into(),
            ctx.sweep.into(),
            PRESENT.into(),
            Value::Null,
            Value::Null,
            outcome.updated_at.into(),
            one.changed_at.into(),
            codec.into(),
            dictionary.into(),
            bytes.into(),
        ]);
    }
    let columns = [SOURCE_KEY, SOURCE_NEW, SOURCE_SET].concat();
    tx.insert_many("inventory_source_record", &columns, &created, "")?;
    tx.update_many("inventory_source_record", SOURCE_KEY, SOURCE_SET, &updated)?;
    Ok(())
}

/// Compresses a body; answers the dictionary's id, if one was used, and the bytes.
fn pack(head: &mut Head, stream: &str, record: i64, raw: &[u8]) -> Result<(Option<i64>, Vec<u8>), InventoryError> {
    head.bodies().compress(stream, raw).map_err(|source| InventoryError::Body {
        record: RecordId(record).to_string(),
        doing: "compressed",
        source,
    })
}

/// Keeps bodies with their records, where the log does not have them as this integration was told them.
///
/// # Errors
/// The database fails or a body cannot be compressed.
pub fn keep_bodies(tx: &mut Tx, ctx: &Context, bodies: &[(RecordId, &[u8])]) -> Result<(), InventoryError> {
    const BODY: &[(&str, Kind)] = &[("codec", Kind::Text), ("dictionary_id", Kind::Int), ("body", Kind::Bytes)];
    if bodies.is_empty() {
        return Ok(());
    }
    let mut head = Head::lock(tx, ctx.org, ctx.memory)?;
    let mut rows: Vec<Value> = Vec::with_capacity(bodies.len() * (SOURCE_KEY.len() + BODY.len()));
    for (record, raw) in bodies {
        let (dictionary, bytes) = pack(&mut head, ctx.stream, record.0, raw)?;
        rows.extend([ctx.org.into(), (*record).into(), body::CODEC.into(), dictionary.into(), bytes.into()]);
    }
    tx.update_many("inventory_source_record", SOURCE_KEY, BODY, &rows)?;
    head.finish(tx, ctx.memory)?;
    Ok(())
}
