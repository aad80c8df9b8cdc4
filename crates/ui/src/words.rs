//! Numbers, dates, durations and names, the same on every page.

use kernel::Timestamp;
use maud::{Markup, html};

/// Characters of a name that are shown; the whole name is in its title.
pub const NAME_MAX: usize = 64;
/// Characters of a name that its title holds.
pub const TITLE_MAX: usize = 1024;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A whole number with commas: `2,486`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 asset`, `41 assets`. `many` is the plural, since not every plural ends in s.
#[must_use]
pub fn noun(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A share with one decimal: `2.4 %`. It never says 0.0 % of something that is there, nor 100.0 % while some are missing;
/// of nothing, it is *of none*.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "of none".to_owned();
    }
    // Tenths of a per cent, rounded to the nearest.
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    match tenths {
        0 if part > 0 => "under 0.1 %".to_owned(),
        1000 if part < whole => "over 99.9 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// A length of time in its largest unit: `45 s`, `22 min`, `5 h`, `3 days`. Negative lengths lose their sign.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.saturating_abs();
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / MINUTE),
        7200..=172_799 => format!("{} h", seconds / HOUR),
        _ => format!("{} days", count((seconds / DAY).unsigned_abs())),
    }
}

/// `2026-11-20` and `14:31`, and what a machine reads.
fn parts(at: Timestamp) -> (String, String, String) {
    let text = at.to_string();
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    (day.to_owned(), rest.chars().take(5).collect(), format!("{day}T{}Z", rest.chars().take(8).collect::<String>()))
}

/// A date as in prose: `20 Nov 2026`.
fn prose(day: &str) -> String {
    let mut fields = day.rsplitn(3, '-');
    let (Some(of_month), Some(month), Some(year)) = (fields.next(), fields.next(), fields.next()) else {
        return day.to_owned();
    };
    let month = month.parse().ok().and_then(|month: usize| MONTHS.get(month.wrapping_sub(1))).copied().unwrap_or(month);
    format!("{} {month} {year}", of_month.trim_start_matches('0'))
}

/// A date and a short time without its year: `20 Nov`.
pub(crate) fn short(at: Timestamp) -> String {
    let prose = prose(&parts(at).0);
    prose.rsplit_once(' ').map_or(prose.clone(), |(day, _)| day.to_owned())
}

/// An instant as it stands in tables: `2026-11-20 14:31`, in UTC.
#[must_use]
pub fn moment(at: Timestamp) -> Markup {
    let (day, time, machine) = parts(at);
    html! { time datetime=(machine) { (day) " " (time) } }
}

/// A day as it stands in prose: `20 Nov 2026`, in UTC.
#[must_use]
pub fn date(at: Timestamp) -> Markup {
    let (day, ..) = parts(at);
    html! { time datetime=(day) { (prose(&day)) } }
}

/// The same inside of other text.
#[must_use]
pub fn day(at: Timestamp) -> String {
    prose(&parts(at).0)
}

/// The time of a day that is known from elsewhere: `14:31`, in UTC.
#[must_use]
pub fn clock(at: Timestamp) -> Markup {
    let (_, time, machine) = parts(at);
    html! { time datetime=(machine) { (time) } }
}

/// An instant where nearness matters: `just now`, `21 minutes ago`, `today 14:28`, `yesterday 23:10`, `in 13 days`,
/// `2026-11-04 08:00`. The whole instant is in its title.
#[must_use]
pub fn near(at: Timestamp, now: Timestamp) -> Markup {
    let (day, time, machine) = parts(at);
    let away = at.seconds_since(now);
    let days = at.micros().div_euclid(DAY * 1_000_000) - now.micros().div_euclid(DAY * 1_000_000);
    let plain = |number: i64, one: &str, many: &str| noun(number.unsigned_abs(), one, many);
    let text = match away {
        -59..=59 => "just now".to_owned(),
        -3599..=-60 => format!("{} ago", plain(-away / MINUTE, "minute", "minutes")),
        60..=3599 => format!("in {}", plain(away / MINUTE, "minute", "minutes")),
        _ if days == 0 => format!("today {time}"),
        _ if days == -1 => format!("yesterday {time}"),
        _ if days == 1 => format!("tomorrow {time}"),
        _ if days > 0 && days <= 60 => format!("in {}", plain(days, "day", "days")),
        _ => format!("{day} {time}"),
    };
    html! { time datetime=(machine) title={ (day) " " (time) " UTC" } { (text) } }
}

/// A name from a console: isolated in its direction, cut in the middle after [`NAME_MAX`] characters with the whole in
/// its title.
#[must_use]
pub fn name(text: &str) -> Markup {
    let shown = cut(text, NAME_MAX);
    if shown.len() == text.len() {
        return html! { bdi { (text) } };
    }
    html! { bdi title=(cut(text, TITLE_MAX)) { (shown) } }
}

/// An address, a version or a hash: as [`name`], in the fixed face.
#[must_use]
pub fn mono(text: &str) -> Markup {
    html! { span.mono { (name(text)) } }
}

/// A value that is not there, in words: `no owner`, `never seen`, `not said`.
#[must_use]
pub fn absent(words: &str) -> Markup {
    html! { span.muted { (words) } }
}

/// The text with at most `max` characters, its middle left out.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    if text.len() <= max || text.chars().count() <= max {
        return text.to_owned();
    }
    let tail = max.saturating_sub(1) / 3;
    let head = max.saturating_sub(1) - tail;
    let start: String = text.chars().take(head).collect();
    let mut end: Vec<char> = text.chars().rev().take(tail).collect();
    end.reverse();
    format!("{start}…{}", end.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn numbers_and_shares_read_as_said() {
        assert_eq!([0, 999, 1000, 2486, 1_234_567].map(count), ["0", "999", "1,000", "2,486", "1,234,567"]);
        assert_eq!((noun(1, "asset", "assets"), noun(0, "asset", "assets")), ("1 asset".into(), "0 assets".into()));
        assert_eq!([(52, 2203), (0, 9), (9, 9)].map(|(part, whole)| share(part, whole)), ["2.4 %", "0.0 %", "100.0 %"]);
    }

    #[test]
    fn a_share_never_rounds_something_to_nothing_or_to_all() {
        assert_eq!(share(1, 100_000), "under 0.1 %");
        assert_eq!(share(99_999, 100_000), "over 99.9 %");
        assert_eq!(share(0, 0), "of none");
        assert_eq!(share(u64::MAX, u64::MAX), "100.0 %");
    }

    #[test]
    fn lengths_of_time_take_their_largest_unit() {
        assert_eq!([0, 45, 1320, 18_000, 259_200].map(duration), ["0 s", "45 s", "22 min", "5 h", "3 days"]);
        assert!(!duration(i64::MIN).is_empty());
    }

    #[test]
    fn instants_are_time_elements_in_utc() {
        let then = at("2026-11-20T14:31:07.5Z");
        assert_eq!(moment(then).0, "<time datetime=\"2026-11-20T14:31:07Z\">2026-11-20 14:31</time>");
        assert_eq!(date(at("2026-03-04T00:00:00Z")).0, "<time datetime=\"2026-03-04\">4 Mar 2026</time>");
        assert_eq!(clock(then).0, "<time datetime=\"2026-11-20T14:31:07Z\">14:31</time>");
        assert_eq!(short(then), "20 Nov");
    }

    #[test]
    fn nearness_is_said_in_the_words_of_a_colleague() {
        let now = at("2026-11-20T14:32:00Z");
        let said = |text| {
            let page = near(at(text), now).0;
            page[page.find('>').unwrap() + 1..page.rfind('<').unwrap()].to_owned()
        };
        assert_eq!(said("2026-11-20T14:31:30Z"), "just now");
        assert_eq!(said("2026-11-20T14:11:00Z"), "21 minutes ago");
        assert_eq!(said("2026-11-20T14:33:00Z"), "in 1 minute");
        assert_eq!(said("2026-11-20T08:58:00Z"), "today 08:58");
        assert_eq!(said("2026-11-19T23:10:00Z"), "yesterday 23:10");
        assert_eq!(said("2026-12-03T00:00:00Z"), "in 13 days");
        assert_eq!(said("2025-03-04T10:00:00Z"), "2025-03-04 10:00");
        assert_eq!(said("9999-12-31T00:00:00Z"), "9999-12-31 00:00");
    }

    #[test]
    fn a_long_name_loses_its_middle_and_keeps_it_in_the_title() {
        let long = "é".repeat(100);
        assert_eq!(cut(&long, NAME_MAX).chars().count(), NAME_MAX);
        let page = name(&long).0;
        assert!(page.contains(&format!("title=\"{long}\"")) && page.contains('…'), "{page}");
        assert_eq!(name("\u{202e}txt.exe").0, "<bdi>\u{202e}txt.exe</bdi>");
    }
}
