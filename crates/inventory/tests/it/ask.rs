//! Asking, on both databases: answers a user would see.

use kernel::{Cell, Random};
use query::testing::Generator;
use query::{Asking, Known, Record, evaluate, prepare};
use store::Store;
use testkit::Database;

use inventory::{Answer, Ask, AskError, Want, Way};

use crate::oracle::{self, Samples};
use crate::world::{self, NOW, ORG};

testkit::on_each_database! {
    answers_are_those_of_the_naive_evaluator,
    every_attribute_that_was_sent_can_be_asked,
    words_in_the_log_are_found_page_by_page_however_far_the_index_is,
    every_row_of_every_inventory_is_counted,
    the_headline_query_finds_machines_without_a_live_agent,
    pages_follow_each_other_without_gap_or_repetition,
    a_page_of_raw_attributes_goes_on_where_it_stopped,
    every_field_can_be_shown_and_most_can_be_sorted_by,
    programs_reach_their_machine_and_those_of_a_stranger_are_kept,
    an_activity_has_the_name_that_its_console_gives_its_number,
    groups_count_rows_and_largest_come_first,
    mistakes_are_answered_with_place_and_nearest_name,
    another_organization_is_never_answered_from,
    terms_are_counted_from_the_left,
    an_explanation_says_how_the_database_goes_about_it,
}

const AGENTS: usize = 70;

/// Generated queries per inventory; each is asked as a page, as a count and of the naive evaluator.
const GENERATED: usize = 80;

/// Of so many of them one is asked in every way.
const BOTH_WAYS_ONE_IN: usize = 4;

fn opened(database: &Database) -> Store {
    let store = database.open(&[signals::SLICE, inventory::SLICE]);
    world::fill(&store, AGENTS, 7);
    store
}

fn try_ask(store: &Store, ask: Ask) -> Result<Answer, AskError> {
    store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask))
}

fn ask(store: &Store, ask: Ask) -> Answer {
    let shown = format!("{ask:?}");
    try_ask(store, ask).unwrap_or_else(|error| panic!("{shown}: {error:?}"))
}

fn count(store: &Store, inventory: &str, text: &str) -> u64 {
    ask(store, Ask { want: Want::Count, ..Ask::new(inventory, text, NOW) }).total.unwrap()
}

fn fields(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn every_row_of_every_inventory_is_counted(database: &Database) {
    let store = opened(database);
    let counts =
        ["assets", "findings", "activities", "policies", "console_sites", "console_groups", "accounts", "sites"]
            .map(|inventory| count(&store, inventory, ""));
    assert_eq!(counts, [70, 43, 70, 2, 3, 2, 1, 1]);
    assert_eq!(["software", "vulnerabilities", "users"].map(|inventory| count(&store, inventory, "")), [140, 70, 3]);
    assert_eq!(count(&store, "threat", ""), 43, "aliases are names too");
    assert_eq!([count(&store, "findings", "kind:alert"), count(&store, "findings", "kind:threat")], [7, 36]);
}

fn the_headline_query_finds_machines_without_a_live_agent(database: &Database) {
    let store = opened(database);
    let text = "os:windows and not type:server and not edr.name:SentinelOne";
    let expected = world::agents(AGENTS, 7)
        .iter()
        .filter(|said| {
            let inventory::Noun::Machine(agent) = &said.noun else { unreachable!() };
            agent.os.as_ref().unwrap().to_lowercase().contains("windows")
                && agent.type_.as_deref() != Some("server")
                && !agent.state.unwrap().is_live()
        })
        .count();
    assert!(expected > 0);
    assert_eq!(count(&store, "assets", text), expected as u64);
    assert_eq!(count(&store, "assets", "source:SentinelOne"), AGENTS as u64);
    assert_eq!(count(&store, "assets", "SOURCE:sentinelone and not source:crowdstrike"), AGENTS as u64);
    let live = count(&store, "assets", "edr.name:SentinelOne");
    assert_eq!(live + count(&store, "assets", "not edr.name:SentinelOne"), AGENTS as u64);
    assert_eq!(count(&store, "assets", "agent.state:(decommissioned, uninstalled)"), AGENTS as u64 - live);
}

/// All ids of an answer, read page by page.
fn read_all(store: &Store, mut question: Ask) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    loop {
        let answer = ask(store, question.clone());
        assert!(answer.table.rows.len() <= question.limit);
        rows.extend(answer.table.rows);
        match answer.next {
            Some(next) => question.after = Some(next),
            None => return rows,
        }
    }
}

fn pages_follow_each_other_without_gap_or_repetition(database: &Database) {
    let store = opened(database);
    for sort in ["last_seen", "-last_seen", "name", "-name", "os", "-site", "id", "memory_mb", "-serial"] {
        for text in ["", "os:windows", "has:last_seen or no:name", "infected:t"] {
            let question = Ask {
                fields: fields(&["id"]),
                sort: Some(sort.to_owned()),
                limit: 1000,
                ..Ask::new("assets", text, NOW)
            };
            let whole = ask(&store, question.clone());
            assert_eq!(whole.next, None);
            assert_eq!(whole.table.rows.len() as u64, count(&store, "assets", text));
            let paged = read_all(&store, Ask { limit: 7, ..question });
            assert_eq!(paged, whole.table.rows, "{text} by {sort}");
        }
    }
    let first = ask(&store, Ask { limit: 3, ..Ask::new("assets", "", NOW) });
    let refused = [
        Ask { after: first.next.clone(), ..Ask::new("assets", "os:windows", NOW) },
        Ask { after: first.next, sort: Some("name".to_owned()), ..Ask::new("assets", "", NOW) },
        Ask { after: Some("eyJ".to_owned()), ..Ask::new("assets", "", NOW) },
    ];
    for ask in refused {
        assert!(matches!(try_ask(&store, ask), Err(AskError::Argument { argument: "--after", .. })));
    }
}

fn words_in_the_log_are_found_page_by_page_however_far_the_index_is(database: &Database) {
    let store = opened(database);
    let texts = ["default", "text:default and op:create", "not default", "text:\"default group\" or stream:threats"];
    let answers = |store: &Store| {
        texts.map(|text| {
            let question = Ask { fields: fields(&["seq"]), limit: 1000, ..Ask::new("artifacts", text, NOW) };
            let whole = ask(store, question.clone()).table.rows;
            assert!(whole.len() > 10, "{text}");
            assert_eq!(whole.len() as u64, count(store, "artifacts", text), "{text}");
            assert!(whole.windows(2).all(|pair| public(&pair[0][0]) > public(&pair[1][0])), "the latest come first");
            assert_eq!(read_all(store, Ask { limit: 7, ..question.clone() }), whole, "{text}");
            let rising = Ask { sort: Some("seq".to_owned()), limit: 9, ..question };
            assert!(read_all(store, rising).into_iter().rev().eq(whole.clone()), "{text}");
            whole
        })
    };
    let before = answers(&store);
    while store.write_blocking(|tx| signals::index_in(tx, ORG)).unwrap().artifacts > 0 {}
    assert_eq!(answers(&store), before);
    store.write_blocking(|tx| signals::rebuild_index(tx, ORG)).unwrap();
    assert_eq!(answers(&store), before);
    let one = ask(&store, Ask { fields: fields(&["id", "seq", "body"]), limit: 1, ..Ask::new("artifacts", "", NOW) });
    let [Cell::Text(id), seq, Cell::Text(_)] = one.table.rows[0].as_slice() else { panic!("{one:?}") };
    let again = ask(&store, Ask { fields: fields(&["seq"]), ..Ask::new("artifacts", &format!("id:{id}"), NOW) });
    assert_eq!(again.table.rows, [std::slice::from_ref(seq)]);
    let groups = ask(&store, Ask { group_by: fields(&["stream"]), ..Ask::new("artifacts", "default", NOW) });
    assert!(groups.table.rows.len() > 1, "{groups:?}");
    let refused = try_ask(&store, Ask::new("artifacts", "stream:agnets and text:mid*dle", NOW));
    assert!(matches!(refused, Err(AskError::Refused(refused)) if refused.problems.len() == 2));
}

fn a_page_of_raw_attributes_goes_on_where_it_stopped(database: &Database) {
    let store = opened(database);
    let text = "@sentinelone.dev.appsVulnerabilityStatus:=patch_required and os:windows";
    let question = Ask { fields: fields(&["id", "apps_status"]), ..Ask::new("assets", text, NOW) };
    let whole = ask(&store, Ask { limit: 1000, ..question.clone() });
    assert_eq!(whole.table.rows.len() as u64, count(&store, "assets", "apps_status:patch_required os:windows"));
    assert_eq!(whole.table.rows.len() as u64, count(&store, "assets", text));
    assert!(whole.table.rows.iter().all(|row| row[1] == Cell::Text("patch_required".to_owned())));
    assert_eq!(read_all(&store, Ask { limit: 2, ..question }), whole.table.rows);

    for (inventory, text) in [
        ("assets", "@sentinelone.dev.networkInterfaces.inet:=10.20.0.1"),
        ("assets", "@sentinelone.dev.tags.sentinelone.value:müller"),
        ("assets", "@sentinelone.dev.macs:00:00:5E"),
        ("assets", "@sentinelone.cloudProviders.AWS.awsSubnetIds:subnet-1"),
        ("findings", "@sentinelone.threat.threatInfo.detectionEngines.key:pre_execution"),
        ("findings", "@sentinelone.threatInfo.identifiedAtTS:<40d"),
        ("activities", "@sentinelone.activity.data.username:émile"),
        ("activities", "@sentinelone.data.role:=\"Contrôle Interne\""),
        ("policies", "@sentinelone.policy.agentUi.maxEventAgeDays:30"),
        ("console_sites", "description:köln"),
        ("console_sites", "@sentinelone.site.licenses.bundles.surfaces.count:<0"),
    ] {
        assert!(count(&store, inventory, text) > 0, "{inventory}: {text}");
    }
}

fn programs_reach_their_machine_and_those_of_a_stranger_are_kept(database: &Database) {
    let store = opened(database);
    let [with, without] = ["software:chrome", "not software:chrome"].map(|text| count(&store, "assets", text));
    assert!(with > 0 && with + without == 70, "{with} {without}");
    assert_eq!(count(&store, "assets", "product:chrome"), with);
    assert!(count(&store, "assets", "software:(product:chrome version:<131)") < with);
    assert!(count(&store, "assets", "vulnerability:(severity:critical) and vulnerability_count:>0") > 0);
    assert_eq!(count(&store, "assets", "software_count:>0"), count(&store, "assets", "has:software"));
    let [mapped, stranger] = ["mapped:t", "mapped:f"].map(|text| count(&store, "vulnerabilities", text));
    assert!(stranger > 0 && mapped + stranger == 70, "{mapped} {stranger}");
    assert_eq!(count(&store, "vulnerabilities", "has:asset"), mapped);
    assert_eq!(count(&store, "vulnerabilities", "score:>=7"), count(&store, "vulnerabilities", "score:7..10"));
    assert_eq!(count(&store, "users", "held:(role:soc place:\"Site 1\")"), 1);

    // What a source no longer has is not installed any more, and can still be asked for by itself.
    let gone = "UPDATE inventory_source_record SET state = 'retired', retired_at = 1 WHERE stream = 'applications'";
    let as_retiring_does = "UPDATE inventory_software SET gone = 1";
    for sql in [gone, as_retiring_does] {
        store.write_blocking(move |tx| tx.execute(sql, &[])).unwrap();
    }
    assert_eq!(count(&store, "assets", "software:chrome"), 0);
    assert_eq!(count(&store, "assets", "software_count:=0"), 70);
    assert_eq!(count(&store, "software", "state:retired has:retired_at"), 140);
    assert_eq!(count(&store, "software", "state:present"), 0);
}

fn an_activity_has_the_name_that_its_console_gives_its_number(database: &Database) {
    let store = opened(database);
    let named = count(&store, "activities", "type.name:\"user logged in\"");
    let own = count(&store, "activities", "type.name:=login");
    assert_eq!(named + own, count(&store, "activities", "type:27"));
    assert!(named > 0 && own > 0, "{named} {own}");
    assert!(count(&store, "activities", "type:33 no:type.name") > 0, "the console's list may lack a name too");
}

fn every_field_can_be_shown_and_most_can_be_sorted_by(database: &Database) {
    let store = opened(database);
    for inventory in inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed) {
        let names: Vec<String> = inventory.fields.iter().map(|field| field.name.to_owned()).collect();
        let all = ask(&store, Ask { fields: names.clone(), limit: 1000, ..Ask::new(inventory.name, "", NOW) });
        assert_eq!(all.table.columns, names);
        for field in &inventory.fields {
            let one = Ask { sort: Some(format!("-{}", field.name)), ..Ask::new(inventory.name, "", NOW) };
            match try_ask(&store, one) {
                Ok(answer) => {
                    assert!(
                        !field.many() && answer.table.rows.is_empty() == all.table.rows.is_empty(),
                        "{}.{}",
                        inventory.name,
                        field.name
                    );
                }
                Err(AskError::Argument { argument: "--sort", .. }) => {}
                Err(error) => panic!("{}.{}: {error:?}", inventory.name, field.name),
            }
            let example = field.example;
            if !example.is_empty() {
                ask(&store, Ask::new(inventory.name, example, NOW));
            }
        }
    }
    let names =
        fields(&["name", "addresses", "mac", "active", "@sentinelone.dev.networkInterfaces.inet", "site", "tags"]);
    let refused = try_ask(&store, Ask { fields: names.clone(), ..Ask::new("assets", "", NOW) });
    assert!(matches!(refused, Err(AskError::Argument { argument: "--fields", .. })), "tags is a scope");
    let question = Ask { fields: names[..6].to_vec(), sort: Some("id".to_owned()), ..Ask::new("assets", "", NOW) };
    let answer = ask(&store, Ask { limit: 1, ..question });
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = &answer.table.rows[0];
    let Cell::List(addresses) = &row[1] else { panic!("{row:?}") };
    assert!(addresses.contains(&text("10.20.0.1")), "{row:?}");
    assert_eq!(row[2], Cell::List(vec![text("00:00:5e:00:00:00")]));
    assert!(matches!(row[3], Cell::Bool(_)));
    assert_eq!(row[5], text("HQ"));
}

fn groups_count_rows_and_largest_come_first(database: &Database) {
    let store = opened(database);
    for by in [
        vec!["os"],
        vec!["type", "agent.state"],
        vec!["sources"],
        vec!["address"],
        vec!["need", "infected"],
        vec!["name"],
        vec!["site"],
        vec!["@sentinelone.dev.siteName"],
        vec!["need", "mac"],
    ] {
        let question = Ask { group_by: fields(&by), limit: 10_000, ..Ask::new("assets", "", NOW) };
        let answer = ask(&store, question.clone());
        let counts: Vec<i64> = answer
            .table
            .rows
            .iter()
            .map(|row| if let Some(Cell::Int(count)) = row.last() { *count } else { panic!("{row:?}") })
            .collect();
        assert!(counts.is_sorted_by(|one, two| one >= two), "{by:?}");
        let single = !by.iter().any(|name| ["address", "mac"].contains(name));
        assert!(!single || counts.iter().sum::<i64>() == AGENTS as i64, "{by:?}: {counts:?}");
        // What SQL groups and what is grouped by hand are the same groups.
        let slow = ask(&store, Ask { text: "has:@sentinelone.dev.id".to_owned(), ..question });
        assert_eq!(slow.table, answer.table, "{by:?}");
        // A page of groups says how many there are.
        let few = ask(&store, Ask { limit: 1, group_by: fields(&by), ..Ask::new("assets", "", NOW) });
        assert_eq!((few.table.rows.len(), few.groups), (1, Some(answer.table.rows.len() as u64)), "{by:?}");
    }
    let answer = ask(&store, Ask { group_by: fields(&["site"]), limit: 5, ..Ask::new("assets", "", NOW) });
    assert_eq!(answer.groups, Some(1));
    assert_eq!(answer.table.columns, ["site", "count"]);
    assert_eq!(answer.table.rows, [[Cell::Text("HQ".to_owned()), Cell::Int(AGENTS as i64)]]);
}

fn mistakes_are_answered_with_place_and_nearest_name(database: &Database) {
    let store = opened(database);
    let Err(AskError::Refused(refused)) = try_ask(&store, Ask::new("assets", "os:windows and edr.nam:s1", NOW)) else {
        panic!("edr.nam is no field")
    };
    assert_eq!(refused.problems.len(), 1);
    assert_eq!(&refused.text[refused.problems[0].span.start..refused.problems[0].span.end], "edr.nam");
    assert!(refused.problems[0].nearest.contains(&"edr.name".to_owned()), "{refused:?}");

    let inventory = |name| match try_ask(&store, Ask::new(name, "", NOW)) {
        Err(AskError::Inventory { message, help }) => format!("{message}; {help}"),
        other => panic!("{other:?}"),
    };
    assert!(inventory("asets").contains("did you mean assets?"));
    assert!(inventory("wireless").contains("cannot be asked yet"));
    for (name, ask) in [
        ("--fields", Ask { fields: fields(&["nam"]), ..Ask::new("assets", "", NOW) }),
        ("--sort", Ask { sort: Some("addres".to_owned()), ..Ask::new("assets", "", NOW) }),
        ("--group-by", Ask { group_by: fields(&["oss"]), ..Ask::new("assets", "", NOW) }),
        ("--limit", Ask { limit: 0, ..Ask::new("assets", "", NOW) }),
    ] {
        match try_ask(&store, ask) {
            Err(AskError::Argument { argument, help: Some(_), .. }) => assert_eq!(argument, name),
            other => panic!("{other:?}"),
        }
    }
    let answer = ask(&store, Ask::new("assets", "outlier:>2", NOW));
    assert!(answer.table.rows.is_empty() && !answer.warnings.is_empty());
}

fn another_organization_is_never_answered_from(database: &Database) {
    let store = opened(database);
    for inventory in ["assets", "findings", "activities", "sites"] {
        let mine = read_all(&store, Ask { fields: fields(&["id"]), ..Ask::new(inventory, "", NOW) });
        let other = store.read_blocking(move |tx| {
            inventory::ask_in(tx, world::OTHER, &Ask { limit: 1000, ..Ask::new(inventory, "", NOW) })
        });
        assert_ne!(mine.len(), other.unwrap().table.rows.len() + 1000, "{inventory}");
    }
    assert_eq!(count(&store, "assets", "site:Elsewhere"), 0);
    assert_eq!(count(&store, "sites", ""), 1);
}

fn terms_are_counted_from_the_left(database: &Database) {
    let store = opened(database);
    let text = "os:windows and not type:server and not edr.name:SentinelOne";
    let answer = ask(&store, Ask { want: Want::Terms, ..Ask::new("assets", text, NOW) });
    assert_eq!(answer.of, Some(AGENTS as u64));
    let first = count(&store, "assets", "os:windows");
    let second = count(&store, "assets", "os:windows not type:server");
    let counts: Vec<u64> = answer.terms.iter().map(|term| term.count).collect();
    assert_eq!(counts, [first, second, count(&store, "assets", text)]);
    assert_eq!(answer.total, Some(counts[2]));
    let texts: Vec<&str> = answer.terms.iter().map(|term| term.text.as_str()).collect();
    assert_eq!(texts, ["os:windows", "not type:server", "not edr.name:SentinelOne"]);
}

fn an_explanation_says_how_the_database_goes_about_it(database: &Database) {
    let store = opened(database);
    let explained = |text: &str| ask(&store, Ask { want: Want::Explain, ..Ask::new("assets", text, NOW) });
    let answer = explained("os:windows and name:lt");
    for part in ["query    os:windows and name:lt", "by last_seen, largest first", "sql ", "page ", "count "] {
        assert!(answer.plan.contains(part), "{part}: {}", answer.plan);
    }
    let answer = explained("@sentinelone.dev.infected:t");
    assert!(answer.plan.contains("residual"), "{}", answer.plan);
}

/// What the data holds, from the values that the oracle read.
struct Holds<'a>(&'a Samples);

impl Known for Holds<'_> {
    fn values(&self, inventory: &str, field: &str) -> Option<Vec<(String, u64)>> {
        let values = self.0.get(&(inventory.to_owned(), field.to_owned()))?;
        Some(values.iter().map(|value| (value.clone(), 1)).collect())
    }

    fn sources(&self) -> Option<Vec<String>> {
        Some(vec!["sentinelone".to_owned()])
    }
}

fn answers_are_those_of_the_naive_evaluator(database: &Database) {
    let store = opened(database);
    let catalogue = inventory::catalogue();
    for inventory in catalogue.inventories.iter().filter(|inventory| inventory.listed) {
        let id = if inventory.name == "artifacts" { "seq" } else { "id" };
        let things = store.read_blocking(move |tx| oracle::things(tx, ORG, inventory)).unwrap();
        let samples = oracle::samples(inventory, &things);
        let sample = |inventory: &str, field: &str| {
            samples.get(&(inventory.to_owned(), field.to_owned())).cloned().unwrap_or_default()
        };
        let raw = oracle::attributes(&things);
        let generator = Generator { catalogue, inventory, samples: &sample, raw: &raw };
        let random = &mut Random::seeded(inventory.name.len() as u64);
        let mut told_apart = 0;
        for number in 0..GENERATED {
            let text = generator.query(random);
            let known = Holds(&samples);
            let asking = Asking { catalogue, inventory: inventory.name, now: NOW, as_of: None, known: &known };
            let checked = prepare(&text, &asking).unwrap_or_else(|refused| panic!("{}: {refused:?}", inventory.name));
            let mut expected: Vec<i64> =
                things.iter().filter(|thing| evaluate(&checked, *thing)).map(|thing| thing.key).collect();
            let question = Ask {
                fields: fields(&[id]),
                sort: Some("-id".to_owned()),
                limit: 1000,
                ..Ask::new(inventory.name, &text, NOW)
            };
            let answer = ask(&store, question.clone());
            let orders = texts_of(inventory).into_iter().chain(["-id"]);
            for sort in orders.filter(|_| number % BOTH_WAYS_ONE_IN == 0) {
                both_ways(&store, &Ask { sort: Some(sort.to_owned()), limit: 5, ..question.clone() });
            }
            let mut found: Vec<i64> = answer.table.rows.iter().map(|row| key_among(&row[0], &things)).collect();
            // Where an id is a name of its own, its order is not that of keys.
            if !matches!(inventory.field(id).map(|field| &field.ty), Some(query::Type::Int))
                && answer.table.rows.iter().any(|row| public(&row[0]).is_none())
            {
                found.sort_unstable_by(|one, two| two.cmp(one));
            }
            expected.sort_unstable_by(|one, two| two.cmp(one));
            assert_eq!(found, expected, "{}: {text}", inventory.name);
            assert_eq!(count(&store, inventory.name, &text), expected.len() as u64, "{}: {text}", inventory.name);
            told_apart += usize::from(!expected.is_empty() && expected.len() < things.len());
        }
        let few = things.len() < 4;
        assert!(few || told_apart > GENERATED / 4, "{}: only {told_apart} queries tell rows apart", inventory.name);
    }
}

/// Orders that are not those of keys, of inventories that have them.
fn texts_of(inventory: &query::Inventory) -> Vec<&'static str> {
    match inventory.name {
        "assets" => vec!["-last_seen", "name"],
        "findings" => vec!["identified_at"],
        _ => Vec::new(),
    }
}

/// A page is the same whether rows are tested in their order or all that match are found and sorted, and so is the
/// next one.
fn both_ways(store: &Store, first: &Ask) {
    let mut after = None;
    for _ in 0..2 {
        let page = |way| ask(store, Ask { after: after.clone(), way, ..first.clone() });
        let cheapest = page(Way::Cheapest);
        for way in [Way::Walk, Way::Gather] {
            let other = page(way);
            assert_eq!(
                other.table.rows, cheapest.table.rows,
                "{}: {} by {:?}",
                first.inventory, first.text, first.sort
            );
            assert_eq!(other.next, cheapest.next, "{}: {} by {:?}", first.inventory, first.text, first.sort);
        }
        if cheapest.next.is_none() {
            return;
        }
        after = cheapest.next;
    }
}

/// The number behind a public id; `None` for an id that is a name of its own, as a CVE's.
fn public(cell: &Cell) -> Option<i64> {
    let text = match cell {
        Cell::Int(number) => return Some(*number),
        Cell::Text(text) => text,
        other => panic!("{other:?}"),
    };
    let prefix = text.split('_').next().unwrap();
    kernel::id::parse_public(prefix, text)
}

/// The key of the row with that id.
fn key_among(cell: &Cell, things: &[oracle::Thing]) -> i64 {
    let named = |thing: &&oracle::Thing| match cell {
        Cell::Text(text) => thing.values("id").contains(&query::Datum::Text(text.clone())),
        _ => false,
    };
    public(cell).unwrap_or_else(|| things.iter().find(named).unwrap().key)
}

fn every_attribute_that_was_sent_can_be_asked(database: &Database) {
    let store = opened(database);
    for name in ["assets", "findings", "activities", "policies", "software", "vulnerabilities", "users"] {
        let inventory = inventory::catalogue().inventory(name).unwrap();
        let things = store.read_blocking(move |tx| oracle::things(tx, ORG, inventory)).unwrap();
        for (path, values) in oracle::attributes(&things) {
            let has = count(&store, name, &format!("has:\"@{path}\""));
            assert_eq!(has > 0, !values.is_empty() || path.ends_with("externalId"), "{name}: @{path}");
            let shown = Ask { fields: vec![format!("@{path}")], limit: 1000, ..Ask::new(name, "", NOW) };
            let shown = ask(&store, shown).table.rows;
            let full = |cell: &Cell| !matches!(cell, Cell::Empty) && *cell != Cell::List(Vec::new());
            assert_eq!(shown.iter().any(|row| full(&row[0])), has > 0, "{name}: @{path}");
        }
    }
}
