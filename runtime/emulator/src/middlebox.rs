//! Boxes that packets are sent through: in line with two cables, or beside the path with one. They pass frames on unchanged and keep
//! a record of what they saw. Know nothing of policy.

use std::collections::VecDeque;

use bytes::Bytes;
use net::FlowKey;

/// The cables of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first cable, or the only one.
    In,
    /// The second cable.
    Out,
}

/// How a box is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// What comes in at one cable goes out at the other.
    Inline,
    /// What comes in goes out at the same cable.
    OneArmed,
}

/// What a box saw at one of its cables.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Frames.
    pub frames: u64,
    /// The keys of the last ones, the newest last; of frames that could be read.
    pub last: VecDeque<FlowKey>,
}

/// A box.
#[derive(Debug)]
pub struct Middlebox {
    shape: Shape,
    keep: usize,
    dropping: bool,
    seen: [Seen; 2],
}

impl Middlebox {
    /// A box that remembers the last `keep` keys for each cable.
    #[must_use]
    pub fn new(shape: Shape, keep: usize) -> Middlebox {
        Middlebox { shape, keep, dropping: false, seen: [Seen::default(), Seen::default()] }
    }

    /// Makes it swallow all frames, or pass them again.
    pub fn set_dropping(&mut self, dropping: bool) {
        self.dropping = dropping;
    }

    /// How it is built.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What it saw at a cable.
    #[must_use]
    pub fn seen(&self, side: Side) -> &Seen {
        let [inside, outside] = &self.seen;
        match side {
            Side::In => inside,
            Side::Out => outside,
        }
    }

    /// A frame from a cable; gives the cable and the frame that goes on.
    pub fn from_wire(&mut self, side: Side, frame: Bytes) -> Option<(Side, Bytes)> {
        let [inside, outside] = &mut self.seen;
        let (seen, other) = match side {
            Side::In => (inside, Side::Out),
            Side::Out => (outside, Side::In),
        };
        seen.frames += 1;
        if let Ok(parsed) = packet::parse(&frame)
            && self.keep > 0
        {
            if seen.last.len() >= self.keep {
                seen.last.pop_front();
            }
            seen.last.push_back(parsed.key);
        }
        if self.dropping {
            return None;
        }
        match self.shape {
            Shape::Inline => Some((other, frame)),
            Shape::OneArmed => Some((side, frame)),
        }
    }
}

#[cfg(test)]
mod tests {
    use net::MacAddr;
    use packet::arp::Arp;

    use super::*;

    #[test]
    fn a_box_passes_records_and_drops() {
        let arp = |last| Arp::request(MacAddr([2, 0, 0, 0, 0, last]), [10, 0, 0, last].into(), [10, 0, 0, 9].into());
        let mut inline = Middlebox::new(Shape::Inline, 2);
        for last in 1..4 {
            let frame = Bytes::from(arp(last).to_frame());
            assert_eq!(inline.from_wire(Side::In, frame.clone()), Some((Side::Out, frame)));
        }
        let seen = inline.seen(Side::In);
        assert_eq!((seen.frames, seen.last.len()), (3, 2));
        assert_eq!(seen.last[1].dl_src, MacAddr([2, 0, 0, 0, 0, 3]));
        assert_eq!(inline.seen(Side::Out).frames, 0);
        inline.set_dropping(true);
        assert_eq!(inline.from_wire(Side::Out, Bytes::from(arp(1).to_frame())), None);
        let mut beside = Middlebox::new(Shape::OneArmed, 0);
        let frame = Bytes::from(arp(1).to_frame());
        assert_eq!(beside.from_wire(Side::In, frame.clone()), Some((Side::In, frame)));
    }
}
