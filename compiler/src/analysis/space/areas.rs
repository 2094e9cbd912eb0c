//! From conditions to areas: the flows for which a condition holds, or does not. Knows nothing of rules.

use lang::checked::{Cond, EndTest, HeaderTest, SetExpr};
use lang::flow::Side;
use net::Field;

use std::rc::Rc;

use super::{Area, Attr, Bits, DSCP, MAX_AREAS, PACKET, SOURCE, Space, TAG, TIME, TooComplex, end_attr, part_of};

impl Space<'_> {
    /// The flows in which an attribute is of one of these classes, or of none of them.
    fn within(&self, attr: Attr, classes: &Bits, wanted: bool) -> Vec<Area> {
        let size = self.size(attr);
        let bits = if wanted { classes.clone() } else { Bits::all(size).minus(classes) };
        Area::of(attr, bits, size).into_iter().collect()
    }

    /// The flows in which an attribute is of one of the wanted classes.
    pub(super) fn where_(&self, attr: Attr, wanted: impl FnMut(usize) -> bool) -> Vec<Area> {
        let size = self.size(attr);
        Area::of(attr, Bits::of(size, wanted), size).into_iter().collect()
    }

    /// The flows for which a condition holds, or does not.
    pub(crate) fn areas(&self, cond: &Cond, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        match (cond, wanted) {
            (Cond::End(side, test), _) => self.end_areas(*side, *test, wanted),
            (Cond::Header(test), _) => self.header_areas(test, wanted),
            (Cond::Time(test), _) => {
                let passing = self.moments.get(test).ok_or(TooComplex)?;
                Ok(self.within(TIME, passing, wanted))
            }
            (Cond::Not(inner), _) => self.areas(inner, !wanted),
            (Cond::All(parts), true) | (Cond::Any(parts), false) => {
                self.all_of(parts.iter().map(|part| self.areas(part, wanted)))
            }
            (Cond::All(parts), false) | (Cond::Any(parts), true) => {
                self.any_of(parts.iter().map(|part| self.areas(part, wanted)))
            }
        }
    }

    pub(super) fn all_of(&self, parts: impl Iterator<Item = Result<Vec<Area>, TooComplex>>) -> Result<Vec<Area>, TooComplex> {
        let mut all = vec![Area::all()];
        for part in parts {
            let part = part?;
            if all.len().saturating_mul(part.len()) > MAX_AREAS {
                return Err(TooComplex);
            }
            self.take(all.len().saturating_mul(part.len()), &all)?;
            all = all.iter().flat_map(|left| part.iter().filter_map(|right| left.and(right))).collect();
        }
        Ok(all)
    }

    /// Areas that name the same one attribute become one.
    fn any_of(&self, parts: impl Iterator<Item = Result<Vec<Area>, TooComplex>>) -> Result<Vec<Area>, TooComplex> {
        let mut simple: Vec<(Attr, Bits)> = Vec::new();
        let mut rest: Vec<Area> = Vec::new();
        for part in parts {
            let part = part?;
            self.take(part.len(), &part)?;
            for area in part {
                match area.only() {
                    Some((attr, bits)) => match simple.iter_mut().find(|(other, _)| *other == attr) {
                        Some((_, all)) => *all = all.or(bits),
                        None => simple.push((attr, bits.clone())),
                    },
                    None if !rest.contains(&area) => rest.push(area),
                    None => {}
                }
            }
            if rest.len() > MAX_AREAS {
                return Err(TooComplex);
            }
        }
        let simple = simple.into_iter().filter_map(|(attr, bits)| Area::of(attr, bits, self.size(attr)));
        let mut all: Vec<Area> = simple.collect();
        all.extend(rest);
        Ok(all)
    }

    fn end_areas(&self, side: Side, test: EndTest, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        if let Some(part) = self.part_of(test) {
            let attr = end_attr(side, part);
            let holders = self.labels.find(test).and_then(|label| self.holders.get(part)?.get(&label));
            let mut bits = Bits::none(self.size(attr));
            holders.into_iter().flatten().for_each(|class| bits.add(*class as usize));
            return Ok(self.within(attr, &bits, wanted));
        }
        let EndTest::Group(id) = test else { return Err(TooComplex) };
        if let Ok(place) = self.dynamic.binary_search(&id) {
            return Ok(self.where_(self.dynamic_attr(side, place), |class| (class == 1) == wanted));
        }
        // Groups may name one another many times over.
        if let Some(known) = self.of_groups.borrow().get(&(id, side, wanted)) {
            return known.as_ref().map(|areas| areas.to_vec()).map_err(|error| *error);
        }
        let found = match self.policy.groups.get(id.index()) {
            Some(group) => self.set_areas(side, &group.members, wanted),
            None => Err(TooComplex),
        };
        let kept = found.as_ref().map(|areas| Rc::from(areas.as_slice())).map_err(|error| *error);
        self.of_groups.borrow_mut().insert((id, side, wanted), kept);
        found
    }

    /// Takes what it costs to make so many areas like these.
    fn take(&self, count: usize, like: &[Area]) -> Result<(), TooComplex> {
        let each = like.iter().map(Area::words).max().unwrap_or(0) + 1;
        let left = self.left.get().checked_sub(count.saturating_mul(each));
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(TooComplex)
    }

    pub(super) fn set_areas(&self, side: Side, set: &SetExpr, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        match set {
            SetExpr::Leaf(test) => self.end_areas(side, *test, wanted),
            SetExpr::Union(parts) => {
                let areas = parts.iter().map(|part| self.set_areas(side, part, wanted));
                if wanted { self.any_of(areas) } else { self.all_of(areas) }
            }
            SetExpr::Intersection(a, b) => {
                let areas = [self.set_areas(side, a, wanted), self.set_areas(side, b, wanted)].into_iter();
                if wanted { self.all_of(areas) } else { self.any_of(areas) }
            }
            SetExpr::Difference(a, b) => {
                let areas = [self.set_areas(side, a, wanted), self.set_areas(side, b, !wanted)].into_iter();
                if wanted { self.all_of(areas) } else { self.any_of(areas) }
            }
        }
    }

    /// The one attribute of an end that decides a test.
    fn part_of(&self, test: EndTest) -> Option<usize> {
        part_of(test, &self.plain)
    }

    fn header_areas(&self, test: &HeaderTest, wanted: bool) -> Result<Vec<Area>, TooComplex> {
        let two = |first: Vec<Area>, second: Vec<Area>| {
            let parts = [Ok(first), Ok(second)].into_iter();
            if wanted { self.all_of(parts) } else { self.any_of(parts) }
        };
        match test {
            HeaderTest::TpSrc(range) => two(
                self.within(PACKET, &self.with_ports, wanted),
                self.where_(SOURCE, |class| self.sources.get(class).is_some_and(|port| range.contains(port)) == wanted),
            ),
            HeaderTest::Dscp(range) => two(
                self.within(PACKET, &self.ip, wanted),
                self.where_(DSCP, |class| self.dscps.get(class).is_some_and(|dscp| range.contains(dscp)) == wanted),
            ),
            HeaderTest::Vlan(_) | HeaderTest::Pcp(_) | HeaderTest::Present(Field::Vlan | Field::Pcp) => {
                Ok(self.within(TAG, self.passing.get(test).ok_or(TooComplex)?, wanted))
            }
            HeaderTest::Service(_)
            | HeaderTest::DlType(_)
            | HeaderTest::TpDst(_)
            | HeaderTest::IcmpType(_)
            | HeaderTest::IcmpCode(_)
            | HeaderTest::Present(_) => Ok(self.within(PACKET, self.passing.get(test).ok_or(TooComplex)?, wanted)),
        }
    }
}
