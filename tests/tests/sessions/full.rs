//! Switches whose tables are full: what does not fit does not pass, and what stands goes on.

use std::time::Duration;

use net::Dpid;
use runtime::route::NoPath;
use runtime::{Event, Settings};
use tests::World;

#[test]
fn p17_a_full_table_refuses_new_conversations_and_keeps_old_ones() {
    // Room for three conversations, beside what sends the rest to the controller.
    for (versions, room) in [(&[1][..], 9), (&[1, 4][..], 7)] {
        let mut world = World::cramped(versions, room, Settings::default());
        let server = world.ip("http-server");
        let now = world.network.now();
        let first = world.host("griffin").open_tcp_kept(server, 80, now);
        assert!(world.settle("griffin", first));
        for name in ["glaptop", "rlaptop", "gphone"] {
            let now = world.network.now();
            world.host(name).open_tcp_kept(server, 80, now);
            world.run(Duration::from_secs(4));
        }
        let events = world.take_events();
        let told = |event: &Event| matches!(event, Event::Unroutable { why: NoPath::TableFull(Dpid(0x1)), .. });
        assert!(events.iter().any(told), "{versions:?}: {events:?}");
        assert!(!events.iter().any(|event| matches!(event, Event::SwitchError { .. })), "the switch told what it has room for");
        let controller = world.controller.as_ref().unwrap();
        assert_eq!(controller.conversations(), 3, "what does not fit is not half there");
        let wanted = controller.wanted().into_iter().filter(|(dpid, ..)| *dpid == Dpid(0x1)).count();
        assert_eq!(world.network.switch(Dpid(0x1)).unwrap().flows().filter(|flow| flow.table == 0).count(), wanted);
        let answers = world.host("griffin").conversation(first).unwrap().answers;
        let now = world.network.now();
        world.host("griffin").say(first, now);
        world.run(Duration::from_millis(200));
        assert!(world.host("griffin").conversation(first).unwrap().answers > answers, "the first goes on");
        assert_eq!(world.network.faults().loops, 0);
    }
}
