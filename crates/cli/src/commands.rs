//! One file per command: load, check, do, tell.

pub mod connect;
pub mod demo;
pub mod doctor;
pub mod help;
pub mod integration;
pub mod log;
pub mod migrate;
pub mod query;
pub mod serve;
pub mod simulate;
pub mod sink;
pub mod sync;

/// Who gives the order, for the audit trail: the system's name for the person at the terminal.
fn who() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "command line".to_owned())
}
