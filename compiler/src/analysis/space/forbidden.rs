//! Which combinations no view and no packet can bring about. Knows nothing of how flows are counted.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use lang::checked::{Checked, Fact, GatewayId, HostId, Kind};
use lang::flow::Side;
use net::{EtherType, Location, MacAddr, can_be_owned, is_link_local};

use super::{ADDRESS, AT, Addresses, Area, Login, PACKET, SIDES, Sorted, Space, TooComplex, USER, WHO, Who, end_attr};

/// How often a class of ends may be looked at to find what it cannot be, and how many rows may tell it.
const MAX_LOOKED_AT: usize = 100_000_000;
const MAX_ROWS: usize = 100_000;

impl Space<'_> {
    pub(super) fn forbid_all(&mut self) -> Result<(), TooComplex> {
        let policy = self.policy;
        let registered = self.addresses.iter().filter(|one| !one.registered.is_empty()).count();
        let pins = policy.hosts.iter().filter(|host| host.pin.is_some()).count();
        let rows = 4 * policy.gateways.len() + pins + registered + 2 * policy.invariants.len();
        if rows.saturating_mul(self.whos.len() + self.places.len() + self.addresses.len()) > MAX_LOOKED_AT {
            return Err(TooComplex);
        }
        let mut rows: Vec<Area> = Vec::new();
        for side in SIDES {
            self.forbid_ends(side, &mut rows);
            self.forbid_addresses(side, &mut rows);
            if let Some(view) = self.view {
                self.forbid_absent(side, view, &mut rows);
            }
        }
        if rows.len() > MAX_ROWS {
            return Err(TooComplex);
        }
        self.forbid_families(&mut rows);
        // What one view says of memberships is all that there is to know: it may break what is assumed of any.
        for invariant in self.policy.invariants.iter().filter(|_| self.view.is_none()) {
            for side in SIDES {
                rows.extend(self.contradictions(side, &invariant.fact));
            }
            if rows.len() > MAX_ROWS {
                return Err(TooComplex);
            }
        }
        self.sorted = Sorted::of(&rows, self.dynamic.len());
        self.forbidden = rows;
        self.odd = SIDES.into_iter().flat_map(|side| self.addressless(side)).collect();
        Ok(())
    }

    pub(super) fn who(&self, side: Side, wanted: impl Fn(&Who) -> bool) -> Option<Area> {
        self.where_(end_attr(side, WHO), |class| self.whos.get(class).is_some_and(&wanted)).pop()
    }

    pub(super) fn forbid(rows: &mut Vec<Area>, parts: impl IntoIterator<Item = Option<Area>>) {
        let joined = parts.into_iter().try_fold(Area::all(), |all, part| all.and(&part?));
        rows.extend(joined);
    }

    fn forbid_ends(&self, side: Side, rows: &mut Vec<Area>) {
        let one = |attr, wanted: &dyn Fn(usize) -> bool| self.where_(attr, wanted).pop();
        let outside = self.who(side, |who| !matches!(who, Who::Hosts(_) | Who::Stranger(_)));
        let nobody = |class: usize| self.logins.get(class) == Some(&Login::Nobody);
        // Users log in on machines of the site.
        Self::forbid(rows, [outside.clone(), one(end_attr(side, USER), &|class| !nobody(class))]);
        for (place, id) in self.dynamic.iter().enumerate() {
            let member = || one(self.dynamic_attr(side, place), &|class| class == 1);
            // Neither the internet nor a group address is a member of anything.
            Self::forbid(rows, [outside.clone(), member()]);
            if self.policy.groups.get(id.index()).is_some_and(|group| group.kind == Kind::User) {
                // Nobody is a member of no group of users.
                Self::forbid(rows, [one(end_attr(side, USER), &nobody), member()]);
            }
        }
        if side == Side::Src {
            // No packet comes from a group address, nor from the controller.
            Self::forbid(rows, [self.who(side, |who| matches!(who, Who::Broadcast | Who::Multicast | Who::Controller))]);
        }
        self.forbid_places(side, rows);
    }

    fn forbid_places(&self, side: Side, rows: &mut Vec<Area>) {
        if self.places.len() == 1 {
            return;
        }
        let at = |wanted: &dyn Fn(Option<Location>) -> bool| {
            self.where_(end_attr(side, AT), |class| self.places.get(class).is_some_and(|at| wanted(*at))).pop()
        };
        // A group address and the controller are at no port.
        let nowhere = self.who(side, |who| matches!(who, Who::Broadcast | Who::Multicast | Who::Controller));
        Self::forbid(rows, [nowhere, at(&|at| at.is_some())]);
        for (id, gateway) in (0..).map(GatewayId).zip(&self.policy.gateways) {
            // A gateway and what lies beyond it are at its port, and nothing else is.
            let there = self.who(side, |who| *who == Who::Gateway(id) || *who == Who::Internet(Some(id)));
            let others = self.who(side, |who| *who != Who::Gateway(id) && *who != Who::Internet(Some(id)));
            Self::forbid(rows, [there, at(&|at| at != Some(gateway.at))]);
            Self::forbid(rows, [others, at(&|at| at == Some(gateway.at))]);
        }
        let mut pins: Vec<Location> = self.policy.hosts.iter().filter_map(|host| host.pin).collect();
        pins.sort_unstable();
        pins.dedup();
        for pin in pins {
            // A pinned host is where it is pinned: while it is away, nothing is delivered to it.
            let pinned = self.who(side, |who| self.pin_of(who) == Some(pin));
            Self::forbid(rows, [pinned, at(&|at| at != Some(pin))]);
        }
        if side == Side::Src && !self.policy.switches.is_empty() {
            // A packet comes in at a port. A responder may be known and away.
            Self::forbid(rows, [self.who(side, |who| !matches!(who, Who::Internet(None))), at(&|at| at.is_none())]);
        }
    }

    pub(super) fn pin_of(&self, who: &Who) -> Option<Location> {
        let Who::Hosts(hosts) = who else { return None };
        hosts.first().and_then(|(id, _)| self.policy.hosts.get(id.index())).and_then(|host| host.pin)
    }

    fn forbid_addresses(&self, side: Side, rows: &mut Vec<Area>) {
        if self.addresses.len() == 1 {
            return;
        }
        let range = |one: &Addresses| one.sample.map(|address| Range::of(self.policy, address, !one.registered.is_empty()));
        let ranges: Vec<Option<Range>> = self.addresses.iter().map(range).collect();
        let addresses = |wanted: &dyn Fn(&Addresses, Option<Range>) -> bool| {
            let fits = |class: usize| Some(wanted(self.addresses.get(class)?, *ranges.get(class)?));
            self.where_(end_attr(side, ADDRESS), |class| fits(class).unwrap_or(false)).pop()
        };
        let inside = self.who(side, |who| matches!(who, Who::Hosts(_) | Who::Stranger(_)));
        // A machine of the site has no address of a gateway, of a group, or of this machine alone.
        Self::forbid(
            rows,
            [
                inside,
                addresses(&|_, range| {
                    matches!(range, Some(Range::Gateway(_) | Range::Multicast | Range::Broadcast | Range::Never))
                }),
            ],
        );
        // The internet is what has an address of no declared network and nobody's.
        let internet = self.who(side, |who| matches!(who, Who::Internet(_)));
        Self::forbid(rows, [internet, addresses(&|_, range| range != Some(Range::Beyond))]);
        for (id, _) in (0..).map(GatewayId).zip(&self.policy.gateways) {
            let gateway = self.who(side, |who| *who == Who::Gateway(id));
            Self::forbid(
                rows,
                [
                    gateway,
                    addresses(&|_, range| !matches!(range, None | Some(Range::LinkLocal)) && range != Some(Range::Gateway(id))),
                ],
            );
        }
        let group = self.who(side, |who| *who == Who::Multicast);
        Self::forbid(rows, [group, addresses(&|_, range| !matches!(range, None | Some(Range::Multicast)))]);
        let everyone = self.who(side, |who| *who == Who::Broadcast);
        Self::forbid(rows, [everyone, addresses(&|one, range| !one.directed && !matches!(range, None | Some(Range::Broadcast)))]);
        // An IP packet to a group says to which.
        let groups = self.who(side, |who| matches!(who, Who::Broadcast | Who::Multicast));
        let ip = self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.proto.is_some())).pop();
        Self::forbid(rows, [groups, ip.clone(), addresses(&|one, _| one.sample.is_none())]);
        if side == Side::Dst {
            // An IP packet to a host has an address of it; it may send before it has any. Where none is declared, the example without
            // one stands for that with any that it may have.
            let hosts = self.who(side, |who| matches!(who, Who::Hosts(hosts) if hosts.iter().all(|(id, _)| self.has_own(*id))));
            Self::forbid(rows, [hosts, ip, addresses(&|one, _| one.sample.is_none())]);
        }
        let controller = self.who(side, |who| *who == Who::Controller);
        Self::forbid(rows, [controller, addresses(&|one, _| one.sample.is_some())]);
        let mut owners: HashMap<HostId, Vec<usize>> = HashMap::new();
        for (class, who) in self.whos.iter().enumerate() {
            if let Who::Hosts(hosts) = who {
                hosts.iter().for_each(|(id, _)| owners.entry(*id).or_default().push(class));
            }
        }
        for class in 0..self.addresses.len() {
            // A registered address is its host's.
            let Some(one) = self.addresses.get(class).filter(|one| !one.registered.is_empty()) else { continue };
            let owners: HashSet<usize> =
                one.registered.iter().flat_map(|(owner, _)| owners.get(owner)).flatten().copied().collect();
            let everyone = |who: usize| one.directed && self.whos.get(who) == Some(&Who::Broadcast);
            let others = self.where_(end_attr(side, WHO), |who| !owners.contains(&who) && !everyone(who)).pop();
            Self::forbid(rows, [others, self.where_(end_attr(side, ADDRESS), |other| other == class).pop()]);
        }
    }

    /// Flows of the internet where no gateway is declared: no packet is of them, and what rules say of them may be asked all the same.
    pub(in crate::analysis) fn beyond_no_gateway(&self) -> Vec<Area> {
        SIDES.into_iter().filter_map(|side| self.who(side, |who| *who == Who::Internet(None))).collect()
    }

    /// Both addresses are of the family that the Ethernet type says; packets that are not IP have none.
    fn forbid_families(&self, rows: &mut Vec<Area>) {
        for side in SIDES {
            for dl_type in [EtherType::IPV4, EtherType::IPV6] {
                let packets =
                    self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.dl_type == Some(dl_type))).pop();
                let other = self
                    .where_(end_attr(side, ADDRESS), |class| {
                        let sample = self.addresses.get(class).and_then(|one| one.sample);
                        sample.is_some_and(|address| address.is_ipv4() != (dl_type == EtherType::IPV4))
                    })
                    .pop();
                Self::forbid(rows, [packets, other]);
            }
            let not_ip = self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.proto.is_none())).pop();
            let some = self
                .where_(end_attr(side, ADDRESS), |class| self.addresses.get(class).is_some_and(|one| one.sample.is_some()))
                .pop();
            Self::forbid(rows, [not_ip, some]);
        }
    }

    /// True if the host is declared with an address.
    pub(super) fn has_own(&self, id: HostId) -> bool {
        self.policy.hosts.get(id.index()).is_some_and(|host| !host.addresses.is_empty())
    }

    /// Hosts that send IP packets without the address that they have, before they have it; and gateways.
    fn addressless(&self, side: Side) -> Vec<Area> {
        let mut rows = Vec::new();
        let is_addressed = |id: GatewayId| self.policy.gateways.get(id.index()).is_some_and(|one| !one.addresses.is_empty());
        let owns =
            |mac: MacAddr| self.view.and_then(|view| view.station(mac)).is_some_and(|station| !station.addresses.is_empty());
        let hosts = self.who(side, |who| match who {
            Who::Hosts(hosts) => hosts.iter().all(|(id, mac)| self.has_own(*id) || owns(*mac)),
            Who::Stranger(mac) => mac.is_some_and(owns),
            Who::Gateway(id) => is_addressed(*id),
            Who::Internet(_) | Who::Broadcast | Who::Multicast | Who::Controller => false,
        });
        let nothing =
            self.where_(end_attr(side, ADDRESS), |class| self.addresses.get(class).is_some_and(|one| one.sample.is_none())).pop();
        let ip = self.where_(PACKET, |class| self.packets.get(class).is_some_and(|one| one.proto.is_some())).pop();
        Self::forbid(&mut rows, [hosts, nothing, ip]);
        rows
    }

    /// The ends that an invariant says there are none of. One that is too complex forbids nothing.
    fn contradictions(&self, side: Side, fact: &Fact) -> Vec<Area> {
        let areas = match fact {
            Fact::Nonempty(..) => return Vec::new(),
            Fact::Disjoint(_, a, b) => self.all_of([self.set_areas(side, a, true), self.set_areas(side, b, true)].into_iter()),
            Fact::Subset(_, a, b) => self.all_of([self.set_areas(side, a, true), self.set_areas(side, b, false)].into_iter()),
        };
        areas.unwrap_or_default()
    }
}

/// What an address can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Range {
    Inside,
    Registered,
    Gateway(GatewayId),
    Beyond,
    LinkLocal,
    Multicast,
    Broadcast,
    Never,
}

impl Range {
    pub(super) fn of(policy: &Checked, address: IpAddr, registered: bool) -> Range {
        let gateways = (0..).map(GatewayId).zip(&policy.gateways);
        if registered {
            return Range::Registered;
        }
        if let Some((id, _)) = gateways.into_iter().find(|(_, gateway)| gateway.addresses.contains(&address)) {
            return Range::Gateway(id);
        }
        match address {
            _ if address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) => Range::Broadcast,
            _ if address.is_multicast() => Range::Multicast,
            // Addresses that are not in use (RFC 6890) are, by whoever makes them up.
            _ if !can_be_owned(address) => Range::Never,
            _ if is_link_local(address) => Range::LinkLocal,
            _ if policy.is_inside(address) => Range::Inside,
            _ => Range::Beyond,
        }
    }
}
