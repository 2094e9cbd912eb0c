//! What SEPL's rules do, read. Knows nothing of when.

use crate::Problem;
use crate::place::Place;

use super::Module;
use super::parse::{Call, Expr, ExprKind};

/// One thing that a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Allow,
    Deny,
    /// Through these middleboxes, by their names here.
    Waypoints(Vec<String>),
    /// `http_redirect()`: the captive portal answers.
    Redirect,
    /// A function of the controller or of the module, with its words in the original.
    Function {
        what: String,
        python: bool,
    },
    /// Address translation, with its words in the original.
    Nat(String, Place),
}

const NAMES: &[&str] = &[
    "allow",
    "deny",
    "waypoint",
    "c_action",
    "py_action",
    "nat",
    "compose",
    "authenticate_host",
    "allow_no_nat",
    "http_redirect",
    "http_proxy_redirect",
    "http_proxy_undo_redirect",
];

/// Functions of the controller that have a name of their own.
const FUNCTIONS: &[&str] =
    &["authenticate_host", "allow_no_nat", "http_redirect", "http_proxy_redirect", "http_proxy_undo_redirect"];

/// True if an action has this name.
pub(super) fn is_one(name: &str) -> bool {
    NAMES.contains(&name)
}

impl Module {
    /// What a rule does; nothing if it cannot be read, which is told.
    pub(super) fn acts(&mut self, expr: &Expr) -> Option<Vec<Act>> {
        let ExprKind::Call(call) = &expr.kind else {
            return self.refuse(Problem::new(expr.place, format!("`{}` is no action", expr.text)));
        };
        if call.name != "compose" {
            return self.act(call, expr).map(|act| vec![act]);
        }
        let acts: Vec<Option<Act>> = call
            .args
            .iter()
            .map(|arg| match &arg.kind {
                ExprKind::Call(inner) if inner.name != "compose" => self.act(inner, arg),
                _ => self.refuse(Problem::new(arg.place, format!("`{}` is no action", arg.text))),
            })
            .collect();
        let acts = acts.into_iter().collect::<Option<Vec<Act>>>()?;
        self.composed(call, expr, acts)
    }

    /// SEPL refuses actions together of which one would never be taken.
    fn composed(&mut self, call: &Call, expr: &Expr, mut acts: Vec<Act>) -> Option<Vec<Act>> {
        if acts.is_empty() {
            return self.refuse(Problem::new(expr.place, "`compose` takes at least one action"));
        }
        let alone = |act: &Act| matches!(act, Act::Deny | Act::Function { .. } | Act::Redirect);
        let lonely = acts.iter().position(alone).filter(|_| acts.iter().any(|act| *act != Act::Deny) && acts.len() > 1);
        if let Some(arg) = lonely.and_then(|place| call.args.get(place)) {
            let word = match &arg.kind {
                ExprKind::Call(inner) => inner.name.clone(),
                _ => arg.text.clone(),
            };
            return self.refuse(Problem::new(arg.place, format!("`{word}` conflicts with the other actions")));
        }
        if acts.iter().any(|act| matches!(act, Act::Waypoints(_))) {
            acts.retain(|act| *act != Act::Allow);
        }
        acts.dedup();
        Some(acts)
    }

    fn act(&mut self, call: &Call, expr: &Expr) -> Option<Act> {
        let python = false;
        match call.name.as_str() {
            "allow" | "deny" => {
                if let Some(arg) = call.args.first() {
                    return self.refuse(Problem::new(arg.place, format!("`{}` takes nothing", call.name)));
                }
                Some(if call.name == "allow" { Act::Allow } else { Act::Deny })
            }
            "waypoint" => self.waypoints(call, expr).map(Act::Waypoints),
            "nat" => Some(Act::Nat(expr.text.clone(), expr.place)),
            "py_action" => Some(Act::Function { what: expr.text.clone(), python: true }),
            "c_action" => match call.args.first() {
                Some(Expr { kind: ExprKind::Str(name), .. }) if name == "http_redirect" => Some(Act::Redirect),
                Some(Expr { kind: ExprKind::Str(name), .. }) if FUNCTIONS.contains(&name.as_str()) => {
                    Some(Act::Function { what: expr.text.clone(), python })
                }
                Some(Expr { kind: ExprKind::Str(name), place, .. }) => {
                    let found = Problem::new(*place, format!("the controller has no function `{name}`"));
                    self.refuse(found.meant(name, FUNCTIONS.iter().copied()))
                }
                _ => self.refuse(Problem::new(expr.place, "`c_action` takes the name of a function, in quotes")),
            },
            "http_redirect" => Some(Act::Redirect),
            name if FUNCTIONS.contains(&name) => Some(Act::Function { what: expr.text.clone(), python }),
            name if super::predicate::is_one(name) => {
                let found = Problem::new(expr.place, format!("`{name}` is a predicate, and an action is needed"));
                self.refuse(found.help("a rule is written `ACTION <= CONDITION`"))
            }
            name => {
                let found = Problem::new(expr.place, format!("there is no action `{name}`"));
                self.refuse(found.meant(name, NAMES.iter().copied()))
            }
        }
    }

    fn waypoints(&mut self, call: &Call, expr: &Expr) -> Option<Vec<String>> {
        if call.args.is_empty() {
            return self.refuse(Problem::new(expr.place, "`waypoint` takes at least one host"));
        }
        let mut via: Vec<String> = Vec::new();
        for arg in &call.args {
            let ExprKind::Str(host) = &arg.kind else {
                return self.refuse(Problem::new(arg.place, format!("`{}` is no name of a host in quotes", arg.text)));
            };
            let key = super::directory::key(host);
            let name = self.draft.middlebox_like(&key, super::directory::bare(&key), arg.place);
            if !via.contains(&name) {
                via.push(name);
            }
        }
        Some(via)
    }
}
