//! Walking a sort order: keyset pages in either direction, the same on both databases.
//!
//! Rows without a value come first going up and last going down. So that both databases can use a plain index, the
//! order is walked in two stretches, with and without a value, and neither database is asked where it puts its nulls.

use std::collections::BTreeSet;

use kernel::Value;
use query::{Column, Condition, Field, Inventory, Problem};
use store::{Dialect, Row};

use super::{AskError, Asked, Way, nearest, released, residual};
use crate::catalogue::COMPUTED;

/// Rows that the first glance at an order tests at most, for each row of the page. It ends when the page is full.
const GLANCE_ROWS_PER_ROW: usize = 16;

/// Rows that one glance tests at least; a statement costs about as much as testing these.
const GLANCE_ROWS_MIN: usize = 1_024;

/// Rows that one glance tests where it is told to walk whatever that costs.
const FEW_ROWS: usize = 16;

/// Rows that one glance tests at most.
const GLANCE_ROWS_MAX: usize = 1 << 16;

/// What it costs to test a row that has to be read, and one that has to look something up elsewhere besides, in rows
/// that the order's index describes well enough.
const ROW_COST: usize = 5;
const LOOKUP_COST: usize = 10;

/// What testing rows for a page may cost at most, in rows that the index describes: some 30 ms. If it would
/// cost more, as far as can be told, the answer is rare, and is found by its conditions' own indexes. What testing costs
/// does not grow with the inventory, and what finding all costs does.
const WALK_COST_MAX: usize = 120_000;

/// Orders that an index serves, besides that of keys, and columns that are in the index too. In any other order nothing
/// is gained by a glance.
const INDEXED: [(&str, &str, &[&str]); 4] = [
    ("assets", "last_seen", &["os_term", "type_term", "edr_term", "infected", "active", "site_id"]),
    ("assets", "name", &[]),
    ("findings", "identified_at", &[]),
    ("activities", "created_at", &[]),
];

/// In which order an answer comes.
pub(crate) struct Sort {
    /// The field's own name.
    pub(crate) name: &'static str,
    /// The expression, over `t`.
    pub(crate) sql: String,
    /// Whether the largest comes first.
    pub(crate) descending: bool,
}

/// A row's place in a sort order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// The row's key, which decides between equal values.
    pub(super) key: i64,
    /// Its value in the order.
    pub(super) value: Value<'static>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The keys of the rows, in order.
    pub(super) keys: Vec<i64>,
    /// The place after which the next page begins; `None` at the end.
    pub(super) next: Option<Place>,
    /// What the walk could not do.
    pub(super) note: Option<Problem>,
}

/// One stretch of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// The rows without a value.
    Without,
    /// The rows with one.
    With,
}

impl Stretch {
    /// The stretch that a place lies in.
    fn of(place: &Place) -> Stretch {
        if place.value == Value::Null { Stretch::Without } else { Stretch::With }
    }
}

impl Sort {
    /// Reads `--sort`, or takes the inventory's own order.
    pub(crate) fn new(inventory: &'static Inventory, asked: Option<&str>) -> Result<Sort, AskError> {
        let text = asked.unwrap_or(inventory.default_sort).trim();
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let Some(field) = inventory.field(name) else { return Err(unknown(inventory, name)) };
        let Some(sql) = order_by(field) else {
            let reason = match field.column {
                Column::Missing { .. } => "there is nothing in it yet",
                Column::Body { .. } | Column::Words { .. } => "it is only in the raw records",
                _ => "one row may have several",
            };
            return Err(AskError::Argument {
                argument: "--sort",
                message: format!("{} cannot be sorted by {}: {reason}", inventory.name, field.name),
                help: Some(format!("these can: {}", sortable(inventory).join(", "))),
            });
        };
        Ok(Sort { name: field.name, sql, descending })
    }

    /// The order of keys, which every inventory has.
    pub(super) fn by_key(inventory: &Inventory) -> Sort {
        Sort { name: "id", sql: format!("t.{}", inventory.base.key), descending: false }
    }

    /// The stretch that holds every row, in the order of keys.
    pub(super) fn only_stretch(&self) -> Stretch {
        Stretch::With
    }

    /// The stretches in the order in which they are walked, beginning where `after` is.
    pub(super) fn stretches(&self, after: Option<&Place>) -> Vec<(Stretch, Option<Place>)> {
        let order = match self.descending {
            false => [Stretch::Without, Stretch::With],
            true => [Stretch::With, Stretch::Without],
        };
        let Some(after) = after else { return order.map(|stretch| (stretch, None)).to_vec() };
        let here = Stretch::of(after);
        let mut stretches: Vec<_> =
            order.into_iter().skip_while(|stretch| *stretch != here).map(|at| (at, None)).collect();
        stretches[0].1 = Some(after.clone());
        stretches
    }
}

/// The expression that orders rows by a field; `None` if there is none.
fn order_by(field: &Field) -> Option<String> {
    let at_t = |sql: &str| sql.replace("{t}", "t");
    Some(match &field.column {
        Column::Plain(sql) => at_t(sql),
        Column::Folded { folded, .. } => at_t(folded),
        Column::Term { column, dictionary } if !COMPUTED.contains(dictionary) => format!(
            "(SELECT d.folded FROM inventory_term d WHERE d.org_id = t.org_id AND d.term_id = {})",
            at_t(column)
        ),
        Column::Term { column, dictionary } if *dictionary == crate::catalogue::SITE_NAMES => format!(
            "(SELECT s.name_folded FROM inventory_site s WHERE s.org_id = t.org_id AND s.site_id = {})",
            at_t(column)
        ),
        // Public ids sort as the numbers that they are made from.
        Column::Term { column, .. } => at_t(column),
        Column::Words { .. } | Column::Many { .. } | Column::Body { .. } | Column::Missing { .. } => return None,
    })
}

fn sortable(inventory: &Inventory) -> Vec<&'static str> {
    inventory.fields.iter().filter(|field| order_by(field).is_some()).map(|field| field.name).collect()
}

fn unknown(inventory: &Inventory, name: &str) -> AskError {
    let names =
        inventory.fields.iter().flat_map(|field| std::iter::once(field.name).chain(field.aliases.iter().copied()));
    AskError::Argument {
        argument: "--sort",
        message: format!("there is no field {name:?} in {}", inventory.name),
        help: Some(match nearest(name, names) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("these can be sorted by: {}", sortable(inventory).join(", ")),
        }),
    }
}

/// The first `limit` rows after a place that match, in order.
pub(super) fn walk(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    after: Option<&Place>,
    limit: usize,
    way: Way,
) -> Result<Walked, AskError> {
    if condition.residual.is_some() {
        return residual::walk(asked, condition, sort, after, limit);
    }
    let wanted = limit + 1;
    let mut found: Vec<Place> = Vec::new();
    let mut tested = Tested::default();
    let mut walking = way == Way::Walk || (way == Way::Cheapest && sort.is_indexed(asked.inventory));
    for (stretch, mut after) in sort.stretches(after) {
        while found.len() < wanted {
            // Where matches are common, the next rows of the index fill the page. Where they are rare, testing row after
            // row would read the whole table in a bad order: then all that match are found in whatever way is best.
            let missing = wanted - found.len();
            let next = match way {
                Way::Walk => Some(FEW_ROWS),
                Way::Cheapest | Way::Gather => tested.next(found.len(), wanted),
            };
            let Some(rows) = next.filter(|_| walking) else {
                walking = false;
                found.extend(collect(asked, condition, sort, stretch, after.as_ref(), missing)?);
                break;
            };
            let looked = glance(asked, condition, sort, stretch, after.as_ref(), rows, missing)?;
            found.extend(looked.found);
            let Some(end) = looked.end.filter(|_| found.len() < wanted) else { break };
            if tested.rows == 0 && !found.is_empty() {
                tested.cost = cost(asked, condition, sort, stretch, after.as_ref(), rows)?;
            }
            tested.rows += rows;
            after = Some(end);
        }
    }
    Ok(finished(found, limit))
}

/// How many rows were tested, and what a hundred of them cost, in rows that the index describes.
#[derive(Default)]
struct Tested {
    rows: usize,
    cost: usize,
}

impl Tested {
    /// How many rows the next glance tests at most, when so many that were tested match; `None` if the answer is rare.
    fn next(&self, found: usize, wanted: usize) -> Option<usize> {
        let first = (wanted * GLANCE_ROWS_PER_ROW).clamp(GLANCE_ROWS_MIN, GLANCE_ROWS_MAX);
        if self.rows == 0 {
            return Some(first);
        }
        let expected = wanted.saturating_sub(found).saturating_mul(self.rows).checked_div(found)?;
        // A page of many rows may test more: it costs as much to read them.
        let most = WALK_COST_MAX.max(first.saturating_mul(LOOKUP_COST));
        let within = self.rows.saturating_add(expected).saturating_mul(self.cost) / 100 <= most;
        // A quarter more, since another glance costs more than they do; few numbers, so that statements are alike.
        within.then(|| (expected + expected / 4).next_power_of_two().clamp(GLANCE_ROWS_MIN, GLANCE_ROWS_MAX))
    }
}

/// Cuts off the one row too many, which only shows that there is a next page.
fn finished(mut found: Vec<Place>, limit: usize) -> Walked {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().cloned() } else { None };
    Walked { keys: found.iter().map(|place| place.key).collect(), next, note: None }
}

/// What a glance found, and the last row that it tested if there may be more behind it.
struct Looked {
    found: Vec<Place>,
    end: Option<Place>,
}

/// Tests the next `rows` rows of a stretch, until `missing` were found.
fn glance(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
    missing: usize,
) -> Result<Looked, AskError> {
    let narrowed = narrowed(asked, condition, sort, stretch, after, rows)?;
    let (sql, params) = glance_sql(asked, narrowed.as_ref().unwrap_or(condition), sort, stretch, after, rows, missing);
    let found = asked.tx.query(&sql, &params, place)?;
    let end = match found.len() < missing {
        true => last_tested(asked, sort, stretch, after, rows)?,
        false => found.last().cloned(),
    };
    Ok(Looked { found, end })
}

/// The last of the next `rows` rows of a stretch, whether they match or not; `None` if there are fewer.
fn last_tested(
    asked: &mut Asked<'_, '_>,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
) -> Result<Option<Place>, AskError> {
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let mut params = vec![Value::from(asked.org)];
    let bound = sort.bound(stretch, after, key, &mut params);
    let sql = format!(
        "SELECT t.{key}, {} FROM {table} t WHERE t.org_id = $1 AND {bound} ORDER BY {} LIMIT 1 OFFSET {}",
        sort.value(stretch),
        sort.order(stretch, key),
        rows.saturating_sub(1)
    );
    Ok(asked.tx.query_opt(&sql, &params, place)?)
}

/// What testing a hundred rows costs: every one says itself a part of what is asked, in the index or where it stands, and
/// looks up the rest only if that part holds.
fn cost(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
) -> Result<usize, AskError> {
    let (own, lookups) = parts(&condition.sql);
    let in_index = INDEXED.iter().find(|(of, name, _)| *of == asked.inventory.name && *name == sort.name);
    let in_index = in_index.map_or(&[] as &[&str], |(.., columns)| columns);
    let named = columns(&condition.sql);
    let standing = ["org_id", asked.inventory.base.key, sort.sql.trim_start_matches("t.")];
    let described = named.iter().all(|column| in_index.contains(column) || standing.contains(column));
    let each = if described { 100 } else { 100 * ROW_COST };
    if lookups.is_empty() || own.is_empty() {
        return Ok(each + if lookups.is_empty() { 0 } else { 100 * LOOKUP_COST });
    }
    let mut params = asked.params(condition);
    let next = next_rows(asked, condition, sort, stretch, after, rows, &mut params);
    // The whole condition stands there for its parameters alone, each of which has to be somewhere.
    let sql = format!(
        "SELECT COUNT(*), COUNT(CASE WHEN {} THEN 1 END), COUNT(CASE WHEN 1 = 0 THEN CASE WHEN {} THEN 1 END END) FROM {next}",
        own.join(" AND "),
        condition.sql,
    );
    let (all, passed) = asked.tx.query_one(&sql, &params, |row| Ok((row.int(0)?, row.int(1)?)))?;
    let share = usize::try_from(passed * 100 / all.max(1)).unwrap_or(100);
    Ok(each + share * LOOKUP_COST)
}

/// A condition that uses the full-text index, with the part of it that the next rows are in: SQLite would read all that the
/// index finds, to test a few hundred rows.
fn narrowed(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
) -> Result<Option<Condition>, AskError> {
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let by_key = sort.sql == format!("t.{key}");
    if !by_key || asked.tx.dialect() != Dialect::Sqlite || signals::within(&condition.sql, 0, 0).is_none() {
        return Ok(None);
    }
    let mut params = vec![Value::from(asked.org)];
    let place = sort.bound(stretch, after, key, &mut params);
    let ends = format!(
        "SELECT MIN(n.k), MAX(n.k) FROM (SELECT t.{key} AS k FROM {table} t WHERE t.org_id = $1 AND {place} \
         ORDER BY {} LIMIT {rows}) n",
        sort.order(stretch, key)
    );
    let ends = asked.tx.query_one(&ends, &params, |row| Ok(row.opt_int(0)?.zip(row.opt_int(1)?)))?;
    let narrow =
        |(low, high)| Some(Condition { sql: signals::within(&condition.sql, low, high)?, ..condition.clone() });
    Ok(ends.and_then(narrow))
}

fn glance_sql(
    asked: &Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
    missing: usize,
) -> (String, Vec<Value<'static>>) {
    let mut params = asked.params(condition);
    let next = next_rows(asked, condition, sort, stretch, after, rows, &mut params);
    let order = match asked.tx.dialect() {
        // The rows come as the inner order says. Told once more, SQLite would test them all to sort them.
        Dialect::Sqlite => String::new(),
        Dialect::Postgres => format!(" ORDER BY {}", sort.order(stretch, asked.inventory.base.key)),
    };
    // As a CASE it is tested row by row, and not turned into a join over all that matches.
    let sql = format!(
        "SELECT t.{key}, {value} FROM {next} WHERE CASE WHEN {condition} THEN 1 ELSE 0 END = 1{order} LIMIT {missing}",
        key = asked.inventory.base.key,
        value = sort.value(stretch),
        condition = row_by_row(asked, &condition.sql),
    );
    (sql, params)
}

/// The next rows of a stretch as a table `t` of the columns that are needed, so that an index that has them all suffices.
fn next_rows(
    asked: &Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
    params: &mut Vec<Value<'static>>,
) -> String {
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let place = sort.bound(stretch, after, key, params);
    let order = sort.order(stretch, key);
    let all = format!("t.org_id t.{key} {} {}", sort.sql, condition.sql);
    let columns: Vec<String> = columns(&all).into_iter().map(|column| format!("t.{column}")).collect();
    format!(
        "(SELECT {} FROM {table} t WHERE t.org_id = $1 AND {place} ORDER BY {order} LIMIT {rows}) t",
        columns.join(", ")
    )
}

/// The columns of `t` that an expression names.
fn columns(expression: &str) -> BTreeSet<&str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let named = |(at, _): (usize, &str)| {
        let own = at == 0 || !word(expression.as_bytes()[at - 1]);
        let name = &expression[at + 2..];
        let end = name.bytes().position(|byte| !word(byte)).unwrap_or(name.len());
        own.then(|| &name[..end])
    };
    expression.match_indices("t.").filter_map(named).collect()
}

/// The condition as it is best tested of one row after the other: what the row itself says goes first, since it costs
/// nothing and decides most.
fn row_by_row(asked: &Asked<'_, '_>, condition: &str) -> String {
    let ordered = cheap_first(condition);
    match asked.tx.dialect() {
        Dialect::Sqlite => released::row_by_row(&ordered),
        Dialect::Postgres => ordered,
    }
}

/// The parts of a conjunction, those that look something up last.
fn cheap_first(condition: &str) -> String {
    let Some(all) = conjunction(condition) else { return condition.to_owned() };
    let (lookups, mut own): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|part| part.contains("SELECT"));
    own.extend(lookups);
    format!("({})", own.join(" AND "))
}

/// The parts of a conjunction that a row says itself, and those that it has to look up.
fn parts(condition: &str) -> (Vec<&str>, Vec<&str>) {
    let all = conjunction(condition).unwrap_or_else(|| vec![condition]);
    all.into_iter().partition(|part| !part.contains("SELECT"))
}

/// What `AND` joins in a condition that is a conjunction, in parentheses.
fn conjunction(condition: &str) -> Option<Vec<&str>> {
    const AND: &str = " AND ";
    let inside = condition.strip_prefix('(')?.strip_suffix(')')?;
    let (mut parts, mut depth, mut begin, mut at) = (Vec::new(), 0_usize, 0, 0);
    while at < inside.len() {
        let rest = &inside.as_bytes()[at..];
        match rest[0] {
            b'(' => depth += 1,
            // The first and the last parenthesis belong to others.
            b')' => depth = depth.checked_sub(1)?,
            b' ' if depth == 0 && rest.starts_with(b" OR ") => return None,
            b' ' if depth == 0 && rest.starts_with(AND.as_bytes()) && !between(&inside[begin..at]) => {
                parts.push(&inside[begin..at]);
                begin = at + AND.len();
                at = begin;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&inside[begin..]);
    Some(parts)
}

/// Whether the `AND` behind this text belongs to a `BETWEEN`.
fn between(before: &str) -> bool {
    before.rsplit_once(" BETWEEN ").is_some_and(|(_, low)| !low.contains(' '))
}

/// Collects the first rows of a stretch that match, in whatever way the database likes.
fn collect(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<Place>, AskError> {
    let (sql, params) = collect_sql(asked, condition, sort, stretch, after, limit);
    Ok(asked.tx.query(&sql, &params, place)?)
}

fn collect_sql(
    asked: &Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    limit: usize,
) -> (String, Vec<Value<'static>>) {
    let mut params = asked.params(condition);
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let place = match asked.tx.dialect() {
        // Else SQLite would rather begin with the order's index than with what is asked.
        Dialect::Sqlite => Sort { sql: format!("+{}", sort.sql), ..*sort }.bound(stretch, after, key, &mut params),
        Dialect::Postgres => sort.bound(stretch, after, key, &mut params),
    };
    let direction = sort.direction();
    // The inner limit stops both databases from walking the sort index after all.
    let sql = format!(
        "SELECT m.k, m.v FROM (SELECT t.{key} AS k, {value} AS v FROM {table} t \
         WHERE t.org_id = $1 AND {place} AND ({condition}) LIMIT {everything}) m \
         ORDER BY m.v {direction}, m.k {direction} LIMIT {limit}",
        value = sort.value(stretch),
        condition = asked.over_all(condition),
        everything = i64::MAX,
    );
    (sql, params)
}

/// The statement by which a page is looked for first, for explanations.
pub(crate) fn page_sql(
    asked: &Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    limit: usize,
) -> (String, Vec<Value<'static>>) {
    let stretch = sort.stretches(None)[0].0;
    match Tested::default().next(0, limit + 1).filter(|_| sort.is_indexed(asked.inventory)) {
        Some(rows) => glance_sql(asked, condition, sort, stretch, None, rows, limit + 1),
        None => collect_sql(asked, condition, sort, stretch, None, limit + 1),
    }
}

impl Sort {
    /// Whether an index serves this order.
    fn is_indexed(&self, inventory: &Inventory) -> bool {
        self.sql == format!("t.{}", inventory.base.key)
            || INDEXED.iter().any(|(of, name, _)| *of == inventory.name && *name == self.name)
    }

    fn direction(&self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    /// The sort value as it is selected.
    pub(super) fn value(&self, stretch: Stretch) -> &str {
        match stretch {
            Stretch::With => &self.sql,
            Stretch::Without => "NULL",
        }
    }

    /// The order within a stretch, in the words of the index that serves it: nothing is the least on both databases.
    pub(super) fn order(&self, stretch: Stretch, key: &str) -> String {
        let direction = self.direction();
        let by_key = format!("t.{key} {direction}");
        if stretch == Stretch::Without || self.sql == format!("t.{key}") {
            return by_key;
        }
        let nulls = if self.descending { "LAST" } else { "FIRST" };
        format!("{} {direction} NULLS {nulls}, {by_key}", self.sql)
    }

    /// The condition that a row is in the stretch and behind `after`; its parameters are added to `params`.
    pub(super) fn bound(
        &self,
        stretch: Stretch,
        after: Option<&Place>,
        key: &str,
        params: &mut Vec<Value<'static>>,
    ) -> String {
        let sql = &self.sql;
        let than = if self.descending { "<" } else { ">" };
        let mut param = |value: Value<'static>| {
            params.push(value);
            format!("${}", params.len())
        };
        match (stretch, after) {
            (Stretch::With, None) => format!("{sql} IS NOT NULL"),
            (Stretch::Without, None) => format!("{sql} IS NULL"),
            (Stretch::With, Some(after)) => {
                let (value, at) = (param(after.value.clone()), param(Value::Int(after.key)));
                format!("({sql}, t.{key}) {than} ({value}, {at})")
            }
            (Stretch::Without, Some(after)) => {
                let at = param(Value::Int(after.key));
                format!("{sql} IS NULL AND t.{key} {than} {at}")
            }
        }
    }
}

/// Reads a row that begins with its key and its sort value.
pub(super) fn place(row: &Row<'_>) -> Result<Place, store::StoreError> {
    Ok(Place { key: row.int(0)?, value: row.value(1)?.into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_says_itself_is_tested_first() {
        let scope = "EXISTS (SELECT 1 FROM a l WHERE l.x = t.x AND l.y = 1)";
        let looked_up = "(SELECT d.x FROM d WHERE d.y = t.y) BETWEEN 3 AND 9";
        let plain = "(t.a = 1 OR t.b BETWEEN 3 AND 9)";
        for (condition, expected) in [
            (
                format!("({scope} AND t.b BETWEEN 3 AND 9 AND {looked_up} AND {plain})"),
                format!("(t.b BETWEEN 3 AND 9 AND {plain} AND {scope} AND {looked_up})"),
            ),
            (format!("({scope} OR t.a = 1)"), format!("({scope} OR t.a = 1)")),
            (format!("({scope} AND t.a = 1) OR (t.b = 1)"), format!("({scope} AND t.a = 1) OR (t.b = 1)")),
            (scope.to_owned(), scope.to_owned()),
            ("TRUE".to_owned(), "TRUE".to_owned()),
        ] {
            assert_eq!(cheap_first(&condition), expected);
        }
    }

    #[test]
    fn columns_are_those_of_the_row_itself() {
        let condition = "(t.os_term = 5 AND NOT EXISTS (SELECT 1 FROM a l JOIN at t1 ON t1.x = l.x WHERE l.y = t.y))";
        assert_eq!(columns(condition).into_iter().collect::<Vec<_>>(), ["os_term", "y"]);
        assert!(columns("TRUE").is_empty());
    }

    #[test]
    fn walking_goes_on_as_long_as_it_will_fill_the_page_soon() {
        assert_eq!(Tested::default().next(0, 51), Some(1_024));
        assert_eq!(Tested::default().next(0, 10_001), Some(GLANCE_ROWS_MAX));
        let cheap = Tested { rows: 1_024, cost: 100 };
        let dear = Tested { rows: 1_024, cost: 100 * LOOKUP_COST };
        assert_eq!(cheap.next(0, 51), None);
        // One row of a hundred matches.
        assert_eq!(cheap.next(10, 51), Some(8_192));
        assert_eq!(dear.next(10, 51), Some(8_192));
        // One of a thousand.
        assert_eq!(cheap.next(1, 51), Some(GLANCE_ROWS_MAX));
        assert_eq!(dear.next(1, 51), None);
        assert_eq!(Tested { rows: 65_536, cost: 100 }.next(20, 51), None);
        // A page of many rows.
        assert_eq!(Tested { rows: 65_536, cost: 1_000 }.next(5_000, 10_001), None);
        assert_eq!(Tested { rows: 20_000, cost: 1_000 }.next(5_000, 10_001), Some(32_768));
    }
}
