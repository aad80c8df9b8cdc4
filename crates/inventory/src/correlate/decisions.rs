//! What people decided, each decision as a whole: who, when, why, and what it replaced, so that it can be taken back.
//!
//! A decision that is taken back leaves what was said before it: what it said of records is gone, and what it replaced is
//! there again. So the latest goes first: one that others were made upon since is refused with the name of the next.

use kernel::{AssetId, DecisionId, OrgId, RecordId, Timestamp, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use store::{Keys, Kind as Column, Row, StoreError, Tx};

use super::directive::{self, Decision, DirectiveError};
use super::explain::{enumerated, in_line};
use crate::memory;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Assets are one machine.
    Merged,
    /// Records are another machine than the rest of their asset.
    Split,
    /// To a question: the two are one machine.
    Accepted,
    /// To a question: the two are two machines.
    Dismissed,
    /// An asset stays as it is.
    Pinned,
}

impl What {
    const ALL: [What; 5] = [What::Merged, What::Split, What::Accepted, What::Dismissed, What::Pinned];

    /// The word that is stored and printed as JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            What::Merged => "merged",
            What::Split => "split",
            What::Accepted => "accepted",
            What::Dismissed => "dismissed",
            What::Pinned => "pinned",
        }
    }

    fn from_word(word: &str) -> What {
        What::ALL.into_iter().find(|what| what.as_str() == word).unwrap_or(What::Merged)
    }
}

/// Who said something, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in that person's words; may be empty.
    pub reason: String,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id, `dec_..`.
    pub id: DecisionId,
    /// What was decided.
    pub what: What,
    /// Who decided it, when, and why.
    pub said: Said,
    /// What it was about: the asset that others were merged into, that was split, that was pinned, or one of the two that
    /// were asked about.
    pub asset: AssetId,
    /// The other assets that it was about.
    pub others: Vec<AssetId>,
    /// The records that came or went, or the two that were asked about.
    pub records: Vec<RecordId>,
    /// Who took it back.
    pub undone: Option<Said>,
    /// Whether it can be taken back now: nobody did, and nothing was decided upon it since.
    pub stands: bool,
}

/// What the asset is called that a decision is told of.
const IT: &str = "this asset";

impl Made {
    /// What was decided, as a clause behind the person who did; told of the asset `it`.
    #[must_use]
    pub fn words(&self, it: AssetId) -> String {
        let name = |asset: &AssetId| if *asset == it { IT.to_owned() } else { asset.to_string() };
        let others = in_line(&self.others.iter().map(name).collect::<Vec<_>>(), "assets");
        let asset = name(&self.asset);
        let (one, other) = if others == IT { (IT, asset.as_str()) } else { (asset.as_str(), others.as_str()) };
        let listed = in_line(&self.records, "records");
        let both = enumerated(&self.records.iter().map(RecordId::to_string).collect::<Vec<_>>());
        match self.what {
            What::Merged => format!("merged {others} into {asset} ({listed})"),
            What::Split => format!("split {listed} off: {one} and {other} are two machines"),
            What::Accepted => format!("answered that {one} and {other} are one machine ({both})"),
            What::Dismissed => {
                format!("answered that {one} and {other} are two machines ({both})")
            }
            What::Pinned => format!("pinned {asset}: nothing joins it or leaves it"),
        }
    }
}

/// What a decision was about, and what it replaced, as it is stored.
#[derive(Default, Deserialize, Serialize)]
struct Body {
    others: Vec<i64>,
    records: Vec<i64>,
    replaced: Vec<Replaced>,
}

/// A word about two records that a decision replaced.
#[derive(Deserialize, Serialize)]
pub(super) struct Replaced {
    directive: i64,
    kind: String,
    one: i64,
    other: i64,
    reason: String,
    by: String,
    at: i64,
    decision: Option<i64>,
}

impl Replaced {
    /// What is read to make one.
    pub(super) const COLUMNS: &str =
        "directive_id, kind, one_record, other_record, reason, made_by, made_at, decision_id";

    pub(super) fn of(row: &Row) -> Result<Replaced, StoreError> {
        Ok(Replaced {
            directive: row.int(0)?,
            kind: row.text(1)?.to_owned(),
            one: row.opt_int(2)?.unwrap_or_default(),
            other: row.opt_int(3)?.unwrap_or_default(),
            reason: row.text(4)?.to_owned(),
            by: row.text(5)?.to_owned(),
            at: row.int(6)?,
            decision: row.opt_int(7)?,
        })
    }

    pub(super) fn key(&self) -> i64 {
        self.directive
    }

    pub(super) fn pair(&self) -> (i64, i64) {
        (self.one, self.other)
    }
}

/// A decision that is being taken.
pub(super) struct Making {
    pub(super) id: DecisionId,
    pub(super) replaced: Vec<Replaced>,
}

impl Making {
    pub(super) fn begin(tx: &mut Tx, org: OrgId) -> Result<Making, StoreError> {
        Ok(Making { id: DecisionId(memory::next_ids(tx, org, 1)?), replaced: Vec::new() })
    }

    /// Writes down what was decided: about which assets, which records went, and which it is about in all.
    pub(super) fn write(
        self,
        tx: &mut Tx,
        decision: &Decision,
        what: What,
        (asset, others): (AssetId, &[AssetId]),
        moved: &[RecordId],
        about: &[RecordId],
    ) -> Result<DecisionId, StoreError> {
        const ROW: &str = "INSERT INTO inventory_decision
                (org_id, decision_id, what, asset_id, body, made_at, made_by, reason)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        const RECORD: &[(&str, Column)] =
            &[("org_id", Column::Int), ("record_id", Column::Int), ("decision_id", Column::Int)];
        let ids = |records: &[RecordId]| records.iter().map(|record| record.0).collect();
        let others = others.iter().map(|asset| asset.0).collect();
        let body = Body { others, records: ids(moved), replaced: self.replaced };
        let body = serde_json::to_string(&body).expect("numbers and text are JSON");
        let row: [Value; 8] = [
            decision.org.into(),
            self.id.into(),
            what.as_str().into(),
            asset.into(),
            body.into(),
            decision.now.into(),
            decision.by.into(),
            decision.reason.into(),
        ];
        tx.execute(ROW, &row)?;
        let mut about: Vec<RecordId> = about.to_vec();
        about.sort_unstable();
        about.dedup();
        let rows: Vec<Value> =
            about.iter().flat_map(|record| [decision.org.into(), (*record).into(), self.id.into()]).collect();
        tx.insert_many("inventory_decision_record", RECORD, &rows, "")?;
        Ok(self.id)
    }
}

const READ: &str =
    "SELECT decision_id, what, asset_id, body, made_at, made_by, reason, undone_at, undone_by, undone_reason
    FROM inventory_decision WHERE org_id = $1 AND decision_id";

fn made(row: &Row) -> Result<(Made, Body), StoreError> {
    let body: Body = serde_json::from_str(row.text(3)?).unwrap_or_default();
    let undone = match row.opt_int(7)? {
        Some(at) => Some(Said {
            at: Timestamp::from_micros(at),
            by: row.opt_text(8)?.unwrap_or_default().to_owned(),
            reason: row.opt_text(9)?.unwrap_or_default().to_owned(),
        }),
        None => None,
    };
    let made = Made {
        id: DecisionId(row.int(0)?),
        what: What::from_word(row.text(1)?),
        said: Said {
            at: Timestamp::from_micros(row.int(4)?),
            by: row.text(5)?.to_owned(),
            reason: row.text(6)?.to_owned(),
        },
        asset: AssetId(row.int(2)?),
        others: body.others.iter().copied().map(AssetId).collect(),
        records: body.records.iter().copied().map(RecordId).collect(),
        stands: undone.is_none(),
        undone,
    };
    Ok((made, body))
}

/// The decision with this id.
fn one(tx: &mut Tx, org: OrgId, id: DecisionId) -> Result<Option<(Made, Body)>, StoreError> {
    tx.query_opt(&format!("{READ} = $2"), &[org.into(), id.into()], made)
}

/// The decision with this id, if there is one.
///
/// # Errors
/// The database fails.
pub fn find(tx: &mut Tx, org: OrgId, id: DecisionId) -> Result<Option<Made>, StoreError> {
    Ok(one(tx, org, id)?.map(|(made, _)| made))
}

/// So many decisions about an asset are told; the latest.
const TOLD_MAX: usize = 100;

/// What people decided about these records, the oldest first.
pub(crate) fn of_records(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<Made>, StoreError> {
    const OF: &str = "SELECT decision_id FROM inventory_decision_record WHERE org_id = $1 AND record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut ids = tx.select_in(OF, &[org.into()], Keys::Ints(&keys), |row| row.int(0))?;
    ids.sort_unstable();
    ids.dedup();
    let ids = ids.split_off(ids.len().saturating_sub(TOLD_MAX));
    let mut all: Vec<Made> = tx
        .select_in(&format!("{READ} IN KEYS"), &[org.into()], Keys::Ints(&ids), made)?
        .into_iter()
        .map(|(made, _)| made)
        .collect();
    all.sort_by_key(|made| (made.said.at, made.id));
    for made in &mut all {
        made.stands = made.undone.is_none() && later(tx, org, made)?.is_none();
    }
    Ok(all)
}

/// The latest decision about a record that nobody took back.
///
/// # Errors
/// The database fails.
pub fn latest(tx: &mut Tx, org: OrgId, record: RecordId) -> Result<Option<Made>, StoreError> {
    let mut all = of_records(tx, org, &[record])?;
    all.retain(|made| made.undone.is_none());
    Ok(all.pop())
}

/// The decision by which two records were said to be two machines; what earlier versions took down has only who, when and
/// why.
pub(super) fn apart(
    tx: &mut Tx,
    org: OrgId,
    (one_record, other_record): (RecordId, RecordId),
) -> Result<Option<(Said, Option<Made>)>, StoreError> {
    const APART: &str = "SELECT made_at, made_by, reason, decision_id FROM inventory_directive
        WHERE org_id = $1 AND kind = 'apart' AND one_record = $2 AND other_record = $3
        ORDER BY directive_id DESC LIMIT 1";
    let pair = [org.into(), one_record.min(other_record).into(), one_record.max(other_record).into()];
    let row = tx.query_opt(APART, &pair, |row| {
        let at = Timestamp::from_micros(row.int(0)?);
        let said = Said { at, by: row.text(1)?.to_owned(), reason: row.text(2)?.to_owned() };
        Ok((said, row.opt_int(3)?.map(DecisionId)))
    })?;
    let Some((said, id)) = row else { return Ok(None) };
    let mut made = match id {
        Some(id) => one(tx, org, id)?.map(|(made, _)| made),
        None => None,
    };
    if let Some(made) = &mut made {
        made.stands = made.undone.is_none() && later(tx, org, made)?.is_none();
    }
    Ok(Some((said, made)))
}

/// The records that a decision is about in all.
pub(super) fn about(tx: &mut Tx, org: OrgId, id: DecisionId) -> Result<Vec<RecordId>, StoreError> {
    const ABOUT: &str = "SELECT record_id FROM inventory_decision_record
        WHERE org_id = $1 AND decision_id = $2 ORDER BY record_id";
    tx.query(ABOUT, &[org.into(), id.into()], |row| Ok(RecordId(row.int(0)?)))
}

/// The latest decision that was made upon another: about two of its records, and not taken back. A pin is none, since
/// whoever decides takes it back first.
fn later(tx: &mut Tx, org: OrgId, of: &Made) -> Result<Option<DecisionId>, StoreError> {
    const LATER: &str = "SELECT r.decision_id FROM inventory_decision_record r
        JOIN inventory_decision d ON d.org_id = r.org_id AND d.decision_id = r.decision_id
        WHERE r.org_id = $1 AND r.decision_id > $2 AND d.undone_at IS NULL AND d.what <> 'pinned'
            AND r.record_id IN KEYS";
    let keys: Vec<i64> = about(tx, org, of.id)?.iter().map(|record| record.0).collect();
    let found = tx.select_in(LATER, &[org.into(), of.id.into()], Keys::Ints(&keys), |row| row.int(0))?;
    let mut counts: FxHashMap<i64, usize> = FxHashMap::default();
    for decision in found {
        *counts.entry(decision).or_default() += 1;
    }
    let upon = counts.into_iter().filter(|(_, records)| *records > 1).map(|(decision, _)| decision);
    Ok(upon.max().map(DecisionId))
}

/// What came of taking a decision back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The decision.
    pub made: Made,
    /// The assets that its records are of now.
    pub assets: Vec<AssetId>,
}

/// Takes a decision back: what it said of records is gone, what it had replaced holds again, and the rules decide the rest.
///
/// # Errors
/// There is no such decision, it was taken back already, another one was made upon it since, an asset is pinned, or the
/// database fails; the caller must then roll back.
pub fn undo(tx: &mut Tx, decision: &Decision, id: DecisionId) -> Result<Undone, DirectiveError> {
    const GONE: &str = "DELETE FROM inventory_directive WHERE org_id = $1 AND decision_id = $2";
    let (made, body) = one(tx, decision.org, id)?.ok_or(DirectiveError::NoSuchDecision(id.to_string()))?;
    if let Some(said) = made.undone {
        return Err(DirectiveError::TakenBack { decision: id, by: said.by, at: said.at });
    }
    let records = about(tx, decision.org, id)?;
    if made.what == What::Pinned {
        let assets = directive::assets_of(tx, decision.org, &records)?;
        let asset = records.iter().find_map(|record| assets.get(record)).copied().unwrap_or(made.asset);
        let asset = directive::unpin(tx, decision, asset)?;
        return Ok(Undone { made, assets: vec![asset] });
    }
    if let Some(later) = later(tx, decision.org, &made)? {
        return Err(DirectiveError::DecidedSince { decision: id, later });
    }
    directive::refuse_pinned(tx, decision.org, &records)?;
    tx.execute(GONE, &[decision.org.into(), id.into()])?;
    restore(tx, decision.org, &body.replaced)?;
    take_back(tx, decision, &[id.0])?;
    directive::audit(tx, decision, "asset.undo", &id.to_string())?;
    let keeps = (made.what == What::Split).then_some(made.asset);
    directive::resettle_undone(tx, decision, keeps, &records)?;
    let now: FxHashSet<AssetId> = directive::assets_of(tx, decision.org, &records)?.into_values().collect();
    let mut assets: Vec<AssetId> = now.into_iter().collect();
    assets.sort_unstable();
    Ok(Undone { made, assets })
}

/// Notes of the pins of these records that they were taken back.
pub(super) fn unpinned(tx: &mut Tx, decision: &Decision, records: &[RecordId]) -> Result<(), StoreError> {
    const PINS: &str = "SELECT d.decision_id FROM inventory_decision_record r
        JOIN inventory_decision d ON d.org_id = r.org_id AND d.decision_id = r.decision_id
        WHERE r.org_id = $1 AND d.undone_at IS NULL AND d.what = 'pinned' AND r.record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut pins = tx.select_in(PINS, &[decision.org.into()], Keys::Ints(&keys), |row| row.int(0))?;
    pins.sort_unstable();
    pins.dedup();
    take_back(tx, decision, &pins)
}

fn take_back(tx: &mut Tx, decision: &Decision, ids: &[i64]) -> Result<(), StoreError> {
    const KEY: &[(&str, Column)] = &[("org_id", Column::Int), ("decision_id", Column::Int)];
    const SET: &[(&str, Column)] =
        &[("undone_at", Column::Int), ("undone_by", Column::Text), ("undone_reason", Column::Text)];
    let row = |id: &i64| -> [Value<'_>; 5] {
        [decision.org.into(), (*id).into(), decision.now.into(), decision.by.into(), decision.reason.into()]
    };
    let rows: Vec<Value> = ids.iter().flat_map(row).collect();
    tx.update_many("inventory_decision", KEY, SET, &rows)?;
    Ok(())
}

/// Says again what a decision had replaced.
fn restore(tx: &mut Tx, org: OrgId, replaced: &[Replaced]) -> Result<(), StoreError> {
    let mut rows: Vec<Value> = Vec::with_capacity(replaced.len() * directive::COLUMNS.len());
    for was in replaced {
        rows.extend([org.into(), was.directive.into(), Value::from(was.kind.as_str())]);
        rows.extend([was.one.into(), was.other.into(), Value::Null, Value::from(was.reason.as_str())]);
        rows.extend([Value::from(was.by.as_str()), was.at.into(), was.decision.into()]);
    }
    tx.insert_many("inventory_directive", directive::COLUMNS, &rows, "")?;
    Ok(())
}
