//! What the inventory stores, on both databases.

#![expect(clippy::unwrap_used, reason = "a claim that cannot be looked into has failed")]

extern crate muster_inventory as inventory;

mod apply;
mod as_of;
mod ask;
mod cases;
mod docs;
mod finds;
mod load;
mod machines;
mod oracle;
mod own;
mod past;
mod pasted;
mod saved;
mod settle;
mod source;
mod world;
