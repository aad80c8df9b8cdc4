//! The page of a list: question, reading, rows, and where to go on.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use access::Permission;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use inventory::field::CustomField;
use inventory::{Answer, AskError, SavedQuery};
use kernel::{AssetId, Timestamp};
use query::{Column, Inventory, Refused, Span};
use sync::FirstReading;
use ui::query::QUESTION_MAX;
use ui::{
    Button, Choice, Empty, Field, Foot, Icon, Kind, Layout, Markup, Mistake, Place, QueryBox, QueryError, Row, Select,
    Sort, Table, Term, html,
};

use super::{Question, ROWS, Total, cell, cells, hints, icon_of_type, leads_to, saved, text};
use crate::fields::{Fields, address};
use crate::problem::{capital, capital_word};
use crate::{App, Problem, Visitor, integrations, respond};

/// Pages back that a list remembers; before them it leads to its beginning.
const TRAIL_MAX: usize = 12;
/// Ways to mend one mistake that are offered.
const FIXES_MAX: usize = 3;
/// What stands between the places of a trail.
const TRAIL_SIGN: char = '~';

/// `GET /{inventory}`; with the header `HX-Target: rows` only what stands in `#rows`.
pub(super) async fn list(
    app: &App,
    visitor: &Visitor,
    what: &'static Inventory,
    asked: &Fields,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let question = Question::read(what, asked, "columns")?;
    if question.text.chars().count() > QUESTION_MAX {
        return Err(Problem::invalid(format!("A question has {QUESTION_MAX} characters at most.")));
    }
    let now = app.world.now();
    let (org, ask, text) = (visitor.org, shown(what, &question, now), question.text.clone());
    let key = (org, what.name, text.clone());
    let (again, anew) = (app.clone(), text.clone());
    let kept = app.totals.shown(&app.world, &key, || async move {
        let now = again.world.now();
        let total = again.store.read(move |tx| Total::read(tx, org, what.name, &anew, now));
        Ok(total.await?)
    });
    let is_new = kept.is_none();
    let names_machines = question.columns.iter().any(|column| cells::MACHINES.contains(column));
    let answered = app.store.read(move |tx| match inventory::ask_in(tx, org, &ask) {
        Err(AskError::Refused(refused)) => Ok(Err(refused)),
        Err(other) => Err(Problem::from(other)),
        Ok(rows) => {
            // Exact, and of one snapshot with the rows, unless that takes too long.
            let total = match kept {
                Some(kept) => kept,
                None => Arc::new(Total::read(tx, org, what.name, &text, now)?),
            };
            let saved = inventory::saved::saved_queries(tx, org)?;
            let fields = if what.name == "assets" { inventory::field::fields(tx, org)? } else { Vec::new() };
            let first = sync::first_readings(tx, org, now)?;
            let open = if what.name == "assets" { inventory::correlate::review::count(tx, org)? } else { 0 };
            let ids: Vec<&str> = rows.table.rows.iter().map(|row| super::text(row.first())).collect();
            let machines =
                if names_machines { inventory::ask::assets_of(tx, org, what, &ids)? } else { HashMap::new() };
            Ok(Ok((rows, total, saved, fields, first, open, machines)))
        }
    });
    let list = match answered.await? {
        Ok((rows, total, saved, fields, first, open, machines)) => {
            let answered = app.world.now();
            if is_new {
                app.totals.keep(&key, (now, answered), &total);
            }
            let took = u64::try_from((answered.micros() - now.micros()) / 1000).unwrap_or_default();
            List {
                visitor,
                what,
                question,
                rows,
                total,
                took,
                now,
                trail: Trail::read(asked),
                saved,
                fields,
                first,
                open,
                machines,
            }
        }
        Err(refused) => return Ok(misunderstood(visitor, what, &question, &refused)),
    };
    if headers.get("hx-target").is_some_and(|target| target == "rows") {
        return Ok(respond::page(list.table()));
    }
    Ok(respond::page(list.page()))
}

/// The field that says whether a person must say which machine it is.
const QUESTION: &str = "question";

fn shown(what: &'static Inventory, question: &Question, now: Timestamp) -> inventory::Ask {
    let mut ask = question.ask(what, ROWS, now);
    // The kind of machine is a glyph before the name, and an open question a mark behind it, whatever columns are shown.
    if what.name == "assets" {
        ask.fields.extend([QUESTION, "type"].map(str::to_owned));
    }
    ask
}

struct List<'a> {
    visitor: &'a Visitor,
    what: &'static Inventory,
    question: Question,
    rows: Answer,
    total: Arc<Total>,
    took: u64,
    now: Timestamp,
    trail: Trail,
    saved: Vec<SavedQuery>,
    fields: Vec<CustomField>,
    /// Consoles that are read for the first time: until then, what is here is a part.
    first: Vec<FirstReading>,
    /// Open questions about which records are one machine.
    open: u64,
    /// The assets that rows are on, by the rows' ids.
    machines: HashMap<String, AssetId>,
}

impl List<'_> {
    fn path(&self) -> String {
        format!("/{}", self.what.name)
    }

    fn page(&self) -> Markup {
        let shell = self.visitor.shell();
        let (total, of) = (self.total.total(), self.total.of());
        let title = title(self.what);
        let lead = html! { (capital(self.what.prose)) };
        let body = html! {
            @if let Some(place) = place_of(self.what).filter(|place| has_family(*place)) { (family(place, &self.path())) }
            @if !matches!(place_of(self.what), Some(Place::Policies | Place::Signals)) {
                (saved::tabs(&self.saved, self.what, &self.question, self.open, self.now))
            }
            (query_box(self.what, &self.question, false, self.reading(of)))
            (ui::Answer {
                total,
                noun: (self.what.singular, plural(self.what)),
                of,
                exact: self.first.is_empty(),
                took: self.took,
                as_of: self.total.at,
                behind: integrations::first_readings(&self.first, self.visitor),
                verbs: self.verbs(),
            }.render())
            (self.asides())
            (notes(&self.rows))
            div #rows { (self.table()) }
        };
        let page = self.visitor.page(&shell, place(self.what), &title);
        ui::Page { place: place_of(self.what), layout: Layout::List, lead, actions: self.connect(), body, ..page }
            .render()
    }

    /// What else a reader should know of the machines of the answer: which are gone, and about which a person is asked.
    fn asides(&self) -> Markup {
        let some = |count: Option<u64>| count.filter(|count| *count > 0);
        let (gone, open) = (some(self.total.terms.gone), some(self.total.terms.in_question));
        let with = |term: &str| {
            let narrowed = inventory::ask::narrowed(&self.question.text, term);
            ui::href(&self.question.address(&self.path(), &[("q", &narrowed)])).to_owned()
        };
        html! {
            @if gone.is_some() || open.is_some() {
                p.muted {
                    @if let Some(gone) = gone {
                        (ui::count(gone)) " of them " (if gone == 1 { "is" } else { "are" }) " gone from every source: "
                        a href=(with("removed:f")) { "leave them out" } ". "
                    }
                    @if let Some(open) = open {
                        (ui::count(open)) " of them " (if open == 1 { "has" } else { "have" }) " an open question: "
                        a href=(with("question:t")) { "see which" } "."
                    }
                }
            }
        }
    }

    /// Where there may be more to see: a source that nobody has connected yet.
    fn connect(&self) -> Markup {
        let offered = self.what.name == "assets" && self.visitor.may(Permission::ManageIntegrations);
        let button = Button { words: "Connect a source", icon: Some(Icon::Plus), ..Button::default() };
        html! { @if offered { (ui::link_button("/integrations/connect", &button)) } }
    }

    fn reading(&self, of: u64) -> Markup {
        let terms: Vec<Term<'_>> = self
            .total
            .terms
            .terms
            .iter()
            .enumerate()
            .map(|(at, term)| Term { joins: if at == 0 { "" } else { "and" }, text: &term.text, left: term.count })
            .collect();
        ui::reading(&terms, of, plural(self.what))
    }

    fn verbs(&self) -> Markup {
        let path = self.path();
        let columns = html! {
            form action=(path) {
                @for (name, value) in [("q", self.question.text.as_str()), ("sort", self.question.sort.as_deref().unwrap_or_default())] {
                    @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
                }
                @for field in self.what.fields.iter().filter(|field| can_be_shown(field)) {
                    label.choice {
                        input type="checkbox" name="columns" value=(field.name) checked[self.question.columns.contains(&field.name)];
                        (label(field.name))
                    }
                }
                div.keys { (ui::button(&Button { words: "Show these", small: true, ..Button::default() })) }
            }
        };
        let export = |ending: &str| self.question.address(&format!("{path}/export.{ending}"), &[]);
        let export = html! {
            (ui::item(&export("csv"), "All rows as CSV"))
            (ui::item(&export("json"), "All rows as JSON"))
        };
        let small = |words: &'static str, icon| Button { words, icon: Some(icon), small: true, ..Button::default() };
        html! {
            @if self.visitor.may(Permission::EditAssets) { (saved::saving(self.visitor, self.what, &self.question)) }
            (ui::menu(&small("Columns", Icon::Columns), "", &columns))
            (ui::menu(&small("Export", Icon::Download), "", &export))
        }
    }

    fn table(&self) -> Markup {
        let fields: Vec<&query::Field> =
            self.question.columns.iter().filter_map(|name| self.what.field(name)).collect();
        let others: Vec<(usize, &query::Field)> = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.name != "name")
            .map(|(at, field)| (at + 2, *field))
            .collect();
        let name = self.what.field("name");
        let first = name.map(|field| self.column(field, &capital_word(self.what.singular))).into_iter();
        let labels: Vec<String> = others.iter().map(|(_, field)| label(field.name)).collect();
        let columns = first.chain(others.iter().zip(&labels).map(|((_, field), label)| self.column(field, label)));
        let columns: Vec<Heading> = columns.collect();
        let hrefs: Vec<Option<String>> =
            self.rows.table.rows.iter().map(|row| leads_to(self.what, text(row.first()), text(row.get(1)))).collect();
        let rows = self.rows.table.rows.iter().zip(&hrefs).map(|(row, href)| Row {
            id: text(row.first()),
            name: Some(text(row.get(1))).filter(|name| !name.is_empty()).unwrap_or("without a name"),
            icon: (self.what.name == "assets").then(|| icon_of_type(text(row.last()))),
            href: href.as_deref(),
            badges: self.mark(row),
            cells: others
                .iter()
                .filter_map(|(at, field)| row.get(*at).map(|value| self.cell(row, field, value)))
                .collect(),
            ..Row::default()
        });
        let rows: Vec<Row<'_>> = rows.collect();
        let total = self.total.total();
        let instead = rows.is_empty().then(|| self.empty());
        let before = self.trail.rows;
        let range = match rows.len() {
            0 => String::new(),
            shown => {
                let (first, last) = (before + 1, before + shown as u64);
                format!("Rows {}–{} of {}{}", ui::count(first), ui::count(last), ui::count(total), self.order())
            }
        };
        let (previous, next) = self.neighbours(rows.len());
        let caption = format!("{}{}. Times in UTC.", title(self.what), self.order());
        Table {
            caption: &caption,
            columns: columns.iter().map(Heading::column).collect(),
            rows,
            instead,
            select: self.selects().then(|| Select { action: "/assets/owner", csrf: self.visitor.csrf() }),
            foot: Some(Foot { range, previous: previous.as_deref(), next: next.as_deref(), verbs: self.chosen() }),
            ..Table::default()
        }
        .render()
    }

    fn cell(&self, row: &[kernel::Cell], field: &query::Field, value: &kernel::Cell) -> ui::Cell {
        match (value, self.machines.get(text(row.first()))) {
            (kernel::Cell::Text(name), Some(asset)) if cells::MACHINES.contains(&field.name) => {
                cells::machine(name, *asset)
            }
            _ => cell(field, value),
        }
    }

    /// What stands behind the name of a machine that a person must tell.
    fn mark(&self, row: &[kernel::Cell]) -> Markup {
        // The field stands before the last, see [`shown`].
        let open = self.what.name == "assets" && row.iter().rev().nth(1) == Some(&kernel::Cell::Bool(true));
        let address = format!("/assets/{}#{}", text(row.first()), crate::assets::questions::ON_ASSET);
        html! { @if open { (ui::badge_link(ui::Tone::Idle, "Open question", &address)) } }
    }

    /// Whether rows can be chosen, to do something with them.
    fn selects(&self) -> bool {
        self.what.name == "assets" && self.visitor.may(Permission::TagAssets) && !self.rows.table.rows.is_empty()
    }

    /// What can be done with the rows that are chosen.
    fn chosen(&self) -> Markup {
        if !self.selects() {
            return html! {};
        }
        let small = |words: &'static str, icon| Button { words, icon: Some(icon), small: true, ..Button::default() };
        let text = |name: &'static str, label: &'static str, help: &'static str| {
            Field { name, label, help, error: None, required: false, kind: Kind::Text("") }.render()
        };
        let choices: Vec<Choice<'_>> = self
            .fields
            .iter()
            .map(|field| Choice { value: &field.key, label: &field.key, help: "", on: false })
            .collect();
        let which = Field {
            name: "field",
            label: "Field",
            help: "",
            error: None,
            required: true,
            kind: Kind::Select(&choices),
        };
        let set = |words: &'static str, action: &'static str| {
            ui::button(&Button { words, action: Some(action), small: true, ..Button::default() })
        };
        html! {
            input type="hidden" name="back" value=(self.visitor.here);
            (ui::menu(&small("Owner", Icon::Person), "", &html! {
                (text("owner", "Owner", "Empty: the rules decide again."))
                (set("Set the owner", "/assets/owner"))
            }))
            @if !choices.is_empty() && self.visitor.may(Permission::EditAssets) {
                (ui::menu(&small("Tag", Icon::Tag), "", &html! {
                    (which.render())
                    (text("value", "Value", "Empty: what tags say shows again."))
                    (set("Set the field", "/assets/field"))
                }))
            }
        }
    }

    fn neighbours(&self, shown: usize) -> (Option<String>, Option<String>) {
        let path = self.path();
        let next = self.rows.next.as_deref().map(|after| {
            let (trail, rows) = self.trail.forward(self.question.after.as_deref(), shown);
            self.question.address(&path, &[("after", after), ("trail", &trail), ("rows", &rows)])
        });
        let previous = self.question.after.as_ref().map(|_| {
            let (after, trail, rows) = self.trail.back();
            self.question.address(&path, &[("after", &after), ("trail", &trail), ("rows", &rows)])
        });
        (previous, next)
    }

    /// The field that rows are in the order of, and whether from the largest.
    fn sorted(&self) -> (bool, &str) {
        let sorted = self.question.sort.as_deref().unwrap_or(self.what.default_sort);
        sorted.strip_prefix('-').map_or((false, sorted), |by| (true, by))
    }

    /// The order in words, where no column that is shown says it.
    fn order(&self) -> String {
        let (descending, by) = self.sorted();
        let Some(field) = self.what.field(by) else { return String::new() };
        if field.name == "name" || self.question.columns.contains(&field.name) {
            return String::new();
        }
        match (field.name, descending) {
            // Ids are given in the order of reading.
            ("id", true) => ", the latest read first".to_owned(),
            ("id", false) => ", the earliest read first".to_owned(),
            (name, true) => format!(", by {} from the largest", label(name)),
            (name, false) => format!(", by {} from the smallest", label(name)),
        }
    }

    fn column(&self, field: &query::Field, label: &str) -> Heading {
        let (descending, by) = self.sorted();
        let sort = (!field.many() && !matches!(field.column, Column::Words { .. })).then(|| {
            let now = match (self.what.field(by).map(|by| by.name) == Some(field.name), descending) {
                (false, _) => Sort::No,
                (true, true) => Sort::Descending,
                (true, false) => Sort::Ascending,
            };
            let other = if now == Sort::Ascending { format!("-{}", field.name) } else { field.name.to_owned() };
            (self.question.address(&self.path(), &[("sort", &other)]), now)
        });
        let number = matches!(field.ty, query::Type::Int | query::Type::Real) && field.name != "port";
        Heading { label: label.to_owned(), number, sort }
    }

    fn empty(&self) -> Markup {
        let of = self.total.of();
        if of == 0 && self.question.text.is_empty() {
            let heading = format!("No {} yet", plural(self.what));
            let why = match self.first.is_empty() {
                true => html! { "Nothing of the kind has been read from a source." },
                false => html! { "Nothing of the kind has been read so far: the first reading is not over." },
            };
            return Empty { heading: &heading, why, link: None }.render();
        }
        let heading = format!("No {} matches, out of {}", self.what.singular, ui::count(of));
        let none = self.total.terms.terms.iter().find(|term| term.count == 0);
        let why = html! {
            @if let Some(term) = none { "From " code { (term.text) } " on there is none left." }
            @else { "There are no more rows behind this place." }
        };
        let path = self.path();
        let plain = of > 0 && hints::is_plain(&self.question.text);
        html! {
            (Empty { heading: &heading, why, link: Some(("Ask for all of them", &path)) }.render())
            @if plain { (hints::render(self.what, &self.saved, &self.question.text, self.now)) }
        }
    }
}

/// A heading that owns its words.
struct Heading {
    label: String,
    number: bool,
    sort: Option<(String, Sort)>,
}

impl Heading {
    fn column(&self) -> ui::Column<'_> {
        let column = if self.number { ui::Column::number(&self.label) } else { ui::Column::new(&self.label) };
        match &self.sort {
            Some((address, now)) => column.sorted(address.clone(), *now),
            None => column,
        }
    }
}

/// How a list came to where it is: the places of the pages before, the latest last, and the rows before this page.
#[derive(Clone, Debug, Default)]
struct Trail {
    places: Vec<String>,
    rows: u64,
}

impl Trail {
    fn read(asked: &Fields) -> Trail {
        let places = asked.get("trail").split(TRAIL_SIGN).map(str::to_owned);
        let places = if asked.get("trail").is_empty() { Vec::new() } else { places.take(TRAIL_MAX).collect() };
        let rows = asked.get("rows").parse().ok().filter(|_| asked.opt("after").is_some()).unwrap_or(0);
        Trail { places, rows }
    }

    /// Trail and rows of the page after one that begins at `here` and shows so many.
    fn forward(&self, here: Option<&str>, shown: usize) -> (String, String) {
        let mut places: Vec<&str> = self.places.iter().map(String::as_str).collect();
        places.extend(here);
        let from = places.len().saturating_sub(TRAIL_MAX);
        (places[from..].join("~"), (self.rows + shown as u64).to_string())
    }

    /// Place, trail and rows of the page before.
    fn back(&self) -> (String, String, String) {
        let Some((last, before)) = self.places.split_last() else { return Default::default() };
        (last.clone(), before.join("~"), self.rows.saturating_sub(ROWS as u64).to_string())
    }
}

fn misunderstood(visitor: &Visitor, what: &'static Inventory, question: &Question, refused: &Refused) -> Response {
    let shell = visitor.shell();
    let title = title(what);
    let path = format!("/{}", what.name);
    let fixes: Vec<(String, String)> = fixes(&question.text, refused)
        .into_iter()
        .map(|(words, mended)| (words, question.address(&path, &[("q", &mended)])))
        .collect();
    let said = said(&question.text, refused);
    let fixes: Vec<(&str, &str)> = fixes.iter().map(|(words, address)| (words.as_str(), address.as_str())).collect();
    let error = QueryError {
        question: &question.text,
        mistakes: &mistakes(&said),
        fix: fixes.first().copied(),
        others: fixes.get(1..).unwrap_or_default(),
    };
    let body = html! {
        (query_box(what, question, true, html! {}))
        (error.render())
        div #rows {}
    };
    let page = visitor.page(&shell, place(what), &title);
    let page = ui::Page { place: place_of(what), layout: Layout::List, body, ..page }.render();
    (StatusCode::UNPROCESSABLE_ENTITY, respond::page(page)).into_response()
}

/// What is wrong with a question, where, in characters; what was only noted does not matter beside it.
pub(crate) fn said(text: &str, refused: &Refused) -> Vec<(Range<usize>, String)> {
    let worst = refused.problems.iter().map(|problem| problem.severity).max();
    let worst = refused.problems.iter().filter(|problem| Some(problem.severity) == worst);
    worst.map(|problem| (characters(text, problem.span), capital(&problem.message))).collect()
}

/// The same, as a card shows it.
pub(crate) fn mistakes(said: &[(Range<usize>, String)]) -> Vec<Mistake<'_>> {
    said.iter().map(|(at, says)| Mistake { at: at.clone(), says }).collect()
}

/// The ways to mend a question, the likeliest first: everything at once with what comes nearest, where each mistake has such a
/// thing; otherwise the first that has.
fn fixes(text: &str, refused: &Refused) -> Vec<(String, String)> {
    let mut near: Vec<&query::Problem> = refused.problems.iter().filter(|one| !one.nearest.is_empty()).collect();
    near.sort_by_key(|one| one.span);
    let [first, second, ..] = near[..] else {
        let only = near.first().into_iter().flat_map(|one| one.nearest.iter().map(|word| (word, one.span)));
        return only
            .take(FIXES_MAX)
            .filter_map(|(word, span)| Some((format!("Use {word}"), put(text, span, word)?)))
            .collect();
    };
    let mended = near.iter().rev().try_fold(text.to_owned(), |text, one| put(&text, one.span, &one.nearest[0]));
    let words = match near.len() {
        2 => format!("Use {} and {}", first.nearest[0], second.nearest[0]),
        more => format!("Use {}, {} and {} more", first.nearest[0], second.nearest[0], more - 2),
    };
    mended.map(|mended| (words, mended)).into_iter().collect()
}

/// A text with something else in a place of it.
fn put(text: &str, span: Span, word: &str) -> Option<String> {
    Some(format!("{}{word}{}", text.get(..span.start)?, text.get(span.end..)?))
}

fn query_box(what: &Inventory, question: &Question, wrong: bool, reading: Markup) -> Markup {
    let (label, action) = (format!("Ask about {}", plural(what)), format!("/{}", what.name));
    let complete = format!("{action}/complete");
    let columns = question.columns.join(",");
    let mut keep = Vec::new();
    keep.extend(question.sort.as_deref().map(|sort| ("sort", sort)));
    keep.extend(question.chosen.then_some(("columns", columns.as_str())));
    QueryBox {
        label: &label,
        action: &action,
        value: &question.text,
        keep: &keep,
        complete: Some(&complete),
        wrong,
        reading,
    }
    .render()
}

fn notes(answer: &Answer) -> Markup {
    html! {
        @for note in &answer.warnings {
            (ui::Flash { tone: ui::Tone::Warn, what: "Understood, with a note.", then: &capital(&note.message), link: None }.render())
        }
    }
}

/// `GET /{inventory}/complete`: what may be typed at a place.
pub(super) async fn complete(
    app: &App,
    visitor: &Visitor,
    what: &'static Inventory,
    asked: &Fields,
) -> Result<Response, Problem> {
    let text: String = asked.get("q").chars().take(QUESTION_MAX).collect();
    let at: usize = asked.get("at").parse().unwrap_or(usize::MAX);
    let cursor = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    let (org, asked) = (visitor.org, text.clone());
    let found = app.store.read(move |tx| inventory::complete(tx, org, what.name, &asked, cursor)).await?;
    let Some(span) = found.first().map(|first| first.span) else { return Ok(respond::page(html! {})) };
    let lines: Vec<ui::Completion<'_>> = found
        .iter()
        .filter(|one| one.span == span)
        .map(|one| ui::Completion { insert: &one.insert, label: &one.insert, kind: "", means: &one.prose, rows: None })
        .collect();
    Ok(respond::page(ui::completions(&lines, &characters(&text, span))))
}

/// A span of bytes, in characters.
fn characters(text: &str, span: Span) -> Range<usize> {
    let count = |byte: usize| text.char_indices().take_while(|(at, _)| *at < byte).count();
    count(span.start)..count(span.end)
}

/// What a list is called: *Console sites*.
fn title(what: &Inventory) -> String {
    match place_of(what) {
        Some(place) if place.path().trim_start_matches('/') == what.name && place != Place::Policies => {
            place.label().to_owned()
        }
        _ => capital_word(plural(what)),
    }
}

fn plural(what: &Inventory) -> &'static str {
    match what.name {
        "software_titles" => "software titles",
        "cves" => "CVEs",
        "console_sites" => "console sites",
        "console_groups" => "console groups",
        other => {
            // Every other name is the plural as it is written.
            inventory::catalogue().inventory(other).map_or("rows", |what| what.name)
        }
    }
}

/// The place of the navigation that a list belongs to.
fn place_of(what: &Inventory) -> Option<Place> {
    let own = format!("/{}", what.name);
    let place = Place::ALL.iter().copied().find(|place| place.path() == own);
    place.or(match what.name {
        "software_titles" => Some(Place::Software),
        "cves" => Some(Place::Vulnerabilities),
        "artifacts" | "activities" => Some(Place::Signals),
        "users" | "accounts" | "console_sites" | "console_groups" => Some(Place::Policies),
        "services" => Some(Place::Assets),
        "sites" => Some(Place::Sites),
        _ => None,
    })
}

/// The pages that share a place of the navigation, as tabs: the tree of policies beside its lists, the log's picture beside
/// what else is told of time, titles beside what is installed.
pub(crate) fn family(place: Place, current: &str) -> Markup {
    let first = match place {
        Place::Policies => Some(("By level", "/policies/tree")),
        Place::Signals => Some(("By time", "/signals")),
        _ => None,
    };
    let lists = super::listed().filter(|what| place_of(what) == Some(place));
    let lists: Vec<(String, String)> = lists.map(|what| (title_alone(what), format!("/{}", what.name))).collect();
    let lists = lists.iter().map(|(label, href)| (label.as_str(), href.as_str()));
    let tabs: Vec<ui::Tab<'_>> = first
        .into_iter()
        .chain(lists)
        .map(|(label, href)| ui::Tab { label, href, count: None, current: href == current })
        .collect();
    ui::tabs(place.label(), &tabs)
}

/// Whether several pages share a place, so that tabs lead from one to the other.
fn has_family(place: Place) -> bool {
    matches!(place, Place::Policies | Place::Signals | Place::Assets | Place::Software | Place::Vulnerabilities)
}

/// What a list is called beside the others of its place.
fn title_alone(what: &Inventory) -> String {
    match what.name {
        "software" => "Installed".to_owned(),
        "software_titles" => "Titles".to_owned(),
        "vulnerabilities" => "Found".to_owned(),
        "cves" => "CVEs".to_owned(),
        name => capital_word(&name.replace('_', " ")),
    }
}

fn place(what: &Inventory) -> Place {
    place_of(what).unwrap_or(Place::Assets)
}

/// A field's name as a heading: `agent.state` is *Agent state*.
pub(crate) fn label(name: &str) -> String {
    match name {
        "os" => "OS".to_owned(),
        "os.version" | "os_version" => "OS version".to_owned(),
        "os.arch" | "os_arch" => "Architecture".to_owned(),
        "hw" => "Hardware".to_owned(),
        "cpu" => "Processor".to_owned(),
        "core_count" => "Cores".to_owned(),
        "memory_mb" => "Memory, MB".to_owned(),
        "sources" | "source" => "Source".to_owned(),
        "id" => "Id".to_owned(),
        "cve" => "CVE".to_owned(),
        "mac" => "MAC".to_owned(),
        "edr.name" => "EDR".to_owned(),
        "agent.name" | "asset_name" => "Machine".to_owned(),
        other => {
            let words = other.trim_end_matches("_at").split(['.', '_', '-']).map(spelled);
            capital_word(&words.collect::<Vec<_>>().join(" "))
        }
    }
}

/// A word as people write it.
fn spelled(word: &str) -> &str {
    match word {
        "sentinelone" => "SentinelOne",
        "os" => "OS",
        "cpu" => "CPU",
        "edr" => "EDR",
        "mac" => "MAC",
        "cve" => "CVE",
        "url" => "URL",
        "uuid" => "UUID",
        "fqdn" => "FQDN",
        other => other,
    }
}

fn can_be_shown(field: &query::Field) -> bool {
    !matches!(field.column, Column::Missing { .. } | Column::Body { .. } | Column::Words { .. }) && field.name != "name"
}

/// A list's address with a question: `/assets?q=..`.
pub(crate) fn to(inventory: &str, question: &str) -> String {
    address(&format!("/{inventory}"), &[("q", question)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_leads_back_page_by_page() {
        let first = Trail::default();
        let (trail, rows) = first.forward(None, 25);
        assert_eq!((trail.as_str(), rows.as_str()), ("", "25"));
        let second = Trail { places: Vec::new(), rows: 25 };
        assert_eq!(second.back(), (String::new(), String::new(), String::new()));
        let (trail, rows) = second.forward(Some("a"), 25);
        let third = Trail::read(&Fields::read(format!("after=b&trail={trail}&rows={rows}").as_bytes()));
        assert_eq!(third.back(), ("a".to_owned(), String::new(), "25".to_owned()));
    }

    #[test]
    fn places_count_characters() {
        assert_eq!(characters("é:x", Span { start: 3, end: 4 }), 2..3);
    }
}
