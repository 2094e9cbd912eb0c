//! A middlebox that is there twice: one of its instances is passed, in both directions, as long as it is up.

use std::time::Duration;

use emulator::campus::{Campus, MiddleboxPlan};
use emulator::host::ConversationId;
use emulator::middlebox::Side;
use runtime::Event;
use tests::{World, at, inventory, policy};

const PROXIES: [&str; 2] = ["http-proxy", "second"];

/// The campus with a second proxy at its second core, for all that griffin opens to roo.
fn world() -> World {
    let mut plan = Campus::ethane(4).speaking(&[1, 4]);
    plan.middleboxes.push(MiddleboxPlan { name: "second", at: at(0x11, 40), out: Some(at(0x11, 41)) });
    let one = "in core:40; out core:41;";
    let both = inventory().replace(one, &format!("{one} in core2:40; out core2:41;"));
    assert_ne!(both, inventory());
    let text = "include \"inventory.pol\";\nallow from griffin to roo via http-proxy;\ndefault deny;";
    World::over(&plan, policy(&[("test.pol", text.to_owned()), ("inventory.pol", both)]))
}

/// Frames that each proxy has had from initiators, and from responders.
fn seen(world: &World) -> [[u64; 2]; 2] {
    PROXIES.map(|name| {
        let proxy = world.network.middlebox(world.node(name)).unwrap();
        [proxy.seen(Side::In).frames, proxy.seen(Side::Out).frames]
    })
}

/// The initiator says something. True if it was answered.
fn says(world: &mut World, id: ConversationId) -> bool {
    let before = world.host("griffin").conversation(id).unwrap().answers;
    let now = world.network.now();
    world.host("griffin").say(id, now);
    world.run(Duration::from_millis(200));
    world.host("griffin").conversation(id).unwrap().answers > before
}

/// Which proxy the frames since passed, in both directions; none passed the other.
fn passed(world: &World, before: [[u64; 2]; 2]) -> usize {
    let now = seen(world);
    let both = |proxy: usize| (0..2).all(|side| now[proxy][side] > before[proxy][side]);
    let none = |proxy: usize| now[proxy] == before[proxy];
    (0..2).find(|proxy| both(*proxy) && none(1 - *proxy)).unwrap()
}

/// The inner port of a proxy.
fn inner(proxy: usize) -> net::Location {
    [at(0x10, 40), at(0x11, 40)][proxy]
}

#[test]
fn one_instance_is_passed_both_ways_and_the_other_only_once_it_is_down() {
    let mut world = world();
    let before = seen(&world);
    let (roo, now) = (world.ip("roo"), world.network.now());
    let id = world.host("griffin").open_tcp_kept(roo, 22, now);
    assert!(world.settle("griffin", id));
    let first = passed(&world, before);

    world.network.cable_down(inner(first));
    world.run(Duration::from_millis(100));
    let before = seen(&world);
    assert!(says(&mut world, id));
    assert_eq!(passed(&world, before), 1 - first);

    world.network.cable_up(inner(first));
    world.run(Duration::from_secs(4));
    let before = seen(&world);
    assert!(says(&mut world, id));
    assert_eq!(passed(&world, before), 1 - first, "it stays where it is");

    world.network.cable_down(inner(first));
    world.network.cable_down(inner(1 - first));
    world.run(Duration::from_millis(100));
    let before = seen(&world);
    world.take_events();
    assert!(!says(&mut world, id));
    assert_eq!(seen(&world), before, "and nothing went around them");
    assert!(world.take_events().iter().any(|event| matches!(event, Event::Unroutable { .. })));
}
