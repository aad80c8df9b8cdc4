//! Where "now" comes from. Time is an argument everywhere in Muster; this type is that argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::Timestamp;

/// A source of the present instant: the machine's clock, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's own clock.
    #[default]
    System,
    /// A clock that stands still until somebody moves it. Clones share the same hand.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start` until it is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(start.micros())))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => system_now(),
            Clock::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock to `to`; it never goes back by this call. Does nothing to the system's clock.
    pub fn advance_to(&self, to: Timestamp) {
        if let Clock::Manual(micros) = self {
            micros.fetch_max(to.micros(), Ordering::SeqCst);
        }
    }

    /// Sets a manual clock, backwards too, as a clock that jumps would. Does nothing to the system's clock.
    pub fn set(&self, to: Timestamp) {
        if let Clock::Manual(micros) = self {
            micros.store(to.micros(), Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
fn system_now() -> Timestamp {
    let now = std::time::SystemTime::now();
    let micros = match now.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_is_shared() {
        let clock = Clock::manual(Timestamp::from_micros(5));
        let same = clock.clone();
        assert_eq!(clock.now().micros(), 5);
        same.advance_to(Timestamp::from_micros(9));
        same.advance_to(Timestamp::from_micros(7));
        assert_eq!(clock.now().micros(), 9);
        clock.set(Timestamp::from_micros(1));
        assert_eq!(same.now().micros(), 1);
    }
}
