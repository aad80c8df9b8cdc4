//! The PostgreSQL side: connections, statements, and what its errors mean.

use std::sync::Arc;
use std::time::Duration;

use ::postgres::config::Host;
use ::postgres::error::SqlState;
use ::postgres::fallible_iterator::FallibleIterator;
use ::postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, NoTls, Statement};
use bytes::{BufMut, BytesMut};
use kernel::Value;
use rustc_hash::FxHashMap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::row::{Inner, Row};
use crate::tx::{Each, Flow, Keys, Mode};
use crate::url::{PostgresUrl, Trust};
use crate::{Kind, StoreError, lock, sql};

/// How long to wait for a server to answer at all, unless the URL says.
const CONNECT: Duration = Duration::from_secs(10);

/// How long sent bytes may stay without an answer before the server counts as gone.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a pooled connection may take to show that it is alive.
const ALIVE: Duration = Duration::from_secs(5);

/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 256;

/// Rows that one statement carries: arrays of a few megabytes, far from the protocol's 1 GiB.
const ROWS_MAX: usize = 8192;

/// The first half of the writers' advisory lock; the second is the schema's hash, so that several databases of ours can
/// share one of theirs. "Must" in ASCII.
const LOCK_CLASS: i32 = 0x4d75_7374;

/// How long to wait for the lock: a server needs a moment to notice that the session of a process that just ended is gone,
/// and bringing a database up to date takes one.
const LOCK_WAIT: &str = "SET lock_timeout = 2000";

const TAKE_SHARED: &str = "SELECT pg_advisory_lock_shared($1, hashtext(COALESCE(CAST(current_schema() AS TEXT), '')))";
const TAKE_ALONE: &str = "SELECT pg_advisory_lock($1, hashtext(COALESCE(CAST(current_schema() AS TEXT), '')))";
const RELEASE: &str = "SELECT pg_advisory_unlock_all()";
const LOCK_HOLDER: &str = "SELECT a.application_name, CAST(host(a.client_addr) AS TEXT), l.pid
    FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = CAST(CAST($1 AS INTEGER) AS OID)
      AND l.objid = CAST(hashtext(COALESCE(CAST(current_schema() AS TEXT), '')) AS OID)
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND l.pid <> pg_backend_pid()";

/// One connection, with what it has prepared. Made, used and dropped on a store thread: the driver blocks.
pub(crate) struct Session {
    client: Client,
    url: String,
    statements: FxHashMap<Box<str>, Statement>,
    /// A statement of the present transaction failed.
    pub doomed: bool,
    /// The present transaction is given up, and names may mean other tables in it.
    supposing: bool,
}

/// Which part a connection plays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Reader,
}

/// With whom a writer shares the database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// With other writers: they agree by leases and row locks.
    WithWriters,
    /// With nobody who writes: tables change.
    Alone,
}

impl Session {
    /// Connects. The writer's connection itself holds the writers' lock, so that whoever loses the one loses the other
    /// and no write ever happens without it.
    pub fn open(url: &PostgresUrl, role: Role) -> Result<Session, StoreError> {
        let client = connect(url)?;
        let mut session =
            Session { client, url: url.to_string(), statements: FxHashMap::default(), doomed: false, supposing: false };
        session.prepare_session(role)?;
        if role == Role::Writer {
            session.lock(Sharing::WithWriters)?;
        }
        Ok(session)
    }

    fn prepare_session(&mut self, role: Role) -> Result<(), StoreError> {
        let encoding = self.ask("SELECT current_setting('server_encoding')", &[], |row| row.try_get::<_, String>(0))?;
        if encoding.first().is_none_or(|encoding| encoding != "UTF8") {
            return Err(StoreError::Url(format!("the database {} must be encoded in UTF8", self.url)));
        }
        // A commit is a promise that the data is on the disk, whatever the server's default is. Compiling queries costs
        // more than ours take.
        self.batch(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
             SET jit = off;",
        )?;
        if role == Role::Reader {
            // Questions differ wildly in what their values select; a plan made for any value suits none.
            self.batch("SET plan_cache_mode = force_custom_plan")?;
        }
        Ok(())
    }

    /// Takes the writers' lock, and lets go of it as it was held before.
    pub fn lock(&mut self, sharing: Sharing) -> Result<(), StoreError> {
        self.batch(RELEASE)?;
        self.batch(LOCK_WAIT)?;
        let take = match sharing {
            Sharing::WithWriters => TAKE_SHARED,
            Sharing::Alone => TAKE_ALONE,
        };
        match self.ask(take, &[&LOCK_CLASS], |_| Ok(())) {
            Err(StoreError::Locked { .. }) => self.batch("SET lock_timeout = 0")?,
            taken => {
                taken?;
                return self.batch("SET lock_timeout = 0");
            }
        }
        let holder = self.ask(LOCK_HOLDER, &[&LOCK_CLASS], |row| {
            let name: Option<String> = row.try_get(0)?;
            let host: Option<String> = row.try_get(1)?;
            let pid: Option<i32> = row.try_get(2)?;
            let name = name.filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| format!("the server's session {}", pid.unwrap_or_default()));
            Ok(match host {
                Some(host) => format!("{name} at {host}"),
                None => name,
            })
        })?;
        // It may have let go in between; whoever asks again will get it.
        Err(StoreError::Locked { by: holder.into_iter().next().unwrap_or_else(|| "another process".to_owned()) })
    }

    fn ask<T>(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        read: impl Fn(&::postgres::Row) -> Result<T, ::postgres::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.client.query(sql, params).map_err(|error| explain(&error, &self.url, sql))?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| explain(&error, &self.url, sql))
    }

    /// Runs statements without parameters, separated by semicolons.
    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let done = self.client.batch_execute(sql).map_err(|error| explain(&error, &self.url, sql));
        self.doomed |= done.is_err();
        done
    }

    pub fn begin(&mut self, mode: Mode) -> Result<(), StoreError> {
        self.doomed = false;
        self.supposing = mode == Mode::Suppose;
        self.batch(match mode {
            Mode::Write => "BEGIN",
            Mode::Suppose => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
    }

    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.batch("COMMIT")
    }

    pub fn rollback(&mut self) {
        if let Err(error) = self.batch("ROLLBACK") {
            // The server rolls back by itself when the connection goes, and this one is found broken when next taken.
            tracing::warn!(%error, "A transaction could not be rolled back");
        }
    }

    /// Whether the server still answers on this connection.
    pub fn is_usable(&mut self) -> bool {
        self.client.is_valid(ALIVE).is_ok()
    }

    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.run(sql, params.iter().map(Param), &mut |_| Ok(Flow::Continue(())))
    }

    pub fn rows(&mut self, sql: &str, params: &[Value<'_>], each: Each<'_>) -> Result<(), StoreError> {
        self.run(sql, params.iter().map(Param), each).map(drop)
    }

    pub fn insert_many(
        &mut self,
        table: &str,
        columns: &[(&str, Kind)],
        values: &[Value<'_>],
        on_conflict: &str,
    ) -> Result<u64, StoreError> {
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let arrays = unnest(columns.iter());
        self.arrays(
            &format!("INSERT INTO {table} ({names}) SELECT * FROM {arrays} {on_conflict}"),
            columns,
            &[],
            values,
        )
    }

    pub fn update_many(
        &mut self,
        table: &str,
        keys: &[(&str, Kind)],
        sets: &[(&str, Kind)],
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let given = (1..=keys.len() + sets.len()).map(|at| format!("v{at}")).collect::<Vec<_>>().join(", ");
        let set = sets.iter().zip(keys.len() + 1..).map(|((name, _), at)| format!("{name} = given.v{at}"));
        let sql = format!(
            "UPDATE {table} SET {} FROM {} AS given({given}) WHERE {}",
            set.collect::<Vec<_>>().join(", "),
            unnest(keys.iter().chain(sets)),
            equal(table, keys),
        );
        self.arrays(&sql, keys, sets, values)
    }

    pub fn delete_many(&mut self, table: &str, keys: &[(&str, Kind)], values: &[Value<'_>]) -> Result<u64, StoreError> {
        let given = (1..=keys.len()).map(|at| format!("v{at}")).collect::<Vec<_>>().join(", ");
        let (arrays, keys_text) = (unnest(keys.iter()), equal(table, keys));
        self.arrays(
            &format!("DELETE FROM {table} USING {arrays} AS given({given}) WHERE {keys_text}"),
            keys,
            &[],
            values,
        )
    }

    /// Runs a statement whose parameters are whole columns, a chunk of rows at a time.
    fn arrays(
        &mut self,
        sql: &str,
        columns: &[(&str, Kind)],
        more: &[(&str, Kind)],
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let width = columns.len() + more.len();
        let mut changed = 0;
        for rows in values.chunks(ROWS_MAX * width) {
            let columns = columns.iter().chain(more).enumerate();
            let arrays: Vec<Column<'_>> =
                columns.map(|(offset, (_, kind))| Column { rows, offset, width, kind: *kind }).collect();
            changed += self.run(sql, arrays.iter(), &mut |_| Ok(Flow::Continue(())))?;
        }
        Ok(changed)
    }

    pub fn select_in(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keys: Keys<'_>,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let kind = match keys {
            Keys::Ints(_) => Kind::Int,
            Keys::Texts(_) => Kind::Text,
            Keys::Bytes(_) => Kind::Bytes,
        };
        let at = params.len() + 1;
        let sql = sql.replace(Keys::MARK, &format!("= ANY (CAST(${at} AS {}[]))", sql_type(kind)));
        let keys: Vec<Value<'_>> = keys.values().collect();
        for rows in keys.chunks(ROWS_MAX) {
            let column = Column { rows, offset: 0, width: 1, kind };
            let params: Vec<Param<'_>> = params.iter().map(Param).collect();
            let mut all: Vec<&dyn ToSql> = params.iter().map(|param| param as &dyn ToSql).collect();
            all.push(&column);
            self.run(&sql, all, each)?;
        }
        Ok(())
    }

    /// Prepares `sql`, or finds it prepared, runs it, and answers how many rows it returned or changed.
    fn run<P, I>(&mut self, sql: &str, params: I, each: Each<'_>) -> Result<u64, StoreError>
    where
        P: ::postgres::types::BorrowToSql,
        I: IntoIterator<Item = P>,
        I::IntoIter: ExactSizeIterator,
    {
        // Told apart from what `each` refuses: that does not doom the transaction.
        let mut stopped = Ok(());
        let result = self.try_run(sql, params.into_iter(), each, &mut stopped);
        self.doomed |= result.is_err();
        let changed = result?;
        stopped.map(|()| changed)
    }

    fn try_run<P: ::postgres::types::BorrowToSql>(
        &mut self,
        sql: &str,
        params: impl ExactSizeIterator<Item = P>,
        each: Each<'_>,
        stopped: &mut Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        if statement.params().len() != params.len() {
            let detail = format!("{} values for {} parameters", params.len(), statement.params().len());
            return Err(StoreError::sql(detail, sql));
        }
        let explain = |error: ::postgres::Error| explain(&error, &self.url, sql);
        let mut rows = self.client.query_raw(&statement, params).map_err(explain)?;
        while let Some(row) = rows.next().map_err(explain)? {
            match each(&Row(Inner::Postgres(&row))) {
                Ok(Flow::Continue(())) => {}
                Ok(Flow::Break(())) => break,
                Err(error) => {
                    *stopped = Err(error);
                    break;
                }
            }
        }
        Ok(rows.rows_affected().unwrap_or_default())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        // The server does not notice that a temporary table covers one that a prepared statement names.
        if let Some(statement) = self.statements.get(sql).filter(|_| !self.supposing) {
            return Ok(statement.clone());
        }
        sql::number(sql).map_err(|detail| StoreError::sql(detail, sql))?;
        let statement = self.client.prepare(sql).map_err(|error| explain(&error, &self.url, sql))?;
        if self.supposing {
            return Ok(statement);
        }
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "BIGINT",
        Kind::Real => "DOUBLE PRECISION",
        Kind::Text => "TEXT",
        Kind::Bytes => "BYTEA",
    }
}

fn unnest<'a>(columns: impl Iterator<Item = &'a (&'a str, Kind)>) -> String {
    let arrays = columns.zip(1..).map(|((_, kind), at)| format!("CAST(${at} AS {}[])", sql_type(*kind)));
    format!("UNNEST({})", arrays.collect::<Vec<_>>().join(", "))
}

fn equal(table: &str, keys: &[(&str, Kind)]) -> String {
    let parts = keys.iter().zip(1..).map(|((name, _), at)| format!("{table}.{name} = given.v{at}"));
    parts.collect::<Vec<_>>().join(" AND ")
}

type Refusal = Box<dyn std::error::Error + Sync + Send>;

/// A value on its way in, as the type that the server expects in its place.
#[derive(Debug)]
struct Param<'a>(&'a Value<'a>);

impl ToSql for Param<'_> {
    fn to_sql(&self, expected: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        match (self.0, expected) {
            (Value::Null, _) => return Ok(IsNull::Yes),
            (Value::Int(number), &Type::INT8) => out.put_i64(*number),
            (Value::Int(number), &Type::INT4) => out.put_i32(i32::try_from(*number)?),
            (Value::Int(number), &Type::INT2) => out.put_i16(i16::try_from(*number)?),
            #[expect(clippy::cast_precision_loss, reason = "asked for by the statement, as SQLite does")]
            (Value::Int(number), &Type::FLOAT8) => out.put_f64(*number as f64),
            (Value::Real(number), &Type::FLOAT8) => out.put_f64(*number),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN) => {
                out.put_slice(kernel::fold::without_nul(text).0.as_bytes());
            }
            (Value::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (value, expected) => {
                let given = match value {
                    Value::Null => "null",
                    Value::Int(_) => "an integer",
                    Value::Real(_) => "a number",
                    Value::Text(_) => "text",
                    Value::Bytes(_) => "bytes",
                };
                return Err(format!("{given} is given where the server expects {expected}: cast the parameter").into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One column of many rows, written as an array without being collected first.
#[derive(Debug)]
struct Column<'a> {
    rows: &'a [Value<'a>],
    offset: usize,
    width: usize,
    kind: Kind,
}

impl ToSql for Column<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        let element = match self.kind {
            Kind::Int => Type::INT8,
            Kind::Real => Type::FLOAT8,
            Kind::Text => Type::TEXT,
            Kind::Bytes => Type::BYTEA,
        };
        let rows = self.rows.len() / self.width;
        // One dimension, some elements may be null, the element's type, its length, its first index.
        out.put_i32(1);
        out.put_i32(1);
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(rows)?);
        out.put_i32(1);
        for value in self.rows.iter().skip(self.offset).step_by(self.width) {
            let start = out.len();
            out.put_i32(-1);
            if let IsNull::No = Param(value).to_sql(&element, out)? {
                let length = i32::try_from(out.len() - start - 4)?;
                out[start..start + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Reads one column.
pub(crate) fn value(row: &::postgres::Row, at: usize) -> Result<Value<'_>, StoreError> {
    let Some(column) = row.columns().get(at) else {
        return Err(StoreError::Content(format!("there is no column {at}")));
    };
    if !Read::accepts(column.type_()) {
        return Err(StoreError::Content(format!("column {at} is {}: cast it in the statement", column.type_())));
    }
    let read: Option<Read<'_>> =
        row.try_get(at).map_err(|error| StoreError::Content(format!("column {at}: {error}")))?;
    Ok(read.map_or(Value::Null, |read| read.0))
}

struct Read<'a>(Value<'a>);

impl<'a> FromSql<'a> for Read<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Read<'a>, Refusal> {
        Ok(Read(match *kind {
            Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Int(i64::from(i32::from_sql(kind, raw)?)),
            Type::INT2 => Value::Int(i64::from(i16::from_sql(kind, raw)?)),
            Type::BOOL => Value::Int(i64::from(bool::from_sql(kind, raw)?)),
            Type::FLOAT8 => Value::Real(f64::from_sql(kind, raw)?),
            Type::BYTEA => Value::from(raw),
            _ => Value::from(<&str>::from_sql(kind, raw)?),
        }))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::INT2 | Type::BOOL | Type::FLOAT8 | Type::BYTEA)
            || matches!(*kind, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
    }
}

/// Turns the driver's error into ours. The server's DETAIL is left out: it repeats values.
fn explain(error: &::postgres::Error, url: &str, sql: &str) -> StoreError {
    let Some(answer) = error.as_db_error() else {
        let mut detail = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            if !detail.contains(&inner_text) {
                detail = format!("{detail}: {inner_text}");
            }
            cause = inner.source();
        }
        let is_ours = detail.starts_with("error serializing") || detail.starts_with("error deserializing");
        return if is_ours {
            StoreError::sql(detail, sql)
        } else {
            StoreError::Unreachable { url: url.to_owned(), detail }
        };
    };
    let detail = answer.message().to_owned();
    let code = answer.code();
    match code.code().get(..2).unwrap_or_default() {
        _ if *code == SqlState::DISK_FULL => StoreError::Full,
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnly,
        _ if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => StoreError::Corrupt { detail },
        _ if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Locked { by: "another session".to_owned() },
        "23" => StoreError::Constraint { detail },
        // Connections, authorization, no such database, too many sessions, a server that goes down.
        "08" | "28" | "3D" | "53" | "57" => StoreError::Unreachable { url: url.to_owned(), detail },
        _ => StoreError::sql(format!("{detail} ({})", code.code()), sql),
    }
}

/// What helps where a server on another machine could not prove itself, and nobody said that it need not.
const UNPROVEN: &str = "; a server on another machine has to prove itself: add ?sslrootcert=FILE with its authority, or say \
    ?sslmode=disable or prefer to do without";

fn connect(url: &PostgresUrl) -> Result<Client, StoreError> {
    let mut config = url.config.clone();
    config.application_name(&lock::who());
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    let only_sockets = config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_)));
    let is_plain = config.get_ssl_mode() == ::postgres::config::SslMode::Disable
        || only_sockets && config.get_hostaddrs().is_empty();
    let connected = if is_plain { config.connect(NoTls) } else { config.connect(MakeRustlsConnect::new(tls(url)?)) };
    connected.map_err(|error| match explain(&error, &url.to_string(), "") {
        // Whatever a server says while we connect, we are not connected.
        StoreError::Sql { detail, .. } | StoreError::Unreachable { detail, .. } => {
            let is_about_tls = detail.contains("TLS") || detail.contains("certificate");
            let hint = if url.by_default && is_about_tls { UNPROVEN } else { "" };
            StoreError::Unreachable { url: url.to_string(), detail: format!("{detail}{hint}") }
        }
        other => other,
    })
}

fn tls(url: &PostgresUrl) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring serves the default protocol versions");
    let roots = match &url.trust {
        Trust::Anyone => {
            let anyone = Arc::new(Anyone(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth());
        }
        Trust::WebRoots => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        Trust::File(path) => {
            let unusable = |why: String| StoreError::Url(format!("the root certificates in {}: {why}", path.display()));
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unusable("none found".to_owned()));
            }
            roots
        }
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Believes any certificate, as libpq does with `sslmode=prefer`: encryption against listeners, not against impostors.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
