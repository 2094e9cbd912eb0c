//! The main loop: bytes from switches and changes of policy go into the runtime, its effects go out. One task decides; connections
//! are read and written, and policies read, beside it. Knows nothing of what is decided.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lang::source::SourceMap;
use net::Time;
use runtime::{ConnId, Controller, Effects, Event, Input, Status};
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::doors::{Arrival, Doors};
use crate::inbox::Inbox;
use crate::log;
use crate::policy::Loaded;
use crate::reload::Reading;
use crate::watch::{Reason, Watch};

/// Connections that are heard before what that led to is sent.
const BATCH: usize = 64;
/// Messages that are heard before, in all.
const ROUND: usize = 1024;
/// And how long that may take, as nothing is read or written meanwhile.
const ROUND_TIME: Duration = Duration::from_micros(256);
/// How often the runtime looks at the clock.
const TICK: Duration = Duration::from_millis(50);
/// How often it is told that packets were dropped unheard.
const TOLD: Duration = Duration::from_secs(1);

/// What is told of a running daemon beside its log.
pub trait Observer {
    /// Something happened; the controller is as it is after the step in which it did. `peer` is the far end of the connection that
    /// the event is about, if it is about one.
    fn event(&mut self, event: &Event, peer: Option<SocketAddr>, controller: &Controller);
    /// The policy was read again.
    fn reloaded(&mut self, reload: &Reload<'_>);
}

/// What reading the policy again came to.
#[derive(Clone, Copy, Debug)]
pub enum Reload<'a> {
    /// The texts are the same: nothing was done.
    Unchanged,
    /// It is in force from this time on.
    InForce(&'a Loaded, Time),
    /// It has errors; the one before stays in force.
    Refused(&'a Loaded),
}

/// A daemon that is ready to run.
pub struct Daemon {
    /// Where switches connect.
    pub doors: Doors,
    /// What decides.
    pub controller: Controller,
    /// Files of the policy in force; empty where it never changes.
    pub files: Vec<PathBuf>,
    /// Their texts, to see whether they changed.
    pub loaded: Loaded,
}

struct Reactor<'o> {
    controller: Controller,
    effects: Effects,
    connections: HashMap<ConnId, Connection>,
    /// Connections that have something to say.
    ready: mpsc::UnboundedSender<ConnId>,
    readied: mpsc::UnboundedReceiver<ConnId>,
    /// Those of them that bring more than is decided, and wait for the others.
    crowd: VecDeque<ConnId>,
    /// Packets that were dropped unheard, and when that was told.
    unheard: Unheard,
    clock: Clock,
    next: u64,
    observer: &'o mut dyn Observer,
    loaded: Loaded,
    refused: Option<SourceMap>,
}

/// Packets of switches that send more than their share, dropped before anybody heard them.
#[derive(Default)]
struct Unheard {
    all: u64,
    untold: u64,
    told: Option<Instant>,
}

impl Unheard {
    fn count(&mut self, dropped: u64, peer: SocketAddr, now: Instant) {
        (self.all, self.untold) = (self.all + dropped, self.untold + dropped);
        if self.told.is_none_or(|told| now.duration_since(told) >= TOLD) {
            log::unheard(peer, std::mem::take(&mut self.untold), self.all);
            self.told = Some(now);
        }
    }
}

/// When the runtime looks at the clock next.
struct Pace {
    due: Instant,
    held: bool,
}

impl Pace {
    /// True if it is time. Where the loop itself was held up, what came meanwhile is not read yet, and nobody may be judged silent for
    /// it: then once, not twice in a row, another [`TICK`] is given for that.
    fn is_due(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        let held_up = now.duration_since(self.due) > TICK;
        self.due = now + TICK;
        self.held = held_up && !self.held;
        !self.held
    }
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
        let reading = Reading::of(self.files.clone());
        self.run_reading(reading, clock, observer, stop).await
    }

    async fn run_reading(
        self,
        mut reading: Reading,
        clock: Clock,
        observer: &mut dyn Observer,
        stop: impl Future<Output = ()>,
    ) -> std::io::Result<Status> {
        let mut arrivals = self.doors.open()?;
        let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
        let mut watch = Watch::new();
        watch.add(&self.files);
        watch.add(&self.loaded.files());
        let changes = !self.files.is_empty();
        let mut reactor = Reactor::new(self.controller, clock, observer, self.loaded);
        let mut pace = Pace { due: Instant::now(), held: false };
        let mut stop = pin!(stop);
        loop {
            let mut heard = false;
            tokio::select! {
                biased;
                () = &mut stop => break,
                // What is rare goes before what a flood could make of switches.
                _ = hangup.recv(), if changes => reading.ask(Reason::Signal),
                () = watch.changed(), if changes => reading.ask(Reason::FileChanged),
                (reason, loaded) = reading.done() => match loaded {
                    Ok(loaded) => reactor.reload(reason, loaded, &mut watch),
                    Err(error) => tracing::error!(%error, "the policy could not be read again"),
                },
                Some(arrival) = arrivals.recv() => {
                    reactor.accept(arrival);
                    if reactor.is_waited_for() {
                        reactor.round(None);
                        heard = true;
                    }
                }
                () = std::future::ready(()), if reactor.is_waited_for() => {
                    reactor.round(None);
                    heard = true;
                }
                Some(conn) = reactor.readied.recv() => {
                    reactor.round(Some(conn));
                    heard = true;
                }
                () = tokio::time::sleep_until(pace.due.into()) => {}
            }
            // Here and not above, so that it has its turn whatever else there is to do.
            if pace.is_due(Instant::now()) {
                reactor.hear_everybody();
                reactor.step(Input::Tick);
            }
            reactor.carry_out();
            if heard {
                // Whoever reads and writes beside this has a turn, too.
                tokio::task::yield_now().await;
            }
        }
        Ok(reactor.controller.status())
    }
}

impl<'o> Reactor<'o> {
    fn new(controller: Controller, clock: Clock, observer: &'o mut dyn Observer, loaded: Loaded) -> Reactor<'o> {
        let (ready, readied) = mpsc::unbounded_channel();
        Reactor {
            controller,
            effects: Effects::default(),
            connections: HashMap::new(),
            ready,
            readied,
            crowd: VecDeque::new(),
            unheard: Unheard::default(),
            clock,
            next: 0,
            observer,
            loaded,
            refused: None,
        }
    }

    /// Hears one connection after the other, each a little, until all or enough is heard; whoever brings more than is decided when
    /// nobody else is left.
    fn round(&mut self, mut first: Option<ConnId>) {
        let (begun, mut heard) = (Instant::now(), 0);
        for _ in 0..BATCH {
            if heard >= ROUND || begun.elapsed() >= ROUND_TIME {
                break;
            }
            let Some(conn) = first.take().or_else(|| self.readied.try_recv().ok()) else { break };
            if self.connections.get(&conn).is_some_and(|connection| connection.inbox.is_crowded()) {
                self.crowd.push_back(conn);
            } else {
                heard += self.hear(conn);
            }
        }
        // One at least, so that these are heard as well.
        while let Some(conn) = self.crowd.pop_front() {
            heard += self.hear(conn);
            if heard >= ROUND || begun.elapsed() >= ROUND_TIME / 2 {
                return;
            }
        }
    }

    /// True if somebody waits to be heard.
    fn is_waited_for(&self) -> bool {
        !self.crowd.is_empty() || !self.readied.is_empty()
    }

    /// Hears every connection that waits, once: before anybody is judged silent.
    fn hear_everybody(&mut self) {
        let readied = (0..self.readied.len()).map_while(|_| self.readied.try_recv().ok());
        self.crowd.extend(readied);
        for conn in std::mem::take(&mut self.crowd) {
            self.hear(conn);
        }
    }

    /// It is the turn of a connection. How many messages that were.
    fn hear(&mut self, conn: ConnId) -> usize {
        let Some(connection) = self.connections.get(&conn) else { return 0 };
        let turn = connection.inbox.turn();
        if turn.dropped > 0 {
            self.unheard.count(turn.dropped, connection.peer, Instant::now());
        }
        if !turn.bytes.is_empty() {
            let (inbox, begun) = (connection.inbox.clone(), Instant::now());
            self.step(Input::Received(conn, turn.bytes));
            // What everything else took says nothing of packets.
            if turn.others == 0 {
                inbox.heard(turn.packets, begun.elapsed());
            }
        }
        if turn.closed {
            self.step(Input::Closed(conn));
        }
        turn.packets + turn.others
    }

    fn step(&mut self, input: Input) {
        let (speaker, closed) = match &input {
            Input::Received(conn, _) => (Some(*conn), None),
            Input::Closed(conn) => (None, Some(*conn)),
            Input::Connected(..) | Input::Policy(_) | Input::Tick => (None, None),
        };
        self.controller.step(input, self.clock.now(), &mut self.effects);
        for event in self.effects.events.drain(..) {
            let peer = peer_of(&event, speaker, &mut self.connections);
            self.observer.event(&event, peer, &self.controller);
        }
        if let Some(conn) = closed {
            self.connections.remove(&conn);
        }
    }

    fn accept(&mut self, arrival: Arrival) {
        self.next += 1;
        let (conn, peer) = (ConnId(self.next), arrival.peer);
        if arrival.slot.is_among_last() {
            self.make_room();
        }
        log::connected(conn, peer);
        let inbox = Inbox::new(conn, self.ready.clone());
        self.connections.insert(conn, Connection::open(arrival, inbox));
        self.step(Input::Connected(conn, peer));
    }

    /// Whoever has been held pending longest makes room for others: any number of switches that nobody declared may knock.
    fn make_room(&mut self) {
        let pending = self.connections.keys().copied().filter(|conn| self.controller.is_pending(*conn)).min();
        if let Some(conn) = pending {
            let peer = self.connections.get(&conn).map(|connection| tracing::field::display(connection.peer));
            tracing::warn!(conn = conn.0, peer, "little room is left for connections: a pending switch makes some");
            self.step(Input::Closed(conn));
        }
    }

    /// Hands bytes to the writers and closes what is to be closed.
    fn carry_out(&mut self) {
        let mut stuck = Vec::new();
        for (conn, bytes) in self.effects.sends.drain(..) {
            let Some(connection) = self.connections.get_mut(&conn) else { continue };
            if !connection.send(bytes, || self.controller.is_up(conn)) {
                stuck.push(conn);
            }
        }
        for conn in self.effects.closes.drain(..) {
            self.connections.remove(&conn);
        }
        for conn in stuck {
            let peer = self.connections.get(&conn).map(|connection| tracing::field::display(connection.peer));
            tracing::warn!(conn = conn.0, peer, "the switch does not read: dropped");
            self.step(Input::Closed(conn));
        }
    }

    fn reload(&mut self, reason: Reason, loaded: Loaded, watch: &mut Watch) {
        watch.add(&loaded.files());
        let seen = loaded.sources == self.loaded.sources || self.refused.as_ref() == Some(&loaded.sources);
        if seen && reason == Reason::FileChanged {
            return;
        }
        self.refused = None;
        match &loaded.policy {
            Some(policy) if loaded.sources != self.loaded.sources => {
                self.step(Input::Policy(policy.clone()));
                self.observer.reloaded(&Reload::InForce(&loaded, self.clock.now()));
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

/// The far end of the connection that an event is about. `speaker` is the connection that was heard: a switch that joins or is held
/// pending for the first time is its own.
fn peer_of(event: &Event, speaker: Option<ConnId>, connections: &mut HashMap<ConnId, Connection>) -> Option<SocketAddr> {
    match event {
        Event::SessionEnded { conn, .. } => connections.get(conn).map(|connection| connection.peer),
        Event::SwitchJoined { dpid, .. } | Event::SwitchPending { dpid, .. } => {
            if let Some(connection) = speaker.and_then(|conn| connections.get_mut(&conn)) {
                connection.dpid = Some(*dpid);
                if matches!(event, Event::SwitchJoined { .. }) {
                    connection.inbox.sort();
                }
            }
            connections.values().find(|connection| connection.dpid == Some(*dpid)).map(|connection| connection.peer)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
