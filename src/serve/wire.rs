//! The sockets: how many there may be, and for how long one that takes nothing is kept.
//!
//! A connection ends when nothing could be sent on it for a minute: its reader went to sleep, sends its request a byte
//! at a time, or has nothing to ask. A stream of a live run sends a beat every few seconds, so its reader is only cut off when
//! it stops reading.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

use super::Address;
use crate::exit::Failure;

/// How many connections there may be; others wait in the kernel.
const CONNECTIONS: usize = 256;
/// For how long one may send nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Listens there.
pub(crate) async fn listen(address: &Address) -> Result<Wire, Failure> {
    let socket = address.socket;
    let listener = TcpListener::bind(socket).await;
    let listener = listener.map_err(|e| Failure::infrastructure(cannot_listen(socket, &e)))?;
    Ok(Wire {
        listener,
        places: Arc::new(Semaphore::new(CONNECTIONS)),
    })
}

fn cannot_listen(socket: SocketAddr, error: &io::Error) -> String {
    let port = socket.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{socket} is in use already, perhaps by another schism serve; stop what listens there, or take another port: \
             --port {}, or --port 0 for any that is free",
            port.checked_add(1).unwrap_or(8080)
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "{} is no address of this machine; ip address lists those that are",
            socket.ip()
        ),
        io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on port {port}; take one above 1023: --port 8080")
        }
        _ => format!("cannot listen on {socket}: {error}"),
    }
}

/// Where connections come from.
pub(crate) struct Wire {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Wire {
    /// Where it is.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl axum::serve::Listener for Wire {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.expect("it is never closed");
            match self.listener.accept().await {
                Ok((stream, peer)) => return (Line::new(stream, place, PATIENCE), peer),
                // Out of descriptors, perhaps: it will be better when others have ended.
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address()
    }
}

/// A connection that ends when nothing could be sent on it for too long.
#[derive(Debug)]
pub(crate) struct Line<S = TcpStream> {
    stream: S,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Line<S> {
    fn new(stream: S, place: OwnedSemaphorePermit, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            deadline: Box::pin(sleep(patience)),
            _place: place,
        }
    }

    /// Passes a result on; instead of waiting beyond the deadline it fails.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_pending() {
            ready!(self.deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }

    fn sent(&mut self, polled: &Poll<io::Result<usize>>) {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            let deadline = Instant::now() + self.patience;
            self.deadline.as_mut().reset(deadline);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.in_time(cx, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent(&polled);
        self.in_time(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent(&polled);
        self.in_time(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    async fn line(
        room: usize,
        patience: Duration,
    ) -> (Line<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = duplex(room);
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        (Line::new(ours, place, patience), theirs)
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_cut_off() {
        let (mut line, _theirs) = line(8, Duration::from_millis(20)).await;
        let sent = line.write_all(&[0; 64]).await;
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn so_is_one_that_asks_a_byte_at_a_time() {
        let (mut line, mut theirs) = line(8, Duration::from_millis(50)).await;
        tokio::spawn(async move {
            while theirs.write_all(b"G").await.is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
        });
        let mut all = Vec::new();
        let read = line.read_to_end(&mut all).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_that_reads_is_not() {
        let (mut line, mut theirs) = line(8, Duration::from_secs(600)).await;
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.map(|_| all.len())
        });
        line.write_all(&[0; 64]).await.unwrap();
        drop(line);
        assert_eq!(reader.await.unwrap().unwrap(), 64);
    }

    #[test]
    fn what_to_do_is_said_where_nobody_can_listen() {
        let socket = SocketAddr::from(([127, 0, 0, 1], 8080));
        let said = |kind: io::ErrorKind| cannot_listen(socket, &kind.into());
        assert!(said(io::ErrorKind::AddrInUse).contains("--port 8081"));
        assert!(said(io::ErrorKind::PermissionDenied).contains("1023"));
        assert!(said(io::ErrorKind::AddrNotAvailable).contains("no address of this machine"));
    }
}
