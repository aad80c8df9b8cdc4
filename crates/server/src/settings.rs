//! What an organization's administrator chooses: whom to ask for help, and how long what was seen is kept. And what holds for
//! the whole installation: its identity provider.

mod api;
mod pages;
mod provider;

use access::Permission;
use axum::http::Method;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};

/// Where they are.
const HOME: &str = "/settings";
/// Where the identity provider is set.
const PROVIDER: &str = "/settings/provider";
/// The longest time to keep something, in days: ten years.
const DAYS_MAX: u32 = 3_660;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let manage = Who::May(Permission::ManageOrg);
    let installation = Who::May(Permission::ManageInstallation);
    let settings = |id: &str, summary: &str| Operation::new(id, "Settings", summary, Shape::of::<api::Settings>());
    let read = settings("show_settings", "Shows what holds for everybody in the organization.");
    let change = settings("change_settings", "Changes what holds for everybody; what is left out stays.");
    vec![
        api(Method::GET, HOME, manage, read, api::show),
        api(Method::PATCH, HOME, manage, change.sends(Shape::of::<api::Change>()), api::change),
        page(HOME, manage, pages::show),
        form("/settings/support", manage, pages::support),
        form("/settings/keep", manage, pages::keep),
        form("/settings/admins", installation, pages::admins),
        form("/settings/consoles", installation, pages::consoles),
        page(PROVIDER, installation, provider::show),
        form(PROVIDER, installation, provider::sent),
        form("/settings/provider/remove", installation, provider::remove),
    ]
}
