//! The trail as a page, and as a file.

use access::{AuditEntry, AuditFilter, AuditPlace};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use kernel::{Cell as Value, OrgId, Table as Rows};
use store::{Store, StoreError};
use ui::{Button, Cell, Column, Empty, Field, Foot, Icon, Kind, Layout, Markup, Place, Row, Table, html};

use super::{HOME, ROWS, filter, place};
use crate::fields::{Asked, Fields, address};
use crate::{App, Problem, Visitor, respond};

/// Lines of one page of a file.
const EXPORTED_AT_ONCE: u32 = 5_000;
/// The fields of the filter.
const FILTERS: [&str; 5] = ["who", "what", "subject", "from", "until"];

/// `GET /audit`
pub(super) async fn show(State(app): State<App>, visitor: Visitor, Asked(asked): Asked) -> Result<Response, Problem> {
    let (org, chosen, from) = (visitor.org, filter(&asked)?, place(&asked)?);
    let mut lines = app.store.read(move |tx| access::audit_page(tx, org, &chosen, from, ROWS + 1)).await?;
    let more = lines.len() > ROWS as usize;
    lines.truncate(ROWS as usize);
    let forth = matches!(from, AuditPlace::After(_));
    if forth {
        lines.reverse();
    }
    let (newer, older) = match from {
        AuditPlace::Latest => (false, more),
        AuditPlace::Before(_) => (true, more),
        AuditPlace::After(_) => (more, true),
    };
    let to =
        |name: &str, line: Option<&AuditEntry>| line.map(|line| linked(&asked, HOME, &[(name, line.seq.to_string())]));
    let newer = if newer { to("after", lines.first()) } else { None };
    let older = if older { to("before", lines.last()) } else { None };
    let shell = visitor.shell();
    let page = ui::Page {
        lead: html! { "Who did what in " (ui::name(&visitor.org_name)) ", the newest first. It only ever grows. Times in UTC." },
        actions: html! {
            (ui::link_button(&linked(&asked, "/audit/export.csv", &[]), &Button { words: "CSV", icon: Some(Icon::Download), ..Button::default() }))
            (ui::link_button(&linked(&asked, "/audit/export.json", &[]), &Button { words: "JSON", icon: Some(Icon::Download), ..Button::default() }))
        },
        layout: Layout::List,
        body: html! { (question(&asked)) (table(&lines, &asked, newer.as_deref(), older.as_deref())) },
        ..visitor.page(&shell, Place::Audit, "Audit trail")
    };
    Ok(respond::page(page.render()))
}

/// An address that keeps the filter.
fn linked(asked: &Fields, path: &str, more: &[(&str, String)]) -> String {
    let kept = FILTERS.iter().map(|name| (*name, asked.get(name)));
    let fields: Vec<(&str, &str)> = kept.chain(more.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    address(path, &fields)
}

fn question(asked: &Fields) -> Markup {
    let field = |name, label, help, kind| Field { name, label, help, error: None, required: false, kind };
    let open = FILTERS.iter().any(|name| !asked.get(name).is_empty());
    html! {
        details open[open] {
            summary { "Choose lines" }
            form.flow method="get" action=(HOME) {
                (field("who", "Who", "A person's e-mail address, to the letter.", Kind::Text(asked.get("who"))).render())
                (field("what", "What", "How it begins: sign_in, member., credential.", Kind::Mono(asked.get("what"))).render())
                (field("subject", "To what", "To the letter.", Kind::Text(asked.get("subject"))).render())
                (field("from", "From", "In UTC.", Kind::Moment(asked.get("from"))).render())
                (field("until", "Until", "In UTC, not included.", Kind::Moment(asked.get("until"))).render())
                div.line {
                    (ui::button(&Button { words: "Show", ..Button::default() }))
                    @if open { a href=(HOME) { "Show all" } }
                }
            }
        }
    }
}

fn table(lines: &[AuditEntry], asked: &Fields, newer: Option<&str>, older: Option<&str>) -> Markup {
    let of = |name: &str, value: &str| address(HOME, &[(name, value)]);
    let keys: Vec<String> = lines.iter().map(|line| line.seq.to_string()).collect();
    let rows = lines.iter().zip(&keys).map(|(line, key)| Row {
        id: key,
        name: key,
        cells: vec![
            Cell::new(ui::moment(line.at)),
            Cell::new(html! { a href=(of("who", &line.who)) { (ui::name(&line.who)) } }),
            Cell::new(html! { a.mono href=(of("what", &line.what)) { (line.what) } }),
            Cell::new(said(&line.subject, "the organization")),
            Cell::wrap(said(&line.detail, "nothing more")),
        ],
        ..Row::default()
    });
    let none = Empty {
        heading: "No line matches",
        why: html! { "Nothing of the kind was done, or not in that time." },
        link: (!asked.get("what").is_empty() || !asked.get("who").is_empty()).then_some(("Show all", HOME)),
    };
    let range = match (lines.first(), lines.last()) {
        (Some(first), Some(last)) => format!("Lines {} to {}", first.seq, last.seq),
        _ => String::new(),
    };
    Table {
        caption: "The audit trail, the newest first. Times in UTC.",
        columns: ["Line", "When", "Who", "What", "To what", "More"].map(Column::new).to_vec(),
        rows: rows.collect(),
        instead: lines.is_empty().then(|| none.render()),
        foot: Some(Foot { range, previous: newer, next: older, ..Foot::default() }),
        ..Table::default()
    }
    .render()
}

/// A text, or the word for none.
fn said(text: &str, none: &str) -> Markup {
    if text.is_empty() { ui::absent(none) } else { ui::name(text) }
}

/// `GET /audit/export.csv`
pub(super) async fn export_csv(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    file(&app, visitor.org, &asked, true).await
}

/// `GET /audit/export.json`
pub(super) async fn export_json(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    file(&app, visitor.org, &asked, false).await
}

/// Where an export is.
struct Walk {
    store: Store,
    org: OrgId,
    filter: AuditFilter,
    after: i64,
    csv: bool,
    first: bool,
    ended: bool,
}

/// The chosen lines, the oldest first, by pages of one transaction each, so that memory stays flat.
async fn file(app: &App, org: OrgId, asked: &Fields, csv: bool) -> Result<Response, Problem> {
    let walk = Walk { store: app.store.clone(), org, filter: filter(asked)?, after: 0, csv, first: true, ended: false };
    let chunks = stream::try_unfold(walk, |mut walk| async move {
        if walk.ended {
            return Ok::<_, StoreError>(None);
        }
        let (org, filter, place) = (walk.org, walk.filter.clone(), AuditPlace::After(walk.after));
        let read = walk.store.read(move |tx| access::audit_page(tx, org, &filter, place, EXPORTED_AT_ONCE));
        let lines = read.await?;
        let table = rows(&lines);
        let mut text = match (walk.csv, walk.first) {
            (true, true) => reports::csv::csv(&table),
            (true, false) => reports::csv::lines(&table),
            (false, true) => format!("[\n{}", reports::json::elements(&table)),
            (false, false) if lines.is_empty() => String::new(),
            (false, false) => format!(",\n{}", reports::json::elements(&table)),
        };
        walk.first = false;
        walk.after = lines.last().map_or(walk.after, |line| line.seq);
        walk.ended = lines.len() < EXPORTED_AT_ONCE as usize;
        if walk.ended && !walk.csv {
            text += "\n]\n";
        }
        Ok(Some((Bytes::from(text), walk)))
    });
    let (kind, name) = match csv {
        true => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"audit.csv\""),
        false => ("application/json", "attachment; filename=\"audit.json\""),
    };
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn rows(lines: &[AuditEntry]) -> Rows {
    let row = |line: &AuditEntry| {
        let text = |text: &str| Value::Text(text.to_owned());
        let (who, what) = (text(&line.who), text(&line.what));
        vec![Value::Int(line.seq), Value::Time(line.at), who, what, text(&line.subject), text(&line.detail)]
    };
    let columns = ["line", "at", "who", "what", "subject", "detail"].map(str::to_owned).to_vec();
    Rows { columns, rows: lines.iter().map(row).collect() }
}
