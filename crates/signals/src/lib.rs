#![doc = include_str!("../README.md")]

mod block;
mod catalogue;
mod deliver;
mod follow;
mod line;
mod log;
pub mod ndjson;
mod record;
mod retain;
mod sink;
mod text;

pub use catalogue::{ARTIFACT_IDS, RAW_KIND, UNINDEXED, artifacts, check_filter, count_by_index, within};
pub use deliver::{BATCH_ARTIFACTS, Delivered, Receiver, Refusal, deliver, deliver_with};
pub use follow::follow;
pub use line::Line;
pub use log::{Artifact, bodies, count, find, last_seq, latest, read, scan, scan_within, seq_since};
pub use record::{ArtifactId, Entry, Op, Page, Recorded, record};
pub use retain::{Keep, LogStatus, Retained, keep, log_status, retain, set_keep};
pub use sink::{
    DeadLetter, NewSink, Sink, SinkId, SinkState, add_sink, all_sinks, dead_letters, release_sinks, remove_sink,
    replay, sink_named, sinks,
};
/// Tables whose rows are made from the log again by [`index`], and which a backup leaves out.
pub const COMPUTED_TABLES: &[&str] = &["signals_text", "signals_text_head"];

pub use text::{Indexed, index, index_in, rebuild_index, unindexed, unindexed_count};

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
    /// A sink's name is taken.
    #[error("there is a sink named {0:?} already")]
    SinkExists(String),
    /// Another sink has the same receiver.
    #[error("the sink {0:?} delivers there already")]
    SinkTarget(String),
    /// A sink's filter is not a question that can be put to artifacts.
    #[error("the filter is not understood: {0}")]
    Filter(#[source] query::Refused),
    /// More artifacts wait for the full-text index than one question may read instead.
    #[error("{0} artifacts are not in the full-text index yet")]
    IndexBehind(u64),
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
