#![doc = include_str!("../README.md")]

pub mod catalogue;
pub mod check;
pub mod evaluate;
pub mod lower;
pub mod matcher;
pub mod parse;
pub mod print;
pub mod problem;
pub mod tree;

pub use catalogue::{Base, Catalogue, Choice, Choices, Column, Field, Inventory, Raw, Scope, Source, Tense, Type};
pub use check::{Asking, Checked, Known, NothingKnown, Refused, Step, prepare};
pub use evaluate::{Datum, Record, evaluate};
pub use lower::{Condition, Leaf, LeafColumn, LeafKind, Residual, Terms, lower};
pub use matcher::Matcher;
pub use parse::parse;
pub use problem::{Problem, Severity, Span};
pub use tree::Tree;
