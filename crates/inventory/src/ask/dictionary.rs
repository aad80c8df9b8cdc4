//! Dictionaries: text of few distinct values, matched in Rust and handed to SQL as lists of numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use kernel::{AssetId, OrgId, RecordId, ServiceId, SiteId};
use query::{Column, Known, Matcher, Saved, Terms};
use store::{StoreError, Tx};

use super::AskError;
use crate::catalogue::{ASSET_IDS, FIELD_KEYS, INTEGRATION, RECORD_IDS, SERVICE_IDS, SITE_IDS, SITE_NAMES, catalogue};

/// How many of a field's values a suggestion looks at, most frequent first.
const VALUES_SEEN_MAX: i64 = 200;

/// The dictionaries that a question needs, loaded once.
#[derive(Default)]
pub(crate) struct Dictionaries {
    loaded: HashMap<String, Vec<(i64, String)>>,
    /// What the full-text index lacks, by the words that were looked for.
    unindexed: HashMap<String, Vec<i64>>,
}

impl Dictionaries {
    /// Parts a dictionary's numbers by a matcher; reads the dictionary if it is not here yet.
    pub(crate) fn resolve(
        &mut self,
        tx: &mut Tx<'_>,
        org: OrgId,
        name: &str,
        matcher: &Matcher,
    ) -> Result<Terms, AskError> {
        if name == signals::UNINDEXED {
            let matched = match self.unindexed.entry(format!("{matcher:?}")) {
                Entry::Occupied(found) => found.get().clone(),
                Entry::Vacant(empty) => empty.insert(unindexed(tx, org, matcher)?).clone(),
            };
            return Ok(Terms { matched, rest: Vec::new() });
        }
        let known = match name {
            signals::ARTIFACT_IDS => artifacts(tx, org, matcher)?,
            _ => public_ids(name, matcher),
        };
        if let Some(matched) = known {
            // There are others, which nobody read: numbers that no id has stand for them.
            let rest = (0..=matched.len()).filter_map(|at| i64::try_from(at).ok()).map(|at| -1 - at).collect();
            return Ok(Terms { matched, rest });
        }
        let entries = match self.loaded.entry(name.to_owned()) {
            Entry::Occupied(loaded) => loaded.into_mut(),
            Entry::Vacant(empty) => empty.insert(entries(tx, org, name)?),
        };
        Ok(Terms::of(entries.iter().map(|(number, text)| (*number, text.as_str())), matcher))
    }
}

/// The artifacts that the full-text index does not have yet and that match.
fn unindexed(tx: &mut Tx<'_>, org: OrgId, matcher: &Matcher) -> Result<Vec<i64>, AskError> {
    signals::unindexed(tx, org, matcher).map_err(|error| match error {
        signals::SignalsError::IndexBehind(behind) => AskError::TooWide {
            message: format!(
                "the full-text index lacks {behind} artifacts, too many to read one by one: muster log index adds them"
            ),
        },
        other => crate::InventoryError::from(other).into(),
    })
}

/// The numbers behind artifacts' ids that are asked for whole.
fn artifacts(tx: &mut Tx<'_>, org: OrgId, matcher: &Matcher) -> Result<Option<Vec<i64>>, AskError> {
    let texts = match matcher {
        Matcher::Equals(text) | Matcher::Exact(text) => std::slice::from_ref(text),
        Matcher::OneOf(texts) => texts,
        _ => return Ok(None),
    };
    let ids = texts.iter().filter_map(|text| signals::ArtifactId::parse(text));
    let found = ids.map(|id| signals::find(tx, org, id)).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(crate::InventoryError::from)?;
    Ok(Some(found.into_iter().flatten().map(|artifact| artifact.seq).collect()))
}

/// The numbers behind public ids that are asked for whole, without reading all ids that there are.
fn public_ids(dictionary: &str, matcher: &Matcher) -> Option<Vec<i64>> {
    let parse: fn(&str) -> Option<i64> = match dictionary {
        ASSET_IDS => |text| AssetId::parse(text).map(|id| id.0),
        RECORD_IDS => |text| RecordId::parse(text).map(|id| id.0),
        SERVICE_IDS => |text| ServiceId::parse(text).map(|id| id.0),
        SITE_IDS => |text| SiteId::parse(text).map(|id| id.0),
        _ => return None,
    };
    match matcher {
        Matcher::Equals(text) | Matcher::Exact(text) => Some(parse(text).into_iter().collect()),
        Matcher::OneOf(texts) => Some(texts.iter().filter_map(|text| parse(text)).collect()),
        _ => None,
    }
}

fn entries(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<Vec<(i64, String)>, StoreError> {
    let computed = |tx: &mut Tx<'_>, sql: &str, public: fn(i64) -> String| {
        tx.query(sql, &[org.into()], |row| row.int(0).map(|number| (number, public(number))))
    };
    match name {
        ASSET_IDS => {
            computed(tx, "SELECT asset_id FROM inventory_asset WHERE org_id = $1", |number| AssetId(number).to_string())
        }
        RECORD_IDS => computed(tx, "SELECT record_id FROM inventory_source_record WHERE org_id = $1", |number| {
            RecordId(number).to_string()
        }),
        SERVICE_IDS => {
            let sql = "SELECT service_id FROM inventory_service WHERE org_id = $1";
            computed(tx, sql, |number| ServiceId(number).to_string())
        }
        SITE_IDS => {
            computed(tx, "SELECT site_id FROM inventory_site WHERE org_id = $1", |number| SiteId(number).to_string())
        }
        signals::ARTIFACT_IDS => {
            let sql = "SELECT seq, artifact_id FROM signals_artifact WHERE org_id = $1";
            tx.query(sql, &[org.into()], |row| {
                let id = row.bytes(1)?.iter().map(|byte| format!("{byte:02x}")).collect();
                Ok((row.int(0)?, id))
            })
        }
        FIELD_KEYS => {
            let sql = "SELECT field_id, key FROM inventory_field WHERE org_id = $1";
            tx.query(sql, &[org.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))
        }
        SITE_NAMES => {
            let sql = "SELECT site_id, name FROM inventory_site WHERE org_id = $1";
            tx.query(sql, &[org.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))
        }
        stored => {
            let sql = "SELECT term_id, text FROM inventory_term WHERE org_id = $1 AND dictionary = $2";
            tx.query(sql, &[org.into(), stored.into()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))
        }
    }
}

/// What the data holds, for checking a query against it.
///
/// The checker cannot fail, so an error of the database is kept until [`Seen::finish`].
pub(crate) struct Seen<'a, 'tx> {
    tx: RefCell<&'a mut Tx<'tx>>,
    org: OrgId,
    counting: bool,
    failed: RefCell<Option<StoreError>>,
    /// A saved query that is not stored yet.
    kept: Option<Saved>,
}

impl<'a, 'tx> Seen<'a, 'tx> {
    /// Looks at the data through `tx`; counts how often each value occurs only if `counting`.
    pub(crate) fn new(tx: &'a mut Tx<'tx>, org: OrgId, counting: bool) -> Seen<'a, 'tx> {
        Seen { tx: RefCell::new(tx), org, counting, failed: RefCell::new(None), kept: None }
    }

    /// Takes a saved query for one that is stored, in the place of one of its name.
    pub(crate) fn keep(&mut self, saved: Saved) {
        self.kept = Some(saved);
    }

    /// The error that looking met, if any.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn look(&self, inventory: &str, field: &str) -> Result<Option<Vec<(String, u64)>>, StoreError> {
        let Some(inventory) = catalogue().inventory(inventory) else { return Ok(None) };
        let Some(field) = inventory.field(field) else { return Ok(None) };
        if field.name == INTEGRATION {
            let names = crate::integration::names(&mut self.tx.borrow_mut(), self.org)?;
            return Ok(Some(names.into_iter().map(|name| (name, 0)).collect()));
        }
        let (from, column, dictionary) = match &field.column {
            Column::Term { column, dictionary } => (None, *column, *dictionary),
            Column::Many { from, value } => match &**value {
                Column::Term { column, dictionary } => (Some(*from), *column, *dictionary),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        // Public ids are no vocabulary.
        if [ASSET_IDS, RECORD_IDS, SERVICE_IDS, SITE_IDS, signals::ARTIFACT_IDS].contains(&dictionary) {
            return Ok(None);
        }
        let mut tx = self.tx.borrow_mut();
        let texts = entries(&mut tx, self.org, dictionary)?;
        if !self.counting || !inventory.listed {
            return Ok(Some(texts.into_iter().map(|(_, text)| (text, 0)).collect()));
        }
        let column = column.replace("{t}", "t");
        let table = inventory.base.table;
        let sql = match from {
            None => format!("SELECT {column}, COUNT(*) FROM {table} t WHERE t.org_id = $1 GROUP BY 1"),
            Some(from) => {
                let from = from.replace("{t}", "t").replacen("FROM ", "", 1);
                format!("SELECT {column}, COUNT(*) FROM {table} t, {from} AND t.org_id = $1 GROUP BY 1")
            }
        };
        let sql = format!("{sql} ORDER BY 2 DESC LIMIT {VALUES_SEEN_MAX}");
        let counts = tx.query(&sql, &[self.org.into()], |row| Ok((row.opt_int(0)?, row.int(1)?)))?;
        let texts: HashMap<i64, String> = texts.into_iter().collect();
        let named = |(number, count): (Option<i64>, i64)| {
            Some((texts.get(&number?)?.clone(), u64::try_from(count).unwrap_or_default()))
        };
        Ok(Some(counts.into_iter().filter_map(named).collect()))
    }
}

impl Known for Seen<'_, '_> {
    fn values(&self, inventory: &str, field: &str) -> Option<Vec<(String, u64)>> {
        self.look(inventory, field).unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            None
        })
    }

    fn saved(&self) -> Option<Vec<Saved>> {
        let known = crate::saved::known(&mut self.tx.borrow_mut(), self.org).unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            Vec::new()
        });
        let kept = self.kept.as_ref();
        let others = known.into_iter().filter(|saved| kept.is_none_or(|kept| kept.name != saved.name));
        Some(others.chain(kept.cloned()).collect())
    }

    fn sources(&self) -> Option<Vec<String>> {
        let seen = entries(&mut self.tx.borrow_mut(), self.org, "source").unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            Vec::new()
        });
        // Whether nothing has come at all is told where answers are shown.
        let seen: Vec<String> = seen.into_iter().map(|(_, text)| text).collect();
        (!seen.is_empty()).then_some(seen)
    }
}
