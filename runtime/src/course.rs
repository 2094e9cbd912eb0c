//! Where the packets of one conversation go: the way from end to end with the copies for those who watch it, or a tree to all who get
//! what is for everybody. Knows nothing of entries.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lang::checked::MiddleboxId;
use net::{Dpid, Location, PortNo};

use crate::failover::Detour;
use crate::route::{self, Hop, NoPath};
use crate::topology::{Link, Topology};

/// Where packets of both directions go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// The way from initiator to responder; empty for a denial and for a tree.
    pub hops: Vec<Hop>,
    /// What few conversations have.
    pub beside: Option<Box<Beside>>,
}

/// What there is beside a way that both directions share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The way of the replies, if it is not the same the other way round.
    pub back: Option<Vec<Hop>>,
    /// Copies of what the initiator sends.
    pub copies: Vec<Branch>,
    /// Copies of the replies.
    pub copies_back: Vec<Branch>,
    /// Where packets go in place of a way, if they are for many.
    pub tree: Option<Tree>,
    /// What switches do by themselves where a link of the way is down.
    pub detours: Vec<Detour>,
    /// The same for the replies.
    pub detours_back: Vec<Detour>,
}

/// Where packets go that are for many: to each switch by a shortest way, and from there out of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Ascending. All that come in at a switch come in at one port.
    pub branches: Vec<Branch>,
    /// Those ports of branches where packets leave the network.
    pub leaves: BTreeSet<Location>,
    /// Somebody may be kept out: whoever comes to a port, or goes, has to be asked about.
    pub selective: bool,
}

/// Packets that come in here go out there, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// Where they come in.
    pub at: Location,
    /// Where they go out; the same port if they turn round.
    pub out: PortNo,
}

impl Course {
    /// One way for both directions.
    #[must_use]
    pub fn along(hops: Vec<Hop>) -> Course {
        Course { hops, beside: None }
    }

    /// A tree, and no way back.
    #[must_use]
    pub fn spread(tree: Tree) -> Course {
        Course { hops: Vec::new(), beside: Some(Box::new(Beside { tree: Some(tree), ..Beside::default() })) }
    }

    /// The tree, if it is one.
    #[must_use]
    pub fn tree(&self) -> Option<&Tree> {
        self.beside.as_ref()?.tree.as_ref()
    }

    /// All detours, of both directions.
    pub fn detours(&self) -> impl Iterator<Item = &Detour> {
        self.beside.iter().flat_map(|beside| beside.detours.iter().chain(&beside.detours_back))
    }

    /// The same without detours.
    #[must_use]
    pub fn unguarded(mut self) -> Course {
        if let Some(beside) = &mut self.beside {
            (beside.detours, beside.detours_back) = (Vec::new(), Vec::new());
        }
        self.beside = self.beside.filter(|beside| **beside != Beside::default());
        self
    }

    /// True if packets go the same way, whatever is done where a link is down.
    #[must_use]
    pub fn is_same_way(&self, other: &Course) -> bool {
        self.clone().unguarded() == other.clone().unguarded()
    }

    /// The way of the replies.
    #[must_use]
    pub fn back(&self) -> Vec<Hop> {
        let own = self.beside.as_ref().and_then(|beside| beside.back.clone());
        own.unwrap_or_else(|| route::reverse(&self.hops))
    }

    /// Where the initiator's packets leave the network, if they do.
    #[must_use]
    pub fn leaves_at(&self) -> Option<Location> {
        self.hops.last().map(|hop| Location::new(hop.dpid, hop.out_port))
    }

    /// Every pass through a switch, of either direction and of copies.
    pub fn passes(&self) -> impl Iterator<Item = Hop> + '_ {
        let beside = self.beside.as_deref();
        let back = beside.and_then(|beside| beside.back.as_deref()).unwrap_or(&[]);
        let branches = beside.into_iter().flat_map(move |beside| {
            let of_tree = beside.tree.as_ref().map_or(&[][..], |tree| &tree.branches);
            beside.copies.iter().chain(&beside.copies_back).chain(of_tree)
        });
        let detours = self.detours().flat_map(Detour::passes);
        self.hops.iter().chain(back).copied().chain(branches.map(Branch::hop)).chain(detours)
    }

    /// How many switches the initiator's packets pass.
    #[must_use]
    pub fn switches(&self) -> usize {
        self.tree().map_or(self.hops.len(), |tree| tree.entrances().len())
    }
}

impl Tree {
    /// A tree of shortest ways from this port to these, without those that cannot be reached.
    #[must_use]
    pub fn grown(topology: &Topology, root: Location, to: &BTreeSet<Location>, usable: impl Fn(&Link) -> bool) -> Tree {
        let reached = Reached::from(topology, std::iter::once(root), usable);
        let mut branches = BTreeSet::new();
        let mut leaves = BTreeSet::new();
        for leaf in to {
            if let Some(way) = reached.branch(*leaf) {
                branches.extend(way);
                leaves.insert(*leaf);
            }
        }
        Tree { branches: branches.into_iter().collect(), leaves, selective: false }
    }

    /// Where packets come in, switch by switch.
    #[must_use]
    pub fn entrances(&self) -> BTreeMap<Dpid, PortNo> {
        self.branches.iter().map(|branch| (branch.at.dpid, branch.at.port)).collect()
    }

    /// True if packets come in at the same port at every switch that is in both: no mix of their entries is a loop.
    #[must_use]
    pub fn agrees(&self, other: &Tree) -> bool {
        let own = self.entrances();
        other.entrances().iter().all(|(dpid, port)| own.get(dpid).is_none_or(|own| own == port))
    }

    /// What is in both, of two that agree.
    #[must_use]
    pub fn common(&self, other: &Tree) -> Tree {
        let branches = self.branches.iter().copied().filter(|branch| other.branches.binary_search(branch).is_ok()).collect();
        Tree { branches, leaves: &self.leaves & &other.leaves, selective: other.selective }
    }
}

impl Branch {
    fn hop(&self) -> Hop {
        Hop { dpid: self.at.dpid, in_port: self.at.port, out_port: self.out }
    }
}

/// Copies of what takes this way, one for each middlebox, which gets it on one of its ports: it goes to the nearest, leaves the way where that is nearest, and
/// keeps off the ports that the way comes in on, so that no switch takes a copy for a packet of the way.
///
/// # Errors
/// All ports of a middlebox are down, or cannot be reached so.
pub fn copies(
    topology: &Topology,
    hops: &[Hop],
    watchers: &[(MiddleboxId, Vec<Location>)],
    usable: &dyn Fn(&Link) -> bool,
) -> Result<Vec<Branch>, NoPath> {
    let mut taken: BTreeSet<Location> = hops.iter().map(|hop| Location::new(hop.dpid, hop.in_port)).collect();
    let mut branches = Vec::new();
    for (id, ports) in watchers {
        let up: Vec<Location> = ports.iter().copied().filter(|port| topology.is_up(*port)).collect();
        let to = *up.first().ok_or(NoPath::MiddleboxDown(*id))?;
        let leaves = hops.iter().map(|hop| Location::new(hop.dpid, hop.in_port));
        let tree = Reached::from(topology, leaves, |link| usable(link) && !taken.contains(&link.to));
        let from = hops.first().map_or(to.dpid, |hop| hop.dpid);
        let nearest = up.iter().filter_map(|port| tree.branch(*port)).min_by_key(Vec::len);
        let branch = nearest.ok_or(NoPath::Unreachable { from, to: to.dpid })?;
        taken.extend(branch.iter().skip(1).map(|branch| branch.at));
        branches.extend(branch);
    }
    Ok(branches)
}

/// For each switch that can be reached: where packets come in there first, and from which link, if not from outside.
struct Reached(BTreeMap<Dpid, (Location, Option<Link>)>);

impl Reached {
    /// Grown breadth first from several ports at once; of equals, the first port and then lower dpids and ports.
    fn from(topology: &Topology, from: impl Iterator<Item = Location>, usable: impl Fn(&Link) -> bool) -> Reached {
        let mut reached = BTreeMap::new();
        let mut open = VecDeque::new();
        for at in from {
            if let Entry::Vacant(entry) = reached.entry(at.dpid) {
                entry.insert((at, None));
                open.push_back(at.dpid);
            }
        }
        while let Some(dpid) = open.pop_front() {
            for link in topology.links_from(dpid).into_iter().filter(|link| usable(link)) {
                if let Entry::Vacant(entry) = reached.entry(link.to.dpid) {
                    entry.insert((link.to, Some(link)));
                    open.push_back(link.to.dpid);
                }
            }
        }
        Reached(reached)
    }

    /// The branches to a port, root first; nothing if its switch is not reached.
    fn branch(&self, to: Location) -> Option<Vec<Branch>> {
        let mut branches = Vec::new();
        let mut out = to;
        loop {
            let (at, link) = *self.0.get(&out.dpid)?;
            branches.push(Branch { at, out: out.port });
            match link {
                Some(link) => out = link.from,
                None => break,
            }
        }
        branches.reverse();
        Some(branches)
    }
}
