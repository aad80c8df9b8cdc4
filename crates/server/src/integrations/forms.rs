//! Everything about an integration edited later: name, site, rhythm, what is read and what is imported.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{ExplorerId, IntegrationId, OrgId, Timestamp};
use store::Tx;
use sync::explorers::{Explorer, ExplorerError, set_runs_at};
use sync::{Integration, OptionsChange, Run, SyncError};
use ui::{Button, Card, Flash, Fold, Kind, Markup, Place, Tone, Weight, html};

use super::choices::{Part, Values, Wrong, errors, field};
use super::connecting::runs_at;
use super::{at, found, missing};
use crate::explorers::enrolled;
use crate::fields::Sent;
use crate::problem::sentence;
use crate::{App, Problem, Visitor, edit, respond};

/// Collections that are read again so that changed options take hold of what is stored.
const REREAD: [&str; 2] = ["agents", "threats"];

/// What the field for the name of its task is called.
const TASK: &str = "Name of its task";

/// What the form holds.
struct Filled {
    name: String,
    task: String,
    site: String,
    at: String,
    values: Values,
}

impl Filled {
    fn of(of: &Integration) -> Filled {
        let at = of.explorer.map(|id| id.to_string()).unwrap_or_default();
        let task = of.options.task.clone().unwrap_or_default();
        Filled { name: of.name.clone(), task, site: of.site_name.clone(), at, values: Values::of(&of.options) }
    }
}

/// Tells one state of an integration from another, so that a form that was opened before a change says so.
pub(super) fn stamp(of: &Integration) -> String {
    let at = of.explorer.map(|id| id.to_string()).unwrap_or_default();
    let options = serde_json::to_string(&of.options).unwrap_or_default();
    edit::stamp(&[&of.name, &of.site_name, &at, &options])
}

/// The parts that a new integration chooses too: open, or folded up under what they are set to, unless a field of one is wrong.
pub(super) fn parts(values: &Values, wrong: &[Wrong], file: bool, open: bool) -> Markup {
    let fold = |id, heading, part: Part, body| {
        let open = open || wrong.iter().any(|one| part.has(&one.field));
        Fold { id, heading, says: &values.in_words(part), open, body }.render()
    };
    html! {
        @if !file { (fold("schedule-part", "Schedule", Part::Schedule, values.schedule_fields(wrong))) }
        (fold("import-part", "What is imported", Part::Import, values.import_fields(wrong)))
        @if !file { (fold("read-part", "What is read", Part::Read, values.read_fields(wrong))) }
    }
}

/// What its task is called: the field.
fn task_field(task: &str, wrong: &[Wrong]) -> Markup {
    let help = "Unique among tasks; its runs and its log go by it. Left empty, it is the integration's name.";
    field("task", TASK, help, wrong, false, Kind::Text(task))
}

/// The same for a new integration: folded up under what it is, unless it is wrong.
pub(super) fn task_part(task: &str, wrong: &[Wrong]) -> Markup {
    let says = if task.is_empty() { "Called as the integration" } else { task };
    let open = wrong.iter().any(|one| one.field == "task");
    Fold { id: "task-part", heading: "Its task", says, open, body: task_field(task, wrong) }.render()
}

/// What is wrong with the name of its task, if that is what an error is about.
pub(super) fn wrong_task(error: &SyncError, task: &str) -> Option<Wrong> {
    let error = match error {
        SyncError::NameTaken { name, host } if name == task => {
            format!("Another task, of {host}, has this name. Choose another.")
        }
        // A name that is too long is told by its beginning; what begins with a name that cannot be is none either.
        SyncError::BadName { name, why } if task.starts_with(name.as_str()) => {
            format!("This cannot be the name of a task: {why}.")
        }
        _ => return None,
    };
    (!task.is_empty()).then(|| Wrong::new("task", TASK, error))
}

/// `GET /integrations/{id}/edit`
pub(super) async fn edit(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let of = app.store.read(move |tx| found(tx, org, &id, now)).await?.integration;
    let explorers = enrolled(&app, visitor.org).await?;
    Ok(respond::page(drawn(&visitor, (&of, &explorers), &Filled::of(&of), &[], None)))
}

fn drawn(
    visitor: &Visitor,
    (of, explorers): (&Integration, &[Explorer]),
    filled: &Filled,
    wrong: &[Wrong],
    flash: Option<Flash<'_>>,
) -> Markup {
    let home = at(of.id);
    let form = html! {
        div.flow.wide {
            (edit::carries(&stamp(of)))
            (errors(wrong))
            (Card {
                id: "what",
                heading: "Name and place",
                body: html! {
                    (field("name", "Name", "Unique in the organization.", wrong, true, Kind::Text(&filled.name)))
                    (task_field(&filled.task, wrong))
                    (field("site", "Site", "Where assets that only this source knows are made from now on.", wrong, true, Kind::Text(&filled.site)))
                    @if !of.connector.is_file() { (runs_at(explorers, &filled.at, wrong)) }
                },
                ..Card::default()
            }.render())
            (parts(&filled.values, wrong, of.connector.is_file(), true))
            div.line {
                (ui::button(&Button { words: "Save", weight: Weight::Main, ..Button::default() }))
                (ui::link_button(&home, &Button { words: "Leave it as it is", ..Button::default() }))
            }
        }
    };
    let shell = visitor.shell();
    let title = format!("Edit {}", of.name);
    let page = ui::Page {
        crumbs: &[("Integrations", super::HOME), (&of.name, &home)],
        layout: ui::Layout::Narrow,
        flash,
        body: ui::post_folded(visitor.csrf(), &format!("{home}/edit"), &form),
        ..visitor.page(&shell, Place::Integrations, &title)
    };
    page.render()
}

/// `POST /integrations/{id}/edit`
pub(super) async fn edit_sent(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let of = app.store.read(move |tx| found(tx, org, &id, now)).await?.integration;
    let filled = Filled {
        name: sent.get("name").trim().to_owned(),
        task: sent.get("task").trim().to_owned(),
        site: sent.get("site").trim().to_owned(),
        at: sent.get("at").trim().to_owned(),
        values: Values::sent(&sent),
    };
    let explorers = enrolled(&app, visitor.org).await?;
    let again = |status: StatusCode, wrong: &[Wrong], flash: Option<Flash<'_>>| {
        Ok((status, respond::page(drawn(&visitor, (&of, &explorers), &filled, wrong, flash))).into_response())
    };
    let change = match filled.values.change() {
        Ok(change) => change,
        Err(wrong) => return again(StatusCode::UNPROCESSABLE_ENTITY, &wrong, None),
    };
    if sent.get("stamp") != stamp(&of) {
        let flash = Flash {
            tone: Tone::Warn,
            what: "Somebody else changed this integration meanwhile, so nothing was saved.",
            then: "Below is what you entered. Save again to put it in the place of what they chose.",
            link: Some(("What it is now", &at(of.id))),
        };
        return again(StatusCode::CONFLICT, &[], Some(flash));
    }
    // Where there is nothing to choose, it stays where it is.
    let chosen = explorers.iter().find(|one| one.id.to_string() == filled.at).map(|one| one.id);
    let runs_at = (!explorers.is_empty() && !of.connector.is_file()).then_some(chosen);
    let wanted = Wanted {
        name: Some(filled.name.clone()),
        task: Some(filled.task.clone()),
        site: Some(filled.site.clone()),
        change,
        runs_at,
    };
    let (who, of_id) = (visitor.login.clone(), of.id);
    match app.store.write(move |tx| save(tx, org, of_id, &wanted, &who, now)).await {
        Ok(saved) => {
            let what = format!("{} is saved.", saved.of.name);
            let then = if saved.anew {
                "What is stored is judged anew with the next reading, which was asked for."
            } else {
                ""
            };
            Ok(respond::see_other_saying(&at(of.id), Tone::Ok, &what, then))
        }
        Err(error) if let Some(wrong) = wrong_task(&error, &filled.task) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, &[wrong], None)
        }
        Err(SyncError::NameTaken { host, .. }) => {
            let error = format!("Another integration, of {host}, has this name. Choose another.");
            again(StatusCode::UNPROCESSABLE_ENTITY, &[Wrong::new("name", "Name", error)], None)
        }
        Err(error @ SyncError::Explorer(ExplorerError::KeptAt(_) | ExplorerError::NoSuch(_))) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, &[Wrong::new("at", "Runs at", sentence(&error))], None)
        }
        Err(error @ SyncError::BadName { .. }) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, &[Wrong::new("name", "Name", sentence(&error))], None)
        }
        Err(error @ SyncError::Inventory(_)) if filled.site.is_empty() => {
            let _ = error;
            again(StatusCode::UNPROCESSABLE_ENTITY, &[Wrong::new("site", "Site", "Enter the name of a site.")], None)
        }
        Err(error) => Err(missing(error)),
    }
}

/// What is to be different.
pub(super) struct Wanted {
    pub(super) name: Option<String>,
    /// What its task is called; the empty text is the integration's name.
    pub(super) task: Option<String>,
    pub(super) site: Option<String>,
    pub(super) runs_at: Option<Option<ExplorerId>>,
    pub(super) change: OptionsChange,
}

/// What was saved, and whether stored records are to be judged anew.
pub(super) struct Saved {
    pub(super) of: Integration,
    pub(super) anew: bool,
}

/// Saves what was changed in one transaction; where what is imported changed, asks for the readings that take it up.
pub(super) fn save(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    wanted: &Wanted,
    who: &str,
    now: Timestamp,
) -> Result<Saved, SyncError> {
    let before = sync::integration(tx, org, id)?;
    if let Some(name) = &wanted.name {
        sync::rename(tx, org, id, name, who, now)?;
    }
    if let Some(task) = &wanted.task {
        sync::name_task(tx, org, id, task, who, now)?;
    }
    if let Some(site) = wanted.site.as_ref().filter(|site| **site != before.site_name) {
        sync::move_to_site(tx, org, id, site, who, now)?;
    }
    if let Some(at) = wanted.runs_at {
        set_runs_at(tx, org, id, at, who, now)?;
    }
    let name = sync::integration(tx, org, id)?.name;
    let of = sync::configure(tx, org, &name, &wanted.change, who, now)?;
    let anew = of.options.import != before.options.import && of.options.enabled && !of.connector.is_file();
    if anew {
        let streams = REREAD.into_iter().map(str::to_owned).collect();
        sync::nudge(tx, org, &Run { names: vec![name], streams, ..Run::default() }, who, now)?;
    }
    Ok(Saved { of, anew })
}
