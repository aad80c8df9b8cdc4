//! The page of settings.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use inventory::history;
use signals::{Keep, SignalsError};
use ui::{Button, Card, Field, Kind, Markup, Place, Tone, html};

use super::{DAYS_MAX, HOME};
use crate::fields::Sent;
use crate::{App, Problem, Visitor, respond};

/// What is chosen.
struct Chosen {
    support: String,
    history: Option<u32>,
    log: Option<u32>,
}

/// `GET /settings`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, None).await
}

async fn drawn(app: &App, visitor: &Visitor, wrong: Option<(&str, &str, &str)>) -> Result<Response, Problem> {
    let org = visitor.org;
    let read = app.store.read(move |tx| {
        let support = access::support_contact(tx, org)?;
        let (history, log) = (history::kept(tx, org)?.days, signals::keep(tx, org)?.days);
        Ok::<_, Problem>(Chosen { support, history, log })
    });
    let chosen = read.await?;
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "What holds for everybody in " (ui::name(&visitor.org_name)) "." },
        body: html! {
            (support_card(visitor, &chosen, wrong))
            (keep_card(visitor, &chosen, wrong))
            (server_card(app))
        },
        ..visitor.page(&shell, Place::Settings, "Settings")
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, respond::page(page.render())).into_response())
}

fn error<'a>(wrong: Option<(&'a str, &'a str, &'a str)>, field: &str) -> Option<&'a str> {
    wrong.filter(|(name, ..)| *name == field).map(|(_, words, _)| words)
}

fn support_card(visitor: &Visitor, chosen: &Chosen, wrong: Option<(&str, &str, &str)>) -> Markup {
    let field = Field {
        name: "support",
        label: "Support contact",
        help: "A name with an address or a telephone number. It stands on the help page. Empty names nobody.",
        error: error(wrong, "support"),
        required: false,
        kind: Kind::Text(&chosen.support),
    };
    let body = ui::post(
        visitor.csrf(),
        "/settings/support",
        &html! { (field.render()) div.line { (ui::button(&Button { words: "Save contact", ..Button::default() })) } },
    );
    Card { id: "support-card", heading: "Whom to ask", body, ..Card::default() }.render()
}

fn keep_card(visitor: &Visitor, chosen: &Chosen, wrong: Option<(&str, &str, &str)>) -> Markup {
    let text = |name: &str, days: Option<u32>| match wrong.filter(|(field, ..)| *field == name) {
        Some((_, _, given)) => given.to_owned(),
        None => days.map_or_else(String::new, |days| days.to_string()),
    };
    let (history, log) = (text("history", chosen.history), text("log", chosen.log));
    let fields = [
        Field {
            name: "history",
            label: "Keep what changed on assets for, in days",
            help: "Empty keeps it for ever. A question about an earlier day then says that it cannot be answered.",
            error: error(wrong, "history"),
            required: false,
            kind: Kind::Number(&history, 1, i64::from(DAYS_MAX)),
        },
        Field {
            name: "log",
            label: "Keep the log of signals for, in days",
            help: "Empty keeps it for ever. What no sink has received yet is kept longer.",
            error: error(wrong, "log"),
            required: false,
            kind: Kind::Number(&log, 1, i64::from(DAYS_MAX)),
        },
    ];
    let body = ui::post(
        visitor.csrf(),
        "/settings/keep",
        &html! {
            (ui::errors(&fields))
            @for field in &fields { (field.render()) }
            div.line { (ui::button(&Button { words: "Save", about: "how long", ..Button::default() })) }
        },
    );
    Card { id: "keep-card", heading: "How long it is kept", body, ..Card::default() }.render()
}

fn server_card(app: &App) -> Markup {
    let private = if app.settings.private_consoles {
        "Allowed: consoles may stand inside a private network, or on this machine."
    } else {
        "Refused: nobody can make this server look around there."
    };
    let body = html! {
        (ui::facts(&[
            ("Consoles at private addresses", html! { (private) }),
            ("A session unused ends after", html! { (ui::duration(app.settings.lifetimes.idle)) }),
            ("A session ends at the latest after", html! { (ui::duration(app.settings.lifetimes.absolute)) }),
            ("Version", html! { (env!("CARGO_PKG_VERSION")) }),
        ]))
        p.muted { "These are chosen where the server is started." }
    };
    Card { id: "server-card", heading: "This server", body, ..Card::default() }.render()
}

/// `POST /settings/support`
pub(super) async fn support(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let contact = sent.get("support").to_owned();
    let saved = app.store.write(move |tx| access::set_support_contact(tx, org, &contact, &by, now)).await;
    match saved.map_err(Problem::from) {
        Ok(()) => Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", "It stands on the help page.")),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            drawn(&app, &visitor, Some(("support", problem.detail(), sent.get("support")))).await
        }
        Err(problem) => Err(problem),
    }
}

/// A number of days; nothing is for ever.
fn days(text: &str) -> Result<Option<u32>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let days = text.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
    days.map(Some).ok_or_else(|| format!("Enter 1 to {DAYS_MAX} days, or nothing; you entered {text}."))
}

/// `POST /settings/keep`
pub(super) async fn keep(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (past, log) = match (days(sent.get("history")), days(sent.get("log"))) {
        (Ok(past), Ok(log)) => (past, log),
        (Err(words), _) => return drawn(&app, &visitor, Some(("history", &words, sent.get("history")))).await,
        (_, Err(words)) => return drawn(&app, &visitor, Some(("log", &words, sent.get("log")))).await,
    };
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let written = app.store.write(move |tx| {
        let bytes = signals::keep(tx, org)?.bytes;
        history::keep(tx, org, past)?;
        signals::set_keep(tx, org, Keep { days: log, bytes })?;
        let told = |days: Option<u32>| days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
        access::audit(tx, org, now, &by, "setting.keep", "", &format!("history {}, log {}", told(past), told(log)))?;
        Ok::<_, SignalsError>(())
    });
    written.await?;
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", "What is older goes by itself within a day."))
}
