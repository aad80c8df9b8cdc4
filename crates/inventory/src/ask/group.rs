//! Groups: how many rows have each value of a field, largest first.

use std::collections::HashMap;

use kernel::{Cell, Value};
use query::{Checked, Column, Condition, Type};
use store::Row;

use super::column::{From, Output, compare, fetch, joined, term_cell, texts, typed};
use super::{Answer, Ask, AskError, Asked, limit, released, residual};
use crate::catalogue::{COMPUTED, SITE_NAMES};

/// The name of the column that says how many rows a group has.
pub const COUNT_COLUMN: &str = "count";

/// Groups that one question makes at most; more have no use for people, and grow without bound with the data.
const GROUPS_MAX: usize = 200_000;

/// A field to group by, as SQL can.
struct Part {
    /// The expression that is shown.
    shown: String,
    /// The expression that rows are grouped by, where it is not what is shown: case does not part groups.
    folded: Option<String>,
    ty: Type,
    dictionary: Option<&'static str>,
    /// Where several values come from.
    from: Option<&'static str>,
}

/// Answers with groups and their counts.
pub(super) fn groups(
    asked: &mut Asked<'_, '_>,
    checked: &Checked,
    ask: &Ask,
    answer: &mut Answer,
) -> Result<(), AskError> {
    let limit = limit(ask)?;
    let refuse = |argument, why: &str| {
        let message = format!("{argument} does not go with --group-by: {why}");
        Err(AskError::Argument { argument, message, help: None })
    };
    if ask.after.is_some() {
        return refuse("--after", "groups come in one page; raise --limit");
    }
    if ask.sort.is_some() {
        return refuse("--sort", "groups come with the largest first");
    }
    if !ask.fields.is_empty() {
        return refuse("--fields", "the columns are the groups' fields and their count");
    }
    let outputs: Vec<Output> = ask
        .group_by
        .iter()
        .map(|name| Output::named(asked.inventory, name.trim(), "--group-by"))
        .collect::<Result<_, _>>()?;
    let condition = asked.lower(checked)?;
    let mut tally = match parts(&outputs) {
        Some(parts) if condition.residual.is_none() => by_database(asked, &condition, &parts)?,
        _ => by_hand(asked, &condition, &outputs)?,
    };
    tally.sort_by(|(one, few), (two, many)| {
        let cells = || one.iter().zip(two).map(|(one, two)| compare(one, two)).find(|order| order.is_ne());
        many.cmp(few).then_with(|| cells().unwrap_or(std::cmp::Ordering::Equal))
    });
    answer.groups = Some(tally.len() as u64);
    tally.truncate(limit);
    answer.table.columns = outputs.into_iter().map(|output| output.heading).collect();
    answer.table.columns.push(COUNT_COLUMN.to_owned());
    let row = |(mut cells, count): (Vec<Cell>, i64)| {
        cells.push(Cell::Int(count));
        cells
    };
    answer.table.rows = tally.into_iter().map(row).collect();
    Ok(())
}

/// The fields as SQL groups them; `None` if SQL cannot, or if two of them have several values.
fn parts(outputs: &[Output]) -> Option<Vec<Part>> {
    let parts: Option<Vec<Part>> = outputs.iter().map(part).collect();
    parts.filter(|parts| parts.iter().filter(|part| part.from.is_some()).count() <= 1)
}

fn part(output: &Output) -> Option<Part> {
    let From::Field(field) = output.from else { return None };
    let (column, from) = match &field.column {
        Column::Many { from, value } => (&**value, Some(*from)),
        column => (column, None),
    };
    let at_t = |sql: &str| sql.replace("{t}", "t");
    let ty = field.ty.clone();
    Some(match column {
        // Shown from a column of its own, and every row is a group.
        Column::Term { dictionary, .. } if *dictionary == signals::ARTIFACT_IDS => return None,
        Column::Plain(sql) => Part { shown: at_t(sql), folded: None, ty, dictionary: None, from },
        Column::Folded { text, folded } => {
            Part { shown: format!("MIN({})", at_t(text)), folded: Some(at_t(folded)), ty, dictionary: None, from }
        }
        Column::Term { column, dictionary } => {
            Part { shown: at_t(column), folded: None, ty, dictionary: Some(dictionary), from }
        }
        Column::Words { .. } | Column::Many { .. } | Column::Body { .. } | Column::Missing { .. } => return None,
    })
}

type Tally = Vec<(Vec<Cell>, i64)>;

fn by_database(asked: &mut Asked<'_, '_>, condition: &Condition, parts: &[Part]) -> Result<Tally, AskError> {
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let shown: Vec<&str> = parts.iter().map(|part| part.shown.as_str()).collect();
    let condition_sql = &condition.sql;
    // One more than may be, to see that there are.
    let limit = GROUPS_MAX + 1;
    let mut statements = Vec::new();
    match parts.iter().find_map(|part| part.from) {
        None if parts.iter().all(|part| released::column(&part.shown).is_some()) => {
            statements.push(by_release(table, condition_sql, parts));
        }
        None => statements.push(format!(
            "SELECT COUNT(*), {} FROM {table} t WHERE t.org_id = $1 AND ({condition_sql}){} LIMIT {limit}",
            shown.join(", "),
            grouped(parts, |_| true),
        )),
        Some(from) => {
            statements.push(format!(
                "SELECT COUNT(DISTINCT t.{key}), {} FROM {table} t, {} AND t.org_id = $1 AND ({condition_sql}){} \
                 LIMIT {limit}",
                shown.join(", "),
                joined(from),
                grouped(parts, |_| true),
            ));
            // Rows without any value are a group too, as they are for a field of one value.
            let shown: Vec<&str> =
                parts.iter().map(|part| if part.from.is_some() { "NULL" } else { part.shown.as_str() }).collect();
            statements.push(format!(
                "SELECT COUNT(*), {} FROM {table} t WHERE t.org_id = $1 AND ({condition_sql}) \
                 AND NOT EXISTS (SELECT 1 {}){} LIMIT {limit}",
                shown.join(", "),
                from.replace("{t}", "t"),
                grouped(parts, |part| part.from.is_none()),
            ));
        }
    }
    let params = asked.params(condition);
    let mut rows = Vec::new();
    for sql in statements {
        let read = |row: &Row<'_>| {
            let values: Result<Vec<Value<'static>>, _> =
                (1..=parts.len()).map(|at| row.value(at).map(Value::into_owned)).collect();
            Ok((row.int(0)?, values?))
        };
        rows.extend(asked.tx.query(&sql, &params, read)?);
    }
    if rows.len() > GROUPS_MAX {
        return Err(too_many());
    }
    let terms = terms_of(asked, &rows, parts)?;
    let cell = |(value, part): (Value<'static>, &Part)| match (value, part.dictionary) {
        (Value::Int(number), Some(dictionary)) => term_cell(number, dictionary, &terms),
        (value, _) => typed(value, &part.ty),
    };
    let named = rows.into_iter().filter(|(count, _)| *count > 0);
    Ok(named.map(|(count, values)| (values.into_iter().zip(parts).map(cell).collect(), count)).collect())
}

/// The statement for parts that are all told of the release that a row names: the rows of each release are counted by
/// an index alone, and then there are few.
fn by_release(table: &str, condition: &str, parts: &[Part]) -> String {
    let shown: Vec<String> =
        parts.iter().filter_map(|part| released::column(&part.shown)).map(|column| format!("i.{column}")).collect();
    format!(
        "SELECT CAST(SUM(m.n) AS BIGINT), {} FROM (SELECT t.release_id AS r, COUNT(*) AS n FROM {table} t \
         WHERE t.org_id = $1 AND ({condition}) GROUP BY t.release_id) m \
         LEFT JOIN inventory_release i ON i.org_id = $1 AND i.release_id = m.r{} LIMIT {}",
        shown.join(", "),
        grouped(parts, |_| true),
        GROUPS_MAX + 1
    )
}

/// The GROUP BY over some of the parts. A part is named by its place, since a constant cannot be grouped by otherwise.
fn grouped(parts: &[Part], which: fn(&Part) -> bool) -> String {
    let by = |(at, part): (usize, &Part)| part.folded.clone().unwrap_or_else(|| (at + 2).to_string());
    let by: Vec<String> = parts.iter().enumerate().filter(|(_, part)| which(part)).map(by).collect();
    if by.is_empty() { String::new() } else { format!(" GROUP BY {}", by.join(", ")) }
}

fn terms_of(
    asked: &mut Asked<'_, '_>,
    rows: &[(i64, Vec<Value<'static>>)],
    parts: &[Part],
) -> Result<HashMap<i64, String>, AskError> {
    let numbers = |wanted: &dyn Fn(&str) -> bool| -> Vec<i64> {
        let of_row = |values: &[Value<'static>]| {
            let wanted = values.iter().zip(parts).filter(|(_, part)| part.dictionary.is_some_and(wanted));
            wanted.filter_map(|(value, _)| if let Value::Int(number) = value { Some(*number) } else { None }).collect()
        };
        rows.iter().flat_map(|(_, values)| -> Vec<i64> { of_row(values) }).collect()
    };
    let terms = numbers(&|dictionary| !COMPUTED.contains(&dictionary));
    let sites = numbers(&|dictionary| dictionary == SITE_NAMES);
    texts(asked, &terms, &sites)
}

/// Groups row by row, for what SQL cannot group: raw attributes, residual terms, several lists.
fn by_hand(asked: &mut Asked<'_, '_>, condition: &Condition, outputs: &[Output]) -> Result<Tally, AskError> {
    let mut tally: HashMap<String, (Vec<Cell>, i64)> = HashMap::new();
    residual::each_batch(asked, condition, |asked, keys| {
        for row in fetch(asked, outputs, keys)?.rows {
            for cells in combinations(row) {
                // Case does not part groups, as it does not part them in SQL; the smallest spelling is shown.
                let name = kernel::fold(&format!("{cells:?}")).into_owned();
                let group = tally.entry(name).or_insert_with(|| (cells.clone(), 0));
                group.1 += 1;
                if compare(&Cell::List(cells.clone()), &Cell::List(group.0.clone())).is_lt() {
                    group.0 = cells;
                }
            }
            if tally.len() > GROUPS_MAX {
                return Err(too_many());
            }
        }
        Ok(())
    })?;
    Ok(tally.into_values().collect())
}

fn too_many() -> AskError {
    AskError::TooWide {
        message: format!("this makes more than {GROUPS_MAX} groups; add a term that leaves fewer rows"),
    }
}

/// A row belongs to a group for each value of its lists.
fn combinations(row: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut all = vec![Vec::new()];
    for cell in row {
        let values = match cell {
            Cell::List(mut values) => {
                values.sort_by(compare);
                values.dedup();
                if values.is_empty() { vec![Cell::Empty] } else { values }
            }
            single => vec![single],
        };
        let with = |begun: &Vec<Cell>| {
            let extended = |value: &Cell| begun.iter().cloned().chain([value.clone()]).collect::<Vec<Cell>>();
            values.iter().map(extended).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}
