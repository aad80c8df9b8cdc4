//! `muster scan`: nmap looks at networks, now or by tasks, and what it finds is imported.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kernel::{Cell, CredentialId, OrgId, Secret, Table, Timestamp, fold};
use reports::terminal::harmless;
use sync::scan::{self, Ports, Scanner, Targets, Unit, Wanted, When};
use sync::schedule::Next;
use zeroize::Zeroizing;

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::place::{Opened, Place, word};
use crate::terminal::{Terminal, to_the_second};

/// How much of a file with a community is read, in bytes.
const COMMUNITY_BYTES_MAX: u64 = 64 * 1024;

/// A scan now, or what is done with tasks.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Scan {
    #[command(subcommand)]
    command: Option<ScanCommand>,
    #[command(flatten)]
    how: How,
    /// Whose reading it is: the source, made at its first scan. Default: scan and the targets
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Our site, where its machines land; made if there is none of that name. Default: the source's, or Primary
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Asks by SNMP with the community in this file
    #[arg(long, value_name = "FILE")]
    community_file: Option<PathBuf>,
    /// Shows the command line that would run; nothing is sent
    #[arg(long)]
    dry_run: bool,
    /// Accepts that machines are gone, where more than a tenth vanished at once, or another part was scanned
    #[arg(long)]
    accept_removals: bool,
    /// Prints the outcome as one JSON object
    #[arg(long)]
    json: bool,
}

/// What is looked at, and how.
#[derive(Args)]
pub struct How {
    /// Addresses and networks: 10.20.0.5, 10.30.0.0/24; 65,536 addresses at most
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Addresses and networks that are left out
    #[arg(long, value_name = "TARGET,..", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Which TCP ports: 22,80,8000-8100. Default: the 100 that are open most often
    #[arg(long, value_name = "PORT,..")]
    ports: Option<String>,
    /// Packets a second, at most; up to 10,000
    #[arg(long, value_name = "N", default_value_t = scan::RATE_DEFAULT)]
    rate: u32,
    /// How long it may take, up to a day; what was found until then is kept
    #[arg(long, value_name = "TIME", default_value = "2h")]
    time_limit: String,
    /// Only which ports are open: asks them nothing, and guesses no operating system
    #[arg(long)]
    light: bool,
    /// Does not ask the resolver for names
    #[arg(long)]
    no_names: bool,
    /// Asks by SNMP with this saved credential, a community or a user of v3; may be given again
    #[arg(long, value_name = "CREDENTIAL")]
    snmp: Vec<String>,
}

/// The orders.
#[derive(Subcommand)]
pub enum ScanCommand {
    /// Scans by tasks, which muster serve runs when they are due
    Task {
        #[command(subcommand)]
        command: TaskCommand,
    },
    /// Shows which networks scans may touch, or chooses them all
    Allow {
        /// Networks; these and no others from now on
        #[arg(value_name = "NETWORK")]
        networks: Vec<String>,
    },
}

/// What is done with tasks.
#[derive(Subcommand)]
pub enum TaskCommand {
    /// Lists scan tasks, and when each runs next
    List {
        /// Prints one JSON object per task
        #[arg(long)]
        json: bool,
    },
    /// Makes a scan task; without a time it runs when somebody asks
    Add(Box<Add>),
    /// Asks for a run now
    Run {
        /// Which
        name: String,
    },
    /// Stops the run that is under way
    Stop {
        /// Which
        name: String,
    },
    /// Shows a task's latest runs and the log of the last
    Show {
        /// Which
        name: String,
    },
    /// Leaves a task alone until it is resumed
    Pause {
        /// Which
        name: String,
    },
    /// Lets a paused task run again
    Resume {
        /// Which
        name: String,
    },
    /// Removes a task; what it found stays
    Remove {
        /// Which
        name: String,
    },
}

/// A task to be made.
#[derive(Args)]
pub struct Add {
    /// What to call it; its source has this name
    name: String,
    #[command(flatten)]
    how: How,
    /// Our site, where its machines land; made if there is none of that name. Default: Primary
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Again and again: every so many hours or days, such as 6h or 1d
    #[arg(long, value_name = "TIME", conflicts_with = "once")]
    every: Option<String>,
    /// At this time of the day, UTC; of hours, at its minute
    #[arg(long, value_name = "HH:MM", default_value = "01:15")]
    at: String,
    /// Once, at this instant: 2026-11-21T02:30:00Z
    #[arg(long, value_name = "TIME")]
    once: Option<String>,
    /// An integration that is read after each scan; may be given again
    #[arg(long, value_name = "INTEGRATION")]
    sync: Vec<String>,
    /// Runs it at once, too
    #[arg(long)]
    now: bool,
}

pub async fn run(global: &Global, order: Scan, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    match order.command {
        Some(ScanCommand::Task { command }) => task(&place, command, terminal).await,
        Some(ScanCommand::Allow { networks }) => allow(&place, &networks, terminal).await,
        None => now(&place, order, !global.no_progress, terminal).await,
    }
}

impl How {
    fn scan(&self) -> Result<scan::Scan, Failure> {
        let targets =
            Targets::parse(&self.targets.join(" "), &self.exclude.join(" ")).map_err(sync::SyncError::from)?;
        let ports = self.ports.as_deref().map(Ports::parse).transpose().map_err(sync::SyncError::from)?;
        let seconds = sync::schedule::parse_interval(&self.time_limit).map_err(Failure::usage)?;
        let minutes = u32::try_from((seconds + 59) / 60).unwrap_or(u32::MAX);
        let scan = scan::Scan {
            ports: ports.unwrap_or_default(),
            rate: self.rate,
            minutes,
            closely: !self.light,
            names: !self.no_names,
            snmp: !self.snmp.is_empty(),
            ..scan::Scan::of(targets)
        };
        scan.check().map_err(sync::SyncError::from)?;
        Ok(scan)
    }
}

/// `muster scan TARGET..`
async fn now(place: &Place, order: Scan, progress: bool, terminal: &Terminal) -> Result<(), Failure> {
    let mut scan = order.how.scan()?;
    scan.snmp |= order.community_file.is_some();
    let scanner = Scanner::find(&std::env::var_os("PATH").unwrap_or_default());
    if order.dry_run {
        let scanner = scanner.map_err(sync::SyncError::from)?;
        let allowed = match place.is_there() {
            true => place.open_to_read()?.read(move |tx| scan::allowed(tx, OrgId::DEFAULT)).await?,
            false => scan::networks(&scan::ALLOWED_DEFAULT.join(" ")).map_err(sync::SyncError::from)?,
        };
        scan.targets.within(&allowed).map_err(sync::SyncError::from)?;
        return terminal.result(&format!("{}\n{}", scan.command(scanner.is_raw()), told_of(&scan, &scanner, terminal)));
    }
    let store = match place.open_to_write_or_beside()? {
        Opened::Writer(store) => store,
        Opened::Beside { by, .. } => {
            return Err(Failure::new(
                Exit::Storage,
                format!("the database is in use by {by}, which goes on until it is stopped"),
            )
            .with("Nothing was scanned. It runs scan tasks itself: muster scan task add NAME TARGET.. --now"));
        }
    };
    let allowed = store.read(move |tx| scan::allowed(tx, OrgId::DEFAULT)).await?;
    scan.targets.within(&allowed).map_err(sync::SyncError::from)?;
    let scanner = scanner.map_err(sync::SyncError::from)?;
    let mut logins = scan::Logins::default();
    if let Some(file) = &order.community_file {
        logins.add(scan::COMMUNITY, community(file)?).map_err(sync::SyncError::from)?;
    }
    for (id, kind) in credentials(&store, &order.how.snmp).await? {
        let keys = place.keys()?;
        let ring = keys.clone();
        let read = move |tx: &mut store::Tx<'_>| access::open_credential(tx, &ring, OrgId::DEFAULT, id);
        let secret = keys.secret(store.read(read).await?, "", terminal.now()).await?;
        logins.add(&kind, secret).map_err(sync::SyncError::from)?;
    }
    let scanner = match place.database_folder() {
        Some(folder) => scanner.inside(folder),
        None => scanner,
    };
    if !order.json {
        terminal.note(&format!("scanning {} with nmap", scan.targets.text()));
        terminal.note(told_of(&scan, &scanner, terminal).trim_end());
    }
    let world = jobs::World::real();
    // nmap is in a group of its own, so what ends this program ends it only if it is seen here.
    let mut stop = std::pin::pin!(super::serve::signals()?);
    let mut running = scanner.start(&world, &scan, &logins).map_err(sync::SyncError::from)?;
    drop(logins);
    let draws = progress && !order.json && terminal.can_redraw();
    let mut drawn = String::new();
    let scanned = loop {
        let waited = tokio::select! {
            waited = running.wait(&world) => waited.map_err(sync::SyncError::from)?,
            () = &mut stop => {
                return Err(Failure::new(Exit::Incomplete, "the scan was stopped").with("Nothing of it was imported."));
            }
        };
        if let Some(scanned) = waited {
            break scanned;
        }
        let far = running.far();
        let percent = far.percent.map(|percent| format!("{percent:.0} % of this step, ")).unwrap_or_default();
        let line = format!("\r\x1b[K{percent}{} machines done", terminal.number(far.hosts));
        if draws && line != drawn {
            terminal.draw(&line);
            drawn = line;
        }
    };
    if !drawn.is_empty() {
        terminal.draw("\r\x1b[K");
    }
    drop(running);
    let draft = scan::draft(&world, scanned, scan.minutes).await?;
    let source = order.source.unwrap_or_else(|| source_of(&scan));
    let sync_order = sync::import::Order { source, site: order.site, accept_removals: order.accept_removals };
    super::import::bring(&store, &sync_order, draft, order.json, progress, terminal).await
}

/// The name of a source that was not named.
fn source_of(scan: &scan::Scan) -> String {
    let mut words = scan.targets.words();
    let first = words.next().unwrap_or_default();
    match words.count() {
        0 => format!("scan {first}"),
        more => format!("scan {first} and {more} more"),
    }
}

/// What a scan does, in sentences.
fn told_of(scan: &scan::Scan, scanner: &Scanner, terminal: &Terminal) -> String {
    let count = u64::try_from(scan.targets.addresses()).unwrap_or(u64::MAX);
    let mut told = format!(
        "{} {}, at most {} packets a second, {} minutes at most.\n",
        terminal.number(count),
        if count == 1 { "address" } else { "addresses" },
        terminal.number(u64::from(scan.rate)),
        terminal.number(u64::from(scan.minutes))
    );
    if !scanner.is_raw() {
        told.push_str(
            "Not as root: it connects as every program does, sees no hardware addresses, and guesses no operating systems.\n",
        );
    }
    if scan.snmp {
        told.push_str("Communities are handed over in a file that nobody else can read, never on the command line.\n");
    }
    told
}

/// The community in a file, without the end of its line; the rest is wiped from memory.
fn community(file: &Path) -> Result<Secret, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = std::fs::File::open(file).and_then(|file| file.take(COMMUNITY_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::usage(format!("{} holds no community", file.display()))),
        text => Ok(Secret::new(text.to_owned())),
    }
}

/// The credentials of these names, each with its type.
async fn credentials(store: &store::Store, names: &[String]) -> Result<Vec<(CredentialId, String)>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let known = store.read(move |tx| access::credentials(tx, OrgId::DEFAULT, None)).await?.usable;
    let of = |name: &String| {
        let fits = |of: &&access::Credential| [scan::COMMUNITY, scan::USER].contains(&of.kind.as_str());
        let found = known.iter().filter(fits).find(|of| fold(&of.name) == fold(name.trim()));
        found.map(|of| (of.id, of.kind.clone())).ok_or_else(|| {
            Failure::usage(format!("there is no SNMP community and no SNMP user named {name:?}"))
                .with("Save one under Credentials, or name a file: --community-file FILE.")
        })
    };
    names.iter().map(of).collect()
}

async fn allow(place: &Place, networks: &[String], terminal: &Terminal) -> Result<(), Failure> {
    let org = OrgId::DEFAULT;
    if networks.is_empty() {
        let known = place.open_to_read()?.read(move |tx| scan::allowed(tx, org)).await?;
        return terminal.result(&format!("Scans may touch {}.\n", scan::allowed_text(&known)));
    }
    let chosen = scan::networks(&networks.join(" ")).map_err(sync::SyncError::from)?;
    let told = scan::allowed_text(&chosen);
    let (who, now) = (super::who(), terminal.now());
    let opened = place.open_to_write_or_beside()?;
    opened.store().write(move |tx| scan::allow(tx, org, &chosen, &who, now)).await?;
    terminal.result(&format!("Scans may touch {told} from now on, and nothing else.\n"))
}

async fn task(place: &Place, command: TaskCommand, terminal: &Terminal) -> Result<(), Failure> {
    let (org, who, now) = (OrgId::DEFAULT, super::who(), terminal.now());
    let told = match command {
        TaskCommand::List { json } => return list(place, json, terminal).await,
        TaskCommand::Show { name } => return show(place, name, terminal).await,
        TaskCommand::Add(add) => return make(place, *add, terminal).await,
        TaskCommand::Run { name } => {
            let told = format!(
                "Asked for; muster serve runs it at once. How it goes: muster scan task show {}\n",
                word(&name)
            );
            change(place, move |tx| {
                let id = scan::task_named(tx, org, &name)?.id;
                scan::ask(tx, org, id, &who, now)
            })
            .await?;
            told
        }
        TaskCommand::Stop { name } => {
            let stopped = change(place, move |tx| {
                let id = scan::task_named(tx, org, &name)?.id;
                scan::cancel(tx, org, id, &who, now)
            })
            .await?;
            if stopped { "It is being stopped.\n" } else { "It is not running.\n" }.to_owned()
        }
        TaskCommand::Pause { name } => {
            change(place, move |tx| {
                let id = scan::task_named(tx, org, &name)?.id;
                scan::switch(tx, org, id, false, &who, now)
            })
            .await?;
            "Paused.\n".to_owned()
        }
        TaskCommand::Resume { name } => {
            change(place, move |tx| {
                let id = scan::task_named(tx, org, &name)?.id;
                scan::switch(tx, org, id, true, &who, now)
            })
            .await?;
            "It runs again.\n".to_owned()
        }
        TaskCommand::Remove { name } => {
            change(place, move |tx| {
                let id = scan::task_named(tx, org, &name)?.id;
                scan::remove(tx, org, id, &who, now)
            })
            .await?;
            "Removed. What it found stays in the inventory.\n".to_owned()
        }
    };
    terminal.result(&told)
}

async fn change<T: Send + 'static>(
    place: &Place,
    work: impl FnOnce(&mut store::Tx<'_>) -> Result<T, sync::SyncError> + Send + 'static,
) -> Result<T, Failure> {
    let opened = place.open_to_write_or_beside()?;
    Ok(opened.store().write(work).await?)
}

async fn make(place: &Place, add: Add, terminal: &Terminal) -> Result<(), Failure> {
    let (org, who, now, at_once) = (OrgId::DEFAULT, super::who(), terminal.now(), add.now);
    let scan = add.how.scan()?;
    let when = when(&add)?;
    let opened = place.open_to_write_or_beside()?;
    let credentials = credentials(opened.store(), &add.how.snmp).await?.into_iter().map(|(id, _)| id).collect();
    let known = opened.store().read(move |tx| sync::overviews(tx, org, now)).await?;
    let mut syncs = Vec::new();
    for name in &add.sync {
        let found = known.iter().find(|of| fold(&of.integration.name) == fold(name.trim()));
        let known = || known.iter().map(|of| of.integration.name.clone()).collect();
        syncs.push(
            found
                .ok_or_else(|| sync::SyncError::NoSuchIntegration { name: name.clone(), known: known() })?
                .integration
                .id,
        );
    }
    let site = add.site.unwrap_or_else(|| sync::SITE_DEFAULT.to_owned());
    let wanted = Wanted { name: add.name, site, scan, credentials, syncs, when, explorer: None };
    let name = wanted.name.clone();
    let write = move |tx: &mut store::Tx<'_>| {
        let id = scan::add(tx, org, &wanted, &who, now)?;
        if at_once {
            scan::ask(tx, org, id, &who, now)?;
        }
        scan::task(tx, org, id)
    };
    let made = opened.store().write(write).await?;
    let next = match made.next(now) {
        Next::Never => format!("It runs when somebody asks: muster scan task run {}", word(&name)),
        Next::Now => "It runs as soon as muster serve looks.".to_owned(),
        Next::At(at) => format!("It runs next at {}.", terminal.result_time(to_the_second(at), false)),
    };
    terminal.result(&format!("Made the scan task {}. {next}\n", harmless(&made.wanted.name)))
}

/// When a task runs, as the flags say it.
fn when(add: &Add) -> Result<When, Failure> {
    if let Some(text) = &add.once {
        let at = Timestamp::parse(text)
            .map_err(|_| Failure::usage(format!("{text:?} is no instant; write it like 2026-11-21T02:30:00Z")))?;
        return Ok(When::Once(at.micros().div_euclid(1_000_000)));
    }
    let Some(text) = &add.every else { return Ok(When::Asked) };
    let wrong = || Failure::usage(format!("{text:?} is no rhythm; write it like 6h or 1d"));
    let unit = match text.chars().last() {
        Some('h') => Unit::Hours,
        Some('d') => Unit::Days,
        _ => return Err(wrong()),
    };
    let every = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let clock = || {
        let (hour, minute) = add.at.split_once(':')?;
        let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let at =
        clock().ok_or_else(|| Failure::usage(format!("{:?} is no time of the day; write it like 02:30", add.at)))?;
    Ok(When::Every { every, unit, at })
}

async fn list(place: &Place, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let (org, now) = (OrgId::DEFAULT, terminal.now());
    let tasks = place.open_to_read()?.read(move |tx| scan::tasks(tx, org)).await?;
    if json {
        let line = |task: &scan::ScanTask| {
            let next = match task.next(now) {
                Next::Never => None,
                Next::Now => Some(now.to_string()),
                Next::At(at) => Some(at.to_string()),
            };
            let wanted = &task.wanted;
            let object = serde_json::json!({
                "id": task.id.to_string(), "name": wanted.name, "targets": wanted.scan.targets.text(),
                "exclude": wanted.scan.targets.left_out(), "site": wanted.site, "enabled": task.enabled, "next_run_at": next,
                "last_run_at": task.started_at.map(|at| at.to_string()),
            });
            format!("{object}\n")
        };
        return terminal.result(&tasks.iter().map(line).collect::<String>());
    }
    if tasks.is_empty() {
        return terminal.result("There is no scan task yet; muster scan task add NAME TARGET.. makes one.\n");
    }
    let rows = tasks.into_iter().map(|task| {
        let next = match task.next(now) {
            Next::Never if !task.enabled => Cell::Text("paused".to_owned()),
            Next::Never => Cell::Text("when asked".to_owned()),
            Next::Now => Cell::Text("now".to_owned()),
            Next::At(at) => Cell::Time(to_the_second(at)),
        };
        let last = task.started_at.map_or(Cell::Empty, |at| Cell::Time(to_the_second(at)));
        vec![
            Cell::Text(task.wanted.name.clone()),
            Cell::Text(task.wanted.scan.targets.text()),
            Cell::Text(task.wanted.site),
            last,
            next,
        ]
    });
    let columns = ["scan", "targets", "site", "last run", "next run"].map(str::to_owned).to_vec();
    terminal.table(&Table { columns, rows: rows.collect() })
}

/// Runs that are shown.
const RUNS: u32 = 10;

async fn show(place: &Place, name: String, terminal: &Terminal) -> Result<(), Failure> {
    let org = OrgId::DEFAULT;
    let store = place.open_to_read()?;
    let read = store.read(move |tx| {
        let task = scan::task_named(tx, org, &name)?;
        let runs = scan::runs(tx, org, task.id, None, RUNS)?;
        Ok::<_, sync::SyncError>((task, runs))
    });
    let (task, runs) = read.await?;
    terminal.result(&format!("{}: {}\n", harmless(&task.wanted.name), task.wanted.scan.targets.text()))?;
    if runs.is_empty() {
        return terminal.result("It has not run yet.\n");
    }
    let rows = runs.iter().map(|run| {
        let status = run.status.map_or("running", scan::RunStatus::word).replace('_', " ");
        let far = run.report.as_ref().map_or(run.hosts, |report| report.fetched);
        vec![
            Cell::Time(to_the_second(run.started_at)),
            Cell::Text(status),
            Cell::Int(i64::try_from(far).unwrap_or(i64::MAX)),
            run.reason.clone().map_or(Cell::Empty, Cell::Text),
        ]
    });
    let columns = ["began", "outcome", "machines", "what to know"].map(str::to_owned).to_vec();
    terminal.table(&Table { columns, rows: rows.collect() })?;
    let mut out = String::from("\n");
    for line in runs[0].log.lines() {
        let _ = writeln!(out, "{}", harmless(line));
    }
    terminal.result(&out)
}
