//! Every frame at hand, with bytes flipped and cut off: decoding ends in a message or an error, and a message that came out of
//! it comes back.

use bytes::Bytes;

use crate::{cases, corpus, decode, encode, roundtrip};

/// Marsaglia's xorshift, so that each run damages the same bytes.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// A copy with one to three bytes changed, sometimes cut or lengthened, whose header tells the length that it has.
fn damaged(frame: &[u8], random: &mut Xorshift) -> Bytes {
    let mut copy = frame.to_vec();
    if random.below(4) == 0 {
        copy.truncate(8 + random.below(copy.len() - 7));
    }
    if random.below(8) == 0 {
        copy.extend_from_slice(&random.next().to_be_bytes());
    }
    for _ in 0..=random.below(3) {
        let place = random.below(copy.len());
        let interesting = [0, 1, 4, 7, 8, 0x7f, 0x80, 0xff];
        copy[place] = if random.below(2) == 0 { interesting[random.below(8)] } else { random.next().to_be_bytes()[0] };
    }
    let length = u16::try_from(copy.len()).unwrap();
    copy[2..4].copy_from_slice(&length.to_be_bytes());
    copy.into()
}

#[test]
fn damaged_frames_decode_or_are_errors_and_what_decodes_comes_back() {
    let mut frames: Vec<Bytes> = corpus::samples().into_iter().map(|sample| sample.frame).collect();
    frames.extend(cases::frames());
    frames.extend(roundtrip::frames());
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let (mut messages, mut errors) = (0_u32, 0_u32);
    for frame in frames.iter().filter(|frame| frame.len() >= 8) {
        for _ in 0..400 {
            let bytes = damaged(frame, &mut random);
            match decode(&bytes) {
                Err(error) => {
                    errors += 1;
                    assert!(error.offset <= bytes.len(), "{error}");
                }
                Ok((xid, message)) => {
                    messages += 1;
                    let again = encode(&message, xid);
                    assert_eq!(decode(&again), Ok((xid, message)), "{bytes:x} became {again:x}");
                }
            }
        }
    }
    assert!(messages > 1000 && errors > 1000, "{messages} messages, {errors} errors");
}
