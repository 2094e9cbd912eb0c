//! DHCP for IPv4: whose answers count, what they bind, and what others cannot do to a lease.

use std::net::Ipv4Addr;
use std::time::Duration;

use lang::checked::Served;
use net::MacAddr;
use packet::dhcp::{Dhcp, Kind};
use runtime::event::{Event, Limit, Suspicion};
use runtime::{Loss, Rates, Settings, Source};
use tests::{World, at};

use crate::{
    GPHONE, NOBODY, ROUTER, ROUTER_IP, RPHONE, SERVER, SERVER_IP, STRANGER, V10, V13, WITH_SERVER, binding, datagram, datagrams,
    frames, hello, inject, owner, place, seconds, served, site, suspects,
};

const LEASED: Ipv4Addr = Ipv4Addr::new(10, 0, 5, 77);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 5, 78);
/// That of `http-server`.
const WEB: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x21]);
const XID: u32 = 0x1234;

/// A client's message to all servers.
fn ask(world: &mut World, name: &str, mac: MacAddr, message: &Dhcp<'_>) {
    let everyone = (MacAddr::BROADCAST, Ipv4Addr::BROADCAST);
    inject(world, name, datagram((mac, NOBODY), everyone, (68, 67), &message.to_bytes()));
}

fn answer_of(kind: Kind, xid: u32, mac: MacAddr, ip: Ipv4Addr, lease: u32) -> Dhcp<'static> {
    let server = Some(SERVER_IP);
    let lease = (kind != Kind::Nak).then_some(lease);
    let your_ip = if kind == Kind::Nak { NOBODY } else { ip };
    Dhcp { your_ip, server, lease, ..Dhcp::request(kind, xid, mac) }
}

/// An answer from a node that says that it is this server.
fn answer(world: &mut World, from: (&str, MacAddr, Ipv4Addr), message: &Dhcp<'_>) {
    let to = (message.client, if message.your_ip == NOBODY { Ipv4Addr::BROADCAST } else { message.your_ip });
    let to = if message.your_ip == NOBODY { (MacAddr::BROADCAST, to.1) } else { to };
    inject(world, from.0, datagram((from.1, from.2), to, (67, 68), &message.to_bytes()));
}

const BY_SERVER: (&str, MacAddr, Ipv4Addr) = ("nfs-server", SERVER, SERVER_IP);

/// A client at this node gets a lease.
fn lease(world: &mut World, name: &str, mac: MacAddr, ip: Ipv4Addr, seconds: u32, called: Option<&[u8]>) {
    ask(world, name, mac, &Dhcp { host_name: called, requested: Some(ip), ..Dhcp::request(Kind::Request, XID, mac) });
    answer(world, BY_SERVER, &answer_of(Kind::Ack, XID, mac, ip, seconds));
}

fn leased() -> World {
    let mut world = served();
    lease(&mut world, "gphone", GPHONE, LEASED, 600, Some(b"Gphone-1."));
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
    world.take_events();
    world.network.forget_delivered();
    world
}

fn lost(world: &mut World, why: Loss) -> bool {
    world.take_events().iter().any(|event| matches!(event, Event::AddressReleased { why: one, .. } if *one == why))
}

#[test]
fn i07_requests_reach_trusted_servers_alone_and_answers_their_client() {
    for versions in [V13, V10] {
        let mut world = World::campus(site("default allow;", WITH_SERVER), versions);
        hello(&mut world, "nfs-server", SERVER, SERVER_IP);
        world.network.forget_delivered();
        ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Discover, XID, GPHONE));
        assert_eq!(datagrams(&world, "nfs-server", 67), 1);
        for other in ["rphone", "griffin", "http-server", "border"] {
            assert_eq!(datagrams(&world, other, 67), 0, "{other}");
        }
        answer(&mut world, BY_SERVER, &answer_of(Kind::Offer, XID, GPHONE, LEASED, 600));
        assert_eq!(owner(&world, LEASED), None, "an offer binds nothing");
        ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Request, XID, GPHONE));
        answer(&mut world, BY_SERVER, &answer_of(Kind::Ack, XID, GPHONE, LEASED, 600));
        assert_eq!(datagrams(&world, "gphone", 68), 2);
        assert_eq!(datagrams(&world, "rphone", 68), 0);
        let bound = binding(&world, LEASED).unwrap();
        assert_eq!((bound.mac, bound.source, bound.at), (GPHONE, Source::Lease, at(0x1, 5)));
    }
}

#[test]
fn i07_a_rogue_server_is_dropped_and_told() {
    let mut world = served();
    ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Discover, XID, GPHONE));
    world.network.forget_delivered();
    for kind in [Kind::Offer, Kind::Ack, Kind::Nak] {
        let rogue = ("rphone", RPHONE, world.ip("rphone"));
        answer(&mut world, rogue, &answer_of(kind, XID, GPHONE, LEASED, 600));
        assert!(suspects(&mut world, RPHONE, &Suspicion::NotServed(Served::Dhcp)), "{kind:?}");
        world.run(Duration::from_secs(1));
    }
    let gateway = ("border", ROUTER, ROUTER_IP);
    answer(&mut world, gateway, &answer_of(Kind::Ack, XID, GPHONE, LEASED, 600));
    assert!(suspects(&mut world, ROUTER, &Suspicion::NotServed(Served::Dhcp)), "it is said to serve router advertisements alone");
    assert_eq!(datagrams(&world, "gphone", 68), 0);
    assert_eq!(owner(&world, LEASED), None);
}

#[test]
fn i07_an_answer_without_its_request_binds_nothing() {
    let mut world = served();
    hello(&mut world, "gphone", GPHONE, Ipv4Addr::new(10, 0, 1, 15));
    world.network.forget_delivered();
    answer(&mut world, BY_SERVER, &answer_of(Kind::Ack, XID, GPHONE, LEASED, 600));
    ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Request, XID, GPHONE));
    answer(&mut world, BY_SERVER, &answer_of(Kind::Ack, XID + 1, GPHONE, LEASED, 600));
    answer(&mut world, BY_SERVER, &answer_of(Kind::Ack, XID, RPHONE, LEASED, 600));
    assert_eq!((owner(&world, LEASED), datagrams(&world, "gphone", 68)), (None, 0));
}

#[test]
fn i07_nobody_gives_back_what_another_has() {
    let mut world = leased();
    hello(&mut world, "rphone", RPHONE, Ipv4Addr::new(10, 0, 1, 16));
    let release = Dhcp { client_ip: LEASED, ..Dhcp::request(Kind::Release, 9, RPHONE) };
    let own = world.ip("rphone");
    inject(&mut world, "rphone", datagram((RPHONE, own), (SERVER, SERVER_IP), (68, 67), &release.to_bytes()));
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    world.run(Duration::from_secs(1));
    ask(&mut world, "rphone", RPHONE, &Dhcp { requested: Some(LEASED), ..Dhcp::request(Kind::Decline, 9, RPHONE) });
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    world.run(Duration::from_secs(1));
    ask(&mut world, "rphone", RPHONE, &Dhcp { client_ip: LEASED, ..Dhcp::request(Kind::Release, 9, GPHONE) });
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)), "nor in another's name");
    assert_eq!(datagrams(&world, "nfs-server", 67), 0, "the server hears of none of it");
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
}

#[test]
fn i07_a_discover_with_anothers_address_ends_nothing() {
    let mut world = served();
    let phone = world.ip("gphone");
    lease(&mut world, "gphone", GPHONE, phone, 600, None);
    ask(&mut world, "rphone", RPHONE, &Dhcp::request(Kind::Discover, 7, GPHONE));
    ask(&mut world, "rphone", GPHONE, &Dhcp::request(Kind::Discover, 7, GPHONE));
    seconds(&mut world, 3);
    assert_eq!((owner(&world, phone), place(&world, GPHONE)), (Some(GPHONE), Some(at(0x1, 5))));
    assert_eq!(binding(&world, phone).unwrap().source, Source::Lease);
}

#[test]
fn i07_made_up_clients_use_up_the_share_of_their_port_alone() {
    let mut world = served();
    world.network.forget_delivered();
    for number in 0..200_u8 {
        let mac = MacAddr([6, 0, 0, 0, 1, number]);
        let node = world.node("rphone");
        let data = Dhcp::request(Kind::Discover, u32::from(number), mac).to_bytes();
        let everyone = (MacAddr::BROADCAST, Ipv4Addr::BROADCAST);
        world.network.inject(node, datagram((mac, NOBODY), everyone, (68, 67), &data).into());
        world.run(Duration::from_millis(30));
    }
    let limited = |event: &Event| matches!(event, Event::Limited { what: Limit::Leases, at: here, .. } if *here == at(0x1, 6));
    assert!(world.take_events().iter().any(limited));
    assert!(datagrams(&world, "nfs-server", 67) <= 64);
    lease(&mut world, "gphone", GPHONE, LEASED, 600, None);
    assert_eq!(owner(&world, LEASED), Some(GPHONE), "others get theirs");
}

#[test]
fn i07_hosts_are_no_relay_agents() {
    let mut world = served();
    world.network.forget_delivered();
    for message in [
        Dhcp { relay: Ipv4Addr::new(10, 7, 0, 1), ..Dhcp::request(Kind::Discover, XID, RPHONE) },
        Dhcp { relayed: true, ..Dhcp::request(Kind::Discover, XID, RPHONE) },
    ] {
        ask(&mut world, "rphone", RPHONE, &message);
        assert!(suspects(&mut world, RPHONE, &Suspicion::Relayed));
        world.run(Duration::from_secs(1));
    }
    assert_eq!(datagrams(&world, "nfs-server", 67), 0);
}

#[test]
fn i08_a_lease_ends_when_its_time_is_over_and_its_flows_with_it() {
    let mut world = served();
    let phone = world.ip("gphone");
    lease(&mut world, "gphone", GPHONE, phone, 30, None);
    let server = world.ip("http-server");
    assert!(world.ping("gphone", server));
    seconds(&mut world, 20);
    assert_eq!(owner(&world, phone), Some(GPHONE));
    world.take_events();
    seconds(&mut world, 12);
    assert_eq!(owner(&world, phone), None);
    let events = world.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::AddressReleased { why: Loss::Expired, source: Source::Lease, .. })));
    assert!(events.iter().any(|event| matches!(event, Event::Revoked { .. })), "what used it is cut");
}

#[test]
fn i08_a_lease_ends_by_release_decline_and_refusal() {
    for (kind, why) in [(Kind::Release, Loss::Released), (Kind::Decline, Loss::Declined), (Kind::Nak, Loss::Refused)] {
        let mut world = leased();
        match kind {
            Kind::Release => {
                let release = Dhcp { client_ip: LEASED, ..Dhcp::request(kind, 9, GPHONE) };
                inject(&mut world, "gphone", datagram((GPHONE, LEASED), (SERVER, SERVER_IP), (68, 67), &release.to_bytes()));
                assert_eq!(datagrams(&world, "nfs-server", 67), 1, "the server hears of it");
            }
            Kind::Decline => {
                ask(&mut world, "gphone", GPHONE, &Dhcp { requested: Some(LEASED), ..Dhcp::request(kind, 9, GPHONE) });
                assert_eq!(datagrams(&world, "nfs-server", 67), 1);
            }
            _ => {
                ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Request, 10, GPHONE));
                answer(&mut world, BY_SERVER, &answer_of(Kind::Nak, 10, GPHONE, LEASED, 0));
                assert_eq!(datagrams(&world, "gphone", 68), 1);
            }
        }
        assert_eq!(owner(&world, LEASED), None, "{kind:?}");
        assert!(lost(&mut world, why), "{kind:?}");
        assert_eq!(world.controller.as_ref().unwrap().host_name(GPHONE), None);
    }
}

/// A datagram of a client with a lease to the web server.
fn uses(world: &mut World) {
    let to = (WEB, world.ip("http-server"));
    inject(world, "gphone", datagram((GPHONE, LEASED), to, (4000, 4001), b"on"));
}

#[test]
fn i08_what_was_given_back_is_not_had_again_by_using_it() {
    let mut world = leased();
    let web = world.ip("http-server");
    hello(&mut world, "http-server", WEB, web);
    uses(&mut world);
    assert_eq!(datagrams(&world, "http-server", 4001), 1, "what it says as long as it has the lease");
    let release = Dhcp { client_ip: LEASED, ..Dhcp::request(Kind::Release, 9, GPHONE) };
    inject(&mut world, "gphone", datagram((GPHONE, LEASED), (SERVER, SERVER_IP), (68, 67), &release.to_bytes()));
    assert!(lost(&mut world, Loss::Released));
    uses(&mut world);
    assert!(suspects(&mut world, GPHONE, &Suspicion::Withheld(LEASED.into())));
    seconds(&mut world, 40);
    assert_eq!(owner(&world, LEASED), None, "nor by what it said before");
    hello(&mut world, "gphone", GPHONE, LEASED);
    assert_eq!((owner(&world, LEASED), datagrams(&world, "http-server", 4001)), (None, 1), "nor by saying so");
    hello(&mut world, "rphone", RPHONE, LEASED);
    assert_eq!(owner(&world, LEASED), Some(RPHONE), "another may have it");
    lease(&mut world, "gphone", GPHONE, LEASED, 30, None);
    uses(&mut world);
    assert_eq!((owner(&world, LEASED), datagrams(&world, "http-server", 4001)), (Some(GPHONE), 2), "until a server gives it");
    seconds(&mut world, 31);
    uses(&mut world);
    assert!(suspects(&mut world, GPHONE, &Suspicion::Withheld(LEASED.into())), "its time is over");
    seconds(&mut world, 300);
    uses(&mut world);
    assert_eq!((owner(&world, LEASED), datagrams(&world, "http-server", 4001)), (Some(GPHONE), 3), "for a while");
}

#[test]
fn i08_a_request_at_another_port_ends_what_was_got_here() {
    let mut world = served();
    lease(&mut world, "gphone", STRANGER, LEASED, 600, None);
    world.network.cable_down(at(0x1, 5));
    world.run(Duration::from_millis(50));
    assert_eq!(owner(&world, LEASED), Some(STRANGER), "gone from its port, it may come back to its lease");
    ask(&mut world, "rphone", STRANGER, &Dhcp::request(Kind::Request, 11, STRANGER));
    assert_eq!(place(&world, STRANGER), Some(at(0x1, 6)));
    assert!(lost(&mut world, Loss::Moved));
    answer(&mut world, BY_SERVER, &answer_of(Kind::Ack, 11, STRANGER, LEASED, 600));
    assert_eq!(binding(&world, LEASED).unwrap().at, at(0x1, 6));
}

#[test]
fn i08_a_renewal_at_its_server_goes_on() {
    let mut world = leased();
    let renew = Dhcp { client_ip: LEASED, ..Dhcp::request(Kind::Request, 12, GPHONE) };
    seconds(&mut world, 300);
    inject(&mut world, "gphone", datagram((GPHONE, LEASED), (SERVER, SERVER_IP), (68, 67), &renew.to_bytes()));
    assert_eq!(datagrams(&world, "nfs-server", 67), 1);
    answer(&mut world, BY_SERVER, &answer_of(Kind::Ack, 12, GPHONE, LEASED, 600));
    seconds(&mut world, 400);
    assert_eq!(owner(&world, LEASED), Some(GPHONE), "600 s from the renewal");
}

#[test]
fn i05_who_merely_says_so_takes_nothing_from_a_lease_and_a_lease_takes_from_it() {
    let mut world = leased();
    seconds(&mut world, 400);
    hello(&mut world, "rphone", RPHONE, LEASED);
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)), "however long it was silent");
    hello(&mut world, "rphone", RPHONE, OTHER);
    assert_eq!(owner(&world, OTHER), Some(RPHONE));
    lease(&mut world, "gphone", GPHONE, OTHER, 600, None);
    assert_eq!(owner(&world, OTHER), Some(GPHONE));
    let registered = world.ip("http-server");
    lease(&mut world, "gphone", GPHONE, registered, 600, None);
    assert_ne!(owner(&world, registered), Some(GPHONE), "registration is above all");
}

/// Servers tell clients apart by what these say of themselves: whoever says the same gets the same address.
#[test]
fn i07_a_lease_that_runs_is_not_taken_by_who_calls_itself_its_client() {
    let mut world = leased();
    lease(&mut world, "rphone", RPHONE, LEASED, 600, None);
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
    assert!(suspects(&mut world, RPHONE, &Suspicion::AddressOf(GPHONE)));
    seconds(&mut world, 700);
    lease(&mut world, "rphone", RPHONE, LEASED, 600, None);
    assert_eq!(owner(&world, LEASED), Some(RPHONE), "its time was over");
}

#[test]
fn who_tests_its_own_lease_hears_of_nobody() {
    let mut world = leased();
    inject(&mut world, "gphone", packet::Arp::probe(GPHONE, LEASED).to_frame());
    assert_eq!(frames(&world, "gphone").len(), 0);
    inject(&mut world, "rphone", packet::Arp::probe(RPHONE, LEASED).to_frame());
    assert_eq!(frames(&world, "rphone").len(), 1, "another hears whose it is");
}

#[test]
fn i18_names_have_one_form_and_one_owner() {
    let mut world = leased();
    assert_eq!(world.controller.as_ref().unwrap().host_name(GPHONE), Some("gphone-1"));
    for (number, name) in
        [&b"GPHONE-1"[..], b"http-server", b"gph\0one", "gphоne".as_bytes(), b"a\x1b[2Jb"].into_iter().enumerate()
    {
        let ip = Ipv4Addr::new(10, 0, 6, u8::try_from(number).unwrap() + 1);
        lease(&mut world, "rphone", RPHONE, ip, 600, Some(name));
        assert_eq!(owner(&world, ip), Some(RPHONE), "the lease counts, the name does not");
        assert_eq!(world.controller.as_ref().unwrap().host_name(RPHONE), None, "{name:?}");
        assert!(world.take_events().iter().any(|event| matches!(event, Event::NameRefused { .. })), "{name:?}");
    }
}

#[test]
fn i20_leases_hang_on_the_time_that_passes_here_alone() {
    // What a client or a server says of the time of day is in no message; a lease is as long as the server says from its answer on.
    let mut world = leased();
    seconds(&mut world, 599);
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
    seconds(&mut world, 3);
    assert_eq!(owner(&world, LEASED), None);
}

#[test]
fn where_nobody_is_declared_to_serve_the_rules_decide_alone() {
    let unserved = &[("gateway border { at core:48; }", "gateway border { at core:48; serves none; }")];
    let mut world = World::campus(site("default allow;", unserved), V13);
    for name in ["nfs-server", "gphone", "rphone"] {
        world.host(name).listen(&[]);
    }
    hello(&mut world, "nfs-server", SERVER, SERVER_IP);
    hello(&mut world, "gphone", GPHONE, Ipv4Addr::new(10, 0, 1, 15));
    world.network.forget_delivered();
    ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Discover, XID, GPHONE));
    assert!(datagrams(&world, "nfs-server", 67) == 1 && datagrams(&world, "rphone", 67) == 1, "relayed to everybody");
    let phone = Ipv4Addr::new(10, 0, 1, 15);
    let offer = answer_of(Kind::Offer, XID, GPHONE, phone, 600).to_bytes();
    inject(&mut world, "nfs-server", datagram((SERVER, SERVER_IP), (GPHONE, phone), (67, 68), &offer));
    assert_eq!(datagrams(&world, "gphone", 68), 1);
    assert_eq!(binding(&world, phone).unwrap().source, Source::Claim);
}

#[test]
fn a_policy_that_denies_requests_denies_them() {
    let deny = "section prelude { prelude-arp: allow to broadcast when dltype = arp; }\ndeny from gphone;\ndefault allow;";
    let mut world = World::campus(site(deny, WITH_SERVER), V13);
    hello(&mut world, "nfs-server", SERVER, SERVER_IP);
    world.network.forget_delivered();
    ask(&mut world, "gphone", GPHONE, &Dhcp::request(Kind::Discover, XID, GPHONE));
    assert_eq!(datagrams(&world, "nfs-server", 67), 0);
}

#[test]
fn any_bytes_to_a_server_or_from_one_are_read_or_dropped() {
    let mut world = served();
    let good = Dhcp { host_name: Some(b"x"), ..Dhcp::request(Kind::Discover, XID, RPHONE) }.to_bytes();
    let mut dice = fuzz::mutate::Dice(7);
    for round in 0..600_u32 {
        let mut bytes = good.clone();
        for _ in 0..=round % 8 {
            let at = dice.below(bytes.len());
            bytes[at] = u8::try_from(dice.below(256)).unwrap();
        }
        bytes.truncate(good.len() - dice.below(good.len()) / 4);
        let everyone = (MacAddr::BROADCAST, Ipv4Addr::BROADCAST);
        for (name, mac, ip, ports) in [("rphone", RPHONE, NOBODY, (68, 67)), ("nfs-server", SERVER, SERVER_IP, (67, 68))] {
            let node = world.node(name);
            world.network.inject(node, datagram((mac, ip), everyone, ports, &bytes).into());
        }
        world.run(Duration::from_millis(5));
    }
    hello(&mut world, "gphone", GPHONE, Ipv4Addr::new(10, 0, 1, 15));
    lease(&mut world, "gphone", GPHONE, LEASED, 600, None);
    assert_eq!(owner(&world, LEASED), Some(GPHONE));
}

#[test]
fn i07_declined_addresses_count_at_their_port_like_leases() {
    let few = Settings { stations_per_port: 8, ..Settings::default() };
    let mut world = World::campus_with(site("default allow;", WITH_SERVER), V13, few);
    hello(&mut world, "nfs-server", SERVER, SERVER_IP);
    world.network.forget_delivered();
    let mut declined = 0;
    for last in 0..20 {
        let ip = Ipv4Addr::new(10, 0, 5, 100 + last);
        lease(&mut world, "rphone", RPHONE, ip, 600, None);
        let before = datagrams(&world, "nfs-server", 67);
        ask(&mut world, "rphone", RPHONE, &Dhcp { requested: Some(ip), ..Dhcp::request(Kind::Decline, XID, RPHONE) });
        declined += datagrams(&world, "nfs-server", 67) - before;
    }
    assert_eq!(declined, 8, "whoever declines one after the other leaves some for others");
    let limited = |event: &Event| matches!(event, Event::Limited { what: Limit::Leases, at: here, .. } if *here == at(0x1, 6));
    assert!(world.take_events().iter().any(limited));
    lease(&mut world, "gphone", GPHONE, LEASED, 600, None);
    assert_eq!(owner(&world, LEASED), Some(GPHONE), "another port has its own");
    seconds(&mut world, 3602);
    lease(&mut world, "rphone", RPHONE, OTHER, 600, None);
    assert_eq!(owner(&world, OTHER), Some(RPHONE), "after an hour it may again");
}

#[test]
fn r07_who_left_with_a_lease_is_forgotten_with_it() {
    let rates = Rates { per_port: 1_000_000, per_host: 1_000_000, per_switch: 1_000_000 };
    let mut world = World::campus_with(
        site("default allow;", WITH_SERVER),
        V13,
        Settings { packets: rates, flows: rates, ..Settings::default() },
    );
    hello(&mut world, "nfs-server", SERVER, SERVER_IP);
    lease(&mut world, "gphone", STRANGER, LEASED, 60_000, Some(b"stranger"));
    assert_eq!(world.controller.as_ref().unwrap().host_name(STRANGER), Some("stranger"));
    world.network.cable_down(at(0x1, 5));
    world.run(Duration::from_millis(50));
    assert_eq!(owner(&world, LEASED), Some(STRANGER), "it may come back to it");
    for flap in 0..18_u8 {
        for host in 0..=255_u8 {
            let frame = packet::Arp::request(MacAddr([6, 0, 0, 0, flap, host]), Ipv4Addr::new(10, 100, flap, host), ROUTER_IP);
            let node = world.node("rphone");
            world.network.inject(node, frame.to_frame().into());
        }
        world.run(Duration::from_millis(50));
        world.network.cable_down(at(0x1, 6));
        world.network.cable_up(at(0x1, 6));
        world.run(Duration::from_millis(50));
    }
    let controller = world.controller.as_ref().unwrap();
    assert!(controller.view().station(STRANGER).is_none());
    assert_eq!((controller.host_name(STRANGER), owner(&world, LEASED)), (None, None));
    assert!(controller.view().stations().count() <= 4096 + 256 + 16);
}
