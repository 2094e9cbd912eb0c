//! Sketches of areas: a few words that tell of most pairs of rules that they have no flow in common. Knows nothing of rules.

use super::area::{Area, Attr, Bits, bits_of};
use super::space::{ADDRESS, AT, PACKET, Space, TIME, USER, WHO, end_attr};
use lang::flow::Side;

/// So many words of buckets are joined in one step.
const WORDS_OF_A_STEP: u64 = 512;

/// How many attributes are sketched.
const ATTRIBUTES: usize = 10;

/// For each of some attributes 64 buckets of classes: those that some area has. What is too complex has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sketch([u64; ATTRIBUTES]);

/// The sketches of all rules, and which rules have which bucket: those that may meet a rule are found without looking at each.
#[derive(Debug)]
pub(super) struct Sketches {
    of: Vec<Sketch>,
    columns: Vec<Column>,
}

/// Of one attribute the rules that have each bucket, a bit for each rule.
#[derive(Debug)]
struct Column {
    /// Rules that have all buckets, and are in no other list.
    all: Vec<u64>,
    buckets: Vec<Vec<u64>>,
}

/// The attributes, the most telling first.
fn attributes() -> [Attr; ATTRIBUTES] {
    let of = |side| [end_attr(side, USER), end_attr(side, WHO), end_attr(side, ADDRESS), end_attr(side, AT)];
    let ([a, b, c, d], [e, f, g, h]) = (of(Side::Src), of(Side::Dst));
    [PACKET, a, b, e, f, c, g, d, h, TIME]
}

impl Sketch {
    /// The sketch of some areas together.
    fn of(space: &Space<'_>, areas: Option<&[Area]>) -> Sketch {
        let Some(areas) = areas else { return Sketch([u64::MAX; ATTRIBUTES]) };
        let mut sketch = Sketch([0; ATTRIBUTES]);
        for (word, attr) in sketch.0.iter_mut().zip(attributes()) {
            for area in areas {
                *word |= area.get(attr).map_or(u64::MAX, |bits| buckets(bits, space.size(attr)));
            }
        }
        sketch
    }
}

impl Sketches {
    /// The sketches of rules, given the areas of each.
    pub(super) fn of(space: &Space<'_>, rules: &[Option<Vec<Area>>]) -> Sketches {
        let of: Vec<Sketch> = rules.iter().map(|areas| Sketch::of(space, areas.as_deref())).collect();
        let words = of.len().div_ceil(64);
        let columns = (0..ATTRIBUTES).map(|attr| Column::of(of.iter().map(|sketch| sketch.0[attr]), words)).collect();
        Sketches { of, columns }
    }

    /// How many steps it takes to find those rules: one for so many words.
    pub(super) fn cost(&self, rule: usize, end: usize) -> u64 {
        let lists =
            self.of.get(rule).map_or(0, |own| own.0.iter().filter(|word| **word != u64::MAX).map(|word| word.count_ones()).sum());
        u64::from(lists) * end.div_ceil(64) as u64 / WORDS_OF_A_STEP
    }

    /// The places, ascending, of the rules before `end` that may match a flow of this one; of all others no flow is in both.
    pub(super) fn meeting(&self, rule: usize, end: usize) -> Vec<usize> {
        let Some(own) = self.of.get(rule) else { return Vec::new() };
        let end = end.min(self.of.len());
        let mut left = vec![u64::MAX; end.div_ceil(64)];
        for (own, column) in own.0.iter().zip(&self.columns) {
            column.narrow(*own, &mut left);
        }
        let set = |(place, word): (usize, u64)| bits_of(word).map(move |bit| place * 64 + bit);
        left.into_iter().enumerate().flat_map(set).take_while(|place| *place < end).collect()
    }
}

impl Column {
    fn of(sketches: impl Iterator<Item = u64>, words: usize) -> Column {
        let mut column = Column { all: vec![0; words], buckets: vec![vec![0; words]; 64] };
        for (rule, own) in sketches.enumerate() {
            let mark = |list: &mut Vec<u64>| {
                if let Some(word) = list.get_mut(rule / 64) {
                    *word |= 1 << (rule % 64);
                }
            };
            if own == u64::MAX {
                mark(&mut column.all);
            } else {
                for bucket in bits_of(own) {
                    if let Some(list) = column.buckets.get_mut(bucket) {
                        mark(list);
                    }
                }
            }
        }
        column
    }

    /// Keeps those rules that have one of the buckets.
    fn narrow(&self, own: u64, left: &mut [u64]) {
        if own == u64::MAX {
            return;
        }
        let lists: Vec<&[u64]> = bits_of(own).filter_map(|bucket| self.buckets.get(bucket)).map(Vec::as_slice).collect();
        for (place, word) in left.iter_mut().enumerate().filter(|(_, word)| **word != 0) {
            let at = |list: &[u64]| list.get(place).copied().unwrap_or(0);
            *word &= lists.iter().fold(at(&self.all), |some, list| some | at(list));
        }
    }
}

/// The buckets of some classes of so many, and where a word of classes is in one bucket or two, those of its ends.
fn buckets(bits: &Bits, size: usize) -> u64 {
    let bucket = |class: usize| 1 << (class * 64 / size.max(1)).min(63);
    if size < 64 * 64 {
        return bits.classes().fold(0, |word, class| word | bucket(class));
    }
    let some = bits.numbered().filter(|(_, word)| *word != 0);
    some.fold(0, |all, (first, _)| all | bucket(first) | bucket(first + 63))
}
