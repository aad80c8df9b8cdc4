//! What the console sends, typed and lenient.
//!
//! A field that is missing, null or not of its documented type reads as `None`; the last is listed in [`Drift::odd`].
//! A field that this crate does not know is listed in [`Drift::unknown`]. An enum keeps a text that it does not know in
//! its `Other` arm. Every record and part keeps its JSON in `raw`, so nothing is out of reach.

mod activity;
mod agent;
mod application;
mod asset;
mod choice;
mod detection;
mod exclusion;
mod lenient;
mod person;
mod place;
mod policy;
mod system;
mod tag;
mod threat;
mod unified;

pub use activity::{Activity, ActivityType};
pub use agent::*;
pub use application::*;
pub use asset::*;
pub use choice::*;
pub use detection::*;
pub use exclusion::*;
pub use lenient::{Drift, Id, Note};
pub use person::{ApiToken, Role, ScopeRole, ServiceUser, User, UserName};
pub use place::{Account, Bundle, Group, LicenseSetting, LicensedModule, Licenses, Site, Sku, Surface};
pub use policy::*;
pub use system::{SystemInfo, SystemStatus};
pub use tag::TagDefinition;
pub use threat::*;
pub(crate) use unified::ALERTS_QUERY;
pub use unified::*;
