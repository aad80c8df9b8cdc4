//! Storage that fails under the engine: statements, disks, backups, older versions.

use std::collections::BTreeSet;

use sentinelone_sim::tokens;
use store::{Access, Slice, Store, StoreError};
use testkit::{Database, Disk, Loss, fail_at, first_version, has_failed};

use crate::lab::{Build, Lab, SLICES, all_complete};

testkit::on_each_database! {
    fault_04_a_statement_that_fails_anywhere_in_a_pass_leaves_no_page_in_part,
    fault_05_a_page_whose_commit_was_not_answered_is_not_logged_twice,
    fault_25_two_collectors_with_one_token_write_the_same_artifacts,
    fault_27_a_database_of_the_first_version_opens_and_a_cut_off_sweep_goes_on,
    fault_27_a_database_of_every_version_in_between_opens_answers_and_goes_on,
}

/// Every how many statements, or operations, one fails: a prime, so that no place is left out for ever.
const STRIDE: u64 = 13;

/// What is read here: enough for pages, windows, single records and the log, without what costs many requests.
const STREAMS: &[&str] = &["accounts", "sites", "groups", "agents", "threats", "activities"];

fn run() -> sync::Run {
    sync::Run { streams: STREAMS.iter().map(|name| (*name).to_owned()).collect(), ..sync::Run::default() }
}

/// Artifact ids in the log.
fn ids(store: &Store) -> Vec<Vec<u8>> {
    const IDS: &str = "SELECT artifact_id FROM signals_artifact ORDER BY seq";
    store.read_blocking::<_, StoreError, _>(|tx| tx.query(IDS, &[], |row| Ok(row.bytes(0)?.to_vec()))).unwrap()
}

/// No page is there in part: data, log and checkpoint agree.
fn nothing_is_half_done(lab: &Lab, what: &str) {
    let count = |sql: &str| lab.number(sql);
    let ahead = "SELECT count(*) FROM sync_stream t WHERE t.sweep_id IS NOT NULL AND t.page <> \
        (SELECT count(*) FROM sync_sweep_page p WHERE p.org_id = t.org_id AND p.sweep_id = t.sweep_id)";
    assert_eq!(count(ahead), 0, "{what}: a checkpoint and its pages differ");
    let unlogged = "SELECT count(*) FROM inventory_source_record r WHERE NOT EXISTS (SELECT 1 FROM signals_artifact a \
        WHERE a.org_id = r.org_id AND a.stream = r.stream AND a.native_id = r.native_id)";
    assert_eq!(count(unlogged), 0, "{what}: a record without its artifact");
    let unstored = "SELECT count(*) FROM signals_artifact a WHERE NOT EXISTS (SELECT 1 FROM inventory_source_record r \
        WHERE a.org_id = r.org_id AND a.stream = r.stream AND a.native_id = r.native_id)";
    assert_eq!(count(unstored), 0, "{what}: an artifact without its record");
}

/// All that the console has is there, and every version once.
fn all_is_there(lab: &Lab) {
    all_complete(&lab.sync_streams(STREAMS));
    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, expected) in [("agents", truth.agents), ("threats", truth.threats), ("activities", truth.activities)] {
        let expected = i64::try_from(expected).unwrap();
        let records = lab.number(&format!("SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}'"));
        let artifacts = lab.number(&format!("SELECT count(*) FROM signals_artifact WHERE stream = '{stream}'"));
        assert_eq!((records, artifacts), (expected, expected), "{stream}");
    }
}

fn fault_04_a_statement_that_fails_anywhere_in_a_pass_leaves_no_page_in_part(database: &Database) {
    let lab = Build { page_max: 7, endpoints: 20, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let mut failures = 0;
    for nth in (1..).step_by(usize::try_from(STRIDE).unwrap()) {
        fail_at(&lab.store, &format!("statement::{nth}"));
        let ended = lab.try_run(&run());
        if !has_failed(&lab.store) {
            all_complete(&ended.unwrap());
            break;
        }
        failures += 1;
        assert!(ended.is_err(), "statement {nth} failed and nobody noticed");
        nothing_is_half_done(&lab, &format!("statement {nth} failed"));
    }
    assert!(failures > 10, "only {failures} statements failed");
    all_is_there(&lab);
}

fn fault_05_a_page_whose_commit_was_not_answered_is_not_logged_twice(database: &Database) {
    let lab = Build { page_max: 7, endpoints: 20, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    for page in 1..=6 {
        fail_at(&lab.store, "committed:signals_artifact");
        assert!(lab.try_run(&run()).is_err(), "page {page}");
        assert!(has_failed(&lab.store), "page {page}");
        nothing_is_half_done(&lab, &format!("page {page} was committed and nobody was told"));
    }
    all_is_there(&lab);
}

#[test]
fn fault_09_any_operation_of_the_disk_that_fails_in_a_page_leaves_it_out_or_whole() {
    let disk = Disk::new();
    let mut lab = Build { page_max: 10, endpoints: 20, ..Build::default() }.on(disk.open(SLICES).unwrap());
    lab.connect();
    lab.sync_streams(&["accounts", "sites", "groups"]);
    let moment = disk.moment();
    let (mut failures, mut copies) = (0, Vec::new());
    for nth in (1..).step_by(usize::try_from(STRIDE).unwrap()) {
        let copy = disk.after_power_loss(moment, Loss::Nothing);
        lab.store = copy.open(SLICES).unwrap();
        copy.fail(nth);
        let run = sync::Run { streams: vec!["agents".to_owned()], ..sync::Run::default() };
        let ended = lab.try_run(&run);
        if !copy.has_failed() {
            all_complete(&ended.unwrap());
            break;
        }
        failures += 1;
        nothing_is_half_done(&lab, &format!("operation {nth} failed"));
        all_complete(&lab.sync_streams(&["agents"]));
        let agents = lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'agents'");
        assert_eq!(agents, i64::try_from(lab.sim.truth(tokens::GLOBAL).agents).unwrap(), "operation {nth} failed");
        copies.push(copy);
    }
    assert!(failures > 5, "only {failures} operations failed");
}

#[test]
fn fault_09_power_loss_in_the_middle_of_a_pass_takes_data_and_checkpoint_back_together() {
    let disk = Disk::new();
    let mut lab = Build { page_max: 6, endpoints: 20, ..Build::default() }.on(disk.open(SLICES).unwrap());
    lab.connect();
    let from = disk.moment();
    all_complete(&lab.sync_streams(STREAMS));
    let all = ids(&lab.store);
    let until = disk.moment();
    // A disk must outlive the store on it.
    let mut copies = Vec::new();
    for part in 0..6 {
        let moment = from + (until - from) * part / 6;
        for loss in [Loss::Everything, Loss::Torn(u64::try_from(part).unwrap())] {
            let left = disk.after_power_loss(moment, loss);
            lab.store = left.open(SLICES).unwrap();
            nothing_is_half_done(&lab, &format!("{loss:?} at {moment}"));
            all_is_there(&lab);
            assert_eq!(ids(&lab.store).len(), all.len(), "{loss:?} at {moment}");
            copies.push(left);
        }
    }
}

#[test]
fn fault_10_while_the_database_is_full_fetching_stops_and_sinks_go_on() {
    let (database, folder) = (Database::sqlite(), testkit::TestDir::new());
    let lab = Build { page_max: 10, endpoints: 60, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync_streams(&["accounts", "sites", "groups"]));
    let file = folder.join("artifacts.ndjson");
    let settings = signals::ndjson::Settings { path: file.clone(), ..signals::ndjson::Settings::default() };
    let now = lab.world.now();
    let add = lab.store.write_blocking::<_, signals::SignalsError, _>(move |tx| {
        let new = signals::NewSink {
            name: "file".to_owned(),
            kind: signals::ndjson::KIND.to_owned(),
            settings: settings.to_json(),
            filter: String::new(),
            lag_bytes_max: None,
            after: 0,
        };
        signals::add_sink(tx, kernel::OrgId::DEFAULT, &new, now)
    });
    let sink = add.unwrap();
    let limit = |pages: Option<i64>| {
        lab.store
            .write_blocking::<_, StoreError, _>(move |tx| {
                let present = tx.query_one("PRAGMA page_count", &[], |row| row.int(0))?;
                let pages = pages.map_or(1 << 30, |more| present + more);
                tx.query_one(&format!("PRAGMA max_page_count = {pages}"), &[], |row| row.int(0))
            })
            .unwrap();
    };
    // Room for the beginning of what is to come.
    limit(Some(12));
    for _ in 0..2 {
        let refused = lab.try_run(&run()).unwrap_err();
        assert_eq!(refused.to_string(), StoreError::Full.to_string());
        assert_eq!(refused.exit_class(), sync::ExitClass::Storage);
        nothing_is_half_done(&lab, "the disk is full");
    }
    let logged = ids(&lab.store).len();
    let deliver = || lab.time.run(signals::deliver(&lab.store, &lab.world, kernel::OrgId::DEFAULT, sink)).unwrap();
    assert_eq!(deliver().delivered, u64::try_from(logged).unwrap());
    limit(None);
    all_is_there(&lab);
    deliver();
    let lines = std::fs::read_to_string(&file).unwrap().lines().count();
    assert_eq!(lines, ids(&lab.store).len(), "each once, and nothing was lost");
}

#[test]
fn fault_11_a_log_that_was_cut_takes_data_and_checkpoint_back_together() {
    let disk = Disk::new();
    let mut lab = Build { page_max: 6, endpoints: 20, ..Build::default() }.on(disk.open(SLICES).unwrap());
    lab.connect();
    all_complete(&lab.sync_streams(STREAMS));
    let all = ids(&lab.store).into_iter().collect::<BTreeSet<_>>();
    let moment = disk.moment();
    let mut copies = Vec::new();
    for part in 1..6 {
        let left = disk.after_power_loss(moment, Loss::Nothing);
        let log = left.file().with_file_name("muster.db-wal");
        let file = std::fs::File::options().write(true).open(&log).unwrap();
        file.set_len(file.metadata().unwrap().len() * part / 6).unwrap();
        drop(file);
        lab.store = left.open(SLICES).unwrap();
        nothing_is_half_done(&lab, &format!("{part} sixths of the log are left"));
        if lab.number("SELECT count(*) FROM sync_integration") == 0 {
            lab.connect();
        }
        all_is_there(&lab);
        assert_eq!(ids(&lab.store).into_iter().collect::<BTreeSet<_>>(), all, "{part} sixths");
        copies.push(left);
    }
}

#[test]
fn fault_25_yesterdays_backup_brings_the_same_artifacts_again_and_loses_none() {
    let disk = Disk::new();
    let mut lab = Build::default().on(disk.open(SLICES).unwrap());
    lab.connect();
    all_complete(&lab.sync_streams(STREAMS));
    let backup = disk.after_power_loss(disk.moment(), Loss::Nothing);
    let then = ids(&lab.store).len();
    for (at, agent) in lab.sim.agent_ids().iter().take(5).enumerate() {
        lab.sim.patch_agent(agent, &serde_json::json!({ "computerName": format!("renamed-{at}") }));
    }
    let agent = lab.sim.agent_ids().remove(0);
    lab.sim.add_threat(&agent).unwrap();
    all_complete(&lab.sync_streams(STREAMS));
    let now: BTreeSet<Vec<u8>> = ids(&lab.store).into_iter().collect();
    assert!(now.len() > then + 5);
    lab.store = backup.open(SLICES).unwrap();
    assert_eq!(ids(&lab.store).len(), then);
    all_complete(&lab.sync_streams(STREAMS));
    let again = ids(&lab.store);
    assert_eq!(again.len(), now.len(), "each once");
    assert_eq!(again.into_iter().collect::<BTreeSet<_>>(), now, "a receiver that drops known ids ends with each once");
}

fn fault_25_two_collectors_with_one_token_write_the_same_artifacts(database: &Database) {
    let elsewhere = Database::sqlite();
    let mut lab = Build::default().on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync_streams(STREAMS));
    let here = ids(&lab.store);
    lab.store = elsewhere.open(SLICES);
    lab.connect();
    all_complete(&lab.sync_streams(STREAMS));
    let there = ids(&lab.store);
    assert_eq!(here.iter().collect::<BTreeSet<_>>(), there.iter().collect::<BTreeSet<_>>());
    assert_eq!(here.iter().collect::<BTreeSet<_>>().len(), here.len());
    // The lab's store is closed before its database goes.
    lab.store = Store::in_memory(SLICES).unwrap();
}

fn fault_27_a_database_of_the_first_version_opens_and_a_cut_off_sweep_goes_on(database: &Database) {
    first_version(database, SLICES);
    let refused = Store::open(database.url(), Access::Reader, SLICES).map(drop);
    let is_older = SLICES.iter().any(|slice| slice.migrations.len() > 1);
    assert_eq!(matches!(refused, Err(StoreError::Older { .. })), is_older, "{refused:?}");
    let before = {
        // Nothing of the old is looked at through the new.
        let store = database.open(SLICES);
        ids(&store)
    };
    assert_eq!(before.len(), 68);
    let lab = Build { endpoints: 3, with: |config| config.activities = Some(12), ..Build::default() }
        .on(database.open(SLICES));
    let raw =
        lab.store.read_blocking::<_, signals::SignalsError, _>(|tx| signals::scan(tx, kernel::OrgId::DEFAULT, 0, 100));
    let raw = raw.unwrap();
    assert_eq!(raw.len(), 68, "the whole log is still to be delivered");
    assert!(raw.iter().all(|artifact| artifact.raw.starts_with(b"{")));
    lab.pass_time(std::time::Duration::from_secs(2 * 3600));
    let reports = lab.sync();
    assert!(reports.iter().filter(|report| report.core).all(|report| report.fetched > 0), "{reports:#?}");
    let after = ids(&lab.store);
    assert_eq!(after[..68], before[..], "nothing of the log was changed");
    assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), after.len(), "and nothing is there twice");
}

/// The slices as they were when none had more than so many migrations.
fn version(migrations: usize) -> Vec<Slice> {
    let of = |slice: &Slice| Slice {
        name: slice.name,
        migrations: &slice.migrations[..slice.migrations.len().min(migrations)],
    };
    SLICES.iter().map(of).collect()
}

/// How many assets a question finds.
fn answered(lab: &Lab, text: &str) -> u64 {
    let mut ask = inventory::Ask::new("assets", text, lab.world.now());
    ask.want = inventory::Want::Count;
    let asked = move |tx: &mut store::Tx<'_>| inventory::ask_in(tx, kernel::OrgId::DEFAULT, &ask);
    lab.store.read_blocking(asked).unwrap().total.unwrap()
}

/// Fills an empty database with what the first version left, lets a version in between have it, and then this one.
fn comes_from(database: &Database, between: &[Slice], what: &str) {
    first_version(database, SLICES);
    drop(Store::open(database.url(), Access::Writer, between).unwrap_or_else(|error| panic!("{what}: {error}")));
    let lab = Build { endpoints: 3, with: |config| config.activities = Some(12), ..Build::default() }
        .on(database.open(SLICES));
    let before = ids(&lab.store);
    assert_eq!(before.len(), 68, "{what}");
    let records = lab.number("SELECT count(*) FROM inventory_source_record");
    let deliver = signals::NewSink {
        name: "after".to_owned(),
        kind: signals::ndjson::KIND.to_owned(),
        settings: "{}".to_owned(),
        filter: String::new(),
        lag_bytes_max: None,
        after: 0,
    };
    let waits = lab.store.write_blocking::<_, signals::SignalsError, _>(move |tx| {
        signals::add_sink(tx, kernel::OrgId::DEFAULT, &deliver, crate::lab::START)?;
        Ok(signals::sinks(tx, kernel::OrgId::DEFAULT)?.remove(0).behind)
    });
    assert_eq!(waits.unwrap(), 68, "{what}: a sink gets the whole log");
    lab.pass_time(std::time::Duration::from_secs(2 * 3600));
    for _ in 0..2 {
        let reports = lab.sync_streams(STREAMS);
        assert!(reports.iter().filter(|report| report.core).all(|report| report.fetched > 0), "{what}: {reports:#?}");
    }
    let truth = lab.sim.truth(tokens::GLOBAL);
    assert_eq!(answered(&lab, "has:agent.version"), truth.machines, "{what}");
    assert_eq!(lab.number("SELECT count(*) FROM inventory_integration"), 1, "{what}: a question can name it");
    assert!(answered(&lab, "os:windows or os:linux or os:macos") > 0, "{what}");
    assert!(lab.number("SELECT count(*) FROM inventory_source_record") >= records, "{what}: no record is lost");
    let after = ids(&lab.store);
    assert_eq!(after[..68], before[..], "{what}: nothing of the log was changed");
    assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), after.len(), "{what}: nothing is there twice");
    nothing_is_half_done(&lab, what);
}

fn fault_27_a_database_of_every_version_in_between_opens_answers_and_goes_on(database: &Database) {
    let newest = SLICES.iter().map(|slice| slice.migrations.len()).max().unwrap_or(0);
    // What a migration does to rows is the same on a server, where each of these takes five times as long.
    for migrations in (1..=newest).step_by(if database.is_postgres() { 3 } else { 1 }) {
        let next = if database.is_postgres() { Database::postgres() } else { Database::sqlite() };
        comes_from(&next, &version(migrations), &format!("{migrations} migrations of each"));
    }
}

#[test]
fn fault_27_a_database_in_which_one_slice_is_behind_all_others_opens_answers_and_goes_on() {
    for (at, behind) in SLICES.iter().enumerate() {
        for migrations in 1..behind.migrations.len() {
            let mut between = version(usize::MAX);
            between[at] = version(migrations)[at];
            comes_from(&Database::sqlite(), &between, &format!("{} of {}", migrations, behind.name));
        }
    }
}
