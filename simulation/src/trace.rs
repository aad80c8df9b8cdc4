//! What happened in a life, in order: lines to read, and a hash to compare.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use kernel::Timestamp;

/// An invariant that a life broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `I1` to `I10`.
    pub invariant: &'static str,
    /// What was seen, as a sentence.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.invariant, self.what)
    }
}

/// Lines of a life. They are kept only if somebody wants to read them; their hash always is.
pub(crate) struct Trace {
    began: Timestamp,
    hash: DefaultHasher,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(began: Timestamp, told: bool) -> Trace {
        Trace { began, hash: DefaultHasher::new(), lines: told.then(Vec::new) }
    }

    /// Adds a line, said at `now`.
    pub(crate) fn say(&mut self, now: Timestamp, line: &str) {
        let micros = now.micros() - self.began.micros();
        self.hash.write_i64(micros);
        self.hash.write(line.as_bytes());
        if let Some(lines) = &mut self.lines {
            let seconds = micros / 1_000_000;
            let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
            let millis = micros.rem_euclid(1_000_000) / 1_000;
            let clock = format!("{:02}:{:02}:{:02}.{millis:03}", rest / 3600, rest / 60 % 60, rest % 60);
            lines.push(format!("{days}d {clock}  {line}"));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
