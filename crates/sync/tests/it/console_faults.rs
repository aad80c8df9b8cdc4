//! The faults of fetching, by their numbers in the published list: clocks, pages, cursors, tokens, bodies, schemas, lives.
//! Faults 18 and 26 have their claims among storms and history, 25 among workers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sentinelone::{Transport, TransportError};
use sentinelone_sim::{Fault, FaultPlan, Rate, Rule, tokens};
use sync::{ExitClass, IntegrationState, Run, StreamReport, StreamStatus};

use crate::lab::{Build, Lab, all_complete, of};

const CORE: [&str; 5] = ["sites", "groups", "agents", "threats", "activities"];

fn living(page_max: usize) -> Lab {
    Build { alive: true, page_max, endpoints: 24, ..Build::default() }.in_memory()
}

fn full(lab: &Lab, streams: &[&str]) -> Vec<StreamReport> {
    let streams = streams.iter().map(|name| (*name).to_owned()).collect();
    lab.try_run(&Run { full: true, streams, ..Run::default() }).unwrap()
}

/// Every record that the console has is here, and each version of it once in the log.
fn nothing_is_lost(lab: &Lab, why: &str) {
    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, expected) in
        [("agents", truth.agents), ("threats", truth.threats), ("activities", truth.activities), ("sites", truth.sites)]
    {
        let records = lab.number(&format!(
            "SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}' AND state = 'present'"
        ));
        assert_eq!(records, i64::try_from(expected).unwrap(), "{stream}: {why}");
    }
    let twice =
        "SELECT count(*) FROM (SELECT artifact_id FROM signals_artifact GROUP BY artifact_id HAVING count(*) > 1) t";
    assert_eq!(lab.number(twice), 0, "{why}");
}

/// Plays a fault on some requests of each list, then sees whether everything is here once it is over.
fn survives(fault: Fault, every: u64) {
    let lab = living(6);
    lab.connect();
    let rules = CORE.iter().map(|name| Rule::always(fault).at(Rate::Every(every)).on(&format!("/{name}"))).collect();
    lab.faults(FaultPlan::of(3, rules));
    lab.sync_streams(&CORE);
    assert!(!lab.sim.journal().faults.is_empty(), "{fault} was played");
    lab.faults(FaultPlan::none());
    all_complete(&full(&lab, &CORE));
    nothing_is_lost(&lab, &fault.to_string());
    let retired = lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'retired'");
    assert_eq!(retired, 0, "{fault} retires nothing");
}

#[test]
fn fault_13_a_clock_of_ours_that_jumps_leaves_no_gap() {
    for jump in [-86_400, -3_600, 3_600, 86_400] {
        let lab = living(50);
        lab.connect();
        lab.sync_streams(&CORE);
        lab.pass_time(Duration::from_secs(1_200));
        // What the console's clock is ahead of ours, ours is behind.
        lab.sim.set_skew(jump * 1_000_000);
        let _ = lab.sim.add_late_activity(30_000_000);
        all_complete(&lab.sync_streams(&CORE));
        lab.pass_time(Duration::from_secs(1_200));
        let _ = lab.sim.add_late_activity(30_000_000);
        all_complete(&lab.sync_streams(&CORE));
        nothing_is_lost(&lab, &format!("a jump of {jump} s"));
    }
}

#[test]
fn fault_13_the_watermark_follows_the_consoles_clock_and_not_ours() {
    let lab = living(50);
    lab.connect();
    // The console's clock stands still for half a day of ours: were ours the edge of a window, that would never be read.
    lab.sim.set_skew(-43_200_000_000);
    lab.pass_time(Duration::from_secs(40_000));
    lab.sync_streams(&["activities"]);
    let ahead = format!("SELECT count(*) FROM sync_stream WHERE watermark > {}", crate::lab::START.micros());
    assert_eq!(lab.number(&ahead), 0, "the watermark is not ours");
    let _ = lab.sim.add_late_activity(1_000_000);
    all_complete(&lab.sync_streams(&["activities"]));
    let truth = lab.sim.truth(tokens::GLOBAL).activities;
    assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth).unwrap());
}

#[test]
fn fault_13_a_stamp_from_the_future_does_not_move_the_watermark_there() {
    for fault in [Fault::FutureRecord, Fault::DateAhead, Fault::DateBehind, Fault::DateMissing, Fault::DateGarbage] {
        let lab = living(6);
        lab.connect();
        let rules = ["/agents", "/threats", "/activities"];
        let rules = rules.map(|path| Rule::always(fault).at(Rate::Every(2)).on(path)).to_vec();
        lab.faults(FaultPlan::of(3, rules));
        lab.sync_streams(&CORE);
        lab.faults(FaultPlan::none());
        let ahead = lab.world.now().plus_seconds(900).micros();
        let moved = format!("SELECT count(*) FROM sync_stream WHERE watermark > {ahead}");
        assert_eq!(lab.number(&moved), 0, "{fault}");
        lab.pass_time(Duration::from_secs(1_800));
        let _ = lab.sim.add_late_activity(1_000_000);
        all_complete(&lab.sync_streams(&CORE));
        let truth = lab.sim.truth(tokens::GLOBAL).activities;
        assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth).unwrap(), "{fault}");
    }
}

#[test]
fn fault_14_a_page_that_comes_twice_or_without_records_loses_nothing() {
    for fault in [
        Fault::DuplicatePage,
        Fault::EmptyPage,
        Fault::RepeatCursor,
        Fault::MissingPagination,
        Fault::CursorEmptyText,
        Fault::CursorAbsent,
        Fault::CursorEncoded,
    ] {
        survives(fault, 4);
    }
}

#[test]
fn fault_14_a_page_that_is_repeated_for_ever_ends_and_is_admitted() {
    let lab = living(6);
    lab.connect();
    lab.faults(FaultPlan::of(3, vec![Rule::always(Fault::EndlessPage).on("/groups")]));
    lab.sim.clear_journal();
    let reports = lab.sync_streams(&["groups"]);
    assert_eq!(of(&reports, "groups").status, StreamStatus::Incomplete, "{reports:?}");
    assert!(lab.sim.journal().log.len() < 500, "{} requests", lab.sim.journal().log.len());
}

#[test]
fn fault_15_records_that_change_while_they_are_read_are_all_there() {
    for fault in [Fault::Nonmonotone, Fault::Churn] {
        let lab = living(6);
        lab.connect();
        lab.faults(FaultPlan::of(3, vec![Rule::always(fault).at(Rate::Every(3))]));
        lab.sync_streams(&CORE);
        lab.faults(FaultPlan::none());
        lab.pass_time(Duration::from_secs(700));
        // The next sweep over changes is enough: no full one is needed.
        all_complete(&lab.sync_streams(&CORE));
        nothing_is_lost(&lab, &fault.to_string());
    }
}

#[test]
fn fault_15_more_records_of_one_instant_than_a_page_holds_are_all_there() {
    let lab = Build { alive: true, page_max: 1_000, endpoints: 10, ..Build::default() }.in_memory();
    lab.connect();
    lab.sync_streams(&["activities"]);
    let at = lab.world.now().micros() - 1_000_000;
    assert_eq!(lab.sim.add_activities_at(at, 2_500).len(), 2_500);
    lab.pass_time(Duration::from_secs(30));
    // Cut off between two pages of the same instant, the next pass goes on where it was; begun anew, it begins with them.
    lab.faults(FaultPlan::once(Fault::Cursor400, 2, "/activities"));
    all_complete(&lab.sync_streams(&["activities"]));
    let truth = lab.sim.truth(tokens::GLOBAL).activities;
    assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth).unwrap());
    // The newest instant is known, and asked for again: what is added to it later is not lost.
    lab.sim.add_activities_at(at, 3);
    all_complete(&lab.sync_streams(&["activities"]));
    assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth + 3).unwrap());
}

#[test]
fn fault_15_a_record_at_the_very_watermark_is_asked_for_again() {
    // Without overlap only "at or after" finds it; "after" would not.
    let mut lab = living(50);
    let asked = overheard(&mut lab);
    lab.connect();
    lab.sync_streams(&["activities"]);
    asked.lock().unwrap().clear();
    lab.sync_streams(&["activities"]);
    let asked = asked.lock().unwrap().clone();
    let windows: Vec<_> = asked.iter().filter(|request| request.contains("/activities?")).collect();
    assert!(!windows.is_empty(), "{asked:?}");
    for request in windows {
        assert!(request.contains("createdAt__gte=") && !request.contains("__gt="), "{request}");
        assert!(!request.contains("__lt="), "no edge of a window comes from our clock: {request}");
    }
}

#[test]
fn fault_16_a_cursor_refused_once_twice_and_always_is_got_round() {
    for times in [1, 2, u64::MAX] {
        let lab = living(6);
        lab.connect();
        let rate = if times == u64::MAX { Rate::Every(1) } else { Rate::Span { first: 2, times } };
        lab.faults(FaultPlan::of(3, vec![Rule::always(Fault::Cursor400).at(rate).on("/activities")]));
        let reports = lab.sync_streams(&["activities"]);
        assert_eq!(of(&reports, "activities").status, StreamStatus::Complete, "{times}: {reports:?}");
        let truth = lab.sim.truth(tokens::GLOBAL).activities;
        assert_eq!(lab.number("SELECT count(*) FROM inventory_activity"), i64::try_from(truth).unwrap());
    }
}

#[test]
fn fault_16_a_cursor_that_was_refused_is_never_sent_again() {
    let mut lab = living(6);
    let asked = overheard(&mut lab);
    lab.connect();
    lab.faults(FaultPlan::once(Fault::Cursor400, 3, "/agents"));
    lab.sync_streams(&["agents"]);
    let asked = asked.lock().unwrap().clone();
    let agents: Vec<&String> =
        asked.iter().filter(|request| request.contains("/agents?") && !request.contains("countOnly")).collect();
    // One request was refused: the next one begins the window anew.
    let begun: Vec<usize> =
        agents.iter().enumerate().filter(|(_, request)| !request.contains("cursor=")).map(|(at, _)| at).collect();
    assert_eq!(begun.len(), 2, "{agents:?}");
    let refused = agents[begun[1] - 1];
    assert!(refused.contains("cursor="), "{agents:?}");
    assert!(agents.windows(2).all(|pair| pair[0] != pair[1]), "no cursor is sent twice in a row: {agents:?}");
}

/// Everything that the console is asked from now on, with its parameters.
fn overheard(lab: &mut Lab) -> Arc<Mutex<Vec<String>>> {
    let Transport::InProcess(inner) = lab.transport.clone() else { panic!("labs are in process") };
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ear = heard.clone();
    lab.transport = Transport::InProcess(Arc::new(move |request| {
        ear.lock().unwrap().push(request.uri().to_string());
        inner(request)
    }));
    heard
}

#[test]
fn fault_17_a_role_that_is_cut_stops_loudly_and_retires_nothing() {
    let lab = living(6);
    lab.connect();
    all_complete(&lab.sync_streams(&CORE));
    let present = lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'");
    lab.faults(FaultPlan::once(Fault::RoleCut, 1, "/agents"));
    let reports = full(&lab, &CORE);
    assert_eq!(of(&reports, "agents").status, StreamStatus::PermissionMissing);
    assert_eq!(lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'"), present);
}

#[test]
fn fault_17_a_token_revoked_or_narrowed_in_mid_sweep_retires_nothing() {
    for fault in [Fault::Revoke, Fault::ScopeCut] {
        let lab = living(6);
        lab.connect();
        all_complete(&lab.sync_streams(&CORE));
        let present = lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'");
        lab.faults(FaultPlan::once(fault, 2, "/agents"));
        for _ in 0..3 {
            full(&lab, &CORE);
        }
        let kept = "SELECT count(*) FROM inventory_source_record WHERE state = 'present'";
        assert!(lab.number(kept) >= present, "{fault}");
    }
}

#[test]
fn fault_19_what_hangs_or_trickles_ends_in_bounded_time() {
    for fault in [Fault::SlowHead, Fault::SlowBody, Fault::ResetLate, Fault::Reset, Fault::Slow] {
        let lab = living(6);
        lab.connect();
        let began = lab.world.now();
        lab.faults(FaultPlan::of(3, vec![Rule::always(fault).at(Rate::Every(5)).on("/agents")]));
        all_complete(&lab.sync_streams(&["agents"]));
        let took = lab.world.now().seconds_since(began);
        assert!(took < 3_600, "{fault}: {took} s");
        assert_eq!(
            lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'"),
            i64::try_from(lab.sim.agent_ids().len()).unwrap(),
            "{fault}"
        );
    }
}

/// Lets the network fail so on these requests, counted from now.
fn network_fails(lab: &mut Lab, error: &TransportError, on: std::ops::Range<u64>) {
    let (inner, error, asked) = (lab.sim.service(), error.clone(), std::sync::atomic::AtomicU64::new(0));
    lab.transport = Transport::InProcess(Arc::new(move |request| {
        let fails = on.contains(&asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let (inner, error) = (inner.clone(), error.clone());
        Box::pin(async move { if fails { Err(error) } else { inner(request).await } })
    }));
}

/// What breaks between here and a console, and what is then said of it: the state, a word of the reason, one of the next
/// step. The transport's own tests see each of them come from a real connection.
fn breaks() -> [(TransportError, IntegrationState, &'static str, &'static str); 3] {
    let tls = TransportError::Tls { reason: "invalid peer certificate: UnknownIssuer".to_owned() };
    [
        (tls, IntegrationState::Invalid, "certificate", "certificate"),
        (TransportError::Dns, IntegrationState::Unreachable, "address", "DNS"),
        (TransportError::Interrupted { received: 0 }, IntegrationState::Unreachable, "broke", "tried again"),
    ]
}

#[test]
fn fault_19_a_certificate_a_name_or_a_connection_that_is_gone_for_a_moment_costs_two_tries() {
    for (error, ..) in breaks() {
        let mut lab = living(6);
        lab.connect();
        for from in [0, 1, 5, 9] {
            network_fails(&mut lab, &error, from..from + 2);
            all_complete(&full(&lab, &CORE));
            nothing_is_lost(&lab, &format!("{error} at request {from}"));
        }
        let retired = lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'retired'");
        assert_eq!(retired, 0, "{error}");
    }
}

#[test]
fn fault_19_a_certificate_a_name_or_a_connection_that_stays_away_is_named_and_loses_nothing() {
    for (error, state, reason, step) in breaks() {
        let mut lab = living(6);
        lab.connect();
        all_complete(&lab.sync_streams(&CORE));
        let began = lab.world.now();
        // In the middle of the agents' pages, and for good.
        network_fails(&mut lab, &error, 4..u64::MAX);
        let reports = full(&lab, &CORE);
        assert_eq!(ExitClass::worst(&reports).code(), 5, "{error}: {reports:#?}");
        assert!(lab.world.now().seconds_since(began) < 1_800, "{error}: bounded time");
        let fares = lab.integration();
        assert_eq!(fares.state, state, "{error}: {}", fares.detail);
        assert!(fares.detail.contains(reason), "{error}: {}", fares.detail);
        let now = lab.world.now();
        let of = fares.clone();
        let overview = lab.store.read_blocking(move |tx| sync::overview(tx, of, now)).unwrap();
        assert!(overview.next_step().contains(step), "{error}: {}", overview.next_step());
        assert!(!overview.next_step().contains("token"), "{error}: {}", overview.next_step());
        nothing_is_lost(&lab, &error.to_string());
        network_fails(&mut lab, &error, 0..0);
        lab.pass_time(Duration::from_secs(600));
        all_complete(&full(&lab, &CORE));
        nothing_is_lost(&lab, &error.to_string());
        // Only some of its streams are read here, so the first sync is not over; nothing is wrong with it.
        let fares = lab.integration();
        assert_eq!((fares.state, fares.detail.as_str()), (IntegrationState::Syncing, ""), "{error}");
    }
}

#[test]
fn fault_20_a_body_that_cannot_be_read_spoils_nothing_else() {
    for fault in [
        Fault::Truncated,
        Fault::CutJson,
        Fault::InvalidUtf8,
        Fault::NotANumber,
        Fault::DuplicateKeys,
        Fault::NulText,
        Fault::LoneSurrogate,
        Fault::Deep,
        Fault::LargeRecord,
    ] {
        survives(fault, 5);
    }
}

#[test]
fn fault_20_a_record_that_is_never_readable_is_kept_aside_and_the_page_goes_on() {
    for fault in [Fault::Deep, Fault::LargeRecord] {
        let lab = living(6);
        lab.connect();
        lab.faults(FaultPlan::of(3, vec![Rule::always(fault).on("/agents")]));
        let reports = lab.sync_streams(&["agents"]);
        let agents = of(&reports, "agents");
        assert_eq!(agents.status, StreamStatus::Complete, "{fault}: {agents:?}");
        assert!(agents.quarantined > 0 && agents.created > agents.quarantined, "{fault}: {agents:?}");
    }
}

#[test]
fn fault_20_a_page_larger_than_anybody_reads_is_refused_in_bounded_memory() {
    let lab = living(6);
    lab.connect();
    lab.faults(FaultPlan::of(3, vec![Rule::always(Fault::HugePage).at(Rate::Once(2)).on("/agents")]));
    let reports = lab.sync_streams(&["agents"]);
    all_complete(&reports);
    let agents = of(&reports, "agents");
    assert_eq!(agents.requests, agents.pages + 1, "asked for once more, with half as many records");
}

#[test]
fn fault_21_a_failure_in_the_clothes_of_a_success_is_a_failure() {
    for fault in [Fault::Html200, Fault::Errors200, Fault::NullData] {
        let lab = living(6);
        lab.connect();
        lab.faults(FaultPlan::of(3, vec![Rule::always(fault).on("/agents")]));
        let reports = lab.sync_streams(&["agents"]);
        let agents = of(&reports, "agents");
        assert!(!agents.complete, "{fault}: {agents:?}");
        assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE stream = 'agents' AND watermark IS NOT NULL"), 0);
        lab.faults(FaultPlan::none());
        lab.pass_time(Duration::from_secs(3_600));
        all_complete(&lab.sync_streams(&["agents"]));
    }
    let lab = living(6);
    lab.connect();
    lab.faults(FaultPlan::of(3, vec![Rule::always(Fault::GraphqlErrors)]));
    assert!(!of(&lab.sync_streams(&["unified_alerts"]), "unified_alerts").complete);
}

#[test]
fn fault_22_a_schema_that_drifts_is_kept_and_noticed() {
    for fault in [Fault::NewField, Fault::NewEnum, Fault::TypeChange, Fault::MissingTime] {
        survives(fault, 3);
    }
    let lab = living(6);
    lab.connect();
    lab.faults(FaultPlan::of(3, vec![Rule::always(Fault::NewField).on("/agents")]));
    lab.sync_streams(&["agents"]);
    assert!(lab.number("SELECT count(*) FROM sync_drift WHERE stream = 'agents' AND kind = 'new_field'") > 0);
    assert_eq!(lab.number("SELECT count(*) FROM sync_quarantine"), 0);
}

#[test]
fn fault_23_what_shows_late_is_seen_by_the_overlap() {
    let lab = living(50);
    lab.connect();
    lab.sim.show_late(1_000, 8 * 60 * 1_000_000);
    for _ in 0..12 {
        lab.pass_time(Duration::from_secs(300));
        lab.sync_streams(&CORE);
    }
    lab.sim.show_late(0, 0);
    lab.pass_time(Duration::from_secs(600));
    all_complete(&lab.sync_streams(&CORE));
    nothing_is_lost(&lab, "shown eight minutes late");
}

#[test]
fn fault_23_an_open_threat_that_changes_without_its_time_is_seen_within_six_hours() {
    let with = |config: &mut sentinelone_sim::Config| config.tempo = None;
    let lab = Build { alive: true, with, ..Build::default() }.in_memory();
    lab.connect();
    let agent = lab.sim.agent_ids().remove(0);
    let threat = lab.sim.add_threat(&agent).unwrap();
    lab.pass_time(Duration::from_secs(60));
    all_complete(&lab.sync_streams(&["threats"]));
    // A later one, so that the overlap does not reach back to the first.
    lab.pass_time(Duration::from_secs(1_800));
    lab.sim.add_threat(&agent).unwrap();
    lab.pass_time(Duration::from_secs(60));
    all_complete(&lab.sync_streams(&["threats"]));
    assert!(lab.sim.patch_threat_quietly(&threat, &serde_json::json!({ "analystVerdict": "true_positive" })));
    lab.pass_time(Duration::from_secs(3_600));
    let reports = lab.sync_streams(&["threats"]);
    assert_eq!(of(&reports, "threats").changed, 0, "its time did not move");
    lab.pass_time(Duration::from_secs(5 * 3_600 + 60));
    let reports = lab.sync_streams(&["threats"]);
    all_complete(&reports);
    assert_eq!(of(&reports, "threats").changed, 1, "open threats are read again every six hours: {reports:?}");
}

#[test]
fn fault_23_an_agent_that_changes_without_its_time_is_seen_within_a_day() {
    let with = |config: &mut sentinelone_sim::Config| config.tempo = None;
    let lab = Build { alive: true, with, ..Build::default() }.in_memory();
    lab.connect();
    all_complete(&lab.sync_streams(&["agents"]));
    let agent = lab.sim.agent_ids().remove(0);
    lab.sim.patch_agent_quietly(&agent, &serde_json::json!({ "mitigationMode": "detect", "firewallEnabled": false }));
    lab.pass_time(Duration::from_secs(25 * 3_600));
    assert_eq!(of(&lab.sync_streams(&["agents"]), "agents").changed, 1);
}

#[test]
fn fault_24_a_life_leaves_create_update_delete_and_create_again() {
    let lab = living(50);
    lab.connect();
    all_complete(&full(&lab, &CORE));
    let agent = lab.sim.agent_ids().remove(3);
    lab.pass_time(Duration::from_secs(60));
    lab.sim.decommission(&agent);
    lab.pass_time(Duration::from_secs(60));
    all_complete(&lab.sync_streams(&CORE));
    lab.sim.remove_agent(&agent);
    all_complete(&full(&lab, &CORE));
    all_complete(&full(&lab, &CORE));
    lab.sim.restore_agent(&agent);
    lab.pass_time(Duration::from_secs(60));
    all_complete(&full(&lab, &CORE));
    let ops = ops(&lab, &agent);
    let ops: Vec<&str> = ops.iter().map(String::as_str).collect();
    let is_life = matches!(ops.as_slice(), ["create", middle @ .., "delete", "create"] if !middle.is_empty()
        && middle.iter().all(|op| *op == "update"));
    assert!(is_life, "{ops:?}");
}

fn ops(lab: &Lab, native_id: &str) -> Vec<String> {
    let native_id = native_id.to_owned();
    lab.store
        .read_blocking::<_, store::StoreError, _>(move |tx| {
            let sql = "SELECT op FROM signals_artifact WHERE stream = 'agents' AND native_id = $1 ORDER BY seq";
            tx.query(sql, &[native_id.as_str().into()], |row| Ok(row.text(0)?.to_owned()))
        })
        .unwrap()
}

#[test]
fn fault_24_an_agent_that_moves_to_another_site_changes_and_is_not_gone() {
    let lab = living(50);
    lab.connect();
    all_complete(&full(&lab, &CORE));
    let groups = lab.sim.group_ids();
    let agent = lab.sim.agent_ids().remove(3);
    lab.pass_time(Duration::from_secs(60));
    assert!(lab.sim.move_agent(&agent, groups.last().unwrap()));
    for _ in 0..3 {
        all_complete(&full(&lab, &CORE));
    }
    assert!(ops(&lab, &agent).iter().all(|op| op != "delete"));
}
