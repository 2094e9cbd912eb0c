//! Sketches of areas: a few words that tell of most pairs of rules that they have no flow in common. Knows nothing of rules.

use super::area::{Area, Attr, Bits};
use super::space::{ADDRESS, AT, PACKET, Space, TIME, USER, WHO, end_attr};
use lang::flow::Side;

/// For each of some attributes 64 buckets of classes: those that some area has. What is too complex has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sketch([u64; 10]);

/// The attributes, the most telling first.
fn attributes() -> [Attr; 10] {
    let of = |side| [end_attr(side, USER), end_attr(side, WHO), end_attr(side, ADDRESS), end_attr(side, AT)];
    let ([a, b, c, d], [e, f, g, h]) = (of(Side::Src), of(Side::Dst));
    [PACKET, a, b, e, f, c, g, d, h, TIME]
}

impl Sketch {
    /// The sketch of some areas together.
    pub(super) fn of(space: &Space<'_>, areas: Option<&[Area]>) -> Sketch {
        let Some(areas) = areas else { return Sketch([u64::MAX; 10]) };
        let mut sketch = Sketch([0; 10]);
        for (word, attr) in sketch.0.iter_mut().zip(attributes()) {
            for area in areas {
                *word |= area.get(attr).map_or(u64::MAX, |bits| buckets(bits, space.size(attr)));
            }
        }
        sketch
    }

    /// False if no flow is in both.
    pub(super) fn may_meet(&self, other: &Sketch) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & b != 0)
    }
}

fn buckets(bits: &Bits, size: usize) -> u64 {
    bits.classes().fold(0, |word, class| word | 1 << (class * 64 / size.max(1)).min(63))
}
