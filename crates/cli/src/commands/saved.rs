//! `muster saved`: questions with a name and parameters, those that come with the program and your own.

use clap::Subcommand;
use inventory::saved::{remove_saved, save_query, saved_queries, saved_query, set_saved};
use inventory::{NewSaved, SavedError, SavedQuery};
use kernel::{Cell, OrgId, Table};
use reports::terminal::harmless;
use store::Store;

use crate::arguments::{Format, Global, Query};
use crate::failure::{Exit, Failure};
use crate::place::{Place, word};
use crate::terminal::Terminal;

/// The orders.
#[derive(Subcommand)]
pub enum SavedCommand {
    /// Lists all saved queries
    List {
        /// Prints one JSON object per query
        #[arg(long)]
        json: bool,
    },
    /// Saves a question; a parameter is written {name}, {name=30d} or {name:kind=..}
    #[command(after_help = "\
A parameter stands where a value stands. Without a default it has to be given each time, or set once. Its kind is text, \
number, duration, time, version, flag, any (a list, one of which will do) or all (a list, all of which have to hold).

Examples:
  muster saved add silent 'last_seen:>{age=30d} and os:{os}' --prose 'machines that went silent'
  muster saved run silent os=windows age=7d
  muster query 'saved:stale-agents and site:hq'")]
    Add {
        /// What to call it: small letters, digits and hyphens
        name: String,
        /// The question
        #[arg(value_name = "TEXT", allow_hyphen_values = true)]
        text: String,
        /// What it asks
        #[arg(long = "in", value_name = "INVENTORY", default_value = "assets")]
        inventory: String,
        /// What it is for, in a sentence
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        prose: String,
        /// Takes the place of one of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Shows one: its text, its parameters and what they are at present
    Show {
        /// Which
        name: String,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Asks one
    Run {
        /// Which
        name: String,
        /// Values of its parameters
        #[arg(value_name = "K=V")]
        values: Vec<String>,
        /// Prints how many match, exactly, and nothing else
        #[arg(long)]
        count: bool,
        /// How to print the answer
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
        format: Format,
        /// The same as --format json
        #[arg(long, conflicts_with = "format")]
        json: bool,
        /// How many rows to show. Default: 25
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Sets what parameters are when nobody says; K= takes a setting away
    #[command(after_help = "\
Examples:
  muster saved set missing-required-software required='Google Chrome, 7-Zip'
  muster saved set stale-agents age=30d")]
    Set {
        /// Which
        name: String,
        /// Values of its parameters
        #[arg(value_name = "K=V", required = true)]
        values: Vec<String>,
    },
    /// Removes one; of one that comes with Muster, what was set of it
    Remove {
        /// Which
        name: String,
    },
}

const ORG: OrgId = OrgId::DEFAULT;

pub async fn run(global: &Global, command: SavedCommand, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    match command {
        SavedCommand::List { json } => list(&place.open_to_read()?, json, terminal).await,
        SavedCommand::Show { name, json } => show(&place.open_to_read()?, &name, json, terminal).await,
        SavedCommand::Add { name, text, inventory, prose, replace } => {
            let new = NewSaved { name, inventory, text, prose, replace };
            add(&place, new, terminal).await
        }
        SavedCommand::Run { name, values, count, format, json, limit } => {
            let query = Query { text: None, saved: Some(name), values, count, format, json, limit, ..Query::default() };
            super::query::run(global, query, terminal).await
        }
        SavedCommand::Set { name, values } => set(&place, &name, &values, terminal).await,
        SavedCommand::Remove { name } => remove(&place, &name, terminal).await,
    }
}

/// Reads `days=30d`.
pub fn pairs(values: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |value: &String| match value.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(Failure::usage(format!("{value:?} is no parameter: write it as name=value"))),
    };
    values.iter().map(pair).collect()
}

/// A saved query with its parameters filled in: the inventory that it asks, and the question.
pub async fn filled(
    store: &Store,
    name: &str,
    values: &[String],
    terminal: &Terminal,
) -> Result<(String, String), Failure> {
    let (name, given, now) = (name.to_owned(), pairs(values)?, terminal.now());
    let found = store.read(move |tx| {
        let saved = saved_query(tx, ORG, &name)?;
        let text = saved.filled(&given, now)?;
        Ok::<_, SavedError>((saved.inventory, text))
    });
    found.await.map_err(|error| refused(error, terminal))
}

async fn list(store: &Store, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let all = store.read(|tx| saved_queries(tx, ORG)).await?;
    if json {
        return terminal.result(&reports::json::ndjson(&for_programs(&all)));
    }
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = |saved: &SavedQuery| {
        let whose = saved.made_by.as_deref().unwrap_or("Muster");
        vec![text(&saved.name), text(&saved.inventory), text(&parameters(saved)), text(whose), text(&saved.prose)]
    };
    let columns = ["name", "asks", "parameters", "by", "what it is for"].map(str::to_owned).to_vec();
    terminal.table(&Table { columns, rows: all.iter().map(row).collect() })
}

/// `age=14d os=?`.
fn parameters(saved: &SavedQuery) -> String {
    let shown = saved.parameters.iter().map(|parameter| {
        let value = parameter.default.as_deref().map_or("?".to_owned(), word);
        format!("{}={value}", parameter.name)
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn for_programs(all: &[SavedQuery]) -> Table {
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = |saved: &SavedQuery| {
        let parameters = saved.parameters.iter().map(|parameter| text(&parameter.name)).collect();
        vec![
            text(&saved.name),
            text(&saved.inventory),
            text(&saved.text),
            text(&saved.prose),
            Cell::List(parameters),
            saved.made_by.as_deref().map_or(Cell::Empty, text),
            saved.changed_at.map_or(Cell::Empty, Cell::Time),
        ]
    };
    let columns = ["name", "inventory", "text", "prose", "parameters", "made_by", "changed_at"];
    Table { columns: columns.map(str::to_owned).to_vec(), rows: all.iter().map(row).collect() }
}

async fn show(store: &Store, name: &str, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let name = name.to_owned();
    let saved = store.read(move |tx| saved_query(tx, ORG, &name)).await.map_err(|error| refused(error, terminal))?;
    if json {
        return terminal.result(&reports::json::ndjson(&for_programs(std::slice::from_ref(&saved))));
    }
    let mut told = format!("{}: {}\n", terminal.bold(&saved.name), harmless(&saved.prose));
    told += &format!("  asks       {}\n  question   {}\n", saved.inventory, harmless(&saved.text));
    for parameter in &saved.parameters {
        let value = match (&parameter.default, saved.settings.contains_key(&parameter.name)) {
            (Some(value), true) => format!("{} (set here)", harmless(value)),
            (Some(value), false) => harmless(value).into_owned(),
            (None, _) => "has to be given".to_owned(),
        };
        told += &format!("  {:<10} {value}; {}\n", parameter.name, parameter.kind.wanted());
    }
    terminal.result(&told)
}

async fn add(place: &Place, new: NewSaved, terminal: &Terminal) -> Result<(), Failure> {
    let store = place.open_to_write()?;
    let (who, now, text) = (super::who(), terminal.now(), new.text.clone());
    let name = new.name.clone();
    let saved = store.write(move |tx| save_query(tx, ORG, &new, &who, now)).await;
    saved.map_err(|error| match error {
        SavedError::Refused(refused) => {
            terminal.note(&super::query::mistakes(&text, &refused.problems, terminal));
            Failure::told(Exit::Usage)
        }
        other => refused(other, terminal),
    })?;
    terminal.result(&format!("Saved. Ask it: muster query @{name}, or saved:{name} in any question.\n"))
}

async fn set(place: &Place, name: &str, values: &[String], terminal: &Terminal) -> Result<(), Failure> {
    let store = place.open_to_write()?;
    let (who, now, name, given) = (super::who(), terminal.now(), name.to_owned(), pairs(values)?);
    let set = store.write(move |tx| set_saved(tx, ORG, &name, &given, &who, now)).await;
    let saved = set.map_err(|error| refused(error, terminal))?;
    terminal.result(&format!("{}: {}\n", saved.name, harmless(&parameters(&saved))))
}

async fn remove(place: &Place, name: &str, terminal: &Terminal) -> Result<(), Failure> {
    let store = place.open_to_write()?;
    let (who, now, name) = (super::who(), terminal.now(), name.to_owned());
    let removed = store.write(move |tx| remove_saved(tx, ORG, &name, &who, now)).await;
    let saved = removed.map_err(|error| refused(error, terminal))?;
    terminal.result(&match saved.made_by {
        Some(_) => format!("Removed {}.\n", saved.name),
        None => format!("{} is again as it came with Muster.\n", saved.name),
    })
}

fn refused(error: SavedError, terminal: &Terminal) -> Failure {
    match error {
        SavedError::Store(error) => error.into(),
        SavedError::Refused(refused) => {
            terminal.note(&super::query::mistakes(&refused.text, &refused.problems, terminal));
            Failure::told(Exit::Usage)
        }
        error @ SavedError::Unknown { .. } => {
            Failure::usage(error.to_string()).with("muster saved list shows them all.")
        }
        other => Failure::usage(other.to_string()),
    }
}
