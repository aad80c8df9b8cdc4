//! Where the database is: `sqlite:PATH` or `postgres://user:password@host/database`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ::postgres::config::{Host, SslMode};

use crate::StoreError;

/// PostgreSQL's port where none is named.
const PORT: u16 = 5432;

/// The database to open. It prints without a password.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A SQLite file: `sqlite:muster.db`, `sqlite:/var/lib/muster/muster.db`.
    Sqlite(PathBuf),
    /// A SQLite database that lives and dies with the [`crate::Store`]: `sqlite::memory:`.
    Memory,
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

/// How to reach a PostgreSQL server. It prints without a password.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(crate) config: Box<::postgres::Config>,
    pub(crate) trust: Trust,
    /// Nobody said how, and the server is another machine: it has to prove itself.
    pub(crate) by_default: bool,
}

/// Whose certificate a PostgreSQL server may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// `sslmode=prefer`, and no mode at all on this machine: encrypt where the server offers it, believe whoever answers.
    Anyone,
    /// `require`, `verify-ca`, `verify-full`, and no mode at all where the server is another machine: the chain and the name
    /// must hold, from the web's roots.
    WebRoots,
    /// The same, from the roots in this PEM file (`sslrootcert`).
    File(PathBuf),
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<DatabaseUrl, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return match path.strip_prefix("//").unwrap_or(path) {
                "" => Err(StoreError::Url("a file is missing after sqlite: such as sqlite:muster.db".to_owned())),
                ":memory:" => Ok(DatabaseUrl::Memory),
                path => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text.parse().map(DatabaseUrl::Postgres);
        }
        // The text itself is not repeated: a password may be in it.
        Err(StoreError::Url("a database is named by sqlite:PATH or postgres://user@host/database".to_owned()))
    }
}

impl FromStr for PostgresUrl {
    type Err = StoreError;

    /// The driver knows three TLS modes; libpq's `verify-ca`, `verify-full` and `sslrootcert` are taken out first. Where no mode
    /// is named, a server on another machine is spoken to as with `verify-full`: to go without, it has to be said.
    fn from_str(text: &str) -> Result<PostgresUrl, StoreError> {
        let (base, options) = text.split_once('?').unwrap_or((text, ""));
        let (mut verify, mut roots, mut kept, mut said) = (false, None, Vec::new(), false);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            said |= option.starts_with("sslmode=");
            match option.split_once('=') {
                Some(("sslmode", "require" | "verify-ca" | "verify-full")) => {
                    verify = true;
                    kept.push("sslmode=require");
                }
                Some(("sslrootcert", file)) => {
                    let file = percent_encoding::percent_decode_str(file).decode_utf8_lossy().into_owned();
                    roots = Some(PathBuf::from(file));
                }
                _ => kept.push(option),
            }
        }
        let text = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
        let mut config: ::postgres::Config = text.parse().map_err(|error: ::postgres::Error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            StoreError::Url(format!("the postgres:// address cannot be used: {cause}"))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(StoreError::Url("the postgres:// address names no host".to_owned()));
        }
        let by_default = !said && !is_this_machine(&config);
        if by_default {
            config.ssl_mode(SslMode::Require);
        }
        let trust = match (verify || by_default, roots) {
            (_, Some(file)) => {
                if config.get_ssl_mode() != SslMode::Disable {
                    config.ssl_mode(SslMode::Require);
                }
                Trust::File(file)
            }
            (true, None) => Trust::WebRoots,
            (false, None) => Trust::Anyone,
        };
        Ok(PostgresUrl { config: Box::new(config), trust, by_default })
    }
}

/// Whether every place where the server may be is this machine: a socket, `localhost`, or an address of its own.
fn is_this_machine(config: &::postgres::Config) -> bool {
    let by_name = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
            name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    });
    by_name && config.get_hostaddrs().iter().all(|address| address.to_canonical().is_loopback())
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(out, "sqlite:{}", path.display()),
            DatabaseUrl::Memory => out.write_str("sqlite::memory:"),
            DatabaseUrl::Postgres(url) => write!(out, "{url}"),
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let database = self.config.get_dbname().unwrap_or_default();
        let port = self.config.get_ports().first().filter(|port| **port != PORT);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => write!(out, "postgres://{user}{host}{port}/{database}"),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => write!(out, "postgres://{user}/{database}?host={}", folder.display()),
            None => {
                let address = self.config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default();
                write!(out, "postgres://{user}{address}{port}/{database}")
            }
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(text: &str) -> PostgresUrl {
        text.parse().unwrap()
    }

    #[test]
    fn both_kinds_of_address_are_read_and_printed() {
        for (text, printed) in [
            ("sqlite:muster.db", "sqlite:muster.db"),
            ("sqlite:///var/lib/muster.db", "sqlite:/var/lib/muster.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://ann@db.example:5433/muster", "postgres://ann@db.example:5433/muster"),
            ("postgresql://db.example/muster", "postgres://db.example/muster"),
            ("postgres:///muster?host=/run/postgresql&user=ann", "postgres://ann@/muster?host=/run/postgresql"),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let good = "postgres://ann:hunter2@db.example/muster".parse::<DatabaseUrl>().unwrap();
        assert!(!format!("{good} {good:?}").contains("hunter2"));
        for bad in [
            "mysql://ann:hunter2@db/x",
            "postgres://ann:hunter2@db/x?port=hunter",
            "ann:hunter2@db",
            "postgres://ann:hunter2@/x",
        ] {
            let error = bad.parse::<DatabaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            assert_eq!(error.class(), crate::ErrorClass::Usage);
        }
    }

    #[test]
    fn every_tls_mode_of_libpq_has_a_meaning() {
        let modes = [
            // Another machine proves itself unless it is said that it need not.
            ("", SslMode::Require, Trust::WebRoots),
            ("?connect_timeout=2", SslMode::Require, Trust::WebRoots),
            ("?sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("?sslmode=prefer", SslMode::Prefer, Trust::Anyone),
            ("?sslmode=require", SslMode::Require, Trust::WebRoots),
            ("?sslmode=verify-full", SslMode::Require, Trust::WebRoots),
            ("?sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem", SslMode::Require, Trust::File("/etc/ca.pem".into())),
            ("?sslrootcert=/etc/ca.pem", SslMode::Require, Trust::File("/etc/ca.pem".into())),
        ];
        for (options, mode, trust) in modes {
            let url = postgres(&format!("postgres://db.example/muster{options}"));
            assert_eq!((url.config.get_ssl_mode(), url.trust), (mode, trust), "{options}");
        }
    }

    #[test]
    fn only_on_this_machine_is_a_server_believed_unasked() {
        for (place, believed) in [
            ("localhost", true),
            ("127.0.0.1:5433", true),
            ("[::1]", true),
            ("LOCALHOST", true),
            ("localhost,127.0.0.1", true),
            ("localhost.example", false),
            ("10.0.0.5", false),
            ("database", false),
            ("localhost,db.example", false),
        ] {
            let url = postgres(&format!("postgres://ann@{place}/muster"));
            let wanted = if believed { (SslMode::Prefer, Trust::Anyone) } else { (SslMode::Require, Trust::WebRoots) };
            assert_eq!((url.config.get_ssl_mode(), url.trust), wanted, "{place}");
            assert_eq!(url.by_default, !believed, "{place}");
        }
        assert_eq!(postgres("postgres:///muster?host=/run/postgresql").trust, Trust::Anyone);
        // Where it is connected to counts, whatever the name says.
        assert_eq!(postgres("postgres://localhost/muster?hostaddr=10.0.0.5").trust, Trust::WebRoots);
    }
}
