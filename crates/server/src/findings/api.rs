//! A finding as programs read it.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::load;
use crate::{App, Problem, Visitor, respond};

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Finding {
    id: String,
    /// What is known of it, by field.
    fields: BTreeMap<String, Value>,
    /// The asset that it is on.
    asset: Option<String>,
    /// The records that tell of it.
    records: Vec<Record>,
    /// What was done about it.
    actions: Vec<Action>,
    /// What happened, and what people wrote, the earliest first.
    events: Vec<Event>,
}

/// A record that tells of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FindingRecord")]
struct Record {
    id: String,
    stream: String,
    native_id: String,
}

/// Something that was done.
#[derive(Debug, Serialize, JsonSchema)]
struct Action {
    action: Option<String>,
    status: Option<String>,
    at: Option<String>,
}

/// Something that happened, or a note.
#[derive(Debug, Serialize, JsonSchema)]
struct Event {
    at: Option<String>,
    /// Whether a person wrote it.
    note: bool,
    text: String,
    detail: Option<String>,
    author: Option<String>,
}

/// `GET /api/v1/findings/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let detail = app.store.read(move |tx| load(tx, org, &id, now)).await?;
    let of = detail.finding;
    let finding = Finding {
        id: of.id.to_string(),
        fields: serde_json::from_str(&reports::json::elements(&of.table)).unwrap_or_default(),
        asset: detail.asset.map(|(id, _)| id),
        records: of
            .story
            .records
            .into_iter()
            .map(|told| Record { id: told.record.to_string(), stream: told.stream, native_id: told.native_id })
            .collect(),
        actions: of
            .story
            .actions
            .into_iter()
            .map(|of| Action { action: of.action, status: of.status, at: of.updated_at.map(|at| at.to_string()) })
            .collect(),
        events: of
            .story
            .events
            .into_iter()
            .map(|of| Event {
                at: of.at.map(|at| at.to_string()),
                note: of.is_note,
                text: of.text,
                detail: of.detail,
                author: of.author,
            })
            .collect(),
    };
    Ok(respond::json(&headers, &finding))
}
