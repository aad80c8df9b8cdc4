//! What is around every request: its id, how many there may be at once, how long one may take, its line in the metrics,
//! the headers of its answer, and the form of a problem that no page gave one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use kernel::Random;

use crate::explorers::POLL;
use crate::problem::MISTAKE;
use crate::route::API;
use crate::{App, Problem, machine, respond};

/// Requests that are answered at once; more are asked to come back.
pub const REQUESTS_AT_ONCE: usize = 512;
/// Explorers that wait for work at once, beside those requests: each waits up to [`explorer::wire::POLL_TIME`].
pub const POLLS_AT_ONCE: usize = 512;
/// How long a request may take until its answer begins, the reading of its body included.
pub const REQUEST_TIME: Duration = Duration::from_secs(30);
/// After how many seconds one that found no place may come back.
const FULL_WAIT_S: u64 = 2;
/// The target of a request's line in the log.
const LOG: &str = "request";
/// How much of a path the log shows.
const PATH_CHARS_MAX: usize = 200;

/// A request's id: in its answer, in a problem, and in the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// Answers a request, whatever comes.
pub(crate) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = fresh_id();
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path_asked = request.uri().path();
    let speaks_json = path_asked.starts_with(API) || path_asked.starts_with(explorer::wire::API);
    let asked = request.uri().path().to_owned();
    let started = app.world.now();
    let places = if path.as_deref() == Some(&**POLL) { &app.polls } else { &app.places };
    let mut response = match places.clone().try_acquire_owned() {
        Err(_) => full().into_response(),
        Ok(_place) => match app.world.timeout(app.settings.limits.request, next.run(request)).await {
            Ok(response) => response,
            Err(_) => too_slow(app.settings.limits.request).into_response(),
        },
    };
    let micros = app.world.now().micros() - started.micros();
    if response.extensions().get::<Problem>().is_none()
        && let Some(problem) = Problem::bare(response.status(), &asked)
        && response.headers().get(axum::http::header::CONTENT_TYPE).is_none_or(is_plain)
    {
        response.extensions_mut().insert(problem);
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers_mut().remove(axum::http::header::ALLOW);
        response = if speaks_json { problem.as_json(&id.0) } else { problem.as_page(None, &id.0) };
        if let Some(allow) = allow {
            response.headers_mut().insert(axum::http::header::ALLOW, allow);
        }
    }
    let status = response.status();
    app.metrics.answered(path.as_deref().unwrap_or("unknown"), &method, status, micros);
    tell(&id, &method, &asked, status, micros / 1000);
    let headers = response.headers_mut();
    respond::secure(headers, app.settings.secure);
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", id);
    }
    response
}

/// The request's line in the log. What was asked for by parameters, and who asked, is nobody's business there.
fn tell(id: &RequestId, method: &Method, path: &str, status: StatusCode, ms: i64) {
    let (id, code) = (&*id.0, status.as_u16());
    // A stranger chooses the path, and how long it is.
    let path: String = path.chars().take(PATH_CHARS_MAX).collect();
    if status.is_server_error() {
        tracing::warn!(target: LOG, request = %id, status = code, ms, "{method} {path}");
    } else if machine::keeps_watch(&path) || path.starts_with(explorer::wire::API) {
        tracing::debug!(target: LOG, request = %id, status = code, ms, "{method} {path}");
    } else {
        tracing::info!(target: LOG, request = %id, status = code, ms, "{method} {path}");
    }
}

/// What became of a handler that panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "A mistake of ours", MISTAKE).into_response()
}

fn is_plain(kind: &HeaderValue) -> bool {
    kind.as_bytes().starts_with(b"text/plain")
}

fn full() -> Problem {
    let detail = "This server is answering as many requests as it can.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail).wait(FULL_WAIT_S).help("Try again in a moment.")
}

fn too_slow(limit: Duration) -> Problem {
    let seconds = limit.as_secs();
    let detail = format!("This took longer than {seconds} seconds, so it was given up. What it read was not changed.");
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "Took too long", detail).help("Ask for less at once, or try again.")
}

fn fresh_id() -> RequestId {
    let bytes: [u8; 10] = Random::secret_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    RequestId(format!("req_{hex}").into())
}
