//! API tokens as programs read and make them. A token itself never gets here.

use access::{ApiToken, Permission, Reach, Role};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LIVES_USUALLY, Wanted, make, revoke as revoked};
use crate::fields::{Asked, body};
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
