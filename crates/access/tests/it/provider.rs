//! Signing in through an identity provider: a real one, which the tests install from npm and start.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use access::{
    AccessError, Discovered, Http, Identity, PROVIDER_SECONDS, PersonState, Provider, ProviderError, ProviderRefusal,
    ProviderSignIn, Role, Stage,
};
use kernel::{Clock, OrgId, Timestamp};
use testkit::Database;

use crate::world::{BY, HASH, NOW, ORG, World, at, fresh, from, secret};

testkit::on_each_database! {
    somebody_signs_in_through_a_real_provider,
    a_sign_in_returns_once_in_the_browser_that_left,
    who_is_recognised_and_who_is_refused,
    a_provider_is_saved_sealed_and_removed,
}

const REDIRECT: &str = "http://127.0.0.1:9/sign-in/provider/return";
const CLIENT_SECRET: &str = "canary-4713-of-the-client";
/// Steps of a browser between a sign-in's departure and its return.
const STEPS_MAX: usize = 12;

struct Running {
    issuer: String,
    process: Child,
    /// It ends when this closes.
    _alive: Option<ChildStdin>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder with the provider's modules, installed by the first test that needs them, as the lock file says.
fn modules() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provider");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("identity-provider-9.13.3");
    if !home.exists() {
        let beside = home.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(&beside).unwrap();
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(name), beside.join(name)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&beside);
        let output = npm.output().expect("npm is installed: apt-get install npm, or run cargo xtask test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Another test may have been faster.
        if std::fs::rename(&beside, &home).is_err() {
            std::fs::remove_dir_all(&beside).unwrap();
        }
    }
    std::fs::copy(source.join("provider.js"), home.join("provider.js")).unwrap();
    home
}

fn start(in_id_token: bool) -> Running {
    let mut node = Command::new("node");
    node.arg("provider.js").args([REDIRECT, CLIENT_SECRET, if in_id_token { "id-token" } else { "" }]);
    node.current_dir(modules()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = node.spawn().expect("node is installed");
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines
        .into_iter()
        .find_map(|line| line.strip_prefix("PORT ").map(str::to_owned))
        .expect("the provider starts: Node.js is 20 or newer");
    let alive = process.stdin.take();
    Running { issuer: format!("http://127.0.0.1:{port}"), process, _alive: alive }
}

fn provider(issuer: &str) -> Provider {
    Provider {
        name: "Example".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "muster".to_owned(),
        client_secret: secret(CLIENT_SECRET),
        domains: vec![],
        provision: Some((ORG, Role::Viewer)),
    }
}

/// A browser that signs in as an account and agrees to everything; answers what the redirect brings.
struct Browser {
    http: Http,
    /// Name, path, value.
    cookies: Vec<(String, String, String)>,
}

impl Browser {
    async fn walk(&mut self, url: &str, account: &str) -> String {
        let (mut url, mut form) = (url.to_owned(), None);
        for _ in 0..STEPS_MAX {
            if let Some(query) = url.strip_prefix(REDIRECT) {
                return query.trim_start_matches('?').to_owned();
            }
            let answer = self.ask(&url, form.take()).await;
            let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            let whole =
                |place: &str| if place.starts_with('/') { format!("{origin}{place}") } else { place.to_owned() };
            if let Some(place) = answer.headers().get("location") {
                url = whole(place.to_str().unwrap());
                continue;
            }
            let page = String::from_utf8_lossy(answer.body()).into_owned();
            let between = |from: &str| Some(page.split_once(from)?.1.split_once('"')?.0.to_owned());
            let prompt = between("name=\"prompt\" value=\"").unwrap_or_else(|| panic!("{} {page}", answer.status()));
            url = whole(&between("action=\"").unwrap());
            form = Some(format!("prompt={prompt}&login={account}&password=x"));
        }
        panic!("the sign-in does not return");
    }

    async fn ask(&mut self, url: &str, form: Option<String>) -> http::Response<Vec<u8>> {
        let path = format!("/{}", url.splitn(4, '/').nth(3).unwrap_or_default());
        let sent = self.cookies.iter().filter(|(_, of, _)| path.starts_with(of.as_str()));
        let cookies = sent.map(|(name, _, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let method = if form.is_some() { "POST" } else { "GET" };
        let request = http::Request::builder().method(method).uri(url).header("cookie", cookies);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = self.http.send(request.body(form.unwrap_or_default().into_bytes()).unwrap()).await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            let of = rest.split("; ").find_map(|part| part.strip_prefix("path=")).unwrap_or("/").to_owned();
            self.cookies.retain(|(known, at, _)| known != name || *at != of);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), of, value));
            }
        }
        answer
    }
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
    let departure =
        world.write(move |tx| access::begin_provider_sign_in(tx, &gone, REDIRECT, "/assets?q=a", &fresh(byte), now));
    world.holds_no(departure.browser.expose());
    for wanted in ["response_type=code", "code_challenge_method=S256", "nonce=", "scope=openid+email+profile"] {
        assert!(departure.url.contains(wanted), "{wanted} in {}", departure.url);
    }
    let mut browser = Browser { http: Http::real(None).unwrap(), cookies: vec![] };
    let query = runtime.block_on(browser.walk(&departure.url, account));
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
    let signed_in =
        world.write(move |tx| access::finish_provider_sign_in(tx, &of, &who, &from("192.0.2.1"), &fresh(2), NOW));
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
        let departure =
            world.write(move |tx| access::begin_provider_sign_in(tx, &gone, REDIRECT, return_to, &fresh(byte), NOW));
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
            access::finish_provider_sign_in(tx, &provider, &who, &from("192.0.2.1"), &fresh(1), NOW).map(|became| {
                access::end_sessions(tx, access::PersonId(1), None, BY, NOW)?;
                match became {
                    ProviderSignIn::In(signed_in) => {
                        access::end_sessions(tx, signed_in.person, None, BY, NOW)?;
                        Ok(Ok((signed_in.person, signed_in.stage)))
                    }
                    ProviderSignIn::Refused(refusal) => Ok::<_, AccessError>(Err(refusal)),
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
    assert_eq!(world.done(ORG, "sign_in.failed").len(), 9);
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
