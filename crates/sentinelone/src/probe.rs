//! What a token can see: who it belongs to, when it ends, and which modules answer.

use futures_util::future::BoxFuture;
use std::time::Duration;

use crate::client::Client;
use crate::error::ApiError;
use crate::request::Endpoint;
use crate::time::Micros;

/// How a caller waits before a request is tried again: attempt (from 1) and what the console asked for.
pub type Pause<'a> = &'a (dyn Fn(u32, Option<Duration>) -> BoxFuture<'static, ()> + Send + Sync);

/// What a token can see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The console's version, such as `S-25.1.3#1`.
    pub version: Option<String>,
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
    /// It could not be asked just now.
    Unclear {
        /// What went wrong.
        reason: ApiError,
    },
}

/// Asks a console, read-only and cheaply, what a token can see.
///
/// # Errors
/// The console cannot be reached, or refuses the token for `GET /user` or for agents.
pub async fn probe(client: &Client, pause: Pause<'_>) -> Result<Probe, ApiError> {
    let _ = (client, pause);
    unimplemented!()
}
