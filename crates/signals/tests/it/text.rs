//! Full text: what the index finds, and that it follows the log.

use jobs::Virtual;
use kernel::{OrgId, Timestamp};
use query::Matcher;
use query::words::Word;
use signals::{Entry, Op, Page};
use store::Store;
use testkit::Database;

use crate::{HOST, ONE, meaning, open};

testkit::on_each_database! {
    the_index_follows_the_log_and_can_be_made_anew,
    organizations_do_not_find_each_others_words,
    a_record_of_endless_words_is_indexed_as_far_as_it_goes,
}

fn log(store: &Store, org: OrgId, records: &[(&str, &str)]) {
    let records: Vec<(String, String)> =
        records.iter().map(|(id, raw)| ((*id).to_owned(), (*raw).to_owned())).collect();
    store
        .write_blocking(move |tx| {
            let entries = records.iter().map(|(id, raw)| Entry {
                native_id: id.as_str().into(),
                op: Op::Create,
                version: 1,
                updated_at: None,
                meaning_hash: meaning(&id[..id.len().min(32)]),
                raw: raw.as_bytes(),
            });
            let now = Timestamp::from_seconds(1);
            let entries = entries.collect();
            signals::record(tx, &Page { org, integration: ONE, console_host: HOST, stream: "threats", now, entries })
        })
        .unwrap();
}

fn index(store: &Store, org: OrgId) -> signals::Indexed {
    let world = Virtual::new(Timestamp::from_seconds(1), 1);
    let handle = world.world();
    world.run(async { signals::index(store, &handle, org).await.unwrap() })
}

/// What the index itself finds, on both databases by the same statement.
fn found(store: &Store, org: OrgId, question: &'static str) -> Vec<i64> {
    const FIND: &str = "SELECT m.rowid - CAST($1 AS BIGINT) * 1099511627776 FROM signals_text($2) m
        WHERE m.rowid >= CAST($1 AS BIGINT) * 1099511627776 AND m.rowid < (CAST($1 AS BIGINT) + 1) * 1099511627776";
    let mut found =
        store.read_blocking(move |tx| tx.query(FIND, &[org.into(), question.into()], |row| row.int(0))).unwrap();
    found.sort_unstable();
    found
}

fn waiting(store: &Store, org: OrgId, word: &'static str) -> Vec<i64> {
    let words = Matcher::Words(vec![Word { text: word.to_owned(), begins: false }]);
    store.read_blocking(move |tx| signals::unindexed(tx, org, &words)).unwrap()
}

fn the_index_follows_the_log_and_can_be_made_anew(database: &Database) {
    let store = open(database);
    let org = OrgId::DEFAULT;
    log(
        &store,
        org,
        &[("1", r#"{"file":"C:\\Temp\\Mimikatz.exe","n":7}"#), ("2", r#"{"file":"notes ÉTÉ.txt"}"#), ("3", "{}")],
    );
    assert_eq!((waiting(&store, org, "mimikatz"), waiting(&store, org, "été")), (vec![1], vec![2]));
    let indexed = index(&store, org);
    assert_eq!((indexed.artifacts, indexed.cut), (3, 0));
    assert_eq!(index(&store, org).artifacts, 0);
    assert_eq!(waiting(&store, org, "mimikatz"), Vec::<i64>::new());
    log(&store, org, &[("4", r#"["mimikatz", "temporary"]"#)]);
    assert_eq!(waiting(&store, org, "mimikatz"), [4]);
    let all = |store: &Store| {
        [
            "\"mimikatz\"",
            "\"mimikatz\" AND \"temp\"",
            "\"mimi\"",
            "\"mimi\" *",
            "\"temp\" * AND \"mimikatz\"",
            "\"été\"",
            "\"file\"",
            "\"7\"",
        ]
        .map(|question| found(store, org, question))
    };
    assert_eq!(all(&store)[0], [1], "the index has what was there when it looked");
    index(&store, org);
    let expected: [&[i64]; 8] = [&[1, 4], &[1], &[], &[1, 4], &[1, 4], &[2], &[], &[1]];
    assert_eq!(all(&store), expected.map(<[i64]>::to_vec));
    store.write_blocking(move |tx| signals::rebuild_index(tx, org)).unwrap();
    assert_eq!(all(&store), [const { Vec::<i64>::new() }; 8]);
    assert_eq!(store.read_blocking(move |tx| signals::unindexed_count(tx, org)).unwrap(), 4);
    index(&store, org);
    assert_eq!(all(&store), expected.map(<[i64]>::to_vec));
}

fn organizations_do_not_find_each_others_words(database: &Database) {
    let store = open(database);
    for (org, word) in [(OrgId(1), "one"), (OrgId(2), "two")] {
        log(&store, org, &[("1", r#"{"word":"both"}"#), ("2", &format!("{{\"word\":\"{word}\"}}"))]);
        index(&store, org);
    }
    for (org, one, two) in [(OrgId(1), vec![2], vec![]), (OrgId(2), vec![], vec![2]), (OrgId(3), vec![], vec![])] {
        assert_eq!((found(&store, org, "\"one\""), found(&store, org, "\"two\"")), (one, two));
    }
    assert_eq!(found(&store, OrgId(2), "\"both\""), [1]);
}

fn a_record_of_endless_words_is_indexed_as_far_as_it_goes(database: &Database) {
    let store = open(database);
    let org = OrgId::DEFAULT;
    let many: Vec<String> = (0..90_000).map(|n| format!("word{n}")).collect();
    log(&store, org, &[("1", &format!("[\"{}\"]", many.join(" "))), ("2", r#"["last"]"#)]);
    let indexed = index(&store, org);
    assert_eq!((indexed.artifacts, indexed.cut), (2, 1));
    assert_eq!(found(&store, org, "\"word5\""), [1]);
    assert_eq!(found(&store, org, "\"last\""), [2]);
    let status = store.read_blocking(move |tx| signals::log_status(tx, org)).unwrap();
    assert_eq!((status.cut, status.unindexed), (1, 0));
}
