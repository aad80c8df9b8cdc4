//! Why one row is, or is not, in an answer: every part of the question, whether it holds, and the values it met.

use std::fmt::Write;

use kernel::{Cell, Table};
use query::template::Template;
use query::{Asking, Asks, Clause, Column, Field, Inventory, Joint, NothingKnown, prepare};

use super::column::{self, Output};
use super::dictionary::Dictionaries;
use super::{Ask, AskError, Asked, Way, check, find_inventory, residual, walk};
use crate::catalogue::catalogue;
use store::Tx;

/// Elements of a scope that are looked at for the one that comes nearest.
const ELEMENTS_MAX: usize = 2_000;
/// Values of a field that are shown.
const VALUES_SHOWN_MAX: usize = 6;
/// Rows that are named where a name is not enough.
const NAMED_MAX: usize = 5;

/// Why a row is, or is not, in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The row's id.
    pub id: String,
    /// The row's name, if it has one.
    pub name: String,
    /// The question in its normal spelling.
    pub canonical: String,
    /// Whether the row is in the answer.
    pub holds: bool,
    /// The parts of the question, each before its own parts; none if it asks for everything.
    pub parts: Vec<Part>,
}

/// One part of a question, asked of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How deep it is nested.
    pub depth: usize,
    /// Whether it holds.
    pub holds: bool,
    /// The part in its normal spelling.
    pub text: String,
    /// What the row has there, in words: `os is "macOS 14.5"`. Nothing for what only joins other parts.
    pub has: Vec<String>,
    /// For a scope: the parts of its question, asked of the element that comes nearest.
    pub nearest: Vec<Part>,
}

/// Says of one row, by its id or its name, why it is in the answer or not.
///
/// # Errors
/// The question is wrong, no row or several are meant, or the database fails.
pub fn why(tx: &mut Tx<'_>, org: kernel::OrgId, ask: &Ask, row: &str) -> Result<Why, AskError> {
    let inventory = find_inventory(&ask.inventory)?;
    let checked = check(tx, org, inventory, ask, None)?;
    let mut asked = Asked { tx, org, inventory, dictionaries: Dictionaries::default() };
    let key = the_row(&mut asked, row, ask)?;
    let outputs = ["id", "name"].map(|name| Output::named(inventory, name, "--asset"));
    let outputs = outputs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let table = column::fetch(&mut asked, &outputs, &[key])?;
    let shown = |at: usize| table.rows.first().map_or(String::new(), |row| plain(&row[at]));
    let condition = asked.lower(&checked)?;
    let holds = residual::holds_for(&mut asked, &condition, &[key])?.contains(&key);
    let parts = parts(&mut asked, &checked.outline(), key)?;
    Ok(Why { id: shown(0), name: shown(1), canonical: checked.canonical, holds, parts })
}

/// The key of the row with that id or, whole, that name.
fn the_row(asked: &mut Asked<'_, '_>, row: &str, ask: &Ask) -> Result<i64, AskError> {
    let refuse = |message: String, help: Option<String>| AskError::Argument { argument: "--asset", message, help };
    let singular = asked.inventory.singular;
    for text in ["id:={row:text}", "name:={row:text}"] {
        let filled = Template::parse(text).map_err(AskError::from).map(|template| {
            let literal: String = row
                .chars()
                .flat_map(|char| match char {
                    '%' | '*' | '_' | '?' => vec!['\u{1a}'],
                    char => vec![char],
                })
                .collect();
            // Wildcards would find others; each of them is one unknown sign, and the answer is compared again.
            template.fill(&[("row".to_owned(), literal.replace('\u{1a}', "_"))], ask.now)
        })?;
        let Ok(filled) = filled else { return Err(refuse("which one? name its id or its name".to_owned(), None)) };
        let asking = Asking {
            catalogue: catalogue(),
            inventory: asked.inventory.name,
            now: ask.now,
            as_of: None,
            known: &NothingKnown,
        };
        let condition = asked.lower(&prepare(&filled.text, &asking)?)?;
        let sort = walk::Sort::by_key(asked.inventory);
        let keys = walk::walk(asked, &condition, &sort, None, NAMED_MAX + 1, Way::Cheapest)?.keys;
        match keys.as_slice() {
            [] => {}
            [key] => return Ok(*key),
            several => {
                let output = [Output::named(asked.inventory, "id", "--asset")?];
                let ids = column::fetch(asked, &output, several)?;
                let ids: Vec<String> = ids.rows.iter().take(NAMED_MAX).map(|row| plain(&row[0])).collect();
                let message = format!("several {} are called {row:?}", asked.inventory.name);
                return Err(refuse(message, Some(format!("name one by its id: {}", ids.join(", ")))));
            }
        }
    }
    let help = format!("find its id: muster query {row:?} --in {} --fields id,name", asked.inventory.name);
    Err(refuse(format!("there is no {singular} with the id or name {row:?}"), Some(help)))
}

/// Each part, asked of the row with that key.
fn parts(asked: &mut Asked<'_, '_>, clauses: &[Clause], key: i64) -> Result<Vec<Part>, AskError> {
    let mut parts = Vec::new();
    for clause in clauses {
        let condition = asked.lower(&clause.alone)?;
        let holds = residual::holds_for(asked, &condition, &[key])?.contains(&key);
        let (mut has, mut nearest) = (Vec::new(), Vec::new());
        for asks in &clause.asks {
            match asks {
                Asks::Field(name) => has.extend(field_has(asked, name, key)?),
                Asks::Raw(name) => has.extend(named_has(asked, name, key)?),
                Asks::Elements { scope, inventory, each } => {
                    let (words, found) = elements(asked, scope, inventory, each, key)?;
                    has.push(words);
                    nearest.extend(found);
                }
            }
        }
        if clause.joint == Joint::Term && clause.asks.is_empty() {
            has.push(if holds { "holds of everything" } else { "there is nothing to compare it with here" }.to_owned());
        }
        parts.push(Part { depth: clause.depth, holds, text: clause.text.clone(), has, nearest });
    }
    Ok(parts)
}

fn field_has(asked: &mut Asked<'_, '_>, name: &'static str, key: i64) -> Result<Option<String>, AskError> {
    match asked.inventory.field(name).map(|field| &field.column) {
        Some(Column::Words { .. }) => Ok(Some(format!("{name} is searched word by word"))),
        _ => named_has(asked, name, key),
    }
}

/// What the row has in a field or raw attribute, in words.
fn named_has(asked: &mut Asked<'_, '_>, name: &str, key: i64) -> Result<Option<String>, AskError> {
    let Ok(output) = Output::named(asked.inventory, name, "--asset") else { return Ok(None) };
    let table = column::fetch(asked, &[output], &[key])?;
    Ok(table.rows.first().and_then(|row| row.first()).map(|cell| said(name, cell)))
}

fn said(name: &str, cell: &Cell) -> String {
    match cell {
        Cell::Empty => format!("{name} has no value"),
        Cell::List(values) if values.is_empty() => format!("{name} has no value"),
        Cell::List(values) => {
            let shown: Vec<String> = values.iter().take(VALUES_SHOWN_MAX).map(quoted).collect();
            let more = values.len().saturating_sub(VALUES_SHOWN_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{name}{} {}{more}", if values.len() == 1 { " is" } else { ":" }, shown.join(", "))
        }
        cell => format!("{name} is {}", quoted(cell)),
    }
}

fn quoted(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => format!("{text:?}"),
        cell => plain(cell),
    }
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Int(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Cell::Time(at) => at.to_string(),
        Cell::List(cells) => cells.iter().map(plain).collect::<Vec<_>>().join(", "),
    }
}

/// How many elements there are, which comes nearest, and what it has.
fn elements(
    asked: &mut Asked<'_, '_>,
    scope: &str,
    inventory: &str,
    each: &[Clause],
    key: i64,
) -> Result<(String, Vec<Part>), AskError> {
    let (Some(scope), Some(there)) = (asked.inventory.scope(scope), catalogue().inventory(inventory)) else {
        return Ok((String::new(), Vec::new()));
    };
    let from = format!(
        "FROM {} t, {} AND t.org_id = $1 AND t.{} = {key}",
        asked.inventory.base.table,
        column::joined(scope.from).replace("{e}", "e"),
        asked.inventory.base.key
    );
    let count = asked.tx.query_one(&format!("SELECT COUNT(*) {from}"), &[asked.org.into()], |row| row.int(0))?;
    let counted = match count {
        0 => return Ok((format!("it has no {}", there.singular), Vec::new())),
        1 => format!("it has 1 {}", there.singular),
        many => format!("it has {many} {}", there.name),
    };
    if !there.listed {
        return Ok((format!("{counted}{}", unlisted(asked, there, each, &from)?), Vec::new()));
    }
    let keys = asked.tx.query(
        &format!("SELECT DISTINCT e.{} {from} ORDER BY 1 LIMIT {ELEMENTS_MAX}", there.base.key),
        &[asked.org.into()],
        |row| row.int(0),
    )?;
    let dictionaries = std::mem::take(&mut asked.dictionaries);
    let mut inner = Asked { tx: &mut *asked.tx, org: asked.org, inventory: there, dictionaries };
    // The element for which most of the question holds; of several, the first.
    let mut points = vec![0; keys.len()];
    for clause in each.iter().filter(|clause| clause.joint == Joint::Term) {
        let condition = inner.lower(&clause.alone)?;
        let hits = residual::holds_for(&mut inner, &condition, &keys)?;
        for (key, points) in keys.iter().zip(&mut points) {
            *points += usize::from(hits.contains(key));
        }
    }
    let best = points.iter().copied().max().unwrap_or_default();
    let first = points.iter().position(|points| *points == best).filter(|_| !each.is_empty());
    let (mut words, mut found) = (counted, Vec::new());
    if let Some(key) = first.map(|at| keys[at]) {
        let title = said_of(&mut inner, key)?;
        words = format!("{words}; the nearest is {title}");
        found = parts(&mut inner, each, key)?;
    }
    asked.dictionaries = inner.dictionaries;
    Ok((words, found))
}

/// What a row is called.
fn said_of(asked: &mut Asked<'_, '_>, key: i64) -> Result<String, AskError> {
    let outputs = ["name", "id"].map(|name| Output::named(asked.inventory, name, "--asset"));
    let outputs = outputs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let Table { rows, .. } = column::fetch(asked, &outputs, &[key])?;
    Ok(rows.first().map_or(String::new(), |row| match &row[0] {
        Cell::Empty => plain(&row[1]),
        name => format!("{} ({})", quoted(name), plain(&row[1])),
    }))
}

/// The values of elements that are no rows of an answer, such as tags and interfaces: `; key is "owner"`.
fn unlisted(asked: &mut Asked<'_, '_>, there: &Inventory, each: &[Clause], from: &str) -> Result<String, AskError> {
    let mut out = String::new();
    let mut named: Vec<&'static str> = Vec::new();
    for asks in each.iter().flat_map(|clause| &clause.asks) {
        if let Asks::Field(name) = asks
            && !named.contains(name)
        {
            named.push(name);
        }
    }
    for name in named {
        let Some(Field { column, ty, .. }) = catalogue().inventory(there.name).and_then(|there| there.field(name))
        else {
            continue;
        };
        if let Some(cells) = column::of_elements(asked, column, ty, from)? {
            let _ = write!(out, "; {}", said(name, &Cell::List(cells)));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_in_words() {
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(said("os", &text("macOS 14.5")), "os is \"macOS 14.5\"");
        assert_eq!(said("edr.name", &Cell::Empty), "edr.name has no value");
        assert_eq!(said("tag", &Cell::List(vec![text("a")])), "tag is \"a\"");
        let many = (0..8).map(Cell::Int).collect();
        assert_eq!(said("port", &Cell::List(many)), "port: 0, 1, 2, 3, 4, 5 and 2 more");
    }
}
