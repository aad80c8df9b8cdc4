//! Full disks, damaged files, servers that go away.

use std::io::{Seek, SeekFrom, Write};

use store::{Access, DatabaseUrl, ErrorClass, Store, StoreError};
use testkit::{Database, TestDir};

use crate::{ADD, SHOP, add, count};

testkit::on_each_database! {
    a_full_disk_has_a_name_and_loses_nothing,
}

fn a_full_disk_has_a_name_and_loses_nothing(database: &Database) {
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    let filled = store.write_blocking(|tx| {
        tx.execute(ADD, &[2.into(), "chair".into()])?;
        match tx.dialect() {
            store::Dialect::Sqlite => {
                let pages = tx.query_one("PRAGMA page_count", &[], |row| row.int(0))?;
                tx.query(&format!("PRAGMA max_page_count = {pages}"), &[], |row| row.int(0))?;
                tx.execute(ADD, &[3.into(), "x".repeat(1 << 20).into()])
            }
            // The server's own disk cannot be filled here; this is what it says when it is full.
            store::Dialect::Postgres => tx.execute("DO 'BEGIN RAISE disk_full; END'", &[]),
        }
    });
    let error = filled.unwrap_err();
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Storage);
    assert_eq!(count(&store), 1);
    add(&store, 4, "stool").unwrap();
    drop(store);
    let store = database.open(&[SHOP]);
    assert_eq!(count(&store), 2);
    assert!(store.read_blocking(|tx| tx.check()).unwrap().problems.is_empty());
}

#[test]
fn a_damaged_file_is_called_damaged() {
    let database = Database::sqlite();
    let store = database.open(&[SHOP]);
    for id in 0..200 {
        store.write_blocking(move |tx| tx.execute(ADD, &[id.into(), "x".repeat(4000).into()])).unwrap();
    }
    drop(store);
    let path = database.file().unwrap();
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    for page in 3..50 {
        file.seek(SeekFrom::Start(page * 8192)).unwrap();
        file.write_all(&[0xa5; 8192]).unwrap();
    }
    drop(file);
    let store = Store::open(database.url(), Access::Reader, &[SHOP]).unwrap();
    match store.read_blocking(|tx| tx.check()) {
        Ok(health) => assert!(!health.problems.is_empty()),
        Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}"),
    }
    let read = store.read_blocking(|tx| tx.query("SELECT name FROM shop_item", &[], |row| row.text(0).map(drop)));
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
}

#[test]
fn a_file_that_is_no_database_is_not_touched() {
    let dir = TestDir::new();
    let path = dir.write("muster.db", "these are my holiday pictures, all eight thousand of them".repeat(20));
    let before = std::fs::read(&path).unwrap();
    let refused = Store::open(&DatabaseUrl::Sqlite(path.clone()), Access::Writer, &[SHOP]).map(drop);
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_not_touched() {
    let dir = TestDir::new();
    let path = dir.join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE pictures (id INTEGER)").unwrap();
    drop(other);
    let refused = Store::open(&DatabaseUrl::Sqlite(path), Access::Writer, &[SHOP]).map(drop);
    assert!(matches!(refused, Err(StoreError::Foreign { .. })), "{refused:?}");
}

#[test]
fn a_new_file_is_its_owners_alone_and_as_we_want_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TestDir::new();
    let path = dir.join("data/deep/muster.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), Access::Writer, &[SHOP]).unwrap();
    add(&store, 1, "lamp").unwrap();
    for file in ["muster.db", "muster.db-wal", "muster.db.lock"] {
        let mode = std::fs::metadata(path.with_file_name(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let settings = store.write_blocking(|tx| {
        let one = |tx: &mut store::Tx<'_>, name: &str| {
            tx.query_one(&format!("PRAGMA {name}"), &[], |row| Ok(row.value(0)?.into_owned()))
        };
        Ok::<_, StoreError>([
            one(tx, "journal_mode")?,
            one(tx, "synchronous")?,
            one(tx, "foreign_keys")?,
            one(tx, "busy_timeout")?,
            one(tx, "page_size")?,
        ])
    });
    assert_eq!(settings.unwrap(), ["wal".into(), 2.into(), 1.into(), 5000.into(), 8192.into()]);
    drop(store);
    assert!(!path.with_file_name("muster.db-wal").exists(), "closing puts the log away");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = TestDir::new();
    let file = dir.write("file", "");
    let refused = Store::open(&DatabaseUrl::Sqlite(file.join("muster.db")), Access::Writer, &[SHOP]).map(drop);
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("muster.db"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let url: DatabaseUrl = "postgres://ann:hunter2@127.0.0.1:1/muster?connect_timeout=2".parse().unwrap();
    let error = Store::open(&url, Access::Writer, &[SHOP]).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Unreachable);
    assert!(error.to_string().starts_with("reaching the database postgres://ann@127.0.0.1:1/muster: "), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn a_database_that_the_server_does_not_have_is_unreachable() {
    let database = Database::postgres();
    let url: DatabaseUrl = database.text().replace("/postgres?", "/nobody?").parse().unwrap();
    let error = Store::open(&url, Access::Writer, &[SHOP]).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn a_lost_connection_is_made_again_with_the_lock() {
    let database = Database::postgres();
    let store = database.open(&[SHOP]);
    add(&store, 1, "lamp").unwrap();
    assert_eq!(count(&store), 1);
    const MINE: &str = "pg_locks WHERE locktype = 'advisory' AND granted AND CAST(CAST(objid AS BIGINT) AS BIT(32))
        = CAST(hashtext(current_schema()) AS BIT(32))";
    database.run_on_server(&format!("SELECT pg_terminate_backend(pid) FROM {MINE}"));
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&store), 2);
    assert_eq!(database.run_on_server(&format!("SELECT count(*) FROM {MINE}")).trim(), "1");
}

#[test]
fn a_connection_lost_in_the_middle_loses_the_transaction_and_nothing_else() {
    let database = Database::postgres();
    let store = database.open(&[SHOP]);
    let cut = store.write_blocking(|tx| {
        tx.execute(ADD, &[1.into(), "lamp".into()])?;
        tx.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[])
    });
    assert!(matches!(cut, Err(StoreError::Unreachable { .. })), "{cut:?}");
    assert_eq!(count(&store), 0);
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&store), 1);
}

#[test]
fn a_reader_whose_connection_was_lost_gets_a_new_one() {
    let database = Database::postgres();
    let store = database.open(&[SHOP]);
    let cut =
        store.read_blocking(|tx| tx.query_one("SELECT pg_terminate_backend(pg_backend_pid())", &[], |row| row.flag(0)));
    assert!(matches!(cut, Err(StoreError::Unreachable { .. })), "{cut:?}");
    assert_eq!(count(&store), 0);
}
