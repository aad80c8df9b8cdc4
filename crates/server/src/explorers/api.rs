//! Explorers as programs read and make them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::{ExplorerId, Random, Secret, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ui::Light;

use super::{Shown, all, found, light, make};
use crate::fields::{Asked, body};
use crate::{App, Problem, Visitor, listing, respond};

/// Explorers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explorers {
    /// The oldest first; those that were revoked are not among them.
    items: Vec<Explorer>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A collector inside another network.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explorer {
    id: String,
    name: String,
    /// Whether it asks for work: connected, silent, not_started.
    state: &'static str,
    /// When it was last heard of.
    seen_at: Option<String>,
    enrolled_at: Option<String>,
    created_at: String,
    made_by: String,
    /// Its version.
    version: Option<String>,
    /// Its machine's name.
    host: Option<String>,
    /// Its address on the way here, as it says.
    address: Option<String>,
    /// The address that it was seen to come from.
    seen_from: Option<String>,
    /// The kinds of work that it knows.
    kinds: Vec<String>,
    /// Names of the integrations that run there.
    runs: Vec<String>,
    /// Names of the credentials that it keeps.
    keeps: Vec<String>,
}

/// What an Explorer is to be called.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// Its name.
    name: String,
}

/// A one-time token.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Made {
    /// The Explorer's id.
    id: String,
    /// The token to enrol with, once and within a day; shown this once.
    token: String,
}

fn told(shown: Shown, now: Timestamp) -> Explorer {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let of = &shown.of;
    Explorer {
        id: of.id.to_string(),
        name: of.name.clone(),
        state: match light(of, now).0 {
            Light::Ok => "connected",
            Light::Wait => "not_started",
            _ => "silent",
        },
        seen_at: of.seen_at.map(|at| at.to_string()),
        enrolled_at: of.enrolled_at.map(|at| at.to_string()),
        created_at: of.created_at.to_string(),
        made_by: of.made_by.clone(),
        version: text(&of.about.version),
        host: text(&of.about.host),
        address: text(&of.about.address),
        seen_from: text(&of.seen_from),
        kinds: of.about.kinds.clone(),
        runs: shown.runs.into_iter().map(|(name, _)| name).collect(),
        keeps: shown.keeps,
    }
}

fn made(id: ExplorerId, token: &Secret) -> Response {
    respond::json_once(&Made { id: id.to_string(), token: token.expose().to_owned() })
}

/// `GET /api/v1/explorers`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let all = app.store.read(move |tx| all(tx, org)).await?;
    let (all, next) = listing::page(all, &asked, |one| one.of.id.to_string())?;
    Ok(respond::json(&headers, &Explorers { items: all.into_iter().map(|one| told(one, now)).collect(), next }))
}

/// `POST /api/v1/explorers`
pub(super) async fn create(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let New { name } = body(&sent)?;
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let (id, token) = app.store.write(move |tx| make(tx, org, &name, &by, now)).await?;
    Ok(made(id, &token))
}

/// `GET /api/v1/explorers/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let shown = app.store.read(move |tx| found(tx, org, &id)).await?;
    Ok(respond::json(&headers, &told(shown, now)))
}

/// `PATCH /api/v1/explorers/{id}`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Bytes,
) -> Result<Response, Problem> {
    let New { name } = body(&sent)?;
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let shown = app.store.write(move |tx| {
        let of = found(tx, org, &id)?.of;
        sync::explorers::rename(tx, org, of.id, &name, &by, now)?;
        found(tx, org, &id)
    });
    Ok(respond::json(&HeaderMap::new(), &told(shown.await?, now)))
}

/// `POST /api/v1/explorers/{id}/token`
pub(super) async fn ticket(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let (id, token) = app
        .store
        .write(move |tx| {
            let of = found(tx, org, &id)?.of;
            let token = sync::explorers::renew_ticket(tx, org, of.id, &Random::secret_bytes(), &by, now)?;
            Ok::<_, Problem>((of.id, token))
        })
        .await?;
    Ok(made(id, &token))
}

/// `DELETE /api/v1/explorers/{id}`
pub(super) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let shown = app.store.write(move |tx| {
        let shown = found(tx, org, &id)?;
        sync::explorers::revoke(tx, org, shown.of.id, &by, now)?;
        Ok::<_, Problem>(shown)
    });
    Ok(respond::json(&HeaderMap::new(), &told(shown.await?, now)))
}
