//! Reproducible chance: every drawn value is a function of the seed, what it is drawn for, and an index.

/// The finalizer of SplitMix64: a bijection on 64 bits with good avalanche.
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A stream of draws for one thing.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The draws for the `index`-th thing of the kind `salt`.
    pub(crate) const fn new(seed: u64, salt: u64, index: u64) -> Dice {
        Dice { state: mix(mix(seed ^ salt.rotate_left(32)) ^ index) }
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `n` (which is not zero).
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        // The bias is below n / 2^64.
        ((self.next() as u128 * n as u128) >> 64) as u64
    }

    pub(crate) const fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }

    /// An instant or a length in `low..high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        if width == 0 { low } else { low + i64::try_from(self.below(width)).unwrap_or(0) }
    }

    /// True so many times in a thousand.
    pub(crate) const fn per_mille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_for_the_same_thing_and_differ_between_things() {
        let draw = |seed, salt, index| {
            let mut dice = Dice::new(seed, salt, index);
            [dice.below(1000), dice.below(1000), dice.below(1000), dice.below(1000)]
        };
        assert_eq!(draw(7, 1, 2), draw(7, 1, 2));
        assert_ne!(draw(7, 1, 2), draw(7, 1, 3));
        assert_ne!(draw(7, 1, 2), draw(7, 2, 2));
        assert_ne!(draw(7, 1, 2), draw(8, 1, 2));
    }
}
