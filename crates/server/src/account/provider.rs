//! The identity provider of one's own account: linked by who knows the password, at the provider itself.

use access::Errand;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::Secret;
use ui::{Button, Card, Field, Kind, Layout, Markup, Place, Tone, Weight, html};

use super::pages::{Account, drawn};
use super::{HOME, Wrong, proved};
use crate::fields::Sent;
use crate::people::Here;
use crate::people::provider::{departure, leaving};
use crate::{App, Problem, Visitor, respond};

/// Links or unlinks, if there is anything to say.
pub(super) fn card(visitor: &Visitor, found: &Account, wrong: &Wrong) -> Markup {
    let body = match (&found.provider, found.linked) {
        (None, false) => return html! {},
        (name, true) => html! {
            p { "You can sign in with " (name.as_deref().unwrap_or("an identity provider, once there is one again")) "." }
            @if found.person.has_password {
                (ui::post_button(visitor.csrf(), "/account/provider/unlink",
                    &Button { words: "Unlink", about: "identity provider", ..Button::default() }, &[]))
            } @else {
                p.muted { "It is your only way in, so it stays. With a password you could unlink it." }
            }
        },
        (Some(name), false) => {
            let words = format!("Link {name}");
            let field = Field {
                name: "own_password",
                label: "Your password here",
                help: "So that nobody else links theirs while you are away.",
                error: wrong.of("own_password"),
                required: true,
                kind: Kind::Secret("current-password"),
            };
            html! {
                p { "Sign in with your account at " (ui::name(name)) " as well as with your password." }
                (ui::post(visitor.csrf(), "/account/provider", &html! {
                    (field.render())
                    div.line { (ui::button(&Button { words: &words, ..Button::default() })) }
                }))
            }
        }
    };
    let aside = if found.linked { ui::badge(Tone::Ok, "Linked") } else { ui::badge(Tone::Idle, "Not linked") };
    Card { id: "provider", heading: "Identity provider", aside, body, ..Card::default() }.render()
}

/// `POST /account/provider`: a page that leads there, because a form may not send anybody to another site.
pub(super) async fn link(
    State(app): State<App>,
    visitor: Visitor,
    here: Here,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let session = visitor.session.as_ref().map(|session| session.id.clone());
    let session = session.ok_or_else(|| Problem::missing("session"))?;
    if let Some(words) = proved(&app, &visitor, Secret::new(sent.get("own_password").to_owned())).await? {
        return drawn(&app, &visitor, &Wrong { field: "own_password", words }).await;
    }
    let Some(away) = departure(&app, &here, HOME, Errand::Link { session }).await? else {
        return Err(Problem::missing("identity provider"));
    };
    let shell = visitor.shell();
    let page = ui::Page {
        place: None,
        crumbs: &[("Your account", HOME)],
        layout: Layout::Narrow,
        body: html! {
            p { "Sign in there with the account that is yours; you come back here by yourself, and it is linked." }
            p { (ui::link_button(&away.url, &Button { words: "Go on", weight: Weight::Main, ..Button::default() })) }
        },
        ..visitor.page(&shell, Place::Overview, "On to the identity provider")
    };
    Ok(leaving(&app, respond::once(StatusCode::OK, page.render()), &away))
}

/// `POST /account/provider/unlink`
pub(super) async fn unlink(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    super::unlink(&app, &visitor).await?;
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Unlinked.", "You sign in with your password from now on."))
}
