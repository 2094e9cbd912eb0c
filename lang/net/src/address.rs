//! MAC addresses and IP prefixes, read strictly. Knows nothing of who owns them.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An EUI-48 address (IEEE 802).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

// As numbers: the same order as of their bytes, and found sooner.
impl Ord for MacAddr {
    fn cmp(&self, other: &MacAddr) -> Ordering {
        self.to_bits().cmp(&other.to_bits())
    }
}

impl PartialOrd for MacAddr {
    fn partial_cmp(&self, other: &MacAddr) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An IPv4 or IPv6 prefix without host bits; a single address is a `/32` or `/128`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prefix(IpNet);

/// Text that is not the address it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAddressError;

/// Why a text is not a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrefixError {
    /// Neither an address nor an address with a length.
    Malformed,
    /// The length exceeds the family's: 32 or 128.
    TooLong {
        /// The family's greatest length.
        limit: u8,
    },
    /// Bits right of the length are set; the prefix that was probably meant is given.
    HostBits {
        /// The same text with the host bits cleared.
        meant: Prefix,
    },
    /// An IPv4 address written in IPv6 form (`::ffff:a.b.c.d`): no packet carries it.
    Mapped,
}

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
    /// The all-zero address, which no host may send from.
    pub const ZERO: MacAddr = MacAddr([0; 6]);

    /// True for group addresses, broadcast among them (IEEE 802: the I/G bit).
    #[must_use]
    pub fn is_multicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 1
    }

    /// True for the broadcast address.
    #[must_use]
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// True if a host may use it as a source: neither zero nor a group address.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// The address as a 48-bit number.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The address with these low 48 bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = bits.to_be_bytes();
        MacAddr([a, b, c, d, e, f])
    }
}

impl FromStr for MacAddr {
    type Err = ParseAddressError;

    /// Reads six pairs of hexadecimal digits, separated by `:` or by `-`, not both.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut octets = [0; 6];
        let mut parts = text.split(separator);
        for octet in &mut octets {
            let part = parts.next().ok_or(ParseAddressError)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(ParseAddressError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| ParseAddressError)?;
        }
        if parts.next().is_some() { Err(ParseAddressError) } else { Ok(MacAddr(octets)) }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for MacAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|ParseAddressError| serde::de::Error::custom("expected a MAC address"))
    }
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an address")
    }
}

impl std::error::Error for ParseAddressError {}

impl Prefix {
    /// The prefix of one address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Prefix(IpNet::from(address))
    }

    /// The prefix with its host bits cleared, if the length fits the family.
    #[must_use]
    pub fn truncate(address: IpAddr, length: u8) -> Option<Self> {
        IpNet::new(address, length).ok().map(|net| Prefix(net.trunc()))
    }

    /// True if the address lies in it; never true across families.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// True if every address of `other` lies in it.
    #[must_use]
    pub fn covers(&self, other: &Prefix) -> bool {
        self.0.contains(&other.0)
    }

    /// The first address.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }

    /// The number of leading bits that count: 0 to 32 or 0 to 128.
    #[must_use]
    pub fn length(&self) -> u8 {
        self.0.prefix_len()
    }

    /// True for one single address.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| PrefixError::Malformed)?;
        let limit = if address.is_ipv4() { 32 } else { 128 };
        if let IpAddr::V6(v6) = address
            && v6.to_ipv4_mapped().is_some()
        {
            return Err(PrefixError::Mapped);
        }
        let length = match length {
            None => limit,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() => {
                digits.parse().map_err(|_| PrefixError::TooLong { limit })?
            }
            Some(_) => return Err(PrefixError::Malformed),
        };
        let net = IpNet::new(address, length).map_err(|_| PrefixError::TooLong { limit })?;
        if net.addr() == net.network() { Ok(Prefix(net)) } else { Err(PrefixError::HostBits { meant: Prefix(net.trunc()) }) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() { write!(f, "{}", self.0.addr()) } else { write!(f, "{}", self.0) }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// True for addresses of one link alone (RFC 3927, RFC 4291 §2.5.6).
#[must_use]
pub fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The address as a number; one of IPv4 is below 2^32.
#[must_use]
pub fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// True for addresses that one interface can have (RFC 1122 §3.2.1.3, RFC 4291 §2.5, §2.7).
#[must_use]
pub fn can_be_owned(address: IpAddr) -> bool {
    let mapped_or_broadcast = match address {
        IpAddr::V4(v4) => v4.is_broadcast(),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
    };
    !(mapped_or_broadcast || address.is_unspecified() || address.is_loopback() || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_addresses_are_read_strictly() {
        assert_eq!("02:00:00:00:00:1F".parse::<MacAddr>().unwrap().to_string(), "02:00:00:00:00:1f");
        assert_eq!("02-00-00-00-00-01".parse::<MacAddr>().unwrap().to_bits(), 0x0200_0000_0001);
        for bad in ["", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02:00-00:00:00:01", "02:00:00:00:00:+1"] {
            assert!(bad.parse::<MacAddr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_with_host_bits_are_refused_with_what_was_meant() {
        assert_eq!("10.4.0.0/16".parse::<Prefix>().unwrap().to_string(), "10.4.0.0/16");
        assert_eq!("10.4.0.1".parse::<Prefix>().unwrap().length(), 32);
        let meant = "10.4.0.0/16".parse().unwrap();
        assert_eq!("10.4.0.1/16".parse::<Prefix>(), Err(PrefixError::HostBits { meant }));
        assert_eq!("10.0.0.0/33".parse::<Prefix>(), Err(PrefixError::TooLong { limit: 32 }));
        assert_eq!("10.0.0.0/300".parse::<Prefix>(), Err(PrefixError::TooLong { limit: 32 }));
        assert_eq!("::ffff:10.0.0.1".parse::<Prefix>(), Err(PrefixError::Mapped));
        assert_eq!("10.0.0/8".parse::<Prefix>(), Err(PrefixError::Malformed));
        assert_eq!("10.0.0.0/".parse::<Prefix>(), Err(PrefixError::Malformed));
    }
}
