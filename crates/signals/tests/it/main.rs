//! The log, on both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_signals as signals;

mod retention;
mod sinks;
mod text;

use std::borrow::Cow;

use kernel::{IntegrationId, OrgId, Timestamp};
use signals::{Artifact, Entry, Op, Page, Recorded, SignalsError};
use store::{Store, StoreError};
use testkit::Database;

testkit::on_each_database! {
    artifacts_are_read_as_they_were_written,
    numbers_follow_the_order_of_commits_and_a_rolled_back_page_takes_none,
    a_rebuilt_log_has_the_same_ids,
    a_state_that_returns_is_a_new_artifact,
    a_version_that_another_integration_logged_is_not_logged_twice,
    a_state_that_returns_while_the_other_integration_is_away_is_logged,
    two_integrations_may_take_turns_in_being_first,
    the_same_record_on_another_console_or_in_another_organization_is_another,
    versions_of_one_record_in_one_page_are_told_apart,
    a_page_larger_than_a_block_is_cut,
    a_deletion_ends_a_record_and_a_creation_begins_it_again,
    the_latest_artifact_of_each_record_is_found,
    two_writers_never_let_a_follower_miss_an_artifact,
    a_record_that_another_integration_saw_go_begins_again,
}

const HOST: &str = "acme.example.net";
const ONE: IntegrationId = IntegrationId(1);
const TWO: IntegrationId = IntegrationId(2);

/// What a console said at one moment about one record: when it changed, and what it means.
type Said = (&'static str, Op, i64, &'static str);

fn page<'a>(integration: IntegrationId, said: &'a [Said]) -> Page<'a> {
    let entries = said.iter().map(|(id, op, at, state)| Entry {
        native_id: Cow::Borrowed(id),
        op: *op,
        version: 1,
        updated_at: (*at > 0).then_some(Timestamp::from_seconds(*at)),
        meaning_hash: meaning(state),
        raw: state.as_bytes(),
    });
    Page {
        org: OrgId::DEFAULT,
        integration,
        console_host: HOST,
        stream: "agents",
        now: Timestamp::from_seconds(1_000),
        entries: entries.collect(),
    }
}

fn meaning(state: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..state.len()].copy_from_slice(state.as_bytes());
    hash
}

fn record(store: &Store, integration: IntegrationId, said: &'static [Said]) -> Vec<Recorded> {
    store.write_blocking(move |tx| signals::record(tx, &page(integration, said))).unwrap()
}

fn all(store: &Store) -> Vec<Artifact> {
    store.read_blocking(|tx| signals::scan(tx, OrgId::DEFAULT, 0, 1000)).unwrap()
}

/// The log in short: record, operation and bytes.
fn story(store: &Store) -> Vec<String> {
    let tell = |artifact: Artifact| {
        format!("{} {} {}", artifact.native_id, artifact.op.as_str(), String::from_utf8_lossy(&artifact.raw))
    };
    all(store).into_iter().map(tell).collect()
}

fn open(database: &Database) -> Store {
    database.open(&[signals::SLICE])
}

fn artifacts_are_read_as_they_were_written(database: &Database) {
    let store = open(database);
    let recorded = record(&store, ONE, &[("7", Op::Create, 5, "{\"a\":1}"), ("8", Op::Create, 0, "{}")]);
    assert_eq!(recorded, [Recorded { seq: 1, new: true }, Recorded { seq: 2, new: true }]);
    let artifacts = all(&store);
    let first = &artifacts[0];
    assert_eq!((first.seq, first.integration, first.version), (1, ONE, 1));
    assert_eq!((first.console_host.as_str(), first.stream.as_str(), first.native_id.as_str()), (HOST, "agents", "7"));
    assert_eq!((first.source_time, artifacts[1].source_time), (Some(Timestamp::from_seconds(5)), None));
    assert_eq!((first.observed_at, first.raw.as_slice()), (Timestamp::from_seconds(1_000), b"{\"a\":1}".as_slice()));
    store
        .read_blocking(move |tx| -> Result<(), SignalsError> {
            let org = OrgId::DEFAULT;
            assert_eq!(signals::read(tx, org, 2)?.as_ref(), Some(&artifacts[1]));
            assert_eq!(signals::read(tx, org, 3)?, None);
            assert_eq!(signals::find(tx, org, artifacts[1].id)?.as_ref(), Some(&artifacts[1]));
            assert_eq!(signals::find(tx, org, signals::ArtifactId([0; 32]))?, None);
            assert_eq!(signals::scan(tx, org, 1, 10)?, artifacts[1..]);
            assert_eq!(signals::scan(tx, org, 0, 1)?, artifacts[..1]);
            assert_eq!(
                signals::bodies(tx, org, &[2, 9, 1])?,
                [Some(b"{}".to_vec()), None, Some(b"{\"a\":1}".to_vec())]
            );
            assert_eq!(signals::count(tx, org)?, 2);
            Ok(())
        })
        .unwrap();
}

fn numbers_follow_the_order_of_commits_and_a_rolled_back_page_takes_none(database: &Database) {
    let store = open(database);
    record(&store, ONE, &[("7", Op::Create, 5, "one")]);
    let failed: Result<(), SignalsError> = store.write_blocking(|tx| {
        signals::record(tx, &page(ONE, &[("8", Op::Create, 6, "two")]))?;
        Err(StoreError::Content("the page fails later on".to_owned()).into())
    });
    assert!(failed.is_err());
    let again = record(&store, ONE, &[("8", Op::Create, 6, "two")]);
    assert_eq!(again, [Recorded { seq: 2, new: true }]);
    assert_eq!(story(&store), ["7 create one", "8 create two"]);
}

fn a_rebuilt_log_has_the_same_ids(database: &Database) {
    let said: [&'static [Said]; 3] = [
        &[("7", Op::Create, 5, "one"), ("8", Op::Create, 0, "two")],
        &[("7", Op::Update, 9, "three")],
        &[("7", Op::Update, 9, "four"), ("8", Op::Delete, 0, "")],
    ];
    let store = open(database);
    // Another organization came first, under another integration's number: neither may matter.
    store
        .write_blocking(|tx| signals::record(tx, &Page { org: OrgId(9), ..page(TWO, &[("1", Op::Create, 1, "zero")]) }))
        .unwrap();
    said.iter().for_each(|said| drop(record(&store, ONE, said)));
    let rebuilt = Store::in_memory(&[signals::SLICE]).unwrap();
    said.iter().for_each(|said| drop(record(&rebuilt, TWO, said)));
    let ids = |store: &Store| all(store).iter().map(|artifact| artifact.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&store), ids(&rebuilt));
    // The rule is a contract with everyone who keeps ids: this one was computed by hand, outside of this program.
    assert_eq!(ids(&store)[0], "a701883c6306cdda684f0f16cf3564d0f3f2b9f7996072c318f685bf420ea75e");
}

fn a_state_that_returns_is_a_new_artifact(database: &Database) {
    let store = open(database);
    // A source without times: only the meaning tells versions apart.
    record(&store, ONE, &[("7", Op::Create, 0, "on")]);
    for _ in 0..3 {
        record(&store, ONE, &[("7", Op::Update, 0, "off")]);
        record(&store, ONE, &[("7", Op::Update, 0, "on")]);
    }
    let artifacts = all(&store);
    assert_eq!(artifacts.len(), 7);
    let mut ids: Vec<_> = artifacts.iter().map(|artifact| artifact.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7, "every artifact has an id of its own");
}

fn a_version_that_another_integration_logged_is_not_logged_twice(database: &Database) {
    let store = open(database);
    record(&store, ONE, &[("7", Op::Create, 5, "one"), ("8", Op::Create, 5, "one")]);
    record(&store, ONE, &[("7", Op::Update, 6, "two")]);
    // The second integration is new: it calls everything a creation.
    let seen =
        record(&store, TWO, &[("7", Op::Create, 6, "two"), ("8", Op::Create, 5, "one"), ("9", Op::Create, 5, "new")]);
    assert_eq!(
        seen,
        [Recorded { seq: 3, new: false }, Recorded { seq: 2, new: false }, Recorded { seq: 4, new: true }]
    );
    assert_eq!(record(&store, ONE, &[("9", Op::Create, 5, "new")]), [Recorded { seq: 4, new: false }]);
    assert_eq!(story(&store), ["7 create one", "8 create one", "7 update two", "9 create new"]);
}

fn a_state_that_returns_while_the_other_integration_is_away_is_logged(database: &Database) {
    let store = open(database);
    record(&store, ONE, &[("7", Op::Create, 0, "on")]);
    record(&store, ONE, &[("7", Op::Update, 0, "off")]);
    // From here on only the second integration looks. It joins at "off", so the "on" before that is past.
    assert!(!record(&store, TWO, &[("7", Op::Create, 0, "off")])[0].new);
    assert!(record(&store, TWO, &[("7", Op::Update, 0, "on")])[0].new);
    assert!(record(&store, TWO, &[("7", Op::Update, 0, "off")])[0].new);
    // The first comes back, sees what it saw last, and later what the other has not seen yet.
    assert!(!record(&store, ONE, &[("7", Op::Update, 0, "on")])[0].new);
    assert!(!record(&store, ONE, &[("7", Op::Update, 0, "off")])[0].new);
    assert!(record(&store, ONE, &[("7", Op::Update, 0, "on")])[0].new);
    assert_eq!(story(&store), ["7 create on", "7 update off", "7 update on", "7 update off", "7 update on"]);
}

fn two_integrations_may_take_turns_in_being_first(database: &Database) {
    let store = open(database);
    const STATES: [&[Said]; 6] = [
        &[("7", Op::Create, 0, "on")],
        &[("7", Op::Update, 0, "off")],
        &[("7", Op::Update, 0, "on")],
        &[("7", Op::Update, 3, "on")],
        &[("7", Op::Update, 3, "off")],
        &[("7", Op::Update, 3, "on")],
    ];
    let alone = Store::in_memory(&[signals::SLICE]).unwrap();
    for (at, state) in STATES.into_iter().enumerate() {
        let (first, second) = if at % 2 == 0 { (ONE, TWO) } else { (TWO, ONE) };
        assert!(record(&store, first, state)[0].new);
        assert!(!record(&store, second, state)[0].new);
        record(&alone, ONE, state);
    }
    let ids = |store: &Store| all(store).iter().map(|artifact| artifact.id).collect::<Vec<_>>();
    assert_eq!(ids(&store), ids(&alone), "two integrations log what one would have logged");
}

fn the_same_record_on_another_console_or_in_another_organization_is_another(database: &Database) {
    let store = open(database);
    const SAID: &[Said] = &[("7", Op::Create, 5, "one")];
    record(&store, ONE, SAID);
    let other =
        store.write_blocking(|tx| signals::record(tx, &Page { console_host: "other.example.net", ..page(TWO, SAID) }));
    assert_eq!(other.unwrap(), [Recorded { seq: 2, new: true }]);
    let org = OrgId(2);
    let other = store.write_blocking(move |tx| signals::record(tx, &Page { org, ..page(ONE, SAID) }));
    assert_eq!(other.unwrap(), [Recorded { seq: 1, new: true }], "numbers are an organization's own");
    let artifacts = all(&store);
    assert_ne!(artifacts[0].id, artifacts[1].id);
}

fn versions_of_one_record_in_one_page_are_told_apart(database: &Database) {
    let store = open(database);
    const SAID: &[Said] = &[
        ("7", Op::Create, 0, "on"),
        ("7", Op::Update, 0, "off"),
        ("7", Op::Update, 0, "on"),
        ("7", Op::Update, 0, "off"),
    ];
    assert!(record(&store, ONE, SAID).iter().all(|recorded| recorded.new));
    let mut ids: Vec<_> = all(&store).iter().map(|artifact| artifact.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

fn a_page_larger_than_a_block_is_cut(database: &Database) {
    let store = open(database);
    let large: Vec<Vec<u8>> = (0..9u8).map(|byte| vec![byte; (1 << 20) + usize::from(byte)]).collect();
    let raw = large.clone();
    store
        .write_blocking(move |tx| {
            let ids: Vec<String> = (0..raw.len()).map(|id| id.to_string()).collect();
            let mut page = page(ONE, &[]);
            page.entries = (ids.iter().zip(&raw))
                .map(|(id, raw)| Entry {
                    native_id: id.as_str().into(),
                    op: Op::Create,
                    version: 1,
                    updated_at: None,
                    meaning_hash: [raw[0]; 32],
                    raw,
                })
                .collect();
            signals::record(tx, &page)
        })
        .unwrap();
    let artifacts = all(&store);
    assert!(artifacts.iter().zip(&large).all(|(artifact, raw)| artifact.raw == *raw));
    let blocks = store.read_blocking(|tx| tx.query_one("SELECT COUNT(*) FROM signals_block", &[], |row| row.int(0)));
    assert_eq!(blocks.unwrap(), 3);
}

fn a_deletion_ends_a_record_and_a_creation_begins_it_again(database: &Database) {
    let store = open(database);
    record(&store, ONE, &[("7", Op::Create, 5, "one")]);
    record(&store, ONE, &[("7", Op::Delete, 5, "one")]);
    assert!(record(&store, ONE, &[("7", Op::Create, 5, "one")])[0].new);
    assert_eq!(story(&store), ["7 create one", "7 delete one", "7 create one"]);
}

fn the_latest_artifact_of_each_record_is_found(database: &Database) {
    let store = open(database);
    record(&store, ONE, &[("7", Op::Create, 5, "one"), ("8", Op::Create, 5, "one")]);
    record(&store, TWO, &[("7", Op::Update, 6, "two")]);
    let latest = |integration, stream: &'static str| {
        store
            .read_blocking(move |tx| signals::latest(tx, OrgId::DEFAULT, integration, stream, &["8", "9", "7"]))
            .unwrap()
    };
    assert_eq!(latest(ONE, "agents"), [Some(2), None, Some(1)], "it was not told what the other one was");
    assert_eq!(latest(TWO, "agents"), [Some(2), None, Some(3)]);
    record(&store, ONE, &[("7", Op::Update, 6, "two")]);
    assert_eq!(latest(ONE, "agents"), [Some(2), None, Some(3)], "now it recognised that");
    assert_eq!(latest(ONE, "threats"), [None; 3]);
    assert_eq!(latest(IntegrationId(3), "agents"), [None; 3]);
}

/// Two processes that log at once, and one that follows: numbers are given under a lock, so what is committed late has
/// higher numbers. On SQLite there is only one writing process, with two tasks.
fn two_writers_never_let_a_follower_miss_an_artifact(database: &Database) {
    const PAGES: i64 = 40;
    let one = open(database);
    let two = if database.is_postgres() { open(database) } else { one.clone() };
    let write = |store: &Store, integration: IntegrationId| {
        let store = store.clone();
        std::thread::spawn(move || {
            for number in 0..PAGES {
                let ids = [0, 1, 2].map(|at| format!("{}-{number}-{at}", integration.0));
                let logged = store.write_blocking(move |tx| {
                    let mut page = page(integration, &[]);
                    let entry = |id| Entry {
                        native_id: Cow::Borrowed(id),
                        op: Op::Create,
                        version: 1,
                        updated_at: None,
                        meaning_hash: [7; 32],
                        raw: b"{}",
                    };
                    page.entries = ids.iter().map(|id| entry(id.as_str())).collect();
                    signals::record(tx, &page)
                });
                logged.unwrap();
            }
        })
    };
    let writers = [write(&one, ONE), write(&two, TWO)];
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let ended = writers.iter().all(std::thread::JoinHandle::is_finished);
        let after = seen.last().copied().unwrap_or(0);
        let found = one.read_blocking(move |tx| signals::scan(tx, OrgId::DEFAULT, after, 50)).unwrap();
        seen.extend(found.iter().map(|artifact| artifact.seq));
        if ended && found.is_empty() {
            break;
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(seen, (1..=2 * 3 * PAGES).collect::<Vec<i64>>());
}

fn a_record_that_another_integration_saw_go_begins_again(database: &Database) {
    let store = open(database);
    record(&store, ONE, &[("7", Op::Create, 5, "one")]);
    assert!(!record(&store, TWO, &[("7", Op::Create, 5, "one")])[0].new);
    record(&store, ONE, &[("7", Op::Delete, 5, "one")]);
    record(&store, TWO, &[("7", Op::Update, 6, "two")]);
    assert_eq!(story(&store), ["7 create one", "7 delete one", "7 create two"]);
}

/// Without statistics the planner takes org_id alone for a good key, and every page would walk the whole log.
#[test]
fn sqlite_looks_records_up_by_their_ids() {
    let store = Store::in_memory(&[signals::SLICE]).unwrap();
    let plan = "EXPLAIN QUERY PLAN SELECT artifact_id FROM signals_artifact
        WHERE org_id = 1 AND console_id = 1 AND stream = 'agents' AND native_id = '7'";
    let plan = store.read_blocking(move |tx| tx.query(plan, &[], |row| row.text(3).map(str::to_owned))).unwrap();
    assert!(plan[0].contains("signals_artifact_of_record") && plan[0].contains("native_id=?"), "{plan:?}");
}
