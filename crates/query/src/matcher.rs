//! What one value has to be for a term to hold; the same for SQL, dictionaries, raw bodies and the naive evaluator.

/// A test of one value.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Any value.
    Present,
}

impl Matcher {
    /// Whether a text matches.
    #[must_use]
    pub fn matches_text(&self, text: &str) -> bool {
        let _ = text;
        true
    }
}
