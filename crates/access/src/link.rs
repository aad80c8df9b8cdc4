//! Connection links: an operator makes one, and somebody without an account hands over a credential by it.
//!
//! The token stands in the link's fragment, which no proxy sees; here is its hash only. Looking never uses a link up, since
//! scanners of mail follow links: what does is [`consume_link`], in the transaction that stores the credential.

use kernel::{CredentialId, IntegrationId, OrgId, Secret, Timestamp};
use store::{Row, StoreError, Tx};

use crate::org::checked_name;
use crate::session::Origin;
use crate::token::{self, Fresh};
use crate::{AccessError, audit};

/// How long a link works at least, in seconds.
pub const LINK_SECONDS_MIN: i64 = 15 * 60;
/// How long a link works at most, in seconds.
pub const LINK_SECONDS_MAX: i64 = 72 * 3600;
/// How long a link works unless told otherwise, in seconds.
pub const LINK_SECONDS: i64 = 24 * 3600;
/// How many failed attempts a link bears.
pub const LINK_ATTEMPTS_MAX: i64 = 5;
/// The longest reason that is kept, in characters.
const WHY_CHARS_MAX: usize = 300;

/// A link to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewLink {
    /// Which connector it is for: `sentinelone`.
    pub connector: String,
    /// The console's host, if no other will do.
    pub host: Option<String>,
    /// Who it is for, as the maker writes it.
    pub recipient: String,
    /// How long it works, in seconds, from [`LINK_SECONDS_MIN`] to [`LINK_SECONDS_MAX`].
    pub seconds: i64,
    /// The Explorer that is to keep the secret; the server if none.
    pub explorer: Option<String>,
    /// The integration that gets a new token; a new one if none.
    pub integration: Option<IntegrationId>,
    /// The credential that gets a new version; a new one if none.
    pub credential: Option<CredentialId>,
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody has opened it.
    Open,
    /// Its page was opened.
    Opened,
    /// A credential was handed over by it.
    Consumed,
    /// It was revoked: by a person, by a newer link, or after too many attempts.
    Revoked,
    /// Who it was for does not want it, and says why.
    Refused,
    /// Its time is over.
    Expired,
}

impl LinkState {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            LinkState::Open => "open",
            LinkState::Opened => "opened",
            LinkState::Consumed => "consumed",
            LinkState::Revoked => "revoked",
            LinkState::Refused => "refused",
            LinkState::Expired => "expired",
        }
    }

    /// Whether a credential may still be handed over by it.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, LinkState::Open | LinkState::Opened)
    }
}

/// A link, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its public id, a UUIDv7.
    pub id: String,
    /// Who asks.
    pub org: OrgId,
    /// Which connector it is for.
    pub connector: String,
    /// The console's host, if no other will do.
    pub host: Option<String>,
    /// Who it is for.
    pub recipient: String,
    /// The Explorer that is to keep the secret.
    pub explorer: Option<String>,
    /// The integration that gets a new token.
    pub integration: Option<IntegrationId>,
    /// The credential that gets a new version.
    pub credential: Option<CredentialId>,
    /// The login of who made it.
    pub made_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How far it is, at the moment of asking.
    pub state: LinkState,
    /// Since when.
    pub state_at: Timestamp,
    /// Why, where there is a reason to tell.
    pub why: String,
    /// How many attempts failed.
    pub failures: i64,
}

impl Link {
    /// How many attempts are left.
    #[must_use]
    pub fn attempts_left(&self) -> i64 {
        (LINK_ATTEMPTS_MAX - self.failures).max(0)
    }
}

macro_rules! columns {
    () => {
        "link_id, org_id, connector, host, recipient, explorer, integration_id, credential_id, made_by, created_at,
        expires_at, state, state_at, state_why, failures FROM access_link WHERE "
    };
}

const BY_TOKEN: &str = concat!("SELECT ", columns!(), "token_hash = $1");
const ONE: &str = concat!("SELECT ", columns!(), "org_id = $1 AND link_id = $2");
const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    "org_id = $1 AND (CAST($2 AS TEXT) IS NULL OR link_id < $2) ORDER BY link_id DESC LIMIT $3"
);
const SAME_PURPOSE: &str = concat!(
    "SELECT ",
    columns!(),
    "org_id = $1 AND state IN ('open', 'opened') AND expires_at > $2 AND connector = $3 AND recipient = $4
    AND COALESCE(host, '') = $5 AND COALESCE(integration_id, 0) = $6 AND COALESCE(credential_id, 0) = $7"
);
const ADD: &str = "INSERT INTO access_link (org_id, link_id, token_hash, connector, host, recipient, explorer,
    integration_id, credential_id, made_by, created_at, expires_at, state, state_at, state_why, failures)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open', $11, '', 0)";
const SET_STATE: &str = "UPDATE access_link SET state = $3, state_at = $4, state_why = $5
    WHERE org_id = $1 AND link_id = $2 AND state IN ('open', 'opened') AND state <> $3";
const FAIL: &str = "UPDATE access_link SET failures = failures + 1 WHERE org_id = $1 AND link_id = $2
    AND state IN ('open', 'opened') RETURNING failures";

/// Makes a link and answers its token, which is shown once, for the fragment of the address. An earlier one for the same
/// purpose (connector, host, recipient, integration, credential) works no longer.
///
/// # Errors
/// A text or the time cannot be used.
pub fn create_link(
    tx: &mut Tx<'_>,
    org: OrgId,
    new: &NewLink,
    by: &str,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<(Secret, Link), AccessError> {
    let connector = checked_name("connector", &new.connector)?;
    let recipient = checked_name("recipient", &new.recipient)?;
    let host = new.host.as_deref().map(|host| checked_name("host", host)).transpose()?.map(|host| host.to_lowercase());
    if !(LINK_SECONDS_MIN..=LINK_SECONDS_MAX).contains(&new.seconds) {
        return Err(AccessError::Invalid { what: "validity", why: "it is not from 15 minutes to 72 hours" });
    }
    if let Some(credential) = new.credential {
        crate::saved::owned(tx, org, credential)?;
    }
    let purpose = [
        org.into(),
        now.into(),
        (&connector).into(),
        (&recipient).into(),
        host.as_deref().unwrap_or_default().into(),
        new.integration.map_or(0, |id| id.0).into(),
        new.credential.map_or(0, |id| id.0).into(),
    ];
    for older in tx.query(SAME_PURPOSE, &purpose, |row| read(row, now))? {
        end(tx, &older, LinkState::Revoked, "a newer link takes its place", by, now)?;
    }
    let text = token::written(fresh);
    let hash = token::hash(text.expose());
    let link = Link {
        id: token::id(now, &hash),
        org,
        connector,
        host,
        recipient,
        explorer: new.explorer.clone(),
        integration: new.integration,
        credential: new.credential,
        made_by: by.to_owned(),
        created_at: now,
        expires_at: now.plus_seconds(new.seconds),
        state: LinkState::Open,
        state_at: now,
        why: String::new(),
        failures: 0,
    };
    let values = [
        org.into(),
        (&link.id).into(),
        (&hash).into(),
        (&link.connector).into(),
        link.host.as_deref().into(),
        (&link.recipient).into(),
        link.explorer.as_deref().into(),
        link.integration.into(),
        link.credential.into(),
        by.into(),
        now.into(),
        link.expires_at.into(),
    ];
    tx.execute(ADD, &values)?;
    let detail = format!("{} for {} until {}", link.connector, link.recipient, link.expires_at);
    audit(tx, org, now, by, "link.created", &link.id, &detail)?;
    Ok((text, link))
}

/// The link of a token, whatever its state, for the page that says how things are. It changes nothing.
///
/// # Errors
/// The database refuses.
pub fn link_of(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Option<Link>, AccessError> {
    Ok(tx.query_opt(BY_TOKEN, &[(&token::hash(token)).into()], |row| read(row, now))?)
}

/// Opens a link: answers it, and notes when it was opened first. Nothing if no link has this token; look at
/// [`LinkState::is_live`] before anything else. It may be opened again until it is consumed.
///
/// # Errors
/// The database refuses.
pub fn open_link(tx: &mut Tx<'_>, token: &str, address: &str, now: Timestamp) -> Result<Option<Link>, AccessError> {
    let Some(link) = link_of(tx, token, now)? else { return Ok(None) };
    if link.state != LinkState::Open {
        return Ok(Some(link));
    }
    let values = [link.org.into(), (&link.id).into(), LinkState::Opened.word().into(), now.into(), "".into()];
    tx.execute(SET_STATE, &values)?;
    let detail = format!("from {}", Origin::shown(address, 64));
    audit(tx, link.org, now, &by_recipient(&link), "link.opened", &link.id, &detail)?;
    Ok(Some(Link { state: LinkState::Opened, state_at: now, ..link }))
}

/// Notes that a credential given by a link did not work, and answers how many attempts are left; with none left the link is
/// revoked. Nothing if the link is not live.
///
/// # Errors
/// The database refuses.
pub fn fail_link(tx: &mut Tx<'_>, token: &str, why: &str, now: Timestamp) -> Result<Option<i64>, AccessError> {
    let Some(link) = link_of(tx, token, now)?.filter(|link| link.state.is_live()) else { return Ok(None) };
    let by = by_recipient(&link);
    let failures = tx.query_opt(FAIL, &[link.org.into(), (&link.id).into()], |row| row.int(0))?;
    let Some(failures) = failures else { return Ok(None) };
    audit(tx, link.org, now, &by, "link.failed", &link.id, &Origin::shown(why, WHY_CHARS_MAX))?;
    let left = (LINK_ATTEMPTS_MAX - failures).max(0);
    if left == 0 {
        end(tx, &link, LinkState::Revoked, "too many attempts failed", &by, now)?;
    }
    Ok(Some(left))
}

/// Uses a link up, in the transaction that stores the credential. Answers the link as it was; nothing if it is not live, and
/// then nothing may be stored.
///
/// # Errors
/// The database refuses.
pub fn consume_link(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Option<Link>, AccessError> {
    let Some(link) = link_of(tx, token, now)?.filter(|link| link.state.is_live()) else { return Ok(None) };
    let by = by_recipient(&link);
    Ok(end(tx, &link, LinkState::Consumed, "", &by, now)?.then_some(link))
}

/// Refuses what a link asks for: who has it says no, and why, for who made it. Nothing may be handed over by it any more.
/// Answers whether it was live.
///
/// # Errors
/// The database refuses.
pub fn refuse_link(tx: &mut Tx<'_>, token: &str, why: &str, now: Timestamp) -> Result<bool, AccessError> {
    let Some(link) = link_of(tx, token, now)?.filter(|link| link.state.is_live()) else { return Ok(false) };
    let (by, why) = (by_recipient(&link), Origin::shown(why.trim(), WHY_CHARS_MAX));
    end(tx, &link, LinkState::Refused, &why, &by, now)
}

/// Revokes a link of an organization. Answers whether it was live.
///
/// # Errors
/// There is no such link.
pub fn revoke_link(tx: &mut Tx<'_>, org: OrgId, id: &str, by: &str, now: Timestamp) -> Result<bool, AccessError> {
    let found = link(tx, org, id, now)?.ok_or(AccessError::NoSuch { what: "link" })?;
    if !found.state.is_live() {
        return Ok(false);
    }
    end(tx, &found, LinkState::Revoked, "revoked", by, now)
}

/// One link of an organization.
///
/// # Errors
/// The database refuses.
pub fn link(tx: &mut Tx<'_>, org: OrgId, id: &str, now: Timestamp) -> Result<Option<Link>, AccessError> {
    Ok(tx.query_opt(ONE, &[org.into(), id.into()], |row| read(row, now))?)
}

/// Up to `limit` links of an organization, the newest first, those before `before`.
///
/// # Errors
/// The database refuses.
pub fn links(
    tx: &mut Tx<'_>,
    org: OrgId,
    before: Option<&str>,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<Link>, AccessError> {
    Ok(tx.query(PAGE, &[org.into(), before.into(), i64::from(limit).into()], |row| read(row, now))?)
}

/// Ends a live link; false if somebody else has ended it meanwhile.
fn end(
    tx: &mut Tx<'_>,
    link: &Link,
    state: LinkState,
    why: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, AccessError> {
    let values = [link.org.into(), (&link.id).into(), state.word().into(), now.into(), why.into()];
    let ended = tx.execute(SET_STATE, &values)? > 0;
    if ended {
        audit(tx, link.org, now, by, &format!("link.{}", state.word()), &link.id, why)?;
    }
    Ok(ended)
}

/// Nobody has signed in there: all that is known is for whom the link was made.
fn by_recipient(link: &Link) -> String {
    format!("link for {}", link.recipient)
}

fn read(row: &Row<'_>, now: Timestamp) -> Result<Link, StoreError> {
    let instant = |at: usize| Ok::<_, StoreError>(Timestamp::from_micros(row.int(at)?));
    let text = |at: usize| Ok::<_, StoreError>(row.opt_text(at)?.map(str::to_owned));
    let expires_at = instant(10)?;
    let stored = match row.text(11)? {
        "open" => LinkState::Open,
        "opened" => LinkState::Opened,
        "consumed" => LinkState::Consumed,
        "refused" => LinkState::Refused,
        _ => LinkState::Revoked,
    };
    let over = stored.is_live() && expires_at <= now;
    Ok(Link {
        id: row.text(0)?.to_owned(),
        org: OrgId(row.int(1)?),
        connector: row.text(2)?.to_owned(),
        host: text(3)?,
        recipient: row.text(4)?.to_owned(),
        explorer: text(5)?,
        integration: row.opt_int(6)?.map(IntegrationId),
        credential: row.opt_int(7)?.map(CredentialId),
        made_by: row.text(8)?.to_owned(),
        created_at: instant(9)?,
        expires_at,
        state: if over { LinkState::Expired } else { stored },
        state_at: if over { expires_at } else { instant(12)? },
        why: row.text(13)?.to_owned(),
        failures: row.int(14)?,
    })
}
