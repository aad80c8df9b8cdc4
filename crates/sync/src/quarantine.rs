//! Records that were kept aside: listed, and tried again by a translator that has learned since.

use std::borrow::Cow;

use inventory::{Context, Incoming, Op, Translation};
use jobs::World;
use kernel::{IntegrationId, OrgId, SweepId, Timestamp, Value};
use store::{Store, StoreError, Tx};

use crate::canonical::Meaning;
use crate::options::{Around, agent_of, judge, mark};
use crate::pass::Pass;
use crate::reapply;
use crate::stream::{Identity, Stream};
use crate::translate::{Asked, software_meaning, translate};
use crate::{Import, SyncError};

/// Grows with every change of what the translator understands. What an older one kept aside is tried again.
pub const TRANSLATOR_VERSION: i64 = 2;

/// Records that are tried again in one transaction.
const RETRIED: i64 = 200;

/// One record that was kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Its stream.
    pub stream: String,
    /// SHA-256 of its bytes, or of its place where there are none.
    pub hash: [u8; 32],
    /// Its native id, if it has one.
    pub native_id: Option<String>,
    /// Why it was kept aside.
    pub reason: String,
    /// Its size in bytes, if it came at all.
    pub size: Option<u64>,
    /// True if its bytes are kept, so that it can be tried again.
    pub kept: bool,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
}

/// The records of an integration that were kept aside and could not be understood since, the latest first.
///
/// # Errors
/// The database fails.
pub async fn quarantined(
    store: &Store,
    world: &World,
    org: OrgId,
    id: IntegrationId,
    limit: u32,
) -> Result<Vec<Aside>, SyncError> {
    const READ: &str = "SELECT stream, raw_hash, native_id, reason, size, CASE WHEN bytes IS NULL THEN 0 ELSE 1 END, \
        first_seen_at FROM sync_quarantine WHERE org_id = $1 AND integration_id = $2 \
        ORDER BY first_seen_at DESC, stream, raw_hash LIMIT $3";
    let read = store.read(move |tx| {
        Ok::<_, SyncError>(tx.query(READ, &[org.into(), id.into(), i64::from(limit).into()], |row| {
            let hash = <[u8; 32]>::try_from(row.bytes(1)?);
            Ok(Aside {
                stream: row.text(0)?.to_owned(),
                hash: hash.map_err(|_| StoreError::Content("column 1 is no digest".to_owned()))?,
                native_id: row.opt_text(2)?.map(str::to_owned),
                reason: row.text(3)?.to_owned(),
                size: row.opt_int(4)?.map(i64::unsigned_abs),
                kept: row.int(5)? != 0,
                first_seen_at: Timestamp::from_micros(row.int(6)?),
            })
        })?)
    });
    world.outside(read).await
}

/// How many records of an integration lie aside.
///
/// # Errors
/// The database fails.
pub fn quarantined_count(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT count(*) FROM sync_quarantine WHERE org_id = $1 AND integration_id = $2";
    tx.query_one(COUNT, &[org.into(), id.into()], |row| Ok(row.int(0)?.unsigned_abs()))
}

/// A record to be tried again.
struct Kept {
    hash: Vec<u8>,
    native_id: String,
    bytes: Vec<u8>,
    at: Timestamp,
}

impl Pass<'_> {
    /// Tries again what an older translator kept aside of a stream.
    pub(crate) async fn retry_quarantined(&self, stream: &'static Stream) -> Result<(), SyncError> {
        let (org, id) = (self.integration.org, self.integration.id);
        while self.read(move |tx| Ok::<_, SyncError>(is_older(tx, org, id, stream.name)?)).await? {
            let (site, host) = (self.integration.site, self.integration.console_host.clone());
            let (memory, now) = (self.memory.clone(), self.world.now());
            let import = self.integration.options.import.clone();
            self.write(move |tx| {
                let context = Context {
                    org,
                    integration: id,
                    site,
                    stream: stream.name,
                    sweep: SweepId(0),
                    now,
                    immutable: stream.immutable,
                    body_in_log: false,
                    memory: &memory,
                    onboard: import.onboard(),
                };
                retry(tx, &context, stream, &host, &import)
            })
            .await?;
        }
        Ok(())
    }
}

fn is_older(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, stream: &str) -> Result<bool, StoreError> {
    const ANY: &str = "SELECT 1 FROM sync_quarantine WHERE org_id = $1 AND integration_id = $2 AND stream = $3 \
        AND translator < $4 LIMIT 1";
    let values = [org.into(), id.into(), stream.into(), TRANSLATOR_VERSION.into()];
    Ok(tx.query_opt(ANY, &values, |row| row.int(0))?.is_some())
}

/// Tries some of them; those that are understood now, or that have since come in a form that was, leave the quarantine.
fn retry(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    stream: &'static Stream,
    host: &str,
    import: &Import,
) -> Result<(), SyncError> {
    const READ: &str = "SELECT raw_hash, native_id, bytes, first_seen_at FROM sync_quarantine WHERE org_id = $1 \
        AND integration_id = $2 AND stream = $3 AND translator < $4 ORDER BY first_seen_at, raw_hash LIMIT $5";
    const TRIED: &str = "UPDATE sync_quarantine SET translator = $5 WHERE org_id = $1 AND integration_id = $2 \
        AND stream = $3 AND raw_hash = $4";
    const DONE: &str = "DELETE FROM sync_quarantine WHERE org_id = $1 AND integration_id = $2 AND stream = $3 \
        AND raw_hash = $4";
    let key = [context.org.into(), context.integration.into(), stream.name.into()];
    let [org, id, name] = key.clone();
    let mut kept = Vec::new();
    let mut tried: Vec<Vec<u8>> = Vec::new();
    tx.query(READ, &[org, id, name, TRANSLATOR_VERSION.into(), RETRIED.into()], |row| {
        tried.push(row.bytes(0)?.to_vec());
        if let (Some(native_id), Some(bytes)) = (row.opt_text(1)?, row.opt_bytes(2)?) {
            kept.push(Kept {
                hash: row.bytes(0)?.to_vec(),
                native_id: native_id.to_owned(),
                bytes: bytes.to_vec(),
                at: Timestamp::from_micros(row.int(3)?),
            });
        }
        Ok(())
    })?;
    // A record that came in another form since is known as it is now, not as it was then.
    let ids: Vec<&str> = kept.iter().map(|one| one.native_id.as_str()).collect();
    let known = inventory::retire::known(tx, context, &ids)?;
    let (stale, fresh): (Vec<&Kept>, Vec<&Kept>) =
        kept.iter().partition(|one| known.get(&one.native_id).is_some_and(|changed_at| *changed_at >= one.at));
    let incoming: Vec<Incoming<'_>> = fresh
        .iter()
        .map(|one| Incoming {
            native_id: Cow::Borrowed(&one.native_id),
            raw: &one.bytes,
            raw_hash: crate::canonical::digest(&one.bytes),
        })
        .collect();
    let mut meaning = Meaning::of(stream);
    let mut agents = Vec::new();
    let outcomes = inventory::apply(tx, context, &incoming, &mut |index| {
        let (raw, native_id) = (incoming[index].raw, &incoming[index].native_id);
        // What was asked about is the first part of an id that the record does not carry itself.
        let asked = Asked { scope_id: native_id.split_once(':').map(|(scope, _)| scope), ..Asked::default() };
        let (mut noun, updated_at) = translate(stream.endpoint(), raw, asked)?;
        mark(import, &mut noun);
        let meaning_hash = match stream.identity {
            Identity::Software => software_meaning(native_id),
            _ => meaning.hash(raw)?,
        };
        agents.extend(agent_of(&noun).map(str::to_owned));
        let left_out = judge(import, &noun, Around::Unasked);
        Ok(Translation { meaning_hash, updated_at, noun, left_out })
    })?;
    if reapply::looks_around(import, stream) {
        // What became of their machines is looked up when everything on these is judged anew.
        let agents: Vec<&str> = agents.iter().map(String::as_str).collect();
        inventory::hanging::rejudge(tx, context.org, context.integration, &agents)?;
    }
    let mut entries = Vec::new();
    let mut done: Vec<&[u8]> = stale.iter().map(|one| one.hash.as_slice()).collect();
    for ((one, incoming), outcome) in fresh.iter().zip(&incoming).zip(&outcomes) {
        let op = match outcome.op {
            Op::Created | Op::Returned => signals::Op::Create,
            Op::Changed => signals::Op::Update,
            Op::Touched | Op::Unchanged => {
                done.push(&one.hash);
                continue;
            }
            Op::Quarantined(_) => continue,
        };
        done.push(&one.hash);
        entries.push(signals::Entry {
            native_id: incoming.native_id.clone(),
            op,
            version: outcome.version,
            updated_at: outcome.updated_at,
            meaning_hash: outcome.meaning_hash,
            raw: incoming.raw,
        });
    }
    let page = signals::Page {
        org: context.org,
        integration: context.integration,
        console_host: host,
        stream: stream.name,
        now: context.now,
        entries,
    };
    signals::record(tx, &page)?;
    for hash in &tried {
        let [org, id, name] = key.clone();
        tx.execute(TRIED, &[org, id, name, Value::from(hash.as_slice()), TRANSLATOR_VERSION.into()])?;
    }
    for hash in done {
        let [org, id, name] = key.clone();
        tx.execute(DONE, &[org, id, name, Value::from(hash)])?;
    }
    Ok(())
}
