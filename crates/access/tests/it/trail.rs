//! Reading the audit trail.

use access::{AuditFilter, AuditPlace};
use testkit::Database;

use crate::world::{BY, ORG, World, at};

testkit::on_each_database! {
    the_trail_is_filtered_and_read_both_ways,
}

fn the_trail_is_filtered_and_read_both_ways(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    let begun = i64::try_from(world.trail(ORG).len()).unwrap();
    world.write(move |tx| {
        for n in 1..=9 {
            let who = if n % 3 == 0 { "eve" } else { BY };
            let what = if n % 2 == 0 { "link.created" } else { "link%.opened" };
            access::audit(tx, ORG, at(n), who, what, &format!("s{}", n % 4), "")?;
        }
        access::audit(tx, acme, at(5), "eve", "link.created", "s0", "")?;
        Ok(())
    });
    let seqs = |filter: &AuditFilter, place, limit| {
        let filter = filter.clone();
        let page = world.store.read_blocking(move |tx| access::audit_page(tx, ORG, &filter, place, limit)).unwrap();
        page.iter().map(|line| line.seq - begun).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(seqs(&all, AuditPlace::Latest, 3), [9, 8, 7]);
    assert_eq!(seqs(&all, AuditPlace::Before(begun + 7), 3), [6, 5, 4]);
    assert_eq!(seqs(&all, AuditPlace::After(begun + 7), 3), [8, 9]);
    assert_eq!(seqs(&AuditFilter { who: some("eve"), ..all.clone() }, AuditPlace::Latest, 9), [9, 6, 3]);
    assert_eq!(seqs(&AuditFilter { subject: some("s1"), ..all.clone() }, AuditPlace::After(begun), 9), [1, 5, 9]);
    assert_eq!(seqs(&AuditFilter { what: some("link."), ..all.clone() }, AuditPlace::Latest, 9), [8, 6, 4, 2]);
    assert_eq!(seqs(&AuditFilter { what: some("link%"), ..all.clone() }, AuditPlace::Latest, 2), [9, 7]);
    let times = AuditFilter { from: Some(at(3)), until: Some(at(6)), ..all.clone() };
    assert_eq!(seqs(&times, AuditPlace::Latest, 9), [5, 4, 3]);
    let both = AuditFilter { who: some("eve"), what: some("link.created"), ..times };
    assert_eq!(seqs(&both, AuditPlace::Latest, 9), Vec::<i64>::new());
    assert_eq!(seqs(&AuditFilter { who: some("' OR 1=1 --"), ..all }, AuditPlace::Latest, 9), Vec::<i64>::new());
}
