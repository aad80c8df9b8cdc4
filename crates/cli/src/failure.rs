//! [`Failure`]: why a command ended, in sentences, with the exit code that scripts rely on.

use std::fmt::Write as _;

use reports::terminal::harmless;

/// What an exit code says; the numbers are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing is wrong: whoever read the output had enough, as `head` does.
    Enough,
    /// The answer is no.
    No,
    /// Usage, or input that cannot be used.
    Usage,
    /// Something is missing.
    Incomplete,
    /// A console refused the token, or the token may not read.
    Authentication,
    /// Nobody answered.
    Unreachable,
    /// The disk, the database, the key.
    Storage,
    /// A mistake of ours.
    Bug,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Enough => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
            Exit::Authentication => 4,
            Exit::Unreachable => 5,
            Exit::Storage => 6,
            Exit::Bug => 70,
        }
    }
}

impl From<sync::ExitClass> for Exit {
    fn from(class: sync::ExitClass) -> Exit {
        match class {
            sync::ExitClass::Done | sync::ExitClass::Incomplete => Exit::Incomplete,
            sync::ExitClass::Unreachable => Exit::Unreachable,
            sync::ExitClass::Authentication => Exit::Authentication,
            sync::ExitClass::Storage => Exit::Storage,
            sync::ExitClass::Usage => Exit::Usage,
            sync::ExitClass::Bug => Exit::Bug,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// What happened, in one sentence: lower case, no full stop. Empty if it has been said already.
    pub what: String,
    /// Further lines: what was kept, what to do. Whole sentences.
    pub more: Vec<String>,
}

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Failure {
        Failure { exit, what: what.into(), more: Vec::new() }
    }

    pub fn usage(what: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, what)
    }

    /// The outcome has been told; only the code is left to say.
    pub fn told(exit: Exit) -> Failure {
        Failure::new(exit, "")
    }

    /// The same failure with a further sentence.
    #[must_use]
    pub fn with(mut self, sentence: impl Into<String>) -> Failure {
        self.more.push(sentence.into());
        self
    }

    /// The lines for standard error; empty if everything has been said.
    pub fn lines(&self) -> String {
        let mut out = String::new();
        if !self.what.is_empty() {
            let _ = writeln!(out, "error: {}", harmless(&self.what));
        }
        for line in &self.more {
            let _ = writeln!(out, "  {}", harmless(line));
        }
        out
    }
}

/// A clause as a sentence: a capital at the beginning, a full stop at the end, but none after a command to be copied.
pub fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let command = clause.rsplit_once(": muster ").is_some_and(|(_, command)| !command.contains([';', ',']));
    let end = if clause.ends_with(['.', '?']) || command { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// An error and everything below it, in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.contains(&text) {
            let _ = write!(line, ": {text}");
        }
        next = cause.source();
    }
    line
}

/// A file that somebody named cannot be read: the name is what has to change.
pub fn unreadable(name: &str, cause: &std::io::Error) -> Failure {
    Failure::usage(format!("{name} cannot be read: {cause}")).with("Nothing was changed.")
}

/// What to do about data that cannot be read back.
const DAMAGED: &str = "Restore a backup, or move the file away and sync anew: muster doctor says where it lies.";

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Failure {
        use store::StoreError;
        let exit = exit_of(error.class());
        let failure = Failure::new(exit, chain(&error));
        match error {
            StoreError::Locked { .. } => failure.with("Nothing was changed. Wait until it is done, then try again."),
            StoreError::Newer { .. } => failure.with("Nothing was changed."),
            StoreError::Changed { .. } => {
                failure.with("Nothing was changed. Program and database do not belong together: use the program that made it.")
            }
            StoreError::Full => failure.with(
                "Everything that was stored before is kept, and the next run goes on from there. Make room, then try again.",
            ),
            StoreError::Corrupt { .. } => failure.with(DAMAGED),
            StoreError::File { path, source } => failure.with(crate::place::out_of_reach(&path, &source)),
            StoreError::Unreachable { .. } => failure.with("Nothing was changed. Check that the server runs and that --database names it."),
            _ if exit == Exit::Bug => failure.with("This is a mistake in Muster. Nothing of this step was stored."),
            _ => failure,
        }
    }
}

fn exit_of(class: store::ErrorClass) -> Exit {
    use store::ErrorClass;
    match class {
        // A database server that does not answer is our storage, not the console.
        ErrorClass::Storage | ErrorClass::Unreachable => Exit::Storage,
        ErrorClass::Usage => Exit::Usage,
        ErrorClass::Bug => Exit::Bug,
    }
}

impl From<store::backup::BackupError> for Failure {
    fn from(error: store::backup::BackupError) -> Failure {
        use store::backup::BackupError;
        let words = chain(&error);
        match error {
            BackupError::Store(error) => error.into(),
            BackupError::File { .. } => Failure::new(Exit::Storage, words),
            BackupError::NoFolder { folder } => {
                Failure::usage(words).with(format!("Such as: mkdir -p {}", crate::place::shell(&folder)))
            }
            BackupError::Exists { .. } => Failure::usage(words).with("Name another file, or a folder."),
            BackupError::Torn { .. } => Failure::usage(words).with("Nothing was changed. Take an earlier backup."),
            BackupError::Newer { .. } => Failure::new(Exit::Storage, words).with("Nothing was changed."),
            BackupError::NotEmpty { .. } => Failure::new(Exit::Storage, words).with(
                "Nothing was changed. Name another database, or remove what is there for good: muster restore --replace FILE",
            ),
        }
    }
}

impl From<access::AccessError> for Failure {
    fn from(error: access::AccessError) -> Failure {
        match error {
            access::AccessError::Store(error) => error.into(),
            access::AccessError::KeyFile { ref path, ref source } => {
                Failure::new(exit_of(error.class()), chain(&error)).with(crate::place::out_of_reach(path, source))
            }
            other => Failure::new(exit_of(other.class()), chain(&other)),
        }
    }
}

impl From<sync::SyncError> for Failure {
    fn from(error: sync::SyncError) -> Failure {
        use sync::SyncError;
        let error = match error {
            SyncError::Store(error) => return error.into(),
            SyncError::Access(error) => return error.into(),
            SyncError::Inventory(error) => return error.into(),
            SyncError::Signals(error) => return error.into(),
            other => other,
        };
        let failure = Failure::new(error.exit_class().into(), chain(&error));
        error.help().into_iter().map(|help| sentence(&help)).fold(failure, Failure::with)
    }
}

impl From<inventory::InventoryError> for Failure {
    fn from(error: inventory::InventoryError) -> Failure {
        use inventory::InventoryError;
        match error {
            InventoryError::Store(error) => error.into(),
            InventoryError::Log(error) => error.into(),
            other => Failure::new(Exit::Storage, chain(&other)).with(DAMAGED),
        }
    }
}

impl From<signals::SignalsError> for Failure {
    fn from(error: signals::SignalsError) -> Failure {
        match error {
            signals::SignalsError::Store(error) => error.into(),
            signals::SignalsError::SinkExists(_) => {
                Failure::usage(error.to_string()).with("Another name: --name NAME. What there is: muster sink list.")
            }
            signals::SignalsError::SinkTarget(_) => Failure::usage(error.to_string())
                .with("Choose another file. A filter is changed by removing the sink and adding it anew."),
            signals::SignalsError::Filter(_) => Failure::usage(chain(&error)),
            other => Failure::new(Exit::Storage, chain(&other)).with(DAMAGED),
        }
    }
}

impl From<inventory::AskError> for Failure {
    fn from(error: inventory::AskError) -> Failure {
        use inventory::AskError;
        match error {
            AskError::Store(error) => error.into(),
            AskError::Body(error) => error.into(),
            AskError::Inventory { message, help } => Failure::usage(message).with(sentence(&help)),
            AskError::Argument { argument, message, help } => {
                let failure = Failure::usage(format!("{argument}: {message}"));
                help.iter().map(|help| sentence(help)).fold(failure, Failure::with)
            }
            other => Failure::usage(chain(&other)),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::told(Exit::Enough),
            _ => Failure::new(Exit::Storage, format!("writing the result failed: {error}")),
        }
    }
}
