//! A console that throttles, for a moment and for good: how fast it is asked, and what is said.

use std::time::Duration;

use sentinelone_sim::{Fault, FaultPlan, Rate, Rule};
use sync::{ExitClass, IntegrationState, StreamStatus};

use crate::lab::{Build, Lab, SLICES, all_complete, of};

fn lab() -> Lab {
    let with = |config: &mut sentinelone_sim::Config| (config.tempo, config.heartbeat) = (None, None);
    Build { alive: true, page_max: 5, with, ..Build::default() }.in_memory()
}

const CORE: [&str; 5] = ["sites", "groups", "agents", "threats", "activities"];

#[test]
fn fault_18_every_form_of_retry_after_is_honoured_and_nothing_is_lost() {
    for fault in [
        Fault::Html429,
        Fault::Html429After,
        Fault::Html429Date,
        Fault::Html429Absurd,
        Fault::Html503,
        Fault::Html503After,
        Fault::Html502,
    ] {
        let lab = lab();
        lab.connect();
        lab.faults(FaultPlan::of(1, vec![Rule::always(fault).at(Rate::Every(6)).on("/agents")]));
        all_complete(&lab.sync_streams(&CORE));
        let records = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'");
        assert_eq!(records, i64::try_from(lab.sim.agent_ids().len()).unwrap(), "{fault}");
        assert!(!lab.sim.journal().faults.is_empty(), "{fault} was played");
    }
}

#[test]
fn fault_18_a_storm_of_429_is_met_with_few_requests_and_named() {
    let lab = lab();
    lab.connect();
    all_complete(&lab.sync_streams(&CORE));
    lab.faults(FaultPlan::of(1, vec![Rule::always(Fault::Html429)]));
    lab.sim.clear_journal();
    let began = lab.world.now();
    let mut passes = 0;
    while lab.world.now().seconds_since(began) < 4 * 3600 {
        let reports = lab.sync_streams(&CORE);
        for report in &reports {
            assert_eq!(report.status, StreamStatus::RateLimited, "{report:?}");
            assert!(report.reason.as_deref().unwrap().contains("429"), "{report:?}");
        }
        assert_eq!(ExitClass::worst(&reports).code(), 3, "what is missing is missing, and the token is not at fault");
        lab.pass_time(Duration::from_secs(300));
        passes += 1;
    }
    let minutes = usize::try_from(lab.world.now().seconds_since(began) / 60).unwrap();
    let requests = lab.sim.journal().log.len();
    // Each pass is a program of its own here. It knows what the one before was told: at first the circuit has to break,
    // and then one request tries each time that it may.
    assert!(
        requests <= 20 + minutes / 8,
        "{requests} requests in {minutes} minutes of being throttled, {passes} passes"
    );
    let state = lab.integration();
    assert_eq!(state.state, IntegrationState::Degraded, "{state:?}");
    // It ends, and everything is as it should be.
    lab.faults(FaultPlan::none());
    lab.pass_time(Duration::from_secs(15 * 60));
    all_complete(&lab.sync_streams(&CORE));
}

fn a_worker_that_is_killed_and_started_again_does_not_ask_a_console_that_asked_for_patience(
    database: &testkit::Database,
) {
    let with = |config: &mut sentinelone_sim::Config| (config.tempo, config.heartbeat) = (None, None);
    let lab = Build { alive: true, endpoints: 5, with, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&lab.sync_streams(&CORE));
    lab.faults(FaultPlan::of(1, vec![Rule::always(Fault::Html429)]));
    lab.sim.clear_journal();
    // Every ten seconds it is killed, and started again at once.
    for _ in 0..20 {
        lab.sync_for(Duration::from_secs(10));
    }
    let requests = lab.sim.journal().log.len();
    assert!((1..=30).contains(&requests), "{requests} requests of twenty programs");
    lab.faults(FaultPlan::none());
    lab.pass_time(Duration::from_secs(15 * 60));
    all_complete(&lab.sync_streams(&CORE));
    assert_eq!(lab.number("SELECT count(*) FROM sync_refusal"), 0, "it is over, and forgotten");
}

testkit::on_each_database!(a_worker_that_is_killed_and_started_again_does_not_ask_a_console_that_asked_for_patience);

#[test]
fn one_stream_that_stays_throttled_does_not_stop_the_others() {
    let lab = lab();
    lab.connect();
    lab.faults(FaultPlan::of(1, vec![Rule::always(Fault::Html429After).on("/threats")]));
    let reports = lab.sync_streams(&["sites", "threats"]);
    assert_eq!(of(&reports, "sites").status, StreamStatus::Complete);
    assert_eq!(of(&reports, "threats").status, StreamStatus::RateLimited);
    // The circuit is broken for the token, so the rest waits for the next pass.
    lab.pass_time(Duration::from_secs(16 * 60));
    all_complete(&lab.sync_streams(&["activities", "agents"]));
}
