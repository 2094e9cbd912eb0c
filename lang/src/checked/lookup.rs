//! What is asked of a policy again and again, found once when it is first asked. Knows nothing of why it is asked.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use net::{Dpid, Location, MacAddr, Prefix, Time};

use super::{Checked, EndTest, HostId, NamedLocation, Part, Rule, RuleId, SetExpr, Switch};

/// Answers that have been found. They hold for the policy that they stand in as it is: a copy starts without any, so that it can
/// be changed.
#[derive(Debug, Default)]
pub struct Lookup {
    inside: OnceLock<Inside>,
    macs: OnceLock<HashMap<MacAddr, HostId>>,
    addresses: OnceLock<HashMap<IpAddr, HostId>>,
    rules: OnceLock<HashMap<Arc<str>, Vec<RuleId>>>,
    switches: OnceLock<HashMap<Dpid, usize>>,
    locations: OnceLock<HashMap<Location, usize>>,
    samples: OnceLock<Vec<Time>>,
    tests_time: OnceLock<bool>,
}

/// All addresses of declared networks: stretches that neither touch nor overlap, ascending.
#[derive(Debug, Default)]
struct Inside {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

fn broadcast_of(test: EndTest) -> Option<IpAddr> {
    let EndTest::Address(prefix) = test else { return None };
    match prefix.network() {
        IpAddr::V4(network) if prefix.length() < 31 => {
            let hosts = u32::MAX.checked_shr(prefix.length().into()).unwrap_or(0);
            Some(IpAddr::V4(Ipv4Addr::from_bits(network.to_bits() | hosts)))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

impl Clone for Lookup {
    fn clone(&self) -> Self {
        Lookup::default()
    }
}

impl Checked {
    /// True if the address lies in a declared network.
    #[must_use]
    pub fn is_inside(&self, address: IpAddr) -> bool {
        self.lookup.inside.get_or_init(|| Inside::of(self)).has(address)
    }

    /// True for the limited broadcast address, and the last one of a declared IPv4 network. Of other addresses nobody knows that they
    /// are not a single station's.
    #[must_use]
    pub fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = address else { return false };
        v4.is_broadcast() || self.directed_broadcasts().any(|directed| directed == address)
    }

    /// The last address of each declared IPv4 network (RFC 919 §7): all of its machines are meant by it.
    pub fn directed_broadcasts(&self) -> impl Iterator<Item = IpAddr> {
        let mut open: Vec<&SetExpr> = self.groups.iter().filter(|group| group.network).map(|group| &group.members).collect();
        std::iter::from_fn(move || {
            while let Some(set) = open.pop() {
                match set {
                    SetExpr::Leaf(test) => {
                        if let Some(address) = broadcast_of(*test) {
                            return Some(address);
                        }
                    }
                    SetExpr::Union(parts) => open.extend(parts.iter()),
                    SetExpr::Intersection(one, _) | SetExpr::Difference(one, _) => open.push(one),
                }
            }
            None
        })
    }

    /// The host that has the MAC address.
    #[must_use]
    pub fn host_of_mac(&self, mac: MacAddr) -> Option<HostId> {
        let macs = self.lookup.macs.get_or_init(|| self.owners(|host| host.macs.clone()));
        macs.get(&mac).copied()
    }

    /// The host that has registered the address.
    #[must_use]
    pub fn host_of_address(&self, address: IpAddr) -> Option<HostId> {
        let addresses = self.lookup.addresses.get_or_init(|| self.owners(|host| host.addresses.clone()));
        addresses.get(&address).copied()
    }

    /// The switch with this datapath id.
    #[must_use]
    pub fn switch_of(&self, dpid: Dpid) -> Option<&Switch> {
        let switches = self.lookup.switches.get_or_init(|| first_places(self.switches.iter().map(|switch| switch.dpid)));
        switches.get(&dpid).and_then(|place| self.switches.get(*place))
    }

    /// The first name of a location.
    #[must_use]
    pub fn location_at(&self, at: Location) -> Option<&NamedLocation> {
        let locations = self.lookup.locations.get_or_init(|| first_places(self.locations.iter().map(|named| named.at)));
        locations.get(&at).and_then(|place| self.locations.get(*place))
    }

    /// The rules with this name: one, or the two halves of a statement.
    #[must_use]
    pub fn rules_named(&self, name: &str) -> &[RuleId] {
        let rules = self.lookup.rules.get_or_init(|| {
            let mut all: HashMap<Arc<str>, Vec<RuleId>> = HashMap::new();
            for rule in &self.rules {
                if let Some(name) = &rule.name {
                    all.entry(Arc::clone(name)).or_default().push(rule.id);
                }
            }
            all
        });
        rules.get(name).map_or(&[], Vec::as_slice)
    }

    /// True if a rule tests the time.
    #[must_use]
    pub fn tests_time(&self) -> bool {
        *self.lookup.tests_time.get_or_init(|| self.rules.iter().any(|rule| rule.cond.tests_time()))
    }

    /// One instant of every stretch of time that the windows and ends of the policy tell apart: see
    /// [`crate::calendar::Calendar::samples`].
    #[must_use]
    pub fn samples_of_time(&self) -> &[Time] {
        self.lookup.samples.get_or_init(|| self.calendar.samples(&self.windows(), &self.ends()))
    }

    /// The rules of the site that match nothing any more at this instant, with the instant when that began: each statement once.
    pub fn expired(&self, now: Time) -> impl Iterator<Item = (&Rule, Time)> {
        let rules = self.site_rules().iter().filter(|rule| !matches!(rule.part, Part::OutboundDeny | Part::PinDeny));
        rules.filter_map(move |rule| rule.until.filter(|end| *end <= now).map(|end| (rule, end)))
    }

    /// For each identifier the first host that has it.
    fn owners<K: std::hash::Hash + Eq>(&self, of: impl Fn(&super::Host) -> Vec<K>) -> HashMap<K, HostId> {
        let mut owners = HashMap::new();
        for (id, host) in (0..).map(HostId).zip(&self.hosts) {
            for key in of(host) {
                owners.entry(key).or_insert(id);
            }
        }
        owners
    }
}

/// For each key its first place in a list.
fn first_places<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    let mut places = HashMap::new();
    for (place, key) in keys.enumerate() {
        places.entry(key).or_insert(place);
    }
    places
}

impl Inside {
    fn of(policy: &Checked) -> Inside {
        let mut inside = Inside::default();
        for group in policy.groups.iter().filter(|group| group.network) {
            inside.add(&group.members);
        }
        for list in [&mut inside.v4, &mut inside.v6] {
            list.sort_unstable();
            let mut joined: Vec<(u128, u128)> = Vec::new();
            for (first, last) in list.drain(..) {
                match joined.last_mut() {
                    Some(before) if before.1.checked_add(1).is_none_or(|next| first <= next) => before.1 = before.1.max(last),
                    Some(_) | None => joined.push((first, last)),
                }
            }
            *list = joined;
        }
        inside
    }

    /// Adds the prefixes that a declaration lists: networks are made of nothing else.
    fn add(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Leaf(EndTest::Address(prefix)) => {
                let list = if prefix.network().is_ipv4() { &mut self.v4 } else { &mut self.v6 };
                list.push(stretch(prefix));
            }
            SetExpr::Union(parts) => parts.iter().for_each(|part| self.add(part)),
            SetExpr::Leaf(_) | SetExpr::Intersection(..) | SetExpr::Difference(..) => {}
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        let (list, bits) = match address {
            IpAddr::V4(v4) => (&self.v4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (&self.v6, v6.to_bits()),
        };
        let behind = list.partition_point(|(first, _)| *first <= bits);
        behind.checked_sub(1).and_then(|place| list.get(place)).is_some_and(|(_, last)| bits <= *last)
    }
}

/// The first and the last address of a prefix, as numbers.
fn stretch(prefix: &Prefix) -> (u128, u128) {
    let (first, width) = match prefix.network() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32_u32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let rest = width.saturating_sub(u32::from(prefix.length()));
    (first, first | 1_u128.checked_shl(rest).map_or(u128::MAX, |size| size - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checked::{Group, Kind};
    use crate::source::{SourceId, SourceMap, Span};

    #[test]
    fn an_address_is_inside_where_a_network_has_it_and_nowhere_else() {
        let leaf = |text: &str| SetExpr::Leaf(EndTest::Address(text.parse().unwrap()));
        let nets = ["10.4.0.0/16", "10.5.0.0/16", "10.4.7.0/24", "192.0.2.7/32", "255.255.255.255/32", "2001:db8::/32"];
        let span = Span { source: SourceId(0), start: 0, end: 0 };
        let group = |network, name: &str, members| Group {
            name: name.into(),
            kind: Kind::Network,
            members,
            network,
            dynamic: None,
            span,
        };
        let policy = Checked {
            groups: vec![
                group(true, "all", SetExpr::Union(nets.iter().map(|text| leaf(text)).collect())),
                group(false, "no-network", leaf("172.16.0.0/12")),
            ],
            ..Checked::empty(SourceMap::default())
        };
        for (address, wanted) in [
            ("10.4.0.0", true),
            ("10.5.255.255", true),
            ("10.6.0.0", false),
            ("10.3.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("255.255.255.255", true),
            ("172.16.0.1", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::a04:1", false),
        ] {
            assert_eq!(policy.is_inside(address.parse().unwrap()), wanted, "{address}");
        }
    }
}
