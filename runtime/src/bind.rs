//! From what a conversation is bound to, the course that keeps it. Knows nothing of why it is bound.

use std::collections::BTreeSet;

use compiler::template::Template;
use lang::checked::{Attachment, Checked, MiddleboxId};
use net::{Dpid, Location};

use crate::controller::Controller;
use crate::course::{self, Beside, Course};
use crate::dialect::{GroupKind, MeterId};
use crate::effect::Effects;
use crate::failover::{self, Detour};
use crate::groups::Ports;
use crate::meters::{Kbps, Pace};
use crate::record::{FlowId, GroupsOf};
use crate::route::{self, Avoided, Constraint, Hop, NoPath, Spread};
use crate::session::Capabilities;
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
        let keeps_off = avoided.clone();
        let course = course(&mut self.topology, &self.policy, (from, to), template, Constraint { avoided, spread, standing })?;
        Ok(if self.settings.failover { self.guarded(course, template, &keeps_off) } else { course })
    }

    /// A course with what switches may do by themselves where a link of it is down: nothing that is not proved to keep what the rule
    /// says, nor what a switch on the detour has no room for. No copies are made on a detour, and no meter counts there.
    fn guarded(&self, course: Course, template: &Template, avoided: &Avoided) -> Course {
        if !template.duties.mirror.is_empty() || template.duties.limit.is_some() || !template.installable {
            return course;
        }
        let usable = |link: &Link| !avoided.has_link(link);
        let can = |detour: &Detour| {
            let groups = self.switches.capabilities(detour.at.dpid).is_some_and(Capabilities::has_fast_failover);
            groups && detour.switches().all(|dpid| self.switches.is_up(dpid) && self.has_table_room(dpid, 2))
        };
        let of =
            |hops: &[Hop]| -> Vec<Detour> { failover::detours(&self.topology, hops, &usable).into_iter().filter(can).collect() };
        let detours = of(&course.hops);
        let detours_back = if template.reply.is_some() { of(&course.back()) } else { Vec::new() };
        if detours.is_empty() && detours_back.is_empty() {
            return course;
        }
        let Course { hops, beside } = course;
        let beside = beside.map_or_else(Beside::default, |beside| *beside);
        let guarded = Course { hops, beside: Some(Box::new(Beside { detours, detours_back, ..beside })) };
        if self.first_full(&guarded).is_some() { guarded.unguarded() } else { guarded }
    }

    /// Has switches hold the groups of a conversation's detours. Where one cannot, the link has no detour.
    pub(crate) fn guard(&mut self, id: FlowId, out: &mut Effects) {
        let Some(conversation) = self.records.get(id) else { return };
        let wanted: Vec<(Dpid, Ports)> = conversation.course.detours().map(|one| (one.at.dpid, one.ports)).collect();
        for (dpid, ports) in wanted {
            if self.records.get(id).is_none_or(|one| one.groups.contains_key(&(dpid, ports))) {
                continue;
            }
            let groups = self.switches.capabilities(dpid).and_then(|own| own.groups());
            let most = groups.and_then(|groups| groups.most(GroupKind::FastFailover)).unwrap_or(0);
            let Some(group) = self.groups.claim(dpid, ports, most) else { continue };
            let held = self.switches.up(dpid).is_some_and(|session| self.groups.settle(dpid, group, id, session, out));
            match self.records.get_mut(id).filter(|_| held) {
                Some(conversation) => drop(conversation.groups.insert((dpid, ports), group)),
                None => self.groups.release(dpid, group, self.switches.up(dpid), out),
            }
        }
    }

    /// Gives back the groups that no detour of a conversation needs any more, once no entry of it names them.
    pub(crate) fn trim_groups(&mut self, id: FlowId, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id).filter(|one| !one.groups.is_empty()) else { return };
        let needed: BTreeSet<(Dpid, Ports)> = conversation.course.detours().map(|one| (one.at.dpid, one.ports)).collect();
        let (kept, gone) = std::mem::take(&mut conversation.groups).into_iter().partition(|(place, _)| needed.contains(place));
        conversation.groups = kept;
        self.unguard(&gone, out);
    }

    pub(crate) fn unguard(&mut self, groups: &GroupsOf, out: &mut Effects) {
        for ((dpid, _), group) in groups {
            self.groups.release(*dpid, *group, self.switches.up(*dpid), out);
        }
    }

    /// Makes a switch that is back hold the groups that its wanted entries need.
    pub(crate) fn resettle_groups(&mut self, dpid: Dpid, out: &mut Effects) {
        let Some(session) = self.switches.up(dpid) else { return };
        for id in self.groups.missing(dpid) {
            self.groups.settle(dpid, id, FlowId(0), session, out);
        }
    }

    /// Takes out groups that no conversation uses, once it is known which do.
    pub(crate) fn drop_groups(&mut self, dpid: Dpid, out: &mut Effects) {
        for id in self.groups.unwanted(dpid) {
            self.groups.release(dpid, id, self.switches.up(dpid), out);
        }
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
    Ok(Course { hops, beside: Some(Box::new(Beside { back, copies, copies_back, ..Beside::default() })) })
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
