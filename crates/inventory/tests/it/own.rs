//! What an organization says itself of its assets: custom fields filled by tags, owners by rule, sites.

use inventory::field::{self, FieldError, FieldKind, Filling};
use inventory::noun::{Grade, MachineNoun, Tag};
use inventory::{Ask, Memory, Noun, Want, owner, site};
use kernel::{AssetId, OrgId};
use store::{Store, StoreError, Tx};
use testkit::Database;

use crate::source::{Source, at, one_int, texts};

testkit::on_each_database! {
    a_new_field_is_filled_from_stored_tags_at_once,
    what_a_person_typed_is_overwritten_by_no_source,
    a_field_is_asked_by_its_name_as_text_number_and_date,
    the_first_rule_that_fits_gives_an_asset_its_owner,
    a_site_is_renamed_and_its_name_is_its_own,
    every_change_is_in_the_audit_trail,
    a_tag_knows_who_says_it,
}

const ORG: OrgId = OrgId::DEFAULT;

fn machine(name: &str, tags: &[(&str, &str)]) -> (String, Noun, &'static str) {
    let said = tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    let raw = format!(r#"{{"id":"{name}","tags":"{said}"}}"#);
    let tags = tags.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect();
    let noun = MachineNoun { grade: Grade::Agent, name: Some(name.to_owned()), tags, ..MachineNoun::default() };
    (name.to_owned(), Noun::Machine(noun), raw.leak())
}

fn fleet(database: &Database) -> Store {
    let store = database.open(&[access::SLICE, signals::SLICE, inventory::SLICE]);
    Source::agents(&store).apply_nouns(vec![
        machine("one", &[("cost", "100"), ("Cost", "x"), ("bought", "2026-01-02")]),
        machine("two", &[("cost", "20")]),
        machine("three", &[("team", "a")]),
    ]);
    store
}

fn write<T: Send + 'static, E: From<StoreError> + Send + std::fmt::Debug + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
) -> T {
    store.write_blocking(work).unwrap()
}

fn add(store: &Store, key: &'static str, kind: FieldKind) {
    write(store, move |tx| field::add_field(tx, ORG, key, &kind, "ann", at(100)));
    fill(store, 100);
}

fn fill(store: &Store, seconds: i64) {
    let mut filling = Some(Filling::begin(at(seconds)));
    while let Some(at) = filling {
        filling = write(store, move |tx| field::fill(tx, ORG, at));
    }
}

fn asset(store: &Store, name: &str) -> AssetId {
    AssetId(one_int(store, &format!("SELECT asset_id FROM inventory_asset WHERE name = '{name}'")))
}

fn count(store: &Store, text: &str) -> u64 {
    let ask = Ask { want: Want::Count, ..Ask::new("assets", text, at(1_000)) };
    store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask)).unwrap().total.unwrap()
}

fn a_new_field_is_filled_from_stored_tags_at_once(database: &Database) {
    let store = fleet(database);
    add(&store, "cost", FieldKind::Number);
    let values = "SELECT a.name || ' ' || v.value FROM inventory_field_value v
        JOIN inventory_asset a ON a.org_id = v.org_id AND a.asset_id = v.asset_id ORDER BY a.name";
    assert_eq!(texts(&store, values), ["one 100", "two 20"], "letter by letter: Cost is another key");
    Source::agents(&store).later(500).apply_nouns(vec![machine("two", &[("cost", "21")]), machine("one", &[])]);
    fill(&store, 600);
    assert_eq!(texts(&store, values), ["two 21"], "and follows");
    write(&store, |tx| field::remove_field(tx, ORG, "cost", "ann", at(700)));
    assert_eq!(texts(&store, values), [""; 0]);
    let twice = store.write_blocking(|tx| field::remove_field(tx, ORG, "cost", "ann", at(700)));
    assert!(matches!(twice, Err(FieldError::Unknown { .. })));
}

fn what_a_person_typed_is_overwritten_by_no_source(database: &Database) {
    let store = fleet(database);
    add(&store, "cost", FieldKind::Number);
    let one = asset(&store, "one");
    let set = move |store: &Store, value: Option<&'static str>| {
        store.write_blocking(move |tx| field::set_by_hand(tx, ORG, one, "cost", value, "ann", at(200)))
    };
    assert!(matches!(set(&store, Some("dear")), Err(FieldError::Value { .. })));
    assert_eq!(count(&store, "field.cost:=100"), 1, "nothing was half done");
    set(&store, Some("7")).unwrap();
    Source::agents(&store).later(500).apply_nouns(vec![machine("one", &[("cost", "300")])]);
    fill(&store, 600);
    assert_eq!((count(&store, "field.cost:=7"), count(&store, "field.cost:=300")), (1, 0));
    set(&store, None).unwrap();
    assert_eq!(count(&store, "field.cost:=300"), 1, "the tag shows again at once");
}

fn a_field_is_asked_by_its_name_as_text_number_and_date(database: &Database) {
    let store = fleet(database);
    add(&store, "cost", FieldKind::Number);
    add(&store, "bought", FieldKind::Date);
    for (text, matching) in [
        ("field.cost:20", 1),
        ("field.cost:>20", 1),
        ("field.cost:>=20", 2),
        ("field.cost:<100", 1),
        ("has:field.cost", 2),
        ("no:field.cost", 1),
        ("not field.cost:>20", 2),
        ("field.bought:<2026-02-01", 1),
        ("field:(key:=cost number:>20)", 1),
        ("field.cost:(20, 100)", 2),
    ] {
        assert_eq!(count(&store, text), matching, "{text}");
    }
    let ask = Ask::new("assets", "field.cots:1", at(1_000));
    let refused = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask)).unwrap_err();
    assert!(format!("{refused:?}").contains("cost"), "{refused:?}");
    let fields = vec!["name".to_owned(), "field.cost".to_owned()];
    let ask = Ask { fields, sort: Some("name".to_owned()), ..Ask::new("assets", "has:field.cost", at(1_000)) };
    let answer = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask)).unwrap();
    let cells: Vec<_> = answer.table.rows.iter().map(|row| row[1].clone()).collect();
    assert_eq!(cells, [kernel::Cell::Text("100".to_owned()), kernel::Cell::Text("20".to_owned())]);
}

fn the_first_rule_that_fits_gives_an_asset_its_owner(database: &Database) {
    let store = fleet(database);
    let evaluate =
        |store: &Store| write(store, |tx| owner::evaluate_owners(tx, ORG, &Memory::default(), at(300))).changed;
    assert_eq!(write(&store, |tx| owner::add_owner(tx, ORG, "Ann", "name:one", "ann", at(200))), 1);
    assert_eq!(write(&store, |tx| owner::add_owner(tx, ORG, "Bob", "name:o", "ann", at(200))), 2);
    assert_eq!((evaluate(&store), evaluate(&store)), (2, 0));
    assert_eq!((count(&store, "owner:=Ann"), count(&store, "owner:=Bob"), count(&store, "no:owner")), (1, 1, 1));
    let (memory, two) = (Memory::default(), asset(&store, "two"));
    write(&store, move |tx| owner::set_owner(tx, ORG, &memory, two, Some("Eve"), "ann", at(400)));
    assert_eq!(evaluate(&store), 0, "a person's word stays");
    write(&store, |tx| owner::remove_owner(tx, ORG, 1, "ann", at(500)));
    assert_eq!(evaluate(&store), 1, "the next rule fits");
    assert_eq!((count(&store, "owner:=Bob"), count(&store, "owner:=Eve")), (1, 1));
    assert!(store.write_blocking(|tx| owner::add_owner(tx, ORG, "X", "nosuch:1", "ann", at(1))).is_err());
}

fn a_site_is_renamed_and_its_name_is_its_own(database: &Database) {
    let store = fleet(database);
    write(&store, |tx| site::add_site(tx, ORG, " Lab ", "ann", at(200)));
    assert!(store.write_blocking(|tx| site::add_site(tx, ORG, "LAB", "ann", at(200))).is_err());
    write(&store, |tx| site::rename_site(tx, ORG, "lab", "LAB 2", "ann", at(300)));
    let sites = store.read_blocking::<_, StoreError, _>(|tx| site::sites(tx, ORG)).unwrap();
    let names: Vec<(&str, u64)> = sites.iter().map(|site| (site.name.as_str(), site.assets)).collect();
    assert!(names.contains(&("LAB 2", 0)), "{names:?}");
    let unknown = store.write_blocking(|tx| site::rename_site(tx, ORG, "nowhere", "x", "ann", at(300)));
    assert!(unknown.unwrap_err().to_string().contains("LAB 2"));
}

fn every_change_is_in_the_audit_trail(database: &Database) {
    let store = fleet(database);
    let one = asset(&store, "one");
    add(&store, "cost", FieldKind::Text);
    write(&store, move |tx| field::set_by_hand(tx, ORG, one, "cost", Some("7"), "ann", at(200)));
    write(&store, |tx| field::remove_field(tx, ORG, "cost", "ann", at(200)));
    write(&store, |tx| owner::add_owner(tx, ORG, "Ann", "", "ann", at(200)));
    write(&store, |tx| owner::remove_owner(tx, ORG, 1, "ann", at(200)));
    write(&store, |tx| site::add_site(tx, ORG, "Lab", "ann", at(200)));
    write(&store, move |tx| inventory::hanging::track(tx, ORG, one, Some("sold"), "ann", at(200)));
    let trail = store.read_blocking::<_, StoreError, _>(|tx| access::audit_trail(tx, ORG, 0, 100)).unwrap();
    let done: Vec<&str> = trail.iter().map(|line| line.what.as_str()).collect();
    let wanted = ["field.add", "asset.set", "field.remove", "owner.add", "owner.remove", "site.add", "asset.untrack"];
    assert_eq!(done, wanted);
}

fn a_tag_knows_who_says_it(database: &Database) {
    let store = fleet(database);
    let (_, seen, _) = machine("one", &[("team", "b"), ("cost", "9")]);
    let Noun::Machine(seen) = seen else { unreachable!() };
    let seen = MachineNoun {
        grade: Grade::Discovery,
        source: "custom".into(),
        agent_id: Some("one".to_owned()),
        name: None,
        ..seen
    };
    let devices = Source { stream: "ranger_devices", ..Source::agents(&store) };
    devices.apply_nouns(vec![("d1".to_owned(), Noun::Machine(seen), "d1")]);
    for (text, matching) in [
        ("tag:cost", 2),
        ("tag:(key:=cost source:sentinelone)", 2),
        ("tag:(key:=cost source:custom)", 1),
        ("tag:(key:=cost value:=100 source:custom)", 0),
        ("tag:(key:team source:custom)", 1),
        ("tag:team and not tag:(key:team source:custom)", 1),
        ("name:=one tag:(value:=b source:custom)", 1),
    ] {
        assert_eq!(count(&store, text), matching, "{text}");
    }
    let one = asset(&store, "one");
    let told = store.read_blocking(move |tx| inventory::correlate::explain::explain(tx, ORG, one)).unwrap();
    let by = |record| &told.records.iter().find(|linked| linked.record == record).unwrap().source;
    let tags: Vec<String> =
        told.tags.iter().map(|tag| format!("{}={} {}", tag.key, tag.value, by(tag.record))).collect();
    let sentinelone = ["bought=2026-01-02 sentinelone", "cost=100 sentinelone", "Cost=x sentinelone"];
    assert_eq!(tags, [&sentinelone[..], &["cost=9 custom", "team=b custom"]].concat());
}
