//! Lives that are lived with every test run.

use muster_simulation::live;

#[test]
fn a_seed_replays_to_the_last_request() {
    let (one, two) = (live(11, true), live(11, true));
    assert_eq!(one.trace, two.trace);
    assert_eq!(one.hash, two.hash);
    assert_ne!(one.hash, live(12, false).hash);
}
