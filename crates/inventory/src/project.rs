//! Assets as projections: rows of assets made of what their records say together, by survivorship.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::OnceLock;

use kernel::{AssetId, IntegrationId, OrgId, RecordId, Timestamp, Value};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, StoreError, Tx};

use crate::change::{Subject, UNDOABLE};
use crate::machine::{AgentState, Grade};
use crate::memory::Head;
use crate::noun::ip_from_bytes;
use crate::out::{Column, Is};
use crate::projection::{MACHINE_OWN, Projection};
use crate::survive::{Asset, FRESH_DAYS, Machine, Rule, Words, survive, why};

/// So many assets are held in memory at once.
const ASSETS_AT_ONCE: usize = 1_000;

/// The state of an asset without agent that was seen of late.
pub const SEEN: &str = "seen";
/// The state of an asset without agent that was not.
pub const STALE: &str = "stale";

/// What may have changed of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Only what volatile fields feed.
    Volatile,
    /// Anything, or the records themselves.
    Anything,
}

pub(crate) fn words(head: &mut Head) -> Words {
    Words { seen: head.term("agent_state", SEEN), stale: head.term("agent_state", STALE) }
}

/// Makes assets anew of the records that are linked to them, and writes down what that changed of them and by which
/// record. An asset without a row gets one; an asset without records loses its row.
///
/// # Errors
/// The database fails.
pub(crate) fn assets(
    tx: &mut Tx,
    org: OrgId,
    now: Timestamp,
    head: &mut Head,
    assets: &[i64],
    moved: Moved,
) -> Result<(), StoreError> {
    let mut assets = assets.to_vec();
    assets.sort_unstable();
    assets.dedup();
    let words = words(head);
    for some in assets.chunks(ASSETS_AT_ONCE) {
        project(tx, org, now, head, some, moved, words)?;
    }
    Ok(())
}

const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("asset_id", Kind::Int)];
const RECORD_KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("record_id", Kind::Int)];

/// What projection sets of an asset that has a row.
fn set_columns() -> &'static [(&'static str, Kind)] {
    static COLUMNS: OnceLock<Vec<(&str, Kind)>> = OnceLock::new();
    COLUMNS.get_or_init(|| {
        let own = Projection::Asset.columns().iter().map(|column| (column.name, column.kind));
        [("site_id", Kind::Int), ("updated_at", Kind::Int)].into_iter().chain(own).collect()
    })
}

fn project(
    tx: &mut Tx,
    org: OrgId,
    now: Timestamp,
    head: &mut Head,
    assets: &[i64],
    moved: Moved,
    words: Words,
) -> Result<(), StoreError> {
    let columns = Projection::Asset.columns();
    let mut machines = machines_of(tx, org, assets)?;
    let stored = stored(tx, org, assets)?;
    let counts = match moved {
        Moved::Volatile => FxHashMap::default(),
        Moved::Anything => Counts::read(tx, org, &machines)?,
    };
    let (mut created, mut updated, mut emptied) = (Vec::new(), Vec::new(), Vec::new());
    let (mut changes, mut superseded) = (Vec::new(), Vec::new());
    let mut names = FxHashMap::default();
    for asset in assets {
        let before = stored.get(asset);
        let Some(machines) = machines.get_mut(asset) else {
            if let Some(before) = before {
                emptied.extend([Value::from(org), (*asset).into()]);
                last(org, now, head, *asset, before, &mut changes);
            }
            continue;
        };
        let mut after = survive(machines, words, now);
        set_counts(&mut after.values, columns, counts.get(asset), before);
        for (machine, is) in machines.iter().zip(&after.superseded) {
            if machine.superseded != *is {
                superseded.extend([Value::from(org), machine.record.into(), (*is).into()]);
            }
        }
        let Some(before) = before else {
            created.extend([Value::from(org), (*asset).into(), after.site.into(), now.into(), now.into()]);
            created.append(&mut after.values);
            continue;
        };
        if before.values == after.values && before.site == after.site {
            continue;
        }
        let changed = tell(org, now, head, *asset, machines, &before.values, &after, &mut changes);
        if before.site != after.site {
            if names.is_empty() {
                names = site_names(tx, org)?;
            }
            tell_site(org, now, head, *asset, machines, (before.site, after.site), &names, &mut changes);
        }
        let updated_at = if changed || before.site != after.site { now } else { before.updated_at };
        updated.extend([Value::from(org), (*asset).into(), after.site.into(), updated_at.into()]);
        updated.append(&mut after.values);
    }
    tx.insert_many(Projection::Asset.table(), Projection::Asset.insert_columns(), &created, "")?;
    tx.update_many(Projection::Asset.table(), KEY, set_columns(), &updated)?;
    tx.delete_many(Projection::Asset.table(), KEY, &emptied)?;
    tx.update_many(Projection::Machine.table(), RECORD_KEY, &[("superseded", Kind::Int)], &superseded)?;
    tx.insert_many("inventory_change", UNDOABLE, &changes, "")?;
    Ok(())
}

/// Writes down which columns differ, each with the record that its value is from; answers whether any does that has
/// history or follows from what has.
#[expect(clippy::too_many_arguments, reason = "it is one step of a loop, named")]
fn tell(
    org: OrgId,
    now: Timestamp,
    head: &mut Head,
    asset: i64,
    machines: &[Machine],
    before: &[Value],
    after: &Asset,
    changes: &mut Vec<Value<'static>>,
) -> bool {
    let columns = Projection::Asset.columns();
    // By the record that the new value is from.
    let mut differ: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, column) in columns.iter().enumerate() {
        if before[at] != after.values[at] && !column.volatile {
            differ.entry(after.winners[at].0.unwrap_or(after.lead)).or_default().push(at);
        }
    }
    for (winner, places) in &differ {
        let winner = &machines[*winner];
        let subject = Subject {
            org: org.0,
            at: now,
            inventory: Projection::Asset.inventory(),
            asset: Some(asset),
            record: winner.record,
            integration: winner.integration,
        };
        let of = |values: &[Value]| -> Vec<Value<'static>> {
            places.iter().map(|at| values[*at].clone().into_owned()).collect()
        };
        let columns: Vec<Column> = places.iter().map(|at| columns[*at]).collect();
        subject.compare(head, &columns, &of(before), &of(&after.values), changes);
    }
    !differ.is_empty()
}

fn site_names(tx: &mut Tx, org: OrgId) -> Result<FxHashMap<i64, String>, StoreError> {
    const READ: &str = "SELECT site_id, name FROM inventory_site WHERE org_id = $1";
    let names = tx.query(READ, &[org.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
    Ok(names.into_iter().collect())
}

/// Writes down that an asset lives in another site, as the record has it that lives there.
#[expect(clippy::too_many_arguments, reason = "it is one step of a loop, named")]
fn tell_site(
    org: OrgId,
    now: Timestamp,
    head: &mut Head,
    asset: i64,
    machines: &[Machine],
    (before, after): (i64, i64),
    names: &FxHashMap<i64, String>,
    changes: &mut Vec<Value<'static>>,
) {
    let Some(machine) = machines.iter().find(|machine| machine.site == after) else { return };
    let subject = Subject {
        org: org.0,
        at: now,
        inventory: Projection::Asset.inventory(),
        asset: Some(asset),
        record: machine.record,
        integration: machine.integration,
    };
    subject.moved_site(head, (before, names.get(&before).cloned()), names.get(&after).cloned(), changes);
}

/// Keeps the row of an asset that has no records any more, for questions about the time when it had.
fn last(org: OrgId, now: Timestamp, head: &mut Head, asset: i64, row: &Stored, changes: &mut Vec<Value<'static>>) {
    let place = Projection::Asset.columns().iter().position(|column| column.name == "lead_record_id");
    let record = match place.map(|at| &row.values[at]) {
        Some(Value::Int(record)) => *record,
        _ => 0,
    };
    let subject = Subject {
        org: org.0,
        at: now,
        inventory: Projection::Asset.inventory(),
        asset: Some(asset),
        record,
        integration: 0,
    };
    let standing = [org.into(), asset.into(), row.site.into(), row.created_at.into(), row.updated_at.into()];
    let values: Vec<Value> = standing.into_iter().chain(row.values.iter().cloned()).collect();
    subject.emptied(head, Projection::Asset.insert_columns(), &values, changes);
}

/// An asset's row as it is.
struct Stored {
    site: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    values: Vec<Value<'static>>,
}

fn stored(tx: &mut Tx, org: OrgId, assets: &[i64]) -> Result<FxHashMap<i64, Stored>, StoreError> {
    static SQL: OnceLock<String> = OnceLock::new();
    let columns = Projection::Asset.columns();
    let sql = SQL.get_or_init(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        format!(
            "SELECT asset_id, site_id, created_at, updated_at, {} FROM inventory_asset WHERE org_id = $1 AND asset_id IN KEYS",
            names.join(", ")
        )
    });
    let rows = tx.select_in(sql, &[org.into()], Keys::Ints(assets), |row| {
        let values =
            (4..columns.len() + 4).map(|at| Ok(row.value(at)?.into_owned())).collect::<Result<_, StoreError>>()?;
        let time = |at: usize| row.int(at).map(Timestamp::from_micros);
        Ok((row.int(0)?, Stored { site: row.int(1)?, created_at: time(2)?, updated_at: time(3)?, values }))
    })?;
    Ok(rows.into_iter().collect())
}

/// The machines behind assets, in the order of their records.
fn machines_of(tx: &mut Tx, org: OrgId, assets: &[i64]) -> Result<FxHashMap<i64, Vec<Machine>>, StoreError> {
    const LINKS: &str = "SELECT record_id, asset_id FROM inventory_link WHERE org_id = $1 AND asset_id IN KEYS";
    let links = tx.select_in(LINKS, &[org.into()], Keys::Ints(assets), |row| Ok((row.int(0)?, row.int(1)?)))?;
    let asset_of: FxHashMap<i64, i64> = links.iter().copied().collect();
    let records: Vec<i64> = links.into_iter().map(|(record, _)| record).collect();
    let mut by_asset: FxHashMap<i64, Vec<Machine>> = FxHashMap::default();
    for machine in machines(tx, org, &records)? {
        if let Some(asset) = asset_of.get(&machine.record) {
            by_asset.entry(*asset).or_default().push(machine);
        }
    }
    for machines in by_asset.values_mut() {
        machines.sort_unstable_by_key(|machine| machine.record);
    }
    Ok(by_asset)
}

/// What each of these records says of its machine, in no particular order.
///
/// # Errors
/// The database fails.
pub(crate) fn machines(tx: &mut Tx, org: OrgId, records: &[i64]) -> Result<Vec<Machine>, StoreError> {
    static SQL: OnceLock<String> = OnceLock::new();
    let columns = Projection::Machine.columns();
    let sql = SQL.get_or_init(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        format!(
            "SELECT record_id, integration_id, native_id, site_id, present, superseded, {}
             FROM inventory_machine WHERE org_id = $1 AND record_id IN KEYS",
            names.join(", ")
        )
    });
    tx.select_in(sql, &[org.into()], Keys::Ints(records), |row| {
        Ok(Machine {
            record: row.int(0)?,
            integration: row.int(1)?,
            native_id: row.text(2)?.to_owned(),
            site: row.int(3)?,
            present: row.int(4)? != 0,
            superseded: row.int(5)? != 0,
            values: (6..columns.len() + 6)
                .map(|at| Ok(row.value(at)?.into_owned()))
                .collect::<Result<_, StoreError>>()?,
        })
    })
}

/// What can only be counted over the child rows of all records.
#[derive(Default)]
struct Counts {
    addresses: BTreeSet<Vec<u8>>,
    macs: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl Counts {
    /// The counts of the assets that have several records. The others' are those of the record.
    fn read(
        tx: &mut Tx,
        org: OrgId,
        machines: &FxHashMap<i64, Vec<Machine>>,
    ) -> Result<FxHashMap<i64, Counts>, StoreError> {
        const ADDRESSES: &str = "SELECT record_id, ip FROM inventory_address WHERE org_id = $1 AND record_id IN KEYS";
        const MACS: &str = "SELECT record_id, mac FROM inventory_interface
            WHERE org_id = $1 AND mac IS NOT NULL AND record_id IN KEYS";
        const TAGS: &str = "SELECT record_id, key_folded FROM inventory_tag WHERE org_id = $1 AND record_id IN KEYS";
        let several = machines.iter().filter(|(_, machines)| machines.len() > 1);
        let asset_of: FxHashMap<i64, i64> =
            several.flat_map(|(asset, machines)| machines.iter().map(|machine| (machine.record, *asset))).collect();
        let records: Vec<i64> = asset_of.keys().copied().collect();
        let mut counts: FxHashMap<i64, Counts> = asset_of.values().map(|asset| (*asset, Counts::default())).collect();
        let keys = || Keys::Ints(&records);
        for (record, ip) in
            tx.select_in(ADDRESSES, &[org.into()], keys(), |row| Ok((row.int(0)?, row.bytes(1)?.to_vec())))?
        {
            counts.entry(asset_of[&record]).or_default().addresses.insert(ip);
        }
        for (record, mac) in
            tx.select_in(MACS, &[org.into()], keys(), |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?
        {
            counts.entry(asset_of[&record]).or_default().macs.insert(mac);
        }
        for (record, key) in
            tx.select_in(TAGS, &[org.into()], keys(), |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?
        {
            counts.entry(asset_of[&record]).or_default().tags.insert(key);
        }
        Ok(counts)
    }
}

/// Sets what was counted. What was not counted stays as it is stored, or as the only record has it.
fn set_counts(values: &mut [Value<'static>], columns: &[Column], counts: Option<&Counts>, before: Option<&Stored>) {
    for (at, column) in columns.iter().enumerate() {
        let count: fn(&Counts) -> usize = match column.name {
            "address_count" => |counts| counts.addresses.len(),
            "mac_count" => |counts| counts.macs.len(),
            "tag_count" => |counts| counts.tags.len(),
            _ => continue,
        };
        match (counts, before) {
            (Some(counts), _) => values[at] = Value::Int(count(counts) as i64),
            (None, Some(before)) if several(values, columns) => values[at] = before.values[at].clone(),
            (None, _) => {}
        }
    }
}

fn several(values: &[Value], columns: &[Column]) -> bool {
    let at = columns.iter().position(|column| column.name == "record_count");
    at.is_some_and(|at| values[at] != Value::Int(1))
}

/// Lets assets without agent grow stale that were not seen for [`FRESH_DAYS`]; answers how many.
///
/// # Errors
/// The database fails.
pub fn age(tx: &mut Tx, org: OrgId, now: Timestamp) -> Result<u64, StoreError> {
    // Both words are added together, so that where one is known the other is.
    const AGE: &str = "UPDATE inventory_asset SET active = CASE WHEN active IS NULL THEN NULL ELSE 0 END,
            lifecycle_term = (SELECT w.term_id FROM inventory_term w
                WHERE w.org_id = inventory_asset.org_id AND w.dictionary = 'agent_state' AND w.text = 'stale')
        WHERE org_id = $1 AND last_seen < $2 AND lifecycle_term = (SELECT w.term_id FROM inventory_term w
                WHERE w.org_id = $1 AND w.dictionary = 'agent_state' AND w.text = 'seen')";
    let since = now.micros().saturating_sub(FRESH_DAYS * 86_400_000_000);
    tx.execute(AGE, &[org.into(), since.into()])
}

/// An attribute of an asset, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Winner {
    /// The attribute, by its column's name: `os`, `agent_version`.
    pub attribute: &'static str,
    /// Its value as the language prints it.
    pub value: String,
    /// The record that says so.
    pub record: RecordId,
    /// That record's integration.
    pub integration: IntegrationId,
    /// Why this record and no other, as a sentence without subject: `a live agent goes before a scan`.
    pub why: String,
    /// What each record says of it, those that say nothing left out.
    pub said: Vec<(RecordId, String)>,
}

/// Where each attribute of an asset is from, in the order of its columns; attributes that nobody says are left out.
///
/// # Errors
/// The database fails.
pub fn winners(tx: &mut Tx, org: OrgId, asset: AssetId, now: Timestamp) -> Result<Vec<Winner>, StoreError> {
    const TERMS: &str = "SELECT term_id, text FROM inventory_term WHERE org_id = $1 AND term_id IN KEYS";
    let machines = machines_of(tx, org, &[asset.0])?.remove(&asset.0).unwrap_or_default();
    if machines.is_empty() {
        return Ok(Vec::new());
    }
    // Its own words are not among the attributes below, so no term needs to be known.
    let projected = survive(&machines, Words { seen: 0, stale: 0 }, now);
    let (columns, own) = (Projection::Asset.columns(), Projection::Machine.columns());
    let said = machines.iter().flat_map(|machine| own.iter().zip(&machine.values));
    let numbers: Vec<i64> = (columns.iter().zip(&projected.values).chain(said))
        .filter_map(|(column, value)| match (column.is, value) {
            (Is::Term(_), Value::Int(term)) => Some(*term),
            _ => None,
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let terms: FxHashMap<i64, String> = tx
        .select_in(TERMS, &[org.into()], Keys::Ints(&numbers), |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?
        .into_iter()
        .collect();
    let shown = columns.iter().enumerate().filter(|(at, column)| {
        let counted = projected.winners[*at].1 == Rule::Count;
        !counted && column.is != Is::Derived && projected.values[*at] != Value::Null
    });
    Ok(shown
        .map(|(at, column)| {
            let machine = &machines[projected.winners[at].0.unwrap_or(projected.lead)];
            let place = own.iter().position(|of| of.name == column.name);
            let said = machines.iter().filter_map(|machine| {
                let value = machine.values.get(place?).filter(|value| **value != Value::Null)?;
                Some((RecordId(machine.record), printed(column.is, value, &terms)))
            });
            Winner {
                said: said.collect(),
                attribute: column.name.strip_suffix("_term").unwrap_or(column.name),
                value: printed(column.is, &projected.values[at], &terms),
                record: RecordId(machine.record),
                integration: IntegrationId(machine.integration),
                why: why(&machines, at, &projected),
            }
        })
        .collect())
}

fn printed(is: Is, value: &Value, terms: &FxHashMap<i64, String>) -> String {
    match (is, value) {
        (Is::Term(_), Value::Int(term)) => terms.get(term).cloned().unwrap_or_default(),
        (Is::Flag, Value::Int(yes)) => (*yes != 0).to_string(),
        (Is::Time, Value::Int(micros)) => Timestamp::from_micros(*micros).to_string(),
        (_, Value::Int(number)) => number.to_string(),
        (_, Value::Real(number)) => number.to_string(),
        (_, Value::Text(text)) => text.to_string(),
        (_, Value::Bytes(bytes)) => ip_from_bytes(bytes).map(|ip| ip.to_string()).unwrap_or_default(),
        (_, Value::Null) => String::new(),
    }
}

/// What a record says of itself, for people who ask why it belongs to an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOf {
    /// The record.
    pub record: RecordId,
    /// Its integration.
    pub integration: IntegrationId,
    /// The source's own id of it.
    pub native_id: String,
    /// How the source knows what it says.
    pub grade: Grade,
    /// Who says it, as `source:` understands it.
    pub source: String,
    /// When its source last saw it.
    pub last_seen: Option<Timestamp>,
    /// Where it is in its life: its agent's state, `superseded`, `seen`, `stale`, `retired`.
    pub lifecycle: Option<String>,
    /// Whether it speaks for the asset.
    pub lead: bool,
}

/// The records of an asset, the one that speaks for it first.
///
/// # Errors
/// The database fails.
pub fn records_of(tx: &mut Tx, org: OrgId, asset: AssetId, now: Timestamp) -> Result<Vec<RecordOf>, StoreError> {
    const RECORDS: &str = "SELECT m.record_id, m.integration_id, m.native_id, m.grade, s.text, m.last_seen, w.text,
            m.superseded, m.present, a.lead_record_id
        FROM inventory_link l
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id
        JOIN inventory_asset a ON a.org_id = l.org_id AND a.asset_id = l.asset_id
        LEFT JOIN inventory_term s ON s.org_id = m.org_id AND s.term_id = m.source_term
        LEFT JOIN inventory_term w ON w.org_id = m.org_id AND w.term_id = m.agent_state_term
        WHERE l.org_id = $1 AND l.asset_id = $2 ORDER BY m.record_id";
    let old = now.micros().saturating_sub(FRESH_DAYS * 86_400_000_000);
    let mut records = tx.query(RECORDS, &[org.into(), asset.into()], |row| {
        let (grade, seen) = (Grade::from_code(row.int(3)?), row.opt_int(5)?);
        let said = row.opt_text(6)?.map(str::to_owned);
        let lifecycle = match (row.int(8)? != 0, row.int(7)? != 0) {
            (false, _) => Some(AgentState::Retired.as_str().to_owned()),
            (true, true) => Some(SUPERSEDED.to_owned()),
            (true, false) if grade == Grade::Agent => said,
            (true, false) => Some(if seen.is_some_and(|seen| seen < old) { STALE } else { SEEN }.to_owned()),
        };
        Ok(RecordOf {
            record: RecordId(row.int(0)?),
            integration: IntegrationId(row.int(1)?),
            native_id: row.text(2)?.to_owned(),
            grade,
            source: row.opt_text(4)?.unwrap_or_default().to_owned(),
            last_seen: seen.map(Timestamp::from_micros),
            lifecycle,
            lead: row.opt_int(9)? == Some(row.int(0)?),
        })
    })?;
    records.sort_by_key(|record| !record.lead);
    Ok(records)
}

/// The state of a record whose agent's place another agent of the same machine has taken.
pub const SUPERSEDED: &str = "superseded";

/// An address of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressOf {
    /// The address.
    pub ip: IpAddr,
    /// Whether it was measured, hence primary.
    pub measured: bool,
    /// When it was seen last, by those who say it in this way.
    pub observed_at: Option<Timestamp>,
    /// Whether that is so long ago ([`FRESH_DAYS`]) that somebody else may have it now.
    pub old: bool,
    /// Who says it.
    pub sources: Vec<String>,
}

/// The addresses of an asset, primary ones first, then by age. An address that was measured is not told again as reported.
///
/// # Errors
/// The database fails.
pub fn addresses_of(tx: &mut Tx, org: OrgId, asset: AssetId, now: Timestamp) -> Result<Vec<AddressOf>, StoreError> {
    const ADDRESSES: &str = "SELECT c.ip, c.is_primary, COALESCE(c.observed_at, m.last_seen), s.text
        FROM inventory_link l
        JOIN inventory_machine m ON m.org_id = l.org_id AND m.record_id = l.record_id
        JOIN inventory_address c ON c.org_id = l.org_id AND c.record_id = l.record_id
        LEFT JOIN inventory_term s ON s.org_id = m.org_id AND s.term_id = m.source_term
        WHERE l.org_id = $1 AND l.asset_id = $2 ORDER BY c.ip, c.is_primary DESC, m.record_id";
    let old = now.micros().saturating_sub(FRESH_DAYS * 86_400_000_000);
    let rows = tx.query(ADDRESSES, &[org.into(), asset.into()], |row| {
        let ip =
            ip_from_bytes(row.bytes(0)?).ok_or_else(|| StoreError::Content("an address has 16 bytes".to_owned()))?;
        Ok((ip, row.int(1)? != 0, row.opt_int(2)?, row.opt_text(3)?.unwrap_or_default().to_owned()))
    })?;
    let mut found: BTreeMap<IpAddr, AddressOf> = BTreeMap::new();
    for (ip, measured, at, source) in rows {
        let at = at.map(Timestamp::from_micros);
        let known =
            found.entry(ip).or_insert(AddressOf { ip, measured, observed_at: at, old: false, sources: Vec::new() });
        if known.measured == measured {
            known.observed_at = known.observed_at.max(at);
        }
        if !known.sources.contains(&source) {
            known.sources.push(source);
        }
    }
    let mut found: Vec<AddressOf> = found.into_values().collect();
    for address in &mut found {
        address.old = address.observed_at.is_some_and(|at| at.micros() < old);
    }
    found.sort_by_key(|address| (!address.measured, std::cmp::Reverse(address.observed_at), address.ip));
    Ok(found)
}

/// The columns of an asset that a machine has too, of a machine's values.
pub(crate) fn shared<'a>(values: &'a [Value<'static>]) -> &'a [Value<'static>] {
    &values[MACHINE_OWN..]
}
