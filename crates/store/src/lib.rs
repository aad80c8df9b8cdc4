#![doc = include_str!("../README.md")]

pub mod backup;
pub mod crash;
mod error;
mod lock;
mod migrate;
mod postgres;
mod row;
mod sql;
mod sqlite;
mod store;
mod tx;
mod url;

pub use error::{ErrorClass, StoreError};
pub use kernel::Value;
pub use lock::{who, writer_of};
pub use migrate::{Applied, Migration, Slice};
pub use row::{Kind, Row};
pub use store::{Access, Image, Store};
pub use tx::{Health, Keys, Tx};
pub use url::{DatabaseUrl, PostgresUrl};

/// Which of the two databases is behind the door. Needed only where one SQL text cannot serve both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The bundled SQLite.
    Sqlite,
    /// A PostgreSQL server, 14 or newer.
    Postgres,
}
