//! A network that is told and not found: declared switches and given cables, with the ways that the daemon would take through them.
//! Knows nothing of flows, nor of who told.

use compiler::template::Template;
use compiler::view::Cable;
use lang::checked::{Attachment, Checked, HostId, MiddleboxId};
use net::{Dpid, Location, Time};

use crate::bind;
use crate::course::Course;
use crate::route::{self, Avoided, Constraint, Hop, NoPath};
use crate::topology::Topology;

/// Switches, middleboxes and the cables between switches, all of them up.
#[derive(Debug, Default)]
pub struct Map {
    topology: Topology,
}

impl Map {
    /// All switches that the policy declares, joined by these cables.
    #[must_use]
    pub fn new(policy: &Checked, cables: &[Cable]) -> Map {
        let mut topology = Topology::default();
        for switch in &policy.switches {
            topology.add_switch(switch.dpid);
        }
        for middlebox in &policy.middleboxes {
            for at in middlebox.attachments.iter().flat_map(Attachment::ports) {
                topology.set_port(at, true);
            }
        }
        for [from, to] in cables {
            topology.set_port(*from, true);
            topology.set_port(*to, true);
            // A link is one that was heard of at both of its ends.
            topology.confirm(*from, *to, Time(0));
            topology.confirm(*to, *from, Time(0));
        }
        Map { topology }
    }

    /// The switch is off, and all that is attached to it is out of reach.
    pub fn remove_switch(&mut self, dpid: Dpid) {
        self.topology.remove_switch(dpid);
    }

    /// The way of a conversation from port to port through middleboxes, in order.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn way(&mut self, policy: &Checked, from: Location, to: Location, via: &[MiddleboxId]) -> Result<Vec<Hop>, NoPath> {
        self.way_under(policy, from, to, via, &Constraint::default())
    }

    /// How many ways are as short as that one.
    pub fn equally_short(&mut self, policy: &Checked, from: Location, to: Location, via: &[MiddleboxId]) -> u64 {
        route::equally_short(&mut self.topology, policy, from, to, via).unwrap_or(0)
    }

    /// The same under constraints.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn way_under(
        &mut self,
        policy: &Checked,
        from: Location,
        to: Location,
        via: &[MiddleboxId],
        constraint: &Constraint<'_>,
    ) -> Result<Vec<Hop>, NoPath> {
        route::way(&mut self.topology, policy, from, to, via, constraint)
    }

    /// Where a conversation from port to port goes, with its replies and copies, bound as its template says. Hosts that it avoids are where the last argument
    /// tells.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn course(
        &mut self,
        policy: &Checked,
        (from, to): (Location, Location),
        template: &Template,
        attached: impl Fn(HostId) -> Vec<Location>,
    ) -> Result<Course, NoPath> {
        let constraint = Constraint { avoided: Avoided::new(&template.duties.avoid, attached), ..Constraint::default() };
        bind::course(&mut self.topology, policy, (from, to), template, constraint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::location;
    use lang::parse::parse;
    use lang::source::SourceMap;

    /// Switches in a row, 1 – 2 – 3, with a middlebox at the second.
    fn policy() -> Checked {
        let text = "switch s1 { dpid 0x1; access 1-8; uplink 9; }\nswitch s2 { dpid 0x2; access 1-7; uplink 8-9; }\n\
                    switch s3 { dpid 0x3; access 1-7; uplink 8; }\nmiddlebox ids { at s2:4; }\n";
        let mut sources = SourceMap::default();
        let id = sources.add("a.pol", text);
        let (file, found) = parse(&sources, id);
        let tree = lang::ast::Policy { files: vec![file], entries: vec![id] };
        lang::check::check(&sources, &tree, found).0.unwrap()
    }

    fn cables() -> [Cable; 2] {
        [[location(1, 9), location(2, 8)], [location(3, 8), location(2, 9)]]
    }

    fn ports(hops: &[Hop]) -> Vec<String> {
        hops.iter().map(|hop| format!("{}>{}>{}", hop.in_port, hop.dpid.0, hop.out_port)).collect()
    }

    #[test]
    fn ways_follow_the_cables_whichever_end_is_told_first() {
        let policy = policy();
        let mut map = Map::new(&policy, &cables());
        let plain = map.way(&policy, location(1, 1), location(3, 1), &[]).unwrap();
        assert_eq!(ports(&plain), ["1>1>9", "8>2>9", "8>3>1"]);
        let watched = map.way(&policy, location(1, 1), location(1, 2), &[MiddleboxId(0)]).unwrap();
        assert_eq!(ports(&watched), ["1>1>9", "8>2>4", "4>2>8", "9>1>2"]);
    }

    #[test]
    fn there_is_no_way_without_a_cable_or_through_a_switch_that_is_off() {
        let policy = policy();
        let unreachable = Err(NoPath::Unreachable { from: Dpid(1), to: Dpid(3) });
        assert_eq!(Map::new(&policy, &cables()[..1]).way(&policy, location(1, 1), location(3, 1), &[]), unreachable);
        let mut map = Map::new(&policy, &cables());
        map.remove_switch(Dpid(2));
        assert_eq!(map.way(&policy, location(1, 1), location(3, 1), &[]), unreachable);
        let boxed = map.way(&policy, location(1, 1), location(1, 2), &[MiddleboxId(0)]);
        assert_eq!(boxed, Err(NoPath::MiddleboxDown(MiddleboxId(0))));
    }
}
