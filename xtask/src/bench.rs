//! `cargo xtask bench`: what a sync and a question cost, against what they are worth being compared with.
//!
//! Costs are CPU seconds (user and system, all threads) of whole processes, because wall time says little on a shared
//! machine; the console is always another process. Linux only: they are read from `/proc`.

mod decode;
mod measure;
mod queries;
mod scale;
mod web;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use decode::{Kind, Limit};
use measure::{Cost, cpu_of, run_measured};

use crate::running::Running;
use crate::{BenchOptions as Options, BenchPart as Part};

/// When the simulated console starts; fixed, so that two runs see the same fleet.
const START: &str = "2026-11-01T00:00:00Z";

/// Half an hour later every agent that is alive has reported again.
const LATER: &str = "2026-11-01T00:30:00Z";

/// Where the table is written.
const REPORT: &str = "docs/benchmarks.md";

/// Where the section begins that `--scale` writes, and nothing else does.
const LARGE: &str = "## Large estates, by cargo xtask bench --scale\n";

/// Where the section begins that `--web` writes, and nothing else does; the last one.
const SERVICE: &str = "## The service, by cargo xtask bench --web\n";

/// Measures, prints and writes.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("this kitchen was not built for speed; run cargo xtask bench");
    }
    let page = std::fs::read_to_string(root.join(REPORT)).unwrap_or_default();
    let (page, service) = page.split_once(SERVICE).map_or((page.as_str(), ""), |(page, service)| (page, service));
    let (others, large) = page.split_once(LARGE).unwrap_or((page, ""));
    let mut text = if options.web {
        let section = web::run(root, &built(root, "muster")?)?;
        format!("{}\n\n{SERVICE}\n{section}", page.trim_end())
    } else if let Some(agents) = options.scale {
        if let Some(url) = &options.at {
            return scale::at(url, agents);
        }
        let section = scale::run(root, agents, options.on.map(crate::BenchDatabase::dialect), large)?;
        format!("{}\n\n{LARGE}\n{section}", others.trim_end())
    } else {
        let mut report = Report::default();
        measure_all(root, options, &mut report)?;
        let mut text = report.text(options);
        if !large.is_empty() {
            let _ = write!(text, "\n{LARGE}{large}");
        }
        text
    };
    if !options.web && !service.is_empty() {
        let _ = write!(text, "\n{SERVICE}{service}");
    }
    println!("\n{text}");
    std::fs::write(root.join(REPORT), text).with_context(|| format!("writing {REPORT}"))?;
    println!("written to {REPORT}");
    Ok(())
}

fn measure_all(root: &Path, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let muster = built(root, "muster")?;
    let work = Folder::new(&root.join("target/bench"))?;
    let bench = Bench { root, options, muster: &muster, work: &work };
    let wants = |part: Part| options.only.is_empty() || options.only.contains(&part);
    if wants(Part::Ingest) || wants(Part::Questions) {
        bench.ingest(report, wants(Part::Questions))?;
    }
    if wants(Part::Software) {
        bench.software(report)?;
    }
    if wants(Part::Memory) {
        bench.memory(report)?;
    }
    if wants(Part::Week) {
        bench.week(report)?;
    }
    if options.dist {
        say("the dist binary");
        cargo(root, &["build", "--profile", "dist", "--package", "muster"])?;
        let bytes = std::fs::metadata(root.join("target/dist/muster"))?.len();
        report.note(format!("Size of the stripped dist binary: {:.1} MB", bytes as f64 / 1e6));
    }
    if options.cold_build {
        say("a cold release build");
        let target = root.join("target/bench-cold");
        let _ = std::fs::remove_dir_all(&target);
        let cost = run_measured(
            Command::new("cargo")
                .args(["build", "--release", "--package", "muster"])
                .env("CARGO_TARGET_DIR", &target)
                .current_dir(root),
        )?;
        std::fs::remove_dir_all(&target)?;
        report.note(format!("Cold release build: {:.0} s, {:.0} CPU s", cost.wall, cost.cpu));
    }
    Ok(())
}

/// Everything that the parts share.
struct Bench<'a> {
    root: &'a Path,
    options: &'a Options,
    muster: &'a Path,
    work: &'a Folder,
}

/// Agents of the console whose applications and risks are read, and which dlt reads too: some twenty applications each.
const MIXED: u32 = 20_000;

/// What the console serves at most, in records a second, and how many times that a sync must bear.
const CEILING: f64 = 1_000_000.0 / 60.0;
const CEILINGS: f64 = 5.0;

/// How many seconds later the console is asked for what changed; heartbeats come every quarter of an hour.
const MOMENTS: [(&str, &str); 4] = [
    ("nothing", START),
    ("a second", "2026-11-01T00:00:01Z"),
    ("ten seconds", "2026-11-01T00:00:10Z"),
    ("two minutes", "2026-11-01T00:02:00Z"),
];

impl Bench<'_> {
    /// Agents and activities of a large console: the first sync, nothing changed, some changed, all changed.
    fn ingest(&self, report: &mut Report, questions: bool) -> anyhow::Result<()> {
        let Bench { options, muster, work, .. } = *self;
        say("agents and activities");
        let console = Console::start(muster, options.agents, options.activities, START, None)?;
        let agents_limit = report.limit("agents", &console, Kind::Agents)?;
        let activities_limit = report.limit("activities", &console, Kind::Activities)?;
        let large = work.database(muster, "large", &console)?;
        let first = large.sync(&["--stream", "sites,groups,agents"])?;
        report.sync(&format!("{} agents, first", grouped(options.agents.into())), &first);
        report.share("agents, first", &first, agents_limit, 4.0);
        let activities = large.sync(&["--stream", "activities"])?;
        report.sync(&format!("{} activities, first", grouped(options.activities as u64)), &activities);
        report.share("activities, first", &activities, activities_limit, 8.0);
        let again = large.sync(&["--full", "--stream", "agents"])?;
        report.sync("agents, everything again (--full), nothing changed", &again);
        report.share("agents, nothing changed", &again, agents_limit, 2.0);
        let address = console.url.trim_start_matches("http://").to_owned();
        drop(console);

        say("some time later");
        let mut points = Vec::new();
        for (label, at) in MOMENTS {
            let console = Console::start(muster, options.agents, options.activities, START, Some((&address, at)))?;
            let synced = large.sync(&["--stream", "agents"])?;
            drop(console);
            report.sync(&format!("agents, changes only, {label} later ({} changed)", grouped(synced.changed)), &synced);
            points.push((synced.changed as f64, synced.cost.cpu));
        }
        report.fit(&points, options.agents.into());
        let console = Console::start(muster, options.agents, options.activities, START, Some((&address, LATER)))?;
        let moved = large.sync(&["--full", "--stream", "agents"])?;
        report.sync("agents, everything again, every lastActiveDate moved", &moved);

        say("into PostgreSQL");
        let server = testkit::Database::postgres();
        let postgres = work.place(muster, "postgres", Some(server.text()));
        postgres.connect(&console)?;
        let cost = postgres.sync(&["--stream", "sites,groups,agents"])?;
        report.sync(&format!("{} agents, first, PostgreSQL (client only)", grouped(options.agents.into())), &cost);
        if questions {
            let cost = postgres.sync(&["--stream", "activities"])?;
            report.sync(
                &format!("{} activities, first, PostgreSQL (client only)", grouped(options.activities as u64)),
                &cost,
            );
            drop(console);
            say("full text");
            report.note(queries::full_text(&large.url())?);
            say("questions");
            let table = queries::measure(&large.url(), server.text(), queries::QUESTIONS)?;
            report.questions(&format!("{} agents", grouped(options.agents.into())), &table);
        }
        Ok(())
    }

    /// Applications and risks, and the same pages read by dlt.
    fn software(&self, report: &mut Report) -> anyhow::Result<()> {
        let Bench { options, muster, work, .. } = *self;
        say("applications and risks");
        let console = Console::start(muster, MIXED, 1000, START, None)?;
        let applications_limit = report.limit("applications", &console, Kind::Applications)?;
        let risks_limit = report.limit("risks", &console, Kind::Risks)?;
        let place = work.database(muster, "mixed", &console)?;
        let agents = place.sync(&["--stream", "sites,groups,agents"])?;
        report.sync(&format!("{} agents, first", grouped(MIXED.into())), &agents);
        let applications = place.sync(&["--stream", "applications"])?;
        report.sync(&format!("{} applications, first", grouped(applications.fetched)), &applications);
        report.share("applications, first", &applications, applications_limit, 8.0);
        report.ceiling("applications", &applications);
        let again = place.sync(&["--full", "--stream", "applications"])?;
        report.sync("applications, everything again (--full), nothing changed", &again);
        report.share("applications, nothing changed", &again, applications_limit, 2.0);
        let risks = place.sync(&["--stream", "risks"])?;
        report.sync(&format!("{} risks, first", grouped(risks.fetched)), &risks);
        report.share("risks, first", &risks, risks_limit, 8.0);
        report.ceiling("risks", &risks);

        say("into PostgreSQL");
        let server = testkit::Database::postgres();
        let postgres = work.place(muster, "mixed-postgres", Some(server.text()));
        postgres.connect(&console)?;
        let on_postgres = postgres.sync(&["--stream", "sites,groups,agents,applications"])?;
        report.sync("the same agents and applications, PostgreSQL (client only)", &on_postgres);
        postgres.sync(&["--stream", "risks"])?;
        let table = queries::measure(&place.url(), server.text(), queries::SOFTWARE_QUESTIONS)?;
        let what = [
            grouped(agents.fetched),
            format!("agents, {} applications, {} risks", grouped(applications.fetched), grouped(risks.fetched)),
        ];
        report.questions(&what.join(" "), &table);
        if options.with_dlt {
            let both = ["agents", "installed-applications"];
            let records = agents.fetched + applications.fetched;
            let sqlite = self.dlt(&console, "sqlite", &both)?;
            report.line("dlt", "the same agents and applications, SQLite", &sqlite, records);
            let own = agents.cost.cpu + applications.cost.cpu;
            report.times("dlt / muster, CPU, agents and applications, SQLite", sqlite.cpu / own, 20.0);
            let target = testkit::Database::postgres();
            let postgres = self.dlt(&console, target.text(), &both)?;
            report.line("dlt", "the same agents and applications, PostgreSQL (client only)", &postgres, records);
            let ratio = postgres.cpu / on_postgres.cost.cpu;
            report.times("dlt / muster, CPU, agents and applications, PostgreSQL", ratio, 10.0);
        }
        Ok(())
    }

    /// Whether memory grows with the fleet.
    fn memory(&self, report: &mut Report) -> anyhow::Result<()> {
        say("memory");
        let million = self.options.million.then_some(1_000_000);
        let mut most = 0;
        for agents in [10_000, 100_000].into_iter().chain(million) {
            let console = Console::start(self.muster, agents, 1000, START, None)?;
            let place = self.work.database(self.muster, &format!("memory-{agents}"), &console)?;
            let synced = place.sync(&["--stream", "agents"])?;
            report.sync(&format!("{} agents alone, first", grouped(agents.into())), &synced);
            most = most.max(synced.cost.peak_bytes);
            drop(console);
            std::fs::remove_dir_all(&place.data)?;
        }
        report.goal(
            &format!("Peak memory from 10,000 to {} agents", if million.is_some() { "1,000,000" } else { "100,000" }),
            &format!("{} MB", most / 1_000_000),
            most < 400_000_000,
            "below 400 MB",
        );
        Ok(())
    }

    /// A week of polling in virtual time.
    fn week(&self, report: &mut Report) -> anyhow::Result<()> {
        say("a simulated week");
        let mut week = Command::new(built(self.root, "muster-simulation")?);
        let cost = run_measured(week.args(["--week", "2000"]).stdout(Stdio::null()))?;
        let told = format!("{:.1} s of wall time, {:.1} CPU s", cost.wall, cost.cpu);
        report.goal("A simulated week of polling, 2,000 endpoints, in memory", &told, cost.wall < 10.0, "under 10 s");
        Ok(())
    }

    /// dlt with the same pages.
    fn dlt(&self, console: &Console, target: &str, paths: &[&str]) -> anyhow::Result<Cost> {
        let venv = self.root.join("target/bench-dlt");
        let python = venv.join("bin/python");
        if !venv.join("ready-2").exists() {
            say("installing dlt into a virtual environment");
            run_measured(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let packages = ["dlt[sqlalchemy,postgres]", "requests"];
            run_measured(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
            std::fs::write(venv.join("ready-2"), "")?;
        }
        say("dlt with the same pages");
        let script = self.root.join("xtask/bench/dlt_baseline.py");
        run_measured(Command::new(&python).arg(&script).args([&console.url, &console.token, target]).args(paths))
    }
}

fn say(what: &str) {
    println!("== {what}");
}

/// The program of a package as it is measured: as it is shipped, nearly; `cargo run --release` favours the build.
fn built(root: &Path, package: &str) -> anyhow::Result<PathBuf> {
    cargo(root, &["build", "--profile", "measured", "--package", package])?;
    Ok(root.join("target/measured").join(package))
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    if !Command::new("cargo").args(arguments).current_dir(root).status().context("starting cargo")?.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}

/// A simulated console in a process of its own, stopped when dropped.
struct Console {
    /// Held for its end.
    _process: Running,
    url: String,
    token: String,
}

impl Console {
    fn start(
        muster: &Path,
        agents: u32,
        activities: u32,
        start: &str,
        moved: Option<(&str, &str)>,
    ) -> anyhow::Result<Console> {
        let (listen, now) = moved.unwrap_or(("127.0.0.1:0", start));
        let mut command = Command::new(muster);
        command.args(["simulate", "--quiet", "--listen", listen, "--start", start, "--freeze", now]);
        command.args(["--endpoints", &agents.to_string(), "--activities", &activities.to_string()]);
        let mut process = Running(command.stdout(Stdio::piped()).spawn().context("starting the simulated console")?);
        let mut lines = BufReader::new(process.0.stdout.take().context("its output is piped")?).lines();
        let mut word = |marker: &str| -> anyhow::Result<String> {
            for line in lines.by_ref() {
                let line = line?;
                if let Some((_, rest)) = line.split_once(marker) {
                    return Ok(rest.split_whitespace().next().unwrap_or_default().to_owned());
                }
            }
            bail!("the simulated console did not say its {marker}")
        };
        let url = format!("http://{}", word("http://")?);
        let token = word("tenant scope")?;
        Ok(Console { _process: process, url, token })
    }
}

/// Where measured databases lie; emptied at the start.
struct Folder(PathBuf);

impl Folder {
    fn new(path: &Path) -> anyhow::Result<Folder> {
        let _ = std::fs::remove_dir_all(path);
        std::fs::create_dir_all(path)?;
        Ok(Folder(path.to_owned()))
    }

    fn place(&self, muster: &Path, name: &str, database: Option<&str>) -> Installation {
        Installation { muster: muster.to_owned(), data: self.0.join(name), database: database.map(str::to_owned) }
    }

    fn database(&self, muster: &Path, name: &str, console: &Console) -> anyhow::Result<Installation> {
        let place = self.place(muster, name, None);
        place.connect(console)?;
        Ok(place)
    }
}

/// What a sync cost, and how many records it received.
struct Synced {
    cost: Cost,
    fetched: u64,
    /// Records that were written.
    changed: u64,
}

/// One installation of the measured program.
struct Installation {
    muster: PathBuf,
    data: PathBuf,
    database: Option<String>,
}

impl Installation {
    fn url(&self) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite:{}", self.data.join("muster.db").display()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.muster);
        command.arg("--data-dir").arg(&self.data).args(["--database", &self.url()]).env_remove("MUSTER_KEY");
        command
    }

    fn connect(&self, console: &Console) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.data)?;
        let token = self.data.join("token");
        std::fs::write(&token, &console.token)?;
        let mut connect = self.command();
        connect.args(["connect", &console.url, "--name", "bench", "--token-file"]).arg(&token);
        run_measured(connect.stdout(Stdio::null()).stderr(Stdio::null())).map(drop)
    }

    fn sync(&self, arguments: &[&str]) -> anyhow::Result<Synced> {
        let told = self.data.join("told");
        let mut sync = self.command();
        sync.args(["sync", "--no-progress", "--json"]).args(arguments).stdout(std::fs::File::create(&told)?);
        let cost = run_measured(&mut sync)?;
        let (mut fetched, mut changed) = (0, 0);
        for line in std::fs::read_to_string(&told)?.lines() {
            let report: serde_json::Value = serde_json::from_str(line)?;
            fetched += report["fetched"].as_u64().with_context(|| format!("no count in {line}"))?;
            changed += ["created", "changed", "touched"].iter().filter_map(|of| report[of].as_u64()).sum::<u64>();
        }
        Ok(Synced { cost, fetched, changed })
    }
}

#[derive(Default)]
struct Report {
    lines: Vec<String>,
    goals: Vec<String>,
    notes: Vec<String>,
    queries: String,
}

impl Report {
    fn sync(&mut self, what: &str, synced: &Synced) {
        self.line("muster", what, &synced.cost, synced.fetched);
    }

    fn line(&mut self, program: &str, what: &str, cost: &Cost, records: u64) {
        let rate = (records as f64 / cost.cpu) as u64;
        println!(
            "{what}: {:.2} CPU s, {} records / CPU s, {} MB",
            cost.cpu,
            grouped(rate),
            cost.peak_bytes / 1_000_000
        );
        self.lines.push(format!(
            "| {program} | {what} | {:.2} | {:.2} | {} | {} MB |",
            cost.cpu,
            cost.wall,
            grouped(rate),
            cost.peak_bytes / 1_000_000
        ));
    }

    /// Measures what decoding these records costs, and tells it.
    fn limit(&mut self, what: &str, console: &Console, kind: Kind) -> anyhow::Result<Limit> {
        let limit = decode::limit(&console.url, &console.token, kind)?;
        self.note(format!(
            "JSON decode limit, {what}: {} records / CPU s (serde_json, typed); by the product's own reader {}",
            grouped(limit.serde as u64),
            grouped(limit.own as u64)
        ));
        Ok(limit)
    }

    /// A goal that is a share of the decode limit.
    fn share(&mut self, what: &str, synced: &Synced, limit: Limit, part: f64) {
        let rate = synced.fetched as f64 / synced.cost.cpu;
        self.goal(
            &format!("{what}, against the decode limit"),
            &format!("1/{:.1} (1/{:.1} of the product's own reader)", limit.serde / rate, limit.own / rate),
            rate * part >= limit.serde,
            &format!("1/{part}"),
        );
    }

    /// A goal that is a multiple of what the console can serve.
    fn ceiling(&mut self, what: &str, synced: &Synced) {
        let times = synced.fetched as f64 / synced.cost.cpu / CEILING;
        self.times(&format!("{what}, against the console's ceiling of 1M records a minute"), times, CEILINGS);
    }

    fn times(&mut self, what: &str, times: f64, least: f64) {
        self.goal(what, &format!("{times:.1}x"), times >= least, &format!("{least}x"));
    }

    /// A line through the points, by least squares: what a sync costs, and what each change adds.
    fn fit(&mut self, points: &[(f64, f64)], fleet: u64) {
        let n = points.len() as f64;
        let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
        let (mut xy, mut xx) = (0.0, 0.0);
        for point in points {
            xy += (point.0 - x) * (point.1 - y);
            xx += (point.0 - x) * (point.0 - x);
        }
        let slope = if xx > 0.0 { xy / xx } else { 0.0 };
        let (base, each) = ((y - slope * x) * 1e3, slope * 1e6);
        let whole = base / 1e3 + slope * fleet as f64;
        self.goal(
            &format!("A sync with k changes among {} agents", grouped(fleet)),
            &format!("{base:.0} ms + k x {each:.0} us of CPU (least squares, {} points)", points.len()),
            base / 1e3 * 10.0 <= whole,
            "no more than a tenth of it independent of k at k = everything",
        );
    }

    fn questions(&mut self, over: &str, table: &str) {
        let _ = write!(self.queries, "Over {over}:\n\n{table}\n");
    }

    /// A goal and how far it was met.
    fn goal(&mut self, what: &str, figure: &str, met: bool, goal: &str) {
        let verdict = if met { "met" } else { "**not met**" };
        println!("{what}: {figure}; goal {goal}: {verdict}");
        self.goals.push(format!("| {what} | {goal} | {figure} | {verdict} |"));
    }

    fn note(&mut self, note: String) {
        println!("{note}");
        self.notes.push(note);
    }

    fn text(&self, options: &Options) -> String {
        let mut out = String::from("# Benchmarks\n\nWritten by `cargo xtask bench");
        if options.with_dlt {
            out.push_str(" --with-dlt");
        }
        let _ = write!(
            out,
            "`; do not edit. Take the ratios, not the absolutes: all figures are of one run on one\nmachine ({}). CPU \
             seconds are user and system time of the whole process; the simulated console runs in\nanother one. Peak memory \
             is the process's `VmHWM`. The program is built with the\nprofile `measured`: what is shipped, but for linking it \
             as one piece.\n\n## Sync\n\n| Program | What | CPU s | Wall s | Records / CPU s | Peak memory \
             |\n|---|---|--:|--:|--:|--:|\n{}\n\n",
            machine(),
            self.lines.join("\n")
        );
        for note in &self.notes {
            let _ = writeln!(out, "- {note}");
        }
        if !self.goals.is_empty() {
            let goals = self.goals.join("\n");
            let _ = write!(out, "\n## Goals\n\n| What | Goal | Measured | |\n|---|---|---|---|\n{goals}\n");
        }
        if !self.queries.is_empty() {
            let _ = write!(
                out,
                "\n## Questions\n\np50 and p95 in ms; a first page has 50 rows in the inventory's order, a count is exact.\n\n{}",
                self.queries
            );
        }
        out
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    format!("{cores} cores, {model}")
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// CPU seconds that this process has used.
fn own_cpu() -> f64 {
    cpu_of("self", false)
}
