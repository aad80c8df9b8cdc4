//! What is kept in memory between pages: dictionaries and compressors, valid only while the database agrees.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use kernel::{OrgId, Value, fold};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use store::{Dialect, Kind, StoreError, Tx};

use crate::body::{Bodies, BodyDictionary};

/// Dictionaries and compressors, kept between pages. Make one per process and database, and share it.
///
/// It needs no care around failed transactions: every use begins by comparing the digest of what is held here with
/// the digest in the database, and what differs is dropped and read again.
#[derive(Default)]
pub struct Memory {
    orgs: Mutex<FxHashMap<OrgId, Held>>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    fn take(&self, org: OrgId) -> Option<Held> {
        self.orgs.lock().unwrap_or_else(PoisonError::into_inner).remove(&org)
    }

    fn give(&self, org: OrgId, held: Held) {
        self.orgs.lock().unwrap_or_else(PoisonError::into_inner).insert(org, held);
    }
}

/// What memory holds for one organization.
#[derive(Default)]
struct Held {
    /// Digest of everything that was ever added to the dictionaries held here.
    stamp: i64,
    terms: Terms,
    bodies: Bodies,
}

/// Terms, by dictionary and text, and back.
#[derive(Default)]
struct Terms {
    ids: FxHashMap<Box<str>, FxHashMap<Box<str>, i64>>,
    texts: FxHashMap<i64, Box<str>>,
}

impl Terms {
    fn id(&self, dictionary: &str, text: &str) -> Option<i64> {
        self.ids.get(dictionary)?.get(text).copied()
    }

    fn add(&mut self, dictionary: &str, text: &str, id: i64) {
        if !self.ids.contains_key(dictionary) {
            self.ids.insert(dictionary.into(), FxHashMap::default());
        }
        if let Some(texts) = self.ids.get_mut(dictionary) {
            texts.insert(text.into(), id);
        }
        self.texts.insert(id, text.into());
    }
}

/// The organization's head row, locked, and what memory holds for it. Whoever has it may hand out ids and add terms.
pub(crate) struct Head {
    org: OrgId,
    next_id: i64,
    stored: (i64, i64),
    held: Held,
    /// New terms, ready to be inserted.
    terms: Vec<Value<'static>>,
    /// New body dictionaries, ready to be inserted.
    dictionaries: Vec<Value<'static>>,
}

const TERM: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("term_id", Kind::Int),
    ("dictionary", Kind::Text),
    ("text", Kind::Text),
    ("folded", Kind::Text),
];

const BODY_DICTIONARY: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("dictionary_id", Kind::Int),
    ("stream", Kind::Text),
    ("created_at", Kind::Int),
    ("bytes", Kind::Bytes),
];

impl Head {
    /// Locks the head row until the transaction ends, and takes what memory holds if it is still true.
    pub fn lock(tx: &mut Tx, org: OrgId, memory: &Memory) -> Result<Head, StoreError> {
        let stored = lock_row(tx, org)?;
        let held = match memory.take(org) {
            Some(held) if held.stamp == stored.1 => held,
            _ => Held::load(tx, org, stored.1)?,
        };
        Ok(Head { org, next_id: stored.0, stored, held, terms: Vec::new(), dictionaries: Vec::new() })
    }

    /// The next id of this organization.
    pub fn next_id(&mut self) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// The number of a term, which is added if it is new.
    pub fn term(&mut self, dictionary: &'static str, text: &str) -> i64 {
        if let Some(id) = self.held.terms.id(dictionary, text) {
            return id;
        }
        let id = self.next_id();
        self.held.terms.add(dictionary, text, id);
        self.stamp(&[dictionary.as_bytes(), text.as_bytes()], id);
        self.terms.extend([
            Value::from(self.org),
            id.into(),
            dictionary.into(),
            text.to_owned().into(),
            fold(text).into_owned().into(),
        ]);
        id
    }

    /// The text of a term; empty for a number that is none, such as the 0 that stands for nothing in a key.
    pub fn text(&self, term: i64) -> &str {
        self.held.terms.texts.get(&term).map_or("", |text| text)
    }

    /// The compressors.
    pub fn bodies(&mut self) -> &mut Bodies {
        &mut self.held.bodies
    }

    /// Adds a dictionary with which bodies of a stream are compressed from now on.
    pub fn add_body_dictionary(&mut self, stream: &str, now: kernel::Timestamp, bytes: Vec<u8>) {
        let id = self.next_id();
        self.stamp(&[b"body", stream.as_bytes(), &bytes], id);
        self.held.bodies.add(stream, &BodyDictionary { id, bytes: &bytes });
        let row = [Value::from(self.org), id.into(), stream.to_owned().into(), now.into(), bytes.into()];
        self.dictionaries.extend(row);
    }

    /// Moves the digest on, so that it covers one more row.
    fn stamp(&mut self, parts: &[&[u8]], id: i64) {
        let mut hash = Sha256::new();
        hash.update(self.held.stamp.to_le_bytes());
        hash.update(id.to_le_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        self.held.stamp = i64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    }

    /// Writes what was added, and gives memory back. If anything fails, memory has nothing, which is always true.
    pub fn finish(self, tx: &mut Tx, memory: &Memory) -> Result<(), StoreError> {
        const MOVE: &str = "UPDATE inventory_head SET next_id = $2, stamp = $3 WHERE org_id = $1";
        tx.insert_many("inventory_term", TERM, &self.terms, "")?;
        tx.insert_many("inventory_body_dictionary", BODY_DICTIONARY, &self.dictionaries, "")?;
        if self.stored != (self.next_id, self.held.stamp) {
            tx.execute(MOVE, &[self.org.into(), self.next_id.into(), self.held.stamp.into()])?;
        }
        memory.give(self.org, self.held);
        Ok(())
    }
}

impl Held {
    fn load(tx: &mut Tx, org: OrgId, stamp: i64) -> Result<Held, StoreError> {
        const TERMS: &str = "SELECT term_id, dictionary, text FROM inventory_term WHERE org_id = $1";
        const DICTIONARIES: &str = "SELECT dictionary_id, stream, bytes FROM inventory_body_dictionary
            WHERE org_id = $1 ORDER BY dictionary_id";
        let mut held = Held { stamp, ..Held::default() };
        tx.query(TERMS, &[org.into()], |row| {
            held.terms.add(row.text(1)?, row.text(2)?, row.int(0)?);
            Ok(())
        })?;
        // In the order of their ids, so that the youngest of a stream is the one in use.
        tx.query(DICTIONARIES, &[org.into()], |row| {
            held.bodies.add(row.text(1)?, &BodyDictionary { id: row.int(0)?, bytes: row.bytes(2)? });
            Ok(())
        })?;
        Ok(held)
    }
}

/// Takes an id without touching the dictionaries.
pub(crate) fn next_id(tx: &mut Tx, org: OrgId) -> Result<i64, StoreError> {
    let (id, _) = lock_row(tx, org)?;
    tx.execute("UPDATE inventory_head SET next_id = $2 WHERE org_id = $1", &[org.into(), (id + 1).into()])?;
    Ok(id)
}

/// Locks the head row until the transaction ends, making it if there is none: the next id, and the stamp.
fn lock_row(tx: &mut Tx, org: OrgId) -> Result<(i64, i64), StoreError> {
    // On SQLite a writing transaction is alone by itself.
    const SQLITE: &str = "SELECT next_id, stamp FROM inventory_head WHERE org_id = $1";
    const POSTGRES: &str = "SELECT next_id, stamp FROM inventory_head WHERE org_id = $1 FOR UPDATE";
    const MAKE: &str =
        "INSERT INTO inventory_head (org_id, next_id, stamp) VALUES ($1, 1, 0) ON CONFLICT (org_id) DO NOTHING";
    let sql = match tx.dialect() {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    if let Some(head) = tx.query_opt(sql, &[org.into()], |row| Ok((row.int(0)?, row.int(1)?)))? {
        return Ok(head);
    }
    tx.execute(MAKE, &[org.into()])?;
    tx.query_one(sql, &[org.into()], |row| Ok((row.int(0)?, row.int(1)?)))
}
