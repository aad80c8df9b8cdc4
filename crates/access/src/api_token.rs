//! Tokens of programs: made by a person, for one organization, never above that person's role.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{ApiTokenId, OrgId, PersonId, Secret, Timestamp};
use sha2::{Digest, Sha256};
use store::{Row, StoreError, Tx};

use crate::org::checked_name;
use crate::person::role_in;
use crate::token::{self, Fresh};
use crate::{AccessError, Permission, Role, audit, lacks_second_factor, may, number, role_of};

/// What every token begins with, so that people and scanners know it.
pub const API_TOKEN_PREFIX: &str = "muster_";
/// How long a token lives at most, in seconds: a year.
pub const API_TOKEN_SECONDS_MAX: i64 = 366 * 24 * 3600;
/// How many tokens an organization has at most.
pub const API_TOKENS_MAX: usize = 1000;
/// Bytes of the checksum after the random ones: a mistyped token is known without the database.
const CHECK_BYTES: usize = 4;
/// A token's last use is noted this exactly, in seconds.
const TOUCH_SECONDS: i64 = 60;

/// Whether a token may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It reads.
    Read,
    /// It does whatever its role may.
    Write,
}

impl Reach {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Reach::Read => "read",
            Reach::Write => "write",
        }
    }
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiToken {
    /// What it is for.
    pub name: String,
    /// What it may, at most what its maker may.
    pub role: Role,
    /// Whether it may change anything.
    pub reach: Reach,
    /// When it ends, at most [`API_TOKEN_SECONDS_MAX`] from now.
    pub expires_at: Timestamp,
}

/// A token, without what opens anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: ApiTokenId,
    /// Its organization.
    pub org: OrgId,
    /// What it is for.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// Whether it may change anything.
    pub reach: Reach,
    /// Who made it.
    pub person: PersonId,
    /// Their login.
    pub login: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used last, to the minute.
    pub used_at: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it may do something in its organization.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        // A token makes no tokens: who steals one must not be able to keep a copy.
        let own = permission != Permission::ManageOwnTokens && permission != Permission::ManageTokens;
        own && (self.reach == Reach::Write || !permission.changes()) && crate::allowed(self.org, self.role, permission)
    }

    /// Whether it is time for [`touch_api_token`].
    #[must_use]
    pub fn touch_is_due(&self, now: Timestamp) -> bool {
        self.used_at.is_none_or(|at| now.seconds_since(at) >= TOUCH_SECONDS)
    }
}

macro_rules! token_columns {
    () => {
        "t.token_id, t.org_id, t.name, t.role, t.reach, t.person_id, p.login, t.created_at, t.expires_at, t.used_at
        FROM access_api_token t JOIN access_person p ON p.person_id = t.person_id WHERE "
    };
}

const BY_HASH: &str = concat!("SELECT ", token_columns!(), "t.token_hash = $1 AND p.state = 'active'");
const OF_ORG: &str = concat!("SELECT ", token_columns!(), "t.org_id = $1 ORDER BY t.token_id LIMIT $2");
const ADD: &str = "INSERT INTO access_api_token
    (org_id, token_id, token_hash, name, role, reach, person_id, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const TOUCH: &str = "UPDATE access_api_token SET used_at = $3 WHERE org_id = $1 AND token_id = $2";
const REVOKE: &str = "DELETE FROM access_api_token WHERE org_id = $1 AND token_id = $2 RETURNING name";
const DROP_OF: &str = "DELETE FROM access_api_token WHERE org_id = $1 AND person_id = $2";

/// Makes a token for `person` in an organization and answers it; it is shown once.
///
/// # Errors
/// The person is no member, asks for more than they may themselves or for longer than a year, the name cannot be used, or
/// there are [`API_TOKENS_MAX`].
pub fn create_api_token(
    tx: &mut Tx<'_>,
    org: OrgId,
    person: PersonId,
    new: &NewApiToken,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<(Secret, ApiToken), AccessError> {
    let name = checked_name("name of the token", &new.name)?;
    let own = acts_as(tx, org, person)?.ok_or(AccessError::NoSuch { what: "member" })?;
    if !own.covers(new.role) || !may(own, Permission::ManageOwnTokens) {
        return Err(AccessError::AboveOwn { asked: new.role.word(), own: own.word() });
    }
    let seconds = new.expires_at.seconds_since(now);
    if seconds <= 0 || seconds > API_TOKEN_SECONDS_MAX {
        return Err(AccessError::Invalid { what: "expiry", why: "it is not within the next 366 days" });
    }
    if api_tokens(tx, org)?.len() >= API_TOKENS_MAX {
        return Err(AccessError::TooMany { what: "API tokens", max: API_TOKENS_MAX });
    }
    let id = ApiTokenId(number::next(tx, org, "api_token")?);
    let text = written(fresh);
    let hash = token::hash(text.expose());
    let values = [
        org.into(),
        id.into(),
        (&hash).into(),
        (&name).into(),
        new.role.word().into(),
        new.reach.word().into(),
        person.into(),
        now.into(),
        new.expires_at.into(),
    ];
    tx.execute(ADD, &values)?;
    let login = crate::person::known(tx, person)?.login;
    let detail = format!("{} {} until {}", new.role.word(), new.reach.word(), new.expires_at);
    audit(tx, org, now, &login, "api_token.create", &name, &detail)?;
    let (role, reach, expires_at) = (new.role, new.reach, new.expires_at);
    let made = ApiToken { id, org, name, role, reach, person, login, created_at: now, expires_at, used_at: None };
    Ok((text, made))
}

/// The token of a request; nothing if it is none, is over, or its maker is no member any more or may less than it.
///
/// # Errors
/// The database refuses.
pub fn api_token(tx: &mut Tx<'_>, text: &str, now: Timestamp) -> Result<Option<ApiToken>, AccessError> {
    if !looks_like_api_token(text) {
        return Ok(None);
    }
    let found = tx.query_opt(BY_HASH, &[(&token::hash(text)).into()], read)?;
    let Some(found) = found.filter(|token| token.expires_at > now) else { return Ok(None) };
    let makers = acts_as(tx, found.org, found.person)?;
    Ok(makers.is_some_and(|role| role.covers(found.role)).then_some(found))
}

/// What somebody is in an organization just now: administrators who have to set up a second factor first are viewers.
fn acts_as(tx: &mut Tx<'_>, org: OrgId, person: PersonId) -> Result<Option<Role>, AccessError> {
    let Some(role) = role_of(tx, org, person)? else { return Ok(None) };
    Ok(Some(if lacks_second_factor(tx, person, role)? { Role::Viewer } else { role }))
}

/// All tokens of an organization, oldest first, those that are over too.
///
/// # Errors
/// The database refuses.
pub fn api_tokens(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<ApiToken>, AccessError> {
    Ok(tx.query(OF_ORG, &[org.into(), i64::try_from(API_TOKENS_MAX).unwrap_or(i64::MAX).into()], read)?)
}

/// Notes that a token is in use. Call it when [`ApiToken::touch_is_due`].
///
/// # Errors
/// The database refuses.
pub fn touch_api_token(tx: &mut Tx<'_>, token: &ApiToken, now: Timestamp) -> Result<(), AccessError> {
    tx.execute(TOUCH, &[token.org.into(), token.id.into(), now.into()])?;
    Ok(())
}

/// Revokes a token of an organization. Answers whether there was one.
///
/// # Errors
/// The database refuses.
pub fn revoke_api_token(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ApiTokenId,
    by: &str,
    now: Timestamp,
) -> Result<bool, AccessError> {
    let name = tx.query_opt(REVOKE, &[org.into(), id.into()], |row| Ok(row.text(0)?.to_owned()))?;
    if let Some(name) = &name {
        audit(tx, org, now, by, "api_token.revoke", name, "")?;
    }
    Ok(name.is_some())
}

pub(crate) fn drop_of(tx: &mut Tx<'_>, org: OrgId, person: PersonId) -> Result<(), AccessError> {
    tx.execute(DROP_OF, &[org.into(), person.into()])?;
    Ok(())
}

/// Whether a text has the form of a token and its checksum is right, which says nothing about whether it opens anything.
#[must_use]
pub fn looks_like_api_token(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(API_TOKEN_PREFIX) else { return false };
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(rest) else { return false };
    bytes
        .split_last_chunk::<CHECK_BYTES>()
        .is_some_and(|(random, check)| random.len() == 32 && checksum(random) == *check)
}

fn written(fresh: &Fresh) -> Secret {
    let mut bytes = fresh.to_vec();
    bytes.extend_from_slice(&checksum(fresh));
    Secret::new(format!("{API_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn checksum(random: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(b"muster token\0").chain_update(random).finalize();
    std::array::from_fn(|at| digest[at])
}

fn read(row: &Row<'_>) -> Result<ApiToken, StoreError> {
    let instant = |at: usize| Ok::<_, StoreError>(Timestamp::from_micros(row.int(at)?));
    Ok(ApiToken {
        id: ApiTokenId(row.int(0)?),
        org: OrgId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        role: role_in(row, 3)?,
        reach: if row.text(4)? == "write" { Reach::Write } else { Reach::Read },
        person: PersonId(row.int(5)?),
        login: row.text(6)?.to_owned(),
        created_at: instant(7)?,
        expires_at: instant(8)?,
        used_at: row.opt_int(9)?.map(Timestamp::from_micros),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_token_is_known_by_its_checksum() {
        let text = written(&[7; 32]);
        let text = text.expose();
        assert!(looks_like_api_token(text) && text.len() == API_TOKEN_PREFIX.len() + 48, "{text}");
        let mut wrong = text.to_owned();
        wrong.replace_range(12..13, if &text[12..13] == "A" { "B" } else { "A" });
        for other in [&*wrong, &text[1..], &text[..text.len() - 1], "muster_", ""] {
            assert!(!looks_like_api_token(other), "{other}");
        }
    }
}
