//! The network of the fleet, what a scan finds of it, and what is planted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sentinelone_sim::{CASES, Cases, Config, Network, Where, World, tokens};
use serde_json::Value;

use crate::client::{self, all};
use crate::{DAY, NOW};

const HOUR: i64 = DAY / 24;

fn planted(seed: u64, endpoints: usize, cases: Cases) -> World {
    let mut config = Config::frozen(seed, endpoints, NOW);
    config.cases = cases;
    World::new(config)
}

/// The elements of an XML text as `path attributes`, in order; panics where it is not well-formed.
fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let (mut open, mut found): (Vec<String>, Vec<_>) = (Vec::new(), Vec::new());
    let mut rest = xml;
    while let Some(begin) = rest.find('<') {
        assert!(!rest[..begin].contains('>'), "a loose angle bracket");
        let end = begin + rest[begin..].find('>').expect("a tag ends");
        let tag = &rest[begin + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "elements are nested");
            continue;
        }
        let whole = tag.trim_end_matches('/');
        let (name, mut text) = whole.split_once(' ').unwrap_or((whole, ""));
        let mut attributes = BTreeMap::new();
        while let Some((key, after)) = text.trim_start().split_once("=\"") {
            let (value, after) = after.split_once('"').expect("an attribute ends");
            assert!(attributes.insert(key.to_owned(), value.to_owned()).is_none(), "{key} stands twice");
            text = after;
        }
        assert!(text.trim().is_empty(), "{text}");
        open.push(name.to_owned());
        found.push((open.join("/"), attributes));
        if tag.ends_with('/') {
            open.pop();
        }
    }
    assert!(open.is_empty(), "{open:?} stays open");
    found
}

fn labelled(network: &Network, label: &str) -> usize {
    network.machines.iter().filter(|machine| machine.case == Some(label)).count()
}

#[test]
fn a_scan_is_a_well_formed_file_that_names_every_host() {
    let world = planted(7, 300, Cases::ALL);
    let network = world.network();
    for at in [Where::Main, Where::Branch] {
        let xml = world.scan(at);
        let elements = elements(&xml);
        let of = |path: &str| elements.iter().filter(|(found, _)| found == path).collect::<Vec<_>>();
        let expected: BTreeSet<String> = network
            .machines
            .iter()
            .flat_map(|machine| &machine.hosts)
            .filter(|host| host.at == at)
            .map(|host| host.address.clone())
            .collect();
        let addresses = of("nmaprun/host/address");
        let v4: BTreeSet<String> =
            addresses.iter().filter(|(_, a)| a["addrtype"] == "ipv4").map(|(_, a)| a["addr"].clone()).collect();
        assert_eq!(v4, expected);
        assert!(!v4.is_empty());
        let total = &of("nmaprun/runstats/hosts")[0].1["total"];
        assert_eq!(*total, of("nmaprun/host").len().to_string());
        assert_eq!(of("nmaprun/runstats/finished")[0].1["exit"], "success");
        assert_eq!(of("nmaprun")[0].1["scanner"], "nmap");
    }
    assert_eq!(world.scan(Where::Main), world.scan(Where::Main), "a console that stands still is scanned alike");
}

#[test]
fn the_looks_of_a_scanned_host_stay() {
    let xml = planted(7, 60, Cases::NONE).scan(Where::Main);
    let begin = xml.find("<host ").unwrap();
    let end = xml.find("</host>").unwrap();
    insta::assert_snapshot!(format!("{}...{}", &xml[..end], &xml[xml.find("<runstats").unwrap()..]));
    assert!(begin < end);
}

#[test]
fn every_record_of_the_console_belongs_to_one_machine() {
    let world = planted(7, 400, Cases::ALL);
    let network = world.network();
    let of = |pick: fn(&sentinelone_sim::Machine) -> &Vec<String>| {
        let ids: Vec<String> = network.machines.iter().flat_map(|machine| pick(machine).clone()).collect();
        let distinct: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(ids.len(), distinct.len(), "no record belongs to two");
        distinct
    };
    let listed = |path: &str, query: &str| -> BTreeSet<String> {
        let rows = all(&world, tokens::GLOBAL, path, &format!("limit=1000&{query}"));
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        of(|machine| &machine.agents),
        listed("/agents", "isDecommissioned=true,false&isUninstalled=true,false")
    );
    assert_eq!(of(|machine| &machine.devices), listed("/ranger/table-view", ""));
    assert_eq!(of(|machine| &machine.assets), listed("/xdr/assets", ""));
    let truth = world.truth(tokens::GLOBAL);
    let with_agents = network.machines.iter().filter(|machine| !machine.agents.is_empty()).count();
    assert_eq!(with_agents as u64, truth.machines);
    assert!(truth.machines < truth.agents);
    let unprotected = network.machines.iter().filter(|machine| machine.is_unprotected_workstation());
    let (managed, devices): (Vec<_>, Vec<_>) =
        unprotected.filter(|m| !m.agents.is_empty() || !m.devices.is_empty()).partition(|m| !m.agents.is_empty());
    assert_eq!(managed.len(), truth.unprotected_workstations.len());
    assert_eq!(devices.len() as u64, truth.unprotected_devices);
}

#[test]
fn without_planted_cases_every_agent_is_a_machine_and_every_host_is_decided() {
    let world = planted(7, 400, Cases::NONE);
    let (network, truth) = (world.network(), world.truth(tokens::GLOBAL));
    assert_eq!(truth.machines, truth.agents);
    assert_eq!(network.undecidable(), 0);
    assert!(network.machines.iter().all(|machine| machine.case.is_none()));
    let addresses: BTreeSet<_> =
        network.machines.iter().flat_map(|machine| &machine.hosts).map(|host| &host.address).collect();
    assert_eq!(addresses.len(), network.hosts(), "an address is one host's");
}

#[test]
fn cases_are_planted_at_their_rates() {
    const ENDPOINTS: usize = 2000;
    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    let mut config = Config::new(7, ENDPOINTS, Arc::new(move || clock.load(Ordering::SeqCst)));
    config.cases = Cases::ALL;
    config.tempo = None;
    let world = World::new(config);
    hand.store(NOW + 2 * HOUR, Ordering::SeqCst);
    let network = world.network();
    for case in CASES {
        // How many machines one planted case makes.
        let each = match case.label {
            "4" | "6" | "7" | "8" | "14" | "21" | "24" | "25" | "23" | "15" | "9" => 2,
            "5" => 5,
            "18" => 3,
            _ => 1,
        };
        let expected = case.per_mille as usize * ENDPOINTS / 1000 * each;
        assert_eq!(labelled(&network, case.label), expected, "{}: {}", case.label, case.what);
    }
    assert!(network.undecidable() > 0);
    assert!(network.undecidable() * 50 <= network.hosts(), "{} of {}", network.undecidable(), network.hosts());
}

#[test]
fn a_case_that_is_switched_off_is_not_planted() {
    let network = planted(7, 500, Cases::without(&["3", "A", "B"])).network();
    assert_eq!((labelled(&network, "3"), network.undecidable()), (0, 0));
    assert!(labelled(&network, "14") > 0);
    let only = planted(7, 500, Cases::only(&["3"])).network();
    assert!(only.machines.iter().all(|machine| matches!(machine.case, None | Some("3"))));
    assert!(labelled(&only, "3") > 0);
}

#[test]
fn planted_agents_report_what_they_were_planted_for() {
    let world = planted(7, 2000, Cases::ALL);
    let agents =
        all(&world, tokens::GLOBAL, "/agents", "limit=1000&isDecommissioned=true,false&isUninstalled=true,false");
    let by_id: BTreeMap<&str, &Value> = agents.iter().map(|agent| (agent["id"].as_str().unwrap(), agent)).collect();
    let network = world.network();
    let of = |label: &str| -> Vec<Vec<&Value>> {
        let machines = network.machines.iter().filter(move |machine| machine.case == Some(label));
        machines.map(|machine| machine.agents.iter().map(|id| by_id[id.as_str()]).collect()).collect()
    };
    for pair in of("3") {
        assert_eq!(pair.len(), 2);
        assert_eq!(pair[0]["serialNumber"], pair[1]["serialNumber"]);
        assert_ne!(pair[0]["uuid"], pair[1]["uuid"]);
        assert_eq!((&pair[0]["isActive"], &pair[1]["isActive"]), (&false.into(), &true.into()));
        assert!(pair[0]["lastActiveDate"].as_str() < pair[1]["createdAt"].as_str(), "one after the other");
    }
    let clones = of("4");
    for machine in &clones {
        let same = |other: &&Vec<&Value>| other[0]["uuid"] == machine[0]["uuid"];
        assert_eq!(clones.iter().filter(same).count(), 2, "a clone has a twin");
        assert_eq!(machine[0]["isActive"], true);
    }
    for pair in of("13") {
        assert_eq!(pair[0]["computerName"], pair[1]["computerName"]);
        assert_ne!(pair[0]["serialNumber"], pair[1]["serialNumber"]);
        assert_eq!(pair[0]["domain"], "corp.example.com");
    }
    for pair in of("28") {
        assert_eq!(pair[0]["uuid"], pair[1]["uuid"]);
        assert_eq!(pair[0]["consoleMigrationStatus"], "Migrated");
    }
    for machine in of("17") {
        assert_eq!(machine[0]["computerName"].as_str().unwrap().len(), 15);
    }
    for machine in of("10") {
        assert!(machine[0]["networkInterfaces"].as_array().unwrap().len() >= 4);
    }
}

#[test]
fn what_is_planted_for_later_happens_an_hour_after_the_start() {
    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    let mut config = Config::new(7, 1000, Arc::new(move || clock.load(Ordering::SeqCst)));
    config.cases = Cases::only(&["2", "20", "26", "27"]);
    config.tempo = None;
    let world = World::new(config);
    let look = || {
        let rows = all(&world, tokens::GLOBAL, "/agents", "limit=1000");
        let facts = |row: &Value| {
            ["computerName", "uuid", "siteId"].map(|field| row[field].as_str().unwrap_or_default().to_owned())
        };
        rows.iter().map(|row| (row["id"].as_str().unwrap().to_owned(), facts(row))).collect::<BTreeMap<_, _>>()
    };
    let before = look();
    hand.store(NOW + 2 * HOUR, Ordering::SeqCst);
    let after = look();
    let changed = |field: usize| before.iter().filter(|(id, facts)| after[*id][field] != facts[field]).count();
    assert_eq!([changed(0), changed(1), changed(2)], [5, 5, 5]);
    assert_eq!(after.len() - before.len(), 5, "strangers that got an agent");
    let network = world.network();
    let newcomers = network.machines.iter().filter(|machine| machine.case == Some("20"));
    assert!(newcomers.clone().all(|machine| machine.protected && machine.hosts.len() == 1));
}

/// Activities and threats of the first hour after the start, and what became of the threats of that hour.
fn first_hour(hurried: u32) -> (usize, usize) {
    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    let config = Config::new(7, 400, Arc::new(move || clock.load(Ordering::SeqCst))).hurried(hurried);
    let world = World::new(config);
    let before = (world.threat_ids().len(), world.truth(tokens::GLOBAL).activities);
    hand.store(NOW + HOUR, Ordering::SeqCst);
    let after = (world.threat_ids().len(), world.truth(tokens::GLOBAL).activities);
    (after.0 - before.0, after.1 as usize - before.1 as usize)
}

#[test]
fn a_hurried_console_lives_a_day_and_more_in_an_hour_and_its_dates_stay_in_it() {
    let (threats, activities) = first_hour(1);
    let (many, more) = first_hour(60);
    assert!(many > threats * 20 && many > 60, "{many} threats instead of {threats}");
    assert!(more > activities * 20, "{more} activities instead of {activities}");

    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    let world = World::new(Config::new(7, 400, Arc::new(move || clock.load(Ordering::SeqCst))).hurried(60));
    hand.store(NOW + HOUR, Ordering::SeqCst);
    let page = client::get(&world, tokens::GLOBAL, "/activities", "limit=1&sortBy=createdAt&sortOrder=desc").json();
    let newest = page["data"][0]["createdAt"].as_str().unwrap().to_owned();
    assert!(newest.starts_with("2026-11-20T12:") || newest.starts_with("2026-11-20T13:0"), "{newest}");
}

#[test]
fn a_silenced_agent_is_not_active_any_more_and_was_seen_when_it_last_reported() {
    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    let mut config = Config::new(7, 60, Arc::new(move || clock.load(Ordering::SeqCst)));
    config.tempo = None;
    let world = World::new(config);
    let look =
        |id: &str| client::get(&world, tokens::GLOBAL, "/agents", &format!("ids={id}")).json()["data"][0].clone();
    let id = world.agent_ids().into_iter().find(|id| look(id)["isActive"] == true).unwrap();
    let before = look(&id);
    assert!(world.silence(&id));
    assert!(!world.silence(&id), "it is silent already");
    hand.store(NOW + 2 * HOUR, Ordering::SeqCst);
    let after = look(&id);
    assert_eq!((&after["isActive"], &after["lastActiveDate"]), (&false.into(), &before["lastActiveDate"]));
    assert!(!world.silence("1"));
}
