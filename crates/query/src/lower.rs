//! Checked question -> SQL condition, and what SQL cannot decide.

use kernel::Value;

use crate::{Checked, Matcher};

/// The terms of a dictionary, parted by a matcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The numbers of the terms that match.
    pub matched: Vec<i64>,
    /// The numbers of all others.
    pub rest: Vec<i64>,
}

impl Terms {
    /// Parts a dictionary's (number, text) entries.
    pub fn of<'a>(entries: impl IntoIterator<Item = (i64, &'a str)>, matcher: &Matcher) -> Terms {
        let mut terms = Terms::default();
        for (number, text) in entries {
            if matcher.matches_text(text) { terms.matched.push(number) } else { terms.rest.push(number) }
        }
        terms
    }
}

/// A condition over `t`, the row of the inventory's base table.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Goes behind `WHERE t.org_id = $1 AND (..)`. If there is a residual, it lets through all that match, and more.
    pub sql: String,
    /// The parameters of `sql` and of the residual's columns, numbered from `first_param` without gaps.
    pub params: Vec<Value<'static>>,
    /// What has to be decided row by row outside the database.
    pub residual: Option<Residual>,
}

/// A predicate over what SQL can say about a row and over its raw bodies.
#[derive(Clone, Debug)]
pub struct Residual {
    /// Expressions to put, all and in this order, into the select list; their parameters are in the condition's.
    pub columns: Vec<LeafColumn>,
    /// The (source, kind) pairs whose bodies [`Residual::holds`] asks for.
    pub bodies: Vec<(&'static str, &'static str)>,
}

/// An expression that a residual needs from SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafColumn {
    /// The expression, without a name.
    pub sql: String,
    /// How to read it.
    pub kind: LeafKind,
}

/// How a [`LeafColumn`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A BIGINT, 0 or 1: give [`Leaf::Truth`].
    Truth,
    /// Text or null: give [`Leaf::Text`].
    Text,
}

/// What a [`LeafColumn`] was in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Whether the condition holds.
    Truth(bool),
    /// The text.
    Text(Option<String>),
}

impl Residual {
    /// Whether the row matches. `bodies` gives the row's bodies of a (source, kind), once asked for each.
    pub fn holds(
        &self,
        leaves: &[Leaf],
        bodies: &mut dyn FnMut(&'static str, &'static str) -> Vec<serde_json::Value>,
    ) -> bool {
        let _ = (leaves, bodies);
        true
    }
}

/// Lowers to SQL that both databases read alike. `resolve` parts a dictionary by a matcher.
pub fn lower(checked: &Checked, resolve: &dyn Fn(&str, &Matcher) -> Terms, first_param: usize) -> Condition {
    let _ = (checked, resolve, first_param);
    Condition { sql: "TRUE".to_owned(), params: Vec::new(), residual: None }
}
