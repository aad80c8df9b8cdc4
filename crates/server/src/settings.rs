//! What an organization's administrator chooses: whom to ask for help, and how long what was seen is kept. And what holds for
//! the whole installation: its identity provider.

mod api;
mod pages;
mod provider;

use access::Permission;
use axum::http::Method;
use inventory::history;
use kernel::{OrgId, Timestamp};
use signals::{Keep, SignalsError};
use store::Tx;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};

/// Where they are.
const HOME: &str = "/settings";
/// Where the identity provider is set.
const PROVIDER: &str = "/settings/provider";
/// The longest time to keep something, in days: ten years.
const DAYS_MAX: u32 = 3_660;

/// Keeps what changed and the log for so many days from now on; nothing is for ever.
fn keep_for(
    tx: &mut Tx<'_>,
    org: OrgId,
    (past, log): (Option<u32>, Option<u32>),
    by: &str,
    now: Timestamp,
) -> Result<(), SignalsError> {
    history::keep(tx, org, past)?;
    let bytes = signals::keep(tx, org)?.bytes;
    signals::set_keep(tx, org, Keep { days: log, bytes })?;
    let told = |days: Option<u32>| days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
    let detail = format!("history {}, log {}", told(past), told(log));
    access::audit(tx, org, now, by, "setting.keep", "", &detail)?;
    Ok(())
}

/// Its routes.
pub fn routes() -> Vec<Route> {
    let manage = Who::May(Permission::ManageOrg);
    let installation = Who::May(Permission::ManageInstallation);
    let settings = |id: &str, summary: &str| Operation::new(id, "Settings", summary, Shape::of::<api::Settings>());
    let read = settings("show_settings", "Shows what holds for everybody in the organization.");
    let change = settings("change_settings", "Changes what holds for everybody; what is left out stays.");
    let of_provider =
        |id: &str, summary: &str| Operation::new(id, "Settings", summary, Shape::of::<api::IdentityProvider>());
    let provider = of_provider("show_provider", "Shows the identity provider, without its secret.");
    let set_provider = of_provider(
        "set_provider",
        "Asks an identity provider what it is, and saves it if it answers; not for tokens, since people sign in by it.",
    )
    .sends(Shape::of::<api::NewProvider>());
    let remove_provider = of_provider("remove_provider", "Removes the identity provider; not for tokens.");
    vec![
        api(Method::GET, PROVIDER, installation, provider, api::provider),
        api(Method::PUT, PROVIDER, installation, set_provider, api::set_provider),
        api(Method::DELETE, PROVIDER, installation, remove_provider, api::remove_provider),
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
