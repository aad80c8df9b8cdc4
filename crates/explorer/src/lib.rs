#![doc = include_str!("../README.md")]

mod keeper;
mod link;
mod run;
pub mod seal;
pub mod wire;
mod work;

pub use keeper::{Keeper, KeeperError, Kept, State};
pub use link::{Link, LinkError};
pub use run::{Explorer, Job, More, RunError, WORK_AT_ONCE, enrol, register, run};
