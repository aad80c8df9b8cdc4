//! One writer at a time, and readers always.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use store::{Access, DatabaseUrl, ErrorClass, Migration, Slice, Store, StoreError};
use testkit::Database;

use crate::{SHOP, add, count};

testkit::on_each_database! {
    readers_work_beside_a_writer_of_another_process,
    the_lock_dies_with_its_holder,
}

/// Set for a copy of this test binary that is to play another process: where the database is.
const OTHER_PROCESS: &str = "STORE_TEST_OTHER_PROCESS";

/// Another process that holds the database open for writing until it is killed or dropped.
struct Other(Child);

impl Other {
    fn holds(database: &Database) -> Other {
        let mut other = Command::new(std::env::current_exe().unwrap());
        other.args(["--exact", "lock::the_other_process", "--nocapture"]).env(OTHER_PROCESS, database.text());
        let mut other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("holding")), "the other process did not open the database");
        Other(other)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of its own: what [`Other`] runs.
#[test]
fn the_other_process() {
    let Ok(url) = std::env::var(OTHER_PROCESS) else { return };
    let url: DatabaseUrl = url.parse().unwrap();
    let store = Store::open(&url, Access::Writer, &[SHOP]).unwrap();
    add(&store, 1, "lamp").unwrap();
    println!("holding");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn the_second_writer_of_a_file_is_told_who_the_first_is() {
    let database = &Database::sqlite();
    let other = Other::holds(database);
    let refused = Store::open(database.url(), Access::Writer, &[SHOP]).map(drop).unwrap_err();
    let StoreError::Locked { by } = &refused else { panic!("{refused}") };
    assert!(by.ends_with(&format!("(pid {})", other.0.id())), "{by}");
    assert!(refused.to_string().starts_with("the database is in use by "), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Storage);
}

#[test]
fn whoever_knows_its_place_writes_a_row_beside_the_writer_of_a_file() {
    let database = &Database::sqlite();
    let other = Other::holds(database);
    let DatabaseUrl::Sqlite(path) = database.url() else { panic!("a file") };
    assert!(store::writer_of(path).is_some_and(|by| by.ends_with(&format!("(pid {})", other.0.id()))));
    let beside = Store::open(database.url(), Access::Beside, &[SHOP]).unwrap();
    add(&beside, 2, "chair").unwrap();
    assert_eq!(count(&beside), 2);
    drop(other);
    assert_eq!(store::writer_of(path), None);
    let nowhere = Database::sqlite();
    let missing = Store::open(nowhere.url(), Access::Beside, &[SHOP]).map(drop);
    assert!(matches!(missing, Err(StoreError::Missing { .. })), "{missing:?}");
}

#[test]
fn several_processes_write_to_one_server() {
    let database = &Database::postgres();
    let _other = Other::holds(database);
    let store = database.open(&[SHOP]);
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&store), 2);
}

#[test]
fn nobody_changes_tables_under_another_writer() {
    const MORE: &[Migration] = &[
        SHOP.migrations[0],
        Migration {
            number: 2,
            name: "more",
            sqlite: "",
            postgres: "CREATE TABLE shop_more (org_id BIGINT PRIMARY KEY)",
        },
    ];
    const NEWER: Slice = Slice { name: "shop", migrations: MORE };
    let database = &Database::postgres();
    let other = Other::holds(database);
    let refused = Store::open(database.url(), Access::Writer, &[NEWER]).map(drop).unwrap_err();
    let StoreError::Locked { by } = &refused else { panic!("{refused}") };
    assert!(by.ends_with(&format!("(pid {})", other.0.id())), "{by}");
    drop(other);
    // Both may find the tables old at the same moment; one changes them, and both go on.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| Store::open(database.url(), Access::Writer, &[NEWER]).map(drop).unwrap());
        }
    });
}

fn readers_work_beside_a_writer_of_another_process(database: &Database) {
    let _other = Other::holds(database);
    let reader = Store::open(database.url(), Access::Reader, &[SHOP]).unwrap();
    assert_eq!(count(&reader), 1);
}

fn the_lock_dies_with_its_holder(database: &Database) {
    let mut other = Other::holds(database);
    other.0.kill().unwrap();
    other.0.wait().unwrap();
    // A reader first: it finds the log of a process that did not end well.
    let reader = Store::open(database.url(), Access::Reader, &[SHOP]).unwrap();
    assert_eq!(count(&reader), 1);
    let store = database.open(&[SHOP]);
    add(&store, 2, "chair").unwrap();
    assert_eq!(count(&reader), 2);
}
