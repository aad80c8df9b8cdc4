//! On which machine something is: rows that are many name their agent by the number of its record.
//!
//! It does not matter which arrived first. Something that is told about an agent that nobody has read yet gets the
//! number that the agent's record will have, and the record takes that number when it comes.

use kernel::{OrgId, Value};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, StoreError, Tx};

use crate::apply::Context;
use crate::memory::Head;

/// The column in which rows name their agent.
pub(crate) const COLUMN: &str = "agent_record_id";

/// The stream whose records are agents.
pub(crate) const AGENTS: &str = "agents";

const EXPECTED: &[(&str, Kind)] =
    &[("org_id", Kind::Int), ("integration_id", Kind::Int), ("native_id", Kind::Text), ("record_id", Kind::Int)];

/// Puts records where native ids of agents stand: those that are known, and expected ones for the others.
pub(crate) fn find<'a>(
    tx: &mut Tx,
    ctx: &Context,
    head: &mut Head,
    cells: impl Iterator<Item = &'a mut Value<'static>>,
) -> Result<(), StoreError> {
    const KNOWN: &str = "SELECT native_id, record_id FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 AND stream = 'agents' AND native_id IN KEYS";
    let cells: Vec<&mut Value<'static>> = cells.filter(|cell| matches!(cell, Value::Text(_))).collect();
    let mut wanted: Vec<String> = cells.iter().filter_map(|cell| text(cell)).map(str::to_owned).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(());
    }
    let of = [ctx.org.into(), ctx.integration.into()];
    let mut records: FxHashMap<String, i64> = FxHashMap::default();
    records.reserve(wanted.len());
    let keys: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let known = tx.select_in(KNOWN, &of, Keys::Texts(&keys), |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))?;
    records.extend(known);
    let unknown: Vec<&str> = keys.into_iter().filter(|id| !records.contains_key(*id)).collect();
    if !unknown.is_empty() {
        let expected = expected(tx, ctx, &unknown)?;
        let mut rows = Vec::new();
        for id in unknown {
            let record = expected.get(id).copied().unwrap_or_else(|| {
                let record = head.next_id();
                rows.extend([ctx.org.into(), ctx.integration.into(), id.to_owned().into(), record.into()]);
                record
            });
            records.insert(id.to_owned(), record);
        }
        tx.insert_many("inventory_expected", EXPECTED, &rows, "")?;
    }
    for cell in cells {
        let record = text(cell).and_then(|id| records.get(id)).copied();
        *cell = record.into();
    }
    Ok(())
}

/// The records that agents with these native ids will have, of those that something was told about before.
fn expected(tx: &mut Tx, ctx: &Context, ids: &[&str]) -> Result<FxHashMap<String, i64>, StoreError> {
    const READ: &str = "SELECT native_id, record_id FROM inventory_expected
        WHERE org_id = $1 AND integration_id = $2 AND native_id IN KEYS";
    let of = [ctx.org.into(), ctx.integration.into()];
    let rows = tx.select_in(READ, &of, Keys::Texts(ids), |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// The records that these new agents have to take; they are expected no longer. Empty for any other stream.
pub(crate) fn arrived(tx: &mut Tx, ctx: &Context, ids: &[&str]) -> Result<FxHashMap<String, i64>, StoreError> {
    if ctx.stream != AGENTS || ids.is_empty() || !any(tx, ctx.org)? {
        return Ok(FxHashMap::default());
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let arrived = expected(tx, ctx, &sorted)?;
    let rows: Vec<Value> =
        arrived.keys().flat_map(|id| [ctx.org.into(), ctx.integration.into(), Value::from(id.clone())]).collect();
    tx.delete_many("inventory_expected", &EXPECTED[..3], &rows)?;
    Ok(arrived)
}

/// Whether anything is expected at all: usually nothing is, and then an agent costs nothing more.
fn any(tx: &mut Tx, org: OrgId) -> Result<bool, StoreError> {
    const ANY: &str = "SELECT 1 FROM inventory_expected WHERE org_id = $1 LIMIT 1";
    Ok(tx.query_opt(ANY, &[org.into()], |_| Ok(()))?.is_some())
}

fn text<'a>(cell: &'a Value<'static>) -> Option<&'a str> {
    if let Value::Text(text) = cell { Some(text) } else { None }
}
