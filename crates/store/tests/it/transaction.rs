//! What a transaction promises.

use std::sync::mpsc;

use store::{Keys, Row, Store, StoreError, Value};
use testkit::Database;

use crate::{ADD, COUNT, NAMES, SHOP, add, count};

testkit::on_each_database! {
    what_was_written_is_read,
    every_kind_of_value_comes_back,
    a_refused_write_leaves_no_trace,
    what_is_supposed_is_there_for_its_own_questions_only,
    many_rows_are_covered_as_few_are_and_none_too,
    supposing_needs_no_place_among_those_who_write,
    a_panicking_write_leaves_no_trace_and_reaches_the_caller,
    a_failed_statement_dooms_the_transaction,
    a_reader_cannot_write,
    a_reader_sees_one_snapshot_beside_a_writer,
    readers_read_at_the_same_time,
    writes_come_one_after_the_other,
    a_question_without_answer_says_so,
    a_scan_stops_when_told,
    a_null_is_never_a_zero,
    async_callers_get_the_same,
    work_goes_on_when_the_caller_gives_up,
    values_must_match_the_parameters,
    what_is_committed_is_there_when_opened_again,
}

fn what_was_written_is_read(database: &Database) {
    let store = database.open(&[SHOP]);
    assert_eq!(add(&store, 1, "lamp").unwrap(), 1);
    let names = store.read_blocking(|tx| tx.query(NAMES, &[], |row| row.text(0).map(str::to_owned)));
    assert_eq!(names.unwrap(), ["lamp"]);
    assert_eq!(store.dialect() == store::Dialect::Postgres, database.is_postgres());
}

fn every_kind_of_value_comes_back(database: &Database) {
    let store = database.open(&[SHOP]);
    const ALL: &str = "INSERT INTO shop_item (org_id, item_id, name, price, hash) VALUES ($1, $2, $3, $4, $5)";
    let bytes: Vec<u8> = (0..=255).collect();
    let rows: Vec<[Value<'static>; 5]> = vec![
        [1.into(), i64::MIN.into(), "".into(), 0.0.into(), Vec::new().into()],
        [1.into(), i64::MAX.into(), "Ünï ☃ 'q' $1 ?".into(), (-1.5e300).into(), bytes.into()],
        [1.into(), 0.into(), Value::Null, Value::Null, Value::Null],
    ];
    let given = rows.clone();
    store.write_blocking(move |tx| given.iter().try_for_each(|row| tx.execute(ALL, row).map(drop))).unwrap();
    let read = |row: &Row<'_>| (0..row.len()).map(|at| Ok(row.value(at)?.into_owned())).collect::<Result<Vec<_>, _>>();
    let mut found: Vec<Vec<Value<'static>>> =
        store.read_blocking(move |tx| tx.query("SELECT * FROM shop_item ORDER BY item_id", &[], read)).unwrap();
    found.swap(1, 2);
    assert_eq!(found, rows);
}

fn what_is_supposed_is_there_for_its_own_questions_only(database: &Database) {
    const RENAME: &str = "UPDATE shop_item_cover SET name = $1 WHERE item_id = $2";
    const ALL: &str = "SELECT name FROM shop_item ORDER BY item_id";
    let store = database.open(&[SHOP]);
    for (id, name) in [(1, "lamp"), (2, "rug"), (3, "chair"), (4, "sofa")] {
        add(&store, id, name).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let names = |tx: &mut store::Tx<'_>| tx.query(ALL, &[], |row| row.text(0).map(str::to_owned));
    // The statement is prepared already, and means the table itself again afterwards.
    for _ in 0..2 {
        assert_eq!(store.read_blocking(names).unwrap(), ["lamp", "rug", "chair", "sofa"]);
        let supposed = runtime.block_on(store.suppose(move |tx| {
            let cover = tx.cover("shop_item", "item_id", &[2, 4], "m.item_id < 4")?;
            assert_eq!(cover.as_deref(), Some("shop_item_cover"));
            tx.execute(RENAME, &["carpet".into(), 2.into()])?;
            names(tx)
        }));
        assert_eq!(supposed.unwrap(), ["lamp", "carpet", "chair"]);
    }
}

fn many_rows_are_covered_as_few_are_and_none_too(database: &Database) {
    const MANY: i64 = 500;
    const COLUMNS: &[(&str, store::Kind)] =
        &[("org_id", store::Kind::Int), ("item_id", store::Kind::Int), ("name", store::Kind::Text)];
    let store = database.open(&[SHOP]);
    let rows: Vec<Value<'static>> = (0..2 * MANY).flat_map(|id| [1.into(), id.into(), "lamp".into()]).collect();
    store.write_blocking(move |tx| tx.insert_many("shop_item", COLUMNS, &rows, "")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (covered, kept) in [(MANY, 2 * MANY), (MANY, MANY / 2), (0, MANY / 2)] {
        let counts = runtime.block_on(store.suppose(move |tx| {
            let keys: Vec<i64> = (0..covered).collect();
            let cover = tx.cover("shop_item", "item_id", &keys, &format!("m.item_id < {kept}"))?;
            assert_eq!(cover.is_some(), covered > 0);
            if let Some(cover) = cover {
                tx.execute(&format!("UPDATE {cover} SET name = 'torch'"), &[])?;
            }
            let count = |tx: &mut store::Tx<'_>, name: &'static str| {
                tx.query_one("SELECT count(*) FROM shop_item WHERE name = $1", &[name.into()], |row| row.int(0))
            };
            Ok::<_, StoreError>((count(tx, "lamp")?, count(tx, "torch")?))
        }));
        let torches = covered.min(kept);
        assert_eq!(counts.unwrap(), (kept - torches, torches), "{covered} covered of {kept}");
    }
}

fn supposing_needs_no_place_among_those_who_write(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    let reader = Store::open(database.url(), store::Access::Reader, &[SHOP]).unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (end, has_ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let writer = store.clone();
        scope.spawn(move || {
            writer.write_blocking(move |tx| {
                tx.execute(ADD, &[2.into(), "rug".into()])?;
                begun.send(()).unwrap();
                has_ended.recv().unwrap();
                Ok::<_, StoreError>(())
            })
        });
        has_begun.recv().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let supposed = runtime.block_on(reader.suppose(|tx| {
            tx.cover("shop_item", "item_id", &[1], "m.item_id < 9")?;
            tx.execute("UPDATE shop_item_cover SET name = 'torch'", &[])?;
            tx.query(NAMES, &[], |row| row.text(0).map(str::to_owned))
        }));
        assert_eq!(supposed.unwrap(), ["torch"]);
        end.send(()).unwrap();
    });
    assert_eq!(count(&store), 2);
}

fn a_refused_write_leaves_no_trace(database: &Database) {
    let store = database.open(&[SHOP]);
    let refused = store.write_blocking(|tx| {
        tx.execute(ADD, &[1.into(), "lamp".into()])?;
        Err::<(), _>(StoreError::Content("changed my mind".to_owned()))
    });
    assert_eq!(refused.unwrap_err().to_string(), "changed my mind");
    assert_eq!(count(&store), 0);
}

fn a_panicking_write_leaves_no_trace_and_reaches_the_caller(database: &Database) {
    let store = database.open(&[SHOP]);
    let same = store.clone();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        same.write_blocking(|tx| -> Result<(), StoreError> {
            tx.execute(ADD, &[1.into(), "lamp".into()])?;
            panic!("a bug")
        })
    }));
    assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "a bug");
    assert_eq!(count(&store), 0);
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&store), 1);
}

fn a_failed_statement_dooms_the_transaction(database: &Database) {
    let store = database.open(&[SHOP]);
    let swallowed = store.write_blocking(|tx| {
        tx.execute(ADD, &[1.into(), "lamp".into()])?;
        assert!(matches!(tx.execute(ADD, &[1.into(), "chair".into()]), Err(StoreError::Constraint { .. })));
        assert!(matches!(tx.query_one(COUNT, &[], |row| row.int(0)), Err(StoreError::Doomed)));
        Ok::<_, StoreError>(())
    });
    assert!(matches!(swallowed, Err(StoreError::Doomed)), "{swallowed:?}");
    assert_eq!(count(&store), 0);

    // What a closure makes of a row is its own affair.
    let odd = store.write_blocking(|tx| {
        tx.execute(ADD, &[1.into(), "lamp".into()])?;
        assert!(tx.query_one(NAMES, &[], |row| row.int(0)).is_err());
        Ok::<_, StoreError>(())
    });
    odd.unwrap();
    assert_eq!(count(&store), 1);
}

fn a_reader_cannot_write(database: &Database) {
    let store = database.open(&[SHOP]);
    let refused = store.read_blocking(|tx| tx.execute(ADD, &[1.into(), "lamp".into()]));
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    drop(store);

    let reader = Store::open(database.url(), store::Access::Reader, &[SHOP]).unwrap();
    assert!(matches!(add(&reader, 1, "lamp"), Err(StoreError::ReadOnly)));
    assert_eq!(count(&reader), 0);
}

fn a_reader_sees_one_snapshot_beside_a_writer(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    let (looked, has_looked) = mpsc::channel();
    let (wrote, has_written) = mpsc::channel();
    let reader = store.clone();
    let reading = std::thread::spawn(move || {
        reader.read_blocking(move |tx| {
            let before = tx.query_one(COUNT, &[], |row| row.int(0))?;
            looked.send(()).unwrap();
            has_written.recv().unwrap();
            Ok::<_, StoreError>((before, tx.query_one(COUNT, &[], |row| row.int(0))?))
        })
    });
    has_looked.recv().unwrap();
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&store), 2);
    wrote.send(()).unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), (1, 1));
}

fn readers_read_at_the_same_time(database: &Database) {
    let store = database.open(&[SHOP]);
    let meeting = std::sync::Arc::new(std::sync::Barrier::new(3));
    let readers = (0..3).map(|_| {
        let (store, meeting) = (store.clone(), std::sync::Arc::clone(&meeting));
        std::thread::spawn(move || {
            store.read_blocking(move |tx| {
                tx.query_one(COUNT, &[], |row| row.int(0))?;
                meeting.wait();
                Ok::<_, StoreError>(())
            })
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.join().unwrap().unwrap();
    }
}

fn writes_come_one_after_the_other(database: &Database) {
    const WRITERS: i64 = 8;
    let store = database.open(&[SHOP]);
    let writers = (0..WRITERS).map(|_| {
        let store = store.clone();
        std::thread::spawn(move || {
            store.write_blocking(|tx| {
                let next = tx.query_one(COUNT, &[], |row| row.int(0))?;
                tx.execute(ADD, &[next.into(), "lamp".into()])
            })
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.join().unwrap().unwrap();
    }
    assert_eq!(count(&store), WRITERS);
}

fn a_question_without_answer_says_so(database: &Database) {
    let store = database.open(&[SHOP]);
    let found = store.read_blocking(|tx| tx.query_opt(NAMES, &[], |row| row.text(0).map(str::to_owned)));
    assert_eq!(found.unwrap(), None);
    let found = store.read_blocking(|tx| tx.query_one(NAMES, &[], |row| row.text(0).map(str::to_owned)));
    assert_eq!(found.unwrap_err().to_string(), format!("no row was found by: {NAMES}"));
}

fn a_scan_stops_when_told(database: &Database) {
    let store = database.open(&[SHOP]);
    for (id, name) in [(1, "lamp"), (2, "chair"), (3, "table")] {
        add(&store, id, name).unwrap();
    }
    let seen = store.read_blocking(|tx| {
        let mut seen = Vec::new();
        tx.scan(NAMES, &[], |row| {
            seen.push(row.text(0)?.to_owned());
            Ok(if seen.len() < 2 { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) })
        })?;
        // The connection is in order afterwards.
        let all = tx.query_one(COUNT, &[], |row| row.int(0))?;
        Ok::<_, StoreError>((seen, all))
    });
    assert_eq!(seen.unwrap(), (vec!["lamp".to_owned(), "chair".to_owned()], 3));
}

fn a_null_is_never_a_zero(database: &Database) {
    let store = database.open(&[SHOP]);
    store
        .write_blocking(|tx| tx.execute("INSERT INTO shop_item (org_id, item_id) VALUES (1, $1)", &[1.into()]))
        .unwrap();
    let row = "SELECT name, price, hash, CAST(NULL AS BIGINT), item_id FROM shop_item";
    store
        .read_blocking(move |tx| {
            tx.query_one(row, &[], |row| {
                assert_eq!(row.len(), 5);
                assert_eq!(row.text(0).unwrap_err().to_string(), "column 0 is null");
                assert!(row.real(1).is_err() && row.bytes(2).is_err() && row.int(3).is_err() && row.flag(3).is_err());
                assert_eq!(
                    (row.opt_text(0)?, row.opt_real(1)?, row.opt_bytes(2)?, row.opt_int(3)?),
                    (None, None, None, None)
                );
                assert_eq!(row.text(4).unwrap_err().to_string(), "column 4 should be text and is an integer");
                assert_eq!((row.int(4)?, row.real(4)?, row.flag(4)?), (1, 1.0, true));
                assert!(row.value(5).is_err());
                Ok(())
            })
        })
        .unwrap();
}

fn async_callers_get_the_same(database: &Database) {
    // The drivers block, and a PostgreSQL client may not even be dropped inside an async task.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = database.open(&[SHOP]);
        store.write(|tx| tx.execute(ADD, &[1.into(), "lamp".into()])).await.unwrap();
        let found = store.read(|tx| tx.query_one(COUNT, &[], |row| row.int(0))).await;
        assert_eq!(found.unwrap(), 1);
        let refused = store.write(|tx| tx.execute(ADD, &[1.into(), "lamp".into()])).await;
        assert!(matches!(refused, Err(StoreError::Constraint { .. })));
        drop(store);
    });
}

fn work_goes_on_when_the_caller_gives_up(database: &Database) {
    let store = database.open(&[SHOP]);
    let (go, may_go) = mpsc::channel::<()>();
    let work = store.write(move |tx| {
        may_go.recv().unwrap();
        tx.execute(ADD, &[1.into(), "lamp".into()])
    });
    let mut work = Box::pin(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_pending());
    drop(work);
    go.send(()).unwrap();
    // The writer comes to this one only after the other.
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&store), 2);
}

fn values_must_match_the_parameters(database: &Database) {
    let store = database.open(&[SHOP]);
    for (sql, values) in
        [(ADD, 1), (ADD, 3), (COUNT, 1), ("SELECT CAST($1 AS BIGINT), CAST($3 AS BIGINT)", 2), ("SELECT ?", 1)]
    {
        let refused = store.read_blocking(move |tx| tx.query(sql, &vec![Value::Int(1); values], |row| row.int(0)));
        assert!(matches!(refused, Err(StoreError::Sql { .. })), "{sql}: {refused:?}");
    }
    let refused =
        store.read_blocking(|tx| tx.select_in("SELECT name FROM shop_item", &[], Keys::Ints(&[1]), |row| row.int(0)));
    assert!(refused.unwrap_err().to_string().starts_with("IN KEYS must stand in it exactly once"));
}

fn what_is_committed_is_there_when_opened_again(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    drop(store);
    assert_eq!(count(&database.open(&[SHOP])), 1);
}

/// A memory database runs its work on the caller's thread, so a simulation's order is its own.
#[test]
fn a_memory_database_runs_on_the_calling_thread() {
    let store = Store::in_memory(&[SHOP]).unwrap();
    let here = std::thread::current().id();
    add(&store, 1, "lamp").unwrap();
    let work = store.read(move |tx| {
        assert_eq!(std::thread::current().id(), here);
        tx.query_one(COUNT, &[], |row| row.int(0))
    });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(found) = std::pin::pin!(work).poll(&mut context) else { panic!("it waited") };
    assert_eq!(found.unwrap(), 1);
    let refused = store.read_blocking(|tx| tx.execute(ADD, &[2.into(), "chair".into()]));
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    add(&store, 2, "chair").unwrap();
}
