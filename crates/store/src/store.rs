//! The door: work goes in as a closure, runs on a store thread in a transaction, and its answer comes out.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use crate::lock::WriterLock;
use crate::migrate::{self, Slice};
use crate::tx::{Ended, Mode, Session, Tx, Work, work_of};
use crate::url::PostgresUrl;
use crate::{DatabaseUrl, Dialect, StoreError, postgres, sqlite};

/// Threads that read, each with its own connection, opened when it is first needed.
const READERS: usize = 4;

/// A database, open. Clones share it; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// A whole memory database at rest, as bytes; clones share them. A simulation begins thousands of times from one.
#[derive(Clone, Debug)]
pub struct Image(Arc<[u8]>);

/// Whether this process wants to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads only, and always works, beside a writer too. The database must exist and be as new as the program.
    Reader,
    /// Makes the database where there is none, and brings it up to date. On SQLite there is one, which holds the
    /// writer's lock; on PostgreSQL there may be several, and none while one brings the database up to date.
    Writer,
    /// Writes a row or two beside a SQLite file's writer, without its lock, and waits for it up to 5 s. The database must
    /// exist and be as new as the program. On PostgreSQL every writer is one beside others.
    Beside,
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
            DatabaseUrl::Postgres(url) => Store::open_postgres(url, access, slices)?,
        };
        let (slices, name) = (slices.to_vec(), url.to_string());
        match (access, store.dialect()) {
            (Access::Writer, Dialect::Sqlite) => store.write_blocking(move |tx| migrate::migrate(tx, &slices))?,
            // Each of its writing sessions makes sure of that by itself, before it lets others in.
            (Access::Writer, Dialect::Postgres) => store.write_blocking(|_| Ok::<_, StoreError>(()))?,
            (Access::Reader | Access::Beside, _) => {
                store.read_blocking(move |tx| migrate::require_current(tx, &slices, &name))?;
            }
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

    /// The memory database as it is now, between two transactions; `None` for any other.
    ///
    /// # Errors
    /// SQLite cannot copy it.
    pub fn image(&self) -> Result<Option<Image>, StoreError> {
        let Doors::Inline(session) = &self.0.doors else { return Ok(None) };
        match &mut *session.lock().unwrap_or_else(PoisonError::into_inner) {
            Session::Sqlite(session) => Ok(Some(Image(session.image()?.into()))),
            Session::Postgres(_) => Ok(None),
        }
    }

    /// A memory database of its own that begins as `image`, brought up to date as an opened one is.
    ///
    /// # Errors
    /// The slices contradict themselves, the image is newer than the program, or a migration fails.
    pub fn from_image(image: &Image, slices: &[Slice]) -> Result<Store, StoreError> {
        migrate::check(slices)?;
        let session = Session::Sqlite(sqlite::Session::from_image(&image.0)?);
        let store =
            Store(Arc::new(Inner { dialect: Dialect::Sqlite, doors: Doors::Inline(Box::new(Mutex::new(session))) }));
        let slices = slices.to_vec();
        store.write_blocking(move |tx| migrate::migrate(tx, &slices))?;
        Ok(store)
    }

    /// Opens a database to read, whatever migrations it has.
    pub(crate) fn open_as_it_is(url: &DatabaseUrl) -> Result<Store, StoreError> {
        match url {
            DatabaseUrl::Memory => Store::in_memory(&[]),
            DatabaseUrl::Sqlite(path) => Store::open_sqlite(path, Access::Reader),
            DatabaseUrl::Postgres(url) => Store::open_postgres(url, Access::Reader, &[]),
        }
    }

    /// Opens a database to make it anew, as the only one who writes: made where there is none, and not migrated.
    pub(crate) fn open_alone(url: &DatabaseUrl) -> Result<Store, StoreError> {
        match url {
            DatabaseUrl::Memory => Store::in_memory(&[]),
            DatabaseUrl::Sqlite(path) => Store::open_sqlite(path, Access::Writer),
            DatabaseUrl::Postgres(url) => {
                let (reading, writing) = (url.clone(), url.clone());
                let reader = move || postgres::Session::open(&reading, postgres::Role::Reader).map(Session::Postgres);
                let writer = move || {
                    let mut session = Session::Postgres(postgres::Session::open(&writing, postgres::Role::Writer)?);
                    session.postgres_lock(postgres::Sharing::Alone)?;
                    Ok(session)
                };
                Ok(Store::start(Dialect::Postgres, Arc::new(reader), Some(Arc::new(writer) as Opener), None))
            }
        }
    }

    fn open_sqlite(path: &Path, access: Access) -> Result<Store, StoreError> {
        // Where a folder above it lets nobody in, nobody knows.
        if access != Access::Writer && !path.try_exists().map_err(|error| StoreError::file(path, error))? {
            return Err(StoreError::Missing { url: DatabaseUrl::Sqlite(path.to_owned()).to_string() });
        }
        let session = |role| {
            let path = path.to_owned();
            move || sqlite::Session::open(&path, role).map(Session::Sqlite)
        };
        let lock = match access {
            Access::Reader | Access::Beside => None,
            Access::Writer => {
                sqlite::create_private(path)?;
                Some(WriterLock::take(path)?)
            }
        };
        let writer = (access != Access::Reader).then(|| Arc::new(session(sqlite::Role::Writer)) as Opener);
        Ok(Store::start(Dialect::Sqlite, Arc::new(session(sqlite::Role::Reader)), writer, lock))
    }

    fn open_postgres(url: &PostgresUrl, access: Access, slices: &[Slice]) -> Result<Store, StoreError> {
        let (reading, writing, slices) = (url.clone(), url.clone(), slices.to_vec());
        let reader = move || postgres::Session::open(&reading, postgres::Role::Reader).map(Session::Postgres);
        let writer = move || match access {
            Access::Writer => postgres_writer(&writing, &slices),
            Access::Reader | Access::Beside => {
                postgres::Session::open(&writing, postgres::Role::Writer).map(Session::Postgres)
            }
        };
        let writer = (access != Access::Reader).then(|| Arc::new(writer) as Opener);
        Ok(Store::start(Dialect::Postgres, Arc::new(reader), writer, None))
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
        let (work, answer) = work_of(work);
        answer(self.run(Mode::Read, work).await)
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
        let (work, answer) = work_of(work);
        answer(self.run(Mode::Write, work).await)
    }

    /// Runs `work` in a transaction that sees one snapshot and gives it up, whatever `work` answers: what it supposed
    /// (temporary tables, [`Tx::cover`]) was there for its own questions, and leaves no trace. It reads, so it works
    /// beside a writer, and where this process does not write.
    ///
    /// # Errors
    /// What `work` answers, or the database's refusal.
    pub async fn suppose<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (work, answer) = work_of(work);
        answer(self.run(Mode::Suppose, work).await)
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
        let (work, answer) = work_of(work);
        answer(self.run_blocking(Mode::Read, work))
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
        let (work, answer) = work_of(work);
        answer(self.run_blocking(Mode::Write, work))
    }
}

/// What is compiled once for all callers.
impl Store {
    async fn run(&self, mode: Mode, work: Work<'static>) -> Ended {
        match &self.0.doors {
            Doors::Inline(session) => inline(session, mode, work),
            Doors::Threads(threads) => {
                let (answer, answered) = tokio::sync::oneshot::channel();
                // Nobody listens any more if the future was dropped; the work is done all the same.
                match threads.send(mode, work, move |ended| drop(answer.send(ended))) {
                    Ok(()) => answered.await.expect("a store thread answers every closure, and outlives every store"),
                    Err(error) => Ended::Failed(error),
                }
            }
        }
    }

    fn run_blocking(&self, mode: Mode, work: Work<'static>) -> Ended {
        match &self.0.doors {
            Doors::Inline(session) => inline(session, mode, work),
            Doors::Threads(threads) => {
                let (answer, answered) = mpsc::sync_channel(1);
                match threads.send(mode, work, move |ended| drop(answer.send(ended))) {
                    Ok(()) => answered.recv().expect("a store thread answers every closure, and outlives every store"),
                    Err(error) => Ended::Failed(error),
                }
            }
        }
    }
}

impl Threads {
    fn send(
        &self,
        mode: Mode,
        work: Work<'static>,
        answer: impl FnOnce(Ended) + Send + 'static,
    ) -> Result<(), StoreError> {
        let door = match mode {
            Mode::Read | Mode::Suppose => &self.reader,
            Mode::Write => self.writer.as_ref().ok_or(StoreError::ReadOnly)?,
        };
        let queue = door.queue.as_ref().expect("a door is closed only when the store is dropped");
        let job: Job = Box::new(move |session| {
            answer(match session {
                Ok(session) => session.transact(mode, work),
                Err(error) => Ended::Failed(error),
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

/// A writing session on PostgreSQL whose database is up to date. What is missing it adds while nobody else writes.
fn postgres_writer(url: &PostgresUrl, slices: &[Slice]) -> Result<Session, StoreError> {
    let mut session = Session::Postgres(postgres::Session::open(url, postgres::Role::Writer)?);
    if migrate::is_current(&mut session, slices)? {
        return Ok(session);
    }
    let alone = session.postgres_lock(postgres::Sharing::Alone);
    if alone.is_ok() {
        let (work, answer) = work_of(|tx| migrate::migrate(tx, slices));
        answer(session.transact(Mode::Write, work))?;
    }
    session.postgres_lock(postgres::Sharing::WithWriters)?;
    match alone {
        // Whoever held us up may have been at the same work.
        Err(locked) if !migrate::is_current(&mut session, slices)? => Err(locked),
        _ => Ok(session),
    }
}

fn inline(session: &Mutex<Session>, mode: Mode, work: Work<'_>) -> Ended {
    session.lock().unwrap_or_else(PoisonError::into_inner).transact(mode, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Migration;

    const SLICES: &[Slice] = &[Slice {
        name: "note",
        migrations: &[Migration {
            number: 1,
            name: "note",
            sqlite: "CREATE TABLE note_line (org_id INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (org_id, text)) STRICT",
            postgres: "",
        }],
    }];

    fn lines(store: &Store) -> i64 {
        const COUNT: &str = "SELECT count(*) FROM note_line";
        store.read_blocking::<_, StoreError, _>(|tx| tx.query_one(COUNT, &[], |row| row.int(0))).unwrap()
    }

    fn write(store: &Store, text: &'static str) {
        let insert = move |tx: &mut Tx<'_>| {
            tx.execute("INSERT INTO note_line (org_id, text) VALUES (1, $1)", &[text.into()])?;
            Ok::<_, StoreError>(())
        };
        store.write_blocking(insert).unwrap();
    }

    #[test]
    fn an_image_begins_as_many_databases_as_one_likes_and_none_knows_of_another() {
        let first = Store::in_memory(SLICES).unwrap();
        write(&first, "before");
        let image = first.image().unwrap().unwrap();
        write(&first, "after");
        let (one, two) = (Store::from_image(&image, SLICES).unwrap(), Store::from_image(&image, SLICES).unwrap());
        write(&one, "mine");
        assert_eq!([lines(&first), lines(&one), lines(&two)], [2, 2, 1]);
    }
}
