//! The review queue: what correlation leaves to people. Yes puts two records together for good, no keeps them apart.

use std::collections::BTreeMap;

use kernel::id::{parse_public, public};
use kernel::{AssetId, IntegrationId, OrgId, RecordId, Timestamp};
use store::{Keys, StoreError, Tx};

use super::directive::{self, Decision, DirectiveError};
use super::explain::{Compared, Subject, compare, seen};
use super::partition::About;
use crate::noun::Grade;

/// What ids of questions begin with.
pub const PREFIX: &str = "rev";

/// A question for a person: are these one machine?
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Its id, `rev_..`: the same as long as it is about these two.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// One side.
    pub one: Side,
    /// The other side.
    pub other: Side,
    /// How much speaks for one machine, in bits.
    pub score: f64,
    /// What both have: `name=lt-1; mac=bc:24:11:00:00:01`.
    pub evidence: String,
    /// Since when it is open.
    pub since: Timestamp,
}

/// What a question can be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it says that the two are one machine.
    pub same: bool,
    /// When to give it: `if they are two machines`.
    pub when: &'static str,
}

/// The answers there are, the likelier first: where a rule forbids that the two are one, that they are two; and to say
/// that they are one is to overrule it.
#[must_use]
pub fn answers(compared: Option<&Compared>) -> [Answer; 2] {
    let two = Answer { same: false, when: "if they are two machines" };
    match compared.is_some_and(|compared| compared.veto.is_some()) {
        true => [two, Answer { same: true, when: "if they are one, against that rule" }],
        false => [Answer { same: true, when: "if they are one machine" }, two],
    }
}

/// One side of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The record.
    pub record: Option<RecordId>,
    /// The asset it is a record of; none for one that is left out.
    pub asset: Option<AssetId>,
    /// What the record calls the machine.
    pub name: Option<String>,
    /// Who says it: `sentinelone`, `scan`.
    pub source: String,
    /// The integration that it is from, and how that knows it; none of a record that is gone.
    pub from: Option<(IntegrationId, Grade)>,
    /// When its source last saw the machine.
    pub last_seen: Option<Timestamp>,
}

impl Side {
    /// Who says it, in the words of an explanation: `an agent (integration acme)`.
    #[must_use]
    pub fn seen(&self, integrations: &BTreeMap<IntegrationId, String>) -> String {
        match self.from {
            Some((integration, grade)) => seen(grade, integrations.get(&integration).map(String::as_str)),
            None => "a record that is gone".to_owned(),
        }
    }
}

/// What becomes of a question that is dismissed, as a sentence.
pub const DISMISSED: &str = "The question is not asked again, whatever the two report, until that answer is taken back; a \
                             new agent on one of them may raise another question.";

const ROW: &str = "SELECT suggestion_id, about, one_record, other_record, score, evidence, since
    FROM inventory_suggestion WHERE org_id = $1";

type Stored = (i64, About, RecordId, RecordId, f64, String, Timestamp);

fn stored(row: &store::Row) -> Result<Stored, StoreError> {
    Ok((
        row.int(0)?,
        About::from_word(row.text(1)?),
        RecordId(row.int(2)?),
        RecordId(row.int(3)?),
        row.real(4)?,
        row.text(5)?.to_owned(),
        Timestamp::from_micros(row.int(6)?),
    ))
}

/// Open questions, clones and conflicts first, then the likeliest; at most `limit`, and how many there are in all.
///
/// # Errors
/// The database fails.
pub fn reviews(tx: &mut Tx, org: OrgId, limit: u32) -> Result<(Vec<Review>, u64), DirectiveError> {
    reviews_from(tx, org, 0, limit)
}

/// [`reviews`], without the first `skipped` of them.
///
/// # Errors
/// The database fails.
pub fn reviews_from(tx: &mut Tx, org: OrgId, skipped: u32, limit: u32) -> Result<(Vec<Review>, u64), DirectiveError> {
    let sql = format!("{ROW} ORDER BY score DESC, suggestion_id LIMIT $2 OFFSET $3");
    let rows = tx.query(&sql, &[org.into(), i64::from(limit).into(), i64::from(skipped).into()], stored)?;
    Ok((with_sides(tx, org, rows)?, count(tx, org)?))
}

/// Open questions by their ids, those after this one; at most `limit`.
///
/// # Errors
/// `after` is no id of a question, or the database fails.
pub fn reviews_after(tx: &mut Tx, org: OrgId, after: Option<&str>, limit: u32) -> Result<Vec<Review>, DirectiveError> {
    let after = match after {
        Some(id) => parse_public(PREFIX, id).ok_or_else(|| DirectiveError::NoSuchQuestion(id.to_owned()))?,
        None => 0,
    };
    let sql = format!("{ROW} AND suggestion_id > $2 ORDER BY suggestion_id LIMIT $3");
    let rows = tx.query(&sql, &[org.into(), after.into(), i64::from(limit).into()], stored)?;
    with_sides(tx, org, rows)
}

/// How many questions are open.
///
/// # Errors
/// The database fails.
pub fn count(tx: &mut Tx, org: OrgId) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT count(*) FROM inventory_suggestion WHERE org_id = $1";
    Ok(tx.query_one(COUNT, &[org.into()], |row| row.int(0))?.unsigned_abs())
}

/// The open question with this id.
///
/// # Errors
/// The database fails.
pub fn find(tx: &mut Tx, org: OrgId, id: &str) -> Result<Option<Review>, DirectiveError> {
    let Some(number) = parse_public(PREFIX, id) else { return Ok(None) };
    let row = tx.query_opt(&format!("{ROW} AND suggestion_id = $2"), &[org.into(), number.into()], stored)?;
    Ok(with_sides(tx, org, row.into_iter().collect())?.pop())
}

/// Open questions about these records.
///
/// # Errors
/// The database fails.
pub(crate) fn of_records(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<Review>, DirectiveError> {
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let mut rows: Vec<Stored> = Vec::new();
    for column in ["one_record", "other_record"] {
        rows.extend(tx.select_in(&format!("{ROW} AND {column} IN KEYS"), &[org.into()], Keys::Ints(&keys), stored)?);
    }
    rows.sort_by(|one, other| other.4.total_cmp(&one.4).then(one.0.cmp(&other.0)));
    rows.dedup_by_key(|row| row.0);
    with_sides(tx, org, rows)
}

fn with_sides(tx: &mut Tx, org: OrgId, rows: Vec<Stored>) -> Result<Vec<Review>, DirectiveError> {
    const SIDES: &str = "SELECT m.record_id, l.asset_id, m.name, s.text, m.integration_id, m.grade, m.last_seen
        FROM inventory_machine m
        LEFT JOIN inventory_link l ON l.org_id = m.org_id AND l.record_id = m.record_id
        LEFT JOIN inventory_term s ON s.org_id = m.org_id AND s.term_id = m.source_term
        WHERE m.org_id = $1 AND m.record_id IN KEYS";
    let mut records: Vec<i64> = rows.iter().flat_map(|row| [row.2.0, row.3.0]).collect();
    records.sort_unstable();
    records.dedup();
    let mut sides = tx.select_in(SIDES, &[org.into()], Keys::Ints(&records), |row| {
        Ok(Side {
            record: Some(RecordId(row.int(0)?)),
            asset: row.opt_int(1)?.map(AssetId),
            name: row.opt_text(2)?.map(str::to_owned),
            source: row.opt_text(3)?.unwrap_or_default().to_owned(),
            from: Some((IntegrationId(row.int(4)?), Grade::from_code(row.int(5)?))),
            last_seen: row.opt_int(6)?.map(Timestamp::from_micros),
        })
    })?;
    sides.sort_unstable_by_key(|side| side.record);
    let side = |record: RecordId| match sides.binary_search_by_key(&Some(record), |side| side.record) {
        Ok(at) => sides[at].clone(),
        Err(_) => Side { record: Some(record), ..Side::default() },
    };
    let review = |(id, about, one, other, score, evidence, since): Stored| Review {
        id: public(PREFIX, id),
        about,
        one: side(one),
        other: side(other),
        score,
        evidence,
        since,
    };
    Ok(rows.into_iter().map(review).collect())
}

/// What speaks for and against the two that a question is about.
///
/// # Errors
/// The database fails.
pub fn weighed(tx: &mut Tx, org: OrgId, review: &Review, now: Timestamp) -> Result<Option<Compared>, DirectiveError> {
    let side = |side: &Side| side.asset.map(Subject::Asset).or(side.record.map(Subject::Record));
    match (side(&review.one), side(&review.other)) {
        (Some(one), Some(other)) => compare(tx, org, one, other, now).map(Some),
        _ => Ok(None),
    }
}

/// Answers a question: `same` puts the two together for good, otherwise they are kept apart for good.
///
/// # Errors
/// There is no such question, or the database fails; the caller must then roll back.
pub fn answer(tx: &mut Tx, decision: &Decision, id: &str, same: bool) -> Result<Review, DirectiveError> {
    let none = || DirectiveError::NoSuchQuestion(id.to_owned());
    let number = parse_public(PREFIX, id).ok_or_else(none)?;
    let row = tx.query_opt(&format!("{ROW} AND suggestion_id = $2"), &[decision.org.into(), number.into()], stored)?;
    let row = row.ok_or_else(none)?;
    let (one, other) = (row.2, row.3);
    let what = if same { "review.accept" } else { "review.dismiss" };
    let subject = format!("{one} {other}");
    access::audit(tx, decision.org, decision.now, decision.by, what, &subject, decision.reason)?;
    directive::decide_pair(tx, decision, one, other, same)?;
    let mut review = with_sides(tx, decision.org, vec![row])?;
    review.pop().ok_or_else(none)
}
