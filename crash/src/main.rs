#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use muster_crash::{Database, Options, Tally, built_binary, run};
use serde_json::{Map, Value, json};

/// Kills the program again and again, and compares what it stored with what the console said.
#[derive(Parser)]
#[command(bin_name = "cargo xtask crash")]
struct Arguments {
    /// How many runs on each database; each kills the program four to eight times
    #[arg(long, default_value_t = 25)]
    runs: u64,
    /// The first run's seed; drawn if none is given
    #[arg(long)]
    seed: Option<u64>,
    /// Which database
    #[arg(long, value_enum, default_value_t = Which::Both)]
    database: Which,
    /// The program under test
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// The program does not know MUSTER_CRASH_AT: it dies at random times and at the console's hand only
    #[arg(long)]
    without_points: bool,
    /// Runs at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Where the figures go
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
    Both,
}

/// Seeds stay small enough to be read out and typed in.
const SEED_BELOW: u64 = 1_000_000_000_000;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(binary) = arguments.binary.clone().or_else(built_binary) else {
        println!("there is no program to test: name one with --binary");
        return ExitCode::from(2);
    };
    let seed = arguments.seed.unwrap_or_else(|| u64::from_le_bytes(kernel::Random::secret_bytes()) % SEED_BELOW);
    let options =
        Options { binary, has_points: !arguments.without_points, runs: arguments.runs, seed, at_once: arguments.jobs };
    let chosen: &[Database] = match arguments.database {
        Which::Sqlite => &[Database::Sqlite],
        Which::Postgres => &[Database::Postgres],
        Which::Both => &[Database::Sqlite, Database::Postgres],
    };
    let (mut figures, mut holds) = (Map::new(), true);
    for database in chosen {
        println!("{}: {} runs from seed {seed}", database.name(), options.runs);
        let tally = run(&options, *database, &|seed, tally| {
            let word = if tally.holds() { "holds" } else { "BROKEN" };
            println!("  seed {seed}: {} kills, {} artifacts, {word}", tally.killed(), tally.artifacts);
        });
        println!("{}", told(&tally));
        holds &= tally.holds();
        figures.insert(database.name().to_owned(), as_json(&tally));
    }
    if let Some(path) = &arguments.summary
        && let Err(error) = write(path, &json!({ "what": "crash", "seed": seed, "databases": figures }))
    {
        println!("writing {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn told(tally: &Tally) -> String {
    let mut text = format!(
        "  {} runs, {} kills: {} lost, {} invented, {} twice in the log, {} delivered again; {} artifacts and {} records compared\n",
        tally.runs,
        tally.killed(),
        tally.lost,
        tally.invented,
        tally.twice,
        tally.duplicates,
        tally.artifacts,
        tally.records
    );
    for (place, kills) in &tally.kills {
        text.push_str(&format!("  {kills:>6} kills {place}\n"));
    }
    for what in &tally.wrong {
        text.push_str(&format!("  {what}\n"));
    }
    text
}

fn as_json(tally: &Tally) -> Value {
    json!({
        "runs": tally.runs,
        "kills": tally.killed(),
        "kills_by_place": tally.kills,
        "lost": tally.lost,
        "invented": tally.invented,
        "twice": tally.twice,
        "duplicates": tally.duplicates,
        "artifacts": tally.artifacts,
        "records": tally.records,
        "wrong": tally.wrong,
    })
}

fn write(path: &Path, what: &Value) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{what:#}\n"))
}
