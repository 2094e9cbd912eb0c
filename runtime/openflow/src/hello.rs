//! HELLO, the one message that both ends must understand before they have a version in common (OpenFlow 1.3.5 §7.5.1).
//! Knows nothing of any version's other messages.

use bytes::{Bytes, BytesMut};

use crate::cursor::{Reader, write_frame};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::frame::{HEADER_LENGTH, Header};

/// `OFPT_HELLO` in every version.
pub const OFPT_HELLO: u8 = 0;

const OFPHET_VERSIONBITMAP: u16 = 1;

/// `ofp_hello`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The highest version that the sender speaks, from the header.
    pub version: u8,
    /// Which versions it speaks, if it says: bit `n % 32` of word `n / 32` stands for version `n`.
    pub bitmap: Option<Vec<u32>>,
}

impl Hello {
    /// The HELLO of an end that speaks these versions.
    #[must_use]
    pub fn offering(versions: &[u8]) -> Hello {
        let version = versions.iter().copied().max().unwrap_or_default();
        let mut bitmap = vec![0; usize::from(version.div_euclid(32)).saturating_add(1)];
        for version in versions {
            if let Some(word) = bitmap.get_mut(usize::from(version.div_euclid(32))) {
                *word |= bit(*version);
            }
        }
        Hello { version, bitmap: Some(bitmap) }
    }

    /// True if the bitmap says so, or the version field where there is no bitmap.
    #[must_use]
    pub fn offers(&self, version: u8) -> bool {
        match &self.bitmap {
            Some(words) => words.get(usize::from(version.div_euclid(32))).is_some_and(|word| word & bit(version) != 0),
            None => version == self.version,
        }
    }

    /// Reads one whole frame of any version. Elements of other types and bytes after the last whole element are ignored,
    /// as §7.5.1 wants.
    ///
    /// # Errors
    /// When it is not a HELLO or an element's length is below its header's four bytes or exceeds the message.
    pub fn decode(frame: &Bytes) -> Result<(u32, Hello), DecodeError> {
        let header = Header::of(frame)?;
        let mut r = Reader::new(frame, "ofp_hello");
        r.skip(HEADER_LENGTH)?;
        if header.kind != OFPT_HELLO {
            return Err(r.fail("type", DecodeErrorKind::BadType));
        }
        let mut bitmap = None;
        while r.remaining() >= 4 {
            let kind: u16 = r.peek_u16(0, "type")?;
            let length = usize::from(r.peek_u16(2, "length")?);
            if length < 4 {
                return Err(r.fail("length", DecodeErrorKind::BadLength));
            }
            let mut element = r.child(length, "length", "ofp_hello_elem")?;
            element.skip(4)?;
            if kind == OFPHET_VERSIONBITMAP && bitmap.is_none() {
                bitmap = Some(element.values("bitmaps")?);
            }
            let padding = length.next_multiple_of(8).saturating_sub(length).min(r.remaining());
            r.skip(padding)?;
        }
        Ok((header.xid, Hello { version: header.version, bitmap }))
    }

    /// Appends it to `out`.
    ///
    /// # Errors
    /// When it exceeds 65,535 bytes.
    pub fn encode(&self, xid: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        write_frame(out, self.version, OFPT_HELLO, xid, |w| {
            if let Some(words) = &self.bitmap {
                w.property(OFPHET_VERSIONBITMAP, |w| w.put_all(words));
            }
        })
    }
}

/// The highest version that both ends speak: by bitmap if the other end sent one, else the lower of both ends' highest, if we
/// speak that one.
#[must_use]
pub fn negotiate(ours: &[u8], theirs: &Hello) -> Option<u8> {
    if theirs.bitmap.is_some() {
        return ours.iter().copied().filter(|version| theirs.offers(*version)).max();
    }
    let lower = ours.iter().copied().max()?.min(theirs.version);
    ours.contains(&lower).then_some(lower)
}

fn bit(version: u8) -> u32 {
    1_u32.rotate_left(u32::from(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(version: u8, bitmap: Option<u32>) -> Hello {
        Hello { version, bitmap: bitmap.map(|word| vec![word]) }
    }

    #[test]
    fn the_version_is_by_bitmap_if_there_is_one_and_else_the_lower() {
        for (theirs, agreed) in [
            (hello(4, Some(0x12)), Some(4)),
            (hello(6, Some(0x52)), Some(4)),
            (hello(6, Some(0x42)), Some(1)),
            (hello(6, Some(0x40)), None),
            (hello(1, None), Some(1)),
            (hello(4, None), Some(4)),
            (hello(6, None), Some(4)),
            (hello(3, None), None),
            (hello(0, None), None),
        ] {
            assert_eq!(negotiate(&[1, 4], &theirs), agreed, "{theirs:?}");
        }
    }

    #[test]
    fn an_offer_comes_back_and_ends_at_eight_bytes() {
        for versions in [&[1_u8, 4][..], &[1], &[4, 40]] {
            let ours = Hello::offering(versions);
            let mut out = BytesMut::new();
            ours.encode(9, &mut out).unwrap();
            assert_eq!(out.len() % 8, 0);
            let (xid, theirs) = Hello::decode(&out.freeze()).unwrap();
            assert_eq!(xid, 9);
            for version in 0..=255 {
                assert_eq!(theirs.offers(version), versions.contains(&version), "{version}");
            }
        }
    }
}
