//! [`run`]: one pass over the chosen integrations and streams.

use std::sync::{Arc, Mutex};

use access::Keyring;
use inventory::Memory;
use jobs::World;
use kernel::{OrgId, Timestamp};
use sentinelone::{Client, Console, Token, Transport};
use store::Store;

use crate::checkpoint::{self, StreamSummary, credential_name};
use crate::fetch::{Fetcher, Wait};
use crate::pass::{Budgets, Pass};
use crate::report::{Event, StreamReport, StreamStatus};
use crate::{Integration, IntegrationState, STREAMS, Stream, SyncError};

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
    /// Names of integrations; none means all.
    pub names: Vec<String>,
    /// Names of streams; none means all.
    pub streams: Vec<String>,
    /// Ask for everything, whatever the watermarks say.
    pub full: bool,
}

/// Reads the chosen streams of the chosen integrations once, and says what became of each.
///
/// What a console does or refuses is in the reports; see [`crate::ExitClass::worst`]. Dropping the future, or killing
/// the process, loses nothing: the next pass goes on from the last page stored.
///
/// # Errors
/// A name is unknown, a credential cannot be opened, the database fails, or another process took a stream over.
pub async fn run(place: Place<'_>, run: &Run, tell: &(dyn Fn(&Event) + Sync)) -> Result<Vec<StreamReport>, SyncError> {
    let streams = chosen_streams(&run.streams)?;
    let chosen = chosen_integrations(integrations(place.store, place.world, place.org).await?, &run.names)?;
    let memory = Arc::new(Memory::default());
    let budgets = Budgets::default();
    let mut reports = Vec::new();
    for integration in chosen {
        reports.extend(one(place, integration, &streams, run.full, &memory, &budgets, tell).await?);
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

fn chosen_streams(names: &[String]) -> Result<Vec<&'static Stream>, SyncError> {
    for name in names {
        if Stream::named(name).is_none() {
            return Err(SyncError::NoSuchStream { name: name.clone() });
        }
    }
    let chosen = |stream: &&Stream| names.is_empty() || names.iter().any(|name| name == stream.name);
    Ok(STREAMS.iter().filter(chosen).collect())
}

fn chosen_integrations(all: Vec<Integration>, names: &[String]) -> Result<Vec<Integration>, SyncError> {
    if all.is_empty() {
        return Err(SyncError::NoIntegration);
    }
    for name in names {
        if !all.iter().any(|integration| integration.name == *name) {
            let known = all.into_iter().map(|integration| integration.name).collect();
            return Err(SyncError::NoSuchIntegration { name: name.clone(), known });
        }
    }
    Ok(all.into_iter().filter(|integration| names.is_empty() || names.contains(&integration.name)).collect())
}

/// The pass over one integration.
async fn one(
    place: Place<'_>,
    integration: Integration,
    streams: &[&'static Stream],
    full: bool,
    memory: &Arc<Memory>,
    budgets: &Budgets,
    tell: &(dyn Fn(&Event) + Sync),
) -> Result<Vec<StreamReport>, SyncError> {
    let Place { store, world, .. } = place;
    let name = integration.name.clone();
    let (client, token) = client(place, &integration).await?;
    tell(&Event::IntegrationStarted { integration: name.clone() });
    // Between two passes it fares as the last one ended: `syncing` is only in between.
    let (state_before, since_before) = (integration.state, integration.since);
    set_state(place, &integration, IntegrationState::Syncing, String::new(), world.now()).await?;

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
    let budget = budgets.of(
        &integration.console_host,
        token.expose(),
        integration.options.requests_per_minute,
        client.console().is_loopback(),
        world.now(),
    );
    let fetcher = Fetcher { client, world, budget: &budget, random: Mutex::new(world.random()), waiting: &waiting };
    let pass = Pass { store, world, memory: memory.clone(), integration, fetcher, full, tell };

    let mut reports: Vec<StreamReport> = Vec::new();
    let mut stopped: Option<StreamStatus> = None;
    let mut accounts_missing = accounts_are_missing(place, &pass.integration).await?;
    for stream in streams {
        if pass.integration.options.without_streams.iter().any(|left_out| left_out == stream.name) {
            continue;
        }
        if let Some(status) = stopped {
            let report = not_tried(&pass.integration, stream, status);
            tell(&Event::StreamFinished { report: report.clone() });
            reports.push(report);
            continue;
        }
        *present.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = stream.name;
        let swept = pass.sweep(stream, accounts_missing).await?;
        if stream.name == "accounts" {
            accounts_missing = swept.report.status == StreamStatus::NotAvailable;
        }
        stopped = swept.stops;
        reports.push(swept.report);
    }
    let (state, detail) = state_after(&reports);
    let integration = pass.integration.clone();
    let at = world.now();
    let since = if state == state_before { since_before } else { at };
    set_state(place, &integration, state, detail.clone(), since).await?;
    tell(&Event::IntegrationFinished { integration: integration.name.clone(), state, detail, at });
    Ok(reports)
}

/// The client for an integration, with its token opened, and the token itself for the budget's key.
async fn client(place: Place<'_>, integration: &Integration) -> Result<(Client, Token), SyncError> {
    let address = |why: String| SyncError::BadAddress { name: integration.name.clone(), why };
    let console = Console::parse(&integration.console_url).map_err(|problem| address(problem.to_string()))?;
    let (org, credential, keys) = (place.org, credential_name(integration.id), place.keys.clone());
    let secret = place
        .world
        .outside(place.store.read(move |tx| Ok::<_, SyncError>(access::open_secret(tx, &keys, org, &credential)?)))
        .await?;
    let token = Token::parse(secret.expose()).map_err(|problem| address(problem.to_string()))?;
    Ok((Client::new(console, token.clone(), place.transport.clone()), token))
}

/// Whether accounts were not available when they were last asked for.
async fn accounts_are_missing(place: Place<'_>, integration: &Integration) -> Result<bool, SyncError> {
    let streams = standing(place.store, place.world, integration).await?;
    let accounts = streams.iter().find(|summary| summary.stream == "accounts");
    Ok(accounts.is_some_and(|summary| summary.status == Some(StreamStatus::NotAvailable)))
}

async fn set_state(
    place: Place<'_>,
    integration: &Integration,
    state: IntegrationState,
    detail: String,
    since: Timestamp,
) -> Result<(), SyncError> {
    let (org, id, now) = (place.org, integration.id, place.world.now());
    let write = place.store.write(move |tx| Ok(checkpoint::set_state(tx, org, id, state, &detail, since, now)?));
    place.world.outside(write).await
}

fn not_tried(integration: &Integration, stream: &Stream, because: StreamStatus) -> StreamReport {
    let reason = match because {
        StreamStatus::AuthenticationFailed => "not tried: the console refuses the token",
        StreamStatus::PermissionMissing => "not tried: the token may not read what every integration needs",
        _ => "not tried: the console does not answer",
    };
    StreamReport {
        integration: integration.name.clone(),
        stream: stream.name,
        status: StreamStatus::NotTried,
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
        reason: Some(reason.to_owned()),
        core: stream.core,
    }
}

/// How the integration fares after these reports: as its worst core stream does.
fn state_after(reports: &[StreamReport]) -> (IntegrationState, String) {
    let order = [
        (StreamStatus::AuthenticationFailed, IntegrationState::AuthenticationFailed),
        (StreamStatus::PermissionMissing, IntegrationState::PermissionMissing),
        (StreamStatus::Unreachable, IntegrationState::Unreachable),
        (StreamStatus::Incomplete, IntegrationState::Incomplete),
    ];
    for (status, state) in order {
        if let Some(report) = reports.iter().find(|report| report.status == status) {
            return (state, format!("{}: {}", report.stream, report.reason.as_deref().unwrap_or_default()));
        }
    }
    match reports.iter().find(|report| report.core && report.status == StreamStatus::NotAvailable) {
        Some(report) => {
            let why = report.reason.as_deref().unwrap_or_default();
            (IntegrationState::Incomplete, format!("{} is not available: {why}", report.stream))
        }
        None => (IntegrationState::Connected, String::new()),
    }
}
