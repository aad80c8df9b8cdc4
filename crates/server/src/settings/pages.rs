//! The page of settings.

use access::Permission;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use inventory::history;
use kernel::OrgId;
use ui::{Button, Card, Field, Kind, Markup, Place, Tone, html};

use super::{DAYS_MAX, HOME, keep_for};
use crate::fields::Sent;
use crate::{App, Problem, Visitor, edit, respond};

/// What is chosen.
struct Chosen {
    support: String,
    history: Option<u32>,
    log: Option<u32>,
    provider: Option<String>,
    /// Administrators need a second factor.
    admins: bool,
    /// Consoles may stand at private addresses.
    private: bool,
    /// Of what is stored, whatever the forms hold.
    stamps: Stamps,
}

/// What tells one state of the forms from another.
struct Stamps {
    support: String,
    keep: String,
}

impl Stamps {
    fn of(support: &str, history: Option<u32>, log: Option<u32>) -> Stamps {
        Stamps { support: edit::stamp(&[support]), keep: edit::stamp(&[&shown(history), &shown(log)]) }
    }
}

/// A number of days as its field holds it; for ever is empty.
fn shown(days: Option<u32>) -> String {
    days.map_or_else(String::new, |days| days.to_string())
}

/// `GET /settings`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, None).await
}

/// What is chosen now.
async fn chosen(app: &App, org: OrgId) -> Result<Chosen, Problem> {
    let read = app.store.read(move |tx| {
        let support = access::support_contact(tx, org)?;
        let (history, log) = (history::kept(tx, org)?.days, signals::keep(tx, org)?.days);
        Ok::<_, Problem>(Chosen {
            stamps: Stamps::of(&support, history, log),
            support,
            history,
            log,
            provider: access::provider_name(tx)?,
            admins: access::admins_need_second_factor(tx)?,
            private: access::consoles_may_be_private(tx)?,
        })
    });
    read.await
}

async fn drawn(app: &App, visitor: &Visitor, wrong: Option<(&str, &str, &str)>) -> Result<Response, Problem> {
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let chosen = chosen(app, visitor.org).await?;
    Ok((status, page(app, visitor, &chosen, &html! {}, wrong)).into_response())
}

/// The form of somebody who was not the first to save: as it was filled in, under what is stored now.
async fn stale(
    app: &App,
    visitor: &Visitor,
    entered: impl FnOnce(Chosen) -> Chosen,
    told: Markup,
) -> Result<Response, Problem> {
    let chosen = entered(chosen(app, visitor.org).await?);
    Ok((StatusCode::CONFLICT, page(app, visitor, &chosen, &told, None)).into_response())
}

fn page(app: &App, visitor: &Visitor, chosen: &Chosen, told: &Markup, wrong: Option<(&str, &str, &str)>) -> Response {
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "What holds for everybody in " (ui::name(&visitor.org_name)) "." },
        body: html! {
            (told)
            (support_card(visitor, chosen, wrong))
            (keep_card(visitor, chosen, wrong))
            @if visitor.may(Permission::ManageInstallation) {
                (provider_card(chosen.provider.as_deref()))
                (admins_card(visitor, chosen.admins, wrong))
                (consoles_card(visitor, app.settings.private_consoles, chosen.private))
            }
            (server_card(app, chosen.private))
        },
        ..visitor.page(&shell, Place::Settings, "Settings")
    };
    respond::page(page.render())
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
        &html! { (edit::carries(&chosen.stamps.support)) (field.render()) div.line { (ui::button(&Button { words: "Save contact", ..Button::default() })) } },
    );
    Card { id: "support-card", heading: "Whom to ask", body, ..Card::default() }.render()
}

fn keep_card(visitor: &Visitor, chosen: &Chosen, wrong: Option<(&str, &str, &str)>) -> Markup {
    let text = |name: &str, days: Option<u32>| match wrong.filter(|(field, ..)| *field == name) {
        Some((_, _, given)) => given.to_owned(),
        None => shown(days),
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
            (edit::carries(&chosen.stamps.keep))
            (ui::errors(&fields))
            @for field in &fields { (field.render()) }
            div.line { (ui::button(&Button { words: "Save", about: "how long", ..Button::default() })) }
        },
    );
    Card { id: "keep-card", heading: "How long it is kept", body, ..Card::default() }.render()
}

/// The way to the identity provider, which holds for all organizations.
fn provider_card(provider: Option<&str>) -> Markup {
    let body = html! {
        @match provider {
            Some(name) => p { "People may sign in with " (ui::name(name)) "." },
            None => p { "People sign in with passwords. With an OpenID Connect provider they use the account that they have there." },
        }
        p { (ui::link_button(super::PROVIDER, &Button { words: if provider.is_some() { "Change" } else { "Set up" }, about: "identity provider", ..Button::default() })) }
    };
    Card { id: "provider-card", heading: "Identity provider", body, ..Card::default() }.render()
}

/// What holds for administrators of all organizations.
fn admins_card(visitor: &Visitor, on: bool, wrong: Option<(&str, &str, &str)>) -> Markup {
    let field = Field {
        name: "second_factor",
        label: "Administrators need a second factor",
        help: "In every organization. Who has none only reads until they have set one up, and tokens that they made as administrators rest.",
        error: error(wrong, "second_factor"),
        required: false,
        kind: Kind::Switch(on),
    };
    let body = ui::post(
        visitor.csrf(),
        "/settings/admins",
        &html! { (field.render()) div.line { (ui::button(&Button { words: "Save", about: "rule for administrators", ..Button::default() })) } },
    );
    Card { id: "admins-card", heading: "Administrators", body, ..Card::default() }.render()
}

/// Where consoles may stand that this server asks.
fn consoles_card(visitor: &Visitor, from_the_start: bool, on: bool) -> Markup {
    let field = Field {
        name: "private",
        label: "Consoles may stand at private addresses",
        help: "Inside networks that this server reaches, or on its machine. Whoever may connect a console could then make it look around there. Those that are connected stay so. Usual: no; an Explorer reads them from inside.",
        error: None,
        required: false,
        kind: Kind::Switch(on),
    };
    let body = html! {
        @if from_the_start { p { "Allowed already by how the server was started, whatever is chosen here." } }
        (ui::post(visitor.csrf(), "/settings/consoles", &html! {
            (field.render())
            div.line { (ui::button(&Button { words: "Save", about: "where consoles may stand", ..Button::default() })) }
        }))
    };
    Card { id: "consoles-card", heading: "Consoles", body, ..Card::default() }.render()
}

fn server_card(app: &App, chosen: bool) -> Markup {
    let private = if app.settings.private_consoles || chosen {
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
        p.muted { "Times and version are chosen where the server is started." }
    };
    Card { id: "server-card", heading: "This server", body, ..Card::default() }.render()
}

/// `POST /settings/support`
pub(super) async fn support(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let (contact, given) = (sent.get("support").to_owned(), sent.clone());
    let saved = app.store.write(move |tx| {
        let stored = access::support_contact(tx, org)?;
        if edit::is_stale(&given, &edit::stamp(&[&stored])) {
            return Ok(Some(stored));
        }
        access::set_support_contact(tx, org, &contact, &by, now).map(|()| None)
    });
    match saved.await.map_err(Problem::from) {
        Ok(Some(stored)) => {
            let told = edit::both(&[("Support contact", &stored, sent.get("support"))]);
            stale(&app, &visitor, |now| Chosen { support: sent.get("support").to_owned(), ..now }, told).await
        }
        Ok(None) => Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", "It stands on the help page.")),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            drawn(&app, &visitor, Some(("support", problem.detail(), sent.get("support")))).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/admins`
pub(super) async fn admins(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (who, now, on) = (visitor.person, app.world.now(), sent.get("second_factor") == "on");
    let saved = app.store.write(move |tx| access::set_admins_need_second_factor(tx, on, who, now)).await;
    match saved.map_err(Problem::from) {
        Ok(()) => {
            let then = if on { "Who has no second factor sets one up before anything else." } else { "" };
            Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", then))
        }
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            drawn(&app, &visitor, Some(("second_factor", problem.detail(), ""))).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/consoles`
pub(super) async fn consoles(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (by, now, on) = (visitor.login.clone(), app.world.now(), sent.get("private") == "on");
    app.store.write(move |tx| access::set_consoles_may_be_private(tx, on, &by, now)).await?;
    let then =
        if on { "Consoles inside private networks can be connected." } else { "New ones are asked by public names." };
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", then))
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
    let given = sent.clone();
    let written = app.store.write(move |tx| {
        let (history, stored) = (shown(history::kept(tx, org)?.days), shown(signals::keep(tx, org)?.days));
        if edit::is_stale(&given, &edit::stamp(&[&history, &stored])) {
            return Ok(Some((history, stored)));
        }
        keep_for(tx, org, (past, log), &by, now).map(|()| None)
    });
    if let Some((history, stored)) = written.await? {
        let told = edit::both(&[
            ("What changed on assets, in days", &history, &shown(past)),
            ("The log of signals, in days", &stored, &shown(log)),
        ]);
        return stale(&app, &visitor, |now| Chosen { history: past, log, ..now }, told).await;
    }
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Saved.", "What is older goes by itself within a day."))
}
