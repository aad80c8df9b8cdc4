//! What an organization has chosen that no other slice keeps: whom to ask for help.

use kernel::{OrgId, Timestamp};
use store::Tx;

use crate::{AccessError, audit};

/// The longest support contact, in characters: a name, an address, a telephone number.
pub const SUPPORT_CHARS_MAX: usize = 200;

const SUPPORT: &str = "support";
const READ: &str = "SELECT value FROM access_setting WHERE org_id = $1 AND name = $2";
const SET: &str = "INSERT INTO access_setting (org_id, name, value) VALUES ($1, $2, $3)
    ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value";

/// Whom people of an organization ask for help; the first organization's contact where it has named nobody. Empty if
/// nobody is named there either.
///
/// # Errors
/// The database refuses.
pub fn support_contact(tx: &mut Tx<'_>, org: OrgId) -> Result<String, AccessError> {
    for org in [org, OrgId::DEFAULT] {
        let found = tx.query_opt(READ, &[org.into(), SUPPORT.into()], |row| Ok(row.text(0)?.to_owned()))?;
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            return Ok(found);
        }
    }
    Ok(String::new())
}

/// Names whom to ask for help; the empty text names nobody.
///
/// # Errors
/// The text is longer than [`SUPPORT_CHARS_MAX`] or holds what cannot be shown.
pub fn set_support_contact(
    tx: &mut Tx<'_>,
    org: OrgId,
    contact: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let contact = contact.trim();
    if contact.chars().count() > SUPPORT_CHARS_MAX || contact.contains(char::is_control) {
        let why = "it is longer than 200 characters, or holds one that cannot be shown";
        return Err(AccessError::Invalid { what: "support contact", why });
    }
    tx.execute(SET, &[org.into(), SUPPORT.into(), contact.into()])?;
    audit(tx, org, now, by, "setting.support", contact, "")?;
    Ok(())
}
