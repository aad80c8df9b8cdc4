//! A database that fails once, at a statement.

use store::crash::{CrashPoint, arm, disarm};
use store::{Store, StoreError};

/// Lets a store's next writing transaction that reaches `point` fail there: `statement:INSERT INTO t:2`, `commit:UPDATE t`,
/// `committed:UPDATE t` (done, and the answer lost), `begin`. SPOT, a text that a statement holds, and which time.
///
/// # Panics
/// `point` is none, or the store cannot be written.
pub fn fail_at(store: &Store, point: &str) {
    let point: CrashPoint = point.parse().unwrap_or_else(|why| panic!("{point}: {why}"));
    let armed = store.write_blocking::<_, StoreError, _>(move |_| {
        arm(point);
        Ok(())
    });
    armed.expect("the store can be written");
}

/// Whether what [`fail_at`] asked for has happened. It is forgotten then.
///
/// # Panics
/// The store cannot be written.
#[must_use]
pub fn has_failed(store: &Store) -> bool {
    store.write_blocking::<_, StoreError, _>(|_| Ok(disarm())).expect("the store can be written")
}
