//! Whether some flow of an area is in none of others: the question that shadowing comes down to. Knows nothing of rules.
//!
//! Depth first, the widest cover first: an area that is not covered is soon left with a piece that nothing meets, and one that is
//! covered is soon cut away. Each piece takes along only the covers that meet it.

use super::area::Area;
use super::space::Space;
use super::walk::{Stopped, pay_for, spend, step};
use super::witness::Point;

impl Space<'_> {
    /// A flow of the area that there can be and that no cover has; nothing if there is none.
    pub(super) fn uncovered(&self, area: &Area, covers: &[&Area], steps: &mut u64) -> Result<Option<Point>, Stopped> {
        let mut open: Vec<(Area, Vec<usize>)> = vec![(area.clone(), (0..covers.len()).collect())];
        while let Some((area, mut near)) = open.pop() {
            spend(steps, near.len() as u64)?;
            near.retain(|place| covers.get(*place).is_some_and(|cover| cover.meets(&area)));
            let Some(widest) = self.widest(&area, covers, &near) else {
                match self.find(&area, steps, None)? {
                    Some(point) => return Ok(Some(point)),
                    None => continue,
                }
            };
            step(steps)?;
            if area.is_within(widest) {
                continue;
            }
            let pieces = self.minus(&area, widest);
            pay_for(&pieces, steps)?;
            for piece in pieces {
                open.push((piece, near.clone()));
            }
        }
        Ok(None)
    }

    /// The cover that takes most of the area.
    fn widest<'c>(&self, area: &Area, covers: &[&'c Area], near: &[usize]) -> Option<&'c Area> {
        let mut best: Option<(f64, &Area)> = None;
        for cover in near.iter().filter_map(|place| covers.get(*place)) {
            let taken = self.taken(area, cover);
            if best.is_none_or(|(most, _)| taken > most) {
                best = Some((taken, cover));
            }
            if taken >= 1.0 {
                break;
            }
        }
        best.map(|(_, cover)| cover)
    }

    /// The share of the area that the cover takes.
    fn taken(&self, area: &Area, cover: &Area) -> f64 {
        let count = |bits: usize| f64::from(u32::try_from(bits).unwrap_or(u32::MAX));
        let share = cover.parts().map(|(attr, bits)| match area.get(attr) {
            Some(own) => count(own.count_both(bits)) / count(own.count()),
            None => count(bits.count()) / count(self.size(attr)),
        });
        share.product()
    }
}
