//! [`Source`]: a file as UTF-8 text, read piece by piece within bounds, that knows at which line and column it is.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::{ImportError, PIECE_BYTES_MAX};

/// Bytes that are asked for at a time.
const CHUNK: usize = 64 * 1024;

/// Beginnings of lines that are remembered, so that a problem behind which the reader has gone on finds its place.
const LINES_REMEMBERED: usize = 4_096;

/// How the bytes become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { big: bool },
    Latin1,
}

/// A file as text.
pub struct Source<R> {
    inner: R,
    encoding: Encoding,
    /// Bytes as they are, not decoded yet.
    raw: Vec<u8>,
    ended: bool,
    text: Vec<u8>,
    at: usize,
    /// Bytes read of the file.
    read: u64,
    bytes_max: u64,
    /// Bytes of text that were consumed.
    consumed: u64,
    /// Where lines begin, as bytes of text, with their number.
    lines: VecDeque<(u64, u64)>,
    /// Characters of the present line that were consumed.
    column: u64,
    piece: Piece,
    problem: Option<ImportError>,
}

/// How much of one record was read; whoever reads records begins it anew with each.
#[derive(Clone, Debug, Default)]
pub struct Piece(Rc<Cell<u64>>);

impl Piece {
    /// Begins the next record.
    pub fn begin(&self) {
        self.0.set(0);
    }
}

impl<R: Read> Source<R> {
    /// Looks at how a file begins. Nothing is decided about what it holds, only that it is text.
    ///
    /// # Errors
    /// It is empty, compressed, or in an encoding that is not read.
    pub fn open(mut inner: R, bytes_max: u64) -> Result<Source<R>, ImportError> {
        let mut raw = Vec::with_capacity(CHUNK);
        while raw.len() < CHUNK / 2 {
            let before = raw.len();
            raw.resize(CHUNK, 0);
            let read = inner.read(&mut raw[before..]);
            let count = match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                read => match read.map_err(ImportError::Io)? {
                    0 => {
                        raw.truncate(before);
                        break;
                    }
                    count => count,
                },
            };
            raw.truncate(before + count);
        }
        if let Some((kind, how)) = compressed(&raw) {
            return Err(ImportError::Compressed { kind, how });
        }
        let (encoding, mark) = encoding(&raw)?;
        let read = raw.len() as u64;
        raw.drain(..mark);
        let mut source = Source {
            inner,
            encoding,
            raw,
            ended: false,
            text: Vec::new(),
            at: 0,
            read,
            bytes_max,
            consumed: 0,
            lines: VecDeque::from([(0, 1)]),
            column: 0,
            piece: Piece::default(),
            problem: None,
        };
        source.decode().map_err(|problem| source.problem.take().unwrap_or(ImportError::Io(problem)))?;
        Ok(source)
    }

    /// How much of one record was read.
    pub fn piece(&self) -> Piece {
        self.piece.clone()
    }

    /// What was read ahead and not consumed.
    pub fn ahead(&self) -> &[u8] {
        &self.text[self.at..]
    }

    /// The line that is read, from 1.
    pub fn line(&self) -> u64 {
        self.lines.back().map_or(1, |(_, line)| *line)
    }

    /// The next character's column, from 1.
    pub fn column(&self) -> u64 {
        self.column + 1
    }

    /// The line and column of a byte of the text that was consumed.
    pub fn place(&self, byte: u64) -> (u64, u64) {
        match self.lines.iter().rev().find(|(begin, _)| *begin <= byte) {
            // Exact in ASCII, which is where problems of syntax are.
            Some((begin, line)) if byte <= self.consumed => (*line, byte - begin + 1),
            _ => (self.line(), self.column()),
        }
    }

    /// What went wrong in here, if an error came from here.
    pub fn problem(&mut self) -> Option<ImportError> {
        self.problem.take()
    }

    /// A problem at the present place.
    pub fn malformed(&self, what: impl Into<String>) -> ImportError {
        ImportError::Malformed { line: self.line(), column: self.column(), what: what.into() }
    }

    fn fail(&mut self, problem: ImportError) -> io::Error {
        let error = io::Error::other(problem.to_string());
        self.problem = Some(problem);
        error
    }

    /// Reads on until there is text, or the end.
    fn fill(&mut self) -> io::Result<()> {
        while self.at >= self.text.len() && !(self.ended && self.raw.is_empty()) {
            let before = self.raw.len();
            self.raw.resize(before + CHUNK, 0);
            let read = self.inner.read(&mut self.raw[before..]);
            self.raw.truncate(before + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.ended = true,
                Ok(count) => self.read += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let kind = error.kind();
                    self.problem = Some(ImportError::Io(error));
                    return Err(io::Error::from(kind));
                }
            }
            if self.read > self.bytes_max {
                let bytes_max = self.bytes_max;
                return Err(self.fail(ImportError::TooLarge { bytes_max }));
            }
            self.decode()?;
        }
        Ok(())
    }

    /// Turns what was read into text, as far as it makes whole characters.
    fn decode(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        match self.encoding {
            Encoding::Utf8 => self.decode_utf8(),
            Encoding::Utf16 { big } => self.decode_utf16(big),
            Encoding::Latin1 => {
                let text: String = self.raw.drain(..).map(char::from).collect();
                self.text = text.into_bytes();
                Ok(())
            }
        }
    }

    fn decode_utf8(&mut self) -> io::Result<()> {
        let valid = match std::str::from_utf8(&self.raw) {
            Ok(text) => text.len(),
            // The last character may go on in what is read next.
            Err(error) if error.error_len().is_none() && !self.ended => error.valid_up_to(),
            Err(error) => {
                let (line, column) = self.place_ahead(error.valid_up_to());
                return Err(self.fail(ImportError::Encoding { line, column, guess: "WINDOWS-1252" }));
            }
        };
        self.text.extend(self.raw.drain(..valid));
        Ok(())
    }

    /// The line and column of a byte that was read and not decoded.
    fn place_ahead(&self, valid: usize) -> (u64, u64) {
        let before = &self.raw[..valid];
        let lines = before.iter().filter(|byte| **byte == b'\n').count() as u64;
        let last = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let characters = before[last..].iter().filter(|byte| (**byte as i8) >= -0x40).count() as u64;
        let column = if lines == 0 { self.column } else { 0 };
        (self.line() + lines, column + characters + 1)
    }

    fn decode_utf16(&mut self, big: bool) -> io::Result<()> {
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let mut units: Vec<u16> = self.raw.chunks_exact(2).map(unit).collect();
        // A character of two units may go on in what is read next.
        if !self.ended && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
            units.pop();
        }
        let odd = self.ended && self.raw.len() % 2 == 1;
        self.raw.drain(..units.len() * 2);
        let text = String::from_utf16(&units);
        match text {
            Ok(text) if !odd => {
                self.text = text.into_bytes();
                Ok(())
            }
            _ => {
                let (line, column) = (self.line(), self.column());
                let what = "the UTF-16 text is broken here, or shortly after".to_owned();
                self.raw.clear();
                Err(self.fail(ImportError::Malformed { line, column, what }))
            }
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ahead = self.fill_buf()?;
        let count = ahead.len().min(out.len());
        out[..count].copy_from_slice(&ahead[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.0.get() > PIECE_BYTES_MAX {
            let line = self.line();
            return Err(self.fail(ImportError::PieceTooLarge { line }));
        }
        if self.at >= self.text.len() {
            self.fill()?;
        }
        Ok(&self.text[self.at..])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.text.len() - self.at);
        for byte in &self.text[self.at..self.at + count] {
            self.consumed += 1;
            if *byte == b'\n' {
                let line = self.line() + 1;
                if self.lines.len() == LINES_REMEMBERED {
                    self.lines.pop_front();
                }
                self.lines.push_back((self.consumed, line));
                self.column = 0;
            } else if (*byte as i8) >= -0x40 {
                // Not the second byte of a character, or a later one.
                self.column += 1;
            }
        }
        self.at += count;
        self.piece.0.set(self.piece.0.get() + count as u64);
    }
}

/// How a file is compressed, and what unpacks it; by its first bytes.
fn compressed(raw: &[u8]) -> Option<(&'static str, &'static str)> {
    const MAGIC: [(&[u8], &str, &str); 7] = [
        (b"\x1f\x8b", "gzip", "gunzip -c"),
        (b"PK\x03\x04", "zip, as workbooks are; save a workbook as CSV", "unzip -p"),
        (b"PK\x05\x06", "zip", "unzip -p"),
        (b"BZh", "bzip2", "bunzip2 -c"),
        (b"\xfd7zXZ\0", "xz", "xz -dc"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z e -so"),
    ];
    MAGIC.into_iter().find(|(magic, ..)| raw.starts_with(magic)).map(|(_, kind, how)| (kind, how))
}

/// The encoding, and how many bytes mark it.
fn encoding(raw: &[u8]) -> Result<(Encoding, usize), ImportError> {
    match raw {
        [] => return Err(ImportError::Empty),
        [0xef, 0xbb, 0xbf, ..] => return Ok((Encoding::Utf8, 3)),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err(ImportError::Encoding { line: 1, column: 1, guess: "UTF-32" });
        }
        [0xff, 0xfe, ..] => return Ok((Encoding::Utf16 { big: false }, 2)),
        [0xfe, 0xff, ..] => return Ok((Encoding::Utf16 { big: true }, 2)),
        // Without a mark: text begins with a character that has one byte in UTF-8.
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => return Ok((Encoding::Utf16 { big: false }, 0)),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => return Ok((Encoding::Utf16 { big: true }, 0)),
        _ => {}
    }
    let head = &raw[..raw.len().min(200)];
    let head = String::from_utf8_lossy(head);
    let declared = head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).and_then(|(inside, _)| {
        let (_, after) = inside.split_once("encoding")?;
        let after = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        after[1..].split_once(quote).map(|(name, _)| name.to_owned())
    });
    match declared {
        None => Ok((Encoding::Utf8, 0)),
        Some(name) => match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok((Encoding::Utf8, 0)),
            "iso-8859-1" | "iso8859-1" | "latin1" => Ok((Encoding::Latin1, 0)),
            _ => {
                Err(ImportError::DeclaredEncoding { name: name.chars().filter(|c| !c.is_control()).take(40).collect() })
            }
        },
    }
}
