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

    /// The switches behind the first.
    pub(crate) fn beyond(&self) -> impl Iterator<Item = Dpid> + '_ {
        self.0.iter().map(|link| link.to.dpid)
    }
}
