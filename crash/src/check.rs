//! The verdict: what is stored, held against what the console issued.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kernel::OrgId;
use sentinelone_sim::tokens;
use signals::Op;
use store::{Access, Dialect, Slice, Store, StoreError};

use crate::console::{Console, Hash, hash};

const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];

/// Artifacts read at once.
const AT_ONCE: usize = 500;

/// Streams whose records we put together ourselves from several answers: their bytes were never issued as one.
const COMPOSED: &[&str] = &["applications"];

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records that the console has, and we have not, or not as they are.
    pub lost: Vec<String>,
    /// What we have and the console never issued.
    pub invented: Vec<String>,
    /// Versions that the log has twice.
    pub twice: Vec<String>,
    /// Lines of the sink's file beyond the first of each artifact.
    pub duplicates: u64,
    /// Artifacts in the log.
    pub artifacts: u64,
    /// Records compared.
    pub records: u64,
}

/// What must hold in a database whose writer was just killed; answers what does not.
pub fn standing(database: &str) -> Vec<String> {
    let store = match open(database) {
        Ok(store) => store,
        // The program died before the tables were there.
        Err(StoreError::Missing { .. } | StoreError::Older { .. }) => return Vec::new(),
        Err(error) => return vec![format!("the database cannot be opened: {error}")],
    };
    let looked = store.read_blocking::<_, StoreError, _>(|tx| {
        let mut wrong = match tx.dialect() {
            Dialect::Sqlite => tx.check()?.problems,
            Dialect::Postgres => Vec::new(),
        };
        // Every page that a checkpoint counts left its records behind, and no page is there that it does not count.
        const AHEAD: &str = "SELECT count(*) FROM sync_stream t WHERE t.sweep_id IS NOT NULL AND t.page <> \
            (SELECT count(*) FROM sync_sweep_page p WHERE p.org_id = t.org_id AND p.sweep_id = t.sweep_id)";
        if tx.query_one(AHEAD, &[], |row| row.int(0))? != 0 {
            wrong.push("a checkpoint and its pages differ".to_owned());
        }
        const UNLOGGED: &str = "SELECT count(*) FROM inventory_source_record r WHERE NOT EXISTS (SELECT 1 FROM \
            signals_artifact a WHERE a.org_id = r.org_id AND a.stream = r.stream AND a.native_id = r.native_id)";
        if tx.query_one(UNLOGGED, &[], |row| row.int(0))? != 0 {
            wrong.push("a record was stored without its artifact".to_owned());
        }
        Ok(wrong)
    });
    looked.unwrap_or_else(|error| vec![format!("the database cannot be read: {error}")])
}

/// Lets all leases run out, as if time had passed since their holders died.
pub fn lapse(database: &str) -> Result<(), StoreError> {
    match open(database) {
        // The program died before the tables were there.
        Err(StoreError::Missing { .. } | StoreError::Older { .. }) => return Ok(()),
        opened => drop(opened?),
    }
    let _alone = crate::life::STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let store = Store::open(&database.parse()?, Access::Writer, SLICES)?;
    store.write_blocking(|tx| {
        for table in ["sync_stream", "signals_sink"] {
            tx.execute(&format!("UPDATE {table} SET lease_until = 0 WHERE lease_until IS NOT NULL"), &[])?;
        }
        Ok(())
    })
}

/// Holds a sink's file against the log, after everything was delivered; answers what is wrong besides.
pub fn delivered(file: &Path, database: &str, kills: u64, verdict: &mut Verdict) -> Vec<String> {
    let mut wrong = Vec::new();
    let logged: BTreeSet<String> = match open(database).and_then(|store| artifacts(&store)) {
        Ok(artifacts) => artifacts.iter().map(|artifact| signals::ArtifactId(artifact.id).to_string()).collect(),
        Err(error) => return vec![format!("the log cannot be read: {error}")],
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return vec![format!("the sink's file cannot be read: {error}")],
    };
    let (mut seen, mut highest, mut last, mut falls) = (BTreeSet::new(), 0, 0, 0);
    for (at, line) in text.lines().enumerate() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
            wrong.push(format!("line {} of the sink's file is torn", at + 1));
            continue;
        };
        let seq = line["seq"].as_i64().unwrap_or(0);
        // After a kill it may go back, by one batch and no more; a line that is new must come after all before it.
        if seq <= last {
            falls += 1;
            if highest - seq >= i64::try_from(signals::BATCH_ARTIFACTS).unwrap_or(i64::MAX) {
                wrong.push(format!("line {} goes back from {highest} to {seq}, more than one batch", at + 1));
            }
        }
        (highest, last) = (highest.max(seq), seq);
        if !seen.insert(line["id"].as_str().unwrap_or_default().to_owned()) {
            verdict.duplicates += 1;
        }
    }
    if falls > kills {
        wrong.push(format!("the sink's file goes back {falls} times for {kills} kills"));
    }
    verdict.lost.extend(logged.difference(&seen).map(|id| format!("artifact {id} was never delivered")));
    verdict
        .invented
        .extend(seen.difference(&logged).map(|id| format!("artifact {id} was delivered and is not in the log")));
    wrong
}

/// Whether a sweep was cut off, and goes on with the next pass.
pub fn sweeps_open(database: &str) -> bool {
    const OPEN: &str = "SELECT count(*) FROM sync_stream WHERE sweep_id IS NOT NULL";
    let open = open(database)
        .and_then(|store| store.read_blocking::<_, StoreError, _>(|tx| tx.query_one(OPEN, &[], |row| row.int(0))));
    open.is_ok_and(|open| open > 0)
}

/// The versions in the log, as far as it can be read. That something is gone is not among them: it takes two sweeps to
/// know, so the second of two that find nothing new may still say so.
pub fn logged(database: &str) -> Vec<String> {
    let artifacts = open(database).and_then(|store| artifacts(&store)).unwrap_or_default();
    let versions = artifacts.into_iter().filter(|artifact| artifact.op != Op::Delete);
    versions
        .map(|artifact| format!("{} {} version {}", artifact.stream, artifact.native_id, artifact.version))
        .collect()
}

/// Compares everything, at the end.
pub fn verdict(database: &str, console: &Console) -> Verdict {
    let read = open(database).and_then(|store| {
        let artifacts = artifacts(&store)?;
        let records = store.read_blocking::<_, StoreError, _>(|tx| {
            const RECORDS: &str = "SELECT stream, native_id, raw_hash FROM inventory_source_record";
            tx.query(RECORDS, &[], |row| {
                let hash: Hash = row.bytes(2)?.try_into().unwrap_or_default();
                Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned()), hash))
            })
        })?;
        Ok((artifacts, records.into_iter().collect::<BTreeMap<_, _>>()))
    });
    let (artifacts, records) = match read {
        Ok(read) => read,
        Err(error) => return Verdict { lost: vec![format!("everything: {error}")], ..Verdict::default() },
    };
    let mut verdict = Verdict { artifacts: artifacts.len() as u64, ..Verdict::default() };
    versions(&artifacts, console, &mut verdict);
    let mut latest: BTreeMap<(&str, &str), Op> = BTreeMap::new();
    for artifact in &artifacts {
        latest.insert((&artifact.stream, &artifact.native_id), artifact.op);
    }
    for ((stream, id), form) in &console.issued().latest {
        verdict.records += 1;
        match records.get(&((*stream).to_owned(), id.clone())) {
            None => verdict.lost.push(format!("{stream} {id}: there is no record")),
            Some(stored) if stored != form => {
                verdict.lost.push(format!("{stream} {id}: the record is not as it is now"));
            }
            Some(_) => {}
        }
        match latest.get(&(*stream, id.as_str())) {
            None => verdict.lost.push(format!("{stream} {id}: there is no artifact")),
            Some(Op::Delete) => verdict.invented.push(format!("{stream} {id}: retired, and it is there")),
            Some(_) => {}
        }
    }
    // What was issued is what was asked for; the console itself knows how much there is.
    let truth = console.world.truth(tokens::GLOBAL);
    let expected = [("agents", truth.agents), ("threats", truth.threats), ("activities", truth.activities)];
    for (stream, there) in expected {
        let here = console.issued().latest.keys().filter(|(of, _)| *of == stream).count() as u64;
        if here != there {
            verdict.lost.push(format!("{stream}: the last pass read {here} of {there}"));
        }
    }
    verdict
}

/// One artifact, as far as it is compared.
struct Logged {
    stream: String,
    native_id: String,
    op: Op,
    version: i64,
    id: [u8; 32],
    raw: Hash,
    is_empty: bool,
}

fn artifacts(store: &Store) -> Result<Vec<Logged>, StoreError> {
    store.read_blocking::<_, StoreError, _>(|tx| {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let some = signals::scan(tx, OrgId::DEFAULT, after, AT_ONCE)
                .map_err(|error| StoreError::Content(error.to_string()))?;
            let Some(last) = some.last() else { return Ok(all) };
            after = last.seq;
            all.extend(some.into_iter().map(|artifact| Logged {
                stream: artifact.stream,
                native_id: artifact.native_id,
                op: artifact.op,
                version: artifact.version,
                id: artifact.id.0,
                raw: hash(&artifact.raw),
                is_empty: artifact.raw.is_empty(),
            }));
        }
    })
}

/// Every artifact was issued, and every version is there once.
fn versions(artifacts: &[Logged], console: &Console, verdict: &mut Verdict) {
    let issued = console.issued();
    let mut ids = BTreeSet::new();
    let mut last: BTreeMap<(&str, &str), &Logged> = BTreeMap::new();
    for artifact in artifacts {
        let name = format!("{} {} version {}", artifact.stream, artifact.native_id, artifact.version);
        if !artifact.is_empty && !issued.knows(&artifact.raw) && !COMPOSED.contains(&artifact.stream.as_str()) {
            verdict.invented.push(format!("{name}: the console never said this"));
        }
        if !ids.insert(artifact.id) {
            verdict.twice.push(format!("{name}: its id is there twice"));
        }
        let before = last.insert((&artifact.stream, &artifact.native_id), artifact);
        match before {
            None if artifact.version != 1 => verdict.lost.push(format!("{name}: it is the first")),
            // A record that changes and says that it is gone in one breath is logged once, as its end.
            Some(before) if artifact.op == Op::Delete && before.version + 2 == artifact.version => {}
            Some(before) if before.version + 1 != artifact.version => {
                let (op, earlier) = (artifact.op.as_str(), before.op.as_str());
                verdict.lost.push(format!("{name} ({op}): it follows version {} ({earlier})", before.version));
            }
            Some(before) if before.raw == artifact.raw && before.op == artifact.op => {
                verdict.twice.push(format!("{name}: nothing is different"));
            }
            _ => {}
        }
    }
}

fn open(database: &str) -> Result<Store, StoreError> {
    Store::open(&database.parse()?, Access::Reader, SLICES)
}
