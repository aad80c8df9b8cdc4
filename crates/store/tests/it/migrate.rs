//! Migrations: once, in order, never changed, and never by an older program.

use store::{Access, ErrorClass, Migration, Slice, Store, StoreError};
use testkit::Database;

use crate::{SHELVES, SHOP, add, count};

testkit::on_each_database! {
    migrations_are_applied_once_and_in_order,
    a_slice_may_grow_after_those_that_follow_it,
    a_failing_migration_leaves_no_trace,
    a_changed_migration_is_refused,
    a_newer_database_is_refused_by_writers_and_readers,
    a_reader_asks_for_the_migration_it_needs,
    a_reader_makes_no_database,
}

const CELLAR_TABLE: &str = "CREATE TABLE cellar_wine (org_id BIGINT PRIMARY KEY)";
const CELLAR: Slice = Slice { name: "cellar", migrations: &[step(1, "wine", CELLAR_TABLE)] };
const AISLES: Migration = Migration {
    number: 2,
    name: "aisles",
    sqlite: "ALTER TABLE shop_item ADD COLUMN aisle INTEGER",
    postgres: "ALTER TABLE shop_item ADD COLUMN aisle BIGINT",
};
const SHOP_WITH_AISLES: Slice = Slice { name: "shop", migrations: &[SHELVES, AISLES] };

const fn step(number: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sqlite: sql, postgres: sql }
}

fn refusal(database: &Database, access: Access, slices: &[Slice]) -> StoreError {
    match Store::open(database.url(), access, slices) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

fn applied(store: &Store) -> Vec<(String, i64)> {
    let sql = "SELECT slice, number, sha256 FROM store_migration ORDER BY slice, number";
    let read = store.read_blocking(move |tx| {
        tx.query(sql, &[], |row| {
            assert_eq!(row.text(2)?.len(), 64);
            Ok((row.text(0)?.to_owned(), row.int(1)?))
        })
    });
    read.unwrap()
}

fn migrations_are_applied_once_and_in_order(database: &Database) {
    for _ in 0..2 {
        let store = database.open(&[SHOP, CELLAR]);
        assert_eq!(applied(&store), [("cellar".to_owned(), 1), ("shop".to_owned(), 1)]);
    }
}

fn a_slice_may_grow_after_those_that_follow_it(database: &Database) {
    add(&database.open(&[SHOP, CELLAR]), 1, "lamp").unwrap();
    let store = database.open(&[SHOP_WITH_AISLES, CELLAR]);
    assert_eq!(count(&store), 1);
    let aisle = store.read_blocking(|tx| tx.query_one("SELECT aisle FROM shop_item", &[], |row| row.opt_int(0)));
    assert_eq!(aisle.unwrap(), None);
}

fn a_failing_migration_leaves_no_trace(database: &Database) {
    const BROKEN: Slice = Slice { name: "shop", migrations: &[SHELVES, step(2, "broken", "CREATE TABEL x")] };
    assert!(matches!(refusal(database, Access::Writer, &[BROKEN]), StoreError::Sql { .. }));
    let store = database.open(&[CELLAR]);
    assert_eq!(applied(&store), [("cellar".to_owned(), 1)]);
}

fn a_changed_migration_is_refused(database: &Database) {
    const CHANGED: Slice = Slice {
        name: "cellar",
        migrations: &[step(1, "wine", "CREATE TABLE cellar_wine (org_id BIGINT PRIMARY KEY, year BIGINT)")],
    };
    drop(database.open(&[CELLAR]));
    for access in [Access::Writer, Access::Reader] {
        let error = refusal(database, access, &[CHANGED]);
        assert!(matches!(error, StoreError::Changed { slice: "cellar", number: 1 }), "{error}");
        assert_eq!(error.class(), ErrorClass::Storage);
    }
}

fn a_newer_database_is_refused_by_writers_and_readers(database: &Database) {
    drop(database.open(&[SHOP_WITH_AISLES, CELLAR]));
    for (slices, slice, number) in [(&[SHOP, CELLAR][..], "shop", 2), (&[SHOP_WITH_AISLES][..], "cellar", 1)] {
        for access in [Access::Writer, Access::Reader] {
            let error = refusal(database, access, slices);
            assert!(
                matches!(&error, StoreError::Newer { slice: s, number: n } if s == slice && *n == number),
                "{error}"
            );
            assert!(error.to_string().contains("newer than this program"), "{error}");
        }
    }
}

fn a_reader_asks_for_the_migration_it_needs(database: &Database) {
    drop(database.open(&[SHOP]));
    let error = refusal(database, Access::Reader, &[SHOP_WITH_AISLES]);
    assert!(matches!(error, StoreError::Older { slice: "shop", number: 2 }), "{error}");
    assert!(error.to_string().contains("muster migrate"), "{error}");
}

fn a_reader_makes_no_database(database: &Database) {
    let error = refusal(database, Access::Reader, &[SHOP]);
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(database.file().is_none_or(|file| !file.exists()));
}

#[test]
fn slices_that_contradict_themselves_are_refused() {
    const TWICE: Slice = Slice { name: "shop", migrations: &[SHELVES, step(1, "x", "")] };
    const LATE: Slice = Slice { name: "shop", migrations: &[step(2, "x", "")] };
    const NAMELESS: Slice = Slice { name: "", migrations: &[] };
    for slices in [&[TWICE][..], &[LATE][..], &[SHOP, SHOP][..], &[NAMELESS][..]] {
        assert!(matches!(Store::in_memory(slices), Err(StoreError::Slices(_))));
    }
}
