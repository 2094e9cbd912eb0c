//! Multipart messages of OpenFlow 1.3.5 §7.3.5: questions about the state of a switch, and answers in as many parts as needed.

use bytes::Bytes;

use super::{
    AggregateStats, BadRequest, Desc, FlowStats, FlowStatsRequest, GroupDesc, GroupFeatures, GroupStats, MeterConfig,
    MeterFeatures, MeterStats, Port, PortStats, PortStatsRequest, QueueStats, QueueStatsRequest, TableFeatures, TableStats,
};
use crate::cursor::{Reader, Wire, Writer, codes, flags};
use crate::error::{DecodeError, DecodeErrorKind};

codes! {
    /// `ofp_multipart_type`.
    MultipartType(u16) "OFPMP_" {
        DESC = 0, FLOW = 1, AGGREGATE = 2, TABLE = 3, PORT_STATS = 4, QUEUE = 5, GROUP = 6, GROUP_DESC = 7, GROUP_FEATURES = 8,
        METER = 9, METER_CONFIG = 10, METER_FEATURES = 11, TABLE_FEATURES = 12, PORT_DESC = 13, EXPERIMENTER = 0xffff,
    }
}

flags! {
    /// `ofp_multipart_request_flags` and `ofp_multipart_reply_flags`.
    MultipartFlags(u16) "OFPMPF_" { MORE = 1 }
}

/// `ofp_multipart_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartRequest {
    /// Whether more requests follow.
    pub flags: MultipartFlags,
    /// What is asked.
    pub body: MultipartRequestBody,
}

/// The body of a multipart request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartRequestBody {
    /// What kind of switch it is.
    Desc,
    /// Entries.
    Flow(FlowStatsRequest),
    /// Sums over entries.
    Aggregate(FlowStatsRequest),
    /// Tables.
    Table,
    /// Counters of ports.
    PortStats(PortStatsRequest),
    /// Counters of queues.
    Queue(QueueStatsRequest),
    /// Counters of a group, or of `OFPG_ALL`.
    Group(u32),
    /// All groups.
    GroupDesc,
    /// What groups can do.
    GroupFeatures,
    /// Counters of a meter, or of `OFPM_ALL`.
    Meter(u32),
    /// A meter, or `OFPM_ALL`.
    MeterConfig(u32),
    /// What meters can do.
    MeterFeatures,
    /// What tables can do; with a list, what they are to do.
    TableFeatures(Vec<TableFeatures>),
    /// All ports.
    PortDesc,
    /// An experimenter's own.
    Experimenter {
        /// The experimenter.
        experimenter: u32,
        /// The experimenter's own type.
        exp_type: u32,
        /// Its bytes.
        data: Bytes,
    },
}

/// `ofp_multipart_reply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartReply {
    /// Whether more replies follow.
    pub flags: MultipartFlags,
    /// The answer, or this part of it.
    pub body: MultipartReplyBody,
}

/// The body of a multipart reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartReplyBody {
    /// What kind of switch it is.
    Desc(Box<Desc>),
    /// Entries.
    Flow(Vec<FlowStats>),
    /// Sums over entries.
    Aggregate(AggregateStats),
    /// Tables.
    Table(Vec<TableStats>),
    /// Counters of ports.
    PortStats(Vec<PortStats>),
    /// Counters of queues.
    Queue(Vec<QueueStats>),
    /// Counters of groups.
    Group(Vec<GroupStats>),
    /// Groups.
    GroupDesc(Vec<GroupDesc>),
    /// What groups can do.
    GroupFeatures(GroupFeatures),
    /// Counters of meters.
    Meter(Vec<MeterStats>),
    /// Meters.
    MeterConfig(Vec<MeterConfig>),
    /// What meters can do.
    MeterFeatures(MeterFeatures),
    /// What tables can do.
    TableFeatures(Vec<TableFeatures>),
    /// Ports.
    PortDesc(Vec<Port>),
    /// An experimenter's own.
    Experimenter {
        /// The experimenter.
        experimenter: u32,
        /// The experimenter's own type.
        exp_type: u32,
        /// Its bytes.
        data: Bytes,
    },
}

impl MultipartRequest {
    /// A request in one part.
    #[must_use]
    pub fn new(body: MultipartRequestBody) -> MultipartRequest {
        MultipartRequest { flags: MultipartFlags::NONE, body }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<MultipartRequest, DecodeError> {
        type Kind = MultipartType;
        type Body = MultipartRequestBody;
        let kind: Kind = r.get("type")?;
        let flags = r.get("flags")?;
        r.skip(4)?;
        let body = match kind {
            Kind::DESC => Body::Desc,
            Kind::FLOW => Body::Flow(FlowStatsRequest::read(r)?),
            Kind::AGGREGATE => Body::Aggregate(FlowStatsRequest::read(r)?),
            Kind::TABLE => Body::Table,
            Kind::PORT_STATS => Body::PortStats(r.get("body")?),
            Kind::QUEUE => Body::Queue(r.get("body")?),
            Kind::GROUP => Body::Group(read_number(r, "group_id")?),
            Kind::GROUP_DESC => Body::GroupDesc,
            Kind::GROUP_FEATURES => Body::GroupFeatures,
            Kind::METER => Body::Meter(read_number(r, "meter_id")?),
            Kind::METER_CONFIG => Body::MeterConfig(read_number(r, "meter_id")?),
            Kind::METER_FEATURES => Body::MeterFeatures,
            Kind::TABLE_FEATURES => Body::TableFeatures(r.list(TableFeatures::read)?),
            Kind::PORT_DESC => Body::PortDesc,
            Kind::EXPERIMENTER => {
                Body::Experimenter { experimenter: r.get("experimenter")?, exp_type: r.get("exp_type")?, data: r.rest() }
            }
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadRequest::BAD_MULTIPART)),
        };
        Ok(MultipartRequest { flags, body })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        type Body = MultipartRequestBody;
        w.put(self.body.kind());
        w.put(self.flags);
        w.pad(4);
        match &self.body {
            Body::Desc | Body::Table | Body::GroupDesc | Body::GroupFeatures | Body::MeterFeatures | Body::PortDesc => {}
            Body::Flow(request) | Body::Aggregate(request) => request.write(w),
            Body::PortStats(request) => request.put(w),
            Body::Queue(request) => request.put(w),
            Body::Group(number) | Body::Meter(number) | Body::MeterConfig(number) => {
                w.put(*number);
                w.pad(4);
            }
            Body::TableFeatures(tables) => write_each(tables, w, TableFeatures::write),
            Body::Experimenter { experimenter, exp_type, data } => {
                w.put(*experimenter);
                w.put(*exp_type);
                w.put_slice(data);
            }
        }
    }
}

impl MultipartRequestBody {
    /// The type's number.
    #[must_use]
    pub fn kind(&self) -> MultipartType {
        match self {
            Self::Desc => MultipartType::DESC,
            Self::Flow(_) => MultipartType::FLOW,
            Self::Aggregate(_) => MultipartType::AGGREGATE,
            Self::Table => MultipartType::TABLE,
            Self::PortStats(_) => MultipartType::PORT_STATS,
            Self::Queue(_) => MultipartType::QUEUE,
            Self::Group(_) => MultipartType::GROUP,
            Self::GroupDesc => MultipartType::GROUP_DESC,
            Self::GroupFeatures => MultipartType::GROUP_FEATURES,
            Self::Meter(_) => MultipartType::METER,
            Self::MeterConfig(_) => MultipartType::METER_CONFIG,
            Self::MeterFeatures => MultipartType::METER_FEATURES,
            Self::TableFeatures(_) => MultipartType::TABLE_FEATURES,
            Self::PortDesc => MultipartType::PORT_DESC,
            Self::Experimenter { .. } => MultipartType::EXPERIMENTER,
        }
    }
}

impl MultipartReply {
    /// A reply in one part.
    #[must_use]
    pub fn new(body: MultipartReplyBody) -> MultipartReply {
        MultipartReply { flags: MultipartFlags::NONE, body }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<MultipartReply, DecodeError> {
        type Kind = MultipartType;
        type Body = MultipartReplyBody;
        let kind: Kind = r.get("type")?;
        let flags = r.get("flags")?;
        r.skip(4)?;
        let body = match kind {
            Kind::DESC => Body::Desc(Box::new(r.get("body")?)),
            Kind::FLOW => Body::Flow(r.list(FlowStats::read)?),
            Kind::AGGREGATE => Body::Aggregate(r.get("body")?),
            Kind::TABLE => Body::Table(r.values("body")?),
            Kind::PORT_STATS => Body::PortStats(r.values("body")?),
            Kind::QUEUE => Body::Queue(r.values("body")?),
            Kind::GROUP => Body::Group(r.list(GroupStats::read)?),
            Kind::GROUP_DESC => Body::GroupDesc(r.list(GroupDesc::read)?),
            Kind::GROUP_FEATURES => Body::GroupFeatures(r.get("body")?),
            Kind::METER => Body::Meter(r.list(MeterStats::read)?),
            Kind::METER_CONFIG => Body::MeterConfig(r.list(MeterConfig::read)?),
            Kind::METER_FEATURES => Body::MeterFeatures(r.get("body")?),
            Kind::TABLE_FEATURES => Body::TableFeatures(r.list(TableFeatures::read)?),
            Kind::PORT_DESC => Body::PortDesc(r.values("body")?),
            Kind::EXPERIMENTER => {
                Body::Experimenter { experimenter: r.get("experimenter")?, exp_type: r.get("exp_type")?, data: r.rest() }
            }
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadRequest::BAD_MULTIPART)),
        };
        Ok(MultipartReply { flags, body })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        type Body = MultipartReplyBody;
        w.put(self.body.kind());
        w.put(self.flags);
        w.pad(4);
        match &self.body {
            Body::Desc(desc) => desc.put(w),
            Body::Flow(entries) => write_each(entries, w, FlowStats::write),
            Body::Aggregate(sums) => sums.put(w),
            Body::Table(tables) => w.put_all(tables),
            Body::PortStats(ports) => w.put_all(ports),
            Body::Queue(queues) => w.put_all(queues),
            Body::Group(groups) => write_each(groups, w, GroupStats::write),
            Body::GroupDesc(groups) => write_each(groups, w, GroupDesc::write),
            Body::GroupFeatures(features) => features.put(w),
            Body::Meter(meters) => write_each(meters, w, MeterStats::write),
            Body::MeterConfig(meters) => write_each(meters, w, MeterConfig::write),
            Body::MeterFeatures(features) => features.put(w),
            Body::TableFeatures(tables) => write_each(tables, w, TableFeatures::write),
            Body::PortDesc(ports) => w.put_all(ports),
            Body::Experimenter { experimenter, exp_type, data } => {
                w.put(*experimenter);
                w.put(*exp_type);
                w.put_slice(data);
            }
        }
    }
}

impl MultipartReplyBody {
    /// The type's number.
    #[must_use]
    pub fn kind(&self) -> MultipartType {
        match self {
            Self::Desc(_) => MultipartType::DESC,
            Self::Flow(_) => MultipartType::FLOW,
            Self::Aggregate(_) => MultipartType::AGGREGATE,
            Self::Table(_) => MultipartType::TABLE,
            Self::PortStats(_) => MultipartType::PORT_STATS,
            Self::Queue(_) => MultipartType::QUEUE,
            Self::Group(_) => MultipartType::GROUP,
            Self::GroupDesc(_) => MultipartType::GROUP_DESC,
            Self::GroupFeatures(_) => MultipartType::GROUP_FEATURES,
            Self::Meter(_) => MultipartType::METER,
            Self::MeterConfig(_) => MultipartType::METER_CONFIG,
            Self::MeterFeatures(_) => MultipartType::METER_FEATURES,
            Self::TableFeatures(_) => MultipartType::TABLE_FEATURES,
            Self::PortDesc(_) => MultipartType::PORT_DESC,
            Self::Experimenter { .. } => MultipartType::EXPERIMENTER,
        }
    }
}

fn read_number(r: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    let number = r.get(field)?;
    r.skip(4)?;
    Ok(number)
}

fn write_each<T>(elements: &[T], w: &mut Writer<'_>, write: fn(&T, &mut Writer<'_>)) {
    for element in elements {
        write(element, w);
    }
}
