//! Workers: every stream when it is due, one owner at a time, and states that people can act on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::World;
use kernel::OrgId;
use sentinelone::{Console, Service, Token, Transport, TransportError};
use sentinelone_sim::{Config, tokens};
use store::{Access, Store};
use sync::health::{Light, Why};
use sync::{
    Connect, Event, IntegrationState, Overview, Place, STREAMS, StreamStatus, SyncError, WorkerOptions, worker,
};
use testkit::Database;

use crate::lab::{Build, Lab, SLICES, START};

testkit::on_each_database! {
    a_stream_has_one_owner_until_its_lease_runs_out,
    what_was_asked_for_is_served_once_and_reported,
    settings_are_written_down_with_who_changed_them,
}

const HOUR: Duration = Duration::from_secs(3_600);

fn options(name: &str) -> WorkerOptions {
    // A request is found within half a minute: a virtual hour should not take thousands of looks.
    WorkerOptions { look_every: Duration::from_secs(20), ..WorkerOptions::named(name) }
}

/// Runs a worker for so long, and lets it end in order.
fn work(lab: &Lab, long: Duration) {
    let told = lab.told.clone();
    let tell = move |event: &Event| told.lock().unwrap().push(event.clone());
    lab.time.run(worker(lab.place(), &options("one"), lab.world.sleep(long), &tell)).unwrap();
}

fn overview(lab: &Lab) -> Overview {
    let now = lab.world.now();
    let all = lab.store.read_blocking(move |tx| sync::overviews(tx, OrgId::DEFAULT, now)).unwrap();
    all.into_iter().next().unwrap()
}

fn state(lab: &Lab) -> (IntegrationState, Option<Why>, Light) {
    let overview = overview(lab);
    let assessment = overview.assessment();
    (assessment.state, assessment.why, overview.light(lab.world.now()))
}

fn sweeps(lab: &Lab, stream: &str) -> usize {
    let told = lab.told.lock().unwrap();
    told.iter().filter(|event| matches!(event, Event::StreamFinished { report } if report.stream == stream)).count()
}

/// A console whose clock runs and on which nothing happens.
fn living() -> Lab {
    Build { alive: true, with: |config| config.tempo = None, ..Build::default() }.in_memory()
}

#[test]
fn every_stream_is_read_at_its_own_interval() {
    let lab = Build::default().in_memory();
    lab.connect();
    work(&lab, 2 * HOUR);
    assert_eq!(state(&lab), (IntegrationState::Connected, None, Light::Green), "{:?}", overview(&lab).assessment());
    // Every five minutes and up to thirty seconds more; every hour and up to five minutes more.
    let threats = sweeps(&lab, "threats");
    assert!((22..=25).contains(&threats), "{threats}");
    let agents = sweeps(&lab, "agents");
    assert!((2..=3).contains(&agents), "{agents}");
    assert_eq!(sweeps(&lab, "sites"), 1);
    for stream in STREAMS {
        assert!(sweeps(&lab, stream.name) > 0, "{} was forgotten", stream.name);
    }
    assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE lease_owner IS NOT NULL"), 0, "all leases are back");
}

#[test]
fn a_chosen_interval_counts_from_then_on_and_a_stream_that_is_left_out_is_not_read() {
    let lab = Build::default().in_memory();
    lab.connect();
    let change = sync::OptionsChange {
        intervals: vec![("threats".to_owned(), Some(30))],
        without: vec!["activities".to_owned()],
        ..sync::OptionsChange::default()
    };
    configure(&lab, &change);
    work(&lab, HOUR);
    let threats = sweeps(&lab, "threats");
    assert!((100..=120).contains(&threats), "{threats}");
    assert_eq!(sweeps(&lab, "activities"), 0);
    assert_eq!(state(&lab).2, Light::Green, "what is left out troubles nobody");
}

fn configure(lab: &Lab, change: &sync::OptionsChange) {
    let (change, now) = (change.clone(), lab.world.now());
    lab.store.write_blocking(move |tx| sync::configure(tx, OrgId::DEFAULT, "acme", &change, "test", now)).unwrap();
}

#[test]
fn history_that_is_older_than_is_kept_is_deleted_while_a_worker_works() {
    let lab = Build::default().in_memory();
    lab.connect();
    let org = OrgId::DEFAULT;
    let left = || {
        let count = "SELECT COUNT(*) FROM inventory_change";
        lab.store
            .read_blocking::<_, store::StoreError, _>(move |tx| tx.query_one(count, &[], |row| row.int(0)))
            .unwrap()
    };
    work(&lab, HOUR);
    let old = "INSERT INTO inventory_change (org_id, change_id, at, inventory, record_id, integration_id, field)
        VALUES ($1, -1, $2, 'assets', 1, 1, 'os')";
    let now = lab.world.now();
    let add = move |tx: &mut store::Tx<'_>| tx.execute(old, &[org.into(), now.into()]);
    lab.store.write_blocking(add).unwrap();
    let told = left();
    work(&lab, 2 * HOUR);
    assert!(left() >= told, "for ever is the default");
    lab.store.write_blocking(move |tx| inventory::history::keep(tx, org, Some(1))).unwrap();
    work(&lab, 20 * HOUR);
    assert!(left() >= told, "a day is kept");
    work(&lab, 4 * HOUR);
    let kept = lab.store.read_blocking(move |tx| inventory::history::kept(tx, org)).unwrap();
    assert!(kept.complete_since.is_some_and(|since| since >= now), "{kept:?}");
    let oldest = "SELECT MIN(at) FROM inventory_change";
    let oldest =
        lab.store.read_blocking::<_, store::StoreError, _>(move |tx| tx.query_one(oldest, &[], |row| row.opt_int(0)));
    assert!(oldest.unwrap().is_none_or(|at| at > now.micros()), "what is six days old is gone");
}

#[test]
fn autosync_reads_everything_once_a_day_at_a_quarter_past_one() {
    let lab = Build::default().in_memory();
    lab.connect();
    configure(&lab, &sync::OptionsChange { autosync_days: Some(Some(1)), ..sync::OptionsChange::default() });
    work(&lab, 23 * HOUR);
    // It is three in the morning at first: once now, once at a quarter past one.
    for stream in ["threats", "agents", "sites"] {
        assert_eq!(sweeps(&lab, stream), 2, "{stream}");
    }
}

#[test]
fn an_integration_that_is_switched_off_is_left_alone_and_goes_on_when_it_is_on_again() {
    let lab = Build::default().in_memory();
    lab.connect();
    configure(&lab, &sync::OptionsChange { enabled: Some(false), ..sync::OptionsChange::default() });
    work(&lab, HOUR);
    assert!(lab.told.lock().unwrap().is_empty(), "{:?}", lab.told.lock().unwrap());
    assert_eq!(state(&lab), (IntegrationState::Paused, None, Light::Grey));
    assert!(matches!(
        lab.try_run(&sync::Run { names: vec!["acme".to_owned()], ..sync::Run::default() }),
        Err(SyncError::Paused { .. })
    ));
    configure(&lab, &sync::OptionsChange { enabled: Some(true), ..sync::OptionsChange::default() });
    work(&lab, HOUR);
    assert_eq!(state(&lab).0, IntegrationState::Connected);
}

#[test]
fn a_token_that_is_refused_stops_the_integration_and_works_again_by_itself() {
    let mut lab = living();
    lab.connect();
    work(&lab, HOUR);
    let refused = Arc::new(AtomicBool::new(true));
    let asked = Arc::new(AtomicU64::new(0));
    lab.transport = refusing_while(&lab, &refused, &asked);
    work(&lab, Duration::from_secs(330));
    assert_eq!(state(&lab), (IntegrationState::AuthenticationFailed, None, Light::Red), "within one interval");
    let kept = lab.number("SELECT count(*) FROM sync_stream WHERE watermark IS NOT NULL");
    asked.store(0, Ordering::Relaxed);
    work(&lab, HOUR);
    let probes = asked.load(Ordering::Relaxed);
    // Three questions each five minutes, and nothing else.
    assert!((24..=48).contains(&probes), "{probes}");
    assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE watermark IS NOT NULL"), kept);
    refused.store(false, Ordering::Relaxed);
    work(&lab, Duration::from_secs(400));
    assert_eq!(state(&lab).0, IntegrationState::Connected, "{:?}", overview(&lab).assessment());
}

/// The console as it is, but refusing the token while told to.
fn refusing_while(lab: &Lab, refused: &Arc<AtomicBool>, asked: &Arc<AtomicU64>) -> Transport {
    const BODY: &str = r#"{"errors":[{"code":4010010,"detail":null,"title":"Authentication Failed"}]}"#;
    let Transport::InProcess(service) = lab.transport.clone() else { panic!("a simulator") };
    let (refused, asked) = (refused.clone(), asked.clone());
    Transport::InProcess(Arc::new(move |request| {
        let open = request.uri().path().contains("/system/");
        asked.fetch_add(1, Ordering::Relaxed);
        if refused.load(Ordering::Relaxed) && !open {
            let answer = http::Response::builder().status(401).header("content-type", "application/json");
            let answer = answer.body(bytes::Bytes::from_static(BODY.as_bytes())).unwrap();
            return Box::pin(async move { Ok(answer) });
        }
        service(request)
    }))
}

#[test]
fn a_console_that_is_not_reached_says_what_failed_and_is_found_again_within_a_minute() {
    for (error, state_then, why) in [
        (TransportError::Dns, IntegrationState::Unreachable, Why::Dns),
        (TransportError::Refused, IntegrationState::Unreachable, Why::Port),
        (
            TransportError::Tls { reason: "invalid peer certificate: Expired".to_owned() },
            IntegrationState::Invalid,
            Why::Certificate,
        ),
    ] {
        let mut lab = living();
        lab.connect();
        work(&lab, HOUR);
        let whole = lab.transport.clone();
        let failing = error.clone();
        lab.transport = Transport::InProcess(Arc::new(move |_| {
            let failing = failing.clone();
            Box::pin(async move { Err(failing) })
        }));
        work(&lab, Duration::from_secs(900));
        assert_eq!(state(&lab), (state_then, Some(why), Light::Red), "{error}");
        lab.transport = whole;
        work(&lab, Duration::from_secs(90));
        assert_eq!(state(&lab).0, IntegrationState::Connected, "{error}");
    }
}

#[test]
fn a_console_that_throttles_one_stream_is_degraded_and_never_asks_for_a_new_token() {
    let mut lab = Build::default().in_memory();
    lab.connect();
    work(&lab, HOUR);
    let Transport::InProcess(service) = lab.transport.clone() else { panic!("a simulator") };
    lab.transport = Transport::InProcess(Arc::new(move |request| {
        if request.uri().path().ends_with("/threats") {
            let answer = http::Response::builder().status(429).body(bytes::Bytes::from_static(b"<html>429</html>"));
            return Box::pin(async move { Ok(answer.unwrap()) });
        }
        service(request)
    }));
    work(&lab, HOUR);
    let overview = overview(&lab);
    assert_eq!(overview.assessment().state, IntegrationState::Degraded, "{:?}", overview.assessment());
    assert_eq!(overview.assessment().why, Some(Why::RateLimited));
    let step = overview.next_step();
    assert!(step.contains("muster integration set acme --interval threats=15m") && !step.contains("token"), "{step}");
    assert_eq!(overview.light(lab.world.now()), Light::Amber);
}

#[test]
fn one_consoles_trouble_delays_no_other() {
    let lab = Build::default().in_memory();
    let hanging: Service = Arc::new({
        let world = lab.world.clone();
        move |_| {
            let world = world.clone();
            Box::pin(async move {
                world.sleep(Duration::from_secs(300)).await;
                Err(TransportError::TotalTimeout { after: Duration::from_secs(300) })
            })
        }
    });
    let consoles = Consoles::of(&lab, 6, 5);
    let hosts = consoles.transport(&lab);
    consoles.connect(&lab, &hosts);
    // Five of them hang, in every request.
    let Transport::InProcess(healthy) = hosts else { panic!("a simulator") };
    let transport = Transport::InProcess(Arc::new(move |request: http::Request<bytes::Bytes>| {
        if request.uri().host() == Some("console0.sentinelone.net") { healthy(request) } else { hanging(request) }
    }));
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event| told.lock().unwrap().push(event.clone());
    let place = Place { transport: &transport, ..lab.place() };
    let few = WorkerOptions { at_once: 16, ..options("one") };
    lab.time.run(worker(place, &few, lab.world.sleep(HOUR), &tell)).unwrap();
    let told = told.into_inner().unwrap();
    let threats = told
        .iter()
        .filter(|event| {
            matches!(event, Event::StreamFinished { report }
                if report.stream == "threats" && report.integration == "console0" && report.complete)
        })
        .count();
    assert!(threats >= 10, "{threats} in an hour");
}

/// Several consoles, each with a host of its own.
struct Consoles(Vec<sentinelone_sim::World>, Arc<AtomicU64>);

impl Consoles {
    /// From now on every page takes so much longer.
    fn slow_down(&self, by: Duration) {
        self.1.store(u64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }

    fn of(lab: &Lab, count: u64, endpoints: usize) -> Consoles {
        let console = |seed| {
            let clock = lab.world.clock().clone();
            let mut config = Config::new(seed, endpoints, Arc::new(move || clock.now().micros()));
            config.start = START.micros();
            config.tempo = None;
            config.activities = Some(30);
            sentinelone_sim::World::new(config)
        };
        Consoles((0..count).map(console).collect(), Arc::default())
    }

    fn transport(&self, lab: &Lab) -> Transport {
        let services: Vec<Service> = self.0.iter().map(sentinelone_sim::World::service).collect();
        let world = lab.world.clone();
        let random = Arc::new(Mutex::new(lab.world.random()));
        let late = Arc::clone(&self.1);
        Transport::InProcess(Arc::new(move |request: http::Request<bytes::Bytes>| {
            let host = request.uri().host().unwrap_or_default();
            let at: usize = host.trim_start_matches("console").split('.').next().unwrap().parse().unwrap();
            let is_page = request.uri().query().is_some_and(|query| query.contains("limit="));
            let late = if is_page { late.load(Ordering::Relaxed) } else { 0 };
            let wait = random.lock().unwrap().below(200_000) + late;
            let answer = services[at](request);
            let world = world.clone();
            Box::pin(async move {
                world.sleep(Duration::from_micros(wait)).await;
                answer.await
            })
        }))
    }

    fn connect(&self, lab: &Lab, transport: &Transport) {
        for at in 0..self.0.len() {
            let order = Connect::new(
                Console::parse(&format!("https://console{at}.sentinelone.net")).unwrap(),
                Token::parse(tokens::GLOBAL).unwrap(),
            );
            let place = Place { transport, ..lab.place() };
            lab.time.run(sync::connect(place, order)).unwrap();
        }
    }
}

/// Worker, integration, stream, instant, and true where the sweep began.
type Swept = (String, String, &'static str, i64, bool);

/// A worker's life in the story of several: who swept what, and when.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Swept>>>);

impl Log {
    fn teller(&self, worker: &'static str, world: &World) -> impl Fn(&Event) + Sync + use<> {
        let (log, world) = (self.clone(), world.clone());
        move |event: &Event| {
            let at = world.now().micros();
            match event {
                Event::StreamStarted { integration, stream, .. } => {
                    log.0.lock().unwrap().push((worker.to_owned(), integration.clone(), stream, at, true));
                }
                Event::StreamFinished { report } => {
                    log.0.lock().unwrap().push((
                        worker.to_owned(),
                        report.integration.clone(),
                        report.stream,
                        at,
                        false,
                    ));
                }
                _ => {}
            }
        }
    }

    /// True if two workers read the same stream at the same time, both to the end.
    fn overlaps(&self) -> bool {
        let log = self.0.lock().unwrap();
        let mut open: std::collections::BTreeMap<(&str, &str), &str> = std::collections::BTreeMap::new();
        for (worker, integration, stream, _, begins) in log.iter() {
            let key = (integration.as_str(), *stream);
            if *begins {
                open.insert(key, worker);
            } else if open.remove(&key).is_some_and(|owner| owner != worker) {
                return true;
            }
        }
        false
    }
}

#[test]
fn two_workers_share_the_streams_and_a_killed_ones_are_taken_over_within_two_leases() {
    let database = Database::postgres();
    let lab = Build::default().on(Store::open(database.url(), Access::Writer, SLICES).unwrap());
    let other = Store::open(database.url(), Access::Writer, SLICES).unwrap();
    let consoles = Consoles::of(&lab, 4, 200);
    let transport = consoles.transport(&lab);
    consoles.connect(&lab, &transport);
    let lease = Duration::from_secs(20);
    let quick = |name: &str| WorkerOptions {
        lease,
        look_every: Duration::from_secs(5),
        at_once: 6,
        ..WorkerOptions::named(name)
    };
    let log = Log::default();
    let (first, second) = (log.teller("first", &lab.world), log.teller("second", &lab.world));
    let place = Place { transport: &transport, ..lab.place() };
    let beside = Place { store: &other, ..place };
    let killed_at = lab.time.run(async {
        let (one, two) = (quick("first"), quick("second"));
        let doomed = worker(place, &one, std::future::pending(), &first);
        let mut survivor = Box::pin(worker(beside, &two, lab.world.sleep(Duration::from_secs(900)), &second));
        // The first is killed in the middle of its work: its future goes, its leases stay.
        let both = futures_util::future::select(Box::pin(doomed), &mut survivor);
        assert!(lab.world.timeout(Duration::from_millis(900), both).await.is_err(), "both were at work");
        let killed_at = lab.world.now().micros();
        assert!(lab.number("SELECT count(*) FROM sync_stream WHERE lease_owner = 'first'") > 0);
        // What the survivor is at takes longer than that it could make room within two lease times.
        consoles.slow_down(2 * lease);
        assert!(lab.world.timeout(2 * lease, &mut survivor).await.is_err(), "it goes on");
        assert_eq!(lab.number("SELECT count(*) FROM sync_stream WHERE lease_owner = 'first'"), 0);
        consoles.slow_down(Duration::ZERO);
        survivor.await.unwrap();
        killed_at
    });
    assert!(!log.overlaps(), "a stream had two owners");
    let told = log.0.lock().unwrap().clone();
    let begun = |worker: &str, before: i64| -> std::collections::BTreeSet<(String, &'static str)> {
        let of = told.iter().filter(|one| one.0 == worker && one.3 < before && one.4);
        of.map(|one| (one.1.clone(), one.2)).collect()
    };
    let (mine, theirs) = (begun("first", killed_at), begun("second", killed_at));
    assert!(!mine.is_empty() && !theirs.is_empty(), "both worked: {} and {}", mine.len(), theirs.len());
    // What the killed one had begun and not ended, the other takes up.
    for (integration, stream) in &mine {
        let is = |one: &&(String, String, &'static str, i64, bool)| one.1 == *integration && one.2 == *stream;
        let ended = told.iter().filter(is).any(|one| one.0 == "first" && !one.4);
        let taken = told.iter().filter(is).find(|one| one.0 == "second" && one.3 >= killed_at);
        if !ended {
            assert!(taken.is_some(), "nobody took {integration}/{stream} over");
        }
    }
    // Nothing is lost and nothing is there twice.
    let number = |sql: &str| lab.number(sql);
    assert_eq!(number("SELECT count(*) FROM inventory_machine WHERE grade = 1"), 4 * 200);
    assert_eq!(
        number("SELECT count(*) FROM inventory_source_record WHERE stream = 'agents' AND state = 'present'"),
        number(
            "SELECT count(*) FROM (SELECT DISTINCT integration_id, native_id FROM inventory_source_record \
            WHERE stream = 'agents') AS one"
        ),
    );
    let now = lab.world.now();
    let all = lab.store.read_blocking(move |tx| sync::overviews(tx, OrgId::DEFAULT, now)).unwrap();
    for overview in &all {
        assert_eq!(overview.light(now), Light::Green, "{}: {:?}", overview.integration.name, overview.assessment());
        for stream in &overview.streams {
            assert!(stream.is_fresh(now), "{}/{}", overview.integration.name, stream.stream.name);
        }
    }
}

#[test]
fn what_a_killed_worker_left_behind_comes_before_what_is_due_again() {
    let lab = Build::default().in_memory();
    lab.connect();
    let one_at_a_time = WorkerOptions { at_once: 1, ..options("one") };
    let log = Log::default();
    let (first, second) = (log.teller("first", &lab.world), log.teller("second", &lab.world));
    // The stream that is no core stream and that the log has as begun and not ended.
    let cut_off = || {
        let log = log.0.lock().unwrap();
        let (_, _, stream, _, begins) = log.last()?;
        let core = STREAMS.iter().any(|of| of.core && of.name == *stream);
        (*begins && !core).then_some(*stream)
    };
    lab.time.run(async {
        let mut doomed = Box::pin(worker(lab.place(), &one_at_a_time, std::future::pending(), &first));
        while cut_off().is_none() {
            let worked = lab.world.timeout(Duration::from_millis(1), &mut doomed).await;
            assert!(worked.is_err(), "it works until it is killed");
        }
    });
    let left = cut_off();
    // By then the core streams are due again.
    lab.time.run(lab.world.sleep(2 * HOUR));
    lab.time.run(worker(lab.place(), &one_at_a_time, lab.world.sleep(Duration::from_secs(60)), &second)).unwrap();
    let log = log.0.lock().unwrap();
    let begun: Vec<_> = log.iter().filter(|one| one.0 == "second" && one.4).map(|one| one.2).collect();
    assert_eq!(begun.first().copied(), left, "{begun:?}");
    assert!(begun[1..].contains(&"threats"), "{begun:?}");
}

#[test]
fn two_processes_that_write_in_turns_keep_one_truth() {
    let database = Database::postgres();
    let lab = Build::default().on(Store::open(database.url(), Access::Writer, SLICES).unwrap());
    let other = Store::open(database.url(), Access::Writer, SLICES).unwrap();
    let consoles = Consoles::of(&lab, 2, 60);
    let transport = consoles.transport(&lab);
    consoles.connect(&lab, &transport);
    // Each has caches of its own, and each meets what the other wrote in between: terms, body dictionaries, last ids.
    let mut reports = Vec::new();
    for (turn, stream) in ["sites", "groups", "agents", "threats", "activities"].iter().cycle().take(15).enumerate() {
        let store = if turn % 2 == 0 { &lab.store } else { &other };
        let place = Place { store, transport: &transport, ..lab.place() };
        let run = sync::Run { streams: vec![(*stream).to_owned()], full: true, ..sync::Run::default() };
        reports.extend(lab.time.run(sync::run(place, &run, &|_| {})).unwrap());
        for console in &consoles.0 {
            console.add_agent(&console.group_ids()[0]).unwrap();
        }
    }
    for report in &reports {
        assert_eq!(report.status, StreamStatus::Complete, "{report:?}");
    }
    let twice = "SELECT count(*) FROM (SELECT integration_id, stream, native_id FROM inventory_source_record \
        GROUP BY integration_id, stream, native_id HAVING count(*) > 1) AS twice";
    assert_eq!(lab.number(twice), 0);
    let terms = "SELECT count(*) FROM (SELECT dictionary, text FROM inventory_term GROUP BY dictionary, text \
        HAVING count(*) > 1) AS twice";
    assert_eq!(lab.number(terms), 0);
}

fn a_stream_has_one_owner_until_its_lease_runs_out(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    lab.connect();
    let id = lab.integration().id;
    let holder = |name: &str| sync::Holder { name: name.to_owned(), lease: Duration::from_secs(60), alone: false };
    let take = |name: &str, at: i64| {
        let holder = holder(name);
        let write = move |tx: &mut store::Tx<'_>| {
            sync::take_lease(tx, OrgId::DEFAULT, id, "agents", &holder, START.plus_seconds(at))
        };
        lab.store.write_blocking(write).unwrap()
    };
    assert_eq!(take("a", 0), sync::Taken::Ours { generation: 1 });
    let theirs = sync::Taken::Theirs { holder: "a".to_owned(), until: START.plus_seconds(60) };
    assert_eq!(take("b", 59), theirs);
    assert_eq!(take("a", 30), sync::Taken::Ours { generation: 2 }, "its own lease it may take again");
    assert_eq!(take("b", 90), sync::Taken::Ours { generation: 3 }, "it ran out");
    assert!(matches!(take("a", 91), sync::Taken::Theirs { .. }));
}

fn what_was_asked_for_is_served_once_and_reported(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    lab.connect();
    let order = sync::Run { streams: vec!["sites".to_owned(), "threats".to_owned()], ..sync::Run::default() };
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event| told.lock().unwrap().push(event.clone());
    let reports = lab.time.run(async {
        let options = options("one");
        let working = worker(lab.place(), &options, std::future::pending(), &|_| {});
        let asking = async {
            // The first sync is over; nothing is due for a while.
            lab.world.sleep(Duration::from_secs(120)).await;
            let (ask, now) = (order.clone(), lab.world.now());
            let id = lab.world.outside(lab.store.write(move |tx| sync::nudge(tx, OrgId::DEFAULT, &ask, "test", now)));
            let id = id.await.unwrap();
            sync::follow(&lab.store, &lab.world, OrgId::DEFAULT, id, &|| true, &tell).await.unwrap().unwrap()
        };
        let (working, asking) = (Box::pin(working), Box::pin(asking));
        match futures_util::future::select(working, asking).await {
            futures_util::future::Either::Left(_) => panic!("the worker ended"),
            futures_util::future::Either::Right((reports, _)) => reports,
        }
    });
    let streams: Vec<_> = reports.iter().map(|report| (report.stream, report.status)).collect();
    assert_eq!(streams, [("sites", StreamStatus::Complete), ("threats", StreamStatus::Complete)]);
    assert_eq!(lab.number("SELECT count(*) FROM sync_nudge WHERE finished_at IS NULL"), 0);
    let told = told.into_inner().unwrap();
    assert_eq!(told.iter().filter(|event| matches!(event, Event::StreamFinished { .. })).count(), 2);
    assert!(matches!(told.last(), Some(Event::IntegrationFinished { state: IntegrationState::Connected, .. })));
    // An answer that nobody will give is not waited for.
    let (ask, now) = (order, lab.world.now());
    let id = lab.store.write_blocking(move |tx| sync::nudge(tx, OrgId::DEFAULT, &ask, "test", now)).unwrap();
    let nobody = lab.time.run(sync::follow(&lab.store, &lab.world, OrgId::DEFAULT, id, &|| false, &|_| {}));
    assert!(nobody.unwrap().is_none());
}

fn settings_are_written_down_with_who_changed_them(database: &Database) {
    let lab = Build::default().on(database.open(SLICES));
    lab.connect();
    let change = sync::OptionsChange {
        enabled: Some(false),
        intervals: vec![("agents".to_owned(), Some(5))],
        depth_days: Some(Some(365)),
        ..sync::OptionsChange::default()
    };
    configure(&lab, &change);
    let of = lab.integration();
    assert_eq!(of.options.intervals["agents"], 30, "no shorter than the shortest");
    assert_eq!((of.state, of.options.depth_days), (IntegrationState::Paused, Some(365)));
    assert_eq!(lab.number("SELECT count(*) FROM access_audit WHERE what = 'integration.disable'"), 1);
    let unknown = sync::OptionsChange { without: vec!["agent".to_owned()], ..sync::OptionsChange::default() };
    let now = lab.world.now();
    let refused =
        lab.store.write_blocking(move |tx| sync::configure(tx, OrgId::DEFAULT, "acme", &unknown, "test", now));
    assert!(matches!(refused, Err(SyncError::NoSuchStream { .. })));
}

#[test]
fn one_worker_reads_the_consoles_of_every_organization() {
    let lab = Build::default().in_memory();
    let here = lab.connect().integration;
    let other = lab.store.write_blocking(|tx| {
        let ben = access::add_person(tx, "ben@acme.example", "Ben", START)?;
        access::create_org(tx, "Acme Retail", ben, "ada", START)
    });
    let place = Place { org: other.unwrap(), ..lab.place() };
    let order = Connect { name: Some("shops".to_owned()), ..lab.order(tokens::SITE) };
    let there = lab.time.run(sync::connect(place, order)).unwrap().integration;
    assert_ne!(here.org, there.org);
    work(&lab, HOUR);
    for of in [&here, &there] {
        let (org, now) = (of.org, lab.world.now());
        let all = lab.store.read_blocking(move |tx| sync::overviews(tx, org, now)).unwrap();
        assert_eq!(all.len(), 1, "{org}");
        assert_eq!((all[0].integration.id, all[0].light(now)), (of.id, Light::Green), "{org}");
    }
    // Each read what its own token sees, into its own organization.
    let count = |org: OrgId| {
        let mut ask = inventory::Ask::new("assets", "has:agent.version", lab.world.now());
        ask.want = inventory::Want::Count;
        lab.store.read_blocking(move |tx| inventory::ask_in(tx, org, &ask)).unwrap().total.unwrap()
    };
    assert_eq!(count(here.org), lab.sim.truth(tokens::GLOBAL).machines);
    assert_eq!(count(there.org), lab.sim.truth(tokens::SITE).machines);
}

#[test]
fn somebody_who_asks_a_console_that_refuses_the_token_hears_that() {
    let mut lab = Build::default().in_memory();
    lab.connect();
    work(&lab, HOUR);
    lab.transport = refusing_while(&lab, &Arc::new(AtomicBool::new(true)), &Arc::default());
    work(&lab, Duration::from_secs(330));
    let now = lab.world.now();
    let ask = sync::Run { streams: vec!["sites".to_owned(), "agents".to_owned()], ..sync::Run::default() };
    let id = lab.store.write_blocking(move |tx| sync::nudge(tx, OrgId::DEFAULT, &ask, "test", now)).unwrap();
    work(&lab, Duration::from_secs(60));
    let reports = lab.time.run(sync::follow(&lab.store, &lab.world, OrgId::DEFAULT, id, &|| true, &|_| {}));
    let reports = reports.unwrap().unwrap();
    let statuses: Vec<_> = reports.iter().map(|report| report.status).collect();
    assert!(statuses.contains(&StreamStatus::AuthenticationFailed), "{statuses:?}");
    assert_eq!(sync::ExitClass::worst(&reports).code(), 4);
}

#[test]
fn a_token_that_ends_soon_is_spoken_of_at_thirty_fourteen_seven_and_one_days() {
    let lab = Build::default().in_memory();
    lab.connect();
    let end = START.plus_seconds(32 * 86_400);
    let token = lab.sim.issue(sentinelone_sim::Scope::Tenant, sentinelone_sim::Bearer::ServiceUser, end.micros());
    lab.try_connect(&token).unwrap();
    configure(&lab, &sync::OptionsChange { autosync_days: Some(Some(30)), ..sync::OptionsChange::default() });
    let patient = WorkerOptions { look_every: Duration::from_secs(3_600), ..WorkerOptions::named("one") };
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event| {
        if let Event::Notice { what, .. } = event {
            told.lock().unwrap().push(what.clone());
        }
    };
    let stop = lab.world.sleep(Duration::from_secs(31 * 86_400 + 43_200));
    lab.time.run(worker(lab.place(), &patient, stop, &tell)).unwrap();
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 4, "{told:?}");
    for (notice, days) in told.iter().zip(["29 days", "13 days", "6 days", "within a day"]) {
        assert!(notice.contains(days), "{notice}");
    }
}

/// Makes the next look at token and clock due.
fn look_again(lab: &Lab) {
    let forget = |tx: &mut store::Tx<'_>| tx.execute("UPDATE sync_health SET checked_at = 0", &[]);
    lab.store.write_blocking::<_, store::StoreError, _>(forget).unwrap();
}

#[test]
fn a_clock_that_is_off_degrades_and_says_so() {
    let lab = Build::default().in_memory();
    lab.connect();
    work(&lab, HOUR);
    // The console's clock stands still at the start.
    look_again(&lab);
    work(&lab, Duration::from_secs(60));
    let overview = overview(&lab);
    assert_eq!(overview.assessment().why, Some(Why::ClockSkew), "{:?}", overview.assessment());
    assert!(overview.next_step().contains("clock"), "{}", overview.next_step());
}

#[test]
fn a_scope_that_shrank_degrades_and_retires_nothing() {
    let lab = Build { alive: true, with: |config| config.tempo = None, ..Build::default() }.in_memory();
    let sites = lab.sim.site_ids();
    let ends = START.plus_seconds(365 * 86_400).micros();
    let scope = sentinelone_sim::Scope::Sites(sites[..2].to_vec());
    let token = lab.sim.issue(scope, sentinelone_sim::Bearer::ServiceUser, ends);
    lab.try_connect(&token).unwrap();
    work(&lab, HOUR);
    assert_eq!(state(&lab).0, IntegrationState::Connected, "{:?}", overview(&lab).assessment());
    assert!(lab.sim.cut_scope(&token, &sites[..1]));
    look_again(&lab);
    work(&lab, Duration::from_secs(60));
    let overview = overview(&lab);
    assert_eq!(overview.assessment().why, Some(Why::ScopeNarrowed), "{:?}", overview.assessment());
    assert!(overview.assessment().detail.contains("2 sites"), "{:?}", overview.assessment());
    assert_eq!(lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'retired'"), 0);
    // Connecting again says that the narrower scope is meant.
    lab.try_connect(&token).unwrap();
    assert_eq!(state(&lab).0, IntegrationState::Connected);
}
