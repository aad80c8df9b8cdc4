#![doc = include_str!("../README.md")]

mod apply;
mod canonical;
mod checkpoint;
mod connect;
mod error;
mod fetch;
mod integration;
mod pass;
mod position;
mod rate;
mod report;
mod run;
mod seen;
mod stream;
mod translate;
mod verdict;

pub use checkpoint::StreamSummary;
pub use connect::{Connect, Connected, SITE_DEFAULT, connect};
pub use error::SyncError;
pub use integration::{Integration, IntegrationState, Options, REQUESTS_PER_MINUTE};
pub use report::{Event, ExitClass, StreamReport, StreamStatus, SweepKind};
pub use run::{Place, Run, integrations, run, standing};
pub use stream::{Change, Identity, Parents, Proof, Removal, Reread, STREAMS, Source, Stream, TimeField, Volatile};

use store::{Migration, Slice};

/// The tables of this slice.
pub const SLICE: Slice = Slice {
    name: "sync",
    migrations: &[Migration {
        number: 1,
        name: "sync",
        sqlite: include_str!("../migrations/0001_sync/sqlite.sql"),
        postgres: include_str!("../migrations/0001_sync/postgres.sql"),
    }],
};
