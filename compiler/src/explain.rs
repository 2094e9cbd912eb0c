//! Why a flow is judged as it is: the facts that held, and for a deny what would have been needed.
//! A query on the decision structure; knows nothing of how its answer is shown.

mod words;

use lang::checked::{MultiUser, RuleId, TimeTest, Verdict};
use lang::flow::{Flow, Judgement, Side};

use crate::index::{Body, Clause, Conjunction, Question, Trace};
use crate::label::{Record, faces};
use crate::program::{Decision, Program};
use crate::service::passes;
use words::Words;

/// The answer to a flow with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub judgement: Judgement,
    /// Who the initiator is: `bob on griffin at edge1:1, 10.0.0.1`.
    pub src: String,
    /// Who the responder is.
    pub dst: String,
    /// The facts by which the deciding rule matched, one clause each: `hsrc griffin is in group private (through desktops)`.
    pub because: Vec<String>,
    /// For a deny: rules that would have allowed the flow but for one fact, in the order of the rules; at most eight.
    pub nearest: Vec<Nearest>,
}

/// A rule that would have allowed a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The rule.
    pub rule: RuleId,
    /// The one fact that was missing: `usrc in group members (it is none)`.
    pub lacks: String,
}

const MAX_NEAREST: usize = 8;

/// Explains the program's answer to a flow. Where an end has several users, the explanation is that of the pair that decided.
#[must_use]
pub fn explain(program: &Program, flow: &Flow) -> Explanation {
    let (srcs, dsts) = (program.records(&flow.src), program.records(&flow.dst));
    let moment = program.moment(flow.time);
    let decision = program.decision(&srcs, &dsts, &flow.headers, &moment);
    let judgement = program.judgement(decision.clone());
    let words = Words {
        names: program.names(),
        flow,
        src_user: faces(&flow.src).nth(decision.src).flatten(),
        dst_user: faces(&flow.dst).nth(decision.dst).flatten(),
    };
    let (Some(src), Some(dst)) = (srcs.get(decision.src), dsts.get(decision.dst)) else {
        return Explanation { judgement, src: String::new(), dst: String::new(), because: Vec::new(), nearest: Vec::new() };
    };
    let class = program.index().services.class(&flow.headers);
    let question = Question { src, dst, headers: &flow.headers, class, moment: &moment, trace: &Trace::default() };
    Explanation {
        because: because(program, &decision, &words, srcs.len() * dsts.len()),
        nearest: nearest(program, &judgement, &question, &words),
        src: words.end(Side::Src),
        dst: words.end(Side::Dst),
        judgement,
    }
}

/// An end with all that is known of it, as the user at this place.
pub(crate) fn end_text(program: &Program, flow: &Flow, side: Side, face: usize) -> String {
    let user = faces(flow.end(side)).nth(face).flatten();
    Words { names: program.names(), flow, src_user: user, dst_user: user }.end(side)
}

fn because(program: &Program, decision: &Decision, words: &Words<'_>, pairs: usize) -> Vec<String> {
    let mut facts = match decision.clause.and_then(|id| program.index().clause(id)) {
        None => vec!["no rule matches, so the default decides".to_owned()],
        Some(Clause { body: Body::Whole(_), .. }) => vec!["the condition of the rule holds as a whole".to_owned()],
        Some(Clause { body: Body::Conjunction(all), .. }) => {
            facts(all).map(|(fact, wanted)| words.state(&fact, wanted)).collect()
        }
    };
    if facts.is_empty() {
        facts.push("the rule matches every flow".to_owned());
    }
    if pairs > 1 {
        let how = match program.policy().multi_user {
            MultiUser::LeastRestrictive => "least",
            MultiUser::MostRestrictive => "most",
        };
        let (src, dst) = (words.user(Side::Src), words.user(Side::Dst));
        facts.push(format!("of {pairs} pairs of users, {src} to {dst} is judged {how} restrictively"));
    }
    let decided = decision.clause.and_then(|id| program.index().clause(id)).map(|clause| clause.rule);
    for other in decision.others.iter().filter(|id| Some(**id) != decided) {
        facts.push(format!("{} allows another pair, whose obligations bind it, too", words.names.rule(*other)));
    }
    facts
}

/// One thing that a clause asks.
enum Fact<'a> {
    End(Side, crate::label::LabelId),
    Header(&'a lang::checked::HeaderTest),
    Time(TimeTest),
}

fn facts(all: &Conjunction) -> impl Iterator<Item = (Fact<'_>, bool)> {
    let src = all.src.iter().map(|(label, wanted)| (Fact::End(Side::Src, *label), *wanted));
    let dst = all.dst.iter().map(|(label, wanted)| (Fact::End(Side::Dst, *label), *wanted));
    let headers = all.service.iter().chain(&all.headers).map(|(test, wanted)| (Fact::Header(test), *wanted));
    let times = all.times.iter().map(|(test, wanted)| (Fact::Time(*test), *wanted));
    src.chain(dst).chain(headers).chain(times)
}

fn holds(fact: &Fact<'_>, question: &Question<'_>) -> bool {
    let has = |record: &Record, label| record.has(label);
    match fact {
        Fact::End(Side::Src, label) => has(question.src, *label),
        Fact::End(Side::Dst, label) => has(question.dst, *label),
        Fact::Header(test) => passes(test, question.headers),
        Fact::Time(test) => question.moment.passes(*test),
    }
}

/// Allowing clauses before the deciding rule that lack one fact, and clauses behind it that lack none.
fn nearest(program: &Program, judgement: &Judgement, question: &Question<'_>, words: &Words<'_>) -> Vec<Nearest> {
    let mut nearest: Vec<Nearest> = Vec::new();
    if judgement.verdict == Verdict::Allow {
        return nearest;
    }
    for clause in program.index().in_order() {
        let allows = program.policy().rule(clause.rule).is_some_and(|rule| rule.verdict() == Some(Verdict::Allow));
        if !allows || nearest.iter().any(|other| other.rule == clause.rule) {
            continue;
        }
        let is_behind = judgement.rule.is_some_and(|decided| decided < clause.rule);
        if let Some(lacks) = lacks(&clause, judgement, question, words, is_behind) {
            nearest.push(Nearest { rule: clause.rule, lacks });
        }
        if nearest.len() == MAX_NEAREST {
            break;
        }
    }
    nearest
}

fn lacks(
    clause: &Clause<'_>,
    judgement: &Judgement,
    question: &Question<'_>,
    words: &Words<'_>,
    is_behind: bool,
) -> Option<String> {
    let Body::Conjunction(all) = clause.body else { return None };
    let mut missing = facts(all).filter(|(fact, wanted)| holds(fact, question) != *wanted);
    match (missing.next(), missing.next(), judgement.rule) {
        (None, _, Some(decided)) if is_behind => Some(format!("a place before {}", words.names.rule(decided))),
        (Some((fact, wanted)), None, _) if !is_behind => Some(words.want(&fact, wanted)),
        (None | Some(_), _, _) => None,
    }
}

#[cfg(test)]
mod tests;
