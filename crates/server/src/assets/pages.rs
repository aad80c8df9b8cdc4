//! An asset's page.

use axum::extract::{Path, State};
use axum::response::Response;
use inventory::correlate::explain::Linked;
use kernel::Cell;
use ui::{Card, Event, Icon, Joined, Markup, Place, Row, Table, Tone, html};

use super::{Detail, Part, load, name};
use crate::inventories::{cell, inside, label, source_icon, text, to};
use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// Groups of facts: heading, and the fields below it.
const FACTS: [&str; 13] = [
    "os.version",
    "os.arch",
    "hw",
    "serial",
    "cpu",
    "core_count",
    "memory_mb",
    "domain",
    "user",
    "agent.state",
    "agent.version",
    "console.site",
    "console.group",
];

/// `GET /assets/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let asked = id.clone();
    let detail = app.store.read(move |tx| load(tx, org, &id, now)).await?;
    if detail.asset.to_string() != asked {
        // It was merged since; there is one address for it.
        return Ok(respond::see_other(&format!("/assets/{}", detail.asset)));
    }
    let shell = visitor.shell();
    let strip: Vec<(&str, Markup)> = [
        ("Site", "site"),
        ("Owner", "owner"),
        ("Source", "sources"),
        ("Last seen", "last_seen"),
        ("First seen", "first_seen"),
    ]
    .map(|(label, name)| (label, value(&detail, name)))
    .to_vec();
    let body = html! {
        div.cols {
            div.flow {
                (identity(&detail))
                @for part in &detail.parts { (hanging(part)) }
                (said(&detail))
                (history(&detail))
            }
            div.flow { (facts(&detail)) (addresses(&detail)) }
        }
    };
    let page = ui::Page {
        crumbs: &[("Assets", "/assets")],
        badges: badges(&detail),
        lead: html! { (value(&detail, "os")) },
        facts: ui::strip(&strip),
        body,
        ..visitor.page(&shell, Place::Assets, name(&detail))
    };
    Ok(respond::page(page.render()))
}

fn badges(detail: &Detail) -> Markup {
    let is = |name: &str| matches!(detail.fields.get(name), Some(Cell::Bool(true)));
    html! {
        @if is("removed") { (ui::badge(Tone::Idle, "No source has it any more")) }
        @else if is("infected") { (ui::badge(Tone::Bad, "Infected")) }
        @if detail.explained.pinned { (ui::badge(Tone::Note, "Pinned")) }
    }
}

fn value(detail: &Detail, name: &str) -> Markup {
    let field = inventory::catalogue().inventory("assets").and_then(|assets| assets.field(name));
    match (field, detail.fields.get(name)) {
        (Some(field), Some(value)) => inside(field, value),
        _ => ui::absent("not said"),
    }
}

fn identity(detail: &Detail) -> Markup {
    let told: Vec<(String, Markup)> = detail.explained.records.iter().map(|record| told(detail, record)).collect();
    let records: Vec<Joined<'_>> = detail
        .explained
        .records
        .iter()
        .zip(&told)
        .map(|(record, (rule, why))| Joined {
            icon: source_icon(&record.source),
            source: detail.integrations.get(&record.integration).map_or(record.source.as_str(), String::as_str),
            called: record.name.as_deref().unwrap_or("nothing in particular"),
            rule,
            why: why.clone(),
            verb: html! {},
        })
        .collect();
    let aside = html! { span.muted { (ui::noun(records.len() as u64, "record", "records")) } };
    let body = html! {
        (ui::thread(&records))
        @if !detail.explained.ignored.is_empty() {
            p.muted.small {
                (ui::noun(detail.explained.ignored.len() as u64, "value of theirs says", "values of theirs say"))
                " nothing about which machine it is, and was left out."
            }
        }
    };
    Card { id: "identity", heading: "Why this is one machine", aside, body, ..Card::default() }.render()
}

fn told(detail: &Detail, record: &Linked) -> (String, Markup) {
    let rule = capital(record.rule.words());
    let why = html! {
        @if !record.evidence.is_empty() {
            @for (at, (kind, value)) in record.evidence.iter().enumerate() {
                @if at > 0 { ", " } (kind) " " (ui::mono(value))
            }
            ". "
        }
        "Since " (ui::moment(record.since)) ", by " (ui::words::name(&record.by)) "."
        @if !record.reason.is_empty() { " " (ui::words::name(&record.reason)) }
        @let open = detail.explained.reviews.len();
        @if open > 0 && detail.explained.records.first() == Some(record) {
            " " (ui::noun(open as u64, "question is", "questions are")) " open about it."
        }
    };
    (rule, why)
}

fn facts(detail: &Detail) -> Markup {
    let labels = FACTS.map(label);
    let all: Vec<(&str, Markup)> =
        labels.iter().zip(FACTS).map(|(label, name)| (label.as_str(), value(detail, name))).collect();
    Card { id: "facts", heading: "The machine", body: ui::facts(&all), ..Card::default() }.render()
}

fn addresses(detail: &Detail) -> Markup {
    let addresses: Vec<String> = detail.addresses.iter().map(|of| of.ip.to_string()).collect();
    let rows = detail.addresses.iter().zip(&addresses).map(|(of, address)| Row {
        id: address,
        name: address,
        mono: true,
        badges: html! { @if of.measured { (ui::badge(Tone::Note, "Primary")) } },
        cells: vec![ui::Cell::wrap(html! {
            @match of.observed_at { Some(at) => (ui::moment(at)), None => (ui::absent("not said")) }
            @if of.old { span.muted { " long ago" } }
            " by " (ui::words::name(&of.sources.join(", ")))
        })],
        ..Row::default()
    });
    let table = Table {
        caption: "Addresses, those that were measured first. Times in UTC.",
        columns: vec![ui::Column::new("Address"), ui::Column::new("Seen")],
        rows: rows.collect(),
        instead: detail.addresses.is_empty().then(|| html! { p.muted { "No source says an address." } }),
        ..Table::default()
    };
    Card { id: "addresses", heading: "Addresses", body: table.render(), flush: true, ..Card::default() }.render()
}

fn said(detail: &Detail) -> Markup {
    let labels: Vec<String> = detail.winners.iter().map(|of| label(of.attribute)).collect();
    let rows = detail.winners.iter().zip(&labels).map(|(of, label)| Row {
        id: of.attribute,
        name: label,
        cells: vec![
            ui::Cell::text(&of.value),
            ui::Cell::wrap(html! {
                @match detail.integrations.get(&of.integration) { Some(name) => (ui::words::name(name)), None => "a source" }
                @if !of.why.is_empty() { ": " (of.why) }
            }),
        ],
        ..Row::default()
    });
    let table = Table {
        caption: "Each value, and which source says it.",
        columns: vec![ui::Column::new("What"), ui::Column::new("Value"), ui::Column::new("Who says so, and why they")],
        rows: rows.collect(),
        ..Table::default()
    };
    Card { id: "said", heading: "Who says what", body: table.render(), flush: true, ..Card::default() }.render()
}

fn hanging(part: &Part) -> Markup {
    let heading = crate::inventories::title(part.inventory);
    let fields: Vec<(usize, &query::Field)> =
        part.columns.iter().enumerate().filter_map(|(at, name)| Some((at + 1, part.inventory.field(name)?))).collect();
    let labels: Vec<String> = fields.iter().map(|(_, field)| label(field.name)).collect();
    let rows = part.rows.iter().map(|row| Row {
        id: text(row.first()),
        name: Some(text(row.get(1))).filter(|name| !name.is_empty()).unwrap_or("without a name"),
        cells: fields.iter().skip(1).filter_map(|(at, field)| row.get(*at).map(|value| cell(field, value))).collect(),
        ..Row::default()
    });
    let rows: Vec<Row<'_>> = rows.collect();
    if rows.is_empty() {
        let body = html! { p.muted { "No " (part.inventory.name) " known." } };
        return Card { id: part.inventory.name, heading: &heading, body, ..Card::default() }.render();
    }
    let all = to(part.inventory.name, &part.question);
    let shown = rows.len() as u64;
    let caption = format!("{heading} of this asset. Times in UTC.");
    let table = Table {
        caption: &caption,
        columns: fields.iter().zip(&labels).map(|(_, label)| ui::Column::new(label)).collect(),
        rows,
        ..Table::default()
    };
    Card {
        id: part.inventory.name,
        heading: &heading,
        aside: html! { span.muted { (ui::count(part.total)) } },
        body: table.render(),
        flush: true,
        foot: html! {
            @if part.total > shown { a href=(ui::href(&all)) { "All " (ui::count(part.total)) } }
        },
    }
    .render()
}

fn history(detail: &Detail) -> Markup {
    let events: Vec<Event> = detail
        .changes
        .iter()
        .map(|change| {
            let value = |value: Option<&str>| match value {
                Some(value) => ui::words::name(value),
                None => ui::absent("nothing"),
            };
            let who = detail.integrations.get(&change.integration);
            Event {
                at: change.at,
                icon: if change.field == "asset" { Icon::Merge } else { Icon::Pencil },
                what: html! {
                    b { (label(&change.field)) } " from " (value(change.before.as_deref())) " to " (value(change.after.as_deref()))
                    @if let Some(who) = who { span.muted { " · " (ui::words::name(who)) } }
                },
            }
        })
        .collect();
    let body = html! {
        @if events.is_empty() { p.muted { "Nothing has changed since it was first read." } } @else { (ui::timeline(&events, true)) }
    };
    Card { id: "history", heading: "What changed", body, ..Card::default() }.render()
}
