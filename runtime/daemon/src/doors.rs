//! Where switches connect: sockets that listen, TLS before a connection counts, and how many there may be. Knows nothing of what is
//! said on a connection.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use runtime::Peer;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_rustls::server::TlsStream;

use crate::handshakes::Handshakes;
use crate::log;
use crate::tls::{Standing, Tls, fingerprint, reason};

/// Connections that may wait for the deciding task.
const WAITING: usize = 64;
/// How long a socket is left alone after the system refused a connection: it has too few file descriptors, or too little memory, and
/// will have for a while.
const PAUSE: Duration = Duration::from_millis(100);
/// Differentiated services code point CS6, network control (RFC 4594 §3.2), in its place in the octet.
const CONTROL: u32 = 48 << 2;
/// How often the same trouble is told.
const TOLD: Duration = Duration::from_secs(1);

/// Where switches connect, and how many may.
pub struct Doors {
    /// For plain TCP.
    pub plain: Option<TcpListener>,
    /// For TLS alone.
    pub secured: Option<Secured>,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub per_address: usize,
}

/// A door for TLS.
pub struct Secured {
    /// Its socket.
    pub listener: TcpListener,
    /// How TLS is spoken; its files are read again after SIGHUP.
    pub tls: Tls,
    /// Time for a handshake.
    pub deadline: Duration,
}

/// Somebody who came in.
pub struct Arrival {
    /// The connection.
    pub stream: Stream,
    /// Who it is, as far as that shows.
    pub peer: Peer,
    /// Its place among the connections.
    pub slot: Arc<Slot>,
}

/// A connection that can be spoken on.
pub enum Stream {
    /// Over plain TCP.
    Plain(TcpStream),
    /// Over TLS, after its handshake, and for as long as its certificate is good.
    Secured(Box<TlsStream<TcpStream>>, Standing),
}

/// The connections there are. One counts from its first byte until its socket is closed.
#[derive(Clone)]
pub struct Slots {
    taken: Arc<Mutex<Taken>>,
    all: usize,
    per_address: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place among [`Slots`]; dropping it gives it back.
pub struct Slot {
    slots: Slots,
    address: IpAddr,
}

impl Slot {
    /// True if little room is left for others: an eighth of it.
    #[must_use]
    pub fn is_among_last(&self) -> bool {
        self.slots.count() * 8 >= self.slots.all * 7
    }
}

/// What is told once a second at most, with how often it happened.
#[derive(Default)]
struct Seldom {
    told: Option<Instant>,
    untold: u64,
}

/// Handshakes that came to nothing are told ten a second at most: whoever fails again and again fills no disk.
#[derive(Clone, Default)]
struct Refused(Arc<Mutex<(Option<Instant>, u32, u64)>>);

/// Refusals that are told in a second.
const REFUSALS: u32 = 10;

impl Refused {
    fn tell(&self, address: SocketAddr, why: &str) {
        if let Some(untold) = self.due(Instant::now()) {
            log::tls_refused(address, why, untold);
        }
    }

    /// How many were not told since the last that was, if one more may be.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, told, untold) = &mut *state;
        if since.is_none_or(|since| now.duration_since(since) >= TOLD) {
            (*since, *told) = (Some(now), 0);
        }
        if *told >= REFUSALS {
            *untold += 1;
            return None;
        }
        *told += 1;
        Some(std::mem::take(untold))
    }
}

impl Doors {
    /// One door for plain TCP, with the limits that are the default.
    #[must_use]
    pub fn plain(listener: TcpListener) -> Doors {
        Doors { plain: Some(listener), secured: None, connections: 4096, per_address: 1024 }
    }

    /// Lets people in from now on.
    ///
    /// # Errors
    /// SIGHUP cannot be received.
    pub(crate) fn open(self) -> io::Result<mpsc::Receiver<Arrival>> {
        let (arrivals, arriving) = mpsc::channel(WAITING);
        let slots = Slots::new(self.connections, self.per_address);
        if let Some(listener) = self.plain {
            tokio::spawn(take_plain(listener, slots.clone(), arrivals.clone()));
        }
        if let Some(door) = self.secured {
            tokio::spawn(take_secured(door, slots, signal(SignalKind::hangup())?, arrivals));
        }
        Ok(arriving)
    }
}

async fn take_plain(listener: TcpListener, slots: Slots, arrivals: mpsc::Sender<Arrival>) {
    let mut lobby = Lobby::new(slots);
    loop {
        let (stream, address, slot) = lobby.next(&listener).await;
        let arrival = Arrival { stream: Stream::Plain(stream), peer: Peer::plain(address), slot };
        if arrivals.send(arrival).await.is_err() {
            return;
        }
    }
}

async fn take_secured(door: Secured, slots: Slots, mut hangup: Signal, arrivals: mpsc::Sender<Arrival>) {
    let Secured { listener, mut tls, deadline } = door;
    let (current, standing) = watch::channel(tls.clone());
    let mut lobby = Lobby::new(slots);
    let mut pace = Handshakes::default();
    let refused = Refused::default();
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                let before = tls.clone();
                match tokio::task::spawn_blocking(move || before.again()).await {
                    Ok(Ok(fresh)) => {
                        tls = fresh;
                        log::tls_reloaded();
                        // Whoever stands with a certificate that is good no longer is told, and ends.
                        let _ = current.send(tls.clone());
                    }
                    Ok(Err(why)) => log::tls_stays(&why),
                    // Only where the daemon ends.
                    Err(_) => return,
                }
            }
            (stream, address, slot) = lobby.next(&listener) => {
                let Some(turn) = pace.turn(origin(address.ip()), Instant::now()) else {
                    refused.tell(address, "too many handshakes from there");
                    continue;
                };
                // Each in a task of its own: who is slow keeps nobody waiting.
                let good = (tls.clone(), standing.clone());
                let shaken = shake_hands(good, stream, (address, slot), deadline, arrivals.clone(), refused.clone());
                tokio::spawn(async move {
                    tokio::time::sleep_until(turn.into()).await;
                    shaken.await;
                });
            }
            () = arrivals.closed() => return,
        }
    }
}

async fn shake_hands(
    (tls, current): (Tls, watch::Receiver<Tls>),
    stream: TcpStream,
    (address, slot): (SocketAddr, Arc<Slot>),
    deadline: Duration,
    arrivals: mpsc::Sender<Arrival>,
    refused: Refused,
) {
    let stream = match tokio::time::timeout(deadline, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return refused.tell(address, &reason(&error)),
        Err(_) => return refused.tell(address, "the handshake took too long"),
    };
    let certificate = fingerprint(&stream);
    let peer = Peer { address, certificate };
    // Without one, the handshake had failed.
    if let Some(standing) = Standing::of(&stream, current).filter(|_| certificate.is_some()) {
        // The daemon may be ending.
        let _ = arrivals.send(Arrival { stream: Stream::Secured(Box::new(stream), standing), peer, slot }).await;
    }
}

/// Whose connections count together: those of an IPv4 address, and those of a network of IPv6, where one machine has all the
/// addresses that it likes (RFC 4291 §2.5.1).
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !0 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Takes connections from a socket, as long as there is room.
struct Lobby {
    slots: Slots,
    full: Seldom,
    trouble: Seldom,
}

impl Lobby {
    fn new(slots: Slots) -> Lobby {
        Lobby { slots, full: Seldom::default(), trouble: Seldom::default() }
    }

    async fn next(&mut self, listener: &TcpListener) -> (TcpStream, SocketAddr, Arc<Slot>) {
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.trouble(&error).await;
                    continue;
                }
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
            if let Err(error) = mark(&stream, address.ip()) {
                tracing::debug!(%error, "IP_TOS");
            }
            if let Some(slot) = self.slots.take(address.ip()) {
                return (stream, address, slot);
            }
            if let Some(times) = self.full.due(Instant::now()) {
                tracing::warn!(peer = %address, times, "too many connections: refused");
            }
        }
    }

    async fn trouble(&mut self, error: &io::Error) {
        if let Some(times) = self.trouble.due(Instant::now()) {
            tracing::warn!(%error, times, "a connection could not be accepted");
        }
        let gone = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
        if !gone.contains(&error.kind()) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Marks what is sent on a connection as control traffic, so that a network that shares its links with others' packets can let it
/// go before them.
fn mark(stream: &TcpStream, peer: IpAddr) -> io::Result<()> {
    let socket = SockRef::from(stream);
    match peer.to_canonical() {
        IpAddr::V4(_) => socket.set_tos_v4(CONTROL),
        IpAddr::V6(_) => socket.set_tclass_v6(CONTROL),
    }
}

impl Seldom {
    /// How often it happened since it was told last, if it is time to tell.
    fn due(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TOLD) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

impl Slots {
    /// None is taken.
    #[must_use]
    pub fn new(all: usize, per_address: usize) -> Slots {
        Slots { taken: Arc::default(), all, per_address }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.taken().all
    }

    /// A place for somebody from there, if there is one.
    #[must_use]
    pub fn take(&self, address: IpAddr) -> Option<Arc<Slot>> {
        let address = origin(address);
        let mut taken = self.taken();
        let same = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= self.all || same >= self.per_address {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn slots_are_given_back() {
        let slots = Slots::new(12, 10);
        let (one, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut held: Vec<_> = (0..10).map(|_| slots.take(one).unwrap()).collect();
        assert!(slots.take(one).is_none(), "an address has no more than its share");
        assert!(slots.take(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())).is_none(), "however it is written");
        let elsewhere = [slots.take(other), slots.take(other)];
        assert!(elsewhere.iter().all(Option::is_some), "which leaves room for others");
        assert!(slots.take(other).is_none(), "up to the limit of all");
        let second_task = held.first().cloned();
        held.remove(0);
        assert!(slots.take(one).is_none(), "a connection counts while one of its tasks runs");
        drop(second_task);
        assert!(slots.take(one).is_some(), "and no longer");
        drop((held, elsewhere));
        let taken = slots.taken();
        assert_eq!((taken.all, taken.by_address.len()), (0, 0));
    }

    #[test]
    fn r03_addresses_of_one_network_of_ipv6_count_together() {
        let slots = Slots::new(12, 2);
        let at = |text: &str| slots.take(text.parse().unwrap());
        let held = [at("2001:db8::1"), at("2001:db8::ffff:0:0:1")];
        assert!(held.iter().all(Option::is_some) && at("2001:db8::2").is_none());
        assert!(at("2001:db8:0:1::1").is_some(), "another network");
        assert!(at("192.0.2.1").is_some() && at("192.0.2.2").is_some());
    }

    #[test]
    fn r10_refusals_are_told_ten_a_second_with_how_many_were_not() {
        let (refused, start) = (Refused::default(), Instant::now());
        let at = |step: u32| refused.due(start + Duration::from_millis(10) * step);
        let told: Vec<u64> = (0..200).filter_map(at).collect();
        assert_eq!((told.len(), told.iter().sum::<u64>()), (20, 90));
    }

    #[tokio::test]
    async fn t16_connections_to_switches_are_marked_as_control_traffic() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).await.unwrap();
            let port = listener.local_addr().unwrap();
            let (_far, (stream, ..)) =
                tokio::join!(TcpStream::connect(port), async { Lobby::new(Slots::new(1, 1)).next(&listener).await });
            let socket = SockRef::from(&stream);
            let marked = if port.is_ipv4() { socket.tos_v4() } else { socket.tclass_v6() };
            assert_eq!(marked.unwrap(), 0xc0, "CS6 is 110000, and two bits follow it");
        }
    }

    #[test]
    fn the_same_trouble_is_told_once_a_second() {
        let start = Instant::now();
        let mut seldom = Seldom::default();
        let mut told = Vec::new();
        for tenth in 0..31_u32 {
            told.extend(seldom.due(start + Duration::from_millis(100) * tenth));
        }
        assert_eq!(told, [1, 10, 10, 10]);
    }
}
