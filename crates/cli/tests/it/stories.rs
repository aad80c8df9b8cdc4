//! What people do: connect, sync, ask, look after it.

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use sentinelone_sim::{Fault, FaultPlan, tokens};
use store::{Access, Store};
use testkit::Database;

use crate::assert_run;
use crate::harness::{Console, Muster, SLICES, wait_until};

const UNPROTECTED: &str = "os:windows and not type:server and not edr.name:SentinelOne";

testkit::on_each_database! {
    totals_are_the_consoles_own,
    the_demo_shows_the_consoles_own_numbers,
    a_new_token_keeps_everything_that_was_read,
}

fn totals_are_the_consoles_own(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    muster.ok(&["sync"]);
    let truth = console.world.truth(tokens::ACCOUNT);
    for (inventory, text, theirs) in [
        ("assets", "", truth.machines + truth.devices_without_agent),
        ("findings", "", truth.unified_alerts),
        ("findings", "kind:alert", truth.unified_alerts - truth.threats),
        ("findings", "kind:threat record_count:2", truth.threats),
        ("activities", "", truth.activities),
        ("vulnerabilities", "", truth.risks),
        ("vulnerabilities", "mapped:f", truth.risks_unmapped),
        ("users", "", truth.users),
        ("console_sites", "", truth.sites),
        ("console_groups", "", truth.groups),
        ("accounts", "", truth.accounts.unwrap()),
        ("assets", UNPROTECTED, truth.unprotected_workstations.len() as u64 + truth.unprotected_devices),
        ("assets", "mitigation_mode:detect", truth.detect_mode.len() as u64),
        ("assets", "infected:true", truth.infected),
    ] {
        assert_eq!(muster.count(inventory, text), theirs, "{text} in {inventory}");
    }
    assert!(!truth.unprotected_workstations.is_empty());
    let journal = console.world.journal();
    assert_eq!((journal.forbidden.len(), journal.refused.len()), (0, 0), "{journal:?}");
}

fn the_demo_shows_the_consoles_own_numbers(database: &Database) {
    let muster = if database.is_postgres() { Muster::on(database) } else { Muster::new() };
    for at in 0..2 {
        if at == 1 && !database.is_postgres() {
            // What an older demo left, in whatever state, is no reason not to show a new one.
            std::fs::write(muster.data_dir().join("demo/muster.db"), "no database").unwrap();
        }
        let run = muster.ok(&["demo", "--once", "--endpoints", "200"]);
        assert!(!run.out.contains("DIFFERENT"), "{}", run.out);
        assert_eq!(run.out.matches("the simulator knows the same number").count(), 2, "{}", run.out);
        assert!(!run.out.contains("\n0 of "), "{}", run.out);
        assert!(run.out.contains(UNPROTECTED) && run.out.contains("Remove it all"), "{}", run.out);
    }
    // Its console is gone with the demo: that is no trouble, and doctor says what there is to do about it.
    let demo = muster.command(&["doctor"]).env("MUSTER_DATA_DIR", muster.data_dir().join("demo")).output().unwrap();
    let doctor = crate::harness::Run::from(demo);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
    assert!(doctor.out.contains("simulated console of muster demo"), "{}", doctor.out);
    assert!(doctor.out.contains("muster demo --seed 7 --endpoints 200"), "{}", doctor.out);
    assert!(doctor.out.contains("Nothing needs you"), "{}", doctor.out);
    assert!(!doctor.out.contains("unreachable"), "{}", doctor.out);
}

fn a_new_token_keeps_everything_that_was_read(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    muster.ok(&["sync"]);
    let before = muster.count("assets", "");
    console.world.revoke(tokens::ACCOUNT);
    assert_eq!(muster.run(&["sync"]).code, 4);
    assert_eq!(muster.count("assets", ""), before);
    let run = muster.try_connect(&console, tokens::SPARE);
    assert!(run.code == 0 && run.out.contains("Changed the token of integration acme"), "{} {}", run.out, run.err);
    let run = muster.ok(&["sync", "--json"]);
    for line in run.out.lines() {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&report["status"], &report["created"]), (&"complete".into(), &0.into()), "{line}");
    }
    assert_eq!(muster.count("assets", ""), before);
}

#[test]
fn connecting_and_reading_is_told_in_words() {
    let (console, muster) = (Console::start(), Muster::new());
    let first = muster.try_connect(&console, tokens::SERVICE);
    let sync = muster.run(&["sync"]);
    let again = muster.run(&["sync", "acme", "--stream", "agents,threats"]);
    let doctor = muster.run(&["doctor"]);
    let told = [("connect", first), ("sync", sync), ("sync again", again), ("doctor", doctor)];
    let told: String = told.iter().map(|(what, run)| format!("# {what}: {}\n\n", muster.shown(run))).collect();
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}

#[test]
fn a_sites_token_reads_that_site_and_says_so() {
    let (console, muster) = (Console::start(), Muster::new());
    let run = muster.try_connect(&console, tokens::SITE);
    assert_run!(muster, run);
    muster.ok(&["sync"]);
    assert_eq!(muster.count("assets", ""), console.machines(tokens::SITE));
}

#[test]
fn json_of_connect_and_sync_is_for_programs() {
    let (console, muster) = (Console::start(), Muster::new());
    let file = muster.dir.write("token", tokens::ACCOUNT).display().to_string();
    let connected = muster.ok(&["connect", &console.url, "--name", "acme", "--token-file", &file, "--json"]);
    let connected: serde_json::Value = serde_json::from_str(&connected.out).unwrap();
    assert_eq!((&connected["integration"], &connected["scope"]), (&"acme".into(), &"account".into()));
    let sync = muster.ok(&["sync", "--json"]);
    assert_eq!(sync.err, "");
    let keys = [
        "integration",
        "stream",
        "status",
        "fetched",
        "created",
        "changed",
        "touched",
        "unchanged",
        "removed",
        "quarantined",
        "pages",
        "requests",
        "bytes",
        "duration_ms",
        "complete",
        "console_total",
    ];
    for line in sync.out.lines() {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(keys.iter().all(|key| report.get(key).is_some()), "{line}");
    }
    assert_eq!(sync.out.lines().count(), sync::STREAMS.len());
}

#[test]
fn an_answer_can_be_had_in_every_form() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let mut told = String::new();
    for arguments in [
        ["query", "os:windows", "--fields", "name,os,type", "--sort", "name", "--limit", "3"].as_slice(),
        &["query", "os:windows", "--fields", "id,name,address", "--sort", "-name", "--limit", "2", "--format", "json"],
        &["query", "os:windows", "--fields", "id,name", "--sort", "name", "--limit", "2", "--format", "ndjson"],
        &["query", "os:windows", "--fields", "id,name", "--sort", "name", "--limit", "2", "--format", "csv"],
        &["query", "os:windows", "--count"],
        &["query", "os:windows", "--count", "--json"],
        &["query", "", "--group-by", "type"],
        &["query", "os:windows and not type:server", "--explain"],
        &["query", "name:=nobody"],
    ] {
        let run = muster.ok(arguments);
        let typed: Vec<String> = arguments.iter().map(|word| format!("{word:?}")).collect();
        told += &format!("$ muster {}\n{}\n\n", typed.join(" "), muster.shown(&run));
    }
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}

#[test]
fn pages_join_without_gap_or_overlap() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    // For programs an answer is whole unless a limit is given.
    let whole = muster.ok(&["query", "", "--fields", "id", "--format", "csv"]);
    let all = muster.ok(&["query", "", "--fields", "id", "--format", "csv", "--limit", "1000"]).out;
    assert!(all.lines().count() > 26 && !whole.err.contains("--after"), "{}", whole.err);
    assert_eq!(whole.out, all);
    let mut joined = String::from("id\r\n");
    let mut after: Option<String> = None;
    loop {
        let mut arguments = vec!["query", "", "--fields", "id", "--format", "csv", "--limit", "7"];
        arguments.extend(after.iter().flat_map(|after| ["--after", after]));
        let run = muster.ok(&arguments);
        joined += run.out.strip_prefix("id\r\n").unwrap();
        after = run.err.split_once("--after ").map(|(_, rest)| rest.split([',', ' ']).next().unwrap().to_owned());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(joined, all);
}

#[test]
fn reading_works_beside_a_writer_and_a_second_writer_names_the_first() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let url = format!("sqlite:{}", muster.data_dir().join("muster.db").display());
    let writer = Store::open(&url.parse().unwrap(), Access::Writer, SLICES).unwrap();
    assert_eq!(muster.count("assets", ""), console.machines(tokens::ACCOUNT));
    assert_eq!(muster.run(&["doctor"]).code, 0);
    let second = muster.run(&["sync"]);
    assert_eq!(second.code, 6);
    assert!(second.err.contains(&format!("pid {}", std::process::id())), "{}", second.err);
    drop(writer);
    muster.ok(&["sync"]);
}

#[test]
fn a_reader_that_had_enough_is_no_failure() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let mut child = muster.start(&["query", "", "--in", "activities", "--limit", "10000", "--format", "ndjson"]);
    let mut line = String::new();
    let mut out = BufReader::with_capacity(64, child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    drop(out);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn a_sync_that_is_interrupted_ends_cleanly_and_is_finished_by_the_next() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    // Every answer takes seconds from the first page of agents on: the signal comes in the middle.
    console.world.clear_journal();
    console.world.set_faults(FaultPlan::once(Fault::Slow, 1, "/agents"));
    let child = muster.start(&["sync"]);
    wait_until("agents are asked for", || !console.world.journal().faults.is_empty());
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let run = crate::harness::Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("stopped by Ctrl-C"), "{}", run.err);
    console.world.set_faults(FaultPlan::none());
    muster.ok(&["sync"]);
    assert_eq!(muster.count("assets", ""), console.machines(tokens::ACCOUNT));
}

#[test]
fn a_simulated_console_is_served_until_it_is_stopped() {
    let muster = Muster::new();
    let mut child = muster.start(&["simulate", "--listen", "127.0.0.1:0", "--endpoints", "20", "--activities", "50"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut after = |marker: &str| {
        let line = lines.by_ref().find(|line| line.contains(marker)).unwrap();
        line.split_once(marker).unwrap().1.split_whitespace().next().unwrap().to_owned()
    };
    let (url, token) = (format!("http://{}", after("http://")), after("account scope"));
    let token = muster.dir.write("token", token).display().to_string();
    muster.ok(&["connect", &url, "--name", "sim", "--token-file", &token]);
    muster.ok(&["sync", "sim"]);
    assert!(muster.count("assets", "") > 0);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn faults_are_listed_and_an_unknown_one_is_refused() {
    let muster = Muster::new();
    assert!(muster.ok(&["simulate", "--fault", "list"]).out.lines().any(|line| line == "truncated"));
    assert_run!(muster, muster.run(&["simulate", "--fault", "gremlins"]));
}

#[test]
fn a_database_is_made_once_and_then_up_to_date() {
    let muster = Muster::new();
    assert!(muster.ok(&["migrate"]).out.ends_with("muster.db was made.\n"));
    assert!(muster.ok(&["migrate"]).out.ends_with("muster.db was up to date.\n"));
    assert!(muster.ok(&["migrate", "--json"]).out.contains("\"outcome\":\"current\""));
}
