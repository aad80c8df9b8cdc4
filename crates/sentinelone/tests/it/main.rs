//! The client from outside: over a socket, over an in-process service, and against arbitrary JSON.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod collections;
mod console;
mod errors;
mod http;
mod paging;
mod properties;
mod records;
mod tls;
