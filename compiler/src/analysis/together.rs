//! Ends as one view has them, with all of their users, who are judged together. Knows nothing of what is asked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lang::checked::{GroupId, Kind, RuleId};
use lang::flow::{End, Flow, Judgement, Person, Side};
use net::{Location, MacAddr};

use super::Analysis;
use super::area::{Area, Attr, Bits};
use super::space::{AT, Login, Space, USER, WHO, Who, end_attr};
use super::walk::{Flow as Control, Stopped, step};
use super::witness::Point;
use crate::view::View;

/// What one view says of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Here {
    pub(super) at: Option<Location>,
    pub(super) users: Vec<Person>,
    pub(super) groups: Vec<GroupId>,
    /// Of a machine of the site those that it has; of any other end nothing is said.
    pub(super) addresses: Option<BTreeSet<IpAddr>>,
}

impl Here {
    /// Gives an end of a flow all of its users.
    pub(super) fn complete(&self, end: &mut End) {
        if self.addresses.is_some() {
            end.users.clone_from(&self.users);
        }
    }
}

/// What is told of a flow with all users of both ends: who the ends are, and the answer.
pub(super) type Together<'v> = dyn FnMut(&Flow, &Judgement, (usize, usize)) -> Result<Control, Stopped> + 'v;

impl Analysis<'_> {
    /// Those of some areas that are of machines with one user, or none; and, beside, what the view says of all ends. Nothing beside
    /// where every machine has one user at most.
    pub(super) fn apart(&self, areas: Vec<Area>) -> (Vec<Area>, Option<Vec<Option<Here>>>) {
        let space = &self.space;
        let Some(view) = space.view().filter(|view| view.stations().any(|station| station.users.len() > 1)) else {
            return (areas, None);
        };
        let ends = space.ends(view);
        let mut rest = areas;
        for side in [Side::Src, Side::Dst] {
            let crowded = space.class_of(end_attr(side, WHO), |who| is_crowded(&ends, who));
            rest = crowded.map_or(rest.clone(), |crowded| rest.iter().flat_map(|area| space.minus(area, &crowded)).collect());
        }
        (rest, Some(ends))
    }

    /// Tells of the flows of an area whose ends have several users how they are answered: of each part of them that is answered
    /// alike one.
    pub(super) fn together(
        &self,
        area: &Area,
        ends: &[Option<Here>],
        steps: &mut u64,
        visit: &mut Together<'_>,
    ) -> Result<(), Stopped> {
        let space = &self.space;
        for (src, from) in ends.iter().enumerate() {
            for (dst, to) in ends.iter().enumerate() {
                step(steps)?;
                let (Some(from), Some(to)) = (from, to) else { continue };
                if src == dst || !is_crowded(ends, src) && !is_crowded(ends, dst) {
                    continue;
                }
                let of = |side, who| space.class_of(end_attr(side, WHO), |one| one == who);
                let pair = of(Side::Src, src).and_then(|one| one.and(&of(Side::Dst, dst)?)).and_then(|pair| pair.and(area));
                let contexts = space.contexts(from, to);
                let asked = contexts.iter().filter_map(|context| space.shared(&pair.as_ref()?.and(context)?));
                let asked: BTreeSet<Vec<(Attr, Vec<usize>)>> = asked.map(|area| listed(&area)).collect();
                for base in asked.iter().filter_map(|parts| space.area_of(parts)) {
                    for part in self.refined(base, &contexts, steps)? {
                        let Some(flow) = self.with_all_users(&part, &contexts, (from, to), steps)? else { continue };
                        let judgement = self.program.judge(&flow);
                        if visit(&flow, &judgement, (src, dst))? == Control::Stop {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes an area apart by who decides it for each pair of users.
    pub(super) fn refined(&self, base: Area, contexts: &[Area], steps: &mut u64) -> Result<Vec<Area>, Stopped> {
        let mut parts = vec![base];
        for context in contexts {
            let mut finer = Vec::new();
            for area in parts.iter().filter_map(|part| part.and(context)) {
                self.walk(area, RuleId(0), steps, &mut |inside, _, _| {
                    finer.extend(self.space.shared(inside));
                    Ok(Control::GoOn)
                })?;
            }
            parts = finer;
        }
        Ok(parts)
    }

    fn with_all_users(
        &self,
        part: &Area,
        contexts: &[Area],
        (from, to): (&Here, &Here),
        steps: &mut u64,
    ) -> Result<Option<Flow>, Stopped> {
        let Some(area) = contexts.first().and_then(|context| part.and(context)) else { return Ok(None) };
        let Some(point) = self.space.find(&area, steps, None)? else { return Ok(None) };
        let mut flow = self.space.flow(&point);
        from.complete(&mut flow.src);
        to.complete(&mut flow.dst);
        Ok(Some(flow))
    }
}

fn is_crowded(ends: &[Option<Here>], who: usize) -> bool {
    ends.get(who).and_then(Option::as_ref).is_some_and(|here| here.users.len() > 1)
}

/// An area as a list, by which areas can be put in order.
fn listed(area: &Area) -> Vec<(Attr, Vec<usize>)> {
    area.parts().map(|(attr, bits)| (attr, bits.classes().collect())).collect()
}

impl Space<'_> {
    /// For each class of ends what a view says of it; nothing where it is not there.
    pub(super) fn ends(&self, view: &View) -> Vec<Option<Here>> {
        let machine = |mac: MacAddr, is_host: bool| {
            let station = view.station(mac).filter(|station| station.host.is_some() == is_host)?;
            station.location?;
            let (users, groups) = (station.users.clone(), station.groups.clone());
            Some(Here { at: station.location, users, groups, addresses: Some(station.addresses.clone()) })
        };
        let other = |at| Some(Here { at, users: Vec::new(), groups: Vec::new(), addresses: None });
        let one = |who: &Who| match who {
            Who::Hosts(hosts) => hosts.first().and_then(|(_, mac)| machine(*mac, true)),
            Who::Stranger(mac) => mac.and_then(|mac| machine(mac, false)),
            Who::Gateway(id) | Who::Internet(Some(id)) => other(self.policy.gateways.get(id.index()).map(|gateway| gateway.at)),
            Who::Internet(None) | Who::Broadcast | Who::Multicast | Who::Controller => other(None),
        };
        self.whos.iter().map(one).collect()
    }

    /// Flows whose attribute is of one of these classes.
    pub(super) fn class_of(&self, attr: Attr, wanted: impl FnMut(usize) -> bool) -> Option<Area> {
        let size = self.size(attr);
        Area::of(attr, Bits::of(size, wanted), size)
    }

    /// For each pair of users what is said of both ends.
    pub(super) fn contexts(&self, src: &Here, dst: &Here) -> Vec<Area> {
        let of_end = |side, here: &Here| -> Vec<Area> {
            let all: Vec<Option<&Person>> = here.users.iter().map(Some).collect();
            let all = if all.is_empty() { vec![None] } else { all };
            all.into_iter().filter_map(|person| self.context(side, here, person)).collect()
        };
        let dsts = of_end(Side::Dst, dst);
        of_end(Side::Src, src).iter().flat_map(|src| dsts.iter().filter_map(|dst| src.and(dst))).collect()
    }

    fn context(&self, side: Side, here: &Here, person: Option<&Person>) -> Option<Area> {
        let only = |attr: Attr, class: usize| self.class_of(attr, |one| one == class);
        let at = self.places.iter().position(|at| *at == here.at)?;
        let login = match person {
            Some(person) => self.class_of_login(person.user)?,
            None => self.logins.iter().position(|login| *login == Login::Nobody)?,
        };
        let mut area = only(end_attr(side, AT), at)?.and(&only(end_attr(side, USER), login)?)?;
        for (place, id) in self.dynamic.iter().enumerate() {
            let of_users = self.policy.groups.get(id.index()).is_some_and(|group| group.kind == Kind::User);
            let groups = if of_users { person.map_or(&[][..], |person| &person.groups) } else { &here.groups };
            area = area.and(&only(self.dynamic_attr(side, place), usize::from(groups.contains(id)))?)?;
        }
        Some(area)
    }

    fn area_of(&self, parts: &[(Attr, Vec<usize>)]) -> Option<Area> {
        let part = |(attr, classes): &(Attr, Vec<usize>)| self.class_of(*attr, |class| classes.binary_search(&class).is_ok());
        parts.iter().try_fold(Area::all(), |all, one| all.and(&part(one)?))
    }

    /// What an area says of packets, and of who its ends are; not of where they are and who is logged in.
    pub(super) fn shared(&self, area: &Area) -> Option<Area> {
        let parts = area.parts().filter(|(attr, _)| self.is_shared(*attr));
        parts.into_iter().try_fold(Area::all(), |all, (attr, bits)| all.and(&Area::of(attr, bits.clone(), self.size(attr))?))
    }

    /// The same of a point.
    pub(super) fn shared_of(&self, point: &Point) -> Option<Area> {
        let attrs = (0..self.attributes()).filter_map(|place| u16::try_from(place).ok()).map(Attr);
        attrs.filter(|attr| self.is_shared(*attr)).try_fold(Area::all(), |all, attr| {
            let (size, class) = (self.size(attr), point.class(attr));
            all.and(&Area::of(attr, Bits::of(size, |one| one == class), size)?)
        })
    }

    fn is_shared(&self, attr: Attr) -> bool {
        let of_state = [Side::Src, Side::Dst].iter().any(|side| {
            attr == end_attr(*side, USER)
                || attr == end_attr(*side, AT)
                || (0..self.dynamic.len()).any(|place| attr == self.dynamic_attr(*side, place))
        });
        !of_state
    }
}
