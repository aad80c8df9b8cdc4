#![doc = include_str!("../README.md")]

mod cluster;
mod database;
mod dir;
mod disk;
mod failure;
mod first;
mod identity;
mod server;
mod vfs;

pub use cluster::Cluster;
pub use database::{Database, everything};
pub use dir::TestDir;
pub use disk::{Disk, Loss};
pub use failure::{fail_at, has_failed};
pub use first::{FIRST_KEY, first_version};
pub use identity::{Answered, Identity, Walker};
pub use server::{Server, VARIABLE};

/// Turns claims, functions that take a `&testkit::Database`, into tests on both databases: `sqlite::name` and
/// `postgres::name`.
///
/// ```ignore
/// testkit::on_each_database! {
///     a_row_that_was_written_is_read,
///     a_failed_write_leaves_no_trace,
/// }
///
/// fn a_row_that_was_written_is_read(database: &Database) {
///     let store = database.open(&[access::SLICE]);
///     ...
/// }
/// ```
#[macro_export]
macro_rules! on_each_database {
    ($($claim:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $claim() {
                super::$claim(&$crate::Database::sqlite());
            })+
        }
        mod postgres {
            $(#[test]
            fn $claim() {
                super::$claim(&$crate::Database::postgres());
            })+
        }
    };
}
