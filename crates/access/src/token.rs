//! Random tokens: 256 bits in a text that fits a link, and only their hash in the database.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Secret, Timestamp};
use sha2::{Digest, Sha256};

/// Bytes of randomness that a token is made of, from [`kernel::Random::secret_bytes`].
pub type Fresh = [u8; 32];

/// The token as text: 43 letters, digits, `-` and `_`.
pub(crate) fn written(fresh: &Fresh) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(fresh))
}

/// What is stored of a token. Such a token cannot be guessed, so a plain hash is enough and finds its row.
pub(crate) fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A secret made from another, for one purpose, as text.
pub(crate) fn derived(secret: &str, purpose: &str) -> String {
    URL_SAFE_NO_PAD.encode(mac(secret.as_bytes(), purpose.as_bytes()).finalize().into_bytes())
}

/// Whether a text is [`derived`] from the secret, compared in equal time.
pub(crate) fn is_derived(secret: &str, purpose: &str, text: &str) -> bool {
    let Ok(given) = URL_SAFE_NO_PAD.decode(text) else { return false };
    mac(secret.as_bytes(), purpose.as_bytes()).verify_slice(&given).is_ok()
}

/// A keyed hash that has taken `message`.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message);
    mac
}

/// A UUIDv7 (RFC 9562) of an instant, the rest from a token's hash: it sorts by time, and tells nothing of the token.
pub(crate) fn id(at: Timestamp, token_hash: &[u8; 32]) -> String {
    let chance = Sha256::new().chain_update(b"muster id\0").chain_update(token_hash).finalize();
    let millis = u64::try_from(at.micros() / 1000).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&chance[..10]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_seven_and_sort_by_time() {
        let early = id(Timestamp::from_seconds(1_700_000_000), &[1; 32]);
        let late = id(Timestamp::from_seconds(1_700_000_001), &[0; 32]);
        assert!(early < late && early.len() == 36, "{early} {late}");
        assert_eq!((early.as_bytes()[14], &early[..13]), (b'7', "018bcfe5-6800"));
    }

    #[test]
    fn what_is_derived_is_known_again_for_its_purpose_only() {
        let text = derived("token", "csrf");
        assert!(is_derived("token", "csrf", &text));
        for (secret, purpose, text) in [("other", "csrf", &*text), ("token", "nonce", &text), ("token", "csrf", "")] {
            assert!(!is_derived(secret, purpose, text));
        }
    }
}
