//! The routes, the guard and the pages, over a real connection and both databases.

mod entry;
mod guard;
mod lists;
mod world;
