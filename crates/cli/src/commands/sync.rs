//! `muster sync`: one pass, with progress while it runs and words when it is over.

use kernel::OrgId;
use store::Store;
use sync::{ExitClass, IntegrationState, Run, StreamReport};

use crate::arguments::{Global, Sync};
use crate::failure::{Exit, Failure, sentence};
use crate::place::{Place, word};
use crate::progress::{Progress, cost, summary};
use crate::terminal::Terminal;

pub async fn run(global: &Global, order: Sync, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let store = place.open_to_write()?;
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
    let order_json = order.json;
    let run = Run {
        names: order.names,
        streams: order.streams,
        full: order.full,
        accept_removals: order.accept_removals,
    };
    let pass = pass(at, &run, !global.no_progress && !order_json, terminal).await?;
    if order_json {
        let lines = pass.reports.iter().map(|report| {
            serde_json::to_string(report)
                .map(|line| line + "\n")
                .map_err(|error| Failure::new(Exit::Bug, error.to_string()))
        });
        terminal.result(&lines.collect::<Result<String, _>>()?)?;
    } else {
        terminal.result(&told(&pass, &|number| terminal.result_number(number)))?;
    }
    match ended(&store, &pass, terminal).await {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

/// What a pass brought.
pub struct Pass {
    pub reports: Vec<StreamReport>,
    pub integrations: Vec<(String, IntegrationState, String)>,
    pub took_ms: u64,
}

/// Runs a pass and shows its progress.
pub async fn pass(at: sync::Place<'_>, run: &Run, wanted: bool, terminal: &Terminal) -> Result<Pass, Failure> {
    let progress = Progress::new(terminal, wanted);
    let started = at.world.now();
    let outcome = sync::run(at, run, &|event| progress.tell(event)).await;
    let took_ms = u64::try_from((at.world.now().micros() - started.micros()) / 1000).unwrap_or(0);
    let integrations = progress.finish();
    Ok(Pass { reports: outcome?, integrations, took_ms })
}

/// The pass in words. What is missing stands last.
pub fn told(pass: &Pass, number: &dyn Fn(u64) -> String) -> String {
    let mut out = summary(&pass.reports, number);
    // A stream may be complete without the one record that the console would not show.
    let left_out = pass.reports.iter().any(|report| !report.complete || report.reason.is_some());
    let aside: u64 = pass.reports.iter().map(|report| report.quarantined).sum();
    let end = match (left_out, aside) {
        (false, 0) => " Nothing was left out.".to_owned(),
        (_, 0) => String::new(),
        (_, 1) => " 1 record was kept aside, because it could not be understood.".to_owned(),
        (_, aside) => format!(" {} records were kept aside, because they could not be understood.", number(aside)),
    };
    out.push_str(&format!("Done in {}.{end}\n", cost(&pass.reports, pass.took_ms, number)));
    out
}

/// How the process ends after a pass: nothing to say if all is well, else what happened, what was kept, what to do.
async fn ended(store: &Store, pass: &Pass, terminal: &Terminal) -> Option<Failure> {
    let class = ExitClass::worst(&pass.reports);
    if class == ExitClass::Done {
        return None;
    }
    let mut failure = Failure::told(class.into());
    for (name, state, detail) in pass.integrations.iter().filter(|(_, state, _)| *state != IntegrationState::Connected)
    {
        if failure.what.is_empty() {
            failure.what = format!("{name}: {detail}");
        } else {
            failure.more.push(format!("{name}: {detail}"));
        }
        if *state == IntegrationState::Incomplete {
            let streams: Vec<&str> = incomplete(&pass.reports, name).collect();
            failure.more.push("Nothing was retired. The next sync goes on where this one stopped.".to_owned());
            failure.more.push(format!("To try now: muster sync {} --stream {}", word(name), streams.join(",")));
            continue;
        }
        if let Some(kept) = kept(store, terminal).await {
            failure.more.push(kept);
        }
        failure.more.push(sentence(state.next_step()));
    }
    Some(failure)
}

fn incomplete<'a>(reports: &'a [StreamReport], name: &'a str) -> impl Iterator<Item = &'a str> {
    let not_done = move |report: &&StreamReport| report.integration == name && report.exit_class() != ExitClass::Done;
    reports.iter().filter(not_done).map(|report| report.stream)
}

/// `12408 assets are kept as they were.`
async fn kept(store: &Store, terminal: &Terminal) -> Option<String> {
    let mut ask = inventory::Ask::new("assets", "", terminal.now());
    ask.want = inventory::Want::Count;
    let total = inventory::ask(store, OrgId::DEFAULT, &ask).await.ok()?.total?;
    Some(match total {
        0 => "No asset had been read before.".to_owned(),
        total => format!("{} assets are kept as they were.", terminal.number(total)),
    })
}
