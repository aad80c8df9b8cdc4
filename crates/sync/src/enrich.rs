//! The enrichment queue: what is asked about one record at a time, after everything else and with patience of its own.
//!
//! A record that is new or has changed enters the queue in the transaction that stores it, so neither can be lost
//! without the other. It leaves it in the transaction that stores the answer.

use std::ops::RangeInclusive;

use kernel::{IntegrationId, OrgId, Timestamp, Value};
use sentinelone::Endpoint;
use store::{Kind, StoreError, Tx};

use crate::SyncError;
use crate::apply::Batch;
use crate::checkpoint::{self, Owner, Parent};
use crate::fetch::{Meter, Problem};
use crate::pass::{Left, Pass, Run, single_request};
use crate::report::SweepKind;
use crate::stream::{STREAMS, Source, Stream};
use crate::verdict::Lasting;

/// Activities that tell of a note that was written, changed or deleted: the threat itself need not move (recorded types).
pub const NOTE_ACTIVITIES: RangeInclusive<i64> = 4020..=4022;

/// Questions that are taken from the queue, and whose answers are stored, together.
const TAKEN: i64 = 50;

/// Questions that one pass asks at most; the rest waits for the next one.
pub const PER_PASS_MAX: usize = 20_000;

/// Tries of one question before it is given up until its record changes.
pub const ATTEMPTS_MAX: i64 = 8;

/// Tries of a record that the console says it does not have: the second answer is believed.
const ABSENT_MAX: i64 = 2;

/// The first wait of a question that failed, in seconds; each further one doubles it.
const WAIT_FIRST: i64 = 60;

/// No question waits longer, in seconds.
const WAIT_MAX: i64 = 6 * 3600;

/// Questions in a row that fail before the rest of the queue waits too.
const FAILURES_IN_A_ROW_MAX: u32 = 3;

/// Native ids that are queued in one transaction when everything is asked for again.
const SEEDED: i64 = 5_000;

/// One question that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Native id of the record that is asked about.
    pub parent_id: String,
    /// When it was queued; a later change queues it anew.
    pub queued_at: Timestamp,
    /// How often it was asked without an answer.
    pub attempts: i64,
}

/// Puts records into a stream's queue; one that waits already waits from now.
///
/// # Errors
/// The database fails.
pub fn queue(
    tx: &mut Tx<'_>,
    owner: &Owner,
    stream: &str,
    parents: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    const COLUMNS: &[(&str, Kind)] = &[
        ("org_id", Kind::Int),
        ("integration_id", Kind::Int),
        ("stream", Kind::Text),
        ("parent_id", Kind::Text),
        ("queued_at", Kind::Int),
        ("due_at", Kind::Int),
        ("attempts", Kind::Int),
    ];
    const AGAIN: &str = "ON CONFLICT (org_id, integration_id, stream, parent_id) DO UPDATE SET \
        queued_at = excluded.queued_at, due_at = excluded.due_at, attempts = 0, reason = NULL";
    // One statement must not name a row twice.
    let mut parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    parents.sort_unstable();
    parents.dedup();
    let values: Vec<Value<'_>> = parents
        .into_iter()
        .flat_map(|parent| {
            [owner.org.into(), owner.id.into(), stream.into(), parent.into(), now.into(), now.into(), 0i64.into()]
        })
        .collect();
    tx.insert_many("sync_enrichment", COLUMNS, &values, AGAIN)?;
    Ok(())
}

/// Takes settled questions out of the queue and lets others wait. One that was queued anew meanwhile stays.
///
/// # Errors
/// The database fails.
pub fn settle(
    tx: &mut Tx<'_>,
    owner: &Owner,
    settled: &[Queued],
    waiting: &[(Queued, Timestamp, String)],
) -> Result<(), StoreError> {
    const SETTLE: &str = "DELETE FROM sync_enrichment WHERE org_id = $1 AND integration_id = $2 AND stream = $3 \
        AND parent_id = $4 AND queued_at = $5";
    const WAIT: &str = "UPDATE sync_enrichment SET due_at = $6, attempts = attempts + 1, reason = $7 WHERE org_id = $1 \
        AND integration_id = $2 AND stream = $3 AND parent_id = $4 AND queued_at = $5";
    let key = |one: &Queued| {
        [
            owner.org.into(),
            owner.id.into(),
            owner.stream.name.into(),
            Value::from(one.parent_id.clone()),
            one.queued_at.into(),
        ]
    };
    for one in settled {
        tx.execute(SETTLE, &key(one))?;
    }
    for (one, due_at, reason) in waiting {
        let [org, id, stream, parent, queued_at] = key(one);
        tx.execute(WAIT, &[org, id, stream, parent, queued_at, (*due_at).into(), reason.as_str().into()])?;
    }
    Ok(())
}

/// The questions that are due, the oldest first.
fn due(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    stream: &str,
    now: Timestamp,
) -> Result<Vec<Queued>, StoreError> {
    const DUE: &str = "SELECT parent_id, queued_at, attempts FROM sync_enrichment WHERE org_id = $1 \
        AND integration_id = $2 AND stream = $3 AND due_at <= $4 ORDER BY due_at, parent_id LIMIT $5";
    tx.query(DUE, &[org.into(), id.into(), stream.into(), now.into(), TAKEN.into()], |row| {
        Ok(Queued {
            parent_id: row.text(0)?.to_owned(),
            queued_at: Timestamp::from_micros(row.int(1)?),
            attempts: row.int(2)?,
        })
    })
}

/// How many questions wait in a stream's queue.
///
/// # Errors
/// The database fails.
pub fn waiting(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, stream: &str) -> Result<u64, StoreError> {
    const COUNT: &str =
        "SELECT count(*) FROM sync_enrichment WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
    tx.query_one(COUNT, &[org.into(), id.into(), stream.into()], |row| Ok(row.int(0)?.unsigned_abs()))
}

/// Whether a stream of enrichment still waits to be asked about a record, by the console's own id of it.
///
/// # Errors
/// The database fails.
pub fn waits_about(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    stream: &str,
    parent: &str,
) -> Result<bool, StoreError> {
    const ONE: &str = "SELECT 1 FROM sync_enrichment \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND parent_id = $4";
    let values = [org.into(), id.into(), stream.into(), parent.into()];
    Ok(tx.query_opt(ONE, &values, |row| row.int(0))?.is_some())
}

fn pause(attempts: i64) -> i64 {
    WAIT_FIRST.saturating_mul(1 << attempts.clamp(0, 16)).min(WAIT_MAX)
}

impl Pass<'_> {
    /// The queues that learn of new and changed records of a stream.
    pub(crate) fn enriches(&self, stream: &Stream) -> Vec<&'static str> {
        let left_out = &self.integration.options.without_streams;
        let wanted = |other: &&Stream| {
            let Source::Queued(endpoint, parent) = other.source else { return false };
            let told = stream.name == "activities" && endpoint == Endpoint::ThreatNotes;
            (parent == stream.name || told) && !left_out.iter().any(|name| name == other.name)
        };
        STREAMS.iter().filter(wanted).map(|other| other.name).collect()
    }

    /// Asks the questions of a queue, one after the other, until none is due.
    pub(crate) async fn drain(&self, run: &mut Run, meter: &Meter) -> Result<Left, SyncError> {
        let (org, id, stream) = (run.owner.org, run.owner.id, run.owner.stream);
        if run.kind == SweepKind::Full {
            self.seed(run).await?;
        }
        let (mut asked, mut given_up, mut in_a_row) = (0, Vec::new(), 0);
        let all = self.read(move |tx| Ok::<_, SyncError>(waiting(tx, org, id, stream.name)?)).await?;
        while asked < PER_PASS_MAX {
            let now = self.world.now();
            let taken = self.read(move |tx| Ok::<_, SyncError>(due(tx, org, id, stream.name, now)?)).await?;
            if taken.is_empty() {
                break;
            }
            let at = run.position.clone();
            let mut next = at.clone();
            next.page += 1;
            let mut batch = Batch::default();
            let mut stopped = None;
            for one in taken {
                let parent = Parent::named(&one.parent_id);
                let Some(request) = single_request(run.endpoint, Some(&parent)) else {
                    batch.settled.push(one);
                    continue;
                };
                asked += 1;
                match self.all_pages(meter, &request).await {
                    Ok(answer) => {
                        in_a_row = 0;
                        next.counted += 1;
                        next.server =
                            next.server.max(answer.pages.iter().filter_map(|page| page.date).map(|at| at.0).max());
                        batch.pages.extend(answer.pages.into_iter().map(|page| (Some(parent.clone()), page)));
                        batch.settled.push(one);
                    }
                    // The record is gone, or not yet where it is asked for; that concerns this record only.
                    Err(Problem::NotOffered(_)) if one.attempts + 1 >= ABSENT_MAX => {
                        run.absent.push(one.parent_id.clone());
                        batch.settled.push(one);
                    }
                    Err(Problem::NotOffered(why)) => {
                        let due_at = now.plus_seconds(pause(one.attempts));
                        batch.waiting.push((one, due_at, why));
                    }
                    Err(Problem::Lasting(Lasting::NoStream | Lasting::Request, why))
                    | Err(Problem::LoseCursor(why) | Problem::TooLarge(why)) => {
                        in_a_row += 1;
                        if one.attempts + 1 >= ATTEMPTS_MAX {
                            given_up.push(one.parent_id.clone());
                            batch.settled.push(one);
                        } else {
                            let due_at = now.plus_seconds(pause(one.attempts));
                            batch.waiting.push((one, due_at, why.clone()));
                        }
                        if in_a_row >= FAILURES_IN_A_ROW_MAX {
                            stopped = Some(Problem::Lasting(Lasting::NoStream, why));
                            break;
                        }
                    }
                    // The whole queue waits, and loses nothing: throttled, refused, or nobody answers.
                    Err(problem) => {
                        stopped = Some(problem);
                        break;
                    }
                }
            }
            let storing = self.storing(run, at, next, false, None);
            let stored = self.store_batch(storing, batch).await?;
            run.took(&stored);
            self.tell_page(run, Some(all), true);
            if let Some(problem) = stopped {
                return Ok(Left::Stopped { problem, goes_on: true });
            }
        }
        run.report.console_total = Some(run.position.counted);
        let left = self.read(move |tx| Ok::<_, SyncError>(waiting(tx, org, id, stream.name)?)).await?;
        if asked >= PER_PASS_MAX && left > 0 {
            return Ok(Left::Lost(format!("{left} of {all} are still to be asked for; the next pass goes on")));
        }
        let mut reasons = Vec::new();
        if !run.absent.is_empty() {
            reasons.push(format!("not available for {}: {}", run.absent.len(), crate::pass::in_short(&run.absent)));
        }
        if !given_up.is_empty() {
            reasons.push(format!("given up for {}: {}", given_up.len(), crate::pass::in_short(&given_up)));
        }
        if left > 0 {
            reasons.push(format!("{left} did not answer and are asked for again later"));
        }
        if !reasons.is_empty() {
            run.report.reason = Some(reasons.join("; "));
        }
        // The sweep's only window stands for the whole queue.
        run.position.close_window(0, true);
        Ok(Left::Done)
    }

    /// Queues every present record of the parent stream: at first, and when everything is asked for again.
    async fn seed(&self, run: &mut Run) -> Result<(), SyncError> {
        let Source::Queued(_, parents) = run.owner.stream.source else { return Ok(()) };
        // A sweep that goes on has queued the records up to here already.
        let mut after = run.position.cursor.clone().unwrap_or_default();
        loop {
            let (owner, from, now) = (run.owner.clone(), after.clone(), self.world.now());
            let mut position = run.position.clone();
            let (seeded, position) = self
                .write(move |tx| {
                    let ids = checkpoint::native_ids(tx, owner.org, owner.id, parents, &from, SEEDED)?;
                    queue(tx, &owner, owner.stream.name, &ids, now)?;
                    position.cursor = ids.last().cloned().or(position.cursor);
                    checkpoint::save_position(tx, &owner, &position, now)?;
                    Ok::<_, SyncError>((ids, position))
                })
                .await?;
            run.position = position;
            match seeded.into_iter().next_back() {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }
}
