//! More than one controller at a switch of OpenFlow 1.3: roles, generations, and that nothing is installed as a slave.

use std::time::Duration;

use net::Dpid;
use openflow::v13::{BadRequest, Error, Message, Role, RoleRequest, RoleRequestFailed};
use runtime::session::Demotion;
use runtime::{ConnId, Event};

use super::desk::{Desk, FLOWS_ASKED, PORTS_ASKED, adds, announcement, datagram, features, hello, no_flows, port_desc, wire};

fn requests(heard: &[(u32, Message)]) -> Vec<(u32, RoleRequest)> {
    let one = |(xid, message): &(u32, Message)| match message {
        Message::RoleRequest(request) => Some((*xid, request.clone())),
        _ => None,
    };
    heard.iter().filter_map(one).collect()
}

fn reply(role: Role) -> Message {
    Message::RoleReply(RoleRequest { role, generation_id: 1 })
}

fn refusal(error: (openflow::v13::ErrorType, u16)) -> Message {
    Message::Error(Error { kind: error.0, code: error.1, data: Default::default() })
}

/// How often each cause was told.
fn standbys(desk: &Desk) -> Vec<Demotion> {
    let one = |event: &Event| match event {
        Event::SwitchStandby { dpid: Dpid(0x1), why } => Some(*why),
        _ => None,
    };
    desk.events.iter().filter_map(one).collect()
}

/// A switch that was admitted and asked for our role; its tables are not told yet.
fn asked(desk: &mut Desk) -> (ConnId, u32, RoleRequest) {
    let conn = desk.connect();
    desk.bytes(conn, &[hello(&[4]), wire(1, &features(0x1, 0)), wire(PORTS_ASKED, &port_desc(&[1, 2, 25]))].concat());
    let heard = desk.heard(conn);
    assert!(heard.iter().any(|(_, message)| matches!(message, Message::SetAsync(_))), "only what is used is to be sent");
    let (xid, request) = requests(&heard).into_iter().next().unwrap();
    (conn, xid, request)
}

#[test]
fn p30_the_role_is_only_looked_at_unless_it_is_to_be_the_masters() {
    let mut desk = Desk::new();
    let (_, _, request) = asked(&mut desk);
    assert_eq!(request.role, Role::NOCHANGE);
    let mut generations = Vec::new();
    for epoch in [77, 78] {
        let mut desk = Desk::master("default allow;", epoch);
        let (_, _, request) = asked(&mut desk);
        assert_eq!(request.role, Role::MASTER);
        generations.push(request.generation_id);
    }
    assert!(generations[0] < generations[1], "it grows from start to start: {generations:?}");
}

#[test]
fn p30_only_what_is_used_is_asked_for() {
    let mut desk = Desk::new();
    let conn = desk.join(0x1, &[1, 2]);
    let heard = desk.heard(conn);
    let wanted = heard.iter().find_map(|(_, message)| if let Message::SetAsync(wanted) = message { Some(wanted) } else { None });
    let wanted = wanted.unwrap();
    assert_eq!((wanted.packet_in_mask, wanted.port_status_mask, wanted.flow_removed_mask), (0b011, 0b111, 0b1111));
    assert_eq!((wanted.packet_in_mask_slave, wanted.flow_removed_mask_slave), (0, 0));
}

#[test]
fn p30_a_switch_that_knows_no_roles_is_used() {
    let mut desk = Desk::master("default allow;", 77);
    let (conn, xid, _) = asked(&mut desk);
    desk.say(conn, xid, &refusal(RoleRequestFailed::UNSUP.into()));
    desk.say(conn, xid + 1, &refusal(BadRequest::BAD_TYPE.into()));
    desk.say(conn, FLOWS_ASKED, &no_flows(false));
    assert!(desk.is_up(0x1));
    assert!(!desk.events.iter().any(|event| matches!(event, Event::SwitchError { .. } | Event::SwitchStandby { .. })));
}

#[test]
fn p30_a_slave_installs_nothing_and_comes_back_with_the_role() {
    for stale in [false, true] {
        let mut desk = Desk::master("default allow;", 77);
        let (conn, xid, _) = asked(&mut desk);
        let (answer, why) = match stale {
            true => (refusal(RoleRequestFailed::STALE.into()), Demotion::Stale),
            false => (reply(Role::SLAVE), Demotion::Told),
        };
        desk.say(conn, xid, &answer);
        desk.say(conn, FLOWS_ASKED, &no_flows(false));
        assert!(!desk.is_up(0x1) && !desk.closed.contains(&conn));
        assert_eq!(standbys(&desk), [why]);
        desk.heard(conn);
        desk.packet(conn, 1, &announcement(1));
        desk.packet(conn, 1, &datagram(1, 2, 5, 6));
        let mut asked = None;
        for _ in 0..12 {
            desk.wait(Duration::from_secs(1));
            for (xid, message) in desk.heard(conn) {
                match message {
                    Message::RoleRequest(request) => {
                        assert_eq!(request.role, Role::MASTER);
                        desk.say(conn, xid, &answer);
                        asked = Some(xid);
                    }
                    Message::EchoRequest(data) => desk.say(conn, xid, &Message::EchoReply(data)),
                    other => panic!("a slave may only ask: {other:?}"),
                }
            }
        }
        assert!(!desk.is_up(0x1));
        assert_eq!(standbys(&desk).len(), 1, "told once");
        desk.say(conn, asked.unwrap(), &reply(Role::MASTER));
        let flows = desk.heard(conn).last().unwrap().0;
        desk.say(conn, flows, &no_flows(false));
        assert!(desk.is_up(0x1), "what it holds is read, and it is in use");
        desk.packet(conn, 1, &announcement(1));
        desk.packet(conn, 2, &announcement(2));
        desk.serves(conn);
    }
}

#[test]
fn p30_a_refused_change_as_a_slave_takes_its_conversation_along() {
    let (mut desk, good) = Desk::with_good();
    desk.heard(good);
    desk.packet(good, 1, &datagram(1, 2, 5, 6));
    let added = adds(&desk.heard(good));
    assert_eq!((added.len(), desk.controller.conversations()), (2, 1));
    for (xid, _) in &added {
        desk.say(good, *xid, &refusal(BadRequest::IS_SLAVE.into()));
    }
    assert!(desk.controller.conversations() == 0, "what is not installed does not stand");
    assert_eq!(standbys(&desk), [Demotion::Refused]);
    assert!(!desk.is_up(0x1) && !desk.closed.contains(&good));
    assert!(adds(&desk.heard(good)).is_empty());
    desk.packet(good, 1, &datagram(1, 2, 7, 8));
    assert!(desk.heard(good).is_empty() && desk.controller.conversations() == 0);
    desk.wait(Duration::from_secs(6));
    let asked = requests(&desk.heard(good));
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1.role, Role::NOCHANGE, "whoever is not to be the master takes the role from nobody");
    desk.say(good, asked[0].0, &reply(Role::EQUAL));
    assert!(desk.is_up(0x1));
    desk.packet(good, 1, &announcement(1));
    desk.packet(good, 2, &announcement(2));
    desk.serves(good);
}

#[test]
fn p30_a_switch_that_is_undeclared_meanwhile_stays_out() {
    let mut desk = Desk::under("switch x { dpid 0xaa; }\ndefault allow;");
    let conn = desk.join(0xaa, &[1, 2]);
    desk.say(conn, 0, &reply(Role::SLAVE));
    desk.step(runtime::Input::Policy(tests::rules("default allow;")));
    desk.say(conn, 0, &reply(Role::EQUAL));
    assert!(!desk.is_up(0xaa));
    assert!(desk.events.iter().any(|event| matches!(event, Event::SwitchPending { dpid: Dpid(0xaa), .. })));
}
