#![doc = include_str!("../README.md")]

mod apply;
mod backfill;
mod beside;
mod called;
mod canonical;
mod checkpoint;
mod configure;
mod connect;
mod drift;
mod enrich;
mod enrolment;
mod error;
pub mod examine;
pub mod explorers;
mod fetch;
pub mod health;
pub mod import;
mod integration;
mod lease;
mod left_out;
mod manage;
mod nudge;
pub mod options;
mod pass;
mod past;
mod patience;
mod position;
mod quarantine;
mod rate;
mod reapply;
mod refusal;
mod report;
mod retire;
mod run;
pub mod scan;
pub mod schedule;
mod scope;
mod seen;
mod settle;
mod shared;
mod sight;
mod software;
mod standing;
mod stream;
mod translate;
mod verdict;
mod worker;

pub use backfill::{LANE_SUFFIX, backfills};
pub use beside::{Beside, beside};
pub use called::record_name;
pub use checkpoint::{Held, QUARANTINE_BYTES_MAX, StreamSummary, held, named};
pub use configure::{Change as OptionsChange, configure, rename_site};
pub use connect::{Connect, Connected, SITE_DEFAULT, connect, name_of, pauses};
pub use drift::{Drifted, Surprise, drift};
pub use enrich::{
    PER_PASS_MAX as ENRICHMENTS_PER_PASS_MAX, waiting as enrichments_waiting, waits_about as enrichment_waits_about,
};
pub use enrolment::{
    Enrolment, allow as allow_connector, enrol as enrol_connector, enrolments, is_allowed as is_connector_allowed,
};
pub use error::SyncError;
pub use integration::{Connector, INTERVAL_MIN, Integration, IntegrationState, Options, REQUESTS_PER_MINUTE};
pub use lease::{Holder, LEASE, Taken, take as take_lease};
pub use left_out::{LeftOutCount, LeftOutRecord, UnknownGroup, left_out, left_out_counts, unknown_groups};
pub use manage::{Removed, integration, move_to_site, name_task, remove, rename};
pub use nudge::{NudgeId, follow, nudge};
pub use options::{Import, ImportChange};
pub use past::{AskedStream, Progress, Reading, ReadingFilter, progress, reading_of, readings};
pub use quarantine::{Aside, TRANSLATOR_VERSION, quarantined, quarantined_count};
pub use reapply::{Reapplied, reapply};
pub use report::{Event, ExitClass, RATE_LIMITED_INTERVAL, StreamReport, StreamStatus, SweepKind};
pub use retire::{HOLD_ONE_IN, Look};
pub use run::{Place, Run, integrations, run, standing};
pub use scope::{Scope, Seen};
pub use shared::{Use, facts, open_token, renewed, try_token, uses};
pub use sight::{ROLE_ENOUGH, modules};
pub use standing::{
    CHECK_EVERY, FirstReading, Health, Overview, PROBE_EVERY, PROBE_UNREACHABLE_EVERY, StreamStanding, TOKEN_WARNINGS,
    TokenWarning, first_readings, overview, overviews, token_warning,
};
pub use stream::{
    Change, IMPORTED, Identity, Parents, Proof, Removal, Reread, STREAMS, Source, Stream, TimeField, Volatile,
};
pub use worker::{LOOK_EVERY, SWEEPS_AT_ONCE, SWEEPS_AT_ONCE_PER_INTEGRATION, WorkerOptions, worker};

use store::{Migration, Slice};

/// The tables of this slice.
pub const SLICE: Slice = Slice {
    name: "sync",
    migrations: &[
        Migration {
            number: 1,
            name: "sync",
            sqlite: include_str!("../migrations/0001_sync/sqlite.sql"),
            postgres: include_str!("../migrations/0001_sync/postgres.sql"),
        },
        Migration {
            number: 2,
            name: "engine",
            sqlite: include_str!("../migrations/0002_engine/sqlite.sql"),
            postgres: include_str!("../migrations/0002_engine/postgres.sql"),
        },
        Migration {
            number: 3,
            name: "workers",
            sqlite: include_str!("../migrations/0003_workers/sqlite.sql"),
            postgres: include_str!("../migrations/0003_workers/postgres.sql"),
        },
        Migration {
            number: 4,
            name: "import",
            sqlite: include_str!("../migrations/0004_import/sqlite.sql"),
            postgres: include_str!("../migrations/0004_import/postgres.sql"),
        },
        Migration {
            number: 5,
            name: "options",
            sqlite: include_str!("../migrations/0005_options/sqlite.sql"),
            postgres: include_str!("../migrations/0005_options/postgres.sql"),
        },
        Migration {
            number: 7,
            name: "refusals",
            sqlite: include_str!("../migrations/0007_refusals/sqlite.sql"),
            postgres: include_str!("../migrations/0007_refusals/postgres.sql"),
        },
        Migration {
            number: 8,
            name: "credentials_and_enrolments",
            sqlite: include_str!("../migrations/0008_credentials_and_enrolments/sqlite.sql"),
            postgres: include_str!("../migrations/0008_credentials_and_enrolments/postgres.sql"),
        },
        Migration {
            number: 9,
            name: "explorers",
            sqlite: include_str!("../migrations/0009_explorers/sqlite.sql"),
            postgres: include_str!("../migrations/0009_explorers/postgres.sql"),
        },
        Migration {
            number: 10,
            name: "scans",
            sqlite: include_str!("../migrations/0010_scans/sqlite.sql"),
            postgres: include_str!("../migrations/0010_scans/postgres.sql"),
        },
    ],
};
