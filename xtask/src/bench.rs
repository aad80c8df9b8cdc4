//! `cargo xtask bench`: what a sync and a question cost, against what they are worth being compared with.
//!
//! Costs are CPU seconds (user and system, all threads) of whole processes, because wall time says little on a shared
//! machine; the console is always another process. Linux only: they are read from `/proc`.

mod measure;
mod queries;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use measure::{Cost, cpu_of, run_measured};

use crate::BenchOptions as Options;

/// When the simulated console starts; fixed, so that two runs see the same fleet.
const START: &str = "2026-11-01T00:00:00Z";

/// Half an hour later every agent that is alive has reported again.
const LATER: &str = "2026-11-01T00:30:00Z";

/// The smaller console, to see whether memory grows with the fleet.
const SMALL: u32 = 10_000;

/// Where the table is written.
const REPORT: &str = "docs/benchmarks.md";

/// Measures, prints and writes.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("this kitchen was not built for speed; run cargo xtask bench");
    }
    cargo(root, &["build", "--release", "--package", "muster"])?;
    let mut report = Report::default();
    measure_all(root, options, &mut report)?;
    let text = report.text(options);
    println!("\n{text}");
    std::fs::write(root.join(REPORT), text).with_context(|| format!("writing {REPORT}"))?;
    println!("written to {REPORT}");
    Ok(())
}

fn measure_all(root: &Path, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let muster = root.join("target/release/muster");
    let work = Folder::new(&root.join("target/bench"))?;
    say("the small console, for its memory");
    let console = Console::start(&muster, SMALL, SMALL * 5, START, None)?;
    let small = work.database(&muster, "small", &console)?;
    let cost = small.sync(&[])?;
    report.sync(&format!("{SMALL} agents + {} activities, first", SMALL * 5), &cost);
    drop(console);

    say("the large console");
    let console = Console::start(&muster, options.agents, options.activities, START, None)?;
    let limit = queries::decode_limit(&console.url, &console.token)?;
    report.note(format!("JSON decode limit (typed, agents of this run): {} records / CPU s", grouped(limit)));
    let large = work.database(&muster, "large", &console)?;
    let first = large.sync(&[])?;
    report.sync(&format!("{} agents + {} activities, first", options.agents, options.activities), &first);
    let changes = large.sync(&[])?;
    report.sync("second, clock frozen", &changes);
    let again = large.sync(&["--full"])?;
    report.sync("everything again (--full), clock frozen", &again);
    report.note(format!(
        "With nothing changed, a second sync costs {} of the first; reading everything again {}",
        ratio(changes.cost.cpu, first.cost.cpu),
        ratio(again.cost.cpu, first.cost.cpu)
    ));
    let agents = work.database(&muster, "agents", &console)?;
    let alone = agents.sync(&["--stream", "agents"])?;
    report.sync(&format!("{} agents alone, first", options.agents), &alone);
    let baseline = options.with_dlt.then(|| dlt(root, &console)).transpose()?;
    let address = console.url.trim_start_matches("http://").to_owned();
    drop(console);
    if let Some((all, only_agents)) = baseline {
        report.line("dlt", "the same pages, merged into SQLite", &all, first.fetched);
        report.line("dlt", "agents alone", &only_agents, alone.fetched);
        report.note(format!(
            "dlt / muster, CPU: {:.1}x for both, {:.1}x for agents alone",
            all.cpu / first.cost.cpu,
            only_agents.cpu / alone.cost.cpu
        ));
    }

    say("half an hour later: every lastActiveDate has moved");
    let console = Console::start(&muster, options.agents, options.activities, START, Some((&address, LATER)))?;
    let moved = large.sync(&["--full"])?;
    report.sync("everything again, every lastActiveDate moved", &moved);
    report.note(format!(
        "With every lastActiveDate moved, reading everything again costs {} of the first",
        ratio(moved.cost.cpu, first.cost.cpu)
    ));
    say("into PostgreSQL");
    let server = testkit::Database::postgres();
    let postgres = work.place(&muster, "postgres", Some(server.text()));
    postgres.connect(&console)?;
    let cost = postgres.sync(&[])?;
    report.sync(
        &format!("{} agents + {} activities, first, PostgreSQL (client only)", options.agents, options.activities),
        &cost,
    );
    drop(console);

    say("questions");
    report.queries = queries::measure(&large.url(), server.text())?;
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

fn say(what: &str) {
    println!("== {what}");
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    if !Command::new("cargo").args(arguments).current_dir(root).status().context("starting cargo")?.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}

/// A simulated console in a process of its own, stopped when dropped.
struct Console {
    child: Child,
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
        let mut child = command.stdout(Stdio::piped()).spawn().context("starting the simulated console")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
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
        Ok(Console { child, url, token })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
        let mut fetched = 0;
        for line in std::fs::read_to_string(&told)?.lines() {
            let report: serde_json::Value = serde_json::from_str(line)?;
            fetched += report["fetched"].as_u64().with_context(|| format!("no count in {line}"))?;
        }
        Ok(Synced { cost, fetched })
    }
}

/// dlt with the same pages: both collections, and agents alone.
fn dlt(root: &Path, console: &Console) -> anyhow::Result<(Cost, Cost)> {
    let venv = root.join("target/bench-dlt");
    let python = venv.join("bin/python");
    if !venv.join("ready").exists() {
        say("installing dlt into a virtual environment");
        run_measured(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run_measured(Command::new(&python).args(["-m", "pip", "install", "--quiet", "dlt[sqlalchemy]", "requests"]))?;
        std::fs::write(venv.join("ready"), "")?;
    }
    say("dlt with the same pages");
    let script = root.join("xtask/bench/dlt_baseline.py");
    let load = |paths: &[&str]| {
        run_measured(Command::new(&python).arg(&script).args([&console.url, &console.token]).args(paths))
    };
    Ok((load(&["agents", "activities"])?, load(&["agents"])?))
}

#[derive(Default)]
struct Report {
    lines: Vec<String>,
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
             is the process's `VmHWM`.\n\n## Sync\n\n| Program | What | CPU s | Wall s | Records / CPU s | Peak memory \
             |\n|---|---|--:|--:|--:|--:|\n{}\n\n",
            machine(),
            self.lines.join("\n")
        );
        for note in &self.notes {
            let _ = writeln!(out, "- {note}");
        }
        let _ = write!(out, "\n## Questions\n\n{}", self.queries);
        out
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    format!("{cores} cores, {model}")
}

fn ratio(one: f64, other: f64) -> String {
    format!("1/{:.1}", other / one)
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
