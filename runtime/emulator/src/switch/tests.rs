//! The switch through its wire: what controllers of both versions see.

mod controllers;
mod queues;
mod v10;
mod v13;

use bytes::{Bytes, BytesMut};
use net::{Dpid, MacAddr, PortNo, Time};
use openflow::Hello;
use packet::build::{IpEnds, tcp};
use packet::tcp::{SYN, Segment};

use super::{ControllerId, Output, Switch, SwitchConfig};

const SECOND: u64 = 1_000_000;

/// A TCP SYN from host `a` to host `b`, port 80.
fn frame(a: u8, b: u8) -> Bytes {
    frame_to(a, b, 80)
}

fn frame_to(a: u8, b: u8, port: u16) -> Bytes {
    let ends = IpEnds {
        src_mac: MacAddr([2, 0, 0, 0, 0, a]),
        dst_mac: MacAddr([2, 0, 0, 0, 0, b]),
        src_ip: [10, 0, 0, a].into(),
        dst_ip: [10, 0, 0, b].into(),
    };
    tcp(&ends, &Segment { src: 1024, dst: port, seq: 0, ack: 0, flags: SYN, data: b"" }).unwrap().into()
}

fn greeted(config: SwitchConfig, versions: &[u8]) -> Switch {
    let mut switch = Switch::new(config);
    let hello = switch.connect(Time(0));
    assert_eq!(hello.len(), 1);
    let mut bytes = BytesMut::new();
    Hello::offering(versions).encode(7, &mut bytes).unwrap();
    assert_eq!(switch.from_controller(&bytes, Time(0)), []);
    switch
}

fn small() -> SwitchConfig {
    SwitchConfig { capacity: 4, ..SwitchConfig::new(Dpid(0x42), 4) }
}

fn ports(outputs: &[Output]) -> Vec<u32> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Port(port, _) => Some(port.0),
            Output::Controller(..) | Output::Close(_) => None,
        })
        .collect()
}

#[test]
fn the_version_is_the_highest_in_common() {
    for (offered, agreed) in [(&[1_u8, 4][..], Some(4)), (&[1], Some(1)), (&[4], Some(4))] {
        assert_eq!(greeted(small(), offered).version(), agreed);
    }
}

#[test]
fn without_a_common_version_the_switch_says_so_and_closes() {
    let mut switch = Switch::new(small());
    switch.connect(Time(0));
    let mut bytes = BytesMut::new();
    Hello { version: 3, bitmap: None }.encode(7, &mut bytes).unwrap();
    let outputs = switch.from_controller(&bytes, Time(0));
    let [Output::Controller(_, error), Output::Close(_)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let (xid, message) = openflow::v13::Message::decode(error).unwrap();
    let openflow::v13::Message::Error(error) = message else { panic!("{message:?}") };
    assert_eq!((xid, error.to_string()), (7, "HELLO_FAILED/INCOMPATIBLE".into()));
    assert!(!switch.is_connected());
}

#[test]
fn a_stream_may_be_cut_anywhere_and_broken_framing_closes_it() {
    let mut switch = Switch::new(small());
    switch.connect(Time(0));
    let mut bytes = BytesMut::new();
    Hello::offering(&[4]).encode(1, &mut bytes).unwrap();
    openflow::v13::Message::EchoRequest(Bytes::from_static(b"hi")).encode(2, &mut bytes).unwrap();
    openflow::v13::Message::BarrierRequest.encode(3, &mut bytes).unwrap();
    let mut outputs = Vec::new();
    for byte in bytes.iter() {
        outputs.extend(switch.from_controller(&[*byte], Time(0)));
    }
    assert_eq!(outputs.len(), 2);
    assert_eq!(switch.from_controller(&[4, 0, 0, 3, 0, 0, 0, 0], Time(0)), [Output::Close(ControllerId::FIRST)]);
    assert_eq!(switch.from_controller(&bytes, Time(0)), []);
}

#[test]
fn frames_of_any_length_are_survived() {
    let mut switch = greeted(small(), &[1]);
    let whole = frame(1, 2);
    for length in 0..whole.len() {
        let outputs = switch.from_port(PortNo(1), whole.slice(..length), Time(0));
        assert_eq!(outputs.len(), usize::from(length >= 14), "{length}");
    }
    assert_eq!(switch.from_port(PortNo(99), whole, Time(0)), []);
}

#[test]
fn arbitrary_bytes_from_the_controller_never_panic() {
    // A linear congruential generator: the same bytes in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for version in [1_u8, 4] {
        let mut switch = greeted(small(), &[version]);
        let mut answers = 0;
        for _ in 0..20_000 {
            let length = 8 + usize::from(next() % 120);
            let mut bytes = vec![version, next() % 32, 0, length as u8, 0, 0, 0, 1];
            bytes.resize_with(length, || if next() % 2 == 0 { 0 } else { next() });
            answers += switch.from_controller(&bytes, Time(0)).len();
            assert!(switch.is_connected());
        }
        assert!(answers > 10_000);
    }
}
