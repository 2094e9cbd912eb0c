//! What an emulated switch says of itself, in both versions, and what it is asked before it is taken. Knows nothing of flows; what
//! is said here is said once, and goes through the codec.

use bytes::{Bytes, BytesMut};
use net::{Dpid, MacAddr};
use openflow::{Hello, Text, v10, v13};

use super::case::Version;

/// Packets that a switch can hold back.
pub(super) const BUFFERS: u32 = 1 << 20;

/// A switch as it describes itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switch {
    /// What it speaks.
    pub(super) version: Version,
    /// Its dpid.
    pub(super) dpid: u64,
    /// Its ports, from 1.
    pub(super) ports: u16,
}

/// What came of a message.
pub(super) enum Answer {
    /// This is to be said.
    Say(Vec<u8>),
    /// This is to be said, and the switch is taken: its entries were asked for.
    Taken(Vec<u8>),
    /// Nothing.
    Nothing,
}

/// The greeting of either side.
pub(super) fn hello(version: Version) -> Vec<u8> {
    let version = match version {
        Version::V10 => 1,
        Version::V13 => 4,
    };
    let mut out = BytesMut::new();
    // It is not longer than a message can be, nor is anything below.
    let _ = Hello { version, bitmap: None }.encode(0, &mut out);
    out.to_vec()
}

impl Switch {
    /// Answers a message.
    ///
    /// # Errors
    /// It cannot be read, or is an error.
    pub(super) fn answer(&self, frame: &[u8]) -> Result<Answer, String> {
        let frame = Bytes::copy_from_slice(frame);
        match self.version {
            Version::V10 => self.answer_10(&frame),
            Version::V13 => self.answer_13(&frame),
        }
    }

    fn answer_10(&self, frame: &Bytes) -> Result<Answer, String> {
        use v10::{Message, StatsRequest, StatsRequestBody};
        let (xid, message) = Message::decode(frame).map_err(|error| error.to_string())?;
        let said = |message: Message| encoded(|out| message.encode(xid, out));
        Ok(match message {
            Message::FeaturesRequest => Answer::Say(said(Message::FeaturesReply(self.features_10()))),
            Message::GetConfigRequest => {
                let flags = v10::ConfigFlags::FRAG_NORMAL;
                Answer::Say(said(Message::GetConfigReply(v10::SwitchConfig { flags, miss_send_len: 128 })))
            }
            // What else is asked about the switch stays unanswered: then the switch cannot do it.
            Message::StatsRequest(StatsRequest { body: StatsRequestBody::Flow(_), .. }) => {
                let body = v10::StatsReplyBody::Flow(Vec::new());
                Answer::Taken(said(Message::StatsReply(v10::StatsReply { flags: v10::StatsFlags::NONE, body })))
            }
            Message::Error(error) => return Err(format!("the daemon answered with {error}")),
            _ => Answer::Nothing,
        })
    }

    fn answer_13(&self, frame: &Bytes) -> Result<Answer, String> {
        use v13::{Message, MultipartReplyBody, MultipartRequestBody};
        let (xid, message) = Message::decode(frame).map_err(|error| error.to_string())?;
        let said = |message: Message| encoded(|out| message.encode(xid, out));
        let part = |body| said(Message::MultipartReply(v13::MultipartReply { flags: v13::MultipartFlags::NONE, body }));
        Ok(match message {
            Message::FeaturesRequest => Answer::Say(said(Message::FeaturesReply(v13::FeaturesReply {
                datapath_id: Dpid(self.dpid),
                n_buffers: BUFFERS,
                n_tables: 1,
                auxiliary_id: 0,
                capabilities: v13::Capabilities::FLOW_STATS,
                reserved: 0,
            }))),
            Message::GetConfigRequest => {
                let flags = v13::ConfigFlags::FRAG_NORMAL;
                Answer::Say(said(Message::GetConfigReply(v13::SwitchConfig { flags, miss_send_len: 128 })))
            }
            Message::RoleRequest(mut role) => {
                if role.role == v13::Role::NOCHANGE {
                    role.role = v13::Role::EQUAL;
                }
                Answer::Say(said(Message::RoleReply(role)))
            }
            Message::MultipartRequest(request) => match request.body {
                MultipartRequestBody::PortDesc => Answer::Say(part(MultipartReplyBody::PortDesc(self.ports_13()))),
                MultipartRequestBody::Flow(_) => Answer::Taken(part(MultipartReplyBody::Flow(Vec::new()))),
                _ => Answer::Nothing,
            },
            Message::Error(error) => return Err(format!("the daemon answered with {error}")),
            _ => Answer::Nothing,
        })
    }

    fn features_10(&self) -> v10::FeaturesReply {
        let ports = (1..=self.ports).map(|port| v10::PhyPort {
            port_no: v10::PortNo(port),
            hw_addr: hardware(port),
            name: Text::new(&format!("port{port}")),
            config: v10::PortConfig::NONE,
            state: v10::PortState::NONE,
            curr: v10::PortFeatures::NONE,
            advertised: v10::PortFeatures::NONE,
            supported: v10::PortFeatures::NONE,
            peer: v10::PortFeatures::NONE,
        });
        v10::FeaturesReply {
            datapath_id: Dpid(self.dpid),
            n_buffers: BUFFERS,
            n_tables: 1,
            capabilities: v10::Capabilities::FLOW_STATS,
            actions: 1,
            ports: ports.collect(),
        }
    }

    fn ports_13(&self) -> Vec<v13::Port> {
        let port = |port: u16| v13::Port {
            port_no: v13::PortNo(port.into()),
            hw_addr: hardware(port),
            name: Text::new(&format!("port{port}")),
            config: v13::PortConfig::NONE,
            state: v13::PortState::LIVE,
            curr: v13::PortFeatures::NONE,
            advertised: v13::PortFeatures::NONE,
            supported: v13::PortFeatures::NONE,
            peer: v13::PortFeatures::NONE,
            curr_speed: 0,
            max_speed: 0,
        };
        (1..=self.ports).map(port).collect()
    }

    /// Appends a packet-in that holds its packet.
    pub(super) fn packet_in(&self, port: u16, frame: &[u8], out: &mut Vec<u8>) {
        let (total_len, data) = (u16::try_from(frame.len()).unwrap_or(u16::MAX), Bytes::copy_from_slice(frame));
        out.extend_from_slice(&match self.version {
            Version::V10 => {
                let (in_port, reason) = (v10::PortNo(port), v10::PacketInReason::NO_MATCH);
                let packet = v10::PacketIn { buffer_id: u32::MAX, total_len, in_port, reason, data };
                encoded(|out| v10::Message::PacketIn(packet).encode(0, out))
            }
            Version::V13 => {
                let matching = std::iter::once(v13::Oxm::InPort(v13::PortNo(port.into()))).collect();
                let reason = v13::PacketInReason::NO_MATCH;
                let (buffer_id, table_id, cookie) = (u32::MAX, 0, 0);
                let packet = v13::PacketIn { buffer_id, total_len, reason, table_id, cookie, matching, data };
                encoded(|out| v13::Message::PacketIn(packet).encode(0, out))
            }
        });
    }
}

/// What the null responder asks: what the switch is, and which entries it has.
pub(super) fn questions(version: Version) -> (Vec<u8>, Vec<u8>) {
    match version {
        Version::V10 => {
            use v10::{FlowStatsRequest, Match, Message, PortNo, StatsFlags, StatsRequest, StatsRequestBody};
            let all = FlowStatsRequest { matching: Match::ANY, table_id: 0xff, out_port: PortNo::NONE };
            let entries = StatsRequest { flags: StatsFlags::NONE, body: StatsRequestBody::Flow(all) };
            let entries = Message::StatsRequest(entries);
            (encoded(|out| Message::FeaturesRequest.encode(1, out)), encoded(|out| entries.encode(2, out)))
        }
        Version::V13 => {
            use v13::{FlowStatsRequest, Match, Message, MultipartFlags, MultipartRequest, MultipartRequestBody};
            let all = FlowStatsRequest {
                table_id: v13::OFPTT_ALL,
                out_port: v13::PortNo::ANY,
                out_group: v13::OFPG_ANY,
                cookie: 0,
                cookie_mask: 0,
                matching: Match::default(),
            };
            let entries = MultipartRequest { flags: MultipartFlags::NONE, body: MultipartRequestBody::Flow(all) };
            let entries = Message::MultipartRequest(entries);
            (encoded(|out| Message::FeaturesRequest.encode(1, out)), encoded(|out| entries.encode(2, out)))
        }
    }
}

fn hardware(port: u16) -> MacAddr {
    let [high, low] = port.to_be_bytes();
    MacAddr([0x02, 0x30, 0, 0, high, low])
}

fn encoded<E>(encode: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Vec<u8> {
    let mut out = BytesMut::new();
    // Nothing that is said here exceeds what a message can hold.
    let _ = encode(&mut out);
    out.to_vec()
}
