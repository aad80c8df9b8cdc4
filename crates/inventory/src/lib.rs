#![doc = include_str!("../README.md")]

pub mod activity;
pub mod apply;
pub mod ask;
pub mod body;
pub mod catalogue;
mod change;
pub mod console;
pub mod correlate;
pub mod counts;
pub mod docs;
mod explain;
pub mod field;
pub mod finding;
pub mod hanging;
pub mod history;
mod holder;
mod inherit;
pub mod integration;
pub mod left_out;
pub mod load;
pub mod machine;
pub mod memory;
pub mod noun;
pub mod onboard;
mod out;
pub mod owner;
mod pending;
pub mod policy;
pub mod project;
mod projection;
pub mod reproject;
pub mod retire;
pub mod saved;
mod service;
pub mod severity;
pub mod site;
pub mod software;
pub mod survive;
pub mod user;
pub mod verdict;
pub mod vulnerability;

pub use apply::{Context, Incoming, InventoryError, Op, Outcome, Reason, Translation, apply, keep_bodies};
pub use ask::{Answer, Ask, AskError, Part, Term, UNDONE_MAX, Want, Way, Why, ask, ask_as_of, ask_in, complete, why};
pub use body::{bodies, body};
pub use catalogue::catalogue;
pub use correlate::settle::{Settled, settle};
pub use counts::{StreamCount, counts};
pub use left_out::{LeftOut, Onboard};
pub use load::{begin_load, finish_load};
pub use memory::Memory;
pub use noun::Noun;
pub use reproject::{Reprojected, reproject};
pub use retire::{Census, Missing, Retired, census, miss, retire};
pub use saved::{NewSaved, SavedError, SavedQuery};
pub use site::ensure_site;

use store::{Migration, Slice};

/// The tables of this slice.
pub const SLICE: Slice = Slice {
    name: "inventory",
    migrations: &[
        Migration {
            number: 1,
            name: "records_and_projections",
            sqlite: include_str!("../migrations/0001_records_and_projections/sqlite.sql"),
            postgres: include_str!("../migrations/0001_records_and_projections/postgres.sql"),
        },
        Migration {
            number: 2,
            name: "software_vulnerabilities_users",
            sqlite: include_str!("../migrations/0002_software_vulnerabilities_users/sqlite.sql"),
            postgres: include_str!("../migrations/0002_software_vulnerabilities_users/postgres.sql"),
        },
        Migration {
            number: 3,
            name: "machines",
            sqlite: include_str!("../migrations/0003_machines/sqlite.sql"),
            postgres: include_str!("../migrations/0003_machines/postgres.sql"),
        },
        Migration {
            number: 4,
            name: "correlation",
            sqlite: include_str!("../migrations/0004_correlation/sqlite.sql"),
            postgres: include_str!("../migrations/0004_correlation/postgres.sql"),
        },
        Migration {
            number: 5,
            name: "services",
            sqlite: include_str!("../migrations/0005_services/sqlite.sql"),
            postgres: include_str!("../migrations/0005_services/postgres.sql"),
        },
        Migration {
            number: 6,
            name: "options_fields_owners",
            sqlite: include_str!("../migrations/0006_options_fields_owners/sqlite.sql"),
            postgres: include_str!("../migrations/0006_options_fields_owners/postgres.sql"),
        },
        Migration {
            number: 7,
            name: "software_and_findings",
            sqlite: include_str!("../migrations/0007_software_and_findings/sqlite.sql"),
            postgres: include_str!("../migrations/0007_software_and_findings/postgres.sql"),
        },
        Migration {
            number: 8,
            name: "saved_queries",
            sqlite: include_str!("../migrations/0008_saved_queries/sqlite.sql"),
            postgres: include_str!("../migrations/0008_saved_queries/postgres.sql"),
        },
        Migration {
            number: 9,
            name: "history",
            sqlite: include_str!("../migrations/0009_history/sqlite.sql"),
            postgres: include_str!("../migrations/0009_history/postgres.sql"),
        },
        Migration {
            number: 10,
            name: "named_agents",
            sqlite: include_str!("../migrations/0010_named_agents/sqlite.sql"),
            postgres: include_str!("../migrations/0010_named_agents/postgres.sql"),
        },
        Migration {
            number: 11,
            name: "covering_indexes",
            sqlite: include_str!("../migrations/0011_covering_indexes/sqlite.sql"),
            postgres: include_str!("../migrations/0011_covering_indexes/postgres.sql"),
        },
        Migration {
            number: 13,
            name: "own_history",
            sqlite: include_str!("../migrations/0013_own_history/sqlite.sql"),
            postgres: include_str!("../migrations/0013_own_history/postgres.sql"),
        },
        Migration {
            number: 14,
            name: "activities_of_agents",
            sqlite: include_str!("../migrations/0014_activities_of_agents/sqlite.sql"),
            postgres: include_str!("../migrations/0014_activities_of_agents/postgres.sql"),
        },
        Migration {
            number: 15,
            name: "walked_orders",
            sqlite: include_str!("../migrations/0015_walked_orders/sqlite.sql"),
            postgres: include_str!("../migrations/0015_walked_orders/postgres.sql"),
        },
        Migration {
            number: 16,
            name: "decisions",
            sqlite: include_str!("../migrations/0016_decisions/sqlite.sql"),
            postgres: include_str!("../migrations/0016_decisions/postgres.sql"),
        },
        Migration {
            number: 17,
            name: "integrations",
            sqlite: include_str!("../migrations/0017_integrations/sqlite.sql"),
            postgres: include_str!("../migrations/0017_integrations/postgres.sql"),
        },
        Migration {
            number: 18,
            name: "decisions_whole",
            sqlite: include_str!("../migrations/0018_decisions_whole/sqlite.sql"),
            postgres: include_str!("../migrations/0018_decisions_whole/postgres.sql"),
        },
        Migration {
            number: 19,
            name: "absent_records",
            sqlite: include_str!("../migrations/0019_absent_records/sqlite.sql"),
            postgres: include_str!("../migrations/0019_absent_records/postgres.sql"),
        },
        Migration {
            number: 20,
            name: "ended_integrations",
            sqlite: include_str!("../migrations/0020_ended_integrations/sqlite.sql"),
            postgres: include_str!("../migrations/0020_ended_integrations/postgres.sql"),
        },
        Migration {
            number: 21,
            name: "assets_that_are_gone",
            sqlite: include_str!("../migrations/0021_assets_that_are_gone/sqlite.sql"),
            postgres: include_str!("../migrations/0021_assets_that_are_gone/postgres.sql"),
        },
        Migration {
            number: 22,
            name: "inherited",
            sqlite: include_str!("../migrations/0022_inherited/sqlite.sql"),
            postgres: include_str!("../migrations/0022_inherited/postgres.sql"),
        },
    ],
};
