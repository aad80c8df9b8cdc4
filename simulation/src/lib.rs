#![doc = include_str!("../README.md")]

mod console;
mod invariants;
mod life;
mod many;
mod precision;
mod trace;
mod week;

pub use console::{Ill, SECRETS};
pub use life::{Life, live};
pub use many::{Many, Summary, many};
pub use precision::{ESTATE, PRECISION_BASE, Precision, QUESTION, Tally, precision, precisions};
pub use trace::Violation;
pub use week::{Week, week};

use store::Slice;

/// The tables of the whole engine, in arrow order.
pub const SLICES: &[Slice] = &[access::SLICE, signals::SLICE, inventory::SLICE, sync::SLICE];
