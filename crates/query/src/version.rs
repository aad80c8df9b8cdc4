//! Versions as people compare them: part by part, numbers as numbers.
//!
//! Sound for Windows' four parts (`10.0.19045.3570`), for versions like semver (`1.2.0-rc.1` before `1.2.0`), for
//! letters behind numbers (`1.0.2u`, `22H2`) and for Debian's epochs and tildes (`1:9.2~bpo1`).

use std::cmp::Ordering;

/// A version, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    epoch: String,
    parts: Vec<Vec<Token>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Digits without leading zeros; no limit on their number. Zero is empty.
    Number(String),
    /// Lower-case letters.
    Word(String),
}

/// A range of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionRange {
    /// These parts, and any further: `3.0` has `3.0.1` and not `3.01`.
    Prefix(Version),
    /// From one to the other; each says whether it is itself inside.
    Between(Option<(Version, bool)>, Option<(Version, bool)>),
}

/// Words that come before the version they are put to.
const EARLY: [&str; 9] = ["alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "cr", "nightly"];

impl Version {
    /// Reads a version; `None` if the text has no digit, or does not begin with one (a `v` before it aside).
    #[must_use]
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).filter(|rest| begins_with_digit(rest)).unwrap_or(text);
        if !begins_with_digit(text) {
            return None;
        }
        let (epoch, text) = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
            _ => ("", text),
        };
        let separated = |char: char| !char.is_alphanumeric() && char != '~';
        let parts = text.split(separated).filter(|part| !part.is_empty()).map(tokens).collect();
        Some(Version { epoch: epoch.trim_start_matches('0').to_owned(), parts })
    }

    /// Compares as people do; `1.2` and `1.2.0` are the same version.
    #[must_use]
    pub fn compare(&self, other: &Version) -> Ordering {
        let mut order = compare_digits(&self.epoch, &other.epoch);
        for index in 0..self.parts.len().max(other.parts.len()) {
            order = order.then_with(|| compare_part(self.part(index), other.part(index)));
        }
        order
    }

    fn part(&self, index: usize) -> &[Token] {
        self.parts.get(index).map_or(&[], Vec::as_slice)
    }

    fn begins(&self, other: &Version) -> bool {
        self.epoch == other.epoch
            && (0..self.parts.len()).all(|index| compare_part(self.part(index), other.part(index)) == Ordering::Equal)
    }
}

impl VersionRange {
    /// Whether the text is a version in this range; what is no version is in none.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let Some(version) = Version::parse(text) else { return false };
        match self {
            VersionRange::Prefix(prefix) => prefix.begins(&version),
            VersionRange::Between(low, high) => {
                let beyond = |bound: &Option<(Version, bool)>, outside: Ordering| {
                    bound.as_ref().is_some_and(|(bound, inside)| {
                        let order = version.compare(bound);
                        order == outside || (order == Ordering::Equal && !inside)
                    })
                };
                !beyond(low, Ordering::Less) && !beyond(high, Ordering::Greater)
            }
        }
    }
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_digit())
}

fn tokens(part: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for char in part.chars() {
        match (char, tokens.last_mut()) {
            ('0'..='9', Some(Token::Number(digits))) if !(digits.is_empty() && char == '0') => digits.push(char),
            ('0', Some(Token::Number(_))) => {}
            ('0'..='9', _) => tokens.push(Token::Number(if char == '0' { String::new() } else { char.to_string() })),
            (_, Some(Token::Word(word))) if char != '~' => word.extend(char.to_lowercase()),
            (_, _) => tokens.push(Token::Word(char.to_lowercase().collect())),
        }
    }
    tokens
}

fn compare_digits(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// A part that is not there is 0. Early words come before 0, other words between 0 and 1.
fn compare_part(left: &[Token], right: &[Token]) -> Ordering {
    let zero = [Token::Number(String::new())];
    let left = if left.is_empty() { &zero } else { left };
    let right = if right.is_empty() { &zero } else { right };
    for index in 0..left.len().max(right.len()) {
        let order = match (left.get(index), right.get(index)) {
            (Some(Token::Number(left)), Some(Token::Number(right))) => compare_digits(left, right),
            (Some(Token::Word(left)), Some(Token::Word(right))) => {
                early(right).cmp(&early(left)).then_with(|| left.cmp(right))
            }
            (Some(Token::Number(number)), Some(Token::Word(word))) => number_and_word(number, word),
            (Some(Token::Word(word)), Some(Token::Number(number))) => number_and_word(number, word).reverse(),
            // Behind a number comes a word or nothing; behind a word a number or nothing, which is 0.
            (None, Some(Token::Word(word))) => {
                if early(word) {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Some(Token::Word(word)), None) => {
                if early(word) {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (None, Some(Token::Number(number))) => compare_digits("", number),
            (Some(Token::Number(number)), None) => compare_digits(number, ""),
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn number_and_word(number: &str, word: &str) -> Ordering {
    if early(word) || !number.is_empty() { Ordering::Greater } else { Ordering::Less }
}

fn early(word: &str) -> bool {
    word.starts_with('~') || EARLY.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_that_people_expect() {
        let rising = [
            "0.9",
            "1.0~rc1",
            "1.0",
            "1.0.1",
            "1.0.2",
            "1.0.2a",
            "1.0.2u",
            "1.0.10",
            "1.2.0-alpha",
            "1.2.0-rc.1",
            "1.2.0-rc.2",
            "1.2.0",
            "1.2.0-sp1",
            "2",
            "9.0.19045.3570",
            "10.0.9200.1",
            "10.0.19045.3570",
            "21H2",
            "22H2",
            "24.1.2.6",
            "120.0.6099.130",
            "1:0.5",
        ];
        let versions: Vec<Version> = rising.iter().map(|text| Version::parse(text).unwrap()).collect();
        for (left, version) in versions.iter().enumerate() {
            for (right, other) in versions.iter().enumerate() {
                assert_eq!(version.compare(other), left.cmp(&right), "{} and {}", rising[left], rising[right]);
            }
        }
    }

    #[test]
    fn trailing_zeros_and_a_v_do_not_matter() {
        let version = |text| Version::parse(text).unwrap();
        assert_eq!(version("v1.2").compare(&version("1.2.0.0")), Ordering::Equal);
        assert_eq!(version("1.02").compare(&version("1.2")), Ordering::Equal);
        assert!(Version::parse("unknown").is_none() && Version::parse("").is_none());
    }

    #[test]
    fn a_prefix_ends_at_a_part() {
        let prefix = VersionRange::Prefix(Version::parse("3.0").unwrap());
        assert!(prefix.contains("3.0") && prefix.contains("3.0.1") && prefix.contains("3"));
        assert!(!prefix.contains("13.0.1") && !prefix.contains("3.01") && !prefix.contains("3.10"));
    }
}
