//! One connection to a switch: a task that reads, a task that writes, and the slot that both hold until they end. Knows nothing of
//! what is said.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use net::Dpid;
use runtime::{ConnId, Input};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// Bytes read from a connection at a time.
const READ: usize = 256 * 1024;
/// Bytes that may wait for a switch that takes flows and does not read; then it is dropped.
const BACKLOG: usize = 16 * 1024 * 1024;
/// Bytes that may wait for a peer that has not shown itself a switch of ours: room for one message of the greatest length.
const EARLY_BACKLOG: usize = 64 * 1024;
/// How long a dropped connection may take to send what still waits.
const PARTING: Duration = Duration::from_secs(3);
/// Connections in all, and connections from one address.
const CONNECTIONS: usize = 4096;
const PER_ADDRESS: usize = 1024;

/// The connections there are. One counts until both its tasks have ended: until then it holds memory and a socket.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place among [`Slots`]; dropping it gives it back.
struct Slot {
    slots: Slots,
    address: IpAddr,
}

impl Slots {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, address: IpAddr) -> Option<Arc<Slot>> {
        let mut taken = self.taken();
        let same = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= CONNECTIONS || same >= PER_ADDRESS {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, same + 1);
        Some(Arc::new(Slot { slots: self.clone(), address }))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.all = taken.all.saturating_sub(1);
        let same = taken.by_address.get(&self.address).copied().unwrap_or(0);
        if same > 1 {
            taken.by_address.insert(self.address, same - 1);
        } else {
            taken.by_address.remove(&self.address);
        }
    }
}

/// A connection as the deciding task holds it. Dropping it ends it: what waits may still be sent, for a while.
pub struct Connection {
    /// The far end.
    pub peer: SocketAddr,
    /// The switch at the far end, once it takes flows or is held pending.
    pub dpid: Option<Dpid>,
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
    /// Starts both tasks. None if there are too many connections already.
    pub fn open(
        conn: ConnId,
        stream: TcpStream,
        peer: SocketAddr,
        slots: &Slots,
        inputs: mpsc::Sender<Input>,
    ) -> Option<Connection> {
        let slot = slots.take(peer.ip())?;
        let (reader, writer) = stream.into_split();
        let (out, outgoing) = mpsc::unbounded_channel();
        let (parting, dropped) = oneshot::channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let reader = tokio::spawn(read(conn, reader, inputs, slot.clone())).abort_handle();
        tokio::spawn(write(writer, outgoing, backlog.clone(), dropped, slot));
        Some(Connection { peer, dpid: None, out, backlog, established: false, reader, _parting: parting })
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

/// Brings what a switch sends, until it ends or the daemon does.
async fn read(conn: ConnId, mut reader: OwnedReadHalf, inputs: mpsc::Sender<Input>, _slot: Arc<Slot>) {
    let mut buffer = BytesMut::with_capacity(READ);
    loop {
        buffer.reserve(READ / 4);
        match reader.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                if inputs.send(Input::Received(conn, buffer.split())).await.is_err() {
                    return;
                }
            }
        }
    }
    // The daemon may be ending: nobody needs to hear then.
    let _ = inputs.send(Input::Closed(conn)).await;
}

/// Sends what is to be sent; ends when the connection is dropped, after all of it is out or the peer had its time to take it.
async fn write(
    mut writer: OwnedWriteHalf,
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
            // What the system holds for this peer goes too. If that fails, the system's own limits apply.
            let _ = writer.as_ref().set_zero_linger();
        }
    }
}

async fn send_all(writer: &mut OwnedWriteHalf, outgoing: &mut mpsc::UnboundedReceiver<BytesMut>, backlog: &AtomicUsize) {
    while let Some(bytes) = outgoing.recv().await {
        if writer.write_all(&bytes).await.is_err() {
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

    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// Longer than anything here takes, even on a busy machine.
    const DEADLINE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_writer_that_is_stuck_ends_after_its_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let slots = Slots::default();
        let (inputs, _arriving) = mpsc::channel(1);
        let mut connection = Connection::open(ConnId(1), stream, address, &slots, inputs).unwrap();
        let backlog = connection.backlog.clone();
        // More than the system takes for a peer that does not read; the connection speaks for a switch.
        while connection.send(BytesMut::zeroed(EARLY_BACKLOG), || true) {
            tokio::task::yield_now().await;
        }
        assert!((BACKLOG..=BACKLOG + 2 * EARLY_BACKLOG).contains(&backlog.load(Ordering::Relaxed)));
        drop(connection);
        let released = async {
            while slots.taken().all > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, released).await.expect("both tasks end though nobody reads");
        assert!(backlog.load(Ordering::Relaxed) > 0, "it was stuck");
        assert_eq!(Arc::strong_count(&backlog), 1);
        drop(peer);
    }

    #[test]
    fn slots_are_given_back() {
        let slots = Slots::default();
        let (one, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut held: Vec<_> = (0..PER_ADDRESS).map(|_| slots.take(one).unwrap()).collect();
        assert!(slots.take(one).is_none(), "an address has no more than its share");
        let elsewhere = slots.take(other);
        assert!(elsewhere.is_some(), "which leaves room for others");
        let second_task = held.first().cloned();
        held.remove(0);
        assert!(slots.take(one).is_none(), "a connection counts while one of its tasks runs");
        drop(second_task);
        assert!(slots.take(one).is_some(), "and no longer");
        drop((held, elsewhere));
        let taken = slots.taken();
        assert_eq!((taken.all, taken.by_address.len()), (0, 0));
    }
}
