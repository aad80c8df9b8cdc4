//! What people decided about an asset: when, who, and what became of its records; and where a rule objected.

use kernel::{AssetId, OrgId, RecordId, Timestamp};
use rustc_hash::FxHashMap;
use store::{Keys, StoreError, Tx};

use super::Directives;
use super::explain::{Linked, near};
use super::fact::{Fact, Key};
use super::rules::Rule;
use super::sharing::Shared;
use super::veto::{Grounds, Veto};

/// Records went from one asset to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// What a person decided: `merged`, `split`, `pinned`, `unpinned`; nothing if the rules did it.
    pub decision: Option<String>,
    /// Who decided it; `correlation` if the rules did.
    pub by: String,
    /// Why, in that person's words; may be empty.
    pub reason: String,
    /// The asset that they were records of.
    pub from: AssetId,
    /// The asset that they were records of from then on.
    pub to: AssetId,
    /// The records.
    pub records: Vec<RecordId>,
}

/// Who pinned an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in that person's words; may be empty.
    pub reason: String,
}

/// A rule that says that two records are two machines, while a person says that they are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The rule.
    pub veto: Veto,
    /// One record.
    pub one: RecordId,
    /// The other record.
    pub other: RecordId,
    /// Who decided otherwise.
    pub by: String,
    /// Why, in that person's words; may be empty.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Objection {
    /// What the rule says, with its code and the two records, as a clause.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} ({}, {} and {})", self.veto.words(), self.veto.code(), self.one, self.other)
    }
}

/// Objections are looked for in assets of at most so many records: all pairs are compared.
const RECORDS_MAX: usize = 200;

const MOVES: &str = "SELECT at, before, after, record_id, decision, who, reason FROM inventory_change
    WHERE org_id = $1 AND inventory = 'assets' AND field = 'asset' AND record_id IN KEYS";

/// What people decided that brought records to this asset or took some away, the oldest first.
pub(super) fn of_asset(tx: &mut Tx, org: OrgId, asset: AssetId, records: &[RecordId]) -> Result<Vec<Deed>, StoreError> {
    const LEFT: &str = "SELECT record_id FROM inventory_change WHERE org_id = $1 AND field = 'asset' AND before = $2";
    let mut keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    keys.extend(tx.query(LEFT, &[org.into(), asset.to_string().into()], |row| row.int(0))?);
    keys.sort_unstable();
    keys.dedup();
    let mut all = moves(tx, org, &keys)?;
    all.retain(|deed| deed.decision.is_some() && (deed.from == asset || deed.to == asset));
    Ok(together(all))
}

/// Where an id that was merged away led since, the oldest step first. Without history, that it is another's.
pub(super) fn of_former(tx: &mut Tx, org: OrgId, former: AssetId) -> Result<Vec<Deed>, StoreError> {
    const FORMER: &str = "SELECT at, now_asset_id, record_id FROM inventory_asset_former
        WHERE org_id = $1 AND asset_id = $2";
    let found = tx.query_opt(FORMER, &[org.into(), former.into()], |row| {
        Ok((Timestamp::from_micros(row.int(0)?), AssetId(row.int(1)?), row.opt_int(2)?))
    })?;
    let Some((at, to, record)) = found else { return Ok(Vec::new()) };
    let mut all = match record {
        Some(record) => moves(tx, org, &[record])?,
        None => Vec::new(),
    };
    all.retain(|deed| deed.at >= at);
    if all.first().is_none_or(|first| first.from != former) {
        let by = "correlation".to_owned();
        let unknown = Deed { at, decision: None, by, reason: String::new(), from: former, to, records: Vec::new() };
        all = vec![unknown];
    }
    Ok(all)
}

fn moves(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<Vec<Deed>, StoreError> {
    let rows = tx.select_in(MOVES, &[org.into()], Keys::Ints(records), |row| {
        let asset = |text: Option<&str>| text.and_then(AssetId::parse);
        let (from, to) = (asset(row.opt_text(1)?), asset(row.opt_text(2)?));
        let decision = row.opt_text(4)?.map(str::to_owned);
        let by = row.opt_text(5)?.filter(|_| decision.is_some()).unwrap_or("correlation").to_owned();
        let (at, reason) = (Timestamp::from_micros(row.int(0)?), row.opt_text(6)?.unwrap_or_default().to_owned());
        let records = vec![RecordId(row.int(3)?)];
        Ok(from.zip(to).map(|(from, to)| Deed { at, decision, by, reason, from, to, records }))
    })?;
    let mut all: Vec<Deed> = rows.into_iter().flatten().collect();
    all.sort_by(|one, other| {
        (one.at, one.from, one.to, &one.records).cmp(&(other.at, other.from, other.to, &other.records))
    });
    Ok(all)
}

/// Records that went the same way at once are one deed.
fn together(all: Vec<Deed>) -> Vec<Deed> {
    let mut told: Vec<Deed> = Vec::new();
    for deed in all {
        let same = |known: &&mut Deed| (known.at, known.from, known.to) == (deed.at, deed.from, deed.to);
        match told.last_mut().filter(same) {
            Some(known) => known.records.extend(deed.records),
            None => told.push(deed),
        }
    }
    told
}

/// Who pinned the asset of these records; the first of several.
pub(super) fn pin(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Option<Pin>, StoreError> {
    const PINNED: &str = "SELECT made_at, made_by, reason FROM inventory_directive
        WHERE org_id = $1 AND kind = 'pinned' AND one_record IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut pins = tx.select_in(PINNED, &[org.into()], Keys::Ints(&keys), |row| {
        let (by, reason) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        Ok(Pin { at: Timestamp::from_micros(row.int(0)?), by, reason })
    })?;
    pins.sort_by_key(|pin| pin.at);
    Ok(pins.into_iter().next())
}

/// The moment of which records are told: what is alive is so as of the latest that anybody said.
pub(super) fn as_of(records: &[Linked], facts: &FxHashMap<RecordId, Fact>) -> Timestamp {
    let told = |linked: &Linked| Some(facts.get(&linked.record)?.life).and_then(|life| life.to.max(life.from));
    let latest = records.iter().filter_map(told).chain(records.iter().map(|linked| linked.since)).max();
    latest.unwrap_or(Timestamp::from_micros(0))
}

/// What rules say against records that a person put together, each rule once for each decision.
pub(super) fn objections(
    records: &[Linked],
    facts: &FxHashMap<RecordId, Fact>,
    shared: &FxHashMap<Key, Shared>,
    directives: &Directives,
) -> Vec<Objection> {
    if records.len() > RECORDS_MAX || !records.iter().any(|linked| linked.rule.is_by_people()) {
        return Vec::new();
    }
    let linked: FxHashMap<RecordId, &Linked> = records.iter().map(|linked| (linked.record, linked)).collect();
    // The way from a record to the first of its asset.
    let way = |from: RecordId| -> Vec<RecordId> {
        let mut way = vec![from];
        while let Some(next) = way.last().and_then(|at| linked.get(at)?.partner).filter(|next| !way.contains(next)) {
            way.push(next);
        }
        way
    };
    let ways: Vec<Vec<RecordId>> = records.iter().map(|linked| way(linked.record)).collect();
    let now = as_of(records, facts);
    let none = Directives::default();
    let grounds = Grounds { shared, apart: &none.apart, pinned: &none.pinned, now };
    let mut found: Vec<Objection> = Vec::new();
    for (at, one) in records.iter().enumerate() {
        for (with, other) in records.iter().enumerate().skip(at + 1) {
            let (one_way, other_way) = (&ways[at], &ways[with]);
            // A step that both ways have is not between the two.
            let between = one_way.iter().filter(|step| !other_way.contains(step));
            let between = between.chain(other_way.iter().filter(|step| !one_way.contains(step)));
            let people = || between.clone().filter_map(|step| linked.get(step)).filter(|step| step.rule.is_by_people());
            let decider = people().find(|step| step.rule == Rule::Merged).or_else(|| people().next());
            let Some(decider) = decider else { continue };
            let (Some(first), Some(second)) = (facts.get(&one.record), facts.get(&other.record)) else { continue };
            if first.ended || second.ended {
                continue;
            }
            let rule = near(first, second, shared, directives, now).map_or(Rule::Serial, |near| near.rule);
            let Some(veto) = grounds.veto(rule, first, second) else { continue };
            let known = |known: &Objection| known.veto == veto && (known.at, &known.by) == (decider.since, &decider.by);
            if !found.iter().any(known) {
                found.push(Objection {
                    veto,
                    one: one.record,
                    other: other.record,
                    by: decider.by.clone(),
                    reason: decider.reason.clone(),
                    at: decider.since,
                });
            }
        }
    }
    found
}
