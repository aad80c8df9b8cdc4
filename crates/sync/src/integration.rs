//! [`Integration`]: one configured console, what it may leave out, and how it fares.

use std::collections::BTreeMap;

use kernel::{CredentialId, ExplorerId, IntegrationId, OrgId, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::import::Format;
use crate::options::Import;
use crate::stream::{IMPORTED, STREAMS, Stream};

/// One configured console, as saved. Its token is not here: only the name and version of the sealed credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// Whose it is.
    pub org: OrgId,
    /// Its key.
    pub id: IntegrationId,
    /// Its name, unique in the organization.
    pub name: String,
    /// How it is read.
    pub connector: Connector,
    /// The console's base address, e.g. `https://acme.sentinelone.net`.
    pub console_url: String,
    /// The console's canonical host (with its port, if it names one); part of every artifact's identity.
    pub console_host: String,
    /// Our site, where this console's assets land.
    pub site: SiteId,
    /// The name of our site.
    pub site_name: String,
    /// What to leave out, and other choices.
    pub options: Options,
    /// How it fares.
    pub state: IntegrationState,
    /// Since when it has fared so.
    pub since: Timestamp,
    /// What happened, in a sentence; empty when nothing did.
    pub detail: String,
    /// The scope that the token had when it was last looked at: `tenant`, `account` or `site`.
    pub scope: Option<String>,
    /// The role that the token had when it was last looked at.
    pub role: Option<String>,
    /// When the token ends, if the console said so.
    pub token_expires_at: Option<Timestamp>,
    /// The console's own version.
    pub console_version: Option<String>,
    /// When it was first saved.
    pub created_at: Timestamp,
    /// The saved credential that opens the console; nothing if it has a token of its own.
    pub credential: Option<CredentialId>,
    /// The Explorer that it runs at; nothing if it runs here.
    pub explorer: Option<ExplorerId>,
}

impl Integration {
    /// What the task that reads it is called: unique in the organization, its own name unless somebody chose another.
    #[must_use]
    pub fn task(&self) -> &str {
        self.options.task.as_deref().unwrap_or(&self.name)
    }

    /// The seed and size of the simulated console of a demo, if it reads one: that answers only while the demo runs.
    #[must_use]
    pub fn simulates(&self) -> Option<(u64, u32)> {
        let host = self.console_host.strip_suffix(".localhost")?.strip_prefix("seed-")?;
        let (seed, host) = host.split_once("-endpoints-")?;
        let (endpoints, start) = host.split_once('-')?;
        start.parse::<i64>().ok()?;
        Some((seed.parse().ok()?, endpoints.parse().ok()?))
    }
}

/// How an integration is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Connector {
    /// A console of SentinelOne's, asked over its API.
    #[default]
    SentinelOne,
    /// Files of this format, when somebody brings one.
    File(Format),
}

impl Connector {
    /// The word that is stored, and that `--json` uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Connector::SentinelOne => "sentinelone",
            Connector::File(format) => format.word(),
        }
    }

    /// Reads the word back; `None` for one of a newer version.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Connector> {
        let files = Format::ALL.into_iter().map(Connector::File);
        [Connector::SentinelOne].into_iter().chain(files).find(|connector| connector.word() == word)
    }

    /// What it reads, for people: `nmap files`; nothing for a console, which has an address.
    #[must_use]
    pub const fn files(self) -> Option<&'static str> {
        match self {
            Connector::SentinelOne => None,
            Connector::File(Format::Nmap) => Some("nmap files"),
            Connector::File(Format::Csv) => Some("csv files"),
            Connector::File(Format::Json) => Some("json files"),
        }
    }

    /// True if it is asked for nothing: somebody brings its files.
    #[must_use]
    pub const fn is_file(self) -> bool {
        matches!(self, Connector::File(_))
    }

    /// The streams that it has.
    #[must_use]
    pub fn streams(self) -> &'static [Stream] {
        match self {
            Connector::SentinelOne => STREAMS,
            Connector::File(_) => IMPORTED,
        }
    }
}

/// Choices made for one integration. Unknown fields of a newer version are ignored, absent ones take these defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Requests a minute for this token, over all paths; the vendor's own figure is not published, 1,000 is what
    /// products use.
    pub requests_per_minute: u32,
    /// Streams that are not read at all.
    pub without_streams: Vec<String>,
    /// False: nothing is read, and everything read so far is kept.
    pub enabled: bool,
    /// Intervals in seconds that differ from the declared ones, by the stream's name; at least [`INTERVAL_MIN`].
    pub intervals: BTreeMap<String, i64>,
    /// Chosen instead of intervals: all streams every so many days, at 01:15 UTC.
    pub autosync_days: Option<u32>,
    /// How many days back the history goes (threats, activities); everything if it is not set.
    pub depth_days: Option<u32>,
    /// Nothing is read before this instant; seconds since 1970, UTC.
    pub starts_at: Option<i64>,
    /// Every stream is read once and then rests, until somebody asks.
    pub once: bool,
    /// What its task is called, where that is not the integration's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Its console may stand inside a private network: on this machine, or where only we come. Otherwise it is not connected
    /// to there, whatever its name leads to.
    pub private: bool,
    /// What of it is imported.
    pub import: Import,
}

/// The shortest interval of a stream, in seconds.
pub const INTERVAL_MIN: i64 = 30;

/// What products that poll this API promise to stay below, per token.
pub const REQUESTS_PER_MINUTE: u32 = 1_000;

impl Default for Options {
    fn default() -> Options {
        Options {
            requests_per_minute: REQUESTS_PER_MINUTE,
            without_streams: Vec::new(),
            enabled: true,
            intervals: BTreeMap::new(),
            autosync_days: None,
            depth_days: None,
            starts_at: None,
            task: None,
            once: false,
            private: false,
            import: Import::default(),
        }
    }
}

impl Options {
    /// As they are kept.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("options are plain numbers and texts")
    }
}

/// How an integration fares. Every state has a meaning and a next step of its own; see [`crate::health`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrationState {
    /// The token works; nothing has been read yet, or what was read last was complete.
    Connected,
    /// A pass is under way, or the first sync is not over yet.
    Syncing,
    /// Everything is read, but not as it should be; the reason says why.
    Degraded,
    /// Some stream could not be proven complete.
    Incomplete,
    /// The console does not answer.
    Unreachable,
    /// What answers there is not a console that can be trusted: another product, a wrong address, a bad certificate.
    Invalid,
    /// The token works and may not read what every integration needs.
    PermissionMissing,
    /// The console refuses the token.
    AuthenticationFailed,
    /// Somebody switched it off.
    Paused,
}

impl IntegrationState {
    /// Every state, in the order of their severity, and the one that somebody chose last.
    pub const ALL: [IntegrationState; 9] = [
        IntegrationState::Connected,
        IntegrationState::Syncing,
        IntegrationState::Degraded,
        IntegrationState::Incomplete,
        IntegrationState::Unreachable,
        IntegrationState::Invalid,
        IntegrationState::PermissionMissing,
        IntegrationState::AuthenticationFailed,
        IntegrationState::Paused,
    ];

    /// The word that tables and `--json` use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            IntegrationState::Connected => "connected",
            IntegrationState::Syncing => "syncing",
            IntegrationState::Degraded => "degraded",
            IntegrationState::Incomplete => "incomplete",
            IntegrationState::Unreachable => "unreachable",
            IntegrationState::Invalid => "invalid",
            IntegrationState::PermissionMissing => "permission_missing",
            IntegrationState::AuthenticationFailed => "authentication_failed",
            IntegrationState::Paused => "paused",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<IntegrationState> {
        IntegrationState::ALL.into_iter().find(|state| state.word() == word)
    }

    /// What to do about the state where its cause is not known, in one or two sentences.
    #[must_use]
    pub fn next_step(self) -> &'static str {
        match self {
            IntegrationState::Connected => "nothing to do",
            IntegrationState::Syncing => {
                "a pass is under way; if no muster sync is running, the last one was cut off and the next goes on from \
                 its checkpoint"
            }
            IntegrationState::Degraded => "see the reason; what is read is right, and nothing is lost",
            IntegrationState::Incomplete => {
                "what was read is kept, nothing was retired; run muster sync again, it goes on where it stopped"
            }
            IntegrationState::AuthenticationFailed => {
                "make a new token in the console (Settings > Users > Service Users), then run muster connect with the \
                 same name; everything read so far and every checkpoint is kept"
            }
            IntegrationState::PermissionMissing => {
                "ask the console's administrator to give the token's user at least the role Viewer on the scope that \
                 should be read; a new token of the same user would not help"
            }
            IntegrationState::Unreachable => {
                "check the address, the network and the console's status page; the token is not at fault"
            }
            IntegrationState::Invalid => {
                "check the address: what answers there is not the console that was connected; the token was not sent on"
            }
            IntegrationState::Paused => "nothing is read until somebody runs muster integration enable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_and_only_a_refused_token_asks_for_a_new_one() {
        for state in IntegrationState::ALL {
            assert_eq!(IntegrationState::from_word(state.word()), Some(state));
            let asks = state.next_step().contains("make a new token");
            assert_eq!(asks, state == IntegrationState::AuthenticationFailed, "{state:?}");
        }
    }
}
