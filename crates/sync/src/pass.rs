//! A pass over one integration: its streams in turn, each swept from its checkpoint.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join;
use inventory::Memory;
use jobs::World;
use kernel::{SweepId, Timestamp};
use sentinelone::client::CursorGuard;
use sentinelone::{AlertTime, AlertWindow, Endpoint, Micros, Page, Request};
use store::{Dialect, Store, Tx};

use crate::apply::{self, Batch, Proven, Storing};
use crate::backfill::History;
use crate::canonical;
use crate::checkpoint::{self, Ending, Open, Owner, Parent, Quarantined, Standing};
use crate::fetch::{Fetcher, Meter, Problem};
use crate::lease::Holder;
use crate::position::{EMPTY_PAGES_MAX, PAGE_LIMIT_MAX, Position, Recovery, Window, lower_bound, watermark};
use crate::rate::Budget;
use crate::reapply::MACHINE_STREAMS;
use crate::report::{Event, StreamReport, StreamStatus, SweepKind};
use crate::scope::Seen;
use crate::settle::settle;
use crate::stream::{Parents, Proof, Source, TimeField};
use crate::verdict::Lasting;
use crate::{Connector, Integration, Stream, SyncError};

/// A sweep that was cut off longer ago than this begins anew: its pages no longer prove anything.
const RESUME_WITHIN_SECONDS: i64 = 24 * 3600;

/// Answers of single requests that are stored together.
const SINGLE_BATCH: usize = 50;

/// Bytes of single answers that are kept in memory before they are stored.
const SINGLE_BYTES: usize = 8 * 1024 * 1024;

/// Pages of what is asked about one record.
const PAGES_OF_ONE_MAX: usize = 200;

/// The end of a window of unified alerts that has none: 2100-01-01. The end is part of what a cursor belongs to, so it
/// must not move from page to page.
const ALERTS_UNTIL: i64 = 4_102_444_800_000_000;

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
    /// Who holds the leases.
    pub holder: Arc<Holder>,
    /// Its way to the console.
    pub fetcher: Fetcher<'a>,
    /// True if everything is asked for, whatever the watermark.
    pub full: bool,
    /// True if a person accepts that held records are gone.
    pub accept_removals: bool,
    /// True if history is read in lanes of its own ([`Pass::backfill`]), and live polling begins at the present.
    pub lanes: bool,
    /// What the token sees, once [`Pass::look`] has asked.
    pub seen: Option<Seen>,
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
pub(crate) struct Run {
    pub owner: Owner,
    pub standing: Standing,
    pub sweep: SweepId,
    pub kind: SweepKind,
    pub lane: Lane,
    pub began_at: Timestamp,
    pub position: Position,
    pub report: StreamReport,
    pub started: Timestamp,
    /// What is asked for: one of several, where there is a choice.
    pub endpoint: Endpoint,
    /// Records that the console did not have any more when they were asked for one by one.
    pub absent: Vec<String>,
    /// The scope to be remembered if the sweep is complete.
    pub scope: Option<String>,
    /// Where a sweep over changes began.
    pub lower: Option<Timestamp>,
}

/// Which part of a stream a sweep reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What is new, and at first everything, unless history has a lane of its own.
    Live,
    /// History, beside live polling.
    Backfill,
}

/// How a sweep left off.
pub(crate) enum Left {
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
        let mut swept = self.sweep_lane(stream, Lane::Live, accounts_missing).await?;
        // Who reads everything in one go also ends what a worker began beside its polling.
        if !self.lanes
            && swept.stops.is_none()
            && let Some(history) = self.backfill(stream).await?
        {
            swept = history.after(swept);
        }
        Ok(swept)
    }

    /// Sweeps one lane of a stream.
    pub(crate) async fn sweep_lane(
        &self,
        stream: &'static Stream,
        lane: Lane,
        accounts_missing: bool,
    ) -> Result<Swept, SyncError> {
        let meter = Meter { low: lane == Lane::Backfill || stream.is_enrichment(), ..Meter::default() };
        self.retry_quarantined(stream).await?;
        let mut run = self.open(stream, lane).await?;
        (self.tell)(&Event::StreamStarted {
            integration: self.integration.name.clone(),
            stream: stream.name,
            kind: run.kind,
            resumed_pages: u64::from(run.position.page),
        });
        let left = match stream.source {
            Source::Pages(_) | Source::Scoped(_) | Source::Alerts => {
                self.pages(&mut run, &meter, accounts_missing).await?
            }
            Source::One(..) => self.singles(&mut run, &meter, vec![None]).await?,
            Source::Queued(..) => self.drain(&mut run, &meter).await?,
            Source::Software => self.software(&mut run, &meter).await?,
            // Consoles have no such stream.
            Source::File => Left::Done,
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
    async fn open(&self, stream: &'static Stream, lane: Lane) -> Result<Run, SyncError> {
        let (org, id, name) = (self.integration.org, self.integration.id, self.integration.name.clone());
        let (now, holder) = (self.world.now(), self.holder.clone());
        let (full, accepts) = (self.full, self.accept_removals);
        let scopes = self.scopes(stream).await?;
        let sees = self.seen.as_ref().and_then(|seen| seen.scope.clone());
        let history = self.history(stream, now);
        let lanes = self.lanes && stream.has_history();
        let (owner, standing, sweep, kind, began_at, position, lower) = self
            .write(move |tx| {
                let key = lane.key(stream);
                let mut wider = false;
                if let Some(sees) = &sees {
                    wider = lane == Lane::Live && checkpoint::forget_if_wider(tx, org, id, &key, sees)?;
                }
                let standing = checkpoint::claim(tx, org, id, &key, &holder, now)?;
                if let Some(sees) = &sees {
                    checkpoint::note_scope(tx, org, id, &key, sees)?;
                }
                inventory::finish_load(tx, stream.name)?;
                let owner = Owner { org, id, name, stream, key, generation: standing.generation, holder };
                let full = full || (accepts && standing.held > 0);
                if let Some(Open { sweep, kind, started_at, position }) = resumable(&standing, full, now, lane) {
                    let lower = standing.lower_bound.filter(|_| kind == SweepKind::Changes);
                    return Ok((owner, standing, sweep, kind, started_at, position, lower));
                }
                let (kind, windows) = match lane {
                    Lane::Backfill => (SweepKind::Full, vec![history.window(&standing)]),
                    // What a wider scope shows has no history yet, and the lane of what was seen before is closed.
                    Lane::Live if lanes && standing.watermark.is_none() && !wider => {
                        checkpoint::open_lane(tx, org, id, &Lane::Backfill.key(stream), history.present, now)?;
                        (SweepKind::Changes, vec![Window::since(Some(history.present.micros()))])
                    }
                    Lane::Live => windows(stream, &standing, full, &history, &scopes, now),
                };
                let lower = windows.first().and_then(|window| window.from).map(Timestamp::from_micros);
                let lower = lower.filter(|_| kind == SweepKind::Changes);
                let position = Position::over(windows, scopes);
                let sweep = checkpoint::begin(tx, &owner, kind, &position, now)?;
                Ok::<_, SyncError>((owner, standing, sweep, kind, now, position, lower))
            })
            .await?;
        let report = StreamReport::begun(&self.integration.name, stream, StreamStatus::Incomplete);
        let endpoint = stream.endpoint();
        let (absent, scope) = (Vec::new(), None);
        Ok(Run {
            owner,
            standing,
            sweep,
            kind,
            lane,
            began_at,
            position,
            report,
            started: now,
            endpoint,
            absent,
            scope,
            lower,
        })
    }

    /// What a stream is asked for one by one, as parameters; nothing for one whose endpoint takes no scope.
    async fn scopes(&self, stream: &Stream) -> Result<Vec<String>, SyncError> {
        match stream.source {
            Source::Scoped(_) => self.account_scopes().await,
            _ => Ok(Vec::new()),
        }
    }

    /// The accounts that the token sees, or the sites, if it is a token of sites, as parameters.
    pub(crate) async fn account_scopes(&self) -> Result<Vec<String>, SyncError> {
        let scope = self.seen.as_ref().and_then(|seen| seen.scope.as_ref());
        let named = |name: &str, ids: Vec<String>| ids.into_iter().map(|id| format!("{name}={id}")).collect();
        match scope {
            Some(scope) if scope.level == "site" => Ok(named("siteIds", scope.places.iter().cloned().collect())),
            _ => {
                let (org, id) = (self.integration.org, self.integration.id);
                let known = self
                    .read(move |tx| Ok::<_, SyncError>(checkpoint::parents(tx, org, id, Parents::Accounts)?))
                    .await?;
                Ok(named("accountIds", known.into_iter().map(|account| account.native_id).collect()))
            }
        }
    }

    /// Walks the pages of a list, the next one always on its way while one is stored.
    pub(crate) async fn pages(&self, run: &mut Run, meter: &Meter, derive_accounts: bool) -> Result<Left, SyncError> {
        let stream = run.owner.stream;
        let ask = Ask { stream, endpoint: run.endpoint, kind: run.kind };
        let mut before: Option<[u8; 32]> = None;
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
                None => self.fetch(meter, ask, &at).await,
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
                // One account's licence is not another's: the rest is still read.
                Err(Problem::Refused(why) | Problem::NotOffered(why)) if run.position.scopes.len() > 1 => {
                    let mut position = at.clone();
                    position.refuse_scope(&why);
                    let none_left = position.refused.len() == position.scopes.len();
                    self.move_to(run, position, Some(at.window)).await?;
                    if none_left {
                        return Ok(Left::Stopped { problem: Problem::Refused(why), goes_on: false });
                    }
                    guard = CursorGuard::new();
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
            let mut next = at.after(apply::page_seen(&page, field));
            // A page that came twice counts once.
            let first = (!page.is_empty()).then(|| canonical::digest(page.record(0)));
            if first.is_some() && first == before {
                next.rows = at.rows;
                next.empty = at.empty + 1;
            }
            before = first;
            if next.empty > EMPTY_PAGES_MAX {
                if let Some(left) = self
                    .lose_cursor(run, "the console sends pages without records, or the same one again and again")
                    .await?
                {
                    return Ok(left);
                }
                continue;
            }
            let total = page.total_items;
            let closes = match (&next.cursor, total) {
                (Some(_), _) => None,
                (None, _) if matches!(stream.proof, Proof::Whole | Proof::EveryParent) => Some(Some(0)),
                // The last page's own count is for what was asked: a narrowed window is not the whole.
                (None, Some(total)) if at.whole.is_none() => Some(Some(total)),
                (None, _) => Some(self.count(meter, ask, &at).await),
            };
            run.report.console_total = total.map(|total| total + at.counted).or(run.report.console_total);
            let whose = at.scope().map(|(_, id)| Parent::named(id));
            let batch = Batch { pages: vec![(whose, page)], ..Batch::default() };
            let storing = self.storing(run, at, next.clone(), derive_accounts, closes);
            let stored = if next.cursor.is_some() {
                let (stored, fetched) = join(self.store_batch(storing, batch), self.fetch(meter, ask, &next)).await;
                ahead = Some(fetched);
                stored?
            } else {
                (guard, before) = (CursorGuard::new(), None);
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
        run.report.console_total = match stream.proof {
            Proof::Whole | Proof::EveryParent => Some(run.report.fetched),
            Proof::Total | Proof::CappedTotal(_) => Some(run.position.counted),
        };
        if !run.position.refused.is_empty() && run.report.reason.is_none() {
            let refused = &run.position.refused;
            run.report.reason = Some(format!("not available for {}: {}", refused.len(), in_short(refused)));
        }
        Ok(Left::Done)
    }

    /// Asks one request after the other, each for one record, and stores their answers together.
    pub(crate) async fn singles(
        &self,
        run: &mut Run,
        meter: &Meter,
        asked: Vec<Option<Parent>>,
    ) -> Result<Left, SyncError> {
        let many = !matches!(run.owner.stream.source, Source::One(..));
        for group in asked.chunks(SINGLE_BATCH) {
            let mut at = run.position.clone();
            let mut next = at.clone();
            next.page += 1;
            let mut pages = Vec::with_capacity(group.len());
            let mut bytes = 0;
            let mut stopped = None;
            for parent in group {
                let Some(request) = single_request(run.endpoint, parent.as_ref()) else {
                    run.absent.extend(parent.as_ref().map(|parent| parent.native_id.clone()));
                    continue;
                };
                match self.all_pages(meter, &request).await {
                    Ok(answer) => {
                        next.short |= answer.short;
                        next.counted += 1;
                        for page in answer.pages {
                            next.server = next.server.max(page.date.map(|date| date.0));
                            bytes += page.body().len();
                            pages.push((parent.clone(), page));
                        }
                    }
                    // The record is gone since its parent was listed; that concerns this record only.
                    Err(Problem::NotOffered(_)) if many && request.endpoint().names_one_record() => {
                        run.absent.extend(parent.as_ref().map(|parent| parent.native_id.clone()));
                    }
                    Err(problem) => {
                        stopped = Some(problem);
                        break;
                    }
                }
                next.cursor = parent.as_ref().map(|parent| parent.native_id.clone());
                if bytes > SINGLE_BYTES {
                    let batch = Batch { pages: std::mem::take(&mut pages), ..Batch::default() };
                    let storing = self.storing(run, at, next, false, None);
                    let stored = self.store_batch(storing, batch).await?;
                    run.took(&stored);
                    (at, next, bytes) = (run.position.clone(), run.position.clone(), 0);
                    next.page += 1;
                }
            }
            if !pages.is_empty() || stopped.is_none() {
                let storing = self.storing(run, at, next, false, None);
                let stored = self.store_batch(storing, Batch { pages, ..Batch::default() }).await?;
                run.took(&stored);
                self.tell_page(run, Some(asked.len() as u64), true);
            }
            if let Some(problem) = stopped {
                return Ok(Left::Stopped { problem, goes_on: true });
            }
        }
        run.report.console_total = match run.owner.stream.source {
            Source::Software => Some(run.report.fetched),
            _ => Some(run.position.counted),
        };
        if !run.absent.is_empty() && run.report.reason.is_none() {
            run.report.reason = Some(format!("not available for {}: {}", run.absent.len(), in_short(&run.absent)));
        }
        Ok(Left::Done)
    }

    /// Everything that the console says about one record: its pages, at most [`PAGES_OF_ONE_MAX`].
    pub(crate) async fn all_pages(&self, meter: &Meter, request: &Request) -> Result<Whole, Problem> {
        let mut whole = Whole { pages: Vec::new(), short: false };
        let (mut cursor, mut rows): (Option<String>, u64) = (None, 0);
        let mut guard = CursorGuard::new();
        let mut again = true;
        loop {
            let fetched = self.fetcher.page(meter, request, cursor.as_deref()).await;
            let page = match fetched.and_then(|page| unlooped(page, &mut guard)) {
                Ok(page) => page,
                // Few pages are soon read again from the beginning; what was misshapen once is asked for once more.
                Err(Problem::LoseCursor(_)) if again => {
                    (again, cursor, rows, guard) = (false, None, 0, CursorGuard::new());
                    whole.pages.clear();
                    continue;
                }
                Err(problem) => return Err(problem),
            };
            rows += page.len() as u64;
            cursor = page.next_cursor.clone();
            let total = page.total_items;
            whole.pages.push(page);
            if cursor.is_none() {
                whole.short = total.is_some_and(|total| rows < total);
                return Ok(whole);
            }
            if whole.pages.len() >= PAGES_OF_ONE_MAX {
                whole.short = true;
                return Ok(whole);
            }
        }
    }

    async fn fetch(&self, meter: &Meter, ask: Ask, at: &Position) -> Result<Page, Problem> {
        self.fetcher.page(meter, &list_request(ask, at), at.cursor.as_deref()).await
    }

    /// Asks the console how many records the present window holds, the whole of it; nothing if it does not say.
    async fn count(&self, meter: &Meter, ask: Ask, at: &Position) -> Option<u64> {
        let whole = at.whole.or(at.now_reading())?;
        let at = Position::over(vec![whole], at.scopes.clone());
        self.fetcher.page(meter, &count_request(ask, &at), None).await.ok()?.total_items
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

    pub(crate) fn storing(
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
            endpoint: run.endpoint,
            told: run.kind == SweepKind::Changes,
            enriches: self.enriches(run.owner.stream),
            of: self.integration.clone(),
            now: self.world.now(),
        }
    }

    pub(crate) async fn store_batch(&self, storing: Storing, batch: Batch) -> Result<apply::Stored, SyncError> {
        self.write(move |tx| apply::store(tx, &storing, &batch)).await
    }

    /// Writes how the stream ended, and makes its report.
    async fn finish(&self, mut run: Run, left: Left) -> Result<Swept, SyncError> {
        let core = run.owner.stream.core;
        let is_complete = matches!(left, Left::Done) && self.shortfall(&run).await?.is_none();
        if is_complete {
            self.reconcile(&mut run).await?;
        }
        if MACHINE_STREAMS.contains(&run.owner.stream.name) {
            let stream = run.owner.stream.name;
            self.write(move |tx| Ok(inventory::finish_load(tx, stream)?)).await?;
            settle(self.store, self.world, run.owner.org, Some(&run.owner), &self.memory).await?;
        }
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
        let newest = match run.owner.stream.change.map(|change| change.field) {
            // The records do not say when they changed: nothing later than the first answer is known to be seen.
            Some(TimeField::Nowhere) => run.position.first,
            _ => run.position.newest,
        };
        let moved = match run.lane {
            // A lane's upper end stays where live polling began.
            Lane::Backfill => run.standing.watermark,
            // Whatever came, everything up to where the sweep began is known.
            Lane::Live => watermark(run.standing.watermark, newest.map(Timestamp::from_micros), server).max(run.lower),
        };
        let reread_at = run.position.reread_seen(run.kind == SweepKind::Full).then_some(run.began_at);
        let (owner, sweep, report) = (run.owner.clone(), run.sweep, run.report.clone());
        let full_at = (run.kind == SweepKind::Full).then_some(run.began_at);
        let scope = run.scope.take();
        self.write(move |tx| {
            let ending = Ending {
                status,
                reason: report.reason.as_deref(),
                console_total: report.console_total,
                watermark: moved,
                full_at,
                goes_on,
                scope: scope.as_deref(),
                reread_at,
                source: report.source.as_deref(),
                removed: report.removed,
            };
            inventory::finish_load(tx, owner.stream.name)?;
            checkpoint::end(tx, &owner, Some(sweep), &ending, now)?;
            // PostgreSQL plans by statistics that it refreshes in its own time, and until then walks whole tables for
            // a page of questions. SQLite is given fitting ones with its migrations.
            if report.created >= STATISTICS_AFTER && tx.dialect() == Dialect::Postgres {
                tx.refresh_statistics()?;
            }
            Ok(())
        })
        .await?;
        run.report.log(run.owner.org, Connector::SentinelOne);
        (self.tell)(&Event::StreamFinished { report: run.report.clone() });
        Ok(Swept { report: run.report, stops })
    }

    /// What keeps a sweep that read everything from being complete.
    async fn shortfall(&self, run: &Run) -> Result<Option<String>, SyncError> {
        if run.position.short {
            let why = run.report.reason.clone();
            return Ok(Some(why.unwrap_or_else(|| "the console counts more than it shows".to_owned())));
        }
        let Source::Each(_, parents) = run.owner.stream.source else { return Ok(None) };
        let (org, id) = (run.owner.org, run.owner.id);
        let streams = self.read(move |tx| Ok::<_, SyncError>(checkpoint::streams(tx, org, id)?)).await?;
        let of = streams.iter().find(|summary| summary.stream == parents.stream());
        Ok(match of.and_then(|summary| summary.status) {
            // Accounts that cannot be read are told by the sites.
            Some(StreamStatus::Complete | StreamStatus::NotAvailable) => None,
            _ => Some(format!("which {} there are is not completely known", parents.stream())),
        })
    }

    pub(crate) fn tell_page(&self, run: &Run, total: Option<u64>, capped: bool) {
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
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, SyncError> + Send + 'static,
    ) -> Result<T, SyncError> {
        self.world.outside(self.store.read(work)).await
    }

    /// Writes on the store's thread; a virtual world stands still meanwhile.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, SyncError> + Send + 'static,
    ) -> Result<T, SyncError> {
        self.world.outside(self.store.write(work)).await
    }
}

impl Run {
    /// Adds what a stored batch did.
    pub fn took(&mut self, stored: &apply::Stored) {
        let counts = stored.counts;
        self.report.fetched += counts.fetched;
        self.report.created += counts.created;
        self.report.changed += counts.changed;
        self.report.touched += counts.touched;
        self.report.unchanged += counts.unchanged;
        self.report.quarantined += counts.quarantined;
        self.report.removed += counts.removed;
        self.report.pages += 1;
        self.position = stored.position.clone();
    }
}

/// The sweep that was cut off, if it may go on.
fn resumable(standing: &Standing, full: bool, now: Timestamp, lane: Lane) -> Option<Open> {
    let open = standing.open.as_ref()?;
    let age = now.seconds_since(open.started_at);
    // History does not change: what was read of it a week ago still proves its part.
    let fresh = (0..=RESUME_WITHIN_SECONDS).contains(&age) || lane == Lane::Backfill;
    // Who asks for everything is not served with the rest of a sweep over changes.
    (fresh && (!full || open.kind == SweepKind::Full) && open.position.now_reading().is_some()).then(|| open.clone())
}

/// Whether a new sweep asks for everything.
fn kind_of_sweep(stream: &Stream, standing: &Standing, full: bool, now: Timestamp) -> SweepKind {
    let due = stream.full_every.is_some_and(|every| standing.full_at.is_none_or(|at| now.seconds_since(at) >= every));
    // A queue is filled by what changes; everything enters it once.
    let whole = if stream.is_enrichment() {
        standing.full_at.is_none()
    } else {
        stream.change.is_none() || standing.watermark.is_none()
    };
    if full || due || whole { SweepKind::Full } else { SweepKind::Changes }
}

/// The windows of a new sweep, and what kind it is.
fn windows(
    stream: &Stream,
    standing: &Standing,
    full: bool,
    history: &History,
    scopes: &[String],
    now: Timestamp,
) -> (SweepKind, Vec<Window>) {
    let kind = kind_of_sweep(stream, standing, full, now);
    let from = match kind {
        SweepKind::Full => history.from,
        SweepKind::Changes => lower_bound(standing.watermark, stream.overlap),
    };
    let window = Window::since(from.map(Timestamp::micros));
    let mut windows = vec![window];
    if !scopes.is_empty() {
        windows = (0u32..).zip(scopes).map(|(at, _)| Window { scope: Some(at), ..window }).collect();
    }
    let due = stream.reread.is_some_and(|reread| {
        let last = standing.reread_at.max(standing.full_at);
        last.is_none_or(|at| now.seconds_since(at) >= reread.every)
    });
    if kind == SweepKind::Changes && due {
        windows.push(Window { reread: true, ..Window::ALL });
    }
    (kind, windows)
}

/// What a sweep asks for.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    pub stream: &'static Stream,
    pub endpoint: Endpoint,
    pub kind: SweepKind,
}

/// Everything that the console says about one record.
pub(crate) struct Whole {
    pub pages: Vec<Page>,
    /// True if the console counts more than it shows.
    pub short: bool,
}

/// Which records are asked for: a stream's fixed parameters, and the present window.
fn chosen(ask: Ask, at: &Position) -> Request {
    let mut request = Request::to(ask.endpoint).expect("lists take no id; a test of the table holds it");
    let window = at.now_reading().unwrap_or(Window::ALL);
    let with = ask.stream.change.filter(|_| ask.kind == SweepKind::Changes && !window.reread);
    let reread = ask.stream.reread.filter(|_| window.reread);
    let params = ask.stream.params.iter();
    let params = params.chain(with.iter().flat_map(|change| change.with));
    for (name, value) in params.chain(reread.iter().flat_map(|reread| reread.params)) {
        request = request.param(*name, value);
    }
    if let Some((name, id)) = at.scope() {
        request = request.param(name.to_owned(), id);
    }
    let Some(change) = ask.stream.change else { return request };
    if ask.endpoint == Endpoint::UnifiedAlerts {
        let span = |micros: Option<i64>, end: i64| Micros(micros.unwrap_or(end));
        // Both ends count, in milliseconds; a window of ours ends before its last microsecond.
        let until = window.to.map(|to| to - 1);
        return request.window(AlertWindow {
            by: AlertTime::Updated,
            from: span(window.from, 0),
            until: span(until, ALERTS_UNTIL),
        });
    }
    if let Some(from) = window.from {
        request = request.param(format!("{}__gte", change.filter), Micros(from));
    }
    if let Some(to) = window.to {
        request = request.param(format!("{}__lt", change.filter), Micros(to));
    }
    request
}

/// The request for the page at a position, without its cursor.
pub(crate) fn list_request(ask: Ask, at: &Position) -> Request {
    let mut request = chosen(ask, at);
    if !ask.endpoint.is_paged() && ask.endpoint != Endpoint::UnifiedAlerts {
        return request;
    }
    if let Some(sort) = ask.stream.sort {
        request = request.param("sortBy", sort).param("sortOrder", "asc");
    }
    request = request.limit(at.limit);
    if at.skip > 0 { request.param("skip", at.skip) } else { request }
}

/// The request for the number of records in a position's window.
pub(crate) fn count_request(ask: Ask, at: &Position) -> Request {
    let request = chosen(ask, at);
    match ask.endpoint {
        Endpoint::UnifiedAlerts => request.limit(1),
        _ => request.param("countOnly", "true"),
    }
}

/// The request for what is asked about one record. Ids are decimal (vendor spec); for any other there is no route to ask.
pub(crate) fn single_request(endpoint: Endpoint, parent: Option<&Parent>) -> Option<Request> {
    let Some(parent) = parent else { return Request::to(endpoint) };
    let id = parent.native_id.as_str();
    if endpoint == Endpoint::ApplicationEndpoints {
        let request = Request::application_endpoints(parent.name.as_deref()?, parent.vendor.as_deref()?);
        let (name, scope) = parent.scope.as_deref()?.split_once('=')?;
        return Some(request.param(name.to_owned(), scope).limit(PAGE_LIMIT_MAX));
    }
    if !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match endpoint {
        Endpoint::AccountPolicy => Request::account_policy(id).ok(),
        Endpoint::SitePolicy => Request::site_policy(id).ok(),
        Endpoint::GroupPolicy => Request::group_policy(id).ok(),
        Endpoint::AgentApplications => Some(Request::agent_applications(id)),
        Endpoint::ThreatTimeline => Request::threat_timeline(id).ok().map(|request| request.limit(PAGE_LIMIT_MAX)),
        Endpoint::ThreatNotes => Request::threat_notes(id).ok().map(|request| request.limit(PAGE_LIMIT_MAX)),
        _ => None,
    }
}

/// The first few of several, for a sentence.
pub(crate) fn in_short(all: &[String]) -> String {
    let shown = all.iter().take(ABSENT_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > ABSENT_SHOWN { format!("{shown}, ..") } else { shown }
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
pub(crate) fn verdict(
    problem: Problem,
    core: bool,
    refusal_stops: bool,
) -> (StreamStatus, String, Option<StreamStatus>) {
    use StreamStatus::{AuthenticationFailed, Incomplete, NotAvailable, PermissionMissing, RateLimited, Unreachable};
    match problem {
        Problem::TokenRefused(why) => (AuthenticationFailed, why, Some(AuthenticationFailed)),
        Problem::TokenPowerless(why) => (PermissionMissing, why, Some(PermissionMissing)),
        Problem::Refused(why) if refusal_stops => (PermissionMissing, why, Some(PermissionMissing)),
        Problem::Refused(why) | Problem::NotOffered(why) => (NotAvailable, why, None),
        Problem::Lasting(Lasting::NoConsole, why) => (Unreachable, why, Some(Unreachable)),
        Problem::Lasting(Lasting::Throttled, why) => (RateLimited, why, None),
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

    fn ask(stream: &'static Stream) -> Ask {
        Ask { stream, endpoint: stream.endpoint(), kind: SweepKind::Changes }
    }

    fn standing(watermark: Option<i64>, full_at: Option<i64>) -> Standing {
        Standing {
            generation: 1,
            watermark: watermark.map(Timestamp::from_seconds),
            full_at: full_at.map(Timestamp::from_seconds),
            lower_bound: None,
            scope: None,
            reread_at: None,
            held: 0,
            open: None,
        }
    }

    #[test]
    fn a_window_is_asked_for_inclusively_ascending_and_by_the_thousand() {
        let threats = Stream::named("threats").unwrap();
        let at = Position::begin(Window { from: Some(1_000_000), to: Some(2_500_000), ..Window::ALL });
        assert_eq!(
            list_request(ask(threats), &at).path_and_query(),
            "/web/api/v2.1/threats?updatedAt__gte=1970-01-01T00:00:01.000000Z\
             &updatedAt__lt=1970-01-01T00:00:02.500000Z&sortBy=updatedAt&sortOrder=asc&limit=1000"
        );
        let sites = Stream::named("sites").unwrap();
        assert_eq!(
            list_request(ask(sites), &Position::begin(Window::ALL)).path_and_query(),
            "/web/api/v2.1/sites?sortBy=id&sortOrder=asc&limit=1000"
        );
    }

    #[test]
    fn every_stream_of_pages_can_be_asked_for() {
        for stream in crate::STREAMS.iter().filter(|stream| matches!(stream.source, Source::Pages(_))) {
            let request = list_request(ask(stream), &Position::begin(Window::ALL));
            assert!(request.endpoint().is_paged() || stream.proof == Proof::Whole, "{}", stream.name);
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
        assert!(resumable(&open(SweepKind::Changes, 999_000), false, now, Lane::Live).is_some());
        assert!(resumable(&open(SweepKind::Changes, 999_000), true, now, Lane::Live).is_none());
        assert!(resumable(&open(SweepKind::Full, 999_000), true, now, Lane::Live).is_some());
        assert!(resumable(&open(SweepKind::Full, 900_000), false, now, Lane::Live).is_none());
    }

    #[test]
    fn what_lasts_means_what_the_promises_say() {
        use StreamStatus::{AuthenticationFailed, NotAvailable, PermissionMissing, RateLimited, Unreachable};
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
        assert_eq!(of(Problem::Lasting(Lasting::Throttled, why()), true, false), (RateLimited, None));
    }
}
