//! Lives that are lived with every test run.

use muster_simulation::{ESTATE, PRECISION_BASE, live, precisions};

#[test]
fn a_seed_replays_to_the_last_request() {
    let (one, two) = (live(11, true), live(11, true));
    assert_eq!(one.trace, two.trace);
    assert_eq!(one.hash, two.hash);
    assert_ne!(one.hash, live(12, false).hash);
}

#[test]
fn fifty_networks_are_told_apart_without_a_wrong_merge() {
    let all = precisions(PRECISION_BASE, 50, ESTATE).unwrap();
    assert_eq!(all.complaints, Vec::<String>::new());
    assert_eq!((all.precision(), all.recall(), all.false_merges, all.unasked), (1.0, 1.0, 0, 0));
    assert!(all.undecidable > 0 && all.undecidable * 50 <= all.hosts, "{} of {}", all.undecidable, all.hosts);
    assert!(all.found > 500, "{}", all.found);
    for case in sentinelone_sim::CASES {
        let tally = all.cases.get(case.label).copied().unwrap_or_default();
        assert!(tally.planted > 0, "case {} was never planted", case.label);
        let decided = if matches!(case.label, "A" | "B") { tally.review } else { tally.right };
        assert_eq!(decided, tally.planted, "case {}: {tally:?}", case.label);
    }
}
