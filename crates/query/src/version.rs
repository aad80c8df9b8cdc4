//! Versions as people compare them: part by part, numbers as numbers.
//!
//! Three orders are known. Texts that bear the marks of a Debian package (an epoch, a `~`, `+deb12u1`, `ubuntu0.1`) follow
//! Debian Policy 5.6.12; those of an RPM (`.el9`, `.fc41`, a `^`) follow `rpmvercmp`; everything else is [`Scheme::Plain`],
//! which is sound for Windows' four parts (`10.0.19045.3570`), for letters behind numbers (`1.0.2u`, `22H2`) and for
//! versions like semver (`1.2.0-rc.1` before `1.2.0`). Of two texts the more particular one decides.
//!
//! Plain differs from the letter of semver in three things that installed software wants otherwise: `1.2` and `1.2.0` are
//! the same, a number behind a hyphen (`1.2.3-4`) is a revision and comes after, and `rc10` comes after `rc2`.

use std::cmp::Ordering;

/// A version, as text and in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The text, lower-case, without a `v` before it.
    text: Box<str>,
    scheme: Scheme,
    plain: Box<Plain>,
}

/// Which rules order a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Numbers, letters, and words that come before a release.
    Plain,
    /// `[epoch:]version[-release]` of RPM: separators part, and mean nothing else.
    Rpm,
    /// `[epoch:]version[-revision]` of Debian.
    Debian,
}

/// A version by the plain rules.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plain {
    /// Numbers and words, without zeros at the end.
    core: Vec<Token>,
    /// What it lacks to be released: the identifiers behind `-rc.1`. None: it is released.
    before: Option<Vec<Token>>,
    /// The parts between separators, for prefixes.
    parts: Vec<Vec<Token>>,
    epoch: String,
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

/// Words that come before the version they are put to, wherever they stand.
const EARLY: [&str; 13] = [
    "alpha",
    "beta",
    "rc",
    "pre",
    "preview",
    "dev",
    "snapshot",
    "cr",
    "nightly",
    "canary",
    "insider",
    "eap",
    "milestone",
];
/// Words behind a hyphen that do not say that something is yet to be released.
const NOT_EARLY: [&str; 19] = [
    "sp", "hotfix", "hf", "patch", "p", "u", "update", "post", "rev", "r", "build", "fips", "win", "windows", "linux",
    "macos", "jre", "jdk", "esr",
];
/// What behind a hyphen names a processor.
const PROCESSORS: [&str; 5] = ["x64", "x86", "amd64", "arm64", "i386"];
/// Words that say nothing at all.
const SILENT: [&str; 6] = ["ga", "final", "release", "stable", "lts", "general"];

/// Marks by which a Debian package's version is known.
const DEBIAN: [&str; 4] = ["ubuntu", "+deb", "+dfsg", "+ds"];
/// Distribution tags of RPM releases, each before a digit.
const RPM: [&str; 9] = ["el", "fc", "amzn", "mga", "suse", "lp", "sles", "oe", "ocs"];

impl Version {
    /// Reads a version; `None` if the text has no digit, or does not begin with one (a `v` before it aside).
    #[must_use]
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).filter(|rest| begins_with_digit(rest)).unwrap_or(text);
        if !begins_with_digit(text) {
            return None;
        }
        let text = text.to_lowercase();
        Some(Version { scheme: scheme(&text), plain: Box::new(Plain::read(&text)), text: text.into() })
    }

    /// The rules that the text's own marks ask for.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Compares by the rules of the more particular of the two.
    #[must_use]
    pub fn compare(&self, other: &Version) -> Ordering {
        match self.scheme.max(other.scheme) {
            Scheme::Plain => self.plain.compare(&other.plain),
            Scheme::Rpm => rpm(&self.text, &other.text),
            Scheme::Debian => debian(&self.text, &other.text),
        }
    }

    fn begins(&self, other: &Version) -> bool {
        let (own, its) = (&self.plain, &other.plain);
        let part = |version: &Plain, index: usize| version.parts.get(index).cloned().unwrap_or_default();
        (own.epoch.is_empty() || own.epoch == its.epoch)
            && (0..own.parts.len()).all(|index| compare_tokens(&part(own, index), &part(its, index)) == Ordering::Equal)
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

/// By its marks, whose version it is.
fn scheme(text: &str) -> Scheme {
    let epoch = text.split_once(':').is_some_and(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit()));
    let before_digit = |mark: &str| {
        text.match_indices(mark)
            .any(|(at, _)| text[..at].ends_with(['.', '_', '-']) && begins_with_digit(&text[at + mark.len()..]))
    };
    if RPM.iter().any(|mark| before_digit(mark)) || text.contains('^') {
        return Scheme::Rpm;
    }
    let rebuilt = text.contains('-') && glued(text, "build");
    if epoch || rebuilt || text.contains('~') || DEBIAN.iter().any(|mark| text.contains(mark)) {
        return Scheme::Debian;
    }
    Scheme::Plain
}

/// Whether a word stands between digits: `-1build2`.
fn glued(text: &str, word: &str) -> bool {
    text.split_once(word)
        .is_some_and(|(before, after)| before.ends_with(|char: char| char.is_ascii_digit()) && begins_with_digit(after))
}

/// The number before the colon, and what follows it.
fn epoch(text: &str) -> (&str, &str) {
    match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch.trim_start_matches('0'), rest),
        _ => ("", text),
    }
}

/// Debian Policy 5.6.12: epoch, upstream version, revision; an absent revision is 0.
#[must_use]
pub fn debian(left: &str, right: &str) -> Ordering {
    let parts = |text: &'_ str| -> (String, String, String) {
        let (epoch, rest) = epoch(text.trim());
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.to_owned(), upstream.to_owned(), revision.to_owned())
    };
    let (left, right) = (parts(left), parts(right));
    compare_digits(&left.0, &right.0)
        .then_with(|| debian_part(&left.1, &right.1))
        .then_with(|| debian_part(&left.2, &right.2))
}

/// Alternately what is no digit and what is: `~` before the end, letters before other signs, digits as numbers.
fn debian_part(left: &str, right: &str) -> Ordering {
    fn weight(char: Option<char>) -> i64 {
        match char {
            Some('~') => -1,
            Some(char) if char.is_ascii_digit() => 0,
            None => 0,
            Some(char) if char.is_alphabetic() => i64::from(u32::from(char)),
            Some(char) => i64::from(u32::from(char)) + 0x11_0000,
        }
    }
    let (mut left, mut right) = (left, right);
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (one, two) = (left.chars().next(), right.chars().next());
            let word = |char: Option<char>| char.is_some_and(|char| !char.is_ascii_digit());
            if !word(one) && !word(two) {
                break;
            }
            let order = weight(one).cmp(&weight(two));
            if order.is_ne() {
                return order;
            }
            left = &left[one.map_or(0, char::len_utf8)..];
            right = &right[two.map_or(0, char::len_utf8)..];
        }
        let (one, rest_left) = digits(left);
        let (two, rest_right) = digits(right);
        let order = compare_digits(one, two);
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest_left, rest_right);
    }
    Ordering::Equal
}

/// The number at the beginning, without leading zeros, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

/// RPM: epoch, version and, where both have one, release, each by `rpmvercmp`.
#[must_use]
pub fn rpm(left: &str, right: &str) -> Ordering {
    let (left, right) = (epoch(left.trim()), epoch(right.trim()));
    let split = |text: &'_ str| -> (String, Option<String>) {
        let (version, release) =
            text.rsplit_once('-').map_or((text, None), |(version, release)| (version, Some(release)));
        (version.to_owned(), release.map(str::to_owned))
    };
    let (one, two) = (split(left.1), split(right.1));
    let releases = || match (&one.1, &two.1) {
        (Some(left), Some(right)) => rpmvercmp(left, right),
        _ => Ordering::Equal,
    };
    compare_digits(left.0, right.0).then_with(|| rpmvercmp(&one.0, &two.0)).then_with(releases)
}

/// Runs of digits and of letters; a number is newer than letters, `~` older than the end, `^` newer than it.
fn rpmvercmp(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    let separator = |char: char| !char.is_ascii_alphanumeric() && char != '~' && char != '^';
    loop {
        left = left.trim_start_matches(separator);
        right = right.trim_start_matches(separator);
        match (left.strip_prefix('~'), right.strip_prefix('~')) {
            (Some(rest_left), Some(rest_right)) => {
                (left, right) = (rest_left, rest_right);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (left.strip_prefix('^'), right.strip_prefix('^')) {
            (Some(rest_left), Some(rest_right)) => {
                (left, right) = (rest_left, rest_right);
                continue;
            }
            (Some(_), None) => return if right.is_empty() { Ordering::Greater } else { Ordering::Less },
            (None, Some(_)) => return if left.is_empty() { Ordering::Less } else { Ordering::Greater },
            (None, None) => {}
        }
        if left.is_empty() || right.is_empty() {
            return left.len().min(1).cmp(&right.len().min(1));
        }
        let numeric = begins_with_digit(left);
        let inside = |char: char| if numeric { char.is_ascii_digit() } else { char.is_ascii_alphabetic() };
        let run = |text: &'_ str| text.find(|char| !inside(char)).unwrap_or(text.len());
        let (one, two) = (run(left), run(right));
        // A number against letters: the number is newer.
        if two == 0 {
            return if numeric { Ordering::Greater } else { Ordering::Less };
        }
        let order = match numeric {
            true => compare_digits(left[..one].trim_start_matches('0'), right[..two].trim_start_matches('0')),
            false => left[..one].cmp(&right[..two]),
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (&left[one..], &right[two..]);
    }
}

impl Plain {
    fn read(text: &str) -> Plain {
        let (epoch, rest) = epoch(text);
        let separated = |char: char| !char.is_alphanumeric();
        let parts = rest.split(separated).filter(|part| !part.is_empty()).map(tokens).collect();
        // What a build is called says nothing about its age (semver 10).
        let rest = rest.split('+').next().unwrap_or(rest);
        let (mut core, mut before): (Vec<Token>, Option<Vec<Token>>) = (Vec::new(), None);
        let mut from = 0;
        for (at, part) in rest.split(separated).enumerate() {
            let hyphen = at > 0 && rest[..from].ends_with('-');
            from += part.len() + rest[from + part.len()..].chars().next().map_or(0, char::len_utf8);
            for (index, token) in tokens(part).into_iter().enumerate() {
                if let Some(before) = &mut before {
                    before.push(token);
                    continue;
                }
                let numbers = core.iter().filter(|token| matches!(token, Token::Number(_))).count();
                match &token {
                    Token::Word(word) if SILENT.contains(&word.as_str()) => {}
                    Token::Word(word) if early(word) => before = Some(vec![token]),
                    Token::Word(word)
                        if hyphen
                            && index == 0
                            && numbers == 3
                            && core.len() == 3
                            && !NOT_EARLY.contains(&word.as_str())
                            && !PROCESSORS.contains(&part) =>
                    {
                        before = Some(vec![token]);
                    }
                    _ => core.push(token),
                }
            }
        }
        while core.last().is_some_and(|last| *last == Token::Number(String::new())) {
            core.pop();
        }
        Plain { core, before, parts, epoch: epoch.to_owned() }
    }

    fn compare(&self, other: &Plain) -> Ordering {
        compare_tokens(&self.core, &other.core).then_with(|| match (&self.before, &other.before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) => identifiers(left, right),
        })
    }
}

fn tokens(part: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for char in part.chars() {
        match (char, tokens.last_mut()) {
            ('0'..='9', Some(Token::Number(digits))) if !(digits.is_empty() && char == '0') => digits.push(char),
            ('0', Some(Token::Number(_))) => {}
            ('0'..='9', _) => tokens.push(Token::Number(if char == '0' { String::new() } else { char.to_string() })),
            (_, Some(Token::Word(word))) => word.extend(char.to_lowercase()),
            (_, _) => tokens.push(Token::Word(char.to_lowercase().collect())),
        }
    }
    tokens
}

fn compare_digits(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Token by token; what is not there is 0, and words lie between 0 and 1.
fn compare_tokens(left: &[Token], right: &[Token]) -> Ordering {
    let zero = Token::Number(String::new());
    let pairs = (0..left.len().max(right.len()))
        .map(|index| (left.get(index).unwrap_or(&zero), right.get(index).unwrap_or(&zero)));
    let compare = |(left, right): (&Token, &Token)| match (left, right) {
        (Token::Number(left), Token::Number(right)) => compare_digits(left, right),
        (Token::Word(left), Token::Word(right)) => left.cmp(right),
        (Token::Number(number), Token::Word(_)) => {
            if number.is_empty() {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (Token::Word(_), Token::Number(number)) => {
            if number.is_empty() {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    };
    pairs.map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// What is yet to be released (semver 11.4): numbers before words, and fewer identifiers before more.
fn identifiers(left: &[Token], right: &[Token]) -> Ordering {
    for (left, right) in left.iter().zip(right) {
        let order = match (left, right) {
            (Token::Number(left), Token::Number(right)) => compare_digits(left, right),
            (Token::Word(left), Token::Word(right)) => left.cmp(right),
            (Token::Number(_), Token::Word(_)) => Ordering::Less,
            (Token::Word(_), Token::Number(_)) => Ordering::Greater,
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn early(word: &str) -> bool {
    EARLY.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    /// Every pair of a rising list, both ways round.
    fn rises(rising: &[&str], order: impl Fn(&str, &str) -> Ordering) {
        for (at, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                assert_eq!(order(left, right), at.cmp(&other), "{left} and {right}");
            }
        }
    }

    fn order(left: &str, right: &str) -> Ordering {
        version(left).compare(&version(right))
    }

    #[test]
    fn plain_versions_stand_in_the_order_that_people_expect() {
        let rising = [
            "0.9",
            "1.0-rc1",
            "1.0",
            "1.0.1",
            "1.0.2",
            "1.0.2a",
            "1.0.2u",
            "1.0.10",
            "1.2.0-alpha",
            "1.2.0-rc.1",
            "1.2.0-rc.2",
            "1.2.0-rc10",
            "1.2.0",
            "1.2.0-sp1",
            "1.2.0.1",
            "1.2.1",
            "2",
            "9.0.19045.3570",
            "10.0.9200.1",
            "10.0.19041.1",
            "10.0.19045.3570",
            "10.0.19045.3693",
            "10.0.22621.1",
            "21H2",
            "22H2",
            "24.1.2.6",
            "115.0.1esr",
            "120.0.6099.130",
            "120.0.6099.131",
            "131.0.6778.86",
        ];
        rises(&rising, order);
    }

    /// The example of semver.org, version 2.0.0, section 11, with what section 9 calls valid.
    #[test]
    fn semver_stands_in_its_own_order() {
        let rising = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.2",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0-x.7.z.92",
            "1.0.0",
            "1.0.1-foo",
            "1.0.1",
            "2.0.0",
            "2.1.0",
            "2.1.1",
        ];
        rises(&rising, order);
        assert_eq!(order("1.0.0+20130313144700", "1.0.0+21AF26D3"), Ordering::Equal);
        assert_eq!(order("1.0.0-beta+exp.sha.5114f85", "1.0.0-beta"), Ordering::Equal);
    }

    /// Debian Policy 5.6.12 and the manual page deb-version(7); the lists rise by these rules.
    #[test]
    fn debian_packages_stand_in_the_order_of_dpkg() {
        let policy = ["~~", "~~a", "~", "", "a"];
        for (at, left) in policy.iter().enumerate() {
            for (other, right) in policy.iter().enumerate() {
                assert_eq!(debian_part(left, right), at.cmp(&other), "{left:?} and {right:?}");
            }
        }
        let rising = [
            "0.9~rc1-1",
            "0.9~rc2-1",
            "0.9-1~bpo9+1",
            "0.9-1",
            "0.9-1+b1",
            "0.9-1.1",
            "0.9-2",
            "0.9a-1",
            "0.9+dfsg-1",
            "0.9.1-1",
            "0.10-1",
            "1.0~~-1",
            "1.0~~a-1",
            "1.0~-1",
            "1.0-0ubuntu0.1",
            "1.0-0ubuntu1",
            "1.0-0ubuntu1.1",
            "1.0-0ubuntu1.10",
            "1.0-1",
            "1.0-1ubuntu1",
            "1.0-1+deb11u1",
            "1.0-1+deb11u2",
            "1.0-1+deb12u1",
            "1.0.0-1",
            "1.1.1n-0+deb11u5",
            "1.1.1w-0+deb11u1",
            "3.0.11-1~deb12u2",
            "3.0.13-0ubuntu3",
            "3.0.13-0ubuntu3.1",
            "1:0.1-1",
            "1:9.2p1-2+deb12u2",
            "1:9.2p1-2+deb12u3",
            "1:9.6p1-3ubuntu13",
            "1:9.6p1-3ubuntu13.5",
            "2:8.2.3995-1ubuntu2",
            "2:9.0.1378-2",
        ];
        rises(&rising, debian);
        assert_eq!(debian("1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(debian("0:1.0", "1.0"), Ordering::Equal);
        assert_eq!(debian("1.02", "1.2"), Ordering::Equal);
    }

    /// The orders that rpm's own test of `rpmvercmp` lists, and `^` as its manual on versions describes it.
    #[test]
    fn rpm_packages_stand_in_the_order_of_rpm() {
        use Ordering::{Equal, Greater, Less};
        let pairs = [
            ("1.0", "1.0", Equal),
            ("1.0", "2.0", Less),
            ("2.0.1", "2.0.1", Equal),
            ("2.0", "2.0.1", Less),
            ("2.0.1a", "2.0.1a", Equal),
            ("2.0.1a", "2.0.1", Greater),
            ("5.5p1", "5.5p2", Less),
            ("5.5p10", "5.5p1", Greater),
            ("10xyz", "10.1xyz", Less),
            ("xyz10", "xyz10.1", Less),
            ("xyz.4", "8", Less),
            ("xyz.4", "2", Less),
            ("5.5p2", "5.6p1", Less),
            ("5.6p1", "6.5p1", Less),
            ("6.0.rc1", "6.0", Greater),
            ("10b2", "10a1", Greater),
            ("1.0aa", "1.0a", Greater),
            ("10.0001", "10.1", Equal),
            ("10.0001", "10.0039", Less),
            ("4.999.9", "5.0", Less),
            ("20101121", "20101122", Less),
            ("2_0", "2.0", Equal),
            ("2_0", "2_0", Equal),
            ("a", "a+", Equal),
            ("+a", "a", Equal),
            ("1.0~rc1", "1.0~rc1", Equal),
            ("1.0~rc1", "1.0", Less),
            ("1.0~rc1", "1.0~rc2", Less),
            ("1.0~rc1~git123", "1.0~rc1", Less),
            ("1.0^", "1.0^", Equal),
            ("1.0^", "1.0", Greater),
            ("1.0^git1", "1.0^git2", Less),
            ("1.0^git1", "1.01", Less),
            ("1.0^20160101", "1.0.1", Less),
            ("1.0^20160102", "1.0^20160101^git1", Greater),
            ("1.0~rc1^git1", "1.0~rc1", Greater),
            ("1.0^git1~pre", "1.0^git1", Less),
        ];
        for (left, right, expected) in pairs {
            assert_eq!(rpmvercmp(left, right), expected, "{left} and {right}");
            assert_eq!(rpmvercmp(right, left), expected.reverse(), "{right} and {left}");
        }
        let rising = [
            "1.0.2k-19.el7",
            "1.0.2k-26.el7_9",
            "1.1.1k-9.el8_7",
            "1.1.1k-12.el8_9",
            "3.0.7-24.el9",
            "3.0.7-27.el9",
            "3.2.1-2.fc40",
            "3.2.2-3.fc40",
            "3.2.2-3.fc41",
            "3.2.2-11.fc41",
            "1:0.9-1.el9",
            "1:1.1.1k-1.el8",
        ];
        rises(&rising, rpm);
        rises(&rising, order);
    }

    #[test]
    fn a_texts_marks_say_whose_rules_order_it() {
        for (text, scheme) in [
            ("10.0.19045.3570", Scheme::Plain),
            ("131.0.6778.86", Scheme::Plain),
            ("1.2.0-rc.1", Scheme::Plain),
            ("8.0 build 12", Scheme::Plain),
            ("1:9.2p1-2", Scheme::Debian),
            ("1.0~rc1", Scheme::Debian),
            ("3.0.13-0ubuntu3.1", Scheme::Debian),
            ("2.4-1build2", Scheme::Debian),
            ("1.0.2k-26.el7_9", Scheme::Rpm),
            ("3.2.2-3.fc41", Scheme::Rpm),
            ("1.0^git1", Scheme::Rpm),
        ] {
            assert_eq!(version(text).scheme(), scheme, "{text}");
        }
        // A plain bound over packages: who asks for openssl below 3.0.13 means their upstream version.
        let below = VersionRange::Between(None, Some((version("3.0.13"), false)));
        assert!(below.contains("3.0.11-1~deb12u2") && !below.contains("3.0.13-0ubuntu3.1"));
        assert!(below.contains("3.0.7-27.el9") && !below.contains("3.2.2-3.fc41"));
    }

    #[test]
    fn order_is_total_within_a_scheme() {
        let texts = [
            "1",
            "1.0",
            "1.0.0",
            "1.0a",
            "1.0-1",
            "1.0.0-a",
            "1.0-rc",
            "1.0rc1",
            "1.1",
            "1.10",
            "1.a",
            "1-2-3",
            "1.0.0-1",
            "2-sp1",
            "1.0.0.1",
            "1.0b",
            "1x",
            "01.0",
            "1.0.final",
            "1..2",
            "1.0.0-alpha-1",
            "1.0.0-alpha.1",
        ];
        for one in texts {
            assert_eq!(order(one, one), Ordering::Equal, "{one}");
            for two in texts {
                assert_eq!(order(one, two), order(two, one).reverse(), "{one} and {two}");
                for three in texts {
                    if order(one, two).is_le() && order(two, three).is_le() {
                        assert!(order(one, three).is_le(), "{one}, {two}, {three}");
                    }
                }
            }
        }
    }

    #[test]
    fn trailing_zeros_and_a_v_do_not_matter() {
        assert_eq!(order("v1.2", "1.2.0.0"), Ordering::Equal);
        assert_eq!(order("1.02", "1.2"), Ordering::Equal);
        assert_eq!(order("1.2.0.Final", "1.2.0"), Ordering::Equal);
        assert!(Version::parse("unknown").is_none() && Version::parse("").is_none());
    }

    #[test]
    fn a_prefix_ends_at_a_part() {
        let prefix = VersionRange::Prefix(version("3.0"));
        assert!(prefix.contains("3.0") && prefix.contains("3.0.1") && prefix.contains("3"));
        assert!(!prefix.contains("13.0.1") && !prefix.contains("3.01") && !prefix.contains("3.10"));
        assert!(prefix.contains("1:3.0.2-1"), "an epoch that is not asked for does not matter");
    }
}
