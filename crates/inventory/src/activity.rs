//! Activities: what happened on the console. Rows never change, so their bodies are in the log only.

use kernel::Timestamp;

use crate::noun::ConsoleScope;

/// What a console says about one thing that happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActivityNoun {
    /// The type's number.
    pub type_: Option<i64>,
    /// The type's name, where the console or its list of types gave one.
    pub type_name: Option<String>,
    /// What happened, as a sentence (the console's primary description).
    pub description: Option<String>,
    /// More of it (the secondary description).
    pub detail: Option<String>,
    /// What a user wrote about it.
    pub comment: Option<String>,
    /// The machine's operating system family.
    pub os_family: Option<String>,
    /// A file's hash, where one is concerned, lower case.
    pub hash: Option<String>,
    /// Native id of the agent concerned.
    pub agent_id: Option<String>,
    /// Native id of the threat concerned.
    pub threat_id: Option<String>,
    /// Native id of the console user concerned.
    pub user_id: Option<String>,
    /// Where in the console it happened.
    pub console: ConsoleScope,
    /// When it happened.
    pub created_at: Option<Timestamp>,
}
