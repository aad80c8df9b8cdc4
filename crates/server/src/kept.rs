//! [`Kept`]: what takes long to count in a large estate is counted once for everybody, and says as of when.
//!
//! A page that counts millions of rows would be slow for whoever opens it, and stop all others where many do. So the answer
//! of a large estate is shown for a while, and counted anew beside whoever comes after that. Small estates are counted for
//! every page, so that what somebody has just done is on the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jobs::{Task, World};
use kernel::Timestamp;
use tokio::sync::Semaphore;

use crate::Problem;

/// Rows from which on an estate is large: below it, counting takes milliseconds.
pub const LARGE: u64 = 100_000;

/// So long an answer is shown as it is, in seconds: at least, at most, and between these in proportion to what counting it
/// took, so that no question that people keep open has the machine count for more than a twentieth of the time.
const FRESH_MIN: i64 = 10;
const FRESH_MAX: i64 = 300;
const FRESH_TIMES: i64 = 20;
/// So much longer it is shown while it is counted anew, in seconds; who comes later waits for the new one.
const STALE_MAX: i64 = 50;
/// Answers at once, of all organizations and questions; the oldest makes way.
const KEPT_MAX: usize = 256;

/// The answers for large estates, by what was asked of whom.
pub(crate) struct Kept<K, T> {
    /// Rows that an answer was counted of, and from how many on it is kept.
    rows: fn(&T) -> u64,
    large: u64,
    known: Mutex<BTreeMap<K, Known<T>>>,
    /// What counts anew, since a task that nobody holds ends.
    renewals: Mutex<BTreeMap<K, Task<()>>>,
    /// Who counts for all.
    one: Semaphore,
}

enum Known<T> {
    /// Counted for every page.
    Small,
    Large {
        at: Timestamp,
        what: Arc<T>,
        /// How long it is shown as it is, in seconds.
        fresh: i64,
        renewing: bool,
    },
}

impl<T> Known<T> {
    fn since(&self) -> Option<Timestamp> {
        match self {
            Known::Small => None,
            Known::Large { at, .. } => Some(*at),
        }
    }
}

enum Look<T> {
    Show(Arc<T>),
    ShowAndRenew(Arc<T>),
    /// It is small, so nobody waits for others who count it.
    Count,
    /// Whoever comes first counts.
    Wait,
}

impl<K: Clone + Ord + Send + Sync + 'static, T: Send + Sync + 'static> Kept<K, T> {
    /// Nothing yet. Answers are kept that were counted of `large` rows or more, as `rows` says.
    pub(crate) fn new(rows: fn(&T) -> u64, large: u64) -> Arc<Kept<K, T>> {
        Arc::new(Kept { rows, large, known: Mutex::default(), renewals: Mutex::default(), one: Semaphore::new(1) })
    }

    /// The answer to a question: as it is kept, or as `count` says now, for all who wait at once.
    pub(crate) async fn get<W>(
        self: &Arc<Self>,
        world: &World,
        key: &K,
        count: impl Fn() -> W + Send + 'static,
    ) -> Result<Arc<T>, Problem>
    where
        W: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let mut alone = None;
        loop {
            match self.look(key, world.now()) {
                Look::Show(what) => return Ok(what),
                Look::ShowAndRenew(what) => {
                    self.renew(world, key, count());
                    return Ok(what);
                }
                Look::Wait if alone.is_none() => alone = self.one.acquire().await.ok(),
                Look::Wait | Look::Count => {
                    let (at, what) = (world.now(), Arc::new(count().await?));
                    self.keep(key, (at, world.now()), &what);
                    return Ok(what);
                }
            }
        }
    }

    /// The answer to a question if it is kept; `count` counts it anew beside whoever asks once it is not fresh any more.
    pub(crate) fn shown<W>(self: &Arc<Self>, world: &World, key: &K, count: impl FnOnce() -> W) -> Option<Arc<T>>
    where
        W: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        match self.look(key, world.now()) {
            Look::Show(what) => Some(what),
            Look::ShowAndRenew(what) => {
                self.renew(world, key, count());
                Some(what)
            }
            Look::Count | Look::Wait => None,
        }
    }

    /// Keeps an answer that was counted between two instants, if it is that of a large estate.
    pub(crate) fn keep(&self, key: &K, (at, until): (Timestamp, Timestamp), what: &Arc<T>) {
        let took = until.micros().saturating_sub(at.micros());
        let fresh = (took.saturating_mul(FRESH_TIMES) / 1_000_000).clamp(FRESH_MIN, FRESH_MAX);
        let new = match (self.rows)(what) >= self.large {
            true => Known::Large { at, what: Arc::clone(what), fresh, renewing: false },
            false => Known::Small,
        };
        let gone = self.with(|known| {
            known.insert(key.clone(), new);
            let oldest = known.iter().filter(|(other, _)| *other != key).min_by_key(|(_, one)| one.since());
            let gone = oldest.filter(|_| known.len() > KEPT_MAX).map(|(other, _)| other.clone());
            if let Some(gone) = &gone {
                known.remove(gone);
            }
            gone
        });
        if let Some(gone) = gone {
            self.renewals.lock().unwrap_or_else(PoisonError::into_inner).remove(&gone);
        }
    }

    fn renew(
        self: &Arc<Self>,
        world: &World,
        key: &K,
        count: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) {
        let (kept, time, of, at) = (Arc::clone(self), world.clone(), key.clone(), world.now());
        let task = world.spawn(async move {
            match count.await {
                Ok(what) => kept.keep(&of, (at, time.now()), &Arc::new(what)),
                Err(_) => kept.not_renewed(&of),
            }
        });
        self.renewals.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), task);
    }

    fn look(&self, key: &K, now: Timestamp) -> Look<T> {
        self.with(|known| match known.get_mut(key) {
            None => Look::Wait,
            Some(Known::Small) => Look::Count,
            Some(Known::Large { at, what, fresh, renewing }) => match now.seconds_since(*at) {
                age if age >= *fresh + STALE_MAX => Look::Wait,
                age if age < *fresh || *renewing => Look::Show(Arc::clone(what)),
                _ => {
                    *renewing = true;
                    Look::ShowAndRenew(Arc::clone(what))
                }
            },
        })
    }

    /// Whoever comes next tries again, and is told why once the old answer is too old.
    fn not_renewed(&self, key: &K) {
        self.with(|known| {
            if let Some(Known::Large { renewing, .. }) = known.get_mut(key) {
                *renewing = false;
            }
        });
    }

    fn with<R>(&self, look: impl FnOnce(&mut BTreeMap<K, Known<T>>) -> R) -> R {
        // A map of answers is whole whoever panicked.
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use jobs::Virtual;
    use kernel::OrgId;

    use super::*;

    const ORG: OrgId = OrgId::DEFAULT;
    /// How long a count takes, in seconds, and so how long its answer is fresh.
    const LONG: i64 = 2;
    const FRESH: i64 = LONG * FRESH_TIMES;

    /// Counts up from 1, each time for [`LONG`]; what comes after `fails_after` fails.
    struct Counter {
        kept: Arc<Kept<OrgId, u64>>,
        world: World,
        counted: Arc<AtomicU64>,
        fails_after: u64,
    }

    impl Counter {
        fn new(time: &Virtual, (large, fails_after): (u64, u64)) -> Counter {
            Counter {
                kept: Kept::new(|number| *number, large),
                world: time.world(),
                counted: Arc::default(),
                fails_after,
            }
        }

        async fn get(&self) -> Result<u64, Problem> {
            let (world, counted, fails_after) = (self.world.clone(), Arc::clone(&self.counted), self.fails_after);
            let count = move || {
                let (world, counted) = (world.clone(), Arc::clone(&counted));
                async move {
                    let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                    world.sleep(Duration::from_secs(LONG.unsigned_abs())).await;
                    if number > fails_after { Err(Problem::invalid("The database is away.")) } else { Ok(number) }
                }
            };
            self.kept.get(&self.world, &ORG, count).await.map(|number| *number)
        }
    }

    fn time() -> Virtual {
        Virtual::new(Timestamp::from_seconds(1_795_000_000), 1)
    }

    #[test]
    fn a_large_estate_is_counted_once_for_all_who_come_together() {
        let time = time();
        let counter = Counter::new(&time, (0, u64::MAX));
        let (one, other) = time.run(futures_util::future::join(counter.get(), counter.get()));
        assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
    }

    #[test]
    fn an_old_answer_is_shown_while_it_is_counted_anew_and_a_very_old_one_is_not() {
        let time = time();
        let counter = Counter::new(&time, (0, u64::MAX));
        time.run(async {
            let world = counter.world.clone();
            let after = async |seconds: i64| {
                world.sleep(Duration::from_secs(seconds.unsigned_abs())).await;
                let (began, number) = (world.now(), counter.get().await.unwrap());
                (number, world.now().seconds_since(began))
            };
            assert_eq!(after(0).await, (1, 2), "the first waits");
            assert_eq!(after(FRESH - 3).await, (1, 0));
            assert_eq!(after(3).await, (1, 0), "counted anew beside");
            assert_eq!(after(1).await, (1, 0), "once");
            assert_eq!(after(2).await, (2, 0), "and shown to whoever comes next");
            assert_eq!(counter.counted.load(Ordering::SeqCst), 2);
            assert_eq!(after(FRESH + STALE_MAX).await, (3, 2), "who comes after a long time waits");
        });
    }

    #[test]
    fn a_small_estate_is_counted_for_every_page() {
        let time = time();
        let counter = Counter::new(&time, (u64::MAX, u64::MAX));
        let all = time.run(async { [counter.get().await.unwrap(), counter.get().await.unwrap()] });
        assert_eq!(all, [1, 2]);
    }

    #[test]
    fn a_count_that_fails_is_tried_again_and_told_once_the_old_answer_is_too_old() {
        let time = time();
        let counter = Counter::new(&time, (0, 1));
        time.run(async {
            assert_eq!(counter.get().await.unwrap(), 1);
            for tries in 2..4 {
                counter.world.sleep(Duration::from_secs(FRESH.unsigned_abs())).await;
                assert_eq!(counter.get().await.unwrap(), 1);
                counter.world.sleep(Duration::from_secs(LONG.unsigned_abs())).await;
                assert_eq!(counter.counted.load(Ordering::SeqCst), tries);
            }
            counter.world.sleep(Duration::from_secs((FRESH + STALE_MAX).unsigned_abs())).await;
            assert_eq!(counter.get().await.unwrap_err().detail(), "The database is away.");
        });
    }

    #[test]
    fn only_so_many_answers_are_kept_and_the_oldest_makes_way() {
        let time = time();
        let kept: Arc<Kept<usize, usize>> = Kept::new(|_| 1, 1);
        let world = time.world();
        let at = world.now();
        for number in 0..=KEPT_MAX {
            let at = at.plus_seconds(i64::try_from(number).unwrap());
            kept.keep(&number, (at, at), &Arc::new(number));
        }
        let shown = |number: usize| kept.shown(&world, &number, || async { Ok(0) }).map(|number| *number);
        assert_eq!([0, 1, KEPT_MAX].map(shown), [None, Some(1), Some(KEPT_MAX)]);
    }
}
