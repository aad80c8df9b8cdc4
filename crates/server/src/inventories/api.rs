//! The lists as programs read them.

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use query::{Column, Inventory, Type};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{API_ROWS, API_ROWS_MAX, Question};
use crate::fields::Fields;
use crate::openapi::Shape;
use crate::{App, Problem, Visitor, respond};

/// How many rows match.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Count {
    /// The inventory.
    pub inventory: &'static str,
    /// The question, as Muster understood it.
    pub query: String,
    /// Exactly so many.
    pub count: u64,
}

/// `GET /api/v1/{inventory}`
pub(super) async fn list(
    app: &App,
    visitor: &Visitor,
    what: &'static Inventory,
    asked: &Fields,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let question = Question::read(what, asked, "fields")?;
    let limit = limit(asked)?;
    let (org, ask) = (visitor.org, question.ask(what, limit, app.world.now()));
    let answer = app.store.read(move |tx| inventory::ask_in(tx, org, &ask)).await?;
    let warnings: Vec<Value> = answer
        .warnings
        .iter()
        .map(|note| json!({ "message": note.message, "start": note.span.start, "end": note.span.end }))
        .collect();
    let items = reports::json::elements(&distinct(answer.table));
    let text = format!(
        "{{\"inventory\":{},\"query\":{},\"next\":{},\"warnings\":{},\"items\":[{items}]}}\n",
        json!(answer.inventory),
        json!(answer.canonical),
        json!(answer.next),
        json!(warnings),
    );
    Ok(respond::tagged(headers, "application/json", text))
}

/// Every column once: a chosen field may be one that every row has anyway.
pub(super) fn distinct(mut table: kernel::Table) -> kernel::Table {
    let mut at = 0;
    while at < table.columns.len() {
        if table.columns[..at].contains(&table.columns[at]) {
            table.columns.remove(at);
            for row in &mut table.rows {
                row.remove(at);
            }
        } else {
            at += 1;
        }
    }
    table
}

/// `GET /api/v1/{inventory}/count`
pub(super) async fn count(
    app: &App,
    visitor: &Visitor,
    what: &'static Inventory,
    asked: &Fields,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let ask = inventory::Ask { want: inventory::Want::Count, ..inventory::Ask::new(what.name, asked.get("q"), now) };
    let answer = app.store.read(move |tx| inventory::ask_in(tx, org, &ask)).await?;
    let count = answer.total.unwrap_or_default();
    Ok(Json(Count { inventory: answer.inventory, query: answer.canonical, count }).into_response())
}

fn limit(asked: &Fields) -> Result<usize, Problem> {
    let Some(text) = asked.opt("limit").filter(|text| !text.is_empty()) else { return Ok(API_ROWS) };
    text.parse()
        .ok()
        .filter(|limit| (1..=API_ROWS_MAX).contains(limit))
        .ok_or_else(|| Problem::wrong("limit", format!("limit is a whole number from 1 to {API_ROWS_MAX}.")))
}

/// The schema of a page of whichever inventory.
pub(super) fn rows_of_any() -> Shape {
    page_of(&Map::new())
}

/// The schema of a page of an inventory: its fields with their types.
pub(super) fn rows(what: &Inventory) -> Shape {
    let fields = what.fields.iter().filter(|field| !matches!(field.column, Column::Missing { .. }));
    let properties: Map<String, Value> = fields
        .map(|field| {
            let one = match field.ty {
                Type::Bool => json!("boolean"),
                Type::Int | Type::Duration => json!("integer"),
                Type::Real => json!("number"),
                _ => json!("string"),
            };
            let schema = match field.many() {
                true => {
                    json!({ "type": ["array", "null"], "items": { "type": [one, "null"] }, "description": field.prose })
                }
                false => json!({ "type": [one, "null"], "description": field.prose }),
            };
            (field.name.to_owned(), schema)
        })
        .collect();
    page_of(&properties)
}

fn page_of(properties: &Map<String, Value>) -> Shape {
    Shape::Built(json!({
        "type": "object",
        "required": ["inventory", "query", "next", "warnings", "items"],
        "properties": {
            "inventory": { "type": "string" },
            "query": { "type": "string", "description": "The question, as Muster understood it." },
            "next": { "type": ["string", "null"], "description": "Hand it back as `after`; null on the last page." },
            "warnings": { "type": "array", "items": { "type": "object" } },
            "items": { "type": "array", "items": { "type": "object", "properties": properties } },
        },
    }))
}
