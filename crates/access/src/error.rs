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
    /// Something that a person gave cannot be used.
    #[error("the {what} cannot be used: {why}")]
    Invalid {
        /// What it was given for.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another thing has that name.
    #[error("there is already one {what} named {name}: choose another name")]
    Taken {
        /// What kind of thing.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is no such thing, or not where it was looked for.
    #[error("there is no such {what}")]
    NoSuch {
        /// What kind of thing.
        what: &'static str,
    },
    /// There are as many as there may be.
    #[error("there are {max} {what} already: remove one first")]
    TooMany {
        /// What kind of things.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// Somebody has to be left who can manage the organization.
    #[error("this is the last administrator of {org}: make somebody else an administrator first")]
    LastAdmin {
        /// The organization's name.
        org: String,
    },
    /// Nobody hands out more than they have.
    #[error("a token cannot have the role {asked}: yours is {own}")]
    AboveOwn {
        /// What was asked for.
        asked: &'static str,
        /// What its maker is.
        own: &'static str,
    },
    /// The secret is not kept here.
    #[error("credential {name} is kept by {keeper}, not by this server")]
    KeptElsewhere {
        /// The credential.
        name: String,
        /// Who keeps it.
        keeper: String,
    },
    /// What keeps the secret did not hand it over.
    #[error("credential {name} cannot be fetched from {place}")]
    NotFetched {
        /// The credential.
        name: String,
        /// The reference.
        place: String,
        /// Why.
        source: crate::FetchError,
    },
    /// The identity provider did not do what was asked.
    #[error(transparent)]
    Provider(#[from] crate::ProviderError),
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
            | AccessError::Missing { .. }
            | AccessError::Invalid { .. }
            | AccessError::Taken { .. }
            | AccessError::NoSuch { .. }
            | AccessError::TooMany { .. }
            | AccessError::LastAdmin { .. }
            | AccessError::AboveOwn { .. }
            | AccessError::KeptElsewhere { .. } => ErrorClass::Usage,
            AccessError::NotFetched { source, .. } => source.class(),
            AccessError::Provider(_) => ErrorClass::Unreachable,
            AccessError::Tampered { .. } => ErrorClass::Storage,
            AccessError::Store(error) => error.class(),
        }
    }
}
