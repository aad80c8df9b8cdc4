//! Integrations, and how each fares.

mod api;

use access::Permission;
use axum::http::Method;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api};

/// Its routes.
pub fn routes() -> Vec<Route> {
    let who = Who::May(Permission::ReadIntegrations);
    let list = Operation::new(
        "list_integrations",
        "Integrations",
        "Lists integrations, how each fares, and how far each collection is read.",
        Shape::of::<api::Integrations>(),
    );
    vec![api(Method::GET, "/integrations", who, list, api::list)]
}
