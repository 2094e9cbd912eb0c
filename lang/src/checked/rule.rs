//! Rules of a checked policy, and what they do with flows. Knows nothing of what a condition asks.

use std::sync::Arc;

use net::{Dpid, Location, Time, VlanId};

use super::{Cond, HostId, MiddleboxId, RuleId, SectionId};
use crate::source::Span;

/// What happens to a flow; the least restrictive first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Set the conversation up.
    Allow,
    /// Answer web requests with the captive portal.
    Redirect,
    /// Drop and tell the initiator (TCP RST, ICMP administratively prohibited).
    Reject,
    /// Drop, with a drop entry in the switch.
    Deny,
}

/// What a rule does with a flow that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Decides it.
    Decide(Verdict),
    /// Reports that it would have decided so, and leaves it to the rules behind.
    Audit(Verdict),
    /// Leaves the section: the rules from this one on go on.
    Pass(RuleId),
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its number, which is its place.
    pub id: RuleId,
    /// Its name, if the text gives one.
    pub name: Option<Arc<str>>,
    /// When it matches, `until` included.
    pub cond: Cond,
    /// What it does.
    pub effect: Effect,
    /// Middleboxes to pass, in order from initiator to responder. Empty unless the verdict is allow.
    pub via: Vec<MiddleboxId>,
    /// What else an allowed conversation is bound to. Empty unless the verdict is allow.
    pub duties: Duties,
    /// Record each match in the log.
    pub log: bool,
    /// The instant from which on it does not match.
    pub until: Option<Time>,
    /// Who answers for it: its own, else its section's.
    pub owner: Option<Arc<str>>,
    /// Why it is there, in the words of some other system.
    pub ticket: Option<Arc<str>>,
    /// The innermost section that it stands in.
    pub section: Option<SectionId>,
    /// Which part of its statement it is.
    pub part: Part,
    /// The statement in the text.
    pub span: Span,
}

/// What an allowed conversation is bound to, besides `via`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Duties {
    /// Only packets of the initiator pass the middleboxes.
    pub one_way: bool,
    /// What the path may not touch, ascending, each once.
    pub avoid: Vec<Avoid>,
    /// The VLAN that its packets are put into.
    pub vlan: Option<VlanId>,
    /// How fast it may be.
    pub limit: Option<Rate>,
    /// Middleboxes that get a copy, ascending, each once.
    pub mirror: Vec<MiddleboxId>,
    /// The queue that its packets wait in (OpenFlow 1.3.5 §7.2.2).
    pub queue: Option<u32>,
}

/// What a path may not touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Avoid {
    /// A switch.
    Switch(Dpid),
    /// The link or device at a port.
    Port(Location),
    /// Wherever the host is attached.
    Host(HostId),
}

/// A rate in bits per second; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// Which part of its statement a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The half of an `outbound-only` that denies what others initiate.
    OutboundDeny,
    /// The half of an `outbound-only` that allows what it says.
    OutboundAllow,
    /// The half of a rule with `pin` that allows from there.
    PinAllow,
    /// The half of a rule with `pin` that denies from elsewhere.
    PinDeny,
}

impl Rule {
    /// A rule that says this and nothing else.
    #[must_use]
    pub fn plain(id: RuleId, cond: Cond, verdict: Verdict, span: Span) -> Rule {
        Rule {
            id,
            name: None,
            cond,
            effect: Effect::Decide(verdict),
            via: Vec::new(),
            duties: Duties::default(),
            log: false,
            until: None,
            owner: None,
            ticket: None,
            section: None,
            part: Part::Whole,
            span,
        }
    }

    /// The verdict of a rule that decides.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        match self.effect {
            Effect::Decide(verdict) => Some(verdict),
            Effect::Audit(_) | Effect::Pass(_) => None,
        }
    }

    /// True if what it allows is bound to something.
    #[must_use]
    pub fn has_obligations(&self) -> bool {
        !self.via.is_empty() || self.duties != Duties::default()
    }
}
