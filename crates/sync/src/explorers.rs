//! Explorers: collectors inside other networks, and the work that is handed to them. The hand-over is in the database, so
//! whoever asks (a worker) and whoever speaks with the Explorer (the web) may be two processes.

mod queue;
mod relay;
mod who;

use kernel::Timestamp;
use store::StoreError;

pub(crate) use queue::withdraw_kind;
pub use queue::{ASKED_MAX, Answer, KEPT_SECONDS, RequestId, answer, ask, collect, gone, hand_out, open, withdraw};
pub use relay::{
    ANSWER_LOOK_MAX, ANSWER_LOOK_MIN, At, CONSOLE_PATIENCE, FORGET_SECONDS, KEEP_PATIENCE, Relay, absent, forget_there,
};
pub(crate) use relay::{found, kept_at, way};
pub use who::{
    EXPLORERS_MAX, Explorer, SEEN_EXACT, SILENT_AFTER, TICKET_SECONDS, create, enrol, explorer, explorers, known,
    rename, renew_ticket, revoke, runs_there, seen, set_runs_at,
};

/// Why something with an Explorer does not go.
#[derive(Debug, thiserror::Error)]
pub enum ExplorerError {
    /// There is none of that id or name.
    #[error("there is no Explorer {0:?} here")]
    NoSuch(String),
    /// The text cannot be a name.
    #[error("{name:?} cannot be the name of an Explorer: {why}")]
    BadName {
        /// The text.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another one has that name.
    #[error("an Explorer is called {0:?} already")]
    Taken(String),
    /// There are [`EXPLORERS_MAX`].
    #[error("an organization has {EXPLORERS_MAX} Explorers at most")]
    TooMany,
    /// Nobody has started it with its token yet.
    #[error("the Explorer {0} has not enrolled yet")]
    NotEnrolled(String),
    /// It was revoked.
    #[error("the Explorer {0} was revoked")]
    Revoked(String),
    /// It does not ask for work.
    #[error("the Explorer {name} has not answered since {}", told(*since))]
    Away {
        /// Its name.
        name: String,
        /// When it was last heard of.
        since: Option<Timestamp>,
    },
    /// It took the work and did not answer in time.
    #[error("the Explorer {name} gave no answer in {seconds} s")]
    NoAnswer {
        /// Its name.
        name: String,
        /// How long somebody waited.
        seconds: i64,
    },
    /// It does not know such work.
    #[error("the Explorer {name} is of version {version}, which does not know this yet; update it")]
    Older {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    },
    /// It has more to do than fits.
    #[error("the Explorer {0} has more to do than fits; wait until it has caught up")]
    Busy(String),
    /// It says no.
    #[error("the Explorer {name} says: {why}")]
    Refused {
        /// Its name.
        name: String,
        /// Its words.
        why: String,
    },
    /// The token is kept by an Explorer, so it is asked there.
    #[error("its token is kept by the Explorer {0}, so it can only run there")]
    KeptAt(String),
    /// A file is brought by people; nothing runs anywhere.
    #[error("it is a source of files, which nobody fetches")]
    IsFile,
    /// The public key that it came with cannot be used.
    #[error(transparent)]
    Seal(#[from] explorer::seal::SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn told(since: Option<Timestamp>) -> String {
    since.map_or_else(|| "it enrolled".to_owned(), |at| at.to_string())
}
