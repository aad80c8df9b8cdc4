//! Re-projection: what is stored already is translated again, because an option, a field or the translator changed.

use kernel::RecordId;
use store::Tx;

use crate::apply::{Context, InventoryError, Reason, Translation};

/// What re-projection came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reprojected {
    /// Records whose rows were written.
    pub projected: u64,
    /// Records that are left out now.
    pub left_out: u64,
    /// Records that have no body, or that could not be understood: they stay as they were.
    pub failed: Vec<(RecordId, Reason)>,
}

/// Translates stored records of the context's stream again and rewrites their projections although their bytes did not
/// change. No artifact is written and no version counted. `translate(native_id, body)` is called at most once a record.
///
/// Bounded by the caller: it holds the bodies of all these records at once.
///
/// # Errors
/// The database fails or a body cannot be read back; the caller must then roll back.
pub fn reproject(
    _tx: &mut Tx,
    _ctx: &Context,
    _records: &[RecordId],
    _translate: &mut dyn FnMut(&str, &[u8]) -> Result<Translation, Reason>,
) -> Result<Reprojected, InventoryError> {
    Ok(Reprojected::default())
}
