//! People, and what they are in which organization.

use kernel::{OrgId, PersonId, Timestamp, fold};
use store::{Row, StoreError, Tx};

use crate::org::checked_name;
use crate::{AccessError, Role, audit, number, session};

/// The longest login, in bytes: what RFC 5321 lets an address be.
pub const LOGIN_BYTES_MAX: usize = 254;

/// How many people an organization has at most; a page lists them all.
pub const MEMBERS_MAX: usize = 10_000;

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their e-mail address, folded: it is what they sign in with.
    pub login: String,
    /// Their name as shown.
    pub name: String,
    /// Whether they may sign in.
    pub state: PersonState,
    /// Whether they have a password; who has none signs in through the identity provider.
    pub has_password: bool,
    /// Whether they have to give a code after the password.
    pub has_second_factor: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they signed in last.
    pub signed_in_at: Option<Timestamp>,
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonState {
    /// They may.
    Active,
    /// They may not; what they did stays told.
    Disabled,
}

impl PersonState {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            PersonState::Active => "active",
            PersonState::Disabled => "disabled",
        }
    }
}

/// A person in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// As what.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}

/// An organization of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub org_name: String,
    /// As what.
    pub role: Role,
}

macro_rules! person_columns {
    () => {
        "p.person_id, p.login, p.name, p.state, CASE WHEN p.password IS NULL THEN 0 ELSE 1 END, p.created_at, p.signed_in_at,
        (SELECT count(*) FROM access_second_factor f WHERE f.person_id = p.person_id AND f.confirmed_at IS NOT NULL)"
    };
}

const ONE: &str = concat!("SELECT ", person_columns!(), " FROM access_person p WHERE p.person_id = $1");
const BY_LOGIN: &str = concat!("SELECT ", person_columns!(), " FROM access_person p WHERE p.login = $1");
const MEMBERS: &str = concat!(
    "SELECT ",
    person_columns!(),
    ", m.role, m.since FROM access_member m JOIN access_person p ON p.person_id = m.person_id
    WHERE m.org_id = $1 AND p.login > $2 ORDER BY p.login LIMIT $3"
);
const MEMBERSHIPS: &str = "SELECT m.org_id, o.name, m.role FROM access_member m
    JOIN access_org o ON o.org_id = m.org_id WHERE m.person_id = $1 ORDER BY m.org_id";
const ROLE: &str = "SELECT role FROM access_member WHERE org_id = $1 AND person_id = $2";
const ANYBODY: &str = "SELECT person_id FROM access_person LIMIT 1";
const COUNT: &str = "SELECT count(*) FROM access_member WHERE org_id = $1";
const ADD: &str =
    "INSERT INTO access_person (person_id, login, name, state, created_at) VALUES ($1, $2, $3, 'active', $4)";
const RENAME: &str = "UPDATE access_person SET name = $2 WHERE person_id = $1";
const SET_STATE: &str = "UPDATE access_person SET state = $2 WHERE person_id = $1";
const SET_MEMBER: &str = "INSERT INTO access_member (org_id, person_id, role, since) VALUES ($1, $2, $3, $4)
    ON CONFLICT (org_id, person_id) DO UPDATE SET role = excluded.role";
const DROP_MEMBER: &str = "DELETE FROM access_member WHERE org_id = $1 AND person_id = $2";
const OTHER_ADMINS: &str = "SELECT count(*) FROM access_member m JOIN access_person p ON p.person_id = m.person_id
    WHERE m.org_id = $1 AND m.person_id <> $2 AND m.role = 'admin' AND p.state = 'active'";

/// Whether there is anybody at all: until then, the installation waits for its first set-up.
///
/// # Errors
/// The database refuses.
pub fn anybody(tx: &mut Tx<'_>) -> Result<bool, AccessError> {
    Ok(tx.query_opt(ANYBODY, &[], |row| row.int(0))?.is_some())
}

/// Adds a person, who is in no organization yet and has no password.
///
/// # Errors
/// The login is no e-mail address or is taken, or the name cannot be used.
pub fn add_person(tx: &mut Tx<'_>, login: &str, name: &str, now: Timestamp) -> Result<PersonId, AccessError> {
    let login = checked_login(login)?;
    let name = checked_name("name", name)?;
    if person_by_login(tx, &login)?.is_some() {
        return Err(AccessError::Taken { what: "person", name: login });
    }
    let id = PersonId(number::next(tx, number::INSTALLATION, "person")?);
    tx.execute(ADD, &[id.into(), (&login).into(), (&name).into(), now.into()])?;
    Ok(id)
}

/// One person, if they exist.
///
/// # Errors
/// The database refuses.
pub fn person(tx: &mut Tx<'_>, id: PersonId) -> Result<Option<Person>, AccessError> {
    Ok(tx.query_opt(ONE, &[id.into()], read)?)
}

/// The person with this login, whatever its case, if there is one.
///
/// # Errors
/// The database refuses.
pub fn person_by_login(tx: &mut Tx<'_>, login: &str) -> Result<Option<Person>, AccessError> {
    Ok(tx.query_opt(BY_LOGIN, &[fold(login.trim()).as_ref().into()], read)?)
}

/// Up to `limit` members of an organization by login, those after the login `after`.
///
/// # Errors
/// The database refuses.
pub fn members(tx: &mut Tx<'_>, org: OrgId, after: &str, limit: u32) -> Result<Vec<Member>, AccessError> {
    let values = [org.into(), after.into(), i64::from(limit).into()];
    Ok(tx.query(MEMBERS, &values, |row| {
        let since = Timestamp::from_micros(row.int(9)?);
        Ok(Member { person: read(row)?, role: role_in(row, 8)?, since })
    })?)
}

/// The organizations of a person, oldest first.
///
/// # Errors
/// The database refuses.
pub fn memberships(tx: &mut Tx<'_>, person: PersonId) -> Result<Vec<Membership>, AccessError> {
    Ok(tx.query(MEMBERSHIPS, &[person.into()], |row| {
        Ok(Membership { org: OrgId(row.int(0)?), org_name: row.text(1)?.to_owned(), role: role_in(row, 2)? })
    })?)
}

/// What a person is in an organization; nothing if they are no member.
///
/// # Errors
/// The database refuses.
pub fn role_of(tx: &mut Tx<'_>, org: OrgId, person: PersonId) -> Result<Option<Role>, AccessError> {
    Ok(tx.query_opt(ROLE, &[org.into(), person.into()], |row| role_in(row, 0))?)
}

/// Makes a person a member of an organization, or gives a member another role.
///
/// # Errors
/// There is no such person or organization, it has [`MEMBERS_MAX`] members, or its last administrator would be gone.
pub fn set_member(
    tx: &mut Tx<'_>,
    org: OrgId,
    who: PersonId,
    role: Role,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let login = known(tx, who)?.login;
    let old = role_of(tx, org, who)?;
    if old == Some(role) {
        return Ok(());
    }
    let what = if old.is_some() { "member.role" } else { "member.add" };
    let detail = old.map_or_else(|| role.word().to_owned(), |old| format!("{} to {}", old.word(), role.word()));
    // The line in the trail also locks the organization: two who go at once do not each count on the other.
    audit(tx, org, now, by, what, &login, &detail)?;
    if old.is_none() {
        let count = tx.query_one(COUNT, &[org.into()], |row| row.int(0))?;
        if usize::try_from(count).unwrap_or(MEMBERS_MAX) >= MEMBERS_MAX {
            return Err(AccessError::TooMany { what: "members", max: MEMBERS_MAX });
        }
    } else if old == Some(Role::Admin) {
        keep_an_admin(tx, org, who)?;
    }
    tx.execute(SET_MEMBER, &[org.into(), who.into(), role.word().into(), now.into()])?;
    Ok(())
}

/// Takes a person out of an organization. Their tokens there work no longer; their sessions look at it no longer.
///
/// # Errors
/// They are no member, or the last administrator.
pub fn remove_member(tx: &mut Tx<'_>, org: OrgId, who: PersonId, by: &str, now: Timestamp) -> Result<(), AccessError> {
    let login = known(tx, who)?.login;
    let role = role_of(tx, org, who)?.ok_or(AccessError::NoSuch { what: "member" })?;
    audit(tx, org, now, by, "member.remove", &login, role.word())?;
    if role == Role::Admin {
        keep_an_admin(tx, org, who)?;
    }
    tx.execute(DROP_MEMBER, &[org.into(), who.into()])?;
    crate::api_token::drop_of(tx, org, who)
}

/// Changes a person's name as shown.
///
/// # Errors
/// There is no such person, or the name cannot be used.
pub fn rename_person(tx: &mut Tx<'_>, who: PersonId, name: &str, by: &str, now: Timestamp) -> Result<(), AccessError> {
    let name = checked_name("name", name)?;
    known(tx, who)?;
    audit_person(tx, who, by, "person.rename", &name, now)?;
    tx.execute(RENAME, &[who.into(), (&name).into()])?;
    Ok(())
}

/// Lets a person sign in, or lets them no longer: then their sessions end, and their tokens do not work.
///
/// # Errors
/// There is no such person, or an organization would lose its last administrator.
pub fn set_person_state(
    tx: &mut Tx<'_>,
    who: PersonId,
    state: PersonState,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    if known(tx, who)?.state == state {
        return Ok(());
    }
    let what = if state == PersonState::Active { "person.enable" } else { "person.disable" };
    audit_person(tx, who, by, what, "", now)?;
    if state == PersonState::Disabled {
        for of in memberships(tx, who)?.into_iter().filter(|of| of.role == Role::Admin) {
            keep_an_admin(tx, of.org, who)?;
        }
        session::end_all(tx, who, None)?;
    }
    tx.execute(SET_STATE, &[who.into(), state.word().into()])?;
    Ok(())
}

/// Tells the trails of all organizations of a person what happened to them or was done by them; the first organization's
/// if they have none.
pub(crate) fn audit_person(
    tx: &mut Tx<'_>,
    who: PersonId,
    by: &str,
    what: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let login = known(tx, who)?.login;
    let mut orgs: Vec<OrgId> = memberships(tx, who)?.into_iter().map(|of| of.org).collect();
    if orgs.is_empty() {
        orgs.push(OrgId::DEFAULT);
    }
    for org in orgs {
        audit(tx, org, now, by, what, &login, detail)?;
    }
    Ok(())
}

pub(crate) fn known(tx: &mut Tx<'_>, who: PersonId) -> Result<Person, AccessError> {
    person(tx, who)?.ok_or(AccessError::NoSuch { what: "person" })
}

fn keep_an_admin(tx: &mut Tx<'_>, org: OrgId, without: PersonId) -> Result<(), AccessError> {
    if tx.query_one(OTHER_ADMINS, &[org.into(), without.into()], |row| row.int(0))? > 0 {
        return Ok(());
    }
    let org = crate::org(tx, org)?.map(|org| org.name).unwrap_or_default();
    Err(AccessError::LastAdmin { org })
}

/// An e-mail address as far as it matters here: something on both sides of one `@`, without white space.
fn checked_login(login: &str) -> Result<String, AccessError> {
    let login = fold(login.trim()).into_owned();
    let sides = login.split_once('@').filter(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !login.contains(char::is_whitespace)
    });
    if sides.is_none() || login.contains(char::is_control) || login.len() > LOGIN_BYTES_MAX {
        return Err(AccessError::Invalid { what: "login", why: "it is not an e-mail address such as ada@example.com" });
    }
    Ok(login)
}

/// The person in a row's first eight columns.
fn read(row: &Row<'_>) -> Result<Person, StoreError> {
    Ok(Person {
        id: PersonId(row.int(0)?),
        login: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        state: if row.text(3)? == "active" { PersonState::Active } else { PersonState::Disabled },
        has_password: row.flag(4)?,
        created_at: Timestamp::from_micros(row.int(5)?),
        signed_in_at: row.opt_int(6)?.map(Timestamp::from_micros),
        has_second_factor: row.flag(7)?,
    })
}

/// A role in a column. A word of a newer version gives the least.
pub(crate) fn role_in(row: &Row<'_>, at: usize) -> Result<Role, StoreError> {
    Ok(Role::parse(row.text(at)?).unwrap_or(Role::Viewer))
}
