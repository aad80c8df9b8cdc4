//! [`worker`]: reads every integration of every organization, each stream when it is due, until it is told to stop.
//!
//! One loop looks at where everything stands, decides what is to be done now ([`plan`], pure), starts it, and waits for
//! whatever comes first: a sweep's end, a request, the next due time. Timers and requests take the same way.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, FutureExt, LocalBoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use kernel::{IntegrationId, OrgId, Timestamp};
use store::StoreError;

use crate::health::Assessment;
use crate::lease::{self, Holder, LEASE};
use crate::nudge;
use crate::pass::Lane;
use crate::report::{Event, StreamReport, StreamStatus};
use crate::run::{self, Common, Place, not_tried};
use crate::scan;
use crate::schedule::{Attempts, Next};
use crate::standing::{self, Overview, StreamStanding};
use crate::stream::Source;
use crate::{Integration, IntegrationState, Stream, SyncError};

/// How many sweeps one worker runs at the same time. They wait for the network most of the time; what they hold meanwhile
/// is a page or two each.
pub const SWEEPS_AT_ONCE: usize = 32;

/// How many streams of one integration are read at the same time, so that one console leaves room for the others.
pub const SWEEPS_AT_ONCE_PER_INTEGRATION: usize = 3;

/// How many times as many sweeps of each kind run when some were cut off: what another worker left behind is taken up at
/// once, beside what is going on and not after it. A share of one other worker fits.
const SHARES_WITH_CUT_OFF: usize = 2;

/// Which part of the sweeps may be history and details, which are worth less than what is new.
const LOW_PART: usize = 4;

/// How many consoles that cannot be read are probed at the same time; they take no place from those that can.
const LOOKS_AT_ONCE: usize = 64;

/// How often a worker looks for what somebody asked for, and for what another worker left behind.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After how long a worker looks at everything again, whatever it heard of.
const LOOK_AGAIN: i64 = 30;

/// How long an integration rests after something of ours failed with it (its key, the database), in seconds.
const REST: i64 = 60;

/// How long a worker waits when the database does not answer.
const DATABASE_WAIT: Duration = Duration::from_secs(5);

/// How often history that is older than is kept is deleted, in seconds.
const FORGET_EVERY: i64 = 3_600;

/// So many transactions delete history at a time; what is left over waits for the next time.
const FORGET_STEPS_MAX: usize = 50;

/// How a worker works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// The worker's name in leases, which no other has; see [`crate::Holder::name_of`].
    pub name: String,
    /// How long a stream stays with a worker that shows no sign of life.
    pub lease: Duration,
    /// How many sweeps run at the same time.
    pub at_once: usize,
    /// How often it looks for requests, and for streams that another worker left behind.
    pub look_every: Duration,
    /// True if nobody else can write to this database: then a lease that was left behind holds nobody up.
    pub alone: bool,
    /// The variable `PATH`, in which nmap is looked for when a scan task is due; without it this worker scans nothing.
    pub scans: Option<OsString>,
}

impl WorkerOptions {
    /// The defaults, for a worker of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> WorkerOptions {
        WorkerOptions {
            name: name.into(),
            lease: LEASE,
            at_once: SWEEPS_AT_ONCE,
            look_every: LOOK_EVERY,
            alone: false,
            scans: None,
        }
    }
}

/// Reads every integration of every organization until `stop` resolves; `place.org` is not looked at.
///
/// The page that is being stored then is stored to its end, and leases are given back. Dropping the future, or killing
/// the process, loses nothing: leases run out, and any worker goes on from the last page stored.
///
/// # Errors
/// The database is damaged, newer, or not ours. While it is full or does not answer, the worker waits for it; what
/// consoles do or refuse is in the events and in the integrations' states.
pub async fn worker(
    place: Place<'_>,
    options: &WorkerOptions,
    stop: impl Future<Output = ()>,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<(), SyncError> {
    let holder = Holder { name: options.name.clone(), lease: options.lease, alone: options.alone };
    let worker = Worker { place, options, common: Common::new(holder), tell };
    let mut stop = pin!(stop.fuse());
    let scans = async {
        match &options.scans {
            Some(path) => worker.scan(path).await,
            None => std::future::pending().await,
        }
    };
    let ended = match select(pin!(worker.work(&mut stop)), pin!(scans)).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
    };
    worker.let_go().await;
    ended
}

/// What a worker does for one integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Reads a stream.
    Sweep(&'static Stream, Lane),
    /// Looks whether console and token work.
    Look,
}

impl Task {
    fn is_low(self) -> bool {
        matches!(self, Task::Sweep(stream, lane) if lane == Lane::Backfill || stream.is_enrichment())
    }
}

/// What runs, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    org: OrgId,
    id: IntegrationId,
    task: Task,
}

/// What ended.
enum Done {
    Task(Running, String, Result<Option<Assessment>, SyncError>),
    Beat(Result<(), SyncError>),
    Forgot(Result<(), SyncError>),
}

struct Worker<'a> {
    place: Place<'a>,
    options: &'a WorkerOptions,
    common: Common,
    tell: &'a (dyn Fn(&Event) + Sync),
}

impl Worker<'_> {
    async fn work(&self, stop: &mut (impl Future<Output = ()> + Unpin)) -> Result<(), SyncError> {
        let world = self.place.world;
        let mut jobs: FuturesUnordered<LocalBoxFuture<'_, Done>> = FuturesUnordered::new();
        let mut running: Vec<Running> = Vec::new();
        let mut resting: BTreeMap<(OrgId, IntegrationId), Timestamp> = BTreeMap::new();
        let (mut known, mut stamp, mut looked_at) = (Vec::new(), None, None::<Timestamp>);
        let beat_every = self.options.lease / 3;
        let mut beat_at = later(world.now(), beat_every);
        let mut beating = false;
        // None while it is being forgotten.
        let mut forget_at = Some(world.now());
        loop {
            if stop.now_or_never().is_some() {
                return Ok(());
            }
            let now = world.now();
            let fresh = looked_at.is_some_and(|at| (0..LOOK_AGAIN).contains(&now.seconds_since(at)));
            match self.look_around(stamp.filter(|_| fresh)).await {
                Ok(None) => {}
                Ok(Some((anew, all))) => {
                    (known, stamp, looked_at) = (all, Some(anew), Some(now));
                }
                Err(error) if error.passes() => {
                    self.notice("", &error);
                    let wait = world.sleep(DATABASE_WAIT);
                    match select(&mut *stop, pin!(wait)).await {
                        Either::Left(_) => return Ok(()),
                        Either::Right(_) => continue,
                    }
                }
                Err(error) => return Err(error),
            }
            let now = world.now();
            resting.retain(|_, until| *until > now);
            let plan = plan(now, &known, &running, &resting, self.options.at_once);
            for (at, task) in plan.start {
                let of = known[at].integration.clone();
                running.push(Running { org: of.org, id: of.id, task });
                jobs.push(self.job(of, known[at].clone(), task).boxed_local());
            }
            if now >= beat_at && !beating && !running.is_empty() {
                beating = true;
                jobs.push(self.beat(running.clone()).map(Done::Beat).boxed_local());
            }
            if forget_at.is_some_and(|at| now >= at) {
                forget_at = None;
                jobs.push(self.forget().map(Done::Forgot).boxed_local());
            }
            let mut wake = later(now, self.options.look_every);
            if let Some(next) = plan.next {
                wake = wake.min(next);
            }
            if !running.is_empty() && !beating {
                wake = wake.min(beat_at);
            }
            let micros = u64::try_from(wake.micros().saturating_sub(now.micros())).unwrap_or(0).max(1_000);
            let timer = pin!(world.sleep(Duration::from_micros(micros)));
            let ended = async {
                match jobs.next().await {
                    Some(done) => done,
                    None => std::future::pending().await,
                }
            };
            match select(select(&mut *stop, pin!(ended)), timer).await {
                Either::Left((Either::Left(_), _)) => return Ok(()),
                Either::Left((Either::Right((Done::Beat(outcome), _)), _)) => {
                    beating = false;
                    beat_at = later(world.now(), beat_every);
                    match outcome {
                        Err(error) if !error.passes() => return Err(error),
                        Err(error) => self.notice("", &error),
                        Ok(()) => {}
                    }
                }
                Either::Left((Either::Right((Done::Forgot(outcome), _)), _)) => {
                    forget_at = Some(world.now().plus_seconds(FORGET_EVERY));
                    match outcome {
                        Err(error) if !error.passes() => return Err(error),
                        Err(error) => self.notice("", &error),
                        Ok(()) => {}
                    }
                }
                Either::Left((Either::Right((Done::Task(which, name, outcome), _)), _)) => {
                    running.retain(|one| *one != which);
                    stamp = None;
                    self.ended(which, &name, outcome, &mut resting)?;
                }
                Either::Right(_) => {}
            }
        }
    }

    /// Runs scan tasks beside the streams, whatever the database does meanwhile.
    async fn scan(&self, path: &OsStr) -> Result<(), SyncError> {
        loop {
            let Err(error) = scan::work::work(self.place, path, &self.common.holder, self.tell).await else { continue };
            if !error.passes() {
                return Err(error);
            }
            self.notice("", &error);
            self.place.world.sleep(DATABASE_WAIT).await;
        }
    }

    /// Everything that is known, if it may have changed since `stamp`.
    async fn look_around(&self, stamp: Option<Stamp>) -> Result<Option<(Stamp, Vec<Overview>)>, SyncError> {
        let Place { store, world, .. } = self.place;
        let now = world.now();
        let read = store.read(move |tx| {
            let anew = standing::stamp(tx)?;
            if stamp == Some(anew) {
                return Ok::<_, SyncError>(None);
            }
            let mut all = Vec::new();
            for org in standing::orgs(tx)? {
                let consoles = |of: &Overview| !of.integration.connector.is_file();
                all.extend(standing::overviews(tx, org, now)?.into_iter().filter(consoles));
            }
            Ok(Some((anew, all)))
        });
        world.outside(read).await
    }

    async fn job(&self, of: Integration, overview: Overview, task: Task) -> Done {
        let which = Running { org: of.org, id: of.id, task };
        let place = Place { org: of.org, ..self.place };
        let name = of.name.clone();
        let outcome = match task {
            Task::Sweep(stream, lane) => self.sweep(place, &of, stream, lane).await,
            Task::Look => self.look(place, &of, &overview).await,
        };
        Done::Task(which, name, outcome)
    }

    async fn sweep(
        &self,
        place: Place<'_>,
        of: &Integration,
        stream: &'static Stream,
        lane: Lane,
    ) -> Result<Option<Assessment>, SyncError> {
        let (org, id, key) = (of.org, of.id, lane.key(stream));
        let read = place.store.read(move |tx| Ok::<_, SyncError>(nudge::asked(tx, org, id, &key)?));
        let asked = place.world.outside(read).await?;
        let how = run::How { asked, wait: false, lanes: true };
        let swept = run::sweep(place, &self.common, of, &[(stream, lane)], how, self.tell).await?;
        Ok(swept.news)
    }

    /// Looks whether console and token work. If they do not, whoever asked for a stream is told so.
    async fn look(
        &self,
        place: Place<'_>,
        of: &Integration,
        overview: &Overview,
    ) -> Result<Option<Assessment>, SyncError> {
        let (org, id, health, now) = (of.org, of.id, overview.health.clone(), place.world.now());
        let claim = place.store.write(move |tx| Ok::<_, SyncError>(standing::claim_look(tx, org, id, &health, now)?));
        if !place.world.outside(claim).await? {
            return Ok(None);
        }
        let Some(settled) = run::look(place, of, self.tell).await? else { return Ok(None) };
        let status = match settled.assessment.state {
            IntegrationState::AuthenticationFailed => Some(StreamStatus::AuthenticationFailed),
            IntegrationState::PermissionMissing => Some(StreamStatus::PermissionMissing),
            IntegrationState::Unreachable | IntegrationState::Invalid => Some(StreamStatus::Unreachable),
            _ => None,
        };
        if let Some(status) = status.filter(|_| settled.stopped) {
            let (name, reason) = (of.name.clone(), settled.assessment.detail.clone());
            let refuse = place.store.write(move |tx| {
                let open = nudge::open(tx, org, id)?;
                for (at, stream) in open.iter().filter_map(|name| Stream::named(name)).enumerate() {
                    let report = match at {
                        0 => {
                            let begun = StreamReport::begun(&name, stream, status);
                            StreamReport { reason: Some(reason.clone()), ..begun }
                        }
                        _ => not_tried(&name, stream, status),
                    };
                    nudge::finish(tx, org, id, &report, now, now)?;
                }
                Ok::<_, SyncError>(())
            });
            place.world.outside(refuse).await?;
        }
        Ok(Some(settled.assessment).filter(|_| settled.is_new))
    }

    /// Renews the leases of everything that runs.
    async fn beat(&self, running: Vec<Running>) -> Result<(), SyncError> {
        let Place { store, world, .. } = self.place;
        let (holder, now) = (self.common.holder.clone(), world.now());
        let write = store.write(move |tx| {
            for one in running {
                if let Task::Sweep(stream, lane) = one.task {
                    lease::prolong(tx, one.org, one.id, &lane.key(stream), &holder, now)?;
                }
            }
            Ok::<_, SyncError>(())
        });
        world.outside(write).await
    }

    /// Deletes what every organization's history has that is older than it keeps.
    async fn forget(&self) -> Result<(), SyncError> {
        let Place { store, world, .. } = self.place;
        let orgs = world.outside(store.read(|tx| Ok::<_, SyncError>(standing::orgs(tx)?))).await?;
        let now = world.now();
        let mut orgs = orgs.into_iter();
        let Some(mut org) = orgs.next() else { return Ok(()) };
        for _ in 0..FORGET_STEPS_MAX {
            let write = store.write(move |tx| Ok::<_, SyncError>(inventory::history::forget(tx, org, now)?));
            if world.outside(write).await? > 0 {
                continue;
            }
            match orgs.next() {
                Some(next) => org = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn ended(
        &self,
        which: Running,
        name: &str,
        outcome: Result<Option<Assessment>, SyncError>,
        resting: &mut BTreeMap<(OrgId, IntegrationId), Timestamp>,
    ) -> Result<(), SyncError> {
        match outcome {
            Ok(None) => {}
            Ok(Some(Assessment { state, detail, .. })) => (self.tell)(&Event::IntegrationFinished {
                integration: name.to_owned(),
                state,
                detail,
                at: self.place.world.now(),
            }),
            // Another worker reads it: that is what leases are for.
            Err(SyncError::Fenced { .. } | SyncError::Leased { .. }) => {}
            Err(error) => {
                self.notice(name, &error);
                if error.is_fatal() {
                    return Err(error);
                }
                resting.insert((which.org, which.id), self.place.world.now().plus_seconds(REST));
            }
        }
        Ok(())
    }

    /// Gives back whatever is still held. Nobody to hear of it is no reason not to end.
    async fn let_go(&self) {
        let Place { store, world, .. } = self.place;
        let (holder, now) = (self.common.holder.clone(), world.now());
        let write = store.write(move |tx| {
            for org in standing::orgs(tx)? {
                lease::release_all(tx, org, &holder)?;
            }
            scan::let_go(tx, &holder, now)?;
            Ok::<_, StoreError>(())
        });
        if let Err(error) = world.outside(write).await {
            tracing::warn!(%error, "Leases could not be given back; they run out by themselves");
        }
    }

    fn notice(&self, integration: &str, error: &SyncError) {
        let what = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        (self.tell)(&Event::Notice { integration: integration.to_owned(), what });
    }
}

type Stamp = (i64, i64, i64);

pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(now.micros().saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

/// What to start now, and when to decide again at the latest.
#[derive(Debug, Default)]
struct Plan {
    /// Which integration, by its place, and what.
    start: Vec<(usize, Task)>,
    next: Option<Timestamp>,
}

/// Decides what to start. What somebody asked for comes first, then what was cut off, by the end of another worker say (and
/// that waits for no sweep of this worker's own), then core streams, then the others, history and details last; integrations take turns.
fn plan(
    now: Timestamp,
    known: &[Overview],
    running: &[Running],
    resting: &BTreeMap<(OrgId, IntegrationId), Timestamp>,
    at_once: usize,
) -> Plan {
    let mut plan = Plan::default();
    let mut wanted: Vec<(Rank, usize, Task)> = Vec::new();
    let mut looks = running.iter().filter(|one| one.task == Task::Look).count();
    for (at, overview) in known.iter().enumerate() {
        let of = &overview.integration;
        let mine = |one: &&Running| one.org == of.org && one.id == of.id;
        let of_mine: Vec<Task> = running.iter().filter(mine).map(|one| one.task).collect();
        if !of.options.enabled {
            continue;
        }
        if let Some(until) = resting.get(&(of.org, of.id)) {
            plan.wait_for(*until);
            continue;
        }
        let nudged = overview.streams.iter().any(|stream| stream.enabled && stream.attempts.nudged_at.is_some());
        let check_at = overview.health.checked_at.map_or(now, |at| at.plus_seconds(standing::CHECK_EVERY));
        // Someone who asks again and again does not make the console be asked more often than a person could.
        let probe_at = overview.health.probe_at.map(|at| if nudged { now } else { at });
        let look_at = probe_at.unwrap_or(check_at);
        if of_mine.contains(&Task::Look) {
            // It will say how to go on.
        } else if look_at <= now {
            if looks < LOOKS_AT_ONCE {
                looks += 1;
                plan.start.push((at, Task::Look));
            }
        } else {
            plan.wait_for(look_at);
        }
        if probe_at.is_some() {
            continue;
        }
        let due = due_streams(now, overview, &of_mine, &mut plan);
        for (turn, due) in (of_mine.len()..).zip(due) {
            wanted.push((Rank { low: due.task.is_low(), waits: !due.nudged, whole: !due.cut_off, turn }, at, due.task));
        }
    }
    wanted.sort_by_key(|(rank, ..)| *rank);
    let is_sweep = |one: &&Running| one.task != Task::Look;
    let mut total = running.iter().filter(is_sweep).count();
    let mut low = running.iter().filter(|one| one.task.is_low()).count();
    let low_max = (at_once / LOW_PART).max(1);
    let mut per: BTreeMap<usize, usize> = BTreeMap::new();
    for (rank, at, task) in wanted {
        let of = &known[at].integration;
        let mine = running.iter().filter(is_sweep).filter(|one| one.org == of.org && one.id == of.id).count();
        let started = per.entry(at).or_default();
        let shares = if rank.whole { 1 } else { SHARES_WITH_CUT_OFF };
        if total >= at_once * shares
            || mine + *started >= SWEEPS_AT_ONCE_PER_INTEGRATION * shares
            || (rank.low && low >= low_max * shares)
        {
            continue;
        }
        total += 1;
        low += usize::from(rank.low);
        *started += 1;
        plan.start.push((at, task));
    }
    plan
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// History and details.
    low: bool,
    /// Nobody asked for it.
    waits: bool,
    /// No sweep of it was cut off.
    whole: bool,
    /// How many of its integration come before it.
    turn: usize,
}

impl Plan {
    fn wait_for(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// A stream that is due.
struct Due {
    task: Task,
    /// Somebody asked for it.
    nudged: bool,
    /// Its latest sweep did not come to an end.
    cut_off: bool,
}

impl Due {
    fn new(task: Task, attempts: &Attempts) -> Due {
        let cut_off = attempts.attempted_at.is_some() && !attempts.ended;
        Due { task, nudged: attempts.nudged_at.is_some(), cut_off }
    }
}

/// The streams of one integration that are due, the most important first; of the others the plan learns when they are.
fn due_streams(now: Timestamp, overview: &Overview, running: &[Task], plan: &mut Plan) -> Vec<Due> {
    let of = &overview.integration;
    let mut due = Vec::new();
    for standing in overview.streams.iter().filter(|standing| standing.enabled) {
        let task = Task::Sweep(standing.stream, Lane::Live);
        if !running.contains(&task) && !waits_for_parent(standing, overview) {
            match standing.next(now, of) {
                Next::Now => due.push(Due::new(task, &standing.attempts)),
                Next::At(at) => plan.wait_for(at),
                Next::Never => {}
            }
        }
        let Some(history) = &standing.history else { continue };
        let task = Task::Sweep(standing.stream, Lane::Backfill);
        if !running.contains(&task) {
            match history.next(now, of, standing.stream) {
                Next::Now => due.push(Due::new(task, &history.attempts)),
                Next::At(at) => plan.wait_for(at),
                Next::Never => {}
            }
        }
    }
    let core = |task: &Task| matches!(task, Task::Sweep(stream, _) if stream.core);
    due.sort_by_key(|due| (due.task.is_low(), !due.nudged, !due.cut_off, !core(&due.task)));
    due
}

/// Whether a stream is asked for record by record, and those records are not listed yet.
fn waits_for_parent(standing: &StreamStanding, overview: &Overview) -> bool {
    let parent = match standing.stream.source {
        Source::Each(_, parents) => parents.stream(),
        Source::Queued(_, parent) => parent,
        Source::Software => "agents",
        _ => return false,
    };
    let Some(parent) = overview.streams.iter().find(|other| other.stream.name == parent) else { return false };
    parent.enabled && parent.status.is_none()
}
