//! Records that an option leaves out: known, logged, counted, and not shown. Left out is never removed.

use kernel::{OrgId, RecordId, Timestamp, Value};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, StoreError, Tx};

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

/// The options by which these records are left out, by record.
pub(crate) fn options(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<FxHashMap<i64, String>, StoreError> {
    if records.is_empty() {
        return Ok(FxHashMap::default());
    }
    Ok(left_out(tx, org, records)?.into_iter().map(|left| (left.record.0, left.option)).collect())
}

/// Notes which records are left out from now on, and forgets those that are left out no more; one that changed its
/// option is both.
pub(crate) fn write(
    tx: &mut Tx,
    org: OrgId,
    now: Timestamp,
    left: &[(i64, &'static str)],
    back: &[i64],
) -> Result<(), StoreError> {
    const KEY: &[(&str, Kind)] = &[("org_id", Kind::Int), ("record_id", Kind::Int)];
    const LEFT: &[(&str, Kind)] =
        &[("org_id", Kind::Int), ("record_id", Kind::Int), ("option", Kind::Text), ("since", Kind::Int)];
    let back: Vec<Value> = back.iter().flat_map(|record| [org.into(), (*record).into()]).collect();
    let left: Vec<Value> =
        left.iter().flat_map(|(record, option)| [org.into(), (*record).into(), (*option).into(), now.into()]).collect();
    tx.delete_many("inventory_left_out", KEY, &back)?;
    tx.insert_many("inventory_left_out", LEFT, &left, "")?;
    Ok(())
}
