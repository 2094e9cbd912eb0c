//! The part of the walk that is about frames for many. Knows nothing of what else happens in it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use compiler::audience;
use lang::checked::{Duties, RuleId, Verdict};
use lang::eval::judge;
use lang::flow::{End, Flow};
use net::{Location, MacAddr};
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::Controller;
use runtime::record::Conversation;

use super::{HOSTS, PORTS, Walk};

/// A rule's place among the rules; the default stands behind all.
fn place(rule: Option<RuleId>) -> usize {
    rule.map_or(usize::MAX, RuleId::index)
}

impl Walk {
    /// Somebody sends to everybody, or to a group.
    pub(super) fn cast(&mut self) {
        let from = self.random.one(&HOSTS);
        let groups = [(MacAddr::BROADCAST, Ipv4Addr::BROADCAST), (MacAddr([1, 0, 0x5e, 1, 2, 3]), Ipv4Addr::new(239, 1, 2, 3))];
        let ((dst_mac, dst_ip), port) = (self.random.one(&groups), self.random.one(&PORTS));
        let host = self.world.host(from);
        let ends = IpEnds { src_mac: host.mac(), dst_mac, src_ip: host.ip(), dst_ip };
        let frame = build::udp(&ends, &Datagram { src: 4000, dst: port, data: b"all" }).unwrap();
        self.note(format!("{from} sends to {dst_ip} {port}"));
        let node = self.world.node(from);
        self.world.network.inject(node, frame.into());
    }

    /// A tree ends where nobody is whom an earlier rule keeps the packets from, and, if all switches are in reach, wherever else
    /// somebody is.
    pub(super) fn check_tree(&self, controller: &Controller, one: &Conversation, flow: &Flow) {
        let Some(tree) = one.course.tree() else { return };
        let decided = place(judge(controller.policy(), flow).rule);
        let gets = |receiver: &End| {
            let own = judge(controller.policy(), &Flow { dst: receiver.clone(), ..flow.clone() });
            let free = own.verdict == Verdict::Allow && own.via.is_empty() && own.duties == Duties::default();
            place(own.rule) >= decided || free
        };
        let receivers = |at| audience::receivers(controller.policy(), controller.view(), at, &one.key);
        for leaf in &tree.leaves {
            if !receivers(*leaf).iter().all(gets) {
                self.fail(&format!("a copy at {leaf} of {}", lang::flowspec::flow_text(controller.policy(), flow)));
            }
        }
        let mut joined = BTreeSet::from([one.ingress.dpid]);
        let avoids = !one.template.duties.avoid.is_empty();
        while let Some(link) = controller.links().find(|link| joined.contains(&link.from.dpid) && !joined.contains(&link.to.dpid))
        {
            joined.insert(link.to.dpid);
        }
        let places: BTreeSet<Location> = controller.view().stations().filter_map(|station| station.location).collect();
        let owed =
            places.iter().filter(|at| **at != one.ingress && joined.contains(&at.dpid) && receivers(**at).iter().all(gets));
        if let Some(missed) = owed.into_iter().find(|at| !tree.leaves.contains(at) && self.all_connected() && !avoids) {
            self.fail(&format!("no copy at {missed} of {}", lang::flowspec::flow_text(controller.policy(), flow)));
        }
    }
}
