//! The link by which somebody chooses a password: invited, or because theirs is forgotten. Nobody is signed in here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{Random, Secret};
use ui::{Button, Field, Kind, Markup, Tone, Weight, html};

use super::work_on_password;
use crate::fields::{Asked, Sent, address};
use crate::problem::sentence;
use crate::{App, Problem, respond};

/// `GET /invitation?token=..`
pub(super) async fn show(State(app): State<App>, Asked(asked): Asked) -> Result<Response, Problem> {
    match invited(&app, asked.get("token")).await? {
        Some(known) => Ok(respond::once(StatusCode::OK, drawn(asked.get("token"), &known, None))),
        None => Ok(over()),
    }
}

/// Who is invited, and how they may accept.
struct Invited {
    login: String,
    /// The name of the identity provider.
    provider: Option<String>,
}

async fn invited(app: &App, token: &str) -> Result<Option<Invited>, Problem> {
    let (token, now) = (token.to_owned(), app.world.now());
    let read = app.store.read(move |tx| {
        let Some(who) = access::invited(tx, &token, now)? else { return Ok(None) };
        let provider = access::provider_name(tx)?;
        Ok::<_, access::AccessError>(access::person(tx, who)?.map(|person| Invited { login: person.login, provider }))
    });
    Ok(read.await?)
}

/// `POST /invitation`
pub(super) async fn sent(State(app): State<App>, Sent(sent): Sent) -> Result<Response, Problem> {
    let token = sent.get("token").to_owned();
    let Some(known) = invited(&app, &token).await? else { return Ok(over()) };
    let password = Secret::new(sent.get("password").to_owned());
    if let Err(why) = access::check_password(&password, &known.login) {
        return Ok(respond::once(StatusCode::UNPROCESSABLE_ENTITY, drawn(&token, &known, Some(&sentence(&why)))));
    }
    let salt = Random::secret_bytes();
    let hash = work_on_password(&app, move || access::hash_password(&password, &salt)).await?;
    let now = app.world.now();
    match app.store.write(move |tx| access::choose_password(tx, &token, &hash, now)).await? {
        Some(_) => Ok(respond::see_other_saying("/sign-in", Tone::Ok, "Your password is chosen.", "Sign in with it.")),
        None => Ok(over()),
    }
}

fn drawn(token: &str, known: &Invited, wrong: Option<&str>) -> Markup {
    let field = Field {
        name: "password",
        label: "Password",
        help: "12 characters or more. A few words in a row are easy to keep.",
        error: wrong,
        required: true,
        kind: Kind::Secret("new-password"),
    };
    let body = html! {
        form.flow method="post" action=(super::INVITATION) {
            input type="hidden" name="token" value=(token);
            (ui::facts(&[("E-mail address", ui::name(&known.login))]))
            (field.render())
            div.line { (ui::button(&Button { words: "Choose password", weight: Weight::Main, ..Button::default() })) }
        }
        @if let Some(name) = &known.provider {
            h2 { "Or without a password" }
            p { "Sign in with your account at " (ui::name(name)) "; from then on it opens Muster." }
            p { (ui::link_button(&address("/invitation/provider", &[("token", token)]), &Button { words: &format!("Go to {name}"), ..Button::default() })) }
        }
    };
    ui::plain("Choose your password", &html! { "Then you sign in with it and your e-mail address." }, "", &body)
}

fn over() -> Response {
    let body = html! {
        p { "Such a link works once, for three days, and a newer one takes its place." }
        p { "Ask who gave it to you for another." }
        p { a href="/sign-in" { "To the sign-in" } }
    };
    respond::once(StatusCode::GONE, ui::plain("This link is over", &html! {}, "", &body))
}
