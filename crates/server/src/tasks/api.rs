//! Tasks as programs read them.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::{SweepId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use sync::{Overview, Progress, Reading};

use super::{explained, pages, upcoming};
use crate::fields::Asked;
use crate::{App, Problem, Visitor, integrations, listing, respond};

/// Runs of an answer unless it asks for others, and at most.
const ROWS: u32 = 100;
const ROWS_MAX: u32 = 1_000;

/// All tasks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tasks {
    /// In the order of their integrations' names.
    items: Vec<Task>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// What is read again and again.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Task {
    /// The id of its integration.
    id: String,
    /// Its integration's name, unless another was chosen.
    name: String,
    connector: &'static str,
    /// The integration's state.
    state: &'static str,
    /// Whether a worker reads one of its collections just now.
    running: bool,
    /// When it was last tried.
    last_run_at: Option<String>,
    /// When a collection is read next; nothing if none is by itself.
    next_run_at: Option<String>,
    /// How far the latest request is; nothing if nobody asked within a day.
    asked: Option<AskedFor>,
}

/// A request for a reading.
#[derive(Debug, Serialize, JsonSchema)]
struct AskedFor {
    at: String,
    by: String,
    /// Collections that have ended.
    done: usize,
    /// Collections that were asked for.
    of: usize,
    over: bool,
    reading: Vec<Reads>,
}

/// A collection that is being read.
#[derive(Debug, Serialize, JsonSchema)]
struct Reads {
    collection: &'static str,
    fetched: u64,
    console_total: Option<u64>,
}

/// Readings.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Runs {
    /// The latest first.
    items: Vec<Run>,
    /// What to send as `after`; nothing at the end.
    next: Option<String>,
}

/// One reading of a collection.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Run {
    id: String,
    task: String,
    name: String,
    collection: String,
    /// Everything was asked for, not what changed.
    full: bool,
    started_at: String,
    finished_at: Option<String>,
    /// complete, incomplete, not_available, unreachable, authentication_failed, permission_missing, not_tried, rate_limited.
    status: Option<&'static str>,
    reason: Option<String>,
    /// What helps with the code that the console answered.
    help: Option<&'static str>,
    console_total: Option<u64>,
    fetched: u64,
    created: u64,
    changed: u64,
    touched: u64,
    unchanged: u64,
    removed: u64,
    quarantined: u64,
    pages: u64,
}

fn task(of: &Overview, progress: Option<&Progress>, now: Timestamp) -> Task {
    Task {
        id: of.integration.id.to_string(),
        name: of.integration.task().to_owned(),
        connector: of.integration.connector.word(),
        state: of.assessment().state.word(),
        running: of.is_being_read(now),
        last_run_at: of.streams.iter().filter_map(|stream| stream.attempts.attempted_at).max().map(|at| at.to_string()),
        next_run_at: upcoming(of, now).map(|(at, _)| at.to_string()),
        asked: progress.map(|progress| AskedFor {
            at: progress.asked_at.to_string(),
            by: progress.asked_by.clone(),
            done: progress.done(),
            of: progress.streams.len(),
            over: progress.is_over(),
            reading: progress
                .streams
                .iter()
                .filter(|asked| asked.ended.is_none())
                .filter_map(|asked| {
                    let (_, fetched, console_total) = asked.begun?;
                    Some(Reads { collection: asked.stream, fetched, console_total })
                })
                .collect(),
        }),
    }
}

fn told(run: &Reading) -> Run {
    Run {
        id: run.id.to_string(),
        task: run.integration.to_string(),
        name: run.name.clone(),
        collection: run.stream.clone(),
        full: run.whole,
        started_at: run.started_at.to_string(),
        finished_at: run.finished_at.map(|at| at.to_string()),
        status: run.status.map(sync::StreamStatus::word),
        reason: run.reason.clone(),
        help: run.reason.as_deref().and_then(explained).map(|help| help.fix(run.enabled)),
        console_total: run.console_total,
        fetched: run.fetched,
        created: run.created,
        changed: run.changed,
        touched: run.touched,
        unchanged: run.unchanged,
        removed: run.removed,
        quarantined: run.quarantined,
        pages: run.pages,
    }
}

/// `GET /api/v1/tasks`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let mut items = Vec::new();
        let (all, next) = listing::page(sync::overviews(tx, org, now)?, &asked, |of| of.integration.name.clone())?;
        for of in all {
            let progress = sync::progress(tx, org, of.integration.id)?;
            items.push(task(&of, progress.as_ref(), now));
        }
        Ok::<_, Problem>(Tasks { items, next })
    });
    Ok(respond::json(&headers, &read.await?))
}

/// `GET /api/v1/tasks/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let of = integrations::found(tx, org, &id, now)?;
        let progress = sync::progress(tx, org, of.integration.id)?;
        Ok::<_, Problem>(task(&of, progress.as_ref(), now))
    });
    Ok(respond::json(&headers, &read.await?))
}

/// `GET /api/v1/runs`
pub(super) async fn runs(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let limit = match asked.get("limit") {
        "" => ROWS,
        text => text
            .parse()
            .ok()
            .filter(|limit| (1..=ROWS_MAX).contains(limit))
            .ok_or_else(|| Problem::invalid(format!("limit is a number from 1 to {ROWS_MAX}.")))?,
    };
    let filter = pages::filter(asked.get("integration"), asked.get("troubled") == "true", asked.get("after"))?;
    let found = app.store.read(move |tx| sync::readings(tx, org, &filter, limit + 1)).await?;
    let more = found.len() > limit as usize;
    let items: Vec<Run> = found.iter().take(limit as usize).map(told).collect();
    let next = items.last().filter(|_| more).map(|run| run.id.clone());
    Ok(respond::json(&headers, &Runs { items, next }))
}

/// `GET /api/v1/runs/{id}`
pub(super) async fn run(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let id = SweepId::parse(&id).ok_or_else(|| Problem::missing("run"))?;
    let found = app.store.read(move |tx| sync::reading_of(tx, org, id)).await?;
    Ok(respond::json(&headers, &told(&found.ok_or_else(|| Problem::missing("run"))?)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::reading;
    use super::*;

    #[test]
    fn a_run_of_a_paused_task_is_told_to_programs_as_one_that_nobody_tries_again() {
        let failed = reading(Some(sync::StreamStatus::Unreachable), Some("acme failed at agents (503)"));
        let says = |enabled| told(&Reading { enabled, ..failed.clone() }).help.unwrap();
        assert!(says(true).contains("tried again by itself"), "{}", says(true));
        assert!(says(false).contains("resume it first"), "{}", says(false));
    }
}
