//! Authentication trouble is loud, stops what it must, and loses nothing.

use std::time::Duration;

use sentinelone_sim::{Fault, FaultPlan, tokens};
use sync::{ExitClass, IntegrationState, StreamStatus};

use crate::lab::{Build, all_complete, of};

#[test]
fn a_token_revoked_in_mid_sweep_stops_and_a_new_one_goes_on() {
    let lab = Build { page_max: 5, ..Build::default() }.in_memory();
    lab.connect();
    lab.faults(FaultPlan::once(Fault::Revoke, 3, "/agents"));
    let reports = lab.sync();
    assert_eq!(of(&reports, "agents").status, StreamStatus::AuthenticationFailed);
    assert_eq!(of(&reports, "activities").status, StreamStatus::NotTried);
    assert_eq!(ExitClass::worst(&reports).code(), 4);
    let stopped = lab.integration();
    assert_eq!(stopped.state, IntegrationState::AuthenticationFailed);
    assert!(stopped.state.next_step().contains("new token"));
    let (kept, pages) = (
        lab.number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'"),
        lab.number("SELECT page FROM sync_stream WHERE stream = 'agents'"),
    );
    assert!(kept > 0 && pages > 0);

    let standing = || {
        let (of, now) = (lab.integration(), lab.world.now());
        let all =
            lab.store.read_blocking::<_, sync::SyncError, _>(move |tx| sync::overview(tx, of, now)).unwrap().streams;
        all.into_iter().find(|one| one.stream.name == "agents").unwrap()
    };
    assert_eq!(standing().status, Some(StreamStatus::AuthenticationFailed));
    let fresh = lab.sim.issue(&sentinelone_sim::Scope::Tenant, sentinelone_sim::Bearer::ServiceUser, i64::MAX);
    let connected = lab.try_connect(&fresh).unwrap();
    assert!(connected.rotated);
    assert_eq!(connected.integration.state, IntegrationState::Connected);
    let agents = standing();
    assert_eq!((agents.status, agents.reason), (None, None), "nobody is told of the old token any more");
    assert_eq!(lab.number("SELECT page FROM sync_stream WHERE stream = 'agents'"), pages, "checkpoints are kept");
    let reports = lab.sync();
    all_complete(&reports);
    let truth = lab.sim.truth(&fresh);
    let agents = of(&reports, "agents");
    assert_eq!(agents.fetched, truth.agents - u64::try_from(kept).unwrap(), "it goes on from the page it had");
    assert_eq!(lab.number("SELECT count(*) FROM access_audit WHERE what = 'integration.rotate'"), 1);
}

#[test]
fn trouble_that_lasts_is_told_with_when_it_began() {
    let lab = Build::default().in_memory();
    lab.connect();
    all_complete(&lab.sync());
    let since_connected = lab.integration().since;
    lab.pass_time(Duration::from_secs(3600));
    all_complete(&lab.sync());
    assert_eq!(lab.integration().since, since_connected, "a pass that changes nothing moves nothing");
    lab.sim.revoke(tokens::GLOBAL);
    lab.sync();
    let first = lab.integration();
    assert_eq!(first.state, IntegrationState::AuthenticationFailed);
    assert!(first.since > since_connected);
    lab.pass_time(Duration::from_secs(3600));
    lab.sync();
    assert_eq!(lab.integration().since, first.since, "it is refused since then, not since the latest try");
}

#[test]
fn a_new_token_that_does_not_work_leaves_the_old_one_in_place() {
    let lab = Build::default().in_memory();
    lab.connect();
    let error = lab.try_connect(tokens::EXPIRED).unwrap_err();
    assert_eq!(error.exit_class().code(), 4, "{error}");
    all_complete(&lab.sync());
    assert_eq!(lab.number("SELECT count(*) FROM access_audit"), 1, "only what worked is on the trail");
}

#[test]
fn a_name_is_not_handed_to_another_console() {
    let lab = Build::default().in_memory();
    lab.connect();
    let order = sync::Connect {
        name: Some("acme".to_owned()),
        ..sync::Connect::new(
            sentinelone::Console::parse("https://other.sentinelone.net").unwrap(),
            sentinelone::Token::parse(tokens::GLOBAL).unwrap(),
        )
    };
    let error = lab.time.run(sync::connect(lab.place(), order)).unwrap_err();
    assert_eq!(error.exit_class().code(), 2);
    assert!(error.to_string().contains("acme.sentinelone.net"), "{error}");
}

#[test]
fn a_401_that_the_console_does_not_confirm_concerns_one_stream() {
    let mut lab = Build::default().in_memory();
    lab.connect();
    lab.transport = refusing(&lab, "/threats", 401);
    let reports = lab.sync();
    assert_eq!(of(&reports, "threats").status, StreamStatus::NotAvailable);
    assert_eq!(of(&reports, "activities").status, StreamStatus::Complete);
    assert_eq!(lab.integration().state, IntegrationState::Incomplete, "a core stream is missing");
}

#[test]
fn a_403_on_agents_stops_and_on_another_stream_it_does_not() {
    let mut lab = Build::default().in_memory();
    lab.connect();
    let whole = lab.transport.clone();
    lab.transport = refusing(&lab, "/tenant/policy", 403);
    let reports = lab.sync();
    assert_eq!(of(&reports, "tenant_policy").status, StreamStatus::NotAvailable);
    assert_eq!(ExitClass::worst(&reports).code(), 0, "a module that is missing is no failure");
    lab.transport = whole;
    lab.transport = refusing(&lab, "/agents", 403);
    let reports = lab.sync();
    assert_eq!(of(&reports, "agents").status, StreamStatus::PermissionMissing);
    assert_eq!(of(&reports, "threats").status, StreamStatus::NotTried);
    assert_eq!(ExitClass::worst(&reports).code(), 4);
    let stopped = lab.integration();
    assert_eq!(stopped.state, IntegrationState::PermissionMissing);
    assert!(!stopped.state.next_step().contains("make a new token"), "a new token of the same user would not help");
}

#[test]
fn a_404_for_one_record_concerns_that_record() {
    let mut lab = Build::default().in_memory();
    lab.connect();
    let one = lab.sim.site_ids().remove(0);
    lab.transport = refusing(&lab, &format!("/sites/{one}/policy"), 404);
    let reports = lab.sync();
    let policies = of(&reports, "site_policies");
    assert_eq!(policies.status, StreamStatus::Complete);
    assert!(policies.reason.as_deref().unwrap().contains(&one), "{policies:?}");
    assert_eq!(policies.created, lab.sim.truth(tokens::GLOBAL).sites - 1);
}

#[test]
fn what_the_token_sees_less_of_is_never_retired() {
    let lab = Build { page_max: 5, ..Build::default() }.in_memory();
    lab.connect();
    all_complete(&lab.sync());
    let before = lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'");
    lab.faults(FaultPlan::once(Fault::ScopeCut, 1, "/agents"));
    lab.try_run(&sync::Run { full: true, ..sync::Run::default() }).unwrap();
    assert_eq!(lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'"), before);
}

/// The console with one path answering an error of its own kind.
pub fn refusing(lab: &crate::lab::Lab, path: &str, status: u16) -> sentinelone::Transport {
    let sentinelone::Transport::InProcess(inner) = lab.transport.clone() else { panic!("labs are in process") };
    let path = path.to_owned();
    sentinelone::Transport::InProcess(std::sync::Arc::new(move |request| {
        if !request.uri().path().ends_with(&path) {
            return inner(request);
        }
        let body = format!(r#"{{"errors":[{{"code":{}0010,"detail":null,"title":"No"}}]}}"#, status);
        let answer = http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(bytes::Bytes::from(body))
            .unwrap();
        Box::pin(async move { Ok(answer) })
    }))
}
