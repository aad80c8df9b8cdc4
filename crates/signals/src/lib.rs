#![doc = include_str!("../README.md")]

mod block;
mod deliver;
mod log;
mod record;
mod retain;
mod sink;
mod text;

pub use deliver::{Delivered, deliver};
pub use log::{Artifact, bodies, count, find, latest, read, scan};
pub use record::{ArtifactId, Entry, Op, Page, Recorded, record};
pub use retain::{Retained, retain};
pub use sink::{NewSink, Sink, SinkId, SinkState, all_sinks, sink_named, sinks};
pub use text::{Indexed, index};

use store::{Migration, Slice};

/// The tables of this slice.
pub const SLICE: Slice = Slice {
    name: "signals",
    migrations: &[
        Migration {
            number: 1,
            name: "log",
            sqlite: include_str!("../migrations/0001_log/sqlite.sql"),
            postgres: include_str!("../migrations/0001_log/postgres.sql"),
        },
        Migration {
            number: 2,
            name: "sinks_text_retention",
            sqlite: include_str!("../migrations/0002_sinks_text_retention/sqlite.sql"),
            postgres: include_str!("../migrations/0002_sinks_text_retention/postgres.sql"),
        },
    ],
};

/// Why the log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SignalsError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A block could not be compressed.
    #[error("a block of the log cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// A block does not hold what its artifacts say.
    #[error("block {block} of the log cannot be read: {reason}")]
    Block {
        /// The block.
        block: i64,
        /// What is wrong with it.
        reason: &'static str,
    },
}
