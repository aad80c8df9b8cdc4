//! The rate budget: two levels of token buckets, one for the token and one for each path family, that shrink when the
//! console throttles and grow back slowly.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::Timestamp;

use crate::refusal::Refusal;
use crate::verdict::{RETRY_AFTER_MAX, THROTTLES_MAX};

/// Requests a second and burst per path family and token, as the vendor's own table has them in a public client.
const FAMILIES: &[(&str, f64, f64)] = &[
    ("/accounts", 100.0, 10.0),
    ("/sites", 100.0, 10.0),
    ("/agents", 25.0, 25.0),
    ("/activities", 10.0, 30.0),
    ("/threats", 10.0, 50.0),
    ("/threats/*", 100.0, 1000.0),
    ("/user", 2.0, 5.0),
    ("/users", 40.0, 80.0),
    ("/users/api-token-details", 40.0, 80.0),
    ("/service-users", 5.0, 10.0),
    ("/rbac/roles", 50.0, 100.0),
    ("/system/status", 1.0, 1.0),
    ("/exclusions", 25.0, 25.0),
    ("/xdr/assets", 25.0, 25.0),
    ("/cloud-detection/rules", 0.5, 1.0),
];

/// Families that the table does not name (groups, policies, risks ..).
const FAMILY_ELSE: (f64, f64) = (3.0, 3.0);

/// No 429 pushes a rate below one request a second: a console that throttles by chance, and not by rate, would otherwise
/// be read for hours. A storm is bounded by the waits between tries and by the broken circuit.
const RATE_MIN: f64 = 1.0;

/// How much of its ceiling a rate wins back in a minute without 429.
const GROWTH_PER_MINUTE: f64 = 0.1;

/// How many seconds of its rate the token's own bucket holds.
const TOKEN_BURST_SECONDS: f64 = 2.0;

/// The budget of one token on one host.
#[derive(Debug)]
pub struct Budget {
    token: Bucket,
    families: BTreeMap<&'static str, Bucket>,
    /// True until the first 429: a console on this machine is nobody's shared service.
    unlimited: bool,
    /// Since when, and for how long, nothing is sent: the console said so.
    closed: Option<(Timestamp, Duration)>,
    /// 429s in a row, over all requests of this token.
    throttles: u32,
    /// Since when, and for how long, the circuit is broken: after too many 429s in a row nobody even tries.
    broken: Option<(Timestamp, Duration)>,
    /// When the console last took a request.
    answered_at: Option<Timestamp>,
}

/// 429s in a row after which the circuit breaks.
const BREAK_AFTER: u32 = THROTTLES_MAX;

/// How long the circuit stays broken at first; each 429 to a try after it doubles that.
const BROKEN_FIRST: Duration = Duration::from_secs(60);

/// No break of the circuit is longer.
const BROKEN_MAX: Duration = RETRY_AFTER_MAX;

/// A shorter patience is not worth a note to other processes.
const NOTED_MIN: Duration = Duration::from_secs(5);

/// After how long a 429 says nothing any more, in seconds.
const RECALLED_MAX: i64 = 3_600;

impl Budget {
    /// A budget of `per_minute` requests over all paths; `unlimited` leaves it aside until the first 429.
    #[must_use]
    pub fn new(per_minute: u32, unlimited: bool, now: Timestamp) -> Budget {
        let per_second = f64::from(per_minute.max(1)) / 60.0;
        Budget {
            token: Bucket::full(per_second, (per_second * TOKEN_BURST_SECONDS).max(1.0), now),
            families: BTreeMap::new(),
            unlimited,
            closed: None,
            throttles: 0,
            broken: None,
            answered_at: None,
        }
    }

    /// What has to be written down for processes that begin meanwhile; nothing if the patience asked for is short.
    #[must_use]
    pub fn refusal(&self, now: Timestamp) -> Option<Refusal> {
        let left = self.closed_for(now).max(self.broken(now).unwrap_or_default());
        let micros = i64::try_from(left.as_micros()).unwrap_or(i64::MAX);
        let until = Timestamp::from_micros(now.micros().saturating_add(micros));
        (left >= NOTED_MIN).then_some(Refusal { throttles: self.throttles, at: now, until })
    }

    /// Learns what another process, or this one for another integration, wrote down of the same console. Where the circuit
    /// was broken, it is; once the time is over, one request tries.
    pub fn recall(&mut self, noted: Refusal, now: Timestamp) {
        let is_old = !(0..RECALLED_MAX).contains(&now.seconds_since(noted.at));
        if is_old || self.answered_at.is_some_and(|at| at >= noted.at) {
            return;
        }
        self.unlimited = false;
        self.throttles = self.throttles.max(noted.throttles);
        let left = u64::try_from(noted.until.micros().saturating_sub(now.micros())).unwrap_or(0);
        let left = Duration::from_micros(left).min(BROKEN_MAX);
        let known = if self.throttles >= BREAK_AFTER { &mut self.broken } else { &mut self.closed };
        if known.is_none_or(|known| left > left_of(known, now)) {
            *known = Some((now, left));
        }
    }

    /// Takes one request of `family` from the budget, and says how long to wait before sending it.
    pub fn take(&mut self, family: &'static str, now: Timestamp) -> Duration {
        let closed = self.closed_for(now);
        if self.unlimited {
            return closed;
        }
        let wait = self.token.take(now).max(self.family(family, now).take(now));
        wait.max(closed)
    }

    /// Learns of a 429: half the rate from now on, nothing before the wait is over, and no more free ride.
    pub fn throttled(&mut self, family: &'static str, wait: Duration, now: Timestamp) {
        self.unlimited = false;
        self.token.halve(now);
        self.family(family, now).halve(now);
        if wait > self.closed_for(now) {
            self.closed = Some((now, wait));
        }
        self.throttles += 1;
        if self.throttles >= BREAK_AFTER {
            let doubled = BROKEN_FIRST.saturating_mul(1 << (self.throttles - BREAK_AFTER).min(8));
            self.broken = Some((now, doubled.max(wait).min(BROKEN_MAX)));
        }
    }

    /// Learns that the console took a request.
    pub fn answered(&mut self, now: Timestamp) {
        self.throttles = 0;
        self.broken = None;
        self.answered_at = Some(now);
    }

    /// For how long the circuit is still broken, if it is. Once the time is over one request tries.
    #[must_use]
    pub fn broken(&self, now: Timestamp) -> Option<Duration> {
        let left = left_of(self.broken?, now);
        (!left.is_zero()).then_some(left)
    }

    /// How long a request that can wait has to: until half of the token's burst is there for those that cannot.
    pub fn spare(&mut self, now: Timestamp) -> Duration {
        if self.unlimited { Duration::ZERO } else { self.token.until_half(now) }
    }

    /// How much of the console's wait is left. A clock that went back does not make it longer.
    fn closed_for(&self, now: Timestamp) -> Duration {
        self.closed.map_or(Duration::ZERO, |closed| left_of(closed, now))
    }

    fn family(&mut self, family: &'static str, now: Timestamp) -> &mut Bucket {
        self.families.entry(family).or_insert_with(|| {
            let (per_second, burst) = FAMILIES
                .iter()
                .find(|(name, ..)| *name == family)
                .map_or(FAMILY_ELSE, |(_, per_second, burst)| (*per_second, *burst));
            Bucket::full(per_second, burst, now)
        })
    }
}

fn left_of((since, wait): (Timestamp, Duration), now: Timestamp) -> Duration {
    let passed = Duration::from_micros(u64::try_from(now.micros().saturating_sub(since.micros())).unwrap_or(0));
    wait.saturating_sub(passed)
}

/// A clock may count in steps; a wait below one of them would never end.
const LOOK_MIN: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    ceiling: f64,
    burst: f64,
    /// Requests that may be sent at once; below zero are those promised for later.
    level: f64,
    at: Timestamp,
}

impl Bucket {
    fn full(per_second: f64, burst: f64, now: Timestamp) -> Bucket {
        Bucket { per_second, ceiling: per_second, burst, level: burst, at: now }
    }

    fn refill(&mut self, now: Timestamp) {
        // A clock that went back refills nothing and takes nothing away.
        let seconds = micros_between(self.at, now) / 1e6;
        self.at = now;
        self.level = (self.level + seconds * self.per_second).min(self.burst);
        self.per_second = (self.per_second + self.ceiling * GROWTH_PER_MINUTE * seconds / 60.0).min(self.ceiling);
    }

    fn take(&mut self, now: Timestamp) -> Duration {
        self.refill(now);
        self.level -= 1.0;
        if self.level >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.level / self.per_second) }
    }

    fn until_half(&mut self, now: Timestamp) -> Duration {
        self.refill(now);
        let lacking = self.burst / 2.0 - self.level;
        if lacking <= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(lacking / self.per_second).max(LOOK_MIN) }
    }

    fn halve(&mut self, now: Timestamp) {
        self.refill(now);
        self.per_second = (self.per_second / 2.0).max(RATE_MIN.min(self.ceiling));
        self.level = self.level.min(0.0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a span of time in microseconds fits a float well enough")]
fn micros_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.micros().saturating_sub(earlier.micros()).max(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    /// Sends as fast as the budget lets it for `seconds`; the number of requests sent.
    fn sent(budget: &mut Budget, family: &'static str, seconds: i64, from: Timestamp) -> u32 {
        let (mut now, mut sent) = (from, 0);
        loop {
            let wait = budget.take(family, now);
            now = Timestamp::from_micros(now.micros() + i64::try_from(wait.as_micros()).unwrap());
            if now >= from.plus_seconds(seconds) {
                return sent;
            }
            sent += 1;
        }
    }

    #[test]
    fn no_minute_holds_more_requests_than_the_token_may_send() {
        let mut budget = Budget::new(1_000, false, START);
        let first = sent(&mut budget, "/agents", 60, START);
        assert!((1_000..=1_034).contains(&first), "{first}");
    }

    #[test]
    fn every_family_of_the_table_is_one_that_requests_belong_to() {
        for (family, ..) in FAMILIES {
            let known = sentinelone::Endpoint::ALL.iter().any(|endpoint| endpoint.family() == *family);
            assert!(known, "{family}");
        }
    }

    #[test]
    fn twelve_429_in_a_row_break_the_circuit_and_one_answer_closes_it() {
        let mut budget = Budget::new(600, false, START);
        for throttled in 1..=BREAK_AFTER {
            assert_eq!(budget.broken(START), None, "after {throttled}");
            budget.throttled("/agents", Duration::ZERO, START);
        }
        assert_eq!(budget.broken(START), Some(BROKEN_FIRST));
        let later = START.plus_seconds(61);
        assert_eq!(budget.broken(later), None, "one request tries");
        budget.throttled("/agents", Duration::ZERO, later);
        assert_eq!(budget.broken(later), Some(2 * BROKEN_FIRST));
        for _ in 0..40 {
            budget.throttled("/agents", Duration::from_secs(86_400), later);
        }
        assert_eq!(budget.broken(later), Some(BROKEN_MAX));
        budget.answered(later);
        assert_eq!(budget.broken(later), None);
    }

    #[test]
    fn another_process_takes_over_a_broken_circuit_and_one_request_tries() {
        let mut first = Budget::new(600, true, START);
        first.throttled("/agents", Duration::from_secs(1), START);
        assert_eq!(first.refusal(START), None, "a second of patience is nobody else's business");
        for _ in 1..BREAK_AFTER {
            first.throttled("/agents", Duration::ZERO, START);
        }
        let noted = first.refusal(START).unwrap();
        assert_eq!((noted.throttles, noted.until), (BREAK_AFTER, START.plus_seconds(60)));

        let soon = START.plus_seconds(20);
        let mut next = Budget::new(600, true, soon);
        next.recall(noted, soon);
        assert_eq!(next.broken(soon), Some(Duration::from_secs(40)));
        let over = START.plus_seconds(61);
        assert_eq!(next.broken(over), None, "one request tries");
        next.throttled("/agents", Duration::ZERO, over);
        assert_eq!(next.broken(over), Some(2 * BROKEN_FIRST), "and does not begin to count anew");
        next.answered(over);
        next.recall(noted, over);
        assert_eq!(next.broken(over), None, "what was answered since weighs more");

        let mut much_later = Budget::new(600, true, START.plus_seconds(RECALLED_MAX));
        much_later.recall(noted, START.plus_seconds(RECALLED_MAX));
        assert_eq!(much_later.throttles, 0);
    }

    #[test]
    fn another_process_keeps_the_patience_that_a_console_asked_for() {
        let mut first = Budget::new(600, true, START);
        first.throttled("/agents", Duration::from_secs(90), START);
        let mut next = Budget::new(600, true, START.plus_seconds(30));
        next.recall(first.refusal(START).unwrap(), START.plus_seconds(30));
        assert_eq!(next.broken(START.plus_seconds(30)), None);
        assert_eq!(next.take("/agents", START.plus_seconds(30)), Duration::from_secs(60));
        // A clock that went back says nothing of what is left.
        let mut earlier = Budget::new(600, true, START);
        let absurd = Refusal { throttles: 1, at: START, until: START.plus_seconds(86_400) };
        earlier.recall(absurd, START);
        assert_eq!(earlier.take("/agents", START), BROKEN_MAX);
    }

    #[test]
    fn what_can_wait_leaves_half_of_the_burst_to_what_cannot() {
        let mut budget = Budget::new(600, false, START);
        let mut taken = 0;
        while budget.spare(START).is_zero() {
            budget.take("/threats/*", START);
            taken += 1;
        }
        assert_eq!(taken, 11, "ten a second, two seconds of burst");
        assert!(budget.take("/agents", START).is_zero(), "there is room for what is live");
        assert!(budget.spare(START) >= LOOK_MIN);
        assert!(budget.spare(START.plus_seconds(2)).is_zero());
    }

    #[test]
    fn a_slow_family_is_held_back_below_the_tokens_rate() {
        let mut budget = Budget::new(1_000, false, START);
        let groups = sent(&mut budget, "/groups", 60, START);
        assert!((180..=183).contains(&groups), "{groups}");
    }

    #[test]
    fn a_429_halves_the_rate_and_a_quiet_hour_restores_it() {
        let mut budget = Budget::new(600, false, START);
        sent(&mut budget, "/agents", 60, START);
        budget.throttled("/agents", Duration::ZERO, START.plus_seconds(60));
        let after = sent(&mut budget, "/agents", 60, START.plus_seconds(61));
        assert!(after < 400, "{after}");
        let restored = sent(&mut budget, "/agents", 60, START.plus_seconds(3_700));
        assert!(restored >= 600, "{restored}");
    }

    #[test]
    fn a_console_that_throttles_by_chance_is_still_read() {
        let mut budget = Budget::new(600, false, START);
        for at in 0..20 {
            budget.throttled("/agents", Duration::ZERO, START.plus_seconds(at));
            budget.throttled("/cloud-detection/rules", Duration::ZERO, START.plus_seconds(at));
            budget.answered(START.plus_seconds(at));
        }
        let from = START.plus_seconds(20);
        let read = sent(&mut budget, "/agents", 60, from);
        assert!((55..=130).contains(&read), "{read}");
        let rules = sent(&mut budget, "/cloud-detection/rules", 60, from.plus_seconds(60));
        assert!(rules <= 31, "{rules}: a 429 never raises a rate");
    }

    #[test]
    fn loopback_is_unlimited_until_its_first_429() {
        let mut budget = Budget::new(60, true, START);
        assert!((0..5_000).all(|_| budget.take("/groups", START).is_zero()));
        budget.throttled("/groups", Duration::from_secs(7), START);
        assert!(budget.take("/groups", START) >= Duration::from_secs(7));
        assert!(budget.take("/groups", START.plus_seconds(8)) < Duration::from_secs(5));
    }

    #[test]
    fn a_clock_that_jumps_back_neither_blocks_nor_frees() {
        let mut budget = Budget::new(600, false, START);
        for _ in 0..20 {
            budget.take("/agents", START);
        }
        let wait = budget.take("/agents", START.plus_seconds(-86_400));
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
    }
}
