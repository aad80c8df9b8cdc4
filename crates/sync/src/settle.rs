//! Correlation after a sweep of machines: which records speak of one machine is decided again where something changed.

use std::sync::Arc;

use inventory::{Memory, Settled};
use jobs::World;
use kernel::OrgId;
use store::Store;

use crate::SyncError;
use crate::checkpoint::{self, Owner};

/// Lets correlation look at whatever changed in an organization, step by step, each in a transaction of its own. Whoever
/// reads a stream hands it over: then each step is fenced as pages are.
///
/// A process that is killed between two steps loses nothing: the next sweep goes on.
///
/// # Errors
/// The database fails, or another process took the stream.
pub(crate) async fn settle(
    store: &Store,
    world: &World,
    org: OrgId,
    reading: Option<&Owner>,
    memory: &Arc<Memory>,
) -> Result<Settled, SyncError> {
    let mut all = Settled::default();
    loop {
        let (reading, memory, now) = (reading.cloned(), memory.clone(), world.now());
        let write = store.write(move |tx| {
            if let Some(owner) = &reading {
                checkpoint::fence(tx, owner)?;
            }
            Ok::<_, SyncError>(inventory::settle(tx, org, &memory, now)?)
        });
        all.add(world.outside(write).await?);
        if !all.more {
            break;
        }
    }
    if all.evaluated > 0 {
        tracing::info!(
            stream = reading.map(|owner| owner.stream.name),
            evaluated = all.evaluated,
            merged = all.merged,
            split = all.split,
            "Looked at {} records again: {} joined another asset, {} left one",
            all.evaluated,
            all.merged,
            all.split,
        );
    }
    Ok(all)
}
