//! Sealed, versioned credentials: a new version is proposed, tried, and only then takes the old one's place.

use kernel::{OrgId, Secret, fold};
use store::{StoreError, Tx};

use crate::key::{NONCE_BYTES, NotOpened, Sealed};
use crate::{AccessError, Keyring, number};

/// Which versions of a credential there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The one in use.
    pub active: Option<i64>,
    /// The one that was proposed and has not worked yet.
    pub pending: Option<i64>,
}

const NEXT: &str = "UPDATE access_credential SET version_last = version_last + 1
    WHERE org_id = $1 AND name = $2 AND custodian = 'server' RETURNING version_last";
const CUSTODIAN: &str = "SELECT custodian FROM access_credential WHERE org_id = $1 AND name = $2";
const FIRST: &str = "INSERT INTO access_credential
    (org_id, name, version_last, credential_id, label, label_folded, kind) VALUES ($1, $2, 1, $3, $2, $4, $5)";
const DROP_PENDING: &str = "DELETE FROM access_credential_version WHERE org_id = $1 AND name = $2
    AND version > (SELECT COALESCE(version_active, 0) FROM access_credential WHERE org_id = $1 AND name = $2)";
const ADD: &str = "INSERT INTO access_credential_version (org_id, name, version, key_id, nonce, sealed, fingerprint)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const ACTIVATE: &str = "UPDATE access_credential SET version_active = $3 WHERE org_id = $1 AND name = $2
    AND EXISTS (SELECT 1 FROM access_credential_version v WHERE v.org_id = $1 AND v.name = $2 AND v.version = $3)";
const DROP_OTHERS: &str = "DELETE FROM access_credential_version WHERE org_id = $1 AND name = $2 AND version <> $3";
const VERSIONS: &str = "SELECT c.version_active, (SELECT max(v.version) FROM access_credential_version v
      WHERE v.org_id = c.org_id AND v.name = c.name AND v.version > COALESCE(c.version_active, 0))
    FROM access_credential c WHERE c.org_id = $1 AND c.name = $2";
const READ: &str = "SELECT key_id, nonce, sealed FROM access_credential_version
    WHERE org_id = $1 AND name = $2 AND version = $3";
const FORGET: &str = "DELETE FROM access_credential WHERE org_id = $1 AND name = $2";
const SEALED_WITH: &str = "SELECT key_id, min(name) FROM (SELECT key_id, name FROM access_credential_version
    UNION ALL SELECT key_id, 'of second factors' FROM access_second_factor
    UNION ALL SELECT key_id, 'of the identity provider' FROM access_provider) s GROUP BY key_id ORDER BY key_id";

/// The kind of a credential that was given by its sealed name only: a token of a console.
pub(crate) const CONSOLE_TOKEN: &str = "sentinelone_api_token";

/// Seals a secret as a new version that is not used yet, and answers its number. An earlier proposal is dropped, the
/// active version stays.
///
/// # Errors
/// There is no key, or the database refuses.
pub fn propose(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    org: OrgId,
    name: &str,
    secret: &Secret,
) -> Result<i64, AccessError> {
    let place = [org.into(), name.into()];
    let version = match tx.query_opt(NEXT, &place, |row| row.int(0))? {
        Some(version) => version,
        None => match tx.query_opt(CUSTODIAN, &place, |row| Ok(row.text(0)?.to_owned()))? {
            Some(keeper) => return Err(AccessError::KeptElsewhere { name: name.to_owned(), keeper }),
            None => {
                let id = number::next(tx, number::INSTALLATION, "credential")?;
                let values = [org.into(), name.into(), id.into(), fold(name).into_owned().into(), CONSOLE_TOKEN.into()];
                tx.execute(FIRST, &values)?;
                1
            }
        },
    };
    tx.execute(DROP_PENDING, &place)?;
    let sealed = keyring.seal(secret.expose().as_bytes(), &context(org, name, version))?;
    let values = [
        org.into(),
        name.into(),
        version.into(),
        sealed.key_id.into(),
        (&sealed.nonce).into(),
        sealed.bytes.into(),
        keyring.fingerprint(secret.expose().as_bytes())?.into(),
    ];
    tx.execute(ADD, &values)?;
    Ok(version)
}

/// Puts a version into use and destroys every other.
///
/// # Errors
/// There is no such version, or the database refuses.
pub fn activate(tx: &mut Tx<'_>, org: OrgId, name: &str, version: i64) -> Result<(), AccessError> {
    let place = [org.into(), name.into(), version.into()];
    if tx.execute(ACTIVATE, &place)? == 0 {
        return Err(AccessError::Missing { name: name.to_owned() });
    }
    tx.execute(DROP_OTHERS, &place)?;
    Ok(())
}

/// Destroys a proposed version that did not work, if there is one; the active one stays.
///
/// # Errors
/// The database refuses.
pub fn withdraw(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<(), AccessError> {
    tx.execute(DROP_PENDING, &[org.into(), name.into()])?;
    Ok(())
}

/// Seals a secret and puts it into use at once; answers its version.
///
/// # Errors
/// As [`propose`].
pub fn store_secret(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    org: OrgId,
    name: &str,
    secret: &Secret,
) -> Result<i64, AccessError> {
    let version = propose(tx, keyring, org, name, secret)?;
    activate(tx, org, name, version)?;
    Ok(version)
}

/// Which versions of a credential there are; nothing if it was never given.
///
/// # Errors
/// The database refuses.
pub fn versions(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<Option<Versions>, StoreError> {
    tx.query_opt(VERSIONS, &[org.into(), name.into()], |row| {
        Ok(Versions { active: row.opt_int(0)?, pending: row.opt_int(1)? })
    })
}

/// Opens the version in use.
///
/// # Errors
/// There is none, the key is missing or another one, or the sealed bytes were changed.
pub fn open_secret(tx: &mut Tx<'_>, keyring: &Keyring, org: OrgId, name: &str) -> Result<Secret, AccessError> {
    let active = versions(tx, org, name)?.and_then(|versions| versions.active);
    let version = active.ok_or_else(|| AccessError::Missing { name: name.to_owned() })?;
    open_version(tx, keyring, org, name, version)
}

/// Opens one version, a proposed one for instance.
///
/// # Errors
/// As [`open_secret`].
pub fn open_version(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    org: OrgId,
    name: &str,
    version: i64,
) -> Result<Secret, AccessError> {
    let tampered = || AccessError::Tampered { name: name.to_owned() };
    let found = tx.query_opt(READ, &[org.into(), name.into(), version.into()], |row| {
        let nonce: Option<[u8; NONCE_BYTES]> = row.bytes(1)?.try_into().ok();
        Ok((row.text(0)?.to_owned(), nonce, row.bytes(2)?.to_owned()))
    })?;
    let (key_id, nonce, bytes) = found.ok_or_else(|| AccessError::Missing { name: name.to_owned() })?;
    let sealed = Sealed { key_id, nonce: nonce.ok_or_else(tampered)?, bytes };
    let opened = keyring.open(&sealed, &context(org, name, version)).map_err(|reason| match reason {
        NotOpened::NoSuchKey => not_opened(keyring, name, &sealed.key_id),
        NotOpened::Tampered => tampered(),
    })?;
    let text = std::str::from_utf8(&opened).map_err(|_| tampered())?;
    Ok(Secret::new(text.to_owned()))
}

/// Destroys a credential in all its versions. Answers whether there was one.
///
/// # Errors
/// The database refuses.
pub fn forget(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<bool, AccessError> {
    Ok(tx.execute(FORGET, &[org.into(), name.into()])? > 0)
}

/// Makes sure that a key is at hand for every sealed secret, before any work depends on one.
///
/// # Errors
/// A key is missing; the error names one credential that it would open.
pub fn check_keys(tx: &mut Tx<'_>, keyring: &Keyring) -> Result<(), AccessError> {
    let sealed = tx.query(SEALED_WITH, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
    match sealed.into_iter().find(|(key_id, _)| !keyring.ids().contains(&key_id.as_str())) {
        Some((key_id, name)) => Err(not_opened(keyring, &name, &key_id)),
        None => Ok(()),
    }
}

pub(crate) fn not_opened(keyring: &Keyring, name: &str, sealed_with: &str) -> AccessError {
    if keyring.is_empty() {
        return AccessError::NoKey;
    }
    let (name, sealed_with) = (name.to_owned(), sealed_with.to_owned());
    AccessError::WrongKey { name, sealed_with, given: keyring.ids().join(", ") }
}

/// What a sealed secret is bound to: bytes copied to another place do not open there.
pub(crate) fn context(org: OrgId, name: &str, version: i64) -> Vec<u8> {
    let mut context = b"muster credential 1\0".to_vec();
    context.extend_from_slice(&org.0.to_be_bytes());
    context.extend_from_slice(&version.to_be_bytes());
    context.extend_from_slice(name.as_bytes());
    context
}
