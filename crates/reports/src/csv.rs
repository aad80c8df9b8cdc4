//! Comma-separated values that a spreadsheet opens without running anything.

use std::borrow::Cow;

use kernel::{Cell, Table};

/// Characters that make a spreadsheet take a cell for a formula when they come first (OWASP, *CSV injection*).
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '|'];

/// What stands between the cells of a list within one field.
const LIST_SEPARATOR: &str = "; ";

/// Writes a table as RFC 4180: a header, then one line per row, ended by CRLF.
///
/// Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers, instants are
/// RFC 3339 in UTC, an unknown value is an empty field.
#[must_use]
pub fn csv(table: &Table) -> String {
    let header = table.columns.iter().map(|name| neutral(name)).collect();
    written(std::iter::once(header).chain(records(table)))
}

/// As [`csv`], without the header: what follows a first part that had it.
#[must_use]
pub fn lines(table: &Table) -> String {
    written(records(table))
}

fn records(table: &Table) -> impl Iterator<Item = Vec<Cow<'_, str>>> {
    table.rows.iter().map(|row| row.iter().map(field).collect())
}

fn written<'a>(records: impl Iterator<Item = Vec<Cow<'a, str>>>) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    for record in records {
        write(&mut writer, &record);
    }
    let bytes = writer.into_inner().expect("writing to memory cannot fail");
    String::from_utf8(bytes).expect("every field was text")
}

fn write(writer: &mut ::csv::Writer<Vec<u8>>, record: &[Cow<'_, str>]) {
    // A table without columns has rows without fields, which the format cannot say.
    if !record.is_empty() {
        writer
            .write_record(record.iter().map(AsRef::as_ref))
            .expect("writing to memory cannot fail, and rows are as wide as the header");
    }
}

fn field(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Text(text) => neutral(text),
        Cell::List(cells) => {
            let parts: Vec<_> = cells.iter().map(plain).collect();
            Cow::Owned(neutral(&parts.join(LIST_SEPARATOR)).into_owned())
        }
        other => plain(other),
    }
}

/// The cell as text, before anything is neutralised.
fn plain(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Empty => Cow::Borrowed(""),
        Cell::Bool(yes) => Cow::Borrowed(if *yes { "true" } else { "false" }),
        Cell::Int(number) => Cow::Owned(number.to_string()),
        Cell::Real(number) => Cow::Owned(number.to_string()),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Time(at) => Cow::Owned(at.to_string()),
        Cell::List(cells) => Cow::Owned(cells.iter().map(plain).collect::<Vec<_>>().join(LIST_SEPARATOR)),
    }
}

fn neutral(text: &str) -> Cow<'_, str> {
    // A spreadsheet trims before it looks, so a formula behind spaces is a formula too.
    match text.trim_start_matches(' ').starts_with(FORMULA_STARTS) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::*;

    fn table(cell: Cell) -> Table {
        Table { columns: vec!["name".to_owned()], rows: vec![vec![cell]] }
    }

    #[test]
    fn a_formula_becomes_text_and_a_negative_number_stays_one() {
        for (cell, line) in [
            (Cell::Text("=cmd|' /C calc'!A0".to_owned()), "'=cmd|' /C calc'!A0"),
            (Cell::Text("  @SUM(1)".to_owned()), "'  @SUM(1)"),
            (Cell::Text("-1+1".to_owned()), "'-1+1"),
            (Cell::List(vec![Cell::Text("+1".to_owned()), Cell::Int(2)]), "'+1; 2"),
            (Cell::Int(-1), "-1"),
            (Cell::Real(-0.5), "-0.5"),
            (Cell::Text("a=b".to_owned()), "a=b"),
        ] {
            assert_eq!(csv(&table(cell)), format!("name\r\n{line}\r\n"));
        }
    }

    #[test]
    fn parts_make_the_whole() {
        let all = Table { columns: vec!["a".to_owned()], rows: vec![vec![Cell::Int(1)], vec![Cell::Int(2)]] };
        let part = |at: usize| Table { columns: all.columns.clone(), rows: vec![all.rows[at].clone()] };
        assert_eq!(csv(&part(0)) + &lines(&part(1)), csv(&all));
    }

    #[test]
    fn commas_quotes_and_line_breaks_survive() {
        let text = "a,\"b\"\nc";
        let bytes = csv(&table(Cell::Text(text.to_owned())));
        let mut reader = ::csv::Reader::from_reader(bytes.as_bytes());
        let read: Vec<_> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read, [text]);
    }

    #[test]
    fn what_is_unknown_is_empty_and_times_are_utc() {
        let columns = ["seen", "alive", "gone"].map(str::to_owned).to_vec();
        let rows = vec![vec![Cell::Time(Timestamp::from_seconds(1)), Cell::Bool(true), Cell::Empty]];
        assert_eq!(csv(&Table { columns, rows }), "seen,alive,gone\r\n1970-01-01T00:00:01Z,true,\r\n");
    }
}
