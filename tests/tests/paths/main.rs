//! Ways through networks of others, link by link: a way is found just if a plain search over switches and stages finds one, it is a
//! shortest, and it passes the boxes in order. Where the shortest would come to a port twice, a longer one may be found, or none; that a
//! shortest that would do is missed is rare, and counted. Networks of the Topology Zoo, where the corpus is given; drawn ones, where it is not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be read has failed the test")]

mod brute;
mod events;
mod failures;
mod graphs;
mod search;

use std::collections::BTreeSet;

use fuzz::mutate::Dice;
use lang::checked::{Attachment, MiddleboxId};
use net::{Location, Time};
use runtime::route::{Constraint, Hop, NoPath, Stage, path, reverse};
use runtime::topology::Topology;
use tests::at;

use graphs::{FIRST_LINK, Graph};
use search::{Network, Question};

/// How many ways are asked for in each state of a network, and how many times something changes.
const QUESTIONS: usize = 40;
const CHANGES: usize = 12;

/// Ports of each switch: of a host, of another, of both sides of a box, of a box with one arm.
const HOST: u32 = 1;
const OTHER_HOST: u32 = 2;
const INSIDE: u32 = 3;
const OUTSIDE: u32 = 4;
const ARM: u32 = 5;

/// What came of the questions.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    ways: usize,
    past_two: usize,
    nowhere: usize,
    boxes_down: usize,
    ambiguous: usize,
    ways_round: usize,
    needless: usize,
}

/// A network, as the runtime knows it and as we do.
struct Site {
    name: String,
    size: u64,
    topology: Topology,
    network: Network,
    cables: Vec<(Location, Location)>,
}

impl Site {
    fn new(graph: &Graph) -> Site {
        let mut site = Site {
            name: graph.name.clone(),
            size: graph.size as u64,
            topology: Topology::default(),
            network: Network::default(),
            cables: graph.cables(),
        };
        (1..=site.size).for_each(|dpid| site.start(dpid));
        site
    }

    /// A switch comes, its ports come up, and probes pass its cables.
    fn start(&mut self, dpid: u64) {
        self.topology.add_switch(net::Dpid(dpid));
        self.network.switches.insert(dpid);
        let own = self.cables.iter().flat_map(|(a, b)| [*a, *b]).filter(|port| port.dpid.0 == dpid);
        let ports: Vec<Location> = (HOST..=ARM).map(|port| at(dpid, port)).chain(own).collect();
        ports.into_iter().for_each(|port| self.set(port, true));
    }

    fn stop(&mut self, dpid: u64) {
        self.topology.remove_switch(net::Dpid(dpid));
        self.network.switches.remove(&dpid);
        self.network.up.retain(|port| port.dpid.0 != dpid);
        self.network.links.retain(|(from, to)| from.dpid.0 != dpid && to.dpid.0 != dpid);
    }

    fn set(&mut self, port: Location, up: bool) {
        self.topology.set_port(port, up);
        if !up {
            self.network.up.remove(&port);
            self.network.links.retain(|(from, to)| *from != port && *to != port);
            return;
        }
        self.network.up.insert(port);
        for (a, b) in self.cables.iter().filter(|(a, b)| *a == port || *b == port) {
            if self.network.up.contains(a) && self.network.up.contains(b) {
                self.topology.confirm(*a, *b, Time(1));
                self.topology.confirm(*b, *a, Time(1));
                self.network.links.extend([(*a, *b), (*b, *a)]);
            }
        }
    }

    /// A cable, a switch or the port of a box goes down, or comes back.
    fn change(&mut self, dice: &mut Dice) {
        let dpid = 1 + dice.below(self.graph_size()) as u64;
        match dice.below(6) {
            0 | 1 => {
                let (a, b) = self.cables[dice.below(self.cables.len())];
                let port = if dice.below(2) == 0 { a } else { b };
                if self.network.switches.contains(&port.dpid.0) {
                    self.set(port, !self.network.up.contains(&port));
                }
            }
            2 | 3 if self.network.switches.contains(&dpid) => self.stop(dpid),
            2..=4 if !self.network.switches.contains(&dpid) => self.start(dpid),
            _ => {
                let port = at(dpid, [INSIDE, OUTSIDE, ARM][dice.below(3)]);
                if self.network.switches.contains(&dpid) {
                    self.set(port, !self.network.up.contains(&port));
                }
            }
        }
    }

    fn graph_size(&self) -> usize {
        usize::try_from(self.size).unwrap()
    }

    fn question(&self, dice: &mut Dice) -> Question {
        let mut any = || 1 + dice.below(self.graph_size()) as u64;
        let (from, to) = (any(), any());
        let places: [u64; 4] = [any(), any(), any(), any()];
        let one = |dice: &mut Dice, inside: u64, outside: u64| match dice.below(3) {
            0 => Attachment::OneArmed { at: at(inside, ARM) },
            1 => Attachment::Inline { inside: at(inside, INSIDE), outside: at(inside, OUTSIDE) },
            _ => Attachment::Inline { inside: at(inside, INSIDE), outside: at(outside, OUTSIDE) },
        };
        let via = vec![one(dice, places[0], places[1]), one(dice, places[2], places[3])];
        let count = dice.below(3);
        let port = [HOST, OTHER_HOST][dice.below(2)];
        Question { from: at(from, HOST), to: at(to, port), via: via.into_iter().take(count).collect() }
    }

    /// Asks, and holds the answer against the plain search.
    fn ask(&mut self, question: &Question, told: &mut Told) {
        let via: Vec<Stage<'_>> = (0..).map(MiddleboxId).zip(question.via.chunks(1)).map(stage).collect();
        let found = path(&mut self.topology, question.from, question.to, &via, &Constraint::default());
        let shortest = self.network.shortest(question);
        let context = format!("{}: {question:?}: {found:?}, plainly {shortest:?}", self.name);
        match &found {
            Ok(hops) => {
                let way_round = shortest < Some(hops.len());
                assert!(shortest.is_some_and(|shortest| shortest <= hops.len()), "{context}");
                // Longer is only what must keep off its own ports.
                assert!(!way_round || self.network.some_shortest_repeats(question), "{context}");
                told.ways_round += usize::from(way_round);
                self.walk(question, hops, &context);
                told.ways += 1;
                told.past_two += usize::from(via.len() == 2);
            }
            Err(NoPath::Unreachable { .. }) => {
                assert_eq!(shortest, None, "{context}");
                told.nowhere += 1;
            }
            Err(NoPath::MiddleboxDown(id)) => {
                let ports = search::ports(&question.via[id.index()]);
                assert!([ports.0, ports.1].iter().any(|port| !self.network.up.contains(port)), "{context}");
                assert_eq!(shortest, None, "{context}");
                told.boxes_down += 1;
            }
            Err(NoPath::TableFull(_) | NoPath::Confused) => panic!("{context}"),
            Err(NoPath::SamePort(port)) => {
                assert!(via.is_empty() && question.from == *port && question.to == *port, "{context}");
            }
            Err(NoPath::Avoiding { .. } | NoPath::EndAvoided(_) | NoPath::MiddleboxAvoided(_)) => panic!("{context}"),
            Err(NoPath::Ambiguous(_)) => {
                assert!(shortest.is_some() && !via.is_empty(), "{context}");
                assert!(self.network.some_shortest_repeats(question), "{context}");
                told.ambiguous += 1;
                told.needless += usize::from(self.network.some_shortest_fits(question));
            }
        }
    }

    /// Goes the way as a packet does, there and back.
    fn walk(&self, question: &Question, hops: &[Hop], context: &str) {
        let (from, to) = (question.from, question.to);
        let boxes: Vec<(Location, Location)> = question.via.iter().map(search::ports).collect();
        self.follow(from, to, &boxes, hops, context);
        let back: Vec<(Location, Location)> = boxes.iter().rev().map(|(inside, outside)| (*outside, *inside)).collect();
        self.follow(to, from, &back, &reverse(hops), context);
    }

    fn follow(&self, from: Location, to: Location, boxes: &[(Location, Location)], hops: &[Hop], context: &str) {
        let mut seen = BTreeSet::new();
        let mut boxes = boxes.iter();
        let mut next = boxes.next();
        let mut packet = from;
        for (place, hop) in hops.iter().enumerate() {
            assert_eq!(packet, Location::new(hop.dpid, hop.in_port), "{context}");
            assert!(self.network.switches.contains(&hop.dpid.0), "{context}");
            assert!(seen.insert(packet), "a port comes twice: {context}");
            let out = Location::new(hop.dpid, hop.out_port);
            let link = self.network.links.iter().find(|(from, _)| *from == out);
            packet = match (link, next) {
                (_, Some((inside, outside))) if *inside == out => {
                    next = boxes.next();
                    *outside
                }
                (Some((_, to)), _) => *to,
                _ => {
                    assert_eq!((place + 1, out), (hops.len(), to), "{context}");
                    out
                }
            };
        }
        assert_eq!((packet, next), (to, None), "{context}");
    }
}

fn stage((id, instances): (MiddleboxId, &[Attachment])) -> Stage<'_> {
    Stage { id, instances }
}

fn graphs() -> Vec<Graph> {
    match tests::corpus("topology/topologyzoo") {
        Some(folder) => graphs::given(&folder),
        None => (1..=60).map(graphs::drawn).collect(),
    }
}

#[test]
fn a_way_is_found_just_if_a_plain_search_finds_one_and_is_a_shortest() {
    let mut told = Told::default();
    for (seed, graph) in graphs().iter().enumerate() {
        let dice = &mut Dice((seed as u64) << 1 | 1);
        let mut site = Site::new(graph);
        for _ in 0..=CHANGES {
            for _ in 0..QUESTIONS {
                let question = site.question(dice);
                site.ask(&question, &mut told);
            }
            site.change(dice);
        }
    }
    assert!(told.ways_round > 100 && told.needless == 0, "{told:?}");
    assert!(told.ways > 10_000 && told.past_two > 2_000, "{told:?}");
    assert!(told.nowhere > 1_000 && told.boxes_down > 100 && told.ambiguous > 100, "{told:?}");
}

#[test]
fn what_is_cut_off_is_reached_by_nothing() {
    let mut cut = 0;
    for graph in graphs() {
        let mut site = Site::new(&graph);
        let Some((a, _)) = site.cables.first().copied() else { continue };
        // Every cable of one switch goes down, at one of its ends.
        let dpid = a.dpid.0;
        let own: Vec<Location> = site.cables.iter().flat_map(|(a, b)| [*a, *b]).filter(|port| port.dpid.0 == dpid).collect();
        own.iter().for_each(|port| site.set(*port, false));
        for other in (1..=site.size).filter(|other| *other != dpid) {
            let ids = [Attachment::OneArmed { at: at(dpid, ARM) }];
            for via in [vec![], vec![stage((MiddleboxId(0), &ids))]] {
                let to = if via.is_empty() { at(dpid, HOST) } else { at(other, OTHER_HOST) };
                let found = path(&mut site.topology, at(other, HOST), to, &via, &Constraint::default());
                assert!(matches!(found, Err(NoPath::Unreachable { .. })), "{}: {found:?}", site.name);
                cut += 1;
            }
        }
        assert!(own.iter().all(|port| port.port.0 >= FIRST_LINK));
    }
    assert!(cut > 100, "{cut}");
}
