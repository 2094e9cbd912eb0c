//! What time does: silence for us is no silence while entries carry packets.

use std::net::Ipv4Addr;
use std::time::Duration;

use net::Dpid;
use runtime::event::Event;
use runtime::{Loss, Source};
use tests::at;

use crate::{GPHONE, RPHONE, STRANGER, binding, hello, open, owner, place, seconds, settings};

#[test]
fn addresses_that_nothing_uses_are_free_after_their_time() {
    let mut world = open();
    let ip = Ipv4Addr::new(10, 0, 7, 7);
    hello(&mut world, "rphone", STRANGER, ip);
    assert_eq!(binding(&world, ip).map(|one| one.source), Some(Source::Claim));
    seconds(&mut world, settings().address_lifetime.as_secs() - 2);
    assert_eq!(owner(&world, ip), Some(STRANGER));
    world.take_events();
    seconds(&mut world, 4);
    assert_eq!(owner(&world, ip), None);
    let told = world.take_events();
    let silent = |event: &Event| matches!(event, Event::AddressReleased { source: Source::Claim, why: Loss::Silent, .. });
    assert_eq!(told.iter().filter(|event| silent(event)).count(), 1, "{told:?}");
    assert_eq!(place(&world, STRANGER), Some(at(0x1, 6)), "the station is still there");
}

#[test]
fn a_conversation_keeps_its_ends_however_silent_they_are_for_the_controller() {
    let mut world = open();
    let (server, phone) = (world.ip("http-server"), world.ip("rphone"));
    let now = world.network.now();
    let kept = world.host("rphone").open_tcp_kept(server, 80, now);
    assert!(world.settle("rphone", kept));
    // Packets go on by entries for longer than a silent station would be remembered.
    for _ in 0..(settings().station_lifetime.as_secs() / 120 + 2) {
        seconds(&mut world, 120);
        let now = world.network.now();
        world.host("rphone").say(kept, now);
    }
    assert_eq!((owner(&world, phone), place(&world, RPHONE)), (Some(RPHONE), Some(at(0x1, 6))));
}

#[test]
fn stations_that_nothing_is_heard_of_are_forgotten() {
    let mut world = open();
    let ip = Ipv4Addr::new(10, 0, 7, 7);
    hello(&mut world, "rphone", STRANGER, ip);
    let own = world.ip("gphone");
    hello(&mut world, "gphone", GPHONE, own);
    for _ in 0..62 {
        world.run(Duration::from_secs(60));
    }
    let view = world.controller.as_ref().unwrap().view();
    assert!(view.station(STRANGER).is_none(), "a stranger leaves no trace");
    assert!(view.station(GPHONE).is_some_and(|one| one.location.is_none()), "a declared host is known, and nowhere");
    assert!(world.ping("gphone", world.ip("http-server")), "and is back with its first packet");
}

#[test]
fn what_a_switch_holds_that_never_comes_back_keeps_nobody() {
    let mut world = open();
    let neighbour = world.node("glaptop");
    world.network.move_node(neighbour, at(0x2, 7));
    let (laptop, server) = (world.ip("glaptop"), world.ip("http-server"));
    assert!(world.ping("glaptop", server));
    let now = world.network.now();
    let kept = world.host("roo").open_tcp_kept(laptop, 22, now);
    assert!(world.settle("roo", kept), "both are at one switch");
    world.disconnect(Dpid(0x2));
    for _ in 0..(settings().station_lifetime.as_secs() / 30 + 4) {
        seconds(&mut world, 60);
    }
    let node = world.node("roo");
    world.network.move_node(node, at(0x1, 9));
    seconds(&mut world, 5);
    assert!(world.ping("roo", server), "it is believed where it is now");
}
