//! Sessions of browsers: a random token in a cookie, its hash here.

use kernel::{OrgId, PersonId, Secret, Timestamp};
use store::{Row, StoreError, Tx};

use crate::person::{audit_person, role_in};
use crate::token::{self, Fresh};
use crate::{AccessError, Role, role_of};

/// How long a session lives, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Since it was used last.
    pub idle: i64,
    /// Since it began, whatever it is used for.
    pub absolute: i64,
}

impl Default for Lifetimes {
    fn default() -> Lifetimes {
        Lifetimes { idle: SESSION_IDLE_SECONDS, absolute: SESSION_SECONDS }
    }
}

/// How long a session lives unused, in seconds, unless set otherwise.
pub const SESSION_IDLE_SECONDS: i64 = 8 * 3600;
/// How long a session lives at most, in seconds, unless set otherwise.
pub const SESSION_SECONDS: i64 = 7 * 24 * 3600;
/// How long a session waits for its second factor, in seconds.
pub const HALF_WAY_SECONDS: i64 = 600;
/// How many sessions a person has at most; the oldest ends for a new one.
pub const SESSIONS_MAX: i64 = 50;
/// A session's last use is noted this exactly, in seconds, so that not every request writes.
pub const TOUCH_SECONDS: i64 = 60;
/// The longest name of a browser that is kept, in characters.
const AGENT_CHARS_MAX: usize = 256;
/// The longest address that is kept, in characters: an IPv6 address with its zone.
const ADDRESS_CHARS_MAX: usize = 64;

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

impl Origin {
    pub(crate) fn shown(text: &str, chars_max: usize) -> String {
        text.chars().filter(|sign| !sign.is_control()).take(chars_max).collect()
    }
}

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password was right, and a code is still to be given. It opens nothing else.
    NeedsSecondFactor,
    /// Signed in.
    Full,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Stage::NeedsSecondFactor => "needs_second_factor",
            Stage::Full => "full",
        }
    }
}

/// A session that is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its public id, a UUIDv7; not the token.
    pub id: String,
    /// Whose it is.
    pub person: PersonId,
    /// Their login, for the trail.
    pub login: String,
    /// Their name, for the page.
    pub name: String,
    /// How far they have come.
    pub stage: Stage,
    /// The organization that they look at, and what they are there; nothing if they are no member of any they chose.
    pub org: Option<(OrgId, Role)>,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it was used last, to [`TOUCH_SECONDS`].
    pub used_at: Timestamp,
    /// When it ends if it is not used before.
    pub expires_at: Timestamp,
    /// From where they signed in.
    pub origin: Origin,
}

impl Session {
    /// Whether it is time for [`touch_session`].
    #[must_use]
    pub fn touch_is_due(&self, now: Timestamp) -> bool {
        now.seconds_since(self.used_at) >= TOUCH_SECONDS
    }
}

macro_rules! session_columns {
    () => {
        "s.session_id, s.person_id, p.login, p.name, s.stage, s.org_id, m.role, s.created_at, s.used_at, s.address,
        s.agent FROM access_session s JOIN access_person p ON p.person_id = s.person_id
        LEFT JOIN access_member m ON m.org_id = s.org_id AND m.person_id = s.person_id WHERE p.state = 'active' AND "
    };
}

const BY_TOKEN: &str = concat!("SELECT ", session_columns!(), "s.token_hash = $1");
const OF_PERSON: &str = concat!("SELECT ", session_columns!(), "s.person_id = $1 ORDER BY s.created_at DESC LIMIT $2");
const ADD: &str = "INSERT INTO access_session
    (session_id, token_hash, person_id, org_id, stage, created_at, used_at, address, agent)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)";
const TOUCH: &str = "UPDATE access_session SET used_at = $2 WHERE session_id = $1 AND used_at < $2";
const SWITCH: &str = "UPDATE access_session SET org_id = $2 WHERE session_id = $1";
const END: &str = "DELETE FROM access_session WHERE session_id = $1 AND person_id = $2";
const END_ALL: &str = "DELETE FROM access_session WHERE person_id = $1 AND session_id <> $2";
const OLD: &str = "DELETE FROM access_session WHERE created_at < $1 OR used_at < $2";
const BEYOND: &str = "SELECT session_id FROM access_session WHERE person_id = $1
    ORDER BY created_at DESC, session_id DESC LIMIT 1 OFFSET $2";

/// Begins a session; answers its token, for the cookie, and its id.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    person: PersonId,
    stage: Stage,
    origin: &Origin,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<(Secret, String), AccessError> {
    let text = token::written(fresh);
    let hash = token::hash(text.expose());
    let id = token::id(now, &hash);
    let org = crate::memberships(tx, person)?.first().map_or(OrgId(0), |of| of.org);
    while let Some(oldest) =
        tx.query_opt(BEYOND, &[person.into(), (SESSIONS_MAX - 1).into()], |row| Ok(row.text(0)?.to_owned()))?
    {
        tx.execute(END, &[(&oldest).into(), person.into()])?;
    }
    let address = Origin::shown(&origin.address, ADDRESS_CHARS_MAX);
    let agent = Origin::shown(&origin.agent, AGENT_CHARS_MAX);
    let values = [
        (&id).into(),
        (&hash).into(),
        person.into(),
        org.into(),
        stage.word().into(),
        now.into(),
        address.into(),
        agent.into(),
    ];
    tx.execute(ADD, &values)?;
    Ok((text, id))
}

/// The session that a cookie's token belongs to; nothing if it ended, is too old, or its person may not sign in any more.
///
/// # Errors
/// The database refuses.
pub fn session(
    tx: &mut Tx<'_>,
    token: &str,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Option<Session>, AccessError> {
    let found = tx.query_opt(BY_TOKEN, &[(&token::hash(token)).into()], |row| read(row, lifetimes))?;
    Ok(found.filter(|session| session.expires_at > now))
}

/// A person's living sessions, the newest first; at most [`SESSIONS_MAX`].
///
/// # Errors
/// The database refuses.
pub fn sessions_of(
    tx: &mut Tx<'_>,
    person: PersonId,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Vec<Session>, AccessError> {
    let mut found = tx.query(OF_PERSON, &[person.into(), SESSIONS_MAX.into()], |row| read(row, lifetimes))?;
    found.retain(|session| session.expires_at > now);
    Ok(found)
}

/// Notes that a session is in use. Call it when [`Session::touch_is_due`].
///
/// # Errors
/// The database refuses.
pub fn touch_session(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), AccessError> {
    tx.execute(TOUCH, &[id.into(), now.into()])?;
    Ok(())
}

/// Makes a session look at another organization of its person; answers what they are there.
///
/// # Errors
/// They are no member of it.
pub fn switch_org(tx: &mut Tx<'_>, session: &Session, org: OrgId) -> Result<Role, AccessError> {
    let role = role_of(tx, org, session.person)?.ok_or(AccessError::NoSuch { what: "organization" })?;
    tx.execute(SWITCH, &[(&session.id).into(), org.into()])?;
    Ok(role)
}

/// Signs out: ends the session.
///
/// # Errors
/// The database refuses.
pub fn sign_out(tx: &mut Tx<'_>, session: &Session, now: Timestamp) -> Result<(), AccessError> {
    tx.execute(END, &[(&session.id).into(), session.person.into()])?;
    audit_person(tx, session.person, &session.login, "sign_out", "", now)
}

/// Ends one of a person's own sessions, by its id. Answers whether there was one.
///
/// # Errors
/// The database refuses.
pub fn end_session(tx: &mut Tx<'_>, person: PersonId, id: &str, by: &str, now: Timestamp) -> Result<bool, AccessError> {
    let ended = tx.execute(END, &[id.into(), person.into()])? > 0;
    if ended {
        audit_person(tx, person, by, "session.end", id, now)?;
    }
    Ok(ended)
}

/// Ends all of a person's sessions but `keep`, by its id.
///
/// # Errors
/// The database refuses.
pub fn end_sessions(
    tx: &mut Tx<'_>,
    person: PersonId,
    keep: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    end_all(tx, person, keep)?;
    audit_person(tx, person, by, "session.end_all", "", now)
}

/// Drops the sessions that are too old to live; sign-in does so by itself.
///
/// # Errors
/// The database refuses.
pub fn drop_old_sessions(tx: &mut Tx<'_>, lifetimes: &Lifetimes, now: Timestamp) -> Result<u64, AccessError> {
    let values = [now.plus_seconds(-lifetimes.absolute).into(), now.plus_seconds(-lifetimes.idle).into()];
    Ok(tx.execute(OLD, &values)?)
}

pub(crate) fn end_all(tx: &mut Tx<'_>, person: PersonId, keep: Option<&str>) -> Result<(), AccessError> {
    tx.execute(END_ALL, &[person.into(), keep.unwrap_or_default().into()])?;
    Ok(())
}

pub(crate) fn end_quietly(tx: &mut Tx<'_>, session: &Session) -> Result<(), AccessError> {
    tx.execute(END, &[(&session.id).into(), session.person.into()])?;
    Ok(())
}

/// What forms of a session carry so that no other page can send them: made from the session's token, so that it changes
/// with it and is stored nowhere.
#[must_use]
pub fn csrf_token(session_token: &str) -> String {
    token::derived(session_token, "csrf")
}

/// Whether a form carried the right [`csrf_token`], compared in equal time.
#[must_use]
pub fn csrf_is_right(session_token: &str, given: &str) -> bool {
    token::is_derived(session_token, "csrf", given)
}

fn read(row: &Row<'_>, lifetimes: &Lifetimes) -> Result<Session, StoreError> {
    let stage = if row.text(4)? == "full" { Stage::Full } else { Stage::NeedsSecondFactor };
    let instant = |at: usize| Ok::<_, StoreError>(Timestamp::from_micros(row.int(at)?));
    let (created_at, used_at) = (instant(7)?, instant(8)?);
    let expires_at = match stage {
        Stage::Full => used_at.plus_seconds(lifetimes.idle).min(created_at.plus_seconds(lifetimes.absolute)),
        Stage::NeedsSecondFactor => created_at.plus_seconds(HALF_WAY_SECONDS),
    };
    let org = row.opt_text(6)?.is_some().then(|| Ok::<_, StoreError>((OrgId(row.int(5)?), role_in(row, 6)?)));
    Ok(Session {
        id: row.text(0)?.to_owned(),
        person: PersonId(row.int(1)?),
        login: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        stage,
        org: org.transpose()?,
        created_at,
        used_at,
        expires_at,
        origin: Origin { address: row.text(9)?.to_owned(), agent: row.text(10)?.to_owned() },
    })
}
