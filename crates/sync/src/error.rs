//! Why a story about integrations could not be told to its end. What happens to one stream is in its report instead.

use access::AccessError;
use inventory::InventoryError;
use sentinelone::ApiError;
use signals::SignalsError;
use store::{ErrorClass, StoreError};

use crate::beside::Beside;
use crate::explorers::ExplorerError;
use crate::import::{Format, ImportError};
use crate::scan::{OrderError, ScanError, TargetError};
use crate::{Connector, ExitClass};

/// Why connecting or syncing stopped.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The console did not let us connect.
    #[error("{0}")]
    Console(#[from] ApiError),
    /// No integration has that name.
    #[error("there is no integration named {name:?}{}", known_names(known))]
    NoSuchIntegration {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No integration is configured at all.
    #[error("no console is connected yet")]
    NoIntegration,
    /// The integration is switched off.
    #[error("{name} is switched off")]
    Paused {
        /// Its name.
        name: String,
    },
    /// An option cannot be set so.
    #[error("{name} cannot be set so: {why}")]
    Option {
        /// The option.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// No stream has that name.
    #[error("there is no stream named {name:?}; there are {}", all_streams())]
    NoSuchStream {
        /// The name asked for.
        name: String,
    },
    /// The name already belongs to an integration of another console.
    #[error("the name {name:?} belongs to {host} already")]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        host: String,
    },
    /// Another integration reads the same console already, and sees the same of it.
    #[error("{}", .0.in_words())]
    ReadAlready(Box<Beside>),
    /// The file cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Nothing came of a scan.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// What is to be scanned cannot be.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It cannot be scanned so.
    #[error(transparent)]
    ScanOrder(#[from] OrderError),
    /// No scan task has that name.
    #[error("there is no scan task {name:?}")]
    NoSuchScan {
        /// What was asked for.
        name: String,
    },
    /// A scan task does not run.
    #[error("the scan task {name} is paused")]
    ScanPaused {
        /// Its name.
        name: String,
    },
    /// Another scan task has the name.
    #[error("another scan task is called {name:?}; choose another name")]
    ScanTaken {
        /// The name.
        name: String,
    },
    /// A scan task is at work.
    #[error("{name} is scanning just now")]
    ScanRuns {
        /// Its name.
        name: String,
    },
    /// The source is brought as files; nobody can ask it for more.
    #[error("{name} is a source of files, and Muster asks it for nothing")]
    IsFile {
        /// Its name.
        name: String,
        /// The format of its files.
        format: Format,
    },
    /// The name belongs to a source of another kind.
    #[error("the name {name:?} belongs to {} already", whose(connector))]
    OtherSource {
        /// The name.
        name: String,
        /// How the source of that name is read.
        connector: Connector,
    },
    /// The source's machines land in another site.
    #[error("the machines of {name} land in site {site:?}, and a source has one site")]
    OtherSite {
        /// The source.
        name: String,
        /// Its site.
        site: String,
    },
    /// The text cannot be a name.
    #[error("{name:?} cannot be the name of an integration or of its task: {why}")]
    BadName {
        /// The text.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What a saved credential holds is no token.
    #[error("what the credential {name:?} holds is no API token: {why}")]
    NoToken {
        /// The credential.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The connection link was used, revoked or has run out meanwhile.
    #[error("the connection link works no longer: it was used or revoked, or its time is over")]
    LinkOver,
    /// The saved address is not one any more.
    #[error("integration {name:?} has an address that cannot be used: {why}")]
    BadAddress {
        /// The integration.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another process began a pass over the same stream.
    #[error("another process took over {stream} of {integration}; what it had stored is kept")]
    Fenced {
        /// The integration.
        integration: String,
        /// The stream.
        stream: &'static str,
    },
    /// Another worker reads the stream just now.
    #[error("{stream} is being read by {holder}")]
    Leased {
        /// The stream.
        stream: String,
        /// The worker.
        holder: String,
        /// Until when it holds the stream, unless it shows signs of life.
        until: kernel::Timestamp,
    },
    /// A checkpoint in the database cannot be read.
    #[error("the checkpoint of {stream} cannot be read")]
    Checkpoint {
        /// The stream.
        stream: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory could not take a page.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The log could not take a page.
    #[error(transparent)]
    Signals(#[from] SignalsError),
    /// An Explorer cannot do it.
    #[error(transparent)]
    Explorer(#[from] ExplorerError),
    /// A credential could not be sealed or opened.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl SyncError {
    /// What the error weighs in the exit code.
    #[must_use]
    pub fn exit_class(&self) -> ExitClass {
        match self {
            SyncError::Console(error) => console_class(error),
            SyncError::NoSuchIntegration { .. }
            | SyncError::Paused { .. }
            | SyncError::NoIntegration
            | SyncError::Option { .. }
            | SyncError::NoSuchStream { .. }
            | SyncError::NameTaken { .. }
            | SyncError::ReadAlready(_)
            | SyncError::BadName { .. }
            | SyncError::LinkOver
            | SyncError::NoToken { .. }
            | SyncError::IsFile { .. }
            | SyncError::OtherSource { .. }
            | SyncError::OtherSite { .. }
            | SyncError::Target(_)
            | SyncError::ScanOrder(_)
            | SyncError::NoSuchScan { .. }
            | SyncError::ScanRuns { .. }
            | SyncError::ScanPaused { .. }
            | SyncError::ScanTaken { .. }
            | SyncError::BadAddress { .. } => ExitClass::Usage,
            SyncError::Scan(ScanError::NoScanner | ScanError::Communities) => ExitClass::Usage,
            SyncError::Scan(ScanError::Ended { .. } | ScanError::Elsewhere { .. }) => ExitClass::Incomplete,
            SyncError::Scan(_) => ExitClass::Storage,
            SyncError::Import(ImportError::Scratch(_)) => ExitClass::Storage,
            SyncError::Import(_) => ExitClass::Usage,
            SyncError::Fenced { .. } | SyncError::Leased { .. } => ExitClass::Storage,
            SyncError::Checkpoint { .. } => ExitClass::Bug,
            SyncError::Store(error)
            | SyncError::Inventory(InventoryError::Store(error) | InventoryError::Log(SignalsError::Store(error)))
            | SyncError::Signals(SignalsError::Store(error)) => store_class(error.class()),
            SyncError::Explorer(ExplorerError::Store(error)) => store_class(error.class()),
            SyncError::Explorer(
                ExplorerError::Away { .. }
                | ExplorerError::NoAnswer { .. }
                | ExplorerError::Busy(_)
                | ExplorerError::Revoked(_),
            ) => ExitClass::Unreachable,
            SyncError::Explorer(_) => ExitClass::Usage,
            SyncError::Access(error) => store_class(error.class()),
            SyncError::Inventory(_) | SyncError::Signals(_) => ExitClass::Storage,
        }
    }

    /// What to do about it, where the message does not say.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            SyncError::Console(error) => Some(error.advice().to_string()),
            SyncError::NoSuchIntegration { known, .. } if !known.is_empty() => None,
            SyncError::NoIntegration | SyncError::NoSuchIntegration { .. } => {
                Some("connect a console first: muster connect URL --token-file FILE".to_owned())
            }
            SyncError::Paused { name } => Some(format!("switch it on: muster integration enable {name}")),
            SyncError::IsFile { name, format } => {
                Some(format!("bring its next file: muster import {} FILE --source {name}", format.word()))
            }
            SyncError::OtherSource { .. } | SyncError::OtherSite { .. } => {
                Some("choose another name with --source".to_owned())
            }
            SyncError::Scan(error) => error.help().map(str::to_owned),
            SyncError::Target(TargetError::NotAllowed { .. }) => {
                Some("an administrator chooses them under Tasks, Scans, or by muster scan allow NETWORK..".to_owned())
            }
            SyncError::ScanPaused { .. } => Some("resume it first".to_owned()),
            SyncError::ScanRuns { .. } => Some("stop it first, or wait until it is over".to_owned()),
            SyncError::NameTaken { .. } => Some("choose another name with --name".to_owned()),
            SyncError::ReadAlready(one) => Some(format!(
                "to give {name} a new token: --name {name}; to connect it all the same, and read everything twice: \
                 --all-the-same",
                name = one.integration.name
            )),
            SyncError::Fenced { .. } => Some("run one muster sync at a time".to_owned()),
            _ => None,
        }
    }
}

impl SyncError {
    /// What went wrong, why, and what helps, in one line: for whoever is told of it elsewhere.
    #[must_use]
    pub(crate) fn in_words(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        let help = self.help().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{self}{cause}{help}")
    }

    /// The database's own error, where it is one.
    pub(crate) fn of_store(&self) -> Option<&StoreError> {
        match self {
            SyncError::Store(error)
            | SyncError::Inventory(InventoryError::Store(error) | InventoryError::Log(SignalsError::Store(error)))
            | SyncError::Signals(SignalsError::Store(error))
            | SyncError::Explorer(ExplorerError::Store(error))
            | SyncError::Access(AccessError::Store(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether the database may come back: full, busy, or not reachable.
    pub(crate) fn passes(&self) -> bool {
        matches!(
            self.of_store(),
            Some(
                StoreError::Full
                    | StoreError::Locked { .. }
                    | StoreError::Unreachable { .. }
                    | StoreError::File { .. }
                    | StoreError::Sql { .. }
            )
        )
    }

    /// Whether going on makes no sense: the database is damaged, newer, or not ours.
    pub(crate) fn is_fatal(&self) -> bool {
        self.of_store().is_some_and(|error| error.class() == ErrorClass::Storage) && !self.passes()
    }
}

fn store_class(class: ErrorClass) -> ExitClass {
    match class {
        // A database server that does not answer is our storage, not the console.
        ErrorClass::Storage | ErrorClass::Unreachable => ExitClass::Storage,
        ErrorClass::Usage => ExitClass::Usage,
        ErrorClass::Bug => ExitClass::Bug,
    }
}

fn console_class(error: &ApiError) -> ExitClass {
    match error.status() {
        Some(401 | 403) => ExitClass::Authentication,
        _ => ExitClass::Unreachable,
    }
}

fn whose(connector: &Connector) -> String {
    match connector {
        Connector::SentinelOne => "a console".to_owned(),
        Connector::File(format) => format!("a source of {} files", format.word()),
    }
}

fn known_names(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) }
}

fn all_streams() -> String {
    crate::STREAMS.iter().map(|stream| stream.name).collect::<Vec<_>>().join(", ")
}
