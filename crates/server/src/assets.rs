//! One asset: what it is, who says so, why its records are one machine, and what is on it.

mod api;
mod decide;
mod own;
mod pages;
pub(crate) mod questions;

use std::collections::BTreeMap;

use access::Permission;
use axum::http::Method;
use inventory::correlate::explain::{Explained, explain};
use inventory::history::{Changed, Tell};
use inventory::project::{AddressOf, Winner};
use inventory::{Ask, Want};
use kernel::{AssetId, Cell, IntegrationId, OrgId, Timestamp};
use serde_json::json;
use store::Tx;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};
use crate::{Problem, inventories};

/// What hangs on an asset and is listed on its page, this many rows of each; the rest is one link away.
const ROWS: usize = 10;
/// Changes that its page tells.
const CHANGES: usize = 50;

/// What is told of an asset itself, in this order.
const FIELDS: [&str; 27] = [
    "id",
    "name",
    "type",
    "os",
    "os.version",
    "os.arch",
    "hw",
    "serial",
    "cpu",
    "core_count",
    "memory_mb",
    "domain",
    "user",
    "site",
    "owner",
    "sources",
    "lifecycle",
    "agent.state",
    "agent.version",
    "infected",
    "active_threats",
    "console.site",
    "console.group",
    "first_seen",
    "last_seen",
    "created_at",
    "removed",
];

/// Which inventories hang on an asset, the scope that leads from each to it, and their columns.
const PARTS: [(&str, &[&str]); 4] = [
    ("findings", &["name", "severity", "status", "verdict", "identified_at"]),
    ("vulnerabilities", &["name", "severity", "score", "product", "version", "detected_at"]),
    ("software", &["name", "version", "vendor", "installed_at"]),
    ("services", &["address", "port", "transport", "protocol", "product", "seen_at"]),
];

/// Its routes.
pub fn routes() -> Vec<Route> {
    let who = Who::May(Permission::ReadInventory);
    let show = Operation::new(
        "show_asset",
        "Inventory",
        "Shows an asset, its records and why they are one.",
        Shape::of::<api::Asset>(),
    )
    .path("id", "The asset's id. One that was merged into another leads to that one.");
    let explained = Operation::new(
        "explain_asset",
        "Inventory",
        "Says why an asset's records are one machine; with another asset, what speaks for and against the two being one.",
        Shape::of::<api::Why>(),
    )
    .path("id", "The asset's id.")
    .query("and", "Another asset, or a record.", json!({ "type": "string" }));
    let decide = Who::May(Permission::EditAssets);
    let decided = |id: &str, summary: &str| {
        Operation::new(id, "Inventory", summary, Shape::of::<api::Decided>()).path("id", "The asset's id.")
    };
    let merge = decided("merge_asset", "Says that an asset and others are one machine, from now on.")
        .sends(Shape::of::<api::Merge>());
    let split = decided("split_asset", "Says that records of an asset are another machine, from now on.")
        .sends(Shape::of::<api::Split>());
    let undo = decided("undo_decision", "Takes a decision about an asset back; what held before it holds again.")
        .sends(Shape::of::<api::Undo>());
    let pin = decided("pin_asset", "Lets nothing leave or join an asset until the pin is taken back.")
        .sends(Shape::of::<api::Reason>());
    let unpin = decided("unpin_asset", "Takes a pin back; the rules decide again.");
    let owner = Operation::new(
        "set_owner",
        "Inventory",
        "Names the owner of assets, whatever the rules say; without a name the rules decide again.",
        Shape::of::<api::Set>(),
    )
    .sends(Shape::of::<api::Owner>());
    let field = Operation::new(
        "set_field",
        "Inventory",
        "Sets a custom field of assets by hand; without a value tags decide again.",
        Shape::of::<api::Set>(),
    )
    .sends(Shape::of::<api::FieldValue>());
    let answer = Operation::new(
        "answer_question",
        "Inventory",
        "Answers an open question: whether two records are one machine. Which are open says list_questions.",
        Shape::of::<questions::Told>(),
    )
    .path("id", "The question's id, `rev_..`.")
    .sends(Shape::of::<questions::Answer>());
    let questions = Operation::new(
        "list_questions",
        "Inventory",
        "Lists the open questions: which records may be one machine, and why that is asked.",
        Shape::of::<questions::Listed>(),
    )
    .paged();
    let tag = Who::May(Permission::TagAssets);
    vec![
        page(questions::HOME, who, questions::page),
        form("/assets/review/{id}", decide, questions::sent),
        page("/assets/{id}", who, pages::show),
        page("/assets/{id}/merge", decide, decide::merge_page),
        form("/assets/{id}/merge", decide, decide::merge_sent),
        form("/assets/{id}/split", decide, decide::split_sent),
        form("/assets/{id}/pin", decide, decide::pin_sent),
        form("/assets/{id}/undo", decide, decide::undo_sent),
        form("/assets/owner", tag, own::owner_sent),
        form("/assets/field", decide, own::field_sent),
        api(Method::GET, "/assets/{id}", who, show, api::show),
        api(Method::GET, "/assets/{id}/explain", who, explained, api::why),
        api(Method::POST, "/assets/{id}/merge", decide, merge, api::merge),
        api(Method::POST, "/assets/{id}/split", decide, split, api::split),
        api(Method::POST, "/assets/{id}/undo", decide, undo, api::undo),
        api(Method::PUT, "/assets/{id}/pin", decide, pin, api::pin),
        api(Method::DELETE, "/assets/{id}/pin", decide, unpin, api::unpin),
        api(Method::GET, "/assets/review", who, questions, questions::list),
        api(Method::POST, "/assets/review/{id}", decide, answer, questions::answer_api),
        api(Method::POST, "/assets/owner", tag, owner, api::owner),
        api(Method::POST, "/assets/field", decide, field, api::field),
    ]
}

/// All that is told of an asset.
pub(crate) struct Detail {
    pub(crate) asset: AssetId,
    pub(crate) fields: BTreeMap<&'static str, Cell>,
    /// Custom fields that have a value: name and value.
    pub(crate) custom: Vec<(String, String)>,
    /// Tags that sources say: key and value.
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) explained: Explained,
    pub(crate) winners: Vec<Winner>,
    pub(crate) addresses: Vec<AddressOf>,
    pub(crate) changes: Vec<Changed>,
    pub(crate) integrations: BTreeMap<IntegrationId, String>,
    pub(crate) parts: Vec<Part>,
}

/// What hangs on an asset: the first rows of an inventory, and how many there are.
pub(crate) struct Part {
    pub(crate) inventory: &'static query::Inventory,
    pub(crate) question: String,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) total: u64,
}

/// Reads an asset of an organization.
pub(crate) fn load(tx: &mut Tx<'_>, org: OrgId, id: &str, now: Timestamp) -> Result<Detail, Problem> {
    let asked = AssetId::parse(id).ok_or_else(|| Problem::missing("asset"))?;
    let explained = explain(tx, org, asked)?;
    let asset = explained.asset;
    let fields = FIELDS.map(str::to_owned).to_vec();
    let answer =
        inventory::ask_in(tx, org, &Ask { fields, limit: 1, ..Ask::new("assets", &format!("id:{asset}"), now) })?;
    let row = answer.table.rows.into_iter().next().ok_or_else(|| Problem::missing("asset"))?;
    let mut parts = Vec::new();
    for (name, columns) in PARTS {
        parts.extend(part(tx, org, asset, name, columns, now)?);
    }
    let told = inventory::history::asset(tx, org, asset, &Tell::default())?;
    let mut changes = told.map(|(_, changes)| changes).unwrap_or_default();
    changes.truncate(CHANGES);
    let integrations = sync::overviews(tx, org, now)?;
    Ok(Detail {
        asset,
        fields: FIELDS.into_iter().zip(row).collect(),
        custom: inventory::ask::custom_values(tx, org, asset)?,
        tags: inventory::ask::tags(tx, org, asset)?,
        winners: inventory::project::winners(tx, org, asset, now)?,
        addresses: inventory::project::addresses_of(tx, org, asset, now)?,
        explained,
        changes,
        integrations: integrations.into_iter().map(|of| (of.integration.id, of.integration.name)).collect(),
        parts,
    })
}

fn part(
    tx: &mut Tx<'_>,
    org: OrgId,
    asset: AssetId,
    name: &str,
    columns: &'static [&'static str],
    now: Timestamp,
) -> Result<Option<Part>, Problem> {
    let Some(inventory) = inventory::catalogue().inventory(name) else { return Ok(None) };
    let question = format!("asset:(id:{asset})");
    let fields = ["id"].iter().chain(columns).map(|name| (*name).to_owned()).collect();
    let ask = Ask { fields, limit: ROWS, ..Ask::new(name, &question, now) };
    let rows = inventory::ask_in(tx, org, &ask)?.table.rows;
    // A page that is not full holds them all.
    let total = match rows.len() < ROWS {
        true => rows.len() as u64,
        false => inventory::ask_in(tx, org, &Ask { want: Want::Count, ..ask })?.total.unwrap_or_default(),
    };
    Ok(Some(Part { inventory, question, columns, rows, total }))
}

/// The name of an asset, or words for one without.
pub(crate) fn name(detail: &Detail) -> &str {
    Some(inventories::text(detail.fields.get("name"))).filter(|name| !name.is_empty()).unwrap_or("without a name")
}
