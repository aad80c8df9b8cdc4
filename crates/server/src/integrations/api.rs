//! Integrations as programs read and change them.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use inventory::onboard::Identity;
use kernel::{ExplorerId, OrgId, Timestamp};
use schemars::JsonSchema;
use sentinelone::Token as ApiToken;
use serde::{Deserialize, Serialize};
use store::Tx;
use sync::examine::Step;
use sync::explorers::At;
use sync::{Enrolment, ImportChange, Options, OptionsChange, Overview, Run, SyncError};

use super::catalogue::{self, Entry, Kind};
use super::connecting::{self, Outcome};
use super::forms::{self, Wanted};
use super::{ask, ask_one, choices, found, missing, place};
use crate::fields::Asked as Query;
use crate::problem::capital;
use crate::{App, Problem, Visitor, listing, respond};

/// All integrations.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Integrations {
    /// In the order of their names.
    items: Vec<Integration>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// An integration.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Integration {
    id: String,
    name: String,
    connector: &'static str,
    /// What the task that reads it is called.
    task: String,
    console_host: String,
    site: String,
    enabled: bool,
    /// connected, syncing, degraded, incomplete, unreachable, invalid, permission_missing, authentication_failed, paused.
    state: &'static str,
    /// green, amber, red or grey.
    light: &'static str,
    since: String,
    /// What the state means.
    meaning: String,
    /// What happened; empty if nothing did.
    detail: String,
    /// nothing, wait, reconnect, reauthorise, reestablish, decide, slow_down, scope, leave_out, clock, read_again,
    /// switch_on, bring_file, start_demo.
    remedy: String,
    /// What to do; empty if nothing.
    next_step: String,
    role: Option<String>,
    scope: Option<String>,
    token_expires_at: Option<String>,
    /// The saved credential that opens the console; nothing if it has a token of its own.
    credential_id: Option<String>,
    /// Names of the other integrations that read the same console.
    also_read_by: Vec<String>,
    /// The id of the Explorer that it runs at; nothing if it runs at this server.
    runs_at: Option<String>,
    /// What was chosen that is not usual, in words.
    options: String,
    streams: Vec<Stream>,
}

/// A collection of an integration.
#[derive(Debug, Serialize, JsonSchema)]
struct Stream {
    name: &'static str,
    enabled: bool,
    /// How often it is read, in seconds.
    interval: i64,
    status: Option<&'static str>,
    /// Why, in words.
    reason: Option<String>,
    /// When it was last read completely.
    complete_at: Option<String>,
    /// How many the console counted when it was last read whole, not only for changes.
    console_total: Option<u64>,
    /// Records that wait for a person's word.
    held: u64,
    /// Records that could not be understood.
    quarantined: u64,
}

/// An integration to be connected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// The console's address: `organization.sentinelone.net`.
    url: String,
    /// The API token; or a saved credential.
    token: Option<String>,
    /// The id of a saved credential; or a token.
    credential_id: Option<String>,
    /// Unique in the organization; made of the host if none is given.
    name: Option<String>,
    /// What its task is called; the integration's name if none is given, or the empty text.
    task: Option<String>,
    /// Where its assets live; made if there is none of that name.
    site: Option<String>,
    /// The id or the name of the Explorer that it runs at; `centre` or nothing for this server.
    runs_at: Option<String>,
    /// What is not as usual.
    #[serde(default)]
    options: Choices,
    /// True to connect a console of which another integration reads the same; everything is then read twice.
    #[serde(default)]
    all_the_same: bool,
}

/// What is to be different; what is not named stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: Option<String>,
    /// What its task is called; the empty text is the integration's name.
    task: Option<String>,
    site: Option<String>,
    /// The id or the name of the Explorer that it is to run at; `centre` for this server.
    runs_at: Option<String>,
    #[serde(default)]
    options: Choices,
}

/// A new token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// The API token; or a saved credential.
    token: Option<String>,
    /// The id of a saved credential; or a token.
    credential_id: Option<String>,
}

/// What is asked for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sync {
    /// Collections; all if none are named.
    streams: Vec<String>,
    /// Everything, whatever was read before.
    full: bool,
    /// Everything, and what it does not show is gone, where more than a tenth of a collection vanished at once; for who manages
    /// integrations.
    accept_removals: bool,
}

/// Readings were asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AskedAll {
    /// The tasks that show how far they are.
    tasks: Vec<String>,
}

/// What Muster can read.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Connectors {
    /// By their words.
    items: Vec<Connector>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
}

/// A connector.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Connector {
    /// Its word in addresses.
    connector: &'static str,
    name: &'static str,
    category: &'static str,
    about: &'static str,
    /// What it signs in with.
    sign_in: &'static str,
    /// How often it is read.
    intervals: &'static str,
    /// connect, file or trial: by an integration, by a file that somebody brings, or after it was enrolled and allowed.
    kind: &'static str,
    /// Of one on trial, who asked for it; nothing if nobody did.
    enrolled: Option<Said>,
    /// Of one on trial, who allowed it; nothing if nobody did.
    allowed: Option<Said>,
}

/// Who said something, and when.
#[derive(Debug, Serialize, JsonSchema)]
struct Said {
    by: String,
    at: String,
}

/// Choices.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Choices {
    /// False: nothing is read, and everything read so far is kept.
    enabled: Option<bool>,
    /// Seconds between readings, by collection; 0 returns to the usual.
    intervals: BTreeMap<String, i64>,
    /// All collections every so many days at 01:15 UTC; 0 returns to intervals.
    autosync_days: Option<u32>,
    /// How many days back history goes; 0 is everything.
    depth_days: Option<u32>,
    requests_per_minute: Option<u32>,
    /// RFC 3339; nothing is read before. The empty text is at once.
    starts_at: Option<String>,
    /// Everything is read once only.
    once: Option<bool>,
    /// Collections to leave out.
    without: Vec<String>,
    /// Collections to read again.
    with: Vec<String>,
    software: Option<bool>,
    vulnerabilities: Option<bool>,
    /// none, info, low, medium, high, critical, unknown, or all.
    severities: Option<Vec<String>>,
    exclude_unknown: Option<bool>,
    auto_onboard: Option<bool>,
    /// correlation or computer-name.
    identity: Option<String>,
    update_metadata: Option<bool>,
    /// Names of console groups; none for all.
    groups: Option<Vec<String>>,
    /// true_positive, false_positive, suspicious, undefined, or all.
    verdicts: Option<Vec<String>>,
    tracked_only: Option<bool>,
}

/// How a test ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tested {
    works: bool,
    /// dns, port, tls, console, token, permission: the step that failed.
    failed: Option<&'static str>,
    /// Every step that went well, in order.
    passed: Vec<&'static str>,
    /// What happened.
    detail: String,
    role: Option<String>,
    scope: Option<String>,
    expires_at: Option<String>,
    /// What the token reads.
    reads: Vec<&'static str>,
    /// What it does not.
    missing: Vec<&'static str>,
}

/// A reading was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Asked {
    /// The task that shows how far it is.
    task: String,
}

/// An integration ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ended {
    /// Records that were retired.
    retired: u64,
}

impl Choices {
    fn change(&self) -> Result<OptionsChange, Problem> {
        let starts_at = match self.starts_at.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => {
                let at = Timestamp::parse(text)
                    .map_err(|_| Problem::wrong("starts_at", "starts_at is no instant of RFC 3339."))?;
                Some(Some(at.seconds_since(Timestamp::from_seconds(0))))
            }
        };
        let identity = match self.identity.as_deref() {
            None => None,
            Some(word) => Some(
                Identity::from_word(word)
                    .ok_or_else(|| Problem::wrong("identity", "identity is correlation or computer-name."))?,
            ),
        };
        let unless_zero = |days: Option<u32>| days.map(|days| (days > 0).then_some(days));
        let change = OptionsChange {
            enabled: self.enabled,
            intervals: self
                .intervals
                .iter()
                .map(|(name, seconds)| (name.clone(), (*seconds > 0).then_some(*seconds)))
                .collect(),
            autosync_days: unless_zero(self.autosync_days),
            without: self.without.clone(),
            with: self.with.clone(),
            depth_days: unless_zero(self.depth_days),
            requests_per_minute: self.requests_per_minute.map(|rate| rate.max(1)),
            starts_at,
            once: self.once,
            import: ImportChange {
                software: self.software,
                vulnerabilities: self.vulnerabilities,
                severities: self.severities.clone(),
                exclude_unknown: self.exclude_unknown,
                auto_onboard: self.auto_onboard,
                identity,
                update_metadata: self.update_metadata,
                groups: self.groups.clone(),
                verdicts: self.verdicts.clone(),
                tracked_only: self.tracked_only,
            },
        };
        Ok(change)
    }
}

/// An error of what was sent, not of what is there.
fn unmeant(error: SyncError) -> Problem {
    match error {
        SyncError::NoSuchIntegration { .. } => Problem::missing("integration"),
        SyncError::Option { .. } | SyncError::NoSuchStream { .. } | SyncError::BadName { .. } => {
            Problem::invalid(crate::problem::sentence(&error))
        }
        SyncError::Console(error) => {
            let step = sync::examine::failed_step(&error);
            let detail = capital(&error.to_string());
            Problem::invalid(detail).help(capital(&format!("the step that failed is {}", step.word())))
        }
        SyncError::ReadAlready(one) => Problem::conflict(format!("{}.", one.in_words())).help(format!(
            "Send all_the_same to connect it all the same and read everything twice; or give {} a new token: \
             PUT /api/v1/integrations/{}/token.",
            one.integration.name, one.integration.id
        )),
        other => other.into(),
    }
}

/// Where something is to run: nothing if nothing is said, and then the Explorer, or none for this server.
async fn runs_at(app: &App, visitor: &Visitor, said: Option<&str>) -> Result<Option<Option<ExplorerId>>, Problem> {
    let (org, Some(said)) = (visitor.org, said.map(str::to_owned)) else { return Ok(None) };
    Ok(Some(app.store.read(move |tx| crate::explorers::chosen(tx, org, &said)).await?))
}

/// `GET /api/v1/integrations`
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Query(asked): Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let known = app.store.read(move |tx| sync::overviews(tx, org, now)).await?;
    let (page, next) = listing::page(known.iter().collect(), &asked, |of| of.integration.name.clone())?;
    let beside = |of: &Overview| also_read_by(&of.integration, known.iter().map(|of| &of.integration));
    let all = Integrations { items: page.into_iter().map(|of| told(of, beside(of), now)).collect(), next };
    Ok(respond::json(&headers, &all))
}

/// The other integrations that read the same console, by name.
fn also_read_by<'a>(of: &sync::Integration, all: impl Iterator<Item = &'a sync::Integration>) -> Vec<String> {
    all.filter(|other| super::reads_the_same(of, other)).map(|other| other.name.clone()).collect()
}

fn told(of: &Overview, also_read_by: Vec<String>, now: Timestamp) -> Integration {
    Integration {
        also_read_by,
        id: of.integration.id.to_string(),
        name: of.integration.name.clone(),
        connector: of.integration.connector.word(),
        task: of.integration.task().to_owned(),
        console_host: of.integration.console_host.clone(),
        site: of.integration.site_name.clone(),
        enabled: of.integration.options.enabled,
        state: of.assessment().state.word(),
        light: of.light(now).word(),
        since: of.integration.since.to_string(),
        meaning: of.meaning().to_owned(),
        detail: of.assessment().detail,
        remedy: serde_json::to_value(of.remedy())
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default(),
        next_step: of.next_step(),
        role: of.integration.role.clone(),
        scope: of.integration.scope.clone(),
        credential_id: of.integration.credential.map(|id| id.to_string()),
        runs_at: of.integration.explorer.map(|id| id.to_string()),
        options: choices::settings(&of.integration.options),
        token_expires_at: of.integration.token_expires_at.map(|at| at.to_string()),
        streams: of
            .streams
            .iter()
            .map(|stream| Stream {
                name: stream.stream.name,
                enabled: stream.enabled,
                interval: stream.interval,
                status: stream.status.map(sync::StreamStatus::word),
                reason: stream.reason.clone(),
                complete_at: stream.complete_at.map(|at| at.to_string()),
                console_total: stream.counted.map(|(total, _)| total),
                held: stream.held,
                quarantined: stream.quarantined,
            })
            .collect(),
    }
}

/// `GET /api/v1/integrations/{id}`
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(&app, &visitor, id, &headers).await
}

async fn now_is(app: &App, visitor: &Visitor, id: String) -> Result<Response, Problem> {
    one(app, visitor, id, &HeaderMap::new()).await
}

async fn one(app: &App, visitor: &Visitor, id: String, headers: &HeaderMap) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let of = app.store.read(move |tx| found(tx, org, &id, now)).await?;
    let all = sync::integrations(&app.store, &app.world, org).await?;
    let what = told(&of, also_read_by(&of.integration, all.iter()), now);
    Ok(respond::stamped(headers, &what, &forms::stamp(&of.integration)))
}

/// The token that was sent, or that of a saved credential.
async fn opened(
    app: &App,
    visitor: &Visitor,
    token: Option<&str>,
    credential: Option<&str>,
) -> Result<(ApiToken, Option<kernel::CredentialId>), Problem> {
    match (token, credential) {
        (Some(text), None) => {
            let token =
                ApiToken::parse(text).map_err(|problem| Problem::invalid(crate::problem::sentence(&problem)))?;
            Ok((token, None))
        }
        (None, Some(id)) => {
            connecting::saved_token(app, visitor, id).await.map_err(|wrong| Problem::invalid(wrong.error))
        }
        _ => Err(Problem::invalid("Send either token or credential_id.")),
    }
}

/// `POST /api/v1/integrations`
pub(super) async fn create(State(app): State<App>, visitor: Visitor, body: Bytes) -> Result<Response, Problem> {
    let new: New = crate::fields::body(&body)?;
    let at = runs_at(&app, &visitor, new.runs_at.as_deref()).await?;
    let at = At { explorer: at.flatten(), sealed: None };
    let console = connecting::console(&app, &new.url, &at).await.map_err(|wrong| Problem::invalid(wrong.error))?;
    let (token, credential) = opened(&app, &visitor, new.token.as_deref(), new.credential_id.as_deref()).await?;
    let mut options = Options::default();
    new.options.change()?.apply(&mut options).map_err(unmeant)?;
    if let Some(name) = &new.name {
        let (org, name, now) = (visitor.org, name.clone(), app.world.now());
        let known = app.store.read(move |tx| sync::overviews(tx, org, now)).await?;
        if known.iter().any(|of| kernel::fold(&of.integration.name) == kernel::fold(name.trim())) {
            return Err(Problem::conflict(format!("There is an integration named {name} already.")));
        }
    }
    let name = match new.name {
        Some(name) => name,
        None => super::free_name(&app, visitor.org, &console).await?,
    };
    let order = connecting::order(&app, console, token, credential, (Some(name), new.site), Some(options), at).await;
    let order = sync::Connect { all_the_same: new.all_the_same, task: new.task, ..order };
    let connected = sync::connect(place(&app, &visitor), order).await.map_err(unmeant)?;
    now_is(&app, &visitor, connected.integration.id.to_string()).await
}

/// `PATCH /api/v1/integrations/{id}`
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let sent: Change = crate::fields::body(&body)?;
    let runs_at = runs_at(&app, &visitor, sent.runs_at.as_deref()).await?;
    let wanted = Wanted { change: sent.options.change()?, name: sent.name, task: sent.task, site: sent.site, runs_at };
    let (org, now, who, asked) = (visitor.org, app.world.now(), visitor.login.clone(), id.clone());
    let of = app.store.read(move |tx| found(tx, org, &asked, now)).await?.integration;
    let write = app.store.write(move |tx| {
        let is = sync::integration(tx, org, of.id).map_err(missing)?;
        respond::if_unchanged(&headers, &forms::stamp(&is))?;
        forms::save(tx, org, of.id, &wanted, &who, now).map_err(unmeant)
    });
    write.await?;
    now_is(&app, &visitor, id).await
}

/// `PUT /api/v1/integrations/{id}/token`
pub(super) async fn token(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let sent: Token = crate::fields::body(&body)?;
    let (org, now, asked) = (visitor.org, app.world.now(), id.clone());
    let of = app.store.read(move |tx| found(tx, org, &asked, now)).await?.integration;
    respond::if_unchanged(&headers, &forms::stamp(&of))?;
    if of.connector.is_file() {
        return Err(Problem::conflict("Files need no token."));
    }
    let at = At { explorer: of.explorer, sealed: None };
    let console =
        connecting::console(&app, &of.console_url, &at).await.map_err(|wrong| Problem::invalid(wrong.error))?;
    let (token, credential) = opened(&app, &visitor, sent.token.as_deref(), sent.credential_id.as_deref()).await?;
    let order = connecting::order(&app, console, token, credential, (Some(of.name), None), None, at).await;
    sync::connect(place(&app, &visitor), order).await.map_err(unmeant)?;
    now_is(&app, &visitor, id).await
}

/// `POST /api/v1/integrations/{id}/test`
pub(super) async fn test(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let outcome = connecting::examined(&app, &visitor, &id).await?;
    Ok(respond::json(&HeaderMap::new(), &tested(&outcome)))
}

fn tested(outcome: &Outcome) -> Tested {
    let failed = outcome.as_ref().err().map(|(step, _)| *step);
    let passed = Step::ALL.into_iter().take_while(|step| Some(*step) != failed).map(Step::word).collect();
    let (facts, (reads, not)) = match outcome {
        Ok(probe) => (sync::facts(probe), sync::modules(probe)),
        Err(_) => Default::default(),
    };
    Tested {
        works: failed.is_none(),
        failed: failed.map(Step::word),
        passed,
        detail: outcome.as_ref().err().map(|(_, trouble)| capital(&trouble.detail)).unwrap_or_default(),
        role: facts.role,
        scope: facts.scope,
        expires_at: facts.expires_at.map(|at| at.to_string()),
        reads,
        missing: not.into_iter().map(|(word, _)| word).collect(),
    }
}

/// `POST /api/v1/integrations/{id}/sync`
pub(super) async fn sync(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let sent: Sync = if body.is_empty() { Sync::default() } else { crate::fields::body(&body)? };
    let how = (sent.streams, sent.full, sent.accept_removals);
    let now = app.world.now();
    let of = app.store.write(move |tx| ask_one(tx, &visitor, &id, how, now)).await?;
    Ok(respond::json(&HeaderMap::new(), &Asked { task: of.id.to_string() }))
}

/// `POST /api/v1/integrations/sync`
pub(super) async fn sync_all(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let (org, now, who) = (visitor.org, app.world.now(), visitor.login.clone());
    let written = app.store.write(move |tx| {
        ask(tx, org, &Run::default(), &who, now)?;
        Ok::<_, Problem>(sync::overviews(tx, org, now)?)
    });
    let all = written.await?;
    let read = all.iter().map(|of| &of.integration).filter(|of| of.options.enabled && !of.connector.is_file());
    Ok(respond::json(&HeaderMap::new(), &AskedAll { tasks: read.map(|of| of.id.to_string()).collect() }))
}

fn connector_told(entry: &Entry, enrolments: &[Enrolment]) -> Connector {
    let of = enrolments.iter().find(|of| of.connector == entry.word);
    let said = |by: &str, at: Timestamp| Said { by: by.to_owned(), at: at.to_string() };
    Connector {
        connector: entry.word,
        name: entry.name,
        category: entry.category,
        about: entry.about,
        sign_in: entry.sign_in,
        intervals: entry.intervals,
        kind: match entry.kind {
            Kind::Connect => "connect",
            Kind::File(_) => "file",
            Kind::Trial(_) => "trial",
        },
        enrolled: of.map(|of| said(&of.asked_by, of.asked_at)),
        allowed: of.and_then(|of| of.allowed.as_ref()).map(|(at, by)| said(by, *at)),
    }
}

/// `GET /api/v1/connectors`
pub(super) async fn connectors(
    State(app): State<App>,
    visitor: Visitor,
    Query(asked): Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let org = visitor.org;
    let enrolments = app.store.read(move |tx| sync::enrolments(tx, org)).await?;
    let (page, next) = listing::page(catalogue::ENTRIES.iter().collect(), &asked, |entry| entry.word.to_owned())?;
    let items = page.into_iter().map(|entry| connector_told(entry, &enrolments)).collect();
    Ok(respond::json(&headers, &Connectors { items, next }))
}

/// `POST /api/v1/connectors/{connector}/enrol`
pub(super) async fn enrol(
    State(app): State<App>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    decided(&app, &visitor, connector, super::enrol).await
}

/// `POST /api/v1/connectors/{connector}/allow`
pub(super) async fn allow(
    State(app): State<App>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    decided(&app, &visitor, connector, super::allow).await
}

/// Enrols or allows a connector, and answers how it stands.
async fn decided(
    app: &App,
    visitor: &Visitor,
    connector: String,
    how: fn(&mut Tx<'_>, OrgId, &str, &str, Timestamp) -> Result<&'static str, Problem>,
) -> Result<Response, Problem> {
    let (org, now, who) = (visitor.org, app.world.now(), visitor.login.clone());
    let written = app.store.write(move |tx| {
        how(tx, org, &connector, &who, now)?;
        Ok::<_, Problem>((catalogue::on_trial(&connector)?, sync::enrolments(tx, org)?))
    });
    let (entry, enrolments) = written.await?;
    Ok(respond::json(&HeaderMap::new(), &connector_told(entry, &enrolments)))
}

/// `DELETE /api/v1/integrations/{id}?confirm=NAME`
pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(asked): Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let of = app.store.read(move |tx| found(tx, org, &id, now)).await?.integration;
    respond::if_unchanged(&headers, &forms::stamp(&of))?;
    if asked.get("confirm") != of.name {
        return Err(Problem::invalid("confirm is not the integration's name, so nothing was done."));
    }
    let removed = sync::remove(place(&app, &visitor), of.id).await.map_err(missing)?;
    Ok(respond::json(&HeaderMap::new(), &Ended { retired: removed.records }))
}

/// Records that are listed at most; the counts on the integration's page are of all.
const LEFT_OUT_MAX: u32 = 10_000;

/// Records that options leave out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LeftOut {
    /// By option, collection and the source's id.
    items: Vec<LeftOutRecord>,
    /// Where to go on; nothing at the end.
    next: Option<String>,
    /// There are more than 10,000, and only so many are listed.
    more: bool,
}

/// A record that an option leaves out.
#[derive(Debug, Serialize, JsonSchema)]
struct LeftOutRecord {
    /// The option.
    option: String,
    /// Why, in words.
    why: String,
    /// The collection.
    stream: String,
    /// The source's id of it.
    id: String,
    name: String,
    /// The source's id of the agent to which it belongs, if it does.
    agent: Option<String>,
    /// Since when; nothing for findings, which are there and not failed.
    since: Option<String>,
}

/// `GET /api/v1/integrations/{id}/left-out`
pub(super) async fn left_out(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(asked): Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (org, now) = (visitor.org, app.world.now());
    let option = match asked.get("option") {
        "" => None,
        name => Some(sync::options::option_named(name).ok_or_else(|| Problem::missing("option"))?),
    };
    let read = app.store.read(move |tx| {
        let of = found(tx, org, &id, now)?.integration;
        Ok::<_, Problem>(sync::left_out(tx, org, of.id, &of.options.import, option, LEFT_OUT_MAX)?)
    });
    let all = read.await?;
    let more = all.len() as u64 >= u64::from(LEFT_OUT_MAX);
    let (page, next) = listing::page(all, &asked, |one| format!("{} {} {}", one.option, one.stream, one.native_id))?;
    let told = |one: sync::LeftOutRecord| LeftOutRecord {
        why: capital(sync::options::why(&one.option)),
        option: one.option,
        stream: one.stream,
        id: one.native_id,
        name: one.name,
        agent: one.agent,
        since: one.since.map(|at| at.to_string()),
    };
    Ok(respond::json(&headers, &LeftOut { items: page.into_iter().map(told).collect(), next, more }))
}
