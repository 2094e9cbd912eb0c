//! Switches, locations, hosts, users, gateways and middleboxes: what exists, and that each identifier and port is one thing's.
//! Knows nothing of sets or rules.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use net::{Dpid, Fingerprint, Location, PortNo, Prefix};

use crate::ast::{
    GatewayDecl, HostDecl, HostMember, Ident, LocationRef, MiddleboxDecl, MiddleboxMember, PortList, Spanned, SwitchDecl,
    SwitchMember,
};
use crate::checked::{Attachment, Checked, Gateway, Host, Kind, Middlebox, NamedLocation, PortSet, Served, Switch, User};
use crate::codes::names::{E0203, E0208, E0209, E0210, E0211, E0212, E0213};
use crate::codes::syntax::E0121;
use crate::diag::Diagnostic;
use crate::resolve::{Names, Statements, Symbol};
use crate::source::Span;

use super::Checker;
use super::limits::Counted;

/// Stands for a place that could not be made out; never leaves the checker, since that has been reported.
const NOWHERE: Location = Location { dpid: Dpid(u64::MAX), port: PortNo(u32::MAX) };

/// Identifiers that belong to one thing each, with the place that named them first.
struct Unique<T>(HashMap<T, Span>);

/// Who is attached at a port.
struct Attached(HashMap<Location, Span>);

impl<T: Eq + Hash + Display> Unique<T> {
    fn claim(&mut self, checker: &mut Checker, what: &str, value: T, span: Span) {
        if let Some(first) = self.0.get(&value) {
            let message = format!("{what} {value} is declared twice");
            checker.report(Diagnostic::new(E0208, span, message).related(*first, "first declared here"));
            return;
        }
        self.0.insert(value, span);
    }
}

impl Attached {
    fn claim(&mut self, checker: &mut Checker, at: &LocationRef, place: Location) {
        if place == NOWHERE {
            return;
        }
        if let Some(first) = self.0.get(&place) {
            let message = format!("`{}` is already taken", checker.policy.sources.text(at.span()));
            checker.report(Diagnostic::new(E0211, at.span(), message).related(*first, "attached here"));
            return;
        }
        self.0.insert(place, at.span());
    }
}

impl Checker {
    /// Checks everything that exists.
    pub(super) fn inventory(&mut self, statements: &Statements<'_>) {
        let (mut dpids, mut certificates) = (Unique(HashMap::new()), Unique(HashMap::new()));
        for (place, decl) in statements.switches.iter().enumerate() {
            self.switch(decl, place, &mut dpids, &mut certificates);
        }
        for decl in &statements.locations {
            let at = self.declared_location(&decl.at).unwrap_or(NOWHERE);
            self.mute_if(at == NOWHERE, &decl.name);
            self.policy.locations.push(NamedLocation { name: decl.name.text.clone(), at, span: decl.span });
        }
        for decl in &statements.users {
            self.policy.users.push(User { name: decl.name.text.clone(), span: decl.span });
        }
        let mut attached = Attached(HashMap::new());
        for decl in &statements.middleboxes {
            self.middlebox(decl, &mut attached);
        }
        let (mut macs, mut addresses) = (Unique(HashMap::new()), Unique(HashMap::new()));
        for decl in &statements.gateways {
            let members = self.host_members(&decl.members, decl.name.span, &mut macs, &mut addresses);
            self.gateway(decl, members, &mut attached);
        }
        for (number, decl) in statements.locations.iter().enumerate() {
            let place = self.policy.locations.get(number).map(|location| location.at);
            if let Some(first) = place.and_then(|place| attached.0.get(&place)) {
                let message = format!(
                    "`{}` is taken by a gateway or a middlebox: no host is there",
                    self.policy.sources.text(decl.at.span())
                );
                self.report(Diagnostic::new(E0211, decl.at.span(), message).related(*first, "attached here"));
            }
        }
        let mut routed = Vec::new();
        for (number, decl) in statements.hosts.iter().enumerate() {
            let members = self.host_members(&decl.members, decl.name.span, &mut macs, &mut addresses);
            routed.extend(members.routes.iter().flat_map(|(list, _)| *list).map(|prefix| (prefix.value, number, prefix.span)));
            self.host(decl, members, &attached);
        }
        self.routes_apart(routed);
    }

    /// Nothing more is said of a name whose declaration has been reported.
    fn mute_if(&mut self, damaged: bool, name: &Ident) {
        if damaged {
            self.names.define(&name.text, Symbol::Damaged);
        }
    }

    fn switch(&mut self, decl: &SwitchDecl, place: usize, dpids: &mut Unique<Dpid>, known: &mut Unique<Fingerprint>) {
        let (mut dpid, mut access, mut uplink) = (None, None, None);
        let mut certificates = Vec::new();
        let mut damaged = false;
        for member in &decl.members {
            match member {
                SwitchMember::Dpid(value) => self.once(&mut dpid, value.value, value.span, "dpid"),
                SwitchMember::Access(list) => self.once(&mut access, list, list.span, "access"),
                SwitchMember::Uplink(list) => self.once(&mut uplink, list, list.span, "uplink"),
                SwitchMember::Certificate(one, _) => {
                    known.claim(self, "certificate", one.value, one.span);
                    certificates.push(one.value);
                }
                SwitchMember::Error(_) => damaged = true,
            }
        }
        self.damaged |= damaged;
        if dpid.is_none() && !damaged {
            let message = format!("switch `{}` has no `dpid`", decl.name.text);
            self.report(Diagnostic::new(E0213, decl.name.span, message).help("add the switch's datapath id: `dpid 0x1;`"));
        }
        if let Some((dpid, span)) = dpid {
            dpids.claim(self, "datapath id", dpid, span);
        }
        if let (Some((access, _)), Some((uplink, _))) = (access, uplink) {
            self.disjoint_ports(decl, access, uplink);
        }
        let ports = |list: Option<(&PortList, Span)>| {
            PortSet(list.map_or_else(Vec::new, |(list, _)| list.ranges.iter().map(|range| range.value.clone()).collect()))
        };
        let stand_in = Dpid(u64::MAX - place as u64);
        let name = decl.name.text.clone();
        let dpid_value = dpid.map_or(stand_in, |(dpid, _)| dpid);
        let (access, uplink) = (ports(access), ports(uplink));
        self.policy.switches.push(Switch { name, dpid: dpid_value, access, uplink, certificates, span: decl.span });
        self.mute_if(damaged || dpid.is_none(), &decl.name);
    }

    fn disjoint_ports(&mut self, decl: &SwitchDecl, access: &PortList, uplink: &PortList) {
        for up in &uplink.ranges {
            let shared = access.ranges.iter().find_map(|range| {
                let first = *range.value.start().max(up.value.start());
                (first <= *range.value.end().min(up.value.end())).then_some((first, range.span))
            });
            if let Some((port, span)) = shared {
                let message = format!("port {port} of switch `{}` is both access and uplink", decl.name.text);
                self.report(Diagnostic::new(E0210, up.span, message).related(span, "listed as access here"));
            }
        }
    }

    /// Keeps the first value of a member and reports the others.
    fn once<T>(&mut self, slot: &mut Option<(T, Span)>, value: T, span: Span, word: &str) {
        match slot {
            None => *slot = Some((value, span)),
            Some((_, first)) => {
                let message = format!("`{word}` is given twice");
                let first = *first;
                self.report(Diagnostic::new(E0212, span, message).related(first, "first given here"));
            }
        }
    }

    fn host_members<'m>(
        &mut self,
        members: &'m [HostMember],
        name: Span,
        macs: &mut Unique<net::MacAddr>,
        addresses: &mut Unique<std::net::IpAddr>,
    ) -> HostMembers<'m> {
        let mut all =
            HostMembers { name, macs: Vec::new(), addresses: Vec::new(), at: None, serves: None, routes: None, damaged: false };
        for member in members {
            match member {
                HostMember::Mac(list, span) => {
                    for mac in list {
                        macs.claim(self, "MAC address", mac.value, mac.span);
                        all.macs.push((mac.value, *span));
                    }
                }
                HostMember::Ip(list, _) => {
                    for address in list {
                        self.machine_address(address.value, address.span);
                        addresses.claim(self, "address", address.value, address.span);
                        all.addresses.push(address.value);
                    }
                }
                HostMember::At(at, span) => self.once(&mut all.at, at, *span, "at"),
                HostMember::Serves(list, span) => self.once(&mut all.serves, list, *span, "serves"),
                HostMember::Routes(list, span) => self.once(&mut all.routes, list, *span, "routes"),
                HostMember::Error(_) => all.damaged = true,
            }
        }
        self.damaged |= all.damaged;
        all
    }

    /// Refuses an address that no machine has.
    fn machine_address(&mut self, address: std::net::IpAddr, span: Span) {
        let what = match address {
            _ if address.is_multicast() => "a multicast group",
            _ if address.is_unspecified() => "no address of anything",
            _ if address.is_loopback() => "a loopback address",
            std::net::IpAddr::V4(v4) if v4.is_broadcast() => "the broadcast address",
            _ => return,
        };
        let message = format!("{address} is {what}, which no machine on the network has");
        self.report(Diagnostic::new(E0121, span, message));
    }

    fn host(&mut self, decl: &HostDecl, members: HostMembers<'_>, attached: &Attached) {
        let pin = members.at.and_then(|(at, _)| {
            let place = self.place(at)?;
            if let Some(first) = attached.0.get(&place) {
                let message = format!("`{}` is already taken", self.policy.sources.text(at.span()));
                self.report(Diagnostic::new(E0211, at.span(), message).related(*first, "attached here"));
            }
            Some(place)
        });
        if members.macs.is_empty() && !members.damaged {
            let message = format!("host `{}` has no `mac`", decl.name.text);
            let help = "add the address that its frames carry: `mac 02:00:00:00:00:11;`";
            self.report(Diagnostic::new(E0213, members.name, message).help(help));
        }
        if let Some((_, span)) = members.serves.filter(|(served, _)| !served.is_empty() && pin.is_none() && !members.damaged)
            && members.at.is_none()
        {
            let message = format!("host `{}` serves others and has no `at`", decl.name.text);
            let help = "say at which port its answers are believed: `at SWITCH:PORT;`";
            self.report(Diagnostic::new(E0213, span, message).help(help));
        }
        let stations = members.macs.len().saturating_mul(members.addresses.len().saturating_add(1));
        self.stations = self.stations.saturating_add(stations);
        self.room_for(Counted::Stations, self.stations, decl.span);
        self.policy.hosts.push(Host {
            name: decl.name.text.clone(),
            macs: members.macs.into_iter().map(|(mac, _)| mac).collect(),
            addresses: members.addresses,
            pin,
            serves: served(members.serves, &[]),
            routes: members.routes.iter().flat_map(|(list, _)| *list).map(|prefix| prefix.value).collect(),
            span: decl.span,
        });
    }

    /// An address is behind one host: no prefix of one lies in a prefix of another.
    fn routes_apart(&mut self, mut routed: Vec<(Prefix, usize, Span)>) {
        routed.sort_unstable_by_key(|(prefix, host, _)| (prefix.network(), prefix.length(), *host));
        let mut wide: Option<(Prefix, usize, Span)> = None;
        for (prefix, host, span) in routed {
            match wide {
                Some((over, owner, first)) if over.covers(&prefix) => {
                    if owner != host {
                        let message = format!("{prefix} is behind two hosts");
                        self.report(Diagnostic::new(E0208, span, message).related(first, "behind another here"));
                    }
                }
                _ => wide = Some((prefix, host, span)),
            }
        }
    }

    fn gateway(&mut self, decl: &GatewayDecl, members: HostMembers<'_>, attached: &mut Attached) {
        if members.at.is_none() && !members.damaged {
            let message = format!("gateway `{}` has no `at`", decl.name.text);
            self.report(
                Diagnostic::new(E0213, members.name, message).help("add the port that it is attached to: `at SWITCH:PORT;`"),
            );
        }
        if let [(_, first), .., (_, last)] = members.macs.as_slice() {
            let message = format!("gateway `{}` has more than one MAC address", decl.name.text);
            self.report(Diagnostic::new(E0212, *last, message).related(*first, "first given here"));
        }
        if let Some((_, span)) = members.routes {
            let message = format!("gateway `{}` has `routes`, which hosts alone may have", decl.name.text);
            let help = "beyond a gateway lies everything that is not inside: take the line out";
            self.report(Diagnostic::new(E0203, span, message).help(help));
        }
        let place = members.at.and_then(|(at, _)| {
            let place = self.place(at)?;
            attached.claim(self, at, place);
            Some(place)
        });
        self.policy.gateways.push(Gateway {
            name: decl.name.text.clone(),
            at: place.unwrap_or(NOWHERE),
            mac: members.macs.first().map(|(mac, _)| *mac),
            addresses: members.addresses,
            serves: served(members.serves, Served::BY_GATEWAYS),
            span: decl.span,
        });
        self.mute_if(place.is_none(), &decl.name);
    }

    fn middlebox(&mut self, decl: &MiddleboxDecl, attached: &mut Attached) {
        let mut attachments = Vec::new();
        let mut inside: Option<&LocationRef> = None;
        let (mut sound, mut damaged) = (true, false);
        for member in &decl.members {
            match (member, inside.take()) {
                (MiddleboxMember::In(at, _), None) => inside = Some(at),
                (MiddleboxMember::Out(at, _), Some(inside)) => {
                    let (inside, outside) = (self.box_port(inside, attached), self.box_port(at, attached));
                    attachments.push(Attachment::Inline { inside, outside });
                }
                (MiddleboxMember::At(at, _), None) => {
                    let at = self.box_port(at, attached);
                    attachments.push(Attachment::OneArmed { at });
                }
                (MiddleboxMember::Error(_), _) => damaged = true,
                (MiddleboxMember::In(..) | MiddleboxMember::Out(..) | MiddleboxMember::At(..), _) => sound = false,
            }
        }
        self.damaged |= damaged;
        let in_line = attachments.iter().filter(|one| matches!(one, Attachment::Inline { .. })).count();
        sound &= inside.is_none() && !attachments.is_empty() && (in_line == 0 || in_line == attachments.len());
        if !sound && !damaged {
            let message = format!("middlebox `{}` needs `in` and `out`, or `at` alone", decl.name.text);
            let help = "write `in SWITCH:PORT; out SWITCH:PORT;` for a bump in the wire, `at SWITCH:PORT;` for one on one port; once \
                        for each instance";
            self.report(Diagnostic::new(E0213, decl.name.span, message).help(help));
        }
        self.policy.middleboxes.push(Middlebox { name: decl.name.text.clone(), attachments, span: decl.span });
    }

    fn box_port(&mut self, at: &LocationRef, attached: &mut Attached) -> Location {
        let place = self.place(at).unwrap_or(NOWHERE);
        attached.claim(self, at, place);
        place
    }

    /// The place of a declared location: a switch and a port, never another name.
    fn declared_location(&mut self, at: &LocationRef) -> Option<Location> {
        if let LocationRef::Name(name) = at {
            let message = format!("a location is declared as SWITCH:PORT, not by the name `{}`", name.text);
            self.report(Diagnostic::new(E0203, name.span, message));
            return None;
        }
        self.place(at)
    }

    /// The one port that the text names, if it is one that something may be attached to.
    pub(super) fn place(&mut self, at: &LocationRef) -> Option<Location> {
        match at {
            LocationRef::Port { switch, port, span } => self.port(switch, port.value, *span),
            LocationRef::Name(name) => match self.lookup(name, Some(Kind::Location))? {
                Symbol::Location(place) => self.policy.locations.get(place).map(|location| location.at),
                Symbol::Damaged | Symbol::Unresolved(_) => {
                    self.damaged = true;
                    None
                }
                other => {
                    let what = other.what(&self.policy);
                    let message = format!("`{}` is {what}, not a location", name.text);
                    let help = format!("name one port: `{}:PORT`", name.text);
                    let is_switch = matches!(other, Symbol::Switch(_));
                    self.report(Diagnostic::new(E0203, name.span, message).maybe_help(is_switch.then_some(help)));
                    None
                }
            },
        }
    }

    /// A port spelled out, if it is one that something may be attached to.
    pub(super) fn port(&mut self, switch: &Ident, port: PortNo, span: Span) -> Option<Location> {
        let found = port_of(&self.policy, &self.names, switch, port, span);
        self.sound_port(found)
    }

    /// A port spelled out, whatever is behind it: a path may run through any that the switch has.
    pub(super) fn path_port(&mut self, switch: &Ident, port: PortNo, span: Span) -> Option<Location> {
        let found = match switch_of(&self.policy, &self.names, switch) {
            Ok(found) if found.uplink.contains(port) => Ok(Location::new(found.dpid, port)),
            Ok(_) => port_of(&self.policy, &self.names, switch, port, span),
            Err(diagnostic) => Err(diagnostic),
        };
        self.sound_port(found)
    }

    fn sound_port(&mut self, found: Result<Location, Option<Box<Diagnostic>>>) -> Option<Location> {
        match found {
            Ok(place) => Some(place),
            Err(diagnostic) => {
                self.damaged = true;
                self.found.extend(diagnostic.map(|diagnostic| *diagnostic));
                None
            }
        }
    }
}

/// A port spelled out, if it is one that something may be attached to; else what is wrong, if that has not been reported.
pub(crate) fn port_of(
    policy: &Checked,
    names: &Names,
    switch: &Ident,
    port: PortNo,
    span: Span,
) -> Result<Location, Option<Box<Diagnostic>>> {
    let found =
        switch_of(policy, names, switch).map_err(|found| found.map(|found| Box::new(service_meant(*found, switch, port))))?;
    let free = found.access.is_empty() && found.uplink.is_empty();
    if free || found.access.contains(port) {
        return Ok(Location::new(found.dpid, port));
    }
    let message = if found.uplink.contains(port) {
        format!("port {port} of switch `{}` is an uplink, not an access port", switch.text)
    } else {
        format!("port {port} is not among the access ports of switch `{}`", switch.text)
    };
    Err(Some(Box::new(Diagnostic::new(E0209, span, message).related(found.span, "the switch is declared here"))))
}

/// The report of a port of something that has none, with the service that was probably meant.
fn service_meant(found: Diagnostic, name: &Ident, port: PortNo) -> Diagnostic {
    if found.code != E0203 || port.0 > u32::from(u16::MAX) {
        return found;
    }
    let name = &name.text;
    found.help(format!("if a service is meant: `{name} for tcp/{port}` in a rule, `{name} tcp/{port}` in a flow"))
}

/// The switch of this name; else what is wrong, if that has not been reported.
fn switch_of<'a>(policy: &'a Checked, names: &Names, switch: &Ident) -> Result<&'a Switch, Option<Box<Diagnostic>>> {
    match names.get(&switch.text).ok_or_else(|| names.unknown(policy, switch, Some(Kind::Switch)).map(Box::new))? {
        Symbol::Switch(id) => policy.switches.get(id.index()).ok_or(None),
        Symbol::Damaged | Symbol::Unresolved(_) => Err(None),
        other => {
            let message = format!("`{}` is {}, not a switch", switch.text, other.what(policy));
            Err(Some(Box::new(Diagnostic::new(E0203, switch.span, message))))
        }
    }
}

/// What the block of a host or a gateway says.
struct HostMembers<'m> {
    name: Span,
    macs: Vec<(net::MacAddr, Span)>,
    addresses: Vec<std::net::IpAddr>,
    at: Option<(&'m LocationRef, Span)>,
    serves: Option<(&'m Vec<Spanned<Served>>, Span)>,
    routes: Option<(&'m Vec<Spanned<Prefix>>, Span)>,
    damaged: bool,
}

/// What a block says to be served, ascending; without a word of it, what is served then.
fn served(said: Option<(&Vec<Spanned<Served>>, Span)>, unsaid: &[Served]) -> Vec<Served> {
    let mut all: Vec<Served> = said.map_or_else(|| unsaid.to_vec(), |(list, _)| list.iter().map(|one| one.value).collect());
    all.sort_unstable();
    all.dedup();
    all
}
