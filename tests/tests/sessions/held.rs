//! What switches in use hold, when somebody else has been there: found by looking, and put right.

use std::time::Duration;

use bytes::BytesMut;
use net::{Dpid, EtherType, FlowMatch};
use openflow::{v10, v13};
use runtime::{Event, Settings};
use tests::{World, rules};

/// Longer than the time between two looks.
const A_WHILE: Duration = Duration::from_secs(40);

/// Somebody else says this to edge1 of OpenFlow 1.3.
fn meddle(world: &mut World, change: v13::FlowMod) {
    let mut bytes = BytesMut::new();
    v13::Message::FlowMod(change).encode(0xbad, &mut bytes).unwrap();
    let now = world.network.now();
    world.network.from_controller(Dpid(0x1), &bytes, now);
}

fn entries(world: &World) -> Vec<(u64, u16)> {
    let mut all: Vec<_> = world.network.switch(Dpid(0x1)).unwrap().flows().map(|flow| (flow.cookie, flow.priority)).collect();
    all.sort_unstable();
    all
}

fn repairs(world: &mut World) -> Vec<(usize, usize, usize)> {
    let told = world.take_events();
    told.iter()
        .filter_map(|event| match event {
            Event::Repaired { dpid: Dpid(0x1), added, removed, foreign } => Some((*added, *removed, *foreign)),
            _ => None,
        })
        .collect()
}

/// The campus with two conversations through edge1, one of them kept alive.
fn busy(versions: &[u8], settings: Settings) -> World {
    let mut world = World::campus_with(rules("default allow;"), versions, settings);
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 80) && world.ping("glaptop", server));
    world.run(Duration::from_secs(5));
    world.take_events();
    world
}

#[test]
fn p15_a_table_that_somebody_cleared_is_filled_again() {
    let mut world = busy(&[1, 4], Settings::default());
    let before = entries(&world);
    assert!(before.len() >= 5, "{before:?}");
    let all = v13::FlowMod::add(v13::OFPTT_ALL, v13::Match::ANY, 0);
    meddle(&mut world, v13::FlowMod { command: v13::FlowModCommand::DELETE, ..all });
    assert!(entries(&world).is_empty());
    world.run(A_WHILE);
    assert_eq!(entries(&world), before);
    assert!(repairs(&mut world).iter().any(|(added, ..)| *added > 0), "those whose end nobody told of were found missing");
    let server = world.ip("http-server");
    assert!(world.tcp("griffin", server, 81), "new flows come up again, too");
}

#[test]
fn p15_the_same_over_openflow_1_0() {
    let mut world = busy(&[1], Settings::default());
    let before = entries(&world);
    let mut bytes = BytesMut::new();
    let all = v10::FlowMod::add(v10::Match::ANY, 0);
    v10::Message::FlowMod(v10::FlowMod { command: v10::FlowModCommand::DELETE, ..all }).encode(7, &mut bytes).unwrap();
    let now = world.network.now();
    world.network.from_controller(Dpid(0x1), &bytes, now);
    assert!(entries(&world).is_empty());
    world.run(A_WHILE);
    assert_eq!(entries(&world), before);
}

#[test]
fn p15_an_entry_that_somebody_put_in_is_taken_out_and_one_that_is_adopted_stays() {
    let flood = |cookie| {
        let output = v13::Action::Output { port: v13::PortNo::FLOOD, max_len: 0 };
        let entry = v13::FlowMod::add(0, v13::Match::ANY, 60_000);
        v13::FlowMod { cookie, instructions: vec![v13::Instruction::ApplyActions(vec![output])], ..entry }
    };
    let mut world = busy(&[1, 4], Settings { adopt: vec![(0x1200, 0xff00)], ..Settings::default() });
    let before = entries(&world);
    // Whatever floods takes our probes along: links are lost until it is gone.
    meddle(&mut world, flood(0x4711));
    assert_eq!(entries(&world).len(), before.len() + 1);
    world.run(A_WHILE);
    let after = entries(&world);
    assert!(after.iter().all(|entry| before.contains(entry)), "{after:?}");
    assert_eq!(repairs(&mut world), [(0, 0, 1)]);
    let arp = FlowMatch { dl_type: Some(EtherType(0x88b5)), ..FlowMatch::default() };
    let adopted = v13::FlowMod { matching: v13::Match::from_flow(&arp).unwrap(), ..flood(0x12ff) };
    meddle(&mut world, adopted);
    world.run(A_WHILE);
    assert!(entries(&world).iter().any(|(cookie, _)| *cookie == 0x12ff), "it is named in the settings");
    assert_eq!(repairs(&mut world), []);
}

#[test]
fn p15_an_entry_that_somebody_changed_does_again_what_it_should() {
    let mut world = busy(&[1, 4], Settings::default());
    let victim = {
        let switch = world.network.switch(Dpid(0x1)).unwrap();
        let flow = switch.flows().find(|flow| flow.priority == runtime::install::FLOW_PRIORITY).unwrap();
        (flow.matching.unwrap(), flow.cookie)
    };
    let matching = v13::Match::from_flow(&victim.0).unwrap();
    let flood = v13::Action::Output { port: v13::PortNo::FLOOD, max_len: 0 };
    let entry = v13::FlowMod::add(0, matching, runtime::install::FLOW_PRIORITY);
    let instructions = vec![v13::Instruction::ApplyActions(vec![flood])];
    meddle(&mut world, v13::FlowMod { cookie: victim.1, instructions, ..entry });
    world.run(A_WHILE);
    let switch = world.network.switch(Dpid(0x1)).unwrap();
    let flow = switch.flows().find(|flow| flow.matching == Some(victim.0)).unwrap();
    let actions: Vec<_> = flow.instructions.actions().collect();
    assert!(!format!("{actions:?}").contains("Flood"), "{actions:?}");
    assert_eq!(repairs(&mut world).len(), 1);
}

#[test]
fn p15_nothing_is_sent_where_nothing_differs() {
    let mut world = busy(&[1, 4], Settings::default());
    let before = entries(&world);
    world.run(A_WHILE * 3);
    assert_eq!(repairs(&mut world), []);
    assert_eq!(entries(&world), before);
}

#[test]
fn p14_an_odd_flow_removed_has_the_table_read_soon() {
    let mut world = busy(&[1, 4], Settings { verify_interval: Duration::from_secs(3600), ..Settings::default() });
    let before = entries(&world);
    let griffins = before.iter().find(|(_, priority)| *priority == runtime::install::FLOW_PRIORITY).unwrap().0;
    let all = v13::FlowMod::add(v13::OFPTT_ALL, v13::Match::ANY, 0);
    // Somebody puts an entry in that tells of its end, and clears the table: the end of an entry that nobody knows is odd.
    let stranger = v13::FlowMod {
        flags: v13::FlowModFlags::SEND_FLOW_REM,
        cookie: griffins ^ 0xffff,
        ..v13::FlowMod::add(0, v13::Match::ANY, 9)
    };
    meddle(&mut world, stranger);
    meddle(&mut world, v13::FlowMod { command: v13::FlowModCommand::DELETE, ..all });
    world.run(Duration::from_secs(20));
    assert_eq!(entries(&world), before);
}
