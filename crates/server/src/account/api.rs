//! One's own account, and API tokens, as programs read and change them. A token only reads an account, and sees no tokens.

use access::{AccessError, ApiToken, Permission, Reach, Role};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LIVES_USUALLY, Wanted, change_password, end_sessions, make, revoke as revoked};
use crate::fields::{Asked, body};
use crate::problem::sentence;
use crate::{App, Problem, Visitor, listing, respond};

/// API tokens.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tokens {
    /// The oldest first, those that are over too.
    items: Vec<Token>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// An API token, without what opens anything.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Token {
    id: String,
    /// What it is for.
    name: String,
    /// viewer, operator, admin or auditor.
    role: &'static str,
    /// read or write.
    reach: &'static str,
    /// The login of who made it.
    made_by: String,
    created_at: String,
    expires_at: String,
    used_at: Option<String>,
}

/// A token to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// What it is for.
    name: String,
    /// viewer, operator, admin or auditor; at most yours.
    role: String,
    /// It may change something, not only read.
    #[serde(default)]
    write: bool,
    /// How many days it lives, 1 to 366; 90 unless said.
    days: Option<i64>,
}

/// A token that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Made {
    /// The token, shown this once.
    token: String,
    #[serde(flatten)]
    about: Token,
}

/// A token that opens nothing any more.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Revoked {
    name: String,
}

fn told(token: &ApiToken) -> Token {
    Token {
        id: token.id.to_string(),
        name: token.name.clone(),
        role: token.role.word(),
        reach: token.reach.word(),
        made_by: token.login.clone(),
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.to_string(),
        used_at: token.used_at.map(|at| at.to_string()),
    }
}

/// `GET /api/v1/tokens`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, who, all) = (visitor.org, visitor.person, visitor.may(Permission::ManageTokens));
    let tokens = app.store.read(move |tx| access::api_tokens(tx, org)).await?;
    let tokens = tokens.into_iter().filter(|token| all || token.person == who).collect();
    let (tokens, next) = listing::page(tokens, &asked, |token| listing::number(token.id.0))?;
    Ok(respond::json(&headers, &Tokens { items: tokens.iter().map(told).collect(), next }))
}

/// `POST /api/v1/tokens`
pub(super) async fn create(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let sent: New = body(&sent)?;
    let wanted = Wanted {
        name: sent.name,
        role: Role::parse(&sent.role),
        reach: if sent.write { Reach::Write } else { Reach::Read },
        days: sent.days.unwrap_or(LIVES_USUALLY),
    };
    let (text, token) = make(&app, &visitor, wanted).await?;
    Ok(respond::json_once(&Made { token: text.expose().to_owned(), about: told(&token) }))
}

/// `DELETE /api/v1/tokens/{id}`
pub(super) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, who, by, now) = (visitor.org, visitor.person, visitor.login.clone(), app.world.now());
    let any = visitor.may(Permission::ManageTokens);
    let name = app.store.write(move |tx| revoked(tx, (org, who, any), &id, &by, now)).await?;
    Ok(respond::json(&HeaderMap::new(), &Revoked { name }))
}

/// One's own account.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Account {
    /// The e-mail address.
    login: String,
    name: String,
    /// Whoever has none signs in through the identity provider.
    has_password: bool,
    second_factor: bool,
    /// Linked to the identity provider.
    linked: bool,
    signed_in_at: Option<String>,
}

/// Another name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renamed {
    /// As others see it.
    name: String,
}

/// Another password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    /// The one that works now.
    current: String,
    /// The one that is to work from now on, 12 characters or more.
    password: String,
}

/// Where somebody is signed in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sessions {
    /// The oldest first.
    items: Vec<Session>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A browser that is signed in.
#[derive(Debug, Serialize, JsonSchema)]
struct Session {
    id: String,
    /// It is the one that asks.
    own: bool,
    address: String,
    /// What the browser calls itself.
    agent: String,
    created_at: String,
    used_at: String,
    /// When it ends if it is not used before.
    expires_at: String,
}

/// Whoever stole a program's token does not become the person by it.
fn by_hand(visitor: &Visitor) -> Result<(), Problem> {
    visitor.by_hand("change the account of who made it", "Sign in, and do it in your account.")
}

async fn account(app: &App, visitor: &Visitor, headers: &HeaderMap) -> Result<Response, Problem> {
    let who = visitor.person;
    let read = app.store.read(move |tx| {
        let person = access::person(tx, who)?.ok_or(AccessError::NoSuch { what: "person" })?;
        Ok::<_, AccessError>((person, access::is_linked(tx, who)?))
    });
    let (of, linked) = read.await?;
    let told = Account {
        login: of.login,
        name: of.name,
        has_password: of.has_password,
        second_factor: of.has_second_factor,
        linked,
        signed_in_at: of.signed_in_at.map(|at| at.to_string()),
    };
    Ok(respond::json(headers, &told))
}

/// `GET /api/v1/account`
pub(super) async fn show(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    account(&app, &visitor, &headers).await
}

/// `PATCH /api/v1/account`
pub(super) async fn change(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    let sent: Renamed = body(&sent)?;
    let (who, by, now) = (visitor.person, visitor.login.clone(), app.world.now());
    let renamed = app.store.write(move |tx| access::rename_person(tx, who, sent.name.trim(), &by, now));
    match renamed.await {
        Ok(()) => account(&app, &visitor, &HeaderMap::new()).await,
        Err(why @ AccessError::Invalid { .. }) => Err(Problem::wrong("name", sentence(&why))),
        Err(other) => Err(other.into()),
    }
}

/// `PUT /api/v1/account/password`
pub(super) async fn password(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    let Password { current, password } = body(&sent)?;
    match change_password(&app, &visitor, Secret::new(current), Secret::new(password)).await? {
        Ok(()) => account(&app, &visitor, &HeaderMap::new()).await,
        Err(wrong) => Err(Problem::wrong(wrong.field, wrong.words)),
    }
}

/// `DELETE /api/v1/account/provider`
pub(super) async fn unlinked(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    super::unlink(&app, &visitor).await?;
    account(&app, &visitor, &HeaderMap::new()).await
}

/// `GET /api/v1/account/sessions`
pub(super) async fn sessions(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (who, now, lifetimes) = (visitor.person, app.world.now(), app.settings.lifetimes);
    let all = app.store.read(move |tx| access::sessions_of(tx, who, &lifetimes, now)).await?;
    // An id begins with the time that it was made.
    let (all, next) = listing::page(all, &asked, |session| session.id.clone())?;
    let own = visitor.session.as_ref().map(|session| session.id.as_str());
    let told = |session: access::Session| Session {
        own: Some(session.id.as_str()) == own,
        id: session.id,
        address: session.origin.address,
        agent: session.origin.agent,
        created_at: session.created_at.to_string(),
        used_at: session.used_at.to_string(),
        expires_at: session.expires_at.to_string(),
    };
    Ok(respond::json(&headers, &Sessions { items: all.into_iter().map(told).collect(), next }))
}

/// `DELETE /api/v1/account/sessions/{id}`
pub(super) async fn end(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    end_sessions(&app, &visitor, Some(id)).await?;
    account(&app, &visitor, &HeaderMap::new()).await
}

/// `DELETE /api/v1/account/sessions`
pub(super) async fn end_others(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    by_hand(&visitor)?;
    end_sessions(&app, &visitor, None).await?;
    account(&app, &visitor, &HeaderMap::new()).await
}
