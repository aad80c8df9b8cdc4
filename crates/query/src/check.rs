//! Tree -> checked question: every name is known, every operator fits.

use std::collections::BTreeSet;

use kernel::Timestamp;

use crate::{Catalogue, Problem};

/// What the data holds, for suggestions and for enums that a console extended. Every answer may be "not known".
pub trait Known {
    /// The values seen in a field, with how many rows have each, most frequent first.
    fn values(&self, inventory: &str, field: &str) -> Option<Vec<(String, u64)>> {
        let _ = (inventory, field);
        None
    }

    /// The names of the sources that have sent anything.
    fn sources(&self) -> Option<Vec<String>> {
        None
    }
}

/// Knows nothing: every check falls back on what the catalogue declares.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingKnown;

impl Known for NothingKnown {}

/// Against what a query is checked.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// What there is.
    pub catalogue: &'a Catalogue,
    /// The inventory that is asked, as the user named it.
    pub inventory: &'a str,
    /// What `now` is, and what ages count from.
    pub now: Timestamp,
    /// The moment the question is about, if not the present: then volatile fields are mistakes.
    pub as_of: Option<Timestamp>,
    /// What the data holds.
    pub known: &'a dyn Known,
}

/// A question whose every part is understood.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The canonical name of the inventory.
    pub inventory: &'static str,
    /// The query as Muster would write it.
    pub canonical: String,
    /// Warnings and notices, by position.
    pub notes: Vec<Problem>,
}

/// A query that does not run: its text and everything that is wrong with it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} in the query", mistakes(.problems))]
pub struct Refused {
    /// The text as given.
    pub text: String,
    /// Errors, and warnings and notices too, by position.
    pub problems: Vec<Problem>,
}

fn mistakes(problems: &[Problem]) -> String {
    match problems.iter().filter(|problem| problem.severity == crate::Severity::Error).count() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    }
}

/// Parses and checks in one step.
///
/// # Errors
/// All mistakes at once.
pub fn prepare(text: &str, asking: &Asking<'_>) -> Result<Checked, Refused> {
    let _ = asking;
    Err(Refused { text: text.to_owned(), problems: Vec::new() })
}

impl Checked {
    /// The dictionaries that lowering will ask for.
    #[must_use]
    pub fn dictionaries(&self) -> BTreeSet<&'static str> {
        BTreeSet::new()
    }

    /// The parts of the top-level `and`, for hit counts: each alone, and together with those before it.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        Vec::new()
    }
}

/// One part of the top-level `and`.
#[derive(Clone, Debug)]
pub struct Step {
    /// The part in canonical text.
    pub text: String,
    /// The part alone.
    pub alone: Checked,
    /// The part and all parts before it.
    pub so_far: Checked,
}
