//! First packets of conversations between registered hosts of switches of OpenFlow 1.0, for callgrind to count: from the bytes of
//! a switch to those of the entries.

use std::error::Error;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use net::{Dpid, MacAddr, Time};
use openflow::v10;
use packet::build::{self, IpEnds};
use packet::udp::Datagram;
use runtime::{ConnId, Controller, Effects, Input, Peer, Rates, Settings};

use crate::shed::greeting;

const NOW: Time = Time(1_790_000_000_000_000);
/// Seconds after which what an earlier run left is no longer waited for.
const SETTLING: u64 = 60;
/// Hosts at each switch, one at a port.
const HOSTS: u32 = 1_000;
/// Packets that come together.
const PORTION: u32 = 64;
/// Where the port of a datagram stands in its packet-in, and the buffer's number.
const SOURCE_PORT: usize = 18 + 34;

fn host(switch: u32, number: u32) -> (MacAddr, Ipv4Addr) {
    let id = switch * HOSTS + number;
    let [_, a, b, c] = id.to_be_bytes();
    (MacAddr([2, 0, 0, a, b, c]), Ipv4Addr::new(10, a, b, c))
}

fn site(switches: u32) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for switch in 1..=switches {
        writeln!(text, "switch s{switch} {{ dpid {switch:#x}; access 1-{HOSTS}; }}")?;
        for number in 0..HOSTS {
            let (mac, ip) = host(switch, number);
            writeln!(text, "host h{switch}-{number} {{ mac {mac}; ip {ip}; }}")?;
        }
    }
    text.push_str("default allow;\n");
    Ok(text)
}

fn port(number: u32) -> Result<v10::PhyPort, Box<dyn Error>> {
    let none = v10::PortFeatures::NONE;
    Ok(v10::PhyPort {
        port_no: v10::PortNo(u16::try_from(number)?),
        hw_addr: MacAddr([0x0e, 0, 0, 0, 0, 1]),
        name: Default::default(),
        config: v10::PortConfig::NONE,
        state: v10::PortState::NONE,
        curr: none,
        advertised: none,
        supported: none,
        peer: none,
    })
}

fn packet_in(port: u32, buffer_id: u32, data: Bytes) -> Result<BytesMut, Box<dyn Error>> {
    let total_len = u16::try_from(data.len())?;
    let in_port = v10::PortNo(u16::try_from(port)?);
    let packet = v10::PacketIn { buffer_id, total_len, in_port, reason: v10::PacketInReason::NO_MATCH, data };
    let mut out = BytesMut::new();
    v10::Message::PacketIn(packet).encode(1, &mut out)?;
    Ok(out)
}

/// A runtime with as many switches, and every host heard of.
fn with_hosts(switches: u32) -> Result<Controller, Box<dyn Error>> {
    let free = Rates { per_port: u32::MAX, per_host: u32::MAX, per_switch: u32::MAX };
    let settings = Settings {
        packets: free,
        flows: free,
        conversations: 100_000_000,
        stations_per_port: 1_000_000,
        tell_decisions: false,
        ..Settings::default()
    };
    let mut controller = Controller::new(tests::policy(&[("a.pol", site(switches)?)]), settings, NOW)?;
    let mut out = Effects::default();
    for switch in 1..=switches {
        let conn = ConnId(switch.into());
        controller.step(Input::Connected(conn, Peer::plain((Ipv4Addr::LOCALHOST, 40_000).into())), NOW, &mut out);
        let mut bytes = greeting(Dpid(switch.into()), 256, (1..=HOSTS).map(port).collect::<Result<_, _>>()?)?;
        for number in 0..HOSTS {
            let (mac, ip) = host(switch, number);
            bytes.extend_from_slice(&packet_in(number + 1, 1, packet::Arp::request(mac, ip, ip).to_frame().into())?);
        }
        controller.step(Input::Received(conn, bytes), NOW, &mut out);
        out.sends.clear();
        out.events.clear();
        if !controller.is_up(conn) {
            return Err("the switch is not in use".into());
        }
    }
    settle(&mut controller, switches)?;
    Ok(controller)
}

/// Time passes, and switches are alive: nothing of an earlier run is to be looked for any more.
fn settle(controller: &mut Controller, switches: u32) -> Result<(), Box<dyn Error>> {
    let mut out = Effects::default();
    for second in 0..SETTLING {
        let now = NOW.after(Duration::from_secs(second));
        controller.step(Input::Tick, now, &mut out);
        for switch in 1..=switches {
            let mut echo = BytesMut::new();
            v10::Message::EchoRequest(Bytes::new()).encode(1, &mut echo)?;
            controller.step(Input::Received(ConnId(switch.into()), echo), now, &mut out);
        }
        out.sends.clear();
        out.events.clear();
    }
    Ok(())
}

/// Packets of one switch, from each host to the next; flows differ by the source port.
fn packets(switch: u32) -> Result<Vec<BytesMut>, Box<dyn Error>> {
    let one = |number: u32| {
        let ((src_mac, src_ip), (dst_mac, dst_ip)) = (host(switch, number), host(switch, (number + 1) % HOSTS));
        let ends = IpEnds { src_mac, dst_mac, src_ip, dst_ip };
        let data = build::udp(&ends, &Datagram { src: 0, dst: 9, data: &[0x5a; 22] }).ok_or("no such datagram")?;
        packet_in(number + 1, 1, data.into())
    };
    (0..HOSTS).map(one).collect()
}

/// So many flows of as many switches, in portions of each after the other.
pub(crate) fn repeat(switches: u32, times: u32) -> Result<(), Box<dyn Error>> {
    let mut controller = with_hosts(switches)?;
    let packets = (1..=switches).map(packets).collect::<Result<Vec<_>, _>>()?;
    let mut out = Effects::default();
    let mut next = vec![0_u32; packets.len()];
    let now = NOW.after(Duration::from_secs(SETTLING));
    let mut left = times;
    while left > 0 {
        for ((conn, frames), next) in (1..).map(ConnId).zip(&packets).zip(&mut next) {
            let count = left.min(PORTION);
            let mut portion = BytesMut::new();
            for _ in 0..count {
                // Another host each time, as far from the one before as may be.
                let place = *next * 389 % HOSTS;
                let at = portion.len();
                portion.extend_from_slice(frames.get(place as usize).ok_or("no such host")?);
                let port = u16::try_from(1024 + *next / HOSTS % 60_000)?.to_be_bytes();
                portion.get_mut(at + SOURCE_PORT..at + SOURCE_PORT + 2).ok_or("too short")?.copy_from_slice(&port);
                *next += 1;
            }
            controller.step(Input::Received(conn, portion), now, &mut out);
            out.sends.clear();
            out.events.clear();
            left -= count;
        }
    }
    let (wanted, there) = (times as usize, controller.conversations());
    if there == wanted { Ok(()) } else { Err(format!("{there} conversations of {wanted}").into()) }
}

/// The first packet of each of so many hosts that nobody registered, to hosts that are, at one switch.
pub(crate) fn strangers(times: u32) -> Result<(), Box<dyn Error>> {
    let mut controller = with_hosts(1)?;
    let now = NOW.after(Duration::from_secs(SETTLING));
    let mut out = Effects::default();
    let mut next = 0;
    while next < times {
        let mut portion = BytesMut::new();
        for number in next..times.min(next + PORTION) {
            let [_, a, b, c] = number.to_be_bytes();
            let (dst_mac, dst_ip) = host(1, number % HOSTS);
            let src_ip = Ipv4Addr::new(100, 64 | a, b, c);
            let ends = IpEnds { src_mac: MacAddr([2, 0x40, 0, a, b, c]), dst_mac, src_ip, dst_ip };
            let data = build::udp(&ends, &Datagram { src: 7, dst: 9, data: &[0x5a; 22] }).ok_or("no such datagram")?;
            portion.extend_from_slice(&packet_in((number + 1) % HOSTS + 1, 1, data.into())?);
        }
        controller.step(Input::Received(ConnId(1), portion), now, &mut out);
        out.sends.clear();
        out.events.clear();
        next += PORTION;
    }
    let (wanted, there) = (times as usize, controller.conversations());
    if there == wanted { Ok(()) } else { Err(format!("{there} conversations of {wanted}").into()) }
}
