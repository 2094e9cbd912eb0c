//! The harness of the scenario suites: an emulated network and the runtime, joined without sockets, under simulated time.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use emulator::campus::Campus;
use emulator::host::{ConversationId, Host};
use emulator::network::{Network, NodeId};
use emulator::switch::SwitchConfig;
use lang::checked::Checked;
use lang::import::{LoadError, Loader};
use net::{Dpid, Location, PortNo, Time};
use runtime::{ConnId, Controller, Effects, Event, Input, Peer, Settings};

/// How often the runtime sees the clock.
const TICK: Duration = Duration::from_millis(50);
/// How long a frame takes from port to port.
const LATENCY: Duration = Duration::from_micros(50);
/// When simulated time starts: a moment in 2026.
const START: Time = Time(1_790_000_000_000_000);

/// A network with a runtime in charge of it.
pub struct World {
    /// The emulated network.
    pub network: Network,
    /// The runtime; nothing while the daemon is dead.
    pub controller: Option<Controller>,
    /// Another in the same world, without the short way to a decision: it must say the same.
    twin: Option<Controller>,
    /// What happened since it was last looked at.
    pub events: Vec<Event>,
    /// How long messages of a switch are under way to the daemon, where that is not at once.
    pub lag: BTreeMap<Dpid, Duration>,
    late: VecDeque<(Time, ConnId, BytesMut)>,
    policy: Arc<Checked>,
    connections: BTreeMap<Dpid, ConnId>,
    next_conn: u64,
    next_tick: Time,
    epoch: u64,
    settings: Settings,
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// A folder of the corpus of others' data; nothing where no corpus is given.
///
/// # Panics
/// The corpus lacks the folder.
#[must_use]
pub fn corpus(folder: &str) -> Option<PathBuf> {
    let folder = Path::new(&std::env::var_os("PENTANE_CORPUS")?).join(folder);
    assert!(folder.is_dir(), "the corpus has no folder {}", folder.display());
    Some(folder)
}

/// The files of a folder and of the folders in it whose names end with this, in order.
///
/// # Panics
/// A folder cannot be read.
#[must_use]
#[expect(clippy::panic, reason = "a harness fails its test")]
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found
}

/// Files in memory, by name.
struct Texts<'a>(&'a [(&'a str, String)]);

impl Loader for Texts<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.clone().into_bytes()).ok_or(LoadError::NotFound)
    }
}

/// A checked policy from texts; the first is the entry.
///
/// # Panics
/// The policy has errors.
#[must_use]
#[expect(clippy::panic, reason = "a harness fails its test")]
pub fn policy(texts: &[(&str, String)]) -> Arc<Checked> {
    let entry = texts.first().map_or("", |(name, _)| *name);
    let read = lang::import::load(&[entry], &Texts(texts));
    let (checked, found) = lang::check::check(&read.sources, &read.policy, read.diagnostics);
    match checked {
        Some(checked) => Arc::new(checked),
        None => {
            let lines: Vec<String> = found.iter().map(|one| lang::report::concise(one, &read.sources)).collect();
            panic!("the policy has errors:\n{}", lines.join("\n"));
        }
    }
}

/// Text of a shipped policy.
///
/// # Panics
/// There is no such file.
#[must_use]
#[expect(clippy::panic, reason = "a harness fails its test")]
pub fn shipped(path: &str) -> String {
    let path = repository().join("policies").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The inventory of the emulated campus with four switches: what `policies/campus` declares, two switches more, and the router.
#[must_use]
pub fn inventory() -> String {
    shipped("campus/inventory.pol")
        + "switch edge2 { dpid 0x2; access 1-24; uplink 25-26; }\nswitch core2 { dpid 0x11; uplink 1-8; access 9-48; }\n"
}

/// The shipped campus policy over that inventory.
#[must_use]
pub fn campus_policy() -> Arc<Checked> {
    policy(&[("campus.pol", shipped("campus/campus.pol")), ("inventory.pol", inventory())])
}

/// These rules over that inventory.
#[must_use]
pub fn rules(text: &str) -> Arc<Checked> {
    let text = format!("include \"inventory.pol\";\n{text}");
    policy(&[("test.pol", text), ("inventory.pol", inventory())])
}

/// The port `port` of switch `dpid`.
#[must_use]
pub fn at(dpid: u64, port: u32) -> Location {
    Location::new(Dpid(dpid), PortNo(port))
}

/// What the short way to a decision comes to is what the long one does.
fn assert_same(short: &Effects, long: &Effects) {
    assert_eq!(format!("{:?}", short.events), format!("{:?}", long.events), "the short way tells something else");
    for conn in short.sends.keys().chain(long.sends.keys()) {
        let said = |effects: &Effects| effects.sends.get(conn).filter(|bytes| !bytes.is_empty()).cloned();
        assert_eq!(said(short), said(long), "the short way says something else to {conn:?}");
    }
    assert_eq!(short.closes, long.closes);
}

impl World {
    /// The campus with four switches that speak these versions, under this policy, after links are found.
    #[must_use]
    pub fn campus(policy: Arc<Checked>, versions: &[u8]) -> World {
        World::campus_with(policy, versions, Settings::default())
    }

    /// The same with settings of its own; keys and epoch are the harness's.
    #[must_use]
    pub fn campus_with(policy: Arc<Checked>, versions: &[u8], settings: Settings) -> World {
        World::started(&Campus::ethane(4).speaking(versions), policy, settings)
    }

    /// The network of a plan under this policy, after links are found.
    #[must_use]
    pub fn over(plan: &Campus, policy: Arc<Checked>) -> World {
        World::over_with(plan, policy, Settings::default())
    }

    /// The same with settings of its own.
    #[must_use]
    pub fn over_with(plan: &Campus, policy: Arc<Checked>, settings: Settings) -> World {
        World::started(plan, policy, settings)
    }

    /// The campus where everybody may talk, with room for so many entries in each table of `edge1`.
    #[must_use]
    pub fn cramped(versions: &[u8], capacity: usize, settings: Settings) -> World {
        let edge = Dpid(0x1);
        let mut world = World::campus_with(rules("default allow;"), versions, settings);
        world.disconnect(edge);
        world.network.add_switch(SwitchConfig { versions: versions.to_vec(), capacity, ..SwitchConfig::new(edge, 26) });
        world.network.link(at(0x1, 25), at(0x10, 1));
        world.network.link(at(0x1, 26), at(0x11, 1));
        for (name, port) in [("griffin", 1), ("glaptop", 3), ("rlaptop", 4), ("gphone", 5), ("rphone", 6)] {
            let node = world.node(name);
            world.network.move_node(node, at(0x1, port));
        }
        world.connect(edge);
        world.run(Duration::from_secs(4));
        world
    }

    fn started(plan: &Campus, policy: Arc<Checked>, settings: Settings) -> World {
        let network = plan.build(START, LATENCY);
        let mut world = World {
            network,
            controller: None,
            twin: None,
            events: Vec::new(),
            lag: BTreeMap::new(),
            late: VecDeque::new(),
            policy,
            connections: BTreeMap::new(),
            next_conn: 0,
            next_tick: START,
            epoch: 1_790_000_000,
            settings,
        };
        world.start_daemon();
        world.run(Duration::from_secs(2));
        world
    }

    /// The daemon starts, and every switch connects to it.
    ///
    /// # Panics
    /// The policy does not compile.
    #[expect(clippy::expect_used, reason = "a harness fails its test")]
    pub fn start_daemon(&mut self) {
        self.epoch += 1;
        let settings = Settings { epoch: self.epoch, probe_key: [self.epoch.to_le_bytes()[0]; 32], ..self.settings.clone() };
        let now = self.network.now();
        let twin = Settings { fast: false, ..settings.clone() };
        self.twin = Some(Controller::new(self.policy.clone(), twin, now).expect("the policy compiles"));
        self.controller = Some(Controller::new(self.policy.clone(), settings, now).expect("the policy compiles"));
        self.next_tick = now;
        let dpids: Vec<Dpid> = self.network.switches().map(emulator::Switch::dpid).collect();
        for dpid in dpids {
            self.connect(dpid);
        }
    }

    /// The daemon dies; switches keep their entries.
    pub fn kill_daemon(&mut self) {
        (self.controller, self.twin) = (None, None);
        for dpid in std::mem::take(&mut self.connections).into_keys() {
            self.network.disconnect(dpid);
        }
    }

    /// A switch connects.
    pub fn connect(&mut self, dpid: Dpid) {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.connections.insert(dpid, conn);
        self.network.connect(dpid);
        // The host part counts connections up.
        let address = Ipv4Addr::from_bits(0x0a63_0000 + u32::try_from(conn.0).unwrap_or(0));
        let peer = Peer::plain((address, 40_000).into());
        self.step(Input::Connected(conn, peer));
        self.exchange();
    }

    /// The control connection of a switch breaks.
    pub fn disconnect(&mut self, dpid: Dpid) {
        self.network.disconnect(dpid);
        if let Some(conn) = self.connections.remove(&dpid) {
            self.step(Input::Closed(conn));
        }
    }

    /// Another policy comes into force.
    pub fn apply(&mut self, policy: Arc<Checked>) {
        self.policy = policy.clone();
        self.step(Input::Policy(policy));
        self.exchange();
    }

    /// The daemon dies, and comes back with another policy.
    pub fn apply_while_dead(&mut self, policy: Arc<Checked>) {
        self.kill_daemon();
        self.policy = policy;
        self.start_daemon();
    }

    /// Lets simulated time pass.
    pub fn run(&mut self, duration: Duration) {
        let until = self.network.now().after(duration);
        while self.network.now() < until {
            let stop = until.min(self.next_tick.max(self.network.now()));
            self.deliver_late();
            if !self.network.step(stop) && self.network.now() >= self.next_tick {
                self.next_tick = self.network.now().after(TICK);
                self.step(Input::Tick);
            }
            self.exchange();
        }
    }

    /// Hands over what has been under way for long enough.
    fn deliver_late(&mut self) {
        let now = self.network.now();
        let (due, rest): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(due, ..)| *due <= now);
        self.late = rest;
        for (_, conn, bytes) in due {
            if self.connections.values().any(|known| *known == conn) {
                self.step(Input::Received(conn, bytes));
            }
        }
    }

    /// Hands messages over in both directions until there are none.
    fn exchange(&mut self) {
        loop {
            let arrived: Vec<_> = self.network.to_controller().collect();
            if arrived.is_empty() {
                return;
            }
            for (dpid, bytes) in arrived {
                if let Some(conn) = self.connections.get(&dpid).copied() {
                    let bytes = BytesMut::from(bytes.as_ref());
                    // What is under way stays ahead of what comes later.
                    let behind = self.late.iter().rev().find(|(_, other, _)| *other == conn).map(|(due, ..)| *due);
                    let lag = self.lag.get(&dpid).map(|lag| self.network.now().after(*lag));
                    match lag.max(behind) {
                        Some(due) => self.late.push_back((due, conn, bytes)),
                        None => self.step(Input::Received(conn, bytes)),
                    }
                }
            }
        }
    }

    /// One step of the runtime, with its effects carried out.
    pub fn step(&mut self, input: Input) {
        let now = self.network.now();
        let Some(controller) = &mut self.controller else { return };
        let mut effects = Effects::default();
        if let Some(twin) = &mut self.twin {
            let mut others = Effects::default();
            twin.step(input.clone(), now, &mut others);
            controller.step(input, now, &mut effects);
            assert_same(&effects, &others);
        } else {
            controller.step(input, now, &mut effects);
        }
        self.events.append(&mut effects.events);
        let dpids: BTreeMap<ConnId, Dpid> = self.connections.iter().map(|(dpid, conn)| (*conn, *dpid)).collect();
        for (conn, bytes) in effects.sends {
            if let Some(dpid) = dpids.get(&conn) {
                self.network.from_controller(*dpid, &bytes, now);
            }
        }
        for conn in effects.closes {
            if let Some(dpid) = dpids.get(&conn) {
                self.network.disconnect(*dpid);
                self.connections.remove(dpid);
            }
        }
    }

    /// The node with this name.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    #[expect(clippy::panic, reason = "a harness fails its test")]
    pub fn node(&self, name: &str) -> NodeId {
        self.network.find(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    /// The host with this name.
    ///
    /// # Panics
    /// There is none.
    #[expect(clippy::expect_used, reason = "a harness fails its test")]
    pub fn host(&mut self, name: &str) -> &mut Host {
        let id = self.node(name);
        self.network.host_mut(id).expect("the node is a host")
    }

    /// The IP address of a host or of the gateway.
    ///
    /// # Panics
    /// The node has none.
    #[must_use]
    #[expect(clippy::panic, reason = "a harness fails its test")]
    pub fn ip(&self, name: &str) -> Ipv4Addr {
        let id = self.node(name);
        match (self.network.host(id), self.network.gateway(id)) {
            (Some(host), _) => host.ip(),
            (None, Some(gateway)) => gateway.ip(),
            (None, None) => panic!("{name} has no address"),
        }
    }

    /// A host opens a TCP connection, sends, and closes; true if it was answered.
    pub fn tcp(&mut self, from: &str, to: Ipv4Addr, port: u16) -> bool {
        let now = self.network.now();
        let id = self.host(from).open_tcp(to, port, now);
        self.settle(from, id)
    }

    /// A host pings; true if it was answered.
    pub fn ping(&mut self, from: &str, to: Ipv4Addr) -> bool {
        let now = self.network.now();
        let id = self.host(from).ping(to, now);
        self.settle(from, id)
    }

    /// Waits until a conversation has an outcome; true if it succeeded.
    pub fn settle(&mut self, from: &str, id: ConversationId) -> bool {
        for _ in 0..200 {
            self.run(Duration::from_millis(50));
            let outcome = self.host(from).outcome(id);
            if outcome.is_success() || outcome.is_failure() {
                return outcome.is_success();
            }
        }
        false
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}
