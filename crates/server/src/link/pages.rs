//! The operator's side of connection links: make one, see how far it is, revoke it.

use access::Link;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::{IntegrationId, Timestamp};
use sync::explorers::Explorer;
use ui::{
    Button, Card, Cell, Choice, Column, Empty, Field, Kind, Layout, Markup, Place, Row, Table, Tone, Weight, html,
};

use super::{VALIDITIES, Wanted, address, made, state};
use crate::credentials;
use crate::fields::{Asked, Fields, Sent};
use crate::{App, Problem, Visitor, respond};

/// Links that the page shows; older ones are in the audit trail.
const LINKS_MAX: u32 = 100;

/// `GET /credentials/links`
pub(super) async fn list(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let links = access::links(tx, org, None, LINKS_MAX, now)?;
        let integrations = sync::overviews(tx, org, now)?;
        Ok::<_, Problem>((links, integrations))
    });
    let (links, integrations) = read.await?;
    let names: Vec<(IntegrationId, String)> =
        integrations.into_iter().map(|of| (of.integration.id, of.integration.name)).collect();
    let rows = rows(&visitor, &links, &names, now);
    if headers.get("hx-target").is_some_and(|target| target == "rows") {
        return Ok(respond::page(rows));
    }
    let shell = visitor.shell();
    let body = html! { (credentials::tabs(&visitor, true)) (rows) };
    let page = ui::Page {
        lead: html! { "Somebody who administers a console hands over its token by a link, without an account here." },
        actions: ui::link_button(
            "/credentials/links/new",
            &Button { words: "Ask somebody for a token", weight: Weight::Main, ..Button::default() },
        ),
        body,
        ..visitor.page(&shell, Place::Credentials, "Connection links")
    };
    Ok(respond::page(page.render()))
}

/// The links; asks again by itself while one of them may still move.
fn rows(visitor: &Visitor, links: &[Link], names: &[(IntegrationId, String)], now: Timestamp) -> Markup {
    let live = links.iter().any(|link| link.state.is_live());
    let name =
        |id: IntegrationId| names.iter().find(|(known, _)| *known == id).map_or("an integration", |(_, name)| name);
    let below: Vec<String> = links.iter().map(|link| format!("asked by {}", link.made_by)).collect();
    let rows = links.iter().zip(&below).map(|(link, below)| {
        let (tone, word) = state(link);
        let remark = match (link.why.as_str(), link.failures) {
            ("" | "revoked", 0) => html! {},
            ("" | "revoked", failures) => {
                html! { ", " (ui::noun(failures.unsigned_abs(), "attempt", "attempts")) " failed" }
            }
            (why, _) => html! { ", " (why) },
        };
        Row {
            id: &link.id,
            name: &link.recipient,
            below,
            cells: vec![
                Cell::wrap(html! { (ui::badge(tone, word)) " " (ui::near(link.state_at, now)) (remark) }),
                Cell::wrap(html! {
                    @if let Some(id) = link.integration {
                        "New token for " a href={ "/integrations/" (id) } { (ui::words::name(name(id))) }
                    } @else { "A new connection" @if let Some(host) = &link.host { " to " (ui::words::name(host)) } }
                }),
                Cell::new(if link.state.is_live() { ui::near(link.expires_at, now) } else { ui::absent("is over") }),
                Cell::number(html! {
                    @if link.state.is_live() {
                        (ui::post_button(visitor.csrf(), &format!("/credentials/links/{}/revoke", link.id),
                            &Button { words: "Revoke", about: &link.recipient, small: true, ..Button::default() }, &[]))
                    }
                }),
            ],
            ..Row::default()
        }
    });
    let empty = Empty {
        heading: "Nobody was asked yet",
        why: html! { "A link is made for one person and one console. It works once, and for as long as you choose." },
        link: Some(("Ask somebody for a token", "/credentials/links/new")),
    };
    let table = Table {
        caption: "Connection links, the newest first. Times in UTC.",
        columns: vec![
            Column::new("For"),
            Column::new("State"),
            Column::new("Purpose"),
            Column::new("Ends"),
            Column::verbs(),
        ],
        rows: rows.collect(),
        instead: links.is_empty().then(|| empty.render()),
        ..Table::default()
    };
    html! {
        div #rows hx-get=[live.then_some("/credentials/links")] hx-trigger=[live.then_some("every 5s")]
            hx-swap=[live.then_some("outerHTML")] { (table.render()) }
    }
}

/// `GET /credentials/links/new?integration=..`
pub(super) async fn new(State(app): State<App>, visitor: Visitor, Asked(asked): Asked) -> Result<Response, Problem> {
    let named = named(&app, &visitor, asked.get("integration")).await?;
    let explorers = crate::explorers::enrolled(&app, visitor.org).await?;
    Ok(respond::page(new_page(&visitor, &asked, (named.as_ref(), &explorers), None)))
}

/// The integration that a link is to renew, if one is named.
async fn named(app: &App, visitor: &Visitor, id: &str) -> Result<Option<sync::Integration>, Problem> {
    if id.is_empty() {
        return Ok(None);
    }
    let id = IntegrationId::parse(id).ok_or_else(|| Problem::missing("integration"))?;
    let org = visitor.org;
    Ok(Some(app.store.read(move |tx| super::integration(tx, org, id)).await?))
}

/// `POST /credentials/links/new`
pub(super) async fn new_sent(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let named = named(&app, &visitor, sent.get("integration")).await?;
    let explorers = crate::explorers::enrolled(&app, visitor.org).await?;
    let host = match sent.get("host").trim() {
        "" => None,
        text => match if sent.get("keeper").is_empty() {
            credentials::console(&app, text).await
        } else {
            credentials::any_console(text)
        } {
            Ok(console) => Some(console.authority()),
            Err(fault) => {
                let page = new_page(&visitor, &sent, (named.as_ref(), &explorers), Some(("host", &fault.what)));
                return Ok((StatusCode::UNPROCESSABLE_ENTITY, respond::page(page)).into_response());
            }
        },
    };
    let recipient = sent.get("recipient").trim().to_owned();
    if recipient.is_empty() {
        let words = "Enter who it is for; nothing was entered.";
        let page = new_page(&visitor, &sent, (named.as_ref(), &explorers), Some(("recipient", words)));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, respond::page(page)).into_response());
    }
    let seconds = sent.get("seconds").parse().unwrap_or(access::LINK_SECONDS);
    let keeper = sent.opt("keeper").map(str::to_owned);
    let wanted = Wanted { recipient, host, seconds, integration: named.as_ref().map(|of| of.id), keeper };
    let (token, link) = made(&app, visitor.org, &visitor.login, wanted).await?;
    Ok(respond::once(StatusCode::OK, made_page(&visitor, &address(&app, &headers, &token), &link)))
}

fn made_page(visitor: &Visitor, address: &str, link: &Link) -> Markup {
    let card = Card {
        id: "link",
        heading: "The link, shown this once",
        body: html! {
            p.mono.wrap { (address) }
            div.line { (ui::copy_button(address, "Copy the link")) }
            p { "Send it to " b { (ui::words::name(&link.recipient)) } " by a channel that you trust. It works once, until " (ui::moment(link.expires_at)) " UTC." }
            p.muted { "Looking at it does not use it up. Five attempts that fail end it, and so does a newer link for the same purpose." }
        },
        foot: html! {
            (ui::link_button("/credentials/links", &Button { words: "See how far it is", weight: Weight::Main, ..Button::default() }))
            (ui::post_button(visitor.csrf(), &format!("/credentials/links/{}/revoke", link.id), &Button { words: "Revoke it", ..Button::default() }, &[]))
        },
        ..Card::default()
    };
    let shell = visitor.shell();
    ui::Page {
        layout: Layout::Narrow,
        crumbs: &[("Credentials", "/credentials"), ("Connection links", "/credentials/links")],
        body: card.render(),
        ..visitor.page(&shell, Place::Credentials, "Send the link")
    }
    .render()
}

fn new_page(
    visitor: &Visitor,
    sent: &Fields,
    (named, explorers): (Option<&sync::Integration>, &[Explorer]),
    wrong: Option<(&str, &str)>,
) -> Markup {
    let of = |field: &str| wrong.filter(|(known, _)| *known == field).map(|(_, words)| words);
    let chosen: i64 = sent.get("seconds").parse().unwrap_or(access::LINK_SECONDS);
    let values: Vec<String> = VALIDITIES.iter().map(|(seconds, _)| seconds.to_string()).collect();
    let validities: Vec<Choice<'_>> = VALIDITIES
        .iter()
        .zip(&values)
        .map(|((seconds, label), value)| Choice { value, label, help: "", on: *seconds == chosen })
        .collect();
    let recipient = Field {
        name: "recipient",
        label: "Who it is for",
        help: "A name or a mail address, as it shall stand in the audit trail. Nothing is sent: you send the link yourself.",
        error: of("recipient"),
        required: true,
        kind: Kind::Text(sent.get("recipient")),
    };
    let host = Field {
        name: "host",
        label: "Address of the console",
        help: "Then the link connects no other. For example acme.sentinelone.net.",
        error: of("host"),
        required: false,
        kind: Kind::Mono(sent.get("host")),
    };
    let seconds = Field {
        name: "seconds",
        label: "How long it works",
        help: "And after one use no longer.",
        error: None,
        required: true,
        kind: Kind::Select(&validities),
    };
    let ids: Vec<String> = explorers.iter().map(|of| of.id.to_string()).collect();
    let chosen = sent.get("keeper");
    let here = Choice { value: "", label: "This server, sealed", help: "", on: chosen.is_empty() };
    let there = explorers.iter().zip(&ids);
    let there = there.map(|(of, id)| Choice { value: id, label: &of.name, help: "", on: chosen == id });
    let keepers: Vec<Choice<'_>> = std::iter::once(here).chain(there).collect();
    let keeper = Field {
        name: "keeper",
        label: "Who keeps the token",
        help: "With an Explorer, their browser seals it so that only the Explorer can open it, and this server never has it.",
        error: None,
        required: true,
        kind: Kind::Select(&keepers),
    };
    let inside = html! {
        div.body.flow {
            @if let Some(of) = named {
                input type="hidden" name="integration" value=(of.id);
                p { "A new token for " b { (ui::words::name(&of.name)) } " of " (ui::mono(&of.console_host)) ". Until it works, the present one stays." }
            }
            (recipient.render())
            @if named.is_none() { (host.render()) }
            (seconds.render())
            @if !explorers.is_empty() { (keeper.render()) }
        }
        footer {
            (ui::button(&Button { words: "Make the link", weight: Weight::Main, ..Button::default() }))
            (ui::link_button("/credentials/links", &Button { words: "Cancel", ..Button::default() }))
        }
    };
    let shell = visitor.shell();
    let body = html! { form.card method="post" action="/credentials/links/new" { (visitor.csrf().field()) (inside) } };
    ui::Page {
        layout: Layout::Narrow,
        crumbs: &[("Credentials", "/credentials"), ("Connection links", "/credentials/links")],
        lead: html! { "They see who asks and what would be read, consent, and enter the token. You never see it." },
        body,
        ..visitor.page(&shell, Place::Credentials, "Ask somebody for a token")
    }
    .render()
}

/// `POST /credentials/links/{id}/revoke`
pub(super) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let link = super::revoked(&app, &visitor, id).await?;
    let then = format!("The link for {} works no longer.", link.recipient);
    Ok(respond::see_other_saying("/credentials/links", Tone::Ok, "Revoked.", &then))
}
