//! Asking: a question in the language becomes a page of typed rows, an exact count, or an explanation.
//!
//! The story of [`ask`]: find the inventory, parse, check against the catalogue, resolve patterns over the
//! dictionaries, lower to SQL, walk the sort index until the page is full, and evaluate in Rust what SQL cannot say.

mod as_of;
mod column;
mod cursor;
pub(crate) mod dictionary;
mod group;
mod inward;
mod released;
pub(crate) mod residual;
pub(crate) mod walk;
mod whose;
mod why;

pub use as_of::{UNDONE_MAX, ask_as_of, first_reading};
pub use whose::{assets_of, custom_values, tags};
pub use why::{Part, Why, why};

use std::cell::RefCell;

use kernel::{OrgId, Table, Timestamp, Value};
use query::{
    Asking, Asks, Checked, Condition, Inventory, Matcher, NothingKnown, Problem, Refused, Terms, lower, prepare,
};
use store::{Dialect, Store, StoreError, Tx};

use crate::InventoryError;
use crate::ask::column::Output;
use crate::ask::dictionary::{Dictionaries, Seen};
use crate::catalogue::{catalogue, instead};

/// How many rows a page has when nobody says.
pub const LIMIT_DEFAULT: usize = 25;

/// The most rows that one page may have; a longer answer is read page by page.
pub const LIMIT_MAX: usize = 10_000;

/// A question. `Ask::new("assets", text, now)` asks for a first page with the inventory's own columns and order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Which inventory, by any of its names: `assets`, `findings`, `console_sites` ..
    pub inventory: String,
    /// The query's text; the empty text means everything.
    pub text: String,
    /// Columns of the answer; empty means the inventory's default columns.
    pub fields: Vec<String>,
    /// The field to sort by, `-field` for descending; `None` means the inventory's default order.
    pub sort: Option<String>,
    /// Fields to group by; then each row is a group with its `count`, largest first.
    pub group_by: Vec<String>,
    /// The most rows to return: 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Where the last page ended: its [`Answer::next`].
    pub after: Option<String>,
    /// What else to find out.
    pub want: Want,
    /// What "now" is, for ages such as `last_seen:<7d`.
    pub now: Timestamp,
    /// How a page is looked for; the answer is the same.
    pub way: Way,
}

/// How a page is looked for. Tests hold the ways against each other; everybody else takes the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// By testing rows in their order as long as that is cheap, and else by finding all that match.
    #[default]
    Cheapest,
    /// By testing rows in their order, a few at a time, to the end.
    Walk,
    /// By finding all that match.
    Gather,
}

/// What a question wants to know. A page never waits for a count: ask for the page, show it, then ask for the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// A page of rows (or of groups).
    #[default]
    Page,
    /// The exact number of matching rows, in [`Answer::total`]; no rows.
    Count,
    /// [`Want::Count`], and how many rows the inventory has and each term leaves: [`Answer::of`], [`Answer::terms`].
    Terms,
    /// [`Want::Terms`], and how the question would be answered, in [`Answer::plan`]; no rows.
    Explain,
}

impl Ask {
    /// A question for the first page, with the inventory's own columns and order.
    #[must_use]
    pub fn new(inventory: &str, text: &str, now: Timestamp) -> Ask {
        Ask {
            inventory: inventory.to_owned(),
            text: text.to_owned(),
            fields: Vec::new(),
            sort: None,
            group_by: Vec::new(),
            limit: LIMIT_DEFAULT,
            after: None,
            want: Want::Page,
            now,
            way: Way::Cheapest,
        }
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The inventory's own name, plural: `assets`.
    pub inventory: &'static str,
    /// The query as Muster understood it, in its normal spelling.
    pub canonical: String,
    /// The rows: typed cells under the names that were asked for. No rows for counts and explanations.
    pub table: Table,
    /// Hand it to [`Ask::after`] for the next page; `None` on the last one.
    pub next: Option<String>,
    /// The exact number of matching rows; `None` unless it was asked for.
    pub total: Option<u64>,
    /// How many groups there are, those beyond the limit too; `None` unless rows were grouped.
    pub groups: Option<u64>,
    /// How many rows the inventory has altogether; `None` unless terms were asked for.
    pub of: Option<u64>,
    /// What each top-level term leaves, in order, added up from the left; empty unless terms were asked for.
    pub terms: Vec<Term>,
    /// Of the assets that match, those that no source has any more; `None` unless terms were asked for, and where the
    /// question speaks of them itself.
    pub gone: Option<u64>,
    /// Of the assets that match, those about which a question is open for a person; `None` as with [`Answer::gone`].
    pub in_question: Option<u64>,
    /// Notices: a corrected quote, precedence shown with parentheses, a field that has no data yet.
    pub warnings: Vec<Problem>,
    /// How the question is answered, as text for people; empty unless an explanation was asked for.
    pub plan: String,
}

/// One term of a query and what is left after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The term as Muster understood it: `not type:server`.
    pub text: String,
    /// How many rows match this and all terms before it.
    pub count: u64,
    /// How many rows match this alone; `None` unless an explanation was asked for.
    pub alone: Option<u64>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The query cannot be understood; every mistake is named at once, with its place in the text.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such inventory, or not yet; says which there are and what comes nearest.
    #[error("{message}")]
    Inventory {
        /// What is wrong, as a sentence.
        message: String,
        /// What to ask instead.
        help: String,
    },
    /// A field, a sort order, a limit or a cursor beside the query is wrong.
    #[error("{message}")]
    Argument {
        /// Which argument, as the command line calls it: `--sort`.
        argument: &'static str,
        /// What is wrong, as a sentence.
        message: String,
        /// What to write instead.
        help: Option<String>,
    },
    /// The question reads more raw records than one question may; says how to narrow it.
    #[error("{message}")]
    TooWide {
        /// What would have to be read, and how to narrow it.
        message: String,
    },
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record's body could not be read.
    #[error(transparent)]
    Body(#[from] InventoryError),
}

/// Answers a question from the inventory of `org`, in one read transaction.
///
/// # Errors
/// The question is wrong (every mistake is named with its place), reads too much, or the database fails.
pub async fn ask(store: &Store, org: OrgId, ask: &Ask) -> Result<Answer, AskError> {
    let ask = ask.clone();
    store.read(move |tx| ask_in(tx, org, &ask)).await
}

/// Answers a question within a transaction that is open already.
///
/// # Errors
/// As [`ask`].
pub fn ask_in(tx: &mut Tx<'_>, org: OrgId, ask: &Ask) -> Result<Answer, AskError> {
    ask_at(tx, org, ask, None)
}

/// Answers a question about the rows as they are here, which may be those of a moment in the past.
fn ask_at(tx: &mut Tx<'_>, org: OrgId, ask: &Ask, as_of: Option<Timestamp>) -> Result<Answer, AskError> {
    let inventory = find_inventory(&ask.inventory)?;
    let checked = check(tx, org, inventory, ask, as_of)?;
    let mut answer = Answer {
        inventory: inventory.name,
        canonical: checked.canonical.clone(),
        warnings: once(&checked.notes),
        ..Answer::default()
    };
    let mut asked = Asked { tx, org, inventory, dictionaries: Dictionaries::default() };
    match ask.want {
        Want::Page if ask.group_by.is_empty() => page(&mut asked, &checked, ask, &mut answer)?,
        Want::Page => group::groups(&mut asked, &checked, ask, &mut answer)?,
        Want::Count => answer.total = Some(asked.count(&checked)?),
        Want::Terms => {
            terms(&mut asked, &checked, false, &mut answer)?;
            // Of a moment in the past it is not known which questions were open.
            if as_of.is_none() {
                asides(&mut asked, &checked, &mut answer)?;
            }
        }
        Want::Explain => {
            terms(&mut asked, &checked, true, &mut answer)?;
            answer.plan = crate::explain::explain(&mut asked, &checked, ask, &answer)?;
        }
    }
    Ok(answer)
}

/// What may be typed at a place of a question, with the values that the data has.
///
/// # Errors
/// There is no such inventory, or the database fails.
pub fn complete(
    tx: &mut Tx<'_>,
    org: OrgId,
    inventory: &str,
    text: &str,
    cursor: usize,
) -> Result<Vec<query::Completion>, AskError> {
    let inventory = find_inventory(inventory)?;
    let seen = Seen::new(tx, org, true);
    let found = query::complete(text, cursor, inventory.name, catalogue(), &seen);
    seen.finish()?;
    Ok(found)
}

/// Each thing once, at its first place: eleven terms over one field without data need one warning.
fn once(notes: &[Problem]) -> Vec<Problem> {
    let mut said = Vec::new();
    let mut fresh = |note: &&Problem| {
        let new = !said.contains(&note.message);
        said.push(note.message.clone());
        new
    };
    notes.iter().filter(|note| fresh(note)).cloned().collect()
}

/// Who asks what of whom: what every step of answering needs.
pub(crate) struct Asked<'a, 'tx> {
    pub(crate) tx: &'a mut Tx<'tx>,
    pub(crate) org: OrgId,
    pub(crate) inventory: &'static Inventory,
    pub(crate) dictionaries: Dictionaries,
}

impl Asked<'_, '_> {
    /// The number of the first parameter of a condition: `$1` is the organization.
    const FIRST_PARAM: usize = 2;

    /// Resolves the question's patterns over their dictionaries and lowers it to SQL.
    pub(crate) fn lower(&mut self, checked: &Checked) -> Result<Condition, AskError> {
        let org = self.org;
        let looking = RefCell::new((&mut *self.tx, &mut self.dictionaries, None));
        let resolve = |name: &str, matcher: &Matcher| {
            let (tx, dictionaries, failed) = &mut *looking.borrow_mut();
            dictionaries.resolve(tx, org, name, matcher).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                Terms::default()
            })
        };
        let mut condition = lower(checked, &resolve, Self::FIRST_PARAM);
        let (_, _, failed) = looking.into_inner();
        condition.sql = released::released(&condition.sql);
        failed.map_or(Ok(condition), Err)
    }

    /// The exact number of rows that match.
    pub(crate) fn count(&mut self, checked: &Checked) -> Result<u64, AskError> {
        let condition = self.lower(checked)?;
        if condition.residual.is_some() {
            return residual::count(self, &condition);
        }
        let (sql, params) = self.count_sql(&condition);
        let count = self.tx.query_one(&sql, &params, |row| row.int(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The statement that counts, and its parameters.
    pub(crate) fn count_sql(&self, condition: &Condition) -> (String, Vec<Value<'static>>) {
        if let Some(sql) = signals::count_by_index(&condition.sql) {
            return (sql, self.params(condition));
        }
        let table = self.inventory.base.table;
        let sql = format!("SELECT COUNT(*) FROM {table} t WHERE t.org_id = $1 AND ({})", self.over_all(condition));
        (sql, self.params(condition))
    }

    /// The condition as it is best asked of all rows, rather than of the next ones in an order.
    pub(crate) fn over_all(&self, condition: &Condition) -> String {
        match self.tx.dialect() {
            Dialect::Sqlite => inward::inward(&condition.sql),
            Dialect::Postgres => condition.sql.clone(),
        }
    }

    /// The organization, then the condition's own parameters.
    pub(crate) fn params(&self, condition: &Condition) -> Vec<Value<'static>> {
        let mut params = vec![Value::from(self.org)];
        params.extend(condition.params.iter().cloned());
        params
    }
}

fn find_inventory(name: &str) -> Result<&'static Inventory, AskError> {
    if let Some(inventory) = catalogue().inventory(name).filter(|inventory| inventory.listed) {
        return Ok(inventory);
    }
    let listed = || catalogue().inventories.iter().filter(|inventory| inventory.listed).map(|inventory| inventory.name);
    if let Some((why, help)) = instead(&name.to_lowercase()) {
        return Err(AskError::Inventory {
            message: format!("{name} cannot be asked yet: {why}"),
            help: help.to_owned(),
        });
    }
    let known = listed().collect::<Vec<_>>().join(", ");
    let help = match nearest(name, listed()) {
        Some(near) => format!("did you mean {near}? There are {known}"),
        None => format!("there are {known}"),
    };
    Err(AskError::Inventory { message: format!("there is no inventory {name:?}"), help })
}

/// Parses and checks. Only a refused query is worth counting the values that it should have named.
fn check(
    tx: &mut Tx<'_>,
    org: OrgId,
    inventory: &'static Inventory,
    ask: &Ask,
    as_of: Option<Timestamp>,
) -> Result<Checked, AskError> {
    let asking =
        Asking { catalogue: catalogue(), inventory: inventory.name, now: ask.now, as_of, known: &NothingKnown };
    let seen = Seen::new(tx, org, false);
    let first = prepare(&ask.text, &Asking { known: &seen, ..asking });
    seen.finish()?;
    let Err(refused) = first else { return Ok(first?) };
    let counting = Seen::new(tx, org, true);
    let again = prepare(&ask.text, &Asking { known: &counting, ..asking });
    counting.finish()?;
    Err(again.err().unwrap_or(refused).into())
}

fn page(asked: &mut Asked<'_, '_>, checked: &Checked, ask: &Ask, answer: &mut Answer) -> Result<(), AskError> {
    let limit = limit(ask)?;
    let outputs = Output::all(asked.inventory, &ask.fields)?;
    let sort = walk::Sort::new(asked.inventory, ask.sort.as_deref())?;
    let binding = cursor::binding(asked.inventory.name, &checked.sealed(), &sort);
    let after = ask.after.as_deref().map(|text| cursor::decode(text, binding)).transpose()?;
    let condition = asked.lower(checked)?;
    let walked = walk::walk(asked, &condition, &sort, after.as_ref(), limit, ask.way)?;
    answer.next = walked.next.map(|place| cursor::encode(&place, binding));
    answer.warnings.extend(walked.note);
    answer.table = column::fetch(asked, &outputs, &walked.keys)?;
    Ok(())
}

fn terms(asked: &mut Asked<'_, '_>, checked: &Checked, alone: bool, answer: &mut Answer) -> Result<(), AskError> {
    let table = asked.inventory.base.table;
    let all = format!("SELECT COUNT(*) FROM {table} t WHERE t.org_id = $1");
    let of = asked.tx.query_one(&all, &[asked.org.into()], |row| row.int(0))?;
    answer.of = Some(u64::try_from(of).unwrap_or_default());
    for step in checked.steps() {
        let count = asked.count(&step.so_far)?;
        let alone = if alone { Some(asked.count(&step.alone)?) } else { None };
        answer.terms.push(Term { text: step.text, count, alone });
    }
    // What all terms leave is the total, so it is not counted again.
    answer.total = Some(match answer.terms.last() {
        Some(last) => last.count,
        // Whoever asks for nothing gets everything, which is counted already.
        None if checked.canonical.is_empty() => of.unsigned_abs(),
        None => asked.count(checked)?,
    });
    Ok(())
}

/// Fields that speak of assets that no source has any more.
const OF_REMOVAL: [&str; 4] = ["removed", "record.state", "retired_at", "lifecycle"];
/// Fields that speak of open questions.
const OF_QUESTIONS: [&str; 1] = ["question"];

/// Of the assets that match: those that no source has any more, and those about which a question is open. Both are few
/// and have an index of their own, so that this costs less than the count of all.
fn asides(asked: &mut Asked<'_, '_>, checked: &Checked, answer: &mut Answer) -> Result<(), AskError> {
    const GONE: &str = "t.gone = 1";
    const IN_QUESTION: &str = "t.asset_id IN (SELECT l.asset_id FROM inventory_link l WHERE l.org_id = $1 \
        AND l.record_id IN (SELECT q.one_record FROM inventory_suggestion q WHERE q.org_id = $1 \
        UNION ALL SELECT q.other_record FROM inventory_suggestion q WHERE q.org_id = $1))";
    if asked.inventory.name != "assets" || answer.total == Some(0) {
        return Ok(());
    }
    let condition = asked.lower(checked)?;
    if condition.residual.is_some() {
        return Ok(()); // It would read every body once more.
    }
    let mut count = |which: &str| {
        let over_all = asked.over_all(&condition);
        let sql = format!("SELECT COUNT(*) FROM inventory_asset t WHERE t.org_id = $1 AND {which} AND ({over_all})");
        let count = asked.tx.query_one(&sql, &asked.params(&condition), |row| row.int(0))?;
        Ok::<_, AskError>(Some(u64::try_from(count).unwrap_or_default()))
    };
    let outline = checked.outline();
    let speaks = |of: &[&str]| {
        let is_of = |asks: &Asks| matches!(asks, Asks::Field(name) if of.contains(name));
        outline.iter().any(|clause| clause.asks.iter().any(is_of))
    };
    if !speaks(&OF_REMOVAL) {
        answer.gone = count(GONE)?;
    }
    if !speaks(&OF_QUESTIONS) {
        answer.in_question = count(IN_QUESTION)?;
    }
    Ok(())
}

/// The question with one more term; what `or` joins stays together.
#[must_use]
pub fn narrowed(text: &str, term: &str) -> String {
    use query::tree::NodeKind;
    match query::parse(text).0.root {
        None => term.to_owned(),
        Some(node) if matches!(node.kind, NodeKind::Or(_)) => format!("({}) and {term}", text.trim()),
        Some(_) => format!("{} and {term}", text.trim()),
    }
}

fn limit(ask: &Ask) -> Result<usize, AskError> {
    match ask.limit {
        1..=LIMIT_MAX => Ok(ask.limit),
        other => Err(AskError::Argument {
            argument: "--limit",
            message: format!("a page has 1 to {LIMIT_MAX} rows, not {other}"),
            help: Some("read a longer answer page by page with --after, or as a whole with --format csv".to_owned()),
        }),
    }
}

/// Whichever of `names` is spelled nearest to `name`, if any is near enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = 1 + name.len() / 4;
    names
        .map(|known| (distance(&name.to_lowercase(), known), known))
        .filter(|(distance, known)| *distance <= allowed || known.starts_with(name))
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein's distance, in characters.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (at, left) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], at + 1);
        for (column, right) in two.iter().enumerate() {
            let change = corner + usize::from(left != *right);
            corner = row[column + 1];
            row[column + 1] = change.min(corner + 1).min(row[column] + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_term_narrows_a_question_whatever_joins_its_own() {
        assert_eq!(narrowed("", "removed:f"), "removed:f");
        assert_eq!(narrowed(" os:windows ", "removed:f"), "os:windows and removed:f");
        assert_eq!(
            narrowed("os:windows and not type:server", "removed:f"),
            "os:windows and not type:server and removed:f"
        );
        assert_eq!(narrowed("os:windows or os:linux", "removed:f"), "(os:windows or os:linux) and removed:f");
        assert_eq!(narrowed("name:\"a or b\"", "removed:f"), "name:\"a or b\" and removed:f");
    }
}
