//! A database as the first version left it.

use store::{Access, Dialect, Slice, Store, StoreError};

use crate::Database;

/// What the first version stored after two passes over a small simulated console, the second of them killed: all rows, one
/// statement a line.
const ROWS: &str = include_str!("../fixtures/first.sql");

/// The key that sealed the token in it.
pub const FIRST_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Fills an empty database with what the first version left: its tables are those of each slice's first migration, which
/// must still be what it was.
///
/// # Panics
/// A slice is missing, a first migration was changed, or the rows do not fit.
pub fn first_version(database: &Database, slices: &[Slice]) {
    let of_old = ["access", "signals", "inventory", "sync"].map(|name| {
        let slice = slices.iter().find(|slice| slice.name == name);
        let slice = slice.unwrap_or_else(|| panic!("the first version had a slice {name}"));
        Slice { name, migrations: &slice.migrations[..1] }
    });
    let store = Store::open(database.url(), Access::Writer, &of_old).expect("an empty database can be made");
    let filled = store.write_blocking::<_, StoreError, _>(|tx| {
        for statement in ROWS.lines() {
            let statement = match tx.dialect() {
                Dialect::Sqlite => statement.trim_end_matches(';').to_owned(),
                Dialect::Postgres => with_bytea(statement.trim_end_matches(';')),
            };
            let done = tx.execute(&format!("{statement} ON CONFLICT DO NOTHING"), &[]);
            done.map_err(|error| StoreError::Content(format!("{error}: {statement:.200}")))?;
        }
        const CHANGED: &str = "SELECT count(*) FROM store_migration";
        tx.query_one(CHANGED, &[], |row| row.int(0))
    });
    assert_eq!(filled.expect("the rows fit the tables"), 4, "a first migration is not what it was");
}

/// `X'00ff'` as PostgreSQL writes bytes.
fn with_bytea(statement: &str) -> String {
    let (mut out, mut in_text, mut last) = (String::with_capacity(statement.len()), false, ' ');
    for letter in statement.chars() {
        if letter == '\'' {
            in_text = !in_text;
            if in_text && last == 'X' {
                out.pop();
                out.push_str("'\\x");
                last = letter;
                continue;
            }
        }
        out.push(letter);
        last = letter;
    }
    out
}
