//! What the console and the network may do, and what the engine makes of it.

use std::sync::Arc;

use bytes::Bytes;
use sentinelone::{Service, Transport};
use sentinelone_sim::{Fault, FaultPlan, Rate, Rule, tokens};
use serde_json::Value;
use sync::{ExitClass, Run, StreamStatus};

use crate::lab::{Build, Lab, all_complete, of};

/// The console with its answers changed on their way: `edit` gets the path and the records.
pub fn edited(lab: &Lab, edit: fn(&str, &mut Vec<Value>)) -> Transport {
    let Transport::InProcess(inner) = lab.transport.clone() else { panic!("labs are in process") };
    answered(
        move |path, body| {
            let Ok(mut json) = serde_json::from_slice::<Value>(&body) else { return body };
            if let Some(data) = json.get_mut("data").and_then(Value::as_array_mut) {
                edit(path, data);
                return Bytes::from(serde_json::to_vec(&json).unwrap());
            }
            body
        },
        inner,
    )
}

/// The console with one agent's record nesting too deep to be taken apart.
pub fn deepened(lab: &Lab, agent: &str) -> Transport {
    let Transport::InProcess(inner) = lab.transport.clone() else { panic!("labs are in process") };
    let wanted = agent.to_owned();
    answered(
        move |path, body| {
            let Ok(mut json) = serde_json::from_slice::<Value>(&body) else { return body };
            let rows = json.get_mut("data").and_then(Value::as_array_mut).filter(|_| path.ends_with("/agents"));
            let Some(row) = rows.into_iter().flatten().find(|row| row["id"] == wanted.as_str()) else { return body };
            let deep = (0..sentinelone::page::DEPTH_MAX).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
            row["deep"] = deep;
            Bytes::from(serde_json::to_vec(&json).unwrap())
        },
        inner,
    )
}

/// The console with the bytes of its answers changed on their way.
pub fn answered(change: impl Fn(&str, Bytes) -> Bytes + Send + Sync + 'static, inner: Service) -> Transport {
    let change = Arc::new(change);
    Transport::InProcess(Arc::new(move |request| {
        let (path, change, answer) = (request.uri().path().to_owned(), change.clone(), inner(request));
        Box::pin(async move {
            let (mut head, body) = answer.await?.into_parts();
            head.headers.remove("content-length");
            head.headers.remove("content-encoding");
            Ok(http::Response::from_parts(head, change(&path, body)))
        })
    }))
}

fn small() -> Lab {
    Build { page_max: 6, endpoints: 22, ..Build::default() }.in_memory()
}

fn holds_everything(lab: &Lab) {
    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, expected) in
        [("agents", truth.agents), ("threats", truth.threats), ("activities", truth.activities), ("sites", truth.sites)]
    {
        let records = lab.number(&format!("SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}'"));
        assert_eq!(records, i64::try_from(expected).unwrap(), "{stream}");
    }
    let artifacts = lab.number("SELECT count(*) FROM signals_artifact");
    assert_eq!(artifacts, lab.number("SELECT count(*) FROM inventory_source_record"), "each version once");
}

#[test]
fn every_passing_fault_is_got_over() {
    for fault in Fault::TRANSIENT {
        let lab = small();
        lab.connect();
        lab.faults(FaultPlan::once_every(5, &[fault]));
        let reports = lab.sync();
        all_complete(&reports);
        holds_everything(&lab);
        assert!(!lab.sim.journal().faults.is_empty(), "{fault} was played");
    }
}

#[test]
fn every_fault_of_a_page_is_got_over_or_admitted() {
    for fault in [
        Fault::Cursor400,
        Fault::RepeatCursor,
        Fault::EmptyPage,
        Fault::DuplicatePage,
        Fault::MissingPagination,
        Fault::Nonmonotone,
        Fault::NullData,
    ] {
        let lab = small();
        lab.connect();
        lab.faults(FaultPlan::once_every(7, &[fault]));
        lab.sync();
        // What was admitted as incomplete is made good by the next pass without the fault.
        lab.faults(FaultPlan::none());
        all_complete(&lab.sync());
        holds_everything(&lab);
    }
}

#[test]
fn a_cursor_refused_once_costs_one_new_beginning() {
    let lab = small();
    lab.connect();
    lab.faults(FaultPlan::once(Fault::Cursor400, 3, "/agents"));
    let reports = lab.sync();
    all_complete(&reports);
    let agents = of(&reports, "agents");
    assert_eq!(agents.created + agents.unchanged, agents.fetched);
    assert!(agents.fetched > agents.created, "some pages were read twice");
    holds_everything(&lab);
}

#[test]
fn cursors_that_never_work_are_got_round_by_cutting_the_time() {
    let lab = small();
    lab.connect();
    let rule = Rule { fault: Fault::Cursor400, rate: Rate::Every(1), path: Some("/activities".to_owned()) };
    lab.faults(FaultPlan { seed: 0, rules: vec![rule] });
    let reports = lab.sync();
    let activities = of(&reports, "activities");
    assert_eq!(activities.status, StreamStatus::Complete, "{activities:?}");
    holds_everything(&lab);
}

#[test]
fn a_cursor_that_never_works_where_time_cannot_be_cut_is_incomplete_and_not_success() {
    let lab = Build { page_max: 2, ..Build::default() }.in_memory();
    lab.connect();
    let rule = Rule { fault: Fault::Cursor400, rate: Rate::Every(1), path: Some("/groups".to_owned()) };
    lab.faults(FaultPlan { seed: 0, rules: vec![rule] });
    let reports = lab.sync();
    assert_eq!(of(&reports, "groups").status, StreamStatus::Incomplete);
    assert_eq!(of(&reports, "group_policies").status, StreamStatus::Incomplete, "not all groups are known");
    assert_eq!(ExitClass::worst(&reports), ExitClass::Incomplete);
    assert_eq!(of(&reports, "agents").status, StreamStatus::Complete, "the rest goes on");
}

#[test]
fn a_console_that_shows_fewer_than_it_counts_is_incomplete() {
    let mut lab = small();
    lab.transport = edited(&lab, |path, data| {
        if path.ends_with("/agents") {
            data.truncate(data.len().saturating_sub(1));
        }
    });
    lab.connect();
    let reports = lab.sync();
    let agents = of(&reports, "agents");
    assert_eq!((agents.status, agents.complete), (StreamStatus::Incomplete, false));
    assert!(agents.reason.as_deref().unwrap().contains("more than it shows"), "{agents:?}");
    assert_eq!(ExitClass::worst(&reports).code(), 3);
    assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE stream = 'agents' AND watermark IS NULL"), 1);
    assert_eq!(lab.integration().state, sync::IntegrationState::Incomplete);
}

#[test]
fn a_core_stream_that_stays_broken_is_unreachable_and_a_module_is_not_available() {
    let lab = small();
    lab.connect();
    let broken = |path: &str| Rule { fault: Fault::Json500, rate: Rate::Every(1), path: Some(path.to_owned()) };
    lab.faults(FaultPlan { seed: 0, rules: vec![broken("/threats"), broken("/tenant/policy")] });
    let reports = lab.sync();
    assert_eq!(of(&reports, "threats").status, StreamStatus::Unreachable);
    assert_eq!(of(&reports, "tenant_policy").status, StreamStatus::NotAvailable);
    assert_eq!(of(&reports, "activities").status, StreamStatus::Complete);
    assert_eq!(ExitClass::worst(&reports).code(), 5);
    assert!(of(&reports, "threats").requests <= u64::from(6u32), "tries are bounded");
}

#[test]
fn what_cannot_be_understood_is_kept_aside_and_the_page_goes_on() {
    let mut lab = small();
    lab.transport = edited(&lab, |path, data| {
        if let ("/web/api/v2.1/agents", [first, second, ..]) = (path, data.as_mut_slice()) {
            first.as_object_mut().unwrap().remove("id");
            *second = Value::from("not an object");
        }
    });
    lab.connect();
    let reports = lab.sync();
    let agents = of(&reports, "agents");
    assert_eq!(agents.status, StreamStatus::Complete, "{agents:?}");
    assert!(agents.quarantined > 0 && agents.created > 0);
    let kept = lab.number("SELECT count(*) FROM sync_quarantine WHERE stream = 'agents' AND reason = 'it has no id'");
    assert!(kept > 0);
    assert_eq!(lab.number("SELECT count(*) FROM sync_quarantine WHERE reason = 'it is not an object'"), 1);
    let before = lab.number("SELECT count(*) FROM sync_quarantine");
    lab.try_run(&Run { full: true, ..Run::default() }).unwrap();
    assert_eq!(lab.number("SELECT count(*) FROM sync_quarantine"), before, "the same bytes lie there once");
}

#[test]
fn a_record_too_large_to_read_is_kept_aside_by_its_place_and_the_rest_is_read() {
    let mut lab = small();
    let agents = lab.sim.agent_ids();
    let poison = format!("\"id\":\"{}\"", agents[agents.len() / 2]);
    let Transport::InProcess(inner) = lab.transport.clone() else { panic!("labs are in process") };
    let huge = Bytes::from(vec![b' '; 65 * 1024 * 1024]);
    lab.transport = answered(
        move |path, body| {
            let has_it =
                path.ends_with("/agents") && body.windows(poison.len()).any(|piece| piece == poison.as_bytes());
            if has_it { huge.clone() } else { body }
        },
        inner,
    );
    lab.connect();
    let reports = lab.sync_streams(&["agents"]);
    let report = of(&reports, "agents");
    assert_eq!((report.status, report.quarantined), (StreamStatus::Complete, 1), "{report:?}");
    let records = lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'");
    assert_eq!(records, i64::try_from(agents.len()).unwrap() - 1);
    assert_eq!(lab.number("SELECT count(*) FROM sync_quarantine WHERE bytes IS NULL AND size IS NULL"), 1);
}

#[test]
fn a_throttled_console_is_asked_more_slowly_and_nothing_is_lost() {
    let lab = Build {
        page_max: 6,
        alive: true,
        with: |config| {
            config.rate_limits = true;
            config.tempo = None;
            config.heartbeat = None;
        },
        ..Build::default()
    }
    .in_memory();
    lab.connect();
    let reports = lab.sync();
    all_complete(&reports);
    holds_everything(&lab);
    assert!(lab.sim.journal().denied.is_empty());
}
