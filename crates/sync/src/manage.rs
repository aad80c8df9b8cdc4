//! What is changed of an integration beside its options: its name, its site; and its end.

use std::sync::Arc;

use inventory::{Context, Memory, Onboard};
use kernel::{IntegrationId, OrgId, RecordId, SweepId, Timestamp};
use store::Tx;

use crate::apply::retirement;
use crate::checkpoint::{self, credential_name, integration_by_id};
use crate::connect::checked_name;
use crate::run::Place;
use crate::settle::settle;
use crate::standing::{self, Found};
use crate::stream::{Removal, Stream};
use crate::{Integration, SyncError};

/// Records that are retired in one transaction when an integration ends.
const RETIRED_AT_ONCE: i64 = 500;

/// The tables that hold what is known of one integration.
const TABLES: [&str; 9] = [
    "sync_stream",
    "sync_quarantine",
    "sync_enrichment",
    "sync_drift",
    "sync_health",
    "sync_nudge",
    "sync_applied",
    "sync_refusal",
    "sync_integration",
];

/// The integration of that id.
///
/// # Errors
/// The database fails, or there is none.
pub fn integration(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Integration, SyncError> {
    if let Some(of) = integration_by_id(tx, org, id)? {
        return Ok(of);
    }
    Err(checkpoint::no_such(id.to_string(), &checkpoint::integrations(tx, org)?))
}

/// Gives an integration another name, and writes down who did.
///
/// # Errors
/// There is none, the text cannot be a name, another integration has it, or the database fails.
pub fn rename(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    to: &str,
    who: &str,
    now: Timestamp,
) -> Result<(), SyncError> {
    const SET: &str =
        "UPDATE sync_integration SET name = $3, updated_at = $4 WHERE org_id = $1 AND integration_id = $2";
    let of = integration(tx, org, id)?;
    let name = checked_name(to)?;
    if name == of.name {
        return Ok(());
    }
    if let Some(other) = checkpoint::integration_named(tx, org, &name)? {
        return Err(SyncError::NameTaken { name, host: whose(&other) });
    }
    if of.options.task.is_none() {
        free_task(tx, org, Some(id), &name)?;
    }
    tx.execute(SET, &[org.into(), id.into(), name.as_str().into(), now.into()])?;
    inventory::integration::call(tx, org, id, &name)?;
    access::audit(tx, org, now, who, "integration.rename", &of.name, &name)?;
    Ok(())
}

/// What the task of an integration is called where somebody says `to`: an empty text is the integration's own name.
pub(crate) fn called(integration: &str, to: &str) -> Result<String, SyncError> {
    if to.trim().is_empty() { Ok(integration.to_owned()) } else { checked_name(to) }
}

/// Calls the task that reads an integration something else, writes down who did, and answers what is kept of it; an empty
/// text goes back to the integration's own name.
///
/// # Errors
/// There is none, the text cannot be a name, another task has it, or the database fails.
pub fn name_task(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    to: &str,
    who: &str,
    now: Timestamp,
) -> Result<Option<String>, SyncError> {
    let mut of = integration(tx, org, id)?;
    let chosen = called(&of.name, to)?;
    let task = (chosen != of.name).then(|| chosen.clone());
    if task == of.options.task {
        return Ok(task);
    }
    free_task(tx, org, Some(id), &chosen)?;
    of.options.task.clone_from(&task);
    checkpoint::keep_options(tx, org, id, &of.options, now)?;
    access::audit(tx, org, now, who, "integration.name_task", &of.name, &chosen)?;
    Ok(task)
}

/// Whether no task but that of `id` has this name.
///
/// # Errors
/// One has it, or the database fails.
pub(crate) fn free_task(tx: &mut Tx<'_>, org: OrgId, id: Option<IntegrationId>, name: &str) -> Result<(), SyncError> {
    let all = checkpoint::integrations(tx, org)?;
    match all.into_iter().find(|other| Some(other.id) != id && other.task() == name) {
        Some(other) => Err(SyncError::NameTaken { name: name.to_owned(), host: whose(&other) }),
        None => Ok(()),
    }
}

fn whose(of: &Integration) -> String {
    of.connector.files().map_or_else(|| of.console_host.clone(), str::to_owned)
}

/// Chooses our site where machines land that come in from now on; made if there is none of that name.
///
/// # Errors
/// There is no such integration, the text cannot be a name, or the database fails.
pub fn move_to_site(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    site: &str,
    who: &str,
    now: Timestamp,
) -> Result<(), SyncError> {
    const SET: &str = "UPDATE sync_integration SET site_id = $3, site_name = $4, updated_at = $5 \
        WHERE org_id = $1 AND integration_id = $2";
    let (of, site) = (integration(tx, org, id)?, site.trim());
    if site == of.site_name {
        return Ok(());
    }
    let to = inventory::ensure_site(tx, org, site, now)?;
    tx.execute(SET, &[org.into(), id.into(), to.into(), site.into(), now.into()])?;
    access::audit(tx, org, now, who, "integration.site", &of.name, site)?;
    Ok(())
}

/// What became of an integration's records when it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Records that were retired.
    pub records: u64,
}

/// Ends an integration: stops its reading, destroys its token, retires what only it said, and forgets its checkpoints. The
/// log, the history and what happened (activities, threats' timelines) stay. What its machines kept apart from each other is
/// decided again without them. Who is cut off in between calls it again.
///
/// # Errors
/// There is no such integration, or the database fails.
pub async fn remove(place: Place<'_>, id: IntegrationId) -> Result<Removed, SyncError> {
    let (org, who, now) = (place.org, place.who.to_owned(), place.world.now());
    let stop = place.store.write(move |tx| stop(tx, org, id, &who, now));
    let of = place.world.outside(stop).await?;
    let memory: Arc<Memory> = Arc::default();
    let mut removed = Removed::default();
    loop {
        let (of, memory, who, now) = (of.clone(), memory.clone(), place.who.to_owned(), place.world.now());
        let step = place.store.write(move |tx| {
            let (stream, records) = some(tx, &of)?;
            if records.is_empty() {
                forget(tx, &of, &who, now)?;
                return Ok::<_, SyncError>(None);
            }
            retire(tx, &of, stream, &records, &memory, now).map(Some)
        });
        match place.world.outside(step).await? {
            Some(records) => removed.records += records,
            None => break,
        }
    }
    settle(place.store, place.world, org, None, &memory).await?;
    Ok(removed)
}

/// From here on nobody reads it: a sweep under way finds itself fenced, and a new one finds it switched off.
fn stop(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, who: &str, now: Timestamp) -> Result<Integration, SyncError> {
    const FENCE: &str = "UPDATE sync_stream SET generation = generation + 1, lease_owner = NULL, lease_until = NULL \
        WHERE org_id = $1 AND integration_id = $2";
    let mut of = integration(tx, org, id)?;
    of.options.enabled = false;
    checkpoint::keep_options(tx, org, id, &of.options, now)?;
    tx.execute(FENCE, &[org.into(), id.into()])?;
    access::forget(tx, org, &credential_name(id))?;
    access::audit(tx, org, now, who, "integration.remove", &of.name, &whose(&of))?;
    standing::settle(tx, org, id, &Found::Nothing, now)?;
    Ok(of)
}

/// Some records that are to be retired, all of one stream.
fn some(tx: &mut Tx<'_>, of: &Integration) -> Result<(&'static Stream, Vec<RecordId>), SyncError> {
    const READ: &str = "SELECT record_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2 \
        AND stream = $3 AND state <> 'retired' ORDER BY native_id LIMIT $4";
    let all = of.connector.streams();
    // What happened has happened, whoever told of it. What hangs on others goes before them.
    for stream in all.iter().rev().filter(|stream| stream.removal != Removal::Never) {
        let values = [of.org.into(), of.id.into(), stream.name.into(), RETIRED_AT_ONCE.into()];
        let records = tx.query(READ, &values, |row| Ok(RecordId(row.int(0)?)))?;
        if !records.is_empty() {
            return Ok((stream, records));
        }
    }
    Ok((&all[0], Vec::new()))
}

fn retire(
    tx: &mut Tx<'_>,
    of: &Integration,
    stream: &'static Stream,
    records: &[RecordId],
    memory: &Arc<Memory>,
    now: Timestamp,
) -> Result<u64, SyncError> {
    let context = Context {
        org: of.org,
        integration: of.id,
        site: of.site,
        stream: stream.name,
        sweep: SweepId(checkpoint::next_id(tx, of.org)?),
        now,
        immutable: stream.immutable,
        body_in_log: stream.body_in_log(),
        memory,
        onboard: Onboard::Always,
    };
    let retired = inventory::retire(tx, &context, records)?;
    let page = signals::Page {
        org: of.org,
        integration: of.id,
        console_host: &of.console_host,
        stream: stream.name,
        now,
        entries: retired.iter().map(retirement).collect(),
    };
    signals::record(tx, &page)?;
    Ok(retired.len() as u64)
}

fn forget(tx: &mut Tx<'_>, of: &Integration, who: &str, now: Timestamp) -> Result<(), SyncError> {
    const PAGES: &str = "DELETE FROM sync_sweep_page WHERE org_id = $1 AND sweep_id IN \
        (SELECT sweep_id FROM sync_sweep WHERE org_id = $1 AND integration_id = $2)";
    const SWEEPS: &str = "DELETE FROM sync_sweep WHERE org_id = $1 AND integration_id = $2";
    for sql in [PAGES, SWEEPS] {
        tx.execute(sql, &[of.org.into(), of.id.into()])?;
    }
    for table in TABLES {
        tx.execute(
            &format!("DELETE FROM {table} WHERE org_id = $1 AND integration_id = $2"),
            &[of.org.into(), of.id.into()],
        )?;
    }
    inventory::integration::end(tx, of.org, of.id, &of.name, now)?;
    access::audit(tx, of.org, now, who, "integration.removed", &of.name, "")?;
    Ok(())
}
