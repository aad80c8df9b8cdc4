//! The naive evaluator: the language's meaning in memory, the oracle for both databases.

use std::collections::BTreeSet;

use kernel::fold;

use crate::Checked;
use crate::catalogue::Column;
use crate::cond::{Cond, Counted, Place, Test};
use crate::lower::distinct_json;
use crate::matcher::Matcher;

/// A row as the naive evaluator sees it.
pub trait Record {
    /// The values of a field, by its canonical name; none if it is absent.
    fn values(&self, field: &str) -> Vec<Datum>;
    /// The elements of a scope, by its canonical name.
    fn elements(&self, scope: &str) -> Vec<&dyn Record>;
    /// The raw bodies of a (source, kind).
    fn bodies(&self, source: &str, kind: &str) -> Vec<serde_json::Value>;
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Text as sent, for text, enum, version, id and hardware address (12 hexadecimal digits).
    Text(String),
    /// A whole number, a boolean as 0 or 1, an instant or a duration in microseconds.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// An address, IPv4 mapped.
    Ip([u8; 16]),
}

/// Whether a record matches.
pub fn evaluate(checked: &Checked, record: &dyn Record) -> bool {
    holds(&checked.root, record)
}

fn holds(cond: &Cond, record: &dyn Record) -> bool {
    match cond {
        Cond::Const(truth) => *truth,
        Cond::And(parts) => parts.iter().all(|part| holds(part, record)),
        Cond::Or(parts) => parts.iter().any(|part| holds(part, record)),
        Cond::Not(part) => !holds(part, record),
        Cond::Test(test) => test_holds(test, record),
        Cond::Scope(scope, body) => record.elements(scope.name).into_iter().any(|element| holds(body, element)),
        Cond::Count(counted, low, high) => {
            let count = match counted {
                Counted::Elements(scope) => record.elements(scope.name).len(),
                Counted::Values(Place::Field { name, column }) => {
                    let distinct = |value: &Datum| value.distinct(of_terms(column));
                    record.values(name).iter().map(distinct).collect::<BTreeSet<_>>().len()
                }
                Counted::Values(Place::Body(path)) => {
                    let bodies = record.bodies(path.source, path.kind);
                    path.values(&bodies).into_iter().map(distinct_json).collect::<BTreeSet<_>>().len()
                }
            };
            Matcher::Int { low: *low, high: *high }.matches_int(i64::try_from(count).unwrap_or(i64::MAX))
        }
    }
}

fn test_holds(test: &Test, record: &dyn Record) -> bool {
    match &test.place {
        Place::Field { name, .. } => test.holds(&record.values(name), |value| value.matches(&test.matcher)),
        Place::Body(path) => {
            let bodies = record.bodies(path.source, path.kind);
            test.holds(&path.values(&bodies), |value| test.matcher.matches_json(value))
        }
    }
}

impl Datum {
    fn matches(&self, matcher: &Matcher) -> bool {
        match self {
            Datum::Text(text) => matcher.matches_text(text),
            Datum::Int(number) => matcher.matches_int(*number),
            Datum::Real(number) => matcher.matches_real(*number),
            Datum::Ip(address) => matcher.matches_ip(address),
        }
    }

    /// What makes two values the same when they are counted: the terms of a dictionary differ in case too.
    fn distinct(&self, exact: bool) -> String {
        match self {
            Datum::Text(text) if exact => text.clone(),
            Datum::Text(text) => fold(text).into_owned(),
            Datum::Int(number) => number.to_string(),
            Datum::Real(number) => number.to_string(),
            Datum::Ip(address) => format!("{address:?}"),
        }
    }
}

fn of_terms(column: &Column) -> bool {
    match column {
        Column::Term { .. } => true,
        Column::Many { value, .. } => of_terms(value),
        _ => false,
    }
}
