//! Integrations as programs read them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sync::Overview;

use crate::{App, Problem, Visitor, respond};

/// All integrations.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Integrations {
    /// In the order of their names.
    items: Vec<Integration>,
}

/// An integration.
#[derive(Debug, Serialize, JsonSchema)]
struct Integration {
    id: String,
    name: String,
    connector: &'static str,
    console_host: String,
    site: String,
    enabled: bool,
    /// connected, syncing, degraded, incomplete, unreachable, invalid, permission_missing, authentication_failed, paused.
    state: &'static str,
    /// green, amber, red or grey.
    light: &'static str,
    since: String,
    /// What the state means.
    meaning: String,
    /// What to do; empty if nothing.
    next_step: String,
    token_expires_at: Option<String>,
    streams: Vec<Stream>,
}

/// A collection of an integration.
#[derive(Debug, Serialize, JsonSchema)]
struct Stream {
    name: &'static str,
    enabled: bool,
    /// How often it is read, in seconds.
    interval: i64,
    status: Option<&'static str>,
    /// When it was last read completely.
    complete_at: Option<String>,
    /// How many the console counted then.
    console_total: Option<u64>,
    /// Records that wait for a person's word.
    held: u64,
    /// Records that could not be understood.
    quarantined: u64,
}

/// `GET /api/v1/integrations`
pub(super) async fn list(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let known = app.store.read(move |tx| sync::overviews(tx, org, now)).await?;
    let told = |of: &Overview| Integration {
        id: of.integration.id.to_string(),
        name: of.integration.name.clone(),
        connector: of.integration.connector.word(),
        console_host: of.integration.console_host.clone(),
        site: of.integration.site_name.clone(),
        enabled: of.integration.options.enabled,
        state: of.assessment().state.word(),
        light: of.light(now).word(),
        since: of.integration.since.to_string(),
        meaning: of.meaning().to_owned(),
        next_step: of.next_step(),
        token_expires_at: of.integration.token_expires_at.map(|at| at.to_string()),
        streams: of
            .streams
            .iter()
            .map(|stream| Stream {
                name: stream.stream.name,
                enabled: stream.enabled,
                interval: stream.interval,
                status: stream.status.map(sync::StreamStatus::word),
                complete_at: stream.complete_at.map(|at| at.to_string()),
                console_total: stream.console_total,
                held: stream.held,
                quarantined: stream.quarantined,
            })
            .collect(),
    };
    let all = Integrations { items: known.iter().map(told).collect() };
    Ok(respond::tagged(&headers, "application/json", serde_json::to_vec(&all).unwrap_or_default()))
}
