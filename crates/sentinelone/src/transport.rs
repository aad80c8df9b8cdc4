//! Two ways to reach a console: over HTTP, or a service inside this process. After the bytes, all is the same.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

use crate::error::TransportError;
pub use crate::http::{HttpOptions, HttpTransport};

/// A console inside this process: takes a request and answers, or fails as a network would.
///
/// The request's URI is absolute, its `Authorization` header is set, and it may carry `accept-encoding: gzip`.
pub type Service = Arc<
    dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> + Send + Sync,
>;

/// How requests reach the console.
#[derive(Clone)]
pub enum Transport {
    /// Over the network.
    Http(HttpTransport),
    /// A service in this process, such as a simulator.
    InProcess(Service),
}

impl Transport {
    /// The same, for addresses that strangers name: see [`HttpTransport::public_only`]. What is inside the process stays.
    #[must_use]
    pub fn public_only(&self) -> Transport {
        match self {
            Transport::Http(http) => Transport::Http(http.public_only()),
            Transport::InProcess(service) => Transport::InProcess(service.clone()),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Http(_) => "Http",
            Transport::InProcess(_) => "InProcess",
        })
    }
}
