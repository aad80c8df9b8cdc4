//! Carrying many rows.

use store::{Keys, Kind, StoreError, Value};
use testkit::Database;

use crate::{COUNT, NAMES, SHOP, add, count};

testkit::on_each_database! {
    many_rows_are_inserted,
    more_rows_than_one_statement_carries,
    a_conflict_updates_or_does_nothing,
    one_bad_row_refuses_all,
    many_rows_are_updated_by_their_keys,
    many_rows_are_deleted_by_their_keys,
    rows_are_found_by_a_set_of_keys,
    uneven_values_are_refused,
    nothing_to_do_is_no_error,
}

const COLUMNS: [(&str, Kind); 5] =
    [("org_id", Kind::Int), ("item_id", Kind::Int), ("name", Kind::Text), ("price", Kind::Real), ("hash", Kind::Bytes)];

fn items(ids: std::ops::Range<i64>) -> Vec<Value<'static>> {
    ids.flat_map(|id| {
        let name = if id % 3 == 0 { Value::Null } else { format!("item {id}").into() };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let price = if id % 5 == 0 { Value::Null } else { Value::Real(id as f64 / 4.0) };
        let hash = if id % 7 == 0 { Value::Null } else { id.to_be_bytes().to_vec().into() };
        [1.into(), id.into(), name, price, hash]
    })
    .collect()
}

fn dump(store: &store::Store) -> Vec<Value<'static>> {
    let rows = store.read_blocking(|tx| {
        tx.query("SELECT org_id, item_id, name, price, hash FROM shop_item ORDER BY item_id", &[], |row| {
            (0..5).map(|at| Ok(row.value(at)?.into_owned())).collect::<Result<Vec<_>, _>>()
        })
    });
    rows.unwrap().concat()
}

fn many_rows_are_inserted(database: &Database) {
    let store = database.open(&[SHOP]);
    let inserted = store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS, &items(0..100), ""));
    assert_eq!(inserted.unwrap(), 100);
    assert_eq!(dump(&store), items(0..100));
}

fn more_rows_than_one_statement_carries(database: &Database) {
    let store = database.open(&[SHOP]);
    let inserted = store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS, &items(0..20_000), ""));
    assert_eq!(inserted.unwrap(), 20_000);
    let found = store.read_blocking(|tx| {
        let keys: Vec<i64> = (5_000..30_000).collect();
        tx.select_in(
            "SELECT item_id FROM shop_item WHERE org_id = 1 AND item_id IN KEYS",
            &[],
            Keys::Ints(&keys),
            |row| row.int(0),
        )
    });
    assert_eq!(found.unwrap().len(), 15_000);
}

fn a_conflict_updates_or_does_nothing(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    add(&store, 2, "chair").unwrap();
    let columns = &COLUMNS[..3];
    let values =
        || [1, 2, 3].into_iter().flat_map(|id| [1.into(), id.into(), format!("new {id}").into()]).collect::<Vec<_>>();
    let nothing = "ON CONFLICT (org_id, item_id) DO NOTHING";
    let added = store.write_blocking(move |tx| tx.insert_many("shop_item", columns, &values(), nothing));
    assert_eq!(added.unwrap(), 1);
    let names = |store: &store::Store| {
        store.read_blocking(|tx| tx.query(NAMES, &[], |row| row.text(0).map(str::to_owned))).unwrap()
    };
    assert_eq!(names(&store), ["lamp", "chair", "new 3"]);
    let update = "ON CONFLICT (org_id, item_id) DO UPDATE SET name = excluded.name || ' was ' || shop_item.name";
    let changed = store.write_blocking(move |tx| tx.insert_many("shop_item", columns, &values()[..6], update));
    assert_eq!(changed.unwrap(), 2);
    assert_eq!(names(&store), ["new 1 was lamp", "new 2 was chair", "new 3"]);
}

fn one_bad_row_refuses_all(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 50, "lamp").unwrap();
    let refused = store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS, &items(0..100), ""));
    assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
    assert_eq!(count(&store), 1);
    let refused = store.write_blocking(|tx| {
        let sale = [("org_id", Kind::Int), ("sale_id", Kind::Int), ("item_id", Kind::Int)];
        tx.insert_many("shop_sale", &sale, &[1.into(), 1.into(), 50.into(), 1.into(), 2.into(), 51.into()], "")
    });
    assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
}

fn many_rows_are_updated_by_their_keys(database: &Database) {
    let store = database.open(&[SHOP]);
    store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS, &items(0..10), "")).unwrap();
    let changed = store.write_blocking(|tx| {
        let values: Vec<Value<'_>> =
            [2, 4, 99].into_iter().flat_map(|id| [1.into(), id.into(), Value::Null, "new".into()]).collect();
        tx.update_many("shop_item", &COLUMNS[..2], &[("price", Kind::Real), ("name", Kind::Text)], &values)
    });
    assert_eq!(changed.unwrap(), 2);
    let mut expected = items(0..10);
    for id in [2, 4] {
        expected[id * 5 + 2] = "new".into();
        expected[id * 5 + 3] = Value::Null;
    }
    assert_eq!(dump(&store), expected);
}

fn many_rows_are_deleted_by_their_keys(database: &Database) {
    let store = database.open(&[SHOP]);
    store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS, &items(0..10), "")).unwrap();
    let keys = [1.into(), 3.into(), 1.into(), 4.into(), 2.into(), 5.into()];
    let gone = store.write_blocking(move |tx| tx.delete_many("shop_item", &COLUMNS[..2], &keys));
    assert_eq!(gone.unwrap(), 2);
    assert_eq!(count(&store), 8);
}

fn rows_are_found_by_a_set_of_keys(database: &Database) {
    let store = database.open(&[SHOP]);
    store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS, &items(0..10), "")).unwrap();
    let found = store.read_blocking(|tx| {
        let read = |row: &store::Row<'_>| row.int(0);
        let by =
            |key: &str| format!("SELECT item_id FROM shop_item WHERE org_id = $1 AND {key} IN KEYS AND item_id < $2");
        let params = [1.into(), 9.into()];
        let mut ints = tx.select_in(&by("item_id"), &params, Keys::Ints(&[8, 2, 9, 77]), read)?;
        ints.sort_unstable();
        let texts = tx.select_in(&by("name"), &params, Keys::Texts(&["item 4", "nobody", ""]), read)?;
        let hash = 5_i64.to_be_bytes();
        let bytes = tx.select_in(&by("hash"), &params, Keys::Bytes(&[&hash[..], b""]), read)?;
        let none = tx.select_in(&by("item_id"), &params, Keys::Ints(&[]), read)?;
        Ok::<_, StoreError>((ints, texts, bytes, none))
    });
    assert_eq!(found.unwrap(), (vec![2, 8], vec![4], vec![5], vec![]));
}

fn uneven_values_are_refused(database: &Database) {
    let store = database.open(&[SHOP]);
    for (table, columns, values) in [
        ("shop_item", &COLUMNS[..2], vec![Value::Int(1)]),
        ("shop_item", &COLUMNS[..0], vec![Value::Int(1)]),
        ("shop item; DROP TABLE shop_item", &COLUMNS[..1], vec![Value::Int(1)]),
        ("shop_item", &[("org_id, item_id", Kind::Int)][..], vec![Value::Int(1)]),
    ] {
        let columns: Vec<(&'static str, Kind)> = columns.to_vec();
        let refused = store.write_blocking(move |tx| tx.insert_many(table, &columns, &values, ""));
        assert!(matches!(refused, Err(StoreError::Sql { .. })), "{refused:?}");
    }
    let refused = store.write_blocking(|tx| tx.insert_many("shop_item", &COLUMNS[..2], &[1.into(), "one".into()], ""));
    assert!(refused.is_err(), "text is no integer");
    assert_eq!(store.read_blocking(|tx| tx.query_one(COUNT, &[], |row| row.int(0))).unwrap(), 0);
}

fn nothing_to_do_is_no_error(database: &Database) {
    let store = database.open(&[SHOP]);
    let done = store.write_blocking(|tx| {
        let inserted = tx.insert_many("shop_item", &COLUMNS, &[], "")?;
        let updated = tx.update_many("shop_item", &COLUMNS[..2], &COLUMNS[2..3], &[])?;
        Ok::<_, StoreError>(inserted + updated + tx.delete_many("shop_item", &COLUMNS[..2], &[])?)
    });
    assert_eq!(done.unwrap(), 0);
}
