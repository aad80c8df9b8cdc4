//! The first page: what needs a person, how sources fare, and how much there is; every number leads to its rows.

mod pages;

use access::Permission;

pub(crate) use pages::Counts;

use crate::route::{Route, Who, page};

/// Its routes.
pub fn routes() -> Vec<Route> {
    vec![page("/", Who::May(Permission::ReadInventory), pages::show)]
}
