//! An asset as programs read it.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::load;
use crate::{App, Problem, Visitor, respond};

/// An asset.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Asset {
    /// Its id today.
    id: String,
    /// What is known of it, by field.
    fields: BTreeMap<String, Value>,
    /// Its records, the oldest first.
    records: Vec<Record>,
    /// Where each value is from.
    values: Vec<Said>,
    /// Its addresses, those that were measured first.
    addresses: Vec<Address>,
    /// How many rows of other inventories hang on it.
    counts: BTreeMap<String, u64>,
}

/// What one source said.
#[derive(Debug, Serialize, JsonSchema)]
struct Record {
    id: String,
    integration: Option<String>,
    source: String,
    native_id: String,
    name: Option<String>,
    /// By which rule it belongs to the asset.
    rule: String,
    /// The same as a clause.
    because: String,
    since: String,
    by: String,
}

/// A value, and who says so.
#[derive(Debug, Serialize, JsonSchema)]
struct Said {
    attribute: String,
    value: String,
    record: String,
    /// Why this record and no other.
    why: String,
}

/// An address.
#[derive(Debug, Serialize, JsonSchema)]
struct Address {
    address: String,
    /// Measured rather than told by the machine itself.
    primary: bool,
    observed_at: Option<String>,
    sources: Vec<String>,
}

/// `GET /api/v1/assets/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let detail = app.store.read(move |tx| load(tx, org, &id, now)).await?;
    let columns = detail.fields.keys().map(|name| (*name).to_owned()).collect();
    let row = kernel::Table { columns, rows: vec![detail.fields.into_values().collect()] };
    let asset = Asset {
        id: detail.asset.to_string(),
        // The writer of tables decides what a value looks like; the rest of the answer goes around it.
        fields: serde_json::from_str(&reports::json::elements(&row)).unwrap_or_default(),
        records: detail
            .explained
            .records
            .iter()
            .map(|of| Record {
                id: of.record.to_string(),
                integration: detail.integrations.get(&of.integration).cloned(),
                source: of.source.clone(),
                native_id: of.native_id.clone(),
                name: of.name.clone(),
                rule: of.rule.code().to_owned(),
                because: of.rule.words().to_owned(),
                since: of.since.to_string(),
                by: of.by.clone(),
            })
            .collect(),
        values: detail
            .winners
            .into_iter()
            .map(|of| Said {
                attribute: of.attribute.to_owned(),
                value: of.value,
                record: of.record.to_string(),
                why: of.why,
            })
            .collect(),
        addresses: detail
            .addresses
            .into_iter()
            .map(|of| Address {
                address: of.ip.to_string(),
                primary: of.measured,
                observed_at: of.observed_at.map(|at| at.to_string()),
                sources: of.sources,
            })
            .collect(),
        counts: detail.parts.iter().map(|part| (part.inventory.name.to_owned(), part.total)).collect(),
    };
    Ok(respond::tagged(&headers, "application/json", serde_json::to_vec(&asset).unwrap_or_default()))
}
