//! What a pass tells while it runs ([`Event`]) and when it is over ([`StreamReport`]).

use kernel::{OrgId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::import::Format;
use crate::{Connector, Stream};

/// How one stream's sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamStatus {
    /// The sweep ended, and the console's own count confirms that nothing is missing.
    Complete,
    /// Something is missing, or might be; the reason says what. What was read is kept.
    Incomplete,
    /// The console does not offer this stream, or the token may not read it. Not measured, which is not zero.
    NotAvailable,
    /// The console stopped answering.
    Unreachable,
    /// The console refused the token, and its own `GET /user` confirmed it.
    AuthenticationFailed,
    /// The token may not read what every integration needs.
    PermissionMissing,
    /// Not tried, because the integration had stopped before its turn.
    NotTried,
    /// The console keeps asking for fewer requests (429); what was read is kept, and the sweep goes on from there.
    RateLimited,
}

/// The interval, in seconds, that is offered for a stream that stays rate limited.
pub const RATE_LIMITED_INTERVAL: i64 = 15 * 60;

impl StreamStatus {
    /// The word that tables and `--json` use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            StreamStatus::Complete => "complete",
            StreamStatus::Incomplete => "incomplete",
            StreamStatus::NotAvailable => "not_available",
            StreamStatus::Unreachable => "unreachable",
            StreamStatus::AuthenticationFailed => "authentication_failed",
            StreamStatus::PermissionMissing => "permission_missing",
            StreamStatus::NotTried => "not_tried",
            StreamStatus::RateLimited => "rate_limited",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<StreamStatus> {
        [
            StreamStatus::Complete,
            StreamStatus::Incomplete,
            StreamStatus::NotAvailable,
            StreamStatus::Unreachable,
            StreamStatus::AuthenticationFailed,
            StreamStatus::PermissionMissing,
            StreamStatus::NotTried,
            StreamStatus::RateLimited,
        ]
        .into_iter()
        .find(|status| status.word() == word)
    }
}

/// One stream's part of a pass. `muster sync --json` prints one such object per stream, with these names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// The integration's name.
    pub integration: String,
    /// The stream's name.
    #[serde(deserialize_with = "declared")]
    pub stream: StreamName,
    /// How the sweep ended.
    pub status: StreamStatus,
    /// Records received in this pass, those of repeated pages too.
    pub fetched: u64,
    /// Records that were not known before.
    pub created: u64,
    /// Records whose meaning changed.
    pub changed: u64,
    /// Records of which only volatile fields changed.
    pub touched: u64,
    /// Records that were byte for byte as known.
    pub unchanged: u64,
    /// Records that were retired: the console has shown twice, or said, that they are gone.
    pub removed: u64,
    /// Records that were kept aside because they could not be understood.
    pub quarantined: u64,
    /// Pages stored.
    pub pages: u64,
    /// Requests sent, repeated ones too.
    pub requests: u64,
    /// Bytes received in bodies, as they came over the wire where that is known.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// True if the console's own count confirms that nothing is missing.
    pub complete: bool,
    /// How many records the console itself counted for what this sweep asked; `null` if it gave no count.
    pub console_total: Option<u64>,
    /// Why the status is what it is, or which single records were not available; `null` when there is nothing to say.
    pub reason: Option<String>,
    /// True if every integration needs this stream (agents, threats, activities, sites, groups).
    pub core: bool,
    /// Records that the console no longer shows, too many to be retired before a person accepts it.
    pub held: u64,
    /// Which of several generations of the API answered, where there is a choice; `null` elsewhere.
    pub source: Option<String>,
}

/// The name of a declared stream. Named, so that reading a report back does not borrow from its text.
pub type StreamName = &'static str;

/// Reads the name of a stream back.
fn declared<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(from)?;
    let stream = Stream::of_any(&name);
    stream.map(|stream| stream.name).ok_or_else(|| serde::de::Error::custom(format!("there is no stream {name}")))
}

impl StreamReport {
    /// Writes the reading's line into the log, the same for every stream: `sentinelone: fetched 12 threats`; and why it is not
    /// complete, if it is not.
    pub(crate) fn log(&self, org: OrgId, connector: Connector) {
        let StreamReport { integration, stream, fetched, created, changed, removed, .. } = self;
        let status = self.status.word();
        // The target of a line is fixed where it is compiled.
        macro_rules! fetched {
            ($target:literal) => {
                tracing::info!(
                    target: $target,
                    %org, %integration, %stream, %status, created, changed, removed,
                    "fetched {fetched} {stream}"
                )
            };
        }
        match connector {
            Connector::SentinelOne => fetched!("sentinelone"),
            Connector::File(Format::Nmap) => fetched!("nmap"),
            Connector::File(Format::Csv) => fetched!("csv"),
            Connector::File(Format::Json) => fetched!("json"),
        }
        if !matches!(self.status, StreamStatus::Complete | StreamStatus::NotTried) {
            let reason = self.reason.as_deref().unwrap_or("no reason was given");
            let status = status.replace('_', " ");
            tracing::warn!(target: "sync", %org, %integration, %stream, "{stream} is {status}: {reason}");
        }
    }

    /// A report in which nothing has happened yet.
    #[must_use]
    pub fn begun(integration: &str, stream: &Stream, status: StreamStatus) -> StreamReport {
        StreamReport {
            integration: integration.to_owned(),
            stream: stream.name,
            status,
            fetched: 0,
            created: 0,
            changed: 0,
            touched: 0,
            unchanged: 0,
            removed: 0,
            quarantined: 0,
            pages: 0,
            requests: 0,
            bytes: 0,
            duration_ms: 0,
            complete: false,
            console_total: None,
            reason: None,
            core: stream.core,
            held: 0,
            source: None,
        }
    }

    /// How much this stream's result weighs in the exit code.
    #[must_use]
    pub fn exit_class(&self) -> ExitClass {
        match self.status {
            StreamStatus::Complete => ExitClass::Done,
            StreamStatus::NotAvailable if !self.core => ExitClass::Done,
            StreamStatus::NotAvailable | StreamStatus::Incomplete | StreamStatus::RateLimited => ExitClass::Incomplete,
            StreamStatus::Unreachable => ExitClass::Unreachable,
            StreamStatus::AuthenticationFailed | StreamStatus::PermissionMissing => ExitClass::Authentication,
            // Its cause is another stream's, which carries the weight.
            StreamStatus::NotTried => ExitClass::Incomplete,
        }
    }
}

/// What the exit code of a pass says. Ordered from good to worst, so that the worst is the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitClass {
    /// 0: everything that could be read was read, and proven complete.
    Done,
    /// 2: what was asked for cannot be done.
    Usage,
    /// 3: something is missing.
    Incomplete,
    /// 5: a console did not answer.
    Unreachable,
    /// 4: a console refused the token, or the token may not read.
    Authentication,
    /// 6: our own storage.
    Storage,
    /// 70: a mistake of ours.
    Bug,
}

impl ExitClass {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            ExitClass::Done => 0,
            ExitClass::Usage => 2,
            ExitClass::Incomplete => 3,
            ExitClass::Authentication => 4,
            ExitClass::Unreachable => 5,
            ExitClass::Storage => 6,
            ExitClass::Bug => 70,
        }
    }

    /// The worst of several reports; `Done` for none.
    #[must_use]
    pub fn worst(reports: &[StreamReport]) -> ExitClass {
        reports.iter().map(StreamReport::exit_class).max().unwrap_or(ExitClass::Done)
    }
}

/// Which records a sweep asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SweepKind {
    /// Everything that the token may see.
    Full,
    /// What changed since the watermark, with overlap.
    Changes,
}

/// Something that happened during a pass, in order. For progress on a terminal, or plain lines.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The pass turns to this integration.
    IntegrationStarted {
        /// Its name.
        integration: String,
    },
    /// A sweep begins, or goes on.
    StreamStarted {
        /// The integration's name.
        integration: String,
        /// The stream's name.
        stream: &'static str,
        /// What it asks for.
        kind: SweepKind,
        /// Pages already stored by an earlier pass that was cut off; 0 for a new sweep.
        resumed_pages: u64,
    },
    /// A page is stored, durably.
    PageStored {
        /// The integration's name.
        integration: String,
        /// The stream's name.
        stream: &'static str,
        /// Pages stored in this pass.
        pages: u64,
        /// Records received in this pass.
        records: u64,
        /// How many the console counts; a lower bound if `total_exact` is false.
        total: Option<u64>,
        /// False for a count that the console cuts off (activities, at 50,000).
        total_exact: bool,
        /// Milliseconds since the stream started.
        elapsed_ms: u64,
    },
    /// The engine waits before it asks again.
    Waiting {
        /// The integration's name.
        integration: String,
        /// The stream's name.
        stream: &'static str,
        /// Why, in words.
        reason: String,
        /// For how many milliseconds.
        wait_ms: u64,
        /// Which try failed, from 1.
        attempt: u32,
    },
    /// A stream is done.
    StreamFinished {
        /// Its report.
        report: StreamReport,
    },
    /// The integration is done.
    IntegrationFinished {
        /// Its name.
        integration: String,
        /// How it fares now.
        state: crate::IntegrationState,
        /// Why, in a sentence; empty when all is well.
        detail: String,
        /// When.
        at: Timestamp,
    },
    /// Something that somebody should know of, beside what the streams tell.
    Notice {
        /// The integration's name.
        integration: String,
        /// What, in a clause.
        what: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_class_wins_in_the_order_of_the_contract() {
        let codes: Vec<u8> = {
            let mut classes = [
                ExitClass::Bug,
                ExitClass::Done,
                ExitClass::Storage,
                ExitClass::Incomplete,
                ExitClass::Authentication,
                ExitClass::Unreachable,
            ];
            classes.sort();
            classes.iter().rev().map(|class| class.code()).collect()
        };
        // "the worst of 70, 6, 4, 5, 3"
        assert_eq!(codes, [70, 6, 4, 5, 3, 0]);
    }
}
