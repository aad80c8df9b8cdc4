#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod advisories;
#[cfg(feature = "product")]
mod bench;
#[cfg(feature = "product")]
mod check_sim;
mod crash;
#[cfg(feature = "product")]
mod docs;
#[cfg(feature = "product")]
mod explorer;
mod install;
mod look;
mod postgres;
mod precision;
mod promises;
mod running;
mod schemathesis;
mod simulate;
mod suite;
mod tidy;
mod upgrades;
#[cfg(feature = "product")]
mod workers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// The kitchen of Muster.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs everything that must hold: formatting, lints, the rules of the house, all tests on both databases.
    Test {
        /// Runs only tests whose name contains this, and skips formatting, lints and doc tests.
        filter: Option<String>,
    },
    /// Checks the rules of the house: who depends on whom, who writes which table, where I/O may be.
    Tidy,
    /// Measures syncs and questions, prints a table and writes docs/benchmarks.md.
    Bench(BenchOptions),
    /// Kills the program again and again, and compares what it stored with what the console said; figures go to
    /// target/promises.
    Crash {
        /// What is handed on: --runs, --seed, --database, --binary, --without-points, --jobs
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Lives whole lives of the engine, each decided by a seed, and checks what must hold; figures go to target/promises.
    Simulate {
        /// What is handed on: --seeds, --base, --seed, --minutes, --jobs, --week
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Holds inventories against simulated networks: which records are one machine, case by case, as a table.
    Precision {
        /// How many networks
        #[arg(long, default_value_t = 50)]
        seeds: u64,
        /// Endpoints of each
        #[arg(long, default_value_t = 60)]
        endpoints: usize,
    },
    /// Writes docs/promises.md: what is promised, what goes wrong on purpose, which tests hold it, the last figures.
    Promises {
        /// Only says whether the page is current
        #[arg(long)]
        check: bool,
    },
    /// Writes the pages of docs/ that the program declares: fields, language, configuration, troubleshooting.
    Docs {
        /// Only says whether they are current
        #[arg(long)]
        check: bool,
    },
    /// Walks through the pages of the built program in a real Chromium, as people do.
    Browser {
        /// Runs only walks whose name contains this.
        filter: Option<String>,
    },
    /// Draws the gallery of parts and sample pages with Chromium, light, dark and 390 px wide, into target/look.
    Look {
        /// Draws every page of the service instead, over a demonstration's data, into docs/screens
        #[arg(long)]
        service: bool,
        /// Only pages whose name contains this
        filter: Option<String>,
    },
    /// Runs a server and an Explorer in two network namespaces, and cuts the link between them in the middle of a sync.
    Explorer(ExplorerOptions),
    /// Keeps what this version stores, and answers, in testkit/upgrades, for every later version to be held to; once before
    /// a release.
    Upgrades {
        /// The program that stores and answers. Default: this version, which is built first
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
    },
    /// Lets schemathesis, which pip fetches, at the interface of the built program, with a token of every role: no answer
    /// may be a server's error, or other than its description says.
    Schemathesis {
        /// For how long, in seconds, all roles together
        #[arg(long, default_value_t = 120)]
        seconds: u32,
    },
    /// Holds Cargo.lock against the advisories of RustSec, with cargo-audit; before each release. It fetches the list.
    Advisories {
        /// A copy of the list, of github.com/RustSec/advisory-db; then nothing is fetched
        #[arg(long, value_name = "DIR")]
        database: Option<PathBuf>,
    },
    /// Runs several workers on one PostgreSQL database and many simulated consoles, and kills one of them.
    Workers(WorkersOptions),
    /// Compares the simulated console's answers with a vendor's specification.
    CheckSim {
        /// The folder that holds the specification.
        #[arg(long, value_name = "DIR")]
        against: PathBuf,
    },
}

/// A part of what is measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BenchPart {
    /// Agents and activities
    Ingest,
    /// Questions, over what the part before stored
    Questions,
    /// Applications and risks, and dlt beside them
    Software,
    /// Memory against the fleet's size
    Memory,
    /// A simulated week
    Week,
}

/// What to measure.
#[derive(Args)]
struct BenchOptions {
    /// Agents of the large console
    #[arg(long, default_value_t = 100_000)]
    agents: u32,
    /// Activities of the large console
    #[arg(long, default_value_t = 500_000)]
    activities: u32,
    /// Compares with dlt, installed into a virtual environment under target/
    #[arg(long)]
    with_dlt: bool,
    /// Measures only these parts. Default: all
    #[arg(long, value_name = "PART,..", value_delimiter = ',')]
    only: Vec<BenchPart>,
    /// Measures the memory of a million agents too
    #[arg(long)]
    million: bool,
    /// Measures a cold release build too, in a folder of its own under target/
    #[arg(long)]
    cold_build: bool,
    /// Measures the size of the dist binary too
    #[arg(long)]
    dist: bool,
    /// Measures an estate of so many assets instead, made without a console: 100k, 1m
    #[arg(long, value_name = "ASSETS", value_parser = assets)]
    scale: Option<u64>,
    /// Measures that estate on one database alone. Default: both
    #[arg(long, requires = "scale")]
    on: Option<BenchDatabase>,
    /// Measures the service instead: pages under many people's hands while a sync runs, their weight, export, memory
    #[arg(long, conflicts_with = "scale")]
    web: bool,
    /// Fills this database, if it is empty, leaves it there, and only prints what questions take
    #[arg(long, requires = "scale", value_name = "DATABASE")]
    at: Option<String>,
}

/// A database to measure on.
#[derive(Clone, Copy, clap::ValueEnum)]
enum BenchDatabase {
    Sqlite,
    Postgres,
}

#[cfg(feature = "product")]
impl BenchDatabase {
    const fn dialect(self) -> store::Dialect {
        match self {
            BenchDatabase::Sqlite => store::Dialect::Sqlite,
            BenchDatabase::Postgres => store::Dialect::Postgres,
        }
    }
}

/// Reads a number of assets: `250000`, `100k`, `1m`.
fn assets(text: &str) -> Result<u64, String> {
    let (digits, times) = match text.to_ascii_lowercase() {
        text if text.ends_with('k') => (text[..text.len() - 1].to_owned(), 1_000),
        text if text.ends_with('m') => (text[..text.len() - 1].to_owned(), 1_000_000),
        text => (text, 1),
    };
    let number: u64 = digits.parse().map_err(|_| "write a number such as 100k or 1m".to_owned())?;
    let assets = number.saturating_mul(times);
    if (10_000..=10_000_000).contains(&assets) { Ok(assets) } else { Err("write 10k to 10m".to_owned()) }
}

/// How many of everything.
#[derive(Args)]
struct WorkersOptions {
    /// Simulated consoles
    #[arg(long, default_value_t = 20)]
    consoles: u32,
    /// Agents of each
    #[arg(long, default_value_t = 5_000)]
    agents: u32,
    /// Workers
    #[arg(long, default_value_t = 2)]
    workers: u32,
    /// The program to run; without it, it is built for speed first
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// After how many seconds the first one is killed
    #[arg(long, default_value_t = 8)]
    kill_after: u64,
}

/// How large, and how long.
#[derive(Args)]
struct ExplorerOptions {
    /// Endpoints of the simulated console
    #[arg(long, default_value_t = 2_000)]
    endpoints: u32,
    /// For how many seconds the link is cut
    #[arg(long, default_value_t = 60)]
    cut: u64,
    /// The program to run; without it, it is built first
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { filter } => suite::run(root(), filter.as_deref()),
        Task::Tidy => tidy::run(root()),
        Task::Bench(options) => bench(&options),
        Task::Crash { options } => crash::run(root(), &options),
        Task::Promises { check } => promises::run(root(), check),
        Task::Simulate { options } => simulate::run(root(), &options),
        Task::Precision { seeds, endpoints } => precision::run(root(), seeds, endpoints),
        Task::Docs { check } => docs(check),
        Task::Browser { filter } => suite::browser(root(), filter.as_deref()),
        Task::Look { service: false, filter } => look::run(root(), filter.as_deref()),
        Task::Look { service: true, filter } => look::service(root(), filter.as_deref()),
        Task::Explorer(options) => explorer(&options),
        Task::Schemathesis { seconds } => schemathesis::run(root(), seconds),
        Task::Advisories { database } => advisories::run(root(), database.as_deref()),
        Task::Upgrades { binary } => upgrades::run(root(), binary.as_deref()),
        Task::Workers(options) => workers(&options),
        Task::CheckSim { against } => check_sim(&against),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "product")]
fn bench(options: &BenchOptions) -> anyhow::Result<()> {
    bench::run(root(), options)
}

#[cfg(feature = "product")]
fn docs(check: bool) -> anyhow::Result<()> {
    docs::run(root(), check)
}

#[cfg(not(feature = "product"))]
fn docs(_: bool) -> anyhow::Result<()> {
    again_with_the_product(&[])
}

#[cfg(feature = "product")]
fn workers(options: &WorkersOptions) -> anyhow::Result<()> {
    workers::run(root(), options)
}

#[cfg(not(feature = "product"))]
fn workers(_: &WorkersOptions) -> anyhow::Result<()> {
    again_with_the_product(&[])
}

#[cfg(feature = "product")]
fn explorer(options: &ExplorerOptions) -> anyhow::Result<()> {
    explorer::run(root(), options)
}

#[cfg(not(feature = "product"))]
fn explorer(_: &ExplorerOptions) -> anyhow::Result<()> {
    again_with_the_product(&[])
}

#[cfg(feature = "product")]
fn check_sim(against: &Path) -> anyhow::Result<()> {
    check_sim::check_sim(against)
}

#[cfg(not(feature = "product"))]
fn bench(_: &BenchOptions) -> anyhow::Result<()> {
    again_with_the_product(&["--profile", "measured"])
}

#[cfg(not(feature = "product"))]
fn check_sim(_: &Path) -> anyhow::Result<()> {
    again_with_the_product(&[])
}

/// Runs the same command line with a kitchen that knows the product.
#[cfg(not(feature = "product"))]
fn again_with_the_product(profile: &[&str]) -> anyhow::Result<()> {
    let mut again = std::process::Command::new("cargo");
    again.args(["run", "--quiet", "--package", "muster-xtask", "--features", "product"]).args(profile).arg("--");
    if !again.args(std::env::args_os().skip(1)).status()?.success() {
        anyhow::bail!("it failed");
    }
    Ok(())
}

/// The project's root: where this crate's folder stands.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lives in a folder of the project")
}
