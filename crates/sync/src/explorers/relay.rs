//! [`Relay`]: leaves work for an Explorer and waits for the answer; and the way to a console through one.

use std::sync::Arc;
use std::time::Duration;

use access::Custodian;
use bytes::Bytes;
use explorer::wire::{Asked, ConsoleAnswer, ConsoleWork, HEADERS_KEPT, KeepAnswer, KeepWork, Sealed, TokenAt, kind};
use jobs::World;
use kernel::{CredentialId, ExplorerId, OrgId};
use sentinelone::{Console, Request, Token, Transport, TransportError};
use serde_json::Value;
use store::{Store, Tx};

use super::ExplorerError;
use super::queue::{self, Answer, RequestId};
use super::who::{self, Explorer};
use crate::SyncError;
use crate::connect::allowed;
use crate::run::Place;

/// How soon an answer is looked for first.
pub const ANSWER_LOOK_MIN: Duration = Duration::from_millis(20);
/// How seldom an answer is looked for at most.
pub const ANSWER_LOOK_MAX: Duration = Duration::from_millis(400);
/// How long an answer of a console is waited for: what the Explorer gives the console itself, and the way.
pub const CONSOLE_PATIENCE: Duration = Duration::from_secs(330);
/// How long it may take to keep a token.
pub const KEEP_PATIENCE: Duration = Duration::from_secs(20);

/// How long an Explorer may be away and still be told to destroy a token, in seconds: a month.
pub const FORGET_SECONDS: i64 = 30 * 24 * 3600;

/// The way to one Explorer: work goes into the database, and its answer comes out of it. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    store: Store,
    world: World,
    org: OrgId,
    id: ExplorerId,
}

impl Relay {
    /// The way to an Explorer of an organization.
    #[must_use]
    pub fn new(store: &Store, world: &World, org: OrgId, id: ExplorerId) -> Relay {
        Relay { store: store.clone(), world: world.clone(), org, id }
    }

    /// Leaves work and waits for the answer. Dropping the wait leaves a row behind, which is swept.
    ///
    /// # Errors
    /// The Explorer is silent, revoked or too old for such work, or gives no answer in time; or the database fails.
    pub async fn ask(&self, kind: &'static str, payload: Value, patience: Duration) -> Result<Answer, ExplorerError> {
        let (org, id, asked_at) = (self.org, self.id, self.world.now());
        let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
        let deadline = asked_at.plus_seconds(seconds);
        let write = self.store.write(move |tx| {
            let of = found(tx, org, id)?;
            of.ready(asked_at)?;
            Ok::<_, ExplorerError>((queue::ask(tx, &of, kind, &payload, deadline, asked_at)?, of.name))
        });
        let (request, name) = self.world.outside(write).await?;
        let mut pause = ANSWER_LOOK_MIN;
        loop {
            self.world.sleep(pause).await;
            pause = (pause * 2).min(ANSWER_LOOK_MAX);
            let now = self.world.now();
            let looked = self.world.outside(self.store.read(move |tx| {
                let answered = queue::is_answered(tx, org, id, request)?;
                Ok::<_, ExplorerError>((answered, found(tx, org, id)?))
            }));
            let failed = match looked.await? {
                (Some(true), _) => return self.collected(request, &name).await,
                // Whoever revoked it took its work back.
                (None, of) => of.ready(now).err().unwrap_or(ExplorerError::NoAnswer { name: name.clone(), seconds }),
                (Some(false), of) => match of.ready(now) {
                    Err(error) => error,
                    Ok(()) if now < deadline => continue,
                    Ok(()) => ExplorerError::NoAnswer { name: name.clone(), seconds },
                },
            };
            let drop = self.store.write(move |tx| queue::withdraw(tx, org, id, request));
            self.world.outside(drop).await?;
            return Err(failed);
        }
    }

    async fn collected(&self, request: RequestId, name: &str) -> Result<Answer, ExplorerError> {
        let (org, id) = (self.org, self.id);
        let collected = self.world.outside(self.store.write(move |tx| queue::collect(tx, org, id, request))).await?;
        collected.ok_or_else(|| ExplorerError::NoAnswer { name: name.to_owned(), seconds: 0 })
    }

    /// Hands a token that was sealed to the Explorer over to be kept under a credential's id; or, without one, destroyed.
    ///
    /// # Errors
    /// As [`Relay::ask`]; or the Explorer refuses it.
    pub async fn keep(
        &self,
        credential: CredentialId,
        name: &str,
        console: &Console,
        sealed: Option<String>,
    ) -> Result<(), ExplorerError> {
        let work =
            KeepWork { credential: credential.to_string(), name: name.to_owned(), url: console.origin(), sealed };
        let answer = self.ask(kind::KEEP, in_words(&work), KEEP_PATIENCE).await?;
        let why = match serde_json::from_value(answer.says) {
            Ok(KeepAnswer::Done) => return Ok(()),
            Ok(KeepAnswer::Refused(why)) => why,
            Err(_) => "it does not understand this".to_owned(),
        };
        let (org, id) = (self.org, self.id);
        let of = self.world.outside(self.store.read(move |tx| found(tx, org, id))).await?;
        Err(ExplorerError::Refused { name: of.name, why })
    }

    /// The way to consoles through the Explorer: each request is work, and what the network does is as it is there.
    #[must_use]
    pub fn transport(self, token: TokenAt) -> Transport {
        let both = Arc::new((self, token));
        Transport::InProcess(Arc::new(move |message| {
            let both = both.clone();
            Box::pin(async move { both.0.console(&message, &both.1).await })
        }))
    }

    async fn console(
        &self,
        message: &http::Request<Bytes>,
        token: &TokenAt,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let relay = |reason: String| TransportError::Relay { reason };
        let asked = message.extensions().get::<Request>().map(Asked::of);
        let asked = asked.ok_or_else(|| relay("only requests of the allow-list are passed on".to_owned()))?;
        let (scheme, authority) = (message.uri().scheme_str(), message.uri().authority());
        let console =
            format!("{}://{}", scheme.unwrap_or("https"), authority.map_or("", |authority| authority.as_str()));
        let work = ConsoleWork { console, token: token.clone(), asked };
        let answer = self.ask(kind::CONSOLE, in_words(&work), CONSOLE_PATIENCE).await;
        let answer = answer.map_err(|error| relay(error.to_string()))?;
        let strange = || relay("the Explorer's answer cannot be understood; update it".to_owned());
        match serde_json::from_value(answer.says).map_err(|_| strange())? {
            ConsoleAnswer::Failed(failed) => Err(failed.error()),
            ConsoleAnswer::Unknown => self.older(&work.asked).await,
            ConsoleAnswer::Answered { status, headers } => {
                let mut response = http::Response::builder().status(status);
                for (name, value) in headers.iter().filter(|(name, _)| HEADERS_KEPT.contains(&name.as_str())) {
                    response = response.header(name, value);
                }
                response.body(answer.body.into()).map_err(|_| strange())
            }
        }
    }

    /// What stands for the answer to a request that an older Explorer does not know: that this is not to be had there, which
    /// is not zero, while everything else goes on.
    async fn older(&self, asked: &Asked) -> Result<http::Response<Bytes>, TransportError> {
        let (org, id) = (self.org, self.id);
        let of = self.world.outside(self.store.read(move |tx| found(tx, org, id))).await;
        let of = of.map_err(|error| TransportError::Relay { reason: error.to_string() })?;
        let detail = format!(
            "the Explorer {} is of version {}, which cannot ask for {} {}; update it",
            of.name, of.about.version, asked.method, asked.path
        );
        let error =
            serde_json::json!({ "errors": [{ "code": 5_010_000, "title": "Explorer too old", "detail": detail }] });
        let response = http::Response::builder().status(http::StatusCode::NOT_IMPLEMENTED);
        let response = response.header(http::header::CONTENT_TYPE, "application/json").body(error.to_string().into());
        response.map_err(|error| TransportError::Relay { reason: error.to_string() })
    }
}

/// The Explorer of that id, even if it was revoked.
pub(crate) fn found(tx: &mut Tx<'_>, org: OrgId, id: ExplorerId) -> Result<Explorer, ExplorerError> {
    who::explorer(tx, org, id)?.ok_or_else(|| ExplorerError::NoSuch(id.to_string()))
}

fn in_words(work: &impl serde::Serialize) -> Value {
    serde_json::to_value(work).expect("work is plain texts and numbers")
}

/// Leaves word for the Explorer that keeps a credential's secret to destroy it, when it asks next; nothing where none does.
///
/// # Errors
/// The Explorer has more to do than fits, or the database fails.
pub fn forget_there(
    tx: &mut Tx<'_>,
    org: OrgId,
    of: &access::Credential,
    now: kernel::Timestamp,
) -> Result<(), ExplorerError> {
    let Custodian::Explorer(id) = &of.custodian else { return Ok(()) };
    let there = ExplorerId::parse(id).map(|id| who::explorer(tx, org, id)).transpose()?.flatten();
    let Some(there) = there.filter(|there| there.revoked_at.is_none()) else { return Ok(()) };
    let (credential, name, url) = (of.id.to_string(), of.name.clone(), of.url.clone());
    let work = KeepWork { credential, name, url, sealed: None };
    match queue::ask(tx, &there, kind::KEEP, &in_words(&work), now.plus_seconds(FORGET_SECONDS), now) {
        Err(ExplorerError::Older { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Which Explorer keeps the secret of a saved credential; nothing if none does.
pub(crate) fn kept_at(tx: &mut Tx<'_>, org: OrgId, credential: CredentialId) -> Result<Option<ExplorerId>, SyncError> {
    let custodian = access::credential(tx, org, credential)?.map(|of| of.custodian);
    let Some(Custodian::Explorer(id)) = custodian else { return Ok(None) };
    Ok(Some(ExplorerId::parse(&id).ok_or(ExplorerError::NoSuch(id))?))
}

/// Where a console is asked from, and with which token.
#[derive(Clone, Debug, Default)]
pub struct At {
    /// The Explorer that it is asked from; this process if none.
    pub explorer: Option<ExplorerId>,
    /// The token, sealed to that Explorer in a browser: nobody here has it.
    pub sealed: Option<String>,
}

/// What stands in the place of a token that is not here.
///
/// # Panics
/// Never: an id is printable.
#[must_use]
pub fn absent(what: &str) -> Token {
    Token::parse(&format!("kept-elsewhere-{what}")).expect("an id is printable and without spaces")
}

/// The way to a console: from here, or through an Explorer, which has the token or gets it sealed.
pub(crate) async fn way(
    place: Place<'_>,
    at: &At,
    credential: Option<CredentialId>,
    console: &Console,
    token: &Token,
    private: bool,
) -> Result<Transport, SyncError> {
    let (org, chosen, sealed) = (place.org, at.explorer, at.sealed.clone());
    let read = place.store.read(move |tx| {
        let kept = credential.map(|id| kept_at(tx, org, id)).transpose()?.flatten();
        let of = kept.or(chosen).map(|id| found(tx, org, id)).transpose()?;
        if let (Some(keeper), Some(other), Some(of)) = (kept, chosen, &of)
            && keeper != other
        {
            return Err(ExplorerError::KeptAt(of.name.clone()).into());
        }
        Ok::<_, SyncError>((kept.is_some(), of))
    });
    let (kept, of) = place.world.outside(read).await?;
    let Some(of) = of else { return Ok(allowed(place.transport, console, private)) };
    let token = match (credential, sealed) {
        (Some(credential), _) if kept => TokenAt::Kept(credential.to_string()),
        (_, Some(sealed)) => TokenAt::Sealed(sealed),
        (_, None) => {
            let public = of.public_key.as_deref().ok_or_else(|| ExplorerError::NotEnrolled(of.name.clone()))?;
            let what = Sealed { url: console.origin(), token: token.expose().to_owned().into() };
            TokenAt::Sealed(explorer::seal::seal(public, &of.id.to_string(), &what).map_err(ExplorerError::from)?)
        }
    };
    Ok(Relay::new(place.store, place.world, org, of.id).transport(token))
}
