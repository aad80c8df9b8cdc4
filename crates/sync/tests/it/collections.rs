//! Every collection of a console, read whole and compared with what the console itself knows.

use sentinelone_sim::{Fault, FaultPlan, Rule, tokens};
use sync::{StreamReport, StreamStatus};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, all_complete, count, of};

testkit::on_each_database! {
    every_collection_is_read_whole,
}

/// How many records of a stream there are.
fn records(lab: &Lab, stream: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) FROM inventory_source_record WHERE stream = '{stream}' AND state = 'present'");
    lab.number(&sql).unsigned_abs()
}

fn every_collection_is_read_whole(database: &Database) {
    let lab = Build { endpoints: 60, page_max: 50, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let reports = lab.sync();
    all_complete(&reports);
    let names: Vec<&str> = reports.iter().map(|report| report.stream).collect();
    assert!(sync::STREAMS.iter().all(|stream| names.contains(&stream.name)), "{names:?}");

    let truth = lab.sim.truth(tokens::GLOBAL);
    for (stream, there) in [
        ("accounts", truth.accounts.unwrap()),
        ("sites", truth.sites),
        ("groups", truth.groups),
        ("agents", truth.agents),
        ("threats", truth.threats),
        ("activity_types", truth.activity_types),
        ("users", truth.users),
        ("service_users", truth.service_users),
        ("roles", truth.roles),
        ("tags", truth.tags),
        ("exclusions", truth.exclusions),
        ("restrictions", truth.restrictions),
        ("detection_rules", truth.rules),
        ("custom_alerts", truth.alerts),
        ("unified_alerts", truth.unified_alerts),
        ("risks", truth.risks),
        ("xdr_assets", truth.assets),
        ("ranger_devices", truth.devices),
        ("threat_timeline", truth.timeline),
        ("threat_notes", truth.notes),
        ("application_settings", truth.accounts.unwrap()),
        ("group_policies", truth.groups_not_inheriting),
    ] {
        assert_eq!(records(&lab, stream), there, "{stream}");
        assert!(there > 0, "{stream} has nothing to compare");
    }
    // One machine may have one version of a product twice: the console counts rows.
    assert_eq!(of(&reports, "applications").fetched, truth.applications_with_decommissioned);
    let software = count(&lab.store, "software", "");
    assert_eq!(software, records(&lab, "applications"));
    assert!(software <= truth.applications_with_decommissioned && software > truth.applications * 9 / 10);

    // Every threat and every alert is among the unified alerts, and those of other products are there alone.
    assert!(truth.unified_alerts > truth.threats + truth.alerts);
    assert_eq!(count(&lab.store, "findings", ""), truth.unified_alerts);
    assert_eq!(count(&lab.store, "findings", "kind:alert"), truth.unified_alerts - truth.threats);
    assert_eq!(count(&lab.store, "vulnerabilities", ""), truth.risks);
    assert_eq!(count(&lab.store, "vulnerabilities", "mapped:f"), truth.risks_unmapped, "kept, and told apart");
    for (severity, there) in &truth.risks_by_severity {
        assert_eq!(count(&lab.store, "vulnerabilities", &format!("severity:={severity}")), *there, "{severity}");
    }
    assert_eq!(count(&lab.store, "users", ""), truth.users);
    assert_eq!(count(&lab.store, "activities", "has:type.name"), truth.activities, "every number has its name");
    assert!(count(&lab.store, "assets", "has:software") > truth.agents_present * 9 / 10);
    assert_eq!(count(&lab.store, "assets", "has:vulnerability"), count(&lab.store, "assets", "vulnerability_count:>0"));

    // Nothing was asked that a console refuses.
    assert_eq!(lab.sim.journal().refused, []);

    // A second reading finds everything as it was.
    let again = lab.sync();
    all_complete(&again);
    for report in &again {
        assert_eq!((report.created, report.changed), (0, 0), "{}", report.stream);
    }
}

#[test]
fn no_two_records_of_a_stream_have_one_id_by_mistake() {
    let lab = Build { endpoints: 30, ..Build::default() }.in_memory();
    lab.connect();
    for report in lab.sync() {
        // Software is the one thing that a machine may have twice.
        let doubled = report.stream == "applications" || report.stream == "activities";
        let fetched = if doubled { report.created } else { report.created + report.unchanged };
        assert_eq!(fetched, records(&lab, report.stream), "{}", report.stream);
    }
}

#[test]
fn software_stays_the_same_when_another_generation_tells_it() {
    let lab = Build { endpoints: 12, ..Build::default() }.in_memory();
    lab.connect();
    let by = |report: &StreamReport| report.source.clone().unwrap_or_default();
    let reports = lab.sync();
    let first = of(&reports, "applications").clone();
    let artifacts = "SELECT COUNT(*) FROM signals_artifact WHERE stream = 'applications'";
    let (records_before, artifacts_before) = (records(&lab, "applications"), lab.number(artifacts));
    // The generation that was cheapest is gone; another one answers.
    let path = format!("/{}", by(&first).split(' ').next().unwrap());
    lab.faults(FaultPlan { seed: 1, rules: vec![Rule::always(Fault::Json403).on(&path)] });
    let reports = lab.sync_streams(&["applications"]);
    let second = of(&reports, "applications");
    assert_eq!(second.status, StreamStatus::Complete, "{second:?}");
    assert_ne!(by(&first).split(' ').next(), by(second).split(' ').next());
    assert_eq!((second.created, second.changed), (0, 0), "{second:?}");
    assert_eq!((records(&lab, "applications"), lab.number(artifacts)), (records_before, artifacts_before));
}
