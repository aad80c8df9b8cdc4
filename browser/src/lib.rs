#![doc = include_str!("../README.md")]

mod axe;
mod chromium;
mod places;
mod tab;

pub use axe::{Axe, Violation};
pub use chromium::{Chromium, NAMES};
pub use places::{OUTSIDE, Place, SIGNED_IN};
pub use tab::{Tab, View};
