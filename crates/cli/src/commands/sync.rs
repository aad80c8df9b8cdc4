//! `muster sync`: one pass, with progress while it runs and words when it is over.

use std::sync::atomic::{AtomicU32, Ordering};

use kernel::OrgId;
use store::Store;
use sync::{ExitClass, IntegrationState, LeftOutCount, Overview, Run, StreamReport};

use crate::arguments::{Global, Sync};
use crate::failure::{Exit, Failure, sentence};
use crate::place::{Opened, Place, word};
use crate::progress::{Progress, cost, summary};
use crate::terminal::Terminal;

pub async fn run(global: &Global, order: Sync, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let order_json = order.json;
    let run =
        Run { names: order.names, streams: order.streams, full: order.full, accept_removals: order.accept_removals };
    let wanted = !global.no_progress && !order_json;
    let (store, pass) = loop {
        match place.open_to_write_or_beside()? {
            Opened::Writer(store) => {
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
                let pass = pass(at, &run, wanted, terminal).await?;
                break (store, pass);
            }
            Opened::Beside { store, by } => {
                if let Some(pass) = ask_worker(&place, &store, &by, &run, wanted, terminal).await? {
                    break (store, pass);
                }
                // The worker ended before it was done: then this is the one to do it.
            }
        }
    };
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
    let known = super::integration::overviews(&store, terminal.now()).await?;
    let known: Vec<&Overview> =
        known.iter().filter(|of| pass.integrations.iter().any(|(name, ..)| *name == of.integration.name)).collect();
    let ended = ended(&store, &pass, &known, terminal).await;
    if !order_json && pass.reports.iter().any(|report| report.complete) {
        for line in left_out(&store, &known, terminal).await? {
            terminal.note(&line);
        }
    }
    for line in also(&known, terminal) {
        terminal.note(&line);
    }
    match ended {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

/// Leaves the worker a request and follows it; nothing if the worker ended before it was done.
async fn ask_worker(
    place: &Place,
    store: &Store,
    by: &str,
    run: &Run,
    wanted: bool,
    terminal: &Terminal,
) -> Result<Option<Pass>, Failure> {
    let world = jobs::World::real();
    let (who, order, started) = (super::who(), run.clone(), world.now());
    let id = store.write(move |tx| sync::nudge(tx, OrgId::DEFAULT, &order, &who, started)).await?;
    terminal.note(&format!("{by} reads it."));
    let progress = Progress::new(terminal, wanted);
    // Whether somebody holds the writer's lock is asked now and then only: to ask is to touch it.
    let looks = AtomicU32::new(0);
    let alive = || !looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS) || place.is_being_written();
    let told = |event: &sync::Event| progress.tell(event);
    let reports = sync::follow(store, &world, OrgId::DEFAULT, id, &alive, &told).await;
    let integrations = progress.finish();
    let took_ms = u64::try_from((world.now().micros() - started.micros()) / 1000).unwrap_or(0);
    Ok(reports?.map(|reports| Pass { reports, integrations, took_ms }))
}

/// After how many looks at the outcome the worker itself is looked for.
const LOOKS: u32 = 10;

/// What options leave out of what was read, one line for each integration: the same numbers as `muster integration show`.
async fn left_out(store: &Store, known: &[&Overview], terminal: &Terminal) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for of in known {
        let (id, import) = (of.integration.id, of.integration.options.import.clone());
        let counts = store.read(move |tx| sync::left_out_counts(tx, OrgId::DEFAULT, id, &import)).await?;
        lines.extend(left_out_in_words(&of.integration.name, &counts, &|number| terminal.number(number)));
    }
    Ok(lines)
}

fn left_out_in_words(name: &str, counts: &[LeftOutCount], number: &dyn Fn(u64) -> String) -> Option<String> {
    let amount = |one: &LeftOutCount| format!("{} of {}", number(one.records), one.stream.replace('_', " "));
    // They come by option, and one option is one reason.
    let told: Vec<String> = counts
        .chunk_by(|one, next| one.option == next.option)
        .filter_map(|of| {
            let amounts: Vec<String> = of.iter().map(amount).collect();
            Some(format!("{} ({})", amounts.join(", "), sync::options::why(&of.first()?.option)))
        })
        .collect();
    (!told.is_empty()).then(|| {
        format!(
            "{name}, left out by options, and nothing is lost: {}. By name: muster integration left-out {}",
            told.join(", "),
            word(name)
        )
    })
}

/// What a person should know beside the outcome: what is not as it should be, and tokens that end soon.
fn also(known: &[&Overview], terminal: &Terminal) -> Vec<String> {
    let mut lines = Vec::new();
    for of in known {
        let (name, assessment) = (&of.integration.name, of.assessment());
        if assessment.state == IntegrationState::Degraded {
            let detail = reports::terminal::harmless(&assessment.detail).into_owned();
            lines.push(format!("{name} is degraded: {detail}. {}", sentence(&of.next_step())));
        }
        if let Some(warning) = sync::token_warning(&of.integration, terminal.now()) {
            lines.push(format!(
                "{} Make the next one in good time: muster help token",
                sentence(&warning.in_words(name))
            ));
        }
    }
    lines
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
    // A stream may be complete without the one record that the console would not show. What options leave out was read too.
    let is_part = pass.reports.iter().any(|report| !report.complete || report.reason.is_some());
    let aside: u64 = pass.reports.iter().map(|report| report.quarantined).sum();
    let end = match (is_part, aside) {
        (false, 0) => " Everything was read.".to_owned(),
        (_, 0) => String::new(),
        (_, 1) => " 1 record was kept aside, because it could not be understood.".to_owned(),
        (_, aside) => format!(" {} records were kept aside, because they could not be understood.", number(aside)),
    };
    out.push_str(&format!("Done in {}.{end}\n", cost(&pass.reports, pass.took_ms, number)));
    out
}

/// How the process ends after a pass: nothing to say if all is well, else what happened, what was kept, what to do.
async fn ended(store: &Store, pass: &Pass, known: &[&Overview], terminal: &Terminal) -> Option<Failure> {
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
        let next = known.iter().find(|of| of.integration.name == *name).map(|of| of.next_step());
        failure.more.push(sentence(&next.unwrap_or_else(|| state.next_step().to_owned())));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_options_leave_out_is_told_with_its_reason() {
        let count = |option: &str, stream: &str, records| LeftOutCount {
            option: option.to_owned(),
            stream: stream.to_owned(),
            records,
        };
        let told = |counts: &[LeftOutCount]| left_out_in_words("acme", counts, &|number| number.to_string());
        assert_eq!(told(&[]), None);
        assert_eq!(
            told(&[
                count("severities", "vulnerabilities", 12),
                count("verdicts", "custom_alerts", 1),
                count("verdicts", "threats", 181)
            ])
            .as_deref(),
            Some(
                "acme, left out by options, and nothing is lost: 12 of vulnerabilities (of a severity that is not \
                 imported), 1 of custom alerts, 181 of threats (shown, but not as failed: the option verdicts does not list their verdict). \
                 By name: muster integration left-out acme"
            )
        );
    }
}
