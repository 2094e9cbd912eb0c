//! The decision structure: rules hang on labels, source label → destination label → service class → rule, and the search goes
//! best rule first. Its cost grows with the rules that name an end's own labels, not with the number of rules.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use lang::checked::{Checked, Cond, Effect, HeaderTest, Rule, RuleId};
use lang::flow::{Headers, Side};
use net::Field;

use crate::blocks::Blocks;
use crate::label::{LabelId, Labels, Record};
use crate::moment::Moment;
use crate::program::CompileError;
use crate::service::{Class, ServiceSet, ServiceSets, Services, Tests, passes};

mod clauses;
mod edit;
mod lists;
mod order;

pub(crate) use clauses::{Body, Clause, Conjunction};
use clauses::{Intern, Stored, Unfit, clauses_of, whole};
pub(crate) use edit::{Edit, Replaced};
pub(crate) use lists::ClauseId;
use lists::{Entry, Forest, behind};
use order::Line;
pub(crate) use order::{Order, RuleSlot};

/// How many alternatives all rules may have together.
pub(crate) const MAX_CLAUSES: usize = 500_000;

/// What it costs to find the place in a list where a search begins, in clauses.
const COST_OF_LIST: u64 = 4;

/// What a policy compiles to, whatever the view.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) labels: Arc<Labels>,
    pub(crate) services: Arc<Services>,
    /// The rules in their order.
    line: Line,
    /// For each rule, by slot, its clauses.
    code: Blocks<Arc<[Stored]>>,
    forest: Forest,
    /// How many clauses there are.
    clauses: usize,
    /// Rules with too many alternatives: right, but found by trying.
    pub(crate) excess: Vec<CompileError>,
    reads: Reads,
    /// How many labels there were when all was compiled.
    first_labels: usize,
}

/// How many rules look at this or that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reads {
    /// Those that do not decide what they match: the search may have to go on.
    goes_on: u32,
    time: u32,
    /// The VLAN priority.
    pcp: u32,
    dscp: u32,
}

/// Two ends as one user each, and the headers: what one search is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) src: &'a Record,
    pub(crate) dst: &'a Record,
    pub(crate) headers: &'a Headers,
    pub(crate) class: Class,
    pub(crate) moment: &'a Moment,
    pub(crate) trace: &'a Trace,
}

/// What a search looked at.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// How many clauses.
    pub(crate) looked_at: Cell<u64>,
    /// Something that neither the two records nor the class tell.
    pub(crate) beyond: Cell<bool>,
    /// The rules that it came to, where somebody wants to know, and whether it came to the default.
    noted: Option<RefCell<Vec<RuleSlot>>>,
    by_default: Cell<bool>,
}

impl Trace {
    /// One that notes which rules a search comes to.
    pub(crate) fn noting() -> Trace {
        Trace { noted: Some(RefCell::default()), ..Trace::default() }
    }

    /// The rules that searches came to, and whether one came to the default.
    pub(crate) fn came_to(self) -> (Vec<RuleSlot>, bool) {
        (self.noted.map(RefCell::into_inner).unwrap_or_default(), self.by_default.get())
    }

    fn note(&self, clause: Option<ClauseId>) {
        if let Some(noted) = &self.noted {
            match clause {
                Some(id) => noted.borrow_mut().push(id.rule),
                None => self.by_default.set(true),
            }
        }
    }

    fn add(&self, clauses: u64) {
        self.looked_at.set(self.looked_at.get() + clauses);
    }
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The clause that decides; nothing is the default.
    pub(crate) clause: Option<ClauseId>,
    /// Rules that only audit and would have decided, in order.
    pub(crate) audited: Vec<RuleId>,
    /// Rules that led behind their sections, in order.
    pub(crate) passed: Vec<RuleId>,
}

impl Index {
    /// Compiles the rules of a policy.
    pub(crate) fn new(policy: &Checked) -> Index {
        let mut draft = Draft::new(policy);
        policy.rules.iter().for_each(|rule| draft.add(rule));
        draft.finished(policy)
    }

    /// The clause that decides, of this order and those behind it. Rules that only audit are noted on the way, and one that passes leads behind its section.
    pub(crate) fn search(&self, policy: &Checked, question: &Question<'_>, mut from: Order) -> Found {
        let mut found = Found::default();
        loop {
            found.clause = self.find(question, from);
            question.trace.note(found.clause);
            let rule = found.clause.filter(|_| self.reads.goes_on > 0).and_then(|id| self.line.rule(id.rule));
            match rule.and_then(|id| policy.rule(id)) {
                Some(Rule { id, effect: Effect::Audit(_), .. }) => {
                    found.audited.push(*id);
                    from = self.order_behind(*id);
                }
                Some(Rule { id, effect: Effect::Pass(behind), .. }) => {
                    found.passed.push(*id);
                    from = self.line.order_from(*behind);
                }
                Some(Rule { effect: Effect::Decide(_), .. }) | None => return found,
            }
        }
    }

    /// The first clause that holds, of this order and those behind it.
    fn find(&self, question: &Question<'_>, from: Order) -> Option<ClauseId> {
        let lists = question.src.labels().len() + question.dst.labels().len() + 1;
        question.trace.add(COST_OF_LIST * lists as u64);
        let forest = &self.forest;
        let mut best = self.better(None, behind(forest.by_class.of(question.class.index()), from), question);
        best = self.better(best, behind(&forest.anywhere, from), question);
        for label in question.dst.labels() {
            best = self.better(best, behind(forest.by_dst.of(label.index()), from), question);
        }
        for label in question.src.labels() {
            best = self.better(best, behind(forest.by_src.of(label.index()), from), question);
        }
        best.map(|entry| entry.clause)
    }

    /// The first entry of a list that holds, if it comes before the best so far.
    fn better<'i>(&self, best: Option<&'i Entry>, entries: &'i [Entry], question: &Question<'_>) -> Option<&'i Entry> {
        for entry in entries {
            if best.is_some_and(|best| best.order <= entry.order) {
                break;
            }
            question.trace.add(1);
            if entry.other().is_none_or(|other| question.dst.has(other))
                && self.services.holds(entry.service, question.class)
                && self.rest_holds(entry, question)
            {
                return Some(entry);
            }
        }
        best
    }

    /// What is asked besides anchors and classes.
    fn rest_holds(&self, entry: &Entry, question: &Question<'_>) -> bool {
        question.trace.add(1);
        (entry.told && self.services.is_exact(entry.service))
            || self.stored(entry.clause).is_some_and(|stored| self.body_holds(stored, question))
    }

    fn body_holds(&self, stored: &Stored, question: &Question<'_>) -> bool {
        let pass = |tests: &[(HeaderTest, bool)]| tests.iter().all(|(test, wanted)| passes(test, question.headers) == *wanted);
        match &stored.body {
            Body::Conjunction(all) => {
                let ends_hold = all.src.iter().all(|(label, wanted)| question.src.has(*label) == *wanted)
                    && all.dst.iter().all(|(label, wanted)| question.dst.has(*label) == *wanted);
                let is_exact = self.services.is_exact(stored.service);
                if !ends_hold || (is_exact && all.headers.is_empty() && all.times.is_empty()) {
                    return ends_hold;
                }
                question.trace.beyond.set(true);
                (is_exact || pass(&all.service))
                    && pass(&all.headers)
                    && all.times.iter().all(|(test, wanted)| question.moment.passes(*test) == *wanted)
            }
            Body::Whole(cond) => {
                question.trace.beyond.set(true);
                self.cond_holds(cond, question)
            }
        }
    }

    /// From here on the rules behind this one are tried.
    pub(crate) fn order_behind(&self, rule: RuleId) -> Order {
        self.line.order_from(RuleId(rule.0.saturating_add(1)))
    }

    /// All clauses in their order, each with its number.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (ClauseId, Clause<'_>)> {
        (0..).map(RuleId).zip(self.line.iter()).flat_map(move |(rule, slot)| {
            let parts = self.code.get(slot.0 as usize).map_or(&[][..], |code| code);
            (0..).zip(parts).map(move |(part, stored)| {
                (ClauseId { rule: slot, part }, Clause { rule, service: stored.service, body: &stored.body })
            })
        })
    }

    /// All clauses in their order.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Clause<'_>> {
        self.numbered().map(|(_, clause)| clause)
    }

    /// The clause with this number.
    pub(crate) fn clause(&self, id: ClauseId) -> Option<Clause<'_>> {
        let rule = self.line.rule(id.rule)?;
        self.stored(id).map(|stored| Clause { rule, service: stored.service, body: &stored.body })
    }

    fn stored(&self, id: ClauseId) -> Option<&Stored> {
        self.code.get(id.rule.0 as usize).and_then(|code| code.get(usize::from(id.part)))
    }

    /// The number of a rule.
    pub(crate) fn rule(&self, slot: RuleSlot) -> Option<RuleId> {
        self.line.rule(slot)
    }

    /// The slot of a rule.
    pub(crate) fn slot(&self, rule: RuleId) -> Option<RuleSlot> {
        self.line.slot(rule)
    }

    /// All slots, in the order of their rules.
    pub(crate) fn slots(&self) -> impl Iterator<Item = RuleSlot> {
        self.line.iter()
    }

    /// When a clause is tried.
    pub(crate) fn order(&self, id: ClauseId) -> Order {
        self.line.order(id.rule, id.part)
    }

    /// The clauses of a rule, each with the labels by which it is found.
    pub(crate) fn anchors(&self, rule: RuleSlot) -> impl Iterator<Item = (ClauseId, Option<LabelId>, Option<LabelId>)> {
        let parts = self.code.get(rule.0 as usize).map_or(&[][..], |code| code);
        (0..).zip(parts).map(move |(part, stored)| (ClauseId { rule, part }, stored.src, stored.dst))
    }

    /// True if the clause is about packets of this class.
    pub(crate) fn has_class(&self, id: ClauseId, class: Class) -> bool {
        self.stored(id).is_some_and(|stored| self.services.holds(stored.service, class))
    }

    /// True if the clause holds.
    pub(crate) fn holds(&self, id: ClauseId, question: &Question<'_>) -> bool {
        self.stored(id)
            .is_some_and(|stored| self.services.holds(stored.service, question.class) && self.body_holds(stored, question))
    }

    /// Some rule tests the time.
    pub(crate) fn reads_time(&self) -> bool {
        self.reads.time > 0
    }

    /// Some rule tests the VLAN priority.
    pub(crate) fn reads_pcp(&self) -> bool {
        self.reads.pcp > 0
    }

    /// Some rule tests the DSCP.
    pub(crate) fn reads_dscp(&self) -> bool {
        self.reads.dscp > 0
    }

    /// Plain evaluation over records, for conditions that are not indexed.
    pub(crate) fn cond_holds(&self, cond: &Cond, question: &Question<'_>) -> bool {
        match cond {
            Cond::End(side, test) => {
                let record = match side {
                    Side::Src => question.src,
                    Side::Dst => question.dst,
                };
                self.labels.find(*test).is_some_and(|label| record.has(label))
            }
            Cond::Header(test) => passes(test, question.headers),
            Cond::Time(test) => question.moment.passes(*test),
            Cond::Not(inner) => !self.cond_holds(inner, question),
            Cond::All(parts) => parts.iter().all(|part| self.cond_holds(part, question)),
            Cond::Any(parts) => parts.iter().any(|part| self.cond_holds(part, question)),
        }
    }
}

/// What is compiled so far.
struct Draft {
    labels: Labels,
    sets: ServiceSets,
    code: Vec<Arc<[Stored]>>,
    clauses: usize,
    excess: Vec<CompileError>,
    reads: Reads,
}

impl Intern for ServiceSets {
    fn intern(&mut self, tests: Tests) -> Option<(ServiceSet, Arc<Tests>)> {
        let set = ServiceSets::intern(self, tests);
        self.tests(set).map(|tests| (set, Arc::clone(tests)))
    }
}

impl Draft {
    fn new(policy: &Checked) -> Draft {
        Draft {
            labels: Labels::new(policy),
            sets: ServiceSets::default(),
            code: Vec::with_capacity(policy.rules.len()),
            clauses: 0,
            excess: Vec::new(),
            reads: Reads::default(),
        }
    }

    fn add(&mut self, rule: &Rule) {
        let code = match clauses_of(&rule.cond, &mut self.labels, &mut self.sets) {
            Ok(all) if self.clauses + all.len() <= MAX_CLAUSES => all,
            Ok(_) => {
                if !self.excess.iter().any(|excess| matches!(excess, CompileError::TooManyInAll { .. })) {
                    self.excess.push(CompileError::TooManyInAll { rule: rule.id });
                }
                self.whole(&rule.cond)
            }
            Err(Unfit::Alternatives(alternatives)) => {
                self.excess.push(CompileError::TooManyAlternatives { rule: rule.id, alternatives });
                self.whole(&rule.cond)
            }
            Err(Unfit::Service) => self.whole(&rule.cond),
        };
        self.clauses += code.len();
        self.code.push(code.into());
        self.reads.add(rule);
    }

    /// A rule whose condition is tried as it is written.
    fn whole(&mut self, cond: &Cond) -> Vec<Stored> {
        whole(cond, &mut self.labels, &mut self.sets).into_iter().collect()
    }

    /// Everything, with the classes of packets found. Where they are too many, services are tried as they are written.
    fn finished(self, policy: &Checked) -> Index {
        let Draft { labels, sets, code, clauses, mut excess, reads } = self;
        let services = sets.classify().unwrap_or_else(|| {
            excess.extend(policy.rules.last().map(|rule| CompileError::TooManyKinds { rule: rule.id }));
            Services::all_alike(&sets)
        });
        let mut index = Index {
            first_labels: labels.len(),
            labels: Arc::new(labels),
            services: Arc::new(services),
            line: Line::of(code.len()),
            code: code.into_iter().collect(),
            forest: Forest::default(),
            clauses,
            excess,
            reads,
        };
        index.hang();
        index
    }
}

impl Reads {
    fn add(&mut self, rule: &Rule) {
        self.change(rule, |count| *count += 1);
    }

    fn take(&mut self, rule: &Rule) {
        self.change(rule, |count| *count = count.saturating_sub(1));
    }

    fn change(&mut self, rule: &Rule, change: impl Fn(&mut u32)) {
        if rule.verdict().is_none() {
            change(&mut self.goes_on);
        }
        if rule.cond.tests_time() {
            change(&mut self.time);
        }
        if tests_header(&rule.cond, |test| matches!(test, HeaderTest::Pcp(_) | HeaderTest::Present(Field::Pcp))) {
            change(&mut self.pcp);
        }
        if tests_header(&rule.cond, |test| matches!(test, HeaderTest::Dscp(_))) {
            change(&mut self.dscp);
        }
    }
}

fn tests_header(cond: &Cond, wanted: fn(&HeaderTest) -> bool) -> bool {
    match cond {
        Cond::End(..) | Cond::Time(_) => false,
        Cond::Header(test) => wanted(test),
        Cond::Not(inner) => tests_header(inner, wanted),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().any(|part| tests_header(part, wanted)),
    }
}

#[cfg(test)]
mod check;
