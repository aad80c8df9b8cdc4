//! The language from outside: golden cases and properties.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod catalogue;
mod generated;
mod outline;
mod print;
mod saved;
