//! Organizations: the tenant boundary.

use kernel::{OrgId, Timestamp, fold};
use store::Tx;

use crate::{AccessError, PersonId, Role, audit};

/// The longest name of an organization, a person, a token or a credential, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// How many organizations an installation holds; a picker lists them all.
pub const ORGS_MAX: usize = 1000;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its name, unique whatever the case.
    pub name: String,
    /// When it was made; the beginning of time for the one that was always there.
    pub created_at: Timestamp,
}

const ALL: &str = "SELECT org_id, name, created_at FROM access_org ORDER BY org_id";
const ONE: &str = "SELECT org_id, name, created_at FROM access_org WHERE org_id = $1";
const LAST: &str = "SELECT max(org_id) FROM access_org";
const ADD: &str = "INSERT INTO access_org (org_id, name, created_at) VALUES ($1, $2, $3)";
const RENAME: &str = "UPDATE access_org SET name = $2 WHERE org_id = $1";

/// All organizations, the first one first; at most [`ORGS_MAX`].
///
/// # Errors
/// The database refuses.
pub fn orgs(tx: &mut Tx<'_>) -> Result<Vec<Org>, AccessError> {
    Ok(tx.query(ALL, &[], read)?)
}

/// One organization, if it exists.
///
/// # Errors
/// The database refuses.
pub fn org(tx: &mut Tx<'_>, id: OrgId) -> Result<Option<Org>, AccessError> {
    Ok(tx.query_opt(ONE, &[id.into()], read)?)
}

/// Makes an organization, with its first administrator.
///
/// # Errors
/// The name cannot be used or is taken, there are [`ORGS_MAX`] already, or there is no such person.
pub fn create_org(
    tx: &mut Tx<'_>,
    name: &str,
    admin: PersonId,
    by: &str,
    now: Timestamp,
) -> Result<OrgId, AccessError> {
    let name = free_name(tx, name, None)?;
    // The last number is never taken back: organizations are not removed.
    let id = OrgId(tx.query_one(LAST, &[], |row| row.int(0))? + 1);
    tx.execute(ADD, &[id.into(), (&name).into(), now.into()])?;
    audit(tx, id, now, by, "org.create", &name, "")?;
    crate::set_member(tx, id, admin, Role::Admin, by, now)?;
    Ok(id)
}

/// Renames an organization.
///
/// # Errors
/// The name cannot be used or is taken, or there is no such organization.
pub fn rename_org(tx: &mut Tx<'_>, id: OrgId, name: &str, by: &str, now: Timestamp) -> Result<(), AccessError> {
    let old = org(tx, id)?.ok_or(AccessError::NoSuch { what: "organization" })?;
    let name = free_name(tx, name, Some(id))?;
    audit(tx, id, now, by, "org.rename", &old.name, &name)?;
    tx.execute(RENAME, &[id.into(), (&name).into()])?;
    Ok(())
}

fn free_name(tx: &mut Tx<'_>, name: &str, own: Option<OrgId>) -> Result<String, AccessError> {
    let name = checked_name("name of the organization", name)?;
    let others: Vec<Org> = orgs(tx)?.into_iter().filter(|org| Some(org.id) != own).collect();
    if others.len() >= ORGS_MAX {
        return Err(AccessError::TooMany { what: "organizations", max: ORGS_MAX });
    }
    if others.iter().any(|org| fold(&org.name) == fold(&name)) {
        return Err(AccessError::Taken { what: "organization", name });
    }
    Ok(name)
}

fn read(row: &store::Row<'_>) -> Result<Org, store::StoreError> {
    Ok(Org { id: OrgId(row.int(0)?), name: row.text(1)?.to_owned(), created_at: Timestamp::from_micros(row.int(2)?) })
}

/// A name that people give: without white space around, not empty, on one line, of at most [`NAME_CHARS_MAX`].
pub(crate) fn checked_name(what: &'static str, name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    let why = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > NAME_CHARS_MAX {
        "it is longer than 100 characters"
    } else if name.chars().any(char::is_control) {
        "it holds a character that cannot be shown"
    } else {
        return Ok(name.to_owned());
    };
    Err(AccessError::Invalid { what, why })
}
