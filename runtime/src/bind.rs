//! From what a conversation is bound to, the course that keeps it. Knows nothing of why it is bound.

use compiler::template::Template;
use lang::checked::{Attachment, Checked, MiddleboxId};
use net::{Dpid, Location};

use crate::controller::Controller;
use crate::course::{self, Beside, Course};
use crate::dialect::MeterId;
use crate::effect::Effects;
use crate::meters::{Kbps, Pace};
use crate::record::FlowId;
use crate::route::{self, Avoided, Constraint, Hop, NoPath, Spread};
use crate::topology::{Link, Topology};

impl Controller {
    /// Has a meter counted for a conversation whose rate is limited, at the switch where it begins: both directions together. False if
    /// it cannot be limited there: then it may not begin.
    pub(crate) fn meter(&mut self, id: FlowId, out: &mut Effects) -> bool {
        let Some(conversation) = self.records.get_mut(id) else { return false };
        if conversation.course.tree().is_some() {
            return self.pace(id, out);
        }
        let Some(limit) = conversation.template.duties.limit else { return true };
        let (dpid, claimed) = (conversation.ingress.dpid, conversation.meter);
        let Some(rate) = Kbps::within(limit) else { return false };
        let able = self.switches.capabilities(dpid).and_then(|own| own.meters()).filter(|meters| meters.drops && meters.kilobits);
        let most = able.map_or(0, |meters| meters.most);
        let Some(meter) = claimed.or_else(|| self.meters.claim(dpid, id, Pace::Bits(rate), most)) else { return false };
        conversation.meter = Some(meter);
        self.switches.up(dpid).is_some_and(|session| self.meters.settle(dpid, meter, session, out))
    }

    /// Makes a switch that is back hold the meters that its wanted entries need.
    pub(crate) fn resettle_meters(&mut self, dpid: Dpid, out: &mut Effects) {
        let Some(session) = self.switches.up(dpid) else { return };
        for id in self.meters.missing(dpid) {
            self.meters.settle(dpid, id, session, out);
        }
    }

    /// Takes out meters that no conversation wants, once it is known which do.
    pub(crate) fn drop_meters(&mut self, dpid: Dpid, out: &mut Effects) {
        for id in self.meters.unwanted(dpid) {
            self.meters.release(dpid, id, self.switches.up(dpid), out);
        }
    }

    /// Gives back the meter of a conversation whose entries are gone.
    pub(crate) fn unmeter(&mut self, dpid: Dpid, meter: Option<MeterId>, out: &mut Effects) {
        if let Some(meter) = meter {
            self.meters.release(dpid, meter, self.switches.up(dpid), out);
        }
    }

    /// Where packets go that come in here and are for that port, with their replies and copies; with the instances of middleboxes
    /// that its standing way passes, if it has one.
    ///
    /// # Errors
    /// Says what is missing: then there is no flow.
    pub(crate) fn course(
        &mut self,
        from: Location,
        to: Location,
        template: &Template,
        standing: &[Hop],
    ) -> Result<Course, NoPath> {
        let avoided = Avoided::new(&template.duties.avoid, |id| self.view.places_of(&self.policy, id));
        let spread = self.settings.spread.then(|| Spread::of(&template.region, self.settings.spread_seed));
        course(&mut self.topology, &self.policy, (from, to), template, Constraint { avoided, spread, standing })
    }
}

/// Where packets of a conversation go from port to port, with its replies and copies.
///
/// # Errors
/// Says what is missing: then there is no flow.
pub(crate) fn course(
    topology: &mut Topology,
    policy: &Checked,
    (from, to): (Location, Location),
    template: &Template,
    constraint: Constraint<'_>,
) -> Result<Course, NoPath> {
    let duties = &template.duties;
    let hops = route::way(topology, policy, from, to, &template.via, &constraint)?;
    if !duties.one_way && duties.mirror.is_empty() {
        return Ok(Course::along(hops));
    }
    let constraint = Constraint { standing: &[], ..constraint };
    let back = if duties.one_way { Some(route::way(topology, policy, to, from, &[], &constraint)?) } else { None };
    let watchers = watchers(policy, &duties.mirror)?;
    let usable = |link: &Link| !constraint.avoided.has_link(link);
    let copies = course::copies(topology, &hops, &watchers, &usable)?;
    let replies = back.clone().unwrap_or_else(|| route::reverse(&hops));
    let copies_back = match template.reply {
        Some(_) => course::copies(topology, &replies, &watchers, &usable)?,
        None => Vec::new(),
    };
    Ok(Course { hops, beside: Some(Box::new(Beside { back, copies, copies_back, tree: None })) })
}

/// For each middlebox the ports on which it could get copies, one for each instance.
fn watchers(policy: &Checked, mirror: &[MiddleboxId]) -> Result<Vec<(MiddleboxId, Vec<Location>)>, NoPath> {
    let port = |attachment: &Attachment| match *attachment {
        Attachment::Inline { inside, .. } => inside,
        Attachment::OneArmed { at } => at,
    };
    let ports = |id: &MiddleboxId| Some(policy.middleboxes.get(id.index())?.attachments.iter().map(port).collect());
    mirror.iter().map(|id| Ok((*id, ports(id).ok_or(NoPath::MiddleboxDown(*id))?))).collect()
}
