//! How much each port, host and switch may ask of the controller: token buckets, what exceeds them, and who is to blame for that.
//! Knows nothing of what packets are for, nor of entries.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use net::{Dpid, EtherType, Location, MacAddr, Time};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::event::Limit;
use crate::settings::Rates;

/// Nanoseconds of a second: what a bucket holds, whatever its rate.
const SECOND: u64 = 1_000_000_000;
/// Ports with buckets of their own. A switch can make ports up; what is beyond this shares the limit of its switch alone.
const PORTS: usize = 65_536;
/// Ports that are remembered though they have been idle, for what was dropped there.
const PORTS_KEPT: usize = 8192;
/// Hosts with buckets of their own; others share the limit of their port alone.
const HOSTS: usize = 65_536;
/// Limits told of at one time; others are counted and not told.
const TOLD: usize = 4096;
/// How long a port must exceed its limits before its switch is to drop.
const SUSTAINED: Duration = Duration::from_secs(1);
/// Without anything in excess for so long, it begins anew.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a switch drops for the first time, in seconds; twice as long each time after that.
const FIRST: u16 = 2;
/// And at most.
const LONGEST: u16 = 8;
/// Without anything in excess for so long, it is the first time again.
const FORGIVEN: Duration = Duration::from_secs(30);
/// The part of a port's packets that ARP and EAPOL have to themselves: one over this.
const RESERVE: u32 = 4;

/// Types of VLAN tags (IEEE 802.1Q §9.6).
const TAGGED: u16 = 0x8100;
const TAGGED_TWICE: u16 = 0x88a8;
/// What is below is a length (IEEE 802.3 §3.2.6); the type that entries match it by.
const FIRST_TYPE: u16 = 0x0600;
const NO_TYPE: u16 = 0x05ff;

/// Tokens that refill with time (the generic cell rate algorithm, ITU-T I.371 Annex A): when it is full again, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket(u64);

impl Bucket {
    /// Takes one token, if there is one; a bucket holds those of a second.
    pub(crate) fn take(&mut self, per_second: u32, now: Time) -> bool {
        self.pay(1, price(per_second), now)
    }

    /// Takes as many, if there is one: what is too many is missing afterwards.
    pub(crate) fn take_many(&mut self, count: usize, per_second: u32, now: Time) -> bool {
        self.pay(count, price(per_second), now)
    }

    fn pay(&mut self, count: usize, cost: u64, now: Time) -> bool {
        let now = nanos(now);
        let full = self.0.max(now);
        let room = full - now + cost <= SECOND;
        if room {
            self.0 = full.saturating_add(cost.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX)));
        }
        room
    }

    /// True if it has a token.
    pub(crate) fn has(&self, per_second: u32, now: Time) -> bool {
        let now = nanos(now);
        self.0.max(now) - now + SECOND / u64::from(per_second.max(1)) <= SECOND
    }

    fn is_full(self, now: Time) -> bool {
        self.0 <= nanos(now)
    }
}

/// What a token costs at a rate, in nanoseconds.
fn price(per_second: u32) -> u64 {
    SECOND / u64::from(per_second.max(1))
}

/// What tokens cost at some rates, in nanoseconds each: they are taken more often than divided by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    rates: Rates,
    host: u64,
    port: u64,
    switch: u64,
    trunk: u64,
}

/// What packets and flows cost of their limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PriceList {
    pub(crate) packets: Prices,
    pub(crate) flows: Prices,
}

impl From<Rates> for Prices {
    fn from(rates: Rates) -> Prices {
        let all = [rates.per_host, rates.per_port, rates.per_switch, of_trunk(rates)];
        let [host, port, switch, trunk] = all.map(price);
        Prices { rates, host, port, switch, trunk }
    }
}

/// What comes from beyond leaves half of the switch to those who are at it.
fn of_trunk(rates: Rates) -> u32 {
    (rates.per_switch / 2).max(1)
}

fn nanos(time: Time) -> u64 {
    time.0.saturating_mul(1000)
}

/// Who sent a frame, and of which kind it is, as far as its first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) mac: MacAddr,
    pub(crate) kind: EtherType,
}

impl Sender {
    /// Nothing for a frame without an Ethernet header. The kind is what an entry would match: that behind a VLAN tag, and one for
    /// all frames that have a length in its place (OpenFlow 1.0 §5.2.3).
    pub(crate) fn of(frame: &[u8]) -> Option<Sender> {
        let [_, _, _, _, _, _, a, b, c, d, e, f, high, low, ref rest @ ..] = *frame else { return None };
        let kind = match (u16::from_be_bytes([high, low]), rest) {
            (TAGGED | TAGGED_TWICE, [_, _, high, low, ..]) => u16::from_be_bytes([*high, *low]),
            (kind, _) => kind,
        };
        let kind = if kind < FIRST_TYPE { NO_TYPE } else { kind };
        Some(Sender { mac: MacAddr([a, b, c, d, e, f]), kind: EtherType(kind) })
    }
}

/// What a port is, for its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Hosts are there: each has its limit, and all together have one.
    Edge,
    /// Many are behind it: switches, middleboxes, the internet. It has half of what its switch has.
    Trunk,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Packets that come up.
    Packet,
    /// New flows, to be decided.
    Flow,
}

/// Who is to blame for what a port sends too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// One sender: others at the port are not touched.
    Host(MacAddr),
    /// Many senders, and one kind of frames: others are not touched.
    Kind(EtherType),
    /// The port.
    Port,
}

/// Packets and flows.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    packets: Bucket,
    flows: Bucket,
}

impl Load {
    fn of(&mut self, asked: Asked) -> &mut Bucket {
        match asked {
            Asked::Packet => &mut self.packets,
            Asked::Flow => &mut self.flows,
        }
    }

    fn is_idle(&self, now: Time) -> bool {
        self.packets.is_full(now) && self.flows.is_full(now)
    }
}

#[derive(Clone, Debug, Default)]
struct Port {
    load: Load,
    /// What ARP and EAPOL have when the rest is used up.
    reserve: Bucket,
    /// What exceeds, while it does.
    excess: Option<Excess>,
    /// When anything exceeded last.
    strained: Time,
    /// Until when the switch drops something of it.
    shut: Time,
    /// For how long it did last, in seconds.
    seconds: u16,
    /// Packets dropped here since the start.
    dropped: u64,
}

/// What a port sends too much, with the sender and the kind that may have sent most of it (the vote of Boyer and Moore).
#[derive(Clone, Copy, Debug)]
struct Excess {
    since: Time,
    last: Time,
    count: u32,
    host: (MacAddr, u32),
    kind: (EtherType, u32),
}

impl Excess {
    fn new(now: Time, sender: Sender) -> Excess {
        Excess { since: now, last: now, count: 0, host: (sender.mac, 0), kind: (sender.kind, 0) }
    }

    fn count(&mut self, sender: Sender, now: Time) {
        self.last = now;
        self.count = self.count.saturating_add(1);
        vote(&mut self.host, sender.mac);
        vote(&mut self.kind, sender.kind);
    }

    /// One that leads by a half has sent at least that.
    fn blame(&self) -> Blame {
        let half = self.count / 2;
        if self.host.1 >= half {
            Blame::Host(self.host.0)
        } else if self.kind.1 >= half {
            Blame::Kind(self.kind.0)
        } else {
            Blame::Port
        }
    }
}

fn vote<T: PartialEq>(leader: &mut (T, u32), one: T) {
    if leader.1 == 0 {
        *leader = (one, 1);
    } else if leader.0 == one {
        leader.1 = leader.1.saturating_add(1);
    } else {
        leader.1 -= 1;
    }
}

#[derive(Clone, Copy, Debug)]
struct Told {
    last: Time,
    untold: u64,
}

/// Where the buckets of a host, its port and its switch are, until some are forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buckets {
    /// How often some had been forgotten by then.
    as_of: u32,
    /// Nothing while the host has none of its own.
    host: Option<u32>,
    /// Nothing where there are too many ports.
    port: Option<u32>,
    switch: u32,
}

/// Where the buckets are that a sender's packets are taken from, for as long as nothing else is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    buckets: Buckets,
    at: Location,
    scope: Scope,
    sender: Sender,
}

/// The buckets of all.
#[derive(Debug)]
pub(crate) struct Limits {
    ports: IndexMap<Location, Port, FixedState>,
    hosts: IndexMap<(Location, MacAddr), Load, FixedState>,
    switches: IndexMap<Dpid, Load, FxBuildHasher>,
    /// Frames out of many ports: in all, and by switch.
    copies: Bucket,
    copies_of: FxHashMap<Dpid, Bucket>,
    told: HashMap<(Location, Limit), Told, FixedState>,
    next_ageing: Time,
    /// How often buckets were forgotten.
    forgotten: u32,
}

impl Limits {
    /// Nobody has asked for anything; the seed keeps senders from choosing addresses that collide.
    pub(crate) fn new(seed: u64) -> Limits {
        let hasher = FixedState::with_seed(seed.rotate_left(8));
        Limits {
            ports: IndexMap::with_hasher(hasher.clone()),
            hosts: IndexMap::with_hasher(hasher.clone()),
            switches: IndexMap::default(),
            copies: Bucket::default(),
            copies_of: FxHashMap::default(),
            told: HashMap::with_hasher(hasher),
            next_ageing: Time(0),
            forgotten: 0,
        }
    }

    /// Something is asked for because of this sender at this port: the limit that it exceeds, if it does.
    pub(crate) fn ask(
        &mut self,
        asked: Asked,
        (at, scope): (Location, Scope),
        sender: Sender,
        prices: &Prices,
        now: Time,
    ) -> Result<(), Limit> {
        let account = self.account((at, scope), sender);
        self.take(account, asked, prices, now)
    }

    /// Finds the buckets of a sender at a port.
    pub(crate) fn account(&mut self, (at, scope): (Location, Scope), sender: Sender) -> Account {
        let host = if scope == Scope::Edge { self.hosts.get_index_of(&(at, sender.mac)) } else { None };
        let port = match self.ports.get_index_of(&at) {
            None if self.ports.len() < PORTS => Some(self.ports.insert_full(at, Port::default()).0),
            known => known,
        };
        let switch = match self.switches.get_index_of(&at.dpid) {
            Some(known) => known,
            None => self.switches.insert_full(at.dpid, Load::default()).0,
        };
        let small = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let buckets = Buckets { as_of: self.forgotten, host: host.map(small), port: port.map(small), switch: small(switch) };
        Account { buckets, at, scope, sender }
    }

    /// The same for a sender at a port of hosts, where its buckets may have been found before; they are told then.
    pub(crate) fn account_again(&mut self, known: &mut Option<Buckets>, at: Location, sender: Sender) -> Account {
        let complete = |one: &&mut Buckets| one.as_of == self.forgotten && one.host.is_some() && one.port.is_some();
        if let Some(buckets) = known.as_mut().filter(complete) {
            return Account { buckets: *buckets, at, scope: Scope::Edge, sender };
        }
        let account = self.account((at, Scope::Edge), sender);
        *known = Some(account.buckets);
        account
    }

    /// Reads what is about to be taken from; what it is means nothing.
    pub(crate) fn glimpse(&self, buckets: &Buckets) -> u64 {
        let host = buckets.host.and_then(|index| self.hosts.get_index(index as usize)).map_or(0, |(_, load)| load.packets.0);
        let port = buckets.port.and_then(|index| self.ports.get_index(index as usize));
        host ^ port.map_or(0, |(_, port)| port.load.packets.0)
    }

    /// Takes one: the limit that it exceeds, if it does. A host is stopped by its own limit before it uses up that of its port, and a
    /// port before that of its switch.
    pub(crate) fn take(&mut self, account: Account, asked: Asked, prices: &Prices, now: Time) -> Result<(), Limit> {
        let Account { buckets: Buckets { host, port, switch, .. }, at, scope, sender } = account;
        let host = host.and_then(|index| self.hosts.get_index_mut(index as usize)).map(|(_, load)| load);
        let known = host.is_some();
        if host.is_some_and(|load| !load.of(asked).pay(1, prices.host, now)) {
            return Err(asked.limit_of_host());
        }
        let (rate, price, limit) = match scope {
            Scope::Edge => (prices.rates.per_port, prices.port, asked.limit_of_port()),
            Scope::Trunk => (of_trunk(prices.rates), prices.trunk, asked.limit_of_switch()),
        };
        let port = port.and_then(|index| self.ports.get_index_mut(index as usize));
        if port.is_some_and(|(_, port)| !port.take(asked, sender.kind, (rate, price), now)) {
            return Err(limit);
        }
        let switch = self.switches.get_index_mut(switch as usize);
        if switch.is_some_and(|(_, load)| !load.of(asked).pay(1, prices.switch, now)) {
            return Err(asked.limit_of_switch());
        }
        if scope == Scope::Edge && !known && self.hosts.len() < HOSTS {
            self.hosts.entry((at, sender.mac)).or_default().of(asked).pay(1, prices.host, now);
        }
        Ok(())
    }

    /// A frame is to go out of these ports, those of each switch together: out of all of them, or of none. The limit that is used
    /// up, if one is. What is more than a second's worth may go, and is missing afterwards.
    pub(crate) fn copy(&mut self, ports: &[Location], (all, of_one): (u32, u32), now: Time) -> Result<(), Limit> {
        if !self.copies.has(all, now) {
            return Err(Limit::Copies);
        }
        let by_switch = || ports.chunk_by(|one, other| one.dpid == other.dpid);
        let used_up = |own: &[Location]| {
            let bucket = own.first().and_then(|at| self.copies_of.get(&at.dpid));
            bucket.is_some_and(|bucket| !bucket.has(of_one, now))
        };
        if by_switch().any(used_up) {
            return Err(Limit::CopiesOfSwitch);
        }
        self.copies.take_many(ports.len(), all, now);
        for own in by_switch() {
            if let Some(at) = own.first() {
                self.copies_of.entry(at.dpid).or_default().take_many(own.len(), of_one, now);
            }
        }
        Ok(())
    }

    /// A packet is dropped here for a limit. Who is to be dropped by the switch, if the port has been exceeding its limits for
    /// long enough, and for how many seconds.
    pub(crate) fn exceeded(&mut self, at: Location, sender: Sender, now: Time) -> Option<(Blame, u16)> {
        let port = self.port(at)?;
        port.dropped += 1;
        if now.since(port.strained) >= FORGIVEN {
            port.seconds = 0;
        }
        port.strained = now;
        let excess = port.excess.get_or_insert(Excess::new(now, sender));
        if now.since(excess.last) >= PAUSE {
            *excess = Excess::new(now, sender);
        }
        excess.count(sender, now);
        if now.since(excess.since) < SUSTAINED {
            return None;
        }
        let blame = excess.blame();
        port.excess = None;
        Some((blame, port.shut_again(now)))
    }

    /// A port is to be shut for a sender at once: for how many seconds.
    pub(crate) fn shut_at_once(&mut self, at: Location, now: Time) -> Option<u16> {
        let port = self.port(at)?;
        if now.since(port.strained) >= FORGIVEN {
            port.seconds = 0;
        }
        port.strained = now;
        Some(port.shut_again(now))
    }

    fn port(&mut self, at: Location) -> Option<&mut Port> {
        if self.ports.len() >= PORTS && !self.ports.contains_key(&at) {
            return None;
        }
        Some(self.ports.entry(at).or_default())
    }

    /// True while something of a port is dropped for a limit, or was a moment ago: what it does not say proves nothing.
    pub(crate) fn is_strained(&self, at: Location, now: Time) -> bool {
        self.ports
            .get(&at)
            .is_some_and(|port| port.shut > now || (port.strained > Time(0) && now.since(port.strained) < SUSTAINED))
    }

    /// Packets dropped at a port for a limit since the start.
    pub(crate) fn dropped(&self, at: Location) -> u64 {
        self.ports.get(&at).map_or(0, |port| port.dropped)
    }

    /// A limit was reached. How often since it was told last, if it is time to tell: the first time, and once a second.
    pub(crate) fn reached(&mut self, at: Location, what: Limit, now: Time) -> Option<u64> {
        if let Some(told) = self.told.get_mut(&(at, what)) {
            told.untold += 1;
            if now.since(told.last) < Duration::from_secs(1) {
                return None;
            }
            told.last = now;
            return Some(std::mem::take(&mut told.untold));
        }
        if self.told.len() >= TOLD {
            return None;
        }
        self.told.insert((at, what), Told { last: now, untold: 0 });
        Some(1)
    }

    /// Forgets who has not asked for anything for a while. What is left to tell of limits that are no longer reached.
    pub(crate) fn age(&mut self, now: Time) -> Vec<(Location, Limit, u64)> {
        if now < self.next_ageing {
            return Vec::new();
        }
        self.next_ageing = now.after(Duration::from_secs(1));
        self.forgotten = self.forgotten.wrapping_add(1);
        self.hosts.retain(|_, load| !load.is_idle(now));
        self.switches.retain(|_, load| !load.is_idle(now));
        self.copies_of.retain(|_, bucket| !bucket.is_full(now));
        if self.ports.len() > PORTS_KEPT {
            self.ports.retain(|_, port| !port.load.is_idle(now) || port.shut > now);
        }
        let over = |told: &Told| now.since(told.last) >= Duration::from_secs(1);
        let rest = self.told.iter().filter(|(_, told)| over(told) && told.untold > 0);
        let mut rest: Vec<(Location, Limit, u64)> = rest.map(|((at, what), told)| (*at, *what, told.untold)).collect();
        rest.sort_unstable();
        self.told.retain(|_, told| !over(told));
        rest
    }

    #[cfg(test)]
    fn sizes(&self) -> [usize; 4] {
        [self.ports.len(), self.hosts.len(), self.switches.len(), self.told.len()]
    }
}

impl Port {
    fn take(&mut self, asked: Asked, kind: EtherType, (rate, price): (u32, u64), now: Time) -> bool {
        let reserved = asked == Asked::Packet && matches!(kind, EtherType::ARP | EtherType::EAPOL);
        self.load.of(asked).pay(1, price, now) || (reserved && self.reserve.take((rate / RESERVE).max(1), now))
    }

    /// Is dropped by its switch from now on; longer, if it was a moment ago.
    fn shut_again(&mut self, now: Time) -> u16 {
        self.seconds = if self.seconds == 0 { FIRST } else { (self.seconds * 2).min(LONGEST) };
        self.shut = now.after(Duration::from_secs(self.seconds.into()));
        self.seconds
    }
}

impl Asked {
    fn limit_of_host(self) -> Limit {
        match self {
            Asked::Packet => Limit::PacketsOfHost,
            Asked::Flow => Limit::FlowsOfHost,
        }
    }

    fn limit_of_port(self) -> Limit {
        match self {
            Asked::Packet => Limit::PacketsOfPort,
            Asked::Flow => Limit::FlowsOfPort,
        }
    }

    fn limit_of_switch(self) -> Limit {
        match self {
            Asked::Packet => Limit::PacketsOfSwitch,
            Asked::Flow => Limit::FlowsOfSwitch,
        }
    }
}

#[cfg(test)]
mod tests;
