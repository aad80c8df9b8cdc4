//! Connection links.

use access::{
    AccessError, Keep, LINK_ATTEMPTS_MAX, LINK_SECONDS, LINK_SECONDS_MAX, LINK_SECONDS_MIN, Link, LinkState,
    NewCredential, NewLink,
};
use kernel::{IntegrationId, OrgId, Secret};
use testkit::Database;

use crate::world::{BY, NOW, ORG, World, at, fresh, secret};

testkit::on_each_database! {
    a_link_is_opened_and_consumed_once_with_what_it_brings,
    what_is_not_stored_consumes_nothing,
    looking_changes_nothing,
    a_link_ends_by_itself,
    five_attempts_and_it_is_over,
    a_newer_link_for_the_same_purpose_takes_its_place,
    a_revoked_link_brings_nothing_and_belongs_to_its_organization,
    a_link_that_cannot_be_is_refused,
    who_has_a_link_refuses_it_for_good_and_says_why,
}

fn new() -> NewLink {
    let (connector, recipient) = ("sentinelone".to_owned(), "grace@example.org".to_owned());
    NewLink {
        connector,
        recipient,
        host: Some("ACME.example.net".to_owned()),
        seconds: LINK_SECONDS,
        ..NewLink::default()
    }
}

fn made(world: &World, new: &NewLink, byte: u8) -> (Secret, Link) {
    let new = new.clone();
    world.write(move |tx| access::create_link(tx, ORG, &new, BY, &fresh(byte), NOW))
}

fn look(world: &World, token: &Secret, seconds: i64) -> Option<Link> {
    let token = token.clone();
    world.read(move |tx| access::link_of(tx, token.expose(), at(seconds)))
}

fn state(world: &World, token: &Secret, seconds: i64) -> LinkState {
    look(world, token, seconds).unwrap().state
}

fn consume(world: &World, token: &Secret, seconds: i64) -> Option<Link> {
    let token = token.clone();
    world.write(move |tx| access::consume_link(tx, token.expose(), at(seconds)))
}

fn told(world: &World) -> Vec<String> {
    world.trail(ORG).into_iter().filter(|line| line.what.starts_with("link.")).map(|line| line.what).collect()
}

fn a_link_is_opened_and_consumed_once_with_what_it_brings(database: &Database) {
    let world = World::new(database);
    let (token, link) = made(&world, &new(), 1);
    world.holds_no(token.expose());
    assert_eq!((link.host.as_deref(), link.made_by.as_str(), link.attempts_left()), (Some("acme.example.net"), BY, 5));
    assert_eq!(look(&world, &token, 0).as_ref(), Some(&link));
    let opening = token.clone();
    let open = move |tx: &mut store::Tx<'_>| access::open_link(tx, opening.expose(), "192.0.2.1", at(5));
    let opened = world.write(open.clone()).unwrap();
    assert_eq!((opened.state, opened.state_at), (LinkState::Opened, at(5)));
    assert_eq!(world.write(open), Some(opened), "opening twice is opening once");

    let using = token.clone();
    let stored = world.write(move |tx| {
        let link = access::consume_link(tx, using.expose(), at(9))?.unwrap();
        let keep = Keep::Secret(secret("canary"));
        let kind = "sentinelone_api_token".to_owned();
        let new = NewCredential { name: "acme".to_owned(), kind, url: String::new(), keep };
        access::save_credential(tx, &crate::ring(1), link.org, &new, "link for grace", at(9))
    });
    assert!(world.read(move |tx| access::credential(tx, ORG, stored)).is_some());
    assert_eq!(state(&world, &token, 9), LinkState::Consumed);
    assert!(consume(&world, &token, 10).is_none(), "it works once");
    assert_eq!(told(&world), ["link.created", "link.opened", "link.consumed"]);
    assert!(world.trail(ORG).iter().all(|line| !format!("{line:?}").contains(token.expose())));
    assert_eq!(world.done(ORG, "link.opened")[0].who, "link for grace@example.org");
}

fn what_is_not_stored_consumes_nothing(database: &Database) {
    let world = World::new(database);
    let (token, _) = made(&world, &new(), 1);
    let using = token.clone();
    let failed: Result<(), _> = world.try_write(move |tx| {
        access::consume_link(tx, using.expose(), at(1))?.unwrap();
        Err(AccessError::NoKey)
    });
    assert!(failed.is_err());
    assert_eq!(state(&world, &token, 1), LinkState::Open);
    assert!(consume(&world, &token, 2).is_some());
}

fn looking_changes_nothing(database: &Database) {
    let world = World::new(database);
    let (token, link) = made(&world, &new(), 1);
    for seconds in 0..9 {
        assert_eq!(look(&world, &token, seconds).as_ref(), Some(&link));
    }
    assert_eq!(told(&world), ["link.created"]);
    assert!(look(&world, &secret("guess"), 0).is_none() && consume(&world, &secret("guess"), 0).is_none());
    let guessed = world.write(|tx| access::open_link(tx, "guess", "192.0.2.1", NOW));
    assert!(guessed.is_none());
}

fn a_link_ends_by_itself(database: &Database) {
    let world = World::new(database);
    let (token, _) = made(&world, &NewLink { seconds: LINK_SECONDS_MIN, ..new() }, 1);
    assert_eq!(state(&world, &token, LINK_SECONDS_MIN - 1), LinkState::Open);
    let over = look(&world, &token, LINK_SECONDS_MIN).unwrap();
    assert_eq!((over.state, over.state_at), (LinkState::Expired, over.expires_at));
    assert!(consume(&world, &token, LINK_SECONDS_MIN).is_none());
    let late = token.clone();
    let failed = world.write(move |tx| access::fail_link(tx, late.expose(), "401", at(LINK_SECONDS_MIN)));
    assert_eq!(failed, None);
    let late = token;
    let opened = world.write(move |tx| access::open_link(tx, late.expose(), "192.0.2.1", at(LINK_SECONDS_MIN)));
    assert_eq!(opened.unwrap().state, LinkState::Expired);
    assert_eq!(told(&world), ["link.created"]);
}

fn five_attempts_and_it_is_over(database: &Database) {
    let world = World::new(database);
    let (token, link) = made(&world, &new(), 1);
    for left in (0..LINK_ATTEMPTS_MAX).rev() {
        let failing = token.clone();
        let answered = world.write(move |tx| access::fail_link(tx, failing.expose(), "the console answers 401", at(1)));
        assert_eq!(answered, Some(left));
    }
    let over = look(&world, &token, 2).unwrap();
    assert_eq!((over.state, &*over.why, over.attempts_left()), (LinkState::Revoked, "too many attempts failed", 0));
    assert!(consume(&world, &token, 2).is_none());
    let failing = token;
    assert_eq!(world.write(move |tx| access::fail_link(tx, failing.expose(), "again", at(3))), None);
    assert_eq!(world.done(ORG, "link.failed").len(), 5);
    assert_eq!(world.done(ORG, "link.revoked")[0].subject, link.id);
}

fn a_newer_link_for_the_same_purpose_takes_its_place(database: &Database) {
    let world = World::new(database);
    let (first, _) = made(&world, &new(), 1);
    let rotate = NewLink { integration: Some(IntegrationId(7)), ..new() };
    let (other, _) = made(&world, &rotate, 2);
    let (second, link) = made(&world, &NewLink { host: Some("acme.EXAMPLE.net".to_owned()), ..new() }, 3);
    assert_eq!(look(&world, &first, 0).unwrap().why, "a newer link takes its place");
    assert_eq!(state(&world, &other, 0), LinkState::Open, "another purpose is another link");
    assert_eq!(state(&world, &second, 0), LinkState::Open);
    assert!(consume(&world, &first, 0).is_none() && consume(&world, &second, 0).is_some());
    let page = world.read(move |tx| access::links(tx, ORG, None, 2, NOW));
    assert_eq!(page.len(), 2);
    let (before, listed) = (page[1].id.clone(), page[0].id.clone());
    let rest = world.read(move |tx| access::links(tx, ORG, Some(&before), 9, NOW));
    assert!(rest.len() == 1 && listed > rest[0].id && !link.id.is_empty());
}

fn a_revoked_link_brings_nothing_and_belongs_to_its_organization(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    let (token, link) = made(&world, &new(), 1);
    let revoke = |org: OrgId| {
        let id = link.id.clone();
        world.try_write(move |tx| access::revoke_link(tx, org, &id, BY, NOW))
    };
    assert!(matches!(revoke(acme), Err(AccessError::NoSuch { .. })), "another organization's");
    let id = link.id.clone();
    assert!(world.read(move |tx| access::link(tx, acme, &id, NOW)).is_none());
    assert!(world.read(move |tx| access::links(tx, acme, None, 9, NOW)).is_empty());
    assert!(revoke(ORG).unwrap() && !revoke(ORG).unwrap());
    assert!(consume(&world, &token, 0).is_none());
    assert_eq!(told(&world), ["link.created", "link.revoked"]);
}

fn a_link_that_cannot_be_is_refused(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    for seconds in [0, LINK_SECONDS_MIN - 1, LINK_SECONDS_MAX + 1] {
        let refused =
            world.try_write(move |tx| access::create_link(tx, ORG, &NewLink { seconds, ..new() }, BY, &fresh(1), NOW));
        assert!(matches!(refused, Err(AccessError::Invalid { .. })), "{seconds}");
    }
    let foreign = world.write(move |tx| {
        let keep = Keep::Explorer("exp_1".to_owned());
        let kind = "sentinelone_api_token".to_owned();
        let new = NewCredential { name: "theirs".to_owned(), kind, url: String::new(), keep };
        access::save_credential(tx, &crate::ring(1), acme, &new, BY, NOW)
    });
    let rotate = NewLink { credential: Some(foreign), ..new() };
    let refused = world.try_write(move |tx| access::create_link(tx, ORG, &rotate, BY, &fresh(1), NOW));
    assert!(matches!(refused, Err(AccessError::NoSuch { .. })), "another organization's credential");
}

fn who_has_a_link_refuses_it_for_good_and_says_why(database: &Database) {
    let world = World::new(database);
    let (token, link) = made(&world, &new(), 1);
    let refuse = |token: &Secret, seconds: i64| {
        let (token, why) = (token.clone(), format!("\nnot {} us", "x".repeat(400)));
        world.write(move |tx| access::refuse_link(tx, token.expose(), &why, at(seconds)))
    };
    assert!(refuse(&token, 3) && !refuse(&token, 4), "once");
    let over = look(&world, &token, 5).unwrap();
    assert_eq!((over.state, over.state_at, over.why.len()), (LinkState::Refused, at(3), 300));
    assert!(over.why.starts_with("not x"), "{}", over.why);
    assert!(consume(&world, &token, 5).is_none() && !refuse(&secret("another"), 5));
    let line = &world.done(ORG, "link.refused")[0];
    assert_eq!((&*line.who, &line.subject), ("link for grace@example.org", &link.id));
    let (late, _) = made(&world, &new(), 2);
    assert!(!refuse(&late, LINK_SECONDS), "one that is over is not refused");
}
