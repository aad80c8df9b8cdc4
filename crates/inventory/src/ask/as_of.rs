//! As of a moment: a question is asked of the rows as they were.
//!
//! What changed since is undone in temporary tables that cover the stored ones for one transaction, the question is asked,
//! and the transaction is given up: whatever the language can say of the present it says of the past, on both databases.
//! Nothing is written, so writers and askers do not wait for each other. How much may be undone is bounded.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{AssetId, OrgId, Timestamp, Value};
use query::{Column, Inventory, Problem, Severity, Span};
use serde_json::Value as Json;
use store::{Kind, Store, StoreError, Tx};

use super::{Answer, Ask, AskError, ask_at, find_inventory};
use crate::change::{LINKED, OWNED, VALUED, WHOLE, value};
use crate::correlate::settle::LINK;
use crate::field;
use crate::out::{Child, Is};
use crate::owner::OWNER;
use crate::projection::Projection;

/// How many rows of history are undone for one question.
pub const UNDONE_MAX: i64 = 200_000;

/// Inventories of what happens once: what they had at a moment is what happened before it.
const HAPPEN_ONCE: [&str; 3] = ["activities", "activity_types", "artifacts"];

/// Answers a question as it would have been answered at a moment in the past: counts, lists and groups alike. Ages are
/// counted from then. What keeps no history (`last_seen`) is left out of the columns, and cannot be asked for.
///
/// Nothing is written, and no lock is taken: it works beside a writer.
///
/// # Errors
/// As [`super::ask`]; the moment is in the future, or history does not reach back to it, or too much changed since.
pub async fn ask_as_of(store: &Store, org: OrgId, ask: &Ask, at: Timestamp) -> Result<Answer, AskError> {
    let ask = ask.clone();
    store.suppose(move |tx| as_of(tx, org, &ask, at)).await
}

fn as_of(tx: &mut Tx<'_>, org: OrgId, ask: &Ask, at: Timestamp) -> Result<Answer, AskError> {
    let inventory = find_inventory(&ask.inventory)?;
    if at > ask.now {
        return Err(refused(format!("{at} is in the future"), None));
    }
    if HAPPEN_ONCE.contains(&inventory.name) {
        let message = format!("{} are of one moment each, and are never different later", inventory.name);
        return Err(refused(message, Some("ask for those before a moment: created_at:<2026-11-01".to_owned())));
    }
    if !has_past(inventory) {
        return Err(refused(format!("{} keep no history", inventory.name), None));
    }
    let (ask, left_out) = with_a_past(inventory, ask, at)?;
    let first = first_reading(tx, org)?;
    rewind(tx, org, at)?;
    let mut answer = ask_at(tx, org, &ask, Some(at))?;
    // What a source said that was removed since is history too, so that the rows of then decide.
    if let Some(first) = first.filter(|first| at < *first)
        && is_empty(tx, org, inventory)?
    {
        answer.warnings.push(Problem {
            severity: Severity::Warning,
            span: Span::default(),
            message: format!("nothing had been read by then: the first reading was at {first}."),
            nearest: Vec::new(),
        });
    }
    if !left_out.is_empty() {
        answer.warnings.push(Problem {
            severity: Severity::Warning,
            span: Span::default(),
            message: format!("without history, so not shown as of then: {}.", left_out.join(", ")),
            nearest: Vec::new(),
        });
    }
    Ok(answer)
}

/// When the first record was read that is known, to the second; nothing if none is.
///
/// # Errors
/// The database fails.
pub fn first_reading(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Timestamp>, StoreError> {
    const FIRST: &str =
        "SELECT first_seen_at FROM inventory_source_record WHERE org_id = $1 ORDER BY record_id LIMIT 1";
    let first = tx.query_opt(FIRST, &[org.into()], |row| row.int(0))?;
    Ok(first.map(|micros| Timestamp::from_seconds(micros.div_euclid(1_000_000))))
}

/// Whether an inventory has no rows.
fn is_empty(tx: &mut Tx<'_>, org: OrgId, inventory: &Inventory) -> Result<bool, StoreError> {
    let any = format!("SELECT org_id FROM {} WHERE org_id = $1 LIMIT 1", inventory.base.table);
    Ok(tx.query_opt(&any, &[org.into()], |row| row.int(0))?.is_none())
}

/// Whether history knows what the rows of an inventory were.
fn has_past(inventory: &Inventory) -> bool {
    let children = Child::ALL.map(|child| child.table().table);
    Projection::ALL.map(Projection::table).into_iter().chain(children).any(|table| table == inventory.base.table)
}

fn refused(message: String, help: Option<String>) -> AskError {
    AskError::Argument { argument: "--as-of", message, help }
}

/// The question with columns and an order that have a past; and the inventory's own columns that have none.
fn with_a_past(inventory: &'static Inventory, ask: &Ask, at: Timestamp) -> Result<(Ask, Vec<&'static str>), AskError> {
    let mut ask = ask.clone();
    ask.now = at;
    for (argument, names) in [("--fields", &ask.fields), ("--group-by", &ask.group_by)] {
        if let Some(name) = names.iter().find(|name| forgets(inventory, name.trim())) {
            return Err(no_history(argument, name));
        }
    }
    let mut left_out = Vec::new();
    if ask.fields.is_empty() && ask.group_by.is_empty() {
        let (forgotten, kept): (Vec<&str>, Vec<&str>) =
            inventory.default_fields.iter().partition(|name| forgets(inventory, name));
        ask.fields = kept.into_iter().map(str::to_owned).collect();
        left_out = forgotten;
    }
    match &ask.sort {
        Some(sort) if forgets(inventory, sort.trim_start_matches('-')) => return Err(no_history("--sort", sort)),
        None if ask.group_by.is_empty() && forgets(inventory, inventory.default_sort.trim_start_matches('-')) => {
            ask.sort =
                inventory.default_fields.iter().find(|name| sorts(inventory, name)).map(|name| (*name).to_owned());
        }
        _ => {}
    }
    Ok((ask, left_out))
}

fn no_history(argument: &'static str, name: &str) -> AskError {
    let message = format!("{name} keeps no history: it cannot be shown as of a moment in the past");
    AskError::Argument { argument, message, help: None }
}

/// Whether a column has no past: its field is volatile, or it is read from bodies, of which only the present one is kept.
fn forgets(inventory: &Inventory, name: &str) -> bool {
    name.starts_with('@')
        || inventory.field(name).is_some_and(|field| field.volatile || matches!(field.column, Column::Body { .. }))
}

/// Whether rows can be in the order of a field as of a moment.
fn sorts(inventory: &Inventory, name: &str) -> bool {
    let plain = |column: &Column| matches!(column, Column::Plain(_) | Column::Folded { .. });
    !forgets(inventory, name) && inventory.field(name).is_some_and(|field| plain(&field.column))
}

type Row = BTreeMap<&'static str, Value<'static>>;

/// What has to be put back.
#[derive(Default)]
struct Undo {
    /// Columns by projection and key.
    rows: BTreeMap<(usize, i64), Row>,
    /// Child rows by table and record.
    children: BTreeMap<(usize, i64), Vec<Value<'static>>>,
    /// Whether records of an inventory were gone.
    gone: BTreeMap<i64, (String, bool)>,
    /// How records were linked; `None`: not at all.
    links: BTreeMap<i64, Option<Linked>>,
    /// Assets that have lost their last record since; `None`: they had none, and got some again.
    emptied: BTreeMap<i64, Option<Row>>,
    /// Whose assets were: columns of `inventory_asset_owner` behind its key. `None`: nobody's.
    owners: BTreeMap<i64, Option<Vec<Value<'static>>>>,
    /// Values of custom fields by asset and field; `None`: it had none.
    values: BTreeMap<(i64, i64), Option<Vec<Value<'static>>>>,
}

/// How a record was linked.
enum Linked {
    /// To this asset. History that was written before links were kept in it knows no more.
    To(i64),
    /// The row of the link behind its key.
    By(Vec<Value<'static>>),
}

const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("record_id", Kind::Int)];

/// Covers the rows of an organization by what they were.
fn rewind(tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<(), AskError> {
    const SINCE: &str = "SELECT complete_since FROM inventory_history WHERE org_id = $1";
    let since = tx.query_opt(SINCE, &[org.into()], |row| row.opt_int(0))?.flatten().map(Timestamp::from_micros);
    if let Some(since) = since.filter(|since| at < *since) {
        return Err(refused(
            format!("history is complete since {since} only: what was before that is not known any more"),
            Some(format!("the earliest moment is --as-of {since}")),
        ));
    }
    let mut undo = read(tx, org, at)?;
    let first = first_that_came_since(tx, org, at)?;
    undo.forget_from(first);
    Then { tx, org, at, first }.put_back(&undo)?;
    Ok(())
}

/// Reads what changed since, and keeps of each thing the first change: what it changed is what was there.
fn read(tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<Undo, AskError> {
    const MANY: &str =
        "SELECT COUNT(*) FROM (SELECT 1 FROM inventory_change WHERE org_id = $1 AND at > $2 LIMIT $3) AS bounded";
    const CHANGES: &str = "SELECT inventory, asset_id, record_id, field, before, undo FROM inventory_change
        WHERE org_id = $1 AND at > $2 ORDER BY change_id";
    let since = [org.into(), at.into(), (UNDONE_MAX + 1).into()];
    if tx.query_one(MANY, &since, |row| row.int(0))? > UNDONE_MAX {
        return Err(too_much());
    }
    let mut undo = Undo::default();
    tx.scan(CHANGES, &since[..2], |row| {
        let change = Change {
            asset: row.opt_int(1)?,
            record: row.int(2)?,
            field: row.text(3)?,
            before: row.opt_text(4)?,
            undo: row.opt_text(5)?,
        };
        let inventory = row.text(0)?;
        undo.take(inventory, &change).ok_or_else(|| {
            StoreError::Content(format!("a row of history of {inventory} cannot be read: {}", change.field))
        })?;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(undo)
}

fn too_much() -> AskError {
    AskError::TooWide {
        message: format!(
            "more than {UNDONE_MAX} changes were made since then, more than one question undoes: ask as of a later moment"
        ),
    }
}

struct Change<'a> {
    asset: Option<i64>,
    record: i64,
    field: &'a str,
    before: Option<&'a str>,
    undo: Option<&'a str>,
}

impl Undo {
    /// Takes one change in; `None` if it cannot be understood.
    fn take(&mut self, inventory: &str, change: &Change<'_>) -> Option<()> {
        match change.field {
            "removed" => {
                let gone = (inventory.to_owned(), change.before == Some("true"));
                self.gone.entry(change.record).or_insert(gone);
                return Some(());
            }
            "asset" if inventory == "assets" && change.undo.is_none() => {
                let before = match change.before {
                    Some(asset) => Some(Linked::To(AssetId::parse(asset)?.0)),
                    None => None,
                };
                self.links.entry(change.record).or_insert(before);
                return Some(());
            }
            _ => {}
        }
        let undo: Option<Json> = change.undo.map(serde_json::from_str).transpose().ok()?;
        for (what, kinds) in [(LINKED, &LINK[2..]), (OWNED, &OWNER[2..]), (VALUED, &field::VALUE[2..])] {
            let Some(before) = undo.as_ref().and_then(|undo| undo.get(what)) else { continue };
            return self.take_own(what, kinds, change, before);
        }
        if let Some(Json::Array(rows)) = &undo {
            return self.take_children(inventory, change, rows);
        }
        let projection = *Projection::ALL
            .iter()
            .find(|projection| projection.inventory() == inventory && **projection != Projection::Machine)?;
        let key = if projection == Projection::Asset { change.asset? } else { change.record };
        let columns = projection.insert_columns();
        if projection == Projection::Asset && self.emptied.contains_key(&key) {
            // What changed of it when it was back is nothing of then.
            return Some(());
        }
        if let Some(whole) = undo.as_ref().and_then(|undo| undo.get(WHOLE)) {
            if whole.is_null() {
                self.emptied.insert(key, None);
                return Some(());
            }
            let mut row = Row::new();
            for (name, kind) in Projection::Asset.insert_columns() {
                row.insert(name, value(whole.get(*name).unwrap_or(&Json::Null), *kind)?);
            }
            self.emptied.insert(key, Some(row));
            return Some(());
        }
        let row = self.rows.entry((projection as usize, key)).or_default();
        for (name, before) in undo.iter().filter_map(Json::as_object).flatten() {
            // A column that is no more has no past either.
            if let Some((name, kind)) = columns.iter().find(|(column, _)| column == name) {
                row.entry(name).or_insert(value(before, *kind)?);
            }
        }
        let mut told = projection.columns().iter();
        if let Some(column) = told.find(|column| column.name == change.field && column.is == Is::Text) {
            row.entry(column.name).or_insert(change.before.map(str::to_owned).into());
        }
        Some(())
    }

    /// Takes in the whole of a row that is not a projection's: of a link, an owner, a custom field's value.
    fn take_own(&mut self, what: &str, kinds: &[(&str, Kind)], change: &Change<'_>, before: &Json) -> Option<()> {
        let cells = |cells: &[Json]| -> Option<Vec<Value<'static>>> {
            (cells.len() == kinds.len()).then_some(())?;
            cells.iter().zip(kinds).map(|(cell, (_, kind))| value(cell, *kind)).collect()
        };
        let row = match before {
            Json::Array(before) if what != VALUED => Some(cells(before)?),
            _ => None,
        };
        match what {
            LINKED => {
                self.links.entry(change.record).or_insert(row.map(Linked::By));
            }
            OWNED => {
                self.owners.entry(change.asset?).or_insert(row);
            }
            _ => {
                // The field stands first, and alone where there was no value.
                let before = before.as_array()?;
                let row = if before.len() == 1 { None } else { Some(cells(before)?) };
                self.values.entry((change.asset?, before.first()?.as_i64()?)).or_insert(row);
            }
        }
        Some(())
    }

    /// Leaves out what came since: there is nothing to put back.
    fn forget_from(&mut self, first: i64) {
        let asset = Projection::Asset as usize;
        self.rows.retain(|(projection, key), row| (*projection == asset || *key < first) && !row.is_empty());
        self.children.retain(|(_, record), _| *record < first);
        self.gone.retain(|record, _| *record < first);
        self.links.retain(|record, _| *record < first);
    }

    fn take_children(&mut self, inventory: &str, change: &Change<'_>, rows: &[Json]) -> Option<()> {
        let of_inventory = Projection::ALL.iter().filter(|projection| projection.inventory() == inventory);
        let mut children = of_inventory.flat_map(|projection| projection.children());
        let child = *children.find(|child| child.table().field == change.field)?;
        let at = (child as usize, change.record);
        if self.children.contains_key(&at) {
            return Some(());
        }
        let mut values = Vec::new();
        for row in rows {
            for ((_, kind), cell) in child.table().columns[2..].iter().zip(row.as_array()?) {
                values.push(value(cell, *kind)?);
            }
        }
        self.children.insert(at, values);
        Some(())
    }
}

/// The organization as it was at a moment.
struct Then<'a, 'b> {
    tx: &'a mut Tx<'b>,
    org: OrgId,
    at: Timestamp,
    /// The first record that came since: ids are handed out in the order of time.
    first: i64,
}

impl Then<'_, '_> {
    fn put_back(&mut self, undo: &Undo) -> Result<(), StoreError> {
        self.put_back_assets(undo)?;
        for projection in Projection::ALL {
            if matches!(projection, Projection::Asset | Projection::Activity) {
                continue;
            }
            self.put_back_projection(projection, undo)?;
        }
        for child in Child::ALL {
            self.put_back_children(child, undo)?;
        }
        self.put_back_records(undo)?;
        self.put_back_links(undo)?;
        self.put_back_merges()?;
        self.put_back_owners(undo)?;
        self.put_back_values(undo)
    }

    /// Which findings were one: what is one once stays so.
    fn put_back_merges(&mut self) -> Result<(), StoreError> {
        let keep = format!("m.org_id = {} AND m.since <= {}", self.org.0, self.at.micros());
        self.tx.cover("inventory_finding_merge", "record_id", &[], &keep)?;
        Ok(())
    }

    /// Covers a table whose rows are of records, if anything of it is different; answers what covers these records.
    fn cover(&mut self, table: &str, records: &[i64]) -> Result<Option<String>, StoreError> {
        let newer = format!("SELECT 1 FROM {table} WHERE org_id = $1 AND record_id >= $2 LIMIT 1");
        let since = [self.org.into(), self.first.into()];
        if records.is_empty() && self.tx.query_opt(&newer, &since, |_| Ok(()))?.is_none() {
            return Ok(None);
        }
        let keep = format!("m.org_id = {} AND m.record_id < {}", self.org.0, self.first);
        self.tx.cover(table, "record_id", records, &keep)
    }

    /// Assets as they were, those too that are not any more.
    fn put_back_assets(&mut self, undo: &Undo) -> Result<(), StoreError> {
        let (org, at) = (self.org, self.at.micros());
        let asset = Projection::Asset;
        let changed = undo.rows.keys().filter(|(of, _)| *of == asset as usize).map(|(_, key)| *key);
        let keys: BTreeSet<i64> = changed.chain(undo.emptied.keys().copied()).collect();
        let keys: Vec<i64> = keys.into_iter().collect();
        let keep = format!("m.org_id = {} AND (m.asset_id < {} OR m.created_at <= {at})", org.0, self.first);
        let Some(cover) = self.tx.cover(asset.table(), "asset_id", &keys, &keep)? else { return Ok(()) };
        let away: Vec<Value<'_>> = undo.emptied.keys().flat_map(|asset| [org.into(), Value::from(*asset)]).collect();
        self.tx.delete_many(&cover, asset.key_columns(), &away)?;
        let is_of_then = |row: &Row| !matches!(row.get("created_at"), Some(Value::Int(made)) if *made > at);
        let mut rows = Vec::new();
        for row in undo.emptied.values().flatten().filter(|row| is_of_then(row)) {
            rows.extend(asset.insert_columns().iter().map(|(name, _)| row[name].clone()));
        }
        self.tx.insert_many(&cover, asset.insert_columns(), &rows, "")?;
        self.put_back_rows(&cover, asset, undo)
    }

    fn put_back_projection(&mut self, projection: Projection, undo: &Undo) -> Result<(), StoreError> {
        let changed = undo.rows.keys().filter(|(of, _)| *of == projection as usize).map(|(_, key)| *key);
        let of_it = |inventory: &str| projection.is_narrow() && projection.inventory() == inventory;
        let gone: BTreeMap<i64, bool> = (undo.gone.iter())
            .filter(|(_, (inventory, _))| of_it(inventory))
            .map(|(record, (_, gone))| (*record, *gone))
            .collect();
        let keys: BTreeSet<i64> = changed.chain(gone.keys().copied()).collect();
        let keys: Vec<i64> = keys.into_iter().collect();
        let Some(cover) = self.cover(projection.table(), &keys)? else { return Ok(()) };
        self.put_back_rows(&cover, projection, undo)?;
        let flags: Vec<Value<'_>> =
            gone.into_iter().flat_map(|(record, gone)| [self.org.into(), record.into(), gone.into()]).collect();
        self.tx.update_many(&cover, KEY, &[("gone", Kind::Int)], &flags)?;
        Ok(())
    }

    /// Rows whose columns have the same names are put back together.
    fn put_back_rows(&mut self, cover: &str, projection: Projection, undo: &Undo) -> Result<(), StoreError> {
        let mut alike: BTreeMap<Vec<&'static str>, Vec<Value<'static>>> = BTreeMap::new();
        for ((_, key), row) in undo.rows.iter().filter(|((of, _), _)| *of == projection as usize) {
            let values = alike.entry(row.keys().copied().collect()).or_default();
            values.extend([self.org.into(), (*key).into()]);
            values.extend(row.values().cloned());
        }
        for (names, values) in alike {
            let named = |name: &&str| projection.insert_columns().iter().find(|(column, _)| column == name);
            let columns: Vec<_> = names.iter().filter_map(named).copied().collect();
            self.tx.update_many(cover, projection.key_columns(), &columns, &values)?;
        }
        Ok(())
    }

    fn put_back_children(&mut self, child: Child, undo: &Undo) -> Result<(), StoreError> {
        let table = child.table();
        let (mut records, mut rows) = (Vec::new(), Vec::new());
        for ((_, record), values) in undo.children.iter().filter(|((of, _), _)| *of == child as usize) {
            records.push(*record);
            for row in values.chunks_exact(table.columns.len() - 2) {
                rows.extend([self.org.into(), (*record).into()]);
                rows.extend_from_slice(row);
            }
        }
        let Some(cover) = self.cover(table.table, &records)? else { return Ok(()) };
        self.tx.execute(&format!("DELETE FROM {cover}"), &[])?;
        self.tx.insert_many(&cover, table.columns, &rows, "")?;
        Ok(())
    }

    /// Which records their sources had.
    fn put_back_records(&mut self, undo: &Undo) -> Result<(), StoreError> {
        let records: Vec<i64> = undo.gone.keys().copied().collect();
        let Some(cover) = self.cover("inventory_source_record", &records)? else { return Ok(()) };
        let state = |gone: bool| if gone { "retired" } else { "present" };
        let states = undo
            .gone
            .iter()
            .flat_map(|(record, (_, gone))| [self.org.into(), Value::from(*record), state(*gone).into()]);
        let states: Vec<Value<'_>> = states.collect();
        self.tx.update_many(&cover, KEY, &[("state", Kind::Text)], &states)?;
        Ok(())
    }

    fn put_back_links(&mut self, undo: &Undo) -> Result<(), StoreError> {
        let records: Vec<i64> = undo.links.keys().copied().collect();
        let Some(cover) = self.cover("inventory_link", &records)? else { return Ok(()) };
        let (mut moved, mut replaced, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (record, linked) in &undo.links {
            let key = [Value::from(self.org), (*record).into()];
            match linked {
                Some(Linked::To(asset)) => {
                    moved.extend(key);
                    moved.push((*asset).into());
                }
                Some(Linked::By(row)) => {
                    replaced.extend(key.clone());
                    rows.extend(key);
                    rows.extend_from_slice(row);
                }
                None => replaced.extend(key),
            }
        }
        self.tx.update_many(&cover, KEY, &[("asset_id", Kind::Int)], &moved)?;
        self.tx.delete_many(&cover, KEY, &replaced)?;
        self.tx.insert_many(&cover, LINK, &rows, "")?;
        Ok(())
    }

    /// Whose assets were. A first owner is not told in history: it is since then.
    fn put_back_owners(&mut self, undo: &Undo) -> Result<(), StoreError> {
        let assets: Vec<i64> = undo.owners.keys().copied().collect();
        let keep = format!("m.org_id = {} AND m.since <= {}", self.org.0, self.at.micros());
        let Some(cover) = self.tx.cover("inventory_asset_owner", "asset_id", &assets, &keep)? else { return Ok(()) };
        self.tx.execute(&format!("DELETE FROM {cover}"), &[])?;
        let mut rows = Vec::new();
        let of_then = |row: &Vec<Value<'_>>| since(row, OWNER) <= self.at;
        let owned =
            undo.owners.iter().filter_map(|(asset, row)| Some((asset, row.as_ref().filter(|row| of_then(row))?)));
        for (asset, row) in owned {
            rows.extend([self.org.into(), Value::from(*asset)]);
            rows.extend_from_slice(row);
        }
        self.tx.insert_many(&cover, OWNER, &rows, "")?;
        Ok(())
    }

    /// What custom fields were; a first value is not told in history either. A field that was removed took its past along.
    fn put_back_values(&mut self, undo: &Undo) -> Result<(), StoreError> {
        const FIELDS: &str = "SELECT field_id FROM inventory_field WHERE org_id = $1";
        const FIELD_KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("asset_id", Kind::Int), ("field_id", Kind::Int)];
        let fields: BTreeSet<i64> = self.tx.query(FIELDS, &[self.org.into()], |row| row.int(0))?.into_iter().collect();
        let assets: BTreeSet<i64> = undo.values.keys().map(|(asset, _)| *asset).collect();
        let assets: Vec<i64> = assets.into_iter().collect();
        let keep = format!("m.org_id = {} AND m.since <= {}", self.org.0, self.at.micros());
        let Some(cover) = self.tx.cover("inventory_field_value", "asset_id", &assets, &keep)? else { return Ok(()) };
        let (mut replaced, mut rows) = (Vec::new(), Vec::new());
        for ((asset, field), row) in undo.values.iter().filter(|((_, field), _)| fields.contains(field)) {
            replaced.extend([self.org.into(), Value::from(*asset), (*field).into()]);
            if let Some(row) = row.as_ref().filter(|row| since(row, field::VALUE) <= self.at) {
                rows.extend([self.org.into(), Value::from(*asset)]);
                rows.extend_from_slice(row);
            }
        }
        self.tx.delete_many(&cover, FIELD_KEY, &replaced)?;
        self.tx.insert_many(&cover, field::VALUE, &rows, "")?;
        Ok(())
    }
}

/// Since when a row says what it says; it is without its first two columns. What follows a first owner or value is told
/// in history, and that one is not: so what was there before a change may be of a later moment than the one that is asked
/// about.
fn since(row: &[Value<'_>], columns: &[(&str, Kind)]) -> Timestamp {
    let place = columns[2..].iter().position(|(name, _)| *name == "since");
    match place.and_then(|at| row.get(at)) {
        Some(Value::Int(since)) => Timestamp::from_micros(*since),
        _ => Timestamp::from_micros(i64::MIN),
    }
}

/// The first record that was recorded later. Ids are handed out in the order of time, so what came since are the highest.
fn first_that_came_since(tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<i64, StoreError> {
    const NEXT: &str = "SELECT record_id, first_seen_at FROM inventory_source_record
        WHERE org_id = $1 AND record_id >= $2 ORDER BY record_id LIMIT 1";
    const LAST: &str =
        "SELECT record_id FROM inventory_source_record WHERE org_id = $1 ORDER BY record_id DESC LIMIT 1";
    let last = tx.query_opt(LAST, &[org.into()], |row| row.int(0))?.unwrap_or(0);
    // Every record below `low` is of then; every one from `high` on came since.
    let (mut low, mut high) = (0, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = tx.query_opt(NEXT, &[org.into(), middle.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
        match found {
            Some((record, first)) if first <= at.micros() => low = record + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;

    /// Tables whose rows never change what they say: dictionaries, names and numbers of what rows point to.
    const LASTING: [&str; 8] = [
        "inventory_integration",
        "inventory_term",
        "inventory_site",
        "inventory_field",
        "inventory_release",
        "inventory_title",
        "inventory_asset_former",
        "inventory_expected",
    ];

    fn texts(column: &Column) -> Vec<&'static str> {
        match column {
            Column::Plain(sql) => vec![sql],
            Column::Folded { text, folded } => vec![text, folded],
            Column::Term { column, .. } => vec![column],
            Column::Many { from, value } => [from].into_iter().copied().chain(texts(value)).collect(),
            Column::Words { .. } | Column::Body { .. } | Column::Missing { .. } => Vec::new(),
        }
    }

    #[test]
    fn what_has_a_past_is_read_from_tables_that_are_put_back() {
        let children = Child::ALL.map(|child| child.table().table);
        let projections = Projection::ALL.map(Projection::table);
        let others = [
            "inventory_link",
            "inventory_source_record",
            "inventory_finding_merge",
            "inventory_asset_owner",
            "inventory_field_value",
        ];
        let back: BTreeSet<&str> = projections.into_iter().chain(children).chain(others).chain(LASTING).collect();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let strange = |sql: &str| -> Vec<String> {
            let words = sql.split(|c| !is_name(c)).filter(|word| word.starts_with("inventory_"));
            words.filter(|word| !back.contains(word)).map(str::to_owned).collect()
        };
        let mut found = Vec::new();
        for inventory in catalogue().inventories.iter().filter(|inventory| has_past(inventory)) {
            for field in inventory.fields.iter().filter(|field| !field.volatile) {
                for table in texts(&field.column).into_iter().flat_map(strange) {
                    found.push(format!("{}.{} reads {table}", inventory.name, field.name));
                }
            }
            for scope in &inventory.scopes {
                found.extend(
                    strange(scope.from)
                        .iter()
                        .map(|table| format!("{}:({}) reads {table}", inventory.name, scope.name)),
                );
            }
        }
        found.sort();
        found.dedup();
        assert_eq!(found, [""; 0]);
    }
}
