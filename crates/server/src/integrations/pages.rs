//! The list of integrations with the catalogue below it, and what a connector needs.

use std::collections::BTreeSet;

use access::Permission;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kernel::Timestamp;
use sync::health::Light as Health;
use sync::{Enrolment, Overview, Progress, Run};
use ui::{
    Button, Card, Column, Flash, Icon, IntegrationCard, Light, Markup, Place, Row, Tab, Table, Tone, Weight, html,
};

use super::catalogue::{self, ENTRIES, Entry, Kind};
use super::single::{LOOKED_FOR, is_first, next, progress_bar, rows_of, switch_button, token_end};
use super::{HOME, ask, at, light, log_of, remedy_at};
use crate::fields::{Asked, address};
use crate::help::guide;
use crate::inventories::to;
use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// Where what a connector needs is shown beside the catalogue.
const PANEL: &str = "know-more";

/// Consoles whose documentation is linked; the others have their own pages.
const DOCUMENTED_MAX: usize = 5;

/// An integration as its card shows it.
struct Known {
    of: Overview,
    progress: Option<Progress>,
    machines: u64,
    /// Nothing of what people look for in a console is here.
    bare: bool,
}

struct Seen {
    known: Vec<Known>,
    enrolments: Vec<Enrolment>,
}

/// `GET /integrations?tab=..&find=..`
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Asked(asked): Asked) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let read = app.store.read(move |tx| {
        let mut known = Vec::new();
        for of in sync::overviews(tx, org, now)? {
            let id = of.integration.id;
            let mut count = |stream, most| sync::examine::record_count(tx, org, id, stream, most);
            let machines = count("agents", u64::MAX)? + count("hosts", u64::MAX)?;
            let mut any = false;
            for stream in LOOKED_FOR {
                any = any || count(stream, 1)? > 0;
            }
            let bare = !of.integration.connector.is_file() && !any;
            known.push(Known { of, progress: sync::progress(tx, org, id)?, machines, bare });
        }
        Ok::<_, Problem>(Seen { known, enrolments: sync::enrolments(tx, org)? })
    });
    let mut seen = read.await?;
    // The worst come first.
    seen.known.sort_by_key(|Known { of, .. }| match of.light(now) {
        Health::Red => 0,
        Health::Amber => 1,
        Health::Green => 2,
        Health::Grey => 3,
    });
    let shell = visitor.shell();
    let sources = ui::noun(seen.known.len() as u64, "source is", "sources are");
    let actions = html! {
        @if visitor.may(Permission::RunSync) && seen.known.iter().any(|Known { of, .. }| !of.integration.connector.is_file()) {
            (ui::post_button(visitor.csrf(), "/integrations/sync", &Button { words: "Sync all now", icon: Some(Icon::Sync), ..Button::default() }, &[]))
        }
        @if visitor.may(Permission::ManageIntegrations) {
            (ui::link_button("/integrations/connect", &Button { words: "Connect", icon: Some(Icon::Plus), ..Button::default() }))
        }
    };
    let body = html! {
        section aria-labelledby="connected" {
            h2.sr #connected { "Connected" }
            @if seen.known.is_empty() {
                (ui::Empty {
                    heading: "No source is connected yet",
                    why: html! { "Connect a console below, or import a file: then there is something to look at." },
                    link: visitor.may(Permission::ManageIntegrations).then_some(("Connect SentinelOne", "/integrations/connect")),
                }.render())
            } @else {
                div.grid-cards { @for one in &seen.known { (card(one, &visitor, now)) } }
            }
        }
        (catalogue(&seen, &visitor, asked.get("tab") == "connected", asked.get("find")))
    };
    let page = ui::Page {
        lead: html! { (sources) " connected. Muster only ever reads from them. Times in UTC." },
        actions,
        body,
        ..visitor.page(&shell, Place::Integrations, "Integrations")
    };
    Ok(respond::page(page.render()))
}

fn card(Known { of, progress, machines, bare }: &Known, visitor: &Visitor, now: Timestamp) -> Markup {
    let integration = &of.integration;
    let home = at(integration.id);
    let (assessment, remedy) = (of.assessment(), of.remedy());
    let what = capital(&assessment.detail);
    let then = capital(remedy.words());
    let troubled = !assessment.detail.is_empty();
    let tone = super::tone(of, now);
    let what = super::single::what(of).unwrap_or(what);
    let message = troubled.then_some(Flash { tone, what: &what, then: &then, link: None });
    let complete = of.streams.iter().filter_map(|stream| stream.complete_at).max();
    let (mut current, mut missing, mut behind) = (0_u64, 0_u64, 0_u64);
    for stream in of.streams.iter().filter(|stream| stream.enabled) {
        match super::single::stream_light(stream, now).0 {
            Light::Ok => current += 1,
            Light::Idle => missing += 1,
            _ => behind += 1,
        }
    }
    let mut parts = vec![format!("{} current", ui::count(current))];
    parts.extend((behind > 0).then(|| format!("{} waiting or behind", ui::count(behind))));
    parts.extend((missing > 0).then(|| format!("{} not available", ui::count(missing))));
    let upcoming = crate::tasks::upcoming(of, now);
    let mut facts = vec![
        ("Last complete", complete.map_or_else(|| ui::absent("never"), |at| ui::near(at, now))),
        ("Collections", html! { (parts.join(", ")) }),
    ];
    if !integration.connector.is_file() {
        facts.push((
            "Token",
            html! { @if let Some(role) = &integration.role { (ui::words::name(role)) ", ends " } (token_end(of, now)) },
        ));
        facts.push((
            "Next",
            match upcoming {
                Some((_, stream)) => {
                    html! { (super::stream_label(stream.stream.name).to_lowercase()) " " (next(stream, of, now)) }
                }
                None => ui::absent("nothing is due by itself"),
            },
        ));
    }
    // While the first reading is about to begin, its page says so, and has no such part.
    if *bare && !is_first(of) {
        let look = format!("{home}#nothing");
        facts.push(("No data", html! { "No agents, threats or activities: " a href=(look) { "what to look at" } }));
    }
    facts.push(("Machines", html! { a href=(to("assets", &rows_of(of))) { (ui::count(*machines)) } }));
    let small = |words, weight| Button { words, about: &integration.name, small: true, weight, ..Button::default() };
    let manages = visitor.may(Permission::ManageIntegrations);
    let fix = remedy_at(of).filter(|_| manages && troubled);
    let verbs = html! {
        @if let Some((verb, to)) = &fix { (ui::link_button(to, &small(verb, Weight::Main))) }
        @if visitor.may(Permission::RunSync) && integration.options.enabled && !integration.connector.is_file() && fix.is_none() {
            (ui::post_button(visitor.csrf(), &format!("{home}/sync"), &Button { icon: Some(Icon::Sync), ..small("Sync now", Weight::Normal) }, &[("back", HOME)]))
        }
        @if manages { (switch_button(of, visitor, true)) }
        (ui::link_button(&log_of(of), &small("Log", Weight::Quiet)))
    };
    let host = integration.connector.files().unwrap_or(&integration.console_host);
    IntegrationCard {
        icon: catalogue::of(integration.connector).icon,
        name: &integration.name,
        href: &home,
        host,
        state: light(of, now),
        message,
        progress: progress_bar(of, progress.as_ref(), now),
        facts,
        verbs,
    }
    .render()
}

fn catalogue(seen: &Seen, visitor: &Visitor, connected: bool, find: &str) -> Markup {
    let count = |entry: &Entry| {
        seen.known.iter().filter(|Known { of, .. }| of.integration.connector.word() == entry.word).count() as u64
    };
    let has = ENTRIES.iter().filter(|entry| count(entry) > 0).count() as u64;
    let all = address(HOME, &[("find", find)]) + "#catalogue";
    let own = address(HOME, &[("tab", "connected"), ("find", find)]) + "#catalogue";
    let tabs = [
        Tab { label: "All", href: &all, count: Some(ENTRIES.len() as u64), current: !connected },
        Tab { label: "Connected", href: &own, count: Some(has), current: connected },
    ];
    let shown: Vec<&Entry> =
        ENTRIES.iter().filter(|entry| entry.matches(find) && (!connected || count(entry) > 0)).collect();
    let hrefs: Vec<String> = shown.iter().map(|entry| format!("/integrations/about/{}", entry.word)).collect();
    let rows = shown.iter().zip(&hrefs).map(|(entry, href)| Row {
        id: entry.word,
        name: entry.name,
        icon: Some((entry.icon, entry.category)),
        href: Some(href),
        badges: html! { @if matches!(entry.kind, Kind::Trial(_)) { (ui::badge(Tone::Note, "beta")) } },
        cells: vec![
            ui::Cell::new(html! { (entry.category) }),
            ui::Cell::new(html! { (entry.sign_in) }),
            ui::Cell::wrap(html! { (entry.intervals) }),
            ui::Cell::new(html! { "Many" @if count(entry) > 0 { ", " (ui::count(count(entry))) " connected" } }),
            ui::Cell::number(offer(entry, seen, visitor)),
        ],
        ..Row::default()
    });
    let columns = ["Connector", "Category", "Sign-in", "Default intervals", "Instances"];
    let columns = columns.into_iter().map(Column::new).chain([Column::verbs()]).collect();
    let instead = shown.is_empty().then(|| {
        ui::Empty {
            heading: "No connector matches",
            why: html! { "Out of " (ui::count(ENTRIES.len() as u64)) "." },
            link: Some(("Show all", "/integrations#catalogue")),
        }
        .render()
    });
    let table = Table { caption: "Connectors", columns, rows: rows.collect(), instead, ..Table::default() };
    let body = html! {
        div.line.wide { (ui::tabs("Catalogue", &tabs)) (ui::query::find("Find a connector", HOME, "find", find)) }
        (ui::beside(PANEL, &table.render()))
    };
    ui::section("catalogue", "Catalogue", "What Muster can read, and what each needs.", &body)
}

/// What is offered of a connector: to connect, to enrol, or why neither.
fn offer(entry: &Entry, seen: &Seen, visitor: &Visitor) -> Markup {
    let about = format!("/integrations/about/{}", entry.word);
    let small = |words, weight| Button { words, about: entry.name, small: true, weight, ..Button::default() };
    let manages = visitor.may(Permission::ManageIntegrations);
    html! {
        (ui::panel_button(&about, PANEL, &small("Know more", Weight::Quiet)))
        @match entry.kind {
            Kind::Connect if manages => (ui::link_button("/integrations/connect", &small("Connect", Weight::Normal))),
            Kind::Trial(_) if manages && !seen.enrolments.iter().any(|of| of.connector == entry.word) => {
                (ui::post_button(visitor.csrf(), &format!("{about}/enrol"), &small("Enrol", Weight::Normal), &[]))
            },
            _ => {},
        }
    }
}

/// `GET /integrations/about/{connector}`
pub(super) async fn about(
    State(app): State<App>,
    visitor: Visitor,
    Path(connector): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let entry = catalogue::entry(&connector).ok_or_else(|| Problem::missing("connector"))?;
    let org = visitor.org;
    let enrolments = app.store.read(move |tx| sync::enrolments(tx, org)).await?;
    let known = sync::integrations(&app.store, &app.world, org).await?;
    let known = known.iter().filter(|of| of.connector.word() == entry.word).filter_map(catalogue::vendor_at);
    // Several integrations may read one console.
    let documented: BTreeSet<String> = known.collect();
    let enrolled = enrolments.into_iter().find(|of| of.connector == entry.word);
    let facts = [
        ("Category", html! { (entry.category) }),
        ("Connector", ui::mono(entry.word)),
        ("Sign-in", html! { (entry.sign_in) }),
        ("Default intervals", html! { (entry.intervals) }),
        ("Instances", html! { "As many as you like" }),
        (
            "Vendor's documentation",
            match entry.vendor {
                Some((words, path)) if documented.is_empty() => html! { (words) ": " (ui::mono(path)) },
                Some((words, _)) => html! {
                    (words) ":"
                    @for at in documented.iter().take(DOCUMENTED_MAX) { " " a href=(at) rel="noreferrer" { (ui::mono(at)) } }
                },
                None => ui::absent("none is needed"),
            },
        ),
    ];
    let manages = visitor.may(Permission::ManageIntegrations);
    let home = format!("/integrations/about/{}", entry.word);
    let body = html! {
        div.flow.wide {
            (Card { id: "facts", heading: "At a glance", body: ui::facts(&facts), ..Card::default() }.render())
            @if entry.kind == Kind::Connect {
                @for part in guide::parts() { (part.card()) }
            } @else {
                (Card {
                    id: "guide",
                    heading: "Set-up guide",
                    body: html! {
                        ol.listed { @for step in entry.steps { li { (step) } } }
                        @if let Some(command) = entry.command() { pre { (command) } (ui::copy_button(&command, "Copy")) }
                    },
                    ..Card::default()
                }.render())
            }
            @match entry.kind {
                Kind::Connect if manages => {
                    div.line { (ui::link_button("/integrations/connect", &Button { words: "Connect", weight: Weight::Main, ..Button::default() })) }
                },
                Kind::Trial(waits) => (trial(waits, enrolled.as_ref(), &home, &visitor)),
                _ => {},
            }
        }
    };
    if headers.get("hx-target").is_some_and(|target| target == PANEL) {
        let inside = html! { p { (entry.about) } (body) p { a href=(home) { "On a page of its own" } } };
        return Ok(respond::page(ui::panel(PANEL, entry.name, &format!("{HOME}#catalogue"), &inside)));
    }
    let shell = visitor.shell();
    let page = ui::Page {
        crumbs: &[("Integrations", HOME)],
        badges: html! { @if matches!(entry.kind, Kind::Trial(_)) { (ui::badge(Tone::Note, "beta")) } },
        lead: html! { (entry.about) },
        layout: ui::Layout::Narrow,
        body,
        ..visitor.page(&shell, Place::Integrations, entry.name)
    };
    Ok(respond::page(page.render()))
}

/// Why there is no Connect yet, and what comes next.
fn trial(waits: &str, enrolled: Option<&Enrolment>, home: &str, visitor: &Visitor) -> Markup {
    let body = html! {
        @match enrolled {
            None => {
                p { "This connector is on trial: it may change. Enrol, and an administrator of the organization decides." }
                @if visitor.may(Permission::ManageIntegrations) {
                    (ui::post_button(visitor.csrf(), &format!("{home}/enrol"), &Button { words: "Enrol", weight: Weight::Main, ..Button::default() }, &[]))
                }
            },
            Some(Enrolment { asked_by, asked_at, allowed: None, .. }) => {
                p { (ui::light(Light::Wait, "Waiting")) " " (ui::words::name(asked_by)) " asked for it on " (ui::date(*asked_at)) ". There is no Connect until an administrator allows it." }
                @if visitor.may(Permission::ManageOrg) {
                    (ui::post_button(visitor.csrf(), &format!("{home}/allow"), &Button { words: "Allow", weight: Weight::Main, ..Button::default() }, &[]))
                }
            },
            Some(Enrolment { allowed: Some((at, by)), .. }) => {
                p { (ui::light(Light::Ok, "Allowed")) " by " (ui::words::name(by)) " on " (ui::date(*at)) ". " (waits) }
            },
        }
    };
    Card { id: "trial", heading: "Why there is no Connect yet", body, ..Card::default() }.render()
}

/// `POST /integrations/about/{connector}/enrol`
pub(super) async fn enrol(
    State(app): State<App>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let to = format!("/integrations/about/{connector}");
    let (org, now, who) = (visitor.org, app.world.now(), visitor.login.clone());
    let name = app.store.write(move |tx| super::enrol(tx, org, &connector, &who, now)).await?;
    Ok(respond::see_other_saying(&to, Tone::Ok, &format!("{name} is asked for."), "An administrator decides."))
}

/// `POST /integrations/about/{connector}/allow`
pub(super) async fn allow(
    State(app): State<App>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let to = format!("/integrations/about/{connector}");
    let (org, now, who) = (visitor.org, app.world.now(), visitor.login.clone());
    let name = app.store.write(move |tx| super::allow(tx, org, &connector, &who, now)).await?;
    Ok(respond::see_other_saying(&to, Tone::Ok, &format!("{name} is allowed."), ""))
}

/// `POST /integrations/sync`
pub(super) async fn sync_all(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now, who) = (visitor.org, app.world.now(), visitor.login.clone());
    app.store.write(move |tx| ask(tx, org, &Run::default(), &who, now)).await?;
    let then = "Each is read as soon as the worker comes to it.";
    Ok(respond::see_other_saying(HOME, Tone::Ok, "Every console that is switched on will be read now.", then))
}
