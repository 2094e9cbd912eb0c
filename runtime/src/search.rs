//! The search for a way over switches and stages, a stage being how many middleboxes are passed. Knows nothing of the policy.
//!
//! Ways of least length are told by distances: from each switch to where a middlebox of the next stage is entered, or to the end. They
//! are walked without a search. Only where such a walk comes to a port twice is there a search, a deepening one with a bound on its steps:
//! it takes ways in the order of their length, each switch once in a stage, each port once in each direction.

use std::borrow::Cow;

use net::{Dpid, Location};
use rustc_hash::FxHashMap;

use crate::distance::NOWHERE;
use crate::route::{Constraint, Gate, Hop, NoPath};
use crate::topology::{Link, Topology};

/// Passes through switches that a search for a way without repetition tries. One that takes more is given up as if there were no way.
const STEPS: usize = 4_096;

/// Longer than any way.
const ENDLESS: u32 = u32::MAX;

/// What is looked for, and what is known of how far it is.
pub(crate) struct Search<'a> {
    topology: &'a Topology,
    from: Location,
    to: Location,
    constraint: &'a Constraint<'a>,
    /// For each stage, where it can be left; the last one ends at `to`.
    stages: Vec<Vec<Exit<'a>>>,
}

/// Where a stage is left: into a middlebox, or at the end.
struct Exit<'a> {
    gate: Gate,
    /// Links from each switch to this one.
    distances: Cow<'a, [u16]>,
    /// Passes through switches that are left after it.
    rest: u32,
}

/// A packet at a switch.
#[derive(Clone, Copy)]
struct Packet {
    at: Location,
    stage: usize,
}

/// A step that a packet can take: out of a port, and where it is then. Nothing behind the last one.
#[derive(Clone, Copy)]
struct Move {
    out: Location,
    next: Option<Packet>,
    /// Passes through switches that are left after it, at least.
    rest: u32,
}

/// A deepening search.
struct Effort {
    hops: Vec<Hop>,
    stages: Vec<usize>,
    steps: usize,
    /// Least length that was too long.
    beyond: u32,
}

impl<'a> Search<'a> {
    /// Prepares a search; each stage has an instance.
    pub(crate) fn new(
        topology: &'a mut Topology,
        (from, to): (Location, Location),
        boxes: &[Vec<Gate>],
        constraint: &'a Constraint<'a>,
    ) -> Search<'a> {
        let end = vec![Gate { inside: to, outside: to }];
        let gates: Vec<&Vec<Gate>> = boxes.iter().chain([&end]).collect();
        let usable = |link: &Link| !constraint.avoided.has_link(link);
        let filter: Option<&dyn Fn(&Link) -> bool> = if constraint.avoided.is_empty() { None } else { Some(&usable) };
        if filter.is_none() {
            let roots: Vec<Dpid> = gates.iter().flat_map(|gates| gates.iter()).map(|gate| gate.inside.dpid).collect();
            topology.prepare(&roots);
        }
        let topology: &'a Topology = topology;
        let mut search = Search { topology, from, to, constraint, stages: Vec::new() };
        // From the end to the start, as what is left after a stage is told by the next.
        let mut stages: Vec<Vec<Exit<'a>>> = Vec::new();
        for gates in gates.iter().rev() {
            let exits = gates.iter().map(|gate| Exit {
                gate: *gate,
                distances: topology.distances(gate.inside.dpid, filter),
                rest: stages.last().map_or(0, |next| search.least(next, gate.outside.dpid)),
            });
            let exits = exits.collect();
            stages.push(exits);
        }
        stages.reverse();
        search.stages = stages;
        search
    }

    /// A shortest way, or why there is none.
    pub(crate) fn run(&self) -> Result<Vec<Hop>, NoPath> {
        let start = Packet { at: self.from, stage: 0 };
        let least = self.left(start.at.dpid, 0);
        if least == ENDLESS {
            return Err(self.unreachable());
        }
        let hops = self.walk(start);
        let Some(at) = repeated(&hops) else { return Ok(hops) };
        let mut effort = Effort { hops: Vec::new(), stages: Vec::new(), steps: STEPS, beyond: ENDLESS };
        let mut limit = least;
        while !self.deepen(start, limit, &mut effort) {
            if effort.steps == 0 || effort.beyond == ENDLESS {
                return Err(NoPath::Ambiguous(at));
            }
            limit = std::mem::replace(&mut effort.beyond, ENDLESS);
        }
        Ok(effort.hops)
    }

    /// Passes through switches from here to the end, at least, if a stage is left by one of these.
    fn least(&self, exits: &[Exit<'_>], dpid: Dpid) -> u32 {
        exits.iter().map(|exit| self.by(exit, dpid)).min().unwrap_or(ENDLESS)
    }

    fn by(&self, exit: &Exit<'_>, dpid: Dpid) -> u32 {
        match self.topology.distance(&exit.distances, dpid) {
            NOWHERE => ENDLESS,
            links => exit.rest.saturating_add(u32::from(links) + 1),
        }
    }

    fn left(&self, dpid: Dpid, stage: usize) -> u32 {
        self.stages.get(stage).map_or(ENDLESS, |exits| self.least(exits, dpid))
    }

    /// A shortest way, whatever ports it passes twice.
    fn walk(&self, start: Packet) -> Vec<Hop> {
        let mut hops = Vec::new();
        let mut next = Some(start);
        while let Some(packet) = next {
            let Some(step) = self.moves(packet).first().copied() else { return hops };
            hops.push(Hop { dpid: packet.at.dpid, in_port: packet.at.port, out_port: step.out.port });
            next = step.next;
        }
        hops
    }

    /// What a packet can do next: shortest first, and equals in the order of the conversation.
    fn moves(&self, packet: Packet) -> Vec<Move> {
        let dpid = packet.at.dpid;
        let is_last = packet.stage + 1 == self.stages.len();
        let exits = self.stages.get(packet.stage).into_iter().flatten().filter(|exit| exit.gate.inside.dpid == dpid);
        let mut moves: Vec<Move> = exits
            .map(|exit| Move {
                out: exit.gate.inside,
                next: (!is_last).then_some(Packet { at: exit.gate.outside, stage: packet.stage + 1 }),
                rest: exit.rest,
            })
            .collect();
        let links = self.topology.links_from(dpid);
        moves.extend(links.iter().filter(|link| !self.constraint.avoided.has_link(link)).map(|link| Move {
            out: link.from,
            next: Some(Packet { at: link.to, stage: packet.stage }),
            rest: self.left(link.to.dpid, packet.stage),
        }));
        moves.retain(|step| step.rest != ENDLESS);
        // Stable: of equals, the middlebox here is first, then lower neighbours and ports.
        moves.sort_by_key(|step| step.rest);
        if let (Some(spread), Some(first)) = (self.constraint.spread, moves.first()) {
            let equal = moves.iter().take_while(|step| step.rest == first.rest).count();
            if let Some(equals) = moves.get_mut(..equal) {
                equals.rotate_left(spread.choice(dpid, packet.stage, equal));
            }
        }
        moves
    }

    /// How many ways are as short as the shortest, whatever ports they pass twice.
    pub(crate) fn count(&self) -> u64 {
        self.count_from(Packet { at: self.from, stage: 0 }, &mut FxHashMap::default())
    }

    fn count_from(&self, packet: Packet, known: &mut FxHashMap<(Dpid, usize), u64>) -> u64 {
        let state = (packet.at.dpid, packet.stage);
        if let Some(count) = known.get(&state) {
            return *count;
        }
        let least = self.left(packet.at.dpid, packet.stage);
        let steps = self.moves(packet).into_iter().take_while(|step| step.rest.saturating_add(1) == least);
        let counts = steps.map(|step| step.next.map_or(1, |next| self.count_from(next, known)));
        let count = counts.fold(0, u64::saturating_add);
        known.insert(state, count);
        count
    }

    /// Looks for a way of at most this length from here that comes to no port twice. False if there is none, or steps are used up.
    fn deepen(&self, packet: Packet, limit: u32, effort: &mut Effort) -> bool {
        let Some(left) = effort.steps.checked_sub(1) else { return false };
        effort.steps = left;
        let gone = u32::try_from(effort.hops.len()).unwrap_or(ENDLESS).saturating_add(1);
        for step in self.moves(packet) {
            let length = gone.saturating_add(step.rest);
            if length > limit {
                effort.beyond = effort.beyond.min(length);
                return false;
            }
            if !effort.is_fresh(packet, &step) {
                continue;
            }
            effort.hops.push(Hop { dpid: packet.at.dpid, in_port: packet.at.port, out_port: step.out.port });
            effort.stages.push(packet.stage);
            let found = match step.next {
                None => true,
                Some(next) => self.deepen(next, limit, effort),
            };
            if found {
                return true;
            }
            effort.hops.pop();
            effort.stages.pop();
        }
        false
    }

    /// Between which switches there is no way.
    fn unreachable(&self) -> NoPath {
        let mut starts = vec![self.from.dpid];
        for exits in &self.stages {
            let reached =
                |exit: &&Exit<'_>| starts.iter().any(|start| self.topology.distance(&exit.distances, *start) != NOWHERE);
            let next: Vec<Dpid> = exits.iter().filter(reached).map(|exit| exit.gate.outside.dpid).collect();
            if next.is_empty() {
                let from = starts.first().copied().unwrap_or(self.from.dpid);
                let to = exits.first().map_or(self.to.dpid, |exit| exit.gate.inside.dpid);
                let plain = self.constraint.avoided.is_empty();
                return if plain { NoPath::Unreachable { from, to } } else { NoPath::Avoiding { from, to } };
            }
            starts = next;
        }
        NoPath::Unreachable { from: self.from.dpid, to: self.to.dpid }
    }
}

impl Effort {
    /// True if the way has not come in at the packet's port before, nor gone out where the step goes, nor been at the next switch
    /// in its stage.
    fn is_fresh(&self, packet: Packet, step: &Move) -> bool {
        let again = |hop: &Hop| {
            let here = hop.dpid == packet.at.dpid;
            here && (hop.in_port == packet.at.port || hop.out_port == step.out.port)
        };
        let there = |next: Packet| {
            let mut passes = self.hops.iter().zip(&self.stages);
            passes.any(|(hop, stage)| *stage == next.stage && hop.dpid == next.at.dpid)
                || (next.stage == packet.stage && next.at.dpid == packet.at.dpid)
        };
        !self.hops.iter().any(again) && !step.next.is_some_and(there)
    }
}

/// A port that packets of either direction would come in on twice.
pub(crate) fn repeated(hops: &[Hop]) -> Option<Location> {
    hops.iter().enumerate().find_map(|(place, hop)| {
        let mut others = hops.iter().take(place).filter(|other| other.dpid == hop.dpid);
        let again = others.find_map(|other| match () {
            () if other.in_port == hop.in_port => Some(hop.in_port),
            () if other.out_port == hop.out_port => Some(hop.out_port),
            () => None,
        });
        again.map(|port| Location::new(hop.dpid, port))
    })
}
