//! The guides. What they say of states comes from the table that decides them.

use access::Permission;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ui::{Card, Cell, Column, Layout, Markup, Place, Row, Table, html};

use super::{guide, trouble};
use crate::{App, Problem, Visitor, integrations, respond, tasks};

/// The guides, with what each answers.
const GUIDES: [(&str, &str, &str); 4] = [
    (SET_UP, "Set up", "What is needed, three ways to a token, account or site, and what goes wrong first."),
    ("/help/token", "Get a token", "Which role and scope are enough, and why."),
    ("/help/trouble", "When something is wrong", "Every state of an integration, what it means and what to do."),
    ("/help/problems", "Answers of the interface", "What 401, 403, 404, 409, 422, 429 and the others mean here."),
];

/// Where the whole set-up guide is.
const SET_UP: &str = "/help/set-up";

/// `GET /help`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let contact = contact(&app, &visitor).await?;
    let guides = html! {
        ul.listed { @for (at, name, says) in GUIDES { li { a href=(at) { (name) } ": " (says) } } }
    };
    let places = places(&visitor);
    let body = html! {
        @if let Some(steps) = guide::part("In four steps") { (steps.card()) }
        (Card { id: "guides", heading: "Guides", body: guides, ..Card::default() }.render())
        @if !places.is_empty() {
            @let places = html! { ul.listed { @for (at, name, says) in places { li { a href=(at) { (name) } ": " (says) } } } };
            (Card { id: "places", heading: "Where it is done", body: places, ..Card::default() }.render())
        }
        (whom_to_ask(&contact))
    };
    Ok(laid_out(&visitor, "Help", html! { "Press " kbd { "?" } " for the keys." }, &[], body))
}

/// Where a visitor may see what is connected and read, and connect more: address, name, what is there.
fn places(visitor: &Visitor) -> Vec<(&'static str, &'static str, &'static str)> {
    let all = [
        (
            Permission::ReadIntegrations,
            "/integrations#catalogue",
            "Catalogue",
            "What Muster can read, and what each needs.",
        ),
        (Permission::ManageIntegrations, "/integrations/connect", "Connect", "A console, tested before it is saved."),
        (
            Permission::ReadIntegrations,
            integrations::HOME,
            "Integrations",
            "What is connected, how each fares, and what helps.",
        ),
        (Permission::ReadIntegrations, tasks::HOME, "Tasks", "What is read and scanned, when, and its log."),
    ];
    let may = all.into_iter().filter(|(permission, ..)| visitor.may(*permission));
    may.map(|(_, at, name, says)| (at, name, says)).collect()
}

/// Whom an administrator named; empty if nobody.
async fn contact(app: &App, visitor: &Visitor) -> Result<String, Problem> {
    let org = visitor.org;
    Ok(app.store.read(move |tx| access::support_contact(tx, org)).await?)
}

fn whom_to_ask(contact: &str) -> Markup {
    let body = html! {
        @if contact.is_empty() {
            p { "Nobody is named yet. An administrator names whom to ask in " a href="/settings" { "Settings" } "." }
        } @else { p { "Ask " b { (ui::name(contact)) } "." } }
        p.muted { "Name the request's number that stands on the page of a problem." }
    };
    Card { id: "contact", heading: "Whom to ask", body, ..Card::default() }.render()
}

fn laid_out(visitor: &Visitor, title: &str, lead: Markup, crumbs: &[(&str, &str)], body: Markup) -> Response {
    let shell = visitor.shell();
    let layout = if crumbs.is_empty() { Layout::Parts } else { Layout::Narrow };
    let page = ui::Page { place: None, lead, crumbs, layout, body, ..visitor.page(&shell, Place::Overview, title) };
    respond::page(page.render())
}

/// `GET /help/set-up`: the whole guide.
pub(super) async fn set_up(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let contact = contact(&app, &visitor).await?;
    let body = html! { @for part in guide::parts() { (part.card()) } (whom_to_ask(&contact)) };
    Ok(laid_out(&visitor, "Set up", html! { "From nothing to a console that is read." }, &[("Help", "/help")], body))
}

/// `GET /help/token`
pub(super) async fn token(visitor: Visitor) -> Response {
    let parts = ["Get a token", "Account or site"].into_iter().filter_map(guide::part);
    let body = html! { @for part in parts { (part.card()) } };
    laid_out(&visitor, "Get a token", html! { "Three ways; any of them does." }, &[("Help", "/help")], body)
}

/// `GET /help/trouble`: made from the table that decides what an integration's card says.
pub(super) async fn trouble(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let contact = contact(&app, &visitor).await?;
    let all = trouble::all();
    let rows = all.iter().map(|one| Row {
        id: &one.name,
        name: &one.name,
        cells: vec![
            Cell::wrap(html! { (one.means) }),
            Cell::wrap(html! { @if let Some(verb) = one.verb { b { (verb) } ". " } (one.todo) }),
        ],
        ..Row::default()
    });
    let states = Table {
        caption: "States of an integration.",
        columns: ["State", "What it means", "What to do"].map(Column::new).to_vec(),
        rows: rows.collect(),
        tall: true,
        ..Table::default()
    };
    let rows = tasks::CODES.iter().map(|one| Row {
        id: one.code,
        name: one.code,
        cells: vec![Cell::wrap(html! { (one.means) }), Cell::wrap(html! { (one.fix(true)) })],
        ..Row::default()
    });
    let codes = Table {
        caption: "Codes that a console answers with.",
        columns: ["Code", "What it means", "What to do"].map(Column::new).to_vec(),
        rows: rows.collect(),
        tall: true,
        ..Table::default()
    };
    let first = guide::part("Most frequent troubles");
    let body = html! {
        @if let Some(first) = first { (first.card()) }
        (ui::section("states", "States", "", &states.render()))
        (ui::section("codes", "Codes", "", &codes.render()))
        (whom_to_ask(&contact))
    };
    let lead = html! { "What stands on the card of an integration. Each button there leads to the right step." };
    Ok(laid_out(&visitor, "When something is wrong", lead, &[("Help", "/help")], body))
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
        (412, "It is not any more as `If-Match` says. Read it again, then decide again."),
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
