//! The plain reference evaluator: what a policy means, written to be read. The compiled program is tested against it.
//! Knows nothing of speed, of the live network, or of how a policy came to be.

use crate::checked::{BuiltIn, Checked, Cond, EndTest, HeaderTest, MultiUser, Rule, ServiceTerm, SetExpr, UserId, Verdict};
use crate::flow::{Decide, End, Flow, Headers, Judgement, Place, Side};
use net::Transport;

/// A policy that answers flows by plain evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a>(pub &'a Checked);

impl Decide for Reference<'_> {
    fn decide(&self, flow: &Flow) -> Judgement {
        judge(self.0, flow)
    }
}

/// One user at each end: what a flow is judged for. `None` is the pseudo-user `none`.
#[derive(Clone, Copy)]
struct Faces {
    src: Option<UserId>,
    dst: Option<UserId>,
}

/// The answer to a flow: one judgement for each pair of a source user and a destination user, folded as the policy says.
/// Where two pairs are equally restricted, the earlier rule is named; the default is the last of all.
#[must_use]
pub fn judge(policy: &Checked, flow: &Flow) -> Judgement {
    let mut best: Option<Judgement> = None;
    for src in faces(&flow.src) {
        for dst in faces(&flow.dst) {
            let next = judge_pair(policy, flow, Faces { src, dst });
            best = Some(match best {
                None => next,
                Some(best) => fold(policy.multi_user, best, next),
            });
        }
    }
    best.unwrap_or_else(|| by_default(policy))
}

/// The users of one end, or `none` where there is no user: never empty.
fn faces(end: &End) -> Vec<Option<UserId>> {
    if end.users.is_empty() { vec![None] } else { end.users.iter().copied().map(Some).collect() }
}

/// First match in the order of the rules.
fn judge_pair(policy: &Checked, flow: &Flow, faces: Faces) -> Judgement {
    match policy.rules.iter().find(|rule| holds(policy, &rule.cond, flow, faces)) {
        Some(rule) => by_rule(rule),
        None => by_default(policy),
    }
}

fn by_rule(rule: &Rule) -> Judgement {
    Judgement { verdict: rule.verdict, rule: Some(rule.id), via: rule.via.clone() }
}

fn by_default(policy: &Checked) -> Judgement {
    Judgement { verdict: policy.default.verdict, rule: None, via: Vec::new() }
}

/// How much a judgement restricts a flow, the least first: allow, allow with obligations, deny.
#[must_use]
pub fn restrictiveness(judgement: &Judgement) -> u8 {
    match judgement.verdict {
        Verdict::Allow if judgement.via.is_empty() => 0,
        Verdict::Allow => 1,
        Verdict::Deny => 2,
    }
}

/// The one of two judgements for the same flow that wins.
#[must_use]
pub fn fold(how: MultiUser, a: Judgement, b: Judgement) -> Judgement {
    let (rank_a, rank_b) = (restrictiveness(&a), restrictiveness(&b));
    let b_wins = match how {
        MultiUser::LeastRestrictive => rank_b < rank_a,
        MultiUser::MostRestrictive => rank_b > rank_a,
    };
    if b_wins || (rank_a == rank_b && is_earlier(&b, &a)) { b } else { a }
}

/// True if a rule before the other's decided; the default stands behind every rule.
fn is_earlier(a: &Judgement, b: &Judgement) -> bool {
    match (a.rule, b.rule) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => true,
        (None, Some(_) | None) => false,
    }
}

fn holds(policy: &Checked, cond: &Cond, flow: &Flow, faces: Faces) -> bool {
    match cond {
        Cond::End(side, test) => {
            let user = match side {
                Side::Src => faces.src,
                Side::Dst => faces.dst,
            };
            end_passes(policy, *test, flow.end(*side), user)
        }
        Cond::Header(test) => header_passes(test, &flow.headers),
        Cond::Not(inner) => !holds(policy, inner, flow, faces),
        Cond::All(parts) => parts.iter().all(|part| holds(policy, part, flow, faces)),
        Cond::Any(parts) => parts.iter().any(|part| holds(policy, part, flow, faces)),
    }
}

/// One test of one end, as this one of its users (`None`: nobody is logged in). What is not known fails the test.
#[must_use]
pub fn end_passes(policy: &Checked, test: EndTest, end: &End, user: Option<UserId>) -> bool {
    match test {
        EndTest::User(wanted) => user == Some(wanted),
        EndTest::Host(wanted) => end.host == Some(wanted),
        EndTest::Location(wanted) => end.location == Some(wanted),
        EndTest::Switch(dpid) => end.location.is_some_and(|location| location.dpid == dpid),
        EndTest::Address(prefix) => end.address.is_some_and(|address| prefix.contains(address)),
        EndTest::Mac(wanted) => end.mac == Some(wanted),
        EndTest::Group(id) => match policy.groups.get(id.index()) {
            Some(group) => is_member(policy, &group.members, end, user),
            None => false,
        },
        EndTest::BuiltIn(set) => in_built_in(set, end, user),
    }
}

/// Membership of a set expression.
#[must_use]
pub fn is_member(policy: &Checked, set: &SetExpr, end: &End, user: Option<UserId>) -> bool {
    match set {
        SetExpr::Leaf(test) => end_passes(policy, *test, end, user),
        SetExpr::Union(parts) => parts.iter().any(|part| is_member(policy, part, end, user)),
        SetExpr::Intersection(a, b) => is_member(policy, a, end, user) && is_member(policy, b, end, user),
        SetExpr::Difference(a, b) => is_member(policy, a, end, user) && !is_member(policy, b, end, user),
    }
}

fn in_built_in(set: BuiltIn, end: &End, user: Option<UserId>) -> bool {
    match set {
        BuiltIn::Unauthenticated => user.is_none(),
        BuiltIn::Authenticated => user.is_some(),
        BuiltIn::Registered => end.host.is_some(),
        BuiltIn::Unregistered => end.host.is_none(),
        BuiltIn::Internet => matches!(end.place, Place::Internet(_)),
        BuiltIn::Gateway => matches!(end.place, Place::Gateway(_)),
        BuiltIn::Broadcast => end.place == Place::Broadcast,
        BuiltIn::Multicast => end.place == Place::Multicast,
        BuiltIn::Controller => end.place == Place::Controller,
    }
}

fn header_passes(test: &HeaderTest, headers: &Headers) -> bool {
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
