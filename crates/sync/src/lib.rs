#![doc = include_str!("../README.md")]

mod apply;
mod canonical;
mod checkpoint;
mod connect;
mod error;
mod fetch;
mod integration;
mod lease;
mod pass;
mod position;
mod rate;
mod report;
mod run;
mod seen;
mod stream;
mod translate;
mod verdict;
mod worker;

pub use checkpoint::StreamSummary;
pub use connect::{Connect, Connected, SITE_DEFAULT, connect};
pub use error::SyncError;
pub use integration::{INTERVAL_MIN, Integration, IntegrationState, Options, REQUESTS_PER_MINUTE};
pub use lease::{Holder, LEASE, Taken};
pub use report::{Event, ExitClass, StreamReport, StreamStatus, SweepKind};
pub use run::{Place, Run, integrations, run, standing};
pub use stream::{Change, Identity, Parents, Proof, Removal, Reread, STREAMS, Source, Stream, TimeField, Volatile};
pub use worker::{LOOK_EVERY, SWEEPS_AT_ONCE, SWEEPS_AT_ONCE_PER_INTEGRATION, WorkerOptions, worker};

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
