//! Changing the key: everything that another key than the first one sealed is sealed again.

use kernel::{OrgId, PersonId, Timestamp, Value};
use store::Tx;

use crate::key::{NONCE_BYTES, NotOpened, Sealed};
use crate::{AccessError, Keyring, audit, credential, provider, second_factor};

/// How many secrets a step seals again unless told otherwise; each takes microseconds.
pub const REKEY_ROWS: u32 = 500;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// How many secrets it sealed again.
    pub done: u64,
    /// How many are left; 0 means that the other keys may be taken away.
    pub left: u64,
}

const VERSIONS: &str = "SELECT org_id, name, version, key_id, nonce, sealed FROM access_credential_version
    WHERE key_id <> $1 ORDER BY org_id, name, version LIMIT $2";
const SET_VERSION: &str = "UPDATE access_credential_version SET key_id = $4, nonce = $5, sealed = $6, fingerprint = $7
    WHERE org_id = $1 AND name = $2 AND version = $3";
const FACTORS: &str = "SELECT person_id, key_id, nonce, sealed FROM access_second_factor
    WHERE key_id <> $1 ORDER BY person_id LIMIT $2";
const SET_FACTOR: &str = "UPDATE access_second_factor SET key_id = $2, nonce = $3, sealed = $4 WHERE person_id = $1";
const PROVIDERS: &str =
    "SELECT name, key_id, nonce, sealed FROM access_provider WHERE key_id <> $1 ORDER BY name LIMIT $2";
const SET_PROVIDER: &str = "UPDATE access_provider SET key_id = $2, nonce = $3, sealed = $4 WHERE name = $1";
const LEFT: &str = "SELECT (SELECT count(*) FROM access_credential_version WHERE key_id <> $1)
    + (SELECT count(*) FROM access_second_factor WHERE key_id <> $1)
    + (SELECT count(*) FROM access_provider WHERE key_id <> $1)";

/// Seals up to `limit` secrets again under the first key. Call it, a transaction each, until nothing is left; it may be cut
/// off anywhere. The last step tells the trail.
///
/// # Errors
/// A key is missing that would open a secret, or somebody changed one: then nothing of this step is kept.
pub fn rekey(tx: &mut Tx<'_>, keyring: &Keyring, limit: u32, by: &str, now: Timestamp) -> Result<Rekeyed, AccessError> {
    let first = (*keyring.ids().first().ok_or(AccessError::NoKey)?).to_owned();
    let mut done = 0_u64;
    let left = |done: u64| Value::Int(i64::from(limit).saturating_sub_unsigned(done).max(0));

    let versions = tx.query(VERSIONS, &[(&first).into(), left(done)], |row| {
        Ok((OrgId(row.int(0)?), row.text(1)?.to_owned(), row.int(2)?, sealed_in(row, 3)?))
    })?;
    for (org, name, version, sealed) in versions {
        let context = credential::context(org, &name, version);
        let secret = open(keyring, sealed, &context, &name)?;
        let again = keyring.seal(&secret, &context)?;
        let values = [
            org.into(),
            (&name).into(),
            version.into(),
            again.key_id.into(),
            (&again.nonce).into(),
            again.bytes.into(),
            keyring.fingerprint(&secret)?.into(),
        ];
        tx.execute(SET_VERSION, &values)?;
        done += 1;
    }

    let factors =
        tx.query(FACTORS, &[(&first).into(), left(done)], |row| Ok((PersonId(row.int(0)?), sealed_in(row, 1)?)))?;
    for (who, sealed) in factors {
        let context = second_factor::context(who);
        let secret = open(keyring, sealed, &context, "of second factors")?;
        let again = keyring.seal(&secret, &context)?;
        let values = [who.into(), again.key_id.into(), (&again.nonce).into(), again.bytes.into()];
        tx.execute(SET_FACTOR, &values)?;
        done += 1;
    }

    let providers =
        tx.query(PROVIDERS, &[(&first).into(), left(done)], |row| Ok((row.text(0)?.to_owned(), sealed_in(row, 1)?)))?;
    for (name, sealed) in providers {
        let context = provider::context(&name);
        let secret = open(keyring, sealed, &context, "of the identity provider")?;
        let again = keyring.seal(&secret, &context)?;
        let values = [(&name).into(), again.key_id.into(), (&again.nonce).into(), again.bytes.into()];
        tx.execute(SET_PROVIDER, &values)?;
        done += 1;
    }

    let count = tx.query_one(LEFT, &[(&first).into()], |row| row.int(0))?;
    let rekeyed = Rekeyed { done, left: u64::try_from(count).unwrap_or(0) };
    if rekeyed.done > 0 && rekeyed.left == 0 {
        audit(tx, OrgId::DEFAULT, now, by, "key.rotate", &first, "")?;
    }
    Ok(rekeyed)
}

type Found = (String, Option<[u8; NONCE_BYTES]>, Vec<u8>);

fn sealed_in(row: &store::Row<'_>, at: usize) -> Result<Found, store::StoreError> {
    Ok((row.text(at)?.to_owned(), row.bytes(at + 1)?.try_into().ok(), row.bytes(at + 2)?.to_owned()))
}

fn open(
    keyring: &Keyring,
    (key_id, nonce, bytes): Found,
    context: &[u8],
    name: &str,
) -> Result<zeroize::Zeroizing<Vec<u8>>, AccessError> {
    let tampered = || AccessError::Tampered { name: name.to_owned() };
    let sealed = Sealed { key_id, nonce: nonce.ok_or_else(tampered)?, bytes };
    keyring.open(&sealed, context).map_err(|reason| match reason {
        NotOpened::NoSuchKey => credential::not_opened(keyring, name, &sealed.key_id),
        NotOpened::Tampered => tampered(),
    })
}
