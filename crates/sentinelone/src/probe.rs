//! What a token can see: who it belongs to, when it ends, and which modules answer.

use futures_util::future::BoxFuture;
use std::time::Duration;

use crate::client::Client;
use crate::error::{ApiError, Failure, Form};
use crate::json::Json;
use crate::page::Page;
use crate::records::{ApiToken, SystemInfo, User, UserScope};
use crate::request::{Endpoint, Request};
use crate::time::Micros;

/// How often one request of a probe is sent at most.
const TRIES_MAX: u32 = 4;

/// The smallest id that newer services accept as a filter (recorded: anything smaller is a 400).
const SCOPE_ID_DIGITS_MIN: usize = 18;

/// What is asked for, in this order. The first five are core: without them there is little to read.
const MODULES: [Endpoint; 18] = [
    Endpoint::Agents,
    Endpoint::Threats,
    Endpoint::Activities,
    Endpoint::Sites,
    Endpoint::Groups,
    Endpoint::Accounts,
    Endpoint::TenantPolicy,
    Endpoint::ActivityTypes,
    Endpoint::Users,
    Endpoint::ServiceUsers,
    Endpoint::Roles,
    Endpoint::Exclusions,
    Endpoint::InstalledApplications,
    Endpoint::ApplicationInventory,
    Endpoint::Risks,
    Endpoint::CloudDetectionAlerts,
    Endpoint::RangerDevices,
    Endpoint::XdrAssets,
];

/// How a caller waits before a request is tried again: attempt (from 1) and what the console asked for.
pub type Pause<'a> = &'a (dyn Fn(u32, Option<Duration>) -> BoxFuture<'static, ()> + Send + Sync);

/// What a token can see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The console's version, such as `S-25.1.3#1`.
    pub version: Option<String>,
    /// The newest agent version the console offers.
    pub latest_agent_version: Option<String>,
    /// Id of the user that the token belongs to.
    pub user_id: Option<String>,
    /// Name of that user; a person's, if it is a console user.
    pub user_name: Option<String>,
    /// Whose token it is.
    pub kind: TokenKind,
    /// How far it sees.
    pub scope: Scope,
    /// The places it sees, with the role held in each.
    pub places: Vec<Place>,
    /// The role, if it is the same in all places.
    pub role: Option<String>,
    /// When the token was made.
    pub created_at: Option<Micros>,
    /// When the token ends; `None` if the console does not say.
    pub expires_at: Option<Micros>,
    /// The console's clock when it told about the user, to the second.
    pub server_time: Option<Micros>,
    /// What each module answered.
    pub modules: Vec<Module>,
}

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// A person's, who can sign in to the console; such tokens last about six months at most.
    ConsoleUser,
    /// A service user's, with an end chosen when it was made.
    ServiceUser,
    /// The console does not say.
    Unknown,
}

/// How far a token sees.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// The whole tenant, also called global.
    Tenant,
    /// One or more accounts.
    Account,
    /// One or more sites.
    Site,
    /// A level this crate does not know.
    Other(String),
    /// The console does not say.
    Unknown,
}

/// One account or site that a token sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Id of the account or site.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The role held there.
    pub role: Option<String>,
}

/// What one module answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// What was asked for.
    pub endpoint: Endpoint,
    /// What came back.
    pub state: ModuleState,
}

/// What came back from a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModuleState {
    /// It answers; the count is the console's own, where it gives one.
    Available {
        /// How many records the console counts.
        count: Option<u64>,
    },
    /// It does not answer this token: role, scope or licence. Not zero: not measured.
    NotAvailable {
        /// The console's reason.
        reason: ApiError,
    },
    /// It could not be asked just now, or not in this way.
    Unclear {
        /// What went wrong.
        reason: ApiError,
    },
}

impl Probe {
    /// What an answer to `GET /user` says about the token; `None` if it is not such an answer. Modules are not asked.
    #[must_use]
    pub fn of_user(page: &Page) -> Option<Probe> {
        described(page).ok()
    }

    /// What came back from a module; `None` if it was not asked.
    #[must_use]
    pub fn module(&self, endpoint: Endpoint) -> Option<&ModuleState> {
        self.modules.iter().find(|module| module.endpoint == endpoint).map(|module| &module.state)
    }

    /// Whether a module answers.
    #[must_use]
    pub fn is_available(&self, endpoint: Endpoint) -> bool {
        matches!(self.module(endpoint), Some(ModuleState::Available { .. }))
    }
}

/// Asks a console, read-only and cheaply, what a token can see: about twenty requests, one after another.
///
/// The token is sent only after the host has answered like a console without it. A request that fails in a way that may
/// pass is tried up to four times, with `pause` in between.
///
/// # Errors
/// The console cannot be reached, is none, or refuses the token for `GET /user` or for agents.
pub async fn probe(client: &Client, pause: Pause<'_>) -> Result<Probe, ApiError> {
    let asker = Asker { client, pause };
    let mut probe = asker.described().await?;
    let mut narrow = narrowest(&probe);
    for endpoint in MODULES {
        if endpoint.wants_one_scope() && narrow.is_none() {
            narrow = asker.first_account().await;
        }
        let Some(request) = question(endpoint, narrow.as_ref()) else { continue };
        let state = asker.module(&request).await?;
        probe.modules.push(Module { endpoint, state });
    }
    Ok(probe)
}

/// Asks whether the console answers, whose token this is, and whether it may read agents: four or five requests.
///
/// [`Probe::modules`] holds agents only.
///
/// # Errors
/// As [`probe`].
pub async fn glance(client: &Client, pause: Pause<'_>) -> Result<Probe, ApiError> {
    let asker = Asker { client, pause };
    let mut probe = asker.described().await?;
    if let Some(request) = question(Endpoint::Agents, None) {
        let state = asker.module(&request).await?;
        // Every integration needs agents: what may be a module's own trouble elsewhere is the console's here.
        if let ModuleState::Unclear { reason } | ModuleState::NotAvailable { reason } = &state {
            return Err(reason.clone());
        }
        probe.modules.push(Module { endpoint: Endpoint::Agents, state });
    }
    Ok(probe)
}

struct Asker<'a> {
    client: &'a Client,
    pause: Pause<'a>,
}

impl Asker<'_> {
    /// The console's version, and everything about the token but what it reads.
    async fn described(&self) -> Result<Probe, ApiError> {
        self.is_console().await?;
        let version = self.version().await?;
        let user = self.ask(&Request::user()).await?;
        let mut probe =
            described(&user).map_err(|failure| self.client.error(Endpoint::User, user.request_id.clone(), failure))?;
        probe.version = version.0;
        probe.latest_agent_version = version.1;
        if probe.expires_at.is_none() {
            (probe.created_at, probe.expires_at) = self.token_times(probe.created_at).await?;
        }
        Ok(probe)
    }

    async fn ask(&self, request: &Request) -> Result<Page, ApiError> {
        let mut attempt = 1;
        loop {
            match self.client.send(request).await {
                Err(error) if error.is_transient() && attempt < TRIES_MAX => {
                    let asked = error.answer().and_then(|answer| answer.retry_after);
                    (self.pause)(attempt, asked).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Whether the host answers `GET /system/status`, which needs no token, as a console does.
    async fn is_console(&self) -> Result<(), ApiError> {
        match self.ask(&Request::system_status()).await {
            Ok(_) => Ok(()),
            Err(error) if error.answer().is_some_and(|answer| answer.form == Form::Errors) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The console's version and its newest agent version. Not to learn them is no error; `GET /user` decides.
    async fn version(&self) -> Result<(Option<String>, Option<String>), ApiError> {
        match self.ask(&Request::system_info()).await {
            Ok(page) => {
                let info = record(&page).and_then(|raw| SystemInfo::decode(raw).ok());
                Ok(info.map_or((None, None), |info| {
                    let text = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
                    (text(info.version.or(info.release)), text(info.latest_agent_version))
                }))
            }
            Err(error) if error.answer().is_some() => Ok((None, None)),
            Err(error) => Err(error),
        }
    }

    /// When the token was made and ends, asked for with the token itself.
    async fn token_times(&self, known: Option<Micros>) -> Result<(Option<Micros>, Option<Micros>), ApiError> {
        match self.ask(&Request::api_token_details()).await {
            Ok(page) => {
                let times = record(&page).and_then(|raw| ApiToken::decode(raw).ok()).unwrap_or_default();
                Ok((times.created_at.or(known), times.expires_at))
            }
            Err(error) if error.answer().is_some() => Ok((known, None)),
            Err(error) => Err(error),
        }
    }

    /// An account to ask about, for a token that sees the whole tenant.
    async fn first_account(&self) -> Option<Narrow> {
        let page = self.ask(&Request::accounts().limit(1)).await.ok()?;
        let id = (!page.is_empty()).then(|| page.id(0)).flatten()?;
        (id.len() >= SCOPE_ID_DIGITS_MIN).then(|| ("accountIds", id.into_owned()))
    }

    async fn module(&self, request: &Request) -> Result<ModuleState, ApiError> {
        let endpoint = request.endpoint();
        match self.ask(request).await {
            Ok(page) => {
                let count = match endpoint {
                    Endpoint::ActivityTypes => Some(page.len() as u64),
                    endpoint if endpoint.is_paged() => page.total_items,
                    _ => None,
                };
                Ok(ModuleState::Available { count })
            }
            Err(reason) if endpoint == Endpoint::Agents && reason.status() == Some(403) => Err(reason),
            Err(reason) if reason.is_unauthorized() => {
                if self.client.token_is_refused().await? {
                    return Err(reason);
                }
                Ok(ModuleState::NotAvailable { reason })
            }
            Err(reason) if reason.is_not_available() => Ok(ModuleState::NotAvailable { reason }),
            Err(reason) if !endpoint.is_core() && lasts(&reason) => Ok(ModuleState::NotAvailable { reason }),
            Err(reason) => Ok(ModuleState::Unclear { reason }),
        }
    }
}

/// Whether an error that outlived all tries is the module's own answer: text 404, 5xx, a page of HTML.
fn lasts(error: &ApiError) -> bool {
    match error.failure() {
        Failure::Status(answer) => matches!(answer.status, 404 | 500..600),
        Failure::NotAConsole { .. } => true,
        _ => false,
    }
}

/// A parameter that narrows a request to one account or site.
type Narrow = (&'static str, String);

fn narrowest(probe: &Probe) -> Option<Narrow> {
    let place = probe.places.iter().find(|place| place.id.len() >= SCOPE_ID_DIGITS_MIN)?;
    match probe.scope {
        Scope::Account => Some(("accountIds", place.id.clone())),
        Scope::Site => Some(("siteIds", place.id.clone())),
        _ => None,
    }
}

/// The cheapest request that tells whether a module answers.
fn question(endpoint: Endpoint, narrow: Option<&Narrow>) -> Option<Request> {
    let request = Request::to(endpoint)?;
    if !endpoint.is_paged() {
        return Some(request);
    }
    let request = request.param("countOnly", "true");
    Some(match narrow {
        Some((name, id)) if endpoint.wants_one_scope() => request.param(*name, id),
        _ => request,
    })
}

fn record(page: &Page) -> Option<&[u8]> {
    (!page.is_empty()).then(|| page.record(0))
}

/// What `GET /user` says of the token.
fn described(page: &Page) -> Result<Probe, Failure> {
    const NO_USER: Failure = Failure::Shape { what: "no user in it" };
    let user = User::decode(record(page).ok_or(NO_USER)?).map_err(|_| NO_USER)?;
    let places: Vec<Place> = user
        .scope_roles
        .iter()
        .chain(user.site_roles.iter().filter(|_| user.scope_roles.is_none()))
        .flatten()
        .filter_map(|role| {
            let name = role.role_name.as_deref().or_else(|| role.roles.as_ref()?.first().map(|role| &**role));
            Some(Place {
                id: role.id.as_deref()?.to_owned(),
                name: role.name.as_deref().map(str::to_owned),
                role: name.map(str::to_owned),
            })
        })
        .collect();
    let shared = places
        .first()
        .and_then(|first| first.role.clone())
        .filter(|role| places.iter().all(|place| place.role.as_ref() == Some(role)));
    let tenant_role = || {
        let role = user.tenant_roles.as_ref()?.first()?;
        let name = role.text().or_else(|| role.get("roleName").or_else(|| role.get("name")).and_then(Json::text))?;
        Some(name.into_owned())
    };
    let lowest = || user.lowest_role.as_deref().map(str::to_owned);
    let role = if places.is_empty() { tenant_role().or_else(lowest) } else { shared };
    let token = user.api_token.as_ref();
    Ok(Probe {
        version: None,
        latest_agent_version: None,
        user_id: user.id.as_deref().map(str::to_owned),
        user_name: user.full_name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned),
        kind: kind(&user),
        scope: match &user.scope {
            Some(UserScope::Tenant) => Scope::Tenant,
            Some(UserScope::Account) => Scope::Account,
            Some(UserScope::Site) => Scope::Site,
            Some(UserScope::Other(text)) if text == "global" => Scope::Tenant,
            Some(UserScope::Other(text)) => Scope::Other(text.clone()),
            None => Scope::Unknown,
        },
        places,
        role,
        created_at: token.and_then(|token| token.created_at),
        expires_at: token.and_then(|token| token.expires_at),
        server_time: page.date,
        modules: Vec::new(),
    })
}

/// A person has a mail address; a service user has none (recorded service users lack the field).
fn kind(user: &User<'_>) -> TokenKind {
    match user.email.as_deref() {
        Some(email) if email.contains('@') => TokenKind::ConsoleUser,
        _ if user.id.is_some() => TokenKind::ServiceUser,
        _ => TokenKind::Unknown,
    }
}
