//! A pass that is killed goes on from its checkpoint, and the checkpoint never runs ahead of its data.

use std::time::Duration;

use kernel::Random;
use sentinelone_sim::tokens;
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete};

testkit::on_each_database! {
    a_killed_pass_goes_on_without_loss_and_without_a_second_artifact,
}

/// Kills in one story.
const KILLS: usize = 25;

fn a_killed_pass_goes_on_without_loss_and_without_a_second_artifact(database: &Database) {
    let lab = Build { page_max: 4, seed: 11, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let mut random = Random::seeded(42);
    let mut kills = 0;
    while kills < KILLS {
        // Long enough for some pages, short enough to die between any two steps.
        if lab.sync_for(Duration::from_micros(20_000 + random.below(400_000))).is_some() {
            break;
        }
        kills += 1;
        the_checkpoint_stands_behind_its_data(&lab);
    }
    assert!(kills > 3, "the pass was killed only {kills} times");
    all_complete(&lab.sync());
    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, expected) in [("agents", truth.agents), ("threats", truth.threats), ("activities", truth.activities)] {
        let expected = i64::try_from(expected).unwrap();
        let records = lab.number(&format!("SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}'"));
        let artifacts = lab.number(&format!("SELECT count(*) FROM signals_artifact WHERE stream = '{stream}'"));
        assert_eq!((records, artifacts), (expected, expected), "{stream}");
    }
}

/// Every page that a checkpoint counts left its records behind, and no page is there that it does not count.
fn the_checkpoint_stands_behind_its_data(lab: &Lab) {
    let ahead = lab.number(
        "SELECT count(*) FROM sync_stream t WHERE t.sweep_id IS NOT NULL AND t.page <> \
         (SELECT count(*) FROM sync_sweep_page p WHERE p.org_id = t.org_id AND p.sweep_id = t.sweep_id)",
    );
    assert_eq!(ahead, 0, "a checkpoint and its pages differ");
    let differ = lab.number(
        "SELECT count(*) FROM sync_sweep s WHERE s.finished_at IS NULL AND s.created <> \
         (SELECT count(*) FROM inventory_source_record r WHERE r.org_id = s.org_id AND r.stream = s.stream \
          AND r.sweep_id = s.sweep_id)",
    );
    assert_eq!(differ, 0, "a sweep's figures and its records differ");
    let unlogged = lab.number("SELECT count(*) FROM inventory_source_record")
        - lab.number("SELECT count(*) FROM signals_artifact");
    assert_eq!(unlogged, 0, "records and artifacts differ");
}

#[test]
fn a_resumed_sweep_asks_for_the_next_page_and_not_for_the_first() {
    let lab = Build { page_max: 3, ..Build::default() }.in_memory();
    lab.connect();
    // Agents come after accounts, sites and groups; the kill falls among their pages.
    let mut long = Duration::from_millis(100);
    while lab.number("SELECT COALESCE(max(page), 0) FROM sync_stream WHERE stream = 'agents' AND sweep_id IS NOT NULL")
        < 3
    {
        lab.sync_for(long);
        long += Duration::from_millis(37);
    }
    let page = lab.number("SELECT page FROM sync_stream WHERE stream = 'agents'");
    let seen = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'");
    lab.sim.clear_journal();
    let reports = lab.sync_streams(&["agents"]);
    all_complete(&reports);
    let truth = lab.sim.truth(tokens::GLOBAL);
    assert_eq!(reports[0].fetched, truth.agents - u64::try_from(seen).unwrap());
    assert!(page >= 3 && reports[0].pages < truth.agents.div_ceil(3));
}

#[test]
fn a_second_pass_fences_the_first() {
    let lab = Build { page_max: 3, ..Build::default() }.in_memory();
    lab.connect();
    let run = sync::Run { streams: vec!["agents".to_owned()], ..sync::Run::default() };
    lab.time.run(async {
        let slow = sync::run(lab.place(), &run, &|_| {});
        let fast = async {
            lab.world.sleep(Duration::from_millis(60)).await;
            sync::run(lab.place(), &run, &|_| {}).await
        };
        // Which of them takes the stream last is up to the network.
        let (completed, error) = match futures_util::future::join(slow, fast).await {
            (Ok(reports), Err(error)) | (Err(error), Ok(reports)) => (reports, error),
            both => panic!("one completes and one is fenced: {both:?}"),
        };
        all_complete(&completed);
        assert!(error.to_string().contains("took over"), "{error}");
    });
    let truth = lab.sim.truth(tokens::GLOBAL);
    let records = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'");
    assert_eq!(records, i64::try_from(truth.agents).unwrap());
}
