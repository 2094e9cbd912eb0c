//! The space of all flows that there can be under a policy: attributes, the classes of their values, and which combinations of
//! them no flow has. Knows nothing of what rules do.
//!
//! A value that no test of the policy tells from another is of its class. What is forbidden here is what no view and no packet
//! can bring about; every row says why. A row too few finds flows that cannot be; a row too many proves what is not so.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use lang::calendar::Window;
use lang::checked::{
    Aspect, BuiltIn, Checked, Cond, EndTest, Fact, GatewayId, GroupId, HeaderTest, HostId, Kind, SetExpr, TimeTest, UserId,
};
use lang::eval::time_passes;
use lang::flow::{End, Headers, Person, Place, Side};
use net::{EtherType, Field, Location, MacAddr, Time, Transport, VlanTag};

use super::area::{Area, Attr, Bits};
use super::packets::Cuts;
use crate::label::{Labels, Record};

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
    pub(super) places: Vec<Option<Location>>,
    pub(super) addresses: Vec<Addresses>,
    pub(super) packets: Vec<Headers>,
    /// How much each class of packets counts for in shares.
    weights: Vec<f64>,
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
        let plain = plain_groups(policy);
        let mut asked = Asked {
            policy,
            plain: &plain,
            labels: Labels::new(policy),
            cuts: Cuts::default(),
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
            places: vec![None],
            addresses: vec![Addresses::default()],
            packets: packets.iter().map(|(headers, _)| *headers).collect(),
            weights: packets.iter().map(|(_, weight)| *weight).collect(),
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
                        self.records[WHO].push(key.0);
                    }
                }
            }
        }
        let declared = |mac: &MacAddr| {
            policy.hosts.iter().any(|host| host.macs.contains(mac)) || policy.gateways.iter().any(|one| one.mac == Some(*mac))
        };
        let named: Vec<MacAddr> = self.labels.named_macs().into_iter().filter(|mac| mac.is_unicast() && !declared(mac)).collect();
        let mut add = |who: Who, end: End| {
            let record = self.labels.record(policy, &end, None);
            self.whos.push(who);
            self.records[WHO].push(record);
        };
        let fresh = fresh_mac(policy, &named);
        add(Who::Stranger(asks_mac.then_some(fresh)), End { mac: Some(fresh), ..End::default() });
        for mac in named {
            add(Who::Stranger(Some(mac)), End { mac: Some(mac), ..End::default() });
        }
        for (id, gateway) in (0..).map(GatewayId).zip(&policy.gateways) {
            let end = |place| End { mac: gateway.mac, place, ..End::default() };
            add(Who::Gateway(id), end(Place::Gateway(id)));
            add(Who::Internet(Some(id)), end(Place::Internet(Some(id))));
        }
        if policy.gateways.is_empty() {
            add(Who::Internet(None), End { place: Place::Internet(None), ..End::default() });
        }
        add(Who::Broadcast, End { mac: Some(MacAddr::BROADCAST), place: Place::Broadcast, ..End::default() });
        add(Who::Multicast, End { place: Place::Multicast, ..End::default() });
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
                return own / self.weights.iter().sum::<f64>().max(1.0);
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
                let passes = |tag: &Option<VlanTag>| crate::service::passes(test, &Headers { vlan: *tag, ..Headers::default() });
                Ok(self.where_(TAG, |class| self.tags.get(class).is_some_and(passes) == wanted))
            }
            HeaderTest::Service(_)
            | HeaderTest::DlType(_)
            | HeaderTest::TpDst(_)
            | HeaderTest::IcmpType(_)
            | HeaderTest::IcmpCode(_)
            | HeaderTest::Present(_) => Ok(self.where_(PACKET, |class| {
                self.packets.get(class).is_some_and(|headers| crate::service::passes(test, headers)) == wanted
            })),
        }
    }

    fn forbid_all(&mut self) {
        let mut rows: Vec<Area> = Vec::new();
        for side in SIDES {
            self.forbid_ends(side, &mut rows);
            self.forbid_addresses(side, &mut rows);
        }
        self.forbid_families(&mut rows);
        for invariant in &self.policy.invariants {
            for side in SIDES {
                rows.extend(self.contradictions(side, &invariant.fact));
            }
        }
        self.forbidden = rows;
        self.odd = SIDES.into_iter().flat_map(|side| self.addressless(side)).collect();
    }

    fn who(&self, side: Side, wanted: impl Fn(&Who) -> bool) -> Option<Area> {
        self.where_(end_attr(side, WHO), |class| self.whos.get(class).is_some_and(&wanted)).pop()
    }

    fn forbid(rows: &mut Vec<Area>, parts: impl IntoIterator<Item = Option<Area>>) {
        let joined = parts.into_iter().try_fold(Area::all(), |all, part| all.and(&part?));
        rows.extend(joined);
    }

    fn forbid_ends(&self, side: Side, rows: &mut Vec<Area>) {
        let one = |attr, wanted: &dyn Fn(usize) -> bool| self.where_(attr, wanted).pop();
        let outside = self.who(side, |who| !matches!(who, Who::Hosts(_) | Who::Stranger(_)));
        let nobody = |class: usize| self.logins.get(class) == Some(&Login::Nobody);
        // Users log in on machines of the site.
        Self::forbid(rows, [outside.clone(), one(end_attr(side, USER), &|class| !nobody(class))]);
        for (place, id) in self.dynamic.iter().enumerate() {
            let member = || one(self.dynamic_attr(side, place), &|class| class == 1);
            // Neither the internet nor a group address is a member of anything.
            Self::forbid(rows, [outside.clone(), member()]);
            if self.policy.groups.get(id.index()).is_some_and(|group| group.kind == Kind::User) {
                // Nobody is a member of no group of users.
                Self::forbid(rows, [one(end_attr(side, USER), &nobody), member()]);
            }
        }
        if side == Side::Src {
            // No packet comes from a group address, nor from the controller.
            Self::forbid(rows, [self.who(side, |who| matches!(who, Who::Broadcast | Who::Multicast | Who::Controller))]);
        }
        self.forbid_places(side, rows);
    }

    fn forbid_places(&self, side: Side, rows: &mut Vec<Area>) {
        if self.places.len() == 1 {
            return;
        }
        let at = |wanted: &dyn Fn(Option<Location>) -> bool| {
            self.where_(end_attr(side, AT), |class| self.places.get(class).is_some_and(|at| wanted(*at))).pop()
        };
        // A group address and the controller are at no port.
        let nowhere = self.who(side, |who| matches!(who, Who::Broadcast | Who::Multicast | Who::Controller));
        Self::forbid(rows, [nowhere, at(&|at| at.is_some())]);
        for (id, gateway) in (0..).map(GatewayId).zip(&self.policy.gateways) {
            // A gateway and what lies beyond it are at its port, and nothing else is.
            let there = self.who(side, |who| *who == Who::Gateway(id) || *who == Who::Internet(Some(id)));
            let others = self.who(side, |who| *who != Who::Gateway(id) && *who != Who::Internet(Some(id)));
            Self::forbid(rows, [there, at(&|at| at != Some(gateway.at))]);
            Self::forbid(rows, [others, at(&|at| at == Some(gateway.at))]);
        }
        let mut pins: Vec<Location> = self.policy.hosts.iter().filter_map(|host| host.pin).collect();
        pins.sort_unstable();
        pins.dedup();
        for pin in pins {
            // A pinned host is where it is pinned, or nowhere.
            let pinned = self.who(side, |who| self.pin_of(who) == Some(pin));
            Self::forbid(rows, [pinned, at(&|at| at.is_some_and(|at| at != pin))]);
        }
        if side == Side::Src && !self.policy.switches.is_empty() {
            // A packet comes in at a port. A responder may be known and away.
            Self::forbid(rows, [self.who(side, |who| !matches!(who, Who::Internet(None))), at(&|at| at.is_none())]);
        }
    }

    fn pin_of(&self, who: &Who) -> Option<Location> {
        let Who::Hosts(hosts) = who else { return None };
        hosts.first().and_then(|(id, _)| self.policy.hosts.get(id.index())).and_then(|host| host.pin)
    }

    fn forbid_addresses(&self, side: Side, rows: &mut Vec<Area>) {
        if self.addresses.len() == 1 {
            return;
        }
        let addresses = |wanted: &dyn Fn(&Addresses, Option<Range>) -> bool| {
            let range = |one: &Addresses| one.sample.map(|address| Range::of(self.policy, address, !one.registered.is_empty()));
            self.where_(end_attr(side, ADDRESS), |class| self.addresses.get(class).is_some_and(|one| wanted(one, range(one))))
                .pop()
        };
        let inside = self.who(side, |who| matches!(who, Who::Hosts(_) | Who::Stranger(_)));
        // A machine of the site has no address of a gateway, of a group, or of this machine alone.
        Self::forbid(
            rows,
            [
                inside,
                addresses(&|_, range| {
                    matches!(range, Some(Range::Gateway(_) | Range::Multicast | Range::Broadcast | Range::Never))
                }),
            ],
        );
        // The internet is what has an address of no declared network and nobody's.
        let internet = self.who(side, |who| matches!(who, Who::Internet(_)));
        Self::forbid(rows, [internet, addresses(&|_, range| range != Some(Range::Beyond))]);
        for (id, _) in (0..).map(GatewayId).zip(&self.policy.gateways) {
            let gateway = self.who(side, |who| *who == Who::Gateway(id));
            Self::forbid(
                rows,
                [
                    gateway,
                    addresses(&|_, range| !matches!(range, None | Some(Range::LinkLocal)) && range != Some(Range::Gateway(id))),
                ],
            );
        }
        let group = self.who(side, |who| *who == Who::Multicast);
        Self::forbid(rows, [group, addresses(&|_, range| !matches!(range, None | Some(Range::Multicast)))]);
        let everyone = self.who(side, |who| *who == Who::Broadcast);
        Self::forbid(rows, [everyone, addresses(&|_, range| !matches!(range, None | Some(Range::Broadcast)))]);
        // An IP packet to a group says to which.
        let groups = self.who(side, |who| matches!(who, Who::Broadcast | Who::Multicast));
        let ip = self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.proto.is_some())).pop();
        Self::forbid(rows, [groups, ip, addresses(&|one, _| one.sample.is_none())]);
        let controller = self.who(side, |who| *who == Who::Controller);
        Self::forbid(rows, [controller, addresses(&|one, _| one.sample.is_some())]);
        for class in 0..self.addresses.len() {
            // A registered address is its host's.
            let Some(one) = self.addresses.get(class).filter(|one| !one.registered.is_empty()) else { continue };
            let others = self.who(side, |who| match who {
                Who::Hosts(hosts) => !hosts.iter().any(|(id, _)| one.registered.iter().any(|(owner, _)| owner == id)),
                _ => true,
            });
            Self::forbid(rows, [others, self.where_(end_attr(side, ADDRESS), |other| other == class).pop()]);
        }
    }

    /// Both addresses are of the family that the Ethernet type says; packets that are not IP have none.
    fn forbid_families(&self, rows: &mut Vec<Area>) {
        for side in SIDES {
            for dl_type in [EtherType::IPV4, EtherType::IPV6] {
                let packets =
                    self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.dl_type == Some(dl_type))).pop();
                let other = self
                    .where_(end_attr(side, ADDRESS), |class| {
                        let sample = self.addresses.get(class).and_then(|one| one.sample);
                        sample.is_some_and(|address| address.is_ipv4() != (dl_type == EtherType::IPV4))
                    })
                    .pop();
                Self::forbid(rows, [packets, other]);
            }
            let not_ip = self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.proto.is_none())).pop();
            let some = self
                .where_(end_attr(side, ADDRESS), |class| self.addresses.get(class).is_some_and(|one| one.sample.is_some()))
                .pop();
            Self::forbid(rows, [not_ip, some]);
        }
    }

    /// Machines of the site that send or get IP packets without an address: before they have one. Text gives a host its own.
    fn addressless(&self, side: Side) -> Vec<Area> {
        let mut rows = Vec::new();
        let has_own = |id: HostId| self.policy.hosts.get(id.index()).is_some_and(|host| !host.addresses.is_empty());
        let hosts = self.who(side, |who| matches!(who, Who::Hosts(hosts) if hosts.iter().all(|(id, _)| has_own(*id))));
        let nothing =
            self.where_(end_attr(side, ADDRESS), |class| self.addresses.get(class).is_some_and(|one| one.sample.is_none())).pop();
        let ip = self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.proto.is_some())).pop();
        Self::forbid(&mut rows, [hosts, nothing, ip]);
        rows
    }

    /// The ends that an invariant says there are none of. One that is too complex forbids nothing.
    fn contradictions(&self, side: Side, fact: &Fact) -> Vec<Area> {
        let areas = match fact {
            Fact::Nonempty(..) => return Vec::new(),
            Fact::Disjoint(_, a, b) => self.all_of([self.set_areas(side, a, true), self.set_areas(side, b, true)].into_iter()),
            Fact::Subset(_, a, b) => self.all_of([self.set_areas(side, a, true), self.set_areas(side, b, false)].into_iter()),
        };
        areas.unwrap_or_default()
    }
}

/// What is asked, over all conditions.
struct Asked<'a> {
    policy: &'a Checked,
    plain: &'a [Option<usize>],
    labels: Labels,
    cuts: Cuts,
    times: Vec<TimeTest>,
    at: bool,
    mac: bool,
    address: bool,
    groups: HashSet<GroupId>,
}

impl Asked<'_> {
    fn add(&mut self, cond: &Cond) {
        match cond {
            Cond::End(_, test) => self.add_test(*test),
            Cond::Header(test) => self.cuts.add(test),
            Cond::Time(test) => {
                if !self.times.contains(test) {
                    self.times.push(*test);
                }
            }
            Cond::Not(inner) => self.add(inner),
            Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| self.add(part)),
        }
    }

    fn add_test(&mut self, test: EndTest) {
        if let (EndTest::Group(id), None) = (test, part_of(test, self.plain))
            && let Some(group) = self.policy.groups.get(id.index())
        {
            // It comes apart into its leaves.
            self.add_set(&group.members);
        }
        self.labels.test(test);
        if let EndTest::Group(id) = test
            && self.groups.insert(id)
            && let Some(group) = self.policy.groups.get(id.index())
        {
            self.note_groups(&group.members);
        }
        self.address |= matches!(test, EndTest::Address(_) | EndTest::Known(Aspect::Address));
        self.mac |= matches!(test, EndTest::Mac(_) | EndTest::Known(Aspect::Mac));
        self.at |= matches!(test, EndTest::Location(_) | EndTest::Switch(_) | EndTest::Known(Aspect::Location));
    }

    fn add_fact(&mut self, fact: &Fact) {
        let (Fact::Disjoint(_, a, _) | Fact::Subset(_, a, _) | Fact::Nonempty(_, a)) = fact;
        self.add_set(a);
        if let Fact::Disjoint(_, _, b) | Fact::Subset(_, _, b) = fact {
            self.add_set(b);
        }
    }

    fn note_groups(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Leaf(EndTest::Group(id)) => {
                if self.groups.insert(*id)
                    && let Some(group) = self.policy.groups.get(id.index())
                {
                    self.note_groups(&group.members);
                }
            }
            SetExpr::Leaf(test) => {
                self.address |= matches!(test, EndTest::Address(_));
            }
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.note_groups(part)),
            SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
                self.note_groups(a);
                self.note_groups(b);
            }
        }
    }

    fn add_set(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Leaf(test) => self.add_test(*test),
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.add_set(part)),
            SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
                self.add_set(a);
                self.add_set(b);
            }
        }
    }
}

/// Every condition of a policy.
fn conditions(policy: &Checked) -> impl Iterator<Item = &Cond> {
    let rules = policy.rules.iter().map(|rule| &rule.cond);
    let scopes = policy.sections.iter().map(|section| &section.scope);
    rules.chain(scopes).chain(policy.assertions.iter().map(|assertion| &assertion.pattern))
}

/// One instant for each stretch that the tests tell apart; unknown where nothing asks.
fn times(policy: &Checked, tests: &[TimeTest]) -> Vec<Option<Time>> {
    if tests.is_empty() {
        return vec![None];
    }
    let windows: Vec<Window> = policy.windows();
    let mut known: HashMap<Vec<bool>, ()> = HashMap::new();
    let stretches = policy.calendar.stretches(&windows, &policy.ends());
    let fresh = stretches.into_iter().filter(|time| {
        let signature: Vec<bool> = tests.iter().map(|test| time_passes(policy, *test, *time)).collect();
        known.insert(signature, ()).is_none()
    });
    fresh.map(Some).collect()
}

/// What an address can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Range {
    Inside,
    Registered,
    Gateway(GatewayId),
    Beyond,
    LinkLocal,
    Multicast,
    Broadcast,
    Never,
}

impl Range {
    fn of(policy: &Checked, address: IpAddr, registered: bool) -> Range {
        let gateways = (0..).map(GatewayId).zip(&policy.gateways);
        if registered {
            return Range::Registered;
        }
        if let Some((id, _)) = gateways.into_iter().find(|(_, gateway)| gateway.addresses.contains(&address)) {
            return Range::Gateway(id);
        }
        let link_local = match address {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        let never = match address {
            IpAddr::V4(v4) => v4.octets().first() == Some(&0) || v4.octets().first().is_some_and(|first| *first >= 240),
            IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
        };
        match address {
            _ if address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) => Range::Broadcast,
            _ if address.is_multicast() => Range::Multicast,
            _ if address.is_loopback() || address.is_unspecified() || never => Range::Never,
            _ if link_local => Range::LinkLocal,
            _ if policy.is_inside(address) => Range::Inside,
            _ => Range::Beyond,
        }
    }
}

/// For each group the one attribute that decides it.
fn plain_groups(policy: &Checked) -> Vec<Option<usize>> {
    let mut plain: Vec<Option<usize>> = Vec::with_capacity(policy.groups.len());
    for group in &policy.groups {
        let part = match group.dynamic {
            Some(_) => None,
            None => set_part(&group.members, &plain).unwrap_or(Some(match group.kind {
                Kind::User => USER,
                Kind::Location | Kind::Switch => AT,
                Kind::Network => ADDRESS,
                Kind::Host | Kind::Mac | Kind::Service => WHO,
            })),
        };
        plain.push(part);
    }
    plain
}

/// The one attribute that decides a set: nothing where it has no leaf, nothing inside where there are several.
fn set_part(set: &SetExpr, plain: &[Option<usize>]) -> Option<Option<usize>> {
    let join = |a: Option<Option<usize>>, b: Option<Option<usize>>| match (a, b) {
        (None, other) | (other, None) => other,
        (Some(a), Some(b)) => Some(a.filter(|a| b == Some(*a))),
    };
    match set {
        SetExpr::Leaf(test) => Some(part_of(*test, plain)),
        SetExpr::Union(parts) => parts.iter().fold(None, |all, part| join(all, set_part(part, plain))),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => join(set_part(a, plain), set_part(b, plain)),
    }
}

fn part_of(test: EndTest, plain: &[Option<usize>]) -> Option<usize> {
    match test {
        EndTest::User(_) | EndTest::BuiltIn(BuiltIn::Unauthenticated | BuiltIn::Authenticated) => Some(USER),
        EndTest::Host(_) | EndTest::Mac(_) | EndTest::BuiltIn(_) | EndTest::Known(Aspect::Mac) => Some(WHO),
        EndTest::Location(_) | EndTest::Switch(_) | EndTest::Known(Aspect::Location) => Some(AT),
        EndTest::Address(_) | EndTest::Known(Aspect::Address) => Some(ADDRESS),
        EndTest::Group(id) => plain.get(id.index()).copied().flatten(),
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
