//! The identity provider, through the pages: a real one, set up, linked, signed in with and removed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use access::{Http, HttpError, Role};
use kernel::{Clock, OrgId, PersonId, Secret};
use sentinelone::Transport;
use server::Settings;
use testkit::{Answered, Database, Identity, Walker};

use crate::world::{Reply, START, World, mail};

testkit::on_each_database! {
    somebody_walks_in_through_a_real_provider,
    only_who_manages_the_installation_sets_the_provider_and_wrong_ones_are_not_saved,
    two_tabs_do_not_overwrite_each_other,
    programs_with_a_session_set_and_remove_the_provider_as_the_page_does,
    a_provider_that_does_not_answer_is_left_alone_for_a_while,
}

const SECRET: &str = "canary-5521-of-the-client";
const PASSWORD: &str = "seven green lamps at noon";

/// What stands between two texts of a page.
fn between<'a>(body: &'a str, from: &str, to: &str) -> &'a str {
    let rest = &body[body.find(from).unwrap_or_else(|| panic!("no {from} in {body}")) + from.len()..];
    &rest[..rest.find(to).unwrap()]
}

/// The service, asking providers over the network of this machine.
fn world(database: &Database) -> World {
    let transport = Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console")));
    let world = World::with(database, (transport, Http::real(None).unwrap()), Settings::default());
    // The provider's own clock cannot be set.
    world.clock.set(Clock::System.now());
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    world.write(|tx| {
        let hash = access::hash_password(&Secret::new(PASSWORD.to_owned()), &[3; access::SALT_BYTES]);
        access::set_password(tx, PersonId(1), &hash, None, "ada", START)
    });
    world
}

fn redirect(world: &World) -> String {
    format!("http://{}/sign-in/provider/return", world.address)
}

/// Follows a departure to the provider and back, as an account there: what the service says to who returns.
fn travel(world: &World, away: &str, cookies: &str, account: &str) -> Reply {
    let http = Http::real(None).unwrap();
    let query = Walker::default().walk(away, &redirect(world), account, |url, cookies, form| {
        let method = if form.is_some() { "POST" } else { "GET" };
        let request = axum::http::Request::builder().method(method).uri(url).header("cookie", cookies);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(form.unwrap_or_default().into_bytes()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(http.send(request)).unwrap();
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Answered { headers, body: String::from_utf8_lossy(answer.body()).into_owned() }
    });
    world.get(&format!("/sign-in/provider/return?{query}"), cookies)
}

/// The page that a link of ours leads to the provider from: where to, and the cookie that it left.
fn leave(world: &World, path: &str) -> (String, String) {
    let gone = world.get(path, "");
    assert_eq!((gone.status, gone.header("cache-control")), (303, "no-store"), "{}", gone.body);
    (gone.header("location").to_owned(), gone.cookie("muster-provider=").unwrap())
}

/// Stores a provider of that issuer without asking it.
fn stored(world: &World, issuer: String) {
    world.write(move |tx| {
        let provider = access::Provider {
            name: "Example".to_owned(),
            issuer,
            client_id: "muster".to_owned(),
            client_secret: Secret::new(SECRET.to_owned()),
            domains: Vec::new(),
            by_email: false,
            provision: None,
        };
        access::save_provider(tx, &crate::world::ring(), &provider, "ada", START)
    });
}

fn save(world: &World, cookie: &str, more: &[(&str, &str)]) -> Reply {
    let csrf = world.csrf(cookie);
    let mut fields = vec![("csrf", csrf.as_str())];
    fields.extend(more);
    world.post("/settings/provider", cookie, &fields)
}

fn somebody_walks_in_through_a_real_provider(database: &Database) {
    let world = world(database);
    let running = Identity::start(Path::new(env!("CARGO_TARGET_TMPDIR")), &redirect(&world), SECRET, true);
    let ada = world.cookie("ada", OrgId::DEFAULT);
    assert_eq!(world.get("/sign-in/provider", "").status, 404, "there is none yet");
    let page = world.get("/settings/provider", &ada);
    assert!(page.body.contains(&redirect(&world)), "what to enter there is said: {}", page.body);

    // Tested, and then saved with the secret that was tried, which no page holds.
    let form = [("name", "Example"), ("issuer", &*running.issuer), ("client_id", "muster")];
    let tested = save(&world, &ada, &[&form[..], &[("client_secret", SECRET), ("do", "test")]].concat());
    assert!(tested.status == 200 && tested.body.contains("The provider answers."), "{}", tested.body);
    assert!(!tested.body.contains(SECRET));
    assert!(!world.get("/sign-in", "").body.contains("Sign in with Example"), "nothing is saved yet");
    let carried = between(&tested.body, "name=\"carried\" value=\"", "\"").to_owned();
    let saved = save(&world, &ada, &[&form[..], &[("carried", &carried), ("do", "save")]].concat());
    assert_eq!((saved.status, saved.header("location")), (303, "/settings/provider"), "{}", saved.body);
    assert!(!world.get("/settings/provider", &ada).body.contains(SECRET));

    // Nobody comes in by an address alone: she links it herself, with her password.
    assert!(world.get("/sign-in?next=/assets", "").body.contains("Sign in with Example"));
    let (away, cookie) = leave(&world, "/sign-in/provider?next=/assets");
    let stranger = travel(&world, &away, &cookie, "mallory");
    assert_eq!(stranger.status, 403);
    assert!(stranger.body.contains("Nobody has added you yet: ask an administrator."), "{}", stranger.body);

    let csrf = world.csrf(&ada);
    let wrong = world.post("/account/provider", &ada, &[("csrf", &csrf), ("own_password", "wrong")]);
    assert!(wrong.status == 422 && wrong.body.contains("This is not your password."), "{}", wrong.body);
    let shown = world.post("/account/provider", &ada, &[("csrf", &csrf), ("own_password", PASSWORD)]);
    let away = between(&shown.body, &format!("href=\"{}", running.issuer), "\"").replace("&amp;", "&");
    let cookie = shown.cookie("muster-provider=").unwrap();
    let linked = travel(&world, &format!("{}{away}", running.issuer), &cookie, "ada");
    assert!(linked.status == 200 && linked.body.contains("Linked"), "{}", linked.body);
    assert!(world.get("/account", &ada).body.contains("You can sign in with Example."));

    let (away, cookie) = leave(&world, "/sign-in/provider?next=/assets");
    let strange = world.get("/sign-in/provider/return?state=x&code=y", &cookie);
    assert!(strange.status == 400 && strange.body.contains("began in another browser"), "{}", strange.body);
    let late = travel(&world, &away, &cookie, "ada");
    assert_eq!(late.status, 400, "an attempt is used up by whoever brings a wrong state");
    let (away, cookie) = leave(&world, "/sign-in/provider?next=/assets");
    let back = travel(&world, &away, &cookie, "ada");
    assert_eq!((back.status, back.header("location")), (303, "/assets"), "{}", back.body);
    assert_eq!(back.cookie("muster-provider=").as_deref(), Some("muster-provider="), "that cookie is over");
    let session = back.cookie("muster=").unwrap();
    assert_eq!(world.get("/api/v1/me", &session).json()["login"], mail("ada"));

    // Who is invited chooses it instead of a password.
    let csrf = world.csrf(&ada);
    let bob = [("csrf", &*csrf), ("login", "bob@acme.example"), ("name", "Bob"), ("role", "viewer")];
    let invited = world.post("/people/invite", &ada, &bob);
    let link = between(&invited.body, "<code class=\"mono\">", "</code>").to_owned();
    let path = link.strip_prefix(&format!("http://{}", world.address)).unwrap().to_owned();
    assert!(world.get(&path, "").body.contains("Go to Example"));
    let (away, cookie) = leave(&world, &path.replace("/invitation?", "/invitation/provider?"));
    let bob = travel(&world, &away, &cookie, "robert");
    assert_eq!((bob.status, bob.header("location")), (303, "/"), "{}", bob.body);
    assert_eq!(world.get("/api/v1/me", &bob.cookie("muster=").unwrap()).json()["login"], mail("bob"));
    assert_eq!(world.get(&path, "").status, 410, "it is used up");
    let csrf = world.csrf(&bob.cookie("muster=").unwrap());
    let kept = world.post("/account/provider/unlink", &bob.cookie("muster=").unwrap(), &[("csrf", &csrf)]);
    assert_eq!(kept.status, 409, "it is his only way in");

    let csrf = world.csrf(&session);
    let out = world.post("/sign-out", &session, &[("csrf", &csrf)]);
    let page = world.get(out.header("location"), "");
    assert!(page.body.contains("You may still be signed in at Example"), "{}", page.body);
    let csrf = world.csrf(&ada);
    assert_eq!(world.post("/account/provider/unlink", &ada, &[("csrf", &csrf)]).status, 303);
    assert_eq!(world.post("/settings/provider/remove", &ada, &[("csrf", &csrf)]).status, 303);
    assert!(!world.get("/sign-in", "").body.contains("Sign in with"));
    assert_eq!(world.get("/sign-in/provider", "").status, 404);
    let trail = world.get("/audit", &ada).body;
    for done in ["provider.save", "provider.remove", "person.link_identity", "person.unlink_identities"] {
        assert!(trail.contains(done), "{done}");
    }
}

fn only_who_manages_the_installation_sets_the_provider_and_wrong_ones_are_not_saved(database: &Database) {
    let world = world(database);
    let ada = world.cookie("ada", OrgId::DEFAULT);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{nobody}");
    let here = format!("http://{}", world.address);
    for (name, issuer, secret, says) in [
        ("Example", "http://id.example.com", SECRET, "it begins with https://"),
        ("Example", gone.as_str(), SECRET, "no connection could be made"),
        // This service itself: it answers, and is no provider.
        ("Example", here.as_str(), SECRET, "a path may be missing"),
        ("Example", here.as_str(), "", "Enter the secret"),
    ] {
        let fields =
            [("name", name), ("issuer", issuer), ("client_id", "muster"), ("client_secret", secret), ("do", "save")];
        let wrong = save(&world, &ada, &fields);
        assert!(wrong.status == 422 && wrong.body.contains(says), "{says}: {}", wrong.body);
        assert!(!wrong.body.contains(SECRET) && wrong.body.contains("value=\"muster\""), "the rest stays as it was");
    }
    assert!(!world.get("/sign-in", "").body.contains("Sign in with"));
    let ben = world.write(|tx| access::add_person(tx, &mail("ben"), "Ben", START));
    world.write(move |tx| access::create_org(tx, "Acme Retail", ben, "ada", START));
    let ben = world.cookie("ben", OrgId(2));
    assert_eq!(world.get("/settings/provider", &ben).status, 403);
    assert_eq!(world.get("/settings", &ben).status, 200);
    assert!(!world.get("/settings", &ben).body.contains("Identity provider"));
    // What is stored and cannot be reached is said to who wants to come in, in words that hold no address.
    stored(&world, gone);
    let down = world.get("/sign-in/provider", "");
    assert!(down.status == 502 && down.body.contains("Example does not answer as it should"), "{}", down.body);
    assert!(!down.body.contains("127.0.0.1"), "{}", down.body);
    let page = world.get("/sign-in?next=/assets", "").body;
    assert!(page.contains("href=\"/sign-in/provider?next=%2Fassets\""), "{page}");
}

fn two_tabs_do_not_overwrite_each_other(database: &Database) {
    let world = world(database);
    let running = Identity::start(Path::new(env!("CARGO_TARGET_TMPDIR")), &redirect(&world), SECRET, false);
    let ada = world.cookie("ada", OrgId::DEFAULT);
    let page = world.get("/settings/provider", &ada).body;
    let stamp = between(&page, "name=\"stamp\" value=\"", "\"").to_owned();
    let issuer = running.issuer.clone();
    let fields = |name: &'static str, stamp: &str| {
        let form = [
            ("name", name),
            ("issuer", &*issuer),
            ("client_id", "muster"),
            ("client_secret", SECRET),
            ("stamp", stamp),
            ("do", "save"),
        ];
        save(&world, &ada, &form)
    };
    assert_eq!(fields("First", &stamp).status, 303);
    let second = fields("Second", &stamp);
    assert_eq!(second.status, 409);
    assert!(second.body.contains("stored now <b><bdi>First</bdi></b>"), "{}", second.body);
    assert!(second.body.contains("entered by you <b><bdi>Second</bdi></b>"), "{}", second.body);
    let stamp = between(&second.body, "name=\"stamp\" value=\"", "\"").to_owned();
    assert_eq!(fields("Second", &stamp).status, 303, "once both were seen");
    assert!(world.get("/sign-in", "").body.contains("Sign in with Second"));
}

fn programs_with_a_session_set_and_remove_the_provider_as_the_page_does(database: &Database) {
    const AT: &str = "/api/v1/settings/provider";
    let world = world(database);
    let running = Identity::start(Path::new(env!("CARGO_TARGET_TMPDIR")), &redirect(&world), SECRET, false);
    let ada = world.cookie("ada", OrgId::DEFAULT);
    assert_eq!(world.get(AT, &ada).status, 404);
    let origin = format!("http://{}", world.address);
    let send = |method: &str, more: &[(&str, &str)], what: &serde_json::Value| {
        let mut headers = vec![("cookie", ada.as_str()), ("origin", origin.as_str())];
        headers.extend_from_slice(more);
        world.send(method, AT, &headers, &what.to_string())
    };
    let new = |name: &str, more: serde_json::Value| {
        let mut new = serde_json::json!({ "name": name, "issuer": running.issuer, "client_id": "muster" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        new
    };
    let mistake = |what: serde_json::Value| {
        let wrong = send("PUT", &[], &what);
        assert!(wrong.status == 422 && !wrong.body.contains(SECRET), "{}", wrong.body);
        wrong.json()["mistakes"][0]["field"].as_str().unwrap_or_default().to_owned()
    };
    let secret = serde_json::json!({ "client_secret": SECRET });
    assert_eq!(mistake(new("Example", serde_json::json!({}))), "client_secret");
    let elsewhere = serde_json::json!({ "client_secret": SECRET, "issuer": "http://id.example.com" });
    assert_eq!(mistake(new("Example", elsewhere)), "issuer");
    let many = serde_json::json!({ "client_secret": SECRET, "domains": ["acme.example b.example"] });
    assert_eq!(mistake(new("Example", many)), "domains");
    let nowhere = |org: &str, role: &str| serde_json::json!({ "client_secret": SECRET, "provision": { "organization": org, "role": role } });
    assert_eq!(mistake(new("Example", nowhere("org_0000000000009", "viewer"))), "organization");
    let own = OrgId::DEFAULT.to_string();
    assert_eq!(mistake(new("Example", nowhere(&own, "admin"))), "role", "nobody becomes an administrator so");
    let set = send("PUT", &[], &new("Example", nowhere(&own, "viewer")));
    assert!(set.status == 200 && !set.body.contains(SECRET), "{}", set.body);
    assert_eq!(set.json()["provision"], serde_json::json!({ "organization": own, "role": "viewer" }));
    assert!(world.get("/sign-in", "").body.contains("Sign in with Example"));
    // Who read it before that does not undo it unseen; and the stored secret is taken where none is sent.
    let tag = world.get(AT, &ada).header("etag").to_owned();
    let renamed = send("PUT", &[("if-match", &tag)], &new("Renamed", serde_json::json!({})));
    assert_eq!((renamed.status, renamed.json()["name"].as_str()), (200, Some("Renamed")), "{}", renamed.body);
    assert_eq!(send("PUT", &[("if-match", &tag)], &new("Again", secret)).status, 412);
    assert_eq!(send("DELETE", &[("if-match", &tag)], &serde_json::json!({})).status, 412);
    // Whoever stole a token does not choose through whom people sign in.
    let new_token = access::NewApiToken {
        name: "a program".to_owned(),
        role: Role::Admin,
        reach: access::Reach::Write,
        expires_at: world.clock.now().plus_seconds(3600),
    };
    let (fresh, now) = (kernel::Random::secret_bytes(), world.clock.now());
    let token = world
        .write(move |tx| Ok(access::create_api_token(tx, OrgId::DEFAULT, PersonId(1), &new_token, &fresh, now)?.0));
    let bearer = format!("Bearer {}", token.expose());
    let by_token = |method: &str| world.send(method, AT, &[("authorization", &bearer)], "{}").status;
    assert_eq!((by_token("GET"), by_token("PUT"), by_token("DELETE")), (200, 403, 403));
    assert_eq!(send("DELETE", &[], &serde_json::json!({})).json()["name"], "Renamed");
    assert_eq!((world.get(AT, &ada).status, send("DELETE", &[], &serde_json::json!({})).status), (404, 404));
    assert!(!world.get("/sign-in", "").body.contains("Sign in with"));
    let trail = world.get("/audit", &ada).body;
    assert!(trail.contains("provider.save") && trail.contains("provider.remove"), "{trail}");
}

fn a_provider_that_does_not_answer_is_left_alone_for_a_while(database: &Database) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let http = Http::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err(HttpError("nobody is there".to_owned())))
    });
    let transport = Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console")));
    let world = World::with(database, (transport, http), Settings::default());
    stored(&world, "https://id.example.com".to_owned());
    let knocks = |times: usize| {
        for _ in 0..times {
            let down = world.get("/sign-in/provider", "");
            assert!(down.status == 502 && down.body.contains("Example does not answer as it should"), "{}", down.body);
        }
        asked.load(Ordering::Relaxed)
    };
    assert_eq!(knocks(3), 1, "once is enough to know");
    world.clock.set(START.plus_seconds(29));
    assert_eq!(knocks(1), 1);
    world.clock.set(START.plus_seconds(31));
    assert_eq!(knocks(2), 2);
    // Another provider is another question.
    stored(&world, "https://id.example.net".to_owned());
    assert_eq!(knocks(2), 3);
}
