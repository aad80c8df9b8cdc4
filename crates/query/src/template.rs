//! Saved queries' texts: a query with parameters in braces, `last_seen:>{days:duration=30d}`.
//!
//! A parameter stands where a value stands. What is filled in stays that value, whatever it holds: text is quoted, and
//! everything else is read by its kind first. So a saved query asks what its author wrote, and nothing besides.

use kernel::Timestamp;

use crate::near::nearest;
use crate::parse::TEXT_BYTES_MAX;
use crate::time::{length, moment};
use crate::version::Version;
use crate::{Problem, Refused, Span};

/// The most parameters of one query.
pub const PARAMETERS_MAX: usize = 16;
/// The most values of one list.
pub const LIST_MAX: usize = 100;

/// A query with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    places: Vec<Place>,
    parameters: Vec<Parameter>,
}

/// Something that the asker may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: small letters, digits and `_`.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// What it is when nobody says; `None`: it has to be given.
    pub default: Option<String>,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text; `*` and `%` stand for any run, as everywhere.
    Text,
    /// A number.
    Number,
    /// A length of time: `30d`.
    Duration,
    /// A date, an instant or `now-30d`.
    Time,
    /// A version.
    Version,
    /// `t` or `f`.
    Flag,
    /// Values with commas between them, any of which will do.
    Any,
    /// Values with commas between them, all of which have to hold: `product:({required:all})`.
    All,
}

/// Where a parameter stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    span: Span,
    /// Which of the parameters.
    parameter: usize,
    /// Whether it stands inside quotes that the author wrote.
    quoted: bool,
}

/// Why a saved query cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// A parameter that the query does not have.
    #[error("there is no parameter {name}{near}: {has}")]
    Unknown {
        /// What was given.
        name: String,
        /// ` (did you mean days?)`, or nothing.
        near: String,
        /// Which there are, as a sentence.
        has: String,
    },
    /// A parameter without a default that was not given.
    #[error("the parameter {name} needs a value: {name}={example}")]
    Missing {
        /// Which.
        name: String,
        /// What a value looks like.
        example: &'static str,
    },
    /// A value that is not of the parameter's kind.
    #[error("{name}={value} is not {wanted}: write it as {name}={example}")]
    Value {
        /// Which parameter.
        name: String,
        /// What was given.
        value: String,
        /// What it takes, in words.
        wanted: &'static str,
        /// What a value looks like.
        example: &'static str,
    },
}

/// A query without parameters any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The query.
    pub text: String,
    /// Where values were filled in.
    pub values: Vec<Span>,
}

impl Kind {
    /// Every kind, with the word that names it.
    const ALL: [(&'static str, Kind); 8] = [
        ("text", Kind::Text),
        ("number", Kind::Number),
        ("duration", Kind::Duration),
        ("time", Kind::Time),
        ("version", Kind::Version),
        ("flag", Kind::Flag),
        ("any", Kind::Any),
        ("all", Kind::All),
    ];

    /// The word that names it, behind the colon.
    #[must_use]
    pub fn word(self) -> &'static str {
        Kind::ALL.iter().find(|(_, kind)| *kind == self).map_or("text", |(word, _)| word)
    }

    /// What it takes, in words: `a number`.
    #[must_use]
    pub fn wanted(self) -> &'static str {
        match self {
            Kind::Text => "a text",
            Kind::Number => "a number",
            Kind::Duration => "a length of time",
            Kind::Time => "a time",
            Kind::Version => "a version",
            Kind::Flag => "t or f",
            Kind::Any | Kind::All => "a list of values",
        }
    }

    /// What a value looks like.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Kind::Text => "berlin",
            Kind::Number => "30",
            Kind::Duration => "30d",
            Kind::Time => "2026-01-31",
            Kind::Version => "24.1",
            Kind::Flag => "t",
            Kind::Any | Kind::All => "\"chrome, firefox\"",
        }
    }

    /// The kind of a default that names none.
    fn of(default: &str) -> Kind {
        if default.parse::<f64>().is_ok_and(f64::is_finite) {
            Kind::Number
        } else if length(default).is_some() {
            Kind::Duration
        } else {
            Kind::Text
        }
    }

    fn fits(self, value: &str, now: Timestamp) -> bool {
        match self {
            Kind::Text => !value.is_empty(),
            Kind::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Kind::Duration => length(value).is_some(),
            Kind::Time => moment(value, now).is_some(),
            Kind::Version => Version::parse(value).is_some(),
            Kind::Flag => ["t", "true", "yes", "f", "false", "no"].iter().any(|word| word.eq_ignore_ascii_case(value)),
            Kind::Any | Kind::All => (1..=LIST_MAX).contains(&listed(value).count()),
        }
    }
}

impl Template {
    /// Reads a text with parameters.
    ///
    /// # Errors
    /// Everything that is wrong with the parameters, each with its place. The query itself is not looked at.
    pub fn parse(text: &str) -> Result<Template, Refused> {
        let mut template = Template { text: text.to_owned(), places: Vec::new(), parameters: Vec::new() };
        let mut problems = Vec::new();
        if text.len() > TEXT_BYTES_MAX {
            problems.push(Problem::error(Span::default(), format!("a query may have {TEXT_BYTES_MAX} bytes.")));
        } else {
            template.scan(&mut problems);
        }
        if template.parameters.len() > PARAMETERS_MAX {
            problems.push(Problem::error(Span::default(), format!("a query may have {PARAMETERS_MAX} parameters.")));
        }
        match problems.is_empty() {
            true => Ok(template),
            false => Err(Refused { text: text.to_owned(), problems }),
        }
    }

    /// What can be set, in the order in which it is first named.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The text as its author wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The query with these values, and defaults for all others.
    ///
    /// # Errors
    /// A value of no parameter, one of the wrong kind, or none where one is needed.
    pub fn fill(&self, given: &[(String, String)], now: Timestamp) -> Result<Filled, FillError> {
        for (name, _) in given {
            if !self.parameters.iter().any(|parameter| parameter.name == *name) {
                return Err(self.unknown(name));
            }
        }
        let value = |parameter: &Parameter| -> Result<String, FillError> {
            let given = given.iter().rev().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.trim());
            let name = parameter.name.clone();
            let example = parameter.kind.example();
            let Some(value) = given.or(parameter.default.as_deref()) else {
                return Err(FillError::Missing { name, example });
            };
            if !parameter.kind.fits(value, now) {
                let (value, wanted) = (value.to_owned(), parameter.kind.wanted());
                return Err(FillError::Value { name, value, wanted, example });
            }
            Ok(value.to_owned())
        };
        let values: Vec<String> = self.parameters.iter().map(value).collect::<Result<_, _>>()?;
        Ok(self.put(&values))
    }

    /// The query with a value of the right kind for every parameter that has no default: for checking what is saved.
    #[must_use]
    pub fn sample(&self) -> Filled {
        let sample = |parameter: &Parameter| {
            parameter.default.clone().unwrap_or_else(|| parameter.kind.example().trim_matches('"').to_owned())
        };
        self.put(&self.parameters.iter().map(sample).collect::<Vec<_>>())
    }

    fn put(&self, values: &[String]) -> Filled {
        let (mut text, mut from, mut spans) = (String::new(), 0, Vec::new());
        for place in &self.places {
            text.push_str(&self.text[from..place.span.start]);
            let start = text.len();
            text.push_str(&written(&self.parameters[place.parameter], &values[place.parameter], place.quoted));
            spans.push(Span { start, end: text.len() });
            from = place.span.end;
        }
        text.push_str(&self.text[from..]);
        Filled { text, values: spans }
    }

    fn unknown(&self, name: &str) -> FillError {
        let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let near = nearest(name, names.iter().copied());
        let near = near.first().map_or(String::new(), |near| format!(" (did you mean {near}?)"));
        let has = match names.as_slice() {
            [] => "this query has none".to_owned(),
            names => format!("this query has {}", names.join(", ")),
        };
        FillError::Unknown { name: name.to_owned(), near, has }
    }

    /// Finds the parameters. A brace in an expression, behind a backslash, or before anything but a small letter is a brace.
    fn scan(&mut self, problems: &mut Vec<Problem>) {
        let text = self.text.clone();
        let (mut quoted, mut expression, mut at) = (false, false, 0);
        while let Some(char) = text[at..].chars().next() {
            let rest = &text[at..];
            let next = at + char.len_utf8();
            match char {
                '\\' => {
                    at = next + text[next..].chars().next().map_or(0, char::len_utf8);
                    continue;
                }
                '"' if !expression => quoted = !quoted,
                '/' if expression => expression = false,
                '/' if !quoted && text[..at].ends_with('~') => expression = true,
                '{' if rest[1..].starts_with(|char: char| char.is_ascii_lowercase()) => {
                    let Some(end) = rest.find('}') else {
                        let span = Span { start: at, end: next };
                        problems.push(Problem::error(span, "this brace opens a parameter and is never closed."));
                        return;
                    };
                    let span = Span { start: at, end: at + end + 1 };
                    if expression {
                        // `\p{greek}` and the like; a parameter there could change what the expression means.
                        at = span.end;
                        continue;
                    }
                    self.parameter(&rest[1..end], span, quoted, problems);
                    at = span.end;
                    continue;
                }
                _ => {}
            }
            at = next;
        }
    }

    fn parameter(&mut self, inner: &str, span: Span, quoted: bool, problems: &mut Vec<Problem>) {
        let (head, default) =
            inner.split_once('=').map_or((inner, None), |(head, default)| (head, Some(default.trim())));
        let (name, word) = head.split_once(':').map_or((head, None), |(name, word)| (name.trim(), Some(word.trim())));
        let name = name.trim();
        if !name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_') {
            let message = format!("\"{name}\" is no name of a parameter: small letters, digits and _ are.");
            problems.push(Problem::error(span, message));
            return;
        }
        let kind = match word {
            None => None,
            Some(word) => match Kind::ALL.iter().find(|(known, _)| *known == word) {
                Some((_, kind)) => Some(*kind),
                None => {
                    let words: Vec<&str> = Kind::ALL.iter().map(|(word, _)| *word).collect();
                    let message = format!("there is no kind {word}. There are {}.", words.join(", "));
                    problems.push(Problem::error(span, message).near(nearest(word, words)));
                    return;
                }
            },
        };
        let known = self.parameters.iter().position(|parameter| parameter.name == name);
        let index = known.unwrap_or_else(|| {
            let kind = kind.unwrap_or_else(|| default.map_or(Kind::Text, Kind::of));
            self.parameters.push(Parameter { name: name.to_owned(), kind, default: default.map(str::to_owned) });
            self.parameters.len() - 1
        });
        let parameter = &mut self.parameters[index];
        if known.is_some() {
            if kind.is_some_and(|kind| kind != parameter.kind)
                || default.is_some_and(|default| parameter.default.as_deref().is_some_and(|known| known != default))
            {
                problems.push(Problem::error(span, format!("{name} is declared twice, and not alike.")));
                return;
            }
            parameter.default = parameter.default.take().or_else(|| default.map(str::to_owned));
        }
        if let Some(default) = &parameter.default
            && !parameter.kind.fits(default, Timestamp::from_micros(0))
        {
            let message = format!("the default {default} of {name} is not {}.", parameter.kind.wanted());
            problems.push(Problem::error(span, message));
            return;
        }
        let list = matches!(parameter.kind, Kind::Any | Kind::All);
        let around =
            (self.text[..span.start].trim_end().ends_with('('), self.text[span.end..].trim_start().starts_with(')'));
        if list && (quoted || around != (true, true)) {
            let message = format!("{name} is a list: it stands alone in parentheses, field:({{{name}}}).");
            problems.push(Problem::error(span, message));
            return;
        }
        self.places.push(Place { span, parameter: index, quoted });
    }
}

/// A value as it stands in the query.
fn written(parameter: &Parameter, value: &str, quoted: bool) -> String {
    let text = |value: &str| match quoted {
        true => escaped(value),
        false => format!("\"{}\"", escaped(value)),
    };
    match parameter.kind {
        Kind::Text => text(value),
        Kind::Number => value.to_owned(),
        Kind::Duration | Kind::Time => value.replace(char::is_whitespace, ""),
        Kind::Version => text(value),
        Kind::Flag => if value.to_ascii_lowercase().starts_with(['t', 'y']) { "t" } else { "f" }.to_owned(),
        Kind::Any => listed(value).map(text).collect::<Vec<_>>().join(", "),
        Kind::All => listed(value).map(text).collect::<Vec<_>>().join(" and "),
    }
}

/// The values of a list.
fn listed(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|value| !value.is_empty())
}

/// Text that stays one value between quotes: no quote ends it and no sign before it compares.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '=' | '!' | '<' | '>' | '~' if text.is_empty() => {
                text.push('\\');
                text.push(char);
            }
            // Typographic quotes would end a text that none of them began.
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}' => text.push('?'),
            char if char.is_control() => text.push(' '),
            char => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
    }

    fn filled(text: &str, given: &[(&str, &str)]) -> Result<String, FillError> {
        let given: Vec<(String, String)> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Template::parse(text).unwrap().fill(&given, now()).map(|filled| filled.text)
    }

    #[test]
    fn parameters_have_kinds_and_defaults() {
        let template = Template::parse("last_seen:>{days=30d} name:{who} cores:>{n=4} v:<{v:version}").unwrap();
        let shown: Vec<_> = (template.parameters().iter())
            .map(|parameter| (parameter.name.as_str(), parameter.kind, parameter.default.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("days", Kind::Duration, Some("30d")),
                ("who", Kind::Text, None),
                ("n", Kind::Number, Some("4")),
                ("v", Kind::Version, None)
            ]
        );
        let text = filled(template.text(), &[("who", "lt-0471"), ("v", "24.1"), ("days", "2 weeks")]).unwrap();
        assert_eq!(text, "last_seen:>2weeks name:\"lt-0471\" cores:>4 v:<\"24.1\"");
    }

    #[test]
    fn what_is_filled_in_stays_one_value() {
        for hostile in ["x\" or name:\"", "a or b", ") or (", "x\\", "=x", "<7d", "{days}", "a\\\" or b", "x” or y:“z"]
        {
            for template in ["name:{who}", "name:\"{who}\"", "not (name:{who} os:linux)"] {
                let text = filled(template, &[("who", hostile)]).unwrap();
                let (tree, problems) = crate::parse(&text);
                assert!(
                    problems.iter().all(|problem| problem.severity < crate::Severity::Error),
                    "{text} {problems:?}"
                );
                let (plain, _) = crate::parse(&filled(template, &[("who", "x")]).unwrap());
                assert_eq!(shape(&tree), shape(&plain), "{text}");
            }
        }
    }

    /// A tree without its values.
    fn shape(tree: &crate::Tree) -> String {
        let text = format!("{:?}", tree.clone().without_spans());
        let parts: Vec<&str> = text.split("text: \"").collect();
        parts.iter().map(|part| part.split_once("\", inside").map_or(*part, |(_, rest)| rest)).collect()
    }

    #[test]
    fn lists_are_any_or_all() {
        assert_eq!(filled("os:({a:any=x,y})", &[]).unwrap(), "os:(\"x\", \"y\")");
        assert_eq!(filled("os:({a:all})", &[("a", "x , y,")]).unwrap(), "os:(\"x\" and \"y\")");
        assert!(Template::parse("os:{a:any}").is_err() && Template::parse("os:({a:any} or b)").is_err());
    }

    #[test]
    fn braces_of_expressions_are_no_parameters() {
        for text in ["name:~/^lt-\\d{4}$/", "name:~/\\p{greek}/", "name:\"{7}\"", "name:\\{x}"] {
            assert!(Template::parse(text).unwrap().parameters().is_empty(), "{text}");
        }
    }

    #[test]
    fn wrong_values_are_told_with_what_is_right() {
        let wrong = |text, given: &[(&str, &str)]| filled(text, given).unwrap_err().to_string();
        assert_eq!(
            wrong("last_seen:>{days=30d}", &[("days", "soon")]),
            "days=soon is not a length of time: write it as days=30d"
        );
        assert_eq!(wrong("name:{who}", &[]), "the parameter who needs a value: who=berlin");
        assert_eq!(
            wrong("last_seen:>{days=30d}", &[("dayz", "3d")]),
            "there is no parameter dayz (did you mean days?): this query has days"
        );
        let problems = |text| Template::parse(text).unwrap_err().problems[0].message.clone();
        assert_eq!(
            problems("a:{x:int}"),
            "there is no kind int. There are text, number, duration, time, version, flag, any, all."
        );
        assert_eq!(problems("a:{x=1} b:{x=2}"), "x is declared twice, and not alike.");
        assert_eq!(problems("a:{x:flag=7}"), "the default 7 of x is not t or f.");
        assert_eq!(problems("a:{x"), "this brace opens a parameter and is never closed.");
    }
}
