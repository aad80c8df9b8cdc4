//! JSON: an array of objects, or one object per line.

use std::fmt::Write;

use kernel::{Cell, Table};

/// Writes a table as a JSON array, one object per line, its members in the order of the columns.
#[must_use]
pub fn json(table: &Table) -> String {
    match table.rows.is_empty() {
        true => "[]\n".to_owned(),
        false => format!("[\n{}\n]\n", elements(table)),
    }
}

/// The elements of that array, without its brackets: a part of a longer one.
#[must_use]
pub fn elements(table: &Table) -> String {
    let objects: Vec<String> = table.rows.iter().map(|row| object(&table.columns, row)).collect();
    objects.join(",\n")
}

/// Writes a table as newline-delimited JSON: one object per row, each on its own line.
#[must_use]
pub fn ndjson(table: &Table) -> String {
    table.rows.iter().map(|row| object(&table.columns, row) + "\n").collect()
}

fn object(columns: &[String], row: &[Cell]) -> String {
    let mut out = String::from("{");
    for (at, (name, cell)) in columns.iter().zip(row).enumerate() {
        if at > 0 {
            out.push(',');
        }
        text(&mut out, name);
        out.push(':');
        value(&mut out, cell);
    }
    out.push('}');
    out
}

fn value(out: &mut String, cell: &Cell) {
    match cell {
        Cell::Empty => out.push_str("null"),
        Cell::Bool(yes) => write!(out, "{yes}").expect("writing to memory cannot fail"),
        Cell::Int(number) => write!(out, "{number}").expect("writing to memory cannot fail"),
        // JSON has no infinities; a number that is none is unknown.
        Cell::Real(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => write!(out, "{number}").expect("writing to memory cannot fail"),
            None => out.push_str("null"),
        },
        Cell::Text(chars) => text(out, chars),
        Cell::Time(at) => text(out, &at.to_string()),
        Cell::List(cells) => {
            out.push('[');
            for (at, cell) in cells.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                value(out, cell);
            }
            out.push(']');
        }
    }
}

fn text(out: &mut String, chars: &str) {
    out.push_str(&serde_json::to_string(chars).expect("text is always JSON"));
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::*;

    fn example() -> Table {
        let columns = ["name", "sources", "seen", "risk", "gone"].map(str::to_owned).to_vec();
        let sources = Cell::List(vec![Cell::Text("scan".to_owned()), Cell::Int(1)]);
        let rows = vec![
            vec![
                Cell::Text("a\"\u{1b}".to_owned()),
                sources,
                Cell::Time(Timestamp::from_seconds(0)),
                Cell::Real(0.5),
                Cell::Empty,
            ],
            vec![Cell::Bool(false), Cell::List(Vec::new()), Cell::Int(-7), Cell::Real(f64::NAN), Cell::Empty],
        ];
        Table { columns, rows }
    }

    #[test]
    fn members_keep_the_order_of_the_columns() {
        let first = r#"{"name":"a\"\u001b","sources":["scan",1],"seen":"1970-01-01T00:00:00Z","risk":0.5,"gone":null}"#;
        let second = r#"{"name":false,"sources":[],"seen":-7,"risk":null,"gone":null}"#;
        assert_eq!(json(&example()), format!("[\n{first},\n{second}\n]\n"));
        assert_eq!(ndjson(&example()), format!("{first}\n{second}\n"));
    }

    #[test]
    fn an_empty_table_is_an_empty_array() {
        assert_eq!(json(&Table::default()), "[]\n");
        assert_eq!(ndjson(&Table::default()), "");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let read: serde_json::Value = serde_json::from_str(&json(&example())).unwrap();
        assert_eq!(read[0]["name"], "a\"\u{1b}");
    }
}
