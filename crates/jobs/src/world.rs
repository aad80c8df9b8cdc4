//! [`World`]: what a story may ask of its surroundings.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use kernel::{Clock, Random, Timestamp};

use crate::virtual_world::Shared;

/// Clock, sleep, spawn and chance in one argument; clones share one world.
#[derive(Clone)]
pub struct World(Kind);

#[derive(Clone)]
enum Kind {
    Real(Arc<Real>),
    Virtual(Arc<Shared>),
}

struct Real {
    clock: Clock,
    random: Mutex<Random>,
}

/// The time given to [`World::timeout`] ran out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl World {
    /// The world outside tests: the machine's clock, tokio's timers and tasks, chance that nobody can replay.
    ///
    /// Sleeping and spawning must happen inside a tokio runtime.
    #[must_use]
    pub fn real() -> World {
        World::real_with(Clock::System, Random::from_system())
    }

    /// The real world with a given clock and a given source of chance.
    #[must_use]
    pub fn real_with(clock: Clock, random: Random) -> World {
        World(Kind::Real(Arc::new(Real { clock, random: Mutex::new(random) })))
    }

    pub(crate) fn virtual_(shared: Arc<Shared>) -> World {
        World(Kind::Virtual(shared))
    }

    /// This world's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        match &self.0 {
            Kind::Real(real) => &real.clock,
            Kind::Virtual(shared) => shared.clock(),
        }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// A source of chance of its own, split off this world's.
    #[must_use]
    pub fn random(&self) -> Random {
        match &self.0 {
            Kind::Real(real) => {
                let seed = real.random.lock().unwrap_or_else(PoisonError::into_inner).next_u64();
                Random::seeded(seed)
            }
            Kind::Virtual(shared) => shared.fork_random(),
        }
    }

    /// Waits for `duration`.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Kind::Real(_) => tokio::time::sleep(duration).await,
            Kind::Virtual(shared) => Shared::sleep(shared, duration).await,
        }
    }

    /// Waits for `work`, but not longer than `duration`.
    ///
    /// # Errors
    /// The time ran out; `work` was dropped where it stood.
    pub async fn timeout<T>(&self, duration: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        match select(pin!(work), pin!(self.sleep(duration))).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(_) => Err(Elapsed),
        }
    }

    /// Starts `work` beside the caller. Dropping the [`Task`] ends it.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let work = async move {
            // Nobody waits for the answer any more: then nobody misses it.
            let _ = send.send(work.await);
        };
        let end = match &self.0 {
            Kind::Real(_) => End::Real(tokio::spawn(work).abort_handle()),
            Kind::Virtual(shared) => End::Virtual(shared.clone(), shared.spawn(Box::pin(work))),
        };
        Task { receive, end }
    }

    /// Does work that would hold others up, such as reading a long file, on a thread of its own.
    ///
    /// # Panics
    /// The work panicked.
    pub async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (send, receive) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // Nobody waits for the answer any more: then nobody misses it.
            let _ = send.send(work());
        });
        self.outside(receive).await.expect("the work ends by answering, or by a panic")
    }

    /// Waits for a call that another thread answers, such as the store's.
    ///
    /// In a virtual world the call starts after a short virtual wait that chance decides, and the world then stands
    /// still until it has ended: that is what makes a run with database threads replay.
    pub async fn outside<T>(&self, call: impl Future<Output = T>) -> T {
        match &self.0 {
            Kind::Real(_) => call.await,
            Kind::Virtual(shared) => {
                let wait = shared.below(OUTSIDE_WAIT_MAX_MICROS);
                Shared::sleep(shared, Duration::from_micros(wait)).await;
                crate::virtual_world::block_on(call)
            }
        }
    }
}

/// How long a virtual call outside may wait before it starts, so that fetching and storing meet in every order.
pub(crate) const OUTSIDE_WAIT_MAX_MICROS: u64 = 20_000;

/// Work that was started beside its owner: await it for its answer, or drop it to end it.
pub struct Task<T> {
    receive: tokio::sync::oneshot::Receiver<T>,
    end: End,
}

enum End {
    Real(tokio::task::AbortHandle),
    Virtual(Arc<Shared>, u64),
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.receive).poll(cx).map(|answer| answer.expect("a task ends by answering, or by a panic"))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        match &self.end {
            End::Real(handle) => handle.abort(),
            End::Virtual(shared, id) => shared.end(*id),
        }
    }
}
