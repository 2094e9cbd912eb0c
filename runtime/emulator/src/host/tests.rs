//! Two hosts on one cable.

use super::*;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn host(ip: Ipv4Addr) -> Host {
    let [.., last] = ip.octets();
    Host::new(HostConfig::new(MacAddr([2, 0, 0, 0, 0, last]), ip))
}

/// Carries frames to and fro until both are silent; gives how many there were.
fn talk(a: &mut Host, b: &mut Host, now: Time) -> usize {
    let mut to_b = a.tick(now);
    let mut to_a = b.tick(now);
    let mut frames = 0;
    while !to_a.is_empty() || !to_b.is_empty() {
        frames += to_a.len() + to_b.len();
        assert!(frames < 100, "no end");
        let from_b: Vec<_> = to_b.drain(..).flat_map(|frame| b.from_wire(&frame, now)).collect();
        let from_a: Vec<_> = to_a.drain(..).flat_map(|frame| a.from_wire(&frame, now)).collect();
        (to_a, to_b) = (from_b, from_a);
    }
    frames
}

#[test]
fn a_ping_resolves_asks_and_is_answered() {
    let (mut a, mut b) = (host(A), host(B));
    let id = a.ping(B, Time(5));
    assert_eq!(a.outcome(id), Outcome::Pending);
    // Two for the address, two for the echo; B has learned A's address from the question.
    assert_eq!(talk(&mut a, &mut b, Time(6)), 4);
    assert_eq!(a.outcome(id), Outcome::Answered { at: Time(6) });
    assert_eq!((b.received().arp, b.received().ip, b.received_from(A)), (1, 1, 1));
    a.ping(B, Time(7));
    assert_eq!(talk(&mut a, &mut b, Time(7)), 2);
}

#[test]
fn tcp_opens_carries_data_both_ways_and_closes() {
    let (mut a, mut b) = (host(A), host(B));
    let id = a.open_tcp(B, 80, Time(0));
    talk(&mut a, &mut b, Time(1));
    assert_eq!(a.outcome(id), Outcome::Answered { at: Time(1) });
    assert_eq!(a.conversation(id).unwrap().answers, 1);
    assert_eq!(a.deadline(), None);
    let kept = a.open_tcp_kept(B, 80, Time(2));
    talk(&mut a, &mut b, Time(2));
    for round in 2..5 {
        assert_eq!(a.conversation(kept).unwrap().answers, round - 1);
        a.say(kept, Time(round));
        talk(&mut a, &mut b, Time(round));
        assert_eq!(a.conversation(kept).unwrap().heard, Some(Time(round)));
    }
}

#[test]
fn udp_is_answered_and_closed_ports_refuse() {
    let (mut a, mut b) = (host(A), host(B));
    let id = a.send_udp(B, 53, Time(0));
    talk(&mut a, &mut b, Time(0));
    assert!(a.outcome(id).is_success());
    b.listen(&[53]);
    let (udp, tcp, open) = (a.send_udp(B, 54, Time(1)), a.open_tcp(B, 80, Time(1)), a.send_udp(B, 53, Time(1)));
    talk(&mut a, &mut b, Time(1));
    assert_eq!(a.outcome(udp), Outcome::Refused { at: Time(1) });
    assert_eq!(a.outcome(tcp), Outcome::Refused { at: Time(1) });
    assert_eq!(a.outcome(open), Outcome::Answered { at: Time(1) });
}

#[test]
fn a_silent_network_is_asked_three_times() {
    let mut a = host(A);
    let (ping, tcp) = (a.ping(B, Time(0)), a.open_tcp(B, 80, Time(0)));
    let mut frames = 0;
    let mut now = Time(0);
    while let Some(next) = a.deadline() {
        now = now.max(next);
        frames += a.tick(now).len();
    }
    assert_eq!(now, Time(3_000_000));
    // The questions for the address only: nothing else may go out before it is known.
    assert!((3..=5).contains(&frames), "{frames}");
    assert_eq!(a.outcome(ping), Outcome::TimedOut { at: now });
    assert_eq!(a.outcome(tcp), Outcome::TimedOut { at: now });
}

#[test]
fn a_lost_syn_is_sent_again() {
    let (mut a, mut b) = (host(A), host(B));
    a.ping(B, Time(0));
    talk(&mut a, &mut b, Time(0));
    let id = a.open_tcp(B, 80, Time(0));
    assert_eq!(a.tick(Time(0)).len(), 1);
    assert_eq!(a.deadline(), Some(Time(1_000_000)));
    talk(&mut a, &mut b, Time(1_000_000));
    assert_eq!(a.outcome(id), Outcome::Answered { at: Time(1_000_000) });
}

#[test]
fn addresses_beyond_go_to_the_router_which_answers_for_all() {
    let site: Prefix = "10.0.0.0/8".parse().unwrap();
    let mut a = Host::new(HostConfig { gateway: Some(B), ..HostConfig::new(MacAddr([2, 0, 0, 0, 0, 1]), A) });
    let config = HostConfig { prefix: site, beyond: true, ..HostConfig::new(MacAddr([2, 0, 0, 0, 0, 2]), B) };
    let mut router = Host::new(config);
    let far = Ipv4Addr::new(93, 184, 216, 34);
    let ids = [a.ping(far, Time(0)), a.open_tcp(far, 443, Time(0)), a.send_udp(far, 53, Time(0))];
    talk(&mut a, &mut router, Time(0));
    for id in ids {
        assert_eq!(a.outcome(id), Outcome::Answered { at: Time(0) });
    }
    let inward = router.open_from(Kind::Tcp { keep: false }, far, A, 22, Time(1));
    talk(&mut a, &mut router, Time(1));
    assert_eq!(router.outcome(inward), Outcome::Answered { at: Time(1) });
    // Echo reply; SYN-ACK, data, FIN; datagram; then SYN, ACK, data, FIN and the last ACK of the connection inward.
    assert_eq!(a.received_from(far), 10);
}

#[test]
fn frames_for_others_and_garbage_are_left_alone() {
    let mut a = host(A);
    let foreign = Arp::request(MacAddr([2, 0, 0, 0, 0, 9]), B, Ipv4Addr::new(10, 0, 0, 3)).to_frame();
    assert_eq!(a.from_wire(&foreign, Time(0)), Vec::<Bytes>::new());
    for length in 0..foreign.len() {
        assert!(a.from_wire(&foreign[..length], Time(0)).is_empty());
    }
    assert_eq!(a.received().frames, foreign.len() as u64 + 1);
}

#[test]
fn mutated_frames_never_panic_and_answers_stay_few() {
    // A linear congruential generator: the same cases in every run.
    let mut state = 11_u64;
    let mut roll = move |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    };
    let (mut a, mut b) = (host(A), host(B));
    b.listen(&[80]);
    let ids = [a.ping(B, Time(0)), a.open_tcp(B, 80, Time(0)), a.send_udp(B, 53, Time(0))];
    let mut frames = Vec::new();
    let (mut to_b, mut to_a) = (a.tick(Time(0)), Vec::new());
    while !to_b.is_empty() {
        frames.extend(to_b.iter().cloned());
        to_a.extend(to_b.drain(..).flat_map(|frame| b.from_wire(&frame, Time(0))));
        frames.extend(to_a.iter().cloned());
        to_b.extend(to_a.drain(..).flat_map(|frame| a.from_wire(&frame, Time(0))));
    }
    assert!(frames.len() >= 10);
    for _ in 0..50_000 {
        let mut frame = frames[roll(frames.len())].to_vec();
        for _ in 0..=roll(3) {
            let at = roll(frame.len());
            frame[at] = roll(256) as u8;
        }
        frame.truncate(1 + roll(frame.len() * 2));
        assert!(a.from_wire(&frame, Time(1)).len() <= 64);
        assert!(b.from_wire(&frame, Time(1)).len() <= 64);
    }
    assert!(a.outcome(ids[0]).is_success());
}
