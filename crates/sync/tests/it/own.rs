//! What an organization says itself of its assets.

use inventory::field::{FieldKind, add_field};
use inventory::owner::add_owner;
use kernel::OrgId;
use store::Store;

use crate::lab::START;

/// Makes the field `cost`, and Ann the owner of what `rule` matches; whatever is read next fills and evaluates them.
pub fn say(store: &Store, rule: &'static str) {
    store.write_blocking(|tx| add_field(tx, OrgId::DEFAULT, "cost", &FieldKind::Number, "ann", START)).unwrap();
    store.write_blocking(move |tx| add_owner(tx, OrgId::DEFAULT, "Ann", rule, "ann", START)).unwrap();
}
