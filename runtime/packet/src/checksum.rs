//! The Internet checksum (RFC 1071). Knows no headers.

use std::net::IpAddr;

use net::IpProto;

/// The ones' complement sum of 16-bit words over several parts, each but the last of even length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum(u32);

impl Checksum {
    /// The sum over the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 §3.1, RFC 8200 §8.1); `length` is the upper layer's.
    #[must_use]
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, proto: IpProto, length: usize) -> Self {
        let mut sum = Checksum::default();
        for address in [src, dst] {
            match address {
                IpAddr::V4(v4) => sum.add(&v4.octets()),
                IpAddr::V6(v6) => sum.add(&v6.octets()),
            }
        }
        sum.add(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        sum.add(&[0, proto.0]);
        sum
    }

    /// Adds bytes; an odd last one counts as the high half of a word.
    pub fn add(&mut self, bytes: &[u8]) {
        let (words, odd) = bytes.as_chunks::<2>();
        for word in words {
            self.0 = fold(self.0 + u32::from(u16::from_be_bytes(*word)));
        }
        if let [last] = *odd {
            self.0 = fold(self.0 + (u32::from(last) << 8));
        }
    }

    /// The checksum to write; zero over bytes that already hold a right one.
    #[must_use]
    pub fn finish(self) -> u16 {
        !(fold(self.0) as u16)
    }
}

fn fold(sum: u32) -> u32 {
    (sum & 0xffff) + (sum >> 16)
}

/// The checksum over one run of bytes.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = Checksum::default();
    sum.add(bytes);
    sum.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_comes_out() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[0xff]), 0x00ff);
        assert_eq!(checksum(&[]), 0xffff);
    }
}
