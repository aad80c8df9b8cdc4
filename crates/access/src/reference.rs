//! Secrets that are kept elsewhere: in a Vault or OpenBao (KV version 2), in a variable, in a file. They are fetched when they
//! are needed, and what a Vault said is believed for [`CACHE_SECONDS`].
//!
//! A reference is written by people of an organization and followed by this program with its own rights, so each kind has a
//! fence: variables begin with [`ENV_PREFIX`], files lie below one folder that the configuration names, and a Vault's token
//! should read no more than these secrets.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use kernel::{Secret, Timestamp};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use store::ErrorClass;

use crate::saved::Custody;
use crate::{AccessError, Fence, Http};

/// What a variable's name begins with that a reference may name.
pub const ENV_PREFIX: &str = "MUSTER_SECRET_";
/// How long an answer of a Vault is believed, in seconds.
pub const CACHE_SECONDS: i64 = 300;
/// How many answers are held at most; beyond, all are asked for again.
const CACHE_MAX: usize = 1000;
/// The longest secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// The longest reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 1024;

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `vault://mount/path#key`: a key of a secret in a KV engine of version 2.
    Vault {
        /// Where the engine is mounted.
        mount: String,
        /// The secret's path below it.
        path: String,
        /// The key in the secret.
        key: String,
    },
    /// `env:NAME`: a variable of this program's environment.
    Env(String),
    /// `file:///path`: a file of this machine.
    File(PathBuf),
    /// One of a kind that this version does not know.
    Unknown(String),
}

/// A text that is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no reference to a secret: write vault://mount/path#key, env:{ENV_PREFIX}NAME, or file:///folder/name")]
pub struct NotAReference;

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// It is none, or points outside of what references may name.
    pub fn parse(text: &str) -> Result<Reference, NotAReference> {
        let text = text.trim();
        if text.len() > REFERENCE_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(NotAReference);
        }
        if let Some(rest) = text.strip_prefix("vault://") {
            let (place, key) = rest.split_once('#').ok_or(NotAReference)?;
            let (mount, path) = place.split_once('/').ok_or(NotAReference)?;
            let whole = |part: &str| !part.is_empty() && part != "." && part != "..";
            if key.is_empty() || !whole(mount) || !path.split('/').all(whole) {
                return Err(NotAReference);
            }
            return Ok(Reference::Vault { mount: mount.to_owned(), path: path.to_owned(), key: key.to_owned() });
        }
        if let Some(name) = text.strip_prefix("env:") {
            let fine = name.len() > ENV_PREFIX.len()
                && name.starts_with(ENV_PREFIX)
                && name.bytes().all(|sign| sign.is_ascii_alphanumeric() || sign == b'_');
            return if fine { Ok(Reference::Env(name.to_owned())) } else { Err(NotAReference) };
        }
        let path = text.strip_prefix("file://").filter(|path| path.starts_with('/')).ok_or(NotAReference)?;
        if path.split('/').any(|part| part == "..") || path.ends_with('/') {
            return Err(NotAReference);
        }
        Ok(Reference::File(PathBuf::from(path)))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Vault { mount, path, key } => write!(out, "vault://{mount}/{path}#{key}"),
            Reference::Env(name) => write!(out, "env:{name}"),
            Reference::File(path) => write!(out, "file://{}", path.display()),
            Reference::Unknown(text) => out.write_str(text),
        }
    }
}

/// Why a secret was not handed over. No variant holds one.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nothing here can follow such a reference.
    #[error("{0} is not configured: see the configuration of secrets")]
    NotConfigured(&'static str),
    /// There is nothing there.
    #[error("there is nothing there: write the secret first, or correct the reference")]
    Nothing,
    /// The secret is there, and has no such key or no text under it.
    #[error("the secret has no text under the key {0}")]
    NoKey(String),
    /// This program may not read it.
    #[error("this server may not read it: extend the policy of its token")]
    Forbidden,
    /// The Vault is sealed.
    #[error("the Vault is sealed: unseal it")]
    Sealed,
    /// The Vault says something else.
    #[error("the Vault answers with status {0}")]
    Status(u16),
    /// It is too long, or is not text.
    #[error("what is there is longer than 64 KiB or is not text")]
    NotText,
    /// The file lies outside of the folder for secrets.
    #[error("the file lies outside of the folder for secrets")]
    Outside,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[source] std::io::Error),
    /// The Vault does not answer.
    #[error("the Vault does not answer")]
    Http(#[source] crate::HttpError),
    /// The answer is not what a KV engine of version 2 says.
    #[error("the answer is not that of a KV engine of version 2")]
    Odd,
}

impl FetchError {
    /// What kind of trouble this is: waiting helps where the Vault does not answer or is sealed.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            FetchError::Http(_) | FetchError::Sealed | FetchError::Status(_) => ErrorClass::Unreachable,
            _ => ErrorClass::Usage,
        }
    }
}

/// What references may be followed with.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Looks up a variable of the environment.
    pub env: &'a (dyn Fn(&str) -> Option<OsString> + Sync),
    /// The folder for secrets in files.
    pub files: Option<&'a Path>,
    /// The Vault.
    pub vault: Option<&'a Vault>,
}

/// Looks up a variable of the environment.
type Variables = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// What references may be followed with, kept: by a [`crate::Keyring`], which goes wherever secrets are opened.
pub struct Elsewhere {
    env: Variables,
    /// The folder for secrets in files.
    files: Option<PathBuf>,
    /// The Vault.
    vault: Option<Vault>,
}

impl Elsewhere {
    /// Reads where secrets may be kept from the environment: [`SECRETS_FOLDER_VARIABLE`], [`VAULT_ADDRESS_VARIABLE`],
    /// [`VAULT_TOKEN_FILE_VARIABLE`], [`VAULT_NAMESPACE_VARIABLE`], [`VAULT_CA_VARIABLE`] and [`VAULT_PRIVATE_VARIABLE`].
    /// Variables that references name are looked up when they are needed. `fence` is around the client unless the Vault may
    /// stand inside.
    ///
    /// # Errors
    /// The Vault has an address and no token that can be read, its certificate authorities cannot be read, or it is not said
    /// clearly whether it may stand inside.
    pub fn load(
        env: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
        fence: Fence,
    ) -> Result<Elsewhere, ElsewhereError> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| match set(name) {
            None => Ok(None),
            Some(value) => value.into_string().map(Some).map_err(|_| ElsewhereError::NotText(name)),
        };
        let files = set(SECRETS_FOLDER_VARIABLE).map(PathBuf::from);
        let vault = match text(VAULT_ADDRESS_VARIABLE)? {
            None => None,
            Some(address) => {
                let path = set(VAULT_TOKEN_FILE_VARIABLE).map(PathBuf::from).ok_or(ElsewhereError::NoVaultToken)?;
                let unread = |path: &Path| {
                    let path = path.to_owned();
                    move |source| ElsewhereError::File { path, source }
                };
                let token = zeroize::Zeroizing::new(std::fs::read_to_string(&path).map_err(unread(&path))?);
                let ca = set(VAULT_CA_VARIABLE).map(PathBuf::from);
                let ca = ca.map(|path| std::fs::read(&path).map_err(unread(&path))).transpose()?;
                let http = match text(VAULT_PRIVATE_VARIABLE)?.as_deref() {
                    Some("true") => Http::real(ca.as_deref()),
                    Some("false") | None => Http::fenced(ca.as_deref(), fence),
                    Some(_) => return Err(ElsewhereError::NotBool(VAULT_PRIVATE_VARIABLE)),
                };
                let http = http.map_err(ElsewhereError::Http)?;
                let namespace = text(VAULT_NAMESPACE_VARIABLE)?;
                Some(Vault::new(&address, Secret::new(token.trim().to_owned()), namespace, http))
            }
        };
        Ok(Elsewhere { env: Box::new(env), files, vault })
    }

    /// The same, lent.
    #[must_use]
    pub fn outside(&self) -> Outside<'_> {
        Outside { env: &*self.env, files: self.files.as_deref(), vault: self.vault.as_ref() }
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Elsewhere").field("files", &self.files).field("vault", &self.vault.is_some()).finish()
    }
}

/// Names the folder below which files with secrets lie.
pub const SECRETS_FOLDER_VARIABLE: &str = "MUSTER_SECRETS_FOLDER";
/// Holds the address of the Vault: `https://vault.example.com:8200`.
pub const VAULT_ADDRESS_VARIABLE: &str = "MUSTER_VAULT_ADDRESS";
/// Names the file with the Vault's token.
pub const VAULT_TOKEN_FILE_VARIABLE: &str = "MUSTER_VAULT_TOKEN_FILE";
/// Holds the Vault's namespace, if it has any.
pub const VAULT_NAMESPACE_VARIABLE: &str = "MUSTER_VAULT_NAMESPACE";
/// Names a file with further certificate authorities for the Vault, PEM.
pub const VAULT_CA_VARIABLE: &str = "MUSTER_VAULT_CA";

/// Holds `true` where the Vault may stand on this machine or inside a private network.
pub const VAULT_PRIVATE_VARIABLE: &str = "MUSTER_VAULT_PRIVATE";

/// Why the ways to secrets that are kept elsewhere cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ElsewhereError {
    /// A variable is not text.
    #[error("{0} is not text")]
    NotText(&'static str),
    /// A variable is neither true nor false.
    #[error("{0} has to be true or false")]
    NotBool(&'static str),
    /// The Vault has an address and no token.
    #[error("{VAULT_ADDRESS_VARIABLE} is set, so {VAULT_TOKEN_FILE_VARIABLE} has to name the file with its token")]
    NoVaultToken,
    /// A file cannot be read.
    #[error("the file {} cannot be read", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate authorities cannot be used.
    #[error("the certificate authorities of {VAULT_CA_VARIABLE} cannot be used")]
    Http(#[source] crate::HttpError),
}

/// A Vault or OpenBao, and what it said lately.
#[derive(Debug)]
pub struct Vault {
    address: String,
    token: Secret,
    namespace: Option<String>,
    http: Http,
    said: Mutex<HashMap<Reference, (Timestamp, Secret)>>,
}

impl Vault {
    /// One at an address such as `https://vault.example.com:8200`, asked with a token.
    #[must_use]
    pub fn new(address: &str, token: Secret, namespace: Option<String>, http: Http) -> Vault {
        let address = address.trim_end_matches('/').to_owned();
        Vault { address, token, namespace, http, said: Mutex::default() }
    }

    async fn read(&self, mount: &str, path: &str, key: &str) -> Result<Secret, FetchError> {
        let address = format!("{}/v1/{}/data/{}", self.address, encoded(mount), encoded(path));
        let mut request = http::Request::get(address).header("X-Vault-Token", self.token.expose());
        request = request.header("X-Vault-Request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let request = request.body(Vec::new()).map_err(|_| FetchError::NotConfigured("the address of the Vault"))?;
        let answer = self.http.send(request).await.map_err(FetchError::Http)?;
        match answer.status().as_u16() {
            200 => {}
            403 => return Err(FetchError::Forbidden),
            404 => return Err(FetchError::Nothing),
            503 => return Err(FetchError::Sealed),
            other => return Err(FetchError::Status(other)),
        }
        let body = zeroize::Zeroizing::new(answer.into_body());
        let document: serde_json::Value = serde_json::from_slice(&body).map_err(|_| FetchError::Odd)?;
        let found = document.pointer("/data/data").and_then(serde_json::Value::as_object).ok_or(FetchError::Odd)?;
        let text = found.get(key).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
        Ok(Secret::new(text.ok_or_else(|| FetchError::NoKey(key.to_owned()))?.to_owned()))
    }
}

/// Follows a reference.
///
/// # Errors
/// What keeps the secret does not hand it over.
pub async fn fetch(reference: &Reference, outside: &Outside<'_>, now: Timestamp) -> Result<Secret, FetchError> {
    match reference {
        Reference::Vault { mount, path, key } => {
            let vault = outside.vault.ok_or(FetchError::NotConfigured("the Vault"))?;
            if let Some(secret) = vault.cached(reference, now) {
                return Ok(secret);
            }
            let secret = vault.read(mount, path, key).await?;
            vault.remember(reference, &secret, now);
            Ok(secret)
        }
        Reference::Env(name) => {
            let value = (outside.env)(name).filter(|value| !value.is_empty()).ok_or(FetchError::Nothing)?;
            value.into_string().map(Secret::new).map_err(|_| FetchError::NotText)
        }
        Reference::File(path) => {
            read_file(path, outside.files.ok_or(FetchError::NotConfigured("a folder for secrets"))?)
        }
        Reference::Unknown(_) => Err(FetchError::NotConfigured("this kind of reference")),
    }
}

/// The secret of a credential, wherever it is kept; `name` is the credential's, for the error.
///
/// # Errors
/// An Explorer keeps it, or what keeps it does not hand it over.
pub async fn fetch_secret(
    custody: Custody,
    name: &str,
    outside: &Outside<'_>,
    now: Timestamp,
) -> Result<Secret, AccessError> {
    match custody {
        Custody::Opened(secret) => Ok(secret),
        Custody::Elsewhere(reference) => fetch(&reference, outside, now)
            .await
            .map_err(|source| AccessError::NotFetched { name: name.to_owned(), place: reference.to_string(), source }),
        Custody::Explorer(explorer) => {
            Err(AccessError::KeptElsewhere { name: name.to_owned(), keeper: format!("Explorer {explorer}") })
        }
    }
}

impl Vault {
    fn cached(&self, reference: &Reference, now: Timestamp) -> Option<Secret> {
        let said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, secret) = said.get(reference)?;
        (0..CACHE_SECONDS).contains(&now.seconds_since(*at)).then(|| secret.clone())
    }

    fn remember(&self, reference: &Reference, secret: &Secret, now: Timestamp) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        said.retain(|_, (at, _)| (0..CACHE_SECONDS).contains(&now.seconds_since(*at)));
        if said.len() >= CACHE_MAX {
            said.clear();
        }
        said.insert(reference.clone(), (now, secret.clone()));
    }

    /// Forgets what the Vault said, so that a secret that no longer works is asked for again.
    pub fn forget(&self) {
        self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }
}

/// Reads a file below the folder, wherever links lead.
fn read_file(path: &Path, folder: &Path) -> Result<Secret, FetchError> {
    let found = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => FetchError::Nothing,
        _ => FetchError::File(error),
    };
    let (path, folder) = (path.canonicalize().map_err(found)?, folder.canonicalize().map_err(found)?);
    if !path.starts_with(&folder) {
        return Err(FetchError::Outside);
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path).map_err(found)?;
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(found)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(FetchError::NotText);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| FetchError::NotText)?.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err(FetchError::Nothing) } else { Ok(Secret::new(text.to_owned())) }
}

/// A path as it goes into an address, its slashes kept.
fn encoded(path: &str) -> String {
    const LEAVE: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#').add(b'%').add(b'"').add(b'<').add(b'>').add(b'\\');
    utf8_percent_encode(path, LEAVE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_back_as_they_were_written() {
        for text in ["vault://secret/muster/acme#token", "env:MUSTER_SECRET_ACME", "file:///run/secrets/acme"] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_lies_outside_the_fences_is_no_reference() {
        for text in [
            "",
            "hunter2",
            "vault://secret#key",
            "vault://secret/path",
            "vault://secret/../sys#key",
            "vault://secret//x#key",
            "env:MUSTER_KEY",
            "env:MUSTER_SECRET_",
            "env:PATH",
            "file://host/etc/passwd",
            "file:///run/secrets/../../etc/shadow",
            "https://example.com",
        ] {
            assert_eq!(Reference::parse(text), Err(NotAReference), "{text}");
        }
    }
}
