//! The door: work goes in as a closure, runs on a store thread in a transaction, and its answer comes out.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use crate::lock::WriterLock;
use crate::migrate::{self, Slice};
use crate::tx::{Mode, Session, Tx};
use crate::url::PostgresUrl;
use crate::{DatabaseUrl, Dialect, StoreError, postgres, sqlite};

/// Threads that read, each with its own connection, opened when it is first needed.
const READERS: usize = 4;

/// A database, open. Clones share it; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// Whether this process wants to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads only, and always works, beside a writer too. The database must exist and be as new as the program.
    Reader,
    /// Takes the writer's lock, makes the database where there is none, and brings it up to date.
    Writer,
}

struct Inner {
    dialect: Dialect,
    doors: Doors,
}

enum Doors {
    /// Closures go to threads.
    Threads(Threads),
    /// A memory database: closures run at once on the caller's thread, so that a simulation stays in its own order.
    Inline(Box<Mutex<Session>>),
}

/// Fields close in this order: the readers first, so that the writer finds itself alone and puts SQLite's log away, and
/// the lock last, when nothing writes any more.
struct Threads {
    reader: Door,
    writer: Option<Door>,
    _lock: Option<WriterLock>,
}

/// A queue and the threads that serve it. Nobody queues more than the one closure it waits for, so callers bound it.
struct Door {
    /// `None` once the door closes.
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(Result<&mut Session, StoreError>) + Send>;
type Opener = Arc<dyn Fn() -> Result<Session, StoreError> + Send + Sync>;
type Outcome<T, E> = std::thread::Result<Result<T, E>>;

impl Store {
    /// Opens a database; `slices` are its tables, in arrow order. Blocks for as long as migrations take.
    ///
    /// # Errors
    /// The writer's lock is taken, the database is newer, damaged, missing (for a reader) or cannot be reached.
    pub fn open(url: &DatabaseUrl, access: Access, slices: &[Slice]) -> Result<Store, StoreError> {
        migrate::check(slices)?;
        let store = match url {
            DatabaseUrl::Memory => return Store::in_memory(slices),
            DatabaseUrl::Sqlite(path) => Store::open_sqlite(path, access)?,
            DatabaseUrl::Postgres(url) => Store::open_postgres(url, access)?,
        };
        let (slices, name) = (slices.to_vec(), url.to_string());
        match access {
            Access::Writer => store.write_blocking(move |tx| migrate::migrate(tx, &slices))?,
            Access::Reader => store.read_blocking(move |tx| migrate::require_current(tx, &slices, &name))?,
        }
        Ok(store)
    }

    /// A database that lives in memory and is gone with the store: for tests and simulations.
    ///
    /// Its work runs on the calling thread, reads and writes alike, one after the other.
    ///
    /// # Errors
    /// The slices contradict themselves, or a migration fails.
    pub fn in_memory(slices: &[Slice]) -> Result<Store, StoreError> {
        migrate::check(slices)?;
        let session = Session::Sqlite(sqlite::Session::in_memory()?);
        let store =
            Store(Arc::new(Inner { dialect: Dialect::Sqlite, doors: Doors::Inline(Box::new(Mutex::new(session))) }));
        let slices = slices.to_vec();
        store.write_blocking(move |tx| migrate::migrate(tx, &slices))?;
        Ok(store)
    }

    fn open_sqlite(path: &Path, access: Access) -> Result<Store, StoreError> {
        if access == Access::Reader && !path.exists() {
            return Err(StoreError::Missing { url: DatabaseUrl::Sqlite(path.to_owned()).to_string() });
        }
        let session = |role| {
            let path = path.to_owned();
            move || sqlite::Session::open(&path, role).map(Session::Sqlite)
        };
        let lock = match access {
            Access::Reader => None,
            Access::Writer => {
                sqlite::create_private(path)?;
                Some(WriterLock::take(path)?)
            }
        };
        let writer = lock.is_some().then(|| Arc::new(session(sqlite::Role::Writer)) as Opener);
        Ok(Store::start(Dialect::Sqlite, Arc::new(session(sqlite::Role::Reader)), writer, lock))
    }

    fn open_postgres(url: &PostgresUrl, access: Access) -> Result<Store, StoreError> {
        let session = |role| {
            let url = url.clone();
            move || postgres::Session::open(&url, role).map(Session::Postgres)
        };
        let writer = (access == Access::Writer).then(|| Arc::new(session(postgres::Role::Writer)) as Opener);
        Ok(Store::start(Dialect::Postgres, Arc::new(session(postgres::Role::Reader)), writer, None))
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for this call")]
    fn start(dialect: Dialect, reader: Opener, writer: Option<Opener>, lock: Option<WriterLock>) -> Store {
        let reader = Door::open("store-reader", READERS, &reader);
        let writer = writer.map(|opener| Door::open("store-writer", 1, &opener));
        Store(Arc::new(Inner { dialect, doors: Doors::Threads(Threads { reader, writer, _lock: lock }) }))
    }

    /// Which database is behind the door.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.0.dialect
    }

    /// Runs `work` in a transaction that sees one snapshot and may not write. A panic in it is the caller's.
    ///
    /// The work goes on to its end even if the future is dropped.
    ///
    /// # Errors
    /// What `work` answers, or the database's refusal.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Mode::Read, work).await
    }

    /// Runs `work` in the one writing transaction: committed and on the disk if it answers `Ok`, without a trace if it
    /// answers `Err` or panics. A panic in it is the caller's.
    ///
    /// The work goes on to its end even if the future is dropped.
    ///
    /// # Errors
    /// What `work` answers, or the database's refusal.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Mode::Write, work).await
    }

    /// [`Store::read`] for callers that may block.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_blocking(Mode::Read, work)
    }

    /// [`Store::write`] for callers that may block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_blocking(Mode::Write, work)
    }
}

impl Store {
    async fn run<T, E, F>(&self, mode: Mode, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let outcome = match &self.0.doors {
            Doors::Inline(session) => inline(session, mode, work),
            Doors::Threads(threads) => {
                let (answer, answered) = tokio::sync::oneshot::channel();
                // Nobody listens any more if the future was dropped; the work is done all the same.
                threads.send(mode, work, move |outcome| drop(answer.send(outcome)))?;
                answered.await.expect("a store thread answers every closure, and outlives every store")
            }
        };
        settle(outcome)
    }

    fn run_blocking<T, E, F>(&self, mode: Mode, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let outcome = match &self.0.doors {
            Doors::Inline(session) => inline(session, mode, work),
            Doors::Threads(threads) => {
                let (answer, answered) = mpsc::sync_channel(1);
                threads.send(mode, work, move |outcome| drop(answer.send(outcome)))?;
                answered.recv().expect("a store thread answers every closure, and outlives every store")
            }
        };
        settle(outcome)
    }
}

impl Threads {
    fn send<T, E, F>(
        &self,
        mode: Mode,
        work: F,
        answer: impl FnOnce(Outcome<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let door = match mode {
            Mode::Read => &self.reader,
            Mode::Write => self.writer.as_ref().ok_or(StoreError::ReadOnly)?,
        };
        let queue = door.queue.as_ref().expect("a door is closed only when the store is dropped");
        let job: Job = Box::new(move |session| {
            answer(match session {
                Ok(session) => session.transact(mode, work),
                Err(error) => Ok(Err(error.into())),
            });
        });
        assert!(queue.send(job).is_ok(), "the threads of a door live as long as it is open");
        Ok(())
    }
}

impl Door {
    fn open(name: &str, threads: usize, opener: &Opener) -> Door {
        let (queue, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let start = |_| {
            let (jobs, opener) = (Arc::clone(&jobs), Arc::clone(opener));
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(move || serve(&jobs, &opener)).expect("the system can start a handful of threads")
        };
        Door { queue: Some(queue), threads: (0..threads).map(start).collect() }
    }
}

impl Drop for Door {
    /// Waits for the threads, so that files and connections are closed when the store is gone.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // The last clone may have been dropped by a closure on one of these very threads.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// What a store thread does: it takes one closure after the other, on a connection that it makes, uses and drops.
fn serve(jobs: &Mutex<mpsc::Receiver<Job>>, opener: &Opener) {
    let mut session: Option<Session> = None;
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if !session.as_mut().is_some_and(Session::is_usable) {
            session = None;
        }
        match &mut session {
            Some(session) => job(Ok(session)),
            None => match opener() {
                Ok(opened) => job(Ok(session.insert(opened))),
                Err(error) => job(Err(error)),
            },
        }
    }
}

fn inline<T, E: From<StoreError>>(
    session: &Mutex<Session>,
    mode: Mode,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Outcome<T, E> {
    session.lock().unwrap_or_else(PoisonError::into_inner).transact(mode, work)
}

/// Hands on the answer, or the panic.
fn settle<T, E>(outcome: Outcome<T, E>) -> Result<T, E> {
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
