//! What was read and what is being read: sweeps that ended, and how far a request is.

use kernel::{IntegrationId, OrgId, SweepId, Timestamp};
use store::{Row, StoreError, Tx};

use crate::report::{StreamReport, StreamStatus};
use crate::{Options, Stream, SyncError};

/// One sweep of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its id; later ones are larger.
    pub id: SweepId,
    /// Of which integration.
    pub integration: IntegrationId,
    /// What the task is called that it is a run of.
    pub name: String,
    /// Whether that task runs now: a paused one tries nothing again.
    pub enabled: bool,
    /// The stream.
    pub stream: String,
    /// Whether it asked for everything, not for what changed.
    pub whole: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; nothing while it is under way, or if it was cut off and goes on later.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub status: Option<StreamStatus>,
    /// Why, in words.
    pub reason: Option<String>,
    /// What the console counted.
    pub console_total: Option<u64>,
    /// Records received.
    pub fetched: u64,
    /// Records that were new.
    pub created: u64,
    /// Records whose meaning changed.
    pub changed: u64,
    /// Records of which only volatile fields changed.
    pub touched: u64,
    /// Records that were as known.
    pub unchanged: u64,
    /// Records that were retired.
    pub removed: u64,
    /// Records that were kept aside.
    pub quarantined: u64,
    /// Pages stored.
    pub pages: u64,
}

/// Which readings are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadingFilter {
    /// Of one integration.
    pub integration: Option<IntegrationId>,
    /// Of one stream.
    pub stream: Option<String>,
    /// Only those that did not end complete.
    pub troubled: bool,
    /// Only those before this one.
    pub before: Option<SweepId>,
}

macro_rules! readings {
    ($rest:literal) => {
        concat!(
            "SELECT w.sweep_id, w.integration_id, i.name, w.stream, w.kind, w.started_at, w.finished_at, w.status, \
             w.reason, w.console_total, w.fetched, w.created, w.changed, w.touched, w.unchanged, w.removed, \
             w.quarantined, w.pages, i.options FROM sync_sweep w JOIN sync_integration i ON i.org_id = w.org_id \
             AND i.integration_id = w.integration_id WHERE w.org_id = $1 ",
            $rest
        )
    };
}

/// Readings of an organization, the latest first, at most `limit`.
///
/// # Errors
/// The database fails.
pub fn readings(tx: &mut Tx<'_>, org: OrgId, filter: &ReadingFilter, limit: u32) -> Result<Vec<Reading>, StoreError> {
    const READ: &str = readings!(
        "AND w.sweep_id < $2 AND (CAST($3 AS BIGINT) IS NULL OR w.integration_id = $3) \
         AND (CAST($4 AS TEXT) IS NULL OR w.stream = $4) \
         AND ($5 = 0 OR (w.complete = 0 AND w.finished_at IS NOT NULL)) ORDER BY w.sweep_id DESC LIMIT $6"
    );
    let values = [
        org.into(),
        filter.before.map_or(i64::MAX, |id| id.0).into(),
        filter.integration.into(),
        filter.stream.as_deref().into(),
        i64::from(filter.troubled).into(),
        i64::from(limit).into(),
    ];
    tx.query(READ, &values, reading)
}

/// One reading; nothing if there is none, or it is no longer remembered.
///
/// # Errors
/// The database fails.
pub fn reading_of(tx: &mut Tx<'_>, org: OrgId, id: SweepId) -> Result<Option<Reading>, StoreError> {
    const ONE: &str = readings!("AND w.sweep_id = $2");
    tx.query_opt(ONE, &[org.into(), id.into()], reading)
}

fn reading(row: &Row<'_>) -> Result<Reading, StoreError> {
    let count = |at: usize| Ok::<_, StoreError>(row.int(at)?.unsigned_abs());
    let options: Options = serde_json::from_str(row.text(18)?).unwrap_or_default();
    Ok(Reading {
        id: SweepId(row.int(0)?),
        integration: IntegrationId(row.int(1)?),
        enabled: options.enabled,
        name: options.task.map_or_else(|| row.text(2).map(str::to_owned), Ok)?,
        stream: row.text(3)?.to_owned(),
        whole: row.text(4)? == "full",
        started_at: Timestamp::from_micros(row.int(5)?),
        finished_at: row.opt_int(6)?.map(Timestamp::from_micros),
        status: row.opt_text(7)?.and_then(StreamStatus::from_word),
        reason: row.opt_text(8)?.map(str::to_owned),
        console_total: row.opt_int(9)?.map(i64::unsigned_abs),
        fetched: count(10)?,
        created: count(11)?,
        changed: count(12)?,
        touched: count(13)?,
        unchanged: count(14)?,
        removed: count(15)?,
        quarantined: count(16)?,
        pages: count(17)?,
    })
}

/// One stream of a request for a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedStream {
    /// The stream.
    pub stream: &'static str,
    /// Pages stored, records received and the console's count, once it has begun.
    pub begun: Option<(u64, u64, Option<u64>)>,
    /// How it ended, and when.
    pub ended: Option<(Timestamp, StreamReport)>,
}

/// How far the latest request for an integration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Who asked.
    pub asked_by: String,
    /// What was asked for, in the order in which a pass reads it.
    pub streams: Vec<AskedStream>,
}

impl Progress {
    /// How many streams have ended.
    #[must_use]
    pub fn done(&self) -> usize {
        self.streams.iter().filter(|asked| asked.ended.is_some()).count()
    }

    /// Whether all of them have.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.done() == self.streams.len()
    }
}

/// How far the latest request for an integration is; nothing if nobody asked within a day.
///
/// # Errors
/// The database fails, or a report in it cannot be read.
pub fn progress(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Option<Progress>, SyncError> {
    const READ: &str = "SELECT n.stream, n.report, n.finished_at, n.asked_at, n.asked_by, w.pages, w.fetched, \
        w.console_total FROM sync_nudge n \
        LEFT JOIN sync_stream t ON t.org_id = n.org_id AND t.integration_id = n.integration_id AND t.stream = n.stream \
        AND t.attempted_at >= n.asked_at \
        LEFT JOIN sync_sweep w ON w.org_id = t.org_id AND w.sweep_id = t.sweep_id \
        WHERE n.org_id = $1 AND n.integration_id = $2 AND n.nudge_id = (SELECT max(l.nudge_id) FROM sync_nudge l \
        WHERE l.org_id = $1 AND l.integration_id = $2)";
    type Found = (String, Option<String>, Option<i64>, i64, String, Option<(i64, i64, Option<i64>)>);
    let rows: Vec<Found> = tx.query(READ, &[org.into(), id.into()], |row| {
        let begun = match (row.opt_int(5)?, row.opt_int(6)?) {
            (Some(pages), Some(fetched)) => Some((pages, fetched, row.opt_int(7)?)),
            _ => None,
        };
        let report = row.opt_text(1)?.map(str::to_owned);
        Ok((row.text(0)?.to_owned(), report, row.opt_int(2)?, row.int(3)?, row.text(4)?.to_owned(), begun))
    })?;
    let Some((_, _, _, asked_at, asked_by, _)) = rows.first() else { return Ok(None) };
    let (asked_at, asked_by) = (Timestamp::from_micros(*asked_at), asked_by.clone());
    let mut streams = Vec::with_capacity(rows.len());
    for (name, report, finished_at, _, _, begun) in rows {
        let Some(stream) = Stream::named(&name) else { continue };
        let report: Option<StreamReport> = report
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|source| SyncError::Checkpoint { stream: name, source })?;
        streams.push(AskedStream {
            stream: stream.name,
            begun: begun.map(|(pages, fetched, total)| {
                (pages.unsigned_abs(), fetched.unsigned_abs(), total.map(i64::unsigned_abs))
            }),
            ended: finished_at.map(Timestamp::from_micros).zip(report),
        });
    }
    streams.sort_by_key(|asked| crate::STREAMS.iter().position(|stream| stream.name == asked.stream));
    Ok(Some(Progress { asked_at, asked_by, streams }))
}
