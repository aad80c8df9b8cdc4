//! What is changed of an integration beside its options, how far a reading is, and its end.

use kernel::OrgId;
use sentinelone::{Console, Token, Transport};
use sentinelone_sim::{Config, tokens};
use sync::import::{Format, Order};
use sync::{Connect, Integration, Place, ReadingFilter, Run, StreamStatus, SyncError};
use testkit::Database;

use crate::files::reading;
use crate::lab::{Build, Lab, SLICES, START, count};

testkit::on_each_database! {
    a_name_and_a_site_change_and_a_name_is_had_once,
    a_task_has_a_name_of_its_own_that_no_other_task_has,
    a_task_is_named_where_its_integration_is_connected,
    every_reading_is_remembered_and_pages_walk_through_them,
    a_request_says_how_far_it_is,
    an_end_retires_what_only_it_said_and_keeps_what_happened,
    an_end_lets_scans_come_to_the_agents_that_are_left,
    what_was_deleted_before_anybody_asked_is_known_at_the_next_reading,
    a_connector_on_trial_is_asked_for_once_and_allowed_once,
}

const ORG: OrgId = OrgId::DEFAULT;
const STREAMS: &[&str] = &["accounts", "sites", "groups", "agents", "threats", "activities"];

fn lab(database: &Database) -> (Lab, Integration) {
    let lab = Build { endpoints: 12, ..Build::default() }.on(database.open(SLICES));
    let of = lab.connect().integration;
    (lab, of)
}

fn write<T: Send + 'static>(
    lab: &Lab,
    work: impl FnOnce(&mut store::Tx<'_>) -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SyncError> {
    lab.store.write_blocking(work)
}

fn a_name_and_a_site_change_and_a_name_is_had_once(database: &Database) {
    let (lab, of) = lab(database);
    let (id, now) = (of.id, lab.world.now());
    let renamed = move |to: &'static str| move |tx: &mut store::Tx<'_>| sync::rename(tx, ORG, id, to, "ada", now);
    write(&lab, renamed(" EMEA ")).unwrap();
    write(&lab, move |tx| sync::move_to_site(tx, ORG, id, "Berlin", "ada", now)).unwrap();
    let now_is = lab.integration();
    assert_eq!((now_is.name.as_str(), now_is.site_name.as_str()), ("EMEA", "Berlin"));
    assert!(matches!(write(&lab, renamed("a,b")), Err(SyncError::BadName { .. })));
    assert_eq!(lab.number("SELECT count(*) FROM access_audit WHERE what = 'integration.rename'"), 1);
    assert!(matches!(
        write(&lab, move |tx| sync::rename(tx, OrgId(2), id, "x", "ada", now)),
        Err(SyncError::NoSuchIntegration { .. })
    ));
}

fn a_task_has_a_name_of_its_own_that_no_other_task_has(database: &Database) {
    let (lab, of) = lab(database);
    let order = Connect { name: Some("twice".to_owned()), all_the_same: true, ..lab.order(tokens::GLOBAL) };
    let twice = lab.time.run(sync::connect(lab.place(), order)).unwrap().integration;
    let now = lab.world.now();
    let named = |id, to: &'static str| write(&lab, move |tx| sync::name_task(tx, ORG, id, to, "ada", now));
    let task = |id| write(&lab, move |tx| sync::integration(tx, ORG, id)).unwrap().task().to_owned();
    assert_eq!((task(of.id), task(twice.id)), (of.name.clone(), "twice".to_owned()));
    assert!(matches!(named(of.id, "twice"), Err(SyncError::NameTaken { .. })));
    assert!(matches!(named(of.id, "a,b"), Err(SyncError::BadName { .. })));
    named(of.id, " Every night ").unwrap();
    assert!(matches!(named(twice.id, "Every night"), Err(SyncError::NameTaken { .. })));
    // Neither is a name free that would be a task's by itself, nor may another integration take it.
    let rename = |id, to: &'static str| write(&lab, move |tx| sync::rename(tx, ORG, id, to, "ada", now));
    assert!(matches!(rename(twice.id, "Every night"), Err(SyncError::NameTaken { .. })));
    let order = Connect { name: Some("Every night".to_owned()), all_the_same: true, ..lab.order(tokens::GLOBAL) };
    assert!(matches!(lab.time.run(sync::connect(lab.place(), order)), Err(SyncError::NameTaken { .. })));
    // It outlives another name of the integration and other options, and is what its readings go by.
    rename(of.id, "EMEA").unwrap();
    lab.sync_streams(&["accounts"]);
    let readings = write(&lab, |tx| Ok(sync::readings(tx, ORG, &ReadingFilter::default(), 100)?)).unwrap();
    let of_it: Vec<&str> =
        readings.iter().filter(|one| one.integration == of.id).map(|one| one.name.as_str()).collect();
    assert_eq!(of_it, ["Every night"]);
    named(of.id, "").unwrap();
    assert_eq!(task(of.id), "EMEA");
    assert_eq!(lab.number("SELECT count(*) FROM access_audit WHERE what = 'integration.name_task'"), 2);
    let called = "SELECT count(*) FROM inventory_integration WHERE name IN ('EMEA', 'twice')";
    assert_eq!(lab.number(called), 2, "questions know them by their present names");
}

fn a_task_is_named_where_its_integration_is_connected(database: &Database) {
    let (lab, of) = lab(database);
    let now = lab.world.now();
    write(&lab, move |tx| sync::name_task(tx, ORG, of.id, "Every night", "ada", now)).unwrap();
    let connect = |name: &str, task: Option<&str>| {
        let (name, task) = (Some(name.to_owned()), task.map(str::to_owned));
        let order = Connect { name, task, all_the_same: true, ..lab.order(tokens::GLOBAL) };
        lab.time.run(sync::connect(lab.place(), order)).map(|connected| connected.integration)
    };
    // What cannot be a task's name, or is another's, connects nothing.
    assert!(matches!(connect("shops", Some("Every night")), Err(SyncError::NameTaken { .. })));
    assert!(matches!(connect("shops", Some("a,b")), Err(SyncError::BadName { .. })));
    assert_eq!(lab.number("SELECT count(*) FROM sync_integration"), 1);
    // A name that another task has is free for an integration whose own task is called something else.
    let shops = connect("Every night", Some(" Shops ")).unwrap();
    let stored = |id| write(&lab, move |tx| sync::integration(tx, ORG, id)).unwrap();
    assert_eq!((shops.task(), stored(shops.id).task()), ("Shops", "Shops"));
    assert_eq!(lab.number("SELECT count(*) FROM access_audit WHERE what = 'integration.name_task'"), 2);
    // A new token leaves it, unless it is named; the empty text and the integration's name are the same.
    assert_eq!(connect("Every night", None).unwrap().task(), "Shops");
    assert_eq!(connect("Every night", Some("Branches")).unwrap().task(), "Branches");
    assert!(matches!(connect("Every night", Some("")), Err(SyncError::NameTaken { .. })));
    assert_eq!(stored(shops.id).task(), "Branches");
    assert_eq!(connect("third", Some("")).unwrap().options.task, None);
    assert_eq!(connect("fourth", Some("fourth")).unwrap().options.task, None);
}

fn every_reading_is_remembered_and_pages_walk_through_them(database: &Database) {
    let (lab, of) = lab(database);
    lab.sync_streams(STREAMS);
    lab.sync_streams(&["agents"]);
    let all =
        |filter: ReadingFilter, limit| write(&lab, move |tx| Ok(sync::readings(tx, ORG, &filter, limit)?)).unwrap();
    let found = all(ReadingFilter::default(), 100);
    assert_eq!(found.len(), STREAMS.len() + 1);
    assert!(found.windows(2).all(|pair| pair[0].id > pair[1].id), "the latest first");
    let agents =
        ReadingFilter { stream: Some("agents".to_owned()), integration: Some(of.id), ..ReadingFilter::default() };
    let agents = all(agents, 100);
    assert_eq!(agents.len(), 2);
    assert_eq!(agents[1].console_total, Some(agents[1].fetched));
    assert!(agents.iter().all(|one| one.status == Some(StreamStatus::Complete) && one.finished_at.is_some()));
    let mut walked = Vec::new();
    let mut filter = ReadingFilter::default();
    loop {
        let page = all(filter.clone(), 3);
        let Some(last) = page.last() else { break };
        filter.before = Some(last.id);
        walked.extend(page);
    }
    assert_eq!(walked, found);
    assert!(all(ReadingFilter { troubled: true, ..ReadingFilter::default() }, 100).is_empty());
    let first = found[0].clone();
    let one =
        write(&lab, move |tx| Ok((sync::reading_of(tx, ORG, first.id)?, sync::reading_of(tx, OrgId(2), first.id)?)));
    assert_eq!(one.unwrap(), (Some(found[0].clone()), None));
}

fn a_request_says_how_far_it_is(database: &Database) {
    let (lab, of) = lab(database);
    let (id, now) = (of.id, lab.world.now());
    let progress = || write(&lab, move |tx| sync::progress(tx, ORG, id)).unwrap();
    assert_eq!(progress(), None);
    let order = Run { streams: vec!["agents".to_owned(), "sites".to_owned()], ..Run::default() };
    write(&lab, move |tx| sync::nudge(tx, ORG, &order, "ada", now)).unwrap();
    let asked = progress().unwrap();
    assert_eq!((asked.done(), asked.is_over(), asked.asked_by.as_str()), (0, false, "ada"));
    assert_eq!(asked.streams.iter().map(|of| of.stream).collect::<Vec<_>>(), ["sites", "agents"]);
    lab.sync_streams(&["sites"]);
    assert_eq!(progress().unwrap().done(), 1);
    lab.sync_streams(&["agents"]);
    let over = progress().unwrap();
    assert!(over.is_over());
    assert_eq!(over.streams[1].ended.as_ref().unwrap().1.status, StreamStatus::Complete);
}

fn an_end_retires_what_only_it_said_and_keeps_what_happened(database: &Database) {
    let (lab, of) = lab(database);
    lab.sync_streams(STREAMS);
    let present = |stream: &str| {
        lab.number(&format!(
            "SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}' AND state <> 'retired'"
        ))
    };
    let (agents, activities, logged) =
        (present("agents"), present("activities"), lab.number("SELECT count(*) FROM signals_artifact"));
    assert!(agents > 0 && activities > 0);
    let removed = lab.time.run(sync::remove(lab.place(), of.id)).unwrap();
    assert!(removed.records >= agents.unsigned_abs());
    assert_eq!((present("agents"), present("threats"), present("activities")), (0, 0, activities));
    assert_eq!(lab.number("SELECT count(*) FROM inventory_asset WHERE gone = 0"), 0);
    let ends = i64::try_from(removed.records).unwrap();
    assert_eq!(lab.number("SELECT count(*) FROM signals_artifact"), logged + ends, "the log has their end");
    for table in ["sync_integration", "sync_stream", "sync_sweep", "sync_sweep_page", "access_credential"] {
        assert_eq!(lab.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert!(matches!(lab.time.run(sync::remove(lab.place(), of.id)), Err(SyncError::NoSuchIntegration { .. })));
    // The same console may be connected again, under the same name.
    assert_ne!(lab.connect().integration.id, of.id);
    lab.sync_streams(STREAMS);
    assert_eq!(present("agents"), agents);
}

/// Two consoles that tell of the same machines, each with agents of its own, and a scan that saw them; the machines, and those
/// that the scan found without an agent.
fn twice(lab: &Lab) -> (Integration, u64) {
    lab.sync_streams(STREAMS);
    let unprotected = || count(&lab.store, "assets", "source:scan and not edr.name:SentinelOne");
    let scan = lab.sim.scan(sentinelone_sim::Where::Main);
    let draft = reading(Format::Nmap, &[], scan.as_bytes()).unwrap();
    let order = Order { source: "office".to_owned(), site: Some("HQ".to_owned()), accept_removals: true };
    lab.time.run(sync::import::import(&lab.store, &lab.world, ORG, "test", &order, draft, &|_| {})).unwrap();
    let (first, known) = (lab.integration(), unprotected());
    // The fleet once more: its agents were set up an hour earlier there, so their ids are others.
    let before = START.plus_seconds(-3600).micros();
    let there = sentinelone_sim::World::new(Config::frozen(7, 40, before));
    let transport = Transport::InProcess(there.service());
    let place = Place { transport: &transport, ..lab.place() };
    let order = Connect { name: Some("twin".to_owned()), ..order_at("https://twin.sentinelone.net") };
    let twin = lab.time.run(sync::connect(place, order)).unwrap().integration;
    let run = Run { names: vec!["twin".to_owned()], streams: vec!["agents".to_owned()], ..Run::default() };
    lab.time.run(sync::run(place, &run, &|_| {})).unwrap();
    assert_ne!(first.id, twin.id);
    assert!(unprotected() > known, "what the scan found fits two agents, so it is neither's: {known}");
    (twin, known)
}

fn order_at(url: &str) -> Connect {
    let (console, token) = (Console::parse(url).unwrap(), Token::parse(tokens::GLOBAL).unwrap());
    Connect { site: Some("HQ".to_owned()), ..Connect::new(console, token) }
}

fn an_end_lets_scans_come_to_the_agents_that_are_left(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    lab.connect();
    let (twin, known) = twice(&lab);
    let assets = |text: &str| count(&lab.store, "assets", text);
    let agents = assets("edr.name:SentinelOne integration:=acme");
    let (history, logged) = ("SELECT count(*) FROM inventory_change", "SELECT count(*) FROM signals_artifact");
    let (told, in_log) = (lab.number(history), lab.number(logged));
    let removed = lab.time.run(sync::remove(lab.place(), twin.id)).unwrap();
    assert_eq!(assets("source:scan and not edr.name:SentinelOne"), known, "as before it was connected");
    assert_eq!(assets("edr.name:SentinelOne"), agents);
    assert_eq!(assets("removed:f and integration:=twin"), 0);
    assert!(assets("removed:t and integration:=twin") > 0, "it is all there still, as what is gone");
    assert!(lab.number(history) > told && lab.number(logged) == in_log + i64::try_from(removed.records).unwrap());
    assert_eq!(lab.number("SELECT count(*) FROM inventory_machine WHERE settled = 0"), 0);
}

fn what_was_deleted_before_anybody_asked_is_known_at_the_next_reading(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    lab.connect();
    let (twin, known) = twice(&lab);
    lab.time.run(sync::remove(lab.place(), twin.id)).unwrap();
    lab.store
        .write_blocking::<_, store::StoreError, _>(|tx| {
            tx.execute("UPDATE inventory_integration SET ended_at = NULL", &[])?;
            tx.execute("UPDATE inventory_machine SET settled = 0", &[])
        })
        .unwrap();
    lab.sync_streams(&["agents"]);
    assert_eq!(lab.number("SELECT count(*) FROM inventory_integration WHERE ended_at IS NOT NULL"), 1);
    assert_eq!(count(&lab.store, "assets", "source:scan and not edr.name:SentinelOne"), known);
}

fn a_connector_on_trial_is_asked_for_once_and_allowed_once(database: &Database) {
    let (lab, _) = lab(database);
    let now = lab.world.now();
    let allow = || write(&lab, move |tx| Ok(sync::allow_connector(tx, ORG, "snmp", "ada", now)?)).unwrap();
    assert!(!allow(), "nobody asked");
    for who in ["ben", "cleo"] {
        write(&lab, move |tx| Ok(sync::enrol_connector(tx, ORG, "snmp", who, now)?)).unwrap();
    }
    assert!(allow() && !allow());
    let all = write(&lab, move |tx| Ok((sync::enrolments(tx, ORG)?, sync::enrolments(tx, OrgId(2))?))).unwrap();
    assert!(all.1.is_empty());
    assert_eq!((all.0[0].asked_by.as_str(), all.0[0].allowed.clone()), ("ben", Some((now, "ada".to_owned()))));
}

#[test]
fn a_console_that_is_read_already_is_connected_again_only_where_somebody_wants_both() {
    let lab = Build::default().in_memory();
    lab.connect();
    let again = |token: &str, name: &str, all_the_same: bool| {
        let order = Connect { name: Some(name.to_owned()), all_the_same, ..lab.order(token) };
        lab.time.run(sync::connect(lab.place(), order))
    };
    let refused = again(tokens::GLOBAL, "twice", false).unwrap_err();
    assert_eq!(refused.exit_class().code(), 2);
    assert_eq!(refused.to_string(), "acme reads acme.sentinelone.net already, and sees the same of it");
    assert!(refused.help().unwrap().contains("--all-the-same"));
    assert_eq!(lab.number("SELECT count(*) FROM sync_integration"), 1, "nothing was saved");
    // Another part of it is fine, and is said.
    let part = again(tokens::SITE, "one-site", false).unwrap();
    let told: Vec<String> = part.beside.iter().map(sync::Beside::in_words).collect();
    assert_eq!(told, ["acme reads acme.sentinelone.net too, and sees another part of it"]);
    let twice = again(tokens::GLOBAL, "twice", true).unwrap();
    let same: Vec<(&str, bool)> = twice.beside.iter().map(|of| (of.integration.name.as_str(), of.same)).collect();
    assert_eq!(same, [("acme", true), ("one-site", false)]);
    // A new token of what is known is no second reading.
    assert!(lab.try_connect(tokens::GLOBAL).unwrap().rotated);
    // Another organization may read it without a word.
    let now = lab.world.now();
    let other = lab.store.write_blocking(move |tx| {
        let ben = access::add_person(tx, "ben@acme.example", "Ben", now)?;
        access::create_org(tx, "Acme Retail", ben, "ada", now)
    });
    let place = Place { org: other.unwrap(), ..lab.place() };
    let there = lab.time.run(sync::connect(place, lab.order(tokens::GLOBAL))).unwrap();
    assert!(there.beside.is_empty());
}
