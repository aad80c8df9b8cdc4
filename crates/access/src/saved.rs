//! Credentials as people see them: named, saved on their own, used by any number of integrations and tasks, in one
//! organization, in chosen ones or in all. The sealed versions of the secret are `credential`'s.

use kernel::{CredentialId, OrgId, PersonId, Secret, Timestamp, fold};
use store::{Row, StoreError, Tx};

use crate::credential::{self, CONSOLE_TOKEN};
use crate::org::checked_name;
use crate::reference::Reference;
use crate::{AccessError, Keyring, Permission, audit, may, memberships, number};

/// How many credentials an organization owns at most.
pub const CREDENTIALS_MAX: usize = 1000;
/// The longest URL or name of a type, in bytes.
const TEXT_BYTES_MAX: usize = 2048;

/// A type of credential: what is asked for and how it is called. Types are data; what uses one knows its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialKind {
    /// The word that is stored.
    pub word: &'static str,
    /// As people choose it.
    pub title: &'static str,
    /// What its secret is called.
    pub secret: &'static str,
    /// Whether a URL belongs to it.
    pub has_url: bool,
}

/// The types there are.
pub const CREDENTIAL_KINDS: &[CredentialKind] = &[
    CredentialKind { word: CONSOLE_TOKEN, title: "SentinelOne API key", secret: "API token", has_url: true },
    CredentialKind { word: "snmp_community", title: "SNMP community (v2c)", secret: "Community", has_url: false },
    CredentialKind {
        word: "snmp_v3",
        title: "SNMP v3 user (authPriv)",
        secret: "user with its two secrets",
        has_url: false,
    },
];

/// Who keeps a credential's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custodian {
    /// This server, sealed.
    Server,
    /// Something else, which is asked when the secret is needed.
    Reference(Reference),
    /// An Explorer, by its id: the server never has it.
    Explorer(String),
}

/// What was learned about a credential by using it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its role there.
    pub role: Option<String>,
    /// What it sees there.
    pub scope: Option<String>,
    /// When it ends there.
    pub expires_at: Option<Timestamp>,
}

/// A credential, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// The organization that owns it.
    pub org: OrgId,
    /// Its name, unique in its organization whatever the case.
    pub name: String,
    /// Its type: the word of a [`CredentialKind`].
    pub kind: String,
    /// Where it is good for; empty if its type has none.
    pub url: String,
    /// Whether every organization may use it.
    pub global: bool,
    /// Who keeps the secret.
    pub custodian: Custodian,
    /// What was learned about it.
    pub facts: Facts,
    /// Tells equal secrets; nothing if this server does not keep it.
    pub fingerprint: Option<String>,
    /// The version in use.
    pub version: Option<i64>,
    /// When it was saved.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// The name under which its versions are sealed: what [`crate::propose`] and its like take with [`Credential::org`].
    pub sealed_as: String,
}

/// A credential to be saved.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Where it is good for.
    pub url: String,
    /// Where its secret is, or the secret itself.
    pub keep: Keep,
}

/// Where the secret of a new credential is to be kept.
#[derive(Clone, Debug)]
pub enum Keep {
    /// Here, sealed.
    Secret(Secret),
    /// Where the reference points.
    Reference(Reference),
    /// With an Explorer.
    Explorer(String),
}

/// What an organization may use, and what the asking person knows of elsewhere that it may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// By name: its own, those granted to it, and global ones.
    pub usable: Vec<Credential>,
    /// By name: those of the person's other organizations that this one has no access to.
    pub hidden: Vec<HiddenCredential>,
}

/// A credential that the current organization may not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenCredential {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Who owns it.
    pub org_name: String,
}

/// A credential's secret on its way to use.
#[derive(Clone, Debug)]
pub enum Custody {
    /// Here it is.
    Opened(Secret),
    /// [`crate::fetch_secret`] gets it from there.
    Elsewhere(Reference),
    /// This Explorer has it; the work must be done there.
    Explorer(String),
}

macro_rules! columns {
    () => {
        "c.credential_id, c.org_id, c.label, c.kind, c.url, c.is_global, c.custodian, c.kept_at, c.role, c.scope,
        c.expires_at, (SELECT v.fingerprint FROM access_credential_version v WHERE v.org_id = c.org_id
            AND v.name = c.name AND v.version = c.version_active), c.version_active, c.created_at, c.changed_at, c.name
        FROM access_credential c WHERE "
    };
}
macro_rules! usable {
    () => {
        "(c.org_id = $1 OR c.is_global = 1 OR EXISTS (SELECT 1 FROM access_credential_grant g
            WHERE g.org_id = c.org_id AND g.name = c.name AND g.to_org = $1))"
    };
}

const USABLE: &str = concat!("SELECT ", columns!(), usable!(), " ORDER BY c.label_folded, c.credential_id");
const USABLE_ONE: &str = concat!("SELECT ", columns!(), usable!(), " AND c.credential_id = $2");
const OWNED_ONE: &str = concat!("SELECT ", columns!(), "c.org_id = $1 AND c.credential_id = $2");
const BY_SEALED: &str = concat!("SELECT ", columns!(), "c.org_id = $1 AND c.name = $2");
const HIDDEN: &str =
    concat!("SELECT ", columns!(), "c.org_id = $2 AND NOT ", usable!(), " ORDER BY c.label_folded, c.credential_id");
const LABELS: &str = "SELECT credential_id, label_folded FROM access_credential WHERE org_id = $1";
const ADD: &str = "INSERT INTO access_credential (org_id, name, version_last, credential_id, label, label_folded, kind,
    url, custodian, kept_at, created_at, changed_at) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
const CHANGE: &str = "UPDATE access_credential SET label = $3, label_folded = $4, url = $5, changed_at = $6
    WHERE org_id = $1 AND credential_id = $2";
const FACTS: &str = "UPDATE access_credential SET role = $3, scope = $4, expires_at = $5
    WHERE org_id = $1 AND credential_id = $2";
const CUSTODIAN: &str = "UPDATE access_credential SET custodian = $3, kept_at = $4, changed_at = $5,
    version_active = CASE WHEN $3 = 'server' THEN version_active END, role = NULL, scope = NULL, expires_at = NULL
    WHERE org_id = $1 AND credential_id = $2";
const TOUCH: &str = "UPDATE access_credential SET changed_at = $3 WHERE org_id = $1 AND credential_id = $2";
const DROP_VERSIONS: &str = "DELETE FROM access_credential_version WHERE org_id = $1 AND name = $2";
const GLOBAL: &str = "UPDATE access_credential SET is_global = $3 WHERE org_id = $1 AND credential_id = $2";
const GRANT: &str = "INSERT INTO access_credential_grant (org_id, name, to_org) VALUES ($1, $2, $3)
    ON CONFLICT (org_id, name, to_org) DO NOTHING";
const UNGRANT: &str = "DELETE FROM access_credential_grant WHERE org_id = $1 AND name = $2 AND to_org = $3";
const GRANTS: &str = "SELECT to_org FROM access_credential_grant WHERE org_id = $1 AND name = $2 ORDER BY to_org";

/// Saves a new credential of an organization; a secret is in use at once.
///
/// # Errors
/// A text cannot be used, the name is taken, there are [`CREDENTIALS_MAX`], or there is no key to seal with.
pub fn save_credential(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    org: OrgId,
    new: &NewCredential,
    by: &str,
    now: Timestamp,
) -> Result<CredentialId, AccessError> {
    let name = free_name(tx, org, &new.name, None)?;
    let url = checked_text("URL", &new.url)?;
    let kind = checked_text("type of the credential", &new.kind)?;
    if !CREDENTIAL_KINDS.iter().any(|known| known.word == kind) {
        return Err(AccessError::Invalid { what: "type of the credential", why: "there is no such type" });
    }
    let id = CredentialId(number::next(tx, number::INSTALLATION, "credential")?);
    let sealed_as = id.to_string();
    let (custodian, kept_at) = match &new.keep {
        Keep::Secret(_) => stored(&Custodian::Server),
        Keep::Reference(reference) => stored(&Custodian::Reference(reference.clone())),
        Keep::Explorer(explorer) => stored(&Custodian::Explorer(explorer.clone())),
    };
    let values = [
        org.into(),
        (&sealed_as).into(),
        id.into(),
        (&name).into(),
        fold(&name).into_owned().into(),
        kind.into(),
        url.into(),
        custodian.into(),
        kept_at.into(),
        now.into(),
    ];
    tx.execute(ADD, &values)?;
    if let Keep::Secret(secret) = &new.keep {
        credential::store_secret(tx, keyring, org, &sealed_as, secret)?;
    }
    audit(tx, org, now, by, "credential.save", &name, custodian)?;
    Ok(id)
}

/// Changes a credential's name and URL.
///
/// # Errors
/// The organization owns no such credential, a text cannot be used, or the name is taken.
pub fn change_credential(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: CredentialId,
    name: &str,
    url: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let old = owned(tx, org, id)?;
    let name = free_name(tx, org, name, Some(id))?;
    let url = checked_text("URL", url)?;
    let values = [org.into(), id.into(), (&name).into(), fold(&name).into_owned().into(), url.into(), now.into()];
    tx.execute(CHANGE, &values)?;
    audit(tx, org, now, by, "credential.change", &old.name, &name)?;
    Ok(())
}

/// Seals a new secret for a credential, not used until [`activate_secret`]; answers its version.
///
/// # Errors
/// The organization owns no such credential, it is kept elsewhere, or there is no key.
pub fn propose_secret(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    org: OrgId,
    id: CredentialId,
    secret: &Secret,
) -> Result<i64, AccessError> {
    let found = owned(tx, org, id)?;
    credential::propose(tx, keyring, org, &found.sealed_as, secret)
}

/// Puts a proposed secret into use once it has worked, and destroys the old one.
///
/// # Errors
/// There is no such credential or version.
pub fn activate_secret(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: CredentialId,
    version: i64,
    facts: &Facts,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let found = owned(tx, org, id)?;
    credential::activate(tx, org, &found.sealed_as, version)?;
    learn(tx, org, id, facts)?;
    tx.execute(TOUCH, &[org.into(), id.into(), now.into()])?;
    audit(tx, org, now, by, "credential.rotate", &found.name, &format!("version {version}"))?;
    Ok(())
}

/// Notes what was learned about a credential by using it.
///
/// # Errors
/// The database refuses.
pub fn learn(tx: &mut Tx<'_>, org: OrgId, id: CredentialId, facts: &Facts) -> Result<(), AccessError> {
    let values =
        [org.into(), id.into(), facts.role.as_deref().into(), facts.scope.as_deref().into(), facts.expires_at.into()];
    tx.execute(FACTS, &values)?;
    Ok(())
}

/// Hands a credential over to another custodian. What the server had sealed of it is destroyed; back with the server, it
/// needs a secret again.
///
/// # Errors
/// The organization owns no such credential.
pub fn set_custodian(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: CredentialId,
    custodian: &Custodian,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let found = owned(tx, org, id)?;
    if found.custodian == *custodian {
        return Ok(());
    }
    let (word, kept_at) = stored(custodian);
    if *custodian != Custodian::Server {
        tx.execute(DROP_VERSIONS, &[org.into(), (&found.sealed_as).into()])?;
    }
    tx.execute(CUSTODIAN, &[org.into(), id.into(), word.into(), (&kept_at).into(), now.into()])?;
    audit(tx, org, now, by, "credential.custodian", &found.name, &format!("{word} {kept_at}"))?;
    Ok(())
}

/// Lets every organization use a credential, or only its own and those it is granted to. Ask for
/// [`Permission::ManageInstallation`] first.
///
/// # Errors
/// The organization owns no such credential.
pub fn set_global(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: CredentialId,
    global: bool,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let found = owned(tx, org, id)?;
    tx.execute(GLOBAL, &[org.into(), id.into(), global.into()])?;
    audit(tx, org, now, by, "credential.global", &found.name, if global { "yes" } else { "no" })?;
    Ok(())
}

/// Lets another organization use a credential, or no longer.
///
/// # Errors
/// The organization owns no such credential, or there is no such other organization.
pub fn set_grant(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: CredentialId,
    to: OrgId,
    granted: bool,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let found = owned(tx, org, id)?;
    let other = crate::org(tx, to)?.ok_or(AccessError::NoSuch { what: "organization" })?;
    let (sql, what) = if granted { (GRANT, "credential.grant") } else { (UNGRANT, "credential.ungrant") };
    tx.execute(sql, &[org.into(), (&found.sealed_as).into(), to.into()])?;
    audit(tx, org, now, by, what, &found.name, &other.name)?;
    Ok(())
}

/// The organizations that a credential is granted to.
///
/// # Errors
/// The organization owns no such credential.
pub fn grants(tx: &mut Tx<'_>, org: OrgId, id: CredentialId) -> Result<Vec<OrgId>, AccessError> {
    let found = owned(tx, org, id)?;
    Ok(tx.query(GRANTS, &[org.into(), (&found.sealed_as).into()], |row| Ok(OrgId(row.int(0)?)))?)
}

/// One credential that an organization may use; nothing if it may not, or there is none.
///
/// # Errors
/// The database refuses.
pub fn credential(tx: &mut Tx<'_>, org: OrgId, id: CredentialId) -> Result<Option<Credential>, AccessError> {
    Ok(tx.query_opt(USABLE_ONE, &[org.into(), id.into()], read)?)
}

/// The credential of an organization whose versions are sealed under a name.
///
/// # Errors
/// The database refuses.
pub fn credential_sealed_as(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<Option<Credential>, AccessError> {
    Ok(tx.query_opt(BY_SEALED, &[org.into(), name.into()], read)?)
}

/// What an organization may use, and what `person` could use in their other organizations but not here.
///
/// # Errors
/// The database refuses.
pub fn credentials(tx: &mut Tx<'_>, org: OrgId, person: Option<PersonId>) -> Result<Credentials, AccessError> {
    let usable = tx.query(USABLE, &[org.into()], read)?;
    let others = match person {
        Some(person) => memberships(tx, person)?,
        None => Vec::new(),
    };
    let mut hidden = Vec::new();
    for of in others.into_iter().filter(|of| of.org != org && may(of.role, Permission::UseCredentials)) {
        hidden.extend(tx.query(HIDDEN, &[org.into(), of.org.into()], |row| {
            let found = read(row)?;
            Ok(HiddenCredential { name: found.name, kind: found.kind, org_name: of.org_name.clone() })
        })?);
    }
    hidden.sort_by(|one, two| fold(&one.name).cmp(&fold(&two.name)));
    Ok(Credentials { usable, hidden })
}

/// Opens a credential for an organization that may use it, or says where its secret is.
///
/// # Errors
/// The organization may not use it or there is none, it has no secret yet, the key is missing, or it was tampered with.
pub fn open_credential(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    org: OrgId,
    id: CredentialId,
) -> Result<Custody, AccessError> {
    let found = credential(tx, org, id)?.ok_or(AccessError::NoSuch { what: "credential" })?;
    Ok(match found.custodian {
        Custodian::Server => Custody::Opened(credential::open_secret(tx, keyring, found.org, &found.sealed_as)?),
        Custodian::Reference(reference) => Custody::Elsewhere(reference),
        Custodian::Explorer(explorer) => Custody::Explorer(explorer),
    })
}

/// Destroys a credential in all its versions, with its grants. Whoever asks has made sure that nothing uses it.
///
/// # Errors
/// The organization owns no such credential.
pub fn remove_credential(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: CredentialId,
    by: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    let found = owned(tx, org, id)?;
    credential::forget(tx, org, &found.sealed_as)?;
    audit(tx, org, now, by, "credential.remove", &found.name, "")?;
    Ok(())
}

pub(crate) fn owned(tx: &mut Tx<'_>, org: OrgId, id: CredentialId) -> Result<Credential, AccessError> {
    let found = tx.query_opt(OWNED_ONE, &[org.into(), id.into()], read)?;
    found.ok_or(AccessError::NoSuch { what: "credential" })
}

fn free_name(tx: &mut Tx<'_>, org: OrgId, name: &str, own: Option<CredentialId>) -> Result<String, AccessError> {
    let name = checked_name("name of the credential", name)?;
    // What is sealed for an integration under its own id needs that name.
    if kernel::IntegrationId::parse(&name).is_some() {
        return Err(AccessError::Invalid { what: "name of the credential", why: "it is the id of an integration" });
    }
    let taken = tx.query(LABELS, &[org.into()], |row| Ok((CredentialId(row.int(0)?), row.text(1)?.to_owned())))?;
    if own.is_none() && taken.len() >= CREDENTIALS_MAX {
        return Err(AccessError::TooMany { what: "credentials", max: CREDENTIALS_MAX });
    }
    let folded = fold(&name);
    if taken.iter().any(|(id, label)| Some(*id) != own && *label == folded) {
        return Err(AccessError::Taken { what: "credential", name });
    }
    Ok(name)
}

fn checked_text(what: &'static str, text: &str) -> Result<String, AccessError> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(AccessError::Invalid { what, why: "it is too long, or holds a character that cannot be shown" });
    }
    Ok(text.to_owned())
}

fn stored(custodian: &Custodian) -> (&'static str, String) {
    match custodian {
        Custodian::Server => ("server", String::new()),
        Custodian::Reference(reference) => ("reference", reference.to_string()),
        Custodian::Explorer(explorer) => ("explorer", explorer.clone()),
    }
}

fn read(row: &Row<'_>) -> Result<Credential, StoreError> {
    let kept_at = row.text(7)?;
    let custodian = match row.text(6)? {
        "explorer" => Custodian::Explorer(kept_at.to_owned()),
        // A reference of a newer version is one that nothing here can follow.
        "reference" => {
            Custodian::Reference(Reference::parse(kept_at).unwrap_or_else(|_| Reference::Unknown(kept_at.to_owned())))
        }
        _ => Custodian::Server,
    };
    let instant = |at: usize| Ok::<_, StoreError>(Timestamp::from_micros(row.int(at)?));
    Ok(Credential {
        id: CredentialId(row.int(0)?),
        org: OrgId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        kind: row.text(3)?.to_owned(),
        url: row.text(4)?.to_owned(),
        global: row.flag(5)?,
        custodian,
        facts: Facts {
            role: row.opt_text(8)?.map(str::to_owned),
            scope: row.opt_text(9)?.map(str::to_owned),
            expires_at: row.opt_int(10)?.map(Timestamp::from_micros),
        },
        fingerprint: row.opt_text(11)?.map(str::to_owned),
        version: row.opt_int(12)?,
        created_at: instant(13)?,
        changed_at: instant(14)?,
        sealed_as: row.text(15)?.to_owned(),
    })
}
