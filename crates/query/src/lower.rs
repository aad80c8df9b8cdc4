//! Checked question -> SQL condition, and what SQL cannot decide.

use std::collections::BTreeSet;

use kernel::{Value, fold};
use serde_json::Value as Json;

use crate::Checked;
use crate::catalogue::{Column, Scope};
use crate::cond::{BodyPath, Cond, Counted, Place, Test};
use crate::matcher::{Matcher, escaped_like};

/// The terms of a dictionary, parted by a matcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The numbers of the terms that match.
    pub matched: Vec<i64>,
    /// The numbers of all others.
    pub rest: Vec<i64>,
}

impl Terms {
    /// Parts a dictionary's (number, text) entries.
    pub fn of<'a>(entries: impl IntoIterator<Item = (i64, &'a str)>, matcher: &Matcher) -> Terms {
        let mut terms = Terms::default();
        for (number, text) in entries {
            if matcher.matches_text(text) { terms.matched.push(number) } else { terms.rest.push(number) }
        }
        terms
    }
}

/// A condition over `t`, the row of the inventory's base table.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Goes behind `WHERE t.org_id = $1 AND (..)`. If there is a residual, it lets through all that match, and more.
    pub sql: String,
    /// The parameters of `sql` and then of the residual's columns, numbered from `first_param` without gaps.
    pub params: Vec<Value<'static>>,
    /// What has to be decided row by row outside the database.
    pub residual: Option<Residual>,
}

/// A predicate over what SQL can say about a row and over its raw bodies.
#[derive(Clone, Debug)]
pub struct Residual {
    /// Expressions to put, all and in this order, into the select list; their parameters are in the condition's.
    pub columns: Vec<LeafColumn>,
    /// The (source, kind) pairs whose bodies [`Residual::holds`] asks for.
    pub bodies: Vec<(&'static str, &'static str)>,
    root: Rest,
}

/// An expression that a residual needs from SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafColumn {
    /// The expression, without a name.
    pub sql: String,
    /// How to read it.
    pub kind: LeafKind,
}

/// How a [`LeafColumn`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A BIGINT, 0 or 1: give [`Leaf::Truth`].
    Truth,
    /// Text or null: give [`Leaf::Text`] as it is. Several values come in one text, parted by U+001F.
    Text,
}

/// What a [`LeafColumn`] was in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Whether the condition holds.
    Truth(bool),
    /// The text.
    Text(Option<String>),
}

/// Parts several texts in one column.
const SEPARATOR: char = '\u{1f}';
/// Runs of numbers at least this long become a BETWEEN.
const RUN_MIN: usize = 8;
/// So many runs at most become a BETWEEN each; the others are listed.
const RUNS_MAX: usize = 32;

/// What is left to decide, over the columns and bodies of a row.
#[derive(Clone, Debug)]
enum Rest {
    And(Vec<Rest>),
    Or(Vec<Rest>),
    Not(Box<Rest>),
    /// The truth in that column.
    Truth(usize),
    Text {
        column: usize,
        many: bool,
        test: Test,
    },
    Body {
        path: BodyPath,
        test: Test,
    },
    BodyCount {
        path: BodyPath,
        low: Option<i64>,
        high: Option<i64>,
    },
}

impl Residual {
    /// Whether the row matches. `bodies` gives the row's bodies of a (source, kind); it is asked once for each.
    pub fn holds(&self, leaves: &[Leaf], bodies: &mut dyn FnMut(&'static str, &'static str) -> Vec<Json>) -> bool {
        let mut read: Vec<((&str, &str), Vec<Json>)> = Vec::new();
        let mut of = |path: &BodyPath, decide: &dyn Fn(&[&Json]) -> bool| {
            let key = (path.source, path.kind);
            let known = read.iter().position(|(name, _)| *name == key);
            let index = known.unwrap_or_else(|| {
                read.push((key, bodies(path.source, path.kind)));
                read.len() - 1
            });
            decide(&path.values(&read[index].1))
        };
        self.root.holds(leaves, &mut of)
    }
}

type Bodies<'a> = dyn FnMut(&BodyPath, &dyn Fn(&[&Json]) -> bool) -> bool + 'a;

impl Rest {
    fn holds(&self, leaves: &[Leaf], bodies: &mut Bodies<'_>) -> bool {
        match self {
            Rest::And(parts) => parts.iter().all(|part| part.holds(leaves, bodies)),
            Rest::Or(parts) => parts.iter().any(|part| part.holds(leaves, bodies)),
            Rest::Not(part) => !part.holds(leaves, bodies),
            Rest::Truth(column) => leaves.get(*column) == Some(&Leaf::Truth(true)),
            Rest::Text { column, many, test } => {
                let Some(Leaf::Text(Some(text))) = leaves.get(*column) else { return false };
                let values: Vec<&str> = if *many { text.split(SEPARATOR).collect() } else { vec![text] };
                test.holds(&values, |value| test.matcher.matches_text(value))
            }
            Rest::Body { path, test } => {
                bodies(path, &|values| test.holds(values, |value| test.matcher.matches_json(value)))
            }
            Rest::BodyCount { path, low, high } => bodies(path, &|values| {
                let distinct: BTreeSet<String> = values.iter().map(|value| distinct_json(value)).collect();
                let count = i64::try_from(distinct.len()).unwrap_or(i64::MAX);
                Matcher::Int { low: *low, high: *high }.matches_int(count)
            }),
        }
    }
}

/// What makes two raw scalars the same when they are counted.
pub(crate) fn distinct_json(value: &Json) -> String {
    match value {
        Json::String(text) => fold(text).into_owned(),
        other => other.to_string(),
    }
}

/// Lowers to SQL that both databases read alike. `resolve` parts a dictionary by a matcher.
pub fn lower(checked: &Checked, resolve: &dyn Fn(&str, &Matcher) -> Terms, first_param: usize) -> Condition {
    let mut lowering = Lowering { resolve, aliases: 0 };
    let plan = lowering.plan(&checked.root, true, "t");
    let mut writer = Writer { first: first_param, params: Vec::new(), columns: Vec::new(), bodies: Vec::new() };
    let wider = plan.wider();
    let sql = writer.write(&wider);
    let root = plan.rest(&mut writer);
    let residual = root.map(|root| Residual { columns: writer.columns, bodies: writer.bodies, root });
    Condition { sql, params: writer.params, residual }
}

/// SQL with its values in between; parameters get their numbers when it is written.
#[derive(Clone, Debug, Default)]
struct Sql(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Value(Value<'static>),
}

impl Sql {
    fn text(text: impl Into<String>) -> Sql {
        Sql(vec![Part::Text(text.into())])
    }

    fn then(mut self, text: impl Into<String>) -> Sql {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// A parameter. Numbers are cast: a context such as CASE would type them narrower than they are.
    fn value(self, value: Value<'static>) -> Sql {
        let cast = match value {
            Value::Int(_) => Some("BIGINT"),
            Value::Real(_) => Some("DOUBLE PRECISION"),
            _ => None,
        };
        let Some(kind) = cast else {
            let mut sql = self;
            sql.0.push(Part::Value(value));
            return sql;
        };
        let mut sql = self.then("CAST(");
        sql.0.push(Part::Value(value));
        sql.then(format!(" AS {kind})"))
    }

    fn append(mut self, other: Sql) -> Sql {
        self.0.extend(other.0);
        self
    }

    /// In parentheses and in halves: hundreds of terms in a row would be nested as deep as they are many.
    fn joined(mut parts: Vec<Sql>, word: &str) -> Sql {
        const STRAIGHT_MAX: usize = 16;
        if parts.len() == 1 {
            return parts.remove(0);
        }
        if parts.len() > STRAIGHT_MAX {
            let right = parts.split_off(parts.len() / 2);
            return Sql::joined(vec![Sql::joined(parts, word), Sql::joined(right, word)], word);
        }
        let mut sql = Sql::text("(");
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                sql = sql.then(word);
            }
            sql = sql.append(part);
        }
        sql.then(")")
    }
}

/// The question in negation normal form, its dictionaries resolved.
#[derive(Clone, Debug)]
enum Plan {
    Const(bool),
    And(Vec<Plan>),
    Or(Vec<Plan>),
    /// Exact, and never null where it decides: negations are made two-valued.
    Sql(Sql),
    /// Not for SQL; with `false`, its opposite. A text expression comes with it if the values are in the database.
    Rest(Box<Outside>, bool),
}

#[derive(Clone, Debug)]
enum Outside {
    Text { sql: Sql, many: bool, test: Test },
    Body { path: BodyPath, test: Test },
    BodyCount { path: BodyPath, low: Option<i64>, high: Option<i64> },
}

impl Plan {
    fn all(parts: Vec<Plan>) -> Plan {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Plan::Const(true) => {}
                Plan::Const(false) => return Plan::Const(false),
                Plan::And(inner) => kept.extend(inner),
                part => kept.push(part),
            }
        }
        match kept.len() {
            0 => Plan::Const(true),
            1 => kept.remove(0),
            _ => Plan::And(kept),
        }
    }

    fn any(parts: Vec<Plan>) -> Plan {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Plan::Const(false) => {}
                Plan::Const(true) => return Plan::Const(true),
                Plan::Or(inner) => kept.extend(inner),
                part => kept.push(part),
            }
        }
        match kept.len() {
            0 => Plan::Const(false),
            1 => kept.remove(0),
            _ => Plan::Or(kept),
        }
    }

    fn exact(&self) -> bool {
        match self {
            Plan::Const(_) | Plan::Sql(_) => true,
            Plan::And(parts) | Plan::Or(parts) => parts.iter().all(Plan::exact),
            Plan::Rest(..) => false,
        }
    }

    /// SQL for the plan, if it is exact, or for something wider.
    fn wider(&self) -> Sql {
        fn widen(plan: &Plan) -> Plan {
            match plan {
                Plan::Rest(..) => Plan::Const(true),
                Plan::And(parts) => Plan::all(parts.iter().map(widen).collect()),
                Plan::Or(parts) => Plan::any(parts.iter().map(widen).collect()),
                plan => plan.clone(),
            }
        }
        fn sql(plan: Plan) -> Sql {
            match plan {
                Plan::Const(true) => Sql::text("TRUE"),
                Plan::Const(false) | Plan::Rest(..) => Sql::text("FALSE"),
                Plan::And(parts) => Sql::joined(parts.into_iter().map(sql).collect(), " AND "),
                Plan::Or(parts) => Sql::joined(parts.into_iter().map(sql).collect(), " OR "),
                Plan::Sql(sql) => sql,
            }
        }
        sql(widen(self))
    }

    /// What SQL leaves open; nothing if it decides all. What it decides in a top-level `and` is not asked again.
    fn rest(&self, writer: &mut Writer) -> Option<Rest> {
        match self {
            plan if plan.exact() => None,
            Plan::And(parts) => {
                let mut open: Vec<Rest> = parts.iter().filter_map(|part| part.rest(writer)).collect();
                Some(if open.len() == 1 { open.remove(0) } else { Rest::And(open) })
            }
            plan => Some(plan.whole(writer)),
        }
    }

    /// The whole plan as a residual; exact parts become truths read from SQL.
    fn whole(&self, writer: &mut Writer) -> Rest {
        if self.exact() {
            let sql = Sql::text("CAST(CASE WHEN ").append(self.wider()).then(" THEN 1 ELSE 0 END AS BIGINT)");
            return Rest::Truth(writer.column(&sql, LeafKind::Truth));
        }
        let sides = |parts: &[Plan], writer: &mut Writer, join: fn(Vec<Plan>) -> Plan| {
            let (exact, open): (Vec<&Plan>, Vec<&Plan>) = parts.iter().partition(|part| part.exact());
            let mut all: Vec<Rest> = Vec::new();
            if !exact.is_empty() {
                all.push(join(exact.into_iter().cloned().collect()).whole(writer));
            }
            all.extend(open.into_iter().map(|part| part.whole(writer)));
            all
        };
        match self {
            Plan::And(parts) => Rest::And(sides(parts, writer, Plan::all)),
            Plan::Or(parts) => Rest::Or(sides(parts, writer, Plan::any)),
            Plan::Rest(outside, positive) => {
                let rest = match outside.as_ref().clone() {
                    Outside::Text { sql, many, test } => {
                        Rest::Text { column: writer.column(&sql, LeafKind::Text), many, test }
                    }
                    Outside::Body { path, test } => {
                        writer.body(&path);
                        Rest::Body { path, test }
                    }
                    Outside::BodyCount { path, low, high } => {
                        writer.body(&path);
                        Rest::BodyCount { path, low, high }
                    }
                };
                if *positive { rest } else { Rest::Not(Box::new(rest)) }
            }
            Plan::Const(_) | Plan::Sql(_) => Rest::And(Vec::new()),
        }
    }
}

struct Writer {
    first: usize,
    params: Vec<Value<'static>>,
    columns: Vec<LeafColumn>,
    bodies: Vec<(&'static str, &'static str)>,
}

impl Writer {
    fn write(&mut self, sql: &Sql) -> String {
        let mut text = String::new();
        for part in &sql.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(value) => {
                    text.push_str(&format!("${}", self.first + self.params.len()));
                    self.params.push(value.clone());
                }
            }
        }
        text
    }

    fn column(&mut self, sql: &Sql, kind: LeafKind) -> usize {
        let sql = self.write(sql);
        self.columns.push(LeafColumn { sql, kind });
        self.columns.len() - 1
    }

    fn body(&mut self, path: &BodyPath) {
        if !self.bodies.contains(&(path.source, path.kind)) {
            self.bodies.push((path.source, path.kind));
        }
    }
}

struct Lowering<'a> {
    resolve: &'a dyn Fn(&str, &Matcher) -> Terms,
    /// How many aliases of elements are given out.
    aliases: usize,
}

impl Lowering<'_> {
    /// The plan for a condition over the row with that alias or, if not `positive`, for its opposite.
    fn plan(&mut self, cond: &Cond, positive: bool, row: &str) -> Plan {
        match (cond, positive) {
            (Cond::Const(truth), _) => Plan::Const(*truth == positive),
            (Cond::And(parts), true) | (Cond::Or(parts), false) => {
                Plan::all(parts.iter().map(|part| self.plan(part, positive, row)).collect())
            }
            (Cond::Or(parts), true) | (Cond::And(parts), false) => {
                Plan::any(parts.iter().map(|part| self.plan(part, positive, row)).collect())
            }
            (Cond::Not(part), _) => self.plan(part, !positive, row),
            (Cond::Test(test), _) => self.test(test, positive, row),
            (Cond::Scope(scope, body), _) => self.scope(scope, body, positive, row),
            (Cond::Count(counted, low, high), _) => self.count(counted, *low, *high, positive, row),
        }
    }

    fn test(&mut self, test: &Test, positive: bool, row: &str) -> Plan {
        let (name, column) = match &test.place {
            Place::Body(path) => {
                return Plan::Rest(Box::new(Outside::Body { path: path.clone(), test: test.clone() }), positive);
            }
            Place::Field { name, column } => (*name, column),
        };
        debug_assert!(!name.is_empty(), "a field has a name");
        if test.place.beyond_sql(&test.matcher) {
            let (sql, many) = match column {
                Column::Many { from, value } => {
                    let sql = Sql::text(format!("(SELECT string_agg({}, ", at(text_of(value), row)));
                    let sql = sql.value(Value::from(SEPARATOR.to_string())).then(format!(") {})", at(from, row)));
                    (sql, true)
                }
                column => (Sql::text(at(text_of(column), row)), false),
            };
            return Plan::Rest(Box::new(Outside::Text { sql, many, test: test.clone() }), positive);
        }
        match column {
            Column::Many { from, value } => {
                let matches = self.value(value, &test.matcher, row);
                if !test.all {
                    return exists(&at(from, row), matches, positive);
                }
                let value_there = self.value(value, &Matcher::Present, row);
                let is_there = exists(&at(from, row), value_there.clone(), positive);
                let differs = Plan::all(vec![value_there, negated(matches)]);
                let none_differs = exists(&at(from, row), differs, !positive);
                if positive { Plan::all(vec![is_there, none_differs]) } else { Plan::any(vec![is_there, none_differs]) }
            }
            column => {
                let plan = self.value(column, &test.matcher, row);
                if positive { plan } else { negated(plan) }
            }
        }
    }

    /// The plan for one value of a column that is not many; it may be null where it does not hold.
    fn value(&mut self, column: &Column, matcher: &Matcher, row: &str) -> Plan {
        if let Matcher::Any(any) = matcher
            && !matches!(column, Column::Term { .. })
        {
            return Plan::any(any.iter().map(|matcher| self.value(column, matcher, row)).collect());
        }
        match column {
            Column::Plain(expression) => plain(&at(expression, row), matcher),
            Column::Folded { text, folded } => {
                let (text, folded) = (at(text, row), at(folded, row));
                match matcher {
                    Matcher::Present => Plan::Sql(Sql::text(format!("{text} IS NOT NULL"))),
                    Matcher::Exact(whole) => {
                        // The folded column has the index.
                        let sql = Sql::text(format!("({folded} = ")).value(Value::from(fold(whole).into_owned()));
                        Plan::Sql(sql.then(format!(" AND {text} = ")).value(Value::from(whole.clone())).then(")"))
                    }
                    matcher => plain(&folded, matcher),
                }
            }
            Column::Term { column, dictionary } => {
                let column = at(column, row);
                if matches!(matcher, Matcher::Present) {
                    return Plan::Sql(Sql::text(format!("{column} IS NOT NULL")));
                }
                terms(&column, (self.resolve)(dictionary, matcher))
            }
            Column::Words { found, key, unindexed } => match matcher {
                Matcher::Words(words) => {
                    let (before, behind) = found.split_once("{q}").unwrap_or((found, ""));
                    let question = Value::from(crate::words::fts(words));
                    let indexed = Sql::text(at(before, row)).value(question).then(at(behind, row));
                    let others = (self.resolve)(unindexed, matcher).matched;
                    Plan::any(vec![Plan::Sql(indexed), numbered(&at(key, row), others)])
                }
                // Every row has a text, if only an empty one.
                matcher => Plan::Const(matches!(matcher, Matcher::Present)),
            },
            Column::Many { .. } | Column::Body { .. } | Column::Missing { .. } => Plan::Const(false),
        }
    }

    fn scope(&mut self, scope: &Scope, body: &Cond, positive: bool, row: &str) -> Plan {
        self.aliases += 1;
        let element = format!("t{}", self.aliases);
        let from = at(scope.from, row).replace("{e}", &element);
        let body = self.plan(body, true, &element);
        exists(&from, body, positive)
    }

    fn count(&mut self, counted: &Counted, low: Option<i64>, high: Option<i64>, positive: bool, row: &str) -> Plan {
        let expression = match counted {
            Counted::Elements(scope) => {
                self.aliases += 1;
                let element = format!("t{}", self.aliases);
                format!("(SELECT count(*) {})", at(scope.from, row).replace("{e}", &element))
            }
            Counted::Values(Place::Body(path)) => {
                return Plan::Rest(Box::new(Outside::BodyCount { path: path.clone(), low, high }), positive);
            }
            Counted::Values(Place::Field { column: Column::Many { from, value }, .. }) => {
                format!("(SELECT count(DISTINCT {}) {})", at(distinct_of(value), row), at(from, row))
            }
            Counted::Values(Place::Field { column, .. }) => {
                format!("CASE WHEN {} IS NULL THEN 0 ELSE 1 END", at(text_of(column), row))
            }
        };
        let plan = plain(&expression, &Matcher::Int { low, high });
        if positive { plan } else { negated(plan) }
    }
}

/// An expression with the row's alias put in.
fn at(expression: &str, row: &str) -> String {
    expression.replace("{t}", row)
}

/// The expression of a column's value as sent.
fn text_of(column: &Column) -> &'static str {
    match column {
        Column::Plain(expression) => expression,
        Column::Folded { text, .. } => text,
        Column::Term { column, .. } => column,
        // Every row has a text.
        Column::Words { .. } => "1",
        Column::Many { .. } | Column::Body { .. } | Column::Missing { .. } => "NULL",
    }
}

/// The expression whose distinct values are counted.
fn distinct_of(column: &Column) -> &'static str {
    match column {
        Column::Folded { folded, .. } => folded,
        column => text_of(column),
    }
}

/// There is a row of `from` (a FROM with its WHERE) for which the plan holds or, if not `positive`, there is none.
fn exists(from: &str, body: Plan, positive: bool) -> Plan {
    if matches!(body, Plan::Const(false)) {
        return Plan::Const(!positive);
    }
    let sql = Sql::text(format!("{}EXISTS (SELECT 1 {from}", if positive { "" } else { "NOT " }));
    let sql = match body {
        Plan::Const(_) => sql,
        body => sql.then(" AND ").append(body.wider()),
    };
    Plan::Sql(sql.then(")"))
}

/// The opposite of an exact plan that may be null where it does not hold.
fn negated(plan: Plan) -> Plan {
    match plan {
        Plan::Const(truth) => Plan::Const(!truth),
        plan => Plan::Sql(Sql::text("NOT COALESCE(").append(plan.wider()).then(", FALSE)")),
    }
}

/// A matcher over an expression that holds a number, 16 bytes, or text that is its own folded form.
fn plain(expression: &str, matcher: &Matcher) -> Plan {
    let compare = |sign: &str, value: Value<'static>| Sql::text(format!("{expression} {sign} ")).value(value);
    let between = |low: Option<(&str, Value<'static>)>, high: Option<(&str, Value<'static>)>| {
        let bounds = low.into_iter().chain(high).map(|(sign, value)| Plan::Sql(compare(sign, value)));
        let bounds: Vec<Plan> = bounds.collect();
        // No bound: any value, and not what is absent.
        if bounds.is_empty() { Plan::Sql(Sql::text(format!("{expression} IS NOT NULL"))) } else { Plan::all(bounds) }
    };
    let like = |pattern: String| Plan::Sql(compare("LIKE", Value::from(pattern)).then(" ESCAPE '\\'"));
    match matcher {
        Matcher::Present => Plan::Sql(Sql::text(format!("{expression} IS NOT NULL"))),
        Matcher::Contains(part) => like(format!("%{}%", escaped_like(part))),
        Matcher::Like(pattern) => like(pattern.sql()),
        Matcher::Equals(whole) | Matcher::Exact(whole) => Plan::Sql(compare("=", Value::from(whole.clone()))),
        Matcher::OneOf(words) if words.is_empty() => Plan::Const(false),
        Matcher::OneOf(words) => {
            let mut sql = Sql::text(format!("{expression} IN ("));
            for (index, word) in words.iter().enumerate() {
                sql = if index > 0 { sql.then(", ") } else { sql }.value(Value::from(word.clone()));
            }
            Plan::Sql(sql.then(")"))
        }
        Matcher::Int { low: Some(low), high: Some(high) } if low > high => Plan::Const(false),
        Matcher::Int { low: Some(low), high: Some(high) } if low == high => Plan::Sql(compare("=", Value::from(*low))),
        Matcher::Int { low, high } => {
            between(low.map(|low| (">=", Value::from(low))), high.map(|high| ("<=", Value::from(high))))
        }
        Matcher::Real(range) => {
            let low = range.low.map(|(low, inside)| (if inside { ">=" } else { ">" }, Value::from(low)));
            let high = range.high.map(|(high, inside)| (if inside { "<=" } else { "<" }, Value::from(high)));
            between(low, high)
        }
        Matcher::Ip { low, high } if low == high => Plan::Sql(compare("=", Value::from(low.to_vec()))),
        Matcher::Ip { low, high } => {
            between(Some((">=", Value::from(low.to_vec()))), Some(("<=", Value::from(high.to_vec()))))
        }
        Matcher::Mac(digits) if digits.len() == 12 => Plan::Sql(compare("=", Value::from(digits.clone()))),
        Matcher::Mac(digits) => like(format!("{digits}%")),
        Matcher::Any(any) => Plan::any(any.iter().map(|matcher| plain(expression, matcher)).collect()),
        // Tests that are beyond SQL never come here.
        Matcher::Regex(_) | Matcher::Version(_) | Matcher::Words(_) | Matcher::Raw(_) => Plan::Const(false),
    }
}

/// The column holds one of the matched numbers. The shorter side is written; numbers are ours, so they stand in the
/// text, where both databases can plan with them.
fn terms(column: &str, mut terms: Terms) -> Plan {
    terms.matched.sort_unstable();
    terms.matched.dedup();
    terms.rest.sort_unstable();
    if terms.matched.is_empty() {
        return Plan::Const(false);
    }
    if terms.rest.is_empty() {
        return Plan::Sql(Sql::text(format!("{column} IS NOT NULL")));
    }
    if terms.matched.len() > terms.rest.len() && terms.matched.len() > RUN_MIN {
        let rest = among(column, &terms.rest, "NOT ", " AND ");
        return Plan::Sql(Sql::text(format!("({column} IS NOT NULL AND {rest})")));
    }
    let matched = among(column, &terms.matched, "", " OR ");
    Plan::Sql(Sql::text(matched))
}

/// The expression is one of these numbers.
fn numbered(expression: &str, mut numbers: Vec<i64>) -> Plan {
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.is_empty() {
        true => Plan::Const(false),
        false => Plan::Sql(Sql::text(among(expression, &numbers, "", " OR "))),
    }
}

/// `c IN (1, 2) OR c BETWEEN 10 AND 30`, or the opposite, from numbers that rise.
fn among(column: &str, numbers: &[i64], not: &str, word: &str) -> String {
    let (mut single, mut parts) = (Vec::new(), Vec::new());
    let mut rest = numbers;
    while !rest.is_empty() {
        let length = (1..rest.len()).find(|at| rest[*at] != rest[*at - 1].saturating_add(1)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(length);
        if length >= RUN_MIN && parts.len() < RUNS_MAX {
            parts.push(format!("{column} {not}BETWEEN {} AND {}", run[0], run[length - 1]));
        } else {
            single.extend(run.iter().map(i64::to_string));
        }
        rest = behind;
    }
    match single.as_slice() {
        [] => {}
        [one] => parts.push(format!("{column} {}= {one}", if not.is_empty() { "" } else { "!" })),
        _ => parts.push(format!("{column} {not}IN ({})", single.join(", "))),
    }
    if parts.len() == 1 { parts.remove(0) } else { format!("({})", parts.join(word)) }
}
