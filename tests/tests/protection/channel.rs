//! The control channel itself: switches that live and take long to answer.

use std::time::Duration;

use net::Dpid;
use runtime::{Event, Settings};
use tests::{World, rules};

use crate::V13;

const EDGE: Dpid = Dpid(0x1);

fn slow(world: &mut World) -> Vec<(bool, u64)> {
    let told = |event: Event| match event {
        Event::EchoSlow { dpid: EDGE, millis } => Some((true, millis)),
        Event::EchoPrompt { dpid: EDGE, millis } => Some((false, millis)),
        _ => None,
    };
    world.take_events().into_iter().filter_map(told).collect()
}

#[test]
fn t16_r08_a_switch_behind_a_jammed_link_is_told_of_while_it_lives_and_when_it_is_better() {
    let settings = Settings { echo_limit: Duration::from_millis(500), ..Settings::default() };
    let mut world = World::campus_with(rules("default allow;"), V13, settings);
    world.run(Duration::from_secs(12));
    assert_eq!(slow(&mut world), []);
    world.lag.insert(EDGE, Duration::from_millis(400));
    world.run(Duration::from_secs(20));
    assert_eq!(slow(&mut world), [], "within the limit");
    world.lag.insert(EDGE, Duration::from_millis(900));
    world.run(Duration::from_secs(30));
    let told = slow(&mut world);
    let [(true, millis)] = told[..] else { panic!("once: {told:?}") };
    assert!((500..=1000).contains(&millis), "as soon as it is overdue: {millis}");
    assert!(world.network.switch(EDGE).unwrap().is_connected(), "it lives");
    world.lag.clear();
    world.run(Duration::from_secs(12));
    let told = slow(&mut world);
    assert!(matches!(told[..], [(false, ..=500)]), "{told:?}");
}
