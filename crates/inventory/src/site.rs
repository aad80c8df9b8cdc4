//! Muster's sites: where assets live.

use kernel::{OrgId, SiteId, Timestamp, fold};
use store::{StoreError, Tx};

use crate::{InventoryError, memory};

/// A site and what lives there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its key.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// How many assets live there.
    pub assets: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a site cannot be called so.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// There is no site of that name.
    #[error("there is no site {name:?}; there are: {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Another site has that name already.
    #[error("there is a site {0:?} already")]
    Taken(String),
    /// The name is empty or too long.
    #[error("a site's name has 1 to {NAME_CHARS_MAX} characters")]
    Name,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory failed.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
}

/// The longest name of a site.
pub const NAME_CHARS_MAX: usize = 64;

/// The site of this name, made if there is none. Names that fold alike are one site, and the first spelling stays.
///
/// # Errors
/// The database fails.
pub fn ensure_site(tx: &mut Tx, org: OrgId, name: &str, now: Timestamp) -> Result<SiteId, InventoryError> {
    const MAKE: &str = "INSERT INTO inventory_site (org_id, site_id, name, name_folded, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    let (name, _) = fold::without_nul(name);
    if let Some(site) = site_named(tx, org, &name)? {
        return Ok(site);
    }
    let id = memory::next_id(tx, org)?;
    // The head is locked now: nobody else can make the site between this look and the next statement.
    if let Some(site) = site_named(tx, org, &name)? {
        return Ok(site);
    }
    let folded = fold(&name);
    tx.execute(MAKE, &[org.into(), id.into(), name.as_ref().into(), folded.as_ref().into(), now.into()])?;
    Ok(SiteId(id))
}

/// The site of this name, in any case.
///
/// # Errors
/// The database fails.
pub fn site_named(tx: &mut Tx, org: OrgId, name: &str) -> Result<Option<SiteId>, StoreError> {
    const BY_NAME: &str = "SELECT site_id FROM inventory_site WHERE org_id = $1 AND name_folded = $2";
    let folded = fold(name);
    tx.query_opt(BY_NAME, &[org.into(), folded.as_ref().into()], |row| Ok(SiteId(row.int(0)?)))
}

/// Every site, by name.
///
/// # Errors
/// The database fails.
pub fn sites(tx: &mut Tx, org: OrgId) -> Result<Vec<Site>, StoreError> {
    const READ: &str = "SELECT s.site_id, s.name, s.created_at,
        (SELECT count(*) FROM inventory_asset a WHERE a.org_id = s.org_id AND a.site_id = s.site_id)
        FROM inventory_site s WHERE s.org_id = $1 ORDER BY s.name_folded";
    tx.query(READ, &[org.into()], |row| {
        Ok(Site {
            id: SiteId(row.int(0)?),
            name: row.text(1)?.to_owned(),
            created_at: Timestamp::from_micros(row.int(2)?),
            assets: row.int(3)?.unsigned_abs(),
        })
    })
}

/// Makes a site, and writes down who did.
///
/// # Errors
/// The name is none, there is a site of that name, or the database fails.
pub fn add_site(tx: &mut Tx, org: OrgId, name: &str, who: &str, now: Timestamp) -> Result<SiteId, SiteError> {
    let name = checked(name)?;
    if site_named(tx, org, name)?.is_some() {
        return Err(SiteError::Taken(name.to_owned()));
    }
    let id = ensure_site(tx, org, name, now)?;
    access::audit(tx, org, now, who, "site.add", name, "")?;
    Ok(id)
}

/// Gives a site another name, and writes down who did. Its assets stay where they are.
///
/// # Errors
/// There is no site of that name, the new one is none or another site's, or the database fails.
pub fn rename_site(
    tx: &mut Tx,
    org: OrgId,
    name: &str,
    to: &str,
    who: &str,
    now: Timestamp,
) -> Result<SiteId, SiteError> {
    const SET: &str = "UPDATE inventory_site SET name = $3, name_folded = $4 WHERE org_id = $1 AND site_id = $2";
    let to = checked(to)?;
    let Some(id) = site_named(tx, org, name)? else {
        let known = sites(tx, org)?.into_iter().map(|site| site.name).collect();
        return Err(SiteError::Unknown { name: name.to_owned(), known });
    };
    if site_named(tx, org, to)?.is_some_and(|other| other != id) {
        return Err(SiteError::Taken(to.to_owned()));
    }
    tx.execute(SET, &[org.into(), id.into(), to.into(), fold(to).as_ref().into()])?;
    access::audit(tx, org, now, who, "site.rename", name, to)?;
    Ok(id)
}

fn checked(name: &str) -> Result<&str, SiteError> {
    let name = name.trim();
    let fits = !name.is_empty() && !name.contains('\0') && name.chars().count() <= NAME_CHARS_MAX;
    fits.then_some(name).ok_or(SiteError::Name)
}
