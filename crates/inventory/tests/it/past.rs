//! The past of what is not a source's word: which records make an asset, where it lives, whose it is, what was typed.

use std::sync::mpsc;

use inventory::correlate::directive;
use inventory::field::{self, FieldKind, Filling};
use inventory::history::{self, Tell};
use inventory::{Ask, Memory, Want, ask_as_of, owner, site};
use kernel::{AssetId, Cell, IntegrationId, OrgId, Timestamp};
use store::{Access, Store, StoreError, Tx};
use testkit::Database;

use crate::as_of::wait;
use crate::cases::{NOW, agent, row, scan};
use crate::settle::{LAPTOP, World};

const ORG: OrgId = OrgId(1);

testkit::on_each_database! {
    before_a_merge_there_were_two_assets_and_after_it_one_and_after_a_split_two,
    an_id_that_came_back_was_away_while_it_was_merged,
    a_record_that_waited_was_not_there_and_one_that_waits_now_was,
    why_a_record_came_is_told_after_it_has_gone_and_who_decided_otherwise,
    what_is_seen_first_is_told_in_one_line_and_every_change_after_it,
    an_asset_lived_where_it_lived,
    an_owner_was_who_it_was_and_a_value_what_it_was,
    what_people_said_of_two_machines_outlives_their_merge,
    what_people_say_is_told_with_who_said_it,
    what_was_typed_moves_with_a_merge_and_is_undone_with_it,
    the_past_is_asked_beside_somebody_who_writes,
}

fn hour(hours: i64) -> Timestamp {
    NOW.plus_seconds(hours * 3600)
}

/// Which records speak of which assets, by the sources and rules of each: as of a moment.
fn assets(store: &Store, text: &str, fields: &[&str], at: Timestamp) -> Vec<Vec<String>> {
    let fields = fields.iter().map(|name| (*name).to_owned()).collect();
    let ask = Ask { fields, sort: Some("name".to_owned()), ..Ask::new("assets", text, hour(100)) };
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Empty => String::new(),
        Cell::List(list) => list.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    };
    let answer = wait(ask_as_of(store, ORG, &ask, at)).unwrap();
    answer.table.rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

fn count(store: &Store, text: &str, at: Timestamp) -> u64 {
    let ask = Ask { want: Want::Count, ..Ask::new("assets", text, hour(100)) };
    wait(ask_as_of(store, ORG, &ask, at)).unwrap().total.unwrap()
}

/// Everything that can be asked of which records make an asset.
fn made_of(store: &Store, at: Timestamp) -> Vec<Vec<String>> {
    let mut told = assets(store, "", &["name", "id", "record_count", "names", "sources", "mac"], at);
    let by = ["", "count(seen_by):1", "count(seen_by):2", "seen_by:(rule:new)", "seen_by:(rule:merged)", "name:listed"];
    told.push(by.iter().map(|text| count(store, text, at).to_string()).collect());
    told
}

fn before_a_merge_there_were_two_assets_and_after_it_one_and_after_a_split_two(database: &Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1").mac(LAPTOP), row(2).name("listed")], hour(0));
    world.settle(hour(0));
    let (one, two) = (world.asset(1), world.asset(2));
    let mut told = vec![(hour(0), made_of(&world.store, hour(1)))];
    world.decide_at(hour(2), move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    assert_eq!(world.machines(), [[1, 2]]);
    told.push((hour(2), made_of(&world.store, hour(3))));
    let listed = world.record(2);
    world.decide_at(hour(4), move |tx, by| directive::split(tx, by, &[listed])).unwrap();
    told.push((hour(4), made_of(&world.store, hour(5))));
    world.say(&[row(2).name("renamed")], hour(6));
    world.settle(hour(6));
    assert_eq!(told.iter().map(|(_, rows)| rows.len() - 1).collect::<Vec<_>>(), [2, 1, 2]);
    assert_eq!([told[0].1[2][0].as_str(), &told[1].1[1][1], &told[1].1[1][2]], ["2", "0", "1"], "{told:?}");
    for (at, then) in told {
        assert_eq!(made_of(&world.store, at), then, "as of {at}");
        assert_eq!(made_of(&world.store, at.plus_seconds(1800)), then, "as of {at} and a half hour");
    }
}

fn an_id_that_came_back_was_away_while_it_was_merged(database: &Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1").mac(LAPTOP), row(2).name("listed")], hour(0));
    world.settle(hour(0));
    let (one, two, listed) = (world.asset(1), world.asset(2), world.record(2));
    let made = |at: Timestamp| assets(&world.store, "", &["name", "id", "record_count", "sources"], at);
    let mut told = vec![(hour(0), made(hour(0)))];
    for hours in [2, 8] {
        world.decide_at(hour(hours), move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
        told.push((hour(hours), made(hour(hours))));
        // What it is called changes while it is merged away, and again when it is back.
        world.say(&[row(2).name(&format!("renamed-{hours}"))], hour(hours + 1));
        world.settle(hour(hours + 1));
        told.push((hour(hours + 1), made(hour(hours + 1))));
        world.decide_at(hour(hours + 2), move |tx, by| directive::split(tx, by, &[listed])).unwrap();
        assert_eq!(world.asset(2), two);
        told.push((hour(hours + 2), made(hour(hours + 2))));
        world.say(&[row(2).name(&format!("again-{hours}"))], hour(hours + 3));
        world.settle(hour(hours + 3));
        told.push((hour(hours + 3), made(hour(hours + 3))));
    }
    let counts: Vec<usize> = told.iter().map(|(_, rows)| rows.len()).collect();
    assert_eq!(counts, [2, 1, 1, 2, 2, 1, 1, 2, 2]);
    for (at, then) in told {
        assert_eq!(made(at), then, "as of {at}");
        assert_eq!(made(at.plus_seconds(1800)), then, "as of {at} and a half hour");
    }
    let tell = Tell { since: None, field: Some("name".to_owned()), ..Tell::default() };
    let names = world.write(move |tx| history::asset(tx, ORG, two, &tell)).unwrap().1;
    assert!(names.iter().any(|change| change.after.as_deref() == Some("again-2")), "its history is its own: {names:?}");
}

fn a_record_that_waited_was_not_there_and_one_that_waits_now_was(database: &Database) {
    let world = World::new(database);
    let exclude = |unknown: bool| {
        let terms = inventory::onboard::Terms { exclude_unknown: unknown, ..Default::default() };
        world.write(move |tx| inventory::onboard::set_terms(tx, ORG, IntegrationId(1), &terms).map(drop));
        world.write(|tx| inventory::onboard::unsettle(tx, ORG, IntegrationId(1)).map(drop));
    };
    let addresses = |at: Timestamp| assets(&world.store, "", &["name", "id", "record_count", "mac"], at);
    exclude(true);
    world.say(&[agent(1).mac(LAPTOP).name("lt-1")], hour(0));
    world.settle(hour(0));
    world.say(&[scan(3).mac(LAPTOP).name("lt-1")], hour(2));
    world.settle(hour(2));
    assert_eq!(world.machines(), [[1, 3]]);
    let joined = addresses(hour(3));
    world.say(&[agent(4).mac("bc:24:11:00:00:07").name("lt-4")], hour(4));
    world.settle(hour(4));
    exclude(false);
    world.settle(hour(5));
    let all = addresses(hour(5));
    exclude(true);
    world.settle(hour(6));
    assert_eq!(world.machines(), [[1, 3]], "the second agent waits again");
    assert_eq!(addresses(hour(1)), [[""; 0]; 0]);
    assert_eq!((addresses(hour(3)), addresses(hour(4))), (joined.clone(), joined));
    assert_eq!((all.len(), addresses(hour(5))), (2, all));
    assert_eq!(addresses(hour(6)).len(), 1);
    let asset = world.asset(1);
    let told = world.write(move |tx| history::asset(tx, ORG, asset, &Tell::default())).unwrap().1;
    let came: Vec<_> =
        told.iter().filter(|change| change.field == "asset").map(|change| change.after.clone()).collect();
    assert_eq!(came, [Some(asset.to_string())], "the agent's record came in");
}

fn why_a_record_came_is_told_after_it_has_gone_and_who_decided_otherwise(database: &Database) {
    let world = World::new(database);
    let mine = |said: crate::cases::Said| said.maker("Dell").serial("5CG1234XYZ");
    world.say(&[mine(agent(1)), row(2)], hour(0));
    world.settle(hour(0));
    world.say(&[mine(row(2))], hour(1));
    world.settle(hour(1));
    assert_eq!(world.machines(), [[1, 2]]);
    let listed = world.record(2);
    world.decide_at(hour(2), move |tx, by| directive::split(tx, by, &[listed])).unwrap();
    let both = [world.asset(1), world.asset(2)];
    world.decide_at(hour(3), move |tx, by| directive::merge(tx, by, &both)).unwrap();
    let asset = world.asset(1);
    let told = world.write(move |tx| history::asset(tx, ORG, asset, &Tell::default())).unwrap().1;
    let told: Vec<_> = told.into_iter().filter(|change| change.field == "asset").collect();
    let told: Vec<_> = told.into_iter().map(|change| (change.at, change.by.unwrap())).collect();
    let by = |rule: &str, evidence: &str, who: &str, reason: &str| history::By {
        rule: rule.to_owned(),
        evidence: evidence.to_owned(),
        who: who.to_owned(),
        reason: reason.to_owned(),
    };
    let expected = [
        (hour(3), by("merged", "", "dana", "it is so")),
        (hour(2), by("split", "", "dana", "it is so")),
        (hour(1), by("R30", "serial=5cg1234xyz", "correlation", "")),
    ];
    assert_eq!(told, expected);
}

fn what_is_seen_first_is_told_in_one_line_and_every_change_after_it(database: &Database) {
    let world = World::new(database);
    let told = |number: i64| {
        let asset = world.asset(number);
        let told = world.write(move |tx| history::asset(tx, ORG, asset, &Tell::default())).unwrap().1;
        let told = told.into_iter().map(|change| (change.at, change.field, change.record, change.by.map(|by| by.rule)));
        told.collect::<Vec<_>>()
    };
    let first = |at: Timestamp, number: i64, rule: &str| {
        (at, history::FIRST_SEEN.to_owned(), world.record(number), Some(rule.to_owned()))
    };
    world.say(&[scan(1).mac(LAPTOP).name("lt-1")], hour(0));
    world.settle(hour(0));
    assert_eq!(told(1), [first(hour(0), 1, "new")]);
    // Between two scans.
    world.say(&[scan(1).mac(LAPTOP).name("lt-1").family("windows")], hour(1));
    world.settle(hour(1));
    let changed = (hour(1), "os_family".to_owned(), world.record(1), None);
    assert_eq!(told(1), [changed.clone(), first(hour(0), 1, "new")]);
    // Another source speaks of it: one line, and not one for each thing that was not known.
    world.say(&[agent(2).mac(LAPTOP).name("lt-1").maker("Dell").serial("5CG1234XYZ")], hour(2));
    world.settle(hour(2));
    assert_eq!(world.machines(), [[1, 2]]);
    let mut now = told(1);
    now.retain(|(_, field, ..)| !["source", "lead"].contains(&field.as_str()));
    assert!(now.contains(&first(hour(2), 2, "R60")), "{now:?}");
    assert!(
        now.iter()
            .all(|(at, field, ..)| *at < hour(2) || !["serial", "manufacturer", "asset"].contains(&field.as_str())),
        "{now:?}"
    );
    assert_eq!(now[now.len() - 2..], [changed, first(hour(0), 1, "new")]);
}

fn an_asset_lived_where_it_lived(database: &Database) {
    let world = World::new(database);
    let site =
        |name: &'static str| world.store.write_blocking(move |tx| site::ensure_site(tx, ORG, name, hour(0))).unwrap().0;
    let (hq, lab) = (site("HQ"), site("Lab"));
    world.say(&[agent(1).mac(LAPTOP).name("lt-1").site(hq)], hour(0));
    world.settle(hour(0));
    world.say(&[scan(3).mac(LAPTOP).name("lt-1").site(lab)], hour(2));
    world.settle(hour(2));
    let by_site = |at: Timestamp| (count(&world.store, "site:=HQ", at), count(&world.store, "site:=Lab", at));
    assert_eq!((by_site(hour(1)), by_site(hour(2))), ((1, 0), (0, 1)));
    assert_eq!(assets(&world.store, "", &["name", "site"], hour(1))[0][1], "HQ");
    let asset = world.asset(1);
    let tell = Tell { since: None, field: Some("site".to_owned()), ..Tell::default() };
    let told = world.write(move |tx| history::asset(tx, ORG, asset, &tell)).unwrap().1;
    let shown: Vec<_> = told.iter().map(|one| (one.before.as_deref(), one.after.as_deref())).collect();
    assert_eq!(shown, [(Some("HQ"), Some("Lab"))]);
}

fn fill(store: &Store, at: Timestamp) {
    let mut filling = Some(Filling::begin(at));
    while let Some(at) = filling {
        filling = store.write_blocking(move |tx| field::fill(tx, ORG, at)).unwrap();
    }
}

fn set(store: &Store, asset: AssetId, value: Option<&'static str>, at: Timestamp) {
    store.write_blocking(move |tx| field::set_by_hand(tx, ORG, asset, "cost", value, "ann", at)).unwrap();
}

fn own(store: &Store, asset: AssetId, name: Option<&'static str>, at: Timestamp) {
    let memory = Memory::default();
    store.write_blocking(move |tx| owner::set_owner(tx, ORG, &memory, asset, name, "ann", at)).unwrap();
}

fn evaluate(store: &Store, at: Timestamp) {
    store.write_blocking(move |tx| owner::evaluate_owners(tx, ORG, &Memory::default(), at)).unwrap();
}

fn what_people_said_of_two_machines_outlives_their_merge(database: &Database) {
    let world = World::new(database);
    let store = &world.store;
    world.say(&[agent(1).name("lt-1").mac(LAPTOP), row(2).name("listed"), row(3).name("third")], hour(0));
    world.settle(hour(0));
    let (one, two, three, listed) = (world.asset(1), world.asset(2), world.asset(3), world.record(2));
    let add = |tx: &mut Tx<'_>| field::add_field(tx, ORG, "cost", &FieldKind::Text, "ann", hour(0));
    store.write_blocking(add).unwrap();
    own(store, two, Some("Ann"), hour(1));
    set(store, two, Some("4711"), hour(1));
    set(store, three, Some("33"), hour(1));
    let judge = |at: Timestamp| {
        fill(store, at);
        evaluate(store, at);
        let ask = Ask {
            fields: ["id", "owner", "field.cost"].map(str::to_owned).to_vec(),
            sort: Some("id".to_owned()),
            ..Ask::new("assets", "", at)
        };
        let answer = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask)).unwrap();
        let cell = |cell: &Cell| if let Cell::Text(text) = cell { text.clone() } else { String::new() };
        let rows = answer.table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>());
        rows.map(|row| (AssetId::parse(&row[0]).unwrap(), row[1].clone(), row[2].clone())).collect::<Vec<_>>()
    };
    let says = |asset: AssetId, owner: &str, cost: &str| (asset, owner.to_owned(), cost.to_owned());
    let before = judge(hour(2));
    assert_eq!(before, [says(one, "", ""), says(two, "Ann", "4711"), says(three, "", "33")]);
    // Merged, the one shows what was said of the other; parted, all is as it was.
    let apart = |at: Timestamp| world.decide_at(at, move |tx, by| directive::split(tx, by, &[listed])).unwrap();
    let merged = |at: Timestamp| world.decide_at(at, move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    for hours in [3, 5] {
        merged(hour(hours));
        let both = [says(one, "Ann", "4711"), says(three, "", "33")];
        assert_eq!((judge(hour(hours)), judge(hour(hours))), (both.to_vec(), both.to_vec()));
        apart(hour(hours + 1));
        assert_eq!((judge(hour(hours + 1)), judge(hour(hours + 1))), (before.clone(), before.clone()), "{hours}");
    }
    assert_eq!(count(store, "owner:=Ann", hour(4)), 1);
    // Through a merge of what was merged, too.
    merged(hour(7));
    judge(hour(7));
    world.decide_at(hour(8), move |tx, by| directive::merge(tx, by, &[one, three])).unwrap();
    assert_eq!(judge(hour(8)).len(), 1);
    let third = world.record(3);
    world.decide_at(hour(9), move |tx, by| directive::split(tx, by, &[third])).unwrap();
    assert_eq!(judge(hour(9)), [says(one, "Ann", "4711"), says(three, "", "33")]);
    // What is said of the one stays with it, and what is taken away there is not said again.
    own(store, one, Some("Bob"), hour(10));
    set(store, one, None, hour(10));
    assert_eq!(judge(hour(10))[0], says(one, "Bob", ""));
    apart(hour(11));
    assert_eq!(judge(hour(11)), [says(one, "Bob", ""), says(two, "Ann", ""), says(three, "", "33")]);
}

fn an_owner_was_who_it_was_and_a_value_what_it_was(database: &Database) {
    let world = World::new(database);
    let store = &world.store;
    world.say(&[agent(1).name("lt-1"), row(2).name("listed")], hour(0));
    world.settle(hour(0));
    let one = world.asset(1);
    let standing = |at: Timestamp| {
        let texts = [
            "owner:=Ann",
            "owner:=Bob",
            "no:owner",
            "field.cost:=7",
            "field.cost:>7",
            "no:field.cost",
            "fields:cost",
            "field:(by_hand:t)",
        ];
        let counts: Vec<u64> = texts.iter().map(|text| count(store, text, at)).collect();
        (counts, assets(store, "", &["name", "owner", "field.cost"], at))
    };
    let mut told = Vec::new();
    store.write_blocking(|tx| field::add_field(tx, ORG, "cost", &FieldKind::Number, "ann", hour(1))).unwrap();
    told.push((hour(1), standing(hour(1))));
    set(store, one, Some("7"), hour(2));
    own(store, one, Some("Ann"), hour(2));
    told.push((hour(2), standing(hour(2))));
    store.write_blocking(|tx| owner::add_owner(tx, ORG, "Bob", "", "ann", hour(3))).unwrap();
    evaluate(store, hour(3));
    set(store, one, Some("9"), hour(3));
    told.push((hour(3), standing(hour(3))));
    own(store, one, None, hour(4));
    set(store, one, None, hour(4));
    told.push((hour(4), standing(hour(4))));
    evaluate(store, hour(5));
    set(store, one, Some("7"), hour(5));
    told.push((hour(5), standing(hour(5))));
    store.write_blocking(|tx| owner::remove_owner(tx, ORG, 1, "ann", hour(6))).unwrap();
    evaluate(store, hour(6));
    set(store, one, Some("8"), hour(6));
    told.push((hour(6), standing(hour(6))));
    let first: Vec<Vec<u64>> = told.iter().map(|(_, (counts, _))| counts[..4].to_vec()).collect();
    assert_eq!(first, [[0, 0, 2, 0], [1, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0], [0, 2, 0, 1], [0, 0, 2, 0]]);
    for (at, then) in told {
        assert_eq!(standing(at), then, "as of {at}");
        assert_eq!(standing(at.plus_seconds(1800)), then, "as of {at} and a half hour");
    }
}

fn what_people_say_is_told_with_who_said_it(database: &Database) {
    let world = World::new(database);
    let store = &world.store;
    world.say(&[agent(1).name("lt-1")], hour(0));
    world.settle(hour(0));
    let one = world.asset(1);
    store.write_blocking(|tx| field::add_field(tx, ORG, "cost", &FieldKind::Text, "ann", hour(1))).unwrap();
    store.write_blocking(|tx| owner::add_owner(tx, ORG, "Bob", "", "ann", hour(1))).unwrap();
    evaluate(store, hour(1));
    set(store, one, Some("7"), hour(2));
    own(store, one, Some("Eve"), hour(3));
    set(store, one, None, hour(4));
    let told = world.write(move |tx| history::asset(tx, ORG, one, &Tell::default())).unwrap().1;
    let shown: Vec<String> = told
        .iter()
        .map(|one| {
            let [before, after, who] = [&one.before, &one.after, &one.who].map(|text| text.as_deref().unwrap_or("-"));
            format!("{} {}: {before} -> {after} by {who}", one.at.seconds_since(NOW) / 3600, one.field)
        })
        .collect();
    let expected = [
        "4 field.cost: 7 -> - by ann",
        "3 owner: Bob -> Eve by ann",
        "2 field.cost: - -> 7 by ann",
        "0 record: - -> 5 attributes by -",
    ];
    assert_eq!(shown, expected);
    let tell = Tell { since: None, field: Some("field.cost".to_owned()), ..Tell::default() };
    assert_eq!(world.write(move |tx| history::asset(tx, ORG, one, &tell)).unwrap().1.len(), 2);
}

fn what_was_typed_moves_with_a_merge_and_is_undone_with_it(database: &Database) {
    let world = World::new(database);
    let store = &world.store;
    world.say(&[agent(1).name("lt-1"), row(2).name("listed")], hour(0));
    world.settle(hour(0));
    let (one, two) = (world.asset(1), world.asset(2));
    store.write_blocking(|tx| field::add_field(tx, ORG, "cost", &FieldKind::Text, "ann", hour(0))).unwrap();
    set(store, two, Some("7"), hour(1));
    own(store, two, Some("Eve"), hour(1));
    let standing = |at: Timestamp| assets(store, "", &["name", "id", "owner", "field.cost"], at);
    let before = standing(hour(1));
    world.decide_at(hour(2), move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    fill(store, hour(2));
    evaluate(store, hour(2));
    let after = standing(hour(2));
    assert_eq!((before.len(), after.len()), (2, 1));
    assert_eq!(after[0][2..], ["Eve", "7"], "what was typed went along");
    set(store, one, Some("8"), hour(3));
    assert_eq!((standing(hour(1)), standing(hour(2))), (before, after));
}

fn the_past_is_asked_beside_somebody_who_writes(database: &Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1")], hour(0));
    world.settle(hour(0));
    world.say(&[agent(1).name("renamed"), row(2).name("listed")], hour(2));
    world.settle(hour(2));
    let reader =
        Store::open(database.url(), Access::Reader, &[access::SLICE, signals::SLICE, inventory::SLICE]).unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (end, has_ended) = mpsc::channel::<()>();
    let writer = world.store;
    let writes = std::thread::spawn(move || {
        writer.write_blocking(move |tx| {
            tx.execute("UPDATE inventory_head SET next_id = next_id WHERE org_id = 1", &[])?;
            begun.send(()).unwrap();
            has_ended.recv().unwrap();
            Ok::<_, StoreError>(())
        })
    });
    has_begun.recv().unwrap();
    let then = [count(&reader, "name:=\"lt-1\"", hour(1)), count(&reader, "", hour(1)), count(&reader, "", hour(2))];
    end.send(()).unwrap();
    writes.join().unwrap().unwrap();
    assert_eq!(then, [1, 1, 2]);
}
