//! Following the log: what a worker does beside reading consoles. Sinks are delivered to, the full-text index is brought up
//! to date, retention runs once a day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobs::{Task, World};
use kernel::{OrgId, Timestamp};
use store::{Store, Tx};

use crate::{SignalsError, Sink, SinkId, all_sinks, deliver, index, retain, text};

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long after its start a worker runs retention first, in seconds: a start is no moment for more work.
const RETAIN_AFTER_SECONDS: i64 = 300;

/// How often it runs from then on, in seconds.
const RETAIN_EVERY_SECONDS: i64 = 86_400;

/// Follows the log until it is dropped; each sink in a task of its own, so that none waits for another. Several workers may
/// do so: a sink's lease decides whose it is.
///
/// What goes wrong is logged and tried again: a sink's trouble is in its row, for people to see.
pub async fn follow(store: Store, world: World) {
    let mut following =
        Following { retain_at: world.now().plus_seconds(RETAIN_AFTER_SECONDS), tasks: BTreeMap::new(), store, world };
    loop {
        if let Err(error) = following.look().await {
            tracing::warn!(%error, "The log could not be followed: {error}");
        }
        following.world.sleep(LOOK_EVERY).await;
    }
}

struct Following {
    store: Store,
    world: World,
    retain_at: Timestamp,
    tasks: BTreeMap<Work, Running>,
}

/// Work that may run for long; each at most once at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Deliver(OrgId, SinkId),
    Index(OrgId),
    Retain(OrgId),
}

/// What there is to follow.
struct State {
    /// The organizations that have a log, with how many artifacts wait for their index.
    orgs: Vec<(OrgId, u64)>,
    /// All sinks.
    sinks: Vec<Sink>,
}

struct Running {
    done: Arc<AtomicBool>,
    _task: Task<()>,
}

impl Following {
    /// Starts what is due.
    async fn look(&mut self) -> Result<(), SignalsError> {
        self.tasks.retain(|_, running| !running.done.load(Ordering::SeqCst));
        let State { orgs, sinks } = self.world.outside(self.store.read(Self::state)).await?;
        let now = self.world.now();
        let due = sinks.iter().filter(|sink| sink.is_due(now));
        let mut work: Vec<Work> = due.map(|sink| Work::Deliver(sink.org, sink.id)).collect();
        work.extend(orgs.iter().filter(|(_, behind)| *behind > 0).map(|(org, _)| Work::Index(*org)));
        if now >= self.retain_at {
            self.retain_at = now.plus_seconds(RETAIN_EVERY_SECONDS);
            work.extend(orgs.iter().map(|(org, _)| Work::Retain(*org)));
        }
        for work in work {
            self.start(work);
        }
        Ok(())
    }

    fn state(tx: &mut Tx) -> Result<State, SignalsError> {
        let orgs = tx.query("SELECT org_id FROM signals_head ORDER BY org_id", &[], |row| row.int(0).map(OrgId))?;
        let mut state = State { orgs: Vec::with_capacity(orgs.len()), sinks: all_sinks(tx)? };
        for org in orgs {
            state.orgs.push((org, text::unindexed_count(tx, org)?));
        }
        Ok(state)
    }

    fn start(&mut self, work: Work) {
        if self.tasks.contains_key(&work) {
            return;
        }
        let (store, world, done) = (self.store.clone(), self.world.clone(), Arc::new(AtomicBool::new(false)));
        let tell = done.clone();
        let task = self.world.spawn(async move {
            let outcome = match work {
                Work::Deliver(org, sink) => deliver(&store, &world, org, sink).await.map(|did| {
                    if let Some(trouble) = did.trouble {
                        tracing::warn!(sink = sink.0, "A sink takes nothing: {trouble}");
                    }
                }),
                Work::Index(org) => index(&store, &world, org).await.map(drop),
                Work::Retain(org) => retain(&store, &world, org).await.map(|removed| {
                    let (artifacts, bytes) = (removed.artifacts, removed.bytes);
                    if artifacts > 0 {
                        tracing::info!(artifacts, bytes, "Removed {artifacts} old artifacts from the log");
                    }
                }),
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "Following the log failed: {error}");
            }
            tell.store(true, Ordering::SeqCst);
        });
        self.tasks.insert(work, Running { done, _task: task });
    }
}
