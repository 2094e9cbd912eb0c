//! What the tables look up: the headers of a packet packed into words, and matches as value and mask over them. Mirrors what
//! Open vSwitch extracts: an absent header reads as zero. Knows nothing of entries.

use std::net::IpAddr;
use std::ops::BitAnd;

use net::{FlowKey, MacAddr, PortNo, Transport, VlanId};
use packet::Payload;

const WORDS: usize = 9;
/// Set in [`TCI`] when there is a tag, as `OFPVID_PRESENT` is.
pub(super) const TAG_PRESENT: u16 = 0x1000;

/// A packet's headers, or a mask over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Key([u64; WORDS]);

/// Where a field lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    word: usize,
    shift: u32,
    bits: u32,
}

const fn slot(word: usize, shift: u32, bits: u32) -> Slot {
    Slot { word, shift, bits }
}

pub(super) const IN_PORT: Slot = slot(0, 32, 32);
pub(super) const TCI: Slot = slot(0, 16, 16);
pub(super) const DL_TYPE: Slot = slot(0, 0, 16);
pub(super) const DL_SRC: Slot = slot(1, 16, 48);
/// The IP protocol, or the operation of ARP.
pub(super) const NW_PROTO: Slot = slot(1, 8, 8);
pub(super) const DSCP: Slot = slot(1, 0, 6);
pub(super) const DL_DST: Slot = slot(2, 16, 48);
/// Source port, or type of ICMP.
pub(super) const TP_SRC: Slot = slot(7, 48, 16);
/// Destination port, or code of ICMP.
pub(super) const TP_DST: Slot = slot(7, 32, 16);
pub(super) const METADATA: Slot = slot(8, 0, 64);
/// First of the two words of an address.
pub(super) const NW_SRC: usize = 3;
/// First of the two words of an address.
pub(super) const NW_DST: usize = 5;

impl Slot {
    const fn all(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }
}

impl Key {
    /// The headers of a frame that came in on this port; nothing if it is shorter than an Ethernet header. A frame that
    /// contradicts itself has its Ethernet header only.
    pub(super) fn of(in_port: PortNo, frame: &[u8]) -> Option<Key> {
        let mut key = Key::default();
        key.set(IN_PORT, u64::from(in_port.0));
        match packet::parse(frame) {
            Ok(parsed) => {
                key.set_flow(&parsed.key);
                if let Payload::Arp(arp) = parsed.payload {
                    key.set(NW_PROTO, if arp.operation == packet::arp::Operation::Request { 1 } else { 2 });
                    key.set_address(NW_SRC, arp.sender_ip.into());
                    key.set_address(NW_DST, arp.target_ip.into());
                }
            }
            Err(_) => {
                let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *frame.first_chunk()?;
                key.set(DL_DST, MacAddr([d0, d1, d2, d3, d4, d5]).to_bits());
                key.set(DL_SRC, MacAddr([s0, s1, s2, s3, s4, s5]).to_bits());
                key.set(DL_TYPE, u64::from(u16::from_be_bytes([t0, t1])));
            }
        }
        Some(key)
    }

    fn set_flow(&mut self, flow: &FlowKey) {
        self.set(DL_SRC, flow.dl_src.to_bits());
        self.set(DL_DST, flow.dl_dst.to_bits());
        self.set(DL_TYPE, u64::from(flow.dl_type.0));
        if let Some(tag) = flow.vlan {
            let tci = TAG_PRESENT | u16::from(tag.pcp) << 13 | tag.id.map_or(0, VlanId::get);
            self.set(TCI, u64::from(tci));
        }
        let Some(ip) = flow.ip else { return };
        self.set_address(NW_SRC, ip.src);
        self.set_address(NW_DST, ip.dst);
        self.set(NW_PROTO, u64::from(ip.proto.0));
        self.set(DSCP, u64::from(ip.dscp));
        let (src, dst) = match ip.transport {
            Some(Transport::Ports { src, dst }) => (src, dst),
            Some(Transport::Icmp { kind, code }) => (u16::from(kind), u16::from(code)),
            None => (0, 0),
        };
        self.set(TP_SRC, u64::from(src));
        self.set(TP_DST, u64::from(dst));
    }

    pub(super) fn set(&mut self, slot: Slot, value: u64) {
        let word = &mut self.0[slot.word];
        *word = *word & !(slot.all() << slot.shift) | (value & slot.all()) << slot.shift;
    }

    pub(super) fn get(&self, slot: Slot) -> u64 {
        self.0[slot.word] >> slot.shift & slot.all()
    }

    pub(super) fn set_address(&mut self, first: usize, address: IpAddr) {
        let bits = match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        self.set_wide(first, bits);
    }

    pub(super) fn set_wide(&mut self, first: usize, bits: u128) {
        self.0[first] = (bits >> 64) as u64;
        self.0[first + 1] = bits as u64;
    }

    /// A number that spreads conversations, the same for each packet of one.
    pub(super) fn spread(&self) -> u64 {
        // The finaliser of splitmix64, for each word.
        self.0.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, word| {
            let mixed = (hash ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        })
    }
}

impl BitAnd for Key {
    type Output = Key;

    fn bitand(self, mask: Key) -> Key {
        let mut words = self.0;
        for (word, mask) in words.iter_mut().zip(mask.0) {
            *word &= mask;
        }
        Key(words)
    }
}

/// A region: the packets whose masked headers equal the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) value: Key,
    pub(super) mask: Key,
}

impl Region {
    /// Fixes the bits of a field that `mask` has.
    pub(super) fn fix(&mut self, slot: Slot, value: u64, mask: u64) {
        self.value.set(slot, value & mask);
        self.mask.set(slot, mask);
    }

    /// Fixes a whole field.
    pub(super) fn fix_all(&mut self, slot: Slot, value: impl Into<u64>) {
        self.fix(slot, value.into(), u64::MAX);
    }

    /// Fixes the bits of an address that `mask` has; both are right-aligned.
    pub(super) fn fix_wide(&mut self, first: usize, value: u128, mask: u128) {
        self.value.set_wide(first, value & mask);
        self.mask.set_wide(first, mask);
    }

    /// True if each packet of `other` is in it.
    pub(super) fn covers(&self, other: &Region) -> bool {
        self.mask & other.mask == self.mask && other.value & self.mask == self.value
    }

    /// True if one packet can be in both.
    pub(super) fn overlaps(&self, other: &Region) -> bool {
        let both = self.mask & other.mask;
        self.value & both == other.value & both
    }

    /// True if it holds every packet.
    pub(super) fn is_everything(&self) -> bool {
        self.mask == Key::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(fields: &[(Slot, u64, u64)]) -> Region {
        let mut region = Region::default();
        for (slot, value, mask) in fields {
            region.fix(*slot, *value, *mask);
        }
        region
    }

    #[test]
    fn a_region_covers_what_is_narrower_and_overlaps_what_can_meet() {
        let any = Region::default();
        let web = region(&[(TP_DST, 80, u64::MAX)]);
        let from = region(&[(TP_SRC, 1024, 0xff00)]);
        let both = region(&[(TP_DST, 80, u64::MAX), (TP_SRC, 1025, u64::MAX)]);
        assert!(any.covers(&web) && web.covers(&both) && from.covers(&both) && web.covers(&web));
        assert!(!web.covers(&any) && !web.covers(&from));
        assert!(web.overlaps(&from) && !web.overlaps(&region(&[(TP_DST, 81, u64::MAX)])));
        assert!(any.is_everything() && !web.is_everything());
    }

    #[test]
    fn fields_do_not_touch_their_neighbours() {
        let mut key = Key::default();
        for slot in [IN_PORT, TCI, DL_TYPE, DL_SRC, NW_PROTO, DSCP, DL_DST, TP_SRC, TP_DST, METADATA] {
            key.set(slot, u64::MAX);
            assert_eq!(key.get(slot), slot.all());
            key.set(slot, 0);
            assert_eq!(key, Key::default());
        }
    }
}
