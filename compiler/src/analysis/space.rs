//! The space of all flows that there can be under a policy: attributes, the classes of their values, and which combinations of
//! them no flow has. Knows nothing of what rules do.
//!
//! A value that no test of the policy tells from another is of its class. What is forbidden here is what no view and no packet
//! can bring about; every row says why. A row too few finds flows that cannot be; a row too many proves what is not so.

mod areas;
mod asked;
mod forbidden;
mod likeness;
mod present;
mod settled;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use indexmap::IndexSet;
use lang::checked::{Checked, GatewayId, GroupId, HeaderTest, HostId, Kind, TimeTest, UserId};
use lang::flow::{End, Headers, Person, Place, Side};
use net::{Location, MacAddr, Time, Transport, VlanTag};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::area::{Area, Attr, Bits};
use super::packets::Cuts;
use crate::label::{LabelId, Labels, Record};
use crate::view::View;
use asked::{Asked, conditions, part_of, plain_groups, times};
use forbidden::Range;
pub(super) use settled::Near;
use settled::{Settled, Sorted};

/// More areas than this make a condition too complex to be analysed.
pub(super) const MAX_AREAS: usize = 4_096;

/// How many words of areas are made of all conditions, those that are on the way to others included.
const MAX_MADE: usize = 100_000_000;

/// More groups that others fill are too many: each is an attribute of both ends.
const MAX_DYNAMIC: usize = 1_000;

/// A condition comes apart into too many areas, or more is told apart than can be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooComplex;

/// Who an end is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A declared host, by one of its MAC addresses: any of these.
    Hosts(Vec<(HostId, MacAddr)>),
    /// A machine on the site that is not declared; a MAC address where rules tell by it.
    Stranger(Option<MacAddr>),
    /// A gateway itself.
    Gateway(GatewayId),
    /// Beyond a gateway.
    Internet(Option<GatewayId>),
    /// Everyone.
    Broadcast,
    /// A group address.
    Multicast,
    /// The controller.
    Controller,
}

/// Addresses that no test tells apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// One of them, or none at all.
    pub(super) sample: Option<IpAddr>,
    /// Those that hosts have registered; empty where nobody has.
    pub(super) registered: Vec<(HostId, IpAddr)>,
    /// True if all machines of a declared network have it, too: the last address of it.
    pub(super) directed: bool,
}

/// Who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Declared(UserId),
    Stranger,
}

/// The labels of an address, what it can be of, whether it is IPv6, and whether all machines of a network have it.
type Told = (Record, Range, bool, bool);

/// For a group, at one end, the areas of those that are members, or are not.
type OfGroups = FxHashMap<(GroupId, Side, bool), Result<Rc<[Area]>, TooComplex>>;

/// For an end of a class what is left to ask of it; nothing where there is no such end.
type OfEnds = FxHashMap<(Side, usize), Option<Rc<Settled>>>;

/// All attributes with their classes, and what cannot be.
#[derive(Debug)]
pub(crate) struct Space<'a> {
    pub(super) policy: &'a Checked,
    /// The one view that is meant; nothing: all that there can be.
    view: Option<&'a View>,
    /// Views whose stations are told apart: the one, and such as it is compared with.
    told: Vec<&'a View>,
    labels: Labels,
    pub(super) logins: Vec<Login>,
    pub(super) whos: Vec<Who>,
    /// The MAC address of each class of who an end is, where it says one and [`Who`] does not.
    pub(super) macs: Vec<Option<MacAddr>>,
    pub(super) places: Vec<Option<Location>>,
    pub(super) addresses: Vec<Addresses>,
    pub(super) packets: Vec<Headers>,
    /// How much each class of packets counts for in shares, and all of them.
    weights: Vec<f64>,
    weight: f64,
    pub(super) tags: Vec<Option<VlanTag>>,
    pub(super) dscps: Vec<u8>,
    pub(super) sources: Vec<u16>,
    pub(super) times: Vec<Option<Time>>,
    /// Dynamic groups that some condition asks about.
    pub(super) dynamic: Vec<GroupId>,
    records: [Vec<Record>; 4],
    /// For each part of an end the classes that have a label.
    holders: [FxHashMap<LabelId, Vec<u32>>; 4],
    /// For each test of headers, the source port and the DSCP left out, the classes that pass it.
    passing: FxHashMap<HeaderTest, Bits>,
    /// Packets with ports, and with an IP header.
    with_ports: Bits,
    ip: Bits,
    /// For each test of the time the classes that pass it.
    moments: FxHashMap<TimeTest, Bits>,
    /// The areas of groups that have been asked for.
    of_groups: RefCell<OfGroups>,
    /// How many words of areas may still be made.
    left: Cell<usize>,
    /// For each group the one attribute of an end that decides it; nothing where there are several.
    plain: Vec<Option<usize>>,
    pub(super) forbidden: Vec<Area>,
    /// The same, by the end that they speak of.
    sorted: Sorted,
    /// Ends of which it has been found out what is left of those.
    settled: RefCell<OfEnds>,
    /// What can be, but is no good example: a host without the address that it has.
    pub(super) odd: Vec<Area>,
}

pub(super) const USER: usize = 0;
pub(super) const WHO: usize = 1;
pub(super) const AT: usize = 2;
pub(super) const ADDRESS: usize = 3;
const END: usize = 4;
pub(super) const PACKET: Attr = Attr(8);
pub(super) const TAG: Attr = Attr(9);
pub(super) const DSCP: Attr = Attr(10);
pub(super) const SOURCE: Attr = Attr(11);
pub(super) const TIME: Attr = Attr(12);
const DYNAMIC: u16 = 13;

/// The attribute of an end.
pub(super) fn end_attr(side: Side, part: usize) -> Attr {
    let first = if side == Side::Src { 0 } else { END };
    Attr(u16::try_from(first + part).unwrap_or(0))
}

const SIDES: [Side; 2] = [Side::Src, Side::Dst];

impl<'a> Space<'a> {
    /// The space of a policy's flows.
    ///
    /// # Errors
    /// More is told apart than can be worked with.
    pub(crate) fn new(policy: &'a Checked) -> Result<Space<'a>, TooComplex> {
        Space::over(policy, Cuts::default(), None, &[])
    }

    /// The same in one view: machines of the site are the stations that it knows, each where it is, with what it has, and with the
    /// users who are logged in.
    ///
    /// # Errors
    /// As for the plain space.
    pub(crate) fn in_view(policy: &'a Checked, view: &'a View) -> Result<Space<'a>, TooComplex> {
        Space::over(policy, Cuts::default(), Some(view), &[view])
    }

    /// The same in one of several views: classes have the same numbers in all of them.
    ///
    /// # Errors
    /// As for the plain space.
    pub(super) fn in_view_of(policy: &'a Checked, view: &'a View, all: &[&'a View]) -> Result<Space<'a>, TooComplex> {
        Space::over(policy, Cuts::default(), Some(view), all)
    }

    /// The same with later fragments, which start no conversation and are judged all the same.
    ///
    /// # Errors
    /// As for the plain space.
    pub(crate) fn with_fragments(policy: &'a Checked) -> Result<Space<'a>, TooComplex> {
        Space::over(policy, Cuts::with_fragments(), None, &[])
    }

    fn over(policy: &'a Checked, cuts: Cuts, view: Option<&'a View>, told: &[&'a View]) -> Result<Space<'a>, TooComplex> {
        let plain = plain_groups(policy);
        let mut asked = Asked {
            policy,
            plain: &plain,
            labels: Labels::new(policy),
            cuts,
            times: IndexSet::default(),
            at: false,
            mac: false,
            address: false,
            groups: HashSet::new(),
            apart: HashSet::new(),
        };
        conditions(policy).for_each(|cond| asked.add(cond));
        policy.invariants.iter().for_each(|invariant| asked.add_fact(&invariant.fact));
        let asks_place =
            asked.at || view.is_some() || policy.groups.iter().any(|group| matches!(group.kind, Kind::Location | Kind::Switch));
        let asks_address = asked.address || view.is_some();
        if view.is_some() {
            present::may_lack_source().iter().for_each(|test| asked.cuts.add(test));
        }
        let mut packets = asked.cuts.packets()?;
        let asks_mac = asked.mac || policy.groups.iter().any(|group| group.kind == Kind::Mac);
        let tags = asked.cuts.tags();
        packets.passing.extend(asked.cuts.passing_tags(&tags)?);
        let size = packets.headers.len();
        let of = |wanted: fn(&Headers) -> bool| Bits::of(size, |class| packets.headers.get(class).is_some_and(wanted));
        let with_ports = of(|headers| matches!(headers.transport, Some(Transport::Ports { .. })));
        let ip = of(|headers| headers.proto.is_some());
        let times = times(policy, &asked.times)?;
        let mut space = Space {
            policy,
            view,
            told: told.to_vec(),
            labels: asked.labels,
            logins: Vec::new(),
            whos: Vec::new(),
            macs: Vec::new(),
            places: vec![None],
            addresses: vec![Addresses::default()],
            weight: packets.weights.iter().sum(),
            packets: packets.headers,
            weights: packets.weights,
            passing: packets.passing,
            with_ports,
            ip,
            tags,
            dscps: asked.cuts.dscps(),
            sources: asked.cuts.sources(),
            times: times.samples,
            moments: times.passing,
            holders: [const { FxHashMap::with_hasher(FxBuildHasher) }; 4],
            dynamic: (0..)
                .map(GroupId)
                .zip(&policy.groups)
                .filter(|(_, group)| group.dynamic.is_some())
                .map(|(id, _)| id)
                .collect(),
            records: [const { Vec::new() }; 4],
            of_groups: RefCell::default(),
            left: Cell::new(MAX_MADE),
            forbidden: Vec::new(),
            sorted: Sorted::default(),
            settled: RefCell::default(),
            odd: Vec::new(),
            plain: Vec::new(),
        };
        space.plain = plain;
        if space.dynamic.len() > MAX_DYNAMIC {
            return Err(TooComplex);
        }
        space.add_logins();
        space.add_whos(asks_mac);
        space.add_places(asks_place);
        if asks_address {
            space.add_addresses();
        } else {
            space.records[ADDRESS].push(space.record(&End::default(), None));
        }
        for (part, records) in space.holders.iter_mut().zip(&space.records) {
            for (class, record) in (0..).zip(records) {
                record.labels().iter().for_each(|label| part.entry(*label).or_default().push(class));
            }
        }
        space.forbid_all()?;
        Ok(space)
    }

    /// The one view that is meant.
    pub(super) fn view(&self) -> Option<&View> {
        self.view
    }

    /// How much it costs to look at one area, by order of magnitude: in words.
    pub(super) fn weight(&self) -> usize {
        (0..self.attributes()).map(|attr| self.size(Attr(u16::try_from(attr).unwrap_or(0))).div_ceil(64)).sum()
    }

    /// How much a guess costs, in words: what cannot be is looked through.
    pub(super) fn cost_of_guess(&self) -> usize {
        self.weight() + self.forbidden.len()
    }

    fn record(&self, end: &End, person: Option<&Person>) -> Record {
        self.labels.record(self.policy, end, person)
    }

    fn add_logins(&mut self) {
        let mut known: HashMap<Record, ()> = HashMap::new();
        let declared = (0..).map(UserId).zip(&self.policy.users).map(|(id, _)| Login::Declared(id));
        let all: Vec<Login> = [Login::Nobody].into_iter().chain(declared).chain([Login::Stranger]).collect();
        for login in all {
            let person = match login {
                Login::Nobody => None,
                Login::Declared(id) => Some(Person::declared(id)),
                Login::Stranger => Some(Person::default()),
            };
            let record = self.record(&End::default(), person.as_ref());
            // A user of whom nothing is asked is like one who is not declared; the declared one reads better.
            let is_new = known.insert(record.clone(), ()).is_none();
            if is_new || self.view.is_some() {
                self.logins.push(login);
                self.records[USER].push(record);
            }
        }
    }

    /// The class of a user who is logged in, declared or not, whatever the dynamic groups.
    pub(super) fn class_of_login(&self, user: Option<UserId>) -> Option<usize> {
        let wanted = user.map_or(Login::Stranger, Login::Declared);
        self.logins.iter().position(|login| *login == wanted).or_else(|| {
            let record = self.record(&End::default(), Some(&Person { user, groups: Vec::new() }));
            self.records[USER].iter().position(|other| *other == record)
        })
    }

    fn add_whos(&mut self, asks_mac: bool) {
        let policy = self.policy;
        let mut known: HashMap<(Record, Option<Location>, Option<MacAddr>), usize> = HashMap::new();
        for (id, host) in (0..).map(HostId).zip(&policy.hosts) {
            for mac in &host.macs {
                let end = End { host: Some(id), mac: Some(*mac), ..End::default() };
                let key = (self.record(&end, None), host.pin, self.view.map(|_| *mac));
                match known.get(&key) {
                    Some(place) => {
                        if let Some(Who::Hosts(hosts)) = self.whos.get_mut(*place) {
                            hosts.push((id, *mac));
                        }
                    }
                    None => {
                        known.insert(key.clone(), self.whos.len());
                        self.whos.push(Who::Hosts(vec![(id, *mac)]));
                        self.macs.push(None);
                        self.records[WHO].push(key.0);
                    }
                }
            }
        }
        let gateways: HashSet<MacAddr> = policy.gateways.iter().filter_map(|gateway| gateway.mac).collect();
        let declared = |mac: &MacAddr| policy.host_of_mac(*mac).is_some() || gateways.contains(mac);
        let (groups, named): (Vec<MacAddr>, Vec<MacAddr>) =
            self.labels.named_macs().into_iter().filter(|mac| !declared(mac)).partition(|mac| mac.is_multicast());
        let mut add = |who: Who, end: End| {
            let record = self.labels.record(policy, &end, None);
            // A host's MAC address is its own even where nobody asks; those of others count as far as they are told apart.
            let known = self.whos.iter().zip(&self.records[WHO]).any(|(other, known)| *other == who && *known == record);
            if !known {
                self.whos.push(who);
                self.macs.push(end.mac);
                self.records[WHO].push(record);
            }
        };
        let fresh = fresh_mac(policy, &named);
        // Whoever is no station may have any address that no station has.
        let any = |own: Option<MacAddr>, fresh: MacAddr, named: &[MacAddr]| -> Vec<Option<MacAddr>> {
            let others = named.iter().copied().chain([fresh]).map(Some).filter(|_| asks_mac);
            [own].into_iter().chain(others).collect()
        };
        add(Who::Stranger(asks_mac.then_some(fresh)), End { mac: Some(fresh), ..End::default() });
        for mac in named.iter().copied().filter(|mac| mac.is_unicast()) {
            add(Who::Stranger(Some(mac)), End { mac: Some(mac), ..End::default() });
        }
        for mac in self.told.iter().copied().flat_map(present::strangers) {
            add(Who::Stranger(Some(mac)), End { mac: Some(mac), ..End::default() });
        }
        for (id, gateway) in (0..).map(GatewayId).zip(&policy.gateways) {
            for mac in any(gateway.mac, fresh, &named) {
                add(Who::Gateway(id), End { mac, place: Place::Gateway(id), ..End::default() });
                add(Who::Internet(Some(id)), End { mac, place: Place::Internet(Some(id)), ..End::default() });
            }
        }
        if policy.gateways.is_empty() {
            for mac in any(None, fresh, &named) {
                add(Who::Internet(None), End { mac, place: Place::Internet(None), ..End::default() });
            }
        }
        add(Who::Broadcast, End { mac: Some(MacAddr::BROADCAST), place: Place::Broadcast, ..End::default() });
        for mac in any(None, fresh_group(&groups), &groups).into_iter().filter(|mac| *mac != Some(MacAddr::BROADCAST)) {
            add(Who::Multicast, End { mac, place: Place::Multicast, ..End::default() });
        }
        add(Who::Controller, End { place: Place::Controller, ..End::default() });
    }

    /// Ports of declared switches that a host may be at, as far as they are told apart; where nothing asks, nowhere is enough.
    fn add_places(&mut self, asked: bool) {
        self.records[AT].push(self.record(&End::default(), None));
        if !asked {
            return;
        }
        let policy = self.policy;
        let mut ports: Vec<Location> = self.labels.named_locations();
        ports.extend(policy.gateways.iter().map(|gateway| gateway.at));
        ports.extend(policy.hosts.iter().filter_map(|host| host.pin));
        let named: HashSet<Location> = ports.iter().copied().collect();
        for switch in &policy.switches {
            let open = switch.access.is_empty() && switch.uplink.is_empty();
            let usual = switch.access.0.iter().cloned().flatten().chain((1..=64).filter(|_| open));
            let free = usual.map(|port| Location::new(switch.dpid, net::PortNo(port))).find(|at| !named.contains(at));
            ports.extend(free);
        }
        ports.extend(self.told.iter().copied().flat_map(present::locations));
        ports.sort_unstable();
        ports.dedup();
        let gateways = policy.gateways.iter().map(|gateway| gateway.at);
        let seen = self.told.iter().copied().flat_map(present::locations);
        let special: HashSet<Location> = gateways.chain(policy.hosts.iter().filter_map(|host| host.pin)).chain(seen).collect();
        let mut known: HashMap<Record, ()> = HashMap::new();
        for at in ports {
            let record = self.record(&End { location: Some(at), ..End::default() }, None);
            if known.insert(record.clone(), ()).is_none() || special.contains(&at) {
                self.places.push(Some(at));
                self.records[AT].push(record);
            }
        }
    }

    fn add_addresses(&mut self) {
        let policy = self.policy;
        self.records[ADDRESS].push(self.record(&End::default(), None));
        let owners: HashMap<IpAddr, HostId> = (0..)
            .map(HostId)
            .zip(&policy.hosts)
            .flat_map(|(id, host)| host.addresses.iter().map(move |address| (*address, id)))
            .collect();
        let directed: BTreeSet<IpAddr> = policy.directed_broadcasts().collect();
        let mut samples: Vec<IpAddr> = lang::flowspec::address_cells(policy);
        samples.extend(&directed);
        let told = self.told.clone();
        let owned = |address: IpAddr| told.iter().any(|view| view.owner(address).is_some());
        let of_stations: Vec<IpAddr> = told.iter().copied().flat_map(present::addresses).collect();
        samples.extend(of_stations.iter().filter(|address| !samples.contains(address)).copied().collect::<Vec<_>>());
        // What a station has stands for nothing else: next to it there may be addresses that nobody has.
        if !told.is_empty() {
            samples.extend(present::free_neighbours(&told, &of_stations));
        }
        samples.sort_by_key(IpAddr::is_ipv6);
        let mut known: HashMap<(Told, Option<IpAddr>), usize> = HashMap::new();
        for address in samples {
            let (owner, directed) = (owners.get(&address), directed.contains(&address));
            let key = (self.told(address, owner.is_some(), directed), Some(address).filter(|address| owned(*address)));
            match known.get(&key) {
                Some(place) => {
                    if let (Some(class), Some(owner)) = (self.addresses.get_mut(*place), owner) {
                        class.registered.push((*owner, address));
                    }
                }
                None => {
                    known.insert(key.clone(), self.addresses.len());
                    let registered = owner.map(|owner| (*owner, address)).into_iter().collect();
                    self.addresses.push(Addresses { sample: Some(address), registered, directed });
                    self.records[ADDRESS].push(key.0.0);
                }
            }
        }
    }

    /// True if no test and no view tells one address from another, which nobody has registered.
    pub(super) fn are_alike(&self, one: IpAddr, other: IpAddr) -> bool {
        let is_directed = |address| self.policy.directed_broadcasts().any(|directed| directed == address);
        let told = |address| self.told(address, false, is_directed(address));
        let is_free = |address| self.view.is_none() && self.policy.host_of_address(address).is_none();
        is_free(one) && is_free(other) && told(one) == told(other)
    }

    /// All that an address is told from others by. Tests that tell no address of one family from one of the other leave them apart:
    /// no packet has both.
    fn told(&self, address: IpAddr, registered: bool, directed: bool) -> Told {
        let record = self.record(&End { address: Some(address), ..End::default() }, None);
        (record, Range::of(self.policy, address, registered), address.is_ipv6(), directed)
    }

    /// How many classes an attribute has.
    pub(super) fn size(&self, attr: Attr) -> usize {
        match usize::from(attr.0) {
            place @ 0..8 => match place % END {
                USER => self.logins.len(),
                WHO => self.whos.len(),
                AT => self.places.len(),
                _ => self.addresses.len(),
            },
            8 => self.packets.len(),
            9 => self.tags.len(),
            10 => self.dscps.len(),
            11 => self.sources.len(),
            12 => self.times.len(),
            _ => 2,
        }
    }

    /// How many attributes there are.
    pub(super) fn attributes(&self) -> usize {
        usize::from(DYNAMIC) + 2 * self.dynamic.len()
    }

    pub(super) fn full(&self, attr: Attr) -> Bits {
        Bits::all(self.size(attr))
    }

    /// The flows of one area that are not in another.
    pub(super) fn minus(&self, area: &Area, other: &Area) -> Vec<Area> {
        area.minus(other, |attr| self.full(attr))
    }

    /// The share of all flows that an area is: ports count, the classes of any other attribute are taken for equally large.
    pub(super) fn volume(&self, area: &Area) -> f64 {
        let share = |(attr, bits): (Attr, &Bits)| {
            if attr == PACKET {
                let own: f64 = bits.classes().filter_map(|class| self.weights.get(class)).sum();
                return own / self.weight.max(1.0);
            }
            let (count, size) =
                (u32::try_from(bits.count()).unwrap_or(u32::MAX), u32::try_from(self.size(attr)).unwrap_or(u32::MAX));
            f64::from(count) / f64::from(size.max(1))
        };
        area.parts().map(share).product()
    }

    pub(super) fn dynamic_attr(&self, side: Side, place: usize) -> Attr {
        let of_side = if side == Side::Src { 0 } else { self.dynamic.len() };
        Attr(DYNAMIC + u16::try_from(of_side + place).unwrap_or(0))
    }
}

/// A MAC address that the policy does not name.
fn fresh_mac(policy: &Checked, named: &[MacAddr]) -> MacAddr {
    let named: HashSet<MacAddr> = named.iter().copied().chain(policy.gateways.iter().filter_map(|gateway| gateway.mac)).collect();
    let taken = |mac: &MacAddr| named.contains(mac) || policy.host_of_mac(*mac).is_some();
    let candidates = (1..=u16::MAX).map(|number| {
        let [high, low] = number.to_be_bytes();
        MacAddr([0x06, 0, 0x5e, 0, high, low])
    });
    candidates.into_iter().find(|mac| !taken(mac)).unwrap_or(MacAddr([0x06, 0, 0x5e, 0, 0, 1]))
}

/// A group's MAC address that the policy does not name.
fn fresh_group(named: &[MacAddr]) -> MacAddr {
    let candidates = (1..=u8::MAX).map(|last| MacAddr([0x01, 0, 0x5e, 0, 0x02, last]));
    candidates.into_iter().find(|mac| !named.contains(mac)).unwrap_or(MacAddr([0x01, 0, 0x5e, 0, 0x03, 0]))
}

#[cfg(test)]
mod tests;
