//! `muster sink`: where artifacts are delivered, and how far each place is.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jobs::World;
use kernel::{Cell, OrgId, Table, Timestamp};
use reports::terminal::harmless;
use signals::ndjson::{self, Settings};
use signals::{Delivered, Line, NewSink, SignalsError, Sink, SinkState};
use store::{Dialect, Store};

use crate::arguments::Global;
use crate::failure::{Exit, Failure, sentence};
use crate::place::{Opened, Place, word};
use crate::terminal::{Terminal, counted};

/// The orders.
#[derive(Subcommand)]
pub enum SinkCommand {
    /// Shows every sink: how far it is, and what is the matter with it
    List {
        /// Prints one JSON object per sink
        #[arg(long)]
        json: bool,
    },
    /// Adds a sink; the worker delivers to it from then on
    Add {
        #[command(subcommand)]
        kind: NewKind,
    },
    /// Looks whether a sink can take artifacts, without giving it any, and shows a line as it would get it
    Test {
        /// Which sink
        name: String,
    },
    /// Delivers again from an earlier place, or attaches a sink that was detached
    #[command(after_help = "\
Receivers that honour the id of each line take what comes again for what it is. What retention has removed meanwhile \
cannot come again.

Examples:
  muster sink replay siem --from 1200     artifact 1200 and all after it
  muster sink replay siem --from last     a detached sink goes on where it was")]
    Replay {
        /// Which sink
        name: String,
        /// start, now, last (where it stands), or the number of the first artifact that comes again
        #[arg(long, value_name = "FROM")]
        from: From,
    },
    /// Forgets a sink; what it was given stays where it is
    Remove {
        /// Which sink
        name: String,
    },
    /// Delivers what is waiting; muster serve does so by itself
    Run {
        /// Which sinks. Default: all
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Ends when everything was delivered, or a sink takes nothing. Without it, goes on until Ctrl-C
        #[arg(long)]
        once: bool,
    },
}

/// What kinds of sinks there are.
#[derive(Subcommand)]
pub enum NewKind {
    /// A file that gets one JSON object per line
    #[command(after_help = "\
Each line is one version of one record: {\"id\":..,\"seq\":..,\"stream\":..,\"op\":..,\"version\":..,\"console\":..,\
\"native_id\":..,\"source_time\":..,\"observed_at\":..,\"record\":{..}}. Lines come in the order of seq; after a crash up to \
500 may come again, with the same id. A line is on the disk before Muster counts it as delivered.

Examples:
  muster sink add ndjson /var/log/muster/artifacts.ndjson --rotate-daily
  muster sink add ndjson threats.ndjson --filter 'stream:threats' --from now")]
    Ndjson(Ndjson),
}

/// A file and what goes into it.
#[derive(Args)]
pub struct Ndjson {
    /// The file; it is made if there is none. Its folder must be there
    pub path: PathBuf,
    /// What to call the sink. Default: the file's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// start (all that is in the log), now (what comes from now on), or the number of the first artifact
    #[arg(long, value_name = "FROM", default_value = "start")]
    pub from: From,
    /// Which artifacts it gets, as muster query TEXT --in artifacts asks for them. Default: all
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Begins a new file when this one would grow beyond this size, such as 500MB; the old one is renamed
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub rotate_size: Option<u64>,
    /// Begins a new file with every day (UTC)
    #[arg(long)]
    pub rotate_daily: bool,
    /// Detaches the sink when it takes nothing and more of the log than this waits for it, such as 10GB. Default: never
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_lag: Option<u64>,
}

/// A place in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    Start,
    Now,
    Last,
    Seq(i64),
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<From, String> {
        match text {
            "start" => Ok(From::Start),
            "now" => Ok(From::Now),
            "last" => Ok(From::Last),
            number => match number.parse() {
                Ok(seq) if seq > 0 => Ok(From::Seq(seq)),
                _ => Err("it is start, now, or the number of an artifact, counted from 1".to_owned()),
            },
        }
    }
}

/// Reads `500MB`, `10 GB`, `1024`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim();
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.').trim();
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        _ => return Err("a size is a number and kB, MB, GB or TB: 500MB".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a size is a whole number and kB, MB, GB or TB: 500MB".to_owned())?;
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(|| "that is no size".to_owned())
}

pub async fn run(global: &Global, command: SinkCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    match command {
        SinkCommand::List { json } => list(&place.open_to_read()?, json, terminal).await,
        SinkCommand::Add { kind: NewKind::Ndjson(new) } => add(&place, new, terminal).await,
        SinkCommand::Test { name } => test(&place.open_to_read()?, &name, terminal).await,
        SinkCommand::Replay { name, from } => replay(&place, &name, from, terminal).await,
        SinkCommand::Remove { name } => remove(&place, &name, terminal).await,
        SinkCommand::Run { names, once } => match place.open_to_write_or_beside()? {
            Opened::Writer(store) => deliver(&store, &names, once, terminal).await,
            Opened::Beside { by, .. } => Err(Failure::new(Exit::Storage, format!("the database is in use by {by}"))
                .with("It delivers by itself: muster sink list shows how far it is.")),
        },
    }
}

const ORG: OrgId = OrgId::DEFAULT;

async fn list(store: &Store, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let sinks = store.read(|tx| signals::sinks(tx, ORG)).await?;
    if json {
        return terminal.result(&reports::json::ndjson(&table_for_programs(&sinks)));
    }
    if sinks.is_empty() {
        terminal.note("There are no sinks. Such as: muster sink add ndjson FILE");
        return Ok(());
    }
    terminal.table(&table_for_people(&sinks))?;
    for sink in sinks.iter().filter(|sink| !sink.detail.is_empty()) {
        terminal.note(&trouble(sink, terminal));
    }
    Ok(())
}

/// What is wrong with a sink, since when, and what comes next.
fn trouble(sink: &Sink, terminal: &Terminal) -> String {
    let (name, since) = (&sink.is.name, terminal.result_time(sink.since, false));
    let next = match sink.state {
        SinkState::Detached => format!("To attach it again: muster sink replay {} --from last.", word(name)),
        _ => "It is tried again by itself; nothing is lost.".to_owned(),
    };
    let detail = sentence(&harmless(&sink.detail));
    format!("{}: {} since {since}. {detail} {next}", harmless(name), terminal.red(sink.state.as_str()))
}

fn table_for_people(sinks: &[Sink]) -> Table {
    let row = |sink: &Sink| {
        vec![
            text(&sink.is.name),
            text(&target(sink)),
            text(sink.state.as_str()),
            number(sink.delivered),
            number(sink.behind),
            number(sink.dead),
            sink.delivered_at.map_or(Cell::Empty, Cell::Time),
            text(&sink.is.filter),
        ]
    };
    table(&["name", "to", "state", "delivered", "behind", "refused", "last", "filter"], sinks.iter().map(row))
}

fn table_for_programs(sinks: &[Sink]) -> Table {
    let row = |sink: &Sink| {
        vec![
            text(&sink.is.name),
            text(&sink.is.kind),
            text(&target(sink)),
            text(sink.state.as_str()),
            Cell::Time(sink.since),
            text(&sink.detail),
            Cell::Int(sink.is.after),
            number(sink.behind),
            number(sink.delivered),
            number(sink.dead),
            sink.delivered_at.map_or(Cell::Empty, Cell::Time),
            sink.next_at.map_or(Cell::Empty, Cell::Time),
            Cell::Int(sink.attempts),
            text(&sink.is.filter),
            sink.is.lag_bytes_max.map_or(Cell::Empty, number),
        ]
    };
    let columns = [
        "name",
        "kind",
        "to",
        "state",
        "since",
        "detail",
        "seq",
        "behind",
        "delivered",
        "refused",
        "delivered_at",
        "next_at",
        "attempts",
        "filter",
        "max_lag_bytes",
    ];
    table(&columns, sinks.iter().map(row))
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> Table {
    Table { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows: rows.collect() }
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

fn number(number: u64) -> Cell {
    Cell::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Where a sink delivers, in one word.
pub fn target(sink: &Sink) -> String {
    match Settings::parse(&sink.is.settings) {
        Ok(settings) if sink.is.kind == ndjson::KIND => settings.path.display().to_string(),
        _ => sink.is.kind.clone(),
    }
}

async fn add(place: &Place, new: Ndjson, terminal: &Terminal) -> Result<(), Failure> {
    let Ndjson { path, name, from, filter, rotate_size, rotate_daily, max_lag } = new;
    let path = std::path::absolute(&path)?;
    if path.to_str().is_none() {
        return Err(Failure::usage(format!("{} is not UTF-8, and cannot be kept", path.display())));
    }
    let name = name.unwrap_or_else(|| default_name(&path));
    let settings = Settings { path, rotate_bytes: rotate_size, rotate_daily };
    let now = terminal.now();
    let filter = match filter {
        Some(text) => canonical(&text, now, terminal)?,
        None => String::new(),
    };
    let opened = place.open_to_write_or_beside()?;
    settings.check().map_err(|reason| Failure::new(Exit::Storage, reason).with("No sink was added."))?;
    let (called, json) = (name.clone(), settings.to_json());
    let added = opened.store().write(move |tx| -> Result<Sink, SignalsError> {
        let after = match from {
            From::Start | From::Last => 0,
            From::Now => signals::last_seq(tx, ORG)?,
            From::Seq(seq) => seq - 1,
        };
        let new = NewSink {
            name: called.clone(),
            kind: ndjson::KIND.to_owned(),
            settings: json,
            filter,
            lag_bytes_max: max_lag,
            after,
        };
        signals::add_sink(tx, ORG, &new, now)?;
        Ok(signals::sink_named(tx, ORG, &called)?.expect("it was added in this transaction"))
    });
    let sink = added.await?;
    let waiting = match sink.behind {
        0 => "Nothing is waiting for it yet.".to_owned(),
        behind => format!("{} waiting for it.", are(behind, terminal)),
    };
    terminal.result(&format!("Added sink {name}: {}\n", settings.path.display()))?;
    let next = match &opened {
        Opened::Beside { by, .. } => format!("{by} delivers to it from now on."),
        Opened::Writer(_) => "muster serve delivers to it by itself; muster sink run --once does so now.".to_owned(),
    };
    terminal.note(&format!("{waiting} {next}"));
    Ok(())
}

fn are(artifacts: u64, terminal: &Terminal) -> String {
    let shown = counted(artifacts, "artifact", &terminal.number(artifacts));
    format!("{shown} {}", if artifacts == 1 { "is" } else { "are" })
}

/// A filter in its normal spelling, or its mistakes with carets.
fn canonical(text: &str, now: Timestamp, terminal: &Terminal) -> Result<String, Failure> {
    match signals::check_filter(text, now) {
        Ok(canonical) => Ok(canonical),
        Err(SignalsError::Filter(refused)) => {
            terminal.note(&super::query::mistakes(text, &refused.problems, terminal));
            terminal.note("See all fields: muster help fields artifacts");
            Err(Failure::told(Exit::Usage))
        }
        Err(other) => Err(other.into()),
    }
}

fn default_name(path: &Path) -> String {
    path.file_stem().map_or_else(|| "file".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

async fn found(store: &Store, name: &str) -> Result<Sink, Failure> {
    let sinks = store.read(|tx| signals::sinks(tx, ORG)).await?;
    let names: Vec<String> = sinks.iter().map(|sink| sink.is.name.clone()).collect();
    sinks.into_iter().find(|sink| sink.is.name == name).ok_or_else(|| {
        let failure = Failure::usage(format!("there is no sink {name:?}"));
        match names.is_empty() {
            true => failure.with("There is none yet: muster sink add makes one."),
            false => failure.with(format!("There are: {}.", names.join(", "))),
        }
    })
}

async fn test(store: &Store, name: &str, terminal: &Terminal) -> Result<(), Failure> {
    let sink = found(store, name).await?;
    let outcome = match sink.is.kind.as_str() {
        ndjson::KIND => Settings::parse(&sink.is.settings).and_then(|settings| settings.check()),
        other => Err(format!("this version of Muster knows no sinks of kind {other}")),
    };
    outcome.map_err(|reason| {
        Failure::new(Exit::Storage, reason).with("Nothing is lost: what waits is delivered later.")
    })?;
    let (after, last) = (sink.is.after, store.read(|tx| signals::last_seq(tx, ORG)).await?);
    let from = if after < last { after } else { last - 1 };
    let next = store.read(move |tx| signals::scan(tx, ORG, from, 1)).await?;
    terminal.note(&format!("{} can be written; {} waiting for it.", target(&sink), are(sink.behind, terminal)));
    match next.first() {
        Some(artifact) => {
            terminal.note("A line looks like this:");
            terminal.result(&format!("{}\n", String::from_utf8_lossy(&Line::new(artifact).json)))
        }
        None => {
            terminal.note("The log is empty yet.");
            Ok(())
        }
    }
}

async fn replay(place: &Place, name: &str, from: From, terminal: &Terminal) -> Result<(), Failure> {
    let opened = place.open_to_write_or_beside()?;
    let sink = found(opened.store(), name).await?;
    let (id, now, stands) = (sink.id, terminal.now(), sink.is.after);
    let moved = opened.store().write(move |tx| -> Result<Option<Sink>, SignalsError> {
        let last = signals::last_seq(tx, ORG)?;
        let after = match from {
            From::Start => 0,
            From::Now => last,
            From::Last => stands,
            From::Seq(seq) => (seq - 1).min(last),
        };
        signals::replay(tx, ORG, id, after, now)?;
        Ok(signals::sinks(tx, ORG)?.into_iter().find(|sink| sink.id == id))
    });
    let behind = moved.await?.map_or(0, |sink| sink.behind);
    let waiting = match behind {
        0 => "nothing is waiting for it".to_owned(),
        behind => format!("{} waiting for it now", are(behind, terminal)),
    };
    terminal.result(&format!("Sink {name}: {waiting}.\n"))
}

async fn remove(place: &Place, name: &str, terminal: &Terminal) -> Result<(), Failure> {
    let opened = place.open_to_write_or_beside()?;
    let sink = found(opened.store(), name).await?;
    let id = sink.id;
    opened.store().write(move |tx| signals::remove_sink(tx, ORG, id)).await?;
    terminal.result(&format!("Removed sink {name}. {} stays as it is.\n", target(&sink)))
}

/// Whoever was killed while it delivered holds its sinks for a while. The one writer of a SQLite file need not wait for that;
/// on a server somebody else may really be at it.
pub async fn take_back(store: &Store) -> Result<(), Failure> {
    if store.dialect() == Dialect::Sqlite {
        store.write(signals::release_sinks).await?;
    }
    Ok(())
}

/// How often sinks are looked at when nobody says when to end.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

async fn deliver(store: &Store, names: &[String], once: bool, terminal: &Terminal) -> Result<(), Failure> {
    let world = World::real();
    for name in names {
        found(store, name).await?;
    }
    take_back(store).await?;
    loop {
        let sinks = store.read(|tx| signals::sinks(tx, ORG)).await?;
        let wanted = |sink: &&Sink| names.is_empty() || names.contains(&sink.is.name);
        // Each in a task of its own: a slow sink delays no other.
        let running: Vec<_> = (sinks.iter().filter(wanted))
            .filter(|sink| once || sink.is_due(world.now()))
            .map(|sink| {
                let (store, inside, id) = (store.clone(), world.clone(), sink.id);
                (sink.clone(), world.spawn(async move { signals::deliver(&store, &inside, ORG, id).await }))
            })
            .collect();
        let mut waiting = false;
        for (before, task) in running {
            let did = task.await?;
            let after = found(store, &before.is.name).await?;
            waiting |= told(&before, &after, &did, once, world.now(), terminal)?;
        }
        match once {
            true if waiting => return Err(Failure::told(Exit::Storage)),
            true => return Ok(()),
            false => world.sleep(LOOK_EVERY).await,
        }
    }
}

/// Says what one delivery did; `true` if something waits that should not.
fn told(
    before: &Sink,
    after: &Sink,
    did: &Delivered,
    once: bool,
    now: Timestamp,
    terminal: &Terminal,
) -> Result<bool, Failure> {
    let name = harmless(&after.is.name);
    if once || did.delivered + did.dead > 0 {
        let mut said = format!("{name}: {} delivered", terminal.result_number(did.delivered));
        for (count, what) in
            [(did.left_out, "left out by its filter"), (did.dead, "refused"), (after.behind, "waiting")]
        {
            if count > 0 {
                said.push_str(&format!(", {} {what}", terminal.result_number(count)));
            }
        }
        terminal.result(&format!("{said}\n"))?;
    }
    if !after.detail.is_empty() && (once || before.detail != after.detail) {
        terminal.note(&trouble(after, terminal));
    } else if once && after.behind > 0 {
        terminal.note(&match after.held_by(now) {
            Some((who, until)) => format!(
                "{name}: {} delivers to it. If that was killed, it is free again {}.",
                harmless(who),
                terminal.result_time(until, false)
            ),
            None => format!("{name}: what came meanwhile is delivered next time."),
        });
    }
    Ok(!after.detail.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_places_are_read() {
        assert_eq!(
            ["1024", "500MB", "10 gb", "3k"].map(bytes),
            [Ok(1024), Ok(500_000_000), Ok(10_000_000_000), Ok(3000)]
        );
        assert!(["", "MB", "5 apples", "-1", "0", "1.5GB", "99999999999TB"].map(bytes).iter().all(Result::is_err));
        assert_eq!("start".parse(), Ok(From::Start));
        assert_eq!("7".parse(), Ok(From::Seq(7)));
        assert!("0".parse::<From>().is_err() && "soon".parse::<From>().is_err());
    }
}
