//! A pull reader over one JSON text: the caller says what it expects, nothing is built.

use std::borrow::Cow;

use super::scan::{self, unexpected};
use super::{Json, JsonError, JsonFault};
use crate::page::DEPTH_MAX;
use crate::records::Drift;

/// Reads one text from the front. After an error it must not be used further.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Whether the object or array just entered has had no member yet.
    first: bool,
    /// Names of the records we are inside of, for `drift`.
    pub(crate) path: Vec<&'static str>,
    /// What did not look as documented.
    pub(crate) drift: Drift<'a>,
}

/// A place in the text to which the reader can return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: usize,
    depth: usize,
    first: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0, first: false, path: Vec::new(), drift: Drift::default() }
    }

    /// The first byte of what comes next, white space skipped.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, JsonError> {
        self.at = scan::white_space(self.text.as_bytes(), self.at);
        self.text.as_bytes().get(self.at).copied().ok_or_else(|| scan::truncated(self.at))
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { at: self.at, depth: self.depth, first: self.first }
    }

    pub(crate) fn return_to(&mut self, mark: Mark) {
        (self.at, self.depth, self.first) = (mark.at, mark.depth, mark.first);
    }

    /// Takes the opening bracket of an object or array.
    #[inline]
    pub(crate) fn enter(&mut self, bracket: u8) -> Result<(), JsonError> {
        if self.peek()? != bracket {
            return Err(scan::invalid(self.at));
        }
        if self.depth >= DEPTH_MAX {
            return Err(JsonError { what: JsonFault::TooDeep, position: self.at });
        }
        self.at += 1;
        self.depth += 1;
        self.first = true;
        Ok(())
    }

    /// The key of the next member with the reader at its value, or `None` behind the object.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<Cow<'a, str>>, JsonError> {
        if !self.next(b'}')? {
            return Ok(None);
        }
        if self.peek()? != b'"' {
            return Err(scan::invalid(self.at));
        }
        let key = self.string()?;
        self.at = scan::colon(self.text.as_bytes(), self.at)?;
        Ok(Some(key))
    }

    /// Whether another item comes, with the reader at it; if not, the reader is behind the array.
    #[inline]
    pub(crate) fn item(&mut self) -> Result<bool, JsonError> {
        self.next(b']')
    }

    #[inline]
    fn next(&mut self, close: u8) -> Result<bool, JsonError> {
        let byte = self.peek()?;
        let first = std::mem::replace(&mut self.first, false);
        if byte == close {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if first {
            return Ok(true);
        }
        if byte != b',' {
            return Err(scan::invalid(self.at));
        }
        self.at = scan::white_space(self.text.as_bytes(), self.at + 1);
        Ok(true)
    }

    /// Takes a string; the reader is at its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let start = self.at + 1;
        let (end, escaped) = scan::string(self.text.as_bytes(), start)?;
        self.at = end + 1;
        let inner = &self.text[start..end];
        Ok(if escaped { scan::unescaped(inner) } else { Cow::Borrowed(inner) })
    }

    /// Takes a number, as it was written; the reader is at its first byte.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.at = scan::number(self.text.as_bytes(), start)?;
        Ok(&self.text[start..self.at])
    }

    /// Takes `null`, `true` or `false`; the reader is at its first byte.
    #[inline]
    pub(crate) fn literal(&mut self, word: &'static str) -> Result<(), JsonError> {
        self.at = scan::literal(self.text.as_bytes(), self.at, word.as_bytes())?;
        Ok(())
    }

    /// Takes any value without looking into it.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<Json<'a>, JsonError> {
        self.at = scan::white_space(self.text.as_bytes(), self.at);
        let start = self.at;
        self.at = scan::value(self.text.as_bytes(), start, self.depth)?;
        self.first = false;
        Ok(Json(&self.text[start..self.at]))
    }

    /// What was taken since a place.
    pub(crate) fn since(&self, mark: Mark) -> Json<'a> {
        Json(&self.text[mark.at..self.at])
    }

    /// Makes sure that nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.at = scan::white_space(self.text.as_bytes(), self.at);
        if self.at < self.text.len() {
            return Err(unexpected(self.text.as_bytes(), self.at));
        }
        Ok(())
    }
}
