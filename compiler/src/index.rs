//! The decision structure: rules hang on labels, source label → destination label → service class → rule, and the search goes
//! best rule first. Its cost grows with the rules that name an end's own labels, not with the number of rules.

use std::cell::Cell;
use std::ops::Range;

use lang::checked::{Checked, Cond, Effect, HeaderTest, RuleId, TimeTest};
use lang::flow::{Headers, Side};
use net::Field;

use crate::label::{LabelId, Labels, Record};
use crate::moment::Moment;
use crate::normal::{Alternative, LiteralAtom, TooMany, alternatives};
use crate::program::CompileError;
use crate::service::{Class, ServiceSet, ServiceSets, Services, Tests, is_classed, passes};

/// How many alternatives all rules may have together.
pub(crate) const MAX_CLAUSES: usize = 500_000;

/// What it costs to find the place in a list where a search begins, in clauses.
const COST_OF_LIST: u64 = 4;

/// How long the lists of clauses for each class may be together.
const MAX_LISTED: usize = 16_000_000;

/// What a policy compiles to, whatever the view.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) labels: Labels,
    pub(crate) services: Services,
    /// One for each alternative of each rule, in the order of the rules.
    pub(crate) clauses: Vec<Clause>,
    /// Clauses with a source anchor, by that.
    by_src: Lists,
    /// Clauses with a destination anchor only, by that.
    by_dst: Lists,
    /// Clauses without anchors.
    unanchored: Unanchored,
    /// Rules with too many alternatives: right, but found by trying.
    pub(crate) excess: Vec<CompileError>,
    /// For each rule, and one behind the last, the first clause that is its own or a later rule's.
    first_clauses: Vec<ClauseId>,
    /// Some rule does not decide what it matches: the search may have to go on.
    goes_on: bool,
    /// Some rule tests the time.
    pub(crate) reads_time: bool,
    /// Some rule tests the VLAN priority.
    pub(crate) reads_pcp: bool,
    /// Some rule tests the DSCP.
    pub(crate) reads_dscp: bool,
}

/// One alternative of one rule.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) rule: RuleId,
    pub(crate) service: ServiceSet,
    pub(crate) body: Body,
    src: Option<LabelId>,
    dst: Option<LabelId>,
}

/// What must hold besides the service.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// All of these.
    Conjunction(Conjunction),
    /// The rule's own condition, which has too many alternatives to be indexed.
    Whole(Cond),
}

/// What must hold, by what is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conjunction {
    pub(crate) src: Vec<(LabelId, bool)>,
    pub(crate) dst: Vec<(LabelId, bool)>,
    /// Header tests that the service decides: kept for explanations.
    pub(crate) service: Tests,
    /// The other header tests.
    pub(crate) headers: Tests,
    pub(crate) times: Vec<(TimeTest, bool)>,
}

/// The number of a clause; smaller numbers are tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClauseId(u32);

/// Clauses without anchors, in order.
#[derive(Clone, Debug)]
enum Unanchored {
    /// For each class those that hold it.
    ByClass(Vec<Vec<ClauseId>>),
    /// All, where lists for each class would be too long together.
    All(Vec<(ClauseId, ServiceSet)>),
}

/// For each label its clauses, in order.
#[derive(Clone, Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    clause: ClauseId,
    other: Option<LabelId>,
    service: ServiceSet,
}

/// Two ends as one user each, and the headers: what one search is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) src: &'a Record,
    pub(crate) dst: &'a Record,
    pub(crate) headers: &'a Headers,
    pub(crate) class: Class,
    pub(crate) moment: &'a Moment,
    /// How many clauses have been looked at.
    pub(crate) looked_at: &'a Cell<u64>,
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The clause that decides; nothing is the default.
    pub(crate) clause: Option<ClauseId>,
    /// Rules that only audit and would have decided, in order.
    pub(crate) audited: Vec<RuleId>,
}

impl Index {
    /// Compiles the rules of a policy.
    pub(crate) fn new(policy: &Checked) -> Index {
        let mut draft =
            Draft { labels: Labels::new(policy), services: ServiceSets::default(), clauses: Vec::new(), excess: Vec::new() };
        for rule in &policy.rules {
            draft.add(rule.id, &rule.cond);
        }
        let (labels, services, clauses, excess) = draft.finished(policy);
        let tests = |wanted: fn(&HeaderTest) -> bool| policy.rules.iter().any(|rule| tests_header(&rule.cond, wanted));
        Index {
            by_src: Lists::new(labels.len(), &clauses, |clause| clause.src.map(|src| (src, clause.dst))),
            by_dst: Lists::new(labels.len(), &clauses, |clause| match clause.src {
                Some(_) => None,
                None => clause.dst.map(|dst| (dst, None)),
            }),
            unanchored: Unanchored::of(&services, &clauses),
            first_clauses: first_clauses(policy.rules.len(), &clauses),
            goes_on: policy.rules.iter().any(|rule| rule.verdict().is_none()),
            reads_time: policy.tests_time(),
            reads_pcp: tests(|test| matches!(test, HeaderTest::Pcp(_) | HeaderTest::Present(Field::Pcp))),
            reads_dscp: tests(|test| matches!(test, HeaderTest::Dscp(_))),
            labels,
            services,
            clauses,
            excess,
        }
    }

    /// The clause that decides, of this one and those behind it. Rules that only audit are noted on the way, and one that passes leads behind its section.
    pub(crate) fn search(&self, policy: &Checked, question: &Question<'_>, mut from: ClauseId) -> Found {
        let mut audited = Vec::new();
        loop {
            let clause = self.find(question, from);
            let rule = clause.filter(|_| self.goes_on).and_then(|id| self.clause(id)).map(|clause| clause.rule);
            let next = match rule.and_then(|id| policy.rule(id)).map(|rule| rule.effect) {
                Some(Effect::Audit(_)) => {
                    audited.extend(rule);
                    rule.and_then(|id| self.first_clauses.get(id.index() + 1))
                }
                Some(Effect::Pass(behind)) => self.first_clauses.get(behind.index()),
                Some(Effect::Decide(_)) | None => return Found { clause, audited },
            };
            match next {
                Some(next) => from = *next,
                None => return Found { clause: None, audited },
            }
        }
    }

    /// The first clause that holds, of this one and those behind it.
    fn find(&self, question: &Question<'_>, from: ClauseId) -> Option<ClauseId> {
        let lists = question.src.labels().len() + question.dst.labels().len() + 1;
        question.looked_at.set(question.looked_at.get() + COST_OF_LIST * lists as u64);
        let mut best = self.unanchored.find(question, from, &self.services, |id| self.body_holds(id, question));
        for label in question.dst.labels() {
            best = self.better(best, self.by_dst.of(*label, from), question);
        }
        for label in question.src.labels() {
            best = self.better(best, self.by_src.of(*label, from), question);
        }
        best
    }

    /// The first entry of a list that holds, if it comes before the best so far.
    fn better(&self, best: Option<ClauseId>, entries: &[Entry], question: &Question<'_>) -> Option<ClauseId> {
        for entry in entries {
            if best.is_some_and(|best| best <= entry.clause) {
                break;
            }
            question.looked_at.set(question.looked_at.get() + 1);
            if entry.other.is_none_or(|other| question.dst.has(other))
                && self.services.holds(entry.service, question.class)
                && self.body_holds(entry.clause, question)
            {
                return Some(entry.clause);
            }
        }
        best
    }

    /// The first clause of the rules behind this one.
    pub(crate) fn first_clause_behind(&self, rule: RuleId) -> ClauseId {
        self.first_clauses.get(rule.index() + 1).copied().unwrap_or(ClauseId(u32::MAX))
    }

    /// All clauses, each with its number.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (ClauseId, &Clause)> {
        (0..).map(ClauseId).zip(&self.clauses)
    }

    /// The clause with this number.
    pub(crate) fn clause(&self, id: ClauseId) -> Option<&Clause> {
        self.clauses.get(id.0 as usize)
    }

    fn body_holds(&self, id: ClauseId, question: &Question<'_>) -> bool {
        question.looked_at.set(question.looked_at.get() + 1);
        match self.clause(id).map(|clause| &clause.body) {
            Some(Body::Conjunction(all)) => {
                all.src.iter().all(|(label, wanted)| question.src.has(*label) == *wanted)
                    && all.dst.iter().all(|(label, wanted)| question.dst.has(*label) == *wanted)
                    && all.headers.iter().all(|(test, wanted)| passes(test, question.headers) == *wanted)
                    && all.times.iter().all(|(test, wanted)| question.moment.passes(*test) == *wanted)
            }
            Some(Body::Whole(cond)) => self.cond_holds(cond, question),
            None => false,
        }
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
    services: ServiceSets,
    clauses: Vec<Clause>,
    excess: Vec<CompileError>,
}

impl Draft {
    fn add(&mut self, rule: RuleId, cond: &Cond) {
        match alternatives(cond, &mut self.labels) {
            Ok(all) if self.clauses.len() + all.len() > MAX_CLAUSES => {
                if !self.excess.iter().any(|excess| matches!(excess, CompileError::TooManyInAll { .. })) {
                    self.excess.push(CompileError::TooManyInAll { rule });
                }
                self.add_whole(rule, cond);
            }
            Ok(all) => all.into_iter().for_each(|alternative| self.add_conjunction(rule, alternative)),
            Err(TooMany(alternatives)) => {
                self.excess.push(CompileError::TooManyAlternatives { rule, alternatives });
                self.add_whole(rule, cond);
            }
        }
    }

    /// A rule whose condition is tried as it is written.
    fn add_whole(&mut self, rule: RuleId, cond: &Cond) {
        self.label_all(cond);
        let service = self.services.intern(Vec::new());
        self.clauses.push(Clause { rule, service, body: Body::Whole(cond.clone()), src: None, dst: None });
    }

    /// Everything, with the classes of packets found. Where they are too many, services are tried as they are written.
    fn finished(self, policy: &Checked) -> (Labels, Services, Vec<Clause>, Vec<CompileError>) {
        let Draft { labels, services, mut clauses, mut excess } = self;
        if let Some(found) = services.classify() {
            return (labels, found, clauses, excess);
        }
        excess.extend(policy.rules.last().map(|rule| CompileError::TooManyKinds { rule: rule.id }));
        for clause in &mut clauses {
            if let Body::Conjunction(all) = &mut clause.body {
                all.headers.extend(all.service.iter().cloned());
            }
        }
        (labels, Services::all_alike(&services), clauses, excess)
    }

    fn add_conjunction(&mut self, rule: RuleId, alternative: Alternative) {
        let mut all = Conjunction::default();
        for literal in alternative {
            match literal.atom {
                LiteralAtom::End(Side::Src, label) => all.src.push((label, literal.wanted)),
                LiteralAtom::End(Side::Dst, label) => all.dst.push((label, literal.wanted)),
                LiteralAtom::Header(test) if is_classed(&test) => all.service.push((test, literal.wanted)),
                LiteralAtom::Header(test) => all.headers.push((test, literal.wanted)),
                LiteralAtom::Time(test) => all.times.push((test, literal.wanted)),
            }
        }
        let service = self.services.intern(all.service.clone());
        let (src, dst) = (self.anchor(&all.src), self.anchor(&all.dst));
        self.clauses.push(Clause { rule, service, body: Body::Conjunction(all), src, dst });
    }

    /// The label that the fewest ends have, of those that must hold.
    fn anchor(&self, literals: &[(LabelId, bool)]) -> Option<LabelId> {
        let wanted = literals.iter().filter(|(_, wanted)| *wanted).map(|(label, _)| *label);
        wanted.min_by_key(|label| (self.labels.weight(*label), *label))
    }

    fn label_all(&mut self, cond: &Cond) {
        match cond {
            Cond::End(_, test) => {
                self.labels.test(*test);
            }
            Cond::Header(_) | Cond::Time(_) => {}
            Cond::Not(inner) => self.label_all(inner),
            Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| self.label_all(part)),
        }
    }
}

impl Lists {
    fn new(labels: usize, clauses: &[Clause], place: impl Fn(&Clause) -> Option<(LabelId, Option<LabelId>)>) -> Lists {
        let mut placed: Vec<(LabelId, Entry)> = Vec::new();
        for (clause, id) in clauses.iter().zip((0..).map(ClauseId)) {
            if let Some((label, other)) = place(clause) {
                placed.push((label, Entry { clause: id, other, service: clause.service }));
            }
        }
        placed.sort_by_key(|(label, entry)| (*label, entry.clause));
        let starts = (0..=labels).map(|label| placed.partition_point(|(other, _)| other.index() < label));
        Lists {
            starts: starts.map(|start| u32::try_from(start).unwrap_or(u32::MAX)).collect(),
            entries: placed.into_iter().map(|(_, entry)| entry).collect(),
        }
    }

    /// The entries of a label, of this clause and those behind it.
    fn of(&self, label: LabelId, from: ClauseId) -> &[Entry] {
        let all = self.all_of(label);
        if from == ClauseId(0) { all } else { all.get(all.partition_point(|entry| entry.clause < from)..).unwrap_or_default() }
    }

    fn all_of(&self, label: LabelId) -> &[Entry] {
        let range = match self.starts.get(label.index()..label.index() + 2) {
            Some([start, end]) => Range { start: *start as usize, end: *end as usize },
            Some(_) | None => 0..0,
        };
        self.entries.get(range).unwrap_or_default()
    }
}

impl Unanchored {
    fn of(services: &Services, clauses: &[Clause]) -> Unanchored {
        let numbered = (0..).map(ClauseId).zip(clauses);
        let free: Vec<(ClauseId, ServiceSet)> = numbered
            .filter(|(_, clause)| clause.src.is_none() && clause.dst.is_none())
            .map(|(id, clause)| (id, clause.service))
            .collect();
        let mut lists: Vec<Vec<ClauseId>> = services.all().map(|_| Vec::new()).collect();
        let mut room = MAX_LISTED;
        for (id, set) in &free {
            for class in services.classes_of(*set) {
                let Some(left) = room.checked_sub(1) else { return Unanchored::All(free) };
                room = left;
                if let Some(list) = lists.get_mut(class.index()) {
                    list.push(*id);
                }
            }
        }
        Unanchored::ByClass(lists)
    }

    /// The first clause for the packets in question, of this one and those behind it, of which the rest holds.
    fn find(
        &self,
        question: &Question<'_>,
        from: ClauseId,
        services: &Services,
        holds: impl Fn(ClauseId) -> bool,
    ) -> Option<ClauseId> {
        match self {
            Unanchored::ByClass(lists) => {
                let list = lists.get(question.class.index()).map_or(&[][..], Vec::as_slice);
                let behind = list.get(list.partition_point(|id| *id < from)..).unwrap_or_default();
                behind.iter().copied().find(|id| holds(*id))
            }
            Unanchored::All(list) => {
                let behind = list.get(list.partition_point(|(id, _)| *id < from)..).unwrap_or_default();
                let place = behind.iter().position(|(id, set)| services.holds(*set, question.class) && holds(*id));
                question.looked_at.set(question.looked_at.get() + place.unwrap_or(behind.len()) as u64);
                place.and_then(|place| behind.get(place)).map(|(id, _)| *id)
            }
        }
    }
}

fn first_clauses(rules: usize, clauses: &[Clause]) -> Vec<ClauseId> {
    let first = |rule: usize| clauses.partition_point(|clause| clause.rule.index() < rule);
    (0..=rules).map(|rule| ClauseId(u32::try_from(first(rule)).unwrap_or(u32::MAX))).collect()
}

fn tests_header(cond: &Cond, wanted: fn(&HeaderTest) -> bool) -> bool {
    match cond {
        Cond::End(..) | Cond::Time(_) => false,
        Cond::Header(test) => wanted(test),
        Cond::Not(inner) => tests_header(inner, wanted),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().any(|part| tests_header(part, wanted)),
    }
}
