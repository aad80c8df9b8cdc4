//! The routes, the guard and the pages, over a real connection and both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

mod assets;
mod connections;
mod credentials;
mod entry;
mod explorers;
mod guard;
mod hostile;
mod integrations;
mod link;
mod listing;
mod lists;
mod parity;
mod people;
mod programs;
mod provider;
mod scans;
mod told;
mod world;
