//! Backups: every row of every table as one snapshot, in one file that either database can be made again from.
//!
//! The file is a zip with an entry a table and a manifest: `unzip -p FILE manifest.json` shows what is in it. Rows are
//! carried by value, not as the database keeps them, so that no other program is needed, and what was SQLite can become
//! PostgreSQL. What can be computed again (full text, statistics) is not in it.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use kernel::Value;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::migrate::{self, Applied, Slice};
use crate::sql::is_name;
use crate::{DatabaseUrl, Dialect, Kind, Store, StoreError, Tx};

/// The form of the file; a program reads those up to its own.
const FORMAT: u32 = 1;

/// The entry that says what is in the others.
const MANIFEST: &str = "manifest.json";
/// Where the tables' entries lie.
const TABLES: &str = "tables/";
/// Where other files' entries lie.
const FILES: &str = "files/";

/// Longest manifest that is read, in bytes; ours take some 20 kB.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// Longest other file that is carried, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How hard rows are packed, of 9: bodies and blocks are packed already.
const PACKING: i64 = 3;

/// Values, and bytes in them, that are handed to the database at once.
const VALUES_AT_ONCE: usize = 40_000;
const BYTES_AT_ONCE: usize = 8 << 20;

/// What is in a backup, and of what it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the file.
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When, in UTC.
    pub created_at: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// The migrations that the database had.
    pub migrations: Vec<Applied>,
    /// The tables, each with its rows.
    pub tables: Vec<Table>,
    /// Tables whose rows are computed again.
    pub left_out: Vec<String>,
    /// Other files.
    pub files: Vec<Other>,
}

/// A table in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of each row's values: the name, and `int`, `real`, `text` or `bytes`.
    pub columns: Vec<(String, String)>,
    /// How many rows there are.
    pub rows: u64,
    /// SHA-256 of the rows, unpacked.
    pub sha256: String,
}

/// Another file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Its name.
    pub name: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// What a backup is to say of itself.
#[derive(Clone, Debug)]
pub struct Label {
    /// The version of the program.
    pub program: String,
    /// Now, in UTC.
    pub created_at: String,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// How many rows.
    pub rows: u64,
    /// How many migrations the database got that the backup had not.
    pub migrated: usize,
}

/// A backup was not written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written or read.
    #[error("using the backup {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder that it is to go into is not there.
    #[error("there is no folder {} for the backup; make it first", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is there already.
    #[error("{} is there already; a backup never replaces a file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no backup, or not a whole one.
    #[error("{} is no whole backup: {why}", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A newer program wrote the file.
    #[error("the backup was written by a newer program ({program}): {what}; use that program")]
    Newer {
        /// That program's version.
        program: String,
        /// What this one does not know.
        what: String,
    },
    /// There is data where the backup is to go.
    #[error("the database {url} is not empty")]
    NotEmpty {
        /// The database, without a password.
        url: String,
    },
}

/// Opens a database to be copied by [`write`]: to read, and as it is. One that an older program left needs no migration
/// first, so that there is a way back from an upgrade.
///
/// # Errors
/// There is no database, or it cannot be reached.
pub fn open(url: &DatabaseUrl) -> Result<Store, StoreError> {
    let store = Store::open_as_it_is(url)?;
    let name = url.to_string();
    store.read_blocking(move |tx| match tx.tables()?.iter().any(|table| table == migrate::TABLE) {
        true => Ok(()),
        false => Err(StoreError::Missing { url: name }),
    })?;
    Ok(store)
}

/// Writes all rows that `tx` sees, in tables of `slices`, to `path`, which appears whole or not at all, readable by its
/// owner only. Tables that `computed` names are left out; `files` are carried along, a name and a content each.
///
/// `tx` reads one snapshot, so that it may run beside any writer, whom it does not hold up.
///
/// # Errors
/// There is a file already, no folder for it, it cannot be written, or the database refuses.
pub fn write(
    tx: &mut Tx<'_>,
    slices: &[Slice],
    computed: &[&str],
    files: &[(String, Vec<u8>)],
    label: Label,
    path: &Path,
) -> Result<Manifest, BackupError> {
    let of_file = |source| match StoreError::file(path, source) {
        StoreError::File { path, source } => BackupError::File { path, source },
        full => BackupError::Store(full),
    };
    if path.exists() {
        return Err(BackupError::Exists { path: path.to_owned() });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(BackupError::NoFolder { folder: folder.to_owned() });
    }
    let mut beside = path.file_name().unwrap_or_default().to_owned();
    beside.push(".");
    // Of a name that nobody knows before, made anew: whatever lies here gets nothing of it. Dropping it removes it.
    let part = tempfile::Builder::new().prefix(&beside).suffix(".part").tempfile_in(folder);
    // Its words would name a file that nobody knows, or will find.
    let part = part.map_err(|error| of_file(error.kind().into()))?;
    let (file, part) = part.into_parts();
    let (file, manifest) = packed(tx, slices, computed, files, label, file, &of_file)?;
    file.sync_all().map_err(of_file)?;
    match part.persist_noclobber(path) {
        Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists { path: path.to_owned() });
        }
        // A file system that cannot refuse to replace.
        Err(refused) => refused.path.persist(path).map_err(|refused| of_file(refused.error))?,
        Ok(()) => {}
    }
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(of_file)?;
    Ok(manifest)
}

fn packed(
    tx: &mut Tx<'_>,
    slices: &[Slice],
    computed: &[&str],
    files: &[(String, Vec<u8>)],
    label: Label,
    file: File,
    of_file: &dyn Fn(std::io::Error) -> BackupError,
) -> Result<(File, Manifest), BackupError> {
    let of_zip = |error: zip::result::ZipError| of_file(error.into());
    let options = SimpleFileOptions::default().compression_level(Some(PACKING)).large_file(true);
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let migrations = migrate::applied(tx)?;
    // Of a newer database this program would miss whole tables.
    migrate::missing(slices, tx.dialect(), &migrations)?;
    let mut tables = Vec::new();
    let (mut left_out, mut row_bytes) = (Vec::new(), Vec::new());
    for name in tables_of(tx, slices)? {
        if computed.contains(&name.as_str()) {
            left_out.push(name);
            continue;
        }
        let columns = columns_of(tx, &name)?;
        zip.start_file(format!("{TABLES}{name}"), options).map_err(of_zip)?;
        let (mut rows, mut hash, mut failed) = (0_u64, Sha256::new(), None);
        let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        tx.scan(&format!("SELECT {names} FROM {name}"), &[], |row| {
            row_bytes.clear();
            for at in 0..row.len() {
                encode(&row.value(at)?, &mut row_bytes)?;
            }
            hash.update(&row_bytes);
            rows += 1;
            if let Err(error) = zip.write_all(&row_bytes) {
                failed = Some(error);
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(error) = failed {
            return Err(of_file(error));
        }
        let columns = columns.into_iter().map(|(name, kind)| (name, word(kind).to_owned())).collect();
        tables.push(Table { name, columns, rows, sha256: hex(&hash.finalize()) });
    }
    let mut others = Vec::new();
    for (name, content) in files {
        zip.start_file(format!("{FILES}{name}"), options).map_err(of_zip)?;
        zip.write_all(content).map_err(of_file)?;
        others.push(Other { name: name.clone(), sha256: hex(&Sha256::digest(content)) });
    }
    let manifest = Manifest {
        format: FORMAT,
        program: label.program,
        created_at: label.created_at,
        database: database_word(tx.dialect()).to_owned(),
        migrations,
        tables,
        left_out,
        files: others,
    };
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| of_file(error.into()))?;
    text.push(b'\n');
    zip.start_file(MANIFEST, options).map_err(of_zip)?;
    zip.write_all(&text).map_err(of_file)?;
    zip.set_comment(hex(&Sha256::digest(&text))).map_err(of_zip)?;
    let file = zip.finish().map_err(of_zip)?;
    Ok((file.into_inner().map_err(|error| of_file(error.into_error()))?, manifest))
}

/// A backup, opened, with its manifest read.
pub struct Backup {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
    manifest: Manifest,
}

impl Backup {
    /// Opens a backup and reads its manifest; [`Backup::verify`] looks at the rest.
    ///
    /// # Errors
    /// The file cannot be read, is no backup, or its manifest was changed.
    pub fn open(path: &Path) -> Result<Backup, BackupError> {
        let torn = |why: &str| BackupError::Torn { path: path.to_owned(), why: why.to_owned() };
        let file = File::open(path).map_err(|source| BackupError::File { path: path.to_owned(), source })?;
        let mut zip = ZipArchive::new(BufReader::new(file))
            .map_err(|_| torn("it has no list of contents at its end, as a zip file has"))?;
        let comment = zip.comment().to_vec();
        let mut text = Vec::new();
        let entry = zip.by_name(MANIFEST).map_err(|_| torn("it has no manifest.json"))?;
        let read = entry.take(MANIFEST_BYTES_MAX).read_to_end(&mut text);
        read.map_err(|_| torn("its manifest is damaged"))?;
        if hex(&Sha256::digest(&text)).as_bytes() != comment {
            return Err(torn("its manifest was changed after it was written"));
        }
        let form: Form = serde_json::from_slice(&text).map_err(|_| torn("its manifest is no manifest of a backup"))?;
        if form.format > FORMAT {
            let what = format!("its form is {}, and this program reads forms up to {FORMAT}", form.format);
            return Err(BackupError::Newer { program: form.program, what });
        }
        let manifest = serde_json::from_slice(&text).map_err(|_| torn("its manifest is no manifest of a backup"))?;
        Ok(Backup { path: path.to_owned(), zip, manifest })
    }

    /// What is in it.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads all of it and compares it with the manifest, and the manifest with what this program knows.
    ///
    /// # Errors
    /// Something is missing, damaged or changed, or a newer program wrote it.
    pub fn verify(&mut self, slices: &[Slice]) -> Result<(), BackupError> {
        self.check_migrations(slices)?;
        for at in 0..self.manifest.tables.len() {
            self.each_row(at, |_| Ok(()))?;
        }
        for at in 0..self.manifest.files.len() {
            let name = self.manifest.files[at].name.clone();
            self.file(&name)?;
        }
        Ok(())
    }

    /// The content of another file; `None` if it is not in the backup.
    ///
    /// # Errors
    /// It is damaged or changed.
    pub fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>, BackupError> {
        let Some(other) = self.manifest.files.iter().find(|other| other.name == name) else { return Ok(None) };
        let (path, sha256) = (self.path.clone(), other.sha256.clone());
        let torn = |why: &str| BackupError::Torn { path: path.clone(), why: format!("the file {name} {why}") };
        let mut content = Vec::new();
        let entry = self.zip.by_name(&format!("{FILES}{name}")).map_err(|_| torn("is missing"))?;
        entry.take(FILE_BYTES_MAX).read_to_end(&mut content).map_err(|_| torn("is damaged"))?;
        if hex(&Sha256::digest(&content)) != sha256 {
            return Err(torn("was changed after it was written"));
        }
        Ok(Some(content))
    }

    /// Makes a database from the backup, all of it or nothing: the tables as they were, their rows, then whatever
    /// migrations came since; at last `after` runs in the same transaction. With `replace`, what was there is removed.
    ///
    /// # Errors
    /// The backup does not verify; the database is not empty, is in use, or refuses.
    pub fn restore<F>(
        self,
        url: &DatabaseUrl,
        slices: &[Slice],
        replace: bool,
        after: F,
    ) -> Result<Restored, BackupError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<(), BackupError> + Send + 'static,
    {
        let known = slices.to_vec();
        self.lay(url, slices, replace, move |tx| {
            let before = migrate::applied(tx)?.len();
            migrate::migrate(tx, &known)?;
            let migrated = migrate::applied(tx)?.len() - before;
            after(tx)?;
            tx.refresh_statistics()?;
            Ok(migrated)
        })
    }

    /// Makes an empty database what the backup's was, with none of the migrations that came since: what an upgrade finds.
    ///
    /// # Errors
    /// As [`Backup::restore`].
    pub fn restore_as_it_was(self, url: &DatabaseUrl, slices: &[Slice]) -> Result<Restored, BackupError> {
        self.lay(url, slices, false, |_| Ok(0))
    }

    fn lay<F>(mut self, url: &DatabaseUrl, slices: &[Slice], replace: bool, after: F) -> Result<Restored, BackupError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<usize, BackupError> + Send + 'static,
    {
        self.verify(slices)?;
        migrate::check(slices)?;
        let store = Store::open_alone(url)?;
        let (slices, url) = (slices.to_vec(), url.to_string());
        store.write_blocking(move |tx| {
            if !remove_all(tx, &slices, replace)? {
                return Err(BackupError::NotEmpty { url });
            }
            let was = self.manifest.migrations.clone();
            migrate::migrate_to(tx, &slices, |slice, number| {
                was.iter().any(|applied| applied.slice == slice && applied.number == number)
            })?;
            if tx.dialect() == Dialect::Sqlite {
                tx.batch("PRAGMA defer_foreign_keys = ON")?;
            }
            let rows = self.load(tx, &slices)?;
            let migrated = after(tx)?;
            Ok(Restored { rows, migrated })
        })
    }

    /// Whether this program knows every migration that the backup's database had, to the letter.
    fn check_migrations(&self, slices: &[Slice]) -> Result<(), BackupError> {
        let dialect = match self.manifest.database.as_str() {
            "sqlite" => Dialect::Sqlite,
            "postgres" => Dialect::Postgres,
            other => return Err(self.torn(format!("its manifest names a database {other:?}"))),
        };
        match migrate::missing(slices, dialect, &self.manifest.migrations) {
            Ok(_) => Ok(()),
            Err(StoreError::Newer { slice, number }) => Err(BackupError::Newer {
                program: self.manifest.program.clone(),
                what: format!("it has migration {number} of {slice}, which this program does not know"),
            }),
            Err(other) => Err(other.into()),
        }
    }

    /// Puts the rows into tables that are as the backup's were.
    fn load(&mut self, tx: &mut Tx<'_>, slices: &[Slice]) -> Result<u64, BackupError> {
        let tables = tables_of(tx, slices)?;
        // What migrations put there is in the backup too, as it was by then. Who refers to a row stands after it.
        for table in tables.iter().rev() {
            let has_rows = tx.query_opt(&format!("SELECT 1 FROM {table} LIMIT 1"), &[], |_| Ok(()))?.is_some();
            if has_rows && !self.manifest.left_out.contains(table) {
                tx.execute(&format!("DELETE FROM {table}"), &[])?;
            }
        }
        if let Some(table) = self.manifest.tables.iter().find(|table| !tables.contains(&table.name)) {
            return Err(self.torn(format!("its migrations make no table {}", table.name)));
        }
        let mut total = 0;
        for name in &tables {
            let Some(at) = self.manifest.tables.iter().position(|table| table.name == *name) else {
                if self.manifest.left_out.contains(name) {
                    continue;
                }
                return Err(self.torn(format!("the table {name} is missing")));
            };
            let mut here = columns_of(tx, name)?;
            let columns: Vec<(String, Kind)> = self.manifest.tables[at]
                .columns
                .iter()
                .map(|(name, kind)| (name.clone(), kind_of(kind)))
                .filter_map(|(name, kind)| Some((name, kind?)))
                .collect();
            let mut there = columns.clone();
            here.sort_by(|one, two| one.0.cmp(&two.0));
            there.sort_by(|one, two| one.0.cmp(&two.0));
            if here != there {
                return Err(self.torn(format!("the table {name} has other columns than its migrations make")));
            }
            let columns: Vec<(&str, Kind)> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
            let (mut batch, mut bytes) = (Vec::new(), 0);
            self.each_row(at, |values| {
                bytes += values.iter().map(bytes_of).sum::<usize>();
                batch.append(values);
                if batch.len() >= VALUES_AT_ONCE || bytes >= BYTES_AT_ONCE {
                    tx.insert_many(name, &columns, &batch, "")?;
                    batch.clear();
                    bytes = 0;
                }
                Ok(())
            })?;
            tx.insert_many(name, &columns, &batch, "")?;
            total += self.manifest.tables[at].rows;
        }
        Ok(total)
    }

    /// Shows `each` the values of every row of a table, and makes sure of their number and hash.
    fn each_row(
        &mut self,
        at: usize,
        mut each: impl FnMut(&mut Vec<Value<'static>>) -> Result<(), StoreError>,
    ) -> Result<(), BackupError> {
        let table = self.manifest.tables[at].clone();
        let path = self.path.clone();
        let torn = |why: &str| BackupError::Torn { path: path.clone(), why: format!("the table {} {why}", table.name) };
        if !is_name(&table.name) || table.columns.is_empty() || !table.columns.iter().all(|(name, _)| is_name(name)) {
            return Err(torn("has no name of a table, or of a column"));
        }
        let entry = self.zip.by_name(&format!("{TABLES}{}", table.name)).map_err(|_| torn("is missing"))?;
        let mut hashed = Hashed { from: BufReader::new(entry), hash: Sha256::new() };
        let mut values = Vec::with_capacity(table.columns.len());
        for _ in 0..table.rows {
            values.clear();
            for _ in &table.columns {
                values.push(decode(&mut hashed).map_err(|_| torn("is damaged, or shorter than it was"))?);
            }
            each(&mut values)?;
        }
        // One byte more would be a row too many.
        if !matches!(hashed.from.read(&mut [0]), Ok(0)) || hex(&hashed.hash.finalize()) != table.sha256 {
            return Err(torn("was changed after it was written"));
        }
        Ok(())
    }

    fn torn(&self, why: String) -> BackupError {
        BackupError::Torn { path: self.path.clone(), why }
    }
}

/// What every form of the file says.
#[derive(Deserialize)]
struct Form {
    format: u32,
    program: String,
}

/// Reads, and hashes what was read.
struct Hashed<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

/// Removes our tables, and answers whether there is nothing of ours now. Without `replace` it only looks.
fn remove_all(tx: &mut Tx<'_>, slices: &[Slice], replace: bool) -> Result<bool, StoreError> {
    const FUNCTIONS: &str = "SELECT CAST(CAST(p.oid AS regprocedure) AS TEXT), CAST(p.proname AS TEXT)
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = current_schema()";
    let mut tables = tables_of(tx, slices)?;
    if tx.tables()?.iter().any(|table| table == migrate::TABLE) {
        tables.push(migrate::TABLE.to_owned());
    }
    if tables.is_empty() || !replace {
        return Ok(tables.is_empty());
    }
    if tx.dialect() == Dialect::Sqlite {
        tx.batch("PRAGMA defer_foreign_keys = ON")?;
    }
    // Who refers to a table stands after it.
    for table in tables.iter().rev() {
        let cascade = if tx.dialect() == Dialect::Postgres { " CASCADE" } else { "" };
        tx.batch(&format!("DROP TABLE {table}{cascade}"))?;
    }
    if tx.dialect() == Dialect::Postgres {
        let functions = tx.query(FUNCTIONS, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
        for (function, _) in functions.iter().filter(|(_, name)| is_ours(name, slices)) {
            tx.batch(&format!("DROP FUNCTION {function} CASCADE"))?;
        }
    }
    Ok(true)
}

fn is_ours(name: &str, slices: &[Slice]) -> bool {
    slices.iter().any(|slice| name.strip_prefix(slice.name).is_some_and(|rest| rest.starts_with('_')))
}

/// The slices' tables in the order in which they were made: nothing refers to what stands after it.
fn tables_of(tx: &mut Tx<'_>, slices: &[Slice]) -> Result<Vec<String>, StoreError> {
    const SQLITE: &str = "SELECT s.name FROM sqlite_schema s JOIN pragma_table_list l ON l.name = s.name
        WHERE s.type = 'table' AND l.schema = 'main' AND l.type IN ('table', 'virtual') ORDER BY s.rowid";
    const POSTGRES: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.oid";
    let sql = match tx.dialect() {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    let mut tables = tx.query(sql, &[], |row| row.text(0).map(str::to_owned))?;
    tables.retain(|table| is_ours(table, slices));
    Ok(tables)
}

/// A table's columns, in their order.
fn columns_of(tx: &mut Tx<'_>, table: &str) -> Result<Vec<(String, Kind)>, StoreError> {
    const SQLITE: &str = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
    const POSTGRES: &str = "SELECT CAST(a.attname AS TEXT), CAST(format_type(a.atttypid, NULL) AS TEXT)
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let sql = match tx.dialect() {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    tx.query(sql, &[table.into()], |row| {
        let kind = match row.text(1)? {
            "INTEGER" | "bigint" => Kind::Int,
            "REAL" | "double precision" => Kind::Real,
            "TEXT" | "text" => Kind::Text,
            "BLOB" | "bytea" => Kind::Bytes,
            other => return Err(StoreError::Content(format!("a column of {table} is of the type {other:?}"))),
        };
        Ok((row.text(0)?.to_owned(), kind))
    })
}

fn database_word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "int",
        Kind::Real => "real",
        Kind::Text => "text",
        Kind::Bytes => "bytes",
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    [Kind::Int, Kind::Real, Kind::Text, Kind::Bytes].into_iter().find(|kind| self::word(*kind) == word)
}

fn bytes_of(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null | Value::Int(_) | Value::Real(_) => size_of::<i64>(),
    }
}

/// One byte says what follows: nothing, eight bytes, or a length of four bytes and so many bytes. All little-endian.
fn encode(value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let mut long = |tag: u8, bytes: &[u8]| {
        let length = u32::try_from(bytes.len())
            .map_err(|_| StoreError::Content("a value of more than 4 GiB has no place in a backup".to_owned()))?;
        out.push(tag);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    };
    match value {
        Value::Text(text) => return long(3, text.as_bytes()),
        Value::Bytes(bytes) => return long(4, bytes),
        Value::Null => out.push(0),
        Value::Int(number) => {
            out.push(1);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Real(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    Ok(())
}

fn decode(from: &mut impl Read) -> std::io::Result<Value<'static>> {
    let odd = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    Ok(match array::<1>(from)?[0] {
        0 => Value::Null,
        1 => Value::Int(i64::from_le_bytes(array(from)?)),
        2 => Value::Real(f64::from_le_bytes(array(from)?)),
        tag @ (3 | 4) => {
            let length = u64::from(u32::from_le_bytes(array(from)?));
            // What claims to be longer than the file takes no more memory than there are bytes.
            let mut bytes = Vec::new();
            if from.take(length).read_to_end(&mut bytes)? as u64 != length {
                return Err(odd());
            }
            match tag {
                3 => Value::from(String::from_utf8(bytes).map_err(|_| odd())?),
                _ => Value::from(bytes),
            }
        }
        _ => return Err(odd()),
    })
}

fn array<const N: usize>(from: &mut impl Read) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
