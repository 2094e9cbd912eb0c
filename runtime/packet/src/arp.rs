//! ARP for IPv4 over Ethernet: RFC 826, with the probes and announcements of RFC 5227. Knows nothing of who owns an address.

use std::net::Ipv4Addr;

use net::{EtherType, MacAddr};
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::build::ethernet;

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Request or reply.
    pub operation: Operation,
    /// The sender's hardware address.
    pub sender_mac: MacAddr,
    /// The sender's protocol address; unspecified in a probe.
    pub sender_ip: Ipv4Addr,
    /// The target's hardware address; zero in a request.
    pub target_mac: MacAddr,
    /// The target's protocol address.
    pub target_ip: Ipv4Addr,
}

/// The operation of an ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has its address.
    Reply,
}

#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct Wire {
    hardware: U16,
    protocol: U16,
    hardware_length: u8,
    protocol_length: u8,
    operation: U16,
    sender_mac: [u8; 6],
    sender_ip: [u8; 4],
    target_mac: [u8; 6],
    target_ip: [u8; 4],
}

impl Arp {
    /// A request for the owner of `target_ip`.
    #[must_use]
    pub fn request(sender_mac: MacAddr, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> Arp {
        Arp { operation: Operation::Request, sender_mac, sender_ip, target_mac: MacAddr::ZERO, target_ip }
    }

    /// Asks whether anybody uses `target_ip` already, without claiming it (RFC 5227 §2.1.1).
    #[must_use]
    pub fn probe(sender_mac: MacAddr, target_ip: Ipv4Addr) -> Arp {
        Arp::request(sender_mac, Ipv4Addr::UNSPECIFIED, target_ip)
    }

    /// The answer to this request: `mac` has the target address.
    #[must_use]
    pub fn reply(&self, mac: MacAddr) -> Arp {
        Arp {
            operation: Operation::Reply,
            sender_mac: mac,
            sender_ip: self.target_ip,
            target_mac: self.sender_mac,
            target_ip: self.sender_ip,
        }
    }

    /// True for the probe of RFC 5227: a request that claims nothing.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::Request && self.sender_ip.is_unspecified()
    }

    /// True if the sender announces its own address (RFC 5227 §2.3; "gratuitous" in either operation).
    #[must_use]
    pub fn is_announcement(&self) -> bool {
        self.sender_ip == self.target_ip && !self.sender_ip.is_unspecified()
    }

    /// Reads what follows the Ethernet header; nothing if it is not a request or reply for IPv4 over Ethernet, or its sender has a
    /// group or zero hardware address.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Arp> {
        let (wire, _padding) = Wire::ref_from_prefix(bytes).ok()?;
        let shape = (wire.hardware.get(), EtherType(wire.protocol.get()), wire.hardware_length, wire.protocol_length);
        if shape != (1, EtherType::IPV4, 6, 4) || !MacAddr(wire.sender_mac).is_unicast() {
            return None;
        }
        Some(Arp {
            operation: match wire.operation.get() {
                1 => Operation::Request,
                2 => Operation::Reply,
                _ => return None,
            },
            sender_mac: MacAddr(wire.sender_mac),
            sender_ip: wire.sender_ip.into(),
            target_mac: MacAddr(wire.target_mac),
            target_ip: wire.target_ip.into(),
        })
    }

    /// The frame from the sender: to everybody if it asks, to the target if it answers.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        let dst = match self.operation {
            Operation::Request => MacAddr::BROADCAST,
            Operation::Reply => self.target_mac,
        };
        let wire = Wire {
            hardware: U16::new(1),
            protocol: U16::new(EtherType::IPV4.0),
            hardware_length: 6,
            protocol_length: 4,
            operation: U16::new(match self.operation {
                Operation::Request => 1,
                Operation::Reply => 2,
            }),
            sender_mac: self.sender_mac.0,
            sender_ip: self.sender_ip.octets(),
            target_mac: self.target_mac.0,
            target_ip: self.target_ip.octets(),
        };
        ethernet(dst, self.sender_mac, EtherType::ARP, wire.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Payload, parse};

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x11]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x12]);

    #[test]
    fn request_and_reply_survive_the_wire() {
        let request = Arp::request(A, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let reply = request.reply(B);
        for arp in [request, reply] {
            assert_eq!(parse(&arp.to_frame()).unwrap().payload, Payload::Arp(arp));
        }
        assert_eq!(parse(&request.to_frame()).unwrap().key.dl_dst, MacAddr::BROADCAST);
        assert_eq!(parse(&reply.to_frame()).unwrap().key.dl_dst, A);
    }

    #[test]
    fn probes_and_announcements_are_told_apart() {
        let ip = Ipv4Addr::new(10, 0, 0, 1);
        assert!(Arp::probe(A, ip).is_probe());
        assert!(!Arp::probe(A, ip).is_announcement());
        assert!(Arp::request(A, ip, ip).is_announcement());
        assert!(!Arp::request(A, ip, Ipv4Addr::new(10, 0, 0, 2)).is_probe());
    }

    #[test]
    fn other_hardware_protocols_and_operations_are_refused() {
        let good = Arp::request(A, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)).to_frame();
        for (offset, value) in [(15, 6), (16, 0x86), (18, 8), (19, 16), (21, 3), (22, 3)] {
            let mut bad = good.clone();
            bad[offset] = value;
            assert!(parse(&bad).is_err(), "byte {offset}");
        }
        assert!(parse(&good[..41]).is_err());
    }
}
