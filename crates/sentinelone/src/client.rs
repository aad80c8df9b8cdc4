//! The client: sends requests of the allow-list and hands back redacted answers.

use bytes::Bytes;
use futures_util::Stream;
use std::sync::Arc;

use crate::console::Console;
use crate::error::ApiError;
use crate::page::Page;
use crate::request::Request;
use crate::time::Micros;
use crate::token::Token;
use crate::transport::Transport;

/// A console, a token and a way to reach it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    console: Console,
    token: Token,
    transport: Transport,
}

/// A successful answer: redacted JSON and what came with it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The redacted body.
    pub body: Bytes,
    /// The console's own id of the request (`X-RQID`).
    pub request_id: Option<String>,
    /// The console's clock when it answered (`Date`), to the second.
    pub date: Option<Micros>,
    /// Bytes of the body as they came over the wire, compressed.
    pub wire_bytes: u64,
    /// How many string values the redaction blanked.
    pub redacted: u32,
}

impl Client {
    /// A client; nothing is sent yet.
    #[must_use]
    pub fn new(console: Console, token: Token, transport: Transport) -> Client {
        Client { inner: Arc::new(Inner { console, token, transport }) }
    }

    /// The console.
    #[must_use]
    pub fn console(&self) -> &Console {
        &self.inner.console
    }

    /// Sends one request.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send(&self, request: &Request) -> Result<Answer, ApiError> {
        let _ = (request, &self.inner.token, &self.inner.transport);
        unimplemented!()
    }

    /// Sends one request and finds the records in the answer; `cursor` is the `next_cursor` of the page before.
    ///
    /// # Errors
    /// See [`ApiError`]; a next cursor that equals `cursor` is one.
    pub async fn page(&self, request: &Request, cursor: Option<&str>) -> Result<Page, ApiError> {
        let _ = (request, cursor);
        unimplemented!()
    }

    /// Walks all pages of a request; ends after the first error.
    pub fn pages(&self, request: Request) -> impl Stream<Item = Result<Page, ApiError>> + Send + use<> {
        let _ = request;
        futures_util::stream::empty()
    }

    /// How many records the console counts for a request (`countOnly=true`); `None` if it does not say.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn count(&self, request: &Request) -> Result<Option<u64>, ApiError> {
        let _ = request;
        unimplemented!()
    }

    /// Asks `GET /user` whether the token itself is refused (401), as opposed to one service that answers 401.
    ///
    /// # Errors
    /// The question could not be answered: anything but 200, 401 and 403.
    pub async fn token_is_refused(&self) -> Result<bool, ApiError> {
        unimplemented!()
    }
}
