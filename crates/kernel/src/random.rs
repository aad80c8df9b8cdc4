//! Randomness as an argument: jitter, back-off and keys take a [`Random`], so that a seed replays a run.

/// A source of random numbers: seeded from the operating system, or from a number that replays it.
#[derive(Clone, Debug)]
pub struct Random(fastrand::Rng);

impl Random {
    /// A source that gives the same numbers for the same seed. Not for secrets.
    #[must_use]
    pub fn seeded(seed: u64) -> Random {
        Random(fastrand::Rng::with_seed(seed))
    }

    /// A source that nobody can replay. For jitter, not for secrets: those take [`Random::secret_bytes`].
    #[must_use]
    pub fn from_system() -> Random {
        let bytes = Self::secret_bytes::<8>();
        Random(fastrand::Rng::with_seed(u64::from_le_bytes(bytes)))
    }

    /// Bytes from the operating system, fit for keys, nonces and tokens.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the system's randomness is read")]
    pub fn secret_bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("every supported system offers random bytes");
        bytes
    }

    /// A number below `bound`; 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        match bound {
            0 => 0,
            _ => self.0.u64(0..bound),
        }
    }

    /// A number from 0 up to, and without, 1.
    pub fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    /// Any 64-bit number; good as the seed of another source.
    pub fn next_u64(&mut self) -> u64 {
        self.0.u64(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays() {
        let (mut one, mut two) = (Random::seeded(7), Random::seeded(7));
        let numbers: Vec<u64> = (0..9).map(|_| one.below(1000)).collect();
        assert_eq!(numbers, (0..9).map(|_| two.below(1000)).collect::<Vec<_>>());
        assert!(numbers.iter().all(|number| *number < 1000));
        assert_eq!(one.below(0), 0);
    }

    #[test]
    fn secret_bytes_differ() {
        assert_ne!(Random::secret_bytes::<32>(), Random::secret_bytes::<32>());
    }
}
