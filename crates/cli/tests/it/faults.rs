//! Storage that is damaged, taken or of another time: what the program says, how it ends, and that nothing is skipped.

use std::path::PathBuf;

use sentinelone_sim::tokens;
use testkit::{Database, FIRST_KEY, first_version};

use crate::harness::{Console, Muster, SLICES};

testkit::on_each_database! {
    fault_27_the_first_versions_log_is_delivered_by_this_one,
}

/// Bytes of a database's page.
const PAGE: usize = 8192;

/// Pages that are damaged, one after the other.
const DAMAGED: usize = 10;

fn file_of(muster: &Muster) -> PathBuf {
    muster.data_dir().join("muster.db")
}

#[test]
fn fault_11_a_damaged_database_is_refused_with_the_way_to_restore_it() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync", "--stream", "accounts,sites,groups,agents,activities"]);
    let whole = std::fs::read(file_of(&muster)).unwrap();
    let pages = whole.len() / PAGE;
    let mut refused = 0;
    for at in 1..=DAMAGED {
        let mut damaged = whole.clone();
        // What a page is, and where its cells are.
        let page = at * (pages - 1) / DAMAGED;
        damaged[page * PAGE] ^= 0x08;
        damaged[page * PAGE + 5] ^= 0x08;
        std::fs::write(file_of(&muster), &damaged).unwrap();
        let doctor = muster.run(&["doctor"]);
        if doctor.code == 0 {
            // A page whose first bytes are a number of another page, or that nothing is on.
            continue;
        }
        refused += 1;
        assert_eq!(doctor.code, 6, "page {page}: {}{}", doctor.out, doctor.err);
        let said = doctor.out.to_lowercase();
        assert!(said.contains("damaged") && said.contains("restore a backup"), "page {page}: {}", doctor.out);
        // Whoever meets the page says the same; who does not may go on.
        let query = muster.run(&["query", "", "--limit", "1000"]);
        if query.code != 0 {
            assert_eq!(query.code, 6, "page {page}: {}", query.err);
            assert!(
                query.err.contains("damaged") && query.err.contains("Restore a backup"),
                "page {page}: {}",
                query.err
            );
        }
    }
    assert!(refused > DAMAGED / 2, "only {refused} of {DAMAGED} damaged pages were found");
    std::fs::write(file_of(&muster), &whole).unwrap();
    muster.ok(&["query", ""]);
}

#[test]
fn fault_25_yesterdays_backup_goes_on_and_loses_nothing() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let sink = muster.dir.join("artifacts.ndjson");
    muster.ok(&["sink", "add", "ndjson", &sink.display().to_string()]);
    muster.ok(&["sink", "run", "--once"]);
    let backup = std::fs::read(file_of(&muster)).unwrap();
    let agent = console.world.agent_ids().remove(0);
    assert!(console.world.patch_agent(&agent, &serde_json::json!({ "computerName": "renamed-since" })));
    muster.ok(&["sync"]);
    muster.ok(&["sink", "run", "--once"]);
    let then = ids(&sink);
    // The machine is lost, and yesterday comes back.
    std::fs::write(file_of(&muster), &backup).unwrap();
    muster.ok(&["sync"]);
    muster.ok(&["sink", "run", "--once"]);
    let now = ids(&sink);
    assert!(now.len() > then.len(), "what was restored away is delivered again");
    let distinct = |ids: &[String]| ids.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(distinct(&now), distinct(&then), "and a receiver that honours ids has each once");
    assert_eq!(muster.count("assets", "name:=renamed-since"), 1);
}

/// The ids in a sink's file, in order.
fn ids(file: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(line).collect()
}

#[test]
fn fault_25_two_collectors_on_one_server_write_each_version_once() {
    let database = Database::postgres();
    let console = Console::start();
    let muster = Muster::on(&database).connect(&console);
    let both = [muster.start(&["sync"]), muster.start(&["sync"])];
    for child in both {
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        // Who finds streams in other hands says so, and is not done.
        assert!(matches!(done.status.code(), Some(0 | 3 | 6)), "{:?}: {said}", done.status);
    }
    muster.ok(&["sync"]);
    assert_eq!(muster.count("assets", ""), console.machines(tokens::ACCOUNT));
    let twice = "SELECT count(*) - count(DISTINCT artifact_id) FROM signals_artifact";
    assert_eq!(database.run_on_server(twice).trim(), "0");
}

#[test]
fn fault_27_a_newer_database_is_refused_and_left_as_it_is() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let url = format!("sqlite:{}", file_of(&muster).display()).parse().unwrap();
    let store = store::Store::open(&url, store::Access::Writer, SLICES).unwrap();
    let newer = "INSERT INTO store_migration (slice, number, sha256) VALUES ('signals', 4711, 'x')";
    store.write_blocking(|tx| tx.execute(newer, &[])).unwrap();
    drop(store);
    let before = std::fs::read(file_of(&muster)).unwrap();
    for arguments in [["query", ""].as_slice(), &["sync"], &["migrate"], &["doctor"], &["sink", "list"]] {
        let run = muster.run(arguments);
        assert_eq!(run.code, 6, "{arguments:?}: {}", run.err);
        assert!(format!("{}{}", run.out, run.err).contains("newer than this program"), "{arguments:?}: {}", run.err);
    }
    assert_eq!(std::fs::read(file_of(&muster)).unwrap(), before);
}

fn fault_27_the_first_versions_log_is_delivered_by_this_one(database: &Database) {
    first_version(database, SLICES);
    let muster = Muster::on(database);
    let run = |arguments: &[&str]| {
        let mut command = muster.command(arguments);
        let run = crate::harness::Run::from(command.env("MUSTER_KEY", FIRST_KEY).output().unwrap());
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run
    };
    run(&["migrate"]);
    let sink = muster.dir.join("artifacts.ndjson");
    run(&["sink", "add", "ndjson", &sink.display().to_string()]);
    run(&["sink", "run", "--once"]);
    // What the first version had logged and nobody had been given.
    let delivered = ids(&sink);
    assert_eq!(delivered.len(), 68);
    assert_eq!(delivered.iter().collect::<std::collections::BTreeSet<_>>().len(), 68);
    assert_eq!(run(&["query", "", "--in", "activities", "--count"]).out, "28\n");
    assert_eq!(run(&["query", "", "--in", "assets", "--count"]).out, "3\n");
}
