//! The back-fill lane: history is read beside live polling, at low priority, from a checkpoint of its own.
//!
//! Live polling begins at the console's present; the lane reads from the depth that is set up to where live polling
//! began. Both ends meet, so that nothing lies between them.

use kernel::{IntegrationId, OrgId, Timestamp};
use store::{StoreError, Tx};

use crate::checkpoint::Standing;
use crate::pass::{Lane, Pass, Swept};
use crate::position::Window;
use crate::stream::{STREAMS, Stream};
use crate::{StreamStatus, SyncError};

/// What is appended to a stream's name for the checkpoint of its back-fill lane.
pub const LANE_SUFFIX: &str = ".backfill";

/// Which part of time is history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    /// Where live polling begins: the console's clock, less the stream's overlap.
    pub present: Timestamp,
    /// Where history begins; at the beginning if there is none.
    pub from: Option<Timestamp>,
}

impl History {
    /// What the lane still has to read.
    pub fn window(&self, standing: &Standing) -> Window {
        // A depth that was raised later adds what lies before what was read.
        let to = if standing.full_at.is_some() { standing.lower_bound } else { standing.watermark };
        Window {
            to: to.or(Some(self.present)).map(Timestamp::micros),
            ..Window::since(self.from.map(Timestamp::micros))
        }
    }

    /// True if the lane has something to read.
    fn is_due(&self, standing: &Lanes) -> bool {
        match (standing.done, standing.lower_bound, self.from) {
            (false, ..) => true,
            (true, Some(read), Some(wanted)) => wanted.plus_seconds(DEEPER_MIN) < read,
            (true, Some(_), None) => true,
            (true, None, _) => false,
        }
    }
}

/// A depth moves with the clock; only one that was raised by more than this, in seconds, is read after the fact.
const DEEPER_MIN: i64 = 24 * 3600;

/// Where a lane stands.
#[derive(Clone, Copy, Debug)]
struct Lanes {
    done: bool,
    lower_bound: Option<Timestamp>,
}

impl Lane {
    /// The checkpoint's key.
    #[must_use]
    pub fn key(self, stream: &Stream) -> String {
        match self {
            Lane::Live => stream.name.to_owned(),
            Lane::Backfill => format!("{}{LANE_SUFFIX}", stream.name),
        }
    }
}

/// The streams of an integration whose history is still being read: what a worker keeps a back-fill lane for.
///
/// # Errors
/// The database fails.
pub fn backfills(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Vec<&'static Stream>, StoreError> {
    const OPEN: &str = "SELECT stream FROM sync_stream WHERE org_id = $1 AND integration_id = $2 AND full_at IS NULL \
        AND watermark IS NOT NULL ORDER BY stream";
    let names = tx.query(OPEN, &[org.into(), id.into()], |row| Ok(row.text(0)?.to_owned()))?;
    let named = |name: &String| name.strip_suffix(LANE_SUFFIX).and_then(Stream::named);
    Ok(names.iter().filter_map(named).collect())
}

impl Stream {
    /// True if its history can be read apart from what is new: its records carry the time they were made, and stay.
    #[must_use]
    pub fn has_history(&self) -> bool {
        self.immutable && self.change.is_some()
    }

    /// The streams whose history can be read in a lane of its own.
    pub fn with_history() -> impl Iterator<Item = &'static Stream> {
        STREAMS.iter().filter(|stream| stream.has_history())
    }
}

impl Pass<'_> {
    /// How far back a stream is read.
    pub(crate) fn history(&self, stream: &Stream, now: Timestamp) -> History {
        let server = self.seen.as_ref().and_then(|seen| seen.server).unwrap_or(now);
        let days = self.integration.options.depth_days.filter(|_| stream.has_history());
        History {
            present: server.plus_seconds(-stream.overlap),
            from: days.map(|days| server.plus_seconds(-i64::from(days) * 24 * 3600)),
        }
    }

    /// Reads on in a stream's history, at low priority, from where its lane stands; `None` if there is nothing to read.
    ///
    /// May run at the same time as [`Pass::sweep`] of the same stream: they have checkpoints of their own and never
    /// write the same record.
    ///
    /// # Errors
    /// As [`Pass::sweep`].
    pub async fn backfill(&self, stream: &'static Stream) -> Result<Option<Swept>, SyncError> {
        const READ: &str = "SELECT full_at, lower_bound FROM sync_stream \
            WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
        if !stream.has_history() {
            return Ok(None);
        }
        let (org, id, key) = (self.integration.org, self.integration.id, Lane::Backfill.key(stream));
        let standing = self
            .read(move |tx| {
                let lane = tx.query_opt(READ, &[org.into(), id.into(), key.as_str().into()], |row| {
                    let lower_bound = row.opt_int(1)?.map(Timestamp::from_micros);
                    Ok(Lanes { done: row.opt_int(0)?.is_some(), lower_bound })
                });
                Ok::<_, SyncError>(lane?)
            })
            .await?;
        match standing {
            Some(lane) if self.history(stream, self.world.now()).is_due(&lane) => {
                Ok(Some(self.sweep_lane(stream, Lane::Backfill, false).await?))
            }
            _ => Ok(None),
        }
    }
}

impl Swept {
    /// This lane's part added to what live polling of the same stream brought.
    pub(crate) fn after(self, live: Swept) -> Swept {
        let (history, mut report) = (self.report, live.report);
        report.fetched += history.fetched;
        report.created += history.created;
        report.changed += history.changed;
        report.touched += history.touched;
        report.unchanged += history.unchanged;
        report.quarantined += history.quarantined;
        report.pages += history.pages;
        report.requests += history.requests;
        report.bytes += history.bytes;
        report.duration_ms += history.duration_ms;
        report.console_total = report.console_total.zip(history.console_total).map(|(new, old)| new + old);
        if report.status == StreamStatus::Complete {
            (report.status, report.complete, report.reason) = (history.status, history.complete, history.reason);
        }
        Swept { report, stops: live.stops.or(self.stops) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_and_every_lane_has_a_checkpoint_of_its_own() {
        let keys = STREAMS.iter().flat_map(|stream| [Lane::Live.key(stream), Lane::Backfill.key(stream)]);
        let mut keys: Vec<String> = keys.collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 2 * STREAMS.len());
        assert_eq!(Lane::Live.key(Stream::named("activities").unwrap()), "activities");
    }

    #[test]
    fn only_what_never_changes_has_a_history_of_its_own() {
        let names: Vec<_> = Stream::with_history().map(|stream| stream.name).collect();
        assert_eq!(names, ["activities"]);
    }

    #[test]
    fn a_depth_that_is_raised_is_read_after_the_fact_and_one_that_moves_with_the_clock_is_not() {
        let day = 24 * 3600;
        let present = Timestamp::from_seconds(1_000 * day);
        let history = |days: Option<i64>| History { present, from: days.map(|days| present.plus_seconds(-days * day)) };
        let read =
            |days: Option<i64>| Lanes { done: true, lower_bound: days.map(|days| present.plus_seconds(-days * day)) };
        assert!(history(Some(30)).is_due(&Lanes { done: false, lower_bound: None }));
        assert!(!history(Some(30)).is_due(&read(Some(30))) && !history(Some(30)).is_due(&read(Some(60))));
        assert!(history(Some(60)).is_due(&read(Some(30))) && history(None).is_due(&read(Some(30))));
        assert!(!history(None).is_due(&read(None)) && !history(Some(30)).is_due(&read(None)));
    }
}
