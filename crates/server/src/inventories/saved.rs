//! Saved queries: a list, one with its parameters, running it, and what people do with their own.

use access::Permission;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use inventory::saved::{remove_saved, rename_saved, save_query, saved_queries, saved_query, set_saved};
use inventory::{NewSaved, SavedError, SavedQuery};
use kernel::Timestamp;
use query::template::FillError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use ui::{Button, Card, Empty, Field, Icon, Kind, Markup, Place, Row, Table, Tone, Weight, html};

use super::{Question, to};
use crate::fields::{Asked, Fields, Sent, body};
use crate::openapi::{Operation, Shape};
use crate::problem::{capital, sentence};
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, Visitor, listing, respond};

/// Tabs above a list.
const TABS: usize = 5;
/// What the values of parameters are called in forms: `value-age`.
const VALUE: &str = "value-";
/// The path of all of them.
const ALL: &str = "/queries";

/// Its routes.
pub(super) fn routes() -> Vec<Route> {
    let (read, edit) = (Who::May(Permission::ReadInventory), Who::May(Permission::EditAssets));
    let one = |id: &str, summary: &str| {
        Operation::new(id, "Saved queries", summary, Shape::of::<Told>()).path("name", "The query's name.")
    };
    let list = Operation::new("list_queries", "Saved queries", "Lists saved queries.", Shape::of::<All>()).paged();
    let save =
        Operation::new("save_query", "Saved queries", "Saves a query.", Shape::of::<Told>()).sends(Shape::of::<New>());
    let show = one("show_query", "Shows a saved query and its parameters.");
    let change = one("change_query", "Renames a saved query, or sets the values of its parameters.")
        .sends(Shape::of::<Change>());
    let text = || json!({ "type": "string" });
    let rows = Operation::new("run_query", "Saved queries", "Asks a saved query.", super::api::rows_of_any())
        .path("name", "The query's name.")
        .query("values", "Values of its parameters: `age=30d`, with commas between them.", text())
        .query("limit", "Rows of a page.", json!({ "type": "integer", "minimum": 1, "maximum": super::API_ROWS_MAX }))
        .query("after", "Where the last page ended: its `next`.", text())
        .query("sort", "The field to sort by; with - before it from the largest.", text())
        .query("fields", "Fields of the rows, with commas between them.", text());
    let remove = one("remove_query", "Removes a saved query; of one that comes with Muster, what was set of it.");
    vec![
        page(ALL, read, list_page),
        page("/queries/{name}", read, show_page),
        page("/queries/{name}/run", read, run),
        form(ALL, edit, save_sent),
        form("/queries/{name}/set", edit, set_sent),
        form("/queries/{name}/rename", edit, rename_sent),
        form("/queries/{name}/remove", edit, remove_sent),
        api(Method::GET, ALL, read, list, list_api),
        api(Method::POST, ALL, edit, save, save_api),
        api(Method::GET, "/queries/{name}", read, show, show_api),
        api(Method::GET, "/queries/{name}/rows", read, rows, rows_api),
        api(Method::PATCH, "/queries/{name}", edit, change, change_api),
        api(Method::DELETE, "/queries/{name}", edit, remove, remove_api),
    ]
}

fn page_of(name: &str) -> String {
    format!("{ALL}/{name}")
}

/// Where running it leads: to the list with the question, or to its parameters where one has to be given.
pub(super) fn leads(saved: &SavedQuery, now: Timestamp) -> String {
    match saved.filled(&[], now) {
        Ok(text) => to(&saved.inventory, &text),
        Err(_) => page_of(&saved.name),
    }
}

/// The saved queries of an inventory as tabs above its list; behind those of assets the open questions.
pub(super) fn tabs(
    saved: &[SavedQuery],
    what: &query::Inventory,
    question: &Question,
    open: u64,
    now: Timestamp,
) -> Markup {
    let own: Vec<&SavedQuery> = saved.iter().filter(|saved| saved.inventory == what.name).collect();
    if own.is_empty() {
        return html! {};
    }
    let path = format!("/{}", what.name);
    // The organization's own come first: they are what its people look for.
    let (shipped, theirs): (Vec<&SavedQuery>, Vec<&SavedQuery>) = own.iter().partition(|saved| saved.made_by.is_none());
    let shown: Vec<(String, String, bool)> = theirs
        .into_iter()
        .chain(shipped)
        .take(TABS)
        .map(|saved| {
            let asked = saved.filled(&[], now).is_ok_and(|text| text == question.text);
            (called(&saved.name), leads(saved, now), asked)
        })
        .collect();
    let all = format!("All {} saved", own.len());
    let mut tabs =
        vec![ui::Tab { label: "All", href: &path, count: None, current: question.text.is_empty() && !own.is_empty() }];
    tabs.extend(shown.iter().map(|(label, href, current)| ui::Tab { label, href, count: None, current: *current }));
    tabs.push(ui::Tab { label: &all, href: ALL, count: None, current: false });
    if open > 0 {
        let href = crate::assets::questions::HOME;
        tabs.push(ui::Tab { label: "Open questions", href, count: Some(open), current: false });
    }
    ui::tabs("Saved queries", &tabs)
}

/// `stale-agents` is *Stale agents*.
pub(super) fn called(name: &str) -> String {
    super::pages::label(name)
}

/// The menu that saves the question that is asked.
pub(super) fn saving(visitor: &Visitor, what: &query::Inventory, question: &Question) -> Markup {
    let body = ui::post(
        visitor.csrf(),
        ALL,
        &html! {
            input type="hidden" name="inventory" value=(what.name);
            input type="hidden" name="text" value=(question.text);
            (name_field("", None).render())
            (prose_field("").render())
            (ui::button(&Button { words: "Save the question", small: true, ..Button::default() }))
        },
    );
    ui::menu(&Button { words: "Save", icon: Some(Icon::Saved), small: true, ..Button::default() }, "", &body)
}

fn name_field<'a>(value: &'a str, error: Option<&'a str>) -> Field<'a> {
    Field {
        name: "name",
        label: "Name",
        help: "Small letters, digits and hyphens; questions ask it as saved:name.",
        error,
        required: true,
        kind: Kind::Text(value),
    }
}

fn prose_field(value: &str) -> Field<'_> {
    Field { name: "prose", label: "What it is for", help: "", error: None, required: false, kind: Kind::Text(value) }
}

/// `GET /queries`
async fn list_page(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let all = app.store.read(move |tx| saved_queries(tx, org)).await?;
    let shell = visitor.shell();
    let hrefs: Vec<String> = all.iter().map(|saved| page_of(&saved.name)).collect();
    let rows = all.iter().zip(&hrefs).map(|(saved, href)| Row {
        id: &saved.name,
        name: &saved.name,
        href: Some(href),
        mono: true,
        cells: vec![
            ui::Cell::wrap(html! { (capital(&saved.prose)) }),
            ui::Cell::new(html! { (saved.inventory.replace('_', " ")) }),
            ui::Cell::wrap(ui::mono(&parameters(saved))),
            match &saved.made_by {
                Some(who) => ui::Cell::text(who),
                None => ui::Cell::new(html! { span.muted { "Muster" } }),
            },
            ui::Cell::number(ui::link_button(
                &leads(saved, now),
                &Button { words: "Ask", about: &saved.name, small: true, ..Button::default() },
            )),
        ],
        ..Row::default()
    });
    let columns = ["Name", "What it is for", "Asks", "Parameters", "By"].map(ui::Column::new);
    let table = Table {
        caption: "Saved queries, those that come with Muster first.",
        columns: columns.into_iter().chain([ui::Column::verbs()]).collect(),
        rows: rows.collect(),
        ..Table::default()
    };
    let body = Card { id: "saved", heading: "Saved queries", body: table.render(), flush: true, ..Card::default() };
    let lead = html! { "Questions with a name. Every inventory saves the question that it shows." };
    let crumbs = [("Assets", "/assets")];
    let page = visitor.page(&shell, Place::Assets, "Saved queries");
    Ok(respond::page(ui::Page { lead, crumbs: &crumbs, body: body.render(), ..page }.render()))
}

/// `age=14d os=?`
fn parameters(saved: &SavedQuery) -> String {
    let shown = saved.parameters.iter().map(|parameter| {
        let value = parameter.default.as_deref().unwrap_or("?");
        format!("{}={value}", parameter.name)
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// `GET /queries/{name}`
async fn show_page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Result<Response, Problem> {
    let org = visitor.org;
    let saved = app.store.read(move |tx| saved_query(tx, org, &name).map_err(Problem::from)).await?;
    Ok(respond::page(drawn(&visitor, &saved, &Values::default(), &[])))
}

/// What was typed for parameters, and what is wrong with it.
#[derive(Default)]
struct Values(Vec<(String, String)>);

impl Values {
    fn read(fields: &Fields, saved: &SavedQuery) -> Values {
        let given = saved.parameters.iter().filter_map(|parameter| {
            let value = fields.opt(&format!("{VALUE}{}", parameter.name))?;
            Some((parameter.name.clone(), value.trim().to_owned()))
        });
        Values(given.collect())
    }

    fn of<'a>(&'a self, name: &str, default: Option<&'a str>) -> &'a str {
        let typed = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        typed.or(default).unwrap_or_default()
    }

    /// Those that are not empty: an empty one is what it is when nobody says.
    fn given(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).cloned().collect()
    }
}

fn drawn(visitor: &Visitor, saved: &SavedQuery, values: &Values, wrong: &[(String, String)]) -> Markup {
    let shell = visitor.shell();
    let here = page_of(&saved.name);
    let names: Vec<(String, String)> = saved
        .parameters
        .iter()
        .map(|parameter| {
            let help = match &parameter.default {
                Some(default) => {
                    format!("{}; {default} when nobody says.", capital(parameter.kind.wanted()).trim_end_matches('.'))
                }
                None => format!(
                    "{}, such as {}.",
                    capital(parameter.kind.wanted()).trim_end_matches('.'),
                    parameter.kind.example()
                ),
            };
            (format!("{VALUE}{}", parameter.name), help)
        })
        .collect();
    let fields: Vec<Field<'_>> = saved
        .parameters
        .iter()
        .zip(&names)
        .map(|(parameter, (name, help))| Field {
            name,
            label: &parameter.name,
            help,
            error: wrong.iter().find(|(of, _)| *of == parameter.name).map(|(_, why)| why.as_str()),
            required: parameter.default.is_none(),
            kind: Kind::Mono(values.of(&parameter.name, parameter.default.as_deref())),
        })
        .collect();
    let may = visitor.may(Permission::EditAssets);
    let set = format!("{here}/set");
    let ask = html! {
        (ui::errors(&fields))
        form.flow method="get" action={ (here) "/run" } {
            @if may && !fields.is_empty() { (visitor.csrf().field()) }
            @for field in &fields { (field.render()) }
            div.line {
                (ui::button(&Button { words: "Ask", weight: Weight::Main, ..Button::default() }))
                @if may && !fields.is_empty() {
                    button.btn type="submit" formmethod="post" formaction=(set) { "Make these the usual ones" }
                }
            }
        }
    };
    let question = html! {
        p { (ui::mono(&saved.text)) }
        p.muted { "In any question about " (saved.inventory.replace('_', " ")) ": " (ui::mono(&format!("saved:{}", saved.name))) }
    };
    let rename = ui::post(
        visitor.csrf(),
        &format!("{here}/rename"),
        &html! {
            (name_field(&saved.name, None).render())
            (ui::button(&Button { words: "Rename", small: true, ..Button::default() }))
        },
    );
    let own = saved.made_by.is_some();
    let removable = own || !saved.settings.is_empty();
    let remove = ui::Dialog {
        id: "remove",
        question: if own { "Remove this query?" } else { "Take back what was set of it?" },
        body: html! {
            p {
                @if own { "Whoever has its address finds nothing there any more. The question itself can be saved again." }
                @else { "It is again as it came with Muster." }
            }
        },
        safe: "Keep it",
        verb: if own { "Remove" } else { "Take back" },
        danger: own,
        action: &format!("{here}/remove"),
        csrf: visitor.csrf(),
    };
    let body = html! {
        (Card { id: "ask", heading: "Ask it", body: ask, ..Card::default() }.render())
        (Card { id: "question", heading: "The question", body: question, ..Card::default() }.render())
        @if may && own {
            (Card { id: "rename-card", heading: "Its name", body: rename, ..Card::default() }.render())
        }
        @if may && removable {
            div.line {
                (remove.opener(&Button { words: remove.verb, icon: Some(Icon::Bin), weight: Weight::Danger, ..Button::default() }))
            }
            (remove.render())
        }
        @if saved.parameters.is_empty() && !own {
            (Empty { heading: "Nothing can be set of it", why: html! { "It comes with Muster and stays as it is." }, link: None }.render())
        }
    };
    let crumbs = [("Assets", "/assets"), ("Saved queries", ALL)];
    let by = saved.made_by.as_deref().unwrap_or("Muster");
    let lead = html! { (capital(&saved.prose)) " By " (ui::words::name(by)) "." };
    let page = visitor.page(&shell, Place::Assets, &saved.name);
    ui::Page { crumbs: &crumbs, lead, body, ..page }.render()
}

/// `GET /queries/{name}/run`: to the list, with the parameters in their places.
async fn run(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let saved = app.store.read(move |tx| saved_query(tx, org, &name).map_err(Problem::from)).await?;
    let values = Values::read(&asked, &saved);
    match saved.filled(&values.given(), now) {
        Ok(text) => Ok(respond::see_other(&to(&saved.inventory, &text))),
        Err(SavedError::Fill(error)) => Ok(unfit(&visitor, &saved, &values, &error)),
        Err(other) => Err(other.into()),
    }
}

fn unfit(visitor: &Visitor, saved: &SavedQuery, values: &Values, error: &FillError) -> Response {
    let text = error.to_string();
    let about = saved.parameters.iter().find(|parameter| text.contains(&parameter.name));
    let name = about.or(saved.parameters.first()).map(|parameter| parameter.name.clone()).unwrap_or_default();
    let page = drawn(visitor, saved, values, &[(name, sentence(error))]);
    (StatusCode::UNPROCESSABLE_ENTITY, respond::page(page)).into_response()
}

/// `POST /queries`
async fn save_sent(State(app): State<App>, visitor: Visitor, Sent(sent): Sent) -> Result<Response, Problem> {
    let new = NewSaved {
        name: sent.get("name").trim().to_owned(),
        inventory: sent.get("inventory").to_owned(),
        text: sent.get("text").to_owned(),
        prose: sent.get("prose").to_owned(),
        replace: sent.opt("replace").is_some(),
    };
    let name = new.name.clone();
    save(&app, &visitor, new).await?;
    let then = format!("Questions ask it as saved:{name}.");
    Ok(respond::see_other_saying(&page_of(&name), Tone::Ok, "Saved.", &then))
}

async fn save(app: &App, visitor: &Visitor, new: NewSaved) -> Result<(), Problem> {
    let (org, who, now) = (visitor.org, visitor.login.clone(), app.world.now());
    app.store.write(move |tx| save_query(tx, org, &new, &who, now).map_err(Problem::from)).await
}

/// `POST /queries/{name}/set`
async fn set_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, who, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let asked = name.clone();
    let saved = app.store.read(move |tx| saved_query(tx, org, &asked).map_err(Problem::from)).await?;
    let values = Values::read(&sent, &saved);
    let (given, of) = (values.0.clone(), saved.name.clone());
    let done = app.store.write(move |tx| match set_saved(tx, org, &of, &given, &who, now) {
        Ok(_) => Ok(None),
        Err(SavedError::Fill(error)) => Ok(Some(error)),
        Err(other) => Err(Problem::from(other)),
    });
    match done.await? {
        None => {
            let then = "These are its values when nobody says.";
            Ok(respond::see_other_saying(&page_of(&saved.name), Tone::Ok, "Saved.", then))
        }
        Some(error) => Ok(unfit(&visitor, &saved, &values, &error)),
    }
}

/// `POST /queries/{name}/rename`
async fn rename_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, who, now, new) =
        (visitor.org, visitor.login.clone(), app.world.now(), sent.get("name").trim().to_owned());
    let to = page_of(&new);
    app.store.write(move |tx| rename_saved(tx, org, &name, &new, &who, now).map_err(Problem::from)).await?;
    Ok(respond::see_other_saying(&to, Tone::Ok, "Renamed.", "Its old name asks nothing any more."))
}

async fn remove(app: &App, visitor: &Visitor, name: String) -> Result<SavedQuery, Problem> {
    let (org, who, now) = (visitor.org, visitor.login.clone(), app.world.now());
    app.store.write(move |tx| remove_saved(tx, org, &name, &who, now).map_err(Problem::from)).await
}

/// `POST /queries/{name}/remove`
async fn remove_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Sent(_): Sent,
) -> Result<Response, Problem> {
    let removed = remove(&app, &visitor, name).await?;
    let then = match removed.made_by {
        Some(_) => format!("{} is gone.", removed.name),
        None => format!("{} is again as it came with Muster.", removed.name),
    };
    Ok(respond::see_other_saying(ALL, Tone::Ok, "Removed.", &then))
}

/// All saved queries.
#[derive(Debug, Serialize, JsonSchema)]
struct All {
    /// By name.
    items: Vec<Told>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A saved query.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SavedQuery")]
struct Told {
    name: String,
    /// The inventory that it asks.
    inventory: String,
    /// The question, with parameters in braces.
    text: String,
    /// What it is for.
    prose: String,
    parameters: Vec<Parameter>,
    /// Who saved it; nothing if it comes with Muster.
    made_by: Option<String>,
    changed_at: Option<String>,
}

/// What can be set when it is asked.
#[derive(Debug, Serialize, JsonSchema)]
struct Parameter {
    name: String,
    /// What it takes, in words.
    takes: &'static str,
    /// What it is when nobody says; nothing if it has to be given.
    default: Option<String>,
}

/// A query to be saved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct New {
    /// Small letters, digits and hyphens.
    name: String,
    /// The inventory that it asks: assets unless said otherwise.
    inventory: Option<String>,
    /// The question, with parameters in braces.
    text: String,
    /// What it is for.
    #[serde(default)]
    prose: String,
    /// Takes the place of one of the same name.
    #[serde(default)]
    replace: bool,
}

impl Told {
    fn of(saved: SavedQuery) -> Told {
        Told {
            parameters: saved
                .parameters
                .into_iter()
                .map(|of| Parameter { name: of.name, takes: of.kind.wanted(), default: of.default })
                .collect(),
            changed_at: saved.changed_at.map(|at| at.to_string()),
            name: saved.name,
            inventory: saved.inventory,
            text: saved.text,
            prose: saved.prose,
            made_by: saved.made_by,
        }
    }
}

/// `GET /api/v1/queries`
async fn list_api(
    State(app): State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let all = app.store.read(move |tx| saved_queries(tx, org)).await?;
    let (all, next) = listing::page(all, &asked, |saved| saved.name.clone())?;
    Ok(respond::json(&headers, &All { items: all.into_iter().map(Told::of).collect(), next }))
}

/// `GET /api/v1/queries/{name}`
async fn show_api(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let saved = app.store.read(move |tx| saved_query(tx, org, &name).map_err(Problem::from)).await?;
    Ok(respond::json(&headers, &Told::of(saved)))
}

/// `GET /api/v1/queries/{name}/rows`: the list of its inventory, asked what it asks.
async fn rows_api(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let saved = app.store.read(move |tx| saved_query(tx, org, &name).map_err(Problem::from)).await?;
    let given = asked.get("values").split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        pair.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).ok_or_else(|| {
            Problem::invalid(format!(
                "{pair:?} is no value of a parameter: write `name=value`, with commas between them."
            ))
        })
    });
    let given: Vec<(String, String)> = given.collect::<Result<_, _>>()?;
    let text = saved.filled(&given, now)?;
    let what = super::listed().find(|what| what.name == saved.inventory);
    let what = what.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "Not found", "The inventory that it asks is not kept any more.")
    })?;
    let mut question = vec![("q", text.as_str())];
    question.extend(["limit", "after", "sort", "fields"].iter().filter_map(|name| Some((*name, asked.opt(name)?))));
    let question = crate::fields::address("", &question);
    super::api::list(&app, &visitor, what, &Fields::read(question.trim_start_matches('?').as_bytes()), &headers).await
}

/// What is changed of a saved query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Its new name: small letters, digits and hyphens.
    name: Option<String>,
    /// Values of its parameters when nobody says; of one that is left out, the one that it came with.
    values: Option<std::collections::BTreeMap<String, String>>,
}

/// `PATCH /api/v1/queries/{name}`
async fn change_api(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let sent: Change = body(&bytes)?;
    let (org, who, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let changed = app.store.write(move |tx| {
        respond::if_match(&headers, &Told::of(saved_query(tx, org, &name)?))?;
        if let Some(values) = sent.values {
            let values: Vec<(String, String)> = values.into_iter().collect();
            set_saved(tx, org, &name, &values, &who, now)?;
        }
        let mut called = name;
        if let Some(new) = sent.name.filter(|new| *new != called) {
            rename_saved(tx, org, &called, &new, &who, now)?;
            new.trim().clone_into(&mut called);
        }
        Ok::<_, Problem>(Told::of(saved_query(tx, org, &called)?))
    });
    Ok(respond::json(&HeaderMap::new(), &changed.await?))
}

/// `POST /api/v1/queries`
async fn save_api(State(app): State<App>, visitor: Visitor, bytes: Bytes) -> Result<Json<Told>, Problem> {
    let sent: New = body(&bytes)?;
    let inventory = sent.inventory.unwrap_or_else(|| "assets".to_owned());
    let (org, name) = (visitor.org, sent.name.clone());
    let new = NewSaved { name: sent.name, inventory, text: sent.text, prose: sent.prose, replace: sent.replace };
    save(&app, &visitor, new).await?;
    let saved = app.store.read(move |tx| saved_query(tx, org, &name).map_err(Problem::from)).await?;
    Ok(Json(Told::of(saved)))
}

/// `DELETE /api/v1/queries/{name}`
async fn remove_api(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Result<Json<Told>, Problem> {
    Ok(Json(Told::of(remove(&app, &visitor, name).await?)))
}

impl From<SavedError> for Problem {
    fn from(error: SavedError) -> Problem {
        match error {
            SavedError::Store(error) => error.into(),
            SavedError::Refused(refused) => Problem::from(inventory::AskError::Refused(refused)),
            SavedError::Unknown { .. } => Problem::new(StatusCode::NOT_FOUND, "Not found", sentence(&error)),
            SavedError::Taken(_) | SavedError::Shipped(_) | SavedError::Full | SavedError::Asked { .. } => {
                Problem::conflict(sentence(&error))
            }
            other => {
                let field = if matches!(other, SavedError::Prose(_)) { "prose" } else { "name" };
                Problem::wrong(field, sentence(&other))
            }
        }
    }
}
