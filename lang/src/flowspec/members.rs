//! Which members a set stands for in a flow, and what else is found once for all flows of a policy. Knows nothing of text.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use indexmap::IndexSet;
use net::{Location, PortNo};

use crate::checked::{BuiltIn, Checked, EndTest, GroupId, Kind, SetExpr, Switch};
use crate::eval;
use crate::flow::{End, Person, Place};
use crate::types;

use super::ends::{Draft, Said};
use super::{MAX_FLOWS, Mentions};

/// How many members may be looked at to list those of one set that cuts or takes away, and how many tests may be made where it cannot
/// be listed.
const MAX_LISTED: usize = 2_000_000;
const MAX_TESTS: usize = 20_000_000;

/// What is found once, when a flow first asks for it: behind the rules.
#[derive(Debug, Default)]
pub(crate) struct Known {
    mentions: OnceCell<Mentions>,
    beyond: OnceCell<Vec<IpAddr>>,
    members: RefCell<HashMap<GroupId, Option<Rc<[Said]>>>>,
}

impl Known {
    /// The addresses that the policy mentions.
    pub(super) fn mentions(&self, policy: &Checked) -> &Mentions {
        self.mentions.get_or_init(|| Mentions::of(policy))
    }

    /// Addresses that stand for the internet besides the example address.
    pub(super) fn beyond(&self, policy: &Checked) -> &[IpAddr] {
        self.beyond.get_or_init(|| self.mentions(policy).beyond(policy))
    }

    /// The members of a group; nothing if they are too many to be found.
    pub(super) fn members(&self, policy: &Checked, id: GroupId) -> Option<Rc<[Said]>> {
        if let Some(known) = self.members.borrow().get(&id) {
            return known.clone();
        }
        let found = members(self, policy, EndTest::Group(id)).map(Rc::from);
        self.members.borrow_mut().insert(id, found.clone());
        found
    }
}

/// How it is told of a leaf of a set whether it is a member.
enum Told {
    /// All are: the set joins them and does nothing else.
    All,
    /// These are.
    Listed(BTreeSet<EndTest>),
    /// Each is tested.
    Tested,
}

/// The access ports of a switch, as far as flows may be many.
pub(super) fn ports(switch: &Switch) -> Vec<Said> {
    let ports = switch.access.0.iter().cloned().flatten().take(MAX_FLOWS + 1);
    ports.map(|port| Said::At(Location::new(switch.dpid, PortNo(port)))).collect()
}

/// The members of a set that the text lists; of each prefix the addresses that stand for all of it. Nothing if too many would have to
/// be tested.
fn members(known: &Known, policy: &Checked, set: EndTest) -> Option<Vec<Said>> {
    let mut leaves = IndexSet::new();
    collect(policy, &SetExpr::Leaf(set), &mut leaves);
    let told = told(policy, &leaves, set);
    let mut left = MAX_TESTS;
    let mut said: IndexSet<Said> = IndexSet::new();
    for leaf in &leaves {
        for one in candidates(known, policy, *leaf) {
            let is_member = match &told {
                Told::All => true,
                Told::Listed(members) => members.contains(leaf),
                Told::Tested => {
                    left = left.checked_sub(leaves.len())?;
                    is_member(policy, set, one.clone())
                }
            };
            if is_member {
                said.insert(one);
            }
            // More are too many for a flow in any case.
            if said.len() > MAX_FLOWS {
                return Some(said.into_iter().collect());
            }
        }
    }
    Some(said.into_iter().collect())
}

fn told(policy: &Checked, leaves: &IndexSet<EndTest>, set: EndTest) -> Told {
    let groups =
        leaves.iter().filter_map(|leaf| if let EndTest::Group(id) = leaf { policy.groups.get(id.index()) } else { None });
    if groups.into_iter().all(|group| is_union(&group.members)) {
        return Told::All;
    }
    // Of these, no member is a switch, whose ports are.
    if leaves.iter().any(|leaf| matches!(leaf, EndTest::Switch(_))) {
        return Told::Tested;
    }
    let mut budget = MAX_LISTED;
    types::listed(&SetExpr::Leaf(set), &policy.groups, &mut budget).map_or(Told::Tested, Told::Listed)
}

fn is_union(set: &SetExpr) -> bool {
    match set {
        SetExpr::Leaf(_) => true,
        SetExpr::Union(parts) => parts.iter().all(is_union),
        SetExpr::Intersection(..) | SetExpr::Difference(..) => false,
    }
}

/// What a leaf stands for.
fn candidates(known: &Known, policy: &Checked, leaf: EndTest) -> Vec<Said> {
    match leaf {
        EndTest::User(id) => vec![Said::User(Person::declared(id))],
        EndTest::Host(id) => vec![Said::Host(id)],
        EndTest::Mac(mac) => vec![Said::Mac(mac)],
        EndTest::Location(at) => vec![Said::At(at)],
        EndTest::Switch(dpid) => policy.switches.iter().filter(|switch| switch.dpid == dpid).flat_map(ports).collect(),
        EndTest::Address(prefix) => known.mentions(policy).within(prefix).into_iter().map(Said::Address).collect(),
        EndTest::BuiltIn(BuiltIn::Unauthenticated) => vec![Said::Nobody],
        EndTest::Group(id) if policy.groups.get(id.index()).is_some_and(|group| group.dynamic.is_some()) => {
            vec![dynamic_member(policy, id)]
        }
        EndTest::BuiltIn(_) | EndTest::Known(_) | EndTest::Group(_) => Vec::new(),
    }
}

/// Somebody, or something, that is a member of a dynamic group and of nothing else.
pub(super) fn dynamic_member(policy: &Checked, id: GroupId) -> Said {
    match policy.groups.get(id.index()).map(|group| group.kind) {
        Some(Kind::User) => Said::User(Person { user: None, groups: vec![id] }),
        _ => Said::Member(id),
    }
}

/// True if the candidate is a member.
fn is_member(policy: &Checked, set: EndTest, said: Said) -> bool {
    let mut draft = Draft::default();
    said.write(&mut draft);
    let Draft { users, groups, host, location, mac, address, .. } = draft;
    let end = End { users, host, location, mac, address, place: Place::Inside, groups };
    eval::end_passes(policy, set, &end, end.users.first())
}

/// Every leaf of a set, groups followed.
fn collect(policy: &Checked, set: &SetExpr, leaves: &mut IndexSet<EndTest>) {
    match set {
        SetExpr::Leaf(EndTest::Group(id)) => {
            // A group met before has given its leaves.
            if leaves.insert(EndTest::Group(*id))
                && let Some(group) = policy.groups.get(id.index())
            {
                collect(policy, &group.members, leaves);
            }
        }
        SetExpr::Leaf(test) => {
            leaves.insert(*test);
        }
        SetExpr::Union(parts) => parts.iter().for_each(|part| collect(policy, part, leaves)),
        SetExpr::Intersection(a, b) | SetExpr::Difference(a, b) => {
            collect(policy, a, leaves);
            collect(policy, b, leaves);
        }
    }
}
