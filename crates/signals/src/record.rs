//! Recording: the versions of one page become artifacts.

use std::borrow::Cow;
use std::fmt;

use kernel::{IntegrationId, OrgId, Timestamp, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use store::{Dialect, Keys, Kind, StoreError, Tx};

use crate::retain::digest_of;
use crate::{SignalsError, block};

/// The versions that one page of one stream brought.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The organization.
    pub org: OrgId,
    /// The integration that fetched the page.
    pub integration: IntegrationId,
    /// The console's canonical host: `acme.sentinelone.net`.
    pub console_host: &'a str,
    /// The stream's name.
    pub stream: &'a str,
    /// The present instant, by our clock.
    pub now: Timestamp,
    /// The versions, in the page's order.
    pub entries: Vec<Entry<'a>>,
}

/// One version of one record.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The source's own id of the record.
    pub native_id: Cow<'a, str>,
    /// What happened to it.
    pub op: Op,
    /// The integration's own count of the record's versions, from 1.
    pub version: i64,
    /// When the source says that it changed.
    pub updated_at: Option<Timestamp>,
    /// Hash of its meaning.
    pub meaning_hash: [u8; 32],
    /// Its JSON, redacted; of a record that is gone, the last that was known.
    pub raw: &'a [u8],
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// It was seen for the first time.
    Create,
    /// Its meaning changed.
    Update,
    /// It is gone.
    Delete,
}

impl Op {
    const ALL: [Op; 3] = [Op::Create, Op::Update, Op::Delete];

    /// The word that is stored and that enters an artifact's id.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }

    /// Reads a word that was stored; `None` for any other.
    pub(crate) fn parse(word: &str) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.as_str() == word)
    }
}

/// An artifact's id: it depends on the console and what it said, on no database and no clock of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(pub [u8; 32]);

impl ArtifactId {
    /// Reads 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<ArtifactId> {
        let digits: Vec<u8> = text.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        (digits.len() == 64).then_some(ArtifactId(bytes.try_into().ok()?))
    }
}

impl fmt::Display for ArtifactId {
    /// 64 hexadecimal digits, lower case.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The artifact's number in the log.
    pub seq: i64,
    /// Whether this call logged it; `false` if another integration of the same console already had.
    pub new: bool,
}

/// Logs the versions of a page in the caller's transaction. The answer has one element per entry, in order.
///
/// Which version is new, and which another integration of the same console has logged already, is said in the crate's
/// documentation.
///
/// # Errors
/// The database fails, or a block cannot be compressed.
pub fn record(tx: &mut Tx, page: &Page) -> Result<Vec<Recorded>, SignalsError> {
    if page.entries.is_empty() {
        return Ok(Vec::new());
    }
    let (mut seq, forgetful) = lock_head(tx, page.org)?;
    let console = console_of(tx, page)?;
    let mut known = known_artifacts(tx, page, console)?;
    let removed = if forgetful { Removed::read(tx, page)? } else { Removed::default() };

    let mut recorded = Vec::with_capacity(page.entries.len());
    let mut logged = Vec::with_capacity(page.entries.len());
    let mut seen = Vec::new();
    for (at, entry) in page.entries.iter().enumerate() {
        let record = known.entry(entry.native_id.as_ref()).or_default();
        match record.place(page, entry, &removed) {
            Place::Known(found) => {
                seen.extend([Value::Int(page.org.0), Value::Int(page.integration.0), Value::Int(found)]);
                record.mine = record.mine.max(found);
                recorded.push(Recorded { seq: found, new: false });
            }
            Place::New(op, id) => {
                record.mine = seq;
                record.artifacts.push(Known { seq, op, id, source_time: entry.updated_at });
                logged.push(Logged { entry: at, seq, op, id });
                recorded.push(Recorded { seq, new: true });
                seq += 1;
            }
        }
    }

    write(tx, page, console, &logged)?;
    tx.insert_many("signals_sighting", SIGHTING, &seen, "ON CONFLICT DO NOTHING")?;
    tx.execute("UPDATE signals_head SET next_seq = $2 WHERE org_id = $1", &[page.org.into(), seq.into()])?;
    Ok(recorded)
}

/// An artifact that is to be written: which entry it is of, and what was decided about it.
struct Logged {
    entry: usize,
    seq: i64,
    op: Op,
    id: ArtifactId,
}

/// An artifact that the log has, or is about to have.
struct Known {
    seq: i64,
    op: Op,
    id: ArtifactId,
    source_time: Option<Timestamp>,
}

/// What the log knows about one record of the console.
#[derive(Default)]
struct KnownRecord {
    /// Its artifacts, in order.
    artifacts: Vec<Known>,
    /// The latest that this integration logged or recognised; 0 before all.
    mine: i64,
}

/// Where a version belongs.
enum Place {
    /// It is this artifact.
    Known(i64),
    /// It is a new artifact.
    New(Op, ArtifactId),
}

impl KnownRecord {
    /// Decides whether a version is in the log already. See the crate's documentation for why it decides so.
    fn place(&self, page: &Page, entry: &Entry, removed: &Removed) -> Place {
        let op = match (entry.op, self.artifacts.last()) {
            // The log knows the record already, perhaps through another integration: then this is no creation.
            (Op::Create, Some(last)) if last.op != Op::Delete => Op::Update,
            // Another integration saw it go; it is there all the same.
            (Op::Update, Some(last)) if last.op == Op::Delete => Op::Create,
            (op, _) => op,
        };
        // Those that retention removed were the first.
        let [mut creates, mut updates, mut deletes] = Op::ALL.map(|op| removed.count(page, entry, op));
        let mut same = None;
        for known in self.artifacts.iter().filter(|known| known.source_time == entry.updated_at) {
            let n = match known.op {
                Op::Create => &mut creates,
                Op::Update => &mut updates,
                Op::Delete => &mut deletes,
            };
            if known.id == artifact_id(page, entry, known.op, *n) {
                *n += 1;
                if (known.op == Op::Delete) == (op == Op::Delete) && known.seq > self.mine {
                    same = Some(known.seq);
                }
            }
        }
        let n = match op {
            Op::Create => creates,
            Op::Update => updates,
            Op::Delete => deletes,
        };
        same.map_or_else(|| Place::New(op, artifact_id(page, entry, op, n)), Place::Known)
    }
}

/// SHA-256 over the parts, each preceded by its length as 64 bits, little-endian. Times are microseconds and n is a
/// number, both as 64 bits, little-endian; a time that is not known is empty.
fn artifact_id(page: &Page, entry: &Entry, op: Op, n: u64) -> ArtifactId {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(page.console_host.as_bytes());
    part(page.stream.as_bytes());
    part(entry.native_id.as_bytes());
    part(op.as_str().as_bytes());
    match entry.updated_at {
        Some(at) => part(&at.micros().to_le_bytes()),
        None => part(&[]),
    }
    part(&entry.meaning_hash);
    part(&n.to_le_bytes());
    ArtifactId(hash.finalize().into())
}

/// The ids of a page's versions that retention has removed from the log: digests of them.
#[derive(Default)]
struct Removed(FxHashSet<i64>);

impl Removed {
    /// Looks up the ids that the page's versions may have: the first of each, the second of those whose first is gone, and
    /// so on.
    fn read(tx: &mut Tx, page: &Page) -> Result<Removed, SignalsError> {
        const GONE: &str = "SELECT digest FROM signals_removed WHERE org_id = $1 AND digest IN KEYS";
        let mut removed = Removed::default();
        let mut asked: Vec<(&Entry, Op)> =
            page.entries.iter().flat_map(|entry| Op::ALL.map(|op| (entry, op))).collect();
        for n in 0.. {
            let digest = |(entry, op): &(&Entry, Op)| digest_of(&artifact_id(page, entry, *op, n).0);
            let mut digests: Vec<i64> = asked.iter().map(digest).collect();
            digests.sort_unstable();
            digests.dedup();
            let found = tx.select_in(GONE, &[page.org.into()], Keys::Ints(&digests), |row| row.int(0))?;
            removed.0.extend(&found);
            asked.retain(|one| removed.0.contains(&digest(one)));
            if asked.is_empty() {
                break;
            }
        }
        Ok(removed)
    }

    /// How many artifacts like this one are gone.
    fn count(&self, page: &Page, entry: &Entry, op: Op) -> u64 {
        if self.0.is_empty() {
            return 0;
        }
        (0..).take_while(|n| self.0.contains(&digest_of(&artifact_id(page, entry, op, *n).0))).count() as u64
    }
}

/// The next sequence number, and whether retention has removed anything; from here to the end of the transaction nobody
/// else hands out any number.
fn lock_head(tx: &mut Tx, org: OrgId) -> Result<(i64, bool), SignalsError> {
    const SQLITE: &str = "SELECT next_seq, EXISTS (SELECT 1 FROM signals_removed r WHERE r.org_id = $1)
        FROM signals_head WHERE org_id = $1";
    const POSTGRES: &str = "SELECT next_seq,
            CASE WHEN EXISTS (SELECT 1 FROM signals_removed r WHERE r.org_id = $1) THEN 1 ELSE 0 END
        FROM signals_head WHERE org_id = $1 FOR UPDATE";
    let sql = match tx.dialect() {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    let head = |row: &store::Row| Ok((row.int(0)?, row.int(1)? != 0));
    if let Some(head) = tx.query_opt(sql, &[org.into()], head)? {
        return Ok(head);
    }
    tx.execute("INSERT INTO signals_head (org_id, next_seq) VALUES ($1, 1) ON CONFLICT DO NOTHING", &[org.into()])?;
    Ok(tx.query_one(sql, &[org.into()], head)?)
}

/// The number of the page's console; notes that the integration reads it. Called under the head's lock.
fn console_of(tx: &mut Tx, page: &Page) -> Result<i64, SignalsError> {
    const READER: &str = "SELECT c.console_id, c.host FROM signals_reader r
        JOIN signals_console c ON c.org_id = r.org_id AND c.console_id = r.console_id
        WHERE r.org_id = $1 AND r.integration_id = $2";
    const BY_HOST: &str = "SELECT console_id FROM signals_console WHERE org_id = $1 AND host = $2";
    const ADD: &str = "INSERT INTO signals_console (org_id, console_id, host)
        SELECT CAST($1 AS BIGINT), COALESCE(MAX(console_id), 0) + 1, CAST($2 AS TEXT) FROM signals_console WHERE org_id = $1";
    const READS: &str = "INSERT INTO signals_reader (org_id, integration_id, console_id) VALUES ($1, $2, $3)
        ON CONFLICT (org_id, integration_id) DO UPDATE SET console_id = excluded.console_id";
    let (org, integration) = (Value::from(page.org), Value::from(page.integration));
    let reads = tx.query_opt(READER, &[org.clone(), integration.clone()], |row| {
        Ok((row.text(1)? == page.console_host).then_some(row.int(0)?))
    })?;
    if let Some(Some(console)) = reads {
        return Ok(console);
    }
    let by_host = [org.clone(), page.console_host.into()];
    let console = match tx.query_opt(BY_HOST, &by_host, |row| row.int(0))? {
        Some(console) => console,
        None => {
            tx.execute(ADD, &by_host)?;
            tx.query_one(BY_HOST, &by_host, |row| row.int(0))?
        }
    };
    tx.execute(READS, &[org, integration, console.into()])?;
    Ok(console)
}

/// What the log knows about the page's records. Records beyond the last native id of the stream are not looked up:
/// most pages of an append-only stream are.
fn known_artifacts<'a>(
    tx: &mut Tx,
    page: &'a Page,
    console: i64,
) -> Result<FxHashMap<&'a str, KnownRecord>, SignalsError> {
    const LAST: &str = "SELECT native_id FROM signals_artifact WHERE org_id = $1 AND console_id = $2 AND stream = $3
        ORDER BY native_id DESC LIMIT 1";
    const OF_RECORDS: &str = "SELECT native_id, seq, artifact_id, integration_id, op, source_time
        FROM signals_artifact WHERE org_id = $1 AND console_id = $2 AND stream = $3 AND native_id IN KEYS";
    const SEEN: &str = "SELECT seq FROM signals_sighting WHERE org_id = $1 AND integration_id = $2 AND seq IN KEYS";
    let stream = [page.org.into(), console.into(), page.stream.into()];
    let mut known: FxHashMap<&str, KnownRecord> = FxHashMap::default();
    known.reserve(page.entries.len());
    let Some(last) = tx.query_opt(LAST, &stream, |row| Ok(row.text(0)?.to_owned()))? else {
        return Ok(known);
    };
    let mut ids: Vec<&str> =
        page.entries.iter().map(|entry| entry.native_id.as_ref()).filter(|id| *id <= last.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = tx.select_in(OF_RECORDS, &stream, Keys::Texts(&ids), |row| {
        let at = ids.binary_search(&row.text(0)?).ok();
        let id = <[u8; 32]>::try_from(row.bytes(2)?).ok();
        let (Some(at), Some(id), Some(op)) = (at, id, Op::parse(row.text(4)?)) else {
            return Err(StoreError::Content(format!("artifact {} is not one that was written here", row.int(1)?)));
        };
        let source_time = row.opt_int(5)?.map(Timestamp::from_micros);
        Ok((
            ids[at],
            row.int(3)? == page.integration.0,
            Known { seq: row.int(1)?, op, id: ArtifactId(id), source_time },
        ))
    })?;
    found.sort_unstable_by_key(|(_, _, artifact)| artifact.seq);
    let others: Vec<i64> = found.iter().filter(|(_, own, _)| !own).map(|(_, _, artifact)| artifact.seq).collect();
    let reader = [page.org.into(), page.integration.into()];
    let seen = tx.select_in(SEEN, &reader, Keys::Ints(&others), |row| row.int(0))?;
    let seen: FxHashSet<i64> = seen.into_iter().collect();
    for (id, own, artifact) in found {
        let record = known.entry(id).or_default();
        if own || seen.contains(&artifact.seq) {
            record.mine = artifact.seq;
        }
        record.artifacts.push(artifact);
    }
    Ok(known)
}

const ARTIFACT: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("seq", Kind::Int),
    ("artifact_id", Kind::Bytes),
    ("console_id", Kind::Int),
    ("integration_id", Kind::Int),
    ("stream", Kind::Text),
    ("native_id", Kind::Text),
    ("op", Kind::Text),
    ("version", Kind::Int),
    ("source_time", Kind::Int),
    ("observed_at", Kind::Int),
    ("block_id", Kind::Int),
    ("position", Kind::Int),
];

const BLOCK: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("block_id", Kind::Int),
    ("codec", Kind::Text),
    ("size", Kind::Int),
    ("bytes", Kind::Bytes),
];

const SIGHTING: &[(&str, Kind)] = &[("org_id", Kind::Int), ("integration_id", Kind::Int), ("seq", Kind::Int)];

/// Writes new artifacts and their blocks. A block is named after its first artifact.
fn write(tx: &mut Tx, page: &Page, console: i64, logged: &[Logged]) -> Result<(), SignalsError> {
    let mut artifacts: Vec<Value> = Vec::with_capacity(logged.len() * ARTIFACT.len());
    let mut rest = logged;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let fits = |one: &&Logged| {
            bytes += page.entries[one.entry].raw.len();
            bytes <= block::BLOCK_BYTES_MAX
        };
        let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        rest = later;
        let raw: Vec<&[u8]> = now.iter().map(|one| page.entries[one.entry].raw).collect();
        let (packed, size) = block::pack(&raw)?;
        let block = [page.org.into(), first.seq.into(), block::CODEC.into(), (size as i64).into(), packed.into()];
        tx.insert_many("signals_block", BLOCK, &block, "")?;
        for (one, position) in now.iter().zip(0i64..) {
            let entry = &page.entries[one.entry];
            artifacts.extend([
                page.org.into(),
                one.seq.into(),
                Value::from(&one.id.0),
                console.into(),
                page.integration.into(),
                page.stream.into(),
                Value::from(entry.native_id.as_ref()),
                one.op.as_str().into(),
                entry.version.into(),
                entry.updated_at.into(),
                page.now.into(),
                first.seq.into(),
                position.into(),
            ]);
        }
    }
    tx.insert_many("signals_artifact", ARTIFACT, &artifacts, "")?;
    Ok(())
}
