//! [`Patience`]: with a database that does not answer for a moment, where what is under way would be lost with it.

use std::time::Duration;

use jobs::World;

use crate::SyncError;
use crate::report::Event;

/// How long it is waited until a database that failed is asked again.
const WAIT: Duration = Duration::from_secs(2);

/// How often a database that fails is asked: for fifty seconds, so that no lease has run out meanwhile.
const TRIES_MAX: u32 = 25;

/// What goes on although the database fails, and who hears of it.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'a> {
    pub world: &'a World,
    pub tell: &'a (dyn Fn(&Event) + Sync),
    /// The name of the source.
    pub source: &'a str,
    /// What goes on: `its scan`.
    pub what: &'a str,
}

impl Patience<'_> {
    /// Asks the database again while it may come back, and tells of it once. What is tried may have been done although the
    /// database said that it was not.
    ///
    /// # Errors
    /// It failed too often, or in a way that does not pass.
    pub async fn tried<T>(&self, once: impl AsyncFn() -> Result<T, SyncError>) -> Result<T, SyncError> {
        for tries in 1.. {
            match once().await {
                Err(error) if error.passes() && tries < TRIES_MAX => {
                    if tries == 1 {
                        let what = format!("{} goes on; the database: {}", self.what, error.in_words());
                        (self.tell)(&Event::Notice { integration: self.source.to_owned(), what });
                    }
                    self.world.sleep(WAIT).await;
                }
                outcome => return outcome,
            }
        }
        unreachable!("the last try returns")
    }
}
