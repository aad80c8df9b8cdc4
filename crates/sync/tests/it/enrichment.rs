//! What is asked about one threat at a time waits its turn, and harms nobody.

use sentinelone_sim::{Fault, FaultPlan, Rule};
use sync::{Run, StreamStatus};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete, of};

testkit::on_each_database! {
    a_new_threat_is_queued_with_its_page_and_leaves_the_queue_with_its_answer,
}

const QUEUES: [&str; 2] = ["threat_timeline", "threat_notes"];

fn waiting(lab: &Lab) -> i64 {
    lab.number("SELECT count(*) FROM sync_enrichment")
}

fn a_new_threat_is_queued_with_its_page_and_leaves_the_queue_with_its_answer(database: &Database) {
    let lab = Build { page_max: 9, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync_streams(&["threats"]));
    let threats = i64::try_from(lab.sim.threat_ids().len()).unwrap();
    assert_eq!(waiting(&lab), 2 * threats, "the threat and its place in the queues are one transaction");
    all_complete(&lab.sync_streams(&QUEUES));
    assert_eq!(waiting(&lab), 0);
    assert!(lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'threat_timeline'") > 0);
    lab.sim.clear_journal();
    all_complete(&lab.sync_streams(&["threats", "threat_timeline", "threat_notes"]));
    assert!(asked(&lab, "/threats/{id}/timeline").is_empty(), "what did not change is not asked about");
    let changed = lab.sim.threat_ids().remove(0);
    lab.sim.patch_threat(
        &changed,
        &serde_json::json!({ "incidentStatus": "in_progress", "analystVerdict": "suspicious" }),
    );
    all_complete(&lab.sync_streams(&["threats", "threat_timeline", "threat_notes"]));
    assert_eq!(asked(&lab, "/threats/{id}/timeline").len(), 1);
}

/// Where in the order of requests a path was asked for.
fn asked(lab: &Lab, family: &str) -> Vec<usize> {
    let journal = lab.sim.journal();
    journal.log.iter().enumerate().filter(|(_, asked)| asked.family == family).map(|(at, _)| at).collect()
}

#[test]
fn details_are_asked_for_after_everything_else() {
    let lab = Build::default().in_memory();
    lab.connect();
    lab.sim.clear_journal();
    all_complete(&lab.sync());
    let journal = lab.sim.journal();
    let is_detail = |family: &str| family == "/threats/{id}/timeline" || family == "/threats/{id}/notes";
    let first = journal.log.iter().position(|asked| is_detail(asked.family)).unwrap();
    let others = journal.log[first..].iter().filter(|asked| !is_detail(asked.family)).count();
    assert_eq!(others, 0, "nothing waits behind the details of a threat");
}

#[test]
fn details_that_fail_leave_the_threats_complete_and_their_watermark_moving() {
    for fault in [Fault::Json500, Fault::Html429, Fault::Html200, Fault::Json403] {
        let lab = Build::default().in_memory();
        lab.connect();
        let rules = vec![Rule::always(fault).on("/timeline"), Rule::always(fault).on("/notes")];
        lab.faults(FaultPlan::of(1, rules));
        let reports = lab.sync();
        let threats = of(&reports, "threats");
        assert_eq!((threats.status, threats.created), (StreamStatus::Complete, lab.sim.threat_ids().len() as u64));
        assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE stream = 'threats' AND watermark IS NULL"), 0);
        assert_ne!(of(&reports, "threat_timeline").status, StreamStatus::Complete, "{fault}");
        // No threat is lost to the queue: once the console answers, all are asked about.
        lab.faults(FaultPlan::none());
        lab.pass_time(std::time::Duration::from_secs(12 * 3600));
        all_complete(&lab.sync_streams(&QUEUES));
        assert_eq!(waiting(&lab), 0, "{fault}");
    }
}

#[test]
fn a_threat_whose_details_are_gone_is_asked_about_twice_and_then_left_in_peace() {
    let mut lab = Build::default().in_memory();
    lab.connect();
    let gone = lab.sim.threat_ids().remove(0);
    lab.transport = crate::authentication::refusing(&lab, &format!("/threats/{gone}/timeline"), 404);
    let reports = lab.sync_streams(&["threats", "threat_timeline"]);
    assert_eq!(of(&reports, "threat_timeline").status, StreamStatus::Complete);
    let left = "SELECT count(*) FROM sync_enrichment WHERE stream = 'threat_timeline'";
    assert_eq!(lab.number(left), 1, "the first 404 may be too early");
    lab.pass_time(std::time::Duration::from_secs(3600));
    let reports = lab.sync_streams(&["threat_timeline"]);
    assert!(of(&reports, "threat_timeline").reason.as_deref().unwrap().contains(&gone), "{reports:?}");
    assert_eq!(lab.number(left), 0);
}

#[test]
fn a_note_that_does_not_move_its_threat_is_found_by_the_diary() {
    let lab = Build { alive: true, ..Build::default() }.in_memory();
    lab.connect();
    lab.sync();
    lab.pass_time(std::time::Duration::from_secs(3600));
    let threat = lab.sim.threat_ids().remove(0);
    let note = lab.sim.add_note(&threat).unwrap();
    lab.pass_time(std::time::Duration::from_secs(60));
    lab.sync();
    let known = format!("SELECT count(*) FROM inventory_source_record WHERE native_id = '{threat}:{note}'");
    assert_eq!(lab.number(&known), 1);
}

#[test]
fn a_killed_drain_loses_no_question() {
    let lab = Build::default().in_memory();
    lab.connect();
    lab.sync_streams(&["threats"]);
    let all = waiting(&lab);
    let run = Run { streams: QUEUES.iter().map(|name| (*name).to_owned()).collect(), ..Run::default() };
    let mut long = std::time::Duration::from_millis(40);
    while waiting(&lab) > 0 {
        lab.time.run(async {
            let pass = sync::run(lab.place(), &run, &|_| {});
            let _ = lab.world.timeout(long, pass).await;
        });
        long += std::time::Duration::from_millis(90);
    }
    assert!(all > 0);
    let settled = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'threat_timeline'");
    let fresh = Build::default().in_memory();
    fresh.connect();
    fresh.sync_streams(&["threats", "threat_timeline"]);
    assert_eq!(settled, fresh.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'threat_timeline'"));
}

#[test]
fn everything_is_asked_about_again_when_everything_is_read() {
    let lab = Build::default().in_memory();
    lab.connect();
    lab.sync_streams(&["threats", "threat_notes"]);
    lab.sim.clear_journal();
    let run = Run { full: true, streams: vec!["threat_notes".to_owned()], ..Run::default() };
    all_complete(&lab.try_run(&run).unwrap());
    assert_eq!(asked(&lab, "/threats/{id}/notes").len(), lab.sim.threat_ids().len());
}
