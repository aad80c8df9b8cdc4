//! The cases that correlation has to get right, each as small as it can be.

use std::net::IpAddr;

use inventory::correlate::fact::Claim;
use inventory::correlate::partition::{About, Member, Previous};
use inventory::correlate::remainder::{self, LeftBehind, left_behind};
use inventory::correlate::rules::{Evidence, Followed};
use inventory::correlate::sharing::SharedWhy;
use inventory::correlate::{
    Directives, Fact, Held, Identity, Key, Kind, Life, Partition, Rule, Situation, hygiene, partition,
};
use inventory::noun::{Grade, Mac};
use kernel::{IntegrationId, RecordId, SiteId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

/// 2026-11-21T03:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_230_000);

pub const DAY: i64 = 86_400;

/// So many days ago.
pub fn ago(days: i64) -> Timestamp {
    NOW.plus_seconds(-days * DAY)
}

/// A record in the making.
#[derive(Clone)]
pub struct Said {
    pub record: i64,
    pub integration: i64,
    pub grade: Grade,
    pub site: i64,
    pub identity: Identity,
    pub life: Life,
    pub former: Vec<Held>,
    pub since: FxHashMap<Key, Timestamp>,
    pub ended: bool,
}

fn said(record: i64, grade: Grade, integration: i64, stream: &str) -> Said {
    let identity = Identity { stream: stream.to_owned(), ..Identity::default() };
    let life = Life { from: Some(ago(100)), to: Some(NOW), active: false, present: true };
    let (former, since) = (Vec::new(), FxHashMap::default());
    Said { record, integration, grade, site: 1, identity, life, former, since, ended: false }
}

/// A live agent on Windows.
pub fn agent(record: i64) -> Said {
    let mut said = said(record, Grade::Agent, 1, "agents");
    said.identity.agent = Some(format!("agent-{record}"));
    said.identity.family = Some("windows".to_owned());
    said.life.active = true;
    said
}

/// A host that a scan saw just now.
pub fn scan(record: i64) -> Said {
    let mut said = said(record, Grade::Scan, 2, "hosts");
    said.life = Life { from: Some(NOW), to: Some(NOW), active: false, present: true };
    said
}

/// A row of a list without times.
pub fn row(record: i64) -> Said {
    let mut said = said(record, Grade::List, 3, "hosts");
    said.life = Life { present: true, ..Life::default() };
    said
}

impl Said {
    pub fn serial(mut self, text: &str) -> Said {
        self.identity.serial = hygiene::serial(text, self.identity.model.as_deref()).ok();
        self
    }
    pub fn maker(mut self, text: &str) -> Said {
        self.identity.maker = hygiene::maker(text);
        self
    }
    pub fn uuid(mut self, text: &str) -> Said {
        self.identity.uuid = hygiene::uuid(text).ok();
        self
    }
    pub fn mac(mut self, text: &str) -> Said {
        self.identity.macs.extend(Mac::parse(text).and_then(|mac| hygiene::mac(mac).ok()));
        self
    }
    /// A name as a source sends it: short, or with a domain.
    pub fn name(mut self, text: &str) -> Said {
        self.identity.names.extend(hygiene::name(text));
        self.identity.full_names.extend(hygiene::full_name(text));
        self
    }
    pub fn family(mut self, text: &str) -> Said {
        self.identity.family = hygiene::family(text);
        self
    }
    pub fn claims(mut self, ip: &str, at: Timestamp) -> Said {
        let measured = self.grade == Grade::Scan;
        let ip: IpAddr = ip.parse().unwrap();
        if hygiene::is_own_address(ip) {
            self.identity.claims.push(Claim { ip, measured, since: Some(at), until: None });
        }
        self
    }
    pub fn life(mut self, from: Timestamp, to: Timestamp, active: bool) -> Said {
        self.life = Life { from: Some(from), to: Some(to), active, present: true };
        self
    }
    /// Out of touch since then.
    pub fn dead_since(self, to: Timestamp) -> Said {
        let from = to.plus_seconds(-100 * DAY);
        self.life(from, to, false)
    }
    pub fn born(mut self, from: Timestamp) -> Said {
        self.life.from = Some(from);
        self
    }
    pub fn site(mut self, site: i64) -> Said {
        self.site = site;
        self
    }
    pub fn integration(mut self, integration: i64) -> Said {
        self.integration = integration;
        self
    }
    /// Its integration was deleted.
    pub fn ended(mut self) -> Said {
        self.ended = true;
        self.life.active = false;
        self.life.present = false;
        self
    }
    /// It had this hardware address until then.
    pub fn had(mut self, mac: &str, since: Timestamp, until: Timestamp) -> Said {
        let key = Key::of_mac(Mac::parse(mac).unwrap());
        self.former.push(Held { key, since: Some(since), until: Some(until) });
        self
    }
    /// It has this hardware address since then.
    pub fn got(mut self, mac: &str, since: Timestamp) -> Said {
        self.since.insert(Key::of_mac(Mac::parse(mac).unwrap()), since);
        self.mac(mac)
    }
    pub fn fact(&self) -> Fact {
        let mut fact = Fact::new(
            RecordId(self.record),
            IntegrationId(self.integration),
            self.grade,
            SiteId(self.site),
            self.identity.clone(),
            self.life,
        );
        for held in &mut fact.held {
            held.since = self.since.get(&held.key).copied();
        }
        fact.held.extend(self.former.iter().copied());
        fact.held.sort_unstable_by_key(|held| held.key);
        fact.ended = self.ended;
        fact
    }
}

/// Decides about records, with what people said and what was linked before.
pub fn decide_with(
    said: &[Said],
    directives: &Directives,
    previous: &FxHashMap<RecordId, Previous>,
    now: Timestamp,
) -> Partition {
    let facts: Vec<Fact> = said.iter().map(Said::fact).collect();
    let crowded = FxHashSet::default();
    partition(&Situation { facts: &facts, directives, previous, crowded: &crowded, once_crowded: &crowded, now })
}

pub fn decide(said: &[Said]) -> Partition {
    decide_with(said, &Directives::default(), &FxHashMap::default(), NOW)
}

/// The clusters as numbers.
pub fn clusters(partition: &Partition) -> Vec<Vec<i64>> {
    partition.clusters.iter().map(|cluster| cluster.iter().map(|member| member.record.0).collect()).collect()
}

fn member(partition: &Partition, record: i64) -> &Member {
    partition.clusters.iter().flatten().find(|member| member.record == RecordId(record)).unwrap()
}

fn questions(partition: &Partition, about: About) -> Vec<(i64, i64)> {
    let of = partition.questions.iter().filter(|question| question.about == about);
    of.map(|question| (question.one.0, question.other.0)).collect()
}

fn links(partition: &Partition) -> FxHashMap<RecordId, Previous> {
    let links = partition.clusters.iter().flatten().filter_map(|member| {
        let (rule, evidence) = (member.rule, member.evidence.clone());
        Some((member.record, Previous { partner: member.partner?, rule, evidence }))
    });
    links.collect()
}

const LAPTOP: &str = "bc:24:11:00:00:01";
const OTHER_LAPTOP: &str = "bc:24:11:00:00:02";
const DOCK: &str = "00:e0:4c:68:00:01";

#[test]
fn case_01_one_agent_seen_through_two_integrations_is_one() {
    let here = agent(1).uuid("uuid-0000-aaaa-1").name("lt-1");
    let mut there = here.clone().integration(9);
    there.record = 2;
    let decided = decide(&[here, there]);
    assert_eq!(clusters(&decided), [[1, 2]]);
    assert_eq!(member(&decided, 2).rule, Rule::SameAgent);
}

#[test]
fn case_02_a_renamed_agent_keeps_what_was_linked_to_it() {
    let before = [agent(1).name("lt-1").claims("10.0.0.7", NOW), scan(2).name("lt-1").claims("10.0.0.7", NOW)];
    let first = decide(&before);
    assert_eq!(member(&first, 2).rule, Rule::NameAddress);
    let after = [agent(1).name("finance-1"), scan(2).name("lt-1").claims("10.0.0.7", NOW)];
    assert_eq!(clusters(&decide(&after)), [[1], [2]], "nothing says so any more");
    let kept = decide_with(&after, &Directives::default(), &links(&first), NOW);
    assert_eq!(clusters(&kept), [[1, 2]], "but it was so, and nothing speaks against it");
    assert_eq!(member(&kept, 2).rule, Rule::NameAddress);
}

#[test]
fn case_03_a_machine_that_was_imaged_again_is_one_asset_with_two_records() {
    let old = agent(1).uuid("uuid-aaaa-1").maker("Dell Inc.").serial("5CG1234XYZ").dead_since(ago(20));
    let new = agent(2).uuid("uuid-bbbb-2").maker("Dell Inc.").serial("5CG1234XYZ").born(ago(19));
    let newer = agent(3).uuid("uuid-cccc-3").maker("Dell Inc.").serial("5CG1234XYZ").born(ago(1));
    let new = new.life(ago(19), ago(2), false);
    let decided = decide(&[old, new, newer]);
    assert_eq!(clusters(&decided), [[1, 2, 3]]);
    assert_eq!(member(&decided, 2).rule, Rule::Serial);
}

#[test]
fn an_agent_that_followed_another_tells_when_and_that_they_were_never_alive_together() {
    let all = [
        agent(1).dead_since(ago(40)),
        agent(2).life(ago(39), ago(20), false),
        agent(3).born(ago(19)),
        row(4),
        agent(5).born(ago(18)),
    ];
    let facts: Vec<Fact> = all.iter().map(Said::fact).collect();
    let agents: Vec<&Fact> = facts.iter().collect();
    let of = |record: usize| Followed::of(&facts[record - 1], &agents, NOW);
    let followed = of(3).unwrap();
    assert_eq!((followed.older, followed.ended, followed.began), (RecordId(2), ago(20), ago(19)));
    assert_eq!(of(2).map(|of| of.older), Some(RecordId(1)), "each tells of the one before it");
    // The first followed nobody, a list is no agent, and of two that live one is no heir of the other: V2 parts them.
    assert_eq!((of(1), of(4), of(5).map(|of| of.older)), (None, None, Some(RecordId(2))));
    assert_eq!(
        followed.words(),
        format!(
            "The older agent, {}, was last active on 2026-11-01T03:00:00Z, and this one was set up on \
             2026-11-02T03:00:00Z. They were never alive together, so they can be one machine that was set up anew; alive \
             at the same time they would be two (V2).",
            RecordId(2)
        )
    );
    // What the rule lets pass is not told as if it had not been.
    let late = [agent(1).dead_since(ago(20)), agent(2).born(ago(20).plus_seconds(-1800)).integration(1)];
    let late: Vec<Fact> = late.iter().map(Said::fact).collect();
    let followed = |facts: &[Fact]| Followed::of(&facts[1], &[&facts[0], &facts[1]], NOW);
    assert!(followed(&late).unwrap().words().contains("They were alive together for an hour at most, so"));
    let mut elsewhere = late;
    elsewhere[1].integration = IntegrationId(9);
    elsewhere[1].life.from = Some(ago(21));
    assert!(followed(&elsewhere).unwrap().words().contains("They were alive together for 2 days at most, so"));
}

#[test]
fn what_a_split_leaves_of_the_machine_that_left_is_told_and_nothing_else() {
    let left = |off: &[Said], stay: &[Said]| -> Vec<(i64, i64, &'static str, String)> {
        let facts = |all: &[Said]| all.iter().map(Said::fact).collect::<Vec<Fact>>();
        let (off, stay) = (facts(off), facts(stay));
        let all = left_behind(&off.iter().collect::<Vec<_>>(), &stay.iter().collect::<Vec<_>>(), &FxHashMap::default());
        all.into_iter().map(|of| (of.record.0, of.with.0, of.kind, of.value)).collect()
    };
    let mine = |said: Said| said.maker("Dell").serial("5CG1234XYZ");
    let (old, new) = (mine(agent(1)).name("pc-6"), mine(agent(2)).name("lt-18").mac(LAPTOP));
    let others = [mine(scan(3)).name("pc-6"), mine(scan(4)).name("LT-18.corp.example.com"), scan(5).mac(LAPTOP)];
    let stay: Vec<Said> = std::iter::once(old).chain(others).collect();
    let expected = [(4, 2, "host name", "lt-18".to_owned()), (5, 2, "MAC address", LAPTOP.to_owned())];
    assert_eq!(
        left(std::slice::from_ref(&new), &stay),
        expected,
        "not the serial number: the agent that stays has it too"
    );
    assert_eq!(left(std::slice::from_ref(&new), &stay[..2]), [], "what stays shares no more than that");
    // Where both agents are called the same, their name tells nothing.
    let (one, two) = (agent(1).name("lt-1").mac(LAPTOP), agent(2).name("lt-1").mac(OTHER_LAPTOP));
    assert_eq!(left(std::slice::from_ref(&one), &[two.clone(), scan(3).name("lt-1")]), []);
    let mac = [(3, 1, "MAC address", LAPTOP.to_owned())];
    assert_eq!(left(&[one], &[two, scan(3).name("lt-1").mac(LAPTOP)]), mac);
    // Without an agent that stays, only what shares nothing with what left shows that two are mixed.
    let (listed, scanned) = (row(3).serial("8XX9999QQQ").name("desk"), scan(4).name("lt-18"));
    assert_eq!(left(std::slice::from_ref(&new), std::slice::from_ref(&scanned)), []);
    assert_eq!(left(&[new], &[listed, scanned]), [(4, 2, "host name", "lt-18".to_owned())]);
}

#[test]
fn what_a_split_left_is_told_in_a_clause() {
    let of = |record: i64, kind: &'static str, value: &str| LeftBehind {
        record: RecordId(record),
        with: RecordId(9),
        kind,
        value: value.to_owned(),
    };
    let all = [of(1, "host name", "lt-18"), of(2, "host name", "lt-18"), of(3, "MAC address", LAPTOP)];
    let [one, two, three, nine] = [1, 2, 3, 9].map(RecordId);
    let told =
        format!("{one} and {two} have the host name lt-18 of {nine}; {three} has the MAC address {LAPTOP} of {nine}");
    assert_eq!(remainder::words(&all), told);
    let many: Vec<LeftBehind> = (10..20).map(|record| of(record, "host name", "lt-18")).collect();
    assert_eq!(remainder::words(&many), format!("10 records have the host name lt-18 of {nine}"));
}

#[test]
fn a_clone_that_a_person_dismissed_is_not_asked_about_again_but_a_new_agent_is() {
    let mine = |said: Said| said.uuid("uuid-aaaa-1").maker("Dell Inc.").serial("5CG1234XYZ");
    let (one, two) = (mine(agent(1)).name("lt-1"), mine(agent(2)).name("lt-2"));
    let apart = [(RecordId(1), RecordId(2))].into_iter().collect();
    let directives = Directives { apart, ..Directives::default() };
    let asked = |said: &[Said]| {
        let decided = decide_with(said, &directives, &FxHashMap::default(), NOW);
        decided.questions.iter().map(|question| (question.one.0, question.other.0)).collect::<Vec<_>>()
    };
    assert_eq!(asked(&[one.clone(), two.clone()]), []);
    assert_eq!(asked(&[one.clone().mac(DOCK), two.clone().mac(DOCK).name("lt-1")]), [], "whatever the two report");
    let anew = mine(agent(3)).name("lt-2").born(ago(1));
    let two = two.life(ago(90), ago(2), false);
    let decided = decide_with(&[one, two, anew], &directives, &FxHashMap::default(), NOW);
    assert_eq!(questions(&decided, About::Clone), [(1, 3)]);
}

#[test]
fn case_04_a_clone_is_two_assets_and_a_finding() {
    let one = agent(1).uuid("uuid-aaaa-1").maker("Dell Inc.").serial("5CG1234XYZ").mac(LAPTOP);
    let mut two = one.clone();
    two.record = 2;
    two.identity.agent = Some("agent-2".to_owned());
    let decided = decide(&[one, two]);
    assert_eq!(clusters(&decided), [[1], [2]]);
    assert_eq!(questions(&decided, About::Clone), [(1, 2)]);
    assert_eq!(decided.shared.len(), 3, "uuid, serial number and MAC address say nothing any more");
}

#[test]
fn case_05_five_machines_with_a_makers_placeholder_are_five() {
    let all: Vec<Said> = (1..=5).map(|n| agent(n).maker("ASUS").serial("To be filled by O.E.M.")).collect();
    assert_eq!(clusters(&decide(&all)), [[1], [2], [3], [4], [5]]);
}

#[test]
fn case_06_placeholders_are_no_serial_numbers_and_a_virtual_machines_is_one() {
    for text in ["0", "None", "Default string", "System Serial Number", "  "] {
        let two = [agent(1).serial(text), row(2).serial(text)];
        assert_eq!(clusters(&decide(&two)), [[1], [2]], "{text:?}");
    }
    let vm = "VMware-56 4d 1c 2e 90 aa 01 02-03 04 05 06 07 08 09 0a";
    assert_eq!(clusters(&decide(&[agent(1).maker("VMware, Inc.").serial(vm), row(2).serial(vm)])), [[1, 2]]);
}

#[test]
fn case_07_two_laptops_on_one_dock_are_two_and_the_address_is_shared() {
    // One had it this morning, the other has it now; both go on living.
    let first = agent(1).mac(LAPTOP).had(DOCK, ago(90), ago(1));
    let second = agent(2).mac(OTHER_LAPTOP).got(DOCK, ago(1));
    let seen = scan(3).mac(DOCK);
    let decided = decide(&[first, second, seen]);
    assert_eq!(clusters(&decided), [[1], [2], [3]]);
    let (key, shared) = decided.shared[0];
    assert_eq!(key, Key::of(Kind::Mac, DOCK));
    assert_eq!(shared.why, SharedWhy::Two(RecordId(1), RecordId(2)));
    // A card that went from a dead machine into another is the other's.
    let first = agent(1).mac(LAPTOP).mac(DOCK).dead_since(ago(5));
    let second = agent(2).mac(OTHER_LAPTOP).got(DOCK, ago(4));
    assert_eq!(decide(&[first, second]).shared, []);
}

#[test]
fn case_08_links_by_an_address_that_turns_out_to_be_shared_are_looked_at_again() {
    let first = agent(1).mac(DOCK);
    let seen = scan(3).mac(DOCK);
    let before = decide(&[first, seen.clone()]);
    assert_eq!(clusters(&before), [[1, 3]]);
    assert_eq!(member(&before, 3).rule, Rule::MacScan);
    let first = agent(1).had(DOCK, ago(90), ago(1));
    let second = agent(2).got(DOCK, ago(1));
    let after = decide_with(&[first, second, seen], &Directives::default(), &links(&before), NOW);
    assert_eq!(clusters(&after), [[1], [2], [3]]);
    assert_eq!(questions(&after, About::Ambiguous), [(2, 3)], "and a person may say which");
}

#[test]
fn case_10_addresses_that_programs_give_to_every_host_link_nobody() {
    for mac in ["0a:00:27:00:00:00", "00:50:56:c0:00:08", "50:50:54:50:30:30"] {
        let all: Vec<Said> = (1..=50).map(|n| agent(n).mac(mac)).collect();
        let decided = decide(&all);
        assert_eq!(decided.clusters.len(), 50);
        assert!(decided.shared.is_empty() && decided.questions.is_empty());
    }
}

#[test]
fn case_11_a_telephone_with_a_new_address_each_day_is_asked_about_once_at_most() {
    let days: Vec<Said> = (0..30)
        .map(|day| {
            scan(day + 1).mac(&format!("da:a1:19:00:00:{day:02x}")).name("iPhone").life(ago(day), ago(day), false)
        })
        .collect();
    let decided = decide(&days);
    assert_eq!(decided.clusters.len(), 30);
    assert!(decided.questions.len() <= 1);
}

#[test]
fn case_12_another_network_card_does_not_part_what_has_one_serial_number() {
    let listed = row(1).maker("Dell").serial("5CG1234XYZ").mac(LAPTOP);
    let now = agent(2).maker("Dell Inc.").serial("5CG1234XYZ").mac(OTHER_LAPTOP);
    assert_eq!(clusters(&decide(&[listed, now])), [[1, 2]]);
}

#[test]
fn case_13_a_machine_with_a_new_board_is_the_machine_of_its_name() {
    let old = agent(1).maker("Dell").serial("5CG1234XYZ").mac(LAPTOP).name("lt-1.corp.example").dead_since(ago(5));
    let new = agent(2).maker("Dell").serial("8XX9999QQQ").mac(OTHER_LAPTOP).name("lt-1.corp.example").born(ago(4));
    let decided = decide(&[old, new]);
    assert_eq!(clusters(&decided), [[1, 2]]);
    assert_eq!(member(&decided, 2).rule, Rule::FullName);
}

#[test]
fn case_14_a_replacement_that_takes_the_name_while_the_old_one_lives_is_two() {
    let old = agent(1).maker("Dell").serial("5CG1234XYZ").name("lt-1.corp.example");
    let new = agent(2).maker("Dell").serial("8XX9999QQQ").name("lt-1.corp.example").born(ago(4));
    assert_eq!(clusters(&decide(&[old, new])), [[1], [2]]);
}

#[test]
fn case_15_one_name_and_address_in_two_sites_are_two_machines() {
    let here = agent(1).name("srv-1.corp.example").claims("192.168.1.10", NOW);
    let there = scan(2).site(2).family("windows").name("srv-1.corp.example").claims("192.168.1.10", NOW);
    assert_eq!(clusters(&decide(&[here.clone(), there.clone()])), [[1], [2]]);
    assert_eq!(clusters(&decide(&[here, there.site(1)])), [[1, 2]]);
}

#[test]
fn case_17_a_name_cut_at_fifteen_characters_is_the_long_one_with_the_same_address() {
    let cut = agent(1).name("ACCOUNTING-DESK").mac(LAPTOP);
    let whole = scan(2).name("accounting-desktop-07.corp.example").mac(LAPTOP);
    let decided = decide(&[cut.clone(), whole]);
    assert_eq!(clusters(&decided), [[1, 2]]);
    assert_eq!(member(&decided, 2).rule, Rule::MacName);
    assert_eq!(clusters(&decide(&[cut, scan(2).name("accounting-desktop-07.corp.example")])), [[1], [2]]);
}

#[test]
fn case_18_ten_machines_called_localhost_are_ten() {
    let all: Vec<Said> =
        (1..=10).map(|n| agent(n).name("localhost").name("localhost.localdomain").claims("10.0.0.7", NOW)).collect();
    let decided = decide(&all);
    assert_eq!(decided.clusters.len(), 10);
    assert!(decided.questions.is_empty());
}

#[test]
fn case_19_case_and_spelling_of_a_name_do_not_matter() {
    let one = agent(1).name("PC-\u{c9}").mac(LAPTOP);
    let other = row(2).name("pc-e\u{301}").mac(LAPTOP);
    assert_eq!(clusters(&decide(&[one, other])), [[1, 2]]);
}

#[test]
fn case_20_a_host_that_a_scan_knew_gets_its_agent() {
    let decided = decide(&[scan(1).mac(LAPTOP), agent(2).mac(LAPTOP).name("lt-1")]);
    assert_eq!(clusters(&decided), [[1, 2]]);
    assert_eq!(member(&decided, 2).rule, Rule::MacScan);
}

#[test]
fn case_21_an_address_alone_links_nothing() {
    let claims = agent(1).name("lt-1").claims("10.0.0.7", NOW);
    let other = scan(2).name("lt-2").claims("10.0.0.7", NOW);
    let nameless = scan(3).claims("10.0.0.7", NOW);
    assert_eq!(clusters(&decide(&[claims, other, nameless])), [[1], [2], [3]]);
}

#[test]
fn case_23_what_differs_from_one_of_a_chain_stays_out_of_it() {
    let a = agent(1).maker("Dell").serial("AAAA1111").dead_since(ago(10));
    let b = agent(2).maker("Dell").serial("AAAA1111").mac(LAPTOP).name("lt-1").born(ago(9));
    let c = row(3).maker("Dell").serial("CCCC3333").mac(LAPTOP).name("lt-1");
    assert_eq!(clusters(&decide(&[a, b, c])), [vec![1, 2], vec![3]]);
    // Also where only the far end of the chain differs.
    let a = agent(1).maker("Dell").serial("AAAA1111").uuid("uuid-aaaa-1").dead_since(ago(10));
    let b = agent(2).uuid("uuid-aaaa-1").mac(LAPTOP).name("lt-1").born(ago(9));
    let c = row(3).maker("Dell").serial("CCCC3333").mac(LAPTOP).name("lt-1");
    assert_eq!(clusters(&decide(&[a, b, c])), [vec![1, 2], vec![3]]);
}

#[test]
fn case_24_two_systems_on_one_machine_are_two_assets_on_one_hardware() {
    let windows = agent(1).maker("Dell").serial("5CG1234XYZ").mac(LAPTOP);
    let mut linux = agent(2).maker("Dell").serial("5CG1234XYZ").mac(LAPTOP).family("linux");
    linux.life.active = false;
    let decided = decide(&[windows, linux]);
    assert_eq!(clusters(&decided), [[1], [2]]);
    assert_eq!(decided.same_hardware, [(RecordId(1), RecordId(2))]);
    assert!(questions(&decided, About::Clone).is_empty());
}

#[test]
fn case_25_a_pool_that_is_made_anew_each_day_is_as_many_machines_as_it_has_names() {
    let mut pool = Vec::new();
    for day in 0..5 {
        for desk in 0..20 {
            let record = day * 100 + desk + 1;
            let mut said =
                agent(record).name(&format!("vdi-{desk:03}")).maker("VMware").serial(&format!("VMware-{record:08x}a"));
            said.identity.group = Some(7);
            let began = ago(day);
            pool.push(said.life(began, if day == 0 { NOW } else { began.plus_seconds(8 * 3600) }, day == 0));
        }
    }
    assert_eq!(decide(&pool).clusters.len(), 100, "as long as nobody says what the group is");
    let directives = Directives { pools: FxHashSet::from_iter([7]), ..Directives::default() };
    let decided = decide_with(&pool, &directives, &FxHashMap::default(), NOW);
    assert_eq!(decided.clusters.len(), 20);
    assert!(decided.clusters.iter().all(|cluster| cluster.len() == 5));
}

#[test]
fn case_28_an_agent_that_moved_to_another_console_is_one() {
    let there = agent(1).uuid("uuid-aaaa-1").integration(1).dead_since(ago(3));
    let here = agent(2).uuid("uuid-aaaa-1").integration(9).born(ago(4));
    let decided = decide(&[there, here]);
    assert_eq!(clusters(&decided), [[1, 2]]);
    assert_eq!(member(&decided, 2).rule, Rule::Uuid);
}

#[test]
fn what_a_person_splits_is_not_asked_about_again() {
    let all = [agent(1).serial("5CG1234XYZ").maker("Dell"), row(2).serial("5CG1234XYZ").maker("Dell")];
    let apart = FxHashSet::from_iter([(RecordId(1), RecordId(2))]);
    let directives = Directives { apart, ..Directives::default() };
    let decided = decide_with(&all, &directives, &FxHashMap::default(), NOW);
    assert_eq!(clusters(&decided), [[1], [2]]);
    assert_eq!(decided.questions, []);
}

#[test]
fn what_a_person_merges_is_one_whatever_speaks_against_it() {
    let all = [agent(1).serial("5CG1234XYZ").maker("Dell"), agent(2).serial("8XX9999QQQ").maker("Dell"), row(3)];
    let together = vec![(RecordId(2), RecordId(1)), (RecordId(2), RecordId(3))];
    let directives = Directives { together, ..Directives::default() };
    let decided = decide_with(&all, &directives, &FxHashMap::default(), NOW);
    assert_eq!(clusters(&decided), [[1, 2, 3]]);
    assert_eq!(member(&decided, 2).rule, Rule::Merged);
}

#[test]
fn directives_that_contradict_each_other_are_shown_to_a_person() {
    let all = [row(1), row(2), row(3)];
    let together = vec![(RecordId(1), RecordId(2)), (RecordId(2), RecordId(3))];
    let apart = FxHashSet::from_iter([(RecordId(1), RecordId(3))]);
    let directives = Directives { together, apart, ..Directives::default() };
    let decided = decide_with(&all, &directives, &FxHashMap::default(), NOW);
    assert_eq!(clusters(&decided), [vec![1, 2], vec![3]]);
    assert_eq!(questions(&decided, About::Conflict), [(2, 3)]);
}

#[test]
fn nothing_joins_a_pinned_asset_and_nothing_leaves_it() {
    let all = [agent(1).serial("5CG1234XYZ").maker("Dell"), row(2), row(3).serial("5CG1234XYZ").maker("Dell")];
    let pinned = FxHashMap::from_iter([(RecordId(1), 7), (RecordId(2), 7)]);
    let directives = Directives { pinned, ..Directives::default() };
    let decided = decide_with(&all, &directives, &FxHashMap::default(), NOW);
    assert_eq!(clusters(&decided), [vec![1, 2], vec![3]]);
    assert_eq!(member(&decided, 2).rule, Rule::Pinned);
}

#[test]
fn what_fits_two_machines_is_linked_to_neither_and_asked_about() {
    let one = agent(1).mac(LAPTOP).name("lt-1");
    let two = agent(2).mac(OTHER_LAPTOP).name("lt-2");
    let both = scan(3).mac(LAPTOP).mac(OTHER_LAPTOP);
    let decided = decide(&[one, two, both]);
    assert_eq!(clusters(&decided), [[1], [2], [3]]);
    assert_eq!(questions(&decided, About::Ambiguous), [(1, 3), (2, 3)]);
}

#[test]
fn a_name_that_a_list_and_an_agent_share_is_a_question_and_no_link() {
    let decided = decide(&[agent(1).name("lt-1"), row(2).name("lt-1")]);
    assert_eq!(clusters(&decided), [[1], [2]]);
    assert_eq!(questions(&decided, About::Alike), [(1, 2)]);
    let directives = Directives { by_name: FxHashSet::from_iter([IntegrationId(1)]), ..Directives::default() };
    let all = [agent(1).name("lt-1"), row(2).name("lt-1")];
    let decided = decide_with(&all, &directives, &FxHashMap::default(), NOW);
    assert_eq!(member(&decided, 2).rule, Rule::ByName, "unless names are said to be enough");
}

#[test]
fn a_crowd_with_one_identifier_is_no_machine() {
    let all: Vec<Said> = (1..=60).map(|n| row(n).serial("5CG1234XYZ").integration(n)).collect();
    let decided = decide(&all);
    assert_eq!(decided.clusters.len(), 60);
    assert_eq!(decided.shared[0].1.why, SharedWhy::Crowd);
}

#[test]
fn an_identifier_says_something_again_once_it_was_unique_for_thirty_days() {
    let gone = agent(1).maker("Dell").serial("5CG1234XYZ").dead_since(ago(29));
    let stays = agent(2).maker("Dell").serial("5CG1234XYZ").born(ago(80));
    let listed = row(3).maker("Dell").serial("5CG1234XYZ");
    let at = |now| {
        decide_with(&[gone.clone(), stays.clone(), listed.clone()], &Directives::default(), &FxHashMap::default(), now)
    };
    assert_eq!(at(NOW).shared.len(), 1);
    assert_eq!(at(NOW.plus_seconds(2 * DAY)).shared, []);
    assert_eq!(at(NOW.plus_seconds(2 * DAY)).clusters.len(), 3, "two agents that were alive together are two machines");
}

#[test]
fn what_a_deleted_integration_said_parts_nothing() {
    let live = || agent(1).mac(LAPTOP).name("lt-1");
    let twin = || agent(2).integration(9).mac(LAPTOP).name("lt-1");
    let host = || scan(3).mac(LAPTOP).name("lt-1");
    let torn = decide(&[live(), twin(), host()]);
    assert_eq!(clusters(&torn), [vec![1], vec![2], vec![3]], "the host fits both agents");
    let said = [live(), twin().ended(), host()];
    let mended = decide_with(&said, &Directives::default(), &links(&torn), NOW);
    assert_eq!(clusters(&mended), [vec![1, 3], vec![2]], "and two agents that lived together are not one");
    assert!(mended.questions.is_empty());
    // Between hosts it is no bridge either.
    let chain =
        [scan(1).serial("SN-A1").mac(LAPTOP), agent(2).integration(9).serial("SN-A1").uuid("uuid-aaaa-1").ended()];
    let chain = [&chain[..], &[row(3).uuid("uuid-aaaa-1")]].concat();
    assert_eq!(clusters(&decide(&chain)).concat().len(), 3);
    let pairs =
        |said: &[Said]| clusters(&decide(said)).into_iter().filter(|cluster| cluster.len() > 1).collect::<Vec<_>>();
    assert!(pairs(&chain).iter().all(|cluster| !(cluster.contains(&1) && cluster.contains(&3))));
}

#[test]
fn what_a_deleted_integration_said_makes_nothing_shared() {
    let twins = || [agent(2), agent(4)].map(|agent| agent.integration(9).mac(DOCK));
    let machine = || [agent(1).mac(DOCK).name("lt-1"), scan(3).mac(DOCK).name("lt-1")];
    let shared = decide(&[machine(), twins()].concat());
    assert!(shared.shared.iter().any(|(key, _)| key.kind() == Kind::Mac));
    assert_eq!(clusters(&shared), [vec![1], vec![2], vec![3], vec![4]]);
    let own = decide(&[machine(), twins().map(Said::ended)].concat());
    assert!(own.shared.is_empty());
    assert_eq!(clusters(&own), [vec![1, 3], vec![2], vec![4]], "between those two it stays what it was");
}

#[test]
fn what_a_deleted_integration_said_stays_with_the_machine_that_it_was_of() {
    let first = decide(&[agent(1).integration(9).mac(LAPTOP).name("lt-1"), scan(3).mac(LAPTOP)]);
    assert_eq!(clusters(&first), [vec![1, 3]]);
    let ended = agent(1).integration(9).mac(LAPTOP).name("lt-1").ended();
    let said = [ended.clone(), scan(3).mac(LAPTOP)];
    assert_eq!(decide_with(&said, &Directives::default(), &links(&first), NOW), decide(&said));
    assert_eq!(clusters(&decide(&said)), [vec![1, 3]]);
    // The console is connected again: its agents are those that count, and the same.
    let uuid = |said: Said| said.uuid("uuid-0000-aaaa-1");
    let mut again = uuid(agent(5).mac(LAPTOP).name("lt-1"));
    again.identity.agent.clone_from(&ended.identity.agent);
    let again = [uuid(ended), scan(3).mac(LAPTOP), again];
    assert_eq!(clusters(&decide(&again)), [vec![1, 3, 5]]);
}

#[test]
fn what_was_linked_to_an_agent_stays_with_it_when_one_of_two_integrations_is_deleted() {
    let named = |record: i64, mac: &str| agent(record).uuid("uuid-0000-aaaa-1").mac(mac).name("lt-1");
    let same = |mut said: Said| {
        said.identity.agent = Some("agent-1".to_owned());
        said
    };
    let (twin, live) = (named(1, LAPTOP).integration(9), same(named(2, LAPTOP)));
    let first = decide(&[twin.clone(), live, scan(3).mac(LAPTOP)]);
    assert_eq!(clusters(&first), [vec![1, 2, 3]]);
    assert_eq!(member(&first, 3).partner, Some(RecordId(1)), "by way of the one that goes");
    // Another card, and the other integration is deleted.
    let live = same(named(2, OTHER_LAPTOP));
    let said = [twin.ended(), live, scan(3).mac(LAPTOP)];
    let after = decide_with(&said, &Directives::default(), &links(&first), NOW);
    assert_eq!(clusters(&after), [vec![1, 2, 3]]);
}

#[test]
fn what_people_decided_of_a_deleted_integration_holds() {
    let said = [agent(1).mac(LAPTOP), agent(2).integration(9).ended(), scan(3).mac(LAPTOP)];
    let together = Directives { together: vec![(RecordId(2), RecordId(3))], ..Directives::default() };
    assert_eq!(clusters(&decide_with(&said, &together, &FxHashMap::default(), NOW)), [vec![1, 2, 3]]);
    let apart = Directives { apart: [(RecordId(1), RecordId(2))].into_iter().collect(), ..together };
    assert_eq!(clusters(&decide_with(&said, &apart, &FxHashMap::default(), NOW)), [vec![1], vec![2, 3]]);
}

#[test]
fn a_record_reaches_its_cluster_with_a_reason() {
    let decided = decide(&estate(&mut kernel::Random::seeded(7), 400));
    for cluster in &decided.clusters {
        let records: Vec<RecordId> = cluster.iter().map(|member| member.record).collect();
        for (at, member) in cluster.iter().enumerate() {
            match member.partner {
                None => assert_eq!((at, member.rule), (0, Rule::New)),
                Some(partner) => {
                    assert!(records.contains(&partner) && !member.evidence.is_empty(), "{member:?}");
                    assert!(Rule::AUTOMATIC.contains(&member.rule));
                    assert!(member.evidence.iter().all(|evidence| !matches!(evidence, Evidence::Same(key)
                        if decided.shared.iter().any(|(shared, _)| shared == key))));
                }
            }
        }
    }
}

/// Records of which many have something in common, rightly or not.
pub fn estate(random: &mut kernel::Random, count: usize) -> Vec<Said> {
    let machines = (count / 2).max(1) as u64;
    (1..=count as i64)
        .map(|record| {
            let machine = random.below(machines);
            let mut said = match random.below(3) {
                0 => agent(record),
                1 => scan(record),
                _ => row(record),
            };
            if random.below(100) < 60 {
                said = said.maker("Dell").serial(&format!("SN{:06}", machine + random.below(100) / 97));
            }
            if random.below(100) < 70 {
                said = said.mac(&format!(
                    "bc:24:11:{:02x}:{:02x}:{:02x}",
                    machine >> 16 & 255,
                    machine >> 8 & 255,
                    machine & 255
                ));
            }
            if random.below(100) < 20 {
                said = said.mac(&format!("00:e0:4c:00:00:{:02x}", random.below(3)));
            }
            if random.below(100) < 80 {
                let domain = if random.below(2) == 0 { ".corp.example" } else { "" };
                said = said.name(&format!("lt-{}{domain}", machine + random.below(100) / 95));
            }
            if random.below(100) < 30 {
                said = said.uuid(&format!("uuid-aaaa-{machine:05}"));
            }
            let ip = format!("10.{}.{}.{}", machine >> 16 & 255, machine >> 8 & 255, machine & 255);
            said = said.claims(&ip, NOW).site(1 + (random.below(100) / 95) as i64);
            if said.grade == Grade::Agent && random.below(100) < 40 {
                let end = 10 + random.below(50) as i64;
                said = said.dead_since(ago(end));
            } else if said.grade == Grade::Agent {
                said = said.born(ago(random.below(9) as i64));
            }
            if random.below(100) < 5 {
                said = said.family("linux");
            }
            said
        })
        .collect()
}

/// Puts records in another order.
pub fn shuffle<T>(random: &mut kernel::Random, all: &mut [T]) {
    for at in (1..all.len()).rev() {
        all.swap(at, random.below(at as u64 + 1) as usize);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_order_of_records_plays_no_part(seed: u64, count in 1usize..120) {
        let random = &mut kernel::Random::seeded(seed);
        let mut all = estate(random, count);
        let expected = decide(&all);
        for _ in 0..4 {
            shuffle(random, &mut all);
            proptest::prop_assert_eq!(&decide(&all), &expected);
        }
    }

    #[test]
    fn deciding_again_changes_nothing(seed: u64, count in 1usize..120) {
        let all = estate(&mut kernel::Random::seeded(seed), count);
        let first = decide(&all);
        let again = decide_with(&all, &Directives::default(), &links(&first), NOW);
        proptest::prop_assert_eq!(first, again);
    }

    #[test]
    fn what_a_person_only_holds_together_has_the_reasons_of_the_rules(seed: u64, count in 1usize..120) {
        let random = &mut kernel::Random::seeded(seed);
        let mut all = estate(random, count);
        let first = decide(&all);
        let records = |cluster: &Vec<Member>| cluster.iter().map(|member| member.record).collect::<Vec<_>>();
        let held = first.clusters.iter().map(records).collect::<Vec<_>>();
        let kept = held.iter().flat_map(|part| part.windows(2).map(|two| (two[0], two[1]))).collect();
        let directives = Directives { kept, ..Directives::default() };
        let again = decide_with(&all, &directives, &links(&first), NOW);
        // What a person holds is surer than what a rule joined, so it may answer a question that was open: two parts may
        // become one machine then, and none falls apart.
        let part_of = |part: &Vec<RecordId>| {
            again.clusters.iter().map(records).any(|whole| part.iter().all(|record| whole.contains(record)))
        };
        proptest::prop_assert!(held.iter().all(part_of));
        proptest::prop_assert!(again.clusters.iter().flatten().all(|member| member.rule != Rule::Kept));
        shuffle(random, &mut all);
        proptest::prop_assert_eq!(&decide_with(&all, &directives, &links(&again), NOW), &again);
    }

    #[test]
    fn records_of_deleted_integrations_change_nothing_of_the_others(seed: u64, count in 1usize..120) {
        let random = &mut kernel::Random::seeded(seed);
        let mut all = estate(random, count);
        for said in &mut all {
            if random.below(3) == 0 {
                *said = said.clone().integration(9).ended();
            }
        }
        let living: Vec<Said> = all.iter().filter(|said| !said.ended).cloned().collect();
        let (with, without) = (decide(&all), decide(&living));
        let counts = |record: &i64| living.iter().any(|said| said.record == *record);
        let mut machines = clusters(&with);
        machines.iter_mut().for_each(|machine| machine.retain(counts));
        machines.retain(|machine| !machine.is_empty());
        machines.sort();
        let mut expected = clusters(&without);
        expected.sort();
        proptest::prop_assert_eq!(machines, expected);
        proptest::prop_assert_eq!((&with.questions, &with.shared), (&without.questions, &without.shared));
        proptest::prop_assert_eq!(&with.same_hardware, &without.same_hardware);
        proptest::prop_assert_eq!(&decide_with(&all, &Directives::default(), &links(&with), NOW), &with);
        shuffle(random, &mut all);
        proptest::prop_assert_eq!(&decide(&all), &with);
    }

    #[test]
    fn no_cluster_holds_two_records_that_exclude_each_other(seed: u64, count in 1usize..120) {
        let all = estate(&mut kernel::Random::seeded(seed), count);
        let decided = decide(&all);
        let said = |record: RecordId| all.iter().find(|said| said.record == record.0).unwrap();
        for cluster in &decided.clusters {
            for (at, one) in cluster.iter().enumerate() {
                for other in &cluster[at + 1..] {
                    let (one, other) = (said(one.record), said(other.record));
                    let agents = one.grade == Grade::Agent && other.grade == Grade::Agent;
                    proptest::prop_assert!(!(agents && one.life.active && other.life.active));
                    proptest::prop_assert!(!agents || one.identity.family == other.identity.family);
                }
            }
        }
    }
}

#[test]
fn case_31_thousands_of_records_in_any_order_make_the_same_machines() {
    // A hundred thousand, twenty times, in a release build: `cargo test --release -p muster-inventory case_31`.
    let (records, times) = if cfg!(debug_assertions) { (10_000, 3) } else { (100_000, 20) };
    let random = &mut kernel::Random::seeded(31);
    let mut all: Vec<Fact> = estate(random, records).iter().map(Said::fact).collect();
    let (directives, previous, crowded) = Default::default();
    let decide = |facts: &[Fact]| {
        let (directives, previous, once_crowded) = (&directives, &previous, &crowded);
        partition(&Situation { facts, directives, previous, crowded: &crowded, once_crowded, now: NOW })
    };
    let expected = decide(&all);
    assert!(expected.clusters.len() > records / 4 && expected.clusters.len() < records);
    for _ in 0..times {
        shuffle(random, &mut all);
        assert_eq!(decide(&all), expected);
    }
}
