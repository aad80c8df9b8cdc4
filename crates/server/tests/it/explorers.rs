//! Explorers against the real router: the console is where only they reach, and the line is HTTP.

use std::sync::Arc;
use std::thread::JoinHandle;

use access::{Http, Role};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use explorer::wire::{About, Sealed, kind};
use explorer::{Explorer as Program, Keeper, Link, State};
use kernel::{OrgId, Secret, Value};
use sentinelone::{Transport, TransportError};
use sentinelone_sim::{Config, tokens};
use server::{Limits, Settings};
use testkit::Database;
use tokio::sync::oneshot;

use crate::world::{START, World};

testkit::on_each_database! {
    what_runs_at_an_explorer_is_read_from_inside,
    a_token_that_the_browser_sealed_never_gets_here,
    explorers_that_wait_leave_the_places_of_people_free,
    the_line_is_for_explorers_and_for_their_own_work_alone,
    a_scan_at_an_explorer_ends_when_it_is_stopped_and_when_the_explorer_is,
}

/// A private address: the server itself would not go there.
const HOST: &str = "https://10.20.30.40";
const STREAMS: &[&str] = &["accounts", "agents", "threats"];

/// A server without a way to any console, and Ada, who administers.
fn world(database: &Database) -> (World, String) {
    limited(database, Limits::default())
}

fn limited(database: &Database, limits: Limits) -> (World, String) {
    let nowhere = Transport::InProcess(Arc::new(|_| {
        Box::pin(std::future::ready(Err(TransportError::Other { reason: "no route from here".to_owned() })))
    }));
    let http = Http::new(|_| async { panic!("nothing here asks an identity provider") });
    let world = World::with(database, (nowhere, http), Settings { limits, ..Settings::default() });
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    (world, cookie)
}

fn about() -> About {
    let kinds = [kind::CONSOLE, kind::KEEP].map(str::to_owned).to_vec();
    About { version: "0.1.0".to_owned(), host: "relay-1".to_owned(), address: "10.20.0.7".to_owned(), kinds }
}

/// The one-time token that a page shows.
fn shown(page: &str) -> Secret {
    let at = page.find("Paste the token").unwrap();
    let from = at + page[at..].find("<code class=\"mono\">").unwrap() + 19;
    Secret::new(page[from..].split('<').next().unwrap().to_owned())
}

/// An Explorer that has enrolled over the network.
fn enrolled(world: &World, ticket: &Secret, folder: &std::path::Path) -> Result<(Link, Keeper, State), String> {
    let link = Link::real(&format!("http://{}", world.address), None).unwrap();
    let keeper = Keeper::new(folder.to_owned());
    let state = world.run(explorer::enrol(&link, &keeper, ticket, &about(), String::new()));
    Ok((link, keeper, state.map_err(|error| error.to_string())?))
}

/// An Explorer at work on a thread of its own, until it is dropped.
struct Working {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Working {
    fn new(enrolled: (Link, Keeper, State)) -> Working {
        Working::with(enrolled, about(), Vec::new())
    }

    fn with((link, keeper, state): (Link, Keeper, State), about: About, more: Vec<explorer::More>) -> Working {
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // Connections belong to the runtime that made them.
            let link = Link::real(link.origin(), None).unwrap();
            let sim = sentinelone_sim::World::new(Config::new(7, 12, Arc::new(|| START.micros())));
            let transport = Transport::InProcess(sim.service());
            let world = jobs::World::real();
            let program = Program { world, link, keeper, state, transport, about, more };
            let stopped = async move { drop(stopped.await) };
            runtime.block_on(explorer::run(&program, stopped, &|_| {})).map_err(|error| error.to_string())
        });
        Working { stop: Some(stop), thread: Some(thread) }
    }

    /// How it ends by itself.
    fn ended(mut self) -> Result<(), String> {
        let outcome = self.thread.take().unwrap().join().unwrap();
        drop(self.stop.take());
        outcome
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn made(world: &World, cookie: &str, name: &str) -> Secret {
    let csrf = world.csrf(cookie);
    let page = world.post("/explorers", cookie, &[("csrf", &csrf), ("name", name)]);
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{}", page.body);
    assert!(page.body.contains(&format!("muster explorer --server http://{} --token-stdin", world.address)));
    shown(&page.body)
}

fn filled<'a>(csrf: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("csrf", csrf), ("url", HOST), ("name", "Plant"), ("site", "HQ"), ("schedule", "signals")];
    fields.extend([("rate", "1000"), ("software", "on"), ("identity", "correlation"), ("do", "save")]);
    fields.extend_from_slice(more);
    fields
}

fn read(world: &World) -> Vec<sync::StreamReport> {
    let run = sync::Run { streams: STREAMS.iter().map(|name| (*name).to_owned()).collect(), ..sync::Run::default() };
    let at = world.place(OrgId::DEFAULT);
    let reports = world.run(sync::run(at, &run, &|_| {})).unwrap();
    for report in &reports {
        assert_eq!(report.status, sync::StreamStatus::Complete, "{report:?}");
    }
    reports
}

/// Where a text is in the database, in whichever table.
fn places_of(world: &World, text: &'static str) -> Vec<String> {
    let found = world.store.read_blocking::<_, store::StoreError, _>(move |tx| {
        let mut found = Vec::new();
        testkit::everything(tx, |table, column, value| {
            let holds = match value {
                Value::Text(value) => value.contains(text),
                Value::Bytes(value) => value.windows(text.len()).any(|part| part == text.as_bytes()),
                _ => false,
            };
            found.extend(holds.then(|| format!("{table}.{column}")));
        })?;
        Ok(found)
    });
    found.unwrap()
}

fn what_runs_at_an_explorer_is_read_from_inside(database: &Database) {
    let (world, ada) = world(database);
    assert!(world.get("/explorers", &ada).body.contains("No Explorer yet"));
    let ticket = made(&world, &ada, "Berlin");
    let list = world.get("/explorers", &ada).body;
    assert!(list.contains("Not started yet") && !list.contains(ticket.expose()), "a token is shown once");
    let csrf = world.csrf(&ada);
    let again = world.post("/explorers", &ada, &[("csrf", &csrf), ("name", "BERLIN")]);
    assert_eq!(again.status, 422);
    assert!(again.body.contains("An Explorer is called"), "{}", again.body);

    let folder = tempfile::tempdir().unwrap();
    let working = Working::new(enrolled(&world, &ticket, folder.path()).unwrap());
    let used = enrolled(&world, &ticket, folder.path().join("other").as_path()).err().unwrap();
    assert!(used.contains("This one-time token opens nothing"), "{used}");
    let all = world.get("/api/v1/explorers", &ada).json();
    let one = &all["items"][0];
    assert_eq!((one["state"].as_str(), one["host"].as_str()), (Some("connected"), Some("relay-1")));
    assert_eq!(one["seen_from"], "127.0.0.1");
    let id = one["id"].as_str().unwrap().to_owned();

    // From here the console cannot be reached, from there it can; tried first, then saved.
    let here = world.post("/integrations/connect", &ada, &filled(&csrf, &[("token", tokens::GLOBAL)]));
    assert!(here.body.contains("inside a private network") && here.body.contains("Runs at"), "{}", here.body);
    let there = [("token", tokens::GLOBAL), ("at", id.as_str())];
    let saved = world.post("/integrations/connect", &ada, &filled(&csrf, &there));
    assert_eq!(saved.status, 303, "{}", saved.body);
    let home = saved.header("location").to_owned();
    assert_eq!(read(&world).iter().find(|report| report.stream == "agents").unwrap().fetched, 12);
    // The server keeps this token, and even so it passes the database sealed only.
    assert_eq!(places_of(&world, tokens::GLOBAL), Vec::<String>::new());
    assert!(world.get("/explorers", &ada).body.contains("Plant"));
    let api = home.replace("/integrations", "/api/v1/integrations");
    assert_eq!(world.get(&api, &ada).json()["runs_at"], id.as_str());
    let shown = world.get(&format!("/explorers/{id}"), &ada).body;
    assert!(shown.contains("Connected") && shown.contains("relay-1") && shown.contains("10.20.0.7"), "{shown}");

    // It is renamed; and revoked, it ends with the sentence, and so does who opens with its token.
    let renamed = world.post(&format!("/explorers/{id}/rename"), &ada, &[("csrf", &csrf), ("name", "Berlin 2")]);
    assert_eq!(renamed.status, 303);
    let revoked = world.post(&format!("/explorers/{id}/revoke"), &ada, &[("csrf", &csrf)]);
    assert_eq!(revoked.header("location"), "/explorers");
    let ended = working.ended().unwrap_err();
    assert!(ended.contains("The Explorer Berlin 2 was revoked"), "{ended}");
    assert_eq!(world.get(&format!("/explorers/{id}"), &ada).status, 404);
    let told = world.get(&format!("{home}/test"), &ada).body;
    assert!(told.contains("The Explorer Berlin 2 was revoked"), "{told}");
    // Told to run here again, it is asked from here.
    let headers = [("cookie", ada.as_str()), ("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let moved = world.send("PATCH", &api, &headers, r#"{"runs_at":"centre"}"#);
    assert_eq!((moved.status, moved.json()["runs_at"].as_str()), (200, None), "{}", moved.body);
    let trail = world.get("/audit", &ada).body;
    for what in ["explorer.create", "explorer.enrol", "explorer.rename", "explorer.revoke", "integration.runs_at"] {
        assert!(trail.contains(what), "{what}");
    }
}

fn a_token_that_the_browser_sealed_never_gets_here(database: &Database) {
    let (world, ada) = world(database);
    let ticket = made(&world, &ada, "Berlin");
    let folder = tempfile::tempdir().unwrap();
    let (link, keeper, state) = enrolled(&world, &ticket, folder.path()).unwrap();
    let id = state.explorer.clone();
    let _working = Working::new((link, keeper.clone(), state));
    // The form that seals: its field has no name, so that no browser sends it.
    let page = world.get(&format!("/integrations/connect?keep={id}"), &ada).body;
    assert!(!page.contains("name=\"token\"") && page.contains("type it") | page.contains("type the token"), "{page}");
    let from = page.find("data-seal=\"").unwrap() + 11;
    let key = STANDARD.decode(page[from..].split('"').next().unwrap()).unwrap();
    let seal = |url: &str| {
        let what = Sealed { url: url.to_owned(), token: tokens::GLOBAL.to_owned().into() };
        explorer::seal::seal(&key, &id, &what).unwrap()
    };
    let csrf = world.csrf(&ada);
    let sent = |sealed: &str, what: &'static str| {
        let mut fields = filled(&csrf, &[("keep", id.as_str()), ("sealed", sealed)]);
        fields.retain(|(name, _)| *name != "do");
        fields.push(("do", what));
        world.post("/integrations/connect", &ada, &fields)
    };
    let empty = sent("", "test");
    assert_eq!(empty.status, 422);
    assert!(empty.body.contains("Enter the token; your browser seals it"), "{}", empty.body);
    let elsewhere = sent(&seal("https://10.9.9.9"), "test");
    assert!(elsewhere.body.contains("has this token for another console"), "{}", elsewhere.body);
    let sealed = seal(HOST);
    let tested = sent(&sealed, "test");
    assert_eq!(tested.status, 200, "{}", tested.body);
    assert!(tested.body.contains("Verified just now") && tested.body.contains("Viewer"), "{}", tested.body);
    let saved = sent(&sealed, "save");
    assert_eq!(saved.status, 303, "{}", saved.body);
    read(&world);
    assert_eq!(places_of(&world, tokens::GLOBAL), Vec::<String>::new());
    assert_eq!(keeper.kept().unwrap().len(), 1);
    let known = world.get("/api/v1/credentials", &ada).json();
    assert_eq!(known["items"][0]["custodian"], "explorer", "{known}");
    assert!(world.get("/credentials", &ada).body.contains("Explorer Berlin"));

    // What ends here ends there.
    let credential = known["items"][0]["id"].as_str().unwrap();
    let home = saved.header("location").to_owned();
    let (pause, end) = (format!("{home}/switch"), format!("{home}/delete"));
    assert_eq!(world.post(&pause, &ada, &[("csrf", &csrf), ("on", "no")]).status, 303);
    assert_eq!(world.post(&end, &ada, &[("csrf", &csrf), ("confirm", "Plant")]).status, 303);
    assert_eq!(world.post(&format!("/credentials/{credential}/remove"), &ada, &[("csrf", &csrf)]).status, 303);
    for _ in 0..2_000 {
        if keeper.kept().unwrap().is_empty() {
            break;
        }
        // The Explorer is asked over the network, which takes its time.
        world.run(world.app.world.sleep(std::time::Duration::from_millis(5)));
    }
    assert!(keeper.kept().unwrap().is_empty());

    // By a link, somebody without an account does the same.
    let made = world.post(
        "/credentials/links/new",
        &ada,
        &[("csrf", &csrf), ("recipient", "Sam"), ("seconds", "86400"), ("keeper", id.as_str())],
    );
    let from = made.body.find("/link#").unwrap() + 6;
    let token = &made.body[from..from + 43];
    let sealed = seal("https://10.20.30.41");
    let step = |step: &str, more: &[(&str, &str)]| {
        let mut fields = vec![("token", token), ("step", step), ("may", "yes"), ("url", "https://10.20.30.41")];
        fields.extend_from_slice(more);
        world.post("/link", "", &fields)
    };
    assert!(step("consent", &[]).body.contains("The Explorer <b>"), "who keeps it is said");
    let address = step("address", &[]).body;
    assert!(address.contains("data-seal=") && !address.contains("name=\"secret\""), "{address}");
    let verified = step("verify", &[("sealed", &sealed)]);
    assert_eq!(verified.status, 200, "{}", verified.body);
    let from = verified.body.find("name=\"carried\" value=\"").unwrap() + 22;
    let carried = verified.body[from..].split('"').next().unwrap().to_owned();
    let connected = step("connect", &[("sealed", &sealed), ("carried", &carried)]);
    assert_eq!(connected.status, 200, "{}", connected.body);
    assert_eq!(keeper.kept().unwrap().len(), 1);
    assert_eq!(places_of(&world, tokens::GLOBAL), Vec::<String>::new());
}

/// An nmap that starts another program, says which, and does not end.
const ENDLESS: &str = "#!/bin/sh\nsleep 1000 & echo $! > \"$(dirname \"$0\")/child\"; wait\n";

fn a_scan_at_an_explorer_ends_when_it_is_stopped_and_when_the_explorer_is(database: &Database) {
    let (world, ada) = world(database);
    let ticket = made(&world, &ada, "Berlin");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    std::fs::write(path.join("nmap"), ENDLESS).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(path.join("nmap"), mode).unwrap();
    let of = enrolled(&world, &ticket, &path.join("explorer")).unwrap();
    let id = kernel::ExplorerId::parse(&of.2.explorer).unwrap();
    let kinds = vec![sync::scan::EXPLORER_KIND.to_owned()];
    let (child, place, state) = (path.join("child"), path.clone(), of.2.clone());
    let job: explorer::Job = Arc::new(move |payload| {
        let (place, state) = (place.clone(), state.clone());
        Box::pin(async move {
            let (says, xml) = sync::scan::explore(&jobs::World::real(), place.as_os_str(), &state, payload).await;
            (serde_json::to_value(says).unwrap(), xml.into())
        })
    });
    let cut_off = serde_json::to_value(sync::scan::ExplorerScan::ended()).ok();
    let more = vec![explorer::More { kind: sync::scan::EXPLORER_KIND, job, cut_off }];
    let working = Working::with(of, About { kinds, ..about() }, more);
    let until = |what: &str, yes: &dyn Fn() -> bool| {
        for _ in 0..4_000 {
            if yes() {
                return;
            }
            // Another process, over the network, takes its time.
            world.run(world.app.world.sleep(std::time::Duration::from_millis(5)));
        }
        panic!("it did not happen: {what}");
    };
    let scan = sync::scan::Scan::of(sync::scan::Targets::parse("127.0.0.1", "").unwrap());
    let payload = serde_json::to_value(&scan).unwrap();
    let asked = || {
        let (payload, now) = (payload.clone(), world.app.world.now());
        let _ = std::fs::remove_file(&child);
        let asked = world.store.write_blocking(move |tx| {
            let of = sync::explorers::explorer(tx, OrgId::DEFAULT, id)?.unwrap();
            sync::explorers::ask(tx, &of, sync::scan::EXPLORER_KIND, &payload, now.plus_seconds(600), now)
        });
        let asked = asked.unwrap();
        let started = || std::fs::read_to_string(&child).unwrap_or_default().trim().to_owned();
        until("nmap runs", &|| !started().is_empty());
        let process = started();
        assert!(lives(&process));
        (asked, process)
    };
    let connected = || {
        let of = world.store.read_blocking(move |tx| sync::explorers::explorer(tx, OrgId::DEFAULT, id)).unwrap();
        of.unwrap().about.kinds == [sync::scan::EXPLORER_KIND]
    };
    until("it is connected", &connected);
    let (request, process) = asked();
    world.write(move |tx| Ok(sync::explorers::withdraw(tx, OrgId::DEFAULT, id, request)?));
    until("nmap ends with what it started", &|| !lives(&process));
    // It is told to end: so does what it does, and the server hears of it.
    let (request, process) = asked();
    drop(working);
    until("nmap ends with what it started", &|| !lives(&process));
    let answer =
        world.write(move |tx| Ok(sync::explorers::collect(tx, OrgId::DEFAULT, id, request)?)).expect("a farewell");
    let says: sync::scan::ExplorerScan = serde_json::from_value(answer.says).unwrap();
    assert_eq!(says, sync::scan::ExplorerScan::ended());
}

/// Whether a process is at work.
fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

fn the_line_is_for_explorers_and_for_their_own_work_alone(database: &Database) {
    let (world, ada) = world(database);
    let ben = world.write(|tx| access::add_person(tx, &crate::world::mail("ben"), "Ben", START));
    let other = world.write(move |tx| access::create_org(tx, "Acme Retail", ben, "ada", START));
    let own = made(&world, &ada, "Berlin");
    let folder = tempfile::tempdir().unwrap();
    let (_, _, state) = enrolled(&world, &own, &folder.path().join("own")).unwrap();
    let theirs = world.cookie("ben", other);
    assert!(!world.get("/explorers", &theirs).body.contains("Berlin"));
    let ticket = made(&world, &theirs, "Shop");
    let (_, _, stranger) = enrolled(&world, &ticket, &folder.path().join("theirs")).unwrap();
    // Work for the first: the other sees none of it, and answers none of it.
    let id = kernel::ExplorerId::parse(&state.explorer).unwrap();
    let asked = world.store.write_blocking(move |tx| {
        let of = sync::explorers::explorer(tx, OrgId::DEFAULT, id)?.unwrap();
        let until = START.plus_seconds(60);
        sync::explorers::ask(tx, &of, kind::KEEP, &serde_json::json!({ "secret": "kanarienvogel" }), until, START)
    });
    let asked = asked.unwrap();
    let send = |path: &str, token: &str, more: &[(&str, &str)], body: &str| {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(more);
        world.send("POST", &format!("/explorer/v1{path}"), &headers, body)
    };
    let poll = serde_json::json!({ "about": about(), "holding": [], "room": 4 }).to_string();
    let says = STANDARD.encode("{}");
    let answer = format!("/answers/{}", asked.0);
    let answered = |token: &str, says: &str, body: &str| send(&answer, token, &[("muster-answer", says)], body);
    assert_eq!(answered(&state.token, &says, "early").status, 404, "it was not handed out yet");
    let got = send("/poll", &state.token, &[], &poll);
    assert_eq!((got.status, got.json()["work"][0]["id"].as_i64()), (200, Some(asked.0)), "{}", got.body);
    assert_eq!(answered(&stranger.token, &says, "x").status, 404);
    assert_eq!(answered(&state.token, "no base64", "x").status, 422);
    let large = "x".repeat(explorer::wire::ANSWER_BYTES_MAX + 1);
    assert_eq!(answered(&state.token, &says, &large).status, 413);
    // More than any form may hold, and less than the bound, is taken.
    assert_eq!(answered(&state.token, &says, &large[..server::BODY_BYTES_MAX + 1]).status, 200);
    assert_eq!(answered(&state.token, &says, "twice").status, 404);
    // A token of no Explorer, a person's cookie, and a program's token open nothing here; an Explorer's opens nothing else.
    for token in ["", "x", own.expose()] {
        let reply = send("/poll", token, &[("cookie", &ada)], &poll);
        assert_eq!((reply.status, reply.header("content-type")), (401, "application/problem+json"), "{}", reply.body);
    }
    let bearer = format!("Bearer {}", *state.token);
    assert_eq!(world.send("GET", "/api/v1/explorers", &[("authorization", &bearer)], "").status, 401);
    assert_eq!(send("/poll", &state.token, &[], "{}").status, 422);
    assert_eq!(send("/enrol", "", &[], r#"{"ticket":"x","public_key":"","about":{}}"#).status, 403);
    let page = world.get(&format!("/explorers/{}", state.explorer), &theirs);
    // Numbers are an organization's own: the same one is another Explorer there.
    assert!(!page.body.contains("Berlin"));
    // What is typed there is registered under its own name; the same name again is the same credential.
    let register = |name: &str| {
        let order = serde_json::json!({ "name": name, "url": HOST, "role": "Viewer", "scope": "account" });
        send("/credentials", &state.token, &[], &order.to_string()).json()["credential"].as_str().unwrap().to_owned()
    };
    let first = register("plant");
    assert_eq!((register("Plant"), register("other") == first), (first, false));
    let revoke = |cookie: &str| {
        let csrf = world.csrf(cookie);
        world.post(&format!("/explorers/{}/revoke", state.explorer), cookie, &[("csrf", &csrf)]).status
    };
    assert_eq!(revoke(&ada), 303);
    let refused = send("/poll", &state.token, &[], &poll);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("The Explorer Berlin was revoked, so nothing was done."), "{}", refused.body);
}

fn explorers_that_wait_leave_the_places_of_people_free(database: &Database) {
    let limits = Limits { requests: 1, polls: 1, ..Limits::default() };
    let (world, ada) = limited(database, limits);
    let folder = tempfile::tempdir().unwrap();
    let (_, _, state) = enrolled(&world, &made(&world, &ada, "Berlin"), folder.path()).unwrap();
    let bearer = format!("Bearer {}", *state.token);
    let poll = serde_json::json!({ "about": about(), "holding": [], "room": 4 }).to_string();
    let (say, ended) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            let (say, world, bearer, poll) = (say.clone(), &world, &bearer, &poll);
            threads.spawn(move || {
                let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
                say.send(world.send("POST", "/explorer/v1/poll", &headers, poll).status).unwrap();
            });
        }
        // There is one place to wait in: the one that finds it taken is told at once, the other waits on.
        assert_eq!(ended.recv().unwrap(), 503);
        assert_eq!(world.get("/sign-in", "").status, 200);
        let revoke = [("csrf", &*world.csrf(&ada))];
        assert_eq!(world.post(&format!("/explorers/{}/revoke", state.explorer), &ada, &revoke).status, 303);
        assert_eq!(ended.recv().unwrap(), 200, "it waited until there was something to know");
    });
}
