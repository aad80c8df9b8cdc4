#![doc = include_str!("../README.md")]

pub mod catalogue;
pub mod problem;

pub use catalogue::{Base, Catalogue, Choice, Choices, Column, Field, Inventory, Raw, Scope, Source, Tense, Type};
pub use problem::{Problem, Severity, Span};
