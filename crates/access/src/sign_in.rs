//! Signing in with a password, in three steps: [`begin_sign_in`] and [`finish_sign_in`] write, and between them, outside of
//! any transaction, [`Attempt::is_right`] works on the password.

use kernel::{OrgId, PersonId, Secret, Timestamp, fold};
use store::Tx;

use crate::password::{PasswordHash, password_is_right, password_of};
use crate::person::{LOGIN_BYTES_MAX, PersonState, audit_person, person_by_login};
use crate::session::{self, Lifetimes, Origin, Stage};
use crate::throttle::{self, Kind};
use crate::token::Fresh;
use crate::{AccessError, audit};

/// What became of the wish to sign in.
#[derive(Debug)]
pub enum Begun {
    /// Too many failures: come back after so many seconds. The attempt does not count.
    Wait {
        /// The seconds, at least 1.
        seconds: i64,
    },
    /// The password may be tried.
    Try(Attempt),
}

/// An attempt to sign in. It has been counted as a failure; success takes that back.
#[derive(Clone, Debug)]
pub struct Attempt {
    login: String,
    origin: Origin,
    /// Who it would be, if there is such a person and they may sign in.
    person: Option<PersonId>,
    hash: Option<PasswordHash>,
}

impl Attempt {
    /// Whether the password is right. It takes the same time whoever it is, tens of milliseconds: run it outside of a
    /// transaction, on a thread for such work.
    #[must_use]
    pub fn is_right(&self, password: &Secret) -> bool {
        password_is_right(self.hash.as_ref(), password)
    }
}

/// Somebody has signed in, or has come half of the way.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session's token, for the cookie. It is shown nowhere and cannot be asked for again.
    pub token: Secret,
    /// The session's id.
    pub session: String,
    /// Who it is.
    pub person: PersonId,
    /// Whether a code is still to be given.
    pub stage: Stage,
}

const SIGNED_IN: &str = "UPDATE access_person SET signed_in_at = $2 WHERE person_id = $1";

/// The first step: looks whether this login may be tried now from this address, and counts the attempt.
///
/// # Errors
/// The database refuses.
pub fn begin_sign_in(tx: &mut Tx<'_>, login: &str, origin: &Origin, now: Timestamp) -> Result<Begun, AccessError> {
    // A longer one is nobody's; it is cut so that nothing grows with it.
    let login: String = fold(login.trim()).chars().filter(|sign| !sign.is_control()).take(LOGIN_BYTES_MAX).collect();
    let pair = pair_of(&login, origin);
    let mut seconds = throttle::wait(tx, Kind::Pair, &pair, now)?;
    seconds = seconds.max(throttle::wait(tx, Kind::Address, &origin.address, now)?);
    if !throttle::is_known(tx, &pair, now)? {
        seconds = seconds.max(throttle::wait(tx, Kind::Login, &login, now)?);
    }
    if seconds > 0 {
        return Ok(Begun::Wait { seconds });
    }
    throttle::tidy_throttle(tx, throttle::ROWS_MAX, now)?;
    throttle::note(tx, Kind::Pair, &pair, now)?;
    throttle::note(tx, Kind::Login, &login, now)?;
    throttle::note(tx, Kind::Address, &origin.address, now)?;
    let person =
        person_by_login(tx, &login)?.filter(|person| person.state == PersonState::Active).map(|found| found.id);
    let hash = match person {
        Some(person) => password_of(tx, person)?,
        None => None,
    };
    Ok(Begun::Try(Attempt { login, origin: origin.clone(), person, hash }))
}

/// The last step: begins a session if the password was right, and tells the trail either way. Nothing means refused; say
/// no more to whoever asked.
///
/// # Errors
/// The database refuses.
pub fn finish_sign_in(
    tx: &mut Tx<'_>,
    attempt: &Attempt,
    right: bool,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<Option<SignedIn>, AccessError> {
    match proven(tx, attempt, right, now)? {
        Some(person) => admit(tx, person, &attempt.origin, "password", fresh, now).map(Some),
        None => Ok(None),
    }
}

/// The last step for somebody who is signed in and shows once more that they are themselves: as [`finish_sign_in`], without
/// a session. Answers whether they did.
///
/// # Errors
/// The database refuses.
pub fn confirm_password(tx: &mut Tx<'_>, attempt: &Attempt, right: bool, now: Timestamp) -> Result<bool, AccessError> {
    Ok(proven(tx, attempt, right, now)?.is_some())
}

/// Who it is, if the password was right; what the attempt counted is taken back then, and otherwise told to the trail.
fn proven(tx: &mut Tx<'_>, attempt: &Attempt, right: bool, now: Timestamp) -> Result<Option<PersonId>, AccessError> {
    let from = format!("from {}", Origin::shown(&attempt.origin.address, 64));
    let Some(person) = attempt.person else {
        audit(tx, OrgId::DEFAULT, now, &attempt.login, "sign_in.failed", &attempt.login, &from)?;
        return Ok(None);
    };
    // They may have been disabled, or given another password, while the password was looked at.
    let still = crate::person(tx, person)?.is_some_and(|found| found.state == PersonState::Active);
    if !right || !still || password_of(tx, person)? != attempt.hash {
        audit_person(tx, person, &attempt.login, "sign_in.failed", &from, now)?;
        return Ok(None);
    }
    let pair = pair_of(&attempt.login, &attempt.origin);
    throttle::clear(tx, Kind::Pair, &pair)?;
    throttle::clear(tx, Kind::Login, &attempt.login)?;
    throttle::forgive(tx, Kind::Address, &attempt.origin.address)?;
    Ok(Some(person))
}

/// Begins a session for somebody who has proven who they are, unless for a second factor.
pub(crate) fn admit(
    tx: &mut Tx<'_>,
    person: PersonId,
    origin: &Origin,
    how: &str,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<SignedIn, AccessError> {
    let known = crate::person::known(tx, person)?;
    session::drop_old_sessions(tx, &LONGEST, now)?;
    let stage = if known.has_second_factor { Stage::NeedsSecondFactor } else { Stage::Full };
    let (token, session) = session::begin(tx, person, stage, origin, fresh, now)?;
    if stage == Stage::Full {
        welcome(tx, person, &known.login, origin, how, now)?;
    }
    Ok(SignedIn { token, session, person, stage })
}

/// Notes a finished sign-in, and says in the trail when it is from where this person has not come from lately.
pub(crate) fn welcome(
    tx: &mut Tx<'_>,
    person: PersonId,
    login: &str,
    origin: &Origin,
    how: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let before = crate::person::known(tx, person)?.signed_in_at;
    tx.execute(SIGNED_IN, &[person.into(), now.into()])?;
    let address = Origin::shown(&origin.address, 64);
    audit_person(tx, person, login, "sign_in", &format!("by {how} from {address}"), now)?;
    let pair = pair_of(login, origin);
    if before.is_some() && !throttle::is_known(tx, &pair, now)? {
        audit_person(tx, person, login, "sign_in.new_address", &format!("from {address}"), now)?;
    }
    throttle::note(tx, Kind::Known, &pair, now)?;
    Ok(())
}

/// Whatever lifetimes are set, nothing older is looked at again.
const LONGEST: Lifetimes = Lifetimes { idle: 366 * 24 * 3600, absolute: 366 * 24 * 3600 };

fn pair_of(login: &str, origin: &Origin) -> String {
    format!("{login}\0{}", origin.address)
}
