//! What is left to ask of an end once it is known who it is: of a thousand stations each has rows of its own, and only those of the
//! two in question are looked at. Knows nothing of rules.

use std::rc::Rc;

use lang::flow::Side;

use super::{Area, Attr, Bits, END, SIDES, Space, WHO, end_attr};
use crate::analysis::walk::{Stopped, spend};

/// So many rows are looked at in one step to find those of one class.
const ROWS_OF_A_STEP: u64 = 64;

/// Rows of what cannot be, by the end that they speak of, as places in their list.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorted {
    of_ends: [Vec<u32>; 2],
    /// Those of both ends, or of none.
    others: Vec<u32>,
}

/// An end of one class of who it is.
#[derive(Debug)]
pub(super) struct Settled {
    /// What such an end may be, as far as rows of who it is and one thing more tell.
    area: Area,
    /// What other rows say of it, as places in the list of all.
    rows: Vec<u32>,
}

/// An area, and the rows that still matter to it, in their order.
pub(in crate::analysis) struct Near<'s> {
    pub(in crate::analysis) area: Area,
    pub(in crate::analysis) rows: Vec<&'s Area>,
}

impl Sorted {
    pub(super) fn of(rows: &[Area], dynamic: usize) -> Sorted {
        let mut sorted = Sorted::default();
        for (place, row) in (0..).zip(rows) {
            let [of_src, of_dst] = SIDES.map(|side| row.parts().any(|(attr, _)| is_of(attr, side, dynamic)));
            let list = match (of_src, of_dst) {
                (true, false) => &mut sorted.of_ends[0],
                (false, true) => &mut sorted.of_ends[1],
                (true, true) | (false, false) => &mut sorted.others,
            };
            list.push(place);
        }
        sorted
    }
}

/// True if an attribute is of this end, there being so many groups that others fill.
fn is_of(attr: Attr, side: Side, dynamic: usize) -> bool {
    let (first, place) = (usize::from(end_attr(side, 0).0), usize::from(attr.0));
    let groups = usize::from(super::DYNAMIC) + if side == Side::Src { 0 } else { dynamic };
    (first..first + END).contains(&place) || (groups..groups + dynamic).contains(&place)
}

impl Space<'_> {
    /// The area without what who its ends are forbids, and the rows that matter beside; nothing if no flow is left.
    pub(in crate::analysis) fn near(&self, area: &Area, steps: &mut u64) -> Result<Option<Near<'_>>, Stopped> {
        let mut area = area.clone();
        let mut places: Vec<u32> = self.sorted.others.clone();
        for (side, all) in SIDES.into_iter().zip(&self.sorted.of_ends) {
            let Some(class) = self.only_who(&area, side) else {
                places.extend(all);
                continue;
            };
            let Some(settled) = self.settled(side, class, steps)? else { return Ok(None) };
            let Some(both) = area.and(&settled.area) else { return Ok(None) };
            area = both;
            places.extend(&settled.rows);
        }
        places.sort_unstable();
        let rows = places.iter().filter_map(|place| self.forbidden.get(*place as usize)).collect();
        Ok(Some(Near { area, rows }))
    }

    /// Who the end of an area is, if only one class is left.
    pub(in crate::analysis) fn only_who(&self, area: &Area, side: Side) -> Option<usize> {
        if self.whos.len() == 1 {
            return Some(0);
        }
        area.get(end_attr(side, WHO)).filter(|bits| bits.count() == 1).and_then(|bits| bits.nth(0))
    }

    /// The flows of an area that are not ruled out by who this end is, if it is of a class.
    pub(in crate::analysis) fn with_who(
        &self,
        area: &Area,
        side: Side,
        who: usize,
        steps: &mut u64,
    ) -> Result<Option<Area>, Stopped> {
        let Some(settled) = self.settled(side, who, steps)? else { return Ok(None) };
        let Some(own) = area.and(&settled.area) else { return Ok(None) };
        Ok(self.only(end_attr(side, WHO), who).and_then(|only| own.and(&only)))
    }

    /// Flows whose attribute is of one class.
    pub(in crate::analysis) fn only(&self, attr: Attr, class: usize) -> Option<Area> {
        let size = self.size(attr);
        Area::of(attr, Bits::one(size, class), size)
    }

    /// What is left to ask of an end of a class; nothing if there is no such end. It is found out once.
    fn settled(&self, side: Side, who: usize, steps: &mut u64) -> Result<Option<Rc<Settled>>, Stopped> {
        if let Some(known) = self.settled.borrow().get(&(side, who)) {
            return Ok(known.clone());
        }
        let all = &self.sorted.of_ends[usize::from(side == Side::Dst)];
        spend(steps, all.len() as u64 / ROWS_OF_A_STEP)?;
        let found = self.settle(side, who, all).map(Rc::new);
        self.settled.borrow_mut().insert((side, who), found.clone());
        Ok(found)
    }

    fn settle(&self, side: Side, who: usize, all: &[u32]) -> Option<Settled> {
        let attr = end_attr(side, WHO);
        let full = |attr| self.full(attr);
        let mut area = Area::all();
        let mut rest: Vec<u32> = Vec::new();
        for place in all {
            let Some(row) = self.forbidden.get(*place as usize) else { continue };
            let is_told = row.get(attr).map(|whos| whos.has(who));
            let mut others = row.parts().filter(|(other, _)| *other != attr).map(|(other, _)| other);
            match (is_told, others.next(), others.next()) {
                // It is of others.
                (Some(false), ..) => {}
                (Some(true), None, _) => return None,
                (Some(true), Some(other), None) => {
                    if !area.take_out(other, row, full) {
                        return None;
                    }
                }
                (None, ..) | (Some(true), Some(_), Some(_)) => rest.push(*place),
            }
        }
        let rows = rest.into_iter().filter(|place| self.forbidden.get(*place as usize).is_some_and(|row| area.meets(row)));
        Some(Settled { rows: rows.collect(), area })
    }
}
