//! What stands for addresses and ports that the original does not give: names alone bind nobody on a network. Stand-ins are
//! values that nothing real has, so that they can be found and filled in. Knows nothing of who they stand for.
//!
//! A MAC address that stands in looks as if a device had made it up, which `check` warns of (W0312). Ports are those of a switch
//! that no network has. Rules about what stands in speak of nobody: a policy in which a deny does so must not be put in force. As
//! long as it declares no real switch, the daemon lets none carry anything; else a rule is put in that the daemon refuses.

use net::MacAddr;

/// The name of the switch whose ports stand in.
pub(crate) const SWITCH: &str = "stand-in";

/// Its datapath identifier: `PENTANE` in ASCII.
pub(crate) const DPID: u64 = 0x0050_454e_5441_4e45;

/// What nobody has, so that no rule about it decides anything, and the daemon refuses the policy (S0603).
pub(crate) const GUARD: &[&str] = &[
    "# Some of the names below stand for nobody yet, and what is denied to them is",
    "# denied to nobody. While this rule is here, `pentane run` refuses the policy",
    "# (S0603). Remove it when all that stands in is filled in.",
    "deny from host tagged \"stand-in\";",
    "",
];

/// Hands out stand-ins, each once.
#[derive(Default)]
pub(crate) struct StandIns {
    macs: u16,
    ports: u32,
    addresses: u8,
    /// One of them stands for somebody whom rules speak of. Where a middlebox is attached is of no rule.
    names_somebody: bool,
}

impl StandIns {
    /// A MAC address that is nobody's; nothing after 65,025.
    pub(crate) fn mac(&mut self) -> Option<MacAddr> {
        let (high, low) = (u8::try_from(self.macs / 255).ok()?, u8::try_from(self.macs % 255).ok()?);
        self.macs = self.macs.checked_add(1)?;
        self.names_somebody = true;
        Some(MacAddr([0xf2, b'P', b'E', b'N', high.checked_add(1)?, low.checked_add(1)?]))
    }

    /// A port of the switch that stands in, for a box.
    pub(crate) fn port(&mut self) -> u32 {
        self.ports += 1;
        self.ports
    }

    /// A port of the switch that stands in, for a place that rules speak of.
    pub(crate) fn location(&mut self) -> u32 {
        self.names_somebody = true;
        self.port()
    }

    /// An address of those that documentation uses (RFC 5737); nothing after 254.
    pub(crate) fn address(&mut self) -> Option<String> {
        self.addresses = self.addresses.checked_add(1).filter(|last| *last < u8::MAX)?;
        self.names_somebody = true;
        Some(format!("192.0.2.{}", self.addresses))
    }

    /// True if one of them stands for somebody whom rules speak of.
    pub(crate) fn name_somebody(&self) -> bool {
        self.names_somebody
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
