//! Files as sweeps of their own sources: what is stored of them, what is gone, and what is never touched.

use jobs::{Virtual, World};
use kernel::{OrgId, Timestamp};
use store::Store;
use sync::import::{Format, Imported, Order};
use sync::{IntegrationState, StreamStatus, SyncError};
use testkit::{Database, fail_at, has_failed};

use crate::files::{SCAN, reading};
use crate::lab::{SLICES, START, count};
use crate::own;

testkit::on_each_database! {
    a_scan_becomes_assets_with_services,
    the_same_file_twice_changes_nothing,
    a_later_scan_of_the_same_moves_times_and_logs_nothing,
    a_machine_is_gone_after_two_whole_files_and_not_after_half_of_one,
    more_than_a_tenth_at_once_is_held_until_somebody_accepts_it,
    a_file_retires_nothing_of_another_source,
    a_scan_of_another_part_of_the_network_retires_nothing,
    what_services_are_there_is_asked_of_machines_and_of_themselves,
    what_a_file_said_of_a_machine_is_asked_by_its_own_names,
    what_a_file_brings_fills_its_field_and_finds_its_owner,
    an_import_outlasts_a_database_that_fails_for_a_moment,
}

/// A database and a time that stands still unless told otherwise.
struct Desk {
    store: Store,
    time: Virtual,
    world: World,
}

impl Desk {
    fn on(database: &Database) -> Desk {
        Desk::with(database.open(SLICES))
    }

    fn in_memory() -> Desk {
        Desk::with(Store::in_memory(SLICES).unwrap())
    }

    fn with(store: Store) -> Desk {
        let time = Virtual::new(START, 7);
        let world = time.world();
        Desk { store, time, world }
    }

    fn try_import(&self, format: Format, source: &str, text: &str, accepts: bool) -> Result<Imported, SyncError> {
        let draft = reading(format, &[], text.as_bytes()).map_err(SyncError::from)?;
        let order = Order { source: source.to_owned(), site: None, accept_removals: accepts };
        let told = |_: &sync::Event| {};
        self.time.run(sync::import::import(&self.store, &self.world, OrgId::DEFAULT, "test", &order, draft, &told))
    }

    fn import(&self, format: Format, source: &str, text: &str) -> Imported {
        self.try_import(format, source, text, false).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        let sql = sql.to_owned();
        self.store
            .read_blocking::<_, store::StoreError, _>(move |tx| tx.query_one(&sql, &[], |row| row.int(0)))
            .unwrap()
    }

    fn in_state(&self, state: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM inventory_source_record WHERE state = '{state}'"))
    }

    fn artifacts(&self) -> i64 {
        self.number("SELECT count(*) FROM signals_artifact")
    }

    /// How many answer a question.
    fn count(&self, inventory: &str, text: &str) -> u64 {
        count(&self.store, inventory, text)
    }
}

/// A list of so many machines, without those whose number is left out.
fn list(count: usize, without: &[usize]) -> String {
    let rows = (0..count)
        .filter(|at| !without.contains(at))
        .map(|at| format!("PC{at},SERIAL{at},10.0.{}.{}\n", at / 250, at % 250));
    format!("name,serial,ip\n{}", rows.collect::<String>())
}

/// What an import did, in short: new, changed, touched, as they were, gone.
fn did(imported: &Imported) -> [u64; 5] {
    let report = &imported.report;
    [report.created, report.changed, report.touched, report.unchanged, report.removed]
}

fn a_scan_becomes_assets_with_services(database: &Database) {
    let desk = Desk::on(database);
    let imported = desk.import(Format::Nmap, "office", SCAN);
    assert!(imported.made && imported.report.complete);
    assert_eq!(did(&imported), [2, 0, 0, 0, 0]);
    assert_eq!(imported.integration.state, IntegrationState::Connected);
    assert_eq!(imported.integration.site_name, "Primary");
    assert_eq!((desk.artifacts(), desk.in_state("present")), (2, 2));
    for (text, count) in [
        ("", 2),
        ("name:files01", 1),
        ("names:files.corp.example.net", 1),
        ("source:scan", 2),
        ("address.primary:10.20.0.5", 1),
        ("address.secondary:10.20.0.0/24", 0),
        ("mac:00:00:5e:00:53:05", 1),
        ("os:windows type:server", 1),
        ("type:printer", 1),
        ("not edr.name:SentinelOne", 2),
    ] {
        assert_eq!(desk.count("assets", text), count, "{text}");
    }
}

fn what_a_file_said_of_a_machine_is_asked_by_its_own_names(database: &Database) {
    let desk = Desk::on(database);
    desk.import(Format::Nmap, "office", SCAN);
    desk.import(Format::Csv, "cmdb", "name,serial,Rack,U height\nPC1,SERIAL1,R-17,3\nPC2,SERIAL2,R-18,12\n");
    for (text, count) in [
        ("@nmap.host.type:printer", 1),
        ("@scan.host.type:printer", 1),
        ("@nmap.host.macs.vendor:dell", 1),
        ("@nmap.host.services.port:443", 1),
        ("@nmap.host.services.port:>1000", 0),
        ("@nmap.host.scripts.nbstat:FILES01", 1),
        ("has:\"@nmap.host.macs\"", 1),
        ("source:scan not @nmap.host.macs.vendor:dell", 1),
        ("@custom.host.columns.Rack:=R-17", 1),
        ("@csv.host.columns.Rack:R-1", 2),
        ("@nmap.host.columns.Rack:R-17", 0),
        ("@custom.host.serial:=SERIAL2", 1),
    ] {
        assert_eq!(desk.count("assets", text), count, "{text}");
    }
}

fn what_services_are_there_is_asked_of_machines_and_of_themselves(database: &Database) {
    let desk = Desk::on(database);
    desk.import(Format::Nmap, "office", SCAN);
    for (inventory, text, count) in [
        ("services", "", 3),
        ("services", "port:443", 1),
        ("services", "port:(443,445) transport:tcp", 2),
        ("services", "protocol:https product:iis version:<11", 1),
        ("services", "banner:intranet", 1),
        ("services", "address:10.20.0.0/24", 3),
        ("services", "source:scan", 3),
        ("services", "seen_at:<1d", 3),
        ("services", "_asset.type:printer", 1),
        ("services", "asset:(name:files01)", 2),
        ("services", "asset_name:files01", 2),
        ("assets", "port:443", 1),
        ("assets", "tcp:161", 0),
        ("assets", "udp:161", 1),
        ("assets", "protocol:snmp", 1),
        ("assets", "service_count:>1", 1),
        ("assets", "service_count_udp:=1", 1),
        ("assets", "service:(port:443 product:iis)", 1),
        ("assets", "service:(port:445 product:iis)", 0),
        ("assets", "service.product:iis", 1),
        ("assets", "not port:443", 1),
    ] {
        assert_eq!(desk.count(inventory, text), count, "{text} in {inventory}");
    }
    // A port that is closed since is no service any more, and that has history.
    let closed = SCAN.replace("portid=\"445\"><state state=\"open\"", "portid=\"445\"><state state=\"closed\"");
    assert_eq!(did(&desk.import(Format::Nmap, "office", &closed)), [0, 1, 0, 1, 0]);
    assert_eq!((desk.count("services", ""), desk.count("assets", "port:445")), (2, 0));
    assert!(desk.number("SELECT count(*) FROM inventory_change WHERE field = 'services'") > 0);
}

fn what_a_file_brings_fills_its_field_and_finds_its_owner(database: &Database) {
    let desk = Desk::on(database);
    own::say(&desk.store, "field.cost:>50 or port:443");
    let asked = |texts: &[&str]| texts.iter().map(|text| desk.count("assets", text)).collect::<Vec<_>>();
    desk.import(Format::Csv, "cmdb", "name,serial,tags\nPC1,SERIAL1,cost=100\nPC2,SERIAL2,Cost=100\n");
    assert_eq!(asked(&["field.cost:=100", "has:field.cost", "owner:=Ann"]), [1, 1, 1], "letter by letter");
    // And whatever the file says next.
    desk.import(Format::Csv, "cmdb", "name,serial,tags\nPC1,SERIAL1,cost=20\nPC2,SERIAL2,Cost=100\n");
    assert_eq!(asked(&["field.cost:=20", "has:field.cost", "owner:=Ann"]), [1, 1, 0]);
    desk.import(Format::Json, "list", r#"[{"name":"PC3","serial":"SERIAL3","tags":["cost=70"]}]"#);
    assert_eq!(asked(&["field.cost:=70", "owner:=Ann name:PC3"]), [1, 1]);
    desk.import(Format::Nmap, "office", SCAN);
    assert_eq!(asked(&["owner:=Ann name:files01"]), [1]);
    // Half a scan is what was seen, too.
    desk.import(Format::Nmap, "office", &SCAN.replace("portid=\"443\"", "portid=\"444\"").replace("</nmaprun>", ""));
    assert_eq!(asked(&["port:444", "owner:=Ann name:files01"]), [1, 0]);
}

fn an_import_outlasts_a_database_that_fails_for_a_moment(database: &Database) {
    let desk = Desk::on(database);
    let mut failures = 0;
    // Any statement, by a prime, so that no place is left out for ever; and any commit whose answer is lost. The same happens
    // on a server, where each takes ten times as long.
    let strides = if database.is_postgres() { [53, 7] } else { [13, 1] };
    for (spot, stride) in ["statement", "committed"].into_iter().zip(strides) {
        for nth in (1..).step_by(stride) {
            let source = format!("{spot} {nth}");
            let list = |without: Option<usize>| {
                let rows = (0..20).filter(|at| Some(*at) != without);
                let rows = rows.map(|at| format!("{spot}{nth}PC{at},{spot}{nth}SERIAL{at}\n"));
                format!("name,serial\n{}", rows.collect::<String>())
            };
            fail_at(&desk.store, &format!("{spot}::{nth}"));
            let all = [None, Some(7), Some(7)].map(|without| desk.import(Format::Csv, &source, &list(without)));
            assert!(all.iter().all(|imported| imported.report.complete), "{source}: {all:?}");
            assert_eq!(all.each_ref().map(did), [[20, 0, 0, 0, 0], [0, 0, 0, 19, 0], [0, 0, 0, 19, 1]], "{source}");
            let logged = desk.number("SELECT count(*) FROM signals_artifact");
            let sources = desk.number("SELECT count(*) FROM sync_integration");
            assert_eq!(logged, 21 * sources, "{source}: each machine once, and once that one is gone");
            if !has_failed(&desk.store) {
                break;
            }
            failures += 1;
        }
    }
    assert!(failures > 5, "only {failures} failed");
}

#[test]
fn an_import_gives_up_on_a_database_that_stays_away() {
    let desk = Desk::in_memory();
    let rename = |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        desk.store.write_blocking::<_, store::StoreError, _>(move |tx| tx.execute(&sql, &[])).unwrap();
    };
    rename("signals_artifact", "away");
    let draft = reading(Format::Csv, &[], list(3, &[]).as_bytes()).unwrap();
    let order = Order { source: "cmdb".to_owned(), site: None, accept_removals: false };
    let heard = std::sync::Mutex::new(Vec::new());
    let tell = |event: &sync::Event| {
        if let sync::Event::Notice { what, .. } = event {
            heard.lock().unwrap().push(what.clone());
        }
    };
    let import = sync::import::import(&desk.store, &desk.world, OrgId::DEFAULT, "test", &order, draft, &tell);
    let refused = desk.time.run(import).unwrap_err();
    assert!(format!("{refused:?}").contains("signals_artifact"), "{refused:?}");
    let waited = desk.world.now().seconds_since(START);
    assert!((30..i64::try_from(sync::LEASE.as_secs()).unwrap()).contains(&waited), "{waited} s");
    let heard = heard.into_inner().unwrap();
    assert!(heard.len() == 1 && heard[0].starts_with("the import goes on; the database: "), "{heard:?}");
    rename("away", "signals_artifact");
    assert_eq!(did(&desk.import(Format::Csv, "cmdb", &list(3, &[]))), [3, 0, 0, 0, 0]);
}

fn the_same_file_twice_changes_nothing(database: &Database) {
    let desk = Desk::on(database);
    for (format, source, text) in [(Format::Nmap, "office", SCAN), (Format::Csv, "cmdb", &list(30, &[]))] {
        desk.import(format, source, text);
        let before =
            (desk.artifacts(), desk.number("SELECT CAST(sum(version) AS BIGINT) FROM inventory_source_record"));
        let again = desk.import(format, source, text);
        assert!(!again.made);
        assert_eq!((again.report.fetched, again.report.unchanged), (again.report.unchanged, again.report.fetched));
        assert_eq!(
            (desk.artifacts(), desk.number("SELECT CAST(sum(version) AS BIGINT) FROM inventory_source_record")),
            before
        );
    }
    assert_eq!(desk.number("SELECT count(*) FROM inventory_change"), 0);
}

fn a_later_scan_of_the_same_moves_times_and_logs_nothing(database: &Database) {
    let desk = Desk::on(database);
    desk.import(Format::Nmap, "office", SCAN);
    let logged = desk.artifacts();
    let later = SCAN.replace("endtime=\"17952300", "endtime=\"17953300").replace("lastboot=\"Fri", "lastboot=\"Sat");
    assert_eq!(did(&desk.import(Format::Nmap, "office", &later)), [0, 0, 2, 0, 0]);
    assert_eq!(desk.artifacts(), logged);
    let seen = desk.number("SELECT min(last_seen) FROM inventory_asset");
    assert!(Timestamp::from_micros(seen) > Timestamp::parse("2026-11-22T00:00:00Z").unwrap());
}

fn a_machine_is_gone_after_two_whole_files_and_not_after_half_of_one(database: &Database) {
    let desk = Desk::on(database);
    let host = |at: usize| {
        format!(
            "<host><status state=\"up\" reason=\"echo-reply\"/><address addr=\"10.0.0.{at}\" addrtype=\"ipv4\"/>\
             <ports><port protocol=\"tcp\" portid=\"22\"><state state=\"open\"/><service name=\"ssh\"/></port></ports></host>\n"
        )
    };
    let scan = |hosts: std::ops::Range<usize>| {
        let up = hosts.len();
        let hosts: String = hosts.map(host).collect();
        format!(
            "<nmaprun args=\"nmap 10.0.0.0/24\">\n{hosts}<runstats><finished exit=\"success\"/><hosts up=\"{up}\"/></runstats></nmaprun>"
        )
    };
    desk.import(Format::Nmap, "lan", &scan(0..20));
    // Half a scan shows half of the machines, and says nothing about the others.
    let whole = scan(0..20);
    for _ in 0..3 {
        let half = desk.import(Format::Nmap, "lan", &whole[..whole.len() / 2]);
        assert_eq!(
            (half.report.status, half.report.removed, desk.in_state("missing")),
            (StreamStatus::Incomplete, 0, 0)
        );
        assert!(half.report.reason.unwrap().ends_with("what it has is imported, and nothing is retired"));
        assert_eq!(half.integration.state, IntegrationState::Incomplete);
    }
    let once = desk.import(Format::Nmap, "lan", &scan(0..19));
    assert_eq!(
        (once.report.complete, once.report.removed, desk.in_state("missing")),
        (true, 0, 1),
        "one file proves nothing"
    );
    let twice = desk.import(Format::Nmap, "lan", &scan(0..19));
    assert_eq!((twice.report.removed, desk.in_state("retired")), (1, 1));
    assert_eq!(desk.number("SELECT count(*) FROM signals_artifact WHERE op = 'delete'"), 1);
    assert_eq!(desk.count("assets", "port:22"), 19, "what is gone answers no more");
    let back = desk.import(Format::Nmap, "lan", &scan(0..20));
    assert_eq!((back.report.created, desk.in_state("retired")), (1, 0));
}

fn more_than_a_tenth_at_once_is_held_until_somebody_accepts_it(database: &Database) {
    let desk = Desk::on(database);
    desk.import(Format::Csv, "cmdb", &list(30, &[]));
    let fewer = list(30, &[3, 4, 5, 6]);
    for _ in 0..2 {
        let held = desk.import(Format::Csv, "cmdb", &fewer);
        assert_eq!((held.report.held, held.report.removed, desk.in_state("retired")), (4, 0, 0));
        assert!(held.report.reason.unwrap().contains("--accept-removals"));
        assert_eq!(held.integration.state, IntegrationState::Degraded);
    }
    let accepted = desk.try_import(Format::Csv, "cmdb", &fewer, true).unwrap();
    assert_eq!((accepted.report.held, accepted.report.removed, desk.in_state("retired")), (0, 4, 4));
    assert_eq!(accepted.integration.state, IntegrationState::Connected);
}

fn a_file_retires_nothing_of_another_source(database: &Database) {
    let desk = Desk::on(database);
    desk.import(Format::Csv, "here", &list(10, &[]));
    desk.import(Format::Csv, "there", &list(10, &[]));
    let records = "SELECT count(*) FROM inventory_source_record";
    assert_eq!(desk.number(records), 20, "each source has records of its own");
    for _ in 0..2 {
        desk.import(Format::Csv, "there", &list(10, &[1]));
    }
    assert_eq!((desk.in_state("retired"), desk.in_state("present")), (1, 19));
    let taken = desk.try_import(Format::Json, "here", "[{\"name\":\"A\"}]", false).unwrap_err();
    assert_eq!(taken.to_string(), "the name \"here\" belongs to a source of csv files already");
    let draft = reading(Format::Csv, &[], "name\nA\n".as_bytes()).unwrap();
    let order = Order { source: "here".to_owned(), site: Some("Elsewhere".to_owned()), accept_removals: false };
    let moved = sync::import::import(&desk.store, &desk.world, OrgId::DEFAULT, "test", &order, draft, &|_| {});
    assert!(matches!(desk.time.run(moved).unwrap_err(), SyncError::OtherSite { .. }));
    assert_eq!(desk.number(records), 20);
}

fn a_scan_of_another_part_of_the_network_retires_nothing(database: &Database) {
    let desk = Desk::on(database);
    desk.import(Format::Nmap, "lan", SCAN);
    let elsewhere = SCAN.replace("10.20.0.", "10.30.0.").replace("00:00:5E:00:53:05", "00:00:5E:00:53:06");
    for _ in 0..3 {
        let report = desk.import(Format::Nmap, "lan", &elsewhere).report;
        assert_eq!((report.complete, report.removed, desk.in_state("missing")), (true, 0, 0), "{:?}", report.reason);
    }
    assert_eq!(desk.in_state("present"), 4);
    // Who goes back to the first part says nothing about the second.
    for _ in 0..3 {
        assert_eq!(desk.import(Format::Nmap, "lan", SCAN).report.removed, 0);
    }
    let both = SCAN.replace("--exclude 10.20.0.9 10.20.0.0/24", "10.20.0.0/24 10.30.0.0/24");
    desk.import(Format::Nmap, "lan", &both);
    assert_eq!((desk.in_state("present"), desk.in_state("missing")), (2, 2), "who looked at both finds them gone");
}

#[test]
fn a_file_that_is_refused_leaves_nothing() {
    let desk = Desk::in_memory();
    let text = format!("{}\"broken", list(2_000, &[]));
    assert!(matches!(desk.try_import(Format::Csv, "cmdb", &text, false), Err(SyncError::Import(_))));
    for table in ["sync_integration", "inventory_source_record", "inventory_site", "signals_artifact"] {
        assert_eq!(desk.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

#[test]
fn an_import_that_is_killed_is_done_by_the_next_one() {
    let desk = Desk::in_memory();
    desk.import(Format::Csv, "cmdb", &list(1_000, &[]));
    let text = list(1_400, &[7]);
    let draft = reading(Format::Csv, &[], text.as_bytes()).unwrap();
    let order = Order { source: "cmdb".to_owned(), site: None, accept_removals: false };
    // The first page is stored, and then nobody goes on.
    let stored = std::sync::atomic::AtomicBool::new(false);
    let tell = |event: &sync::Event| {
        if matches!(event, sync::Event::PageStored { .. }) && stored.swap(true, std::sync::atomic::Ordering::Relaxed) {
            panic!("killed");
        }
    };
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        desk.time.run(sync::import::import(&desk.store, &desk.world, OrgId::DEFAULT, "test", &order, draft, &tell))
    }));
    assert!(killed.is_err());
    assert_eq!((desk.in_state("missing"), desk.in_state("retired")), (0, 0), "half an import proves nothing");
    let desk = Desk::with(desk.store);
    let again = desk.import(Format::Csv, "cmdb", &text);
    assert!(again.report.complete);
    assert_eq!((desk.in_state("present"), desk.in_state("missing")), (1_399, 1));
}

#[test]
fn nobody_asks_a_source_of_files_for_more() {
    let lab = crate::lab::Build::default().in_memory();
    let draft = reading(Format::Csv, &[], list(3, &[]).as_bytes()).unwrap();
    let order = Order { source: "cmdb".to_owned(), site: None, accept_removals: false };
    let tell = |_: &sync::Event| {};
    let import = sync::import::import(&lab.store, &lab.world, OrgId::DEFAULT, "test", &order, draft, &tell);
    lab.time.run(import).unwrap();
    let only = lab.try_run(&sync::Run::default()).unwrap_err();
    assert!(matches!(only, SyncError::NoIntegration), "{only}");
    lab.connect();
    let names = vec!["cmdb".to_owned()];
    let asked = lab.try_run(&sync::Run { names, ..sync::Run::default() }).unwrap_err();
    assert_eq!(asked.to_string(), "cmdb is a source of files, and Muster asks it for nothing");
    assert_eq!(asked.help().unwrap(), "bring its next file: muster import csv FILE --source cmdb");
    let reports = lab.sync();
    assert!(reports.iter().all(|report| report.integration == "acme"), "{reports:?}");
}
