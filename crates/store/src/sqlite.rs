//! The SQLite side: connections, statements, and what its errors mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kernel::Value;
use rusqlite::config::DbConfig;
use rusqlite::ffi::{self, ErrorCode};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};
use rustc_hash::FxHashMap;

use crate::row::{Inner, Row};
use crate::sql::{self, Numbered};
use crate::tx::{Each, Flow, Keys, Mode};
use crate::{Kind, StoreError};

/// Bytes of a database page. Our rows are 400 to 800 bytes and a body about 600: 8 KiB keeps ten and more on a page and
/// the tree of a million assets three levels deep.
const PAGE_BYTES: usize = 8192;

/// How long a connection waits for another one's lock. Design: the one write allowed without the writer's lock waits so long.
const BUSY: Duration = Duration::from_secs(5);

/// Page cache of the writer and of each reader, in KiB.
const WRITER_CACHE_KIB: usize = 65_536;
const READER_CACHE_KIB: usize = 16_384;

/// The log is copied back into the file when it has so many pages (64 MiB), and cut to so many bytes afterwards.
/// A page of a busy index is written once for all its changes since the last time, so seldom is cheaper than often.
const CHECKPOINT_PAGES: usize = 8192;
const LOG_BYTES_KEPT: usize = 64 << 20;

/// Prepared statements kept per connection, and rewritten texts remembered.
const STATEMENTS_MAX: usize = 256;

/// Tells `file` and us that a file is Muster's: "Must" in ASCII.
const APPLICATION_ID: i64 = 0x4d75_7374;

/// One connection, with what it has prepared.
pub(crate) struct Session {
    connection: Connection,
    path: PathBuf,
    numbered: FxHashMap<Box<str>, Numbered>,
    /// A statement of the present transaction failed.
    pub doomed: bool,
    /// The present transaction may not write. Asked of each statement: `PRAGMA query_only` would make SQLite compile all
    /// of them anew.
    reading: bool,
}

/// Which part a connection plays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Reader,
}

impl Session {
    /// Opens a file. The writer makes it, mode 0600, where there is none.
    pub fn open(path: &Path, role: Role) -> Result<Session, StoreError> {
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match role {
            Role::Writer => {
                create_private(path)?;
                flags |= OpenFlags::SQLITE_OPEN_READ_WRITE;
            }
            Role::Reader => flags |= OpenFlags::SQLITE_OPEN_READ_ONLY,
        }
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| explain(&error, "opening the file", path))?;
        // SQLite opens a file that it may not write for reading, and says so only at the first write.
        if role == Role::Writer && connection.is_readonly("main").unwrap_or(true) {
            return Err(StoreError::file(path, std::io::ErrorKind::PermissionDenied.into()));
        }
        let session = Session::new(connection, role, path)?;
        if role == Role::Writer {
            session.claim()?;
        }
        Ok(session)
    }

    /// Opens a database that lives in this connection only.
    pub fn in_memory() -> Result<Session, StoreError> {
        let path = Path::new(":memory:");
        let connection =
            Connection::open_in_memory().map_err(|error| explain(&error, "opening a memory database", path))?;
        Session::new(connection, Role::Writer, path)
    }

    /// A database in memory that begins as the bytes of another.
    pub fn from_image(image: &[u8]) -> Result<Session, StoreError> {
        let session = Session::in_memory()?;
        let Session { mut connection, path, .. } = session;
        connection
            .deserialize_read_exact("main", image, image.len(), false)
            .map_err(|error| explain(&error, "reading an image", &path))?;
        Session::new(connection, Role::Writer, &path)
    }

    /// The database's bytes.
    pub fn image(&mut self) -> Result<Vec<u8>, StoreError> {
        let bytes =
            self.connection.serialize("main").map_err(|error| explain(&error, "writing an image", &self.path))?;
        Ok(bytes.to_vec())
    }

    fn new(connection: Connection, role: Role, path: &Path) -> Result<Session, StoreError> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.busy_timeout(BUSY).map_err(|error| explain(&error, "setting the busy time-out", path))?;
        // A plan never depends on the values: else SQLite compiles many of our statements anew each time they run.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(|error| explain(&error, "making plans independent of values", path))?;
        let session = Session {
            connection,
            path: path.to_owned(),
            numbered: FxHashMap::default(),
            doomed: false,
            reading: false,
        };
        let cache = if role == Role::Writer { WRITER_CACHE_KIB } else { READER_CACHE_KIB };
        // LIKE minds case, as PostgreSQL's does: patterns and the columns they meet are folded by us, and only so can
        // an index serve them. REPLACE fires delete triggers, so that an append-only table stays one.
        session.batch(&format!(
            "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA case_sensitive_like = ON;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{cache};"
        ))?;
        Ok(session)
    }

    /// Makes sure that the file is ours, or empty and thereby ours from now on.
    fn claim(&self) -> Result<(), StoreError> {
        let id = self.number_of("PRAGMA application_id")?;
        if id != APPLICATION_ID {
            if id != 0 || self.number_of("SELECT count(*) FROM sqlite_schema")? != 0 {
                return Err(StoreError::Foreign { path: self.path.clone() });
            }
            // The page size must come before the journal mode: a file in WAL mode keeps the one it has.
            self.batch(&format!("PRAGMA page_size = {PAGE_BYTES}; PRAGMA application_id = {APPLICATION_ID};"))?;
        }
        self.batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
        ))
    }

    fn number_of(&self, sql: &str) -> Result<i64, StoreError> {
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|error| explain(&error, sql, &self.path))
    }

    /// Runs statements without parameters, separated by semicolons.
    pub fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|error| explain(&error, sql, &self.path))
    }

    pub fn begin(&mut self, mode: Mode) -> Result<(), StoreError> {
        self.doomed = false;
        self.reading = mode == Mode::Read;
        // What supposes writes temporary tables alone: it needs no place among those who write.
        self.turn(if mode == Mode::Write { "BEGIN IMMEDIATE" } else { "BEGIN" })
    }

    /// Begins or ends a transaction, by a statement that is compiled once: a small pass has hundreds of them.
    fn turn(&self, sql: &'static str) -> Result<(), StoreError> {
        let turned = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        turned.map(|_| ()).map_err(|error| explain(&error, sql, &self.path))
    }

    pub fn commit(&mut self) -> Result<(), StoreError> {
        let done = self.turn("COMMIT");
        if done.is_err() {
            self.rollback();
        }
        done
    }

    /// Gives the transaction up. SQLite may have done so itself, on a full disk for instance.
    pub fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.batch("ROLLBACK")
        {
            tracing::error!(%error, "A transaction could not be rolled back");
        }
    }

    /// Whether the connection holds no transaction and can serve the next one.
    pub fn is_usable(&self) -> bool {
        self.connection.is_autocommit()
    }

    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.with(sql, params.len(), |statement| {
            bind(statement, params)?;
            statement.raw_execute().map(|rows| rows as u64)
        })
    }

    pub fn rows(&mut self, sql: &str, params: &[Value<'_>], each: Each<'_>) -> Result<(), StoreError> {
        let mut stopped = Ok(());
        self.with(sql, params.len(), |statement| {
            bind(statement, params)?;
            step(statement, each, &mut stopped)
        })?;
        stopped
    }

    pub fn insert_many(
        &mut self,
        table: &str,
        columns: &[(&str, Kind)],
        values: &[Value<'_>],
        on_conflict: &str,
    ) -> Result<u64, StoreError> {
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let marks = (1..=columns.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
        self.each_row(&format!("INSERT INTO {table} ({names}) VALUES ({marks}) {on_conflict}"), columns.len(), values)
    }

    pub fn update_many(
        &mut self,
        table: &str,
        keys: &[(&str, Kind)],
        sets: &[(&str, Kind)],
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let numbered = |columns: &[(&str, Kind)], from: usize, between: &str| {
            let parts = columns.iter().zip(from..).map(|((name, _), at)| format!("{name} = ${at}"));
            parts.collect::<Vec<_>>().join(between)
        };
        let (sets_text, keys_text) = (numbered(sets, keys.len() + 1, ", "), numbered(keys, 1, " AND "));
        self.each_row(&format!("UPDATE {table} SET {sets_text} WHERE {keys_text}"), keys.len() + sets.len(), values)
    }

    pub fn delete_many(&mut self, table: &str, keys: &[(&str, Kind)], values: &[Value<'_>]) -> Result<u64, StoreError> {
        let parts = keys.iter().zip(1..).map(|((name, _), at)| format!("{name} = ${at}")).collect::<Vec<_>>();
        self.each_row(&format!("DELETE FROM {table} WHERE {}", parts.join(" AND ")), keys.len(), values)
    }

    /// Runs one prepared statement per row: three times faster than a list of rows in one statement, and forty times
    /// faster than preparing each.
    fn each_row(&mut self, sql: &str, width: usize, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.with(sql, width, |statement| {
            let mut changed = 0;
            for row in values.chunks_exact(width) {
                bind(statement, row)?;
                changed += statement.raw_execute()? as u64;
            }
            Ok(changed)
        })
    }

    /// One prepared look-up per key, which beats `json_each` and needs no second text.
    pub fn select_in(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keys: Keys<'_>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let at = params.len() + 1;
        let mut stopped = Ok(());
        self.with(&sql.replace(Keys::MARK, &format!("= ${at}")), at, |statement| {
            bind(statement, params)?;
            for key in keys.values() {
                statement.raw_bind_parameter(at, Param(&key))?;
                step(statement, each, &mut stopped)?;
                if stopped.is_err() {
                    break;
                }
            }
            Ok(())
        })?;
        stopped
    }

    /// Prepares `sql`, or finds it prepared, and runs `work` with it. A failure dooms the transaction.
    fn with<T>(
        &mut self,
        sql: &str,
        params: usize,
        work: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let result = self.try_with(sql, params, work);
        self.doomed |= result.is_err();
        result
    }

    fn try_with<T>(
        &mut self,
        sql: &str,
        params: usize,
        work: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if !self.numbered.contains_key(sql) {
            if self.numbered.len() >= STATEMENTS_MAX {
                self.numbered.clear();
            }
            let numbered = sql::number(sql).map_err(|detail| StoreError::sql(detail, sql))?;
            self.numbered.insert(sql.into(), numbered);
        }
        let numbered = &self.numbered[sql];
        if numbered.params != params {
            return Err(StoreError::sql(format!("{params} values for {} parameters", numbered.params), sql));
        }
        let mut statement =
            self.connection.prepare_cached(&numbered.sqlite).map_err(|error| explain(&error, sql, &self.path))?;
        if self.reading && !statement.readonly() {
            return Err(StoreError::ReadOnly);
        }
        work(&mut statement).map_err(|error| explain(&error, sql, &self.path))
    }
}

fn step(statement: &mut Statement<'_>, each: Each<'_>, stopped: &mut Result<(), StoreError>) -> rusqlite::Result<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        match each(&Row(Inner::Sqlite(row))) {
            Ok(Flow::Continue(())) => {}
            Ok(Flow::Break(())) => break,
            Err(error) => {
                *stopped = Err(error);
                break;
            }
        }
    }
    Ok(())
}

fn bind(statement: &mut Statement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    for (at, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, Param(value))?;
    }
    Ok(())
}

/// A value on its way in. U+0000 becomes U+FFFD here as it must on PostgreSQL, whose text cannot hold it.
struct Param<'a>(&'a Value<'a>);

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Real(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Value::Text(text) => match kernel::fold::without_nul(text).0 {
                std::borrow::Cow::Borrowed(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
                std::borrow::Cow::Owned(text) => ToSqlOutput::Owned(rusqlite::types::Value::Text(text)),
            },
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// Reads one column.
pub(crate) fn value<'a>(row: &'a rusqlite::Row<'_>, at: usize) -> Result<Value<'a>, StoreError> {
    let found = row.get_ref(at).map_err(|error| StoreError::Content(format!("column {at}: {error}")))?;
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::from(
            std::str::from_utf8(text)
                .map_err(|_| StoreError::Content(format!("column {at} holds text that is not UTF-8")))?,
        ),
        ValueRef::Blob(bytes) => Value::from(bytes),
    })
}

/// Turns the driver's error into ours.
fn explain(error: &rusqlite::Error, sql: &str, path: &Path) -> StoreError {
    let Some(code) = error.sqlite_error() else {
        return StoreError::sql(error.to_string(), sql);
    };
    let detail = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        _ => code.to_string(),
    };
    match code.code {
        ErrorCode::DiskFull => StoreError::Full,
        // The shared memory beside the log could not grow; SQLite has no better word for a full disk there.
        ErrorCode::SystemIoFailure if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt { detail },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StoreError::Locked { by: format!("another process, for more than {} s", BUSY.as_secs()) }
        }
        ErrorCode::ConstraintViolation => StoreError::Constraint { detail },
        ErrorCode::ReadOnly => StoreError::ReadOnly,
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure => {
            StoreError::File { path: path.to_owned(), source: std::io::Error::other(detail) }
        }
        _ => StoreError::sql(detail, sql),
    }
}

/// Makes the file, readable by its owner only, and the folders above it; SQLite gives its log the same mode.
pub(crate) fn create_private(path: &Path) -> Result<(), StoreError> {
    let made = (|| {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map(drop)
    })();
    made.map_err(|error| StoreError::file(path, error))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_compiled_once_whatever_it_is_asked() {
        let mut session = Session::in_memory().unwrap();
        session.batch("CREATE TABLE t (org_id INTEGER, name TEXT, PRIMARY KEY (org_id, name)) STRICT").unwrap();
        let sql = "SELECT name FROM t WHERE org_id = $1 ORDER BY name DESC LIMIT 1";
        for org in [1, 2, 1] {
            session.rows(sql, &[Value::Int(org)], &mut |_| Ok(Flow::Continue(()))).unwrap();
        }
        let statement = session.connection.prepare_cached(&session.numbered[sql].sqlite).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 3);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
