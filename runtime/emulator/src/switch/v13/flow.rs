//! Entries in the words of OpenFlow 1.3: matches, instructions, actions, flow-mods, flow statistics. Sends nothing.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use net::{MacAddr, Time};
use openflow::v13::{
    Action as WireAction, AggregateStats, BadAction, BadInstruction, BadMatch, BadRequest, FlowMod, FlowModCommand,
    FlowModFailed, FlowModFlags, FlowStats, FlowStatsRequest, Instruction, Match, OFP_NO_BUFFER, OFPG_ANY, OFPTT_ALL,
    OFPVID_PRESENT, Oxm, PortNo,
};

use super::{Refusal, seconds};
use crate::switch::action::{Action, Instructions, Set, Target};
use crate::switch::change::{Change, Command, Refused, Selection};
use crate::switch::datapath::{Datapath, Event, Packet};
use crate::switch::key::{
    DL_DST, DL_SRC, DL_TYPE, DSCP, IN_PORT, METADATA, NW_DST, NW_PROTO, NW_SRC, Region, TCI, TP_DST, TP_SRC,
};
use crate::switch::table::{Entry, Spelling};

fn mac(address: Option<MacAddr>) -> u64 {
    address.map_or(u64::MAX, MacAddr::to_bits)
}

fn v4(mask: Option<Ipv4Addr>) -> u128 {
    u128::from(mask.map_or(u32::MAX, Ipv4Addr::to_bits))
}

fn v6(mask: Option<Ipv6Addr>) -> u128 {
    mask.map_or(u128::MAX, Ipv6Addr::to_bits)
}

/// The region of a match, if the switch knows its fields.
fn region(m: &Match) -> Result<Region, Refusal> {
    let mut region = Region::default();
    for field in m.fields() {
        match field {
            Oxm::InPort(port) => region.fix_all(IN_PORT, port.0),
            Oxm::Metadata(value, mask) => region.fix(METADATA, *value, mask.unwrap_or(u64::MAX)),
            Oxm::EthDst(address, mask) => region.fix(DL_DST, address.to_bits(), mac(*mask)),
            Oxm::EthSrc(address, mask) => region.fix(DL_SRC, address.to_bits(), mac(*mask)),
            Oxm::EthType(kind) => region.fix_all(DL_TYPE, *kind),
            Oxm::VlanVid(0, None) => region.fix_all(TCI, 0_u16),
            Oxm::VlanVid(vid, mask) => fix_tci(&mut region, *vid, mask.unwrap_or(0x1fff) & 0x1fff),
            Oxm::VlanPcp(pcp) => fix_tci(&mut region, OFPVID_PRESENT | u16::from(*pcp) << 13, OFPVID_PRESENT | 0xe000),
            Oxm::IpDscp(dscp) => region.fix_all(DSCP, *dscp),
            Oxm::IpProto(proto) => region.fix_all(NW_PROTO, *proto),
            Oxm::ArpOp(operation) => {
                region.fix_all(NW_PROTO, u8::try_from(*operation).map_err(|_| Refusal::from(BadMatch::BAD_VALUE))?);
            }
            Oxm::Ipv4Src(address, mask) | Oxm::ArpSpa(address, mask) => {
                region.fix_wide(NW_SRC, u128::from(address.to_bits()), v4(*mask));
            }
            Oxm::Ipv4Dst(address, mask) | Oxm::ArpTpa(address, mask) => {
                region.fix_wide(NW_DST, u128::from(address.to_bits()), v4(*mask));
            }
            Oxm::Ipv6Src(address, mask) => region.fix_wide(NW_SRC, address.to_bits(), v6(*mask)),
            Oxm::Ipv6Dst(address, mask) => region.fix_wide(NW_DST, address.to_bits(), v6(*mask)),
            Oxm::TcpSrc(port) | Oxm::UdpSrc(port) | Oxm::SctpSrc(port) => region.fix_all(TP_SRC, *port),
            Oxm::TcpDst(port) | Oxm::UdpDst(port) | Oxm::SctpDst(port) => region.fix_all(TP_DST, *port),
            Oxm::Icmpv4Type(kind) | Oxm::Icmpv6Type(kind) => region.fix_all(TP_SRC, *kind),
            Oxm::Icmpv4Code(code) | Oxm::Icmpv6Code(code) => region.fix_all(TP_DST, *code),
            _ => return Err(BadMatch::BAD_FIELD.into()),
        }
    }
    Ok(region)
}

/// Fixes bits of the tag beside those that are fixed already.
fn fix_tci(region: &mut Region, value: u16, mask: u16) {
    let value = region.value.get(TCI) | u64::from(value & mask);
    let mask = region.mask.get(TCI) | u64::from(mask);
    region.fix(TCI, value, mask);
}

pub(super) fn target(port: PortNo, packet_out: bool) -> Result<Target, Refusal> {
    Ok(match port {
        PortNo::IN_PORT => Target::InPort,
        PortNo::TABLE if packet_out => Target::Table,
        PortNo::FLOOD => Target::Flood,
        PortNo::ALL => Target::All,
        PortNo::CONTROLLER => Target::Controller,
        PortNo::LOCAL => Target::Local,
        other => Target::Port(other.physical().ok_or(Refusal::from(BadAction::BAD_OUT_PORT))?),
    })
}

/// The actions, if the switch has them.
pub(super) fn actions(wire: &[WireAction], datapath: &Datapath, packet_out: bool) -> Result<Vec<Action>, Refusal> {
    wire.iter().map(|action| one(action, datapath, packet_out)).collect()
}

fn one(action: &WireAction, datapath: &Datapath, packet_out: bool) -> Result<Action, Refusal> {
    Ok(match action {
        WireAction::Output { port, max_len } => Action::Output { to: target(*port, packet_out)?, max_len: *max_len },
        WireAction::PushVlan(tpid @ (0x8100 | 0x88a8)) => Action::PushVlan(*tpid),
        WireAction::PushVlan(_) => return Err(BadAction::BAD_ARGUMENT.into()),
        WireAction::PopVlan => Action::PopVlan,
        WireAction::SetQueue(queue) => Action::Queue(*queue),
        WireAction::Group(group) if datapath.groups.0.contains_key(group) => Action::Group(*group),
        WireAction::Group(_) => return Err(BadAction::BAD_OUT_GROUP.into()),
        WireAction::DecNwTtl => Action::DecrementTtl,
        WireAction::SetField(field) => Action::Set(set(field)?),
        WireAction::Experimenter { .. } => return Err(BadAction::BAD_EXPERIMENTER.into()),
        WireAction::CopyTtlOut
        | WireAction::CopyTtlIn
        | WireAction::SetMplsTtl(_)
        | WireAction::DecMplsTtl
        | WireAction::PushMpls(_)
        | WireAction::PopMpls(_)
        | WireAction::SetNwTtl(_)
        | WireAction::PushPbb(_)
        | WireAction::PopPbb => return Err(BadAction::BAD_TYPE.into()),
    })
}

fn set(field: &Oxm) -> Result<Set, Refusal> {
    Ok(match field {
        Oxm::EthSrc(address, None) => Set::DlSrc(*address),
        Oxm::EthDst(address, None) => Set::DlDst(*address),
        Oxm::VlanVid(vid, None) if vid & OFPVID_PRESENT != 0 => Set::VlanId { id: vid & 0x0fff, push: false },
        Oxm::VlanVid(..) => return Err(BadAction::BAD_SET_ARGUMENT.into()),
        Oxm::VlanPcp(pcp) => Set::Pcp { pcp: *pcp, push: false },
        Oxm::Ipv4Src(address, None) => Set::NwSrc((*address).into()),
        Oxm::Ipv4Dst(address, None) => Set::NwDst((*address).into()),
        Oxm::Ipv6Src(address, None) => Set::NwSrc((*address).into()),
        Oxm::Ipv6Dst(address, None) => Set::NwDst((*address).into()),
        Oxm::IpDscp(dscp) => Set::Dscp(*dscp),
        Oxm::TcpSrc(port) | Oxm::UdpSrc(port) | Oxm::SctpSrc(port) => Set::TpSrc(*port),
        Oxm::TcpDst(port) | Oxm::UdpDst(port) | Oxm::SctpDst(port) => Set::TpDst(*port),
        _ => return Err(BadAction::BAD_SET_TYPE.into()),
    })
}

fn instructions(wire: &[Instruction], table: u8, datapath: &Datapath) -> Result<Instructions, Refusal> {
    let mut all = Instructions::default();
    for instruction in wire {
        match instruction {
            Instruction::GotoTable(next) if *next > table && usize::from(*next) < datapath.tables.len() => {
                all.goto = Some(*next);
            }
            Instruction::GotoTable(_) => return Err(BadInstruction::BAD_TABLE_ID.into()),
            Instruction::WriteMetadata { metadata, metadata_mask } => all.metadata = Some((*metadata, *metadata_mask)),
            Instruction::WriteActions(list) => all.write = actions(list, datapath, false)?,
            Instruction::ApplyActions(list) => all.apply = actions(list, datapath, false)?,
            Instruction::ClearActions => all.clear = true,
            Instruction::Meter(_) => return Err(BadInstruction::UNSUP_INST.into()),
            Instruction::Experimenter { .. } => return Err(BadInstruction::BAD_EXPERIMENTER.into()),
        }
    }
    Ok(all)
}

fn out_port(port: PortNo) -> Result<Option<Target>, Refusal> {
    if port == PortNo::ANY { Ok(None) } else { target(port, false).map(Some) }
}

fn command(wire: FlowModCommand) -> Result<(Command, bool), Refusal> {
    Ok(match wire {
        FlowModCommand::ADD => (Command::Add, false),
        FlowModCommand::MODIFY => (Command::Modify, false),
        FlowModCommand::MODIFY_STRICT => (Command::Modify, true),
        FlowModCommand::DELETE => (Command::Delete, false),
        FlowModCommand::DELETE_STRICT => (Command::Delete, true),
        _ => return Err(FlowModFailed::BAD_COMMAND.into()),
    })
}

fn change(wire: &FlowMod, datapath: &Datapath) -> Result<Change, Refusal> {
    let (command, strict) = command(wire.command)?;
    let deletes = command == Command::Delete;
    let table = (wire.table_id != OFPTT_ALL).then_some(wire.table_id);
    if table.is_some_and(|table| usize::from(table) >= datapath.tables.len()) {
        return Err(FlowModFailed::BAD_TABLE_ID.into());
    }
    let instructions = if deletes { Instructions::default() } else { instructions(&wire.instructions, wire.table_id, datapath)? };
    Ok(Change {
        command,
        selection: Selection {
            table,
            region: region(&wire.matching)?,
            strict: strict.then_some(wire.priority),
            cookie: wire.cookie,
            cookie_mask: if command == Command::Add { 0 } else { wire.cookie_mask },
            out_port: if deletes { out_port(wire.out_port)? } else { None },
            out_group: (deletes && wire.out_group != OFPG_ANY).then_some(wire.out_group),
        },
        priority: wire.priority,
        cookie: wire.cookie,
        idle_timeout: wire.idle_timeout,
        hard_timeout: wire.hard_timeout,
        flags: wire.flags.0,
        send_removed: wire.flags.contains(FlowModFlags::SEND_FLOW_REM),
        check_overlap: wire.flags.contains(FlowModFlags::CHECK_OVERLAP),
        reset_counts: wire.flags.contains(FlowModFlags::RESET_COUNTS),
        modify_adds: false,
        instructions: Arc::new(instructions),
        spelling: Arc::new(Spelling::V13 { matching: Box::new(wire.matching.clone()), instructions: wire.instructions.clone() }),
    })
}

/// Carries a flow-mod out.
pub(super) fn carry_out(wire: &FlowMod, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let change = change(wire, datapath)?;
    datapath.change(&change, now, events).map_err(|refused| match refused {
        Refused::Full => Refusal::from(FlowModFailed::TABLE_FULL),
        Refused::Overlap => FlowModFailed::OVERLAP.into(),
        Refused::BadTable => FlowModFailed::BAD_TABLE_ID.into(),
    })?;
    if wire.buffer_id != OFP_NO_BUFFER && change.command != Command::Delete {
        let (in_port, bytes) = datapath.buffers.take(wire.buffer_id).ok_or(Refusal::from(BadRequest::BUFFER_UNKNOWN))?;
        datapath.run(Packet::new(in_port, bytes), now, events);
    }
    Ok(())
}

fn selection(wanted: &FlowStatsRequest, datapath: &Datapath) -> Result<Selection, Refusal> {
    let table = (wanted.table_id != OFPTT_ALL).then_some(wanted.table_id);
    if table.is_some_and(|table| usize::from(table) >= datapath.tables.len()) {
        return Err(BadRequest::BAD_TABLE_ID.into());
    }
    Ok(Selection {
        table,
        region: region(&wanted.matching)?,
        strict: None,
        cookie: wanted.cookie,
        cookie_mask: wanted.cookie_mask,
        out_port: out_port(wanted.out_port)?,
        out_group: (wanted.out_group != OFPG_ANY).then_some(wanted.out_group),
    })
}

/// The entries that are asked for.
pub(super) fn statistics(wanted: &FlowStatsRequest, datapath: &Datapath, now: Time) -> Result<Vec<FlowStats>, Refusal> {
    let selection = selection(wanted, datapath)?;
    Ok(datapath.select(&selection).filter_map(|(table, entry)| describe(table, entry, now)).collect())
}

fn describe(table_id: u8, entry: &Entry, now: Time) -> Option<FlowStats> {
    let Spelling::V13 { matching, instructions } = &*entry.spelling else { return None };
    let age = now.since(entry.installed);
    Some(FlowStats {
        table_id,
        duration_sec: seconds(age),
        duration_nsec: age.subsec_nanos(),
        priority: entry.priority,
        idle_timeout: entry.idle_timeout,
        hard_timeout: entry.hard_timeout,
        flags: FlowModFlags(entry.flags),
        cookie: entry.cookie,
        packet_count: entry.packets,
        byte_count: entry.bytes,
        matching: (**matching).clone(),
        instructions: instructions.clone(),
    })
}

/// Sums over the entries that are asked for.
pub(super) fn aggregate(wanted: &FlowStatsRequest, datapath: &Datapath) -> Result<AggregateStats, Refusal> {
    let selection = selection(wanted, datapath)?;
    let mut sums = AggregateStats { packet_count: 0, byte_count: 0, flow_count: 0 };
    for (_, entry) in datapath.select(&selection) {
        sums.packet_count += entry.packets;
        sums.byte_count += entry.bytes;
        sums.flow_count += 1;
    }
    Ok(sums)
}
