#![doc = include_str!("../README.md")]

mod check;
mod console;
mod life;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::Cluster;

use crate::check::Verdict;
use crate::life::Home;
pub use crate::life::built_binary;

/// Findings of a run that are kept in words; one would do.
const SHOWN_MAX: usize = 5;

/// Which database the program writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server that is killed too.
    Postgres,
}

impl Database {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgres",
        }
    }
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program under test.
    pub binary: PathBuf,
    /// Whether it knows `MUSTER_CRASH_AT`.
    pub has_points: bool,
    /// How many runs.
    pub runs: u64,
    /// The first run's seed; the others follow it.
    pub seed: u64,
    /// Runs at the same time.
    pub at_once: usize,
}

/// What many runs came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that were lived to their end.
    pub runs: u64,
    /// Kills, by where.
    pub kills: BTreeMap<String, u64>,
    /// Records, or versions, that are missing.
    pub lost: u64,
    /// Records, or versions, that the console never issued.
    pub invented: u64,
    /// Versions that the log has twice.
    pub twice: u64,
    /// Deliveries to a sink beyond the first.
    pub duplicates: u64,
    /// Artifacts compared.
    pub artifacts: u64,
    /// Records compared.
    pub records: u64,
    /// What was wrong, by seed, in words.
    pub wrong: Vec<String>,
}

impl Tally {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.lost + self.invented + self.twice == 0 && self.wrong.is_empty()
    }

    /// All kills.
    #[must_use]
    pub fn killed(&self) -> u64 {
        self.kills.values().sum()
    }

    fn broken(what: String) -> Tally {
        Tally { wrong: vec![what], ..Tally::default() }
    }

    fn of(seed: u64, kills: BTreeMap<String, u64>, verdict: Verdict, broken: Vec<String>) -> Tally {
        let count = |what: &[String]| what.len() as u64;
        let mut tally = Tally {
            runs: 1,
            kills,
            lost: count(&verdict.lost),
            invented: count(&verdict.invented),
            twice: count(&verdict.twice),
            duplicates: verdict.duplicates,
            artifacts: verdict.artifacts,
            records: verdict.records,
            wrong: Vec::new(),
        };
        let words = broken.into_iter().chain(verdict.lost).chain(verdict.invented).chain(verdict.twice);
        tally.wrong = words.take(SHOWN_MAX).map(|what| format!("seed {seed}: {what}")).collect();
        tally
    }

    /// Adds another one's figures.
    pub fn add(&mut self, other: Tally) {
        self.runs += other.runs;
        for (place, kills) in other.kills {
            *self.kills.entry(place).or_default() += kills;
        }
        self.lost += other.lost;
        self.invented += other.invented;
        self.twice += other.twice;
        self.duplicates += other.duplicates;
        self.artifacts += other.artifacts;
        self.records += other.records;
        self.wrong.extend(other.wrong);
    }
}

/// Lives all runs on one kind of database, and tells each one's seed and figures as it ends.
///
/// # Panics
/// The program cannot be started, or PostgreSQL is not installed.
#[must_use]
pub fn run(options: &Options, database: Database, tell: &(dyn Fn(u64, &Tally) + Sync)) -> Tally {
    let (next, all) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.at_once.max(1) {
            scope.spawn(|| {
                // One server for all runs of a thread: to make one costs seconds.
                let cluster = (database == Database::Postgres).then(Cluster::start);
                let home = cluster.as_ref().map_or(Home::Sqlite, Home::Postgres);
                loop {
                    let run = next.fetch_add(1, Ordering::Relaxed);
                    if run >= options.runs {
                        return;
                    }
                    let seed = options.seed + run;
                    let tally = life::live(seed, options, &home);
                    tell(seed, &tally);
                    all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(tally);
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
