//! Who the Explorers of an organization are. Every statement of `sync_explorer`.

use access::Fresh;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use explorer::wire::{About, Enrol};
use kernel::{ExplorerId, IntegrationId, OrgId, Secret, Timestamp, fold};
use sha2::{Digest as _, Sha256};
use store::{Row, StoreError, Tx};

use super::ExplorerError;
use crate::{SyncError, checkpoint};

/// How many Explorers an organization has at most, revoked ones not counted.
pub const EXPLORERS_MAX: usize = 200;
/// How long a one-time token works, in seconds: a day.
pub const TICKET_SECONDS: i64 = 24 * 3600;
/// An Explorer that was not heard of for this long, in seconds, is silent: three polls.
pub const SILENT_AFTER: i64 = 60;
/// When it was last heard of is noted this exactly, in seconds.
pub const SEEN_EXACT: i64 = 5;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The longest thing that an Explorer says of itself, in characters.
const SAID_CHARS_MAX: usize = 120;

/// A collector inside another network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explorer {
    /// Whose it is.
    pub org: OrgId,
    /// Its id.
    pub id: ExplorerId,
    /// What people call it.
    pub name: String,
    /// Until when its one-time token works; nothing if it was used.
    pub ticket_ends_at: Option<Timestamp>,
    /// What secrets are sealed to for it; nothing until it has enrolled.
    pub public_key: Option<Vec<u8>>,
    /// Its version, its machine's name, its address there, and the kinds of work that it knows.
    pub about: About,
    /// The address that the server saw it come from.
    pub seen_from: String,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// When it was last heard of.
    pub seen_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Explorer {
    /// Whether it asks for work.
    #[must_use]
    pub fn is_connected(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.seen_at.is_some_and(|at| now.seconds_since(at) < SILENT_AFTER)
    }

    /// Why it can do nothing now; nothing if it can.
    ///
    /// # Errors
    /// It was revoked, never enrolled, or is silent.
    pub fn ready(&self, now: Timestamp) -> Result<(), ExplorerError> {
        let name = || self.name.clone();
        self.not_revoked()?;
        if self.public_key.is_none() {
            return Err(ExplorerError::NotEnrolled(name()));
        }
        if !self.is_connected(now) {
            return Err(ExplorerError::Away { name: name(), since: self.seen_at });
        }
        Ok(())
    }

    /// Why nothing can be planned for it any more; nothing if it is only away.
    ///
    /// # Errors
    /// It was revoked.
    pub fn not_revoked(&self) -> Result<(), ExplorerError> {
        match self.revoked_at {
            Some(_) => Err(ExplorerError::Revoked(self.name.clone())),
            None => Ok(()),
        }
    }

    /// The public key in base64, as browsers take it.
    #[must_use]
    pub fn key_text(&self) -> Option<String> {
        self.public_key.as_deref().map(|key| STANDARD.encode(key))
    }
}

macro_rules! explorer_columns {
    () => {
        "SELECT org_id, explorer_id, name, ticket_ends_at, public_key, version, host_name, address, kinds, seen_from, \
         made_by, created_at, enrolled_at, seen_at, revoked_at FROM sync_explorer WHERE "
    };
}

fn read(row: &Row<'_>) -> Result<Explorer, StoreError> {
    let instant = |at: usize| Ok::<_, StoreError>(row.opt_int(at)?.map(Timestamp::from_micros));
    let text = |at: usize| Ok::<_, StoreError>(row.text(at)?.to_owned());
    let kinds = row.text(8)?.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
    Ok(Explorer {
        org: OrgId(row.int(0)?),
        id: ExplorerId(row.int(1)?),
        name: text(2)?,
        ticket_ends_at: instant(3)?,
        public_key: row.opt_bytes(4)?.map(<[u8]>::to_vec),
        about: About { version: text(5)?, host: text(6)?, address: text(7)?, kinds },
        seen_from: text(9)?,
        made_by: text(10)?,
        created_at: Timestamp::from_micros(row.int(11)?),
        enrolled_at: instant(12)?,
        seen_at: instant(13)?,
        revoked_at: instant(14)?,
    })
}

/// All Explorers of an organization that were not revoked, by name.
///
/// # Errors
/// The database fails.
pub fn explorers(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Explorer>, StoreError> {
    const READ: &str = concat!(explorer_columns!(), "org_id = $1 AND revoked_at IS NULL ORDER BY name");
    tx.query(READ, &[org.into()], read)
}

/// One Explorer of an organization, even if it was revoked.
///
/// # Errors
/// The database fails.
pub fn explorer(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId) -> Result<Option<Explorer>, StoreError> {
    const READ: &str = concat!(explorer_columns!(), "org_id = $1 AND explorer_id = $2");
    tx.query_opt(READ, &[org.into(), id.into()], read)
}

/// The Explorer that a token is of, in whichever organization, even if it was revoked.
///
/// # Errors
/// The database fails.
pub fn known(tx: &mut Tx<'_>, token: &str) -> Result<Option<Explorer>, StoreError> {
    const READ: &str = concat!(explorer_columns!(), "token_hash = $1");
    tx.query_opt(READ, &[(&hash(token)).into()], read)
}

/// Makes an Explorer and the one-time token that it enrols with, which is shown once.
///
/// # Errors
/// The name cannot be used or is taken, there are [`EXPLORERS_MAX`], or the database fails.
pub fn create(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: &str,
    fresh: &Fresh,
    by: &str,
    now: Timestamp,
) -> Result<(ExplorerId, Secret), ExplorerError> {
    const ADD: &str = "INSERT INTO sync_explorer (org_id, explorer_id, name, ticket_hash, ticket_ends_at, made_by, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let name = free_name(tx, org, name, None)?;
    let id = ExplorerId(checkpoint::next_id(tx, org)?);
    let ticket = written(fresh);
    let hash = hash(ticket.expose());
    let values = [
        org.into(),
        id.into(),
        (&name).into(),
        (&hash).into(),
        now.plus_seconds(TICKET_SECONDS).into(),
        by.into(),
        now.into(),
    ];
    tx.execute(ADD, &values)?;
    access::audit(tx, org, now, by, "explorer.create", &name, "")?;
    Ok((id, ticket))
}

/// Makes another one-time token for an Explorer: for one that was set up anew. Until it is used, all stays as it is.
///
/// # Errors
/// There is no such Explorer, or the database fails.
pub fn renew_ticket(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    fresh: &Fresh,
    by: &str,
    now: Timestamp,
) -> Result<Secret, ExplorerError> {
    const SET: &str = "UPDATE sync_explorer SET ticket_hash = $3, ticket_ends_at = $4 \
        WHERE org_id = $1 AND explorer_id = $2 AND revoked_at IS NULL";
    let of = present(tx, org, id)?;
    let ticket = written(fresh);
    let ends = now.plus_seconds(TICKET_SECONDS);
    tx.execute(SET, &[org.into(), id.into(), (&hash(ticket.expose())).into(), ends.into()])?;
    access::audit(tx, org, now, by, "explorer.ticket", &of.name, "")?;
    Ok(ticket)
}

/// Lets an Explorer in by its one-time token, which is used up, and answers it with the token that it comes with from now on.
/// Nothing if there is no such one-time token, or it is over.
///
/// # Errors
/// The public key cannot be used, or the database fails.
pub fn enrol(
    tx: &mut Tx<'_>,
    order: &Enrol,
    from: &str,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<Option<(Explorer, Secret)>, ExplorerError> {
    const FIND: &str = concat!(explorer_columns!(), "ticket_hash = $1 AND ticket_ends_at > $2 AND revoked_at IS NULL");
    const SET: &str = "UPDATE sync_explorer SET ticket_hash = NULL, ticket_ends_at = NULL, token_hash = $3, public_key = $4, \
        enrolled_at = $5 WHERE org_id = $1 AND explorer_id = $2";
    let Some(of) = tx.query_opt(FIND, &[(&hash(&order.ticket)).into(), now.into()], read)? else { return Ok(None) };
    let public = STANDARD.decode(&order.public_key).unwrap_or_default();
    if !explorer::seal::is_public_key(&public) {
        return Err(explorer::seal::SealError::Key.into());
    }
    let token = written(fresh);
    let hash = hash(token.expose());
    tx.execute(SET, &[of.org.into(), of.id.into(), (&hash).into(), public.as_slice().into(), now.into()])?;
    seen(tx, of.org, of.id, &order.about, from, now)?;
    let detail = format!("{} from {from}", cut(&order.about.host));
    access::audit(tx, of.org, now, &format!("Explorer {}", of.name), "explorer.enrol", &of.name, &detail)?;
    let of = present(tx, of.org, of.id)?;
    Ok(Some((of, token)))
}

/// Notes that an Explorer was heard of, and what it says of itself.
///
/// # Errors
/// The database fails.
pub fn seen(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    about: &About,
    from: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SET: &str = "UPDATE sync_explorer SET seen_at = $3, version = $4, host_name = $5, address = $6, kinds = $7, \
        seen_from = $8 WHERE org_id = $1 AND explorer_id = $2";
    let kinds: Vec<String> = about.kinds.iter().map(|kind| cut(kind).replace(',', " ")).take(32).collect();
    let values = [
        org.into(),
        id.into(),
        now.into(),
        cut(&about.version).into(),
        cut(&about.host).into(),
        cut(&about.address).into(),
        kinds.join(",").into(),
        cut(from).into(),
    ];
    tx.execute(SET, &values)?;
    Ok(())
}

/// Gives an Explorer another name.
///
/// # Errors
/// There is none, the text cannot be a name, another has it, or the database fails.
pub fn rename(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ExplorerId,
    to: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), ExplorerError> {
    const SET: &str = "UPDATE sync_explorer SET name = $3 WHERE org_id = $1 AND explorer_id = $2";
    let of = present(tx, org, id)?;
    let name = free_name(tx, org, to, Some(id))?;
    if name == of.name {
        return Ok(());
    }
    tx.execute(SET, &[org.into(), id.into(), (&name).into()])?;
    access::audit(tx, org, now, by, "explorer.rename", &of.name, &name)?;
    Ok(())
}

/// Revokes an Explorer: from now on its token opens nothing, and what it was to do is withdrawn. What runs there waits until
/// it is told to run elsewhere.
///
/// # Errors
/// There is none, or the database fails.
pub fn revoke(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId, by: &str, now: Timestamp) -> Result<(), ExplorerError> {
    const SET: &str = "UPDATE sync_explorer SET revoked_at = $3, ticket_hash = NULL, ticket_ends_at = NULL \
        WHERE org_id = $1 AND explorer_id = $2";
    let of = present(tx, org, id)?;
    tx.execute(SET, &[org.into(), id.into(), now.into()])?;
    super::queue::withdraw_all(tx, org, id)?;
    access::audit(tx, org, now, by, "explorer.revoke", &of.name, "")?;
    Ok(())
}

/// The names of the integrations that run at an Explorer.
///
/// # Errors
/// The database fails.
pub fn runs_there(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId) -> Result<Vec<(IntegrationId, String)>, StoreError> {
    const READ: &str =
        "SELECT integration_id, name FROM sync_integration WHERE org_id = $1 AND explorer_id = $2 ORDER BY name";
    tx.query(READ, &[org.into(), id.into()], |row| Ok((IntegrationId(row.int(0)?), row.text(1)?.to_owned())))
}

/// Chooses where an integration runs: at an Explorer, or here.
///
/// # Errors
/// There is no such integration or Explorer, its token is kept by another Explorer, or the database fails.
pub fn set_runs_at(
    tx: &mut Tx<'_>,
    org: OrgId,
    integration: IntegrationId,
    at: Option<ExplorerId>,
    by: &str,
    now: Timestamp,
) -> Result<(), SyncError> {
    const SET: &str =
        "UPDATE sync_integration SET explorer_id = $3, updated_at = $4 WHERE org_id = $1 AND integration_id = $2";
    let of = crate::integration(tx, org, integration)?;
    if of.connector.is_file() {
        return Err(ExplorerError::IsFile.into());
    }
    if at == of.explorer {
        return Ok(());
    }
    let name = match at {
        Some(id) => present(tx, org, id)?.name,
        None => "centre".to_owned(),
    };
    if let Some(credential) = of.credential
        && let Some(keeper) = super::relay::kept_at(tx, org, credential)?
        && Some(keeper) != at
    {
        let keeper = present(tx, org, keeper)?.name;
        return Err(ExplorerError::KeptAt(keeper).into());
    }
    let at = at.map_or(kernel::Value::Null, Into::into);
    tx.execute(SET, &[org.into(), integration.into(), at, now.into()])?;
    access::audit(tx, org, now, by, "integration.runs_at", &of.name, &name)?;
    Ok(())
}

/// An Explorer that was not revoked.
pub(super) fn present(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId) -> Result<Explorer, ExplorerError> {
    let found = explorer(tx, org, id)?.filter(|of| of.revoked_at.is_none());
    found.ok_or_else(|| ExplorerError::NoSuch(id.to_string()))
}

fn free_name(tx: &mut Tx<'_>, org: OrgId, name: &str, own: Option<ExplorerId>) -> Result<String, ExplorerError> {
    let name = name.trim().to_owned();
    let why = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > NAME_CHARS_MAX {
        "it has more than 64 characters"
    } else if name.chars().any(|character| character.is_control() || character == ',') {
        "it has a comma or a control character"
    } else if name.starts_with('-') || fold(&name) == "centre" {
        "it begins with a dash, like an option, or stands for the server itself"
    } else {
        ""
    };
    if !why.is_empty() {
        return Err(ExplorerError::BadName { name: cut(&name), why });
    }
    let all = explorers(tx, org)?;
    if own.is_none() && all.len() >= EXPLORERS_MAX {
        return Err(ExplorerError::TooMany);
    }
    if all.iter().any(|of| Some(of.id) != own && fold(&of.name) == fold(&name)) {
        return Err(ExplorerError::Taken(name));
    }
    Ok(name)
}

/// A token as text: 43 letters, digits, `-` and `_`.
fn written(fresh: &Fresh) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(fresh))
}

/// What is stored of a token, which nobody can guess: a plain hash is enough and finds its row.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(SAID_CHARS_MAX).collect()
}
