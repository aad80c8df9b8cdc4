//! Durations, dates and moments as queries write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use kernel::Timestamp;

/// A length of time; months keep their own count, since they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    months: i64,
    micros: i64,
}

/// What a value on a timestamp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A bare duration: an age, or ahead of now.
    Length(Length),
    /// A day, a month, a minute ..: from, and up to but without.
    Period(i64, i64),
    /// `now`, `now+30d`.
    Instant(i64),
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Reads `7d`, `2weeks`, `1d12h`, `6 months`. A month on a field of durations is 30 days.
pub(crate) fn length(text: &str) -> Option<Length> {
    let mut rest = text.trim();
    let mut sum = Length { months: 0, micros: 0 };
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let behind = rest[digits..].trim_start();
        let end = behind.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (months, unit) = match behind[..end].to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => (0, SECOND),
            "m" | "min" | "mins" | "minute" | "minutes" => (0, 60 * SECOND),
            "h" | "hr" | "hrs" | "hour" | "hours" => (0, 3600 * SECOND),
            "d" | "day" | "days" => (0, DAY),
            "w" | "wk" | "week" | "weeks" => (0, 7 * DAY),
            "mo" | "mon" | "month" | "months" => (1, 0),
            "y" | "yr" | "year" | "years" => (12, 0),
            _ => return None,
        };
        sum.months = sum.months.saturating_add(number.saturating_mul(months));
        sum.micros = sum.micros.saturating_add(number.saturating_mul(unit));
        rest = behind[end..].trim_start();
    }
    Some(sum)
}

impl Length {
    /// As microseconds, a month being 30 days.
    pub(crate) fn micros(self) -> i64 {
        self.micros.saturating_add(self.months.saturating_mul(30 * DAY))
    }

    /// The instant that much after (or, with `back`, before) another; stops at the ends of time.
    pub(crate) fn from(self, now: Timestamp, back: bool) -> i64 {
        let sign = if back { -1 } else { 1 };
        let end = if back { i64::MIN } else { i64::MAX };
        let moved = if self.months == 0 {
            Some(now.micros())
        } else {
            let start = jiff::Timestamp::from_microsecond(now.micros()).ok();
            let span = jiff::Span::new().try_months(self.months.saturating_mul(sign)).ok();
            start.zip(span).and_then(|(start, span)| {
                start.to_zoned(TimeZone::UTC).checked_add(span).ok().map(|at| at.timestamp().as_microsecond())
            })
        };
        moved.map_or(end, |moved| moved.saturating_add(self.micros.saturating_mul(sign)))
    }
}

/// The instant that a text names outside of queries, as `--since` and `--as-of` take it: an age (`7d`), `now-7d`, or where a
/// day, month or year begins (UTC). `None` if it names none.
#[must_use]
pub fn instant(text: &str, now: Timestamp) -> Option<Timestamp> {
    Some(Timestamp::from_micros(match moment(text, now)? {
        Moment::Length(length) => length.from(now, true),
        Moment::Period(start, _) | Moment::Instant(start) => start,
    }))
}

/// Reads a duration, a date of any precision, an RFC 3339 instant, `now` and `now` with a duration.
pub(crate) fn moment(text: &str, now: Timestamp) -> Option<Moment> {
    let text = text.trim();
    if text.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("now")) {
        let rest = text[3..].trim_start();
        return match rest.chars().next() {
            None => Some(Moment::Instant(now.micros())),
            Some('+') => length(&rest[1..]).map(|length| Moment::Instant(length.from(now, false))),
            Some('-') => length(&rest[1..]).map(|length| Moment::Instant(length.from(now, true))),
            Some(_) => None,
        };
    }
    length(text).map(Moment::Length).or_else(|| period(text))
}

/// A date or instant as the period it names: a year, month, day, minute, second, or one microsecond.
fn period(text: &str) -> Option<Moment> {
    if !text.is_ascii() {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    if upper.contains('T') && (upper.ends_with('Z') || upper[10.min(upper.len())..].contains(['+', '-'])) {
        let start = Timestamp::parse(&upper).ok()?.micros();
        let length = if upper.contains('.') { 1 } else { SECOND };
        return Some(Moment::Period(start, start.saturating_add(length)));
    }
    let plain = upper.replace(' ', "T");
    let numbers: Vec<&str> = plain.split(['-', 'T', ':']).collect();
    if !numbers.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let well = numbers.iter().enumerate().all(|(index, part)| part.len() == if index == 0 { 4 } else { 2 });
    let number = |index: usize| numbers.get(index).map_or(Some(0), |part| part.parse::<i8>().ok());
    let year: i16 = numbers.first()?.parse().ok()?;
    let of = |date: Date| DateTime::from_parts(date, jiff::civil::Time::midnight());
    let micros = |at: DateTime| TimeZone::UTC.to_timestamp(at).ok().map(jiff::Timestamp::as_microsecond);
    let (start, next) = match (well, numbers.len(), plain.contains('T')) {
        (true, 1, false) => {
            let next = Date::new(year + 1, 1, 1).ok()?;
            (micros(of(Date::new(year, 1, 1).ok()?))?, micros(of(next))?)
        }
        (true, 2, false) => {
            let first = Date::new(year, number(1)?, 1).ok()?;
            (micros(of(first))?, micros(of(first.checked_add(jiff::Span::new().months(1)).ok()?))?)
        }
        (true, 3, false) => {
            let start = micros(of(Date::new(year, number(1)?, number(2)?).ok()?))?;
            (start, start.saturating_add(DAY))
        }
        (true, 5 | 6, true) => {
            let date = Date::new(year, number(1)?, number(2)?).ok()?;
            let time = jiff::civil::Time::new(number(3)?, number(4)?, number(5)?, 0).ok()?;
            let start = micros(DateTime::from_parts(date, time))?;
            (start, start.saturating_add(if numbers.len() == 5 { 60 * SECOND } else { SECOND }))
        }
        _ => return None,
    };
    Some(Moment::Period(start, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-08-31T12:00:00Z").unwrap()
    }

    fn at(text: &str) -> i64 {
        Timestamp::parse(text).unwrap().micros()
    }

    #[test]
    fn durations_take_every_spelling() {
        assert_eq!(length("2weeks").map(Length::micros), Some(14 * DAY));
        assert_eq!(length("1d12h").map(Length::micros), Some(36 * 3600 * SECOND));
        assert_eq!(length("24 hours"), length("1d"));
        assert!(length("7").is_none() && length("d").is_none() && length("7x").is_none() && length("").is_none());
        assert_eq!(length("99999999999999999d").map(Length::micros), Some(i64::MAX));
    }

    #[test]
    fn months_follow_the_calendar() {
        assert_eq!(length("6months").unwrap().from(now(), false), at("2027-02-28T12:00:00Z"));
        assert_eq!(length("6mo").unwrap().from(now(), true), at("2026-02-28T12:00:00Z"));
        assert_eq!(length("999999999y").unwrap().from(now(), true), i64::MIN);
    }

    #[test]
    fn dates_name_periods() {
        let period = |text| moment(text, now());
        assert_eq!(period("2026-01-01"), Some(Moment::Period(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"))));
        assert_eq!(period("2026-12"), Some(Moment::Period(at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))));
        assert_eq!(period("2026"), Some(Moment::Period(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))));
        let minute = Moment::Period(at("2026-01-01T10:30:00Z"), at("2026-01-01T10:31:00Z"));
        assert_eq!(period("2026-01-01 10:30"), Some(minute));
        let second = Moment::Period(at("2026-01-01T10:30:00Z"), at("2026-01-01T10:30:01Z"));
        assert_eq!(period("2026-01-01T12:30:00+02:00"), Some(second));
        assert_eq!(period("now-1d"), Some(Moment::Instant(at("2026-08-30T12:00:00Z"))));
        for wrong in ["2026-02-30", "yesterday", "now+", "nowish", "2026-1-1", "12", "2026-01-01T25:00", "é2026"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
    }
}
