//! What SQL cannot decide: terms over raw attributes, evaluated over the bodies in sort order, within bounds.

use std::collections::{HashMap, HashSet};

use kernel::RecordId;
use query::{Condition, Leaf, LeafKind, Problem, Residual, Severity, Span};
use store::{Keys, Row, StoreError};

use super::walk::{Place, Sort, Walked};
use super::{AskError, Asked};
use crate::catalogue::{RANGER_KIND, SENTINELONE, XDR_KIND};

/// Rows whose bodies are in memory at a time.
pub(super) const BATCH_ROWS: usize = 500;

/// Bodies that a page reads at most. What it found until then is the page, and the cursor goes on behind it: about a
/// second of work.
pub(crate) const PAGE_BODIES_MAX: usize = 20_000;

/// Bodies that a count reads at most; a count is exact or fails.
pub(crate) const COUNT_BODIES_MAX: usize = 500_000;

/// A row that SQL lets through, and what SQL says about it.
struct Candidate {
    place: Place,
    leaves: Vec<Leaf>,
}

/// As [`super::walk::walk`], for a condition with a residual.
pub(super) fn walk(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    after: Option<&Place>,
    limit: usize,
) -> Result<Walked, AskError> {
    let residual = residual_of(condition);
    let mut walked = Walked::default();
    let (mut last, mut read) = (None, 0);
    for (stretch, mut after) in sort.stretches(after) {
        loop {
            let candidates = candidates(asked, condition, sort, stretch, after.as_ref())?;
            let full = candidates.len() == BATCH_ROWS;
            let hits = holding(asked, residual, &candidates)?;
            for (candidate, hit) in candidates.into_iter().zip(hits) {
                if hit && walked.keys.len() == limit {
                    walked.next = last;
                    return Ok(walked);
                }
                if hit {
                    walked.keys.push(candidate.place.key);
                    last = Some(candidate.place.clone());
                }
                read += 1;
                after = Some(candidate.place);
            }
            if !full {
                break;
            }
            if read >= PAGE_BODIES_MAX {
                walked.next = after;
                walked.note = Some(note(format!(
                    "{read} raw records were read and the page is not full; the next page goes on from there. Another \
                     term over typed fields would leave fewer to read."
                )));
                return Ok(walked);
            }
        }
    }
    Ok(walked)
}

/// The exact number of rows that match a condition with a residual.
pub(super) fn count(asked: &mut Asked<'_, '_>, condition: &Condition) -> Result<u64, AskError> {
    let mut count = 0;
    each_batch(asked, condition, |_, keys| {
        count += keys.len() as u64;
        Ok(())
    })?;
    Ok(count)
}

/// Hands over the keys of all rows that match, batch by batch in the order of keys; for any condition.
pub(super) fn each_batch(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    mut take: impl FnMut(&mut Asked<'_, '_>, &[i64]) -> Result<(), AskError>,
) -> Result<(), AskError> {
    let sort = Sort::by_key(asked.inventory);
    let stretch = sort.only_stretch();
    let (mut after, mut read) = (None, 0);
    loop {
        let candidates = candidates(asked, condition, &sort, stretch, after.as_ref())?;
        let full = candidates.len() == BATCH_ROWS;
        read += candidates.len();
        if read > COUNT_BODIES_MAX {
            return Err(AskError::TooWide {
                message: format!(
                    "this would read more than {COUNT_BODIES_MAX} raw records; add a term over typed fields"
                ),
            });
        }
        after = candidates.last().map(|candidate| candidate.place.clone());
        let hits = match &condition.residual {
            Some(residual) => holding(asked, residual, &candidates)?,
            None => vec![true; candidates.len()],
        };
        let keys: Vec<i64> =
            candidates.iter().zip(hits).filter(|(_, hit)| *hit).map(|(candidate, _)| candidate.place.key).collect();
        take(asked, &keys)?;
        if !full {
            return Ok(());
        }
    }
}

/// Which of these rows match; for any condition.
pub(super) fn holds_for(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    keys: &[i64],
) -> Result<HashSet<i64>, AskError> {
    let mut found = HashSet::new();
    for batch in keys.chunks(BATCH_ROWS) {
        let listed: Vec<String> = batch.iter().map(i64::to_string).collect();
        let among = format!("t.{} IN ({})", asked.inventory.base.key, listed.join(", "));
        let only = Condition { sql: format!("{among} AND ({})", condition.sql), ..condition.clone() };
        each_batch(asked, &only, |_, keys| {
            found.extend(keys);
            Ok(())
        })?;
    }
    Ok(found)
}

fn residual_of(condition: &Condition) -> &Residual {
    condition.residual.as_ref().expect("only conditions with a residual are walked here")
}

/// The next batch of rows that SQL lets through.
fn candidates(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: super::walk::Stretch,
    after: Option<&Place>,
) -> Result<Vec<Candidate>, AskError> {
    let mut params = asked.params(condition);
    let key = asked.inventory.base.key;
    let place = sort.bound(stretch, after, key, &mut params);
    let columns = condition.residual.as_ref().map(|residual| residual.columns.as_slice()).unwrap_or_default();
    let leaves: String = columns.iter().map(|column| format!(", {}", column.sql)).collect();
    let sql = format!(
        "SELECT t.{key}, {value}{leaves} FROM {table} t WHERE t.org_id = $1 AND {place} AND ({condition}) \
         ORDER BY {order} LIMIT {BATCH_ROWS}",
        value = sort.value(stretch),
        table = asked.inventory.base.table,
        condition = condition.sql,
        order = sort.order(stretch, key),
    );
    let kinds: Vec<LeafKind> = columns.iter().map(|column| column.kind).collect();
    let read = |row: &Row<'_>| -> Result<Candidate, StoreError> {
        let leaf = |(at, kind): (usize, &LeafKind)| {
            Ok(match kind {
                LeafKind::Truth => Leaf::Truth(row.opt_int(at + 2)? == Some(1)),
                LeafKind::Text => Leaf::Text(row.opt_text(at + 2)?.map(str::to_owned)),
            })
        };
        let leaves: Result<Vec<Leaf>, StoreError> = kinds.iter().enumerate().map(leaf).collect();
        Ok(Candidate { place: super::walk::place(row)?, leaves: leaves? })
    };
    Ok(asked.tx.query(&sql, &params, read)?)
}

/// Which of the rows match, by what SQL says about them and by their bodies.
fn holding(asked: &mut Asked<'_, '_>, residual: &Residual, candidates: &[Candidate]) -> Result<Vec<bool>, AskError> {
    let keys: Vec<i64> = candidates.iter().map(|candidate| candidate.place.key).collect();
    let mut read = HashMap::new();
    for (source, kind) in &residual.bodies {
        read.insert((*source, *kind), bodies_of(asked, source, kind, &keys)?);
    }
    let holds = |candidate: &Candidate| {
        residual.holds(&candidate.leaves, &mut |source, kind| {
            let of_kind = read.get(&(source, kind));
            of_kind.and_then(|bodies| bodies.get(&candidate.place.key)).cloned().unwrap_or_default()
        })
    };
    Ok(candidates.iter().map(holds).collect())
}

/// The bodies of one (source, kind) that rows have, by the rows' keys.
pub(super) fn bodies_of(
    asked: &mut Asked<'_, '_>,
    source: &str,
    kind: &str,
    keys: &[i64],
) -> Result<HashMap<i64, Vec<serde_json::Value>>, AskError> {
    let has = asked.inventory.raw.iter().any(|raw| raw.source == source && raw.kind == kind);
    if !has || keys.is_empty() {
        return Ok(HashMap::new());
    }
    if asked.inventory.base.table == "signals_artifact" {
        let bodies = signals::bodies(asked.tx, asked.org, keys).map_err(crate::InventoryError::from)?;
        let read = |(key, body): (&i64, Option<Vec<u8>>)| Some((*key, vec![serde_json::from_slice(&body?).ok()?]));
        return Ok(keys.iter().zip(bodies).filter_map(read).collect());
    }
    // An asset's bodies are those of its linked records; every other row is its own record.
    let pairs: Vec<(i64, i64)> = match asked.inventory.base.table {
        "inventory_asset" => {
            let sql = "SELECT l.asset_id, l.record_id FROM inventory_link l \
                       JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id \
                       JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id \
                       JOIN inventory_term d ON d.org_id = m.org_id AND d.term_id = m.source_term \
                       WHERE l.org_id = $1 AND r.stream = $2 AND d.folded = $3 AND l.asset_id IN KEYS";
            let stream = match (source, kind) {
                (SENTINELONE, RANGER_KIND) => "ranger_devices",
                (SENTINELONE, XDR_KIND) => "xdr_assets",
                (SENTINELONE, _) => "agents",
                _ => "hosts",
            };
            let params = [asked.org.into(), stream.into(), source.into()];
            asked.tx.select_in(sql, &params, Keys::Ints(keys), |row| Ok((row.int(0)?, row.int(1)?)))?
        }
        // Two streams bring findings, each with bodies of its own kind.
        "inventory_finding" => {
            let sql = "SELECT r.record_id FROM inventory_source_record r \
                       WHERE r.org_id = $1 AND r.stream = $2 AND r.record_id IN KEYS";
            let stream = if kind == "alert" { "custom_alerts" } else { "threats" };
            let of_kind =
                asked.tx.select_in(sql, &[asked.org.into(), stream.into()], Keys::Ints(keys), |row| row.int(0))?;
            of_kind.into_iter().map(|record| (record, record)).collect()
        }
        _ => keys.iter().map(|key| (*key, *key)).collect(),
    };
    let records: Vec<RecordId> = pairs.iter().map(|(_, record)| RecordId(*record)).collect();
    let bodies = crate::bodies(asked.tx, asked.org, &records)?;
    let mut found: HashMap<i64, Vec<serde_json::Value>> = HashMap::new();
    for ((key, _), body) in pairs.into_iter().zip(bodies) {
        // A body was JSON when it was stored; one that is not any more has no attributes.
        if let Some(value) = body.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            found.entry(key).or_default().push(value);
        }
    }
    Ok(found)
}

fn note(message: String) -> Problem {
    Problem { severity: Severity::Warning, span: Span::default(), message, nearest: Vec::new() }
}
