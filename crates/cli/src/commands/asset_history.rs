//! `muster asset history` and `muster asset retain`: what changed on an asset, and for how long that is known.

use std::collections::BTreeMap;

use clap::Args;
use inventory::correlate::explain::person;
use inventory::history::{self, Changed, Kept, Tell};
use kernel::{AssetId, Cell, IntegrationId, OrgId, Table, Timestamp};

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::terminal::{Terminal, counted};

const ORG: OrgId = OrgId::DEFAULT;

#[derive(Args)]
pub struct History {
    /// Which asset
    pub id: String,
    /// Only what changed since then: an age such as 7d, a day such as 2026-11-01, or an instant
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only this field: os, names, removed, asset (the asset that a record belonged to) ..
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// Each value by itself, those too that came along with a record
    #[arg(long)]
    pub each: bool,
    /// Prints an array of objects, each value by itself
    #[arg(long)]
    pub json: bool,
}

/// Reads an instant as the language does.
pub fn instant(argument: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    query::instant(text, now).ok_or_else(|| {
        Failure::usage(format!("{argument} {text:?} is no moment"))
            .with("Write an age (7d), a day (2026-11-01), an instant (2026-11-01T08:00:00Z) or now-12h.")
    })
}

pub async fn history(global: &Global, history: History, terminal: &Terminal) -> Result<(), Failure> {
    let now = terminal.now();
    let since = history.since.as_deref().map(|text| instant("--since", text, now)).transpose()?;
    let tell = Tell { since, field: history.field, each: history.each || history.json };
    let asked = super::asset_links::asset(global, &history.id).await?;
    let store = Place::new(global)?.open_to_read()?;
    let told = store
        .read(move |tx| Ok::<_, store::StoreError>((history::asset(tx, ORG, asked, &tell)?, history::kept(tx, ORG)?)));
    let (told, kept) = told.await?;
    let integrations = sync::integrations(&store, &jobs::World::real(), ORG).await?;
    let names: BTreeMap<IntegrationId, String> = integrations.into_iter().map(|one| (one.id, one.name)).collect();
    let (asset, changes) = told.ok_or_else(|| nobody(&history.id))?;
    if asset != asked {
        terminal.note(&format!("{asked} was merged into {asset}, whose history follows."));
    }
    let columns = ["at", "field", "before", "after", "integration", "record", "called", "why"];
    // Whoever reads it with a program gets the source's own ids too.
    let sources: &[&str] = if history.json { &["stream", "native_id"] } else { &[] };
    let columns = columns.iter().chain(sources).map(|name| (*name).to_owned()).collect();
    let rows = changes.iter().map(|change| row(change, asset, &names, history.json)).collect();
    let table = Table { columns, rows };
    if history.json {
        return terminal.result(&reports::json::json(&table));
    }
    terminal.table(&table)?;
    let shown = terminal.number(changes.len() as u64);
    // Said below the table, where no width cuts it off.
    let folded = changes.iter().any(|change| change.with.len() > 1);
    let each = if folded { " (--each lists every single one)" } else { "" };
    terminal.note(&format!("{}{each}; {}", counted(changes.len() as u64, "change", &shown), reach(kept, terminal)));
    Ok(())
}

fn nobody(id: &str) -> Failure {
    Failure::new(Exit::Usage, format!("there is no asset {id:?}"))
        .with("Its id is shown by: muster query NAME --fields id,name.")
}

/// What an asset says otherwise since a record came or went: the first value, which is its name if that changed, and how many more.
fn otherwise(change: &Changed) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let Some((first, more)) = change.with.split_first() else { return String::new() };
    let told = format!("; since then {} {} -> {}", first.field, value(&first.before), value(&first.after));
    match more.len() as u64 {
        0 => told,
        more => format!("{told} and {}", counted(more, "more change", &more.to_string())),
    }
}

/// A change as cells; a program gets each value as it is, a person gets a sentence where a value would say nothing.
fn row(change: &Changed, asset: AssetId, names: &BTreeMap<IntegrationId, String>, raw: bool) -> Vec<Cell> {
    let text = |text: Option<&str>| text.map_or(Cell::Empty, |text| Cell::Text(text.to_owned()));
    let who = change.who.as_ref().map(|who| match who.as_str() {
        "rule" | "tag" => format!("by a {who}"),
        who => format!("by {}", person(who)),
    });
    let integration = names.get(&change.integration).map(String::as_str);
    let after = change.after.as_ref().map(|after| match (change.field.as_str(), integration) {
        (history::FIRST_SEEN, Some(source)) => format!("first seen by {source} with {after}{}", otherwise(change)),
        (history::FIRST_SEEN, None) => format!("first seen with {after}{}", otherwise(change)),
        _ => format!("{after}{}", otherwise(change)),
    });
    let moved = change.came_or_went(asset).filter(|_| !raw);
    let before = change.before.as_deref().filter(|_| moved.is_none());
    let after = moved.map(|moved| format!("{moved}{}", otherwise(change))).or(after);
    let record = match change.moved.len() {
        0 | 1 => Some(change.record.to_string()).filter(|_| change.record.0 != 0),
        number => Some(counted(number as u64, "record", &number.to_string())),
    };
    let mut cells = vec![
        Cell::Time(change.at),
        text(Some(&change.field)),
        text(before),
        text(after.as_deref()),
        text(integration),
        text(record.as_deref()),
        text(change.called.as_deref()),
        text(change.why().or(who).as_deref()),
    ];
    if raw {
        cells.push(text(Some(change.stream.as_str()).filter(|stream| !stream.is_empty())));
        cells.push(text(Some(change.native_id.as_str()).filter(|id| !id.is_empty())));
    }
    cells
}

/// How far back history goes, in words.
fn reach(kept: Kept, terminal: &Terminal) -> String {
    let since = match kept.complete_since {
        Some(since) => format!("complete since {}", terminal.result_time(since, false)),
        None => "complete from the beginning".to_owned(),
    };
    match kept.days {
        Some(days) => format!("{since}, kept for {}", counted(days.into(), "day", &days.to_string())),
        None => format!("{since}, kept for ever"),
    }
}

#[derive(Args)]
pub struct Retain {
    /// Keeps what changed for so many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep_days: Option<u32>,
    /// Keeps all of it, which is the default
    #[arg(long, conflicts_with = "keep_days")]
    pub keep_everything: bool,
}

pub async fn retain(global: &Global, retain: Retain, terminal: &Terminal) -> Result<(), Failure> {
    let store = Place::new(global)?.open_beside()?;
    let now = terminal.now();
    let change = retain.keep_days.is_some() || retain.keep_everything;
    let set = store.write(move |tx| {
        if change {
            history::keep(tx, ORG, retain.keep_days)?;
        }
        history::kept(tx, ORG)
    });
    let kept = set.await?;
    let words = match kept.days {
        Some(days) => format!("for {}", counted(days.into(), "day", &days.to_string())),
        None => "for ever".to_owned(),
    };
    terminal.result(&format!("History is kept: {words}.\n"))?;
    let mut removed = 0;
    loop {
        let some = store.write(move |tx| history::forget(tx, ORG, now)).await?;
        if some == 0 {
            break;
        }
        removed += some;
    }
    if kept.days.is_some() {
        terminal.result(&format!("Removed {}.\n", counted(removed, "change", &terminal.result_number(removed))))?;
    }
    Ok(())
}
