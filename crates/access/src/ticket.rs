//! Links that work once, for people of this installation: the first set-up, and a password to choose.

use kernel::{OrgId, PersonId, Secret, Timestamp};
use store::Tx;

use crate::password::{PasswordHash, set_password};
use crate::person::{PersonState, add_person, anybody, audit_person, known};
use crate::token::{self, Fresh};
use crate::{AccessError, Role, audit, set_member};

/// How long the link of the first set-up works, in seconds; every start makes a new one.
pub const SET_UP_SECONDS: i64 = 3600;
/// How long a link to choose a password works, in seconds.
pub const INVITATION_SECONDS: i64 = 72 * 3600;

const DROP_SET_UP: &str = "DELETE FROM access_ticket WHERE purpose = 'set_up'";
const DROP_OF: &str = "DELETE FROM access_ticket WHERE person_id = $1";
const DROP_OLD: &str = "DELETE FROM access_ticket WHERE expires_at < $1";
const ADD: &str = "INSERT INTO access_ticket (token_hash, purpose, person_id, expires_at) VALUES ($1, $2, $3, $4)";
const READ: &str = "SELECT person_id FROM access_ticket WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3";
const TAKE: &str = "DELETE FROM access_ticket WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
    RETURNING person_id";

const SET_UP: &str = "set_up";
const PASSWORD: &str = "password";

/// Makes the token of the first set-up's link, in place of any earlier one; nothing once there is a person.
///
/// # Errors
/// The database refuses.
pub fn begin_set_up(tx: &mut Tx<'_>, fresh: &Fresh, now: Timestamp) -> Result<Option<Secret>, AccessError> {
    if anybody(tx)? {
        return Ok(None);
    }
    tx.execute(DROP_SET_UP, &[])?;
    add(tx, SET_UP, None, fresh, now.plus_seconds(SET_UP_SECONDS)).map(Some)
}

/// Whether a token opens the first set-up now.
///
/// # Errors
/// The database refuses.
pub fn set_up_is_open(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<bool, AccessError> {
    let found = tx.query_opt(READ, &[(&token::hash(token)).into(), SET_UP.into(), now.into()], |row| row.opt_int(0))?;
    Ok(found.is_some() && !anybody(tx)?)
}

/// Sets up: makes the first person, who administers the first organization, and uses the token up. Nothing means that the
/// token does not open anything (any more).
///
/// # Errors
/// The login or the name cannot be used; the token can then be used again.
pub fn set_up(
    tx: &mut Tx<'_>,
    token: &str,
    login: &str,
    name: &str,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<Option<PersonId>, AccessError> {
    if anybody(tx)? || take(tx, token, SET_UP, now)?.is_none() {
        return Ok(None);
    }
    let who = add_person(tx, login, name, now)?;
    let login = known(tx, who)?.login;
    audit(tx, OrgId::DEFAULT, now, &login, "set_up", &login, "")?;
    set_member(tx, OrgId::DEFAULT, who, Role::Admin, &login, now)?;
    set_password(tx, who, hash, None, &login, now)?;
    Ok(Some(who))
}

/// Makes the token of a link by which a person chooses a password: an invitation, or help for who forgot theirs. Earlier
/// ones work no longer.
///
/// # Errors
/// There is no such person, or they are disabled.
pub fn invite(tx: &mut Tx<'_>, who: PersonId, fresh: &Fresh, by: &str, now: Timestamp) -> Result<Secret, AccessError> {
    if known(tx, who)?.state != PersonState::Active {
        return Err(AccessError::NoSuch { what: "person who may sign in" });
    }
    tx.execute(DROP_OF, &[who.into()])?;
    tx.execute(DROP_OLD, &[now.into()])?;
    audit_person(tx, who, by, "person.invite", "", now)?;
    add(tx, PASSWORD, Some(who), fresh, now.plus_seconds(INVITATION_SECONDS))
}

/// Who a token lets choose a password now.
///
/// # Errors
/// The database refuses.
pub fn invited(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Option<PersonId>, AccessError> {
    invited_by(tx, &token::hash(token), now)
}

/// As [`invited`], by what is stored of the token.
pub(crate) fn invited_by(tx: &mut Tx<'_>, hash: &[u8], now: Timestamp) -> Result<Option<PersonId>, AccessError> {
    let values = [hash.into(), PASSWORD.into(), now.into()];
    let who = tx.query_opt(READ, &values, |row| row.int(0))?.map(PersonId);
    let Some(who) = who else { return Ok(None) };
    Ok((known(tx, who)?.state == PersonState::Active).then_some(who))
}

/// Chooses the password, ends all of the person's sessions and uses the token up. Nothing means that the token does not
/// open anything (any more). A second factor stays.
///
/// # Errors
/// The database refuses.
pub fn choose_password(
    tx: &mut Tx<'_>,
    token: &str,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<Option<PersonId>, AccessError> {
    let Some(who) = invited(tx, token, now)? else { return Ok(None) };
    take(tx, token, PASSWORD, now)?;
    let login = known(tx, who)?.login;
    set_password(tx, who, hash, None, &login, now)?;
    Ok(Some(who))
}

/// Uses an invitation up without a password: who had it has proven themselves in another way.
pub(crate) fn used(tx: &mut Tx<'_>, hash: &[u8], now: Timestamp) -> Result<(), AccessError> {
    tx.query_opt(TAKE, &[hash.into(), PASSWORD.into(), now.into()], |_| Ok(()))?;
    Ok(())
}

fn add(
    tx: &mut Tx<'_>,
    purpose: &str,
    who: Option<PersonId>,
    fresh: &Fresh,
    expires_at: Timestamp,
) -> Result<Secret, AccessError> {
    let text = token::written(fresh);
    tx.execute(ADD, &[(&token::hash(text.expose())).into(), purpose.into(), who.into(), expires_at.into()])?;
    Ok(text)
}

fn take(tx: &mut Tx<'_>, token: &str, purpose: &str, now: Timestamp) -> Result<Option<Option<i64>>, AccessError> {
    let hash = token::hash(token);
    let values = [(&hash).into(), purpose.into(), now.into()];
    Ok(tx.query_opt(TAKE, &values, |row| row.opt_int(0))?)
}
