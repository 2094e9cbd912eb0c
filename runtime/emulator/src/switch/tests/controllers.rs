//! Several controllers of one switch: who hears what, and who may change it.

use bytes::BytesMut;
use net::{PortNo, Time};
use openflow::Hello;
use openflow::v13::{Action, AsyncConfig, FlowMod, FlowModFlags, Instruction, Match, Message, PortNo as Wire, Role, RoleRequest};

use super::{frame, greeted, small};
use crate::switch::{ControllerId, Output, Switch};

const A: ControllerId = ControllerId::FIRST;
const B: ControllerId = ControllerId(1);

fn meet(switch: &mut Switch, controller: ControllerId, versions: &[u8]) -> Vec<Output> {
    let hello = switch.connect_to(controller, Time(0));
    assert!(matches!(hello.as_slice(), [Output::Controller(to, _)] if *to == controller));
    let mut bytes = BytesMut::new();
    Hello::offering(versions).encode(7, &mut bytes).unwrap();
    switch.from(controller, &bytes, Time(0))
}

fn two() -> Switch {
    let mut switch = greeted(small(), &[1, 4]);
    assert_eq!(meet(&mut switch, B, &[1, 4]), []);
    switch
}

/// The messages with their receivers.
fn told(outputs: &[Output]) -> Vec<(ControllerId, Message)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Controller(to, bytes) => Some((*to, Message::decode(bytes).unwrap().1)),
            Output::Port(..) | Output::Close(_) => None,
        })
        .collect()
}

fn say(switch: &mut Switch, from: ControllerId, message: &Message) -> Vec<(ControllerId, Message)> {
    let mut bytes = BytesMut::new();
    message.encode(9, &mut bytes).unwrap();
    told(&switch.from(from, &bytes, Time(0)))
}

fn role(role: Role, generation_id: u64) -> Message {
    Message::RoleRequest(RoleRequest { role, generation_id })
}

fn granted(role: Role, generation_id: u64) -> Message {
    Message::RoleReply(RoleRequest { role, generation_id })
}

fn asking() -> Message {
    let actions = vec![Action::Output { port: Wire::CONTROLLER, max_len: 0xffff }];
    let instructions = vec![Instruction::ApplyActions(actions)];
    Message::FlowMod(FlowMod { instructions, flags: FlowModFlags::SEND_FLOW_REM, ..FlowMod::add(0, Match::ANY, 0) })
}

fn names(messages: &[(ControllerId, Message)]) -> Vec<(ControllerId, &'static str)> {
    messages.iter().map(|(to, message)| (*to, message.name())).collect()
}

#[test]
fn equals_hear_the_same_and_answers_go_to_who_asked() {
    let mut switch = two();
    assert_eq!(say(&mut switch, B, &asking()), []);
    assert_eq!(say(&mut switch, B, &Message::BarrierRequest), [(B, Message::BarrierReply)]);
    let asked = told(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    assert_eq!(names(&asked), [(A, "OFPT_PACKET_IN"), (B, "OFPT_PACKET_IN")]);
    switch.disconnect();
    assert!(!switch.is_connected());
    let asked = told(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    assert_eq!(names(&asked), [(B, "OFPT_PACKET_IN")]);
}

#[test]
fn a_new_master_makes_a_slave_of_the_old_one() {
    let mut switch = two();
    assert_eq!(say(&mut switch, A, &role(Role::MASTER, 5)), [(A, granted(Role::MASTER, 5))]);
    // The other one is still an equal, and may change what it likes.
    assert_eq!(say(&mut switch, B, &asking()), []);
    assert_eq!(say(&mut switch, B, &role(Role::MASTER, 6)), [(B, granted(Role::MASTER, 6))]);
    assert_eq!(say(&mut switch, A, &role(Role::NOCHANGE, 0)), [(A, granted(Role::SLAVE, 6))]);
    let refused = say(&mut switch, A, &asking());
    assert!(matches!(refused.as_slice(), [(A, Message::Error(error))] if error.to_string() == "BAD_REQUEST/IS_SLAVE"));
    let asked = told(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    assert_eq!(names(&asked), [(B, "OFPT_PACKET_IN")]);
    // A slave hears of ports, and of what it asked to hear of.
    let moved = told(&switch.set_port(PortNo(2), false, Time(0)));
    assert_eq!(names(&moved), [(A, "OFPT_PORT_STATUS"), (B, "OFPT_PORT_STATUS")]);
    let wanted = AsyncConfig {
        packet_in_mask: 0,
        packet_in_mask_slave: 0b111,
        port_status_mask: 0,
        port_status_mask_slave: 0,
        flow_removed_mask: 0,
        flow_removed_mask_slave: 0b1111,
    };
    assert_eq!(say(&mut switch, A, &Message::SetAsync(wanted)), []);
    let asked = told(&switch.from_port(PortNo(1), frame(1, 2), Time(0)));
    assert_eq!(names(&asked), [(A, "OFPT_PACKET_IN"), (B, "OFPT_PACKET_IN")]);
    assert_eq!(names(&told(&switch.set_port(PortNo(2), true, Time(0)))), [(B, "OFPT_PORT_STATUS")]);
}

#[test]
fn elections_are_heard_of_by_the_switch_not_by_a_connection() {
    let mut switch = two();
    assert_eq!(say(&mut switch, A, &role(Role::MASTER, 5)), [(A, granted(Role::MASTER, 5))]);
    let late = say(&mut switch, B, &role(Role::MASTER, 4));
    assert!(matches!(late.as_slice(), [(B, Message::Error(error))] if error.to_string() == "ROLE_REQUEST_FAILED/STALE"));
    // A connection that comes back is an equal, and what was heard is not forgotten.
    assert_eq!(meet(&mut switch, A, &[4]), []);
    assert_eq!(say(&mut switch, A, &role(Role::NOCHANGE, 0)), [(A, granted(Role::EQUAL, 5))]);
    let late = say(&mut switch, A, &role(Role::SLAVE, 3));
    assert!(matches!(late.as_slice(), [(A, Message::Error(_))]));
    switch.reboot();
    assert_eq!(meet(&mut switch, A, &[4]), []);
    assert_eq!(say(&mut switch, A, &role(Role::SLAVE, 3)), [(A, granted(Role::SLAVE, 3))]);
}

#[test]
fn all_controllers_speak_one_version() {
    let mut switch = greeted(small(), &[1]);
    let outputs = meet(&mut switch, B, &[4]);
    assert!(matches!(outputs.as_slice(), [Output::Controller(B, _), Output::Close(B)]), "{outputs:?}");
    assert_eq!(meet(&mut switch, B, &[1, 4]), []);
    assert_eq!(switch.version(), Some(1));
    switch.disconnect();
    switch.disconnect_from(B);
    assert_eq!(meet(&mut switch, B, &[4]), []);
}
