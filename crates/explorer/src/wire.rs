//! What goes over the line between a server and its Explorers.

use std::time::Duration;

use sentinelone::{AlertTime, AlertWindow, Endpoint, Micros, Request, TransportError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// What the paths of Explorers begin with.
pub const API: &str = "/explorer/v1";
/// How long the server keeps a poll open where there is nothing to do.
pub const POLL_TIME: Duration = Duration::from_secs(20);
/// The largest answer, in bytes as it is sent.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The header with what an answer says, JSON in base64; its bytes are the body.
pub const ANSWER_HEADER: &str = "muster-answer";
/// The longest such header, in bytes.
pub const ANSWER_HEADER_MAX: usize = 8 * 1024;

/// Kinds of work. An Explorer says which it knows.
pub mod kind {
    /// A request to a console: [`super::ConsoleWork`], answered by [`super::ConsoleAnswer`] and bytes.
    pub const CONSOLE: &str = "console";
    /// A sealed token to keep: [`super::KeepWork`], answered by [`super::KeepAnswer`].
    pub const KEEP: &str = "keep";
}

/// What an Explorer says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Its machine's name.
    pub host: String,
    /// Its address on the way to the server.
    pub address: String,
    /// The kinds of work that it knows.
    pub kinds: Vec<String>,
}

/// `POST {API}/enrol`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    /// The one-time token.
    pub ticket: String,
    /// What secrets are sealed to, base64.
    pub public_key: String,
    /// What it says of itself.
    pub about: About,
}

/// The answer to [`Enrol`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// Its id.
    pub explorer: String,
    /// What the server calls it.
    pub name: String,
    /// Whose it is.
    pub org: String,
    /// The token that it comes with from now on.
    pub token: String,
}

/// `POST {API}/poll`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Poll {
    /// What it says of itself.
    pub about: About,
    /// The work that it has in hand.
    pub holding: Vec<i64>,
    /// How much more it takes; with none, it is answered at once.
    pub room: usize,
    /// Whether it wants to hear of [`Polled::withdrawn`], and lets go of that.
    #[serde(default)]
    pub lets_go: bool,
}

/// The answer to [`Poll`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Polled {
    /// What the server calls it.
    pub name: String,
    /// What there is to do; nothing after [`POLL_TIME`].
    pub work: Vec<Work>,
    /// What it has in hand and nobody waits for any more: it was stopped.
    #[serde(default)]
    pub withdrawn: Vec<i64>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Its number; the answer goes to `POST {API}/answers/{id}`.
    pub id: i64,
    /// One of [`kind`].
    pub kind: String,
    /// What belongs to the kind.
    pub payload: Value,
    /// For how long somebody waits for the answer.
    pub seconds_left: i64,
}

/// `POST {API}/credentials`: a token that was typed at the Explorer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Register {
    /// What people call it.
    pub name: String,
    /// The console's address.
    pub url: String,
    /// The role that the console gives it.
    pub role: Option<String>,
    /// What it sees there.
    pub scope: Option<String>,
    /// When it ends, in microseconds since 1970.
    pub expires_at: Option<i64>,
}

/// The answer to [`Register`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// The id that the server knows it by.
    pub credential: String,
}

/// A request to a console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleWork {
    /// Scheme, host and port.
    pub console: String,
    /// Where the token is.
    pub token: TokenAt,
    /// What is asked for.
    pub asked: Asked,
}

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenAt {
    /// Kept by the Explorer, under the id of a credential.
    Kept(String),
    /// Here, sealed to the Explorer, base64.
    Sealed(String),
}

/// What is sealed: a token, and the one console that it is for.
#[derive(Serialize, Deserialize)]
pub struct Sealed {
    /// The console's address.
    pub url: String,
    /// The token.
    #[serde(with = "wiped")]
    pub token: Zeroizing<String>,
}

/// Secret texts, which are wiped from memory.
pub(crate) mod wiped {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(crate) fn serialize<S: Serializer>(text: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// An entry of the allow-list with its parameters, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path template.
    pub path: String,
    /// The id in the path.
    pub id: Option<String>,
    /// The parameters, in their order.
    pub query: Vec<(String, String)>,
    /// The span of time, of unified alerts.
    pub window: Option<Window>,
}

/// A span of time of unified alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// By when they last changed, and not by when they were detected.
    pub updated: bool,
    /// The first moment, in microseconds.
    pub from: i64,
    /// The last moment, in microseconds.
    pub until: i64,
}

impl Asked {
    /// A request in words.
    #[must_use]
    pub fn of(request: &Request) -> Asked {
        let endpoint = request.endpoint();
        let window = request.asked_window().map(|window| Window {
            updated: window.by == AlertTime::Updated,
            from: window.from.0,
            until: window.until.0,
        });
        Asked {
            method: endpoint.method().as_str().to_owned(),
            path: endpoint.template().to_owned(),
            id: request.id().map(str::to_owned),
            query: request.params().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            window,
        }
    }

    /// The request again; nothing if the allow-list here has none like it.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        let request = Request::of(Endpoint::of(&self.method, &self.path)?, self.id.as_deref())?;
        let request = self.query.iter().fold(request, |request, (name, value)| request.param(name.clone(), value));
        let Some(Window { updated, from, until }) = self.window else { return Some(request) };
        let by = if updated { AlertTime::Updated } else { AlertTime::Detected };
        Some(request.window(AlertWindow { by, from: Micros(from), until: Micros(until) }))
    }
}

/// What became of a request to a console. The bytes of the answer come beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleAnswer {
    /// The console answered.
    Answered {
        /// Its status.
        status: u16,
        /// Those of its headers that say something.
        headers: Vec<(String, String)>,
    },
    /// No whole answer came.
    Failed(Failed),
    /// The Explorer does not know such a request: it is older than the server.
    Unknown,
}

/// Why no whole answer came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// In one word.
    pub what: String,
    /// In words, where there are more.
    pub reason: String,
    /// The figure that belongs to it.
    pub number: u64,
}

/// The headers of a console's answer that go back.
pub const HEADERS_KEPT: [&str; 5] = ["content-type", "content-encoding", "retry-after", "date", "x-rqid"];

impl Failed {
    /// What stood in the way, as a sentence of the Explorer's own.
    #[must_use]
    pub fn relay(reason: impl Into<String>) -> Failed {
        Failed { what: "relay".to_owned(), reason: reason.into(), number: 0 }
    }

    /// An error of the network, in words.
    #[must_use]
    pub fn of(error: &TransportError) -> Failed {
        let failed =
            |what: &str, reason: &str, number: u64| Failed { what: what.to_owned(), reason: reason.to_owned(), number };
        match error {
            TransportError::Dns => failed("dns", "", 0),
            TransportError::Private => failed("private", "", 0),
            TransportError::Refused => failed("refused", "", 0),
            TransportError::Tls { reason } => failed("tls", reason, 0),
            TransportError::ConnectTimeout { after } => failed("connect_timeout", "", after.as_secs()),
            TransportError::ReadTimeout { after } => failed("read_timeout", "", after.as_secs()),
            TransportError::TotalTimeout { after } => failed("total_timeout", "", after.as_secs()),
            TransportError::TooSlow { bytes_per_second } => failed("too_slow", "", *bytes_per_second),
            TransportError::Interrupted { received } => failed("interrupted", "", *received as u64),
            TransportError::TooLarge { bytes_max } => failed("too_large", "", *bytes_max as u64),
            TransportError::Encoding => failed("encoding", "", 0),
            TransportError::Relay { reason } => failed("relay", reason, 0),
            TransportError::Other { reason } => failed("other", reason, 0),
            other => failed("other", &other.to_string(), 0),
        }
    }

    /// The error again.
    #[must_use]
    pub fn error(self) -> TransportError {
        let after = Duration::from_secs(self.number);
        let size = usize::try_from(self.number).unwrap_or(usize::MAX);
        match self.what.as_str() {
            "dns" => TransportError::Dns,
            "private" => TransportError::Private,
            "refused" => TransportError::Refused,
            "tls" => TransportError::Tls { reason: self.reason },
            "connect_timeout" => TransportError::ConnectTimeout { after },
            "read_timeout" => TransportError::ReadTimeout { after },
            "total_timeout" => TransportError::TotalTimeout { after },
            "too_slow" => TransportError::TooSlow { bytes_per_second: self.number },
            "interrupted" => TransportError::Interrupted { received: size },
            "too_large" => TransportError::TooLarge { bytes_max: size },
            "encoding" => TransportError::Encoding,
            "relay" => TransportError::Relay { reason: self.reason },
            _ => TransportError::Other { reason: self.reason },
        }
    }
}

/// A token to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepWork {
    /// The id of the credential that it is the secret of.
    pub credential: String,
    /// What people call it.
    pub name: String,
    /// The console's address.
    pub url: String,
    /// A [`Sealed`], sealed to the Explorer, base64; nothing to forget what was kept.
    pub sealed: Option<String>,
}

/// What became of a token to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepAnswer {
    /// It is kept, or forgotten.
    Done,
    /// It cannot be, and why.
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_of_the_allow_list_comes_back_from_its_words() {
        for endpoint in Endpoint::ALL.iter().copied() {
            let id = endpoint.names_one_record().then_some("225494730938493804");
            let request = Request::of(endpoint, id).unwrap().limit(1000).cursor("YWdl+/=").param("ids", "1,2");
            let window = AlertWindow { by: AlertTime::Updated, from: Micros(1), until: Micros(2) };
            for request in [request.clone(), request.window(window)] {
                assert_eq!(Asked::of(&request).request(), Some(request));
            }
        }
    }

    #[test]
    fn what_is_not_in_the_allow_list_is_no_request() {
        let asked = |method: &str, path: &str, id: Option<&str>| Asked {
            method: method.to_owned(),
            path: path.to_owned(),
            id: id.map(str::to_owned),
            query: Vec::new(),
            window: None,
        };
        for (method, path, id) in [
            ("POST", "/agents/actions/uninstall", None),
            ("DELETE", "/agents", None),
            ("GET", "/agents/passphrases", None),
            ("GET", "/threats/{id}/notes", None),
            ("GET", "/threats/{id}/notes", Some("../../users")),
            ("GET", "/agents", Some("1")),
        ] {
            assert_eq!(asked(method, path, id).request(), None, "{method} {path}");
        }
    }

    #[test]
    fn failures_come_back_from_their_words() {
        let second = Duration::from_secs(7);
        for error in [
            TransportError::Dns,
            TransportError::Private,
            TransportError::Refused,
            TransportError::Tls { reason: "expired".to_owned() },
            TransportError::ConnectTimeout { after: second },
            TransportError::ReadTimeout { after: second },
            TransportError::TotalTimeout { after: second },
            TransportError::TooSlow { bytes_per_second: 5 },
            TransportError::Interrupted { received: 5 },
            TransportError::TooLarge { bytes_max: 5 },
            TransportError::Encoding,
            TransportError::Relay { reason: "away".to_owned() },
            TransportError::Other { reason: "odd".to_owned() },
        ] {
            assert_eq!(Failed::of(&error).error(), error);
        }
    }
}
