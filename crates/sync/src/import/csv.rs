//! CSV (RFC 4180, and the separators that spreadsheets use), read row by row.

use std::io::{BufRead, Read};

use super::source::Source;
use super::{COLUMNS_MAX, ImportError};

/// Separators that lists have, the likeliest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Who takes a row: the line on which it begins, the headers, the cells.
pub type TakeRow<'a> = &'a mut dyn FnMut(u64, &[String], Vec<String>) -> Result<(), ImportError>;

/// Reads a list: `headers` is told the first row, `take` every further one with the line on which it begins.
///
/// # Errors
/// It is malformed, has two columns of one name, or is too large; or a callee fails.
pub fn read<R: Read>(
    source: &mut Source<R>,
    headers: &mut dyn FnMut(&[String]) -> Result<(), ImportError>,
    take: TakeRow<'_>,
) -> Result<(), ImportError> {
    let piece = source.piece();
    piece.begin();
    let separator = separator(source.ahead());
    let mut names: Option<Vec<String>> = None;
    loop {
        piece.begin();
        let line = source.line();
        let Some(row) = row(source, separator)? else { break };
        // An empty line is no row.
        if row.len() == 1 && row[0].is_empty() {
            continue;
        }
        match &names {
            None => {
                check(&row)?;
                headers(&row)?;
                names = Some(row);
            }
            Some(names) => {
                let (has, wanted) = (row.len(), names.len());
                // Spreadsheets leave out empty cells at a row's end, or add some.
                if has > wanted && row[wanted..].iter().any(|cell| !cell.is_empty()) {
                    let what = format!(
                        "the row has {has} cells, and there are {wanted} columns; is a cell with {} not quoted?",
                        char::from(separator)
                    );
                    return Err(ImportError::Malformed { line, column: 1, what });
                }
                take(line, names, row)?;
            }
        }
    }
    if names.is_none() { Err(ImportError::Empty) } else { Ok(()) }
}

/// The separator that the first line has most of, outside quotes.
fn separator(ahead: &[u8]) -> u8 {
    let mut counts = [0usize; SEPARATORS.len()];
    let mut quoted = false;
    for byte in ahead {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(at) = SEPARATORS.iter().position(|separator| separator == byte) {
                    counts[at] += 1;
                }
            }
        }
    }
    let best = (0..SEPARATORS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    SEPARATORS[best]
}

fn check(names: &[String]) -> Result<(), ImportError> {
    for (second, name) in names.iter().enumerate() {
        let folded = kernel::fold(name);
        if let Some(first) = names[..second].iter().position(|known| kernel::fold(known) == folded) {
            // Columns without a name are told apart by nothing, and hold nothing that was meant.
            if !name.is_empty() {
                return Err(ImportError::DuplicateHeader { first: first + 1, second: second + 1 });
            }
        }
    }
    Ok(())
}

/// Where the reader stands in a cell.
enum At {
    /// At its beginning.
    Begin,
    /// In one without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote that may end it.
    Quote,
}

/// The next row; `None` at the end.
fn row<R: Read>(source: &mut Source<R>, separator: u8) -> Result<Option<Vec<String>>, ImportError> {
    let mut cells: Vec<Vec<u8>> = Vec::new();
    let mut cell: Vec<u8> = Vec::new();
    let mut at = At::Begin;
    let mut opened = (source.line(), source.column());
    let mut any = false;
    loop {
        let ahead = match source.fill_buf() {
            Ok(ahead) => ahead,
            Err(error) => return Err(source.problem().unwrap_or(ImportError::Io(error))),
        };
        let Some(byte) = ahead.first().copied() else {
            if let At::Quoted = at {
                let (line, column) = opened;
                return Err(ImportError::Malformed { line, column, what: "the quote is never closed".to_owned() });
            }
            if !any {
                return Ok(None);
            }
            cells.push(cell);
            return Ok(Some(finish(cells)));
        };
        any = true;
        // Stretches without meaning are taken at once.
        if let At::Plain | At::Quoted = at {
            let is_mark = |byte: &u8| match at {
                At::Quoted => *byte == b'"',
                _ => *byte == separator || matches!(byte, b'\n' | b'\r'),
            };
            let length = ahead.iter().position(is_mark).unwrap_or(ahead.len());
            if length > 0 {
                cell.extend_from_slice(&ahead[..length]);
                source.consume(length);
                continue;
            }
        }
        match (&at, byte) {
            (At::Begin, b'"') => {
                opened = (source.line(), source.column());
                at = At::Quoted;
            }
            (At::Quoted, b'"') => at = At::Quote,
            (At::Quote, b'"') => {
                cell.push(b'"');
                at = At::Quoted;
            }
            (_, byte) if byte == separator => {
                if cells.len() >= COLUMNS_MAX {
                    return Err(ImportError::TooManyColumns);
                }
                cells.push(std::mem::take(&mut cell));
                at = At::Begin;
            }
            (_, b'\n' | b'\r') => {
                source.consume(1);
                if byte == b'\r' {
                    let ahead = source.fill_buf();
                    if ahead.is_ok_and(|ahead| ahead.first() == Some(&b'\n')) {
                        source.consume(1);
                    }
                }
                cells.push(cell);
                return Ok(Some(finish(cells)));
            }
            (At::Quote, b' ' | b'\t') => {}
            (At::Quote, _) => {
                return Err(
                    source.malformed("there is text behind the closing quote; a quote inside a cell is written twice")
                );
            }
            (_, byte) => {
                cell.push(byte);
                at = At::Plain;
            }
        }
        source.consume(1);
    }
}

fn finish(cells: Vec<Vec<u8>>) -> Vec<String> {
    // The source hands out UTF-8 only, and separators, quotes and line ends are whole characters of it.
    cells.into_iter().map(|cell| String::from_utf8_lossy(&cell).trim().to_owned()).collect()
}
