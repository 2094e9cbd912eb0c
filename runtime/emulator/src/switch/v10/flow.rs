//! Entries in the words of OpenFlow 1.0: matches, actions, flow-mods, flow statistics. Sends nothing.

use std::sync::Arc;

use net::{EtherType, Time};
use openflow::v10::{
    ALL_TABLES, Action as WireAction, AggregateStats, BadAction, BadRequest, FlowMod, FlowModCommand, FlowModFailed,
    FlowModFlags, FlowStats, FlowStatsRequest, Match, OFP_NO_BUFFER, OFP_VLAN_NONE, PortNo, Wildcards,
};

use super::{Refusal, seconds};
use crate::switch::action::{Action, Instructions, Set, Target};
use crate::switch::change::{Change, Command, Refused, Selection};
use crate::switch::datapath::{Datapath, Event, Packet};
use crate::switch::key::{
    DL_DST, DL_SRC, DL_TYPE, DSCP, IN_PORT, NW_DST, NW_PROTO, NW_SRC, Region, TAG_PRESENT, TCI, TP_DST, TP_SRC,
};
use crate::switch::table::{Entry, Spelling};

/// The region of a match; fields that the Ethernet type or the protocol does not have are ignored (OpenFlow 1.0.1 §3.4).
fn region(m: &Match) -> Region {
    let mut region = Region::default();
    let tests = |field| !m.wildcards.contains(field);
    if tests(Wildcards::IN_PORT) {
        region.fix_all(IN_PORT, super::widen(m.in_port).0);
    }
    if tests(Wildcards::DL_SRC) {
        region.fix_all(DL_SRC, m.dl_src.to_bits());
    }
    if tests(Wildcards::DL_DST) {
        region.fix_all(DL_DST, m.dl_dst.to_bits());
    }
    let (mut tci, mut mask) = (0, 0);
    match (tests(Wildcards::DL_VLAN), m.dl_vlan) {
        (false, _) => {}
        (true, OFP_VLAN_NONE) => mask = 0xffff,
        (true, id) => (tci, mask) = (TAG_PRESENT | id & 0x0fff, 0x1fff),
    }
    if tests(Wildcards::DL_VLAN_PCP) && mask != 0xffff {
        tci |= TAG_PRESENT | u16::from(m.dl_vlan_pcp) << 13;
        mask |= TAG_PRESENT | 0xe000;
    }
    region.fix(TCI, u64::from(tci), u64::from(mask));
    if tests(Wildcards::DL_TYPE) {
        region.fix_all(DL_TYPE, m.dl_type);
        network(m, &mut region);
    }
    region
}

fn network(m: &Match, region: &mut Region) {
    let tests = |field| !m.wildcards.contains(field);
    let ip = m.dl_type == EtherType::IPV4.0;
    if !ip && m.dl_type != EtherType::ARP.0 {
        return;
    }
    for (slot, address, ignored) in [(NW_SRC, m.nw_src, m.wildcards.nw_src_bits()), (NW_DST, m.nw_dst, m.wildcards.nw_dst_bits())]
    {
        let mask = u32::MAX.checked_shl(u32::from(ignored)).unwrap_or(0);
        region.fix_wide(slot, u128::from(address.to_bits()), u128::from(mask));
    }
    if ip && tests(Wildcards::NW_TOS) {
        region.fix_all(DSCP, m.nw_tos >> 2);
    }
    if !tests(Wildcards::NW_PROTO) {
        return;
    }
    region.fix_all(NW_PROTO, m.nw_proto);
    if ip && matches!(m.nw_proto, 1 | 6 | 17) {
        if tests(Wildcards::TP_SRC) {
            region.fix_all(TP_SRC, m.tp_src);
        }
        if tests(Wildcards::TP_DST) {
            region.fix_all(TP_DST, m.tp_dst);
        }
    }
}

/// Entries without wildcards go before all others (OpenFlow 1.0.1 §3.4).
fn priority(m: &Match, stated: u16) -> u16 {
    if m.wildcards.0 & Wildcards::ALL.0 == 0 { u16::MAX } else { stated }
}

fn target(port: PortNo, packet_out: bool) -> Result<Target, Refusal> {
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
pub(super) fn actions(wire: &[WireAction], packet_out: bool) -> Result<Vec<Action>, Refusal> {
    let mut actions = Vec::with_capacity(wire.len());
    for action in wire {
        let own = match action {
            WireAction::Output { port, max_len } => Action::Output { to: target(*port, packet_out)?, max_len: *max_len },
            WireAction::SetVlanVid(id) if *id < 4096 => Action::Set(Set::VlanId { id: *id, push: true }),
            WireAction::SetVlanPcp(pcp) if *pcp < 8 => Action::Set(Set::Pcp { pcp: *pcp, push: true }),
            WireAction::SetVlanVid(_) | WireAction::SetVlanPcp(_) => return Err(BadAction::BAD_ARGUMENT.into()),
            WireAction::StripVlan => Action::PopVlan,
            WireAction::SetDlSrc(mac) => Action::Set(Set::DlSrc(*mac)),
            WireAction::SetDlDst(mac) => Action::Set(Set::DlDst(*mac)),
            WireAction::SetNwSrc(address) => Action::Set(Set::NwSrc((*address).into())),
            WireAction::SetNwDst(address) => Action::Set(Set::NwDst((*address).into())),
            WireAction::SetNwTos(tos) => Action::Set(Set::Dscp(tos >> 2)),
            WireAction::SetTpSrc(port) => Action::Set(Set::TpSrc(*port)),
            WireAction::SetTpDst(port) => Action::Set(Set::TpDst(*port)),
            WireAction::Enqueue { port, queue_id } => {
                actions.push(Action::Queue(Some(*queue_id)));
                actions.push(Action::Output { to: target(*port, packet_out)?, max_len: 0 });
                // For this output alone.
                Action::Queue(None)
            }
            WireAction::Vendor { .. } => return Err(BadAction::BAD_VENDOR.into()),
        };
        actions.push(own);
    }
    Ok(actions)
}

fn out_port(port: PortNo) -> Result<Option<Target>, Refusal> {
    if port == PortNo::NONE { Ok(None) } else { target(port, false).map(Some) }
}

/// Carries a flow-mod out.
pub(super) fn carry_out(wire: &FlowMod, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let (command, strict) = match wire.command {
        FlowModCommand::ADD => (Command::Add, false),
        FlowModCommand::MODIFY => (Command::Modify, false),
        FlowModCommand::MODIFY_STRICT => (Command::Modify, true),
        FlowModCommand::DELETE => (Command::Delete, false),
        FlowModCommand::DELETE_STRICT => (Command::Delete, true),
        _ => return Err(FlowModFailed::BAD_COMMAND.into()),
    };
    if wire.flags.contains(FlowModFlags::EMERG) {
        return Err(FlowModFailed::UNSUPPORTED.into());
    }
    let priority = priority(&wire.matching, wire.priority);
    let deletes = command == Command::Delete;
    let apply = if deletes { Vec::new() } else { actions(&wire.actions, false)? };
    let change = Change {
        command,
        selection: Selection {
            table: Some(0),
            region: region(&wire.matching),
            strict: strict.then_some(priority),
            cookie: 0,
            cookie_mask: 0,
            out_port: if deletes { out_port(wire.out_port)? } else { None },
            out_group: None,
            meter: None,
        },
        priority,
        cookie: wire.cookie,
        idle_timeout: wire.idle_timeout,
        hard_timeout: wire.hard_timeout,
        flags: wire.flags.0,
        send_removed: wire.flags.contains(FlowModFlags::SEND_FLOW_REM),
        check_overlap: wire.flags.contains(FlowModFlags::CHECK_OVERLAP),
        reset_counts: command == Command::Add,
        modify_adds: true,
        instructions: Arc::new(Instructions { apply, ..Instructions::default() }),
        spelling: Arc::new(Spelling::V10 { matching: wire.matching, actions: wire.actions.clone() }),
    };
    datapath.change(&change, now, events).map_err(|refused| match refused {
        Refused::Full => Refusal::from(FlowModFailed::ALL_TABLES_FULL),
        Refused::Overlap => FlowModFailed::OVERLAP.into(),
        Refused::BadTable => FlowModFailed::UNSUPPORTED.into(),
    })?;
    if wire.buffer_id != OFP_NO_BUFFER && !deletes {
        let (in_port, bytes) = datapath.buffers.take(wire.buffer_id).ok_or(Refusal::from(BadRequest::BUFFER_UNKNOWN))?;
        datapath.run(Packet::new(in_port, bytes), now, events);
    }
    Ok(())
}

fn selection(wanted: &FlowStatsRequest) -> Option<Selection> {
    Some(Selection {
        table: (wanted.table_id != ALL_TABLES).then_some(wanted.table_id),
        region: region(&wanted.matching),
        strict: None,
        cookie: 0,
        cookie_mask: 0,
        out_port: out_port(wanted.out_port).ok()?,
        out_group: None,
        meter: None,
    })
}

/// The entries that are asked for.
pub(super) fn statistics(wanted: &FlowStatsRequest, datapath: &Datapath, now: Time) -> Vec<FlowStats> {
    let Some(selection) = selection(wanted) else { return Vec::new() };
    datapath.select(&selection).filter_map(|(table, entry)| describe(table, entry, now)).collect()
}

fn describe(table_id: u8, entry: &Entry, now: Time) -> Option<FlowStats> {
    let Spelling::V10 { matching, actions } = &*entry.spelling else { return None };
    let age = now.since(entry.installed);
    Some(FlowStats {
        table_id,
        matching: *matching,
        duration_sec: seconds(age),
        duration_nsec: age.subsec_nanos(),
        priority: entry.priority,
        idle_timeout: entry.idle_timeout,
        hard_timeout: entry.hard_timeout,
        cookie: entry.cookie,
        packet_count: entry.packets,
        byte_count: entry.bytes,
        actions: actions.clone(),
    })
}

/// Sums over the entries that are asked for.
pub(super) fn aggregate(wanted: &FlowStatsRequest, datapath: &Datapath) -> AggregateStats {
    let mut sums = AggregateStats { packet_count: 0, byte_count: 0, flow_count: 0 };
    if let Some(selection) = selection(wanted) {
        for (_, entry) in datapath.select(&selection) {
            sums.packet_count += entry.packets;
            sums.byte_count += entry.bytes;
            sums.flow_count += 1;
        }
    }
    sums
}
