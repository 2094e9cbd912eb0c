//! The plain reference evaluator: what a policy means, written to be read. The compiled program is tested against it.
//! Knows nothing of speed, of the live network, or of how a policy came to be.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::checked::{
    Aspect, BuiltIn, Checked, Cond, Duties, Effect, EndTest, GroupId, HeaderTest, Kind, MultiUser, Rule, RuleId, ServiceTerm,
    SetExpr, TimeTest, Verdict,
};
use crate::flow::{Decide, End, Flow, Headers, Judgement, Person, Place, Side};
use net::{Field, Time, Transport};

/// A policy that answers flows by plain evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a>(pub &'a Checked);

impl Decide for Reference<'_> {
    fn decide(&self, flow: &Flow) -> Judgement {
        judge(self.0, flow)
    }
}

/// The ends of a flow as one user each, and the rest of it.
struct Case<'a> {
    policy: &'a Checked,
    src: &'a Face<'a>,
    dst: &'a Face<'a>,
    headers: &'a Headers,
    time: Option<Time>,
}

/// One end of a flow, as one of its users; `None` is the pseudo-user `none`. What is found about a group is kept, since groups
/// may name one another many times over.
struct Face<'a> {
    policy: &'a Checked,
    end: &'a End,
    user: Option<&'a Person>,
    groups: RefCell<HashMap<GroupId, bool>>,
}

/// The answer to a flow: one judgement for each pair of a source user and a destination user, folded as the policy says.
#[must_use]
pub fn judge(policy: &Checked, flow: &Flow) -> Judgement {
    let mut all = Vec::new();
    for src in faces(policy, &flow.src) {
        for dst in faces(policy, &flow.dst) {
            all.push(judge_pair(&Case { policy, src: &src, dst: &dst, headers: &flow.headers, time: flow.time }));
        }
    }
    fold(policy.multi_user, all).unwrap_or_else(|| by_default(policy, Vec::new()))
}

/// One face for each user of an end, or one without a user: never empty.
fn faces<'a>(policy: &'a Checked, end: &'a End) -> Vec<Face<'a>> {
    if end.users.is_empty() {
        return vec![Face::new(policy, end, None)];
    }
    end.users.iter().map(|user| Face::new(policy, end, Some(user))).collect()
}

/// First match in the order of the rules. A rule that only audits is noted and does not count; one that passes goes on behind its
/// section.
fn judge_pair(case: &Case<'_>) -> Judgement {
    let mut audited = Vec::new();
    let mut next = 0;
    while let Some(rule) = case.policy.rules.get(next) {
        next += 1;
        if !holds(&rule.cond, case) {
            continue;
        }
        match rule.effect {
            Effect::Decide(verdict) => return by_rule(rule, verdict, audited),
            Effect::Audit(_) => audited.push(rule.id),
            Effect::Pass(behind) => next = behind.index(),
        }
    }
    by_default(case.policy, audited)
}

fn by_rule(rule: &Rule, verdict: Verdict, audited: Vec<RuleId>) -> Judgement {
    Judgement { verdict, rule: Some(rule.id), via: rule.via.clone(), duties: rule.duties.clone(), audited }
}

fn by_default(policy: &Checked, audited: Vec<RuleId>) -> Judgement {
    Judgement { verdict: policy.default.verdict, rule: None, via: Vec::new(), duties: Duties::default(), audited }
}

/// How much a judgement restricts a flow, the least first: allow, allow with obligations, redirect, reject, deny.
#[must_use]
pub fn restrictiveness(judgement: &Judgement) -> u8 {
    match judgement.verdict {
        Verdict::Allow if judgement.via.is_empty() && judgement.duties == Duties::default() => 0,
        Verdict::Allow => 1,
        Verdict::Redirect => 2,
        Verdict::Reject => 3,
        Verdict::Deny => 4,
    }
}

/// The one answer out of those for each pair of users; nothing if there is none. Among equally restricted ones the earliest rule
/// is named; the default is the last of all. Where the most restrictive wins, an allowed conversation is bound to what every pair
/// is bound to: it passes the middleboxes of the rules in their order, each once. What was audited for any pair is noted.
#[must_use]
pub fn fold(how: MultiUser, mut all: Vec<Judgement>) -> Option<Judgement> {
    all.sort_by_key(|judgement| judgement.rule.map_or(usize::MAX, RuleId::index));
    let mut audited: Vec<RuleId> = all.iter().flat_map(|judgement| judgement.audited.iter().copied()).collect();
    audited.sort_unstable();
    audited.dedup();
    let ranks = all.iter().map(restrictiveness);
    let wins = match how {
        MultiUser::LeastRestrictive => ranks.min(),
        MultiUser::MostRestrictive => ranks.max(),
    }?;
    all.retain(|judgement| restrictiveness(judgement) == wins);
    let mut all = all.into_iter();
    let mut first = Judgement { audited, ..all.next()? };
    if how == MultiUser::MostRestrictive {
        all.for_each(|other| first.bind(&other.via, &other.duties));
    }
    Some(first)
}

fn holds(cond: &Cond, case: &Case<'_>) -> bool {
    match cond {
        Cond::End(Side::Src, test) => case.src.passes(*test),
        Cond::End(Side::Dst, test) => case.dst.passes(*test),
        Cond::Header(test) => header_passes(test, case.headers),
        Cond::Time(test) => case.time.is_some_and(|time| time_passes(case.policy, *test, time)),
        Cond::Not(inner) => !holds(inner, case),
        Cond::All(parts) => parts.iter().all(|part| holds(part, case)),
        Cond::Any(parts) => parts.iter().any(|part| holds(part, case)),
    }
}

/// One test of a time that is known.
#[must_use]
pub fn time_passes(policy: &Checked, test: TimeTest, time: Time) -> bool {
    match test {
        TimeTest::Known => true,
        TimeTest::Before(end) => time < end,
        TimeTest::Within(id) => policy.times.get(id.index()).is_some_and(|named| {
            let civil = policy.calendar.civil(time);
            named.windows.iter().any(|window| window.contains(civil))
        }),
    }
}

/// One test of one end, as this one of its users (`None`: nobody is logged in). What is not known fails the test.
#[must_use]
pub fn end_passes(policy: &Checked, test: EndTest, end: &End, user: Option<&Person>) -> bool {
    Face::new(policy, end, user).passes(test)
}

/// Whether one end, as this one of its users, is a member of a set.
#[must_use]
pub fn end_is_in(policy: &Checked, set: &SetExpr, end: &End, user: Option<&Person>) -> bool {
    Face::new(policy, end, user).is_member(set)
}

impl<'a> Face<'a> {
    fn new(policy: &'a Checked, end: &'a End, user: Option<&'a Person>) -> Self {
        Face { policy, end, user, groups: RefCell::new(HashMap::new()) }
    }

    fn passes(&self, test: EndTest) -> bool {
        match test {
            EndTest::User(wanted) => self.user.is_some_and(|person| person.user == Some(wanted)),
            EndTest::Host(wanted) => self.end.host == Some(wanted),
            EndTest::Location(wanted) => self.end.location == Some(wanted),
            EndTest::Switch(dpid) => self.end.location.is_some_and(|location| location.dpid == dpid),
            EndTest::Address(prefix) => self.end.address.is_some_and(|address| prefix.contains(address)),
            EndTest::Mac(wanted) => self.end.mac == Some(wanted),
            EndTest::Group(id) => self.is_in_group(id),
            EndTest::BuiltIn(set) => in_built_in(set, self.end, self.user),
            EndTest::Known(Aspect::Location) => self.end.location.is_some(),
            EndTest::Known(Aspect::Mac) => self.end.mac.is_some(),
            EndTest::Known(Aspect::Address) => self.end.address.is_some(),
        }
    }

    fn is_in_group(&self, id: GroupId) -> bool {
        if let Some(known) = self.groups.borrow().get(&id) {
            return *known;
        }
        let found = self.policy.groups.get(id.index()).is_some_and(|group| match group.dynamic {
            None => self.is_member(&group.members),
            Some(_) if group.kind == Kind::User => self.user.is_some_and(|person| person.groups.contains(&id)),
            Some(_) => self.end.groups.contains(&id),
        });
        self.groups.borrow_mut().insert(id, found);
        found
    }

    fn is_member(&self, set: &SetExpr) -> bool {
        match set {
            SetExpr::Leaf(test) => self.passes(*test),
            SetExpr::Union(parts) => parts.iter().any(|part| self.is_member(part)),
            SetExpr::Intersection(a, b) => self.is_member(a) && self.is_member(b),
            SetExpr::Difference(a, b) => self.is_member(a) && !self.is_member(b),
        }
    }
}

fn in_built_in(set: BuiltIn, end: &End, user: Option<&Person>) -> bool {
    match set {
        BuiltIn::Unauthenticated => user.is_none(),
        BuiltIn::Authenticated => user.is_some(),
        BuiltIn::Registered => end.host.is_some(),
        BuiltIn::Unregistered => end.host.is_none() && end.place == Place::Inside,
        BuiltIn::Internet => matches!(end.place, Place::Internet(_)),
        BuiltIn::Gateway => matches!(end.place, Place::Gateway(_)),
        BuiltIn::Broadcast => end.place == Place::Broadcast,
        BuiltIn::Multicast => end.place == Place::Multicast,
        BuiltIn::Controller => end.place == Place::Controller,
    }
}

/// One test of headers. What is not there fails the test.
#[must_use]
pub fn header_passes(test: &HeaderTest, headers: &Headers) -> bool {
    match test {
        HeaderTest::Service(terms) => terms.iter().any(|term| term_matches(term, headers)),
        HeaderTest::DlType(wanted) => headers.dl_type == Some(*wanted),
        HeaderTest::Vlan(range) => headers.vlan.and_then(|tag| tag.id).is_some_and(|id| range.contains(&id.get())),
        HeaderTest::Pcp(range) => headers.vlan.is_some_and(|tag| range.contains(&tag.pcp)),
        HeaderTest::Dscp(range) => headers.dscp.is_some_and(|dscp| range.contains(&dscp)),
        HeaderTest::TpSrc(range) => matches!(headers.transport, Some(Transport::Ports { src, .. }) if range.contains(&src)),
        HeaderTest::TpDst(range) => matches!(headers.transport, Some(Transport::Ports { dst, .. }) if range.contains(&dst)),
        HeaderTest::IcmpType(range) => matches!(headers.transport, Some(Transport::Icmp { kind, .. }) if range.contains(&kind)),
        HeaderTest::IcmpCode(range) => matches!(headers.transport, Some(Transport::Icmp { code, .. }) if range.contains(&code)),
        HeaderTest::Present(field) => is_present(*field, headers),
    }
}

fn is_present(field: Field, headers: &Headers) -> bool {
    match field {
        Field::DlType => headers.dl_type.is_some(),
        Field::Vlan => headers.vlan.is_some_and(|tag| tag.id.is_some()),
        Field::Pcp => headers.vlan.is_some(),
        Field::Dscp => headers.dscp.is_some(),
        Field::Protocol => headers.proto.is_some(),
        Field::TpSrc | Field::TpDst => matches!(headers.transport, Some(Transport::Ports { .. })),
        Field::IcmpType | Field::IcmpCode => matches!(headers.transport, Some(Transport::Icmp { .. })),
        // Of the ends, not of the headers.
        Field::InPort | Field::DlSrc | Field::DlDst | Field::NwSrc | Field::NwDst => false,
    }
}

/// True if a packet with these headers is traffic of this kind.
#[must_use]
pub fn term_matches(term: &ServiceTerm, headers: &Headers) -> bool {
    match term {
        ServiceTerm::Protocol(proto) => headers.proto == Some(*proto),
        ServiceTerm::Ports(proto, range) => {
            headers.proto == Some(*proto)
                && matches!(headers.transport, Some(Transport::Ports { dst, .. }) if range.contains(&dst))
        }
        ServiceTerm::Icmp(proto, wanted, wanted_code) => {
            headers.proto == Some(*proto)
                && matches!(headers.transport, Some(Transport::Icmp { kind, code })
                    if kind == *wanted && wanted_code.is_none_or(|wanted| wanted == code))
        }
    }
}

#[cfg(test)]
mod tests;
