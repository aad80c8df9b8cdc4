//! Backups of a real installation: taken while it is read, restored elsewhere, compared row by row, and gone on from.

use std::collections::{BTreeMap, BTreeSet};

use sentinelone_sim::tokens;
use store::{Access, DatabaseUrl, Store, StoreError};
use testkit::Database;

use crate::assert_run;
use crate::harness::{Console, Muster, SLICES};

testkit::on_each_database! {
    a_backup_restored_elsewhere_has_every_row_and_the_sync_goes_on_without_a_gap,
    a_backup_that_is_taken_while_a_sync_writes_restores_and_the_sync_goes_on,
}

/// Every row of every table, but for what is made again, and what a restore itself changes.
fn everything(url: &DatabaseUrl) -> BTreeMap<String, BTreeSet<String>> {
    let store = Store::open(url, Access::Reader, SLICES).unwrap();
    let read = store.read_blocking::<_, StoreError, _>(|tx| {
        let mut all = BTreeMap::new();
        for table in tx.tables()? {
            if table.starts_with("signals_text") || ["store_migration", "access_org"].contains(&table.as_str()) {
                continue;
            }
            let rows = tx.query(&format!("SELECT * FROM {table}"), &[], |row| {
                // The order of columns is the database's own.
                let values: Result<BTreeSet<_>, _> =
                    (0..row.len()).map(|at| Ok(format!("{:?}", row.value(at)?))).collect();
                Ok::<_, StoreError>(format!("{:?}", values?))
            })?;
            all.insert(table, rows.into_iter().collect::<BTreeSet<_>>());
        }
        Ok(all)
    });
    read.unwrap()
}

/// The ids of all artifacts of the log.
fn artifacts(url: &DatabaseUrl) -> BTreeSet<Vec<u8>> {
    const IDS: &str = "SELECT artifact_id FROM signals_artifact";
    let store = Store::open(url, Access::Reader, SLICES).unwrap();
    let read = store.read_blocking::<_, StoreError, _>(|tx| tx.query(IDS, &[], |row| Ok(row.bytes(0)?.to_vec())));
    read.unwrap().into_iter().collect()
}

fn a_backup_restored_elsewhere_has_every_row_and_the_sync_goes_on_without_a_gap(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    muster.ok(&["sync"]);
    let folder = muster.dir.join("backups/");
    std::fs::create_dir(&folder).unwrap();
    let made = muster.ok(&["backup", "--with-key", "--json", &folder.display().to_string()]);
    let made: serde_json::Value = serde_json::from_str(&made.out).unwrap();
    let file = made["file"].as_str().unwrap();
    let before = everything(database.url());
    // What comes after the backup is read again by whoever has it.
    let agent = console.world.agent_ids().remove(0);
    assert!(console.world.patch_agent(&agent, &serde_json::json!({ "computerName": "renamed-since" })));
    muster.ok(&["sync"]);
    for target in [Database::sqlite(), Database::postgres()] {
        let other = Muster::on(&target);
        other.ok(&["restore", file]);
        let mut there = everything(target.url());
        let trail = there.remove("access_audit").unwrap();
        assert_eq!(trail.len(), before["access_audit"].len() + 1, "the restore itself is in the trail");
        for (table, rows) in before.iter().filter(|(table, _)| *table != "access_audit") {
            assert!(there[table] == *rows, "{table} differs: {} and {} rows", rows.len(), there[table].len());
        }
        let doctor = other.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "{}", doctor.out);
        other.ok(&["sync"]);
        assert_eq!(other.count("assets", "name:=renamed-since"), 1);
        assert_eq!(other.count("assets", ""), console.machines(tokens::ACCOUNT));
        assert!(artifacts(target.url()) == artifacts(database.url()), "both have read the same log");
        // The full text was not in the backup, and finds what it found.
        let found = other.ok(&["query", "renamed-since", "--in", "artifacts", "--count"]).out;
        assert_eq!(found, muster.ok(&["query", "renamed-since", "--in", "artifacts", "--count"]).out);
    }
}

fn a_backup_that_is_taken_while_a_sync_writes_restores_and_the_sync_goes_on(database: &Database) {
    let console = Console::start();
    let muster = Muster::on(database).connect(&console);
    let mut sync = muster.start(&["sync"]);
    let mut backups = Vec::new();
    while sync.try_wait().unwrap().is_none() || backups.is_empty() {
        let file = muster.dir.join(&format!("{}.zip", backups.len())).display().to_string();
        muster.ok(&["backup", "--with-key", &file]);
        backups.push(file);
    }
    assert_eq!(sync.wait_with_output().unwrap().status.code(), Some(0));
    // The first ones are of a sync that was not over, and each is whole in itself.
    let target = if database.is_postgres() { Database::postgres() } else { Database::sqlite() };
    let other = Muster::on(&target);
    other.ok(&["restore", &backups[0]]);
    is_whole(&other);
    other.ok(&["sync"]);
    assert!(artifacts(target.url()) == artifacts(database.url()), "nothing is missing, and nothing is there twice");
    assert_eq!(other.count("assets", ""), console.machines(tokens::ACCOUNT));
    let Some(last) = backups.last() else { return };
    other.ok(&["restore", "--replace", last]);
    is_whole(&other);
}

/// Whether database and key are as they should be; a sync that was not over may need somebody.
fn is_whole(muster: &Muster) {
    let doctor = muster.run(&["doctor", "--offline"]);
    let lines: Vec<&str> = doctor.out.lines().collect();
    for (what, told) in [("data", "integrity ok"), ("key", "key ")] {
        let found = lines.iter().find(|line| line.split_whitespace().next() == Some(what));
        assert!(found.is_some_and(|line| line.contains(" ok ") && line.contains(told)), "{what}: {}", doctor.out);
    }
}

#[test]
fn a_backup_is_told_in_words() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    muster.ok(&["sync", "--stream", "accounts,sites,groups,agents"]);
    let file = muster.dir.join("monday.zip").display().to_string();
    assert_run!(muster, muster.ok(&["backup", &file]));
    assert_run!(muster, muster.run(&["backup", &file]));
    assert_run!(muster, muster.ok(&["restore", "--check", &file]));
    assert_run!(muster, muster.run(&["restore", &file]));
    // Without its key, the data is there and the tokens are not.
    let other = Muster::new();
    let restored = other.ok(&["restore", &file]);
    assert!(restored.err.contains("warning: ") && !restored.err.contains("error: "), "{}", restored.err);
    assert_run!(other, restored);
    let torn = std::fs::read(&file).unwrap();
    let torn = muster.dir.write("torn.zip", &torn[..torn.len() / 2]).display().to_string();
    assert_run!(muster, muster.run(&["restore", "--replace", &torn]));
}

#[test]
fn a_backup_into_a_folder_that_is_not_there_says_which_and_what_to_do() {
    let muster = Muster::new();
    muster.ok(&["migrate"]);
    let nowhere = muster.dir.join("night/ly");
    for target in [nowhere.join("monday.zip").display().to_string(), format!("{}/", nowhere.display())] {
        let run = muster.run(&["backup", &target]);
        let told = format!(
            "error: there is no folder {0} for the backup; make it first\n  Such as: mkdir -p ~/night/ly\n",
            nowhere.display()
        );
        assert_eq!((run.code, run.err), (2, told));
    }
    std::fs::create_dir_all(&nowhere).unwrap();
    muster.ok(&["backup", &format!("{}/", nowhere.display())]);
}

#[test]
fn a_backup_holds_no_token_and_no_key_unless_asked_for() {
    let console = Console::start();
    let muster = Muster::connected(&console);
    let (without, with) = (muster.dir.join("without.zip"), muster.dir.join("with.zip"));
    muster.ok(&["backup", &without.display().to_string()]);
    let run = muster.ok(&["backup", "--with-key", &with.display().to_string()]);
    assert!(run.err.contains("whoever has this file has every token in it"), "{}", run.err);
    let key = std::fs::read(muster.data_dir().join("key")).unwrap();
    for (file, carried) in [(&without, false), (&with, true)] {
        let mut backup = store::backup::Backup::open(file).unwrap();
        assert_eq!(backup.file("key").unwrap(), carried.then(|| key.clone()), "{}", file.display());
    }
    // Packed rows would hide it from a search of the file: what they unpack to is searched.
    let other = Muster::new();
    other.ok(&["restore", &without.display().to_string()]);
    let bytes = std::fs::read(other.data_dir().join("muster.db")).unwrap();
    for secret in [tokens::ACCOUNT.as_bytes(), key.trim_ascii()] {
        assert!(!bytes.windows(secret.len()).any(|piece| piece == secret));
    }
    assert!(!other.data_dir().join("key").exists());
    // With the key, what was restored opens the console at once.
    let third = Muster::new();
    third.ok(&["restore", &with.display().to_string()]);
    third.ok(&["sync", "--stream", "accounts"]);
}

#[test]
fn a_restore_signs_everybody_out_and_withdraws_open_links() {
    let muster = Muster::new();
    muster.ok(&["migrate"]);
    let url: DatabaseUrl = format!("sqlite:{}", muster.data_dir().join("muster.db").display()).parse().unwrap();
    const OPEN: &[&str] = &[
        "INSERT INTO access_person (person_id, login, name, state, created_at) VALUES (7, 'a@b.c', 'a', 'active', 0)",
        "INSERT INTO access_session VALUES ('s', X'01', 7, 1, 'full', 0, 0, '::1', 'a browser')",
        "INSERT INTO access_ticket VALUES (X'02', 'invitation', 7, 9)",
        "INSERT INTO access_link VALUES (1, 'l', X'03', 'sentinelone', NULL, 'Ann', NULL, NULL, NULL, 'a', 0, 9, 'open', 0, '', 0)",
    ];
    let store = Store::open(&url, Access::Writer, SLICES).unwrap();
    let open =
        store.write_blocking::<_, StoreError, _>(|tx| OPEN.iter().try_for_each(|sql| tx.execute(sql, &[]).map(drop)));
    open.unwrap();
    drop(store);
    let file = muster.dir.join("backup.zip").display().to_string();
    muster.ok(&["backup", &file]);
    muster.ok(&["restore", "--replace", &file]);
    let there = everything(&url);
    assert_eq!(there["access_person"].len(), 1);
    assert_eq!((there["access_session"].len(), there["access_ticket"].len()), (0, 0));
    let links = &there["access_link"];
    assert!(links.len() == 1 && links.iter().all(|link| link.contains("revoked")), "{links:?}");
    assert!(there["access_audit"].iter().any(|line| line.contains("database.restore")));
}
