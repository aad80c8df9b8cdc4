//! Correlation on the database: what is settled step by step is what would be decided at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::correlate::decisions::{self, Made, What};
use inventory::correlate::directive::{self, Decision, DirectiveError, asset_today};
use inventory::correlate::explain::{self, Subject, Why};
use inventory::correlate::partition::About;
use inventory::correlate::remainder::instead;
use inventory::correlate::{Rule, Veto, review};
use inventory::noun::{Address, AgentState, ConsoleScope, Grade, Interface, MachineNoun, Name};
use inventory::{Ask, Context, Incoming, Memory, Noun, Settled, Translation, Want};
use kernel::{AssetId, IntegrationId, OrgId, Random, RecordId, SiteId, SweepId, Timestamp};
use sha2::{Digest, Sha256};
use store::{Store, StoreError, Tx};

use crate::cases::{DAY, NOW, Said, agent, ago, clusters, decide, estate, row, scan, shuffle};

const ORG: OrgId = OrgId(1);

testkit::on_each_database! {
    what_is_settled_is_what_would_be_decided_at_once,
    settling_in_any_portions_makes_the_same_machines,
    what_changed_bit_by_bit_is_what_would_be_decided_of_all_of_it_again,
    settling_again_changes_nothing,
    a_change_touches_only_what_it_bears_on,
    case_02_a_renamed_agent_stays_linked_and_keeps_its_old_name,
    case_07_a_dock_that_two_laptops_take_turns_on_is_learned,
    case_08_a_link_by_a_dock_is_undone_when_another_laptop_appears,
    case_16_one_serial_number_in_two_organizations_is_two_machines,
    case_22_what_waits_for_a_scan_comes_in_with_it,
    case_25_a_pool_has_as_many_machines_as_names_once_a_person_says_so,
    case_26_an_agent_whose_uuid_is_rewritten_stays_its_asset,
    case_29_what_a_person_splits_stays_split,
    a_deleted_integration_keeps_nothing_apart,
    what_a_deleted_integration_said_finds_its_place_in_any_order,
    what_only_a_deleted_integration_made_a_crowds_says_something_again,
    a_console_that_is_connected_again_has_the_assets_that_it_had,
    who_was_gone_before_its_integration_was_deleted_keeps_nothing_apart_either,
    a_deleted_integration_keeps_what_people_decided,
    a_merge_stays_and_old_ids_lead_to_the_new_asset,
    what_is_merged_brings_along_what_contradicts_the_other,
    a_pin_keeps_an_asset_as_it_is_until_it_is_taken_back,
    a_pin_leaves_every_record_its_own_reason,
    what_stays_together_after_a_split_keeps_its_rule_evidence_and_time,
    what_no_rule_holds_after_a_split_is_kept_by_the_person_who_split,
    a_merge_after_a_split_has_the_reason_and_the_time_of_the_merge,
    a_pinned_asset_is_neither_split_nor_merged_until_it_is_unpinned,
    what_hangs_on_an_agent_goes_along_when_the_agent_is_split_off,
    what_the_console_calls_one_agent_goes_along_though_it_repeats_the_others_serial_number,
    the_part_with_the_first_record_keeps_the_id_unless_the_other_is_larger,
    an_id_that_was_merged_away_follows_the_records_that_it_came_with,
    what_is_split_off_again_takes_back_the_id_that_it_had,
    a_part_that_comes_home_leaves_the_asset_its_id_however_large_it_is,
    a_merge_keeps_the_id_that_was_named_first,
    what_goes_along_says_with_which_record_and_by_which_rule,
    what_a_split_leaves_of_the_machine_that_left_is_told_until_it_has_left_too,
    an_asset_of_several_agents_says_where_each_is,
    an_explanation_tells_what_people_decided_and_where_an_old_id_led,
    an_objection_is_told_for_as_long_as_a_person_holds_against_it,
    a_record_is_explained_by_its_asset_and_stands_first,
    a_question_is_answered_once,
    machines_with_an_open_question_are_found_and_told_with_every_answer,
    explanations_name_rule_evidence_and_what_is_ignored,
    an_explanation_says_what_differs_who_was_replaced_and_who_split,
    a_name_that_is_not_used_as_evidence_is_not_given_as_a_reason,
    what_two_sites_keep_apart_names_the_sites,
    every_link_has_a_reason_and_every_asset_a_record,
    what_was_shared_says_something_again_after_thirty_days,
    whoever_decides_is_in_the_audit_trail,
    what_does_not_exist_is_said_to_be_unknown,
    what_is_taken_back_is_as_undecided_as_it_was,
    what_a_decision_replaced_holds_again_when_it_is_taken_back,
    a_decision_is_taken_back_after_those_that_were_made_upon_it,
    a_split_that_is_taken_back_has_its_id_and_its_reasons_again,
    what_people_decided_without_moving_a_record_is_in_the_history,
    the_queue_and_the_comparison_say_the_same_of_a_pair,
    a_source_that_arrives_is_one_line_of_history,
    what_a_person_moves_at_once_is_one_sentence_of_history,
    an_explanation_says_in_a_line_what_the_machine_is_and_who_knows_it,
}

#[derive(Clone)]
pub struct World {
    pub store: Store,
    pub memory: Arc<Memory>,
    pub org: OrgId,
}

impl World {
    pub fn new(database: &testkit::Database) -> World {
        let store = database.open(&[access::SLICE, signals::SLICE, inventory::SLICE]);
        World { store, memory: Arc::default(), org: ORG }
    }

    pub fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut Tx) -> Result<T, StoreError> + Send + 'static) -> T {
        self.store.write_blocking(work).unwrap()
    }

    pub fn decide<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx, &Decision) -> Result<T, DirectiveError> + Send + 'static,
    ) -> Result<T, DirectiveError> {
        self.decide_at(NOW, work)
    }

    pub fn decide_at<T: Send + 'static>(
        &self,
        now: Timestamp,
        work: impl FnOnce(&mut Tx, &Decision) -> Result<T, DirectiveError> + Send + 'static,
    ) -> Result<T, DirectiveError> {
        let (org, memory) = (self.org, self.memory.clone());
        self.store
            .write_blocking(move |tx| work(tx, &Decision { org, memory: &memory, by: "dana", reason: "it is so", now }))
    }

    /// Deletes an integration: what it says is retired, and counts no more.
    fn end(&self, integration: i64, now: Timestamp) {
        const ITS: &str = "SELECT record_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2
            AND state <> 'retired'";
        let (org, memory, integration) = (self.org, self.memory.clone(), IntegrationId(integration));
        let work = move |tx: &mut Tx| {
            let its = tx.query(ITS, &[org.into(), integration.into()], |row| Ok(RecordId(row.int(0)?)))?;
            let ctx = Context {
                org,
                integration,
                site: SiteId(1),
                stream: "agents",
                sweep: SweepId(1),
                now,
                immutable: false,
                body_in_log: false,
                memory: &memory,
                onboard: inventory::Onboard::Always,
            };
            inventory::retire(tx, &ctx, &its)?;
            Ok::<_, inventory::InventoryError>(inventory::integration::end(tx, org, integration, "acme", now)?)
        };
        self.store.write_blocking(work).unwrap();
    }

    fn unsettle(&self) {
        self.write(|tx| tx.execute("UPDATE inventory_machine SET settled = 0 WHERE org_id = $1", &[ORG.into()]));
    }

    /// Lets sources say this, each in pages of its own.
    pub fn say(&self, said: &[Said], now: Timestamp) {
        let mut pages: BTreeMap<(i64, String, i64), Vec<&Said>> = BTreeMap::new();
        for one in said {
            pages.entry((one.integration, one.identity.stream.clone(), one.site)).or_default().push(one);
        }
        for ((integration, stream, site), page) in pages {
            let page: Vec<Said> = page.into_iter().cloned().collect();
            let (org, memory) = (self.org, self.memory.clone());
            let work = move |tx: &mut Tx| {
                let ctx = Context {
                    org,
                    integration: IntegrationId(integration),
                    site: SiteId(site),
                    stream: &stream,
                    sweep: SweepId(1),
                    now,
                    immutable: false,
                    body_in_log: false,
                    memory: &memory,
                    onboard: inventory::onboard::terms(tx, org)?.of(IntegrationId(integration)).onboard(),
                };
                let bodies: Vec<String> =
                    page.iter().map(|said| format!("{:?} {:?}", said.identity, said.life)).collect();
                let incoming = |(said, body): (&Said, &'_ String)| (native(said), body.clone());
                let incoming: Vec<(String, String)> = page.iter().zip(&bodies).map(incoming).collect();
                let incoming: Vec<Incoming> = incoming
                    .iter()
                    .map(|(native_id, body)| Incoming {
                        native_id: native_id.as_str().into(),
                        raw: body.as_bytes(),
                        raw_hash: Sha256::digest(body.as_bytes()).into(),
                    })
                    .collect();
                let mut translate = |at: usize| {
                    let meaning = format!("{:?} {:?}", page[at].identity, page[at].life.from);
                    let noun = Noun::Machine(noun(&page[at]));
                    let meaning_hash = Sha256::digest(meaning.as_bytes()).into();
                    Ok(Translation { meaning_hash, updated_at: None, noun, left_out: None })
                };
                inventory::apply(tx, &ctx, &incoming, &mut translate).map(drop)
            };
            self.store.write_blocking(work).unwrap();
        }
    }

    pub fn settle(&self, now: Timestamp) -> Settled {
        let mut all = Settled::default();
        for _ in 0..100 {
            let (org, memory) = (self.org, self.memory.clone());
            let step = self.store.write_blocking(move |tx| inventory::settle(tx, org, &memory, now)).unwrap();
            all.add(step);
            if !step.more {
                return all;
            }
        }
        panic!("settling does not come to an end")
    }

    /// Records by the native ids that tests know, and their assets.
    fn links(&self) -> BTreeMap<i64, AssetId> {
        const LINKS: &str = "SELECT m.native_id, l.asset_id FROM inventory_link l
            JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id WHERE l.org_id = $1";
        let org = self.org;
        let links = self
            .write(move |tx| tx.query(LINKS, &[org.into()], |row| Ok((number(row.text(0)?), AssetId(row.int(1)?)))));
        links.into_iter().collect()
    }

    /// The machines, each as the numbers of its records.
    pub fn machines(&self) -> Vec<Vec<i64>> {
        let mut by_asset: BTreeMap<AssetId, Vec<i64>> = BTreeMap::new();
        for (record, asset) in self.links() {
            by_asset.entry(asset).or_default().push(record);
        }
        let mut machines: Vec<Vec<i64>> = by_asset.into_values().collect();
        machines.sort();
        machines
    }

    /// The record with this number.
    pub fn record(&self, number: i64) -> RecordId {
        const RECORD: &str = "SELECT record_id FROM inventory_machine WHERE org_id = $1 AND native_id IN ($2, $3)";
        let ids = [format!("agent-{number}"), format!("host-{number}")];
        let org = self.org;
        RecordId(self.write(move |tx| {
            tx.query_one(RECORD, &[org.into(), ids[0].as_str().into(), ids[1].as_str().into()], |row| row.int(0))
        }))
    }

    pub fn asset(&self, number: i64) -> AssetId {
        self.links()[&number]
    }

    fn texts(&self, sql: &'static str) -> Vec<String> {
        let org = self.org;
        self.write(move |tx| tx.query(sql, &[org.into()], |row| Ok(row.text(0)?.to_owned())))
    }
}

fn native(said: &Said) -> String {
    match said.grade {
        Grade::Agent => said.identity.agent.clone().unwrap(),
        _ => format!("host-{}", said.record),
    }
}

fn number(native_id: &str) -> i64 {
    native_id.rsplit('-').next().unwrap().parse().unwrap()
}

fn noun(said: &Said) -> MachineNoun {
    let identity = &said.identity;
    let name = |kind: &'static str, text: &String| Name { kind, text: text.clone() };
    let mut names: Vec<Name> = identity.names.iter().map(|text| name("computer", text)).collect();
    names.extend(identity.full_names.iter().map(|text| name("fqdn", text)));
    MachineNoun {
        grade: said.grade,
        source: Cow::Borrowed(if said.grade == Grade::Agent { "sentinelone" } else { "scan" }),
        name: identity.names.first().cloned(),
        names,
        os_family: identity.family.clone(),
        manufacturer: identity.maker.clone(),
        serial: identity.serial.clone(),
        agent_uuid: identity.uuid.clone(),
        first_seen: said.life.from,
        last_seen: said.life.to,
        active: Some(said.life.active),
        edr: if said.grade == Grade::Agent { "SentinelOne" } else { "" },
        state: (said.grade == Grade::Agent).then_some(if said.life.active {
            AgentState::Active
        } else {
            AgentState::Offline
        }),
        agent_id: identity.agent.clone().filter(|_| said.grade != Grade::Agent),
        interfaces: identity.macs.iter().map(|mac| Interface { mac: Some(*mac), ..Interface::default() }).collect(),
        addresses: identity
            .claims
            .iter()
            .map(|claim| Address { ip: claim.ip, measured: claim.measured, observed_at: claim.since })
            .collect(),
        console: ConsoleScope { group_id: identity.group.map(|group| group.to_string()), ..ConsoleScope::default() },
        ..MachineNoun::default()
    }
}

/// What the pure decision makes of them.
fn expected(said: &[Said]) -> Vec<Vec<i64>> {
    let mut all = clusters(&decide(said));
    all.sort();
    all
}

pub const LAPTOP: &str = "bc:24:11:00:00:01";
const OTHER_LAPTOP: &str = "bc:24:11:00:00:02";
const DOCK: &str = "00:e0:4c:68:00:01";

fn what_is_settled_is_what_would_be_decided_at_once(database: &testkit::Database) {
    let said = estate(&mut Random::seeded(11), 300);
    let world = World::new(database);
    world.say(&said, NOW);
    let settled = world.settle(NOW);
    assert_eq!(world.machines(), expected(&said));
    assert_eq!(settled.evaluated, 300);
    assert!(settled.merged > 50 && settled.split == 0, "{settled:?}");
}

fn settling_in_any_portions_makes_the_same_machines(database: &testkit::Database) {
    let world = World::new(database);
    for seed in 0..3 {
        world.write(clear);
        let random = &mut Random::seeded(seed);
        let mut said = estate(random, 160);
        let expected = expected(&said);
        shuffle(random, &mut said);
        for portion in said.chunks(1 + random.below(60) as usize) {
            world.say(portion, NOW);
            world.settle(NOW);
        }
        assert_eq!(world.machines(), expected, "seed {seed}");
        is_decided_alike_again(&world, &expected, seed);
    }
}

/// All of it is decided again, and comes to the same machines and questions.
fn is_decided_alike_again(world: &World, expected: &[Vec<i64>], seed: u64) {
    let open = questions(world);
    world.unsettle();
    world.settle(NOW);
    assert_eq!(world.machines(), expected, "seed {seed}, all again");
    assert_eq!(questions(world), open, "seed {seed}, all again");
}

fn what_changed_bit_by_bit_is_what_would_be_decided_of_all_of_it_again(database: &testkit::Database) {
    let world = World::new(database);
    for seed in 0..3 {
        world.write(clear);
        let random = &mut Random::seeded(seed);
        let mut said = estate(random, 80);
        world.say(&said, NOW);
        world.settle(NOW);
        for round in 1..5 {
            let now = NOW.plus_seconds(round * DAY);
            for (at, said) in said.iter_mut().enumerate() {
                if random.below(100) < 10 {
                    // Something else of its values, or another life.
                    let mut other = estate(random, 80).swap_remove(at);
                    other.record = said.record;
                    other.grade = said.grade;
                    other.integration = said.integration;
                    other.identity.stream.clone_from(&said.identity.stream);
                    other.identity.agent.clone_from(&said.identity.agent);
                    other.site = said.site;
                    *said = other;
                } else if said.life.active {
                    said.life.to = Some(now);
                    said.life.active = random.below(10) > 0;
                }
            }
            world.say(&said, now);
            world.settle(now);
            let (machines, open) = (world.machines(), questions(&world));
            world.unsettle();
            let again = world.settle(now);
            assert_eq!(world.machines(), machines, "seed {seed}, round {round}: {again:?}");
            assert_eq!(questions(&world), open, "seed {seed}, round {round}: {again:?}");
        }
    }
}

/// Questions by the numbers of their records.
fn questions(world: &World) -> Vec<String> {
    world.texts(
        "SELECT q.about || ' ' || a.native_id || ' ' || b.native_id FROM inventory_suggestion q
        JOIN inventory_machine a ON a.org_id = q.org_id AND a.record_id = q.one_record
        JOIN inventory_machine b ON b.org_id = q.org_id AND b.record_id = q.other_record
        WHERE q.org_id = $1 ORDER BY 1",
    )
}

fn clear(tx: &mut Tx) -> Result<(), StoreError> {
    for table in tx.tables()?.into_iter().filter(|table| table.starts_with("inventory_")) {
        tx.execute(&format!("DELETE FROM {table}"), &[])?;
    }
    Ok(())
}

fn settling_again_changes_nothing(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&estate(&mut Random::seeded(5), 120), NOW);
    world.settle(NOW);
    let links =
        "SELECT record_id || ' ' || asset_id || ' ' || rule || ' ' || evidence || ' ' || since || ' ' || linked_by
        FROM inventory_link WHERE org_id = $1 ORDER BY record_id";
    let before = world.texts(links);
    let history = world.texts("SELECT CAST(count(*) AS TEXT) FROM inventory_change WHERE org_id = $1");
    assert_eq!(world.settle(NOW).evaluated, 0);
    let later = NOW.plus_seconds(60);
    world.unsettle();
    let again = world.settle(later);
    assert_eq!((again.merged, again.split, again.questions, again.shared), (0, 0, 0, 0));
    assert_eq!(world.texts(links), before);
    assert_eq!(world.texts("SELECT CAST(count(*) AS TEXT) FROM inventory_change WHERE org_id = $1"), history);
}

fn a_change_touches_only_what_it_bears_on(database: &testkit::Database) {
    let world = World::new(database);
    let pair = |n: i64| {
        let mac = format!("bc:24:11:00:01:{n:02x}");
        [agent(n).mac(&mac).name(&format!("lt-{n}")), scan(n + 100).mac(&mac)]
    };
    let said: Vec<Said> = (1..=50).flat_map(pair).collect();
    world.say(&said, NOW);
    assert_eq!(world.settle(NOW).evaluated, 100);
    // One of a hundred changes: it and the host that it is linked to are looked at.
    let changed = [agent(7).mac("bc:24:11:00:01:07").name("lt-7-renamed")];
    world.say(&changed, NOW.plus_seconds(60));
    let settled = world.settle(NOW.plus_seconds(60));
    assert_eq!(settled.evaluated, 2);
    assert_eq!(world.machines().len(), 50);
}

fn case_02_a_renamed_agent_stays_linked_and_keeps_its_old_name(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1").claims("10.0.0.7", NOW), scan(2).name("lt-1").claims("10.0.0.7", NOW)], NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2]]);
    let later = NOW.plus_seconds(3 * 3600);
    let mut renamed = agent(1).name("finance-1").claims("10.9.9.9", later);
    renamed.life.to = Some(later);
    world.say(&[renamed], later);
    world.settle(later);
    assert_eq!(world.machines(), [[1, 2]]);
    let names = world.texts("SELECT name FROM inventory_name WHERE org_id = $1 AND current = 0");
    assert_eq!(names, ["lt-1"]);
}

fn case_07_a_dock_that_two_laptops_take_turns_on_is_learned(database: &testkit::Database) {
    let world = World::new(database);
    let at = |hours: i64| NOW.plus_seconds(hours * 3600);
    let seen = |said: Said, hours: i64| Said { life: kernel_life(said.life, at(hours)), ..said };
    world.say(&[agent(1).mac(LAPTOP).mac(DOCK), agent(2).mac(OTHER_LAPTOP)], at(0));
    world.settle(at(0));
    world.say(&[seen(agent(1).mac(LAPTOP), 8), seen(agent(2).mac(OTHER_LAPTOP).mac(DOCK), 8)], at(8));
    world.settle(at(8));
    world.say(&[seen(scan(3).mac(DOCK), 9)], at(9));
    world.settle(at(9));
    world.say(&[seen(agent(1).mac(LAPTOP), 12), seen(agent(2).mac(OTHER_LAPTOP).mac(DOCK), 12)], at(12));
    world.settle(at(12));
    assert_eq!(world.machines(), [[1], [2], [3]]);
    assert_eq!(world.texts("SELECT value FROM inventory_shared_identifier WHERE org_id = $1"), [DOCK]);
}

fn kernel_life(life: inventory::correlate::Life, to: Timestamp) -> inventory::correlate::Life {
    inventory::correlate::Life { to: Some(to), ..life }
}

fn case_08_a_link_by_a_dock_is_undone_when_another_laptop_appears(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).mac(DOCK), scan(3).mac(DOCK)], NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 3]]);
    let later = NOW.plus_seconds(DAY);
    let mut second = agent(2).mac(DOCK);
    second.life.to = Some(later);
    world.say(&[second], later);
    let settled = world.settle(later);
    assert_eq!(world.machines(), [[1], [2], [3]]);
    assert_eq!((settled.split, settled.shared), (1, 1));
}

fn case_16_one_serial_number_in_two_organizations_is_two_machines(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).maker("Dell").serial("5CG1234XYZ")], NOW);
    let other = World { org: OrgId(2), ..world.clone() };
    other.say(&[row(2).maker("Dell").serial("5CG1234XYZ")], NOW);
    other.settle(NOW);
    world.settle(NOW);
    assert_eq!((world.machines(), other.machines()), (vec![vec![1]], vec![vec![2]]));
}

fn case_22_what_waits_for_a_scan_comes_in_with_it(database: &testkit::Database) {
    let world = World::new(database);
    let terms = inventory::onboard::Terms { exclude_unknown: true, ..Default::default() };
    world.write(move |tx| inventory::onboard::set_terms(tx, ORG, IntegrationId(1), &terms).map(drop));
    world.say(&[agent(1).mac(LAPTOP).name("lt-1"), agent(2).mac(OTHER_LAPTOP).name("lt-2")], NOW);
    world.settle(NOW);
    let left = "SELECT option FROM inventory_left_out WHERE org_id = $1";
    assert_eq!(world.machines(), [[0i64; 0]; 0]);
    assert_eq!(world.texts(left), ["exclude_unknown", "exclude_unknown"]);
    world.say(&[scan(3).mac(LAPTOP)], NOW);
    let settled = world.settle(NOW);
    assert_eq!(world.machines(), [[1, 3]]);
    assert_eq!((settled.onboarded, world.texts(left).len()), (1, 1));
}

fn case_25_a_pool_has_as_many_machines_as_names_once_a_person_says_so(database: &testkit::Database) {
    let world = World::new(database);
    let desk = |record: i64, day: i64| {
        let mut said = agent(record).name("vdi-001").maker("VMware").serial(&format!("VMware-{record:08x}a"));
        said.identity.group = Some(41);
        said.life(ago(day), ago(day).plus_seconds(8 * 3600), false)
    };
    world.say(&[desk(1, 3), desk(2, 2), desk(3, 1)], NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1], [2], [3]]);
    world.decide(move |tx, by| directive::pool(tx, by, "41", true)).unwrap();
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2, 3]]);
    world.decide(move |tx, by| directive::pool(tx, by, "41", false)).unwrap();
    world.settle(NOW);
    assert_eq!(world.machines(), [[1], [2], [3]]);
}

fn case_26_an_agent_whose_uuid_is_rewritten_stays_its_asset(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).uuid("uuid-aaaa-1")], NOW);
    world.settle(NOW);
    let before = world.asset(1);
    world.say(&[agent(1).uuid("uuid-bbbb-2")], NOW);
    world.settle(NOW);
    assert_eq!(world.asset(1), before);
}

fn case_29_what_a_person_splits_stays_split(database: &testkit::Database) {
    let world = World::new(database);
    let said = |n: i64| {
        let mut agent = agent(1).maker("Dell").serial("5CG1234XYZ").name(&format!("lt-{n}"));
        agent.life.to = Some(NOW.plus_seconds(n * 3600));
        [agent, row(2).maker("Dell").serial("5CG1234XYZ").name("listed")]
    };
    world.say(&said(0), NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2]]);
    let (was, listed) = (world.asset(1), world.record(2));
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[listed])).unwrap();
    assert_eq!((parted.stays, world.asset(2), parted.from), (was, parted.off, was));
    for sweep in 1..=10 {
        let now = NOW.plus_seconds(sweep * 3600);
        world.say(&said(sweep), now);
        world.settle(now);
        assert_eq!(world.machines(), [[1], [2]], "after {sweep} further syncs");
    }
    assert_eq!(questions(&world), [""; 0]);
}

/// Two agents that say they are on one machine, each from an integration of its own, and a scan that saw it.
fn twice() -> [Said; 3] {
    [agent(1), agent(2).integration(9), scan(3)].map(|said| said.mac(LAPTOP).name("lt-1"))
}

fn gone(world: &World) -> Vec<i64> {
    let gone = world.texts(
        "SELECT m.native_id FROM inventory_asset a
        JOIN inventory_link l ON l.org_id = a.org_id AND l.asset_id = a.asset_id
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id
        WHERE a.org_id = $1 AND a.gone = 1 ORDER BY 1",
    );
    gone.iter().map(|id| number(id)).collect()
}

fn a_deleted_integration_keeps_nothing_apart(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&twice(), NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1], [2], [3]]);
    assert!(!questions(&world).is_empty());
    let (live, left) = (world.asset(1), world.asset(2));
    let later = NOW.plus_seconds(60);
    world.end(9, later);
    let settled = world.settle(later);
    assert_eq!(world.machines(), [vec![1, 3], vec![2]], "{settled:?}");
    assert_eq!((world.asset(1), world.asset(3), world.asset(2)), (live, live, left), "each keeps its oldest id");
    assert_eq!(gone(&world), [2], "what only the deleted one told of is gone, and its history is there");
    assert!(questions(&world).is_empty());
    let shared = world.texts("SELECT value FROM inventory_shared_identifier WHERE org_id = $1");
    assert_eq!(shared, Vec::<String>::new());
    let was = world.write(move |tx| Ok(explain::explain(tx, ORG, left).unwrap()));
    assert_eq!(was.records.len(), 1);
    // It is so whatever is looked at next.
    world.say(&[agent(1).mac(LAPTOP).name("lt-1-renamed")], later);
    world.settle(later);
    assert_eq!(world.machines(), [vec![1, 3], vec![2]]);
    world.unsettle();
    let again = world.settle(later);
    assert_eq!((again.merged, again.split), (0, 0));
    assert_eq!(world.machines(), [vec![1, 3], vec![2]]);
}

fn what_a_deleted_integration_said_finds_its_place_in_any_order(database: &testkit::Database) {
    let world = World::new(database);
    for seed in 0..4 {
        world.write(clear);
        let random = &mut Random::seeded(seed);
        let mut said = estate(random, 120);
        for one in said.iter_mut().filter(|one| one.record % 3 == 0) {
            one.integration = 9;
        }
        let mut ended = said.clone();
        for one in ended.iter_mut().filter(|one| one.integration == 9) {
            *one = one.clone().ended();
        }
        let expected = expected(&ended);
        shuffle(random, &mut said);
        // Before, in between and afterwards.
        let parts: Vec<&[Said]> = said.chunks(said.len().div_ceil(3)).collect();
        for part in parts {
            world.say(part, NOW);
            if seed % 2 == 0 {
                world.settle(NOW);
            }
        }
        world.end(9, NOW);
        world.settle(NOW);
        assert_eq!(world.machines(), expected, "seed {seed}");
        is_decided_alike_again(&world, &expected, seed);
    }
}

fn what_only_a_deleted_integration_made_a_crowds_says_something_again(database: &testkit::Database) {
    let world = World::new(database);
    let machine = [agent(1).maker("Dell").serial("SN-1234567"), row(2).maker("Dell").serial("SN-1234567")];
    world.say(&machine, NOW);
    let crowd: Vec<Said> =
        (100..160).map(|record| row(record).integration(9).maker("Dell").serial("SN-1234567")).collect();
    world.say(&crowd, NOW);
    world.settle(NOW);
    assert_ne!(world.asset(1), world.asset(2));
    world.end(9, NOW);
    world.settle(NOW);
    assert_eq!(world.asset(1), world.asset(2));
    assert_eq!(world.machines().len(), 61, "and to those that made it so it says nothing still");
    world.unsettle();
    world.settle(NOW);
    assert_eq!((world.asset(1), world.machines().len()), (world.asset(2), 61));
}

fn a_console_that_is_connected_again_has_the_assets_that_it_had(database: &testkit::Database) {
    let world = World::new(database);
    let agent = |integration: i64| agent(1).uuid("uuid-0000-aaaa-1").mac(LAPTOP).name("lt-1").integration(integration);
    let host = || scan(3).mac(LAPTOP);
    world.say(&[agent(9), host()], NOW);
    world.settle(NOW);
    let asset = world.asset(3);
    let all = "SELECT CAST(count(*) AS TEXT) FROM inventory_link l WHERE l.org_id = $1
        AND l.asset_id = (SELECT h.asset_id FROM inventory_link h JOIN inventory_machine m
            ON m.org_id = h.org_id AND m.record_id = h.record_id WHERE h.org_id = $1 AND m.native_id = 'host-3')";
    world.end(9, NOW);
    world.settle(NOW);
    assert_eq!((world.asset(3), world.texts(all)), (asset, vec!["2".to_owned()]), "it was of this machine");
    assert_eq!(gone(&world), [0; 0], "and a scan has it still");
    for round in [10, 11] {
        world.say(&[agent(round)], NOW);
        world.settle(NOW);
        assert_eq!(world.asset(3), asset, "round {round}");
        assert_eq!(world.texts(all), [(round - 7).to_string()], "round {round}");
        world.end(round, NOW);
        world.settle(NOW);
        assert_eq!(world.asset(3), asset, "round {round}");
    }
    // An agent that nobody else ever knew is the asset that it was, too.
    let alone = |integration: i64| crate::cases::agent(7).uuid("uuid-0000-aaaa-7").integration(integration);
    world.say(&[alone(20)], NOW);
    world.settle(NOW);
    let was = world.asset(7);
    world.end(20, NOW);
    world.settle(NOW);
    world.say(&[alone(21)], NOW);
    world.settle(NOW);
    assert_eq!((world.asset(7), gone(&world)), (was, vec![]));
}

fn who_was_gone_before_its_integration_was_deleted_keeps_nothing_apart_either(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&twice(), NOW);
    world.settle(NOW);
    let (org, memory, its) = (world.org, world.memory.clone(), world.record(2));
    let work = move |tx: &mut Tx| {
        let ctx = Context {
            org,
            integration: IntegrationId(9),
            site: SiteId(1),
            stream: "agents",
            sweep: SweepId(1),
            now: NOW,
            immutable: false,
            body_in_log: false,
            memory: &memory,
            onboard: inventory::Onboard::Always,
        };
        inventory::retire(tx, &ctx, &[its]).map(drop)
    };
    world.store.write_blocking(work).unwrap();
    world.settle(NOW);
    assert_ne!(world.asset(1), world.asset(3), "the console that lists it no more still says that it was there");
    world.end(9, NOW);
    world.settle(NOW);
    assert_eq!(world.asset(1), world.asset(3));
}

fn a_deleted_integration_keeps_what_people_decided(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&twice(), NOW);
    world.settle(NOW);
    let (one, other) = (world.asset(2), world.asset(3));
    world.decide(move |tx, by| directive::merge(tx, by, &[one, other])).unwrap();
    let (live, merged) = (world.asset(1), world.asset(2));
    world.end(9, NOW);
    world.settle(NOW);
    assert_eq!(
        world.machines(),
        [[1, 2, 3]],
        "the host comes to the agent that lives, and along with it what a person put with it"
    );
    assert_eq!(world.asset(1), live);
    let leads = world.write(move |tx| Ok(asset_today(tx, ORG, merged).unwrap()));
    assert_eq!(leads, Some(live));
}

fn a_merge_stays_and_old_ids_lead_to_the_new_asset(database: &testkit::Database) {
    let world = World::new(database);
    let said = |n: i64| [agent(1).name(&format!("lt-{n}")), row(2).name("listed"), row(3).name("other")];
    world.say(&said(0), NOW);
    world.settle(NOW);
    let (one, two, three) = (world.asset(1), world.asset(2), world.asset(3));
    let now = world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    assert_eq!(now, one);
    let now = world.decide(move |tx, by| directive::merge(tx, by, &[three, two])).unwrap();
    assert_eq!(world.machines(), [[1, 2, 3]]);
    for sweep in 1..=10 {
        world.say(&said(sweep), NOW.plus_seconds(sweep * 3600));
        world.settle(NOW.plus_seconds(sweep * 3600));
    }
    assert_eq!(world.machines(), [[1, 2, 3]]);
    for old in [one, two, three] {
        assert_eq!(world.write(move |tx| asset_today(tx, ORG, old)), Some(now));
    }
    assert_eq!(world.texts("SELECT 'row' FROM inventory_asset WHERE org_id = $1").len(), 1);
    // And what was merged can be parted again.
    let third = world.record(3);
    world.decide(move |tx, by| directive::split(tx, by, &[third])).unwrap();
    assert_eq!(world.machines(), [vec![1, 2], vec![3]]);
}

fn what_is_merged_brings_along_what_contradicts_the_other(database: &testkit::Database) {
    let world = World::new(database);
    let said = [
        agent(1).maker("Dell").serial("5CG1234XYZ").name("lt-1"),
        agent(2).maker("Dell").serial("8XX9999QQQ").name("lt-2"),
        row(3).maker("Dell").serial("5CG1234XYZ"),
        row(4).maker("Dell").serial("8XX9999QQQ"),
    ];
    world.say(&said, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 3], [2, 4]]);
    let (one, two) = (world.asset(1), world.asset(2));
    let now = world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    assert_eq!((now, world.machines()), (one, vec![vec![1, 2, 3, 4]]));
    let later = NOW.plus_seconds(3600);
    world.say(&said, later);
    world.settle(later);
    assert_eq!(world.machines(), [[1, 2, 3, 4]]);
    let off = [world.record(2)];
    world.decide(move |tx, by| directive::split(tx, by, &off)).unwrap();
    assert_eq!(world.machines(), [[1, 3], [2, 4]]);
}

fn a_pin_keeps_an_asset_as_it_is_until_it_is_taken_back(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).maker("Dell").serial("5CG1234XYZ")], NOW);
    world.settle(NOW);
    let asset = world.asset(1);
    world.decide(move |tx, by| directive::pin(tx, by, asset)).unwrap();
    world.say(&[row(2).maker("Dell").serial("5CG1234XYZ")], NOW);
    for sweep in 0..10 {
        world.settle(NOW.plus_seconds(sweep * 3600));
        assert_eq!(world.machines(), [[1], [2]]);
    }
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    assert!(told.while_pinned().unwrap().contains("becomes an asset of its own, and no question is asked"));
    assert_eq!(told.reviews, []);
    world.decide(move |tx, by| directive::unpin(tx, by, asset)).unwrap();
    assert_eq!(world.machines(), [[1, 2]]);
    let error = world.decide(move |tx, by| directive::unpin(tx, by, asset)).unwrap_err();
    assert_eq!(error.to_string(), format!("{asset} is not pinned"));
}

/// How records are linked: number, rule, number of the record that they joined, hours since when, and the person's reason.
fn reasons(world: &World, number: i64) -> Vec<(i64, &'static str, Option<i64>, i64, String)> {
    let (asset, numbers) = (world.asset(number), [1, 2, 3, 4].map(|number| (world.record(number), number)));
    let of = |record: RecordId| numbers.iter().find(|(known, _)| *known == record).unwrap().1;
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    let reason = |linked: &explain::Linked| {
        let hours = linked.since.seconds_since(NOW) / 3600;
        (of(linked.record), linked.rule.code(), linked.partner.map(of), hours, linked.reason.clone())
    };
    let mut all: Vec<_> = told.records.iter().map(reason).collect();
    all.sort();
    all
}

/// An agent that a scan saw and that two lists know: one machine by its serial number, its address and its name.
fn four(world: &World) {
    let mine = |said: Said| said.maker("Dell").serial("5CG1234XYZ");
    let all = [
        mine(agent(1)).mac(LAPTOP).name("lt-1"),
        mine(row(2)),
        scan(3).mac(LAPTOP).name("lt-1"),
        mine(row(4).integration(9)),
    ];
    world.say(&all, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2, 3, 4]]);
}

fn said(
    number: i64,
    rule: &'static str,
    with: i64,
    hours: i64,
    why: &str,
) -> (i64, &'static str, Option<i64>, i64, String) {
    (number, rule, (with > 0).then_some(with), hours, why.to_owned())
}

fn a_pin_leaves_every_record_its_own_reason(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    let (asset, before) = (world.asset(1), reasons(&world, 1));
    assert_eq!(before.iter().map(|one| one.1).collect::<Vec<_>>(), ["new", "R30", "R60", "R30"]);
    world.decide_at(NOW.plus_seconds(3600), move |tx, by| directive::pin(tx, by, asset)).unwrap();
    assert_eq!(reasons(&world, 1), before);
    world.unsettle();
    world.settle(NOW.plus_seconds(7200));
    assert_eq!(reasons(&world, 1), before);
    // What no rule holds any more, the pin does.
    world.say(
        &[scan(3).mac(OTHER_LAPTOP).name("other").life(NOW, NOW.plus_seconds(9000), false)],
        NOW.plus_seconds(10_800),
    );
    world.settle(NOW.plus_seconds(10_800));
    assert_eq!(world.machines(), [[1, 2, 3, 4]]);
    assert_eq!(reasons(&world, 1), before, "it was the same machine, and nothing speaks against it");
}

fn what_stays_together_after_a_split_keeps_its_rule_evidence_and_time(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    let listed = [world.record(2), world.record(4)];
    world.decide_at(NOW.plus_seconds(3600), move |tx, by| directive::split(tx, by, &listed)).unwrap();
    assert_eq!(world.machines(), [[1, 3], [2, 4]]);
    let here = [said(1, "new", 0, 0, ""), said(3, "R60", 1, 0, "")];
    let there = [said(2, "new", 0, 1, ""), said(4, "R30", 2, 0, "")];
    assert_eq!((reasons(&world, 1), reasons(&world, 2)), (here.to_vec(), there.to_vec()));
    // Even if nothing would hold them together any more, they stay.
    let later = NOW.plus_seconds(7200);
    world.say(
        &[row(4).integration(9).maker("Dell").serial("8XX9999QQQ"), row(2).maker("Dell").serial("5CG1234XYZ")],
        later,
    );
    world.settle(later);
    assert_eq!(world.machines(), [[1, 3], [2, 4]]);
    assert_eq!(reasons(&world, 2)[1], said(4, "kept", 2, 2, "it is so"));
}

fn what_no_rule_holds_after_a_split_is_kept_by_the_person_who_split(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    let off = [world.record(1), world.record(4)];
    world.decide_at(NOW.plus_seconds(3600), move |tx, by| directive::split(tx, by, &off)).unwrap();
    assert_eq!(world.machines(), [[1, 4], [2, 3]]);
    assert_eq!(reasons(&world, 2)[0], said(2, "kept", 3, 1, "it is so"));
    assert_eq!(reasons(&world, 1)[1], said(4, "R30", 1, 0, ""));
}

fn a_merge_after_a_split_has_the_reason_and_the_time_of_the_merge(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    let listed = [world.record(2), world.record(4)];
    let at = |tx: &mut Tx, by: &Decision, reason: &'static str, hours: i64, work: &dyn Fn(&mut Tx, &Decision)| {
        work(tx, &Decision { reason, now: NOW.plus_seconds(hours * 3600), ..*by });
        Ok(())
    };
    world
        .decide(move |tx, by| at(tx, by, "apart", 1, &|tx, by| assert!(directive::split(tx, by, &listed).is_ok())))
        .unwrap();
    let both = [world.asset(1), world.asset(2)];
    world
        .decide(move |tx, by| at(tx, by, "one again", 2, &|tx, by| assert!(directive::merge(tx, by, &both).is_ok())))
        .unwrap();
    let all = [
        said(1, "new", 0, 0, ""),
        said(2, "merged", 1, 2, "one again"),
        said(3, "R60", 1, 0, ""),
        said(4, "R30", 1, 2, ""),
    ];
    let told = reasons(&world, 1);
    assert_eq!(told[..3], all[..3]);
    assert_eq!((told[3].1, told[3].4.as_str()), ("R30", ""), "no reason of the split is left");
}

fn a_pinned_asset_is_neither_split_nor_merged_until_it_is_unpinned(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1").serial("5CG1234XYZ"), row(2).serial("5CG1234XYZ"), row(3).name("lt-1")], NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [vec![1, 2], vec![3]]);
    let (asset, other, listed) = (world.asset(1), world.asset(3), world.record(2));
    world.decide(move |tx, by| directive::pin(tx, by, asset)).unwrap();
    let question = world.decide(move |tx, _| review::reviews(tx, ORG, 10)).unwrap().0.pop();
    let refused = format!("{asset} is pinned: nothing leaves it or joins it until the pin is taken back");
    let split = move |tx: &mut Tx, by: &Decision| directive::split(tx, by, &[listed]).map(drop);
    let merge = move |tx: &mut Tx, by: &Decision| directive::merge(tx, by, &[other, asset]).map(drop);
    assert_eq!(question, None, "nobody asks whether something joins what is pinned");
    assert_eq!(world.decide(split).unwrap_err().to_string(), refused);
    assert_eq!(world.decide(merge).unwrap_err().to_string(), refused);
    assert_eq!(world.machines(), [vec![1, 2], vec![3]]);
    world.decide(move |tx, by| directive::unpin(tx, by, asset)).unwrap();
    world.decide(split).unwrap();
    world.decide(merge).unwrap();
    assert_eq!(world.machines(), [vec![1, 3], vec![2]]);
}

/// A machine that was set up anew: an old agent and a new one, each with what the console's network discovery says of it, and
/// a scan that has only the new one's address.
fn set_up_anew(world: &World) {
    let discovered = |number: i64, of: i64| {
        let mut said = scan(number).integration(1);
        said.grade = Grade::Discovery;
        said.identity.agent = Some(format!("agent-{of}"));
        said
    };
    let mine = |said: Said| said.maker("Dell").serial("5CG1234XYZ");
    let all = [
        mine(agent(1)).name("lt-1").dead_since(ago(40)),
        mine(agent(2)).name("lt-2").mac(LAPTOP).born(ago(30)),
        discovered(3, 1),
        discovered(4, 2),
        scan(5).mac(LAPTOP),
    ];
    world.say(&all, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2, 3, 4, 5]]);
}

fn what_hangs_on_an_agent_goes_along_when_the_agent_is_split_off(database: &testkit::Database) {
    let world = World::new(database);
    set_up_anew(&world);
    let second = world.record(2);
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    let mut carried = vec![world.record(4), world.record(5)];
    carried.sort();
    assert_eq!((world.machines(), parted.carried), (vec![vec![1, 3], vec![2, 4, 5]], carried));
    // What a person names is meant, even if it leaves behind nothing but what hangs on it.
    let first = world.record(1);
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[first])).unwrap();
    assert_eq!((world.machines(), parted.carried), (vec![vec![1], vec![2, 4, 5], vec![3]], vec![]));
}

fn what_the_console_calls_one_agent_goes_along_though_it_repeats_the_others_serial_number(
    database: &testkit::Database,
) {
    let world = World::new(database);
    let mine = |said: Said| said.maker("Dell").serial("5CG1234XYZ");
    let discovered = |number: i64, of: i64| {
        let mut said = mine(scan(number).integration(1));
        (said.grade, said.identity.agent) = (Grade::Discovery, Some(format!("agent-{of}")));
        said
    };
    let all = [
        mine(agent(1)).name("lt-1").dead_since(ago(40)),
        mine(agent(2)).name("lt-2").born(ago(30)),
        discovered(3, 1).name("lt-1"),
        discovered(4, 2).name("lt-2").mac(LAPTOP),
        scan(5).name("lt-2").mac(LAPTOP),
    ];
    world.say(&all, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2, 3, 4, 5]]);
    let second = world.record(2);
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    assert_eq!((world.machines(), parted.left), (vec![vec![1, 3], vec![2, 4, 5]], vec![]));
}

fn the_part_with_the_first_record_keeps_the_id_unless_the_other_is_larger(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[row(1).serial("5CG1234XYZ"), row(2).serial("5CG1234XYZ").integration(8)], NOW);
    world.settle(NOW);
    let (was, first) = (world.asset(1), world.record(1));
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[first])).unwrap();
    assert_eq!((parted.off, parted.from), (was, was), "it has the first record");
    assert_ne!(parted.stays, was);
    world.write(clear);
    four(&world);
    let (was, three) = (world.asset(1), [2, 3, 4].map(|number| world.record(number)));
    let parted = world.decide(move |tx, by| directive::split(tx, by, &three)).unwrap();
    assert_eq!((parted.off, parted.from), (was, was), "it is larger");
}

fn an_id_that_was_merged_away_follows_the_records_that_it_came_with(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[row(1).name("one"), row(2).name("two"), row(3).name("three")], NOW);
    world.settle(NOW);
    let [one, two, three] = [1, 2, 3].map(|number| world.asset(number));
    let leads = |asset: AssetId| world.write(move |tx| asset_today(tx, ORG, asset)).unwrap();
    for both in [[one, two], [one, three]] {
        world.decide(move |tx, by| directive::merge(tx, by, &both)).unwrap();
    }
    assert_eq!([one, two, three].map(leads), [one; 3]);
    let second = world.record(2);
    world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    assert_eq!([one, two, three].map(leads), [1, 2, 1].map(|number| world.asset(number)));
    let third = world.record(3);
    world.decide(move |tx, by| directive::split(tx, by, &[third])).unwrap();
    assert_eq!([one, two, three].map(leads), [1, 2, 3].map(|number| world.asset(number)));
    let apart = [world.asset(3), world.asset(2)];
    world.decide(move |tx, by| directive::merge(tx, by, &apart)).unwrap();
    assert_eq!([one, two, three].map(leads), [1, 2, 2].map(|number| world.asset(number)));
}

fn what_is_split_off_again_takes_back_the_id_that_it_had(database: &testkit::Database) {
    let world = World::new(database);
    let said = |n: i64| [agent(1).name(&format!("lt-{n}")), row(2).name("listed"), row(3).name("other")];
    world.say(&said(0), NOW);
    world.settle(NOW);
    let [one, two, three] = [1, 2, 3].map(|number| world.asset(number));
    let second = world.record(2);
    for hours in [1, 3] {
        let at = |hours: i64| NOW.plus_seconds(hours * 3600);
        world.decide_at(at(hours), move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
        assert_eq!([1, 2].map(|number| world.asset(number)), [one; 2]);
        let parted = world.decide_at(at(hours + 1), move |tx, by| directive::split(tx, by, &[second])).unwrap();
        assert_eq!((parted.from, parted.stays, parted.off), (one, one, two));
        assert_eq!(world.write(move |tx| asset_today(tx, ORG, two)), Some(two));
        assert_eq!(world.texts("SELECT why FROM inventory_asset_former WHERE org_id = $1"), [""; 0]);
    }
    for sweep in 5..15 {
        let now = NOW.plus_seconds(sweep * 3600);
        world.say(&said(sweep), now);
        world.settle(now);
        assert_eq!([1, 2, 3].map(|number| world.asset(number)), [one, two, three], "after {sweep} hours");
    }
    // The latest of several ids that a part had is its own: the others had been merged into that one.
    world.decide(move |tx, by| directive::merge(tx, by, &[two, three])).unwrap();
    let later = NOW.plus_seconds(80_000);
    world.decide_at(later, move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    let both = [second, world.record(3)];
    let parted = world.decide(move |tx, by| directive::split(tx, by, &both)).unwrap();
    assert_eq!((parted.stays, parted.off), (one, two));
    assert_eq!(world.write(move |tx| asset_today(tx, ORG, three)), Some(two));
    let third = world.record(3);
    assert_eq!(world.decide(move |tx, by| directive::split(tx, by, &[third])).unwrap().off, three);
}

fn a_part_that_comes_home_leaves_the_asset_its_id_however_large_it_is(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[row(1).name("one"), row(2).name("two").serial("5CG1234XYZ")], NOW);
    world.settle(NOW);
    let [one, two] = [1, 2].map(|number| world.asset(number));
    world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    world.say(&[row(3).integration(8).serial("5CG1234XYZ"), row(4).integration(9).serial("5CG1234XYZ")], NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1, 2, 3, 4]]);
    let listed = [2, 3, 4].map(|number| world.record(number));
    let parted = world.decide(move |tx, by| directive::split(tx, by, &listed)).unwrap();
    assert_eq!((parted.from, parted.stays, parted.off), (one, one, two));
    // And back again, exactly: the one that is named first keeps its id.
    assert_eq!(world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap(), one);
    assert_eq!(world.write(move |tx| asset_today(tx, ORG, two)), Some(one));
}

fn a_merge_keeps_the_id_that_was_named_first(database: &testkit::Database) {
    let world = World::new(database);
    let said = [row(1).serial("5CG1234XYZ"), row(2).serial("5CG1234XYZ").integration(8), row(3).name("three")];
    world.say(&said, NOW);
    world.settle(NOW);
    let [large, small] = [1, 3].map(|number| world.asset(number));
    assert_eq!(world.decide(move |tx, by| directive::merge(tx, by, &[small, large])).unwrap(), small);
    assert_eq!(world.machines(), [[1, 2, 3]]);
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, small)).unwrap();
    let alone: Vec<_> = told.records.iter().filter_map(|linked| Some((linked.record, linked.itself()?))).collect();
    assert_eq!(
        alone.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(),
        ["By itself it is a machine of unknown type."]
    );
    let third = world.record(3);
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[third])).unwrap();
    assert_eq!((parted.off, parted.stays), (small, large), "both are what they were");
}

fn what_goes_along_says_with_which_record_and_by_which_rule(database: &testkit::Database) {
    let world = World::new(database);
    set_up_anew(&world);
    let (was, second) = (world.asset(1), world.record(2));
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    let ties: Vec<_> = parted.ties.iter().map(|tie| (tie.record, tie.with, tie.rule)).collect();
    let expected = [(world.record(4), second, Rule::SameAgent), (world.record(5), second, Rule::MacScan)];
    assert_eq!(ties, expected);
    // It is taken back by one merge, and then nothing goes along if nothing is to.
    let other = if parted.stays == was { parted.off } else { parted.stays };
    assert_eq!(world.decide(move |tx, by| directive::merge(tx, by, &[was, other])).unwrap(), was);
    assert_eq!(world.machines(), [[1, 2, 3, 4, 5]]);
    let parted = world.decide(move |tx, by| directive::split_alone(tx, by, &[second])).unwrap();
    assert_eq!((world.machines(), parted.ties), (vec![vec![1, 3, 4, 5], vec![2]], vec![]));
}

fn what_a_split_leaves_of_the_machine_that_left_is_told_until_it_has_left_too(database: &testkit::Database) {
    let world = World::new(database);
    set_up_anew(&world);
    let [second, fourth, fifth] = [2, 4, 5].map(|number| world.record(number));
    let remainders = |number: i64| {
        let asset = world.asset(number);
        world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap().remainders
    };
    assert_eq!(remainders(1), []);
    let parted = world.decide(move |tx, by| directive::split_alone(tx, by, &[second])).unwrap();
    let left: Vec<_> = parted.left.iter().map(|of| (of.record, of.with, of.kind, of.value.as_str())).collect();
    let agent_id = (fourth, second, "agent's id in the console", "agent-2");
    assert_eq!(left, [agent_id, (fifth, second, "MAC address", LAPTOP)]);
    let told = remainders(1);
    assert_eq!((told.len(), told[0].left == parted.left, told[0].stands), (1, true, true));
    assert_eq!((told[0].off.as_slice(), told[0].asset), ([second].as_slice(), Some(world.asset(2))));
    assert_eq!((told[0].stays, remainders(2)), (world.asset(1), told.clone()), "who looks at what left hears it too");
    let stayed = world.asset(1);
    let explained = world.decide(move |tx, _| explain::explain(tx, ORG, stayed)).unwrap();
    assert_eq!([second, fourth, fifth].map(|record| explained.is_doubtful(record)), [false, true, true]);
    let linked = explained.records.iter().find(|linked| linked.record == fourth).unwrap();
    let head = linked.differs(explained.is_doubtful(fourth)).map(|(head, _)| head).unwrap_or_default();
    assert!(head.starts_with("It may be of the machine that was split off"), "nothing is explained away: {head}");
    let mut all = vec![second, fourth, fifth];
    all.sort_unstable();
    assert_eq!(instead(&told[0].off, &told[0].left), all, "in one order, wherever it is advised");
    // As it is advised: taken back, and split with what was left.
    let id = told[0].decision;
    world.decide(move |tx, by| decisions::undo(tx, by, id)).unwrap();
    assert_eq!(remainders(1), []);
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[second, fourth, fifth])).unwrap();
    assert_eq!((parted.left, world.machines()), (vec![], vec![vec![1, 3], vec![2, 4, 5]]));
    assert_eq!((remainders(1), remainders(2)), (vec![], vec![]));
}

fn an_asset_of_several_agents_says_where_each_is(database: &testkit::Database) {
    let world = World::new(database);
    let all = [
        agent(1).name("lt-1").claims("10.0.0.7", NOW),
        agent(2).name("lt-2").claims("10.0.0.9", NOW),
        scan(3).name("lt-1").claims("10.0.0.7", NOW),
    ];
    world.say(&all, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [vec![1, 3], vec![2]]);
    let (one, two) = (world.asset(1), world.asset(2));
    let what = |asset: AssetId| {
        let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
        told.what(&BTreeMap::new()).split(',').next().unwrap().to_owned()
    };
    let each = "a machine of unknown type at 10.0.0.";
    assert_eq!((what(one), what(two)), (format!("{each}7"), format!("{each}9")));
    world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    let told = what(one);
    let both = ["10.0.0.7 (lt-1's)", "10.0.0.9 (lt-2's)"];
    assert!(both.iter().all(|of| told.contains(of)) && told.contains(" and "), "{told}");
}

fn an_explanation_tells_what_people_decided_and_where_an_old_id_led(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1"), row(2).name("listed")], NOW);
    world.settle(NOW);
    let (one, two, listed) = (world.asset(1), world.asset(2), world.record(2));
    let at = |hours: i64| NOW.plus_seconds(hours * 3600);
    let explain = |asset: AssetId| world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    world.decide_at(at(1), move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    let told = explain(two);
    let deed = |deed: &inventory::correlate::deeds::Deed| {
        (deed.at, deed.decision.clone().unwrap_or_default(), deed.by.clone(), deed.from, deed.to, deed.records.clone())
    };
    let merged = (at(1), "merged".to_owned(), "dana".to_owned(), two, one, vec![listed]);
    assert_eq!((told.asset, told.asked), (one, Some(two)));
    assert_eq!(told.way.iter().map(deed).collect::<Vec<_>>(), std::slice::from_ref(&merged));
    assert_eq!(told.deeds.iter().map(deed).collect::<Vec<_>>(), std::slice::from_ref(&merged));
    world.decide_at(at(2), move |tx, by| directive::split(tx, by, &[listed])).unwrap();
    let split = (at(2), "split".to_owned(), "dana".to_owned(), one, two, vec![listed]);
    for asset in [one, two] {
        let told = explain(asset);
        assert_eq!((told.asset, told.asked, told.way), (asset, None, vec![]), "it is itself again");
        assert_eq!(told.deeds.iter().map(deed).collect::<Vec<_>>(), [merged.clone(), split.clone()]);
    }
}

fn an_objection_is_told_for_as_long_as_a_person_holds_against_it(database: &testkit::Database) {
    let world = World::new(database);
    let said = |n: i64| {
        [
            agent(1).maker("Dell").serial("5CG1234XYZ").name(&format!("lt-{n}")),
            row(2).maker("Dell").serial("5CG1234XYZ"),
            row(3).maker("Dell").serial("8XX9999QQQ"),
        ]
    };
    world.say(&said(0), NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [vec![1, 2], vec![3]]);
    let (one, three, later) = (world.asset(1), world.asset(3), NOW.plus_seconds(3600));
    let objections = |world: &World| {
        let told = world.decide(move |tx, _| explain::explain(tx, ORG, one)).unwrap();
        let told = told.objections.iter().map(|of| (of.veto, of.other, of.by.clone(), of.reason.clone(), of.at));
        told.collect::<Vec<_>>()
    };
    assert_eq!(objections(&world), vec![]);
    world.decide_at(later, move |tx, by| directive::merge(tx, by, &[one, three])).unwrap();
    let third = world.record(3);
    let expected = vec![(Veto::Serial, third, "dana".to_owned(), "it is so".to_owned(), later)];
    assert_eq!(objections(&world), expected);
    for sweep in 2..12 {
        let now = NOW.plus_seconds(sweep * 3600);
        world.say(&said(sweep), now);
        world.settle(now);
        assert_eq!(objections(&world), expected, "after {sweep} hours");
    }
    world.decide(move |tx, by| directive::split(tx, by, &[third])).unwrap();
    assert_eq!(objections(&world), vec![]);
}

#[test]
fn the_id_of_a_device_that_network_discovery_saw_is_not_called_an_agents() {
    let told = |evidence: &str| explain::words(evidence).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    assert_eq!(told("agent=NDI:7; mac=bc:24:11:00:00:01"), ["device's id in network discovery", "MAC address"]);
    assert_eq!(told("agent=7"), ["agent's id in the console"]);
}

fn a_record_is_explained_by_its_asset_and_stands_first(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    let (asset, third) = (world.asset(1), world.record(3));
    world.decide(move |tx, by| directive::pin(tx, by, asset)).unwrap();
    let explain = |of: Subject| world.decide(move |tx, _| explain::explain_of(tx, ORG, of));
    let told = explain(Subject::Record(third)).unwrap();
    assert_eq!((told.asset, told.record, told.records[0].record), (asset, Some(third), third));
    let pin = told.pin.unwrap();
    assert_eq!((pin.by.as_str(), pin.reason.as_str(), pin.at), ("dana", "it is so", NOW));
    assert_eq!(explain(Subject::Asset(asset)).unwrap().records[0].record, world.record(1));
    let unknown = RecordId(999_999);
    let error = explain(Subject::Record(unknown)).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no machine's record {unknown}"));
}

fn a_question_is_answered_once(database: &testkit::Database) {
    let world = World::new(database);
    let said = [agent(1).name("lt-1"), row(2).name("lt-1"), agent(3).name("lt-3"), row(4).name("lt-3")];
    world.say(&said, NOW);
    assert_eq!(world.settle(NOW).questions, 2);
    let (open, count) = world.decide(move |tx, _| review::reviews(tx, ORG, 10)).unwrap();
    assert_eq!((open.len(), count), (2, 2));
    assert!(open.iter().all(|review| review.about == About::Alike && review.evidence.starts_with("name=lt-")));
    // The queue tells of a record as its explanation does.
    let names = [(IntegrationId(1), "acme".to_owned()), (IntegrationId(3), "cmdb".to_owned())].into_iter().collect();
    let sides = (open[0].one.seen(&names), open[0].other.seen(&names));
    assert_eq!(sides, ("an agent (integration acme)".to_owned(), "in a list (integration cmdb)".to_owned()));
    assert_eq!(sides.0, explain::seen(Grade::Agent, Some("acme")));
    let of =
        |number: i64| open.iter().find(|review| review.one.record == Some(world.record(number))).unwrap().id.clone();
    let (first, second) = (of(1), of(3));
    let id = first.clone();
    world.decide(move |tx, by| review::answer(tx, by, &id, true)).unwrap();
    world.decide(move |tx, by| review::answer(tx, by, &second, false)).unwrap();
    assert_eq!(world.machines(), [vec![1, 2], vec![3], vec![4]]);
    world.unsettle();
    world.settle(NOW);
    assert_eq!(world.machines(), [vec![1, 2], vec![3], vec![4]]);
    assert_eq!(questions(&world), [""; 0]);
    let again = world.decide(move |tx, by| review::answer(tx, by, &first, true)).unwrap_err();
    assert!(again.to_string().starts_with("there is no open question rev_"), "{again}");
}

fn explanations_name_rule_evidence_and_what_is_ignored(database: &testkit::Database) {
    let world = World::new(database);
    let mut junk = agent(1).maker("Dell").serial("5CG1234XYZ").mac(DOCK);
    junk.identity.names.push("localhost".to_owned());
    world.say(
        &[junk, row(2).maker("Dell").serial("5CG1234XYZ"), agent(3).maker("Dell").serial("8XX9999QQQ").mac(DOCK)],
        NOW,
    );
    world.settle(NOW);
    let asset = world.asset(1);
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    let rules: Vec<_> = told.records.iter().map(|linked| (linked.rule, linked.evidence.clone())).collect();
    assert_eq!(rules, [(Rule::New, vec![]), (Rule::Serial, vec![("serial number", "5cg1234xyz".to_owned())])]);
    let ignored: Vec<_> = told.ignored.iter().map(|ignored| (ignored.kind, ignored.value.as_str())).collect();
    assert_eq!(ignored, [("MAC address", DOCK), ("host name", "localhost")]);
    assert_eq!(told.ignored[0].why, Why::Two(world.record(1), world.record(3)));
    let other = Subject::Asset(world.asset(3));
    let compared = world.decide(move |tx, _| explain::compare(tx, ORG, Subject::Asset(asset), other, NOW)).unwrap();
    assert_eq!(compared.veto.map(|(veto, ..)| veto), Some(Veto::BothAlive));
    assert_eq!(compared.common.len(), 1);
    assert_eq!(compared.nearest, None);
    assert_eq!(compared.differing[0].kind, "serial number");
    let verdict = compared.verdict();
    assert!(verdict.starts_with("The rules never join them, only a person can: "), "{verdict}");
    let one = world.record(1);
    assert!(verdict.contains(&format!("at the same time ({one} ")) && verdict.contains(" until now"), "{verdict}");
    // What a rule forbids is not offered first, and is called what it is.
    let answers = review::answers(Some(&compared)).map(|answer| (answer.same, answer.when));
    assert_eq!(answers, [(false, "if they are two machines"), (true, "if they are one, against that rule")]);
    assert!(review::answers(None)[0].same);
}

fn an_explanation_says_what_differs_who_was_replaced_and_who_split(database: &testkit::Database) {
    let world = World::new(database);
    set_up_anew(&world);
    let asset = world.asset(1);
    let explain = |asset: AssetId| world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    let told = explain(asset);
    let of = |number: i64| told.records.iter().find(|linked| linked.record == world.record(number)).unwrap();
    assert_eq!(told.name.as_deref(), Some("lt-2"), "it is called what questions find it by");
    assert_eq!((of(1).replaced_by, of(2).replaced_by), (Some(world.record(2)), None));
    let against: Vec<_> =
        of(2).against.iter().map(|of| (of.differing.kind, of.differing.one.join(" "), of.but)).collect();
    assert_eq!(against, [("host name", "lt-2".to_owned(), "machines are renamed")]);
    let head = format!("What differs from {} does not part them, because machines are renamed:", world.record(1));
    let followed = of(2).followed.unwrap();
    assert_eq!((followed.older, followed.ended, followed.began), (world.record(1), ago(40), ago(30)));
    assert_eq!(told.records.iter().filter(|linked| linked.followed.is_some()).count(), 1);
    assert_eq!(
        (of(2).differs(false), of(2).against[0].values()),
        (Some((head, false)), "lt-2 here; lt-1 there".to_owned())
    );
    let named = |name: &'static str| world.decide(move |tx, _| explain::assets_named(tx, ORG, name)).unwrap();
    assert_eq!((named(" LT-2 "), named("lt-1"), told.parted), (vec![asset], vec![], vec![]));
    let second = world.record(2);
    let parted = world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    for (one, other) in [(parted.stays, parted.off), (parted.off, parted.stays)] {
        let from = explain(one).parted;
        let told: Vec<_> = from.iter().map(|of| (of.asset, of.by.as_str(), of.reason.as_str(), of.at)).collect();
        assert_eq!(told, [(Some(other), "dana", "it is so", NOW)]);
    }
}

fn a_name_that_is_not_used_as_evidence_is_not_given_as_a_reason(database: &testkit::Database) {
    let world = World::new(database);
    let all = [agent(1).mac(LAPTOP).name("lt-1"), scan(2).mac(LAPTOP).name("lt-1"), agent(3).name("lt-1")];
    world.say(&all, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [vec![1, 2], vec![3]]);
    let asset = world.asset(1);
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    assert_eq!(told.records[1].evidence, [("MAC address", LAPTOP.to_owned())]);
    assert_eq!(told.records[1].told(), "they share a MAC address, and their host names agree (R60)");
    assert!(told.ignored.iter().any(|ignored| ignored.value == "lt-1"));
}

fn what_two_sites_keep_apart_names_the_sites(database: &testkit::Database) {
    let world = World::new(database);
    let site = |name: &'static str| {
        world.store.write_blocking(move |tx| inventory::site::ensure_site(tx, ORG, name, NOW)).unwrap().0
    };
    let (hq, lab) = (site("HQ"), site("Lab"));
    let named = |said: Said| said.name("pc-1.corp.example.com").family("windows");
    world.say(&[named(agent(1)).site(hq), named(row(2)).site(lab)], NOW);
    world.settle(NOW);
    let (one, other) = (Subject::Asset(world.asset(1)), Subject::Asset(world.asset(2)));
    let told = world.decide(move |tx, _| explain::compare(tx, ORG, one, other, NOW)).unwrap();
    assert_eq!(told.veto.map(|(veto, ..)| veto), Some(Veto::Site));
    assert_eq!(told.sites, Some(("HQ".to_owned(), "Lab".to_owned())));
    assert_eq!(
        told.verdict(),
        "The rules do not join them: they are in two sites (HQ and Lab), and only names or addresses speak for one machine (V6)."
    );
}

fn every_link_has_a_reason_and_every_asset_a_record(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&estate(&mut Random::seeded(3), 200), NOW);
    world.settle(NOW);
    let without = "SELECT CAST(record_id AS TEXT) FROM inventory_link l WHERE org_id = $1
        AND (rule = '' OR since IS NULL OR linked_by = '' OR (partner_id IS NOT NULL AND evidence = '')
        OR (partner_id IS NULL AND EXISTS (SELECT 1 FROM inventory_link m WHERE m.org_id = l.org_id
            AND m.asset_id = l.asset_id AND m.record_id < l.record_id)))";
    assert_eq!(world.texts(without), [""; 0]);
    let empty = "SELECT CAST(asset_id AS TEXT) FROM inventory_asset a WHERE org_id = $1
        AND NOT EXISTS (SELECT 1 FROM inventory_link l WHERE l.org_id = a.org_id AND l.asset_id = a.asset_id)";
    assert_eq!(world.texts(empty), [""; 0]);
    let rowless = "SELECT CAST(asset_id AS TEXT) FROM inventory_link l WHERE org_id = $1
        AND NOT EXISTS (SELECT 1 FROM inventory_asset a WHERE a.org_id = l.org_id AND a.asset_id = l.asset_id)";
    assert_eq!(world.texts(rowless), [""; 0]);
}

fn what_was_shared_says_something_again_after_thirty_days(database: &testkit::Database) {
    let world = World::new(database);
    // A clone that died is no rival any more, but it stays a machine of its own.
    let said = [
        agent(1).mac(LAPTOP).mac(OTHER_LAPTOP).dead_since(ago(29)),
        scan(2).mac(LAPTOP).life(ago(60), ago(60), false),
        agent(3).mac(LAPTOP).dead_since(ago(29)),
    ];
    world.say(&said, NOW);
    world.settle(NOW);
    assert_eq!(world.texts("SELECT kind FROM inventory_shared_identifier WHERE org_id = $1"), ["mac"]);
    let later = NOW.plus_seconds(2 * DAY);
    world.settle(later);
    assert_eq!(world.texts("SELECT kind FROM inventory_shared_identifier WHERE org_id = $1"), [""; 0]);
    assert_eq!(world.settle(later).evaluated, 0);
}

fn whoever_decides_is_in_the_audit_trail(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1"), row(2).name("lt-1")], NOW);
    world.settle(NOW);
    let (one, two) = (world.asset(1), world.asset(2));
    world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    world.decide(move |tx, by| directive::pin(tx, by, two)).unwrap();
    world.decide(move |tx, by| directive::unpin(tx, by, one)).unwrap();
    let second = world.record(2);
    world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    let trail = world.write(|tx| access::audit_trail(tx, ORG, 0, 10));
    let told: Vec<_> =
        trail.iter().map(|entry| (entry.who.as_str(), entry.what.as_str(), entry.detail.as_str())).collect();
    let verbs = ["asset.merge", "asset.pin", "asset.unpin", "asset.split"];
    assert_eq!(told, verbs.map(|what| ("dana", what, "it is so")));
}

fn what_does_not_exist_is_said_to_be_unknown(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1), row(2)], NOW);
    world.settle(NOW);
    let nobody = AssetId(999_999);
    let (one, first, second) = (world.asset(1), world.record(1), world.record(2));
    let merge = |assets: &'static [i64]| {
        let assets: Vec<AssetId> =
            assets.iter().map(|number| if *number == 0 { nobody } else { world.asset(*number) }).collect();
        world.decide(move |tx, by| directive::merge(tx, by, &assets)).unwrap_err().to_string()
    };
    let split = |records: Vec<RecordId>| {
        world.decide(move |tx, by| directive::split(tx, by, &records)).unwrap_err().to_string()
    };
    assert_eq!(merge(&[1, 0]), format!("there is no asset {nobody}"));
    assert_eq!(merge(&[1]), format!("{one} is one asset already; name two that are to be one"));
    let unknown = RecordId(999_999);
    assert_eq!(split(vec![unknown]), format!("there is no machine's record {unknown}"));
    assert_eq!(split(vec![first]), format!("these are all records of {one}; leave one out that stays"));
    assert!(split(vec![first, second]).ends_with("split one asset at a time"));
}

/// The decision about a record that nobody took back.
fn latest(world: &World, record: RecordId) -> Made {
    world.write(move |tx| decisions::latest(tx, ORG, record)).unwrap()
}

/// Everything that people decided and that holds, by the numbers of records.
fn words(world: &World) -> Vec<String> {
    world.texts(
        "SELECT d.kind || ' ' || a.native_id || ' ' || b.native_id FROM inventory_directive d
        JOIN inventory_machine a ON a.org_id = d.org_id AND a.record_id = d.one_record
        JOIN inventory_machine b ON b.org_id = d.org_id AND b.record_id = d.other_record
        WHERE d.org_id = $1 ORDER BY 1",
    )
}

fn what_is_taken_back_is_as_undecided_as_it_was(database: &testkit::Database) {
    let world = World::new(database);
    let said =
        [agent(1).maker("Dell").serial("5CG1234XYZ").name("lt-1"), row(2).name("lt-1"), row(3).serial("5CG1234XYZ")];
    world.say(&said, NOW);
    world.settle(NOW);
    let state = |world: &World| {
        let links = (1..=3).map(|number| (world.asset(number), reasons_of(world, number))).collect::<Vec<_>>();
        (world.machines(), links, questions(world), words(world))
    };
    let before = state(&world);
    assert_eq!((before.2.len(), before.3.len()), (1, 0), "{before:?}");
    let (one, two, record) = (world.asset(1), world.asset(2), world.record(2));
    world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    assert_eq!((world.asset(2), questions(&world)), (one, vec![]));
    let made = latest(&world, record);
    assert_eq!((made.what, made.asset, made.others.clone(), made.stands), (What::Merged, one, vec![two], true));
    let later = NOW.plus_seconds(3600);
    let undone = world.decide_at(later, move |tx, by| decisions::undo(tx, by, made.id)).unwrap();
    assert_eq!(
        undone.assets.len(),
        before.1.iter().map(|(asset, _)| *asset).collect::<std::collections::BTreeSet<_>>().len()
    );
    assert_eq!(state(&world), before);
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, one)).unwrap();
    let undone = told.decisions[0].undone.as_ref().unwrap();
    assert_eq!((undone.by.as_str(), undone.at, told.decisions[0].stands), ("dana", later, false));
    let again = world.decide(move |tx, by| decisions::undo(tx, by, made.id)).unwrap_err();
    assert!(again.to_string().contains("was taken back already, by dana"), "{again}");
    // So it is with the answer to a question, yes or no.
    for same in [true, false] {
        let id = world.decide(move |tx, _| review::reviews(tx, ORG, 10)).unwrap().0[0].id.clone();
        world.decide(move |tx, by| review::answer(tx, by, &id, same)).unwrap();
        assert_eq!(questions(&world), [""; 0]);
        let made = latest(&world, record);
        world.decide(move |tx, by| decisions::undo(tx, by, made.id)).unwrap();
        assert_eq!(state(&world), before, "{same}");
    }
    world.unsettle();
    world.settle(later);
    assert_eq!(state(&world), before, "and settling again changes nothing");
}

/// The rule of a record's link, and the record that it joined.
fn reasons_of(world: &World, number: i64) -> (&'static str, Option<RecordId>) {
    let (asset, record) = (world.asset(number), world.record(number));
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
    let linked = told.records.into_iter().find(|linked| linked.record == record).unwrap();
    (linked.rule.code(), linked.partner)
}

fn machines_with_an_open_question_are_found_and_told_with_every_answer(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1"), row(2).name("lt-1"), agent(3).name("lt-3")], NOW);
    world.settle(NOW);
    let ask = |text: &str, want: Want| {
        let ask =
            Ask { want, fields: vec!["name".to_owned()], sort: Some("id".to_owned()), ..Ask::new("assets", text, NOW) };
        world.store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask)).unwrap()
    };
    let names =
        |text: &str| ask(text, Want::Page).table.rows.iter().map(|row| format!("{:?}", row[0])).collect::<Vec<_>>();
    assert_eq!(names("question:t"), [r#"Text("lt-1")"#; 2]);
    assert_eq!(names("is:question and has:name"), [r#"Text("lt-1")"#; 2]);
    assert_eq!(names("review:f"), [r#"Text("lt-3")"#]);
    assert_eq!([ask("question:t", Want::Count).total, ask("not question:t", Want::Count).total], [Some(2), Some(1)]);
    let told = |text: &str| {
        let answer = ask(text, Want::Terms);
        (answer.total, answer.in_question, answer.gone)
    };
    assert_eq!(told(""), (Some(3), Some(2), Some(0)));
    assert_eq!(told("name:lt-3"), (Some(1), Some(0), Some(0)));
    assert_eq!(told("question:t"), (Some(2), None, Some(0)), "who asks for them needs no note");
    let two = world.asset(2);
    let gone = "UPDATE inventory_asset SET gone = 1 WHERE org_id = $1 AND asset_id = $2";
    world.write(move |tx| tx.execute(gone, &[ORG.into(), two.into()]));
    assert_eq!(told("name:lt or name:x"), (Some(3), Some(2), Some(1)));
    assert_eq!(told("name:lt and removed:f"), (Some(2), Some(1), None));
    assert_eq!(told("name:lt and not (removed:t or name:x)"), (Some(2), Some(1), None));
    let id = world.decide(move |tx, _| review::reviews(tx, ORG, 10)).unwrap().0[0].id.clone();
    world.decide(move |tx, by| review::answer(tx, by, &id, false)).unwrap();
    assert_eq!(told("").1, Some(0));
}

fn what_a_decision_replaced_holds_again_when_it_is_taken_back(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1"), row(2).name("lt-1")], NOW);
    world.settle(NOW);
    let (one, two, record) = (world.asset(1), world.asset(2), world.record(2));
    let id = world.decide(move |tx, _| review::reviews(tx, ORG, 10)).unwrap().0[0].id.clone();
    world.decide(move |tx, by| review::answer(tx, by, &id, false)).unwrap();
    let dismissed = latest(&world, record);
    let compare = |world: &World| {
        let sides = (Subject::Asset(one), Subject::Asset(two));
        world.decide(move |tx, _| explain::compare(tx, ORG, sides.0, sides.1, NOW)).unwrap()
    };
    let told = compare(&world);
    let (said, made) = told.decided.clone().unwrap();
    assert_eq!((said.by.as_str(), said.reason.as_str(), said.at), ("dana", "it is so", NOW));
    assert_eq!(made.map(|made| (made.id, made.what, made.stands)), Some((dismissed.id, What::Dismissed, true)));
    assert!(
        told.verdict().starts_with("dana dismissed the question and said that they are two machines on 2"),
        "{}",
        told.verdict()
    );
    let was = words(&world);
    world.decide_at(NOW.plus_seconds(60), move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    assert_eq!(world.machines(), [[1, 2]]);
    let merged = latest(&world, record);
    let undone = world.decide_at(NOW.plus_seconds(120), move |tx, by| decisions::undo(tx, by, merged.id)).unwrap();
    assert_eq!((undone.assets, words(&world)), (vec![one, two], was));
    let told = compare(&world).decided.unwrap();
    assert_eq!((told.0.at, told.1.map(|made| made.id)), (NOW, Some(dismissed.id)), "dana still says so, since then");
    let id = dismissed.id;
    world.decide(move |tx, by| decisions::undo(tx, by, id)).unwrap();
    assert_eq!((words(&world), questions(&world).len()), (vec![], 1));
}

fn a_decision_is_taken_back_after_those_that_were_made_upon_it(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1"), row(2).name("two"), row(3).name("three")], NOW);
    world.settle(NOW);
    let (one, two, three) = (world.asset(1), world.asset(2), world.asset(3));
    let (first, second, third) = (world.record(1), world.record(2), world.record(3));
    world.decide(move |tx, by| directive::merge(tx, by, &[one, two])).unwrap();
    let merged = latest(&world, first).id;
    world.decide(move |tx, by| directive::split(tx, by, &[second])).unwrap();
    let split = latest(&world, first).id;
    let error = world.decide(move |tx, by| decisions::undo(tx, by, merged)).unwrap_err();
    assert!(matches!(error, DirectiveError::DecidedSince { later, .. } if later == split), "{error}");
    let told = world.decide(move |tx, _| explain::explain(tx, ORG, one)).unwrap();
    assert_eq!(told.decisions.iter().map(|made| made.stands).collect::<Vec<_>>(), [false, true]);
    // What is about one of its records alone was not made upon it.
    world.decide(move |tx, by| directive::merge(tx, by, &[two, three])).unwrap();
    let beside = latest(&world, third).id;
    world.decide(move |tx, by| decisions::undo(tx, by, split)).unwrap();
    assert_eq!(world.machines(), [[1, 2, 3]]);
    let pinned = world.asset(1);
    world.decide(move |tx, by| directive::pin(tx, by, pinned)).unwrap();
    let error = world.decide(move |tx, by| decisions::undo(tx, by, beside)).unwrap_err();
    assert!(matches!(error, DirectiveError::Pinned(_)), "{error}");
    let pin = latest(&world, first);
    assert_eq!((pin.what, pin.asset), (What::Pinned, pinned));
    world.decide(move |tx, by| decisions::undo(tx, by, pin.id)).unwrap();
    for id in [beside, merged] {
        world.decide(move |tx, by| decisions::undo(tx, by, id)).unwrap();
    }
    assert_eq!((world.machines(), words(&world)), (vec![vec![1], vec![2], vec![3]], vec![]));
    assert_eq!((world.asset(1), world.asset(2), world.asset(3)), (one, two, three), "each has its id again");
    let unknown = world.decide(move |tx, by| decisions::undo(tx, by, kernel::DecisionId(999_999))).unwrap_err();
    assert!(unknown.to_string().starts_with("there is no decision dec_"), "{unknown}");
}

fn a_split_that_is_taken_back_has_its_id_and_its_reasons_again(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    let state =
        |world: &World| (1..=4).map(|number| (world.asset(number), reasons_of(world, number))).collect::<Vec<_>>();
    let (before, first, second) = (state(&world), world.record(1), world.record(2));
    for off in [first, second] {
        let parted = world.decide(move |tx, by| directive::split(tx, by, &[off])).unwrap();
        assert_ne!(parted.stays, parted.off);
        let made = latest(&world, off);
        assert_eq!((made.what, made.asset), (What::Split, parted.from));
        world.decide(move |tx, by| decisions::undo(tx, by, made.id)).unwrap();
        assert_eq!((state(&world), words(&world)), (before.clone(), vec![]));
    }
}

fn what_people_decided_without_moving_a_record_is_in_the_history(database: &testkit::Database) {
    let world = World::new(database);
    world.say(&[agent(1).name("lt-1"), row(2).name("lt-1")], NOW);
    world.settle(NOW);
    let (asset, record) = (world.asset(1), world.record(1));
    let at = |hours: i64| NOW.plus_seconds(hours * 3600);
    world.decide_at(at(1), move |tx, by| directive::pin(tx, by, asset)).unwrap();
    world.decide_at(at(2), move |tx, by| directive::unpin(tx, by, asset)).unwrap();
    let id = world.decide(move |tx, _| review::reviews(tx, ORG, 10)).unwrap().0[0].id.clone();
    world.decide_at(at(3), move |tx, by| review::answer(tx, by, &id, false)).unwrap();
    let made = latest(&world, record);
    world.decide_at(at(4), move |tx, by| decisions::undo(tx, by, made.id)).unwrap();
    let tell = inventory::history::Tell { field: Some("decision".to_owned()), ..Default::default() };
    let (_, changes) = world.write(move |tx| inventory::history::asset(tx, ORG, asset, &tell)).unwrap();
    let told = changes.into_iter().map(|change| {
        let by = change.by.unwrap();
        (change.at, by.rule, by.who, by.reason)
    });
    let told: Vec<_> = told.collect();
    let by = |hours: i64, what: &str| (at(hours), what.to_owned(), "dana".to_owned(), "it is so".to_owned());
    assert_eq!(told, [by(4, "undone"), by(3, "dismissed"), by(2, "unpinned"), by(1, "pinned")]);
}

fn the_queue_and_the_comparison_say_the_same_of_a_pair(database: &testkit::Database) {
    let world = World::new(database);
    let said = [
        agent(1).name("osa-lt-1").mac("d4:be:d9:67:b9:87"),
        scan(2).name("formerly-2").mac("d4:be:d9:67:b9:87"),
        row(3).maker("Dell").serial("5CG1234XYZ").name("pc-3"),
    ];
    world.say(&said, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [[1], [2], [3]]);
    let compare = |one: AssetId, other: AssetId| {
        let sides = (Subject::Asset(one), Subject::Asset(other));
        world.decide(move |tx, _| explain::compare(tx, ORG, sides.0, sides.1, NOW)).unwrap()
    };
    let told = compare(world.asset(1), world.asset(2));
    assert_eq!(told.nearest.as_ref().and_then(|nearest| nearest.but), Some(explain::But::Names));
    assert!(
        told.verdict().contains("no rule decides it") && told.verdict().contains("host names"),
        "{}",
        told.verdict()
    );
    // What arrived since correlation last looked is what the next reading decides.
    world.say(&[row(4).maker("Dell").serial("5CG1234XYZ").name("desk")], NOW);
    let (three, four) = (world.asset(3), world.asset(4));
    let told = compare(three, four);
    assert!(told.is_news && told.verdict().contains("the next reading decides"), "{}", told.verdict());
    // A pin stands in the way of a merge, and is named before anybody tries.
    world.decide(move |tx, by| directive::pin(tx, by, four)).unwrap();
    let told = compare(three, four);
    assert_eq!(told.pins.iter().map(|(asset, pin)| (*asset, pin.by.as_str())).collect::<Vec<_>>(), [(four, "dana")]);
    assert!(told.verdict().starts_with(&format!("dana pinned {four} on 2")), "{}", told.verdict());
}

fn a_source_that_arrives_is_one_line_of_history(database: &testkit::Database) {
    let world = World::new(database);
    let born = NOW.plus_seconds(-9 * DAY);
    let fine = Timestamp::from_micros(born.micros() + 821_345);
    let coarse = Timestamp::from_micros(born.micros() + 98_000);
    world.say(&[row(1).maker("Dell").serial("5CG1234XYZ").name("before").born(fine)], NOW);
    world.settle(NOW);
    let later = NOW.plus_seconds(3600);
    world.say(&[agent(2).maker("Dell").serial("5CG1234XYZ").name("after").born(coarse)], later);
    world.settle(later);
    let (asset, record) = (world.asset(1), world.record(2));
    let history = |each: bool| {
        let tell = inventory::history::Tell { each, ..Default::default() };
        world.write(move |tx| inventory::history::asset(tx, ORG, asset, &tell)).unwrap().1
    };
    let fields = |each: bool| history(each).into_iter().map(|change| change.field).collect::<Vec<_>>();
    assert!(fields(true).contains(&"name".to_owned()), "{:?}", fields(true));
    assert!(!fields(true).contains(&"first_seen".to_owned()), "{:?}", fields(true));
    let folded = history(false);
    assert_eq!(fields(false), ["record", "record"]);
    assert_eq!((folded[0].record, folded[0].called.as_deref()), (record, Some("after")));
    let with: Vec<_> =
        folded[0].with.iter().map(|of| (of.field.as_str(), of.before.as_deref(), of.after.as_deref())).collect();
    assert!(with.contains(&("name", Some("before"), Some("after"))), "{with:?}");
}

fn what_a_person_moves_at_once_is_one_sentence_of_history(database: &testkit::Database) {
    let world = World::new(database);
    four(&world);
    world.say(&[agent(5).name("lt-5")], NOW);
    world.settle(NOW);
    let (four, five, later) = (world.asset(1), world.asset(5), NOW.plus_seconds(3600));
    world.decide_at(later, move |tx, by| directive::merge(tx, by, &[five, four])).unwrap();
    let moves = |asset: AssetId, each: bool| {
        let tell = inventory::history::Tell { each, field: Some("asset".to_owned()), ..Default::default() };
        let (_, changes) = world.write(move |tx| inventory::history::asset(tx, ORG, asset, &tell)).unwrap();
        changes
    };
    let told = moves(five, false);
    let last = world.record(4);
    let mut records = [1, 2, 3, 4].map(|number| world.record(number));
    records.sort_unstable();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].came_or_went(five), Some(format!("4 of its records came from {four}")));
    assert_eq!(told[0].moved, records);
    assert_eq!(told[0].why().unwrap(), "merged by dana, saying \"it is so\"");
    // They are of several integrations, so the line is of none.
    assert_eq!(told[0].integration, IntegrationId(0));
    let each = moves(five, true);
    assert_eq!((each.len(), each.iter().all(|change| change.moved == [change.record])), (4, true));
    world.decide_at(later.plus_seconds(1), move |tx, by| directive::split(tx, by, &[last])).unwrap();
    // The larger part takes its former id back, and what was split off is what stays here.
    let went = moves(world.asset(4), false)[0].came_or_went(world.asset(4));
    assert_eq!((world.asset(4), went), (five, Some(format!("4 of its records went to {}", world.asset(1)))));
}

fn an_explanation_says_in_a_line_what_the_machine_is_and_who_knows_it(database: &testkit::Database) {
    let world = World::new(database);
    let mine = |said: Said| said.maker("Dell").serial("5CG1234XYZ");
    let all = [scan(1).mac(DOCK).claims("10.0.0.7", NOW), mine(agent(2)), mine(row(3).integration(9))];
    world.say(&all, NOW);
    world.settle(NOW);
    assert_eq!(world.machines(), [vec![1], vec![2, 3]]);
    let what = |number: i64| {
        let asset = world.asset(number);
        let told = world.decide(move |tx, _| explain::explain(tx, ORG, asset)).unwrap();
        let names = told.records.iter().map(|of| (of.integration, format!("console-{}", of.grade.as_str())));
        told.what(&names.collect())
    };
    assert_eq!(what(1), "a machine of unknown type at 10.0.0.7, known from a scan alone (console-scan)");
    assert_eq!(what(2), "a machine of unknown type, known from an agent (console-agent) and a list (console-list)");
}
