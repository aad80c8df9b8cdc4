//! Saved credentials as programs read and change them. There is no way to read a secret.

use access::Permission;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::{OrgId, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kept, Order, Rotation, Shown, Unsaved};
use crate::fields::{Asked, body};
use crate::{App, Mistake, Problem, Visitor, listing, respond};

/// All credentials that the organization may use.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Credentials")]
pub(super) struct All {
    /// By name.
    items: Vec<One>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
    /// Those of your other organizations that this one has no access to.
    hidden: Vec<Hidden>,
}

/// A credential that this organization has no access to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HiddenCredential")]
struct Hidden {
    name: String,
    /// Who owns it.
    organization: String,
}

/// A credential, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Credential")]
pub(super) struct One {
    id: String,
    name: String,
    /// Its type: sentinelone_api_token, snmp_community, snmp_v3.
    kind: String,
    /// Where it is good for; empty if nowhere in particular.
    url: String,
    /// Who keeps the secret: server, reference, explorer.
    custodian: &'static str,
    /// Where it is kept, of a reference.
    reference: Option<String>,
    /// Every organization may use it.
    global: bool,
    /// This organization owns it.
    own: bool,
    role: Option<String>,
    scope: Option<String>,
    expires_at: Option<String>,
    /// Tells equal secrets of this server.
    fingerprint: Option<String>,
    version: Option<i64>,
    created_at: String,
    changed_at: String,
    /// Integrations of this organization that read with it, by name.
    used_by: Vec<String>,
    /// Organizations that it is granted to.
    granted_to: Vec<i64>,
}

/// A credential to be saved: with a secret, or with a reference to where it is.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewCredential")]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    /// sentinelone_api_token, snmp_community, snmp_v3.
    kind: String,
    /// The console's address.
    #[serde(default)]
    url: String,
    /// For snmp_v3 a text of JSON: {"user": "..", "auth": "sha1" or "sha256", "auth_secret": "..", "privacy_secret": ".."}.
    secret: Option<String>,
    /// vault://mount/path#key, env:MUSTER_SECRET_NAME, file:///folder/name
    reference: Option<String>,
    /// Save it although the console does not answer just now.
    #[serde(default)]
    untried: bool,
}

/// A new secret.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewSecret")]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    secret: String,
}

/// What is to be different; what is not named stays.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CredentialChange")]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: Option<String>,
    /// The console's address; the empty text takes it away.
    url: Option<String>,
}

/// Where its secret is from now on.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CredentialReference")]
#[serde(deny_unknown_fields)]
pub(super) struct Refer {
    /// vault://mount/path#key, env:MUSTER_SECRET_NAME, file:///folder/name
    reference: String,
}

/// Who may use it.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CredentialSharing")]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    /// Every organization; needs the permission to manage the installation. Left out, it stays.
    global: Option<bool>,
    /// Exactly these of your organizations, beside its own.
    organizations: Vec<i64>,
}

/// It is done.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Done")]
pub(crate) struct Done {
    /// What was done to what, in a sentence.
    pub(crate) done: String,
}

fn told(found: &Shown, org: OrgId) -> One {
    let of = &found.of;
    let (custodian, reference) = match &of.custodian {
        access::Custodian::Server => ("server", None),
        access::Custodian::Reference(reference) => ("reference", Some(reference.to_string())),
        access::Custodian::Explorer(_) => ("explorer", None),
    };
    One {
        id: of.id.to_string(),
        name: of.name.clone(),
        kind: of.kind.clone(),
        url: of.url.clone(),
        custodian,
        reference: reference.filter(|_| of.org == org),
        global: of.global,
        own: of.org == org,
        role: of.facts.role.clone(),
        scope: of.facts.scope.clone(),
        expires_at: of.facts.expires_at.map(|at| at.to_string()),
        fingerprint: of.fingerprint.clone(),
        version: of.version,
        created_at: of.created_at.to_string(),
        changed_at: of.changed_at.to_string(),
        used_by: found.uses.iter().filter(|one| one.org == org).map(|one| one.name.clone()).collect(),
        granted_to: found.grants.iter().map(|org| org.0).collect(),
    }
}

fn tagged(headers: &HeaderMap, found: &Shown, org: OrgId) -> Response {
    respond::stamped(headers, &told(found, org), &super::stamp(found))
}

/// `GET /api/v1/credentials`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, person) = (visitor.org, visitor.person);
    let read = app.store.read(move |tx| {
        let known = super::known(tx, org, Some(person))?;
        // Names are unique in an organization, and global ones of others may bear the same.
        let (usable, next) = listing::page(known.usable, &asked, |of| format!("{} {}", of.name, of.id))?;
        let shown = usable.iter().map(|of| super::shown(tx, org, &of.id.to_string()));
        Ok::<_, Problem>((shown.collect::<Result<Vec<_>, _>>()?, known.hidden, next))
    });
    let (shown, hidden, next) = read.await?;
    let items = shown.iter().map(|found| told(found, org)).collect();
    let hidden = hidden.into_iter().map(|of| Hidden { name: of.name, organization: of.org_name }).collect();
    Ok(respond::json(&headers, &All { items, hidden, next }))
}

/// `GET /api/v1/credentials/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let found = app.store.read(move |tx| super::shown(tx, org, &id)).await?;
    Ok(tagged(&headers, &found, org))
}

async fn again(app: &App, org: OrgId, id: String) -> Result<Response, Problem> {
    let found = app.store.read(move |tx| super::shown(tx, org, &id)).await?;
    Ok(tagged(&HeaderMap::new(), &found, org))
}

fn of_fault(fault: super::Fault) -> Problem {
    let detail = format!("{}: {}", fault.step, fault.what);
    Problem::invalid(detail).help(fault.help).mistake(Mistake::of(fault.field, fault.what))
}

/// `POST /api/v1/credentials`
pub(super) async fn save(State(app): State<App>, visitor: Visitor, bytes: Bytes) -> Result<Response, Problem> {
    let New { name, kind, url, secret, reference, untried } = body(&bytes)?;
    let keep = match (secret, reference) {
        (Some(secret), None) => Kept::Secret(Secret::new(secret)),
        (None, Some(reference)) => {
            super::may_refer(&visitor)?;
            Kept::Reference(reference)
        }
        _ => return Err(Problem::invalid("Give either secret or reference.")),
    };
    match super::save(&app, visitor.org, &visitor.login, Order { name, kind, url, keep, untried }).await {
        Ok((id, _)) => again(&app, visitor.org, id.to_string()).await,
        Err(Unsaved::Fault(fault)) => Err(of_fault(fault)),
        Err(Unsaved::Field(field, words)) => Err(Problem::wrong(field, words)),
        Err(Unsaved::Problem(problem)) => Err(problem),
    }
}

/// `POST /api/v1/credentials/{id}/rotate`
pub(super) async fn rotate(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (org, asked) = (visitor.org, id.clone());
    let found = app.store.read(move |tx| super::owned(tx, org, &asked)).await?;
    let Rotate { secret } = body(&bytes)?;
    let secret = Secret::new(secret.trim().to_owned());
    if secret.expose().is_empty() {
        return Err(Problem::invalid("The secret is empty."));
    }
    match super::rotated(&app, (org, &visitor.login), &found, secret, &headers).await {
        Ok(_) => again(&app, org, id).await,
        Err(Rotation::Fault(fault)) => Err(of_fault(fault)),
        Err(Rotation::Problem(problem)) => Err(problem),
    }
}

/// `PATCH /api/v1/credentials/{id}`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (org, by, now, asked) = (visitor.org, visitor.login.clone(), app.world.now(), id.clone());
    app.store.read(move |tx| super::owned(tx, org, &asked)).await?;
    let Change { name, url } = body(&bytes)?;
    let url = match url.as_deref().map(str::trim) {
        None => None,
        Some("") => Some(String::new()),
        Some(text) => Some(super::console(&app, text).await.map_err(of_fault)?.origin()),
    };
    let asked = id.clone();
    let write = app.store.write(move |tx| {
        let found = super::owned(tx, org, &asked)?;
        respond::if_unchanged(&headers, &super::stamp(&found))?;
        let (name, url) = (name.unwrap_or(found.of.name), url.unwrap_or(found.of.url));
        Ok::<_, Problem>(access::change_credential(tx, org, found.of.id, &name, &url, &by, now)?)
    });
    write.await?;
    again(&app, org, id).await
}

/// `PUT /api/v1/credentials/{id}/reference`
pub(super) async fn refer(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    super::may_refer(&visitor)?;
    let (org, asked) = (visitor.org, id.clone());
    let found = app.store.read(move |tx| super::owned(tx, org, &asked)).await?;
    let Refer { reference } = body(&bytes)?;
    let reference = access::Reference::parse(&reference)
        .map_err(|error| Problem::wrong("reference", crate::problem::sentence(&error)))?;
    match super::kept_at(&app, (org, &visitor.login), &found, reference, &headers).await {
        Ok(()) => again(&app, org, id).await,
        Err(Ok(words)) => Err(Problem::wrong("reference", words)),
        Err(Err(problem)) => Err(problem),
    }
}

/// `PUT /api/v1/credentials/{id}/sharing`
pub(super) async fn share(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (org, by, now, asked) = (visitor.org, visitor.login.clone(), app.world.now(), id.clone());
    let person = visitor.person;
    app.store.read(move |tx| super::owned(tx, org, &asked)).await?;
    let Share { global, organizations } = body(&bytes)?;
    if global.is_some() && !visitor.may(Permission::ManageInstallation) {
        return Err(Problem::forbidden("Only who manages the installation makes a credential global."));
    }
    let (chosen, asked): (Vec<OrgId>, _) = (organizations.into_iter().map(OrgId).collect(), id.clone());
    let write = app.store.write(move |tx| {
        respond::if_unchanged(&headers, &super::stamp(&super::owned(tx, org, &asked)?))?;
        let seen: Vec<OrgId> = access::memberships(tx, person)?.iter().map(|of| of.org).collect();
        super::share(tx, (org, &asked), global, &chosen, &seen, &by, now)
    });
    write.await?;
    again(&app, org, id).await
}

/// `DELETE /api/v1/credentials/{id}`
pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let write = app.store.write(move |tx| {
        respond::if_unchanged(&headers, &super::stamp(&super::owned(tx, org, &id)?))?;
        super::remove(tx, org, &id, &by, now)
    });
    let name = write.await?;
    Ok(respond::json(&HeaderMap::new(), &Done { done: format!("{name} is destroyed.") }))
}
