//! What entries of the emulated switches do, in the words of the runtime. Knows nothing of why they are there.

use emulator::switch::{Action as Does, Set, Target};
use net::{FlowMatch, VlanId, VlanMatch};
use runtime::dialect::{Action, GroupId};

/// What an entry of ours does, in our words; nothing for what we never write.
pub(super) fn ours(region: &FlowMatch, actions: &[&Does]) -> Option<Vec<Action>> {
    let (mut all, mut pushed, mut tagged) = (Vec::new(), false, region.vlan != VlanMatch::Untagged);
    for action in actions {
        match **action {
            Does::Output { to: Target::Port(port), .. } => all.push(Action::Output(port)),
            Does::Output { to: Target::InPort, .. } => all.push(Action::Return),
            Does::PushVlan(_) => pushed = true,
            Does::Set(Set::VlanId { id, .. }) => {
                let id = VlanId::new(id)?;
                all.push(if std::mem::take(&mut pushed) || !tagged { Action::Tag(id) } else { Action::Retag(id) });
                tagged = true;
            }
            Does::PopVlan => {
                all.push(Action::Untag);
                tagged = false;
            }
            Does::Queue(Some(number)) if !all.contains(&Action::Queue(number)) => all.push(Action::Queue(number)),
            Does::Queue(_) => {}
            Does::Group(group) => all.push(Action::Group(GroupId(group))),
            _ => return None,
        }
    }
    Some(all)
}
