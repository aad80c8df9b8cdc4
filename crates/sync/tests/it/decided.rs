//! Which records are one machine, seen from a console: the cases that only whole syncs can show, and what people decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::Memory;
use inventory::correlate::directive::{self, Decision, DirectiveError};
use kernel::{AssetId, OrgId, RecordId};
use sentinelone_sim::{Fault, FaultPlan, Rate, Rule};
use serde_json::json;
use store::{StoreError, Tx};
use sync::import::{Format, Order};
use sync::{Run, StreamReport, StreamStatus};
use testkit::Database;

use crate::files::reading;
use crate::lab::{Build, Lab, SLICES, all_complete, of};

testkit::on_each_database! {
    case_27_an_agent_that_moves_between_sites_and_groups_stays_its_asset_and_says_where_it_was,
    what_people_merge_split_and_pin_survives_ten_further_syncs_of_a_console_that_changes,
}

const MACHINES: [&str; 3] = ["sites", "groups", "agents"];

fn full(lab: &Lab) -> Vec<StreamReport> {
    let streams = MACHINES.iter().map(|name| (*name).to_owned()).collect();
    lab.try_run(&Run { full: true, streams, ..Run::default() }).unwrap()
}

fn import(lab: &Lab, format: Format, source: &str, text: &str) {
    let draft = reading(format, &[], text.as_bytes()).unwrap();
    let order = Order { source: source.to_owned(), site: None, accept_removals: false };
    let imported = sync::import::import(&lab.store, &lab.world, OrgId::DEFAULT, "test", &order, draft, &|_| {});
    assert!(lab.time.run(imported).unwrap().report.complete);
}

/// Every record of a machine by its native id, and its asset.
fn links(lab: &Lab) -> BTreeMap<String, (RecordId, AssetId)> {
    const LINKS: &str = "SELECT m.native_id, m.record_id, l.asset_id FROM inventory_link l
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id";
    let read = |row: &store::Row| Ok((row.text(0)?.to_owned(), (RecordId(row.int(1)?), AssetId(row.int(2)?))));
    lab.store.read_blocking::<_, StoreError, _>(move |tx| tx.query(LINKS, &[], read)).unwrap().into_iter().collect()
}

fn decide<T: Send + 'static>(
    lab: &Lab,
    work: impl FnOnce(&mut Tx, &Decision) -> Result<T, DirectiveError> + Send + 'static,
) -> T {
    let now = lab.world.now();
    let memory = Arc::new(Memory::default());
    let decided = lab.store.write_blocking(move |tx| {
        work(tx, &Decision { org: OrgId::DEFAULT, memory: &memory, by: "dana", reason: "it is so", now })
    });
    decided.unwrap()
}

fn asset_of(lab: &Lab, native_id: &str) -> AssetId {
    links(lab)[native_id].1
}

#[test]
fn case_09_two_hundred_agents_behind_one_gateway_are_two_hundred() {
    const GATEWAY: &str = "00:1a:8c:10:20:30";
    let lab = Build { endpoints: 220, ..Build::default() }.in_memory();
    let agents = lab.sim.agent_ids();
    for (at, agent) in agents.iter().enumerate().take(200) {
        // Nothing else could tell them apart, or join them: no serial number, names and hardware addresses of their own.
        let interfaces = json!([{
            "id": at.to_string(), "name": "eth0", "physical": format!("bc:24:11:00:{:02x}:{:02x}", at / 256, at % 256),
            "inet": [format!("10.9.{}.{}", at / 250, at % 250 + 1)], "inet6": [],
            "gatewayIp": "10.9.0.254", "gatewayMacAddress": GATEWAY,
        }]);
        let fields = json!({ "computerName": format!("behind-{at}"), "serialNumber": null, "domain": "WORKGROUP",
            "networkInterfaces": interfaces, "externalIp": "203.0.113.9", "cloudProviders": {},
            "isDecommissioned": false, "isUninstalled": false });
        assert!(lab.sim.patch_agent(agent, &fields));
    }
    lab.connect();
    all_complete(&full(&lab));
    let machines = || {
        let links = links(&lab);
        let assets: std::collections::BTreeSet<AssetId> = agents.iter().take(200).map(|id| links[id].1).collect();
        assets.len()
    };
    assert_eq!(machines(), 200);
    // The gateway itself, as a scan sees it, is nobody's machine but its own.
    import(&lab, Format::Csv, "scan", &format!("name,mac,ip\nrouter,{GATEWAY},10.9.0.254\n"));
    assert_eq!(machines(), 200);
    let of_agents: Vec<AssetId> =
        links(&lab).iter().filter(|(id, _)| agents.contains(id)).map(|(_, of)| of.1).collect();
    let router: Vec<AssetId> = links(&lab).iter().filter(|(id, _)| !agents.contains(id)).map(|(_, of)| of.1).collect();
    assert_eq!(router.len(), 1);
    assert!(!of_agents.contains(&router[0]));
}

fn case_27_an_agent_that_moves_between_sites_and_groups_stays_its_asset_and_says_where_it_was(database: &Database) {
    let with = |config: &mut sentinelone_sim::Config| config.tempo = None;
    let lab = Build { alive: true, endpoints: 12, with, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    all_complete(&full(&lab));
    let agent = lab.sim.agent_ids().remove(3);
    let before = links(&lab);
    let changes = "SELECT count(*) FROM inventory_change WHERE field LIKE '%site%' OR field LIKE '%group%'";
    let told = lab.number(changes);
    let mut moves = 0;
    for group in lab.sim.group_ids() {
        lab.pass_time(std::time::Duration::from_secs(3_600));
        assert!(lab.sim.move_agent(&agent, &group));
        all_complete(&full(&lab));
        assert_eq!(links(&lab)[&agent], before[&agent], "the record and its asset are what they were");
        moves += 1;
    }
    assert!(moves >= 3, "{moves} groups");
    assert_eq!(links(&lab).len(), before.len());
    // Where it was is told: at least its group, at each move but one to where it is already.
    assert!(lab.number(changes) >= told + moves - 1, "{} of {moves} moves", lab.number(changes) - told);
    assert_eq!(lab.number("SELECT count(*) FROM inventory_source_record WHERE state = 'retired'"), 0);
}

#[test]
fn case_30_a_page_in_the_middle_that_fails_or_comes_empty_leaves_nothing_missing() {
    for fault in [Fault::Json500, Fault::EmptyPage, Fault::NullData] {
        // Twenty pages; the seventh fails, for as long as anybody asks for it.
        let lab = Build { endpoints: 100, page_max: 5, ..Build::default() }.in_memory();
        lab.connect();
        all_complete(&full(&lab));
        let present = "SELECT count(*) FROM inventory_source_record WHERE stream = 'agents' AND state = 'present'";
        let missing = "SELECT count(*) FROM inventory_source_record WHERE missing_since IS NOT NULL";
        let (agents, pages) = (lab.number(present), lab.sim.agent_ids().len().div_ceil(5));
        assert!(pages >= 20, "{pages} pages");
        for _ in 0..3 {
            lab.faults(FaultPlan::of(
                1,
                vec![Rule::always(fault).at(Rate::Span { first: 7, times: u64::MAX }).on("/agents")],
            ));
            lab.sim.clear_journal();
            let reports = full(&lab);
            assert!(!lab.sim.journal().faults.is_empty(), "{fault} was played");
            assert_ne!(of(&reports, "agents").status, StreamStatus::Complete, "{fault}");
            assert_eq!((lab.number(present), lab.number(missing)), (agents, 0), "{fault}");
            lab.pass_time(std::time::Duration::from_secs(3_600));
        }
        lab.faults(FaultPlan::none());
        all_complete(&full(&lab));
        assert_eq!((lab.number(present), lab.number(missing)), (agents, 0), "{fault}");
    }
}

fn what_people_merge_split_and_pin_survives_ten_further_syncs_of_a_console_that_changes(database: &Database) {
    let lab = Build { alive: true, endpoints: 24, ..Build::default() }.on(database.open(SLICES));
    lab.connect();
    let agents = lab.sim.agent_ids();
    let [merged, with, split, pinned] = [2, 5, 8, 11].map(|at: usize| agents[at].clone());
    // Two that a list knows by the same serial number as the console.
    for (agent, serial) in [(&split, "5CG1234SPLIT"), (&pinned, "5CG1234PINNED")] {
        assert!(lab.sim.patch_agent(agent, &json!({ "serialNumber": serial, "isDecommissioned": false })));
    }
    all_complete(&full(&lab));
    import(&lab, Format::Csv, "list", "name,serial\nlisted,5CG1234SPLIT\n");
    let listed = links(&lab).into_keys().find(|id| !agents.contains(id)).unwrap();
    assert_eq!(asset_of(&lab, &listed), asset_of(&lab, &split), "a serial number joins them");

    let (one, other) = (asset_of(&lab, &merged), asset_of(&lab, &with));
    assert_ne!(one, other);
    let whole = decide(&lab, move |tx, by| directive::merge(tx, by, &[one, other]));
    let record = links(&lab)[&listed].0;
    let directive::Parted { stays, off, .. } = decide(&lab, move |tx, by| directive::split(tx, by, &[record]));
    let kept = asset_of(&lab, &pinned);
    decide(&lab, move |tx, by| directive::pin(tx, by, kept));
    // Only now the list names the serial number of the pinned one.
    import(&lab, Format::Csv, "list", "name,serial\nlisted,5CG1234SPLIT\nlater,5CG1234PINNED\n");
    let later = links(&lab).into_keys().find(|id| !agents.contains(id) && *id != listed).unwrap();

    for sync in 1..=10 {
        lab.pass_time(std::time::Duration::from_secs(3 * 3_600));
        for agent in [&merged, &with, &split, &pinned] {
            assert!(lab.sim.patch_agent(agent, &json!({ "computerName": format!("renamed-{sync}-{}", &agent[..4]) })));
        }
        assert!(lab.sim.move_agent(&split, &lab.sim.group_ids()[sync % 2]));
        all_complete(&full(&lab));
        import(
            &lab,
            Format::Csv,
            "list",
            &format!("name,serial\nlisted-{sync},5CG1234SPLIT\nlater-{sync},5CG1234PINNED\n"),
        );
        let of = |native_id: &str| asset_of(&lab, native_id);
        assert_eq!((of(&merged), of(&with)), (whole, whole), "merged, after {sync} further syncs");
        assert_eq!((of(&split), of(&listed)), (stays, off), "split, after {sync} further syncs");
        assert_eq!(of(&pinned), kept, "pinned, after {sync} further syncs");
        assert_ne!(of(&later), kept, "nothing joins what is pinned, after {sync} further syncs");
    }
}
