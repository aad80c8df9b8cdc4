//! What is kept in memory between pages: dictionaries and compressors, valid only while the database agrees.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use kernel::{OrgId, Value, fold};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use store::{Dialect, Kind, StoreError, Tx};

use crate::body::{Bodies, BodyDictionary};
use crate::software::{plain_product, plain_vendor};
use crate::vulnerability::CveFacts;

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
    releases: FxHashMap<ReleaseKey, i64>,
    /// Releases whose titles are still to be made: an earlier version stored them.
    untitled: Vec<(i64, ReleaseKey)>,
    titles: FxHashMap<(i64, i64), i64>,
    cves: FxHashMap<i64, CveFacts>,
}

/// What a release is known by: numbers of [`RELEASE_DICTIONARIES`], 0 for what is not told.
pub(crate) type ReleaseKey = [i64; RELEASE_DICTIONARIES.len()];

/// The dictionaries of a release's texts.
pub(crate) const RELEASE_DICTIONARIES: [&str; 5] = ["product", "vendor", "version", "software_type", "cpe"];

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
    /// New releases and titles, ready to be inserted, and the titles of releases that had none.
    releases: Vec<Value<'static>>,
    titles: Vec<Value<'static>>,
    titled: Vec<Value<'static>>,
    /// CVEs of which something new was told.
    cves: Vec<i64>,
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

const RELEASE: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("release_id", Kind::Int),
    ("product_term", Kind::Int),
    ("vendor_term", Kind::Int),
    ("version_term", Kind::Int),
    ("type_term", Kind::Int),
    ("cpe_term", Kind::Int),
    ("title_id", Kind::Int),
    ("plain_term", Kind::Int),
    ("maker_term", Kind::Int),
];

const TITLE: &[(&str, Kind)] =
    &[("org_id", Kind::Int), ("title_id", Kind::Int), ("plain_term", Kind::Int), ("maker_term", Kind::Int)];

const CVE: &[(&str, Kind)] = &[
    ("org_id", Kind::Int),
    ("cve_term", Kind::Int),
    ("severity_term", Kind::Int),
    ("score", Kind::Real),
    ("cvss_version_term", Kind::Int),
    ("nvd_score", Kind::Real),
    ("nvd_version_term", Kind::Int),
    ("risk_score", Kind::Real),
    ("published_at", Kind::Int),
    ("told_at", Kind::Int),
];

impl Head {
    /// Locks the head row until the transaction ends, and takes what memory holds if it is still true.
    pub fn lock(tx: &mut Tx, org: OrgId, memory: &Memory) -> Result<Head, StoreError> {
        let stored = lock_row(tx, org)?;
        let held = match memory.take(org) {
            Some(held) if held.stamp == stored.1 => held,
            _ => Held::load(tx, org, stored.1)?,
        };
        let mut head = Head {
            org,
            next_id: stored.0,
            stored,
            held,
            terms: Vec::new(),
            dictionaries: Vec::new(),
            releases: Vec::new(),
            titles: Vec::new(),
            titled: Vec::new(),
            cves: Vec::new(),
        };
        for (release, key) in std::mem::take(&mut head.held.untitled) {
            let title = head.title(key);
            head.stamp(&[b"titled"], release);
            head.titled.extend([head.org.into(), release.into()]);
            head.titled.extend(title.map(Value::from));
        }
        Ok(head)
    }

    /// The number of a release, which is added if it is new; `None` without a product.
    pub fn release(&mut self, key: ReleaseKey) -> Option<i64> {
        if let Some(known) = self.held.releases.get(&key) {
            return Some(*known);
        }
        if key[0] == 0 {
            return None;
        }
        let title = self.title(key);
        let id = self.next_id();
        self.held.releases.insert(key, id);
        self.stamp(&[b"release"], id);
        self.releases.extend([self.org.into(), id.into()]);
        self.releases.extend(key.map(|number| Value::from((number != 0).then_some(number))));
        self.releases.extend(title.map(Value::from));
        Some(id)
    }

    /// The title of a release, and its plain names.
    fn title(&mut self, key: ReleaseKey) -> [Option<i64>; 3] {
        let [product, vendor, version, ..] = key;
        let told = |term: i64| Some(self.text(term)).filter(|text| !text.is_empty());
        let plain = plain_product(self.text(product), told(version));
        let maker = told(vendor).map(plain_vendor);
        let plain = self.term("plain_product", &plain);
        let maker = maker.map(|maker| self.term("plain_vendor", &maker));
        let names = (plain, maker.unwrap_or(0));
        let title = match self.held.titles.get(&names) {
            Some(known) => *known,
            None => {
                let id = self.next_id();
                self.held.titles.insert(names, id);
                self.stamp(&[b"title"], id);
                self.titles.extend([self.org.into(), id.into(), plain.into(), maker.into()]);
                id
            }
        };
        [Some(title), Some(plain), maker]
    }

    /// Takes in what a record tells of a CVE.
    pub fn cve(&mut self, cve: i64, told: CveFacts) {
        let learned = match self.held.cves.get(&cve) {
            Some(known) => known.with(told),
            None => Some(told),
        };
        if let Some(learned) = learned {
            self.held.cves.insert(cve, learned);
            self.stamp(&[b"cve"], cve);
            self.cves.push(cve);
        }
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
    pub fn finish(mut self, tx: &mut Tx, memory: &Memory) -> Result<(), StoreError> {
        const MOVE: &str = "UPDATE inventory_head SET next_id = $2, stamp = $3 WHERE org_id = $1";
        tx.insert_many("inventory_term", TERM, &self.terms, "")?;
        tx.insert_many("inventory_body_dictionary", BODY_DICTIONARY, &self.dictionaries, "")?;
        tx.insert_many("inventory_release", RELEASE, &self.releases, "")?;
        tx.insert_many("inventory_title", TITLE, &self.titles, "")?;
        tx.update_many("inventory_release", &RELEASE[..2], &RELEASE[7..], &self.titled)?;
        self.write_cves(tx)?;
        if self.stored != (self.next_id, self.held.stamp) {
            tx.execute(MOVE, &[self.org.into(), self.next_id.into(), self.held.stamp.into()])?;
        }
        memory.give(self.org, self.held);
        Ok(())
    }

    fn write_cves(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        const AGAIN: &str = "ON CONFLICT (org_id, cve_term) DO UPDATE SET severity_term = excluded.severity_term,
            score = excluded.score, cvss_version_term = excluded.cvss_version_term, nvd_score = excluded.nvd_score,
            nvd_version_term = excluded.nvd_version_term, risk_score = excluded.risk_score,
            published_at = excluded.published_at, told_at = excluded.told_at";
        // One statement must not name a row twice.
        self.cves.sort_unstable();
        self.cves.dedup();
        let mut rows = Vec::with_capacity(self.cves.len() * CVE.len());
        for cve in &self.cves {
            let facts = self.held.cves.get(cve).copied().unwrap_or_default();
            rows.extend([
                self.org.into(),
                (*cve).into(),
                facts.severity.into(),
                facts.score.into(),
                facts.cvss_version.into(),
                facts.nvd_score.into(),
                facts.nvd_version.into(),
                facts.risk_score.into(),
                facts.published_at.into(),
                facts.told_at.into(),
            ]);
        }
        tx.insert_many("inventory_cve", CVE, &rows, AGAIN)?;
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
        held.load_software(tx, org)?;
        Ok(held)
    }
}

impl Held {
    fn load_software(&mut self, tx: &mut Tx, org: OrgId) -> Result<(), StoreError> {
        const RELEASES: &str =
            "SELECT release_id, product_term, vendor_term, version_term, type_term, cpe_term, title_id
            FROM inventory_release WHERE org_id = $1";
        const TITLES: &str = "SELECT title_id, plain_term, maker_term FROM inventory_title WHERE org_id = $1";
        const CVES: &str = "SELECT cve_term, severity_term, score, cvss_version_term, nvd_score, nvd_version_term,
            risk_score, published_at, told_at FROM inventory_cve WHERE org_id = $1";
        tx.query(RELEASES, &[org.into()], |row| {
            let mut key = ReleaseKey::default();
            for (at, number) in key.iter_mut().enumerate() {
                *number = row.opt_int(at + 1)?.unwrap_or(0);
            }
            self.releases.insert(key, row.int(0)?);
            if row.opt_int(6)?.is_none() {
                self.untitled.push((row.int(0)?, key));
            }
            Ok(())
        })?;
        tx.query(TITLES, &[org.into()], |row| {
            self.titles.insert((row.opt_int(1)?.unwrap_or(0), row.opt_int(2)?.unwrap_or(0)), row.int(0)?);
            Ok(())
        })?;
        tx.query(CVES, &[org.into()], |row| {
            let facts = CveFacts {
                severity: row.opt_int(1)?,
                score: row.opt_real(2)?,
                cvss_version: row.opt_int(3)?,
                nvd_score: row.opt_real(4)?,
                nvd_version: row.opt_int(5)?,
                risk_score: row.opt_real(6)?,
                published_at: row.opt_int(7)?,
                told_at: row.opt_int(8)?,
            };
            self.cves.insert(row.int(0)?, facts);
            Ok(())
        })?;
        Ok(())
    }
}

/// Takes an id without touching the dictionaries.
pub(crate) fn next_id(tx: &mut Tx, org: OrgId) -> Result<i64, StoreError> {
    next_ids(tx, org, 1)
}

/// So many ids one after the other, while no head is held; the first of them.
pub(crate) fn next_ids(tx: &mut Tx, org: OrgId, count: i64) -> Result<i64, StoreError> {
    let (id, _) = lock_row(tx, org)?;
    tx.execute("UPDATE inventory_head SET next_id = $2 WHERE org_id = $1", &[org.into(), (id + count).into()])?;
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
