//! Signing in through an identity provider: a real one, which the tests install from npm and start.

use std::path::Path;

use access::{
    AccessError, Discovered, Errand, Http, Identity, PROVIDER_SECONDS, PersonState, Provider, ProviderError,
    ProviderRefusal, ProviderSignIn, Role, Stage,
};
use kernel::{Clock, OrgId, Timestamp};
use testkit::{Answered, Database, Identity as Running, Walker};

use crate::world::{BY, HASH, NOW, ORG, World, at, fresh, from, secret};

testkit::on_each_database! {
    somebody_signs_in_through_a_real_provider,
    a_sign_in_returns_once_in_the_browser_that_left,
    who_is_recognised_and_who_is_refused,
    an_invitation_is_accepted_at_the_provider_once,
    a_session_links_its_own_person_while_it_lives,
    what_discovery_finds_wrong_is_said_in_words,
    a_provider_is_saved_sealed_and_removed,
}

const REDIRECT: &str = "http://127.0.0.1:9/sign-in/provider/return";
const CLIENT_SECRET: &str = "canary-4713-of-the-client";

fn start(in_id_token: bool) -> Running {
    Running::start(Path::new(env!("CARGO_TARGET_TMPDIR")), REDIRECT, CLIENT_SECRET, in_id_token)
}

fn provider(issuer: &str) -> Provider {
    Provider {
        name: "Example".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "muster".to_owned(),
        client_secret: secret(CLIENT_SECRET),
        domains: vec![],
        by_email: true,
        provision: Some((ORG, Role::Viewer)),
    }
}

/// What a page of the provider answers.
fn ask(runtime: &tokio::runtime::Runtime, url: &str, cookies: &str, form: Option<String>) -> Answered {
    let method = if form.is_some() { "POST" } else { "GET" };
    let request = http::Request::builder().method(method).uri(url).header("cookie", cookies);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(form.unwrap_or_default().into_bytes()).unwrap();
    let answer = runtime.block_on(Http::real(None).unwrap().send(request)).unwrap();
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    Answered { headers, body: String::from_utf8_lossy(answer.body()).into_owned() }
}

fn part(query: &str, name: &str) -> String {
    let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{name} in {query}")).to_owned()
}

/// Leaves for the provider and returns as `account`: the cookie, the state and the code.
fn travel(
    world: &World,
    runtime: &tokio::runtime::Runtime,
    discovered: &Discovered,
    account: &str,
    byte: u8,
) -> [String; 3] {
    let (gone, now) = (discovered.clone(), Clock::System.now());
    let departure = world.write(move |tx| {
        access::begin_provider_sign_in(tx, &gone, REDIRECT, "/assets?q=a", &Errand::SignIn, &fresh(byte), now)
    });
    world.holds_no(departure.browser.expose());
    for wanted in ["response_type=code", "code_challenge_method=S256", "nonce=", "scope=openid+email+profile"] {
        assert!(departure.url.contains(wanted), "{wanted} in {}", departure.url);
    }
    let query = Walker::default()
        .walk(&departure.url, REDIRECT, account, |url, cookies, form| ask(runtime, url, cookies, form));
    [departure.browser.expose().to_owned(), part(&query, "state"), part(&query, "code")]
}

fn somebody_signs_in_through_a_real_provider(database: &Database) {
    let world = World::new(database);
    let running = start(database.is_postgres());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let http = Http::real(None).unwrap();
    let discovered = runtime.block_on(access::discover(provider(&running.issuer), &http)).unwrap();
    let now = Clock::System.now();

    let [cookie, state, code] = travel(&world, &runtime, &discovered, "grace", 1);
    let attempt = world.write(move |tx| access::take_provider_attempt(tx, &cookie, &state, now)).unwrap();
    assert_eq!(attempt.return_to, "/assets?q=a");
    let identity = runtime.block_on(access::redeem(&discovered, &http, REDIRECT, &attempt, &code, now)).unwrap();
    assert_eq!((&*identity.subject, identity.email.as_deref()), ("grace", Some("grace@Example.com")));
    assert!(
        identity.email_verified && identity.issuer == running.issuer && identity.name.as_deref() == Some("The grace")
    );
    let (of, who) = (discovered.provider().clone(), identity);
    let signed_in = world.write(move |tx| {
        access::finish_provider_sign_in(tx, &of, &Errand::SignIn, &who, &from("192.0.2.1"), &fresh(2), NOW)
    });
    let ProviderSignIn::In(signed_in) = signed_in else { panic!("{signed_in:?}") };
    let session = world.session(&signed_in.token, NOW).unwrap();
    assert_eq!((&*session.login, session.org), ("grace@example.com", Some((ORG, Role::Viewer))));
    assert_eq!(world.done(ORG, "sign_in")[0].detail, "by Example from 192.0.2.1");

    let again = runtime.block_on(access::redeem(&discovered, &http, REDIRECT, &attempt, &code, now));
    assert!(matches!(again, Err(ProviderError::NotRedeemed { .. })), "a code works once: {again:?}");

    // Another sign-in's attempt has another nonce and another verifier.
    let [_, _, code] = travel(&world, &runtime, &discovered, "grace", 3);
    let stolen = runtime.block_on(access::redeem(&discovered, &http, REDIRECT, &attempt, &code, now));
    assert!(matches!(stolen, Err(ProviderError::NotRedeemed { .. })), "{stolen:?}");

    let [cookie, state, code] = travel(&world, &runtime, &discovered, "grace", 4);
    let attempt = world.write(move |tx| access::take_provider_attempt(tx, &cookie, &state, now)).unwrap();
    let late = now.plus_seconds(2 * 24 * 3600);
    let old = runtime.block_on(access::redeem(&discovered, &http, REDIRECT, &attempt, &code, late));
    assert!(matches!(old, Err(ProviderError::NotBelieved { .. })), "a token that is over: {old:?}");

    let wrong = Provider { client_secret: secret("wrong"), ..provider(&running.issuer) };
    let wrong = runtime.block_on(access::discover(wrong, &http)).unwrap();
    let [cookie, state, code] = travel(&world, &runtime, &discovered, "grace", 5);
    let attempt = world.write(move |tx| access::take_provider_attempt(tx, &cookie, &state, now)).unwrap();
    let refused = runtime.block_on(access::redeem(&wrong, &http, REDIRECT, &attempt, &code, now)).unwrap_err();
    assert!(matches!(refused, ProviderError::NotRedeemed { .. }), "{refused}");
    assert!(!format!("{refused} {discovered:?}").contains(CLIENT_SECRET));

    let [cookie, state, code] = travel(&world, &runtime, &discovered, "unverified", 6);
    let attempt = world.write(move |tx| access::take_provider_attempt(tx, &cookie, &state, now)).unwrap();
    let identity = runtime.block_on(access::redeem(&discovered, &http, REDIRECT, &attempt, &code, now)).unwrap();
    assert!(!identity.email_verified);

    for issuer in ["http://127.0.0.1:9", &format!("{}/", running.issuer), "http://id.example.com"] {
        let refused = runtime.block_on(access::discover(provider(issuer), &http));
        let known = matches!(refused, Err(ProviderError::NotDiscovered { .. } | ProviderError::BadAddress { .. }));
        assert!(known, "{issuer}: {refused:?}");
    }
}

fn a_sign_in_returns_once_in_the_browser_that_left(database: &Database) {
    let world = World::new(database);
    let running = start(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let http = Http::real(None).unwrap();
    let discovered = runtime.block_on(access::discover(provider(&running.issuer), &http)).unwrap();
    let leave = |byte: u8, return_to: &'static str| {
        let gone = discovered.clone();
        let departure = world.write(move |tx| {
            access::begin_provider_sign_in(tx, &gone, REDIRECT, return_to, &Errand::SignIn, &fresh(byte), NOW)
        });
        (departure.browser.expose().to_owned(), part(departure.url.split_once('?').unwrap().1, "state"))
    };
    let take = |cookie: &str, state: &str, now: Timestamp| {
        let (cookie, state) = (cookie.to_owned(), state.to_owned());
        world.write(move |tx| access::take_provider_attempt(tx, &cookie, &state, now))
    };
    let (mine, state) = leave(1, "//evil.example.com");
    let (others, _) = leave(2, "/");
    assert!(take(&others, &state, NOW).is_none(), "another browser's cookie does not fit the state");
    assert!(take("", &state, NOW).is_none());
    assert_eq!(take(&mine, &state, NOW).unwrap().return_to, "/");
    assert!(take(&mine, &state, NOW).is_none(), "it returns once");
    let (mine, state) = leave(3, "/");
    assert!(take(&mine, "", NOW).is_none());
    assert!(take(&mine, &state, NOW).is_none(), "right or wrong");
    let (mine, state) = leave(4, "/");
    assert!(take(&mine, &state, at(PROVIDER_SECONDS)).is_none(), "too late");
}

fn identity(subject: &str, email: Option<&str>, email_verified: bool) -> Identity {
    let (issuer, subject) = ("https://id.example.com".to_owned(), subject.to_owned());
    Identity { issuer, subject, email: email.map(str::to_owned), email_verified, name: None }
}

fn who_is_recognised_and_who_is_refused(database: &Database) {
    let world = World::new(database);
    let closed = Provider { provision: None, ..provider("https://id.example.com") };
    let open = Provider { domains: vec!["example.com".to_owned()], ..provider("https://id.example.com") };
    let come = |provider: &Provider, who: Identity| {
        let provider = provider.clone();
        world.write(move |tx| {
            access::finish_provider_sign_in(tx, &provider, &Errand::SignIn, &who, &from("192.0.2.1"), &fresh(1), NOW)
                .map(|became| {
                    access::end_sessions(tx, access::PersonId(1), None, BY, NOW)?;
                    match became {
                        ProviderSignIn::In(signed_in) => {
                            access::end_sessions(tx, signed_in.person, None, BY, NOW)?;
                            Ok(Ok((signed_in.person, signed_in.stage)))
                        }
                        ProviderSignIn::Refused(refusal) => Ok::<_, AccessError>(Err(refusal)),
                        ProviderSignIn::Linked(_) => unreachable!("nobody asked for that"),
                    }
                })?
        })
    };
    let verified = |subject: &str, email: &str| identity(subject, Some(email), true);
    assert_eq!(come(&open, identity("1", None, true)), Err(ProviderRefusal::NoVerifiedEmail));
    assert_eq!(come(&open, identity("1", Some(BY), false)), Err(ProviderRefusal::NoVerifiedEmail));
    assert_eq!(come(&open, verified("1", "eve@example.com.evil.org")), Err(ProviderRefusal::Domain));
    assert_eq!(come(&open, verified("1", "eve@sub.example.com")), Err(ProviderRefusal::Domain));
    assert_eq!(come(&closed, verified("1", "eve@example.com")), Err(ProviderRefusal::Unknown));

    let bob = world.member("bob@example.com", Role::Operator);
    let strict = Provider { by_email: false, ..closed.clone() };
    let refused = come(&strict, verified("bob", "Bob@Example.com"));
    assert_eq!(refused, Err(ProviderRefusal::InvitationFirst), "an address alone opens nothing unless it is set to");
    assert_eq!(come(&closed, verified("bob", "Bob@Example.com")), Ok((bob, Stage::Full)), "who was added may come");
    assert_eq!(come(&closed, identity("bob", None, false)), Ok((bob, Stage::Full)), "and is known by the subject");
    let other = come(&closed, verified("another", "bob@example.com"));
    assert_eq!(other, Err(ProviderRefusal::LinkFirst), "one address, another subject");

    let ada = world.ada;
    world.write(move |tx| access::set_password(tx, ada, &HASH, None, BY, NOW));
    assert_eq!(come(&open, verified("ada", BY)), Err(ProviderRefusal::LinkFirst), "no address takes a person over");
    world.write(move |tx| access::link_identity(tx, ada, &verified("ada", BY), BY, NOW));
    assert_eq!(come(&open, verified("ada", BY)), Ok((ada, Stage::Full)));
    let twice = world.try_write(move |tx| access::link_identity(tx, bob, &identity("ada", None, true), BY, NOW));
    assert!(matches!(twice, Err(AccessError::Taken { .. })));

    let Ok((eve, _)) = come(&open, verified("eve", "eve@example.com")) else { panic!() };
    assert_eq!(world.read(move |tx| access::role_of(tx, ORG, eve)), Some(Role::Viewer));
    world.write(move |tx| access::set_person_state(tx, eve, PersonState::Disabled, BY, NOW));
    assert_eq!(come(&open, verified("eve", "eve@example.com")), Err(ProviderRefusal::Disabled));
    world.write(move |tx| access::unlink_identities(tx, eve, BY, NOW));
    assert!(!world.read(move |tx| access::is_linked(tx, eve)) && world.read(move |tx| access::is_linked(tx, ada)));
    assert_eq!(come(&open, verified("eve", "eve@example.com")), Err(ProviderRefusal::Disabled));

    world.write(move |tx| {
        access::enrol_second_factor(tx, &crate::ring(1), bob, &[7; 20])?;
        // Any code that confirms will do: it is asked for below, not given.
        tx.execute("UPDATE access_second_factor SET confirmed_at = 1", &[])?;
        Ok(())
    });
    assert_eq!(
        come(&open, identity("bob", None, true)),
        Ok((bob, Stage::NeedsSecondFactor)),
        "its own factor still counts"
    );
    assert_eq!(world.done(ORG, "sign_in.failed").len(), 10);
    assert_eq!(world.done(OrgId::DEFAULT, "sign_in.failed")[2].subject, "eve@example.com.evil.org");
}

fn a_provider_is_saved_sealed_and_removed(database: &Database) {
    let world = World::new(database);
    let ring = || crate::ring(1);
    assert!(world.read(move |tx| access::provider(tx, &ring())).is_none());
    let acme = world.org("acme");
    let wanted = Provider {
        domains: vec![" @Example.com".to_owned(), String::new(), "b.example".to_owned()],
        provision: Some((acme, Role::Auditor)),
        ..provider("https://id.example.com")
    };
    let saving = wanted.clone();
    world.write(move |tx| access::save_provider(tx, &ring(), &provider("https://old.example.com"), BY, NOW));
    world.write(move |tx| access::save_provider(tx, &ring(), &saving, BY, NOW));
    world.holds_no(CLIENT_SECRET);
    let found = world.read(move |tx| access::provider(tx, &ring())).unwrap();
    assert_eq!(
        (&*found.issuer, &found.client_secret, found.provision),
        ("https://id.example.com", &wanted.client_secret, wanted.provision)
    );
    assert_eq!(found.domains, ["example.com", "b.example"]);
    assert_eq!(world.read(access::provider_name).as_deref(), Some("Example"));
    let shut = world.store.read_blocking(|tx| access::provider(tx, &crate::ring(2)));
    assert!(matches!(shut, Err(AccessError::WrongKey { .. })));
    for wrong in [
        Provider { issuer: "http://id.example.com".to_owned(), ..wanted.clone() },
        Provider { name: String::new(), ..wanted.clone() },
        Provider { client_id: "a\nb".to_owned(), ..wanted.clone() },
        Provider { domains: vec!["a b".to_owned()], ..wanted },
    ] {
        assert!(world.try_write(move |tx| access::save_provider(tx, &ring(), &wrong, BY, NOW)).is_err());
    }
    assert!(world.write(|tx| access::remove_provider(tx, BY, NOW)));
    assert!(!world.write(|tx| access::remove_provider(tx, BY, NOW)));
    assert_eq!((world.done(ORG, "provider.save").len(), world.done(ORG, "provider.remove").len()), (2, 1));
}

/// Does an errand with what the provider says; who came in, or was linked.
fn done(world: &World, byte: u8, errand: &Errand, who: Identity) -> Result<access::PersonId, ProviderRefusal> {
    let (strict, errand) = (Provider { by_email: false, ..provider("https://id.example.com") }, errand.clone());
    let strict = Provider { domains: vec!["example.com".to_owned()], ..strict };
    let became = world.write(move |tx| {
        access::finish_provider_sign_in(tx, &strict, &errand, &who, &from("192.0.2.1"), &fresh(byte), NOW)
    });
    match became {
        ProviderSignIn::In(signed_in) => Ok(signed_in.person),
        ProviderSignIn::Linked(who) => Ok(who),
        ProviderSignIn::Refused(refusal) => Err(refusal),
    }
}

fn an_invitation_is_accepted_at_the_provider_once(database: &Database) {
    let world = World::new(database);
    let (bob, cora) = (world.member("bob@example.com", Role::Viewer), world.member("cora@example.com", Role::Viewer));
    let bobs = world.write(move |tx| access::invite(tx, bob, &fresh(1), BY, NOW));
    let coras = world.write(move |tx| access::invite(tx, cora, &fresh(2), BY, NOW));
    let (bobs, coras) = (Errand::accept(bobs.expose()), Errand::accept(coras.expose()));
    let verified = |subject: &str, email: &str| identity(subject, Some(email), true);
    assert_eq!(done(&world, 101, &bobs, verified("b", "bob@evil.example")), Err(ProviderRefusal::Domain));
    assert_eq!(done(&world, 102, &bobs, identity("b", None, true)), Err(ProviderRefusal::NoVerifiedEmail));
    // Who has the invitation says which account at the provider is theirs: the address may be another.
    assert_eq!(done(&world, 103, &bobs, verified("b", "robert@example.com")), Ok(bob));
    assert_eq!(done(&world, 104, &bobs, verified("b", "robert@example.com")), Err(ProviderRefusal::InvitationOver));
    assert_eq!(done(&world, 105, &coras, verified("b", "robert@example.com")), Err(ProviderRefusal::LinkedToAnother));
    assert_eq!(done(&world, 106, &coras, verified("c", "cora@example.com")), Ok(cora), "a refusal uses nothing up");
    assert_eq!(done(&world, 107, &Errand::SignIn, verified("b", "bob@example.com")), Ok(bob));
    assert_eq!(world.done(ORG, "person.link_identity").len(), 2);
    assert_eq!(world.done(ORG, "sign_in").len(), 3);
}

fn a_session_links_its_own_person_while_it_lives(database: &Database) {
    let world = World::new(database);
    let (ada, bob) = (world.ada, world.member("bob@example.com", Role::Viewer));
    let begun = |who, byte: u8| {
        world.write(move |tx| access::set_password(tx, who, &HASH, None, BY, NOW));
        let login = if who == ada { BY } else { "bob@example.com" };
        let signed_in = world.write(move |tx| {
            let access::Begun::Try(attempt) = access::begin_sign_in(tx, login, &from("192.0.2.1"), NOW)? else {
                unreachable!("nobody failed")
            };
            access::finish_sign_in(tx, &attempt, true, &fresh(byte), NOW)
        });
        Errand::Link { session: signed_in.unwrap().session }
    };
    let (adas, bobs) = (begun(ada, 1), begun(bob, 2));
    let who = |subject: &str| identity(subject, Some("x@example.com"), true);
    assert_eq!(done(&world, 108, &adas, who("a")), Ok(ada));
    assert_eq!(done(&world, 109, &adas, who("a")), Ok(ada), "twice is once");
    assert_eq!(done(&world, 110, &bobs, who("a")), Err(ProviderRefusal::LinkedToAnother));
    world.write(move |tx| access::end_sessions(tx, bob, None, BY, NOW));
    assert_eq!(done(&world, 111, &bobs, who("b")), Err(ProviderRefusal::SessionOver));
    assert!(!world.read(move |tx| access::is_linked(tx, bob)));
    // What an errand is for survives the way there and back.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let running = start(false);
    let discovered = runtime.block_on(access::discover(provider(&running.issuer), &Http::real(None).unwrap())).unwrap();
    for (byte, errand) in [(3, adas), (4, Errand::accept("a token")), (5, Errand::SignIn)] {
        let (gone, asked) = (discovered.clone(), errand.clone());
        let away =
            world.write(move |tx| access::begin_provider_sign_in(tx, &gone, REDIRECT, "/", &asked, &fresh(byte), NOW));
        let state = part(away.url.split_once('?').unwrap().1, "state");
        let back = world.write(move |tx| access::take_provider_attempt(tx, away.browser.expose(), &state, NOW));
        assert_eq!(back.unwrap().errand, errand);
    }
}

fn what_discovery_finds_wrong_is_said_in_words(_: &Database) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let said = |status: u16, kind: &'static str, body: &'static str| {
        let http = Http::new(move |_| async move {
            let answer = http::Response::builder().status(status).header("content-type", kind);
            Ok(answer.body(body.as_bytes().to_vec()).unwrap())
        });
        runtime.block_on(access::discover(provider("https://id.example.com"), &http)).unwrap_err().to_string()
    };
    let other = r#"{"issuer":"https://other.example","authorization_endpoint":"https://a.example/","jwks_uri":"https://a.example/k",
        "response_types_supported":["code"],"subject_types_supported":["public"],
        "id_token_signing_alg_values_supported":["RS256"]}"#;
    for (words, told) in [
        (said(404, "text/html", ""), "a path may be missing"),
        (said(302, "text/html", ""), "the redirection 302"),
        (said(503, "text/html", ""), "the status 503"),
        (said(200, "text/html", "<html>"), "no OpenID configuration"),
        (said(200, "application/json", "{}"), "no OpenID configuration"),
        (said(200, "application/json", other), "https://other.example"),
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    let down = Http::new(|_| async { Err(access::HttpError("no connection could be made".to_owned())) });
    let told = runtime.block_on(access::discover(provider("https://id.example.com"), &down)).unwrap_err().to_string();
    assert!(told.contains("no connection could be made; check the address"), "{told}");
}
