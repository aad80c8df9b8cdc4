//! When a record is believed to be gone, and when not.

use std::time::Duration;

use sentinelone_sim::{Fault, FaultPlan, Rule, Scope, tokens};
use sync::{Run, StreamReport, StreamStatus};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete, of};

testkit::on_each_database! {
    a_record_is_retired_after_two_complete_sweeps_and_not_after_one,
    a_retired_record_that_comes_back_is_created_again,
    more_than_a_tenth_at_once_is_held_until_somebody_accepts_it,
}

fn lab_on(database: &Database) -> Lab {
    Build { page_max: 9, ..Build::default() }.on(database.open(SLICES))
}

fn small() -> Lab {
    Build { page_max: 9, ..Build::default() }.in_memory()
}

/// Reads everything of some streams again.
fn full(lab: &Lab, streams: &[&str]) -> Vec<StreamReport> {
    let streams = streams.iter().map(|name| (*name).to_owned()).collect();
    lab.try_run(&Run { full: true, streams, ..Run::default() }).unwrap()
}

fn accepting(lab: &Lab, streams: &[&str]) -> Vec<StreamReport> {
    let streams = streams.iter().map(|name| (*name).to_owned()).collect();
    lab.try_run(&Run { accept_removals: true, streams, ..Run::default() }).unwrap()
}

fn in_state(lab: &Lab, stream: &str, state: &str) -> i64 {
    lab.number(&format!("SELECT count(*) FROM inventory_source_record WHERE stream = '{stream}' AND state = '{state}'"))
}

fn ops(lab: &Lab, stream: &str, id: &str, op: &str) -> i64 {
    lab.number(&format!(
        "SELECT count(*) FROM signals_artifact WHERE stream = '{stream}' AND native_id = '{id}' AND op = '{op}'"
    ))
}

fn a_record_is_retired_after_two_complete_sweeps_and_not_after_one(database: &Database) {
    let lab = lab_on(database);
    lab.connect();
    full(&lab, &["agents"]);
    let gone = lab.sim.agent_ids().remove(5);
    assert!(lab.sim.remove_agent(&gone));

    let once = full(&lab, &["agents"]);
    all_complete(&once);
    assert_eq!((of(&once, "agents").removed, in_state(&lab, "agents", "missing")), (0, 1), "one sweep proves nothing");
    assert_eq!(ops(&lab, "agents", &gone, "delete"), 0);

    let twice = full(&lab, &["agents"]);
    all_complete(&twice);
    assert_eq!((of(&twice, "agents").removed, in_state(&lab, "agents", "retired")), (1, 1));
    assert_eq!(ops(&lab, "agents", &gone, "delete"), 1);
    assert_eq!(lab.number("SELECT count(*) FROM inventory_change WHERE field = 'removed' AND after = 'true'"), 1);
    let retired = "SELECT count(*) FROM inventory_asset a JOIN inventory_term t ON t.org_id = a.org_id \
        AND t.term_id = a.agent_state_term WHERE t.text = 'retired' AND a.edr_live = 0 AND a.active = 0";
    assert_eq!(lab.number(retired), 1, "the asset follows its agent");

    let thrice = full(&lab, &["agents"]);
    assert_eq!((of(&thrice, "agents").removed, ops(&lab, "agents", &gone, "delete")), (0, 1), "only once");
}

fn a_retired_record_that_comes_back_is_created_again(database: &Database) {
    let lab = lab_on(database);
    lab.connect();
    full(&lab, &["agents"]);
    let gone = lab.sim.agent_ids().remove(5);
    lab.sim.remove_agent(&gone);
    full(&lab, &["agents"]);
    full(&lab, &["agents"]);
    assert_eq!(in_state(&lab, "agents", "retired"), 1);
    assert!(lab.sim.restore_agent(&gone));
    let back = full(&lab, &["agents"]);
    all_complete(&back);
    assert_eq!((in_state(&lab, "agents", "retired"), in_state(&lab, "agents", "missing")), (0, 0));
    assert_eq!((ops(&lab, "agents", &gone, "create"), ops(&lab, "agents", &gone, "delete")), (2, 1));
    let retired = "SELECT count(*) FROM inventory_asset a JOIN inventory_term t ON t.org_id = a.org_id \
        AND t.term_id = a.agent_state_term WHERE t.text = 'retired'";
    assert_eq!(lab.number(retired), 0, "the asset lives again");
    let history = "SELECT count(*) FROM inventory_change WHERE field = 'removed'";
    assert_eq!(lab.number(history), 2, "gone, and back");
}

fn more_than_a_tenth_at_once_is_held_until_somebody_accepts_it(database: &Database) {
    let lab = lab_on(database);
    lab.connect();
    full(&lab, &["agents"]);
    let agents = lab.sim.agent_ids();
    let gone = &agents[..agents.len() / 10 + 1];
    for id in gone {
        lab.sim.remove_agent(id);
    }
    for _ in 0..3 {
        let reports = full(&lab, &["agents"]);
        let held = of(&reports, "agents");
        assert_eq!((held.status, held.removed, held.held), (StreamStatus::Complete, 0, gone.len() as u64));
        assert_eq!(held.exit_class(), sync::ExitClass::Done, "everything was read; what waits for a word is a state");
        assert!(held.reason.as_deref().unwrap().contains("--accept-removals"), "{held:?}");
        assert_eq!(in_state(&lab, "agents", "retired"), 0);
    }
    let (org, id) = (kernel::OrgId::DEFAULT, lab.integration().id);
    let waiting = lab.store.read_blocking::<_, store::StoreError, _>(move |tx| sync::held(tx, org, id)).unwrap();
    assert_eq!(
        (waiting[0].stream.as_str(), waiting[0].gone, waiting[0].of),
        ("agents", gone.len() as u64, agents.len() as u64)
    );
    assert_eq!(lab.integration().state, sync::IntegrationState::Degraded, "{:?}", lab.integration());

    let reports = accepting(&lab, &["agents"]);
    all_complete(&reports);
    assert_eq!((of(&reports, "agents").removed, of(&reports, "agents").held), (gone.len() as u64, 0), "{reports:?}");
    assert_eq!(in_state(&lab, "agents", "retired"), gone.len() as i64);
    assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE held IS NOT NULL"), 0);
}

#[test]
fn a_tenth_exactly_is_retired_without_asking() {
    let lab = small();
    lab.connect();
    full(&lab, &["agents"]);
    let agents = lab.sim.agent_ids();
    for id in &agents[..agents.len() / 10] {
        lab.sim.remove_agent(id);
    }
    full(&lab, &["agents"]);
    assert_eq!(of(&full(&lab, &["agents"]), "agents").removed, agents.len() as u64 / 10);
}

#[test]
fn a_record_seen_in_between_is_missing_from_the_beginning_again() {
    let lab = small();
    lab.connect();
    full(&lab, &["agents"]);
    let gone = lab.sim.agent_ids().remove(5);
    lab.sim.remove_agent(&gone);
    full(&lab, &["agents"]);
    lab.sim.restore_agent(&gone);
    full(&lab, &["agents"]);
    assert_eq!(in_state(&lab, "agents", "missing"), 0);
    lab.sim.remove_agent(&gone);
    assert_eq!(of(&full(&lab, &["agents"]), "agents").removed, 0, "absent once again, not twice");
}

#[test]
fn a_sweep_that_is_not_complete_retires_nothing() {
    let mut lab = small();
    lab.connect();
    full(&lab, &["agents"]);
    let gone = lab.sim.agent_ids().remove(5);
    lab.sim.remove_agent(&gone);
    let whole = lab.transport.clone();
    lab.transport = crate::faults::edited(&lab, |path, data| {
        if path.ends_with("/agents") {
            data.truncate(data.len().saturating_sub(1));
        }
    });
    for _ in 0..3 {
        assert_eq!(of(&full(&lab, &["agents"]), "agents").status, StreamStatus::Incomplete);
    }
    assert_eq!(in_state(&lab, "agents", "present"), lab.sim.agent_ids().len() as i64 + 1, "nothing is even missing");
    lab.transport = whole;
    full(&lab, &["agents"]);
    assert_eq!(of(&full(&lab, &["agents"]), "agents").removed, 1);
}

#[test]
fn a_sweep_over_changes_retires_nothing() {
    let lab = Build { alive: true, ..Build::default() }.in_memory();
    lab.connect();
    lab.sync_streams(&["agents"]);
    let gone = lab.sim.agent_ids().remove(5);
    lab.sim.remove_agent(&gone);
    for _ in 0..3 {
        lab.pass_time(Duration::from_secs(3600));
        all_complete(&lab.sync_streams(&["agents"]));
    }
    assert_eq!(in_state(&lab, "agents", "retired") + in_state(&lab, "agents", "missing"), 0);
    lab.pass_time(Duration::from_secs(22 * 3600));
    all_complete(&lab.sync_streams(&["agents"]));
    assert_eq!(in_state(&lab, "agents", "missing"), 1, "once a day everything is read");
    lab.pass_time(Duration::from_secs(25 * 3600));
    assert_eq!(of(&lab.sync_streams(&["agents"]), "agents").removed, 1);
}

#[test]
fn a_narrowed_token_retires_nothing_and_says_so() {
    let lab = small();
    lab.connect();
    let all = ["sites", "groups", "agents", "threats"];
    full(&lab, &all);
    let present = lab.number("SELECT count(*) FROM inventory_source_record");
    let site = lab.sim.site_ids().remove(0);
    assert!(lab.sim.set_scope(tokens::GLOBAL, Scope::Sites(vec![site])));
    for _ in 0..3 {
        let reports = full(&lab, &all);
        let agents = of(&reports, "agents");
        assert_eq!((agents.status, agents.removed, agents.held), (StreamStatus::Complete, 0, 0));
        assert!(agents.reason.as_deref().unwrap().contains("the token now sees 1 site"), "{agents:?}");
    }
    let state = "SELECT count(*) FROM inventory_source_record WHERE state = 'present'";
    assert_eq!(lab.number(state), present, "what it no longer sees is kept as it was");
    // Seeing everything again, it goes on as if nothing had been.
    lab.sim.set_scope(tokens::GLOBAL, Scope::Tenant);
    let gone = lab.sim.agent_ids().remove(5);
    lab.sim.remove_agent(&gone);
    full(&lab, &["agents"]);
    assert_eq!(of(&full(&lab, &["agents"]), "agents").removed, 1);
}

#[test]
fn a_scope_that_is_cut_in_the_middle_of_a_sweep_retires_nothing() {
    let lab = small();
    lab.connect();
    full(&lab, &["agents"]);
    for _ in 0..3 {
        lab.faults(FaultPlan::once(Fault::ScopeCut, 2, "/agents"));
        let reports = full(&lab, &["agents"]);
        assert_eq!(of(&reports, "agents").removed, 0, "{reports:?}");
        lab.sim.set_scope(tokens::GLOBAL, Scope::Tenant);
    }
    assert_eq!(in_state(&lab, "agents", "retired"), 0);
}

#[test]
fn a_module_that_is_refused_retires_nothing() {
    let lab = small();
    lab.connect();
    full(&lab, &["risks"]);
    let risks = in_state(&lab, "risks", "present");
    assert!(risks > 0);
    lab.faults(FaultPlan::of(1, vec![Rule::always(Fault::Json403).on("/application-management/risks")]));
    for _ in 0..3 {
        assert_eq!(of(&full(&lab, &["risks"]), "risks").status, StreamStatus::NotAvailable);
    }
    assert_eq!(in_state(&lab, "risks", "present"), risks);
}

#[test]
fn a_module_that_one_account_lacks_is_read_for_the_others_and_retires_nothing() {
    let mut lab = small();
    lab.connect();
    full(&lab, &["accounts", "risks"]);
    let risks = in_state(&lab, "risks", "present");
    let account = lab.sim.account_ids().remove(0);
    let sentinelone::Transport::InProcess(inner) = lab.transport.clone() else { panic!("labs are in process") };
    let refused = format!("accountIds={account}");
    lab.transport = sentinelone::Transport::InProcess(std::sync::Arc::new(move |request| {
        let uri = request.uri().to_string();
        if !(uri.contains("/risks?") && uri.contains(&refused)) {
            return inner(request);
        }
        let body = r#"{"errors":[{"code":4030010,"detail":"no such module","title":"Insufficient permissions"}]}"#;
        let answer = http::Response::builder().status(403).header("content-type", "application/json");
        let answer = answer.body(bytes::Bytes::from(body)).unwrap();
        Box::pin(async move { Ok(answer) })
    }));
    for _ in 0..3 {
        let reports = full(&lab, &["risks"]);
        let report = of(&reports, "risks");
        assert_eq!((report.status, report.removed), (StreamStatus::Complete, 0), "{report:?}");
        let reason = report.reason.as_deref().unwrap();
        assert!(reason.contains(&account) || reason.contains("a part of the console"), "{reason}");
    }
    assert_eq!(in_state(&lab, "risks", "present"), risks);
}

#[test]
fn a_decommissioned_agent_is_not_gone_and_neither_are_its_threats() {
    let lab = small();
    lab.connect();
    full(&lab, &["agents", "threats"]);
    let agent = lab.sim.agent_ids().remove(2);
    let threat = lab.sim.add_threat(&agent).unwrap();
    full(&lab, &["agents", "threats"]);
    assert!(lab.sim.decommission(&agent));
    for _ in 0..3 {
        all_complete(&full(&lab, &["agents", "threats"]));
    }
    let present = |id: &str| {
        lab.number(&format!(
            "SELECT count(*) FROM inventory_source_record WHERE native_id = '{id}' AND state = 'present'"
        ))
    };
    assert_eq!((present(&agent), present(&threat)), (1, 1));
}

#[test]
fn a_record_too_deep_to_be_taken_apart_is_not_gone() {
    let mut lab = small();
    lab.connect();
    full(&lab, &["agents"]);
    let deep = lab.sim.agent_ids().remove(4);
    let whole = lab.transport.clone();
    lab.transport = crate::faults::deepened(&lab, &deep);
    for _ in 0..3 {
        let reports = full(&lab, &["agents"]);
        assert_eq!((of(&reports, "agents").quarantined, of(&reports, "agents").removed), (1, 0), "{reports:?}");
    }
    assert_eq!(in_state(&lab, "agents", "present"), lab.sim.agent_ids().len() as i64);
    lab.transport = whole;
    all_complete(&full(&lab, &["agents"]));
}

#[test]
fn a_policy_goes_with_what_it_was_for() {
    let lab = small();
    lab.connect();
    let all = ["sites", "groups", "agents", "site_policies"];
    full(&lab, &all);
    let sites = lab.sim.site_ids();
    let policies = in_state(&lab, "site_policies", "present");
    // Of few sites one is more than a tenth, so a person says that it is gone; its policy goes without being asked about.
    lab.sim.remove_site(&sites[1]);
    full(&lab, &all);
    full(&lab, &all);
    accepting(&lab, &["sites", "groups", "agents"]);
    assert_eq!(in_state(&lab, "sites", "retired"), 1);
    let reports = full(&lab, &["site_policies"]);
    assert_eq!((of(&reports, "site_policies").removed, of(&reports, "site_policies").held), (1, 0), "{reports:?}");
    assert_eq!(in_state(&lab, "site_policies", "present"), policies - 1);
}

#[test]
fn a_vulnerability_that_the_console_calls_removed_is_retired_at_once() {
    let lab = Build { alive: true, endpoints: 30, ..Build::default() }.in_memory();
    lab.connect();
    all_complete(&lab.sync_streams(&["accounts", "risks"]));
    let before = in_state(&lab, "risks", "present");
    lab.pass_time(Duration::from_secs(3600));
    for agent in lab.sim.agent_ids().iter().take(8) {
        for application in lab.sim.installed(agent) {
            lab.sim.uninstall_application(agent, &application.name);
        }
    }
    lab.pass_time(Duration::from_secs(60));
    let reports = lab.sync_streams(&["risks"]);
    let risks = of(&reports, "risks");
    assert!(risks.complete && risks.removed > 0, "{risks:?}");
    assert_eq!(in_state(&lab, "risks", "retired"), i64::try_from(risks.removed).unwrap());
    assert!(in_state(&lab, "risks", "present") < before);
    assert!(lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'risks' AND op = 'delete'") > 0);
    // Told again by the overlap, it stays what it is.
    let again = lab.sync_streams(&["risks"]);
    assert_eq!((of(&again, "risks").removed, of(&again, "risks").created), (0, 0), "{again:?}");
}
