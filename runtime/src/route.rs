//! Constrained paths: from a port to a port through middleboxes in order, or nothing. Knows nothing of flows or messages.

use std::fmt;

use lang::checked::{Attachment, Avoid, Checked, HostId, MiddleboxId};
use net::{Dpid, FlowMatch, Location, PortNo, TransportMatch};

use crate::search::Search;
use crate::topology::{Link, Topology};

/// One pass through one switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The switch.
    pub dpid: Dpid,
    /// Where the packet comes in.
    pub in_port: PortNo,
    /// Where it goes out; the same port if it must turn round.
    pub out_port: PortNo,
}

/// A middlebox to pass, and the places where it can be passed: one of them is.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Which.
    pub id: MiddleboxId,
    /// Where it is attached.
    pub instances: &'a [Attachment],
}

/// What a way is bound to, besides its ends and middleboxes.
#[derive(Clone, Debug, Default)]
pub struct Constraint<'a> {
    /// What it may not touch.
    pub avoided: Avoided,
    /// Chooses among ways that are equally short; nothing: lower dpids and ports first.
    pub spread: Option<Spread>,
    /// The way that the conversation takes now: it stays with the instances of middleboxes that it passes, while there is a way
    /// through them.
    pub standing: &'a [Hop],
}

/// What a way may not touch: switches, and ports with the link or the device at each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avoided {
    switches: Vec<Dpid>,
    ports: Vec<Location>,
}

/// A number of a conversation, the same for both of its directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread(u64);

/// Why there is no path. No path, no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPath {
    /// The two switches are not connected.
    Unreachable {
        /// Where the way would have to start.
        from: Dpid,
        /// Where it would have to end.
        to: Dpid,
    },
    /// The two switches are not connected, or only through what is to be avoided.
    Avoiding {
        /// Where the way would have to start.
        from: Dpid,
        /// Where it would have to end.
        to: Dpid,
    },
    /// An end is where the way may not go.
    EndAvoided(Location),
    /// Every instance of the middlebox that is up is where the way may not go.
    MiddleboxAvoided(MiddleboxId),
    /// No instance of the middlebox is up: a port of each is down, or its switch is not there.
    MiddleboxDown(MiddleboxId),
    /// A switch on the way has no room for another entry.
    TableFull(Dpid),
    /// Between switches its packets could not be told from those of another conversation, which are in the same VLAN.
    Confused,
    /// Both ends are on one port: the switch cannot stand between them.
    SamePort(Location),
    /// The shortest way would bring a packet to one port twice, and the switch could not tell the passes apart; nor was another
    /// way found that does not.
    Ambiguous(Location),
}

impl Avoided {
    /// What a rule avoids. Hosts are avoided where they are attached, as the last argument tells.
    #[must_use]
    pub fn new(avoid: &[Avoid], attached: impl Fn(HostId) -> Vec<Location>) -> Avoided {
        let mut avoided = Avoided::default();
        for one in avoid {
            match *one {
                Avoid::Switch(dpid) => avoided.switches.push(dpid),
                Avoid::Port(at) => avoided.ports.push(at),
                Avoid::Host(id) => avoided.ports.extend(attached(id)),
            }
        }
        avoided
    }

    /// True if nothing is avoided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.switches.is_empty() && self.ports.is_empty()
    }

    /// True if the port, or its switch, may not be touched.
    #[must_use]
    pub fn has(&self, at: Location) -> bool {
        self.switches.contains(&at.dpid) || self.ports.contains(&at)
    }

    /// True if the link may not be taken.
    #[must_use]
    pub fn has_link(&self, link: &Link) -> bool {
        self.has(link.from) || self.has(link.to)
    }
}

impl Spread {
    /// The number of the conversation whose packets these are, for a site with this seed. Its answers have the same.
    #[must_use]
    pub fn of(region: &FlowMatch, seed: u64) -> Spread {
        let (src, dst) = match region.transport {
            TransportMatch::Ports { src, dst } => (src, dst.single()),
            TransportMatch::Any | TransportMatch::Icmp { .. } => (None, None),
        };
        let prefix = |prefix: Option<net::Prefix>| prefix.map_or(0, |prefix| net::address_bits(prefix.network()));
        let end =
            |mac: Option<net::MacAddr>, address, port: Option<u16>| (mac.map_or([0; 6], |mac| mac.0), prefix(address), port);
        let mut ends = [end(region.dl_src, region.nw_src, src), end(region.dl_dst, region.nw_dst, dst)];
        ends.sort_unstable();
        let mut number = mixed(seed ^ region.nw_proto.map_or(0, |proto| u64::from(proto.0) + 1));
        for (mac, address, port) in ends {
            let [a, b, c, d, e, f] = mac;
            let parts =
                [u64::from_le_bytes([a, b, c, d, e, f, 0, 0]), address as u64, (address >> 64) as u64, port.map_or(0, u64::from)];
            number = parts.into_iter().fold(number, |number, part| mixed(number ^ part));
        }
        Spread(number)
    }

    /// Which of so many equal choices is taken at a switch after so many middleboxes.
    pub(crate) fn choice(self, dpid: Dpid, stage: usize, choices: usize) -> usize {
        let number = mixed(mixed(self.0 ^ dpid.0) ^ stage as u64);
        usize::try_from(number % choices.max(1) as u64).unwrap_or(0)
    }
}

/// Stafford's finaliser of SplitMix64: the same on every machine and in every version.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The way of a conversation from initiator to responder: from the port `from` to the port `to`, through one instance of each of
/// `stages` in order. It is a shortest one of all; if no switch could follow that, a shortest one on which each port is passed once.
///
/// # Errors
/// Says why there is none.
pub fn path(
    topology: &mut Topology,
    from: Location,
    to: Location,
    stages: &[Stage<'_>],
    constraint: &Constraint<'_>,
) -> Result<Vec<Hop>, NoPath> {
    if let Some(end) = [from, to].into_iter().find(|end| constraint.avoided.has(*end)) {
        return Err(NoPath::EndAvoided(end));
    }
    if stages.is_empty() && from == to {
        return Err(NoPath::SamePort(from));
    }
    let usable = stages.iter().map(|stage| usable(topology, stage, constraint)).collect::<Result<Vec<_>, _>>()?;
    let kept: Vec<Vec<Gate>> = usable.iter().map(|gates| stay(gates, constraint.standing)).collect();
    if kept != usable
        && let Ok(hops) = Search::new(topology, (from, to), &kept, constraint).run()
    {
        return Ok(hops);
    }
    Search::new(topology, (from, to), &usable, constraint).run()
}

/// The same with the middleboxes as the policy declares them.
///
/// # Errors
/// Says why there is none.
pub fn way(
    topology: &mut Topology,
    policy: &Checked,
    from: Location,
    to: Location,
    via: &[MiddleboxId],
    constraint: &Constraint<'_>,
) -> Result<Vec<Hop>, NoPath> {
    let stages = stages(policy, via)?;
    path(topology, from, to, &stages, constraint)
}

/// How many ways are as short as the shortest that there is.
///
/// # Errors
/// Says why there is none.
pub fn equally_short(
    topology: &mut Topology,
    policy: &Checked,
    from: Location,
    to: Location,
    via: &[MiddleboxId],
) -> Result<u64, NoPath> {
    let constraint = Constraint::default();
    let stages = stages(policy, via)?;
    let usable = stages.iter().map(|stage| usable(topology, stage, &constraint)).collect::<Result<Vec<_>, _>>()?;
    Ok(Search::new(topology, (from, to), &usable, &constraint).count())
}

/// Middleboxes as the policy declares them.
fn stages<'a>(policy: &'a Checked, via: &[MiddleboxId]) -> Result<Vec<Stage<'a>>, NoPath> {
    let stage = |id: &MiddleboxId| {
        let declared = policy.middleboxes.get(id.index()).ok_or(NoPath::MiddleboxDown(*id))?;
        Ok(Stage { id: *id, instances: &declared.attachments })
    };
    via.iter().map(stage).collect()
}

/// The way of the replies: the same switches and middleboxes, the other way round.
#[must_use]
pub fn reverse(hops: &[Hop]) -> Vec<Hop> {
    hops.iter().rev().map(|hop| Hop { dpid: hop.dpid, in_port: hop.out_port, out_port: hop.in_port }).collect()
}

/// Where packets go into an instance of a middlebox, and where they come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) inside: Location,
    pub(crate) outside: Location,
}

impl Gate {
    fn of(attachment: &Attachment) -> Gate {
        let [inside, outside] = attachment.ports();
        Gate { inside, outside }
    }

    /// True if the way goes in here and comes out there.
    fn is_on(self, hops: &[Hop]) -> bool {
        hops.windows(2).any(|pair| {
            let [before, after] = pair else { return false };
            let enters = Location::new(before.dpid, before.out_port) == self.inside;
            enters && Location::new(after.dpid, after.in_port) == self.outside
        })
    }
}

/// True if a way passes an instance of a middlebox that is attached like this.
#[must_use]
pub fn passes(hops: &[Hop], attachment: &Attachment) -> bool {
    Gate::of(attachment).is_on(hops)
}

/// Instances that can be passed.
fn usable(topology: &Topology, stage: &Stage<'_>, constraint: &Constraint<'_>) -> Result<Vec<Gate>, NoPath> {
    let mut gates: Vec<Gate> = stage.instances.iter().map(Gate::of).collect();
    gates.retain(|gate| topology.is_up(gate.inside) && topology.is_up(gate.outside));
    if gates.is_empty() {
        return Err(NoPath::MiddleboxDown(stage.id));
    }
    gates.retain(|gate| !constraint.avoided.has(gate.inside) && !constraint.avoided.has(gate.outside));
    if gates.is_empty() { Err(NoPath::MiddleboxAvoided(stage.id)) } else { Ok(gates) }
}

/// The instance that the standing way passes; all, if it passes none.
fn stay(gates: &[Gate], standing: &[Hop]) -> Vec<Gate> {
    match gates.iter().find(|gate| gate.is_on(standing)) {
        Some(gate) => vec![*gate],
        None => gates.to_vec(),
    }
}

impl fmt::Display for NoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPath::Unreachable { from, to } => write!(f, "no way from switch {from} to switch {to}"),
            NoPath::Avoiding { from, to } => {
                write!(f, "no way from switch {from} to switch {to} that keeps off what the rule avoids")
            }
            NoPath::EndAvoided(at) => write!(f, "the rule avoids port {at}, where an end is attached"),
            NoPath::MiddleboxAvoided(_) => f.write_str("the rule avoids where a middlebox that it demands is attached"),
            NoPath::MiddleboxDown(_) => f.write_str("a middlebox that the rule demands is down"),
            NoPath::TableFull(dpid) => write!(f, "the table of switch {dpid} is full"),
            NoPath::Confused => f.write_str("another conversation has the same packets in the same VLAN"),
            NoPath::SamePort(at) => write!(f, "both ends are on port {at}"),
            NoPath::Ambiguous(at) => write!(f, "the way would pass port {at} twice"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::repeated;
    use crate::topology::location;
    use net::Time;

    /// Three switches in a row, 1 – 2 – 3, ports 1 to 9 up; port 9 leads right, port 8 leads left.
    fn row() -> Topology {
        let mut topology = Topology::default();
        for dpid in 1..=3 {
            topology.add_switch(Dpid(dpid));
            for port in 1..=9 {
                topology.set_port(location(dpid, port), true);
            }
        }
        for (a, b) in [(1, 2), (2, 3)] {
            topology.confirm(location(a, 9), location(b, 8), Time(0));
            topology.confirm(location(b, 8), location(a, 9), Time(0));
        }
        topology
    }

    /// The way past boxes with one instance each.
    fn past(topology: &mut Topology, from: Location, to: Location, boxes: &[Attachment]) -> Result<Vec<Hop>, NoPath> {
        let boxes: Vec<Vec<Attachment>> = boxes.iter().map(|one| vec![*one]).collect();
        under(topology, (from, to), &boxes, &Constraint::default())
    }

    fn under(
        topology: &mut Topology,
        (from, to): (Location, Location),
        boxes: &[Vec<Attachment>],
        constraint: &Constraint<'_>,
    ) -> Result<Vec<Hop>, NoPath> {
        let stages: Vec<Stage<'_>> = (0..).map(MiddleboxId).zip(boxes).map(|(id, instances)| Stage { id, instances }).collect();
        path(topology, from, to, &stages, constraint)
    }

    fn shown(hops: &[Hop]) -> String {
        hops.iter().map(|hop| format!("{}>{}>{}", hop.in_port, hop.dpid.0, hop.out_port)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_plain_path_takes_each_switch_once() {
        let hops = past(&mut row(), location(1, 1), location(3, 1), &[]).unwrap();
        assert_eq!(shown(&hops), "1>1>9 8>2>9 8>3>1");
        assert_eq!(shown(&reverse(&hops)), "1>3>8 9>2>8 9>1>1");
    }

    #[test]
    fn a_bump_in_the_wire_is_entered_inside_and_left_outside() {
        let proxy = Attachment::Inline { inside: location(2, 4), outside: location(2, 5) };
        let hops = past(&mut row(), location(1, 1), location(1, 2), &[proxy]).unwrap();
        assert_eq!(shown(&hops), "1>1>9 8>2>4 5>2>8 9>1>2");
    }

    #[test]
    fn a_one_armed_box_returns_packets_on_its_port() {
        let ids = Attachment::OneArmed { at: location(3, 4) };
        let hops = past(&mut row(), location(1, 1), location(2, 1), &[ids]).unwrap();
        assert_eq!(shown(&hops), "1>1>9 8>2>9 8>3>4 4>3>8 9>2>1");
    }

    #[test]
    fn a_way_that_a_switch_could_not_follow_is_refused() {
        let a = Attachment::OneArmed { at: location(3, 4) };
        let b = Attachment::OneArmed { at: location(1, 4) };
        let found = past(&mut row(), location(1, 1), location(3, 1), &[a, b]);
        assert!(matches!(found, Err(NoPath::Ambiguous(_))), "{found:?}");
    }

    #[test]
    fn where_two_cables_lead_there_each_is_passed_once() {
        let mut topology = row();
        for (a, b) in [(1, 2), (2, 3)] {
            topology.confirm(location(a, 7), location(b, 6), Time(0));
            topology.confirm(location(b, 6), location(a, 7), Time(0));
        }
        let a = Attachment::OneArmed { at: location(3, 4) };
        let b = Attachment::OneArmed { at: location(1, 4) };
        let hops = past(&mut topology, location(1, 1), location(3, 1), &[a, b]).unwrap();
        assert_eq!(hops.len(), 9);
        assert_eq!(repeated(&hops), None, "{}", shown(&hops));
    }

    #[test]
    fn a_dead_middlebox_means_no_path() {
        let mut topology = row();
        topology.set_port(location(2, 5), false);
        let proxy = Attachment::Inline { inside: location(2, 4), outside: location(2, 5) };
        let found = past(&mut topology, location(1, 1), location(3, 1), &[proxy]);
        assert_eq!(found, Err(NoPath::MiddleboxDown(MiddleboxId(0))));
        assert_eq!(past(&mut row(), location(1, 1), location(1, 1), &[]), Err(NoPath::SamePort(location(1, 1))));
    }

    /// Four switches in a ring, 1 – 2 – 4 – 3 – 1, two cables between 1 and 2.
    fn ring() -> Topology {
        let mut topology = row();
        topology.add_switch(Dpid(4));
        (1..=9).for_each(|port| drop(topology.set_port(location(4, port), true)));
        topology.set_port(location(2, 9), false);
        topology.set_port(location(2, 9), true);
        for (a, b) in [((1, 7), (2, 6)), ((2, 9), (4, 8)), ((1, 6), (3, 7)), ((3, 9), (4, 7))] {
            topology.confirm(location(a.0, a.1), location(b.0, b.1), Time(0));
            topology.confirm(location(b.0, b.1), location(a.0, a.1), Time(0));
        }
        topology
    }

    fn avoiding(avoid: &[Avoid]) -> Constraint<'static> {
        Constraint { avoided: Avoided::new(avoid, |id| vec![location(u64::from(id.0), 1)]), ..Constraint::default() }
    }

    #[test]
    fn switches_ports_and_places_of_hosts_are_kept_off() {
        let ends = (location(1, 1), location(4, 1));
        let one = |avoid: &[Avoid]| under(&mut ring(), ends, &[], &avoiding(avoid)).map(|hops| shown(&hops));
        assert_eq!(one(&[]).unwrap(), "1>1>7 6>2>9 8>4>1");
        assert_eq!(one(&[Avoid::Port(location(2, 6))]).unwrap(), "1>1>9 8>2>9 8>4>1", "the other cable");
        assert_eq!(one(&[Avoid::Switch(Dpid(2))]).unwrap(), "1>1>6 7>3>9 7>4>1");
        assert_eq!(one(&[Avoid::Port(location(4, 8))]).unwrap(), "1>1>6 7>3>9 7>4>1");
        assert_eq!(one(&[Avoid::Host(HostId(2))]).unwrap(), "1>1>7 6>2>9 8>4>1", "its port, and not its switch");
        let both = [Avoid::Switch(Dpid(2)), Avoid::Switch(Dpid(3))];
        assert_eq!(one(&both), Err(NoPath::Avoiding { from: Dpid(1), to: Dpid(4) }));
        assert_eq!(one(&[Avoid::Host(HostId(4))]), Err(NoPath::EndAvoided(location(4, 1))));
        assert_eq!(one(&[Avoid::Switch(Dpid(1))]), Err(NoPath::EndAvoided(location(1, 1))));
    }

    #[test]
    fn a_middlebox_where_the_way_may_not_go_means_no_path() {
        let ids = [vec![Attachment::OneArmed { at: location(2, 4) }]];
        let found = |avoid| under(&mut ring(), (location(1, 1), location(4, 1)), &ids, &avoiding(&[avoid]));
        assert_eq!(found(Avoid::Switch(Dpid(2))), Err(NoPath::MiddleboxAvoided(MiddleboxId(0))));
        assert_eq!(found(Avoid::Port(location(2, 4))), Err(NoPath::MiddleboxAvoided(MiddleboxId(0))));
        assert_eq!(found(Avoid::Switch(Dpid(3))).map(|hops| hops.len()), Ok(4));
    }

    #[test]
    fn of_several_instances_the_best_is_passed_and_a_standing_way_keeps_its_own_while_that_is_up() {
        let near = Attachment::Inline { inside: location(2, 4), outside: location(2, 5) };
        let far = Attachment::Inline { inside: location(3, 4), outside: location(3, 5) };
        let boxes = [vec![far, near]];
        let ends = (location(2, 1), location(4, 1));
        let best = under(&mut ring(), ends, &boxes, &Constraint::default()).unwrap();
        assert_eq!(shown(&best), "1>2>4 5>2>9 8>4>1");
        let detour = under(&mut ring(), ends, &[vec![far]], &Constraint::default()).unwrap();
        let standing = Constraint { standing: &detour, ..Constraint::default() };
        assert_eq!(under(&mut ring(), ends, &boxes, &standing).unwrap(), detour);
        let mut broken = ring();
        broken.set_port(location(3, 5), false);
        assert_eq!(under(&mut broken, ends, &boxes, &standing).unwrap(), best);
        broken.set_port(location(2, 5), false);
        assert_eq!(under(&mut broken, ends, &boxes, &standing), Err(NoPath::MiddleboxDown(MiddleboxId(0))));
    }

    #[test]
    fn conversations_are_spread_over_all_equal_ways_and_their_answers_have_the_same_number() {
        let mut topology = ring();
        let mut seen = std::collections::BTreeMap::<String, usize>::new();
        for port in 0..300 {
            let (mut region, mut reply) = (FlowMatch::default(), FlowMatch::default());
            region.transport = TransportMatch::exact(net::Transport::Ports { src: port, dst: 80 });
            reply.transport = TransportMatch::exact(net::Transport::Ports { src: 80, dst: port });
            let spread = Spread::of(&region, 7);
            assert_eq!(spread, Spread::of(&reply, 7));
            let constraint = Constraint { spread: Some(spread), ..Constraint::default() };
            let hops = under(&mut topology, (location(1, 1), location(4, 1)), &[], &constraint).unwrap();
            assert_eq!(hops.len(), 3);
            *seen.entry(shown(&hops)).or_default() += 1;
        }
        let ways: Vec<&str> = seen.keys().map(String::as_str).collect();
        assert_eq!(ways, ["1>1>6 7>3>9 7>4>1", "1>1>7 6>2>9 8>4>1", "1>1>9 8>2>9 8>4>1"]);
        assert!(seen.values().all(|times| *times > 50), "{seen:?}");
    }
}
