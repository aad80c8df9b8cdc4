//! `muster import`: a scan or a list of machines becomes a source of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use kernel::{Cell, OrgId, Table};
use reports::terminal::harmless;
use store::Store;
use sync::StreamReport;
use sync::import::fields::Mapping;
use sync::import::{Draft, FILE_BYTES_MAX, Format, ImportError, Imported, Whole};

use crate::arguments::{Global, Import};
use crate::failure::{Exit, Failure, sentence};
use crate::place::{Opened, Place, word};
use crate::progress::Progress;
use crate::terminal::{Terminal, counted, duration};

pub async fn run(global: &Global, order: Import, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let format = Format::from(order.format);
    let mapping = Mapping::parse(&order.map).map_err(|error| unreadable(&order.file, error))?;
    if format == Format::Nmap && !mapping.0.is_empty() {
        return Err(Failure::usage("--map is for lists; a scan says itself what is what"));
    }
    if order.dry_run {
        let draft = read(format, mapping, &order.file, None).await?;
        return dry_run(&draft, order.json, terminal);
    }
    // Before the file: it may be long, and what cannot be written need not be read.
    let store = match place.open_to_write_or_beside()? {
        Opened::Writer(store) => store,
        Opened::Beside { by, .. } => {
            return Err(Failure::new(Exit::Storage, format!("the database is in use by {by}, which goes on until it is stopped")).with(
                "Nothing was imported. Stop it, import the file, and start it again; on PostgreSQL an import runs beside it.",
            ));
        }
    };
    let draft = read(format, mapping, &order.file, place.database_folder()).await?;
    let Some(source) = order.source.clone() else { return Err(Failure::usage("--source NAME says whose file it is")) };
    let sync_order = sync::import::Order { source, site: order.site.clone(), accept_removals: order.accept_removals };
    bring(&store, &sync_order, draft, order.json, !global.no_progress, terminal).await
}

/// Imports what was read, and tells what came of it.
pub(super) async fn bring(
    store: &Store,
    order: &sync::import::Order,
    draft: Draft,
    json: bool,
    progress: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let told = Told::of(&draft);
    let world = jobs::World::real();
    let progress = Progress::new(terminal, progress && !json);
    let tell = |event: &sync::Event| progress.tell(event);
    let outcome = sync::import::import(store, &world, OrgId::DEFAULT, &super::who(), order, draft, &tell).await;
    progress.finish();
    let imported = outcome?;
    if json {
        terminal.result(&format!("{}\n", as_json(&imported, &told)))?;
    } else {
        terminal.result(&in_words(&imported, &told, &|number| terminal.result_number(number)))?;
    }
    if imported.report.complete && imported.report.held == 0 {
        return Ok(());
    }
    if json {
        return Err(Failure::told(Exit::Incomplete));
    }
    let reason = imported.report.reason.unwrap_or_else(|| "the file is not whole".to_owned());
    Err(Failure::new(Exit::Incomplete, reason))
}

/// Reads the file to its end, on a thread of its own: a large one takes a while, and Ctrl-C should not wait for it.
async fn read(format: Format, mapping: Mapping, path: &Path, beside: Option<&Path>) -> Result<Draft, Failure> {
    let file = path.to_owned();
    let folder = beside.map(Path::to_owned);
    let reading = tokio::task::spawn_blocking(move || -> Result<Draft, ImportError> {
        // Without a name, and gone with the process: it holds what the file held.
        let scratch = match folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        let scratch = scratch.map_err(ImportError::Scratch)?;
        let from: Box<dyn Read> = if file.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(File::open(&file).map_err(ImportError::Io)?)
        };
        sync::import::read(format, mapping, from, scratch, FILE_BYTES_MAX)
    });
    match reading.await {
        Ok(draft) => draft.map_err(|error| unreadable(path, error)),
        Err(error) => Err(Failure::new(Exit::Bug, format!("reading {} ended early: {error}", path.display()))),
    }
}

fn unreadable(path: &Path, error: ImportError) -> Failure {
    let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    match error {
        ImportError::Io(cause) => crate::failure::unreadable(&name, &cause),
        ImportError::Scratch(cause) => Failure::new(Exit::Storage, format!("keeping what was read failed: {cause}"))
            .with("Nothing was changed. Make room, then try again."),
        error @ (ImportError::UnknownField { .. } | ImportError::BadMapping { .. }) => {
            Failure::usage(error.to_string())
        }
        error => Failure::usage(format!("{name}: {error}")).with("Nothing was changed."),
    }
}

/// What is said of a file beside what became of its machines.
struct Told {
    format: Format,
    hosts: u64,
    down: u64,
    silent: u64,
    shared: u64,
    repeated: Vec<(u64, u64)>,
    repeated_count: u64,
    nameless: Vec<u64>,
    nameless_count: u64,
}

impl Told {
    fn of(draft: &Draft) -> Told {
        Told {
            format: draft.format,
            hosts: draft.hosts,
            down: draft.scan.as_ref().map_or(0, |scan| scan.down),
            silent: draft.scan.as_ref().map_or(0, |scan| scan.silent),
            shared: draft.shared,
            repeated: draft.repeated.clone(),
            repeated_count: draft.repeated_count,
            nameless: draft.nameless.clone(),
            nameless_count: draft.nameless_count,
        }
    }

    /// What a person should hear of it, a line each.
    fn lines(&self, number: &dyn Fn(u64) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        let place = self.format.place();
        if self.down > 0 {
            lines.push(format!("{} listed as down, and left out.", counted(self.down, "host", &number(self.down))));
        }
        if self.silent > 0 {
            lines.push(format!(
                "{} were taken for hosts without an answer (-Pn), and are left out.",
                number(self.silent)
            ));
        }
        if self.shared > 0 {
            lines.push(format!(
                "{} share a hardware address, serial number or name with another one of the file, and are known by more than that.",
                counted(self.shared, "machine", &number(self.shared))
            ));
        }
        for (at, first) in self.repeated.iter().take(SAID) {
            lines.push(format!("{} {at} tells of the same machine as {place} {first}, which counts.", capital(place)));
        }
        more(&mut lines, self.repeated_count, SAID, "repetitions", number);
        for at in self.nameless.iter().take(SAID) {
            lines.push(format!(
                "{} {at} names no machine: it has no id, name, address or serial number.",
                capital(place)
            ));
        }
        more(&mut lines, self.nameless_count, SAID, "such rows", number);
        lines
    }
}

/// Rows that are named one by one.
const SAID: usize = 10;

fn more(lines: &mut Vec<String>, count: u64, said: usize, what: &str, number: &dyn Fn(u64) -> String) {
    let rest = count.saturating_sub(said as u64);
    if rest > 0 {
        lines.push(format!("And {} more {what}.", number(rest)));
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn in_words(imported: &Imported, told: &Told, number: &dyn Fn(u64) -> String) -> String {
    let Imported { integration, made, report, settled } = imported;
    let name = harmless(&integration.name);
    let mut out = String::new();
    if *made {
        let _ =
            writeln!(out, "Made the source {name}; its machines land in site {}.", harmless(&integration.site_name));
    }
    let mut parts = vec![format!("{} new", number(report.created)), format!("{} changed", number(report.changed))];
    let same = report.touched + report.unchanged;
    parts.push(format!("{} as they were", number(same)));
    if report.removed > 0 {
        parts.push(format!("{} gone", number(report.removed)));
    }
    if report.quarantined > 0 {
        parts.push(format!(
            "{} kept aside (muster integration show {})",
            number(report.quarantined),
            word(&integration.name)
        ));
    }
    let _ = writeln!(
        out,
        "{name}: {} in {}: {}.",
        counted(told.hosts, "machine", &number(told.hosts)),
        duration(report.duration_ms),
        parts.join(", ")
    );
    if settled.merged > 0 {
        let joined = settled.merged;
        let _ = writeln!(out, "{} joined an asset that was known already.", counted(joined, "record", &number(joined)));
    }
    for line in told.lines(number) {
        let _ = writeln!(out, "{line}");
    }
    if let Some(reason) = report.reason.as_ref().filter(|_| report.complete && report.held == 0) {
        let _ = writeln!(out, "{}", harmless(&sentence(reason)));
    }
    out
}

fn as_json(imported: &Imported, told: &Told) -> serde_json::Value {
    let report: &StreamReport = &imported.report;
    let mut value = serde_json::to_value(report).unwrap_or_default();
    value["made"] = imported.made.into();
    value["repeated"] = told.repeated_count.into();
    value["nameless"] = told.nameless_count.into();
    value["down"] = told.down.into();
    value["silent"] = told.silent.into();
    value
}

fn dry_run(draft: &Draft, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    if json {
        return terminal.result(&format!("{}\n", draft_as_json(draft)));
    }
    let number = |number: u64| terminal.result_number(number);
    let told = Told::of(draft);
    let mut head = match draft.columns.dialect {
        Some(dialect) => format!("This looks like {}", dialect.in_words()),
        None => "This is a scan".to_owned(),
    };
    let _ = write!(head, " with {}.", counted(draft.hosts, "machine", &number(draft.hosts)));
    if draft.hosts > draft.first.len() as u64 {
        let _ = write!(head, " The first {}, as they would land:", draft.first.len());
    } else if draft.hosts > 0 {
        head.push_str(" As they would land:");
    }
    terminal.result(&format!("{head}\n\n"))?;
    if !draft.first.is_empty() {
        terminal.table(&preview(draft))?;
        terminal.result("\n")?;
    }
    let mut out = String::new();
    let mut say = |title: &str, words: &str| {
        let _ = writeln!(out, "{title:<11} {}", harmless(words));
    };
    let columns = &draft.columns;
    let pairs = |all: &[(String, String)]| {
        let pairs = all
            .iter()
            .map(|(column, field)| if column == field { column.clone() } else { format!("{column} as {field}") });
        pairs.collect::<Vec<_>>().join(", ")
    };
    if !columns.recognised.is_empty() {
        say("recognised", &pairs(&columns.recognised));
    }
    if !columns.empty.is_empty() {
        say("empty", &pairs(&columns.empty));
    }
    if !columns.kept.is_empty() {
        say("kept as is", &columns.kept.join(", "));
    }
    if !columns.ignored.is_empty() {
        say("ignored", &columns.ignored.join(", "));
    }
    for missing in &columns.missing {
        say("missing", missing);
    }
    if let Whole::No(why) = &draft.whole {
        say("incomplete", &format!("{why}; what it has would be imported, and nothing retired"));
    }
    for line in told.lines(&number) {
        let _ = writeln!(out, "{line}");
    }
    out.push_str("Nothing was written.\n");
    terminal.result(&out)
}

fn preview(draft: &Draft) -> Table {
    let text = |text: &Option<String>| text.clone().map_or(Cell::Empty, Cell::Text);
    let list = |parts: Vec<String>| if parts.is_empty() { Cell::Empty } else { Cell::Text(parts.join(" ")) };
    let is_scan = draft.format == Format::Nmap;
    let rows = draft.first.iter().map(|preview| {
        let host = &preview.host;
        let addresses = host.addresses.iter().take(CELL_PARTS).map(|address| address.ip.to_string()).collect();
        let macs = host.macs.iter().take(CELL_PARTS).map(|mac| mac.mac.clone()).collect();
        let mut row = vec![
            Cell::Int(i64::try_from(preview.place).unwrap_or(i64::MAX)),
            Cell::Text(preview.native_id.clone()),
            text(&host.name),
            list(addresses),
            list(macs),
            text(&host.os),
        ];
        if is_scan {
            let services = host.services.iter().take(CELL_PARTS).map(|service| {
                format!("{}/{} {}", service.port, service.transport, service.protocol.as_deref().unwrap_or("?"))
            });
            row.push(list(services.collect()));
        } else {
            let tags = host.tags.iter().take(CELL_PARTS).map(|tag| match tag.value.as_str() {
                "" => tag.key.clone(),
                value => format!("{}={value}", tag.key),
            });
            row.extend([text(&host.serial), text(&host.owner), list(tags.collect())]);
        }
        row
    });
    let mut columns = vec![draft.format.place(), "known by", "name", "addresses", "mac", "os"];
    columns.extend(if is_scan { &["services"][..] } else { &["serial", "owner", "tags"] });
    Table { columns: columns.into_iter().map(str::to_owned).collect(), rows: rows.collect() }
}

/// Values of one cell that a preview shows.
const CELL_PARTS: usize = 3;

fn draft_as_json(draft: &Draft) -> serde_json::Value {
    let pairs = |all: &[(String, String)]| {
        all.iter().map(|(column, field)| (column.clone(), field.clone().into())).collect::<serde_json::Map<_, _>>()
    };
    let columns = &draft.columns;
    let first = draft.first.iter().map(|preview| {
        serde_json::json!({
            draft.format.place(): preview.place,
            "native_id": preview.native_id,
            "machine": preview.host,
        })
    });
    serde_json::json!({
        "format": draft.format.word(),
        "source": columns.dialect.map(sync::import::fields::Dialect::source),
        "machines": draft.hosts,
        "complete": draft.whole == Whole::Yes,
        "reason": match &draft.whole { Whole::Yes => None, Whole::No(why) => Some(why) },
        "first": first.collect::<Vec<_>>(),
        "recognised": pairs(&columns.recognised),
        "empty": pairs(&columns.empty),
        "kept": columns.kept,
        "ignored": columns.ignored,
        "missing": columns.missing,
        "repeated": draft.repeated_count,
        "nameless": draft.nameless_count,
    })
}
