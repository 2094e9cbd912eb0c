//! Who gets a copy of a frame for everybody or for a group: whoever hears it, unless a rule that stands before the one that lets it
//! pass keeps its packets from that receiver. Knows nothing of ports that lead to switches, or of how copies get anywhere.

use std::net::IpAddr;

use lang::checked::{BuiltIn, Checked, Cond, EndTest, MultiUser, RuleId, Verdict};
use lang::eval;
use lang::flow::{End, Headers, Person, Place, Side};
use net::{FlowKey, Location, MacAddr, Time};

use crate::label::Record;
use crate::principal::{self, end_of};
use crate::program::Program;
use crate::view::View;

/// Everybody who would hear a frame for a group at this port: each station there with each of its addresses that the frame could be
/// for, or the gateway, and what lies beyond it if routers pass the group on. Nobody, if nobody is known to be there.
#[must_use]
pub fn receivers(policy: &Checked, view: &View, at: Location, key: &FlowKey) -> Vec<End> {
    let like = |address: &&IpAddr| key.ip.is_some_and(|ip| ip.dst.is_ipv4() == address.is_ipv4());
    if let Some((id, gateway)) = principal::gateways(policy).find(|(_, gateway)| gateway.at == at) {
        let mac = principal::gateway_mac(view, id, gateway);
        let end = |address| End { mac, address, location: Some(at), place: Place::Gateway(id), ..End::default() };
        let itself = each_or_none(gateway.addresses.iter().filter(like).copied()).map(end);
        let beyond = End { mac, location: Some(at), place: Place::Internet(Some(id)), ..End::default() };
        return itself.chain(is_routed(key).then_some(beyond)).collect();
    }
    let ends = |mac: MacAddr| {
        let station = view.station(mac)?;
        Some(each_or_none(station.addresses.iter().filter(like).copied()).map(|address| end_of(station, address)).collect())
    };
    let macs: Vec<MacAddr> = view.at(at).map(|station| station.mac).collect();
    macs.into_iter().filter_map(ends).flat_map(|ends: Vec<End>| ends).collect()
}

/// Each of them, or nothing once.
fn each_or_none(addresses: impl Iterator<Item = IpAddr>) -> impl Iterator<Item = Option<IpAddr>> {
    let mut addresses = addresses.map(Some).peekable();
    let none = addresses.peek().is_none().then_some(None);
    addresses.chain(none)
}

/// True for groups that routers pass on: not those of one link (RFC 5771 §4, RFC 4291 §2.7).
fn is_routed(key: &FlowKey) -> bool {
    match key.ip.map(|ip| ip.dst) {
        Some(IpAddr::V4(v4)) => v4.is_multicast() && !matches!(v4.octets(), [224, 0, 0, _]),
        Some(IpAddr::V6(v6)) => v6.is_multicast() && v6.octets().get(1).is_some_and(|scope| scope & 0xf > 2),
        None => false,
    }
}

impl Program {
    /// True if the receiver gets a copy of a frame that may be sent to the group. With several users at an end, each pair is asked, and
    /// the policy says whether one or all of them must be in order.
    #[must_use]
    pub fn gets_copy(&self, src: &End, group: &End, receiver: &End, key: &FlowKey, now: Time) -> bool {
        let (headers, moment) = (Program::headers(key), self.moment(Some(now)));
        let decide = |src: &Record, dst: &Record| {
            let one = std::slice::from_ref;
            let decision = self.decision(one(src), one(dst), &headers, &moment);
            self.judgement(decision)
        };
        let (srcs, groups, receivers) = (self.records(src), self.records(group), self.records(receiver));
        let one_is_enough = self.policy().multi_user == MultiUser::LeastRestrictive;
        for src in srcs.iter() {
            let whole = groups.first().map(|group| decide(src, group)).filter(|whole| whole.verdict == Verdict::Allow);
            for receiver in receivers.iter() {
                let passes = whole.as_ref().is_some_and(|whole| {
                    let own = decide(src, receiver);
                    let before = place(own.rule) < place(whole.rule);
                    !before
                        || (own.verdict == Verdict::Allow && own.rule.and_then(|id| self.policy().rule(id)).is_none_or(is_free))
                });
                if passes == one_is_enough {
                    return one_is_enough;
                }
            }
        }
        !one_is_enough
    }

    /// True if there may be a receiver who gets no copy, whoever it is: some rule before the one that lets the frame pass may keep it
    /// from somebody. Errs on that side.
    #[must_use]
    pub fn may_refuse_copies(&self, src: &End, allowed_by: Option<RuleId>, key: &FlowKey, now: Time) -> bool {
        let headers = Program::headers(key);
        let several = src.users.len() > 1;
        // With several users the rule is that of one of them: those before it are not all.
        let before = if several { usize::MAX } else { place(allowed_by) };
        let asked = Asked { policy: self.policy(), src, headers: &headers, now };
        let keeps =
            |rule: &&lang::checked::Rule| rule.verdict().is_some_and(|verdict| verdict != Verdict::Allow) || !is_free(rule);
        let mut rules = self.policy().rules.iter().take(before).filter(keeps);
        rules.any(|rule| match src.users.as_slice() {
            [] => asked.holds(&rule.cond, None) != Some(false),
            users => users.iter().any(|user| asked.holds(&rule.cond, Some(user)) != Some(false)),
        })
    }
}

/// A rule's place among the rules; the default stands behind all.
fn place(rule: Option<RuleId>) -> usize {
    rule.map_or(usize::MAX, RuleId::index)
}

/// True unless what the rule allows is bound to something: no copy could keep that.
fn is_free(rule: &lang::checked::Rule) -> bool {
    !rule.has_obligations()
}

/// A packet of which everything is known but who receives it.
struct Asked<'a> {
    policy: &'a Checked,
    src: &'a End,
    headers: &'a Headers,
    now: Time,
}

impl Asked<'_> {
    /// Whether a condition holds whoever the receiver is; nothing if that depends on it.
    fn holds(&self, cond: &Cond, user: Option<&Person>) -> Option<bool> {
        match cond {
            Cond::End(Side::Src, test) => Some(eval::end_passes(self.policy, *test, self.src, user)),
            Cond::End(Side::Dst, test) => of_receiver(*test),
            Cond::Header(test) => Some(eval::header_passes(test, self.headers)),
            Cond::Time(test) => Some(eval::time_passes(self.policy, *test, self.now)),
            Cond::Not(inner) => self.holds(inner, user).map(|holds| !holds),
            Cond::All(parts) => self.settle(parts, user, false),
            Cond::Any(parts) => self.settle(parts, user, true),
        }
    }

    /// What one part settles by being so, or all parts by not being so.
    fn settle(&self, parts: &[Cond], user: Option<&Person>, by: bool) -> Option<bool> {
        let mut all = Some(!by);
        for part in parts {
            match self.holds(part, user) {
                Some(holds) if holds == by => return Some(by),
                Some(_) => {}
                None => all = None,
            }
        }
        all
    }
}

/// A test of a receiver: none is a group or the controller.
fn of_receiver(test: EndTest) -> Option<bool> {
    match test {
        EndTest::BuiltIn(BuiltIn::Broadcast | BuiltIn::Multicast | BuiltIn::Controller) => Some(false),
        EndTest::BuiltIn(
            BuiltIn::Unauthenticated
            | BuiltIn::Authenticated
            | BuiltIn::Registered
            | BuiltIn::Unregistered
            | BuiltIn::Internet
            | BuiltIn::Gateway,
        )
        | EndTest::User(_)
        | EndTest::Host(_)
        | EndTest::Location(_)
        | EndTest::Switch(_)
        | EndTest::Address(_)
        | EndTest::Mac(_)
        | EndTest::Group(_)
        | EndTest::Known(_) => None,
    }
}

#[cfg(test)]
mod tests;
