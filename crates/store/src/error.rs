//! What can go wrong behind the door, sorted by what a person can do about it.

use std::path::PathBuf;

/// Longest piece of a statement that an error repeats, in characters.
const STATEMENT_SHOWN_MAX: usize = 240;

/// A database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds the writer's lock; `by` names the process.
    #[error("the database is in use by {by}")]
    Locked {
        /// The holder, e.g. `muster sync (pid 4711)`.
        by: String,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "the database is newer than this program: it has migration {number} of {slice}, which this program does not know; use the newer program"
    )]
    Newer {
        /// The slice whose migration is unknown here.
        slice: String,
        /// The migration's number.
        number: u32,
    },
    /// A reader met a database that still has to be migrated.
    #[error("the database is older than this program: migration {number} of {slice} is missing; run `muster migrate`")]
    Older {
        /// The slice that lacks a migration.
        slice: &'static str,
        /// The first migration that is missing.
        number: u32,
    },
    /// A migration's text is not the one that was applied.
    #[error("migration {number} of {slice} was changed after it was applied to this database")]
    Changed {
        /// The migration's slice.
        slice: &'static str,
        /// The migration's number.
        number: u32,
    },
    /// There is no database there yet, and a reader does not make one.
    #[error("there is no database at {url} yet; `muster connect` makes one")]
    Missing {
        /// Where it was looked for, without a password.
        url: String,
    },
    /// The file is a SQLite database of some other program.
    #[error("{} is a database, but not one of Muster's", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no room left: the disk, the quota, or SQLite's own page limit. The transaction left no trace.
    #[error("the disk that holds the database is full")]
    Full,
    /// The database is damaged.
    #[error("the database is damaged: {detail}")]
    Corrupt {
        /// The database's own words.
        detail: String,
    },
    /// The file or its folder cannot be read or written.
    #[error("using the database file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The PostgreSQL server cannot be reached, or does not let us in.
    #[error("reaching the database {url}: {detail}")]
    Unreachable {
        /// The server, without a password.
        url: String,
        /// What the driver says.
        detail: String,
    },
    /// The text is not a database URL this program understands.
    #[error("{0}")]
    Url(String),
    /// A write was asked of a store that was opened for reading.
    #[error("the database was opened for reading only")]
    ReadOnly,
    /// A unique, foreign key, check or trigger constraint refused a row.
    #[error("a row was refused: {detail}")]
    Constraint {
        /// The database's own words, without the row's values.
        detail: String,
    },
    /// A statement failed for a reason that is a mistake in this program.
    #[error("{detail}; the statement was: {statement}")]
    Sql {
        /// What the database, or this crate, says about it.
        detail: String,
        /// The beginning of the statement.
        statement: String,
    },
    /// A stored value is not of the kind the reader expects.
    #[error("{0}")]
    Content(String),
    /// A statement of this transaction failed before, so nothing of it can be kept, on either database.
    #[error("an earlier statement of this transaction failed")]
    Doomed,
    /// The statement should have found a row.
    #[error("no row was found by: {statement}")]
    NoRow {
        /// The beginning of the statement.
        statement: String,
    },
    /// The slices handed to [`crate::Store::open`] contradict themselves.
    #[error("{0}")]
    Slices(String),
}

/// What kind of trouble a [`StoreError`] is, for exit codes and alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Local storage: full, locked, damaged, newer, not readable. Somebody has to act on the machine.
    Storage,
    /// A database server that does not answer or does not let us in.
    Unreachable,
    /// The person gave something that cannot be used.
    Usage,
    /// A mistake in this program.
    Bug,
}

impl StoreError {
    /// What kind of trouble this is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            StoreError::Locked { .. }
            | StoreError::Newer { .. }
            | StoreError::Older { .. }
            | StoreError::Changed { .. }
            | StoreError::Missing { .. }
            | StoreError::Foreign { .. }
            | StoreError::Full
            | StoreError::Corrupt { .. }
            | StoreError::File { .. } => ErrorClass::Storage,
            StoreError::Unreachable { .. } => ErrorClass::Unreachable,
            StoreError::Url(_) => ErrorClass::Usage,
            StoreError::ReadOnly
            | StoreError::Constraint { .. }
            | StoreError::Sql { .. }
            | StoreError::Content(_)
            | StoreError::Doomed
            | StoreError::NoRow { .. }
            | StoreError::Slices(_) => ErrorClass::Bug,
        }
    }

    pub(crate) fn sql(detail: impl Into<String>, statement: &str) -> StoreError {
        StoreError::Sql { detail: detail.into(), statement: shown(statement) }
    }

    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> StoreError {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::File { path: path.to_owned(), source },
        }
    }
}

/// The beginning of a statement, for an error text.
pub(crate) fn shown(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(STATEMENT_SHOWN_MAX).collect()
}
