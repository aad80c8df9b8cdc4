//! Listening: connections become requests, until the process is asked to end.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use futures_util::future::{Either, select};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::around::{POLLS_AT_ONCE, REQUEST_TIME, REQUESTS_AT_ONCE};
use crate::connection::Door;
use crate::kept::LARGE;
use crate::rate::REQUESTS_A_MINUTE;
use crate::{App, router};

/// How long a client may take to send the head of a request; who is slower is cut off.
pub const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer that waits for it; then it is cut off.
pub const SEND_TIME: Duration = Duration::from_secs(30);
/// Connections at the same time; one more is closed at once. Each costs a file and some memory, whatever it asks for.
pub const CONNECTIONS_MAX: usize = 2_048;
/// How long requests that are under way have to finish once the process is asked to end.
pub const STOP_TIME: Duration = Duration::from_secs(10);

/// How long clients may take, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the head of a request is there, from the connection's or the last answer's on.
    pub head: Duration,
    /// Until a request is answered, the reading of its body included.
    pub request: Duration,
    /// Without taking anything of an answer.
    pub send: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Requests that are answered at once, those of [`Limits::polls`] aside.
    pub requests: usize,
    /// Explorers that wait for work at once.
    pub polls: usize,
    /// Requests of one person, or one token, within a minute.
    pub requests_a_minute: u32,
    /// Rows from which on what a page counts is kept for a while, and shown with its time.
    pub large: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: HEADER_TIME,
            request: REQUEST_TIME,
            send: SEND_TIME,
            connections: CONNECTIONS_MAX,
            requests: REQUESTS_AT_ONCE,
            polls: POLLS_AT_ONCE,
            requests_a_minute: REQUESTS_A_MINUTE,
            large: LARGE,
        }
    }
}

/// Certificate and key, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Why the server could not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file of the certificate cannot be used.
    #[error("the file {} cannot be used for TLS: {why}", path.display())]
    Tls {
        /// Which file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The system refuses.
    #[error("listening failed")]
    Listen(#[from] std::io::Error),
}

/// Answers requests on a listener until `stop` resolves; then takes no new connection, finishes what is under way within
/// [`STOP_TIME`], and returns.
///
/// # Errors
/// The certificate cannot be used, or the system refuses to listen.
pub async fn serve(
    app: &App,
    listener: TcpListener,
    tls: Option<&Tls>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let tls = tls.map(config).transpose()?;
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let Limits { head, send, connections, .. } = app.settings.limits;
    let door = Door::new(app.world.clone(), connections, send);
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    macro_rules! served {
        ($server:expr) => {{
            // Told to speak HTTP/1 alone, it does not wait without end for the first bytes that would say which.
            let mut server = $server.handle(handle.clone()).http1_only();
            server.http_builder().http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(head);
            let answering = pin!(server.serve(service));
            match select(answering, pin!(stop)).await {
                Either::Left((ended, _)) => ended?,
                Either::Right(((), answering)) => {
                    app.stopping.store(true, Ordering::Relaxed);
                    handle.graceful_shutdown(Some(STOP_TIME));
                    answering.await?;
                }
            }
        }};
    }
    match tls {
        Some(config) => {
            let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(config))?;
            served!(server.map(|tls| tls.acceptor(door)));
        }
        None => served!(axum_server::from_tcp(listener)?.acceptor(door)),
    }
    Ok(())
}

fn config(tls: &Tls) -> Result<Arc<ServerConfig>, ServeError> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |why: String| ServeError::Tls { path, why }
    };
    let words = |error: rustls::pki_types::pem::Error| error.to_string();
    let chain = CertificateDer::pem_file_iter(&tls.certificate).map_err(words).map_err(refused(&tls.certificate))?;
    let chain: Result<Vec<_>, _> = chain.collect();
    let chain = chain.map_err(words).map_err(refused(&tls.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(words).map_err(refused(&tls.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let bad = |error: rustls::Error| error.to_string();
    let mut config = versions
        .map_err(bad)
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key).map_err(bad))
        .map_err(refused(&tls.certificate))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
