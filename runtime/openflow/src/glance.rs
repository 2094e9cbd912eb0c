//! What almost every packet-in is, read in place. Knows nothing of what else one may hold: that is left to the versions' decoders.

/// A packet-in, in the bytes of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'a> {
    /// The packet held back by the switch, or `OFP_NO_BUFFER`.
    pub buffer_id: u32,
    /// The packet's length in bytes; `data` may hold only the start of it.
    pub total_len: u16,
    /// The port that it came in on: a real one.
    pub in_port: net::PortNo,
    /// The packet, or its start.
    pub data: &'a [u8],
}

/// Two bytes of a message, in network order.
pub(crate) fn two(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Four.
pub(crate) fn four(message: &[u8], at: usize) -> Option<u32> {
    message.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
