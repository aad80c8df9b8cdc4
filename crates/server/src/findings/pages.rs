//! A finding's page.

use axum::extract::{Path, State};
use axum::response::Response;
use kernel::Cell;
use ui::{Card, Icon, Markup, Place, Row, Table, Tone, html};

use super::{Detail, load};
use crate::inventories::inside;
use crate::problem::capital;
use crate::{App, Problem, Visitor, respond};

/// Facts beside the story: words and field.
const FACTS: [(&str, &str); 8] = [
    ("Verdict", "verdict"),
    ("Status", "status"),
    ("Classification", "classification"),
    ("Confidence", "confidence"),
    ("File", "file.path"),
    ("SHA-256", "sha256"),
    ("Tactic", "tactic"),
    ("Technique", "technique"),
];

/// `GET /findings/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now, asked) = (visitor.org, app.world.now(), id.clone());
    let detail = app.store.read(move |tx| load(tx, org, &id, now)).await?;
    let finding = &detail.finding;
    if finding.id.to_string() != asked {
        // The alert of a detection leads to the detection; there is one address for it.
        return Ok(respond::see_other(&format!("/findings/{}", finding.id)));
    }
    let shell = visitor.shell();
    let name = finding.text("name").unwrap_or_else(|| "without a name".to_owned());
    let strip = [
        ("Machine", machine(&detail)),
        ("Severity", value(&detail, "severity")),
        ("Found", value(&detail, "identified_at")),
        ("Kind", value(&detail, "kind")),
    ];
    let body = html! {
        div.cols {
            div.flow.wide { (verdict(&detail)) (done(&detail)) (story(&detail)) }
            div.flow.wide { (facts(&detail)) (records(&detail)) }
        }
    };
    let page = ui::Page {
        crumbs: &[("Findings", "/findings")],
        badges: badges(&detail),
        facts: ui::strip(&strip),
        body,
        ..visitor.page(&shell, Place::Findings, &name)
    };
    Ok(respond::page(page.render()))
}

fn badges(detail: &Detail) -> Markup {
    let is = |field: &str, word: &str| detail.finding.text(field).as_deref() == Some(word);
    html! {
        @if is("result", "fail") { (ui::badge(Tone::Bad, "Fails")) } @else { (ui::badge(Tone::Ok, "Does not fail")) }
        @if is("record.state", "retired") { (ui::badge(Tone::Idle, "The console no longer has it")) }
        @else if is("status", "resolved") { (ui::badge(Tone::Note, "Resolved")) }
    }
}

fn machine(detail: &Detail) -> Markup {
    match &detail.asset {
        Some((id, name)) => html! { a href={ "/assets/" (id) } { (ui::words::name(name)) } },
        None => ui::words::name(&detail.finding.words("agent.name")),
    }
}

fn value(detail: &Detail, name: &str) -> Markup {
    let field = inventory::catalogue().inventory("findings").and_then(|findings| findings.field(name));
    match (field, detail.finding.cell(name)) {
        (Some(_), Cell::Empty) | (None, _) => ui::absent("not told"),
        (Some(field), value) => inside(field, value),
    }
}

fn verdict(detail: &Detail) -> Markup {
    let finding = &detail.finding;
    let body = html! {
        ul.listed {
            li { "Severity " (finding.severity()) "." }
            li { (capital(&finding.result())) }
            li {
                "Mitigation: " (finding.words("mitigation")) "."
                @if let Some(why) = finding.why() { " " (capital(&why)) }
            }
            li { "The machine then: " (ui::words::name(&finding.machine())) "." }
        }
    };
    Card { id: "verdict", heading: "Whether it fails, and why", body, ..Card::default() }.render()
}

fn done(detail: &Detail) -> Markup {
    let actions = &detail.finding.story.actions;
    let names: Vec<String> = actions
        .iter()
        .map(|of| {
            capital(&of.action.as_deref().unwrap_or("something").replace('_', " ")).trim_end_matches('.').to_owned()
        })
        .collect();
    let rows = actions.iter().zip(&names).map(|(of, name)| Row {
        id: name,
        name,
        cells: vec![
            ui::Cell::new(match &of.status {
                Some(status) => ui::words::name(&status.replace('_', " ")),
                None => ui::absent("not told"),
            }),
            ui::Cell::new(match of.updated_at {
                Some(at) => ui::moment(at),
                None => ui::absent("not told"),
            }),
        ],
        ..Row::default()
    });
    let table = Table {
        caption: "What was done about it. Times in UTC.",
        columns: ["Action", "Outcome", "When"].map(ui::Column::new).to_vec(),
        rows: rows.collect(),
        instead: actions.is_empty().then(|| html! { p.muted { "Nothing is told of what was done." } }),
        ..Table::default()
    };
    Card { id: "done", heading: "What was done", body: table.render(), flush: true, ..Card::default() }.render()
}

/// Why nothing is told of what happened: an empty timeline that was read and one that was never asked for look alike.
fn untold(unread: (bool, bool)) -> &'static str {
    match unread {
        (true, true) => "Its timeline and its notes were not read yet.",
        (true, false) => "Its timeline was not read yet.",
        (false, true) => "Its notes were not read yet.",
        (false, false) => "No timeline or notes of it were read.",
    }
}

/// What happened, the earliest first: a story is read from its beginning.
fn story(detail: &Detail) -> Markup {
    let events = &detail.finding.story.events;
    let notes = events.iter().filter(|event| event.is_note).count() as u64;
    let aside = html! {
        span.muted {
            (ui::noun(events.len() as u64 - notes, "event", "events")) ", " (ui::noun(notes, "note", "notes"))
            ", the earliest first"
        }
    };
    let body = html! {
        @if events.is_empty() {
            p.muted { (untold(detail.unread)) }
        } @else {
            ol.timeline {
                @for event in events {
                    li {
                        @match event.at { Some(at) => (ui::moment(at)), None => span.muted { "not told" } }
                        (ui::icon(if event.is_note { Icon::Pencil } else { Icon::Finding }))
                        div {
                            @if event.is_note {
                                p { b { (ui::words::name(event.author.as_deref().unwrap_or("Somebody"))) } " wrote" }
                                @for line in event.text.lines() { p { bdi { (line) } } }
                            } @else {
                                p { bdi { (event.text) } }
                                @if let Some(detail) = &event.detail { p.muted.small { bdi { (detail) } } }
                            }
                        }
                    }
                }
            }
        }
    };
    Card { id: "story", heading: "What happened", aside, body, ..Card::default() }.render()
}

fn facts(detail: &Detail) -> Markup {
    let all: Vec<(&str, Markup)> = FACTS.iter().map(|(label, field)| (*label, value(detail, field))).collect();
    Card { id: "facts", heading: "The detection", body: ui::facts(&all), ..Card::default() }.render()
}

fn records(detail: &Detail) -> Markup {
    let all: Vec<(String, Markup)> = detail
        .finding
        .story
        .records
        .iter()
        .map(|told| {
            (capital(&told.stream.replace('_', " ")).trim_end_matches('.').to_owned(), ui::mono(&told.native_id))
        })
        .collect();
    let all: Vec<(&str, Markup)> = all.iter().map(|(stream, id)| (stream.as_str(), id.clone())).collect();
    Card { id: "records", heading: "Told by", body: ui::facts(&all), ..Card::default() }.render()
}
