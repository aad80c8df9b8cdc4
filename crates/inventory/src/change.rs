//! History: which fields differ between what was stored and what is now said.

use kernel::{Timestamp, Value};
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
        ]);
    }

    /// One row of history for a record that is gone, or back.
    pub fn removed(&self, head: &mut Head, gone: bool, changes: &mut Vec<Value<'static>>) {
        self.row(head, "removed", Some((!gone).to_string()), Some(gone.to_string()), changes);
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
        for ((column, before), after) in columns.iter().zip(before).zip(after) {
            if before != after && !column.volatile && column.is != Is::Derived {
                let field = column.name.strip_suffix("_term").unwrap_or(column.name);
                let (before, after) = (print(head, column.is, before), print(head, column.is, after));
                self.row(head, field, before, after, changes);
            }
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
        let (before, after) = (print_rows(head, table, before), print_rows(head, table, after));
        if before != after {
            self.row(head, table.field, before, after, changes);
        }
    }
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
