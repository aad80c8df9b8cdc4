//! History: which fields differ between what was stored and what is now said.

use kernel::{Timestamp, Value};
use serde_json::{Map, Value as Json};
use store::Kind;

use crate::memory::Head;
use crate::noun::ip_from_bytes;
use crate::out::{Child, ChildTable, Column, Is};

/// The columns of a row of history.
pub(crate) const CHANGE: &[(&str, Kind)] = &[
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
];

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

/// What undoing calls the whole row of an asset that lost its last record.
pub(crate) const WHOLE: &str = "row";

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

    /// The row of an asset that has lost its last record.
    pub fn emptied(
        &self,
        head: &mut Head,
        columns: &[(&str, Kind)],
        values: &[Value],
        changes: &mut Vec<Value<'static>>,
    ) {
        let row = columns.iter().zip(values).map(|((name, _), value)| ((*name).to_owned(), json(value)));
        let undo = Map::from_iter([(WHOLE.to_owned(), Json::Object(row.collect()))]);
        self.hidden(head, &undo, changes);
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
            if column.is != Is::Derived {
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
