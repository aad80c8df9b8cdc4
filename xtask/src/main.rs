//! Kitchen.
fn main() {}
