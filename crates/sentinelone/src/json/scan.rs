//! The grammar of JSON over bytes: strings, numbers, literals, whole values. Everything else stands on these.

use std::borrow::Cow;

use super::{JsonError, JsonFault};
use crate::page::DEPTH_MAX;

pub(crate) fn invalid(position: usize) -> JsonError {
    JsonError { what: JsonFault::Invalid, position }
}

pub(crate) fn truncated(position: usize) -> JsonError {
    JsonError { what: JsonFault::Truncated, position }
}

/// An error for what stands at a place where something else should: the end of the text is a truncation.
pub(crate) fn unexpected(bytes: &[u8], at: usize) -> JsonError {
    if at < bytes.len() { invalid(at) } else { truncated(at) }
}

pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(bytes).map_err(|error| match error.error_len() {
        Some(_) => invalid(error.valid_up_to()),
        None => truncated(error.valid_up_to()),
    })
}

#[inline]
pub(crate) fn white_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks, in a little-endian word, the bytes that end the plain run of a string. The lowest mark is always right.
#[inline]
const fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let escape = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (control | (quote.wrapping_sub(ONES) & !quote) | (escape.wrapping_sub(ONES) & !escape)) & HIGHS
}

/// From just behind the opening quote to the closing one: its position, and whether there are escapes between.
#[inline]
pub(crate) fn string(bytes: &[u8], mut at: usize) -> Result<(usize, bool), JsonError> {
    let mut escaped = false;
    loop {
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let marks = special(u64::from_le_bytes(*chunk));
            if marks != 0 {
                at += (marks.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        match bytes.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            Some(0..0x20) => return Err(invalid(at)),
            Some(_) => at += 1,
            None => return Err(truncated(at)),
        }
    }
}

/// From a backslash to behind its escape.
fn escape(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match bytes.get(at + 2..at + 6) {
            Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            Some(_) => Err(invalid(at)),
            None => Err(truncated(at)),
        },
        Some(_) => Err(invalid(at)),
        None => Err(truncated(at)),
    }
}

/// From the first byte of a number to behind its last.
pub(crate) fn number(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    let run = |mut at: usize| -> Result<usize, JsonError> {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == start { Err(unexpected(bytes, at)) } else { Ok(at) }
    };
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { run(at)? };
    if bytes.get(at) == Some(&b'.') {
        at = run(at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = run(at)?;
    }
    Ok(at)
}

/// From the first byte of `null`, `true` or `false` to behind its last.
pub(crate) fn literal(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, JsonError> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        Ok(at + word.len())
    } else if word.starts_with(rest) {
        Err(truncated(at))
    } else {
        Err(invalid(at))
    }
}

/// From the first byte of a string, number or literal to behind its last.
#[inline]
pub(crate) fn scalar(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at) {
        Some(b'"') => Ok(string(bytes, at + 1)?.0 + 1),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b'n') => literal(bytes, at, b"null"),
        Some(b't') => literal(bytes, at, b"true"),
        Some(b'f') => literal(bytes, at, b"false"),
        _ => Err(unexpected(bytes, at)),
    }
}

/// From the first byte of any value to behind its last, at most `DEPTH_MAX - depth` levels deep.
pub(crate) fn value(bytes: &[u8], mut at: usize, depth: usize) -> Result<usize, JsonError> {
    if !matches!(bytes.get(at), Some(b'{' | b'[')) {
        return scalar(bytes, at);
    }
    // One bit per open level: 1 for an object.
    let mut levels: u64 = 0;
    let mut open = 0;
    loop {
        // At the first byte of a value.
        match bytes.get(at) {
            Some(bracket @ (b'{' | b'[')) => {
                if depth + open >= DEPTH_MAX {
                    return Err(JsonError { what: JsonFault::TooDeep, position: at });
                }
                let object = *bracket == b'{';
                levels = levels << 1 | u64::from(object);
                open += 1;
                at = white_space(bytes, at + 1);
                if bytes.get(at) == Some(if object { &b'}' } else { &b']' }) {
                    levels >>= 1;
                    open -= 1;
                    at += 1;
                } else {
                    if object {
                        at = key(bytes, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar(bytes, at)?,
        }
        // Behind a value.
        loop {
            if open == 0 {
                return Ok(at);
            }
            let object = levels & 1 == 1;
            at = white_space(bytes, at);
            match bytes.get(at) {
                Some(b',') => {
                    at = white_space(bytes, at + 1);
                    if object {
                        at = key(bytes, at)?;
                    }
                    break;
                }
                Some(b'}') if object => {}
                Some(b']') if !object => {}
                _ => return Err(unexpected(bytes, at)),
            }
            levels >>= 1;
            open -= 1;
            at += 1;
        }
    }
}

/// From the opening quote of a key to the first byte of its value.
#[inline]
fn key(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(unexpected(bytes, at));
    }
    let (end, _) = string(bytes, at + 1)?;
    colon(bytes, end + 1)
}

/// From behind a key to the first byte of its value.
#[inline]
pub(crate) fn colon(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let at = white_space(bytes, at);
    if bytes.get(at) != Some(&b':') {
        return Err(unexpected(bytes, at));
    }
    Ok(white_space(bytes, at + 1))
}

/// One unit of a string's text.
pub(crate) enum Unit<'a> {
    /// A run without escapes.
    Plain(&'a str),
    /// An escaped character.
    Char(char),
    /// Half of a surrogate pair, alone.
    Lone(u16),
}

/// Takes the inside of a valid JSON string apart.
pub(crate) fn units<'a>(inner: &'a str, mut each: impl FnMut(Unit<'a>)) {
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        if at > 0 {
            each(Unit::Plain(&rest[..at]));
        }
        let bytes = rest.as_bytes();
        let (unit, length) = match bytes.get(at + 1) {
            Some(b'b') => (Unit::Char('\u{8}'), 2),
            Some(b'f') => (Unit::Char('\u{c}'), 2),
            Some(b'n') => (Unit::Char('\n'), 2),
            Some(b'r') => (Unit::Char('\r'), 2),
            Some(b't') => (Unit::Char('\t'), 2),
            Some(b'u') => {
                let first = hex(bytes, at + 2);
                let second = || (bytes.get(at + 6..at + 8) == Some(b"\\u")).then(|| hex(bytes, at + 8));
                match (first, char::from_u32(u32::from(first))) {
                    (_, Some(c)) => (Unit::Char(c), 6),
                    (0xd800..0xdc00, None) => match second() {
                        Some(low @ 0xdc00..0xe000) => {
                            let code = 0x10000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                            (char::from_u32(code).map_or(Unit::Lone(first), Unit::Char), 12)
                        }
                        _ => (Unit::Lone(first), 6),
                    },
                    _ => (Unit::Lone(first), 6),
                }
            }
            Some(&other) => (Unit::Char(char::from(other)), 2),
            None => (Unit::Char('\\'), 1),
        };
        each(unit);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    if !rest.is_empty() {
        each(Unit::Plain(rest));
    }
}

fn hex(bytes: &[u8], at: usize) -> u16 {
    let digits = bytes.get(at..at + 4).unwrap_or_default();
    digits.iter().fold(0, |sum, digit| (sum << 4) | char::from(*digit).to_digit(16).unwrap_or(0) as u16)
}

/// The text of the inside of a valid JSON string; a lone surrogate becomes U+FFFD.
#[inline]
pub(crate) fn unescaped(inner: &str) -> Cow<'_, str> {
    if !inner.as_bytes().contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    units(inner, |unit| match unit {
        Unit::Plain(run) => text.push_str(run),
        Unit::Char(c) => text.push(c),
        Unit::Lone(_) => text.push(char::REPLACEMENT_CHARACTER),
    });
    Cow::Owned(text)
}
