//! `muster migrate`: brings the database to this version.

use store::{Access, Store, StoreError};

use crate::arguments::{Global, Migrate};
use crate::failure::Failure;
use crate::place::{Place, SLICES};
use crate::terminal::Terminal;

pub fn run(global: &Global, migrate: &Migrate, terminal: &Terminal) -> Result<(), Failure> {
    let place = Place::new(global)?;
    // A reader says what a database lacks; only then is it opened to write, which migrates.
    let (outcome, words) = match Store::open(&place.database, Access::Reader, SLICES) {
        Ok(_) => ("current", "was up to date".to_owned()),
        Err(StoreError::Missing { .. }) => ("created", "was made".to_owned()),
        Err(StoreError::Older { slice, number }) => {
            ("migrated", format!("was brought up to date, from before migration {number} of {slice}"))
        }
        Err(other) => return Err(other.into()),
    };
    drop(place.open_to_write()?);
    if migrate.json {
        let told = serde_json::json!({ "database": place.database.to_string(), "outcome": outcome });
        return terminal.result(&format!("{told}\n"));
    }
    terminal.result(&format!("{} {words}.\n", place.database))
}
