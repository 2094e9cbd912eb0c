//! The space of all flows that there can be under a policy: attributes, the classes of their values, and which combinations of
//! them no flow has. Knows nothing of what rules do.
//!
//! A value that no test of the policy tells from another is of its class. What is forbidden here is what no view and no packet
//! can bring about; every row says why. A row too few finds flows that cannot be; a row too many proves what is not so.

mod asked;
mod forbidden;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use lang::checked::{Checked, Cond, EndTest, GatewayId, GroupId, HeaderTest, HostId, Kind, SetExpr, UserId};
use lang::eval::time_passes;
use lang::flow::{End, Headers, Person, Place, Side};
use net::{Field, Location, MacAddr, Time, Transport, VlanTag};

use super::area::{Area, Attr, Bits};
use super::packets::Cuts;
use crate::label::{Labels, Record};
use crate::service::{Lookup, passes};
use asked::{Asked, conditions, part_of, plain_groups, times};
use forbidden::Range;

/// More areas than this make a condition too complex to be analysed.
pub(super) const MAX_AREAS: usize = 4_096;

/// A condition comes apart into too many areas.
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
}

/// Who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Declared(UserId),
    Stranger,
}

/// All attributes with their classes, and what cannot be.
#[derive(Debug)]
pub(crate) struct Space<'a> {
    pub(super) policy: &'a Checked,
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
    /// Which classes of packets pass a test.
    lookup: Lookup,
    pub(super) tags: Vec<Option<VlanTag>>,
    pub(super) dscps: Vec<u8>,
    pub(super) sources: Vec<u16>,
    pub(super) times: Vec<Option<Time>>,
    /// Dynamic groups that some condition asks about.
    pub(super) dynamic: Vec<GroupId>,
    records: [Vec<Record>; 4],
    /// For each group the one attribute of an end that decides it; nothing where there are several.
    plain: Vec<Option<usize>>,
    pub(super) forbidden: Vec<Area>,
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
    pub(crate) fn new(policy: &'a Checked) -> Space<'a> {
        Space::over(policy, Cuts::default())
    }

    /// The same with later fragments, which start no conversation and are judged all the same.
    pub(crate) fn with_fragments(policy: &'a Checked) -> Space<'a> {
        Space::over(policy, Cuts::with_fragments())
    }

    fn over(policy: &'a Checked, cuts: Cuts) -> Space<'a> {
        let plain = plain_groups(policy);
        let mut asked = Asked {
            policy,
            plain: &plain,
            labels: Labels::new(policy),
            cuts,
            times: Vec::new(),
            at: false,
            mac: false,
            address: false,
            groups: HashSet::new(),
        };
        conditions(policy).for_each(|cond| asked.add(cond));
        policy.invariants.iter().for_each(|invariant| asked.add_fact(&invariant.fact));
        let asks_place = asked.at || policy.groups.iter().any(|group| matches!(group.kind, Kind::Location | Kind::Switch));
        let asks_address = asked.address;
        let packets = asked.cuts.packets();
        let asks_mac = asked.mac || policy.groups.iter().any(|group| group.kind == Kind::Mac);
        let mut space = Space {
            policy,
            labels: asked.labels,
            logins: Vec::new(),
            whos: Vec::new(),
            macs: Vec::new(),
            places: vec![None],
            addresses: vec![Addresses::default()],
            lookup: Lookup::new(packets.iter().map(|(headers, _)| headers)),
            packets: packets.iter().map(|(headers, _)| *headers).collect(),
            weights: packets.iter().map(|(_, weight)| *weight).collect(),
            weight: packets.iter().map(|(_, weight)| weight).sum(),
            tags: asked.cuts.tags(),
            dscps: asked.cuts.dscps(),
            sources: asked.cuts.sources(),
            times: times(policy, &asked.times),
            dynamic: (0..)
                .map(GroupId)
                .zip(&policy.groups)
                .filter(|(_, group)| group.dynamic.is_some())
                .map(|(id, _)| id)
                .collect(),
            records: [const { Vec::new() }; 4],
            forbidden: Vec::new(),
            odd: Vec::new(),
            plain: Vec::new(),
        };
        space.plain = plain;
        space.add_logins();
        space.add_whos(asks_mac);
        space.add_places(asks_place);
        if asks_address {
            space.add_addresses();
        } else {
            space.records[ADDRESS].push(space.record(&End::default(), None));
        }
        space.forbid_all();
        space
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
            if known.insert(record.clone(), ()).is_none() {
                self.logins.push(login);
                self.records[USER].push(record);
            }
        }
    }

    fn add_whos(&mut self, asks_mac: bool) {
        let policy = self.policy;
        let mut known: HashMap<(Record, Option<Location>), usize> = HashMap::new();
        for (id, host) in (0..).map(HostId).zip(&policy.hosts) {
            for mac in &host.macs {
                let end = End { host: Some(id), mac: Some(*mac), ..End::default() };
                let key = (self.record(&end, None), host.pin);
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
        let declared = |mac: &MacAddr| {
            policy.hosts.iter().any(|host| host.macs.contains(mac)) || policy.gateways.iter().any(|one| one.mac == Some(*mac))
        };
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
        for switch in &policy.switches {
            let open = switch.access.is_empty() && switch.uplink.is_empty();
            let usual = switch.access.0.iter().cloned().flatten().chain((1..=64).filter(|_| open));
            let free = usual.map(|port| Location::new(switch.dpid, net::PortNo(port))).find(|at| !ports.contains(at));
            ports.extend(free);
        }
        ports.sort_unstable();
        ports.dedup();
        let mut known: HashMap<Record, ()> = HashMap::new();
        for at in ports {
            let record = self.record(&End { location: Some(at), ..End::default() }, None);
            let special =
                policy.gateways.iter().any(|gateway| gateway.at == at) || policy.hosts.iter().any(|host| host.pin == Some(at));
            if known.insert(record.clone(), ()).is_none() || special {
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
        let mut known: HashMap<(Record, Range), usize> = HashMap::new();
        for address in lang::flowspec::address_cells(policy) {
            let record = self.record(&End { address: Some(address), ..End::default() }, None);
            let owner = owners.get(&address);
            let key = (record, Range::of(policy, address, owner.is_some()));
            match known.get(&key) {
                Some(place) => {
                    if let (Some(class), Some(owner)) = (self.addresses.get_mut(*place), owner) {
                        class.registered.push((*owner, address));
                    }
                }
                None => {
                    known.insert(key.clone(), self.addresses.len());
                    let registered = owner.map(|owner| (*owner, address)).into_iter().collect();
                    self.addresses.push(Addresses { sample: Some(address), registered });
                    self.records[ADDRESS].push(key.0);
                }
            }
        }
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
        Bits::of(self.size(attr), |_| true)
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

    /// The flows in which an attribute is of one of the wanted classes.
    fn where_(&self, attr: Attr, wanted: impl FnMut(usize) -> bool) -> Vec<Area> {
        let size = self.size(attr);
        Area::of(attr, Bits::of(size, wanted), size).into_iter().collect()
    }

    /// The flows for which a condition holds, or does not.
    pub(super) fn areas(&self, cond: &Cond, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        match (cond, wanted) {
            (Cond::End(side, test), _) => self.end_areas(*side, *test, wanted),
            (Cond::Header(test), _) => self.header_areas(test, wanted),
            (Cond::Time(test), _) => Ok(self.where_(TIME, |class| {
                self.times.get(class).copied().flatten().is_some_and(|time| time_passes(self.policy, *test, time)) == wanted
            })),
            (Cond::Not(inner), _) => self.areas(inner, !wanted),
            (Cond::All(parts), true) | (Cond::Any(parts), false) => {
                self.all_of(parts.iter().map(|part| self.areas(part, wanted)))
            }
            (Cond::All(parts), false) | (Cond::Any(parts), true) => {
                self.any_of(parts.iter().map(|part| self.areas(part, wanted)))
            }
        }
    }

    fn all_of(&self, parts: impl Iterator<Item = Result<Vec<Area>, TooComplex>>) -> Result<Vec<Area>, TooComplex> {
        let mut all = vec![Area::all()];
        for part in parts {
            let part = part?;
            if all.len().saturating_mul(part.len()) > MAX_AREAS {
                return Err(TooComplex);
            }
            all = all.iter().flat_map(|left| part.iter().filter_map(|right| left.and(right))).collect();
        }
        Ok(all)
    }

    /// Areas that name the same one attribute become one.
    fn any_of(&self, parts: impl Iterator<Item = Result<Vec<Area>, TooComplex>>) -> Result<Vec<Area>, TooComplex> {
        let mut simple: Vec<(Attr, Bits)> = Vec::new();
        let mut rest: Vec<Area> = Vec::new();
        for part in parts {
            for area in part? {
                match area.only() {
                    Some((attr, bits)) => match simple.iter_mut().find(|(other, _)| *other == attr) {
                        Some((_, all)) => *all = all.or(bits),
                        None => simple.push((attr, bits.clone())),
                    },
                    None if !rest.contains(&area) => rest.push(area),
                    None => {}
                }
            }
            if rest.len() > MAX_AREAS {
                return Err(TooComplex);
            }
        }
        let simple = simple.into_iter().filter_map(|(attr, bits)| Area::of(attr, bits, self.size(attr)));
        let mut all: Vec<Area> = simple.collect();
        all.extend(rest);
        Ok(all)
    }

    fn end_areas(&self, side: Side, test: EndTest, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        if let Some(part) = self.part_of(test) {
            let label = self.labels.find(test);
            let records = self.records.get(part).map_or(&[][..], Vec::as_slice);
            return Ok(self.where_(end_attr(side, part), |class| {
                label.is_some_and(|label| records.get(class).is_some_and(|record| record.has(label))) == wanted
            }));
        }
        let EndTest::Group(id) = test else { return Err(TooComplex) };
        if let Some(place) = self.dynamic.iter().position(|other| *other == id) {
            return Ok(self.where_(self.dynamic_attr(side, place), |class| (class == 1) == wanted));
        }
        match self.policy.groups.get(id.index()) {
            Some(group) => self.set_areas(side, &group.members, wanted),
            None => Err(TooComplex),
        }
    }

    fn set_areas(&self, side: Side, set: &SetExpr, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        match set {
            SetExpr::Leaf(test) => self.end_areas(side, *test, wanted),
            SetExpr::Union(parts) => {
                let areas = parts.iter().map(|part| self.set_areas(side, part, wanted));
                if wanted { self.any_of(areas) } else { self.all_of(areas) }
            }
            SetExpr::Intersection(a, b) => {
                let areas = [self.set_areas(side, a, wanted), self.set_areas(side, b, wanted)].into_iter();
                if wanted { self.all_of(areas) } else { self.any_of(areas) }
            }
            SetExpr::Difference(a, b) => {
                let areas = [self.set_areas(side, a, wanted), self.set_areas(side, b, !wanted)].into_iter();
                if wanted { self.all_of(areas) } else { self.any_of(areas) }
            }
        }
    }

    /// The one attribute of an end that decides a test.
    fn part_of(&self, test: EndTest) -> Option<usize> {
        part_of(test, &self.plain)
    }

    fn packet_areas(&self, test: &HeaderTest, wanted: bool) -> Vec<Area> {
        let size = self.size(PACKET);
        let passing = |class: &usize| self.packets.get(*class).is_some_and(|headers| passes(test, headers));
        let bits = Bits::from_classes(size, self.lookup.near(test).into_iter().filter(passing));
        let bits = if wanted { bits } else { self.full(PACKET).minus(&bits) };
        Area::of(PACKET, bits, size).into_iter().collect()
    }

    fn header_areas(&self, test: &HeaderTest, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        let packet = |pass: fn(&Headers) -> bool, wanted: bool| {
            self.where_(PACKET, |class| self.packets.get(class).is_some_and(pass) == wanted)
        };
        let has_ports = |headers: &Headers| matches!(headers.transport, Some(Transport::Ports { .. }));
        let is_ip = |headers: &Headers| headers.proto.is_some();
        let two = |first: Vec<Area>, second: Vec<Area>| {
            let parts = [Ok(first), Ok(second)].into_iter();
            if wanted { self.all_of(parts) } else { self.any_of(parts) }
        };
        match test {
            HeaderTest::TpSrc(range) => two(
                packet(has_ports, wanted),
                self.where_(SOURCE, |class| self.sources.get(class).is_some_and(|port| range.contains(port)) == wanted),
            ),
            HeaderTest::Dscp(range) => two(
                packet(is_ip, wanted),
                self.where_(DSCP, |class| self.dscps.get(class).is_some_and(|dscp| range.contains(dscp)) == wanted),
            ),
            HeaderTest::Vlan(_) | HeaderTest::Pcp(_) | HeaderTest::Present(Field::Vlan | Field::Pcp) => {
                let passes = |tag: &Option<VlanTag>| passes(test, &Headers { vlan: *tag, ..Headers::default() });
                Ok(self.where_(TAG, |class| self.tags.get(class).is_some_and(passes) == wanted))
            }
            HeaderTest::Service(_)
            | HeaderTest::DlType(_)
            | HeaderTest::TpDst(_)
            | HeaderTest::IcmpType(_)
            | HeaderTest::IcmpCode(_)
            | HeaderTest::Present(_) => Ok(self.packet_areas(test, wanted)),
        }
    }
}

/// A MAC address that the policy does not name.
fn fresh_mac(policy: &Checked, named: &[MacAddr]) -> MacAddr {
    let taken = |mac: &MacAddr| {
        named.contains(mac)
            || policy.hosts.iter().any(|host| host.macs.contains(mac))
            || policy.gateways.iter().any(|gateway| gateway.mac == Some(*mac))
    };
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
