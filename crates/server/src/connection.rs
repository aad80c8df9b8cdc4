//! One connection: counted, so that there are never too many, and given up when its client takes nothing for too long.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use jobs::World;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets connections in while there is room; one that finds none is closed at once.
#[derive(Clone)]
pub(crate) struct Door {
    places: Arc<Semaphore>,
    world: World,
    patience: Duration,
}

impl Door {
    pub(crate) fn new(world: World, places: usize, patience: Duration) -> Door {
        Door { places: Arc::new(Semaphore::new(places)), world, patience }
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(match self.places.clone().try_acquire_owned() {
            Ok(place) => stream.set_nodelay(true).map(|()| {
                let Door { world, patience, .. } = self.clone();
                (Connection { stream, world, patience, stuck: None, _place: place }, service)
            }),
            Err(_) => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
        })
    }
}

/// A connection that has a place.
pub(crate) struct Connection {
    stream: TcpStream,
    world: World,
    patience: Duration,
    /// Runs while the client takes nothing of what waits for it.
    stuck: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// What became of an attempt to send; one that waits for too long has failed.
    fn progressed<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stuck = None;
            return sent;
        }
        let stuck = self.stuck.get_or_insert_with(|| {
            let (world, patience) = (self.world.clone(), self.patience);
            Box::pin(async move { world.sleep(patience).await })
        });
        stuck.as_mut().poll(context).map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progressed(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.progressed(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(context);
        self.progressed(context, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(context);
        self.progressed(context, sent)
    }
}
