//! Rules that come and go: only the lists that they hang in are touched. Knows nothing of the view, nor which rules are the same.

use std::ops::Range;
use std::sync::Arc;

use lang::checked::{Checked, Rule};

use super::clauses::{Intern, Stored, clauses_of};
use super::lists::{ClauseId, Forest};
use super::order::RuleSlot;
use super::{Index, MAX_CLAUSES};
use crate::label::Labels;
use crate::service::{ServiceSet, ServiceSets, Services, Tests};

/// Rules of a policy that stand for rules of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Places of those that are gone.
    pub(crate) old: Range<usize>,
    /// Places of those that are there for them.
    pub(crate) new: Range<usize>,
}

/// Rules that went and came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replaced {
    pub(crate) removed: Vec<RuleSlot>,
    pub(crate) inserted: Vec<RuleSlot>,
    /// Classes of packets are others now.
    pub(crate) classes_changed: bool,
}

/// There is no room: all has to be compiled anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Intern for Services {
    fn intern(&mut self, tests: Tests) -> Option<(ServiceSet, Arc<Tests>)> {
        let set = self.add(tests)?;
        self.tests(set).map(|tests| (set, Arc::clone(tests)))
    }
}

impl Index {
    /// Hangs all clauses into lists.
    pub(super) fn hang(&mut self) {
        let mut forest = Forest::default();
        for slot in self.line.iter() {
            self.hang_rule(slot, &mut forest);
        }
        self.forest = forest;
    }

    fn hang_rule(&self, slot: RuleSlot, forest: &mut Forest) {
        let order = self.line.order(slot, 0);
        let parts = self.code.get(slot.0 as usize).map_or(&[][..], |code| code);
        for (part, stored) in (0..).zip(parts) {
            forest.insert(stored, ClauseId { rule: slot, part }, order.part(part), &self.services);
        }
    }

    /// Takes these rules out and puts those in. The edits are in their order and do not touch each other; all other rules are the
    /// same in both policies.
    ///
    /// # Errors
    /// There is no room; what was done until then is of no use.
    pub(crate) fn replace(&mut self, old: &Checked, new: &Checked, edits: &[Edit]) -> Result<Replaced, Full> {
        self.line.begin_change();
        let mut replaced = Replaced::default();
        // From the end on, so that places of the old policy stay what they are.
        for edit in edits.iter().rev() {
            for at in edit.old.clone().rev() {
                let rule = old.rules.get(at).ok_or(Full)?;
                replaced.removed.push(self.remove(at, rule).ok_or(Full)?);
            }
            for (at, rule) in (edit.old.start..).zip(new.rules.get(edit.new.clone()).ok_or(Full)?) {
                replaced.inserted.push(self.insert(at, rule)?);
            }
        }
        if self.line.len() != new.rules.len() {
            return Err(Full);
        }
        if self.services.is_worn() {
            self.classify_again()?;
            replaced.classes_changed = true;
        }
        if self.labels.len() > 2 * self.first_labels + 4096 {
            return Err(Full);
        }
        Ok(replaced)
    }

    fn remove(&mut self, at: usize, rule: &Rule) -> Option<RuleSlot> {
        let slot = self.line.remove(at)?;
        let code = std::mem::take(self.code.get_mut(slot.0 as usize)?);
        let order = self.line.order(slot, 0);
        for (part, stored) in (0..).zip(code.iter()) {
            self.forest.remove(stored, order.part(part), &self.services);
        }
        self.clauses -= code.len();
        self.reads.take(rule);
        Some(slot)
    }

    fn insert(&mut self, at: usize, rule: &Rule) -> Result<RuleSlot, Full> {
        let (labels, services) = (Arc::make_mut(&mut self.labels), Arc::make_mut(&mut self.services));
        let code: Arc<[Stored]> = clauses_of(&rule.cond, labels, services).map_err(|_| Full)?.into();
        self.clauses += code.len();
        if self.clauses > MAX_CLAUSES {
            return Err(Full);
        }
        let (slot, moved) = self.line.insert(at);
        self.code.grow(slot.0 as usize + 1);
        *self.code.get_mut(slot.0 as usize).ok_or(Full)? = code;
        self.reads.add(rule);
        let mut forest = std::mem::take(&mut self.forest);
        for (moved, before) in &moved {
            let parts = self.code.get(moved.0 as usize).map_or(&[][..], |code| code);
            for (part, stored) in (0..).zip(parts) {
                forest.remove(stored, before.part(part), &self.services);
            }
        }
        for slot in moved.iter().map(|(slot, _)| *slot).chain([slot]) {
            self.hang_rule(slot, &mut forest);
        }
        self.forest = forest;
        Ok(slot)
    }

    /// Finds the classes of packets anew, of the sets that are still used.
    fn classify_again(&mut self) -> Result<(), Full> {
        let mut sets = ServiceSets::default();
        for slot in self.line.iter() {
            let Some(code) = self.code.get_mut(slot.0 as usize) else { continue };
            let mut parts = code.to_vec();
            for stored in &mut parts {
                let tests = self.services.tests(stored.service).ok_or(Full)?;
                stored.service = sets.intern(tests.to_vec());
            }
            *code = parts.into();
        }
        self.services = Arc::new(sets.classify().ok_or(Full)?);
        self.hang();
        Ok(())
    }

    /// The labels, to be changed.
    pub(crate) fn labels_mut(&mut self) -> &mut Labels {
        Arc::make_mut(&mut self.labels)
    }

    /// How many bytes the structure takes, without the texts of the policy.
    pub(crate) fn bytes(&self) -> usize {
        let code: usize = self.code.iter().flat_map(|code| code.iter()).map(Stored::bytes).sum();
        self.line.bytes() + self.code.bytes() + code + self.forest.bytes() + self.services.bytes() + self.labels.bytes()
    }
}
