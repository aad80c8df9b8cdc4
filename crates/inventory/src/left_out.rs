//! Records that an option leaves out: known, logged, counted, and not shown. Left out is never removed.

use kernel::{OrgId, RecordId, Timestamp};
use store::{Keys, StoreError, Tx};

/// Why a record is not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The option, by the name under which people set it: `exclude_unknown`.
    pub option: &'static str,
    /// Whether a machine waits: what it says of itself is kept, so that it comes in as soon as another source knows it.
    /// Without this nothing of the record is kept but its source record.
    pub waits: bool,
}

/// What becomes of a machine that nobody has spoken of before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Onboard {
    /// It is an asset at once.
    #[default]
    Always,
    /// It waits until another source knows it, left out by the option of this name.
    WhenKnown(&'static str),
}

/// A record that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The record.
    pub record: RecordId,
    /// The option.
    pub option: String,
    /// Since when.
    pub since: Timestamp,
}

/// Which of these records are left out.
///
/// # Errors
/// The database fails.
pub fn left_out(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<Left>, StoreError> {
    const LEFT: &str =
        "SELECT record_id, option, since FROM inventory_left_out WHERE org_id = $1 AND record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    tx.select_in(LEFT, &[org.into()], Keys::Ints(&keys), |row| {
        Ok(Left {
            record: RecordId(row.int(0)?),
            option: row.text(1)?.to_owned(),
            since: Timestamp::from_micros(row.int(2)?),
        })
    })
}
