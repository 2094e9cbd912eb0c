//! No flow of a real packet is forbidden: whatever a random view makes of a random packet is a point of the space.

use lang::flow::Flow;

use super::*;
use crate::analysis::packets::sort;
use crate::principal::{Identity, destination, source};
use crate::program::Program;
use crate::program::generate::{self, Draw};
use crate::service::passes;

/// The class of each attribute that the flow is of; several where an attribute does not say which.
fn classes(space: &Space<'_>, flow: &Flow) -> Vec<Vec<usize>> {
    let mut classes = vec![Vec::new(); space.attributes()];
    for side in SIDES {
        let end = flow.end(side);
        let person = end.users.first();
        let record = |end: &End, person: Option<&Person>| space.record(end, person);
        let login = record(&End::default(), person.map(|person| Person { user: person.user, groups: Vec::new() }).as_ref());
        let same = |part: usize, record: &Record| -> Vec<usize> {
            (0..space.records[part].len()).filter(|class| space.records[part][*class] == *record).collect()
        };
        classes[usize::from(end_attr(side, USER).0)] = same(USER, &login);
        let bare = End { host: end.host, mac: end.mac, place: end.place, ..End::default() };
        let who = same(WHO, &record(&bare, None));
        let is_it = |who: &Who| match (who, end.place) {
            (Who::Hosts(hosts), Place::Inside) => hosts.iter().any(|(id, mac)| Some(*id) == end.host && Some(*mac) == end.mac),
            (Who::Stranger(_), Place::Inside) => end.host.is_none(),
            (Who::Gateway(id), place) => place == Place::Gateway(*id),
            (Who::Internet(id), place) => place == Place::Internet(*id),
            (Who::Broadcast, place) => place == Place::Broadcast,
            (Who::Multicast, place) => place == Place::Multicast,
            (Who::Controller, place) => place == Place::Controller,
            _ => false,
        };
        classes[usize::from(end_attr(side, WHO).0)] = who.into_iter().filter(|class| is_it(&space.whos[*class])).collect();
        classes[usize::from(end_attr(side, AT).0)] = places(space, end);
        classes[usize::from(end_attr(side, ADDRESS).0)] = addresses(space, end);
        for (place, id) in space.dynamic.iter().enumerate() {
            let member = end.groups.contains(id) || person.is_some_and(|person| person.groups.contains(id));
            classes[usize::from(space.dynamic_attr(side, place).0)] = vec![usize::from(member)];
        }
    }
    let tests: Vec<&HeaderTest> = space.passing.keys().collect();
    let alike = |one: &Headers, other: &Headers| tests.iter().all(|test| passes(test, one) == passes(test, other));
    let (port, tag) = (flow.headers.transport, flow.headers.vlan);
    let usual = match port {
        Some(Transport::Ports { dst, .. }) => Some(Transport::Ports { src: lang::flowspec::SOURCE_PORT, dst }),
        other => other,
    };
    let dscp = Some(0).filter(|_| flow.headers.proto.is_some());
    let bare = Headers { vlan: None, dscp, transport: usual, ..flow.headers };
    classes[usize::from(PACKET.0)] = (0..space.packets.len())
        .filter(|class| sort(&space.packets[*class]) == sort(&bare) && alike(&space.packets[*class], &bare))
        .collect();
    let tagged = |vlan| Headers { vlan, ..Headers::default() };
    classes[usize::from(TAG.0)] =
        (0..space.tags.len()).filter(|class| alike(&tagged(space.tags[*class]), &tagged(tag))).collect();
    let cell = |starts: &[u16], value: u16| starts.iter().rposition(|start| *start <= value).into_iter().collect::<Vec<_>>();
    let dscps: Vec<u16> = space.dscps.iter().map(|dscp| u16::from(*dscp)).collect();
    classes[usize::from(DSCP.0)] = cell(&dscps, flow.headers.dscp.unwrap_or(0).into());
    // Which source port of a cell stands for it is a matter of taste.
    classes[usize::from(SOURCE.0)] = match port {
        Some(Transport::Ports { .. }) => (0..space.sources.len()).collect(),
        _ => vec![0],
    };
    classes[usize::from(TIME.0)] = (0..space.times.len()).collect();
    classes
}

fn places(space: &Space<'_>, end: &End) -> Vec<usize> {
    if space.places.len() == 1 {
        return vec![0];
    }
    let exact: Vec<usize> = (0..space.places.len()).filter(|class| space.places[*class] == end.location).collect();
    if !exact.is_empty() || end.location.is_none() {
        return exact;
    }
    let record = space.record(&End { location: end.location, ..End::default() }, None);
    let named: HashSet<Location> = space.policy.gateways.iter().map(|gateway| gateway.at).collect();
    let plain = |at: Option<Location>| at.is_some_and(|at| !named.contains(&at));
    (0..space.places.len()).filter(|class| space.records[AT][*class] == record && plain(space.places[*class])).collect()
}

fn addresses(space: &Space<'_>, end: &End) -> Vec<usize> {
    if space.addresses.len() == 1 {
        return vec![0];
    }
    let Some(address) = end.address else { return vec![0] };
    let registered = space.policy.host_of_address(address).is_some();
    let directed = space.policy.directed_broadcasts().any(|other| other == address);
    let told = space.told(address, registered, directed);
    let owned = |address: IpAddr| space.view.is_some_and(|view| view.owner(address).is_some());
    let fits = |class: &usize| {
        let one = &space.addresses[*class];
        if one.sample.is_some_and(owned) || owned(address) {
            return one.sample == Some(address);
        }
        let own = !registered || one.registered.iter().any(|(_, other)| *other == address);
        own && one.sample.is_some_and(|sample| space.told(sample, !one.registered.is_empty(), one.directed) == told)
    };
    (0..space.addresses.len()).filter(fits).collect()
}

/// Fails, if the flow is of no classes, or a row forbids it.
fn is_a_point(space: &Space<'_>, flow: &Flow, seed: u64) {
    let classes = classes(space, flow);
    let lacking = classes.iter().position(Vec::is_empty);
    assert_eq!(lacking, None, "seed {seed}: no class of attribute for {flow:#?}");
    let in_row = |row: &Area| row.parts().all(|(attr, bits)| classes[usize::from(attr.0)].iter().all(|class| bits.has(*class)));
    if let Some(row) = space.forbidden.iter().find(|row| in_row(row)) {
        panic!("seed {seed}: {row:?} forbids {flow:#?}\n{:?}\n{:#?}", space.policy.groups, space.view);
    }
}

#[test]
fn no_flow_of_a_packet_is_forbidden() {
    let mut known = 0;
    for seed in 0..10_000 {
        let draw = &mut Draw::new(seed);
        let policy = generate::policy(draw);
        let view = generate::view(draw, &policy);
        let Ok(space) = Space::with_fragments(&policy) else { continue };
        for _ in 0..400 {
            let (at, key) = (generate::location(draw), generate::key(draw));
            let (Identity::Known(mut src), Identity::Known(mut dst)) =
                (source(&policy, &view, at, &key), destination(&policy, &view, &key))
            else {
                continue;
            };
            if key.ip.is_none() && matches!(key.dl_type, net::EtherType::IPV4 | net::EtherType::IPV6) {
                // The parser refuses it.
                continue;
            }
            let pin = dst.host.and_then(|id| policy.hosts.get(id.index())).and_then(|host| host.pin);
            if dst.location.is_none() && pin.is_some() {
                // It is not delivered.
                continue;
            }
            src.users.truncate(1);
            dst.users.truncate(1);
            known += 1;
            let flow = Flow { src, dst, headers: Program::headers(&key), time: None };
            is_a_point(&space, &flow, seed);
        }
    }
    assert!(known > 10_000, "{known}");
}

/// The same in the one view that the packet is of; and what is found in a view is a flow of it.
#[test]
fn a_view_forbids_no_flow_of_it_and_every_flow_of_another() {
    let (mut known, mut found) = (0, 0);
    for seed in 0..3_000 {
        let draw = &mut Draw::new(seed);
        let policy = generate::policy(draw);
        let view = generate::view(draw, &policy);
        let Ok(space) = Space::in_view(&policy, &view) else { continue };
        for _ in 0..400 {
            let Some(flow) = crate::analysis::tests::packet(draw, &policy, &view) else { continue };
            if flow.dst.location.is_none() && flow.dst.place == Place::Inside {
                // It is not delivered.
                continue;
            }
            known += 1;
            is_a_point(&space, &flow, seed);
        }
        let mut dice = crate::analysis::witness::Dice::new(seed + 1);
        for _ in 0..20 {
            let point = space.find(&Area::all(), &mut u64::MAX.clone(), Some(&mut dice)).unwrap();
            let Some(flow) = point.map(|point| space.flow(&point)) else { continue };
            for side in SIDES {
                let end = flow.end(side);
                if end.place != Place::Inside {
                    continue;
                }
                found += 1;
                let station = end.mac.and_then(|mac| view.station(mac));
                let station = station.unwrap_or_else(|| panic!("seed {seed}: {end:#?} is no station of {view:#?}"));
                let is_it = (station.host, station.location) == (end.host, end.location);
                let owns = end.address.is_none_or(|address| station.addresses.contains(&address));
                let user = end.users.first();
                let users = user.is_none_or(|user| station.users.iter().any(|one| one.user == user.user))
                    && user.is_none() == station.users.is_empty();
                assert!(is_it && owns && users && end.groups == station.groups, "seed {seed}: {end:#?} {station:#?}");
            }
        }
    }
    assert!(known > 3_000 && found > 3_000, "{known} {found}");
}
