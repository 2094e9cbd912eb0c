//! The TCP connections that others have opened to a host: each request is answered with data. Sends nothing itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use packet::tcp::{ACK, FIN, PSH, RST, SYN, Segment};

use super::conversation::ends;

/// Connections at a time, at most: the first one gives way.
const STREAMS: usize = 65_536;
const FIRST: u32 = 5000;
const ANSWER: &[u8] = b"answer";

/// The other end and its port, our address and port.
type Ends = (Ipv4Addr, u16, Ipv4Addr, u16);

#[derive(Debug)]
struct Stream {
    seq: u32,
    ack: u32,
    /// Both ends have said FIN; the last acknowledgement is awaited.
    closing: bool,
}

#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<Ends, Stream>);

impl Streams {
    /// A segment from `src` to `dst` came: what to answer.
    pub(super) fn segment(&mut self, (src, dst): (Ipv4Addr, Ipv4Addr), segment: &Segment<'_>, listens: bool) -> Vec<Vec<u8>> {
        let key = (src, segment.src, dst, segment.dst);
        let say = |seq: u32, ack: u32, flags: u8, data: &[u8]| {
            Segment { src: segment.dst, dst: segment.src, seq, ack, flags, data }.to_bytes(&ends(dst, src))
        };
        if segment.flags & RST != 0 {
            self.0.remove(&key);
            return Vec::new();
        }
        if segment.flags & (SYN | ACK) == SYN && listens {
            let ack = segment.seq.wrapping_add(1);
            self.0.insert(key, Stream { seq: FIRST + 1, ack, closing: false });
            if self.0.len() > STREAMS {
                self.0.pop_first();
            }
            return vec![say(FIRST, ack, SYN | ACK, &[])];
        }
        let Some(stream) = self.0.get_mut(&key) else {
            // RFC 9293 §3.10.7.1: a segment for no connection is reset.
            let length = segment.data.len() as u32 + u32::from(segment.flags & (SYN | FIN) != 0);
            return vec![say(segment.ack, segment.seq.wrapping_add(length), RST | ACK, &[])];
        };
        if segment.seq != stream.ack {
            return vec![say(stream.seq, stream.ack, ACK, &[])];
        }
        if stream.closing {
            self.0.remove(&key);
            return Vec::new();
        }
        let mut answers = Vec::new();
        stream.ack = stream.ack.wrapping_add(segment.data.len() as u32);
        if !segment.data.is_empty() {
            answers.push(say(stream.seq, stream.ack, PSH | ACK, ANSWER));
            stream.seq = stream.seq.wrapping_add(ANSWER.len() as u32);
        }
        if segment.flags & FIN != 0 {
            stream.ack = stream.ack.wrapping_add(1);
            answers.push(say(stream.seq, stream.ack, FIN | ACK, &[]));
            stream.seq = stream.seq.wrapping_add(1);
            stream.closing = true;
        }
        answers
    }
}
