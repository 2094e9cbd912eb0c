//! Ways around single links: where the next link of a way is down, its switch sends packets another way by itself, which comes back to
//! the way behind that link. What stands between the ends stays there: a detour leaves out no middlebox and comes to none. Knows nothing
//! of groups or entries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use net::{Dpid, Location, PortNo};

use crate::route::Hop;
use crate::topology::{Link, Topology};

/// Links of one detour, at most: each is an entry more.
const LONGEST: usize = 3;

/// A way around one link of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Where the packets come in that the link would take.
    pub at: Location,
    /// The port of the link, and the one that stands in for it.
    pub ports: [PortNo; 2],
    /// Switches between.
    pub hops: Vec<Hop>,
    /// Where packets come back to the way.
    pub joins: Location,
    /// They go on as those that come in at this port there.
    pub like: PortNo,
}

impl Detour {
    /// Every pass through a switch; of the last, in and out are where packets of the way come in.
    pub fn passes(&self) -> impl Iterator<Item = Hop> + '_ {
        let leaves = Hop { dpid: self.at.dpid, in_port: self.at.port, out_port: self.ports[1] };
        let joins = Hop { dpid: self.joins.dpid, in_port: self.joins.port, out_port: self.like };
        std::iter::once(leaves).chain(self.hops.iter().copied()).chain(std::iter::once(joins))
    }

    /// True if its packets come in there.
    fn comes_by(&self, at: Location) -> bool {
        self.joins == at || self.hops.iter().any(|hop| entrance(hop) == at)
    }

    /// Switches that need an entry more.
    pub fn switches(&self) -> impl Iterator<Item = Dpid> + '_ {
        self.hops.iter().map(|hop| hop.dpid).chain(std::iter::once(self.joins.dpid))
    }
}

/// Detours for the links of a way, shortest ones, over links that are usable. Where two of them come in at one port of a switch they go
/// on alike, and none comes in where the way does: no entry stands for two things.
#[must_use]
pub fn detours(topology: &Topology, hops: &[Hop], usable: &dyn Fn(&Link) -> bool) -> Vec<Detour> {
    let way: BTreeSet<Location> = hops.iter().map(entrance).collect();
    let mut found: Vec<Detour> = Vec::new();
    for (place, hop) in hops.iter().enumerate() {
        if topology.link_at(exit(hop)).is_none() {
            continue;
        }
        let free = |link: &Link| usable(link) && !way.contains(&link.to);
        let search = Search { topology, hop, to: stage(topology, hops, place + 1), free: &free, others: &found };
        found.extend(search.run());
    }
    found
}

/// The hops from this one to the next middlebox, or to the end.
fn stage<'a>(topology: &Topology, hops: &'a [Hop], from: usize) -> &'a [Hop] {
    let rest = hops.get(from..).unwrap_or(&[]);
    let last = rest.iter().position(|hop| topology.link_at(exit(hop)).is_none());
    rest.get(..last.map_or(rest.len(), |last| last + 1)).unwrap_or(rest)
}

/// Breadth first from the switch of a hop to one of those behind it, without the hop's own link.
struct Search<'a> {
    topology: &'a Topology,
    hop: &'a Hop,
    to: &'a [Hop],
    free: &'a dyn Fn(&Link) -> bool,
    /// Detours of links before.
    others: &'a [Detour],
}

impl Search<'_> {
    fn run(&self) -> Option<Detour> {
        let mut before: BTreeMap<Dpid, Link> = BTreeMap::new();
        let mut open = VecDeque::from([(self.hop.dpid, 0)]);
        while let Some((dpid, length)) = open.pop_front() {
            for link in self.topology.links_from(dpid).into_iter().filter(|link| (self.free)(link)) {
                // A switch sends nothing back from a group to where it came in.
                let first = dpid == self.hop.dpid && (link.from.port == self.hop.in_port || link.from.port == self.hop.out_port);
                if first || link.to.dpid == self.hop.dpid || before.contains_key(&link.to.dpid) {
                    continue;
                }
                if let Some(other) = self.others.iter().find(|other| other.comes_by(link.to)) {
                    if let Some(detour) = self.along(other, &before, link) {
                        return Some(detour);
                    }
                    continue;
                }
                match self.to.iter().find(|hop| hop.dpid == link.to.dpid) {
                    Some(joined) if joined.out_port == link.to.port => {}
                    Some(joined) => return Some(self.detour(&before, link, &[], (link.to, joined.in_port))),
                    None if length + 1 < LONGEST => {
                        before.insert(link.to.dpid, link);
                        open.push_back((link.to.dpid, length + 1));
                    }
                    None => {}
                }
            }
        }
        None
    }

    /// The rest of another detour, from where this link comes in: if it ends behind this hop, in front of the same middlebox.
    fn along(&self, other: &Detour, before: &BTreeMap<Dpid, Link>, link: Link) -> Option<Detour> {
        let place = other.hops.iter().position(|hop| entrance(hop) == link.to).unwrap_or(other.hops.len());
        let rest = other.hops.get(place..)?;
        let ends = self.to.iter().any(|hop| (hop.dpid, hop.in_port) == (other.joins.dpid, other.like));
        let apart = rest.iter().all(|hop| hop.dpid != self.hop.dpid);
        (ends && apart).then(|| self.detour(before, link, rest, (other.joins, other.like)))
    }

    fn detour(&self, before: &BTreeMap<Dpid, Link>, last: Link, rest: &[Hop], (joins, like): (Location, PortNo)) -> Detour {
        let (mut hops, mut link) = (Vec::new(), last);
        while let Some(earlier) = before.get(&link.from.dpid) {
            hops.push(Hop { dpid: link.from.dpid, in_port: earlier.to.port, out_port: link.from.port });
            link = *earlier;
        }
        hops.reverse();
        hops.extend(rest);
        Detour { at: entrance(self.hop), ports: [self.hop.out_port, link.from.port], hops, joins, like }
    }
}

fn entrance(hop: &Hop) -> Location {
    Location::new(hop.dpid, hop.in_port)
}

fn exit(hop: &Hop) -> Location {
    Location::new(hop.dpid, hop.out_port)
}
