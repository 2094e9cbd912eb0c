//! What each port is declared to be. Knows nothing of what is really there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lang::checked::{Attachment, Checked, GatewayId, HostId, MiddleboxId, Served, Switch, SwitchId};
use net::{Dpid, Location, Prefix};
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
    servers: BTreeSet<(Served, Location)>,
    /// Networks behind hosts, by their first address; none lies in another.
    routes: BTreeMap<IpAddr, (Prefix, HostId)>,
}

impl Inventory {
    /// What a policy declares.
    #[must_use]
    pub fn new(policy: &Checked) -> Inventory {
        let switches = policy.switches.iter().zip(0..).map(|(switch, id)| (switch.dpid, SwitchId(id))).collect();
        let mut special = FxHashMap::default();
        for (middlebox, id) in policy.middleboxes.iter().zip(0..) {
            for at in middlebox.attachments.iter().flat_map(Attachment::ports) {
                special.insert(at, Role::Middlebox(MiddleboxId(id)));
            }
        }
        for (gateway, id) in policy.gateways.iter().zip(0..) {
            special.insert(gateway.at, Role::Gateway(GatewayId(id)));
        }
        let of_hosts = policy.hosts.iter().filter_map(|host| Some((host.pin?, &host.serves)));
        let serving = policy.gateways.iter().map(|gateway| (gateway.at, &gateway.serves)).chain(of_hosts);
        let servers = serving.flat_map(|(at, serves)| serves.iter().map(move |served| (*served, at))).collect();
        Inventory { switches, special, servers, routes: routes(policy) }
    }

    /// True if the switch is declared.
    #[must_use]
    pub fn knows(&self, dpid: Dpid) -> bool {
        self.switches.contains_key(&dpid)
    }

    /// The declaration of a switch.
    #[must_use]
    pub fn switch<'p>(&self, policy: &'p Checked, dpid: Dpid) -> Option<&'p Switch> {
        policy.switches.get(self.switches.get(&dpid)?.index())
    }

    /// Declared switches.
    pub fn dpids(&self) -> impl Iterator<Item = Dpid> {
        self.switches.keys().copied()
    }

    /// True if anybody is declared to serve anything: then nobody else serves what is not declared.
    #[must_use]
    pub fn has_servers(&self) -> bool {
        !self.servers.is_empty()
    }

    /// True if somebody at this port is declared to serve this.
    #[must_use]
    pub fn serves(&self, at: Location, served: Served) -> bool {
        self.servers.contains(&(served, at))
    }

    /// The host that an address lies behind.
    #[must_use]
    pub fn router(&self, address: IpAddr) -> Option<HostId> {
        let (_, (prefix, host)) = self.routes.range(..=address).next_back()?;
        prefix.contains(address).then_some(*host)
    }

    /// What the port is declared to be.
    #[must_use]
    pub fn role(&self, policy: &Checked, at: Location) -> Role {
        if let Some(role) = self.special.get(&at) {
            return *role;
        }
        let Some(switch) = self.switch(policy, at.dpid) else {
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

/// The widest prefixes of each host: those of two hosts are apart.
fn routes(policy: &Checked) -> BTreeMap<IpAddr, (Prefix, HostId)> {
    let hosts = policy.hosts.iter().zip((0..).map(HostId));
    let mut all: Vec<(Prefix, HostId)> = hosts.flat_map(|(host, id)| host.routes.iter().map(move |one| (*one, id))).collect();
    all.sort_unstable_by_key(|(prefix, _)| (prefix.network(), prefix.length()));
    let mut wide = BTreeMap::new();
    let mut last: Option<Prefix> = None;
    for (prefix, host) in all {
        if !last.is_some_and(|last| last.covers(&prefix)) {
            wide.insert(prefix.network(), (prefix, host));
            last = Some(prefix);
        }
    }
    wide
}
