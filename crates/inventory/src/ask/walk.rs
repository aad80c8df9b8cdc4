//! Walking a sort order: keyset pages in either direction, the same on both databases.
//!
//! Rows without a value come first going up and last going down. So that both databases can use a plain index, the
//! order is walked in two stretches, with and without a value, and neither database is asked where it puts its nulls.

use std::cmp::Ordering;

use kernel::Value;
use query::{Column, Condition, Field, Inventory, Problem};
use store::{Dialect, Keys, Row};

use super::{AskError, Asked, nearest, released, residual};
use crate::catalogue::COMPUTED;

/// Rows of the sort index that one glance tests for each row that the page lacks.
const GLANCE_ROWS_PER_ROW: usize = 8;

/// Rows that one glance tests at least; a statement costs about as much as testing these.
const GLANCE_ROWS_MIN: usize = 256;

/// Rows that one glance tests at most.
const GLANCE_ROWS_MAX: usize = 4_000;

/// Rows that are tested before an answer of which nothing was found yet is taken for a rare one.
const NOTHING_ROWS_MAX: usize = 1_000;

/// Rows that are tested for a page, at most. If more would have to be, as far as can be told, the answer is rare: then
/// the database may leave the sort order. What testing costs does not grow with the inventory, and what finding all does.
const WALK_ROWS_MAX: usize = 16_000;

/// Keys of a rare answer that are sorted here, at most. With more, the database sorts.
const RARE_KEYS_MAX: usize = 20_000;

/// Orders that an index serves. In any other order nothing is gained by a glance.
const INDEXED: [(&str, &str); 10] = [
    ("assets", "last_seen"),
    ("assets", "name"),
    ("assets", "id"),
    ("findings", "identified_at"),
    ("findings", "id"),
    ("activities", "created_at"),
    ("activities", "id"),
    ("policies", "id"),
    ("artifacts", "seq"),
    ("artifacts", "id"),
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
) -> Result<Walked, AskError> {
    if condition.residual.is_some() {
        return residual::walk(asked, condition, sort, after, limit);
    }
    let wanted = limit + 1;
    let mut found: Vec<Place> = Vec::new();
    let stretches = sort.stretches(after);
    let mut tested = 0;
    'order: for (at, (stretch, mut after)) in stretches.iter().cloned().enumerate() {
        let indexed = INDEXED.contains(&(asked.inventory.name, sort.name));
        while found.len() < wanted {
            // Where matches are common, the next rows of the index fill the page. Where they are rare, testing row after
            // row would read the whole table in a bad order: then all that match are found in whatever way is best.
            let Some(rows) = next_glance(found.len(), wanted, tested).filter(|_| indexed) else {
                if let Some(rest) = rare(asked, condition, sort, &stretches[at..], after.as_ref())? {
                    found.extend(rest);
                    break 'order;
                }
                found.extend(collect(asked, condition, sort, stretch, after.as_ref(), wanted - found.len())?);
                break;
            };
            let (hits, end) = glance(asked, condition, sort, stretch, after.as_ref(), rows)?;
            tested += rows;
            found.extend(hits);
            after = end;
            if after.is_none() {
                break;
            }
        }
    }
    found.truncate(wanted);
    Ok(finished(found, limit))
}

/// How many rows the next glance tests, when so many of those that were tested match; `None` if the answer is rare.
fn next_glance(found: usize, wanted: usize, tested: usize) -> Option<usize> {
    let missing = wanted.saturating_sub(found);
    let expected = match (found, tested) {
        (_, 0) => return Some(glance_rows(missing)),
        (0, tested) if tested >= NOTHING_ROWS_MAX => return None,
        (0, _) => return Some(NOTHING_ROWS_MAX),
        (found, tested) => missing.saturating_mul(tested) / found,
    };
    // A page of many rows may test more: it costs as much to read them.
    let most = WALK_ROWS_MAX.max(wanted.saturating_mul(GLANCE_ROWS_PER_ROW));
    let within = tested.saturating_add(expected) <= most;
    // A tenth more, since another glance costs more than they do.
    within.then(|| (expected + expected / 10).clamp(GLANCE_ROWS_MIN, GLANCE_ROWS_MAX))
}

/// Cuts off the one row too many, which only shows that there is a next page.
fn finished(mut found: Vec<Place>, limit: usize) -> Walked {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().cloned() } else { None };
    Walked { keys: found.iter().map(|place| place.key).collect(), next, note: None }
}

/// Tests the next `rows` rows of a stretch. The second part is the last row tested if there may be more.
fn glance(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretch: Stretch,
    after: Option<&Place>,
    rows: usize,
) -> Result<(Vec<Place>, Option<Place>), AskError> {
    let narrowed = narrowed(asked, condition, sort, stretch, after, rows)?;
    let (sql, params) = glance_sql(asked, narrowed.as_ref().unwrap_or(condition), sort, stretch, after, rows);
    let tested = asked.tx.query(&sql, &params, |row| Ok((place(row)?, row.flag(2)?)))?;
    let end = (tested.len() == rows).then(|| tested.last().map(|(place, _)| place.clone())).flatten();
    Ok((tested.into_iter().filter(|(_, hit)| *hit).map(|(place, _)| place).collect(), end))
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
) -> (String, Vec<Value<'static>>) {
    let mut params = asked.params(condition);
    let key = asked.inventory.base.key;
    let place = sort.bound(stretch, after, key, &mut params);
    let (table, order) = (asked.inventory.base.table, sort.order(stretch, key));
    let sql = format!(
        "SELECT t.{key}, {value}, CASE WHEN {condition} THEN 1 ELSE 0 END \
         FROM (SELECT * FROM {table} t WHERE t.org_id = $1 AND {place} ORDER BY {order} LIMIT {rows}) t ORDER BY {order}",
        value = sort.value(stretch),
        condition = row_by_row(asked, &condition.sql),
    );
    (sql, params)
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
    let Some(parts) = conjunction(condition) else { return condition.to_owned() };
    let (costly, mut all): (Vec<&str>, Vec<&str>) = parts.into_iter().partition(|part| part.contains("SELECT"));
    all.extend(costly);
    format!("({})", all.join(" AND "))
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

/// All that match, in order, from `after` in the first of the stretches; `None` if they are too many to be sorted here.
fn rare(
    asked: &mut Asked<'_, '_>,
    condition: &Condition,
    sort: &Sort,
    stretches: &[(Stretch, Option<Place>)],
    after: Option<&Place>,
) -> Result<Option<Vec<Place>>, AskError> {
    let (table, key) = (asked.inventory.base.table, asked.inventory.base.key);
    let all = format!(
        "SELECT t.{key} FROM {table} t WHERE t.org_id = $1 AND ({}) LIMIT {}",
        asked.over_all(condition),
        RARE_KEYS_MAX + 1
    );
    let keys = asked.tx.query(&all, &asked.params(condition), |row| row.int(0))?;
    if keys.len() > RARE_KEYS_MAX {
        return Ok(None);
    }
    let valued = format!("SELECT t.{key}, {} FROM {table} t WHERE t.org_id = $1 AND t.{key} IN KEYS", sort.sql);
    let mut places = asked.tx.select_in(&valued, &[asked.org.into()], Keys::Ints(&keys), place)?;
    let order = |one: &Place, two: &Place| {
        let rising = compare(&one.value, &two.value).then(one.key.cmp(&two.key));
        if sort.descending { rising.reverse() } else { rising }
    };
    // Without a place to begin, it is the beginning of the stretch: what lies in stretches before was shown already.
    places.retain(|place| match after {
        Some(after) => order(place, after).is_gt(),
        None => stretches.iter().any(|(stretch, _)| *stretch == Stretch::of(place)),
    });
    places.sort_by(order);
    Ok(Some(places))
}

/// The order of sort values: nothing first, then as both databases order them.
fn compare(one: &Value<'_>, two: &Value<'_>) -> Ordering {
    match (one, two) {
        (Value::Int(one), Value::Int(two)) => one.cmp(two),
        (Value::Real(one), Value::Real(two)) => one.total_cmp(two),
        (Value::Text(one), Value::Text(two)) => one.cmp(two),
        (Value::Bytes(one), Value::Bytes(two)) => one.cmp(two),
        (one, two) => (*one != Value::Null).cmp(&(*two != Value::Null)),
    }
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
    let key = asked.inventory.base.key;
    let place = sort.bound(stretch, after, key, &mut params);
    let table = asked.inventory.base.table;
    let direction = sort.direction();
    // The inner limit stops both databases from walking the sort index after all.
    let sql = format!(
        "SELECT m.k, m.v FROM (SELECT t.{key} AS k, {value} AS v FROM {table} t \
         WHERE t.org_id = $1 AND {place} AND ({condition}) LIMIT {everything}) m \
         ORDER BY m.v {direction}, m.k {direction} LIMIT {limit}",
        value = sort.value(stretch),
        condition = condition.sql,
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
    match INDEXED.contains(&(asked.inventory.name, sort.name)) {
        true => glance_sql(asked, condition, sort, stretch, None, glance_rows(limit + 1)),
        false => collect_sql(asked, condition, sort, stretch, None, limit + 1),
    }
}

/// How many rows a glance tests for a page that lacks so many.
fn glance_rows(missing: usize) -> usize {
    (missing * GLANCE_ROWS_PER_ROW).clamp(GLANCE_ROWS_MIN, GLANCE_ROWS_MAX)
}

impl Sort {
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
    fn walking_goes_on_as_long_as_it_will_fill_the_page_soon() {
        assert_eq!(next_glance(0, 51, 0), Some(408));
        assert_eq!(next_glance(0, 51, 408), Some(NOTHING_ROWS_MAX));
        assert_eq!(next_glance(0, 51, 1_408), None);
        // One row of a hundred matches.
        assert_eq!(next_glance(4, 51, 408), Some(GLANCE_ROWS_MAX));
        assert_eq!(next_glance(44, 51, 4_408), Some(771));
        // One of four hundred.
        assert_eq!(next_glance(1, 51, 408), None);
        // A page of many rows.
        assert_eq!(next_glance(5_000, 10_001, 4_000), Some(GLANCE_ROWS_MAX));
    }
}
