//! The way that a conversation takes through the network that a view tells of, found by the daemon's own router. Knows nothing of
//! rules.

use lang::checked::{Attachment, Checked, Verdict};
use lang::flow::{End, Flow, Judgement, Place};
use net::{Dpid, Location};
use runtime::map::Map;
use runtime::route::{Avoided, Constraint, Hop, NoPath};

use compiler::View;

use crate::load::Policy;

/// What is known of the way of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing: it is not allowed, or no links are told.
    Unasked,
    /// Nothing, for this reason, and it may pass all the same.
    Untold(&'static str),
    /// It passes these ports, or those of another of so many ways that are as short.
    Found(Vec<Hop>, u64),
    /// There is none, and the flow is not set up.
    Missing(String),
}

/// Finds ways in one view.
pub struct Ways<'a> {
    policy: &'a Checked,
    view: &'a View,
    map: Option<Map>,
    down: &'a [Dpid],
    /// Of each end, whether the flow itself says where it is.
    placed: [bool; 2],
}

impl<'a> Ways<'a> {
    /// In the view that was given, of flows that say themselves where these of their ends are.
    pub fn of(loaded: &'a Policy, policy: &'a Checked, placed: [bool; 2]) -> Ways<'a> {
        Ways { policy, view: &loaded.view, map: loaded.map(policy), down: &loaded.down, placed }
    }

    /// The way of a flow that was judged.
    pub fn of_flow(&mut self, flow: &Flow, judgement: &Judgement) -> Way {
        if judgement.verdict != Verdict::Allow || self.map.is_none() && self.down.is_empty() {
            return Way::Unasked;
        }
        if matches!(flow.dst.place, Place::Broadcast | Place::Multicast | Place::Controller) {
            return Way::Untold("the controller itself hands it on");
        }
        let ends = self.place(&flow.src, self.placed[0]).and_then(|from| Ok((from, self.place(&flow.dst, self.placed[1])?)));
        let (from, to) = match ends {
            Ok(ends) => ends,
            Err(why) => return Way::Missing(why),
        };
        if let Some(off) = [from, to].iter().find(|at| self.down.contains(&at.dpid)) {
            return Way::Missing(format!("switch `{}` is down", switch(self.policy, off.dpid)));
        }
        let Some(map) = self.map.as_mut() else {
            // Without links it is known only that what stays at one switch passes no other.
            let stays = from.dpid == to.dpid && judgement.via.is_empty() && judgement.duties.avoid.is_empty();
            return if stays { Way::Unasked } else { Way::Untold("the view tells no `links`, and a switch is down") };
        };
        let avoided = Avoided::new(&judgement.duties.avoid, |id| self.view.places_of(self.policy, id));
        let constraint = Constraint { avoided, ..Constraint::default() };
        match map.way_under(self.policy, from, to, &judgement.via, &constraint) {
            // How many are equally short is counted of all ways, whatever they touch.
            Ok(hops) if judgement.duties.avoid.is_empty() => {
                Way::Found(hops, map.equally_short(self.policy, from, to, &judgement.via))
            }
            Ok(hops) => Way::Found(hops, 1),
            Err(error) => Way::Missing(no_path(self.policy, error)),
        }
    }

    /// Where packets of an end come in and go out. A host that the view knows and that is attached nowhere is not at its pin, unless
    /// the flow puts it there.
    fn place(&self, end: &End, is_placed: bool) -> Result<Location, String> {
        let station = end.mac.filter(|_| end.place == Place::Inside && !is_placed).and_then(|mac| self.view.station(mac));
        match station {
            Some(station) if station.location.is_none() => place(self.policy, &End { location: None, ..end.clone() }),
            Some(_) | None => place(self.policy, end),
        }
    }
}

impl Way {
    /// Every port that it passes, in order.
    pub fn ports(&self, policy: &Checked) -> Option<Vec<String>> {
        let Way::Found(hops, _) = self else { return None };
        let both = |hop: &Hop| [Location::new(hop.dpid, hop.in_port), Location::new(hop.dpid, hop.out_port)];
        Some(hops.iter().flat_map(both).map(|at| port(policy, at)).collect())
    }

    /// Why there is none.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Way::Missing(why) => Some(why),
            Way::Unasked | Way::Untold(_) | Way::Found(..) => None,
        }
    }

    /// In one line for people: each switch with the port in and the port out, and the middleboxes between.
    pub fn text(&self, policy: &Checked, judgement: &Judgement) -> Option<String> {
        match self {
            Way::Unasked => None,
            Way::Untold(why) => Some(format!("not told: {why}")),
            Way::Missing(why) => Some(format!("none: {why}; so the flow is allowed, and is not set up")),
            Way::Found(hops, 0 | 1) => Some(passes(policy, hops, judgement)),
            Way::Found(hops, equal) => {
                Some(format!("{}; or another of {equal} ways that are as short", passes(policy, hops, judgement)))
            }
        }
    }
}

fn passes(policy: &Checked, hops: &[Hop], judgement: &Judgement) -> String {
    let mut boxes = judgement.via.iter().filter_map(|id| policy.middleboxes.get(id.index())).peekable();
    let mut parts = Vec::new();
    for hop in hops {
        let leaves = Location::new(hop.dpid, hop.out_port);
        parts.push(format!("{} > {}", port(policy, Location::new(hop.dpid, hop.in_port)), port(policy, leaves)));
        let is_entered = |attachment: &Attachment| attachment.ports().first() == Some(&leaves);
        if let Some(middlebox) = boxes.next_if(|middlebox| middlebox.attachments.iter().any(is_entered)) {
            parts.push(middlebox.name.to_string());
        }
    }
    parts.join(", ")
}

/// Where packets of an end come in and go out.
fn place(policy: &Checked, end: &End) -> Result<Location, String> {
    let gateway = match end.place {
        Place::Gateway(id) | Place::Internet(Some(id)) => policy.gateways.get(id.index()),
        Place::Internet(None) => match policy.gateways.as_slice() {
            [only] => Some(only),
            [] => return Err("no gateway to the internet is declared".to_owned()),
            [_, _, ..] => return Err("through which gateway is not said".to_owned()),
        },
        Place::Inside | Place::Broadcast | Place::Multicast | Place::Controller => None,
    };
    end.location.or(gateway.map(|gateway| gateway.at)).ok_or_else(|| {
        let host = end.host.and_then(|id| policy.hosts.get(id.index())).map(|host| format!("host `{}`", host.name));
        let name = host.or_else(|| end.mac.map(|mac| mac.to_string())).or_else(|| end.address.map(|address| address.to_string()));
        format!("{} is attached nowhere in the view", name.as_deref().unwrap_or("one of its ends"))
    })
}

fn no_path(policy: &Checked, error: NoPath) -> String {
    match error {
        NoPath::Unreachable { from, to } => {
            format!("no links lead from switch `{}` to switch `{}`", switch(policy, from), switch(policy, to))
        }
        NoPath::Avoiding { from, to } => format!(
            "no links lead from switch `{}` to switch `{}` that keep off what the rule avoids",
            switch(policy, from),
            switch(policy, to)
        ),
        NoPath::EndAvoided(at) => format!("the rule avoids {}, where an end is attached", port(policy, at)),
        NoPath::MiddleboxAvoided(id) => {
            let name = policy.middleboxes.get(id.index()).map_or("", |middlebox| &*middlebox.name);
            format!("the rule avoids where middlebox `{name}` is attached")
        }
        NoPath::MiddleboxDown(id) => {
            let name = policy.middleboxes.get(id.index()).map_or("", |middlebox| &*middlebox.name);
            format!("the switch of middlebox `{name}` is down")
        }
        NoPath::Confused => "another conversation has the same packets in the same VLAN".to_owned(),
        NoPath::TableFull(dpid) => format!("the table of switch `{}` is full", switch(policy, dpid)),
        NoPath::SamePort(at) => format!("both ends are at {}, where no switch stands between them", port(policy, at)),
        NoPath::Ambiguous(at) => {
            format!("it would pass {} twice, and the switch could not tell the passes apart", port(policy, at))
        }
    }
}

/// `edge1:2`, whatever else the place is called.
fn port(policy: &Checked, at: Location) -> String {
    format!("{}:{}", switch(policy, at.dpid), at.port)
}

fn switch(policy: &Checked, dpid: Dpid) -> String {
    policy.switch_of(dpid).map_or_else(|| dpid.to_string(), |switch| switch.name.to_string())
}
