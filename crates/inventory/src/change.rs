//! History: which fields differ between what was stored and what is now said.

use kernel::{AssetId, OrgId, Timestamp, Value};
use serde_json::{Map, Value as Json};
use store::{Kind, StoreError, Tx};

use crate::memory::{self, Head};
use crate::noun::ip_from_bytes;
use crate::out::{Child, ChildTable, Column, Is};

/// The columns of a row of history that can be undone.
pub(crate) const UNDOABLE: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("change_id", Kind::Int),
    ("at", Kind::Int),
    ("inventory", Kind::Text),
    ("asset_id", Kind::Int),
    ("record_id", Kind::Int),
    ("integration_id", Kind::Int),
    ("field", Kind::Text),
    ("before", Kind::Text),
    ("after", Kind::Text),
    ("undo", Kind::Text),
];

/// What undoing calls the whole row of an asset that lost its last record, or null for one that has records again.
pub(crate) const WHOLE: &str = "row";
/// What undoing calls a record's link: its row behind the key, or null.
pub(crate) const LINKED: &str = "link";
/// What undoing calls an asset's owner: the row behind its key, or null.
pub(crate) const OWNED: &str = "owner";
/// What undoing calls a custom field's value: the row behind the asset, or the field alone.
pub(crate) const VALUED: &str = "value";

/// What the organization itself says of an asset, beside all sources.
pub(crate) struct Own {
    pub asset: i64,
    /// `owner`, or `field.NAME`.
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// What [`undo_of`] made of what was there.
    pub undo: Json,
    /// A person's name, `rule` or `tag`.
    pub who: String,
}

/// Writes into history what the organization says otherwise now. What only follows another record or rule is not told.
pub(crate) fn write_own(tx: &mut Tx<'_>, org: OrgId, at: Timestamp, own: Vec<Own>) -> Result<(), StoreError> {
    let columns: Vec<(&str, Kind)> = UNDOABLE.iter().copied().chain([("who", Kind::Text)]).collect();
    if own.is_empty() {
        return Ok(());
    }
    let first = memory::next_ids(tx, org, own.len() as i64)?;
    let mut rows = Vec::with_capacity(own.len() * columns.len());
    for (own, id) in own.into_iter().zip(first..) {
        let field = if own.before == own.after { String::new() } else { own.field };
        rows.extend([org.into(), id.into(), at.into(), "assets".into(), own.asset.into(), 0.into(), 0.into()]);
        rows.extend([field.into(), own.before.into(), own.after.into()]);
        rows.extend([Value::from(own.undo.to_string()), own.who.into()]);
    }
    tx.insert_many("inventory_change", &columns, &rows, "")?;
    Ok(())
}

/// What was there, for undoing: `what` is one of [`LINKED`], [`OWNED`] and [`VALUED`].
pub(crate) fn undo_of(what: &str, row: Option<&[Value<'_>]>) -> Json {
    let row = row.map_or(Json::Null, |row| row.iter().map(json).collect());
    Json::Object(Map::from_iter([(what.to_owned(), row)]))
}

/// Whose fields are compared, and when.
pub(crate) struct Subject {
    pub org: i64,
    pub at: Timestamp,
    pub inventory: &'static str,
    pub asset: Option<i64>,
    pub record: i64,
    pub integration: i64,
}

impl Subject {
    fn row(
        &self,
        head: &mut Head,
        field: &'static str,
        before: Option<String>,
        after: Option<String>,
        undo: Option<String>,
        changes: &mut Vec<Value<'static>>,
    ) {
        changes.extend([
            self.org.into(),
            head.next_id().into(),
            self.at.into(),
            self.inventory.into(),
            self.asset.into(),
            self.record.into(),
            self.integration.into(),
            field.into(),
            before.into(),
            after.into(),
            undo.into(),
        ]);
    }

    /// A row of history that nobody reads: what has to be put back although it is not told.
    fn hidden(&self, head: &mut Head, undo: &Map<String, Json>, changes: &mut Vec<Value<'static>>) {
        self.row(head, "", None, None, Some(Json::Object(undo.clone()).to_string()), changes);
    }

    /// One row of history for an asset that lives in another site now.
    pub fn moved_site(
        &self,
        head: &mut Head,
        before: (i64, Option<String>),
        after: Option<String>,
        changes: &mut Vec<Value<'static>>,
    ) {
        let undo = Map::from_iter([("site_id".to_owned(), before.0.into())]);
        self.row(head, "site", before.1, after, Some(Json::Object(undo).to_string()), changes);
    }

    /// One row of history for a record that came to an asset, left one, or is there for another reason. What a record was
    /// before anybody had looked at it (`arrives`) is not told.
    pub fn linked(
        &self,
        head: &mut Head,
        (from, to): (Option<i64>, Option<i64>),
        arrives: bool,
        before: Option<&[Value<'_>]>,
        changes: &mut Vec<Value<'static>>,
    ) {
        let told = from != to && !arrives;
        let field = if told { "asset" } else { "" };
        let public = |asset: Option<i64>| asset.filter(|_| told).map(|asset| AssetId(asset).to_string());
        self.row(head, field, public(from), public(to), Some(undo_of(LINKED, before).to_string()), changes);
    }

    /// The row of an asset that has lost its last record.
    pub fn emptied(
        &self,
        head: &mut Head,
        columns: &[(&str, Kind)],
        values: &[Value],
        changes: &mut Vec<Value<'static>>,
    ) {
        // Columns without a value are most, and undoing takes a column that is not there for one of them.
        let valued = columns.iter().zip(values).filter(|(_, value)| **value != Value::Null);
        let row = valued.map(|((name, _), value)| ((*name).to_owned(), json(value)));
        let undo = Map::from_iter([(WHOLE.to_owned(), Json::Object(row.collect()))]);
        self.hidden(head, &undo, changes);
    }

    /// The row of an asset whose id was merged away and that has records again: until now there was none.
    pub fn restored(&self, head: &mut Head, changes: &mut Vec<Value<'static>>) {
        self.hidden(head, &Map::from_iter([(WHOLE.to_owned(), Json::Null)]), changes);
    }

    /// One row of history for a record that is gone, or back.
    pub fn removed(&self, head: &mut Head, gone: bool, changes: &mut Vec<Value<'static>>) {
        self.row(head, "removed", Some((!gone).to_string()), Some(gone.to_string()), None, changes);
    }

    /// One row of history for every column that differs and has history.
    pub fn compare(
        &self,
        head: &mut Head,
        columns: &[Column],
        before: &[Value],
        after: &[Value],
        changes: &mut Vec<Value<'static>>,
    ) {
        let (begin, mut undo) = (changes.len(), Map::new());
        for ((column, before), after) in columns.iter().zip(before).zip(after) {
            if before == after || column.volatile {
                continue;
            }
            // A text is told as it is, and can be long.
            if column.is != Is::Text {
                undo.insert(column.name.to_owned(), json(before));
            }
            if column.is != Is::Derived && !is_same_second(column.is, before, after) {
                let field = column.name.strip_suffix("_term").unwrap_or(column.name);
                let (before, after) = (print(head, column.is, before), print(head, column.is, after));
                self.row(head, field, before, after, None, changes);
            }
        }
        if undo.is_empty() {
            return;
        }
        match changes.get_mut(begin + UNDOABLE.len() - 1) {
            Some(first) => *first = Json::Object(undo).to_string().into(),
            None => self.hidden(head, &undo, changes),
        }
    }

    /// One row of history if a child table's rows differ in what history prints of them.
    pub fn compare_children(
        &self,
        head: &mut Head,
        child: Child,
        before: &[Value],
        after: &[Value],
        changes: &mut Vec<Value<'static>>,
    ) {
        let table = child.table();
        let (told, tell) = (print_rows(head, table, before), print_rows(head, table, after));
        if told != tell {
            let rows = before.chunks_exact(table.columns.len());
            let undo: Json = rows.map(|row| row[2..].iter().map(json).collect::<Json>()).collect();
            self.row(head, table.field, told, tell, Some(undo.to_string()), changes);
        }
    }
}

/// Whether two instants are one to whoever reads them: sources tell the same instant to the second, the millisecond or the
/// microsecond.
fn is_same_second(is: Is, before: &Value, after: &Value) -> bool {
    match (is, before, after) {
        (Is::Time, Value::Int(before), Value::Int(after)) => before.abs_diff(*after) < 1_000_000,
        _ => false,
    }
}

/// A value as it is stored, for undoing; [`value`] reads it back.
fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(text) => (**text).into(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}

/// What [`json`] wrote of a column of that kind; `None` if it is none.
pub(crate) fn value(json: &Json, kind: Kind) -> Option<Value<'static>> {
    Some(match (json, kind) {
        (Json::Null, _) => Value::Null,
        (Json::Number(number), Kind::Int) => number.as_i64()?.into(),
        (Json::Number(number), Kind::Real) => number.as_f64()?.into(),
        (Json::String(text), Kind::Text) => text.clone().into(),
        (Json::String(text), Kind::Bytes) => from_hex(text)?.into(),
        _ => return None,
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// A value as the language prints it; `None` for nothing.
fn print(head: &Head, is: Is, value: &Value) -> Option<String> {
    match (is, value) {
        (_, Value::Null) => None,
        (Is::Flag, Value::Int(yes)) => Some((*yes != 0).to_string()),
        (Is::Time, Value::Int(micros)) => Some(Timestamp::from_micros(*micros).to_string()),
        (Is::Term(_), Value::Int(term)) => Some(head.text(*term).to_owned()).filter(|text| !text.is_empty()),
        (_, Value::Int(number)) => Some(number.to_string()),
        (_, Value::Real(number)) => Some(number.to_string()),
        (_, Value::Text(text)) => Some(text.clone().into_owned()),
        (_, Value::Bytes(bytes)) => ip_from_bytes(bytes).map(|ip| ip.to_string()),
    }
}

/// Child rows as one text: the parts of a row by spaces, rows by commas; `None` for no rows.
fn print_rows(head: &Head, table: &ChildTable, rows: &[Value]) -> Option<String> {
    let rows: Vec<String> = rows
        .chunks_exact(table.columns.len())
        .map(|row| {
            let parts = row[2..].iter().zip(table.is).filter(|(_, is)| **is != Is::Derived);
            parts.filter_map(|(value, is)| print(head, *is, value)).collect::<Vec<_>>().join(" ")
        })
        .collect();
    (!rows.is_empty()).then(|| rows.join(", "))
}
