//! How often somebody may ask who has signed in, or comes with a token: no one person or program has the whole server, or
//! carries the inventory away in a minute.
//!
//! Each has a stock of [`REQUESTS_A_MINUTE`] requests, which is filled up again evenly, so many a minute. An export costs
//! [`EXPORT_COST`] requests, since it reads a whole inventory. The stock is kept in memory: a start fills it. Nobody's pages
//! come near: fifty people who each open a page a second are below half of it even if they share one session, as they do
//! in `cargo xtask bench --web`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use access::ApiTokenId;
use kernel::{PersonId, Timestamp};

/// Requests that one person, or one token, may send at once, and in each minute from then on.
pub const REQUESTS_A_MINUTE: u32 = 6_000;
/// What an export counts as, in requests.
pub const EXPORT_COST: u32 = 100;
/// How many are remembered until those are forgotten whose stock is full.
const KEPT_MAX: usize = 10_000;
/// The micros of a minute.
const MINUTE: i64 = 60_000_000;

/// Whose stock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// A person's, in whichever browser.
    Person(PersonId),
    /// A token's.
    Token(ApiTokenId),
}

/// The stocks. Each is the instant, in microseconds, at which it will be full again.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Whose, i64>>);

impl Rates {
    /// Takes `cost` requests of a stock of `stock`.
    ///
    /// # Errors
    /// There are not so many left; the seconds until there are, from 1.
    pub(crate) fn take(&self, whose: Whose, cost: u32, stock: u32, now: Timestamp) -> Result<(), u64> {
        let (now, one) = (now.micros(), MINUTE / i64::from(stock.max(1)));
        let whole = one * i64::from(stock.max(1));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, full_at| *full_at > now);
        }
        let full_at = kept.entry(whose).or_insert(now);
        // A clock that was set back makes nobody wait longer than for a whole stock.
        let then = (*full_at).clamp(now, now + whole) + one * i64::from(cost.min(stock));
        if then > now + whole {
            return Err(u64::try_from((then - now - whole + 999_999) / 1_000_000).unwrap_or(1).max(1));
        }
        *full_at = then;
        Ok(())
    }
}

/// What a request to a route counts as.
pub(crate) fn cost(route: &str) -> u32 {
    if route.contains("/export.") { EXPORT_COST } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Whose = Whose::Person(PersonId(1));
    const START: Timestamp = Timestamp::from_seconds(1_795_230_000);

    #[test]
    fn a_stock_is_used_up_and_fills_again() {
        let rates = Rates::default();
        for _ in 0..60 {
            rates.take(ADA, 1, 60, START).unwrap();
        }
        assert_eq!(rates.take(ADA, 1, 60, START), Err(1));
        assert_eq!(rates.take(ADA, 10, 60, START), Err(10));
        // Nobody else waits for it, and a token has its own.
        rates.take(Whose::Person(PersonId(2)), 60, 60, START).unwrap();
        rates.take(Whose::Token(ApiTokenId(1)), 60, 60, START).unwrap();
        assert_eq!(rates.take(ADA, 2, 60, START.plus_seconds(1)), Err(1));
        rates.take(ADA, 1, 60, START.plus_seconds(1)).unwrap();
        rates.take(ADA, 60, 60, START.plus_seconds(61)).unwrap();
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out() {
        let rates = Rates::default();
        rates.take(ADA, 60, 60, START).unwrap();
        assert_eq!(rates.take(ADA, 1, 60, START.plus_seconds(-86_400)), Err(1));
    }

    #[test]
    fn who_rests_is_forgotten() {
        let rates = Rates::default();
        for id in 0..i64::try_from(KEPT_MAX).unwrap() {
            rates.take(Whose::Person(PersonId(id)), 1, 60, START).unwrap();
        }
        rates.take(ADA, 1, 60, START.plus_seconds(60)).unwrap();
        assert_eq!(rates.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_export_costs_more() {
        assert_eq!((cost("/assets"), cost("/assets/export.csv"), cost("/audit/export.json")), (1, 100, 100));
    }
}
