//! One transaction, and everything that can be said inside it.

use std::any::Any;
use std::ops::ControlFlow;

use kernel::Value;

use crate::crash::{self, Spot};
use crate::row::{Kind, Row};
use crate::sql::is_name;
use crate::{Dialect, StoreError, postgres, sqlite};

pub(crate) type Flow = ControlFlow<()>;

/// What looks at the rows of a statement, one after the other. Callers are many and compiled each by itself; running a
/// statement is compiled once.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&Row<'_>) -> Result<Flow, StoreError>;

/// What a closure answered, whatever it is.
pub(crate) type Answer = Box<dyn Any + Send>;

/// What is done in a transaction: `Ok` keeps it, `Err` gives it up.
pub(crate) type Work<'a> = Box<dyn FnOnce(&mut Tx<'_>) -> Result<Answer, Answer> + Send + 'a>;

/// How a transaction ended.
pub(crate) enum Ended {
    /// Committed, or read to its end; what the work answered.
    Kept(Answer),
    /// Without a trace, because the work said so; what it answered.
    GivenUp(Answer),
    /// Without a trace, because the database did not go along.
    Failed(StoreError),
    /// Without a trace, because the work panicked, and with what.
    Panicked(Answer),
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
    /// Reads one snapshot, with temporary tables beside it, and is given up.
    Suppose,
}

/// One connection to either database.
pub(crate) enum Session {
    Sqlite(sqlite::Session),
    Postgres(postgres::Session),
}

/// A transaction: it is committed if the closure that was given it answers `Ok`, and leaves no trace otherwise.
///
/// Reads see one snapshot. A statement that fails dooms the whole transaction, as PostgreSQL has it; what is said after
/// it is refused with [`StoreError::Doomed`], on SQLite too.
pub struct Tx<'a> {
    session: &'a mut Session,
}

/// A set of keys for [`Tx::select_in`].
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    /// Integers.
    Ints(&'a [i64]),
    /// Texts.
    Texts(&'a [&'a str]),
    /// Byte strings, hashes for instance.
    Bytes(&'a [&'a [u8]]),
}

impl Keys<'_> {
    /// What stands in the statement where the keys go.
    pub(crate) const MARK: &'static str = "IN KEYS";

    /// The keys as values, borrowed.
    pub(crate) fn values(&self) -> impl Iterator<Item = Value<'_>> {
        (0..self.len()).map(|at| match self {
            Keys::Ints(keys) => Value::Int(keys[at]),
            Keys::Texts(keys) => Value::from(keys[at]),
            Keys::Bytes(keys) => Value::from(keys[at]),
        })
    }

    fn len(&self) -> usize {
        match self {
            Keys::Ints(keys) => keys.len(),
            Keys::Texts(keys) => keys.len(),
            Keys::Bytes(keys) => keys.len(),
        }
    }
}

/// How the answer of a closure, or its panic, is had from the end of its transaction.
pub(crate) type Settle<T, E> = fn(Ended) -> Result<T, E>;

/// A closure as a transaction takes it, and what knows its answer again.
pub(crate) fn work_of<'a, T, E, F>(work: F) -> (Work<'a>, Settle<T, E>)
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'a,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let work: Work<'a> = Box::new(|tx| match work(tx) {
        Ok(answer) => Ok(Box::new(answer)),
        Err(error) => Err(Box::new(error)),
    });
    (work, settle)
}

fn settle<T: 'static, E: From<StoreError> + 'static>(ended: Ended) -> Result<T, E> {
    const OWN: &str = "a transaction answers what its own closure did";
    match ended {
        Ended::Kept(answer) => Ok(*answer.downcast().expect(OWN)),
        Ended::GivenUp(answer) => Err(*answer.downcast().expect(OWN)),
        Ended::Failed(error) => Err(error.into()),
        Ended::Panicked(panic) => std::panic::resume_unwind(panic),
    }
}

/// What `doctor` wants to know about a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The database and its version, e.g. `SQLite 3.54.1`.
    pub version: String,
    /// Bytes the data takes, without SQLite's log.
    pub bytes: u64,
    /// What is wrong with it, in the database's own words; empty if nothing was found.
    pub problems: Vec<String>,
}

/// Most problems that a check reports; a damaged file has thousands, and one would do.
const PROBLEMS_MAX: usize = 20;

/// So many rows are covered by naming them in the statements; more have a table of their names.
const COVERED_IN_TEXT: usize = 200;

/// Rows of an index that SQLite looks at for its statistics; a few thousand are as good as all.
const ANALYSED_ROWS_MAX: usize = 4000;

impl Tx<'_> {
    /// Which database this is. Needed only where one text cannot serve both.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.session.dialect()
    }

    /// Runs a statement with `$1..$n` and answers how many rows it changed.
    ///
    /// # Errors
    /// The database refuses it, or the values do not match the parameters in number.
    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        match self.session("", sql, &[])? {
            Session::Sqlite(session) => session.execute(sql, params),
            Session::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Runs a query and collects what `each` makes of every row.
    ///
    /// # Errors
    /// The database refuses it, or `each` does.
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.scan(sql, params, |row| {
            found.push(each(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Runs a query and reads its first row.
    ///
    /// # Errors
    /// There is no row, or as [`Tx::query`].
    pub fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.query_opt(sql, params, each)?.ok_or_else(|| StoreError::NoRow { statement: crate::error::shown(sql) })
    }

    /// Runs a query and reads its first row, if there is one.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.scan(sql, params, |row| {
            found = Some(each(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Runs a query and shows `each` row after row until it breaks off. Nothing is collected; SQLite computes no row
    /// that nobody asks for, PostgreSQL sends the rest for nothing, so give it a LIMIT.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub fn scan(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        self.rows(sql, params, &mut each)
    }

    fn rows(&mut self, sql: &str, params: &[Value<'_>], each: Each<'_>) -> Result<(), StoreError> {
        match self.session("", sql, &[])? {
            Session::Sqlite(session) => session.rows(sql, params, each),
            Session::Postgres(session) => session.rows(sql, params, each),
        }
    }

    /// Inserts many rows: `values` holds them one after the other, `columns.len()` values each.
    ///
    /// `on_conflict` is empty or `ON CONFLICT (..) DO ..`. Within one call no two rows may meet in the same conflict:
    /// PostgreSQL refuses to update a row twice in one statement.
    ///
    /// # Errors
    /// The database refuses a row (then none is kept), or the values do not come out even.
    pub fn insert_many(
        &mut self,
        table: &str,
        columns: &[(&str, Kind)],
        values: &[Value<'_>],
        on_conflict: &str,
    ) -> Result<u64, StoreError> {
        if !self.is_worth_it(table, columns, &[], values)? {
            return Ok(0);
        }
        match self.session("INSERT INTO", table, &[])? {
            Session::Sqlite(session) => session.insert_many(table, columns, values, on_conflict),
            Session::Postgres(session) => session.insert_many(table, columns, values, on_conflict),
        }
    }

    /// Updates many rows: each is found by its `keys`, whose values come first, and gets the `sets` after them. Answers
    /// how many rows were changed; no two rows of a call may have the same keys. A key never equals null.
    ///
    /// # Errors
    /// The database refuses a row (then none is kept), or the values do not come out even.
    pub fn update_many(
        &mut self,
        table: &str,
        keys: &[(&str, Kind)],
        sets: &[(&str, Kind)],
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        if !self.is_worth_it(table, keys, sets, values)? {
            return Ok(0);
        }
        match self.session("UPDATE", table, sets)? {
            Session::Sqlite(session) => session.update_many(table, keys, sets, values),
            Session::Postgres(session) => session.update_many(table, keys, sets, values),
        }
    }

    /// Deletes the rows with these keys and answers how many there were.
    ///
    /// # Errors
    /// The database refuses, or the values do not come out even.
    pub fn delete_many(&mut self, table: &str, keys: &[(&str, Kind)], values: &[Value<'_>]) -> Result<u64, StoreError> {
        if !self.is_worth_it(table, keys, &[], values)? {
            return Ok(0);
        }
        match self.session("DELETE FROM", table, &[])? {
            Session::Sqlite(session) => session.delete_many(table, keys, values),
            Session::Postgres(session) => session.delete_many(table, keys, values),
        }
    }

    /// Reads the rows whose key is one of `keys`, in no particular order. The statement says `IN KEYS` where they go:
    /// `SELECT native_id, record_id FROM t WHERE org_id = $1 AND native_id IN KEYS`.
    ///
    /// SQLite runs it once per key, PostgreSQL once with all of them: so no aggregate, order or limit over the whole,
    /// and no key twice.
    ///
    /// # Errors
    /// As [`Tx::query`], or the statement does not say `IN KEYS` exactly once.
    pub fn select_in<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keys: Keys<'_>,
        mut each: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        self.rows_in(sql, params, keys, &mut |row| {
            found.push(each(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn rows_in(&mut self, sql: &str, params: &[Value<'_>], keys: Keys<'_>, each: Each<'_>) -> Result<(), StoreError> {
        if sql.matches(Keys::MARK).count() != 1 {
            return Err(StoreError::sql(format!("{} must stand in it exactly once", Keys::MARK), sql));
        }
        match self.session("", sql, &[])? {
            Session::Sqlite(session) => session.select_in(sql, params, keys, each),
            Session::Postgres(session) => session.select_in(sql, params, keys, each),
        }
    }

    /// Shows other rows under the name of a table, until the end of a transaction of [`crate::Store::suppose`]: those of
    /// the table for which `keep` holds and whose `key` is none of `keys`, and those of a temporary table, whose name is
    /// answered. At first that has the table's rows with these keys for which `keep` holds; it can be written. Without
    /// keys there is none.
    ///
    /// `keep` is SQL over `m`, the table. No key may stand twice, and no table be covered twice.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn cover(&mut self, table: &str, key: &str, keys: &[i64], keep: &str) -> Result<Option<String>, StoreError> {
        const SCHEMA: &str = "SELECT CAST(quote_ident(CAST(current_schema() AS TEXT)) AS TEXT)";
        if !is_name(table) || !is_name(key) {
            return Err(StoreError::sql(format!("{key} of {table} is no column"), keep));
        }
        let schema = match self.dialect() {
            Dialect::Sqlite => "main".to_owned(),
            Dialect::Postgres => self.query_one(SCHEMA, &[], |row| row.text(0).map(str::to_owned))?,
        };
        let (cover, covered, under) =
            (format!("{table}_cover"), format!("{table}_covered"), format!("{schema}.{table}"));
        let view = format!("CREATE TEMPORARY VIEW {table} AS SELECT m.* FROM {under} m WHERE ({keep})");
        if keys.is_empty() {
            self.batch(&view)?;
            return Ok(None);
        }
        if keys.len() <= COVERED_IN_TEXT {
            let keys = keys.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            self.batch(&format!(
                "CREATE TEMPORARY TABLE {cover} AS SELECT m.* FROM {under} m WHERE ({keep}) AND m.{key} IN ({keys});
                 {view} AND m.{key} NOT IN ({keys}) UNION ALL SELECT * FROM {cover};"
            ))?;
            return Ok(Some(cover));
        }
        self.batch(&format!("CREATE TEMPORARY TABLE {covered} (id BIGINT PRIMARY KEY)"))?;
        let ids: Vec<Value<'_>> = keys.iter().map(|id| Value::Int(*id)).collect();
        self.insert_many(&covered, &[("id", Kind::Int)], &ids, "")?;
        self.batch(&format!(
            "CREATE TEMPORARY TABLE {cover} AS
                SELECT m.* FROM {covered} c CROSS JOIN {under} m WHERE ({keep}) AND m.{key} = c.id;
             CREATE INDEX {cover}_key ON {cover} ({key});
             {view} AND NOT EXISTS (SELECT 1 FROM {covered} c WHERE c.id = m.{key}) UNION ALL SELECT * FROM {cover};"
        ))?;
        if self.dialect() == Dialect::Postgres {
            self.batch(&format!("ANALYZE {covered}; ANALYZE {cover}"))?;
        }
        Ok(Some(cover))
    }

    /// The names of all tables, in order: for tests that look everywhere, and for `doctor`.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        const SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
        const POSTGRES: &str = "SELECT CAST(tablename AS TEXT) COLLATE \"C\" AS name FROM pg_catalog.pg_tables
             WHERE schemaname = current_schema() ORDER BY name";
        let sql = match self.dialect() {
            Dialect::Sqlite => SQLITE,
            Dialect::Postgres => POSTGRES,
        };
        self.query(sql, &[], |row| row.text(0).map(str::to_owned))
    }

    /// Looks at the whole database: SQLite checks every page, index and foreign key, which reads it all; PostgreSQL
    /// does its own checking, so only version and size are asked for.
    ///
    /// # Errors
    /// As [`Tx::query`]; a file too damaged to be read at all is an error too.
    pub fn check(&mut self) -> Result<Health, StoreError> {
        let mut problems = Vec::new();
        let (version, bytes) = match self.dialect() {
            Dialect::Sqlite => {
                problems = self.query(&format!("PRAGMA integrity_check({PROBLEMS_MAX})"), &[], |row| {
                    row.text(0).map(str::to_owned)
                })?;
                problems.retain(|problem| problem != "ok");
                self.scan("PRAGMA foreign_key_check", &[], |row| {
                    problems.push(format!("a row of {} refers to nothing in {}", row.text(0)?, row.text(2)?));
                    Ok(if problems.len() < PROBLEMS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })?;
                let pages = self.query_one("PRAGMA page_count", &[], |row| row.int(0))?;
                let page = self.query_one("PRAGMA page_size", &[], |row| row.int(0))?;
                (format!("SQLite {}", rusqlite::version()), pages * page)
            }
            Dialect::Postgres => {
                const LOOK: &str = "SELECT current_setting('server_version'), pg_database_size(current_database())";
                self.query_one(LOOK, &[], |row| Ok((format!("PostgreSQL {}", row.text(0)?), row.int(1)?)))?
            }
        };
        Ok(Health { version, bytes: bytes.unsigned_abs(), problems })
    }

    /// Counts what is in the tables, so that plans fit them; after a lot has changed, for it reads samples. PostgreSQL
    /// knows what changed since, and tables of which little did are left as they are.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn refresh_statistics(&mut self) -> Result<(), StoreError> {
        match self.dialect() {
            // Other connections read the statistics only together with the schema; a new table makes them look.
            Dialect::Sqlite => self.batch(&format!(
                "DROP TABLE IF EXISTS sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4;
                 PRAGMA analysis_limit = {ANALYSED_ROWS_MAX}; ANALYZE;"
            )),
            Dialect::Postgres => {
                const STALE: &str = "SELECT CAST(relname AS TEXT) COLLATE \"C\" AS name FROM pg_stat_user_tables \
                    WHERE schemaname = current_schema() AND ((last_analyze IS NULL AND last_autoanalyze IS NULL) \
                    OR n_mod_since_analyze > n_live_tup / 5 + 1000) ORDER BY name";
                for table in self.query(STALE, &[], |row| row.text(0).map(str::to_owned))? {
                    self.batch(&format!("ANALYZE {table}"))?;
                }
                Ok(())
            }
        }
    }

    /// The connection, unless the transaction is doomed; `verb`, `sql` and the columns that are set say what it is for.
    fn session(&mut self, verb: &str, sql: &str, sets: &[(&str, Kind)]) -> Result<&mut Session, StoreError> {
        if self.session.is_doomed() {
            return Err(StoreError::Doomed);
        }
        if let Err(error) = crash::at(Spot::Statement, verb, sql, sets) {
            self.session.doom();
            return Err(error);
        }
        Ok(self.session)
    }

    /// Whether there is anything to do; an error if the shape of it is wrong.
    fn is_worth_it(
        &self,
        table: &str,
        columns: &[(&str, Kind)],
        more: &[(&str, Kind)],
        values: &[Value<'_>],
    ) -> Result<bool, StoreError> {
        let mut names = columns.iter().chain(more).map(|(name, _)| *name);
        let width = columns.len() + more.len();
        if columns.is_empty() || !is_name(table) || !names.all(is_name) || !values.len().is_multiple_of(width) {
            let detail = format!("{} values do not make rows of {width} columns of {table}", values.len());
            return Err(StoreError::sql(detail, table));
        }
        Ok(!values.is_empty())
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match self.session("", sql, &[])? {
            Session::Sqlite(session) => {
                let done = session.batch(sql);
                session.doomed |= done.is_err();
                done
            }
            Session::Postgres(session) => session.batch(sql),
        }
    }
}

impl Session {
    pub fn dialect(&self) -> Dialect {
        match self {
            Session::Sqlite(_) => Dialect::Sqlite,
            Session::Postgres(_) => Dialect::Postgres,
        }
    }

    fn is_doomed(&self) -> bool {
        match self {
            Session::Sqlite(session) => session.doomed,
            Session::Postgres(session) => session.doomed,
        }
    }

    fn doom(&mut self) {
        match self {
            Session::Sqlite(session) => session.doomed = true,
            Session::Postgres(session) => session.doomed = true,
        }
    }

    fn begin(&mut self, mode: Mode) -> Result<(), StoreError> {
        match self {
            Session::Sqlite(session) => session.begin(mode),
            Session::Postgres(session) => session.begin(mode),
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        match self {
            Session::Sqlite(session) => session.commit(),
            Session::Postgres(session) => session.commit(),
        }
    }

    fn rollback(&mut self) {
        match self {
            Session::Sqlite(session) => session.rollback(),
            Session::Postgres(session) => session.rollback(),
        }
    }

    /// Whether the connection can serve one more transaction.
    pub fn is_usable(&mut self) -> bool {
        match self {
            Session::Sqlite(session) => session.is_usable(),
            Session::Postgres(session) => session.is_usable(),
        }
    }

    /// Takes the writers' lock of a PostgreSQL session; a SQLite file's is the process's.
    pub fn postgres_lock(&mut self, sharing: postgres::Sharing) -> Result<(), StoreError> {
        match self {
            Session::Sqlite(_) => Ok(()),
            Session::Postgres(session) => session.lock(sharing),
        }
    }

    /// Runs `work` in a transaction: committed if it answers `Ok`, rolled back if it answers `Err` or panics.
    pub fn transact(&mut self, mode: Mode, work: Work<'_>) -> Ended {
        if let Err(error) = crash::begin(mode).and_then(|()| self.begin(mode)) {
            return Ended::Failed(error);
        }
        let mut tx = Tx { session: self };
        // Safe to go on after a panic: the connection is rolled back, and nothing else is shared.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&mut tx)));
        let ended = match result {
            Ok(Ok(_)) if self.is_doomed() => Ended::Failed(StoreError::Doomed),
            Ok(Ok(answer)) if mode == Mode::Suppose => {
                self.rollback();
                return Ended::Kept(answer);
            }
            Ok(Ok(answer)) => match crash::at(Spot::Commit, "", "", &[]) {
                Ok(()) => {
                    let done = self.commit().and_then(|()| crash::at(Spot::Committed, "", "", &[]));
                    return done.map_or_else(Ended::Failed, |()| Ended::Kept(answer));
                }
                Err(error) => Ended::Failed(error),
            },
            Ok(Err(answer)) => Ended::GivenUp(answer),
            Err(panic) => Ended::Panicked(panic),
        };
        self.rollback();
        ended
    }
}
