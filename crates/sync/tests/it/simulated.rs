//! What the simulation found, one claim for each.

use std::time::Duration;

use futures_util::future::join;
use sentinelone_sim::{Bearer, Scope, tokens};
use sync::{Run, SyncError};

use crate::lab::{Build, all_complete};

/// The watermark of the narrow token kept the rest of the console out.
#[test]
fn what_a_wider_token_shows_is_read_however_old_it_is() {
    let lab = Build::default().in_memory();
    let narrow = lab.sim.site_ids()[..1].to_vec();
    let narrow = lab.sim.issue(Scope::Sites(narrow), Bearer::User, lab.world.now().micros() + 86_400_000_000);
    lab.try_connect(&narrow).unwrap();
    lab.sync();
    lab.connect();
    lab.pass_time(Duration::from_secs(600));
    all_complete(&lab.sync_streams(&["sites", "groups", "agents", "threats", "activities"]));
    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, expected) in
        [("sites", truth.sites), ("agents", truth.agents), ("threats", truth.threats), ("activities", truth.activities)]
    {
        let records = lab.number(&format!("SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}'"));
        assert_eq!(records, i64::try_from(expected).unwrap(), "{stream}");
    }
}

/// It was told as a row that the database refused: the other pass had stored a page of that number.
#[test]
fn a_late_pass_is_told_that_another_took_over_whatever_it_was_about_to_store() {
    let mut fenced = 0;
    for step in 0..24 {
        let lab = Build { page_max: 3, seed: step, ..Build::default() }.in_memory();
        lab.connect();
        let run = Run { streams: vec!["agents".to_owned()], ..Run::default() };
        let (one, two) = lab.time.run(async {
            let late = async {
                lab.world.sleep(Duration::from_millis(30 + 11 * step)).await;
                sync::run(lab.place(), &run, &|_| {}).await
            };
            join(sync::run(lab.place(), &run, &|_| {}), late).await
        });
        // Which of them takes the stream last is up to the network.
        match (one, two) {
            (Ok(_), Ok(_)) => {}
            (Ok(_), Err(SyncError::Fenced { .. })) | (Err(SyncError::Fenced { .. }), Ok(_)) => fenced += 1,
            both => panic!("after step {step}: {both:?}"),
        }
    }
    assert!(fenced > 10, "only {fenced} passes met another");
}
