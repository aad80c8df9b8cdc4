//! Retention: what the log forgets, and when. The latest version of every record stays, whatever its age: it is what the
//! log knows of the record, and the only body that an immutable stream has.

use jobs::World;
use kernel::{OrgId, Timestamp, Value};
use store::{Kind, Store, Tx};

use crate::block::{self, Block};
use crate::{SignalsError, log, sink, text};

/// Blocks that one transaction looks at.
const STEP_BLOCKS: i64 = 16;

const SECONDS_PER_DAY: i64 = 86_400;

/// How much of its past the log keeps. Nothing is removed unless one of the two says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Versions that are older than so many days may go.
    pub days: Option<u32>,
    /// The oldest versions may go while the log takes more stored bytes than these.
    pub bytes: Option<u64>,
}

/// What retention removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Artifacts that were removed.
    pub artifacts: u64,
    /// Stored bytes that were freed.
    pub bytes: u64,
    /// The sink that keeps older ones from being removed, since it does not have them yet.
    pub held_by: Option<String>,
}

/// What the log holds and who follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStatus {
    /// Artifacts in it.
    pub artifacts: u64,
    /// The number of the latest one; 0 if there was none yet.
    pub last_seq: i64,
    /// When the oldest one that is still there was logged.
    pub oldest: Option<Timestamp>,
    /// Bytes of its compressed blocks.
    pub bytes: u64,
    /// Bytes of the same records before compression.
    pub raw_bytes: u64,
    /// About how many artifacts the full-text index does not have yet.
    pub unindexed: u64,
    /// Artifacts of which the index took only the first words.
    pub cut: u64,
    /// The settings of retention.
    pub keep: Keep,
    /// Artifacts that retention removed so far.
    pub removed_artifacts: u64,
    /// Stored bytes that it freed so far.
    pub removed_bytes: u64,
    /// When it removed something last.
    pub removed_at: Option<Timestamp>,
    /// Up to where every attached sink has the log, and the name of the one that is furthest behind.
    pub delivered: Option<(i64, String)>,
}

/// The settings of retention.
///
/// # Errors
/// The database fails.
pub fn keep(tx: &mut Tx, org: OrgId) -> Result<Keep, SignalsError> {
    const KEEP: &str = "SELECT keep_days, keep_bytes FROM signals_retention WHERE org_id = $1";
    let kept = tx.query_opt(KEEP, &[org.into()], |row| {
        Ok(Keep {
            days: row.opt_int(0)?.map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
            bytes: row.opt_int(1)?.map(i64::unsigned_abs),
        })
    })?;
    Ok(kept.unwrap_or_default())
}

/// Changes the settings of retention; [`retain`] acts on them.
///
/// # Errors
/// The database fails.
pub fn set_keep(tx: &mut Tx, org: OrgId, keep: Keep) -> Result<(), SignalsError> {
    const SET: &str = "INSERT INTO signals_retention
            (org_id, keep_days, keep_bytes, removed_artifacts, removed_bytes, removed_at)
        VALUES ($1, $2, $3, 0, 0, NULL)
        ON CONFLICT (org_id) DO UPDATE SET keep_days = excluded.keep_days, keep_bytes = excluded.keep_bytes";
    let bytes = keep.bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    tx.execute(SET, &[org.into(), keep.days.map(i64::from).into(), bytes.into()])?;
    Ok(())
}

/// What the log holds and who follows it.
///
/// # Errors
/// The database fails.
pub fn log_status(tx: &mut Tx, org: OrgId) -> Result<LogStatus, SignalsError> {
    const OLDEST: &str = "SELECT observed_at FROM signals_artifact WHERE org_id = $1 ORDER BY seq LIMIT 1";
    const SIZE: &str = "SELECT CAST(COALESCE(SUM(length(bytes)), 0) AS BIGINT), CAST(COALESCE(SUM(size), 0) AS BIGINT)
        FROM signals_block WHERE org_id = $1";
    const CUT: &str = "SELECT cut FROM signals_text_head WHERE org_id = $1";
    const REMOVED: &str =
        "SELECT removed_artifacts, removed_bytes, removed_at FROM signals_retention WHERE org_id = $1";
    let of = [Value::from(org)];
    let (bytes, raw_bytes) = tx.query_one(SIZE, &of, |row| Ok((row.int(0)?, row.int(1)?)))?;
    let removed = tx.query_opt(REMOVED, &of, |row| Ok((row.int(0)?, row.int(1)?, row.opt_int(2)?)))?;
    let (removed_artifacts, removed_bytes, removed_at) = removed.unwrap_or_default();
    Ok(LogStatus {
        artifacts: log::count(tx, org)?,
        last_seq: log::last_seq(tx, org)?,
        oldest: tx.query_opt(OLDEST, &of, |row| row.int(0))?.map(Timestamp::from_micros),
        bytes: bytes.unsigned_abs(),
        raw_bytes: raw_bytes.unsigned_abs(),
        unindexed: text::unindexed_count(tx, org)?,
        cut: tx.query_opt(CUT, &of, |row| row.int(0))?.unwrap_or(0).unsigned_abs(),
        keep: keep(tx, org)?,
        removed_artifacts: removed_artifacts.unsigned_abs(),
        removed_bytes: removed_bytes.unsigned_abs(),
        removed_at: removed_at.map(Timestamp::from_micros),
        delivered: sink::delivered_to_all(tx, org)?,
    })
}

/// Removes what the organization's retention settings no longer keep; nothing if there are none. For a daily task.
///
/// It never overtakes a sink that is attached, and never removes the latest version of a record.
///
/// # Errors
/// The database fails or a block of the log is damaged.
pub async fn retain(store: &Store, world: &World, org: OrgId) -> Result<Retained, SignalsError> {
    let now = world.now();
    let mut all = Retained::default();
    let mut after = 0;
    loop {
        let step = world.outside(store.write(move |tx| Step { org, now }.take(tx, after))).await?;
        all.artifacts += step.removed.artifacts;
        all.bytes += step.removed.bytes;
        all.held_by = step.removed.held_by.or(all.held_by);
        match step.next {
            Some(next) => after = next,
            None => return Ok(all),
        }
    }
}

/// What one transaction of retention works on.
struct Step {
    org: OrgId,
    now: Timestamp,
}

struct Stepped {
    removed: Retained,
    /// The last block that was looked at, if there are more.
    next: Option<i64>,
}

/// An artifact that may go.
struct Old {
    seq: i64,
    position: i64,
    digest: i64,
}

impl Step {
    fn take(&self, tx: &mut Tx, after: i64) -> Result<Stepped, SignalsError> {
        const BLOCKS: &str = "SELECT block_id, length(bytes) FROM signals_block WHERE org_id = $1 AND block_id > $2
            ORDER BY block_id LIMIT $3";
        const TOTAL: &str =
            "SELECT CAST(COALESCE(SUM(length(bytes)), 0) AS BIGINT) FROM signals_block WHERE org_id = $1";
        let keep = keep(tx, self.org)?;
        if keep == Keep::default() {
            return Ok(Stepped { removed: Retained::default(), next: None });
        }
        let before = keep.days.map(|days| self.now.plus_seconds(-i64::from(days) * SECONDS_PER_DAY));
        let total = tx.query_one(TOTAL, &[self.org.into()], |row| row.int(0))?.unsigned_abs();
        let mut over = keep.bytes.map_or(0, |bytes| total.saturating_sub(bytes));
        let held = sink::delivered_to_all(tx, self.org)?;
        let blocks = tx.query(BLOCKS, &[self.org.into(), after.into(), STEP_BLOCKS.into()], |row| {
            Ok((row.int(0)?, row.int(1)?.unsigned_abs()))
        })?;
        let mut removed = Retained::default();
        let mut more = blocks.len() as i64 == STEP_BLOCKS;
        for (block, size) in &blocks {
            let logged = logged_at(tx, self.org, *block)?;
            let old = before.is_some_and(|before| logged.is_none_or(|at| at < before));
            if !old && over == 0 {
                // The log is in the order of time, or nearly: nothing behind this is older.
                more = false;
                break;
            }
            let to = held.as_ref().map_or(i64::MAX, |(seq, _)| *seq);
            if *block > to {
                removed.held_by = held.map(|(_, name)| name);
                more = false;
                break;
            }
            let (artifacts, bytes) = self.clear(tx, *block, *size, to)?;
            removed.artifacts += artifacts;
            removed.bytes += bytes;
            over = over.saturating_sub(bytes);
        }
        self.count(tx, &removed)?;
        Ok(Stepped { removed, next: blocks.last().map(|(block, _)| *block).filter(|_| more) })
    }

    /// Removes from a block what was followed by a later version for every integration that knows it; answers how many
    /// artifacts and bytes went. The place of an integration stays: its record's body may be there alone.
    fn clear(&self, tx: &mut Tx, block: i64, size: u64, to: i64) -> Result<(u64, u64), SignalsError> {
        // The artifacts of a block have the numbers from its own up to the next block's.
        const OLD: &str = "SELECT a.seq, a.position, a.artifact_id FROM signals_artifact a
            WHERE a.org_id = $1 AND a.seq >= $2 AND a.seq <= $3
                AND a.seq < COALESCE((SELECT MIN(b.block_id) FROM signals_block b
                    WHERE b.org_id = $1 AND b.block_id > $2), $3 + 1)
                AND EXISTS (SELECT 1 FROM signals_artifact n WHERE n.org_id = a.org_id AND n.console_id = a.console_id
                    AND n.stream = a.stream AND n.native_id = a.native_id AND n.seq > a.seq
                    AND (n.integration_id = a.integration_id OR EXISTS (SELECT 1 FROM signals_sighting s
                        WHERE s.org_id = n.org_id AND s.integration_id = a.integration_id AND s.seq = n.seq)))
                AND NOT EXISTS (SELECT 1 FROM signals_reader r JOIN signals_sighting s ON s.org_id = r.org_id
                        AND s.integration_id = r.integration_id AND s.seq = a.seq
                    WHERE r.org_id = a.org_id AND NOT EXISTS (SELECT 1 FROM signals_artifact n
                        WHERE n.org_id = a.org_id AND n.console_id = a.console_id AND n.stream = a.stream
                            AND n.native_id = a.native_id AND n.seq > a.seq
                            AND (n.integration_id = s.integration_id OR EXISTS (SELECT 1 FROM signals_sighting o
                                WHERE o.org_id = n.org_id AND o.integration_id = s.integration_id AND o.seq = n.seq))))
            ORDER BY a.seq";
        const LEFT: &str = "SELECT 1 FROM signals_artifact WHERE org_id = $1 AND block_id = $2 AND seq >= $2
            AND seq < COALESCE((SELECT MIN(b.block_id) FROM signals_block b WHERE b.org_id = $1 AND b.block_id > $2),
                9223372036854775807) LIMIT 1";
        let to = to.min(i64::MAX - 1);
        let old = tx.query(OLD, &[self.org.into(), block.into(), to.into()], |row| {
            Ok(Old { seq: row.int(0)?, position: row.int(1)?, digest: digest_of(row.bytes(2)?) })
        })?;
        if old.is_empty() {
            return Ok((0, 0));
        }
        let row = |one: &Old| [self.org.into(), Value::Int(one.seq)];
        let rows: Vec<Value> = old.iter().flat_map(row).collect();
        tx.delete_many("signals_artifact", &[("org_id", Kind::Int), ("seq", Kind::Int)], &rows)?;
        let mut digests: Vec<i64> = old.iter().map(|one| one.digest).collect();
        digests.sort_unstable();
        digests.dedup();
        let rows: Vec<Value> = digests.iter().flat_map(|digest| [self.org.into(), Value::Int(*digest)]).collect();
        let removed = [("org_id", Kind::Int), ("digest", Kind::Int)];
        tx.insert_many("signals_removed", &removed, &rows, "ON CONFLICT DO NOTHING")?;
        self.forget_sightings(tx, &old)?;
        text::forget(tx, self.org, &old.iter().map(|one| one.seq).collect::<Vec<_>>())?;

        let of = [self.org.into(), block.into()];
        if tx.query_opt(LEFT, &of, |row| row.int(0))?.is_none() {
            tx.execute("DELETE FROM signals_block WHERE org_id = $1 AND block_id = $2", &of)?;
            return Ok((old.len() as u64, size));
        }
        let smaller = self.repack(tx, block, &old)?;
        Ok((old.len() as u64, size.saturating_sub(smaller)))
    }

    /// Empties the records of a block that are gone; the others keep their positions. Answers the block's new size.
    fn repack(&self, tx: &mut Tx, id: i64, old: &[Old]) -> Result<u64, SignalsError> {
        const REPACK: &str =
            "UPDATE signals_block SET codec = $3, size = $4, bytes = $5 WHERE org_id = $1 AND block_id = $2";
        let block: Block = log::block_of(tx, self.org, id)?;
        let gone = |position: &i64| old.binary_search_by_key(position, |one| one.position).is_ok();
        let records: Vec<&[u8]> = (0i64..)
            .map_while(|position| Some((position, block.record(position)?)))
            .map(|(position, record)| if gone(&position) { &[][..] } else { record })
            .collect();
        let (bytes, size) = block::pack(&records)?;
        let length = bytes.len() as u64;
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        tx.execute(REPACK, &[self.org.into(), id.into(), block::CODEC.into(), size.into(), bytes.into()])?;
        Ok(length)
    }

    fn forget_sightings(&self, tx: &mut Tx, old: &[Old]) -> Result<(), SignalsError> {
        const SEEN: &str = "SELECT integration_id, seq FROM signals_sighting WHERE org_id = $1
            AND integration_id IN KEYS AND seq >= $2 AND seq <= $3";
        const READERS: &str = "SELECT integration_id FROM signals_reader WHERE org_id = $1";
        let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(()) };
        let readers = tx.query(READERS, &[self.org.into()], |row| row.int(0))?;
        let of = [self.org.into(), first.seq.into(), last.seq.into()];
        let seen = tx.select_in(SEEN, &of, store::Keys::Ints(&readers), |row| Ok((row.int(0)?, row.int(1)?)))?;
        let gone = |seq: &i64| old.binary_search_by_key(seq, |one| one.seq).is_ok();
        let rows: Vec<Value> = (seen.iter().filter(|(_, seq)| gone(seq)))
            .flat_map(|(integration, seq)| [self.org.into(), Value::Int(*integration), Value::Int(*seq)])
            .collect();
        let key = [("org_id", Kind::Int), ("integration_id", Kind::Int), ("seq", Kind::Int)];
        tx.delete_many("signals_sighting", &key, &rows)?;
        Ok(())
    }

    fn count(&self, tx: &mut Tx, removed: &Retained) -> Result<(), SignalsError> {
        const COUNT: &str = "UPDATE signals_retention SET removed_artifacts = removed_artifacts + $2,
            removed_bytes = removed_bytes + $3, removed_at = $4 WHERE org_id = $1";
        if removed.artifacts > 0 {
            let number = |number: u64| Value::Int(number.cast_signed());
            tx.execute(COUNT, &[self.org.into(), number(removed.artifacts), number(removed.bytes), self.now.into()])?;
        }
        Ok(())
    }
}

/// When the first artifact that is left of a block was logged; `None` if none is left.
fn logged_at(tx: &mut Tx, org: OrgId, block: i64) -> Result<Option<Timestamp>, SignalsError> {
    const LOGGED: &str = "SELECT observed_at FROM signals_artifact WHERE org_id = $1 AND seq >= $2 AND block_id = $2
        ORDER BY seq LIMIT 1";
    Ok(tx.query_opt(LOGGED, &[org.into(), block.into()], |row| row.int(0))?.map(Timestamp::from_micros))
}

/// What is kept of the id of a removed artifact.
pub(crate) fn digest_of(id: &[u8]) -> i64 {
    id.first_chunk().map_or(0, |first| i64::from_le_bytes(*first))
}
