//! The page of one's own account.

use access::{AccessError, ApiToken, Permission, Session};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{Secret, Timestamp};
use ui::{Button, Card, Cell, Column, Field, Kind, Markup, Place, Row, Table, Tone, Weight, html};

use super::{FACTOR, HOME, Wrong, change_password, end_sessions, tokens};
use crate::fields::Sent;
use crate::problem::sentence;
use crate::{App, Problem, Visitor, respond};

/// How long the choice about keys is remembered by the browser, in seconds.
const KEYS_SECONDS: u32 = 31_536_000;

/// What stands on the page.
pub(super) struct Account {
    pub(super) person: access::Person,
    sessions: Vec<Session>,
    tokens: Vec<ApiToken>,
    /// They can sign in through the identity provider.
    pub(super) linked: bool,
    /// Its name, if there is one.
    pub(super) provider: Option<String>,
}

/// `GET /account`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, &Wrong::default()).await
}

/// The page, with a mistake if there is one.
pub(super) async fn drawn(app: &App, visitor: &Visitor, wrong: &Wrong) -> Result<Response, Problem> {
    let (who, org, now, lifetimes) = (visitor.person, visitor.org, app.world.now(), app.settings.lifetimes);
    let found = app.store.read(move |tx| {
        let person = access::person(tx, who)?.ok_or(AccessError::NoSuch { what: "person" })?;
        let sessions = access::sessions_of(tx, who, &lifetimes, now)?;
        let tokens = access::api_tokens(tx, org)?.into_iter().filter(|token| token.person == who).collect();
        let (linked, provider) = (access::is_linked(tx, who)?, access::provider_name(tx)?);
        Ok::<_, AccessError>(Account { person, sessions, tokens, linked, provider })
    });
    let found = found.await?;
    let shell = visitor.shell();
    let body = html! {
        (you(visitor, &found, wrong))
        (password_card(visitor, &found, wrong))
        (super::provider::card(visitor, &found, wrong))
        (factor_card(&found))
        (sessions(visitor, &found.sessions, now))
        (tokens::own(visitor, &found.tokens, wrong, now))
        (keys_card(visitor))
    };
    let page = ui::Page {
        place: None,
        lead: html! { "How you sign in, where you are signed in, and which programs act for you. Times in UTC." },
        body,
        ..visitor.page(&shell, Place::Overview, "Your account")
    };
    let status = if wrong.words.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, respond::page(page.render())).into_response())
}

fn you(visitor: &Visitor, found: &Account, wrong: &Wrong) -> Markup {
    let name = Field {
        name: "name",
        label: "Your name",
        help: "As others see it.",
        error: wrong.of("name"),
        required: true,
        kind: Kind::Text(&found.person.name),
    };
    let orgs = html! {
        @for (at, of) in visitor.orgs.iter().enumerate() {
            @if at > 0 { ", " } (ui::name(&of.org_name)) " (" (of.role.word()) ")"
        }
        " " a href=(ui::page::paths::ORGS) { "Organizations" }
    };
    let body = html! {
        (ui::facts(&[("E-mail address", ui::name(&found.person.login)), ("Member of", orgs)]))
        (ui::post(visitor.csrf(), "/account/name", &html! {
            (name.render())
            div.line { (ui::button(&Button { words: "Save name", ..Button::default() })) }
        }))
    };
    Card { id: "you", heading: "You", body, ..Card::default() }.render()
}

fn password_card(visitor: &Visitor, found: &Account, wrong: &Wrong) -> Markup {
    let fields = [
        Field {
            name: "current",
            label: "Password now",
            help: "",
            error: wrong.of("current"),
            required: true,
            kind: Kind::Secret("current-password"),
        },
        Field {
            name: "password",
            label: "New password",
            help: "12 characters or more. A few words in a row are easy to keep.",
            error: wrong.of("password"),
            required: true,
            kind: Kind::Secret("new-password"),
        },
    ];
    let body = html! {
        @if found.person.has_password {
            (ui::post(visitor.csrf(), "/account/password", &html! {
                (ui::errors(&fields))
                @for field in &fields { (field.render()) }
                div.line {
                    (ui::button(&Button { words: "Change password", ..Button::default() }))
                    span.muted { "Everywhere else you are signed out." }
                }
            }))
        } @else {
            p { "You have no password. An administrator can give you a link to choose one." }
        }
    };
    Card { id: "password-card", heading: "Password", body, ..Card::default() }.render()
}

fn factor_card(found: &Account) -> Markup {
    let on = found.person.has_second_factor;
    let aside = if on { ui::badge(Tone::Ok, "On") } else { ui::badge(Tone::Warn, "Off") };
    let (says, words) = if on {
        ("A code from your telephone is asked for after the password.", "Change")
    } else {
        ("Whoever gets hold of your password gets in. With a second factor they do not.", "Set up")
    };
    let body = html! {
        p { (says) }
        p { (ui::link_button(FACTOR, &Button { words, about: "second factor", ..Button::default() })) }
    };
    Card { id: "factor", heading: "Second factor", aside, body, ..Card::default() }.render()
}

fn sessions(visitor: &Visitor, all: &[Session], now: Timestamp) -> Markup {
    let here = visitor.session.as_ref().map(|session| session.id.as_str());
    let browsers: Vec<String> = all.iter().map(|session| browser(&session.origin.agent)).collect();
    let rows = all.iter().zip(&browsers).map(|(session, browser)| {
        let own = Some(session.id.as_str()) == here;
        let end = if own {
            ui::badge(Tone::Note, "This one")
        } else {
            let button = Button { words: "End", about: "session", small: true, ..Button::default() };
            ui::post_button(visitor.csrf(), "/account/sessions/end", &button, &[("session", &session.id)])
        };
        let cells = vec![
            Cell::new(ui::mono(&session.origin.address)),
            Cell::new(ui::moment(session.created_at)),
            Cell::new(ui::near(session.used_at, now)),
            Cell::number(end),
        ];
        Row { id: &session.id, name: browser, cells, ..Row::default() }
    });
    let table = Table {
        caption: "Your sessions, the newest first. Times in UTC.",
        columns: vec![
            Column::new("Browser"),
            Column::new("Address"),
            Column::new("Signed in"),
            Column::new("Last used"),
            Column::verbs(),
        ],
        rows: rows.collect(),
        ..Table::default()
    };
    let others = html! {
        @if all.len() > 1 {
            (ui::post_button(visitor.csrf(), "/account/sessions/end",
                &Button { words: "End all others", ..Button::default() }, &[("others", "yes")]))
        }
    };
    Card {
        id: "sessions",
        heading: "Where you are signed in",
        body: table.render(),
        flush: true,
        foot: others,
        ..Card::default()
    }
    .render()
}

/// A browser as people call it: *Firefox on Windows*. What it calls itself, where that is neither.
fn browser(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Mac OS X", "a Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let of =
        |known: &[(&str, &'static str)]| known.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (of(&BROWSERS), of(&SYSTEMS)) {
        _ if agent.is_empty() => "A browser that says no name".to_owned(),
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => agent.to_owned(),
    }
}

fn keys_card(visitor: &Visitor) -> Markup {
    let field = Field {
        name: "single_keys",
        label: "Single keys do something",
        help: "Such as / for the query box. Press ? to see them all.",
        error: None,
        required: false,
        kind: Kind::Switch(visitor.keys),
    };
    let body = ui::post(
        visitor.csrf(),
        "/account/keys",
        &html! { (field.render()) div.line { (ui::button(&Button { words: "Save", about: "keys", ..Button::default() })) } },
    );
    Card { id: "keys-card", heading: "Keyboard", body, ..Card::default() }.render()
}

/// `POST /account/name`
pub(super) async fn rename(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (who, by, now, name) =
        (visitor.person, visitor.login.clone(), app.world.now(), sent.get("name").trim().to_owned());
    match app.store.write(move |tx| access::rename_person(tx, who, &name, &by, now)).await {
        Ok(()) => Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", "Others see your new name from now on.")),
        Err(why @ AccessError::Invalid { .. }) => {
            drawn(&app, &visitor, &Wrong { field: "name", words: sentence(&why) }).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /account/keys`
pub(super) async fn keys(Sent(sent): Sent) -> Response {
    let on = sent.get("single_keys") == "on";
    let what = if on { "Keys are on." } else { "Keys are off." };
    let mut response = respond::see_other_saying(HOME, Tone::Ok, what, "This browser remembers it.");
    let word = if on { "on" } else { "off" };
    respond::set_cookie(
        &mut response,
        &format!("{}={word}; Path=/; HttpOnly; SameSite=Lax; Max-Age={KEYS_SECONDS}", crate::visitor::KEYS),
    );
    response
}

/// `POST /account/password`
pub(super) async fn password(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let current = Secret::new(sent.get("current").to_owned());
    let password = Secret::new(sent.get("password").to_owned());
    if let Err(wrong) = change_password(&app, &visitor, current, password).await? {
        return drawn(&app, &visitor, &wrong).await;
    }
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Password changed.", "Everywhere else you are signed out."))
}

/// `POST /account/sessions/end`
pub(super) async fn end_session(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let others = sent.get("others") == "yes";
    end_sessions(&app, &visitor, (!others).then(|| sent.get("session").to_owned())).await?;
    let what = if others { "All other sessions ended." } else { "Session ended." };
    Ok(respond::see_other_saying(HOME, Tone::Ok, what, "Whoever used it has to sign in again."))
}

/// Whether they may make tokens: a heading for nobody is no help.
pub(super) fn may_make(visitor: &Visitor) -> bool {
    visitor.may(Permission::ManageOwnTokens)
}

/// The one button of a form.
pub(super) fn main_button(words: &str) -> Markup {
    ui::button(&Button { words, weight: Weight::Main, ..Button::default() })
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0";
        assert_eq!(browser(edge), "Edge on Windows");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1";
        assert_eq!(browser(phone), "Safari on an iPhone");
        assert_eq!(browser("curl/8.9"), "curl/8.9");
        assert_eq!(browser(""), "A browser that says no name");
    }
}
