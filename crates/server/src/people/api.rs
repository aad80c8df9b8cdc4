//! Who asks, and the people of an organization, as programs read and change them.

use access::{Member, Permission, PersonState, Role};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use kernel::Random;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Here;
use super::members::{self, Hand, Invited};
use crate::fields::{Asked, body};
use crate::{App, Problem, Visitor, respond};

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
}

/// An organization.
#[derive(Debug, Serialize, JsonSchema)]
struct Organization {
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
    let (org, after) = (visitor.org, asked.get("after").to_owned());
    let found = app.store.read(move |tx| access::members(tx, org, &after, members::ROWS)).await?;
    let full = found.len() == members::ROWS as usize;
    let next = found.last().filter(|_| full).map(|last| last.person.login.clone());
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
    Ok(respond::json(&headers, &told(&found)))
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
    let mut response = respond::json(&HeaderMap::new(), &Invitation { person: told(&of), link });
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(respond::NOWHERE));
    Ok(response)
}

/// `PATCH /api/v1/people/{id}`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
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
        if let Some(role) = wanted {
            members::set_role(tx, &hand, &id, role, now)?;
        }
        if let Some(state) = state {
            members::set_state(tx, &hand, &id, state, now)?;
        }
        members::member(tx, hand.org, &id)
    });
    Ok(respond::json(&HeaderMap::new(), &told(&done.await?)))
}

/// `DELETE /api/v1/people/{id}`: answers who they were.
pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (hand, now) = (Hand::of(&visitor), app.world.now());
    let of = app.store.write(move |tx| members::remove(tx, &hand, &id, now)).await?;
    Ok(respond::json(&HeaderMap::new(), &told(&of)))
}

/// `GET /api/v1/organizations`: of a token, its one.
pub(super) async fn organizations(visitor: Visitor, headers: HeaderMap) -> Response {
    let mut items: Vec<Organization> = visitor
        .orgs
        .iter()
        .map(|of| Organization { id: of.org.to_string(), name: of.org_name.clone(), role: of.role.word() })
        .collect();
    if items.is_empty() {
        let (id, name) = (visitor.org.to_string(), visitor.org_name.clone());
        items.push(Organization { id, name, role: visitor.role.word() });
    }
    respond::json(&headers, &Organizations { items })
}
