#![doc = include_str!("../README.md")]

mod activity;
mod agent;
mod catalog;
mod changes;
mod config;
mod detections;
mod draw;
mod estate;
mod estate_more;
mod faults;
mod happen;
mod journal;
mod list;
mod oddities;
mod params;
mod policy;
mod respond;
mod serve;
mod software;
mod software_pages;
mod state;
mod tamper;
mod text;
mod threat;
mod titles;
pub mod tokens;
mod truth;
mod world;

pub use changes::{Installed, Product};
pub use config::{Clock, Config, Modules, Sleep};
pub use faults::{Fault, FaultPlan, Rate, Rule, UnknownFault};
pub use journal::{Asked, Journal, LOG_MAX, Refusal};
pub use oddities::{ODDITIES, Oddity, OddityKind};
pub use serve::serve;
pub use truth::Truth;
pub use world::{Bearer, Level, Scope, World};
