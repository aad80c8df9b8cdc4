//! Scan tasks as programs read and change them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::{CredentialId, ExplorerId, IntegrationId, ScanRunId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync::SyncError;
use sync::scan::{self, MINUTES_DEFAULT, Ports, RATE_DEFAULT, RunStatus, ScanRun, ScanTask, Targets, Unit, When};
use sync::schedule::Next;

use super::{Seen, Verb, act, found, missing, save};
use crate::fields::{Asked, body};
use crate::{App, Problem, Visitor, listing, respond};

/// All scan tasks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Scans {
    /// By name.
    items: Vec<Scan>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A scan task.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Scan {
    id: String,
    #[serde(flatten)]
    wanted: Wanted,
    enabled: bool,
    /// Whether it scans just now.
    running: bool,
    created_at: String,
    created_by: String,
    last_run_at: Option<String>,
    /// When it runs next; nothing if nobody asks and no time is set.
    next_run_at: Option<String>,
    latest: Option<Run>,
}

/// What is chosen of a scan task.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Its name, which is its source's too.
    name: String,
    /// Where machines land that only it knows.
    #[serde(default)]
    site: String,
    /// Addresses and networks, with commas or spaces between them.
    targets: String,
    /// The same, of what is left out.
    #[serde(default)]
    exclude: String,
    /// TCP ports such as 22,80,8000-8100; empty for the 100 that are open most often.
    #[serde(default)]
    ports: String,
    /// Packets a second at most, to 10,000.
    #[serde(default = "rate")]
    rate: u32,
    /// Minutes at most, to 1,440.
    #[serde(default = "minutes")]
    time_limit_minutes: u32,
    /// Asks open ports what they are, and guesses operating systems.
    #[serde(default = "yes")]
    closely: bool,
    /// Asks the resolver for names.
    #[serde(default = "yes")]
    names: bool,
    /// Asks by SNMP, with these credentials: communities, and users of v3.
    #[serde(default)]
    snmp: bool,
    /// Credentials that it may use, by id.
    #[serde(default)]
    credentials: Vec<String>,
    /// Integrations that are read after each scan, by id; their own options hold.
    #[serde(default)]
    integrations: Vec<String>,
    /// The Explorer that scans, by id; this server unless said.
    #[serde(default)]
    explorer: Option<String>,
    #[serde(default)]
    schedule: Schedule,
}

/// When it runs. Nothing set: when somebody asks.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Schedule {
    /// Once, at this time.
    #[serde(default)]
    once_at: Option<String>,
    /// Every so many hours or days.
    #[serde(default)]
    every: Option<u32>,
    /// hours or days; days unless said.
    #[serde(default)]
    unit: Option<String>,
    /// Minutes after midnight, UTC; of hours, its minute of the hour. 75 unless said.
    #[serde(default)]
    minute: Option<u32>,
}

/// Runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Runs {
    /// The latest first.
    items: Vec<Run>,
    /// What to send as `after`; nothing at the end.
    next: Option<String>,
}

/// One run.
#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    id: String,
    started_at: String,
    /// Who asked for it; nothing if its time had come.
    asked_by: Option<String>,
    finished_at: Option<String>,
    /// complete, incomplete, failed, cancelled or cut_off; nothing while it is under way.
    status: Option<&'static str>,
    reason: Option<String>,
    /// How far the scanner's present step is.
    percent: Option<u8>,
    /// Machines that answered.
    machines: u64,
    created: Option<u64>,
    changed: Option<u64>,
    removed: Option<u64>,
    /// A line for each thing that happened.
    log: Vec<String>,
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// In words.
    message: String,
}

/// Which networks scans may touch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Networks {
    /// With commas or spaces between them; the empty text allows none.
    allowed: String,
}

const fn rate() -> u32 {
    RATE_DEFAULT
}

const fn minutes() -> u32 {
    MINUTES_DEFAULT
}

const fn yes() -> bool {
    true
}

impl Wanted {
    fn of(wanted: &scan::Wanted) -> Wanted {
        let scan = &wanted.scan;
        let schedule = match wanted.when {
            When::Asked => Schedule::default(),
            When::Once(at) => {
                Schedule { once_at: Some(Timestamp::from_seconds(at).to_string()), ..Schedule::default() }
            }
            When::Every { every, unit, at } => Schedule {
                once_at: None,
                every: Some(every),
                unit: Some(if unit == Unit::Days { "days" } else { "hours" }.to_owned()),
                minute: Some(at),
            },
        };
        Wanted {
            name: wanted.name.clone(),
            site: wanted.site.clone(),
            targets: scan.targets.text(),
            exclude: scan.targets.left_out(),
            ports: scan.ports.to_string(),
            rate: scan.rate,
            time_limit_minutes: scan.minutes,
            closely: scan.closely,
            names: scan.names,
            snmp: scan.snmp,
            credentials: wanted.credentials.iter().map(ToString::to_string).collect(),
            integrations: wanted.syncs.iter().map(ToString::to_string).collect(),
            explorer: wanted.explorer.map(|id| id.to_string()),
            schedule,
        }
    }

    fn read(self) -> Result<scan::Wanted, Problem> {
        let targets = Targets::parse(&self.targets, &self.exclude).map_err(|error| missing(error.into()))?;
        let ports = Ports::parse(&self.ports).map_err(|error| missing(error.into()))?;
        let credentials: Option<Vec<CredentialId>> =
            self.credentials.iter().map(|id| CredentialId::parse(id)).collect();
        let syncs: Option<Vec<IntegrationId>> = self.integrations.iter().map(|id| IntegrationId::parse(id)).collect();
        let when = match (&self.schedule.once_at, self.schedule.every) {
            (Some(_), Some(_)) => return Err(Problem::invalid("It runs once, or again and again, not both.")),
            (Some(at), None) => {
                let at =
                    Timestamp::parse(at).map_err(|_| Problem::invalid("once_at is no time; write it in RFC 3339."))?;
                When::Once(at.micros().div_euclid(1_000_000))
            }
            (None, Some(every)) => {
                let unit = match self.schedule.unit.as_deref() {
                    None | Some("days") => Unit::Days,
                    Some("hours") => Unit::Hours,
                    Some(_) => return Err(Problem::invalid("unit is hours or days.")),
                };
                When::Every { every, unit, at: self.schedule.minute.unwrap_or(75) }
            }
            (None, None) => When::Asked,
        };
        Ok(scan::Wanted {
            name: self.name,
            site: self.site,
            scan: scan::Scan {
                targets,
                ports,
                rate: self.rate,
                minutes: self.time_limit_minutes,
                closely: self.closely,
                names: self.names,
                snmp: self.snmp,
            },
            credentials: credentials.ok_or_else(|| Problem::missing("credential"))?,
            syncs: syncs.ok_or_else(|| Problem::missing("integration"))?,
            when,
            explorer: match self.explorer {
                Some(id) => Some(ExplorerId::parse(&id).ok_or_else(|| Problem::missing("Explorer"))?),
                None => None,
            },
        })
    }
}

fn told(seen: &Seen, now: Timestamp) -> Scan {
    let task: &ScanTask = &seen.task;
    Scan {
        id: task.id.to_string(),
        wanted: Wanted::of(&task.wanted),
        enabled: task.enabled,
        running: seen.is_running(),
        created_at: task.created_at.to_string(),
        created_by: task.created_by.clone(),
        last_run_at: task.started_at.map(|at| at.to_string()),
        next_run_at: match task.next(now) {
            Next::Never => None,
            Next::Now => Some(now.to_string()),
            Next::At(at) => Some(at.to_string()),
        },
        latest: seen.latest.as_ref().map(run_told),
    }
}

fn run_told(run: &ScanRun) -> Run {
    let report = run.report.as_ref();
    Run {
        id: run.id.to_string(),
        started_at: run.started_at.to_string(),
        asked_by: run.asked_by.clone(),
        finished_at: run.finished_at.map(|at| at.to_string()),
        status: run.status.map(RunStatus::word),
        reason: run.reason.clone(),
        percent: run.percent,
        machines: report.map_or(run.hosts, |report| report.fetched),
        created: report.map(|report| report.created),
        changed: report.map(|report| report.changed),
        removed: report.map(|report| report.removed),
        log: run.log.lines().map(str::to_owned).collect(),
    }
}

/// `GET /api/v1/scans`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let mut items = Vec::new();
        let (all, next) = listing::page(scan::tasks(tx, org)?, &asked, |task| task.id.to_string())?;
        for task in all {
            items.push(told(&Seen::of(tx, task)?, now));
        }
        Ok::<_, Problem>(Scans { items, next })
    });
    Ok(respond::json(&headers, &read.await?))
}

/// The task of that id as it is now.
async fn one(app: &App, visitor: &Visitor, id: String, headers: &HeaderMap) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let task = found(tx, org, &id)?;
        Ok::<_, Problem>(told(&Seen::of(tx, task)?, now))
    });
    Ok(respond::json(headers, &read.await?))
}

/// `GET /api/v1/scans/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(&app, &visitor, id, &headers).await
}

/// `POST /api/v1/scans`
pub(super) async fn add(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let wanted = body::<Wanted>(&sent)?.read()?;
    let id = save(&app, &visitor, None, wanted, false).await.map_err(missing)?;
    one(&app, &visitor, id.to_string(), &HeaderMap::new()).await
}

/// `PUT /api/v1/scans/{id}`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Bytes,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let known = id.clone();
    let task = app.store.read(move |tx| found(tx, org, &known)).await?;
    let wanted = body::<Wanted>(&sent)?.read()?;
    save(&app, &visitor, Some(task.id), wanted, false).await.map_err(missing)?;
    one(&app, &visitor, id, &HeaderMap::new()).await
}

async fn acted(app: &App, visitor: &Visitor, id: String, verb: Verb) -> Result<Response, Problem> {
    let (what, then) = act(app, visitor, id, verb).await?;
    Ok(respond::json(&HeaderMap::new(), &Done { message: format!("{what} {then}") }))
}

/// `DELETE /api/v1/scans/{id}`
pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    acted(&app, &visitor, id, Verb::Remove).await
}

/// `POST /api/v1/scans/{id}/run`
pub(super) async fn run(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Problem> {
    acted(&app, &visitor, id, Verb::Run).await
}

/// `POST /api/v1/scans/{id}/stop`
pub(super) async fn stop(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    acted(&app, &visitor, id, Verb::Stop).await
}

/// `POST /api/v1/scans/{id}/pause`
pub(super) async fn pause(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    acted(&app, &visitor, id, Verb::Switch(false)).await
}

/// `POST /api/v1/scans/{id}/resume`
pub(super) async fn resume(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    acted(&app, &visitor, id, Verb::Switch(true)).await
}

/// `GET /api/v1/scans/{id}/runs`
pub(super) async fn runs(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let before = match asked.get("after") {
        "" => None,
        text => Some(ScanRunId::parse(text).ok_or_else(|| Problem::invalid("after is what `next` said."))?),
    };
    let limit = listing::limit(&asked)?;
    let read = app.store.read(move |tx| {
        let task = found(tx, org, &id)?;
        Ok::<_, Problem>(scan::runs(tx, org, task.id, before, listing::rows(limit))?)
    });
    let (runs, next) = listing::cut(read.await?, limit, |run| run.id.to_string());
    Ok(respond::json(&headers, &Runs { items: runs.iter().map(run_told).collect(), next }))
}

/// `GET /api/v1/scan-networks`
pub(super) async fn networks(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let known = app.store.read(move |tx| scan::allowed(tx, org)).await?;
    Ok(respond::json(&headers, &Networks { allowed: scan::allowed_text(&known) }))
}

/// `PUT /api/v1/scan-networks`
pub(super) async fn allow(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let sent: Networks = body(&sent)?;
    let chosen = scan::networks(&sent.allowed).map_err(|error| missing(SyncError::from(error)))?;
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let told = scan::allowed_text(&chosen);
    app.store.write(move |tx| scan::allow(tx, org, &chosen, &by, now)).await.map_err(missing)?;
    Ok(respond::json(&HeaderMap::new(), &Networks { allowed: told }))
}
