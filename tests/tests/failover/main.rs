//! Links that fail before the controller acts: switches with groups for it send packets another way by themselves, and past no box.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be made has failed the test")]

mod detours;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::BytesMut;
use emulator::campus::Campus;
use emulator::middlebox::Side;
use emulator::switch::Action as Does;
use net::Dpid;
use openflow::v13;
use runtime::dialect::Subject;
use runtime::{Event, Settings};
use tests::{World, at, rules};

const V10: &[u8] = &[1];
const V13: &[u8] = &[1, 4];
const PORT: u16 = 7000;

fn settings() -> Settings {
    Settings { failover: true, spread: false, ..Settings::default() }
}

/// The campus with a conversation from one host to another that goes on.
struct Talk {
    world: World,
    from: &'static str,
    to: Ipv4Addr,
    id: emulator::host::ConversationId,
}

impl Talk {
    fn new(text: &str, versions: &[u8], from: &'static str, to: &str) -> Talk {
        let mut world = World::campus_with(rules(text), versions, settings());
        let (to, now) = (world.ip(to), world.network.now());
        let id = world.host(from).open_tcp_kept(to, PORT, now);
        assert!(world.settle(from, id));
        world.take_events();
        Talk { world, from, to, id }
    }

    /// True if what is said now is answered, without a daemon to help.
    fn goes_on_alone(&mut self) -> bool {
        let answers = |talk: &mut Talk| talk.world.host(talk.from).conversation(talk.id).unwrap().answers;
        let before = answers(self);
        let now = self.world.network.now();
        self.world.host(self.from).say(self.id, now);
        self.world.network.run(now.after(Duration::from_millis(20)));
        answers(self) > before
    }

    /// Cuts a cable; what switches say of it stays unheard.
    fn cut(&mut self, dpid: u64, port: u32) {
        self.world.network.cable_down(at(dpid, port));
    }
}

/// Groups that entries at a switch name, and entries beside.
fn groups(world: &World, dpid: u64) -> BTreeSet<u32> {
    let flows = world.network.switch(Dpid(dpid)).unwrap().flows();
    let of = |action: &Does| if let Does::Group(group) = action { Some(*group) } else { None };
    flows.flat_map(|flow| flow.instructions.actions().filter_map(of).collect::<Vec<_>>()).collect()
}

fn entries(world: &World) -> usize {
    let all = world.network.switches().flat_map(emulator::Switch::flows);
    all.filter(|flow| flow.priority == runtime::install::FLOW_PRIORITY).count()
}

#[test]
fn t11_a_cable_is_cut_and_packets_of_both_directions_go_another_way_before_anybody_acts() {
    for (dpid, port) in [(0x1, 25), (0x2, 25)] {
        let mut talk = Talk::new("default allow;", V13, "griffin", "roo");
        assert!(talk.goes_on_alone(), "over the way itself");
        talk.cut(dpid, port);
        assert!(talk.goes_on_alone(), "around {dpid}:{port}");
        talk.world.run(Duration::from_millis(100));
        assert!(talk.goes_on_alone(), "and over the way that is found then");
        assert_eq!((talk.world.network.faults().loops, talk.world.network.faults().storm), (0, 0));
        let told = talk.world.take_events();
        assert!(told.iter().any(|event| matches!(event, Event::Rerouted { .. })), "{told:?}");
    }
}

#[test]
fn t11_of_two_parallel_cables_one_stands_in_for_the_other() {
    let mut plan = Campus::ethane(2);
    plan.links.push((at(0x1, 26), at(0x10, 2)));
    for switch in &mut plan.switches {
        switch.versions = V13.to_vec();
    }
    for cable in [25, 26] {
        let mut world = World::over_with(&plan, rules("default allow;"), settings());
        let (server, now) = (world.ip("http-server"), world.network.now());
        let id = world.host("griffin").open_tcp_kept(server, PORT, now);
        assert!(world.settle("griffin", id));
        let mut talk = Talk { world, from: "griffin", to: server, id };
        talk.cut(0x1, cable);
        assert!(talk.goes_on_alone(), "cable {cable}");
    }
}

#[test]
fn t11_no_packet_goes_around_a_box_while_a_cable_is_cut() {
    for text in ["allow from any to any via ids;\ndefault deny;", "allow from any to any via http-proxy;\ndefault deny;"] {
        for (dpid, port) in [(0x1, 25), (0x2, 25), (0x10, 8), (0x1, 26)] {
            let mut talk = Talk::new(text, V13, "griffin", "roo");
            let name = if text.contains("ids") { "ids" } else { "http-proxy" };
            let node = talk.world.node(name);
            talk.cut(dpid, port);
            let seen = |talk: &Talk| {
                let middlebox = talk.world.network.middlebox(node).unwrap();
                middlebox.seen(Side::In).frames + middlebox.seen(Side::Out).frames
            };
            let before = seen(&talk);
            talk.world.network.forget_delivered();
            talk.goes_on_alone();
            let to = talk.to;
            let of_talk = |key: net::FlowKey| key.ip.is_some_and(|ip| ip.src == to || ip.dst == to);
            let delivered = talk.world.network.delivered().filter(|one| {
                talk.world.network.middlebox(one.node).is_none()
                    && packet::parse(&one.frame).is_ok_and(|frame| of_talk(frame.key))
            });
            let delivered = delivered.count() as u64;
            assert!(
                seen(&talk) - before >= delivered,
                "{name}, {dpid:x}:{port}: {delivered} came, the box saw {}",
                seen(&talk) - before
            );
        }
    }
}

#[test]
fn t11_with_a_box_packets_find_their_way_around_a_cable_to_it() {
    let mut talk = Talk::new("allow from any to any via ids;\ndefault deny;", V13, "griffin", "roo");
    talk.cut(0x1, 25);
    assert!(talk.goes_on_alone());
}

#[test]
fn t11_what_a_rule_avoids_is_no_detour() {
    let mut talk = Talk::new("allow from griffin to roo avoid core2;\ndefault deny;", V13, "griffin", "roo");
    assert!([0x1, 0x2].iter().all(|dpid| groups(&talk.world, *dpid).is_empty()));
    talk.cut(0x1, 25);
    assert!(!talk.goes_on_alone());
}

#[test]
fn t11_groups_are_shared_by_conversations_and_go_with_the_last() {
    let mut world = World::campus_with(rules("default allow;"), V13, settings());
    let roo = world.ip("roo");
    for port in [80, 443, 22] {
        assert!(world.tcp("griffin", roo, port));
    }
    assert_eq!(groups(&world, 0x1).len(), 1, "one for all three");
    world.apply(rules("default deny;"));
    world.run(Duration::from_millis(100));
    assert_eq!((groups(&world, 0x1), entries(&world)), (BTreeSet::new(), 0));
    assert_eq!(world.network.switch(Dpid(0x1)).unwrap().groups().count(), 0);
    let told = world.take_events();
    assert!(!told.iter().any(|event| matches!(event, Event::SwitchError { .. })), "{told:?}");
}

#[test]
fn t11_where_switches_have_no_such_groups_or_nobody_wants_them_there_are_none() {
    for (versions, failover) in [(V10, true), (V13, false)] {
        let mut world = World::campus_with(rules("default allow;"), versions, Settings { failover, ..settings() });
        let roo = world.ip("roo");
        assert!(world.tcp("griffin", roo, 80));
        assert_eq!(entries(&world), 6, "two at each switch of the way");
        assert!([0x1, 0x2, 0x10].iter().all(|dpid| groups(&world, *dpid).is_empty()));
    }
}

/// Somebody else makes as many groups as the switch takes.
fn fill(world: &mut World, dpid: u64) {
    let now = world.network.now();
    let output = v13::Action::Output { port: v13::PortNo(1), max_len: 0 };
    let bucket = v13::Bucket { weight: 0, watch_port: v13::PortNo::ANY, watch_group: v13::OFPG_ANY, actions: vec![output] };
    for group_id in 0..70_000 {
        let (command, kind, buckets) = (v13::GroupModCommand::ADD, v13::GroupType::INDIRECT, vec![bucket.clone()]);
        let mut bytes = BytesMut::new();
        let message = v13::Message::GroupMod(v13::GroupMod { command, kind, group_id, buckets });
        message.encode(1, &mut bytes).unwrap();
        let before = world.network.switch(Dpid(dpid)).unwrap().groups().count();
        world.network.from_controller(Dpid(dpid), &bytes, now);
        if world.network.switch(Dpid(dpid)).unwrap().groups().count() == before {
            return;
        }
    }
}

#[test]
fn p17_where_the_table_of_groups_is_full_hops_have_plain_outputs() {
    let mut world = World::campus_with(rules("default allow;"), V13, settings());
    fill(&mut world, 0x1);
    world.run(Duration::from_millis(50));
    let roo = world.ip("roo");
    for _ in 0..3 {
        assert!(world.tcp("griffin", roo, 80));
    }
    assert!(groups(&world, 0x1).is_empty() && !groups(&world, 0x2).is_empty());
    let told = world.take_events();
    let errors = told.iter().filter(|event| matches!(event, Event::SwitchError { about: Some(Subject::Group), .. }));
    assert_eq!(errors.count(), 1, "asked once");
    world.apply(rules("default deny;"));
    assert!(world.network.switch(Dpid(0x1)).unwrap().groups().all(|group| group < 0x5000_0000), "those of others stay");
}

#[test]
fn t11_what_is_limited_or_copied_has_no_detour() {
    for text in ["allow from griffin to roo limit 1mbps;\ndefault deny;", "allow from griffin to roo mirror ids;\ndefault deny;"]
    {
        let mut world = World::campus_with(rules(text), V13, settings());
        let roo = world.ip("roo");
        assert!(world.tcp("griffin", roo, 80), "{text}");
        assert!([0x1, 0x2, 0x10].iter().all(|dpid| groups(&world, *dpid).is_empty()), "{text}");
    }
}

#[test]
fn s05_a_restart_keeps_groups_and_the_entries_that_name_them() {
    let mut talk = Talk::new("default allow;", V13, "griffin", "roo");
    let all = |world: &World| {
        let flows =
            world.network.switches().flat_map(|switch| switch.flows().map(|flow| format!("{flow:?}")).collect::<Vec<_>>());
        flows.filter(|flow| flow.contains("Group")).count()
    };
    let (before, with_groups) = (groups(&talk.world, 0x1), all(&talk.world));
    assert!(!before.is_empty() && with_groups > 0);
    talk.world.kill_daemon();
    assert!(talk.goes_on_alone());
    talk.world.start_daemon();
    talk.world.run(Duration::from_secs(10));
    assert_eq!((groups(&talk.world, 0x1), all(&talk.world)), (before, with_groups));
    talk.cut(0x1, 25);
    assert!(talk.goes_on_alone());
    talk.world.run(Duration::from_millis(100));
    talk.world.apply_while_dead(rules("default deny;"));
    talk.world.run(Duration::from_secs(10));
    for dpid in [0x1, 0x2, 0x10, 0x11] {
        assert_eq!(talk.world.network.switch(Dpid(dpid)).unwrap().groups().count(), 0, "{dpid:x}");
    }
}

#[test]
fn t11_a_detour_that_is_lost_leaves_the_way_as_it_is() {
    let mut talk = Talk::new("default allow;", V13, "griffin", "roo");
    talk.cut(0x1, 26);
    talk.world.run(Duration::from_millis(100));
    let told = talk.world.take_events();
    assert!(!told.iter().any(|event| matches!(event, Event::Rerouted { .. } | Event::Revoked { .. })), "{told:?}");
    assert!(talk.goes_on_alone());
}

#[test]
fn s07_a_conversation_that_ends_takes_its_detours_along() {
    let mut talk = Talk::new("default allow;", V13, "griffin", "roo");
    assert!(entries(&talk.world) > 6, "detours have entries");
    talk.world.run(Duration::from_secs(302));
    assert_eq!(entries(&talk.world), 0);
    assert_eq!(talk.world.network.switch(Dpid(0x1)).unwrap().groups().count(), 0);
}
