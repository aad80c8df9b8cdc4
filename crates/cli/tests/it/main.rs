//! The built program, run as people run it, against a simulated console over HTTP.

mod canary;
mod harness;
mod help;
mod stories;
mod trouble;
