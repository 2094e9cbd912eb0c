//! What hosts send: whatever is read of it is written so that it is read alike.

use packet::{Dhcp, Dhcp6, Ndp, Payload};

/// Written again, a message has a few options more than it had: those with as many as are read at most are not asked about.
const MANY: usize = 100;

/// Asks it of bytes, as a frame and as the data of a datagram.
pub fn holds(bytes: &[u8]) {
    if let Ok(message) = Dhcp::parse(bytes) {
        assert_eq!(Dhcp::parse(&message.to_bytes()), Ok(message));
    }
    if let Ok(message) = Dhcp6::parse(bytes)
        && message.addresses.len() + message.prefixes.len() < MANY
    {
        assert_eq!(Dhcp6::parse(&message.to_bytes(b"client", None)), Ok(message));
    }
    let Ok(frame) = packet::parse(bytes) else { return };
    let (Payload::Ip(payload), Some(ip)) = (frame.payload, frame.key.ip) else { return };
    let read = Ndp::parse(&ip, &payload);
    let prefixes = packet::ndp::prefixes(&ip, &payload);
    assert!(read.is_err() || prefixes.is_err(), "a message is of one kind");
}
