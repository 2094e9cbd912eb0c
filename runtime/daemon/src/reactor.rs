//! The main loop: bytes from switches and changes of policy go into the runtime, its effects go out. One task decides; each
//! connection has one task that reads and one that writes. Knows nothing of what is decided.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use lang::source::SourceMap;
use net::Time;
use runtime::{ConnId, Controller, Effects, Event, Input, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::policy::{self, Loaded};
use crate::watch::{Reason, Watch};

/// Bytes read from a connection at a time.
const READ: usize = 256 * 1024;
/// Portions of one connection that may wait for the deciding task.
const WAITING: usize = 1024;
/// Bytes that may wait for a switch that does not read; then it is dropped.
const BACKLOG: usize = 16 * 1024 * 1024;
/// Portions decided before what they led to is sent.
const BATCH: usize = 64;
/// Connections in all, and connections from one address.
const CONNECTIONS: usize = 4096;
const PER_ADDRESS: usize = 1024;
/// How often the runtime looks at the clock.
const TICK: Duration = Duration::from_millis(50);

/// What is told of a running daemon beside its log.
pub trait Observer {
    /// Something happened; the controller is as it is after the step in which it did.
    fn event(&mut self, event: &Event, controller: &Controller);
    /// The policy was read again.
    fn reloaded(&mut self, reload: &Reload<'_>);
}

/// What reading the policy again came to.
#[derive(Clone, Copy, Debug)]
pub enum Reload<'a> {
    /// The texts are the same: nothing was done.
    Unchanged,
    /// It is in force.
    InForce(&'a Loaded),
    /// It has errors; the one before stays in force.
    Refused(&'a Loaded),
}

/// A daemon that is ready to run.
pub struct Daemon {
    /// Where switches connect.
    pub listener: TcpListener,
    /// What decides.
    pub controller: Controller,
    /// Files of the policy in force; empty where it never changes.
    pub files: Vec<PathBuf>,
    /// Their texts, to see whether they changed.
    pub loaded: Loaded,
}

struct Connection {
    out: mpsc::UnboundedSender<BytesMut>,
    backlog: Arc<AtomicUsize>,
    address: std::net::IpAddr,
    reader: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Reactor<'o> {
    controller: Controller,
    effects: Effects,
    connections: HashMap<ConnId, Connection>,
    inputs: mpsc::Sender<Input>,
    clock: Clock,
    next: u64,
    observer: &'o mut dyn Observer,
    files: Vec<PathBuf>,
    loaded: Loaded,
    refused: Option<SourceMap>,
}

/// The wall clock read once, counted on monotonically.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: u64,
}

impl Clock {
    /// Reads the wall clock.
    #[must_use]
    pub fn start() -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { start: Instant::now(), wall: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX) }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.wall).after(self.start.elapsed())
    }

    /// Seconds since the Unix epoch at the start.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.wall / 1_000_000
    }
}

impl Daemon {
    /// Runs until `stop` is done. Returns how things stand then.
    ///
    /// # Errors
    /// SIGHUP cannot be received.
    pub async fn run(self, clock: Clock, observer: &mut dyn Observer, stop: impl Future<Output = ()>) -> std::io::Result<Status> {
        let (inputs, mut arriving) = mpsc::channel(WAITING);
        let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
        let mut watch = Watch::new();
        watch.add(&self.files);
        watch.add(&self.loaded.files());
        let mut reactor = Reactor {
            controller: self.controller,
            effects: Effects::default(),
            connections: HashMap::new(),
            inputs,
            clock,
            next: 0,
            observer,
            files: self.files,
            loaded: self.loaded,
            refused: None,
        };
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = ticks.tick() => reactor.step(Input::Tick),
                Some(input) = arriving.recv() => {
                    reactor.step(input);
                    for _ in 1..BATCH {
                        match arriving.try_recv() {
                            Ok(input) => reactor.step(input),
                            Err(_) => break,
                        }
                    }
                }
                accepted = self.listener.accept() => reactor.accept(accepted),
                _ = hangup.recv() => reactor.reload(Reason::Signal, &mut watch).await,
                () = watch.changed() => reactor.reload(Reason::FileChanged, &mut watch).await,
            }
            reactor.carry_out();
        }
        Ok(reactor.controller.status())
    }
}

impl Reactor<'_> {
    fn step(&mut self, input: Input) {
        if let Input::Closed(conn) = input {
            self.connections.remove(&conn);
        }
        self.controller.step(input, self.clock.now(), &mut self.effects);
        for event in self.effects.events.drain(..) {
            self.observer.event(&event, &self.controller);
        }
    }

    fn accept(&mut self, accepted: std::io::Result<(TcpStream, std::net::SocketAddr)>) {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return tracing::warn!(%error, "a connection could not be accepted"),
        };
        let address = peer.ip();
        let same = self.connections.values().filter(|connection| connection.address == address).count();
        if self.connections.len() >= CONNECTIONS || same >= PER_ADDRESS {
            return tracing::warn!(%peer, "too many connections: refused");
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        self.next += 1;
        let conn = ConnId(self.next);
        let (reader, writer) = stream.into_split();
        let (out, outgoing) = mpsc::unbounded_channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        tracing::debug!(%peer, conn = conn.0, "connected");
        let reader = tokio::spawn(read(conn, reader, self.inputs.clone())).abort_handle();
        self.connections.insert(conn, Connection { out, backlog: backlog.clone(), address, reader });
        tokio::spawn(write(writer, outgoing, backlog));
        self.step(Input::Connected(conn));
    }

    /// Hands bytes to the writers and closes what is to be closed.
    fn carry_out(&mut self) {
        let mut stuck = Vec::new();
        for (conn, bytes) in self.effects.sends.drain(..) {
            let Some(connection) = self.connections.get(&conn) else { continue };
            let waiting = connection.backlog.fetch_add(bytes.len(), Ordering::Relaxed);
            if waiting > BACKLOG {
                stuck.push(conn);
            } else {
                // A writer that is gone means that the connection broke; the reader tells.
                let _ = connection.out.send(bytes);
            }
        }
        for conn in self.effects.closes.drain(..) {
            self.connections.remove(&conn);
        }
        for conn in stuck {
            tracing::warn!(conn = conn.0, "the switch does not read: dropped");
            self.step(Input::Closed(conn));
        }
    }

    async fn reload(&mut self, reason: Reason, watch: &mut Watch) {
        if self.files.is_empty() {
            return;
        }
        let files = self.files.clone();
        let loaded = match tokio::task::spawn_blocking(move || policy::load(&files)).await {
            Ok(loaded) => loaded,
            Err(error) => return tracing::error!(%error, "the policy could not be read again"),
        };
        watch.add(&loaded.files());
        let seen = loaded.sources == self.loaded.sources || self.refused.as_ref() == Some(&loaded.sources);
        if seen && reason == Reason::FileChanged {
            return;
        }
        self.refused = None;
        match &loaded.policy {
            Some(policy) if loaded.sources != self.loaded.sources => {
                self.step(Input::Policy(policy.clone()));
                self.observer.reloaded(&Reload::InForce(&loaded));
                self.loaded = loaded;
            }
            Some(_) => self.observer.reloaded(&Reload::Unchanged),
            None => {
                self.observer.reloaded(&Reload::Refused(&loaded));
                self.refused = Some(loaded.sources);
            }
        }
    }
}

/// Brings what a switch sends, until it ends or the daemon does.
async fn read(conn: ConnId, mut reader: OwnedReadHalf, inputs: mpsc::Sender<Input>) {
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

/// Sends what is to be sent; ends when the connection is dropped, after all of it is out.
async fn write(mut writer: OwnedWriteHalf, mut outgoing: mpsc::UnboundedReceiver<BytesMut>, backlog: Arc<AtomicUsize>) {
    while let Some(bytes) = outgoing.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
        backlog.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
    // Closing a connection that the peer has closed already is no news.
    let _ = writer.shutdown().await;
}
