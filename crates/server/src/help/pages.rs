//! The guides. What they say of states comes from the table that decides them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use sync::IntegrationState;
use sync::health::{self, Remedy, Why};
use ui::{Card, Cell, Column, Layout, Markup, Place, Row, Table, html};

use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// The guides, with what each answers.
const GUIDES: [(&str, &str, &str); 3] = [
    ("/help/token", "Get a token", "Three ways to one, which role and scope are enough, and why."),
    ("/help/trouble", "When something is wrong", "Every state of an integration, what it means and what to do."),
    ("/help/problems", "Answers of the interface", "What 401, 403, 404, 409, 422, 429 and the others mean here."),
];

/// `GET /help`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let org = visitor.org;
    let contact = app.store.read(move |tx| access::support_contact(tx, org)).await?;
    let started = html! {
        ol.listed {
            li { "Have a subscription with a SentinelOne console, somebody who administers it, and port 443 of the console reachable from this server." }
            li { a href="/help/token" { "Get a token" } " of a user with the role Viewer." }
            li { a href="/integrations/connect" { "Connect the console" } ": its address, the token, Test Connection, Save." }
            li { "Wait for the first reading, and " a href="/assets?q=not%20edr.name%3ASentinelOne" { "ask for what is not protected" } "." }
        }
    };
    let guides = html! {
        ul.listed { @for (at, name, says) in GUIDES { li { a href=(at) { (name) } ": " (says) } } }
    };
    let ask = html! {
        @if contact.is_empty() {
            p { "Nobody is named yet. An administrator names whom to ask in " a href="/settings" { "Settings" } "." }
        } @else { p { "Ask " b { (ui::name(&contact)) } "." } }
        p.muted { "Name the request's number that stands on the page of a problem." }
    };
    let body = html! {
        (Card { id: "start", heading: "Get started", body: started, ..Card::default() }.render())
        (Card { id: "guides", heading: "Guides", body: guides, ..Card::default() }.render())
        (Card { id: "contact", heading: "Whom to ask", body: ask, ..Card::default() }.render())
    };
    Ok(laid_out(&visitor, "Help", html! { "Press " kbd { "?" } " for the keys." }, &[], body))
}

fn laid_out(visitor: &Visitor, title: &str, lead: Markup, crumbs: &[(&str, &str)], body: Markup) -> Response {
    let shell = visitor.shell();
    let layout = if crumbs.is_empty() { Layout::Parts } else { Layout::Narrow };
    let page = ui::Page { place: None, lead, crumbs, layout, body, ..visitor.page(&shell, Place::Overview, title) };
    respond::page(page.render())
}

/// `GET /help/token`
pub(super) async fn token(visitor: Visitor) -> Response {
    let steps = |id, heading, all: &[&str], says: &str| {
        let body =
            html! { ol.listed { @for step in all { li { (step) } } } @if !says.is_empty() { p.muted { (says) } } };
        Card { id, heading, body, ..Card::default() }.render()
    };
    let body = html! {
        (steps("service", "A service user", &[
            "In the console: Settings, Users, Service Users, Create New Service User.",
            "Give it a name, a description, and an end that suits you.",
            "Choose the account as its scope, and the role Viewer.",
            "Copy the token when it is shown: the console shows it once.",
        ], "Usual. It belongs to nobody who may leave."))
        (steps("own", "Your own user", &[
            "In the console: your name, My User, Actions, API Token Operations, Generate.",
            "Copy or download the token when it is shown.",
        ], "Good for a trial. It ends after six months, and with your account; a new one makes the old one stop."))
        (steps("account", "An account of its own", &[
            "Make a console user with the role Viewer and a full name that says what it is for.",
            "Give it an address whose mail somebody reads: the console writes there before the token ends.",
            "Sign in as that user and generate the token as above.",
        ], "Where service users are not allowed."))
        (Card { id: "scope", heading: "Account or site", body: html! {
            p { "A token of an account sees all its sites. A token of a site sees that site alone: what is elsewhere is then not there, not absent." }
            p { "Muster only ever reads, so Viewer is enough. A stolen Viewer token could change nothing." }
            p { "The console's interface takes tokens; it offers no OAuth to applications." }
        }, ..Card::default() }.render())
    };
    laid_out(&visitor, "Get a token", html! { "Three ways; any of them does." }, &[("Help", "/help")], body)
}

/// The reasons that a state is seen with; one without a reason stands for itself.
fn reasons(state: IntegrationState) -> &'static [Option<Why>] {
    use IntegrationState as S;
    match state {
        S::Degraded => &[
            Some(Why::RateLimited),
            Some(Why::RemovalsHeld),
            Some(Why::ScopeNarrowed),
            Some(Why::ModuleLost),
            Some(Why::ClockSkew),
        ],
        S::Incomplete => &[Some(Why::CoreMissing), Some(Why::CutShort)],
        S::Unreachable => &[
            Some(Why::Dns),
            Some(Why::Port),
            Some(Why::NoConnection),
            Some(Why::Tls),
            Some(Why::Http),
            Some(Why::NotData),
        ],
        S::Invalid => &[Some(Why::NotAConsole), Some(Why::Certificate)],
        S::Connected | S::Syncing | S::PermissionMissing | S::AuthenticationFailed | S::Paused => &[None],
    }
}

/// `GET /help/trouble`: made from the table that decides what an integration's card says.
pub(super) async fn trouble(visitor: Visitor) -> Response {
    let all = IntegrationState::ALL.into_iter().flat_map(|state| reasons(state).iter().map(move |why| (state, *why)));
    let names: Vec<(IntegrationState, Option<Why>, String)> = all
        .map(|(state, why)| {
            let state_word = state.word().replace('_', " ");
            let name =
                why.map_or_else(|| state_word.clone(), |why| format!("{state_word}: {}", why.word().replace('_', " ")));
            (state, why, capital(&name).trim_end_matches('.').to_owned())
        })
        .collect();
    let rows = names.iter().map(|(state, why, name)| {
        let remedy = health::remedy(*state, *why);
        let todo = if remedy == Remedy::Nothing { "Nothing to do.".to_owned() } else { capital(remedy.words()) };
        Row {
            id: name,
            name,
            cells: vec![
                Cell::wrap(html! { (capital(health::meaning(*state, *why))) }),
                Cell::wrap(html! { @if let Some(verb) = remedy.verb() { b { (verb) } ". " } (todo) }),
            ],
            ..Row::default()
        }
    });
    let table = Table {
        caption: "States of an integration.",
        columns: ["State", "What it means", "What to do"].map(Column::new).to_vec(),
        rows: rows.collect(),
        tall: true,
        ..Table::default()
    };
    let lead = html! { "What stands on the card of an integration. Each button there leads to the right step." };
    laid_out(&visitor, "When something is wrong", lead, &[("Help", "/help")], table.render())
}

/// `GET /help/problems`: what the type of a problem refers to.
pub(super) async fn problems(visitor: Visitor) -> Response {
    let all = [
        (400, "The request broke off, or is none. Send it again."),
        (401, "Nobody has signed in, the session ended, or the token is wrong or over. Sign in, or make a new token."),
        (403, "Your role does not include this, or the request came from a page of another site."),
        (404, "There is no such thing in this organization. What belongs to another looks the same."),
        (405, "The address is right and the method is not."),
        (409, "It has changed since, or the name is taken. Look again, then decide."),
        (413, "What was sent is larger than 1 MiB."),
        (415, "What was sent is not of the kind that is taken there."),
        (422, "What was sent cannot be meant. Each mistake is named with its place."),
        (429, "Too many attempts. Wait as long as Retry-After says."),
        (500, "A mistake of ours. Nothing was lost; the log has the details under the request's number."),
        (503, "The server has too much to do, or its database does not answer. Wait as long as Retry-After says."),
        (504, "It took longer than half a minute. Ask for less at once."),
    ];
    let body = html! {
        dl.facts {
            @for (code, says) in all {
                dt id=(code) { (code) " " (StatusCode::from_u16(code).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()) }
                dd { (says) }
            }
        }
    };
    laid_out(
        &visitor,
        "Answers of the interface",
        html! { "What the status of an answer means here." },
        &[("Help", "/help")],
        body,
    )
}
