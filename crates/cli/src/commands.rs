//! One file per command: load, check, do, tell.

pub mod asset;
pub mod asset_history;
pub mod asset_links;
pub mod backup;
pub mod connect;
pub mod demo;
pub mod doctor;
pub mod explorer;
pub mod field;
pub mod finding;
pub mod help;
pub mod import;
pub mod integration;
pub mod log;
pub mod migrate;
pub mod options;
pub mod own;
pub mod owner;
pub mod query;
pub mod rekey;
pub mod saved;
pub mod scan;
pub mod serve;
pub mod simulate;
pub mod sink;
pub mod site;
pub mod sync;

/// Who gives the order, for the audit trail: the system's name for the person at the terminal.
pub(crate) fn who() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "command line".to_owned())
}
