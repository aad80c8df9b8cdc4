//! Full text: the words of every artifact, in an index that follows the log by its own cursor.

use std::fmt::{self, Write as _};

use jobs::World;
use kernel::{OrgId, Value};
use query::{Matcher, words};
use rustc_hash::FxHashSet;
use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use store::{Dialect, Kind, Store, Tx};

use crate::{SignalsError, log};

/// Artifacts that one transaction adds to the index.
const STEP_ARTIFACTS: usize = 1000;

/// Bytes of records that one transaction adds to the index, about.
const STEP_BYTES: usize = 16 << 20;

/// The most bytes of different words that the index takes from one artifact: PostgreSQL has room for a megabyte. A record
/// of the console's is a hundredth of it; of a larger one the first words are found, and it is counted.
const WORDS_BYTES_MAX: usize = 512 << 10;

/// Artifacts that a question reads one by one because the index does not have them yet, at most: about a second of work.
const UNINDEXED_MAX: u64 = 50_000;

/// Row numbers of SQLite's full-text table: the organization, times this, and the artifact's number.
const ROWS_OF_ORG: i64 = 1 << 40;

/// What catching up did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Artifacts whose words were added.
    pub artifacts: u64,
    /// Of these, how many had more words than the index takes.
    pub cut: u64,
}

/// Brings the full-text index to the end of the log, in transactions of its own. Call it after a sync, in the background.
///
/// # Errors
/// The database fails or a block of the log is damaged.
pub async fn index(store: &Store, world: &World, org: OrgId) -> Result<Indexed, SignalsError> {
    let mut indexed = Indexed::default();
    loop {
        // Words are found outside the writing transaction: it is the one thing that all writers share.
        let step = world.outside(store.read(move |tx| Step::read(tx, org))).await?;
        if step.rows.is_empty() {
            return Ok(indexed);
        }
        let more = step.more;
        let done = world.outside(store.write(move |tx| step.write(tx, org))).await?;
        indexed.artifacts += done.artifacts;
        indexed.cut += done.cut;
        if !more {
            return Ok(indexed);
        }
    }
}

/// One step of [`index`] in the caller's transaction: a thousand artifacts at most. None were added if the index is at the end
/// of the log.
///
/// # Errors
/// As [`index`].
pub fn index_in(tx: &mut Tx, org: OrgId) -> Result<Indexed, SignalsError> {
    Step::read(tx, org)?.write(tx, org)
}

/// Empties the full-text index, so that [`index`] makes it anew. On SQLite that of all organizations, which share a table.
///
/// # Errors
/// The database fails.
pub fn rebuild_index(tx: &mut Tx, org: OrgId) -> Result<(), SignalsError> {
    match tx.dialect() {
        Dialect::Sqlite => {
            tx.execute("INSERT INTO signals_text (signals_text) VALUES ('delete-all')", &[])?;
            tx.execute("DELETE FROM signals_text_head", &[])?;
        }
        Dialect::Postgres => {
            tx.execute("DELETE FROM signals_text WHERE org_id = $1", &[org.into()])?;
            tx.execute("DELETE FROM signals_text_head WHERE org_id = $1", &[org.into()])?;
        }
    }
    Ok(())
}

/// How many artifacts the full-text index does not have yet, or about so many: numbers that retention removed count too.
///
/// # Errors
/// The database fails.
pub fn unindexed_count(tx: &mut Tx, org: OrgId) -> Result<u64, SignalsError> {
    const BEHIND: &str = "SELECT COALESCE((SELECT h.next_seq - 1 FROM signals_head h WHERE h.org_id = $1), 0)
        - COALESCE((SELECT x.indexed FROM signals_text_head x WHERE x.org_id = $1), 0)";
    Ok(tx.query_one(BEHIND, &[org.into()], |row| row.int(0))?.max(0).unsigned_abs())
}

/// The numbers of those artifacts that the index does not have yet and whose words match: a question that uses the index
/// adds them, so that its answer is complete however far the index is.
///
/// # Errors
/// More artifacts are missing than a question may read, the database fails, or a block of the log is damaged.
pub fn unindexed(tx: &mut Tx, org: OrgId, matcher: &Matcher) -> Result<Vec<i64>, SignalsError> {
    let behind = unindexed_count(tx, org)?;
    if behind > UNINDEXED_MAX {
        return Err(SignalsError::IndexBehind(behind));
    }
    let mut after = head(tx, org)?;
    let mut found = Vec::new();
    let mut more = behind > 0;
    while more {
        let artifacts;
        (artifacts, more) = log::scan_within(tx, org, after, STEP_ARTIFACTS, STEP_BYTES)?;
        let Some(last) = artifacts.last() else { break };
        after = last.seq;
        let matching = artifacts.iter().filter(|artifact| matcher.matches_text(&Words::of(&artifact.raw).text));
        found.extend(matching.map(|artifact| artifact.seq));
    }
    Ok(found)
}

/// Removes artifacts from the index.
pub(crate) fn forget(tx: &mut Tx, org: OrgId, seqs: &[i64]) -> Result<(), SignalsError> {
    match tx.dialect() {
        Dialect::Sqlite => {
            let rows: Vec<Value> = seqs.iter().map(|seq| Value::Int(org.0 * ROWS_OF_ORG + seq)).collect();
            tx.delete_many("signals_text", &[("rowid", Kind::Int)], &rows)?;
        }
        Dialect::Postgres => {
            let rows: Vec<Value> = seqs.iter().flat_map(|seq| [org.into(), Value::Int(*seq)]).collect();
            tx.delete_many("signals_text", &[("org_id", Kind::Int), ("seq", Kind::Int)], &rows)?;
        }
    }
    Ok(())
}

fn head(tx: &mut Tx, org: OrgId) -> Result<i64, SignalsError> {
    const HEAD: &str = "SELECT indexed FROM signals_text_head WHERE org_id = $1";
    Ok(tx.query_opt(HEAD, &[org.into()], |row| row.int(0))?.unwrap_or(0))
}

/// What one transaction adds.
struct Step {
    after: i64,
    rows: Vec<(i64, Words)>,
    more: bool,
}

impl Step {
    fn read(tx: &mut Tx, org: OrgId) -> Result<Step, SignalsError> {
        let after = head(tx, org)?;
        let (artifacts, more) = log::scan_within(tx, org, after, STEP_ARTIFACTS, STEP_BYTES)?;
        let rows = artifacts.iter().map(|artifact| (artifact.seq, Words::of(&artifact.raw))).collect();
        Ok(Step { after, rows, more })
    }

    /// Adds the words, unless somebody else has moved on meanwhile.
    fn write(self, tx: &mut Tx, org: OrgId) -> Result<Indexed, SignalsError> {
        const BEGIN: &str =
            "INSERT INTO signals_text_head (org_id, indexed, cut) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING";
        const MOVE: &str =
            "UPDATE signals_text_head SET indexed = $3, cut = cut + $4 WHERE org_id = $1 AND indexed = $2";
        const ADD_POSTGRES: &str = "INSERT INTO signals_text (org_id, seq, words)
            SELECT CAST($1 AS BIGINT), CAST(split_part(line, ' ', 1) AS BIGINT),
                array_to_tsvector(string_to_array(substr(line, strpos(line, ' ') + 1), ' '))
            FROM unnest(string_to_array(CAST($2 AS TEXT), E'\\n')) AS line";
        let Some((last, _)) = self.rows.last() else { return Ok(Indexed::default()) };
        let cut = self.rows.iter().filter(|(_, words)| words.cut).count() as u64;
        tx.execute(BEGIN, &[org.into()])?;
        let moved = [org.into(), self.after.into(), (*last).into(), Value::Int(cut as i64)];
        if tx.execute(MOVE, &moved)? == 0 {
            return Ok(Indexed::default());
        }
        let artifacts = self.rows.len() as u64;
        match tx.dialect() {
            Dialect::Sqlite => {
                let rows: Vec<Value> = (self.rows.iter())
                    .flat_map(|(seq, words)| [Value::Int(org.0 * ROWS_OF_ORG + seq), Value::from(&words.text)])
                    .collect();
                tx.insert_many("signals_text", &[("rowid", Kind::Int), ("words", Kind::Text)], &rows, "")?;
            }
            Dialect::Postgres => {
                let mut lines = String::new();
                for (seq, words) in self.rows.iter().filter(|(_, words)| !words.text.is_empty()) {
                    let end = if lines.is_empty() { "" } else { "\n" };
                    write!(lines, "{end}{seq} {}", words.text).expect("writing to memory cannot fail");
                }
                if !lines.is_empty() {
                    tx.execute(ADD_POSTGRES, &[org.into(), lines.into()])?;
                }
            }
        }
        Ok(Indexed { artifacts, cut })
    }
}

/// The different words of a record, parted by spaces.
struct Words {
    text: String,
    cut: bool,
}

impl Words {
    fn of(raw: &[u8]) -> Words {
        let (mut text, mut cut) = (String::new(), false);
        let mut known: FxHashSet<Box<str>> = FxHashSet::default();
        words::each_word(&values_of(raw), |word| {
            if cut || known.contains(word) {
                return;
            }
            if text.len() + word.len() >= WORDS_BYTES_MAX {
                cut = true;
                return;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
            known.insert(word.into());
        });
        Words { text, cut }
    }
}

/// All texts and numbers that a record holds, with a space between them. Names of members are left out, and what is no JSON
/// is taken as it is.
pub(crate) fn values_of(raw: &[u8]) -> String {
    let mut values = Values(String::with_capacity(raw.len()));
    let mut json = serde_json::Deserializer::from_slice(raw);
    match json.deserialize_any(&mut values) {
        Ok(()) => values.0,
        Err(_) => String::from_utf8_lossy(raw).into_owned(),
    }
}

/// Collects values without building a tree.
struct Values(String);

impl Values {
    fn add(&mut self, value: impl fmt::Display) {
        write!(self.0, "{value} ").expect("writing to memory cannot fail");
    }
}

impl<'de> Visitor<'de> for &mut Values {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.add(number);
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.add(number);
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.add(number);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        self.0.push(' ');
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Inside(self))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Inside(self))?;
        }
        Ok(())
    }
}

struct Inside<'a>(&'a mut Values);

impl<'de> serde::de::DeserializeSeed<'de> for Inside<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(raw: &str) -> String {
        Words::of(raw.as_bytes()).text
    }

    #[test]
    fn words_are_those_of_values_and_each_one_once() {
        assert_eq!(words(r#"{"name":"PC-1","n":[1,2.5,true,null,{"deep":"pc É\u00c9"}]}"#), "pc 1 2 5 éé");
        assert_eq!(words("{}"), "");
        assert_eq!(words("half {\"a\": \"b"), "half a b");
    }

    #[test]
    fn a_record_of_endless_words_is_cut_and_says_so() {
        let many: Vec<String> = (0..100_000).map(|n| format!("word{n}")).collect();
        let found = Words::of(format!("[\"{}\"]", many.join(" ")).as_bytes());
        assert!(found.cut && found.text.len() < WORDS_BYTES_MAX && found.text.starts_with("word0 word1 "));
    }
}
