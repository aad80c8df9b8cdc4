//! Machines: several records of one asset, records that are left out, and what is stored already, translated again.

use std::borrow::Cow;
use std::sync::Arc;

use inventory::noun::{Address, AgentState, Grade, Interface, Mac, MachineNoun, Name};
use inventory::{
    Ask, Context, Incoming, LeftOut, Memory, Noun, Onboard, Op, Outcome, Reason, Reprojected, Translation, Want,
};
use kernel::{AssetId, IntegrationId, OrgId, RecordId, SiteId, SweepId, Timestamp};
use store::{Store, StoreError};
use testkit::Database;

use crate::source::{TABLES, at, one_int, one_text, texts};

testkit::on_each_database! {
    a_device_that_names_a_known_agent_joins_its_asset,
    an_asset_says_of_each_value_which_record_said_it,
    an_asset_stays_while_any_record_is_present,
    an_agent_that_is_touched_moves_the_asset_of_several_records,
    only_a_scan_measures,
    an_asset_without_agent_has_no_edr_and_grows_stale,
    a_record_is_looked_at_again_when_its_identity_moves,
    what_an_option_leaves_out_is_kept_and_not_shown,
    a_machine_that_waits_comes_in_when_it_may,
    what_is_stored_is_translated_again_without_a_version,
    what_was_kept_plain_becomes_what_it_is,
    a_retired_record_stays_retired_when_it_is_translated_again,
    a_database_of_yesterday_has_its_machines,
    a_source_that_updates_no_metadata_changes_nothing_that_was_there_before,
    a_source_told_to_update_no_more_keeps_its_words_and_their_place,
    what_waits_outside_follows_its_source_until_it_comes_in,
}

/// A stream of an integration.
#[derive(Clone)]
struct Feed {
    store: Store,
    memory: Arc<Memory>,
    integration: i64,
    stream: &'static str,
    onboard: Onboard,
    now: Timestamp,
}

/// What a record says, and by which option it is left out.
type Said = (Noun, Option<LeftOut>);

impl Feed {
    fn of(store: &Store, integration: i64, stream: &'static str) -> Feed {
        let (memory, now) = (Arc::default(), at(100 * 86_400));
        Feed { store: store.clone(), memory, integration, stream, onboard: Onboard::Always, now }
    }

    fn context(&self) -> Context<'_> {
        Context {
            org: OrgId::DEFAULT,
            integration: IntegrationId(self.integration),
            site: SiteId(self.integration),
            stream: self.stream,
            sweep: SweepId(1),
            now: self.now,
            immutable: false,
            body_in_log: false,
            memory: &self.memory,
            onboard: self.onboard,
        }
    }

    /// Applies one record: what it says is its body, the `meaning` what it means.
    fn tell(&self, native_id: &str, body: &str, meaning: &str, said: Said) -> Outcome {
        let (feed, native_id, body) = (self.clone(), native_id.to_owned(), body.to_owned());
        let meaning_hash = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(meaning.as_bytes()));
        let raw_hash = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(body.as_bytes()));
        let outcomes = self.store.write_blocking(move |tx| {
            let page = [Incoming { native_id: Cow::Borrowed(&native_id), raw: body.as_bytes(), raw_hash }];
            let (noun, left_out) = said;
            let mut noun = Some(noun);
            inventory::apply(tx, &feed.context(), &page, &mut |_| {
                let noun = noun.take().ok_or_else(|| Reason("asked twice".to_owned()))?;
                Ok(Translation { meaning_hash, updated_at: None, noun, left_out })
            })
        });
        outcomes.unwrap().remove(0)
    }

    fn say(&self, native_id: &str, machine: MachineNoun) -> Outcome {
        let words = format!("{machine:?}");
        self.tell(native_id, &words, &words, (Noun::Machine(machine), None))
    }

    fn retire(&self, record: RecordId) {
        let feed = self.clone();
        let retired = self.store.write_blocking(move |tx| inventory::retire(tx, &feed.context(), &[record])).unwrap();
        assert_eq!(retired.len(), 1);
    }

    fn reproject(&self, record: RecordId, said: Said) -> Reprojected {
        let feed = self.clone();
        let done = self.store.write_blocking(move |tx| {
            inventory::reproject(tx, &feed.context(), &[record], &mut |_, _| {
                let (noun, left_out) = said.clone();
                Ok(Translation { meaning_hash: [0; 32], updated_at: None, noun, left_out })
            })
        });
        done.unwrap()
    }
}

fn agent(name: &str) -> MachineNoun {
    MachineNoun {
        name: Some(name.to_owned()),
        names: vec![Name { kind: "computer", text: name.to_owned() }],
        os: Some("Windows 11".to_owned()),
        serial: Some("5CG0471XYZ".to_owned()),
        last_seen: Some(at(100 * 86_400 - 60)),
        first_seen: Some(at(50 * 86_400)),
        active: Some(true),
        edr: "SentinelOne",
        state: Some(AgentState::Active),
        interfaces: vec![interface("00:00:5e:00:53:07", "10.0.0.7")],
        ..MachineNoun::default()
    }
}

fn interface(mac: &str, ip: &str) -> Interface {
    Interface { mac: Mac::parse(mac), addresses: vec![ip.parse().unwrap()], ..Interface::default() }
}

/// A device that was seen on the network and carries an agent.
fn device(agent: &str) -> MachineNoun {
    MachineNoun {
        grade: Grade::Discovery,
        source: "sentinelone".into(),
        agent_id: Some(agent.to_owned()),
        os: Some("Windows".to_owned()),
        manufacturer: Some("Dell".to_owned()),
        first_seen: Some(at(10 * 86_400)),
        last_seen: Some(at(99 * 86_400)),
        interfaces: vec![interface("00:00:5e:00:53:07", "10.0.0.7"), interface("00:00:5e:00:53:08", "10.0.0.8")],
        ..MachineNoun::default()
    }
}

fn scanned(name: &str, day: i64) -> MachineNoun {
    MachineNoun {
        grade: Grade::Scan,
        source: "scan".into(),
        name: Some(name.to_owned()),
        last_seen: Some(at(day * 86_400)),
        active: Some(true),
        addresses: vec![Address {
            ip: "10.9.0.1".parse().unwrap(),
            measured: true,
            observed_at: Some(at(day * 86_400)),
        }],
        ..MachineNoun::default()
    }
}

fn open(database: &Database) -> Store {
    database.open(&TABLES)
}

fn count(store: &Store, text: &str, now: Timestamp) -> u64 {
    let ask = Ask { want: Want::Count, ..Ask::new("assets", text, now) };
    store.read_blocking(move |tx| inventory::ask_in(tx, OrgId::DEFAULT, &ask)).unwrap().total.unwrap()
}

const ASSETS: &str = "SELECT COUNT(*) FROM inventory_asset";
const HISTORY: &str = "SELECT c.field || ': ' || COALESCE(c.before, '-') || ' -> ' || COALESCE(c.after, '-') || ' by ' || r.stream
    FROM inventory_change c JOIN inventory_source_record r ON r.org_id = c.org_id AND r.record_id = c.record_id ORDER BY c.change_id";

fn a_device_that_names_a_known_agent_joins_its_asset(database: &Database) {
    let store = open(database);
    let (agents, devices) = (Feed::of(&store, 1, "agents"), Feed::of(&store, 1, "ranger_devices"));
    agents.say("77", agent("LT-1"));
    devices.say("9", device("77"));
    assert_eq!(one_int(&store, ASSETS), 1);
    let links = "SELECT rule || ' ' || evidence FROM inventory_link ORDER BY record_id";
    assert_eq!(texts(&store, links), ["new 77", "same-agent 77"]);
    let row =
        "SELECT record_count || ' ' || source_count || ' ' || address_count || ' ' || mac_count FROM inventory_asset";
    assert_eq!(one_text(&store, &row.replace("record_count", "CAST(record_count AS TEXT)")), "2 1 2 2");
    let seen = "SELECT last_seen - first_seen FROM inventory_asset";
    assert_eq!(one_int(&store, seen), (at(100 * 86_400 - 60).micros()) - at(10 * 86_400).micros());

    // Another integration's agent of that id is another agent, and an agent that nobody knows is waited for.
    Feed::of(&store, 2, "ranger_devices").say("9", device("77"));
    devices.say("10", device("78"));
    assert_eq!(one_int(&store, ASSETS), 3);
    assert_eq!(count(&store, "record_count:>1 source:sentinelone", agents.now), 1);

    // A device without an agent is one asset, however many lists of the console name it.
    devices.say("11", device("NDI:11"));
    Feed::of(&store, 1, "xdr_assets").say("a", device("NDI:11"));
    assert_eq!(one_int(&store, ASSETS), 4);
}

fn an_asset_says_of_each_value_which_record_said_it(database: &Database) {
    let store = open(database);
    let (agents, devices) = (Feed::of(&store, 1, "agents"), Feed::of(&store, 1, "ranger_devices"));
    let by_agent = agents.say("77", agent("LT-1")).record;
    let by_device = devices.say("9", device("77")).record;
    devices.say("9", MachineNoun { manufacturer: Some("Dell Inc.".to_owned()), os: None, ..device("77") });
    agents.say("77", MachineNoun { os: Some("Windows 12".to_owned()), ..agent("LT-1") });
    let history = [
        "manufacturer: - -> Dell by ranger_devices",
        "manufacturer: Dell -> Dell Inc. by ranger_devices",
        "os: Windows 11 -> Windows 12 by agents",
    ];
    let told = texts(&store, HISTORY);
    assert!(history.iter().all(|line| told.iter().any(|told| told == line)), "{told:?}");

    let now = agents.now;
    let asset = AssetId(one_int(&store, "SELECT asset_id FROM inventory_asset"));
    let winners = store
        .read_blocking::<_, StoreError, _>(move |tx| inventory::project::winners(tx, OrgId::DEFAULT, asset, now))
        .unwrap();
    let of = |attribute: &str| {
        let winner = winners.iter().find(|winner| winner.attribute == attribute).unwrap();
        (winner.value.as_str(), winner.record, winner.why.as_str())
    };
    assert_eq!(of("os"), ("Windows 12", by_agent, "no other record says it"));
    assert_eq!(of("manufacturer"), ("Dell Inc.", by_device, "no other record says it"));
    assert_eq!(of("first_seen").1, by_device);
    let said = |attribute: &str| {
        let winner = winners.iter().find(|winner| winner.attribute == attribute).unwrap();
        winner.said.iter().map(|(record, value)| (*record, value.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(said("os"), [(by_agent, "Windows 12")]);
    assert_eq!(said("first_seen").len(), 2, "each says when it saw it first");
    devices.say("9", device("77"));
    let records = store
        .read_blocking::<_, StoreError, _>(move |tx| inventory::project::records_of(tx, OrgId::DEFAULT, asset, now))
        .unwrap();
    let shown: Vec<_> = records.iter().map(|one| (one.record, one.lead, one.lifecycle.as_deref())).collect();
    assert_eq!(shown, [(by_agent, true, Some("active")), (by_device, false, Some("seen"))]);
}

fn an_asset_stays_while_any_record_is_present(database: &Database) {
    let store = open(database);
    let (agents, devices) = (Feed::of(&store, 1, "agents"), Feed::of(&store, 1, "ranger_devices"));
    let by_agent = agents.say("77", agent("LT-1")).record;
    let by_device = devices.say("9", device("77")).record;
    let removed = "SELECT before || ' -> ' || after FROM inventory_change WHERE field = 'removed' ORDER BY change_id";
    let now = agents.now;
    assert_eq!(count(&store, "edr.name:SentinelOne removed:f", now), 1);

    agents.retire(by_agent);
    assert_eq!(texts(&store, removed), [""; 0]);
    assert_eq!(count(&store, "not edr.name:SentinelOne removed:f lifecycle:seen os:=Windows", now), 1);
    assert!(texts(&store, HISTORY).contains(&"edr: SentinelOne -> - by ranger_devices".to_owned()));

    devices.retire(by_device);
    assert_eq!(texts(&store, removed), ["false -> true"]);
    assert_eq!(count(&store, "removed:t lifecycle:retired source:sentinelone", now), 1);

    assert_eq!(agents.say("77", agent("LT-2")).op, Op::Returned);
    assert_eq!(texts(&store, removed), ["false -> true", "true -> false"]);
    assert_eq!(count(&store, "edr.name:SentinelOne removed:f lifecycle:active name:=LT-2", now), 1);
    assert_eq!(one_int(&store, ASSETS), 1);
}

fn an_agent_that_is_touched_moves_the_asset_of_several_records(database: &Database) {
    let store = open(database);
    let (agents, devices) = (Feed::of(&store, 1, "agents"), Feed::of(&store, 1, "ranger_devices"));
    agents.tell("77", "one", "same", (Noun::Machine(agent("LT-1")), None));
    devices.say("9", device("77"));
    let asleep = MachineNoun {
        last_seen: Some(at(100 * 86_400)),
        active: Some(false),
        state: Some(AgentState::Offline),
        ..agent("LT-1")
    };
    let before = one_int(&store, "SELECT COUNT(*) FROM inventory_change");
    let later = Feed { now: agents.now.plus_seconds(60), ..agents };
    assert_eq!(later.tell("77", "two", "same", (Noun::Machine(asleep), None)).op, Op::Touched);
    assert_eq!(one_int(&store, "SELECT last_seen FROM inventory_asset"), at(100 * 86_400).micros());
    assert_eq!(count(&store, "lifecycle:offline active:f address_count:=2 mac_count:=2", later.now), 1);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_change"), before);
    assert!(one_int(&store, "SELECT updated_at FROM inventory_asset") < later.now.micros());
}

fn only_a_scan_measures(database: &Database) {
    let store = open(database);
    Feed::of(&store, 1, "agents").say("77", agent("LT-1"));
    let scan = Feed::of(&store, 2, "hosts");
    scan.say("10.9.0.1", scanned("printer", 99));
    let now = scan.now;
    assert_eq!(count(&store, "has:address.primary", now), 1);
    assert_eq!(count(&store, "address.primary:10.9.0.0/24 source:nmap", now), 1);
    assert_eq!(count(&store, "address.secondary:10.0.0.7 not has:address.primary", now), 1);
    let asset = AssetId(one_int(&store, "SELECT asset_id FROM inventory_asset WHERE name = 'printer'"));
    let addresses = store
        .read_blocking::<_, StoreError, _>(move |tx| inventory::project::addresses_of(tx, OrgId::DEFAULT, asset, now))
        .unwrap();
    assert_eq!((addresses[0].measured, addresses[0].old), (true, false));
    assert_eq!(
        (addresses[0].observed_at, addresses[0].sources.as_slice()),
        (Some(at(99 * 86_400)), &["scan".to_owned()][..])
    );
}

fn an_asset_without_agent_has_no_edr_and_grows_stale(database: &Database) {
    let store = open(database);
    let scan = Feed::of(&store, 2, "hosts");
    scan.say("a", scanned("printer", 99));
    scan.say("b", scanned("plotter", 60));
    assert_eq!(count(&store, "not edr.name:SentinelOne", scan.now), 2);
    assert_eq!(count(&store, "lifecycle:seen active:t name:=printer", scan.now), 1);
    assert_eq!(count(&store, "lifecycle:stale active:f name:=plotter", scan.now), 1);
    let later = scan.now.plus_seconds(40 * 86_400);
    let aged =
        store.write_blocking::<_, StoreError, _>(move |tx| inventory::project::age(tx, OrgId::DEFAULT, later)).unwrap();
    assert_eq!(aged, 1);
    assert_eq!(count(&store, "lifecycle:stale active:f", later), 2);
}

fn a_record_is_looked_at_again_when_its_identity_moves(database: &Database) {
    let store = open(database);
    let agents = Feed::of(&store, 1, "agents");
    let run = |sql: &'static str| {
        store.write_blocking::<_, StoreError, _>(move |tx| tx.execute(sql, &[])).unwrap();
    };
    let unsettled = || one_int(&store, "SELECT COUNT(*) FROM inventory_machine WHERE settled = 0");
    agents.tell("77", "one", "1", (Noun::Machine(agent("LT-1")), None));
    assert_eq!(unsettled(), 1, "a new record is");
    run("UPDATE inventory_machine SET settled = 1");
    let other_os = MachineNoun { os: Some("Windows 12".to_owned()), ..agent("LT-1") };
    agents.tell("77", "two", "2", (Noun::Machine(other_os.clone()), None));
    assert_eq!(unsettled(), 0, "what it runs says nothing about which it is");
    agents.tell("77", "three", "2", (Noun::Machine(MachineNoun { active: Some(false), ..other_os.clone() }), None));
    assert_eq!(unsettled(), 0, "nor does falling asleep");
    run("UPDATE inventory_machine SET contested = 1");
    agents.tell("77", "four", "2", (Noun::Machine(other_os.clone()), None));
    assert_eq!(unsettled(), 1, "unless its links hang on it");
    run("UPDATE inventory_machine SET settled = 1, contested = 0");
    agents.tell("77", "five", "3", (Noun::Machine(MachineNoun { serial: Some("other".to_owned()), ..other_os }), None));
    assert_eq!(unsettled(), 1);
}

fn what_an_option_leaves_out_is_kept_and_not_shown(database: &Database) {
    let store = open(database);
    let agents = Feed::of(&store, 1, "agents");
    let left = Some(LeftOut { option: "groups", waits: false });
    let record = agents.tell("77", "one", "1", (Noun::Machine(agent("LT-1")), None)).record;
    agents.tell("78", "one", "1", (Noun::Machine(agent("LT-2")), left));
    assert_eq!(one_int(&store, ASSETS), 1);
    let rows = |table: &str| one_int(&store, &format!("SELECT COUNT(*) FROM inventory_{table}"));
    assert_eq!([rows("source_record"), rows("machine"), rows("link"), rows("left_out")], [2, 1, 1, 1]);

    assert_eq!(agents.tell("77", "two", "2", (Noun::Machine(agent("LT-1")), left)).op, Op::Changed);
    let shown = ["asset", "machine", "link", "name", "interface", "address"];
    assert_eq!(shown.map(rows), [0; 6]);
    let removed = "SELECT COUNT(*) FROM inventory_change WHERE field = 'removed'";
    assert_eq!((rows("left_out"), one_int(&store, removed)), (2, 0), "left out is not removed");
    agents.retire(record);
    assert_eq!(agents.tell("77", "three", "2", (Noun::Machine(agent("LT-1")), left)).op, Op::Returned);

    assert_eq!(agents.tell("77", "four", "2", (Noun::Machine(agent("LT-1")), None)).op, Op::Touched);
    assert_eq!([rows("asset"), rows("machine"), rows("link"), rows("name"), rows("left_out")], [1, 1, 1, 1, 1]);
    let other = Some(LeftOut { option: "tracked_devices_only", waits: false });
    agents.tell("78", "two", "2", (Noun::Machine(agent("LT-2")), other));
    assert_eq!(texts(&store, "SELECT option FROM inventory_left_out"), ["tracked_devices_only"]);
}

fn a_machine_that_waits_comes_in_when_it_may(database: &Database) {
    let store = open(database);
    let always = Feed::of(&store, 1, "agents");
    let agents = Feed { onboard: Onboard::WhenKnown("exclude_unknown"), ..always.clone() };
    agents.tell("77", "one", "1", (Noun::Machine(agent("LT-1")), None));
    let rows = |table: &str| one_int(&store, &format!("SELECT COUNT(*) FROM inventory_{table}"));
    let standing = || [rows("asset"), rows("link"), rows("machine"), rows("name"), rows("left_out")];
    assert_eq!(standing(), [0, 0, 1, 1, 1], "correlation needs to know it");
    agents.tell("77", "two", "2", (Noun::Machine(agent("LT-2")), None));
    agents.tell("77", "three", "2", (Noun::Machine(agent("LT-2")), None));
    assert_eq!(standing(), [0, 0, 1, 2, 1]);
    assert_eq!(one_text(&store, "SELECT name FROM inventory_machine"), "LT-2");
    always.tell("77", "four", "2", (Noun::Machine(agent("LT-2")), None));
    assert_eq!(standing(), [1, 1, 1, 2, 0]);
    // Known machines stay.
    agents.tell("77", "five", "3", (Noun::Machine(agent("LT-3")), None));
    assert_eq!(one_text(&store, "SELECT name FROM inventory_asset"), "LT-3");
    // A machine that is shown may be made to wait.
    let waits = Some(LeftOut { option: "exclude_unknown", waits: true });
    always.tell("77", "six", "4", (Noun::Machine(agent("LT-3")), waits));
    assert_eq!(standing(), [0, 0, 1, 3, 1]);
}

fn what_is_stored_is_translated_again_without_a_version(database: &Database) {
    let store = open(database);
    let agents = Feed::of(&store, 1, "agents");
    let record = agents.tell("77", "one", "1", (Noun::Machine(agent("LT-1")), None)).record;
    let versions = "SELECT version FROM inventory_source_record";
    let better = MachineNoun { model: Some("Latitude".to_owned()), ..agent("LT-1") };
    let done = agents.reproject(record, (Noun::Machine(better.clone()), None));
    assert_eq!((done.projected, done.left_out, done.failed.len()), (1, 0, 0));
    assert_eq!(count(&store, "hw.model:latitude", agents.now), 1);
    assert_eq!((one_int(&store, versions), one_int(&store, ASSETS)), (1, 1));

    let left = Some(LeftOut { option: "groups", waits: false });
    assert_eq!(agents.reproject(record, (Noun::Machine(better.clone()), left)).left_out, 1);
    assert_eq!((one_int(&store, ASSETS), one_int(&store, versions)), (0, 1));
    agents.reproject(record, (Noun::Machine(better), None));
    assert_eq!(count(&store, "hw.model:latitude", agents.now), 1);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_left_out"), 0);
    // Other streams' records are not touched.
    let other = Feed::of(&store, 1, "hosts");
    assert_eq!(other.reproject(record, (Noun::Plain, None)), Reprojected::default());
}

fn what_was_kept_plain_becomes_what_it_is(database: &Database) {
    let store = open(database);
    let devices = Feed::of(&store, 1, "ranger_devices");
    let one = devices.tell("9", "one", "1", (Noun::Plain, None)).record;
    devices.tell("10", "one", "1", (Noun::Plain, None));
    assert_eq!(one_int(&store, ASSETS), 0);
    devices.reproject(one, (Noun::Machine(device("77")), None));
    devices.tell("10", "two", "1", (Noun::Machine(device("78")), None));
    assert_eq!(one_int(&store, ASSETS), 2);
    assert_eq!(count(&store, "mac_count:=2 manufacturer:dell", devices.now), 2);
}

fn a_retired_record_stays_retired_when_it_is_translated_again(database: &Database) {
    let store = open(database);
    let agents = Feed::of(&store, 1, "agents");
    let record = agents.say("77", agent("LT-1")).record;
    agents.retire(record);
    let told = one_int(&store, "SELECT COUNT(*) FROM inventory_change");
    agents.reproject(record, (Noun::Machine(MachineNoun { model: Some("X".to_owned()), ..agent("LT-1") }), None));
    assert_eq!(count(&store, "removed:t lifecycle:retired hw.model:=X not edr.name:SentinelOne", agents.now), 1);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_change"), told + 1);
}

fn a_database_of_yesterday_has_its_machines(database: &Database) {
    let yesterday = store::Slice { name: "inventory", migrations: &inventory::SLICE.migrations[..2] };
    let of_old = database.open(&[signals::SLICE, yesterday]);
    let rows = [
        "INSERT INTO inventory_head (org_id, next_id, stamp) VALUES (1, 100, 5)",
        "INSERT INTO inventory_term (org_id, term_id, dictionary, text, folded) VALUES (1, 7, 'agent_state', 'offline', 'offline')",
        "INSERT INTO inventory_source_record (org_id, record_id, integration_id, stream, native_id, raw_hash, meaning_hash,
            version, sweep_id, state, first_seen_at, changed_at) VALUES (1, 3, 1, 'agents', '77', 'H', 'H', 1, 1, 'retired', 1, 1)",
        "INSERT INTO inventory_asset (org_id, asset_id, site_id, name, name_folded, created_at, updated_at, agent_state_term,
            last_seen, address_count, mac_count, tag_count, has_public, has_private, has_ipv6, source_count)
            VALUES (1, 4, 1, 'LT-1', 'lt-1', 1, 1, 7, 5, 2, 1, 0, 0, 1, 0, 1)",
        "INSERT INTO inventory_link (org_id, record_id, asset_id, rule, evidence, since, linked_by)
            VALUES (1, 3, 4, 'R00', '77', 1, 'sync')",
    ];
    for sql in rows {
        let sql = match database.is_postgres() {
            true => sql.replace("'H'", "'\\x00'"),
            false => sql.replace("'H'", "x'00'"),
        };
        of_old.write_blocking::<_, StoreError, _>(move |tx| tx.execute(&sql, &[])).unwrap();
    }
    drop(of_old);
    let store = open(database);
    let machine = "SELECT m.name || ' ' || m.native_id || ' ' || s.text || ' ' || CAST(m.present AS TEXT) || CAST(m.settled AS TEXT)
        FROM inventory_machine m JOIN inventory_term s ON s.org_id = m.org_id AND s.term_id = m.source_term";
    assert_eq!(texts(&store, machine), ["LT-1 77 sentinelone 00"]);
    let asset =
        "SELECT w.text || ' ' || CAST(a.gone AS TEXT) || CAST(a.record_count AS TEXT) || CAST(a.lead_record_id AS TEXT)
        FROM inventory_asset a JOIN inventory_term w ON w.org_id = a.org_id AND w.term_id = a.lifecycle_term";
    assert_eq!(one_text(&store, asset), "offline 113");
    assert_eq!(one_text(&store, "SELECT rule FROM inventory_link"), "new");
    // And it goes on.
    assert_eq!(Feed::of(&store, 1, "agents").say("78", agent("LT-2")).op, Op::Created);
    assert_eq!(one_int(&store, "SELECT COUNT(*) FROM inventory_term WHERE dictionary = 'source'"), 1);
}

/// A machine as somebody keeps it in a list: the same one as [`agent`], by its serial number.
fn listed(name: &str, os: &str) -> MachineNoun {
    MachineNoun {
        grade: Grade::List,
        source: "custom".into(),
        name: Some(name.to_owned()),
        os: Some(os.to_owned()),
        serial: Some("5CG0471XYZ".to_owned()),
        manufacturer: Some("Dell Inc.".to_owned()),
        last_seen: Some(at(100 * 86_400 - 60)),
        ..MachineNoun::default()
    }
}

fn made_by_dell(name: &str, yields: bool) -> MachineNoun {
    MachineNoun { manufacturer: Some("Dell Inc.".to_owned()), yields, ..agent(name) }
}

fn settle(feed: &Feed) {
    let feed = feed.clone();
    let settled =
        feed.clone().store.write_blocking(move |tx| inventory::settle(tx, OrgId::DEFAULT, &feed.memory, feed.now));
    assert!(!settled.unwrap().more);
}

fn a_source_that_updates_no_metadata_changes_nothing_that_was_there_before(database: &Database) {
    let store = open(database);
    let (lists, agents) = (Feed::of(&store, 1, "hosts"), Feed::of(&store, 2, "agents"));
    let is = |text: &str| assert_eq!(count(&store, text, agents.now), 1, "{text}");
    lists.say("a", listed("ASSET-7", "Windows 10"));
    settle(&lists);
    agents.say("77", MachineNoun { user: Some("ann".to_owned()), ..made_by_dell("LT-1", true) });
    settle(&agents);
    assert_eq!(one_int(&store, ASSETS), 1);
    is("name:=ASSET-7 os:=\"Windows 10\" user:ann edr.name:SentinelOne");
    agents.say("77", MachineNoun { user: Some("bob".to_owned()), ..made_by_dell("LT-2", true) });
    settle(&agents);
    is("name:=ASSET-7 os:=\"Windows 10\" user:ann");
    lists.say("a", listed("ASSET-8", "Windows 11"));
    settle(&lists);
    is("name:=ASSET-8 os:=\"Windows 11\" user:ann");
    // The option is this source's: with it an agent's word comes first, as ever.
    agents.say("77", made_by_dell("LT-3", false));
    settle(&agents);
    is("name:=LT-3 os:=\"Windows 11\"");
}

fn a_source_told_to_update_no_more_keeps_its_words_and_their_place(database: &Database) {
    let store = open(database);
    let (lists, agents) = (Feed::of(&store, 1, "hosts"), Feed::of(&store, 2, "agents"));
    let is = |text: &str| assert_eq!(count(&store, text, agents.now), 1, "{text}");
    lists.say("a", listed("ASSET-7", "Windows 10"));
    let record = agents.say("77", made_by_dell("LT-1", false)).record;
    settle(&agents);
    is("name:=LT-1 os:=\"Windows 11\"");
    let history = texts(&store, HISTORY);
    agents.reproject(record, (Noun::Machine(made_by_dell("LT-1", true)), None));
    settle(&agents);
    is("name:=LT-1 os:=\"Windows 11\"");
    assert_eq!(texts(&store, HISTORY), history, "to say that nothing is to change changes nothing");
    agents.say("77", made_by_dell("LT-9", true));
    settle(&agents);
    is("name:=LT-1");
    // Whoever comes later finds it as it is.
    Feed::of(&store, 3, "hosts").say("b", listed("OTHER", "Windows 2000"));
    settle(&agents);
    assert_eq!(one_int(&store, ASSETS), 1);
    is("name:=LT-1 os:=\"Windows 11\" record_count:=3");
    agents.reproject(record, (Noun::Machine(made_by_dell("LT-9", false)), None));
    settle(&agents);
    is("name:=LT-9");
}

fn what_waits_outside_follows_its_source_until_it_comes_in(database: &Database) {
    let store = open(database);
    let agents = Feed { onboard: Onboard::WhenKnown("exclude_unknown"), ..Feed::of(&store, 1, "agents") };
    let record = agents.say("77", made_by_dell("LT-1", true)).record;
    agents.say("77", made_by_dell("LT-2", true));
    assert_eq!(one_int(&store, ASSETS), 0);
    let welcoming = Feed { onboard: Onboard::Always, ..agents };
    welcoming.reproject(record, (Noun::Machine(made_by_dell("LT-3", true)), None));
    settle(&welcoming);
    assert_eq!(count(&store, "name:=LT-3 and not name:=LT-1", welcoming.now), 1);
}
