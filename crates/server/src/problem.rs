//! [`Problem`]: why a request was not done, as RFC 9457 JSON for programs and as a page for people.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use access::AccessError;
use inventory::correlate::directive::DirectiveError;
use inventory::{AskError, InventoryError};
use signals::SignalsError;
use store::{ErrorClass, StoreError};
use sync::SyncError;
use ui::html;

use crate::Visitor;
use crate::respond;

/// Why a request was not done: what happened, and what to do. Which form it takes is decided by the guard, which knows
/// whether a program or a person asked.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    help: Option<String>,
    mistakes: Vec<Mistake>,
    retry_after_s: Option<u64>,
}

/// One mistake in a question or a form, with its place.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Mistake {
    /// Which parameter or field: `q`, `limit`, `name`.
    pub field: String,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to write instead, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The first byte of the place in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
    /// The byte after the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
}

/// A problem as programs get it, `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody {
    /// Which kind of problem, as a reference into the documentation.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, in words.
    pub title: String,
    /// The status code again.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Every mistake in what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub mistakes: Vec<Mistake>,
    /// The request's id; support and the log know it.
    pub request_id: String,
}

impl Mistake {
    /// A mistake of a whole field.
    pub(crate) fn of(field: impl Into<String>, message: impl Into<String>) -> Mistake {
        Mistake { field: field.into(), message: message.into(), help: None, start: None, end: None }
    }
}

impl Problem {
    /// A problem of a status with its detail.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Problem {
        let (detail, mistakes) = (detail.into(), Vec::new());
        Problem { status, title, detail, help: None, mistakes, retry_after_s: None }
    }

    /// What was sent cannot be meant: 422.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "What was sent cannot be understood", detail)
    }

    /// One field cannot be meant, and nothing else is wrong: 422.
    pub(crate) fn wrong(field: impl Into<String>, message: impl Into<String>) -> Problem {
        let mistake = Mistake::of(field, message);
        Problem::invalid(mistake.message.clone()).mistake(mistake)
    }

    /// There is no such thing, or not in this organization: 404. The two look the same on purpose.
    #[must_use]
    pub fn missing(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "Not found", format!("There is no {what} here."))
    }

    /// Nobody has signed in: 401.
    #[must_use]
    pub fn unknown_person() -> Problem {
        let detail = "This needs you to be signed in, or a token in the header Authorization: Bearer.";
        Problem::new(StatusCode::UNAUTHORIZED, "Not signed in", detail)
    }

    /// No Explorer comes with such a token: 401.
    #[must_use]
    pub(crate) fn unknown_explorer() -> Problem {
        let detail = "This is the line of Explorers, and no Explorer of this server has this token.";
        Problem::new(StatusCode::UNAUTHORIZED, "Not an Explorer", detail)
            .help("Enrol it again with a one-time token from the page Explorers.")
    }

    /// The person may not do this: 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    /// Somebody else changed it in between, or it is taken: 409.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "It does not fit what is there", detail)
    }

    /// Too many requests: 429, with the seconds to wait.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, wait_s: u64) -> Problem {
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail);
        Problem { retry_after_s: Some(wait_s), ..problem }
    }

    /// Somebody, or a program, asks more often than they may: 429, with the seconds to wait.
    pub(crate) fn too_often(a_minute: u32, wait_s: u64) -> Problem {
        let detail = format!(
            "You, or a program with your session or token, sent more than {a_minute} requests within a minute."
        );
        let seconds = if wait_s == 1 { "a second".to_owned() } else { format!("{wait_s} seconds") };
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests", detail).wait(wait_s).help(format!(
            "Nothing was done. Go on in {seconds}; a program waits for as long as the header Retry-After says."
        ))
    }

    /// What a bare status means that the router itself answered with; nothing for one that is no problem.
    pub(crate) fn bare(status: StatusCode, path: &str) -> Option<Problem> {
        let path: String = path.chars().take(PATH_CHARS_MAX).collect();
        let detail = match status {
            StatusCode::NOT_FOUND => {
                return Some(Problem::new(status, "Not found", format!("There is nothing at {path}.")));
            }
            StatusCode::METHOD_NOT_ALLOWED => format!("{path} is not asked this way."),
            StatusCode::PAYLOAD_TOO_LARGE => "What was sent is larger than 1 MiB.".to_owned(),
            StatusCode::BAD_REQUEST => "The request cannot be understood.".to_owned(),
            _ if status.is_client_error() || status.is_server_error() => MISTAKE.to_owned(),
            _ => return None,
        };
        Some(Problem::new(status, status.canonical_reason().unwrap_or("Not done"), detail))
    }

    /// Adds the seconds after which it may be asked again.
    #[must_use]
    pub(crate) fn wait(self, seconds: u64) -> Problem {
        Problem { retry_after_s: Some(seconds), ..self }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// Adds a mistake with its place.
    #[must_use]
    pub fn mistake(mut self, mistake: Mistake) -> Problem {
        self.mistakes.push(mistake);
        self
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The kind of problem, in words.
    #[must_use]
    pub fn title(&self) -> &str {
        self.title
    }

    /// What happened.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do about it.
    #[must_use]
    pub fn what_to_do(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Every mistake in what was sent.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// As programs get it.
    #[must_use]
    pub fn as_json(&self, request_id: &str) -> Response {
        let body = ProblemBody {
            kind: format!("/help/problems#{}", self.status.as_u16()),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            help: self.help.clone(),
            mistakes: self.mistakes.clone(),
            request_id: request_id.to_owned(),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        self.dressed((self.status, [(CONTENT_TYPE, "application/problem+json")], json).into_response())
    }

    /// As people get it: a page, inside the navigation if somebody is signed in.
    #[must_use]
    pub fn as_page(&self, visitor: Option<&Visitor>, request_id: &str) -> Response {
        // A single mistake is what the sentence says already.
        let mistakes: Vec<&Mistake> = self.mistakes.iter().filter(|of| of.message != self.detail).collect();
        let body = html! {
            div.flow {
                p { (self.detail) }
                @if !mistakes.is_empty() {
                    ul.listed { @for mistake in mistakes { li { (capital(&mistake.message)) } } }
                }
                @if let Some(help) = &self.help { p { (help) } }
                p.muted.small { "Status " (self.status.as_u16()) " · request " span.mono { (request_id) } }
            }
        };
        let markup = match visitor {
            Some(visitor) => {
                let shell = visitor.shell();
                let body = html! { (body) p { a href="/" { "To the overview" } } };
                ui::Page {
                    place: None,
                    layout: ui::Layout::Narrow,
                    body,
                    ..ui::Page::new(&shell, ui::Place::Overview, self.title)
                }
                .render()
            }
            None => {
                let body = html! { (body) p { a href="/" { "To the first page" } } };
                ui::plain(self.title, &html! {}, "", &body)
            }
        };
        self.dressed((self.status, respond::page(markup)).into_response())
    }

    /// Adds the headers that go with the status.
    pub(crate) fn dressed(&self, mut response: Response) -> Response {
        if let Some(wait) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

/// A problem leaves a handler inside an empty response; the guard gives it its form.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        tracing::error!(%error, "the database refused");
        match error.class() {
            ErrorClass::Bug => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "A mistake of ours", MISTAKE),
            _ => {
                let detail = "The database does not answer as it should just now. Nothing was changed.";
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Storage trouble", detail);
                let help = "Try again in a moment. If it stays, muster doctor on the server says what is wrong.";
                Problem { retry_after_s: Some(STORE_WAIT_S), ..problem }.help(help)
            }
        }
    }
}

/// So much of an address is repeated in a problem, in characters.
const PATH_CHARS_MAX: usize = 200;

/// After how many seconds a client may ask a database in trouble again.
const STORE_WAIT_S: u64 = 5;

/// What is said of a fault that is nobody's but ours.
pub(crate) const MISTAKE: &str = "Something went wrong that should not. What was stored before is kept; the log has the details under the request's id.";

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Problem {
        match error {
            AccessError::Store(error) => error.into(),
            AccessError::Invalid { .. } | AccessError::AboveOwn { .. } => Problem::invalid(sentence(&error)),
            AccessError::Taken { .. } | AccessError::TooMany { .. } | AccessError::LastAdmin { .. } => {
                Problem::conflict(sentence(&error))
            }
            AccessError::NoSuch { what } => Problem::missing(what),
            AccessError::Missing { .. } => Problem::missing("credential"),
            other => {
                tracing::error!(error = %other, "access refused");
                let help = "The administrator of this server finds the reason in its log, and with muster doctor.";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Something is wrong with the server", sentence(&other))
                    .help(help)
            }
        }
    }
}

impl From<SignalsError> for Problem {
    fn from(error: SignalsError) -> Problem {
        match error {
            SignalsError::Store(error) => error.into(),
            other => Problem::conflict(sentence(&other)),
        }
    }
}

impl From<SyncError> for Problem {
    fn from(error: SyncError) -> Problem {
        match error {
            SyncError::Store(error) => error.into(),
            SyncError::Explorer(error) => error.into(),
            other => Problem::conflict(sentence(&other)),
        }
    }
}

impl From<DirectiveError> for Problem {
    fn from(error: DirectiveError) -> Problem {
        match error {
            DirectiveError::Store(error) => error.into(),
            DirectiveError::NoSuchAsset(_) => Problem::missing("asset"),
            DirectiveError::NoSuchDecision(_) => Problem::missing("decision"),
            DirectiveError::NoSuchQuestion(_) => Problem::missing("open question"),
            other => Problem::conflict(sentence(&other)),
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Problem {
        match error {
            InventoryError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "the inventory refused");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "A mistake of ours", MISTAKE)
            }
        }
    }
}

/// An error as a sentence for people: it begins upper case and ends with a full stop.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    capital(&error.to_string())
}

/// A clause as a sentence.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
}

/// The same of what is no whole sentence.
pub(crate) fn capital_word(text: &str) -> String {
    capital(text).trim_end_matches('.').to_owned()
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Problem {
        match error {
            AskError::Refused(refused) => {
                let first = refused.problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
                refused.problems.into_iter().fold(Problem::invalid(first), |problem, found| {
                    let (start, end) = (Some(found.span.start), Some(found.span.end));
                    let help = found.nearest.first().map(|near| format!("{near:?} is the nearest"));
                    let message = found.message;
                    problem.mistake(Mistake { field: "q".to_owned(), message, help, start, end })
                })
            }
            AskError::Inventory { message, help } => {
                Problem::new(StatusCode::NOT_FOUND, "Not found", message).help(help)
            }
            AskError::Argument { argument, message, help } => {
                let field = argument.trim_start_matches('-').to_owned();
                Problem::invalid(message.clone()).mistake(Mistake { help, ..Mistake::of(field, message) })
            }
            AskError::TooWide { message } => Problem::invalid(message),
            AskError::Store(error) => error.into(),
            AskError::Body(error) => {
                tracing::error!(%error, "a record's body could not be read");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "A mistake of ours", MISTAKE)
            }
        }
    }
}
