//! SEPL: generated policies and flows, judged as SNAC's enforcer judges them, and by what they became here.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use lang::checked::{GroupId, Verdict};
use lang::flow::{End, Flow, Headers, Person, Place};
use net::{EtherType, IpProto, MacAddr, Transport, VlanId, VlanTag};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::checked::{self, Policy};

/// The first is registered with an address, the second by name alone, the third is in no module, the last is nobody known.
const HOSTS: &[&str] = &["www", "roo", "kanga", "nobody"];
const USERS: &[&str] = &["ann", "ben", "group"];
const POINTS: &[&str] = &["wap", "desk"];
const BOXES: &[&str] = &["ids", "www"];
const ADDRESSES: &[[u8; 4]] = &[[10, 0, 0, 1], [10, 1, 2, 3], [192, 168, 1, 1]];
const MACS: &[[u8; 6]] = &[[0x50, 0x54, 0, 0, 0, 1], [2, 0, 0, 0, 0, 9], [0xff; 6]];

/// A test of one field, by what SEPL calls it.
#[derive(Clone, Debug)]
enum Pred {
    Host(bool, usize),
    User(bool, usize),
    Point(bool, usize),
    Unauthenticated(bool),
    NoUser(bool),
    /// `staff`: registered, ann and those of `helpers`, who is ben.
    Staff(bool),
    /// Kept by another directory: who is in it is said by the flow.
    Printers(bool),
    Vlan(u16),
    Mac(bool, usize),
    Ether(u16),
    Address(bool, usize),
    Subnet(bool, &'static str, u8),
    Proto(u8),
    Port(bool, u16),
    Ports(bool, Vec<u16>),
    Protocol(&'static str),
    Request,
    Response,
    /// What nobody can carry over.
    Func,
    True,
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(Pred),
    Not(Box<Tree>),
    Both(Box<Tree>, Box<Tree>),
    Either(Box<Tree>, Box<Tree>),
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Allow,
    Deny,
    Waypoint(Vec<usize>),
    Redirect,
    Python,
}

#[derive(Clone, Debug)]
struct Rule {
    action: Action,
    cond: Tree,
    /// `cascade()` stands behind it.
    cascade: bool,
}

#[derive(Clone, Debug)]
struct Module {
    rules: Vec<Rule>,
}

/// A packet with what SNAC knows of its ends.
#[derive(Clone, Debug)]
struct Packet {
    users: [Vec<usize>; 2],
    hosts: [usize; 2],
    points: [usize; 2],
    printers: [bool; 2],
    macs: [usize; 2],
    /// In place of a host: everyone, or a group.
    group: Option<bool>,
    vlan: Option<u16>,
    ether: u16,
    addresses: [usize; 2],
    proto: u8,
    ports: [u16; 2],
}

/// The fields of a packet as NOX has them: what is absent is zero, and ICMP's type and code stand for ports.
struct Nox {
    vlan: u16,
    nw: [u32; 2],
    proto: u8,
    tp: [u16; 2],
}

impl Packet {
    fn nox(&self) -> Nox {
        let vlan = self.vlan.unwrap_or(0xffff);
        if self.ether != 0x0800 {
            return Nox { vlan, nw: [0, 0], proto: 0, tp: [0, 0] };
        }
        let dst = if self.group.is_some() { u32::MAX } else { bits(self.addresses[1]) };
        let tp = if [1, 6, 17].contains(&self.proto) { self.ports } else { [0, 0] };
        Nox { vlan, nw: [bits(self.addresses[0]), dst], proto: self.proto, tp }
    }

    fn mac(&self, side: usize) -> [u8; 6] {
        match (side, self.group) {
            (1, Some(true)) => [0xff; 6],
            (1, Some(false)) => [1, 0, 0x5e, 0, 0, 1],
            _ => MACS[self.macs[side] % 2],
        }
    }
}

fn bits(address: usize) -> u32 {
    u32::from_be_bytes(ADDRESSES[address])
}

fn side(dst: bool) -> usize {
    usize::from(dst)
}

/// The suffix of a field's name.
fn end(dst: bool) -> &'static str {
    if dst { "dst" } else { "src" }
}

fn protocol(name: &str) -> (Option<u16>, Option<u8>, Option<u16>) {
    match name {
        "arp" => (Some(0x0806), None, None),
        "ipv4" => (Some(0x0800), None, None),
        "tcp" => (None, Some(6), None),
        "http" => (None, None, Some(80)),
        "tcp_http" => (None, Some(6), Some(80)),
        "ipv4_tcp_http" => (Some(0x0800), Some(6), Some(80)),
        "dns" => (None, Some(17), Some(53)),
        other => panic!("{other}"),
    }
}

impl Pred {
    fn text(&self) -> String {
        match self {
            Pred::Host(dst, host) => format!("h{}('sepl_directory;{}')", end(*dst), HOSTS[*host]),
            Pred::User(dst, user) => format!("u{}('{}')", end(*dst), USERS[*user]),
            Pred::Point(dst, point) => format!("loc{}(\"sepl_directory;{}\")", end(*dst), POINTS[*point]),
            Pred::Unauthenticated(dst) => format!("h{}('discovered;unauthenticated')", end(*dst)),
            Pred::NoUser(dst) => format!("u{}(discovered.UNAUTHENTICATED)", end(*dst)),
            Pred::Staff(dst) => format!("in_group('sepl_directory;staff', 'U{}')", end(*dst).to_uppercase()),
            Pred::Printers(dst) => format!("in_group('Built-in;Printers', H{})", end(*dst).to_uppercase()),
            Pred::Vlan(vlan) => format!("dlvlan({vlan})"),
            Pred::Mac(dst, mac) => format!("dl{}('{}')", end(*dst), MacAddr(MACS[*mac])),
            Pred::Ether(ether) => format!("dltype({ether:#06x})"),
            Pred::Address(dst, address) => format!("nw{}('{}')", end(*dst), Ipv4Addr::from_bits(bits(*address))),
            Pred::Subnet(dst, network, length) => format!("subnet{}('{network}/{length}')", end(*dst)),
            Pred::Proto(proto) => format!("nwproto({proto})"),
            Pred::Port(dst, port) => format!("tp{}({port})", end(*dst)),
            Pred::Ports(dst, ports) => format!("in_group({ports:?}, 'TP{}')", end(*dst).to_uppercase()),
            Pred::Protocol(name) => format!("protocol('{name}')"),
            Pred::Request => "isConnRequest()".to_owned(),
            Pred::Response => "conn_role(RESPONSE)".to_owned(),
            Pred::Func => "func('f')".to_owned(),
            Pred::True => "True".to_owned(),
        }
    }

    /// As the enforcer has it, of a first packet.
    fn holds(&self, packet: &Packet, nox: &Nox, users: [Option<usize>; 2]) -> bool {
        let is_host = |dst: bool| !(dst && packet.group.is_some());
        let port = |dst: bool, port: u16| nox.tp[side(dst)] == port;
        // What NOX reads out of ARP packets, no policy sees here.
        let arp = packet.ether == 0x0806;
        match self {
            Pred::Host(dst, host) => is_host(*dst) && packet.hosts[side(*dst)] == *host,
            Pred::User(dst, user) => users[side(*dst)] == Some(*user),
            Pred::Point(dst, point) => is_host(*dst) && packet.points[side(*dst)] == *point,
            Pred::Unauthenticated(dst) => is_host(*dst) && HOSTS[packet.hosts[side(*dst)]] == "nobody",
            Pred::NoUser(dst) => users[side(*dst)].is_none(),
            Pred::Staff(dst) => users[side(*dst)].is_some_and(|user| USERS[user] != "group"),
            Pred::Printers(dst) => is_host(*dst) && packet.printers[side(*dst)],
            Pred::Vlan(vlan) => nox.vlan == *vlan,
            Pred::Mac(dst, mac) => packet.mac(side(*dst)) == MACS[*mac],
            Pred::Ether(ether) => packet.ether == *ether,
            Pred::Address(..) | Pred::Proto(_) if arp => false,
            Pred::Subnet(_, _, length) if arp => *length == 0,
            Pred::Address(dst, address) => nox.nw[side(*dst)] == bits(*address),
            Pred::Subnet(dst, network, length) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                nox.nw[side(*dst)] & mask == network.parse::<Ipv4Addr>().expect("an address").to_bits()
            }
            Pred::Proto(proto) => nox.proto == *proto,
            Pred::Port(dst, number) => port(*dst, *number),
            Pred::Ports(dst, ports) => ports.iter().any(|number| port(*dst, *number)),
            Pred::Protocol(name) => {
                let (ether, proto, number) = protocol(name);
                ether.is_none_or(|ether| packet.ether == ether)
                    && proto.is_none_or(|proto| nox.proto == proto)
                    && number.is_none_or(|number| port(false, number) || port(true, number))
            }
            Pred::Request | Pred::True => true,
            Pred::Response => false,
            // Some function of the packet.
            Pred::Func => (packet.ports[1] ^ u16::from(packet.proto)) % 2 == 1,
        }
    }
}

impl Tree {
    /// With the parentheses that Python needs.
    fn text(&self, level: u8) -> String {
        let (text, own) = match self {
            Tree::Leaf(Pred::True) => ("hsrc('www') | ~hsrc('www')".to_owned(), 0),
            Tree::Leaf(pred) => return pred.text(),
            Tree::Not(inner) => return format!("~{}", inner.text(2)),
            Tree::Both(left, right) => (format!("{} ^ {}", left.text(1), right.text(2)), 1),
            Tree::Either(left, right) => (format!("{} | {}", left.text(0), right.text(1)), 0),
        };
        if level > own { format!("({text})") } else { text }
    }

    fn holds(&self, packet: &Packet, nox: &Nox, users: [Option<usize>; 2]) -> bool {
        match self {
            Tree::Leaf(pred) => pred.holds(packet, nox, users),
            Tree::Not(inner) => !inner.holds(packet, nox, users),
            Tree::Both(left, right) => left.holds(packet, nox, users) && right.holds(packet, nox, users),
            Tree::Either(left, right) => left.holds(packet, nox, users) || right.holds(packet, nox, users),
        }
    }
}

/// What the enforcer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Allow(BTreeSet<usize>),
    Deny,
    Redirect,
}

impl Module {
    fn text(&self) -> String {
        let mut text = "from nox.ext.apps.sepl.declare import *\n\
            check(register_switch('edge', 0x505400000003))\n\
            check(register_location('wap', 'edge', 7, 'eth7'))\n\
            register_host('www', dladdr=0x505400000001)\n\
            register_user_group('staff', 'who works', ['ann'], ['helpers'])\n\
            register_user_group('helpers', 'who helps', ['ben'], [])\n\
            register_host('roo')\nregister_host('kanga')\nset_priority(0)\n"
            .to_owned();
        for rule in &self.rules {
            let action = match &rule.action {
                Action::Allow => "allow()".to_owned(),
                Action::Deny => "deny()".to_owned(),
                Action::Waypoint(boxes) => {
                    let names: Vec<String> = boxes.iter().map(|one| format!("'{}'", BOXES[*one])).collect();
                    format!("waypoint({})", names.join(", "))
                }
                Action::Redirect => "http_redirect()".to_owned(),
                Action::Python => "py_action('f')".to_owned(),
            };
            let cond = match &rule.cond {
                Tree::Leaf(Pred::True) => "True".to_owned(),
                other => other.text(0),
            };
            let _ = writeln!(text, "{action} <= {cond}");
            if rule.cascade {
                text.push_str("cascade()\n");
            }
        }
        text
    }

    /// The actions of the rules of the first priority of which one matches.
    fn actions(&self, packet: &Packet, nox: &Nox, users: [Option<usize>; 2]) -> Vec<&Action> {
        let mut matching: Vec<(usize, &Action)> = Vec::new();
        let mut priority = 0;
        for rule in &self.rules {
            if rule.cond.holds(packet, nox, users) {
                matching.push((priority, &rule.action));
            }
            priority += usize::from(rule.cascade);
        }
        let first = matching.iter().map(|(priority, _)| *priority).min();
        matching.into_iter().filter(|(priority, _)| Some(*priority) == first).map(|(_, action)| action).collect()
    }

    fn judge(&self, packet: &Packet) -> Answer {
        if packet.group == Some(false) {
            return Answer::Allow(BTreeSet::new());
        }
        let nox = packet.nox();
        let faces = |users: &[usize]| if users.is_empty() { vec![None] } else { users.iter().copied().map(Some).collect() };
        let (mut allow, mut deny, mut through, mut redirect) = (false, false, None::<BTreeSet<usize>>, false);
        let no_users = Vec::new();
        let dst_users = if packet.group.is_some() { &no_users } else { &packet.users[1] };
        for src in faces(&packet.users[0]) {
            for dst in faces(dst_users) {
                let actions = self.actions(packet, &nox, [src, dst]);
                if actions.contains(&&Action::Deny) {
                    deny = true;
                } else if actions.iter().any(|action| matches!(action, Action::Waypoint(_))) {
                    let boxes =
                        actions.iter().filter_map(|action| if let Action::Waypoint(boxes) = action { Some(boxes) } else { None });
                    through.get_or_insert_default().extend(boxes.flatten());
                } else if actions.contains(&&Action::Allow) {
                    allow = true;
                } else {
                    redirect |= actions.contains(&&Action::Redirect);
                }
            }
        }
        match (allow, through) {
            (true, _) => Answer::Allow(BTreeSet::new()),
            (false, Some(boxes)) => Answer::Allow(boxes),
            (false, None) if redirect && !deny => Answer::Redirect,
            (false, None) => Answer::Deny,
        }
    }
}

/// The group whose members another directory says.
fn printers(policy: &Policy) -> Option<GroupId> {
    let place = policy.checked.groups.iter().position(|group| group.dynamic.is_some() && group.name.contains("Printers"))?;
    u32::try_from(place).ok().map(GroupId)
}

fn flow_end(policy: &Policy, packet: &Packet, at: usize) -> End {
    let mac = Some(MacAddr(packet.mac(at)));
    let address = match packet.ether {
        0x0800 => Some(IpAddr::V4(Ipv4Addr::from_bits(bits(packet.addresses[at])))),
        // NOX reads nothing of version 6; here it has addresses, a protocol and ports.
        0x86dd => Some(IpAddr::V6(Ipv4Addr::from_bits(bits(packet.addresses[at])).to_ipv6_mapped())),
        _ => None,
    };
    if let (1, Some(everyone)) = (at, packet.group) {
        let place = if everyone { Place::Broadcast } else { Place::Multicast };
        let address = address.filter(IpAddr::is_ipv4).map(|_| IpAddr::V4(Ipv4Addr::BROADCAST));
        return End { mac, address, place, ..End::default() };
    }
    let mut users: Vec<Person> =
        packet.users[at].iter().map(|user| Person { user: policy.user(USERS[*user]), groups: Vec::new() }).collect();
    users.sort();
    users.dedup();
    End {
        users,
        host: policy.host(HOSTS[packet.hosts[at]]),
        location: POINTS.get(packet.points[at]).and_then(|name| policy.location(name)),
        mac,
        address,
        place: Place::Inside,
        groups: if packet.printers[at] { printers(policy).into_iter().collect() } else { Vec::new() },
    }
}

fn flow(policy: &Policy, packet: &Packet) -> Flow {
    let ip = matches!(packet.ether, 0x0800 | 0x86dd);
    let proto = ip.then_some(IpProto(packet.proto));
    let [src, dst] = packet.ports;
    let transport = match proto {
        Some(IpProto(1)) => Some(Transport::Icmp { kind: src.to_be_bytes()[1], code: dst.to_be_bytes()[1] }),
        Some(proto) if proto.has_ports() => Some(Transport::Ports { src, dst }),
        _ => None,
    };
    let vlan = packet.vlan.map(|id| VlanTag { id: VlanId::new(id), pcp: 0 });
    let headers = Headers { dl_type: Some(EtherType(packet.ether)), vlan, proto, dscp: ip.then_some(0), transport };
    Flow { src: flow_end(policy, packet, 0), dst: flow_end(policy, packet, 1), headers, time: None }
}

fn a_pred() -> impl Strategy<Value = Pred> {
    let dst = any::<bool>();
    let port = select(vec![0_u16, 8, 22, 80, 53, 443, 3000]);
    prop_oneof![
        3 => (dst, 0..3_usize).prop_map(|(dst, host)| Pred::Host(dst, host)),
        3 => (dst, 0..USERS.len()).prop_map(|(dst, user)| Pred::User(dst, user)),
        2 => (dst, 0..POINTS.len()).prop_map(|(dst, point)| Pred::Point(dst, point)),
        1 => dst.prop_map(Pred::Unauthenticated),
        1 => dst.prop_map(Pred::NoUser),
        2 => dst.prop_map(Pred::Staff),
        1 => dst.prop_map(Pred::Printers),
        1 => select(vec![5_u16, 7, 0xffff]).prop_map(Pred::Vlan),
        1 => (dst, 0..MACS.len()).prop_map(|(dst, mac)| Pred::Mac(dst, mac)),
        1 => select(vec![0x0800_u16, 0x0806, 0x86dd]).prop_map(Pred::Ether),
        2 => (dst, 0..ADDRESSES.len()).prop_map(|(dst, address)| Pred::Address(dst, address)),
        2 => (dst, select(vec![("10.0.0.0", 8), ("0.0.0.0", 0), ("0.0.0.0", 32), ("192.168.0.0", 16)]))
            .prop_map(|(dst, (network, length))| Pred::Subnet(dst, network, length)),
        2 => select(vec![0_u8, 1, 6, 17, 132]).prop_map(Pred::Proto),
        3 => (dst, port.clone()).prop_map(|(dst, port)| Pred::Port(dst, port)),
        1 => (dst, vec(port, 1..3)).prop_map(|(dst, ports)| Pred::Ports(dst, ports)),
        2 => select(vec!["arp", "ipv4", "tcp", "http", "tcp_http", "ipv4_tcp_http", "dns"]).prop_map(Pred::Protocol),
        1 => Just(Pred::Request),
        1 => Just(Pred::Response),
        1 => Just(Pred::Func),
    ]
}

fn a_tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![1 => Just(Tree::Leaf(Pred::True)), 9 => a_pred().prop_map(Tree::Leaf)];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let two = (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.prop_map(|tree| Tree::Not(Box::new(tree))),
            two.clone().prop_map(|(left, right)| Tree::Both(left, right)),
            two.prop_map(|(left, right)| Tree::Either(left, right)),
        ]
    })
}

fn a_module() -> impl Strategy<Value = Module> {
    let action = prop_oneof![
        6 => Just(Action::Allow),
        6 => Just(Action::Deny),
        3 => proptest::sample::subsequence(vec![0, 1], 1..=2).prop_map(Action::Waypoint),
        1 => Just(Action::Redirect),
        1 => Just(Action::Python),
    ];
    let rule = (action, a_tree(), any::<bool>()).prop_map(|(action, cond, cascade)| Rule { action, cond, cascade });
    vec(rule, 0..7).prop_map(|rules| Module { rules })
}

fn a_packet() -> impl Strategy<Value = Packet> {
    let users = || proptest::sample::subsequence(vec![0, 1, 2], 0..=2);
    let ports = [select(vec![0_u16, 8, 80, 53, 3000]), select(vec![0_u16, 22, 80, 53, 443])];
    let ends = ([users(), users()], [0..HOSTS.len(), 0..HOSTS.len()], [0..=POINTS.len(), 0..=POINTS.len()]);
    let ether = select(vec![0x0800_u16, 0x0800, 0x0800, 0x0806, 0x86dd]);
    let group = prop_oneof![8 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let wire = (any::<[bool; 2]>(), [0..2_usize, 0..2_usize], group, proptest::option::of(select(vec![5_u16, 9])), ether);
    (ends, wire, [0..3_usize, 0..3_usize], select(vec![1_u8, 6, 17, 47, 132]), ports).prop_map(
        |((users, hosts, points), (printers, macs, group, vlan, ether), addresses, proto, ports)| Packet {
            users,
            hosts,
            points,
            printers,
            macs,
            group,
            vlan,
            ether,
            addresses,
            proto,
            // ICMP has bytes where ports are.
            ports: if proto == 1 { ports.map(|port| port % 256) } else { ports },
        },
    )
}

fn carried(module: &Module) -> Policy {
    checked::policy(&module.text(), foreign::sepl(&module.text(), "generated.py"))
}

/// What differs in the answers, if anything does that must not.
fn difference(module: &Module, policy: &Policy, packet: &Packet) -> Option<String> {
    let wanted = module.judge(packet);
    let judged = policy.judge(&flow(policy, packet));
    let via: BTreeSet<usize> = policy
        .via(&judged)
        .iter()
        .filter_map(|name| BOXES.iter().position(|one| name.trim_end_matches("-box") == *one))
        .collect();
    let single = packet.users.iter().all(|users| users.len() < 2);
    let exact = match (&wanted, judged.verdict) {
        (Answer::Allow(boxes), Verdict::Allow) => via == *boxes,
        (Answer::Redirect, Verdict::Redirect) | (Answer::Deny, Verdict::Deny) => true,
        // Of several users, one denied and one redirected: neither is let through.
        (Answer::Redirect | Answer::Deny, Verdict::Redirect | Verdict::Deny) => !single,
        _ => false,
    };
    let no_wider = judged.verdict != Verdict::Allow || matches!(&wanted, Answer::Allow(boxes) if boxes.is_subset(&via));
    let right = if policy.left_out.is_empty() { exact } else { no_wider };
    (!right).then(|| format!("{}\n{}\n{packet:?}\nwanted {wanted:?}, is {judged:?}", module.text(), policy.text))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_carried_over_decides_like_the_original(module in a_module(), packets in vec(a_packet(), 40)) {
        let policy = carried(&module);
        for packet in &packets {
            let found = difference(&module, &policy, packet);
            prop_assert!(found.is_none(), "{}", found.unwrap_or_default());
        }
    }
}

/// The comparison finds what is wrong: policies that a careless import could have made are told from the right one.
#[test]
fn a_careless_import_is_caught() {
    let mut caught = [0_usize; 4];
    let mut exact = 0;
    for (module, packets) in checked::drawn(400, a_module(), vec(a_packet(), 60)) {
        let careful = carried(&module);
        exact += usize::from(careful.left_out.is_empty());
        // Priorities not looked at; negations lost; `any` packet taken for IPv4; the multicast that SNAC lets pass, not.
        let unordered = Module { rules: module.rules.iter().cloned().map(|rule| Rule { cascade: false, ..rule }).collect() };
        let texts = [
            carried(&unordered).text,
            careful.text.replace(" not ", " "),
            careful.text.replace("dltype = ipv4 and ", ""),
            careful.text.replace("allow to multicast;\n", ""),
        ];
        for (count, text) in caught.iter_mut().zip(texts) {
            let Ok(checked) = checked::checked(&text) else { continue };
            let careless = Policy { text, left_out: careful.left_out.clone(), checked };
            *count += usize::from(packets.iter().any(|packet| difference(&module, &careless, packet).is_some()));
        }
    }
    assert!(exact >= 100, "of {exact} modules all was carried over");
    assert!(caught.iter().all(|count| *count >= 5), "{caught:?}");
}
