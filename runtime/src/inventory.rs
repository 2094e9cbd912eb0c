//! What each port is declared to be. Knows nothing of what is really there.

use lang::checked::{Attachment, Checked, GatewayId, MiddleboxId, SwitchId};
use net::{Dpid, Location};
use rustc_hash::FxHashMap;

/// The declared part of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Hosts may be here; never a switch.
    Access,
    /// Another switch is here; never a host.
    Uplink,
    /// The switch's declaration says nothing of its ports: a host, until a probe arrives.
    Open,
    /// A middlebox is here.
    Middlebox(MiddleboxId),
    /// A gateway is here.
    Gateway(GatewayId),
    /// The switch's declaration leaves this port out: nothing may be here.
    Closed,
}

/// Declarations, by place.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    switches: FxHashMap<Dpid, SwitchId>,
    special: FxHashMap<Location, Role>,
}

impl Inventory {
    /// What a policy declares.
    #[must_use]
    pub fn new(policy: &Checked) -> Inventory {
        let switches = policy.switches.iter().zip(0..).map(|(switch, id)| (switch.dpid, SwitchId(id))).collect();
        let mut special = FxHashMap::default();
        for (middlebox, id) in policy.middleboxes.iter().zip(0..) {
            match middlebox.attachment {
                Attachment::Inline { inside, outside } => {
                    special.insert(inside, Role::Middlebox(MiddleboxId(id)));
                    special.insert(outside, Role::Middlebox(MiddleboxId(id)));
                }
                Attachment::OneArmed { at } => {
                    special.insert(at, Role::Middlebox(MiddleboxId(id)));
                }
            }
        }
        for (gateway, id) in policy.gateways.iter().zip(0..) {
            special.insert(gateway.at, Role::Gateway(GatewayId(id)));
        }
        Inventory { switches, special }
    }

    /// True if the switch is declared.
    #[must_use]
    pub fn knows(&self, dpid: Dpid) -> bool {
        self.switches.contains_key(&dpid)
    }

    /// Declared switches.
    pub fn dpids(&self) -> impl Iterator<Item = Dpid> {
        self.switches.keys().copied()
    }

    /// What the port is declared to be.
    #[must_use]
    pub fn role(&self, policy: &Checked, at: Location) -> Role {
        if let Some(role) = self.special.get(&at) {
            return *role;
        }
        let Some(switch) = self.switches.get(&at.dpid).and_then(|id| policy.switches.get(id.index())) else {
            return Role::Closed;
        };
        if switch.access.is_empty() && switch.uplink.is_empty() {
            Role::Open
        } else if switch.access.contains(at.port) {
            Role::Access
        } else if switch.uplink.contains(at.port) {
            Role::Uplink
        } else {
            Role::Closed
        }
    }
}
