//! The second factor: time-based codes (RFC 6238: SHA-1, six digits, 30 seconds, one step either way), and ten codes that
//! work once each for when the telephone is gone.

use kernel::{PersonId, Secret, Timestamp};
use store::{StoreError, Tx};
use totp_rs::{Builder, Totp};

use crate::key::{NONCE_BYTES, NotOpened, Sealed};
use crate::person::audit_person;
use crate::session::{self, Session, Stage};
use crate::sign_in::{SignedIn, welcome};
use crate::throttle::{self, Kind};
use crate::token::{self, Fresh};
use crate::{AccessError, Keyring, credential};

/// Bytes of the shared secret: as many as SHA-1 gives, as RFC 4226 recommends.
pub const TOTP_BYTES: usize = 20;
/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of chance in one recovery code: 128 bits cannot be guessed (ASVS 5.0 V11.5.1), so a plain hash is enough (NIST SP
/// 800-63B asks for 112).
pub const RECOVERY_BYTES: usize = 16;
/// How many digits of one stand together, to be read aloud and typed.
const RECOVERY_GROUP: usize = 8;
/// Who made the code, as the telephone shows it.
const ISSUER: &str = "Muster";

/// What a person puts into their telephone. It is shown once.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The address that a QR code carries: `otpauth://totp/..`.
    pub url: Secret,
    /// The secret in base 32, to type.
    pub secret: Secret,
}

/// What became of a code.
#[derive(Clone, Debug)]
pub enum Answered {
    /// It was right: here is the session's new token. The old one works no longer.
    In(SignedIn),
    /// It was wrong, or has been used before.
    Wrong,
    /// Too many wrong ones: come back after so many seconds. The attempt does not count.
    Wait {
        /// The seconds, at least 1.
        seconds: i64,
    },
}

const PUT: &str = "INSERT INTO access_second_factor (person_id, key_id, nonce, sealed, confirmed_at, step_last)
    VALUES ($1, $2, $3, $4, NULL, 0) ON CONFLICT (person_id) DO UPDATE SET
    key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed, step_last = 0
    WHERE access_second_factor.confirmed_at IS NULL";
const READ: &str =
    "SELECT key_id, nonce, sealed, confirmed_at, step_last FROM access_second_factor WHERE person_id = $1";
const CONFIRM: &str = "UPDATE access_second_factor SET confirmed_at = $2 WHERE person_id = $1";
const STEP: &str = "UPDATE access_second_factor SET step_last = $2 WHERE person_id = $1 AND step_last < $2";
const REMOVE: &str = "DELETE FROM access_second_factor WHERE person_id = $1";
const ADD_CODE: &str = "INSERT INTO access_recovery_code (person_id, code_hash) VALUES ($1, $2)";
const USE_CODE: &str = "DELETE FROM access_recovery_code WHERE person_id = $1 AND code_hash = $2";
const DROP_CODES: &str = "DELETE FROM access_recovery_code WHERE person_id = $1";
const COUNT_CODES: &str = "SELECT count(*) FROM access_recovery_code WHERE person_id = $1";

/// Begins to enrol a second factor. It does not count until a first code was given to [`confirm_second_factor`].
///
/// # Errors
/// One is enrolled already (remove it first), there is no key to seal with, or there is no such person.
pub fn enrol_second_factor(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    who: PersonId,
    fresh: &[u8; TOTP_BYTES],
) -> Result<Enrolment, AccessError> {
    let login = crate::person::known(tx, who)?.login;
    let sealed = keyring.seal(fresh, &context(who))?;
    let values = [who.into(), sealed.key_id.into(), (&sealed.nonce).into(), sealed.bytes.into()];
    if tx.execute(PUT, &values)? == 0 {
        return Err(AccessError::Taken { what: "second factor", name: login });
    }
    let totp = Builder::new()
        .with_secret(fresh.to_vec())
        // The one sign that an otpauth address cannot hold in a name.
        .with_account_name(login.replace(':', " "))
        .with_issuer(Some(ISSUER))
        .build()
        .expect("20 bytes, six digits and names without a colon are what it asks for");
    let url = totp.to_url().expect("there is an account name");
    Ok(Enrolment { url: Secret::new(url), secret: Secret::new(totp.secret().to_base32()) })
}

/// Confirms the second factor with a first code, and answers the recovery codes, which are shown once. Nothing means that
/// the code was wrong. All other sessions end. `fresh` is the chance that the codes are made of.
///
/// # Errors
/// None was begun, or the key is missing.
#[expect(clippy::too_many_arguments, reason = "what is decided, by whom, with which chance and when")]
pub fn confirm_second_factor(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    who: PersonId,
    code: &str,
    keep: Option<&str>,
    fresh: &[u8; RECOVERY_CODES * RECOVERY_BYTES],
    by: &str,
    now: Timestamp,
) -> Result<Option<Vec<Secret>>, AccessError> {
    let factor = read(tx, keyring, who)?.filter(|factor| !factor.confirmed);
    let factor = factor.ok_or(AccessError::NoSuch { what: "second factor to confirm" })?;
    if !accept(tx, who, &factor, code, now)? {
        return Ok(None);
    }
    tx.execute(CONFIRM, &[who.into(), now.into()])?;
    audit_person(tx, who, by, "second_factor.enrol", "", now)?;
    session::end_all(tx, who, keep)?;
    recovery_codes(tx, who, fresh).map(Some)
}

/// Makes ten new recovery codes in place of all old ones; they are shown once.
///
/// # Errors
/// The person has no second factor.
pub fn renew_recovery_codes(
    tx: &mut Tx<'_>,
    who: PersonId,
    fresh: &[u8; RECOVERY_CODES * RECOVERY_BYTES],
    by: &str,
    now: Timestamp,
) -> Result<Vec<Secret>, AccessError> {
    if !crate::person::known(tx, who)?.has_second_factor {
        return Err(AccessError::NoSuch { what: "second factor" });
    }
    audit_person(tx, who, by, "second_factor.renew_codes", "", now)?;
    recovery_codes(tx, who, fresh)
}

/// How many recovery codes a person has left.
///
/// # Errors
/// The database refuses.
pub fn recovery_codes_left(tx: &mut Tx<'_>, who: PersonId) -> Result<usize, AccessError> {
    let count = tx.query_one(COUNT_CODES, &[who.into()], |row| row.int(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Gives the code that a session waits for: from the telephone, or one for recovery. `fresh` is for the session's new token.
///
/// # Errors
/// The key is missing, or the database refuses.
pub fn give_code(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    half_way: &Session,
    code: &str,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<Answered, AccessError> {
    let who = half_way.person;
    let seconds = throttle::wait(tx, Kind::Factor, &who.to_string(), now)?;
    if seconds > 0 {
        return Ok(Answered::Wait { seconds });
    }
    throttle::note(tx, Kind::Factor, &who.to_string(), now)?;
    let factor = read(tx, keyring, who)?.filter(|factor| factor.confirmed);
    let Some(factor) = factor.filter(|_| half_way.stage == Stage::NeedsSecondFactor) else {
        return Ok(Answered::Wrong);
    };
    let how = if accept(tx, who, &factor, code, now)? {
        "password and code"
    } else if tx.execute(USE_CODE, &[who.into(), (&token::hash(&plain(code))).into()])? > 0 {
        "password and recovery code"
    } else {
        audit_person(tx, who, &half_way.login, "sign_in.failed", "wrong code", now)?;
        return Ok(Answered::Wrong);
    };
    throttle::clear(tx, Kind::Factor, &who.to_string())?;
    session::end_quietly(tx, half_way)?;
    let (token, session) = session::begin(tx, who, Stage::Full, &half_way.origin, fresh, now)?;
    welcome(tx, who, &half_way.login, &half_way.origin, how, now)?;
    Ok(Answered::In(SignedIn { token, session, person: who, stage: Stage::Full }))
}

/// Removes a person's second factor and recovery codes. Answers whether there was one.
///
/// # Errors
/// There is no such person.
pub fn remove_second_factor(tx: &mut Tx<'_>, who: PersonId, by: &str, now: Timestamp) -> Result<bool, AccessError> {
    tx.execute(DROP_CODES, &[who.into()])?;
    let removed = tx.execute(REMOVE, &[who.into()])? > 0;
    if removed {
        audit_person(tx, who, by, "second_factor.remove", "", now)?;
    }
    Ok(removed)
}

struct Factor {
    totp: Totp,
    confirmed: bool,
    step_last: i64,
}

fn read(tx: &mut Tx<'_>, keyring: &Keyring, who: PersonId) -> Result<Option<Factor>, AccessError> {
    let found = tx.query_opt(READ, &[who.into()], |row| {
        let nonce: Option<[u8; NONCE_BYTES]> = row.bytes(1)?.try_into().ok();
        Ok((row.text(0)?.to_owned(), nonce, row.bytes(2)?.to_owned(), row.opt_int(3)?.is_some(), row.int(4)?))
    })?;
    let Some((key_id, nonce, bytes, confirmed, step_last)) = found else { return Ok(None) };
    let name = || format!("second factor of {who}");
    let tampered = || AccessError::Tampered { name: name() };
    let sealed = Sealed { key_id, nonce: nonce.ok_or_else(tampered)?, bytes };
    let secret = keyring.open(&sealed, &context(who)).map_err(|reason| match reason {
        NotOpened::NoSuchKey => credential::not_opened(keyring, &name(), &sealed.key_id),
        NotOpened::Tampered => tampered(),
    })?;
    let totp = Builder::new().with_secret(secret.to_vec()).build().map_err(|_| tampered())?;
    Ok(Some(Factor { totp, confirmed, step_last }))
}

/// Takes a code that is right now and whose step is later than the last that was taken: none works twice.
fn accept(tx: &mut Tx<'_>, who: PersonId, factor: &Factor, code: &str, now: Timestamp) -> Result<bool, StoreError> {
    let Ok(seconds) = u64::try_from(now.micros() / 1_000_000) else { return Ok(false) };
    let code: String = code.chars().filter(|sign| !sign.is_whitespace()).take(8).collect();
    if code.len() != 6 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(false);
    }
    let Some(step) = factor.totp.check(&code, seconds).and_then(|step| i64::try_from(step).ok()) else {
        return Ok(false);
    };
    Ok(step > factor.step_last && tx.execute(STEP, &[who.into(), step.into()])? > 0)
}

fn recovery_codes(
    tx: &mut Tx<'_>,
    who: PersonId,
    fresh: &[u8; RECOVERY_CODES * RECOVERY_BYTES],
) -> Result<Vec<Secret>, AccessError> {
    tx.execute(DROP_CODES, &[who.into()])?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for chance in fresh.chunks_exact(RECOVERY_BYTES) {
        let hex: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
        tx.execute(ADD_CODE, &[who.into(), (&token::hash(&hex)).into()])?;
        let groups: Vec<&str> =
            (0..hex.len()).step_by(RECOVERY_GROUP).map(|at| &hex[at..at + RECOVERY_GROUP]).collect();
        codes.push(Secret::new(groups.join("-")));
    }
    Ok(codes)
}

/// A recovery code as it was made, however it was typed.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_ascii_lowercase()
}

/// What a sealed secret is bound to.
pub(crate) fn context(who: PersonId) -> Vec<u8> {
    let mut context = b"muster second factor 1\0".to_vec();
    context.extend_from_slice(&who.0.to_be_bytes());
    context
}
