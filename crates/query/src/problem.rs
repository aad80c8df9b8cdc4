//! What is wrong with a query, where, and what comes nearest.

/// A range of bytes of the query text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something was repaired or normalised; the answer is what was meant.
    Notice,
    /// The query runs, and perhaps does not mean what its author thinks.
    Warning,
    /// The query does not run.
    Error,
}

/// One thing to say about a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// One or two sentences; begins lower case, ends with a full stop or a question mark.
    pub message: String,
    /// What to put in the place of the span, the nearest first.
    pub nearest: Vec<String>,
}

impl Problem {
    pub(crate) fn error(span: Span, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Error, span, message: message.into(), nearest: Vec::new() }
    }

    pub(crate) fn warning(span: Span, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(span, message) }
    }

    pub(crate) fn notice(span: Span, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Notice, ..Problem::error(span, message) }
    }

    pub(crate) fn near(mut self, nearest: impl IntoIterator<Item = String>) -> Problem {
        self.nearest.extend(nearest);
        self
    }
}
