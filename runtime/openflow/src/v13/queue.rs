//! Queues of a port: OpenFlow 1.3.5 §7.2.2 and §7.3.6.

use bytes::Bytes;

use super::PortNo;
use crate::cursor::{Reader, Writer, wire_struct};
use crate::error::{DecodeError, DecodeErrorKind};

const OFPQT_MIN_RATE: u16 = 1;
const OFPQT_MAX_RATE: u16 = 2;
const OFPQT_EXPERIMENTER: u16 = 0xffff;

wire_struct! {
    /// `ofp_queue_get_config_request`.
    QueueGetConfigRequest as "ofp_queue_get_config_request" {
        /// The port; `ANY` for all.
        port: PortNo,
        ; @4
    }
}

/// `ofp_queue_get_config_reply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueGetConfigReply {
    /// The port.
    pub port: PortNo,
    /// Its queues.
    pub queues: Vec<PacketQueue>,
}

/// `ofp_packet_queue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketQueue {
    /// The queue on its port.
    pub queue_id: u32,
    /// The port.
    pub port: PortNo,
    /// What it guarantees.
    pub properties: Vec<QueueProperty>,
}

/// `ofp_queue_prop_header` and what follows. Rates are in tenths of a percent; above 1000 they are off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueProperty {
    /// The least rate.
    MinRate(u16),
    /// The greatest rate.
    MaxRate(u16),
    /// An experimenter's own.
    Experimenter {
        /// The experimenter.
        experimenter: u32,
        /// Its bytes.
        data: Bytes,
    },
    /// One of another type.
    Other {
        /// The type.
        property: u16,
        /// Its bytes after the header's eight.
        data: Bytes,
    },
}

impl QueueGetConfigReply {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<QueueGetConfigReply, DecodeError> {
        let port = r.get("port")?;
        r.skip(4)?;
        Ok(QueueGetConfigReply { port, queues: r.list(PacketQueue::read)? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.port);
        w.pad(4);
        for queue in &self.queues {
            queue.write(w);
        }
    }
}

impl PacketQueue {
    fn read(r: &mut Reader<'_>) -> Result<PacketQueue, DecodeError> {
        let length = usize::from(r.peek_u16(8, "len")?);
        let mut r = r.structure(length, 16, "len", "ofp_packet_queue")?;
        let queue_id = r.get("queue_id")?;
        let port = r.get("port")?;
        r.skip(8)?;
        Ok(PacketQueue { queue_id, port, properties: r.list(QueueProperty::read)? })
    }

    fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.put(self.queue_id);
        w.put(self.port);
        let length = w.at();
        w.pad(8);
        for property in &self.properties {
            property.write(w);
        }
        w.fill_length(start, length);
    }
}

impl QueueProperty {
    fn read(r: &mut Reader<'_>) -> Result<QueueProperty, DecodeError> {
        let property = r.peek_u16(0, "property")?;
        let length = usize::from(r.peek_u16(2, "len")?);
        let mut r = r.structure(length, 8, "len", "ofp_queue_prop_header")?;
        r.skip(8)?;
        let rate = match property {
            OFPQT_MIN_RATE => QueueProperty::MinRate(r.get("rate")?),
            OFPQT_MAX_RATE => QueueProperty::MaxRate(r.get("rate")?),
            OFPQT_EXPERIMENTER => {
                let experimenter = r.get("experimenter")?;
                r.skip(4)?;
                return Ok(QueueProperty::Experimenter { experimenter, data: r.rest() });
            }
            _ => return Ok(QueueProperty::Other { property, data: r.rest() }),
        };
        r.skip(6)?;
        if r.is_empty() { Ok(rate) } else { Err(r.fail("len", DecodeErrorKind::BadLength)) }
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            QueueProperty::MinRate(rate) => write_rate(OFPQT_MIN_RATE, *rate, w),
            QueueProperty::MaxRate(rate) => write_rate(OFPQT_MAX_RATE, *rate, w),
            QueueProperty::Experimenter { experimenter, data } => w.unpadded(OFPQT_EXPERIMENTER, |w| {
                w.pad(4);
                w.put(*experimenter);
                w.pad(4);
                w.put_slice(data);
            }),
            QueueProperty::Other { property, data } => w.unpadded(*property, |w| {
                w.pad(4);
                w.put_slice(data);
            }),
        }
    }
}

fn write_rate(property: u16, rate: u16, w: &mut Writer<'_>) {
    w.element(property, |w| {
        w.pad(4);
        w.put(rate);
    });
}
