//! Activities: what happened on the console. Rows never change, so their bodies are in the log only.

use kernel::Timestamp;

use crate::noun::ConsoleScope;
use crate::out::Out;

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

impl ActivityNoun {
    /// Writes the activity's row.
    pub(crate) fn write(self, out: &mut Out) {
        out.int("type", self.type_);
        out.term("type_term", "activity_type", self.type_name);
        out.text("description", "description_folded", self.description);
        out.text("detail", "detail_folded", self.detail);
        out.text("comment", "comment_folded", self.comment);
        out.term("os_family_term", "os_family", self.os_family);
        out.id("hash", self.hash);
        out.id("agent_native_id", self.agent_id);
        out.id("threat_native_id", self.threat_id);
        out.id("user_native_id", self.user_id);
        self.console.write(out);
        out.time("created_at", self.created_at);
    }
}

/// A type of activity: what the number in every activity stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityTypeNoun {
    /// The type's number.
    pub type_: Option<i64>,
    /// Its name; some have none.
    pub name: Option<String>,
}

impl ActivityTypeNoun {
    /// Writes the type's row.
    pub(crate) fn write(self, out: &mut Out) {
        out.int("type", self.type_);
        out.term("name_term", "activity_type", self.name);
    }
}
