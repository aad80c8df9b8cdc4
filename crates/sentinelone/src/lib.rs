#![doc = include_str!("../README.md")]

mod answer;
pub mod client;
pub mod console;
pub mod error;
mod http;
pub mod json;
pub mod page;
pub mod probe;
pub mod records;
pub mod redact;
pub mod request;
pub mod time;
pub mod token;
pub mod transport;

pub use client::{Client, CursorGuard, PAGES_MAX};
pub use console::{Console, ConsoleProblem, is_private_address};
pub use error::{Advice, ApiError, Failure, Form, Instead, Status, TransportError};
pub use json::{Json, JsonError, fields};
pub use page::{Flaw, Page};
pub use probe::{Probe, glance, probe};
pub use records::*;
pub use request::{AlertTime, AlertWindow, Endpoint, NotAnId, Request, Shape};
pub use time::Micros;
pub use token::{Token, TokenProblem};
pub use transport::{HttpOptions, HttpTransport, Service, Transport, leads_inside, public_names};
