//! Coming in and going out: the first set-up, invitations, signing in, the second factor, signing out; the people of an
//! organization, and organizations.

mod api;
mod invitation;
mod members;
mod orgs;
mod pages;
pub(crate) mod provider;

use access::Permission;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::header::HOST;
use axum::http::request::Parts;
use kernel::Secret;
use ui::{Markup, Tab};

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, respond};

/// The address of the first set-up's link, without its token.
pub(crate) const SET_UP: &str = "/set-up";

/// The address of a link by which somebody chooses a password, without its token.
const INVITATION: &str = "/invitation";
/// Where the way to the identity provider begins.
const PROVIDER: &str = "/sign-in/provider";
/// Where the identity provider sends people back; it is told this address when the client is made there.
pub(crate) const RETURN: &str = "/sign-in/provider/return";
/// Where the people of an organization are.
const HOME: &str = "/people";

/// Its routes.
pub fn routes() -> Vec<Route> {
    let me = Operation::new("show_me", "People", "Shows who asks, and what they may do.", Shape::of::<api::Me>());
    let manage = Who::May(Permission::ManagePeople);
    let mut all = vec![
        page(SET_UP, Who::Anyone, pages::set_up),
        form(SET_UP, Who::Anyone, pages::set_up_sent),
        page("/sign-in", Who::Anyone, pages::sign_in),
        form("/sign-in", Who::Anyone, pages::sign_in_sent),
        page("/sign-in/code", Who::HalfWay, pages::code),
        form("/sign-in/code", Who::HalfWay, pages::code_sent),
        page(PROVIDER, Who::Anyone, provider::leave),
        page(RETURN, Who::Anyone, provider::back),
        form(ui::page::paths::SIGN_OUT, Who::HalfWay, pages::sign_out),
        form(ui::page::paths::SWITCH, Who::Person, pages::switch),
        form(ui::page::paths::APPEARANCE, Who::Person, pages::appearance),
        api(Method::GET, "/me", Who::Person, me, api::me),
        page(INVITATION, Who::Anyone, invitation::show),
        form(INVITATION, Who::Anyone, invitation::sent),
        page("/invitation/provider", Who::Anyone, provider::accept),
        page(HOME, manage, members::list),
        form("/people/invite", manage, members::invite_sent),
        page("/people/{id}", manage, members::show),
        form("/people/{id}/role", manage, members::role_sent),
        form("/people/{id}/state", manage, members::state_sent),
        form("/people/{id}/link", manage, members::link_sent),
        form("/people/{id}/second-factor", manage, members::factor_sent),
        form("/people/{id}/sign-out", manage, members::sign_out_sent),
        form("/people/{id}/remove", manage, members::remove_sent),
        page(orgs::HOME, Who::Person, orgs::list),
        form("/orgs/rename", Who::May(Permission::ManageOrg), orgs::rename),
        form("/orgs/new", Who::May(Permission::ManageInstallation), orgs::create),
    ];
    all.extend(interface(manage));
    all
}

fn interface(manage: Who) -> [Route; 11] {
    const ID: &str = "The person's id.";
    let one = |id: &str, summary: &str| Operation::new(id, "People", summary, Shape::of::<api::Person>());
    let list =
        Operation::new("list_people", "People", "Lists the people of the organization.", Shape::of::<api::People>())
            .paged();
    let show = one("show_person", "Shows a person.").path("id", ID);
    let invite = Operation::new(
        "invite_person",
        "People",
        "Makes somebody a member; who is new gets a link to choose a password, shown this once.",
        Shape::of::<api::Invitation>(),
    )
    .sends(Shape::of::<api::New>());
    let change = one("change_person", "Gives a person another role here, or lets them sign in or no longer.")
        .path("id", ID)
        .sends(Shape::of::<api::Change>());
    let remove = one("remove_person", "Takes a person out of the organization.").path("id", ID);
    let link = Operation::new(
        "link_person",
        "People",
        "Makes a link by which a person chooses a new password, shown this once; a token makes it only for who has none yet.",
        Shape::of::<api::Invitation>(),
    )
    .path("id", ID);
    let sign_out =
        one("sign_out_person", "Ends every session of a person; tokens for programs go on working.").path("id", ID);
    let factor = one("remove_second_factor", "Takes a person's second factor away; not for tokens.").path("id", ID);
    let org = |id: &str, summary: &str| {
        Operation::new(id, "People", summary, Shape::of::<api::Organization>()).sends(Shape::of::<api::Named>())
    };
    let add = org("add_organization", "Makes an organization; you administer it.");
    let rename = org("rename_organization", "Gives the organization that is looked at another name.")
        .path("id", "The organization's id.");
    let orgs =
        Operation::new("list_organizations", "People", "Lists your organizations.", Shape::of::<api::Organizations>())
            .paged();
    [
        api(Method::GET, "/people", manage, list, api::list),
        api(Method::POST, "/people", manage, invite, api::invite),
        api(Method::GET, "/people/{id}", manage, show, api::show),
        api(Method::PATCH, "/people/{id}", manage, change, api::change),
        api(Method::DELETE, "/people/{id}", manage, remove, api::remove),
        api(Method::POST, "/people/{id}/link", manage, link, api::link),
        api(Method::POST, "/people/{id}/sign-out", manage, sign_out, api::sign_out),
        api(Method::DELETE, "/people/{id}/second-factor", manage, factor, api::remove_factor),
        api(Method::GET, "/organizations", Who::Person, orgs, api::organizations),
        api(Method::POST, "/organizations", Who::May(Permission::ManageInstallation), add, api::add_organization),
        api(Method::PATCH, "/organizations/{id}", Who::May(Permission::ManageOrg), rename, api::rename_organization),
    ]
}

/// The tabs of what concerns people.
pub(crate) fn tabs(current: &str) -> Markup {
    let tab = |label, href, name| Tab { label, href, count: None, current: current == name };
    ui::tabs("People and tokens", &[tab("People", HOME, "people"), tab("Tokens", "/people/tokens", "tokens")])
}

/// What the browser calls this server: `https://muster.example`.
pub(crate) struct Here(pub(crate) String);

impl FromRequestParts<App> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Here, Problem> {
        let told = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
        let host = told.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let host = host.ok_or_else(|| Problem::invalid("The request does not say which host it is for."))?;
        let scheme = if app.settings.secure { "https" } else { "http" };
        Ok(Here(format!("{scheme}://{host}")))
    }
}

/// Works on a password on a thread for such work, a few at once.
pub(crate) async fn work_on_password<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let place = app.passwords.clone().acquire_owned().await;
    let done = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    done.await.map_err(|error| {
        tracing::error!(%error, "working on a password ended badly");
        Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "A mistake of ours", crate::problem::MISTAKE)
    })
}

/// Lets a session's cookie into the browser.
pub(crate) fn let_in(app: &App, mut response: axum::response::Response, token: &Secret) -> axum::response::Response {
    respond::set_cookie(&mut response, &session_cookie(app, token.expose(), ""));
    response
}

fn session_cookie(app: &App, value: &str, more: &str) -> String {
    let secure = if app.settings.secure { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", app.settings.cookie())
}
