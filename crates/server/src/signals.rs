//! The log: every version of every record, by time, searched, and each as it was sent.

mod api;
mod pages;

use ::signals::{Artifact, ArtifactId};
use access::Permission;
use axum::http::Method;
use kernel::OrgId;
use store::Tx;

use crate::Problem;
use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, page};

pub(crate) use pages::{Counted, Logged};

/// Its routes.
pub fn routes() -> Vec<Route> {
    let who = Who::May(Permission::ReadSignals);
    let show = Operation::new(
        "show_artifact",
        "Inventory",
        "Shows one version of a record as its source sent it, secrets blanked.",
        Shape::of::<api::Artifact>(),
    )
    .path("id", "The artifact's id, or its number in the log.");
    vec![
        page("/signals", who, pages::list),
        page("/signals/{id}", who, pages::show),
        api(Method::GET, "/artifacts/{id}", who, show, api::show),
    ]
}

fn load(tx: &mut Tx<'_>, org: OrgId, id: &str) -> Result<Artifact, Problem> {
    let found = match (id.parse::<i64>(), ArtifactId::parse(id)) {
        (Ok(seq), _) => ::signals::read(tx, org, seq)?,
        (_, Some(id)) => ::signals::find(tx, org, id)?,
        _ => None,
    };
    found.ok_or_else(|| Problem::missing("artifact"))
}
