//! Explaining: how a question was understood, and how it is answered.

use std::fmt::Write;

use query::Checked;
use store::{Dialect, StoreError, Tx};

use crate::ask::residual::{COUNT_BODIES_MAX, PAGE_BODIES_MAX};
use crate::ask::walk::{self, Sort};
use crate::ask::{Answer, Ask, AskError, Asked};

/// Describes the answering of a question that was checked and counted.
pub(crate) fn explain(
    asked: &mut Asked<'_, '_>,
    checked: &Checked,
    ask: &Ask,
    answer: &Answer,
) -> Result<String, AskError> {
    let mut out = String::new();
    let mut line = |head: &str, text: &str| {
        writeln!(out, "{head:<9}{text}").expect("writing to memory cannot fail");
    };
    let everything = if checked.canonical.is_empty() { "(everything)" } else { &checked.canonical };
    line("query", everything);
    let sort = Sort::new(asked.inventory, ask.sort.as_deref())?;
    let first = if sort.descending { "largest first" } else { "smallest first" };
    line("asks", &format!("{}, by {}, {first}, then by id", asked.inventory.name, sort.name));
    if let (Some(total), Some(of)) = (answer.total, answer.of) {
        line("finds", &format!("{total} of {of}"));
    }
    if !answer.terms.is_empty() {
        line("", "     left      alone  term");
    }
    for term in &answer.terms {
        let alone = term.alone.map_or(String::new(), |alone| alone.to_string());
        line("", &format!("{:>9}  {alone:>9}  {}", term.count, term.text));
    }
    if !checked.times.is_empty() {
        line("now", &ask.now.to_string());
        for (term, meaning) in &checked.times {
            line("", &format!("{term} is {meaning}"));
        }
    }
    let condition = asked.lower(checked)?;
    line("sql", &condition.sql);
    if signals::within(&condition.sql, 0, 0).is_some() {
        let behind = signals::unindexed_count(asked.tx, asked.org).map_err(crate::InventoryError::from)?;
        line(
            "words",
            &format!("are found by the full-text index; the {behind} artifacts that it lacks were read one by one"),
        );
    }
    if let Some(residual) = &condition.residual {
        let kinds: Vec<String> = residual.bodies.iter().map(|(source, kind)| format!("@{source}.{kind}")).collect();
        line(
            "residual",
            &format!(
                "terms over {} are decided row by row over the raw records that the SQL lets through: at most \
                 {PAGE_BODIES_MAX} for a page (it goes on with --after), {COUNT_BODIES_MAX} for a count",
                kinds.join(", ")
            ),
        );
    } else {
        let (sql, params) = walk::page_sql(asked, &condition, &sort, ask.limit);
        for step in database_plan(asked.tx, &sql, &params)? {
            line("page", &step);
        }
        let (sql, params) = asked.count_sql(&condition);
        for step in database_plan(asked.tx, &sql, &params)? {
            line("count", &step);
        }
    }
    Ok(out)
}

/// What the database says about how it would run a statement.
fn database_plan(tx: &mut Tx<'_>, sql: &str, params: &[kernel::Value<'_>]) -> Result<Vec<String>, StoreError> {
    match tx.dialect() {
        Dialect::Sqlite => tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), params, |row| Ok(row.text(3)?.to_owned())),
        Dialect::Postgres => tx.query(&format!("EXPLAIN {sql}"), params, |row| Ok(row.text(0)?.to_owned())),
    }
}
