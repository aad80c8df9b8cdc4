//! The aligned table of a terminal: plain columns without boxes, numbers on the right.

use std::borrow::Cow;

use kernel::{Cell, Table, Timestamp};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Spaces between two columns.
const GAP: usize = 2;

/// The narrowest that a column is made to fit the terminal, in cells.
const COLUMN_WIDTH_MIN: usize = 8;

/// The most of one cell that is ever shown when the width has no limit, in cells.
const CELL_WIDTH_MAX: usize = 120;

/// What an unknown value looks like.
const UNKNOWN: &str = "-";

/// How a terminal wants its tables.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    /// Cells in a line; `None` for a file or a pipe, where nothing is cut to fit.
    pub width: Option<usize>,
    /// Bold headings. Never the only sign of anything.
    pub color: bool,
    /// Commas between thousands: on a terminal, not in files and pipes.
    pub commas: bool,
    /// How an instant is written: local with its zone on a terminal.
    pub time: &'a dyn Fn(Timestamp) -> String,
}

impl Style<'static> {
    /// The style of files and pipes: no limit, no colour, bare numbers, RFC 3339.
    #[must_use]
    pub fn plain() -> Style<'static> {
        Style { width: None, color: false, commas: false, time: &|at| at.to_string() }
    }
}

/// Writes a table as aligned columns under headings, one line per row; nothing for a table without columns.
///
/// Control characters become `?`, so that text from a console cannot move the cursor. A table too wide for the
/// terminal has its widest columns cut, with `…` where something is missing.
#[must_use]
pub fn terminal(table: &Table, style: &Style<'_>) -> String {
    if table.columns.is_empty() {
        return String::new();
    }
    let headings: Vec<String> = table.columns.iter().map(|name| heading(name)).collect();
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(|cell| printed(cell, style)).collect()).collect();
    let right: Vec<bool> = (0..headings.len()).map(|column| is_numeric(table, column)).collect();
    let widths = fit(natural_widths(&headings, &cells), style.width);

    let mut out = String::new();
    let (bold, plain) = if style.color { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    out.push_str(bold);
    out.push_str(&line(&headings, &widths, &right));
    out.push_str(plain);
    out.push('\n');
    for row in &cells {
        out.push_str(&line(row, &widths, &right));
        out.push('\n');
    }
    out
}

/// A whole number with commas between thousands: `12,408`.
#[must_use]
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text that cannot steer a terminal: control characters and direction marks become `?`.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    // The bidirectional controls can make a name read as another one ("Trojan source").
    let harmful = |char: char| {
        char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    match text.contains(harmful) {
        true => Cow::Owned(text.replace(harmful, "?")),
        false => Cow::Borrowed(text),
    }
}

fn heading(name: &str) -> String {
    harmless(name).replace('_', " ").to_uppercase()
}

fn printed(cell: &Cell, style: &Style<'_>) -> String {
    match cell {
        Cell::Empty => UNKNOWN.to_owned(),
        Cell::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Cell::Int(number) if style.commas => thousands(*number),
        Cell::Int(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => harmless(text).into_owned(),
        Cell::Time(at) => (style.time)(*at),
        Cell::List(cells) if cells.is_empty() => UNKNOWN.to_owned(),
        Cell::List(cells) => cells.iter().map(|cell| printed(cell, style)).collect::<Vec<_>>().join(","),
    }
}

/// Whether a column holds numbers and nothing else.
fn is_numeric(table: &Table, column: usize) -> bool {
    let mut cells = table.rows.iter().filter_map(|row| row.get(column)).filter(|cell| **cell != Cell::Empty).peekable();
    cells.peek().is_some() && cells.all(|cell| matches!(cell, Cell::Int(_) | Cell::Real(_)))
}

fn natural_widths(headings: &[String], cells: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.width()).collect();
    for row in cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width().min(CELL_WIDTH_MAX));
        }
    }
    widths
}

/// Takes from the widest column, cell by cell, until the line fits or every column is as narrow as may be.
fn fit(mut widths: Vec<usize>, limit: Option<usize>) -> Vec<usize> {
    let Some(limit) = limit else { return widths };
    let gaps = GAP * (widths.len() - 1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let Some(widest) = widths.iter_mut().filter(|width| **width > COLUMN_WIDTH_MIN).max() else { break };
        *widest -= 1;
    }
    widths
}

fn line(cells: &[String], widths: &[usize], right: &[bool]) -> String {
    let mut out = String::new();
    for (at, ((cell, width), right)) in cells.iter().zip(widths).zip(right).enumerate() {
        if at > 0 {
            out.push_str(&" ".repeat(GAP));
        }
        let shown = cut(cell, *width);
        let padding = " ".repeat(width.saturating_sub(shown.width()));
        match right {
            true => out.extend([&padding, &*shown]),
            false => out.extend([&*shown, &padding]),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text, or as much of it as fits with `…` after it.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let kept: String = text
        .chars()
        .take_while(|char| {
            used += char.width().unwrap_or(0);
            used <= width
        })
        .collect();
    Cow::Owned(kept + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let columns = ["name", "last_seen", "threats", "sources"].map(str::to_owned).to_vec();
        let text = |text: &str| Cell::Text(text.to_owned());
        let rows = vec![
            vec![
                text("WKS-LON-0417"),
                Cell::Time(Timestamp::from_seconds(0)),
                Cell::Int(12_408),
                Cell::List(vec![text("scan"), text("s1")]),
            ],
            vec![text("東京-1"), Cell::Empty, Cell::Int(-7), Cell::List(Vec::new())],
        ];
        Table { columns, rows }
    }

    #[test]
    fn columns_align_and_numbers_stand_on_the_right() {
        let style = Style { commas: true, time: &|_| "today 12:04".to_owned(), ..Style::plain() };
        let expected = "\
NAME          LAST SEEN    THREATS  SOURCES
WKS-LON-0417  today 12:04   12,408  scan,s1
東京-1        -                 -7  -
";
        assert_eq!(terminal(&example(), &style), expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_columns() {
        let style = Style { width: Some(40), ..Style::plain() };
        let shown = terminal(&example(), &style);
        assert!(shown.lines().all(|line| line.width() <= 40), "{shown}");
        assert!(shown.contains('…'), "{shown}");
    }

    #[test]
    fn a_console_cannot_steer_the_terminal() {
        let columns = vec!["na\u{1b}me".to_owned()];
        let rows = vec![vec![Cell::Text("\u{1b}]0;pwned\u{7}\n\u{9b}2J\u{202e}gpj".to_owned())]];
        let shown = terminal(&Table { columns, rows }, &Style::plain());
        assert_eq!(shown, "NA?ME\n?]0;pwned???2J?gpj\n");
    }

    #[test]
    fn colour_is_only_on_the_headings() {
        let shown = terminal(&example(), &Style { color: true, ..Style::plain() });
        assert!(shown.starts_with("\u{1b}[1mNAME"));
        assert_eq!(shown.matches('\u{1b}').count(), 2);
    }

    #[test]
    fn thousands_have_commas() {
        let written: Vec<_> = [0, 999, 1000, -1_234_567, i64::MIN].map(thousands).to_vec();
        assert_eq!(written, ["0", "999", "1,000", "-1,234,567", "-9,223,372,036,854,775,808"]);
    }
}
