//! What the inventory stores, on both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_inventory as inventory;

mod apply;
mod ask;
mod cases;
mod load;
mod oracle;
mod saved;
mod source;
mod world;
