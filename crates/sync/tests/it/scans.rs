//! Scans: real nmap against listeners of this machine, and programs in its place that end as it might.

use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use access::{Keep, Keyring, NewCredential};
use explorer::wire::{About, Enrol};
use jobs::World;
use kernel::{Clock, ExplorerId, OrgId, Random, ScanId, Secret, Timestamp};
use sentinelone::Transport;
use sentinelone_sim::{Config, tokens};
use store::{Store, Tx};
use sync::explorers::{self, RequestId};
use sync::import::{Imported, Order};
use sync::scan::{self, Logins, Ports, RunStatus, Scan, ScanError, ScanRun, Scanner, Targets, Wanted, When};
use sync::{Connect, Options, Place, SyncError, WorkerOptions};
use testkit::{Database, TestDir};

use crate::lab::{SLICES, START, count, order};
use crate::own;

testkit::on_each_database! {
    a_scan_becomes_machines_and_what_a_later_one_does_not_find_is_gone,
    a_task_is_run_by_a_worker_and_tells_how_it_went,
    what_a_task_finds_fills_its_field_and_finds_its_owner,
    a_task_asks_for_the_readings_that_go_with_it,
    two_workers_scan_one_after_the_other,
    an_explorer_scans_from_where_it_is_and_brings_what_it_found,
    what_an_explorer_scans_is_taken_back_when_it_is_stopped,
    what_an_explorer_asks_by_snmp_with_is_sealed_to_it,
    what_a_worker_left_behind_is_marked_and_stays_unimported,
    a_database_that_fails_for_a_moment_cuts_no_scan_off,
    a_task_is_checked_saved_changed_and_removed,
}

const ORG: OrgId = OrgId::DEFAULT;
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A database, real time, and nmap or what stands in its place.
struct Bench {
    store: Store,
    world: World,
    clock: Clock,
    keys: Keyring,
    transport: Transport,
    dir: TestDir,
    path: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new(database: &Database) -> Bench {
        Bench::over(database.open(SLICES))
    }

    fn over(store: Store) -> Bench {
        let clock = Clock::manual(START);
        let world = World::real_with(clock.clone(), Random::seeded(7));
        let keys = Keyring::load(&|name| (name == access::KEY_VARIABLE).then(|| KEY.into()), Path::new("/nowhere"));
        let transport = Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console")));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let path = std::env::var_os("PATH").unwrap().into();
        let bench = Bench { store, world, clock, keys: keys.unwrap(), transport, dir: TestDir::new(), path, runtime };
        bench.write(|tx| scan::allow(tx, ORG, &scan::networks("127.0.0.0/8").unwrap(), "test", START));
        bench
    }

    /// With a program of the test's own in the place of nmap.
    fn instead(database: &Database, script: &str) -> Bench {
        let mut bench = Bench::new(database);
        bench.put(script);
        bench
    }

    fn put(&mut self, script: &str) {
        let file = self.dir.write("nmap", format!("#!/bin/sh\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&file, mode).unwrap();
        self.path = self.dir.path().to_owned();
    }

    fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, SyncError> + Send + 'static) -> T {
        self.store.write_blocking(work).unwrap()
    }

    fn scanner(&self) -> Scanner {
        Scanner::find(self.path.as_os_str()).expect("nmap: cargo xtask test installs it")
    }

    fn place(&self) -> Place<'_> {
        let Bench { store, world, keys, transport, .. } = self;
        Place { store, world, org: ORG, keys, transport, who: "worker" }
    }

    fn options(&self, name: &str) -> WorkerOptions {
        WorkerOptions { scans: Some(self.path.clone().into_os_string()), ..WorkerOptions::named(name) }
    }

    /// Lets a worker work until `yes`, and ends it in order.
    fn work_until(&self, options: &WorkerOptions, yes: impl Fn(&Bench) -> bool) {
        let until = self.until(yes);
        self.runtime.block_on(sync::worker(self.place(), options, until, &|_| {})).unwrap();
    }

    async fn until(&self, yes: impl Fn(&Bench) -> bool) {
        for _ in 0..TRIES {
            if yes(self) {
                return;
            }
            self.world.sleep(LOOK).await;
            // Leases are renewed as time passes, which it does only here.
            let passed = i64::try_from(LOOK.as_micros()).unwrap();
            self.clock.set(Timestamp::from_micros(self.clock.now().micros() + passed));
        }
        panic!("waited for twenty seconds, and it did not happen");
    }

    fn add(&self, wanted: &Wanted) -> ScanId {
        let wanted = wanted.clone();
        self.write(move |tx| {
            let id = scan::add(tx, ORG, &wanted, "ann", START)?;
            scan::ask(tx, ORG, id, "ann", START)?;
            Ok(id)
        })
    }

    fn runs(&self, id: ScanId) -> Vec<ScanRun> {
        self.store.read_blocking(move |tx| scan::runs(tx, ORG, id, None, 10)).unwrap()
    }

    fn is_over(&self, id: ScanId) -> bool {
        self.runs(id).first().is_some_and(|run| run.status.is_some())
    }

    fn run_once(&self, wanted: &Wanted) -> ScanRun {
        let id = self.add(wanted);
        self.work_until(&self.options("one"), |bench| bench.is_over(id));
        self.runs(id).remove(0)
    }

    fn number(&self, sql: &'static str) -> i64 {
        let read =
            self.store.read_blocking::<_, store::StoreError, _>(move |tx| tx.query_one(sql, &[], |row| row.int(0)));
        read.unwrap()
    }
}

const LOOK: Duration = Duration::from_millis(50);
const TRIES: u32 = 400;

/// A listener on an address of this machine, on a port of its own.
fn listener(address: &str) -> (TcpListener, u16) {
    let address: IpAddr = address.parse().unwrap();
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn scan(targets: &str, ports: &[u16]) -> Scan {
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    Scan {
        ports: Ports::parse(&ports).unwrap(),
        closely: false,
        names: false,
        ..Scan::of(Targets::parse(targets, "").unwrap())
    }
}

fn wanted(name: &str, scan: Scan) -> Wanted {
    let (credentials, syncs) = (Vec::new(), Vec::new());
    Wanted { name: name.to_owned(), site: "HQ".to_owned(), scan, credentials, syncs, when: When::Asked, explorer: None }
}

async fn scanned(bench: &Bench, scan: &Scan) -> Result<Imported, SyncError> {
    scanned_with(bench, scan, &Logins::default()).await
}

async fn scanned_with(bench: &Bench, scan: &Scan, logins: &Logins) -> Result<Imported, SyncError> {
    let mut running = bench.scanner().start(&bench.world, scan, logins)?;
    let found = loop {
        if let Some(found) = running.wait(&bench.world).await? {
            break found;
        }
    };
    let draft = scan::draft(&bench.world, found, scan.minutes).await?;
    let order = Order { source: "here".to_owned(), site: Some("HQ".to_owned()), accept_removals: false };
    sync::import::import(&bench.store, &bench.world, ORG, "test", &order, draft, &|_| {}).await
}

fn a_scan_becomes_machines_and_what_a_later_one_does_not_find_is_gone(database: &Database) {
    let bench = Bench::new(database);
    let ((one, first), (_two, second)) = (listener("127.0.0.11"), listener("127.0.0.12"));
    let all = scan("127.0.0.11 127.0.0.12", &[first, second]);
    let imported = bench.runtime.block_on(scanned(&bench, &all)).unwrap();
    assert!(imported.report.complete && imported.made, "{:?}", imported.report);
    assert_eq!((imported.report.created, imported.integration.site_name.as_str()), (2, "HQ"));
    let services = "SELECT count(*) FROM inventory_service";
    assert_eq!(bench.number(services), 2);
    assert_eq!(bench.number("SELECT count(*) FROM inventory_address WHERE is_primary = 1"), 2, "measured is primary");
    drop(one);
    bench.clock.set(START.plus_seconds(3_600));
    let again = bench.runtime.block_on(scanned(&bench, &all)).unwrap();
    assert_eq!((again.report.created, again.report.changed), (0, 1), "{:?}", again.report);
    assert_eq!(bench.number(services), 1, "the port that is closed is no service any more");
}

fn a_task_is_run_by_a_worker_and_tells_how_it_went(database: &Database) {
    let bench = Bench::new(database);
    let (_listener, port) = listener("127.0.0.21");
    let run = bench.run_once(&wanted("office", scan("127.0.0.21", &[port])));
    assert_eq!(
        (run.status, run.reason.as_deref(), run.asked_by.as_deref()),
        (Some(RunStatus::Complete), None, Some("ann"))
    );
    assert_eq!(run.report.as_ref().map(|report| (report.created, report.complete)), Some((1, true)));
    let log: Vec<&str> = run.log.lines().collect();
    assert!(
        log[0].starts_with("2026-11-21T03:00:") && log[0].contains("Z scanning 127.0.0.21. ann asked for it."),
        "{log:?}"
    );
    assert!(log[1].contains("nmap --") && log[1].ends_with("-oX scan.xml 127.0.0.21"), "{log:?}");
    assert!(log.last().unwrap().ends_with("complete"), "{log:?}");
    // It was asked for once, so it does not run again by itself.
    let id = run.scan;
    assert_eq!(bench.store.read_blocking(move |tx| scan::task(tx, ORG, id)).unwrap().asked, None);
    assert_eq!(bench.number("SELECT count(*) FROM access_audit WHERE what LIKE 'scan.%'"), 3);
}

/// What nmap has written when it is done: one machine.
const WHOLE: &str = "echo '<?xml version=\"1.0\"?><nmaprun><host><status state=\"up\" reason=\"syn-ack\"/>\
    <address addr=\"127.0.0.1\" addrtype=\"ipv4\"/></host><runstats><finished exit=\"success\"/><hosts up=\"1\"/></runstats>\
    </nmaprun>' > scan.xml";

fn what_a_task_finds_fills_its_field_and_finds_its_owner(database: &Database) {
    let bench = Bench::instead(database, WHOLE);
    own::say(&bench.store, "source:scan");
    let run = bench.run_once(&wanted("office", scan("127.0.0.1", &[1])));
    assert_eq!(run.status, Some(RunStatus::Complete), "{run:?}");
    assert_eq!(count(&bench.store, "assets", "owner:=Ann"), 1);
    assert_eq!(bench.number("SELECT count(*) FROM inventory_field WHERE filled_at > 0"), 1);
}

fn a_task_asks_for_the_readings_that_go_with_it(database: &Database) {
    let mut bench = Bench::instead(database, WHOLE);
    let clock = bench.clock.clone();
    let config = Config { tempo: None, ..Config::new(7, 3, Arc::new(move || clock.now().micros())) };
    let sim = sentinelone_sim::World::new(config);
    bench.transport = Transport::InProcess(sim.service());
    // Nobody reads it by itself for the next year.
    let read = ["accounts", "sites", "groups", "agents"];
    let others = sync::STREAMS.iter().map(|stream| stream.name).filter(|name| !read.contains(name));
    let options = Options {
        starts_at: Some(START.plus_seconds(365 * 86_400).micros() / 1_000_000),
        without_streams: others.map(str::to_owned).collect(),
        ..Options::default()
    };
    let order = Connect { options: Some(options), ..order(tokens::GLOBAL) };
    let console = bench.runtime.block_on(sync::connect(bench.place(), order)).unwrap().integration;
    let alone = wanted("alone", scan("127.0.0.1", &[1]));
    let agents = "SELECT count(*) FROM inventory_source_record WHERE stream = 'agents'";
    assert_eq!(bench.run_once(&alone).status, Some(RunStatus::Complete));
    assert_eq!((bench.number("SELECT count(*) FROM sync_nudge"), bench.number(agents)), (0, 0), "nobody asked");

    let id = bench.add(&Wanted { name: "office".to_owned(), syncs: vec![console.id], ..alone });
    let asked = "SELECT count(*) FROM sync_nudge WHERE asked_by = 'ann'";
    let open = "SELECT count(*) FROM sync_nudge WHERE finished_at IS NULL";
    bench.work_until(&bench.options("two"), |bench| {
        bench.is_over(id) && (bench.number(asked), bench.number(open)) == (4, 0)
    });
    let run = bench.runs(id).remove(0);
    assert_eq!(run.status, Some(RunStatus::Complete), "{run:?}");
    assert!(run.log.contains("asked for a reading of acme"), "{}", run.log);
    assert_eq!(bench.number(agents), i64::try_from(sim.truth(tokens::GLOBAL).agents).unwrap());
    let before = "SELECT count(*) FROM sync_nudge \
        WHERE asked_at < (SELECT max(complete_at) FROM sync_stream WHERE stream = 'hosts')";
    assert_eq!(bench.number(before), 0, "after the scan");

    // One that cannot be read does not undo the scan.
    let pause = sync::OptionsChange { enabled: Some(false), ..sync::OptionsChange::default() };
    bench.write(move |tx| {
        sync::configure(tx, ORG, "acme", &pause, "ann", START)?;
        scan::ask(tx, ORG, id, "ann", START)
    });
    bench.work_until(&bench.options("three"), |bench| bench.runs(id).len() == 2 && bench.is_over(id));
    let run = bench.runs(id).remove(0);
    assert_eq!(run.status, Some(RunStatus::Complete), "{run:?}");
    assert!(run.log.contains("a console is not read: acme is switched off"), "{}", run.log);
    assert_eq!(bench.number(asked), 4);
}

fn two_workers_scan_one_after_the_other(database: &Database) {
    let script = "echo '<?xml version=\"1.0\"?><nmaprun><runstats><finished exit=\"success\"/><hosts up=\"0\"/></runstats></nmaprun>' \
        > scan.xml; sleep 0.5";
    let bench = Bench::instead(database, script);
    let ids = ["one", "two"].map(|name| bench.add(&wanted(name, scan("127.0.0.1", &[1]))));
    let overlap = std::sync::atomic::AtomicU64::new(0);
    let over = |bench: &Bench| {
        let open = bench.number("SELECT count(*) FROM sync_scan_run WHERE finished_at IS NULL");
        overlap.fetch_max(open.unsigned_abs(), std::sync::atomic::Ordering::Relaxed);
        ids.iter().all(|id| bench.is_over(*id))
    };
    let until = || bench.until(&over);
    let (one, two) = (bench.options("one"), bench.options("two"));
    let both = async {
        futures_util::join!(
            sync::worker(bench.place(), &one, until(), &|_| {}),
            sync::worker(bench.place(), &two, until(), &|_| {})
        )
    };
    let (first, second) = bench.runtime.block_on(both);
    first.and(second).unwrap();
    assert_eq!(overlap.into_inner(), scan::AT_ONCE_PER_ORG as u64);
    for id in ids {
        assert_eq!(bench.runs(id).iter().map(|run| run.status).collect::<Vec<_>>(), [Some(RunStatus::Complete)]);
    }
}

/// An Explorer named branch that has enrolled, and what it remembers.
fn branch(bench: &Bench, about: &About) -> (ExplorerId, explorer::State) {
    let (about, keys) = (about.clone(), explorer::seal::KeyPair::fresh());
    let (public_key, private_key) = (keys.public(), keys.private());
    let id = bench.write(move |tx| {
        let (id, ticket) = explorers::create(tx, ORG, "branch", &Random::secret_bytes(), "ann", START)?;
        let order = Enrol { ticket: ticket.expose().to_owned(), public_key, about };
        explorers::enrol(tx, &order, "192.0.2.7", &Random::secret_bytes(), START)?.unwrap();
        Ok(id)
    });
    let state = explorer::State {
        server: "https://muster.example".to_owned(),
        explorer: id.to_string(),
        name: "branch".to_owned(),
        org: "Acme".to_owned(),
        token: String::new().into(),
        ca_pem: String::new(),
        private_key,
    };
    (id, state)
}

fn what_an_explorer_scans_is_taken_back_when_it_is_stopped(database: &Database) {
    let bench = Bench::new(database);
    let about = About { kinds: vec![scan::EXPLORER_KIND.to_owned()], ..About::default() };
    let (explorer, _) = branch(&bench, &about);
    let id = bench.add(&Wanted { explorer: Some(explorer), ..wanted("branch", scan("127.0.0.41", &[1])) });
    let waits = |bench: &Bench| bench.number("SELECT count(*) FROM sync_explorer_request") == 1;
    let gone = move |bench: &Bench, work: i64| {
        let now = bench.world.now();
        bench.store.read_blocking(move |tx| explorers::gone(tx, ORG, explorer, &[work], now)).unwrap() == [work]
    };
    let take = |bench: &Bench| {
        let (kinds, now) = (about.kinds.clone(), bench.world.now());
        bench.write(move |tx| Ok(explorers::hand_out(tx, ORG, explorer, &kinds, &[], 1, now)?)).remove(0).id
    };
    // Somebody stops it.
    let taken = std::cell::Cell::new(0);
    bench.work_until(&bench.options("one"), |bench| {
        if waits(bench) && taken.get() == 0 {
            taken.set(take(bench));
            assert!(!gone(bench, taken.get()));
            bench.write(move |tx| scan::cancel(tx, ORG, id, "bob", START));
        }
        bench.is_over(id)
    });
    assert!(gone(&bench, taken.get()), "the Explorer hears that nobody waits for it");
    let run = bench.runs(id).remove(0);
    assert_eq!(
        (run.status, run.reason.as_deref()),
        (Some(RunStatus::Cancelled), Some("stopped by bob; nothing of it was imported"))
    );
    // The worker ends.
    bench.write(move |tx| scan::ask(tx, ORG, id, "ann", START));
    bench.work_until(&bench.options("two"), |bench| {
        let is_taken = waits(bench);
        if is_taken {
            taken.set(take(bench));
        }
        is_taken
    });
    assert_eq!(bench.runs(id).remove(0).status, Some(RunStatus::CutOff));
    assert!(gone(&bench, taken.get()));
    // The Explorer ends, and says so.
    bench.write(move |tx| scan::ask(tx, ORG, id, "ann", START));
    let answered = std::cell::Cell::new(false);
    bench.work_until(&bench.options("three"), |bench| {
        if waits(bench) && !answered.replace(true) {
            let (request, now) = (RequestId(take(bench)), bench.world.now());
            let says = serde_json::to_string(&scan::ExplorerScan::ended()).unwrap();
            assert!(bench.write(move |tx| Ok(explorers::answer(tx, ORG, explorer, request, &says, b"", now)?)));
        }
        answered.get() && bench.is_over(id)
    });
    let run = bench.runs(id).remove(0);
    assert_eq!(
        (run.status, run.reason.as_deref()),
        (
            Some(RunStatus::CutOff),
            Some("stopped by the Explorer branch, which was shut down; nothing of it was imported")
        )
    );
}

fn an_explorer_scans_from_where_it_is_and_brings_what_it_found(database: &Database) {
    let bench = Bench::new(database);
    let (_listener, port) = listener("127.0.0.41");
    let about = About { kinds: vec![scan::EXPLORER_KIND.to_owned()], ..About::default() };
    let (explorer, state) = branch(&bench, &about);
    let there = |scan| Wanted { explorer: Some(explorer), ..wanted("branch", scan) };
    let id = bench.add(&there(scan("127.0.0.41", &[port])));
    let options = bench.options("one");
    // What the Explorer does: takes the work, looks, and answers.
    let elsewhere = async {
        let kinds = about.kinds.clone();
        let work = loop {
            let kinds = kinds.clone();
            let now = bench.world.now();
            let handed = bench.write(move |tx| Ok(explorers::hand_out(tx, ORG, explorer, &kinds, &[], 1, now)?));
            match handed.into_iter().next() {
                Some(work) => break work,
                None => bench.world.sleep(LOOK).await,
            }
        };
        let (says, xml) = scan::explore(&bench.world, bench.path.as_os_str(), &state, work.payload).await;
        let (says, now) = (serde_json::to_string(&says).unwrap(), bench.world.now());
        let request = RequestId(work.id);
        assert!(bench.write(move |tx| Ok(explorers::answer(tx, ORG, explorer, request, &says, &xml, now)?)));
        bench.until(|bench| bench.is_over(id)).await;
    };
    let worked = sync::worker(bench.place(), &options, elsewhere, &|_| {});
    bench.runtime.block_on(bench.world.timeout(PATIENCE, worked)).expect("in time").unwrap();
    let run = bench.runs(id).remove(0);
    assert_eq!(
        (run.status, run.report.map(|report| report.created)),
        (Some(RunStatus::Complete), Some(1)),
        "{}",
        run.log
    );
    assert!(run.log.contains("the Explorer branch scans 127.0.0.41"), "{}", run.log);
    assert_eq!(bench.number("SELECT count(*) FROM sync_explorer_request"), 0, "its answer was taken away");
}

/// How long a test waits for another process.
const PATIENCE: Duration = Duration::from_secs(30);

/// What nmap has written when it is killed in the middle: one machine, and the beginning of another.
const HALF: &str = "cat > scan.xml <<'E'\n<?xml version=\"1.0\"?>\n<nmaprun scanner=\"nmap\" args=\"nmap -oX scan.xml 127.0.0.0/30\">\n\
    <host starttime=\"1\"><status state=\"up\" reason=\"syn-ack\"/><address addr=\"127.0.0.1\" addrtype=\"ipv4\"/></host>\n\
    <taskprogress task=\"SYN\" percent=\"42.5\"/>\n<host><status state=\"up\" re\nE\n";

fn what_a_worker_left_behind_is_marked_and_stays_unimported(database: &Database) {
    let bench = Bench::instead(database, &format!("{HALF}exec sleep 100"));
    let id = bench.add(&wanted("office", scan("127.0.0.0/30", &[1])));
    let seen = |bench: &Bench| bench.runs(id).first().and_then(|run| run.percent);
    // Killed: nothing of it runs to its end, and nobody says so.
    bench.runtime.block_on(async {
        let options = bench.options("killed");
        let working = sync::worker(bench.place(), &options, std::future::pending(), &|_| {});
        let until = bench.until(|bench| seen(bench) == Some(42));
        futures_util::future::select(std::pin::pin!(working), std::pin::pin!(until)).await;
    });
    assert_eq!(bench.runs(id)[0].status, None);
    // Another worker leaves it alone until its lease has run out.
    bench.work_until(&bench.options("other"), |_| true);
    assert_eq!(bench.runs(id)[0].status, None);
    bench.clock.set(START.plus_seconds(61));
    bench.work_until(&bench.options("other"), |bench| bench.is_over(id));
    let run = bench.runs(id).remove(0);
    assert_eq!((run.status, run.hosts), (Some(RunStatus::CutOff), 1), "{run:?}");
    // One that is ended in order says so itself.
    bench.write(move |tx| scan::ask(tx, ORG, id, "ann", START));
    bench.work_until(&bench.options("third"), |bench| bench.runs(id).len() == 2 && seen(bench) == Some(42));
    let run = bench.runs(id).remove(0);
    assert_eq!(run.status, Some(RunStatus::CutOff));
    assert_eq!(
        run.reason.unwrap(),
        "stopped with its worker; nothing of this run was imported, unless the log says so"
    );
    // And one that somebody stops.
    bench.write(move |tx| scan::ask(tx, ORG, id, "ann", START));
    bench.work_until(&bench.options("fourth"), |bench| {
        if seen(bench) == Some(42) && bench.runs(id).len() == 3 {
            bench.write(move |tx| scan::cancel(tx, ORG, id, "bob", START));
        }
        bench.runs(id).len() == 3 && bench.is_over(id)
    });
    let run = bench.runs(id).remove(0);
    assert_eq!((run.status, run.cancelled_by.as_deref()), (Some(RunStatus::Cancelled), Some("bob")));
    assert_eq!(run.reason.as_deref(), Some("stopped by bob; nothing of it was imported"));
    assert_eq!(bench.number("SELECT count(*) FROM sync_integration"), 0, "nothing was imported");
    assert_eq!(bench.number("SELECT count(*) FROM inventory_source_record"), 0);
}

fn a_database_that_fails_for_a_moment_cuts_no_scan_off(database: &Database) {
    let script = format!("until test -e \"$(dirname \"$0\")/over\"; do sleep 0.1; done; {WHOLE}");
    let bench = Bench::instead(database, &script);
    let id = bench.add(&wanted("office", scan("127.0.0.1", &[1])));
    let rename = |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        bench.write(move |tx| Ok(tx.execute(&sql, &[]).map(drop)?));
    };
    let failed = std::cell::Cell::new(0);
    let heard = std::sync::Mutex::new(Vec::new());
    let until = bench.until(|bench| {
        match failed.get() {
            // What a scan has begun is written down, and from then on nothing can be.
            0 if bench.runs(id).first().is_some_and(|run| run.log.contains("nmap --")) => {
                rename("sync_scan_run", "away");
                failed.set(1);
            }
            1 if !heard.lock().unwrap().is_empty() => {
                rename("away", "sync_scan_run");
                bench.dir.write("over", "");
                failed.set(2);
            }
            _ => {}
        }
        failed.get() == 2 && bench.is_over(id)
    });
    let options = bench.options("one");
    let tell = |event: &sync::Event| {
        if let sync::Event::Notice { what, .. } = event {
            heard.lock().unwrap().push(what.clone());
        }
    };
    bench.runtime.block_on(sync::worker(bench.place(), &options, until, &tell)).unwrap();
    let run = bench.runs(id).remove(0);
    assert_eq!((run.status, run.reason.as_deref()), (Some(RunStatus::Complete), None), "{}", run.log);
    assert_eq!(run.report.map(|report| report.created), Some(1));
    assert!(heard.lock().unwrap()[0].contains("sync_scan_run"), "{heard:?}");
}

#[test]
fn every_machine_of_a_large_scan_is_counted_once() {
    let mut bench = Bench::over(Store::in_memory(SLICES).unwrap());
    // Far more between two looks than any of them keeps, and a machine that is written in two pieces.
    bench.put(
        "seq 3000 | sed 's/.*/<host starttime=\"1\"><address addr=\"10.0.0.&\" addrtype=\"ipv4\"\\/><\\/host>/' > scan.xml
        printf '<ho' >> scan.xml; until test -e \"$(dirname \"$0\")/more\"; do sleep 0.1; done
        printf 'st starttime=\"1\"></host>\n<taskprogress task=\"SYN\" percent=\"58.50\"/>\n' >> scan.xml; exec sleep 100",
    );
    let mut running = bench.scanner().start(&bench.world, &scan("127.0.0.1", &[1]), &Logins::default()).unwrap();
    bench.runtime.block_on(async {
        for (percent, hosts) in [(None, 3000), (Some(58.5), 3001)] {
            for _ in 0..TRIES {
                assert!(running.wait(&bench.world).await.unwrap().is_none());
                if running.far().hosts >= hosts {
                    break;
                }
            }
            assert_eq!(running.far(), scan::Far { percent, hosts });
            bench.dir.write("more", "");
        }
    });
}

#[test]
fn a_scan_that_ends_early_or_late_imports_nothing_or_half() {
    let mut bench = Bench::over(Store::in_memory(SLICES).unwrap());
    let mut outcome = |script: &str, late: bool| {
        bench.put(script);
        let order = scan("127.0.0.0/30", &[1]);
        let clock = bench.clock.clone();
        let mut running = bench.scanner().start(&bench.world, &order, &Logins::default()).unwrap();
        bench.runtime.block_on(async {
            loop {
                if late && running.far().percent.is_some() {
                    clock.set(clock.now().plus_seconds(i64::from(order.minutes) * 60));
                }
                if let Some(found) = running.wait(&bench.world).await? {
                    return scan::draft(&bench.world, found, order.minutes).await;
                }
            }
        })
    };
    let failed = outcome(&format!("{HALF}echo 'dnet: Failed to open device eth0\nQUITTING!' >&2; exit 1"), false);
    assert_eq!(
        failed.unwrap_err().to_string(),
        "nmap ended early (code 1): dnet: Failed to open device eth0; nothing of it was imported"
    );
    let killed = outcome(&format!("{HALF}kill -9 $$"), false);
    assert_eq!(killed.unwrap_err().to_string(), "nmap ended early (signal 9); nothing of it was imported");
    let nothing = outcome("exit 0", false);
    assert!(matches!(nothing, Err(SyncError::Scan(ScanError::Folder(_)))), "{nothing:?}");
    let late = outcome(&format!("{HALF}exec sleep 100"), true).unwrap();
    let sync::import::Whole::No(why) = &late.whole else { panic!("half a scan is taken for whole") };
    assert_eq!((why.as_str(), late.hosts), ("the scan was ended at its time limit of 120 minutes", 1));
}

/// Whether a process is at work.
fn lives(process: &str) -> bool {
    let Ok(process) = process.trim().parse::<u32>() else { return false };
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[test]
fn whoever_lets_go_of_a_scan_ends_nmap_and_all_that_it_started() {
    let script = format!("{HALF}sleep 1000 & echo $! > \"$(dirname \"$0\")/child\"; wait");
    let mut bench = Bench::over(Store::in_memory(SLICES).unwrap());
    bench.put(&script);
    let started = |bench: &Bench| std::fs::read_to_string(bench.dir.join("child")).unwrap_or_default();
    let mut running = bench.scanner().start(&bench.world, &scan("127.0.0.1", &[1]), &Logins::default()).unwrap();
    bench.runtime.block_on(async {
        while started(&bench).trim().is_empty() {
            assert!(running.wait(&bench.world).await.unwrap().is_none());
        }
    });
    let (own, child) = (running.process().to_string(), started(&bench));
    assert!(lives(&own) && lives(&child));
    drop(running);
    assert!(!lives(&own));
    // Killed, and gone as soon as the system comes to it.
    bench.runtime.block_on(bench.until(|_| !lives(&child)));
    // So does a worker that ends, in the middle of a task.
    std::fs::remove_file(bench.dir.join("child")).unwrap();
    bench.add(&wanted("office", scan("127.0.0.1", &[1])));
    bench.work_until(&bench.options("one"), |bench| lives(&started(bench)));
    bench.runtime.block_on(bench.until(|bench| !lives(&started(bench))));
}

#[test]
fn nmap_itself_that_is_killed_half_way_imports_nothing() {
    let bench = Bench::over(Store::in_memory(SLICES).unwrap());
    // A packet a second: it would take minutes.
    let slow = Scan { rate: 1, ..scan("127.0.0.0/24", &[1]) };
    let mut running = bench.scanner().start(&bench.world, &slow, &Logins::default()).unwrap();
    let ended = bench.runtime.block_on(async {
        assert!(running.wait(&bench.world).await.unwrap().is_none());
        let kill = std::process::Command::new("kill").args(["-9", &running.process().to_string()]).status();
        assert!(kill.unwrap().success());
        loop {
            match running.wait(&bench.world).await {
                Ok(None) => {}
                other => break other,
            }
        }
    });
    assert!(matches!(ended, Err(ScanError::Ended { .. })), "{ended:?}");
}

#[test]
fn no_scanner_and_networks_that_are_no_longer_allowed_are_told_by_the_run() {
    let mut bench = Bench::over(Store::in_memory(SLICES).unwrap());
    bench.path = bench.dir.path().to_owned();
    let run = bench.run_once(&wanted("one", scan("127.0.0.1", &[1])));
    let why = run.reason.unwrap();
    assert!(why.starts_with("nmap is not installed") && why.contains("apt-get install nmap"), "{why}");
    let id = bench.add(&wanted("two", scan("127.0.0.1", &[1])));
    bench.write(|tx| scan::allow(tx, ORG, &scan::networks("10.0.0.0/8").unwrap(), "test", START));
    bench.work_until(&bench.options("one"), |bench| bench.is_over(id));
    let why = bench.runs(id).remove(0).reason.unwrap();
    assert!(why.starts_with("127.0.0.1 is not among the networks that scans may touch: 10.0.0.0/8"), "{why}");
}

/// A real SNMP agent at a port of its own, until it is dropped.
struct Agent {
    process: std::process::Child,
    port: u16,
    _folder: TestDir,
}

const AGENT: &str = "127.0.0.51";
const AGENT_SECRETS: [&str; 2] = ["an authentication", "a privacy"];

impl Agent {
    fn start(bench: &Bench) -> Agent {
        let folder = TestDir::new();
        let port = std::net::UdpSocket::bind((AGENT, 0)).unwrap().local_addr().unwrap().port();
        let [auth, privacy] = AGENT_SECRETS;
        let users = [("one", "SHA"), ("two", "SHA-256")].map(|(user, hash)| {
            format!("createUser {user} {hash} \"{auth}\" AES \"{privacy}\"\nrouser {user} authpriv\n")
        });
        let about =
            format!("agentaddress udp:{AGENT}:{port}\nsysName sw-17\nsysDescr a switch & <more>\nrocommunity plain\n");
        folder.write("snmpd.conf", about + &users.concat());
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("state")).unwrap();
        let program = ["/usr/sbin/snmpd", "/usr/local/sbin/snmpd", "/opt/homebrew/sbin/snmpd"];
        let program = program.into_iter().find(|file| Path::new(file).exists());
        let mut command = std::process::Command::new(program.expect("snmpd: cargo xtask test installs it"));
        command.args(["-f", "-C", "-I", "-smux", "-Lf"]).arg(path("log")).arg("-c").arg(path("snmpd.conf"));
        command.env("SNMP_PERSISTENT_DIR", path("state")).env("MIBS", "");
        let process = command.spawn().unwrap();
        bench.runtime.block_on(
            bench.until(|_| std::fs::read_to_string(path("log")).is_ok_and(|log| log.contains("NET-SNMP version"))),
        );
        Agent { process, port, _folder: folder }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn user(name: &str, hash: scan::Hash, secrets: [&str; 2]) -> Secret {
    let [auth, privacy] = secrets.map(|secret| Secret::new(secret.to_owned()));
    scan::User { name: name.to_owned(), hash, auth, privacy }.written()
}

#[test]
fn an_agent_is_asked_by_v2c_and_by_v3_with_either_hash() {
    let bench = Bench::over(Store::in_memory(SLICES).unwrap());
    let agent = Agent::start(&bench);
    let order = Scan { snmp: true, ..scan(AGENT, &[1]) };
    let told = |secrets: &[(&str, Secret)]| {
        let mut logins = Logins::default().at_port(agent.port);
        for (kind, secret) in secrets {
            logins.add(kind, secret.clone()).unwrap();
        }
        let mut running = bench.scanner().start(&bench.world, &order, &logins).unwrap();
        bench.runtime.block_on(async {
            loop {
                if let Some(mut found) = running.wait(&bench.world).await.unwrap() {
                    let mut text = String::new();
                    std::io::Read::read_to_string(&mut found.xml, &mut text).unwrap();
                    return text;
                }
            }
        })
    };
    let is_told = |text: &str, version: &str| {
        text.contains(&format!("<elem key=\"version\">{version}</elem>"))
            && text.contains("<elem key=\"descr\">a switch &amp; &lt;more&gt;</elem>")
            && text.contains("<elem key=\"name\">sw-17</elem>")
    };
    let (one, two) = (user("one", scan::Hash::Sha1, AGENT_SECRETS), user("two", scan::Hash::Sha256, AGENT_SECRETS));
    let community = |word: &str| Secret::new(word.to_owned());
    let plain = told(&[(scan::COMMUNITY, community("plain"))]);
    assert!(is_told(&plain, "v2c"), "{plain}");
    for user in [&one, &two] {
        let by_user = told(&[(scan::USER, user.clone())]);
        assert!(is_told(&by_user, "v3"), "{by_user}");
    }
    // What does not fit is passed over, and one that does is found behind it.
    let wrong = user("two", scan::Hash::Sha256, ["another one", "a privacy"]);
    let shut = user("two", scan::Hash::Sha256, ["an authentication", "another one"]);
    let nothing = told(&[(scan::COMMUNITY, community("other")), (scan::USER, wrong.clone()), (scan::USER, shut)]);
    assert!(!nothing.contains("switch") && nothing.contains("</nmaprun>"), "{nothing}");
    assert!(is_told(&told(&[(scan::USER, wrong), (scan::USER, one.clone())]), "v3"));
    // Imported, it is what the machine is called.
    let mut logins = Logins::default().at_port(agent.port);
    logins.add(scan::USER, one).unwrap();
    let imported = bench.runtime.block_on(scanned_with(&bench, &order, &logins)).unwrap();
    assert!(imported.report.complete, "{:?}", imported.report);
    assert_eq!(bench.number("SELECT count(*) FROM inventory_asset WHERE name = 'sw-17'"), 1);
}

fn what_an_explorer_asks_by_snmp_with_is_sealed_to_it(database: &Database) {
    const WORD: &str = "kanarien-gruppe";
    let script = "cat snmp.args > \"$(dirname \"$0\")/file\"; exit 3";
    let bench = Bench::instead(database, script);
    let about = About { kinds: vec![scan::EXPLORER_KIND.to_owned()], ..About::default() };
    let (explorer, state) = branch(&bench, &about);
    let keys = bench.keys.clone();
    let ids = bench.write(move |tx| {
        let community = (scan::COMMUNITY, Secret::new(WORD.to_owned()));
        let user = (scan::USER, user("kanarien-mensch", scan::Hash::Sha256, ["kanarien-eins", "kanarien-zwei"]));
        let mut ids = Vec::new();
        for (kind, secret) in [community, user] {
            let (name, url, keep) = (format!("a {kind}"), String::new(), Keep::Secret(secret));
            let new = NewCredential { name, kind: kind.to_owned(), url, keep };
            ids.push(access::save_credential(tx, &keys, ORG, &new, "ann", START)?);
        }
        Ok(ids)
    });
    let order = Scan { snmp: true, ..scan("127.0.0.41", &[1]) };
    let id = bench.add(&Wanted { explorer: Some(explorer), credentials: ids, ..wanted("branch", order) });
    // One that does not know it says so, and is not asked.
    bench.work_until(&bench.options("one"), |bench| bench.is_over(id));
    let why = bench.runs(id).remove(0).reason.unwrap();
    assert!(why.contains("does not know this yet; update it"), "{why}");
    let about = About { kinds: vec![scan::EXPLORER_SNMP_KIND.to_owned()], ..about };
    bench.write({
        let about = about.clone();
        move |tx| {
            explorers::seen(tx, ORG, explorer, &about, "192.0.2.7", START)?;
            scan::ask(tx, ORG, id, "ann", START)
        }
    });
    let elsewhere = async {
        let work = loop {
            let (kinds, now) = (about.kinds.clone(), bench.world.now());
            let handed = bench.write(move |tx| Ok(explorers::hand_out(tx, ORG, explorer, &kinds, &[], 1, now)?));
            match handed.into_iter().next() {
                Some(work) => break work,
                None => bench.world.sleep(LOOK).await,
            }
        };
        let payload = work.payload.to_string();
        let hex: String = WORD.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!payload.contains("kanarien") && !payload.contains(&hex), "{payload}");
        assert_eq!(places_of(&bench, "kanarien"), Vec::<String>::new());
        // For other targets, or to another Explorer, it opens nothing.
        let mut other = work.payload.clone();
        other["targets"] = serde_json::to_value(Targets::parse("127.0.0.42", "").unwrap()).unwrap();
        let (says, _) = scan::explore(&bench.world, bench.path.as_os_str(), &state, other).await;
        assert_eq!(says.failed, "what was sealed is for other targets");
        let stranger = explorer::State { explorer: "exp_0000000000009".to_owned(), ..state.clone() };
        let (says, _) = scan::explore(&bench.world, bench.path.as_os_str(), &stranger, work.payload.clone()).await;
        assert!(says.failed.contains("does not open here"), "{says:?}");
        let (says, _) = scan::explore(&bench.world, bench.path.as_os_str(), &state, work.payload).await;
        assert!(says.failed.contains("nmap ended early (code 3)"), "{says:?}");
        let file = std::fs::read_to_string(bench.dir.join("file")).unwrap();
        assert_eq!(file, format!("muster.communities={hex}"));
        let (says, now) = (serde_json::to_string(&says).unwrap(), bench.world.now());
        assert!(bench.write(move |tx| Ok(explorers::answer(tx, ORG, explorer, RequestId(work.id), &says, b"", now)?)));
        bench.until(|bench| bench.is_over(id)).await;
    };
    let options = bench.options("two");
    let worked = sync::worker(bench.place(), &options, elsewhere, &|_| {});
    bench.runtime.block_on(bench.world.timeout(PATIENCE, worked)).expect("in time").unwrap();
    let run = bench.runs(id).remove(0);
    assert!(run.reason.as_ref().unwrap().contains("the Explorer branch could not scan"), "{run:?}");
}

/// Where a text is in the database.
fn places_of(bench: &Bench, text: &'static str) -> Vec<String> {
    let found = bench.store.read_blocking::<_, store::StoreError, _>(move |tx| {
        let mut found = Vec::new();
        testkit::everything(tx, |table, column, value| {
            let holds = match value {
                kernel::Value::Text(value) => value.contains(text),
                kernel::Value::Bytes(value) => value.windows(text.len()).any(|part| part == text.as_bytes()),
                _ => false,
            };
            found.extend(holds.then(|| format!("{table}.{column}")));
        })?;
        Ok(found)
    });
    found.unwrap()
}

#[test]
fn a_community_goes_by_a_file_of_ones_own_and_is_on_no_command_line_and_in_no_log() {
    const WORD: &str = "kanarien-\"gruppe";
    // It says what it was given, and who may read it.
    let script = "out=$(dirname \"$0\"); printf '%s\\n' \"$@\" > $out/arguments; env > $out/variables; cat snmp.args > $out/file; \
        stat -c '%a' snmp.args . > $out/modes; echo \"failed: $(tr -d '\\n' < snmp.args)\" >&2; exit 3";
    let mut bench = Bench::over(Store::in_memory(SLICES).unwrap());
    bench.put(script);
    let keys = bench.keys.clone();
    let id = bench.write(move |tx| {
        let keep = Keep::Secret(Secret::new(WORD.to_owned()));
        let new =
            NewCredential { name: "switches".to_owned(), kind: scan::COMMUNITY.to_owned(), url: String::new(), keep };
        Ok(access::save_credential(tx, &keys, ORG, &new, "ann", START)?)
    });
    let with = Wanted { credentials: vec![id], ..wanted("office", Scan { snmp: true, ..scan("127.0.0.1", &[1]) }) };
    let run = bench.run_once(&with);
    assert_eq!(run.status, Some(RunStatus::Failed));
    let read = |name: &str| std::fs::read_to_string(bench.dir.join(name)).unwrap();
    let hex: String = WORD.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(read("file"), format!("muster.communities={hex}"));
    assert_eq!(read("modes"), "600\n700\n");
    for place in [read("arguments"), read("variables"), run.log.clone()] {
        assert!(!place.contains(WORD) && !place.contains("kanarien"), "{place}");
    }
    assert!(!read("arguments").contains(&hex) && !read("variables").contains(&hex));
    // What nmap says of it is not told on.
    assert!(!format!("{run:?}").contains(&hex), "{run:?}");
}

fn a_task_is_checked_saved_changed_and_removed(database: &Database) {
    let bench = Bench::new(database);
    let good = wanted("office", scan("127.0.0.0/24", &[22]));
    let id = bench.write({
        let good = good.clone();
        move |tx| scan::add(tx, ORG, &good, "ann", START)
    });
    let refused = |wanted: Wanted| {
        let tried = bench.store.write_blocking(move |tx| scan::add(tx, ORG, &wanted, "ann", START));
        tried.expect_err("it cannot be").to_string()
    };
    let other = |scan: Scan| wanted("other", scan);
    assert_eq!(
        refused(wanted(" OFFICE ", good.scan.clone())),
        "another scan task is called \"OFFICE\"; choose another name"
    );
    assert!(refused(other(scan("10.0.0.1", &[1]))).contains("is not among the networks"));
    assert!(refused(other(Scan { rate: 0, ..good.scan.clone() })).contains("is a number from 1 to 10000"));
    assert!(refused(other(Scan { snmp: true, ..good.scan.clone() })).contains("it needs a credential"));
    assert!(refused(Wanted { when: When::Once(1), ..other(good.scan.clone()) }).contains("that time has passed"));
    let missing = Wanted { credentials: vec![kernel::CredentialId(7)], ..other(good.scan.clone()) };
    assert!(refused(missing).contains("no such credential"));
    assert!(
        refused(Wanted { syncs: vec![kernel::IntegrationId(7)], ..other(good.scan.clone()) })
            .contains("no integration")
    );

    let later = Wanted { when: When::Once(START.micros() / 1_000_000 + 60), ..good };
    bench.write({
        let later = later.clone();
        move |tx| scan::change(tx, ORG, id, &later, "ann", START)
    });
    let task = bench.store.read_blocking(move |tx| scan::task_named(tx, ORG, "Office")).unwrap();
    assert_eq!(
        (task.id, &task.wanted, task.next(START)),
        (id, &later, sync::schedule::Next::At(START.plus_seconds(60)))
    );
    // Another organization has none of it.
    assert!(bench.store.read_blocking(move |tx| scan::task(tx, OrgId(2), id)).is_err());
    bench.write(move |tx| scan::switch(tx, ORG, id, false, "ann", START));
    let asked = bench.store.write_blocking(move |tx| scan::ask(tx, ORG, id, "ann", START));
    assert!(matches!(asked, Err(SyncError::ScanPaused { .. })), "{asked:?}");
    assert!(!bench.write(move |tx| scan::cancel(tx, ORG, id, "ann", START)));
    bench.write(move |tx| scan::remove(tx, ORG, id, "ann", START));
    assert!(bench.store.read_blocking(move |tx| scan::tasks(tx, ORG)).unwrap().is_empty());
    let told =
        "SELECT count(*) FROM access_audit WHERE what IN ('scan.add', 'scan.change', 'scan.pause', 'scan.remove')";
    assert_eq!(bench.number(told), 4);
}
