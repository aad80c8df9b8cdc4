//! `muster integration`: what is connected, how it fares, and how it is read.

use std::fmt::Write as _;

use kernel::{Cell, OrgId, Table, Timestamp};
use reports::terminal::harmless;
use store::Store;
use sync::schedule::{Next, interval_words};
use sync::{Aside, Drifted, Overview, StreamStanding, StreamStatus};

use crate::arguments::{Global, IntegrationCommand, Rhythm, Set};
use crate::failure::{Failure, sentence};
use crate::place::{Opened, Place};
use crate::terminal::{Terminal, counted, to_the_second};

pub async fn run(global: &Global, command: IntegrationCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    match command {
        IntegrationCommand::List { json } => list(&place.open_to_read()?, json, terminal).await,
        IntegrationCommand::Show { name, json } => show(&place.open_to_read()?, &name, json, terminal).await,
        IntegrationCommand::Enable { name } => {
            let change = sync::OptionsChange { enabled: Some(true), ..sync::OptionsChange::default() };
            change_it(&place, &name, change, terminal).await
        }
        IntegrationCommand::Disable { name } => {
            let change = sync::OptionsChange { enabled: Some(false), ..sync::OptionsChange::default() };
            change_it(&place, &name, change, terminal).await
        }
        IntegrationCommand::LeftOut { name, option, limit, json } => {
            left_out(&place.open_to_read()?, &name, option.as_deref(), limit, json, terminal).await
        }
        IntegrationCommand::Set(Set {
            name,
            task,
            rhythm: chosen,
            without,
            with,
            requests_per_minute,
            runs_at,
            import,
        }) => {
            let import = import.change();
            let change = sync::OptionsChange { without, with, requests_per_minute, import, ..rhythm(&chosen) };
            if let Some(task) = &task {
                name_task(&place, &name, task, terminal).await?;
            }
            if let Some(at) = &runs_at {
                run_at(&place, &name, at, terminal).await?;
            }
            if change == sync::OptionsChange::default() {
                if task.is_some() || runs_at.is_some() {
                    return Ok(());
                }
                return Err(Failure::usage("nothing is to be changed")
                    .with("Such as: muster integration set NAME --interval threats=15m. All of it: muster integration set --help"));
            }
            change_it(&place, &name, change, terminal).await
        }
    }
}

/// Calls an integration's task something else.
async fn name_task(place: &Place, name: &str, task: &str, terminal: &Terminal) -> Result<(), Failure> {
    let opened = place.open_to_write_or_beside()?;
    let (who, wanted, task, now) = (super::who(), name.to_owned(), task.to_owned(), terminal.now());
    let written = opened.store().write(move |tx| {
        let of = sync::named(tx, OrgId::DEFAULT, &wanted)?;
        sync::name_task(tx, OrgId::DEFAULT, of.id, &task, &who, now)
    });
    let called = written.await?;
    terminal.result(&format!("Its task is {} from now on.\n", called.as_deref().unwrap_or(name)))
}

/// Chooses where an integration runs.
async fn run_at(place: &Place, name: &str, at: &str, terminal: &Terminal) -> Result<(), Failure> {
    let opened = place.open_to_write_or_beside()?;
    let (who, wanted, said, now) = (super::who(), name.to_owned(), at.to_owned(), terminal.now());
    let written = opened.store().write(move |tx| {
        let of = sync::named(tx, OrgId::DEFAULT, &wanted)?;
        let all = sync::explorers::explorers(tx, OrgId::DEFAULT)?;
        let there = match said.as_str() {
            "centre" => None,
            _ => Some(
                all.into_iter()
                    .find(|of| kernel::fold(&of.name) == kernel::fold(&said))
                    .ok_or(sync::explorers::ExplorerError::NoSuch(said))?,
            ),
        };
        sync::explorers::set_runs_at(tx, OrgId::DEFAULT, of.id, there.as_ref().map(|of| of.id), &who, now)?;
        Ok::<_, sync::SyncError>(
            there.map_or_else(|| "at the centre".to_owned(), |of| format!("at the Explorer {}", of.name)),
        )
    });
    let there = written.await?;
    terminal.result(&format!("{name} runs {there} from now on.\n"))
}

/// What the flags of a rhythm change.
pub fn rhythm(chosen: &Rhythm) -> sync::OptionsChange {
    sync::OptionsChange {
        intervals: chosen.intervals.clone(),
        autosync_days: chosen.autosync.map(|days| days.0),
        depth_days: chosen.depth.map(|days| days.0),
        ..sync::OptionsChange::default()
    }
}

/// Everything about every integration.
pub async fn overviews(store: &Store, now: Timestamp) -> Result<Vec<Overview>, Failure> {
    Ok(store.read(move |tx| sync::overviews(tx, OrgId::DEFAULT, now)).await?)
}

async fn change_it(place: &Place, name: &str, change: sync::OptionsChange, terminal: &Terminal) -> Result<(), Failure> {
    let opened = place.open_to_write_or_beside()?;
    let (who, wanted, now) = (super::who(), name.to_owned(), terminal.now());
    let imports = change.import != sync::ImportChange::default();
    let written = opened.store().write(move |tx| sync::configure(tx, OrgId::DEFAULT, &wanted, &change, &who, now));
    let of = written.await?;
    let mut told = format!("{}: {}\n", of.name, settings(&of.options));
    match &opened {
        Opened::Beside { by, .. } => {
            let _ = writeln!(told, "{by} goes by that from now on.");
        }
        Opened::Writer(store) if imports => {
            // What is stored follows at once; whoever is cut off here goes on with the next muster sync.
            let done = sync::reapply(store, &jobs::World::real(), OrgId::DEFAULT, &of.name).await?;
            let judged = terminal.result_number(done.judged);
            let _ =
                writeln!(told, "{} judged anew, without asking the console.", counted(done.judged, "record", &judged));
        }
        Opened::Writer(_) => {}
    }
    terminal.result(&told)?;
    if imports {
        let (id, import) = (of.id, of.options.import.clone());
        let read = opened.store().read(move |tx| {
            let counts = sync::left_out_counts(tx, OrgId::DEFAULT, id, &import)?;
            Ok::<_, Failure>((counts, sync::unknown_groups(tx, OrgId::DEFAULT, id, &import)?))
        });
        let (counts, unknown) = read.await?;
        for line in unknown.iter().map(unknown_group) {
            terminal.note(&line);
        }
        if !counts.is_empty() {
            terminal.result("\nLeft out, and nothing is lost\n")?;
            terminal.table(&left_out_table(&counts))?;
        }
    }
    Ok(())
}

/// The choices of an integration in words.
fn settings(options: &sync::Options) -> String {
    let mut said = vec![if options.enabled { "on".to_owned() } else { "off, nothing is read".to_owned() }];
    match options.autosync_days {
        Some(1) => said.push("everything daily at 01:15 UTC".to_owned()),
        Some(days) => said.push(format!("everything every {days} days at 01:15 UTC")),
        None => said.extend(
            options.intervals.iter().map(|(stream, seconds)| format!("{stream} every {}", interval_words(*seconds))),
        ),
    }
    if !options.without_streams.is_empty() {
        said.push(format!("without {}", options.without_streams.join(", ")));
    }
    if let Some(days) = options.depth_days {
        said.push(format!("history of {days} days"));
    }
    if options.requests_per_minute != sync::REQUESTS_PER_MINUTE {
        said.push(format!("at most {} requests a minute", options.requests_per_minute));
    }
    said.extend(options.import.in_words());
    said.join("; ")
}

fn unknown_group(group: &sync::UnknownGroup) -> String {
    let near = group.near.as_ref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    format!("warning: the console has no group {:?}{near}", group.name)
}

fn left_out_table(counts: &[sync::LeftOutCount]) -> Table {
    let rows = counts.iter().map(|count| {
        vec![
            Cell::Text(count.option.replace('_', "-")),
            Cell::Text(count.stream.clone()),
            Cell::Int(i64::try_from(count.records).unwrap_or(i64::MAX)),
            Cell::Text(sync::options::why(&count.option).to_owned()),
        ]
    });
    Table { columns: ["option", "stream", "records", "why"].map(str::to_owned).to_vec(), rows: rows.collect() }
}

async fn left_out(
    store: &Store,
    name: &str,
    option: Option<&str>,
    limit: u32,
    json: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let option = match option {
        None => None,
        Some(option) => Some(sync::options::option_named(option).ok_or_else(|| {
            let all = sync::options::LEAVES_OUT.map(|option| option.replace('_', "-")).join(", ");
            Failure::usage(format!("there is no option {option:?}; there are {all}"))
        })?),
    };
    let wanted = name.to_owned();
    let read = store.read(move |tx| {
        let of = sync::named(tx, OrgId::DEFAULT, &wanted)?;
        sync::left_out(tx, OrgId::DEFAULT, of.id, &of.options.import, option, limit)
    });
    let records = read.await?;
    if json {
        let line = |one: &sync::LeftOutRecord| {
            let object = serde_json::json!({
                "option": one.option,
                "stream": one.stream,
                "name": one.name,
                "native_id": one.native_id,
                "agent_id": one.agent,
                "since": one.since.map(|at| at.to_string()),
            });
            format!("{object}\n")
        };
        return terminal.result(&records.iter().map(line).collect::<String>());
    }
    if records.is_empty() {
        return terminal.result("Nothing is left out.\n");
    }
    let text = |text: &str| Cell::Text(text.to_owned());
    let rows = records.iter().map(|one| {
        vec![
            text(&one.option.replace('_', "-")),
            text(&one.stream),
            text(&one.name),
            text(&one.native_id),
            one.agent.as_deref().map_or(Cell::Empty, text),
            one.since.map_or(Cell::Empty, when),
        ]
    });
    let columns = ["option", "stream", "name", "id", "agent", "since"].map(str::to_owned).to_vec();
    let full = records.len() as u64 >= u64::from(limit);
    terminal.table(&Table { columns, rows: rows.collect() })?;
    if full {
        terminal.note(&format!("There may be more than {limit}: --limit N"));
    }
    Ok(())
}

async fn list(store: &Store, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let now = terminal.now();
    let all = overviews(store, now).await?;
    if json {
        let lines = all.iter().map(|of| format!("{}\n", as_json(of, now))).collect::<String>();
        return terminal.result(&lines);
    }
    if all.is_empty() {
        return terminal.result("No console is connected yet: muster connect URL --token-file FILE\n");
    }
    let columns = ["integration", "light", "state", "since", "console", "site", "last read", "next"];
    let rows = all.iter().map(|of| {
        let integration = &of.integration;
        let text = |text: &str| Cell::Text(text.to_owned());
        let last = of.streams.iter().filter_map(|stream| stream.attempts.attempted_at).max();
        let next = of.streams.iter().filter_map(|stream| next_at(stream, of, now)).min();
        vec![
            text(&integration.name),
            text(of.light(now).word()),
            text(&of.assessment().state.word().replace('_', " ")),
            Cell::Time(to_the_second(integration.since)),
            text(integration.connector.files().unwrap_or(&integration.console_host)),
            text(&integration.site_name),
            last.map_or(Cell::Empty, when),
            next.map_or(Cell::Empty, when),
        ]
    });
    terminal.table(&Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() })
}

fn when(at: Timestamp) -> Cell {
    Cell::Time(to_the_second(at))
}

/// When a stream is read next; nothing if it is not.
fn next_at(stream: &StreamStanding, of: &Overview, now: Timestamp) -> Option<Timestamp> {
    match stream.next(now, &of.integration) {
        Next::Never => None,
        Next::Now => Some(now),
        Next::At(at) => Some(at),
    }
}

async fn show(store: &Store, name: &str, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let (now, wanted) = (terminal.now(), name.to_owned());
    let read = store.read(move |tx| {
        let of = sync::named(tx, OrgId::DEFAULT, &wanted)?;
        sync::overview(tx, of, now)
    });
    let of = &read.await?;
    let id = of.integration.id;
    let world = jobs::World::real();
    let drift = sync::drift(store, &world, OrgId::DEFAULT, id).await?;
    let aside = sync::quarantined(store, &world, OrgId::DEFAULT, id, ASIDE_SHOWN).await?;
    let import = of.integration.options.import.clone();
    let read = store.read(move |tx| {
        let counts = sync::left_out_counts(tx, OrgId::DEFAULT, id, &import)?;
        Ok::<_, Failure>((counts, sync::unknown_groups(tx, OrgId::DEFAULT, id, &import)?))
    });
    let (counts, unknown) = read.await?;
    if json {
        let mut all = as_json(of, now);
        all["drift"] = drift.iter().map(drift_as_json).collect();
        all["quarantined"] = aside.iter().map(aside_as_json).collect();
        let count = |one: &sync::LeftOutCount| serde_json::json!({ "option": one.option, "stream": one.stream, "records": one.records });
        all["left_out"] = counts.iter().map(count).collect();
        return terminal.result(&format!("{all}\n"));
    }
    let records = store.read(move |tx| sync::examine::record_counts(tx, OrgId::DEFAULT, id)).await?;
    terminal.result(&head(of, now, terminal))?;
    terminal.table(&streams(of, &records, now))?;
    for line in unknown.iter().map(unknown_group) {
        terminal.note(&line);
    }
    if !counts.is_empty() {
        terminal.result("\nLeft out, and nothing is lost; by name: muster integration left-out\n")?;
        terminal.table(&left_out_table(&counts))?;
    }
    if !aside.is_empty() {
        terminal.result("\nKept aside: not understood, and tried again by a newer version\n")?;
        terminal.table(&aside_table(&aside))?;
    }
    if !drift.is_empty() {
        terminal.result("\nNot as documented: kept as sent, and nothing to do\n")?;
        terminal.table(&drift_table(&drift))?;
    }
    Ok(())
}

/// Records kept aside that are listed, the latest first.
const ASIDE_SHOWN: u32 = 50;

fn aside_table(aside: &[Aside]) -> Table {
    let text = |text: &str| Cell::Text(text.to_owned());
    let rows = aside.iter().map(|aside| {
        vec![
            text(&aside.stream),
            aside.native_id.as_deref().map_or(Cell::Empty, text),
            aside.size.map_or(Cell::Empty, |size| Cell::Int(i64::try_from(size).unwrap_or(i64::MAX))),
            when(aside.first_seen_at),
            text(&aside.reason),
        ]
    });
    Table {
        columns: ["stream", "id", "bytes", "first seen", "reason"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn drift_table(drift: &[Drifted]) -> Table {
    let rows = drift.iter().map(|drift| {
        vec![
            Cell::Text(drift.stream.clone()),
            Cell::Text(drift.path.clone()),
            Cell::Text(drift.kind.word().replace('_', " ")),
            Cell::Text(drift.example.clone()),
            Cell::Int(i64::try_from(drift.times).unwrap_or(i64::MAX)),
            when(drift.last_seen_at),
        ]
    });
    let columns = ["stream", "path", "what", "example", "times", "last seen"];
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

fn drift_as_json(drift: &Drifted) -> serde_json::Value {
    serde_json::json!({
        "stream": drift.stream,
        "path": drift.path,
        "kind": drift.kind.word(),
        "example": drift.example,
        "record_id": drift.record_id,
        "times": drift.times,
        "first_seen_at": drift.first_seen_at.to_string(),
        "last_seen_at": drift.last_seen_at.to_string(),
    })
}

fn aside_as_json(aside: &Aside) -> serde_json::Value {
    serde_json::json!({
        "stream": aside.stream,
        "native_id": aside.native_id,
        "reason": aside.reason,
        "bytes": aside.size,
        "kept": aside.kept,
        "first_seen_at": aside.first_seen_at.to_string(),
    })
}

fn head(of: &Overview, now: Timestamp, terminal: &Terminal) -> String {
    let integration = &of.integration;
    let time = |at| terminal.result_time(at, false);
    let assessment = of.assessment();
    let mut out = String::new();
    let mut say = |name: &str, words: &str| {
        let _ = writeln!(out, "{name:<9} {}", harmless(words));
    };
    let files = integration.connector.files();
    let at = files.map_or_else(|| format!("at {}", integration.console_url), |files| format!("from {files}"));
    say(&integration.name, &format!("{} {at}", of.light(now).word()));
    let state = assessment.state.word().replace('_', " ");
    let detail = if assessment.detail.is_empty() { String::new() } else { format!(": {}", assessment.detail) };
    say("state", &format!("{state} since {}{detail}", time(integration.since)));
    say("", &sentence(of.meaning()));
    let next = of.next_step();
    if !next.is_empty() {
        say("do", &sentence(&next));
    }
    if files.is_some() {
        say("site", &integration.site_name);
        out.push('\n');
        return out;
    }
    let scope = integration.scope.as_deref().unwrap_or("unknown");
    let role = integration.role.as_deref().unwrap_or("unknown");
    let end = match integration.token_expires_at {
        Some(end) => format!("ends {}", time(end)),
        None => "the console does not say when it ends".to_owned(),
    };
    say("token", &format!("scope {scope}, role {role}, {end}"));
    if let Some(warning) = sync::token_warning(integration, now) {
        say("", &sentence(&warning.in_words(&integration.name)));
    }
    say("site", &integration.site_name);
    say("read", &settings(&integration.options));
    out.push('\n');
    out
}

fn streams(of: &Overview, records: &[(String, u64)], now: Timestamp) -> Table {
    let columns =
        ["stream", "light", "status", "every", "complete", "next", "records", "aside", "drift", "held", "reason"];
    let rows = of.streams.iter().map(|stream| {
        let status = match (stream.enabled, stream.status) {
            (false, _) => "left out".to_owned(),
            (true, Some(status)) => status.word().replace('_', " "),
            (true, None) if stream.lease.is_some() => "first sweep".to_owned(),
            (true, None) => "not read yet".to_owned(),
        };
        let count = |number: u64| match number {
            0 => Cell::Empty,
            number => Cell::Int(i64::try_from(number).unwrap_or(i64::MAX)),
        };
        vec![
            Cell::Text(stream.stream.name.to_owned()),
            Cell::Text(stream.light(now).word().to_owned()),
            Cell::Text(status),
            Cell::Text(match stream.stream.source {
                sync::Source::File => "as imported".to_owned(),
                _ => interval_words(stream.interval),
            }),
            stream.complete_at.map_or(Cell::Empty, when),
            next_at(stream, of, now).map_or(Cell::Empty, when),
            count(records.iter().find(|(name, _)| name == stream.stream.name).map_or(0, |(_, count)| *count)),
            count(stream.quarantined),
            count(stream.drifted),
            count(stream.held),
            match stream.status {
                Some(StreamStatus::Complete) | None => Cell::Empty,
                _ => stream.reason.clone().map_or(Cell::Empty, Cell::Text),
            },
        ]
    });
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// Everything that is known of an integration, for programs.
pub fn as_json(of: &Overview, now: Timestamp) -> serde_json::Value {
    let integration = &of.integration;
    let assessment = of.assessment();
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let streams = of.streams.iter().map(|stream| {
        serde_json::json!({
            "stream": stream.stream.name,
            "enabled": stream.enabled,
            "light": stream.light(now).word(),
            "status": stream.status.map(StreamStatus::word),
            "reason": stream.reason,
            "interval_seconds": stream.interval,
            "complete_at": time(stream.complete_at),
            "attempted_at": time(stream.attempts.attempted_at),
            "next_at": time(next_at(stream, of, now)),
            "console_total": stream.counted.map(|(total, _)| total),
            "quarantined": stream.quarantined,
            "drift": stream.drifted,
            "held": stream.held,
            "read_by": stream.lease.as_ref().map(|(holder, _)| holder),
        })
    });
    let next = of.next_step();
    serde_json::json!({
        "integration": integration.name,
        "connector": integration.connector.word(),
        "console": integration.console_url,
        "site": integration.site_name,
        "light": of.light(now).word(),
        "state": assessment.state.word(),
        "why": assessment.why.map(sync::health::Why::word),
        "since": integration.since.to_string(),
        "detail": assessment.detail,
        "meaning": of.meaning(),
        "next_step": (!next.is_empty()).then_some(next),
        "scope": integration.scope,
        "role": integration.role,
        "token_expires_at": time(integration.token_expires_at),
        "token_warning_days": sync::token_warning(integration, now).map(|warning| warning.threshold),
        "clock_skew_seconds": of.health.clock_skew.map(|micros| micros / 1_000_000),
        "options": integration.options,
        "streams": streams.collect::<Vec<_>>(),
    })
}
