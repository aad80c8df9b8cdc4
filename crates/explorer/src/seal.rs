//! Sealing secrets to one Explorer: HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use kernel::Random;
use zeroize::Zeroizing;

use crate::wire::Sealed;

/// What everything sealed here is for; the script in the browser says the same.
pub const INFO: &[u8] = b"muster explorer 1";
/// Bytes of a public key: an uncompressed point.
pub const PUBLIC_BYTES: usize = 65;
/// The longest sealed text, in base64: a token of 8 KiB, an address, and what sealing adds.
pub const SEALED_BYTES_MAX: usize = 20 * 1024;

/// Why something could not be sealed or opened. It tells nothing of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not a point of the curve.
    #[error("the Explorer's public key cannot be used")]
    Key,
    /// It was sealed to another key, or changed on the way.
    #[error("what was sealed does not open here: it was sealed for another Explorer, or changed on the way")]
    Shut,
}

/// An Explorer's pair of keys. The private one is wiped with it and never printed.
pub struct KeyPair {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl KeyPair {
    /// A new pair.
    #[must_use]
    pub fn fresh() -> KeyPair {
        let seed = Zeroizing::new(Random::secret_bytes::<32>());
        let (private, public) = DhP256HkdfSha256::derive_keypair(&*seed);
        KeyPair { private: Zeroizing::new(private.to_bytes().to_vec()), public: public.to_bytes().to_vec() }
    }

    /// The pair with this private key, in base64.
    ///
    /// # Errors
    /// It is none.
    pub fn read(private: &str) -> Result<KeyPair, SealError> {
        let private = Zeroizing::new(STANDARD.decode(private).map_err(|_| SealError::Key)?);
        let key = <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(&private).map_err(|_| SealError::Key)?;
        let public = DhP256HkdfSha256::sk_to_pk(&key).to_bytes().to_vec();
        Ok(KeyPair { private, public })
    }

    /// The private key in base64, to be kept.
    #[must_use]
    pub fn private(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&*self.private))
    }

    /// The public key in base64.
    #[must_use]
    pub fn public(&self) -> String {
        STANDARD.encode(&self.public)
    }

    /// Seals a token to the pair itself, so that what is kept lies sealed.
    ///
    /// # Errors
    /// Never, for a pair that was read.
    pub fn seal(&self, whom: &str, what: &Sealed) -> Result<String, SealError> {
        seal(&self.public, whom, what)
    }

    /// Opens what was sealed to the public key, for `whom`: the Explorer's id.
    ///
    /// # Errors
    /// It does not open.
    pub fn open(&self, whom: &str, sealed: &str) -> Result<Sealed, SealError> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(SealError::Shut);
        }
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Shut)?;
        let (enc, text) = bytes.split_at_checked(PUBLIC_BYTES).ok_or(SealError::Shut)?;
        let private = <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.private).map_err(|_| SealError::Key)?;
        let enc = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).map_err(|_| SealError::Shut)?;
        let opened = single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            &private,
            &enc,
            INFO,
            text,
            whom.as_bytes(),
        );
        let opened = Zeroizing::new(opened.map_err(|_| SealError::Shut)?);
        serde_json::from_slice(&opened).map_err(|_| SealError::Shut)
    }
}

/// Whether a text is a public key.
#[must_use]
pub fn is_public_key(bytes: &[u8]) -> bool {
    <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(bytes).is_ok()
}

/// Seals a token for one console to an Explorer, in base64.
///
/// # Errors
/// The public key cannot be used.
pub fn seal(public: &[u8], whom: &str, what: &Sealed) -> Result<String, SealError> {
    let key = <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(public).map_err(|_| SealError::Key)?;
    let text = Zeroizing::new(serde_json::to_vec(what).map_err(|_| SealError::Shut)?);
    let (enc, sealed) =
        single_shot_seal::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(&OpModeS::Base, &key, INFO, &text, whom.as_bytes())
            .map_err(|_| SealError::Key)?;
    let mut bytes = enc.to_bytes().to_vec();
    bytes.extend_from_slice(&sealed);
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what() -> Sealed {
        Sealed { url: "https://acme.sentinelone.net".to_owned(), token: Zeroizing::new("t".repeat(80)) }
    }

    #[test]
    fn what_is_sealed_opens_for_whom_it_was_meant_and_nobody_else() {
        let (own, other) = (KeyPair::fresh(), KeyPair::fresh());
        let public = STANDARD.decode(own.public()).unwrap();
        assert!(is_public_key(&public) && public.len() == PUBLIC_BYTES);
        let sealed = seal(&public, "exp_1", &what()).unwrap();
        assert_eq!(*own.open("exp_1", &sealed).unwrap().token, *what().token);
        let again = KeyPair::read(&own.private()).unwrap();
        assert_eq!(again.open("exp_1", &sealed).unwrap().url, what().url);
        assert_eq!(own.open("exp_2", &sealed).err(), Some(SealError::Shut));
        assert_eq!(other.open("exp_1", &sealed).err(), Some(SealError::Shut));
        let mut changed = STANDARD.decode(&sealed).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        for wrong in
            [STANDARD.encode(changed), sealed[..40].to_owned(), "?".to_owned(), "A".repeat(SEALED_BYTES_MAX + 1)]
        {
            assert_eq!(own.open("exp_1", &wrong).err(), Some(SealError::Shut));
        }
        assert!(!is_public_key(&[4; PUBLIC_BYTES]) && !is_public_key(b""));
    }

    #[test]
    fn nothing_of_the_token_is_in_what_is_sealed() {
        let own = KeyPair::fresh();
        let public = STANDARD.decode(own.public()).unwrap();
        let bytes = STANDARD.decode(seal(&public, "exp_1", &what()).unwrap()).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"tttt"));
        assert_ne!(seal(&public, "exp_1", &what()), seal(&public, "exp_1", &what()));
    }

    #[test]
    fn what_the_script_in_the_browser_seals_opens_here() {
        // Sealed by the function `sealed` of ui's muster.js.
        const PRIVATE: &str = "W2rtEZyVHixWxpAJ8NOOGQQToZzFj77KgZUikRO+tt8=";
        const SEALED: &str = "BGFQnxCm6v1dfdS+iT/Grygwv4WkiuS2IMMuABgfypgqLcoopV+IaakkE1Mg7TdPSjiJhafF54t1Vg9Nu3KWaBxUhcOJLER9KR/V\
             AGfSn6pARLY2VWYbRmrX2GcdjWtP66/SsHe1fLpDrwfumhNf8ERQU97vk9p3YFtck6pSFiLJ33yGRC1BrsMmSlqwbxdNawr7TqzD\
             RvBFUS6k7UgtLohcwz9TdpJjAesEH4tuK+IZv6zwodY9jFE2QZhNCGeNi9fHD7LBMxu3+g==";
        let keys = KeyPair::read(PRIVATE).unwrap();
        let opened = keys.open("exp_0000000000001", SEALED).unwrap();
        assert_eq!((opened.url.as_str(), opened.token.as_str()), ("acme.sentinelone.net", "t".repeat(80).as_str()));
    }
}
