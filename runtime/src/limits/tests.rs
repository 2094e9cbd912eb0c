//! Buckets, blame and bounds.

use super::*;
use crate::topology::location;

const START: Time = Time(1_790_000_000_000_000);
const RATES: Rates = Rates { per_port: 100, per_host: 50, per_switch: 1000 };

fn sender(last: u8) -> Sender {
    Sender { mac: MacAddr([2, 0, 0, 0, 0, last]), kind: EtherType::IPV4 }
}

fn millis(count: u64) -> Time {
    START.after(Duration::from_millis(count))
}

#[test]
fn a_bucket_gives_what_its_rate_says_and_a_second_of_it_at_once() {
    let mut bucket = Bucket::default();
    assert_eq!((0..100).filter(|_| bucket.take(10, START)).count(), 10);
    assert!(!bucket.has(10, millis(99)) && bucket.has(10, millis(100)));
    let taken = (0..1000).filter(|step| bucket.take(10, millis(step * 10))).count();
    assert_eq!(taken, 99, "ten in each of ten seconds, and none that was taken before");
    let mut debt = Bucket::default();
    assert!(debt.take_many(35, 10, START) && !debt.take(10, millis(2500)) && debt.take(10, millis(2600)));
}

#[test]
fn r01_a_host_has_its_share_of_its_port_and_a_port_of_its_switch() {
    let mut limits = Limits::new(7);
    let (one, other) = (location(1, 1), location(1, 2));
    let mut ask = |at, last| limits.ask(Asked::Flow, (at, Scope::Edge), sender(last), &RATES.into(), START);
    let count = |found: &[Result<(), Limit>], what| found.iter().filter(|one| **one == what).count();
    let flood: Vec<_> = (0..500).map(|_| ask(one, 1)).collect();
    assert_eq!((count(&flood, Ok(())), count(&flood, Err(Limit::FlowsOfHost))), (50, 450));
    let many: Vec<_> = (2..102).map(|last| ask(one, last)).collect();
    assert_eq!((count(&many, Ok(())), count(&many, Err(Limit::FlowsOfPort))), (50, 50), "the flood took half of the port");
    assert!((0..50).all(|_| ask(other, 1).is_ok()), "another port has its own");
    let all: Vec<_> = (3..40).flat_map(|port| (0..50).map(move |_| port)).map(|port| ask(location(1, port), 9)).collect();
    assert_eq!((count(&all, Ok(())), count(&all, Err(Limit::FlowsOfSwitch))), (850, 1000));
    assert!(ask(location(2, 1), 1).is_ok(), "another switch has its own");
}

#[test]
fn the_kind_of_a_frame_is_what_an_entry_would_match() {
    let frame = |kind: &[u8]| [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], kind, &[0; 46]].concat();
    for (kind, wanted) in
        [(&[8, 0][..], 0x0800), (&[0x81, 0, 0, 5, 8, 6], 0x0806), (&[0x88, 0xa8, 0, 5, 0x86, 0xdd], 0x86dd), (&[0, 46], 0x05ff)]
    {
        assert_eq!(Sender::of(&frame(kind)), Some(Sender { kind: EtherType(wanted), ..sender(1) }));
    }
    assert_eq!(Sender::of(&[0; 13]), None);
}

#[test]
fn arp_has_a_part_of_a_port_to_itself() {
    let (mut limits, at) = (Limits::new(7), (location(1, 1), Scope::Edge));
    for last in 0..=255 {
        let _ = limits.ask(Asked::Packet, at, sender(last), &RATES.into(), START);
    }
    let arp = Sender { kind: EtherType::ARP, ..sender(1) };
    let passed = (0..50)
        .filter(|last| limits.ask(Asked::Packet, at, Sender { mac: sender(*last).mac, ..arp }, &RATES.into(), START).is_ok());
    assert_eq!(passed.count(), 25);
}

/// What a port is shut for that sends like this, one frame a millisecond.
fn blamed(frames: impl Fn(u64) -> Sender) -> Option<(u64, Blame, u16)> {
    let mut limits = Limits::new(7);
    (0..1200).find_map(|step| limits.exceeded(location(1, 1), frames(step), millis(step)).map(|(who, long)| (step, who, long)))
}

#[test]
fn r01_who_sends_most_of_the_excess_is_blamed_after_a_second_and_nobody_before() {
    let last = |step: u64| u8::try_from(step % 251).unwrap();
    let host = |step: u64| if step.is_multiple_of(10) { sender(last(step)) } else { sender(255) };
    assert_eq!(blamed(host), Some((1000, Blame::Host(sender(255).mac), 2)));
    let kind = |step: u64| sender(last(step));
    assert_eq!(blamed(kind), Some((1000, Blame::Kind(EtherType::IPV4), 2)));
    let port = |step: u64| Sender { kind: EtherType(u16::try_from(step % 7).unwrap()), ..sender(last(step)) };
    assert_eq!(blamed(port), Some((1000, Blame::Port, 2)));
    let mut limits = Limits::new(7);
    let seldom = (0..20).find_map(|step| limits.exceeded(location(1, 1), sender(1), millis(step * 600)));
    assert_eq!(seldom, None, "what exceeds now and then is dropped, and no more");
}

#[test]
fn r07_a_frame_goes_out_of_all_ports_or_of_none_within_what_a_switch_and_all_may_send() {
    let mut limits = Limits::new(7);
    let ports: Vec<Location> = (1..=2).flat_map(|dpid| (1..=30).map(move |port| location(dpid, port))).collect();
    let far = vec![location(3, 1); 30];
    assert_eq!(limits.copy(&ports, (140, 40), START), Ok(()));
    assert_eq!(limits.copy(&ports, (140, 40), START), Ok(()), "a debt");
    assert_eq!(limits.copy(&ports, (140, 40), START), Err(Limit::CopiesOfSwitch));
    assert_eq!(limits.copy(&far, (140, 40), START), Ok(()), "another switch");
    assert_eq!(limits.copy(&far, (140, 40), START), Err(Limit::Copies));
    assert_eq!(limits.copy(&ports, (140, 40), millis(600)), Ok(()), "what is missing is there again");
}

#[test]
fn a_port_that_goes_on_is_shut_for_longer_and_one_that_stops_is_forgiven() {
    let (mut limits, at) = (Limits::new(7), location(1, 1));
    let mut times = Vec::new();
    for step in 0..50_000 {
        times.extend(limits.exceeded(at, sender(1), millis(step)).map(|(_, seconds)| seconds));
    }
    assert_eq!(times[..4], [2, 4, 8, 8]);
    assert!(limits.is_strained(at, millis(50_500)) && !limits.is_strained(at, millis(60_000)));
    let again = (0..2000).find_map(|step| limits.exceeded(at, sender(1), millis(90_000 + step)));
    assert_eq!(again.map(|(_, seconds)| seconds), Some(2));
    assert_eq!(limits.dropped(at), 51_001);
}

#[test]
fn r07_what_is_kept_is_bounded_and_forgotten() {
    let mut limits = Limits::new(7);
    let rates = Rates { per_port: 1_000_000, per_host: 1, per_switch: 1_000_000 };
    for number in 0..200_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let sender = Sender { mac: MacAddr([2, 0, 0, a, b, c]), kind: EtherType::IPV4 };
        let at = (location(1, number % 70_000), Scope::Edge);
        let _ = limits.ask(Asked::Packet, at, sender, &rates.into(), START);
        limits.reached(at.0, Limit::PacketsOfPort, START);
    }
    assert_eq!(limits.sizes(), [PORTS, HOSTS, 1, TOLD]);
    limits.age(millis(3000));
    assert_eq!(limits.sizes(), [0, 0, 0, 0]);
}

#[test]
fn r10_a_limit_is_told_at_once_and_then_once_a_second_with_how_often() {
    let (mut limits, at) = (Limits::new(7), location(1, 1));
    let told: Vec<u64> = (0..=3000).filter_map(|step| limits.reached(at, Limit::FlowsOfPort, millis(step))).collect();
    assert_eq!(told, [1, 1000, 1000, 1000]);
    limits.reached(at, Limit::FlowsOfPort, millis(3001));
    assert_eq!(limits.age(millis(4100)), [(at, Limit::FlowsOfPort, 1)], "and what came after that");
    assert_eq!(limits.age(millis(6000)), []);
}

#[test]
fn r01_what_comes_from_beyond_leaves_half_of_the_switch_to_its_hosts() {
    let mut limits = Limits::new(7);
    let mut ask = |port, scope| limits.ask(Asked::Flow, (location(1, port), scope), sender(1), &RATES.into(), START);
    assert_eq!((0..2000).filter(|_| ask(48, Scope::Trunk).is_ok()).count(), 500);
    assert_eq!(ask(48, Scope::Trunk), Err(Limit::FlowsOfSwitch));
    assert!((0..10).flat_map(|port| (0..50).map(move |_| port)).all(|port| ask(port, Scope::Edge).is_ok()));
}
