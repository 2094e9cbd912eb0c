//! Groups of switches that fall over from one port to another: which conversations use each, and which are believed present. Knows
//! nothing of entries, nor of why a port stands in for another.

use std::collections::{BTreeMap, BTreeSet};

use net::{Dpid, PortNo};
use rustc_hash::FxHashMap;

use crate::dialect::{GroupId, ToSwitch};
use crate::effect::Effects;
use crate::record::FlowId;
use crate::session::Session;

/// Our groups have numbers from here on; others are somebody else's, and left alone.
const FIRST: u32 = 0x5000_0000;
/// Groups that are used at one switch, at most, however many it has.
const MOST: u32 = 65_536;

/// A port, and the one that stands in for it.
pub(crate) type Ports = [PortNo; 2];

/// The groups of every switch.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    switches: FxHashMap<Dpid, BTreeMap<GroupId, Grouped>>,
    /// Switches that refused one: they get none.
    refused: BTreeSet<Dpid>,
}

/// One group; never one that is neither used nor present.
#[derive(Clone, Copy, Debug, Default)]
struct Grouped {
    /// What it is to be, and how many conversations use it.
    wanted: Option<(Ports, usize)>,
    /// What the switch has; a group of another kind than ours has no ports.
    present: Option<Option<Ports>>,
}

impl Groups {
    /// A group for one more conversation: one that is there already, or a new one, of so many that the switch may have.
    pub(crate) fn claim(&mut self, dpid: Dpid, ports: Ports, most: u32) -> Option<GroupId> {
        if self.refused.contains(&dpid) {
            return None;
        }
        let groups = self.switches.entry(dpid).or_default();
        if let Some((id, users)) = groups
            .iter_mut()
            .find_map(|(id, one)| one.wanted.as_mut().filter(|(own, _)| *own == ports).map(|(_, users)| (*id, users)))
        {
            *users += 1;
            return Some(id);
        }
        let left = groups.iter_mut().find(|(_, one)| one.wanted.is_none() && one.present == Some(Some(ports)));
        if let Some((id, one)) = left {
            one.wanted = Some((ports, 1));
            return Some(*id);
        }
        let most = most.min(MOST);
        if groups.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            return None;
        }
        let free = (FIRST..=FIRST + MOST).map(GroupId).find(|id| !groups.contains_key(id))?;
        groups.insert(free, Grouped { wanted: Some((ports, 1)), present: None });
        Some(free)
    }

    /// Makes the switch hold a group. True if it does, or will.
    pub(crate) fn settle(&mut self, dpid: Dpid, id: GroupId, flow: FlowId, session: &mut Session, out: &mut Effects) -> bool {
        let Some(one) = self.switches.get_mut(&dpid).and_then(|groups| groups.get_mut(&id)) else { return false };
        let Some((ports, _)) = one.wanted else { return false };
        if one.present == Some(Some(ports)) {
            return true;
        }
        let message = if one.present.is_some() { ToSwitch::ChangeGroup { id, ports } } else { ToSwitch::AddGroup { id, ports } };
        let said = session.say_for(flow, &message, out).is_ok();
        // The switch may do what comes next first, unless a barrier stands between (OpenFlow 1.3.5 §6.2).
        if said && session.say(&ToSwitch::Barrier, out) {
            one.present = Some(Some(ports));
        }
        said
    }

    /// One conversation uses the group no more; with the last it goes. The entries that name it are deleted before.
    pub(crate) fn release(&mut self, dpid: Dpid, id: GroupId, session: Option<&mut Session>, out: &mut Effects) {
        let Some(groups) = self.switches.get_mut(&dpid) else { return };
        if let Some((_, users)) = groups.get_mut(&id).and_then(|one| one.wanted.as_mut()).filter(|(_, users)| *users > 1) {
            *users -= 1;
            return;
        }
        let present = groups.remove(&id).is_some_and(|one| one.present.is_some());
        if let Some(session) = session.filter(|_| present) {
            session.say(&ToSwitch::Barrier, out);
            session.say(&ToSwitch::DeleteGroup { id }, out);
        }
    }

    /// The switch told which groups it has, when it connected. Those of others count for nothing but their room.
    pub(crate) fn found(&mut self, dpid: Dpid, found: &[(GroupId, Option<Ports>)]) {
        let groups = self.switches.entry(dpid).or_default();
        for (id, ports) in found.iter().filter(|(id, _)| (FIRST..=FIRST + MOST).contains(&id.0)) {
            groups.entry(*id).or_default().present = Some(*ports);
        }
    }

    /// The connection is gone: what the switch has will be told when it is back, and it may be another.
    pub(crate) fn disconnected(&mut self, dpid: Dpid) {
        self.refused.remove(&dpid);
        if let Some(groups) = self.switches.get_mut(&dpid) {
            groups.retain(|_, one| {
                one.present = None;
                one.wanted.is_some()
            });
        }
    }

    /// The switch refused a group: it gets none until it connects again.
    pub(crate) fn refuse(&mut self, dpid: Dpid) {
        self.refused.insert(dpid);
    }

    /// Groups in use that the switch is not known to have, or has otherwise.
    pub(crate) fn missing(&self, dpid: Dpid) -> Vec<GroupId> {
        let groups = self.switches.get(&dpid).into_iter().flatten();
        let missing = groups.filter(|(_, one)| one.wanted.is_some_and(|(ports, _)| one.present != Some(Some(ports))));
        missing.map(|(id, _)| *id).collect()
    }

    /// Groups of ours that the switch has and nobody uses.
    pub(crate) fn unwanted(&self, dpid: Dpid) -> Vec<GroupId> {
        let groups = self.switches.get(&dpid).into_iter().flatten();
        groups.filter(|(_, one)| one.wanted.is_none()).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_shared_by_ports_and_go_with_the_last_who_uses_them() {
        let (mut groups, dpid, mut out) = (Groups::default(), Dpid(1), Effects::default());
        let ports = |a, b| [PortNo(a), PortNo(b)];
        groups.found(dpid, &[(GroupId(FIRST + 1), Some(ports(5, 6))), (GroupId(7), None)]);
        assert_eq!(groups.claim(dpid, ports(1, 2), 3), Some(GroupId(FIRST)));
        assert_eq!(groups.claim(dpid, ports(1, 2), 3), Some(GroupId(FIRST)));
        assert_eq!(groups.claim(dpid, ports(5, 6), 3), Some(GroupId(FIRST + 1)), "it is there already");
        assert_eq!(groups.claim(dpid, ports(2, 1), 3), Some(GroupId(FIRST + 2)), "the other way round it is another");
        assert_eq!(groups.claim(dpid, ports(3, 4), 3), None);
        assert_eq!(groups.missing(dpid), [GroupId(FIRST), GroupId(FIRST + 2)]);
        groups.release(dpid, GroupId(FIRST), None, &mut out);
        assert_eq!(groups.claim(dpid, ports(3, 4), 3), None, "one still uses it");
        groups.release(dpid, GroupId(FIRST), None, &mut out);
        assert_eq!(groups.claim(dpid, ports(3, 4), 3), Some(GroupId(FIRST)));
        assert!(groups.unwanted(dpid).is_empty());
        groups.refuse(dpid);
        assert_eq!(groups.claim(dpid, ports(3, 4), 3), None);
        groups.disconnected(dpid);
        assert_eq!(groups.claim(dpid, ports(3, 4), 3), Some(GroupId(FIRST)));
    }
}
