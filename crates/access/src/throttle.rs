//! The throttle of sign-in: who fails waits longer and longer, and never for good.
//!
//! Failures are counted three times. For a login from one address, and for an address whatever the login, waits grow to
//! [`WAIT_SECONDS_MAX`]. For a login from anywhere they grow to [`LOGIN_WAIT_SECONDS_MAX`] only, and not for an address from
//! which that login has lately worked: a stranger who keeps failing does not keep anybody out.

use kernel::Timestamp;
use sha2::{Digest, Sha256};
use store::Tx;

use crate::AccessError;

/// The longest wait after failures from one address, in seconds.
pub const WAIT_SECONDS_MAX: i64 = 900;
/// The longest wait after failures of one login from anywhere, in seconds.
pub const LOGIN_WAIT_SECONDS_MAX: i64 = 30;
/// After this many seconds without another failure, earlier ones are forgotten.
pub const FORGET_SECONDS: i64 = 24 * 3600;
/// For how many seconds an address stays known from which a login has worked.
pub const KNOWN_SECONDS: i64 = 30 * 24 * 3600;
/// How many rows are kept; beyond, the oldest go.
pub const ROWS_MAX: i64 = 100_000;
/// How many rows go at once.
const ROWS_DROPPED: i64 = 1000;
/// The wait doubles that often before it has surely reached its bound.
const DOUBLINGS_MAX: i64 = 20;

/// What failures are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A login from an address.
    Pair,
    /// A login from anywhere.
    Login,
    /// An address.
    Address,
    /// A person's second factor.
    Factor,
    /// Not a failure: a login that worked from an address.
    Known,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Pair => "pair",
            Kind::Login => "login",
            Kind::Address => "address",
            Kind::Factor => "factor",
            Kind::Known => "known",
        }
    }

    /// How many failures cost nothing, and the longest wait in seconds.
    fn terms(self) -> (i64, i64) {
        match self {
            Kind::Pair | Kind::Factor => (3, WAIT_SECONDS_MAX),
            Kind::Login => (10, LOGIN_WAIT_SECONDS_MAX),
            Kind::Address => (20, WAIT_SECONDS_MAX),
            Kind::Known => (i64::MAX, 0),
        }
    }
}

/// The wait in seconds after the last of so many failures.
fn wait_after(kind: Kind, failures: i64) -> i64 {
    let (free, max) = kind.terms();
    match failures.saturating_sub(free) {
        ..=0 => 0,
        beyond => (1_i64 << beyond.min(DOUBLINGS_MAX)).min(max),
    }
}

const READ: &str = "SELECT failures, at FROM access_throttle WHERE kind = $1 AND key_hash = $2";
const NOTE: &str = "INSERT INTO access_throttle (kind, key_hash, failures, at) VALUES ($1, $2, 1, $3)
    ON CONFLICT (kind, key_hash) DO UPDATE SET at = excluded.at,
    failures = CASE WHEN access_throttle.at < $4 THEN 1 ELSE access_throttle.failures + 1 END";
const FORGIVE: &str = "UPDATE access_throttle SET failures = failures - 1 WHERE kind = $1 AND key_hash = $2";
const CLEAR: &str = "DELETE FROM access_throttle WHERE kind = $1 AND key_hash = $2";
const OLD: &str = "DELETE FROM access_throttle WHERE at < $1 AND (kind <> 'known' OR at < $2)";
const COUNT: &str = "SELECT count(*) FROM access_throttle";
const EDGE: &str = "SELECT at FROM access_throttle ORDER BY at LIMIT 1 OFFSET $1";
const DROP: &str = "DELETE FROM access_throttle WHERE at <= $1";

/// How many seconds are left to wait; 0 if none.
pub(crate) fn wait(tx: &mut Tx<'_>, kind: Kind, key: &str, now: Timestamp) -> Result<i64, AccessError> {
    let found = tx.query_opt(READ, &[kind.word().into(), (&hashed(key)).into()], |row| {
        Ok((row.int(0)?, Timestamp::from_micros(row.int(1)?)))
    })?;
    let Some((failures, at)) = found else { return Ok(0) };
    let passed = now.seconds_since(at);
    if passed >= FORGET_SECONDS {
        return Ok(0);
    }
    // A clock that was set back makes nobody wait longer than the bound.
    let wait = wait_after(kind, failures);
    Ok((wait - passed).clamp(0, wait))
}

/// Whether a login has worked from an address lately.
pub(crate) fn is_known(tx: &mut Tx<'_>, key: &str, now: Timestamp) -> Result<bool, AccessError> {
    let at = tx.query_opt(READ, &[Kind::Known.word().into(), (&hashed(key)).into()], |row| row.int(1))?;
    Ok(at.is_some_and(|at| now.seconds_since(Timestamp::from_micros(at)) < KNOWN_SECONDS))
}

/// Counts a failure.
pub(crate) fn note(tx: &mut Tx<'_>, kind: Kind, key: &str, now: Timestamp) -> Result<(), AccessError> {
    let forget = now.plus_seconds(-FORGET_SECONDS);
    tx.execute(NOTE, &[kind.word().into(), (&hashed(key)).into(), now.into(), forget.into()])?;
    Ok(())
}

/// Takes one failure back.
pub(crate) fn forgive(tx: &mut Tx<'_>, kind: Kind, key: &str) -> Result<(), AccessError> {
    tx.execute(FORGIVE, &[kind.word().into(), (&hashed(key)).into()])?;
    Ok(())
}

/// Forgets all failures.
pub(crate) fn clear(tx: &mut Tx<'_>, kind: Kind, key: &str) -> Result<(), AccessError> {
    tx.execute(CLEAR, &[kind.word().into(), (&hashed(key)).into()])?;
    Ok(())
}

/// Drops what is forgotten anyway, and the oldest where there is too much. Sign-in does so by itself.
///
/// # Errors
/// The database refuses.
pub fn tidy_throttle(tx: &mut Tx<'_>, rows_max: i64, now: Timestamp) -> Result<(), AccessError> {
    tx.execute(OLD, &[now.plus_seconds(-FORGET_SECONDS).into(), now.plus_seconds(-KNOWN_SECONDS).into()])?;
    let count = tx.query_one(COUNT, &[], |row| row.int(0))?;
    if count > rows_max {
        let last = (count - rows_max).max(ROWS_DROPPED.min(rows_max)) - 1;
        if let Some(edge) = tx.query_opt(EDGE, &[last.into()], |row| row.int(0))? {
            tx.execute(DROP, &[edge.into()])?;
        }
    }
    Ok(())
}

/// The table holds no text that a stranger typed, and no address.
fn hashed(key: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"muster throttle\0").chain_update(key).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stop_growing() {
        let waits: Vec<i64> = (0..20).map(|failures| wait_after(Kind::Pair, failures)).collect();
        assert_eq!(waits[..8], [0, 0, 0, 0, 2, 4, 8, 16]);
        assert_eq!((waits[19], wait_after(Kind::Pair, i64::MAX)), (WAIT_SECONDS_MAX, WAIT_SECONDS_MAX));
        assert_eq!((wait_after(Kind::Login, 10), wait_after(Kind::Login, 1_000_000)), (0, LOGIN_WAIT_SECONDS_MAX));
        assert_eq!((wait_after(Kind::Address, 20), wait_after(Kind::Address, 21)), (0, 2));
    }
}
