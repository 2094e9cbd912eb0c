//! OpenFlow 1.3: its messages, named as in the specification of 1.3.5. Knows nothing of other versions.

mod action;
mod error;
mod exact;
mod flow;
mod group;
mod instruction;
mod matching;
mod meter;
mod multipart;
mod oxm;
mod packet;
mod queue;
mod stats;
mod switch;
mod table;

use bytes::{Bytes, BytesMut};

pub use action::{Action, OFPCML_MAX, OFPCML_NO_BUFFER};
pub use error::{
    BadAction, BadInstruction, BadMatch, BadRequest, Error, ErrorType, FlowModFailed, GroupModFailed, HelloFailed,
    MeterModFailed, PortModFailed, QueueOpFailed, RoleRequestFailed, SwitchConfigFailed, TableFeaturesFailed, TableModFailed,
};
pub use exact::{add_exact, release};
pub use flow::{FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason, OFP_NO_BUFFER, OFPTT_ALL, OFPTT_MAX};
pub use group::{
    Bucket, BucketCounter, GroupCapabilities, GroupDesc, GroupFeatures, GroupMod, GroupModCommand, GroupStats, GroupType,
    OFPG_ALL, OFPG_ANY, OFPG_MAX,
};
pub use instruction::Instruction;
pub use matching::Match;
pub use meter::{
    MeterBand, MeterBandStats, MeterConfig, MeterFeatures, MeterFlags, MeterMod, MeterModCommand, MeterStats, OFPM_ALL,
    OFPM_CONTROLLER, OFPM_MAX, OFPM_SLOWPATH,
};
pub use multipart::{MultipartFlags, MultipartReply, MultipartReplyBody, MultipartRequest, MultipartRequestBody, MultipartType};
pub use oxm::{OFPVID_NONE, OFPVID_PRESENT, OFPXMC_OPENFLOW_BASIC, Oxm};
pub use packet::{PacketIn, PacketInReason, PacketOut, glance};
pub use queue::{PacketQueue, QueueGetConfigReply, QueueGetConfigRequest, QueueProperty};
pub use stats::{
    AggregateStats, Desc, FlowStats, FlowStatsRequest, OFPQ_ALL, PortStats, PortStatsRequest, QueueStats, QueueStatsRequest,
    TableStats,
};
pub use switch::{
    AsyncConfig, Capabilities, ConfigFlags, FeaturesReply, Port, PortConfig, PortFeatures, PortMod, PortNo, PortReason,
    PortState, PortStatus, Role, RoleRequest, SwitchConfig, TableMod,
};
pub use table::{ElementId, TableFeatureBody, TableFeatureProp, TableFeaturePropType, TableFeatures};

use crate::cursor::{Reader, Wire, Writer, write_frame};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::frame::{HEADER_LENGTH, Header};
use crate::hello::Hello;

/// The version's number on the wire.
pub const VERSION: u8 = 4;

/// `ofp_type`: the numbers of the messages.
mod kind {
    pub(super) const HELLO: u8 = 0;
    pub(super) const ERROR: u8 = 1;
    pub(super) const ECHO_REQUEST: u8 = 2;
    pub(super) const ECHO_REPLY: u8 = 3;
    pub(super) const EXPERIMENTER: u8 = 4;
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
    pub(super) const GROUP_MOD: u8 = 15;
    pub(super) const PORT_MOD: u8 = 16;
    pub(super) const TABLE_MOD: u8 = 17;
    pub(super) const MULTIPART_REQUEST: u8 = 18;
    pub(super) const MULTIPART_REPLY: u8 = 19;
    pub(super) const BARRIER_REQUEST: u8 = 20;
    pub(super) const BARRIER_REPLY: u8 = 21;
    pub(super) const QUEUE_GET_CONFIG_REQUEST: u8 = 22;
    pub(super) const QUEUE_GET_CONFIG_REPLY: u8 = 23;
    pub(super) const ROLE_REQUEST: u8 = 24;
    pub(super) const ROLE_REPLY: u8 = 25;
    pub(super) const GET_ASYNC_REQUEST: u8 = 26;
    pub(super) const GET_ASYNC_REPLY: u8 = 27;
    pub(super) const SET_ASYNC: u8 = 28;
    pub(super) const METER_MOD: u8 = 29;
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
    /// An experimenter's own.
    Experimenter {
        /// The experimenter.
        experimenter: u32,
        /// The experimenter's own type.
        exp_type: u32,
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
    /// A change of a group.
    GroupMod(GroupMod),
    /// A change of a port.
    PortMod(PortMod),
    /// A change of a table.
    TableMod(TableMod),
    /// A question about state.
    MultipartRequest(MultipartRequest),
    /// State.
    MultipartReply(MultipartReply),
    /// Tell when all before is done.
    BarrierRequest,
    /// All before is done.
    BarrierReply,
    /// Which queues does a port have?
    QueueGetConfigRequest(QueueGetConfigRequest),
    /// The queues of a port.
    QueueGetConfigReply(QueueGetConfigReply),
    /// The role that the controller wants.
    RoleRequest(RoleRequest),
    /// The role that the controller has.
    RoleReply(RoleRequest),
    /// Which asynchronous messages do you send?
    GetAsyncRequest,
    /// Which asynchronous messages come.
    GetAsyncReply(AsyncConfig),
    /// Which asynchronous messages are to come.
    SetAsync(AsyncConfig),
    /// A change of a meter.
    MeterMod(MeterMod),
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
            kind::EXPERIMENTER => {
                Message::Experimenter { experimenter: r.get("experimenter")?, exp_type: r.get("exp_type")?, data: r.rest() }
            }
            kind::FEATURES_REQUEST => Message::FeaturesRequest,
            kind::FEATURES_REPLY => Message::FeaturesReply(r.get("body")?),
            kind::GET_CONFIG_REQUEST => Message::GetConfigRequest,
            kind::GET_CONFIG_REPLY => Message::GetConfigReply(r.get("body")?),
            kind::SET_CONFIG => Message::SetConfig(r.get("body")?),
            kind::PACKET_IN => Message::PacketIn(PacketIn::read(r)?),
            kind::FLOW_REMOVED => Message::FlowRemoved(FlowRemoved::read(r)?),
            kind::PORT_STATUS => Message::PortStatus(r.get("body")?),
            kind::PACKET_OUT => Message::PacketOut(PacketOut::read(r)?),
            kind::FLOW_MOD => Message::FlowMod(FlowMod::read(r)?),
            kind::GROUP_MOD => Message::GroupMod(GroupMod::read(r)?),
            kind::PORT_MOD => Message::PortMod(r.get("body")?),
            kind::TABLE_MOD => Message::TableMod(r.get("body")?),
            kind::MULTIPART_REQUEST => Message::MultipartRequest(MultipartRequest::read(r)?),
            kind::MULTIPART_REPLY => Message::MultipartReply(MultipartReply::read(r)?),
            kind::BARRIER_REQUEST => Message::BarrierRequest,
            kind::BARRIER_REPLY => Message::BarrierReply,
            kind::QUEUE_GET_CONFIG_REQUEST => Message::QueueGetConfigRequest(r.get("body")?),
            kind::QUEUE_GET_CONFIG_REPLY => Message::QueueGetConfigReply(QueueGetConfigReply::read(r)?),
            kind::ROLE_REQUEST => Message::RoleRequest(r.get("body")?),
            kind::ROLE_REPLY => Message::RoleReply(r.get("body")?),
            kind::GET_ASYNC_REQUEST => Message::GetAsyncRequest,
            kind::GET_ASYNC_REPLY => Message::GetAsyncReply(r.get("body")?),
            kind::SET_ASYNC => Message::SetAsync(r.get("body")?),
            kind::METER_MOD => Message::MeterMod(MeterMod::read(r)?),
            _ => return Err(DecodeError::new("ofp_header", "type", 1, DecodeErrorKind::BadType, BadRequest::BAD_TYPE.into())),
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Message::Hello(_)
            | Message::FeaturesRequest
            | Message::GetConfigRequest
            | Message::BarrierRequest
            | Message::BarrierReply
            | Message::GetAsyncRequest => {}
            Message::Error(error) => error.write(w),
            Message::EchoRequest(data) | Message::EchoReply(data) => w.put_slice(data),
            Message::Experimenter { experimenter, exp_type, data } => {
                w.put(*experimenter);
                w.put(*exp_type);
                w.put_slice(data);
            }
            Message::FeaturesReply(features) => features.put(w),
            Message::GetConfigReply(config) | Message::SetConfig(config) => config.put(w),
            Message::PacketIn(packet) => packet.write(w),
            Message::FlowRemoved(removed) => removed.write(w),
            Message::PortStatus(status) => status.put(w),
            Message::PacketOut(packet) => packet.write(w),
            Message::FlowMod(entry) => entry.write(w),
            Message::GroupMod(group) => group.write(w),
            Message::PortMod(port) => port.put(w),
            Message::TableMod(table) => table.put(w),
            Message::MultipartRequest(request) => request.write(w),
            Message::MultipartReply(reply) => reply.write(w),
            Message::QueueGetConfigRequest(request) => request.put(w),
            Message::QueueGetConfigReply(reply) => reply.write(w),
            Message::RoleRequest(role) | Message::RoleReply(role) => role.put(w),
            Message::GetAsyncReply(masks) | Message::SetAsync(masks) => masks.put(w),
            Message::MeterMod(meter) => meter.write(w),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Message::Hello(_) => kind::HELLO,
            Message::Error(_) => kind::ERROR,
            Message::EchoRequest(_) => kind::ECHO_REQUEST,
            Message::EchoReply(_) => kind::ECHO_REPLY,
            Message::Experimenter { .. } => kind::EXPERIMENTER,
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
            Message::GroupMod(_) => kind::GROUP_MOD,
            Message::PortMod(_) => kind::PORT_MOD,
            Message::TableMod(_) => kind::TABLE_MOD,
            Message::MultipartRequest(_) => kind::MULTIPART_REQUEST,
            Message::MultipartReply(_) => kind::MULTIPART_REPLY,
            Message::BarrierRequest => kind::BARRIER_REQUEST,
            Message::BarrierReply => kind::BARRIER_REPLY,
            Message::QueueGetConfigRequest(_) => kind::QUEUE_GET_CONFIG_REQUEST,
            Message::QueueGetConfigReply(_) => kind::QUEUE_GET_CONFIG_REPLY,
            Message::RoleRequest(_) => kind::ROLE_REQUEST,
            Message::RoleReply(_) => kind::ROLE_REPLY,
            Message::GetAsyncRequest => kind::GET_ASYNC_REQUEST,
            Message::GetAsyncReply(_) => kind::GET_ASYNC_REPLY,
            Message::SetAsync(_) => kind::SET_ASYNC,
            Message::MeterMod(_) => kind::METER_MOD,
        }
    }
}

/// The name of a message type in the specification.
fn name(message: u8) -> &'static str {
    const NAMES: [&str; 30] = [
        "OFPT_HELLO",
        "OFPT_ERROR",
        "OFPT_ECHO_REQUEST",
        "OFPT_ECHO_REPLY",
        "OFPT_EXPERIMENTER",
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
        "OFPT_GROUP_MOD",
        "OFPT_PORT_MOD",
        "OFPT_TABLE_MOD",
        "OFPT_MULTIPART_REQUEST",
        "OFPT_MULTIPART_REPLY",
        "OFPT_BARRIER_REQUEST",
        "OFPT_BARRIER_REPLY",
        "OFPT_QUEUE_GET_CONFIG_REQUEST",
        "OFPT_QUEUE_GET_CONFIG_REPLY",
        "OFPT_ROLE_REQUEST",
        "OFPT_ROLE_REPLY",
        "OFPT_GET_ASYNC_REQUEST",
        "OFPT_GET_ASYNC_REPLY",
        "OFPT_SET_ASYNC",
        "OFPT_METER_MOD",
    ];
    NAMES.get(usize::from(message)).copied().unwrap_or("ofp_header")
}
