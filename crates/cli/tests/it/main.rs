//! The built program, run as people run it, against a simulated console over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod backups;
mod canary;
mod crash;
mod explorers;
mod faults;
mod findings;
mod harness;
mod help;
mod history;
mod imports;
mod keys;
mod links;
mod own;
mod saved;
mod scans;
mod serving;
mod sinks;
mod states;
mod stories;
mod trouble;
mod upgrades;
mod walks;
