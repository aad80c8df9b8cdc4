//! Backups: everything comes back, on either database, and nothing comes back from a file that is not whole.

use std::path::{Path, PathBuf};

use store::backup::{self, Backup, BackupError, Label, Manifest};
use store::{Migration, Slice, Store, StoreError, Value};
use testkit::{Database, TestDir};

use crate::{ADD, SHELVES, SHOP, add, count};

testkit::on_each_database! {
    every_value_comes_back_on_either_database,
    a_backup_is_one_instant_while_others_write,
    an_older_backup_is_brought_up_to_date_with_its_rows,
    a_newer_backup_is_refused,
    data_is_replaced_only_when_that_was_said_and_then_wholly,
    a_restore_that_fails_leaves_what_was_there,
}

const LOG: Slice = Slice {
    name: "log",
    migrations: &[Migration {
        number: 1,
        name: "line",
        sqlite: "CREATE TABLE log_line (org_id INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (org_id, line)) STRICT;
                 INSERT INTO log_line VALUES (1, 'made');
                 CREATE TABLE log_word (org_id INTEGER PRIMARY KEY, word TEXT) STRICT",
        postgres: "CREATE TABLE log_line (org_id BIGINT NOT NULL, line TEXT COLLATE \"C\" NOT NULL, PRIMARY KEY (org_id, line));
                 INSERT INTO log_line VALUES (1, 'made');
                 CREATE TABLE log_word (org_id BIGINT PRIMARY KEY, word TSVECTOR)",
    }],
};

const ALL: &[Slice] = &[SHOP, LOG];

/// Rows of the items, of all kinds and lengths.
const ITEMS: i64 = 3000;

fn label() -> Label {
    Label { program: "9.9.9".to_owned(), created_at: "2026-11-20T12:00:00Z".to_owned() }
}

fn write(store: &Store, slices: &'static [Slice], path: &Path) -> Result<Manifest, BackupError> {
    let path = path.to_owned();
    store.read_blocking(move |tx| {
        backup::write(tx, slices, &["log_word"], &[("note".to_owned(), b"beside".to_vec())], label(), &path)
    })
}

fn restore(path: &Path, to: &Database, slices: &[Slice], replace: bool) -> Result<backup::Restored, BackupError> {
    Backup::open(path)?.restore(to.url(), slices, replace, |_| Ok(()))
}

/// All rows of a table, as text, in order.
fn rows(store: &Store, table: &'static str) -> Vec<String> {
    let read = store.read_blocking::<_, StoreError, _>(move |tx| {
        tx.query(&format!("SELECT * FROM {table} ORDER BY 1, 2"), &[], |row| {
            let values: Result<Vec<_>, _> = (0..row.len()).map(|at| Ok(format!("{:?}", row.value(at)?))).collect();
            Ok::<_, StoreError>(values?.join(" "))
        })
    });
    read.unwrap()
}

fn filled(database: &Database) -> Store {
    let store = database.open(ALL);
    let odd = [f64::MIN_POSITIVE, 0.0, f64::MAX, 0.1, f64::EPSILON];
    let fill = move |tx: &mut store::Tx<'_>| {
        const ITEM: &str = "INSERT INTO shop_item (org_id, item_id, name, price, hash) VALUES ($1, $2, $3, $4, $5)";
        for id in 0..ITEMS {
            let at = usize::try_from(id).unwrap();
            let name = match id % 4 {
                0 => Value::Null,
                1 => Value::from(""),
                _ => Value::from(format!("ž̈🦀 {}", "x".repeat(at))),
            };
            let hash =
                if id % 3 == 0 { Value::Null } else { Value::from(vec![u8::try_from(id % 251).unwrap(); at % 999]) };
            let number = if id % 7 == 0 { i64::MIN + id } else { id };
            tx.execute(ITEM, &[(id % 5).into(), number.into(), name, Value::Real(odd[at % odd.len()]), hash])?;
        }
        tx.execute("INSERT INTO shop_sale (org_id, sale_id, item_id) VALUES (1, 1, 1)", &[])?;
        tx.execute("INSERT INTO log_line (org_id, line) VALUES (1, 'later')", &[])
    };
    store.write_blocking(fill).unwrap();
    store
}

fn every_value_comes_back_on_either_database(database: &Database) {
    let (folder, store) = (TestDir::new(), filled(database));
    let path = folder.join("backup.zip");
    let manifest = write(&store, ALL, &path).unwrap();
    assert_eq!(manifest.tables.iter().map(|table| table.rows).sum::<u64>(), ITEMS.unsigned_abs() + 3);
    assert_eq!(manifest.left_out, ["log_word"]);
    for target in [Database::sqlite(), Database::postgres()] {
        let mut backup = Backup::open(&path).unwrap();
        assert_eq!(backup.file("note").unwrap().as_deref(), Some(b"beside".as_slice()));
        assert_eq!(backup.manifest(), &manifest);
        assert_eq!(
            restore(&path, &target, ALL, false).unwrap(),
            backup::Restored { rows: ITEMS.unsigned_abs() + 3, migrated: 0 }
        );
        let there = target.open(ALL);
        for table in ["shop_item", "shop_sale", "log_line"] {
            let (ours, theirs) = (rows(&store, table), rows(&there, table));
            assert_eq!(ours.len(), theirs.len(), "{table}");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours, theirs, "{table}");
            }
        }
        let health = there.read_blocking(|tx| tx.check()).unwrap();
        assert!(health.problems.is_empty(), "{:?}", health.problems);
    }
    assert!(matches!(write(&store, ALL, &path), Err(BackupError::Exists { .. })), "a backup replaces no file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-done is left");
}

fn a_backup_is_one_instant_while_others_write(database: &Database) {
    let (folder, store) = (TestDir::new(), database.open(ALL));
    add(&store, 0, "first").unwrap();
    let (writer, to) = (store.clone(), folder.join("backup.zip"));
    let manifest = store.read_blocking(move |tx| {
        // The snapshot is taken; what comes now is not in it, although it comes before the rows are read.
        tx.query_one("SELECT count(*) FROM shop_item", &[], |row| row.int(0))?;
        for id in 1..50 {
            add(&writer, id, "meanwhile")?;
        }
        backup::write(tx, ALL, &["log_word"], &[], label(), &to)
    });
    assert_eq!(manifest.unwrap().tables.iter().find(|table| table.name == "shop_item").unwrap().rows, 1);
    assert_eq!(count(&store), 50);
}

fn an_older_backup_is_brought_up_to_date_with_its_rows(database: &Database) {
    const PRICED: Migration = Migration {
        number: 2,
        name: "priced",
        sqlite: "ALTER TABLE shop_item ADD COLUMN cents INTEGER; UPDATE shop_item SET cents = item_id * 100",
        postgres: "ALTER TABLE shop_item ADD COLUMN cents BIGINT; UPDATE shop_item SET cents = item_id * 100",
    };
    const TODAY: &[Slice] = &[Slice { name: "shop", migrations: &[SHELVES, PRICED] }, LOG];
    let (folder, store) = (TestDir::new(), database.open(ALL));
    add(&store, 7, "lamp").unwrap();
    let path = folder.join("backup.zip");
    write(&store, ALL, &path).unwrap();
    for target in [Database::sqlite(), Database::postgres()] {
        Backup::open(&path).unwrap().restore_as_it_was(target.url(), TODAY).unwrap();
        let again = folder.join(if target.is_postgres() { "postgres.zip" } else { "sqlite.zip" });
        // What an older program left is copied as it is, before anybody upgrades it.
        let older = backup::open(target.url()).unwrap();
        write(&older, TODAY, &again).unwrap();
        drop(older);
        assert_eq!(restore(&again, &target, TODAY, true).unwrap().migrated, 1);
        let there = target.open(TODAY);
        let cents = there.read_blocking(|tx| tx.query_one("SELECT cents FROM shop_item", &[], |row| row.int(0)));
        assert_eq!(cents.unwrap(), 700);
    }
}

fn a_newer_backup_is_refused(database: &Database) {
    let (folder, store) = (TestDir::new(), database.open(ALL));
    let path = folder.join("backup.zip");
    write(&store, ALL, &path).unwrap();
    let target = Database::sqlite();
    let refused = restore(&path, &target, &[SHOP], false).unwrap_err();
    let said = refused.to_string();
    assert_eq!(
        said,
        "the backup was written by a newer program (9.9.9): it has migration 1 of log, which this program does not know; \
         use that program"
    );
    assert!(!target.file().unwrap().exists(), "nothing is made before the backup is looked at");
}

fn data_is_replaced_only_when_that_was_said_and_then_wholly(database: &Database) {
    let (folder, store) = (TestDir::new(), database.open(ALL));
    add(&store, 1, "old").unwrap();
    let path = folder.join("backup.zip");
    write(&store, ALL, &path).unwrap();
    add(&store, 2, "new").unwrap();
    let worker = restore(&path, database, ALL, true).unwrap_err();
    assert!(matches!(worker, BackupError::Store(StoreError::Locked { .. })), "somebody writes: {worker}");
    drop(store);
    let refused = restore(&path, database, ALL, false).unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty { .. }), "{refused}");
    assert_eq!(count(&database.open(ALL)), 2);
    restore(&path, database, ALL, true).unwrap();
    let store = database.open(ALL);
    assert_eq!(count(&store), 1);
    assert_eq!(rows(&store, "log_line").len(), 1);
}

fn a_restore_that_fails_leaves_what_was_there(database: &Database) {
    let (folder, store) = (TestDir::new(), database.open(ALL));
    let path = folder.join("backup.zip");
    write(&store, ALL, &path).unwrap();
    add(&store, 2, "kept").unwrap();
    drop(store);
    let failed = Backup::open(&path).unwrap().restore(database.url(), ALL, true, |tx| {
        tx.execute(ADD, &[1.into(), "half".into()])?;
        Err(BackupError::Store(StoreError::Content("cut off".to_owned())))
    });
    assert_eq!(failed.unwrap_err().to_string(), "cut off");
    assert_eq!(count(&database.open(ALL)), 1);
}

/// A small backup, and its bytes.
fn whole(folder: &TestDir) -> (PathBuf, Vec<u8>) {
    let database = Database::sqlite();
    let store = database.open(ALL);
    for id in 0..40 {
        add(&store, id, "a name that is long enough to be packed").unwrap();
    }
    let path = folder.join("whole.zip");
    write(&store, ALL, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
#[cfg(unix)]
fn a_file_that_somebody_laid_where_a_backup_goes_gets_nothing_of_it() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, database) = (TestDir::new(), Database::sqlite());
    let (path, laid) = (folder.join("backup.zip"), folder.write("backup.zip.part", "theirs"));
    std::fs::set_permissions(&laid, std::fs::Permissions::from_mode(0o644)).unwrap();
    write(&database.open(ALL), ALL, &path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&laid).unwrap(), "theirs");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half-done is left");
}

#[test]
fn a_torn_backup_is_refused_in_words_wherever_it_broke_off() {
    let folder = TestDir::new();
    let (_, bytes) = whole(&folder);
    let torn = folder.join("torn.zip");
    for length in (0..bytes.len()).step_by(7) {
        std::fs::write(&torn, &bytes[..length]).unwrap();
        let refused = Backup::open(&torn).and_then(|mut backup| backup.verify(ALL)).unwrap_err().to_string();
        assert!(refused.contains("torn.zip is no whole backup: "), "{length}: {refused}");
    }
}

#[test]
fn a_backup_with_one_changed_byte_never_restores_other_rows() {
    let folder = TestDir::new();
    let (path, bytes) = whole(&folder);
    let wanted = Backup::open(&path).unwrap().manifest().clone();
    let edited = folder.join("edited.zip");
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        std::fs::write(&edited, &changed).unwrap();
        let outcome = Backup::open(&edited).and_then(|mut backup| {
            backup.verify(ALL)?;
            Ok(backup.manifest().clone())
        });
        match outcome {
            // Bytes of the container that say nothing of the content: dates, attributes.
            Ok(manifest) => assert_eq!(manifest, wanted, "{at}"),
            Err(error) => {
                assert!(matches!(error, BackupError::Torn { .. }), "{at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > bytes.len() / 2, "only {refused} of {} changes were noticed", bytes.len());
}

#[test]
fn what_is_no_backup_is_refused() {
    let folder = TestDir::new();
    let path = folder.write("note.txt", "hello");
    assert!(matches!(Backup::open(&path), Err(BackupError::Torn { .. })));
    assert!(matches!(Backup::open(&folder.join("none.zip")), Err(BackupError::File { .. })));
    let database = Database::sqlite();
    let store = database.open(ALL);
    let nowhere = write(&store, ALL, &folder.join("no/such/folder.zip"));
    assert!(matches!(nowhere, Err(BackupError::NoFolder { .. })));
}
