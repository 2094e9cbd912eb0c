//! Actions of OpenFlow 1.3.5 §7.2.5.

use bytes::Bytes;

use super::oxm::Oxm;
use super::{BadAction, PortNo};
use crate::cursor::{Reader, Wire, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The greatest `max_len` of an output to the controller (`OFPCML_MAX`).
pub const OFPCML_MAX: u16 = 0xffe5;
/// The `max_len` that sends whole packets, none held back.
pub const OFPCML_NO_BUFFER: u16 = 0xffff;

const OUTPUT: u16 = 0;
const COPY_TTL_OUT: u16 = 11;
const COPY_TTL_IN: u16 = 12;
const SET_MPLS_TTL: u16 = 15;
const DEC_MPLS_TTL: u16 = 16;
const PUSH_VLAN: u16 = 17;
const POP_VLAN: u16 = 18;
const PUSH_MPLS: u16 = 19;
const POP_MPLS: u16 = 20;
const SET_QUEUE: u16 = 21;
const GROUP: u16 = 22;
const SET_NW_TTL: u16 = 23;
const DEC_NW_TTL: u16 = 24;
const SET_FIELD: u16 = 25;
const PUSH_PBB: u16 = 26;
const POP_PBB: u16 = 27;
const EXPERIMENTER: u16 = 0xffff;

/// What is done to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send it out.
    Output {
        /// Where.
        port: PortNo,
        /// How many bytes at most, when the port is the controller.
        max_len: u16,
    },
    /// Copy the TTL from the next-to-outermost header to the outermost.
    CopyTtlOut,
    /// Copy the TTL from the outermost header to the next.
    CopyTtlIn,
    /// Set the MPLS TTL.
    SetMplsTtl(u8),
    /// Decrement the MPLS TTL.
    DecMplsTtl,
    /// Push a VLAN tag of this Ethernet type.
    PushVlan(u16),
    /// Take the outermost VLAN tag off.
    PopVlan,
    /// Push an MPLS label of this Ethernet type.
    PushMpls(u16),
    /// Take the outermost MPLS label off; the Ethernet type is that of what is below.
    PopMpls(u16),
    /// Choose the queue for outputs.
    SetQueue(u32),
    /// Hand it to a group.
    Group(u32),
    /// Set the IP TTL.
    SetNwTtl(u8),
    /// Decrement the IP TTL.
    DecNwTtl,
    /// Set a header field; the field has no mask.
    SetField(Oxm),
    /// Push a PBB service tag of this Ethernet type.
    PushPbb(u16),
    /// Take the outermost PBB service tag off.
    PopPbb,
    /// An experimenter's own.
    Experimenter {
        /// The experimenter.
        experimenter: u32,
        /// Its bytes; with the experimenter and the header before it, a multiple of eight.
        data: Bytes,
    },
}

/// Reads the actions that fill the structure.
pub(super) fn read_actions(r: Reader<'_>) -> Result<Vec<Action>, DecodeError> {
    r.answering(BadAction::BAD_LEN).list(Action::read)
}

/// Writes actions one after the other.
pub(super) fn write_actions(actions: &[Action], w: &mut Writer<'_>) {
    for action in actions {
        action.write(w);
    }
}

impl Action {
    fn read(r: &mut Reader<'_>) -> Result<Action, DecodeError> {
        let kind = r.peek_u16(0, "type")?;
        let length = usize::from(r.peek_u16(2, "len")?);
        if length < 8 || length % 8 != 0 {
            return Err(r.fail("len", DecodeErrorKind::BadLength));
        }
        let mut r = r.child(length, "len", "ofp_action_header")?;
        r.skip(4)?;
        let action = match kind {
            OUTPUT => {
                let (port, max_len) = (r.get("port")?, r.get("max_len")?);
                r.skip(6)?;
                Action::Output { port, max_len }
            }
            COPY_TTL_OUT => empty(&mut r, Action::CopyTtlOut)?,
            COPY_TTL_IN => empty(&mut r, Action::CopyTtlIn)?,
            SET_MPLS_TTL => Action::SetMplsTtl(padded(&mut r, "mpls_ttl", 3)?),
            DEC_MPLS_TTL => empty(&mut r, Action::DecMplsTtl)?,
            PUSH_VLAN => Action::PushVlan(padded(&mut r, "ethertype", 2)?),
            POP_VLAN => empty(&mut r, Action::PopVlan)?,
            PUSH_MPLS => Action::PushMpls(padded(&mut r, "ethertype", 2)?),
            POP_MPLS => Action::PopMpls(padded(&mut r, "ethertype", 2)?),
            SET_QUEUE => Action::SetQueue(r.get("queue_id")?),
            GROUP => Action::Group(r.get("group_id")?),
            SET_NW_TTL => Action::SetNwTtl(padded(&mut r, "nw_ttl", 3)?),
            DEC_NW_TTL => empty(&mut r, Action::DecNwTtl)?,
            SET_FIELD => Action::SetField(read_set_field(&mut r)?),
            PUSH_PBB => Action::PushPbb(padded(&mut r, "ethertype", 2)?),
            POP_PBB => empty(&mut r, Action::PopPbb)?,
            EXPERIMENTER => Action::Experimenter { experimenter: r.get("experimenter")?, data: r.rest() },
            _ => return Err(r.fail_as("type", DecodeErrorKind::BadType, BadAction::BAD_TYPE)),
        };
        if r.is_empty() { Ok(action) } else { Err(r.fail("len", DecodeErrorKind::BadLength)) }
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Action::Output { port, max_len } => w.element(OUTPUT, |w| {
                w.put(*port);
                w.put(*max_len);
            }),
            Action::CopyTtlOut => w.element(COPY_TTL_OUT, |_| ()),
            Action::CopyTtlIn => w.element(COPY_TTL_IN, |_| ()),
            Action::SetMplsTtl(ttl) => w.element(SET_MPLS_TTL, |w| w.put(*ttl)),
            Action::DecMplsTtl => w.element(DEC_MPLS_TTL, |_| ()),
            Action::PushVlan(ethertype) => w.element(PUSH_VLAN, |w| w.put(*ethertype)),
            Action::PopVlan => w.element(POP_VLAN, |_| ()),
            Action::PushMpls(ethertype) => w.element(PUSH_MPLS, |w| w.put(*ethertype)),
            Action::PopMpls(ethertype) => w.element(POP_MPLS, |w| w.put(*ethertype)),
            Action::SetQueue(queue) => w.element(SET_QUEUE, |w| w.put(*queue)),
            Action::Group(group) => w.element(GROUP, |w| w.put(*group)),
            Action::SetNwTtl(ttl) => w.element(SET_NW_TTL, |w| w.put(*ttl)),
            Action::DecNwTtl => w.element(DEC_NW_TTL, |_| ()),
            Action::SetField(field) => w.element(SET_FIELD, |w| field.write(w)),
            Action::PushPbb(ethertype) => w.element(PUSH_PBB, |w| w.put(*ethertype)),
            Action::PopPbb => w.element(POP_PBB, |_| ()),
            Action::Experimenter { experimenter, data } => w.element(EXPERIMENTER, |w| {
                w.put(*experimenter);
                w.put_slice(data);
            }),
        }
    }
}

/// A field that can be set: not masked, in range, and padded to eight bytes with the action.
fn read_set_field(r: &mut Reader<'_>) -> Result<Oxm, DecodeError> {
    let field = Oxm::read(r)?;
    if field.has_mask() || matches!(field, Oxm::InPort(_) | Oxm::InPhyPort(_) | Oxm::Metadata(..)) {
        return Err(r.fail_as("field", DecodeErrorKind::BadType, BadAction::BAD_SET_TYPE));
    }
    if !field.in_range() {
        return Err(r.fail_as("field", DecodeErrorKind::BadValue, BadAction::BAD_SET_ARGUMENT));
    }
    if r.remaining() >= 8 {
        return Err(r.fail_as("len", DecodeErrorKind::BadLength, BadAction::BAD_SET_LEN));
    }
    r.rest();
    Ok(field)
}

/// An action of a header alone, with its padding.
fn empty(r: &mut Reader<'_>, action: Action) -> Result<Action, DecodeError> {
    r.skip(4)?;
    Ok(action)
}

/// A value with padding behind it.
fn padded<T: Wire>(r: &mut Reader<'_>, field: &'static str, pad: usize) -> Result<T, DecodeError> {
    let value = r.get(field)?;
    r.skip(pad)?;
    Ok(value)
}
