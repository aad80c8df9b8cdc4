//! Enrolling, and asking for work until somebody says stop.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{AbortHandle, Abortable, BoxFuture, FutureExt as _, join_all};
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
use crate::wire::{
    About, ConsoleAnswer, Enrol, Enrolled, Failed, POLL_TIME, Poll, Polled, Register, Registered, Work, kind,
};
use crate::work;

/// How much an Explorer does at once.
pub const WORK_AT_ONCE: usize = 8;
/// The first wait after the line was cut; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest wait between two tries to reach the server.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long saying what was cut off takes at most, when it is told to end.
const FAREWELL_TIME: Duration = Duration::from_secs(3);
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
    pub more: Vec<More>,
}

/// A further kind of work.
#[derive(Clone)]
pub struct More {
    /// Its word.
    pub kind: &'static str,
    /// How it is done. Dropped where nobody waits for it any more, so what it started must end with it.
    pub job: Job,
    /// What is answered when the Explorer is told to end in the middle of it; without that it is asked for again.
    pub cut_off: Option<Value>,
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
/// is cut is tried again, more and more slowly, for as long as it takes; `tell` hears of it. Work that nobody waits for any
/// more is let go of; and so is all of it at the end, where the server is told of what is not to be asked for again.
///
/// # Errors
/// The server refuses this Explorer.
pub async fn run(of: &Explorer, stop: impl Future<Output = ()>, tell: &(dyn Fn(&str) + Sync)) -> Result<(), RunError> {
    let mut holding = Holding::new();
    let outcome = work_until(of, stop, &mut holding, tell).await;
    if outcome.is_ok() {
        of.farewell(&holding).await;
    }
    outcome
}

/// What is in hand, by its number: what is answered if it is cut off, and how it is let go of.
type Holding = BTreeMap<i64, (Option<Value>, AbortHandle)>;

async fn work_until(
    of: &Explorer,
    stop: impl Future<Output = ()>,
    holding: &mut Holding,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(), RunError> {
    let mut stop = pin!(stop.fuse());
    let mut running: FuturesUnordered<BoxFuture<'_, i64>> = FuturesUnordered::new();
    let mut failures: u32 = 0;
    let mut told_cut = false;
    let mut greeted = false;
    loop {
        // With its hands full it is answered at once, and is still to be heard of, and to hear what was withdrawn.
        if holding.len() >= WORK_AT_ONCE {
            let mut waiting = pin!(of.world.sleep(POLL_TIME).fuse());
            select! {
                () = waiting => {}
                done = running.select_next_some() => { holding.remove(&done); }
                () = stop => return Ok(()),
            }
        }
        let poll = Poll {
            about: of.about.clone(),
            holding: holding.keys().copied().collect(),
            // The first question after a while is only whether the server is there, so that somebody hears that it is.
            room: if greeted && !told_cut { WORK_AT_ONCE.saturating_sub(holding.len()) } else { 0 },
            lets_go: true,
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
                for (_, let_go) in polled.withdrawn.iter().filter_map(|id| holding.remove(id)) {
                    let_go.abort();
                }
                for work in polled.work {
                    if holding.contains_key(&work.id) {
                        continue;
                    }
                    let (id, (let_go, heard)) = (work.id, AbortHandle::new_pair());
                    holding.insert(id, (of.more_of(&work.kind).and_then(|more| more.cut_off.clone()), let_go));
                    running.push(Box::pin(async move {
                        let _ = Abortable::new(of.work(work), heard).await;
                        id
                    }));
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

    fn more_of(&self, kind: &str) -> Option<&More> {
        self.more.iter().find(|more| more.kind == kind)
    }

    /// Tells the server what was cut off and is not to be asked for again; once, and not for long.
    async fn farewell(&self, holding: &Holding) {
        let token = self.token();
        let say = |(id, (said, _)): (&i64, &(Option<Value>, AbortHandle))| {
            let says = serde_json::to_vec(said.as_ref()?).ok()?;
            let (id, token) = (*id, &token);
            Some(async move { self.link.answer(id, token, &says, Bytes::new()).await })
        };
        // Who does not hear it waits until the deadline, as for one that lost its power.
        let _ = self.world.timeout(FAREWELL_TIME, join_all(holding.iter().filter_map(say))).await;
    }

    /// Does a piece of work and sends the answer.
    async fn work(&self, work: Work) {
        let until = self.world.now().plus_seconds(work.seconds_left.max(0));
        let id = work.id;
        let (says, body) = match work.kind.as_str() {
            kind::CONSOLE => {
                let (answer, body) = work::console(&self.keeper, &self.state, &self.transport, work.payload).await;
                (serde_json::to_vec(&answer), body)
            }
            kind::KEEP => (serde_json::to_vec(&work::keep(&self.keeper, &self.state, work.payload)), Bytes::new()),
            other => match self.more_of(other) {
                Some(more) => {
                    let (says, body) = (more.job)(work.payload).await;
                    (serde_json::to_vec(&says), body)
                }
                None => (serde_json::to_vec(&ConsoleAnswer::Unknown), Bytes::new()),
            },
        };
        if let Ok(says) = says {
            self.deliver(id, says, body, until).await;
        }
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
                Err(LinkError::Cut(_) | LinkError::Strange | LinkError::Refused { status: 408 | 429 | 500.., .. }) => {}
                _ => return,
            }
            if self.world.now() >= until {
                return;
            }
            self.world.sleep(self.pause(failures)).await;
        }
    }
}
