//! A large site to decide in: hosts with one user each, groups that overlap, of few of which most are members (Zipf's law), and rules
//! over them. Always the same. Made as tables, not as text. Knows nothing of what is measured.

use std::net::IpAddr;
use std::sync::Arc;

use compiler::View;
use lang::checked::{
    Checked, Cond, EndTest, Group, GroupId, HeaderTest, Host, HostId, Kind, Rule, RuleId, ServiceTerm, SetExpr, User, UserId,
    Verdict,
};
use lang::flow::{End, Flow, Headers, Person, Place, Side};
use lang::source::{SourceId, SourceMap, Span};
use net::{Dpid, EtherType, IpProto, Location, MacAddr, PortNo, Transport};

use super::draw::Draw;

/// How many hosts there are, each attached.
pub(super) const HOSTS: u32 = 100_000;
const USERS: u32 = 20_000;
/// Groups of users, and as many of hosts.
const GROUPS: u32 = 2_500;
/// In how many groups a user is, and a host, on average.
const GROUPS_OF_USER: u32 = 8;
const GROUPS_OF_HOST: u32 = 3;
const SERVICES: u32 = 300;

/// What rules name behind `for`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of 300 services.
    Services,
    /// A port of its own.
    Ports,
}

/// The site.
#[derive(Debug)]
pub(super) struct World {
    pub(super) policy: Checked,
    shape: Shape,
    services: Vec<Arc<[ServiceTerm]>>,
}

fn span() -> Span {
    Span { source: SourceId(0), start: 0, end: 0 }
}

fn mac(host: u32) -> MacAddr {
    let [_, high, middle, low] = host.to_be_bytes();
    MacAddr([2, 0, 0, high, middle, low])
}

impl World {
    /// A site with so many rules.
    pub(super) fn new(rules: u32, shape: Shape) -> World {
        let mut draw = Draw::new(1);
        let port = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        let service = |number: u32| Arc::from([ServiceTerm::Ports(IpProto::TCP, port(1_000 + number)..=port(1_000 + number))]);
        let mut world =
            World { policy: Checked::empty(SourceMap::default()), shape, services: (0..SERVICES).map(service).collect() };
        world.policy.users = (0..USERS).map(|number| User { name: format!("u{number}").into(), span: span() }).collect();
        world.policy.hosts = (0..HOSTS).map(host).collect();
        let user = |number| EndTest::User(UserId(number));
        let mut groups = groups(&mut draw, Kind::User, USERS, GROUPS_OF_USER, user);
        groups.extend(self::groups(&mut draw, Kind::Host, HOSTS, GROUPS_OF_HOST, |number| EndTest::Host(HostId(number))));
        world.policy.groups = groups;
        world.policy.rules = (0..rules).map(|id| world.rule(&mut draw, RuleId(id))).collect();
        world
    }

    /// A rule as the others are.
    pub(super) fn rule(&self, draw: &mut Draw, id: RuleId) -> Rule {
        let mut parts = Vec::new();
        match draw.below(50) {
            0 => {}
            nth if nth % 3 == 0 => parts.push(Cond::End(Side::Src, EndTest::Group(GroupId(draw.below(GROUPS))))),
            nth if nth % 3 == 1 => parts.push(Cond::End(Side::Src, EndTest::User(UserId(draw.below(USERS))))),
            _ => parts.push(Cond::End(Side::Src, EndTest::Host(HostId(draw.below(HOSTS))))),
        }
        match draw.below(50) {
            0 => {}
            nth if nth % 2 == 0 => parts.push(Cond::End(Side::Dst, EndTest::Group(GroupId(GROUPS + draw.below(GROUPS))))),
            _ => parts.push(Cond::End(Side::Dst, EndTest::Host(HostId(draw.below(HOSTS))))),
        }
        let terms = match self.shape {
            Shape::Services => self.services.get(draw.below(SERVICES) as usize).cloned(),
            Shape::Ports => {
                let proto = if draw.below(2) == 0 { IpProto::TCP } else { IpProto::UDP };
                let port = u16::try_from(draw.below(60_000) + 1).unwrap_or(1);
                Some(Arc::from([ServiceTerm::Ports(proto, port..=port)]))
            }
        };
        parts.extend(terms.map(|terms| Cond::Header(HeaderTest::Service(terms))));
        let verdict = if draw.below(4) == 0 { Verdict::Deny } else { Verdict::Allow };
        Rule::plain(id, Cond::All(parts), verdict, span())
    }

    /// Every host attached, with a user.
    pub(super) fn view(&self) -> View {
        let mut draw = Draw::new(3);
        let mut view = View::new(&self.policy);
        for number in 0..HOSTS {
            view.attach(mac(number), port(number), &self.policy);
            view.login(mac(number), user(&mut draw));
        }
        view
    }
}

/// A port of one of many switches.
pub(super) fn port(number: u32) -> Location {
    Location { dpid: Dpid(u64::from(number / 48) + 1), port: PortNo(number % 48 + 1) }
}

/// Any user.
pub(super) fn user(draw: &mut Draw) -> Person {
    Person::declared(UserId(draw.below(USERS)))
}

/// Any host.
pub(super) fn station(draw: &mut Draw) -> MacAddr {
    mac(draw.below(HOSTS))
}

/// Another member for a group of users, or one less: no user twice.
pub(super) fn change_members(draw: &mut Draw, policy: &Checked) -> Option<(GroupId, SetExpr)> {
    let id = GroupId(draw.below(GROUPS));
    let SetExpr::Union(members) = &policy.groups.get(id.index())?.members else { return None };
    let user = SetExpr::Leaf(EndTest::User(UserId(draw.below(USERS))));
    let mut members = members.clone();
    match members.iter().position(|member| *member == user) {
        Some(place) => drop(members.remove(place)),
        None => members.push(user),
    }
    Some((id, SetExpr::Union(members)))
}

fn host(number: u32) -> Host {
    let [_, high, middle, low] = number.to_be_bytes();
    let addresses = vec![IpAddr::from([10, high, middle, low])];
    let macs = vec![mac(number)];
    Host { name: format!("h{number}").into(), macs, addresses, pin: None, serves: Vec::new(), routes: Vec::new(), span: span() }
}

/// Groups of which the first has most members, the second half as many, the third a third of them, and so on.
fn groups(draw: &mut Draw, kind: Kind, members: u32, of_each: u32, test: impl Fn(u32) -> EndTest) -> Vec<Group> {
    let all: f64 = (1..=GROUPS).map(|nth| 1.0 / f64::from(nth)).sum();
    let most = f64::from(members) * f64::from(of_each) / all;
    let size = |nth: u32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of members")]
        let size = (most / f64::from(nth)) as u32;
        size.clamp(2, members)
    };
    let group = |nth: u32| {
        let mut chosen: Vec<u32> = (0..size(nth)).map(|_| draw.below(members)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let members = SetExpr::Union(chosen.into_iter().map(|one| SetExpr::Leaf(test(one))).collect());
        Group { name: format!("{kind:?}{nth}").into(), kind, members, network: false, dynamic: None, span: span() }
    };
    (1..=GROUPS).map(group).collect()
}

/// A flow between two hosts, with one of the services or a port that rules name.
pub(super) fn flow(draw: &mut Draw, view: &View, shape: Shape) -> Flow {
    let (src, dst) = (end(view, draw.below(HOSTS)), end(view, draw.below(HOSTS)));
    let (proto, dst_port) = match shape {
        Shape::Services => (IpProto::TCP, 1_000 + draw.below(SERVICES)),
        Shape::Ports => (if draw.below(2) == 0 { IpProto::TCP } else { IpProto::UDP }, draw.below(60_000) + 1),
    };
    let transport = Transport::Ports { src: 40_000, dst: u16::try_from(dst_port).unwrap_or(1_000) };
    let headers =
        Headers { dl_type: Some(EtherType::IPV4), proto: Some(proto), transport: Some(transport), dscp: Some(0), vlan: None };
    Flow { src, dst, headers, time: None }
}

fn end(view: &View, number: u32) -> End {
    let Some(station) = view.station(mac(number)) else { return End::default() };
    End {
        users: station.users.clone(),
        host: station.host,
        location: station.location,
        mac: Some(station.mac),
        address: station.addresses.first().copied(),
        place: Place::Inside,
        groups: station.groups.clone(),
    }
}
