//! What one value has to be for a term to hold. Defined once: SQL conditions are derived from it, dictionaries, raw
//! bodies and the naive evaluator run it.

use kernel::{Timestamp, fold};
use regex::Regex;
use serde_json::Value as Json;

use crate::tree::Op;
use crate::version::{Version, VersionRange};
use crate::words::{Word, all_in};

/// A test of one value.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Any value, an empty one too.
    Present,
    /// A text that contains this, both folded.
    Contains(String),
    /// A text that equals this, both folded.
    Equals(String),
    /// A text that equals one of these, all folded; sorted.
    OneOf(Vec<String>),
    /// A text of exactly these bytes.
    Exact(String),
    /// A text that, folded, fits a pattern of wildcards.
    Like(Pattern),
    /// A text in which the expression, ignoring case, finds something.
    Regex(Regex),
    /// A text that is a version in this range.
    Version(VersionRange),
    /// A whole number in this range, both ends included; also booleans, instants and durations.
    Int {
        /// The least; `None`: no bound.
        low: Option<i64>,
        /// The greatest; `None`: no bound.
        high: Option<i64>,
    },
    /// A number in this range.
    Real(RealRange),
    /// An address in this range, both ends included, as 16 bytes.
    Ip {
        /// The first address.
        low: [u8; 16],
        /// The last address.
        high: [u8; 16],
    },
    /// A hardware address that begins with these lower-case hexadecimal digits.
    Mac(String),
    /// A text in which all of these words are.
    Words(Vec<Word>),
    /// A value of a raw body, whose type is known only when it is there.
    Raw(Box<RawMatcher>),
    /// Any of these.
    Any(Vec<Matcher>),
}

/// A range of numbers; each bound says whether it is itself inside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RealRange {
    /// The least and whether it is inside.
    pub low: Option<(f64, bool)>,
    /// The greatest and whether it is inside.
    pub high: Option<(f64, bool)>,
}

impl RealRange {
    /// Whether the number is inside.
    #[must_use]
    pub fn contains(&self, number: f64) -> bool {
        let above = self.low.is_none_or(|(low, inside)| number > low || (inside && number == low));
        let below = self.high.is_none_or(|(high, inside)| number < high || (inside && number == high));
        above && below
    }

    /// The numbers for which `number <op> bound` holds; `=` for what does not order.
    #[must_use]
    pub fn compared(op: Op, bound: f64) -> RealRange {
        match op {
            Op::Greater => RealRange { low: Some((bound, false)), high: None },
            Op::GreaterEqual => RealRange { low: Some((bound, true)), high: None },
            Op::Less => RealRange { low: None, high: Some((bound, false)) },
            Op::LessEqual => RealRange { low: None, high: Some((bound, true)) },
            _ => RealRange { low: Some((bound, true)), high: Some((bound, true)) },
        }
    }
}

/// A pattern of wildcards over folded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    One,
    Any,
}

/// A test of a raw value by what it turns out to be.
#[derive(Clone, Debug)]
pub struct RawMatcher {
    /// The test of text; for ordering operators nothing.
    pub(crate) text: Option<Matcher>,
    pub(crate) bool: Option<bool>,
    pub(crate) number: Option<RealRange>,
    /// Instants in microseconds, both ends included.
    pub(crate) instant: Option<(Option<i64>, Option<i64>)>,
    pub(crate) version: Option<VersionRange>,
    /// Whether numbers there are instants, counted from 1970: runZero's `..TS`.
    pub(crate) epoch: bool,
}

impl Matcher {
    /// Whether a text as sent matches.
    #[must_use]
    pub fn matches_text(&self, text: &str) -> bool {
        match self {
            Matcher::Present => true,
            Matcher::Contains(part) => fold(text).contains(part.as_str()),
            Matcher::Equals(whole) => fold(text) == *whole,
            Matcher::OneOf(words) => words.binary_search_by(|word| word.as_str().cmp(&fold(text))).is_ok(),
            Matcher::Exact(whole) => text == whole,
            Matcher::Like(pattern) => pattern.matches(&fold(text)),
            Matcher::Regex(regex) => regex.is_match(text),
            Matcher::Version(range) => range.contains(text),
            Matcher::Mac(prefix) => text.starts_with(prefix.as_str()),
            Matcher::Words(words) => all_in(words, text),
            Matcher::Any(any) => any.iter().any(|matcher| matcher.matches_text(text)),
            Matcher::Raw(raw) => raw.matches(&Json::String(text.to_owned())),
            Matcher::Int { .. } | Matcher::Real(_) | Matcher::Ip { .. } => false,
        }
    }

    /// Whether a whole number, a boolean as 0 or 1, an instant or a duration matches.
    #[must_use]
    pub fn matches_int(&self, number: i64) -> bool {
        match self {
            Matcher::Present => true,
            Matcher::Int { low, high } => low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high),
            Matcher::Any(any) => any.iter().any(|matcher| matcher.matches_int(number)),
            _ => false,
        }
    }

    /// Whether a number matches.
    #[must_use]
    pub fn matches_real(&self, number: f64) -> bool {
        match self {
            Matcher::Present => true,
            Matcher::Real(range) => range.contains(number),
            Matcher::Any(any) => any.iter().any(|matcher| matcher.matches_real(number)),
            _ => false,
        }
    }

    /// Whether an address, as 16 bytes, matches.
    #[must_use]
    pub fn matches_ip(&self, address: &[u8; 16]) -> bool {
        match self {
            Matcher::Present => true,
            Matcher::Ip { low, high } => low <= address && address <= high,
            Matcher::Any(any) => any.iter().any(|matcher| matcher.matches_ip(address)),
            _ => false,
        }
    }

    /// Whether a scalar of a raw body matches.
    #[must_use]
    pub fn matches_json(&self, value: &Json) -> bool {
        match (self, value) {
            (Matcher::Raw(raw), value) => raw.matches(value),
            (Matcher::Any(any), value) => any.iter().any(|matcher| matcher.matches_json(value)),
            (Matcher::Present, value) => !value.is_null(),
            (_, Json::String(text)) => self.matches_text(text),
            (_, Json::Bool(yes)) => {
                self.matches_int(i64::from(*yes)) || self.matches_text(if *yes { "true" } else { "false" })
            }
            (_, Json::Number(number)) => {
                number.as_i64().is_some_and(|number| self.matches_int(number))
                    || number.as_f64().is_some_and(|number| self.matches_real(number))
                    || self.matches_text(&number.to_string())
            }
            _ => false,
        }
    }

    /// Whether only Rust can run it over a text column: no SQL that both databases read alike says it.
    pub(crate) fn beyond_sql(&self) -> bool {
        match self {
            Matcher::Regex(_) | Matcher::Version(_) | Matcher::Raw(_) => true,
            Matcher::Any(any) => any.iter().any(Matcher::beyond_sql),
            _ => false,
        }
    }
}

impl RawMatcher {
    fn matches(&self, value: &Json) -> bool {
        match value {
            Json::Null | Json::Array(_) | Json::Object(_) => false,
            Json::Bool(yes) => match self.bool {
                Some(asked) => asked == *yes,
                None => self.matches_plain(if *yes { "true" } else { "false" }),
            },
            Json::Number(number) => {
                let Some(real) = number.as_f64() else { return false };
                if self.epoch && self.instant.is_some() {
                    return self.instant_holds(epoch_micros(real));
                }
                match &self.number {
                    Some(range) => range.contains(real),
                    None => self.matches_plain(&number.to_string()),
                }
            }
            Json::String(text) => {
                if self.matches_plain(text) {
                    return true;
                }
                // Sizes only: the text of a number, an instant or a version.
                if self.text.is_some() {
                    return false;
                }
                let number = text.trim().parse::<f64>().ok();
                if let (Some(range), Some(number)) = (&self.number, number) {
                    return range.contains(number);
                }
                if let Ok(at) = Timestamp::parse(text) {
                    let seconds = at.micros() as f64 / 1e6;
                    return self.instant_holds(at.micros())
                        || (self.instant.is_none() && self.number.is_some_and(|range| range.contains(seconds)));
                }
                self.version.as_ref().is_some_and(|range| Version::parse(text).is_some() && range.contains(text))
            }
        }
    }

    fn matches_plain(&self, text: &str) -> bool {
        self.text.as_ref().is_some_and(|matcher| matcher.matches_text(text))
    }

    fn instant_holds(&self, micros: i64) -> bool {
        self.instant.is_some_and(|(low, high)| Matcher::Int { low, high }.matches_int(micros))
    }
}

/// Seconds, milliseconds or microseconds since 1970, told apart by size: seconds reach 10^11 in the year 5138.
fn epoch_micros(number: f64) -> i64 {
    let micros = match number.abs() {
        size if size < 1e11 => number * 1e6,
        size if size < 1e14 => number * 1e3,
        _ => number,
    };
    micros as i64
}

impl Pattern {
    /// Reads the wildcards of a value in the form of [`crate::tree::Operand::text`]: `%` and `*` stand for any run;
    /// `_` and `?` for one character, if `one` says so. `whole`: the text has to fit from end to end.
    pub(crate) fn read(text: &str, one: bool, whole: bool) -> Pattern {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut flush = |literal: &mut String, part: Option<Part>| {
            if !literal.is_empty() {
                parts.push(Part::Literal(fold(literal).into_owned()));
                literal.clear();
            }
            match part {
                Some(Part::Any) if parts.last() == Some(&Part::Any) => {}
                Some(part) => parts.push(part),
                None => {}
            }
        };
        if !whole {
            flush(&mut literal, Some(Part::Any));
        }
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '\\' => literal.extend(chars.next()),
                '%' | '*' => flush(&mut literal, Some(Part::Any)),
                '_' | '?' if one => flush(&mut literal, Some(Part::One)),
                char => literal.push(char),
            }
        }
        flush(&mut literal, (!whole).then_some(Part::Any));
        Pattern(parts)
    }

    /// The same pattern for `LIKE .. ESCAPE '\'`.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut sql = String::new();
        for part in &self.0 {
            match part {
                Part::Any => sql.push('%'),
                Part::One => sql.push('_'),
                Part::Literal(text) => sql.push_str(&escaped_like(text)),
            }
        }
        sql
    }

    /// Whether every text fits.
    pub(crate) fn fits_all(&self) -> bool {
        self.0.iter().all(|part| *part == Part::Any) && !self.0.is_empty()
    }

    fn matches(&self, folded: &str) -> bool {
        // Greedy with one way back, to behind the last run: linear in practice, bounded by length times pattern.
        let parts: Vec<One> = self.0.iter().flat_map(One::of).collect();
        let text: Vec<char> = folded.chars().collect();
        let (mut at, mut part) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while at < text.len() {
            match parts.get(part) {
                Some(One::Any) => {
                    back = Some((at, part + 1));
                    part += 1;
                }
                Some(One::Char(char)) if char.is_none_or(|char| char == text[at]) => {
                    at += 1;
                    part += 1;
                }
                _ => match back {
                    Some((from, behind)) => {
                        back = Some((from + 1, behind));
                        at = from + 1;
                        part = behind;
                    }
                    None => return false,
                },
            }
        }
        parts[part..].iter().all(|part| matches!(part, One::Any))
    }
}

enum One {
    /// This character, or any one.
    Char(Option<char>),
    /// Any run.
    Any,
}

impl One {
    fn of(part: &Part) -> Vec<One> {
        match part {
            Part::Any => vec![One::Any],
            Part::One => vec![One::Char(None)],
            Part::Literal(text) => text.chars().map(|char| One::Char(Some(char))).collect(),
        }
    }
}

/// A literal for `LIKE .. ESCAPE '\'`.
pub(crate) fn escaped_like(text: &str) -> String {
    let mut sql = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '%' | '_' | '\\') {
            sql.push('\\');
        }
        sql.push(char);
    }
    sql
}

/// A value in the form of [`crate::tree::Operand::text`] without its backslashes.
pub(crate) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            char => plain.push(char),
        }
    }
    plain
}

/// A literal in the form of [`crate::tree::Operand::text`]: nothing in it is a wildcard.
pub(crate) fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '\\' | '%' | '*' | '?') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

/// Whether a value has a wildcard that is not disarmed: any run, or one character.
pub(crate) fn wildcards(text: &str) -> (bool, bool) {
    let (mut any, mut one) = (false, false);
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            '%' | '*' => any = true,
            '_' | '?' => one = true,
            _ => {}
        }
    }
    (any, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, whole: bool) -> Pattern {
        Pattern::read(text, true, whole)
    }

    #[test]
    fn wildcards_match_runs_and_single_characters() {
        assert!(like("ubuntu linux%", true).matches("ubuntu linux 22.04"));
        assert!(!like("ubuntu", true).matches("ubuntu linux"));
        assert!(like("window_", true).matches("windows") && !like("window_", true).matches("window"));
        assert!(like("a*b?d", false).matches("xxa--bcdyy"));
        assert!(like("%a%ab", true).matches("aab") && like("*ab", true).matches("aaab"));
        assert!(like("100\\%", true).matches("100%") && !like("100\\%", true).matches("1000"));
        assert!(like("%", true).matches("") && !like("_", true).matches(""));
    }

    #[test]
    fn patterns_are_escaped_for_sql() {
        assert_eq!(like("50\\%_x\\\\*", true).sql(), "50\\%_x\\\\%");
        assert_eq!(like("ab", false).sql(), "%ab%");
    }

    #[test]
    fn text_matches_folded_and_exact_bytes_do_not() {
        assert!(Matcher::Contains(fold("É").into_owned()).matches_text("CAFE\u{301}"));
        assert!(Matcher::Equals("wks".to_owned()).matches_text("WKS"));
        assert!(!Matcher::Exact("wks".to_owned()).matches_text("WKS"));
    }
}
