//! What people choose and say themselves: options, custom fields, owners, sites, values typed by hand.

use sentinelone_sim::tokens;

use crate::assert_run;
use crate::harness::{Console, Muster};

/// A console that was read once.
fn read() -> (Console, Muster) {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    (console, muster)
}

#[test]
fn what_is_imported_is_chosen_counted_and_listed() {
    let (console, muster) = read();
    let asked = console.world.journal().total;
    let all = muster.count("vulnerabilities", "");
    let severe = muster.count("vulnerabilities", "severity:(high, critical)");
    let run = muster.ok(&["integration", "set", "acme", "--severities", "high,critical", "--software", "no"]);
    assert!(run.out.contains("no software; vulnerabilities of severity high, critical"), "{}", run.out);
    assert!(run.out.contains("without asking the console"), "{}", run.out);
    assert_eq!(console.world.journal().total, asked, "no fetch");
    assert_eq!((muster.count("vulnerabilities", ""), muster.count("software", "")), (severe, 0));
    let show = muster.ok(&["integration", "show", "acme"]).out;
    assert!(show.contains("of a severity that is not imported"), "{show}");
    let arguments = ["integration", "left-out", "acme", "--option", "severities", "--limit", "100000", "--json"];
    assert_eq!(muster.ok(&arguments).out.lines().count() as u64, all - severe);
    assert_run!(muster, muster.ok(&["integration", "left-out", "acme", "--option", "severities", "--limit", "2"]));
    assert_run!(muster, muster.run(&["integration", "left-out", "acme", "--option", "colour"]));
    assert_run!(muster, muster.run(&["integration", "set", "acme", "--vulnerabilities", "no", "--severities", "low"]));
    let run = muster.ok(&["integration", "set", "acme", "--severities", "all", "--groups", "Serverz"]);
    assert!(run.err.contains("the console has no group \"Serverz\""), "{}", run.err);
    muster.ok(&["integration", "set", "acme", "--groups", "all", "--software", "yes"]);
    assert_eq!(muster.count("vulnerabilities", ""), all);
    assert_eq!(muster.ok(&["integration", "left-out", "acme", "--option", "groups"]).out, "Nothing is left out.\n");
}

#[test]
fn fields_owners_and_sites_are_made_shown_and_removed() {
    let (_console, muster) = read();
    let tags = muster.count("assets", "has:tags");
    assert!(tags > 0);
    let ids = muster.ok(&["query", "has:tags", "--fields", "id", "--limit", "1", "--format", "csv"]).out;
    let id = ids.lines().nth(1).unwrap();
    assert_run!(muster, muster.ok(&["field", "list"]));
    assert_run!(muster, muster.ok(&["field", "add", "tier", "--type", "choice", "--choices", "gold,silver"]));
    assert_eq!(muster.run(&["asset", "set", id, "tier=lead"]).code, 2);
    muster.ok(&["asset", "set", id, "tier=gold", "owner=Ann"]);
    assert_eq!((muster.count("assets", "field.tier:=gold"), muster.count("assets", "owner:=Ann")), (1, 1));
    assert_eq!(muster.run(&["asset", "set", id, "owner=Eve", "tier=lead"]).code, 2);
    assert_eq!(muster.count("assets", "owner:=Ann"), 1, "all of it or nothing");
    let servers = muster.count("assets", "type:server and not owner:=Ann");
    muster.ok(&["owner", "add", "Server team", "--when", "type:server"]);
    assert_eq!(muster.count("assets", "owner:=\"Server team\""), servers);
    assert_run!(muster, muster.run(&["owner", "add", "Nobody", "--when", "nosuch:1"]));
    muster.ok(&["owner", "remove", "1"]);
    assert_eq!(muster.count("assets", "owner:=\"Server team\""), 0);
    assert_run!(muster, muster.run(&["owner", "remove", "1"]));
    muster.ok(&["site", "add", "Lab"]);
    muster.ok(&["site", "rename", "HQ", "Head office"]);
    let sites = muster.ok(&["site", "list", "--json"]).out;
    assert!(sites.contains("Head office") && sites.contains("Lab") && !sites.contains("HQ"), "{sites}");
    assert!(muster.ok(&["integration", "show", "acme"]).out.contains("Head office"));
    assert_run!(muster, muster.run(&["site", "rename", "HQ", "x"]));
    muster.ok(&["asset", "untrack", id, "--reason", "sold"]);
    assert_eq!(muster.count("assets", "tracked:f and untracked.reason:sold"), 1);
    muster.ok(&["asset", "track", id]);
    assert_eq!(muster.count("assets", "tracked:f"), 0);
    assert_run!(muster, muster.ok(&["field", "remove", "tier"]));
}

#[test]
fn a_task_is_named_with_connect_and_later() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let token = muster.dir.write("token", tokens::ACCOUNT).display().to_string();
    let connect = |more: &[&str]| {
        let all = ["connect", &console.url, "--name", "acme", "--token-file", &token, "--json"];
        muster.run(&[&all[..], more].concat())
    };
    let named = |more: &[&str]| {
        let told: serde_json::Value = serde_json::from_str(&connect(more).out).unwrap();
        told["task"].as_str().unwrap().to_owned()
    };
    assert_eq!(named(&[]), "acme");
    assert_eq!(named(&["--task", "Every night"]), "Every night");
    assert_eq!(named(&[]), "Every night", "a new token leaves it");
    let wrong = connect(&["--task", "a,b"]);
    assert!(wrong.code == 2 && wrong.err.contains("it has a comma"), "{}", wrong.err);
    assert_eq!(named(&["--task", ""]), "acme");
    let set = |task: &str| muster.run(&["integration", "set", "acme", "--task", task]);
    assert_eq!(set("Every hour").out, "Its task is Every hour from now on.\n");
    assert_eq!(named(&[]), "Every hour");
    assert_eq!(set("").out, "Its task is acme from now on.\n");
    let wrong = set("a,b");
    assert!(wrong.code == 2 && wrong.err.contains("it has a comma"), "{}", wrong.err);
    let wrong = muster.run(&["integration", "set", "acne", "--task", "x"]);
    assert!(wrong.code == 2 && wrong.err.contains("acme"), "{}", wrong.err);
}

#[test]
fn options_show_their_defaults() {
    let muster = Muster::new();
    let help = muster.ok(&["integration", "set", "--help"]).out;
    let begin = help.find("What is imported").unwrap();
    let end = help[begin..].find("Everywhere").map_or(help.len(), |end| begin + end);
    insta::assert_snapshot!(&help[begin..end]);
    assert!(muster.ok(&["connect", "--help"]).out.contains("What is imported"));
}
