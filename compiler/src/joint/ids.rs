//! From the ids of one policy to those of two together: conditions, sets and rules, in the terms of both. Knows nothing of how
//! the ids were matched.

use std::collections::HashMap;
use std::hash::BuildHasher;

use lang::checked::{
    Attachment, Avoid, BuiltIn, Cond, Duties, EndTest, Fact, Group, GroupId, HostId, Invariant, Kind, MiddleboxId, Rule, SetExpr,
    TimeId, TimeTest, UserId,
};
use net::{Dpid, Location};
use rustc_hash::FxBuildHasher;

/// What the ids of one policy are in both.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// Switches that have another datapath id there.
    pub(super) dpids: HashMap<Dpid, Dpid>,
    pub(super) users: Vec<u32>,
    pub(super) hosts: Vec<u32>,
    pub(super) gateways: Vec<u32>,
    pub(super) middleboxes: Vec<u32>,
    pub(super) groups: Vec<GroupId>,
    pub(super) times: Vec<TimeId>,
    /// Hosts that only the other policy declares: under this one nobody did.
    pub(super) strangers: Option<GroupId>,
}

/// What two groups must have in common to be one: worth comparing, or not.
pub(super) fn sort(group: &Group) -> (Kind, bool, u64) {
    (group.kind, group.network, FxBuildHasher.hash_one((&group.members, &group.dynamic)))
}

/// The id at a place; that of nothing for an id of another policy.
fn at(ids: &[u32], place: usize) -> u32 {
    ids.get(place).copied().unwrap_or(u32::MAX)
}

impl Ids {
    pub(super) fn location(&self, at: Location) -> Location {
        Location { dpid: self.dpid(at.dpid), ..at }
    }

    pub(super) fn attachment(&self, attachment: Attachment) -> Attachment {
        match attachment {
            Attachment::Inline { inside, outside } => {
                Attachment::Inline { inside: self.location(inside), outside: self.location(outside) }
            }
            Attachment::OneArmed { at } => Attachment::OneArmed { at: self.location(at) },
        }
    }

    fn dpid(&self, dpid: Dpid) -> Dpid {
        self.dpids.get(&dpid).copied().unwrap_or(dpid)
    }

    fn middlebox(&self, id: MiddleboxId) -> MiddleboxId {
        MiddleboxId(at(&self.middleboxes, id.index()))
    }

    fn host(&self, id: HostId) -> HostId {
        HostId(at(&self.hosts, id.index()))
    }

    /// A test in the terms of both; who is registered is another matter.
    fn test(&self, test: EndTest) -> EndTest {
        match test {
            EndTest::User(id) => EndTest::User(UserId(at(&self.users, id.index()))),
            EndTest::Host(id) => EndTest::Host(self.host(id)),
            EndTest::Location(at) => EndTest::Location(self.location(at)),
            EndTest::Switch(dpid) => EndTest::Switch(self.dpid(dpid)),
            EndTest::Group(id) => EndTest::Group(self.groups.get(id.index()).copied().unwrap_or(GroupId(u32::MAX))),
            EndTest::Address(_) | EndTest::Mac(_) | EndTest::BuiltIn(_) | EndTest::Known(_) => test,
        }
    }

    pub(super) fn set(&self, set: &SetExpr) -> SetExpr {
        match set {
            SetExpr::Leaf(test) => self.leaf(*test),
            SetExpr::Union(parts) => SetExpr::Union(parts.iter().map(|part| self.set(part)).collect()),
            SetExpr::Intersection(a, b) => SetExpr::Intersection(Box::new(self.set(a)), Box::new(self.set(b))),
            SetExpr::Difference(a, b) => SetExpr::Difference(Box::new(self.set(a)), Box::new(self.set(b))),
        }
    }

    fn leaf(&self, test: EndTest) -> SetExpr {
        let leaf = SetExpr::Leaf(self.test(test));
        let strangers = self.strangers.map(|id| SetExpr::Leaf(EndTest::Group(id)));
        match (test, strangers) {
            (EndTest::BuiltIn(BuiltIn::Registered), Some(strangers)) => SetExpr::Difference(Box::new(leaf), Box::new(strangers)),
            (EndTest::BuiltIn(BuiltIn::Unregistered), Some(strangers)) => SetExpr::Union(vec![leaf, strangers]),
            _ => leaf,
        }
    }

    fn cond(&self, cond: &Cond) -> Cond {
        match cond {
            Cond::End(side, test) => {
                let own = Cond::End(*side, self.test(*test));
                let stranger = self.strangers.map(|id| Cond::End(*side, EndTest::Group(id)));
                match (test, stranger) {
                    (EndTest::BuiltIn(BuiltIn::Registered), Some(stranger)) => {
                        Cond::All(vec![own, Cond::Not(Box::new(stranger))])
                    }
                    (EndTest::BuiltIn(BuiltIn::Unregistered), Some(stranger)) => Cond::Any(vec![own, stranger]),
                    _ => own,
                }
            }
            Cond::Time(TimeTest::Within(id)) => {
                let id = self.times.get(id.index()).copied().unwrap_or(TimeId(u32::MAX));
                Cond::Time(TimeTest::Within(id))
            }
            Cond::Header(_) | Cond::Time(TimeTest::Before(_) | TimeTest::Known) => cond.clone(),
            Cond::Not(inner) => Cond::Not(Box::new(self.cond(inner))),
            Cond::All(parts) => Cond::All(parts.iter().map(|part| self.cond(part)).collect()),
            Cond::Any(parts) => Cond::Any(parts.iter().map(|part| self.cond(part)).collect()),
        }
    }

    fn duties(&self, duties: &Duties) -> Duties {
        let avoid = |avoid: &Avoid| match avoid {
            Avoid::Switch(dpid) => Avoid::Switch(self.dpid(*dpid)),
            Avoid::Port(at) => Avoid::Port(self.location(*at)),
            Avoid::Host(id) => Avoid::Host(self.host(*id)),
        };
        let mut avoid: Vec<Avoid> = duties.avoid.iter().map(avoid).collect();
        let mut mirror: Vec<MiddleboxId> = duties.mirror.iter().map(|id| self.middlebox(*id)).collect();
        avoid.sort_unstable();
        mirror.sort_unstable();
        Duties { avoid, mirror, ..duties.clone() }
    }

    /// The rule with its own number, in no section.
    pub(super) fn rule(&self, rule: &Rule) -> Rule {
        Rule {
            cond: self.cond(&rule.cond),
            via: rule.via.iter().map(|id| self.middlebox(*id)).collect(),
            duties: self.duties(&rule.duties),
            section: None,
            ..rule.clone()
        }
    }

    pub(super) fn invariant(&self, invariant: &Invariant) -> Invariant {
        let fact = match &invariant.fact {
            Fact::Disjoint(kind, a, b) => Fact::Disjoint(*kind, self.set(a), self.set(b)),
            Fact::Subset(kind, a, b) => Fact::Subset(*kind, self.set(a), self.set(b)),
            Fact::Nonempty(kind, a) => Fact::Nonempty(*kind, self.set(a)),
        };
        Invariant { fact, span: invariant.span }
    }
}
