//! OpenFlow 1.3 as the switch speaks it: requests carried out on the datapath and answered, events told, roles kept. Knows no other
//! version.

mod action;
mod answers;
mod flow;
mod group;
mod meter;
mod queue;
mod tables;

use bytes::{Bytes, BytesMut};
use net::Time;
use openflow::v13::PortConfig;
use openflow::v13::{
    AsyncConfig, BadRequest, ConfigFlags, Error, ErrorType, FlowRemoved, FlowRemovedReason, Match, Message, OFP_NO_BUFFER, Oxm,
    PacketIn, PacketInReason, PacketOut, PortMod, PortModFailed, PortReason, PortStatus, Role, RoleRequest, RoleRequestFailed,
    SwitchConfig as WireConfig, TableMod, TableModFailed,
};

use super::SwitchConfig;
use super::datapath::{Cause, Datapath, Event, Packet, RemovedReason, Why};
use super::port::PortConfig as OwnConfig;
use super::table::Spelling;

/// The type and code of an error.
type Refusal = (ErrorType, u16);

/// What a connection remembers.
#[derive(Debug)]
pub(super) struct Connection {
    role: Role,
    /// The newest election that the switch heard of, from whichever controller (OpenFlow 1.3.5 §6.3.6).
    pub(super) generation: Option<u64>,
    wanted: AsyncConfig,
}

impl Default for Connection {
    fn default() -> Self {
        // §6.3.6: by default a slave hears of ports only.
        let wanted = AsyncConfig {
            packet_in_mask: 0b111,
            packet_in_mask_slave: 0,
            port_status_mask: 0b111,
            port_status_mask_slave: 0b111,
            flow_removed_mask: 0b1111,
            flow_removed_mask_slave: 0,
        };
        Connection { role: Role::EQUAL, generation: None, wanted }
    }
}

impl Connection {
    pub(super) fn is_master(&self) -> bool {
        self.role == Role::MASTER
    }

    /// Another controller is the master now.
    pub(super) fn demote(&mut self) {
        if self.is_master() {
            self.role = Role::SLAVE;
        }
    }

    /// Carries a message out. Answers go to `replies`, and are to be sent after the events.
    pub(super) fn receive(
        &mut self,
        frame: &Bytes,
        config: &SwitchConfig,
        datapath: &mut Datapath,
        now: Time,
        events: &mut Vec<Event>,
        replies: &mut BytesMut,
    ) {
        let own_xid = openflow::Header::read(frame).map_or(0, |header| header.xid);
        let (xid, answers) = match Message::decode(frame) {
            Err(error) => (own_xid, vec![Message::Error(Error::undecodable(&error, frame))]),
            Ok((xid, message)) => match self.answer(message, config, datapath, now, events) {
                Ok(answers) => (xid, answers),
                Err(refusal) => (xid, vec![Message::Error(Error::answering(refusal, frame))]),
            },
        };
        for message in answers {
            // What is too long for a message is left out: nothing here is, for statistics come in parts.
            let _too_long = message.encode(xid, replies);
        }
    }

    fn answer(
        &mut self,
        message: Message,
        config: &SwitchConfig,
        datapath: &mut Datapath,
        now: Time,
        events: &mut Vec<Event>,
    ) -> Result<Vec<Message>, Refusal> {
        Ok(match message {
            Message::Hello(_) | Message::Error(_) | Message::EchoReply(_) => Vec::new(),
            Message::EchoRequest(data) => vec![Message::EchoReply(data)],
            Message::FeaturesRequest => vec![Message::FeaturesReply(answers::features(config, datapath))],
            Message::GetConfigRequest => vec![Message::GetConfigReply(WireConfig {
                flags: ConfigFlags::FRAG_NORMAL,
                miss_send_len: datapath.miss_send_len,
            })],
            Message::BarrierRequest => vec![Message::BarrierReply],
            Message::MultipartRequest(request) => answers::multipart(request, config, datapath, now)?,
            Message::RoleRequest(request) => vec![Message::RoleReply(self.take_role(&request)?)],
            Message::GetAsyncRequest => vec![Message::GetAsyncReply(self.wanted.clone())],
            Message::SetAsync(wanted) => {
                self.wanted = wanted;
                Vec::new()
            }
            Message::QueueGetConfigRequest(request) => {
                vec![Message::QueueGetConfigReply(queue::configurations(request.port, datapath)?)]
            }
            Message::Experimenter { .. } => return Err(BadRequest::BAD_EXPERIMENTER.into()),
            Message::SetConfig(_)
            | Message::FlowMod(_)
            | Message::GroupMod(_)
            | Message::PortMod(_)
            | Message::TableMod(_)
            | Message::MeterMod(_)
            | Message::PacketOut(_) => {
                if self.role == Role::SLAVE {
                    return Err(BadRequest::IS_SLAVE.into());
                }
                change(message, datapath, now, events)?;
                Vec::new()
            }
            Message::FeaturesReply(_)
            | Message::GetConfigReply(_)
            | Message::PacketIn(_)
            | Message::FlowRemoved(_)
            | Message::PortStatus(_)
            | Message::MultipartReply(_)
            | Message::BarrierReply
            | Message::QueueGetConfigReply(_)
            | Message::RoleReply(_)
            | Message::GetAsyncReply(_) => return Err(BadRequest::BAD_TYPE.into()),
        })
    }

    /// §6.3.6: masters and slaves come from elections, of which older ones are refused.
    fn take_role(&mut self, request: &RoleRequest) -> Result<RoleRequest, Refusal> {
        match request.role {
            Role::NOCHANGE => {}
            Role::EQUAL => self.role = Role::EQUAL,
            Role::MASTER | Role::SLAVE => {
                // A distance, so that the number may wrap.
                let stale = |known: u64| (request.generation_id.wrapping_sub(known) as i64) < 0;
                if self.generation.is_some_and(stale) {
                    return Err(RoleRequestFailed::STALE.into());
                }
                self.generation = Some(request.generation_id);
                self.role = request.role;
            }
            _ => return Err(RoleRequestFailed::BAD_ROLE.into()),
        }
        Ok(RoleRequest { role: self.role, generation_id: self.generation.unwrap_or(u64::MAX) })
    }

    /// Tells of an event, if the role wants it.
    pub(super) fn tell(&self, datapath: &Datapath, event: &Event, out: &mut BytesMut) {
        let pick = |master: u32, slave: u32| if self.role == Role::SLAVE { slave } else { master };
        let (message, reason, mask) = match event {
            Event::Send(..) => return,
            Event::PacketIn(packet) => {
                let reason = match packet.reason {
                    Why::Miss => PacketInReason::NO_MATCH,
                    Why::Action => PacketInReason::ACTION,
                    Why::EndOfLife => PacketInReason::INVALID_TTL,
                };
                let mask = pick(self.wanted.packet_in_mask, self.wanted.packet_in_mask_slave);
                (Message::PacketIn(packet_in(packet, reason)), reason.0, mask)
            }
            Event::Removed(removed) => {
                let Some(message) = flow_removed(removed) else { return };
                let reason = message.reason.0;
                let mask = pick(self.wanted.flow_removed_mask, self.wanted.flow_removed_mask_slave);
                (Message::FlowRemoved(message), reason, mask)
            }
            Event::PortChanged(number) => {
                let Some(port) = datapath.ports.get(number) else { return };
                let reason = PortReason::MODIFY;
                let mask = pick(self.wanted.port_status_mask, self.wanted.port_status_mask_slave);
                (Message::PortStatus(PortStatus { reason, desc: answers::describe(port) }), reason.0, mask)
            }
        };
        if mask >> reason & 1 == 1 {
            // A packet-in of a frame beyond 65,000 bytes cannot be told.
            let _too_long = message.encode(0, out);
        }
    }
}

fn packet_in(packet: &super::datapath::PacketIn, reason: PacketInReason) -> PacketIn {
    let mut matching = Match::ANY;
    matching.push(Oxm::InPort(packet.in_port.into()));
    if packet.metadata != 0 {
        matching.push(Oxm::Metadata(packet.metadata, None));
    }
    PacketIn {
        buffer_id: packet.buffer.unwrap_or(OFP_NO_BUFFER),
        total_len: u16::try_from(packet.total).unwrap_or(u16::MAX),
        reason,
        table_id: packet.cause.table,
        cookie: packet.cause.cookie,
        matching,
        data: packet.data.clone(),
    }
}

fn flow_removed(removed: &super::datapath::Removed) -> Option<FlowRemoved> {
    let entry = &removed.entry;
    let Spelling::V13 { matching, .. } = &*entry.spelling else { return None };
    let age = removed.at.since(entry.installed);
    Some(FlowRemoved {
        cookie: entry.cookie,
        priority: entry.priority,
        reason: match removed.reason {
            RemovedReason::Idle => FlowRemovedReason::IDLE_TIMEOUT,
            RemovedReason::Hard => FlowRemovedReason::HARD_TIMEOUT,
            RemovedReason::Delete => FlowRemovedReason::DELETE,
            RemovedReason::GroupDelete => FlowRemovedReason::GROUP_DELETE,
        },
        table_id: removed.table,
        duration_sec: seconds(age),
        duration_nsec: age.subsec_nanos(),
        idle_timeout: entry.idle_timeout,
        hard_timeout: entry.hard_timeout,
        packet_count: entry.packets,
        byte_count: entry.bytes,
        matching: (**matching).clone(),
    })
}

/// Carries out what a slave may not ask for.
fn change(message: Message, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    match message {
        Message::SetConfig(wanted) => {
            datapath.miss_send_len = wanted.miss_send_len;
            Ok(())
        }
        Message::FlowMod(entry) => flow::carry_out(&entry, datapath, now, events),
        Message::GroupMod(group) => group::carry_out(&group, datapath, now, events),
        Message::PortMod(port) => port_mod(&port, datapath, events),
        Message::TableMod(table) => table_mod(&table, datapath),
        Message::MeterMod(meter) => meter::carry_out(&meter, datapath, now, events),
        Message::PacketOut(packet) => packet_out(&packet, datapath, now, events),
        _ => Err(BadRequest::BAD_TYPE.into()),
    }
}

fn seconds(age: std::time::Duration) -> u32 {
    u32::try_from(age.as_secs()).unwrap_or(u32::MAX)
}

fn packet_out(packet: &PacketOut, datapath: &mut Datapath, now: Time, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let actions = action::read(&packet.actions, datapath, &mut action::Given::in_packet_out())?;
    let (in_port, bytes) = match packet.buffer_id {
        OFP_NO_BUFFER => (net::PortNo(packet.in_port.0), packet.data.clone()),
        buffer => datapath.buffers.take(buffer).ok_or(Refusal::from(BadRequest::BUFFER_UNKNOWN))?,
    };
    let cause = Cause { table: 0, cookie: u64::MAX, miss: false, packet_out: true };
    datapath.execute(&mut Packet::new(in_port, bytes), &actions, cause, super::datapath::GROUP_DEPTH, now, events);
    Ok(())
}

fn port_mod(change: &PortMod, datapath: &mut Datapath, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let number = change.port_no.physical().ok_or(Refusal::from(PortModFailed::BAD_PORT))?;
    let port = datapath.ports.get_mut(&number).ok_or(Refusal::from(PortModFailed::BAD_PORT))?;
    if port.mac != change.hw_addr {
        return Err(PortModFailed::BAD_HW_ADDR.into());
    }
    let pick = |now: bool, flag: PortConfig| {
        if change.mask.contains(flag) { change.config.contains(flag) } else { now }
    };
    let before = port.config;
    port.config = OwnConfig {
        down: pick(before.down, PortConfig::PORT_DOWN),
        no_recv: pick(before.no_recv, PortConfig::NO_RECV),
        no_flood: before.no_flood,
        no_fwd: pick(before.no_fwd, PortConfig::NO_FWD),
        no_packet_in: pick(before.no_packet_in, PortConfig::NO_PACKET_IN),
    };
    if port.config != before {
        events.push(Event::PortChanged(number));
    }
    Ok(())
}

/// Its bits are deprecated and change nothing (§7.3.4.1).
fn table_mod(change: &TableMod, datapath: &Datapath) -> Result<(), Refusal> {
    const ALL: u8 = 0xff;
    if change.table_id == ALL || usize::from(change.table_id) < datapath.tables.len() {
        Ok(())
    } else {
        Err(TableModFailed::BAD_TABLE.into())
    }
}
