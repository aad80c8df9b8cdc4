//! A seed replays a run, byte for byte.

use std::time::Duration;

use sentinelone_sim::{Fault, FaultPlan};
use sync::Event;

use crate::lab::Build;

/// Everything that a run left behind: tables, what the console was asked, and what was told.
fn life(seed: u64) -> (String, String, Vec<Event>) {
    let lab = Build { seed, page_max: 12, alive: true, endpoints: 6, ..Build::default() }.in_memory();
    lab.connect();
    let mut faults = Fault::TRANSIENT.to_vec();
    faults.extend([
        Fault::Cursor400,
        Fault::DuplicatePage,
        Fault::EmptyPage,
        Fault::NullData,
        Fault::MissingPagination,
    ]);
    lab.faults(FaultPlan::random(seed, 12, &faults));
    lab.sync();
    lab.sync_for(Duration::from_millis(700 + seed * 31));
    lab.pass_time(Duration::from_secs(3600));
    lab.sync();
    // Sealing draws its nonce from the operating system, and must.
    let tables = lab.dump(|table| table != "access_credential_version");
    let told = lab.told.lock().unwrap().clone();
    (tables, format!("{:?}", lab.sim.journal()), told)
}

#[test]
fn ten_seeds_replay() {
    let mut lives = Vec::new();
    for seed in 1..=10 {
        let (one, two) = (life(seed), life(seed));
        assert_eq!(one.2, two.2, "seed {seed} told another story");
        assert_eq!(one.1, two.1, "seed {seed} asked the console otherwise");
        assert!(one.0 == two.0, "seed {seed} left another database behind");
        lives.push(one.0);
    }
    lives.sort();
    lives.dedup();
    assert_eq!(lives.len(), 10, "seeds differ from each other");
}
