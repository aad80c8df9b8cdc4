//! What people decided: merge, split, pin. It holds until a person takes it back, whatever sources say.

use kernel::{AssetId, DecisionId, OrgId, RecordId, Timestamp, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Keys, Kind as Column, StoreError, Tx};

use super::decisions::{self, Making, Replaced, What};
use super::explain::{self, Linked};
use super::fact::Fact;
use super::identify;
use super::partition::Directives;
use super::remainder::{self, LeftBehind};
use super::rules::{Rule, is_same_agent};
use super::settle::{Decided, settle_records};
use crate::apply::InventoryError;
use crate::memory::{Head, Memory};
use crate::noun::Grade;

const TOGETHER: &str = "together";
const APART: &str = "apart";
const KEPT: &str = "kept";
const PINNED: &str = "pinned";
const POOL: &str = "pool";

/// What history calls decisions that move records.
const MERGED: &str = "merged";
const SPLIT: &str = "split";
const UNDONE: &str = "undone";

/// An asset of more records than this is split record by record, without looking for what hangs on them.
const CARRY_RECORDS_MAX: usize = 200;

/// The most records of an asset that a person may split off at once: each is kept apart from each that stays.
const SPLIT_PAIRS_MAX: usize = 10_000;

/// Why a decision could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum DirectiveError {
    /// No asset has this id, and none ever had.
    #[error("there is no asset {0}")]
    NoSuchAsset(AssetId),
    /// No record has this id, or it is no machine's.
    #[error("there is no machine's record {0}")]
    NoSuchRecord(RecordId),
    /// Merging takes two.
    #[error("{0} is one asset already; name two that are to be one")]
    OneAlready(AssetId),
    /// The record is known, and no asset's.
    #[error("{record} is left out by the option {option}, so it is of no asset")]
    LeftOut {
        /// The record.
        record: RecordId,
        /// The option.
        option: String,
    },
    /// The records are not of one asset.
    #[error("{record} is a record of {asset}, and the others are not; split one asset at a time")]
    SeveralAssets {
        /// A record of another asset than the first.
        record: RecordId,
        /// Its asset.
        asset: AssetId,
    },
    /// Nothing would be left.
    #[error("these are all records of {0}; leave one out that stays")]
    NothingLeft(AssetId),
    /// Too many pairs.
    #[error("splitting so many records off {0} takes too many decisions at once; split fewer")]
    TooMany(AssetId),
    /// A pin holds against people too, until it is taken back.
    #[error("{0} is pinned: nothing leaves it or joins it until the pin is taken back")]
    Pinned(AssetId),
    /// There is nothing to take back.
    #[error("{0} is not pinned")]
    NotPinned(AssetId),
    /// No question has this id.
    #[error("there is no open question {0}; it may have been settled since")]
    NoSuchQuestion(String),
    /// No decision has this id.
    #[error("there is no decision {0}")]
    NoSuchDecision(String),
    /// There is nothing to take back any more.
    #[error("{decision} was taken back already, by {by} on {at}")]
    TakenBack {
        /// The decision.
        decision: DecisionId,
        /// Who took it back.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Taking it back would leave a later one without what it was made upon.
    #[error("{later} was decided about the same records since {decision}, so that one has to be taken back first")]
    DecidedSince {
        /// The decision.
        decision: DecisionId,
        /// The one that was made upon it.
        later: DecisionId,
    },
    /// The inventory failed.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who decides, when, and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The organization.
    pub org: OrgId,
    /// What is kept in memory between pages.
    pub memory: &'a Memory,
    /// Who decides, for the audit trail.
    pub by: &'a str,
    /// Why, in their words; may be empty.
    pub reason: &'a str,
    /// The present instant.
    pub now: Timestamp,
}

/// Everything that people decided.
pub(crate) fn read(tx: &mut Tx, org: OrgId) -> Result<Directives, StoreError> {
    const ALL: &str = "SELECT d.kind, d.one_record, d.other_record, t.term_id FROM inventory_directive d
        LEFT JOIN inventory_term t
            ON t.org_id = d.org_id AND t.dictionary = 'console_group_id' AND t.text = d.word
        WHERE d.org_id = $1 ORDER BY d.directive_id";
    let mut directives = Directives::default();
    tx.query(ALL, &[org.into()], |row| {
        let pair = (RecordId(row.opt_int(1)?.unwrap_or_default()), RecordId(row.opt_int(2)?.unwrap_or_default()));
        match row.text(0)? {
            TOGETHER => directives.together.push(pair),
            KEPT => directives.kept.push(pair),
            APART => drop(directives.apart.insert(pair)),
            PINNED => drop(directives.pinned.insert(pair.0, pair.1.0)),
            POOL => directives.pools.extend(row.opt_int(3)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(directives)
}

/// The asset that an id leads to today: itself, or the one that it was merged into.
///
/// # Errors
/// The database fails.
pub fn asset_today(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<Option<AssetId>, StoreError> {
    const IS: &str = "SELECT asset_id FROM inventory_asset WHERE org_id = $1 AND asset_id = $2";
    const FORMER: &str = "SELECT now_asset_id FROM inventory_asset_former WHERE org_id = $1 AND asset_id = $2";
    /// Merges of merges of merges.
    const STEPS_MAX: usize = 64;
    let mut at = asset;
    for _ in 0..STEPS_MAX {
        if tx.query_opt(IS, &[org.into(), at.into()], |row| row.int(0))?.is_some() {
            return Ok(Some(at));
        }
        match tx.query_opt(FORMER, &[org.into(), at.into()], |row| row.int(0))? {
            Some(next) => at = AssetId(next),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Says of records that people linked who did and why.
pub(crate) fn tell(tx: &mut Tx, org: OrgId, records: &mut [Linked]) -> Result<(), StoreError> {
    const OF: [&str; 2] = [
        "SELECT one_record, other_record, made_by, reason, kind FROM inventory_directive
            WHERE org_id = $1 AND kind IN ('together', 'kept', 'pinned') AND one_record IN KEYS",
        "SELECT one_record, other_record, made_by, reason, kind FROM inventory_directive
            WHERE org_id = $1 AND kind IN ('together', 'kept', 'pinned') AND other_record IN KEYS",
    ];
    let by_people = |linked: &&mut Linked| linked.rule.is_by_people();
    let keys: Vec<i64> = records.iter_mut().filter(by_people).map(|linked| linked.record.0).collect();
    let mut said: FxHashMap<(Rule, i64, i64), (String, String)> = FxHashMap::default();
    for sql in OF {
        let rows = tx.select_in(sql, &[org.into()], Keys::Ints(&keys), |row| {
            let pair = (row.opt_int(0)?.unwrap_or_default(), row.opt_int(1)?.unwrap_or_default());
            let rule = match row.text(4)? {
                TOGETHER => Rule::Merged,
                KEPT => Rule::Kept,
                _ => Rule::Pinned,
            };
            let by = (row.text(2)?.to_owned(), row.text(3)?.to_owned());
            Ok(((rule, pair.0.min(pair.1), pair.0.max(pair.1)), by))
        })?;
        said.extend(rows);
    }
    for linked in records.iter_mut().filter(by_people) {
        let Some(partner) = linked.partner else { continue };
        let which = (linked.rule, linked.record.0.min(partner.0), linked.record.0.max(partner.0));
        if let Some((by, reason)) = said.get(&which) {
            (linked.by, linked.reason) = (by.clone(), reason.clone());
        }
    }
    Ok(())
}

/// Records of an asset, the oldest first.
///
/// # Errors
/// The database fails.
pub fn records_of(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<Vec<RecordId>, StoreError> {
    const RECORDS: &str = "SELECT record_id FROM inventory_link WHERE org_id = $1 AND asset_id = $2 ORDER BY record_id";
    tx.query(RECORDS, &[org.into(), asset.into()], |row| Ok(RecordId(row.int(0)?)))
}

fn existing(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<(AssetId, Vec<RecordId>), DirectiveError> {
    let asset = asset_today(tx, org, asset)?.ok_or(DirectiveError::NoSuchAsset(asset))?;
    Ok((asset, records_of(tx, org, asset)?))
}

/// The assets of records, by record.
pub(crate) fn assets_of(
    tx: &mut Tx,
    org: OrgId,
    records: &[RecordId],
) -> Result<FxHashMap<RecordId, AssetId>, StoreError> {
    const ASSETS: &str = "SELECT record_id, asset_id FROM inventory_link WHERE org_id = $1 AND record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let rows = tx
        .select_in(ASSETS, &[org.into()], Keys::Ints(&keys), |row| Ok((RecordId(row.int(0)?), AssetId(row.int(1)?))))?;
    Ok(rows.into_iter().collect())
}

/// Says that assets are one machine. Answers which asset it is from now on: the one that is named first keeps its id.
///
/// What was said to be two machines of these records before is taken back.
///
/// # Errors
/// An asset does not exist, or the database fails; the caller must then roll back.
pub fn merge(tx: &mut Tx, decision: &Decision, assets: &[AssetId]) -> Result<AssetId, DirectiveError> {
    let mut sets: Vec<(AssetId, Vec<RecordId>)> = Vec::new();
    for asset in assets {
        let found = existing(tx, decision.org, *asset)?;
        if !sets.iter().any(|(known, _)| *known == found.0) {
            sets.push(found);
        }
    }
    let Some(first) = sets.first().map(|(_, records)| records[0]) else {
        return Err(DirectiveError::OneAlready(AssetId(0)));
    };
    if sets.len() < 2 {
        return Err(DirectiveError::OneAlready(sets[0].0));
    }
    let all: Vec<RecordId> = sets.iter().flat_map(|(_, records)| records.iter().copied()).collect();
    refuse_pinned(tx, decision.org, &all)?;
    let mut making = Making::begin(tx, decision.org)?;
    take_back(tx, decision.org, &mut making, APART, &all, &all)?;
    let pairs: Vec<(RecordId, RecordId)> = sets[1..].iter().map(|(_, records)| (first, records[0])).collect();
    add(tx, decision, &making, TOGETHER, &pairs)?;
    // What speaks of one of them alone comes along, although it contradicts the others.
    keep(tx, decision, &making, sets.iter().map(|(_, records)| records.as_slice()))?;
    let others: Vec<AssetId> = sets[1..].iter().map(|(asset, _)| *asset).collect();
    making.write(tx, decision, What::Merged, (sets[0].0, &others), &all[sets[0].1.len()..], &all)?;
    let named: Vec<String> = sets.iter().map(|(asset, _)| asset.to_string()).collect();
    audit(tx, decision, "asset.merge", &named.join(" "))?;
    let keeps = Some(sets[0].0);
    resettle(tx, decision, Decided { keeps, ..decided(decision, MERGED) }, &all)?;
    let now = assets_of(tx, decision.org, &[first])?;
    now.get(&first).copied().ok_or(DirectiveError::NoSuchRecord(first))
}

/// What came of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// The asset that was split. A part that had an id of its own before it was merged takes that one back; of others, the
    /// larger part keeps the id, or of two equal ones the one with the first record.
    pub from: AssetId,
    /// What the records that were not named are from now on.
    pub stays: AssetId,
    /// What the records that were named are from now on.
    pub off: AssetId,
    /// Records that nobody named and that went along, because only a named one tied them to a machine.
    pub carried: Vec<RecordId>,
    /// Why each of those did.
    pub ties: Vec<Tie>,
    /// Records that stay, though they speak of the machine that left.
    pub left: Vec<LeftBehind>,
}

/// What ties a record to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tie {
    /// The record that went along.
    pub record: RecordId,
    /// The record that it went along with.
    pub with: RecordId,
    /// The rule that ties them.
    pub rule: Rule,
}

/// Says that records are another machine than the rest of their asset.
///
/// Both parts stay together, each for the reasons that it has. What belongs to the records alone goes along: what the console
/// itself calls the same agent, and what only they are known by. What was said to be one machine of the two parts before is
/// taken back.
///
/// # Errors
/// A record does not exist, they are not of one asset or are all of it, it is pinned, or the database fails; the caller must
/// then roll back.
pub fn split(tx: &mut Tx, decision: &Decision, records: &[RecordId]) -> Result<Parted, DirectiveError> {
    part(tx, decision, records, false)
}

/// Says the same of these records and no other: what hangs on them stays.
///
/// # Errors
/// As [`split`].
pub fn split_alone(tx: &mut Tx, decision: &Decision, records: &[RecordId]) -> Result<Parted, DirectiveError> {
    part(tx, decision, records, true)
}

fn part(tx: &mut Tx, decision: &Decision, records: &[RecordId], alone: bool) -> Result<Parted, DirectiveError> {
    let assets = assets_of(tx, decision.org, records)?;
    let mut from = None;
    for record in records {
        let asset = *assets.get(record).ok_or(DirectiveError::NoSuchRecord(*record))?;
        if *from.get_or_insert(asset) != asset {
            return Err(DirectiveError::SeveralAssets { record: *record, asset });
        }
    }
    let Some(from) = from else { return Err(DirectiveError::NoSuchRecord(RecordId(0))) };
    let all = records_of(tx, decision.org, from)?;
    let (mut off, mut stay): (Vec<RecordId>, Vec<RecordId>) = all.iter().partition(|record| records.contains(record));
    if stay.is_empty() {
        return Err(DirectiveError::NothingLeft(from));
    }
    if off.len() * stay.len() > SPLIT_PAIRS_MAX {
        return Err(DirectiveError::TooMany(from));
    }
    refuse_pinned(tx, decision.org, &all)?;
    let ties = if alone { Vec::new() } else { hanging(tx, decision, &off, &stay)? };
    let carried: Vec<RecordId> = ties.iter().map(|tie| tie.record).collect();
    off.extend(&carried);
    stay.retain(|record| !carried.contains(record));
    off.sort_unstable();
    stay.sort_unstable();
    let mut making = Making::begin(tx, decision.org)?;
    for kind in [TOGETHER, KEPT] {
        take_back(tx, decision.org, &mut making, kind, &off, &stay)?;
    }
    let pairs: Vec<(RecordId, RecordId)> =
        off.iter().flat_map(|one| stay.iter().map(move |other| (*one.min(other), *one.max(other)))).collect();
    add(tx, decision, &making, APART, &pairs)?;
    // Neither part falls apart in turn.
    keep(tx, decision, &making, [off.as_slice(), &stay])?;
    let named: Vec<String> = off.iter().map(RecordId::to_string).collect();
    audit(tx, decision, "asset.split", &format!("{from} {}", named.join(" ")))?;
    resettle(tx, decision, decided(decision, SPLIT), &all)?;
    let now = assets_of(tx, decision.org, &[stay[0], off[0]])?;
    let asset = |record: RecordId| now.get(&record).copied().ok_or(DirectiveError::NoSuchRecord(record));
    let (stays, off_is) = (asset(stay[0])?, asset(off[0])?);
    // One of the two has the id that was split.
    let other = if off_is == from { stays } else { off_is };
    making.write(tx, decision, What::Split, (from, &[other]), &off, &all)?;
    let left = remainder::read(tx, decision.org, &off, &stay)?;
    Ok(Parted { from, stays, off: off_is, carried, ties, left })
}

/// Says that parts stay as they are, each within itself. Why its records are one is for the rules to say.
fn keep<'a>(
    tx: &mut Tx,
    decision: &Decision,
    making: &Making,
    parts: impl IntoIterator<Item = &'a [RecordId]>,
) -> Result<(), StoreError> {
    let known: FxHashSet<(RecordId, RecordId)> = read(tx, decision.org)?.kept.into_iter().collect();
    let within = parts.into_iter().flat_map(|part| part.windows(2).map(|two| (two[0], two[1])));
    let within: Vec<(RecordId, RecordId)> = within.filter(|pair| !known.contains(pair)).collect();
    add(tx, decision, making, KEPT, &within)
}

pub(super) fn refuse_pinned(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<(), DirectiveError> {
    let pinned = read(tx, org)?.pinned;
    let Some(record) = records.iter().find(|record| pinned.contains_key(record)) else { return Ok(()) };
    let asset = assets_of(tx, org, &[*record])?.get(record).copied();
    Err(asset.map_or(DirectiveError::NoSuchRecord(*record), DirectiveError::Pinned))
}

/// Records that would be left behind by those that are split off, and that nothing but these ties to the machine.
fn hanging(tx: &mut Tx, decision: &Decision, off: &[RecordId], stay: &[RecordId]) -> Result<Vec<Tie>, DirectiveError> {
    const JOINED: &str = "SELECT record_id, partner_id, rule FROM inventory_link
        WHERE org_id = $1 AND partner_id IS NOT NULL AND rule NOT IN ('kept', 'pinned') AND record_id IN KEYS";
    if off.len() + stay.len() > CARRY_RECORDS_MAX {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = off.iter().chain(stay).map(|record| record.0).collect();
    let mut facts: Vec<Fact> = identify::facts(tx, decision.org, &keys)?.into_iter().map(|stood| stood.fact).collect();
    facts.sort_unstable_by_key(|fact| fact.record);
    let shared = explain::shared(tx, decision.org, facts.iter().flat_map(Fact::keys))?;
    let directives = read(tx, decision.org)?;
    let joined: FxHashMap<(i64, i64), Rule> = tx
        .select_in(JOINED, &[decision.org.into()], Keys::Ints(&keys), |row| {
            Ok(((row.int(0)?, row.int(1)?), Rule::from_code(row.text(2)?)))
        })?
        .into_iter()
        .collect();
    let tie = |one: &Fact, other: &Fact| {
        let linked = |one: &Fact, other: &Fact| joined.get(&(one.record.0, other.record.0)).copied();
        let near = || {
            let near = explain::near(one, other, &shared, &directives, decision.now);
            near.filter(|near| near.but.is_none()).map(|near| near.rule)
        };
        linked(one, other).or_else(|| linked(other, one)).or_else(near)
    };
    let tied = |one: &Fact, other: &Fact| tie(one, other).is_some();
    let (mut named, rest): (Vec<&Fact>, Vec<&Fact>) = facts.iter().partition(|fact| off.contains(&fact.record));
    // What the console itself calls the same agent goes with it, whatever else it shares with what stays.
    let same_agent = |all: &[&Fact], fact: &Fact| all.iter().any(|with| is_same_agent(fact, with));
    let agents: Vec<&Fact> = rest.iter().copied().filter(|fact| fact.grade == Grade::Agent).collect();
    let (own, rest): (Vec<&Fact>, Vec<&Fact>) = rest
        .into_iter()
        .partition(|fact| fact.grade != Grade::Agent && same_agent(&named, fact) && !same_agent(&agents, fact));
    let tie_to = |fact: &Fact, others: &[&Fact]| {
        let tie = |with: &&Fact| Some(Tie { record: fact.record, with: with.record, rule: tie(fact, with)? });
        others.iter().find_map(tie)
    };
    let mut carried: Vec<Tie> = own.iter().filter_map(|fact| tie_to(fact, &named)).collect();
    named.extend(&own);
    // What stays falls into groups, each tied within itself.
    let mut groups: Vec<Vec<&Fact>> = Vec::new();
    for fact in rest {
        let (mut of, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(|other| tied(fact, other)));
        of.push(vec![fact]);
        groups = others;
        groups.push(of.concat());
    }
    let has_agent = |group: &Vec<&Fact>| group.iter().any(|fact| fact.grade == Grade::Agent);
    let an_agent_stays = groups.iter().any(has_agent);
    let hangs = |group: &Vec<&Fact>| {
        let pairs = || group.iter().flat_map(|fact| named.iter().map(move |with| (*fact, *with)));
        let of_the_agent = || pairs().any(|(fact, with)| is_same_agent(fact, with));
        !has_agent(group) && pairs().any(|(fact, with)| tied(fact, with)) && (an_agent_stays || of_the_agent())
    };
    for group in groups.iter().filter(|group| hangs(group)) {
        for fact in group {
            // What is not tied to a named record itself is tied to something that goes along.
            let others = named.iter().chain(group.iter().filter(|other| other.record != fact.record));
            carried.extend(tie_to(fact, &others.copied().collect::<Vec<_>>()));
        }
    }
    carried.sort_unstable();
    // A person who names all but what hangs on it means just that.
    Ok(if carried.len() == stay.len() { Vec::new() } else { carried })
}

/// Says that an asset is right as it is: nothing leaves it and nothing joins it by itself.
///
/// # Errors
/// The asset does not exist, or the database fails; the caller must then roll back.
pub fn pin(tx: &mut Tx, decision: &Decision, asset: AssetId) -> Result<AssetId, DirectiveError> {
    let (asset, records) = existing(tx, decision.org, asset)?;
    let mut making = Making::begin(tx, decision.org)?;
    take_back(tx, decision.org, &mut making, PINNED, &records, &records)?;
    // Whoever takes a pin back wants none, and not the one before it.
    making.replaced.clear();
    let pairs: Vec<(RecordId, RecordId)> = records.iter().map(|record| (*record, records[0])).collect();
    add(tx, decision, &making, PINNED, &pairs)?;
    making.write(tx, decision, What::Pinned, (asset, &[]), &[], &records)?;
    audit(tx, decision, "asset.pin", &asset.to_string())?;
    resettle(tx, decision, decided(decision, "pinned"), &records)?;
    Ok(asset)
}

/// Takes a pin back: rules decide again.
///
/// # Errors
/// The asset does not exist or is not pinned, or the database fails; the caller must then roll back.
pub fn unpin(tx: &mut Tx, decision: &Decision, asset: AssetId) -> Result<AssetId, DirectiveError> {
    let (asset, records) = existing(tx, decision.org, asset)?;
    let mut making = Making::begin(tx, decision.org)?;
    if take_back(tx, decision.org, &mut making, PINNED, &records, &records)? == 0 {
        return Err(DirectiveError::NotPinned(asset));
    }
    decisions::unpinned(tx, decision, &records)?;
    audit(tx, decision, "asset.unpin", &asset.to_string())?;
    resettle(tx, decision, decided(decision, "unpinned"), &records)?;
    let now = assets_of(tx, decision.org, &records[..1])?;
    Ok(now.get(&records[0]).copied().unwrap_or(asset))
}

/// Says whether the machines of a console group are made anew each day: then records of one name that follow each other
/// are one machine.
///
/// # Errors
/// The database fails; the caller must then roll back.
pub fn pool(tx: &mut Tx, decision: &Decision, group_id: &str, is_pool: bool) -> Result<(), DirectiveError> {
    const GONE: &str = "DELETE FROM inventory_directive WHERE org_id = $1 AND kind = 'pool' AND word = $2";
    const MACHINES: &str = "UPDATE inventory_machine SET settled = 0 WHERE org_id = $1 AND console_group_id_term =
        (SELECT term_id FROM inventory_term WHERE org_id = $1 AND dictionary = 'console_group_id' AND text = $2)";
    let group = [decision.org.into(), group_id.into()];
    tx.execute(GONE, &group)?;
    if is_pool {
        insert(tx, decision, None, &[(POOL, None, Some(group_id))])?;
    }
    audit(tx, decision, if is_pool { "group.pool" } else { "group.no_pool" }, group_id)?;
    tx.execute(MACHINES, &group)?;
    Ok(())
}

/// Says of two records that they are one machine, or that they are not: the answer to a question.
pub(crate) fn decide_pair(
    tx: &mut Tx,
    decision: &Decision,
    one: RecordId,
    other: RecordId,
    same: bool,
) -> Result<(), DirectiveError> {
    let both = [one, other];
    if same {
        refuse_pinned(tx, decision.org, &both)?;
    }
    let mut making = Making::begin(tx, decision.org)?;
    take_back(tx, decision.org, &mut making, if same { APART } else { TOGETHER }, &both, &both)?;
    take_back(tx, decision.org, &mut making, if same { TOGETHER } else { APART }, &both, &both)?;
    let pair = (one.min(other), one.max(other));
    add(tx, decision, &making, if same { TOGETHER } else { APART }, &[pair])?;
    let assets = assets_of(tx, decision.org, &both)?;
    let (asset, other_asset) = (assets.get(&one).copied(), assets.get(&other).copied());
    let asset = asset.or(other_asset).unwrap_or(AssetId(0));
    let others: Vec<AssetId> = other_asset.into_iter().filter(|other| *other != asset).collect();
    let what = if same { What::Accepted } else { What::Dismissed };
    making.write(tx, decision, what, (asset, &others), &both, &both)?;
    resettle(tx, decision, decided(decision, if same { MERGED } else { SPLIT }), &both)
}

/// Decides again about the records of a decision that was taken back.
pub(super) fn resettle_undone(
    tx: &mut Tx,
    decision: &Decision,
    keeps: Option<AssetId>,
    records: &[RecordId],
) -> Result<(), DirectiveError> {
    resettle(tx, decision, Decided { keeps, ..decided(decision, UNDONE) }, records)
}

pub(super) fn audit(tx: &mut Tx, decision: &Decision, what: &str, subject: &str) -> Result<(), StoreError> {
    access::audit(tx, decision.org, decision.now, decision.by, what, subject, decision.reason)?;
    Ok(())
}

fn add(
    tx: &mut Tx,
    decision: &Decision,
    making: &Making,
    kind: &'static str,
    pairs: &[(RecordId, RecordId)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = pairs.iter().map(|pair| (kind, Some(*pair), None)).collect();
    insert(tx, decision, Some(making.id), &rows)
}

type NewRow<'a> = (&'static str, Option<(RecordId, RecordId)>, Option<&'a str>);

/// The columns of a word about records.
pub(super) const COLUMNS: &[(&str, Column)] = &[
    ("org_id", Column::Int),
    ("directive_id", Column::Int),
    ("kind", Column::Text),
    ("one_record", Column::Int),
    ("other_record", Column::Int),
    ("word", Column::Text),
    ("reason", Column::Text),
    ("made_by", Column::Text),
    ("made_at", Column::Int),
    ("decision_id", Column::Int),
];

fn insert(tx: &mut Tx, decision: &Decision, id: Option<DecisionId>, rows: &[NewRow]) -> Result<(), StoreError> {
    let mut head = Head::lock(tx, decision.org, decision.memory)?;
    let mut values: Vec<Value> = Vec::with_capacity(rows.len() * COLUMNS.len());
    for (kind, pair, word) in rows {
        values.extend([
            decision.org.into(),
            head.next_id().into(),
            (*kind).into(),
            pair.map(|pair| pair.0.0).into(),
            pair.map(|pair| pair.1.0).into(),
            (*word).into(),
            decision.reason.into(),
            decision.by.into(),
            decision.now.into(),
            id.map(|id| id.0).into(),
        ]);
    }
    tx.insert_many("inventory_directive", COLUMNS, &values, "")?;
    head.finish(tx, decision.memory)?;
    Ok(())
}

/// Takes back what was said of pairs of these records, which the decision replaces; answers how many words that were.
fn take_back(
    tx: &mut Tx,
    org: OrgId,
    making: &mut Making,
    kind: &str,
    ones: &[RecordId],
    others: &[RecordId],
) -> Result<u64, StoreError> {
    let (first, second): (FxHashSet<i64>, FxHashSet<i64>) =
        (ones.iter().map(|record| record.0).collect(), others.iter().map(|record| record.0).collect());
    let keys: Vec<i64> = first.iter().copied().collect();
    let between = |(one, other): (i64, i64)| first.contains(&one) && second.contains(&other);
    let mut found: Vec<Replaced> = Vec::new();
    for column in ["one_record", "other_record"] {
        let of = format!(
            "SELECT {} FROM inventory_directive WHERE org_id = $1 AND kind = $2 AND {column} IN KEYS",
            Replaced::COLUMNS
        );
        let rows = tx.select_in(&of, &[org.into(), kind.into()], Keys::Ints(&keys), Replaced::of)?;
        found.extend(rows.into_iter().filter(|was| between(was.pair()) || between((was.pair().1, was.pair().0))));
    }
    found.sort_unstable_by_key(Replaced::key);
    found.dedup_by_key(|was| was.key());
    let rows: Vec<Value> = found.iter().flat_map(|was| [org.into(), Value::from(was.key())]).collect();
    making.replaced.append(&mut found);
    tx.delete_many("inventory_directive", &[("org_id", Column::Int), ("directive_id", Column::Int)], &rows)
}

fn decided<'a>(decision: &Decision<'a>, what: &'static str) -> Decided<'a> {
    Decided { what, by: decision.by, reason: decision.reason, keeps: None }
}

/// Decides again about records, at once.
fn resettle(tx: &mut Tx, decision: &Decision, decided: Decided, records: &[RecordId]) -> Result<(), DirectiveError> {
    const SET: &[(&str, Column)] = &[("settled", Column::Int)];
    const KEY: &[(&str, Column)] = &[("org_id", Column::Int), ("record_id", Column::Int)];
    let rows: Vec<Value> =
        records.iter().flat_map(|record| [decision.org.into(), (*record).into(), false.into()]).collect();
    tx.update_many("inventory_machine", KEY, SET, &rows)?;
    settle_records(tx, (decision.org, decision.memory, decision.now), decided, records)?;
    Ok(())
}
