//! What can go wrong with keys and secrets.

use std::path::PathBuf;

use store::{ErrorClass, StoreError};

/// A key, a credential or the audit trail did not do what was asked. No variant ever holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There are sealed secrets, and no key at all.
    #[error(
        "the stored credentials are sealed and no key was found: set MUSTER_KEY_FILE or MUSTER_KEY, or put the file \
         `key` back into the data directory"
    )]
    NoKey,
    /// There are keys, but not the one that sealed this secret.
    #[error("credential {name} is sealed with key {sealed_with}, and the key given is {given}")]
    WrongKey {
        /// The credential.
        name: String,
        /// The id of the key that would open it.
        sealed_with: String,
        /// The ids of the keys at hand, separated by commas.
        given: String,
    },
    /// A key was given and is none.
    #[error("the key in {origin} cannot be used: {why}")]
    BadKey {
        /// Where the key came from: a file, or a variable's name.
        origin: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key's file cannot be read or made.
    #[error("using the key file {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key fits, and the sealed bytes are not what was sealed: somebody changed or moved them.
    #[error("credential {name} was changed outside of this program")]
    Tampered {
        /// The credential.
        name: String,
    },
    /// There is no such credential, or not in this version.
    #[error("there is no credential {name}")]
    Missing {
        /// The credential.
        name: String,
    },
    /// The database did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccessError {
    /// What kind of trouble this is, for exit codes: a key that is missing or wrong is the person's to give.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            AccessError::NoKey
            | AccessError::WrongKey { .. }
            | AccessError::BadKey { .. }
            | AccessError::KeyFile { .. }
            | AccessError::Missing { .. } => ErrorClass::Usage,
            AccessError::Tampered { .. } => ErrorClass::Storage,
            AccessError::Store(error) => error.class(),
        }
    }
}
