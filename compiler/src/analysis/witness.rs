//! From areas to flows: a point of an area that there can be, and the flow that it stands for. Knows nothing of rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lang::checked::{GatewayId, HostId};
use lang::flow::{End, Flow, Headers, Person, Place, Side};
use lang::flowspec::usual_address;
use net::{EtherType, MacAddr, Transport};

use super::area::{Area, Attr, Bits};
use super::space::{ADDRESS, AT, DSCP, Login, Near, PACKET, SOURCE, Space, TAG, TIME, USER, WHO, Who, end_attr};
use super::walk::{Stopped, pay_for, spend, step};

/// So many machines are looked at in one step to find those that an end may be.
const WHOS_OF_A_STEP: u64 = 32;

/// One class of each attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point(Vec<usize>);

/// Xorshift64, seeded: which of many flows is taken for an example.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).unwrap_or(0)
    }
}

impl Point {
    fn set(&mut self, attr: Attr, class: usize) {
        if let Some(slot) = self.0.get_mut(usize::from(attr.0)) {
            *slot = class;
        }
    }

    /// True if the area has it.
    pub(super) fn is_in(&self, area: &Area) -> bool {
        area.parts().all(|(attr, bits)| bits.has(self.class(attr)))
    }

    pub(super) fn class(&self, attr: Attr) -> usize {
        self.0.get(usize::from(attr.0)).copied().unwrap_or(0)
    }
}

impl Space<'_> {
    /// A flow of the area that there can be: the first one, or any if there are dice. Nothing if there is none.
    pub(super) fn find(&self, area: &Area, steps: &mut u64, mut dice: Option<&mut Dice>) -> Result<Option<Point>, Stopped> {
        // Where rules tell addresses apart, an odd flow is better than none.
        let usual = if self.addresses.len() > 1 { self.odd.as_slice() } else { &[] };
        match self.find_but(area, usual, steps, dice.as_deref_mut())? {
            None if !usual.is_empty() => self.find_but(area, &[], steps, dice),
            found => Ok(found),
        }
    }

    /// A flow of the area that there can be, if the dice are lucky: no search, and no proof if there is none.
    pub(super) fn guess(&self, area: &Area, dice: &mut Dice) -> Option<Point> {
        let point = self.point(area, Some(dice));
        (!self.forbidden.iter().any(|row| point.is_in(row))).then_some(point)
    }

    /// A flow of the area near another one, outside of whichever of some areas that one is in; with luck one that there can be.
    pub(super) fn step_out(&self, from: &Point, area: &Area, around: &[Area], dice: &mut Dice) -> Option<Point> {
        let inside = around.iter().find(|one| from.is_in(one))?;
        let ways: Vec<(Attr, Bits)> = inside
            .parts()
            .map(|(attr, bits)| (attr, area.get(attr).cloned().unwrap_or_else(|| self.full(attr)).minus(bits)))
            .filter(|(_, out)| !out.is_empty())
            .collect();
        let (attr, out) = ways.get(dice.below(ways.len()))?;
        let mut point = from.clone();
        point.set(*attr, out.nth(dice.below(out.count())).unwrap_or(0));
        (!self.forbidden.iter().any(|row| point.is_in(row))).then_some(point)
    }

    fn find_but(
        &self,
        area: &Area,
        but: &[Area],
        steps: &mut u64,
        mut dice: Option<&mut Dice>,
    ) -> Result<Option<Point>, Stopped> {
        if self.view().is_none() {
            return self.find_near(area, but, steps, dice);
        }
        // In a view every machine has rows of its own: rather one pair after the other than all rows of all of them.
        let [srcs, dsts] = [self.ends_of(area, Side::Src, steps)?, self.ends_of(area, Side::Dst, steps)?];
        for src in &srcs {
            let Some(from) = self.with_who(area, Side::Src, *src, steps)? else { continue };
            let (itself, others): (Vec<usize>, Vec<usize>) = dsts.iter().partition(|dst| *dst == src);
            for dst in others.into_iter().chain(itself) {
                step(steps)?;
                let Some(pair) = self.with_who(&from, Side::Dst, dst, steps)? else { continue };
                if let Some(point) = self.find_near(&pair, but, steps, dice.as_deref_mut())? {
                    return Ok(Some(point));
                }
            }
        }
        Ok(None)
    }

    /// Who an end of an area may be, whoever the other one is.
    fn ends_of(&self, area: &Area, side: Side, steps: &mut u64) -> Result<Vec<usize>, Stopped> {
        let of_area = area.get(end_attr(side, WHO));
        let mut found = Vec::new();
        spend(steps, self.whos.len() as u64 / WHOS_OF_A_STEP)?;
        for who in (0..self.whos.len()).filter(|who| of_area.is_none_or(|bits| bits.has(*who))) {
            if self.with_who(area, side, who, steps)?.is_some() {
                step(steps)?;
                found.push(who);
            }
        }
        Ok(found)
    }

    fn find_near(&self, area: &Area, but: &[Area], steps: &mut u64, dice: Option<&mut Dice>) -> Result<Option<Point>, Stopped> {
        let Some(Near { area, mut rows }) = self.near(area, steps)? else { return Ok(None) };
        rows.extend(but);
        self.find_beyond(area, &rows, steps, dice)
    }

    /// A flow of the area in none of some rows.
    fn find_beyond(
        &self,
        area: Area,
        rows: &[&Area],
        steps: &mut u64,
        mut dice: Option<&mut Dice>,
    ) -> Result<Option<Point>, Stopped> {
        let mut open = vec![(area, 0)];
        'areas: while let Some((mut area, start)) = open.pop() {
            for (place, row) in rows.iter().enumerate().skip(start) {
                step(steps)?;
                if !area.meets(row) {
                    continue;
                }
                // Where there is one way out, it is taken on the spot.
                if let Some(attr) = area.only_beyond(row) {
                    area.take_out(attr, row, |attr| self.full(attr));
                    continue;
                }
                let mut pieces = self.minus(&area, row);
                pay_for(&pieces, steps)?;
                match dice.as_deref_mut() {
                    Some(dice) if !pieces.is_empty() => {
                        let turn = dice.below(pieces.len());
                        pieces.rotate_left(turn);
                    }
                    Some(_) | None => pieces.sort_by_key(|piece| self.oddness(piece)),
                }
                open.extend(pieces.into_iter().rev().map(|piece| (piece, place + 1)));
                continue 'areas;
            }
            return Ok(Some(self.point(&area, dice)));
        }
        Ok(None)
    }

    /// How far the flows of an area are from the plainest: from nobody, at no port, in an IP packet without a tag, with an address.
    fn oddness(&self, area: &Area) -> usize {
        let of = |(attr, bits): (Attr, &Bits)| match attr {
            PACKET => {
                10 * usize::from(!bits.classes().any(|class| self.packets.get(class).is_some_and(|one| one.proto.is_some())))
            }
            _ if [Side::Src, Side::Dst].iter().any(|side| attr == end_attr(*side, ADDRESS)) => {
                usize::from(bits.count() == 1 && bits.has(0))
            }
            _ => usize::from(!bits.has(0)),
        };
        area.parts().map(of).sum()
    }

    fn point(&self, area: &Area, mut dice: Option<&mut Dice>) -> Point {
        let mut classes = vec![0; self.attributes()];
        for (place, class) in classes.iter_mut().enumerate() {
            let attr = Attr(u16::try_from(place).unwrap_or(u16::MAX));
            let turn = |count: usize, dice: Option<&mut Dice>| dice.map_or(0, |dice| dice.below(count));
            *class = match area.get(attr) {
                Some(bits) => {
                    let turn = turn(bits.count(), dice.as_deref_mut());
                    bits.nth(turn).unwrap_or(0)
                }
                // What nobody asks for is as plain as can be, so that guesses are seldom of what cannot be.
                None if usize::from(attr.0) >= 9 || (usize::from(attr.0) % 4) % 2 == 0 => 0,
                None => turn(self.size(attr), dice.as_deref_mut()),
            };
        }
        let mut point = Point(classes);
        if dice.is_none() {
            self.read_well(area, &mut point);
        }
        point
    }

    /// Of what is left open takes what reads best: another machine for the responder, hosts' own addresses, addresses of the site.
    fn read_well(&self, area: &Area, point: &mut Point) {
        let may = |attr: Attr, class: usize| area.get(attr).is_none_or(|bits| bits.has(class));
        let (from, to) = (end_attr(Side::Src, WHO), end_attr(Side::Dst, WHO));
        if point.class(from) == point.class(to) {
            let other = |attr: Attr| (0..self.whos.len()).find(|class| *class != point.class(attr) && may(attr, *class));
            let is_host = |class: &usize| matches!(self.whos.get(*class), Some(Who::Hosts(_)));
            match (other(to), other(from).filter(is_host)) {
                (Some(class), _) => point.set(to, class),
                (None, Some(class)) => point.set(from, class),
                (None, None) => {}
            }
        }
        for side in [Side::Src, Side::Dst] {
            let attr = end_attr(side, ADDRESS);
            let own = |class: &usize| match (self.whos.get(point.class(end_attr(side, WHO))), self.addresses.get(*class)) {
                (Some(Who::Hosts(hosts)), Some(one)) => owned(hosts, &one.registered).is_some(),
                (Some(Who::Gateway(id)), Some(one)) => {
                    let gateway = self.policy.gateways.get(id.index());
                    gateway.zip(one.sample).is_some_and(|(gateway, address)| gateway.addresses.contains(&address))
                }
                _ => false,
            };
            let inside = |class: &usize| {
                let sample = self.addresses.get(*class).and_then(|one| one.sample);
                sample.is_none() || sample.is_some_and(|address| self.policy.is_inside(address))
            };
            let open: Vec<usize> = (0..self.addresses.len()).filter(|class| may(attr, *class)).collect();
            if let Some(class) = open.iter().find(|class| own(class)).or_else(|| open.iter().find(|class| inside(class))) {
                point.set(attr, *class);
            }
        }
    }

    /// The flow that a point stands for.
    pub(super) fn flow(&self, point: &Point) -> Flow {
        let mut headers = self.packets.get(point.class(PACKET)).copied().unwrap_or_default();
        headers.vlan = self.tags.get(point.class(TAG)).copied().flatten();
        if headers.proto.is_some() {
            headers.dscp = self.dscps.get(point.class(DSCP)).copied();
        }
        if let (Some(Transport::Ports { src, .. }), Some(port)) = (&mut headers.transport, self.sources.get(point.class(SOURCE)))
        {
            *src = *port;
        }
        let src = self.addressed(self.end(Side::Src, point, None), &headers);
        let dst = self.addressed(self.end(Side::Dst, point, src.host), &headers);
        let dst = self.apart(&src, dst);
        Flow { src, dst, headers, time: self.times.get(point.class(TIME)).copied().flatten() }
    }

    /// The responder with the next address, if both ends would have one and no test tells that from this.
    fn apart(&self, src: &End, dst: End) -> End {
        let Some(address) = dst.address.filter(|_| dst.address == src.address) else { return dst };
        let next = match address {
            IpAddr::V4(v4) => v4.to_bits().checked_add(1).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            IpAddr::V6(v6) => v6.to_bits().checked_add(1).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        };
        next.filter(|next| self.are_alike(address, *next)).map_or(dst.clone(), |next| End { address: Some(next), ..dst })
    }

    /// Where no test tells addresses apart, an end has its own in packets that have any: text gives it that.
    fn addressed(&self, mut end: End, headers: &Headers) -> End {
        if self.addresses.len() > 1 || headers.proto.is_none() || end.address.is_some() {
            return end;
        }
        end.address = usual_address(self.policy, &end, headers.dl_type == Some(EtherType::IPV6));
        end
    }

    /// One end of a point; another host than this one, if it may be any of several.
    fn end(&self, side: Side, point: &Point, but: Option<HostId>) -> End {
        let class = |part| point.class(end_attr(side, part));
        let address = self.addresses.get(class(ADDRESS));
        let mut end = End {
            location: self.places.get(class(AT)).copied().flatten(),
            address: address.and_then(|one| one.sample),
            ..End::default()
        };
        let mac = self.macs.get(class(WHO)).copied().flatten();
        match self.whos.get(class(WHO)) {
            Some(Who::Hosts(hosts)) => {
                let owner = address.and_then(|one| owned(hosts, &one.registered));
                let owner = owner.map(|((id, mac), own)| (id, mac, Some(own)));
                let has_own = |id: &HostId| self.policy.hosts.get(id.index()).is_some_and(|host| !host.addresses.is_empty());
                // Text gives a host its own address, if it has one.
                let mut plain = hosts.iter().filter(|(id, _)| end.address.is_some() || self.addresses.len() == 1 || !has_own(id));
                let plain = plain.clone().find(|(id, _)| Some(*id) != but).or(plain.next()).or(hosts.first());
                let any = plain.map(|(id, mac)| (*id, *mac, end.address));
                if let Some((id, mac, own)) = owner.or(any) {
                    (end.host, end.mac, end.address) = (Some(id), Some(mac), own);
                    let pin = self.policy.hosts.get(id.index()).and_then(|host| host.pin);
                    // Where nothing asks for places, a pinned host is at its own all the same.
                    end.location = end.location.or(pin.filter(|_| self.places.len() == 1));
                }
            }
            Some(Who::Stranger(mac)) => end.mac = *mac,
            Some(Who::Gateway(id)) => self.at_gateway(*id, Place::Gateway(*id), mac, &mut end),
            Some(Who::Internet(Some(id))) => self.at_gateway(*id, Place::Internet(Some(*id)), mac, &mut end),
            Some(Who::Internet(None)) => (end.place, end.mac) = (Place::Internet(None), mac),
            Some(Who::Broadcast) => (end.place, end.mac) = (Place::Broadcast, Some(MacAddr::BROADCAST)),
            Some(Who::Multicast) => (end.place, end.mac) = (Place::Multicast, mac),
            Some(Who::Controller) => end.place = Place::Controller,
            None => {}
        }
        let member = |place: usize| point.class(self.dynamic_attr(side, place)) == 1;
        let joined: Vec<_> = self.dynamic.iter().enumerate().filter(|(place, _)| member(*place)).map(|(_, id)| *id).collect();
        let of_users = |id: &lang::checked::GroupId| {
            self.policy.groups.get(id.index()).is_some_and(|group| group.kind == lang::checked::Kind::User)
        };
        let (groups, others): (Vec<_>, Vec<_>) = joined.into_iter().partition(of_users);
        end.groups = others;
        match self.logins.get(class(USER)) {
            Some(Login::Declared(id)) => end.users = vec![Person { user: Some(*id), groups }],
            Some(Login::Stranger) => end.users = vec![Person { user: None, groups }],
            Some(Login::Nobody) | None => {}
        }
        end
    }

    fn at_gateway(&self, id: GatewayId, place: Place, mac: Option<MacAddr>, end: &mut End) {
        let gateway = self.policy.gateways.get(id.index());
        end.place = place;
        end.mac = mac;
        end.location = gateway.map(|gateway| gateway.at);
    }
}

/// The first of these hosts, which are in order, that has registered one of the addresses; and which.
fn owned(hosts: &[(HostId, MacAddr)], registered: &[(HostId, IpAddr)]) -> Option<((HostId, MacAddr), IpAddr)> {
    let places = registered.iter().filter_map(|(owner, address)| {
        let place = hosts.partition_point(|(id, _)| id < owner);
        let host = hosts.get(place).filter(|(id, _)| id == owner)?;
        Some((place, *host, *address))
    });
    places.min_by_key(|(place, ..)| *place).map(|(_, host, address)| (host, address))
}
