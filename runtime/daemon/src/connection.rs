//! One connection to a switch: a task that reads, a task that writes, and the slot that both hold until they end. Knows nothing of
//! what is said.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use net::Dpid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_rustls::server::TlsStream;

use crate::doors::{Arrival, Slot, Stream};
use crate::inbox::Inbox;
use crate::log;

/// Bytes read from a connection at a time.
const READ: usize = 256 * 1024;
/// The same while it brings more than is decided: then others have a turn before it is read again.
const READ_OF_CROWD: usize = 32 * 1024;
/// Bytes that may wait for a switch that takes flows and does not read; then it is dropped.
const BACKLOG: usize = 16 * 1024 * 1024;
/// Bytes that may wait for a peer that has not shown itself a switch of ours: room for one message of the greatest length.
const EARLY_BACKLOG: usize = 64 * 1024;
/// How long a dropped connection may take to send what still waits.
const PARTING: Duration = Duration::from_secs(3);

/// A connection as the deciding task holds it. Dropping it ends it: what waits may still be sent, for a while.
pub struct Connection {
    /// The far end.
    pub peer: SocketAddr,
    /// The switch at the far end, once it takes flows or is held pending.
    pub dpid: Option<Dpid>,
    /// What it has said and nobody has heard yet.
    pub inbox: Inbox,
    out: mpsc::UnboundedSender<BytesMut>,
    backlog: Arc<AtomicUsize>,
    /// It speaks, or spoke, for a switch that takes flows.
    established: bool,
    reader: AbortHandle,
    /// Never used: the writer sees that it is gone.
    _parting: oneshot::Sender<Infallible>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Connection {
    /// Starts both tasks.
    pub fn open(arrival: Arrival, inbox: Inbox) -> Connection {
        let Arrival { stream, peer, slot } = arrival;
        match stream {
            Stream::Plain(stream) => {
                let (reader, writer) = stream.into_split();
                Connection::start((reader, writer), std::future::pending(), peer.address, slot, inbox)
            }
            Stream::Secured(stream, standing) => {
                let both = Shared(Arc::new(Mutex::new(*stream)));
                Connection::start((both.clone(), both), standing.ended(), peer.address, slot, inbox)
            }
        }
    }

    fn start<R, W>(
        (reader, writer): (R, W),
        ended: impl Future<Output = String> + Send + 'static,
        peer: SocketAddr,
        slot: Arc<Slot>,
        inbox: Inbox,
    ) -> Connection
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: Writer + 'static,
    {
        let (out, outgoing) = mpsc::unbounded_channel();
        let (parting, dropped) = oneshot::channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let heard = inbox.clone();
        let held = slot.clone();
        let reading = async move {
            tokio::select! {
                biased;
                why = ended => log::tls_refused(peer, &why, 0),
                () = read(reader, &heard) => {}
            }
            heard.close();
            drop(held);
        };
        let reader = tokio::spawn(reading).abort_handle();
        tokio::spawn(write(writer, outgoing, backlog.clone(), dropped, slot));
        Connection { peer, dpid: None, inbox, out, backlog, established: false, reader, _parting: parting }
    }

    /// Hands bytes to the writer. False if too many wait already; `is_up` tells whether the connection speaks for a switch that takes
    /// flows, and is asked only when that matters.
    pub fn send(&mut self, bytes: BytesMut, is_up: impl FnOnce() -> bool) -> bool {
        let waiting = self.backlog.load(Ordering::Relaxed);
        if waiting.saturating_add(bytes.len()) > EARLY_BACKLOG {
            self.established = self.established || is_up();
            if !self.established || waiting > BACKLOG {
                return false;
            }
        }
        self.backlog.fetch_add(bytes.len(), Ordering::Relaxed);
        // A writer that is gone means that the connection broke; the reader tells.
        let _ = self.out.send(bytes);
        true
    }
}

/// The end of a connection that is written to.
trait Writer: AsyncWrite + Unpin + Send {
    /// What the system holds for the peer is to go too when this is dropped. If that fails, the system's own limits apply.
    fn reset(&self);
}

impl Writer for OwnedWriteHalf {
    fn reset(&self) {
        let _ = self.as_ref().set_zero_linger();
    }
}

/// A TLS connection that one task reads and another writes.
#[derive(Clone)]
struct Shared(Arc<Mutex<TlsStream<TcpStream>>>);

impl Shared {
    fn with<T>(&self, act: impl FnOnce(Pin<&mut TlsStream<TcpStream>>) -> T) -> T {
        act(Pin::new(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Writer for Shared {
    fn reset(&self) {
        let _ = self.with(|stream| stream.get_ref().0.set_zero_linger());
    }
}

impl AsyncRead for Shared {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}

/// Brings what a switch sends, until it ends or the daemon does.
async fn read(mut reader: impl AsyncRead + Unpin, inbox: &Inbox) {
    let mut buffer = BytesMut::with_capacity(READ);
    loop {
        buffer.reserve(READ / 4);
        let most = if inbox.is_crowded() { READ_OF_CROWD } else { READ };
        match reader.read_buf(&mut (&mut buffer).limit(most)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                inbox.put(buffer.split());
                inbox.room().await;
                if inbox.is_crowded() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// Sends what is to be sent; ends when the connection is dropped, after all of it is out or the peer had its time to take it.
async fn write(
    mut writer: impl Writer,
    mut outgoing: mpsc::UnboundedReceiver<BytesMut>,
    backlog: Arc<AtomicUsize>,
    dropped: oneshot::Receiver<Infallible>,
    _slot: Arc<Slot>,
) {
    let time_is_up = async {
        // The only thing that can come of it is that the other end is gone.
        let _ = dropped.await;
        tokio::time::sleep(PARTING).await;
    };
    tokio::select! {
        biased;
        () = send_all(&mut writer, &mut outgoing, &backlog) => {}
        () = time_is_up => {
            writer.reset();
        }
    }
}

async fn send_all(writer: &mut impl Writer, outgoing: &mut mpsc::UnboundedReceiver<BytesMut>, backlog: &AtomicUsize) {
    while let Some(bytes) = outgoing.recv().await {
        // TLS keeps the last record back until it is told to send it.
        if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
            return;
        }
        backlog.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
    // Closing a connection that the peer has closed already is no news.
    let _ = writer.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use runtime::{ConnId, Peer};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::doors::Slots;

    /// Longer than anything here takes, even on a busy machine.
    const DEADLINE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_writer_that_is_stuck_ends_after_its_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let slots = Slots::new(1, 1);
        let (ready, _readied) = mpsc::unbounded_channel();
        let slot = slots.take(address.ip()).unwrap();
        let arrival = Arrival { stream: Stream::Plain(stream), peer: Peer::plain(address), slot };
        let mut connection = Connection::open(arrival, Inbox::new(ConnId(1), ready));
        let backlog = connection.backlog.clone();
        // More than the system takes for a peer that does not read; the connection speaks for a switch.
        while connection.send(BytesMut::zeroed(EARLY_BACKLOG), || true) {
            tokio::task::yield_now().await;
        }
        assert!((BACKLOG..=BACKLOG + 2 * EARLY_BACKLOG).contains(&backlog.load(Ordering::Relaxed)));
        drop(connection);
        let released = async {
            while slots.count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, released).await.expect("both tasks end though nobody reads");
        assert!(backlog.load(Ordering::Relaxed) > 0, "it was stuck");
        assert_eq!(Arc::strong_count(&backlog), 1);
        drop(peer);
    }
}
