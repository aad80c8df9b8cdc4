//! What a console was asked: the record that tests read to see whether a client behaved.

use std::collections::BTreeMap;
use std::time::Duration;

/// How many requests the journal's log holds; later ones are counted and not logged.
pub const LOG_MAX: usize = 4_000_000;

/// One request of the journal's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When, by the console's clock (µs).
    pub at: i64,
    /// The path's template, such as `/threats/{id}/notes`; `other` for a path that the console does not have.
    pub family: &'static str,
    /// The HTTP status of the answer.
    pub status: u16,
}

/// A request that the console answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Method, path and query, as received.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The `detail` of the error body.
    pub detail: String,
}

/// Everything that was asked since the console started or the journal was cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Requests by method and path (without query).
    pub requests: BTreeMap<String, u64>,
    /// What the vendor's parameters refuse (400), faults not counted.
    pub refused: Vec<Refusal>,
    /// Answers 401, 403, 404 and 501 that no fault caused.
    pub denied: Vec<Refusal>,
    /// Requests that a read-only client must never make: each is a defect of the product under test.
    pub forbidden: Vec<String>,
    /// Faults that were played: the number of the request (from 1) and the name of the fault.
    pub faults: Vec<(u64, String)>,
    /// Parameters that were valid and that the simulator does not act on: the answer was not narrowed by them.
    pub unheeded: Vec<String>,
    /// Requests answered, all of them.
    pub total: u64,
    /// Requests in the order in which they came, at most [`LOG_MAX`].
    pub log: Vec<Asked>,
}

impl Journal {
    /// Requests by path template and minute (the minute's first instant, µs).
    #[must_use]
    pub fn per_minute(&self) -> BTreeMap<(&'static str, i64), u64> {
        const MINUTE: i64 = 60_000_000;
        let mut counts = BTreeMap::new();
        for asked in &self.log {
            *counts.entry((asked.family, asked.at.div_euclid(MINUTE) * MINUTE)).or_default() += 1;
        }
        counts
    }

    /// The most requests that came within any span of that length; `family` absent: to all paths together.
    #[must_use]
    pub fn busiest(&self, family: Option<&str>, span: Duration) -> u64 {
        self.busiest_between(family, span, i64::MIN, i64::MAX)
    }

    /// The same for requests in `from..until` (µs): the request rate in a storm, say.
    #[must_use]
    pub fn busiest_between(&self, family: Option<&str>, span: Duration, from: i64, until: i64) -> u64 {
        let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let of =
            |asked: &&Asked| (from..until).contains(&asked.at) && family.is_none_or(|family| asked.family == family);
        let mut times: Vec<i64> = self.log.iter().filter(of).map(|asked| asked.at).collect();
        times.sort_unstable();
        let (mut first, mut most) = (0, 0);
        for (last, at) in times.iter().enumerate() {
            while at.saturating_sub(times[first]) >= span {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        most as u64
    }

    /// How many requests came in `from..until` (µs); `family` absent: to all paths together.
    #[must_use]
    pub fn asked_between(&self, family: Option<&str>, from: i64, until: i64) -> u64 {
        let of =
            |asked: &&Asked| (from..until).contains(&asked.at) && family.is_none_or(|family| asked.family == family);
        self.log.iter().filter(of).count() as u64
    }
}
