//! History is read in a lane of its own, beside live polling.

use std::time::Duration;

use kernel::OrgId;
use sentinelone_sim::{Fault, FaultPlan, Rule};
use store::Store;
use sync::{OptionsChange, WorkerOptions};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete};

/// A console with a long history, of which only activities are read.
fn lab(depth_days: Option<u32>) -> Lab {
    lab_on(depth_days, Store::in_memory(SLICES).unwrap())
}

fn lab_on(depth_days: Option<u32>, store: Store) -> Lab {
    let with = |config: &mut sentinelone_sim::Config| config.activities = Some(3_000);
    let lab = Build { endpoints: 20, page_max: 50, alive: true, with, ..Build::default() }.on(store);
    lab.connect();
    let left_out = sync::STREAMS.iter().map(|stream| stream.name.to_owned());
    let without = left_out.filter(|name| name != "activities").collect();
    let change = OptionsChange { without, depth_days: Some(depth_days), ..OptionsChange::default() };
    let now = lab.world.now();
    lab.store.write_blocking(move |tx| sync::configure(tx, OrgId::DEFAULT, "acme", &change, "test", now)).unwrap();
    lab
}

/// Lets a worker live for so long.
fn work(lab: &Lab, long: Duration) {
    let options = WorkerOptions { look_every: Duration::from_secs(20), ..WorkerOptions::named("one") };
    lab.time.run(sync::worker(lab.place(), &options, lab.world.sleep(long), &|_| {})).unwrap();
}

fn activities(lab: &Lab) -> i64 {
    lab.number("SELECT count(*) FROM inventory_activity")
}

fn truth(lab: &Lab) -> i64 {
    i64::try_from(lab.sim.truth(sentinelone_sim::tokens::GLOBAL).activities).unwrap()
}

#[test]
fn fault_26_history_is_read_beside_live_polling_and_both_meet() {
    let lab = lab(None);
    // The lane is slow, and what is new is seen in time all the same.
    lab.faults(FaultPlan::of(1, vec![Rule::always(Fault::Slow).at(sentinelone_sim::Rate::Every(3)).on("/activities")]));
    work(&lab, Duration::from_secs(1200));
    let new = lab.sim.add_late_activity(1_000_000);
    work(&lab, Duration::from_secs(1260));
    let seen = format!("SELECT count(*) FROM inventory_source_record WHERE native_id = '{new}'");
    assert_eq!(lab.number(&seen), 1, "two intervals are enough for what is new");
    lab.faults(FaultPlan::none());
    work(&lab, Duration::from_secs(7200));
    all_complete(&lab.sync_streams(&["activities"]));
    assert_eq!(activities(&lab), truth(&lab), "nothing lies between history and the present");
    assert_eq!(
        lab.number("SELECT count(*) FROM sync_stream WHERE stream = 'activities.backfill' AND full_at IS NULL"),
        0
    );
}

testkit::on_each_database! {
    a_depth_leaves_out_what_is_older,
}

fn a_depth_leaves_out_what_is_older(database: &Database) {
    let lab = lab_on(Some(2), database.open(SLICES));
    work(&lab, Duration::from_secs(7200));
    let (read, all) = (activities(&lab), truth(&lab));
    assert!(read > 0 && read < all, "{read} of {all}");
    let oldest = lab.number("SELECT min(created_at) FROM inventory_activity");
    let (org, id) = (OrgId::DEFAULT, lab.integration().id);
    let lanes = lab.store.read_blocking::<_, store::StoreError, _>(move |tx| sync::backfills(tx, org, id)).unwrap();
    assert!(lanes.is_empty(), "the lane is done");
    assert!(oldest >= crate::lab::START.plus_seconds(-2 * 24 * 3600 - 60).micros());
}

#[test]
fn a_lane_that_was_cut_off_goes_on_and_muster_sync_ends_it() {
    let lab = lab(None);
    let mut long = Duration::from_millis(300);
    while lab.number("SELECT count(*) FROM sync_stream WHERE stream = 'activities.backfill' AND page > 3") == 0 {
        work(&lab, long);
        long += Duration::from_millis(150);
    }
    assert!(activities(&lab) < truth(&lab));
    let pages = lab.number("SELECT page FROM sync_stream WHERE stream = 'activities.backfill'");
    lab.sim.clear_journal();
    all_complete(&lab.sync_streams(&["activities"]));
    assert_eq!(activities(&lab), truth(&lab));
    let asked = lab.sim.journal().log.iter().filter(|asked| asked.family == "/activities").count();
    assert!(i64::try_from(asked).unwrap() < truth(&lab) / 50 + 6 - pages, "{asked} requests after {pages} pages");
}
