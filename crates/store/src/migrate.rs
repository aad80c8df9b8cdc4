//! Migrations: per slice, in rising order from 1, both dialects side by side, applied in arrow order, never changed
//! afterwards. A number may be left free; what is missing is applied in order, whatever was applied before.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sql::is_name;
use crate::tx::{Mode, Session, work_of};
use crate::{Dialect, StoreError, Tx};

/// A slice's tables: its migrations, in order.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The slice's name, which its tables begin with.
    pub name: &'static str,
    /// The migrations, in rising order from 1.
    pub migrations: &'static [Migration],
}

/// One step of a slice's tables, in both dialects.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in the slice, from 1.
    pub number: u32,
    /// What it does, for people: `org_and_credential`.
    pub name: &'static str,
    /// The statements for SQLite.
    pub sqlite: &'static str,
    /// The statements for PostgreSQL.
    pub postgres: &'static str,
}

/// A migration that a database has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The slice.
    pub slice: String,
    /// The migration's number.
    pub number: u32,
    /// SHA-256 of its text, which differs between the databases.
    pub sha256: String,
}

/// What has been applied, in the database itself.
pub(crate) const TABLE: &str = "store_migration";
const TABLE_SQLITE: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    slice TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (slice, number)) STRICT, WITHOUT ROWID";
const TABLE_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    slice TEXT COLLATE \"C\" NOT NULL, number BIGINT NOT NULL, sha256 TEXT COLLATE \"C\" NOT NULL, PRIMARY KEY (slice, number))";

const APPLIED: &str = "SELECT slice, number, sha256 FROM store_migration ORDER BY slice, number";
const APPLY: &str = "INSERT INTO store_migration (slice, number, sha256) VALUES ($1, $2, $3)";

impl Migration {
    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    fn sha256(&self, dialect: Dialect) -> String {
        Sha256::digest(self.text(dialect)).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Refuses slices that contradict themselves, before any database is touched.
pub(crate) fn check(slices: &[Slice]) -> Result<(), StoreError> {
    for (at, slice) in slices.iter().enumerate() {
        let numbers: Vec<u32> = slice.migrations.iter().map(|migration| migration.number).collect();
        if !is_name(slice.name) || slices[..at].iter().any(|earlier| earlier.name == slice.name) {
            return Err(StoreError::Slices(format!("{:?} is no name for a slice, or stands twice", slice.name)));
        }
        if !numbers.is_sorted_by(|one, next| one < next) || numbers.first().is_some_and(|first| *first != 1) {
            return Err(StoreError::Slices(format!("the migrations of {} are not in order from 1", slice.name)));
        }
    }
    Ok(())
}

/// Applies what is missing, all of it or nothing, in the transaction at hand.
pub(crate) fn migrate(tx: &mut Tx<'_>, slices: &[Slice]) -> Result<(), StoreError> {
    migrate_to(tx, slices, |_, _| true)
}

/// Applies what is missing of the migrations that `wanted` takes, by slice and number.
pub(crate) fn migrate_to(
    tx: &mut Tx<'_>,
    slices: &[Slice],
    wanted: impl Fn(&str, u32) -> bool,
) -> Result<(), StoreError> {
    let dialect = tx.dialect();
    tx.batch(match dialect {
        Dialect::Sqlite => TABLE_SQLITE,
        Dialect::Postgres => TABLE_POSTGRES,
    })?;
    let is_new = applied(tx)?.is_empty();
    let mut steps = 0_u32;
    for (slice, migration) in pending(tx, slices)? {
        if !wanted(slice.name, migration.number) {
            continue;
        }
        tx.batch(migration.text(dialect))?;
        let number = i64::from(migration.number);
        tx.execute(APPLY, &[slice.name.into(), number.into(), migration.sha256(dialect).into()])?;
        tracing::debug!(slice = slice.name, number, "step {number} ({}) of {}", migration.name, slice.name);
        steps += 1;
    }
    let what = if is_new { "made" } else { "brought up to date" };
    match steps {
        0 => {}
        1 => tracing::info!(steps, "the database is {what}: 1 step"),
        _ => tracing::info!(steps, "the database is {what}: {steps} steps"),
    }
    Ok(())
}

/// Refuses a database that a reader cannot use as it is. `url` is for the message only.
pub(crate) fn require_current(tx: &mut Tx<'_>, slices: &[Slice], url: &str) -> Result<(), StoreError> {
    if !tx.tables()?.iter().any(|table| table == "store_migration") {
        return Err(StoreError::Missing { url: url.to_owned() });
    }
    match pending(tx, slices)?.first() {
        None => Ok(()),
        Some((slice, migration)) => Err(StoreError::Older { slice: slice.name, number: migration.number }),
    }
}

/// Whether nothing is missing.
pub(crate) fn is_current(session: &mut Session, slices: &[Slice]) -> Result<bool, StoreError> {
    let (work, answer) = work_of(|tx| {
        let made = tx.tables()?.iter().any(|table| table == "store_migration");
        Ok::<_, StoreError>(made && pending(tx, slices)?.is_empty())
    });
    answer(session.transact(Mode::Read, work))
}

/// What the database has.
pub(crate) fn applied(tx: &mut Tx<'_>) -> Result<Vec<Applied>, StoreError> {
    tx.query(APPLIED, &[], |row| {
        let number = u32::try_from(row.int(1)?).unwrap_or(u32::MAX);
        Ok(Applied { slice: row.text(0)?.to_owned(), number, sha256: row.text(2)?.to_owned() })
    })
}

/// What the database lacks, in arrow order.
fn pending<'a>(tx: &mut Tx<'_>, slices: &'a [Slice]) -> Result<Vec<(&'a Slice, &'a Migration)>, StoreError> {
    let applied = applied(tx)?;
    missing(slices, tx.dialect(), &applied)
}

/// What a database lacks that has `applied`, in arrow order.
pub(crate) fn missing<'a>(
    slices: &'a [Slice],
    dialect: Dialect,
    applied: &[Applied],
) -> Result<Vec<(&'a Slice, &'a Migration)>, StoreError> {
    for Applied { slice, number, sha256 } in applied {
        let number = *number;
        let known = slices.iter().find(|known| known.name == slice);
        let Some((known, migration)) =
            known.and_then(|known| Some((known, known.migrations.iter().find(|step| step.number == number)?)))
        else {
            return Err(StoreError::Newer { slice: slice.clone(), number });
        };
        if migration.sha256(dialect) != *sha256 {
            return Err(StoreError::Changed { slice: known.name, number });
        }
    }
    let is_applied = |slice: &Slice, migration: &Migration| {
        applied.iter().any(|known| known.slice == slice.name && known.number == migration.number)
    };
    let all = slices.iter().flat_map(|slice| slice.migrations.iter().map(move |migration| (slice, migration)));
    Ok(all.filter(|(slice, migration)| !is_applied(slice, migration)).collect())
}
