//! Who gets through: of the flows of a pattern those that are allowed, by the rule that allows them, with everyone at one end.
//! Knows nothing of texts.
//!
//! Each part of the pattern that a rule allows is exact; of its ends each user, and each machine, is listed of whom some flow is in
//! the part. So whoever is not listed gets through in no view.

use std::collections::{BTreeMap, BTreeSet};

use lang::checked::{Cond, GatewayId, GroupId, HostId, MiddleboxId, RuleId, UserId, Verdict};
use lang::flow::{Flow, Side};

use super::area::{Area, Bits};
use super::space::{ADDRESS, Login, Space, USER, WHO, Who, end_attr};
use super::walk::{Flow as Control, Stopped};
use super::{Analysis, without};

/// Who gets through at one end of the flows of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// By the rule that allows it, in the order of the rules; the default last.
    pub rows: Vec<Reached>,
    /// False if the budget did not suffice: then there may be more.
    pub settled: bool,
}

/// Who gets through by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The rule; nothing is the default.
    pub rule: Option<RuleId>,
    /// Middleboxes that the flow passes, in order.
    pub via: Vec<MiddleboxId>,
    /// Declared users, ascending.
    pub users: Vec<UserId>,
    /// Machines on which nobody is logged in, too.
    pub nobody: bool,
    /// Users who are not declared, too.
    pub undeclared: bool,
    /// Declared hosts, ascending.
    pub hosts: Vec<HostId>,
    /// Other ends.
    pub others: Vec<Other>,
    /// Dynamic groups that every one of them is a member of.
    pub members_of: Vec<GroupId>,
    /// One of the flows.
    pub flow: Flow,
}

/// An end that is no declared host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Other {
    /// A machine on the site that nobody declared.
    Unregistered,
    /// Somebody beyond a gateway.
    Internet,
    /// A gateway itself.
    Gateway(GatewayId),
    /// Everyone on the segment.
    Broadcast,
    /// A group address.
    Multicast,
    /// The controller.
    Controller,
}

/// What becomes of the flows of a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// One that is allowed.
    pub allowed: Option<Flow>,
    /// One that is not.
    pub refused: Option<Flow>,
    /// False if the budget did not suffice: then there may be the other sort, too.
    pub settled: bool,
}

/// What is gathered of one rule.
struct Gathered {
    flow: Flow,
    users: BTreeSet<usize>,
    whos: BTreeSet<usize>,
    hosts: BTreeSet<HostId>,
    /// Dynamic groups that are asked for in every part so far.
    members_of: BTreeSet<GroupId>,
}

impl Analysis<'_> {
    /// Who gets through at this end of the flows of a pattern, which must be one of the policy's assertions.
    #[must_use]
    pub fn reach(&self, pattern: &Cond, side: Side) -> Reach {
        let mut gathered: BTreeMap<Option<RuleId>, Gathered> = BTreeMap::new();
        let mut settled = true;
        let all = self.of_packets(pattern).unwrap_or_else(|| {
            settled = false;
            Vec::new()
        });
        let (areas, crowded) = self.apart(all.clone());
        for area in all.iter().filter(|_| crowded.is_some()) {
            let mut steps = self.grant();
            let granted = steps;
            let ends = crowded.as_deref().unwrap_or_default();
            let told = self.together(area, ends, &mut steps, &mut |flow, judgement, (src, dst)| {
                if judgement.verdict == Verdict::Allow {
                    let who = if side == Side::Src { src } else { dst };
                    self.gather_all(flow, (side, who), judgement.rule, &mut gathered);
                }
                Ok(Control::GoOn)
            });
            self.spend(granted - steps);
            settled &= told.is_ok();
        }
        for area in areas {
            let granted = self.grant();
            let mut steps = granted;
            let walked = self.walk(area, RuleId(0), &mut steps, &mut |inside, outcome, steps| {
                if outcome.verdict == Verdict::Allow {
                    self.gather(inside, side, outcome.rule, &mut gathered, steps)?;
                }
                Ok(Control::GoOn)
            });
            self.spend(granted - steps);
            settled &= walked.is_ok();
        }
        let mut rows: Vec<Reached> = gathered.into_iter().map(|(rule, found)| self.reached(rule, found)).collect();
        rows.sort_by_key(|row| row.rule.map_or(u32::MAX, |id| id.0));
        Reach { rows, settled }
    }

    /// What becomes of the flows of a pattern, which must be one of the policy's assertions.
    #[must_use]
    pub fn fate(&self, pattern: &Cond) -> Fate {
        let mut fate = Fate { settled: true, ..Fate::default() };
        let Some(areas) = self.of_packets(pattern) else { return Fate::default() };
        let (rest, crowded) = self.apart(areas.clone());
        for area in areas.iter().filter(|_| crowded.is_some()) {
            let mut steps = self.grant();
            let granted = steps;
            let told = self.together(area, crowded.as_deref().unwrap_or_default(), &mut steps, &mut |flow, judgement, _| {
                let slot = if judgement.verdict == Verdict::Allow { &mut fate.allowed } else { &mut fate.refused };
                slot.get_or_insert_with(|| flow.clone());
                Ok(if fate.allowed.is_some() && fate.refused.is_some() { Control::Stop } else { Control::GoOn })
            });
            self.spend(granted - steps);
            fate.settled &= told.is_ok();
        }
        for area in rest {
            let granted = self.grant();
            let mut steps = granted;
            let walked = self.walk(area, RuleId(0), &mut steps, &mut |inside, outcome, steps| {
                let slot = if outcome.verdict == Verdict::Allow { &mut fate.allowed } else { &mut fate.refused };
                if slot.is_none() {
                    *slot = self.example(inside, outcome.rule, steps)?;
                }
                let both = fate.allowed.is_some() && fate.refused.is_some();
                Ok(if both { Control::Stop } else { Control::GoOn })
            });
            self.spend(granted - steps);
            fate.settled &= walked.is_ok();
        }
        // Once there are both, no more is to be found out.
        fate.settled |= fate.allowed.is_some() && fate.refused.is_some();
        fate
    }

    /// The flows of a pattern, without those of an internet that no gateway leads to; nothing if they are too complex.
    fn of_packets(&self, pattern: &Cond) -> Option<Vec<Area>> {
        let areas = self.space.areas(pattern, true).ok()?;
        if !self.program.policy().gateways.is_empty() {
            return Some(areas);
        }
        without(&self.space, &areas, self.space.beyond_no_gateway().iter())
    }

    fn gather(
        &self,
        part: &Area,
        side: Side,
        rule: Option<RuleId>,
        gathered: &mut BTreeMap<Option<RuleId>, Gathered>,
        steps: &mut u64,
    ) -> Result<(), Stopped> {
        let Some(flow) = self.example(part, rule, steps)? else { return Ok(()) };
        let space = &self.space;
        let asked: BTreeSet<GroupId> = space.asked_for(part, side);
        let slot = gathered.entry(rule).or_insert_with(|| Gathered {
            flow,
            users: BTreeSet::new(),
            whos: BTreeSet::new(),
            hosts: BTreeSet::new(),
            members_of: asked.clone(),
        });
        slot.members_of.retain(|id| asked.contains(id));
        let (user, who) = (end_attr(side, USER), end_attr(side, WHO));
        for class in space.named(part, user).filter(|class| !slot.users.contains(class)).collect::<Vec<usize>>() {
            if space.has_some(part, user, class, steps)? {
                slot.users.insert(class);
            }
        }
        for class in space.named(part, who).collect::<Vec<usize>>() {
            match space.whos.get(class) {
                Some(Who::Hosts(hosts)) => {
                    for (id, _) in hosts {
                        if !slot.hosts.contains(id) && space.has_host(part, side, class, *id, steps)? {
                            slot.hosts.insert(*id);
                        }
                    }
                }
                _ if slot.whos.contains(&class) => {}
                _ => {
                    if space.has_some(part, who, class, steps)? {
                        slot.whos.insert(class);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds an end with all of its users.
    fn gather_all(
        &self,
        flow: &Flow,
        (side, who): (Side, usize),
        rule: Option<RuleId>,
        gathered: &mut BTreeMap<Option<RuleId>, Gathered>,
    ) {
        let end = flow.end(side);
        let in_all = |id: &GroupId| end.users.iter().all(|person| person.groups.contains(id)) && !end.users.is_empty();
        let dynamic = self.space.dynamic.iter().copied();
        let groups: BTreeSet<GroupId> = dynamic.filter(|id| end.groups.contains(id) || in_all(id)).collect();
        let slot = gathered.entry(rule).or_insert_with(|| Gathered {
            flow: flow.clone(),
            users: BTreeSet::new(),
            whos: BTreeSet::new(),
            hosts: BTreeSet::new(),
            members_of: groups.clone(),
        });
        slot.members_of.retain(|id| groups.contains(id));
        let nobody = self.space.logins.iter().position(|login| *login == Login::Nobody).filter(|_| end.users.is_empty());
        slot.users.extend(end.users.iter().filter_map(|person| self.space.class_of_login(person.user)).chain(nobody));
        match end.host {
            Some(id) => slot.hosts.extend([id]),
            None => slot.whos.extend([who]),
        }
    }

    fn reached(&self, rule: Option<RuleId>, found: Gathered) -> Reached {
        let space = &self.space;
        let logins = |wanted: Login| found.users.iter().any(|class| space.logins.get(*class) == Some(&wanted));
        let (users, undeclared) = space.users_of(&found.users);
        let others: BTreeSet<Other> = found.whos.iter().filter_map(|class| other(space.whos.get(*class)?)).collect();
        // Where several users are judged together, the rules of others may bind the conversation, too.
        let via = self.program.judge(&found.flow).via;
        Reached {
            rule,
            via,
            users,
            nobody: logins(Login::Nobody),
            undeclared,
            hosts: found.hosts.into_iter().collect(),
            others: others.into_iter().collect(),
            members_of: found.members_of.into_iter().collect(),
            flow: found.flow,
        }
    }
}

fn other(who: &Who) -> Option<Other> {
    match who {
        Who::Hosts(_) => None,
        Who::Stranger(_) => Some(Other::Unregistered),
        Who::Gateway(id) => Some(Other::Gateway(*id)),
        Who::Internet(_) => Some(Other::Internet),
        Who::Broadcast => Some(Other::Broadcast),
        Who::Multicast => Some(Other::Multicast),
        Who::Controller => Some(Other::Controller),
    }
}

impl Space<'_> {
    /// The classes of an attribute that a part leaves open.
    fn named<'p>(&self, part: &'p Area, attr: super::area::Attr) -> Box<dyn Iterator<Item = usize> + 'p> {
        match part.get(attr) {
            Some(bits) => Box::new(bits.classes()),
            None => Box::new(0..self.size(attr)),
        }
    }

    /// True if there is a flow of the part with this class of the attribute.
    fn has_some(&self, part: &Area, attr: super::area::Attr, class: usize, steps: &mut u64) -> Result<bool, Stopped> {
        match self.only(attr, class).and_then(|only| part.and(&only)) {
            Some(area) => Ok(self.find(&area, steps, None)?.is_some()),
            None => Ok(false),
        }
    }

    /// True if there is a flow of the part of this host, which is of a class: others of it may have the addresses that are asked for.
    fn has_host(&self, part: &Area, side: Side, class: usize, host: HostId, steps: &mut u64) -> Result<bool, Stopped> {
        let attr = end_attr(side, ADDRESS);
        let size = self.size(attr);
        let fits = |one: usize| {
            let registered = self.addresses.get(one).map_or(&[][..], |one| &one.registered);
            registered.is_empty() || registered.iter().any(|(owner, _)| *owner == host)
        };
        let own = Area::of(attr, Bits::of(size, fits), size);
        match own.and_then(|own| part.and(&own)) {
            Some(area) => self.has_some(&area, end_attr(side, WHO), class, steps),
            None => Ok(false),
        }
    }

    /// Dynamic groups that every end of a part is a member of.
    fn asked_for(&self, part: &Area, side: Side) -> BTreeSet<GroupId> {
        let all = self.dynamic.iter().enumerate();
        let must = |place: usize| part.get(self.dynamic_attr(side, place)).is_some_and(|bits| !bits.has(0));
        all.filter(|(place, _)| must(*place)).map(|(_, id)| *id).collect()
    }

    /// The declared users of some classes, and whether those who are not declared are among them.
    fn users_of(&self, classes: &BTreeSet<usize>) -> (Vec<UserId>, bool) {
        let is_in = |user: Option<UserId>| self.class_of_login(user).is_some_and(|class| classes.contains(&class));
        let declared = (0..).map(UserId).zip(&self.policy.users).map(|(id, _)| id);
        (declared.filter(|id| is_in(Some(*id))).collect(), is_in(None))
    }
}

#[cfg(test)]
mod tests;
