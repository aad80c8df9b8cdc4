//! Coming in and going out: the first set-up, signing in, the second factor, signing out, and what a person sees of
//! themselves.

mod api;
mod pages;

use axum::http::Method;
use kernel::Secret;

use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, respond};

/// The address of the first set-up's link, without its token.
pub(crate) const SET_UP: &str = "/set-up";

/// Its routes.
pub fn routes() -> Vec<Route> {
    let me = Operation::new("show_me", "People", "Shows who asks, and what they may do.", Shape::of::<api::Me>());
    vec![
        page(SET_UP, Who::Anyone, pages::set_up),
        form(SET_UP, Who::Anyone, pages::set_up_sent),
        page("/sign-in", Who::Anyone, pages::sign_in),
        form("/sign-in", Who::Anyone, pages::sign_in_sent),
        page("/sign-in/code", Who::HalfWay, pages::code),
        form("/sign-in/code", Who::HalfWay, pages::code_sent),
        form(ui::page::paths::SIGN_OUT, Who::HalfWay, pages::sign_out),
        form(ui::page::paths::SWITCH, Who::Person, pages::switch),
        form(ui::page::paths::APPEARANCE, Who::Person, pages::appearance),
        api(Method::GET, "/me", Who::Person, me, api::me),
    ]
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
