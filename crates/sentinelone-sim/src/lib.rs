#![doc = include_str!("../README.md")]

mod activity;
mod agent;
mod catalog;
mod config;
mod draw;
mod estate;
mod faults;
mod happen;
mod journal;
mod list;
mod oddities;
mod params;
mod policy;
mod respond;
mod serve;
mod state;
mod text;
mod threat;
pub mod tokens;
mod truth;
mod world;

pub use config::{Clock, Config, Modules, Sleep};
pub use faults::{Fault, FaultPlan, Rate, Rule, UnknownFault};
pub use journal::{Journal, Refusal};
pub use oddities::{ODDITIES, Oddity, OddityKind};
pub use serve::serve;
pub use truth::Truth;
pub use world::{Bearer, Level, Scope, World};
