//! The engine against the simulated console, in a virtual world.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_sync as sync;

mod authentication;
mod crashes;
mod determinism;
mod faults;
mod lab;
mod storage;
mod sweeps;
mod worker;
