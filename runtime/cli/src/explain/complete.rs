//! What the view knows of the ends of a flow and the text does not say. Knows nothing of rules.

use std::net::IpAddr;

use compiler::View;
use lang::ast::{Atom, EndTerm, FlowSpec, Term};
use lang::checked::{BuiltIn, Checked, DynamicSource, Kind};
use lang::flow::{End, Flow, Place};
use lang::parse::parse_flow;
use lang::source::SourceMap;
use net::{EtherType, Prefix};

/// Adds place, users and address of the stations that the ends are, where the text is silent.
pub fn flow(flow: &mut Flow, spec: &FlowSpec, view: &View) {
    let family = match flow.headers.dl_type {
        Some(EtherType::IPV6) => Some(Family::V6),
        Some(EtherType::IPV4) | None => Some(Family::V4),
        // What is not IP has no address of IP.
        Some(_) => None,
    };
    end(&mut flow.src, &spec.src, family, view);
    end(&mut flow.dst, &spec.dst, family, view);
}

/// Does so in every line of the tests.
pub fn tests(policy: &mut Checked, view: &View) {
    let mut sources = SourceMap::default();
    for case in policy.tests.iter_mut().flat_map(|test| &mut test.cases) {
        let id = sources.add("FLOW", &*case.flow_text);
        if let (Some(spec), _) = parse_flow(&sources, id) {
            case.flows.iter_mut().for_each(|one| flow(one, &spec, view));
        }
    }
}

/// Of which sort the addresses of a packet are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

fn end(end: &mut End, terms: &[EndTerm], family: Option<Family>, view: &View) {
    let owner = end.address.and_then(|address| view.owner(address));
    // An address in no declared network reads as the internet's, unless a station of the view has it.
    if owner.is_some() && matches!(end.place, Place::Internet(_)) {
        *end = End { address: end.address, ..End::default() };
    }
    let mac = end.mac.or(owner).filter(|_| end.place == Place::Inside);
    let Some(station) = mac.and_then(|mac| view.station(mac)) else { return };
    end.mac = Some(station.mac);
    end.host = end.host.or(station.host);
    end.location = end.location.or(station.location);
    let mut addresses = station.addresses.iter().copied();
    if let Some(family) = family.filter(|_| !says_unaddressed(terms)) {
        let wanted = |address: &IpAddr| address.is_ipv6() == (family == Family::V6);
        end.address = end.address.or_else(|| addresses.find(wanted));
    }
    if end.groups.is_empty() {
        end.groups.clone_from(&station.groups);
    }
    if end.users.is_empty() && !says_users(terms) {
        end.users.clone_from(&station.users);
    }
}

/// True if the text says that it has no address yet: `0.0.0.0`, `::`.
fn says_unaddressed(terms: &[EndTerm]) -> bool {
    let is_unspecified = |prefix: &Prefix| prefix.network().is_unspecified() && prefix.length() > 0;
    terms.iter().any(|term| matches!(term, EndTerm::Term(Term { atom: Atom::Address(prefix), .. }) if is_unspecified(prefix)))
}

/// True if the text says where the end is: `at edge1:1`, `wap1`.
pub fn says_place(policy: &Checked, terms: &[EndTerm]) -> bool {
    let of_places = |kind: Kind| matches!(kind, Kind::Location | Kind::Switch);
    let is_place = |name: &str| {
        policy.locations.iter().any(|location| &*location.name == name)
            || policy.switches.iter().any(|switch| &*switch.name == name)
            || policy.groups.iter().any(|group| &*group.name == name && of_places(group.kind))
    };
    terms.iter().any(|term| match term {
        EndTerm::At(..) | EndTerm::Term(Term { atom: Atom::Port { .. }, .. }) => true,
        EndTerm::Term(Term { kind: Some(kind), .. }) => of_places(kind.value),
        EndTerm::Term(Term { atom: Atom::Name(name), kind: None, .. }) => is_place(&name.text),
        EndTerm::Term(_) | EndTerm::Member { .. } => false,
    })
}

/// True if the text says who is logged in, be it nobody: `user bob`, `none`, `user none`, `unauthenticated`.
pub fn says_users(terms: &[EndTerm]) -> bool {
    terms.iter().any(|term| match term {
        EndTerm::Term(Term { atom: Atom::BuiltIn(BuiltIn::Unauthenticated), .. }) => true,
        EndTerm::Member { of, .. } => of.kind.is_none_or(|kind| kind.value == Kind::User),
        EndTerm::Term(Term { atom: Atom::Dynamic(source), kind, .. }) => {
            !matches!(source, DynamicSource::Tagged(_)) || kind.is_some_and(|kind| kind.value == Kind::User)
        }
        EndTerm::Term(Term { kind, .. }) => kind.is_some_and(|kind| kind.value == Kind::User),
        EndTerm::At(..) => false,
    })
}
