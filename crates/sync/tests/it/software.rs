//! Software is read by the generation of the API that takes the fewest requests, and is the same by each.

use sentinelone_sim::{Fault, FaultPlan, Rule};
use sync::StreamStatus;

use crate::lab::{Build, Lab, of};

const STREAMS: [&str; 3] = ["accounts", "agents", "applications"];

fn lab() -> Lab {
    Build { endpoints: 12, ..Build::default() }.in_memory()
}

fn native_ids(lab: &Lab) -> String {
    lab.store
        .read_blocking::<_, store::StoreError, _>(|tx| {
            let sql = "SELECT native_id FROM inventory_source_record WHERE stream = 'applications' AND state = 'present' \
                ORDER BY native_id";
            Ok(tx.query(sql, &[], |row| Ok(row.text(0)?.to_owned()))?.join("\n"))
        })
        .unwrap()
}

fn without(lab: &Lab, paths: &[&str]) {
    lab.faults(FaultPlan::of(1, paths.iter().map(|path| Rule::always(Fault::Json403).on(path)).collect()));
}

#[test]
fn the_cheapest_generation_is_taken_and_the_report_says_which_and_why() {
    let lab = lab();
    lab.connect();
    let reports = lab.sync_streams(&STREAMS);
    let software = of(&reports, "applications");
    assert_eq!(software.status, StreamStatus::Complete, "{software:?}");
    let source = software.source.as_deref().unwrap();
    assert!(source.starts_with("installed-applications ("), "{source}");
    assert!(source.contains("agents/applications would take"), "{source}");
}

#[test]
fn a_generation_that_is_refused_is_replaced_by_the_next_and_the_software_is_the_same() {
    let mut all = Vec::new();
    for (refused, taken) in [
        (&[][..], "installed-applications"),
        (&["/installed-applications"][..], "agents/applications"),
        (&["/installed-applications", "/agents/applications"][..], "application-management/inventory/endpoints"),
    ] {
        let lab = lab();
        lab.connect();
        without(&lab, refused);
        let reports = lab.sync_streams(&STREAMS);
        let software = of(&reports, "applications");
        assert_eq!(software.status, StreamStatus::Complete, "{software:?}");
        assert!(software.source.as_deref().unwrap().starts_with(taken), "{software:?}");
        all.push((taken, native_ids(&lab)));
    }
    assert!(!all[0].1.is_empty());
    for (taken, ids) in &all[1..] {
        let (one, other): (std::collections::BTreeSet<&str>, std::collections::BTreeSet<&str>) =
            (all[0].1.lines().collect(), ids.lines().collect());
        let differ: Vec<_> = one.symmetric_difference(&other).take(5).collect();
        assert!(differ.is_empty(), "{taken}: {differ:?} ({} and {})", one.len(), other.len());
    }
}

#[test]
fn a_change_of_generation_makes_no_version_and_retires_nothing() {
    let lab = lab();
    lab.connect();
    lab.sync_streams(&STREAMS);
    let artifacts = lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'applications'");
    without(&lab, &["/installed-applications"]);
    for _ in 0..2 {
        let reports = lab.sync_streams(&STREAMS);
        let software = of(&reports, "applications");
        assert_eq!((software.created, software.changed, software.removed), (0, 0, 0), "{software:?}");
    }
    assert_eq!(lab.number("SELECT count(*) FROM signals_artifact WHERE stream = 'applications'"), artifacts);
}

#[test]
fn software_that_no_generation_tells_is_not_available_and_not_none() {
    let lab = lab();
    lab.connect();
    without(&lab, &["/installed-applications", "/agents/applications", "/application-management/*"]);
    let reports = lab.sync_streams(&STREAMS);
    let software = of(&reports, "applications");
    assert_eq!((software.status, software.source.as_deref()), (StreamStatus::NotAvailable, None));
    let reason = software.reason.as_deref().unwrap();
    assert!(reason.contains("installed-applications") && reason.contains("agents/applications"), "{reason}");
}
