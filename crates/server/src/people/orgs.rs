//! Organizations: those of a person, and for who administers the installation all of them.

use access::{Membership, Org, Permission, Role};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ui::{Button, Card, Cell, Column, Field, Kind, Markup, Place, Row, Table, Tone, html};

use crate::fields::Sent;
use crate::{App, Problem, Visitor, edit, respond};

/// Where they are.
pub(super) const HOME: &str = ui::page::paths::ORGS;

/// `GET /orgs`
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, None, "").await
}

async fn drawn(
    app: &App,
    visitor: &Visitor,
    wrong: Option<(&'static str, &str)>,
    given: &str,
) -> Result<Response, Problem> {
    let all = visitor.may(Permission::ManageInstallation);
    let read = app.store.read(move |tx| if all { access::orgs(tx) } else { Ok(Vec::new()) });
    let known = read.await?;
    let others: Vec<&Org> = known.iter().filter(|org| !visitor.orgs.iter().any(|of| of.org == org.id)).collect();
    let shell = visitor.shell();
    let of = |field: &str| wrong.filter(|(name, _)| *name == field).map(|(_, words)| words);
    let page = ui::Page {
        place: None,
        lead: html! { "What belongs to one is never seen from another." },
        body: html! {
            (own(visitor, &others))
            @if visitor.may(Permission::ManageOrg) { (rename_card(visitor, of("name"), if of("name").is_some() { given } else { &visitor.org_name })) }
            @if all { (new_card(visitor, of("new_name"), if of("new_name").is_some() { given } else { "" })) }
        },
        ..visitor.page(&shell, Place::Overview, "Organizations")
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, respond::page(page.render())).into_response())
}

fn own(visitor: &Visitor, others: &[&Org]) -> Markup {
    let ids: Vec<String> = visitor.orgs.iter().map(|of| of.org.0.to_string()).collect();
    let foreign: Vec<String> = others.iter().map(|org| org.id.0.to_string()).collect();
    let rows = visitor.orgs.iter().zip(&ids).map(|(of, id)| Row {
        id,
        name: &of.org_name,
        cells: vec![Cell::new(html! { (of.role.word()) }), Cell::number(look(visitor, of, id))],
        ..Row::default()
    });
    let more = others.iter().zip(&foreign).map(|(org, id)| Row {
        id,
        name: &org.name,
        cells: vec![Cell::new(ui::absent("no member")), Cell::number(html! {})],
        ..Row::default()
    });
    Table {
        caption: "Organizations, the oldest first.",
        columns: vec![Column::new("Organization"), Column::new("You are"), Column::verbs()],
        rows: rows.chain(more).collect(),
        ..Table::default()
    }
    .render()
}

fn look(visitor: &Visitor, of: &Membership, id: &str) -> Markup {
    if of.org == visitor.org {
        return ui::badge(Tone::Note, "Shown now");
    }
    let button = Button { words: "Look at it", about: &of.org_name, small: true, ..Button::default() };
    ui::post_button(visitor.csrf(), ui::page::paths::SWITCH, &button, &[("org", id), ("back", "/")])
}

fn rename_card(visitor: &Visitor, wrong: Option<&str>, value: &str) -> Markup {
    let field = Field {
        name: "name",
        label: "Name of this organization",
        help: "",
        error: wrong,
        required: true,
        kind: Kind::Text(value),
    };
    let body = ui::post(
        visitor.csrf(),
        "/orgs/rename",
        &html! {
            (edit::carries(&edit::stamp(&[&visitor.org_name])))
            (field.render())
            div.line { (ui::button(&Button { words: "Rename", ..Button::default() })) }
        },
    );
    Card { id: "rename", heading: "Rename", body, ..Card::default() }.render()
}

fn new_card(visitor: &Visitor, wrong: Option<&str>, value: &str) -> Markup {
    let field = Field {
        name: "new_name",
        label: "Name of a new organization",
        help: "You become its administrator.",
        error: wrong,
        required: true,
        kind: Kind::Text(value),
    };
    let body = ui::post(
        visitor.csrf(),
        "/orgs/new",
        &html! { (field.render()) div.line { (ui::button(&Button { words: "Make organization", ..Button::default() })) } },
    );
    Card { id: "new", heading: "New organization", body, ..Card::default() }.render()
}

/// `POST /orgs/rename`
pub(super) async fn rename(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (org, by, now, name) = (visitor.org, visitor.login.clone(), app.world.now(), sent.get("name").to_owned());
    // What the guard has just read is what the form is held against: of two that are sent at once, one is too late to see.
    if edit::is_stale(&sent, &edit::stamp(&[&visitor.org_name])) {
        let words = format!(
            "Somebody else changed the name to {} meanwhile, so nothing was saved. Saving again puts yours in its place.",
            visitor.org_name
        );
        return drawn(&app, &visitor, Some(("name", &words)), sent.get("name")).await;
    }
    match app.store.write(move |tx| access::rename_org(tx, org, &name, &by, now)).await {
        Ok(()) => Ok(respond::see_other_saying(HOME, Tone::Ok, "Renamed.", "")),
        Err(error) => refused(&app, &visitor, error, ("name", sent.get("name"))).await,
    }
}

/// `POST /orgs/new`
pub(super) async fn create(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let (who, by, now, name) =
        (visitor.person, visitor.login.clone(), app.world.now(), sent.get("new_name").to_owned());
    match app.store.write(move |tx| access::create_org(tx, &name, who, &by, now)).await {
        Ok(_) => {
            let then = format!("You are {} there. Switch to it to connect its consoles.", Role::Admin.word());
            Ok(respond::see_other_saying(HOME, Tone::Ok, "Organization made.", &then))
        }
        Err(error) => refused(&app, &visitor, error, ("new_name", sent.get("new_name"))).await,
    }
}

async fn refused(
    app: &App,
    visitor: &Visitor,
    error: access::AccessError,
    (field, given): (&'static str, &str),
) -> Result<Response, Problem> {
    let problem = Problem::from(error);
    match problem.status() {
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT => {
            drawn(app, visitor, Some((field, problem.detail())), given).await
        }
        _ => Err(problem),
    }
}
