//! Which records a page showed, packed small enough to keep for every page of a sweep.

use kernel::RecordId;
use rustc_hash::FxHashMap;

/// Packs ids: sorted, without repetitions, each as the difference from the one before, seven bits a byte.
#[must_use]
pub fn pack(ids: impl IntoIterator<Item = RecordId>) -> Vec<u8> {
    let mut ids: Vec<i64> = ids.into_iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut packed = Vec::with_capacity(ids.len() * 2);
    let mut before = 0i64;
    for id in ids {
        let mut rest = id.wrapping_sub(before).cast_unsigned();
        before = id;
        while rest >= 0x80 {
            packed.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        packed.push((rest & 0x7f) as u8);
    }
    packed
}

/// Appends the ids of [`pack`]; false if the bytes are not such a packing.
#[must_use]
pub fn unpack(packed: &[u8], into: &mut Vec<i64>) -> bool {
    let mut before = 0i64;
    let (mut value, mut shift) = (0u64, 0u32);
    for byte in packed {
        if shift > 63 {
            return false;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            before = before.wrapping_add(value.cast_signed());
            into.push(before);
            (value, shift) = (0, 0);
        } else {
            shift += 7;
        }
    }
    shift == 0
}

/// A set of records. Their ids are dense, so a bit each is less than a list.
#[derive(Debug, Default)]
pub struct Seen {
    blocks: FxHashMap<i64, Box<[u64; WORDS]>>,
    count: u64,
}

/// Words of 64 records in a block.
const WORDS: usize = 64;

/// Records of a block, as a power of two.
const BLOCK_BITS: u32 = 12;

impl Seen {
    /// Adds a record; false if it was there.
    pub fn insert(&mut self, id: i64) -> bool {
        let (block, word, bit) = Seen::place(id);
        let words = self.blocks.entry(block).or_insert_with(|| Box::new([0; WORDS]));
        let new = words[word] & bit == 0;
        words[word] |= bit;
        self.count += u64::from(new);
        new
    }

    /// True if the record was added.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        let (block, word, bit) = Seen::place(id);
        self.blocks.get(&block).is_some_and(|words| words[word] & bit != 0)
    }

    /// How many different records were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    fn place(id: i64) -> (i64, usize, u64) {
        let within = id & ((1 << BLOCK_BITS) - 1);
        (id >> BLOCK_BITS, usize::try_from(within >> 6).unwrap_or(0), 1 << (within & 63))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_take_a_byte_each() {
        assert!(pack((1_000_000..1_001_000).map(RecordId)).len() <= 1_002);
        let mut ids = Vec::new();
        assert!(!unpack(&[0x80], &mut ids));
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back_sorted_and_once(ids in prop::collection::vec(any::<i64>(), 0..50)) {
            let mut expected = ids.clone();
            expected.sort_unstable();
            expected.dedup();
            let mut back = Vec::new();
            prop_assert!(unpack(&pack(ids.iter().copied().map(RecordId)), &mut back));
            prop_assert_eq!(&back, &expected);
            let mut seen = Seen::default();
            for id in &ids {
                seen.insert(*id);
            }
            prop_assert_eq!(seen.count(), expected.len() as u64);
            for id in &expected {
                prop_assert!(seen.contains(*id));
                prop_assert_eq!(seen.contains(id ^ 1), expected.contains(&(id ^ 1)));
            }
        }
    }
}
