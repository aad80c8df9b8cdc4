//! A secret that a form carries from one step to the next: sealed, so that the page holds nothing that anybody can read, and
//! bound to one purpose and an hour of the clock, so that it opens nowhere else and not for long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Secret, Timestamp};

use crate::key::{NONCE_BYTES, Sealed};
use crate::{AccessError, Keyring};

/// How long a carried secret opens, in seconds.
pub const CARRIED_SECONDS: i64 = 15 * 60;

/// Seals a secret for a form, for [`CARRIED_SECONDS`]; it opens for the same purpose only.
///
/// # Errors
/// There is no key to seal with.
pub fn carry(keyring: &Keyring, purpose: &str, secret: &Secret, now: Timestamp) -> Result<String, AccessError> {
    let until = now.plus_seconds(CARRIED_SECONDS).micros();
    let sealed = keyring.seal(secret.expose().as_bytes(), &context(purpose, until))?;
    let bytes = [&sealed.nonce[..], &sealed.bytes].concat();
    Ok(format!("{until}.{}.{}", sealed.key_id, URL_SAFE_NO_PAD.encode(bytes)))
}

/// Opens what [`carry`] sealed; nothing if it was for another purpose, is too old, or was tampered with.
#[must_use]
pub fn carried(keyring: &Keyring, purpose: &str, text: &str, now: Timestamp) -> Option<Secret> {
    let (until, rest) = text.split_once('.')?;
    let (key_id, bytes) = rest.split_once('.')?;
    let until: i64 = until.parse().ok()?;
    if now.micros() >= until {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
    let (nonce, bytes) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let sealed = Sealed { key_id: key_id.to_owned(), nonce: *nonce, bytes: bytes.to_vec() };
    let opened = keyring.open(&sealed, &context(purpose, until)).ok()?;
    Some(Secret::new(std::str::from_utf8(&opened).ok()?.to_owned()))
}

fn context(purpose: &str, until: i64) -> Vec<u8> {
    format!("carried\0{until}\0{purpose}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn a_carried_secret_opens_for_its_purpose_and_its_time_only() {
        let key = |name: &str| (name == crate::KEY_VARIABLE).then(|| OsString::from("00".repeat(32)));
        let keys = Keyring::load(&key, std::path::Path::new("/nowhere")).unwrap();
        let now = Timestamp::from_seconds(1_800_000_000);
        let text = carry(&keys, "link a", &Secret::new("hunter2".to_owned()), now).unwrap();
        assert!(!text.contains("hunter2") && !text.contains(&URL_SAFE_NO_PAD.encode("hunter2")));
        let opened = |purpose: &str, text: &str, now| {
            carried(&keys, purpose, text, now).map(|secret| secret.expose().to_owned())
        };
        assert_eq!(opened("link a", &text, now.plus_seconds(CARRIED_SECONDS - 1)).as_deref(), Some("hunter2"));
        assert_eq!(opened("link b", &text, now), None);
        assert_eq!(opened("link a", &text, now.plus_seconds(CARRIED_SECONDS)), None);
        let later = text.replacen('1', "2", 1);
        for wrong in [later.as_str(), "", "1.2", &text[..text.len() - 4]] {
            assert_eq!(opened("link a", wrong, now), None, "{wrong}");
        }
    }
}
