//! What is kept in memory between pages.

/// Dictionaries and compressors, kept between pages. Make one per process and database and share it.
#[derive(Debug, Default)]
pub struct Memory {}
