//! Views that fit a policy, and frames that stations of such a view send, sound or not. The same seed gives the same ones.

use std::net::{IpAddr, Ipv4Addr};

use compiler::View;
use lang::checked::{Checked, GroupId, Kind, UserId};
use lang::flow::Person;
use net::{FlowKey, FlowMatch, IpProto, Location, MacAddr, PortNo, Transport, TransportMatch, VlanId, VlanMatch, VlanTag};
use packet::build::{IpEnds, ipv4, tag};
use packet::checksum::checksum;

/// Xorshift64*, seeded.
pub struct Draw(u64);

/// Ports that policies speak of, and their neighbours are tried too.
const PORTS: [u16; 14] = [0, 22, 25, 53, 67, 80, 123, 443, 445, 514, 631, 3_389, 8_080, 65_535];

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Every declared host somewhere, some strangers, users on many of them, and members of what is filled at run time.
pub fn seated(policy: &Checked, draw: &mut Draw) -> View {
    let mut view = View::new(policy);
    let places: Vec<Location> = policy
        .switches
        .iter()
        .flat_map(|switch| {
            let ports = switch.access.0.iter().flat_map(|range| range.clone().take(40)).collect::<Vec<_>>();
            let open = switch.access.is_empty() && switch.uplink.is_empty();
            let any = if open { (1..9).collect() } else { ports };
            any.into_iter().map(|port| Location::new(switch.dpid, PortNo(port)))
        })
        .collect();
    let known: Vec<(MacAddr, Option<Location>)> = view
        .stations()
        .map(|station| {
            let host = station.host.and_then(|id| policy.hosts.get(id.index()));
            (station.mac, host.and_then(|host| host.pin))
        })
        .collect();
    let strangers = (0..4).map(|last| (MacAddr([6, 0, 0, 0, 0, last]), None));
    for ((mac, pin), last) in known.into_iter().take(60).chain(strangers).zip(1..) {
        let at = pin.unwrap_or_else(|| draw.pick(&places));
        view.attach(mac, at, policy);
        view.claim(mac, IpAddr::from([10, 0, 200, last]));
        seat_users(policy, draw, &mut view, mac);
    }
    view
}

fn seat_users(policy: &Checked, draw: &mut Draw, view: &mut View, mac: MacAddr) {
    let dynamic = |draw: &mut Draw, users: bool| -> Vec<GroupId> {
        let groups = (0..).map(GroupId).zip(&policy.groups);
        let fitting = groups.filter(|(_, group)| group.dynamic.is_some() && (group.kind == Kind::User) == users);
        fitting.map(|(id, _)| id).filter(|_| draw.chance(3)).collect()
    };
    for _ in 0..draw.below(3) {
        if !policy.users.is_empty() {
            let user = UserId(u32::try_from(draw.below(policy.users.len())).unwrap());
            let groups = dynamic(draw, true);
            view.login(mac, Person { user: Some(user), groups });
        }
    }
    let groups = dynamic(draw, false);
    view.join(mac, groups);
}

/// A frame of one of the stations to another, now and then with what is another's, from elsewhere, tagged or in fragments.
pub fn frame(draw: &mut Draw, view: &View) -> (Location, Vec<u8>, FlowKey) {
    let stations: Vec<_> = view.stations().filter(|station| station.location.is_some()).collect();
    let (from, to, odd) = (draw.pick(&stations), draw.pick(&stations), draw.pick(&stations));
    let four = |addresses: &std::collections::BTreeSet<IpAddr>, draw: &mut Draw| {
        let all: Vec<Ipv4Addr> =
            addresses.iter().filter_map(|one| if let IpAddr::V4(v4) = one { Some(*v4) } else { None }).collect();
        if all.is_empty() || draw.chance(30) { Ipv4Addr::new(10, 9, 9, draw.byte()) } else { draw.pick(&all) }
    };
    let src_ip = four(&if draw.chance(20) { odd } else { from }.addresses, draw);
    let dst_ip = four(&if draw.chance(20) { odd } else { to }.addresses, draw);
    let ends = IpEnds { src_mac: from.mac, dst_mac: to.mac, src_ip, dst_ip };
    let place = if draw.chance(20) { odd.location } else { from.location };
    let at = place.unwrap();
    built(draw, at, &ends)
}

/// A packet like one before, or like an answer to it.
pub fn again(draw: &mut Draw, view: &View, allowed: &[(Location, FlowKey)]) -> (Location, Vec<u8>, FlowKey) {
    let (at, key) = draw.pick(allowed);
    let back = view.station(key.dl_dst).and_then(|station| station.location).filter(|_| draw.chance(2));
    let (at, key) = match back {
        Some(at) => (at, key.reply()),
        None => (at, key),
    };
    let Some((IpAddr::V4(src_ip), IpAddr::V4(dst_ip), ip)) = key.ip.map(|ip| (ip.src, ip.dst, ip)) else {
        return frame(draw, view);
    };
    let ends = IpEnds { src_mac: key.dl_src, dst_mac: key.dl_dst, src_ip, dst_ip };
    let payload = match ip.transport {
        Some(Transport::Ports { src, dst }) => ports(src, dst),
        Some(Transport::Icmp { kind, code }) => icmp(kind, code),
        None => vec![0; 24],
    };
    parsed(at, ipv4(&ends, ip.proto, &payload).unwrap())
}

fn built(draw: &mut Draw, at: Location, ends: &IpEnds) -> (Location, Vec<u8>, FlowKey) {
    let (proto, payload) = match draw.below(10) {
        0..=4 => (IpProto::TCP, ports(any_port(draw), any_port(draw))),
        5..=6 => (IpProto::UDP, ports(any_port(draw), any_port(draw))),
        7 => (IpProto::ICMP, icmp(draw.pick(&[0, 3, 8, 8, 11, 13]), draw.pick(&[0, 1, 4]))),
        8 => (IpProto::SCTP, ports(any_port(draw), any_port(draw))),
        _ => (IpProto(draw.pick(&[2, 47, 50, 89, 200])), vec![0; 24]),
    };
    let mut frame = ipv4(ends, proto, &payload).unwrap();
    if draw.chance(12) {
        later_fragment(&mut frame);
    }
    if draw.chance(12) {
        frame = tag(&frame, VlanTag { id: VlanId::new(u16::try_from(1 + draw.below(9)).unwrap()), pcp: 0 });
    }
    parsed(at, frame)
}

fn parsed(at: Location, frame: Vec<u8>) -> (Location, Vec<u8>, FlowKey) {
    let key = packet::parse(&frame).unwrap().key;
    (at, frame, key)
}

/// Ports, and enough behind them to be a header of any protocol.
fn ports(src: u16, dst: u16) -> Vec<u8> {
    let mut header = [&src.to_be_bytes()[..], &dst.to_be_bytes(), &[0, 24], &[0; 18]].concat();
    // The length of a TCP header; nothing to other protocols.
    header[12] = 0x50;
    header
}

fn icmp(kind: u8, code: u8) -> Vec<u8> {
    [&[kind, code][..], &[0; 30]].concat()
}

/// Makes a packet one that is not the first of its fragments (RFC 791 §3.1).
fn later_fragment(frame: &mut [u8]) {
    let header = &mut frame[14..34];
    header[6..8].copy_from_slice(&[0, 100]);
    header[10..12].copy_from_slice(&[0, 0]);
    let sum = checksum(header).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
}

/// A packet of a region around another: whatever the region leaves open is drawn anew, ends out of the view.
pub fn inside(draw: &mut Draw, view: &View, region: &FlowMatch, like: &FlowKey) -> FlowKey {
    let mut key = *like;
    if region.vlan == VlanMatch::Any {
        key.vlan = draw.chance(3).then(|| VlanTag { id: VlanId::new(u16::try_from(1 + draw.below(900)).unwrap()), pcp: 0 });
    }
    let stations: Vec<_> = view.stations().collect();
    let to = draw.pick(&stations);
    let other = draw.pick(&stations);
    if region.dl_dst.is_none() {
        key.dl_dst = to.mac;
    }
    let Some(ip) = &mut key.ip else { return key };
    if region.nw_dst.is_none() {
        let own: Vec<IpAddr> = if draw.chance(10) { other } else { to }.addresses.iter().copied().collect();
        let fitting: Vec<IpAddr> = own.into_iter().filter(|one| one.is_ipv4() == ip.src.is_ipv4()).collect();
        ip.dst = if fitting.is_empty() { ip.dst } else { draw.pick(&fitting) };
    }
    if region.dscp.is_none() {
        ip.dscp = draw.byte() & 0x3f;
    }
    ip.transport = match region.transport {
        TransportMatch::Any => any_transport(draw, ip.proto),
        TransportMatch::Ports { src, dst } => {
            let width = usize::from(dst.last() - dst.first()) + 1;
            let to = dst.first() + u16::try_from(draw.below(width)).unwrap();
            Some(Transport::Ports { src: src.unwrap_or_else(|| any_port(draw)), dst: to })
        }
        TransportMatch::Icmp { kind, code } => Some(Transport::Icmp { kind, code: code.unwrap_or_else(|| draw.byte()) }),
    };
    key
}

fn any_port(draw: &mut Draw) -> u16 {
    let near = draw.pick(&PORTS).wrapping_add(u16::try_from(draw.below(3)).unwrap()).wrapping_sub(1);
    if draw.chance(3) { u16::from_be_bytes([draw.byte(), draw.byte()]) } else { near }
}

fn any_transport(draw: &mut Draw, proto: IpProto) -> Option<Transport> {
    if draw.chance(8) {
        return None;
    }
    match proto {
        IpProto::ICMP => Some(Transport::Icmp { kind: draw.byte(), code: draw.byte() }),
        proto if proto.has_ports() => Some(Transport::Ports { src: any_port(draw), dst: any_port(draw) }),
        _ => None,
    }
}
