//! The places where a simulated console leaves the vendor's published schema on purpose, because real consoles do.

/// How a value leaves the published schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddityKind {
    /// Null, where the schema does not say so.
    Null,
    /// A value of another JSON type.
    Type,
    /// A value outside the published list.
    Enum,
    /// A field that the schema does not have.
    Extra,
    /// A field that the schema requires is absent.
    Missing,
}

/// One planted oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// The endpoint's path template below `/web/api/v2.1`; `*` means every one.
    pub endpoint: &'static str,
    /// The field below `data`, `[]` for the elements of an array.
    pub field: &'static str,
    /// How it is odd.
    pub kind: OddityKind,
    /// Why it is planted: where it was seen.
    pub why: &'static str,
}

/// Every planted oddity by name. A response that leaves the schema anywhere else is a mistake of the simulator.
pub const ODDITIES: &[Oddity] = &[];
