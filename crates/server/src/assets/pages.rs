//! An asset's page.

use access::Permission;
use axum::extract::{Path, State};
use axum::response::Response;
use inventory::correlate::explain::{Linked, in_line};
use inventory::history::{ASSET, Changed, DECIDED, FIRST_SEEN};
use inventory::noun::Grade;
use inventory::project::Winner;
use kernel::{Cell, RecordId, Timestamp};
use ui::{Button, Card, Event, Icon, Joined, Markup, Place, Row, Select, Table, Tone, html};

use super::{Detail, Part, decide, load, name, questions};
use crate::fields::Asked;
use crate::inventories::{Attributes, attributes, cell, inside, label, leads_to, source_icon, text, to};
use crate::problem::{capital, capital_word};
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
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let given = id.clone();
    let found = app.store.read(move |tx| {
        let detail = load(tx, org, &id, now)?;
        let sent = sent(tx, org, &detail)?;
        let questions = questions::of_asset(tx, org, &detail.explained.reviews, now)?;
        Ok::<_, Problem>((detail, sent, questions))
    });
    let (detail, sent, questions) = found.await?;
    if detail.asset.to_string() != given {
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
        (decide::way_back(&visitor, &detail, &asked))
        (questions::card(&visitor, detail.asset, detail.explained.reviews.len(), &questions, &detail.integrations))
        div.cols {
            div.flow.wide { (identity(&visitor, &detail)) (addresses(&detail)) }
            (facts(&detail))
        }
        (decide::decided(&visitor, &detail, visitor.may(Permission::EditAssets)))
        (by_source(&detail))
        @for part in &detail.parts { (hanging(part)) }
        (as_sent(&detail, &sent))
        (history(&detail))
    };
    let page = ui::Page {
        crumbs: &[("Assets", "/assets")],
        badges: badges(&detail),
        lead: html! { bdi { (capital(&detail.explained.what(&detail.integrations))) } },
        facts: ui::strip(&strip),
        actions: actions(&visitor, &detail),
        body,
        ..visitor.page(&shell, Place::Assets, name(&detail))
    };
    Ok(respond::page(page.render()))
}

/// Records whose attributes are shown as they were sent.
const SENT_MAX: usize = 12;

fn sent(tx: &mut store::Tx<'_>, org: kernel::OrgId, detail: &Detail) -> Result<Vec<(RecordId, Attributes)>, Problem> {
    let records: Vec<RecordId> = detail.explained.records.iter().take(SENT_MAX).map(|of| of.record).collect();
    let bodies = inventory::bodies(tx, org, &records)?;
    Ok(records.into_iter().zip(bodies).filter_map(|(record, body)| Some((record, attributes(&body?)))).collect())
}

fn actions(visitor: &Visitor, detail: &Detail) -> Markup {
    let here = format!("/assets/{}", detail.asset);
    let id = detail.asset.to_string();
    let owner = html! {
        (ui::post(visitor.csrf(), "/assets/owner", &html! {
            input type="hidden" name=(Select::NAME) value=(id);
            input type="hidden" name="back" value=(here);
            (ui::Field {
                name: "owner",
                label: "Owner",
                help: "Empty: the rules decide again.",
                error: None,
                required: false,
                kind: ui::Kind::Text(text(detail.fields.get("owner"))),
            }.render())
            (ui::button(&Button { words: "Save", small: true, ..Button::default() }))
        }))
    };
    let pin = format!("{here}/pin");
    html! {
        @if visitor.may(Permission::TagAssets) {
            (ui::menu(&Button { words: "Owner", icon: Some(Icon::Person), ..Button::default() }, "", &owner))
        }
        @if visitor.may(Permission::EditAssets) {
            @if detail.explained.pinned {
                (ui::post_button(visitor.csrf(), &pin, &Button { words: "Unpin", icon: Some(Icon::Lock), ..Button::default() }, &[("off", "1")]))
            } @else {
                (ui::post_button(visitor.csrf(), &pin, &Button { words: "Pin", icon: Some(Icon::Lock), ..Button::default() }, &[]))
                (ui::link_button(&format!("{here}/merge"), &Button { words: "Merge with", icon: Some(Icon::Merge), ..Button::default() }))
            }
        }
    }
}

/// Every record as its source sent it.
fn as_sent(detail: &Detail, sent: &[(RecordId, Attributes)]) -> Markup {
    let of = |record: &RecordId| detail.explained.records.iter().find(|of| of.record == *record);
    let body = html! {
        @for (record, attributes) in sent {
            @let linked = of(record);
            @let source = linked.and_then(|of| detail.integrations.get(&of.integration)).map_or("A source", String::as_str);
            details.as-table {
                summary {
                    (ui::noun(attributes.all.len() as u64 + attributes.more as u64, "attribute", "attributes"))
                    " as " (ui::words::name(source)) " sent them"
                    @if let Some(linked) = linked { " of " (ui::mono(&linked.native_id)) }
                }
                (attributes.render())
            }
        }
        @if sent.is_empty() { p.muted { "No source keeps a record of it any more." } }
    };
    Card { id: "sent", heading: "Every attribute, as it was sent", body, ..Card::default() }.render()
}

fn badges(detail: &Detail) -> Markup {
    let is = |name: &str| matches!(detail.fields.get(name), Some(Cell::Bool(true)));
    html! {
        @if is("removed") { (ui::badge(Tone::Idle, "No source has it any more")) }
        @else if is("infected") { (ui::badge(Tone::Bad, "Infected")) }
        @if detail.explained.pinned { (ui::badge(Tone::Note, "Pinned")) }
        @else if !detail.explained.reviews.is_empty() {
            (ui::badge_link(Tone::Idle, "Open question", &format!("#{}", questions::ON_ASSET)))
        }
    }
}

fn value(detail: &Detail, name: &str) -> Markup {
    let field = inventory::catalogue().inventory("assets").and_then(|assets| assets.field(name));
    match (field, detail.fields.get(name)) {
        (Some(field), Some(value)) => inside(field, value),
        _ => ui::absent("not said"),
    }
}

fn identity(visitor: &Visitor, detail: &Detail) -> Markup {
    let told: Vec<(String, Markup)> = detail.explained.records.iter().map(|record| told(detail, record)).collect();
    let action = format!("/assets/{}/split", detail.asset);
    let may = visitor.may(Permission::EditAssets) && !detail.explained.pinned && detail.explained.records.len() > 1;
    let ids: Vec<(String, String)> =
        detail.explained.records.iter().map(|of| (of.record.to_string(), format!("split-{}", of.record))).collect();
    let dialogs: Vec<Option<ui::Dialog<'_>>> = detail
        .explained
        .records
        .iter()
        .zip(&ids)
        .map(|(of, (record, id))| {
            let called = of.name.as_deref().unwrap_or("a machine without a name");
            may.then(|| decide::splitting(visitor, id, &action, record, called))
        })
        .collect();
    let records: Vec<Joined<'_>> = detail
        .explained
        .records
        .iter()
        .zip(&told)
        .zip(&dialogs)
        .enumerate()
        .map(|(at, ((record, (rule, why)), dialog))| {
            let called = record.name.as_deref().unwrap_or("nothing in particular");
            let opener =
                Button { words: "Split off", about: called, icon: Some(Icon::Split), small: true, ..Button::default() };
            Joined {
                icon: source_icon(&record.source),
                source: detail.integrations.get(&record.integration).map_or(record.source.as_str(), String::as_str),
                called,
                rule,
                why: why.clone(),
                verb: html! { @if let Some(dialog) = dialog.as_ref().filter(|_| at > 0) { (dialog.opener(&opener)) } },
            }
        })
        .collect();
    let aside = html! { span.muted { (ui::noun(records.len() as u64, "record", "records")) } };
    let body = html! {
        @if let Some(then) = detail.explained.while_pinned() { p { b { "It is pinned." } " " (then) } }
        @for remainder in &detail.explained.remainders { (decide::mixed(remainder, detail.explained.asset)) }
        (ui::thread(&records))
        @if !detail.explained.ignored.is_empty() {
            details.as-table {
                summary {
                    (ui::noun(detail.explained.ignored.len() as u64, "value of theirs says", "values of theirs say"))
                    " nothing about which machine it is, and was left out"
                }
                ul.listed {
                    @for (why, values) in detail.explained.not_used() {
                        li {
                            @for (at, of) in values.iter().enumerate() {
                                @if at > 0 { ", " } (of.kind) " " (ui::mono(of.value))
                            }
                            span.muted { ": " (why.words()) }
                        }
                    }
                }
            }
        }
        @for dialog in dialogs.iter().skip(1).flatten() { (dialog.render()) }
    };
    Card { id: "identity", heading: "Why this is one machine", aside, body, ..Card::default() }.render()
}

fn told(detail: &Detail, record: &Linked) -> (String, Markup) {
    let rule = match record.evidence.is_empty() {
        true => capital(&record.told()),
        false => format!("{}:", capital_word(&record.told())),
    };
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
            " " a href={ "#" (questions::ON_ASSET) } { (ui::noun(open as u64, "question is", "questions are")) " open about it" } "."
        }
        @if let Some(followed) = &record.followed { " " (followed.words()) }
        @if let Some(itself) = record.itself() { " " (itself) }
        @if let Some((head, each)) = record.differs(detail.explained.is_doubtful(record.record)) {
            " " (head)
            @for (at, against) in record.against.iter().enumerate() {
                @if at > 0 { ";" }
                " " (against.differing.kind) " " bdi { (against.values()) } @if each { ", as " (against.but) }
            }
            @if !record.against.is_empty() { "." }
        }
    };
    (rule, why)
}

fn facts(detail: &Detail) -> Markup {
    let labels = FACTS.map(label);
    let mut all: Vec<(&str, Markup)> =
        labels.iter().zip(FACTS).map(|(label, name)| (label.as_str(), value(detail, name))).collect();
    all.extend(detail.custom.iter().map(|(key, value)| (key.as_str(), ui::words::name(value))));
    if !detail.tags.is_empty() {
        all.push(("Tags", tags(detail)));
    }
    Card { id: "facts", heading: "The machine", body: ui::facts(&all), ..Card::default() }.render()
}

fn tags(detail: &Detail) -> Markup {
    html! {
        @for (at, (key, value)) in detail.tags.iter().enumerate() {
            @if at > 0 { ", " }
            @if value.is_empty() { (ui::words::name(key)) } @else { (ui::words::name(&format!("{key}={value}"))) }
        }
    }
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

/// Bytes from which on a value takes several lines beside others.
const LONG: usize = 40;

/// Records that have a column of their own beside the others; more only where more are in use.
const SIDE_BY_SIDE: usize = 5;

/// The records that have a column: those whose values are in use, and the first of the others, in their order.
fn side_by_side<'a>(detail: &'a Detail, shared: &[&Winner]) -> Vec<&'a Linked> {
    let records = &detail.explained.records;
    let used = |of: &Linked| shared.iter().any(|winner| winner.record == of.record);
    let mut room = SIDE_BY_SIDE.saturating_sub(records.iter().filter(|of| used(of)).count());
    let has_room = |of: &&Linked| {
        let fits = used(of) || room > 0;
        room -= usize::from(fits && !used(of));
        fits
    };
    records.iter().filter(has_room).collect()
}

/// What each source says, beside each other where several say something; the value in use is ticked, and says why.
fn by_source(detail: &Detail) -> Markup {
    let several = detail.explained.records.len() > 1;
    let (shared, alone): (Vec<&Winner>, Vec<&Winner>) =
        detail.winners.iter().partition(|of| several && of.said.len() > 1);
    let records = side_by_side(detail, &shared);
    let more = if shared.is_empty() { 0 } else { detail.explained.records.len() - records.len() };
    let body = html! {
        @if !shared.is_empty() { (matrix(detail, &records, &shared)) }
        @if more > 0 {
            p.body.muted {
                (ui::noun(more as u64, "more record", "more records")) " of it: no value of theirs is in use here. "
                a href="#identity" { "All its records" }
            }
        }
        @if !alone.is_empty() {
            @if shared.is_empty() { (told_alone(detail, &alone)) } @else {
                details.as-table.body {
                    summary { (ui::noun(alone.len() as u64, "attribute", "attributes")) " that one source alone says" }
                    (told_alone(detail, &alone))
                }
            }
        }
    };
    let aside = html! { @if !shared.is_empty() { span.muted { "The ticked value is the one in use." } } };
    Card { id: "said", heading: "Attributes by source", aside, body, flush: true, ..Card::default() }.render()
}

/// Who says what each column holds. One integration may know a machine in several ways; then it is said how.
fn sayers(detail: &Detail, records: &[&Linked]) -> Vec<String> {
    let name =
        |of: &Linked| detail.integrations.get(&of.integration).map_or(of.source.as_str(), String::as_str).to_owned();
    let names: Vec<String> = records.iter().map(|of| name(of)).collect();
    let is_shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let sayer = |(of, name): (&&Linked, &String)| match of.grade {
        _ if !is_shared(name) => name.clone(),
        Grade::Agent => format!("{name}, agent"),
        Grade::Scan => format!("{name}, scan"),
        Grade::List => format!("{name}, list"),
        Grade::Discovery => format!("{name}, network discovery"),
    };
    records.iter().zip(&names).map(sayer).collect()
}

fn matrix(detail: &Detail, records: &[&Linked], shared: &[&Winner]) -> Markup {
    let labels: Vec<String> = shared.iter().map(|of| label(of.attribute)).collect();
    let mut columns = vec![ui::Column::new("Attribute")];
    let sayers = sayers(detail, records);
    columns.extend(
        records
            .iter()
            .zip(&sayers)
            .map(|(of, label)| ui::Column { icon: Some(source_icon(&of.source)), ..ui::Column::new(label) }),
    );
    let why: Vec<String> = shared.iter().map(|of| capital(&of.why)).collect();
    let rows = shared.iter().zip(labels.iter().zip(&why)).map(|(of, (label, why))| {
        let cells = records.iter().map(|record| {
            let said = of.said.iter().find(|(by, _)| *by == record.record);
            let long = said.is_some_and(|(_, value)| value.len() > LONG);
            let cell = if long { ui::Cell::wrap } else { ui::Cell::new };
            cell(html! {
                @match said {
                    Some((by, value)) if *by == of.record => span.state { (ui::labelled(Icon::Tick, "In use:")) (shown(value)) },
                    Some((_, value)) => (shown(value)),
                    None => (ui::absent("not said")),
                }
            })
        });
        Row {
            id: of.attribute,
            name: label,
            below: why,
            cells: cells.collect(),
            ..Row::default()
        }
    });
    Table {
        caption: "Attributes, and what each source says of them; the value in use is marked. Times in UTC.",
        columns,
        rows: rows.collect(),
        tall: true,
        ..Table::default()
    }
    .render()
}

fn told_alone(detail: &Detail, alone: &[&Winner]) -> Markup {
    let labels: Vec<String> = alone.iter().map(|of| label(of.attribute)).collect();
    let rows = alone.iter().zip(&labels).map(|(of, label)| Row {
        id: of.attribute,
        name: label,
        cells: vec![
            ui::Cell::new(shown(&of.value)),
            ui::Cell::text(detail.integrations.get(&of.integration).map_or("a source", String::as_str)),
        ],
        ..Row::default()
    });
    Table {
        caption: "Attributes that one source alone says. Times in UTC.",
        columns: vec![ui::Column::new("Attribute"), ui::Column::new("Value"), ui::Column::new("Who says so")],
        rows: rows.collect(),
        ..Table::default()
    }
    .render()
}

/// A value that was printed for the language, as people read it.
fn shown(value: &str) -> Markup {
    match value {
        "true" => html! { "yes" },
        "false" => html! { "no" },
        "" => ui::absent("empty"),
        _ if value.len() >= 20 && value.ends_with('Z') => match Timestamp::parse(value) {
            Ok(at) => ui::moment(at),
            Err(_) => ui::words::name(value),
        },
        _ if value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => html! { (value.replace('_', " ")) },
        _ => ui::words::name(value),
    }
}

fn hanging(part: &Part) -> Markup {
    let heading = label(part.inventory.name);
    let fields: Vec<(usize, &query::Field)> =
        part.columns.iter().enumerate().filter_map(|(at, name)| Some((at + 1, part.inventory.field(name)?))).collect();
    let labels: Vec<String> = fields.iter().map(|(_, field)| label(field.name)).collect();
    let hrefs: Vec<Option<String>> =
        part.rows.iter().map(|row| leads_to(part.inventory, text(row.first()), text(row.get(1)))).collect();
    let rows = part.rows.iter().zip(&hrefs).map(|(row, href)| Row {
        id: text(row.first()),
        href: href.as_deref(),
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
        columns: fields
            .iter()
            .zip(&labels)
            .map(|((_, field), label)| crate::inventories::heading(field, label))
            .collect(),
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

/// Values that an asset says otherwise since a record came; more are behind a line.
fn otherwise(change: &Changed) -> Markup {
    let count = change.with.len() as u64;
    html! {
        details.as-table {
            summary { (ui::noun(count, "value of the asset is", "values of the asset are")) " another since then" }
            ul.listed {
                @for of in &change.with {
                    li {
                        b { (label(&of.field)) } " from " (value_of(of.before.as_deref())) " to "
                        (value_of(of.after.as_deref()))
                    }
                }
            }
        }
    }
}

fn value_of(value: Option<&str>) -> Markup {
    match value {
        Some(value) => ui::words::name(value),
        None => ui::absent("nothing"),
    }
}

fn history(detail: &Detail) -> Markup {
    let events: Vec<Event> = detail
        .changes
        .iter()
        .map(|change| {
            let who = detail.integrations.get(&change.integration);
            Event {
                at: change.at,
                icon: if [ASSET, FIRST_SEEN].contains(&change.field.as_str()) { Icon::Merge } else { Icon::Pencil },
                what: html! {
                    @if change.field == FIRST_SEEN {
                        b { "First seen" } " with " (change.after.as_deref().unwrap_or("nothing"))
                        @if !change.with.is_empty() { (otherwise(change)) }
                    } @else if change.field == DECIDED {
                        b { "Decision:" } " " bdi { (change.after.as_deref().unwrap_or_default()) }
                    } @else if let Some(moved) = change.came_or_went(detail.asset) {
                        b { (capital_word(&moved)) }
                        @if change.moved.len() > 1 { ": " (in_line(&change.moved, "records")) }
                        @if !change.with.is_empty() { (otherwise(change)) }
                    } @else {
                        b { (label(&change.field)) } " from " (value_of(change.before.as_deref())) " to " (value_of(change.after.as_deref()))
                        @if !change.with.is_empty() { (otherwise(change)) }
                    }
                    @if let Some(called) = &change.called { span.muted { " · " (ui::words::name(called)) } }
                    @if let Some(who) = who { span.muted { " · " (ui::words::name(who)) } }
                    @if let Some(why) = change.why() {
                        span.muted { " · " bdi { (why) } }
                    }
                },
            }
        })
        .collect();
    let body = html! {
        @if events.is_empty() { p.muted { "Nothing has changed since it was first read." } } @else { (ui::timeline(&events, true)) }
    };
    Card { id: "history", heading: "What changed", body, ..Card::default() }.render()
}
