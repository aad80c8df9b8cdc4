//! A finding as a story, and what the estate's programs and weaknesses come to, on a simulated console.

use crate::assert_run;
use crate::harness::{Console, Muster};

/// The first cell of each row that matches, as printed for scripts.
fn first(muster: &Muster, query: &str, inventory: &str, field: &str) -> Vec<String> {
    let run = muster.ok(&["query", query, "--in", inventory, "--fields", field, "--format", "csv", "--limit", "1000"]);
    run.out.lines().skip(1).map(|line| line.trim_matches('"').to_owned()).collect()
}

#[test]
fn a_finding_is_told_as_a_story_by_either_id() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let threats = first(&muster, "has:event kind:threat", "findings", "native_id");
    assert!(console.world.add_note(&threats[0]).is_some());
    muster.ok(&["sync"]);
    let told = muster.ok(&["finding", "show", &threats[0]]);
    assert_run!(muster, told);
    let alerts = first(&muster, &format!("native_id:{}", threats[0]), "findings", "alert_id");
    assert_eq!(muster.ok(&["finding", "show", &alerts[0]]).out, told.out, "by the alert of the same detection");
    let json: serde_json::Value =
        serde_json::from_str(&muster.ok(&["finding", "show", &threats[0], "--json"]).out).unwrap();
    assert_eq!(json["records"].as_array().unwrap().len(), 2, "{json}");
    assert!(json["finding"]["severity.from"] == "alert" && json["id"].is_string(), "{json}");
    assert_run!(muster, muster.run(&["finding", "show", "rec_00000000000sg"]));
}

#[test]
fn what_is_missing_is_explained_and_counts_are_compared() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let unexplained = muster.count("findings", "mitigation:not_mitigated no:action no:mitigation.why kind:threat");
    assert_eq!(unexplained, 0, "every missing mitigation has a cause, if only an unknown one");
    assert_eq!(muster.count("findings", "severity:unknown kind:threat"), 0);
    let (fail, not) = (muster.count("findings", "result:fail"), muster.count("findings", "result:not_failed"));
    assert!(fail > 0 && not > 0 && fail + not == muster.count("findings", ""), "{fail} {not}");
    assert_eq!(
        muster.count("console_sites", "differs:t"),
        0,
        "{:?}",
        first(&muster, "differs:t", "console_sites", "name")
    );
    assert_eq!(muster.count("accounts", "differs:t"), 0);
    let agents = muster.count("assets", "has:agent.state");
    assert_eq!(muster.count("assets", "has:agent.state has:policy.name"), agents, "every agent obeys some policy");
    assert!(muster.count("software_titles", "endpoints:>1") > 0 && muster.count("cves", "endpoints:>0") > 0);
}

#[test]
fn what_threats_are_and_how_they_end_and_what_accounts_may_is_asked() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let threats = muster.count("findings", "kind:threat");
    for field in ["classification", "status", "verdict"] {
        assert_eq!(muster.count("findings", &format!("kind:threat has:{field}")), threats, "{field}");
    }
    let (open, closed) = (
        muster.count("findings", "kind:threat status:(unresolved, in_progress)"),
        muster.count("findings", "kind:threat status:resolved"),
    );
    assert!(open > 0 && closed > 0 && open + closed == threats, "{open} and {closed} of {threats}");
    assert!(muster.count("findings", "event:(name:mitigat)") > 0, "the timeline tells what was done");
    // What an account is licensed for, and how it is set.
    let accounts = muster.count("accounts", "");
    assert!(accounts > 0 && muster.count("accounts", "has:features") == accounts);
    for kind in ["bundle", "module", "setting"] {
        assert_eq!(muster.count("accounts", &format!("licence:(kind:{kind})")), accounts, "{kind}");
    }
}
