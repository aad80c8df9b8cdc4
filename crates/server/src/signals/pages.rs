//! The log's page: a question, a picture of when, the rows; and one artifact.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use inventory::{Answer, Ask, AskError};
use kernel::{Cell, OrgId, Timestamp};
use query::Refused;
use store::Tx;
use sync::FirstReading;
use ui::query::QUESTION_MAX;
use ui::{
    Button, Card, Choice, Empty, Field, Foot, Histogram, Icon, Kind, Layout, Markup, Place, QueryBox, Row, Slot, Table,
    Term, html,
};

use super::load;
use crate::fields::{Asked, Fields, address};
use crate::inventories::{ROWS, Total, attributes, count, text};
use crate::kept::Kept;
use crate::{App, Problem, Visitor, integrations, respond};

/// Columns of the picture.
const SLOTS: i64 = 24;
/// How far back one may look: what is posted, what is read, seconds.
const SPANS: [(&str, &str, i64); 4] = [
    ("1h", "Last hour", 3_600),
    ("24h", "Last day", 86_400),
    ("7d", "Last 7 days", 604_800),
    ("30d", "Last 30 days", 2_592_000),
];
/// The span if nobody says.
const SPAN: usize = 2;
/// Streams that are offered to choose from.
const STREAMS: usize = 64;
/// Fields of a row.
const FIELDS: [&str; 8] = ["id", "name", "seq", "observed_at", "stream", "op", "version", "source_time"];

/// What is asked of the log.
struct Asking {
    text: String,
    stream: String,
    /// A span of the list, or nothing if borders are given.
    span: Option<usize>,
    from: Timestamp,
    to: Timestamp,
    after: Option<String>,
}

impl Asking {
    fn read(asked: &Fields, now: Timestamp) -> Result<Asking, Problem> {
        let text = asked.get("q").trim().to_owned();
        if text.chars().count() > QUESTION_MAX {
            return Err(Problem::invalid(format!("A question has {QUESTION_MAX} characters at most.")));
        }
        let stream = asked.get("stream").trim().to_owned();
        if !stream.chars().all(|char| char.is_ascii_lowercase() || char == '_') {
            return Err(Problem::invalid("There is no such stream."));
        }
        let border = |name: &str| asked.opt(name).and_then(|text| Timestamp::parse(text).ok());
        let after = asked.opt("after").filter(|after| !after.is_empty()).map(str::to_owned);
        let span = SPANS.iter().position(|(word, ..)| *word == asked.get("last"));
        if let (Some(from), Some(to), None) = (border("from"), border("to"), span)
            && from < to
        {
            return Ok(Asking { text, stream, span: None, from, to, after });
        }
        let span = span.unwrap_or(SPAN);
        // What is logged in this very instant belongs to it.
        let to = now.plus_seconds(1);
        Ok(Asking { text, stream, span: Some(span), from: to.plus_seconds(-SPANS[span].2), to, after })
    }

    /// The question with its stream, within these numbers of the log.
    fn within(&self, low: i64, high: i64) -> String {
        let mut all = Vec::new();
        if !self.text.is_empty() {
            all.push(format!("({})", self.text));
        }
        if !self.stream.is_empty() {
            all.push(format!("stream:{}", self.stream));
        }
        all.push(format!("seq:>={low} and seq:<{high}"));
        all.join(" and ")
    }

    fn borders(&self) -> Vec<Timestamp> {
        let (from, length) = (self.from.micros(), self.to.micros() - self.from.micros());
        (0..=SLOTS).map(|at| Timestamp::from_micros(from + length / SLOTS * at + length % SLOTS * at / SLOTS)).collect()
    }

    /// What is counted of it: the same for everybody who looks at the same span.
    fn key(&self, org: OrgId) -> (OrgId, String) {
        let time = match self.span {
            Some(span) => SPANS[span].0.to_owned(),
            None => format!("{} {}", self.from, self.to),
        };
        (org, format!("{time}\n{}\n{}", self.stream, self.text))
    }

    /// The address of the same question with something changed.
    fn address(&self, changed: &[(&str, &str)]) -> String {
        let (from, to) = (self.from.to_string(), self.to.to_string());
        let mut kept = vec![("q", self.text.as_str()), ("stream", self.stream.as_str())];
        match self.span {
            Some(span) => kept.push(("last", SPANS[span].0)),
            None => kept.extend([("from", from.as_str()), ("to", to.as_str())]),
        }
        kept.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        kept.extend_from_slice(changed);
        address("/signals", &kept)
    }
}

/// What was counted of the log for its page.
pub(crate) struct Counted {
    total: Total,
    /// The picture's columns: where each begins and ends, and how many there are in it.
    borders: Vec<Timestamp>,
    counts: Vec<u64>,
    streams: Vec<(String, u64)>,
}

impl Counted {
    /// Rows of the log.
    pub(crate) fn rows(&self) -> u64 {
        self.total.of()
    }
}

/// What was counted of large logs, by organization and question.
pub(crate) type Logged = Kept<(OrgId, String), Counted>;

/// What the log answers.
struct Found {
    rows: Answer,
    /// What people call the thing of each row, where its record says so.
    names: Vec<Option<String>>,
    counted: Arc<Counted>,
    /// Consoles that are read for the first time: until then, what is here is a part.
    first: Vec<FirstReading>,
}

/// `GET /signals`; with the header `HX-Target: rows` only what stands in `#rows`.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = app.world.now();
    let asking = Asking::read(&asked, now)?;
    let org = visitor.org;
    let key = asking.key(org);
    let again = (app.clone(), asked.clone());
    let kept = app.logged.shown(&app.world, &key, || async move {
        let (app, asked) = again;
        let now = app.world.now();
        let asking = Asking::read(&asked, now)?;
        app.store.read(move |tx| counted(tx, org, &asking, now)).await
    });
    let is_new = kept.is_none();
    let found = app.store.read(move |tx| Ok::<_, Problem>((find(tx, org, &asking, kept, now)?, asking)));
    let (found, asking) = found.await?;
    let answered = app.world.now();
    let took = u64::try_from((answered.micros() - now.micros()) / 1000).unwrap_or_default();
    let found = match found {
        Ok(found) => found,
        Err(refused) => return Ok(misunderstood(&visitor, &asking, &refused)),
    };
    if is_new {
        app.logged.keep(&key, (now, answered), &found.counted);
    }
    let rows = table(&asking, &found);
    if headers.get("hx-target").is_some_and(|target| target == "rows") {
        return Ok(respond::page(rows));
    }
    let shell = visitor.shell();
    let answer = ui::Answer {
        total: found.counted.total.total(),
        noun: ("artifact", "artifacts"),
        of: found.counted.total.of(),
        exact: found.first.is_empty(),
        took,
        as_of: found.counted.total.at,
        behind: integrations::first_readings(&found.first, &visitor),
        verbs: verbs(&asking),
    };
    let body = html! {
        (crate::inventories::family(Place::Signals, "/signals"))
        (query_box(&asking, false, reading(&found)))
        (narrowing(&asking, &found))
        (answer.render())
        div.card.pad { (picture(&asking, &found).plot()) }
        div #rows { (rows) }
    };
    let lead = html! {
        "Every version of every record, from " (ui::moment(asking.from)) " to " (ui::moment(asking.to)) " UTC, by when Muster logged it."
    };
    let page = ui::Page { layout: Layout::List, lead, body, ..visitor.page(&shell, Place::Signals, "Signals") };
    Ok(respond::page(page.render()))
}

/// The rows, and what they come to: as it is kept, or counted in the same snapshot.
fn find(
    tx: &mut Tx<'_>,
    org: OrgId,
    asking: &Asking,
    kept: Option<Arc<Counted>>,
    now: Timestamp,
) -> Result<Result<Found, Refused>, Problem> {
    // The question alone first: what is wrong with it is shown where it stands.
    let alone = Ask { limit: 1, fields: vec!["seq".to_owned()], ..Ask::new("artifacts", &asking.text, now) };
    match inventory::ask_in(tx, org, &alone) {
        Err(AskError::Refused(refused)) => return Ok(Err(refused)),
        other => other?,
    };
    let (low, high) = (::signals::seq_since(tx, org, asking.from)?, ::signals::seq_since(tx, org, asking.to)?);
    let ask = Ask {
        fields: FIELDS.map(str::to_owned).to_vec(),
        limit: ROWS,
        after: asking.after.clone(),
        ..Ask::new("artifacts", &asking.within(low, high), now)
    };
    let rows = inventory::ask_in(tx, org, &ask)?;
    let counted = match kept {
        Some(kept) => kept,
        None => Arc::new(counted(tx, org, asking, now)?),
    };
    let names = names(tx, org, &rows)?;
    let first = sync::first_readings(tx, org, now)?;
    Ok(Ok(Found { rows, names, counted, first }))
}

/// How many there are in each column of the picture, in each stream, and after each term.
fn counted(tx: &mut Tx<'_>, org: OrgId, asking: &Asking, now: Timestamp) -> Result<Counted, Problem> {
    let borders = asking.borders();
    let numbers = borders.iter().map(|at| ::signals::seq_since(tx, org, *at)).collect::<Result<Vec<_>, _>>()?;
    let counts = numbers.windows(2).map(|two| match two {
        [low, high] if low < high => count(tx, org, "artifacts", &asking.within(*low, *high), now),
        _ => Ok(0),
    });
    let counts = counts.collect::<Result<Vec<_>, Problem>>()?;
    let (low, high) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
    let total = Total::read(tx, org, "artifacts", &asking.within(low, high), now)?;
    let any = Asking { stream: String::new(), text: asking.text.clone(), after: None, ..*asking };
    let by_stream = Ask {
        group_by: vec!["stream".to_owned()],
        limit: STREAMS,
        ..Ask::new("artifacts", &any.within(low, high), now)
    };
    let streams = inventory::ask_in(tx, org, &by_stream)?.table.rows;
    let streams = streams.iter().filter_map(|row| match row.as_slice() {
        [Cell::Text(stream), Cell::Int(count)] => Some((stream.clone(), count.unsigned_abs())),
        _ => None,
    });
    let streams = streams.collect();
    Ok(Counted { total, borders, counts, streams })
}

/// What people call the thing of each row: a computer, a threat, what happened.
fn names(tx: &mut Tx<'_>, org: OrgId, rows: &Answer) -> Result<Vec<Option<String>>, Problem> {
    let seqs: Vec<i64> = rows.table.rows.iter().map(|row| number(row.get(2))).collect();
    let bodies = ::signals::bodies(tx, org, &seqs)?;
    let named = rows.table.rows.iter().zip(bodies);
    let named = named.map(|(row, body)| sync::record_name(text(row.get(4)), text(row.get(1)), &body?));
    Ok(named.collect())
}

fn reading(found: &Found) -> Markup {
    // The borders are numbers of the log; the page says them as times.
    let own = found.counted.total.terms.terms.iter().filter(|term| !term.text.starts_with("seq:"));
    let terms: Vec<Term<'_>> = own
        .enumerate()
        .map(|(at, term)| Term { joins: if at == 0 { "" } else { "and" }, text: &term.text, left: term.count })
        .collect();
    ui::reading(&terms, found.counted.total.of(), "artifacts")
}

fn query_box(asking: &Asking, wrong: bool, reading: Markup) -> Markup {
    let (from, to) = (asking.from.to_string(), asking.to.to_string());
    let mut keep = vec![("stream", asking.stream.as_str())];
    match asking.span {
        Some(span) => keep.push(("last", SPANS[span].0)),
        None => keep.extend([("from", from.as_str()), ("to", to.as_str())]),
    }
    keep.retain(|(_, value)| !value.is_empty());
    QueryBox {
        label: "Search the log",
        action: "/signals",
        value: &asking.text,
        keep: &keep,
        complete: Some("/artifacts/complete"),
        wrong,
        reading,
    }
    .render()
}

/// Which stream, and how far back.
fn narrowing(asking: &Asking, found: &Found) -> Markup {
    let labels: Vec<(String, String)> = found
        .counted
        .streams
        .iter()
        .map(|(stream, count)| (stream.clone(), format!("{}, {}", stream.replace('_', " "), ui::count(*count))))
        .collect();
    let mut streams = vec![Choice { value: "", label: "Every stream", help: "", on: asking.stream.is_empty() }];
    streams.extend(labels.iter().map(|(stream, label)| Choice {
        value: stream,
        label,
        help: "",
        on: *stream == asking.stream,
    }));
    if !asking.stream.is_empty() && !labels.iter().any(|(stream, _)| *stream == asking.stream) {
        streams.push(Choice { value: &asking.stream, label: &asking.stream, help: "", on: true });
    }
    let mut spans: Vec<Choice<'_>> = SPANS
        .iter()
        .enumerate()
        .map(|(at, (word, label, _))| Choice { value: word, label, help: "", on: asking.span == Some(at) })
        .collect();
    if asking.span.is_none() {
        spans.insert(0, Choice { value: "", label: "As chosen in the picture", help: "", on: true });
    }
    let (from, to) = (asking.from.to_string(), asking.to.to_string());
    html! {
        form.line action="/signals" {
            @if !asking.text.is_empty() { input type="hidden" name="q" value=(asking.text); }
            @if asking.span.is_none() {
                input type="hidden" name="from" value=(from);
                input type="hidden" name="to" value=(to);
            }
            (Field { name: "stream", label: "Stream", help: "", error: None, required: true, kind: Kind::Select(&streams) }.render())
            (Field { name: "last", label: "Time", help: "", error: None, required: true, kind: Kind::Select(&spans) }.render())
            (ui::button(&Button { words: "Show", small: true, ..Button::default() }))
        }
    }
}

fn verbs(asking: &Asking) -> Markup {
    let asked = |path: &str| address(path, &[("q", asking.text.as_str())]);
    html! {
        (ui::link_button(&asked("/artifacts"), &Button { words: "Whole log", small: true, ..Button::default() }))
        (ui::menu(&Button { words: "Export", icon: Some(Icon::Download), small: true, ..Button::default() }, "", &html! {
            (ui::item(&asked("/artifacts/export.csv"), "All rows as CSV"))
            (ui::item(&asked("/artifacts/export.json"), "All rows as JSON"))
        }))
    }
}

fn picture<'a>(asking: &Asking, found: &Found) -> Histogram<'a> {
    let counted = &found.counted;
    let length = asking.to.seconds_since(asking.from);
    let slots = counted.borders.windows(2).zip(&counted.counts).filter_map(|(two, count)| {
        let [from, to] = two else { return None };
        let (from_text, to_text) = (from.to_string(), to.to_string());
        let narrow = asking.address(&[("last", ""), ("from", &from_text), ("to", &to_text)]);
        Some(Slot {
            label: label(*from, length),
            count: Some(*count),
            bad: 0,
            href: (*count > 0 && length > SLOTS).then_some(narrow),
        })
    });
    Histogram {
        id: "when",
        heading: "Artifacts by time",
        says: "By when Muster logged them.",
        noun: ("artifact", "artifacts"),
        bad: "",
        rest: "",
        slots: slots.collect(),
    }
}

/// `03:00` within two days, `21 Nov` otherwise; both are parts of the time as it is written, `2026-11-21T03:00:00Z`.
fn label(at: Timestamp, length: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = at.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    if length <= 2 * 86_400 {
        return part(11, 16).to_owned();
    }
    let month = part(5, 7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{} {}", part(8, 10).trim_start_matches('0'), month.unwrap_or(&""))
}

fn table(asking: &Asking, found: &Found) -> Markup {
    let catalogue = inventory::catalogue().inventory("artifacts");
    let hrefs: Vec<String> =
        found.rows.table.rows.iter().map(|row| format!("/signals/{}", number(row.get(2)))).collect();
    let rows = found.rows.table.rows.iter().zip(&hrefs).zip(&found.names).map(|((row, href), name)| Row {
        id: text(row.first()),
        name: name.as_deref().unwrap_or_else(|| text(row.get(1))),
        mono: name.is_none(),
        below: name.as_ref().map_or("", |_| text(row.get(1))),
        href: Some(href),
        cells: FIELDS
            .iter()
            .enumerate()
            .skip(3)
            .filter_map(|(at, name)| {
                let field = catalogue?.field(name)?;
                row.get(at).map(|value| crate::inventories::cell(field, value))
            })
            .collect(),
        ..Row::default()
    });
    let columns = [
        ui::Column::new("Record"),
        ui::Column::new("Logged"),
        ui::Column::new("Stream"),
        ui::Column::new("What happened"),
        ui::Column::number("Version"),
        ui::Column::new("Changed at its source"),
    ];
    let rows: Vec<Row<'_>> = rows.collect();
    let total = found.counted.total.total();
    let range = match rows.len() as u64 {
        0 => String::new(),
        shown => format!("{} of {}", ui::count(shown), ui::noun(total, "artifact", "artifacts")),
    };
    let month = asking.address(&[("last", "30d"), ("from", ""), ("to", "")]);
    let instead = rows.is_empty().then(|| {
        let why = html! { "Nothing that matches was logged in this time." };
        let link = (asking.span != Some(3)).then_some(("Look at the last 30 days", month.as_str()));
        Empty { heading: "No artifact matches", why, link }.render()
    });
    let next = found.rows.next.as_deref().map(|after| asking.address(&[("after", after)]));
    let first = asking.after.as_ref().map(|_| asking.address(&[]));
    Table {
        caption: "Artifacts, the latest first. Times in UTC.",
        columns: columns.to_vec(),
        rows,
        instead,
        foot: Some(Foot { range, previous: first.as_deref(), next: next.as_deref(), verbs: html! {} }),
        ..Table::default()
    }
    .render()
}

fn number(cell: Option<&Cell>) -> i64 {
    match cell {
        Some(Cell::Int(number)) => *number,
        _ => 0,
    }
}

fn misunderstood(visitor: &Visitor, asking: &Asking, refused: &Refused) -> Response {
    let shell = visitor.shell();
    let said = crate::inventories::said(&asking.text, refused);
    let mistakes = crate::inventories::mistakes(&said);
    let error = ui::QueryError { question: &asking.text, mistakes: &mistakes, fix: None, others: &[] };
    let body = html! { (query_box(asking, true, html! {})) (error.render()) div #rows {} };
    let page = ui::Page { layout: Layout::List, body, ..visitor.page(&shell, Place::Signals, "Signals") };
    (StatusCode::UNPROCESSABLE_ENTITY, respond::page(page.render())).into_response()
}

/// `GET /signals/{id}`: one artifact.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let of = app.store.read(move |tx| load(tx, org, &id)).await?;
    let shell = visitor.shell();
    let strip = [
        ("Stream", html! { (of.stream.replace('_', " ")) }),
        ("Record", ui::mono(&of.native_id)),
        ("What happened", html! { (of.op.as_str()) }),
        ("Version", html! { (of.version) }),
        ("Logged", ui::moment(of.observed_at)),
        ("Changed at its source", of.source_time.map_or_else(|| ui::absent("not told"), ui::moment)),
        ("Console", ui::words::name(&of.console_host)),
    ];
    let name = sync::record_name(&of.stream, &of.native_id, &of.raw);
    let sent = attributes(&of.raw);
    let whole = serde_json::from_slice::<serde_json::Value>(&of.raw).ok();
    let whole = whole.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let whole = whole.unwrap_or_else(|| String::from_utf8_lossy(&of.raw).into_owned());
    let others = address("/artifacts", &[("q", &format!("stream:{} and native_id:={}", of.stream, of.native_id))]);
    let aside =
        html! { span.muted { (ui::noun(sent.all.len() as u64 + sent.more as u64, "attribute", "attributes")) } };
    let body = html! {
        (Card { id: "attributes", heading: "As it was sent", aside, body: sent.render(), ..Card::default() }.render())
        details.as-table {
            summary { "The whole record as JSON" }
            pre tabindex="0" { code { (whole) } }
        }
        p.muted.small { "Artifact " (ui::mono(&of.id.to_string())) ", number " (of.seq) " of the log." }
    };
    let page = ui::Page {
        crumbs: &[("Signals", "/signals")],
        facts: ui::strip(&strip),
        actions: ui::link_button(&others, &Button { words: "All its versions", ..Button::default() }),
        body,
        ..visitor.page(&shell, Place::Signals, name.as_deref().unwrap_or(&of.native_id))
    };
    Ok(respond::page(page.render()))
}
