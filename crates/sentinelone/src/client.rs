//! The client: sends requests of the allow-list and hands back redacted answers.

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderValue, header};
use std::collections::HashSet;
use std::sync::Arc;
use zeroize::Zeroizing;

use crate::answer::{Collector, Response};
use crate::console::Console;
use crate::error::{ApiError, Failure, TransportError};
use crate::http::RESPONSE_BYTES_MAX;
use crate::page::Page;
use crate::records::UnifiedAlerts;
use crate::request::{Endpoint, Request};
use crate::token::Token;
use crate::transport::{Transport, Way};

/// The most pages of one walk: at 1,000 records each, a hundred million records.
pub const PAGES_MAX: u32 = 100_000;

/// A console, a token and a way to reach it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    console: Console,
    token: Token,
    authorization: HeaderValue,
    transport: Transport,
}

/// What becomes of a walk's cursors: each may be followed once.
#[derive(Clone, Debug, Default)]
pub struct CursorGuard {
    seen: HashSet<String>,
}

impl CursorGuard {
    /// A guard that has seen nothing.
    #[must_use]
    pub fn new() -> CursorGuard {
        CursorGuard::default()
    }

    /// Says whether a cursor may be followed, and remembers it.
    ///
    /// # Errors
    /// The cursor was followed before, or the walk has [`PAGES_MAX`] pages.
    pub fn follow(&mut self, cursor: &str) -> Result<(), Failure> {
        if self.seen.len() >= PAGES_MAX as usize {
            return Err(Failure::TooManyPages { pages_max: PAGES_MAX });
        }
        if self.seen.insert(cursor.to_owned()) { Ok(()) } else { Err(Failure::RepeatedCursor) }
    }
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Panics
    /// Never: a [`Token`] consists of characters that a header may carry.
    #[must_use]
    pub fn new(console: Console, token: Token, transport: Transport) -> Client {
        let text = Zeroizing::new(format!("ApiToken {}", token.expose()));
        let mut authorization = HeaderValue::from_str(&text).expect("a token was checked to be printable ASCII");
        authorization.set_sensitive(true);
        Client { inner: Arc::new(Inner { console, token, authorization, transport }) }
    }

    /// The console.
    #[must_use]
    pub fn console(&self) -> &Console {
        &self.inner.console
    }

    /// Sends one request and finds the records in the answer; for an endpoint of one object, that is record 0, and of
    /// unified alerts each is one.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send(&self, request: &Request) -> Result<Page, ApiError> {
        let endpoint = request.endpoint();
        let response = match self.exchange(request, false).await {
            Ok(response) => response,
            Err(error) => return Err(self.error(endpoint, None, Failure::Transport(error))),
        };
        let request_id = response.request_id();
        response
            .read(endpoint.shape(), self.inner.token.expose())
            .and_then(|page| if endpoint == Endpoint::UnifiedAlerts { as_alerts(page) } else { Ok(page) })
            .map_err(|failure| self.error(endpoint, request_id, failure))
    }

    /// Sends one request of a walk; `cursor` is the `next_cursor` of the page before.
    ///
    /// # Errors
    /// See [`ApiError`]; a next cursor that equals `cursor` is one. Cursors that come back later are found by
    /// [`CursorGuard`].
    pub async fn page(&self, request: &Request, cursor: Option<&str>) -> Result<Page, ApiError> {
        let Some(cursor) = cursor else { return self.send(request).await };
        let page = self.send(&request.clone().cursor(cursor)).await?;
        if page.next_cursor.as_deref() == Some(cursor) {
            return Err(self.error(request.endpoint(), page.request_id, Failure::RepeatedCursor));
        }
        Ok(page)
    }

    /// Walks all pages of a request; ends after the last page or the first error. A repeated cursor is an error.
    pub fn pages(&self, request: Request) -> impl Stream<Item = Result<Page, ApiError>> + Send + use<> {
        struct Walk {
            client: Client,
            request: Request,
            cursor: Option<String>,
            guard: CursorGuard,
        }
        let walk = Walk { client: self.clone(), request, cursor: None, guard: CursorGuard::new() };
        stream::try_unfold(Some(walk), |walk| async move {
            let Some(mut walk) = walk else { return Ok(None) };
            let page = walk.client.page(&walk.request, walk.cursor.as_deref()).await?;
            let Some(next) = &page.next_cursor else { return Ok(Some((page, None))) };
            walk.guard
                .follow(next)
                .map_err(|failure| walk.client.error(walk.request.endpoint(), page.request_id.clone(), failure))?;
            walk.cursor = Some(next.clone());
            Ok(Some((page, Some(walk))))
        })
    }

    /// How many records the console counts for a request (`countOnly=true`); `None` if it does not say.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn count(&self, request: &Request) -> Result<Option<u64>, ApiError> {
        let request =
            request.clone().without("skipCount").without("cursor").without("limit").param("countOnly", "true");
        Ok(self.send(&request).await?.total_items)
    }

    /// Asks `GET /user` whether the token itself is refused (401), as opposed to one service that answers 401.
    ///
    /// # Errors
    /// The question could not be answered: anything but success, 401 and 403.
    pub async fn token_is_refused(&self) -> Result<bool, ApiError> {
        match self.send(&Request::user()).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_unauthorized() => Ok(true),
            Err(error) if error.status() == Some(403) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An error about a request to this console, for callers that walk pages on their own.
    #[must_use]
    pub fn error(&self, endpoint: Endpoint, request_id: Option<String>, failure: Failure) -> ApiError {
        ApiError::new(endpoint, &self.inner.console.authority(), request_id, failure)
    }

    /// Sends one request for somebody else and hands back the answer as it came, packed and not redacted, whatever its
    /// status. Where it repeats the token itself, that is blanked first: whoever asked does not have it.
    ///
    /// # Errors
    /// No whole answer came within the bounds.
    pub async fn forward(&self, request: &Request) -> Result<http::Response<Bytes>, TransportError> {
        let Response { status, mut headers, body } = self.exchange(request, true).await?;
        let token = self.inner.token.expose().as_bytes();
        let repeats: Vec<usize> = memchr::memmem::find_iter(&body.bytes, token).collect();
        for value in headers.values_mut().filter(|value| memchr::memmem::find(value.as_bytes(), token).is_some()) {
            *value = HeaderValue::from_static("*");
        }
        let bytes = match body.wire {
            Some(wire) if repeats.is_empty() => wire,
            _ => {
                headers.remove(header::CONTENT_ENCODING);
                let mut bytes = Vec::from(body.bytes);
                for at in repeats {
                    bytes[at..at + token.len()].fill(b'*');
                }
                bytes.into()
            }
        };
        headers.remove(header::CONTENT_LENGTH);
        let mut response = http::Response::new(bytes);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }

    async fn exchange(&self, request: &Request, keep: bool) -> Result<Response, TransportError> {
        let Inner { console, transport, .. } = &*self.inner;
        match transport.to(console) {
            // On this machine there is no wire to spare, and unpacking costs more than receiving.
            Way::Network(http) => {
                let near = console.is_loopback();
                http.send(self.message(request, !near), near, keep).await
            }
            Way::Inside(service) => {
                let mut message = self.message(request, false);
                message.extensions_mut().insert(request.clone());
                let (head, body) = service(message).await?.into_parts();
                let mut collector = Collector::new(&head.headers, RESPONSE_BYTES_MAX)?.keeping(keep);
                collector.take(&body)?;
                Ok(Response { status: head.status, headers: head.headers, body: collector.finish()? })
            }
        }
    }

    fn message(&self, request: &Request, packed: bool) -> http::Request<Bytes> {
        let endpoint = request.endpoint();
        let uri = format!("{}{}", self.inner.console.origin(), request.path_and_query());
        let mut message =
            http::Request::builder().method(endpoint.method()).uri(uri).header(header::ACCEPT, "application/json");
        if packed {
            message = message.header(header::ACCEPT_ENCODING, "gzip");
        }
        if endpoint != Endpoint::SystemStatus {
            message = message.header(header::AUTHORIZATION, self.inner.authorization.clone());
        }
        let body = if endpoint == Endpoint::ApiTokenDetails {
            message = message.header(header::CONTENT_TYPE, "application/json");
            Bytes::from(format!(r#"{{"data":{{"apiToken":"{}"}}}}"#, escaped(self.inner.token.expose())))
        } else if let Some(question) = request.question() {
            message = message.header(header::CONTENT_TYPE, "application/json");
            Bytes::from(question)
        } else {
            Bytes::new()
        };
        message.body(body).expect("origin, template, checked id and encoded query make a URI")
    }
}

/// The page as a list: each alert a record, how many there are, and where the list goes on.
fn as_alerts(mut page: Page) -> Result<Page, Failure> {
    const NO_ALERTS: Failure = Failure::Shape { what: "no list of alerts in it" };
    const NO_END: Failure = Failure::Shape { what: "no word on whether the list goes on" };
    if page.is_empty() {
        return Err(NO_ALERTS);
    }
    let answer = UnifiedAlerts::decode(page.record(0)).map_err(|_| NO_ALERTS)?;
    let alerts = answer.alerts.filter(|alerts| alerts.edges.is_some()).ok_or(NO_ALERTS)?;
    let info = alerts.page_info.ok_or(NO_END)?;
    let next_cursor = match (info.has_next_page, info.end_cursor) {
        (Some(false), _) => None,
        (Some(true), Some(cursor)) if !cursor.is_empty() => Some(cursor.into_owned()),
        _ => return Err(NO_END),
    };
    let total_items = alerts.total_count.and_then(|count| u64::try_from(count).ok());
    let nodes = alerts.edges.into_iter().flatten().filter_map(|edge| edge.node);
    let records = nodes.map(|node| page.part(node.raw)).collect();
    (page.records, page.total_items, page.next_cursor) = (records, total_items, next_cursor);
    Ok(page)
}

/// Printable ASCII as the inside of a JSON string.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distant_console_is_asked_to_pack_its_answers() {
        let console = Console::parse("acme.sentinelone.net").unwrap();
        let token = Token::parse(&"t".repeat(80)).unwrap();
        let service: crate::Service = Arc::new(|_| Box::pin(std::future::pending()));
        let client = Client::new(console, token, Transport::InProcess(service));
        let encoding =
            |packed| client.message(&Request::agents(), packed).headers().get(header::ACCEPT_ENCODING).cloned();
        assert_eq!(encoding(true).unwrap(), "gzip");
        assert_eq!(encoding(false), None);
    }
}
