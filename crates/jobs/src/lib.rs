#![doc = include_str!("../README.md")]

mod virtual_world;
mod world;

pub use virtual_world::Virtual;
pub use world::{Elapsed, Task, World};
