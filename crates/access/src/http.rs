//! The network, as an argument: what identity providers and stores of secrets are asked through.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request and its whole answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest answer, in bytes: documents and keys of providers are a few thousand.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why there is no answer. It names no address and no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(pub String);

/// What keeps a client on the public Internet. Addresses are looked at as they are written, and where names are looked up;
/// what was looked at is what is connected to.
#[derive(Clone)]
pub struct Fence {
    /// Whether an address is inside: private, of this machine, or reserved.
    pub is_private: fn(IpAddr) -> bool,
    /// Looks names up, and leaves addresses inside out.
    pub names: Arc<dyn reqwest::dns::Resolve>,
    /// Whether an error is that of `names` for a name that leads inside only.
    pub leads_inside: fn(&(dyn std::error::Error + 'static)) -> bool,
    /// What lets it through, as said to who manages the installation: `--allow-private-provider`.
    pub switch: &'static str,
}

impl std::fmt::Debug for Fence {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Fence")
    }
}

impl Fence {
    fn refused(&self) -> HttpError {
        let switch = self.switch;
        HttpError(format!(
            "it stands on this machine or inside a private network, which this server asks only if {switch} says so"
        ))
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, HttpError>> + Send>>;

/// Sends a request and answers the response, redirections unfollowed. Cheap to clone.
#[derive(Clone)]
pub struct Http(Arc<dyn Fn(http::Request<Vec<u8>>) -> Answer + Send + Sync>);

impl std::fmt::Debug for Http {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Http")
    }
}

impl Http {
    /// One that does as the closure does.
    pub fn new<F, A>(send: F) -> Http
    where
        F: Fn(http::Request<Vec<u8>>) -> A + Send + Sync + 'static,
        A: Future<Output = Result<http::Response<Vec<u8>>, HttpError>> + Send + 'static,
    {
        Http(Arc::new(move |request| Box::pin(send(request))))
    }

    /// The real one: TLS by rustls with ring, trusting the roots that Mozilla trusts and those in `extra_ca_pem`; no
    /// redirection, no repetition, 15 seconds and 1 MiB at most. Use it inside a tokio runtime.
    ///
    /// # Errors
    /// The further certificate authorities cannot be read.
    pub fn real(extra_ca_pem: Option<&[u8]>) -> Result<Http, HttpError> {
        Http::built(extra_ca_pem, None, |builder| builder)
    }

    /// The same behind a fence: what stands inside gets no request. Where the environment names a proxy, it is the proxy that
    /// looks names up, and has to refuse by itself.
    ///
    /// # Errors
    /// As of [`Http::real`].
    pub fn fenced(extra_ca_pem: Option<&[u8]>, fence: Fence) -> Result<Http, HttpError> {
        Http::built(extra_ca_pem, Some(fence), |builder| builder)
    }

    fn built(
        extra_ca_pem: Option<&[u8]>,
        fence: Option<Fence>,
        last: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Http, HttpError> {
        let wrong = |why: &dyn std::fmt::Display| HttpError(format!("the TLS client cannot be made: {why}"));
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in extra_ca_pem.map(rustls::pki_types::CertificateDer::pem_slice_iter).into_iter().flatten() {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = reqwest::Client::builder();
        let builder = match &fence {
            Some(fence) => builder.dns_resolver(Arc::clone(&fence.names)),
            None => builder,
        };
        let builder = builder
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")));
        let client = last(builder).build().map_err(|error| wrong(&error))?;
        Ok(Http::new(move |request| exchange(client.clone(), fence.clone(), request)))
    }

    /// Sends one request.
    ///
    /// # Errors
    /// There is no answer, or none within the bounds.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, HttpError> {
        (self.0)(request).await
    }
}

async fn exchange(
    client: reqwest::Client,
    fence: Option<Fence>,
    request: http::Request<Vec<u8>>,
) -> Result<http::Response<Vec<u8>>, HttpError> {
    let told = |error: reqwest::Error| {
        if let Some(fence) = &fence
            && (fence.leads_inside)(&error)
        {
            return fence.refused();
        }
        let why = if error.is_timeout() {
            "there was no whole answer in 15 seconds"
        } else if error.is_connect() {
            "no connection could be made"
        } else {
            "the answer broke off or cannot be read"
        };
        HttpError(why.to_owned())
    };
    let request =
        reqwest::Request::try_from(request).map_err(|_| HttpError("the address cannot be used".to_owned()))?;
    // Names are looked at when they are looked up; an address is none.
    let host = request.url().host_str().unwrap_or_default().trim_matches(['[', ']']);
    if let (Some(fence), Ok(address)) = (&fence, host.parse::<IpAddr>())
        && (fence.is_private)(address)
    {
        return Err(fence.refused());
    }
    let mut response = client.execute(request).await.map_err(told)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(HttpError("the answer is larger than 1 MiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = http::Response::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// What is outside here, in place of the public Internet, and what is inside.
    const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    /// A name whose owner answers once with an address outside, and from then on with one inside; as a resolver behind a
    /// fence does, it does not hand out the latter.
    struct Rebinding(AtomicUsize);

    #[derive(Debug, thiserror::Error)]
    #[error("inside")]
    struct Inside;

    impl reqwest::dns::Resolve for Rebinding {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move {
                match first {
                    true => Ok(Box::new(std::iter::once(SocketAddr::new(OUTSIDE, 0))) as reqwest::dns::Addrs),
                    false => Err(Inside.into()),
                }
            })
        }
    }

    fn is_inside(error: &(dyn std::error::Error + 'static)) -> bool {
        error.is::<Inside>() || error.source().is_some_and(is_inside)
    }

    fn fence() -> Fence {
        Fence {
            is_private: |address| address == INSIDE,
            names: Arc::new(Rebinding(AtomicUsize::new(0))),
            leads_inside: is_inside,
            switch: "--inside",
        }
    }

    fn ask(http: &Http, address: &str) -> Result<u16, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let request = http::Request::get(address).body(Vec::new()).unwrap();
        runtime.block_on(http.send(request)).map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
    }

    #[test]
    fn behind_a_fence_neither_an_address_nor_a_redirection_nor_a_name_leads_inside() {
        let inside = TcpListener::bind((INSIDE, 0)).unwrap();
        inside.set_nonblocking(true).unwrap();
        let to = format!("http://{}/secret", inside.local_addr().unwrap());
        let outside = TcpListener::bind((OUTSIDE, 0)).unwrap();
        let port = outside.local_addr().unwrap().port();
        let redirection =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        std::thread::spawn(move || {
            for stream in outside.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = [0; 4096];
                if stream.read(&mut head).is_ok() {
                    let _ = stream.write_all(redirection.as_bytes());
                }
            }
        });
        let http = Http::built(None, Some(fence()), reqwest::ClientBuilder::no_proxy).unwrap();
        let refused = Err(fence().refused().to_string());
        assert_eq!(ask(&http, &to), refused);
        assert_eq!(ask(&http, &to.replace("127.0.0.2", "0x7f000002")), refused, "written otherwise");
        assert_eq!(ask(&http, &format!("http://{OUTSIDE}:{port}/")), Ok(302), "reported and not followed");
        // What was looked at is what is connected to; asked again, the name leads inside, and is not followed.
        let named = format!("http://provider.example:{port}/");
        assert_eq!(ask(&http, &named), Ok(302));
        assert_eq!(ask(&http, &named), refused);
        assert!(inside.accept().is_err(), "nobody has connected");
    }
}
