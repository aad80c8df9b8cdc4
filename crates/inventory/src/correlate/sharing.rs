//! Learned sharing: an identifier that two live machines of one source have is neither's.

use kernel::{RecordId, Timestamp};

use super::fact::{Fact, Key, Kind, Life, same_serial};

/// How long an identifier must have been one machine's alone before it says something again.
pub const MEMORY_SECONDS: i64 = 30 * 86_400;

/// More records than this with one identifier: it is shared, whoever they are.
pub const BLOCK_RECORDS_MAX: usize = 50;

/// Two lives that meet for less follow each other: clocks and consoles are not exact to the minute.
pub const OVERLAP_SECONDS: i64 = 3600;

/// The same for lives in two consoles, of which neither notices at once that its agent has moved.
pub const OVERLAP_ELSEWHERE_SECONDS: i64 = 2 * 86_400;

/// Why an identifier says nothing, though it looks like one machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Until when it says nothing, if nothing happens.
    pub until: Timestamp,
    /// What was seen.
    pub why: SharedWhy,
}

/// What was seen of a shared identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedWhy {
    /// Two records of one source, alive at the same time, have or had it.
    Two(RecordId, RecordId),
    /// More than [`BLOCK_RECORDS_MAX`] records have it.
    Crowd,
}

impl Life {
    /// The end of it so far; a source that gives no times stands by what it has until it has it no more.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> Timestamp {
        match self.to {
            _ if self.active => now,
            Some(to) => to,
            None if self.present => Timestamp::from_micros(i64::MAX),
            None => self.from.unwrap_or(now),
        }
    }

    fn begin(&self) -> i64 {
        self.from.map_or(i64::MIN, Timestamp::micros)
    }

    /// Whether the two were alive at the same time for longer than `slack` seconds, or are in touch at this moment.
    #[must_use]
    pub fn overlaps(&self, other: &Life, slack: i64, now: Timestamp) -> bool {
        let end = self.end(now).micros().min(other.end(now).micros());
        let begin = self.begin().max(other.begin());
        (self.active && other.active) || end.saturating_sub(begin) > slack.saturating_mul(1_000_000)
    }

    /// The seconds between the two lives; nothing if they meet.
    #[must_use]
    pub fn gap(&self, other: &Life, now: Timestamp) -> i64 {
        let end = self.end(now).micros().min(other.end(now).micros());
        self.begin().max(other.begin()).saturating_sub(end).max(0) / 1_000_000
    }

    fn is_after(&self, at: Option<Timestamp>, now: Timestamp) -> bool {
        at.is_none_or(|at| self.end(now).micros() > at.micros().saturating_add(OVERLAP_SECONDS * 1_000_000))
    }
}

/// Whether an identifier says nothing just now. `holders` are all records that have it, or had it within the memory.
#[must_use]
pub fn shared(key: Key, holders: &[&Fact], now: Timestamp) -> Option<Shared> {
    if holders.len() > BLOCK_RECORDS_MAX {
        return Some(Shared { until: now.plus_seconds(MEMORY_SECONDS), why: SharedWhy::Crowd });
    }
    let mut worst: Option<Shared> = None;
    for (at, one) in holders.iter().enumerate() {
        for other in &holders[at + 1..] {
            let Some(until) = shared_until(key, one, other, now) else { continue };
            let (first, second) = (one.record.min(other.record), one.record.max(other.record));
            let this = Shared { until, why: SharedWhy::Two(first, second) };
            let order = |shared: &Shared| match shared.why {
                SharedWhy::Two(one, other) => (shared.until, std::cmp::Reverse((one, other))),
                SharedWhy::Crowd => (shared.until, std::cmp::Reverse((RecordId(0), RecordId(0)))),
            };
            if until > now && worst.is_none_or(|worst| order(&this) > order(&worst)) {
                worst = Some(this);
            }
        }
    }
    worst
}

/// Until when the two make the identifier say nothing, if they do.
fn shared_until(key: Key, one: &Fact, other: &Fact, now: Timestamp) -> Option<Timestamp> {
    let same_agent = one.identity.agent.is_some() && one.identity.agent == other.identity.agent;
    if !one.same_source(other) || same_agent || !one.life.overlaps(&other.life, OVERLAP_SECONDS, now) {
        return None;
    }
    if key.kind() == Kind::Serial && !same_serial(&one.identity, &other.identity) {
        return None;
    }
    // Two systems that take turns on one machine are not two machines.
    if are_two_systems(one, other) && same_serial(&one.identity, &other.identity) {
        return None;
    }
    let (held, with) = (one.held(key)?, other.held(key)?);
    if !one.life.is_after(with.since, now) || !other.life.is_after(held.since, now) {
        return None;
    }
    let ends = [Some(one.life.end(now)), Some(other.life.end(now)), held.until, with.until];
    let end = ends.into_iter().flatten().min()?;
    Some(end.plus_seconds(MEMORY_SECONDS))
}

/// Whether the two are different systems that are not in touch at the same moment.
#[must_use]
pub fn are_two_systems(one: &Fact, other: &Fact) -> bool {
    let differ = match (&one.identity.family, &other.identity.family) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    };
    differ && !(one.life.active && other.life.active)
}
