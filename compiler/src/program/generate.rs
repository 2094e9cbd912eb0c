//! Random policies, views and packets out of small pools, so that they meet. The same seed gives the same case.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use lang::calendar::{Clock, Days, Window};
use lang::checked::{
    Aspect, Attachment, Avoid, BuiltIn, Checked, Cond, DefaultRule, Duties, DynamicSource, Effect, EndTest, Gateway, GatewayId,
    Group, GroupId, HeaderTest, Host, HostId, Kind, Middlebox, MiddleboxId, MultiUser, NamedLocation, NamedTime, PortSet, Rate,
    Rule, RuleId, ServiceTerm, SetExpr, Switch, TimeId, TimeTest, User, UserId, Verdict,
};
use lang::flow::{End, Flow, Headers, Person, Place, Side};
use lang::source::{SourceId, SourceMap, Span};
use net::{
    Dpid, EtherType, Field, FlowKey, IpHeader, IpProto, Location, MacAddr, PortNo, Prefix, Time, Transport, VlanId, VlanTag,
};

use crate::view::View;

/// Xorshift64*, seeded.
pub(crate) struct Draw(u64);

const USERS: u32 = 5;
const HOSTS: u32 = 5;
const TIMES: u32 = 2;
/// Some Monday, 00:00 UTC.
const MONDAY: u64 = 1_768_176_000_000_000;
const HOUR: u64 = 3_600_000_000;
const GATEWAY_PORT: Location = Location { dpid: Dpid(0x10), port: PortNo(48) };

pub(crate) fn span() -> Span {
    Span { source: SourceId(0), start: 0, end: 0 }
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        u32::try_from(high % u64::from(bound)).unwrap()
    }

    pub(crate) fn chance(&mut self, one_in: u32) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(u32::try_from(from.len()).unwrap()) as usize].clone()
    }

    pub(crate) fn some<T>(&mut self, make: impl FnOnce(&mut Draw) -> T) -> Option<T> {
        (!self.chance(4)).then(|| make(self))
    }

    fn many<T>(&mut self, most: u32, mut make: impl FnMut(&mut Draw) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

/// A policy in which anything may stand where the types let it.
pub(crate) fn policy(draw: &mut Draw) -> Checked {
    let groups = draw.below(9);
    let rules = 1 + draw.below(12);
    let declared: Vec<Group> = (0..groups).map(|group| declared_group(draw, group)).collect();
    Checked {
        switches: [1, 2, 0x10].map(|dpid| switch(Dpid(dpid))).to_vec(),
        locations: vec![NamedLocation { name: "wap".into(), at: Location::new(Dpid(1), PortNo(1)), span: span() }],
        hosts: (0..HOSTS).map(|host| declared_host(draw, host)).collect(),
        users: (0..USERS).map(|user| User { name: format!("u{user}").into(), span: span() }).collect(),
        gateways: vec![Gateway {
            name: "border".into(),
            at: GATEWAY_PORT,
            mac: draw.chance(2).then_some(MacAddr([2, 0, 0, 0, 0, 0xfe])),
            addresses: vec!["10.0.0.254".parse().unwrap()],
            serves: Vec::new(),
            span: span(),
        }],
        middleboxes: ["ids", "proxy"].map(middlebox).to_vec(),
        groups: declared,
        times: (0..TIMES).map(|id| named_time(draw, id)).collect(),
        rules: (0..rules).map(|id| rule(draw, RuleId(id), groups, rules)).collect(),
        default: DefaultRule { verdict: verdict(draw), span: None },
        multi_user: draw.pick(&[MultiUser::LeastRestrictive, MultiUser::MostRestrictive]),
        ..Checked::empty(SourceMap::default())
    }
}

fn named_time(draw: &mut Draw, id: u32) -> NamedTime {
    let window = |draw: &mut Draw| {
        let from = u16::try_from(draw.below(24)).unwrap() * 60;
        let clock = draw.some(|draw| Clock { from, to: (from + 60 * (1 + u16::try_from(draw.below(23)).unwrap())) % 1440 });
        let mask = u8::try_from(1 + draw.below(127)).unwrap();
        Window { days: draw.some(|_| Days::Week(mask)).unwrap_or(Days::Every), clock }
    };
    NamedTime { name: format!("t{id}").into(), windows: draw.many(2, window), span: span() }
}

pub(crate) fn time(draw: &mut Draw) -> Time {
    Time(MONDAY + HOUR / 2 * u64::from(draw.below(2 * 24 * 8)))
}

/// The dynamic groups of users, or all others, of which an end or a user happens to be a member.
fn memberships(draw: &mut Draw, groups: &[Group], of_users: bool) -> Vec<GroupId> {
    let all = groups.iter().zip((0..).map(GroupId));
    let dynamic = all.filter(|(group, _)| group.dynamic.is_some() && (group.kind == Kind::User) == of_users);
    let ids: Vec<GroupId> = dynamic.map(|(_, id)| id).collect();
    ids.into_iter().filter(|_| draw.chance(2)).collect()
}

fn people(draw: &mut Draw, groups: &[Group]) -> Vec<Person> {
    let mut people = draw
        .many(3, |draw| Person { user: draw.some(|draw| UserId(draw.below(USERS))), groups: memberships(draw, groups, true) });
    people.sort_unstable();
    people.dedup();
    people
}

fn switch(dpid: Dpid) -> Switch {
    let name: Arc<str> = format!("s{}", dpid.0).into();
    Switch { name, dpid, access: PortSet::default(), uplink: PortSet::default(), certificates: Vec::new(), span: span() }
}

fn middlebox(name: &str) -> Middlebox {
    let at = Location::new(Dpid(0x10), PortNo(40));
    Middlebox { name: name.into(), attachments: vec![Attachment::OneArmed { at }], span: span() }
}

fn declared_host(draw: &mut Draw, host: u32) -> Host {
    let last = u8::try_from(host).unwrap();
    let mut macs = vec![MacAddr([2, 0, 0, 0, 0, last])];
    if draw.chance(4) {
        macs.push(MacAddr([2, 0, 0, 0, 1, last]));
    }
    let addresses = if draw.chance(2) { vec![IpAddr::from([10, 0, 1, last])] } else { Vec::new() };
    let pin = draw.chance(5).then(|| location(draw));
    Host { name: format!("h{host}").into(), macs, addresses, pin, serves: Vec::new(), routes: Vec::new(), span: span() }
}

fn declared_group(draw: &mut Draw, id: u32) -> Group {
    let kind = draw.pick(&[Kind::User, Kind::Host, Kind::Location, Kind::Switch, Kind::Network, Kind::Mac]);
    let network = kind == Kind::Network && draw.chance(2);
    let dynamic =
        (matches!(kind, Kind::User | Kind::Host) && draw.chance(3)).then(|| DynamicSource::Tagged(format!("{id}").into()));
    let members = if dynamic.is_some() { SetExpr::Union(Vec::new()) } else { set(draw, kind, id, 3) };
    Group { name: format!("g{id}").into(), kind, members, network, dynamic, span: span() }
}

pub(crate) fn set(draw: &mut Draw, kind: Kind, groups: u32, depth: u32) -> SetExpr {
    if depth == 0 || draw.chance(3) {
        return SetExpr::Leaf(if groups > 0 && draw.chance(2) {
            EndTest::Group(GroupId(draw.below(groups)))
        } else {
            member(draw, kind)
        });
    }
    match draw.below(4) {
        0 | 1 => SetExpr::Union(draw.many(4, |draw| set(draw, kind, groups, depth - 1))),
        2 => SetExpr::Intersection(Box::new(set(draw, kind, groups, depth - 1)), Box::new(set(draw, kind, groups, depth - 1))),
        _ => SetExpr::Difference(Box::new(set(draw, kind, groups, depth - 1)), Box::new(set(draw, kind, groups, depth - 1))),
    }
}

fn member(draw: &mut Draw, kind: Kind) -> EndTest {
    match kind {
        _ if draw.chance(12) => EndTest::BuiltIn(built_in(draw)),
        Kind::User => EndTest::User(UserId(draw.below(USERS))),
        Kind::Host => EndTest::Host(HostId(draw.below(HOSTS))),
        Kind::Location => EndTest::Location(location(draw)),
        Kind::Switch => EndTest::Switch(location(draw).dpid),
        Kind::Network | Kind::Service => EndTest::Address(prefix(draw)),
        Kind::Mac => EndTest::Mac(mac(draw)),
    }
}

fn built_in(draw: &mut Draw) -> BuiltIn {
    draw.pick(&[
        BuiltIn::Unauthenticated,
        BuiltIn::Authenticated,
        BuiltIn::Registered,
        BuiltIn::Unregistered,
        BuiltIn::Internet,
        BuiltIn::Gateway,
        BuiltIn::Broadcast,
        BuiltIn::Multicast,
        BuiltIn::Controller,
    ])
}

fn prefix(draw: &mut Draw) -> Prefix {
    let length = draw.pick(&[0, 8, 16, 24, 31, 32]);
    let address = address(draw);
    let length = if address.is_ipv4() { length } else { length * 4 };
    Prefix::truncate(address, length).unwrap()
}

pub(crate) fn address(draw: &mut Draw) -> IpAddr {
    let last = u8::try_from(draw.below(6)).unwrap();
    match draw.below(8) {
        0 if !draw.chance(3) => draw
            .pick(&[
                "10.0.1.255",
                "10.0.255.255",
                "240.0.0.1",
                "0.1.2.3",
                "2620:fe::9",
                "ff15::7",
                "239.1.2.3",
                "127.0.0.1",
                "::ffff:10.0.1.1",
            ])
            .parse()
            .unwrap(),
        0 => IpAddr::from([8, 8, 8, last]),
        1 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)]),
        2 => draw.pick(&["fe80::1", "ff02::1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "10.0.0.254"]).parse().unwrap(),
        3 | 4 => IpAddr::from([10, 0, 2, last]),
        _ => IpAddr::from([10, 0, 1, last]),
    }
}

pub(crate) fn mac(draw: &mut Draw) -> MacAddr {
    let last = u8::try_from(draw.below(7)).unwrap();
    match draw.below(10) {
        0 => MacAddr::BROADCAST,
        1 => MacAddr([1, 0, 0x5e, 0, 0, 1]),
        2 => MacAddr([2, 0, 0, 0, 0, 0xfe]),
        3 => MacAddr([2, 0, 0, 0, 1, last]),
        _ => MacAddr([2, 0, 0, 0, 0, last]),
    }
}

pub(crate) fn location(draw: &mut Draw) -> Location {
    if draw.chance(8) {
        return GATEWAY_PORT;
    }
    Location::new(draw.pick(&[Dpid(1), Dpid(2)]), PortNo(1 + draw.below(3)))
}

pub(crate) fn rule(draw: &mut Draw, id: RuleId, groups: u32, rules: u32) -> Rule {
    let verdict = verdict(draw);
    let bound = verdict == Verdict::Allow && draw.chance(3);
    let via = if bound && draw.chance(2) { vec![MiddleboxId(draw.below(2))] } else { Vec::new() };
    let duties = if bound { Duties { one_way: !via.is_empty() && draw.chance(2), ..duties(draw) } } else { Duties::default() };
    let effect = match draw.below(8) {
        0 => Effect::Audit(verdict),
        1 => Effect::Pass(RuleId(id.0 + 1 + draw.below(rules - id.0))),
        _ => Effect::Decide(verdict),
    };
    let depth = draw.below(5);
    Rule { effect, via, duties, ..Rule::plain(id, cond(draw, groups, depth), verdict, span()) }
}

fn duties(draw: &mut Draw) -> Duties {
    Duties {
        one_way: false,
        avoid: draw.many(1, |draw| draw.pick(&[Avoid::Switch(Dpid(1)), Avoid::Host(HostId(0))])),
        vlan: draw.some(|draw| VlanId::new(draw.pick(&[5, 6]))).flatten(),
        limit: draw.some(|draw| Rate(draw.pick(&[1_000, 2_000]))),
        mirror: draw.many(1, |draw| MiddleboxId(draw.below(2))),
        queue: draw.some(|draw| draw.below(3)),
    }
}

pub(crate) fn verdict(draw: &mut Draw) -> Verdict {
    draw.pick(&[Verdict::Allow, Verdict::Allow, Verdict::Deny, Verdict::Deny, Verdict::Reject, Verdict::Redirect])
}

fn cond(draw: &mut Draw, groups: u32, depth: u32) -> Cond {
    let most = if draw.chance(10) { 9 } else { 3 };
    if depth == 0 {
        return leaf(draw, groups);
    }
    match draw.below(8) {
        0 => leaf(draw, groups),
        1 | 2 => Cond::Not(Box::new(cond(draw, groups, depth - 1))),
        3 | 4 => Cond::Any(draw.many(most, |draw| cond(draw, groups, depth - 1))),
        _ => Cond::All(draw.many(most, |draw| cond(draw, groups, depth - 1))),
    }
}

fn leaf(draw: &mut Draw, groups: u32) -> Cond {
    if draw.chance(3) {
        return Cond::Header(header_test(draw));
    }
    if draw.chance(8) {
        let within = TimeTest::Within(TimeId(draw.below(TIMES)));
        let before = TimeTest::Before(time(draw));
        return Cond::Time(draw.pick(&[within, within, before, TimeTest::Known]));
    }
    let side = draw.pick(&[Side::Src, Side::Dst]);
    let test = if groups > 0 && draw.chance(2) {
        EndTest::Group(GroupId(draw.below(groups)))
    } else if draw.chance(3) {
        EndTest::BuiltIn(built_in(draw))
    } else if draw.chance(8) {
        EndTest::Known(draw.pick(&[Aspect::Location, Aspect::Mac, Aspect::Address]))
    } else {
        let kind = draw.pick(&[Kind::User, Kind::Host, Kind::Location, Kind::Switch, Kind::Network, Kind::Mac]);
        member(draw, kind)
    };
    Cond::End(side, test)
}

fn header_test(draw: &mut Draw) -> HeaderTest {
    match draw.below(12) {
        0 => HeaderTest::DlType(dl_type(draw)),
        1 => HeaderTest::Vlan(range(draw, &[1, 2, 100, 4094])),
        2 => HeaderTest::Pcp(range(draw, &[0, 3, 7])),
        3 => HeaderTest::Dscp(range(draw, &[0, 10, 46])),
        4 => HeaderTest::TpSrc(range(draw, &PORTS)),
        5 => HeaderTest::TpDst(range(draw, &PORTS)),
        6 => HeaderTest::IcmpType(range(draw, &[0, 3, 8, 255])),
        7 => HeaderTest::IcmpCode(range(draw, &[0, 1, 255])),
        8 => HeaderTest::Present(draw.pick(&[
            Field::DlType,
            Field::Vlan,
            Field::Pcp,
            Field::Dscp,
            Field::Protocol,
            Field::TpSrc,
            Field::TpDst,
            Field::IcmpType,
        ])),
        _ => HeaderTest::Service(draw.many(3, term).into()),
    }
}

fn term(draw: &mut Draw) -> ServiceTerm {
    let proto = proto(draw);
    match draw.below(4) {
        0 => ServiceTerm::Protocol(proto),
        1 => ServiceTerm::Icmp(draw.pick(&[IpProto::ICMP, IpProto::ICMPV6]), draw.pick(&[0, 3, 8]), draw.chance(2).then_some(1)),
        _ => ServiceTerm::Ports(draw.pick(&[IpProto::TCP, IpProto::UDP]), range(draw, &PORTS)),
    }
}

const PORTS: [u16; 8] = [0, 22, 79, 80, 81, 443, 8080, 65535];

fn range<T: Copy + Ord>(draw: &mut Draw, pool: &[T]) -> RangeInclusive<T> {
    let (a, b) = (draw.pick(pool), draw.pick(pool));
    a.min(b)..=a.max(b)
}

fn dl_type(draw: &mut Draw) -> EtherType {
    draw.pick(&[EtherType::IPV4, EtherType::IPV6, EtherType::ARP, EtherType::EAPOL])
}

fn proto(draw: &mut Draw) -> IpProto {
    draw.pick(&[IpProto::TCP, IpProto::TCP, IpProto::UDP, IpProto::ICMP, IpProto::ICMPV6, IpProto(47)])
}

fn transport(draw: &mut Draw) -> Transport {
    if draw.chance(4) {
        return Transport::Icmp { kind: draw.pick(&[0, 3, 8, 9, 255]), code: draw.pick(&[0, 1, 2]) };
    }
    Transport::Ports { src: draw.pick(&PORTS), dst: draw.pick(&PORTS) }
}

fn vlan(draw: &mut Draw) -> Option<VlanTag> {
    draw.chance(3).then(|| VlanTag { id: VlanId::new(draw.pick(&[0, 1, 2, 3, 100, 4094])), pcp: draw.pick(&[0, 3, 7]) })
}

/// A flow of any ends and any headers, sound or not.
pub(crate) fn flow(draw: &mut Draw, view: &View, policy: &Checked) -> Flow {
    let (src, dst) = (end(draw, view, policy), end(draw, view, policy));
    Flow { src, dst, headers: headers(draw), time: draw.some(time) }
}

fn headers(draw: &mut Draw) -> Headers {
    Headers {
        dl_type: draw.some(dl_type),
        vlan: vlan(draw),
        proto: draw.some(proto),
        dscp: draw.some(|draw| draw.pick(&[0, 5, 10, 46, 63])),
        transport: draw.some(transport),
    }
}

fn end(draw: &mut Draw, view: &View, policy: &Checked) -> End {
    let stations: Vec<_> = view.stations().cloned().collect();
    if draw.chance(2) {
        let station = draw.pick(&stations);
        let addresses: Vec<_> = station.addresses.iter().copied().map(Some).chain([None]).collect();
        return crate::principal::end_of(&station, draw.pick(&addresses));
    }
    End {
        users: people(draw, &policy.groups),
        groups: memberships(draw, &policy.groups, false),
        host: draw.some(|draw| HostId(draw.below(HOSTS))),
        location: draw.some(location),
        mac: draw.some(mac),
        address: draw.some(address),
        place: draw.pick(&[
            Place::Inside,
            Place::Inside,
            Place::Internet(None),
            Place::Internet(Some(GatewayId(0))),
            Place::Gateway(GatewayId(0)),
            Place::Broadcast,
            Place::Multicast,
            Place::Controller,
        ]),
    }
}

/// Changes the view in one way, and names the station that it may have changed.
pub(crate) fn disturb(draw: &mut Draw, view: &mut View, policy: &Checked) -> MacAddr {
    let mac = mac(draw);
    match draw.below(10) {
        0..=2 => view.attach(mac, location(draw), policy),
        3 => view.detach(mac),
        4 | 5 => view.claim(mac, address(draw)),
        6 => view.release(mac, address(draw)),
        7 if draw.chance(3) => view.logout(mac, UserId(draw.below(USERS))),
        7 => people(draw, &policy.groups).into_iter().fold(false, |changed, person| view.login(mac, person) | changed),
        8 => view.join(mac, memberships(draw, &policy.groups, false)),
        _ => view.remove(mac),
    };
    mac
}

/// A view after some changes.
pub(crate) fn view(draw: &mut Draw, policy: &Checked) -> View {
    let mut view = View::new(policy);
    for _ in 0..draw.below(40) {
        disturb(draw, &mut view, policy);
    }
    view
}

/// A packet as the parser might find it.
pub(crate) fn key(draw: &mut Draw) -> FlowKey {
    let ip = draw.some(|draw| {
        let proto = proto(draw);
        let ports = Transport::Ports { src: draw.pick(&PORTS), dst: draw.pick(&PORTS) };
        let icmp = Transport::Icmp { kind: draw.pick(&[0, 3, 8, 128]), code: draw.pick(&[0, 1]) };
        let src = address(draw);
        let own_icmp = if src.is_ipv4() { IpProto::ICMP } else { IpProto::ICMPV6 };
        let transport = if proto.has_ports() { draw.some(|_| ports) } else { (proto == own_icmp).then_some(icmp) };
        let of_family = std::iter::repeat_with(|| address(draw)).find(|dst| dst.is_ipv4() == src.is_ipv4());
        let dst = of_family.unwrap();
        IpHeader { src, dst, proto, dscp: draw.pick(&[0, 10, 46]), transport }
    });
    let dl_type = match ip {
        Some(ip) if ip.src.is_ipv4() => EtherType::IPV4,
        Some(_) => EtherType::IPV6,
        None => dl_type(draw),
    };
    FlowKey { dl_src: mac(draw), dl_dst: mac(draw), dl_type, vlan: vlan(draw), ip }
}
