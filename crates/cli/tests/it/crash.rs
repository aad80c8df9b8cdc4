//! The program itself, killed with `kill -9` again and again: the part of the crash harness that every run of the tests
//! does. `cargo xtask crash --runs 1000` does more.

use crash::{Database, Options};

/// Runs on each database: enough to die at every place in the list, few enough for half a minute.
const RUNS: u64 = 25;

/// The first run's seed.
const SEED: u64 = 1;

#[test]
fn fault_01_02_03_04_05_06_07_08_killed_anywhere_on_sqlite_it_loses_and_invents_nothing() {
    all_hold(Database::Sqlite);
}

#[test]
fn fault_01_02_03_04_05_06_07_08_killed_anywhere_on_postgres_it_loses_and_invents_nothing() {
    all_hold(Database::Postgres);
}

fn all_hold(database: Database) {
    let options =
        Options { binary: env!("CARGO_BIN_EXE_muster").into(), has_points: true, runs: RUNS, seed: SEED, at_once: 1 };
    let tally = crash::run(&options, database, &|_, _| {});
    assert!(tally.holds(), "{tally:#?}");
    assert!(tally.killed() >= RUNS && tally.kills.len() > 5, "it was hardly ever killed: {tally:#?}");
}
