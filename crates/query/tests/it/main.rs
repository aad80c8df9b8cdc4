//! The language from outside: golden cases and properties.

mod print;
