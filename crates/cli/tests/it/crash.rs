//! The program itself, killed with `kill -9` again and again: the part of the crash harness that every run of the tests
//! does. `cargo xtask crash --runs 1000` does more.

use crash::{Database, Options};

/// Runs on each database: enough to die at nearly every place in the list, few enough for a minute.
const RUNS: u64 = 25;
const RUNS_WITH_A_SERVER: u64 = 12;

/// The first run's seed.
const SEED: u64 = 1;

#[test]
fn fault_01_02_03_04_05_06_07_08_killed_anywhere_on_sqlite_it_loses_and_invents_nothing() {
    all_hold(Database::Sqlite, RUNS);
}

#[test]
fn fault_01_02_03_04_05_06_07_08_09_killed_anywhere_on_postgres_it_loses_and_invents_nothing() {
    all_hold(Database::Postgres, RUNS_WITH_A_SERVER);
}

fn all_hold(database: Database, runs: u64) {
    let options =
        Options { binary: env!("CARGO_BIN_EXE_muster").into(), has_points: true, runs, seed: SEED, at_once: 1 };
    let tally = crash::run(&options, database, &|_, _| {});
    assert!(tally.holds(), "{tally:#?}");
    assert!(tally.killed() >= runs && tally.kills.len() > 5, "it was hardly ever killed: {tally:#?}");
}
