//! What a console was asked: the record that tests read to see whether a client behaved.

use std::collections::BTreeMap;

/// A request that the console answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Method, path and query, as received.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The `detail` of the error body.
    pub detail: String,
}

/// Everything that was asked since the console started or the journal was cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Requests by method and path (without query).
    pub requests: BTreeMap<String, u64>,
    /// What the vendor's parameters refuse (400), faults not counted.
    pub refused: Vec<Refusal>,
    /// Answers 401, 403, 404 and 501 that no fault caused.
    pub denied: Vec<Refusal>,
    /// Requests that a read-only client must never make: each is a defect of the product under test.
    pub forbidden: Vec<String>,
    /// Faults that were played: the number of the request (from 1) and the name of the fault.
    pub faults: Vec<(u64, String)>,
    /// Parameters that were valid and that the simulator does not act on: the answer was not narrowed by them.
    pub unheeded: Vec<String>,
    /// Requests answered, all of them.
    pub total: u64,
}
