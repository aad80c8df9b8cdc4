//! Enrolling, and asking for work until somebody says stop.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::select;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jobs::World;
use kernel::{Secret, Timestamp};
use sentinelone::Transport;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::keeper::{Keeper, KeeperError, State};
use crate::link::{Link, LinkError};
use crate::seal::KeyPair;
use crate::wire::{About, ConsoleAnswer, Enrol, Enrolled, Failed, Poll, Polled, Register, Registered, Work, kind};
use crate::work;

/// How much an Explorer does at once.
pub const WORK_AT_ONCE: usize = 8;
/// The first wait after the line was cut; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest wait between two tries to reach the server.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often a wait doubles.
const PAUSE_DOUBLINGS_MAX: u32 = 5;

/// An Explorer that has enrolled.
#[derive(Clone)]
pub struct Explorer {
    /// Clock, sleep and chance.
    pub world: World,
    /// The line to the server.
    pub link: Link,
    /// What it remembers.
    pub keeper: Keeper,
    /// Who it is.
    pub state: State,
    /// How consoles are reached from here.
    pub transport: Transport,
    /// What it says of itself, with every kind of work that it knows.
    pub about: About,
    /// Further kinds of work, done by whoever runs it.
    pub more: Vec<(&'static str, Job)>,
}

/// Does work of one kind: takes its payload, and answers what it says and the bytes beside it.
pub type Job = Arc<dyn Fn(Value) -> BoxFuture<'static, (Value, Bytes)> + Send + Sync>;

/// Why an Explorer ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server does not let it in (any more), or is none.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Its folder cannot be used.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

/// Enrols with a one-time token: makes the pair of keys, and remembers who it is. It replaces who it was before.
///
/// # Errors
/// The server cannot be reached or refuses, or the folder cannot be written.
pub async fn enrol(
    link: &Link,
    keeper: &Keeper,
    ticket: &Secret,
    about: &About,
    ca_pem: String,
) -> Result<State, RunError> {
    let keys = KeyPair::fresh();
    let order = Enrol { ticket: ticket.expose().to_owned(), public_key: keys.public(), about: about.clone() };
    let Enrolled { explorer, name, org, token } = link.ask("/enrol", None, &order).await?;
    let state = State {
        server: link.origin().to_owned(),
        explorer,
        name,
        org,
        token: Zeroizing::new(token),
        ca_pem,
        private_key: keys.private(),
    };
    keeper.remember(&state)?;
    Ok(state)
}

/// Tells the server of a token that was typed here, without the token; answers the id to keep it under.
///
/// # Errors
/// The server cannot be reached or refuses.
pub async fn register(link: &Link, state: &State, order: &Register) -> Result<String, LinkError> {
    let token = Secret::new(state.token.to_string());
    Ok(link.ask::<Registered>("/credentials", Some(&token), order).await?.credential)
}

/// Asks for work and does it, until `stop` resolves or the server says that this Explorer is not wanted any more. A line that
/// is cut is tried again, more and more slowly, for as long as it takes; `tell` hears of it.
///
/// # Errors
/// The server refuses this Explorer.
pub async fn run(of: &Explorer, stop: impl Future<Output = ()>, tell: &(dyn Fn(&str) + Sync)) -> Result<(), RunError> {
    let mut stop = pin!(stop.fuse());
    let mut running: FuturesUnordered<BoxFuture<'_, i64>> = FuturesUnordered::new();
    let mut holding: BTreeSet<i64> = BTreeSet::new();
    let mut failures: u32 = 0;
    let mut told_cut = false;
    let mut greeted = false;
    loop {
        if holding.len() >= WORK_AT_ONCE {
            select! {
                done = running.select_next_some() => holding.remove(&done),
                () = stop => return Ok(()),
            };
            continue;
        }
        let poll = Poll {
            about: of.about.clone(),
            holding: holding.iter().copied().collect(),
            // The first question after a while is only whether the server is there, so that somebody hears that it is.
            room: if greeted && !told_cut { WORK_AT_ONCE - holding.len() } else { 0 },
        };
        let token = of.token();
        let mut polling = pin!(of.link.ask::<Polled>("/poll", Some(&token), &poll).fuse());
        let polled = loop {
            select! {
                polled = polling => break polled,
                done = running.select_next_some() => { holding.remove(&done); }
                () = stop => return Ok(()),
            }
        };
        match polled {
            Ok(polled) => {
                if told_cut || !greeted {
                    let again = if told_cut { " again" } else { "" };
                    tell(&format!("connected{again} to {} as {}", of.link.origin(), polled.name));
                }
                (failures, told_cut, greeted) = (0, false, true);
                for work in polled.work {
                    if holding.insert(work.id) {
                        running.push(of.work(work).boxed());
                    }
                }
            }
            Err(error) if error.is_final() => return Err(error.into()),
            Err(error) => {
                let wait = of.pause(failures);
                failures += 1;
                if !told_cut {
                    tell(&format!("{error}; trying again until it works"));
                    told_cut = true;
                }
                let mut waiting = pin!(of.world.sleep(wait).fuse());
                loop {
                    select! {
                        () = waiting => break,
                        done = running.select_next_some() => { holding.remove(&done); }
                        () = stop => return Ok(()),
                    }
                }
            }
        }
    }
}

impl Explorer {
    fn token(&self) -> Secret {
        Secret::new(self.state.token.to_string())
    }

    /// How long to wait after so many failures in a row: doubled each time, and up to half as long again by chance, so that
    /// many Explorers do not come back at one moment.
    fn pause(&self, failures: u32) -> Duration {
        let wait = (PAUSE_MIN * (1 << failures.min(PAUSE_DOUBLINGS_MAX))).min(PAUSE_MAX);
        wait.mul_f64(1.0 + self.world.random().unit() / 2.0)
    }

    /// Does a piece of work and sends the answer; answers its number.
    async fn work(&self, work: Work) -> i64 {
        let until = self.world.now().plus_seconds(work.seconds_left.max(0));
        let id = work.id;
        let (says, body) = match work.kind.as_str() {
            kind::CONSOLE => {
                let (answer, body) = work::console(&self.keeper, &self.state, &self.transport, work.payload).await;
                (serde_json::to_vec(&answer), body)
            }
            kind::KEEP => (serde_json::to_vec(&work::keep(&self.keeper, &self.state, work.payload)), Bytes::new()),
            other => match self.more.iter().find(|(known, _)| *known == other) {
                Some((_, job)) => {
                    let (says, body) = job(work.payload).await;
                    (serde_json::to_vec(&says), body)
                }
                None => (serde_json::to_vec(&ConsoleAnswer::Unknown), Bytes::new()),
            },
        };
        if let Ok(says) = says {
            self.deliver(id, says, body, until).await;
        }
        id
    }

    /// Sends an answer, again and again while somebody waits for it.
    async fn deliver(&self, id: i64, mut says: Vec<u8>, mut body: Bytes, until: Timestamp) {
        let token = self.token();
        for failures in 0.. {
            match self.link.answer(id, &token, &says, body.clone()).await {
                // It does not fit the line: then less has to be asked for.
                Err(LinkError::Refused { status: 408 | 413 | 504, .. }) if !body.is_empty() => {
                    let size = body.len();
                    let failed = Failed { what: "too_large".to_owned(), reason: String::new(), number: size as u64 };
                    says = serde_json::to_vec(&ConsoleAnswer::Failed(failed)).unwrap_or_default();
                    body = Bytes::new();
                }
                Err(LinkError::Cut(_) | LinkError::Strange | LinkError::Refused { status: 429 | 500.., .. }) => {}
                _ => return,
            }
            if self.world.now() >= until {
                return;
            }
            self.world.sleep(self.pause(failures)).await;
        }
    }
}
