//! [`run`]: one pass over the chosen integrations and streams.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::Keyring;
use futures_util::future::FutureExt;
use inventory::Memory;
use jobs::World;
use kernel::{OrgId, Timestamp};
use sentinelone::{Client, Console, Form, Request, Token, Transport};
use store::{Dialect, Store};

use crate::checkpoint::{self, StreamSummary, credential_name};
use crate::explorers::{At, way};
use crate::fetch::{Fetcher, Notes, Wait};
use crate::health::{self, Assessment, Trouble, Why};
use crate::lease::{Holder, LEASE};
use crate::nudge::{self, Asked};
use crate::pass::{Budgets, Lane, Pass, Swept};
use crate::reapply::{MACHINE_STREAMS, Where};
use crate::report::{Event, StreamReport, StreamStatus};
use crate::retire::Look;
use crate::standing::{self, Found, Looked, Settled};
use crate::{Connector, Integration, IntegrationState, STREAMS, Stream, SyncError, schedule};

/// Where a story takes place: everything it may touch.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The database, opened as the writer.
    pub store: &'a Store,
    /// Clock, sleep, spawn and chance.
    pub world: &'a World,
    /// Whose integrations.
    pub org: OrgId,
    /// The keys that open and seal credentials.
    pub keys: &'a Keyring,
    /// How consoles are reached: over HTTP, or a service in this process.
    pub transport: &'a Transport,
    /// Who asks, for the audit trail, e.g. `cli`.
    pub who: &'a str,
}

/// What one pass reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Names of integrations; none means all that are switched on.
    pub names: Vec<String>,
    /// Names of streams; none means all.
    pub streams: Vec<String>,
    /// Ask for everything, whatever the watermarks say.
    pub full: bool,
    /// Retire what vanished, even where it is more than is believed without a person's word.
    pub accept_removals: bool,
}

/// What all sweeps of one process share.
pub(crate) struct Common {
    pub memory: Arc<Memory>,
    pub budgets: Budgets,
    pub holder: Arc<Holder>,
}

impl Common {
    pub fn new(holder: Holder) -> Common {
        Common { memory: Arc::default(), budgets: Budgets::default(), holder: Arc::new(holder) }
    }
}

/// How often a pass looks whether another worker let go of a stream.
const LEASE_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads the chosen streams of the chosen integrations once, and says what became of each.
///
/// What a console does or refuses is in the reports; see [`crate::ExitClass::worst`]. Dropping the future, or killing
/// the process, loses nothing: the next pass goes on from the last page stored. A stream that a worker reads just now is
/// waited for, on PostgreSQL; a SQLite file has one writer, and this is it.
///
/// # Errors
/// A name is unknown, a credential cannot be opened, the database fails, or another process took a stream over.
pub async fn run(place: Place<'_>, run: &Run, tell: &(dyn Fn(&Event) + Sync)) -> Result<Vec<StreamReport>, SyncError> {
    let streams = chosen_streams(&run.streams)?;
    let chosen = chosen_integrations(integrations(place.store, place.world, place.org).await?, &run.names)?;
    let name = Holder::name_of(place.who, std::process::id(), &mut place.world.random());
    let alone = place.store.dialect() == Dialect::Sqlite;
    let common = Common::new(Holder { name, lease: LEASE, alone });
    let asked = Asked { whole: run.full, accept_removals: run.accept_removals };
    let mut reports = Vec::new();
    for integration in chosen {
        tell(&Event::IntegrationStarted { integration: integration.name.clone() });
        let enabled = |stream: &&&'static Stream| schedule::is_enabled(stream, &integration.options);
        let streams: Vec<_> = streams.iter().filter(enabled).map(|stream| (*stream, Lane::Live)).collect();
        let how = How { asked, wait: true, lanes: false };
        let swept = sweep(place, &common, &integration, &streams, how, tell).await?;
        if matches!(swept.found, Found::Works) && is_check_due(place, &integration).await? {
            look(place, &integration, tell).await?;
        }
        let now =
            integrations(place.store, place.world, place.org).await?.into_iter().find(|of| of.id == integration.id);
        let (state, detail) = now.map_or((integration.state, String::new()), |of| (of.state, of.detail));
        let at = place.world.now();
        tell(&Event::IntegrationFinished { integration: integration.name, state, detail, at });
        reports.extend(swept.reports);
    }
    Ok(reports)
}

/// All integrations of an organization, in the order of their names.
///
/// # Errors
/// The database fails.
pub async fn integrations(store: &Store, world: &World, org: OrgId) -> Result<Vec<Integration>, SyncError> {
    world.outside(store.read(move |tx| Ok::<_, SyncError>(checkpoint::integrations(tx, org)?))).await
}

/// Where every stream of an integration stands, in the order in which a pass reads them.
///
/// # Errors
/// The database fails.
pub async fn standing(store: &Store, world: &World, of: &Integration) -> Result<Vec<StreamSummary>, SyncError> {
    let (org, id) = (of.org, of.id);
    let mut streams =
        world.outside(store.read(move |tx| Ok::<_, SyncError>(checkpoint::streams(tx, org, id)?))).await?;
    streams.sort_by_key(|summary| STREAMS.iter().position(|stream| stream.name == summary.stream));
    Ok(streams)
}

pub(crate) fn chosen_streams(names: &[String]) -> Result<Vec<&'static Stream>, SyncError> {
    for name in names {
        if Stream::named(name).is_none() {
            return Err(SyncError::NoSuchStream { name: name.clone() });
        }
    }
    let chosen = |stream: &&Stream| names.is_empty() || names.iter().any(|name| name == stream.name);
    Ok(STREAMS.iter().filter(chosen).collect())
}

pub(crate) fn chosen_integrations(all: Vec<Integration>, names: &[String]) -> Result<Vec<Integration>, SyncError> {
    for name in names {
        if let Some(Connector::File(format)) = all.iter().find(|of| of.name == *name).map(|of| of.connector) {
            return Err(SyncError::IsFile { name: name.clone(), format });
        }
    }
    let all: Vec<Integration> = all.into_iter().filter(|of| !of.connector.is_file()).collect();
    if all.is_empty() {
        return Err(SyncError::NoIntegration);
    }
    for name in names {
        if !all.iter().any(|integration| integration.name == *name) {
            return Err(checkpoint::no_such(name.clone(), &all));
        }
    }
    if let Some(paused) = all.iter().find(|of| names.contains(&of.name) && !of.options.enabled) {
        return Err(SyncError::Paused { name: paused.name.clone() });
    }
    if all.iter().all(|of| !of.options.enabled) {
        return Err(SyncError::Paused { name: all.into_iter().map(|of| of.name).collect::<Vec<_>>().join(", ") });
    }
    let chosen = |of: &Integration| if names.is_empty() { of.options.enabled } else { names.contains(&of.name) };
    Ok(all.into_iter().filter(chosen).collect())
}

/// What sweeping some streams of an integration brought.
pub(crate) struct SweptStreams {
    pub reports: Vec<StreamReport>,
    pub found: Found,
    /// How the integration fares now, if that is new.
    pub news: Option<Assessment>,
}

/// How streams are swept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub asked: Asked,
    /// Whether to wait for a stream that another worker reads.
    pub wait: bool,
    /// Whether history is read beside what is new, not in one go with it.
    pub lanes: bool,
}

/// Sweeps streams of one integration, one after the other, until something stops them all; then notes how it fares.
pub(crate) async fn sweep(
    place: Place<'_>,
    common: &Common,
    integration: &Integration,
    streams: &[(&'static Stream, Lane)],
    how: How,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<SweptStreams, SyncError> {
    let Place { store, world, org, .. } = place;
    let name = integration.name.clone();
    // What is stored is judged by the options as they are now before anything is added to it.
    let stored = Where { store, world, memory: &common.memory, of: integration };
    stored.streams().await?;
    let (client, token) = match client(place, integration).await {
        Ok(both) => both,
        Err(error) => match taken_away(integration, &error) {
            Some(trouble) => return without_credential(place, common, integration, streams, trouble, tell).await,
            None => return Err(error),
        },
    };

    // Which stream the fetcher works for just now: it tells about waits, and knows requests only.
    let present: Mutex<&'static str> = Mutex::new("");
    let waiting = |wait: Wait<'_>| {
        let stream = *present.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tell(&Event::Waiting {
            integration: name.clone(),
            stream,
            reason: wait.reason.to_owned(),
            wait_ms: u64::try_from(wait.wait.as_millis()).unwrap_or(u64::MAX),
            attempt: wait.attempt,
        });
    };
    let budget = common.budgets.of(
        &integration.console_host,
        token.expose(),
        integration.options.requests_per_minute,
        client.console().is_loopback(),
        world.now(),
    );
    let notes = Notes::recalled(store, world, (org, integration.id), &budget).await?;
    let fetcher = Fetcher {
        client: client.clone(),
        world,
        budget: &budget,
        random: Mutex::new(world.random()),
        waiting: &waiting,
        notes,
    };
    let mut pass = Pass {
        store,
        world,
        memory: common.memory.clone(),
        integration: integration.clone(),
        holder: common.holder.clone(),
        fetcher,
        full: how.asked.whole,
        accept_removals: how.asked.accept_removals,
        lanes: how.lanes,
        seen: None,
        tell,
    };

    let mut reports: Vec<StreamReport> = Vec::new();
    let mut stopped: Option<(StreamStatus, Trouble)> = None;
    // Whose token it is and what it sees is asked once, before anything that depends on it.
    let mut refused = None;
    if let Some((first, _)) = streams.first() {
        *present.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = first.name;
        if let Look::Stopped { status, reason } = pass.look().await {
            refused = Some((status, reason));
        }
    }
    let mut accounts_missing = accounts_are_missing(place, integration).await?;
    for (stream, lane) in streams.iter().copied() {
        if let Some((status, _)) = &stopped {
            let report = not_tried(&integration.name, stream, *status);
            note_report(place, common, integration, &report, None, world.now()).await?;
            tell(&Event::StreamFinished { report: report.clone() });
            reports.push(report);
            continue;
        }
        *present.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = stream.name;
        let (swept, began_at) = loop {
            let began_at = world.now();
            if let Some((status, reason)) = refused.take() {
                let report =
                    StreamReport { reason: Some(reason), ..StreamReport::begun(&integration.name, stream, status) };
                report.log(integration.org, integration.connector);
                tell(&Event::StreamFinished { report: report.clone() });
                break (Swept { report, stops: Some(status) }, began_at);
            }
            let sweeping = match lane {
                Lane::Live => pass.sweep(stream, accounts_missing).boxed_local(),
                Lane::Backfill => pass.sweep_lane(stream, lane, accounts_missing).boxed_local(),
            };
            match sweeping.await {
                Err(SyncError::Leased { holder, .. }) if how.wait => {
                    tell(&Event::Waiting {
                        integration: integration.name.clone(),
                        stream: stream.name,
                        reason: format!("{holder} reads it just now"),
                        wait_ms: u64::try_from(LEASE_LOOK_EVERY.as_millis()).unwrap_or(u64::MAX),
                        attempt: 1,
                    });
                    world.sleep(LEASE_LOOK_EVERY).await;
                }
                swept => break (swept?, began_at),
            }
        };
        if stream.name == "accounts" {
            accounts_missing = swept.report.status == StreamStatus::NotAvailable;
        }
        let key = lane.key(stream);
        note_report(place, common, integration, &swept.report, Some(key), began_at).await?;
        if let Some(status) = swept.stops {
            let trouble = diagnosed(place, &client, integration, status, &swept.report).await?;
            stopped = Some((status, trouble));
        }
        reports.push(swept.report);
    }
    stored.hanging().await?;
    if reports.iter().any(|report| MACHINE_STREAMS.contains(&report.stream) && report.pages > 0) {
        stored.people().await?;
    }
    let found = match stopped {
        Some((_, trouble)) => Found::Trouble(trouble),
        None if reports.is_empty() => Found::Nothing,
        None => Found::Works,
    };
    let (id, written, now) = (integration.id, found.clone(), world.now());
    let settled = world.outside(store.write(move |tx| standing::settle(tx, org, id, &written, now))).await?;
    let news = settled.filter(|settled| settled.is_new).map(|settled| settled.assessment);
    Ok(SweptStreams { reports, found, news })
}

/// What an error says if it is that the integration's credential was taken away.
fn taken_away(integration: &Integration, error: &SyncError) -> Option<Trouble> {
    let gone = matches!(error, SyncError::Access(access::AccessError::NoSuch { what: "credential" }));
    (gone && integration.credential.is_some()).then(|| Trouble {
        state: IntegrationState::Invalid,
        why: Some(Why::CredentialGone),
        detail:
            "its saved credential was taken away: it is not granted to this organization any more, or it was removed"
                .to_owned(),
    })
}

/// Tries no stream, since there is nothing to sign in with.
async fn without_credential(
    place: Place<'_>,
    common: &Common,
    integration: &Integration,
    streams: &[(&'static Stream, Lane)],
    trouble: Trouble,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<SweptStreams, SyncError> {
    let Place { store, world, org, .. } = place;
    let mut reports = Vec::new();
    for (stream, lane) in streams {
        let begun = StreamReport::begun(&integration.name, stream, StreamStatus::NotTried);
        let report = StreamReport { reason: Some(format!("not tried: {}", trouble.detail)), ..begun };
        note_report(place, common, integration, &report, Some(lane.key(stream)), world.now()).await?;
        tell(&Event::StreamFinished { report: report.clone() });
        reports.push(report);
    }
    let (id, found, now) = (integration.id, Found::Trouble(trouble), world.now());
    let written = found.clone();
    let settled = world.outside(store.write(move |tx| standing::settle(tx, org, id, &written, now))).await?;
    let news = settled.filter(|settled| settled.is_new).map(|settled| settled.assessment);
    Ok(SweptStreams { reports, found, news })
}

/// Gives the lease back, notes how the sweep went, and serves whoever asked for it.
async fn note_report(
    place: Place<'_>,
    common: &Common,
    of: &Integration,
    report: &StreamReport,
    tried: Option<String>,
    began_at: Timestamp,
) -> Result<(), SyncError> {
    let (org, id, holder) = (place.org, of.id, common.holder.clone());
    let (report, now) = (report.clone(), place.world.now());
    let well = matches!(report.status, StreamStatus::Complete | StreamStatus::NotAvailable);
    let write = place.store.write(move |tx| {
        if let Some(key) = &tried {
            standing::end_attempt(tx, org, id, key, &holder.name, well, now)?;
        }
        if tried.as_ref().is_none_or(|key| key == report.stream) {
            nudge::finish(tx, org, id, &report, began_at, now)?;
        }
        Ok::<_, SyncError>(())
    });
    place.world.outside(write).await
}

/// What stopped the integration, as precisely as one more question can tell.
async fn diagnosed(
    place: Place<'_>,
    client: &Client,
    integration: &Integration,
    status: StreamStatus,
    report: &StreamReport,
) -> Result<Trouble, SyncError> {
    let detail = format!("{}: {}", report.stream, report.reason.as_deref().unwrap_or_default());
    let state = match status {
        StreamStatus::AuthenticationFailed => IntegrationState::AuthenticationFailed,
        StreamStatus::PermissionMissing => IntegrationState::PermissionMissing,
        _ => {
            let worked = has_worked(place, integration).await?;
            // Without the token: whoever answers there may not be the console any more.
            return Ok(match client.send(&Request::system_status()).await {
                Err(error) if error.answer().is_none_or(|answer| answer.form != Form::Errors) => {
                    let trouble = health::trouble(&error, worked);
                    match trouble.state {
                        IntegrationState::Unreachable | IntegrationState::Invalid => Trouble { detail, ..trouble },
                        _ => Trouble { state: IntegrationState::Unreachable, why: Some(Why::Http), detail },
                    }
                }
                _ => Trouble { state: IntegrationState::Unreachable, why: Some(Why::Http), detail },
            });
        }
    };
    Ok(Trouble { state, why: None, detail })
}

async fn has_worked(place: Place<'_>, integration: &Integration) -> Result<bool, SyncError> {
    Ok(standing(place.store, place.world, integration).await?.iter().any(|stream| stream.complete_at.is_some()))
}

async fn is_check_due(place: Place<'_>, integration: &Integration) -> Result<bool, SyncError> {
    let (of, now) = (integration.clone(), place.world.now());
    let read = place.store.read(move |tx| standing::overview(tx, of, now));
    let checked_at = place.world.outside(read).await?.health.checked_at;
    Ok(checked_at.is_none_or(|at| now.seconds_since(at) >= standing::CHECK_EVERY))
}

/// Looks whether console and token work, and what the token is: its scope, role and end, and the console's clock. What
/// was stopped goes on if they do. Answers how the integration fares.
pub(crate) async fn look(
    place: Place<'_>,
    integration: &Integration,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<Option<Settled>, SyncError> {
    let Place { store, world, org, .. } = place;
    let opened = client(place, integration).await;
    let gone = opened.as_ref().err().and_then(|error| taken_away(integration, error));
    let worked = has_worked(place, integration).await?;
    let asked_at = world.now();
    let (of, now, found, looked) = match (opened, gone) {
        (_, Some(trouble)) => (integration.clone(), world.now(), Found::Trouble(trouble), None),
        (opened, None) => {
            let (client, _) = opened?;
            let (found, looked) = glanced(place, &client, worked, asked_at).await;
            (integration.clone(), world.now(), found, looked)
        }
    };
    let write = store.write(move |tx| {
        let notices = match &looked {
            Some(looked) => standing::note_look(tx, &of, looked, false, now)?,
            None => Vec::new(),
        };
        Ok::<_, SyncError>((notices, standing::settle(tx, org, of.id, &found, now)?))
    });
    let (notices, settled) = world.outside(write).await?;
    for what in notices {
        tell(&Event::Notice { integration: integration.name.clone(), what });
    }
    Ok(settled)
}

/// Asks the console whose token it is, and what that sees.
async fn glanced(place: Place<'_>, client: &Client, worked: bool, asked_at: Timestamp) -> (Found, Option<Looked>) {
    match sentinelone::glance(client, &crate::connect::pauses(place.world)).await {
        Ok(probe) => (Found::Works, Some(Looked::of(&probe, client.console(), asked_at))),
        // It answers, and asks for patience.
        Err(error) if error.status() == Some(429) => (Found::Nothing, None),
        Err(error) => (Found::Trouble(health::trouble(&error, worked)), None),
    }
}

/// The client for an integration, with its token opened, and the token itself for the budget's key.
pub(crate) async fn client(place: Place<'_>, integration: &Integration) -> Result<(Client, Token), SyncError> {
    // It may have ended, or another credential been chosen, since it was looked at.
    let (org, id) = (integration.org, integration.id);
    let integration = &place.world.outside(place.store.read(move |tx| crate::manage::integration(tx, org, id))).await?;
    let address = |why: String| SyncError::BadAddress { name: integration.name.clone(), why };
    let console = Console::parse(&integration.console_url).map_err(|problem| address(problem.to_string()))?;
    let token = match integration.credential {
        Some(id) => crate::open_token(place, id).await?,
        None => {
            let (org, credential, keys) = (place.org, credential_name(integration.id), place.keys.clone());
            let read =
                place.store.read(move |tx| Ok::<_, SyncError>(access::open_secret(tx, &keys, org, &credential)?));
            let secret = place.world.outside(read).await?;
            Token::parse(secret.expose()).map_err(|problem| address(problem.to_string()))?
        }
    };
    let at = At { explorer: integration.explorer, sealed: None };
    let private = integration.options.private;
    let transport = way(place, &at, integration.credential, &console, &token, private).await?;
    Ok((Client::new(console, token.clone(), transport), token))
}

/// Whether accounts were not available when they were last asked for.
async fn accounts_are_missing(place: Place<'_>, integration: &Integration) -> Result<bool, SyncError> {
    let streams = standing(place.store, place.world, integration).await?;
    let accounts = streams.iter().find(|summary| summary.stream == "accounts");
    Ok(accounts.is_some_and(|summary| summary.status == Some(StreamStatus::NotAvailable)))
}

pub(crate) fn not_tried(integration: &str, stream: &Stream, because: StreamStatus) -> StreamReport {
    let reason = match because {
        StreamStatus::AuthenticationFailed => "not tried: the console refuses the token",
        StreamStatus::PermissionMissing => "not tried: the token may not read what every integration needs",
        _ => "not tried: the console does not answer",
    };
    StreamReport { reason: Some(reason.to_owned()), ..StreamReport::begun(integration, stream, StreamStatus::NotTried) }
}
