//! The HTTP transport. The one place of this crate that touches the network, and the one that knows time-outs.

use bytes::Bytes;
use std::time::Duration;

use crate::error::TransportError;

/// Time-outs and bounds of the HTTP transport.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest wait for the next bytes of an answer.
    pub read_timeout: Duration,
    /// Longest time for one request and its whole answer.
    pub total_timeout: Duration,
    /// Lowest transfer rate, in bytes a second, over `rate_window`.
    pub rate_min: u64,
    /// Over which time the rate is measured.
    pub rate_window: Duration,
    /// Largest answer, unpacked, in bytes.
    pub response_bytes_max: usize,
    /// Further certificate authorities to trust, as PEM.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// What this client calls itself.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(300),
            rate_min: 1024,
            rate_window: Duration::from_secs(30),
            response_bytes_max: 64 * 1024 * 1024,
            extra_ca_pem: None,
            user_agent: concat!("sentinelone-rs/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A pool of connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    options: HttpOptions,
}

impl HttpTransport {
    /// A transport with these bounds.
    ///
    /// # Errors
    /// The further certificate authorities cannot be read.
    pub fn new(options: HttpOptions) -> Result<HttpTransport, TransportError> {
        Ok(HttpTransport { options })
    }

    pub(crate) async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let _ = (request, &self.options);
        unimplemented!()
    }
}
