//! What changed: the history of an asset, and how long history is kept.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{AssetId, IntegrationId, OrgId, RecordId, Timestamp, Value};
use serde_json::Value as Json;
use store::{Keys, Kind, StoreError, Tx};

use crate::change;
use crate::correlate;
use crate::correlate::decisions::{self, Said, What};
use crate::correlate::explain::{because_of, enumerated, person};
use crate::correlate::rules::Rule;
use crate::correlate::settle::ARRIVED;
use crate::out::Is;
use crate::projection::{MACHINE_OWN, Projection};

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// When it was seen.
    pub at: Timestamp,
    /// What: a field's column (`os`, `names`), `removed`, [`FIRST_SEEN`], [`DECIDED`], or `asset`, which a record moved to.
    pub field: String,
    /// What it was; nothing if it was nothing.
    pub before: Option<String>,
    /// What it has been since.
    pub after: Option<String>,
    /// The integration whose record said so; 0 for what the organization itself says.
    pub integration: IntegrationId,
    /// The record; 0 for what the organization itself says.
    pub record: RecordId,
    /// The collection that the record is of.
    pub stream: String,
    /// The source's own id of the record.
    pub native_id: String,
    /// What the record calls the machine.
    pub called: Option<String>,
    /// Of a record that was seen first, came or went: what the asset says otherwise since, unless each value is told by itself.
    pub with: Vec<Otherwise>,
    /// Of records that went from one asset to another: those that went the same way at once for the same reason.
    pub moved: Vec<RecordId>,
    /// Of a record that came or went: by which rule, or what a person decided.
    pub by: Option<By>,
    /// Of an owner or a custom field (`owner`, `field.NAME`): the person who said so, `rule` or `tag`.
    pub who: Option<String>,
}

impl Changed {
    /// That a record changed, or, of none, what the organization itself says; all else is not known yet.
    fn new(at: Timestamp, field: &str, integration: IntegrationId, record: RecordId) -> Changed {
        Changed {
            at,
            field: field.to_owned(),
            before: None,
            after: None,
            integration,
            record,
            stream: String::new(),
            native_id: String::new(),
            called: None,
            with: Vec::new(),
            moved: Vec::new(),
            by: None,
            who: None,
        }
    }

    /// What the organization itself says, or somebody of it.
    fn own(at: Timestamp, field: &str) -> Changed {
        Changed::new(at, field, IntegrationId(0), RecordId(0))
    }

    /// Of records that came to this asset or left it: that they did, as a clause.
    #[must_use]
    pub fn came_or_went(&self, asset: AssetId) -> Option<String> {
        if self.field != ASSET {
            return None;
        }
        let what = match self.moved.as_slice() {
            [one] => format!("its record {one}"),
            many => format!("{} of its records", many.len()),
        };
        let here = asset.to_string();
        Some(match (self.before.as_deref(), self.after.as_deref()) {
            (Some(before), Some(after)) if before == here => format!("{what} went to {after}"),
            (Some(before), Some(_)) => format!("{what} came from {before}"),
            (None, _) => format!("{what} came in"),
            (_, None) => format!("{what} went away"),
        })
    }

    /// Of a record that came or went: what a person decided, or what it has in common with another one. A first record is
    /// joined to none.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let by = self.by.as_ref()?;
        if !["correlation", "sync"].contains(&by.who.as_str()) {
            return Some(format!("{} by {}{}", by.rule, person(&by.who), because_of(&by.reason)));
        }
        let rule = Rule::from_code(&by.rule);
        if rule == Rule::New {
            return (self.field == ASSET).then(|| "no rule joins it to another record".to_owned());
        }
        let common = correlate::explain::words(&by.evidence);
        let common: Vec<String> = common.iter().map(|(kind, value)| format!("{kind} {value}")).collect();
        Some(match common.is_empty() {
            true => rule.told(),
            false => rule.with_code(&format!("the same {}", enumerated(&common))),
        })
    }
}

/// A value that is another one since a record came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otherwise {
    /// The field's column.
    pub field: String,
    /// What it was; nothing if it was nothing.
    pub before: Option<String>,
    /// What it has been since.
    pub after: Option<String>,
}

/// Why a record belongs to an asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct By {
    /// The rule of correlation, or what a person decided: `merged`, `split`, `pinned`, `unpinned`, `dismissed`, `undone`.
    pub rule: String,
    /// What speaks for it.
    pub evidence: String,
    /// `correlation`, or who decided it.
    pub who: String,
    /// Why, in that person's words; empty if there are none.
    pub reason: String,
}

/// What to tell of an asset's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tell {
    /// Only what changed at or after this.
    pub since: Option<Timestamp>,
    /// Only this field, as history or the language calls it (`os`, `agent.version`).
    pub field: Option<String>,
    /// Each value by itself, those too that came along with a record. So it is where one field is asked for.
    pub each: bool,
}

/// What history calls it that a person decided something by which no record moved.
pub const DECIDED: &str = "decision";

/// What history calls it that records came from another asset, or went to one.
pub const ASSET: &str = "asset";

/// What history calls it that a source spoke of the machine for the first time; what it is then is how much it said.
pub const FIRST_SEEN: &str = "record";

/// So many changes are told at once; the latest ones.
pub const TOLD_MAX: usize = 10_000;

/// Rows of history that are deleted in one transaction.
pub const FORGOTTEN_AT_ONCE: i64 = 20_000;

/// The history of an asset, the latest first: what its records' changes made of it, and which records came and went. `None`
/// if there is no such asset, and never was.
///
/// The id of an asset that was merged into another leads to that one.
///
/// # Errors
/// The database fails.
pub fn asset(
    tx: &mut Tx,
    org: OrgId,
    asset: AssetId,
    tell: &Tell,
) -> Result<Option<(AssetId, Vec<Changed>)>, StoreError> {
    const HERE: &str = "SELECT record_id FROM inventory_link WHERE org_id = $1 AND asset_id = $2";
    const LEFT: &str = "SELECT record_id FROM inventory_change WHERE org_id = $1 AND field = 'asset' AND before = $2";
    const CHANGES: &str = "SELECT change_id, at, field, before, after, integration_id, record_id, asset_id,
            who, decision, reason
        FROM inventory_change WHERE org_id = $1 AND inventory = 'assets' AND record_id IN KEYS";
    let Some(asset) = present(tx, org, asset)? else { return Ok(None) };
    let here: BTreeSet<i64> = tx.query(HERE, &[org.into(), asset.into()], |row| row.int(0))?.into_iter().collect();
    let left = tx.query(LEFT, &[org.into(), asset.to_string().into()], |row| row.int(0))?;
    let records: BTreeSet<i64> = here.iter().copied().chain(left).collect();
    let records: Vec<i64> = records.into_iter().collect();
    let public = asset.to_string();
    let mut changes = tx.select_in(CHANGES, &[org.into()], Keys::Ints(&records), |row| {
        let record = row.int(6)?;
        let arrived = row.text(2)?.is_empty() && row.opt_text(9)? == Some(ARRIVED);
        let (at, field) = (Timestamp::from_micros(row.int(1)?), if arrived { FIRST_SEEN } else { row.text(2)? });
        let change = Changed {
            before: row.opt_text(3)?.map(str::to_owned),
            after: row.opt_text(4)?.map(str::to_owned),
            by: match (row.opt_text(8)?, row.opt_text(9)?) {
                (Some(who), Some(decision)) => Some(By {
                    rule: decision.to_owned(),
                    evidence: String::new(),
                    who: who.to_owned(),
                    reason: row.opt_text(10)?.unwrap_or_default().to_owned(),
                }),
                _ => None,
            },
            ..Changed::new(at, field, IntegrationId(row.int(5)?), RecordId(record))
        };
        let moved = change.field == ASSET && change.before.as_deref() == Some(&public);
        let own = row.opt_int(7)? == Some(asset.0);
        let of_it = if arrived { own && here.contains(&record) } else { here.contains(&record) || moved || own };
        Ok((row.int(0)?, of_it, change))
    })?;
    let wanted = |change: &Changed| {
        let told = !change.field.is_empty();
        let since = tell.since.is_none_or(|since| change.at >= since);
        told && since && tell.field.as_ref().is_none_or(|field| is_named(&change.field, field))
    };
    changes.retain(|(_, of_it, _)| *of_it);
    see_first(tx, org, &here, &mut changes)?;
    if !tell.each && tell.field.is_none() {
        fold(&mut changes);
    }
    changes.extend(own(tx, org, asset)?.into_iter().map(|(id, change)| (id, true, change)));
    changes.extend(decided(tx, org, asset, &here)?.into_iter().map(|(id, change)| (id, true, change)));
    changes.retain(|(.., change)| wanted(change));
    changes.sort_unstable_by_key(|(id, _, change)| std::cmp::Reverse((change.at, *id)));
    changes.truncate(TOLD_MAX);
    let (ids, mut changes): (Vec<i64>, Vec<Changed>) = changes.into_iter().map(|(id, _, change)| (id, change)).unzip();
    name(tx, org, &mut changes)?;
    explain(tx, org, &ids, &mut changes)?;
    for change in changes.iter_mut().filter(|change| change.field == ASSET) {
        change.moved.push(change.record);
    }
    Ok(Some((asset, if tell.each { changes } else { together(changes) })))
}

/// Tells of each record when it was seen first and how much it said, in one line instead of one for each thing that was
/// not known before it came.
fn see_first(
    tx: &mut Tx,
    org: OrgId,
    here: &BTreeSet<i64>,
    changes: &mut Vec<(i64, bool, Changed)>,
) -> Result<(), StoreError> {
    const FIRST: &str = "SELECT record_id, integration_id, first_seen_at FROM inventory_source_record
        WHERE org_id = $1 AND record_id IN KEYS";
    let is_first = |change: &Changed| change.field == FIRST_SEEN;
    let came: BTreeSet<Timestamp> =
        changes.iter().filter(|(.., change)| is_first(change)).map(|(.., change)| change.at).collect();
    let standing = |change: &Changed| is_first(change) || [ASSET, "removed"].contains(&change.field.as_str());
    changes.retain(|(.., change)| {
        let filled = change.before.is_none() || change.after.is_none();
        standing(change) || !filled || !came.contains(&change.at)
    });
    let records: Vec<i64> = here.iter().copied().collect();
    let arrived: BTreeSet<i64> =
        changes.iter().filter(|(.., change)| is_first(change)).map(|(.., change)| change.record.0).collect();
    let alone = tx.select_in(FIRST, &[org.into()], Keys::Ints(&records), |row| {
        Ok((row.int(0)?, row.int(1)?, Timestamp::from_micros(row.int(2)?)))
    })?;
    for (record, integration, at) in alone.into_iter().filter(|(record, ..)| !arrived.contains(record)) {
        let change = Changed::new(at, FIRST_SEEN, IntegrationId(integration), RecordId(record));
        changes.push((0, true, change));
    }
    let columns = &Projection::Machine.columns()[MACHINE_OWN..];
    let said: BTreeMap<i64, i64> = Projection::Machine
        .select(tx, org, &records)?
        .into_iter()
        .map(|(record, values)| {
            let valued = columns.iter().zip(&values[MACHINE_OWN..]);
            let valued =
                valued.filter(|(column, value)| !column.volatile && column.is != Is::Derived && **value != Value::Null);
            (record, valued.count() as i64)
        })
        .collect();
    // What came or went since was not there, or was.
    let mut since: BTreeMap<i64, i64> = BTreeMap::new();
    for (.., change) in changes.iter().filter(|(.., change)| !standing(change)) {
        let moved = i64::from(change.after.is_some()) - i64::from(change.before.is_some());
        *since.entry(change.record.0).or_default() += moved;
    }
    for (.., change) in changes.iter_mut().filter(|(.., change)| is_first(change)) {
        let record = change.record.0;
        let count = said.get(&record).copied().unwrap_or_default() - since.get(&record).copied().unwrap_or_default();
        let count = count.max(0);
        change.after = Some(format!("{count} attribute{}", if count == 1 { "" } else { "s" }));
    }
    Ok(())
}

/// What an asset says otherwise because a record came or went is told with the record.
fn fold(changes: &mut Vec<(i64, bool, Changed)>) {
    // What has no name is kept to be put back, and not told.
    let standing = |change: &Changed| ["", ASSET, "removed", FIRST_SEEN].contains(&change.field.as_str());
    let came: BTreeMap<(i64, Timestamp), usize> = changes
        .iter()
        .enumerate()
        .filter(|(_, (.., change))| change.field == FIRST_SEEN)
        .map(|(at, (.., change))| ((change.record.0, change.at), at))
        .collect();
    // Whatever changed while records moved between assets did because they moved.
    let moved: BTreeMap<Timestamp, usize> = changes
        .iter()
        .enumerate()
        .filter(|(_, (.., change))| change.field == ASSET)
        .map(|(at, (.., change))| (change.at, at))
        .collect();
    let mut folded: Vec<(usize, i64, Otherwise)> = Vec::new();
    let mut gone: BTreeSet<i64> = BTreeSet::new();
    for (id, _, change) in changes.iter().filter(|(.., change)| !standing(change)) {
        if let Some(at) = came.get(&(change.record.0, change.at)).or_else(|| moved.get(&change.at)) {
            let (before, after) = (change.before.clone(), change.after.clone());
            folded.push((*at, *id, Otherwise { field: change.field.clone(), before, after }));
            gone.insert(*id);
        }
    }
    folded.sort_unstable_by_key(|(at, id, _)| (*at, *id));
    for (at, _, otherwise) in folded {
        changes[at].2.with.push(otherwise);
    }
    changes.retain(|(id, ..)| !gone.contains(id));
}

/// Records that went the same way at once for the same reason are one line, where the last of them stands.
fn together(changes: Vec<Changed>) -> Vec<Changed> {
    type Deed = (Timestamp, Option<String>, Option<String>, Option<By>);
    let mut told: Vec<Changed> = Vec::with_capacity(changes.len());
    let mut known: BTreeMap<Deed, usize> = BTreeMap::new();
    for change in changes {
        if change.field != ASSET {
            told.push(change);
            continue;
        }
        let deed = (change.at, change.before.clone(), change.after.clone(), change.by.clone());
        let at = *known.entry(deed).or_insert(told.len());
        let Some(first) = told.get_mut(at) else {
            told.push(change);
            continue;
        };
        first.moved.extend(change.moved);
        first.with.extend(change.with);
        // What is not the same of all of them is nobody's.
        if first.integration != change.integration {
            first.integration = IntegrationId(0);
        }
        if first.called != change.called {
            first.called = None;
        }
    }
    for change in &mut told {
        change.moved.sort_unstable();
    }
    told
}

/// What people decided about an asset by which no record came or went: pins, and questions that were dismissed; and that
/// they took it back.
fn decided(tx: &mut Tx, org: OrgId, asset: AssetId, here: &BTreeSet<i64>) -> Result<Vec<(i64, Changed)>, StoreError> {
    let records: Vec<RecordId> = here.iter().copied().map(RecordId).collect();
    let mut told = Vec::new();
    for made in decisions::of_records(tx, org, &records)? {
        let (yes, no, back) = match made.what {
            What::Pinned => {
                let stays = "stays as it is: no record joins it or leaves it".to_owned();
                (stays, "the rules decide again", "unpinned")
            }
            What::Dismissed => (made.words(asset), "the question is open again", "undone"),
            // The records that came or went tell of these.
            What::Merged | What::Split | What::Accepted => continue,
        };
        let change = |said: &Said, after: &str, rule: &str| Changed {
            after: Some(after.to_owned()),
            by: Some(By {
                rule: rule.to_owned(),
                evidence: String::new(),
                who: said.by.clone(),
                reason: said.reason.clone(),
            }),
            ..Changed::own(said.at, DECIDED)
        };
        told.push((made.id.0, change(&made.said, &yes, made.what.as_str())));
        told.extend(made.undone.as_ref().map(|said| (made.id.0, change(said, no, back))));
    }
    Ok(told)
}

/// What the organization itself said of an asset. A first owner or value that no person named is told by its row alone.
fn own(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<Vec<(i64, Changed)>, StoreError> {
    const CHANGES: &str = "SELECT change_id, at, field, before, after, who FROM inventory_change
        WHERE org_id = $1 AND asset_id = $2 AND record_id = 0";
    const HERE: &str = "SELECT o.since, 'owner' AS field, n.text, o.set_by FROM inventory_asset_owner o
            JOIN inventory_term n ON n.org_id = o.org_id AND n.term_id = o.owner_term
            WHERE o.org_id = $1 AND o.asset_id = $2
        UNION ALL SELECT v.since, 'field.' || f.key, v.value, v.set_by FROM inventory_field_value v
            JOIN inventory_field f ON f.org_id = v.org_id AND f.field_id = v.field_id
            WHERE v.org_id = $1 AND v.asset_id = $2";
    let told = |at: i64, field: &str, before: Option<&str>, after: Option<&str>, who: Option<&str>| Changed {
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        who: who.map(str::to_owned),
        ..Changed::own(Timestamp::from_micros(at), field)
    };
    let of_asset = [org.into(), asset.into()];
    let mut changes = tx.query(CHANGES, &of_asset, |row| {
        Ok((row.int(0)?, told(row.int(1)?, row.text(2)?, row.opt_text(3)?, row.opt_text(4)?, row.opt_text(5)?)))
    })?;
    let here = tx.query(HERE, &of_asset, |row| {
        Ok(told(row.int(0)?, row.text(1)?, None, Some(row.text(2)?), Some(row.text(3)?)))
    })?;
    for first in here {
        if !changes.iter().any(|(_, change)| change.field == first.field && change.at >= first.at) {
            changes.push((0, first));
        }
    }
    Ok(changes)
}

/// Whether a column of history is meant: `agent_version` is asked for as `agent.version` too.
fn is_named(column: &str, asked: &str) -> bool {
    if column == asked.trim() {
        return true;
    }
    let folded = asked.trim().to_lowercase().replace(['.', '-'], "_");
    column == folded || column.strip_suffix('s') == Some(&folded)
}

/// The asset that has an id, or that took the place of the one that had it.
fn present(tx: &mut Tx, org: OrgId, asset: AssetId) -> Result<Option<AssetId>, StoreError> {
    const HERE: &str = "SELECT 1 FROM inventory_asset WHERE org_id = $1 AND asset_id = $2";
    const FORMER: &str = "SELECT now_asset_id FROM inventory_asset_former WHERE org_id = $1 AND asset_id = $2";
    /// Merges of merges that are followed.
    const STEPS_MAX: usize = 64;
    let mut asset = asset;
    for _ in 0..STEPS_MAX {
        if tx.query_opt(HERE, &[org.into(), asset.into()], |_| Ok(()))?.is_some() {
            return Ok(Some(asset));
        }
        let Some(next) = tx.query_opt(FORMER, &[org.into(), asset.into()], |row| row.int(0))? else { break };
        asset = AssetId(next);
    }
    Ok(None)
}

/// Which record said what.
fn name(tx: &mut Tx, org: OrgId, changes: &mut [Changed]) -> Result<(), StoreError> {
    const NAMES: &str = "SELECT r.record_id, r.stream, r.native_id, m.name FROM inventory_source_record r
        LEFT JOIN inventory_machine m ON m.org_id = r.org_id AND m.record_id = r.record_id
        WHERE r.org_id = $1 AND r.record_id IN KEYS";
    let records: BTreeSet<i64> = changes.iter().map(|change| change.record.0).collect();
    let records: Vec<i64> = records.into_iter().collect();
    let names = tx.select_in(NAMES, &[org.into()], Keys::Ints(&records), |row| {
        let called = row.opt_text(3)?.map(str::to_owned);
        Ok((row.int(0)?, (row.text(1)?.to_owned(), row.text(2)?.to_owned(), called)))
    })?;
    let names: rustc_hash::FxHashMap<i64, (String, String, Option<String>)> = names.into_iter().collect();
    for change in changes {
        if let Some((stream, native_id, called)) = names.get(&change.record.0) {
            (change.stream, change.native_id) = (stream.clone(), native_id.clone());
            change.called.clone_from(called);
        }
    }
    Ok(())
}

/// By which rule records moved, where no person decided it. What a move came to is in what undoes the next one of the
/// record, or in the record's link of today.
fn explain(tx: &mut Tx, org: OrgId, ids: &[i64], changes: &mut [Changed]) -> Result<(), StoreError> {
    const LINKS: &str = "SELECT record_id, rule, evidence, linked_by FROM inventory_link
        WHERE org_id = $1 AND record_id IN KEYS";
    const UNDO: &str = "SELECT record_id, change_id, undo FROM inventory_change
        WHERE org_id = $1 AND field IN ('asset', '') AND undo IS NOT NULL AND record_id IN KEYS";
    let is_open = |change: &Changed| {
        [ASSET, FIRST_SEEN].contains(&change.field.as_str()) && change.after.is_some() && change.by.is_none()
    };
    let moved: BTreeSet<i64> = changes.iter().filter(|change| is_open(change)).map(|change| change.record.0).collect();
    let moved: Vec<i64> = moved.into_iter().collect();
    let by = |rule: &str, evidence: &str, who: &str| By {
        rule: rule.to_owned(),
        evidence: evidence.to_owned(),
        who: who.to_owned(),
        reason: String::new(),
    };
    let links = tx.select_in(LINKS, &[org.into()], Keys::Ints(&moved), |row| {
        Ok((row.int(0)?, by(row.text(1)?, row.text(2)?, row.text(3)?)))
    })?;
    let mut after: BTreeMap<(i64, i64), Option<By>> =
        links.into_iter().map(|(record, by)| ((record, i64::MAX), Some(by))).collect();
    let undone = tx.select_in(UNDO, &[org.into()], Keys::Ints(&moved), |row| {
        let undo: Json = serde_json::from_str(row.text(2)?).unwrap_or_default();
        let text = |link: &Json, at: usize| link.get(at).and_then(Json::as_str).unwrap_or_default().to_owned();
        // Its columns are the asset, the rule, the evidence, since when, and who linked it.
        let link = undo.get(change::LINKED);
        let was = link.map(|link| link.is_array().then(|| by(&text(link, 1), &text(link, 2), &text(link, 4))));
        Ok(was.map(|was| ((row.int(0).unwrap_or_default(), row.int(1).unwrap_or_default()), was)))
    })?;
    after.extend(undone.into_iter().flatten());
    for (change, id) in changes.iter_mut().zip(ids).filter(|(change, _)| is_open(change)) {
        let mut later = after.range((change.record.0, id + 1)..=(change.record.0, i64::MAX));
        change.by = later.next().and_then(|(_, by)| by.clone());
    }
    Ok(())
}

/// How long history is kept, and since when all of it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Days; `None` is for ever.
    pub days: Option<u32>,
    /// The earliest moment that can be asked about; `None` is the beginning.
    pub complete_since: Option<Timestamp>,
}

/// How long history is kept.
///
/// # Errors
/// The database fails.
pub fn kept(tx: &mut Tx, org: OrgId) -> Result<Kept, StoreError> {
    const READ: &str = "SELECT keep_days, complete_since FROM inventory_history WHERE org_id = $1";
    let kept = tx.query_opt(READ, &[org.into()], |row| {
        let days = row.opt_int(0)?.and_then(|days| u32::try_from(days).ok());
        Ok(Kept { days, complete_since: row.opt_int(1)?.map(Timestamp::from_micros) })
    })?;
    Ok(kept.unwrap_or_default())
}

/// Sets how many days history is kept; `None` is for ever. [`forget`] acts on it.
///
/// # Errors
/// The database fails.
pub fn keep(tx: &mut Tx, org: OrgId, days: Option<u32>) -> Result<(), StoreError> {
    const SET: &str = "INSERT INTO inventory_history (org_id, keep_days) VALUES ($1, $2)
        ON CONFLICT (org_id) DO UPDATE SET keep_days = EXCLUDED.keep_days";
    tx.execute(SET, &[org.into(), days.map(i64::from).into()])?;
    Ok(())
}

/// Deletes history that is older than is kept, [`FORGOTTEN_AT_ONCE`] rows at most, and answers how many it deleted: call it
/// again until it answers 0.
///
/// # Errors
/// The database fails.
pub fn forget(tx: &mut Tx, org: OrgId, now: Timestamp) -> Result<u64, StoreError> {
    const OLD: &str = "SELECT change_id, at FROM inventory_change WHERE org_id = $1 AND at < $2 ORDER BY at LIMIT $3";
    const SINCE: &str = "UPDATE inventory_history SET complete_since = $2
        WHERE org_id = $1 AND COALESCE(complete_since, 0) < $2";
    let Some(days) = kept(tx, org)?.days else { return Ok(0) };
    let until = now.plus_seconds(-i64::from(days) * 86_400);
    let old =
        tx.query(OLD, &[org.into(), until.into(), FORGOTTEN_AT_ONCE.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
    let Some((_, latest)) = old.last().copied() else { return Ok(0) };
    let keys: Vec<Value> = old.iter().flat_map(|(id, _)| [org.into(), (*id).into()]).collect();
    tx.execute(SINCE, &[org.into(), latest.into()])?;
    tx.delete_many("inventory_change", &[("org_id", Kind::Int), ("change_id", Kind::Int)], &keys)
}
