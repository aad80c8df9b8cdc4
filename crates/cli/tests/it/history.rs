//! What changed on an asset, and what was answered before it did.

use kernel::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Console, Muster};

#[test]
fn a_change_is_told_and_the_past_is_asked() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync"]);
    let rows = |arguments: &[&str]| -> Vec<Value> { serde_json::from_str(&muster.ok(arguments).out).unwrap() };
    let agent = console.world.agent_ids().remove(0);
    let before = rows(&["query", &format!("agent.id:{agent}"), "--fields", "id,name", "--json"]).remove(0);
    let (id, name) = (before["id"].as_str().unwrap(), before["name"].as_str().unwrap());
    console.world.patch_agent(&agent, &json!({"computerName": "RENAMED", "mitigationMode": "detect"}));
    muster.ok(&["sync", "--full"]);
    let changes = rows(&["asset", "history", id, "--field", "name", "--json"]);
    let renamed = changes.iter().find(|change| change["field"] == "name").unwrap();
    assert_eq!((renamed["before"].as_str(), renamed["after"].as_str()), (Some(name), Some("RENAMED")));
    assert_eq!((renamed["stream"].as_str(), renamed["native_id"].as_str()), (Some("agents"), Some(agent.as_str())));
    assert!(renamed["record"].as_str().unwrap().starts_with("rec_"), "{renamed}");
    let changed = Timestamp::parse(renamed["at"].as_str().unwrap()).unwrap();
    let then = Timestamp::from_micros(changed.micros() - 1).to_string();
    let as_of = |text: &str| muster.ok(&["query", text, "--count", "--as-of", &then]).out.trim().to_owned();
    assert_eq!((as_of("name:=RENAMED"), as_of(&format!("name:=\"{name}\""))), ("0".to_owned(), "1".to_owned()));
    assert_eq!(as_of(""), muster.count("assets", "").to_string());
    let mut told = String::new();
    for arguments in [
        ["asset", "history", id].as_slice(),
        &["asset", "history", id, "--field", "mitigation_mode"],
        &["asset", "history", "ast_00000000000sg"],
        &["asset", "history", "nobody is called this"],
        &["asset", "history", id, "--since", "soon"],
        &["query", "name:=RENAMED", "--fields", "name,os.family", "--as-of", &then],
        &["query", "last_seen:<7d", "--as-of", &then],
        &["query", "", "--sort", "-last_seen", "--as-of", &then],
        &["query", "", "--in", "activities", "--as-of", &then],
        &["query", "", "--as-of", "2099-01-01"],
        &["query", "", "--as-of", "2020-01-01"],
        &["query", "", "--count", "--as-of", "2020-01-01"],
        &["asset", "retain", "--keep-days", "400"],
        &["asset", "retain"],
        &["asset", "retain", "--keep-everything"],
    ] {
        let run = muster.run(arguments);
        let typed: Vec<String> = arguments.iter().map(|word| format!("{word:?}")).collect();
        told += &format!("$ muster {}\n{}\n\n", typed.join(" "), muster.shown(&run))
            .replace(id, "ast_ID")
            .replace(&then, "THEN");
    }
    insta::with_settings!({ filters => crate::harness::FILTERS.iter().copied().chain([(r"\[NOW\]  +", "[NOW]  ")]), omit_expression => true }, {
        insta::assert_snapshot!(told);
    });
}
