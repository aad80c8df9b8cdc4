//! The checked question, as evaluation and lowering read it.

use serde_json::Value as Json;

use crate::catalogue::{Column, Scope};
use crate::matcher::Matcher;

/// The deepest path into a raw body.
pub(crate) const PATH_PARTS_MAX: usize = 32;

#[derive(Clone, Debug)]
pub(crate) enum Cond {
    Const(bool),
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Not(Box<Cond>),
    Test(Test),
    /// There is an element of the scope for which the body holds.
    Scope(Scope, Box<Cond>),
    /// The number of distinct values, or of elements, is in this range.
    Count(Counted, Option<i64>, Option<i64>),
}

#[derive(Clone, Debug)]
pub(crate) enum Counted {
    Values(Place),
    Elements(Scope),
}

/// Any value of the place matches or, with `all`, there is one and every one does.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) place: Place,
    pub(crate) all: bool,
    pub(crate) matcher: Matcher,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Field { name: &'static str, column: Column },
    Body(BodyPath),
}

/// Paths of one kind of body: the values of the first that has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyPath {
    pub(crate) source: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) paths: Vec<String>,
}

impl Test {
    pub(crate) fn any(place: Place, matcher: Matcher) -> Test {
        Test { place, all: false, matcher }
    }

    /// Whether a test holds for a field's values, given how each one matches.
    pub(crate) fn holds<T>(&self, values: &[T], matches: impl Fn(&T) -> bool) -> bool {
        if self.all { !values.is_empty() && values.iter().all(matches) } else { values.iter().any(matches) }
    }
}

impl Place {
    /// Whether the test has to run outside the database.
    pub(crate) fn beyond_sql(&self, matcher: &Matcher) -> bool {
        fn column_beyond(column: &Column, matcher: &Matcher) -> bool {
            match column {
                Column::Plain(_) | Column::Folded { .. } => matcher.beyond_sql(),
                Column::Term { .. } | Column::Words { .. } | Column::Missing { .. } => false,
                Column::Many { value, .. } => column_beyond(value, matcher),
                Column::Body { .. } => true,
            }
        }
        match self {
            Place::Field { column, .. } => column_beyond(column, matcher),
            Place::Body(_) => true,
        }
    }
}

impl BodyPath {
    /// All scalars that are not null at the path in these bodies, or anywhere below it.
    pub(crate) fn values<'j>(&self, bodies: &'j [Json]) -> Vec<&'j Json> {
        for path in &self.paths {
            // The empty path is the whole body.
            let parts: Vec<&str> = path.split('.').filter(|_| !path.is_empty()).take(PATH_PARTS_MAX).collect();
            let mut found = Vec::new();
            for body in bodies {
                follow(body, &parts, &mut found);
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

/// serde_json reads no deeper than 128, which bounds the recursion.
fn follow<'j>(value: &'j Json, parts: &[&str], found: &mut Vec<&'j Json>) {
    match (value, parts) {
        (Json::Array(elements), _) => elements.iter().for_each(|element| follow(element, parts, found)),
        (Json::Null, _) => {}
        (Json::Object(members), []) => members.values().for_each(|member| follow(member, &[], found)),
        (scalar, []) => found.push(scalar),
        // A key may itself hold dots.
        (Json::Object(members), parts) => (1..=parts.len()).for_each(|count| {
            if let Some(member) = members.get(&parts[..count].join(".")) {
                follow(member, &parts[count..], found);
            }
        }),
        _ => {}
    }
}
