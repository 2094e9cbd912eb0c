//! The few fields of OpenFlow messages that are counted by, read and written in place: headers, commands, buffers, the port of a
//! packet to be sent. Knows nothing of matches and of any other field; the codec reads those.

use super::case::Version;

/// Length of every message's header.
pub(super) const HEADER: usize = 8;
/// The packet is in the message.
pub(super) const NO_BUFFER: u32 = u32::MAX;

const ECHO_REQUEST: u8 = 2;
const ECHO_REPLY: u8 = 3;
const FEATURES_REPLY: u8 = 6;
const PACKET_IN: u8 = 10;
const PACKET_OUT: u8 = 13;
const FLOW_MOD: u8 = 14;

/// Where what is read stands in the messages of a version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    version: u8,
    barrier_request: u8,
    barrier_reply: u8,
    /// Of a FLOW_MOD: the last byte of the command, the first of the buffer.
    command: usize,
    flow_buffer: usize,
    /// Of a PACKET_OUT: the length of the actions, and the first of them.
    actions_length: usize,
    actions: usize,
    /// Of an action of output: the last two bytes of the port.
    output_port: usize,
}

/// What a message says, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// An entry is put in or changed; the packet in this buffer goes along it.
    Added(u32),
    /// Entries are taken out.
    Removed,
    /// The packet in this buffer is sent on, or dropped.
    Released(u32),
    /// A packet that stands at this place of the message is sent out of a port.
    Sent(u16, usize),
    /// Tell when all before is done.
    Barrier,
    /// Are you there?
    EchoRequest,
    /// All before the echo request with this number is handled.
    EchoReply(u32),
    /// A packet came up, in this buffer.
    Packet(u32),
    /// What the switch is, which has this number.
    Features(u64),
    /// Something that is seldom said.
    Other,
}

impl Said {
    /// True of what answers a packet.
    pub(super) fn is_answer(self) -> bool {
        matches!(self, Said::Added(_) | Said::Removed | Said::Released(_) | Said::Barrier)
    }
}

impl Layout {
    /// The layout of a version.
    pub(super) fn of(version: Version) -> Layout {
        match version {
            Version::V10 => Layout {
                version: 1,
                barrier_request: 18,
                barrier_reply: 19,
                command: 57,
                flow_buffer: 64,
                actions_length: 14,
                actions: 16,
                output_port: 4,
            },
            Version::V13 => Layout {
                version: 4,
                barrier_request: 20,
                barrier_reply: 21,
                command: 25,
                flow_buffer: 32,
                actions_length: 16,
                actions: 24,
                output_port: 6,
            },
        }
    }

    /// What a whole message says.
    pub(super) fn read(&self, frame: &[u8]) -> Said {
        match frame.get(1).copied().unwrap_or_default() {
            // ADD, MODIFY and MODIFY_STRICT are 0 to 2 in every version.
            FLOW_MOD if byte(frame, self.command) <= 2 => Said::Added(four(frame, self.flow_buffer)),
            FLOW_MOD => Said::Removed,
            PACKET_OUT => match four(frame, HEADER) {
                NO_BUFFER => self.sent(frame),
                buffer => Said::Released(buffer),
            },
            PACKET_IN => Said::Packet(four(frame, HEADER)),
            ECHO_REQUEST => Said::EchoRequest,
            ECHO_REPLY => Said::EchoReply(xid(frame)),
            FEATURES_REPLY => Said::Features(u64::from(four(frame, HEADER)) << 32 | u64::from(four(frame, HEADER + 4))),
            kind if kind == self.barrier_request => Said::Barrier,
            _ => Said::Other,
        }
    }

    fn sent(&self, frame: &[u8]) -> Said {
        let length = usize::from(two(frame, self.actions_length));
        let is_output = length > self.output_port && two(frame, self.actions) == 0;
        if is_output { Said::Sent(two(frame, self.actions + self.output_port), self.actions + length) } else { Said::Other }
    }

    /// Where the buffer stands in a message that names one.
    pub(super) fn buffer_at(&self, frame: &[u8]) -> Option<usize> {
        match self.read(frame) {
            Said::Released(_) => Some(HEADER),
            Said::Added(buffer) if buffer != NO_BUFFER => Some(self.flow_buffer),
            _ => None,
        }
    }

    /// Appends the answer to a barrier.
    pub(super) fn barrier_reply(&self, frame: &[u8], out: &mut Vec<u8>) {
        self.header(self.barrier_reply, xid(frame), out);
    }

    /// Appends a question for an echo.
    pub(super) fn echo_request(&self, xid: u32, out: &mut Vec<u8>) {
        self.header(ECHO_REQUEST, xid, out);
    }

    /// Appends the answer to a question for an echo.
    pub(super) fn echo_reply(frame: &[u8], out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(frame);
        if let Some(kind) = out.get_mut(at + 1) {
            *kind = ECHO_REPLY;
        }
    }

    fn header(&self, kind: u8, xid: u32, out: &mut Vec<u8>) {
        let [a, b, c, d] = xid.to_be_bytes();
        out.extend_from_slice(&[self.version, kind, 0, 8, a, b, c, d]);
    }
}

/// The first whole message of what came, if there is one.
///
/// # Errors
/// No message can be as short as it says that it is.
pub(super) fn first(bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    if bytes.len() < HEADER {
        return Ok(None);
    }
    let length = usize::from(two(bytes, 2));
    if length < HEADER {
        return Err(format!("a message of {length} bytes came"));
    }
    Ok(bytes.get(..length))
}

fn byte(frame: &[u8], at: usize) -> u8 {
    frame.get(at).copied().unwrap_or(u8::MAX)
}

fn two(frame: &[u8], at: usize) -> u16 {
    frame.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

fn four(frame: &[u8], at: usize) -> u32 {
    frame.get(at..).and_then(|rest| rest.first_chunk()).map_or(NO_BUFFER, |bytes| u32::from_be_bytes(*bytes))
}

fn xid(frame: &[u8]) -> u32 {
    four(frame, 4)
}

/// Puts bytes in place; what does not fit is left out.
pub(super) fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = frame.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
