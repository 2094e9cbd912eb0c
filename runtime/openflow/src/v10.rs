//! OpenFlow 1.0: its messages, named as in the specification of 1.0.1. Knows nothing of other versions.

mod action;
mod error;
mod exact;
mod flow;
mod matching;
mod packet;
mod queue;
mod stats;
mod switch;

use bytes::{Bytes, BytesMut};

pub use action::Action;
pub use error::{BadAction, BadRequest, Error, ErrorType, FlowModFailed, HelloFailed, PortModFailed, QueueOpFailed, VendorError};
pub use exact::{add_exact, release};
pub use flow::{FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason, OFP_NO_BUFFER};
pub use matching::{Match, OFP_VLAN_NONE, Wildcards};
pub use packet::{PacketIn, PacketInReason, PacketOut, glance};
pub use queue::{PacketQueue, QueueGetConfigReply, QueueGetConfigRequest, QueueProperty};
pub use stats::{
    ALL_TABLES, AggregateStats, DescStats, FlowStats, FlowStatsRequest, OFPQ_ALL, PortStats, QueueStats, QueueStatsRequest,
    StatsFlags, StatsReply, StatsReplyBody, StatsRequest, StatsRequestBody, TableStats,
};
pub use switch::{
    Capabilities, ConfigFlags, FeaturesReply, PhyPort, PortConfig, PortFeatures, PortMod, PortNo, PortReason, PortState,
    PortStatus, SwitchConfig,
};

use crate::cursor::{Reader, Wire, Writer, write_frame};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::frame::{HEADER_LENGTH, Header};
use crate::hello::Hello;

/// The version's number on the wire.
pub const VERSION: u8 = 1;

/// `ofp_type`: the numbers of the messages.
mod kind {
    pub(super) const HELLO: u8 = 0;
    pub(super) const ERROR: u8 = 1;
    pub(super) const ECHO_REQUEST: u8 = 2;
    pub(super) const ECHO_REPLY: u8 = 3;
    pub(super) const VENDOR: u8 = 4;
    pub(super) const FEATURES_REQUEST: u8 = 5;
    pub(super) const FEATURES_REPLY: u8 = 6;
    pub(super) const GET_CONFIG_REQUEST: u8 = 7;
    pub(super) const GET_CONFIG_REPLY: u8 = 8;
    pub(super) const SET_CONFIG: u8 = 9;
    pub(super) const PACKET_IN: u8 = 10;
    pub(super) const FLOW_REMOVED: u8 = 11;
    pub(super) const PORT_STATUS: u8 = 12;
    pub(super) const PACKET_OUT: u8 = 13;
    pub(super) const FLOW_MOD: u8 = 14;
    pub(super) const PORT_MOD: u8 = 15;
    pub(super) const STATS_REQUEST: u8 = 16;
    pub(super) const STATS_REPLY: u8 = 17;
    pub(super) const BARRIER_REQUEST: u8 = 18;
    pub(super) const BARRIER_REPLY: u8 = 19;
    pub(super) const QUEUE_GET_CONFIG_REQUEST: u8 = 20;
    pub(super) const QUEUE_GET_CONFIG_REPLY: u8 = 21;
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Which versions an end speaks.
    Hello(Hello),
    /// Something failed.
    Error(Error),
    /// Are you there?
    EchoRequest(Bytes),
    /// Here, with the request's bytes.
    EchoReply(Bytes),
    /// A vendor's own.
    Vendor {
        /// The vendor.
        vendor: u32,
        /// Its bytes.
        data: Bytes,
    },
    /// What are you?
    FeaturesRequest,
    /// What the switch is.
    FeaturesReply(FeaturesReply),
    /// How are you configured?
    GetConfigRequest,
    /// How the switch is configured.
    GetConfigReply(SwitchConfig),
    /// How the switch is to be configured.
    SetConfig(SwitchConfig),
    /// A packet for the controller.
    PacketIn(PacketIn),
    /// An entry is gone.
    FlowRemoved(FlowRemoved),
    /// A port changed.
    PortStatus(PortStatus),
    /// A packet for the switch to send.
    PacketOut(PacketOut),
    /// A change of entries.
    FlowMod(FlowMod),
    /// A change of a port.
    PortMod(PortMod),
    /// A question for statistics.
    StatsRequest(StatsRequest),
    /// Statistics.
    StatsReply(StatsReply),
    /// Tell when all before is done.
    BarrierRequest,
    /// All before is done.
    BarrierReply,
    /// Which queues does a port have?
    QueueGetConfigRequest(QueueGetConfigRequest),
    /// The queues of a port.
    QueueGetConfigReply(QueueGetConfigReply),
}

impl Message {
    /// Reads one whole frame; gives the transaction number and the message. Packets and payloads are slices of the frame.
    /// A HELLO may be of any version.
    ///
    /// # Errors
    /// When the frame is not one well-formed message of this version; [`Error::undecodable`] makes the answer.
    pub fn decode(frame: &Bytes) -> Result<(u32, Message), DecodeError> {
        let header = Header::of(frame)?;
        let mut r = Reader::new(frame, name(header.kind));
        if header.kind == kind::HELLO {
            return Hello::decode(frame).map(|(xid, hello)| (xid, Message::Hello(hello)));
        }
        if header.version != VERSION {
            r.enter("ofp_header");
            return Err(r.fail_as("version", DecodeErrorKind::BadVersion, BadRequest::BAD_VERSION));
        }
        r.skip(HEADER_LENGTH)?;
        let message = Message::read(header.kind, &mut r)?;
        r.finish()?;
        Ok((header.xid, message))
    }

    /// Appends the whole message to `out`.
    ///
    /// # Errors
    /// When it exceeds 65,535 bytes, as a reply with too long a list does; nothing is written then.
    pub fn encode(&self, xid: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        match self {
            Message::Hello(hello) => hello.encode(xid, out),
            _ => write_frame(out, VERSION, self.kind(), xid, |w| self.write(w)),
        }
    }

    /// The name in the specification.
    #[must_use]
    pub fn name(&self) -> &'static str {
        name(self.kind())
    }

    fn read(message: u8, r: &mut Reader<'_>) -> Result<Message, DecodeError> {
        Ok(match message {
            kind::ERROR => Message::Error(Error::read(r)?),
            kind::ECHO_REQUEST => Message::EchoRequest(r.rest()),
            kind::ECHO_REPLY => Message::EchoReply(r.rest()),
            kind::VENDOR => Message::Vendor { vendor: r.get("vendor")?, data: r.rest() },
            kind::FEATURES_REQUEST => Message::FeaturesRequest,
            kind::FEATURES_REPLY => Message::FeaturesReply(FeaturesReply::read(r)?),
            kind::GET_CONFIG_REQUEST => Message::GetConfigRequest,
            kind::GET_CONFIG_REPLY => Message::GetConfigReply(r.get("body")?),
            kind::SET_CONFIG => Message::SetConfig(r.get("body")?),
            kind::PACKET_IN => Message::PacketIn(PacketIn::read(r)?),
            kind::FLOW_REMOVED => Message::FlowRemoved(r.get("body")?),
            kind::PORT_STATUS => Message::PortStatus(r.get("body")?),
            kind::PACKET_OUT => Message::PacketOut(PacketOut::read(r)?),
            kind::FLOW_MOD => Message::FlowMod(FlowMod::read(r)?),
            kind::PORT_MOD => Message::PortMod(r.get("body")?),
            kind::STATS_REQUEST => Message::StatsRequest(StatsRequest::read(r)?),
            kind::STATS_REPLY => Message::StatsReply(StatsReply::read(r)?),
            kind::BARRIER_REQUEST => Message::BarrierRequest,
            kind::BARRIER_REPLY => Message::BarrierReply,
            kind::QUEUE_GET_CONFIG_REQUEST => Message::QueueGetConfigRequest(r.get("body")?),
            kind::QUEUE_GET_CONFIG_REPLY => Message::QueueGetConfigReply(QueueGetConfigReply::read(r)?),
            _ => return Err(DecodeError::new("ofp_header", "type", 1, DecodeErrorKind::BadType, BadRequest::BAD_TYPE.into())),
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Message::Hello(_)
            | Message::FeaturesRequest
            | Message::GetConfigRequest
            | Message::BarrierRequest
            | Message::BarrierReply => {}
            Message::Error(error) => error.write(w),
            Message::EchoRequest(data) | Message::EchoReply(data) => w.put_slice(data),
            Message::Vendor { vendor, data } => {
                w.put(*vendor);
                w.put_slice(data);
            }
            Message::FeaturesReply(features) => features.write(w),
            Message::GetConfigReply(config) | Message::SetConfig(config) => config.put(w),
            Message::PacketIn(packet) => packet.write(w),
            Message::FlowRemoved(removed) => removed.put(w),
            Message::PortStatus(status) => status.put(w),
            Message::PacketOut(packet) => packet.write(w),
            Message::FlowMod(entry) => entry.write(&entry.actions, w),
            Message::PortMod(port) => port.put(w),
            Message::StatsRequest(request) => request.write(w),
            Message::StatsReply(reply) => reply.write(w),
            Message::QueueGetConfigRequest(request) => request.put(w),
            Message::QueueGetConfigReply(reply) => reply.write(w),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Message::Hello(_) => kind::HELLO,
            Message::Error(_) => kind::ERROR,
            Message::EchoRequest(_) => kind::ECHO_REQUEST,
            Message::EchoReply(_) => kind::ECHO_REPLY,
            Message::Vendor { .. } => kind::VENDOR,
            Message::FeaturesRequest => kind::FEATURES_REQUEST,
            Message::FeaturesReply(_) => kind::FEATURES_REPLY,
            Message::GetConfigRequest => kind::GET_CONFIG_REQUEST,
            Message::GetConfigReply(_) => kind::GET_CONFIG_REPLY,
            Message::SetConfig(_) => kind::SET_CONFIG,
            Message::PacketIn(_) => kind::PACKET_IN,
            Message::FlowRemoved(_) => kind::FLOW_REMOVED,
            Message::PortStatus(_) => kind::PORT_STATUS,
            Message::PacketOut(_) => kind::PACKET_OUT,
            Message::FlowMod(_) => kind::FLOW_MOD,
            Message::PortMod(_) => kind::PORT_MOD,
            Message::StatsRequest(_) => kind::STATS_REQUEST,
            Message::StatsReply(_) => kind::STATS_REPLY,
            Message::BarrierRequest => kind::BARRIER_REQUEST,
            Message::BarrierReply => kind::BARRIER_REPLY,
            Message::QueueGetConfigRequest(_) => kind::QUEUE_GET_CONFIG_REQUEST,
            Message::QueueGetConfigReply(_) => kind::QUEUE_GET_CONFIG_REPLY,
        }
    }
}

/// The name of a message type in the specification.
fn name(message: u8) -> &'static str {
    const NAMES: [&str; 22] = [
        "OFPT_HELLO",
        "OFPT_ERROR",
        "OFPT_ECHO_REQUEST",
        "OFPT_ECHO_REPLY",
        "OFPT_VENDOR",
        "OFPT_FEATURES_REQUEST",
        "OFPT_FEATURES_REPLY",
        "OFPT_GET_CONFIG_REQUEST",
        "OFPT_GET_CONFIG_REPLY",
        "OFPT_SET_CONFIG",
        "OFPT_PACKET_IN",
        "OFPT_FLOW_REMOVED",
        "OFPT_PORT_STATUS",
        "OFPT_PACKET_OUT",
        "OFPT_FLOW_MOD",
        "OFPT_PORT_MOD",
        "OFPT_STATS_REQUEST",
        "OFPT_STATS_REPLY",
        "OFPT_BARRIER_REQUEST",
        "OFPT_BARRIER_REPLY",
        "OFPT_QUEUE_GET_CONFIG_REQUEST",
        "OFPT_QUEUE_GET_CONFIG_REPLY",
    ];
    NAMES.get(usize::from(message)).copied().unwrap_or("ofp_header")
}
