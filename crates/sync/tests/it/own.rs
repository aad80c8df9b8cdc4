//! What an organization says itself of its assets, and what becomes of it when a console was read.

use inventory::field::{FieldKind, add_field};
use inventory::owner::add_owner;
use kernel::OrgId;
use store::Store;
use testkit::Database;

use crate::lab::{Build, SLICES, START, all_complete, count};

testkit::on_each_database! {
    a_tag_of_a_console_fills_its_field_and_the_field_follows_it,
}

/// Makes the field `cost`, and Ann the owner of what `rule` matches; whatever is read next fills and evaluates them.
pub fn say(store: &Store, rule: &'static str) {
    store.write_blocking(|tx| add_field(tx, OrgId::DEFAULT, "cost", &FieldKind::Number, "ann", START)).unwrap();
    store.write_blocking(move |tx| add_owner(tx, OrgId::DEFAULT, "Ann", rule, "ann", START)).unwrap();
}

fn a_tag_of_a_console_fills_its_field_and_the_field_follows_it(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    lab.connect();
    say(&lab.store, "field.cost:>50");
    let asked = |texts: &[&str]| texts.iter().map(|text| count(&lab.store, "assets", text)).collect::<Vec<_>>();
    let agents = lab.sim.agent_ids();
    for (agent, key) in agents.iter().zip(["cost", "Cost"]) {
        assert!(lab.sim.tag_agent(agent, &lab.sim.add_tag(key, "100")));
    }
    all_complete(&lab.sync_streams(&["accounts", "sites", "groups", "agents"]));
    assert_eq!(asked(&["tag:cost=100", "field.cost:=100", "has:field.cost", "owner:=Ann"]), [2, 1, 1, 1]);
    let tagged = |value: &str| {
        let tags = serde_json::json!([{ "id": "1", "key": "cost", "value": value }]);
        assert!(lab.sim.patch_agent(&agents[0], &serde_json::json!({ "tags": { "sentinelone": tags } })));
        all_complete(&lab.sync_streams(&["agents"]));
    };
    tagged("20");
    assert_eq!(asked(&["field.cost:=20", "has:field.cost", "owner:=Ann"]), [1, 1, 0]);
    tagged("70");
    assert_eq!(asked(&["field.cost:=70", "has:field.cost", "owner:=Ann"]), [1, 1, 1]);
}
