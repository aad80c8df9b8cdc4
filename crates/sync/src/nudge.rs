//! "Sync now" beside a worker: a request left in the database, and what became of it. Every statement of `sync_nudge`.

use std::collections::BTreeSet;
use std::time::Duration;

use jobs::World;
use kernel::{IntegrationId, OrgId, Timestamp};
use store::{Store, StoreError, Tx};

use crate::report::{Event, StreamReport};
use crate::run::{Run, chosen_integrations, chosen_streams};
use crate::{SyncError, checkpoint, schedule};

/// How often whoever asked looks for news.
const FOLLOW_EVERY: Duration = Duration::from_millis(300);

/// Requests that were served longer ago than this are forgotten, in seconds.
const KEPT: i64 = 24 * 3600;

/// A request, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NudgeId(i64);

/// Leaves a request for a worker: the chosen streams of the chosen integrations, now. Needs no lease and no worker's lock.
///
/// # Errors
/// A name is unknown, an integration is switched off, or the database fails.
pub fn nudge(tx: &mut Tx<'_>, org: OrgId, order: &Run, who: &str, now: Timestamp) -> Result<NudgeId, SyncError> {
    const FORGET: &str = "DELETE FROM sync_nudge WHERE org_id = $1 AND finished_at < $2";
    const ASK: &str = "INSERT INTO sync_nudge (org_id, nudge_id, integration_id, stream, whole, accept_removals, asked_at, \
        asked_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let streams = chosen_streams(&order.streams)?;
    let chosen = chosen_integrations(checkpoint::integrations(tx, org)?, &order.names)?;
    tx.execute(FORGET, &[org.into(), now.plus_seconds(-KEPT).into()])?;
    let id = checkpoint::next_id(tx, org)?;
    for of in &chosen {
        for stream in streams.iter().filter(|stream| schedule::is_enabled(stream, &of.options)) {
            let values = [
                org.into(),
                id.into(),
                of.id.into(),
                stream.name.into(),
                i64::from(order.full).into(),
                i64::from(order.accept_removals).into(),
                now.into(),
                who.into(),
            ];
            tx.execute(ASK, &values)?;
        }
    }
    Ok(NudgeId(id))
}

/// What is asked for one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub whole: bool,
    pub accept_removals: bool,
}

/// What is asked for a stream and not served yet.
///
/// # Errors
/// The database fails.
pub(crate) fn asked(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, stream: &str) -> Result<Asked, StoreError> {
    const READ: &str = "SELECT max(whole), max(accept_removals) FROM sync_nudge \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND finished_at IS NULL";
    tx.query_one(READ, &[org.into(), id.into(), stream.into()], |row| {
        let is = |at: usize| Ok::<_, StoreError>(row.opt_int(at)? == Some(1));
        Ok(Asked { whole: is(0)?, accept_removals: is(1)? })
    })
}

/// Serves every request for a stream that came before its sweep began.
///
/// # Errors
/// The database fails.
pub(crate) fn finish(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    report: &StreamReport,
    began_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    const FINISH: &str = "UPDATE sync_nudge SET finished_at = $6, report = $5 \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND asked_at <= $4 AND finished_at IS NULL";
    let text = serde_json::to_string(report).expect("a report is plain numbers and texts");
    let values = [org.into(), id.into(), report.stream.into(), began_at.into(), text.into(), now.into()];
    tx.execute(FINISH, &values)?;
    Ok(())
}

/// The streams of an integration that somebody asked for and nobody served yet.
///
/// # Errors
/// The database fails.
pub(crate) fn open(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Vec<String>, StoreError> {
    const OPEN: &str = "SELECT DISTINCT stream FROM sync_nudge \
        WHERE org_id = $1 AND integration_id = $2 AND finished_at IS NULL ORDER BY stream";
    tx.query(OPEN, &[org.into(), id.into()], |row| Ok(row.text(0)?.to_owned()))
}

struct News {
    integration: IntegrationId,
    stream: String,
    report: Option<String>,
    fetched: Option<i64>,
    pages: Option<i64>,
    total: Option<i64>,
}

fn news(tx: &mut Tx<'_>, org: OrgId, id: NudgeId) -> Result<Vec<News>, StoreError> {
    const READ: &str = "SELECT n.integration_id, n.stream, n.report, w.fetched, w.pages, w.console_total FROM sync_nudge n \
        LEFT JOIN sync_stream t ON t.org_id = n.org_id AND t.integration_id = n.integration_id AND t.stream = n.stream \
        AND t.attempted_at >= n.asked_at \
        LEFT JOIN sync_sweep w ON w.org_id = t.org_id AND w.sweep_id = t.sweep_id \
        WHERE n.org_id = $1 AND n.nudge_id = $2 ORDER BY n.integration_id, n.stream";
    tx.query(READ, &[org.into(), id.0.into()], |row| {
        Ok(News {
            integration: IntegrationId(row.int(0)?),
            stream: row.text(1)?.to_owned(),
            report: row.opt_text(2)?.map(str::to_owned),
            fetched: row.opt_int(3)?,
            pages: row.opt_int(4)?,
            total: row.opt_int(5)?,
        })
    })
}

/// Follows a request to its end and tells what happens, as [`crate::run`] does; `alive` says whether a worker is still
/// there. Answers nothing if it went away first.
///
/// # Errors
/// The database fails, or a report in it cannot be read.
pub async fn follow(
    store: &Store,
    world: &World,
    org: OrgId,
    id: NudgeId,
    alive: &(dyn Fn() -> bool + Sync),
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<Option<Vec<StreamReport>>, SyncError> {
    let known = crate::run::integrations(store, world, org).await?;
    let name = |id: IntegrationId| known.iter().find(|of| of.id == id).map_or("", |of| of.name.as_str()).to_owned();
    let mut begun: BTreeSet<(i64, String)> = BTreeSet::new();
    let mut done: BTreeSet<(i64, String)> = BTreeSet::new();
    let mut turned_to = BTreeSet::new();
    let started = world.now();
    loop {
        let looked_alive = alive();
        let rows = world.outside(store.read(move |tx| Ok::<_, SyncError>(news(tx, org, id)?))).await?;
        let open = rows.iter().any(|row| row.report.is_none());
        for row in &rows {
            let key = (row.integration.0, row.stream.clone());
            let Some(stream) = crate::Stream::named(&row.stream).map(|stream| stream.name) else { continue };
            if done.contains(&key) {
                continue;
            }
            if (row.pages.is_some() || row.report.is_some()) && turned_to.insert(row.integration.0) {
                tell(&Event::IntegrationStarted { integration: name(row.integration) });
            }
            if (row.pages.is_some() || row.report.is_some()) && begun.insert(key.clone()) {
                tell(&Event::StreamStarted {
                    integration: name(row.integration),
                    stream,
                    kind: crate::SweepKind::Changes,
                    resumed_pages: 0,
                });
            }
            if let Some(report) = &row.report {
                let report = read_report(report)?;
                tell(&Event::StreamFinished { report });
                done.insert(key);
            } else if let Some(pages) = row.pages {
                tell(&Event::PageStored {
                    integration: name(row.integration),
                    stream,
                    pages: pages.unsigned_abs(),
                    records: row.fetched.unwrap_or(0).unsigned_abs(),
                    total: row.total.map(i64::unsigned_abs),
                    total_exact: false,
                    elapsed_ms: u64::try_from((world.now().micros() - started.micros()) / 1000).unwrap_or(0),
                });
            }
        }
        if !open {
            return finished(store, world, org, &rows, &name, tell).await.map(Some);
        }
        if !looked_alive {
            return Ok(None);
        }
        world.sleep(FOLLOW_EVERY).await;
    }
}

async fn finished(
    store: &Store,
    world: &World,
    org: OrgId,
    rows: &[News],
    name: &dyn Fn(IntegrationId) -> String,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<Vec<StreamReport>, SyncError> {
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        reports.push(read_report(row.report.as_deref().unwrap_or_default())?);
    }
    // In the order in which a pass reads them.
    reports.sort_by_key(|report| {
        let place = crate::STREAMS.iter().position(|stream| stream.name == report.stream);
        (report.integration.clone(), place)
    });
    for of in crate::run::integrations(store, world, org).await? {
        if rows.iter().any(|row| row.integration == of.id) {
            tell(&Event::IntegrationFinished {
                integration: name(of.id),
                state: of.state,
                detail: of.detail,
                at: world.now(),
            });
        }
    }
    Ok(reports)
}

fn read_report(text: &str) -> Result<StreamReport, SyncError> {
    serde_json::from_str(text).map_err(|source| SyncError::Checkpoint { stream: "a report".to_owned(), source })
}
