//! Every way through small networks, tried one after the other: the runtime finds a way just if there is one on which each port is
//! passed once in each direction, it is as short as the shortest of them, and it keeps off what it must.

use std::collections::BTreeSet;

use fuzz::mutate::Dice;
use lang::checked::{Attachment, Avoid, HostId, MiddleboxId};
use net::{Dpid, Location, Time};
use runtime::route::{Avoided, Constraint, Hop, NoPath, Stage, path, reverse};
use runtime::topology::Topology;
use tests::at;

use super::search;

/// Networks, and questions to each.
const NETWORKS: u64 = 1_200;
const QUESTIONS: usize = 8;

/// Ports of hosts, and the first of those of boxes and of cables.
const HOSTS: [u32; 2] = [1, 2];
const FIRST_BOX: u32 = 10;
const FIRST_CABLE: u32 = 100;

/// A small network.
struct Small {
    size: u64,
    cables: Vec<(Location, Location)>,
    down: BTreeSet<Location>,
    topology: Topology,
}

/// What is asked.
#[derive(Debug)]
struct Asked {
    from: Location,
    to: Location,
    boxes: Vec<Vec<Attachment>>,
    avoid: Vec<Avoid>,
}

/// How the answers were.
#[derive(Debug, Default)]
struct Told {
    found: usize,
    past_boxes: usize,
    round: usize,
    ambiguous: usize,
    avoided: usize,
    down: usize,
}

impl Small {
    fn drawn(dice: &mut Dice) -> Small {
        let size = 2 + dice.below(4) as u64;
        let mut next = FIRST_CABLE;
        let mut cables = Vec::new();
        let mut join = |a: u64, b: u64| {
            next += 2;
            cables.push((at(a, next), at(b, next + 1)));
        };
        (2..=size)
            .filter(|_| dice.below(15) > 0)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|b| join(1 + dice.below(b as usize - 1) as u64, b));
        for _ in 0..dice.below(3) {
            let (a, b) = (1 + dice.below(size as usize) as u64, 1 + dice.below(size as usize) as u64);
            if a != b {
                join(a, b);
            }
        }
        let mut small = Small { size, cables, down: BTreeSet::new(), topology: Topology::default() };
        for dpid in 1..=size {
            small.topology.add_switch(Dpid(dpid));
            for port in (1..=2).chain(FIRST_BOX..FIRST_BOX + 12) {
                let at = at(dpid, port);
                let up = port < FIRST_BOX || dice.below(12) > 0;
                small.topology.set_port(at, up);
                if !up {
                    small.down.insert(at);
                }
            }
        }
        for (a, b) in &small.cables {
            small.topology.set_port(*a, true);
            small.topology.set_port(*b, true);
            small.topology.confirm(*a, *b, Time(1));
            small.topology.confirm(*b, *a, Time(1));
        }
        small
    }

    fn asked(&self, dice: &mut Dice) -> Asked {
        let size = usize::try_from(self.size).unwrap();
        let any = |dice: &mut Dice| 1 + dice.below(size) as u64;
        let boxes = (0..dice.below(3) as u32).map(|stage| {
            let instances = (0..=dice.below(3) as u32).map(|instance| {
                let port = FIRST_BOX + stage * 6 + instance * 2;
                let inside = at(any(dice), port);
                match dice.below(3) {
                    0 => Attachment::OneArmed { at: inside },
                    1 => Attachment::Inline { inside, outside: Location::new(inside.dpid, net::PortNo(port + 1)) },
                    _ => Attachment::Inline { inside, outside: at(any(dice), port + 1) },
                }
            });
            instances.collect()
        });
        let boxes = boxes.collect();
        let avoid = (0..dice.below(3)).map(|_| match dice.below(4) {
            0 => Avoid::Switch(Dpid(any(dice))),
            1 => Avoid::Host(HostId(u32::try_from(any(dice)).unwrap())),
            2 if !self.cables.is_empty() => Avoid::Port(self.cables[dice.below(self.cables.len())].0),
            _ => Avoid::Port(at(any(dice), FIRST_BOX + dice.below(12) as u32)),
        });
        let avoid = avoid.collect();
        Asked { from: at(any(dice), HOSTS[0]), to: at(any(dice), HOSTS[dice.below(2)]), boxes, avoid }
    }

    /// The length of the shortest way on which each port is passed once in each direction.
    fn shortest(&self, asked: &Asked) -> Option<usize> {
        let ends = [asked.from, asked.to];
        if ends.iter().any(|end| asked.avoids(*end)) || asked.boxes.is_empty() && asked.from == asked.to {
            return None;
        }
        let mut best = None;
        self.go(asked, (asked.from, 0), &mut Vec::new(), &mut best);
        best
    }

    fn go(
        &self,
        asked: &Asked,
        (packet, stage): (Location, usize),
        gone: &mut Vec<(Location, Location)>,
        best: &mut Option<usize>,
    ) {
        if best.is_some_and(|best| gone.len() + 1 >= best) || gone.iter().any(|(before, _)| *before == packet) {
            return;
        }
        let fresh = |out: Location, gone: &[(Location, Location)]| gone.iter().all(|(_, before)| *before != out);
        if stage == asked.boxes.len() && packet.dpid == asked.to.dpid && fresh(asked.to, gone) {
            *best = Some(gone.len() + 1);
            return;
        }
        let both = self.cables.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
        let links = both.filter(|(a, b)| !asked.avoids(*a) && !asked.avoids(*b)).map(|(a, b)| (a, b, stage));
        let instances = asked.boxes.get(stage).into_iter().flatten().map(search::ports);
        let usable = |at: &Location| !asked.avoids(*at) && !self.down.contains(at);
        let past = instances
            .filter(|(inside, outside)| usable(inside) && usable(outside))
            .map(|(inside, outside)| (inside, outside, stage + 1));
        for (out, next, stage) in links.chain(past).filter(|(out, ..)| out.dpid == packet.dpid).collect::<Vec<_>>() {
            if fresh(out, gone) {
                gone.push((packet, out));
                self.go(asked, (next, stage), gone, best);
                gone.pop();
            }
        }
    }

    /// Goes the way, there and back, and holds it against what was asked.
    fn follow(&self, asked: &Asked, hops: &[Hop], context: &str) {
        let (mut packet, mut stage) = (asked.from, 0);
        for (place, hop) in hops.iter().enumerate() {
            let out = Location::new(hop.dpid, hop.out_port);
            assert_eq!(packet, Location::new(hop.dpid, hop.in_port), "{context}");
            assert!(!asked.avoids(packet) && !asked.avoids(out), "{context}");
            let entered = asked.boxes.get(stage).into_iter().flatten().map(search::ports).find(|(inside, _)| *inside == out);
            let cable = self.cables.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).find(|(a, _)| *a == out);
            packet = match (entered, cable) {
                (Some((inside, outside)), _) => {
                    assert!(!self.down.contains(&inside) && !self.down.contains(&outside), "{context}");
                    stage += 1;
                    outside
                }
                (None, Some((_, to))) => to,
                (None, None) => {
                    assert_eq!((out, place + 1, stage), (asked.to, hops.len(), asked.boxes.len()), "{context}");
                    out
                }
            };
        }
        for hops in [hops.to_vec(), reverse(hops)] {
            let ins: BTreeSet<_> = hops.iter().map(|hop| (hop.dpid, hop.in_port)).collect();
            assert_eq!(ins.len(), hops.len(), "a port comes twice: {context}");
        }
    }
}

impl Asked {
    fn avoids(&self, at: Location) -> bool {
        self.avoid.iter().any(|one| match one {
            Avoid::Switch(dpid) => *dpid == at.dpid,
            Avoid::Port(port) => *port == at,
            Avoid::Host(id) => place_of(*id) == at,
        })
    }
}

/// Where a host is attached.
fn place_of(id: HostId) -> Location {
    at(u64::from(id.0), HOSTS[1])
}

#[test]
fn a_way_is_found_just_if_there_is_one_and_none_is_shorter() {
    let mut told = Told::default();
    for seed in 0..NETWORKS {
        let dice = &mut Dice(seed << 1 | 1);
        let mut small = Small::drawn(dice);
        for _ in 0..QUESTIONS {
            let asked = small.asked(dice);
            let stages: Vec<Stage<'_>> =
                (0..).map(MiddleboxId).zip(&asked.boxes).map(|(id, instances)| Stage { id, instances }).collect();
            let constraint = Constraint { avoided: Avoided::new(&asked.avoid, |id| vec![place_of(id)]), ..Constraint::default() };
            let found = path(&mut small.topology, asked.from, asked.to, &stages, &constraint);
            let shortest = small.shortest(&asked);
            let context = format!("{seed}: {asked:?} in {:?}: {found:?}, and there is one of {shortest:?}", small.cables);
            assert_eq!(found.as_ref().ok().map(Vec::len), shortest, "{context}");
            match found {
                Ok(hops) => {
                    small.follow(&asked, &hops, &context);
                    told.found += 1;
                    told.past_boxes += usize::from(!asked.boxes.is_empty());
                    let mut places = BTreeSet::new();
                    told.round += usize::from(!hops.iter().all(|hop| places.insert(hop.dpid)));
                }
                Err(NoPath::Ambiguous(_)) => told.ambiguous += 1,
                Err(NoPath::Avoiding { .. } | NoPath::EndAvoided(_) | NoPath::MiddleboxAvoided(_)) => told.avoided += 1,
                Err(NoPath::MiddleboxDown(_)) => told.down += 1,
                Err(NoPath::TableFull(_) | NoPath::Confused) => panic!("{context}"),
                Err(NoPath::Unreachable { .. } | NoPath::SamePort(_)) => {}
            }
        }
    }
    assert!(told.found > 2_000 && told.past_boxes > 1_000 && told.round > 500, "{told:?}");
    assert!(told.ambiguous > 30 && told.avoided > 500 && told.down > 30, "{told:?}");
}
