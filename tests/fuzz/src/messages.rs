//! OpenFlow messages out of a seed: one of every kind, whose numbers are drawn anew each time. Knows what a message may hold by the
//! specification, and what of that Open vSwitch reads, too; knows nothing of what is done with them.

mod fields;
mod v10;
mod v13;
mod v13_multipart;

use bytes::{Bytes, BytesMut};
use net::MacAddr;
use openflow::Text;

use crate::mutate::Dice;

/// Who is to read the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Whoever knows the whole specification.
    Specification,
    /// Open vSwitch, which knows no experimenters but a few, and refuses what it has not.
    OpenVSwitch,
}

/// The transaction of frames that errors quote.
pub const QUOTED: u32 = 0x7175_6f74;

/// One message of every kind, in both versions: each a frame.
#[must_use]
pub fn frames(seed: u64, reader: Reader) -> Vec<Bytes> {
    let mut draw = Draw { dice: Dice(seed << 1 | 1), reader };
    let v10 = v10::messages(&mut draw);
    let v13 = v13::messages(&mut draw);
    let mut frames = Vec::new();
    for message in v10 {
        frames.push(encoded(&mut draw, |xid, out| message.encode(xid, out).is_ok()));
    }
    for message in v13 {
        frames.push(encoded(&mut draw, |xid, out| message.encode(xid, out).is_ok()));
    }
    frames
}

/// A frame that an error quotes; whoever prints the error prints it, too, and can be told by its number, [`QUOTED`].
fn quoted(version: u8) -> Bytes {
    let mut out = BytesMut::from(&[version, 2, 0, 8][..]);
    out.extend_from_slice(&QUOTED.to_be_bytes());
    out.freeze()
}

fn encoded(draw: &mut Draw, encode: impl FnOnce(u32, &mut BytesMut) -> bool) -> Bytes {
    let mut out = BytesMut::new();
    let fits = encode(draw.u32(), &mut out);
    assert!(fits, "a message that no header can tell was drawn");
    out.freeze()
}

/// What messages are drawn from.
struct Draw {
    dice: Dice,
    reader: Reader,
}

impl Draw {
    /// True where everything of the specification may be drawn.
    fn anything(&self) -> bool {
        self.reader == Reader::Specification
    }

    fn below(&mut self, bound: usize) -> usize {
        self.dice.below(bound)
    }

    fn u8(&mut self) -> u8 {
        self.dice.number() as u8
    }

    fn u16(&mut self) -> u16 {
        self.dice.number() as u16
    }

    fn u32(&mut self) -> u32 {
        self.dice.number() as u32
    }

    fn u64(&mut self) -> u64 {
        self.dice.number()
    }

    /// A number of fewer bits.
    fn bits(&mut self, bits: u32) -> u64 {
        self.dice.number() & !u64::MAX.checked_shl(bits).unwrap_or(0)
    }

    fn mac(&mut self) -> MacAddr {
        MacAddr(self.dice.bytes())
    }

    fn data(&mut self, most: usize) -> Bytes {
        self.dice.data(most).into()
    }

    /// Bytes of a length that can be divided by eight.
    fn eights(&mut self, most: usize) -> Bytes {
        let mut data = self.dice.data(most);
        data.resize(data.len().next_multiple_of(8), 0);
        data.into()
    }

    fn text<const N: usize>(&mut self) -> Text<N> {
        let letters = (0..self.below(N + 4)).map(|_| char::from(b'a' + self.below(26) as u8));
        Text::new(&letters.collect::<String>())
    }

    /// Up to four of them.
    fn some<T>(&mut self, one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let times = self.below(5);
        self.times(times, one)
    }

    fn times<T>(&mut self, times: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..times).map(|_| one(self)).collect()
    }
}
