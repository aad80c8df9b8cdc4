//! Fetching: one request until it brings a page, or until waiting no longer helps.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jobs::World;
use kernel::Random;
use sentinelone::{ApiError, Client, Endpoint, Failure, Form, Page, Request, TransportError};

use crate::rate::Budget;
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
                self.budget().answered();
            }
            // Anything but a 429 says that the console takes requests again.
            Err(error) if error.status().is_some_and(|status| status != 429) => self.budget().answered(),
            Err(_) => {}
        }
        answer
    }

    fn decide(&self, trouble: &Trouble, tries: &mut Tries, with_cursor: bool) -> Step {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        decide(trouble, tries, with_cursor, &mut random)
    }

    async fn pause(&self, trouble: &Trouble, endpoint: Endpoint, tries: &Tries, wait: Duration) {
        if let Trouble::Throttled { .. } = trouble {
            self.budget().throttled(endpoint.family(), wait, self.world.now());
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
            | TransportError::ConnectTimeout { .. },
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
