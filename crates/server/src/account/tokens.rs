//! API tokens: one's own on the account's page, and everybody's for an administrator.

use access::{ApiToken, Reach, Role};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::Timestamp;
use ui::{Button, Card, Cell, Choice, Column, Empty, Field, Flash, Kind, Markup, Place, Row, Table, Tone, html};

use super::pages::{drawn, may_make};
use super::{HOME, LIVES, LIVES_USUALLY, Wanted, Wrong, make, revoke as revoked, roles_for};
use crate::fields::Sent;
use crate::{App, Problem, Visitor, respond};

/// Where an administrator sees all of them.
const ALL: &str = "/people/tokens";

/// The card of one's own tokens.
pub(super) fn own(visitor: &Visitor, tokens: &[ApiToken], wrong: &Wrong, now: Timestamp) -> Markup {
    if !may_make(visitor) {
        return html! {};
    }
    let roles: Vec<Choice<'_>> = roles_for(visitor.role)
        .map(|role| Choice { value: role.word(), label: role.word(), help: "", on: role == Role::Viewer })
        .collect();
    let days: Vec<String> = LIVES.iter().map(|(days, _)| days.to_string()).collect();
    let lives: Vec<Choice<'_>> = LIVES
        .iter()
        .zip(&days)
        .map(|((days, label), value)| Choice { value, label, help: "", on: *days == LIVES_USUALLY })
        .collect();
    let reach = [
        Choice { value: "read", label: "It reads", help: "It can change nothing.", on: true },
        Choice { value: "write", label: "It reads and changes", help: "Whatever its role may.", on: false },
    ];
    let field = |name, label, help, kind| Field { name, label, help, error: wrong.of(name), required: true, kind };
    let fields = [
        field("token_name", "What it is for", "Such as the name of the program.", Kind::Text("")),
        field("role", "Role", "At most yours. If yours shrinks, it stops.", Kind::Select(&roles)),
        field("reach", "Reach", "", Kind::Radio(&reach)),
        field("days", "Ends after", "", Kind::Select(&lives)),
    ];
    let body = html! {
        p { "A program asks the interface with a token in the header " span.mono { "Authorization: Bearer" } ". It sees " (ui::name(&visitor.org_name)) " only." }
        (table(visitor, tokens, "/account/tokens/revoke", false, now))
        h3 { "Make a token" }
        (ui::post(visitor.csrf(), "/account/tokens", &html! {
            (ui::errors(&fields))
            @for field in &fields { (field.render()) }
            div.line { (ui::button(&Button { words: "Make token", ..Button::default() })) }
        }))
    };
    Card { id: "tokens", heading: "Tokens for programs", body, ..Card::default() }.render()
}

fn table(visitor: &Visitor, tokens: &[ApiToken], revoke_at: &str, all: bool, now: Timestamp) -> Markup {
    let ids: Vec<String> = tokens.iter().map(|token| token.id.to_string()).collect();
    let rows = tokens.iter().zip(&ids).map(|(token, id)| {
        let over = token.expires_at <= now;
        let ends = html! {
            (ui::date(token.expires_at)) @if over { " " (ui::badge(Tone::Idle, "Over")) }
        };
        let button = Button { words: "Revoke", about: &token.name, small: true, ..Button::default() };
        let mut cells = vec![
            Cell::new(
                html! { (token.role.word()) ", " (if token.reach == Reach::Read { "reads" } else { "changes too" }) },
            ),
            Cell::new(ends),
            Cell::new(token.used_at.map_or_else(|| ui::absent("never used"), |at| ui::near(at, now))),
            Cell::number(ui::post_button(visitor.csrf(), revoke_at, &button, &[("id", id)])),
        ];
        if all {
            cells.insert(0, Cell::text(&token.login));
        }
        Row { id, name: &token.name, cells, ..Row::default() }
    });
    let mut columns =
        vec![Column::new("Token"), Column::new("May"), Column::new("Ends"), Column::new("Last used"), Column::verbs()];
    if all {
        columns.insert(1, Column::new("Made by"));
    }
    let none = Empty { heading: "No token", why: html! { "No program acts here with one." }, link: None };
    Table {
        caption: "API tokens, the oldest first. Times in UTC.",
        columns,
        rows: rows.collect(),
        instead: tokens.is_empty().then(|| none.render()),
        ..Table::default()
    }
    .render()
}

/// `POST /account/tokens`: shows the token, this once.
pub(super) async fn create(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let reach = if sent.get("reach") == "write" { Reach::Write } else { Reach::Read };
    let wanted = Wanted {
        name: sent.get("token_name").to_owned(),
        role: Role::parse(sent.get("role")),
        reach,
        days: sent.get("days").parse().unwrap_or(0),
    };
    let (text, token) = match make(&app, &visitor, wanted).await {
        Ok(made) => made,
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            return drawn(&app, &visitor, &Wrong { field: "token_name", words: problem.detail().to_owned() }).await;
        }
        Err(problem) => return Err(problem),
    };
    let shell = visitor.shell();
    let body = html! {
        (Flash { tone: Tone::Warn, what: "It is shown this once.", then: "Put it where the program finds it before you leave this page.", link: None }.render())
        p.line { code.mono { (text.expose()) } (ui::copy_button(text.expose(), "Copy")) }
        (ui::facts(&[
            ("May", html! { (token.role.word()) ", " (if token.reach == Reach::Read { "reads" } else { "changes too" }) }),
            ("Ends", ui::date(token.expires_at)),
        ]))
        p { (ui::link_button(HOME, &Button { words: "I have it", ..Button::default() })) }
    };
    let page = ui::Page {
        place: None,
        title: &token.name,
        crumbs: &[("Your account", HOME)],
        layout: ui::Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Overview, "")
    };
    Ok(respond::once(StatusCode::OK, page.render()))
}

/// `POST /account/tokens/revoke`
pub(super) async fn revoke(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    end(&app, &visitor, sent.get("id"), false, HOME).await
}

/// `POST /people/tokens/revoke`
pub(super) async fn revoke_any(
    State(app): State<App>,
    visitor: Visitor,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    end(&app, &visitor, sent.get("id"), true, ALL).await
}

async fn end(app: &App, visitor: &Visitor, id: &str, any: bool, back: &str) -> Result<Response, Problem> {
    let (org, who, by, now, id) = (visitor.org, visitor.person, visitor.login.clone(), app.world.now(), id.to_owned());
    let name = app.store.write(move |tx| revoked(tx, (org, who, any), &id, &by, now)).await?;
    Ok(respond::see_other_saying(back, Tone::Ok, "Revoked.", &format!("{name} opens nothing any more.")))
}

/// `GET /people/tokens`
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let tokens = app.store.read(move |tx| access::api_tokens(tx, org)).await?;
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "Every token of " (ui::name(&visitor.org_name)) ". People make their own on their account's page. Times in UTC." },
        layout: ui::Layout::List,
        body: html! {
            (crate::people::tabs("tokens"))
            (table(&visitor, &tokens, "/people/tokens/revoke", true, now))
        },
        ..visitor.page(&shell, Place::People, "Tokens for programs")
    };
    Ok(respond::page(page.render()))
}
