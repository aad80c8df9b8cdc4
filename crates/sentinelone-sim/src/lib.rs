#![doc = include_str!("../README.md")]

mod config;
mod faults;
mod journal;
pub mod tokens;
mod truth;
mod world;

pub use config::{Clock, Config, Modules, Sleep};
pub use faults::{Fault, FaultPlan, Rate, Rule, UnknownFault};
pub use journal::{Journal, Refusal};
pub use truth::Truth;
pub use world::{Bearer, Level, Scope, World, serve};

/// Placeholder until the client crate publishes its own.
pub type Service = std::sync::Arc<
    dyn Fn(
            http::Request<bytes::Bytes>,
        ) -> futures_util::future::BoxFuture<'static, Result<http::Response<bytes::Bytes>, TransportBreak>>
        + Send
        + Sync,
>;

/// Placeholder until the client crate publishes its own.
#[derive(Debug)]
pub enum TransportBreak {
    /// The connection was reset.
    Reset,
}
