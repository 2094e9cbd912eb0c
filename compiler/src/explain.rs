//! Why a flow is judged as it is: the facts that held, and for a deny what would have been needed.
//! A query on the decision structure; knows nothing of how its answer is shown.

use lang::checked::RuleId;
use lang::flow::{Flow, Judgement};

use crate::program::Program;

/// The answer to a flow with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub judgement: Judgement,
    /// The facts by which the deciding rule matched, one clause each.
    pub because: Vec<String>,
    /// For a deny: rules that would have allowed the flow but for one fact, best first.
    pub nearest: Vec<Nearest>,
}

/// A rule that would have allowed a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The rule.
    pub rule: RuleId,
    /// The one fact that was missing.
    pub lacks: String,
}

/// Explains the program's answer to a flow.
#[must_use]
pub fn explain(program: &Program, flow: &Flow) -> Explanation {
    Explanation { judgement: program.judge(flow), because: Vec::new(), nearest: Vec::new() }
}
