//! Assets as projections: what an asset's records say together, by survivorship.
