//! Databases that earlier versions left, each with what it answered then (`cargo xtask upgrades` adds one): this version
//! migrates them with all their rows, answers the same, and may be cut off meanwhile.

use std::path::{Path, PathBuf};

use serde_json::Value;
use store::StoreError;
use store::backup::Backup;
use testkit::Database;

use crate::harness::{Muster, SLICES};

testkit::on_each_database! {
    every_schema_that_was_is_migrated_and_answers_as_before,
    a_migration_that_is_killed_leaves_the_old_database_and_the_next_one_finishes,
}

/// The backups of earlier schemas, the oldest first.
fn kept() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testkit/upgrades");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut backups: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "zip")).collect();
    let applied = |path: &PathBuf| Backup::open(path).unwrap().manifest().migrations.len();
    backups.sort_by_key(applied);
    assert!(backups.len() >= 3, "{}: {backups:?}", folder.display());
    backups
}

/// An empty database of the same kind.
fn another(database: &Database) -> Database {
    if database.is_postgres() { Database::postgres() } else { Database::sqlite() }
}

/// How many migrations a database has.
fn applied(database: &Database) -> usize {
    let store = store::backup::open(database.url()).unwrap();
    let count = store.read_blocking::<_, StoreError, _>(|tx| {
        tx.query_one("SELECT count(*) FROM store_migration", &[], |row| row.int(0))
    });
    usize::try_from(count.unwrap()).unwrap()
}

fn all_migrations() -> usize {
    SLICES.iter().map(|slice| slice.migrations.len()).sum()
}

fn every_schema_that_was_is_migrated_and_answers_as_before(database: &Database) {
    for path in kept() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let old = another(database);
        let backup = Backup::open(&path).unwrap();
        let had = backup.manifest().migrations.len();
        backup.restore_as_it_was(old.url(), SLICES).unwrap();
        assert_eq!(applied(&old), had, "{name}");
        let muster = Muster::on(&old);
        if had < all_migrations() {
            let refused = muster.run(&["query", ""]);
            assert_eq!(refused.code, 6, "{name}: {}", refused.err);
            assert!(refused.err.contains("run `muster migrate`"), "{name}: {}", refused.err);
        }
        let migrated = muster.ok(&["migrate", "--json"]).out;
        let outcome = if had < all_migrations() { "\"migrated\"" } else { "\"current\"" };
        assert!(migrated.contains(outcome), "{name}: {migrated}");
        assert_eq!(applied(&old), all_migrations(), "{name}");
        let answers = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let answers: Vec<Value> = serde_json::from_str(&answers).unwrap();
        assert!(answers.len() >= 4, "{name}: {}", answers.len());
        for asked in answers {
            let word = |key: &str| asked[key].as_str().unwrap().to_owned();
            let (inventory, text, fields) = (word("in"), word("text"), word("fields"));
            let arguments =
                ["query", &text, "--in", &inventory, "--format", "json", "--fields", &fields, "--limit", "1000"];
            let now: Value = serde_json::from_str(&muster.ok(&arguments).out).unwrap();
            assert_eq!(sorted(&now), sorted(&asked["answer"]), "{name}: {inventory} {text:?}");
        }
        // Nothing but the key is missing: what was sealed then is sealed still.
        let store = old.open(SLICES);
        let health = store.read_blocking::<_, StoreError, _>(|tx| tx.check()).unwrap();
        assert!(health.problems.is_empty(), "{name}: {:?}", health.problems);
    }
}

/// The rows, in an order of their own: that of an answer without one is nobody's promise.
fn sorted(rows: &Value) -> Vec<String> {
    let mut rows: Vec<String> = rows.as_array().unwrap().iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

fn a_migration_that_is_killed_leaves_the_old_database_and_the_next_one_finishes(database: &Database) {
    let path = kept().remove(0);
    let had = Backup::open(&path).unwrap().manifest().migrations.len();
    Backup::open(&path).unwrap().restore_as_it_was(database.url(), SLICES).unwrap();
    let muster = Muster::on(database);
    for spot in ["statement:INSERT INTO store_migration:5", "commit:INSERT INTO store_migration"] {
        let killed = muster.command(&["migrate"]).env("MUSTER_CRASH_AT", spot).output().unwrap();
        assert_eq!(killed.status.code(), None, "{spot}: {}", String::from_utf8_lossy(&killed.stderr));
        assert_eq!(applied(database), had, "{spot}");
    }
    muster.ok(&["migrate"]);
    assert_eq!(applied(database), all_migrations());
    muster.ok(&["query", ""]);
}
