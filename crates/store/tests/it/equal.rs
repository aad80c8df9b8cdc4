//! Where the two databases would differ if nobody minded.

use store::{Dialect, Kind, Migration, Slice, StoreError, Value};
use testkit::Database;

use crate::{ADD, NAMES, SHOP, add};

testkit::on_each_database! {
    text_is_ordered_by_its_bytes,
    like_minds_case,
    u0000_becomes_ufffd_wherever_text_goes_in,
    counts_and_truths_are_integers,
    integers_keep_all_their_bits,
    parameters_may_be_named_out_of_order_and_twice,
    tables_are_listed,
    a_canary_is_seen_in_every_table,
    a_sound_database_has_no_problems,
    statistics_may_be_refreshed_again_and_again,
}

fn text_is_ordered_by_its_bytes(database: &Database) {
    let store = database.open(&[SHOP]);
    let sorted = ["", "10", "9", "A", "B", "_", "a", "a b", "ab", "b", "Ä", "ß", "ä", "日本", "😀"];
    for (id, name) in sorted.iter().rev().zip(0..).map(|(name, id)| (id, *name)) {
        add(&store, id, name).unwrap();
    }
    let found = store.read_blocking(|tx| {
        let by_name =
            tx.query("SELECT name FROM shop_item ORDER BY name", &[], |row| row.text(0).map(str::to_owned))?;
        let above = tx.query_one("SELECT count(*) FROM shop_item WHERE name > $1", &["a".into()], |row| row.int(0))?;
        Ok::<_, StoreError>((by_name, above))
    });
    let (by_name, above) = found.unwrap();
    assert_eq!(by_name, sorted);
    assert_eq!(above, 8);
}

fn like_minds_case(database: &Database) {
    let store = database.open(&[SHOP]);
    for (id, name) in [(1, "lamp"), (2, "Lamp"), (3, "100%"), (4, "100x")] {
        add(&store, id, name).unwrap();
    }
    let like = "SELECT count(*) FROM shop_item WHERE name LIKE $1 ESCAPE '\\'";
    for (pattern, hits) in [("lam%", 1), ("%AMP", 0), ("100\\%", 1), ("100_", 2)] {
        let found = store.read_blocking(move |tx| tx.query_one(like, &[pattern.into()], |row| row.int(0)));
        assert_eq!(found.unwrap(), hits, "{pattern}");
    }
}

fn u0000_becomes_ufffd_wherever_text_goes_in(database: &Database) {
    let store = database.open(&[SHOP]);
    store
        .write_blocking(|tx| {
            tx.execute(ADD, &[1.into(), "a\0b".into()])?;
            let columns = [("org_id", Kind::Int), ("item_id", Kind::Int), ("name", Kind::Text)];
            tx.insert_many("shop_item", &columns, &[1.into(), 2.into(), "\0".into()], "")
        })
        .unwrap();
    let found = store.read_blocking(|tx| {
        let names = tx.query(NAMES, &[], |row| row.text(0).map(str::to_owned))?;
        let sql = "SELECT item_id FROM shop_item WHERE name IN KEYS";
        let keys = tx.select_in(sql, &[], store::Keys::Texts(&["a\0b"]), |row| row.int(0))?;
        Ok::<_, StoreError>((names, keys))
    });
    assert_eq!(found.unwrap(), (vec!["a\u{fffd}b".to_owned(), "\u{fffd}".to_owned()], vec![1]));
}

fn counts_and_truths_are_integers(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    let sql = "SELECT count(*), EXISTS (SELECT 1 FROM shop_item), name = 'chair', 7, CAST(sum(item_id) AS BIGINT),
        COALESCE(max(price), 1.5) > 1, item_id, 'text' FROM shop_item GROUP BY name, item_id";
    let found = store.read_blocking(move |tx| {
        tx.query_one(sql, &[], |row| {
            let numbers = (0..7).map(|at| row.int(at)).collect::<Result<Vec<_>, _>>()?;
            Ok((numbers, row.text(7)?.to_owned()))
        })
    });
    assert_eq!(found.unwrap(), (vec![1, 1, 0, 7, 1, 1, 1], "text".to_owned()));
}

fn integers_keep_all_their_bits(database: &Database) {
    let store = database.open(&[SHOP]);
    let sql = "SELECT CAST($1 AS BIGINT) - CAST($2 AS BIGINT)";
    let odd = 9_007_199_254_740_993_i64;
    let found = store.read_blocking(move |tx| tx.query_one(sql, &[odd.into(), 1.into()], |row| row.int(0)));
    assert_eq!(found.unwrap(), odd - 1);
}

fn parameters_may_be_named_out_of_order_and_twice(database: &Database) {
    let store = database.open(&[SHOP]);
    let sql = "SELECT CAST($3 AS TEXT), CAST($1 AS TEXT), '$9', CAST($2 AS TEXT) || $1 -- $4";
    let found = store.read_blocking(move |tx| {
        tx.query_one(sql, &["a".into(), "b".into(), "c".into()], |row| {
            (0..4).map(|at| row.text(at).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
        })
    });
    assert_eq!(found.unwrap(), ["c", "a", "$9", "ba"]);
}

fn tables_are_listed(database: &Database) {
    let store = database.open(&[SHOP]);
    let tables = store.read_blocking(|tx| tx.tables());
    assert_eq!(tables.unwrap(), ["shop_item", "shop_sale", "store_migration"]);
}

fn a_canary_is_seen_in_every_table(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "tweet").unwrap();
    let seen = store.read_blocking(|tx| {
        let mut seen = Vec::new();
        testkit::everything(tx, |table, column, value| {
            if *value == "tweet".into() {
                seen.push(format!("{table} {column}"));
            }
        })?;
        Ok::<_, StoreError>(seen)
    });
    assert_eq!(seen.unwrap(), ["shop_item 2"]);
}

fn a_sound_database_has_no_problems(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    let health = store.read_blocking(|tx| tx.check()).unwrap();
    assert_eq!(health.problems, [""; 0]);
    assert!(health.bytes > 8192, "{health:?}");
    assert!(
        health.version.starts_with(if database.is_postgres() { "PostgreSQL 1" } else { "SQLite 3." }),
        "{health:?}"
    );
}

fn statistics_may_be_refreshed_again_and_again(database: &Database) {
    let store = database.open(&[SHOP]);
    let rows = match store.dialect() {
        Dialect::Sqlite => "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'shop_item'",
        Dialect::Postgres => {
            "SELECT count(*) FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'shop_item' AND attname = 'name'"
        }
    };
    for round in 1..=2 {
        add(&store, round, "lamp").unwrap();
        store.write_blocking(|tx| tx.refresh_statistics()).unwrap();
        assert_eq!(store.read_blocking(move |tx| tx.query_one(rows, &[], |row| row.int(0))).unwrap(), 1);
    }
    assert!(store.read_blocking(|tx| tx.check()).unwrap().problems.is_empty());
}

/// SQLite reads the statistics with the schema, so an open connection must be made to look again.
#[test]
fn new_statistics_change_the_plans_of_open_readers() {
    const INDEXES: &str = "CREATE TABLE plan_row (org_id INTEGER NOT NULL, rare INTEGER, common INTEGER) STRICT;
        CREATE INDEX plan_row_rare ON plan_row (rare); CREATE INDEX plan_row_common ON plan_row (common);";
    const PLAN: Slice = Slice {
        name: "plan",
        migrations: &[Migration { number: 1, name: "rows", sqlite: INDEXES, postgres: INDEXES }],
    };
    let database = Database::sqlite();
    let store = database.open(&[PLAN]);
    store
        .write_blocking(|tx| {
            tx.refresh_statistics()?;
            let values: Vec<Value<'_>> = (0..2000_i64).flat_map(|n| [1.into(), n.into(), (n % 2).into()]).collect();
            let columns = [("org_id", Kind::Int), ("rare", Kind::Int), ("common", Kind::Int)];
            tx.insert_many("plan_row", &columns, &values, "")
        })
        .unwrap();
    // EXPLAIN alone does not notice a new schema, and a prepared one says what it said before.
    let plan = |round: u32| {
        let sql = format!("EXPLAIN QUERY PLAN SELECT {round} FROM plan_row WHERE common = 1 AND rare = 1");
        let plan = store.read_blocking(move |tx| {
            tx.query_one("SELECT count(*) FROM plan_row", &[], |row| row.int(0))?;
            tx.query_one(&sql, &[], |row| row.text(3).map(str::to_owned))
        });
        plan.unwrap_or_else(|error: StoreError| panic!("{error}"))
    };
    // Every reading connection is open by the time the statistics change.
    for round in 0..16 {
        assert!(plan(round).contains("plan_row_common"), "{}", plan(round));
    }
    store.write_blocking(|tx| tx.refresh_statistics()).unwrap();
    for round in 16..32 {
        assert!(plan(round).contains("plan_row_rare"), "{}", plan(round));
    }
}

#[test]
fn statistics_are_made_anew_where_much_has_changed() {
    let database = Database::postgres();
    let store = database.open(&[SHOP]);
    let made = || {
        const MADE: &str = "SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'shop_item'";
        store
            .read_blocking(|tx| tx.query_one(MADE, &[], |row| row.int(0)))
            .unwrap_or_else(|error: StoreError| panic!("{error}"))
    };
    let add = |from: i64, to: i64| {
        const ADD: &str = "INSERT INTO shop_item (org_id, item_id) SELECT 1, id FROM generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT)) AS id";
        store.write_blocking(move |tx| tx.execute(ADD, &[from.into(), to.into()])).unwrap();
        // Counters travel when a transaction ends, and not at each one unless asked.
        let flush = "SELECT CAST(pg_stat_force_next_flush() AS TEXT)";
        store.write_blocking(move |tx| tx.query(flush, &[], |_| Ok(())).map(drop)).unwrap();
    };
    add(1, 10_000);
    store.write_blocking(|tx| tx.refresh_statistics()).unwrap();
    assert_eq!(made(), 1);
    add(10_001, 12_000);
    store.write_blocking(|tx| tx.refresh_statistics()).unwrap();
    assert_eq!(made(), 1, "a fifth is not much");
    add(12_001, 14_000);
    store.write_blocking(|tx| tx.refresh_statistics()).unwrap();
    assert_eq!(made(), 2);
}
