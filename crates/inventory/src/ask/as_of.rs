//! As of a moment: a question is asked of the rows as they were.
//!
//! What changed since is undone in a transaction, the question is asked, and the transaction is given up: whatever the
//! language can say of the present it says of the past, on both databases. Other writers wait meanwhile, so how much may
//! be undone is bounded.

use std::collections::BTreeMap;

use kernel::{AssetId, OrgId, Timestamp, Value};
use query::{Column, Inventory, Problem, Severity, Span};
use serde_json::Value as Json;
use store::{Dialect, Kind, Store, StoreError, Tx};

use super::{Answer, Ask, AskError, ask_at, find_inventory};
use crate::change::{WHOLE, value};
use crate::out::{Child, Is};
use crate::projection::Projection;

/// How many rows of history, and how many records that came since, are undone for one question.
pub const UNDONE_MAX: i64 = 200_000;

/// Inventories of what happens once: what they had at a moment is what happened before it.
const HAPPEN_ONCE: [&str; 3] = ["activities", "activity_types", "artifacts"];

/// Answers a question as it would have been answered at a moment in the past: counts, lists and groups alike. Ages are
/// counted from then. What keeps no history (`last_seen`) is left out of the columns, and cannot be asked for.
///
/// Nothing is written, but the writer's place is needed, so the database must not be opened for reading only.
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
    rewind(tx, org, at)?;
    let mut answer = ask_at(tx, org, &ask, Some(at))?;
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
    /// Whether records were gone.
    gone: BTreeMap<i64, bool>,
    /// Which assets records belonged to.
    assets_of: BTreeMap<i64, i64>,
    /// Assets that have lost their last record since.
    emptied: BTreeMap<i64, Row>,
}

const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("record_id", Kind::Int)];

/// Puts the rows of an organization back to what they were.
fn rewind(tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<(), AskError> {
    const SINCE: &str = "SELECT complete_since FROM inventory_history WHERE org_id = $1";
    const LOCK: &str = "SELECT next_id FROM inventory_head WHERE org_id = $1 FOR UPDATE";
    if tx.dialect() == Dialect::Postgres {
        // Pages take this lock first, too: so they wait, and never meet half of what is put back here.
        tx.query_opt(LOCK, &[org.into()], |_| Ok(()))?;
    }
    let since = tx.query_opt(SINCE, &[org.into()], |row| row.opt_int(0))?.flatten().map(Timestamp::from_micros);
    if let Some(since) = since.filter(|since| at < *since) {
        return Err(refused(
            format!("history is complete since {since} only: what was before that is not known any more"),
            Some(format!("the earliest moment is --as-of {since}")),
        ));
    }
    let undo = read(tx, org, at)?;
    forget_what_came_since(tx, org, at)?;
    undo.put_back(tx, org, at)?;
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
        return Err(too_much("changes"));
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

fn too_much(what: &str) -> AskError {
    AskError::TooWide {
        message: format!(
            "more than {UNDONE_MAX} {what} were made since then, more than one question undoes: ask as of a later moment"
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
                self.gone.entry(change.record).or_insert(change.before == Some("true"));
                return Some(());
            }
            "asset" if inventory == "assets" => {
                let before = change.before.and_then(AssetId::parse)?.0;
                self.assets_of.entry(change.record).or_insert(before);
                return Some(());
            }
            _ => {}
        }
        let undo: Option<Json> = change.undo.map(serde_json::from_str).transpose().ok()?;
        if let Some(Json::Array(rows)) = &undo {
            return self.take_children(inventory, change, rows);
        }
        let projection = *Projection::ALL
            .iter()
            .find(|projection| projection.inventory() == inventory && **projection != Projection::Machine)?;
        let key = if projection == Projection::Asset { change.asset? } else { change.record };
        let columns = projection.columns();
        if let Some(whole) = undo.as_ref().and_then(|undo| undo.get(WHOLE)) {
            let mut row = Row::new();
            for (name, kind) in Projection::Asset.insert_columns() {
                row.insert(name, value(whole.get(*name).unwrap_or(&Json::Null), *kind)?);
            }
            self.emptied.entry(key).or_insert(row);
            return Some(());
        }
        let row = self.rows.entry((projection as usize, key)).or_default();
        for (name, before) in undo.iter().filter_map(Json::as_object).flatten() {
            // A column that is no more has no past either.
            if let Some(column) = columns.iter().find(|column| column.name == name) {
                row.entry(column.name).or_insert(value(before, column.kind)?);
            }
        }
        if let Some(column) = columns.iter().find(|column| column.name == change.field && column.is == Is::Text) {
            row.entry(column.name).or_insert(change.before.map(str::to_owned).into());
        }
        Some(())
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

    fn put_back(self, tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<(), StoreError> {
        self.put_back_assets(tx, org, at)?;
        for child in Child::ALL {
            let table = child.table();
            let (mut gone, mut rows) = (Vec::new(), Vec::new());
            for ((_, record), values) in self.children.iter().filter(|((of, _), _)| *of == child as usize) {
                gone.extend([Value::from(org), (*record).into()]);
                for row in values.chunks_exact(table.columns.len() - 2) {
                    rows.extend([Value::from(org), (*record).into()]);
                    rows.extend_from_slice(row);
                }
            }
            tx.delete_many(table.table, KEY, &gone)?;
            tx.insert_many(table.table, table.columns, &rows, "")?;
        }
        // Rows whose columns have the same names are put back together.
        let mut alike: BTreeMap<(usize, Vec<&'static str>), Vec<Value<'static>>> = BTreeMap::new();
        for ((projection, key), row) in self.rows.into_iter().filter(|(_, row)| !row.is_empty()) {
            let values = alike.entry((projection, row.keys().copied().collect())).or_default();
            values.extend([org.into(), key.into()]);
            values.extend(row.into_values());
        }
        for ((projection, names), values) in alike {
            let projection = Projection::ALL[projection];
            let named = |name: &&str| projection.columns().iter().find(|column| column.name == *name);
            let columns: Vec<_> = names.iter().filter_map(named).map(|column| (column.name, column.kind)).collect();
            tx.update_many(projection.table(), projection.key_columns(), &columns, &values)?;
        }
        let state = |gone: bool| if gone { "retired" } else { "present" };
        let states: Vec<Value> =
            self.gone.iter().flat_map(|(record, gone)| [org.into(), (*record).into(), state(*gone).into()]).collect();
        tx.update_many("inventory_source_record", KEY, &[("state", Kind::Text)], &states)?;
        let flags: Vec<Value> =
            self.gone.iter().flat_map(|(record, gone)| [org.into(), (*record).into(), (*gone).into()]).collect();
        for projection in Projection::ALL.into_iter().filter(|projection| projection.is_narrow()) {
            tx.update_many(projection.table(), KEY, &[("gone", Kind::Int)], &flags)?;
        }
        let links: Vec<Value> =
            self.assets_of.iter().flat_map(|(record, asset)| [org.into(), (*record).into(), (*asset).into()]).collect();
        tx.update_many("inventory_link", KEY, &[("asset_id", Kind::Int)], &links)?;
        Ok(())
    }

    /// Assets that were there and are not any more.
    fn put_back_assets(&self, tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<(), StoreError> {
        const HERE: &str = "SELECT asset_id FROM inventory_asset WHERE org_id = $1 AND asset_id IN KEYS";
        let keys: Vec<i64> = self.emptied.keys().copied().collect();
        let here = tx.select_in(HERE, &[org.into()], store::Keys::Ints(&keys), |row| row.int(0))?;
        let is_of_then = |row: &Row| !matches!(row.get("created_at"), Some(Value::Int(made)) if *made > at.micros());
        let mut rows = Vec::new();
        for (_, row) in self.emptied.iter().filter(|(asset, row)| !here.contains(asset) && is_of_then(row)) {
            rows.extend(Projection::Asset.insert_columns().iter().map(|(name, _)| row[name].clone()));
        }
        tx.insert_many(Projection::Asset.table(), Projection::Asset.insert_columns(), &rows, "")?;
        Ok(())
    }
}

/// Deletes what was first recorded later. Ids are handed out in the order of time, so what came since are the highest.
fn forget_what_came_since(tx: &mut Tx<'_>, org: OrgId, at: Timestamp) -> Result<(), AskError> {
    const NEXT: &str = "SELECT record_id, first_seen_at FROM inventory_source_record
        WHERE org_id = $1 AND record_id >= $2 ORDER BY record_id LIMIT 1";
    const LAST: &str =
        "SELECT record_id FROM inventory_source_record WHERE org_id = $1 ORDER BY record_id DESC LIMIT 1";
    const MANY: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM inventory_source_record WHERE org_id = $1 AND record_id >= $2 LIMIT $3) AS bounded";
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
    let params = [Value::from(org), low.into(), (UNDONE_MAX + 1).into()];
    if tx.query_one(MANY, &params, |row| row.int(0))? > UNDONE_MAX {
        return Err(too_much("records"));
    }
    let projections =
        Projection::ALL.into_iter().filter(|one| !matches!(one, Projection::Asset | Projection::Activity));
    let tables = projections.map(Projection::table).chain(Child::ALL.map(|child| child.table().table));
    for table in tables.chain(["inventory_link"]) {
        tx.execute(&format!("DELETE FROM {table} WHERE org_id = $1 AND record_id >= $2"), &params[..2])?;
    }
    let since = [org.into(), low.into(), at.into()];
    tx.execute("DELETE FROM inventory_asset WHERE org_id = $1 AND asset_id >= $2 AND created_at > $3", &since)?;
    Ok(())
}
