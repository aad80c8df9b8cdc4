//! The pages of Explorers: which there are, how each fares, and the one-time token with the command that takes it.

use access::Permission;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{Random, Secret, Timestamp};
use ui::{
    Button, Card, Cell, Column, Csrf, Dialog, Empty, Field, Flash, Icon, Kind, Light, Markup, Place, Row, Table, Tone,
    Weight, html,
};

use super::{HOME, Shown, all, found, light, make};
use crate::fields::Sent;
use crate::people::Here;
use crate::{App, Problem, Visitor, respond};

/// The longest text of a name of a machine that a row shows, in characters.
const SAID_CHARS_MAX: usize = 60;

/// `GET /explorers`
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    drawn(&app, &visitor, "", None).await
}

/// The list, with a form that may have a mistake.
async fn drawn(app: &App, visitor: &Visitor, name: &str, wrong: Option<&str>) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let known = app.store.read(move |tx| all(tx, org)).await?;
    let manages = visitor.may(Permission::ManageIntegrations);
    let field = Field {
        name: "name",
        label: "Name",
        help: "Such as the network or the place where it runs: berlin, plant 2.",
        error: wrong,
        required: true,
        kind: Kind::Text(name),
    };
    let form = html! {
        (ui::errors(&[field]))
        (field.render())
        div.line { (ui::button(&Button { words: "Make its one-time token", icon: Some(Icon::Plus), ..Button::default() })) }
    };
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! {
            "An Explorer is " span.mono { "muster explorer" } " on a machine inside another network. It asks this server for work over \
            outbound HTTPS, makes the requests to consoles from there, and can keep their tokens, so that they never get here. \
            Times in UTC."
        },
        body: html! {
            (table(&known, now))
            @if manages {
                (Card {
                    id: "new",
                    heading: "Add an Explorer",
                    body: ui::post(visitor.csrf(), HOME, &form),
                    ..Card::default()
                }.render())
            }
        },
        ..visitor.page(&shell, Place::Explorers, "Explorers")
    };
    let mut response = respond::page(page.render());
    if wrong.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn table(known: &[Shown], now: Timestamp) -> Markup {
    let homes: Vec<(String, String)> =
        known.iter().map(|one| (one.of.id.to_string(), format!("{HOME}/{}", one.of.id))).collect();
    let rows = known.iter().zip(&homes).map(|(one, (id, home))| {
        let of = &one.of;
        let cells = vec![
            Cell::new(state(one, now)),
            Cell::new(said(&of.about.version)),
            Cell::new(said(&of.about.host)),
            Cell::new(names(&one.runs)),
            Cell::number(html! { (ui::count(one.keeps.len() as u64)) }),
        ];
        Row { id, name: &of.name, icon: Some((Icon::Explorer, "Explorer")), href: Some(home), cells, ..Row::default() }
    });
    let none = Empty {
        heading: "No Explorer yet",
        why: html! { "Consoles are asked from this server. Add an Explorer for those that only another network reaches." },
        link: None,
    };
    Table {
        caption: "Explorers, by name. Times in UTC.",
        columns: vec![
            Column::new("Explorer"),
            Column::new("State"),
            Column::new("Version"),
            Column::new("Machine"),
            Column::new("Runs there"),
            Column::number("Tokens kept"),
        ],
        rows: rows.collect(),
        instead: known.is_empty().then(|| none.render()),
        ..Table::default()
    }
    .render()
}

fn state(one: &Shown, now: Timestamp) -> Markup {
    let of = &one.of;
    let (state, word) = light(of, now);
    html! {
        (ui::light(state, word))
        @match (state, of.seen_at) {
            (Light::Bad, Some(at)) => { " since " (ui::near(at, now)) }
            (Light::Wait, _) => { @if let Some(ends) = of.ticket_ends_at { " " @if ends > now { "its token works until " (ui::moment(ends)) } @else { "its token is over" } } }
            _ => {}
        }
    }
}

fn said(text: &str) -> Markup {
    if text.is_empty() {
        ui::absent("not said yet")
    } else {
        html! { bdi { (ui::words::cut(text, SAID_CHARS_MAX)) } }
    }
}

fn names(all: &[(String, String)]) -> Markup {
    if all.is_empty() {
        return ui::absent("nothing");
    }
    html! {
        @for (at, (name, home)) in all.iter().enumerate() {
            @if at > 0 { ", " }
            a href=(home) { (ui::words::name(name)) }
        }
    }
}

/// `POST /explorers`: makes one, and shows its one-time token, this once.
pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    here: Here,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, by, now, name) =
        (visitor.org, visitor.login.clone(), app.world.now(), sent.get("name").trim().to_owned());
    let wanted = name.clone();
    match app.store.write(move |tx| make(tx, org, &wanted, &by, now)).await {
        Ok((id, token)) => Ok(shown_once(&visitor, &here, &name, &id.to_string(), &token)),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            drawn(&app, &visitor, &name, Some(problem.detail())).await
        }
        Err(problem) => Err(problem),
    }
}

/// The one-time token, and what to do with it.
fn shown_once(visitor: &Visitor, Here(origin): &Here, name: &str, id: &str, token: &Secret) -> Response {
    let command = format!("muster explorer --server {origin} --token-stdin");
    let home = format!("{HOME}/{id}");
    let body = html! {
        (Flash { tone: Tone::Warn, what: "The token is shown this once.", then: "It works once, within a day.", link: None }.render())
        ol.flow {
            li { "Put the program " span.mono { "muster" } " on a machine inside that network that reaches this server by HTTPS and the consoles. Nothing has to reach the machine." }
            li {
                "Run this there; it waits for the token:"
                p.line { code.mono { (command) } (ui::copy_button(&command, "Copy")) }
            }
            li {
                "Paste the token and press Enter:"
                p.line { code.mono { (token.expose()) } (ui::copy_button(token.expose(), "Copy")) }
            }
        }
        p { "It makes a pair of keys, remembers who it is in its data directory, and keeps asking for work. Later starts need no token: " span.mono { "muster explorer" } "." }
        p { (ui::link_button(&home, &Button { words: "See how it fares", ..Button::default() })) }
    };
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Explorers", HOME)],
        layout: ui::Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Explorers, name)
    };
    respond::once(StatusCode::OK, page.render())
}

/// `GET /explorers/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    single(&app, &visitor, &id, None).await
}

async fn single(app: &App, visitor: &Visitor, id: &str, wrong: Option<(&str, &str)>) -> Result<Response, Problem> {
    let (org, now, asked) = (visitor.org, app.world.now(), id.to_owned());
    let one = app.store.read(move |tx| found(tx, org, &asked)).await?;
    let of = &one.of;
    let home = format!("{HOME}/{}", of.id);
    let manages = visitor.may(Permission::ManageIntegrations);
    let mut facts = vec![
        ("State", state(&one, now)),
        ("Last heard of", of.seen_at.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
        ("Version", said(&of.about.version)),
        ("Machine", said(&of.about.host)),
        ("Its address there", said(&of.about.address)),
        ("Comes from", said(&of.seen_from)),
        ("Enrolled", of.enrolled_at.map_or_else(|| ui::absent("not yet"), ui::moment)),
        ("Made", html! { (ui::moment(of.created_at)) " by " (ui::words::name(&of.made_by)) }),
    ];
    let silent = light(of, now).0 == Light::Bad;
    if silent {
        facts.insert(1, ("What to do", html! { "See whether the machine is on, whether " span.mono { "muster explorer" } " runs there, and whether it reaches this server. What it was reading goes on by itself, where it stopped." }));
    }
    let body = html! {
        div.flow.wide {
            (Card { id: "state", heading: "How it fares", body: ui::facts(&facts), ..Card::default() }.render())
            (Card { id: "runs", heading: "Runs there", body: html! {
                p { (names(&one.runs)) }
                p.quiet { "Where an integration runs is chosen on its page, under Edit." }
            }, ..Card::default() }.render())
            (Card { id: "keeps", heading: "Tokens that it keeps", body: html! {
                @if one.keeps.is_empty() { p { (ui::absent("none")) } } @else {
                    ul { @for name in &one.keeps { li { (ui::words::name(name)) } } }
                }
                p { "To type one at the machine itself: " span.mono { "muster explorer credential add NAME" } ". This server is told its name and its console, and never has the token." }
            }, ..Card::default() }.render())
            @if manages { (changes(visitor.csrf(), &one, &home, wrong)) }
        }
    };
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Explorers", HOME)],
        layout: ui::Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Explorers, &of.name)
    };
    let mut response = respond::page(page.render());
    if wrong.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn changes(csrf: Csrf<'_>, one: &Shown, home: &str, wrong: Option<(&str, &str)>) -> Markup {
    let (name, error) = wrong.map_or((one.of.name.as_str(), None), |(name, error)| (name, Some(error)));
    let field = Field { name: "name", label: "Name", help: "", error, required: true, kind: Kind::Text(name) };
    let revoke_at = format!("{home}/revoke");
    let dialog = Dialog {
        id: "revoke",
        question: &format!("Revoke {}?", one.of.name),
        body: html! {
            p { "Its token opens nothing any more, from the next request on." }
            @if !one.runs.is_empty() { p { "What runs there waits until it is told to run elsewhere: " (names(&one.runs)) "." } }
            @if !one.keeps.is_empty() { p { "Tokens that it keeps stay on its machine, and cannot be used from here." } }
        },
        safe: "Keep it",
        verb: "Revoke",
        danger: true,
        action: &revoke_at,
        csrf,
    };
    html! {
        (Card { id: "change", heading: "Change", body: html! {
            (ui::post(csrf, &format!("{home}/rename"), &html! {
                (ui::errors(&[field]))
                (field.render())
                div.line { (ui::button(&Button { words: "Rename", ..Button::default() })) }
            }))
        }, ..Card::default() }.render())
        (Card { id: "again", heading: "Set it up anew", body: html! {
            p { "For a machine that was lost or replaced: another one-time token. Until it is used, all stays as it is; then the machine before is no longer let in, and tokens that it kept have to be given again." }
            div.line {
                (ui::post_button(csrf, &format!("{home}/token"), &Button { words: "Make another one-time token", weight: Weight::Quiet, ..Button::default() }, &[]))
                (dialog.opener(&Button { words: "Revoke", ..Button::default() }))
            }
            (dialog.render())
        }, ..Card::default() }.render())
    }
}

/// `POST /explorers/{id}/rename`
pub(super) async fn rename(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, by, now, name) =
        (visitor.org, visitor.login.clone(), app.world.now(), sent.get("name").trim().to_owned());
    let (wanted, asked) = (name.clone(), id.clone());
    let renamed = app.store.write(move |tx| {
        let of = found(tx, org, &asked)?.of;
        sync::explorers::rename(tx, org, of.id, &wanted, &by, now)?;
        Ok::<_, Problem>(of.id)
    });
    match renamed.await {
        Ok(id) => Ok(respond::see_other_saying(&format!("{HOME}/{id}"), Tone::Ok, "Renamed.", "")),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            single(&app, &visitor, &id, Some((&name, problem.detail()))).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /explorers/{id}/token`
pub(super) async fn ticket(
    State(app): State<App>,
    visitor: Visitor,
    here: Here,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let made = app.store.write(move |tx| {
        let of = found(tx, org, &id)?.of;
        let token = sync::explorers::renew_ticket(tx, org, of.id, &Random::secret_bytes(), &by, now)?;
        Ok::<_, Problem>((of, token))
    });
    let (of, token) = made.await?;
    Ok(shown_once(&visitor, &here, &of.name, &of.id.to_string(), &token))
}

/// `POST /explorers/{id}/revoke`
pub(super) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let name = app.store.write(move |tx| {
        let of = found(tx, org, &id)?.of;
        sync::explorers::revoke(tx, org, of.id, &by, now)?;
        Ok::<_, Problem>(of.name)
    });
    let name = name.await?;
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Revoked.", &format!("{name} is not let in any more.")))
}
