//! Who asks, and the people of an organization, as programs read and change them.

use access::{Member, Permission, PersonState, Role};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::Random;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Here;
use super::members::{self, Hand, Invited};
use crate::fields::{Asked, body};
use crate::{App, Problem, Visitor, edit, listing, respond};

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Me {
    /// The login.
    login: String,
    /// The person's name; of a token, what it is for.
    name: String,
    /// The organization that is looked at.
    organization: String,
    /// viewer, operator, admin or auditor.
    role: &'static str,
    /// Whether a token asks, rather than a browser.
    token: bool,
    /// What may be done.
    permissions: Vec<String>,
}

/// `GET /api/v1/me`
pub(super) async fn me(visitor: Visitor) -> Json<Me> {
    let may = Permission::ALL.into_iter().filter(|permission| visitor.may(*permission));
    Json(Me {
        permissions: may.map(|permission| format!("{permission:?}")).collect(),
        token: visitor.token.is_some(),
        role: visitor.role.word(),
        login: visitor.login,
        name: visitor.name,
        organization: visitor.org_name,
    })
}

/// People of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct People {
    /// By login.
    items: Vec<Person>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A person as a member of the organization.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Person {
    id: String,
    /// Their e-mail address.
    login: String,
    name: String,
    /// viewer, operator, admin or auditor.
    role: &'static str,
    /// active or disabled.
    state: &'static str,
    second_factor: bool,
    signed_in_at: Option<String>,
}

/// Somebody to be made a member.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// Their e-mail address.
    login: String,
    /// Their name; who is here already keeps theirs.
    name: String,
    /// viewer, operator, admin or auditor.
    role: String,
}

/// What is to be different; what is not named stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// viewer, operator, admin or auditor.
    role: Option<String>,
    /// active or disabled.
    state: Option<String>,
}

/// Somebody who is a member now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Invitation {
    /// Who.
    person: Person,
    /// The link by which they choose a password, shown this once; nothing if they can sign in already.
    link: Option<String>,
}

/// Organizations.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Organizations {
    /// The oldest first.
    items: Vec<Organization>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// An organization.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Organization {
    id: String,
    name: String,
    /// What you are there.
    role: &'static str,
}

fn told(of: &Member) -> Person {
    Person {
        id: of.person.id.to_string(),
        login: of.person.login.clone(),
        name: of.person.name.clone(),
        role: of.role.word(),
        state: of.person.state.word(),
        second_factor: of.person.has_second_factor,
        signed_in_at: of.person.signed_in_at.map(|at| at.to_string()),
    }
}

/// Tells one state of what can be changed of a member from another.
fn stamp(of: &Member) -> String {
    let person = &of.person;
    let factor = if person.has_second_factor { "factor" } else { "" };
    edit::stamp(&[&person.login, &person.name, of.role.word(), person.state.word(), factor])
}

fn shown(headers: &HeaderMap, of: &Member) -> Response {
    respond::stamped(headers, &told(of), &stamp(of))
}

fn role(word: &str) -> Result<Role, Problem> {
    Role::parse(word).ok_or_else(|| Problem::invalid("A role is viewer, operator, admin or auditor."))
}

/// `GET /api/v1/people`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, after, limit) = (visitor.org, asked.get("after").to_owned(), listing::limit(&asked)?);
    let found = app.store.read(move |tx| access::members(tx, org, &after, listing::rows(limit))).await?;
    let (found, next) = listing::cut(found, limit, |last| last.person.login.clone());
    Ok(respond::json(&headers, &People { items: found.iter().map(told).collect(), next }))
}

/// `GET /api/v1/people/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let found = app.store.read(move |tx| members::member(tx, org, &id)).await?;
    Ok(shown(&headers, &found))
}

/// `POST /api/v1/people`
pub(super) async fn invite(
    State(app): State<App>,
    visitor: Visitor,
    Here(origin): Here,
    sent: Bytes,
) -> Result<Response, Problem> {
    let sent: New = body(&sent)?;
    let (hand, fresh, now) = (Hand::of(&visitor), Random::secret_bytes(), app.world.now());
    let role = role(&sent.role)?;
    let done = app.store.write(move |tx| {
        let invited = members::invite(tx, &hand, (&sent.login, &sent.name, role), &fresh, now)?;
        let (who, token) = match invited {
            Invited::Link(who, _, token) => (who, Some(token)),
            Invited::Added(who, _) => (who, None),
        };
        Ok::<_, Problem>((members::member(tx, hand.org, &who.to_string())?, token))
    });
    let (of, token) = done.await?;
    let link = token.map(|token| members::link(&origin, &token));
    Ok(respond::json_once(&Invitation { person: told(&of), link }))
}

/// `PATCH /api/v1/people/{id}`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let sent: Change = body(&sent)?;
    let wanted = sent.role.as_deref().map(role).transpose()?;
    let state = match sent.state.as_deref() {
        None => None,
        Some("active") => Some(PersonState::Active),
        Some("disabled") => Some(PersonState::Disabled),
        Some(_) => return Err(Problem::invalid("A state is active or disabled.")),
    };
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let done = app.store.write(move |tx| {
        respond::if_unchanged(&headers, &stamp(&members::member(tx, hand.org, &id)?))?;
        if let Some(role) = wanted {
            members::set_role(tx, &hand, &id, role, now)?;
        }
        if let Some(state) = state {
            members::set_state(tx, &hand, &id, state, now)?;
        }
        members::member(tx, hand.org, &id)
    });
    Ok(shown(&HeaderMap::new(), &done.await?))
}

/// Refuses a program what would let whoever stole its token become the person: that is for somebody who has signed in.
fn by_hand(visitor: &Visitor) -> Result<(), Problem> {
    let help = "An administrator does it on the person's page.";
    visitor.by_hand("change how a person who has a password signs in", help)
}

/// `POST /api/v1/people/{id}/link`
pub(super) async fn link(
    State(app): State<App>,
    visitor: Visitor,
    Here(origin): Here,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, fresh, now) = (Hand::of(&visitor), Random::secret_bytes(), app.world.now());
    let write = app.store.write(move |tx| {
        if members::member(tx, hand.org, &id)?.person.has_password {
            by_hand(&visitor)?;
        }
        members::invite_again(tx, &hand, &id, &fresh, now)
    });
    let (of, token) = write.await?;
    let link = Some(members::link(&origin, &token));
    Ok(respond::json_once(&Invitation { person: told(&of), link }))
}

/// `DELETE /api/v1/people/{id}/second-factor`
pub(super) async fn remove_factor(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let write = app.store.write(move |tx| {
        // Whoever is not of this organization looks like nobody, whoever asks.
        members::member(tx, hand.org, &id)?;
        by_hand(&visitor)?;
        members::remove_factor(tx, &hand, &id, now)
    });
    Ok(shown(&HeaderMap::new(), &write.await?))
}

/// `POST /api/v1/people/{id}/sign-out`
pub(super) async fn sign_out(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let own = visitor.session.as_ref().map(|session| session.id.clone());
    let of = app.store.write(move |tx| members::sign_out(tx, &hand, &id, own.as_deref(), now)).await?;
    Ok(shown(&HeaderMap::new(), &of))
}

/// A name.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OrganizationName")]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
}

/// `POST /api/v1/organizations`
pub(super) async fn add_organization(
    State(app): State<App>,
    visitor: Visitor,
    sent: Bytes,
) -> Result<Response, Problem> {
    let sent: Named = body(&sent)?;
    let (who, by, now) = (visitor.person, visitor.login.clone(), app.world.now());
    let made = app.store.write(move |tx| {
        let org = access::create_org(tx, &sent.name, who, &by, now)?;
        Ok::<_, Problem>(access::org(tx, org)?)
    });
    let org = made.await?.ok_or_else(|| Problem::missing("organization"))?;
    let (id, name) = (org.id.to_string(), org.name);
    Ok(respond::json(&HeaderMap::new(), &Organization { id, name, role: Role::Admin.word() }))
}

/// `PATCH /api/v1/organizations/{id}`: the one that is looked at.
pub(super) async fn rename_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Bytes,
) -> Result<Response, Problem> {
    if id != visitor.org.to_string() {
        return Err(
            Problem::missing("organization").help("Switch to it first: only the one that is looked at is renamed.")
        );
    }
    let sent: Named = body(&sent)?;
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let renamed = app.store.write(move |tx| {
        access::rename_org(tx, org, &sent.name, &by, now)?;
        Ok::<_, Problem>(access::org(tx, org)?)
    });
    let name = renamed.await?.map(|org| org.name).unwrap_or_default();
    Ok(respond::json(&HeaderMap::new(), &Organization { id, name, role: visitor.role.word() }))
}

/// `DELETE /api/v1/people/{id}`: answers who they were.
pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let write = app.store.write(move |tx| {
        respond::if_unchanged(&headers, &stamp(&members::member(tx, hand.org, &id)?))?;
        members::remove(tx, &hand, &id, now)
    });
    let of = write.await?;
    Ok(respond::json(&HeaderMap::new(), &told(&of)))
}

/// `GET /api/v1/organizations`: of a token, its one.
pub(super) async fn organizations(
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut items: Vec<Organization> = visitor
        .orgs
        .iter()
        .map(|of| Organization { id: of.org.to_string(), name: of.org_name.clone(), role: of.role.word() })
        .collect();
    if items.is_empty() {
        let (id, name) = (visitor.org.to_string(), visitor.org_name.clone());
        items.push(Organization { id, name, role: visitor.role.word() });
    }
    let (items, next) = listing::page(items, &asked, |of| of.id.clone())?;
    Ok(respond::json(&headers, &Organizations { items, next }))
}
