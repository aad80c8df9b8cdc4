#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use muster_simulation::{Many, live, many, precisions, week};

/// Lives allocate and free from two threads all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lives whole lives of the engine, each decided by a seed, and checks what must hold.
#[derive(Parser)]
#[command(bin_name = "cargo xtask simulate")]
struct Arguments {
    /// Lives this one seed and tells it line by line
    #[arg(long, conflicts_with_all = ["seeds", "minutes", "week"])]
    seed: Option<u64>,
    /// How many seeds
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed; drawn if none is given
    #[arg(long)]
    base: Option<u64>,
    /// Stops after so many minutes, however many seeds are left
    #[arg(long)]
    minutes: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Where the figures go
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Polls a console of so many endpoints for a week instead
    #[arg(long, value_name = "ENDPOINTS")]
    week: Option<usize>,
    /// Holds the inventory of so many estates against what the simulator knows of their machines instead
    #[arg(long, value_name = "SEEDS", conflicts_with = "week")]
    precision: Option<u64>,
    /// Endpoints of each of these estates
    #[arg(long, default_value_t = muster_simulation::ESTATE)]
    endpoints: usize,
}

/// Seeds stay small enough to be read out and typed in.
const BASE_BELOW: u64 = 1_000_000_000_000;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic of the engine is told with its seed, not where it happens to be thrown.
    if arguments.seed.is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
    if let Some(endpoints) = arguments.week {
        return one_week(endpoints);
    }
    if let Some(seeds) = arguments.precision {
        let base = arguments.base.unwrap_or(muster_simulation::PRECISION_BASE);
        return told_apart(base, seeds, arguments.endpoints);
    }
    if let Some(seed) = arguments.seed {
        return one(seed);
    }
    let base = arguments.base.unwrap_or_else(|| u64::from_le_bytes(kernel::Random::secret_bytes()) % BASE_BELOW);
    println!("simulation: {} seeds from {base}, {} threads", arguments.seeds, arguments.jobs);
    let order = Many {
        base,
        seeds: arguments.seeds,
        at_most: arguments.minutes.map(|minutes| Duration::from_secs(minutes * 60)),
        jobs: arguments.jobs,
    };
    let summary = many(order, &|life| {
        if let Some(violation) = &life.violation {
            println!("seed {} breaks {violation}", life.seed);
        }
    });
    println!(
        "{} seeds, {} passes, {} deaths, {} requests, {} artifacts, {} virtual days in {:.1} s; {} broke something",
        summary.seeds,
        summary.passes,
        summary.crashes,
        summary.requests,
        summary.artifacts,
        summary.virtual_seconds / 86_400,
        summary.took.as_secs_f64(),
        summary.broken.len()
    );
    if summary.seeds < summary.asked && summary.broken.is_empty() {
        println!("time was up after {} of {} seeds", summary.seeds, summary.asked);
    }
    if let Some(path) = arguments.summary
        && let Err(error) = summary.write(&path)
    {
        println!("error: writing {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    match summary.broken.first() {
        None => ExitCode::SUCCESS,
        Some((seed, ..)) => {
            println!("replay it with: cargo xtask simulate --seed {seed}");
            ExitCode::FAILURE
        }
    }
}

fn one(seed: u64) -> ExitCode {
    let life = live(seed, true);
    for line in &life.trace {
        println!("{line}");
    }
    println!(
        "seed {seed}: {} passes, {} deaths, {} requests, hash {:016x}",
        life.passes, life.crashes, life.requests, life.hash
    );
    match life.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("broken: {violation}");
            ExitCode::FAILURE
        }
    }
}

fn told_apart(base: u64, seeds: u64, endpoints: usize) -> ExitCode {
    match precisions(base, seeds, endpoints) {
        Ok(all) => {
            print!("{}", all.table());
            for complaint in &all.complaints {
                println!("{complaint}");
            }
            if all.complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn one_week(endpoints: usize) -> ExitCode {
    match week(endpoints, 7, &[]) {
        Ok(week) => {
            println!("{week:#?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
