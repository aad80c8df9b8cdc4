//! Connection links as programs make and revoke them.

use access::Link;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::IntegrationId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Wanted, address, made};
use crate::fields::{Asked, body};
use crate::{App, Problem, Visitor, listing, respond};

/// Connection links.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Links")]
pub(super) struct All {
    /// The newest first.
    items: Vec<One>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A connection link, without its token.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Link")]
pub(super) struct One {
    id: String,
    connector: String,
    /// The only host that it may connect, if that was said.
    host: Option<String>,
    recipient: String,
    /// The integration that gets a new token; a new one if none.
    integration: Option<String>,
    /// The id of the Explorer that is to keep the token; this server if none.
    keeper: Option<String>,
    made_by: String,
    created_at: String,
    expires_at: String,
    /// open, opened, consumed, revoked, expired
    state: &'static str,
    state_at: String,
    /// Why, where there is a reason to tell.
    why: String,
    attempts_left: i64,
}

/// A link to be made.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewLink")]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// Who it is for, as you call them.
    recipient: String,
    /// The only host that it may connect.
    host: Option<String>,
    /// The integration that gets a new token; a new one if left out.
    integration: Option<String>,
    /// The id or the name of the Explorer that is to keep the token; this server if left out.
    keeper: Option<String>,
    /// How long it works, in seconds: 900 to 259200; a day if left out.
    seconds: Option<i64>,
}

/// A link that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MadeLink")]
pub(super) struct Made {
    /// Its address with its token. It is never shown again.
    address: String,
    link: One,
}

fn told(link: &Link) -> One {
    One {
        id: link.id.clone(),
        connector: link.connector.clone(),
        host: link.host.clone(),
        recipient: link.recipient.clone(),
        integration: link.integration.map(|id| id.to_string()),
        keeper: link.explorer.clone(),
        made_by: link.made_by.clone(),
        created_at: link.created_at.to_string(),
        expires_at: link.expires_at.to_string(),
        state: link.state.word(),
        state_at: link.state_at.to_string(),
        why: link.why.clone(),
        attempts_left: link.attempts_left(),
    }
}

/// `GET /api/v1/links`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now, limit) = (visitor.org, app.world.now(), listing::limit(&asked)?);
    let before = Some(asked.get("after").to_owned()).filter(|before| !before.is_empty());
    let links = app.store.read(move |tx| access::links(tx, org, before.as_deref(), listing::rows(limit), now)).await?;
    let (links, next) = listing::cut(links, limit, |link| link.id.clone());
    Ok(respond::json(&headers, &All { items: links.iter().map(told).collect(), next }))
}

/// `POST /api/v1/links`
pub(super) async fn make(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let New { recipient, host, integration, keeper, seconds } = body(&bytes)?;
    let missing = || Problem::missing("integration");
    let integration = integration.map(|id| IntegrationId::parse(&id).ok_or_else(missing)).transpose()?;
    let wanted = Wanted { recipient, host, integration, keeper, seconds: seconds.unwrap_or(access::LINK_SECONDS) };
    let (token, link) = made(&app, visitor.org, &visitor.login, wanted).await?;
    let made = Made { address: address(&app, &headers, &token), link: told(&link) };
    Ok(respond::json_once(&made))
}

/// `DELETE /api/v1/links/{id}`
pub(super) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let link = super::revoked(&app, &visitor, id).await?;
    Ok(respond::json(&HeaderMap::new(), &told(&link)))
}
