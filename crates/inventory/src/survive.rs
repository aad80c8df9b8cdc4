//! Survivorship: which of several records' words becomes an asset's.
