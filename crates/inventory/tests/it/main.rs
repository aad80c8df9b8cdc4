//! What the inventory stores, on both databases.

extern crate muster_inventory as inventory;

mod apply;
mod ask;
mod oracle;
mod source;
mod world;
