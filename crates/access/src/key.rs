//! The key that seals secrets, and where it is looked for.

use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::Mac;
use kernel::{Random, Secret, Timestamp};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::AccessError;
use crate::reference::{Elsewhere, Outside, fetch_secret};
use crate::saved::Custody;
use crate::token::mac;

/// The variable that names a file with the key.
pub const KEY_FILE_VARIABLE: &str = "MUSTER_KEY_FILE";
/// The variable that holds the key itself.
pub const KEY_VARIABLE: &str = "MUSTER_KEY";
/// The name of the systemd credential, a file in `$CREDENTIALS_DIRECTORY`.
pub const CREDENTIAL_NAME: &str = "muster-key";
/// The name of the key file in the data directory.
pub const KEY_FILE: &str = "key";

/// Longest key file that is read, in bytes; a key takes 65.
const KEY_FILE_BYTES_MAX: u64 = 4096;
/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of the nonce that each sealing takes afresh; random ones of this length never meet.
pub(crate) const NONCE_BYTES: usize = 24;

/// The keys at hand, and the way to secrets that are kept elsewhere. The first key seals; each opens what it sealed, so that
/// a new key can be put before an old one.
#[derive(Clone, Default)]
pub struct Keyring {
    keys: Vec<Key>,
    elsewhere: Option<Arc<Elsewhere>>,
}

#[derive(Clone)]
struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// A secret as it is stored.
pub(crate) struct Sealed {
    pub key_id: String,
    pub nonce: [u8; NONCE_BYTES],
    pub bytes: Vec<u8>,
}

/// Why sealed bytes were not opened.
pub(crate) enum NotOpened {
    NoSuchKey,
    Tampered,
}

impl Keyring {
    /// Looks for keys, in this order: the file that `MUSTER_KEY_FILE` names, the systemd credential `muster-key`, the
    /// variable `MUSTER_KEY`, the file `key` in the data directory. None found is not an error yet.
    ///
    /// `env` looks up an environment variable.
    ///
    /// # Errors
    /// A place holds something that is not 32 bytes in hexadecimal or base64, a named file cannot be read, or others may
    /// read the data directory's `key`.
    pub fn load(env: &dyn Fn(&str) -> Option<OsString>, data_dir: &Path) -> Result<Keyring, AccessError> {
        let mut keys = Vec::new();
        if let Some(path) = env(KEY_FILE_VARIABLE).filter(|path| !path.is_empty()) {
            keys.push(Key::read(Path::new(&path))?);
        }
        if let Some(folder) = env("CREDENTIALS_DIRECTORY") {
            let path = Path::new(&folder).join(CREDENTIAL_NAME);
            if path.exists() {
                keys.push(Key::read(&path)?);
            }
        }
        if let Some(text) = env(KEY_VARIABLE).filter(|text| !text.is_empty()) {
            let text = Zeroizing::new(text.into_encoded_bytes());
            keys.push(Key::parse(&text, KEY_VARIABLE)?);
        }
        let path = data_dir.join(KEY_FILE);
        if path.exists() {
            refuse_shared(&path)?;
            keys.push(Key::read(&path)?);
        }
        Ok(Keyring::of(keys))
    }

    fn of(keys: Vec<Key>) -> Keyring {
        Keyring { keys, elsewhere: None }
    }

    /// The same, with a way to secrets that are kept elsewhere.
    #[must_use]
    pub fn with_elsewhere(self, elsewhere: Elsewhere) -> Keyring {
        Keyring { elsewhere: Some(Arc::new(elsewhere)), ..self }
    }

    /// The secret of a credential, wherever it is kept; `name` is the credential's, for the error.
    ///
    /// # Errors
    /// An Explorer keeps it, nothing is configured that leads there, or what keeps it does not hand it over.
    pub async fn secret(&self, custody: Custody, name: &str, now: Timestamp) -> Result<Secret, AccessError> {
        let nothing = |_: &str| None;
        match &self.elsewhere {
            Some(elsewhere) => fetch_secret(custody, name, &elsewhere.outside(), now).await,
            None => fetch_secret(custody, name, &Outside { env: &nothing, files: None, vault: None }, now).await,
        }
    }

    /// As [`Keyring::load`]; where no key is found it makes one, the file `key` in the data directory with mode 0600,
    /// and answers its path so that the caller can say so.
    ///
    /// # Errors
    /// As [`Keyring::load`], or the file cannot be written.
    pub fn load_or_create(
        env: &dyn Fn(&str) -> Option<OsString>,
        data_dir: &Path,
    ) -> Result<(Keyring, Option<PathBuf>), AccessError> {
        let found = Keyring::load(env, data_dir)?;
        if !found.is_empty() {
            return Ok((found, None));
        }
        let path = data_dir.join(KEY_FILE);
        let bytes = Zeroizing::new(Random::secret_bytes::<KEY_BYTES>());
        create(&path, &bytes).map_err(|source| AccessError::KeyFile { path: path.clone(), source })?;
        Ok((Keyring::of(vec![Key::new(bytes)]), Some(path)))
    }

    /// The key as its file holds it, if it is the only one at hand: for a backup that is to open by itself.
    #[must_use]
    pub fn only_key_text(&self) -> Option<Zeroizing<String>> {
        let [key] = self.keys.as_slice() else { return None };
        Some(Zeroizing::new(format!("{}\n", hex(&*key.bytes))))
    }

    /// Puts a key, as [`Keyring::only_key_text`] gives it, into the file `key` of the data directory, mode 0600, and
    /// answers its path. A file that is there stays.
    ///
    /// # Errors
    /// The text is no key, there is a file, or it cannot be written.
    pub fn put_key(data_dir: &Path, text: &[u8]) -> Result<PathBuf, AccessError> {
        let path = data_dir.join(KEY_FILE);
        let key = Key::parse(text, "the backup")?;
        if path.exists() {
            let why = "there is a key already; move it away, or put the backup's key there by hand";
            return Err(AccessError::BadKey { origin: path.display().to_string(), why });
        }
        create(&path, &key.bytes).map_err(|source| AccessError::KeyFile { path: path.clone(), source })?;
        Ok(path)
    }

    /// Whether no key was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The ids of the keys, the sealing one first. An id tells a key from another and nothing about it.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.id.as_str()).collect()
    }

    /// Seals `secret` with the first key so that it opens only with the same `context`.
    pub(crate) fn seal(&self, secret: &[u8], context: &[u8]) -> Result<Sealed, AccessError> {
        let key = self.keys.first().ok_or(AccessError::NoKey)?;
        let nonce = Random::secret_bytes::<NONCE_BYTES>();
        let bytes = key
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: context })
            .expect("a secret is far shorter than the cipher's 256 GiB");
        Ok(Sealed { key_id: key.id.clone(), nonce, bytes })
    }

    /// What tells that two secrets are the same, and nothing else about them to whoever has no key: a keyed hash under a key
    /// of its own that is made from the first one, cut to 64 bits.
    pub(crate) fn fingerprint(&self, secret: &[u8]) -> Result<String, AccessError> {
        let key = self.keys.first().ok_or(AccessError::NoKey)?;
        let own = mac(&*key.bytes, b"muster fingerprint 1").finalize().into_bytes();
        Ok(hex(&mac(&own, secret).finalize().into_bytes()[..8]))
    }

    /// Opens what was sealed under `context`.
    pub(crate) fn open(&self, sealed: &Sealed, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let key = self.keys.iter().find(|key| key.id == sealed.key_id).ok_or(NotOpened::NoSuchKey)?;
        key.cipher()
            .decrypt(&XNonce::from(sealed.nonce), Payload { msg: &sealed.bytes, aad: context })
            .map(Zeroizing::new)
            .map_err(|_| NotOpened::Tampered)
    }
}

impl Key {
    fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Key {
        let digest = Sha256::new().chain_update(b"muster key id\0").chain_update(*bytes).finalize();
        Key { id: hex(&digest[..8]), bytes }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes).into())
    }

    fn read(path: &Path) -> Result<Key, AccessError> {
        let mut text = Zeroizing::new(Vec::new());
        let read = std::fs::File::open(path).and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut text));
        read.map_err(|source| AccessError::KeyFile { path: path.to_owned(), source })?;
        Key::parse(&text, &path.display().to_string())
    }

    /// Reads 64 hexadecimal digits, or base64 of 32 bytes, with white space around.
    fn parse(text: &[u8], origin: &str) -> Result<Key, AccessError> {
        let refuse = |why| AccessError::BadKey { origin: origin.to_owned(), why };
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if text.len() == 2 * KEY_BYTES {
            for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                let digit = |at: usize| char::from(digits[at]).to_digit(16);
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    return Err(refuse("it has a character that is not a hexadecimal digit"));
                };
                *byte = u8::try_from(high << 4 | low).expect("two hexadecimal digits make a byte");
            }
            return Ok(Key::new(bytes));
        }
        let decoded = STANDARD.decode(text).map(Zeroizing::new);
        match decoded {
            Ok(decoded) if decoded.len() == KEY_BYTES => bytes.copy_from_slice(&decoded),
            _ => return Err(refuse("it is not 32 bytes in hexadecimal or base64, as `openssl rand -hex 32` prints")),
        }
        Ok(Key::new(bytes))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Keyring").field(&self.keys).finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "key {}", self.id)
    }
}

/// Writes the file beside its place, to the disk, and moves it there: a key is never half written.
fn create(path: &Path, bytes: &[u8; KEY_BYTES]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let beside = path.with_extension("new");
    // What a crash left here never became a key.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let text = Zeroizing::new(format!("{}\n", hex(bytes)));
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// Refuses a key file that other users of the machine may read.
#[cfg(unix)]
fn refuse_shared(path: &Path) -> Result<(), AccessError> {
    use std::os::unix::fs::PermissionsExt;
    let found = std::fs::metadata(path).map_err(|source| AccessError::KeyFile { path: path.to_owned(), source })?;
    if found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let why = "other users may read it; `chmod 600` it, and make a new key if they are not to be trusted";
    Err(AccessError::BadKey { origin: path.display().to_string(), why })
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> Result<(), AccessError> {
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn hexadecimal_and_base64_are_the_same_key() {
        let one = Key::parse(HEX.as_bytes(), "x").unwrap();
        let two = Key::parse(format!(" {BASE64}\n").as_bytes(), "x").unwrap();
        let three = Key::parse(HEX.to_uppercase().as_bytes(), "x").unwrap();
        assert_eq!(one.id, two.id);
        assert_eq!(one.id, three.id);
        assert_eq!(one.id.len(), 16);
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        for text in ["", "hunter2", &HEX[1..], &HEX.replace('f', "g"), &BASE64[4..]] {
            let error = Key::parse(text.as_bytes(), "MUSTER_KEY").unwrap_err();
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text), "{error}");
        }
    }

    #[test]
    fn a_key_does_not_print() {
        let ring = Keyring::of(vec![Key::parse(HEX.as_bytes(), "x").unwrap()]);
        assert_eq!(format!("{ring:?}"), format!("Keyring([key {}])", ring.ids()[0]));
        assert!(!HEX.contains(ring.ids()[0]));
    }

    #[test]
    fn sealed_bytes_open_only_where_they_belong() {
        let ring = Keyring::of(vec![Key::parse(HEX.as_bytes(), "x").unwrap()]);
        let sealed = ring.seal(b"hunter2", b"here").unwrap();
        assert!(!sealed.bytes.windows(7).any(|piece| piece == b"hunter2"));
        assert_eq!(ring.open(&sealed, b"here").ok().unwrap().as_slice(), b"hunter2");
        assert!(matches!(ring.open(&sealed, b"there"), Err(NotOpened::Tampered)));
        assert!(matches!(Keyring::default().open(&sealed, b"here"), Err(NotOpened::NoSuchKey)));
        let again = ring.seal(b"hunter2", b"here").unwrap();
        assert_ne!((sealed.nonce, sealed.bytes), (again.nonce, again.bytes));
    }
}
