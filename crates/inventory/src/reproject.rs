//! Re-projection: what is stored already is translated again, because an option, a field or the translator changed.

use kernel::RecordId;
use rustc_hash::FxHashMap;
use store::{Keys, Tx};

use crate::apply::{Context, InventoryError, Op, Reason, Translation};
use crate::body::bodies;
use crate::left_out;
use crate::memory::Head;
use crate::pending::{Pending, Subjected};

/// So many records are a good page: their bodies are held in memory at once.
pub const REPROJECT_PAGE: usize = 1_000;

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

/// Understands a stored record, by the source's own id of it and its body.
pub type Translate<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<Translation, Reason>;

/// Translates stored records of the context's stream again and rewrites their projections although their bytes did not
/// change. No artifact is written and no version counted. `translate(native_id, body)` is called at most once a record;
/// records of other streams, and unknown ones, are left out. A record that its source no longer has stays retired.
///
/// Bounded by the caller, who names no record twice: the bodies of all these records are held at once
/// ([`REPROJECT_PAGE`]).
///
/// # Errors
/// The database fails or a body cannot be read back; the caller must then roll back.
pub fn reproject(
    tx: &mut Tx,
    ctx: &Context,
    records: &[RecordId],
    translate: Translate<'_>,
) -> Result<Reprojected, InventoryError> {
    const STORED: &str = "SELECT record_id, native_id, state FROM inventory_source_record
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND record_id IN KEYS";
    let mut done = Reprojected::default();
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let stream = [ctx.org.into(), ctx.integration.into(), ctx.stream.into()];
    let stored = tx.select_in(STORED, &stream, Keys::Ints(&keys), |row| {
        Ok((row.int(0)?, (row.text(1)?.to_owned(), row.text(2)? == "retired")))
    })?;
    let stored: FxHashMap<i64, (String, bool)> = stored.into_iter().collect();
    let records: Vec<RecordId> = records.iter().copied().filter(|record| stored.contains_key(&record.0)).collect();
    if records.is_empty() {
        return Ok(done);
    }
    let bodies = bodies(tx, ctx.org, &records)?;
    let left = left_out::options(tx, ctx.org, &records)?;
    let mut head = Head::lock(tx, ctx.org, ctx.memory)?;
    let mut pending = Pending::default();
    for (record, body) in records.iter().zip(&bodies) {
        let (native_id, retired) = &stored[&record.0];
        let translation = match body {
            Some(body) => translate(native_id, body),
            None => Err(Reason("its body is not kept".to_owned())),
        };
        match translation {
            Err(reason) => done.failed.push((*record, reason)),
            Ok(translation) => {
                let was_left = left.get(&record.0).map(String::as_str);
                let subject = Subjected { record: record.0, native_id, op: &Op::Changed, was_left, retired: *retired };
                let is_left = pending.project(ctx, &mut head, &subject, translation.noun, translation.left_out).left;
                *(if is_left { &mut done.left_out } else { &mut done.projected }) += 1;
            }
        }
    }
    pending.write(tx, ctx, &mut head)?;
    head.finish(tx, ctx.memory)?;
    Ok(done)
}
