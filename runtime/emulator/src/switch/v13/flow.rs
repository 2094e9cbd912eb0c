//! Entries in the words of OpenFlow 1.3: matches, instructions, flow-mods, flow statistics. Sends nothing.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use net::{MacAddr, Time};
use openflow::v13::{
    AggregateStats, BadInstruction, BadMatch, BadRequest, FlowMod, FlowModCommand, FlowModFailed, FlowModFlags, FlowStats,
    FlowStatsRequest, Instruction, Match, MeterModFailed, OFP_NO_BUFFER, OFPG_ANY, OFPTT_ALL, OFPVID_PRESENT, Oxm, PortNo,
};

use super::action::{self, Given};
use super::{Refusal, seconds};
use crate::switch::action::{Instructions, Target};
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
            Oxm::TcpSrc(port, mask) | Oxm::UdpSrc(port, mask) | Oxm::SctpSrc(port, mask) => {
                region.fix(TP_SRC, u64::from(*port), u64::from(mask.unwrap_or(u16::MAX)));
            }
            Oxm::TcpDst(port, mask) | Oxm::UdpDst(port, mask) | Oxm::SctpDst(port, mask) => {
                region.fix(TP_DST, u64::from(*port), u64::from(mask.unwrap_or(u16::MAX)));
            }
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

fn instructions(wire: &FlowMod, datapath: &Datapath) -> Result<Instructions, Refusal> {
    let mut all = Instructions::default();
    let mut given = Given::by(&wire.matching);
    // What is done at once is done first, wherever it stands (§5.9).
    for instruction in &wire.instructions {
        if let Instruction::ApplyActions(list) = instruction {
            all.apply = action::read(list, datapath, &mut given)?;
        }
    }
    for instruction in &wire.instructions {
        match instruction {
            Instruction::ApplyActions(_) => {}
            Instruction::GotoTable(next) if *next > wire.table_id && usize::from(*next) < datapath.tables.len() => {
                all.goto = Some(*next);
            }
            Instruction::GotoTable(_) => return Err(BadInstruction::BAD_TABLE_ID.into()),
            Instruction::WriteMetadata { metadata, metadata_mask } => all.metadata = Some((*metadata, *metadata_mask)),
            Instruction::WriteActions(list) => all.write = action::read(list, datapath, &mut given.at_the_end())?,
            Instruction::ClearActions => all.clear = true,
            Instruction::Meter(_) if datapath.meters.capacity == 0 => return Err(BadInstruction::UNSUP_INST.into()),
            Instruction::Meter(meter) if !datapath.meters.by_number.contains_key(meter) => {
                return Err(MeterModFailed::INVALID_METER.into());
            }
            Instruction::Meter(meter) => all.meter = Some(*meter),
            Instruction::Experimenter { .. } => return Err(BadInstruction::BAD_EXPERIMENTER.into()),
        }
    }
    Ok(all)
}

fn out_port(port: PortNo) -> Result<Option<Target>, Refusal> {
    if port == PortNo::ANY { Ok(None) } else { action::target(port, false).map(Some) }
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
    let instructions = if deletes { Instructions::default() } else { instructions(wire, datapath)? };
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
            meter: None,
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
        meter: None,
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
