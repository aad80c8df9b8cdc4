//! What pages look like, and what they never let through.

mod contrast;
mod hostile;
mod pages;
mod parts;
#[path = "../../examples/gallery/samples.rs"]
mod samples;
