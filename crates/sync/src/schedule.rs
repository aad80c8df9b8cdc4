//! When a stream is read next: one pure decision over what is declared, what was chosen, and how it went so far.

use kernel::Timestamp;

use crate::integration::{INTERVAL_MIN, Options};
use crate::report::StreamStatus;
use crate::stream::Stream;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// AutoSync begins at 01:15 UTC; seconds after midnight.
pub const AUTOSYNC_AT: i64 = 75 * MINUTE;

/// The longest rhythm of AutoSync, in days.
pub const AUTOSYNC_DAYS_MAX: u32 = 90;

/// How long after a sweep that failed the next one is tried, at first; doubled with each failure.
const RETRY_FIRST: i64 = MINUTE;

/// The longest wait after a failure, if the stream's own interval is not shorter.
const RETRY_MAX: i64 = 60 * MINUTE;

/// Readings are spread over this part of their interval, so that fifty consoles are not asked in the same second.
pub(crate) const JITTER_PART: i64 = 10;

/// The most by which a reading is late for the sake of spreading, in seconds.
pub(crate) const JITTER_MAX: i64 = 5 * MINUTE;

/// How a stream fared, as far as the next reading depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// When the latest sweep began, by our clock.
    pub attempted_at: Option<Timestamp>,
    /// How it ended; `None` while none ended.
    pub status: Option<StreamStatus>,
    /// True if it was not cut off.
    pub ended: bool,
    /// How many sweeps in a row failed.
    pub failures: u32,
    /// When somebody last asked for it, and it was not read since.
    pub nudged_at: Option<Timestamp>,
}

/// When a stream is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Not at all: the integration or the stream is switched off.
    Never,
    /// Now.
    Now,
    /// At this instant.
    At(Timestamp),
}

/// Decides when a stream is read next. `salt` differs between integrations and spreads them.
#[must_use]
pub fn due(now: Timestamp, stream: &Stream, options: &Options, attempts: &Attempts, salt: u64) -> Next {
    if !is_enabled(stream, options) {
        return Next::Never;
    }
    if attempts.nudged_at.is_some() {
        return Next::Now;
    }
    if let Some(start) = options.starts_at.map(Timestamp::from_seconds).filter(|start| *start > now) {
        return Next::At(start);
    }
    let Some(attempted_at) = attempts.attempted_at else { return Next::Now };
    if !attempts.ended {
        return Next::Now;
    }
    let whole = interval(stream, options);
    let failed = matches!(
        attempts.status,
        Some(StreamStatus::Incomplete | StreamStatus::Unreachable | StreamStatus::NotTried) | None
    );
    if options.once && !failed {
        // A new start is a new once.
        let again = options.starts_at.is_some_and(|start| Timestamp::from_seconds(start) > attempted_at);
        return if again { Next::Now } else { Next::Never };
    }
    let next = if failed {
        attempted_at.plus_seconds(retry(attempts.failures).min(whole))
    } else if let Some(days) = options.autosync_days {
        autosync(attempted_at, days)
    } else {
        attempted_at.plus_seconds(whole + jitter(whole, attempted_at, salt))
    };
    // A clock that was set back must not keep a stream waiting for the time before.
    let next = next.min(now.plus_seconds(whole + JITTER_MAX));
    if next <= now { Next::Now } else { Next::At(next) }
}

/// Whether a stream is read at all.
#[must_use]
pub fn is_enabled(stream: &Stream, options: &Options) -> bool {
    options.enabled && !options.without_streams.iter().any(|name| name == stream.name)
}

/// How often a stream is read, in seconds: as chosen, or as declared.
#[must_use]
pub fn interval(stream: &Stream, options: &Options) -> i64 {
    if let Some(days) = options.autosync_days {
        return i64::from(days.clamp(1, AUTOSYNC_DAYS_MAX)) * DAY;
    }
    options.intervals.get(stream.name).copied().unwrap_or(stream.interval).max(INTERVAL_MIN)
}

/// The first 01:15 UTC that lies at least `days` slots after the one that `since` belongs to.
fn autosync(since: Timestamp, days: u32) -> Timestamp {
    let slot = (since.micros().div_euclid(1_000_000) - AUTOSYNC_AT).div_euclid(DAY);
    Timestamp::from_seconds((slot + i64::from(days.clamp(1, AUTOSYNC_DAYS_MAX))) * DAY + AUTOSYNC_AT)
}

fn retry(failures: u32) -> i64 {
    (RETRY_FIRST << failures.saturating_sub(1).min(16)).min(RETRY_MAX)
}

/// The same for the same reading, different between integrations, streams and days: what asks twice gets one answer.
fn jitter(interval: i64, attempted_at: Timestamp, salt: u64) -> i64 {
    let spread = (interval / JITTER_PART).clamp(1, JITTER_MAX);
    let mut mixed = salt ^ attempted_at.micros().cast_unsigned();
    // The finaliser of MurmurHash3: near inputs lie far apart afterwards.
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    i64::try_from((mixed ^ (mixed >> 33)) % spread.unsigned_abs()).unwrap_or(0)
}

/// An interval as people write it: `30s`, `5m`, `1h`, `7d`; a bare number is seconds.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_interval(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], MINUTE),
        Some((at, 'h')) => (&text[..at], 60 * MINUTE),
        Some((at, 'd')) => (&text[..at], DAY),
        _ => (text, 1),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| i64::from(number).checked_mul(unit));
    let Some(seconds) = seconds else {
        return Err(format!("{text:?} is no length of time; write it like 30s, 5m, 1h or 7d"));
    };
    if seconds < INTERVAL_MIN {
        return Err(format!("{text} is too often; the shortest interval is {INTERVAL_MIN} seconds"));
    }
    if seconds > i64::from(AUTOSYNC_DAYS_MAX) * DAY {
        return Err(format!("{text} is too seldom; the longest interval is {AUTOSYNC_DAYS_MAX} days"));
    }
    Ok(seconds)
}

/// An interval as people read it: `5 min`, `1 h`, `24 h`, `90 s`.
#[must_use]
pub fn interval_words(seconds: i64) -> String {
    match seconds {
        seconds if seconds % DAY == 0 && seconds > DAY => format!("{} days", seconds / DAY),
        seconds if seconds % (60 * MINUTE) == 0 && seconds > 0 => format!("{} h", seconds / (60 * MINUTE)),
        seconds if seconds % MINUTE == 0 && seconds > 0 => format!("{} min", seconds / MINUTE),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_230_000);

    fn threats() -> &'static Stream {
        Stream::named("threats").unwrap()
    }

    fn ended(ago: i64, status: StreamStatus, failures: u32) -> Attempts {
        Attempts {
            attempted_at: Some(NOW.plus_seconds(-ago)),
            status: Some(status),
            ended: true,
            failures,
            nudged_at: None,
        }
    }

    fn next(attempts: &Attempts, options: &Options) -> Next {
        due(NOW, threats(), options, attempts, 7)
    }

    #[test]
    fn what_was_never_read_is_read_now_and_what_is_switched_off_never() {
        let mut options = Options::default();
        assert_eq!(next(&Attempts::default(), &options), Next::Now);
        options.without_streams = vec!["threats".to_owned()];
        assert_eq!(next(&Attempts::default(), &options), Next::Never);
        options = Options { enabled: false, ..Options::default() };
        let asked = Attempts { nudged_at: Some(NOW), ..Attempts::default() };
        assert_eq!(next(&asked, &options), Next::Never);
    }

    #[test]
    fn nothing_is_read_before_its_start_unless_somebody_asks_and_once_means_once() {
        let start = NOW.plus_seconds(600);
        let start_s = start.seconds_since(Timestamp::from_seconds(0));
        let mut options = Options { starts_at: Some(start_s), once: true, ..Options::default() };
        assert_eq!(next(&Attempts::default(), &options), Next::At(start));
        let asked = Attempts { nudged_at: Some(NOW), ..Attempts::default() };
        assert_eq!(next(&asked, &options), Next::Now);
        options.starts_at = Some(start_s - 1200);
        assert_eq!(next(&Attempts::default(), &options), Next::Now);
        assert_eq!(next(&ended(10, StreamStatus::Complete, 0), &options), Next::Never);
        assert_eq!(next(&ended(900, StreamStatus::Complete, 0), &options), Next::Now, "a later start counts anew");
        let Next::At(_) = next(&ended(10, StreamStatus::Unreachable, 1), &options) else { panic!("tried again") };
    }

    #[test]
    fn a_complete_sweep_rests_for_its_interval_and_a_little_more() {
        let options = Options::default();
        let Next::At(at) = next(&ended(0, StreamStatus::Complete, 0), &options) else { panic!("not yet") };
        let rest = at.seconds_since(NOW);
        assert!((300..330).contains(&rest), "{rest}");
        assert_eq!(next(&ended(330, StreamStatus::Complete, 0), &options), Next::Now);
        let fast = Options { intervals: [("threats".to_owned(), 30)].into(), ..Options::default() };
        assert_eq!(next(&ended(33, StreamStatus::Complete, 0), &fast), Next::Now);
    }

    #[test]
    fn whoever_asks_is_served_at_once_and_a_sweep_that_was_cut_off_goes_on_at_once() {
        let options = Options { autosync_days: Some(7), ..Options::default() };
        let mut attempts = ended(5, StreamStatus::Complete, 0);
        attempts.nudged_at = Some(NOW);
        assert_eq!(next(&attempts, &options), Next::Now);
        let cut_off = Attempts { ended: false, ..ended(5, StreamStatus::Complete, 0) };
        assert_eq!(next(&cut_off, &options), Next::Now);
    }

    #[test]
    fn a_failure_is_tried_again_soon_then_later_but_never_later_than_its_interval() {
        let options = Options { intervals: [("threats".to_owned(), 1_000)].into(), ..Options::default() };
        let waits: Vec<i64> = (1..8)
            .map(|failures| match next(&ended(0, StreamStatus::Incomplete, failures), &options) {
                Next::At(at) => at.seconds_since(NOW),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1_000, 1_000]);
        // With a day between readings an hour is enough.
        let seldom = Options { intervals: [("threats".to_owned(), DAY)].into(), ..Options::default() };
        let Next::At(at) = next(&ended(0, StreamStatus::Unreachable, 30), &seldom) else { panic!("not yet") };
        assert_eq!(at.seconds_since(NOW), 3_600);
    }

    #[test]
    fn autosync_comes_at_a_quarter_past_one_utc_every_so_many_days() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        for (since, days, then) in [
            ("2026-11-21T03:00:00Z", 1, "2026-11-22T01:15:00Z"),
            ("2026-11-21T01:15:00Z", 1, "2026-11-22T01:15:00Z"),
            ("2026-11-21T01:14:59Z", 1, "2026-11-21T01:15:00Z"),
            ("2026-11-21T03:00:00Z", 7, "2026-11-28T01:15:00Z"),
        ] {
            assert_eq!(autosync(at(since), days), at(then), "{since} {days}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_waiting_for_long() {
        let from_the_future = ended(-10 * DAY, StreamStatus::Complete, 0);
        let Next::At(at) = next(&from_the_future, &Options::default()) else { panic!("not yet") };
        assert!(at.seconds_since(NOW) <= 300 + JITTER_MAX);
    }

    #[test]
    fn intervals_are_read_as_people_write_them() {
        assert_eq!(parse_interval("30"), Ok(30));
        assert_eq!(parse_interval(" 5m"), Ok(300));
        assert_eq!(parse_interval("1h"), Ok(3_600));
        assert_eq!(parse_interval("7d"), Ok(7 * DAY));
        for wrong in ["29s", "", "m", "5x", "1.5h", "-5m", "91d", "99999999999d", "é"] {
            assert!(parse_interval(wrong).is_err(), "{wrong}");
        }
        assert_eq!(interval_words(300), "5 min");
        assert_eq!(interval_words(DAY), "24 h");
        assert_eq!(interval_words(7 * DAY), "7 days");
        assert_eq!(interval_words(45), "45 s");
    }

    proptest! {
        #[test]
        fn a_stream_that_is_on_is_never_forgotten(
            ago in -1_000_000i64..10_000_000, failures in 0u32..100, salt: u64, status in 0usize..4, days in 0u32..100,
        ) {
            let status = [StreamStatus::Complete, StreamStatus::Incomplete, StreamStatus::NotAvailable,
                StreamStatus::AuthenticationFailed][status];
            let options = Options { autosync_days: (days > 0).then_some(days), ..Options::default() };
            let whole = interval(threats(), &options);
            match due(NOW, threats(), &options, &ended(ago, status, failures), salt) {
                Next::Never => prop_assert!(false),
                Next::Now => {}
                Next::At(at) => prop_assert!(at > NOW && at <= NOW.plus_seconds(whole + JITTER_MAX)),
            }
        }
    }
}
