#![doc = include_str!("../README.md")]

/// The language as users read it, in Markdown.
pub const REFERENCE: &str = include_str!("../reference.md");

mod address;
pub mod catalogue;
pub mod check;
pub mod complete;
mod cond;
pub mod evaluate;
pub mod lower;
pub mod matcher;
mod near;
pub mod outline;
pub mod parse;
pub mod print;
pub mod problem;
pub mod template;
pub mod testing;
mod time;
pub mod tree;
mod value;
pub mod version;
pub mod words;

pub use address::address_bytes;
pub use catalogue::{
    Base, Catalogue, Choice, Choices, Column, Field, Inventory, Keyed, Raw, Scope, Source, Tense, Type,
};
pub use check::{Asking, Checked, Known, NothingKnown, Refused, Saved, Step, check, prepare};
pub use complete::{Completion, complete};
pub use evaluate::{Datum, Record, evaluate};
pub use lower::{Condition, Leaf, LeafColumn, LeafKind, Residual, Terms, lower};
pub use matcher::Matcher;
pub use near::nearest;
pub use outline::{Asks, Clause, Joint};
pub use parse::parse;
pub use problem::{Problem, Severity, Span, render};
pub use template::Template;
pub use time::instant;
pub use tree::Tree;
