//! [`Kept`]: what takes long to count in a large estate is counted once for everybody, and says as of when.
//!
//! A page that counts millions of rows would be slow for whoever opens it, and stop all others where many do. So the answer
//! of a large estate is shown for a while, and counted anew beside whoever comes after that. Small estates are counted for
//! every page, so that what somebody has just done is on the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jobs::{Task, World};
use kernel::{OrgId, Timestamp};
use tokio::sync::Semaphore;

use crate::Problem;

/// So long an answer is shown as it is, in seconds.
const FRESH: i64 = 10;
/// So long it is shown while it is counted anew, in seconds; who comes later waits for the new one.
const SHOWN_MAX: i64 = 60;

/// The answers for large estates; at most one an organization.
pub(crate) struct Kept<T> {
    known: Mutex<BTreeMap<OrgId, Known<T>>>,
    /// What counts anew, since a task that nobody holds ends.
    renewals: Mutex<BTreeMap<OrgId, Task<()>>>,
    /// Who counts for all.
    one: Semaphore,
}

enum Known<T> {
    /// Counted for every page.
    Small,
    Large {
        at: Timestamp,
        what: Arc<T>,
        renewing: bool,
    },
}

enum Look<T> {
    Show(Arc<T>),
    ShowAndRenew(Arc<T>),
    /// It is small, so nobody waits for others who count it.
    Count,
    /// Whoever comes first counts.
    Wait,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { known: Mutex::default(), renewals: Mutex::default(), one: Semaphore::new(1) }
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// The answer for an organization: as it is kept, or as `count` says now. It is kept if `is_large` says so.
    pub(crate) async fn get<W>(
        self: &Arc<Self>,
        world: &World,
        org: OrgId,
        is_large: fn(&T) -> bool,
        count: impl Fn() -> W + Send + 'static,
    ) -> Result<Arc<T>, Problem>
    where
        W: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let mut alone = None;
        loop {
            match self.look(org, world.now()) {
                Look::Show(what) => return Ok(what),
                Look::ShowAndRenew(what) => {
                    let (kept, at, counted) = (Arc::clone(self), world.now(), count());
                    let task = world.spawn(async move {
                        match counted.await {
                            Ok(what) => kept.keep(org, at, &Arc::new(what), is_large),
                            Err(_) => kept.not_renewed(org),
                        }
                    });
                    self.renewals.lock().unwrap_or_else(PoisonError::into_inner).insert(org, task);
                    return Ok(what);
                }
                Look::Wait if alone.is_none() => alone = self.one.acquire().await.ok(),
                Look::Wait | Look::Count => {
                    let (at, what) = (world.now(), Arc::new(count().await?));
                    self.keep(org, at, &what, is_large);
                    return Ok(what);
                }
            }
        }
    }

    fn look(&self, org: OrgId, now: Timestamp) -> Look<T> {
        self.with(|known| match known.get_mut(&org) {
            None => Look::Wait,
            Some(Known::Small) => Look::Count,
            Some(Known::Large { at, what, renewing }) => match now.seconds_since(*at) {
                age if age >= SHOWN_MAX => Look::Wait,
                age if age < FRESH || *renewing => Look::Show(Arc::clone(what)),
                _ => {
                    *renewing = true;
                    Look::ShowAndRenew(Arc::clone(what))
                }
            },
        })
    }

    fn keep(&self, org: OrgId, at: Timestamp, what: &Arc<T>, is_large: fn(&T) -> bool) {
        let new = match is_large(what) {
            true => Known::Large { at, what: Arc::clone(what), renewing: false },
            false => Known::Small,
        };
        self.with(|known| known.insert(org, new));
    }

    /// Whoever comes next tries again, and is told why once the old answer is too old.
    fn not_renewed(&self, org: OrgId) {
        self.with(|known| {
            if let Some(Known::Large { renewing, .. }) = known.get_mut(&org) {
                *renewing = false;
            }
        });
    }

    fn with<R>(&self, look: impl FnOnce(&mut BTreeMap<OrgId, Known<T>>) -> R) -> R {
        // A map of answers is whole whoever panicked.
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use jobs::Virtual;

    use super::*;

    const ORG: OrgId = OrgId::DEFAULT;
    /// How long a count takes.
    const LONG: Duration = Duration::from_secs(2);

    /// Counts up from 1, each time for [`LONG`]; what comes after `fails_after` fails.
    struct Counter {
        kept: Arc<Kept<u64>>,
        world: World,
        counted: Arc<AtomicU64>,
        fails_after: u64,
    }

    impl Counter {
        fn new(time: &Virtual, fails_after: u64) -> Counter {
            Counter { kept: Arc::default(), world: time.world(), counted: Arc::default(), fails_after }
        }

        async fn get(&self, is_large: fn(&u64) -> bool) -> Result<u64, Problem> {
            let (world, counted, fails_after) = (self.world.clone(), Arc::clone(&self.counted), self.fails_after);
            let count = move || {
                let (world, counted) = (world.clone(), Arc::clone(&counted));
                async move {
                    let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                    world.sleep(LONG).await;
                    if number > fails_after { Err(Problem::invalid("The database is away.")) } else { Ok(number) }
                }
            };
            self.kept.get(&self.world, ORG, is_large, count).await.map(|number| *number)
        }
    }

    fn time() -> Virtual {
        Virtual::new(Timestamp::from_seconds(1_795_000_000), 1)
    }

    #[test]
    fn a_large_estate_is_counted_once_for_all_who_come_together() {
        let time = time();
        let counter = Counter::new(&time, u64::MAX);
        let (one, other) = time.run(futures_util::future::join(counter.get(|_| true), counter.get(|_| true)));
        assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
    }

    #[test]
    fn an_old_answer_is_shown_while_it_is_counted_anew_and_a_very_old_one_is_not() {
        let time = time();
        let counter = Counter::new(&time, u64::MAX);
        time.run(async {
            let world = counter.world.clone();
            let after = async |seconds: i64| {
                world.sleep(Duration::from_secs(seconds.unsigned_abs())).await;
                let (began, number) = (world.now(), counter.get(|_| true).await.unwrap());
                (number, world.now().seconds_since(began))
            };
            assert_eq!(after(0).await, (1, 2), "the first waits");
            assert_eq!(after(FRESH - 3).await, (1, 0));
            assert_eq!(after(3).await, (1, 0), "counted anew beside");
            assert_eq!(after(1).await, (1, 0), "once");
            assert_eq!(after(2).await, (2, 0), "and shown to whoever comes next");
            assert_eq!(counter.counted.load(Ordering::SeqCst), 2);
            assert_eq!(after(SHOWN_MAX).await, (3, 2), "who comes after a long time waits");
        });
    }

    #[test]
    fn a_small_estate_is_counted_for_every_page() {
        let time = time();
        let counter = Counter::new(&time, u64::MAX);
        let all = time.run(async { [counter.get(|_| false).await.unwrap(), counter.get(|_| false).await.unwrap()] });
        assert_eq!(all, [1, 2]);
    }

    #[test]
    fn a_count_that_fails_is_tried_again_and_told_once_the_old_answer_is_too_old() {
        let time = time();
        let counter = Counter::new(&time, 1);
        time.run(async {
            assert_eq!(counter.get(|_| true).await.unwrap(), 1);
            for tries in 2..4 {
                counter.world.sleep(Duration::from_secs(FRESH.unsigned_abs())).await;
                assert_eq!(counter.get(|_| true).await.unwrap(), 1);
                counter.world.sleep(LONG).await;
                assert_eq!(counter.counted.load(Ordering::SeqCst), tries);
            }
            counter.world.sleep(Duration::from_secs(SHOWN_MAX.unsigned_abs())).await;
            assert_eq!(counter.get(|_| true).await.unwrap_err().detail(), "The database is away.");
        });
    }
}
