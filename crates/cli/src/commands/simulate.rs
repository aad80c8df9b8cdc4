//! `muster simulate`: a console for trying things out, over HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::{Clock, Timestamp};
use sentinelone_sim::{CASES, Cases, Config, Fault, FaultPlan, Where, World, serve, tokens};

use crate::arguments::Simulate;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

pub async fn run(simulate: &Simulate, terminal: &Terminal) -> Result<(), Failure> {
    if simulate.fault.iter().any(|name| name == "list") {
        let names: String = Fault::ALL.iter().map(|fault| format!("{fault}\n")).collect();
        return terminal.result(&names);
    }
    if simulate.cases.iter().any(|label| label == "list") {
        let lines: String = CASES
            .iter()
            .map(|case| format!("{:<4}{:>2} of 1,000   {}\n", case.label, case.per_mille, case.what))
            .collect();
        return terminal.result(&lines);
    }
    let faults = simulate.fault.iter().map(|name| name.parse::<Fault>()).collect::<Result<Vec<_>, _>>();
    let faults = faults
        .map_err(|error| Failure::usage(error.to_string()).with("They are listed by: muster simulate --fault list"))?;

    let world = World::new(configuration(simulate, terminal.now())?);
    if let Some(file) = &simulate.scan_out {
        for (at, file) in [(Where::Main, file.clone()), (Where::Branch, of_branch(file))] {
            std::fs::write(&file, world.scan(at)).map_err(|error| {
                Failure::new(Exit::Storage, format!("{} cannot be written: {error}", file.display()))
            })?;
            terminal.result(&format!("Wrote a scan of the simulated network to {}\n", file.display()))?;
        }
    }
    world.set_faults(FaultPlan::once_every(simulate.once_every, &faults));
    let listener = tokio::net::TcpListener::bind(&simulate.listen).await.map_err(|error| {
        Failure::new(Exit::Unreachable, format!("listening on {} failed: {error}", simulate.listen))
            .with("Choose another address: --listen 127.0.0.1:0 takes a free port.")
    })?;
    let address = listener.local_addr().map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    terminal.result(&told(address))?;
    let served = tokio::select! {
        served = serve(world, listener) => served,
        // Being stopped is how a server ends well.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    served.map_err(|error| Failure::new(Exit::Unreachable, format!("serving on {address} failed: {error}")))
}

fn configuration(simulate: &Simulate, now: Timestamp) -> Result<Config, Failure> {
    let instant =
        |flag: &str, text: &str| Timestamp::parse(text).map_err(|error| Failure::usage(format!("{flag}: {error}")));
    let start = simulate.start.as_deref().map(|text| instant("--start", text)).transpose()?.unwrap_or(now);
    let frozen_at = match simulate.freeze.as_deref() {
        None => None,
        Some("start") => Some(start),
        Some(text) => Some(instant("--freeze", text)?),
    };
    if frozen_at.is_some_and(|at| at < start) {
        return Err(Failure::usage("--freeze names an instant before --start"));
    }
    let clock: sentinelone_sim::Clock = match frozen_at {
        Some(at) => Arc::new(move || at.micros()),
        None => Arc::new(move || Clock::System.now().micros().max(start.micros())),
    };
    let mut config = Config::new(simulate.seed, simulate.endpoints as usize, clock);
    config.start = start.micros();
    config.activities = simulate.activities;
    config.cases = cases(&simulate.cases)?;
    if simulate.quiet {
        config.tempo = None;
    }
    config.page_max = usize::from(simulate.page_max);
    Ok(config)
}

/// Where the branch's scan goes: `scan.xml` has `scan-branch.xml` beside it.
fn of_branch(file: &Path) -> PathBuf {
    let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let stem = part(file.file_stem()).unwrap_or_default();
    let name = match part(file.extension()) {
        Some(extension) => format!("{stem}-branch.{extension}"),
        None => format!("{stem}-branch"),
    };
    file.with_file_name(name)
}

fn cases(labels: &[String]) -> Result<Cases, Failure> {
    if labels.iter().any(|label| label == "all") {
        return Ok(Cases::ALL);
    }
    let known = |label: &&String| !CASES.iter().any(|case| case.label == label.as_str());
    if let Some(label) = labels.iter().find(known) {
        return Err(Failure::usage(format!("there is no case {label}"))
            .with("They are listed by: muster simulate --cases list"));
    }
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    Ok(Cases::only(&labels))
}

fn told(address: std::net::SocketAddr) -> String {
    format!(
        "A simulated console answers at http://{address} until Ctrl-C.\n  \
         token, account scope   {}\n  token, tenant scope    {}\n  token, site scope      {}\n\
         In the terminal: printf %s {} | muster connect http://{address} --name simulated --token-stdin\n\
         In the browser:  Integrations, Connect, with that address and one of these tokens; muster demo takes it as it\n                 \
         is, muster serve where it was started with --allow-private-consoles.\n",
        tokens::ACCOUNT,
        tokens::GLOBAL,
        tokens::SITE,
        tokens::ACCOUNT,
    )
}
