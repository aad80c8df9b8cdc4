//! Vetoes: reasons why two records are two machines, whatever else they have in common.

use kernel::{RecordId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fact::{Fact, Key, Kind, same_serial};
use super::rules::{Rule, are_both_alive, is_same_agent};
use super::sharing::Shared;
use crate::noun::Grade;

/// Why two records cannot be one machine. That records of two organizations never are needs no word: they never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Veto {
    /// A person said so.
    Split,
    /// A person pinned an asset as it is.
    Pinned,
    /// Two agents that were alive at the same time.
    BothAlive,
    /// Two serial numbers.
    Serial,
    /// Two instances in the cloud.
    Cloud,
    /// Two families of systems, each with an agent: one machine perhaps, and two assets.
    Family,
    /// Names and addresses of two sites prove nothing.
    Site,
}

impl Veto {
    /// Vetoes that need no person.
    pub const AUTOMATIC: [Veto; 5] = [Veto::BothAlive, Veto::Serial, Veto::Cloud, Veto::Family, Veto::Site];

    /// The word that is stored and printed as JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Veto::Split => "split",
            Veto::Pinned => "pinned",
            Veto::BothAlive => "V2",
            Veto::Serial => "V3",
            Veto::Cloud => "V4",
            Veto::Family => "V5",
            Veto::Site => "V6",
        }
    }

    /// Why, as a clause.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Veto::Split => "a person split them",
            Veto::Pinned => "a person pinned one of them, so nothing joins it by itself",
            Veto::BothAlive => {
                "both have an agent, and both agents were alive at the same time, which takes two machines"
            }
            Veto::Serial => "their serial numbers differ",
            Veto::Cloud => "they are two instances in the cloud",
            Veto::Family => "their agents run on different kinds of operating system, so they are two installations",
            Veto::Site => "they are in two sites, and only names or addresses speak for one machine",
        }
    }
}

/// What vetoes need to know besides the two records.
pub struct Grounds<'a> {
    /// Identifiers that say nothing.
    pub shared: &'a FxHashMap<Key, Shared>,
    /// Pairs that a person keeps apart, the lower record first.
    pub apart: &'a FxHashSet<(RecordId, RecordId)>,
    /// The asset that a record is pinned with.
    pub pinned: &'a FxHashMap<RecordId, i64>,
    /// The present instant.
    pub now: Timestamp,
}

impl Grounds<'_> {
    /// Why these two records cannot be one machine by this rule; nothing if they can.
    #[must_use]
    pub fn veto(&self, rule: Rule, one: &Fact, other: &Fact) -> Option<Veto> {
        let pair = (one.record.min(other.record), one.record.max(other.record));
        if self.apart.contains(&pair) {
            return Some(Veto::Split);
        }
        if rule.is_by_people() {
            return None;
        }
        match (self.pinned.get(&one.record), self.pinned.get(&other.record)) {
            (None, None) => {}
            (one, other) if one == other => return None,
            _ => return Some(Veto::Pinned),
        }
        if is_same_agent(one, other) {
            return None;
        }
        if are_both_alive(one, other, self.now) {
            return Some(self.two_systems(one, other).unwrap_or(Veto::BothAlive));
        }
        if let Some(veto) = self.two_systems(one, other) {
            return Some(veto);
        }
        let waived = rule == Rule::Pool || self.is_new_board(rule, one, other);
        if !waived && self.serials_differ(one, other) {
            return Some(Veto::Serial);
        }
        let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
        if rule != Rule::Pool && differ(&one.identity.cloud, &other.identity.cloud) {
            return Some(Veto::Cloud);
        }
        (rule.is_weak() && one.site != other.site).then_some(Veto::Site)
    }

    /// Two agents on two systems.
    fn two_systems(&self, one: &Fact, other: &Fact) -> Option<Veto> {
        let agents = one.grade == Grade::Agent && other.grade == Grade::Agent;
        let differ = match (&one.identity.family, &other.identity.family) {
            (Some(one), Some(other)) => one != other,
            _ => false,
        };
        (agents && differ).then_some(Veto::Family)
    }

    /// Whether both have a serial number of their own, and not the same one.
    fn serials_differ(&self, one: &Fact, other: &Fact) -> bool {
        let own = |fact: &Fact| {
            let serial = fact.identity.serial.as_deref()?;
            (!self.shared.contains_key(&Key::of(Kind::Serial, serial))).then_some(())
        };
        own(one).is_some()
            && own(other).is_some()
            && !same_serial(&one.identity, &other.identity)
            && one.identity.serial != other.identity.serial
    }

    /// Whether a repair explains that serial numbers differ: one agent followed the other under the same name in the
    /// directory, on the same model.
    fn is_new_board(&self, rule: Rule, one: &Fact, other: &Fact) -> bool {
        let may_be_same =
            |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        // Another list of the console may repeat the serial number of its agent.
        let repeats = one.identity.agent.is_some() && other.identity.agent.is_some();
        let console = one.same_source(other) || repeats && one.integration == other.integration;
        matches!(rule, Rule::Directory | Rule::FullName)
            && console
            && may_be_same(&one.identity.model, &other.identity.model)
            && may_be_same(&one.identity.maker, &other.identity.maker)
    }
}
