//! What an organization has chosen that no other slice keeps: whom to ask for help. And what the installation has chosen, which
//! stands with the first organization: what administrators need, and which consoles may be reached.

use kernel::{OrgId, PersonId, Timestamp};
use store::Tx;

use crate::{AccessError, Role, audit};

/// The longest support contact, in characters: a name, an address, a telephone number.
pub const SUPPORT_CHARS_MAX: usize = 200;

const SUPPORT: &str = "support";
const ADMINS: &str = "second_factor_of_admins";
const PRIVATE: &str = "private_consoles";
const ON: &str = "on";
const OFF: &str = "off";
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

fn is_on(tx: &mut Tx<'_>, name: &str) -> Result<bool, AccessError> {
    let values = [OrgId::DEFAULT.into(), name.into()];
    Ok(tx.query_opt(READ, &values, |row| Ok(row.text(0)? == ON))?.unwrap_or(false))
}

/// Whether administrators, of any organization, need a second factor to act as such.
///
/// # Errors
/// The database refuses.
pub fn admins_need_second_factor(tx: &mut Tx<'_>) -> Result<bool, AccessError> {
    is_on(tx, ADMINS)
}

/// Chooses whether administrators need a second factor, for the whole installation. Nobody demands of others what they do
/// not have themselves: it would lock them out of this very choice.
///
/// # Errors
/// It is demanded by somebody without a second factor, or there is no such person.
pub fn set_admins_need_second_factor(
    tx: &mut Tx<'_>,
    on: bool,
    who: PersonId,
    now: Timestamp,
) -> Result<(), AccessError> {
    let person = crate::person::known(tx, who)?;
    if on && !person.has_second_factor {
        let why = "set up your own second factor first, or you would lock yourself out";
        return Err(AccessError::Invalid { what: "rule for administrators", why });
    }
    let word = if on { ON } else { OFF };
    tx.execute(SET, &[OrgId::DEFAULT.into(), ADMINS.into(), word.into()])?;
    audit(tx, OrgId::DEFAULT, now, &person.login, "setting.second_factor_of_admins", word, "")?;
    Ok(())
}

/// Whether consoles may stand inside private networks that this server reaches, or on its machine.
///
/// # Errors
/// The database refuses.
pub fn consoles_may_be_private(tx: &mut Tx<'_>) -> Result<bool, AccessError> {
    is_on(tx, PRIVATE)
}

/// Chooses whether consoles may stand inside private networks, for the whole installation. Those that are connected stay so.
///
/// # Errors
/// The database refuses.
pub fn set_consoles_may_be_private(tx: &mut Tx<'_>, on: bool, by: &str, now: Timestamp) -> Result<(), AccessError> {
    let word = if on { ON } else { OFF };
    tx.execute(SET, &[OrgId::DEFAULT.into(), PRIVATE.into(), word.into()])?;
    audit(tx, OrgId::DEFAULT, now, by, "setting.private_consoles", word, "")?;
    Ok(())
}

/// Whether somebody with this role has to set up a second factor before they may act in it.
///
/// # Errors
/// There is no such person.
pub fn lacks_second_factor(tx: &mut Tx<'_>, who: PersonId, role: Role) -> Result<bool, AccessError> {
    Ok(role == Role::Admin && admins_need_second_factor(tx)? && !crate::person::known(tx, who)?.has_second_factor)
}
