//! To be written.

pub mod ask;

pub use ask::{Answer, Ask, Mistake, Term, Want, ask};
