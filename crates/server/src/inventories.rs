//! Every inventory of the catalogue: a list with its question, completion, export and interface, all from the same code.

mod api;
mod cells;
mod export;
mod hints;
mod pages;
mod record;
mod saved;

use access::Permission;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use inventory::{Answer, Ask, AskError, Want};
use kernel::{Cell, OrgId, Timestamp};
use query::{Column, Inventory};
use serde_json::json;
use store::Tx;

use crate::fields::{Asked, Fields, address};
use crate::kept::Kept;
use crate::openapi::{Operation, Shape};
use crate::route::{Route, Who, api, page};
use crate::{App, Problem, Visitor};

pub(crate) use cells::{called, cell, heading, icon_of_type, inside, quoted, source_icon};
pub(crate) use pages::{family, label, mistakes, said, to};
pub(crate) use record::{Attributes, attributes};

/// Rows of a page of a list.
pub(crate) const ROWS: usize = 25;
/// Rows of an answer of the interface, unless it asks for others.
const API_ROWS: usize = 100;
/// The most rows of an answer of the interface.
const API_ROWS_MAX: usize = 1_000;
/// Columns of one list.
const COLUMNS_MAX: usize = 32;

/// Its routes: six for each inventory, and those of saved queries.
pub fn routes() -> Vec<Route> {
    listed().flat_map(of).chain(saved::routes()).collect()
}

/// The inventories that can be asked about by themselves.
pub(crate) fn listed() -> impl Iterator<Item = &'static Inventory> {
    inventory::catalogue().inventories.iter().filter(|inventory| inventory.listed)
}

fn of(what: &'static Inventory) -> Vec<Route> {
    let name = what.name;
    let who = Who::May(permission(what));
    let list = Operation::new(format!("list_{name}"), "Inventory", format!("Lists {}.", what.prose), api::rows(what))
        .query("q", "A question in the query language; nothing asks for everything.", json!({ "type": "string" }))
        .query(
            "limit",
            "Rows at most.",
            json!({ "type": "integer", "minimum": 1, "maximum": API_ROWS_MAX, "default": API_ROWS }),
        )
        .query("after", "Where the last page ended: its `next`.", json!({ "type": "string" }))
        .query("sort", "The field to sort by; with - before it from the largest.", json!({ "type": "string" }))
        .query("fields", "Fields of the rows, with commas between them.", json!({ "type": "string" }));
    let counted = Operation::new(
        format!("count_{name}"),
        "Inventory",
        format!("Counts {}.", what.prose),
        Shape::of::<api::Count>(),
    )
    .query("q", "A question in the query language; nothing asks for everything.", json!({ "type": "string" }));
    vec![
        page(
            format!("/{name}"),
            who,
            async move |State(app): State<App>, visitor: Visitor, Asked(asked): Asked, headers: HeaderMap| {
                pages::list(&app, &visitor, what, &asked, &headers).await
            },
        ),
        page(
            format!("/{name}/complete"),
            who,
            async move |State(app): State<App>, visitor: Visitor, Asked(asked): Asked| {
                pages::complete(&app, &visitor, what, &asked).await
            },
        ),
        page(
            format!("/{name}/export.csv"),
            who,
            async move |State(app): State<App>, visitor: Visitor, Asked(asked): Asked| {
                export::stream(&app, &visitor, what, &asked, export::Format::Csv).await
            },
        ),
        page(
            format!("/{name}/export.json"),
            who,
            async move |State(app): State<App>, visitor: Visitor, Asked(asked): Asked| {
                export::stream(&app, &visitor, what, &asked, export::Format::Json).await
            },
        ),
        api(
            Method::GET,
            &format!("/{name}"),
            who,
            list,
            async move |State(app): State<App>, visitor: Visitor, Asked(asked): Asked, headers: HeaderMap| {
                api::list(&app, &visitor, what, &asked, &headers).await
            },
        ),
        api(
            Method::GET,
            &format!("/{name}/count"),
            who,
            counted,
            async move |State(app): State<App>, visitor: Visitor, Asked(asked): Asked| {
                api::count(&app, &visitor, what, &asked).await
            },
        ),
    ]
}

/// What it takes to read it.
fn permission(what: &Inventory) -> Permission {
    if what.name == "artifacts" { Permission::ReadSignals } else { Permission::ReadInventory }
}

/// Where a row has a page of its own; nothing if it has none.
pub(crate) fn page_of(what: &Inventory, id: &str) -> Option<String> {
    matches!(what.name, "assets" | "findings").then(|| format!("/{}/{id}", what.name))
}

/// Where the name of a row leads: to its own page, or, of a CVE, to what everybody may read of it.
pub(crate) fn leads_to(what: &Inventory, id: &str, name: &str) -> Option<String> {
    page_of(what, id).or_else(|| cells::about_cve(name).filter(|_| ["vulnerabilities", "cves"].contains(&what.name)))
}

/// A question as it was asked of a list: its text, order, columns and place.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) sort: Option<String>,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) after: Option<String>,
    /// Whether columns were chosen.
    pub(crate) chosen: bool,
}

impl Question {
    /// Reads it. Columns come as `columns=a,b` or as `columns` again and again, as a form sends boxes.
    ///
    /// # Errors
    /// A column is no field of the inventory, or there are too many.
    pub(crate) fn read(what: &'static Inventory, asked: &Fields, columns: &str) -> Result<Question, Problem> {
        let names =
            asked.all(columns).flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let mut chosen = Vec::new();
        for name in names {
            let field = what.field(name).filter(|field| !matches!(field.column, Column::Missing { .. }));
            let Some(field) = field else {
                let known = what.fields.iter().map(|field| field.name);
                let near = inventory::ask::nearest(name, known)
                    .map(|near| format!(" The nearest is {near}."))
                    .unwrap_or_default();
                let name: String = name.chars().take(64).collect();
                return Err(Problem::invalid(format!("There is no field {name} in {}.{near}", what.name)));
            };
            if !chosen.contains(&field.name) {
                chosen.push(field.name);
            }
        }
        if chosen.len() > COLUMNS_MAX {
            return Err(Problem::invalid(format!("A list has {COLUMNS_MAX} columns at most.")));
        }
        let opt = |name: &str| asked.opt(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Question {
            text: asked.get("q").trim().to_owned(),
            sort: opt("sort"),
            after: opt("after"),
            chosen: !chosen.is_empty(),
            columns: if chosen.is_empty() { what.default_fields.to_vec() } else { chosen },
        })
    }

    /// The same as it is put to the inventory, for a page of `limit` rows that begin with their id and name.
    pub(crate) fn ask(&self, what: &Inventory, limit: usize, now: Timestamp) -> Ask {
        Ask {
            fields: ["id", "name"].into_iter().chain(self.columns.iter().copied()).map(str::to_owned).collect(),
            sort: self.sort.clone(),
            after: self.after.clone(),
            limit,
            ..Ask::new(what.name, &self.text, now)
        }
    }

    /// The address of the same list with something changed.
    pub(crate) fn address(&self, path: &str, changed: &[(&str, &str)]) -> String {
        let columns = if self.chosen { self.columns.join(",") } else { String::new() };
        let kept =
            [("q", self.text.as_str()), ("sort", self.sort.as_deref().unwrap_or_default()), ("columns", &columns)];
        let kept = kept.into_iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        let all: Vec<(&str, &str)> = kept.chain(changed.iter().copied()).collect();
        address(path, &all)
    }
}

/// What a question comes to.
pub(crate) struct Total {
    /// As of when.
    pub(crate) at: Timestamp,
    pub(crate) terms: Answer,
}

/// What questions to large inventories came to, by organization, inventory and text.
pub(crate) type Totals = Kept<(OrgId, &'static str, String), Total>;

impl Total {
    /// Counts all rows, and what each term leaves of them.
    pub(crate) fn read(
        tx: &mut Tx<'_>,
        org: OrgId,
        inventory: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<Total, AskError> {
        let terms = inventory::ask_in(tx, org, &Ask { want: Want::Terms, ..Ask::new(inventory, text, now) })?;
        Ok(Total { at: now, terms })
    }

    /// How many rows match.
    pub(crate) fn total(&self) -> u64 {
        self.terms.total.unwrap_or_default()
    }

    /// Out of how many.
    pub(crate) fn of(&self) -> u64 {
        self.terms.of.unwrap_or_default()
    }
}

/// How many rows match.
pub(crate) fn count(tx: &mut Tx<'_>, org: OrgId, inventory: &str, text: &str, now: Timestamp) -> Result<u64, Problem> {
    let ask = Ask { want: Want::Count, ..Ask::new(inventory, text, now) };
    Ok(inventory::ask_in(tx, org, &ask)?.total.unwrap_or_default())
}

/// The text of a cell that holds one.
pub(crate) fn text(cell: Option<&Cell>) -> &str {
    match cell {
        Some(Cell::Text(text)) => text,
        _ => "",
    }
}
