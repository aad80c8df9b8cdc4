//! The engine against the simulated console, in a virtual world.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_sync as sync;

mod aside;
mod authentication;
mod collections;
mod console_faults;
mod crashes;
mod decided;
mod determinism;
mod enrichment;
mod explorers;
mod faults;
mod files;
mod history;
mod imports;
mod lab;
mod manage;
mod options;
mod own;
mod retirement;
mod scans;
mod simulated;
mod software;
mod storage;
mod storms;
mod sweeps;
mod taken_away;
mod worker;
