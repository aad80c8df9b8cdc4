//! What an organization's administrator chooses: whom to ask for help, and how long what was seen is kept.

mod pages;

use access::Permission;

use crate::route::{Route, Who, form, page};

/// Where they are.
const HOME: &str = "/settings";
/// The longest time to keep something, in days: ten years.
const DAYS_MAX: u32 = 3_660;

/// Its routes.
pub fn routes() -> Vec<Route> {
    let manage = Who::May(Permission::ManageOrg);
    vec![
        page(HOME, manage, pages::show),
        form("/settings/support", manage, pages::support),
        form("/settings/keep", manage, pages::keep),
    ]
}
