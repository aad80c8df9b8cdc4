//! What to do about an answer that is no page: decided here, without I/O, from what happened and how often.

use std::time::Duration;

use kernel::Random;

/// Tries of one request before a failure counts as lasting.
pub const TRIES_MAX: u32 = 6;

/// Tries of one request that the console throttles (429) before the stream is given up for this pass.
pub const THROTTLES_MAX: u32 = 12;

/// The first wait after a failure; each further one doubles it, and chance takes a part of it off.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// No wait of our own choosing is longer.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// No `Retry-After` is believed beyond this: some name the year 2038.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// Why a request brought no page, as far as the engine must tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 429: ask more slowly.
    Throttled {
        /// How long the console asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// The console did not answer at all: no address, no connection, no TLS.
    NoAnswer(String),
    /// It answered, but not with what was asked: 5xx, time-out, cut-off body, reset, a page of HTML, 404 as text.
    Passing(String),
    /// 400: this request is wrong, or its cursor is.
    Rejected(String),
    /// 200 with JSON that is no page: no `data`, or no `pagination`.
    Misshapen(String),
    /// The next cursor is the one just sent.
    RepeatedCursor,
    /// The answer is larger than we read.
    TooLarge(String),
    /// 401.
    Unauthorized(String),
    /// 403.
    Forbidden(String),
    /// 404 in the console's JSON.
    Absent(String),
    /// 501.
    NotSupported(String),
    /// Something only we can have done.
    Ours(String),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send the same request again after this long.
    Again(Duration),
    /// Give up the cursor.
    LoseCursor(String),
    /// Ask for fewer records.
    Halve(String),
    /// Ask `GET /user` whether the token still works.
    ConfirmToken(String),
    /// The token may not read this.
    Refused(String),
    /// The console does not offer this.
    NotOffered(String),
    /// Waiting did not help.
    GiveUp(Lasting, String),
}

/// What a failure that lasts says about the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Nothing answers at all: the other streams will not either.
    NoConsole,
    /// The console answers, but not to this.
    NoStream,
    /// The console answers and throttles.
    Throttled,
    /// The request itself is refused, or the mistake is ours: asking again cannot help.
    Request,
}

/// How often this request failed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// With a passing failure.
    pub failed: u32,
    /// With 429.
    pub throttled: u32,
}

/// Decides what follows `trouble`, and counts it.
pub fn decide(trouble: &Trouble, tries: &mut Tries, with_cursor: bool, random: &mut Random) -> Step {
    match trouble {
        Trouble::Throttled { retry_after } => {
            tries.throttled += 1;
            if tries.throttled >= THROTTLES_MAX {
                return Step::GiveUp(
                    Lasting::Throttled,
                    "the console keeps asking for fewer requests (429)".to_owned(),
                );
            }
            // A little more than asked for: consoles count the second that a request falls into.
            let wait = match retry_after {
                Some(asked) => (*asked).min(RETRY_AFTER_MAX) + jitter(Duration::from_millis(250), random),
                None => backoff(tries.throttled, random),
            };
            Step::Again(wait)
        }
        Trouble::NoAnswer(why) | Trouble::Passing(why) => {
            tries.failed += 1;
            if tries.failed >= TRIES_MAX {
                let lasting =
                    if matches!(trouble, Trouble::NoAnswer(_)) { Lasting::NoConsole } else { Lasting::NoStream };
                return Step::GiveUp(lasting, format!("{why}, {TRIES_MAX} tries"));
            }
            Step::Again(backoff(tries.failed, random))
        }
        Trouble::Rejected(why) if with_cursor => Step::LoseCursor(format!("the console refused its own cursor: {why}")),
        Trouble::Rejected(why) => Step::GiveUp(Lasting::Request, format!("the console refused the request: {why}")),
        Trouble::Misshapen(why) => Step::LoseCursor(why.clone()),
        Trouble::RepeatedCursor => Step::LoseCursor("the console gave the same cursor twice".to_owned()),
        Trouble::TooLarge(why) => Step::Halve(why.clone()),
        Trouble::Unauthorized(why) => Step::ConfirmToken(why.clone()),
        Trouble::Forbidden(why) => Step::Refused(why.clone()),
        Trouble::Absent(why) | Trouble::NotSupported(why) => Step::NotOffered(why.clone()),
        Trouble::Ours(why) => Step::GiveUp(Lasting::Request, why.clone()),
    }
}

/// Full jitter: anything up to the doubled wait, but never nothing.
fn backoff(failed: u32, random: &mut Random) -> Duration {
    let whole = BACKOFF_FIRST.saturating_mul(1 << (failed.saturating_sub(1)).min(16)).min(BACKOFF_MAX);
    whole / 10 + jitter(whole - whole / 10, random)
}

fn jitter(up_to: Duration, random: &mut Random) -> Duration {
    let micros = u64::try_from(up_to.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.below(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trouble: &Trouble, with_cursor: bool) -> Step {
        decide(trouble, &mut Tries::default(), with_cursor, &mut Random::seeded(1))
    }

    #[test]
    fn what_passes_is_asked_again_with_the_same_cursor_and_not_for_ever() {
        for trouble in [
            Trouble::Passing("503".to_owned()),
            Trouble::NoAnswer("connection refused".to_owned()),
            Trouble::Throttled { retry_after: None },
        ] {
            let (mut tries, mut random) = (Tries::default(), Random::seeded(3));
            let mut waited = Duration::ZERO;
            let mut asked = 1;
            while let Step::Again(wait) = decide(&trouble, &mut tries, true, &mut random) {
                assert!(wait >= BACKOFF_FIRST / 10 && wait <= BACKOFF_MAX, "{wait:?}");
                waited += wait;
                asked += 1;
            }
            let bound = if matches!(trouble, Trouble::Throttled { .. }) { THROTTLES_MAX } else { TRIES_MAX };
            assert_eq!(asked, bound);
            assert!(waited < Duration::from_secs(600));
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_bound() {
        let wait = |seconds| match after(&Trouble::Throttled { retry_after: Some(Duration::from_secs(seconds)) }, false)
        {
            Step::Again(wait) => wait,
            other => panic!("{other:?}"),
        };
        assert!(wait(7) >= Duration::from_secs(7) && wait(7) < Duration::from_secs(8));
        assert!(wait(u64::from(u32::MAX)) < RETRY_AFTER_MAX + Duration::from_secs(1));
    }

    #[test]
    fn a_cursor_is_dropped_for_a_400_a_missing_shape_and_a_repetition() {
        for trouble in [
            Trouble::Rejected("Invalid cursor value received".to_owned()),
            Trouble::Misshapen("no pagination".to_owned()),
            Trouble::RepeatedCursor,
        ] {
            assert!(matches!(after(&trouble, true), Step::LoseCursor(_)), "{trouble:?}");
        }
        // Without a cursor a 400 is about the request, and sending it again would only be refused again.
        assert!(matches!(after(&Trouble::Rejected("limit".to_owned()), false), Step::GiveUp(Lasting::Request, _)));
    }

    #[test]
    fn neither_a_429_nor_a_5xx_ever_doubts_the_token() {
        for trouble in [
            Trouble::Throttled { retry_after: None },
            Trouble::Passing("500".to_owned()),
            Trouble::NoAnswer("reset".to_owned()),
        ] {
            assert!(!matches!(after(&trouble, true), Step::ConfirmToken(_) | Step::Refused(_)));
        }
        assert!(matches!(after(&Trouble::Unauthorized(String::new()), true), Step::ConfirmToken(_)));
    }
}
