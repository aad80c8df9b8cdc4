//! [`Virtual`]: a single-threaded world with its own clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use kernel::{Clock, Random, Timestamp};

use crate::World;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The story that [`Virtual::run`] was given; spawned tasks count from 1.
const ROOT: u64 = 0;

/// A world whose time is a number: it runs on the caller's thread, and a seed replays every turn of it.
pub struct Virtual {
    shared: Arc<Shared>,
}

impl Virtual {
    /// A world that begins at `start` and draws its chance from `seed`.
    #[must_use]
    pub fn new(start: Timestamp, seed: u64) -> Virtual {
        let state = State {
            ready: VecDeque::new(),
            timers: BinaryHeap::new(),
            wakers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            next_task: ROOT + 1,
            next_timer: 0,
            random: Random::seeded(seed),
        };
        Virtual { shared: Arc::new(Shared { clock: Clock::manual(start), state: Mutex::new(state) }) }
    }

    /// The handle that stories take as an argument.
    #[must_use]
    pub fn world(&self) -> World {
        World::virtual_(self.shared.clone())
    }

    /// Runs a story to its end. Time passes only while every task waits for time.
    ///
    /// # Panics
    /// Nothing is ready and nobody waits for time: the story can never end.
    pub fn run<T>(&self, story: impl Future<Output = T>) -> T {
        let mut story = pin!(story);
        self.shared.wake(ROOT);
        loop {
            let Some(id) = self.shared.next_ready() else {
                assert!(self.shared.advance(), "the virtual world stands still: every task waits for another");
                continue;
            };
            let waker = Waker::from(Arc::new(Wakes { id, shared: self.shared.clone() }));
            let mut cx = Context::from_waker(&waker);
            if id == ROOT {
                if let Poll::Ready(answer) = story.as_mut().poll(&mut cx) {
                    return answer;
                }
            } else if let Some(mut task) = self.shared.take(id)
                && task.as_mut().poll(&mut cx).is_pending()
            {
                self.shared.put_back(id, task);
            }
        }
    }
}

pub(crate) struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    ready: VecDeque<u64>,
    /// Earliest first; equal instants in the order in which they were asked for.
    timers: BinaryHeap<Reverse<(i64, u64)>>,
    wakers: BTreeMap<u64, Waker>,
    /// `None` while the task is being polled.
    tasks: BTreeMap<u64, Option<Work>>,
    next_task: u64,
    next_timer: u64,
    random: Random,
}

impl Shared {
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fork_random(&self) -> Random {
        Random::seeded(self.state().random.next_u64())
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.state().random.below(bound)
    }

    pub(crate) fn spawn(&self, work: Work) -> u64 {
        let mut state = self.state();
        let id = state.next_task;
        state.next_task += 1;
        state.tasks.insert(id, Some(work));
        state.ready.push_back(id);
        id
    }

    pub(crate) fn end(&self, id: u64) {
        let task = self.state().tasks.remove(&id);
        // Dropped without the lock: what it owns may be a sleep, which takes the lock when it goes.
        drop(task);
    }

    pub(crate) fn sleep(shared: &Arc<Shared>, duration: Duration) -> Sleep {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let until = shared.clock.now().micros().saturating_add(micros);
        let mut state = shared.state();
        let id = state.next_timer;
        state.next_timer += 1;
        Sleep { shared: shared.clone(), id, until, set: false }
    }

    fn wake(&self, id: u64) {
        let mut state = self.state();
        if !state.ready.contains(&id) {
            state.ready.push_back(id);
        }
    }

    fn next_ready(&self) -> Option<u64> {
        self.state().ready.pop_front()
    }

    fn take(&self, id: u64) -> Option<Work> {
        self.state().tasks.get_mut(&id)?.take()
    }

    fn put_back(&self, id: u64, task: Work) {
        if let Some(place) = self.state().tasks.get_mut(&id) {
            *place = Some(task);
        }
    }

    /// Moves time to the next sleeper and wakes it; false if nobody sleeps.
    fn advance(&self) -> bool {
        loop {
            let mut state = self.state();
            let Some(Reverse((until, id))) = state.timers.pop() else { return false };
            // A sleep that was dropped left no waker behind; time does not move for it.
            let Some(waker) = state.wakers.remove(&id) else { continue };
            drop(state);
            self.clock.advance_to(Timestamp::from_micros(until));
            waker.wake();
            return true;
        }
    }
}

struct Wakes {
    id: u64,
    shared: Arc<Shared>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.shared.wake(self.id);
    }
}

pub(crate) struct Sleep {
    shared: Arc<Shared>,
    id: u64,
    until: i64,
    set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.clock.now().micros() >= self.until {
            return Poll::Ready(());
        }
        let (id, until, set) = (self.id, self.until, self.set);
        let mut state = self.shared.state();
        state.wakers.insert(id, cx.waker().clone());
        if !set {
            state.timers.push(Reverse((until, id)));
        }
        drop(state);
        self.set = true;
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.shared.state().wakers.remove(&self.id);
        drop(waker);
    }
}

/// Waits on this thread for a call that another thread answers.
pub(crate) fn block_on<T>(call: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut call = pin!(call);
    loop {
        if let Poll::Ready(answer) = call.as_mut().poll(&mut cx) {
            return answer;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(seed: u64) -> Virtual {
        Virtual::new(Timestamp::from_seconds(1_000), seed)
    }

    #[test]
    fn a_week_of_sleep_takes_no_time_and_moves_the_clock_exactly() {
        let virtual_world = world(1);
        let world = virtual_world.world();
        virtual_world.run(async {
            world.sleep(Duration::from_secs(7 * 86_400)).await;
            assert_eq!(world.now(), Timestamp::from_seconds(1_000 + 7 * 86_400));
        });
    }

    #[test]
    fn sleepers_wake_in_order_of_time_and_then_of_asking() {
        let virtual_world = world(1);
        let world = virtual_world.world();
        let told = Arc::new(Mutex::new(Vec::new()));
        virtual_world.run(async {
            let tasks: Vec<_> = [30, 10, 20, 10]
                .into_iter()
                .enumerate()
                .map(|(at, seconds)| {
                    let (inside, told) = (world.clone(), told.clone());
                    world.spawn(async move {
                        inside.sleep(Duration::from_secs(seconds)).await;
                        told.lock().unwrap().push(at);
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        });
        assert_eq!(*told.lock().unwrap(), [1, 3, 2, 0]);
    }

    #[test]
    fn time_stands_still_while_another_thread_works() {
        let virtual_world = world(3);
        let world = virtual_world.world();
        virtual_world.run(async {
            let beside = world.clone();
            let ticking = world.spawn(async move {
                loop {
                    beside.sleep(Duration::from_millis(1)).await;
                }
            });
            let before = world.now();
            let (send, receive) = tokio::sync::oneshot::channel();
            let thread = std::thread::spawn(move || {
                for _ in 0..1_000 {
                    std::thread::yield_now();
                }
                send.send(7).unwrap();
            });
            assert_eq!(world.outside(receive).await, Ok(7));
            thread.join().unwrap();
            drop(ticking);
            assert!(
                world.now().micros() - before.micros() <= i64::try_from(crate::world::OUTSIDE_WAIT_MAX_MICROS).unwrap()
            );
        });
    }

    #[test]
    fn a_time_out_ends_what_it_waited_for_and_a_dropped_task_stops() {
        let virtual_world = world(4);
        let world = virtual_world.world();
        let turns = Arc::new(Mutex::new(0));
        virtual_world.run(async {
            let (inside, counted) = (world.clone(), turns.clone());
            let task = world.spawn(async move {
                loop {
                    inside.sleep(Duration::from_secs(1)).await;
                    *counted.lock().unwrap() += 1;
                }
            });
            assert!(world.timeout(Duration::from_millis(3_500), task).await.is_err());
            world.sleep(Duration::from_secs(60)).await;
            assert_eq!(world.timeout(Duration::from_secs(1), async { 5 }).await, Ok(5));
        });
        assert_eq!(*turns.lock().unwrap(), 3);
    }

    #[test]
    fn a_seed_replays_chance() {
        let draw = |seed| {
            let virtual_world = world(seed);
            let mut random = virtual_world.world().random();
            (0..5).map(|_| random.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(9), draw(9));
        assert_ne!(draw(9), draw(10));
    }

    #[test]
    #[should_panic(expected = "stands still")]
    fn a_story_that_can_never_end_is_said() {
        world(1).run(std::future::pending::<()>());
    }
}
