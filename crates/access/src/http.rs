//! The network, as an argument: what identity providers and stores of secrets are asked through.

use std::future::Future;
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
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(&error))?;
        Ok(Http::new(move |request| exchange(client.clone(), request)))
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
    request: http::Request<Vec<u8>>,
) -> Result<http::Response<Vec<u8>>, HttpError> {
    let told = |error: reqwest::Error| {
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
