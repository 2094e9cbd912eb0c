//! What takes longer than checking: compiling, proving, running the tests. Done beside the server's own work, on a policy as it
//! stood. Knows nothing of the protocol.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use compiler::{Analysis, Budget, Program, View};
use crossbeam_channel::Sender;
use lang::checked::{RuleId, Verdict};
use lang::diag::Diagnostic;
use lang::facts::Facts;
use lang::testing::{self, TestRun};

use crate::host::Host;
use crate::project::{Key, Snapshot};

/// What was proved of a policy as it stood.
pub(crate) struct Proved {
    /// Which policy.
    pub(crate) key: Key,
    /// As it stood.
    pub(crate) snapshot: Arc<Snapshot>,
    /// What came of it; nothing if it does not compile.
    pub(crate) result: Option<Proof>,
    /// What is to be said of it.
    pub(crate) found: Vec<Diagnostic>,
}

/// What came of it.
pub(crate) struct Proof {
    pub(crate) program: Program,
    pub(crate) facts: Facts,
    pub(crate) tests: TestRun,
}

/// What a rule decides, of all flows, as far as sampled flows show.
pub(crate) struct Share {
    /// Of what it matches, the part that gets to it.
    pub(crate) decided: f64,
    /// Rules that take the rest, with their parts, the largest first.
    pub(crate) others: Vec<(RuleId, f64)>,
    /// The part of all flows that it matches.
    pub(crate) matched: f64,
}

/// Proves a policy without errors, and says so when done. The answer comes whatever happens.
pub(crate) fn start(host: &Arc<dyn Host>, key: Key, snapshot: Arc<Snapshot>, done: Sender<Proved>) {
    let now = host.now();
    host.spawn(Box::new(move || {
        let (result, found) = catch_unwind(AssertUnwindSafe(|| prove(&snapshot, now))).unwrap_or_default();
        // If nobody waits, the server has ended.
        let _ = done.send(Proved { key, snapshot, result, found });
    }));
}

fn prove(snapshot: &Snapshot, now: net::Time) -> (Option<Proof>, Vec<Diagnostic>) {
    let Some(policy) = snapshot.policy.clone() else { return (None, Vec::new()) };
    let program = Program::compile(Arc::clone(&policy), &View::new(&policy));
    let excess: Vec<Diagnostic> = program.excess().iter().filter_map(|excess| excess.diagnostic(&policy)).collect();
    if !excess.is_empty() {
        return (None, excess);
    }
    let (facts, found) = compiler::findings(&program, &snapshot.tree, Some(now), Budget::default());
    let tests = testing::run(&policy, &program);
    (Some(Proof { program, facts, tests }), found)
}

impl Proof {
    /// What a rule decides; nothing for one that decides no flow by its nature, or is too complex.
    pub(crate) fn share(&self, rule: RuleId) -> Option<Share> {
        let verdict: Option<Verdict> = self.program.policy().rule(rule)?.verdict();
        verdict?;
        let analysis = Analysis::new(&self.program, Budget::default())?;
        let (matched, by) = analysis.share(rule)?;
        let decided = by.iter().filter(|(id, _)| *id == rule).map(|(_, part)| part).sum();
        let others = by.into_iter().filter(|(id, _)| *id != rule).collect();
        Some(Share { decided, others, matched })
    }

    /// How many cases of tests the rule decides.
    pub(crate) fn cases_of(&self, rule: RuleId) -> usize {
        let policy = self.program.policy();
        let cases = policy.tests.iter().flat_map(|test| &test.cases);
        cases.filter(|case| case.flows.iter().any(|flow| self.program.judge(flow).rule == Some(rule))).count()
    }
}
