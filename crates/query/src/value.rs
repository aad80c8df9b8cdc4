//! What a value means on a field of a type: the matcher it becomes, or what is wrong with it.

use kernel::Timestamp;
use regex::RegexBuilder;

use crate::Problem;
use crate::address::{looks_like_ip, looks_like_mac, mac_digits, network_meant, range};
use crate::catalogue::{Choices, Column, Field, Tense, Type};
use crate::check::{VALUE_BYTES_MAX, asks_presence, did_you_mean, folded};
use crate::matcher::{Matcher, Pattern, RawMatcher, RealRange, literal, unescaped, wildcards};
use crate::near::{most_frequent, nearest, words};
use crate::time::{Moment, length, moment};
use crate::tree::{Op, Operand};
use crate::version::{Version, VersionRange};
use crate::words::Word;

/// The largest program that a regular expression may compile to, in bytes.
const REGEX_PROGRAM_BYTES_MAX: usize = 1024 * 1024;
/// How many values an error lists when it cannot tell how frequent they are.
const LISTED_MAX: usize = 12;

/// What one operand asks of the values of a field.
pub(crate) enum Meaning {
    Matches(Matcher),
    MatchesNot(Matcher),
    /// Absent or, if a matcher for it is given, empty.
    Blank(Option<Matcher>),
    NotBlank(Option<Matcher>),
}

impl Meaning {
    /// The instants that it allows, if it is about time.
    pub(crate) fn instants(&self, typed: &Typed<'_>) -> Option<(Option<i64>, Option<i64>)> {
        let (Meaning::Matches(matcher) | Meaning::MatchesNot(matcher)) = self else { return None };
        match (matcher, &typed.of) {
            (Matcher::Int { low, high }, Of::Field { ty: Type::Timestamp(_), .. }) => Some((*low, *high)),
            (Matcher::Raw(raw), Of::Raw { .. }) => raw.instant,
            _ => None,
        }
    }
}

type Values = Option<Vec<(String, u64)>>;

/// A field as far as its values matter.
pub(crate) struct Typed<'a> {
    name: &'a str,
    of: Of<'a>,
    now: Timestamp,
}

enum Of<'a> {
    Field { ty: &'a Type, dictionary: bool, known: &'a dyn Fn() -> Values },
    Raw { tense: Tense, epoch: bool },
}

impl<'a> Typed<'a> {
    pub(crate) fn field(field: &'a Field, now: Timestamp, known: &'a dyn Fn() -> Values) -> Typed<'a> {
        let value = match &field.column {
            Column::Many { value, .. } => value,
            column => column,
        };
        let dictionary = matches!(value, Column::Term { .. });
        Typed { name: field.name, of: Of::Field { ty: &field.ty, dictionary, known }, now }
    }

    pub(crate) fn raw(name: &'a str, tense: Tense, epoch: bool, now: Timestamp) -> Typed<'a> {
        Typed { name, of: Of::Raw { tense, epoch }, now }
    }

    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// What the operand means; it is brought into its normal form on the way.
    pub(crate) fn meaning(&mut self, operand: &mut Operand, problems: &mut Vec<Problem>) -> Option<Meaning> {
        let textual = match &self.of {
            Of::Field { ty, .. } => matches!(ty, Type::Text | Type::Enum(_) | Type::Id | Type::Version),
            Of::Raw { .. } => true,
        };
        let empty = || textual.then(|| Matcher::Equals(String::new()));
        if operand.text.is_empty() && operand.op != Op::Regex {
            return match operand.op {
                Op::Equal => Some(Meaning::Blank(empty().map(|empty| self.raw_text(empty)))),
                Op::NotEqual => Some(Meaning::NotBlank(empty().map(|empty| self.raw_text(empty)))),
                Op::Contains | Op::Exact if textual => empty().map(|empty| Meaning::Matches(self.raw_text(empty))),
                _ => {
                    let message = format!("{} has no value here. To ask for what has none: no:{0}.", self.name);
                    problems.push(Problem::error(operand.span, message));
                    None
                }
            };
        }
        if operand.text.len() > VALUE_BYTES_MAX || folded(&operand.text).len() > VALUE_BYTES_MAX {
            problems.push(Problem::error(operand.span, format!("a value may have {VALUE_BYTES_MAX} bytes.")));
            return None;
        }
        if asks_presence(operand) {
            return Some(Meaning::Matches(Matcher::Present));
        }
        if operand.inside && matches!(self.of, Of::Field { ty: Type::Text | Type::Id | Type::Enum(_), .. }) {
            let message = format!("{} is text: the sign belongs to what is looked for.", self.name);
            problems.push(Problem::notice(operand.span, message));
            operand.text = format!("{}{}", operand.op.sign(), operand.text);
            (operand.op, operand.inside) = (Op::Contains, false);
        }
        operand.inside = false;
        let found = match &self.of {
            Of::Raw { tense, epoch } => self.raw_matcher(operand, *tense, *epoch, problems),
            Of::Field { ty, dictionary, known } => match ty {
                Type::Text => self.text(operand, *dictionary, *known, problems),
                Type::Id => self.id(operand),
                Type::Enum(choices) => self.choice(choices, operand, *known, problems),
                Type::Bool => self.yes_or_no(operand),
                Type::Int => int_range(operand).map(int).ok_or_else(|| self.number_wanted("a whole number")),
                Type::Real => real_range(operand).map(Matcher::Real).ok_or_else(|| self.number_wanted("a number")),
                Type::Duration => self.duration(operand),
                Type::Version => self.version(operand),
                Type::Timestamp(tense) => self.moment(operand, *tense, problems).map(int),
                Type::Ip => self.ip(operand),
                Type::Mac => self.mac(operand),
                Type::Words => self.words(operand),
            },
        };
        match found {
            Ok(matcher) if operand.op == Op::NotEqual => Some(Meaning::MatchesNot(matcher)),
            Ok(matcher) => Some(Meaning::Matches(matcher)),
            Err(wrong) => {
                problems.push(Problem::error(operand.span, wrong.message).near(wrong.near));
                None
            }
        }
    }

    fn raw_text(&self, matcher: Matcher) -> Matcher {
        match self.of {
            Of::Field { .. } => matcher,
            Of::Raw { epoch, .. } => {
                let text = Some(matcher);
                Matcher::Raw(Box::new(RawMatcher {
                    text,
                    bool: None,
                    number: None,
                    instant: None,
                    version: None,
                    epoch,
                }))
            }
        }
    }

    fn number_wanted(&self, what: &str) -> Wrong {
        wrong(format!("{} takes {what}, compared with = != > >= < <=, or a range a..b.", self.name))
    }

    fn text(
        &self,
        operand: &mut Operand,
        dictionary: bool,
        known: &dyn Fn() -> Values,
        problems: &mut Vec<Problem>,
    ) -> Result<Matcher, Wrong> {
        let matcher = self.text_matcher(operand, false)?;
        let needle = unescaped(&operand.text);
        let typed = needle.chars().count() >= 4 && needle.chars().all(char::is_alphabetic);
        if !dictionary || !matches!(matcher, Matcher::Contains(_) | Matcher::Equals(_)) {
            return Ok(matcher);
        }
        let Some(values) = known().filter(|values| !values.is_empty()) else { return Ok(matcher) };
        if values.iter().any(|(value, _)| matcher.matches_text(value)) {
            return Ok(matcher);
        }
        let seen = words(&values);
        let near = if typed { nearest(&needle, seen.keys().map(String::as_str)) } else { Vec::new() };
        let frequent = most_frequent(&values, true);
        if near.is_empty() {
            let message = format!("nothing has {} like \"{needle}\" at present ({frequent}).", self.name);
            problems.push(Problem::warning(operand.span, message));
            return Ok(matcher);
        }
        let message = format!("{} has no value like \"{needle}\".{} ({frequent})", self.name, did_you_mean(&near));
        Err(Wrong { message, near })
    }

    /// The match ladder: contains, equals, exact bytes, wildcards, regular expression.
    fn text_matcher(&self, operand: &Operand, whole: bool) -> Result<Matcher, Wrong> {
        let text = &operand.text;
        let (any, one) = wildcards(text);
        match operand.op {
            Op::Contains if any => {
                let pattern = Pattern::read(text, true, whole);
                Ok(if pattern.fits_all() { Matcher::Present } else { Matcher::Like(pattern) })
            }
            Op::Contains if whole => Ok(Matcher::Equals(folded(&unescaped(text)))),
            Op::Contains => Ok(Matcher::Contains(folded(&unescaped(text)))),
            Op::Equal | Op::NotEqual if any || one => Ok(Matcher::Like(Pattern::read(text, true, true))),
            Op::Equal | Op::NotEqual => Ok(Matcher::Equals(folded(&unescaped(text)))),
            Op::Exact => Ok(Matcher::Exact(unescaped(text))),
            Op::Regex => regex(text),
            Op::Greater | Op::GreaterEqual | Op::Less | Op::LessEqual => {
                let message = format!(
                    "{} is text, and {} means nothing there. There are : contains, := equals, :== exactly, :~ expression.",
                    self.name,
                    operand.op.sign()
                );
                Err(wrong(message))
            }
        }
    }

    fn words(&self, operand: &Operand) -> Result<Matcher, Wrong> {
        if !matches!(operand.op, Op::Contains | Op::Equal | Op::NotEqual) {
            let message = format!("{} is searched for words: {0}:word, {0}:begin*, {0}:\"all of these\".", self.name);
            return Err(wrong(message));
        }
        Word::read(&operand.text).map(Matcher::Words).ok_or_else(|| {
            let text = unescaped(&operand.text);
            wrong(format!("\"{text}\" holds no word, or a wildcard that is not at the end of one."))
        })
    }

    fn id(&self, operand: &Operand) -> Result<Matcher, Wrong> {
        self.text_matcher(operand, true)
    }

    fn choice(
        &self,
        choices: &Choices,
        operand: &mut Operand,
        known: &dyn Fn() -> Values,
        problems: &mut Vec<Problem>,
    ) -> Result<Matcher, Wrong> {
        if operand.op.orders() {
            return self.ordered(choices, operand);
        }
        let (any, _) = wildcards(&operand.text);
        if any || matches!(operand.op, Op::Exact | Op::Regex) {
            return self.text_matcher(operand, false);
        }
        let asked = folded(&unescaped(&operand.text));
        if let Some(spellings) = spellings(choices, &asked) {
            return Ok(one_of(spellings));
        }
        let seen = known();
        let values: &[(String, u64)] = seen.as_deref().unwrap_or_default();
        if values.iter().any(|(value, _)| folded(value) == asked) {
            return Ok(Matcher::Equals(asked));
        }
        if operand.op != Op::Contains && wildcards(&operand.text).1 {
            return self.text_matcher(operand, false);
        }
        let declared = || choices.values.iter().flat_map(|choice| std::iter::once(&choice.value).chain(choice.aliases));
        if operand.op == Op::Contains {
            let own = |name: &str| {
                let choice =
                    choices.values.iter().find(|choice| choice.value == name || choice.aliases.contains(&name));
                choice.map_or_else(|| name.to_owned(), |choice| choice.value.to_owned())
            };
            let seen_folded = values.iter().map(|(value, _)| folded(value));
            let all = declared().map(|value| (*value).to_owned()).chain(seen_folded);
            let mut begin: Vec<String> =
                all.filter(|value| value.starts_with(&asked)).map(|value| own(&value)).collect();
            begin.sort_unstable();
            begin.dedup();
            match begin.as_slice() {
                [] => {}
                [only] => {
                    operand.text = literal(only);
                    return Ok(spellings(choices, only).map_or_else(|| Matcher::Equals(only.clone()), one_of));
                }
                several => {
                    let shown = several.iter().take(LISTED_MAX).cloned().collect::<Vec<_>>();
                    let message =
                        format!("{} has several values that begin with \"{asked}\": {}.", self.name, shown.join(", "));
                    return Err(Wrong { message, near: shown });
                }
            }
        }
        if !choices.closed && values.is_empty() {
            // Nothing is there yet to say that it is wrong, and a console may invent a word.
            if seen.is_some() && !choices.values.is_empty() {
                let listed = listed(choices);
                let message = format!("{} is not known to have the value \"{asked}\" ({listed}).", self.name);
                problems.push(Problem::warning(operand.span, message));
            }
            return Ok(Matcher::Equals(asked));
        }
        let near = nearest(&asked, declared().copied().chain(values.iter().map(|(value, _)| value.as_str())));
        let known = if values.is_empty() { listed(choices) } else { most_frequent(values, false) };
        let message = format!("{} has no value \"{asked}\".{} ({known})", self.name, did_you_mean(&near));
        Err(Wrong { message, near })
    }

    fn ordered(&self, choices: &Choices, operand: &Operand) -> Result<Matcher, Wrong> {
        let asked = folded(&unescaped(&operand.text));
        let found =
            choices.values.iter().position(|choice| choice.value == asked || choice.aliases.contains(&asked.as_str()));
        let Some(bound) = found.filter(|_| choices.ordered) else {
            let message = match choices.ordered {
                true => format!("{} has no value \"{asked}\" ({}).", self.name, listed(choices)),
                false => {
                    format!("the values of {} have no order: {} means nothing there.", self.name, operand.op.sign())
                }
            };
            return Err(wrong(message));
        };
        let inside = choices.values.iter().enumerate().filter(|(index, _)| match operand.op {
            Op::Greater => *index > bound,
            Op::GreaterEqual => *index >= bound,
            Op::Less => *index < bound,
            _ => *index <= bound,
        });
        let words = inside.flat_map(|(_, choice)| std::iter::once(&choice.value).chain(choice.aliases));
        Ok(one_of(words.map(|word| (*word).to_owned()).collect()))
    }

    fn yes_or_no(&self, operand: &mut Operand) -> Result<Matcher, Wrong> {
        let truth = truth(&operand.text);
        match (truth, operand.op) {
            (Some(yes), Op::Contains | Op::Equal | Op::Exact | Op::NotEqual) => {
                operand.text = if yes { "t" } else { "f" }.to_owned();
                Ok(int((Some(i64::from(yes)), Some(i64::from(yes)))))
            }
            _ => {
                let near = vec!["t".to_owned(), "f".to_owned()];
                Err(Wrong { message: format!("{} is yes or no: {0}:t or {0}:f.", self.name), near })
            }
        }
    }

    fn duration(&self, operand: &Operand) -> Result<Matcher, Wrong> {
        let wanted = || wrong(format!("{} is a length of time: {0}:>30m, {0}:<=2d.", self.name));
        let micros = |text: &str| length(text).map(crate::time::Length::micros);
        if let Some((low, high)) = two_ends(&operand.text) {
            let end = |text: Option<&str>| text.map(|text| micros(text).ok_or_else(wanted)).transpose();
            return Ok(int((end(low)?, end(high)?)));
        }
        compared(operand.op, micros(&operand.text).ok_or_else(wanted)?).map(int).ok_or_else(wanted)
    }

    fn version(&self, operand: &Operand) -> Result<Matcher, Wrong> {
        let (any, _) = wildcards(&operand.text);
        let text = unescaped(&operand.text);
        if any || matches!(operand.op, Op::Exact | Op::Regex) {
            return self.text_matcher(operand, false);
        }
        if let Some((low, high)) = two_ends(&text) {
            let end =
                |text: Option<&str>| text.map(|text| self.one_version(text).map(|version| (version, true))).transpose();
            return Ok(Matcher::Version(VersionRange::Between(end(low)?, end(high)?)));
        }
        match operand.op {
            Op::Contains | Op::Equal | Op::NotEqual if Version::parse(&text).is_none() => {
                self.text_matcher(operand, false)
            }
            Op::Contains => Ok(Matcher::Version(VersionRange::Prefix(self.one_version(&text)?))),
            op => Ok(Matcher::Version(version_range(op, self.one_version(&text)?))),
        }
    }

    fn one_version(&self, text: &str) -> Result<Version, Wrong> {
        Version::parse(text)
            .ok_or_else(|| wrong(format!("\"{text}\" is no version: {} takes one such as 10.0.19045.", self.name)))
    }

    fn moment(
        &self,
        operand: &mut Operand,
        tense: Tense,
        problems: &mut Vec<Problem>,
    ) -> Result<(Option<i64>, Option<i64>), Wrong> {
        let text = unescaped(&operand.text);
        let wanted = |text: &str| {
            let message = format!(
                "\"{text}\" is no time: {} takes an age such as {0}:<7d, a date, now, now+30d or a range of them.",
                self.name
            );
            wrong(message)
        };
        let read = |text: &str| moment(text, self.now).ok_or_else(|| wanted(text));
        let back = tense == Tense::Past;
        if let Some((from, to)) = two_ends(&text) {
            let end = |text: Option<&str>| -> Result<Option<(i64, i64)>, Wrong> {
                let Some(text) = text else { return Ok(None) };
                Ok(Some(match read(text)? {
                    Moment::Length(length) => (length.from(self.now, back), length.from(self.now, back)),
                    Moment::Period(start, next) => (start, next.saturating_sub(1)),
                    Moment::Instant(at) => (at, at),
                }))
            };
            let is_age = |text: Option<&str>| text.is_none_or(|text| length(text).is_some());
            let (from_end, to_end) = (end(from)?, end(to)?);
            if !back && [from, to].into_iter().flatten().any(|text| length(text).is_some()) {
                let plain = |text: Option<&str>| match text {
                    Some(text) if length(text).is_some() => format!("now+{}", text.replace(' ', "")),
                    text => text.unwrap_or_default().to_owned(),
                };
                let plain = format!("{}..{}", plain(from), plain(to));
                let message = format!("{} lies ahead: {text} is read as {plain}.", self.name);
                problems.push(Problem::notice(operand.span, message));
                operand.text = plain;
            }
            // 1d..7d on a past field is an age: the larger end is the earlier instant.
            if back && is_age(from) && is_age(to) {
                return Ok((to_end.map(|(start, _)| start), from_end.map(|(_, last)| last)));
            }
            return Ok((from_end.map(|(start, _)| start), to_end.map(|(_, last)| last)));
        }
        match (read(&text)?, operand.op) {
            (Moment::Length(_), Op::Contains | Op::Equal | Op::Exact | Op::NotEqual) => {
                let near = vec![format!("<{text}"), format!(">{text}")];
                let message = match tense {
                    Tense::Past => format!("less or more than {text} ago? {}:<{text} or {0}:>{text}.", self.name),
                    Tense::Future => format!("before or after {text} from now? {}:<{text} or {0}:>{text}.", self.name),
                };
                Err(Wrong { message, near })
            }
            (Moment::Length(length), op) => {
                let at = length.from(self.now, back);
                if !back {
                    let plain = format!("now+{}", text.replace(' ', ""));
                    let message = format!("{} lies ahead: {}{text} is read as {1}{plain}.", self.name, op.sign());
                    problems.push(Problem::notice(operand.span, message));
                    operand.text = plain;
                }
                // An age grows as the instant goes back.
                let op = match op {
                    Op::Greater if back => Op::Less,
                    Op::GreaterEqual if back => Op::LessEqual,
                    Op::Less if back => Op::Greater,
                    Op::LessEqual if back => Op::GreaterEqual,
                    op => op,
                };
                compared(op, at).ok_or_else(|| wanted(&text))
            }
            (Moment::Instant(at), op) => compared(op, at).ok_or_else(|| wanted(&text)),
            (Moment::Period(start, next), op) => match op {
                Op::Greater => Ok((Some(next), None)),
                Op::GreaterEqual => Ok((Some(start), None)),
                Op::Less => Ok((None, Some(start.saturating_sub(1)))),
                Op::LessEqual => Ok((None, Some(next.saturating_sub(1)))),
                Op::Contains | Op::Equal | Op::Exact | Op::NotEqual => Ok((Some(start), Some(next.saturating_sub(1)))),
                Op::Regex => Err(wanted(&text)),
            },
        }
    }

    fn ip(&self, operand: &Operand) -> Result<Matcher, Wrong> {
        let text = unescaped(&operand.text);
        let near: Vec<String> = network_meant(&text).into_iter().collect();
        let message = format!(
            "{} takes an address, a network such as 10.20.0.0/16, or a range 10.0.0.1-10.0.0.9.{}",
            self.name,
            did_you_mean(&near)
        );
        let fits = !operand.op.orders() && operand.op != Op::Regex;
        let (low, high) = range(&text).filter(|_| fits).ok_or(Wrong { message, near })?;
        Ok(Matcher::Ip { low, high })
    }

    fn mac(&self, operand: &Operand) -> Result<Matcher, Wrong> {
        let fits = !operand.op.orders() && operand.op != Op::Regex;
        let digits = mac_digits(&operand.text).filter(|_| fits);
        let message = format!("{} takes a hardware address or the beginning of one: {0}:00:50:56.", self.name);
        digits.map(Matcher::Mac).ok_or_else(|| wrong(message))
    }

    fn raw_matcher(
        &self,
        operand: &mut Operand,
        tense: Tense,
        epoch: bool,
        problems: &mut Vec<Problem>,
    ) -> Result<Matcher, Wrong> {
        let text = unescaped(&operand.text);
        let orders_age = operand.op.orders() && length(&text).is_some();
        if orders_age && tense == Tense::Future {
            // A length of time on what lies ahead counts from now, and is shown so.
            let _ = self.moment(operand, tense, problems);
        }
        let text = if orders_age { unescaped(&operand.text) } else { text };
        let number = real_range(operand);
        let orders = operand.op.orders();
        let ranged = two_ends(&text).is_some() && (number.is_some() || self.raw_moment(operand, tense).is_some());
        let plain = !orders && !ranged;
        let raw = RawMatcher {
            text: if plain { Some(self.text_matcher(operand, false)?) } else { None },
            bool: if plain { truth(&text) } else { None },
            number: number.filter(|_| operand.op != Op::Regex),
            instant: if plain { None } else { self.raw_moment(operand, tense) },
            version: match orders {
                true => Version::parse(&text).map(|version| version_range(operand.op, version)),
                false => None,
            },
            epoch,
        };
        if orders && raw.number.is_none() && raw.instant.is_none() && raw.version.is_none() {
            let message =
                format!("{} compares a number, a time or a version, and \"{text}\" is none.", operand.op.sign());
            return Err(wrong(message));
        }
        Ok(Matcher::Raw(Box::new(raw)))
    }

    fn raw_moment(&self, operand: &Operand, tense: Tense) -> Option<(Option<i64>, Option<i64>)> {
        // A bare number is a number; years are not meant there.
        let digits = operand.text.chars().all(|char| char.is_ascii_digit());
        self.moment(&mut operand.clone(), tense, &mut Vec::new()).ok().filter(|_| !digits)
    }
}

struct Wrong {
    message: String,
    near: Vec<String>,
}

fn wrong(message: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), near: Vec::new() }
}

fn int((low, high): (Option<i64>, Option<i64>)) -> Matcher {
    Matcher::Int { low, high }
}

/// What a bare word asks of a field of this type; `None` if it cannot be a value of it.
pub(crate) fn bare_matcher(ty: &Type, text: &str) -> Option<Matcher> {
    let plain = unescaped(text);
    let contains = || match wildcards(text).0 {
        true => Matcher::Like(Pattern::read(text, true, false)),
        false => Matcher::Contains(folded(&plain)),
    };
    match ty {
        Type::Text | Type::Enum(_) | Type::Version => Some(contains()),
        Type::Id => Some(Matcher::Equals(folded(&plain))),
        Type::Words => Word::read(text).map(Matcher::Words),
        Type::Ip if looks_like_ip(&plain) => range(&plain).map(|(low, high)| Matcher::Ip { low, high }),
        Type::Mac if looks_like_mac(&plain) => mac_digits(&plain).map(Matcher::Mac),
        _ => None,
    }
}

/// The whole numbers that an operand allows: `>5`, `5..9`, `=7`; the range is of `=` for `!=`.
pub(crate) fn int_range(operand: &Operand) -> Option<(Option<i64>, Option<i64>)> {
    let whole = |text: &str| text.trim().parse::<i64>().ok();
    if let Some((low, high)) = two_ends(&operand.text) {
        let end = |text: Option<&str>| text.map_or(Some(None), |text| whole(text).map(Some));
        return Some((end(low)?, end(high)?));
    }
    if let Some(number) = whole(&operand.text) {
        return compared(operand.op, number);
    }
    let real: f64 = operand.text.trim().parse().ok().filter(|real: &f64| real.is_finite())?;
    let (floor, ceil) = (real.floor() as i64, real.ceil() as i64);
    match operand.op {
        Op::Greater | Op::GreaterEqual if real.fract() != 0.0 => Some((Some(ceil), None)),
        Op::Less | Op::LessEqual if real.fract() != 0.0 => Some((None, Some(floor))),
        // No whole number equals a fraction.
        _ if real.fract() != 0.0 => compared(operand.op, 0).map(|_| (Some(i64::MAX), Some(i64::MIN))),
        op => compared(op, floor),
    }
}

fn real_range(operand: &Operand) -> Option<RealRange> {
    let real = |text: &str| text.trim().parse::<f64>().ok().filter(|real| real.is_finite());
    if let Some((low, high)) = two_ends(&operand.text) {
        let end = |text: Option<&str>| text.map_or(Some(None), |text| real(text).map(|bound| Some((bound, true))));
        return Some(RealRange { low: end(low)?, high: end(high)? });
    }
    (operand.op != Op::Regex).then(|| real(&operand.text)).flatten().map(|bound| RealRange::compared(operand.op, bound))
}

/// The range of whole numbers for which `number <op> bound` holds; `=` for `!=`.
fn compared(op: Op, bound: i64) -> Option<(Option<i64>, Option<i64>)> {
    const EMPTY: (Option<i64>, Option<i64>) = (Some(i64::MAX), Some(i64::MIN));
    Some(match op {
        Op::Greater => bound.checked_add(1).map_or(EMPTY, |low| (Some(low), None)),
        Op::GreaterEqual => (Some(bound), None),
        Op::Less => bound.checked_sub(1).map_or(EMPTY, |high| (None, Some(high))),
        Op::LessEqual => (None, Some(bound)),
        Op::Contains | Op::Equal | Op::Exact | Op::NotEqual => (Some(bound), Some(bound)),
        Op::Regex => return None,
    })
}

fn version_range(op: Op, version: Version) -> VersionRange {
    match op {
        Op::Greater => VersionRange::Between(Some((version, false)), None),
        Op::GreaterEqual => VersionRange::Between(Some((version, true)), None),
        Op::Less => VersionRange::Between(None, Some((version, false))),
        Op::LessEqual => VersionRange::Between(None, Some((version, true))),
        _ => VersionRange::Between(Some((version.clone(), true)), Some((version, true))),
    }
}

/// `a..b`, `a..`, `..b`.
fn two_ends(text: &str) -> Option<(Option<&str>, Option<&str>)> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.trim(), to.trim());
    let end = |text: &str| !text.is_empty();
    (end(from) || end(to)).then(|| (Some(from).filter(|from| end(from)), Some(to).filter(|to| end(to))))
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "y" | "1" => Some(true),
        "f" | "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

fn regex(text: &str) -> Result<Matcher, Wrong> {
    let built = RegexBuilder::new(text).case_insensitive(true).size_limit(REGEX_PROGRAM_BYTES_MAX).build();
    built.map(Matcher::Regex).map_err(|error| {
        let reason = match error {
            regex::Error::Syntax(text) => {
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
            regex::Error::CompiledTooBig(_) => "it grows too large when it is compiled".to_owned(),
            _ => "it cannot be compiled".to_owned(),
        };
        wrong(format!("the expression is not understood: {reason}."))
    })
}

/// All spellings of the choice that is called so.
fn spellings(choices: &Choices, asked: &str) -> Option<Vec<String>> {
    let choice = choices.values.iter().find(|choice| choice.value == asked || choice.aliases.contains(&asked))?;
    Some(std::iter::once(&choice.value).chain(choice.aliases).map(|word| (*word).to_owned()).collect())
}

fn one_of(mut words: Vec<String>) -> Matcher {
    words.sort_unstable();
    words.dedup();
    match words.as_slice() {
        [word] => Matcher::Equals(word.clone()),
        _ => Matcher::OneOf(words),
    }
}

fn listed(choices: &Choices) -> String {
    let mut shown: Vec<&str> = choices.values.iter().take(LISTED_MAX).map(|choice| choice.value).collect();
    if choices.values.len() > LISTED_MAX {
        shown.push("..");
    }
    shown.join(", ")
}
