//! An artifact as programs read it.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::load;
use crate::{App, Problem, Visitor, respond};

/// One version of a record.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Artifact {
    /// The same in every database.
    id: String,
    /// Its number in the log.
    seq: i64,
    console: String,
    stream: String,
    /// The source's own id of the record.
    native_id: String,
    /// create, update or delete.
    op: &'static str,
    version: i64,
    observed_at: String,
    source_time: Option<String>,
    /// The record as it was sent, secrets blanked.
    body: Value,
}

/// `GET /api/v1/artifacts/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let of = app.store.read(move |tx| load(tx, org, &id)).await?;
    let artifact = Artifact {
        id: of.id.to_string(),
        seq: of.seq,
        console: of.console_host,
        stream: of.stream,
        native_id: of.native_id,
        op: of.op.as_str(),
        version: of.version,
        observed_at: of.observed_at.to_string(),
        source_time: of.source_time.map(|at| at.to_string()),
        body: serde_json::from_slice(&of.raw).unwrap_or_default(),
    };
    Ok(respond::json(&headers, &artifact))
}
