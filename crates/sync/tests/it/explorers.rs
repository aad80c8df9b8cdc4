//! Explorers: what runs there reads as what runs here, through a line that is cut, and without the server having the token.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use explorer::wire::{About, Enrol, Enrolled, Poll, Polled, kind};
use explorer::{Explorer as Program, Keeper, Kept, Link, LinkError};
use http::{Request, Response};
use jobs::{Task, World};
use kernel::{ExplorerId, OrgId, Random, Timestamp};
use sentinelone::{Console, Token, Transport, TransportError};
use sentinelone_sim::tokens;
use store::Store;
use sync::explorers::{self, At, ExplorerError, RequestId, SILENT_AFTER};
use sync::{Connect, Integration, Place, Run, StreamReport, StreamStatus, SyncError};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, START, all_complete, of};

testkit::on_each_database! {
    a_line_that_is_cut_for_a_minute_loses_nothing_and_doubles_nothing,
    who_it_is_what_it_does_and_its_end_are_kept,
}

const CONSOLE: &str = "https://console.inside.example";
const STREAMS: [&str; 7] = ["accounts", "sites", "groups", "agents", "threats", "activities", "exclusions"];

/// The line between the two: it can be cut, and it remembers everything that went over it.
#[derive(Clone)]
struct Line {
    store: Store,
    world: World,
    cut: Arc<AtomicBool>,
    /// From this many bytes on, the server says that an answer is too large.
    bytes_max: Arc<AtomicUsize>,
    /// Paths of requests that an older Explorer would not know.
    unknown: Arc<Mutex<BTreeSet<String>>>,
    unknown_ids: Arc<Mutex<BTreeSet<i64>>>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Line {
    fn new(lab: &Lab) -> Line {
        Line {
            store: lab.store.clone(),
            world: lab.world.clone(),
            cut: Arc::default(),
            bytes_max: Arc::new(AtomicUsize::new(usize::MAX)),
            unknown: Arc::default(),
            unknown_ids: Arc::default(),
            seen: Arc::default(),
        }
    }

    fn link(&self) -> Link {
        let line = self.clone();
        Link::over("http://127.0.0.1:1", move |request| {
            let line = line.clone();
            Box::pin(async move { line.carried(request).await })
        })
        .unwrap()
    }

    /// What the server does with a request, with the line before and behind it.
    async fn carried(&self, request: Request<Bytes>) -> Result<Response<Bytes>, LinkError> {
        let broken = || LinkError::Cut("the line is cut".to_owned());
        self.world.sleep(Duration::from_millis(15)).await;
        if self.cut.load(Ordering::Relaxed) {
            return Err(broken());
        }
        self.seen.lock().unwrap().extend_from_slice(request.body());
        let path = request.uri().path().trim_start_matches(explorer::wire::API).to_owned();
        let token = request.headers().get("authorization").map(|value| value.to_str().unwrap()[7..].to_owned());
        let (status, answer) = match path.as_str() {
            "/enrol" => self.enrol(request.body()).await,
            "/poll" => self.poll(&token.unwrap(), request.body()).await,
            _ => self.answered(&token.unwrap(), &path, &request).await,
        };
        // What was done is done; whether the other side hears of it is another matter.
        if self.cut.load(Ordering::Relaxed) {
            return Err(broken());
        }
        self.seen.lock().unwrap().extend_from_slice(&answer);
        Ok(Response::builder().status(status).body(answer).unwrap())
    }

    async fn enrol(&self, body: &Bytes) -> (u16, Bytes) {
        let (order, now): (Enrol, _) = (serde_json::from_slice(body).unwrap(), self.world.now());
        let made = self.store.write(move |tx| explorers::enrol(tx, &order, "192.0.2.7", &[9; 32], now));
        match self.world.outside(made).await.unwrap() {
            Some((of, token)) => {
                let (id, name) = (of.id.to_string(), of.name);
                let enrolled =
                    Enrolled { explorer: id, name, org: "Acme".to_owned(), token: token.expose().to_owned() };
                (200, serde_json::to_vec(&enrolled).unwrap().into())
            }
            None => (403, Bytes::from_static(br#"{"detail":"This one-time token opens nothing."}"#)),
        }
    }

    async fn poll(&self, token: &str, body: &Bytes) -> (u16, Bytes) {
        let poll: Poll = serde_json::from_slice(body).unwrap();
        let (token, about, now) = (token.to_owned(), poll.about.clone(), self.world.now());
        let known = self.store.write(move |tx| {
            let of = explorers::known(tx, &token)?.unwrap();
            explorers::seen(tx, of.org, of.id, &about, "192.0.2.7", now)?;
            Ok::<_, ExplorerError>(of)
        });
        let of = self.world.outside(known).await.unwrap();
        if of.revoked_at.is_some() {
            return (403, Bytes::from_static(br#"{"detail":"The Explorer was revoked."}"#));
        }
        for _ in 0..if poll.room == 0 { 0 } else { 100 } {
            let (poll, now) = (poll.clone(), self.world.now());
            let taken = self.store.write(move |tx| {
                explorers::hand_out(tx, of.org, of.id, &poll.about.kinds, &poll.holding, poll.room, now)
            });
            let work = self.world.outside(taken).await.unwrap();
            if !work.is_empty() {
                for one in &work {
                    let path = one.payload["asked"]["path"].as_str().unwrap_or_default();
                    if self.unknown.lock().unwrap().contains(path) {
                        self.unknown_ids.lock().unwrap().insert(one.id);
                    }
                }
                return (
                    200,
                    serde_json::to_vec(&Polled { name: of.name, work, withdrawn: Vec::new() }).unwrap().into(),
                );
            }
            self.world.sleep(Duration::from_millis(200)).await;
        }
        (200, serde_json::to_vec(&Polled::default()).unwrap().into())
    }

    async fn answered(&self, token: &str, path: &str, request: &Request<Bytes>) -> (u16, Bytes) {
        let id: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
        let body = request.body().clone();
        if body.len() > self.bytes_max.load(Ordering::Relaxed) {
            return (413, Bytes::from_static(br#"{"detail":"It is too large."}"#));
        }
        let says = STANDARD.decode(request.headers()[explorer::wire::ANSWER_HEADER].as_bytes()).unwrap();
        let (says, body) = match self.unknown_ids.lock().unwrap().contains(&id) {
            true => (br#""unknown""#.to_vec(), Bytes::new()),
            false => (says, body),
        };
        let (token, says, now) = (token.to_owned(), String::from_utf8(says).unwrap(), self.world.now());
        let noted = self.store.write(move |tx| {
            let of = explorers::known(tx, &token)?.unwrap();
            explorers::answer(tx, of.org, of.id, RequestId(id), &says, &body, now)
        });
        match self.world.outside(noted).await.unwrap() {
            true => (200, Bytes::from_static(b"{}")),
            false => (404, Bytes::from_static(br#"{"detail":"Nobody waits for this answer any more."}"#)),
        }
    }
}

/// A server that reaches no console, an Explorer that does, and the line between them.
struct There {
    lab: Lab,
    line: Line,
    id: ExplorerId,
    nowhere: Transport,
    program: Program,
    _folder: tempfile::TempDir,
}

impl There {
    fn new(lab: Lab) -> There {
        There::of_version(lab, "0.1.0", &[kind::CONSOLE, kind::KEEP])
    }

    fn of_version(lab: Lab, version: &str, kinds: &[&str]) -> There {
        let folder = tempfile::tempdir().unwrap();
        let line = Line::new(&lab);
        let now = lab.world.now();
        let made =
            lab.store.write_blocking(move |tx| explorers::create(tx, OrgId::DEFAULT, "berlin", &[8; 32], "ada", now));
        let (id, ticket) = made.unwrap();
        let about = About {
            version: version.to_owned(),
            host: "relay-1".to_owned(),
            address: "10.0.0.7".to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let (link, keeper) = (line.link(), Keeper::new(folder.path().to_owned()));
        let state = lab.time.run(explorer::enrol(&link, &keeper, &ticket, &about, String::new())).unwrap();
        let nowhere = Transport::InProcess(Arc::new(|_| {
            Box::pin(std::future::ready(Err(TransportError::Other { reason: "no route from here".to_owned() })))
        }));
        let (world, transport) = (lab.world.clone(), lab.transport.clone());
        let program = Program { world, link, keeper, state, transport, about, more: Vec::new() };
        There { lab, line, id, nowhere, program, _folder: folder }
    }

    /// Runs the Explorer beside everything else, until the task is dropped.
    fn started(&self) -> Task<Result<(), String>> {
        let program = self.program.clone();
        self.lab.world.spawn(async move {
            let forever = std::future::pending();
            explorer::run(&program, forever, &|_| {}).await.map_err(|error| error.to_string())
        })
    }

    fn place(&self) -> Place<'_> {
        Place { transport: &self.nowhere, ..self.lab.place() }
    }

    fn connect(&self, order: Connect) -> Result<Integration, SyncError> {
        self.lab.time.run(sync::connect(self.place(), order)).map(|connected| connected.integration)
    }

    fn order(&self, token: &str) -> Connect {
        Connect {
            at: At { explorer: Some(self.id), sealed: None },
            ..Connect::new(Console::parse(CONSOLE).unwrap(), Token::parse(token).unwrap())
        }
    }

    fn sync(&self) -> Vec<StreamReport> {
        let streams = STREAMS.map(str::to_owned).to_vec();
        self.lab.time.run(sync::run(self.place(), &Run { streams, ..Run::default() }, &|_| {})).unwrap()
    }

    fn holds(&self, token: &str) -> bool {
        let over = self.line.seen.lock().unwrap();
        !self.lab.places_of(token).is_empty() || over.windows(token.len()).any(|part| part == token.as_bytes())
    }
}

fn build() -> Build {
    Build { endpoints: 120, page_max: 10, ..Build::default() }
}

/// What was stored: records, versions in the log, and pages that were committed of what is read whole once.
fn stored(lab: &Lab) -> [i64; 3] {
    [
        lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'present'"),
        lab.number("SELECT count(*) FROM signals_artifact"),
        lab.number(
            "SELECT CAST(sum(pages) AS BIGINT) FROM sync_sweep WHERE kind = 'full' AND stream IN ('agents', 'threats')",
        ),
    ]
}

fn a_line_that_is_cut_for_a_minute_loses_nothing_and_doubles_nothing(database: &Database) {
    let here = build().in_memory();
    here.connect();
    all_complete(&here.sync_streams(&STREAMS));

    let there = There::new(build().on(database.open(SLICES)));
    let running = there.started();
    let of = there.connect(there.order(tokens::GLOBAL)).unwrap();
    assert_eq!((of.explorer, of.console_host.as_str()), (Some(there.id), "console.inside.example"));
    // Cut in the middle, for a minute, three times: what is asked then waits or fails, and is asked for again.
    let (cut, world) = (there.line.cut.clone(), there.lab.world.clone());
    let cutter = there.lab.world.spawn(async move {
        for after in [3, 20, 90] {
            world.sleep(Duration::from_secs(after)).await;
            cut.store(true, Ordering::Relaxed);
            world.sleep(Duration::from_secs(60)).await;
            cut.store(false, Ordering::Relaxed);
        }
    });
    let before = there.lab.world.now();
    let mut reports = there.sync();
    for _ in 0..5 {
        if reports.iter().all(|report| report.status == StreamStatus::Complete) {
            break;
        }
        there.lab.pass_time(Duration::from_secs(60));
        reports = there.sync();
    }
    assert!(there.lab.world.now().seconds_since(before) > 60, "the cut was in the middle");
    all_complete(&reports);
    assert_eq!(stored(&there.lab), stored(&here));
    assert_eq!(there.lab.number("SELECT count(*) FROM sync_explorer_request WHERE state <> 'answered'"), 0);
    // It is the server that has this token; over the line and through the database it goes sealed.
    assert!(!there.holds(tokens::GLOBAL));
    drop((cutter, running));
}

#[test]
fn whoever_runs_at_a_silent_explorer_is_told_since_when_and_goes_on_by_itself() {
    let there = There::new(build().in_memory());
    let running = there.started();
    there.connect(there.order(tokens::GLOBAL)).unwrap();
    drop(running);
    there.lab.pass_time(Duration::from_secs(SILENT_AFTER.unsigned_abs() + 30));
    let reports = there.sync();
    assert_eq!(reports[0].status, StreamStatus::Unreachable);
    let reason = of_first(&reports);
    assert!(reason.contains("the Explorer berlin has not answered since 2026-11-21T03:00:"), "{reason}");
    let overview = there.lab.integration();
    assert_eq!(overview.state, sync::IntegrationState::Unreachable);
    assert!(overview.detail.contains("the Explorer berlin has not answered since"), "{}", overview.detail);
    let _running = there.started();
    there.lab.pass_time(Duration::from_secs(2));
    all_complete(&there.sync());
}

#[test]
fn a_token_that_an_explorer_keeps_is_never_at_the_server() {
    let there = There::new(build().in_memory());
    let _running = there.started();
    // What a browser seals: address and token, to the key that the page carries.
    let id = there.id;
    let of = there.lab.store.read_blocking(move |tx| explorers::explorer(tx, OrgId::DEFAULT, id)).unwrap().unwrap();
    let what = |url: &str| explorer::wire::Sealed { url: url.to_owned(), token: tokens::GLOBAL.to_owned().into() };
    let seal =
        |url: &str| explorer::seal::seal(of.public_key.as_deref().unwrap(), &of.id.to_string(), &what(url)).unwrap();
    let order = |sealed: String| Connect {
        token: explorers::absent("x"),
        at: At { explorer: Some(there.id), sealed: Some(sealed) },
        ..there.order(tokens::GLOBAL)
    };
    let wrong = there.connect(order(seal("https://console.elsewhere.example"))).unwrap_err().to_string();
    assert!(wrong.contains("the Explorer berlin has this token for another console"), "{wrong}");
    let integration = there.connect(order(seal(CONSOLE))).unwrap();
    let credential = integration.credential.unwrap();
    let known = there.lab.store.read_blocking(move |tx| access::credential(tx, OrgId::DEFAULT, credential));
    let known = known.unwrap().unwrap();
    assert_eq!(known.custodian, access::Custodian::Explorer(there.id.to_string()));
    assert_eq!((known.name.as_str(), known.facts.scope.as_deref()), ("console", Some("tenant")));
    assert_eq!(there.program.keeper.kept().unwrap().len(), 1);
    all_complete(&there.sync());
    assert!(!there.holds(tokens::GLOBAL), "{:?}", there.lab.places_of(tokens::GLOBAL));
    // It cannot run where its token is not.
    let moved = there
        .lab
        .store
        .write_blocking(move |tx| explorers::set_runs_at(tx, OrgId::DEFAULT, integration.id, None, "ada", START));
    assert!(matches!(moved, Err(SyncError::Explorer(ExplorerError::KeptAt(name))) if name == "berlin"));
    // And what the Explorer has forgotten is said by it.
    there.program.keeper.forget(&credential.to_string()).unwrap();
    let reports = there.sync();
    let reason = of_first(&reports);
    assert!(reason.contains("the Explorer berlin does not keep this token"), "{reason}");
}

fn of_first(reports: &[StreamReport]) -> String {
    reports[0].reason.clone().unwrap_or_default()
}

#[test]
fn an_older_explorer_is_asked_for_what_it_knows() {
    let there = There::of_version(build().in_memory(), "0.0.9", &[kind::CONSOLE]);
    let _running = there.started();
    there.line.unknown.lock().unwrap().insert("/exclusions".to_owned());
    there.connect(there.order(tokens::GLOBAL)).unwrap();
    let reports = there.sync();
    let unknown = of(&reports, "exclusions");
    assert_eq!(unknown.status, StreamStatus::NotAvailable, "{unknown:?}");
    let reason = unknown.reason.clone().unwrap();
    assert!(reason.contains("berlin is of version 0.0.9, which cannot ask for GET /exclusions"), "{reason}");
    all_complete(&reports.into_iter().filter(|report| report.stream != "exclusions").collect::<Vec<_>>());
    // It was never told how to keep a token.
    let relay = explorers::Relay::new(&there.lab.store, &there.lab.world, OrgId::DEFAULT, there.id);
    let console = Console::parse(CONSOLE).unwrap();
    let kept = there.lab.time.run(relay.keep(kernel::CredentialId(1), "x", &console, None));
    assert!(matches!(kept, Err(ExplorerError::Older { version, .. }) if version == "0.0.9"));
}

#[test]
fn what_is_too_large_for_the_line_is_asked_for_in_halves() {
    let there = There::new(Build { endpoints: 60, ..Build::default() }.in_memory());
    let _running = there.started();
    there.connect(there.order(tokens::GLOBAL)).unwrap();
    there.line.bytes_max.store(150_000, Ordering::Relaxed);
    let reports = there.sync();
    all_complete(&reports);
    let agents = of(&reports, "agents");
    assert!(agents.pages > 1 && agents.fetched >= 60, "{agents:?}");
}

fn who_it_is_what_it_does_and_its_end_are_kept(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    let there = There::new(lab);
    let (org, id, store) = (OrgId::DEFAULT, there.id, there.lab.store.clone());
    let other = store.write_blocking(|tx| {
        let ben = access::add_person(tx, "ben@acme.example", "Ben", START)?;
        access::create_org(tx, "Acme Retail", ben, "ada", START)
    });
    let other = other.unwrap();
    let (theirs, _) =
        store.write_blocking(move |tx| explorers::create(tx, other, "berlin", &[1; 32], "ben", START)).unwrap();
    let of = store.read_blocking(move |tx| explorers::explorer(tx, org, id)).unwrap().unwrap();
    assert_eq!((of.about.host.as_str(), of.seen_from.as_str()), ("relay-1", "192.0.2.7"));
    assert!(of.is_connected(START.plus_seconds(30)) && !of.is_connected(START.plus_seconds(SILENT_AFTER + 30)));
    // A ticket works once, and not for ever.
    let again = |ticket: &str, at: Timestamp| {
        let order = Enrol {
            ticket: ticket.to_owned(),
            public_key: explorer::seal::KeyPair::fresh().public(),
            about: About::default(),
        };
        store.write_blocking(move |tx| explorers::enrol(tx, &order, "", &Random::secret_bytes(), at)).unwrap()
    };
    let fresh = store.write_blocking(move |tx| explorers::renew_ticket(tx, org, id, &[3; 32], "ada", START)).unwrap();
    assert!(again(fresh.expose(), START.plus_seconds(explorers::TICKET_SECONDS)).is_none());
    let (_, token) = again(fresh.expose(), START).unwrap();
    assert!(again(fresh.expose(), START).is_none());
    let found = |token: &str| {
        let token = token.to_owned();
        store.read_blocking(move |tx| explorers::known(tx, &token)).unwrap().map(|of| (of.org, of.id))
    };
    assert_eq!((found(token.expose()), found("other")), (Some((org, id)), None));
    assert_eq!(found(&there.program.state.token), None, "who it was before is let in no more");
    // Names.
    let renamed = |to: &'static str| store.write_blocking(move |tx| explorers::rename(tx, org, id, to, "ada", START));
    renamed("Plant 2").unwrap();
    assert!(matches!(renamed("Centre"), Err(ExplorerError::BadName { .. })));
    assert!(matches!(renamed(""), Err(ExplorerError::BadName { .. })));
    let twice = store.write_blocking(move |tx| explorers::create(tx, org, "PLANT 2", &[4; 32], "ada", START));
    assert!(matches!(twice, Err(ExplorerError::Taken(_))));
    // Work is its own: nobody else's, no kind that it does not know, once at a time, and gone when it is over.
    let about = About { kinds: vec!["console".to_owned()], ..About::default() };
    let kinds = about.kinds.clone();
    store.write_blocking(move |tx| explorers::seen(tx, org, id, &about, "", START)).unwrap();
    let asked = store.write_blocking(move |tx| {
        let of = explorers::explorer(tx, org, id)?.unwrap();
        let until = START.plus_seconds(60);
        let refused = explorers::ask(tx, &of, "scan", &serde_json::json!({}), until, START);
        assert!(matches!(refused, Err(ExplorerError::Older { .. })));
        explorers::ask(tx, &of, "console", &serde_json::json!({ "n": 1 }), until, START)
    });
    let asked = asked.unwrap();
    let hand = |org: OrgId, id: ExplorerId, holding: Vec<i64>, at: i64| {
        let kinds = kinds.clone();
        let taken = store
            .write_blocking(move |tx| explorers::hand_out(tx, org, id, &kinds, &holding, 8, START.plus_seconds(at)));
        taken.unwrap().into_iter().map(|work| work.id).collect::<Vec<_>>()
    };
    assert_eq!((hand(other, theirs, vec![], 0), hand(other, id, vec![], 0)), (vec![], vec![]));
    let answered = |org: OrgId, id: ExplorerId| {
        store.write_blocking(move |tx| explorers::answer(tx, org, id, asked, "{}", b"bytes", START)).unwrap()
    };
    assert!(!answered(org, id), "nobody answers what was not handed out");
    assert_eq!(hand(org, id, vec![], 0), [asked.0]);
    assert_eq!((hand(org, id, vec![asked.0], 1), hand(org, id, vec![], 1)), (vec![], vec![asked.0]));
    assert_eq!(hand(org, id, vec![], 61), Vec::<i64>::new(), "nobody waits for it any more");
    assert!(!answered(other, theirs) && answered(org, id) && !answered(org, id));
    let answer = store.write_blocking(move |tx| explorers::collect(tx, org, id, asked)).unwrap().unwrap();
    assert_eq!(answer.body, b"bytes");
    assert!(store.write_blocking(move |tx| explorers::collect(tx, org, id, asked)).unwrap().is_none());
    // Leftovers are swept by whoever asks next.
    let leave = |at: i64| {
        let left = store.write_blocking(move |tx| {
            let of = explorers::explorer(tx, org, id)?.unwrap();
            let now = START.plus_seconds(at);
            explorers::ask(tx, &of, "console", &serde_json::json!({}), now.plus_seconds(1), now)
        });
        left.unwrap();
        there.lab.number("SELECT count(*) FROM sync_explorer_request")
    };
    assert_eq!((leave(0), leave(10), leave(explorers::KEPT_SECONDS + 20)), (1, 2, 1));
    // Revoked, its token is known for what it was, and nothing waits.
    store.write_blocking(move |tx| explorers::revoke(tx, org, id, "ada", START)).unwrap();
    assert_eq!(there.lab.number("SELECT count(*) FROM sync_explorer_request"), 0);
    let of = store.read_blocking(move |tx| explorers::explorer(tx, org, id)).unwrap().unwrap();
    assert!(matches!(of.ready(START), Err(ExplorerError::Revoked(_))));
    assert!(store.read_blocking(move |tx| explorers::explorers(tx, org)).unwrap().is_empty());
    assert!(store.read_blocking(move |tx| explorers::runs_there(tx, org, id)).unwrap().is_empty());
    let kept = Kept { credential: "../x".to_owned(), name: String::new(), url: String::new(), sealed: String::new() };
    assert!(there.program.keeper.keep(&kept).is_err());
}

#[test]
fn a_revoked_explorer_ends_by_itself_with_the_servers_sentence() {
    let there = There::new(build().in_memory());
    let running = there.started();
    there.lab.pass_time(Duration::from_secs(1));
    let (id, now) = (there.id, there.lab.world.now());
    there.lab.store.write_blocking(move |tx| explorers::revoke(tx, OrgId::DEFAULT, id, "ada", now)).unwrap();
    let ended = there.lab.time.run(running);
    assert_eq!(ended, Err("The Explorer was revoked.".to_owned()));
}
