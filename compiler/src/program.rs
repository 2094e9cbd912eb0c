//! The program: a policy's decision structure with the records of the view's stations, and the one way to ask it.
//! Knows nothing of packets on the wire or of flow entries.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use lang::checked::{Checked, MultiUser, RuleId, Verdict};
use lang::codes::names;
use lang::diag::Diagnostic;
use lang::flow::{Decide, End, Flow, Headers, Judgement};
use net::{FlowKey, MacAddr, Time};

use crate::index::{ClauseId, Found, Index, MAX_CLAUSES, Order, Question, Trace};
use crate::label::Record;
use crate::moment::Moment;
use crate::names::Names;
use crate::stations::{Known, Stations};
use crate::template::Template;
use crate::view::View;

/// A compiled policy over one view. A copy shares all that neither side changes after.
#[derive(Clone, Debug)]
pub struct Program {
    policy: Arc<Checked>,
    index: Arc<Index>,
    stations: Stations,
    /// How often the policy was changed.
    version: u64,
}

/// Why a policy cannot be compiled within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// The rule's condition has more alternatives than the structure indexes.
    TooManyAlternatives {
        /// The rule.
        rule: RuleId,
        /// How many it has, counted no further than the first excess.
        alternatives: usize,
    },
    /// With this rule, all rules have more alternatives together than the structure indexes.
    TooManyInAll {
        /// The rule.
        rule: RuleId,
    },
    /// The rules up to this one tell more kinds of traffic apart than the structure indexes.
    TooManyKinds {
        /// The rule.
        rule: RuleId,
    },
}

/// What decided, and for which of the users at each end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The alternative of the rule; nothing is the default.
    pub(crate) clause: Option<ClauseId>,
    /// Which user of the initiator, by place.
    pub(crate) src: usize,
    /// Which user of the responder, by place.
    pub(crate) dst: usize,
    /// Rules that allowed pairs of users with obligations, which all bind the conversation.
    pub(crate) others: BTreeSet<RuleId>,
    /// Rules that only audit and would have decided for some pair.
    pub(crate) audited: BTreeSet<RuleId>,
}

/// What it costs to find that an end has a label, in alternatives of rules that are looked at.
const COST_OF_LABEL: u64 = 32;

/// Where the most restrictive verdict wins, the rank of what is allowed with obligations: behind all that is not allowed.
const MOST_BOUND: u8 = 3;

/// How an answer compares with those for other users: the smaller wins.
type Rank = (u8, usize);

/// An answer, and for which users of the two ends it is.
type Face = (Option<ClauseId>, usize, usize);

impl Program {
    /// Compiles. Rules with more alternatives than [`Program::try_compile`] admits are decided by trying them on every flow:
    /// slower, never otherwise.
    #[must_use]
    pub fn compile(policy: Arc<Checked>, view: &View) -> Program {
        let index = Arc::new(Index::new(&policy));
        let stations = Stations::new(&policy, &index.labels, view);
        Program { policy, index, stations, version: 0 }
    }

    /// Compiles, or says which rule exceeds the limits.
    ///
    /// # Errors
    /// The first of [`Program::excess`].
    pub fn try_compile(policy: Arc<Checked>, view: &View) -> Result<Program, CompileError> {
        let program = Program::compile(policy, view);
        match program.excess().first() {
            Some(error) => Err(error.clone()),
            None => Ok(program),
        }
    }

    /// Everything in the policy that exceeds the limits, in the order of the rules.
    #[must_use]
    pub fn excess(&self) -> &[CompileError] {
        &self.index.excess
    }

    /// Re-derives what depends on these stations. After it the program equals one compiled from nothing, if no other station
    /// of the view has changed.
    pub fn update(&mut self, view: &View, changed: &[MacAddr]) {
        for mac in changed {
            self.stations.update(&self.policy, &self.index.labels, view, *mac);
        }
    }

    /// The policy that it was compiled from.
    #[must_use]
    pub fn policy(&self) -> &Arc<Checked> {
        &self.policy
    }

    /// The answer to a flow.
    #[must_use]
    pub fn judge(&self, flow: &Flow) -> Judgement {
        let decision = self.decision(&self.records(&flow.src), &self.records(&flow.dst), &flow.headers, &self.moment(flow.time));
        self.judgement(decision)
    }

    /// The answer to a flow if only the rules behind this one were there.
    #[must_use]
    pub fn judge_behind(&self, flow: &Flow, rule: RuleId) -> Judgement {
        self.judge_counting(flow, Some(rule)).0
    }

    /// The answer to a flow, of all rules or of those behind one; and what it cost to find it: how many
    /// alternatives of rules were looked at, and as much for labels.
    pub(crate) fn judge_counting(&self, flow: &Flow, behind: Option<RuleId>) -> (Judgement, u64) {
        let from = behind.map_or(Order::FIRST, |rule| self.index.order_behind(rule));
        let (srcs, dsts) = (self.records(&flow.src), self.records(&flow.dst));
        let labels: usize = srcs.iter().chain(dsts.iter()).map(|record| record.labels().len()).sum();
        let trace = Trace::default();
        trace.looked_at.set(COST_OF_LABEL.saturating_mul(labels as u64));
        let decision = self.decision_from(&srcs, &dsts, &flow.headers, &self.moment(flow.time), (from, &trace));
        (self.judgement(decision), trace.looked_at.get())
    }

    /// The answer to a packet of now between two identified ends: [`Program::judge`] without making a flow of it first. Stations that
    /// are as the view had them are found, not derived again.
    #[must_use]
    pub fn judge_key(&self, src: &End, dst: &End, key: &FlowKey, now: Time) -> Judgement {
        let moment = self.moment(Some(now));
        self.judgement(self.decision(&self.records(src), &self.records(dst), &Program::headers(key), &moment))
    }

    /// The template of a decided flow, as wide as this policy's rules let it be.
    #[must_use]
    pub fn template(&self, key: &FlowKey, dst: &End, judgement: &Judgement) -> Template {
        let mut template = Template::exact(key, dst, judgement);
        if !self.index.reads_dscp() {
            template.region.dscp = None;
        }
        if self.index.reads_pcp() {
            template.installable = false;
            template.reply = None;
        }
        template
    }

    /// True if a rule tests the DSCP: templates fix it then, and leave it open otherwise.
    #[must_use]
    pub fn fixes_dscp(&self) -> bool {
        self.index.reads_dscp()
    }

    /// True if a rule tests the VLAN priority: no template can be installed then, and every allowed packet is carried by hand.
    #[must_use]
    pub fn tests_pcp(&self) -> bool {
        self.index.reads_pcp()
    }

    /// A packet's headers as policy sees them.
    #[must_use]
    pub fn headers(key: &FlowKey) -> Headers {
        Headers {
            dl_type: Some(key.dl_type),
            vlan: key.vlan,
            proto: key.ip.map(|ip| ip.proto),
            dscp: key.ip.map(|ip| ip.dscp),
            transport: key.ip.and_then(|ip| ip.transport),
        }
    }

    /// What the rules see of a time; nothing is looked up where none asks.
    pub(crate) fn moment(&self, time: Option<Time>) -> Moment {
        match time {
            Some(time) if self.index.reads_time() => Moment::new(&self.policy, time),
            Some(_) | None => Moment::default(),
        }
    }

    /// What is known of a station.
    pub(crate) fn known(&self, mac: MacAddr) -> Option<&Known> {
        self.stations.find(mac).and_then(|id| self.stations.get(id))
    }

    pub(crate) fn stations(&self) -> &Stations {
        &self.stations
    }

    /// How often anything was changed.
    pub(crate) fn changes(&self) -> u64 {
        self.version.saturating_add(self.stations.changes())
    }

    /// How often another policy was put in that says something else.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names { policy: &self.policy, labels: &self.index.labels }
    }

    /// The records of an end, one for each of its users.
    pub(crate) fn records(&self, end: &End) -> Cow<'_, [Record]> {
        self.stations.records(&self.policy, &self.index.labels, end)
    }

    /// Judges every pair of users and folds as the policy says; among equally restricted pairs the earlier rule is named. Where the
    /// most restrictive wins, what several pairs are allowed with middleboxes passes those of all.
    pub(crate) fn decision(&self, srcs: &[Record], dsts: &[Record], headers: &Headers, moment: &Moment) -> Decision {
        self.decision_from(srcs, dsts, headers, moment, (Order::FIRST, &Trace::default()))
    }

    /// The same, with what was looked at.
    pub(crate) fn decision_traced(
        &self,
        srcs: &[Record],
        dsts: &[Record],
        headers: &Headers,
        time: Option<Time>,
        trace: &Trace,
    ) -> Decision {
        self.decision_from(srcs, dsts, headers, &self.moment(time), (Order::FIRST, trace))
    }

    /// The same, of the clauses from this one on; those that are looked at are counted.
    fn decision_from(
        &self,
        srcs: &[Record],
        dsts: &[Record],
        headers: &Headers,
        moment: &Moment,
        (from, trace): (Order, &Trace),
    ) -> Decision {
        let class = self.index.services.class(headers);
        let mut others = BTreeSet::new();
        let mut audited = BTreeSet::new();
        let mut best: Option<(Rank, Face)> = None;
        for (src, src_record) in srcs.iter().enumerate() {
            for (dst, dst_record) in dsts.iter().enumerate() {
                let question = Question { src: src_record, dst: dst_record, headers, class, moment, trace };
                let Found { clause, audited: noted, passed: _ } = self.index.search(&self.policy, &question, from);
                audited.extend(noted);
                let rank = self.rank(clause);
                if best.is_none_or(|(best, _)| rank < best) {
                    best = Some((rank, (clause, src, dst)));
                }
                if self.policy.multi_user == MultiUser::MostRestrictive {
                    others.extend(self.rule_of(clause).filter(|_| rank.0 == MOST_BOUND));
                }
            }
        }
        let Some((rank, (clause, src, dst))) = best else {
            return Decision { clause: None, src: 0, dst: 0, others, audited };
        };
        if rank.0 != MOST_BOUND {
            others.clear();
        }
        Decision { clause, src, dst, others, audited }
    }

    /// The order among the answers for several users: the smaller wins.
    fn rank(&self, clause: Option<ClauseId>) -> Rank {
        let rule = self.rule_of(clause).and_then(|id| self.policy.rule(id));
        let (verdict, bound) = match rule {
            Some(rule) => (rule.verdict().unwrap_or(Verdict::Deny), rule.has_obligations()),
            None => (self.policy.default.verdict, false),
        };
        let restricted = match (verdict, bound) {
            (Verdict::Allow, false) => 0,
            (Verdict::Allow, true) => 1,
            (Verdict::Redirect, _) => 2,
            (Verdict::Reject, _) => 3,
            (Verdict::Deny, _) => 4,
        };
        let first = match self.policy.multi_user {
            MultiUser::LeastRestrictive => restricted,
            MultiUser::MostRestrictive => 4 - restricted,
        };
        (first, rule.map_or(usize::MAX, |rule| rule.id.index()))
    }

    fn rule_of(&self, clause: Option<ClauseId>) -> Option<RuleId> {
        self.index.clause(clause?).map(|clause| clause.rule)
    }

    /// The verdict of a clause; nothing is the default.
    pub(crate) fn verdict_of(&self, clause: Option<ClauseId>) -> Verdict {
        match self.rule_of(clause).and_then(|id| self.policy.rule(id)) {
            // Rules that do not decide are never found.
            Some(rule) => rule.verdict().unwrap_or(Verdict::Deny),
            None => self.policy.default.verdict,
        }
    }

    /// The judgement where one rule alone decides, or the default.
    pub(crate) fn judgement_alone(&self, verdict: Verdict, rule: Option<RuleId>) -> Judgement {
        let (via, duties) = match rule.and_then(|id| self.policy.rule(id)) {
            Some(rule) => (rule.via.clone(), rule.duties.clone()),
            None => Default::default(),
        };
        Judgement { verdict, rule, via, duties, audited: Vec::new() }
    }

    pub(crate) fn judgement(&self, decision: Decision) -> Judgement {
        let (verdict, decided) = (self.verdict_of(decision.clause), self.rule_of(decision.clause));
        let audited = decision.audited.into_iter().collect();
        let mut judgement = Judgement { audited, ..self.judgement_alone(verdict, decided) };
        for other in decision.others.iter().filter(|id| Some(**id) != decided).filter_map(|id| self.policy.rule(*id)) {
            judgement.bind(&other.via, &other.duties);
        }
        judgement
    }
}

impl Decide for Program {
    fn decide(&self, flow: &Flow) -> Judgement {
        self.judge(flow)
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::TooManyAlternatives { alternatives, .. } => {
                write!(f, "the condition has {alternatives} or more alternatives: split the rule")
            }
            CompileError::TooManyInAll { .. } => {
                write!(f, "with this, the rules have more than {MAX_CLAUSES} alternatives together")
            }
            CompileError::TooManyKinds { .. } => {
                write!(f, "up to here, the rules tell more kinds of traffic apart than can be worked with")
            }
        }
    }
}

impl std::error::Error for CompileError {}

impl CompileError {
    /// As a finding about the rule.
    #[must_use]
    pub fn diagnostic(&self, policy: &Checked) -> Option<Diagnostic> {
        let (code, rule, help) = match self {
            CompileError::TooManyAlternatives { rule, .. } => {
                (names::E0230, rule, "put the members into a group, or write several rules")
            }
            CompileError::TooManyInAll { rule } => {
                (names::E0231, rule, "put members into groups, so that one test asks for all of them")
            }
            CompileError::TooManyKinds { rule } => {
                (names::E0231, rule, "let rules speak of fewer ranges of ports, or of the same ones")
            }
        };
        policy.rule(*rule).map(|rule| Diagnostic::new(code, rule.span, self.to_string()).help(help))
    }
}

#[cfg(test)]
pub(crate) mod canonical;
#[cfg(test)]
pub(crate) mod edited;
mod edits;
#[cfg(test)]
pub(crate) mod generate;
mod recompile;

pub use recompile::Change;
pub(crate) use recompile::{Extent, Parts};

#[cfg(test)]
pub(crate) mod tests;
