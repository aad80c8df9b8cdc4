//! The worker's part: scan tasks that are due, one at a time in each organization, under a lease.

use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom, Write};
use std::pin::pin;
use std::time::Duration;

use explorer::wire::Sealed;
use futures_util::future::{Either, FutureExt, LocalBoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jobs::World;
use kernel::ExplorerId;
use serde::{Deserialize, Serialize};
use store::{StoreError, Tx};

use super::task::{self, Claimed, End, RunStatus, Stands};
use super::{Far, Logins, Scan, ScanError, Scanned, Scanner};
use crate::import::fields::Mapping;
use crate::import::{self, Draft, FILE_BYTES_MAX, Format, Imported, Order, Whole};
use crate::lease::Holder;
use crate::patience::Patience;
use crate::report::Event;
use crate::run::{Place, Run};
use crate::{SyncError, explorers, nudge};

/// Scans that one worker runs at the same time, of different organizations.
const AT_ONCE: usize = 4;

/// How often it is looked whether a task is due.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often a run's lease is renewed, and its progress written down.
const BEAT_EVERY: Duration = Duration::from_secs(2);

/// Reads what a scan found, to its end; touches no database.
///
/// # Errors
/// It is no scan of nmap's, or cannot be read.
pub async fn draft(world: &World, scanned: Scanned, minutes: u32) -> Result<Draft, SyncError> {
    let Scanned { xml, in_time } = scanned;
    let read = world.aside(move || {
        let scratch = tempfile::tempfile().map_err(import::ImportError::Scratch)?;
        import::read(Format::Nmap, Mapping::default(), xml, scratch, FILE_BYTES_MAX)
    });
    let mut draft = read.await?;
    if !in_time {
        draft.whole = Whole::No(format!("the scan was ended at its time limit of {minutes} minutes"));
    }
    Ok(draft)
}

/// Runs scan tasks of every organization when they are due; never ends by itself. `path` is the variable `PATH`, in which nmap
/// is looked for.
///
/// # Errors
/// The database fails.
pub(crate) async fn work(
    place: Place<'_>,
    path: &OsStr,
    holder: &Holder,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<(), SyncError> {
    let worker = Worker { place, path, holder, tell };
    let mut jobs: FuturesUnordered<LocalBoxFuture<'_, Result<(), SyncError>>> = FuturesUnordered::new();
    loop {
        if jobs.len() < AT_ONCE {
            match worker.claim(AT_ONCE - jobs.len()).await {
                Ok(all) => jobs.extend(all.into_iter().map(|claimed| worker.run(claimed).boxed_local())),
                // What is under way goes on, and says itself what the database does.
                Err(error) if error.passes() && !jobs.is_empty() => {}
                Err(error) => return Err(error),
            }
        }
        let ended = async {
            match jobs.next().await {
                Some(done) => done,
                None => std::future::pending().await,
            }
        };
        if let Either::Left((done, _)) = select(pin!(ended), pin!(place.world.sleep(LOOK_EVERY))).await {
            done?;
        }
    }
}

struct Worker<'a> {
    place: Place<'a>,
    path: &'a OsStr,
    holder: &'a Holder,
    tell: &'a (dyn Fn(&Event) + Sync),
}

impl Worker<'_> {
    /// Writes for a scan that is under way, and must not end because the database did not answer for a moment.
    async fn write<T: Send + 'static, E: Into<SyncError> + From<StoreError> + Send + 'static>(
        &self,
        of: &Claimed,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, SyncError> {
        self.tried(of, || async {
            self.place.world.outside(self.place.store.write(work.clone())).await.map_err(Into::into)
        })
        .await
    }

    /// The same for what is only read.
    async fn read<T: Send + 'static, E: Into<SyncError> + From<StoreError> + Send + 'static>(
        &self,
        of: &Claimed,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, SyncError> {
        self.tried(of, || async {
            self.place.world.outside(self.place.store.read(work.clone())).await.map_err(Into::into)
        })
        .await
    }

    async fn tried<T>(&self, of: &Claimed, once: impl AsyncFn() -> Result<T, SyncError>) -> Result<T, SyncError> {
        let (world, source) = (self.place.world, of.task.wanted.name.as_str());
        Patience { world, tell: self.tell, source, what: "its scan" }.tried(once).await
    }

    /// Begins what is due, in as many organizations as there is room for.
    async fn claim(&self, room: usize) -> Result<Vec<Claimed>, SyncError> {
        let Place { store, world, .. } = self.place;
        let (holder, now) = (self.holder.clone(), world.now());
        let due = store.read(move |tx| {
            let mut due = Vec::new();
            for org in task::orgs(tx)? {
                if task::is_due(tx, org, &holder, now)? {
                    due.push(org);
                }
            }
            Ok::<_, StoreError>(due)
        });
        let mut claimed = Vec::new();
        for org in world.outside(due).await?.into_iter().take(room) {
            let holder = self.holder.clone();
            match world.outside(store.write(move |tx| task::claim(tx, org, &holder, now))).await {
                Ok(begun) => claimed.extend(begun),
                // What was begun before it is run; the others wait for the next look.
                Err(_) if !claimed.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(claimed)
    }

    /// Runs one task to its end, whatever that is.
    async fn run(&self, claimed: Claimed) -> Result<(), SyncError> {
        let (org, run) = (claimed.task.org, claimed.run);
        let end = match self.story(&claimed).await {
            Ok(Some(end)) => end,
            // Somebody took it for dead, and has said so.
            Ok(None) => return Ok(()),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => End { status: RunStatus::Failed, reason: Some(error.in_words()), report: None },
        };
        let (holder, now) = (self.holder.clone(), self.place.world.now());
        let name = claimed.task.wanted.name.clone();
        let words = end.status.word().replace('_', " ");
        let told = end.reason.as_ref().map_or_else(|| words.clone(), |reason| format!("{words}: {reason}"));
        let line = told.clone();
        self.write(&claimed, move |tx| {
            task::say(tx, org, run, &line, now)?;
            task::end(tx, org, run, &end, &holder, now)
        })
        .await?;
        (self.tell)(&Event::Notice { integration: name, what: format!("the scan is over; {told}") });
        Ok(())
    }

    /// Adds a line to the run's log.
    async fn say(&self, claimed: &Claimed, what: String) -> Result<(), SyncError> {
        let (org, run, now) = (claimed.task.org, claimed.run, self.place.world.now());
        self.write(claimed, move |tx| task::say(tx, org, run, &what, now)).await
    }

    async fn beat(&self, claimed: &Claimed, far: Far) -> Result<Stands, SyncError> {
        let (org, run, holder, now) = (claimed.task.org, claimed.run, self.holder.clone(), self.place.world.now());
        self.write(claimed, move |tx| task::beat(tx, org, run, far, &holder, now)).await
    }

    /// Scans, imports, and asks for the consoles; nothing if the run was lost to somebody.
    async fn story(&self, claimed: &Claimed) -> Result<Option<End>, SyncError> {
        let (world, org) = (self.place.world, claimed.task.org);
        let wanted = &claimed.task.wanted;
        // What was allowed when the task was saved may not be any more.
        let allowed = self.read(claimed, move |tx| task::allowed(tx, org)).await?;
        wanted.scan.targets.within(&allowed)?;
        let who = claimed.asked_by.as_ref().map(|who| format!(" {who} asked for it.")).unwrap_or_default();
        let scanned = match wanted.explorer {
            Some(id) => self.at_explorer(claimed, id, &who).await?,
            None => self.here(claimed, &who).await?,
        };
        let scanned = match scanned {
            Came::Back(scanned) => scanned,
            Came::Stopped(by) => {
                let reason = Some(format!("stopped by {by}; nothing of it was imported"));
                return Ok(Some(End { status: RunStatus::Cancelled, reason, report: None }));
            }
            Came::ShutDown(name) => {
                let reason = format!("stopped by the Explorer {name}, which was shut down; nothing of it was imported");
                return Ok(Some(End { status: RunStatus::CutOff, reason: Some(reason), report: None }));
            }
            Came::Lost => return Ok(None),
        };
        let draft = draft(world, scanned, wanted.scan.minutes).await?;
        let machines = if draft.hosts == 1 { "machine" } else { "machines" };
        self.say(claimed, format!("{} {machines} answered; importing", draft.hosts)).await?;
        let Some(imported) = self.import(claimed, draft).await? else { return Ok(None) };
        let report = imported.report;
        self.say(
            claimed,
            format!(
                "imported: {} new, {} changed, {} as they were, {} gone",
                report.created,
                report.changed,
                report.touched + report.unchanged,
                report.removed
            ),
        )
        .await?;
        self.consoles(claimed).await?;
        let status = if report.complete { RunStatus::Complete } else { RunStatus::Incomplete };
        Ok(Some(End { status, reason: report.reason.clone(), report: Some(report) }))
    }

    /// Scans from here.
    async fn here(&self, claimed: &Claimed, who: &str) -> Result<Came, SyncError> {
        let world = self.place.world;
        let wanted = &claimed.task.wanted;
        let scanner = Scanner::find(self.path)?;
        let logins = self.logins(claimed).await?;
        let raw = scanner.is_raw();
        let how = if raw { "" } else { " It may not make its own packets here, so it connects as every program does." };
        self.say(claimed, format!("scanning {}.{who}{how}", wanted.scan.targets.text())).await?;
        self.say(claimed, wanted.scan.command(raw)).await?;
        let mut running = scanner.start(world, &wanted.scan, &logins)?;
        drop(logins);
        let mut beat_at = world.now();
        loop {
            if let Some(scanned) = running.wait(world).await? {
                return Ok(Came::Back(scanned));
            }
            if world.now() < beat_at {
                continue;
            }
            beat_at = crate::worker::later(world.now(), BEAT_EVERY);
            match self.beat(claimed, running.far()).await? {
                Stands::Ours => {}
                Stands::Lost => return Ok(Came::Lost),
                Stands::Stopped(by) => return Ok(Came::Stopped(by)),
            }
        }
    }

    /// Leaves the scan for an Explorer, and waits for what it found. One whose line is cut meanwhile brings it later.
    async fn at_explorer(&self, claimed: &Claimed, id: ExplorerId, who: &str) -> Result<Came, SyncError> {
        let (world, org, now) = (self.place.world, claimed.task.org, self.place.world.now());
        let scan = claimed.task.wanted.scan.clone();
        let deadline = now.plus_seconds(i64::from(scan.minutes) * 60 + EXPLORER_PATIENCE);
        let targets = scan.targets.text();
        let kind = if scan.snmp { EXPLORER_SNMP_KIND } else { EXPLORER_KIND };
        let logins = self.logins(claimed).await?;
        let asked = self.write(claimed, move |tx| {
            let of = explorers::found(tx, org, id)?;
            of.ready(now)?;
            // An order that was stored although the database said it was not.
            task::withdraw_scans(tx, org)?;
            let sealed = scan.snmp.then(|| sealed(&of, &scan, &logins)).transpose()?;
            let payload = serde_json::to_value(&ExplorerWork { scan, sealed }).expect("plain numbers and texts");
            Ok::<_, SyncError>((explorers::ask(tx, &of, kind, &payload, deadline, now)?, of.name))
        });
        let (request, name) = asked.await?;
        self.say(claimed, format!("the Explorer {name} scans {targets}.{who}")).await?;
        let came = loop {
            world.sleep(BEAT_EVERY).await;
            match self.beat(claimed, Far::default()).await? {
                Stands::Ours => {}
                Stands::Lost => break Came::Lost,
                Stands::Stopped(by) => break Came::Stopped(by),
            }
            if let Some(answer) = self.write(claimed, move |tx| explorers::collect(tx, org, id, request)).await? {
                return from_explorer(name, answer);
            }
            if world.now() >= deadline {
                self.write(claimed, move |tx| explorers::withdraw(tx, org, id, request)).await?;
                let seconds = deadline.seconds_since(now);
                return Err(explorers::ExplorerError::NoAnswer { name, seconds }.into());
            }
        };
        self.write(claimed, move |tx| explorers::withdraw(tx, org, id, request)).await?;
        Ok(came)
    }

    /// Imports while the lease is renewed; nothing if the run was lost to somebody.
    async fn import(&self, claimed: &Claimed, draft: Draft) -> Result<Option<Imported>, SyncError> {
        let Place { store, world, .. } = self.place;
        let wanted = &claimed.task.wanted;
        let order = Order { source: wanted.name.clone(), site: self.site(claimed).await?, accept_removals: false };
        let by = claimed.asked_by.as_deref().unwrap_or(&claimed.task.created_by);
        let hosts = draft.hosts;
        let mut import = pin!(import::import(store, world, claimed.task.org, by, &order, draft, self.tell));
        loop {
            match select(&mut import, pin!(world.sleep(BEAT_EVERY))).await {
                Either::Left((imported, _)) => return Ok(Some(imported?)),
                Either::Right(_) => {
                    if self.beat(claimed, Far { percent: Some(100.0), hosts }).await? == Stands::Lost {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The site of the task, unless its source has one already.
    async fn site(&self, claimed: &Claimed) -> Result<Option<String>, SyncError> {
        let (org, name, site) = (claimed.task.org, claimed.task.wanted.name.clone(), claimed.task.wanted.site.clone());
        let known = self.read(claimed, move |tx| crate::checkpoint::integration_named(tx, org, &name)).await?;
        Ok((known.is_none() && !site.is_empty()).then_some(site))
    }

    /// What the task may ask by SNMP with, from wherever it is kept; nothing if it does not.
    async fn logins(&self, claimed: &Claimed) -> Result<Logins, SyncError> {
        let Place { world, keys, .. } = self.place;
        let org = claimed.task.org;
        let mut found = Logins::default();
        if !claimed.task.wanted.scan.snmp {
            return Ok(found);
        }
        for id in claimed.task.wanted.credentials.clone() {
            let ring = keys.clone();
            let opened = self.read(claimed, move |tx| {
                let of = access::credential(tx, org, id)?;
                let (name, kind) = of.map(|of| (of.name, of.kind)).unwrap_or_default();
                Ok::<_, SyncError>((access::open_credential(tx, &ring, org, id)?, name, kind))
            });
            let (custody, name, kind) = opened.await?;
            found.add(&kind, world.outside(keys.secret(custody, &name, world.now())).await?)?;
        }
        Ok(found)
    }

    /// Asks for a reading of the consoles that go with it. One that cannot be read now does not undo the scan.
    async fn consoles(&self, claimed: &Claimed) -> Result<(), SyncError> {
        let (org, now) = (claimed.task.org, self.place.world.now());
        for id in claimed.task.wanted.syncs.clone() {
            let who = claimed.task.created_by.clone();
            let asked = self.write(claimed, move |tx| {
                let name = crate::manage::integration(tx, org, id)?.name;
                nudge(tx, org, &Run { names: vec![name.clone()], ..Run::default() }, &who, now)?;
                Ok::<_, SyncError>(name)
            });
            let line = match asked.await {
                Ok(name) => format!("asked for a reading of {name}"),
                Err(SyncError::Store(error)) => return Err(error.into()),
                Err(error) => format!("a console is not read: {error}"),
            };
            self.say(claimed, line).await?;
        }
        Ok(())
    }
}

/// What became of looking.
enum Came {
    /// What was found.
    Back(Scanned),
    /// This person stopped it.
    Stopped(String),
    /// This Explorer was ended meanwhile.
    ShutDown(String),
    /// The run was taken for dead.
    Lost,
}

/// The kind of work that a scan is to an Explorer: a [`Scan`], answered by an [`ExplorerScan`] and nmap's XML.
pub const EXPLORER_KIND: &str = "scan";

/// The same with SNMP, which older Explorers cannot do there: beside the [`Scan`], what it asks with, sealed to the Explorer.
pub const EXPLORER_SNMP_KIND: &str = "scan_snmp";

/// What an Explorer is to scan.
#[derive(Serialize, Deserialize)]
struct ExplorerWork {
    #[serde(flatten)]
    scan: Scan,
    /// What it asks by SNMP with: a [`Sealed`] in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// What a scan asks with, sealed to an Explorer for these targets and no others.
fn sealed(of: &explorers::Explorer, scan: &Scan, logins: &Logins) -> Result<String, explorers::ExplorerError> {
    let public = of.public_key.as_deref().ok_or_else(|| explorers::ExplorerError::NotEnrolled(of.name.clone()))?;
    let what = Sealed { url: for_targets(scan), token: logins.written().into() };
    Ok(explorer::seal::seal(public, &of.id.to_string(), &what)?)
}

/// What stands in the place of a console's address.
fn for_targets(scan: &Scan) -> String {
    format!("scan:{}", scan.targets.text())
}

/// How much longer than the scan's own time limit an Explorer has to bring it, in seconds.
const EXPLORER_PATIENCE: i64 = 300;

/// What an Explorer says of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplorerScan {
    /// Why nothing came of it; empty if something did.
    pub failed: String,
    /// False if it ran into its time limit.
    pub in_time: bool,
    /// The Explorer was told to end before it was done.
    pub ended: bool,
}

impl ExplorerScan {
    /// What an Explorer says that is told to end in the middle of a scan.
    #[must_use]
    pub fn ended() -> ExplorerScan {
        ExplorerScan { failed: "the Explorer was shut down".to_owned(), in_time: false, ended: true }
    }
}

/// What an Explorer answered, as if it had been scanned here.
fn from_explorer(name: String, answer: explorers::Answer) -> Result<Came, SyncError> {
    let says: ExplorerScan = serde_json::from_value(answer.says).unwrap_or_default();
    if says.ended {
        return Ok(Came::ShutDown(name));
    }
    if !says.failed.is_empty() || answer.body.is_empty() {
        let failed = if says.failed.is_empty() {
            "its answer is empty, or too large to be sent".to_owned()
        } else {
            says.failed
        };
        return Err(ScanError::Elsewhere { name, why: failed }.into());
    }
    let mut xml = tempfile::tempfile().map_err(ScanError::Folder)?;
    xml.write_all(&answer.body).and_then(|()| xml.seek(SeekFrom::Start(0))).map_err(ScanError::Folder)?;
    Ok(Came::Back(Scanned { xml, in_time: says.in_time }))
}

/// An Explorer's part: looks from where it is, and answers with nmap's XML. What it is asked is parsed and bounded again, and
/// what is sealed is opened with the key in `state`.
pub async fn explore(
    world: &World,
    path: &OsStr,
    state: &explorer::State,
    payload: serde_json::Value,
) -> (ExplorerScan, Vec<u8>) {
    match explored(world, path, state, payload).await {
        Ok((in_time, xml)) => (ExplorerScan { in_time, ..ExplorerScan::default() }, xml),
        Err(failed) => (ExplorerScan { failed, ..ExplorerScan::default() }, Vec::new()),
    }
}

async fn explored(
    world: &World,
    path: &OsStr,
    state: &explorer::State,
    payload: serde_json::Value,
) -> Result<(bool, Vec<u8>), String> {
    let in_words = |error: ScanError| SyncError::from(error).in_words();
    let ExplorerWork { scan, sealed } =
        serde_json::from_value(payload).map_err(|error| format!("what it was asked is no scan: {error}"))?;
    scan.check().map_err(|error| error.to_string())?;
    let logins = match sealed {
        Some(sealed) => {
            let keys = explorer::seal::KeyPair::read(&state.private_key).map_err(|error| error.to_string())?;
            let what = keys.open(&state.explorer, &sealed).map_err(|error| error.to_string())?;
            if what.url != for_targets(&scan) {
                return Err("what was sealed is for other targets".to_owned());
            }
            Logins::read(&what.token)?
        }
        None if scan.snmp => return Err("it has nothing to ask by SNMP with".to_owned()),
        None => Logins::default(),
    };
    let mut running = Scanner::find(path).and_then(|scanner| scanner.start(world, &scan, &logins)).map_err(in_words)?;
    loop {
        if let Some(mut scanned) = running.wait(world).await.map_err(in_words)? {
            let mut xml = Vec::new();
            scanned.xml.read_to_end(&mut xml).map_err(|error| in_words(ScanError::Folder(error)))?;
            return Ok((scanned.in_time, xml));
        }
    }
}
