//! `twin SEED ROUNDS PACKETS`: in each round random groups and entries for one switch, then packets, and what the emulated switch does
//! with them. Prints what Open vSwitch is to be asked and what it must answer, one thing a line:
//!
//! ```text
//! round SEED          begins anew
//! down PORT           the signal at the port is lost
//! send XID HEX        a message of OpenFlow 1.3
//! refuse XID TYPE CODE    that message is refused
//! packet PORT HEX     a frame from the wire at the port
//! out PORT HEX        the frame leaves
//! ask REASON HEX      the frame goes to the controller
//! ```

mod draw;
mod entries;
mod frames;

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use emulator::{Output, Switch, SwitchConfig};
use net::{Dpid, PortNo, Time};
use openflow::Hello;
use openflow::v13::Message;

use draw::Draw;

const PORTS: u32 = 4;
const NOW: Time = Time(1_000_000);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written(message: &Message, xid: u32) -> io::Result<Bytes> {
    let mut bytes = BytesMut::new();
    message.encode(xid, &mut bytes).map_err(io::Error::other)?;
    Ok(bytes.freeze())
}

fn connected() -> io::Result<Switch> {
    let mut switch = Switch::new(SwitchConfig::new(Dpid(1), PORTS));
    switch.connect(NOW);
    let mut hello = BytesMut::new();
    Hello::offering(&[4]).encode(1, &mut hello).map_err(io::Error::other)?;
    switch.from_controller(&hello, NOW);
    Ok(switch)
}

fn tell(outputs: &[Output], xid: u32, out: &mut impl Write) -> io::Result<()> {
    for output in outputs {
        match output {
            Output::Port(port, frame) => writeln!(out, "out {port} {}", hex(frame))?,
            Output::Controller(_, bytes) => match Message::decode(bytes).map_err(io::Error::other)?.1 {
                Message::PacketIn(packet) => writeln!(out, "ask {} {}", packet.reason.0, hex(&packet.data))?,
                Message::Error(error) => writeln!(out, "refuse {xid} {} {}", error.kind.0, error.code)?,
                other => writeln!(out, "says {}", other.name())?,
            },
            Output::Close(_) => writeln!(out, "close")?,
        }
    }
    Ok(())
}

fn round(seed: u64, packets: u64, out: &mut impl Write) -> io::Result<()> {
    let draw = &mut Draw::new(seed);
    let mut switch = connected()?;
    writeln!(out, "round {seed}")?;
    if draw.one_in(3) {
        let port = PortNo(1 + draw.below(u64::from(PORTS)) as u32);
        switch.set_port(port, false, NOW);
        writeln!(out, "down {port}")?;
    }
    for (xid, message) in (100..).zip(entries::messages(draw)) {
        let bytes = written(&message, xid)?;
        writeln!(out, "send {xid} {}", hex(&bytes))?;
        tell(&switch.from_controller(&bytes, NOW), xid, out)?;
    }
    for _ in 0..packets {
        let port = PortNo(1 + draw.below(u64::from(PORTS)) as u32);
        let frame = frames::frame(draw);
        writeln!(out, "packet {port} {}", hex(&frame))?;
        tell(&switch.from_port(port, frame, NOW), 0, out)?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let words: Option<Vec<u64>> = std::env::args().skip(1).map(|word| word.parse().ok()).collect();
    let Some([seed, rounds, packets]) = words.as_deref() else {
        return Err(io::Error::other("usage: twin SEED ROUNDS PACKETS"));
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    (0..*rounds).try_for_each(|number| round(seed.wrapping_add(number), *packets, &mut out))?;
    out.flush()
}
