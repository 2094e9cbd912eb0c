//! A program after an edit of its policy: what is the same before and after is not touched. Knows nothing of texts, nor of flows that
//! were decided before.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use lang::checked::{Checked, EndTest, GroupId};
use net::MacAddr;

use super::Program;
use super::edits::edits;
use crate::index::{Edit, Replaced, RuleSlot};
use crate::label::{LabelId, Meaning, differing_leaves, is_plain, leaves};
use crate::view::View;

/// What a new policy did to a program: all that [`crate::Tracked`] needs to tell which decisions are others now.
#[derive(Clone, Debug)]
pub struct Change {
    /// The program's version before and after.
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) extent: Extent,
}

/// How far a change goes.
#[derive(Clone, Debug)]
pub(crate) enum Extent {
    /// All was compiled anew, and what numbers stand for may be something else.
    Anew,
    /// Only what is told.
    Parts(Parts),
}

/// The parts of a program that changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) removed: Vec<RuleSlot>,
    pub(crate) inserted: Vec<RuleSlot>,
    /// Stations whose records or facts changed.
    pub(crate) stations: Vec<MacAddr>,
    /// Members of groups changed: ends that are no stations may be in others now.
    pub(crate) groups: bool,
    /// The default, or how several users are judged.
    pub(crate) default: bool,
    pub(crate) multi_user: bool,
    /// Classes of packets are numbered otherwise.
    pub(crate) classes: bool,
    /// Templates fix other headers now.
    pub(crate) templates: bool,
}

impl Change {
    /// True if no decision, and no template, can be another one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.extent {
            Extent::Anew => false,
            Extent::Parts(parts) => {
                let Parts { removed, inserted, stations, groups, default, multi_user, classes: _, templates } = parts;
                removed.is_empty()
                    && inserted.is_empty()
                    && stations.is_empty()
                    && !groups
                    && !default
                    && !multi_user
                    && !templates
            }
        }
    }

    /// True if only the rules, members and stations that the change is about were touched; false if all was compiled anew.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        matches!(self.extent, Extent::Parts(_))
    }

    /// How many rules went and came; nothing if all was compiled anew.
    #[must_use]
    pub fn rules(&self) -> Option<(usize, usize)> {
        match &self.extent {
            Extent::Anew => None,
            Extent::Parts(parts) => Some((parts.removed.len(), parts.inserted.len())),
        }
    }

    /// Stations that are in other groups, or other ones, than before; nothing if all was compiled anew.
    #[must_use]
    pub fn stations(&self) -> Option<&[MacAddr]> {
        match &self.extent {
            Extent::Anew => None,
            Extent::Parts(parts) => Some(&parts.stations),
        }
    }
}

impl Program {
    /// Puts another policy in the place of this one, with the view as it is under it. Rules that are the same before and after are
    /// not touched, nor are records of stations for which nothing changed. Where declarations other than of members changed, all is
    /// compiled anew. After it the program answers as one compiled from nothing.
    pub fn recompile(&mut self, policy: Arc<Checked>, view: &View) -> Change {
        if !self.index.excess.is_empty() || !same_declarations(&self.policy, &policy) {
            return self.compile_anew(policy, view);
        }
        let edits = edits(&self.policy, &policy);
        let groups: Vec<GroupId> = (0..).map(GroupId).take(policy.groups.len()).collect();
        let differ = |id: &GroupId| {
            self.policy.groups.get(id.index()).map(|group| &group.members)
                != policy.groups.get(id.index()).map(|group| &group.members)
        };
        let groups: Vec<GroupId> = groups.into_iter().filter(differ).collect();
        let stations = self.stations.differing(view);
        self.apply(policy, view, &edits, &groups, stations)
    }

    /// The same where it is known that nothing but these rules changed: those at the old places are gone, those at the new ones are
    /// there for them. All other rules, all declarations and the view must be the same before and after, which is not looked at.
    pub fn replace_rules(&mut self, policy: Arc<Checked>, view: &View, old: Range<usize>, new: Range<usize>) -> Change {
        if !self.index.excess.is_empty() {
            return self.compile_anew(policy, view);
        }
        self.apply(policy, view, &[Edit { old, new }], &[], Vec::new())
    }

    /// The same where it is known that nothing but the members of this group changed.
    pub fn replace_members(&mut self, policy: Arc<Checked>, view: &View, group: GroupId) -> Change {
        if !self.index.excess.is_empty() {
            return self.compile_anew(policy, view);
        }
        self.apply(policy, view, &[], &[group], Vec::new())
    }

    fn compile_anew(&mut self, policy: Arc<Checked>, view: &View) -> Change {
        let from = self.version;
        *self = Program { version: from + 1, ..Program::compile(policy, view) };
        Change { from, to: self.version, extent: Extent::Anew }
    }

    fn apply(&mut self, policy: Arc<Checked>, view: &View, edits: &[Edit], groups: &[GroupId], stations: Vec<MacAddr>) -> Change {
        let before = Arc::clone(&self.policy);
        let templates = (self.index.reads_dscp(), self.index.reads_pcp());
        let first_label = self.index.labels.len();
        let mut touched: BTreeSet<MacAddr> = stations.into_iter().collect();
        for group in groups {
            self.change_members(*group, &policy, view, &mut touched);
        }
        let Ok(Replaced { removed, inserted, classes_changed }) = Arc::make_mut(&mut self.index).replace(&before, &policy, edits)
        else {
            return self.compile_anew(policy, view);
        };
        let mut added: Vec<(LabelId, EndTest)> = Vec::new();
        for (label, meaning) in (first_label..).zip(self.index.labels.from(first_label).cloned().collect::<Vec<Meaning>>()) {
            match meaning {
                Meaning::Test(test) if is_individual(test) => added.push((LabelId::at(label), test)),
                Meaning::Test(test) => self.add_passing(test, first_label, (&policy, view), &mut touched),
                Meaning::AnyOf(tests) => {
                    tests.into_iter().for_each(|test| self.add_passing(test, first_label, (&policy, view), &mut touched));
                }
            }
        }
        self.policy = policy;
        touched.retain(|mac| self.stations.update(&self.policy, &self.index.labels, view, *mac));
        for (label, test) in added {
            self.add_label(label, test, view, &mut touched);
        }
        let parts = Parts {
            removed,
            inserted,
            stations: touched.into_iter().collect(),
            groups: !groups.is_empty(),
            default: before.default.verdict != self.policy.default.verdict,
            multi_user: before.multi_user != self.policy.multi_user,
            classes: classes_changed,
            templates: templates != (self.index.reads_dscp(), self.index.reads_pcp()),
        };
        let mut change = Change { from: self.version, to: self.version, extent: Extent::Parts(parts) };
        if !change.is_empty() {
            self.version += 1;
            change.to = self.version;
        }
        change
    }

    /// Notes the new members of a group, and adds the stations that joined or left, or may have.
    fn change_members(&mut self, group: GroupId, policy: &Checked, view: &View, touched: &mut BTreeSet<MacAddr>) {
        let old = Arc::clone(&self.policy);
        let (Some(before), Some(after)) = (old.groups.get(group.index()), policy.groups.get(group.index())) else { return };
        let (before, after) = (&before.members, &after.members);
        let leaves = if is_plain(before) && is_plain(after) {
            differing_leaves(before, after).concat()
        } else {
            [leaves(before), leaves(after)].concat()
        };
        let known = self.index.labels.len();
        leaves.into_iter().for_each(|leaf| self.add_passing(leaf, known, (policy, view), touched));
        Arc::make_mut(&mut self.index).labels_mut().change_members(group, before, after);
    }

    /// Adds a new label to the records that pass its test, and notes whose they are.
    fn add_label(&mut self, label: LabelId, test: EndTest, view: &View, touched: &mut BTreeSet<MacAddr>) {
        let mut passing = BTreeSet::new();
        let policy = Arc::clone(&self.policy);
        self.add_passing(test, 0, (&policy, view), &mut passing);
        for mac in passing {
            if self.stations.add_label(mac, label, test) {
                touched.insert(mac);
            }
        }
    }

    /// Adds the stations that pass a test, or may. Records tell of the labels that there were before.
    fn add_passing(&mut self, test: EndTest, before: usize, (policy, view): (&Checked, &View), touched: &mut BTreeSet<MacAddr>) {
        match test {
            EndTest::Host(id) => touched.extend(policy.hosts.get(id.index()).iter().flat_map(|host| &host.macs)),
            EndTest::Mac(mac) => touched.extend([mac]),
            EndTest::Location(at) => touched.extend(view.at(at).map(|station| station.mac)),
            EndTest::Switch(dpid) => touched.extend(view.on(dpid)),
            EndTest::Address(prefix) => touched.extend(view.owners_in(prefix)),
            EndTest::User(user) => touched.extend(self.stations.of_user(user)),
            EndTest::Group(_) | EndTest::BuiltIn(_) | EndTest::Known(_) => {
                let label = self.index.labels.find(test).filter(|label| label.index() < before);
                let passing = self.stations.iter().filter(|(_, known)| label.is_none_or(|label| known.has(label)));
                touched.extend(passing.map(|(_, known)| known.mac));
            }
        }
    }

    /// How many bytes the program takes, without the policy: by the size of its tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.stations.bytes()
    }
}

/// True for tests that a station passes with all its addresses or none, as all its users or as that one, whatever else it is.
fn is_individual(test: EndTest) -> bool {
    match test {
        EndTest::User(_) | EndTest::Host(_) | EndTest::Mac(_) | EndTest::Location(_) | EndTest::Switch(_) => true,
        EndTest::Address(_) | EndTest::Group(_) | EndTest::BuiltIn(_) | EndTest::Known(_) => false,
    }
}

fn begins_with<T>(all: &[T], start: &[T], name: impl Fn(&T) -> &Arc<str>) -> bool {
    all.len() >= start.len() && all.iter().zip(start).all(|(one, two)| name(one) == name(two))
}

/// True if numbers stand for the same in both policies, with more of them at most in the new one, and times and groups are the same but for members.
fn same_declarations(old: &Checked, new: &Checked) -> bool {
    let hosts = begins_with(&new.hosts, &old.hosts, |host| &host.name);
    let users = begins_with(&new.users, &old.users, |user| &user.name);
    let middleboxes = begins_with(&new.middleboxes, &old.middleboxes, |middlebox| &middlebox.name);
    let gateways =
        old.gateways.len() == new.gateways.len()
            && old.gateways.iter().zip(&new.gateways).all(|(one, two)| {
                one.name == two.name && one.at == two.at && one.mac == two.mac && one.addresses == two.addresses
            });
    let groups = old.groups.len() == new.groups.len()
        && old.groups.iter().zip(&new.groups).all(|(one, two)| {
            one.name == two.name && one.kind == two.kind && one.network == two.network && one.dynamic == two.dynamic
        });
    let times = old.times.iter().map(|time| &time.windows).eq(new.times.iter().map(|time| &time.windows));
    hosts && users && middleboxes && gateways && groups && times && old.calendar == new.calendar
}

#[cfg(test)]
mod tests;
