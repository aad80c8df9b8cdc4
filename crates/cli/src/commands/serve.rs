//! `muster serve`: a worker that keeps reading every console until it is told to stop.

use kernel::{OrgId, Timestamp};
use store::Dialect;
use sync::{Event, Holder, IntegrationState, StreamReport, StreamStatus, WorkerOptions};

use crate::arguments::{Global, Role, Serve};
use crate::failure::{Exit, Failure, sentence};
use crate::place::Place;
use crate::terminal::{Terminal, counted};

pub async fn run(global: &Global, order: &Serve, terminal: &Terminal) -> Result<(), Failure> {
    if order.role != Role::Worker {
        return Err(Failure::usage("the web interface is not here yet")
            .with("What is here: muster serve --role worker keeps reading every console."));
    }
    let stop = signals()?;
    let place = Place::new(global)?;
    let store = place.open_to_write().map_err(|mut failure| {
        if failure.exit == Exit::Storage && failure.what.contains(" serve (") {
            failure.more = vec!["It keeps reading by itself; muster sync asks it for a reading at once.".to_owned()];
        }
        failure
    })?;
    let keys = place.keys()?;
    let world = jobs::World::real();
    let (transport, who) = (super::connect::over_the_network()?, super::who());
    let at = sync::Place {
        store: &store,
        world: &world,
        org: OrgId::DEFAULT,
        keys: &keys,
        transport: &transport,
        who: &who,
    };
    let name = Holder::name_of(&host(), std::process::id(), &mut world.random());
    let options = WorkerOptions { alone: store.dialect() == Dialect::Sqlite, ..WorkerOptions::named(name.clone()) };
    let mut known = sync::integrations(&store, &world, OrgId::DEFAULT).await?;
    known.retain(|of| !of.connector.is_file());
    let many = counted(known.len() as u64, "integration", &known.len().to_string());
    say(terminal, &format!("worker {name} reads {many} in {}; Ctrl-C ends it", place.database));
    if known.is_empty() {
        say(terminal, "no console is connected yet; muster connect adds one, and this worker takes it up");
    }
    let told = |event: &Event| {
        if let Some(line) = line(event, terminal) {
            say(terminal, &line);
        }
    };
    super::sink::take_back(&store).await?;
    // Sinks, the full-text index and the log's retention, beside it.
    let _follows = world.spawn(signals::follow(store.clone(), world.clone()));
    let outcome = sync::worker(at, &options, stop, &told).await;
    say(terminal, "stopped; what was stored is kept, and the next worker goes on from there");
    Ok(outcome?)
}

/// A line with the time before it.
fn say(terminal: &Terminal, what: &str) {
    let at = crate::terminal::to_the_second(terminal.now());
    terminal.note(&format!("{at} {}", reports::terminal::harmless(what)));
}

/// Resolves when the process is asked to end.
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Bug, format!("waiting for signals failed: {error}"));
    #[cfg(unix)]
    let mut terminated = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate()).map_err(failed)?
    };
    #[cfg(not(unix))]
    let _ = failed;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// This machine's name, for leases.
fn host() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "this machine".to_owned())
}

/// What the log says of an event; nothing of what changes nothing.
fn line(event: &Event, terminal: &Terminal) -> Option<String> {
    match event {
        Event::StreamFinished { report } if is_worth_a_line(report) => {
            Some(format!("{} {}: {}", report.integration, report.stream, outcome(report, terminal)))
        }
        Event::IntegrationFinished { integration, state, detail, at } => {
            Some(state_line(integration, *state, detail, *at))
        }
        Event::Notice { integration, what } if integration.is_empty() => Some(what.clone()),
        Event::Notice { integration, what } => Some(format!("{integration}: {what}")),
        _ => None,
    }
}

fn is_worth_a_line(report: &StreamReport) -> bool {
    let quiet = matches!(report.status, StreamStatus::Complete | StreamStatus::NotTried);
    !quiet || report.created + report.changed + report.removed + report.quarantined + report.held > 0
}

fn outcome(report: &StreamReport, terminal: &Terminal) -> String {
    let number = |number: u64| terminal.number(number);
    let mut said = vec![format!("{} read", number(report.fetched))];
    for (count, what) in [
        (report.created, "created"),
        (report.changed, "changed"),
        (report.removed, "removed"),
        (report.quarantined, "kept aside"),
        (report.held, "held"),
    ] {
        if count > 0 {
            said.push(format!("{} {what}", number(count)));
        }
    }
    let status = report.status.word().replace('_', " ");
    let reason = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{status}{reason} ({})", said.join(", "))
}

fn state_line(name: &str, state: IntegrationState, detail: &str, _at: Timestamp) -> String {
    let words = state.word().replace('_', " ");
    match detail.is_empty() {
        true => format!("{name} is {words}"),
        false => format!("{name} is {words}: {}", sentence(detail)),
    }
}
