//! Two ways to reach a console: over HTTP, or a service inside this process. After the bytes, all is the same.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

use crate::console::Console;
use crate::error::TransportError;
pub use crate::http::{HttpOptions, HttpTransport, leads_inside, public_names};

/// A console inside this process: takes a request and answers, or fails as a network would.
///
/// The request's URI is absolute, its `Authorization` header is set, and it may carry `accept-encoding: gzip`. Among its
/// extensions is the [`crate::Request`] that it was made from, for whoever passes it on.
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
    /// One console in this process, known by its host; every other one over the network.
    Beside {
        /// The host of the console in this process.
        host: Arc<str>,
        /// What answers for it.
        service: Service,
        /// How all others are reached.
        network: HttpTransport,
    },
}

/// Which way leads to a console.
pub(crate) enum Way<'a> {
    Network(&'a HttpTransport),
    Inside(&'a Service),
}

impl Transport {
    /// The same, for addresses that strangers name: see [`HttpTransport::public_only`]. What is inside the process stays.
    #[must_use]
    pub fn public_only(&self) -> Transport {
        match self {
            Transport::Http(http) => Transport::Http(http.public_only()),
            Transport::InProcess(service) => Transport::InProcess(service.clone()),
            Transport::Beside { host, service, network } => {
                Transport::Beside { host: host.clone(), service: service.clone(), network: network.public_only() }
            }
        }
    }

    pub(crate) fn to(&self, console: &Console) -> Way<'_> {
        match self {
            Transport::InProcess(service) => Way::Inside(service),
            Transport::Beside { host, service, .. } if console.host() == &**host => Way::Inside(service),
            Transport::Http(network) | Transport::Beside { network, .. } => Way::Network(network),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Http(_) => "Http",
            Transport::InProcess(_) => "InProcess",
            Transport::Beside { .. } => "Beside",
        })
    }
}
