//! Areas: sets of flows that say for each attribute which classes of its values may be. Knows nothing of what attributes mean.

use std::rc::Rc;

/// Which attribute of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Attr(pub(crate) u16);

/// A set of classes of one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bits(Words);

/// Most attributes have so few classes that one word holds them. More words are shared by all copies: areas are copied far more
/// often than their sets are changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Words {
    One(u64),
    Many(Rc<[u64]>),
}

/// Flows whose every attribute named here is in a class of its set. Attributes that are not named may be anything. No set is empty,
/// and none is full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Area(Vec<(Attr, Bits)>);

impl Bits {
    /// Those of `size` classes that `wanted` takes.
    pub(crate) fn of(size: usize, mut wanted: impl FnMut(usize) -> bool) -> Bits {
        let mut bits = Bits::none(size);
        let words = bits.words_mut();
        for class in (0..size).filter(|class| wanted(*class)) {
            if let Some(word) = words.get_mut(class / 64) {
                *word |= 1 << (class % 64);
            }
        }
        bits
    }

    /// One of `size` classes.
    pub(crate) fn one(size: usize, class: usize) -> Bits {
        let mut bits = Bits::none(size);
        bits.add(class);
        bits
    }

    /// None of `size` classes.
    pub(crate) fn none(size: usize) -> Bits {
        Bits(if size <= 64 { Words::One(0) } else { Words::Many(vec![0; size.div_ceil(64)].into()) })
    }

    /// All of `size` classes.
    pub(crate) fn all(size: usize) -> Bits {
        let mut bits =
            Bits(if size <= 64 { Words::One(u64::MAX) } else { Words::Many(vec![u64::MAX; size.div_ceil(64)].into()) });
        let is_part = size == 0 || !size.is_multiple_of(64);
        if let Some(last) = bits.words_mut().last_mut().filter(|_| is_part) {
            *last = (1 << (size % 64)) - 1;
        }
        bits
    }

    /// With one class more.
    pub(crate) fn add(&mut self, class: usize) {
        if let Some(word) = self.words_mut().get_mut(class / 64) {
            *word |= 1 << (class % 64);
        }
    }

    /// How much room it takes, in words.
    pub(crate) fn words(&self) -> usize {
        self.as_words().len()
    }

    fn as_words(&self) -> &[u64] {
        match &self.0 {
            Words::One(word) => std::slice::from_ref(word),
            Words::Many(words) => words,
        }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        match &mut self.0 {
            Words::One(word) => std::slice::from_mut(word),
            Words::Many(words) => Rc::make_mut(words),
        }
    }

    /// The words, each with its first class.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, u64)> {
        (0..).step_by(64).zip(self.as_words().iter().copied())
    }

    fn with(&self, other: &Bits, op: impl Fn(u64, u64) -> u64) -> Bits {
        match (&self.0, &other.0) {
            (Words::One(a), Words::One(b)) => Bits(Words::One(op(*a, *b))),
            _ => Bits(Words::Many(self.as_words().iter().zip(other.as_words()).map(|(a, b)| op(*a, *b)).collect())),
        }
    }

    pub(crate) fn and(&self, other: &Bits) -> Bits {
        self.with(other, |a, b| a & b)
    }

    pub(crate) fn or(&self, other: &Bits) -> Bits {
        self.with(other, |a, b| a | b)
    }

    pub(crate) fn minus(&self, other: &Bits) -> Bits {
        self.with(other, |a, b| a & !b)
    }

    /// Takes out the classes of another set.
    fn take_out(&mut self, other: &Bits) {
        self.words_mut().iter_mut().zip(other.as_words()).for_each(|(a, b)| *a &= !b);
    }

    fn meets(&self, other: &Bits) -> bool {
        match (&self.0, &other.0) {
            (Words::One(a), Words::One(b)) => a & b != 0,
            _ => self.as_words().iter().zip(other.as_words()).any(|(a, b)| a & b != 0),
        }
    }

    fn is_within(&self, other: &Bits) -> bool {
        self.as_words().iter().zip(other.as_words()).all(|(a, b)| a & !b == 0)
    }

    pub(crate) fn has(&self, class: usize) -> bool {
        self.as_words().get(class / 64).is_some_and(|word| word >> (class % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_words().iter().all(|word| *word == 0)
    }

    pub(crate) fn count(&self) -> usize {
        self.as_words().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many classes are in both.
    pub(crate) fn count_both(&self, other: &Bits) -> usize {
        self.as_words().iter().zip(other.as_words()).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The classes, ascending.
    pub(crate) fn classes(&self) -> impl Iterator<Item = usize> {
        self.numbered().flat_map(|(first, word)| bits_of(word).map(move |bit| first + bit))
    }

    /// The class behind this many others.
    pub(crate) fn nth(&self, mut behind: usize) -> Option<usize> {
        for (first, word) in self.numbered() {
            let count = word.count_ones() as usize;
            if behind < count {
                return bits_of(word).nth(behind).map(|bit| first + bit);
            }
            behind -= count;
        }
        None
    }
}

/// The places of the bits that are set, ascending.
pub(crate) fn bits_of(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

impl Area {
    /// All flows.
    pub(crate) fn all() -> Area {
        Area::default()
    }

    /// Flows in which one attribute is in a set; nothing if the set is empty.
    pub(crate) fn of(attr: Attr, bits: Bits, size: usize) -> Option<Area> {
        if bits.is_empty() {
            return None;
        }
        Some(if bits.count() == size { Area::all() } else { Area(vec![(attr, bits)]) })
    }

    /// The set of an attribute that is named.
    pub(crate) fn get(&self, attr: Attr) -> Option<&Bits> {
        self.0.binary_search_by_key(&attr, |(attr, _)| *attr).ok().and_then(|place| self.0.get(place)).map(|(_, bits)| bits)
    }

    /// How much room it takes, in words.
    pub(crate) fn words(&self) -> usize {
        self.0.iter().map(|(_, bits)| bits.words()).sum()
    }

    /// How much memory it takes, by order of magnitude: in bytes.
    pub(crate) fn bytes(&self) -> usize {
        const OF_AN_AREA: usize = 48;
        let long: usize = self.0.iter().map(|(_, bits)| bits.words()).filter(|words| *words > 1).sum();
        OF_AN_AREA + self.0.len() * size_of::<(Attr, Bits)>() + long * size_of::<u64>()
    }

    /// The only attribute that is named, with its set.
    pub(crate) fn only(&self) -> Option<(Attr, &Bits)> {
        match self.0.as_slice() {
            [(attr, bits)] => Some((*attr, bits)),
            _ => None,
        }
    }

    /// The attributes that are named, with their sets.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Attr, &Bits)> {
        self.0.iter().map(|(attr, bits)| (*attr, bits))
    }

    fn set(&mut self, attr: Attr, bits: Bits) {
        match self.0.binary_search_by_key(&attr, |(attr, _)| *attr) {
            Ok(place) => {
                if let Some(slot) = self.0.get_mut(place) {
                    slot.1 = bits;
                }
            }
            Err(place) => self.0.insert(place, (attr, bits)),
        }
    }

    /// True if some flow is in both.
    pub(crate) fn meets(&self, other: &Area) -> bool {
        let mut others = other.0.iter().peekable();
        for (attr, bits) in &self.0 {
            while others.next_if(|(other, _)| other < attr).is_some() {}
            if let Some((_, more)) = others.next_if(|(other, _)| other == attr)
                && !bits.meets(more)
            {
                return false;
            }
        }
        true
    }

    /// The flows that are in both; nothing if there are none.
    pub(crate) fn and(&self, other: &Area) -> Option<Area> {
        if !self.meets(other) {
            return None;
        }
        let more = other.0.iter().filter(|(attr, _)| self.get(*attr).is_none()).count();
        let mut both = Vec::with_capacity(self.0.len() + more);
        let mut others = other.0.iter().peekable();
        for (attr, bits) in &self.0 {
            while let Some(more) = others.next_if(|(other, _)| other < attr) {
                both.push(more.clone());
            }
            both.push(match others.next_if(|(other, _)| other == attr) {
                Some((_, more)) => (*attr, bits.and(more)),
                None => (*attr, bits.clone()),
            });
        }
        both.extend(others.cloned());
        Some(Area(both))
    }

    /// True if every flow of it is in the other.
    pub(crate) fn is_within(&self, other: &Area) -> bool {
        other.0.iter().all(|(attr, bits)| self.get(*attr).is_some_and(|own| own.is_within(bits)))
    }

    /// The flows that are not in the other, in areas that have no flow in common. `full` gives the set of all classes.
    pub(crate) fn minus(&self, other: &Area, full: impl Fn(Attr) -> Bits) -> Vec<Area> {
        if !self.meets(other) {
            return vec![self.clone()];
        }
        let mut rest = self.clone();
        let mut pieces = Vec::new();
        for (attr, bits) in &other.0 {
            let own = rest.get(*attr).cloned().unwrap_or_else(|| full(*attr));
            let outside = own.minus(bits);
            if !outside.is_empty() {
                let mut piece = rest.clone();
                piece.set(*attr, outside);
                pieces.push(piece);
                rest.set(*attr, own.and(bits));
            }
        }
        pieces
    }

    /// The one attribute by which it goes beyond another, which it meets; nothing if there are several, or none.
    pub(crate) fn only_beyond(&self, other: &Area) -> Option<Attr> {
        let mut beyond = other.0.iter().filter(|(attr, bits)| self.get(*attr).is_none_or(|own| !own.is_within(bits)));
        let (attr, _) = beyond.next()?;
        beyond.next().is_none().then_some(*attr)
    }

    /// Takes out of the set of one attribute what another area has of it, `full` giving the set of all classes. False if nothing is
    /// left: then this is no area any more.
    pub(crate) fn take_out(&mut self, attr: Attr, other: &Area, full: impl Fn(Attr) -> Bits) -> bool {
        let Some(bits) = other.get(attr) else { return false };
        let place = match self.0.binary_search_by_key(&attr, |(attr, _)| *attr) {
            Ok(place) => place,
            Err(place) => {
                self.0.insert(place, (attr, full(attr)));
                place
            }
        };
        self.0.get_mut(place).is_some_and(|(_, own)| {
            own.take_out(bits);
            !own.is_empty()
        })
    }

    /// How much it costs to copy it, in sets.
    pub(crate) fn sets(&self) -> usize {
        self.0.len()
    }
}
