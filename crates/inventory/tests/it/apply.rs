//! Applying pages: what is stored, what is left alone, and what history says.

use kernel::{OrgId, RecordId};
use store::{Store, StoreError};
use testkit::Database;

use inventory::noun::{AgentState, FindingNoun};
use inventory::{InventoryError, Memory, Noun, Op, Reason};

use crate::source::{Agent, Source, TABLES, at, dump, one_int, one_text, texts};

testkit::on_each_database! {
    a_new_record_becomes_an_asset_with_a_link_and_no_history,
    the_same_bytes_write_nothing,
    a_volatile_difference_moves_last_seen_and_the_body_and_nothing_else,
    a_difference_in_meaning_writes_a_version_and_history,
    a_renamed_machine_keeps_its_earlier_names,
    a_state_that_returns_is_a_new_version,
    a_record_that_a_page_names_twice_is_applied_twice_in_order,
    a_record_that_cannot_be_understood_stays_as_it_was,
    a_rolled_back_page_leaves_neither_rows_nor_false_memories,
    memory_that_another_writer_overtook_is_read_again,
    both_databases_store_the_same_rows,
    bodies_come_back_from_records_and_from_the_log,
    a_body_is_in_the_log_alone_until_its_record_is_touched,
    a_dictionary_is_trained_once_and_outlives_memory,
    every_noun_has_its_row_and_its_children,
    a_finding_reaches_its_asset_whichever_came_first,
    nul_is_replaced_and_counted,
    integrations_and_organizations_do_not_mix,
    an_agent_that_left_has_no_edr,
    a_site_is_made_once,
    records_are_counted_by_stream,
    text_without_end_stops_no_page,
}

fn open(database: &Database) -> Store {
    database.open(&TABLES)
}

fn a_new_record_becomes_an_asset_with_a_link_and_no_history(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let outcomes = source.apply(&[Agent::new("7"), Agent::new("8")]);
    assert!(outcomes.iter().all(|outcome| outcome.op == Op::Created && outcome.version == 1));
    assert_ne!(outcomes[0].record, outcomes[1].record);
    assert_eq!(texts(&store, "SELECT name FROM inventory_asset ORDER BY asset_id"), ["PC-7", "PC-8"]);
    let link = "SELECT l.rule || ' ' || l.evidence || ' ' || a.name FROM inventory_link l
        JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id ORDER BY l.record_id";
    assert_eq!(texts(&store, link), ["new 7 PC-7", "new 8 PC-8"]);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_change"), 0);
    // What an agent merely reports is secondary.
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_address WHERE is_primary = 1"), 0);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_address"), 4);
}

fn the_same_bytes_write_nothing(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let first = source.apply(&[Agent::new("7")]);
    let before = dump(&store);
    let second = source.later(60).apply(&[Agent::new("7")]);
    assert_eq!(second[0].op, Op::Unchanged);
    assert_eq!((second[0].record, second[0].version), (first[0].record, 1));
    assert_eq!(dump(&store), before);
}

fn a_volatile_difference_moves_last_seen_and_the_body_and_nothing_else(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let created = source.apply(&[Agent::new("7"), Agent::new("8")]);
    let touched = Agent { last_seen: 5_000, active: false, ..Agent::new("7") };
    let outcomes = source.later(60).apply(std::slice::from_ref(&touched));
    assert_eq!((outcomes[0].op.clone(), outcomes[0].version), (Op::Touched, 1));
    assert_eq!(one_int(&store, "SELECT last_seen FROM inventory_asset WHERE name = 'PC-7'"), at(5_000).micros());
    assert_eq!(one_int(&store, "SELECT active FROM inventory_asset WHERE name = 'PC-7'"), 0);
    assert_eq!(one_int(&store, "SELECT last_seen FROM inventory_asset WHERE name = 'PC-8'"), at(1_000).micros());
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_change"), 0);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_asset WHERE updated_at <> created_at"), 0);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_source_record WHERE changed_at <> first_seen_at"), 0);
    let bodies = source.bodies(&[created[0].record, created[1].record]);
    assert_eq!(bodies, [Some(touched.raw()), Some(Agent::new("8").raw())]);
    // The raw bytes are those that were seen last: the same again writes nothing.
    assert_eq!(source.apply(&[touched])[0].op, Op::Unchanged);
}

fn a_difference_in_meaning_writes_a_version_and_history(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let created = source.apply(&[Agent::new("7"), Agent::new("8")]);
    let changed = Agent {
        os: "Windows 11",
        infected: true,
        addresses: &["10.0.0.7", "fe80::7"],
        tags: &[("owner", "Ops")],
        last_seen: 5_000,
        ..Agent::new("7")
    };
    let outcomes = source.later(60).apply(&[changed]);
    assert_eq!((outcomes[0].op.clone(), outcomes[0].version), (Op::Changed, 2));
    assert_eq!(outcomes[0].record, created[0].record);
    let history = texts(
        &store,
        "SELECT inventory || ' ' || field || ': ' || COALESCE(before, '-') || ' -> ' || COALESCE(after, '-')
         FROM inventory_change ORDER BY change_id",
    );
    assert_eq!(
        history,
        [
            "assets os: Windows 10 -> Windows 11",
            "assets infected: false -> true",
            "assets addresses: 10.1.2.3, 2001:db8::7 -> 10.0.0.7, fe80::7",
            "assets tags: - -> owner Ops",
        ]
    );
    let place = "SELECT COUNT(*) FROM inventory_change c JOIN inventory_link l
        ON l.org_id = c.org_id AND l.record_id = c.record_id AND l.asset_id = c.asset_id WHERE c.integration_id = 1";
    assert_eq!(one_int(&store, place), 4);
    assert_eq!(one_int(&store, "SELECT MIN(at) FROM inventory_change"), source.later(60).now.micros());
    assert_eq!(
        one_text(
            &store,
            "SELECT t.text FROM inventory_asset a JOIN inventory_term t ON t.term_id = a.os_term WHERE a.name = 'PC-7'"
        ),
        "Windows 11"
    );
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_asset WHERE updated_at > created_at"), 1);
    assert_eq!(one_int(&store, "SELECT tag_count FROM inventory_asset WHERE name = 'PC-7'"), 1);
}

fn a_renamed_machine_keeps_its_earlier_names(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    for name in ["Alpha", "Beta", "Gamma", "Beta"] {
        source.apply(&[Agent { name, ..Agent::new("7") }]);
    }
    let names = "SELECT name || ' ' || CAST(current AS TEXT) FROM inventory_name ORDER BY name_folded";
    assert_eq!(texts(&store, names), ["Alpha 0", "Beta 1", "Gamma 0"]);
    let history = "SELECT before || ' -> ' || after FROM inventory_change WHERE field = 'names' ORDER BY change_id";
    assert_eq!(texts(&store, history), ["Alpha -> Beta", "Beta -> Gamma", "Gamma -> Beta"]);
    assert_eq!(one_text(&store, "SELECT name_folded FROM inventory_asset"), "beta");
}

fn a_state_that_returns_is_a_new_version(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    for (os, version) in [("Windows 10", 1), ("Windows 11", 2), ("Windows 10", 3)] {
        let outcomes = source.apply_and_record(&[Agent { os, ..Agent::new("7") }]);
        assert_eq!(outcomes[0].version, version);
    }
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM signals_artifact"), 3);
    let ids: std::collections::BTreeSet<_> = source.log().into_iter().map(|artifact| artifact.id).collect();
    assert_eq!(ids.len(), 3);
}

fn a_record_that_a_page_names_twice_is_applied_twice_in_order(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let page = [
        Agent::new("7"),
        Agent { os: "Windows 11", ..Agent::new("8") },
        Agent { os: "Windows 11", ..Agent::new("7") },
        Agent { os: "Windows 11", ..Agent::new("8") },
        Agent { os: "Windows 12", ..Agent::new("7") },
    ];
    let outcomes = source.apply_and_record(&page);
    let ops: Vec<_> = outcomes.iter().map(|outcome| (outcome.op.clone(), outcome.version)).collect();
    let expected = [(Op::Created, 1), (Op::Created, 1), (Op::Changed, 2), (Op::Unchanged, 1), (Op::Changed, 3)];
    assert_eq!(ops, expected);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_asset"), 2);
    let history = "SELECT before || ' -> ' || after FROM inventory_change ORDER BY change_id";
    assert_eq!(texts(&store, history), ["Windows 10 -> Windows 11", "Windows 11 -> Windows 12"]);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM signals_artifact"), 4, "every version is in the log");
}

fn a_record_that_cannot_be_understood_stays_as_it_was(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let created = source.apply(&[Agent::new("7")]);
    let before = dump(&store);
    let broken = |id| Agent { broken: true, ..Agent::new(id) };
    let outcomes = source.apply(&[broken("7"), broken("8")]);
    let reason = || Op::Quarantined(Reason("it is broken".to_owned()));
    assert_eq!((outcomes[0].op.clone(), outcomes[0].record, outcomes[0].version), (reason(), created[0].record, 1));
    assert_eq!((outcomes[1].op.clone(), outcomes[1].record, outcomes[1].version), (reason(), RecordId(0), 0));
    assert_eq!(dump(&store), before);
    // The rest of such a page is stored.
    let outcomes = source.apply(&[broken("7"), Agent::new("9"), Agent::new("8")]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.op == Op::Created).count(), 2);
}

fn a_rolled_back_page_leaves_neither_rows_nor_false_memories(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    source.apply(&[Agent::new("7")]);
    let before = dump(&store);
    let failing = source.clone();
    let failed: Result<(), InventoryError> = store.write_blocking(move |tx| {
        failing.apply_in(tx, &[Agent { os: "Debian 12", name: "lost", ..Agent::new("8") }])?;
        Err(StoreError::Content("the page fails later on".to_owned()).into())
    });
    assert!(failed.is_err());
    assert_eq!(dump(&store), before);

    // Another program takes the very ids that the lost page had, for other terms.
    let other = Source { memory: Memory::default().into(), ..source.clone() };
    other.apply(&[Agent { os: "macOS 15", ..Agent::new("9") }]);
    source.apply(&[Agent { os: "Debian 12", ..Agent::new("8") }]);
    let os = "SELECT a.name || ' ' || t.text || ' ' || t.dictionary FROM inventory_asset a
        JOIN inventory_term t ON t.org_id = a.org_id AND t.term_id = a.os_term ORDER BY a.name";
    assert_eq!(texts(&store, os), ["PC-7 Windows 10 os", "PC-8 Debian 12 os", "PC-9 macOS 15 os"]);
}

fn memory_that_another_writer_overtook_is_read_again(database: &Database) {
    let store = open(database);
    let one = Source::agents(&store);
    let two = Source { memory: Memory::default().into(), ..one.clone() };
    for (at, os) in ["A", "B", "A", "C", "B", "C"].into_iter().enumerate() {
        let source = if at % 2 == 0 { &one } else { &two };
        let id = ["1", "2", "3", "4", "5", "6"][at];
        source.apply(&[Agent { os, ..Agent::new(id) }]);
    }
    assert_eq!(texts(&store, "SELECT text FROM inventory_term WHERE dictionary = 'os' ORDER BY text"), ["A", "B", "C"]);
}

fn both_databases_store_the_same_rows(database: &Database) {
    let run = |store: &Store| {
        let source = Source::agents(store);
        let fleet: Vec<Agent> = IDS.iter().map(|id| Agent::new(id)).collect();
        source.apply_and_record(&fleet);
        let page: Vec<Agent> = (fleet.iter().enumerate())
            .map(|(at, agent)| match at % 3 {
                0 => agent.clone(),
                1 => Agent { last_seen: 2_000, ..agent.clone() },
                _ => Agent { os: "Wíndows 11", name: "Ünicode", tags: &[("Ä", "ß")], ..agent.clone() },
            })
            .collect();
        source.later(60).apply_and_record(&page);
        dump(store)
    };
    let here = run(&open(database));
    let there = run(&Store::in_memory(&TABLES).unwrap());
    assert_eq!(here.len(), there.len());
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
}

const IDS: [&str; 80] = {
    let mut ids = [""; 80];
    let digits = "000102030405060708091011121314151617181920212223242526272829303132333435363738394041424344454647484950515253545556575859606162636465666768697071727374757677787980";
    let mut at = 0;
    while at < 80 {
        let (_, rest) = digits.split_at(at * 2);
        ids[at] = rest.split_at(2).0;
        at += 1;
    }
    ids
};

fn bodies_come_back_from_records_and_from_the_log(database: &Database) {
    let store = open(database);
    let agents = Source::agents(&store);
    let activities = Source { stream: "activities", immutable: true, ..agents.clone() };
    let created = agents.apply_and_record(&[Agent::new("7"), Agent::new("8")]);
    let logged = activities.apply_and_record(&[Agent::activity("70"), Agent::activity("71")]);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_source_record WHERE body IS NULL"), 2);
    let records = [logged[1].record, created[0].record, RecordId(999), logged[0].record, created[1].record];
    let expected = [
        Some(Agent::activity("71").raw()),
        Some(Agent::new("7").raw()),
        None,
        Some(Agent::activity("70").raw()),
        Some(Agent::new("8").raw()),
    ];
    assert_eq!(agents.bodies(&records), expected);
}

fn a_body_is_in_the_log_alone_until_its_record_is_touched(database: &Database) {
    const KEPT: &str = "SELECT COUNT(*) FROM inventory_source_record WHERE body IS NOT NULL";
    let store = open(database);
    let source = Source { body_in_log: true, ..Source::agents(&store) };
    let other = Source { integration: 2, ..source.clone() };
    let one = source.apply_and_record(&[Agent::new("7")])[0].record;
    let body = |source: &Source, record| source.bodies(&[record]).remove(0);
    assert_eq!((one_int(&store, KEPT), body(&source, one)), (0, Some(Agent::new("7").raw())));

    // Another integration of the same console is told a later version, which is not what this one was told.
    let later = Agent { os: "Windows 12", ..Agent::new("7") };
    let two = other.apply_and_record(std::slice::from_ref(&later))[0].record;
    assert_eq!((body(&source, one), body(&other, two)), (Some(Agent::new("7").raw()), Some(later.raw())));

    let moved = Agent { last_seen: 3_000, ..Agent::new("7") };
    source.later(60).apply_and_record(std::slice::from_ref(&moved));
    assert_eq!((one_int(&store, KEPT), body(&source, one)), (1, Some(moved.raw())));
    let changed = Agent { os: "Windows 11", ..moved };
    source.later(120).apply_and_record(std::slice::from_ref(&changed));
    assert_eq!((one_int(&store, KEPT), body(&source, one)), (0, Some(changed.raw())));
}

fn a_dictionary_is_trained_once_and_outlives_memory(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let fleet: Vec<Agent> = IDS.iter().map(|id| Agent::new(id)).collect();
    let created = source.apply(&fleet);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_body_dictionary"), 1);
    let forgetful = Source { memory: Memory::default().into(), ..source };
    let moved: Vec<Agent> = fleet.iter().map(|agent| Agent { last_seen: 3_000, ..agent.clone() }).collect();
    forgetful.apply(&moved[..70]);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_body_dictionary"), 1);
    assert_eq!(one_int(&store, "SELECT COUNT(DISTINCT dictionary_id) FROM inventory_source_record"), 1);
    let records: Vec<RecordId> = created.iter().map(|outcome| outcome.record).collect();
    let expected: Vec<_> = moved[..70].iter().chain(&fleet[70..]).map(|agent| Some(agent.raw())).collect();
    assert_eq!(forgetful.bodies(&records), expected);
}

fn every_noun_has_its_row_and_its_children(database: &Database) {
    let store = open(database);
    for (stream, nouns) in crate::source::every_noun() {
        let source = Source { stream, ..Source::agents(&store) };
        let expected = [(Op::Created, "first"), (Op::Changed, "changed"), (Op::Touched, "changed")];
        for (noun, (op, meaning)) in nouns.into_iter().zip(expected) {
            let outcomes = source.apply_nouns(vec![("7".to_owned(), noun, meaning)]);
            assert_eq!(outcomes[0].op, op, "{stream}");
        }
    }
    for table in [
        "asset",
        "finding",
        "activity",
        "policy",
        "account",
        "console_site",
        "console_group",
        "name",
        "interface",
        "address",
        "tag",
        "need",
        "finding_engine",
        "finding_technique",
        "finding_action",
        "policy_engine",
    ] {
        assert!(one_int(&store, &format!("SELECT COUNT(*) FROM inventory_{table}")) > 0, "{table}");
    }
    let inventories = "SELECT DISTINCT inventory FROM inventory_change ORDER BY inventory";
    assert_eq!(
        texts(&store, inventories),
        ["accounts", "activities", "assets", "console_groups", "console_sites", "findings", "policies"]
    );
    let engines = "SELECT t.text FROM inventory_finding_engine e JOIN inventory_term t ON t.term_id = e.engine_term";
    assert_eq!(texts(&store, engines), ["pre_execution"]);
}

fn a_finding_reaches_its_asset_whichever_came_first(database: &Database) {
    let store = open(database);
    let agents = Source::agents(&store);
    let threats = Source { stream: "threats", ..agents.clone() };
    let threat = |agent: &str| {
        let noun = FindingNoun { agent_id: Some(agent.to_owned()), ..FindingNoun::default() };
        vec![(format!("threat of {agent}"), Noun::Finding(noun), "a threat")]
    };
    threats.apply_nouns(threat("7"));
    agents.apply(&[Agent::new("7"), Agent::new("8")]);
    threats.apply_nouns(threat("8"));
    threats.apply_nouns(threat("9"));
    let reached = "SELECT f.native_id || ': ' || a.name FROM inventory_finding f
        JOIN inventory_source_record s ON s.org_id = f.org_id AND s.integration_id = f.integration_id
            AND s.stream = 'agents' AND s.native_id = f.agent_native_id
        JOIN inventory_link l ON l.org_id = s.org_id AND l.record_id = s.record_id
        JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id ORDER BY a.name";
    assert_eq!(texts(&store, reached), ["threat of 7: PC-7", "threat of 8: PC-8"]);
}

fn nul_is_replaced_and_counted(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let agent = Agent { name: "a\0b", os: "c\0", tags: &[("k\0", "v")], ..Agent::new("7\0") };
    let outcomes = source.apply(&[agent]);
    assert_eq!(outcomes[0].replaced_nuls, 4);
    assert_eq!(one_text(&store, "SELECT name FROM inventory_asset"), "a\u{fffd}b");
    assert_eq!(one_text(&store, "SELECT native_id FROM inventory_source_record"), "7\u{fffd}");
    assert_eq!(
        source.apply(&[Agent { name: "a\0b", os: "c\0", tags: &[("k\0", "v")], ..Agent::new("7\0") }])[0].op,
        Op::Unchanged
    );
}

fn integrations_and_organizations_do_not_mix(database: &Database) {
    let store = open(database);
    let one = Source::agents(&store);
    let two = Source { integration: 2, ..one.clone() };
    let other = Source { org: OrgId(2), ..one.clone() };
    for source in [&one, &two, &other] {
        assert_eq!(source.apply(&[Agent::new("7")])[0].op, Op::Created);
    }
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_asset WHERE org_id = 1"), 2);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_asset WHERE org_id = 2"), 1);
    two.apply(&[Agent { os: "Windows 11", ..Agent::new("7") }]);
    let os =
        "SELECT t.text FROM inventory_asset a JOIN inventory_term t ON t.org_id = a.org_id AND t.term_id = a.os_term
        ORDER BY a.org_id, a.asset_id";
    assert_eq!(texts(&store, os), ["Windows 10", "Windows 11", "Windows 10"]);
}

fn an_agent_that_left_has_no_edr(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    for (id, state) in ["1", "2", "3", "4", "5"].into_iter().zip(AgentState::ALL) {
        source.apply(&[Agent { state, ..Agent::new(id) }]);
    }
    let edr = "SELECT s.text || ' ' || COALESCE(e.text, '-') || ' ' || CAST(a.edr_live AS TEXT) FROM inventory_asset a
        JOIN inventory_term s ON s.term_id = a.agent_state_term LEFT JOIN inventory_term e ON e.term_id = a.edr_term
        ORDER BY a.asset_id";
    assert_eq!(
        texts(&store, edr),
        [
            "active SentinelOne 1",
            "offline SentinelOne 1",
            "pending SentinelOne 1",
            "decommissioned - 0",
            "uninstalled - 0"
        ]
    );
    source.apply(&[Agent { state: AgentState::Uninstalled, ..Agent::new("1") }]);
    let history = "SELECT field FROM inventory_change ORDER BY field";
    assert_eq!(texts(&store, history), ["edr", "edr_live"]);
}

fn a_site_is_made_once(database: &Database) {
    let store = open(database);
    let site = |name: &'static str| {
        store.write_blocking(move |tx| inventory::ensure_site(tx, OrgId::DEFAULT, name, at(1))).unwrap()
    };
    let berlin = site("Berlin");
    assert_eq!(site("BERLIN"), berlin);
    assert_ne!(site("Bern"), berlin);
    assert_eq!(texts(&store, "SELECT name FROM inventory_site ORDER BY name"), ["Berlin", "Bern"]);
}

fn records_are_counted_by_stream(database: &Database) {
    let store = open(database);
    let agents = Source::agents(&store);
    agents.apply(&[Agent::new("7"), Agent::new("8")]);
    Source { stream: "activities", immutable: true, ..agents }.apply(&[Agent::activity("9")]);
    let counts = |integration| {
        let integration = kernel::IntegrationId(integration);
        store.read_blocking(move |tx| inventory::counts(tx, OrgId::DEFAULT, integration)).unwrap()
    };
    let short: Vec<_> = counts(1).into_iter().map(|count| (count.stream, count.state, count.records)).collect();
    let present = || "present".to_owned();
    assert_eq!(short, [("activities".to_owned(), present(), 1), ("agents".to_owned(), present(), 2)]);
    assert_eq!(counts(2), []);
}

/// PostgreSQL refuses keys of more than 2,700 bytes, and a machine may be called anything.
fn text_without_end_stops_no_page(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let mut random = kernel::Random::seeded(7);
    // Text that no compression makes shorter, and that folding makes longer.
    let mut long = || -> &'static str {
        let text: String = (0..9_000).map(|_| char::from(33 + u8::try_from(random.below(90)).unwrap())).collect();
        String::leak(text + &"\u{fdfa}".repeat(3_000))
    };
    let (name, os, id) = (long(), long(), long());
    let agent = Agent { name, os, ..Agent::new("7") };
    let outcomes = source.apply(&[agent, Agent { id, ..Agent::new("8") }]);
    assert_eq!(outcomes[0].op, Op::Created);
    assert_eq!(outcomes[1].op, Op::Quarantined(Reason("its id has more than 512 bytes".to_owned())));
    let cut = one_text(&store, "SELECT name FROM inventory_asset");
    assert!(cut.len() <= 1024 && name.starts_with(&cut));
    let folding = String::leak("\u{fdfa}".repeat(500));
    source.apply(&[Agent { name: folding, ..Agent::new("7") }]);
    assert!(one_text(&store, "SELECT name_folded FROM inventory_asset").len() <= 2048);
    assert_eq!(source.bodies(&[outcomes[0].record])[0], Some(Agent { name: folding, ..Agent::new("7") }.raw()));
}

/// Without statistics the planner takes org_id alone for a good key, and every page would walk whole tables.
#[test]
fn sqlite_finds_what_a_page_and_a_question_need_by_index() {
    let store = Store::in_memory(&TABLES).unwrap();
    for (sql, index) in [
        (
            "SELECT record_id FROM inventory_source_record
                WHERE org_id = 1 AND integration_id = 1 AND stream = 'agents' AND native_id = '7'",
            "native_id=?",
        ),
        ("SELECT record_id FROM inventory_link WHERE org_id = 1 AND asset_id = 7", "inventory_link_of_asset"),
        ("SELECT COUNT(*) FROM inventory_asset WHERE org_id = 1 AND os_term IN (1, 2)", "inventory_asset_facet"),
        ("SELECT COUNT(*) FROM inventory_asset WHERE org_id = 1 AND name_folded LIKE '%lap%'", "inventory_asset_name"),
        (
            "SELECT record_id FROM inventory_address WHERE org_id = 1 AND ip BETWEEN x'00' AND x'01'",
            "inventory_address_ip",
        ),
        (
            "SELECT asset_id FROM inventory_asset WHERE org_id = 1 ORDER BY last_seen DESC, asset_id DESC LIMIT 50",
            "inventory_asset_seen",
        ),
    ] {
        let plan = format!("EXPLAIN QUERY PLAN {sql}");
        let plan = store.read_blocking(move |tx| tx.query(&plan, &[], |row| row.text(3).map(str::to_owned))).unwrap();
        assert!(plan[0].contains(index) && !plan.iter().any(|step| step.contains("TEMP")), "{sql}: {plan:?}");
    }
}
