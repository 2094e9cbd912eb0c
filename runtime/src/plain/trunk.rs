//! The links that plain conversations take between switches. Knows nothing of how they are chosen.

use net::{Dpid, Location};

use crate::route::Hop;
use crate::topology::Link;

/// The links from the first switch of a way to its last, in order: one at least, and no switch twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Trunk(pub(crate) Vec<Link>);

impl Trunk {
    /// The way from port to port over these links; within one switch where there are none.
    pub(crate) fn hops(trunk: Option<&Trunk>, from: Location, to: Location) -> Vec<Hop> {
        let links = trunk.map_or(&[][..], |trunk| &trunk.0);
        let enters = std::iter::once(from).chain(links.iter().map(|link| link.to));
        let leaves = links.iter().map(|link| link.from).chain([to]);
        enters.zip(leaves).map(|(enter, leave)| Hop { dpid: enter.dpid, in_port: enter.port, out_port: leave.port }).collect()
    }

    /// The pass of that way through a switch, if it passes.
    pub(crate) fn hop_at(trunk: Option<&Trunk>, from: Location, to: Location, dpid: Dpid) -> Option<Hop> {
        let links = trunk.map_or(&[][..], |trunk| &trunk.0);
        let place = if from.dpid == dpid { 0 } else { links.iter().position(|link| link.to.dpid == dpid)? + 1 };
        let enters = place.checked_sub(1).and_then(|before| links.get(before)).map_or(from, |link| link.to);
        let leaves = links.get(place).map_or(to, |link| link.from);
        Some(Hop { dpid, in_port: enters.port, out_port: leaves.port })
    }

    /// The switches behind the first.
    pub(crate) fn beyond(&self) -> impl Iterator<Item = Dpid> + '_ {
        self.0.iter().map(|link| link.to.dpid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::location;

    #[test]
    fn a_way_passes_each_of_its_switches_once() {
        let link = |a: (u64, u32), b: (u64, u32)| Link { from: location(a.0, a.1), to: location(b.0, b.1) };
        let trunk = Trunk(vec![link((1, 9), (2, 8)), link((2, 9), (3, 8))]);
        let (from, to) = (location(1, 4), location(3, 5));
        let hops = Trunk::hops(Some(&trunk), from, to);
        let ports: Vec<_> = hops.iter().map(|hop| (hop.dpid.0, hop.in_port.0, hop.out_port.0)).collect();
        assert_eq!(ports, [(1, 4, 9), (2, 8, 9), (3, 8, 5)]);
        for hop in hops {
            assert_eq!(Trunk::hop_at(Some(&trunk), from, to, hop.dpid), Some(hop));
        }
        assert_eq!(Trunk::hop_at(Some(&trunk), from, to, Dpid(4)), None);
        let near = location(1, 5);
        assert_eq!(Trunk::hops(None, from, near), [Hop { dpid: Dpid(1), in_port: from.port, out_port: near.port }]);
        assert_eq!(Trunk::hop_at(None, from, near, Dpid(1)).map(|hop| hop.out_port), Some(near.port));
    }
}
