//! Crash points: places in a writing transaction where a test lets the process die, or the database fail.
//!
//! Without the feature `crashpoints`, which no build for people has, all of this does nothing.

/// Names the place where a process shall die, as [`CrashPoint`] reads it.
#[cfg(feature = "crashpoints")]
pub const VARIABLE: &str = "MUSTER_CRASH_AT";

/// Where in a story a crash happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Before a transaction begins.
    Begin,
    /// Before a statement.
    Statement,
    /// After the last statement, before COMMIT.
    Commit,
    /// After COMMIT, before whoever asked is told.
    Committed,
    /// At a place that is named by [`reached`], outside any transaction.
    At,
}

/// A place in a story: a spot, a text that the statement (or one of the transaction's statements, or the name) must
/// hold, and how often that must have happened.
#[cfg(feature = "crashpoints")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// Where.
    pub spot: Spot,
    /// The text; empty fits everything.
    pub text: String,
    /// Which time, from 1.
    pub nth: u32,
}

#[cfg(not(feature = "crashpoints"))]
mod points {
    use super::Spot;
    use crate::tx::Mode;
    use crate::{Kind, StoreError};

    #[inline]
    pub(crate) fn begin(_: Mode) -> Result<(), StoreError> {
        Ok(())
    }

    #[inline]
    pub(crate) fn at(_: Spot, _: &str, _: &str, _: &[(&str, Kind)]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(feature = "crashpoints")]
mod points {
    use std::cell::RefCell;
    use std::str::FromStr;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{CrashPoint, Spot, VARIABLE};
    use crate::tx::Mode;
    use crate::{Kind, StoreError};

    /// What a thread watches for.
    struct Watch {
        point: CrashPoint,
        /// The process dies; else the database fails once.
        deadly: bool,
        left: u32,
        /// A statement of the present transaction held the text.
        said: bool,
        /// Inside a writing transaction that began after the watch.
        live: bool,
    }

    impl Watch {
        fn new(point: CrashPoint, deadly: bool) -> Watch {
            Watch { left: point.nth.max(1), point, deadly, said: false, live: false }
        }
    }

    /// How often the process passed the place at which it shall die, on any thread.
    static PASSED: AtomicU32 = AtomicU32::new(0);

    thread_local! {
        static WATCH: RefCell<Option<Watch>> = RefCell::new(
            std::env::var(VARIABLE).ok().map(|text| {
                Watch::new(text.parse().unwrap_or_else(|why| panic!("{VARIABLE}: {why}")), true)
            })
        );
    }

    impl FromStr for CrashPoint {
        type Err = &'static str;

        /// Reads `SPOT`, `SPOT:TEXT` or `SPOT:TEXT:NTH`, such as `statement:UPDATE sync_stream:3`.
        fn from_str(text: &str) -> Result<CrashPoint, &'static str> {
            let (spot, rest) = text.split_once(':').unwrap_or((text, ""));
            let spot = match spot {
                "begin" => Spot::Begin,
                "statement" => Spot::Statement,
                "commit" => Spot::Commit,
                "committed" => Spot::Committed,
                "at" => Spot::At,
                _ => return Err("a spot is one of begin, statement, commit, committed, at"),
            };
            let (text, nth) = match rest.rsplit_once(':').map(|(text, nth)| (text, nth.parse())) {
                Some((text, Ok(nth))) => (text, nth),
                _ => (rest, 1),
            };
            Ok(CrashPoint { spot, text: text.to_owned(), nth })
        }
    }

    /// Lets the database fail once at `point`, in transactions of the present thread that begin from now on. To reach a
    /// store's writing thread, call it inside [`crate::Store::write_blocking`].
    pub fn arm(point: CrashPoint) {
        WATCH.with_borrow_mut(|watch| *watch = Some(Watch::new(point, false)));
    }

    /// Forgets what [`arm`] asked of the present thread, and says whether it had happened.
    pub fn disarm() -> bool {
        WATCH.with_borrow_mut(|watch| watch.take().is_some_and(|watch| watch.left == 0))
    }

    pub(crate) fn begin(mode: Mode) -> Result<(), StoreError> {
        WATCH.with_borrow_mut(|watch| {
            if let Some(watch) = watch {
                (watch.live, watch.said) = (mode == Mode::Write, watch.point.text.is_empty());
            }
        });
        at(Spot::Begin, "", "", &[])
    }

    pub(crate) fn at(spot: Spot, verb: &str, sql: &str, sets: &[(&str, Kind)]) -> Result<(), StoreError> {
        WATCH.with_borrow_mut(|watch| {
            let Some(watch) = watch.as_mut().filter(|watch| watch.live || spot == Spot::At) else { return Ok(()) };
            let holds = || {
                let sets: Vec<&str> = sets.iter().map(|(name, _)| *name).collect();
                format!("{verb} {sql} SET {}", sets.join(", ")).contains(&watch.point.text)
            };
            let fits = match spot {
                Spot::Begin => watch.point.text.is_empty(),
                Spot::Statement | Spot::At => holds(),
                Spot::Commit | Spot::Committed => watch.said,
            };
            watch.said |= spot == Spot::Statement && fits;
            if !fits || spot != watch.point.spot || watch.left == 0 {
                return Ok(());
            }
            if watch.deadly {
                if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == watch.point.nth.max(1) {
                    die();
                }
                return Ok(());
            }
            watch.left -= 1;
            if watch.left > 0 {
                return Ok(());
            }
            Err(StoreError::Unreachable { url: "a crash point".to_owned(), detail: format!("{:?}", watch.point) })
        })
    }

    /// The process ends as if by `kill -9`: nothing is flushed, nothing is told.
    fn die() -> ! {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

#[cfg(feature = "crashpoints")]
pub use points::{arm, disarm};
pub(crate) use points::{at, begin};

/// A place in a story outside any transaction, such as between a sink's write and its acknowledgement, where a test may
/// let the process die.
#[inline]
pub fn reached(name: &str) {
    // Only a watch that kills looks here; a failure to be reported would have nobody to report to.
    let _ = at(Spot::At, "", name, &[]);
}
