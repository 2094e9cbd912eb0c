//! Random groups and entries in OpenFlow 1.3, such that a switch may refuse them only for what both sides must refuse. What is left
//! out, because switches may differ in it, is told in docs/decisions. Knows nothing of what becomes of them.

use std::mem::discriminant;

use net::MacAddr;
use openflow::v13::{
    Action, Bucket, FlowMod, FlowModCommand, FlowModFlags, GroupMod, GroupModCommand, GroupType, Instruction, Match, Message,
    OFPG_ANY, OFPTT_ALL, OFPVID_PRESENT, Oxm, PortNo,
};

use crate::draw::Draw;
use crate::frames::{ARP, DSCPS, ICMP, ICMPV6, IPV4, IPV6, PORTS, SCTP, TCP, UDP, VLAN, VLANS, mac, v4, v6};

/// Tables that entries are in.
const TABLES: u8 = 5;
const GROUPS: u32 = 4;

/// What is known of the packets that reach an action.
#[derive(Clone, Copy, Default)]
struct Known {
    kind: Option<u16>,
    protocol: Option<u8>,
    tagged: bool,
}

fn mask16(draw: &mut Draw) -> u16 {
    draw.pick(&[0xff00, 0xfff0, 0xfffe, 0x0001])
}

fn matching(draw: &mut Draw, table: u8) -> (Match, Known) {
    let mut m = Match::ANY;
    let mut known = Known::default();
    if draw.one_in(4) {
        m.push(Oxm::InPort(PortNo(1 + draw.below(4) as u32)));
    }
    if table > 0 && draw.one_in(3) {
        let mask = draw.pick(&[1, 3, 0xf0, u64::MAX]);
        m.push(Oxm::Metadata(draw.below(256) & mask, Some(mask).filter(|mask| *mask != u64::MAX)));
    }
    if draw.one_in(4) {
        let address = mac(draw);
        m.push(if draw.one_in(3) { masked_mac(address, Oxm::EthDst) } else { Oxm::EthDst(address, None) });
    }
    if draw.one_in(5) {
        let address = mac(draw);
        m.push(if draw.one_in(3) { masked_mac(address, Oxm::EthSrc) } else { Oxm::EthSrc(address, None) });
    }
    if draw.one_in(3) {
        known.tagged = tag(draw, &mut m);
    }
    if !draw.one_in(3) {
        let kind = draw.pick(&[IPV4, IPV4, IPV4, IPV6, IPV6, ARP, 0x88b5]);
        m.push(Oxm::EthType(kind));
        known.kind = Some(kind);
        network(draw, &mut m, &mut known);
    }
    (m, known)
}

fn masked_mac(address: MacAddr, field: fn(MacAddr, Option<MacAddr>) -> Oxm) -> Oxm {
    let mask = MacAddr([1, 0, 0, 0, 0, 1]);
    let MacAddr([first, .., last]) = address;
    field(MacAddr([first & 1, 0, 0, 0, 0, last & 1]), Some(mask))
}

/// Asks for the tag; true if there must be one.
fn tag(draw: &mut Draw, m: &mut Match) -> bool {
    let vid = draw.pick(VLANS);
    match draw.below(4) {
        0 => {
            m.push(Oxm::VlanVid(0, None));
            return false;
        }
        1 => m.push(Oxm::VlanVid(OFPVID_PRESENT, Some(OFPVID_PRESENT))),
        2 => m.push(Oxm::VlanVid(OFPVID_PRESENT | vid & 0xffe, Some(OFPVID_PRESENT | 0xffe))),
        _ => m.push(Oxm::VlanVid(OFPVID_PRESENT | vid, None)),
    }
    if draw.one_in(3) {
        m.push(Oxm::VlanPcp(draw.pick(&[0, 3, 7])));
    }
    true
}

fn network(draw: &mut Draw, m: &mut Match, known: &mut Known) {
    match known.kind {
        Some(IPV4 | IPV6) => {
            if draw.one_in(6) {
                m.push(Oxm::IpDscp(draw.pick(DSCPS)));
            }
            if draw.one_in(2) {
                let icmp = if known.kind == Some(IPV4) { ICMP } else { ICMPV6 };
                let protocol = draw.pick(&[TCP, TCP, UDP, icmp, SCTP]);
                m.push(Oxm::IpProto(protocol));
                known.protocol = Some(protocol);
            }
            addresses(draw, m, known.kind == Some(IPV4));
            transport(draw, m, known.protocol);
        }
        Some(ARP) => {
            if draw.one_in(2) {
                m.push(Oxm::ArpOp(draw.pick(&[1, 2])));
            }
            if draw.one_in(3) {
                m.push(Oxm::ArpTpa(v4(draw), None));
            }
            if draw.one_in(4) {
                m.push(Oxm::ArpSpa(v4(draw), None));
            }
        }
        _ => {}
    }
}

fn addresses(draw: &mut Draw, m: &mut Match, v4s: bool) {
    let narrow = draw.pick(&[u128::MAX, !0xff, !0xffff, !3, 1]);
    let (source, destination) = (draw.one_in(4), draw.one_in(3));
    if v4s {
        let mask = narrow as u32;
        let field = |address: std::net::Ipv4Addr| ((address.to_bits() & mask).into(), (mask != u32::MAX).then(|| mask.into()));
        if source {
            let (value, mask) = field(v4(draw));
            m.push(Oxm::Ipv4Src(value, mask));
        }
        if destination {
            let (value, mask) = field(v4(draw));
            m.push(Oxm::Ipv4Dst(value, mask));
        }
    } else {
        let field =
            |address: std::net::Ipv6Addr| ((address.to_bits() & narrow).into(), (narrow != u128::MAX).then(|| narrow.into()));
        if source {
            let (value, mask) = field(v6(draw));
            m.push(Oxm::Ipv6Src(value, mask));
        }
        if destination {
            let (value, mask) = field(v6(draw));
            m.push(Oxm::Ipv6Dst(value, mask));
        }
    }
}

fn transport(draw: &mut Draw, m: &mut Match, protocol: Option<u8>) {
    let mask = draw.one_in(3).then(|| mask16(draw));
    let port = draw.pick(PORTS) & mask.unwrap_or(u16::MAX);
    match (protocol, draw.below(3)) {
        (Some(TCP), 0) => m.push(Oxm::TcpSrc(port, mask)),
        (Some(TCP), 1) => m.push(Oxm::TcpDst(port, mask)),
        (Some(UDP), 0) => m.push(Oxm::UdpSrc(port, mask)),
        (Some(UDP), 1) => m.push(Oxm::UdpDst(port, mask)),
        (Some(SCTP), 0) => m.push(Oxm::SctpSrc(port, mask)),
        (Some(SCTP), 1) => m.push(Oxm::SctpDst(port, mask)),
        (Some(ICMP), 0) => m.push(Oxm::Icmpv4Type(8)),
        (Some(ICMPV6), 0) => m.push(Oxm::Icmpv6Type(128)),
        _ => {}
    }
}

/// Frames come from one machine: what is sent by a group, the emulated switch looks into no further.
fn sender(address: MacAddr) -> MacAddr {
    if address == MacAddr([0xff; 6]) { MacAddr([2, 0, 0, 0, 0, 1]) } else { address }
}

/// A rewrite that what is known of the packets allows; sometimes one that it does not.
fn rewrite(draw: &mut Draw, known: Known) -> Option<Oxm> {
    let wild = draw.one_in(40);
    let port = draw.pick(PORTS);
    Some(match draw.below(9) {
        0 => Oxm::EthSrc(sender(mac(draw)), None),
        1 => Oxm::EthDst(mac(draw), None),
        2 if known.tagged || wild => Oxm::VlanVid(OFPVID_PRESENT | draw.pick(VLANS), None),
        3 if known.tagged || wild => Oxm::VlanPcp(draw.pick(&[0, 3, 7])),
        4 if known.kind == Some(IPV4) || wild => Oxm::Ipv4Src(v4(draw), None),
        5 if known.kind == Some(IPV4) || wild => Oxm::Ipv4Dst(v4(draw), None),
        6 if known.kind == Some(IPV6) || wild => draw.pick(&[Oxm::Ipv6Src, Oxm::Ipv6Dst])(v6(draw), None),
        7 if matches!(known.kind, Some(IPV4 | IPV6)) || wild => Oxm::IpDscp(draw.pick(DSCPS)),
        8 => match known.protocol {
            Some(TCP) => draw.pick(&[Oxm::TcpSrc, Oxm::TcpDst])(port, None),
            Some(UDP) => draw.pick(&[Oxm::UdpSrc, Oxm::UdpDst])(port, None),
            Some(SCTP) => draw.pick(&[Oxm::SctpSrc, Oxm::SctpDst])(port, None),
            _ if wild => Oxm::TcpDst(port, None),
            _ => return None,
        },
        _ => return None,
    })
}

fn output(draw: &mut Draw) -> Action {
    const MOST: u16 = 0xffff;
    let reserved = [PortNo::IN_PORT, PortNo::ALL, PortNo::FLOOD, PortNo::CONTROLLER];
    let port = if draw.one_in(4) { draw.pick(&reserved) } else { PortNo(1 + draw.below(5) as u32) };
    Action::Output { port, max_len: MOST }
}

/// Actions in an order that makes sense, and what is known afterwards.
fn actions(draw: &mut Draw, mut known: Known, groups: u32) -> Vec<Action> {
    let mut list = Vec::new();
    for _ in 0..draw.below(4) {
        match draw.below(8) {
            // What a pushed tag holds at first, switches see differently.
            0 => {
                let vid = Oxm::VlanVid(OFPVID_PRESENT | draw.pick(VLANS), None);
                let pcp = Oxm::VlanPcp(draw.pick(&[0, 3, 7]));
                list.extend([Action::PushVlan(VLAN), Action::SetField(vid), Action::SetField(pcp)]);
                known.tagged = true;
            }
            1 if known.tagged || draw.one_in(40) => {
                list.push(Action::PopVlan);
                known.tagged = false;
            }
            2 if matches!(known.kind, Some(IPV4 | IPV6)) => list.push(Action::DecNwTtl),
            3 if groups > 0 => list.push(Action::Group(1 + draw.below(u64::from(groups)) as u32)),
            4 => list.push(Action::SetQueue(draw.below(3) as u32)),
            5 => list.push(output(draw)),
            _ => list.extend(rewrite(draw, known).map(Action::SetField)),
        }
    }
    if !draw.one_in(4) {
        list.push(output(draw));
    }
    list
}

/// Actions of a set: one of each kind, of which the order does not tell. Without a tag that is popped from it: where a set then writes
/// its fields, Open vSwitch adds another.
fn set(draw: &mut Draw, known: Known, groups: u32) -> Vec<Action> {
    let mut list: Vec<Action> = Vec::new();
    for action in actions(draw, known, groups) {
        let alike = |other: &Action| match (other, &action) {
            (Action::SetField(a), Action::SetField(b)) => discriminant(a) == discriminant(b),
            _ => discriminant(other) == discriminant(&action),
        };
        if action != Action::PopVlan && !list.iter().any(alike) {
            list.push(action);
        }
    }
    list
}

fn instructions(draw: &mut Draw, table: u8, known: Known, groups: u32) -> Vec<Instruction> {
    let mut list = Vec::new();
    if draw.one_in(2) {
        list.push(Instruction::ApplyActions(actions(draw, known, groups)));
    }
    if draw.one_in(10) {
        list.push(Instruction::ClearActions);
    }
    if draw.one_in(3) {
        list.push(Instruction::WriteActions(set(draw, known, groups)));
    }
    if draw.one_in(4) {
        list.push(Instruction::WriteMetadata { metadata: draw.below(256), metadata_mask: draw.pick(&[0xff, 0x0f, u64::MAX]) });
    }
    if table + 1 < TABLES && !draw.one_in(3) {
        list.push(Instruction::GotoTable(table + 1 + draw.below(u64::from(TABLES - table - 1)) as u8));
    }
    list
}

/// A group that names earlier ones alone. Which bucket of several a switch selects is its own choice: one has nearly all the weight. Open
/// vSwitch decides on the spot only where weights differ that much, else it asks the datapath for a hash, which a trace does not have.
fn group(draw: &mut Draw, group_id: u32) -> Message {
    let kind = draw.pick(&[GroupType::ALL, GroupType::ALL, GroupType::SELECT, GroupType::INDIRECT, GroupType::FF]);
    let count = match kind {
        GroupType::INDIRECT => 1,
        GroupType::SELECT => 2,
        _ => 1 + draw.below(3),
    };
    let chosen = draw.below(count);
    let buckets = (0..count).map(|number| Bucket {
        weight: match kind {
            GroupType::SELECT if number == chosen => u16::MAX,
            GroupType::SELECT => 1,
            _ => 0,
        },
        watch_port: if kind == GroupType::FF { PortNo(1 + draw.below(4) as u32) } else { PortNo::ANY },
        watch_group: OFPG_ANY,
        actions: actions(draw, Known::default(), group_id - 1),
    });
    let buckets = buckets.collect();
    Message::GroupMod(GroupMod { command: GroupModCommand::ADD, kind, group_id, buckets })
}

/// An entry with a priority of its own: which of several equal ones a packet takes, nobody says.
fn entry(draw: &mut Draw, number: u16) -> FlowMod {
    let table = draw.below(u64::from(TABLES)) as u8;
    let miss = draw.one_in(8);
    let (m, known) = if miss { (Match::ANY, Known::default()) } else { matching(draw, table) };
    let priority = if miss { 0 } else { 100 * draw.pick(&[1, 2, 2, 3, 10]) + number };
    FlowMod { cookie: draw.below(4), instructions: instructions(draw, table, known, GROUPS), ..FlowMod::add(table, m, priority) }
}

/// A change of entries that are there, or are not.
fn change(draw: &mut Draw, made: &[FlowMod]) -> FlowMod {
    let like = &made[draw.below(made.len() as u64) as usize];
    let command = draw.pick(&[
        FlowModCommand::MODIFY,
        FlowModCommand::MODIFY_STRICT,
        FlowModCommand::DELETE,
        FlowModCommand::DELETE_STRICT,
        FlowModCommand::DELETE,
    ]);
    let deletes = command == FlowModCommand::DELETE || command == FlowModCommand::DELETE_STRICT;
    let fields = like.matching.fields();
    let kept = if draw.one_in(2) { fields.len() } else { draw.below(fields.len() as u64 + 1) as usize };
    let matching: Match = fields[..kept].iter().cloned().collect();
    let known = Known::default();
    FlowMod {
        command,
        matching,
        table_id: if deletes && draw.one_in(4) { OFPTT_ALL } else { like.table_id },
        cookie: draw.below(4),
        cookie_mask: draw.pick(&[0, 0, 1, u64::MAX]),
        out_port: if deletes && draw.one_in(3) { PortNo(1 + draw.below(4) as u32) } else { PortNo::ANY },
        out_group: if deletes && draw.one_in(4) { 1 + draw.below(u64::from(GROUPS)) as u32 } else { OFPG_ANY },
        flags: FlowModFlags::NONE,
        instructions: if deletes { Vec::new() } else { instructions(draw, like.table_id, known, GROUPS) },
        ..like.clone()
    }
}

/// Entries; some in the place of others, and some beside others of their priority, if they do not overlap.
fn entries(draw: &mut Draw) -> Vec<FlowMod> {
    let mut made: Vec<FlowMod> = vec![entry(draw, 0)];
    for number in 1..20 + draw.below(20) as u16 {
        let mut new = entry(draw, number);
        let other = made[draw.below(made.len() as u64) as usize].clone();
        match draw.below(8) {
            0 => new = FlowMod { instructions: Vec::new(), cookie: new.cookie, flags: FlowModFlags::NONE, ..other },
            1 if other.priority > 0 && !made.iter().any(|made| made.matching == new.matching) => {
                new.priority = other.priority;
                new.flags = FlowModFlags::CHECK_OVERLAP;
            }
            _ => {}
        }
        made.push(new);
    }
    made
}

/// What is for packets that no entry of a table matches. Without it, Open vSwitch executes the action set that they have so far.
fn miss(draw: &mut Draw, table: u8) -> Message {
    let mut instructions = match draw.below(3) {
        0 => Vec::new(),
        1 => vec![Instruction::ApplyActions(vec![output(draw)])],
        _ => vec![Instruction::WriteActions(vec![output(draw)])],
    };
    if table + 1 < TABLES && draw.one_in(2) {
        instructions.push(Instruction::GotoTable(table + 1));
    }
    Message::FlowMod(FlowMod { instructions, ..FlowMod::add(table, Match::ANY, 0) })
}

/// What the controller says: groups, then entries and changes of them.
pub(crate) fn messages(draw: &mut Draw) -> Vec<Message> {
    let mut all: Vec<Message> = (1..=GROUPS).map(|number| group(draw, number)).collect();
    let made = entries(draw);
    all.extend(made.iter().cloned().map(Message::FlowMod));
    for _ in 0..draw.below(6) {
        all.push(Message::FlowMod(change(draw, &made)));
    }
    all.extend((1..TABLES).map(|table| miss(draw, table)));
    all
}
