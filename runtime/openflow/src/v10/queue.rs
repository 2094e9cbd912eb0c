//! Queues of a port: OpenFlow 1.0.1 §5.2.2 and §5.3.4.

use bytes::Bytes;

use super::PortNo;
use crate::cursor::{Reader, Writer, wire_struct};
use crate::error::{DecodeError, DecodeErrorKind};

const OFPQT_MIN_RATE: u16 = 1;

wire_struct! {
    /// `ofp_queue_get_config_request`.
    QueueGetConfigRequest as "ofp_queue_get_config_request" {
        /// The port.
        port: PortNo,
        ; @2
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
    /// What it guarantees.
    pub properties: Vec<QueueProperty>,
}

/// `ofp_queue_prop_header` and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueProperty {
    /// The least rate in tenths of a percent; above 1000 it is off.
    MinRate(u16),
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
        r.skip(6)?;
        Ok(QueueGetConfigReply { port, queues: r.list(PacketQueue::read)? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.port);
        w.pad(6);
        for queue in &self.queues {
            queue.write(w);
        }
    }
}

impl PacketQueue {
    fn read(r: &mut Reader<'_>) -> Result<PacketQueue, DecodeError> {
        let length = usize::from(r.peek_u16(4, "len")?);
        let mut r = r.structure(length, 8, "len", "ofp_packet_queue")?;
        let queue_id = r.get("queue_id")?;
        r.skip(4)?;
        Ok(PacketQueue { queue_id, properties: r.list(QueueProperty::read)? })
    }

    fn write(&self, w: &mut Writer<'_>) {
        let start = w.at();
        w.put(self.queue_id);
        let length = w.at();
        w.pad(4);
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
        if property != OFPQT_MIN_RATE {
            return Ok(QueueProperty::Other { property, data: r.rest() });
        }
        let rate = r.get("rate")?;
        r.skip(6)?;
        if !r.is_empty() {
            return Err(r.fail("len", DecodeErrorKind::BadLength));
        }
        Ok(QueueProperty::MinRate(rate))
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            QueueProperty::MinRate(rate) => w.element(OFPQT_MIN_RATE, |w| {
                w.pad(4);
                w.put(*rate);
            }),
            QueueProperty::Other { property, data } => w.unpadded(*property, |w| {
                w.pad(4);
                w.put_slice(data);
            }),
        }
    }
}
