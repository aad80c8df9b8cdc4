//! [`import`]: a file that was read becomes records of its source, as one sweep.

use std::borrow::Cow;
use std::sync::Arc;

use inventory::{Context, Incoming, Memory, Onboard, Op, Settled, Translation};
use jobs::World;
use kernel::{IntegrationId, OrgId, RecordId, SiteId, SweepId, Timestamp};
use store::{Dialect, Store, Tx};

use super::nmap::Targets;
use super::{Draft, Format, Record, Whole};
use crate::canonical::{self, Meaning};
use crate::checkpoint::{self, Ending, Owner, PageCounts, Quarantined};
use crate::connect::checked_name;
use crate::health;
use crate::lease::{Holder, LEASE};
use crate::patience::Patience;
use crate::position::{Position, Window};
use crate::reapply::Where;
use crate::report::{Event, StreamReport, StreamStatus, SweepKind};
use crate::retire::{Gone, Keeper};
use crate::settle::settle;
use crate::standing::{self, Found};
use crate::stream::IMPORTED;
use crate::translate::host;
use crate::{Connector, Integration, IntegrationState, Options, SyncError};

/// Records that are stored in one transaction.
const PAGE_RECORDS: usize = 500;

/// Bytes of records that are stored in one transaction, unless one alone has more.
const PAGE_BYTES: usize = 8 << 20;

/// Under which source a file is imported, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The source's name, unique among integrations; made at its first file.
    pub source: String,
    /// Our site, where its machines land; made if there is none of that name. If none is said: the source's own, or
    /// [`SITE_DEFAULT`](crate::SITE_DEFAULT).
    pub site: Option<String>,
    /// Retire what is gone, even where it is more than is believed without a person's word.
    pub accept_removals: bool,
}

/// What an import brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The source as it stands now.
    pub integration: Integration,
    /// True if it was made for this file.
    pub made: bool,
    /// What happened to its records.
    pub report: StreamReport,
    /// Which of them turned out to speak of a machine that is known already.
    pub settled: Settled,
}

/// Imports a file that was read: its records, then what it no longer shows, then what follows for custom fields and owners.
/// Killed between, it is as if the file had been cut off: what was stored is right, nothing is retired, and importing it
/// again does the rest.
///
/// A database that fails for a moment does not end it: it is asked again, for fifty seconds.
///
/// # Errors
/// The name belongs to another source, the database fails, or what was kept of the file cannot be read back.
pub async fn import(
    store: &Store,
    world: &World,
    org: OrgId,
    who: &str,
    order: &Order,
    draft: Draft,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<Imported, SyncError> {
    let memory: Arc<Memory> = Arc::default();
    let patience = Patience { world, tell, source: &order.source, what: "the import" };
    let (integration, made) = patience.tried(|| source(store, world, org, who, order, draft.format)).await?;
    let name = Holder::name_of(who, std::process::id(), &mut world.random());
    let holder = Arc::new(Holder { name, lease: LEASE, alone: store.dialect() == Dialect::Sqlite });
    let mut story =
        patience.tried(|| Story::open(store, patience, memory.clone(), integration.clone(), holder.clone())).await?;
    tell(&Event::StreamStarted {
        integration: story.integration.name.clone(),
        stream: story.owner.stream.name,
        kind: SweepKind::Full,
        resumed_pages: 0,
    });
    let told = story.tell(draft, order.accept_removals, tell).await;
    // Whatever became of it, nobody else has to wait for the lease.
    let (well, ended) = (told.is_ok(), &story.owner);
    let end = || async {
        let (owner, now) = (ended.clone(), world.now());
        let write = store.write(move |tx| {
            standing::end_attempt(tx, owner.org, owner.id, &owner.key, &owner.holder.name, well, now)?;
            standing::settle(tx, owner.org, owner.id, &Found::Works, now)
        });
        world.outside(write).await
    };
    // What has failed already is not waited for a second time.
    let settled = if well { patience.tried(end).await } else { end().await };
    told?;
    settled?;
    let stored = Where { store, world, memory: &story.memory, of: &story.integration };
    patience.tried(|| stored.people()).await?;
    story.report.log(story.owner.org, story.integration.connector);
    let Story { report, settled: of_machines, owner, .. } = story;
    tell(&Event::StreamFinished { report: report.clone() });
    let (org, id) = (owner.org, owner.id);
    let now = patience.tried(|| crate::integrations(store, world, org)).await?.into_iter().find(|of| of.id == id);
    let integration =
        now.ok_or_else(|| SyncError::NoSuchIntegration { name: order.source.clone(), known: Vec::new() })?;
    Ok(Imported { integration, made, report, settled: of_machines })
}

/// The source of that name, made if there is none.
async fn source(
    store: &Store,
    world: &World,
    org: OrgId,
    who: &str,
    order: &Order,
    format: Format,
) -> Result<(Integration, bool), SyncError> {
    let name = checked_name(&order.source)?;
    let site = order.site.as_deref().map(str::trim).filter(|site| !site.is_empty()).map(str::to_owned);
    let (who, now) = (who.to_owned(), world.now());
    let write = store.write(move |tx| {
        if let Some(known) = checkpoint::integration_named(tx, org, &name)? {
            if known.connector != Connector::File(format) {
                let connector = known.connector;
                return Err(SyncError::OtherSource { name, connector });
            }
            if site.is_some_and(|site| kernel::fold(&known.site_name) != kernel::fold(&site)) {
                return Err(SyncError::OtherSite { name, site: known.site_name });
            }
            if !known.options.enabled {
                return Err(SyncError::Paused { name });
            }
            return Ok((known, false));
        }
        let site_name = site.unwrap_or_else(|| crate::SITE_DEFAULT.to_owned());
        let site = inventory::ensure_site(tx, org, &site_name, now)?;
        let made = made(tx, org, name, format, site, site_name, now)?;
        checkpoint::save_integration(tx, &made, 0, now)?;
        access::audit(tx, org, now, &who, "integration.import", &made.name, format.word())?;
        Ok((made, true))
    });
    world.outside(write).await
}

fn made(
    tx: &mut Tx<'_>,
    org: OrgId,
    name: String,
    format: Format,
    site: SiteId,
    site_name: String,
    now: Timestamp,
) -> Result<Integration, SyncError> {
    // Part of every artifact's identity, as a console's host is: two sources may know one machine by one id.
    let address = format!("import:{name}");
    Ok(Integration {
        org,
        id: IntegrationId(checkpoint::next_id(tx, org)?),
        name,
        connector: Connector::File(format),
        console_url: address.clone(),
        console_host: address,
        site,
        site_name,
        options: Options::default(),
        state: IntegrationState::Syncing,
        since: now,
        detail: String::new(),
        scope: None,
        role: None,
        token_expires_at: None,
        console_version: None,
        created_at: now,
        credential: None,
        explorer: None,
    })
}

/// An import under way.
struct Story<'a> {
    store: &'a Store,
    world: &'a World,
    patience: Patience<'a>,
    memory: Arc<Memory>,
    integration: Integration,
    owner: Owner,
    sweep: SweepId,
    began_at: Timestamp,
    position: Position,
    held_before: u64,
    /// When the latest complete import before this one began.
    full_before: Option<Timestamp>,
    /// What the source was told to look at when it was last complete.
    scope_before: Option<String>,
    /// The addresses that it looked at then.
    report: StreamReport,
    settled: Settled,
}

impl<'a> Story<'a> {
    async fn open(
        store: &'a Store,
        patience: Patience<'a>,
        memory: Arc<Memory>,
        integration: Integration,
        holder: Arc<Holder>,
    ) -> Result<Story<'a>, SyncError> {
        let world = patience.world;
        let stream = &IMPORTED[0];
        let (org, id, name, now) = (integration.org, integration.id, integration.name.clone(), world.now());
        let write = store.write(move |tx| {
            let standing = checkpoint::claim(tx, org, id, stream.name, &holder, now)?;
            let generation = standing.generation;
            let owner = Owner { org, id, name, stream, key: stream.name.to_owned(), generation, holder };
            let position = Position::begin(Window::ALL);
            let sweep = checkpoint::begin(tx, &owner, SweepKind::Full, &position, now)?;
            Ok::<_, SyncError>((standing, owner, sweep, position))
        });
        let (standing, owner, sweep, position) = world.outside(write).await?;
        let report = StreamReport::begun(&integration.name, stream, StreamStatus::Incomplete);
        Ok(Story {
            store,
            world,
            patience,
            memory,
            integration,
            owner,
            sweep,
            began_at: now,
            position,
            held_before: standing.held,
            full_before: standing.full_at,
            scope_before: standing.scope,
            report,
            settled: Settled::default(),
        })
    }

    async fn tell(&mut self, mut draft: Draft, accepts: bool, tell: &(dyn Fn(&Event) + Sync)) -> Result<(), SyncError> {
        let mut page: Vec<Record> = Vec::new();
        let mut bytes = 0;
        loop {
            let record = draft.next_record()?;
            let full = page.len() >= PAGE_RECORDS || bytes >= PAGE_BYTES;
            if !page.is_empty() && (record.is_none() || full) {
                self.store_page(std::mem::take(&mut page)).await?;
                bytes = 0;
                tell(&Event::PageStored {
                    integration: self.integration.name.clone(),
                    stream: self.owner.stream.name,
                    pages: self.report.pages,
                    records: self.report.fetched,
                    total: Some(draft.hosts),
                    total_exact: true,
                    elapsed_ms: self.elapsed_ms(),
                });
            }
            let Some(record) = record else { break };
            bytes += record.raw.len();
            page.push(record);
        }
        self.finish(&draft, accepts).await
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from((self.world.now().micros() - self.began_at.micros()) / 1_000).unwrap_or(0)
    }

    async fn store_page(&mut self, page: Vec<Record>) -> Result<(), SyncError> {
        let mut next = self.position.clone();
        next.page += 1;
        next.rows = next.rows.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
        let page = Arc::new(page);
        let counts = self.patience.tried(|| self.write_page(&page, &next)).await?;
        self.position = next;
        self.report.pages += 1;
        self.report.fetched = counts.fetched;
        self.report.created = counts.created;
        self.report.changed = counts.changed;
        self.report.touched = counts.touched;
        self.report.unchanged = counts.unchanged;
        self.report.quarantined = counts.quarantined;
        Ok(())
    }

    /// Stores a page, unless it was stored and nobody was told; answers what all pages did so far.
    async fn write_page(&self, page: &Arc<Vec<Record>>, next: &Position) -> Result<PageCounts, SyncError> {
        let now = self.world.now();
        let (owner, sweep, memory, at) = (self.owner.clone(), self.sweep, self.memory.clone(), self.position.clone());
        let (site, host) = (self.integration.site, self.integration.console_host.clone());
        let (page, next) = (page.clone(), next.clone());
        let write = self.store.write(move |tx| {
            checkpoint::fence(tx, &owner)?;
            if !checkpoint::has_page(tx, owner.org, sweep, &at)? {
                let context =
                    Context { org: owner.org, integration: owner.id, site, sweep, now, ..context(&owner, &memory) };
                apply(tx, &owner, &context, &host, &at, &page)?;
                checkpoint::save_position(tx, &owner, &next, now)?;
            }
            Ok::<_, SyncError>(checkpoint::counts(tx, owner.org, sweep)?)
        });
        self.world.outside(write).await
    }

    /// Ends the sweep: what a whole file no longer shows is missing, and gone the second time.
    async fn finish(&mut self, draft: &Draft, accepts: bool) -> Result<(), SyncError> {
        let before = self.scope_before.as_deref().map(Targets::parse);
        // What the source has is from all that was ever looked at.
        let scope = match (draft.scope(), &before) {
            (Some(now), Some(before)) if !accepts => Some(now.and(before).to_string()),
            (now, _) => now.map(Targets::to_string),
        };
        match &draft.whole {
            Whole::No(why) => {
                self.report.reason = Some(format!("{why}; what it has is imported, and nothing is retired"));
            }
            Whole::Yes => {
                self.report.complete = true;
                self.report.status = StreamStatus::Complete;
                self.compare(draft, before.as_ref(), accepts).await?;
            }
        }
        let (store, world, org) = (self.store, self.world, self.owner.org);
        self.settled = self.patience.tried(|| settle(store, world, org, Some(&self.owner), &self.memory)).await?;
        self.report.console_total = Some(draft.hosts);
        self.report.duration_ms = self.elapsed_ms();
        self.patience.tried(|| self.end(scope.clone())).await
    }

    async fn end(&self, scope: Option<String>) -> Result<(), SyncError> {
        let (owner, sweep, now, report, began_at) =
            (self.owner.clone(), self.sweep, self.world.now(), self.report.clone(), self.began_at);
        // What is kept aside of earlier files is not in this one.
        const FORGET: &str = "DELETE FROM sync_quarantine \
            WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND sweep_id < $4";
        // Half a scan of another part has brought machines of that part too.
        const SCOPE: &str =
            "UPDATE sync_stream SET scope = $4 WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
        let write = self.store.write(move |tx| {
            if let Some(scope) = &scope {
                let of = [owner.org.into(), owner.id.into(), owner.key.as_str().into(), scope.as_str().into()];
                tx.execute(SCOPE, &of)?;
            }
            if report.complete {
                tx.execute(FORGET, &[owner.org.into(), owner.id.into(), owner.stream.name.into(), sweep.into()])?;
            }
            let ending = Ending {
                status: report.status,
                reason: report.reason.as_deref(),
                console_total: report.console_total,
                watermark: report.complete.then_some(began_at),
                full_at: report.complete.then_some(began_at),
                goes_on: false,
                scope: scope.as_deref(),
                reread_at: None,
                source: None,
                removed: report.removed,
            };
            checkpoint::end(tx, &owner, Some(sweep), &ending, now)?;
            if report.created > STATISTICS_AFTER {
                tx.refresh_statistics()?;
            }
            Ok::<_, SyncError>(())
        });
        self.world.outside(write).await
    }

    async fn compare(&mut self, draft: &Draft, before: Option<&Targets>, accepts: bool) -> Result<(), SyncError> {
        let world = self.world;
        let keeper = Keeper { store: self.store, world, memory: &self.memory, integration: &self.integration };
        let (patience, owner) = (self.patience, &self.owner);
        let census = patience.tried(|| keeper.census(owner, self.sweep)).await?;
        patience.tried(|| keeper.note(owner, census.back.clone(), None)).await?;
        if census.missing.is_empty() {
            return patience.tried(|| keeper.hold(owner, self.held_before, None)).await;
        }
        // A scan of another part of the network finds nothing gone from this one.
        if let (Some(before), Some(now)) = (before, draft.scope())
            && !now.covers(before)
            && !accepts
        {
            self.report.reason = Some(format!(
                "this scan looked at {now}, and this source has looked at {before}; what it did not look at is kept as it \
                 was; a source for each part of the network can tell what is gone from it"
            ));
            return Ok(());
        }
        if draft.nameless_count > 0 {
            let count = draft.nameless_count;
            self.report.reason = Some(format!(
                "{count} rows name no machine; one that seems to be gone may be among them, so nothing is retired"
            ));
            return Ok(());
        }
        let (known, missing) = (census.known, census.missing);
        let counted = missing.len() as u64;
        let (began_at, full_before, held_before) = (self.began_at, self.full_before, self.held_before);
        let gone = Gone { missing, counted, known, began_at, full_before, held_before };
        let taken = patience.tried(|| keeper.take_away(owner, self.sweep, &gone, accepts)).await?;
        self.report.removed += taken.removed;
        if let Some(held) = taken.held {
            self.report.held = held;
            let accept = health::accept_removals_of_file(draft.format, &self.integration.name);
            self.report.reason = Some(format!(
                "the file no longer has {held} of {known} machines; as that is more than a tenth, they are kept until \
                 somebody accepts it: {accept}"
            ));
        }
        Ok(())
    }
}

/// After a file that brought this many new records the database counts its tables anew.
const STATISTICS_AFTER: u64 = 1_000;

/// The part of a context that every page of a stream shares; the rest is the page's.
fn context<'a>(owner: &Owner, memory: &'a Memory) -> Context<'a> {
    Context {
        org: owner.org,
        integration: owner.id,
        site: SiteId(0),
        stream: owner.stream.name,
        sweep: SweepId(0),
        now: Timestamp::from_micros(0),
        immutable: false,
        body_in_log: false,
        memory,
        onboard: Onboard::Always,
    }
}

/// Applies a page and logs what is new in it.
fn apply(
    tx: &mut Tx<'_>,
    owner: &Owner,
    context: &Context<'_>,
    host: &str,
    at: &Position,
    page: &[Record],
) -> Result<(), SyncError> {
    let incoming: Vec<Incoming<'_>> = page
        .iter()
        .map(|record| Incoming {
            native_id: Cow::Borrowed(record.native_id.as_str()),
            raw: &record.raw,
            raw_hash: canonical::digest(&record.raw),
        })
        .collect();
    let mut meaning = Meaning::of(owner.stream);
    let outcomes = inventory::apply(tx, context, &incoming, &mut |index| {
        let raw = incoming[index].raw;
        let (noun, updated_at) = host::host(raw)?;
        Ok(Translation { meaning_hash: meaning.hash(raw)?, updated_at, noun, left_out: None })
    })?;
    let mut counts = PageCounts { fetched: page.len() as u64, ..PageCounts::default() };
    let (mut ids, mut entries, mut aside) = (Vec::with_capacity(page.len()), Vec::new(), Vec::new());
    let mut extra = 0;
    for ((outcome, incoming), record) in outcomes.iter().zip(&incoming).zip(page) {
        if let Op::Quarantined(reason) = &outcome.op {
            counts.quarantined += 1;
            aside.push(Quarantined {
                hash: incoming.raw_hash,
                native_id: Some(record.native_id.clone()),
                reason: reason.0.clone(),
                place: usize::try_from(record.place).unwrap_or(usize::MAX),
                size: Some(record.raw.len()),
                // Nobody tries them again: the next file brings them.
                bytes: None,
            });
        }
        let op = counts.count(&outcome.op);
        if let Some(op) = op {
            entries.push(signals::Entry {
                native_id: Cow::Borrowed(incoming.native_id.as_ref()),
                op,
                version: outcome.version,
                updated_at: outcome.updated_at,
                meaning_hash: outcome.meaning_hash,
                raw: incoming.raw,
            });
        }
        match outcome.record {
            RecordId(0) => extra += 1,
            record => ids.push(record),
        }
    }
    let (org, integration, stream) = (owner.org, owner.id, owner.stream.name);
    signals::record(tx, &signals::Page { org, integration, console_host: host, stream, now: context.now, entries })?;
    checkpoint::quarantine(tx, owner, context.sweep, at.page, &aside, context.now)?;
    checkpoint::save_page(tx, owner.org, context.sweep, at, &ids, extra, counts)?;
    Ok(())
}
