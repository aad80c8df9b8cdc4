//! [`Link`]: the line to the server, as an argument.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use kernel::Secret;
use rustls::pki_types::pem::PemObject as _;
use sentinelone::Console;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wire::{ANSWER_HEADER, API, POLL_TIME};

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long an exchange may take: a poll, and some; an answer of 64 MiB is cut off by the server before that.
const EXCHANGE_TIME: Duration = Duration::from_secs(POLL_TIME.as_secs() + 20);
/// The largest answer of the server, in bytes: work is small.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most characters of what the server says that are repeated.
const SAID_CHARS_MAX: usize = 300;

type Exchange = BoxFuture<'static, Result<Response<Bytes>, LinkError>>;

/// Why the server did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There was no answer.
    #[error("the server cannot be reached: {0}")]
    Cut(String),
    /// It says no.
    #[error("{said}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its words.
        said: String,
    },
    /// What answers is not the server.
    #[error("what answers there is no Muster server of a fitting version")]
    Strange,
    /// The address is none.
    #[error("{0}")]
    Address(String),
}

impl LinkError {
    /// Whether the Explorer is not let in (any more), and asking again helps nothing.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, LinkError::Refused { status: 401 | 403, .. } | LinkError::Address(_))
    }
}

/// The line to one server. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    origin: String,
    send: Arc<dyn Fn(Request<Bytes>) -> Exchange + Send + Sync>,
}

/// What a problem says.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

impl Link {
    /// The line to the server at an address, over whatever `send` does.
    ///
    /// # Errors
    /// The address is none; plain http is for this machine only.
    pub fn over<F>(server: &str, send: F) -> Result<Link, LinkError>
    where
        F: Fn(Request<Bytes>) -> Exchange + Send + Sync + 'static,
    {
        let asked = server.trim();
        let place = Console::parse(asked).map_err(|_| {
            LinkError::Address(format!("{asked:?} is no address of a server; it looks like https://muster.example.com"))
        })?;
        if asked.starts_with("http://") && !place.is_loopback() {
            return Err(LinkError::Address(format!(
                "{asked} would show the Explorer's token to the network; give the address with https://"
            )));
        }
        Ok(Link { origin: place.origin(), send: Arc::new(send) })
    }

    /// The real one: TLS by rustls with ring, trusting the roots that Mozilla trusts and those in `extra_ca_pem`; the
    /// environment's proxy settings apply. Use it inside a tokio runtime.
    ///
    /// # Errors
    /// The address is none, or the further certificate authorities cannot be read.
    pub fn real(server: &str, extra_ca_pem: Option<&[u8]>) -> Result<Link, LinkError> {
        let client = client(extra_ca_pem).map_err(LinkError::Address)?;
        Link::over(server, move |request| {
            let client = client.clone();
            Box::pin(async move { exchange(&client, request).await })
        })
    }

    /// Scheme, host and port of the server.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends JSON and reads JSON.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&Secret>,
        what: &impl Serialize,
    ) -> Result<T, LinkError> {
        let body = serde_json::to_vec(what).map_err(|_| LinkError::Strange)?;
        let request = self.request(path, token, "application/json", None, body.into())?;
        let body = self.sent(request).await?;
        serde_json::from_slice(&body).map_err(|_| LinkError::Strange)
    }

    /// Sends an answer: what it says, and its bytes.
    pub(crate) async fn answer(&self, id: i64, token: &Secret, says: &[u8], body: Bytes) -> Result<(), LinkError> {
        let says = STANDARD.encode(says);
        let path = format!("/answers/{id}");
        let request = self.request(&path, Some(token), "application/octet-stream", Some(&says), body)?;
        self.sent(request).await.map(drop)
    }

    fn request(
        &self,
        path: &str,
        token: Option<&Secret>,
        kind: &str,
        says: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Bytes>, LinkError> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{API}{path}", self.origin))
            .header(header::CONTENT_TYPE, kind);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        if let Some(says) = says {
            request = request.header(ANSWER_HEADER, says);
        }
        request.body(body).map_err(|_| LinkError::Strange)
    }

    async fn sent(&self, request: Request<Bytes>) -> Result<Bytes, LinkError> {
        let (head, body) = (self.send)(request).await?.into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        let said = serde_json::from_slice(&body).map_or_else(
            |_| String::new(),
            |said: Said| {
                if said.detail.is_empty() { said.title } else { said.detail }
            },
        );
        let status = head.status.as_u16();
        if said.is_empty() {
            return Err(match head.status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => LinkError::Strange,
                _ => LinkError::Refused { status, said: format!("the server answered with status {status}") },
            });
        }
        let said = said.chars().filter(|character| !character.is_control()).take(SAID_CHARS_MAX).collect();
        Err(LinkError::Refused { status, said })
    }
}

fn client(extra_ca_pem: Option<&[u8]>) -> Result<reqwest::Client, String> {
    let words = |why: &dyn std::fmt::Display| format!("the TLS client cannot be made: {why}");
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra_ca_pem.map(rustls::pki_types::CertificateDer::pem_slice_iter).into_iter().flatten() {
        let certificate = certificate.map_err(|_| "the further certificate authorities are not PEM".to_owned())?;
        roots.add(certificate).map_err(|error| words(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| words(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIME)
        .timeout(EXCHANGE_TIME)
        .user_agent(concat!("muster-explorer/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| words(&error))
}

async fn exchange(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, LinkError> {
    let cut = |why: &str| LinkError::Cut(why.to_owned());
    let told = |error: reqwest::Error| match &error {
        error if error.is_timeout() => cut("there was no whole answer in time"),
        error if error.is_connect() => LinkError::Cut(innermost(error)),
        _ => cut("the connection broke"),
    };
    let request = reqwest::Request::try_from(request).map_err(|_| LinkError::Strange)?;
    let mut response = client.execute(request).await.map_err(told)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(LinkError::Strange);
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}

/// The innermost cause in its own words: a certificate, a name, a refusal.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_address_is_for_this_machine_only() {
        let link =
            |server: &str| Link::over(server, |_| panic!("nothing is sent")).map(|link| link.origin().to_owned());
        assert_eq!(link("http://127.0.0.1:8080/"), Ok("http://127.0.0.1:8080".to_owned()));
        assert_eq!(link("muster.example.com"), Ok("https://muster.example.com".to_owned()));
        for server in ["http://muster.example.com", "http://10.0.0.1:8080", "", "ftp://x"] {
            assert!(matches!(link(server), Err(LinkError::Address(_))), "{server}");
        }
    }
}
