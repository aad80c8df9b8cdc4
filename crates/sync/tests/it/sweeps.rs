//! What a pass reads, writes, and leaves alone.

use std::time::Duration;

use kernel::OrgId;
use sentinelone_sim::tokens;
use sync::{ExitClass, Run, STREAMS, StreamStatus};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete, of};

testkit::on_each_database! {
    a_first_sync_holds_what_the_console_counts,
    a_first_reading_is_over_once_every_stream_was_complete,
    a_second_sync_of_a_console_that_stands_still_writes_no_record,
    a_token_is_found_nowhere,
    a_large_first_sync_leaves_statistics_for_the_planner,
}

fn lab_on(database: &Database) -> Lab {
    Build { page_max: 7, ..Build::default() }.on(database.open(SLICES))
}

fn a_first_sync_holds_what_the_console_counts(database: &Database) {
    let lab = lab_on(database);
    let connected = lab.connect();
    assert!(!connected.rotated);
    assert_eq!(connected.integration.name, "acme");
    let reports = lab.sync();
    all_complete(&reports);
    assert_eq!(ExitClass::worst(&reports).code(), 0);
    assert_eq!(reports.len(), STREAMS.len());
    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, expected) in [
        ("accounts", truth.accounts.unwrap()),
        ("sites", truth.sites),
        ("groups", truth.groups),
        ("agents", truth.agents),
        ("threats", truth.threats),
        ("activities", truth.activities),
        ("tenant_policy", 1),
        ("account_policies", truth.accounts.unwrap()),
        ("site_policies", truth.sites),
        ("group_policies", truth.groups_not_inheriting),
    ] {
        let report = of(&reports, stream);
        assert_eq!((report.created, report.console_total), (expected, Some(expected)), "{stream}");
        let records = lab.number(&format!("SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}'"));
        assert_eq!(records, i64::try_from(expected).unwrap(), "{stream}");
    }
    let artifacts = lab.number("SELECT count(*) FROM signals_artifact");
    assert_eq!(artifacts, lab.number("SELECT count(*) FROM inventory_source_record"), "each version once");
    let journal = lab.sim.journal();
    assert!(journal.refused.is_empty() && journal.forbidden.is_empty(), "{journal:?}");
    assert!(journal.unheeded.is_empty(), "{:?}", journal.unheeded);
}

fn a_first_reading_is_over_once_every_stream_was_complete(database: &Database) {
    let lab = lab_on(database);
    let now = lab.world.now();
    let both = || {
        let read = move |tx: &mut store::Tx<'_>| {
            let one = sync::overviews(tx, OrgId::DEFAULT, now)?.first().and_then(|of| of.first_reading(now));
            Ok((one, sync::first_readings(tx, OrgId::DEFAULT, now)?))
        };
        let (one, all) = lab.store.read_blocking::<_, sync::SyncError, _>(read).unwrap();
        assert_eq!(one.as_ref().map(|of| (of.done, of.all)), all.first().map(|of| (of.done, of.all)));
        one.map(|of| (of.done, of.all, of.is_being_read))
    };
    assert_eq!(both(), None, "nothing is connected");
    lab.connect();
    let all = STREAMS.len() as u64;
    assert_eq!(both(), Some((0, all, false)));
    lab.sync_streams(&["agents", "threats"]);
    let (done, ..) = both().unwrap();
    assert!(done >= 2 && done < all, "{done}");
    // Pausing it does not make the rest known.
    let change = |enabled, without: &[&str]| {
        let without = without.iter().map(|name| (*name).to_owned()).collect();
        let change = sync::OptionsChange { enabled: Some(enabled), without, ..sync::OptionsChange::default() };
        let write = move |tx: &mut store::Tx<'_>| sync::configure(tx, OrgId::DEFAULT, "acme", &change, "test", now);
        lab.store.write_blocking(write).unwrap();
    };
    change(false, &[]);
    assert_eq!(both(), Some((done, all, false)));
    // What is left out is not waited for.
    change(true, &["exclusions"]);
    assert_eq!(both(), Some((done, all - 1, false)));
    lab.sync();
    assert_eq!(both(), None);
}

fn a_second_sync_of_a_console_that_stands_still_writes_no_record(database: &Database) {
    let lab = lab_on(database);
    lab.connect();
    lab.sync();
    let records = |table: &str| table.starts_with("inventory_") || table.starts_with("signals_");
    let before = lab.dump(records);
    let reports = lab.try_run(&Run { full: true, ..Run::default() }).unwrap();
    all_complete(&reports);
    assert!(reports.iter().all(|report| report.created + report.changed + report.touched == 0), "{reports:?}");
    assert!(of(&reports, "agents").unchanged > 0);
    assert_eq!(before, lab.dump(records));
}

fn a_large_first_sync_leaves_statistics_for_the_planner(database: &Database) {
    let lab = Build { endpoints: 1_100, page_max: 1_000, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    lab.sync_streams(&["agents"]);
    let counted = match database.is_postgres() {
        true => {
            lab.number("SELECT CAST(max(reltuples) AS BIGINT) FROM pg_class WHERE oid = to_regclass('inventory_asset')")
        }
        false => lab.number("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'inventory_asset'"),
    };
    assert!(counted > 0, "{counted}");
}

fn a_token_is_found_nowhere(database: &Database) {
    let lab = lab_on(database);
    lab.connect();
    lab.sync();
    assert_eq!(lab.places_of(tokens::GLOBAL), Vec::<String>::new());
    assert!(!lab.places_of("acme.sentinelone.net").is_empty(), "the search finds what is there");
    let told = format!("{:?}", lab.told.lock().unwrap());
    assert!(!told.contains(tokens::GLOBAL));
    if let Some(file) = database.file() {
        for name in [file.clone(), file.with_extension("db-wal")] {
            let bytes = std::fs::read(&name).unwrap_or_default();
            let token = tokens::GLOBAL.as_bytes();
            assert!(!bytes.windows(token.len()).any(|piece| piece == token), "{}", name.display());
        }
    }
}

#[test]
fn a_later_pass_asks_only_for_what_changed() {
    let lab = Build { alive: true, endpoints: 60, ..Build::default() }.in_memory();
    lab.connect();
    all_complete(&lab.sync());
    lab.pass_time(Duration::from_secs(3 * 3600));
    lab.sim.clear_journal();
    let reports = lab.sync();
    all_complete(&reports);
    let truth = lab.sim.truth(tokens::GLOBAL);
    let activities = of(&reports, "activities");
    assert!(activities.fetched < truth.activities, "{activities:?}");
    assert!(activities.created > 0, "three hours bring something");
    assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth.activities).unwrap());
    assert_eq!(
        lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'threats'"),
        i64::try_from(truth.threats).unwrap()
    );
}

#[test]
fn a_heartbeat_is_touched_and_makes_no_artifact() {
    let lab = Build { alive: true, with: |config| config.tempo = None, ..Build::default() }.in_memory();
    lab.connect();
    lab.sync();
    let artifacts = lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'agents'");
    let seen = lab.number("SELECT sum(last_seen) FROM inventory_asset");
    lab.pass_time(Duration::from_secs(3600));
    let reports = lab.sync();
    let agents = of(&reports, "agents");
    assert!(agents.touched > 0 && agents.changed == 0, "{agents:?}");
    assert_eq!(lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'agents'"), artifacts);
    assert!(lab.number("SELECT sum(last_seen) FROM inventory_asset") > seen, "last seen moves");
}

#[test]
fn a_change_of_meaning_is_a_version_and_an_artifact() {
    let lab = Build::default().in_memory();
    lab.connect();
    lab.sync();
    let agent = lab.sim.agent_ids().remove(3);
    assert!(lab.sim.patch_agent(&agent, &serde_json::json!({ "mitigationMode": "detect", "infected": true })));
    let reports = lab.sync();
    assert_eq!((of(&reports, "agents").created, of(&reports, "agents").changed), (0, 1), "{reports:?}");
    assert_eq!(lab.number("SELECT max(version) FROM inventory_source_record WHERE stream = 'agents'"), 2);
}

#[test]
fn a_late_row_is_seen_by_the_overlap() {
    let lab = Build { alive: true, ..Build::default() }.in_memory();
    lab.connect();
    // Something that happened a second ago, so that the watermark stands at the present.
    let recent = lab.sim.add_late_activity(1_000_000);
    lab.sync();
    let before = lab.number("SELECT count(*) FROM inventory_activity");
    // Stamped eight minutes ago, visible only now.
    let late = lab.sim.add_late_activity(8 * 60 * 1_000_000);
    assert_ne!(late, recent);
    let reports = lab.sync();
    all_complete(&reports);
    assert!(lab.number("SELECT count(*) FROM inventory_activity") > before);
    let truth = lab.sim.truth(tokens::GLOBAL);
    assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth.activities).unwrap());
}

#[test]
fn activities_beyond_the_consoles_count_are_proven_by_windows() {
    let many = Build { endpoints: 10, with: |config| config.activities = Some(51_500), ..Build::default() };
    let lab = many.in_memory();
    lab.connect();
    let reports = lab.sync_streams(&["activities"]);
    all_complete(&reports);
    let truth = lab.sim.truth(tokens::GLOBAL);
    assert!(truth.activities > 50_000, "the console does not count this far");
    assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth.activities).unwrap());
    assert!(lab.number("SELECT count(DISTINCT part) FROM sync_sweep_page") > 1, "one window would prove nothing");
    assert_eq!(reports[0].console_total, Some(truth.activities), "the windows' counts add up");
}

#[test]
fn a_sites_token_reads_what_it_may_and_says_what_it_may_not() {
    let lab = Build::default().in_memory();
    lab.try_connect(tokens::SITE).unwrap();
    let reports = lab.sync();
    let truth = lab.sim.truth(tokens::SITE);
    assert_eq!(of(&reports, "accounts").status, StreamStatus::NotAvailable);
    assert!(of(&reports, "accounts").reason.as_deref().unwrap().contains("not allowed to site users"));
    for (stream, expected) in [("sites", truth.sites), ("agents", truth.agents), ("threats", truth.threats)] {
        assert_eq!((of(&reports, stream).status, of(&reports, stream).created), (StreamStatus::Complete, expected));
    }
    // Accounts cannot be read, and are known from the sites all the same; the log holds only what the console said.
    assert_eq!(lab.number("SELECT count(*) FROM inventory_account WHERE name IS NOT NULL"), 1);
    assert_eq!(lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'accounts'"), 0);
    let denied = lab.sim.journal().denied;
    assert!(denied.iter().all(|denied| denied.status == 403), "{denied:?}");
}

#[test]
fn rows_without_id_are_known_by_their_content() {
    // The simulator's activities have ids, so the console's answers are changed on their way.
    let lab = Build { page_max: 9, ..Build::default() }.in_memory();
    let lab = without_activity_ids(lab);
    lab.connect();
    let reports = lab.sync();
    let activities = of(&reports, "activities");
    assert_eq!((activities.status, activities.quarantined), (StreamStatus::Complete, 0), "{activities:?}");
    let hashed =
        "SELECT count(*) FROM inventory_source_record WHERE stream = 'activities' AND native_id LIKE 'sha256:%'";
    assert_eq!(lab.number(hashed), i64::try_from(activities.created).unwrap());
    assert_eq!(lab.sync().iter().map(|report| report.created).sum::<u64>(), 0, "the same rows are the same records");
}

fn without_activity_ids(mut lab: Lab) -> Lab {
    lab.transport = crate::faults::edited(&lab, |path, data| {
        if path.ends_with("/activities") {
            for row in data.iter_mut() {
                row.as_object_mut().unwrap().remove("id");
            }
        }
    });
    lab
}

#[test]
fn an_unknown_stream_or_integration_is_named() {
    let lab = Build::default().in_memory();
    let none = lab.try_run(&Run::default()).unwrap_err();
    assert_eq!((none.to_string().as_str(), none.exit_class().code()), ("no console is connected yet", 2));
    lab.connect();
    let stream = lab.try_run(&Run { streams: vec!["agent".to_owned()], ..Run::default() }).unwrap_err();
    assert!(stream.to_string().contains("agents, threats"), "{stream}");
    let name = lab.try_run(&Run { names: vec!["acem".to_owned()], ..Run::default() }).unwrap_err();
    assert!(name.to_string().contains("there are acme"), "{name}");
}
