//! Scan tasks: networks that nmap looks at, how and when, each run and its log, and which networks scans may touch.

mod api;
mod form;
mod pages;

use access::Permission;
use axum::http::Method;
use kernel::{OrgId, ScanId, Timestamp};
use store::Tx;
use sync::SyncError;
use sync::scan::{self, ScanRun, ScanTask};
use sync::schedule::Next;
use ui::Light;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form as post, page};
use crate::{App, Problem, Visitor};

/// Where they all are: a view of the page of tasks.
pub(crate) const HOME: &str = "/tasks/scans";

/// Runs of one page, and of an answer unless it asks for others.
const RUNS: u32 = 25;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let read = Who::May(Permission::ReadIntegrations);
    let run = Who::May(Permission::RunSync);
    let manage = Who::May(Permission::ManageIntegrations);
    let choose = Who::May(Permission::ManageOrg);
    let mut all = vec![
        page(HOME, read, pages::list),
        page("/tasks/scans/new", manage, form::new),
        post("/tasks/scans/new", manage, form::new_sent),
        page("/tasks/scans/networks", choose, pages::networks),
        post("/tasks/scans/networks", choose, pages::networks_sent),
        page("/tasks/scans/{id}", read, pages::show),
        page("/tasks/scans/{id}/progress", read, pages::progress),
        page("/tasks/scans/{id}/edit", manage, form::edit),
        post("/tasks/scans/{id}/edit", manage, form::edit_sent),
        post("/tasks/scans/{id}/run", run, pages::run),
        post("/tasks/scans/{id}/stop", run, pages::stop),
        post("/tasks/scans/{id}/switch", manage, pages::switch),
        post("/tasks/scans/{id}/delete", manage, pages::delete),
    ];
    all.extend(interface(read, run, manage, choose));
    all
}

fn interface(read: Who, run: Who, manage: Who, choose: Who) -> [Route; 12] {
    const ID: &str = "The scan task's id.";
    let told = |id: &str, summary: &str| Operation::new(id, "Scans", summary, Shape::of::<api::Scan>());
    let done = |id: &str, summary: &str| Operation::new(id, "Scans", summary, Shape::of::<api::Done>()).path("id", ID);
    let list = Operation::new("list_scans", "Scans", "Lists scan tasks.", Shape::of::<api::Scans>()).paged();
    let show = told("show_scan", "Shows a scan task.").path("id", ID);
    let add = told("add_scan", "Makes a scan task.").sends(Shape::of::<api::Wanted>());
    let change = told("change_scan", "Puts other choices in the place of a scan task's.")
        .path("id", ID)
        .sends(Shape::of::<api::Wanted>());
    let remove = done("remove_scan", "Removes a scan task; what it found stays.");
    let start = done("run_scan", "Asks for a run now.");
    let pause = done("pause_scan", "Pauses a scan task: it does not run until it is resumed.");
    let resume = done("resume_scan", "Resumes a scan task: it runs when its time comes.");
    let stop = done("stop_scan", "Stops the run that is under way; nothing of it is imported.");
    let runs = Operation::new("list_scan_runs", "Scans", "Lists runs, the latest first.", Shape::of::<api::Runs>())
        .path("id", ID)
        .paged();
    let networks = || Shape::of::<api::Networks>();
    let allowed = Operation::new("show_scan_networks", "Scans", "Shows which networks scans may touch.", networks());
    let allow = Operation::new("choose_scan_networks", "Scans", "Chooses which networks scans may touch.", networks())
        .sends(networks());
    [
        api(Method::GET, "/scans", read, list, api::list),
        api(Method::POST, "/scans", manage, add, api::add),
        api(Method::GET, "/scans/{id}", read, show, api::show),
        api(Method::PUT, "/scans/{id}", manage, change, api::change),
        api(Method::DELETE, "/scans/{id}", manage, remove, api::remove),
        api(Method::POST, "/scans/{id}/run", run, start, api::run),
        api(Method::POST, "/scans/{id}/stop", run, stop, api::stop),
        api(Method::POST, "/scans/{id}/pause", manage, pause, api::pause),
        api(Method::POST, "/scans/{id}/resume", manage, resume, api::resume),
        api(Method::GET, "/scans/{id}/runs", read, runs, api::runs),
        api(Method::GET, "/scan-networks", read, allowed, api::networks),
        api(Method::PUT, "/scan-networks", choose, allow, api::allow),
    ]
}

/// A scan task of an organization, by the id in an address.
fn found(tx: &mut Tx<'_>, org: OrgId, id: &str) -> Result<ScanTask, Problem> {
    let id = ScanId::parse(id).ok_or_else(|| Problem::missing("scan task"))?;
    scan::task(tx, org, id).map_err(missing)
}

fn missing(error: SyncError) -> Problem {
    // What helps elsewhere is a command.
    let helps = matches!(error, SyncError::ScanRuns { .. } | SyncError::ScanPaused { .. } | SyncError::Scan(_));
    let help = error.help().filter(|_| helps);
    let problem = match error {
        SyncError::NoSuchScan { .. } => Problem::missing("scan task"),
        SyncError::Access(error) => error.into(),
        error @ (SyncError::Target(_)
        | SyncError::ScanOrder(_)
        | SyncError::BadName { .. }
        | SyncError::Option { .. }) => Problem::invalid(crate::problem::sentence(&error)),
        other => other.into(),
    };
    match help {
        Some(help) => problem.help(crate::problem::capital(&help)),
        None => problem,
    }
}

/// A task, and its latest run.
struct Seen {
    task: ScanTask,
    latest: Option<ScanRun>,
}

impl Seen {
    fn of(tx: &mut Tx<'_>, task: ScanTask) -> Result<Seen, store::StoreError> {
        let latest = scan::runs(tx, task.org, task.id, None, 1)?.pop();
        Ok(Seen { task, latest })
    }

    fn is_running(&self) -> bool {
        self.latest.as_ref().is_some_and(|run| run.status.is_none())
    }

    fn light(&self, now: Timestamp) -> (Light, &'static str) {
        match &self.latest {
            Some(run) if run.status.is_none() => (Light::Run, "Scanning"),
            _ if !self.task.enabled => (Light::Pause, "Paused"),
            _ if self.task.next(now) == Next::Now => (Light::Wait, "Waiting"),
            Some(run) => run_light(run),
            None => (Light::Idle, "Not run yet"),
        }
    }
}

/// How a run ended: the light, and its one word.
fn run_light(run: &ScanRun) -> (Light, &'static str) {
    use scan::RunStatus as S;
    match run.status {
        None => (Light::Run, "Scanning"),
        Some(S::Complete) => (Light::Ok, "Complete"),
        Some(S::Incomplete) => (Light::Warn, "Incomplete"),
        Some(S::Failed) => (Light::Bad, "Failed"),
        Some(S::Cancelled) => (Light::Idle, "Stopped"),
        Some(S::CutOff) => (Light::Warn, "Cut off"),
    }
}

fn at(id: ScanId) -> String {
    format!("{HOME}/{id}")
}

/// Makes a scan task, or puts other choices in its place; and asks for a run if that was wanted too.
async fn save(
    app: &App,
    visitor: &Visitor,
    id: Option<ScanId>,
    wanted: scan::Wanted,
    now_too: bool,
) -> Result<ScanId, SyncError> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let write = app.store.write(move |tx| {
        if wanted.scan.snmp && !sync::is_connector_allowed(tx, org, "snmp")? {
            let why = "it is on trial: enrol it under Integrations, and let an administrator allow it".to_owned();
            return Err(SyncError::Option { name: "the SNMP probe", why });
        }
        let id = match id {
            Some(id) => {
                scan::change(tx, org, id, &wanted, &by, now)?;
                id
            }
            None => scan::add(tx, org, &wanted, &by, now)?,
        };
        if now_too {
            scan::ask(tx, org, id, &by, now)?;
        }
        Ok::<_, SyncError>(id)
    });
    write.await
}

/// What is done with a task by its id.
enum Verb {
    Run,
    Stop,
    Switch(bool),
    Remove,
}

/// Does it, and says what was done.
async fn act(app: &App, visitor: &Visitor, id: String, verb: Verb) -> Result<(&'static str, &'static str), Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let write = app.store.write(move |tx| {
        let id = found(tx, org, &id)?.id;
        Ok::<_, Problem>(match verb {
            Verb::Run => {
                scan::ask(tx, org, id, &by, now).map_err(missing)?;
                ("A run was asked for.", "It begins as soon as the worker comes to it.")
            }
            Verb::Stop => match scan::cancel(tx, org, id, &by, now).map_err(missing)? {
                true => ("It is being stopped.", "Nothing of this run is imported."),
                false => ("It was not running.", "Nothing was changed."),
            },
            Verb::Switch(on) => {
                scan::switch(tx, org, id, on, &by, now).map_err(missing)?;
                if on {
                    ("Resumed.", "It runs when its time comes.")
                } else {
                    ("Paused.", "It does not run until it is resumed.")
                }
            }
            Verb::Remove => {
                scan::remove(tx, org, id, &by, now).map_err(missing)?;
                ("Deleted.", "What it found stays in the inventory, with its source.")
            }
        })
    });
    write.await
}
