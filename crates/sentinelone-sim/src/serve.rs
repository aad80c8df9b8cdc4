//! The console on a socket: HTTP/1.1 with keep-alive, gzip when the client takes it.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::World;
use crate::respond::Broken;

/// The largest request body that is read; every request of a read-only client is far smaller.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Bodies below this size are not worth compressing.
const GZIP_BYTES_MIN: usize = 512;

/// What passes between two drops of a body that drips.
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// A body that may end too early.
struct Cut {
    rest: Option<Bytes>,
    promised: u64,
    fails: bool,
    /// What was written has been given its chance to leave before the body fails.
    flushed: bool,
    /// The body comes a few bytes a second; what is awaited before the next ones.
    drip: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Body for Cut {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(wait) = &mut self.drip {
            match wait.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => {
                    let Some(mut rest) = self.rest.take() else {
                        self.drip = None;
                        return Poll::Ready(None);
                    };
                    let some = rest.split_to(rest.len().min(crate::world::DRIP as usize));
                    self.drip = (!rest.is_empty())
                        .then(|| -> Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(pause(SECOND)) });
                    self.rest = (!rest.is_empty()).then_some(rest);
                    return Poll::Ready(Some(Ok(Frame::data(some))));
                }
            }
        }
        if self.rest.is_none() && self.fails && !std::mem::replace(&mut self.flushed, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.rest.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None if std::mem::take(&mut self.fails) => Some(Err(std::io::ErrorKind::ConnectionReset.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && !self.fails
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

/// Serves a console over HTTP/1.1 until the listener fails. Dropping the future ends every connection.
///
/// # Errors
/// Whatever the listener answers when it can accept no more.
pub async fn serve(world: World, listener: TcpListener) -> std::io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        // What ended is forgotten, so that the set does not grow.
        while connections.try_join_next().is_some() {}
        stream.set_nodelay(true)?;
        let world = world.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| handle(world.clone(), request));
            // A connection that breaks concerns its client only.
            let _ = hyper::server::conn::http1::Builder::new()
                .half_close(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Why a connection is dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset")]
struct Dropped;

async fn handle(world: World, request: Request<Incoming>) -> Result<Response<Cut>, Dropped> {
    let (parts, body) = request.into_parts();
    let gzip = world.config().gzip
        && parts.headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("gzip"));
    let body = http_body_util::Limited::new(body, REQUEST_BYTES_MAX).collect().await.map_err(|_| Dropped)?.to_bytes();
    let outcome = world.respond(&Request::from_parts(parts, body));
    if let Some(delay) = outcome.delay {
        pause(delay).await;
    }
    if outcome.broken == Some(Broken::Reset) {
        return Err(Dropped);
    }
    let mut bytes = outcome.body;
    let mut encoded = false;
    let packed = outcome.headers.iter().any(|(name, _)| *name == "content-encoding");
    if gzip && !packed && bytes.len() >= GZIP_BYTES_MIN {
        bytes = compress(&bytes).map_err(|_| Dropped)?;
        encoded = true;
    }
    let promised = bytes.len() as u64;
    let kept = match outcome.broken {
        Some(Broken::Truncated) => bytes.len() / 2,
        Some(Broken::After(received)) => received.min(bytes.len() * 9 / 10),
        _ => bytes.len(),
    };
    let fails = kept < bytes.len();
    bytes.truncate(kept);
    let drip = (outcome.broken == Some(Broken::Dripping))
        .then(|| -> Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(pause(SECOND)) });
    let mut response = Response::new(Cut { rest: Some(bytes), promised, fails, flushed: false, drip });
    *response.status_mut() = StatusCode::from_u16(outcome.status).map_err(|_| Dropped)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(outcome.content_type));
    if encoded {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, value) in outcome.headers {
        headers.insert(name, HeaderValue::from_str(&value).map_err(|_| Dropped)?);
    }
    Ok(response)
}

fn compress(bytes: &Bytes) -> std::io::Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 8), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    Ok(Bytes::from(encoder.finish()?))
}

#[expect(clippy::disallowed_methods, reason = "a slow answer on a real socket takes real time")]
async fn pause(delay: std::time::Duration) {
    tokio::time::sleep(delay).await;
}
