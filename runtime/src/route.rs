//! Constrained paths: from a port to a port through middleboxes in order, or nothing. Knows nothing of flows or messages.

use std::fmt;

use lang::checked::{Attachment, MiddleboxId};
use net::{Dpid, Location, PortNo};

use crate::topology::Topology;

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
    /// The middlebox, or a port of it, is down or its switch is not there.
    MiddleboxDown(MiddleboxId),
    /// Both ends are on one port: the switch cannot stand between them.
    SamePort(Location),
    /// The way would bring a packet to one port twice, and the switch could not tell the passes apart.
    Ambiguous(Location),
}

/// The way of a conversation from initiator to responder: from the port `from` to the port `to`, through `via` in order.
///
/// # Errors
/// Says why there is none.
pub fn path(
    topology: &mut Topology,
    from: Location,
    to: Location,
    via: &[(MiddleboxId, Attachment)],
) -> Result<Vec<Hop>, NoPath> {
    let mut hops = Vec::new();
    let mut enter = from;
    for (id, attachment) in via {
        let (inside, outside) = ports(attachment);
        if !topology.is_up(inside) || !topology.is_up(outside) {
            return Err(NoPath::MiddleboxDown(*id));
        }
        leg(topology, enter, inside, &mut hops)?;
        enter = outside;
    }
    if via.is_empty() && from == to {
        return Err(NoPath::SamePort(from));
    }
    leg(topology, enter, to, &mut hops)?;
    match repeated(&hops) {
        Some(at) => Err(NoPath::Ambiguous(at)),
        None => Ok(hops),
    }
}

/// The way of the replies: the same switches and middleboxes, the other way round.
#[must_use]
pub fn reverse(hops: &[Hop]) -> Vec<Hop> {
    hops.iter().rev().map(|hop| Hop { dpid: hop.dpid, in_port: hop.out_port, out_port: hop.in_port }).collect()
}

fn ports(attachment: &Attachment) -> (Location, Location) {
    match *attachment {
        Attachment::Inline { inside, outside } => (inside, outside),
        Attachment::OneArmed { at } => (at, at),
    }
}

/// Appends the hops from coming in at `enter` to going out at `leave`.
fn leg(topology: &mut Topology, enter: Location, leave: Location, hops: &mut Vec<Hop>) -> Result<(), NoPath> {
    let links = topology.shortest(enter.dpid, leave.dpid).ok_or(NoPath::Unreachable { from: enter.dpid, to: leave.dpid })?;
    let mut at = enter;
    for link in links {
        hops.push(Hop { dpid: at.dpid, in_port: at.port, out_port: link.from.port });
        at = link.to;
    }
    hops.push(Hop { dpid: at.dpid, in_port: at.port, out_port: leave.port });
    Ok(())
}

/// A port that packets of either direction would come in on twice.
fn repeated(hops: &[Hop]) -> Option<Location> {
    let twice = |port: fn(&Hop) -> PortNo| {
        hops.iter().enumerate().find_map(|(place, hop)| {
            let again = hops.iter().skip(place + 1).any(|other| other.dpid == hop.dpid && port(other) == port(hop));
            again.then(|| Location::new(hop.dpid, port(hop)))
        })
    };
    twice(|hop| hop.in_port).or_else(|| twice(|hop| hop.out_port))
}

impl fmt::Display for NoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPath::Unreachable { from, to } => write!(f, "no way from switch {from} to switch {to}"),
            NoPath::MiddleboxDown(_) => f.write_str("a middlebox that the rule demands is down"),
            NoPath::SamePort(at) => write!(f, "both ends are on port {at}"),
            NoPath::Ambiguous(at) => write!(f, "the way would pass port {at} twice"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn shown(hops: &[Hop]) -> String {
        hops.iter().map(|hop| format!("{}>{}>{}", hop.in_port, hop.dpid.0, hop.out_port)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_plain_path_takes_each_switch_once() {
        let hops = path(&mut row(), location(1, 1), location(3, 1), &[]).unwrap();
        assert_eq!(shown(&hops), "1>1>9 8>2>9 8>3>1");
        assert_eq!(shown(&reverse(&hops)), "1>3>8 9>2>8 9>1>1");
    }

    #[test]
    fn a_bump_in_the_wire_is_entered_inside_and_left_outside() {
        let proxy = Attachment::Inline { inside: location(2, 4), outside: location(2, 5) };
        let hops = path(&mut row(), location(1, 1), location(1, 2), &[(MiddleboxId(0), proxy)]).unwrap();
        assert_eq!(shown(&hops), "1>1>9 8>2>4 5>2>8 9>1>2");
    }

    #[test]
    fn a_one_armed_box_returns_packets_on_its_port() {
        let ids = Attachment::OneArmed { at: location(3, 4) };
        let hops = path(&mut row(), location(1, 1), location(2, 1), &[(MiddleboxId(0), ids)]).unwrap();
        assert_eq!(shown(&hops), "1>1>9 8>2>9 8>3>4 4>3>8 9>2>1");
    }

    #[test]
    fn a_way_that_a_switch_could_not_follow_is_refused() {
        let a = (MiddleboxId(0), Attachment::OneArmed { at: location(3, 4) });
        let b = (MiddleboxId(1), Attachment::OneArmed { at: location(1, 4) });
        let found = path(&mut row(), location(1, 1), location(3, 1), &[a, b]);
        assert!(matches!(found, Err(NoPath::Ambiguous(_))), "{found:?}");
    }

    #[test]
    fn a_dead_middlebox_means_no_path() {
        let mut topology = row();
        topology.set_port(location(2, 5), false);
        let proxy = Attachment::Inline { inside: location(2, 4), outside: location(2, 5) };
        let found = path(&mut topology, location(1, 1), location(3, 1), &[(MiddleboxId(0), proxy)]);
        assert_eq!(found, Err(NoPath::MiddleboxDown(MiddleboxId(0))));
        assert_eq!(path(&mut row(), location(1, 1), location(1, 1), &[]), Err(NoPath::SamePort(location(1, 1))));
    }
}
