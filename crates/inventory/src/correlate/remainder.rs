//! What a split leaves: records that stay, though they speak of the machine that left.

use kernel::{AssetId, DecisionId, OrgId, RecordId};
use rustc_hash::{FxHashMap, FxHashSet};
use store::Tx;

use super::directive::DirectiveError;
use super::explain::{self, called, enumerated, in_line};
use super::fact::{Fact, Key, Kind};
use super::identify;
use super::sharing::Shared;
use crate::noun::Grade;

/// A record that stays, though it says what one says that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// The record.
    pub record: RecordId,
    /// The one that left.
    pub with: RecordId,
    /// What both say: `host name`.
    pub kind: &'static str,
    /// The value.
    pub value: String,
}

/// What a split left in an asset that may be the machine that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// The records.
    pub left: Vec<LeftBehind>,
    /// The asset that has them.
    pub stays: AssetId,
    /// The records that left.
    pub off: Vec<RecordId>,
    /// The asset that those are of now; nothing if they are left out or gone.
    pub asset: Option<AssetId>,
    /// The decision to split.
    pub decision: DecisionId,
    /// Whether that can be taken back now.
    pub stands: bool,
}

/// Which records of those that stay speak of the machine that left: they have a value of its, and what is surely of the
/// machine that stays has not. What both machines have, as the serial number of a computer that two agents were on, tells
/// nothing; and where nothing is surely of the machine that stays, nothing is mixed.
#[must_use]
pub fn left_behind(off: &[&Fact], stay: &[&Fact], shared: &FxHashMap<Key, Shared>) -> Vec<LeftBehind> {
    let common = |fact: &Fact| -> Vec<Key> {
        fact.keys().filter(|key| !shared.contains_key(key) && off.iter().any(|other| other.has(*key))).collect()
    };
    let is_agent = |fact: &&&Fact| fact.grade == Grade::Agent;
    let is_named_alike = |fact: &Fact| common(fact).iter().any(|key| key.kind() == Kind::Name);
    let (namesakes, others): (Vec<&Fact>, Vec<&Fact>) =
        stay.iter().filter(is_agent).partition(|fact| is_named_alike(fact));
    let own = match (others.is_empty(), namesakes.is_empty()) {
        (false, _) => others,
        (true, false) => namesakes,
        (true, true) => stay.iter().copied().filter(|fact| common(fact).is_empty()).collect(),
    };
    if own.is_empty() {
        return Vec::new();
    }
    let of_both: FxHashSet<Key> = own.iter().flat_map(|fact| fact.keys()).collect();
    // The console's own word says most; else people know machines by their names.
    let order = [Kind::Agent, Kind::Name, Kind::Serial, Kind::Mac];
    let rank = |key: &Key| (order.iter().position(|kind| *kind == key.kind()).unwrap_or(order.len()), *key);
    let left = |fact: &&Fact| {
        let key = common(fact).into_iter().filter(|key| !of_both.contains(key)).min_by_key(rank)?;
        let (value, with) = (fact.identity.value(key)?, off.iter().find(|other| other.has(key))?);
        Some(LeftBehind { record: fact.record, with: with.record, kind: called(key.kind(), &value), value })
    };
    let mut all: Vec<LeftBehind> = stay.iter().filter_map(left).collect();
    all.sort_unstable_by_key(|left| left.record);
    all
}

/// The records to split off instead, so that nothing of the machine stays: those that left, and those that did not.
#[must_use]
pub fn instead(off: &[RecordId], left: &[LeftBehind]) -> Vec<RecordId> {
    let mut all: Vec<RecordId> = off.iter().copied().chain(left.iter().map(|of| of.record)).collect();
    all.sort_unstable();
    all
}

/// Which records those are and what they say, as a clause: `rec_1 and rec_2 have the host name lt-1 of rec_3`.
#[must_use]
pub fn words(left: &[LeftBehind]) -> String {
    let mut alike: Vec<(&LeftBehind, Vec<String>)> = Vec::new();
    for one in left {
        let same = |(known, _): &&mut (&LeftBehind, Vec<String>)| (known.kind, &known.value) == (one.kind, &one.value);
        match alike.iter_mut().find(same) {
            Some((_, records)) => records.push(one.record.to_string()),
            None => alike.push((one, vec![one.record.to_string()])),
        }
    }
    let clause = |(of, records): &(&LeftBehind, Vec<String>)| {
        let named =
            if records.len() > explain::IN_LINE_MAX { in_line(records, "records") } else { enumerated(records) };
        let have = if records.len() == 1 { "has" } else { "have" };
        format!("{named} {have} the {} {} of {}", of.kind, of.value, of.with)
    };
    alike.iter().map(clause).collect::<Vec<_>>().join("; ")
}

/// The same, of records as they are known now.
pub(super) fn read(
    tx: &mut Tx,
    org: OrgId,
    off: &[RecordId],
    stay: &[RecordId],
) -> Result<Vec<LeftBehind>, DirectiveError> {
    let mut load = |records: &[RecordId]| -> Result<Vec<Fact>, DirectiveError> {
        let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
        let mut facts: Vec<Fact> = identify::facts(tx, org, &keys)?.into_iter().map(|stood| stood.fact).collect();
        facts.sort_unstable_by_key(|fact| fact.record);
        Ok(facts)
    };
    let (off, stay) = (load(off)?, load(stay)?);
    let shared = explain::shared(tx, org, stay.iter().flat_map(Fact::keys))?;
    Ok(left_behind(&off.iter().collect::<Vec<_>>(), &stay.iter().collect::<Vec<_>>(), &shared))
}
