#![doc = include_str!("../README.md")]

pub mod clock;
pub mod fold;
pub mod id;
pub mod random;
pub mod secret;
pub mod table;
pub mod time;
pub mod value;

pub use clock::Clock;
pub use fold::fold;
pub use id::{
    ApiTokenId, AssetId, CredentialId, DecisionId, ExplorerId, IntegrationId, OrgId, PersonId, RecordId, ScanId,
    ScanRunId, ServiceId, SiteId, SweepId,
};
pub use random::Random;
pub use secret::Secret;
pub use table::{Cell, Document, Table};
pub use time::Timestamp;
pub use value::Value;
