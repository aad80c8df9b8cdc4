//! Walks through the pages of the built program, in a real Chromium, as people take them.

mod entry;
mod inventory;
mod link;
mod pages;
mod sources;
mod world;
