//! The plain search: every switch in every stage, a stage being how many boxes are passed. Knows nothing of how the runtime searches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lang::checked::Attachment;
use net::Location;

/// Switches that are there, ports that are up, and cables in use, in both directions.
#[derive(Debug, Default)]
pub struct Network {
    /// Switches.
    pub switches: BTreeSet<u64>,
    /// Ports.
    pub up: BTreeSet<Location>,
    /// From where to where.
    pub links: Vec<(Location, Location)>,
}

/// From which port to which, past which boxes.
#[derive(Debug)]
pub struct Question {
    /// Where it starts.
    pub from: Location,
    /// Where it ends.
    pub to: Location,
    /// What it passes, in this order.
    pub via: Vec<Attachment>,
}

/// Where packets go into a box, and where they come out.
pub fn ports(attachment: &Attachment) -> (Location, Location) {
    match *attachment {
        Attachment::Inline { inside, outside } => (inside, outside),
        Attachment::OneArmed { at } => (at, at),
    }
}

/// At this switch, so many boxes passed.
type State = (u64, usize);

/// How many steps are gone to find a shortest way that comes to a port twice.
const STEPS: usize = 200_000;

impl Network {
    /// How many passes through switches a shortest way takes; nothing if there is none.
    pub fn shortest(&self, question: &Question) -> Option<usize> {
        let distances = self.distances(question)?;
        distances.get(&(question.from.dpid.0, 0)).copied()
    }

    /// From each state that leads to the end how many passes it takes; nothing if a box is down.
    fn distances(&self, question: &Question) -> Option<BTreeMap<State, usize>> {
        let boxes: Vec<(Location, Location)> = question.via.iter().map(ports).collect();
        if boxes.iter().any(|(inside, outside)| !self.up.contains(inside) || !self.up.contains(outside)) {
            return None;
        }
        let end = (question.to.dpid.0, boxes.len());
        if !self.switches.contains(&end.0) {
            return Some(BTreeMap::new());
        }
        let mut distances = BTreeMap::from([(end, 1)]);
        let mut open = VecDeque::from([end]);
        while let Some(state) = open.pop_front() {
            let (dpid, stage) = state;
            let before = self.links.iter().filter(|(_, to)| to.dpid.0 == dpid).map(|(from, _)| (from.dpid.0, stage));
            let past = stage.checked_sub(1).map(|stage| (boxes[stage], stage));
            let past = past.filter(|((_, outside), _)| outside.dpid.0 == dpid).map(|((inside, _), stage)| (inside.dpid.0, stage));
            let next = distances[&state] + 1;
            for earlier in before.chain(past) {
                if let std::collections::btree_map::Entry::Vacant(entry) = distances.entry(earlier) {
                    entry.insert(next);
                    open.push_back(earlier);
                }
            }
        }
        Some(distances)
    }

    /// True if some shortest way comes in at a port twice, or goes out of one twice: which pass it is, no switch could tell.
    pub fn some_shortest_repeats(&self, question: &Question) -> bool {
        self.any_shortest(question, &|ins, outs| twice(ins) || twice(outs))
    }

    /// True if some shortest way does neither.
    pub fn some_shortest_fits(&self, question: &Question) -> bool {
        self.any_shortest(question, &|ins, outs| !(twice(ins) || twice(outs)))
    }

    /// True if for some shortest way this holds of the ports that it comes in at, and of those that it goes out of.
    fn any_shortest(&self, question: &Question, holds: &dyn Fn(&[Location], &[Location]) -> bool) -> bool {
        let Some(distances) = self.distances(question) else { return false };
        let mut steps = STEPS;
        let (mut ins, mut outs) = (vec![question.from], Vec::new());
        self.go(question, &distances, (question.from, 0), &mut (&mut ins, &mut outs), holds, &mut steps)
    }

    fn go(
        &self,
        question: &Question,
        distances: &BTreeMap<State, usize>,
        (packet, stage): (Location, usize),
        (ins, outs): &mut (&mut Vec<Location>, &mut Vec<Location>),
        holds: &dyn Fn(&[Location], &[Location]) -> bool,
        steps: &mut usize,
    ) -> bool {
        let Some(left) = steps.checked_sub(1) else { return false };
        *steps = left;
        let Some(distance) = distances.get(&(packet.dpid.0, stage)) else { return false };
        if *distance == 1 {
            outs.push(question.to);
            let found = holds(ins, outs);
            outs.pop();
            return found;
        }
        let links = self.links.iter().filter(|(from, _)| from.dpid == packet.dpid).map(|(from, to)| (*from, *to, stage));
        let past = question.via.get(stage).map(ports).filter(|(inside, _)| inside.dpid == packet.dpid);
        let past = past.map(|(inside, outside)| (inside, outside, stage + 1));
        for (out, next, stage) in links.chain(past).collect::<Vec<_>>() {
            if distances.get(&(next.dpid.0, stage)).is_some_and(|next| next + 1 == *distance) {
                outs.push(out);
                ins.push(next);
                let found = self.go(question, distances, (next, stage), &mut (&mut **ins, &mut **outs), holds, steps);
                ins.pop();
                outs.pop();
                if found {
                    return true;
                }
            }
        }
        false
    }
}

fn twice(ports: &[Location]) -> bool {
    ports.iter().enumerate().any(|(place, port)| ports[..place].contains(port))
}
