//! Retirement: records that a source no longer has. Decided by the caller; noted, projected and undone here.

use kernel::{IntegrationId, OrgId, RecordId, Timestamp, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Keys, Kind, StoreError, Tx};

use crate::apply::{Context, InventoryError};
use crate::body::bodies;
use crate::change::{Subject, UNDOABLE};
use crate::machine::AgentState;
use crate::memory::Head;
use crate::project::{self, Moved};
use crate::projection::Projection;

/// A record that is stored and was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The record.
    pub record: RecordId,
    /// The source's own id of it.
    pub native_id: String,
    /// Since when it is missing, if it was missing before.
    pub since: Option<Timestamp>,
}

/// What a stream has, compared with what a sweep saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Records that are not retired, the missing ones among them.
    pub known: u64,
    /// Those of them that were not seen.
    pub missing: Vec<Missing>,
    /// Those that were missing before and have been seen now.
    pub back: Vec<RecordId>,
}

/// Compares the records of a stream with what `saw` answers for each.
///
/// # Errors
/// The database fails.
pub fn census(
    tx: &mut Tx,
    org: OrgId,
    integration: IntegrationId,
    stream: &str,
    saw: &dyn Fn(RecordId) -> bool,
) -> Result<Census, StoreError> {
    const KNOWN: &str = "SELECT record_id, native_id, missing_since FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND state <> 'retired'";
    let mut census = Census::default();
    tx.scan(KNOWN, &[org.into(), integration.into(), stream.into()], |row| {
        let record = RecordId(row.int(0)?);
        let since = row.opt_int(2)?.map(Timestamp::from_micros);
        census.known += 1;
        match (saw(record), since) {
            (true, None) => {}
            (true, Some(_)) => census.back.push(record),
            (false, since) => census.missing.push(Missing { record, native_id: row.text(1)?.to_owned(), since }),
        }
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    census.missing.sort_unstable_by_key(|missing| missing.record);
    Ok(census)
}

const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("record_id", Kind::Int)];

/// Notes since when records are missing; `None` that they are there again.
///
/// # Errors
/// The database fails.
pub fn miss(tx: &mut Tx, org: OrgId, records: &[RecordId], since: Option<Timestamp>) -> Result<(), StoreError> {
    const SET: &[(&str, Kind)] = &[("state", Kind::Text), ("missing_since", Kind::Int)];
    let state = if since.is_some() { "missing" } else { "present" };
    let rows: Vec<Value> =
        records.iter().flat_map(|record| [org.into(), (*record).into(), state.into(), since.into()]).collect();
    tx.update_many("inventory_source_record", KEY, SET, &rows)?;
    Ok(())
}

/// The records that stand behind native ids; those that are not known are left out.
///
/// # Errors
/// The database fails.
pub fn records(tx: &mut Tx, ctx: &Context, native_ids: &[&str]) -> Result<Vec<RecordId>, StoreError> {
    const BY_ID: &str = "SELECT record_id FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND native_id IN KEYS";
    let stream = [ctx.org.into(), ctx.integration.into(), ctx.stream.into()];
    tx.select_in(BY_ID, &stream, Keys::Texts(native_ids), |row| Ok(RecordId(row.int(0)?)))
}

/// Which of these native ids belong to records that are not retired.
///
/// # Errors
/// The database fails.
pub fn present(tx: &mut Tx, ctx: &Context, native_ids: &[&str]) -> Result<FxHashSet<String>, StoreError> {
    const BY_ID: &str = "SELECT native_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2
        AND stream = $3 AND state <> 'retired' AND native_id IN KEYS";
    let stream = [ctx.org.into(), ctx.integration.into(), ctx.stream.into()];
    Ok(tx.select_in(BY_ID, &stream, Keys::Texts(native_ids), |row| Ok(row.text(0)?.to_owned()))?.into_iter().collect())
}

/// When each of these records last changed its meaning; those that are not known are left out.
///
/// # Errors
/// The database fails.
pub fn known(tx: &mut Tx, ctx: &Context, native_ids: &[&str]) -> Result<FxHashMap<String, Timestamp>, StoreError> {
    const BY_ID: &str = "SELECT native_id, changed_at FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND native_id IN KEYS";
    let stream = [ctx.org.into(), ctx.integration.into(), ctx.stream.into()];
    let known = tx.select_in(BY_ID, &stream, Keys::Texts(native_ids), |row| {
        Ok((row.text(0)?.to_owned(), Timestamp::from_micros(row.int(1)?)))
    })?;
    Ok(known.into_iter().collect())
}

/// A record that was retired just now, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The record.
    pub record: RecordId,
    /// The source's own id of it.
    pub native_id: String,
    /// Its version: the retirement counts as one.
    pub version: i64,
    /// Hash of its last meaning.
    pub meaning_hash: [u8; 32],
    /// When the source last said that it changed it.
    pub updated_at: Option<Timestamp>,
    /// What it last said; nothing for an immutable stream.
    pub body: Option<Vec<u8>>,
}

/// Retires records in the caller's transaction; those that are retired already, or not known, are left out.
///
/// The record stays, with its body, projections, links and history: state `retired`, a row of history
/// (`removed`: false, then true), and of an agent also its state. The caller logs each as a deletion. Seen again by
/// [`crate::apply()`], it is present again.
///
/// # Errors
/// The database fails, or a body cannot be read back; the caller must then roll back.
pub fn retire(tx: &mut Tx, ctx: &Context, records: &[RecordId]) -> Result<Vec<Retired>, InventoryError> {
    const READ: &str = "SELECT record_id, native_id, version, meaning_hash, source_updated_at
        FROM inventory_source_record WHERE org_id = $1 AND state <> 'retired' AND record_id IN KEYS";
    const SET: &[(&str, Kind)] = &[
        ("state", Kind::Text),
        ("missing_since", Kind::Int),
        ("retired_at", Kind::Int),
        ("version", Kind::Int),
        ("changed_at", Kind::Int),
    ];
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut head = Head::lock(tx, ctx.org, ctx.memory)?;
    let mut retired = tx.select_in(READ, &[ctx.org.into()], Keys::Ints(&keys), |row| {
        let meaning_hash = <[u8; 32]>::try_from(row.bytes(3)?);
        Ok(Retired {
            record: RecordId(row.int(0)?),
            native_id: row.text(1)?.to_owned(),
            version: row.int(2)? + 1,
            meaning_hash: meaning_hash.map_err(|_| StoreError::Content("column 3 is no digest".to_owned()))?,
            updated_at: row.opt_int(4)?.map(Timestamp::from_micros),
            body: None,
        })
    })?;
    retired.sort_unstable_by_key(|one| one.record);
    let ids: Vec<RecordId> = retired.iter().map(|one| one.record).collect();
    if !ctx.immutable {
        for (one, body) in retired.iter_mut().zip(bodies(tx, ctx.org, &ids)?) {
            one.body = body;
        }
    }
    let rows: Vec<Value> = retired
        .iter()
        .flat_map(|one| {
            [
                ctx.org.into(),
                one.record.into(),
                "retired".into(),
                Value::Null,
                ctx.now.into(),
                one.version.into(),
                ctx.now.into(),
            ]
        })
        .collect();
    tx.update_many("inventory_source_record", KEY, SET, &rows)?;
    let mut changes = Vec::new();
    removed(tx, ctx, &mut head, &ids, true, &mut changes)?;
    tx.insert_many("inventory_change", UNDOABLE, &changes, "")?;
    head.finish(tx, ctx.memory)?;
    Ok(retired)
}

/// Writes into history that records are gone, or are back. Of an asset that is said when its last record goes, and when
/// the first one is back; machines and assets follow.
pub(crate) fn removed(
    tx: &mut Tx,
    ctx: &Context,
    head: &mut Head,
    records: &[RecordId],
    gone: bool,
    changes: &mut Vec<Value<'static>>,
) -> Result<(), StoreError> {
    const LINKS: &str = "SELECT l.record_id, l.asset_id, a.gone FROM inventory_link l
        JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id
        WHERE l.org_id = $1 AND l.record_id IN KEYS";
    const PRESENT: &str = "SELECT l.asset_id FROM inventory_link l
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id
        WHERE l.org_id = $1 AND m.present = 1 AND l.asset_id IN KEYS";
    if records.is_empty() {
        return Ok(());
    }
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let subject = |record: i64, asset: Option<i64>, projection: Projection| Subject {
        org: ctx.org.0,
        at: ctx.now,
        inventory: projection.inventory(),
        asset,
        record,
        integration: ctx.integration.0,
    };
    if gone {
        leave(tx, ctx, head, &keys)?;
    }
    let mut links = tx.select_in(LINKS, &[ctx.org.into()], Keys::Ints(&keys), |row| {
        Ok((row.int(0)?, row.int(1)?, row.int(2)? != 0))
    })?;
    links.sort_unstable();
    let mut assets: Vec<i64> = links.iter().map(|(_, asset, _)| *asset).collect();
    assets.sort_unstable();
    assets.dedup();
    let present: FxHashSet<i64> =
        tx.select_in(PRESENT, &[ctx.org.into()], Keys::Ints(&assets), |row| row.int(0))?.into_iter().collect();
    let mut told = FxHashSet::default();
    for (record, asset, was_gone) in &links {
        let is_gone = !present.contains(asset);
        if is_gone == gone && *was_gone != gone && told.insert(*asset) {
            subject(*record, Some(*asset), Projection::Asset).removed(head, gone, changes);
        }
    }
    if gone {
        project::assets(tx, ctx.org, ctx.now, head, &assets, Moved::Anything)?;
    }
    let linked: FxHashSet<i64> = links.iter().map(|(record, _, _)| *record).collect();
    let others: Vec<i64> = keys.into_iter().filter(|record| !linked.contains(record)).collect();
    for projection in Projection::ALL {
        if matches!(projection, Projection::Machine | Projection::Asset) {
            continue;
        }
        let sql = format!("SELECT record_id FROM {} WHERE org_id = $1 AND record_id IN KEYS", projection.table());
        let mut here = tx.select_in(&sql, &[ctx.org.into()], Keys::Ints(&others), |row| row.int(0))?;
        here.sort_unstable();
        if projection.is_narrow() {
            let rows: Vec<Value> =
                here.iter().flat_map(|record| [ctx.org.into(), (*record).into(), gone.into()]).collect();
            tx.update_many(projection.table(), KEY, &[("gone", Kind::Int)], &rows)?;
        }
        for record in here {
            subject(record, None, projection).removed(head, gone, changes);
        }
    }
    Ok(())
}

/// Lets the machines among these records be what they are once their source does not have them: retired, and guarded by
/// nobody.
pub(crate) fn leave(tx: &mut Tx, ctx: &Context, head: &mut Head, records: &[i64]) -> Result<(), StoreError> {
    const GUARDED: &str = "SELECT record_id, edr_live FROM inventory_machine WHERE org_id = $1 AND record_id IN KEYS";
    const SET: &[(&str, Kind)] = &[
        ("present", Kind::Int),
        ("settled", Kind::Int),
        ("agent_state_term", Kind::Int),
        ("active", Kind::Int),
        ("edr_term", Kind::Int),
        ("edr_live", Kind::Int),
    ];
    let retired = head.term("agent_state", AgentState::Retired.as_str());
    let machines =
        tx.select_in(GUARDED, &[ctx.org.into()], Keys::Ints(records), |row| Ok((row.int(0)?, row.opt_int(1)?)))?;
    let rows: Vec<Value> = machines
        .into_iter()
        .flat_map(|(record, live)| {
            let live = live.map(|_| false);
            let no = Value::from(false);
            [ctx.org.into(), record.into(), no.clone(), no.clone(), retired.into(), no, Value::Null, live.into()]
        })
        .collect();
    tx.update_many(Projection::Machine.table(), KEY, SET, &rows)?;
    Ok(())
}
