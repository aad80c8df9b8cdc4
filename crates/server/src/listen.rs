//! Listening: connections become requests, until the process is asked to end.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use futures_util::future::{Either, select};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{App, router};

/// How long a client may take to send the head of a request; who is slower is cut off.
pub const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long requests that are under way have to finish once the process is asked to end.
pub const STOP_TIME: Duration = Duration::from_secs(10);

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
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    macro_rules! served {
        ($server:expr) => {{
            let mut server = $server.handle(handle.clone());
            server.http_builder().http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_TIME);
            let answering = pin!(server.serve(service));
            match select(answering, pin!(stop)).await {
                Either::Left((ended, _)) => ended?,
                Either::Right(((), answering)) => {
                    handle.graceful_shutdown(Some(STOP_TIME));
                    answering.await?;
                }
            }
        }};
    }
    match tls {
        Some(config) => served!(axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(config))?),
        None => served!(axum_server::from_tcp(listener)?),
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
