//! What can go wrong between us and a console, said in one sentence, with what helps.

use std::fmt;
use std::time::Duration;

use crate::request::Endpoint;

/// A request that did not bring what it was sent for. Small, printable, and free of tokens and unredacted text.
///
/// `Display` is one sentence; [`ApiError::advice`] says what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    endpoint: Endpoint,
    host: String,
    request_id: Option<String>,
    failure: Failure,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No response came, or not all of it.
    Transport(TransportError),
    /// The console answered with an error.
    Status(Status),
    /// A 2xx answer that is not the console's JSON: a login page, a proxy, another product.
    NotAConsole {
        /// What came instead.
        what: Instead,
    },
    /// A 2xx answer whose JSON breaks off or cannot be read. Only its size, position and hash are kept.
    Unreadable {
        /// Whether it simply ends too early.
        truncated: bool,
        /// Length of the body in bytes.
        size: usize,
        /// Where reading stopped, in bytes from the start.
        position: usize,
        /// SHA-256 of the body in lower-case hexadecimal.
        sha256: String,
    },
    /// A 2xx answer in JSON that lacks what such an answer must have.
    Shape {
        /// What is missing or different.
        what: &'static str,
    },
    /// The cursor of the next page is one that was already sent.
    RepeatedCursor,
    /// A walk took more pages than any fleet needs.
    TooManyPages {
        /// The bound.
        pages_max: u32,
    },
}

/// What came in place of a console's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Instead {
    /// A page for people.
    Html,
    /// Nothing at all.
    Nothing,
    /// A redirection, which is never followed.
    Redirect,
    /// Text that is not JSON.
    Text,
}

/// Why no complete response came. An in-process service may return these too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The name has no address.
    #[error("the name has no address")]
    Dns,
    /// The host stands inside a private network, where only public addresses will do.
    #[error("the host stands inside a private network, and may not be connected to from here")]
    Private,
    /// Nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// No secure connection: a certificate that is not trusted, or no TLS at all.
    #[error("no secure connection could be made: {reason}")]
    Tls {
        /// What the TLS library says.
        reason: String,
    },
    /// No connection within the time allowed.
    #[error("no connection within {} s", .after.as_secs())]
    ConnectTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// Connected, but nothing came for the time allowed.
    #[error("nothing came for {} s", .after.as_secs())]
    ReadTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// The whole exchange took longer than allowed.
    #[error("the answer took more than {} s", .after.as_secs())]
    TotalTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// Bytes came, but too slowly for too long.
    #[error("the answer came at less than {bytes_per_second} bytes a second")]
    TooSlow {
        /// The lowest rate allowed.
        bytes_per_second: u64,
    },
    /// The connection broke while the answer was coming.
    #[error("the connection broke after {received} bytes of the answer")]
    Interrupted {
        /// How many bytes of the body had come.
        received: usize,
    },
    /// The answer, unpacked, is larger than allowed.
    #[error("the answer is larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound in bytes.
        bytes_max: usize,
    },
    /// The compression of the answer is broken or of an unknown kind.
    #[error("the answer's compression cannot be undone")]
    Encoding,
    /// What stands between us and the console did not pass it on.
    #[error("{reason}")]
    Relay {
        /// What is the matter with it, as a sentence.
        reason: String,
    },
    /// The network is at fault in another way.
    #[error("the connection failed: {reason}")]
    Other {
        /// What the HTTP library says, without the address.
        reason: String,
    },
}

/// An answer that says no: its status and what its body, once redacted, explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status; 200 when errors came inside a successful answer.
    pub status: u16,
    /// In which form the explanation came.
    pub form: Form,
    /// The vendor's code, usually status times 10,000 plus a sub-code.
    pub code: Option<i64>,
    /// The vendor's title, at most 200 characters.
    pub title: Option<String>,
    /// The vendor's detail, at most 200 characters; an empty one counts as absent.
    pub detail: Option<String>,
    /// How long the console asks to wait.
    pub retry_after: Option<Duration>,
}

/// In which form an error came (vendor spec and recordings: three shapes of JSON, HTML from nginx, text from Go).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// `{"errors":[{code,title,detail}]}`.
    Errors,
    /// `{"timestamp","status","error","path"}` of a Java service.
    Spring,
    /// `{"error"}` or `{"message"}`.
    Message,
    /// A page of HTML.
    Html,
    /// Plain text, an empty body, or JSON of another shape.
    Text,
}

/// What helps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Waiting: the same request may succeed later.
    Wait {
        /// How long the console asks to wait, if it says so.
        after: Option<Duration>,
    },
    /// The console's administrator: a role, a scope or a licence is missing.
    AskAdministrator,
    /// A new token: this one is wrong, expired or revoked (unless `GET /user` still answers).
    NewToken,
    /// Checking the address, the network in between, or the certificate.
    CheckAddress,
    /// Starting the walk again from its lower bound: the cursor is no longer good.
    StartAgain,
    /// Asking for fewer records at once.
    AskForLess,
    /// Nothing: the record or the module does not exist here.
    NotHere,
    /// Seeing to what stands in between and passes requests on.
    MendRelay,
    /// Telling the makers of this program: the console does not understand its request.
    Report,
}

impl ApiError {
    /// An error of a request to `host`.
    #[must_use]
    pub fn new(endpoint: Endpoint, host: &str, request_id: Option<String>, failure: Failure) -> ApiError {
        ApiError(Box::new(Inner { endpoint, host: host.to_owned(), request_id, failure }))
    }

    /// What happened.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// What was asked for.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.0.endpoint
    }

    /// The console's own id of the request (`X-RQID`), for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The answer that said no, if one came.
    #[must_use]
    pub fn answer(&self) -> Option<&Status> {
        match &self.0.failure {
            Failure::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The HTTP status of an answer that said no.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }

    /// The vendor's title of the error.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.title.as_deref())
    }

    /// The vendor's detail of the error, which alone tells the reasons for a 403 apart.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.detail.as_deref())
    }

    /// The vendor's code of the error.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        self.answer().and_then(|answer| answer.code)
    }

    /// Whether the console did not accept the token (401). Some services say so when only a permission is missing:
    /// confirm it with [`crate::Client::token_is_refused`].
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whether this stream or record is not to be had here: 403, 501, or a 404 in JSON.
    #[must_use]
    pub fn is_not_available(&self) -> bool {
        self.answer().is_some_and(|answer| match answer.status {
            403 | 501 => true,
            404 => matches!(answer.form, Form::Errors | Form::Message),
            _ => false,
        })
    }

    /// Whether the same request may well succeed a little later: no full answer, 408, 429, 5xx, text 404, HTML in a 200.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.advice(), Advice::Wait { .. })
            || matches!(
                self.0.failure,
                Failure::Transport(
                    TransportError::Dns | TransportError::Refused | TransportError::ConnectTimeout { .. }
                ) | Failure::NotAConsole { what: Instead::Html | Instead::Nothing | Instead::Text }
            )
    }

    /// Whether the cursor should be dropped and the walk begun again: 400, a missing page shape, a repeated cursor.
    #[must_use]
    pub fn spoils_cursor(&self) -> bool {
        matches!(self.0.failure, Failure::Shape { .. } | Failure::RepeatedCursor) || self.status() == Some(400)
    }

    /// What helps.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match &self.0.failure {
            Failure::Transport(error) => match error {
                TransportError::Dns
                | TransportError::Private
                | TransportError::Refused
                | TransportError::ConnectTimeout { .. }
                | TransportError::Tls { .. } => Advice::CheckAddress,
                TransportError::TooLarge { .. } => Advice::AskForLess,
                TransportError::Relay { .. } => Advice::MendRelay,
                _ => Advice::Wait { after: None },
            },
            Failure::Status(answer) => match answer.status {
                200..300 | 400 if answer.is_bad_cursor() => Advice::StartAgain,
                401 => Advice::NewToken,
                403 => Advice::AskAdministrator,
                404 if matches!(answer.form, Form::Errors | Form::Message) => Advice::NotHere,
                404 | 408 | 429 | 500 | 502..600 => Advice::Wait { after: answer.retry_after },
                501 => Advice::NotHere,
                200..300 => Advice::Wait { after: None },
                300..400 => Advice::CheckAddress,
                _ => Advice::Report,
            },
            Failure::NotAConsole { .. } => Advice::CheckAddress,
            Failure::Unreadable { .. } => Advice::Wait { after: None },
            Failure::Shape { .. } | Failure::RepeatedCursor => Advice::StartAgain,
            Failure::TooManyPages { .. } => Advice::Report,
        }
    }
}

impl Status {
    /// Whether the console rejects the cursor (recorded: 400, code 4000010, "Invalid cursor value received").
    #[must_use]
    pub fn is_bad_cursor(&self) -> bool {
        self.detail.as_deref().is_some_and(|detail| detail.to_ascii_lowercase().contains("cursor"))
    }

    /// Title and detail behind a colon, or nothing.
    fn said(&self) -> String {
        match (&self.title, &self.detail) {
            (Some(title), Some(detail)) => format!(": {title}: {detail}"),
            (Some(text), None) | (None, Some(text)) => format!(": {text}"),
            (None, None) => String::new(),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::Wait { after: Some(after) } => write!(f, "try again in {} s", after.as_secs_f64().ceil().max(1.0)),
            Advice::Wait { after: None } => f.write_str("try again in a moment"),
            Advice::AskAdministrator => {
                f.write_str("ask the console's administrator whether the token's role, scope and licence include this")
            }
            Advice::NewToken => f.write_str("make a new token in the console and connect again"),
            Advice::CheckAddress => f.write_str("check the console's address and the network in between"),
            Advice::StartAgain => f.write_str("begin this walk again"),
            Advice::AskForLess => f.write_str("ask for fewer records at once"),
            Advice::MendRelay => f.write_str("see to what stands in between and passes requests on"),
            Advice::NotHere => f.write_str("this console does not have it; nothing needs to be done"),
            Advice::Report => f.write_str("please report this: the console did not understand the request"),
        }
    }
}

/// What is said of a host that may not be asked because of where it stands.
pub(crate) fn stands_inside(host: &str) -> String {
    format!("{host} stands inside a private network, so nothing was sent")
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { endpoint, host, request_id, failure } = &*self.0;
        match failure {
            Failure::Transport(error) => match error {
                TransportError::Dns => write!(f, "there is no console at {host}: the name has no address")?,
                TransportError::Private => f.write_str(&stands_inside(host))?,
                TransportError::Refused => write!(f, "there is no console at {host}: the connection was refused")?,
                TransportError::Relay { reason } => f.write_str(reason)?,
                error => write!(f, "{endpoint} on {host}: {error}")?,
            },
            Failure::Status(answer) => {
                let said = answer.said();
                match answer.status {
                    200..300 => write!(f, "{endpoint} on {host} answered with errors{said}")?,
                    401 => write!(f, "{host} does not accept the token for {endpoint} (401)")?,
                    403 => write!(f, "{host} does not allow {endpoint} to this token (403){said}")?,
                    404 => write!(f, "{host} has no {endpoint} (404){said}")?,
                    429 => write!(f, "{host} asks for fewer requests (429)")?,
                    501 => write!(f, "{host} does not support {endpoint} (501){said}")?,
                    status @ 500..600 => write!(f, "{host} failed at {endpoint} ({status}){said}")?,
                    status => write!(f, "{host} rejects {endpoint} ({status}){said}")?,
                }
            }
            Failure::NotAConsole { what } => {
                let what = match what {
                    Instead::Html => "a web page",
                    Instead::Nothing => "nothing",
                    Instead::Redirect => "a redirection to another address",
                    Instead::Text => "text",
                };
                write!(f, "{host} answered {endpoint} with {what} instead of data; is it a SentinelOne console?")?;
            }
            Failure::Unreadable { truncated: true, size, .. } => {
                write!(f, "the answer to {endpoint} from {host} breaks off after {size} bytes")?;
            }
            Failure::Unreadable { size, position, sha256, .. } => {
                let hash = sha256.get(..12).unwrap_or(sha256);
                write!(
                    f,
                    "the answer to {endpoint} from {host} is not JSON at byte {position} of {size} (sha256 {hash})"
                )?;
            }
            Failure::Shape { what } => write!(f, "the answer to {endpoint} from {host} has {what}")?,
            Failure::RepeatedCursor => write!(f, "{host} sent the same cursor of {endpoint} twice")?,
            Failure::TooManyPages { pages_max } => write!(f, "{endpoint} on {host} has more than {pages_max} pages")?,
        }
        match request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.failure {
            Failure::Transport(error) => Some(error),
            _ => None,
        }
    }
}
