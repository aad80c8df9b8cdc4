//! Fetching: one request until it brings a page, or until waiting no longer helps.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jobs::World;
use kernel::{IntegrationId, OrgId, Random};
use sentinelone::{ApiError, Client, Endpoint, Failure, Form, Page, Request, TransportError};
use store::{Store, StoreError};

use crate::rate::Budget;
use crate::refusal;
use crate::verdict::{Lasting, Step, Tries, Trouble, decide};

/// One integration's way to its console during a pass.
pub struct Fetcher<'a> {
    /// The console and the token.
    pub client: Client,
    /// Clock, sleep and chance.
    pub world: &'a World,
    /// What this token may send; shared with other integrations of the same console and token.
    pub budget: &'a Mutex<Budget>,
    /// Chance for waits.
    pub random: Mutex<Random>,
    /// Told before each wait.
    pub waiting: &'a (dyn Fn(Wait<'_>) + Sync),
    /// Where it is written down that the console asked for patience.
    pub notes: Notes<'a>,
}

/// What other processes have to know of a console that asks for patience.
pub struct Notes<'a> {
    store: &'a Store,
    org: OrgId,
    id: IntegrationId,
    /// Whether something is written down.
    noted: AtomicBool,
}

impl<'a> Notes<'a> {
    /// Reads what was written down, and tells the budget.
    ///
    /// # Errors
    /// The database fails.
    pub async fn recalled(
        store: &'a Store,
        world: &World,
        (org, id): (OrgId, IntegrationId),
        budget: &Mutex<Budget>,
    ) -> Result<Notes<'a>, StoreError> {
        let known = world.outside(store.read(move |tx| refusal::read(tx, org, id))).await?;
        if let Some(known) = known {
            budget.lock().unwrap_or_else(PoisonError::into_inner).recall(known, world.now());
        }
        Ok(Notes { store, org, id, noted: AtomicBool::new(known.is_some()) })
    }
}

/// A wait that is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// Why, in words.
    pub reason: &'a str,
    /// For how long.
    pub wait: Duration,
    /// Which try failed, from 1.
    pub attempt: u32,
}

/// What one stream cost so far.
#[derive(Debug, Default)]
pub struct Meter {
    /// Requests sent.
    pub requests: AtomicU64,
    /// Bytes received.
    pub bytes: AtomicU64,
    /// True for what waits while anything else has something to ask: enrichment and history.
    pub low: bool,
}

/// Why a request brought no page, and what that means for the stream or the integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The cursor is no good.
    LoseCursor(String),
    /// The answer is larger than we read.
    TooLarge(String),
    /// The token may not read this.
    Refused(String),
    /// The console does not have this.
    NotOffered(String),
    /// The console refuses the token itself.
    TokenRefused(String),
    /// The token may not even read its own user.
    TokenPowerless(String),
    /// Waiting did not help.
    Lasting(Lasting, String),
}

/// Whether an answer is a list by its form alone: neither a cursor nor a count, and something in it that is no record.
fn is_nonsense(page: &Page) -> bool {
    let unpaged = page.next_cursor.is_none() && page.total_items.is_none();
    unpaged && (0..page.len()).any(|place| page.flaw(place).is_some())
}

impl Fetcher<'_> {
    /// Fetches one page; `cursor` is where the page before ended.
    ///
    /// # Errors
    /// See [`Problem`]; what passes by itself has passed by then.
    pub async fn page(&self, meter: &Meter, request: &Request, cursor: Option<&str>) -> Result<Page, Problem> {
        let mut tries = Tries::default();
        loop {
            if let Some(left) = self.budget().broken(self.world.now()) {
                let why =
                    format!("the console keeps asking for fewer requests (429); {} s are left", left.as_secs() + 1);
                return Err(Problem::Lasting(Lasting::Throttled, why));
            }
            let error = match self.send(meter, request, cursor).await {
                Ok(page) if page.data_was_null => {
                    Trouble::Misshapen("the console sent null in place of records".into())
                }
                // Counted as records, such rows would stand for real ones that the page did not bring.
                Ok(page) if is_nonsense(&page) => Trouble::Misshapen("the console sent a list that is no page".into()),
                Ok(page) => return Ok(page),
                Err(error) => trouble(&error),
            };
            match self.decide(&error, &mut tries, cursor.is_some()) {
                Step::Again(wait) => self.pause(&error, request.endpoint(), &tries, wait).await,
                Step::ConfirmToken(why) => return Err(self.confirm_token(meter, why).await),
                Step::LoseCursor(why) => return Err(Problem::LoseCursor(why)),
                Step::Halve(why) => return Err(Problem::TooLarge(why)),
                Step::Refused(why) => return Err(Problem::Refused(why)),
                Step::NotOffered(why) => return Err(Problem::NotOffered(why)),
                Step::GiveUp(lasting, why) => return Err(Problem::Lasting(lasting, why)),
            }
        }
    }

    /// A 401 came: asks `GET /user` whether the token itself is meant. Some services answer 401 where only a permission
    /// is missing.
    async fn confirm_token(&self, meter: &Meter, why: String) -> Problem {
        let request = Request::user();
        let mut tries = Tries::default();
        loop {
            let error = match self.send(meter, &request, None).await {
                Ok(_) => return Problem::NotOffered(format!("{why}; the token itself still works")),
                Err(error) => trouble(&error),
            };
            match self.decide(&error, &mut tries, false) {
                Step::Again(wait) => self.pause(&error, request.endpoint(), &tries, wait).await,
                Step::ConfirmToken(why) => return Problem::TokenRefused(why),
                Step::Refused(why) | Step::NotOffered(why) => return Problem::TokenPowerless(why),
                Step::GiveUp(lasting, why) => return Problem::Lasting(lasting, why),
                Step::LoseCursor(why) | Step::Halve(why) => return Problem::Lasting(Lasting::NoStream, why),
            }
        }
    }

    async fn send(&self, meter: &Meter, request: &Request, cursor: Option<&str>) -> Result<Page, ApiError> {
        let family = request.endpoint().family();
        loop {
            let wait = if meter.low { self.budget().spare(self.world.now()) } else { Duration::ZERO };
            if wait.is_zero() {
                break;
            }
            self.world.sleep(wait).await;
        }
        let wait = self.budget().take(family, self.world.now());
        if !wait.is_zero() {
            self.world.sleep(wait).await;
        }
        meter.requests.fetch_add(1, Ordering::Relaxed);
        let answer = self.client.page(request, cursor).await;
        match &answer {
            Ok(page) => {
                meter.bytes.fetch_add(page.wire_bytes, Ordering::Relaxed);
                self.answered().await;
            }
            // Anything but a 429 says that the console takes requests again.
            Err(error) if error.status().is_some_and(|status| status != 429) => self.answered().await,
            Err(_) => {}
        }
        answer
    }

    /// The console took a request: what was written down of its patience is over.
    async fn answered(&self) {
        self.budget().answered(self.world.now());
        if self.notes.noted.swap(false, Ordering::Relaxed) {
            let Notes { store, org, id, .. } = self.notes;
            self.noted(self.world.outside(store.write(move |tx| refusal::forget(tx, org, id))).await);
        }
    }

    /// The console asked for patience: whoever asks it next has to know, even if this process is gone by then.
    async fn throttled(&self, endpoint: Endpoint, wait: Duration) {
        let now = self.world.now();
        let refusal = {
            let mut budget = self.budget();
            budget.throttled(endpoint.family(), wait, now);
            budget.refusal(now)
        };
        if let Some(refusal) = refusal {
            self.notes.noted.store(true, Ordering::Relaxed);
            let Notes { store, org, id, .. } = self.notes;
            self.noted(self.world.outside(store.write(move |tx| refusal::write(tx, org, id, refusal))).await);
        }
    }

    /// A note that could not be written costs a few requests; the page that is stored next says what is the matter.
    fn noted(&self, outcome: Result<(), StoreError>) {
        if let Err(error) = outcome {
            tracing::warn!(%error, "That a console asked for patience could not be written down: {error}");
        }
    }

    fn decide(&self, trouble: &Trouble, tries: &mut Tries, with_cursor: bool) -> Step {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        decide(trouble, tries, with_cursor, &mut random)
    }

    async fn pause(&self, trouble: &Trouble, endpoint: Endpoint, tries: &Tries, wait: Duration) {
        if let Trouble::Throttled { .. } = trouble {
            self.throttled(endpoint, wait).await;
        }
        let reason = match trouble {
            Trouble::Throttled { .. } => "the console asks for fewer requests (429)",
            Trouble::NoAnswer(why) | Trouble::Passing(why) => why,
            _ => "the console gave no page",
        };
        (self.waiting)(Wait { reason, wait, attempt: tries.failed + tries.throttled });
        self.world.sleep(wait).await;
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sorts what can go wrong by what the engine does about it.
#[must_use]
pub fn trouble(error: &ApiError) -> Trouble {
    let why = error.to_string();
    match error.failure() {
        Failure::Transport(TransportError::TooLarge { .. }) => Trouble::TooLarge(why),
        Failure::Transport(
            TransportError::Dns
            | TransportError::Refused
            | TransportError::Tls { .. }
            | TransportError::ConnectTimeout { .. }
            | TransportError::Relay { .. },
        ) => Trouble::NoAnswer(why),
        Failure::Transport(_) | Failure::NotAConsole { .. } | Failure::Unreadable { .. } => Trouble::Passing(why),
        Failure::Shape { .. } => Trouble::Misshapen(why),
        Failure::RepeatedCursor => Trouble::RepeatedCursor,
        Failure::Status(answer) => match answer.status {
            200..300 if answer.is_bad_cursor() => Trouble::Rejected(why),
            200..300 | 408 => Trouble::Passing(why),
            429 => Trouble::Throttled { retry_after: answer.retry_after },
            401 => Trouble::Unauthorized(why),
            403 => Trouble::Forbidden(why),
            404 if matches!(answer.form, Form::Errors | Form::Message) => Trouble::Absent(why),
            501 => Trouble::NotSupported(why),
            404 | 500..600 => Trouble::Passing(why),
            400..500 => Trouble::Rejected(why),
            _ => Trouble::Passing(why),
        },
        _ => Trouble::Ours(why),
    }
}
