//! Instants: 64-bit microseconds since 1970 in UTC, the same number in both databases.

use std::fmt;

/// An instant in UTC with microsecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A text that is not an instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 instant such as 2026-11-21T03:00:00Z")]
pub struct NotATimestamp {
    text: String,
}

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

impl Timestamp {
    /// The instant that many microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// The instant that many whole seconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(SECOND))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This instant moved by whole seconds, which may be negative; it stops at the ends of time.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// Whole seconds from `earlier` to this instant; negative if it is not earlier.
    #[must_use]
    pub const fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0) / SECOND
    }

    /// Reads RFC 3339 in any precision and with any offset: `2026-11-21T03:00:00.123456Z`, `..+00:00`.
    ///
    /// # Errors
    /// The text is not an instant, or is out of range (years -9999 to 9999).
    pub fn parse(text: &str) -> Result<Timestamp, NotATimestamp> {
        if let Some(micros) = parse_plain(text.as_bytes()) {
            return Ok(Timestamp(micros));
        }
        let parsed: jiff::Timestamp =
            text.parse().map_err(|_| NotATimestamp { text: text.chars().take(64).collect() })?;
        Ok(Timestamp(parsed.as_microsecond()))
    }
}

/// The form that consoles send nearly always, `YYYY-MM-DDTHH:MM:SS[.f{1,6}]Z`, without a general parser.
fn parse_plain(text: &[u8]) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        text.get(range)?
            .iter()
            .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let at = |index: usize, byte: u8| text.get(index) == Some(&byte);
    if !(at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':') && text.last() == Some(&b'Z')) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || day < 1 || day > days || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match text.len() {
        20 => 0,
        22..=27 if at(19, b'.') => {
            let digits = text.len() - 21;
            number(20..20 + digits)? * 10i64.pow(6 - u32::try_from(digits).ok()?)
        }
        _ => return None,
    };
    // Days from the civil calendar: years begin in March, so that the leap day is the last of its year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 * SECOND + second * SECOND + fraction)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with exactly as many fraction digits as needed: none, or up to six.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The civil calendar from days, the inverse of the short way above; jiff stops a day before the year 10000,
        // and consoles do write 9999-12-31 for "never".
        let (days, of_day) = (self.0.div_euclid(86_400 * SECOND), self.0.rem_euclid(86_400 * SECOND));
        let (era, of_era) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let (day, month) =
            (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (seconds, fraction) = (of_day / SECOND, of_day % SECOND);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if fraction != 0 {
            write!(out, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
        }
        out.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_they_were_read() {
        for text in [
            "2026-11-21T03:00:00Z",
            "2019-06-27T08:01:05.571895Z",
            "2025-01-30T07:27:30.8Z",
            "1969-12-31T23:59:59.5Z",
            "9999-12-31T23:59:59.999999Z",
            "2000-02-29T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text).map(|at| at.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Timestamp::parse("2025-01-30T08:27:30.800+01:00"), Timestamp::parse("2025-01-30T07:27:30.800Z"));
    }

    #[test]
    fn the_short_way_and_the_printer_agree_with_a_calendar() {
        for day in -20_000..40_000_i64 {
            let at = Timestamp::from_seconds(day * 86_400 + day.rem_euclid(86_400));
            let calendar = jiff::Timestamp::from_microsecond(at.micros()).unwrap().to_string();
            assert_eq!(at.to_string(), calendar);
            assert_eq!(parse_plain(calendar.as_bytes()), Some(at.micros()), "{calendar}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "yesterday",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-30",
            "75.231.254.x",
            "2025-01-30T24:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
