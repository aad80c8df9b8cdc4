//! The HTTP transport. The one place of this crate that touches the network, and the one that knows time-outs.

use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

use crate::answer::{Collector, Response};
use crate::console::is_private_address;
use crate::error::TransportError;

/// Time-outs and bounds of the HTTP transport.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest wait for the first bytes of an answer, and for each next ones.
    pub read_timeout: Duration,
    /// Longest time for one request and its whole answer.
    pub total_timeout: Duration,
    /// Lowest transfer rate of a body, in bytes a second, over `rate_window`.
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

/// The largest answer that is taken unless told otherwise, unpacked, in bytes.
pub(crate) const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(300),
            rate_min: 1024,
            rate_window: Duration::from_secs(30),
            response_bytes_max: RESPONSE_BYTES_MAX,
            extra_ca_pem: None,
            user_agent: concat!("sentinelone-rs/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A pool of connections. Cheap to clone; must be used inside a tokio runtime with time and I/O.
///
/// TLS trusts the roots that Mozilla trusts (compiled in) and those of [`HttpOptions::extra_ca_pem`]. Redirections are not
/// followed. The environment's proxy settings apply, except for a console on this machine.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    options: HttpOptions,
    outward: reqwest::Client,
    loopback: reqwest::Client,
    public: reqwest::Client,
    public_only: bool,
}

impl HttpTransport {
    /// A transport with these bounds.
    ///
    /// # Errors
    /// The further certificate authorities cannot be read.
    pub fn new(options: HttpOptions) -> Result<HttpTransport, TransportError> {
        HttpTransport::built(options, Arc::new(SystemNames), |builder| builder)
    }

    fn built(
        options: HttpOptions,
        system: Arc<dyn reqwest::dns::Resolve>,
        last: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<HttpTransport, TransportError> {
        let tls = tls_config(options.extra_ca_pem.as_deref())?;
        let build = |proxies: bool, names: Option<Arc<PublicNames>>| {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(options.connect_timeout)
                .user_agent(&options.user_agent);
            let builder = if proxies { builder } else { builder.no_proxy() };
            let builder = match names {
                Some(names) => builder.dns_resolver(names),
                None => builder,
            };
            last(builder).build().map_err(|error| TransportError::Other { reason: described(&error) })
        };
        Ok(HttpTransport {
            outward: build(true, None)?,
            loopback: build(false, None)?,
            public: build(true, Some(Arc::new(PublicNames(system))))?,
            public_only: false,
            options,
        })
    }

    /// The same, for addresses that strangers name: it goes nowhere but to the public Internet. A host that is a private
    /// address, or whose name has one, is not connected to ([`TransportError::Private`]); and since the addresses that were
    /// looked at are the ones that are connected to, no name can change in between. Where the environment names a proxy, it
    /// is the proxy that looks names up, and has to refuse by itself.
    #[must_use]
    pub fn public_only(&self) -> HttpTransport {
        HttpTransport { public_only: true, ..self.clone() }
    }

    /// Sends a request and takes its whole answer, within all bounds; with `keep`, also as it came.
    pub(crate) async fn send(
        &self,
        request: http::Request<Bytes>,
        loopback: bool,
        keep: bool,
    ) -> Result<Response, TransportError> {
        let total = self.options.total_timeout;
        match timeout(total, self.exchange(request, loopback, keep)).await {
            Ok(result) => result,
            Err(_) => Err(TransportError::TotalTimeout { after: total }),
        }
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        loopback: bool,
        keep: bool,
    ) -> Result<Response, TransportError> {
        let HttpOptions { read_timeout, connect_timeout, .. } = self.options;
        let request =
            reqwest::Request::try_from(request).map_err(|error| TransportError::Other { reason: described(&error) })?;
        // Names are looked at when they are looked up; an address is none.
        let host = request.url().host_str().unwrap_or_default().trim_matches(['[', ']']);
        let named = host.parse::<IpAddr>().ok();
        if self.public_only && (loopback || named.is_some_and(is_private_address)) {
            return Err(TransportError::Private);
        }
        let pool = match loopback {
            _ if self.public_only => &self.public,
            true => &self.loopback,
            false => &self.outward,
        };
        // A connection is made first, for which another bound holds.
        let mut response = match timeout(connect_timeout + read_timeout, pool.execute(request)).await {
            Ok(response) => response.map_err(|error| self.classified(&error, 0))?,
            Err(_) => return Err(TransportError::ReadTimeout { after: read_timeout }),
        };
        let mut collector = Collector::new(response.headers(), self.options.response_bytes_max)?.keeping(keep);
        let mut window = Window { start: Instant::now(), bytes: 0 };
        loop {
            let patience = read_timeout.min(window.left(self.options.rate_window));
            match timeout(patience, response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    collector.take(&chunk)?;
                    window.bytes += chunk.len() as u64;
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(self.classified(&error, collector.wire_bytes())),
                Err(_) if patience == read_timeout => return Err(TransportError::ReadTimeout { after: read_timeout }),
                Err(_) => {}
            }
            window.check(&self.options)?;
        }
        Ok(Response { status: response.status(), headers: response.headers().clone(), body: collector.finish()? })
    }

    /// Finds out what an error of the HTTP library is about; its texts may hold addresses and are not repeated.
    fn classified(&self, error: &reqwest::Error, received: usize) -> TransportError {
        if error.is_timeout() {
            return if error.is_connect() {
                TransportError::ConnectTimeout { after: self.options.connect_timeout }
            } else {
                TransportError::ReadTimeout { after: self.options.read_timeout }
            };
        }
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return TransportError::Tls { reason: tls.to_string() };
            }
            let io = error.downcast_ref::<io::Error>();
            match io.map(io::Error::kind) {
                Some(io::ErrorKind::ConnectionRefused) => return TransportError::Refused,
                Some(io::ErrorKind::TimedOut) => {
                    return TransportError::ConnectTimeout { after: self.options.connect_timeout };
                }
                _ if error.to_string() == "dns error" => {
                    return if is_private(error) { TransportError::Private } else { TransportError::Dns };
                }
                _ => {}
            }
            // What an I/O error wraps is not its source, but stands in its place.
            cause = match io.and_then(io::Error::get_ref) {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        if error.is_connect() {
            return TransportError::Other { reason: described(error) };
        }
        TransportError::Interrupted { received }
    }
}

/// Looks names up as the system does.
struct SystemNames;

impl reqwest::dns::Resolve for SystemNames {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Leaves private addresses out of what another finds.
struct PublicNames(Arc<dyn reqwest::dns::Resolve>);

/// Looks names up as the system does and leaves private addresses out, for other clients that strangers may name addresses to:
/// what was looked at is what is connected to, so no name can change in between.
#[must_use]
pub fn public_names() -> Arc<dyn reqwest::dns::Resolve> {
    Arc::new(PublicNames(Arc::new(SystemNames)))
}

/// Whether an error of a client with [`public_names`] says that a name has private addresses only.
#[must_use]
pub fn leads_inside(error: &(dyn std::error::Error + 'static)) -> bool {
    is_private(error)
}

/// A name has addresses, and all of them are private.
#[derive(Debug, thiserror::Error)]
#[error("the name has private addresses only")]
struct IsPrivate;

impl reqwest::dns::Resolve for PublicNames {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let found = self.0.resolve(name);
        Box::pin(async move {
            let found = found.await?;
            Ok(public(found.collect())?)
        })
    }
}

/// The public ones of a name's addresses.
fn public(found: Vec<SocketAddr>) -> Result<reqwest::dns::Addrs, IsPrivate> {
    let some = !found.is_empty();
    let public: Vec<SocketAddr> = found.into_iter().filter(|address| !is_private_address(address.ip())).collect();
    if public.is_empty() && some { Err(IsPrivate) } else { Ok(Box::new(public.into_iter())) }
}

/// Whether a name was not connected to because of where it leads. What a resolver says comes wrapped.
fn is_private(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<IsPrivate>() || error.source().is_some_and(is_private)
}

/// How much came since the rate was last measured.
struct Window {
    start: Instant,
    bytes: u64,
}

impl Window {
    fn left(&self, window: Duration) -> Duration {
        window.saturating_sub(self.start.elapsed())
    }

    fn check(&mut self, options: &HttpOptions) -> Result<(), TransportError> {
        let elapsed = self.start.elapsed();
        if elapsed < options.rate_window {
            return Ok(());
        }
        if (self.bytes as f64) < options.rate_min as f64 * elapsed.as_secs_f64() {
            return Err(TransportError::TooSlow { bytes_per_second: options.rate_min });
        }
        *self = Window { start: Instant::now(), bytes: 0 };
        Ok(())
    }
}

fn tls_config(extra_ca_pem: Option<&[u8]>) -> Result<rustls::ClientConfig, TransportError> {
    let refused = |reason: &str| TransportError::Tls { reason: reason.to_owned() };
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = extra_ca_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| refused("the further certificate authorities are not PEM"))?;
            roots.add(certificate).map_err(|_| refused("a further certificate authority is not a certificate"))?;
        }
        if roots.len() == before {
            return Err(refused("the further certificate authorities contain no certificate"));
        }
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The innermost cause in its own words; the outer ones repeat addresses.
fn described(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if innermost.downcast_ref::<reqwest::Error>().is_some() {
        return "the request could not be sent".to_owned();
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Knows the name at every other question.
    struct Flapping {
        asked: AtomicUsize,
        address: SocketAddr,
    }

    impl reqwest::dns::Resolve for Flapping {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            let known = self.asked.fetch_add(1, Ordering::SeqCst) % 2 == 1;
            let address = self.address;
            Box::pin(async move {
                let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(address));
                if known { Ok(addresses) } else { Err("no such host is known".into()) }
            })
        }
    }

    #[test]
    fn fault_19_a_name_that_comes_and_goes_is_asked_for_again_each_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = [0; 4096];
                if stream.read(&mut head).is_ok() {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
                }
            }
        });
        let names = Arc::new(Flapping { asked: AtomicUsize::new(0), address });
        let transport = HttpTransport::built(HttpOptions::default(), Arc::new(SystemNames), |builder| {
            builder.no_proxy().dns_resolver(names.clone())
        });
        let transport = transport.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ask = || {
            let request = http::Request::get(format!("http://console.example:{}/", address.port()));
            runtime.block_on(transport.send(request.body(Bytes::new()).unwrap(), false, false))
        };
        for round in 0..3 {
            assert_eq!(ask().map(|answer| answer.status), Err(TransportError::Dns), "round {round}");
            assert_eq!(ask().map(|answer| answer.status), Ok(http::StatusCode::OK), "round {round}");
        }
    }

    #[test]
    fn where_only_public_addresses_will_do_nothing_is_sent_to_a_private_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let plain =
            HttpTransport::built(HttpOptions::default(), Arc::new(SystemNames), reqwest::ClientBuilder::no_proxy)
                .unwrap();
        let public = plain.public_only();
        let ask = |transport: &HttpTransport, host: &str, loopback: bool| {
            let request = http::Request::get(format!("http://{host}:{port}/")).body(Bytes::new()).unwrap();
            runtime.block_on(transport.send(request, loopback, false)).map(|answer| answer.status)
        };
        // The last is a name: what it leads to is only known once it has been looked up.
        for host in ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "localhost"] {
            assert_eq!(ask(&public, host, false), Err(TransportError::Private), "{host}");
        }
        assert_eq!(ask(&public, "127.0.0.1", true), Err(TransportError::Private));
        assert!(listener.accept().is_err(), "nobody has connected");
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let both = public_of(&["10.0.0.1:0", "93.184.216.34:0"]);
        assert_eq!(both.unwrap(), [address("93.184.216.34:0")], "a name with both leads to the public one only");
        assert!(public_of(&["10.0.0.1:0", "[fd00::1]:0"]).is_err());
    }

    /// A name whose owner answers once with a public address, and from then on with one inside.
    struct Rebinding {
        asked: AtomicUsize,
        inside: SocketAddr,
    }

    impl reqwest::dns::Resolve for Rebinding {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            let first = self.asked.fetch_add(1, Ordering::Relaxed) == 0;
            let told = if first { "93.184.216.34:0".parse().unwrap() } else { self.inside };
            Box::pin(async move { Ok(Box::new(std::iter::once(told)) as reqwest::dns::Addrs) })
        }
    }

    #[test]
    fn a_name_that_leads_inside_the_second_time_is_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inside = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let names = Arc::new(Rebinding { asked: AtomicUsize::new(0), inside });
        let looked = PublicNames(names.clone());
        let first = runtime.block_on(reqwest::dns::Resolve::resolve(&looked, "console.example".parse().unwrap()));
        let first: Vec<SocketAddr> = first.map(Iterator::collect).unwrap_or_default();
        assert_eq!(first, ["93.184.216.34:0".parse().unwrap()], "what was looked at is what is connected to");
        let transport = HttpTransport::built(HttpOptions::default(), names, reqwest::ClientBuilder::no_proxy);
        let transport = transport.unwrap().public_only();
        let request = http::Request::get(format!("http://console.example:{}/", inside.port()));
        let asked = transport.send(request.body(Bytes::new()).unwrap(), false, false);
        assert_eq!(runtime.block_on(asked).map(|answer| answer.status), Err(TransportError::Private));
        assert!(listener.accept().is_err(), "nobody has connected");
    }

    fn public_of(texts: &[&str]) -> Result<Vec<SocketAddr>, IsPrivate> {
        public(texts.iter().map(|text| text.parse().unwrap()).collect()).map(Iterator::collect)
    }
}
