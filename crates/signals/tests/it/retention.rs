//! Retention: what goes, what stays, and that nothing follows from it.

use jobs::Virtual;
use kernel::{OrgId, Timestamp};
use signals::ndjson::Settings;
use signals::{Artifact, Keep, NewSink, Op, Page, Retained, SinkId};
use store::Store;
use testkit::Database;

use crate::{ONE, Said, TWO, all, open, page, record};

testkit::on_each_database! {
    an_instant_parts_the_log_where_it_was_logged,
    without_settings_nothing_is_removed,
    old_versions_go_and_the_latest_of_each_record_stays,
    a_log_that_is_too_large_loses_its_oldest_versions_first,
    no_artifact_goes_before_every_sink_has_it,
    no_id_is_given_twice_after_its_artifact_was_removed,
    a_record_that_was_cleared_is_still_recognised,
}

const ORG: OrgId = OrgId::DEFAULT;
const DAY: i64 = 86_400;

fn keep(store: &Store, days: Option<u32>, bytes: Option<u64>) {
    store.write_blocking(move |tx| signals::set_keep(tx, ORG, Keep { days, bytes })).unwrap();
}

fn retain(store: &Store, now: i64) -> Retained {
    let world = Virtual::new(Timestamp::from_seconds(now), 1);
    let handle = world.world();
    world.run(async { signals::retain(store, &handle, ORG).await.unwrap() })
}

fn record_at(store: &Store, now: i64, said: &'static [Said]) {
    store
        .write_blocking(move |tx| signals::record(tx, &Page { now: Timestamp::from_seconds(now), ..page(ONE, said) }))
        .unwrap();
}

fn story(store: &Store) -> Vec<String> {
    let tell = |artifact: Artifact| {
        format!("{} {} {}", artifact.seq, artifact.native_id, String::from_utf8_lossy(&artifact.raw))
    };
    all(store).into_iter().map(tell).collect()
}

/// Four days: two records, of which one changes every day and the other never.
fn four_days(store: &Store) {
    record_at(store, 0, &[("7", Op::Create, 1, "one"), ("8", Op::Create, 1, "still")]);
    record_at(store, DAY, &[("7", Op::Update, 2, "two")]);
    record_at(store, 2 * DAY, &[("7", Op::Update, 3, "three")]);
    record_at(store, 3 * DAY, &[("7", Op::Update, 4, "four"), ("9", Op::Create, 1, "new")]);
}

fn an_instant_parts_the_log_where_it_was_logged(database: &Database) {
    let store = open(database);
    four_days(&store);
    let all: Vec<(i64, Timestamp)> = all(&store).iter().map(|of| (of.seq, of.observed_at)).collect();
    let since = |at: Timestamp| store.read_blocking(move |tx| signals::seq_since(tx, OrgId::DEFAULT, at)).unwrap();
    for (_, at) in &all {
        for at in [at.plus_seconds(-1), *at, at.plus_seconds(1)] {
            let first = all.iter().find(|(_, observed)| *observed >= at).map(|(seq, _)| *seq);
            assert_eq!(since(at), first.unwrap_or(all.last().unwrap().0 + 1), "{at}");
        }
    }
    assert_eq!(store.read_blocking(|tx| signals::seq_since(tx, OrgId(2), Timestamp::from_seconds(0))).unwrap(), 1);
}

fn without_settings_nothing_is_removed(database: &Database) {
    let store = open(database);
    four_days(&store);
    assert_eq!(retain(&store, 1000 * DAY), Retained::default());
    keep(&store, None, None);
    assert_eq!(retain(&store, 1000 * DAY), Retained::default());
    assert_eq!(story(&store).len(), 6);
}

fn old_versions_go_and_the_latest_of_each_record_stays(database: &Database) {
    let store = open(database);
    four_days(&store);
    keep(&store, Some(2), None);
    let world = Virtual::new(Timestamp::from_seconds(4 * DAY), 1);
    let handle = world.world();
    world.run(async { signals::index(&store, &handle, ORG).await.unwrap() });
    let removed = retain(&store, 3 * DAY + 60);
    assert_eq!(removed.artifacts, 2, "of the first two days");
    assert!(removed.bytes > 0 && removed.held_by.is_none());
    assert_eq!(story(&store), ["2 8 still", "4 7 three", "5 7 four", "6 9 new"]);
    assert_eq!(retain(&store, 3 * DAY + 60).artifacts, 0, "and no more");
    assert_eq!(retain(&store, 1000 * DAY).artifacts, 1);
    assert_eq!(story(&store), ["2 8 still", "5 7 four", "6 9 new"]);
    let status = store.read_blocking(|tx| signals::log_status(tx, ORG)).unwrap();
    assert_eq!((status.artifacts, status.last_seq, status.removed_artifacts), (3, 6, 3));
    assert_eq!(status.removed_at, Some(Timestamp::from_seconds(1000 * DAY)));
    assert_eq!(status.oldest, Some(Timestamp::from_seconds(0)));
    // What is left is read as before, block by block too.
    let bodies = store.read_blocking(|tx| signals::bodies(tx, ORG, &[1, 2, 5])).unwrap();
    assert_eq!(bodies, [None, Some(b"still".to_vec()), Some(b"four".to_vec())]);
    let rows = "SELECT COUNT(*) FROM signals_text('\"three\"')";
    assert_eq!(store.read_blocking(move |tx| tx.query_one(rows, &[], |row| row.int(0))).unwrap(), 0);
}

fn a_log_that_is_too_large_loses_its_oldest_versions_first(database: &Database) {
    let store = open(database);
    four_days(&store);
    let bytes = store.read_blocking(|tx| signals::log_status(tx, ORG)).unwrap().bytes;
    keep(&store, None, Some(bytes));
    assert_eq!(retain(&store, 4 * DAY).artifacts, 0, "it fits");
    keep(&store, None, Some(bytes - 1));
    assert_eq!(retain(&store, 4 * DAY).artifacts, 1);
    assert_eq!(story(&store)[0], "2 8 still");
    assert_eq!(story(&store)[1], "3 7 two");
    keep(&store, None, Some(0));
    retain(&store, 4 * DAY);
    assert_eq!(story(&store), ["2 8 still", "5 7 four", "6 9 new"], "what Muster needs stays, whatever the size");
}

fn no_artifact_goes_before_every_sink_has_it(database: &Database) {
    let store = open(database);
    four_days(&store);
    keep(&store, Some(1), None);
    let sink = |name: &'static str, after| {
        let new = NewSink {
            name: name.to_owned(),
            kind: "ndjson".to_owned(),
            settings: Settings::default().to_json(),
            filter: String::new(),
            lag_bytes_max: None,
            after,
        };
        store.write_blocking(move |tx| signals::add_sink(tx, ORG, &new, Timestamp::from_seconds(0))).unwrap()
    };
    let slow: SinkId = sink("slow", 1);
    sink("quick", 6);
    let removed = retain(&store, 1000 * DAY);
    assert_eq!((removed.artifacts, removed.held_by.as_deref()), (1, Some("slow")));
    assert_eq!(story(&store)[..2], ["2 8 still", "3 7 two"]);
    // A detached sink holds nothing back.
    let detach = "UPDATE signals_sink SET state = 'detached' WHERE sink_id = $1";
    store.write_blocking(move |tx| tx.execute(detach, &[slow.into()])).unwrap();
    assert_eq!(retain(&store, 1000 * DAY).artifacts, 2);
}

fn no_id_is_given_twice_after_its_artifact_was_removed(database: &Database) {
    const STATES: [&[Said]; 2] = [&[("7", Op::Update, 0, "off")], &[("7", Op::Update, 0, "on")]];
    let ids = |cleared: bool| {
        let store = if cleared { open(database) } else { Store::in_memory(&[signals::SLICE]).unwrap() };
        keep(&store, Some(1), None);
        record(&store, ONE, &[("7", Op::Create, 0, "on")]);
        let mut ids = Vec::new();
        for round in 0..4 {
            for state in STATES {
                record(&store, ONE, state);
                ids.push(all(&store).last().unwrap().id);
            }
            if cleared {
                assert!(retain(&store, 1000 * DAY).artifacts > 0, "round {round}");
                assert_eq!(all(&store).len(), 1);
            }
        }
        ids
    };
    let cleared = ids(true);
    assert_eq!(cleared, ids(false), "a log that forgets gives the ids that one gives that does not");
    let mut different = cleared.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), cleared.len());
}

fn a_record_that_was_cleared_is_still_recognised(database: &Database) {
    let store = open(database);
    keep(&store, Some(1), None);
    record(&store, ONE, &[("7", Op::Create, 5, "one")]);
    record(&store, TWO, &[("7", Op::Create, 5, "one")]);
    record(&store, ONE, &[("7", Op::Update, 6, "two")]);
    assert_eq!(retain(&store, 1000 * DAY).artifacts, 0, "it is what the second one knows");
    assert!(!record(&store, TWO, &[("7", Op::Update, 6, "two")])[0].new);
    assert_eq!(retain(&store, 1000 * DAY).artifacts, 1);
    assert!(record(&store, TWO, &[("7", Op::Update, 7, "three")])[0].new);
    assert_eq!(retain(&store, 1000 * DAY).artifacts, 0, "the first one was not told yet");
    assert!(!record(&store, ONE, &[("7", Op::Update, 7, "three")])[0].new);
    assert_eq!(retain(&store, 1000 * DAY).artifacts, 1);
    let sightings = "SELECT COUNT(*) FROM signals_sighting WHERE seq = 1";
    assert_eq!(store.read_blocking(move |tx| tx.query_one(sightings, &[], |row| row.int(0))).unwrap(), 0);
}
