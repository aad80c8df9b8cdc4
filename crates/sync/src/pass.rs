//! A pass over one integration: its streams in turn, each swept from its checkpoint.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join;
use inventory::Memory;
use jobs::World;
use kernel::{SweepId, Timestamp};
use sentinelone::client::CursorGuard;
use sentinelone::{Micros, Page, Request};
use store::{Dialect, Store, Tx};

use crate::apply::{self, Batch, Proven, Storing};
use crate::canonical;
use crate::checkpoint::{self, Ending, Open, Owner, Parent, Quarantined, Standing};
use crate::fetch::{Fetcher, Meter, Problem};
use crate::position::{EMPTY_PAGES_MAX, Position, Recovery, Window, lower_bound, watermark};
use crate::rate::Budget;
use crate::report::{Event, StreamReport, StreamStatus, SweepKind};
use crate::stream::{Proof, Source};
use crate::verdict::Lasting;
use crate::{Integration, Stream, SyncError};

/// A sweep that was cut off longer ago than this begins anew: its pages no longer prove anything.
const RESUME_WITHIN_SECONDS: i64 = 24 * 3600;

/// Answers of single requests that are stored together.
const SINGLE_BATCH: usize = 50;

/// Ids that a reason names when single records are not available.
const ABSENT_SHOWN: usize = 5;

/// Pages that one pass takes of one stream; a hundred million records.
const PAGES_MAX: u64 = 100_000;

/// After a sweep that created this many records the database counts its tables anew; far below it plans do not change.
const STATISTICS_AFTER: u64 = 1_000;

/// One integration during one pass.
pub struct Pass<'a> {
    /// The database, opened as the writer.
    pub store: &'a Store,
    /// Clock, sleep and chance.
    pub world: &'a World,
    /// What is kept in memory between pages.
    pub memory: Arc<Memory>,
    /// The integration.
    pub integration: Integration,
    /// Its way to the console.
    pub fetcher: Fetcher<'a>,
    /// True if everything is asked for, whatever the watermark.
    pub full: bool,
    /// Told what happens.
    pub tell: &'a (dyn Fn(&Event) + Sync),
}

/// How a stream ended, and whether the rest of the integration still makes sense.
pub struct Swept {
    /// Its report.
    pub report: StreamReport,
    /// Set if nothing further can be read: what stopped it.
    pub stops: Option<StreamStatus>,
}

/// One stream's part of a pass, while it runs.
struct Run {
    owner: Owner,
    standing: Standing,
    sweep: SweepId,
    kind: SweepKind,
    began_at: Timestamp,
    position: Position,
    report: StreamReport,
    started: Timestamp,
}

/// How a sweep left off.
enum Left {
    /// Everything was read.
    Done,
    /// A problem that lasts; the sweep goes on from its checkpoint next time, unless it makes no sense.
    Stopped { problem: Problem, goes_on: bool },
    /// No way on was found, and the next sweep begins anew.
    Lost(String),
}

impl Pass<'_> {
    /// Sweeps one stream. `accounts_missing` says that accounts cannot be read, so that sites tell which there are.
    ///
    /// # Errors
    /// The database fails, or another process took the stream. What the console does is in the report.
    pub async fn sweep(&self, stream: &'static Stream, accounts_missing: bool) -> Result<Swept, SyncError> {
        let meter = Meter::default();
        let mut run = self.open(stream).await?;
        (self.tell)(&Event::StreamStarted {
            integration: self.integration.name.clone(),
            stream: stream.name,
            kind: run.kind,
            resumed_pages: u64::from(run.position.page),
        });
        let left = match stream.source {
            Source::Pages(_) | Source::Scoped(_) | Source::Queued(..) | Source::Software | Source::Alerts => {
                self.pages(&mut run, &meter, accounts_missing).await?
            }
            Source::One(..) => self.singles(&mut run, &meter, vec![None]).await?,
            Source::Each(_, parents) => {
                let (org, id) = (run.owner.org, run.owner.id);
                let known = self.read(move |tx| Ok::<_, SyncError>(checkpoint::parents(tx, org, id, parents)?)).await?;
                let from = run.position.cursor.clone();
                let left = known.into_iter().filter(|parent| Some(&parent.native_id) > from.as_ref());
                let left: Vec<_> = left.map(Some).collect();
                self.singles(&mut run, &meter, left).await?
            }
        };
        run.report.requests = meter.requests.load(Ordering::Relaxed);
        run.report.bytes = meter.bytes.load(Ordering::Relaxed);
        self.finish(run, left).await
    }

    /// Takes the stream and decides where to begin: where a sweep was cut off, or at its lower bound.
    async fn open(&self, stream: &'static Stream) -> Result<Run, SyncError> {
        let (org, id, name) = (self.integration.org, self.integration.id, self.integration.name.clone());
        let (full, now) = (self.full, self.world.now());
        let (owner, standing, sweep, kind, began_at, position) = self
            .write(move |tx| {
                let standing = checkpoint::claim(tx, org, id, stream.name, now)?;
                let owner = Owner { org, id, name, stream, generation: standing.generation };
                if let Some(Open { sweep, kind, started_at, position }) = resumable(&standing, full, now) {
                    return Ok((owner, standing, sweep, kind, started_at, position));
                }
                let kind = kind_of_sweep(stream, &standing, full, now);
                let from = match kind {
                    SweepKind::Full => None,
                    SweepKind::Changes => lower_bound(standing.watermark, stream.overlap),
                };
                let position = Position::begin(Window { from: from.map(Timestamp::micros), to: None });
                let sweep = checkpoint::begin(tx, &owner, kind, &position, now)?;
                Ok::<_, SyncError>((owner, standing, sweep, kind, now, position))
            })
            .await?;
        let report = StreamReport {
            integration: self.integration.name.clone(),
            stream: stream.name,
            status: StreamStatus::Incomplete,
            fetched: 0,
            created: 0,
            changed: 0,
            touched: 0,
            unchanged: 0,
            removed: 0,
            quarantined: 0,
            pages: 0,
            requests: 0,
            bytes: 0,
            duration_ms: 0,
            complete: false,
            console_total: None,
            reason: None,
            core: stream.core,
        };
        Ok(Run { owner, standing, sweep, kind, began_at, position, report, started: now })
    }

    /// Walks the pages of a list, the next one always on its way while one is stored.
    async fn pages(&self, run: &mut Run, meter: &Meter, derive_accounts: bool) -> Result<Left, SyncError> {
        let stream = run.owner.stream;
        let field = stream.change.map(|change| change.field);
        let mut guard = CursorGuard::new();
        let mut ahead: Option<Result<Page, Problem>> = None;
        while run.position.now_reading().is_some() {
            if run.report.pages >= PAGES_MAX {
                return Ok(Left::Lost(format!("one pass takes at most {PAGES_MAX} pages")));
            }
            let at = run.position.clone();
            let fetched = match ahead.take() {
                Some(fetched) => fetched,
                None => self.fetch(meter, stream, &at).await,
            };
            let page = match fetched.and_then(|page| unlooped(page, &mut guard)) {
                Ok(page) => page,
                Err(Problem::LoseCursor(why)) => {
                    if let Some(left) = self.lose_cursor(run, &why).await? {
                        return Ok(left);
                    }
                    guard = CursorGuard::new();
                    continue;
                }
                Err(Problem::TooLarge(why)) => {
                    if let Some(left) = self.narrow(run, &why).await? {
                        return Ok(left);
                    }
                    continue;
                }
                Err(problem) => return Ok(Left::Stopped { problem, goes_on: true }),
            };
            // The console does not count this far: cut the window before anything of it is stored, so that every part
            // can be proven.
            let capped = stream.count_cap().is_some_and(|cap| page.total_items.is_some_and(|total| total >= cap));
            if capped && at.rows == 0 && page.next_cursor.is_some() {
                let mut cut = at.clone();
                if cut.cut(self.now_of(&page)) {
                    self.move_to(run, cut, None).await?;
                    continue;
                }
            }
            let next = at.after(apply::page_seen(&page, field));
            if next.empty > EMPTY_PAGES_MAX {
                if let Some(left) = self.lose_cursor(run, "the console sends pages without records").await? {
                    return Ok(left);
                }
                continue;
            }
            let total = page.total_items;
            let closes = match (&next.cursor, total) {
                (Some(_), _) => None,
                // The last page's own count is for what was asked: a narrowed window is not the whole.
                (None, Some(total)) if at.whole.is_none() => Some(Some(total)),
                (None, _) => Some(self.count(meter, stream, &at).await),
            };
            run.report.console_total = total.map(|total| total + at.counted).or(run.report.console_total);
            let batch = Batch { pages: vec![(None, page)] };
            let storing = self.storing(run, at, next.clone(), derive_accounts, closes);
            let stored = if next.cursor.is_some() {
                let (stored, fetched) = join(self.store_batch(storing, batch), self.fetch(meter, stream, &next)).await;
                ahead = Some(fetched);
                stored?
            } else {
                guard = CursorGuard::new();
                self.store_batch(storing, batch).await?
            };
            run.took(&stored);
            self.tell_page(run, total, capped);
            match stored.proof {
                Some(Proven::Missing(missing)) => {
                    run.report.reason = Some(format!("the console counts {missing} more than it shows"));
                }
                Some(Proven::NoCount) => {
                    run.report.reason = Some("the console gave no count to compare with".to_owned());
                }
                Some(Proven::Complete | Proven::Again | Proven::Cut) | None => {}
            }
        }
        run.report.console_total = Some(run.position.counted);
        Ok(Left::Done)
    }

    /// Asks one request after the other, each for one record, and stores their answers together.
    async fn singles(&self, run: &mut Run, meter: &Meter, asked: Vec<Option<Parent>>) -> Result<Left, SyncError> {
        let stream = run.owner.stream;
        let many = matches!(stream.source, Source::Each(..));
        let mut absent = Vec::new();
        for group in asked.chunks(SINGLE_BATCH) {
            let at = run.position.clone();
            let mut next = at.clone();
            next.page += 1;
            let mut pages = Vec::with_capacity(group.len());
            let mut stopped = None;
            for parent in group {
                let Some(request) = single_request(stream, parent.as_ref()) else {
                    absent.extend(parent.as_ref().map(|parent| parent.native_id.clone()));
                    continue;
                };
                let answer = match self.fetcher.page(meter, &request, None).await {
                    // One request has no cursor to lose: what was misshapen once is asked for once more.
                    Err(Problem::LoseCursor(_)) => self.fetcher.page(meter, &request, None).await,
                    answer => answer,
                };
                match answer {
                    Ok(page) => {
                        next.server = next.server.max(page.date.map(|date| date.0));
                        next.counted += 1;
                        pages.push((parent.clone(), page));
                    }
                    // The record is gone since its parent was listed; that concerns this record only.
                    Err(Problem::NotOffered(_)) if many && request.endpoint().names_one_record() => {
                        absent.extend(parent.as_ref().map(|parent| parent.native_id.clone()));
                    }
                    Err(problem) => {
                        stopped = Some(problem);
                        break;
                    }
                }
                next.cursor = parent.as_ref().map(|parent| parent.native_id.clone());
            }
            if !pages.is_empty() || stopped.is_none() {
                let storing = self.storing(run, at, next, false, None);
                let stored = self.store_batch(storing, Batch { pages }).await?;
                run.took(&stored);
                self.tell_page(run, Some(asked.len() as u64), true);
            }
            if let Some(problem) = stopped {
                return Ok(Left::Stopped { problem, goes_on: true });
            }
        }
        run.report.console_total = Some(run.position.counted);
        if !absent.is_empty() && run.report.reason.is_none() {
            let shown = absent.iter().take(ABSENT_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if absent.len() > ABSENT_SHOWN { ", .." } else { "" };
            run.report.reason = Some(format!("not available for {}: {shown}{more}", absent.len()));
        }
        Ok(Left::Done)
    }

    async fn fetch(&self, meter: &Meter, stream: &Stream, at: &Position) -> Result<Page, Problem> {
        self.fetcher.page(meter, &list_request(stream, at), at.cursor.as_deref()).await
    }

    /// Asks the console how many records the present window holds, the whole of it; nothing if it does not say.
    async fn count(&self, meter: &Meter, stream: &Stream, at: &Position) -> Option<u64> {
        let whole = at.whole.or(at.now_reading())?;
        let request = list_request(stream, &Position::begin(whole)).without("limit").param("countOnly", "true");
        self.fetcher.page(meter, &request, None).await.ok()?.total_items
    }

    /// The console's clock, or ours if it does not say.
    fn now_of(&self, page: &Page) -> Timestamp {
        page.date.map_or_else(|| self.world.now(), |date| Timestamp::from_micros(date.0))
    }

    /// Gives up the cursor; answers how the sweep leaves off if there is no way on.
    async fn lose_cursor(&self, run: &mut Run, why: &str) -> Result<Option<Left>, SyncError> {
        let mut position = run.position.clone();
        let part = position.window;
        let server = position.server.map_or_else(|| self.world.now(), Timestamp::from_micros);
        tracing::info!(stream = run.owner.stream.name, "Lost the cursor: {why}");
        match position.lose_cursor(server, run.owner.stream.change.is_some()) {
            Recovery::Restarted | Recovery::Bisected => {
                self.move_to(run, position, Some(part)).await?;
                Ok(None)
            }
            Recovery::Exhausted => Ok(Some(Left::Lost(why.to_owned()))),
        }
    }

    /// Asks for less at once, or steps over the one record that is too large to read.
    async fn narrow(&self, run: &mut Run, why: &str) -> Result<Option<Left>, SyncError> {
        let mut position = run.position.clone();
        if position.halve() {
            self.move_to(run, position, None).await?;
            return Ok(None);
        }
        let place = position.rows;
        if !position.step_over(run.owner.stream.change.is_some()) {
            return Ok(Some(Left::Lost(why.to_owned())));
        }
        let (owner, sweep, page, now) = (run.owner.clone(), run.sweep, position.page, self.world.now());
        let identity = format!("{:?} {:?} {place}", position.windows.first(), run.position.cursor);
        let kept = Quarantined {
            hash: canonical::digest(identity.as_bytes()),
            native_id: None,
            reason: format!("it is too large to read: {why}"),
            place: place as usize,
            size: None,
            bytes: None,
        };
        let saved = position.clone();
        self.write(move |tx| {
            checkpoint::quarantine(tx, &owner, sweep, page, &[kept], now)?;
            checkpoint::save_position(tx, &owner, &saved, now)
        })
        .await?;
        run.position = position;
        run.report.quarantined += 1;
        Ok(None)
    }

    /// Moves the sweep without a page; what was seen of `forgotten` no longer counts.
    async fn move_to(&self, run: &mut Run, position: Position, forgotten: Option<u32>) -> Result<(), SyncError> {
        let (owner, sweep, saved, now) = (run.owner.clone(), run.sweep, position.clone(), self.world.now());
        self.write(move |tx| {
            if let Some(part) = forgotten {
                checkpoint::forget_part(tx, owner.org, sweep, part)?;
            }
            checkpoint::save_position(tx, &owner, &saved, now)
        })
        .await?;
        run.position = position;
        Ok(())
    }

    fn storing(
        &self,
        run: &Run,
        at: Position,
        next: Position,
        derive_accounts: bool,
        closes: Option<Option<u64>>,
    ) -> Storing {
        Storing {
            owner: run.owner.clone(),
            site: self.integration.site,
            console_host: self.integration.console_host.clone(),
            sweep: run.sweep,
            at,
            next,
            memory: self.memory.clone(),
            derive_accounts: derive_accounts && run.owner.stream.name == "sites",
            closes,
            now: self.world.now(),
        }
    }

    async fn store_batch(&self, storing: Storing, batch: Batch) -> Result<apply::Stored, SyncError> {
        self.write(move |tx| apply::store(tx, &storing, &batch)).await
    }

    /// Writes how the stream ended, and makes its report.
    async fn finish(&self, mut run: Run, left: Left) -> Result<Swept, SyncError> {
        let core = run.owner.stream.core;
        let (status, reason, goes_on, stops) = match left {
            Left::Done => match self.shortfall(&run).await? {
                None => (StreamStatus::Complete, run.report.reason.take(), false, None),
                Some(why) => (StreamStatus::Incomplete, Some(why), false, None),
            },
            Left::Lost(why) => (StreamStatus::Incomplete, Some(why), false, None),
            Left::Stopped { problem, goes_on } => {
                let (status, why, stops) = verdict(problem, core, run.owner.stream.refusal_stops());
                // What the console does not offer has no page to go on from.
                (status, Some(why), goes_on && status != StreamStatus::NotAvailable, stops)
            }
        };
        let now = self.world.now();
        run.report.status = status;
        run.report.complete = status == StreamStatus::Complete;
        run.report.reason = reason;
        run.report.duration_ms = u64::try_from(now.micros().saturating_sub(run.started.micros()) / 1000).unwrap_or(0);
        let server = run.position.server.map(Timestamp::from_micros);
        let newest = run.position.newest.map(Timestamp::from_micros);
        let moved = watermark(run.standing.watermark, newest, server);
        let (owner, sweep, report) = (run.owner.clone(), run.sweep, run.report.clone());
        let full_at = (run.kind == SweepKind::Full).then_some(run.began_at);
        self.write(move |tx| {
            let ending = Ending {
                status,
                reason: report.reason.as_deref(),
                console_total: report.console_total,
                watermark: moved,
                full_at,
                goes_on,
            };
            checkpoint::end(tx, &owner, Some(sweep), &ending, now)?;
            // PostgreSQL plans by statistics that it refreshes in its own time, and until then walks whole tables for
            // a page of questions. SQLite is given fitting ones with its migrations.
            if report.created >= STATISTICS_AFTER && tx.dialect() == Dialect::Postgres {
                tx.refresh_statistics()?;
            }
            Ok(())
        })
        .await?;
        (self.tell)(&Event::StreamFinished { report: run.report.clone() });
        Ok(Swept { report: run.report, stops })
    }

    /// What keeps a sweep that read everything from being complete.
    async fn shortfall(&self, run: &Run) -> Result<Option<String>, SyncError> {
        if run.position.short {
            let why = run.report.reason.clone();
            return Ok(Some(why.unwrap_or_else(|| "the console counts more than it shows".to_owned())));
        }
        let (Proof::EveryParent, Source::Each(_, parents)) = (run.owner.stream.proof, run.owner.stream.source) else {
            return Ok(None);
        };
        let (org, id) = (run.owner.org, run.owner.id);
        let streams = self.read(move |tx| Ok::<_, SyncError>(checkpoint::streams(tx, org, id)?)).await?;
        let of = streams.iter().find(|summary| summary.stream == parents.stream());
        Ok(match of.and_then(|summary| summary.status) {
            // Accounts that cannot be read are told by the sites.
            Some(StreamStatus::Complete | StreamStatus::NotAvailable) => None,
            _ => Some(format!("which {} there are is not completely known", parents.stream())),
        })
    }

    fn tell_page(&self, run: &Run, total: Option<u64>, capped: bool) {
        (self.tell)(&Event::PageStored {
            integration: self.integration.name.clone(),
            stream: run.owner.stream.name,
            pages: run.report.pages,
            records: run.report.fetched,
            total: run.report.console_total.or(total),
            total_exact: !capped && run.position.windows.len() <= 1,
            elapsed_ms: u64::try_from(self.world.now().micros().saturating_sub(run.started.micros()) / 1000)
                .unwrap_or(0),
        });
    }

    /// Reads on the store's thread; a virtual world stands still meanwhile.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, SyncError> + Send + 'static,
    ) -> Result<T, SyncError> {
        self.world.outside(self.store.read(work)).await
    }

    /// Writes on the store's thread; a virtual world stands still meanwhile.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, SyncError> + Send + 'static,
    ) -> Result<T, SyncError> {
        self.world.outside(self.store.write(work)).await
    }
}

impl Run {
    /// Adds what a stored batch did.
    fn took(&mut self, stored: &apply::Stored) {
        let counts = stored.counts;
        self.report.fetched += counts.fetched;
        self.report.created += counts.created;
        self.report.changed += counts.changed;
        self.report.touched += counts.touched;
        self.report.unchanged += counts.unchanged;
        self.report.quarantined += counts.quarantined;
        self.report.pages += 1;
        self.position = stored.position.clone();
    }
}

/// The sweep that was cut off, if it may go on.
fn resumable(standing: &Standing, full: bool, now: Timestamp) -> Option<Open> {
    let open = standing.open.as_ref()?;
    let age = now.seconds_since(open.started_at);
    let fresh = (0..=RESUME_WITHIN_SECONDS).contains(&age);
    // Who asks for everything is not served with the rest of a sweep over changes.
    (fresh && (!full || open.kind == SweepKind::Full) && open.position.now_reading().is_some()).then(|| open.clone())
}

/// Whether a new sweep asks for everything.
fn kind_of_sweep(stream: &Stream, standing: &Standing, full: bool, now: Timestamp) -> SweepKind {
    let due = stream.full_every.is_some_and(|every| standing.full_at.is_none_or(|at| now.seconds_since(at) >= every));
    if full || due || stream.change.is_none() || standing.watermark.is_none() {
        SweepKind::Full
    } else {
        SweepKind::Changes
    }
}

/// The request for the page at a position, without its cursor.
fn list_request(stream: &Stream, at: &Position) -> Request {
    let mut request = Request::to(stream.endpoint()).expect("lists take no id; a test of the table holds it");
    for (name, value) in stream.params {
        request = request.param(*name, value);
    }
    if let Some(sort) = stream.sort {
        request = request.param("sortBy", sort).param("sortOrder", "asc");
    }
    request = request.limit(at.limit);
    if let (Some(change), Some(window)) = (stream.change, at.now_reading()) {
        if let Some(from) = window.from {
            request = request.param(format!("{}__gte", change.filter), Micros(from));
        }
        if let Some(to) = window.to {
            request = request.param(format!("{}__lt", change.filter), Micros(to));
        }
    }
    if at.skip > 0 { request.param("skip", at.skip) } else { request }
}

/// The request for one record's settings. Ids are decimal (vendor spec); for any other there is no route to ask.
fn single_request(stream: &Stream, parent: Option<&Parent>) -> Option<Request> {
    use sentinelone::Endpoint;
    let id = parent.map(|parent| parent.native_id.as_str()).unwrap_or_default();
    if parent.is_some() && !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match stream.endpoint() {
        Endpoint::AccountPolicy => Request::account_policy(id).ok(),
        Endpoint::SitePolicy => Request::site_policy(id).ok(),
        Endpoint::GroupPolicy => Request::group_policy(id).ok(),
        endpoint => Request::to(endpoint),
    }
}

/// A page whose next cursor was followed before is no page: it would lead round in a circle.
fn unlooped(page: Page, guard: &mut CursorGuard) -> Result<Page, Problem> {
    match &page.next_cursor {
        None => Ok(page),
        Some(next) => match guard.follow(next) {
            Ok(()) => Ok(page),
            Err(_) => Err(Problem::LoseCursor("the console gave a cursor that it had given before".to_owned())),
        },
    }
}

/// What a problem that lasts means for the stream, in words, and for the integration.
fn verdict(problem: Problem, core: bool, refusal_stops: bool) -> (StreamStatus, String, Option<StreamStatus>) {
    use StreamStatus::{AuthenticationFailed, Incomplete, NotAvailable, PermissionMissing, Unreachable};
    match problem {
        Problem::TokenRefused(why) => (AuthenticationFailed, why, Some(AuthenticationFailed)),
        Problem::TokenPowerless(why) => (PermissionMissing, why, Some(PermissionMissing)),
        Problem::Refused(why) if refusal_stops => (PermissionMissing, why, Some(PermissionMissing)),
        Problem::Refused(why) | Problem::NotOffered(why) => (NotAvailable, why, None),
        Problem::Lasting(Lasting::NoConsole, why) => (Unreachable, why, Some(Unreachable)),
        Problem::Lasting(Lasting::NoStream, why) if core => (Unreachable, why, None),
        Problem::Lasting(Lasting::NoStream | Lasting::Request, why) if !core => (NotAvailable, why, None),
        Problem::Lasting(_, why) | Problem::LoseCursor(why) | Problem::TooLarge(why) => (Incomplete, why, None),
    }
}

/// The budgets of all tokens of one process, so that two integrations with one token share theirs.
#[derive(Default)]
pub struct Budgets(Mutex<Vec<Budgeted>>);

/// The hash of a host and a token, and their budget.
type Budgeted = ([u8; 32], Arc<Mutex<Budget>>);

impl Budgets {
    /// The budget of this token on this host.
    pub fn of(&self, host: &str, token: &str, per_minute: u32, unlimited: bool, now: Timestamp) -> Arc<Mutex<Budget>> {
        // Only the hash is kept: a token does not lie about in memory longer than its client.
        let key = canonical::digest(format!("{host}\0{token}").as_bytes());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, budget)) = known.iter().find(|(other, _)| *other == key) {
            return budget.clone();
        }
        let budget = Arc::new(Mutex::new(Budget::new(per_minute, unlimited, now)));
        known.push((key, budget.clone()));
        budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(watermark: Option<i64>, full_at: Option<i64>) -> Standing {
        Standing {
            generation: 1,
            watermark: watermark.map(Timestamp::from_seconds),
            full_at: full_at.map(Timestamp::from_seconds),
            open: None,
        }
    }

    #[test]
    fn a_window_is_asked_for_inclusively_ascending_and_by_the_thousand() {
        let threats = Stream::named("threats").unwrap();
        let at = Position::begin(Window { from: Some(1_000_000), to: Some(2_500_000) });
        assert_eq!(
            list_request(threats, &at).path_and_query(),
            "/web/api/v2.1/threats?sortBy=updatedAt&sortOrder=asc&limit=1000\
             &updatedAt__gte=1970-01-01T00:00:01.000000Z&updatedAt__lt=1970-01-01T00:00:02.500000Z"
        );
        let sites = Stream::named("sites").unwrap();
        assert_eq!(
            list_request(sites, &Position::begin(Window::ALL)).path_and_query(),
            "/web/api/v2.1/sites?sortBy=id&sortOrder=asc&limit=1000"
        );
    }

    #[test]
    fn every_stream_of_pages_can_be_asked_for() {
        for stream in crate::STREAMS.iter().filter(|stream| matches!(stream.source, Source::Pages(_))) {
            assert!(list_request(stream, &Position::begin(Window::ALL)).endpoint().is_paged(), "{}", stream.name);
        }
    }

    #[test]
    fn everything_is_asked_for_at_first_each_day_and_on_demand() {
        let now = Timestamp::from_seconds(1_000_000);
        let agents = Stream::named("agents").unwrap();
        let kind = |standing: &Standing, full| kind_of_sweep(agents, standing, full, now);
        assert_eq!(kind(&standing(None, None), false), SweepKind::Full);
        assert_eq!(kind(&standing(Some(999_000), Some(999_000)), false), SweepKind::Changes);
        assert_eq!(kind(&standing(Some(999_000), Some(999_000)), true), SweepKind::Full);
        assert_eq!(kind(&standing(Some(999_000), Some(900_000)), false), SweepKind::Full);
        // A clock that was set back does not make a full sweep due, nor keep one from ever coming.
        assert_eq!(kind(&standing(Some(999_000), Some(1_050_000)), false), SweepKind::Changes);
    }

    #[test]
    fn only_a_fresh_sweep_of_the_right_kind_goes_on() {
        let now = Timestamp::from_seconds(1_000_000);
        let open = |kind, began| Standing {
            open: Some(Open {
                sweep: SweepId(1),
                kind,
                started_at: Timestamp::from_seconds(began),
                position: Position::begin(Window::ALL),
            }),
            ..standing(None, None)
        };
        assert!(resumable(&open(SweepKind::Changes, 999_000), false, now).is_some());
        assert!(resumable(&open(SweepKind::Changes, 999_000), true, now).is_none());
        assert!(resumable(&open(SweepKind::Full, 999_000), true, now).is_some());
        assert!(resumable(&open(SweepKind::Full, 900_000), false, now).is_none());
    }

    #[test]
    fn what_lasts_means_what_the_promises_say() {
        use StreamStatus::{AuthenticationFailed, Incomplete, NotAvailable, PermissionMissing, Unreachable};
        let of = |problem: Problem, core, stops| {
            let (status, _, stopped) = verdict(problem, core, stops);
            (status, stopped)
        };
        let why = String::new;
        assert_eq!(of(Problem::TokenRefused(why()), false, false), (AuthenticationFailed, Some(AuthenticationFailed)));
        assert_eq!(of(Problem::TokenPowerless(why()), false, false), (PermissionMissing, Some(PermissionMissing)));
        assert_eq!(of(Problem::Refused(why()), true, true), (PermissionMissing, Some(PermissionMissing)));
        assert_eq!(of(Problem::Refused(why()), true, false), (NotAvailable, None));
        assert_eq!(of(Problem::NotOffered(why()), false, false), (NotAvailable, None));
        assert_eq!(of(Problem::Lasting(Lasting::NoStream, why()), true, false), (Unreachable, None));
        assert_eq!(of(Problem::Lasting(Lasting::NoStream, why()), false, false), (NotAvailable, None));
        assert_eq!(of(Problem::Lasting(Lasting::NoConsole, why()), false, false), (Unreachable, Some(Unreachable)));
        assert_eq!(of(Problem::Lasting(Lasting::Throttled, why()), true, false), (Incomplete, None));
    }
}
