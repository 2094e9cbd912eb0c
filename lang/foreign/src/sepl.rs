//! SEPL, the policy language of SNAC, carried over. Rules have priorities, the lowest number first; of those of one priority that
//! match, the most secure action is taken: both become the order of the rules here. Knows nothing of how the text is read.

mod action;
mod directory;
mod levels;
mod packet;
mod parse;
mod predicate;

use std::collections::BTreeMap;

use crate::draft::{Draft, Head, Origin};
use crate::logic::Cond;
use crate::place::comment;
use crate::{Imported, Problem};

use action::Act;
use directory::Directory;
use parse::{Call, Expr, ExprKind, RuleStmt, Statement};

const REMARKS: &[&str] = &[
    "Rules stand in the order of their priorities; within one, what denies goes before waypoints, and these before what allows.",
    "SNAC judged answers as flows of their own. Here the answers to what is allowed pass, and nothing else does.",
];

/// Carries a module over.
pub(crate) fn import(text: &str, file: &str) -> Result<Imported, Vec<Problem>> {
    let (statements, problems) = parse::parse(text);
    let mut draft = Draft::default();
    draft.problems = problems;
    let mut module = Module { draft, priority: 0, ..Module::default() };
    for statement in &statements {
        if let Statement::Call(Expr { kind: ExprKind::Call(call), .. }) = statement {
            module.registration(call);
        }
    }
    for statement in &statements {
        module.statement(statement);
    }
    module.check_groups();
    module.declare_registered();
    let Module { mut draft, rules, .. } = module;
    levels::write(rules, &mut draft);
    draft.finish(&Head { file, system: "a policy of SNAC (SEPL)", remarks: REMARKS })
}

/// Whether the first packet of a conversation is judged, or what answers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    #[default]
    Request,
    Response,
}

/// A module while it is run.
#[derive(Default)]
struct Module {
    draft: Draft,
    directory: Directory,
    priority: u64,
    comments: Vec<String>,
    lists: BTreeMap<String, Expr>,
    rules: Vec<Rule>,
    /// As what predicates are read that tell requests from answers.
    role: Role,
    /// True if one of them did.
    asked_for_role: bool,
}

/// A rule that was read.
struct Rule {
    priority: u64,
    acts: Vec<Act>,
    /// When it holds of the first packet of a conversation.
    cond: Cond,
    /// When it holds of answers, if it tells them from first packets and holds of some.
    answers: Option<Cond>,
    origin: Origin,
    comments: Vec<String>,
}

/// Calls that change how the rules behind them are kept and shown, and nothing that they decide.
const SHOWN: &[&str] = &["set_rule_type", "set_protected", "update_SEPL"];

/// All that a statement can call.
const CALLS: &[&str] = &[
    "set_priority",
    "cascade",
    "incr_priority",
    "decr_priority",
    "set_description",
    "set_comment",
    "set_rule_type",
    "set_protected",
    "update_SEPL",
];

impl Module {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Assign(name, value) => {
                if matches!(value.kind, ExprKind::Call(_) | ExprKind::Not(_) | ExprKind::Both(..) | ExprKind::Either(..)) {
                    let message = format!("`{name}` would stand for a predicate or an action, which one expression uses up");
                    let found = Problem::new(value.place, message);
                    self.draft.problems.push(found.help("write it out where it is used; lists can have names"));
                } else {
                    self.lists.insert(name.clone(), value.clone());
                }
            }
            Statement::Rule(rule) => self.rule(rule),
            Statement::Call(Expr { kind: ExprKind::Call(call), place, text }) => {
                let expr = Expr { kind: ExprKind::None, place: *place, text: text.clone() };
                self.call(call, &expr);
            }
            Statement::Call(other) => {
                let found = Problem::new(other.place, format!("`{}` does nothing", other.text));
                self.draft.problems.push(found.help("a rule is written `ACTION <= CONDITION`"));
            }
        }
    }

    fn call(&mut self, call: &Call, at: &Expr) {
        let set = |module: &mut Self, priority: Option<u64>| match priority.filter(|priority| *priority <= u64::from(u32::MAX)) {
            Some(priority) => module.priority = priority,
            None => module.draft.problems.push(Problem::new(at.place, "priorities are numbers from 0 to 4294967295")),
        };
        match call.name.as_str() {
            "set_priority" => {
                let wanted = match call.args.as_slice() {
                    [Expr { kind: ExprKind::Int(priority), .. }] => Some(*priority),
                    _ => None,
                };
                set(self, wanted);
            }
            "cascade" | "incr_priority" => set(self, self.priority.checked_add(1)),
            "decr_priority" => set(self, self.priority.checked_sub(1)),
            "set_description" | "set_comment" => match call.args.as_slice() {
                [Expr { kind: ExprKind::Str(text), .. }] => self.comments.extend(text.lines().filter_map(comment)),
                _ => self.draft.problems.push(Problem::new(at.place, format!("`{}` takes a string", call.name))),
            },
            name if SHOWN.contains(&name) || directory::is_registration(call) => {}
            name if predicate::is_one(name) || action::is_one(name) => {
                let found = Problem::new(at.place, format!("`{}` alone is no rule", at.text));
                self.draft.problems.push(found.help("a rule is written `ACTION <= CONDITION`"));
            }
            name => {
                let found = Problem::new(at.place, format!("nothing is known of a function `{name}`"));
                let known = CALLS.iter().copied().chain(directory::CALLS.iter().map(|(name, _)| *name));
                self.draft
                    .problems
                    .push(found.help("what a module computes cannot be read: write out the rules").meant(name, known));
            }
        }
    }

    fn rule(&mut self, rule: &RuleStmt) {
        let comments = std::mem::take(&mut self.comments);
        let acts = self.acts(&rule.action);
        self.role = Role::Request;
        self.asked_for_role = false;
        let cond = self.condition(&rule.cond);
        let answers = if self.asked_for_role {
            self.role = Role::Response;
            let answers = self.condition(&rule.cond);
            self.role = Role::Request;
            answers.map(|cond| cond.settled()).filter(|cond| *cond != Cond::Never)
        } else {
            None
        };
        let (Some(acts), Some(cond)) = (acts, cond) else { return };
        let origin = Origin { place: rule.place, what: rule.text.clone() };
        self.rules.push(Rule { priority: self.priority, acts, cond, answers, origin, comments });
    }

    /// The expression that a name stands for, if it is that of a list.
    fn looked_up<'e>(&'e self, expr: &'e Expr) -> &'e Expr {
        match &expr.kind {
            ExprKind::Name(name) => self.lists.get(name).unwrap_or(expr),
            _ => expr,
        }
    }

    fn refuse<T>(&mut self, problem: Problem) -> Option<T> {
        self.draft.problems.push(problem);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let problems = match import(text, "x") {
            Ok(imported) => panic!("{}", imported.text),
            Err(problems) => problems,
        };
        crate::told(&problems)
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        let text = "alow() <= hsrc('a')\nallow() <= hsrcc('a')\nallow() <= hsrc(5)\nallow() <= hsrc('a') & hdst('b')\nallow() <= hsrc('a') and hdst('b')\n\
            allow() <= protocol('htp')\nallow() <= tpdst(70000)\ndef f(x):\n    return x\nallow() <= nwsrc('10.0.0.256')\ncascde()\nallow()\n\
            allow() <= in_group('g', 'HSCR')\ncompose(allow(), deny()) <= True\nallow() <= 5\nhsrc('a') <= True\n";
        assert_eq!(
            told(text),
            [
                "1:1 there is no action `alow` (did you mean `allow`?)",
                "2:12 there is no predicate `hsrcc` (did you mean `hsrc`?)",
                "3:17 `hsrc` takes the name of a host, in quotes, and this is `5`",
                "4:22 `&` stands where the end of the line, or an operator is expected (`^` joins predicates of which all have to hold)",
                "5:22 `and` stands where the end of the line, or an operator is expected (predicates are joined with `^` and `|`)",
                "6:21 there is no protocol `htp` (did you mean `http`?)",
                "7:18 a port is a number from 0 to 65535, and this is `70000`",
                "8:1 `def` is beyond what can be read of a policy module: calls, lists and rules (write out what it does as rules)",
                "10:18 `10.0.0.256` is no IPv4 address",
                "11:1 nothing is known of a function `cascde` (did you mean `cascade`?)",
                "12:1 `allow()` alone is no rule (a rule is written `ACTION <= CONDITION`)",
                "13:26 there is no field `HSCR` (did you mean `HSRC`?)",
                "14:18 `deny` conflicts with the other actions",
                "15:12 `5` is no condition",
                "16:1 `hsrc` is a predicate, and an action is needed (a rule is written `ACTION <= CONDITION`)",
            ]
        );
    }
}
