//! To be written.

pub mod ask;

pub use ask::{Answer, Ask, AskError, Term, Want, ask, ask_in};
