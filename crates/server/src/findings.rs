//! One finding as a story: what it is, whether it fails and why, what was done, and what happened in which order.

mod api;
mod pages;

use access::Permission;
use axum::http::Method;
use inventory::Ask;
use inventory::finding::{Finding, tell};
use kernel::{OrgId, Timestamp};
use store::Tx;

use crate::Problem;
use crate::inventories::text;
use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, page};

/// Its routes.
pub fn routes() -> Vec<Route> {
    let who = Who::May(Permission::ReadInventory);
    let show = Operation::new(
        "show_finding",
        "Inventory",
        "Shows a finding, what was done about it and what happened in which order.",
        Shape::of::<api::Finding>(),
    )
    .path("id", "The finding's id, or the console's own id of any record that tells of it.");
    vec![page("/findings/{id}", who, pages::show), api(Method::GET, "/findings/{id}", who, show, api::show)]
}

/// A finding, and the asset that it is on.
struct Detail {
    finding: Finding,
    /// Id and name of the asset.
    asset: Option<(String, String)>,
    /// Whether its timeline and its notes were not asked for yet.
    unread: (bool, bool),
}

fn load(tx: &mut Tx<'_>, org: OrgId, id: &str, now: Timestamp) -> Result<Detail, Problem> {
    let finding = tell(tx, org, id, now)?.ok_or_else(|| Problem::missing("finding"))?;
    let fields = ["id", "name"].map(str::to_owned).to_vec();
    let asked = format!("finding:(id:={})", finding.id);
    let answer = inventory::ask_in(tx, org, &Ask { fields, limit: 1, ..Ask::new("assets", &asked, now) })?;
    let asset = answer.table.rows.first().map(|row| (text(row.first()).to_owned(), text(row.get(1)).to_owned()));
    // Only a story without events asks why it has none.
    let own = finding.story.records.first().filter(|_| finding.story.events.is_empty());
    let mut waits = |stream: &str| {
        own.map_or(Ok(false), |own| sync::enrichment_waits_about(tx, org, own.integration, stream, &own.native_id))
    };
    let unread = (waits("threat_timeline")?, waits("threat_notes")?);
    Ok(Detail { finding, asset, unread })
}
