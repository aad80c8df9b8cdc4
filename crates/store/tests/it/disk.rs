//! Disks that lose, tear, fill up, fail and forget; and statements that fail on either database.

use store::crash::CrashPoint;
use store::{Access, ErrorClass, Store, StoreError};
use testkit::{Database, Disk, Loss, fail_at, has_failed};

use crate::{ADD, SHOP, count};

testkit::on_each_database! {
    fault_04_a_failure_between_any_two_statements_leaves_the_state_before,
    fault_05_a_commit_whose_answer_is_lost_is_there_whole,
}

/// Rows of one transaction: several pages of the file.
const ROWS: i64 = 5;

/// Transactions of one story.
const STEPS: i64 = 3;

/// Seeds of torn sectors tried at each moment.
const TORN: u64 = 2;

/// Adds [`ROWS`] rows in one transaction.
fn add_many(store: &Store, step: i64) -> Result<(), StoreError> {
    store.write_blocking(move |tx| {
        for row in 0..ROWS {
            tx.execute(ADD, &[(step * ROWS + row).into(), "x".repeat(3000).into()])?;
        }
        Ok(())
    })
}

/// Nothing is wrong with a database, and it holds whole transactions only; answers how many.
fn whole_transactions(store: &Store, what: &str) -> i64 {
    let rows = count(store);
    assert_eq!(rows % ROWS, 0, "{what}: a transaction is there in part");
    let health = store.read_blocking(|tx| tx.check()).unwrap();
    assert_eq!(health.problems, Vec::<String>::new(), "{what}");
    rows / ROWS
}

/// A story on a disk: after each step, what had been done by then.
fn story(disk: &Disk) -> Vec<usize> {
    let store = disk.open(&[SHOP]).unwrap();
    let mut acknowledged = vec![disk.moment()];
    for step in 0..STEPS {
        add_many(&store, step).unwrap();
        acknowledged.push(disk.moment());
    }
    drop(store);
    acknowledged
}

#[test]
fn fault_09_power_loss_at_any_moment_loses_nothing_acknowledged() {
    let disk = Disk::new();
    let acknowledged = story(&disk);
    let mut images = 0;
    for moment in 0..=disk.moment() {
        let least = acknowledged.iter().filter(|acked| **acked <= moment).count().saturating_sub(1);
        let losses = [Loss::Nothing, Loss::Everything].into_iter().chain((0..TORN).map(Loss::Torn));
        for loss in losses {
            let what = format!("{loss:?} after {moment} of {}", disk.moment());
            let left = disk.after_power_loss(moment, loss);
            let store = left.open(&[SHOP]).unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = whole_transactions(&store, &what);
            assert!(found >= i64::try_from(least).unwrap(), "{what}: {found} of {least} acknowledged are there");
            add_many(&store, STEPS).unwrap();
            images += 1;
        }
    }
    assert!(images > 100, "only {images} power losses were tried");
}

#[test]
fn fault_09_a_disk_that_lies_about_syncing_may_lose_the_latest_but_never_half_of_one() {
    let disk = Disk::new();
    let store = disk.open(&[SHOP]).unwrap();
    add_many(&store, 0).unwrap();
    disk.lie();
    for step in 1..STEPS {
        add_many(&store, step).unwrap();
    }
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..32 {
        let left = disk.after_power_loss(disk.moment(), Loss::Torn(seed));
        found.insert(whole_transactions(&left.open(&[SHOP]).unwrap(), &format!("seed {seed}")));
    }
    assert!(found.iter().all(|steps| (1..=STEPS).contains(steps)), "{found:?}");
    assert!(found.first() < Some(&STEPS), "the disk lied and nothing was lost: {found:?}");
}

#[test]
fn fault_10_a_full_disk_stops_writing_and_recovers_alone() {
    let disk = Disk::new();
    let store = disk.open(&[SHOP]).unwrap();
    add_many(&store, 0).unwrap();
    disk.leave_room(Some(20_000));
    for _ in 0..3 {
        let error = add_many(&store, 1).unwrap_err();
        assert!(matches!(error, StoreError::Full), "{error:?}");
        assert_eq!(error.class(), ErrorClass::Storage);
        assert_eq!(whole_transactions(&store, "while the disk is full"), 1, "readers go on");
    }
    disk.leave_room(None);
    add_many(&store, 1).unwrap();
    assert_eq!(whole_transactions(&store, "after room was made"), 2);
}

#[test]
fn fault_11_a_log_that_is_cut_or_damaged_anywhere_gives_back_whole_transactions() {
    let disk = Disk::new();
    let store = disk.open(&[SHOP]).unwrap();
    for step in 0..STEPS {
        add_many(&store, step).unwrap();
    }
    let size = std::fs::metadata(log_of(&disk)).unwrap().len();
    let mut found = std::collections::BTreeSet::new();
    for part in 0..24 {
        for damage in [cut, turn_a_bit] {
            let left = disk.after_power_loss(disk.moment(), Loss::Nothing);
            damage(&log_of(&left), size * part / 24 + part);
            let what = format!("damage at {part} of 24");
            found.insert(whole_transactions(&left.open(&[SHOP]).unwrap(), &what));
        }
    }
    assert!(found.len() > 2, "the damage was never felt: {found:?}");
}

fn log_of(disk: &Disk) -> std::path::PathBuf {
    disk.file().with_file_name("muster.db-wal")
}

fn cut(file: &std::path::Path, at: u64) {
    std::fs::File::options().write(true).open(file).unwrap().set_len(at).unwrap();
}

fn turn_a_bit(file: &std::path::Path, at: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

/// A bit that turns in the file's structure is found; one that turns in a value or in unused room cannot be seen by SQLite,
/// which keeps no sums: bodies and the log have their own.
#[test]
fn fault_11_a_bit_that_turned_in_the_files_structure_is_called_damage() {
    let disk = Disk::new();
    drop({
        let store = disk.open(&[SHOP]).unwrap();
        for step in 0..STEPS {
            add_many(&store, step).unwrap();
        }
        store
    });
    // The first bytes of a page say what it is and where its cells are.
    const PAGE: u64 = 8192;
    let pages = std::fs::metadata(disk.file()).unwrap().len() / PAGE;
    let mut refused = 0;
    for page in 1..pages {
        for offset in [0, 3, 5] {
            let left = disk.after_power_loss(disk.moment(), Loss::Nothing);
            left.flip(page * PAGE + offset, 0x08);
            let seen = Store::open(&left.url(), Access::Reader, &[SHOP])
                .and_then(|store| store.read_blocking(|tx| tx.check()));
            match seen {
                Err(error) => {
                    assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}, byte {offset}: {error:?}");
                    refused += 1;
                }
                Ok(health) => refused += u64::from(!health.problems.is_empty()),
            }
        }
    }
    // An overflow page begins with a number of another page, and has no such bytes.
    assert!(refused >= pages, "{refused} of {} turned bits were found", 3 * (pages - 1));
}

#[test]
fn fault_09_an_error_of_any_operation_leaves_the_state_before_or_after() {
    let mut nth = 0;
    let (mut before, mut after) = (0, 0);
    loop {
        nth += 1;
        let disk = Disk::new();
        let store = disk.open(&[SHOP]).unwrap();
        add_many(&store, 0).unwrap();
        disk.fail(nth);
        let done = add_many(&store, 1);
        if !disk.has_failed() {
            break;
        }
        let what = format!("operation {nth} failed, the answer was {done:?}");
        if let Err(error) = &done {
            assert_eq!(error.class(), ErrorClass::Storage, "{what}");
        }
        let found = whole_transactions(&store, &what);
        assert!(found == 2 || done.is_err() && found == 1, "{what}: {found} are there");
        *(if found == 2 { &mut after } else { &mut before }) += 1;
        // The same store goes on once the disk does.
        add_many(&store, 2).unwrap_or_else(|error| panic!("{what}, and then {error:?}"));
        drop(store);
        assert_eq!(whole_transactions(&disk.open(&[SHOP]).unwrap(), &what), found + 1, "{what}, opened again");
    }
    assert!(nth > 10 && before > 5, "{nth} operations, {before} left the state before, {after} after");
}

#[test]
fn fault_11_an_error_while_opening_is_said_and_the_next_opening_works() {
    let disk = Disk::new();
    drop(story(&disk));
    let mut refused = 0;
    for nth in 1.. {
        disk.fail(nth);
        let opened = disk.open(&[SHOP]);
        if !disk.has_failed() {
            break;
        }
        if let Err(error) = opened {
            assert_eq!(error.class(), ErrorClass::Storage, "operation {nth}: {error:?}");
            refused += 1;
        }
        let store = disk.open(&[SHOP]).unwrap();
        assert_eq!(whole_transactions(&store, &format!("after operation {nth} failed")), STEPS);
    }
    assert!(refused > 3, "only {refused} errors were felt");
}

fn fault_04_a_failure_between_any_two_statements_leaves_the_state_before(database: &Database) {
    let store = database.open(&[SHOP]);
    add_many(&store, 0).unwrap();
    for place in (1..=ROWS).map(|nth| format!("statement:INSERT:{nth}")).chain(["begin".into(), "commit:INSERT".into()])
    {
        fail_at(&store, &place);
        assert!(add_many(&store, 1).is_err(), "{place}");
        assert_eq!(count(&store), ROWS, "{place}");
        assert!(has_failed(&store), "{place}");
    }
    add_many(&store, 1).unwrap();
    assert_eq!(count(&store), 2 * ROWS);
}

fn fault_05_a_commit_whose_answer_is_lost_is_there_whole(database: &Database) {
    let store = database.open(&[SHOP]);
    fail_at(&store, "committed:INSERT");
    assert!(add_many(&store, 0).is_err());
    assert_eq!(count(&store), ROWS);
    // Who asks again meets its own rows.
    assert!(matches!(add_many(&store, 0), Err(StoreError::Constraint { .. })));
    assert_eq!(count(&store), ROWS);
}

#[test]
fn crash_points_are_read_as_written() {
    let read = |text: &str| text.parse::<CrashPoint>();
    let point = read("statement:UPDATE sync_stream SET a = ':1':3").unwrap();
    assert_eq!((point.text.as_str(), point.nth), ("UPDATE sync_stream SET a = ':1'", 3));
    assert_eq!(read("commit").unwrap(), read("commit::1").unwrap());
    assert!(read("somewhere").is_err());
}
