//! W0310: a waypoint that the policy itself puts out of reach.

use super::Input;
use crate::checked::{Attachment, Avoid, MiddleboxId, Rule};
use crate::diag::Diagnostic;
use crate::flowspec::location_text;
use net::{Dpid, Location};

lint! {
    W0310 "waypoint out of reach" {
        what "A rule sends what it allows through a middlebox that the same rule avoids: its port, or the switch that it is attached to. Or the middlebox is at a port that is declared to lead to another switch."
        why "No way through the middlebox, no flow: the rule allows nothing."
        example "switch core { dpid 0x10; access 9-48; }\nmiddlebox ids { at core:42; }\nhost roo { mac 00:16:3e:00:00:12; }\nallow from roo via ids avoid core;"
        instead "Take the switch out of `avoid`, or the middlebox out of `via`."
        clean "switch core { dpid 0x10; access 9-48; }\nmiddlebox ids { at core:42; }\nhost roo { mac 00:16:3e:00:00:12; }\nallow from roo via ids;"
    }
}

/// Finds them.
pub fn check(input: &Input<'_>) -> Vec<Diagnostic> {
    input.policy.rules.iter().flat_map(|rule| rule.via.iter().filter_map(|id| cut(input, rule, *id))).collect()
}

fn cut(input: &Input<'_>, rule: &Rule, id: MiddleboxId) -> Option<Diagnostic> {
    let middlebox = input.policy.middleboxes.get(id.index())?;
    // One instance that can be reached is enough.
    let cuts: Option<Vec<_>> = middlebox.attachments.iter().map(|one| cut_off(input, rule, &middlebox.name, one)).collect();
    let (why, help) = cuts?.into_iter().next()?;
    let message = format!("`{}` {why}: the rule allows nothing", middlebox.name);
    Some(Diagnostic::new(W0310, rule.span, message).related(middlebox.span, "attached here").help(help))
}

/// Why an instance of a middlebox cannot be reached, and what to do.
fn cut_off(input: &Input<'_>, rule: &Rule, name: &str, attachment: &Attachment) -> Option<(&'static str, String)> {
    let ports = attachment.ports();
    let avoided = |at: &Location| rule.duties.avoid.contains(&Avoid::Port(*at)) || avoids_switch(rule, at.dpid);
    let uplink = |at: &Location| {
        let switch = input.policy.switch_of(at.dpid);
        switch.is_some_and(|switch| switch.uplink.contains(at.port))
    };
    if let Some(at) = ports.iter().find(|at| avoided(at)) {
        let switch = input.policy.switch_of(at.dpid).filter(|_| avoids_switch(rule, at.dpid));
        let what = switch.map_or_else(|| location_text(input.policy, *at), |switch| switch.name.to_string());
        Some(("is attached where the rule may not go", format!("take `{what}` out of `avoid`, or `{name}` out of `via`")))
    } else if let Some(at) = ports.iter().find(|at| uplink(at)) {
        let help = format!("attach `{name}` to an access port, or take {} out of the uplinks", location_text(input.policy, *at));
        Some(("is attached to a port that is declared to lead to another switch", help))
    } else {
        None
    }
}

fn avoids_switch(rule: &Rule, dpid: Dpid) -> bool {
    rule.duties.avoid.contains(&Avoid::Switch(dpid))
}
