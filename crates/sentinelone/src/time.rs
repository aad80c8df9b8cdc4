//! Instants as the console writes them.

use std::fmt;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A fixed number of digits at a place.
fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    let mut value = 0;
    for byte in text.get(at..at + count)? {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

fn instant(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let fits = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    fits.then(|| days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

impl Micros {
    /// Reads RFC 3339 with any number of digits of a second and any offset; further digits are cut off.
    #[must_use]
    pub fn parse(text: &str) -> Option<Micros> {
        let b = text.as_bytes();
        let (year, month, day) = (digits(b, 0, 4)?, digits(b, 5, 2)?, digits(b, 8, 2)?);
        let (hour, minute, second) = (digits(b, 11, 2)?, digits(b, 14, 2)?, digits(b, 17, 2)?);
        let marks =
            b[4] == b'-' && b[7] == b'-' && matches!(b[10], b'T' | b't' | b' ') && b[13] == b':' && b[16] == b':';
        if !marks {
            return None;
        }
        let seconds = instant(year, month, day, hour, minute, second)?;
        let mut at = 19;
        let mut fraction = 0;
        if b.get(at) == Some(&b'.') {
            at += 1;
            let start = at;
            let mut unit = SECOND / 10;
            while let Some(byte) = b.get(at).filter(|byte| byte.is_ascii_digit()) {
                fraction += unit * i64::from(byte - b'0');
                unit /= 10;
                at += 1;
            }
            if at == start {
                return None;
            }
        }
        let offset = match &b[at..] {
            b"Z" | b"z" => 0,
            rest @ [sign @ (b'+' | b'-'), ..] if rest.len() == 6 && rest[3] == b':' => {
                let (hours, minutes) = (digits(rest, 1, 2)?, digits(rest, 4, 2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return None,
        };
        Some(Micros((seconds - offset) * SECOND + fraction))
    }

    /// Reads the date of an HTTP header, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    #[must_use]
    pub fn parse_http(text: &str) -> Option<Micros> {
        let b = text.trim().as_bytes();
        let months = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        if b.len() != 29 || !b.ends_with(b" GMT") {
            return None;
        }
        let month = months.chunks(3).position(|name| Some(name) == b.get(8..11))? as i64 + 1;
        let (day, year) = (digits(b, 5, 2)?, digits(b, 12, 4)?);
        let (hour, minute, second) = (digits(b, 17, 2)?, digits(b, 20, 2)?, digits(b, 23, 2)?);
        Some(Micros(instant(year, month, day, hour, minute, second)? * SECOND))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
        let of_day = seconds.rem_euclid(DAY);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60,
            self.0.rem_euclid(SECOND)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_precision_is_the_same_instant() {
        let expected = Micros(1_738_222_050_800_000);
        for text in [
            "2025-01-30T07:27:30.8Z",
            "2025-01-30T07:27:30.800Z",
            "2025-01-30T07:27:30.800000Z",
            "2025-01-30T07:27:30.8000009Z",
            "2025-01-30T07:27:30.800+00:00",
            "2025-01-30T09:27:30.800+02:00",
            "2025-01-30 07:27:30.8z",
        ] {
            assert_eq!(Micros::parse(text), Some(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "2025-01-30T07:27:30.800000Z");
        assert_eq!(Micros::parse("1970-01-01T00:00:00Z"), Some(Micros(0)));
        assert_eq!(Micros::parse("1969-12-31T23:59:59.5Z"), Some(Micros(-500_000)));
    }

    #[test]
    fn what_is_not_an_instant_is_not_read_as_one() {
        for text in [
            "",
            "N/A",
            "2025-01-30",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-30T07:27:30",
            "2025-01-30T07:27:30.Z",
            "2025-01-30T24:00:00Z",
            "2025-01-30T07:27:30+0000",
            "2025-01-30T07:27:30é",
        ] {
            assert_eq!(Micros::parse(text), None, "{text}");
        }
    }

    #[test]
    fn header_dates_are_read() {
        assert_eq!(Micros::parse_http("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Micros(784_111_777_000_000)));
        assert_eq!(Micros::parse_http("Sunday, 06-Nov-94 08:49:37 GMT"), None);
    }

    #[test]
    fn printing_and_reading_agree() {
        for days in (-800_000..800_000).step_by(977) {
            let micros = Micros(days * DAY * SECOND + 12_345_678);
            if (0..=9999).contains(&civil_from_days(days).0) {
                assert_eq!(Micros::parse(&micros.to_string()), Some(micros));
            }
        }
    }
}
