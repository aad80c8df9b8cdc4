//! What a report is made of before it becomes bytes: tables of typed cells, and documents of tables.

use crate::Timestamp;

/// One cell of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing is known; an empty cell, never a zero.
    Empty,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text as it is; sinks neutralise what a spreadsheet would run.
    Text(String),
    /// An instant.
    Time(Timestamp),
    /// Several cells in one place, such as the addresses of an asset.
    List(Vec<Cell>),
}

/// A table: named columns and rows of the same width.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The column's names, as the language spells them.
    pub columns: Vec<String>,
    /// The rows; each has as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A titled sequence of tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What the document is called.
    pub title: String,
    /// Its tables, each under its own heading.
    pub tables: Vec<(String, Table)>,
}
