//! Sites, custom fields and rules for owners as programs read and change them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use inventory::field::FieldKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::{Asked, body};
use crate::{App, Problem, Visitor, listing, respond};

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// In words.
    message: String,
}

/// A site's name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSite {
    name: String,
}

/// Custom fields.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Fields {
    /// By name.
    items: Vec<Field>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A custom field.
#[derive(Debug, Serialize, JsonSchema)]
struct Field {
    key: String,
    /// text, number, date or choice.
    kind: &'static str,
    /// The values of a choice.
    choices: Vec<String>,
    /// How many assets have a value.
    assets: u64,
    created_at: String,
    created_by: String,
}

/// A custom field to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewField {
    /// The key of the tags that fill it, letter by letter.
    key: String,
    /// text, number, date or choice; text unless said.
    #[serde(default)]
    kind: String,
    /// The values of a choice.
    #[serde(default)]
    choices: Vec<String>,
}

/// Rules for owners.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rules {
    /// In their order.
    items: Vec<Rule>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A rule for owners.
#[derive(Debug, Serialize, JsonSchema)]
struct Rule {
    /// Its place, from 1.
    position: i64,
    owner: String,
    /// Which assets, in the query language.
    when: String,
    /// How many assets have their owner by it.
    assets: u64,
    created_at: String,
    created_by: String,
}

/// A rule to be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRule {
    owner: String,
    /// Which assets, in the query language.
    when: String,
}

fn done(message: String) -> Response {
    respond::json(&HeaderMap::new(), &Done { message })
}

/// `POST /api/v1/sites`
pub(super) async fn add_site(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let sent: NewSite = body(&sent)?;
    super::add_site(&app, &visitor, sent.name).await.map(done)
}

/// `PATCH /api/v1/sites/{name}`
pub(super) async fn rename_site(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    sent: Bytes,
) -> Result<Response, Problem> {
    let sent: NewSite = body(&sent)?;
    super::rename_site(&app, &visitor, name, sent.name).await.map(done)
}

/// `GET /api/v1/fields`
pub(super) async fn fields(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let found = app.store.read(move |tx| inventory::field::fields(tx, org)).await?;
    let (found, next) = listing::page(found, &asked, |field| field.key.clone())?;
    let items = found.into_iter().map(|one| Field {
        kind: one.kind.word(),
        key: one.key,
        choices: if let FieldKind::Choice(choices) = one.kind { choices } else { Vec::new() },
        assets: one.filled,
        created_at: one.created_at.to_string(),
        created_by: one.created_by,
    });
    Ok(respond::json(&headers, &Fields { items: items.collect(), next }))
}

/// `POST /api/v1/fields`
pub(super) async fn add_field(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let sent: NewField = body(&sent)?;
    let kind = super::kind(&sent.kind, sent.choices)?;
    super::add_field(&app, &visitor, sent.key, kind).await.map(done)
}

/// `DELETE /api/v1/fields/{key}`
pub(super) async fn remove_field(
    State(app): State<App>,
    visitor: Visitor,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    super::remove_field(&app, &visitor, key).await.map(done)
}

/// `GET /api/v1/owner-rules`
pub(super) async fn owners(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let found = app.store.read(move |tx| inventory::owner::owners(tx, org)).await?;
    let (found, next) = listing::page(found, &asked, |rule| listing::number(rule.position))?;
    let items = found.into_iter().map(|rule| Rule {
        position: rule.position,
        owner: rule.name,
        when: rule.condition,
        assets: rule.assets,
        created_at: rule.created_at.to_string(),
        created_by: rule.created_by,
    });
    Ok(respond::json(&headers, &Rules { items: items.collect(), next }))
}

/// `POST /api/v1/owner-rules`
pub(super) async fn add_owner(State(app): State<App>, visitor: Visitor, sent: Bytes) -> Result<Response, Problem> {
    let sent: NewRule = body(&sent)?;
    super::add_owner(&app, &visitor, sent.owner, sent.when).await.map(done)
}

/// `DELETE /api/v1/owner-rules/{position}`
pub(super) async fn remove_owner(
    State(app): State<App>,
    visitor: Visitor,
    Path(position): Path<String>,
) -> Result<Response, Problem> {
    let position = position.parse().map_err(|_| Problem::missing("rule"))?;
    super::remove_owner(&app, &visitor, position).await.map(done)
}
