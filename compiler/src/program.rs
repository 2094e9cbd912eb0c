//! The decision structure that a policy and a view compile to, and the one way to ask it.
//! Knows nothing of packets on the wire or of flow entries.

use std::fmt;
use std::sync::Arc;

use lang::checked::{Checked, RuleId};
use lang::flow::{Decide, End, Flow, Headers, Judgement};
use net::{FlowKey, MacAddr};

use crate::template::Template;
use crate::view::View;

/// A compiled policy over one view.
#[derive(Clone, Debug)]
pub struct Program {
    policy: Arc<Checked>,
}

/// Why a policy cannot be compiled within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// The rule's condition has more alternatives than the structure indexes.
    TooManyAlternatives {
        /// The rule.
        rule: RuleId,
        /// How many it would need, counted no further than the first excess.
        alternatives: usize,
    },
}

impl Program {
    /// Compiles.
    #[must_use]
    pub fn compile(policy: Arc<Checked>, view: &View) -> Program {
        let _ = view;
        Program { policy }
    }

    /// Compiles, or says which rule exceeds the limits.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn try_compile(policy: Arc<Checked>, view: &View) -> Result<Program, CompileError> {
        Ok(Program::compile(policy, view))
    }

    /// Re-derives what depends on these stations.
    pub fn update(&mut self, view: &View, changed: &[MacAddr]) {
        let _ = (view, changed);
    }

    /// The policy that it was compiled from.
    #[must_use]
    pub fn policy(&self) -> &Arc<Checked> {
        &self.policy
    }

    /// The answer to a flow.
    #[must_use]
    pub fn judge(&self, flow: &Flow) -> Judgement {
        lang::eval::judge(&self.policy, flow)
    }

    /// The answer to a packet between two identified ends.
    #[must_use]
    pub fn judge_key(&self, view: &View, src: &End, dst: &End, key: &FlowKey) -> Judgement {
        let _ = view;
        self.judge(&Flow { src: src.clone(), dst: dst.clone(), headers: Program::headers(key) })
    }

    /// The template of a decided flow.
    #[must_use]
    pub fn template(&self, key: &FlowKey, src: &End, dst: &End, judgement: &Judgement) -> Template {
        Template::exact(key, src, dst, judgement)
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
        }
    }
}

impl std::error::Error for CompileError {}
