//! Ends that nothing tells apart: what is found out about one of them is so of the others. Knows nothing of rules, but that they ask
//! for labels.

use std::collections::BTreeMap;
use std::hash::Hash;

use lang::checked::GroupId;
use net::{Dpid, Location};
use rustc_hash::FxHashMap;

use super::{AT, Record, Space, Told, USER, WHO, Who};
use crate::analysis::together::Here;

/// All that flows of an end, and their ways, can depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Like {
    /// An end that is no machine is like itself alone.
    itself: Option<usize>,
    record: Option<Record>,
    is_host: bool,
    has_own: bool,
    /// True if anything of it is otherwise in the second state.
    is_moved: bool,
    states: [Option<State>; 2],
    /// Addresses, by what tells them apart and in which states it has them: how many there are of each sort.
    addresses: Vec<(Option<usize>, [bool; 2], usize)>,
}

/// What one state says of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    record: Option<Record>,
    dpid: Option<Dpid>,
    /// Where it is, if that place is a gateway's or a middlebox's.
    special: Option<Location>,
    /// True if it is somewhere else than it is pinned to.
    is_astray: bool,
    users: Vec<(Option<Record>, Vec<GroupId>)>,
    groups: Vec<GroupId>,
}

/// A number for each end, and for each class of addresses; the same for those that nothing tells apart.
#[derive(Clone, Debug)]
pub(in crate::analysis) struct Likeness {
    pub(in crate::analysis) whos: Vec<usize>,
    pub(in crate::analysis) addresses: Vec<usize>,
}

impl Space<'_> {
    /// Numbers ends, and classes of addresses, that are told apart by something in two states.
    pub(in crate::analysis) fn likeness(&self, ends: &[Vec<Option<Here>>; 2]) -> Likeness {
        let owned = |class: &super::Addresses| {
            let owner = |view: &&crate::view::View| class.sample.is_some_and(|address| view.owner(address).is_some());
            self.told.iter().map(owner).collect::<Vec<bool>>()
        };
        let of_address = |one: &super::Addresses| {
            let told: Option<Told> = one.sample.map(|address| self.told(address, !one.registered.is_empty(), one.directed));
            (told, owned(one))
        };
        let addresses = numbered(self.addresses.iter().map(of_address));
        let whos = numbered((0..self.whos.len()).map(|who| self.like(who, ends, &addresses)));
        Likeness { whos, addresses }
    }

    fn like(&self, who: usize, ends: &[Vec<Option<Here>>; 2], kinds: &[usize]) -> Like {
        let heres = ends.each_ref().map(|of_state| of_state.get(who).and_then(Option::as_ref));
        let hosts = match self.whos.get(who) {
            Some(Who::Hosts(hosts)) => hosts.as_slice(),
            _ => &[],
        };
        let is_machine = matches!(self.whos.get(who), Some(Who::Hosts(_) | Who::Stranger(_)));
        let mut addresses: BTreeMap<(Option<usize>, [bool; 2]), usize> = BTreeMap::new();
        for (class, one) in self.addresses.iter().enumerate() {
            let Some(address) = one.sample else { continue };
            let has = heres.map(|here| here.and_then(|here| here.addresses.as_ref()).is_some_and(|all| all.contains(&address)));
            if has != [false, false] {
                // A registered address is its host's.
                let is_free =
                    one.registered.is_empty() || one.registered.iter().any(|(id, _)| hosts.iter().any(|(own, _)| own == id));
                *addresses.entry((kinds.get(class).copied().filter(|_| is_free), has)).or_default() += 1;
            }
        }
        Like {
            itself: (!is_machine).then_some(who),
            record: self.records[WHO].get(who).cloned(),
            is_host: !hosts.is_empty(),
            has_own: hosts.iter().all(|(id, _)| self.has_own(*id)),
            is_moved: heres[0] != heres[1],
            states: heres.map(|here| here.map(|here| self.state(who, here))),
            addresses: addresses.into_iter().map(|((kind, has), count)| (kind, has, count)).collect(),
        }
    }

    fn state(&self, who: usize, here: &Here) -> State {
        let place = self.places.iter().position(|at| *at == here.at);
        let of_login = |user| self.class_of_login(user).and_then(|class| self.records[USER].get(class)).cloned();
        let pin = self.whos.get(who).and_then(|who| self.pin_of(who));
        State {
            record: place.and_then(|place| self.records[AT].get(place)).cloned(),
            dpid: here.at.map(|at| at.dpid),
            special: here.at.filter(|at| self.is_special(*at)),
            is_astray: pin.is_some_and(|pin| here.at != Some(pin)),
            users: here.users.iter().map(|person| (of_login(person.user), person.groups.clone())).collect(),
            groups: here.groups.clone(),
        }
    }

    /// True if a gateway or a middlebox is there.
    fn is_special(&self, at: Location) -> bool {
        self.policy.gateways.iter().any(|gateway| gateway.at == at)
            || self.policy.middleboxes.iter().flat_map(|one| &one.attachments).any(|one| one.ports().contains(&at))
    }
}

/// A number for each, the same for the same.
fn numbered<T: Eq + Hash>(all: impl Iterator<Item = T>) -> Vec<usize> {
    let mut known: FxHashMap<T, usize> = FxHashMap::default();
    all.map(|one| {
        let next = known.len();
        *known.entry(one).or_insert(next)
    })
    .collect()
}
