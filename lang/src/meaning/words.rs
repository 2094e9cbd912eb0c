//! What a checked policy says, with names in place of numbers and without places in the text. Two parts that say the same are the
//! same in these words; the words are not the language's, and nobody is to read them.

use std::collections::BTreeSet;

use crate::checked::{
    Assertion, Avoid, Checked, Cond, DecidedBy, Duties, DynamicSource, Effect, EndTest, Fact, Gateway, Group, GroupId,
    HeaderTest, Host, Middlebox, MiddleboxId, NamedTime, Rule, Section, ServiceTerm, SetExpr, Switch, Test, TimeTest,
};
use crate::types;

/// The words of one policy.
pub(super) struct Words<'a>(pub(super) &'a Checked);

impl Words<'_> {
    pub(super) fn switch(&self, one: &Switch) -> String {
        format!("{} {} {:?} {:?} {:?}", one.name, one.dpid, one.access, one.uplink, one.certificates)
    }

    pub(super) fn host(&self, one: &Host) -> String {
        format!("{} {:?} {:?} {:?} {:?} {:?}", one.name, one.macs, one.addresses, one.pin, one.serves, one.routes)
    }

    pub(super) fn gateway(&self, one: &Gateway) -> String {
        format!("{} {:?} {:?} {:?} {:?}", one.name, one.at, one.mac, one.addresses, one.serves)
    }

    pub(super) fn middlebox(&self, one: &Middlebox) -> String {
        format!("{} {:?}", one.name, one.attachments)
    }

    /// Whether the default is stated counts: lints go by it.
    pub(super) fn settings(&self) -> String {
        let Checked { default, multi_user, calendar, .. } = self.0;
        format!("{} {} {multi_user:?} {}", default.verdict, default.span.is_some(), calendar.zone())
    }

    pub(super) fn section(&self, one: &Section) -> String {
        format!("{} {:?} {:?} {}", one.name, one.parent, one.owner, self.cond(&one.scope))
    }

    pub(super) fn fact(&self, fact: &Fact) -> String {
        match fact {
            Fact::Disjoint(kind, a, b) => format!("disjoint {kind:?} {} {}", self.set(a), self.set(b)),
            Fact::Subset(kind, a, b) => format!("subset {kind:?} {} {}", self.set(a), self.set(b)),
            Fact::Nonempty(kind, a) => format!("nonempty {kind:?} {}", self.set(a)),
        }
    }

    pub(super) fn assertion(&self, one: &Assertion) -> String {
        format!("{:?} {:?} {} {:?}", one.name, one.claim, self.cond(&one.pattern), self.boxes(&one.via))
    }

    /// Which flows a case stands for hangs on what else is declared, and is found out by running it.
    pub(super) fn test(&self, one: &Test) -> Vec<String> {
        let cases = one.cases.iter().map(|case| {
            let via = case.via.as_ref().map(|via| self.boxes(via));
            let by = match &case.by {
                None => String::new(),
                Some(DecidedBy::Default) => "default".to_owned(),
                Some(DecidedBy::Rules(rules)) => {
                    let names = rules.iter().filter_map(|id| self.0.rule(*id)).map(|rule| format!("{:?}", rule.name));
                    names.collect::<BTreeSet<String>>().into_iter().collect()
                }
            };
            let flow: Vec<&str> = case.flow_text.split(' ').collect();
            format!("{:?} {:?} {} {via:?} {by}", one.name, flow.concat(), case.verdict)
        });
        cases.collect()
    }

    pub(super) fn group(&self, group: &Group) -> String {
        let kind = group.kind;
        format!("group {kind:?} {} {:?} {}", group.network, group.dynamic.is_some(), self.set(&group.members))
    }

    pub(super) fn time(&self, time: &NamedTime) -> String {
        format!("time {:?}", time.windows)
    }

    pub(super) fn service(&self, terms: &[ServiceTerm]) -> String {
        let terms: BTreeSet<String> = terms.iter().map(|term| format!("{term:?}")).collect();
        format!("service {terms:?}")
    }

    pub(super) fn rule(&self, rule: &Rule) -> String {
        let effect = match rule.effect {
            Effect::Decide(verdict) => verdict.to_string(),
            Effect::Audit(verdict) => format!("audit {verdict}"),
            // Where to is compared by place.
            Effect::Pass(_) => "pass".to_owned(),
        };
        let belongs = format!("{:?} {:?} {:?} {:?} {:?}", rule.name, rule.owner, rule.ticket, rule.section, rule.part);
        let does = format!("{effect} {:?} {} {} {:?}", self.boxes(&rule.via), self.duties(&rule.duties), rule.log, rule.until);
        format!("{belongs} {does} {}", self.cond(&rule.cond))
    }

    fn duties(&self, duties: &Duties) -> String {
        let Duties { one_way, avoid, vlan, limit, mirror, queue } = duties;
        let avoid: BTreeSet<String> = avoid
            .iter()
            .map(|one| match one {
                Avoid::Host(id) => self.0.hosts.get(id.index()).map_or_else(String::new, |host| format!("host {}", host.name)),
                Avoid::Switch(_) | Avoid::Port(_) => format!("{one:?}"),
            })
            .collect();
        format!("{one_way} {avoid:?} {vlan:?} {limit:?} {:?} {queue:?}", self.boxes(mirror))
    }

    fn boxes(&self, ids: &[MiddleboxId]) -> Vec<&str> {
        ids.iter().filter_map(|id| self.0.middleboxes.get(id.index())).map(|one| &*one.name).collect()
    }

    fn cond(&self, cond: &Cond) -> String {
        let all = |parts: &[Cond]| parts.iter().map(|part| self.cond(part)).collect::<Vec<_>>().join(", ");
        match cond {
            Cond::End(side, test) => format!("{side:?} {}", self.end_test(*test)),
            Cond::Header(HeaderTest::Service(terms)) => self.service(terms),
            Cond::Header(test) => format!("{test:?}"),
            Cond::Time(TimeTest::Within(id)) => {
                self.0.times.get(id.index()).map_or_else(String::new, |time| format!("time in {}", time.name))
            }
            Cond::Time(test) => format!("{test:?}"),
            Cond::Not(inner) => format!("not({})", self.cond(inner)),
            Cond::All(parts) => format!("all({})", all(parts)),
            Cond::Any(parts) => format!("any({})", all(parts)),
        }
    }

    /// A union is the set of what it joins, however often and in whatever order it is named.
    fn set(&self, set: &SetExpr) -> String {
        match set {
            SetExpr::Leaf(test) => self.end_test(*test),
            SetExpr::Union(_) => {
                let mut parts = BTreeSet::new();
                self.gather(set, &mut parts);
                match (parts.len(), parts.first()) {
                    (1, Some(only)) => only.clone(),
                    _ => format!("union({})", parts.into_iter().collect::<Vec<_>>().join(", ")),
                }
            }
            SetExpr::Intersection(a, b) => format!("both({}, {})", self.set(a), self.set(b)),
            SetExpr::Difference(a, b) => format!("but({}, {})", self.set(a), self.set(b)),
        }
    }

    fn gather(&self, set: &SetExpr, parts: &mut BTreeSet<String>) {
        match set {
            SetExpr::Union(inner) => inner.iter().for_each(|part| self.gather(part, parts)),
            SetExpr::Leaf(_) | SetExpr::Intersection(..) | SetExpr::Difference(..) => {
                parts.insert(self.set(set));
            }
        }
    }

    fn end_test(&self, test: EndTest) -> String {
        let policy = self.0;
        match test {
            EndTest::User(id) => policy.users.get(id.index()).map_or_else(String::new, |user| format!("user {}", user.name)),
            EndTest::Host(id) => policy.hosts.get(id.index()).map_or_else(String::new, |host| format!("host {}", host.name)),
            EndTest::Group(id) => self.group_name(id),
            EndTest::Location(_)
            | EndTest::Switch(_)
            | EndTest::Address(_)
            | EndTest::Mac(_)
            | EndTest::BuiltIn(_)
            | EndTest::Known(_) => format!("{test:?}"),
        }
    }

    fn group_name(&self, id: GroupId) -> String {
        match self.0.groups.get(id.index()) {
            Some(group) if group.dynamic.is_some() => self.dynamic(group),
            Some(group) => format!("group {}", group.name),
            None => String::new(),
        }
    }

    /// A set that somebody else fills is who fills it, whatever it is called.
    pub(super) fn dynamic(&self, group: &Group) -> String {
        let by = group.dynamic.as_ref().map(DynamicSource::to_string).unwrap_or_default();
        format!("{} {by}", types::word(group.kind))
    }
}
