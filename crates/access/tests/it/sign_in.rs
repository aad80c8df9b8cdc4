//! Signing in with a password, and the throttle.

use access::{Begun, LOGIN_WAIT_SECONDS_MAX, PersonState, Role, SignedIn, WAIT_SECONDS_MAX};
use kernel::OrgId;
use testkit::Database;

use crate::world::{BY, HASH, NOW, ORG, PASSWORD, World, at, fresh, from, secret};

testkit::on_each_database! {
    the_right_password_signs_in_and_is_told,
    nobody_a_wrong_password_and_a_disabled_person_are_refused_alike_and_told,
    a_password_changed_meanwhile_does_not_sign_in,
    who_fails_waits_longer_and_longer_and_never_for_good,
    a_strangers_failures_keep_nobody_out_who_has_signed_in_before,
    an_address_that_tries_many_logins_waits,
    the_throttles_table_is_bounded_and_holds_no_words,
}

fn world(database: &Database) -> World {
    let world = World::new(database);
    let ada = world.ada;
    world.write(move |tx| access::set_password(tx, ada, &HASH, None, BY, NOW));
    world
}

fn try_in(world: &World, login: &str, address: &str, right: bool, seconds: i64) -> Result<Option<SignedIn>, i64> {
    let (login, origin) = (login.to_owned(), from(address));
    world.write(move |tx| match access::begin_sign_in(tx, &login, &origin, at(seconds))? {
        Begun::Wait { seconds } => Ok(Err(seconds)),
        Begun::Try(attempt) => access::finish_sign_in(tx, &attempt, right, &fresh(1), at(seconds)).map(Ok),
    })
}

fn the_right_password_signs_in_and_is_told(database: &Database) {
    let world = world(database);
    let begun = world.write(|tx| access::begin_sign_in(tx, " ADA@Example.com", &from("192.0.2.1"), NOW));
    let Begun::Try(attempt) = begun else { panic!("{begun:?}") };
    assert!(attempt.is_right(&secret(PASSWORD)) && !attempt.is_right(&secret("purple whale eats 8")));
    let signed_in = world.write(move |tx| access::finish_sign_in(tx, &attempt, true, &fresh(1), NOW)).unwrap();
    assert_eq!(world.session(&signed_in.token, NOW).map(|session| session.id), Some(signed_in.session));
    let told = world.done(ORG, "sign_in");
    assert_eq!((&*told[0].who, &*told[0].subject, &*told[0].detail), (BY, BY, "by password from 192.0.2.1"));
    let ada = world.ada;
    assert_eq!(world.read(move |tx| access::person(tx, ada)).unwrap().signed_in_at, Some(NOW));
}

fn nobody_a_wrong_password_and_a_disabled_person_are_refused_alike_and_told(database: &Database) {
    let world = world(database);
    world.member("bob@example.com", Role::Admin);
    let ada = world.ada;
    let acme = world.org("acme");
    assert!(try_in(&world, BY, "192.0.2.1", false, 0).unwrap().is_none());
    assert!(try_in(&world, "nobody@example.com", "192.0.2.1", true, 0).unwrap().is_none());
    assert!(try_in(&world, "bob@example.com", "192.0.2.1", true, 0).unwrap().is_some(), "the double says right");
    let bob = world.member("eve@example.com", Role::Admin);
    world.write(move |tx| access::set_member(tx, acme, bob, Role::Admin, BY, NOW));
    world.write(move |tx| access::set_person_state(tx, ada, PersonState::Disabled, BY, NOW));
    assert!(try_in(&world, BY, "192.0.2.1", true, 0).unwrap().is_none());
    let told = |org: OrgId| world.done(org, "sign_in.failed").into_iter().map(|line| line.subject).collect::<Vec<_>>();
    assert_eq!(told(ORG), [BY, "nobody@example.com", BY]);
    assert_eq!(told(acme), [BY], "every organization of a person learns of it, and of nobody else");
}

fn a_password_changed_meanwhile_does_not_sign_in(database: &Database) {
    let world = world(database);
    let begun = world.write(|tx| access::begin_sign_in(tx, BY, &from("192.0.2.1"), NOW));
    let Begun::Try(attempt) = begun else { panic!("{begun:?}") };
    let ada = world.ada;
    let other = access::hash_password(&secret("another whale eats 9"), &[4; access::SALT_BYTES]);
    world.write(move |tx| access::set_password(tx, ada, &other, None, BY, NOW));
    assert!(world.write(move |tx| access::finish_sign_in(tx, &attempt, true, &fresh(1), NOW)).is_none());
}

fn who_fails_waits_longer_and_longer_and_never_for_good(database: &Database) {
    let world = world(database);
    let (mut now, mut waits) = (0, Vec::new());
    for _ in 0..16 {
        while let Err(wait) = try_in(&world, BY, "198.51.100.7", false, now) {
            assert_eq!(try_in(&world, BY, "198.51.100.7", true, now + wait - 1).unwrap_err(), 1);
            waits.push(wait);
            now += wait;
        }
    }
    assert!(waits.is_sorted() && waits[0] == 2 && *waits.last().unwrap() == WAIT_SECONDS_MAX, "{waits:?}");
    let last = now + WAIT_SECONDS_MAX;
    assert!(try_in(&world, BY, "198.51.100.7", true, last).unwrap().is_some(), "it is never for good");
    assert!(try_in(&world, BY, "198.51.100.7", false, last).unwrap().is_none(), "and forgotten");
    for _ in 0..8 {
        let _ = try_in(&world, "bob@example.com", "203.0.113.1", false, last);
    }
    assert!(try_in(&world, "bob@example.com", "203.0.113.1", false, last).is_err());
    assert!(try_in(&world, "bob@example.com", "203.0.113.1", false, last + access::FORGET_SECONDS).is_ok());
}

fn a_strangers_failures_keep_nobody_out_who_has_signed_in_before(database: &Database) {
    let world = world(database);
    assert!(try_in(&world, BY, "192.0.2.1", true, 0).unwrap().is_some());
    for n in 0..40 {
        let _ = try_in(&world, BY, &format!("198.51.100.{n}"), false, 10);
    }
    let from_elsewhere = try_in(&world, BY, "203.0.113.1", true, 10).unwrap_err();
    assert!((1..=LOGIN_WAIT_SECONDS_MAX).contains(&from_elsewhere), "{from_elsewhere}");
    assert!(try_in(&world, BY, "192.0.2.1", true, 10).unwrap().is_some(), "a known address waits for no stranger");
    assert!(try_in(&world, BY, "203.0.113.1", true, 10 + LOGIN_WAIT_SECONDS_MAX).unwrap().is_some());
}

fn an_address_that_tries_many_logins_waits(database: &Database) {
    let world = world(database);
    for n in 0..21 {
        assert!(try_in(&world, &format!("p{n}@example.com"), "192.0.2.1", false, 0).unwrap().is_none(), "{n}");
    }
    assert_eq!(try_in(&world, BY, "192.0.2.1", true, 0).unwrap_err(), 2);
    assert!(try_in(&world, BY, "192.0.2.2", true, 0).unwrap().is_some());
}

fn the_throttles_table_is_bounded_and_holds_no_words(database: &Database) {
    let world = world(database);
    for n in 0..12 {
        let _ = try_in(&world, &format!("stranger{n}@example.com"), &format!("203.0.113.{n}"), false, n);
    }
    let count = || {
        let sql = "SELECT count(*), COALESCE(min(at), 0) FROM access_throttle";
        world.store.read_blocking(move |tx| tx.query_one(sql, &[], |row| Ok((row.int(0)?, row.int(1)?)))).unwrap()
    };
    assert_eq!(count().0, 36);
    world.write(|tx| access::tidy_throttle(tx, 9, at(12)));
    assert!(count().0 <= 9 && count().1 > NOW.micros(), "the oldest went: {:?}", count());
    assert!(try_in(&world, BY, "192.0.2.1", true, 12).unwrap().is_some());
    world.write(|tx| access::tidy_throttle(tx, 1000, at(12 + access::FORGET_SECONDS + 1)));
    assert_eq!(count().0, 1, "what is known stays");
    world.write(|tx| access::tidy_throttle(tx, 1000, at(12 + access::KNOWN_SECONDS + 1)));
    assert_eq!(count().0, 0);
}
