//! The language from outside: golden cases and properties.

mod cases;
mod catalogue;
mod generated;
mod print;
