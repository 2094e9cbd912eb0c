//! What stands for addresses and ports that the original does not give: names alone bind nobody on a network. Stand-ins are
//! values that nothing real has, so that they can be found and filled in. Knows nothing of who they stand for.
//!
//! A MAC address that stands in looks as if a device had made it up, which `check` warns of (W0312). Ports are those of a switch
//! that no network has; as long as no real switch is declared, the daemon lets no switch carry anything.

use net::MacAddr;

/// The name of the switch whose ports stand in.
pub(crate) const SWITCH: &str = "stand-in";

/// Its datapath identifier: `PENTANE` in ASCII.
pub(crate) const DPID: u64 = 0x0050_454e_5441_4e45;

/// Hands out stand-ins, each once.
#[derive(Default)]
pub(crate) struct StandIns {
    macs: u16,
    ports: u32,
    addresses: u8,
}

impl StandIns {
    /// A MAC address that is nobody's; nothing after 65,025.
    pub(crate) fn mac(&mut self) -> Option<MacAddr> {
        let (high, low) = (u8::try_from(self.macs / 255).ok()?, u8::try_from(self.macs % 255).ok()?);
        self.macs = self.macs.checked_add(1)?;
        Some(MacAddr([0xf2, b'P', b'E', b'N', high.checked_add(1)?, low.checked_add(1)?]))
    }

    /// A port of the switch that stands in.
    pub(crate) fn port(&mut self) -> u32 {
        self.ports += 1;
        self.ports
    }

    /// An address of those that documentation uses (RFC 5737); nothing after 254.
    pub(crate) fn address(&mut self) -> Option<String> {
        self.addresses = self.addresses.checked_add(1).filter(|last| *last < u8::MAX)?;
        Some(format!("192.0.2.{}", self.addresses))
    }

    /// How many ports were handed out.
    pub(crate) fn ports(&self) -> u32 {
        self.ports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stand_in_is_handed_out_twice_and_none_is_anybodys() {
        let mut stand_ins = StandIns::default();
        let all: Vec<MacAddr> = std::iter::from_fn(|| stand_ins.mac()).collect();
        assert_eq!(all.len(), 65_025);
        let distinct: std::collections::BTreeSet<MacAddr> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(all.iter().all(|mac| mac.is_unicast() && mac.0.iter().all(|byte| *byte != 0)));
        assert_eq!(std::iter::from_fn(|| stand_ins.address()).count(), 254);
    }
}
