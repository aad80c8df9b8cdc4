//! Many lives, on all threads that are given, and what they came to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::life::{Life, live};

/// Broken seeds that are remembered; one is enough to begin with.
const BROKEN_MAX: usize = 20;

/// What to live.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// The first seed; the others follow it.
    pub base: u64,
    /// How many seeds.
    pub seeds: u64,
    /// When to stop although seeds are left.
    pub at_most: Option<Duration>,
    /// Threads.
    pub jobs: usize,
}

/// What many lives came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The first seed.
    pub base: u64,
    /// Seeds asked for.
    pub asked: u64,
    /// Seeds lived.
    pub seeds: u64,
    /// Real time.
    pub took: Duration,
    /// Passes.
    pub passes: u64,
    /// Deaths of the process.
    pub crashes: u64,
    /// Requests that the engine sent.
    pub requests: u64,
    /// Artifacts logged.
    pub artifacts: u64,
    /// Virtual seconds.
    pub virtual_seconds: u64,
    /// What went wrong, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// What went wrong, by row of the fault table.
    pub faults_by_row: BTreeMap<u8, u64>,
    /// Seeds that broke an invariant: seed, invariant, what was seen.
    pub broken: Vec<(u64, &'static str, String)>,
}

impl Summary {
    fn add(&mut self, life: Life) {
        self.seeds += 1;
        self.passes += life.passes;
        self.crashes += life.crashes;
        self.requests += life.requests;
        self.artifacts += life.artifacts;
        self.virtual_seconds += life.seconds;
        for (row, times) in life.faults_by_row() {
            *self.faults_by_row.entry(row).or_default() += times;
        }
        for (name, times) in life.faults {
            *self.faults.entry(name).or_default() += times;
        }
        if let Some(violation) = life.violation {
            self.broken.push((life.seed, violation.invariant, violation.what));
        }
    }

    /// As the promises page reads it.
    #[must_use]
    pub fn json(&self) -> Value {
        let rows: BTreeMap<String, u64> = self
            .faults_by_row
            .iter()
            .filter(|(row, _)| **row > 0)
            .map(|(row, times)| (row.to_string(), *times))
            .collect();
        let broken: Vec<Value> = self
            .broken
            .iter()
            .map(|(seed, invariant, what)| json!({"seed": seed, "invariant": invariant, "what": what}))
            .collect();
        json!({
            "what": "simulation",
            "base_seed": self.base,
            "seeds_asked": self.asked,
            "seeds": self.seeds,
            "seconds": self.took.as_secs(),
            "virtual_days": self.virtual_seconds / 86_400,
            "passes": self.passes,
            "crashes": self.crashes,
            "requests": self.requests,
            "artifacts": self.artifacts,
            "faults_by_row": rows,
            "faults": self.faults,
            "violations": broken,
        })
    }

    /// Writes it where the promises page looks.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, format!("{:#}\n", self.json()))
    }
}

/// Lives `many.seeds` lives, or as many as there is time for.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "real time bounds how long people wait, and decides nothing inside a life"
)]
pub fn many(many: Many, tell: &(dyn Fn(&Life) + Sync)) -> Summary {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let summary = Mutex::new(Summary { base: many.base, asked: many.seeds, ..Summary::default() });
    std::thread::scope(|scope| {
        for _ in 0..many.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let late = many.at_most.is_some_and(|most| began.elapsed() >= most);
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if late || at >= many.seeds {
                        return;
                    }
                    let life = live(many.base.wrapping_add(at), false);
                    tell(&life);
                    let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
                    summary.add(life);
                    if summary.broken.len() >= BROKEN_MAX {
                        return;
                    }
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.took = began.elapsed();
    summary.broken.sort();
    summary
}
