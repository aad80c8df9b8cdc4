#![doc = include_str!("../README.md")]

pub mod activity;
pub mod agent;
pub mod apply;
pub mod ask;
pub mod body;
pub mod console;
pub mod counts;
pub mod finding;
pub mod memory;
pub mod noun;
pub mod policy;
pub mod site;

pub use apply::{Context, Incoming, InventoryError, Op, Outcome, Reason, Translation, apply};
pub use ask::{Answer, Ask, AskError, Mistake, Term, Want, ask};
pub use body::{bodies, body};
pub use counts::{StreamCount, counts};
pub use memory::Memory;
pub use noun::Noun;
pub use site::ensure_site;

use store::{Migration, Slice};

/// The tables of this slice.
pub const SLICE: Slice = Slice {
    name: "inventory",
    migrations: &[Migration {
        number: 1,
        name: "records_and_projections",
        sqlite: include_str!("../migrations/0001_records_and_projections/sqlite.sql"),
        postgres: include_str!("../migrations/0001_records_and_projections/postgres.sql"),
    }],
};
