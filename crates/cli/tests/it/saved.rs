//! Saved questions, explanations of one machine, and what may be typed next.

use crate::harness::{Console, Muster};

#[test]
fn a_question_is_saved_set_asked_and_removed() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let mut told = String::new();
    for arguments in [
        ["saved", "list"].as_slice(),
        &["saved", "add", "silent", "last_seen:>{age=30d} and os:{os}", "--prose", "machines that went silent"],
        &["saved", "add", "silent", "os:mac"],
        &["saved", "add", "wrong", "os:{os} and colour:red"],
        &["saved", "show", "silent"],
        &["saved", "run", "silent", "--count"],
        &["saved", "set", "silent", "os=windows", "age=1h"],
        &["saved", "set", "silent", "age=soon"],
        &["saved", "show", "silent"],
        &["saved", "run", "silnt"],
        &["saved", "show", "missing-required-software"],
        &["query", "@silent", "agee=1d"],
        &["query", "os:windows", "age=1d"],
        &["saved", "remove", "silent"],
        &["saved", "remove", "stale-agents"],
    ] {
        let run = muster.run(arguments);
        let typed: Vec<String> = arguments.iter().map(|word| format!("{word:?}")).collect();
        told += &format!("$ muster {}\n{}\n\n", typed.join(" "), muster.shown(&run));
    }
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
    // However it is asked, it is the same question.
    let plain = muster.count("assets", "has:edr.name and last_seen:>1h");
    for arguments in [
        ["query", "@stale-agents", "age=1h", "--count", "--json"].as_slice(),
        &["query", "--saved", "stale-agents", "age=1h", "--count", "--json"],
        &["saved", "run", "stale-agents", "age=1h", "--count", "--json"],
        &["query", "saved:\"stale-agents age=1h\"", "--count", "--json"],
    ] {
        assert_eq!(muster.ok(arguments).out.trim(), plain.to_string(), "{arguments:?}");
    }
}

#[test]
fn why_a_machine_is_in_an_answer_is_told_term_by_term() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let machines = muster.ok(&["query", "os:mac", "--sort", "name", "--fields", "id,name", "--limit", "1", "--json"]);
    let machines: serde_json::Value = serde_json::from_str(&machines.out).unwrap();
    let (id, name) = (machines[0]["id"].as_str().unwrap(), machines[0]["name"].as_str().unwrap());
    let text = "os:windows and not type:server and not (infected:t or tag:(key:owner))";
    let mut told = String::new();
    for arguments in [
        ["query", text, "--explain", "--asset", id].as_slice(),
        &["query", text, "--explain", "--asset", name, "--json"],
        &["query", "", "--explain", "--asset", name],
        &["query", text, "--explain", "--asset", "nobody"],
        &["query", text, "--asset", name],
    ] {
        let run = muster.run(arguments);
        let typed: Vec<String> = arguments.iter().map(|word| format!("{word:?}")).collect();
        told += &format!("$ muster {}\n{}\n\n", typed.join(" "), muster.shown(&run)).replace(id, "ast_ID");
    }
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied(), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}

#[test]
fn what_may_be_typed_next_is_data() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let offered = |arguments: &[&str]| -> Vec<String> {
        let run = muster.ok(&[&["query", "--json"], arguments].concat());
        let found: Vec<serde_json::Value> = serde_json::from_str(&run.out).unwrap();
        for offer in &found {
            assert!(["insert", "from", "to", "prose", "example"].iter().all(|key| offer.get(key).is_some()), "{offer}");
        }
        found.iter().map(|offer| offer["insert"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(offered(&["edr.n", "--complete"]), ["edr.name:"]);
    assert_eq!(offered(&["type:ser and os:x", "--complete=8"]), ["server"]);
    assert!(offered(&["os.family:", "--complete"]).contains(&"windows".to_owned()));
    assert!(offered(&["saved:sta", "--complete"]).contains(&"stale-agents".to_owned()));
    assert!(offered(&["software:(ver", "--complete"]).contains(&"version:".to_owned()));
    let run = muster.run(&["query", "os", "--complete=x"]);
    assert_eq!(run.code, 2, "{}", run.err);
}
