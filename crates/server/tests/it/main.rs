//! The routes, the guard and the pages, over a real connection and both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

mod entry;
mod guard;
mod lists;
mod world;
