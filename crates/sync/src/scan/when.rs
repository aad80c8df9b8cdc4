//! When a scan task runs: one pure decision.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schedule::Next;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The longest rhythm: every so many hours, or days.
pub const EVERY_MAX: u32 = 366;

/// When a task runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// When somebody asks for it.
    #[default]
    Asked,
    /// Once, at this instant; seconds since 1970.
    Once(i64),
    /// Again and again.
    Every {
        /// Every so many.
        every: u32,
        /// Of what.
        unit: Unit,
        /// At this minute of the day, UTC; of hours, at its minute of the hour.
        at: u32,
    },
}

/// What a rhythm counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hours.
    Hours,
    /// Days.
    Days,
}

/// What is known of a task's past.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    /// Somebody wants a run now.
    pub asked: bool,
    /// When it was made, or changed last.
    pub changed_at: Timestamp,
    /// When its latest run began.
    pub started_at: Option<Timestamp>,
}

impl When {
    /// Compares a rhythm with its bounds.
    #[must_use]
    pub fn is_possible(self) -> bool {
        match self {
            When::Asked | When::Once(_) => true,
            When::Every { every, at, .. } => (1..=EVERY_MAX).contains(&every) && i64::from(at) * MINUTE < DAY,
        }
    }

    /// When the next run is due. A time that passed while nothing ran is made up for once.
    #[must_use]
    pub fn next(self, now: Timestamp, past: Past) -> Next {
        if past.asked {
            return Next::Now;
        }
        let next = match self {
            When::Asked => return Next::Never,
            When::Once(at) => {
                let at = Timestamp::from_seconds(at);
                if past.started_at.is_some_and(|started| started >= at) {
                    return Next::Never;
                }
                at
            }
            When::Every { every, unit, at } => {
                let next = slot(every.clamp(1, EVERY_MAX), unit, i64::from(at) * MINUTE, past);
                // A clock that was set back must not keep a task waiting for the time before.
                let longest = i64::from(every) * if unit == Unit::Days { DAY } else { HOUR };
                next.min(now.plus_seconds(longest))
            }
        };
        if next <= now { Next::Now } else { Next::At(next) }
    }
}

/// The first time of a rhythm behind the latest run, or behind the task's making.
fn slot(every: u32, unit: Unit, at: i64, past: Past) -> Timestamp {
    let (length, phase) = match unit {
        Unit::Days => (DAY, at),
        Unit::Hours => (HOUR, at % HOUR),
    };
    let slot_of = |instant: Timestamp| (instant.micros().div_euclid(1_000_000) - phase).div_euclid(length);
    let slot = match past.started_at {
        Some(started) => slot_of(started) + i64::from(every),
        None => slot_of(past.changed_at) + 1,
    };
    Timestamp::from_seconds(slot * length + phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn past(changed: &str, started: Option<&str>) -> Past {
        Past { asked: false, changed_at: at(changed), started_at: started.map(at) }
    }

    fn days(every: u32) -> When {
        When::Every { every, unit: Unit::Days, at: 75 }
    }

    #[test]
    fn every_day_means_the_next_quarter_past_one_and_then_each() {
        let now = at("2026-11-21T03:00:00Z");
        assert_eq!(days(1).next(now, past("2026-11-21T03:00:00Z", None)), Next::At(at("2026-11-22T01:15:00Z")));
        assert_eq!(days(7).next(now, past("2026-11-21T03:00:00Z", None)), Next::At(at("2026-11-22T01:15:00Z")));
        let ran = past("2026-11-01T00:00:00Z", Some("2026-11-21T01:15:02Z"));
        assert_eq!(days(1).next(now, ran), Next::At(at("2026-11-22T01:15:00Z")));
        assert_eq!(days(7).next(now, ran), Next::At(at("2026-11-28T01:15:00Z")));
        // Its machine was switched off for a week: once now, then as ever.
        let late = past("2026-11-01T00:00:00Z", Some("2026-11-14T01:15:02Z"));
        assert_eq!(days(1).next(now, late), Next::Now);
        // Asked for by hand at noon: the night's run is not left out.
        let noon = past("2026-11-01T00:00:00Z", Some("2026-11-21T12:00:00Z"));
        assert_eq!(days(1).next(at("2026-11-21T13:00:00Z"), noon), Next::At(at("2026-11-22T01:15:00Z")));
    }

    #[test]
    fn every_few_hours_means_at_its_minute() {
        let six = When::Every { every: 6, unit: Unit::Hours, at: 30 };
        let now = at("2026-11-21T03:00:00Z");
        assert_eq!(six.next(now, past("2026-11-21T02:59:00Z", None)), Next::At(at("2026-11-21T03:30:00Z")));
        let ran = past("2026-11-01T00:00:00Z", Some("2026-11-21T02:30:01Z"));
        assert_eq!(six.next(now, ran), Next::At(at("2026-11-21T08:30:00Z")));
        assert_eq!(six.next(at("2026-11-21T08:30:00Z"), ran), Next::Now);
    }

    #[test]
    fn once_is_once_and_asking_is_now() {
        let once = When::Once(1_795_230_000);
        let then = Timestamp::from_seconds(1_795_230_000);
        assert_eq!(once.next(then.plus_seconds(-1), past("2026-11-01T00:00:00Z", None)), Next::At(then));
        assert_eq!(once.next(then.plus_seconds(99), past("2026-11-01T00:00:00Z", None)), Next::Now);
        let ran = Past { started_at: Some(then), ..past("2026-11-01T00:00:00Z", None) };
        assert_eq!(once.next(then.plus_seconds(99), ran), Next::Never);
        let earlier = Past { started_at: Some(then.plus_seconds(-60)), ..ran };
        assert_eq!(once.next(then.plus_seconds(99), earlier), Next::Now, "a run by hand before is not the one");
        assert_eq!(When::Asked.next(then, ran), Next::Never);
        assert_eq!(When::Asked.next(then, Past { asked: true, ..ran }), Next::Now);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_waiting_for_longer_than_the_rhythm() {
        let ahead = past("2026-11-01T00:00:00Z", Some("2030-01-01T01:15:00Z"));
        let now = at("2026-11-21T03:00:00Z");
        assert_eq!(days(2).next(now, ahead), Next::At(at("2026-11-23T03:00:00Z")));
        assert!(!days(0).is_possible() && !days(EVERY_MAX + 1).is_possible() && days(1).is_possible());
        assert!(!When::Every { every: 1, unit: Unit::Days, at: 24 * 60 }.is_possible());
    }
}
