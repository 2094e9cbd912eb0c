//! Faucet's configurations in a plain form, as text, and as its switches carry them out: table by table, packet by packet.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

pub const OFFICE: u16 = 100;
pub const GUEST: u16 = 200;
pub const ACLS: &[&str] = &["first", "second", "third"];
pub const ADDRESSES: &[[u8; 4]] = &[[10, 0, 0, 1], [10, 1, 2, 3], [192, 168, 1, 1]];
pub const MACS: &[&str] = &["02:00:00:00:00:01", "02:00:00:00:00:02"];

/// What a rule matches.
#[derive(Clone, Debug)]
pub enum Field {
    /// Written in one of three ways.
    Ether(u16, u8),
    Proto(u8, bool),
    /// An address, a mask, and whether it is written as a length.
    V4(bool, usize, u32, bool),
    V6(bool, u8),
    Tcp(bool, u16, u16),
    Udp(bool, u16),
    /// The name that old versions have for either.
    Tp(u16),
    IcmpType(u8),
    Dscp(u8),
    Vlan(u16, u8),
    Mac(bool, usize),
    Group,
    InPort(u32),
    /// What nobody here looks at.
    ArpOp(u8),
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub fields: Vec<Field>,
    pub allow: bool,
    /// What it does besides: a meter, a copy, another port.
    pub more: More,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum More {
    Nothing,
    Meter,
    Mirror,
    Output,
}

#[derive(Clone, Debug)]
pub struct Port {
    pub native: Option<u16>,
    pub tagged: bool,
    pub acls: Vec<usize>,
    pub enabled: bool,
    pub hairpin: bool,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub acls: Vec<(Vec<Rule>, bool)>,
    /// Of each datapath three ports, and whether both are of one stack.
    pub dps: [Vec<Port>; 2],
    pub stacked: bool,
    pub dp_acl: Option<usize>,
    pub vlan_in: Option<usize>,
    pub vlan_out: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Packet {
    pub from: (usize, u32),
    pub to: To,
    pub vlan: Option<u16>,
    pub ether: u16,
    pub addresses: [usize; 2],
    pub macs: [usize; 2],
    pub proto: u8,
    pub ports: [u16; 2],
    pub icmp: u8,
    pub dscp: u8,
    pub arp_op: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum To {
    Port(usize, u32),
    Unknown,
    Broadcast,
    Multicast,
}

pub fn bits(address: usize) -> u32 {
    u32::from_be_bytes(ADDRESSES[address])
}

pub fn v6(address: usize) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2001_0db8_0000_0000_0000_0000_0000_0000 | u128::from(bits(address)))
}

impl Field {
    pub fn text(&self) -> String {
        let end = |dst: &bool| if *dst { "dst" } else { "src" };
        match self {
            Field::Ether(value, 0) => format!("dl_type: {value:#06x}"),
            Field::Ether(value, 1) => format!("eth_type: {value}"),
            Field::Ether(value, _) => format!("eth_type: \"{value:#x}\""),
            Field::Proto(value, old) => format!("{}: {value}", if *old { "nw_proto" } else { "ip_proto" }),
            Field::V4(dst, address, mask, length) => {
                let address = Ipv4Addr::from_bits(bits(*address));
                match (mask.leading_ones(), mask.count_ones()) {
                    (32, _) => format!("nw_{}: {address}", end(dst)),
                    (ones, count) if ones == count && *length => format!("ipv4_{}: {address}/{ones}", end(dst)),
                    _ => format!("ipv4_{}: {address}/{}", end(dst), Ipv4Addr::from_bits(*mask)),
                }
            }
            Field::V6(dst, length) => format!("ipv6_{}: \"{}/{length}\"", end(dst), v6(0)),
            Field::Tcp(dst, port, 0xffff) => format!("tcp_{}: {port}", end(dst)),
            Field::Tcp(dst, port, mask) => format!("tcp_{}: \"{port:#x}/{mask:#x}\"", end(dst)),
            Field::Udp(dst, port) => format!("udp_{}: \"{port}\"", end(dst)),
            Field::Tp(port) => format!("tp_dst: {port}"),
            Field::IcmpType(value) => format!("icmpv4_type: {value}"),
            Field::Dscp(value) => format!("ip_dscp: {value}"),
            Field::Vlan(vid, 0) => format!("vlan_vid: {vid}"),
            Field::Vlan(vid, 1) => format!("dl_vlan: \"{:#x}\"", vid | 0x1000),
            Field::Vlan(_, 2) => "vlan_vid: 0x1000/0x1000".to_owned(),
            Field::Vlan(..) => "vlan_vid: \"0x0\"".to_owned(),
            Field::Mac(dst, mac) => format!("eth_{}: \"{}\"", end(dst), MACS[*mac]),
            Field::Group => "eth_dst: \"01:00:00:00:00:00/01:00:00:00:00:00\"".to_owned(),
            Field::InPort(port) => format!("in_port: {port}"),
            Field::ArpOp(op) => format!("arp_op: {op}"),
        }
    }

    /// The same field: a mapping says each once.
    pub fn name(&self) -> (u8, bool) {
        match self {
            Field::Ether(..) => (0, false),
            Field::Proto(..) => (1, false),
            Field::V4(dst, ..) => (2, *dst),
            Field::V6(dst, ..) => (3, *dst),
            Field::Tcp(dst, ..) => (4, *dst),
            Field::Udp(dst, _) => (5, *dst),
            Field::Tp(_) => (6, false),
            Field::IcmpType(_) => (7, false),
            Field::Dscp(_) => (8, false),
            Field::Vlan(..) => (9, false),
            Field::Mac(false, _) => (10, false),
            Field::Mac(true, _) | Field::Group => (10, true),
            Field::InPort(_) => (11, false),
            Field::ArpOp(_) => (12, false),
        }
    }
}

/// What of a packet a table replaces by its own.
#[derive(Clone, Copy)]
pub struct Table {
    /// The list is of a port: it is asked about that port alone.
    pub own_port: bool,
    /// The list is of a VLAN: packets have its tag there.
    pub vlan: Option<u16>,
}

impl Rule {
    fn ether(&self) -> Option<u16> {
        self.fields.iter().find_map(|field| if let Field::Ether(value, _) = field { Some(*value) } else { None })
    }

    fn proto(&self) -> Option<u8> {
        self.fields.iter().find_map(|field| if let Field::Proto(value, _) = field { Some(*value) } else { None })
    }

    /// A switch takes a match of a field only beside those that say that packets have it.
    pub fn is_taken(&self) -> bool {
        let (ether, proto) = (self.ether(), self.proto());
        let ip = matches!(ether, Some(0x0800 | 0x86dd));
        self.fields.iter().all(|field| match field {
            Field::Proto(..) | Field::Dscp(_) => ip,
            Field::V4(..) => ether == Some(0x0800),
            Field::V6(..) => ether == Some(0x86dd),
            Field::Tcp(..) => ip && proto == Some(6),
            Field::Udp(..) => ip && proto == Some(17),
            Field::Tp(_) => ip && matches!(proto, Some(6 | 17)),
            Field::IcmpType(_) => ether == Some(0x0800) && proto == Some(1),
            Field::ArpOp(_) => ether == Some(0x0806),
            Field::Ether(..) | Field::Vlan(..) | Field::Mac(..) | Field::Group | Field::InPort(_) => true,
        })
    }

    fn matches(&self, packet: &Packet, table: Table) -> bool {
        let ip = matches!(packet.ether, 0x0800 | 0x86dd);
        let proto = ip.then_some(packet.proto);
        let vlan = table.vlan.or(packet.vlan);
        let side = |dst: &bool| usize::from(*dst);
        let to_group = matches!(packet.to, To::Broadcast | To::Multicast);
        let v4 = |dst: &bool| match (dst, packet.to) {
            (true, To::Broadcast) => u32::MAX,
            (true, To::Multicast) => 0xe000_0001,
            _ => bits(packet.addresses[side(dst)]),
        };
        self.is_taken()
            && self.fields.iter().all(|field| match field {
                Field::Ether(value, _) => packet.ether == *value,
                Field::Proto(value, _) => proto == Some(*value),
                Field::V4(dst, address, mask, _) => packet.ether == 0x0800 && v4(dst) & mask == bits(*address) & mask,
                Field::V6(dst, length) => {
                    let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                    let here =
                        if *dst && to_group { Ipv6Addr::from_bits(0xff02 << 112 | 1) } else { v6(packet.addresses[side(dst)]) };
                    packet.ether == 0x86dd && here.to_bits() & mask == v6(0).to_bits() & mask
                }
                Field::Tcp(dst, port, mask) => proto == Some(6) && packet.ports[side(dst)] & mask == port & mask,
                Field::Udp(dst, port) => proto == Some(17) && packet.ports[side(dst)] == *port,
                Field::Tp(port) => matches!(proto, Some(6 | 17)) && packet.ports[1] == *port,
                Field::IcmpType(value) => proto == Some(1) && packet.icmp == *value,
                Field::Dscp(value) => ip && packet.dscp == *value,
                Field::Vlan(..) if table.vlan.is_some() => true,
                Field::Vlan(vid, 0 | 1) => vlan == Some(*vid),
                Field::Vlan(_, 2) => vlan.is_some(),
                Field::Vlan(..) => vlan.is_none(),
                Field::Mac(true, _) if to_group => false,
                Field::Mac(dst, mac) => packet.macs[side(dst)] == *mac,
                Field::Group => to_group,
                Field::InPort(_) if table.own_port => true,
                Field::InPort(port) => packet.from.1 == *port,
                Field::ArpOp(op) => packet.ether == 0x0806 && packet.arp_op == *op,
            })
    }

    /// True if the packet goes on to the next table.
    fn passes(&self) -> bool {
        self.allow || self.more == More::Mirror
    }
}

impl Config {
    pub fn text(&self) -> String {
        let mut text =
            "meters:\n  slow: {meter_id: 1, entry: {flags: [KBPS], bands: [{type: DROP, rate: 64}]}}\nacls:\n".to_owned();
        for (name, (rules, exact)) in ACLS.iter().zip(&self.acls) {
            let _ = writeln!(text, "  {name}:\n    exact_match: {exact}\n    rules:");
            for rule in rules {
                let mut parts: Vec<String> = rule.fields.iter().map(Field::text).collect();
                let mut actions = Vec::new();
                if rule.more != More::Mirror {
                    actions.push(format!("allow: {}", u8::from(rule.allow)));
                }
                match rule.more {
                    More::Nothing => {}
                    More::Meter => actions.push("meter: slow".to_owned()),
                    More::Mirror => actions.push("mirror: 3".to_owned()),
                    More::Output => actions.push("output: {port: 2}".to_owned()),
                }
                parts.push(format!("actions: {{{}}}", actions.join(", ")));
                let _ = writeln!(text, "      - rule: {{{}}}", parts.join(", "));
            }
        }
        let list = |word: &str, acl: Option<usize>| acl.map_or_else(String::new, |acl| format!(", {word}: {}", ACLS[acl]));
        let (inward, outward) = (list("acl_in", self.vlan_in), list("acl_out", self.vlan_out));
        let _ = writeln!(text, "vlans:\n  office: {{vid: {OFFICE}{inward}{outward}}}\ndps:");
        for (dp, ports) in self.dps.iter().enumerate() {
            let _ = writeln!(text, "  sw{dp}:\n    dp_id: {:#x}", dp + 1);
            if let (0, Some(acl)) = (dp, self.dp_acl) {
                let _ = writeln!(text, "    dp_acls: [{}]", ACLS[acl]);
            }
            let _ = writeln!(text, "    interfaces:");
            for (place, port) in ports.iter().enumerate() {
                let mut parts = vec![format!("enabled: {}", port.enabled), format!("hairpin: {}", port.hairpin)];
                match port.native {
                    Some(OFFICE) => parts.push("native_vlan: office".to_owned()),
                    Some(vid) => parts.push(format!("native_vlan: {vid}")),
                    None => {}
                }
                if port.tagged {
                    let other = if port.native == Some(GUEST) { "office".to_owned() } else { GUEST.to_string() };
                    parts.push(format!("tagged_vlans: [{other}]"));
                }
                let names: Vec<&str> = port.acls.iter().map(|acl| ACLS[*acl]).collect();
                match names.as_slice() {
                    _ if dp == 0 && self.dp_acl.is_some() => {}
                    [] => {}
                    [only] => parts.push(format!("acl_in: {only}")),
                    several => parts.push(format!("acls_in: [{}]", several.join(", "))),
                }
                let _ = writeln!(text, "      {}: {{{}}}", place + 1, parts.join(", "));
            }
            if self.stacked {
                let _ = writeln!(text, "      9: {{stack: {{dp: sw{}, port: 9}}}}", 1 - dp);
            }
        }
        text
    }

    fn port(&self, (dp, number): (usize, u32)) -> Option<&Port> {
        self.dps[dp].get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The VLAN that a packet is of, if the port takes it.
    fn vlan(port: &Port, tag: Option<u16>) -> Option<u16> {
        let tagged = port.tagged.then_some(if port.native == Some(GUEST) { OFFICE } else { GUEST });
        match tag {
            None => port.native,
            Some(vid) => Some(vid).filter(|vid| tagged == Some(*vid)),
        }
    }

    fn is_member(port: &Port, vid: u16) -> bool {
        port.enabled && (Self::vlan(port, None) == Some(vid) || Self::vlan(port, Some(vid)).is_some())
    }

    /// A list: the first rule that matches; with `exact_match`, no rule is before another, and what one drops may be dropped.
    fn list(&self, acls: &[usize], packet: &Packet, table: Table) -> bool {
        let rules: Vec<&Rule> =
            acls.iter().flat_map(|acl| &self.acls[*acl].0).filter(|rule| rule.matches(packet, table)).collect();
        if self.acls[acls[0]].1 {
            !rules.is_empty() && rules.iter().all(|rule| rule.passes())
        } else {
            rules.first().is_some_and(|rule| rule.passes())
        }
    }

    /// Ports that a rule of a list in use copies to: what comes in there is dropped.
    fn is_copied_to(&self, (dp, number): (usize, u32)) -> bool {
        let of_ports =
            self.dps[dp].iter().filter(|_| dp != 0 || self.dp_acl.is_none()).flat_map(|port| port.acls.iter().copied());
        let of_dp = self.dp_acl.filter(|_| dp == 0);
        let used: Vec<usize> = of_ports.chain(of_dp).chain(self.vlan_in).chain(self.vlan_out).collect();
        number == 3 && used.iter().any(|acl| self.acls[*acl].0.iter().any(|rule| rule.more == More::Mirror))
    }

    /// True if the packet is delivered, as the tables have it.
    pub fn delivers(&self, packet: &Packet) -> bool {
        let Some(port) = self.port(packet.from).filter(|port| port.enabled) else { return false };
        if self.is_copied_to(packet.from) {
            return false;
        }
        let own = Table { own_port: true, vlan: None };
        let at_port = match self.dp_acl.filter(|_| packet.from.0 == 0) {
            Some(acl) => self.list(&[acl], packet, Table { own_port: false, vlan: None }),
            None => port.acls.is_empty() || self.list(&port.acls, packet, own),
        };
        let Some(vid) = Self::vlan(port, packet.vlan) else { return false };
        // At the other switch of a stack the packet comes in by the link, and is judged again.
        let crosses = matches!(packet.to, To::Port(dp, _) if dp != packet.from.0);
        let there = Packet { from: (1 - packet.from.0, 9), vlan: Some(vid), ..packet.clone() };
        let in_vlan = |acl: Option<usize>| {
            let table = Table { own_port: false, vlan: Some(vid) };
            let judged = |acl: usize| self.list(&[acl], packet, table) && (!crosses || self.list(&[acl], &there, table));
            acl.filter(|_| vid == OFFICE).is_none_or(judged)
        };
        let by_link = self.dp_acl.filter(|_| crosses && packet.from.0 != 0);
        let at_link = by_link.is_none_or(|acl| self.list(&[acl], &there, Table { own_port: false, vlan: None }));
        let reached = match packet.to {
            To::Port(dp, number) => {
                let same = (dp, number) == packet.from;
                (dp == packet.from.0 || self.stacked)
                    && self.port((dp, number)).is_some_and(|port| Self::is_member(port, vid))
                    && (!same || port.hairpin)
            }
            To::Unknown | To::Broadcast | To::Multicast => true,
        };
        at_port && at_link && in_vlan(self.vlan_in) && in_vlan(self.vlan_out) && reached
    }
}
