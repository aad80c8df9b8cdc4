//! Survivorship: which of several records' words becomes an asset's. Pure, and independent of the order of the records.
//!
//! Every attribute has a rule. What describes the machine is taken from the best record that says it; words that belong
//! together (an operating system and its version) are taken from one record. What only an agent can know is its lead's.
//! The earliest first and the latest last sighting win, whoever had them.

use std::cmp::Reverse;
use std::sync::OnceLock;

use kernel::{Timestamp, Value};

use crate::machine::Grade;
use crate::onboard;
use crate::out::Column;
use crate::projection::{ASSET_OWN, MACHINE_OWN, Projection};

/// So long after its source last saw it an asset without agent is stale, and what a record says is worth less than what
/// any fresher record of the same asset says.
pub const FRESH_DAYS: i64 = 30;

/// Lists are kept by hand, and stay true for longer.
const LIST_FRESH_DAYS: i64 = 365;

const DAY: i64 = 86_400_000_000;

/// A machine's row: what one record says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Machine {
    pub record: i64,
    pub integration: i64,
    pub native_id: String,
    pub site: i64,
    /// Whether its source still has it.
    pub present: bool,
    pub superseded: bool,
    /// The columns of [`Projection::Machine`].
    pub values: Vec<Value<'static>>,
}

/// What records say together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asset {
    /// The columns of [`Projection::Asset`]. Its counts of addresses, hardware addresses and tags are those of one record:
    /// whoever has the child rows sets them.
    pub values: Vec<Value<'static>>,
    /// Which record each column is from, and by which rule.
    pub winners: Vec<(Option<usize>, Rule)>,
    /// The record that speaks for the asset.
    pub lead: usize,
    /// The site it lives in.
    pub site: i64,
    /// Which records are of agents whose place another agent has taken.
    pub superseded: Vec<bool>,
}

/// Terms of the dictionary of states that this module needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    pub seen: i64,
    pub stale: i64,
}

/// How a column's value is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// From the best record that says anything of this group, by this order.
    Best {
        group: usize,
        order: Order,
    },
    /// From the lead.
    Lead,
    Earliest,
    Latest,
    /// Yes, if any record says yes that may speak of the present.
    Any,
    /// It follows from the records themselves.
    Count,
}

/// Which grade goes before which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Those who are on the machine know best, then those who keep a list, then those who asked it over the network.
    Knowing,
    /// Lists go first: a tag that somebody stuck on a machine is known where it is written down.
    Papers,
    /// Agents in the order in which they may speak for the asset.
    Leading,
}

impl Order {
    const fn rank(self, grade: Grade) -> u8 {
        match (self, grade) {
            (Order::Papers, Grade::List) | (Order::Knowing | Order::Leading, Grade::Agent) => 0,
            (Order::Papers, Grade::Agent) | (Order::Knowing | Order::Leading, Grade::List) => 1,
            (Order::Knowing | Order::Leading, Grade::Scan) | (Order::Papers, Grade::Discovery) => 2,
            (Order::Knowing | Order::Leading, Grade::Discovery) | (Order::Papers, Grade::Scan) => 3,
        }
    }
}

/// Columns that are taken from one record: the first ones choose it, the others come along.
struct Group {
    by: &'static [&'static str],
    with: &'static [&'static str],
    order: Order,
}

const fn knowing(by: &'static [&'static str], with: &'static [&'static str]) -> Group {
    Group { by, with, order: Order::Knowing }
}

const GROUPS: &[Group] = &[
    knowing(&["name"], &["name_folded"]),
    knowing(&["type_term"], &[]),
    knowing(&["os_term", "os_name_term", "os_family_term"], &["os_version_term"]),
    knowing(&["os_arch_term"], &[]),
    knowing(&["hw_term", "model_term"], &["hw_vendor_term"]),
    knowing(&["manufacturer_term"], &[]),
    knowing(&["cpu_term"], &[]),
    // Who hears of a machine over the network names a processor, and cannot count it.
    knowing(&["cpu_count", "core_count"], &[]),
    knowing(&["memory_mb"], &[]),
    knowing(&["serial"], &["serial_folded"]),
    knowing(&["domain_term"], &[]),
    knowing(&["user_name"], &["user_folded"]),
    knowing(&["directory_name"], &["directory_folded"]),
    knowing(&["cloud_term", "cloud_instance"], &["cloud_account"]),
    Group { by: &["asset_tag"], with: &["asset_tag_folded"], order: Order::Papers },
    // A machine is guarded by any agent of its that guards.
    Group { by: &["edr_term"], with: &[], order: Order::Leading },
];

/// The rules of an asset's columns, and where a machine keeps what the rules look at.
struct Plan {
    rules: Vec<Rule>,
    groups: Vec<Places>,
    grade: usize,
    yields: usize,
    last_seen: usize,
    active: usize,
    edr: usize,
    edr_live: usize,
    state: usize,
}

/// Where a machine keeps a group.
struct Places {
    /// The columns that choose.
    by: Vec<usize>,
    /// Those that come along.
    with: Vec<usize>,
    /// Whether it stays where metadata is not updated.
    is_metadata: bool,
}

fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let machine = Projection::Machine.columns();
        let at = |name: &str| {
            let found = machine.iter().position(|column| column.name == name);
            found.expect("a rule names a column of a machine, which a test proves")
        };
        let places = |names: &[&str]| names.iter().map(|name| at(name)).collect::<Vec<_>>();
        let rule = |column: &Column| {
            let group =
                GROUPS.iter().position(|group| group.by.contains(&column.name) || group.with.contains(&column.name));
            match (group, column.name) {
                (Some(group), _) => Rule::Best { group, order: GROUPS[group].order },
                (None, "first_seen") => Rule::Earliest,
                (None, "last_seen") => Rule::Latest,
                (None, "active" | "edr_live" | "has_public" | "has_private" | "has_ipv6") => Rule::Any,
                (None, "address_count" | "mac_count" | "tag_count") => Rule::Count,
                (None, _) => Rule::Lead,
            }
        };
        let shared = Projection::Asset.columns().iter();
        let shared = shared.take(machine.len() - MACHINE_OWN).map(rule);
        Plan {
            rules: shared.chain(ASSET_OWN.iter().map(|_| Rule::Count)).collect(),
            groups: (GROUPS.iter())
                .map(|group| {
                    let is_metadata = group.by.iter().any(|name| onboard::is_metadata(name));
                    Places { by: places(group.by), with: places(group.with), is_metadata }
                })
                .collect(),
            grade: at("grade"),
            yields: at("yields"),
            last_seen: at("last_seen"),
            active: at("active"),
            edr: at("edr_term"),
            edr_live: at("edr_live"),
            state: at("agent_state_term"),
        }
    })
}

/// Lets a machine's values say that its source no longer has it: `retired` is the term of that state.
pub(crate) fn leave(values: &mut [Value<'static>], retired: i64) {
    let plan = plan();
    values[plan.state] = Value::Int(retired);
    values[plan.active] = Value::Int(0);
    values[plan.edr] = Value::Null;
    if values[plan.edr_live] != Value::Null {
        values[plan.edr_live] = Value::Int(0);
    }
}

/// Where a machine's values say whether it is active.
pub(crate) fn active_place() -> usize {
    plan().active
}

impl Machine {
    fn int(&self, at: usize) -> Option<i64> {
        match self.values[at] {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    pub fn grade(&self) -> Grade {
        Grade::from_code(self.int(plan().grade).unwrap_or_default())
    }

    pub fn last_seen(&self) -> Option<i64> {
        self.int(plan().last_seen)
    }

    /// Whether it is of an agent that still guards its machine.
    pub fn is_guarding(&self) -> bool {
        self.present && self.int(plan().edr_live) == Some(1)
    }

    /// Whether somebody among these spoke of the machine before this record did, whose source updates no metadata.
    fn yields(&self, machines: &[Machine]) -> bool {
        // What an agent says is better than what the same console's discovery said, and no update of it. A second agent is
        // one.
        let is_before = |other: &Machine| {
            let rivals = other.integration != self.integration || other.grade() == self.grade();
            rivals && other.present && other.record < self.record
        };
        self.int(plan().yields) == Some(onboard::YIELDS) && machines.iter().any(is_before)
    }

    /// Whether what it says is as good as its grade. An agent that left, a source that has the record no more, and what
    /// is long out of date are believed only where nobody else speaks.
    pub fn is_fresh(&self, newest: Option<i64>) -> bool {
        let days = if self.grade() == Grade::List { LIST_FRESH_DAYS } else { FRESH_DAYS };
        let seen = match (self.last_seen(), newest) {
            (Some(seen), Some(newest)) => seen >= newest.saturating_sub(days * DAY),
            (None, Some(_)) => self.grade() == Grade::List,
            (_, None) => true,
        };
        self.present && seen && (self.grade() != Grade::Agent || self.int(plan().edr_live) != Some(0))
    }

    /// What tells it from every other record, whatever came first.
    fn identity(&self) -> (i64, &str, i64) {
        (self.integration, &self.native_id, self.record)
    }

    /// Its lifecycle and whether it is active, for an asset that has no other record. An agent says both itself; anybody
    /// else's word is good for [`FRESH_DAYS`].
    pub fn standing(values: &[Value<'static>], words: Words, now: Timestamp) -> (Value<'static>, Value<'static>) {
        let plan = plan();
        if values[plan.grade] == Value::Int(Grade::Agent.code()) {
            return (values[plan.state].clone(), values[plan.active].clone());
        }
        let stale = match values[plan.last_seen] {
            Value::Int(seen) => seen < now.micros().saturating_sub(FRESH_DAYS * DAY),
            _ => false,
        };
        let active = match (&values[plan.active], stale) {
            (Value::Null, _) => Value::Null,
            (_, true) => Value::Int(0),
            (active, false) => active.clone(),
        };
        // A list that says no time says nothing about being stale. What its source has no more is not seen by anybody.
        let retired = values[plan.state].clone();
        let word = Value::Int(if stale { words.stale } else { words.seen });
        (if retired == Value::Null { word } else { retired }, active)
    }
}

/// The records' places in an order, best first. `newest` is when any of them was last seen. Of `metadata` those that yield
/// are asked last.
fn ranked(machines: &[Machine], order: Order, metadata: bool, newest: Option<i64>) -> Vec<usize> {
    let mut ranked: Vec<usize> = (0..machines.len()).collect();
    ranked.sort_by_key(|at| {
        let machine = &machines[*at];
        let stands_back = match order {
            Order::Leading => !machine.is_guarding(),
            Order::Knowing | Order::Papers => !machine.is_fresh(newest),
        };
        let rank = order.rank(machine.grade());
        // An agent that left still leads, if there is no other agent.
        let rank = if order == Order::Leading { (rank, u8::from(stands_back)) } else { (u8::from(stands_back), rank) };
        let yields = metadata && machine.yields(machines);
        (!machine.present, yields, rank, Reverse(machine.last_seen()), machine.identity())
    });
    ranked
}

/// What these records say together; there is at least one. The answer does not depend on their order.
pub(crate) fn survive(machines: &[Machine], words: Words, now: Timestamp) -> Asset {
    let plan = plan();
    let present = || machines.iter().filter(|machine| machine.present);
    let newest = present().filter_map(Machine::last_seen).max();
    let newest = newest.or_else(|| machines.iter().filter_map(Machine::last_seen).max());
    let [knowing, papers, leading] =
        [Order::Knowing, Order::Papers, Order::Leading].map(|order| ranked(machines, order, false, newest));
    let metadata = ranked(machines, Order::Knowing, true, newest);
    let has_agent = machines.iter().any(|machine| machine.grade() == Grade::Agent && machine.present);
    let lead = if has_agent { leading[0] } else { knowing[0] };

    let says = |at: usize, places: &[usize]| places.iter().any(|place| machines[at].values[*place] != Value::Null);
    let best: Vec<Option<usize>> = (GROUPS.iter().zip(&plan.groups))
        .map(|(group, Places { by, with, is_metadata })| {
            let ranked = match group.order {
                Order::Knowing if *is_metadata => &metadata,
                Order::Knowing => &knowing,
                Order::Papers => &papers,
                Order::Leading => &leading,
            };
            let first = |places| ranked.iter().copied().find(|at| says(*at, places));
            first(by).or_else(|| first(with))
        })
        .collect();

    let superseded: Vec<bool> = (machines.iter().enumerate())
        .map(|(at, machine)| {
            let idle = machine.int(plan.active) != Some(1);
            at != lead && has_agent && machine.present && machine.grade() == Grade::Agent && idle
        })
        .collect();
    // Who may speak of the present. Of the others a yes is a no.
    let speaks = |machine: &Machine, column: usize| match machine.grade() {
        _ if column != plan.active && column != plan.edr_live => true,
        Grade::Agent => machine.present,
        _ => machine.last_seen().is_none_or(|seen| seen >= now.micros().saturating_sub(FRESH_DAYS * DAY)),
    };

    let (mut values, mut winners) = (Vec::new(), Vec::new());
    for (at, rule) in plan.rules.iter().enumerate().take(plan.rules.len() - ASSET_OWN.len()) {
        let place = at + MACHINE_OWN;
        let of = |machine: usize| machines[machine].values[place].clone();
        let numbers = || (0..machines.len()).filter_map(|at| Some((machines[at].int(place)?, at)));
        let same = |one: usize| (machines[one].identity(), one);
        let (value, winner) = match rule {
            Rule::Best { group, .. } => best[*group].map_or((Value::Null, None), |at| (of(at), Some(at))),
            Rule::Lead | Rule::Count => (of(lead), Some(lead)),
            Rule::Earliest => match numbers().min_by_key(|(number, at)| (*number, same(*at))) {
                Some((number, at)) => (Value::Int(number), Some(at)),
                None => (Value::Null, None),
            },
            Rule::Latest => match numbers().min_by_key(|(number, at)| (Reverse(*number), same(*at))) {
                Some((number, at)) => (Value::Int(number), Some(at)),
                None => (Value::Null, None),
            },
            Rule::Any => {
                let yes = |(number, at): &(i64, usize)| *number == 1 && speaks(&machines[*at], place);
                match numbers().filter(yes).min_by_key(|(_, at)| same(*at)) {
                    Some((_, at)) => (Value::Int(1), Some(at)),
                    None if numbers().next().is_some() => (Value::Int(0), Some(lead)),
                    None => (Value::Null, None),
                }
            }
        };
        values.push(value);
        winners.push((winner, *rule));
    }

    let gone = present().next().is_none();
    let counted: Vec<&Machine> = if gone { machines.iter().collect() } else { present().collect() };
    let mut sources: Vec<i64> = counted.iter().map(|machine| machine.integration).collect();
    sources.sort_unstable();
    sources.dedup();
    let lifecycle = match (machines[lead].grade(), machines[lead].present) {
        (Grade::Agent, _) | (_, false) => machines[lead].values[plan.state].clone(),
        (_, true) => {
            let fresh = newest.is_none_or(|seen| seen >= now.micros().saturating_sub(FRESH_DAYS * DAY));
            Value::Int(if fresh { words.seen } else { words.stale })
        }
    };
    values.extend([
        Value::Int(sources.len() as i64),
        Value::Int(machines.len() as i64),
        Value::Int(machines[lead].record),
        lifecycle,
        Value::from(gone),
    ]);
    winners.resize(values.len(), (None, Rule::Count));
    Asset { values, winners, lead, site: site(machines), superseded }
}

/// The site of an asset: where it was measured, or else where the record lives that knows it best.
fn site(machines: &[Machine]) -> i64 {
    let place = |machine: &&Machine| {
        let rank = match machine.grade() {
            Grade::Scan => 0,
            Grade::List => 1,
            Grade::Agent => 2,
            Grade::Discovery => 3,
        };
        (!machine.present, rank, machine.integration, machine.native_id.clone(), machine.record)
    };
    machines.iter().min_by_key(place).map_or(0, |machine| machine.site)
}

/// Why a value is the asset's, as a sentence without subject: `a live agent goes before a scan`.
pub(crate) fn why(machines: &[Machine], column: usize, asset: &Asset) -> String {
    let (winner, rule) = asset.winners[column];
    let Some(winner) = winner else { return "nobody says it".to_owned() };
    if machines.len() == 1 {
        return "its only record".to_owned();
    }
    match rule {
        Rule::Earliest => "the earliest of its records".to_owned(),
        Rule::Latest => "the latest of its records".to_owned(),
        Rule::Any => "what any record says that may speak of the present".to_owned(),
        Rule::Count => "counted over its records".to_owned(),
        Rule::Lead => format!("from the record that speaks for it: {}", described(&machines[winner], machines, false)),
        Rule::Best { group, order } => {
            let Places { by, with, is_metadata } = &plan().groups[group];
            let says = |at: &usize| by.iter().chain(with).any(|place| machines[*at].values[*place] != Value::Null);
            let newest = machines.iter().filter(|machine| machine.present).filter_map(Machine::last_seen).max();
            let others: Vec<usize> = ranked(machines, order, *is_metadata, newest)
                .into_iter()
                .filter(says)
                .filter(|at| *at != winner)
                .collect();
            let Some(next) = others.first() else { return "no other record says it".to_owned() };
            let described = |at: usize| described(&machines[at], machines, *is_metadata);
            let (one, other) = (described(winner), described(*next));
            if one == other {
                return format!("of {} records like it the one that was seen last", others.len() + 1);
            }
            format!("{one} goes before {other}")
        }
    }
}

fn described(machine: &Machine, machines: &[Machine], metadata: bool) -> &'static str {
    let newest = machines.iter().filter(|machine| machine.present).filter_map(Machine::last_seen).max();
    let fresh = machine.is_fresh(newest);
    match (machine.grade(), machine.present, fresh) {
        (_, false, _) => "what its source no longer has",
        (_, true, true) if metadata && machine.yields(machines) => "a source that updates no metadata and came later",
        (Grade::Agent, true, true) => "a live agent",
        (Grade::Agent, true, false) => "an agent that left or fell silent",
        (Grade::Scan, true, true) => "a scan",
        (Grade::Scan, true, false) => "an old scan",
        (Grade::List, true, true) => "a list",
        (Grade::List, true, false) => "an old list",
        (Grade::Discovery, true, true) => "network discovery",
        (Grade::Discovery, true, false) => "old network discovery",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: Words = Words { seen: 90, stale: 91 };
    const NOW: Timestamp = Timestamp::from_micros(1_000 * DAY);

    fn at(name: &str) -> usize {
        Projection::Machine.columns().iter().position(|column| column.name == name).unwrap()
    }

    fn of(asset: &Asset, name: &str) -> Value<'static> {
        let place = Projection::Asset.columns().iter().position(|column| column.name == name).unwrap();
        asset.values[place].clone()
    }

    /// A record of a grade that was seen so many days ago and says these numbers.
    fn machine(record: i64, grade: Grade, days: i64, says: &[(&str, i64)]) -> Machine {
        let mut values = vec![Value::Null; Projection::Machine.columns().len()];
        values[at("grade")] = Value::Int(grade.code());
        values[at("yields")] = Value::Int(0);
        values[at("last_seen")] = Value::Int(NOW.micros() - days * DAY);
        if grade == Grade::Agent {
            values[at("edr_live")] = Value::Int(1);
            values[at("edr_term")] = Value::Int(7);
            values[at("active")] = Value::Int(i64::from(days == 0));
            values[at("agent_state_term")] = Value::Int(if days == 0 { 1 } else { 2 });
        }
        for (name, number) in says {
            values[at(name)] = Value::Int(*number);
        }
        let native_id = format!("n{record}");
        Machine { record, integration: record % 3, native_id, site: record, present: true, superseded: false, values }
    }

    #[test]
    fn every_group_names_columns_of_a_machine_and_none_is_in_two() {
        let named: Vec<&str> = GROUPS.iter().flat_map(|group| [group.by, group.with].concat()).collect();
        for name in &named {
            assert!(at(name) >= MACHINE_OWN, "{name}");
            assert_eq!(named.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn a_live_agent_goes_before_a_list_and_a_list_before_a_scan() {
        let says = |number| [("os_term", number), ("os_version_term", number), ("hw_term", number)];
        let agent = machine(1, Grade::Agent, 0, &says(1));
        let list = machine(2, Grade::List, 100, &says(2));
        let scan = machine(3, Grade::Scan, 0, &[("os_term", 3), ("memory_mb", 3)]);
        let asset = survive(&[scan.clone(), list.clone(), agent.clone()], WORDS, NOW);
        assert_eq!((of(&asset, "os_term"), of(&asset, "memory_mb")), (Value::Int(1), Value::Int(3)));
        assert_eq!(of(&survive(&[scan.clone(), list.clone()], WORDS, NOW), "os_term"), Value::Int(2));

        // An agent that was taken out of care is believed only where nobody else speaks.
        let mut left = agent;
        left.values[at("edr_live")] = Value::Int(0);
        left.values[at("edr_term")] = Value::Null;
        let machines = [scan, list, left];
        let asset = survive(&machines, WORDS, NOW);
        assert_eq!((of(&asset, "os_term"), of(&asset, "edr_term")), (Value::Int(2), Value::Null));
        let os = Projection::Asset.columns().iter().position(|column| column.name == "os_term").unwrap();
        assert_eq!(why(&machines, os, &asset), "a list goes before a scan");
    }

    #[test]
    fn words_that_belong_together_come_from_one_record() {
        let agent = machine(1, Grade::Agent, 0, &[("os_term", 1)]);
        let scan = machine(2, Grade::Scan, 0, &[("os_term", 2), ("os_version_term", 2)]);
        let asset = survive(&[scan, agent], WORDS, NOW);
        assert_eq!((of(&asset, "os_term"), of(&asset, "os_version_term")), (Value::Int(1), Value::Null));
    }

    #[test]
    fn who_names_a_processor_does_not_hide_who_counted_its_cores() {
        let agent = machine(1, Grade::Agent, 200, &[("cpu_term", 1), ("cpu_count", 1), ("core_count", 8)]);
        let network = machine(2, Grade::Discovery, 0, &[("cpu_term", 2)]);
        let asset = survive(&[agent, network], WORDS, NOW);
        assert_eq!((of(&asset, "cpu_term"), of(&asset, "core_count")), (Value::Int(2), Value::Int(8)));
    }

    #[test]
    fn what_is_out_of_date_goes_after_what_is_fresh() {
        let agent = machine(1, Grade::Agent, 200, &[("os_term", 1)]);
        let scan = machine(2, Grade::Scan, 0, &[("os_term", 2)]);
        let asset = survive(&[agent, scan], WORDS, NOW);
        assert_eq!(of(&asset, "os_term"), Value::Int(2));
        assert_eq!(of(&asset, "edr_term"), Value::Int(7), "an agent that sleeps is an agent");
        assert_eq!(of(&asset, "last_seen"), Value::Int(NOW.micros()));
    }

    #[test]
    fn the_older_agent_of_a_machine_set_up_anew_is_superseded() {
        let old = machine(1, Grade::Agent, 90, &[("agent_version_term", 1)]);
        let new = machine(2, Grade::Agent, 0, &[("agent_version_term", 2)]);
        let asset = survive(&[old, new], WORDS, NOW);
        assert_eq!((asset.lead, asset.superseded.as_slice()), (1, [true, false].as_slice()));
        assert_eq!((of(&asset, "agent_version_term"), of(&asset, "lifecycle_term")), (Value::Int(2), Value::Int(1)));
    }

    #[test]
    fn without_an_agent_there_is_no_edr_and_silence_makes_stale() {
        let scan = |days| machine(1, Grade::Scan, days, &[("active", 1)]);
        let seen = survive(&[scan(3)], WORDS, NOW);
        assert_eq!((of(&seen, "lifecycle_term"), of(&seen, "active")), (Value::Int(90), Value::Int(1)));
        let stale = survive(&[scan(31)], WORDS, NOW);
        assert_eq!((of(&stale, "lifecycle_term"), of(&stale, "active")), (Value::Int(91), Value::Int(0)));
        assert_eq!((of(&stale, "edr_term"), of(&stale, "edr_live")), (Value::Null, Value::Null));
    }

    #[test]
    fn what_yields_fills_gaps_and_takes_the_place_of_nobody_who_was_there_before() {
        let says = [("yields", onboard::YIELDS), ("os_term", 1), ("user_name", 1), ("memory_mb", 1)];
        let agent = machine(2, Grade::Agent, 0, &says);
        let list = machine(1, Grade::List, 300, &[("os_term", 2), ("memory_mb", 2)]);
        let asset = survive(&[agent.clone(), list.clone()], WORDS, NOW);
        assert_eq!((of(&asset, "os_term"), of(&asset, "user_name")), (Value::Int(2), Value::Int(1)));
        assert_eq!(of(&asset, "memory_mb"), Value::Int(1), "which is no metadata");
        let gone = Machine { present: false, ..list };
        assert_eq!(of(&survive(&[agent, gone], WORDS, NOW), "os_term"), Value::Int(1));
    }

    #[test]
    fn what_was_taken_in_first_stays_whoever_comes_later() {
        for yields in [onboard::YIELDS, onboard::HOLDS] {
            let agent = machine(1, Grade::Agent, 0, &[("yields", yields), ("os_term", 1)]);
            for grade in [Grade::Scan, Grade::List, Grade::Discovery] {
                let later = machine(2, grade, 0, &[("os_term", 2)]);
                assert_eq!(of(&survive(&[agent.clone(), later], WORDS, NOW), "os_term"), Value::Int(1), "{grade:?}");
            }
        }
    }

    #[test]
    fn telling_a_source_to_update_no_more_changes_nothing_of_what_it_said() {
        let agent = |yields| machine(2, Grade::Agent, 0, &[("yields", yields), ("os_term", 1)]);
        let list = machine(1, Grade::List, 0, &[("os_term", 2)]);
        for yields in [onboard::UPDATES, onboard::HOLDS] {
            let asset = survive(&[agent(yields), list.clone()], WORDS, NOW);
            assert_eq!(of(&asset, "os_term"), Value::Int(1));
        }
    }

    #[test]
    fn an_agent_goes_before_its_own_consoles_discovery_and_a_second_agent_after_the_first() {
        let says = |number| [("yields", onboard::YIELDS), ("os_term", number)];
        let of_one = |machine: Machine| Machine { integration: 1, ..machine };
        let device = of_one(machine(1, Grade::Discovery, 0, &says(1)));
        let first = of_one(machine(2, Grade::Agent, 0, &says(2)));
        let second = of_one(machine(3, Grade::Agent, 0, &says(3)));
        assert_eq!(of(&survive(&[device, first.clone()], WORDS, NOW), "os_term"), Value::Int(2));
        assert_eq!(of(&survive(&[first, second], WORDS, NOW), "os_term"), Value::Int(2));
    }

    fn any_machine() -> impl Strategy<Value = Machine> {
        let grade = prop_oneof![
            Just(Grade::Agent),
            Just(Grade::Agent),
            Just(Grade::Scan),
            Just(Grade::List),
            Just(Grade::Discovery)
        ];
        let numbers = proptest::collection::vec(proptest::option::of(0..3i64), Projection::Machine.columns().len());
        let yields = 0..=onboard::HOLDS;
        let days = proptest::option::of(0..90i64);
        (grade, numbers, days, any::<[bool; 3]>(), yields).prop_map(|(grade, numbers, days, is, yields)| {
            let [present, guarding, active] = is;
            let flag = |yes: bool| Value::Int(i64::from(yes));
            let mut values: Vec<Value<'static>> = numbers.into_iter().map(Value::from).collect();
            for (column, value) in Projection::Machine.columns().iter().zip(&mut values) {
                let is_flag = column.is == crate::out::Is::Flag || column.name.starts_with("has_");
                if let (true, Value::Int(number)) = (is_flag, &value) {
                    *value = Value::Int(i64::from(*number > 0));
                }
            }
            let agent = grade == Grade::Agent;
            values[at("grade")] = Value::Int(grade.code());
            values[at("yields")] = Value::Int(yields);
            values[at("last_seen")] = days.map(|days| NOW.micros() - days * DAY).into();
            values[at("edr_live")] = if agent { flag(present && guarding) } else { Value::Null };
            values[at("edr_term")] = if agent && present && guarding { Value::Int(7) } else { Value::Null };
            values[at("active")] = flag(present && active);
            values[at("agent_state_term")] = match (agent, present) {
                (_, false) => Value::Int(6),
                (true, true) => Value::Int(i64::from(active)),
                (false, true) => Value::Null,
            };
            Machine { record: 0, integration: 0, native_id: String::new(), site: 0, present, superseded: false, values }
        })
    }

    fn any_machines() -> impl Strategy<Value = Vec<Machine>> {
        proptest::collection::vec(any_machine(), 1..6).prop_map(|mut machines| {
            for (number, machine) in machines.iter_mut().enumerate() {
                let number = number as i64;
                (machine.record, machine.site) = (number, number);
                (machine.integration, machine.native_id) = (number % 2, format!("n{number}"));
            }
            machines
        })
    }

    /// What an asset says, where it lives, and which records said so.
    #[derive(Debug, PartialEq)]
    struct Told {
        values: Vec<Value<'static>>,
        winners: Vec<Option<i64>>,
        site: i64,
        superseded: Vec<(i64, bool)>,
    }

    fn told(asset: &Asset, machines: &[Machine]) -> Told {
        let winners = asset.winners.iter().map(|(winner, _)| winner.map(|at| machines[at].record)).collect();
        let mut superseded: Vec<_> = machines.iter().map(|one| one.record).zip(asset.superseded.clone()).collect();
        superseded.sort_unstable();
        Told { values: asset.values.clone(), winners, site: asset.site, superseded }
    }

    proptest! {
        #[test]
        fn the_order_of_records_does_not_matter(
            (machines, other) in any_machines().prop_flat_map(|one| (Just(one.clone()), Just(one).prop_shuffle())),
        ) {
            let (one, two) = (survive(&machines, WORDS, NOW), survive(&other, WORDS, NOW));
            prop_assert_eq!(told(&one, &machines), told(&two, &other));
        }

        #[test]
        fn a_record_alone_is_its_asset(machine in any_machine()) {
            let asset = survive(std::slice::from_ref(&machine), WORDS, NOW);
            let mut alone = machine.values.clone();
            let (lifecycle, active) = Machine::standing(&alone, WORDS, NOW);
            alone[at("active")] = active;
            let shared = alone.len() - MACHINE_OWN;
            prop_assert_eq!(&asset.values[..shared], &alone[MACHINE_OWN..]);
            prop_assert_eq!(of(&asset, "lifecycle_term"), lifecycle);
        }

        #[test]
        fn surviving_again_changes_nothing_and_saying_it_twice_neither(machines in any_machines()) {
            let asset = survive(&machines, WORDS, NOW);
            prop_assert_eq!(&survive(&machines, WORDS, NOW), &asset);
            // A second record of the same words from the same source adds nothing but itself.
            let mut more = machines.clone();
            more.push(Machine { record: 99, native_id: "z".to_owned(), ..machines[asset.lead].clone() });
            let again = survive(&more, WORDS, NOW);
            let counted = ["record_count", "lead_record_id"];
            for (column, (one, two)) in Projection::Asset.columns().iter().zip(asset.values.iter().zip(&again.values)) {
                prop_assert!(counted.contains(&column.name) || one == two, "{}: {:?} {:?}", column.name, one, two);
            }
        }

        #[test]
        fn every_value_is_some_records(machines in any_machines()) {
            let asset = survive(&machines, WORDS, NOW);
            let shared = Projection::Machine.columns().len() - MACHINE_OWN;
            for at in 0..shared {
                let flag = matches!(asset.winners[at].1, Rule::Any);
                let said = machines.iter().any(|machine| machine.values[at + MACHINE_OWN] == asset.values[at]);
                prop_assert!(said || flag || asset.values[at] == Value::Null, "{}", Projection::Asset.columns()[at].name);
                prop_assert!(!why(&machines, at, &asset).is_empty());
            }
        }
    }
}
