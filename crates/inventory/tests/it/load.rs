//! Large first loads: indexes that are made after the rows.

use inventory::load::LOAD_RECORDS_MIN;
use store::Store;
use testkit::Database;

use crate::source::{Agent, Source, TABLES, texts};

testkit::on_each_database! {
    indexes_are_made_after_a_large_first_load_just_as_they_were,
    a_small_load_and_a_table_with_rows_keep_their_indexes,
}

const STREAMS: [&str; 4] = ["agents", "activities", "applications", "risks"];

/// Every index as the database itself describes it, and what its planner assumes.
fn indexes(store: &Store, database: &Database) -> Vec<String> {
    if database.text().starts_with("postgres") {
        return texts(
            store,
            "SELECT indexdef FROM pg_catalog.pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
        );
    }
    let mut all = texts(store, "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1");
    all.extend(texts(store, "SELECT tbl || ' ' || idx || ' ' || stat FROM sqlite_stat1 ORDER BY 1"));
    all
}

fn begin(store: &Store, records: u64) {
    let begin =
        move |tx: &mut store::Tx<'_>| STREAMS.iter().try_for_each(|stream| inventory::begin_load(tx, stream, records));
    store.write_blocking(begin).unwrap();
}

fn finish(store: &Store) {
    store.write_blocking(|tx| STREAMS.iter().try_for_each(|stream| inventory::finish_load(tx, stream))).unwrap();
}

fn indexes_are_made_after_a_large_first_load_just_as_they_were(database: &Database) {
    let store = database.open(&TABLES);
    let before = indexes(&store, database);
    begin(&store, LOAD_RECORDS_MIN);
    let during = indexes(&store, database);
    assert!(during.len() < before.len(), "none was taken away");
    Source::agents(&store).apply(&[Agent::new("7"), Agent::new("8")]);
    finish(&store);
    assert_eq!(indexes(&store, database), before);
    finish(&store);
    assert_eq!(indexes(&store, database), before, "once is enough");
}

fn a_small_load_and_a_table_with_rows_keep_their_indexes(database: &Database) {
    let store = database.open(&TABLES);
    let before = indexes(&store, database);
    begin(&store, LOAD_RECORDS_MIN - 1);
    assert_eq!(indexes(&store, database), before);
    Source::agents(&store).apply(&[Agent::new("7")]);
    begin(&store, LOAD_RECORDS_MIN);
    let during = indexes(&store, database);
    let kept = |name: &str| during.iter().any(|index| index.contains(name));
    assert!(kept("inventory_asset_seen") && kept("inventory_asset_facet"));
}
