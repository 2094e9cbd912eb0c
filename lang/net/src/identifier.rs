//! Identities of switches, ports and VLANs. Knows nothing of what they are bound to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A datapath identifier: 64 bits, chosen by the switch (OpenFlow 1.3.5 §7.3.1). Shown and read as `0x…` hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dpid(pub u64);

/// A switch port number. Physical ports are 1 to `0xffff_ff00` (OpenFlow 1.3.5 §7.2.1); OpenFlow 1.0's 16-bit numbers
/// are a subset, its reserved numbers never get here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortNo(pub u32);

/// A VLAN identifier, 1 to 4094 (IEEE 802.1Q §9.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VlanId(u16);

/// An access point to the network: a port of a switch. Ethane's `apsrc` and `apdst`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The switch.
    pub dpid: Dpid,
    /// The port on it.
    pub port: PortNo,
}

/// Text that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdentifierError {
    /// What was wanted, with its range.
    pub wanted: &'static str,
}

impl fmt::Display for ParseIdentifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.wanted)
    }
}

impl std::error::Error for ParseIdentifierError {}

impl FromStr for Dpid {
    type Err = ParseIdentifierError;

    /// Reads `0x` hexadecimal or decimal, as `ovs-ofctl` does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = match text.strip_prefix("0x") {
            Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16),
            _ => text.parse(),
        };
        value.map(Dpid).map_err(|_| ParseIdentifierError { wanted: "a datapath id: 64 bits, as 0x… or decimal" })
    }
}

impl VlanId {
    /// The identifier, if it is one that a frame may carry: 1 to 4094.
    #[must_use]
    pub fn new(id: u16) -> Option<Self> {
        (1..=4094).contains(&id).then_some(VlanId(id))
    }

    /// The 12-bit number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Dpid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Dpid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Location {
    /// The port `port` of the switch `dpid`.
    #[must_use]
    pub fn new(dpid: Dpid, port: PortNo) -> Self {
        Location { dpid, port }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dpid, self.port)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpid_reads_both_spellings_and_prints_hexadecimal() {
        assert_eq!("0x10".parse::<Dpid>().unwrap(), Dpid(16));
        assert_eq!("16".parse::<Dpid>().unwrap().to_string(), "0x10");
        assert!("0x".parse::<Dpid>().is_err());
        assert!("0x+1".parse::<Dpid>().is_err());
        assert!("0x10000000000000000".parse::<Dpid>().is_err());
    }

    #[test]
    fn vlan_id_excludes_the_reserved_numbers() {
        assert!(VlanId::new(0).is_none());
        assert!(VlanId::new(4095).is_none());
        assert_eq!(VlanId::new(4094).unwrap().get(), 4094);
    }
}
